//! The report for test dashboards: `-o junit`.
//!
//! A suite per group and a case per row, in the form that Jenkins, GitLab and Prow read. What counts for the exit code is
//! a `failure`, or an `error` where it could not be judged. A warning that does not count passes, with its text as output.
//! What could not be judged and does not count, what does not apply, and what is accepted is `skipped`, with the reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use checks::{Bar, Group, Row, Verdict};

use super::Shown;
use crate::markup::{escape, escape_line};

pub(super) fn render(all: &[Shown<'_>], bar: Bar) -> String {
    let suites: Vec<Suite> = all.iter().flat_map(|shown| suites(shown, bar)).collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let sum = suites.iter().fold(Counts::default(), |sum, suite| sum.plus(suite.counts));
    let live = all.iter().filter(|shown| !shown.facts.source.is_offline());
    let seconds = live.fold(0.0, |sum, shown| sum + shown.elapsed.as_secs_f64());
    let _ = writeln!(out, "<testsuites name=\"hcp-azure doctor\" {} time=\"{seconds:.3}\">", sum.attributes());
    for suite in &suites {
        out.push_str(&suite.text);
    }
    out.push_str("</testsuites>\n");
    out
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
            skipped: self.skipped + other.skipped,
        }
    }

    fn attributes(self) -> String {
        let Self { tests, failures, errors, skipped } = self;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }
}

struct Suite {
    text: String,
    counts: Counts,
}

fn suites(shown: &Shown<'_>, bar: Bar) -> Vec<Suite> {
    let of = |group: &Group| {
        let rows: Vec<&Row> = shown.report.rows.iter().filter(|row| row.check.group == *group).collect();
        (!rows.is_empty()).then(|| suite(shown, *group, &rows, bar))
    };
    Group::ALL.iter().filter_map(of).collect()
}

fn suite(shown: &Shown<'_>, group: Group, rows: &[&Row], bar: Bar) -> Suite {
    let target = &shown.report.target;
    let class = format!("hcp-azure.{target}.{}", group.name());
    let mut counts = Counts { tests: rows.len(), ..Counts::default() };
    let mut cases = String::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let subject = if row.subject.is_empty() { String::new() } else { format!(": {}", row.subject) };
        let mut name = format!("{} {}{subject}", row.check.printed_code(), row.check.id);
        // Dashboards take class and name for the identity of a case.
        let times = names.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            let _ = write!(name, " ({times})");
        }
        let body = body(shown, row, bar, &mut counts);
        let _ = write!(cases, "    <testcase classname=\"{}\" name=\"{}\"", escape_line(&class), escape_line(&name));
        cases.push_str(&if body.is_empty() { "/>\n".to_owned() } else { format!(">\n{body}    </testcase>\n") });
    }
    let when = shown.report.collected_at.strftime("%Y-%m-%dT%H:%M:%S");
    let name = escape_line(&format!("{target} {}", group.name()));
    let text =
        format!("  <testsuite name=\"{name}\" {} timestamp=\"{when}\">\n{cases}  </testsuite>\n", counts.attributes());
    Suite { text, counts }
}

/// What a case holds; nothing for one that passed.
fn body(shown: &Shown<'_>, row: &Row, bar: Bar, counts: &mut Counts) -> String {
    let element = |name: &str, message: &str, text: &str| {
        let kind = row.check.printed_code();
        let message = escape_line(&message.replace("oc hcp-azure", shown.program));
        let text = escape(&text.replace("oc hcp-azure", shown.program));
        format!("      <{name} message=\"{message}\" type=\"{kind}\">{text}</{name}>\n")
    };
    let skipped = |message: &str| format!("      <skipped message=\"{}\"/>\n", escape_line(message));
    let output = || format!("      <system-out>{}</system-out>\n", escape(&details(shown, row)));
    if let Some(accepted) = &row.accepted {
        counts.skipped += 1;
        return format!("{}{}", skipped(&format!("{}: {}", row.what, accepted.describe())), output());
    }
    match row.verdict {
        Verdict::Pass => String::new(),
        Verdict::Info => output(),
        Verdict::Skipped => {
            counts.skipped += 1;
            skipped(&format!("{}: {}", row.what, row.why))
        }
        Verdict::Unknown if bar.counts(row) => {
            counts.errors += 1;
            element("error", &format!("{}: {}", row.what, row.why), &details(shown, row))
        }
        Verdict::Unknown => {
            counts.skipped += 1;
            skipped(&format!("{}: {}", row.what, row.why))
        }
        Verdict::Fail | Verdict::Warn if bar.counts(row) => {
            counts.failures += 1;
            element("failure", &row.what, &details(shown, row))
        }
        Verdict::Fail | Verdict::Warn => output(),
    }
}

fn details(shown: &Shown<'_>, row: &Row) -> String {
    let mut out = format!("{}: {}\n", row.verdict.word(), row.what);
    if !row.why.is_empty() {
        let _ = writeln!(out, "why: {}", row.why);
    }
    if let Some(cause) = &row.caused_by {
        let _ = writeln!(out, "caused by: HAZ-{} {}", cause.code, cause.subject);
    }
    for (label, value) in &row.evidence.0 {
        let _ = writeln!(out, "{label}: {value}");
    }
    if let Some(gap) = &row.gap
        && let (Some(needs), Some(scope)) = (&gap.needs, &gap.scope)
    {
        let _ = writeln!(out, "needs: {needs} on {scope}");
    }
    for fix in &row.fixes {
        let _ = writeln!(out, "fix ({}):", fix.who.describe());
        for command in &fix.commands {
            let _ = writeln!(out, "  {command}");
        }
        if let Some(note) = &fix.note {
            let _ = writeln!(out, "  {note}");
        }
    }
    let _ = writeln!(out, "docs: {}", row.check.docs_url());
    out.replace("oc hcp-azure", shown.program)
}
