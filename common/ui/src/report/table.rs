//! The report for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use checks::{Evidence, Group, Row, Verdict};
use comfy_table::{CellAlignment, ColumnConstraint, Width};
use facts::azure::Login;
use facts::{BundleFormat, Gap, Source};

use super::Shown;
use crate::grid;
use crate::terminal::Terminal;
use crate::text;

/// The least columns of the names of groups.
const GROUP_WIDTH: usize = 16;
/// The least columns of the labels of a root cause, the blank behind them included.
pub(super) const LABEL: usize = 10;

pub(super) fn render(shown: &Shown<'_>, terminal: &Terminal) -> String {
    let mut out = header(shown, terminal);
    out.push('\n');
    out.push_str(&verdict_line(shown, terminal));
    let roots = shown.report.roots();
    let failures: Vec<&Row> = roots.iter().copied().filter(|row| row.verdict == Verdict::Fail).collect();
    let warnings: Vec<&Row> = roots.iter().copied().filter(|row| row.verdict == Verdict::Warn).collect();
    for (at, row) in failures.iter().enumerate() {
        let title = terminal.bad(&format!("ROOT CAUSE {}", at + 1));
        out.push_str(&root(shown, row, &title, terminal));
    }
    for (at, row) in warnings.iter().enumerate() {
        let title = terminal.caution(&format!("WARNING {}", at + 1));
        out.push_str(&root(shown, row, &title, terminal));
    }
    out.push_str(&infos(shown, terminal));
    out.push_str(&unknowns(shown, terminal));
    out.push_str(&accepted(shown, terminal));
    out.push('\n');
    out.push_str(&groups(shown, terminal));
    out.push_str(&next(shown, &failures, terminal));
    out
}

fn header(shown: &Shown<'_>, terminal: &Terminal) -> String {
    let facts = shown.facts;
    let dot = terminal.dot();
    let own = |text: &str| text::printable(text).into_owned();
    let mut parts = vec![own(&facts.target.name), own(&facts.target.to_string())];
    if let Some(cluster) = facts.hosted.cluster.get() {
        parts.extend(cluster.version.effective().map(own));
        parts.push(own(&cluster.azure.location));
        parts.push(own(cluster.azure.topology.as_deref().unwrap_or("Public")));
    }
    let checked = shown.report.rows.iter().map(|row| row.check.code).collect::<std::collections::BTreeSet<_>>().len();
    // Colour takes no room.
    let title = text::hanging("", "  ", &parts.join(dot), terminal.width());
    let mut out = title.replacen(&parts[0], &terminal.strong(&parts[0]), 1);
    let when = facts.collected_at.strftime("%Y-%m-%d %H:%M:%SZ");
    match &facts.source {
        Source::Live { .. } => {
            let _ = writeln!(out, "{checked} checks in {:.1} s", shown.elapsed.as_secs_f64());
        }
        Source::Bundle { path, format } => {
            let kind = match format {
                BundleFormat::Facts => "bundle",
                BundleFormat::KubernetesDump => "Kubernetes dump",
            };
            let line = format!("{checked} checks on {kind} {path}, recorded {when}");
            out.push_str(&text::hanging("", "  ", &line, terminal.width()));
        }
    }
    out.push_str(&caller(shown, terminal));
    out
}

/// Who asked Azure, in which tenant and subscription.
fn caller(shown: &Shown<'_>, terminal: &Terminal) -> String {
    caller_line(shown, terminal.ellipsis())
        .map(|line| text::hanging("", "  ", &line, terminal.width()))
        .unwrap_or_default()
}

/// Who asked Azure, in which tenant and subscription; none where nobody asked.
pub(super) fn caller_line(shown: &Shown<'_>, ellipsis: &str) -> Option<String> {
    let azure = &shown.facts.azure;
    let short = |id: &str| text::short_id(id, ellipsis);
    Some(match azure.login.get()? {
        Login::SignedIn(caller) => {
            let who = match (&caller.name, &caller.app_id, &caller.object_id) {
                (Some(name), _, _) => name.clone(),
                (None, Some(id), _) => format!("application {}", short(id)),
                (None, None, Some(id)) => format!("principal {}", short(id)),
                (None, None, None) => "an unnamed principal".into(),
            };
            let mut line = format!("as {who} ({}) in tenant {}", caller.via, short(&caller.tenant_id));
            if let Some(subscription) = azure.subscription.get() {
                let _ = write!(line, ", subscription {} ({})", subscription.name, short(&subscription.id));
            }
            line
        }
        Login::Refused { via, .. } => format!("not signed in to Azure: {via} was refused"),
    })
}

pub(super) fn verdict_line(shown: &Shown<'_>, terminal: &Terminal) -> String {
    let report = shown.report;
    let summary = report.summary();
    let roots = report.roots();
    let failed = roots.iter().filter(|row| row.verdict == Verdict::Fail).count();
    let warned = roots.len() - failed;
    let caused = report.rows.iter().filter(|row| row.caused_by.is_some() && row.accepted.is_none()).count();
    let plain = str::to_owned as fn(&str) -> String;
    let (bad, caution) = (|text: &str| terminal.bad(text), |text: &str| terminal.caution(text));
    let mut parts: Vec<(String, usize)> = Vec::new();
    let mut say = |text: String, colour: &dyn Fn(&str) -> String| parts.push((colour(&text), text.chars().count()));
    if failed > 0 {
        say(count(failed, "root cause"), &bad);
    }
    if warned > 0 {
        say(count(warned, "warning"), &caution);
    }
    if caused > 0 {
        let by = if roots.len() == 1 { "it" } else { "them" };
        say(format!("{} caused by {by}", count(caused, "row")), &plain);
    }
    let good = |text: &str| if roots.is_empty() { terminal.good(text) } else { text.to_owned() };
    say(format!("{} passed", summary.pass), &good);
    if summary.unknown > 0 {
        say(format!("{} could not be checked", summary.unknown), &caution);
    }
    if summary.accepted > 0 {
        say(format!("{} accepted", summary.accepted), &plain);
    }
    let lead = if failed == 0 && warned == 0 {
        if summary.unknown == 0 && summary.accepted == 0 { "healthy: " } else { "nothing found: " }
    } else {
        ""
    };
    let mut out = format!("  {lead}");
    let mut used = out.len();
    for (at, (part, length)) in parts.iter().enumerate() {
        // Colour takes no room.
        if at > 0 && used + 3 + length > terminal.width() {
            out.push_str("\n  ");
            used = 2;
        } else if at > 0 {
            out.push_str(terminal.dot());
            used += 3;
        }
        out.push_str(part);
        used += length;
    }
    out + "\n"
}

/// The labelled lines of one root cause, all values in one column.
pub(super) struct Block<'a> {
    pub(super) out: String,
    pub(super) label: usize,
    pub(super) terminal: &'a Terminal,
}

impl Block<'_> {
    pub(super) fn line(&mut self, label: &str, value: &str) {
        let pad = " ".repeat(self.label + 2);
        for (at, line) in value.lines().enumerate() {
            let lead = if at == 0 { format!("  {label:<width$}", width = self.label) } else { pad.clone() };
            self.out.push_str(&text::hanging(&lead, &pad, line, self.terminal.width()));
        }
    }

    /// What to do, and who can.
    pub(super) fn fix(&mut self, fix: &checks::Fix) {
        let width = self.terminal.width();
        self.line("fix", &format!("({})", fix.who.describe()));
        for command in &fix.commands {
            for command_line in text::command(command, "    ", width) {
                let _ = writeln!(self.out, "{}", self.terminal.accent(&command_line));
            }
        }
        if let Some(note) = &fix.note {
            self.out.push_str(&text::hanging("    ", "    ", note, width));
        }
    }

    /// A line that is never wrapped: what stands below it points at one of its characters.
    fn whole(&mut self, label: &str, value: &str) {
        let value = text::printable(value);
        let _ = writeln!(self.out, "  {label:<width$}{value}", width = self.label);
    }

    /// Points at the character of the line above at which two values differ, and says how; on whichever side has room.
    fn caret(&mut self, difference: &text::Difference) {
        let words = difference.describe();
        let column = self.label + 2 + difference.column;
        let mark = self.terminal.bad(&words);
        let length = words.chars().count() + 1;
        let _ = if column + 1 + length > self.terminal.width() && length <= column {
            writeln!(self.out, "{}{mark} ^", " ".repeat(column - length))
        } else {
            writeln!(self.out, "{}^ {mark}", " ".repeat(column))
        };
    }
}

fn root(shown: &Shown<'_>, row: &Row, title: &str, terminal: &Terminal) -> String {
    let width = terminal.width();
    let longest = row.evidence.0.iter().map(|(label, _)| label.chars().count() + 1).max().unwrap_or(0);
    let mut block = Block { out: String::new(), label: longest.max(LABEL), terminal };
    let _ = writeln!(block.out, "\n{title}   {} {}", terminal.strong(&row.check.printed_code()), row.check.id);
    block.out.push_str(&text::hanging("  ", "  ", &sentence(&row.what), width));
    if !row.subject.is_empty() {
        block.line("about", &row.subject);
    }
    evidence(&row.evidence, &mut block);
    if !row.why.is_empty() {
        block.line("why", &row.why);
    }
    let caused = shown.report.caused_by(row);
    if !caused.is_empty() {
        block.line("breaks", &dependants(&caused, terminal));
    }
    row.fixes.iter().for_each(|fix| block.fix(fix));
    block.line("more", &format!("{} explain {}", shown.program, row.check.code));
    block.out
}

/// The dependants of a root, by check: `HC01 hc-conditions (Degraded, Available)`.
pub(super) fn dependants(rows: &[&Row], terminal: &Terminal) -> String {
    let mut by_check: BTreeMap<(Group, &str), (&str, Vec<&str>)> = BTreeMap::new();
    for row in rows {
        let entry = by_check.entry((row.check.group, row.check.code)).or_insert((row.check.id, Vec::new()));
        if !row.subject.is_empty() && !entry.1.contains(&row.subject.as_str()) {
            entry.1.push(&row.subject);
        }
    }
    let parts: Vec<String> = by_check
        .into_iter()
        .map(|((_, code), (id, subjects))| {
            if subjects.is_empty() { format!("{code} {id}") } else { format!("{code} {id} ({})", subjects.join(", ")) }
        })
        .collect();
    parts.join(terminal.dot())
}

pub(super) fn evidence(evidence: &Evidence, block: &mut Block<'_>) {
    for (label, value) in &evidence.0 {
        if label != Evidence::WANT && label != Evidence::FOUND {
            block.line(label, value);
            continue;
        }
        block.whole(label, value);
        if label == Evidence::FOUND
            && let Some(want) = evidence.get(Evidence::WANT)
            && let Some(difference) = text::first_difference(want, value)
            && worth_a_caret(want, value, &difference)
        {
            block.caret(&difference);
        }
    }
}

/// A caret helps where two texts are alike; under two different texts it is noise.
pub(super) fn worth_a_caret(want: &str, found: &str, difference: &text::Difference) -> bool {
    difference.column * 2 >= want.chars().count().min(found.chars().count()) || want.eq_ignore_ascii_case(found)
}

fn infos(shown: &Shown<'_>, terminal: &Terminal) -> String {
    let rows: Vec<&Row> =
        shown.report.rows.iter().filter(|row| row.verdict == Verdict::Info && row.caused_by.is_none()).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", terminal.strong("GOOD TO KNOW"));
    for row in rows {
        let subject = if row.subject.is_empty() { String::new() } else { format!("{}: ", row.subject) };
        let line = format!("{} {subject}{}", row.check.code, row.what);
        out.push_str(&text::hanging("  i ", "    ", &line, terminal.width()));
    }
    out
}

/// What somebody accepts, and the waivers that need a look.
fn accepted(shown: &Shown<'_>, terminal: &Terminal) -> String {
    let (rows, warnings) = (shown.report.accepted(), super::waiver_warnings(shown.report));
    if rows.is_empty() && warnings.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}\n", terminal.strong("ACCEPTED"));
    for row in rows {
        let subject = if row.subject.is_empty() { String::new() } else { format!("{}: ", row.subject) };
        let why = row.accepted.as_ref().map(checks::Acceptance::describe).unwrap_or_default();
        let line = format!("{} {subject}{}", row.check.code, row.what);
        out.push_str(&text::hanging("  ~ ", "    ", &line, terminal.width()));
        out.push_str(&text::hanging("    ", "    ", &why, terminal.width()));
    }
    for warning in warnings {
        out.push_str(&text::hanging(&terminal.caution("  ! "), "    ", &warning, terminal.width()));
    }
    out
}

/// The rows that could not be judged, by reason; the reason that costs most rows first.
pub(super) fn gaps(report: &checks::Report) -> Vec<(&Gap, Vec<&Row>)> {
    let mut by_gap: BTreeMap<&Gap, Vec<&Row>> = BTreeMap::new();
    for row in report.rows.iter().filter(|row| row.verdict == Verdict::Unknown && row.accepted.is_none()) {
        if let Some(gap) = &row.gap {
            by_gap.entry(gap).or_default().push(row);
        }
    }
    let mut groups: Vec<(&Gap, Vec<&Row>)> = by_gap.into_iter().collect();
    groups.sort_by_key(|(gap, rows)| (std::cmp::Reverse(rows.len()), (*gap).clone()));
    groups
}

/// What could not be checked, said once per reason.
fn unknowns(shown: &Shown<'_>, terminal: &Terminal) -> String {
    let groups = gaps(shown.report);
    if groups.is_empty() {
        return String::new();
    }
    let width = terminal.width();
    let mut out = format!("\n{}\n", terminal.caution("COULD NOT BE CHECKED"));
    for (gap, rows) in groups {
        let mut codes: Vec<&str> = rows.iter().map(|row| row.check.code).collect();
        codes.dedup();
        let subjects: Vec<&str> =
            rows.iter().map(|row| row.subject.as_str()).filter(|subject| !subject.is_empty()).collect();
        let mut line = format!("{}: {}", codes.join(" "), sentence(&gap.why));
        if !subjects.is_empty() && subjects.len() <= 3 {
            let _ = write!(line, " ({})", subjects.join(", "));
        }
        out.push_str(&text::hanging("  ? ", "    ", &line, width));
        if let (Some(needs), Some(scope)) = (&gap.needs, &gap.scope) {
            out.push_str(&text::hanging("    needs ", "          ", &format!("{needs} on {scope}"), width));
        }
        if let Some(remedy) = &gap.remedy {
            for command_line in text::command(remedy, "    ", width) {
                let _ = writeln!(out, "{}", terminal.accent(&command_line));
            }
        }
    }
    out
}

fn groups(shown: &Shown<'_>, terminal: &Terminal) -> String {
    // A column that only waivers fill stands there only with them.
    let waived = shown.report.summary().accepted > 0;
    let mut header = vec!["GROUP", "PASS", "FAIL", "WARN", "UNKNOWN", "SKIPPED", ""];
    if waived {
        header.insert(6, "ACCEPTED");
    }
    let mut table = grid::new(header, terminal);
    for group in Group::ALL {
        let summary = shown.report.summary_of(group);
        if summary.total() == 0 {
            continue;
        }
        let cell = |count: usize| if count == 0 { "-".to_owned() } else { count.to_string() };
        let worst = [(summary.fail, "x"), (summary.warn, "!"), (summary.unknown, "?")];
        let mark = worst.iter().find(|(count, _)| *count > 0).map_or("ok", |(_, mark)| mark);
        let mut row = vec![
            group.name().to_owned(),
            cell(summary.pass + summary.info),
            cell(summary.fail),
            cell(summary.warn),
            cell(summary.unknown),
            cell(summary.skipped),
            mark.to_owned(),
        ];
        if waived {
            row.insert(6, cell(summary.accepted));
        }
        table.add_row(row);
    }
    for column in 1..=5 + usize::from(waived) {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // One more for the blank behind the name.
    let shown_groups = Group::ALL.into_iter().filter(|group| shown.report.summary_of(*group).total() > 0);
    let longest = shown_groups.map(|group| group.name().len() + 1).max().unwrap_or(0).max(GROUP_WIDTH);
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(u16::try_from(longest).unwrap_or(80))));
    }
    grid::text(&mut table, terminal)
}

fn next(shown: &Shown<'_>, failures: &[&Row], terminal: &Terminal) -> String {
    let summary = shown.report.summary();
    let program = shown.program;
    let line = if !failures.is_empty() {
        let mut letters: Vec<&str> = shown
            .report
            .rows
            .iter()
            .filter(|row| row.verdict == Verdict::Fail && row.accepted.is_none())
            .map(|row| row.check.group.letters())
            .collect();
        letters.dedup();
        let numbers = match failures.len() {
            1 => "it".to_owned(),
            2 => "1 and 2".to_owned(),
            count => format!("1 to {count}"),
        };
        let again = match &shown.facts.source {
            Source::Live { .. } => format!("{program} doctor {} --only {}", shown.again, letters.join(",")),
            Source::Bundle { .. } => {
                format!("{program} doctor {} -n {}", shown.facts.target.name, shown.facts.target.namespace)
            }
        };
        let mut out = format!("\nnext: fix {numbers}, then\n");
        for line in text::command(&again, "  ", terminal.width()) {
            let _ = writeln!(out, "{}", terminal.accent(&line));
        }
        return out;
    } else if summary.unknown > 0 {
        "next: give what is missing above and run it again; what was not seen is not healthy".to_owned()
    } else {
        let target = &shown.facts.target;
        let look = match &shown.facts.source {
            Source::Live { .. } => format!("{program} status {} -n {}", target.name, target.namespace),
            Source::Bundle { path, .. } => {
                format!("{program} status {} -n {} --bundle {}", target.name, target.namespace, checks::quote(path))
            }
        };
        return text::next(&look, program, terminal);
    };
    format!("\n{}", text::hanging("", "      ", &line, terminal.width()))
}

pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // A name such as `kube-apiserver` or an id keeps its case.
        Some(first) if text.split(' ').next().is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase())) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
