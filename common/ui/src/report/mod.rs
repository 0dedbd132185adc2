//! Rendering of a [`checks::Report`].

mod document;
mod table;
mod wide;

use std::time::Duration;

use checks::Report;
use facts::Facts;

pub use document::{DoctorReport, DoctorReportList, json, schema, yaml};

use crate::terminal::Terminal;

/// What a report needs to be told besides its rows.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The facts that were judged: for the header.
    pub facts: &'a Facts,
    /// The report.
    pub report: &'a Report,
    /// How long collecting and judging took.
    pub elapsed: Duration,
    /// How the user calls the program: `oc hcp-azure` or `kubectl hcp-azure`.
    pub program: &'a str,
    /// The arguments that name the source again, for suggested commands: `prod -n clusters`, `--bundle x.tar.gz`.
    pub again: &'a str,
}

/// The report for people: verdict, root causes with their fixes, what could not be checked, and counts by group.
pub fn table(shown: &Shown<'_>, terminal: &Terminal) -> String {
    finish(table::render(shown, terminal), shown, terminal)
}

/// The same, followed by every row.
pub fn wide(shown: &Shown<'_>, terminal: &Terminal) -> String {
    let rows = wide::render(shown.report, terminal);
    finish(format!("{}\n{rows}", table::render(shown, terminal)), shown, terminal)
}

/// Commands of ours in remedies are written for `oc`; the reader may have come through kubectl.
fn finish(text: String, shown: &Shown<'_>, terminal: &Terminal) -> String {
    terminal.fit(&text.replace("oc hcp-azure", shown.program))
}

/// One line per cluster, for several of them.
pub fn fleet(all: &[Shown<'_>], terminal: &Terminal) -> String {
    terminal.fit(&wide::fleet(all, terminal))
}
