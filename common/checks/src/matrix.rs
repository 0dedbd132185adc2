//! The fault matrix: every check's own faults, alone and two at a time, each judged by all checks.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write as _;

use facts::{BundleFormat, Fact, Facts, Gap, GapKind, Source};
use serde_json::Value;

use crate::registry::{CHECKS, FAULTS};
use crate::testkit::{Fault, healthy};
use crate::{Check, Report, Selection, Verdict, examine};

/// Checks without a fault: nothing that they find is more than worth knowing, so that they are never a root.
const NEVER_A_ROOT: &[(&str, &str)] =
    &[("RA06", "roles that are wider than needed, and twice assigned ones, harm no cluster")];

fn note(line: &str) {
    // A closed stderr must not fail a test.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn everything() -> Selection {
    Selection::default().on_request(true)
}

fn roots(report: &Report) -> BTreeSet<&'static str> {
    report.roots().iter().map(|row| row.check.code).collect()
}

fn folded(report: &Report) -> BTreeSet<&'static str> {
    report.rows.iter().filter(|row| row.caused_by.is_some()).map(|row| row.check.code).collect()
}

/// What is wrong with the report on faults whose only roots should be `wanted`; none when nothing is.
fn objection(wanted: &[&'static str], report: &Report) -> Option<String> {
    let roots = roots(report);
    if roots.is_empty() {
        return Some("silence".to_owned());
    }
    if roots != wanted.iter().copied().collect() {
        return Some(format!("roots {roots:?}"));
    }
    let unknown: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.verdict == Verdict::Unknown && !wanted.contains(&row.check.code))
        .map(|row| (row.check.code, &row.why))
        .collect();
    (!unknown.is_empty()).then(|| format!("unknown {unknown:?}"))
}

#[test]
fn every_fault_has_exactly_its_root() {
    let (mut faults, mut wrong) = (0, Vec::new());
    note("| check | fault | root | explains |\n|---|---|---|---|");
    for (check, of_check) in FAULTS {
        for fault in of_check() {
            faults += 1;
            let mut facts = (fault.base)();
            (fault.inject)(&mut facts);
            let report = examine(&facts, &everything());
            let explained = folded(&report);
            let listed: Vec<&str> = explained.iter().copied().collect();
            note(&format!("| {0} | {1} | {0} | {2} |", check.code, fault.name, listed.join(" ")));
            if let Some(objection) = objection(&[check.code], &report) {
                wrong.push(format!("{} {}: {objection}", check.code, fault.name));
            }
            for symptom in fault.shows.iter().filter(|symptom| !explained.contains(*symptom)) {
                wrong.push(format!("{} {}: {symptom} is not folded under it", check.code, fault.name));
            }
        }
    }
    note(&format!("{faults} faults of {} of {} checks, {} wrong", FAULTS.len(), CHECKS.len(), wrong.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_has_a_fault() {
    let with_faults: BTreeSet<&str> =
        FAULTS.iter().filter(|(_, of_check)| !of_check().is_empty()).map(|(check, _)| check.code).collect();
    let excused: BTreeSet<&str> = NEVER_A_ROOT.iter().map(|(code, _)| *code).collect();
    let all: BTreeSet<&str> = CHECKS.iter().map(|check| check.code).collect();
    let without: Vec<&&str> = all.difference(&with_faults).filter(|code| !excused.contains(**code)).collect();
    assert!(without.is_empty(), "checks without a fault: {without:?}");
    let needless: Vec<&&str> =
        excused.iter().filter(|code| with_faults.contains(**code) || !all.contains(**code)).collect();
    assert!(needless.is_empty(), "excused without need: {needless:?}");
    for check in CHECKS.iter().filter(|check| excused.contains(check.code)) {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(check.file);
        let source = std::fs::read_to_string(source).unwrap();
        let judged = source.split("#[cfg(test)]").next().unwrap();
        assert!(
            !judged.contains("Finding::fail(") && !judged.contains("Finding::warn("),
            "{} can be a root: it needs a fault",
            check.code
        );
    }
}

/// A fault that can be put beside another: the healthy facts it breaks, and what it changes in them.
struct Single {
    check: &'static Check,
    fault: Fault,
    healthy: Facts,
    /// Values by JSON pointer; `null` where something was taken away. What was added to the end of a list counts for nothing.
    changed: BTreeMap<String, Value>,
}

impl Single {
    fn new(check: &'static Check, fault: Fault) -> Self {
        let healthy = (fault.base)();
        let mut broken = healthy.clone();
        (fault.inject)(&mut broken);
        let mut changed = BTreeMap::new();
        let [before, after] = [&healthy, &broken].map(|facts| serde_json::to_value(facts).unwrap());
        difference(String::new(), &before, &after, &mut changed);
        Self { check, fault, healthy, changed }
    }

    /// Whether beside this fault the other's check does not apply: where no worker joins, nobody asks for the
    /// applications' name.
    fn silences(&self, other: &Self) -> bool {
        let mut facts = self.healthy.clone();
        (self.fault.inject)(&mut facts);
        let only = Selection::parse(&[other.check.code], &[]).unwrap().on_request(true);
        examine(&facts, &only).rows.iter().all(|row| row.verdict == Verdict::Skipped)
    }

    /// Whether neither fault changes what the other one does, unless both change it alike.
    fn is_independent_of(&self, other: &Self) -> bool {
        self.changed.iter().all(|(path, value)| {
            other.changed.iter().all(|(theirs, their_value)| {
                let within = |inner: &str, outer: &str| {
                    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                (path == theirs && value == their_value) || !(within(path, theirs) || within(theirs, path))
            })
        })
    }
}

fn difference(path: String, before: &Value, after: &Value, changed: &mut BTreeMap<String, Value>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for key in old.keys().chain(new.keys()) {
                let [old, new] = [old, new].map(|fields| fields.get(key).unwrap_or(&Value::Null));
                difference(format!("{path}/{key}"), old, new, changed);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() <= new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                difference(format!("{path}/{at}"), old, new, changed);
            }
        }
        (old, new) if old == new => {}
        _ => {
            changed.insert(path, after.clone());
        }
    }
}

/// The codes of the checks that can be the cause of one, near or far.
fn causes(code: &str) -> BTreeSet<&'static str> {
    let direct = |code: &str| CHECKS.iter().find(|check| check.code == code).map_or(&[][..], |check| check.caused_by);
    let mut found = BTreeSet::new();
    let mut queue: VecDeque<&str> = direct(code).iter().copied().collect();
    while let Some(next) = queue.pop_front() {
        if found.insert(next) {
            queue.extend(direct(next));
        }
    }
    found
}

/// How many pairs are looked at: what a few seconds suffice for.
const PAIRS: usize = 250;

#[test]
fn two_independent_faults_have_exactly_their_two_roots() {
    let mut singles: Vec<Single> = Vec::new();
    for (check, of_check) in FAULTS {
        singles.extend(of_check().into_iter().take(2).map(|fault| Single::new(check, fault)));
    }
    // What is being deleted is judged by few checks: beside a deletion hardly any fault is one.
    singles.retain(|single| !single.changed.contains_key("/hosted/cluster/value/deletedAt"));
    let causes: BTreeMap<&str, BTreeSet<&str>> = CHECKS.iter().map(|check| (check.code, causes(check.code))).collect();
    let mut pairs = Vec::new();
    for (at, one) in singles.iter().enumerate() {
        for other in &singles[at + 1..] {
            let (a, b) = (one.check.code, other.check.code);
            let related = causes[a].contains(b) || causes[b].contains(a);
            if one.check.group != other.check.group
                && !related
                && one.healthy == other.healthy
                && one.is_independent_of(other)
            {
                pairs.push((one, other));
            }
        }
    }
    let step = pairs.len().div_ceil(PAIRS).max(1);
    let (mut seen, mut wrong) = (0, Vec::new());
    for (one, other) in pairs.iter().step_by(step) {
        seen += 1;
        let mut facts = one.healthy.clone();
        (one.fault.inject)(&mut facts);
        (other.fault.inject)(&mut facts);
        let report = examine(&facts, &everything());
        if let Some(objection) = objection(&[one.check.code, other.check.code], &report)
            && !one.silences(other)
            && !other.silences(one)
        {
            wrong.push(format!(
                "{} {} + {} {}: {objection}",
                one.check.code, one.fault.name, other.check.code, other.fault.name
            ));
        }
    }
    note(&format!("{seen} of {} pairs of independent faults, {} wrong", pairs.len(), wrong.len()));
    assert!(seen > 100, "hardly any pairs");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_bundle_of_kubernetes_data_alone_blames_nobody() {
    let mut facts = healthy();
    let missing = || Gap::new(GapKind::NotRecorded, "no dump holds it");
    facts.source = Source::Bundle { path: "dump".into(), format: BundleFormat::KubernetesDump };
    facts.local.creds_file = Fact::Absent;
    facts.exchange = facts::exchange::Exchange::default();
    facts.azure = facts::azure::Azure {
        login: Fact::Unreadable(missing()),
        subscription: Fact::Unreadable(missing()),
        identities: Fact::Unreadable(missing()),
        ..facts::azure::Azure::default()
    };
    facts.oidc = facts::oidc::Oidc {
        discovery: Fact::Unreadable(missing()),
        jwks: Fact::Unreadable(missing()),
        storage: Fact::Unreadable(missing()),
        signing_key: Fact::Unreadable(missing()),
        ..facts::oidc::Oidc::default()
    };
    let selection = Selection::parse(&["CR", "QT", "ID", "FC", "OI", "RA"], &[]).unwrap();
    let report = examine(&facts, &selection);
    for row in &report.rows {
        assert!(!matches!(row.verdict, Verdict::Fail | Verdict::Warn), "{row:#?}");
        if row.verdict == Verdict::Unknown {
            assert_eq!(row.gap.as_ref().unwrap().kind, GapKind::NotRecorded, "{row:#?}");
        }
    }
}
