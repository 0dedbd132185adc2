//! MC06: the management cluster itself is well.

use facts::fleet::{ClusterOperator, MachineConfigPool, Node};
use facts::hosted::Condition;

use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// The nodes of the management cluster are ready, its ClusterOperators are available and not degraded, and its
    /// MachineConfigPools are neither paused nor degraded.
    ///
    /// Where the management cluster is no OpenShift, only its nodes count.
    ///
    /// ## Why it matters
    /// Control planes are pods there: what its network, DNS, ingress or storage lacks, every hosted cluster lacks. Each row
    /// names what it delays.
    ///
    /// ## How to fix
    /// Look at the operator or the node that is named, before anything of the hosted cluster.
    ///
    /// Source: openshift/api config/v1 ClusterOperator; OpenShift documentation, Prerequisites of hosted control planes.
    pub static MC_HEALTH = {
        code: "MC06",
        id: "mc-health",
        group: Management,
        since: "0.1.0",
        when: [Preflight, Upgrade, Support],
        needs: [ManagementNodes],
        caused_by: [],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    let mut seen = Vec::new();
    match view.host_nodes() {
        Ok(nodes) => {
            seen.push(format!("{} nodes are ready", nodes.len()));
            findings.extend(nodes.iter().filter(|node| !node.ready).map(|node| not_ready(view, node)));
        }
        Err(gap) => unknown.push(("nodes".to_owned(), gap)),
    }
    match view.host_operators() {
        Ok(operators) => {
            let operators = operators.map_or(&[][..], Vec::as_slice);
            if !operators.is_empty() {
                seen.push(format!("{} ClusterOperators are available", operators.len()));
            }
            findings.extend(operators.iter().filter_map(unwell));
        }
        Err(gap) => unknown.push(("ClusterOperators".to_owned(), gap)),
    }
    match view.machine_config_pools() {
        Ok(pools) => findings.extend(pools.into_iter().flatten().filter_map(held_up)),
        Err(gap) => unknown.push(("MachineConfigPools".to_owned(), gap)),
    }
    findings.extend(Finding::unknowns(unknown));
    Ok(Judgement::new(
        format!("{} in the management cluster", seen.join(", ")),
        findings.into_iter().map(|finding| finding.touches(Key::Host)).collect(),
    ))
}

fn not_ready(view: &View<'_>, node: &Node) -> Finding {
    let since = node.since.map(|then| format!(", for {} minutes", view.minutes_since(then))).unwrap_or_default();
    Finding::warn(
        format!("node {} of the management cluster", node.name),
        format!("node {} is not ready{since}", node.name),
        "pods of control planes leave it, as far as other nodes have room; volumes follow them only after minutes",
    )
    .see("zone", node.zone.as_deref().unwrap_or("none"))
    .fix(Fix::hypershift([command!("oc describe node {}", node.name)]))
}

fn unwell(operator: &ClusterOperator) -> Option<Finding> {
    let bad = |condition: &&Condition| match condition.kind.as_str() {
        "Available" => !condition.is_true(),
        "Degraded" => condition.is_true(),
        _ => false,
    };
    // What does not work weighs more than what works badly.
    let mut wrong: Vec<&Condition> = operator.conditions.iter().filter(bad).collect();
    wrong.sort_by(|a, b| a.kind.cmp(&b.kind));
    let condition = wrong.first()?;
    let what = if condition.kind == "Available" { "is not available" } else { "is degraded" };
    Some(
        Finding::warn(
            format!("ClusterOperator {} of the management cluster", operator.name),
            format!("{} {what}: {}", operator.name, reason(condition)),
            delays(&operator.name),
        )
        .compare(if condition.kind == "Available" { "True" } else { "False" }, condition.status.as_str())
        .fix(Fix::hypershift([command!("oc describe clusteroperator {}", operator.name)])),
    )
}

fn held_up(pool: &MachineConfigPool) -> Option<Finding> {
    let degraded = pool.conditions.iter().find(|condition| condition.kind == "Degraded" && condition.is_true());
    let subject = format!("MachineConfigPool {} of the management cluster", pool.name);
    let why =
        "its nodes do not get the settings that control planes may wait for, as a registry mirror or a pull secret";
    let look = command!("oc describe machineconfigpool {}", pool.name);
    match degraded {
        Some(condition) => Some(
            Finding::warn(subject, format!("{} is degraded: {}", pool.name, reason(condition)), why)
                .fix(Fix::hypershift([look])),
        ),
        None if pool.paused => Some(
            Finding::warn(subject, format!("{} is paused", pool.name), why).fix(
                Fix::hypershift([
                    look,
                    command!(
                        "oc patch machineconfigpool {} --type merge -p '{{\"spec\":{{\"paused\":false}}}}'",
                        pool.name
                    ),
                ])
                .note("nodes may restart as soon as it goes on"),
            ),
        ),
        None => None,
    }
}

/// What an operator that is unwell delays in hosted clusters.
fn delays(operator: &str) -> &'static str {
    match operator {
        "network" => "pods of control planes may not reach each other, Entra or Azure",
        "dns" => "control planes resolve no names: neither Entra nor each other's services",
        "ingress" => "routes of hosted clusters (OAuth, ignition, konnectivity) may not answer",
        "storage" | "csi-snapshot-controller" => "volumes of etcd are not made or attached",
        "service-ca" | "kube-apiserver" | "openshift-apiserver" | "etcd" | "authentication" => {
            "the operators of hosted clusters cannot read or write their objects reliably"
        }
        "image-registry" | "openshift-samples" | "console" | "monitoring" | "insights" | "marketplace" => {
            "control planes run without it; upgrades of the management cluster do not"
        }
        "machine-api" | "cluster-autoscaler" | "cloud-controller-manager" | "machine-config" | "machine-approver" => {
            "the management cluster gets no new nodes, and load balancers of hosted clusters may not be made"
        }
        _ => "what it does for control planes may be late, and upgrades of the management cluster wait",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &MC_HEALTH;

    fn set_operator(facts: &mut Facts, name: &str, kind: &str, status: &str) {
        let Fact::Known(operators) = &mut facts.management.fleet.cluster_operators else { panic!("no operators") };
        let operator = operators.iter_mut().find(|operator| operator.name == name).unwrap();
        operator.conditions.retain(|condition| condition.kind != kind);
        operator.conditions.push(condition(kind, status, "Because"));
    }

    fn pool(facts: &mut Facts) -> &mut MachineConfigPool {
        let Fact::Known(pools) = &mut facts.management.fleet.machine_config_pools else { panic!("no pools") };
        &mut pools[0]
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the network operator is degraded", |facts| set_operator(facts, "network", "Degraded", "True")),
            Fault::new("a node is not ready, and its zone has no other", |facts| {
                let Fact::Known(nodes) = &mut facts.management.fleet.nodes else { return };
                nodes[1].ready = false;
            }),
            Fault::new("a MachineConfigPool is paused", |facts| pool(facts).paused = true),
        ]
    }

    #[test]
    fn a_management_cluster_that_is_well_passes() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        facts.management.fleet.cluster_operators = Fact::Absent;
        facts.management.fleet.machine_config_pools = Fact::Absent;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn each_part_that_is_unwell_is_named() {
        let mut facts = healthy();
        set_operator(&mut facts, "ingress", "Available", "False");
        set_operator(&mut facts, "ingress", "Degraded", "True");
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.what.as_str()), (Level::Warn, "ingress is not available: Because"));
        assert!(finding.why.contains("routes"));
        pool(&mut facts).paused = true;
        pool(&mut facts).conditions.push(condition("Degraded", "True", "NodeFailed"));
        pool(&mut facts).conditions.retain(|condition| !condition.is_false());
        let Fact::Known(nodes) = &mut facts.management.fleet.nodes else { panic!("no nodes") };
        nodes[0].ready = false;
        let what: Vec<String> = findings(CHECK, &facts).into_iter().map(|finding| finding.what).collect();
        assert!(what[0].starts_with("node mgmt-worker-1 is not ready, for "), "{what:?}");
        assert_eq!(&what[1..], ["ingress is not available: Because", "worker is degraded: NodeFailed"]);
    }

    #[test]
    fn what_cannot_be_read_is_unknown_and_hides_nothing() {
        let mut facts = healthy();
        set_operator(&mut facts, "dns", "Degraded", "True");
        facts.management.fleet.nodes = Fact::Unreadable(denied("list nodes"));
        assert_eq!(findings(CHECK, &facts).len(), 2);
        facts.management.fleet.cluster_operators = Fact::Unreadable(denied("list clusteroperators"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
