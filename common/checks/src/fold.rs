//! Cause before symptom: which row explains which.
//!
//! A check names the checks whose failure can be the reason for its own (`caused_by`). A row is folded under a failed row
//! of such a check, near or far, if both touch the same thing, or if one of them touches nothing in particular and the row
//! does not explain itself. What remains unfolded is a root cause.

use std::collections::{BTreeMap, VecDeque};

use crate::registry::CHECKS;
use crate::report::{Cause, Row, Verdict};

/// Sets `caused_by` of every row that another row explains, and turns rows that are blocked by a failure into skipped ones.
pub(crate) fn fold(rows: &mut [Row]) {
    let parents: Vec<Option<usize>> = (0..rows.len()).map(|at| parent_of(rows, at)).collect();
    for at in 0..rows.len() {
        let (Some(root), Some(via)) = (root_of(&parents, at), parents[at]) else { continue };
        let cause = Cause { code: rows[root].check.code, subject: rows[root].subject.clone(), row: root, via };
        let row = &mut rows[at];
        row.caused_by = Some(cause);
        if row.is_blocked() {
            row.verdict = Verdict::Skipped;
        }
    }
}

/// The end of the chain of parents. Causes form no cycle (a test holds the registry to that), so the walk ends.
fn root_of(parents: &[Option<usize>], at: usize) -> Option<usize> {
    std::iter::successors(parents[at], |&next| parents[next]).take(parents.len()).last()
}

fn parent_of(rows: &[Row], at: usize) -> Option<usize> {
    let row = &rows[at];
    let explains: fn(&Row) -> bool = match row.verdict {
        Verdict::Fail => |row| row.verdict == Verdict::Fail || row.explains_failures,
        Verdict::Warn | Verdict::Info => |row| matches!(row.verdict, Verdict::Fail | Verdict::Warn),
        Verdict::Unknown if row.is_blocked() => |row| row.verdict == Verdict::Fail,
        _ => return None,
    };
    let distances = ancestors(row.check.code);
    (0..rows.len())
        .filter(|&other| other != at && explains(&rows[other]))
        .filter_map(|other| {
            let distance = *distances.get(rows[other].check.code)?;
            let shared = rows[other].keys.iter().filter(|key| row.keys.contains(key)).count();
            let general = !row.explains_itself && (row.keys.is_empty() || rows[other].keys.is_empty());
            (shared > 0 || general).then_some((shared == 0, distance, other))
        })
        .min()
        .map(|(_, _, other)| other)
}

/// The checks that can explain `code`, with the number of steps to them.
fn ancestors(code: &str) -> BTreeMap<&'static str, usize> {
    let direct = |code: &str| CHECKS.iter().find(|check| check.code == code).map_or(&[][..], |check| check.caused_by);
    let mut found = BTreeMap::new();
    let mut queue: VecDeque<(&'static str, usize)> = direct(code).iter().map(|&parent| (parent, 1)).collect();
    while let Some((parent, distance)) = queue.pop_front() {
        if found.contains_key(parent) {
            continue;
        }
        found.insert(parent, distance);
        queue.extend(direct(parent).iter().map(|&next| (next, distance + 1)));
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::network::{Access, Direction};
    use facts::{Fact, Facts, GapKind};

    use super::*;
    use crate::testkit::*;
    use crate::{Report, Selection, examine};

    fn report(facts: &Facts) -> Report {
        examine(facts, &Selection::default())
    }

    /// Code and subject of every root, failures first.
    fn roots(report: &Report) -> Vec<(&'static str, String)> {
        report.roots().iter().map(|row| (row.check.code, row.subject.clone())).collect()
    }

    fn codes(report: &Report) -> Vec<&'static str> {
        roots(report).into_iter().map(|(code, _)| code).collect()
    }

    /// The codes of the rows that the only root explains, each once.
    fn explained(report: &Report) -> Vec<&'static str> {
        let roots = report.roots();
        assert_eq!(roots.len(), 1, "{roots:#?}");
        let mut codes: Vec<&str> = report.caused_by(roots[0]).iter().map(|row| row.check.code).collect();
        codes.dedup();
        codes
    }

    fn refused_log(facts: &mut Facts, app: &str, subject: &str) {
        let found = "No matching federated identity record found for presented assertion subject";
        log(facts, app, &format!("AADSTS700213: {found} '{subject}'. Trace ID: t"));
    }

    #[test]
    fn a_wrong_subject_explains_log_workload_and_condition() {
        let mut facts = healthy();
        federated(&mut facts, "nodePoolManagement")[0].subject =
            "system:serviceaccount:kube-system:Capi-Provider".into();
        refused_log(&mut facts, "capi-provider", "system:serviceaccount:kube-system:capi-provider");
        crash(&mut facts, "capi-provider");
        set_condition(&mut facts, "Degraded", "True", "capi-provider deployment has 1 unavailable replicas");
        set_condition(&mut facts, "ClusterVersionSucceeding", "False", "Cluster operators storage are not available");
        let report = report(&facts);
        assert_eq!(codes(&report), ["FC01"]);
        assert_eq!(explained(&report), ["FC05", "HC01", "HC03"]);
    }

    #[test]
    fn a_log_is_the_root_where_azure_was_not_asked() {
        let mut facts = healthy();
        let gap = facts::Gap::new(GapKind::NotRecorded, "the bundle holds no Azure data");
        facts.azure.identities = Fact::Unreadable(gap);
        refused_log(&mut facts, "capi-provider", "system:serviceaccount:kube-system:capi-provider");
        crash(&mut facts, "capi-provider");
        set_condition(&mut facts, "Degraded", "True", "capi-provider deployment has 1 unavailable replicas");
        let report = report(&facts);
        assert_eq!(codes(&report), ["FC05"]);
        assert_eq!(explained(&report), ["HC01", "HC03"]);
    }

    #[test]
    fn two_machine_faults_stay_two_roots() {
        let mut facts = healthy();
        break_machine(&mut facts, 0, "SkuNotAvailable");
        break_machine(&mut facts, 1, "SubnetIsFull");
        set_pool_condition(&mut facts, "AllMachinesReady");
        set_pool_condition(&mut facts, "Ready");
        let report = report(&facts);
        assert_eq!(roots(&report), [("NP02", "Machine prod-a".to_owned()), ("NP02", "Machine prod-b".to_owned())]);
        let folded = report.rows.iter().filter(|row| row.check.code == "NP01");
        assert!(folded.clone().count() == 2 && folded.clone().all(|row| row.caused_by.is_some()));
    }

    #[test]
    fn a_machine_fault_and_an_identity_fault_stay_apart() {
        let mut facts = healthy();
        break_machine(&mut facts, 0, "SkuNotAvailable");
        federated(&mut facts, "nodePoolManagement")[0].subject =
            "system:serviceaccount:kube-system:Capi-Provider".into();
        crash(&mut facts, "capi-provider");
        assert_eq!(codes(&report(&facts)), ["FC01", "NP02"]);
    }

    #[test]
    fn a_blocked_way_out_explains_machines_and_node_pool() {
        let mut facts = healthy();
        let Some(Fact::Known(nsg)) = facts.azure.network.nsgs.get_mut(&nsg_id().key()) else { panic!("no NSG") };
        nsg.rules.push(rule("deny-out", 200, Direction::Outbound, Access::Deny, "*", "Internet"));
        let Fact::Known(machines) = &mut facts.hosted.machines else { panic!("no machines") };
        machines[0].node = None;
        machines[0].phase = Some("Provisioned".into());
        set_pool_condition(&mut facts, "ReachedIgnitionEndpoint");
        set_pool_condition(&mut facts, "Ready");
        let report = report(&facts);
        assert_eq!(codes(&report), ["NW02"]);
        assert_eq!(explained(&report), ["NP01", "NP02", "NP04"]);
    }

    #[test]
    fn what_a_failure_blocks_is_skipped() {
        let mut facts = healthy();
        facts.azure.network.vnets.insert(vnet_id().key(), Fact::Absent);
        let report = report(&facts);
        assert_eq!(codes(&report), ["NW01"]);
        for code in ["NW02", "NW03"] {
            let row = report.rows.iter().find(|row| row.check.code == code).unwrap();
            assert_eq!(row.verdict, Verdict::Skipped, "{row:#?}");
            assert_eq!(row.caused_by.as_ref().map(|cause| cause.code), Some("NW01"));
        }
        assert_eq!(report.summary().unknown, 0);
    }

    #[test]
    fn what_nothing_explains_stays_unknown() {
        let mut facts = healthy();
        facts.hosted.cluster = Fact::Absent;
        let report = report(&facts);
        let blocked: Vec<_> = report.rows.iter().filter(|row| row.is_blocked()).collect();
        assert!(!blocked.is_empty());
        assert!(blocked.iter().all(|row| row.verdict == Verdict::Unknown && row.caused_by.is_none()));
    }

    #[test]
    fn rows_about_different_things_do_not_explain_one_another() {
        let mut facts = healthy();
        crash(&mut facts, "capi-provider");
        set_condition(&mut facts, "Degraded", "True", "etcd statefulset has 1 unavailable replicas");
        assert_eq!(codes(&report(&facts)), ["HC01", "HC03"]);
    }

    #[test]
    fn a_shared_key_goes_before_a_row_about_nothing_in_particular() {
        let mut facts = healthy();
        crash(&mut facts, "etcd");
        crash(&mut facts, "capi-provider");
        set_condition(&mut facts, "Degraded", "True", "etcd statefulset has 1 unavailable replicas");
        let report = report(&facts);
        let row = report.rows.iter().find(|row| row.check.code == "HC01").unwrap();
        assert_eq!(row.caused_by.as_ref().map(|cause| cause.subject.as_str()), Some("StatefulSet etcd"));
    }

    #[test]
    fn a_refusal_that_explains_itself_is_not_laid_at_an_unrelated_door() {
        let mut facts = healthy();
        let state = Fact::Known("NotRegistered".into());
        facts.azure.providers.insert("Microsoft.Storage".into(), state);
        break_machine(&mut facts, 0, "SkuNotAvailable");
        assert_eq!(codes(&report(&facts)), ["QT01", "NP02"]);
    }

    #[test]
    fn a_warning_does_not_explain_a_failure() {
        let mut facts = healthy();
        let Fact::Known(workloads) = &mut facts.hosted.workloads else { panic!("no workloads") };
        workloads[2] = workload("etcd", 3, 2);
        set_condition(&mut facts, "EtcdAvailable", "False", "etcd statefulset has 1 unavailable replicas");
        assert_eq!(codes(&report(&facts)), ["HC01", "HC06"]);
        set_condition(&mut facts, "EtcdAvailable", "Unknown", "etcd statefulset has 1 unavailable replicas");
        assert_eq!(codes(&report(&facts)), ["HC06"]);
    }

    #[test]
    fn what_the_spec_says_is_not_laid_at_the_door_of_a_machine() {
        let mut facts = healthy();
        break_machine(&mut facts, 0, "SkuNotAvailable");
        set_pool_condition(&mut facts, "AllMachinesReady");
        assert_eq!(codes(&report(&facts)), ["NP02"]);
        for kind in [
            "ValidConfiguration",
            "ValidIDPConfiguration",
            "PlatformCredentialsFound",
            "InfrastructureReady",
            "EtcdAvailable",
        ] {
            let mut facts = facts.clone();
            set_condition(&mut facts, kind, "False", "");
            assert_eq!(codes(&report(&facts)), ["HC01", "NP02"], "{kind}");
        }
        for kind in ["ValidMachineConfig", "SupportedVersionSkew"] {
            let mut facts = facts.clone();
            set_pool_condition(&mut facts, kind);
            assert_eq!(codes(&report(&facts)), ["NP01", "NP02"], "{kind}");
        }
    }

    #[test]
    fn a_paused_cluster_and_a_paused_node_pool_are_two_things() {
        let mut facts = healthy();
        set_condition(&mut facts, "ReconciliationActive", "False", "paused");
        set_pool_condition(&mut facts, "ReconciliationActive");
        let report = report(&facts);
        let roots = roots(&report);
        assert_eq!(roots, [("HC12", "HostedCluster prod".to_owned()), ("HC12", "NodePool prod".to_owned())]);
        for (code, cause) in [("HC01", "HostedCluster prod"), ("NP01", "NodePool prod")] {
            let row = report.rows.iter().find(|row| row.check.code == code).unwrap();
            assert_eq!(row.caused_by.as_ref().map(|cause| cause.subject.as_str()), Some(cause), "{code}");
        }
    }
}
