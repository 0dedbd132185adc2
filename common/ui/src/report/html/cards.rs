//! The parts of the page that are text: causes with their fixes, chains, what was not seen, and single rows.

use std::fmt::Write as _;

use checks::{Evidence, Row, Verdict};

use super::mark::{Tone, shape};
use crate::markup::escape;
use crate::report::{Shown, table, waiver_warnings};
use crate::text::{self, Difference};

/// The columns after which a command is broken before an option.
const COMMAND_WIDTH: usize = 92;

/// Every root cause and warning, in full.
pub(super) fn causes(shown: &Shown<'_>, number: usize, out: &mut String) {
    let roots = shown.report.roots();
    if roots.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>What to fix</h2>\n");
    let (mut failures, mut warnings) = (0, 0);
    for (at, row) in roots.iter().enumerate() {
        let label = if row.verdict == Verdict::Fail {
            failures += 1;
            format!("Root cause {failures}")
        } else {
            warnings += 1;
            format!("Warning {warnings}")
        };
        cause(shown, row, &label, &format!("c{number}r{}", at + 1), out);
    }
    out.push_str("</section>\n");
}

fn cause(shown: &Shown<'_>, row: &Row, label: &str, id: &str, out: &mut String) {
    let tone = Tone::of(row);
    let _ = writeln!(out, "<div class=\"cause {}\" id=\"{id}\">", tone.name());
    let _ = writeln!(out, "<p class=\"label\">{}{label} <span>{} {}</span></p>", shape(tone), link(row), row.check.id);
    let _ = writeln!(out, "<h3>{}</h3>", escape(&table::sentence(&row.what)));
    if !row.why.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", said(shown, &row.why));
    }
    out.push_str("<dl class=\"evidence\">\n");
    if !row.subject.is_empty() {
        let _ = writeln!(out, "<dt>about</dt><dd>{}</dd>", escape(&row.subject));
    }
    evidence(&row.evidence, out);
    out.push_str("</dl>\n");
    for fix in &row.fixes {
        let _ = writeln!(out, "<p class=\"who\">Fix, by the {}</p>", fix.who.describe());
        for command in &fix.commands {
            let command = command.replace("oc hcp-azure", shown.program);
            let lines = text::command(&command, "", COMMAND_WIDTH).join("\n");
            let _ = writeln!(out, "<pre class=\"command\"><code>{}</code></pre>", escape(&lines));
        }
        if let Some(note) = &fix.note {
            let _ = writeln!(out, "<p class=\"note\">{}</p>", said(shown, note));
        }
    }
    out.push_str("</div>\n");
}

/// The code of a row's check, with a link to its page.
fn link(row: &Row) -> String {
    let (address, code) = (row.check.docs_url(), row.check.printed_code());
    format!("<a href=\"{}\" rel=\"noopener noreferrer\">{code}</a>", escape(&address))
}

/// A text of a check as the user calls us; what stands between backticks is code.
fn said(shown: &Shown<'_>, text: &str) -> String {
    let text = text.replace("oc hcp-azure", shown.program);
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without its other is a character.
    if parts.len().is_multiple_of(2) {
        return escape(&text);
    }
    let said =
        |(at, part): (usize, &&str)| if at % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) };
    parts.iter().enumerate().map(said).collect()
}

fn evidence(evidence: &Evidence, out: &mut String) {
    let want = evidence.get(Evidence::WANT);
    let found = evidence.get(Evidence::FOUND);
    let difference = match (want, found) {
        (Some(want), Some(found)) => {
            text::first_difference(want, found).filter(|difference| table::worth_a_caret(want, found, difference))
        }
        _ => None,
    };
    let mut last = "";
    for (label, value) in &evidence.0 {
        // A label that repeats stands once.
        let shown = if label == last { String::new() } else { escape(label) };
        last = label;
        let compared = label == Evidence::WANT || label == Evidence::FOUND;
        let value = match &difference {
            Some(difference) if compared => marked(value, difference.column),
            _ => escape(value),
        };
        let value = if compared { format!("<code>{value}</code>") } else { value };
        let words = match &difference {
            Some(difference) if label == Evidence::FOUND => differs(difference),
            _ => String::new(),
        };
        let _ = writeln!(out, "<dt>{shown}</dt><dd>{value}{words}</dd>");
    }
}

fn differs(difference: &Difference) -> String {
    format!(
        "<span class=\"differs\">differs at character {}: {}</span>",
        difference.column + 1,
        escape(&difference.describe())
    )
}

/// A text with one of its characters marked; where it ends before that, its end.
fn marked(value: &str, column: usize) -> String {
    let Some((at, c)) = value.char_indices().nth(column) else {
        return format!("{}<mark>\u{2038}</mark>", escape(value));
    };
    let (before, rest) = value.split_at(at);
    let (this, after) = rest.split_at(c.len_utf8());
    let this = if this == " " { "\u{2423}" } else { this };
    format!("{}<mark>{}</mark>{}", escape(before), escape(this), escape(after))
}

/// What causes what: every root that explains something, with what it explains below it.
pub(super) fn chains(shown: &Shown<'_>, out: &mut String) {
    let report = shown.report;
    let roots: Vec<(usize, &Row)> = report
        .rows
        .iter()
        .enumerate()
        .filter(|(at, row)| {
            row.caused_by.is_none()
                && report.rows.iter().any(|other| other.caused_by.as_ref().is_some_and(|cause| cause.row == *at))
        })
        .collect();
    if roots.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>What causes what</h2>\n<ul class=\"chain\">\n");
    for (at, row) in roots {
        branch(&report.rows, at, row, out);
    }
    out.push_str("</ul>\n</section>\n");
}

/// A row and what it explains directly. Causes form no cycle, so this ends.
fn branch(rows: &[Row], at: usize, row: &Row, out: &mut String) {
    let tone = Tone::of(row);
    let subject =
        if row.subject.is_empty() { String::new() } else { format!(" <span>{}</span>", escape(&row.subject)) };
    let role = match tone {
        Tone::Fail => "root cause",
        Tone::Warn => "warning",
        Tone::Accepted => "accepted",
        _ => "follows",
    };
    let _ = writeln!(
        out,
        "<li><div class=\"link {}\">{}<b>{}</b> <i>{role}</i>{subject}<p>{}</p></div>",
        tone.name(),
        shape(tone),
        row.check.printed_code(),
        escape(&table::sentence(&row.what))
    );
    let below: Vec<(usize, &Row)> = rows
        .iter()
        .enumerate()
        .filter(|(_, other)| other.caused_by.as_ref().is_some_and(|cause| cause.via == at))
        .collect();
    if !below.is_empty() {
        out.push_str("<ul>\n");
        for (at, row) in below {
            branch(rows, at, row, out);
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</li>\n");
}

/// What could not be checked, said once per reason.
pub(super) fn unknowns(shown: &Shown<'_>, out: &mut String) {
    let gaps = table::gaps(shown.report);
    if gaps.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Could not be checked</h2>\n");
    for (gap, rows) in gaps {
        let mut codes: Vec<&str> = rows.iter().map(|row| row.check.code).collect();
        codes.dedup();
        let _ = writeln!(
            out,
            "<div class=\"cause unknown\"><p class=\"label\">{}{}</p>",
            shape(Tone::Unknown),
            codes.join(" ")
        );
        let _ = writeln!(out, "<p>{}</p>", said(shown, &table::sentence(&gap.why)));
        if let (Some(needs), Some(scope)) = (&gap.needs, &gap.scope) {
            let _ = writeln!(
                out,
                "<dl class=\"evidence\"><dt>needs</dt><dd><code>{}</code></dd><dt>on</dt><dd><code>{}</code></dd></dl>",
                escape(needs),
                escape(scope)
            );
        }
        if let Some(remedy) = &gap.remedy {
            let lines = text::command(&remedy.replace("oc hcp-azure", shown.program), "", COMMAND_WIDTH).join("\n");
            let _ = writeln!(out, "<pre class=\"command\"><code>{}</code></pre>", escape(&lines));
        }
        out.push_str("</div>\n");
    }
    out.push_str("</section>\n");
}

/// What somebody accepts, and the waivers that need a look.
pub(super) fn accepted(shown: &Shown<'_>, out: &mut String) {
    let (rows, warnings) = (shown.report.accepted(), waiver_warnings(shown.report));
    if rows.is_empty() && warnings.is_empty() {
        return;
    }
    out.push_str("<section>\n<h2>Accepted</h2>\n");
    for row in rows {
        let why = row.accepted.as_ref().map(checks::Acceptance::describe).unwrap_or_default();
        let about = if row.subject.is_empty() { String::new() } else { format!(" · {}", escape(&row.subject)) };
        let _ = writeln!(
            out,
            "<div class=\"cause accepted\"><p class=\"label\">{}{} <span>{}</span></p><p>{}{about}</p>\
             <p class=\"note\">{}</p></div>",
            shape(Tone::Accepted),
            link(row),
            row.verdict.word(),
            escape(&table::sentence(&row.what)),
            escape(&why)
        );
    }
    for warning in warnings {
        let _ = writeln!(out, "<p class=\"waiver\">{}{}</p>", shape(Tone::Warn), escape(&table::sentence(&warning)));
    }
    out.push_str("</section>\n");
}

/// A row of the table of every check.
pub(super) fn line(row: &Row, out: &mut String) {
    let tone = Tone::of(row);
    let word = if row.accepted.is_some() { "accepted" } else { row.verdict.word() };
    let mut notes: Vec<String> = Vec::new();
    if let Some(cause) = &row.caused_by {
        notes.push(format!("caused by HAZ-{}", cause.code));
    }
    if let Some(accepted) = &row.accepted {
        notes.push(accepted.describe());
    }
    if matches!(row.verdict, Verdict::Unknown | Verdict::Skipped) && !row.why.is_empty() {
        notes.push(row.why.clone());
    }
    let notes: String = notes.iter().map(|note| format!("<br/><small>{}</small>", escape(note))).collect();
    let subject =
        if row.subject.is_empty() { String::new() } else { format!("<small>{}</small><br/>", escape(&row.subject)) };
    let _ = writeln!(
        out,
        "<tr><td class=\"v {}\">{}{word}</td><td class=\"c\">{}</td><td>{subject}{}{notes}</td></tr>",
        tone.name(),
        shape(tone),
        link(row),
        escape(&table::sentence(&row.what))
    );
}
