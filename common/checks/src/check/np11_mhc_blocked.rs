//! NP11: machines that fail are replaced.

use facts::control_plane::MachineHealthCheck;
use facts::hosted::{Condition, NodePool};

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Each NodePool with auto-repair has its MachineHealthCheck, and none has stopped because too many machines are
    /// unhealthy at once.
    ///
    /// The operator makes the MachineHealthCheck only once a machine of the NodePool has fetched its ignition; until then
    /// its absence is merely told.
    ///
    /// ## Why it matters
    /// Above its limit a MachineHealthCheck replaces nothing, so as not to make a common fault worse: unhealthy nodes then
    /// stay until somebody looks.
    ///
    /// ## How to fix
    /// Many unhealthy machines have a common cause: look for it in the rows NW, NP and HC09. Once it is gone the nodes
    /// come back, or delete the machines that do not.
    ///
    /// Source: openshift/hypershift nodepool/capi.go (reconcileMachineHealthCheck).
    pub static MHC_BLOCKED = {
        code: "NP11",
        id: "mhc-blocked",
        group: NodePools,
        since: "0.1.0",
        when: [Support],
        needs: [NodePools, ClusterApi],
        caused_by: ["NP04", "NP02", "HC09", "HC12"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let pools = view.node_pools()?;
    let checks = view.machine_health_checks()?;
    let of_true = |pool: &NodePool, kind: &str| pool.condition(kind).is_some_and(Condition::is_true);
    let repaired: Vec<&NodePool> =
        pools.iter().filter(|pool| pool.deleted_at.is_none() && of_true(pool, "AutorepairEnabled")).collect();
    if repaired.is_empty() {
        return Ok(Judgement::NotApplicable("no NodePool has auto-repair".into()));
    }
    let plane = view.target().control_plane_namespace();
    let mut findings = Vec::new();
    for pool in &repaired {
        let name = &pool.name;
        let subject = format!("NodePool {name}");
        let Some(check) = checks.iter().find(|check| check.name == *name) else {
            let waits = !of_true(pool, "ReachedIgnitionEndpoint");
            let what = format!("NodePool {name} has auto-repair and no MachineHealthCheck");
            let finding = if waits {
                let why = "the operator makes it once a machine has fetched its ignition";
                Finding::info(subject, what, why)
            } else {
                Finding::warn(subject, what, "machines that fail are not replaced")
            };
            let finding = finding.touches(Key::NodePool(name.clone())).touches(Key::Pause(Some(name.clone())));
            findings.push(finding.fix(Fix::hypershift([
                command!("oc -n {} describe nodepool {name}", pool.namespace; name),
                command!("oc -n {plane} get machinehealthchecks"; plane),
            ])));
            continue;
        };
        if is_stopped(check) {
            let healthy = check.healthy.unwrap_or(0);
            let expected = check.expected.unwrap_or(0);
            findings.push(
                Finding::warn(
                    subject,
                    format!("auto-repair of NodePool {name} has stopped: {healthy} of {expected} machines are healthy"),
                    "so many unhealthy machines at once have a common cause: none of them is replaced meanwhile",
                )
                .compare(format!("{expected} healthy"), format!("{healthy} healthy"))
                .see("limit", check.max_unhealthy.as_deref().unwrap_or("none"))
                .touches(Key::NodePool(name.clone()))
                .fix(Fix::hypershift([
                    command!("oc -n {plane} describe machinehealthcheck {name}"; plane, name),
                    command!("oc -n {plane} get machines"; plane),
                ])),
            );
        }
    }
    Ok(Judgement::new(format!("auto-repair of {} NodePools is at work", repaired.len()), findings))
}

/// Whether it may replace no machine although some are unhealthy.
fn is_stopped(check: &MachineHealthCheck) -> bool {
    let unhealthy = check.expected.zip(check.healthy).is_some_and(|(expected, healthy)| healthy < expected);
    let said = check.conditions.iter().find(|condition| condition.kind == "RemediationAllowed");
    unhealthy && said.map_or(check.remediations_allowed == Some(0), Condition::is_false)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &MHC_BLOCKED;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("auto-repair has stopped", |facts| {
            set_pool_condition_since(facts, "AutorepairEnabled", "True", "AsExpected", 60);
            facts.hosted.control_plane.health_checks = with(1).hosted.control_plane.health_checks;
            set_pool_condition_since(facts, "AllNodesHealthy", "Unknown", "x", 60);
        })]
    }

    /// A NodePool with auto-repair of whose two machines so many are healthy.
    fn with(healthy_machines: i32) -> Facts {
        let mut facts = healthy();
        set_pool_condition_since(&mut facts, "AutorepairEnabled", "True", "AsExpected", 60);
        facts.hosted.control_plane.health_checks = Fact::Known(vec![MachineHealthCheck {
            name: "prod".into(),
            max_unhealthy: Some("0".into()),
            expected: Some(2),
            healthy: Some(healthy_machines),
            remediations_allowed: Some(0),
            conditions: Vec::new(),
        }]);
        facts
    }

    #[test]
    fn at_work_and_stopped() {
        assert_not_applicable(CHECK, &healthy());
        assert_passes(CHECK, &with(2));
        let mut facts = with(1);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("limit")), (Level::Warn, Some("0")));
        let Fact::Known(checks) = &mut facts.hosted.control_plane.health_checks else { panic!("no checks") };
        checks[0].conditions = vec![condition("RemediationAllowed", "True", "")];
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn none_yet_and_none_at_all() {
        let mut facts = with(2);
        facts.hosted.control_plane.health_checks = Fact::Known(Vec::new());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        set_pool_condition_since(&mut facts, "ReachedIgnitionEndpoint", "False", "x", 60);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
    }

    #[test]
    fn gaps() {
        let mut facts = with(2);
        facts.hosted.control_plane.health_checks = Fact::Unreadable(denied("list machinehealthchecks"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
