//! [`Report`]: the rows of one examination.

use facts::{Facts, Gap, GapKind, Source, Target};
use jiff::Timestamp;

use crate::check::{Check, Group};
use crate::judgement::{Evidence, Finding, Fix, Judgement, Key, Level};
use crate::waiver::{Acceptance, WaiverUse};

/// What an examination says.
#[derive(Debug)]
pub struct Report {
    /// When the facts were collected.
    pub collected_at: Timestamp,
    /// The hosted cluster.
    pub target: Target,
    /// Where the facts come from.
    pub source: Source,
    /// Rows in the order of the groups and codes.
    pub rows: Vec<Row>,
    /// What came of the waivers of this run.
    pub waivers: Vec<WaiverUse>,
}

/// What counts against a cluster besides failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bar {
    /// Warnings count.
    pub warnings: bool,
    /// What could not be judged counts.
    pub unknowns: bool,
}

impl Bar {
    /// Whether a row counts: accepted ones never do.
    pub fn counts(self, row: &Row) -> bool {
        row.accepted.is_none()
            && match row.verdict {
                Verdict::Fail => true,
                Verdict::Warn => self.warnings,
                Verdict::Unknown => self.unknowns,
                Verdict::Info | Verdict::Pass | Verdict::Skipped => false,
            }
    }
}

impl Report {
    pub(crate) fn new(facts: &Facts, rows: Vec<Row>) -> Self {
        Self {
            collected_at: facts.collected_at,
            target: facts.target.clone(),
            source: facts.source.clone(),
            rows,
            waivers: Vec::new(),
        }
    }

    /// Whether a row counts against the cluster.
    pub fn fails(&self, bar: Bar) -> bool {
        self.rows.iter().any(|row| bar.counts(row))
    }

    /// How many rows have which verdict.
    pub fn summary(&self) -> Summary {
        Summary::of(self.rows.iter())
    }

    /// How many rows of a group have which verdict.
    pub fn summary_of(&self, group: Group) -> Summary {
        Summary::of(self.rows.iter().filter(|row| row.check.group == group))
    }

    /// The failures and warnings that nothing else explains and nobody accepts, failures first.
    pub fn roots(&self) -> Vec<&Row> {
        let mut roots: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| matches!(row.verdict, Verdict::Fail | Verdict::Warn) && row.caused_by.is_none())
            .filter(|row| row.accepted.is_none())
            .collect();
        roots.sort_by_key(|row| row.verdict);
        roots
    }

    /// The rows that a waiver names; what only follows an accepted root is not among them.
    pub fn accepted(&self) -> Vec<&Row> {
        self.rows
            .iter()
            .filter(|row| row.accepted.as_ref().is_some_and(|accepted| accepted.follows.is_none()))
            .collect()
    }

    /// The rows that `root`, a row of this report, explains.
    pub fn caused_by(&self, root: &Row) -> Vec<&Row> {
        let place = self.rows.iter().position(|row| std::ptr::eq(row, root));
        self.rows.iter().filter(|row| row.caused_by.as_ref().is_some_and(|cause| Some(cause.row) == place)).collect()
    }
}

/// One row: a check's verdict on one subject.
#[derive(Debug)]
pub struct Row {
    /// The check.
    pub check: &'static Check,
    /// The verdict.
    pub verdict: Verdict,
    /// What it is about.
    pub subject: String,
    /// What is the case.
    pub what: String,
    /// Why that matters, or why it could not be checked.
    pub why: String,
    /// What to do.
    pub fixes: Vec<Fix>,
    /// What was seen.
    pub evidence: Evidence,
    /// What explains it.
    pub caused_by: Option<Cause>,
    /// For rows that could not be judged: what could not be read.
    pub gap: Option<Gap>,
    /// Why it does not count, where somebody accepts it.
    pub accepted: Option<Acceptance>,
    /// What it touches.
    pub(crate) keys: Vec<Key>,
    /// Whether only a row about the very same thing can explain it.
    pub(crate) explains_itself: bool,
    /// Whether it explains failures although it is a warning.
    pub(crate) explains_failures: bool,
}

/// The verdict of a row, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The evidence proves that the next step cannot work.
    Fail,
    /// Not safe, or not for long.
    Warn,
    /// It could not be judged.
    Unknown,
    /// Worth knowing.
    Info,
    /// All is well.
    Pass,
    /// It does not apply, or a failure elsewhere blocks it.
    Skipped,
}

impl Verdict {
    /// Its word, in reports and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Info => "info",
            Self::Pass => "pass",
            Self::Skipped => "skipped",
        }
    }
}

/// The row that explains another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The code of its check.
    pub code: &'static str,
    /// Its subject.
    pub subject: String,
    /// Its place in the report.
    pub row: usize,
    /// The place of the row that explains this one directly: that of the root itself, or of another symptom of it.
    pub via: usize,
}

/// How many rows have which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// `pass`.
    pub pass: usize,
    /// `fail`.
    pub fail: usize,
    /// `warn`.
    pub warn: usize,
    /// `info`.
    pub info: usize,
    /// `unknown`.
    pub unknown: usize,
    /// `skipped`.
    pub skipped: usize,
    /// Findings that somebody accepts; they are counted here only.
    pub accepted: usize,
}

impl Summary {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut summary = Self::default();
        for row in rows {
            match row.verdict {
                _ if row.accepted.is_some() => summary.accepted += 1,
                Verdict::Fail => summary.fail += 1,
                Verdict::Warn => summary.warn += 1,
                Verdict::Unknown => summary.unknown += 1,
                Verdict::Info => summary.info += 1,
                Verdict::Pass => summary.pass += 1,
                Verdict::Skipped => summary.skipped += 1,
            }
        }
        summary
    }

    /// All rows.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.warn + self.info + self.unknown + self.skipped + self.accepted
    }
}

/// The rows of one check.
pub(crate) fn rows_of(check: &'static Check, judged: Result<Judgement, Gap>) -> Vec<Row> {
    match judged {
        Ok(Judgement::Judged { passed, findings }) if findings.is_empty() => {
            vec![plain(check, Verdict::Pass, passed, String::new())]
        }
        Ok(Judgement::Judged { findings, .. }) => findings.into_iter().map(|finding| row(check, finding)).collect(),
        Ok(Judgement::NotApplicable(why)) => vec![plain(check, Verdict::Skipped, "does not apply".into(), why)],
        Err(gap) => vec![row(check, Finding::unknown(String::new(), gap))],
    }
}

fn plain(check: &'static Check, verdict: Verdict, what: String, why: String) -> Row {
    Row {
        check,
        verdict,
        subject: String::new(),
        what,
        why,
        fixes: Vec::new(),
        evidence: Evidence::default(),
        caused_by: None,
        gap: None,
        accepted: None,
        keys: Vec::new(),
        explains_itself: false,
        explains_failures: false,
    }
}

fn row(check: &'static Check, finding: Finding) -> Row {
    let verdict = match finding.level {
        Level::Fail => Verdict::Fail,
        Level::Warn => Verdict::Warn,
        Level::Info => Verdict::Info,
        Level::Unknown => Verdict::Unknown,
    };
    Row {
        check,
        verdict,
        subject: finding.subject,
        what: finding.what,
        why: finding.why,
        fixes: finding.fixes,
        evidence: finding.evidence,
        caused_by: None,
        gap: finding.gap,
        accepted: None,
        keys: finding.keys,
        explains_itself: finding.explains_itself,
        explains_failures: finding.explains_failures,
    }
}

impl Row {
    /// What it touches.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The same without anything that looks like a secret.
    ///
    /// Facts are redacted when they are collected. A recording may have been written by another program, or by hand.
    pub(crate) fn redacted(mut self) -> Self {
        let clean = |text: &mut String| *text = facts::redact::text(text);
        for text in [&mut self.subject, &mut self.what, &mut self.why] {
            clean(text);
        }
        self.evidence.0.iter_mut().for_each(|(_, value)| clean(value));
        for fix in &mut self.fixes {
            fix.commands.iter_mut().for_each(clean);
            fix.note.iter_mut().for_each(clean);
        }
        if let Some(gap) = &mut self.gap {
            clean(&mut gap.why);
            [&mut gap.needs, &mut gap.scope, &mut gap.remedy].into_iter().flatten().for_each(clean);
        }
        self
    }

    /// Whether it could not be judged only because something it depends on has failed.
    pub(crate) fn is_blocked(&self) -> bool {
        self.verdict == Verdict::Unknown && self.gap.as_ref().is_some_and(|gap| gap.kind == GapKind::Blocked)
    }
}
