//! `explain`: a check's documentation on the screen.

use checks::{CHECKS, Check};
use serde::Serialize;

use crate::grid;
use crate::terminal::Terminal;
use crate::text;

const API_VERSION: &str = "hcp-azure.io/v1";

/// The page of a check.
pub fn check_page(check: &Check, terminal: &Terminal) -> String {
    let mut out = format!("{}  {}  ({})\n", terminal.strong(&check.printed_code()), check.id, check.group.name());
    let body = check.documentation();
    for paragraph in body.split("\n\n") {
        out.push('\n');
        let (title, rest) = match paragraph.strip_prefix("## ").and_then(|text| text.split_once('\n')) {
            Some((title, rest)) => (Some(title), rest),
            None => (None, paragraph),
        };
        if let Some(title) = title {
            out.push_str(&terminal.strong(&title.to_uppercase()));
            out.push('\n');
        }
        for part in parts(rest) {
            let hang = if part.starts_with("- ") { "    " } else { "  " };
            let lines = text::hanging("", hang, &part, terminal.width() - 2);
            out.push_str(&format!("  {lines}"));
        }
    }
    let needs: Vec<&str> = check.needs.iter().map(|need| need.describe()).collect();
    out.push_str(&format!("\n{}\n", terminal.strong("READS")));
    out.push_str(&text::hanging("  ", "  ", &needs.join(", "), terminal.width()));
    if !check.caused_by.is_empty() {
        out.push_str(&format!("\n{}\n", terminal.strong("CAN BE CAUSED BY")));
        out.push_str(&text::hanging("  ", "  ", &check.caused_by.join(", "), terminal.width()));
    }
    out.push_str(&format!("\nsince {}\n{}\n", check.since, check.docs_url()));
    terminal.fit(&out)
}

/// A paragraph as its items, or as the one text that it is.
fn parts(paragraph: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for line in paragraph.lines().map(str::trim) {
        match parts.last_mut() {
            Some(part) if !line.starts_with("- ") => {
                part.push(' ');
                part.push_str(line);
            }
            _ => parts.push(line.to_owned()),
        }
    }
    parts
}

/// A check for programs. Fields are only ever added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckDocument {
    api_version: &'static str,
    kind: &'static str,
    code: &'static str,
    id: &'static str,
    group: &'static str,
    since: &'static str,
    summary: String,
    documentation: String,
    reads: Vec<&'static str>,
    caused_by: &'static [&'static str],
    docs: String,
}

impl CheckDocument {
    /// The document of a check.
    pub fn of(check: &Check) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Check",
            code: check.code,
            id: check.id,
            group: check.group.name(),
            since: check.since,
            summary: check.summary(),
            documentation: check.documentation(),
            reads: check.needs.iter().map(|need| need.describe()).collect(),
            caused_by: check.caused_by,
            docs: check.docs_url(),
        }
    }
}

/// Every check for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<CheckDocument>,
}

impl CheckList {
    /// The document of all checks.
    pub fn all() -> Self {
        Self {
            api_version: API_VERSION,
            kind: "CheckList",
            items: CHECKS.iter().copied().map(CheckDocument::of).collect(),
        }
    }
}

/// All checks, one line each.
pub fn check_list(terminal: &Terminal) -> String {
    let mut table = grid::new(["CODE", "ID", "CHECKS"], terminal);
    for check in CHECKS {
        table.add_row([check.code, check.id, &check.summary()]);
    }
    terminal.fit(&grid::text(&mut table, terminal))
}
