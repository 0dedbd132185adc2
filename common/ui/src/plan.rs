//! Plans: as a person reads them before they happen, as a program does, and as they happen.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::time::{Duration, Instant};

use ::plan::{Plan, Step, Verb};
use serde::Serialize;

use crate::terminal::Terminal;
use crate::text;

/// The widest that the column of resources gets.
const RESOURCE_WIDTH: usize = 64;

/// The columns of a mark, with the blanks around it.
const MARK: usize = 4;

/// The blanks between a resource and its reason.
const GAP: usize = 2;

/// The least that the column of reasons gets.
const REASON_WIDTH: usize = 24;

/// Steps of which a plan may have many, by the first part of their names, and what they are called together.
const KINDS: [(&str, &str); 2] = [("credential/", "federated credentials"), ("role/", "role assignments")];

/// How many steps of a kind are told one by one when the plan is shown short.
const TOLD: usize = 4;

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A line for each step.
    Full,
    /// Many steps of a kind in one line.
    Short,
}

/// The plan for people: one line per step or, if short, per kind of steps; then the sum.
pub fn table(plan: &Plan, notes: &[String], detail: Detail, terminal: &Terminal) -> String {
    let rows = rows(plan, detail);
    let width = rows.iter().map(|row| row.resource.chars().count()).max().unwrap_or(0);
    let room = terminal.width().saturating_sub(MARK + GAP + REASON_WIDTH);
    let width = width.min(RESOURCE_WIDTH).min(room);
    let mut out = String::new();
    for row in rows {
        out.push_str(&line(&row, width, terminal));
    }
    for note in notes {
        let label = format!("  {} ", terminal.caution("!"));
        out.push_str(&text::hanging(&label, "    ", note, terminal.width()));
    }
    out.push('\n');
    out.push_str(&text::hanging("", "", &sum(plan), terminal.width()));
    terminal.fit(&out)
}

/// One row, its resource in a column of this width and the reason beside it. A resource that is wider has its reason below.
fn line(row: &Row, width: usize, terminal: &Terminal) -> String {
    let paint = |text: &str| match row.verb {
        Verb::Create => terminal.good(text),
        Verb::Change => terminal.caution(text),
        Verb::Delete => terminal.bad(text),
        Verb::Keep => text.to_owned(),
    };
    let mark = format!("  {} ", row.verb.mark());
    let resource = text::printable(&row.resource);
    let (mut out, hang) = if resource.chars().count() <= width {
        (paint(&format!("{mark}{resource:<width$}  ")), " ".repeat(MARK + width + GAP))
    } else {
        let lines = text::hanging(&mark, "    ", &resource, terminal.width());
        let hang = " ".repeat(MARK + GAP);
        (lines.lines().fold(String::new(), |out, line| out + &paint(line) + "\n") + &hang, hang)
    };
    let reason = text::hanging("", &hang, &row.reason, terminal.width());
    for (at, line) in reason.lines().enumerate() {
        let hang = if at == 0 { "" } else { &hang };
        let _ = writeln!(out, "{hang}{}", terminal.faint(line.trim_start()));
    }
    out
}

/// What a plan is about and who carries it out: the lines above it.
pub fn heading(title: &str, by: &str, terminal: &Terminal) -> String {
    let title = text::hanging("", "  ", title, terminal.width());
    let title: Vec<String> = title.lines().map(|line| terminal.strong(line)).collect();
    let by = text::by_commas("", "  ", by, terminal.width());
    terminal.fit(&format!("{}\n{by}", title.join("\n")))
}

/// One line of a plan that is shown.
struct Row {
    verb: Verb,
    resource: String,
    reason: String,
}

fn rows(plan: &Plan, detail: Detail) -> Vec<Row> {
    let kind = |step: &Step| KINDS.iter().find(|(prefix, _)| detail == Detail::Short && step.id.starts_with(prefix));
    let mut told = BTreeSet::new();
    let mut rows = Vec::new();
    for step in plan.steps() {
        let single = Row { verb: step.verb, resource: step.resource.clone(), reason: step.reason.clone() };
        let Some((prefix, name)) = kind(step) else {
            rows.push(single);
            continue;
        };
        let alike: Vec<&Step> =
            plan.steps().iter().filter(|other| other.verb == step.verb && other.id.starts_with(prefix)).collect();
        if alike.len() <= TOLD {
            rows.push(single);
        } else if told.insert((prefix, step.verb)) {
            let reasons: BTreeSet<&str> = alike.iter().map(|step| step.reason.as_str()).collect();
            let reason = match reasons.iter().next() {
                Some(only) if reasons.len() == 1 => (*only).to_owned(),
                _ => "each is shown with -v or --dry-run".to_owned(),
            };
            rows.push(Row { verb: step.verb, resource: format!("{} {name}", alike.len()), reason });
        }
    }
    rows
}

/// `51 to create, 0 to change, 1 kept. About 20 s.`
pub fn sum(plan: &Plan) -> String {
    let count = |verb| plan.count(verb);
    let mut text = format!("{} to create, {} to change", count(Verb::Create), count(Verb::Change));
    if count(Verb::Delete) > 0 {
        text.push_str(&format!(", {} to delete", count(Verb::Delete)));
    }
    text.push_str(&format!(", {} kept.", count(Verb::Keep)));
    match plan.expected_seconds() {
        0 => {}
        seconds @ 1..=90 => text.push_str(&format!(" About {seconds} s.")),
        seconds => text.push_str(&format!(" About {} min.", seconds.div_ceil(60))),
    }
    text
}

/// The JSON Schema of [`PlanDocument`].
pub fn schema() -> &'static str {
    include_str!("plan.schema.json")
}

/// The plan for programs. Fields are only ever added; `plan.schema.json` beside this file describes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    api_version: &'static str,
    kind: &'static str,
    summary: Summary,
    /// Minutes that applying it usually takes, rounded up.
    expected_minutes: u32,
    /// The OIDC issuer that the plan is about; absent where it is about none, or that is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    notes: Vec<String>,
    steps: Vec<StepDocument>,
}

#[derive(Debug, Serialize)]
struct Summary {
    create: usize,
    change: usize,
    delete: usize,
    keep: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StepDocument {
    id: String,
    verb: &'static str,
    resource: String,
    reason: String,
    depends_on: BTreeSet<String>,
    /// How it ended; absent as long as nothing was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

impl PlanDocument {
    /// The document of a plan; with how each step ended, in the plan's order, once it was applied.
    pub fn of(plan: &Plan, notes: &[String], ends: Option<&[End]>) -> Self {
        let step = |(at, step): (usize, &Step)| StepDocument {
            id: step.id.clone(),
            verb: word(step.verb),
            resource: step.resource.clone(),
            reason: step.reason.clone(),
            depends_on: step.depends_on.clone(),
            outcome: ends.and_then(|ends| ends.get(at)).map(|end| end.word()),
        };
        Self {
            api_version: "hcp-azure.io/v1",
            kind: "Plan",
            summary: Summary {
                create: plan.count(Verb::Create),
                change: plan.count(Verb::Change),
                delete: plan.count(Verb::Delete),
                keep: plan.count(Verb::Keep),
            },
            expected_minutes: plan.expected_seconds().div_ceil(60),
            issuer: None,
            notes: notes.to_vec(),
            steps: plan.steps().iter().enumerate().map(step).collect(),
        }
    }
}

impl PlanDocument {
    /// The same with the OIDC issuer that it is about.
    #[must_use]
    pub fn with_issuer(self, issuer: Option<&str>) -> Self {
        Self { issuer: issuer.map(str::to_owned), ..self }
    }
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Change => "change",
        Verb::Delete => "delete",
        Verb::Keep => "keep",
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// There was nothing to do.
    Kept,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// It was not begun: a step before it did not get done.
    Skipped,
    /// It was not begun: the run was stopped.
    Stopped,
    /// Azure finishes it by itself.
    Left,
}

impl End {
    fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Stopped => "stopped",
            Self::Left => "left to Azure",
        }
    }
}

/// The progress of a plan on stderr: a live line on a terminal, else one line per step.
#[derive(Debug)]
pub struct Progress {
    labels: Vec<(Verb, String)>,
    running: Vec<(usize, Instant)>,
    begun: Instant,
    over: usize,
    live: bool,
    shown: bool,
    terminal: Terminal,
}

impl Progress {
    /// Progress of this plan; says nothing when `quiet`.
    pub fn new(plan: &Plan, terminal: Terminal, quiet: bool) -> Self {
        let labels = plan.steps().iter().map(|step| (step.verb, step.resource.clone())).collect();
        Self {
            labels,
            running: Vec::new(),
            begun: Instant::now(),
            over: 0,
            live: terminal.redraws(),
            shown: !quiet,
            terminal,
        }
    }

    /// A step begins.
    pub fn started(&mut self, at: usize) {
        self.running.push((at, Instant::now()));
        self.tick();
    }

    /// A step goes on later.
    pub fn again(&mut self, at: usize, wait: Duration, why: &str) {
        let label = self.label(at);
        self.line(&format!("waits {:>4.1} s  {label}: {why}\n", wait.as_secs_f64()));
    }

    /// Something holds a step up.
    pub fn blocked(&mut self, at: usize, why: &str) {
        let label = self.label(at);
        self.line(&format!("waits          {label}: {why}\n"));
    }

    /// A step is over.
    pub fn ended(&mut self, at: usize, end: End) {
        let begun = self.running.iter().position(|(own, _)| *own == at).map(|place| self.running.remove(place).1);
        self.over += 1;
        let verb = self.labels.get(at).map_or(Verb::Keep, |(verb, _)| *verb);
        let word = match (end, verb) {
            (End::Done, Verb::Create) => "created",
            (End::Done, Verb::Change) => "changed",
            (End::Done, Verb::Delete) => "deleted",
            (end, _) => end.word(),
        };
        let quiet_on_screen = self.live && matches!(end, End::Done | End::Kept | End::Skipped | End::Stopped);
        if end != End::Kept && !quiet_on_screen {
            let time = begun.map_or_else(String::new, |begun| format!("{:.1} s", begun.elapsed().as_secs_f64()));
            let label = self.label(at);
            self.line(&format!("{word:<13} {time:>7}  {label}\n"));
        }
        self.tick();
    }

    /// Shows the live line anew, where there is one.
    pub fn tick(&mut self) {
        if !self.live || !self.shown {
            return;
        }
        let seconds = self.begun.elapsed().as_secs();
        let what = self.running.first().map_or_else(String::new, |(at, _)| self.label(*at));
        let more = match self.running.len() {
            0 | 1 => String::new(),
            several => format!(" and {} more", several - 1),
        };
        let line =
            format!("  [{}/{}] {:02}:{:02}  {what}{more}", self.over, self.labels.len(), seconds / 60, seconds % 60);
        let line: String = line.chars().take(self.terminal.width().saturating_sub(1)).collect();
        crate::note(&format!("\r\x1b[2K{line}"));
    }

    /// Takes the live line away.
    pub fn finish(&mut self) {
        if self.live && self.shown {
            crate::note("\r\x1b[2K");
        }
    }

    fn label(&self, at: usize) -> String {
        self.labels.get(at).map_or_else(String::new, |(_, label)| label.clone())
    }

    fn line(&mut self, line: &str) {
        if !self.shown {
            return;
        }
        if self.live {
            crate::note("\r\x1b[2K");
        }
        crate::note(&self.terminal.fit(line));
    }
}

/// Whether somebody is there to be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question on stderr; only `y` or `yes` is a yes.
pub fn confirm(question: &str) -> bool {
    let answer = asked(&format!("{question} [y/N] "));
    answer.is_some_and(|answer| ["y", "yes"].contains(&answer.to_ascii_lowercase().as_str()))
}

/// Asks for a name to be typed; only that very name is a yes.
pub fn typed(name: &str) -> bool {
    asked(&format!("Type {name} to go on: ")).is_some_and(|answer| answer == name)
}

fn asked(question: &str) -> Option<String> {
    crate::note(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).ok()?;
    Some(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn step(id: &str, verb: Verb, depends_on: &[&str]) -> Step {
        Step {
            id: id.into(),
            verb,
            resource: format!("resource group {id}"),
            reason: "because".into(),
            depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
            change: None,
            serial: None,
        }
    }

    #[test]
    fn a_plan_for_people_and_for_programs() {
        let plan = Plan::new(vec![step("a", Verb::Keep, &[]), step("long", Verb::Create, &["a"])]).unwrap();
        let text = table(&plan, &["mind this".into()], Detail::Short, &Terminal::plain(80));
        assert_eq!(
            text,
            "  = resource group a     because\n  + resource group long  because\n  ! mind this\n\n1 to create, 0 to change, 1 kept.\n"
        );
        let json = serde_json::to_value(PlanDocument::of(&plan, &[], Some(&[End::Kept, End::Done]))).unwrap();
        assert_eq!(json["kind"], "Plan");
        assert_eq!(
            json["steps"][1],
            serde_json::json!({"id": "long", "verb": "create", "resource": "resource group long", "reason": "because", "dependsOn": ["a"], "outcome": "done"})
        );
        let json = serde_json::to_value(PlanDocument::of(&plan, &[], None)).unwrap();
        assert!(json["steps"][1].get("outcome").is_none());
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let mut long = step("a", Verb::Create, &[]);
        long.resource = format!("managed identity {}", "x".repeat(30));
        long.reason = "acts for the cloud controller manager, and for nobody else in this cluster".into();
        let plan = Plan::new(vec![long, step("b", Verb::Keep, &[])]).unwrap();
        for width in [60, 80, 120] {
            let text = table(&plan, &[], Detail::Short, &Terminal::plain(width));
            assert!(text.lines().all(|line| line.chars().count() <= width && line == line.trim_end()), "{text}");
        }
        let text = table(&plan, &[], Detail::Short, &Terminal::plain(60));
        assert!(text.contains("\n  = resource group b            "), "{text}");
    }

    #[test]
    fn many_steps_of_a_kind_are_one_line_of_a_short_plan() {
        let mut steps: Vec<Step> = (0..5).map(|at| step(&format!("role/{at}"), Verb::Create, &[])).collect();
        steps.extend((5..8).map(|at| step(&format!("role/{at}"), Verb::Keep, &[])));
        let plan = Plan::new(steps).unwrap();
        let lines = |detail| table(&plan, &[], detail, &Terminal::plain(80)).lines().count();
        assert_eq!((lines(Detail::Full), lines(Detail::Short)), (10, 6));
        assert!(table(&plan, &[], Detail::Short, &Terminal::plain(80)).starts_with("  + 5 role assignments"));
    }
}
