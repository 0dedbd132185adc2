//! NP01: the conditions of the NodePools are as they should be.

use facts::hosted::{Condition, NodePool};

use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// Each condition of each NodePool has the status that a healthy NodePool on Azure shows.
    ///
    /// A NodePool gets 20 minutes to come up. Conditions that merely repeat the spec (AutoscalingEnabled,
    /// AutorepairEnabled) are left out. Rows stand in the order in which one condition follows from another.
    ///
    /// ## Why it matters
    /// A NodePool that is not valid makes no machines; one whose machines are not ready gives its workloads no room. The
    /// conditions name the stage, the machines (NP02) name the reason.
    ///
    /// ## How to fix
    /// Begin with the first condition that is wrong; for machines look at NP02.
    ///
    /// Source: openshift/hypershift support/conditions/conditions.go (ExpectedNodePoolConditions).
    pub static NP_CONDITIONS = {
        code: "NP01",
        id: "np-conditions",
        group: NodePools,
        since: "0.1.0",
        when: [Upgrade, Support],
        needs: [NodePools],
        caused_by: ["NP02", "NP03", "NW02", "NW03", "HC03", "MC01", "NP07", "NW10", "DN08", "NW05", "NW07", "NW08", "DN02", "DN03", "MC04", "NP04", "NP11", "HC05", "HC12"],
        judge: judge,
    };
}

/// Minutes in which a NodePool may come up.
const GRACE: i64 = 20;
/// Minutes after which an update counts as stuck.
const STUCK: i64 = 60;

/// What a healthy NodePool shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    True,
    False,
    /// False; True while nodes are updated.
    Done,
}

/// The conditions that count, in the order in which one follows from another.
const EXPECTED: [(&str, Want); 20] = [
    ("ReconciliationActive", Want::True),
    ("UpdateManagementEnabled", Want::True),
    ("ValidReleaseImage", Want::True),
    ("SupportedVersionSkew", Want::True),
    ("ValidArchPlatform", Want::True),
    ("ValidPlatformConfig", Want::True),
    ("ValidPlatformImage", Want::True),
    ("ValidMachineTemplate", Want::True),
    ("ValidMachineConfig", Want::True),
    ("ValidTuningConfig", Want::True),
    ("ValidGeneratedPayload", Want::True),
    ("ClusterNetworkCIDRConflict", Want::False),
    ("IgnitionEndpointAvailable", Want::True),
    ("AllMachinesReady", Want::True),
    (REACHED_IGNITION, Want::True),
    ("AllNodesHealthy", Want::True),
    ("Ready", Want::True),
    ("UpdatingVersion", Want::Done),
    ("UpdatingConfig", Want::Done),
    ("UpdatingPlatformMachineTemplate", Want::Done),
];

const REACHED_IGNITION: &str = "ReachedIgnitionEndpoint";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let pools: Vec<&NodePool> = view.node_pools()?.iter().filter(|pool| pool.deleted_at.is_none()).collect();
    if pools.is_empty() {
        return Ok(Judgement::NotApplicable("the cluster has no NodePools".into()));
    }
    let findings = pools.iter().flat_map(|pool| judge_pool(view, pool)).collect();
    Ok(Judgement::new(format!("the conditions of {} NodePools are as expected", pools.len()), findings))
}

fn judge_pool(view: &View<'_>, pool: &NodePool) -> Vec<Finding> {
    let subject = |kind: &str| format!("NodePool {} condition {kind}", pool.name);
    let pool_age = pool.created_at.map(|then| view.minutes_since(then));
    let mut findings = Vec::new();
    for (kind, want) in EXPECTED {
        let Some(condition) = pool.condition(kind) else {
            continue;
        };
        let wanted = if want == Want::True { "True" } else { "False" };
        if condition.status == wanted || is_empty_by_design(pool, condition) {
            continue;
        }
        let age = condition.last_transition.map(|then| view.minutes_since(then));
        let past = |limit: i64| age.is_none_or(|age| age >= limit) && pool_age.is_none_or(|age| age >= limit);
        let what = format!("{kind} of NodePool {} is {}: {}", pool.name, condition.status, reason(condition));
        let why = meaning(kind);
        let finding = if !condition.is_true() && !condition.is_false() {
            Finding::warn(subject(kind), what, "whether this part of the NodePool works is not known to the operator")
        } else if want == Want::Done {
            if past(STUCK) {
                Finding::warn(subject(kind), format!("{what}, for more than {STUCK} minutes"), why)
            } else {
                Finding::info(subject(kind), what, "an update is under way")
            }
        } else if kind == "ReconciliationActive" || !past(GRACE) {
            Finding::warn(subject(kind), what, why)
        } else {
            Finding::fail(subject(kind), what, why)
        };
        let mut finding = finding.compare(wanted, condition.status.as_str()).see("reason", condition.reason.as_str());
        if !condition.message.is_empty() {
            finding = finding.see("message", facts::redact::text(&condition.message));
        }
        if let Some(since) = condition.last_transition {
            finding = finding.see("since", since.to_string());
        }
        findings.push(touching(finding.fix(fix(view, pool, kind)), pool, kind));
    }
    let old = pool_age.is_none_or(|age| age >= GRACE);
    if old && wants_nodes(pool) && pool.condition(REACHED_IGNITION).is_none() {
        let finding = Finding::warn(
            subject(REACHED_IGNITION),
            format!("NodePool {} does not say whether its machines have fetched their ignition", pool.name),
            meaning(REACHED_IGNITION),
        )
        .fix(fix(view, pool, REACHED_IGNITION));
        findings.push(touching(finding, pool, REACHED_IGNITION));
    }
    findings
}

fn touching(finding: Finding, pool: &NodePool, kind: &str) -> Finding {
    // What the spec says is wrong by itself: a machine that Azure refuses does not explain it, the version skew may.
    if kind.starts_with("Valid")
        || matches!(
            kind,
            "SupportedVersionSkew" | "ClusterNetworkCIDRConflict" | "ReconciliationActive" | "UpdateManagementEnabled"
        )
    {
        return match kind {
            "SupportedVersionSkew" | "ValidReleaseImage" => finding.touches(Key::NodePoolRelease(pool.name.clone())),
            "ValidPlatformImage" => finding.touches(Key::Supply(crate::Supply::Image, pool.name.clone())),
            "ValidArchPlatform" => finding.touches(Key::NodePoolArch(pool.name.clone())),
            "ReconciliationActive" => finding.touches(Key::Pause(Some(pool.name.clone()))),
            _ => finding,
        }
        .explaining_itself();
    }
    let finding = finding.touches(Key::NodePool(pool.name.clone()));
    // What these say follows from the way out of the workers, and from the names that they look for, as well.
    if matches!(kind, REACHED_IGNITION | "IgnitionEndpointAvailable" | "AllNodesHealthy" | "Ready") {
        finding.touches(Key::Egress).touches(Key::Names)
    } else {
        finding
    }
}

fn wants_nodes(pool: &NodePool) -> bool {
    pool.auto_scaling.map_or(pool.replicas.unwrap_or(0), |(min, _)| min) > 0
}

/// A NodePool of no replicas has no machines that could be ready or fetch anything; the operator says AsExpected then.
fn is_empty_by_design(pool: &NodePool, condition: &Condition) -> bool {
    let says_so = |condition: &Condition| condition.is_false() && condition.reason == "AsExpected";
    !wants_nodes(pool)
        && match condition.kind.as_str() {
            "AllMachinesReady" | "AllNodesHealthy" | "Ready" => says_so(condition),
            REACHED_IGNITION => pool.condition("AllMachinesReady").is_none_or(says_so),
            _ => false,
        }
}

fn meaning(kind: &str) -> &'static str {
    match kind {
        "ReconciliationActive" => "the operator leaves the NodePool as it is until reconciliation is resumed",
        "ClusterNetworkCIDRConflict" => "pods or services of the hosted cluster use addresses of its machines",
        "IgnitionEndpointAvailable" => "the operator makes no machines while the ignition endpoint cannot be reached",
        REACHED_IGNITION => "machines that never fetch their ignition never become nodes",
        "AllMachinesReady" => "machines are missing: the NodePool has fewer nodes than it should",
        "AllNodesHealthy" | "Ready" => "the NodePool has fewer healthy nodes than it should",
        "UpdatingVersion" | "UpdatingConfig" | "UpdatingPlatformMachineTemplate" => {
            "nodes are not at what the NodePool asks for"
        }
        _ => "the operator rolls nothing out to this NodePool",
    }
}

fn fix(view: &View<'_>, pool: &NodePool, kind: &str) -> Fix {
    let plane = view.target().control_plane_namespace();
    let (namespace, name) = (&pool.namespace, &pool.name);
    let describe = command!("oc -n {namespace} describe nodepool {name}"; namespace, name);
    match kind {
        "ReconciliationActive" => Fix::hypershift([
            command!("oc -n {namespace} patch nodepool {name} --type merge -p '{{\"spec\":{{\"pausedUntil\":null}}}}'"; namespace, name),
        ]),
        REACHED_IGNITION | "IgnitionEndpointAvailable" => Fix::hypershift([
            command!("oc -n {plane} get pods -l app=ignition-server"; plane),
            command!("oc -n {plane} get routes ignition-server"; plane),
            describe,
        ])
        .note("workers need port 443 of that route: see NW02 and NW03"),
        "AllMachinesReady" | "AllNodesHealthy" | "Ready" => {
            Fix::hypershift([command!("oc -n {plane} get machines,azuremachines"; plane), describe])
        }
        "UpdatingVersion" | "UpdatingConfig" | "UpdatingPlatformMachineTemplate" => {
            Fix::hypershift([command!("oc -n {plane} get machinedeployments,machinesets,machines"; plane), describe])
        }
        _ => Fix::hypershift([describe, "oc -n hypershift logs deployment/operator --tail 100".to_owned()]),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &NP_CONDITIONS;

    fn pool(facts: &mut Facts) -> &mut NodePool {
        match &mut facts.hosted.node_pools {
            Fact::Known(pools) => &mut pools[0],
            other => panic!("{other:?}"),
        }
    }

    fn set(facts: &mut Facts, kind: &str, status: &str, reason: &str, minutes: i64) {
        let pool = pool(facts);
        pool.conditions.retain(|condition| condition.kind != kind);
        let mut changed = condition(kind, status, reason);
        changed.last_transition = Some(minutes_ago(minutes));
        pool.conditions.push(changed);
    }

    fn with(kind: &str, status: &str, minutes: i64) -> Facts {
        let mut facts = healthy();
        set(&mut facts, kind, status, "Because", minutes);
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a MachineConfig of the NodePool is not valid", |facts| {
                set_pool_condition(facts, "ValidMachineConfig");
            }),
            Fault::new("a Tuned profile of the NodePool is not valid", |facts| {
                set_pool_condition(facts, "ValidTuningConfig");
            }),
        ]
    }

    #[test]
    fn the_expected_conditions_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &with("AutoscalingEnabled", "True", 90));
    }

    #[test]
    fn a_wrong_condition_fails_after_twenty_minutes() {
        let finding = the_failure(CHECK, &with("ValidMachineConfig", "False", 25));
        assert!(finding.keys.is_empty() && finding.explains_itself, "{finding:#?}");
        let finding = the_failure(CHECK, &with("SupportedVersionSkew", "False", 25));
        assert_eq!(finding.keys, [Key::NodePoolRelease("prod".into())]);
        let finding = the_failure(CHECK, &with("AllMachinesReady", "False", 25));
        assert_eq!(finding.keys, [Key::NodePool("prod".into())]);
        assert_eq!(the_finding(CHECK, &with("ValidMachineConfig", "False", 5)).level, Level::Warn);
        let mut facts = with("ValidMachineConfig", "False", 25);
        pool(&mut facts).created_at = Some(minutes_ago(19));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        the_failure(CHECK, &with("ClusterNetworkCIDRConflict", "True", 25));
        the_failure(CHECK, &with("IgnitionEndpointAvailable", "False", 25));
    }

    #[test]
    fn unknown_warns_and_pauses_warn() {
        assert_eq!(the_finding(CHECK, &with("SupportedVersionSkew", "Unknown", 90)).level, Level::Warn);
        assert_eq!(the_finding(CHECK, &with("ReconciliationActive", "False", 90)).level, Level::Warn);
    }

    #[test]
    fn ignition_and_readiness_touch_the_way_out() {
        let finding = the_failure(CHECK, &with("ReachedIgnitionEndpoint", "False", 90));
        assert_eq!(finding.keys, [Key::NodePool("prod".into()), Key::Egress, Key::Names]);
        let mut facts = healthy();
        pool(&mut facts).conditions.retain(|condition| condition.kind != REACHED_IGNITION);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn updates_are_worth_knowing_and_warn_when_stuck() {
        assert_eq!(the_finding(CHECK, &with("UpdatingVersion", "True", 10)).level, Level::Info);
        assert_eq!(the_finding(CHECK, &with("UpdatingVersion", "True", 90)).level, Level::Warn);
    }

    #[test]
    fn an_empty_node_pool_is_fine() {
        let mut facts = healthy();
        pool(&mut facts).replicas = Some(0);
        set(&mut facts, "AllMachinesReady", "False", "AsExpected", 90);
        set(&mut facts, REACHED_IGNITION, "False", "ignitionNotReached", 90);
        assert_passes(CHECK, &facts);
        set(&mut facts, "AllMachinesReady", "False", "VMProvisionFailed", 90);
        assert_eq!(findings(CHECK, &facts).len(), 2);
    }

    #[test]
    fn the_cause_comes_first() {
        let mut facts = healthy();
        for kind in ["Ready", "AllMachinesReady", "ValidPlatformImage"] {
            set(&mut facts, kind, "False", "Because", 90);
        }
        let subjects: Vec<String> = findings(CHECK, &facts).into_iter().map(|finding| finding.subject).collect();
        assert_eq!(
            subjects,
            [
                "NodePool prod condition ValidPlatformImage",
                "NodePool prod condition AllMachinesReady",
                "NodePool prod condition Ready"
            ]
        );
    }

    #[test]
    fn no_node_pools_and_gaps() {
        let mut facts = healthy();
        pool(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
