//! One line per finding, for scripts: `-o name`.

use std::fmt::Write as _;

use checks::{Report, Row, Verdict};

use crate::text;

/// Failures and warnings as `HAZ-CODE subject`, roots first.
///
/// What is no root carries the reason behind ` # `: `caused by HAZ-FC01`, or `accepted until …`. So `grep -v ' # '` gives
/// the roots. With several reports each line begins with `namespace/name `.
pub(super) fn render(reports: &[&Report], several: bool) -> String {
    let mut out = String::new();
    for report in reports {
        let mut rows: Vec<&Row> =
            report.rows.iter().filter(|row| matches!(row.verdict, Verdict::Fail | Verdict::Warn)).collect();
        rows.sort_by_key(|row| (row.accepted.is_some(), row.caused_by.is_some(), row.verdict));
        for row in rows {
            let cluster = if several { format!("{} ", report.target) } else { String::new() };
            let subject = if row.subject.is_empty() { String::new() } else { format!(" {}", row.subject) };
            let remark = match (&row.accepted, &row.caused_by) {
                (Some(accepted), _) => format!(" # {}", accepted.describe()),
                (None, Some(cause)) => format!(" # caused by HAZ-{}", cause.code),
                (None, None) => String::new(),
            };
            let line = format!("{cluster}{}{subject}{remark}", row.check.printed_code());
            let _ = writeln!(out, "{}", text::printable(&line).replace('\n', " "));
        }
    }
    out
}
