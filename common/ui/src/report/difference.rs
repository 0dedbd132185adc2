//! Two examinations side by side: `doctor diff`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use checks::Verdict;
use checks::diff::{Change, Diff, Run, RunRow};
use serde::Serialize;

use super::table;
use crate::terminal::Terminal;
use crate::text;

/// Two runs and what differs.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The earlier run.
    pub before: &'a Run,
    /// The later run.
    pub after: &'a Run,
    /// What differs.
    pub diff: Diff,
}

/// The document of compared runs. `doctor-diff.schema.json` beside this file describes it; fields are only ever added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DoctorDiff {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    before: Side,
    after: Side,
    summary: Summary,
    new: Vec<Finding>,
    gone: Vec<Finding>,
    unseen: Vec<Finding>,
    changed: Vec<Changed>,
}

#[derive(Debug, Serialize)]
struct Side {
    target: String,
    source: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    new_failures: usize,
    new: usize,
    gone: usize,
    unseen: usize,
    changed: usize,
    same: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    code: String,
    id: String,
    verdict: &'static str,
    accepted: bool,
    subject: String,
    what: String,
    caused_by: Option<String>,
    evidence: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Changed {
    before: Finding,
    after: Finding,
    /// The labels of the evidence that differs.
    evidence: Vec<String>,
}

impl DoctorDiff {
    /// The document of compared runs.
    pub fn of(all: &[Compared<'_>]) -> Self {
        Self { api_version: super::document::API_VERSION, kind: "DoctorDiff", items: all.iter().map(item).collect() }
    }
}

/// The JSON Schema of [`DoctorDiff`].
pub fn schema() -> &'static str {
    include_str!("doctor-diff.schema.json")
}

fn item(compared: &Compared<'_>) -> Item {
    let side = |run: &Run| Side { target: run.target.clone(), source: run.source.clone() };
    let diff = &compared.diff;
    let list = |rows: &[RunRow]| rows.iter().map(finding).collect();
    Item {
        before: side(compared.before),
        after: side(compared.after),
        summary: Summary {
            new_failures: diff.new_failures(),
            new: diff.new.len(),
            gone: diff.gone.len(),
            unseen: diff.unseen.len(),
            changed: diff.changed.len(),
            same: diff.same,
        },
        new: list(&diff.new),
        gone: list(&diff.gone),
        unseen: list(&diff.unseen),
        changed: diff
            .changed
            .iter()
            .map(|change| Changed {
                before: finding(&change.before),
                after: finding(&change.after),
                evidence: change.evidence.keys().cloned().collect(),
            })
            .collect(),
    }
}

fn finding(row: &RunRow) -> Finding {
    Finding {
        code: row.code.clone(),
        id: row.id.clone(),
        verdict: row.verdict.word(),
        accepted: row.accepted,
        subject: row.subject.clone(),
        what: row.what.clone(),
        caused_by: row.caused_by.clone(),
        evidence: row.evidence.clone(),
    }
}

pub(super) fn render(all: &[Compared<'_>], program: &str, terminal: &Terminal) -> String {
    let parts: Vec<String> = all.iter().map(|compared| one(compared, terminal)).collect();
    let mut out = parts.join("\n");
    // What is new and follows from nothing else is what to look into.
    let root = |row: &&RunRow| row.caused_by.is_none() && !row.accepted && row.verdict == Verdict::Fail;
    if let Some(row) = all.iter().flat_map(|compared| &compared.diff.new).find(root) {
        out.push_str(&text::next(&format!("oc hcp-azure explain {}", row.code), program, terminal));
    }
    out
}

fn one(compared: &Compared<'_>, terminal: &Terminal) -> String {
    let Compared { before, after, diff } = compared;
    let title = if before.target == after.target {
        after.target.clone()
    } else {
        format!("{} against {}", after.target, before.target)
    };
    let mut out = format!("{}\n", terminal.strong(&text::printable(&title)));
    for (label, run) in [("before  ", before), ("after   ", after)] {
        out.push_str(&text::hanging(label, "        ", &run.source, terminal.width()));
    }
    let mut parts: Vec<String> = Vec::new();
    for (count, word) in [
        (diff.new.len(), "new"),
        (diff.gone.len(), "gone"),
        (diff.unseen.len(), "not seen any more"),
        (diff.changed.len(), "changed"),
        (diff.same, "the same"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let sum = if parts.is_empty() { "nothing found in either".to_owned() } else { parts.join(terminal.dot()) };
    let _ = writeln!(out, "\n  {sum}");
    section("NEW", "+", &diff.new, true, terminal, &mut out);
    section("GONE", "-", &diff.gone, false, terminal, &mut out);
    section("NOT SEEN ANY MORE", "?", &diff.unseen, false, terminal, &mut out);
    if !diff.changed.is_empty() {
        let _ = writeln!(out, "\n{}", terminal.strong("CHANGED"));
        diff.changed.iter().for_each(|change| changed(change, terminal, &mut out));
    }
    out
}

fn section(title: &str, mark: &str, rows: &[RunRow], evidence: bool, terminal: &Terminal, out: &mut String) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", terminal.strong(title));
    for row in rows {
        head(mark, row, &row.state(), terminal, out);
        if !evidence {
            continue;
        }
        for (label, value) in [("want", row.evidence.get("want")), ("found", row.evidence.get("found"))] {
            if let Some(value) = value {
                let _ = writeln!(out, "      {label:<6} {}", text::printable(value).replace('\n', " "));
            }
        }
    }
}

fn head(mark: &str, row: &RunRow, state: &str, terminal: &Terminal, out: &mut String) {
    let cause = row.caused_by.as_ref().map(|code| format!(", caused by HAZ-{code}")).unwrap_or_default();
    let subject = if row.subject.is_empty() { String::new() } else { format!("  {}", row.subject) };
    let line = format!("HAZ-{}  {state}{cause}{subject}", row.code);
    out.push_str(&text::hanging(&format!("  {mark} "), "      ", &line, terminal.width()));
    out.push_str(&text::hanging("      ", "      ", &table::sentence(&row.what), terminal.width()));
}

fn changed(change: &Change, terminal: &Terminal, out: &mut String) {
    let (before, after) = (&change.before, &change.after);
    let state = if before.state() == after.state() {
        after.state()
    } else {
        format!("{} -> {}", before.state(), after.state())
    };
    head("~", after, &state, terminal, out);
    for (label, (old, new)) in &change.evidence {
        let shown =
            |value: &Option<String>| value.as_deref().map_or("nothing".to_owned(), |value| value.replace('\n', " "));
        let line = format!("{label}: {} -> {}", shown(old), shown(new));
        out.push_str(&text::hanging("      ", "        ", &line, terminal.width()));
    }
}
