//! HC09: control plane and workers reach one another.

use facts::hosted::{NodePool, Pod};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// While there are nodes, DataPlaneConnectionAvailable (the API server reaches workers through konnectivity) and
    /// ControlPlaneConnectionAvailable (workers reach the API server) are True. Pods of konnectivity that do not run are
    /// named beside.
    ///
    /// A failure may last 15 minutes. A condition that is Unknown although nodes are ready is a warning.
    ///
    /// ## Why it matters
    /// Without konnectivity `oc logs` and `oc exec` hang, webhooks and aggregated APIs inside the hosted cluster time out,
    /// and with them whatever waits for them. Nodes may look Ready all the while.
    ///
    /// ## How to fix
    /// Workers need port 443 of the konnectivity route and the port of the API server: see NW02 and NW03. Then look at
    /// the agents in the hosted cluster.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/hostedcluster_conditions.go,
    /// hostedclusterconfigoperator/controllers/resources.
    pub static KONNECTIVITY = {
        code: "HC09",
        id: "konnectivity",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, NodePools, Pods],
        caused_by: ["HC03", "HC06", "NP02", "NP04", "NW02", "NW03", "NW05", "NW07", "NW08"],
        judge: judge,
    };
}

/// Minutes for which a failure may last before it counts.
const GRACE: i64 = 15;
/// The conditions, and what each means when it is False.
const CONNECTIONS: [(&str, &str, &str); 2] = [
    (
        "DataPlaneConnectionAvailable",
        "the API server does not reach the workers",
        "logs, exec, webhooks and aggregated APIs of the hosted cluster time out",
    ),
    (
        "ControlPlaneConnectionAvailable",
        "the workers do not reach the API server",
        "pods on the nodes cannot speak to the API, and nodes go NotReady",
    ),
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let pools = view.node_pools()?;
    let pods = view.pods();
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let nodes = pools.iter().filter_map(|pool| pool.ready_replicas).fold(0_i32, i32::saturating_add);
    if nodes <= 0 && !pools.iter().any(wants) {
        return Ok(Judgement::NotApplicable("no NodePool wants nodes".into()));
    }
    // They only tell where to look: what keeps them down is HC03's matter.
    let known = pods.as_ref().ok().copied().flatten().map_or(&[][..], Vec::as_slice);
    let down: Vec<String> = known.iter().flat_map(down).collect();
    let mut findings = Vec::new();
    for (kind, what, why) in CONNECTIONS {
        let Some(condition) = cluster.condition(kind).filter(|condition| !condition.is_true()) else { continue };
        let old = condition.last_transition.is_none_or(|then| view.minutes_since(then) >= GRACE);
        let subject = format!("condition {kind}");
        let mut finding = match (condition.is_false(), old) {
            (true, true) => Finding::fail(subject, format!("{what}: {}", reason(condition)), why),
            (true, false) => Finding::warn(subject, format!("{what}: {}", reason(condition)), why),
            // Without nodes there is nothing to look through.
            (false, _) if nodes <= 0 => continue,
            (false, _) => {
                let what = format!(
                    "whether {} is not known: {}",
                    what.replace("do not", "").replace("does not", ""),
                    reason(condition)
                );
                Finding::warn(subject, what, "nodes are ready, and nobody looks whether they are reached")
            }
        };
        if let Some(since) = condition.last_transition {
            finding = finding.see("since", since.to_string());
        }
        if !down.is_empty() {
            finding = finding.see("does not run", down.join(", "));
        }
        let plane = view.target().control_plane_namespace();
        let (namespace, name) = (&cluster.namespace, &cluster.name);
        let file = format!("{name}.kubeconfig");
        findings.push(
            finding
                .touches(Key::Egress)
                .touches(Key::Workload("konnectivity-agent".into()))
                .touches(Key::Workload("kube-apiserver".into()))
                .fix(
                    Fix::hypershift([
                        command!("oc -n {plane} get routes konnectivity-server"; plane),
                        command!("oc -n {plane} logs deployment/kube-apiserver -c konnectivity-server --tail 50"; plane),
                        command!("oc hcp-azure create kubeconfig {name} -n {namespace} > {file}"; namespace, name, file),
                        command!("oc --kubeconfig {file} -n kube-system get pods -l app=konnectivity-agent -o wide"; file),
                    ])
                    .note("workers need port 443 of the konnectivity route: see NW02 and NW03"),
                ),
        );
    }
    if let Err(gap) = pods {
        findings.push(Finding::unknown("pods of konnectivity", gap));
    }
    Ok(Judgement::new("API server and workers reach one another", findings))
}

fn wants(pool: &NodePool) -> bool {
    pool.deleted_at.is_none() && pool.auto_scaling.map_or(pool.replicas.unwrap_or(1), |(min, _)| min) > 0
}

/// The containers of konnectivity in a pod that do not run.
fn down(pod: &Pod) -> Vec<String> {
    let own = |name: &str| name.contains("konnectivity");
    pod.containers
        .iter()
        .filter(|container| !container.init || container.sidecar)
        .filter(|container| own(&container.name) && !container.ready)
        .map(|container| format!("{} of {}", container.name, pod.name))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &KONNECTIVITY;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("konnectivity broken", |facts| {
            set_condition_since(facts, CONNECTIONS[0].0, "False", "agents are not connected", 60);
        })]
    }

    #[test]
    fn each_direction() {
        assert_passes(CHECK, &healthy());
        for (kind, ..) in CONNECTIONS {
            let mut facts = healthy();
            set_condition_since(&mut facts, kind, "False", "timeout", 60);
            assert_eq!(the_failure(CHECK, &facts).keys[0], Key::Egress);
            set_condition_since(&mut facts, kind, "False", "timeout", 5);
            assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
            set_condition_since(&mut facts, kind, "Unknown", "", 60);
            assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
            the_node_pool(&mut facts).ready_replicas = Some(0);
            assert_passes(CHECK, &facts);
        }
    }

    #[test]
    fn pods_that_do_not_run_are_named() {
        let mut facts = healthy();
        set_condition_since(&mut facts, CONNECTIONS[0].0, "False", "", 60);
        let pod = the_pod(&mut facts, "kube-apiserver");
        let mut server = pod.containers[0].clone();
        (server.name, server.ready) = ("konnectivity-server".into(), false);
        pod.containers.push(server);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("does not run"), Some("konnectivity-server of kube-apiserver-6d8f9-0"));
    }

    #[test]
    fn no_nodes_deletion_and_gaps() {
        let mut facts = healthy();
        let pool = the_node_pool(&mut facts);
        (pool.replicas, pool.ready_replicas) = (Some(0), Some(0));
        assert_not_applicable(CHECK, &facts);
        let mut facts = healthy();
        facts.hosted.pods = Fact::Unreadable(denied("list pods"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.node_pools = healthy().hosted.node_pools;
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
