//! `explain`: a check's documentation on the screen.

use checks::{CHECKS, Check};

use crate::grid;
use crate::terminal::Terminal;
use crate::text;

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
        let items = rest.lines().any(|line| line.trim_start().starts_with("- "));
        if items {
            for line in rest.lines() {
                out.push_str(&format!("  {}\n", line.trim()));
            }
        } else {
            let joined = rest.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            out.push_str(&text::hanging("  ", "  ", &joined, terminal.width()));
        }
    }
    let needs: Vec<&str> = check.needs.iter().map(|need| need.describe()).collect();
    out.push_str(&format!("\n{}\n", terminal.strong("READS")));
    out.push_str(&text::hanging("  ", "  ", &needs.join(", "), terminal.width()));
    if !check.caused_by.is_empty() {
        out.push_str(&format!("\n{}\n", terminal.strong("CAN BE CAUSED BY")));
        out.push_str(&text::hanging("  ", "  ", &check.caused_by.join(", "), terminal.width()));
    }
    out.push_str(&format!("\nsince {}, {}\n", check.since, check.docs_url()));
    terminal.fit(&out)
}

/// All checks, one line each.
pub fn check_list(terminal: &Terminal) -> String {
    let mut table = grid::new(["CODE", "ID", "CHECKS"], terminal);
    for check in CHECKS {
        table.add_row([check.code, check.id, &check.summary()]);
    }
    terminal.fit(&grid::text(&mut table, terminal))
}
