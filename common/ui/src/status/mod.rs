//! Rendering of a [`checks::status::Status`].

mod columns;
mod document;
mod screen;
mod watch;

use checks::status::{Assessment, Status};

pub use document::{ClusterStatus, ClusterStatusList, schema};
pub use watch::Watch;

use crate::exit::Outcome;
use crate::terminal::Terminal;

/// One screen about one hosted cluster. `program` is how the user calls us.
pub fn screen(status: &Status, program: &str, terminal: &Terminal) -> String {
    finish(&screen::render(status, program, terminal), program, terminal)
}

/// One line for each of several hosted clusters.
pub fn fleet(all: &[Status], program: &str, terminal: &Terminal) -> String {
    finish(&screen::fleet(all, program, terminal), program, terminal)
}

/// The answer to "is all well?": one failure outweighs one cluster that was not seen. What is under way without a failure
/// is well.
pub fn outcome(all: &[Status]) -> Outcome {
    let any = |is_so: fn(&Status) -> bool| all.iter().any(is_so);
    if any(|status| status.assessment == Assessment::Degraded || status.failures() > 0) {
        Outcome::No
    } else if any(|status| status.assessment == Assessment::Unknown) {
        Outcome::CouldNotTell
    } else {
        Outcome::Yes
    }
}

/// Commands of ours are written for `oc`; the reader may have come through kubectl.
fn finish(text: &str, program: &str, terminal: &Terminal) -> String {
    terminal.fit(&text.replace("oc hcp-azure", program))
}

/// How serious something is. Colour only repeats what the words beside it say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Caution,
    Bad,
    Plain,
}

impl Tone {
    fn paint(self, text: &str, terminal: &Terminal) -> String {
        match self {
            Self::Good => terminal.good(text),
            Self::Caution => terminal.caution(text),
            Self::Bad => terminal.bad(text),
            Self::Plain => text.to_owned(),
        }
    }
}
