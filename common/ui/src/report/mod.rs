//! Rendering of a [`checks::Report`].

mod decoded;
mod difference;
mod document;
mod html;
mod junit;
mod markdown;
mod name;
mod table;
#[cfg(test)]
mod tests;
mod wide;

use std::time::Duration;

use checks::waiver::WaiverUse;
use checks::{Bar, Report};
use facts::Facts;

pub use decoded::{DecodedRefusals, schema as decoded_schema};
pub use difference::{Compared, DoctorDiff, schema as diff_schema};
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

/// What reports show of the facts, for many clusters: facts are many times as large as what is said of them. Only a format
/// that draws (HTML) shows more than whose they are, and who asked.
#[must_use]
pub fn outline(facts: Facts, drawn: bool) -> Facts {
    let mut kept = Facts::unread(facts.collected_at, facts.source, facts.target);
    kept.hosted.cluster = facts.hosted.cluster;
    kept.azure.login = facts.azure.login;
    kept.azure.subscription = facts.azure.subscription;
    if drawn {
        kept.hosted.node_pools = facts.hosted.node_pools;
        kept.azure.identities = facts.azure.identities;
        kept.azure.network = facts.azure.network;
        kept.oidc.signing_key = facts.oidc.signing_key;
        kept.oidc.storage = facts.oidc.storage;
        kept.management.operators = facts.management.operators;
        kept.management.kubernetes_version = facts.management.kubernetes_version;
    }
    kept
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

/// JUnit XML for test dashboards. `bar` says what counts: the same that decides the exit code.
pub fn junit(all: &[Shown<'_>], bar: Bar) -> String {
    junit::render(all, bar)
}

/// Markdown for a ticket, at most 60 lines for each cluster.
pub fn markdown(all: &[Shown<'_>]) -> String {
    markdown::render(all)
}

/// One line per finding, for scripts; with the cluster in front where there are several.
pub fn name(reports: &[&Report], several: bool) -> String {
    name::render(reports, several)
}

/// What has to be told of the waivers of a report: those that are over, and those that nothing matched.
pub fn waiver_warnings(report: &Report) -> Vec<String> {
    report.waivers.iter().filter_map(WaiverUse::warning).collect()
}

/// One self-contained page: no script, and nothing that it fetches.
pub fn html(all: &[Shown<'_>]) -> String {
    html::render(all)
}

/// What a log or an error message says.
pub fn decoded(decoding: &checks::decode::Decoding, program: &str, terminal: &Terminal) -> String {
    let text = decoded::render(decoding, program, terminal);
    terminal.fit(&text.replace("oc hcp-azure", program))
}

/// What differs between runs.
pub fn difference(all: &[Compared<'_>], program: &str, terminal: &Terminal) -> String {
    terminal.fit(&difference::render(all, program, terminal))
}
