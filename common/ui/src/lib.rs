//! How do we say it? The only crate that prints.
//!
//! Everything is rendered to a `String` for a [`Terminal`] first and written by [`print`] or [`note`], so that tests see
//! what people see, and a closed pipe ends the program quietly.

pub mod ask;
pub mod capacity;
mod exit;
mod failure;
mod grid;
mod manifests;
mod markup;
pub mod node_pools;
pub mod orphans;
mod page;
pub mod plan;
pub mod report;
pub mod status;
mod terminal;
mod text;
mod trace;

use std::io::{self, IsTerminal as _, Write};

pub use exit::{Exit, Outcome};
pub use failure::{Failure, FailureKind};
pub use manifests::manifests;
pub use page::{CheckDocument, CheckList, check_list, check_page};
pub use terminal::{ColorChoice, Terminal};
pub use trace::call_line;

/// Writes a result to stdout.
///
/// # Errors
/// What writing answers; [`Exit::of_write_error`] knows that a closed pipe is no failure.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a message, progress or error to stderr, in ASCII where the locale knows no more. A stderr that is closed or
/// full is nobody's business.
pub fn note(text: &str) {
    let fitted;
    let text = if text.is_ascii() || terminal::shows_unicode(io::stderr().is_terminal()) {
        text
    } else {
        fitted = terminal::ascii(text);
        &fitted
    };
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}
