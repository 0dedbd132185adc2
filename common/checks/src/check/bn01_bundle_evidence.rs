//! BN01: the recording holds what the checks need.

use std::collections::{BTreeMap, BTreeSet};

use facts::recording::Held;

use crate::check::{Check, Group, Stage};
use crate::prelude::*;
use crate::registry::CHECKS;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// A recording holds the evidence that the checks need, is whole, is about the hosted cluster that its manifest names,
    /// and was not opened long after it was made.
    ///
    /// ## Why it matters
    /// `hypershift dump`, `oc adm inspect` and must-gather hold nothing of Azure, and leave out Secrets and most objects of
    /// private clusters. A check without evidence says nothing, and what it would have found stays hidden.
    ///
    /// ## How to fix
    /// Record a bundle with an account that may read both sides. Its manifest names what was refused, and the role that
    /// allows it.
    ///
    /// Source: hypershift cmd/cluster/core/dump; openshift-docs#80230.
    pub static BUNDLE_EVIDENCE = {
        code: "BN01",
        id: "bundle-evidence",
        group: Recording,
        since: "0.1.0",
        when: [Support],
        needs: [Recording],
        caused_by: [],
        judge: judge,
    };
}

/// How old a recording may be, in seconds, before its age is told.
const FRESH: i64 = 24 * 60 * 60;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let Some(held) = view.recording()? else {
        return Ok(Judgement::NotApplicable("the facts were read live, not from a recording".into()));
    };
    let mut findings = Vec::new();
    findings.extend(seal(view, held));
    let all = judged_from_recordings();
    let lacking = lacking(view, &all);
    if !lacking.is_empty() {
        findings.push(evidence(view, &lacking, all.len()));
    }
    findings.extend(age(view, held));
    Ok(Judgement::new(format!("the recording holds what {} checks need", all.len()), findings))
}

/// The checks that a recording is expected to hold evidence for: not those about what is collected on request.
fn judged_from_recordings() -> Vec<&'static Check> {
    let of_support = CHECKS.iter().copied().filter(|check| check.when.contains(&Stage::Support));
    of_support
        .filter(|check| check.group != Group::Recording && !check.needs.iter().any(|need| need.is_on_request()))
        .collect()
}

/// The checks that could not judge, whole or in part, because something was not read, with the reasons.
fn lacking<'c>(view: &View<'_>, all: &[&'c Check]) -> BTreeMap<&'c str, BTreeSet<Gap>> {
    let mut lacking: BTreeMap<&str, BTreeSet<Gap>> = BTreeMap::new();
    for check in all {
        let gaps: Vec<Gap> = match (check.judge)(&view.apart()) {
            Err(gap) => vec![gap],
            Ok(Judgement::Judged { findings, .. }) => findings.into_iter().filter_map(|finding| finding.gap).collect(),
            Ok(Judgement::NotApplicable(_)) => vec![],
        };
        // What is blocked lacks nothing that another recording would hold.
        let gaps = gaps.into_iter().filter(|gap| gap.kind != GapKind::Blocked);
        let gaps: BTreeSet<Gap> = gaps.collect();
        if !gaps.is_empty() {
            lacking.insert(check.code, gaps);
        }
    }
    lacking
}

fn evidence(view: &View<'_>, lacking: &BTreeMap<&str, BTreeSet<Gap>>, all: usize) -> Finding {
    let codes: Vec<&str> = lacking.keys().copied().collect();
    let target = view.target();
    let refused: BTreeSet<String> = lacking
        .values()
        .flatten()
        .filter(|gap| gap.kind == GapKind::Denied)
        .filter_map(|gap| Some(format!("{} at {}", gap.needs.as_deref()?, gap.scope.as_deref()?)))
        .collect();
    let what = format!("{} of {all} checks have no or not all evidence", codes.len());
    let mut finding = Finding::warn("evidence", what, "what these checks would find stays hidden")
        .see("checks", codes.join(" "))
        .see("recording", view.recorded_at());
    let bundle = format!("oc hcp-azure bundle {} -n {}", quote(&target.name), quote(&target.namespace));
    let mut fix = Fix::hypershift([bundle]);
    if refused.is_empty() {
        if view.is_dump() {
            fix = fix.note("signed in to Azure as well: a dump holds nothing of it");
        }
    } else {
        let refused: Vec<String> = refused.into_iter().collect();
        finding = finding.see("refused", refused.join(", "));
        fix = fix.note("with an account that may do what was refused: manifest.json names the roles and the commands");
    }
    finding = finding.fix(fix);
    if view.is_dump() {
        let inspect = format!(
            "oc adm inspect ns/{} ns/{} ns/hypershift --dest-dir inspect",
            quote(&target.namespace),
            quote(&target.control_plane_namespace())
        );
        finding =
            finding.fix(Fix::hypershift([inspect]).note("the Kubernetes side alone, where nobody may read Azure"));
    }
    finding
}

/// Whether the files are those that were written, about this cluster.
fn seal(view: &View<'_>, held: &Held) -> Vec<Finding> {
    let again = || {
        Fix::hypershift([format!("sha256sum {}", quote(view.recorded_at()))])
            .note("compare it with the sender's, and copy the file again")
    };
    let seal = match held.manifest.present() {
        Ok(Some(seal)) => seal,
        Ok(None) => return Vec::new(),
        Err(gap) => {
            let why = "who recorded it and whether it is whole cannot be known";
            return vec![Finding::warn("manifest", gap.why, why).fix(again())];
        }
    };
    let mut findings = Vec::new();
    for file in &seal.changed {
        let what = format!("{file} is not as it was written: its checksum differs from the manifest's");
        let why = "it was damaged on its way or edited, and what the checks say may not be so";
        findings.push(Finding::warn(file.as_str(), what, why).fix(again()));
    }
    if seal.cluster != *view.target() {
        let what =
            format!("the manifest is about HostedCluster {}, the facts are about {}", seal.cluster, view.target());
        let finding = Finding::warn("cluster", what, "files of two recordings were mixed")
            .compare(seal.cluster.to_string(), view.target().to_string());
        findings.push(finding.fix(again()));
    }
    findings
}

/// A word about age, which says nothing against the cluster: the same recording gives the same answer on any day.
fn age(view: &View<'_>, held: &Held) -> Option<Finding> {
    let age = held.opened_at.as_second() - view.now().as_second();
    (age > FRESH).then(|| {
        let what = "the recording was made more than 24 hours before it was opened";
        Finding::info("age", what, "the cluster may have changed since").see("recorded", view.now().to_string()).fix(
            Fix::hypershift([format!(
                "oc hcp-azure bundle {} -n {}",
                quote(&view.target().name),
                quote(&view.target().namespace)
            )]),
        )
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::{BundleFormat, Fact, Source};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &BUNDLE_EVIDENCE;

    fn seal(facts: &mut facts::Facts) -> &mut facts::recording::Seal {
        match &mut held(facts).manifest {
            Fact::Known(seal) => seal,
            other => panic!("no manifest: {other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a bundle whose facts were edited", |facts| seal(facts).changed.push("facts.json".into()))
                .of(healthy_recorded),
            Fault::new("a manifest of another cluster", |facts| seal(facts).cluster.name = "other".into())
                .of(healthy_recorded),
            Fault::new("a manifest that cannot be read", |facts| {
                held(facts).manifest = Fact::Unreadable(Gap::new(GapKind::Failed, "manifest.json is damaged"));
            })
            .of(healthy_recorded),
        ]
    }

    #[test]
    fn a_whole_recording_passes_and_live_facts_are_none() {
        assert_passes(CHECK, &healthy_recorded());
        assert_not_applicable(CHECK, &healthy());
        let mut old = healthy_recorded();
        held(&mut old).manifest = Fact::Absent;
        assert_passes(CHECK, &old);
    }

    #[test]
    fn checks_without_evidence_are_counted_with_what_was_refused() {
        let mut facts = healthy_recorded();
        facts.azure.subscription = Fact::Unreadable(denied("Microsoft.Resources/subscriptions/read"));
        facts.hosted.machines = Fact::default();
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        let codes = finding.evidence.get("checks").unwrap_or_default();
        assert!(codes.contains("CR01") && codes.contains("NP02") && !codes.contains("FC01"), "{codes}");
        assert_eq!(finding.evidence.get("refused"), Some("Microsoft.Resources/subscriptions/read at /subscriptions/s"));
        assert_eq!(finding.fixes[0].commands, ["oc hcp-azure bundle prod -n clusters"]);
    }

    #[test]
    fn a_dump_names_both_ways_to_record_more() {
        let mut facts = healthy_recorded();
        facts.source = Source::Bundle { path: "dump".into(), format: BundleFormat::KubernetesDump };
        facts.azure = facts::azure::Azure::default();
        let commands: Vec<String> = the_finding(CHECK, &facts).fixes.into_iter().flat_map(|fix| fix.commands).collect();
        assert_eq!(
            commands,
            [
                "oc hcp-azure bundle prod -n clusters",
                "oc adm inspect ns/clusters ns/clusters-prod ns/hypershift --dest-dir inspect"
            ]
        );
    }

    #[test]
    fn what_was_changed_or_mixed_is_told() {
        let mut facts = healthy_recorded();
        seal(&mut facts).changed.push("facts.json".into());
        seal(&mut facts).cluster.name = "other".into();
        let found = findings(CHECK, &facts);
        let subjects: Vec<&str> = found.iter().map(|finding| finding.subject.as_str()).collect();
        assert_eq!(subjects, ["facts.json", "cluster"]);
        assert!(found.iter().all(|finding| finding.level == Level::Warn));
    }

    #[test]
    fn an_old_recording_is_worth_a_word_and_no_more() {
        let mut facts = healthy_recorded();
        held(&mut facts).opened_at = minutes_ago(-24 * 60 - 1);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
        held(&mut facts).opened_at = minutes_ago(-23 * 60);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn nothing_known_of_the_recording_is_unknown() {
        let mut facts = healthy_recorded();
        facts.recording.held = Fact::default();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
    }

    /// The inventory finds what every check reads, wherever its facts are.
    #[test]
    fn the_inventory_knows_the_places_of_all_facts() {
        let mut unknown: BTreeSet<facts::Need> = CHECKS.iter().flat_map(|check| check.needs.iter().copied()).collect();
        unknown.remove(&facts::Need::Recording);
        for facts in healthy_clusters() {
            let (states, _) = facts::inventory::take(&facts);
            unknown.retain(|need| states[need].word() == "notAsked");
        }
        assert!(unknown.is_empty(), "facts::inventory does not find {unknown:?}");
    }
}
