//! NP08: NodePools that scale by themselves can grow when pods need it.

use facts::guest::UnschedulablePod;
use facts::hosted::{Condition, HostedCluster, NodePool};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// A NodePool with autoscaling has it enabled, and while pods of the hosted cluster wait for a node for more than 10
    /// minutes, one of these NodePools can still grow and does.
    ///
    /// ## Why it matters
    /// At its maximum a NodePool makes no more machines and nothing says so. Pods that no NodePool could ever take (a node
    /// selector, a zone, a size) wait as quietly.
    ///
    /// ## How to fix
    /// Raise the maximum where the quota allows it (see QT04), or look at the log of the cluster-autoscaler, which names for
    /// each NodePool why it does not help.
    ///
    /// Source: openshift/hypershift hypershift-operator/controllers/nodepool/conditions.go, issue #8337.
    pub static AUTOSCALER = {
        code: "NP08",
        id: "autoscaler",
        group: NodePools,
        since: "0.1.0",
        when: [NodePool, Support],
        needs: [HostedCluster, NodePools, Guest],
        caused_by: ["HC03", "NP01", "NP02"],
        judge: judge,
    };
}

/// Minutes for which a pod may wait for a new node.
const PATIENCE: i64 = 10;
/// The workload that decides.
const WORKLOAD: &str = "cluster-autoscaler";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let pods = view.unschedulable_pods();
    let pools: Vec<(&NodePool, (i32, i32))> = view
        .node_pools()?
        .iter()
        .filter(|pool| pool.deleted_at.is_none())
        .filter_map(|pool| Some((pool, pool.auto_scaling?)))
        .collect();
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if pools.is_empty() {
        // Who may not look into the hosted cluster has missed nothing here.
        return Ok(Judgement::NotApplicable("no NodePool scales by itself".into()));
    }
    let mut findings: Vec<Finding> =
        pools.iter().filter_map(|(pool, limits)| disabled(cluster, pool, *limits)).collect();
    match pods {
        Ok(pods) => {
            let waiting: Vec<&UnschedulablePod> = pods
                .iter()
                .filter(|pod| pod.since.is_some_and(|since| view.minutes_since(since) >= PATIENCE))
                .collect();
            if !waiting.is_empty() {
                findings.push(no_room(view, cluster, &pools, &waiting));
            }
        }
        Err(gap) => findings.push(Finding::unknown("pods that wait for a node", gap)),
    }
    let names: Vec<String> = pools.iter().map(|(pool, limits)| at(pool, *limits)).collect();
    Ok(Judgement::new(format!("no pod waits for a node; {}", names.join(", ")), findings))
}

/// `prod 2 of 1 to 5`.
fn at(pool: &NodePool, (min, max): (i32, i32)) -> String {
    format!("{} {} of {min} to {max}", pool.name, pool.ready_replicas.unwrap_or(0))
}

fn disabled(cluster: &HostedCluster, pool: &NodePool, limits: (i32, i32)) -> Option<Finding> {
    // With the reason of a NodePool without autoscaling the operator has not seen the change yet.
    let refused = |condition: &&Condition| condition.is_false() && condition.reason != "AsExpected";
    let condition = pool.condition("AutoscalingEnabled").filter(refused)?;
    let finding = Finding::warn(
        format!("NodePool {}", pool.name),
        format!("NodePool {} asks for autoscaling and does not get it: {}", pool.name, reason(condition)),
        "it stays as large as it is, whatever its pods need",
    )
    .see("min/current/max", at(pool, limits));
    Some(finding.touches(Key::NodePool(pool.name.clone())).fix(Fix::hypershift([command!(
        "oc -n {} describe nodepool {}",
        cluster.namespace,
        pool.name
    )])))
}

fn no_room(
    view: &View<'_>,
    cluster: &HostedCluster,
    pools: &[(&NodePool, (i32, i32))],
    waiting: &[&UnschedulablePod],
) -> Finding {
    let full: Vec<&(&NodePool, (i32, i32))> =
        pools.iter().filter(|(pool, (_, max))| pool.ready_replicas.unwrap_or(0) >= *max).collect();
    let count = match waiting.len() {
        1 => "1 pod waits".to_owned(),
        many => format!("{many} pods wait"),
    };
    let all_full = full.len() == pools.len();
    let what = if all_full {
        format!("{count} for a node and every NodePool that scales by itself is at its maximum")
    } else {
        format!("{count} for a node for more than {PATIENCE} minutes and no NodePool grows for it")
    };
    let mut finding = Finding::warn(
        "autoscaling",
        what,
        if all_full { "they are never started" } else { "they are never started unless a NodePool can take them" },
    );
    for (pool, limits) in pools {
        finding = finding.see("min/current/max", at(pool, *limits)).touches(Key::NodePool(pool.name.clone()));
    }
    for pod in waiting.iter().take(5) {
        finding = finding.see("pod", format!("{}/{}: {}", pod.namespace, pod.name, pod.message));
    }
    let plane = view.target().control_plane_namespace();
    let log = command!("oc -n {} logs deployment/{} --tail 100", plane, WORKLOAD);
    finding = finding.touches(Key::Workload(WORKLOAD.into()));
    if !all_full {
        return finding.fix(Fix::hypershift([log]).note("it says for each NodePool why it does not help"));
    }
    let raise = full.iter().map(|(pool, (_, max))| {
        let patch = format!("{{\"spec\":{{\"autoScaling\":{{\"max\":{}}}}}}}", max.saturating_add(1));
        command!("oc -n {} patch nodepool {} --type merge -p {}", cluster.namespace, pool.name, patch)
    });
    finding.fix(
        Fix::hypershift(raise).note("any one of them may be enough; the quota has to hold it (HAZ-QT04, where known)"),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &AUTOSCALER;

    fn pod(minutes: i64) -> UnschedulablePod {
        UnschedulablePod {
            namespace: "shop".into(),
            name: "cart-1".into(),
            message: "0/2 nodes are available: 2 Insufficient cpu.".into(),
            since: Some(minutes_ago(minutes)),
        }
    }

    fn scaling(facts: &mut Facts, min: i32, max: i32) {
        let Fact::Known(pools) = &mut facts.hosted.node_pools else { panic!("no NodePools") };
        pools[0].replicas = None;
        pools[0].auto_scaling = Some((min, max));
        for condition in pools[0].conditions.iter_mut().filter(|it| it.kind == "AutoscalingEnabled") {
            condition.status = "True".into();
        }
    }

    fn with(max: i32, pods: Vec<UnschedulablePod>) -> Facts {
        let mut facts = healthy();
        scaling(&mut facts, 1, max);
        facts.guest.unschedulable = Fact::Known(pods);
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("pods wait and the NodePool is at its maximum", |facts| {
                scaling(facts, 1, 2);
                facts.guest.unschedulable = Fact::Known(vec![pod(30)]);
            }),
            Fault::new("pods wait and nothing grows", |facts| {
                scaling(facts, 1, 9);
                facts.guest.unschedulable = Fact::Known(vec![pod(30)]);
            }),
        ]
    }

    #[test]
    fn room_and_patience_pass() {
        assert_passes(CHECK, &with(5, Vec::new()));
        assert_passes(CHECK, &with(2, vec![pod(9)]));
        assert_not_applicable(CHECK, &healthy());
    }

    #[test]
    fn a_full_node_pool_is_named_with_the_patch() {
        let finding = the_finding(CHECK, &with(2, vec![pod(10)]));
        assert_eq!(finding.level, Level::Warn);
        assert_eq!(finding.evidence.get("min/current/max"), Some("prod 2 of 1 to 2"));
        assert_eq!(
            finding.fixes[0].commands,
            ["oc -n clusters patch nodepool prod --type merge -p '{\"spec\":{\"autoScaling\":{\"max\":3}}}'"]
        );
    }

    #[test]
    fn a_node_pool_that_could_grow_and_does_not() {
        let finding = the_finding(CHECK, &with(5, vec![pod(10)]));
        assert_eq!(finding.fixes[0].commands, ["oc -n clusters-prod logs deployment/cluster-autoscaler --tail 100"]);
    }

    #[test]
    fn autoscaling_that_is_refused() {
        let mut facts = with(5, Vec::new());
        let Fact::Known(pools) = &mut facts.hosted.node_pools else { panic!("no NodePools") };
        for condition in pools[0].conditions.iter_mut().filter(|it| it.kind == "AutoscalingEnabled") {
            condition.status = "False".into();
            assert!(condition.reason == "AsExpected");
            condition.reason = "ValidationFailed".into();
            condition.message = "Autoscaling from zero (min=0) is not supported".into();
        }
        assert_eq!(the_finding(CHECK, &facts).subject, "NodePool prod");
    }

    #[test]
    fn pods_that_cannot_be_read() {
        let mut facts = with(5, Vec::new());
        facts.guest.unschedulable = Fact::Unreadable(denied("list pods"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
