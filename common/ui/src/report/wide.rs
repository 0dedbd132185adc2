//! Every row, and one line per cluster.

use checks::{Report, Verdict};
use comfy_table::ContentArrangement;

use super::Shown;
use crate::grid;
use crate::terminal::Terminal;
use crate::text;

/// Every row: code, verdict, subject, what, and what causes it.
pub(super) fn render(report: &Report, terminal: &Terminal) -> String {
    let mut table = grid::new(["CODE", "VERDICT", "CAUSED BY", "SUBJECT", "WHAT"], terminal);
    // One line per row, however long, as kubectl's wide output: it is read by eye on a wide screen, or by grep.
    table.set_content_arrangement(ContentArrangement::Disabled);
    for row in &report.rows {
        let cause = row.caused_by.as_ref().map_or("-", |cause| cause.code);
        let subject = if row.subject.is_empty() { "-" } else { &row.subject };
        let what = match row.verdict {
            Verdict::Skipped | Verdict::Unknown if !row.why.is_empty() => format!("{}: {}", row.what, row.why),
            _ => row.what.clone(),
        };
        let verdict = if row.accepted.is_some() { "accepted" } else { row.verdict.word() };
        let what = match &row.accepted {
            Some(accepted) => format!("{what} ({} {})", row.verdict.word(), accepted.describe()),
            None => what,
        };
        let (subject, what) = (text::printable(subject), text::printable(&what));
        table.add_row([row.check.code, verdict, cause, &subject, &what]);
    }
    grid::text(&mut table, terminal)
}

/// One line per cluster: counts and its first root cause.
pub(super) fn fleet(all: &[Shown<'_>], terminal: &Terminal) -> String {
    let header = ["NAME", "NAMESPACE", "VERSION", "ROOTS", "WARN", "UNKNOWN", "PASS", "FIRST CAUSE"];
    let mut table = grid::new(header, terminal);
    for shown in all {
        let summary = shown.report.summary();
        let roots = shown.report.roots();
        let failed = roots.iter().filter(|row| row.verdict == Verdict::Fail).count();
        let version =
            shown.facts.hosted.cluster.get().and_then(|cluster| cluster.version.effective()).unwrap_or("<unknown>");
        let first = roots.first().map_or_else(|| "-".to_owned(), |row| format!("{} {}", row.check.code, row.subject));
        table.add_row([
            text::printable(&shown.facts.target.name).into_owned(),
            text::printable(&shown.facts.target.namespace).into_owned(),
            text::printable(version).into_owned(),
            failed.to_string(),
            summary.warn.to_string(),
            summary.unknown.to_string(),
            summary.pass.to_string(),
            text::printable(&first).into_owned(),
        ]);
    }
    grid::text(&mut table, terminal)
}
