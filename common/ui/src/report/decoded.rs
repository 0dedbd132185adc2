//! What a log or an error message says: `doctor decode`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use checks::decode::{Decoded, Decoding};
use serde::Serialize;

use super::table::{self, Block, LABEL};
use crate::terminal::Terminal;
use crate::text;

/// The document of a decoded text. `decoded-refusals.schema.json` beside this file describes it; fields are only ever added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedRefusals {
    api_version: &'static str,
    kind: &'static str,
    lines: usize,
    left_out: usize,
    refusals: Vec<RefusalRow>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusalRow {
    code: String,
    what: String,
    identity: Option<&'static str>,
    evidence: BTreeMap<String, String>,
    /// The codes of the checks that look at the cause.
    rows: Vec<&'static str>,
    fix: Vec<String>,
    fix_by: Option<&'static str>,
    fix_note: Option<String>,
    seen: usize,
}

impl DecodedRefusals {
    /// The document of what was decoded.
    pub fn of(decoding: &Decoding) -> Self {
        Self {
            api_version: super::document::API_VERSION,
            kind: "DecodedRefusals",
            lines: decoding.lines,
            left_out: decoding.left_out,
            refusals: decoding.refusals.iter().map(row).collect(),
        }
    }
}

/// The JSON Schema of [`DecodedRefusals`].
pub fn schema() -> &'static str {
    include_str!("decoded-refusals.schema.json")
}

fn row(refusal: &Decoded) -> RefusalRow {
    let Decoded { code, what, identity, evidence, rows, fix, seen } = refusal.clone();
    RefusalRow {
        code,
        what,
        identity,
        evidence: evidence.0.into_iter().collect(),
        rows,
        fix: fix.as_ref().map(|fix| fix.commands.clone()).unwrap_or_default(),
        fix_by: fix.as_ref().map(|fix| fix.who.describe()),
        fix_note: fix.and_then(|fix| fix.note),
        seen,
    }
}

pub(super) fn render(decoding: &Decoding, program: &str, terminal: &Terminal) -> String {
    let count = decoding.refusals.len() + decoding.left_out;
    let found = match count {
        0 => "no refusal by Entra or Azure Resource Manager".to_owned(),
        count => table::count(count, "refusal"),
    };
    let mut out = format!("{found} in {}\n", table::count(decoding.lines, "line"));
    for refusal in &decoding.refusals {
        out.push_str(&one(refusal, program, terminal));
    }
    if decoding.left_out > 0 {
        let _ = writeln!(out, "\nand {} more that differ", decoding.left_out);
    }
    out
}

fn one(refusal: &Decoded, program: &str, terminal: &Terminal) -> String {
    let longest = refusal.evidence.0.iter().map(|(label, _)| label.chars().count() + 1).max().unwrap_or(0);
    let mut block = Block { out: String::new(), label: longest.max(LABEL), terminal };
    let times = if refusal.seen == 1 { "once".to_owned() } else { format!("{} times", refusal.seen) };
    let code = text::printable(&refusal.code).into_owned();
    let _ = writeln!(block.out, "\n{}   {times}", terminal.bad(&code));
    block.out.push_str(&text::hanging("  ", "  ", &refusal.what, terminal.width()));
    if let Some(identity) = refusal.identity {
        block.line("of", &format!("identity {identity}"));
    }
    table::evidence(&refusal.evidence, &mut block);
    if !refusal.rows.is_empty() {
        let rows: Vec<String> = refusal.rows.iter().map(|code| format!("HAZ-{code}")).collect();
        block.line(
            "see",
            &format!("{}, with `{program} doctor NAME --only {}`", rows.join(", "), refusal.rows.join(",")),
        );
    }
    if let Some(fix) = &refusal.fix {
        block.fix(fix);
    }
    if let Some(code) = refusal.rows.first() {
        block.line("more", &format!("{program} explain {code}"));
    }
    block.out
}
