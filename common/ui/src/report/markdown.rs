//! The report for a ticket: `-o markdown`, at most 60 lines for a cluster.
//!
//! What comes from clusters and from Azure may hold markup, mentions and links. A word with anything but plain characters
//! stands in a code span, where Markdown and HTML mean nothing, and commands stand in fences that are longer than any run
//! of backticks in them.

use std::fmt::Write as _;

use checks::{Evidence, Row, Verdict};
use facts::Source;

use super::{Shown, table, waiver_warnings};
use crate::terminal::Terminal;
use crate::text;

/// The lines that one cluster may take.
const MAX_LINES: usize = 60;
/// The lines of evidence, and of commands, that a cause shows.
const MAX_EVIDENCE: usize = 5;
const MAX_REPEATED: usize = 2;
const MAX_COMMANDS: usize = 4;
/// The reasons for which something could not be checked, and the accepted rows, that are named.
const MAX_REASONS: usize = 3;
/// The causes that are only named once those in full have taken the room.
const MAX_SHORT: usize = 8;
/// The characters of a text that was written by others.
const MAX_TEXT: usize = 300;
/// The characters of a line of evidence, and of a command: beyond that a shell's copy is of no use either.
const MAX_LINE: usize = 200;
const MAX_COMMAND: usize = 4000;

pub(super) fn render(all: &[Shown<'_>]) -> String {
    if let [one] = all {
        return ticket(one).join("\n") + "\n";
    }
    let mut out = format!("# {}\n\n", table::count(all.len(), "hosted cluster"));
    for shown in all {
        let _ = writeln!(out, "- {}: {}", plain(&shown.facts.target.to_string()), verdict(shown));
    }
    // Of several, a healthy cluster's line says it all.
    let worth = |shown: &&Shown<'_>| {
        let summary = shown.report.summary();
        !shown.report.roots().is_empty() || summary.unknown + summary.accepted > 0
    };
    for shown in all.iter().filter(worth) {
        let _ = write!(out, "\n{}\n", ticket(shown).join("\n"));
    }
    out
}

fn ticket(shown: &Shown<'_>) -> Vec<String> {
    let mut lines = head(shown);
    let footer = footer(shown);
    let roots = shown.report.roots();
    let room = MAX_LINES - lines.len() - footer.len();
    let full: Vec<Vec<String>> = roots.iter().enumerate().map(|(at, row)| cause(shown, row, at + 1)).collect();
    let mut left = room;
    let (mut short, mut hidden) = (0, 0);
    for (at, row) in roots.iter().enumerate() {
        let after = roots.len() - at - 1;
        // Those behind need a line each, or a line that counts them.
        let reserved = after.min(MAX_SHORT) + usize::from(after > MAX_SHORT);
        if short == 0 && full[at].len() + reserved <= left {
            left -= full[at].len();
            lines.extend(full[at].iter().cloned());
        } else if short < MAX_SHORT {
            short += 1;
            lines.push(format!("- {}", title(row)));
        } else {
            hidden += 1;
        }
    }
    if hidden > 0 {
        lines.push(format!("- … and {hidden} more"));
    }
    lines.extend(footer);
    lines
}

fn head(shown: &Shown<'_>) -> Vec<String> {
    let (facts, report) = (shown.facts, shown.report);
    let mut parts: Vec<String> = Vec::new();
    if let Some(cluster) = facts.hosted.cluster.get() {
        parts.extend(cluster.version.effective().map(plain));
        parts.push(plain(&cluster.azure.location));
        parts.push(plain(cluster.azure.topology.as_deref().unwrap_or("Public")));
        parts.push(format!("infra id {}", plain(&cluster.infra_id)));
    }
    let source = match &facts.source {
        Source::Live { context: Some(context) } => format!("live, context {}", plain(context)),
        Source::Live { context: None } => "live".into(),
        Source::Bundle { path, .. } => format!("recording {}", code(path)),
    };
    let when = report.collected_at.strftime("%Y-%m-%d %H:%M:%SZ");
    let mut lines = vec![format!("## {}", plain(&facts.target.to_string())), String::new()];
    if !parts.is_empty() {
        lines.push(format!("{}  ", parts.join(" · ")));
    }
    let release = env!("CARGO_PKG_VERSION");
    lines.push(format!("{source}, {when}, by hcp-azure {release}  "));
    if let Some(caller) = table::caller_line(shown, "…") {
        lines.push(format!("{}  ", plain(&caller)));
    }
    lines.extend([String::new(), verdict(shown), String::new()]);
    lines
}

/// The verdict in one line.
fn verdict(shown: &Shown<'_>) -> String {
    let line = table::verdict_line(shown, &Terminal::plain(400));
    format!("**{}**", line.trim())
}

fn title(row: &Row) -> String {
    let warning = if row.verdict == Verdict::Warn { " (warning)" } else { "" };
    let (code, what) = (row.check.printed_code(), plain(&table::sentence(&row.what)));
    format!("[{code}]({}){warning} {what}", row.check.docs_url())
}

fn cause(shown: &Shown<'_>, row: &Row, number: usize) -> Vec<String> {
    let mut lines = vec![format!("### {number}. {}", title(row))];
    let mut about = String::new();
    if !row.subject.is_empty() {
        about = format!("about {}", plain(&row.subject));
    }
    let caused = shown.report.caused_by(row);
    if !caused.is_empty() {
        let codes = table::dependants(&caused, &Terminal::plain(120));
        let _ = write!(about, "{}breaks {}", if about.is_empty() { "" } else { "; " }, plain(&codes));
    }
    if !row.why.is_empty() {
        lines.push(format!("{}  ", plain(&row.why)));
    }
    if !about.is_empty() {
        lines.push(about);
    }
    lines.extend(fence("text", evidence(&row.evidence)));
    let mut commands: Vec<String> = Vec::new();
    let mut too_long = false;
    for fix in &row.fixes {
        commands.push(format!("# {}", fix.who.describe()));
        for command in &fix.commands {
            let command = command.replace("oc hcp-azure", shown.program);
            too_long |= command.len() > MAX_COMMAND;
            commands.extend(text::printable(&command).lines().map(str::to_owned));
        }
    }
    // A command that is cut would be another one.
    if too_long || commands.len() > MAX_COMMANDS + row.fixes.len() {
        let table = format!("{} doctor {} --only {}", shown.program, again(shown), row.check.code);
        commands = vec![format!("# {} commands, shown by", commands.len() - row.fixes.len()), table];
    }
    lines.extend(fence("sh", commands));
    lines
}

fn evidence(evidence: &Evidence) -> Vec<String> {
    let width = evidence.0.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = Vec::new();
    let mut last = "";
    let mut repeated = 0;
    for (at, (label, value)) in evidence.0.iter().enumerate() {
        // Of a list two are examples enough.
        repeated = if label == last { repeated + 1 } else { 0 };
        last = label;
        if repeated >= MAX_REPEATED {
            if evidence.0.get(at + 1).is_none_or(|(next, _)| next != label) {
                lines.push(format!("{label:<width$}  … {} more", repeated + 1 - MAX_REPEATED));
            }
            continue;
        }
        if lines.len() > MAX_EVIDENCE {
            lines.push(format!("… {} more", evidence.0.len() - at));
            break;
        }
        lines.push(format!("{label:<width$}  {}", one_line(value, MAX_LINE)));
        if label == Evidence::FOUND
            && let Some(want) = evidence.get(Evidence::WANT)
            && let Some(difference) = text::first_difference(want, value)
            && difference.column < MAX_LINE
            && table::worth_a_caret(want, value, &difference)
        {
            lines.push(format!("{:width$}  {:>2$}^ {3}", "", "", difference.column, difference.describe()));
        }
    }
    lines
}

fn footer(shown: &Shown<'_>) -> Vec<String> {
    let report = shown.report;
    let mut lines = Vec::new();
    let gaps = table::gaps(report);
    if !gaps.is_empty() {
        lines.push(String::new());
        lines.push("### Could not be checked".to_owned());
        for (gap, rows) in gaps.iter().take(MAX_REASONS) {
            let mut codes: Vec<&str> = rows.iter().map(|row| row.check.code).collect();
            codes.dedup();
            let needs = match (&gap.needs, &gap.scope) {
                (Some(needs), Some(scope)) => format!("; needs {} on {}", plain(needs), plain(scope)),
                _ => String::new(),
            };
            lines.push(format!("- {}: {}{needs}", codes.join(" "), plain(&gap.why)));
        }
        lines.extend(more(gaps.len()));
    }
    let (accepted, warnings) = (report.accepted(), waiver_warnings(report));
    if !accepted.is_empty() || !warnings.is_empty() {
        lines.push(String::new());
        lines.push("### Accepted".to_owned());
        for row in accepted.iter().take(MAX_REASONS) {
            let why = row.accepted.as_ref().map(checks::Acceptance::describe).unwrap_or_default();
            lines.push(format!("- {}: {}", title(row), plain(&why)));
        }
        lines.extend(more(accepted.len()));
        lines.extend(warnings.iter().take(MAX_REASONS).map(|warning| format!("- {}", plain(warning))));
        lines.extend(more(warnings.len()));
    }
    lines.push(String::new());
    lines.push(format!("More: {}", code(&format!("{} doctor {}", shown.program, again(shown)))));
    lines
}

fn more(count: usize) -> Option<String> {
    (count > MAX_REASONS).then(|| format!("- … and {} more", count - MAX_REASONS))
}

/// The arguments that say the same again.
fn again(shown: &Shown<'_>) -> String {
    match &shown.facts.source {
        Source::Live { .. } => shown.again.to_owned(),
        Source::Bundle { path, .. } => format!("--bundle {}", checks::quote(path)),
    }
}

/// Lines in a fence that nothing in them can close.
fn fence(language: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let mark = "`".repeat(3.max(longest + 1));
    let mut out = vec![format!("{mark}{language}")];
    out.extend(lines);
    out.push(mark);
    out
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn one_line(value: &str, max: usize) -> String {
    let value = text::printable(value);
    cut(&value.split_whitespace().collect::<Vec<_>>().join(" "), max)
}

fn cut(value: &str, max: usize) -> String {
    match value.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

/// A code span around one line.
fn code(value: &str) -> String {
    let value = one_line(value, MAX_COMMAND);
    let mark = "`".repeat(longest_run(&value) + 1);
    let pad = if value.starts_with('`') || value.ends_with('`') { " " } else { "" };
    format!("{mark}{pad}{value}{pad}{mark}")
}

/// Text of others on one line; words with anything that a renderer could take for markup stand in code spans.
fn plain(value: &str) -> String {
    // Punctuation alone means nothing in a line, and a heading, a list or a rule at its beginning.
    let mark = |at: usize, word: &str| at == 0 && !word.is_empty() && !word.contains(char::is_alphanumeric);
    let words: Vec<String> = one_line(value, MAX_TEXT)
        .replace(" -> ", " → ")
        .split(' ')
        .enumerate()
        .map(|(at, word)| if is_plain(word) && !mark(at, word) { word.to_owned() } else { code_word(word) })
        .collect();
    words.join(" ")
}

fn is_plain(word: &str) -> bool {
    // Two colons make an emoji, `://` and `www.` a link; a lone dash or number with a dot can begin a list.
    let harmless = |c: char| c.is_alphanumeric() || ".,;:()'\"%=+-/→·…!?".contains(c);
    word.chars().all(harmless)
        && word.matches(':').count() < 2
        && !word.contains("://")
        && !word.to_ascii_lowercase().contains("www.")
}

/// A word as code, what only ends a part of the sentence left outside.
fn code_word(word: &str) -> String {
    let inner = word.trim_start_matches('(').trim_end_matches([')', ',', ';', ':', '.']);
    if inner.is_empty() {
        return code(word);
    }
    let begin = word.len() - word.trim_start_matches('(').len();
    let end = begin + inner.len();
    format!("{}{}{}", &word[..begin], code(inner), &word[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_mean_nothing_to_a_renderer() {
        for (text, want) in [
            ("identity disk (demo-disk)", "identity disk (demo-disk)"),
            ("<img src=x onerror=alert(1)>", "`<img` src=x `onerror=alert(1)>`"),
            ("ask @admin about #12 and a|b", "ask `@admin` about `#12` and `a|b`"),
            ("see https://evil.example/x, now", "see `https://evil.example/x`, now"),
            ("[click](https://evil.example)", "`[click](https://evil.example`)"),
            ("tick ` and `` and ```", "tick `` ` `` and ``` `` ``` and ```` ``` ````"),
            ("a\n# heading\n- item", "a `#` heading - item"),
            ("**bold** _it_ ~~x~~ :smile:", "`**bold**` `_it_` `~~x~~` `:smile`:"),
            ("- item", "`-` item"),
            ("workers -> API", "workers → API"),
            ("\u{1b}[2Jx", "`<U+001B>[2Jx`"),
        ] {
            assert_eq!(plain(text), want);
        }
    }

    #[test]
    fn a_fence_holds_whatever_is_in_it() {
        let lines = fence("sh", vec!["echo '````'".into()]);
        assert_eq!(lines, ["`````sh", "echo '````'", "`````"]);
        assert!(fence("sh", Vec::new()).is_empty());
    }
}
