//! Two examinations side by side: what is new, gone, changed.
//!
//! Rows are the same when code and subject are. A finding that is not in the later run is gone only when its check judged
//! there: what was not seen is not healthy.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::report::{Report, Verdict};

/// One examination, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// `namespace/name` of the hosted cluster.
    pub target: String,
    /// Where the facts come from, and of when, for the reader.
    pub source: String,
    /// Its rows.
    pub rows: Vec<RunRow>,
}

/// A row of an examination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// `FC01`.
    pub code: String,
    /// `fic-subjects-complete`.
    pub id: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What it is about.
    pub subject: String,
    /// What is the case.
    pub what: String,
    /// What was seen.
    pub evidence: BTreeMap<String, String>,
    /// The code of the root that explains it.
    pub caused_by: Option<String>,
    /// Whether somebody accepts it.
    pub accepted: bool,
}

impl RunRow {
    /// Whether something was found, or could not be judged.
    fn is_finding(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Warn | Verdict::Unknown)
    }

    /// Whether it is a failure that counts.
    fn fails(&self) -> bool {
        self.verdict == Verdict::Fail && !self.accepted
    }

    /// `fail`, or `fail (accepted)`.
    pub fn state(&self) -> String {
        let accepted = if self.accepted { " (accepted)" } else { "" };
        format!("{}{accepted}", self.verdict.word())
    }
}

impl Run {
    /// The run that a report is of.
    pub fn of(report: &Report, source: String) -> Self {
        let rows = report.rows.iter().map(|row| {
            let mut evidence: BTreeMap<String, String> = BTreeMap::new();
            for (label, value) in &row.evidence.0 {
                let text = evidence.entry(label.clone()).or_default();
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(value);
            }
            RunRow {
                code: row.check.code.into(),
                id: row.check.id.into(),
                verdict: row.verdict,
                subject: row.subject.clone(),
                what: row.what.clone(),
                evidence,
                caused_by: row.caused_by.as_ref().map(|cause| cause.code.into()),
                accepted: row.accepted.is_some(),
            }
        });
        Self { target: report.target.to_string(), source, rows: rows.collect() }
    }
}

/// What differs between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Found in the later run only.
    pub new: Vec<RunRow>,
    /// Found in the earlier run only, and its check judged in the later one.
    pub gone: Vec<RunRow>,
    /// Found in the earlier run only; its check did not judge, or did not run, in the later one.
    pub unseen: Vec<RunRow>,
    /// Found in both, and not the same.
    pub changed: Vec<Change>,
    /// How many findings are the same in both.
    pub same: usize,
}

/// A finding that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub before: RunRow,
    /// After.
    pub after: RunRow,
    /// The evidence that differs, by label: before and after.
    pub evidence: BTreeMap<String, (Option<String>, Option<String>)>,
}

impl Diff {
    /// The failures of the later run that were no failures that counted before.
    pub fn new_failures(&self) -> usize {
        let new = self.new.iter().filter(|row| row.fails()).count();
        let worse = self.changed.iter().filter(|change| change.after.fails() && !change.before.fails()).count();
        new + worse
    }
}

/// Evidence of the moment, which differs without anything having changed.
const OF_THE_MOMENT: [&str; 5] = ["first", "last", "seen", "trace id", "correlation id"];

/// Compares two runs.
pub fn diff(before: &Run, after: &Run) -> Diff {
    let mut result = Diff::default();
    // A check can find several things about one subject; they are taken in their order.
    let mut earlier: BTreeMap<(&str, &str), VecDeque<&RunRow>> = BTreeMap::new();
    for row in before.rows.iter().filter(|row| row.is_finding()) {
        earlier.entry((&row.code, &row.subject)).or_default().push_back(row);
    }
    for row in after.rows.iter().filter(|row| row.is_finding()) {
        match earlier.get_mut(&(row.code.as_str(), row.subject.as_str())).and_then(VecDeque::pop_front) {
            None => result.new.push(row.clone()),
            Some(old) => match change(old, row) {
                Some(change) => result.changed.push(change),
                None => result.same += 1,
            },
        }
    }
    let judged: BTreeSet<&str> = after
        .rows
        .iter()
        .filter(|row| !matches!(row.verdict, Verdict::Unknown | Verdict::Skipped))
        .map(|row| row.code.as_str())
        .collect();
    let partly: BTreeSet<&str> =
        after.rows.iter().filter(|row| row.verdict == Verdict::Unknown).map(|row| row.code.as_str()).collect();
    // What does not apply any more is gone; what another failure blocks was not seen.
    let passed_over: BTreeSet<&str> = after
        .rows
        .iter()
        .filter(|row| row.verdict == Verdict::Skipped && row.caused_by.is_none())
        .map(|row| row.code.as_str())
        .collect();
    for row in earlier.into_values().flatten() {
        let code = row.code.as_str();
        let looked = (judged.contains(code) || passed_over.contains(code)) && !partly.contains(code);
        if looked { result.gone.push(row.clone()) } else { result.unseen.push(row.clone()) }
    }
    for list in [&mut result.new, &mut result.gone, &mut result.unseen] {
        list.sort_by(|a, b| (a.verdict, &a.code, &a.subject).cmp(&(b.verdict, &b.code, &b.subject)));
    }
    result
}

fn change(before: &RunRow, after: &RunRow) -> Option<Change> {
    let labels: BTreeSet<&String> = before.evidence.keys().chain(after.evidence.keys()).collect();
    let mut evidence = BTreeMap::new();
    for label in labels.into_iter().filter(|label| !OF_THE_MOMENT.contains(&label.as_str())) {
        let (old, new) = (before.evidence.get(label), after.evidence.get(label));
        if old != new {
            evidence.insert(label.clone(), (old.cloned(), new.cloned()));
        }
    }
    let same = before.verdict == after.verdict
        && before.accepted == after.accepted
        && before.caused_by == after.caused_by
        && before.what == after.what
        && evidence.is_empty();
    (!same).then(|| Change { before: before.clone(), after: after.clone(), evidence })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;
    use crate::{Selection, examine};

    fn run(facts: &Facts) -> Run {
        Run::of(&examine(facts, &Selection::default()), "here".into())
    }

    fn wrong_subject() -> Facts {
        let mut facts = healthy();
        federated(&mut facts, "nodePoolManagement")[0].subject =
            "system:serviceaccount:kube-system:Capi-Provider".into();
        facts
    }

    fn codes(rows: &[RunRow]) -> Vec<&str> {
        rows.iter().map(|row| row.code.as_str()).collect()
    }

    #[test]
    fn equal_runs_differ_in_nothing() {
        for facts in [healthy(), wrong_subject()] {
            let found = diff(&run(&facts), &run(&facts));
            let same = run(&facts).rows.iter().filter(|row| row.is_finding()).count();
            assert_eq!(found, Diff { same, ..Diff::default() });
        }
    }

    #[test]
    fn a_failure_is_new_and_then_gone() {
        let (good, bad) = (run(&healthy()), run(&wrong_subject()));
        let found = diff(&good, &bad);
        assert_eq!((codes(&found.new), found.new_failures()), (vec!["FC01"], 1));
        let back = diff(&bad, &good);
        assert_eq!((codes(&back.gone), back.new_failures()), (vec!["FC01"], 0));
        assert!(back.unseen.is_empty());
    }

    #[test]
    fn what_is_not_seen_is_not_gone() {
        let mut blind = wrong_subject();
        blind.azure.identities = Fact::Unreadable(denied("a/read"));
        let found = diff(&run(&wrong_subject()), &run(&blind));
        assert_eq!(codes(&found.unseen), ["FC01"]);
        assert!(found.gone.is_empty() && found.new.iter().all(|row| row.verdict == Verdict::Unknown));
        assert_eq!(found.new_failures(), 0);
        let mut part = run(&healthy());
        part.rows.retain(|row| row.code != "FC01");
        assert_eq!(codes(&diff(&run(&wrong_subject()), &part).unseen), ["FC01"]);
    }

    #[test]
    fn verdict_evidence_and_acceptance_can_change() {
        let before = run(&wrong_subject());
        let mut facts = wrong_subject();
        federated(&mut facts, "nodePoolManagement")[0].subject =
            "system:serviceaccount:kube-system:capi-Provider".into();
        let found = diff(&before, &run(&facts));
        assert_eq!(found.changed.len(), 1);
        assert_eq!(found.changed[0].evidence.keys().collect::<Vec<_>>(), ["found"]);
        assert_eq!(found.new_failures(), 0);
        let at = before.rows.iter().position(|row| row.code == "FC01").unwrap();
        let mut accepted = before.clone();
        accepted.rows[at].accepted = true;
        assert_eq!(diff(&before, &accepted).new_failures(), 0);
        assert_eq!(diff(&accepted, &before).new_failures(), 1);
        let mut warned = before.clone();
        warned.rows[at].verdict = Verdict::Warn;
        assert_eq!(diff(&warned, &before).new_failures(), 1);
        let mut later = before.clone();
        later.rows[at].evidence.insert("last".into(), "now".into());
        assert!(diff(&before, &later).changed.is_empty());
    }

    #[test]
    fn several_findings_about_one_subject_are_paired_in_order() {
        let mut one = run(&wrong_subject());
        let row = one.rows.iter().find(|row| row.code == "FC01").unwrap().clone();
        one.rows.push(row.clone());
        let mut two = one.clone();
        two.rows.push(row);
        assert_eq!(diff(&one, &two).new.len(), 1);
        assert_eq!(diff(&two, &one).gone.len(), 1);
    }
}
