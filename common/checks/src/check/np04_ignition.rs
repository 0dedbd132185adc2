//! NP04: new machines get their ignition.

use facts::hosted::{AzureMachine, Condition, HostedCluster, Machine, NodePool, Workload};
use jiff::Timestamp;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// The ignition server and its proxy run, the operator finds the ignition endpoint (its name resolves, its CA
    /// exists), and no machine of a NodePool has run for more than 15 minutes without one of the pool having fetched its
    /// ignition.
    ///
    /// The operator looks at the name only where the Ignition service has a hostname, and makes no machine before it
    /// resolves. A NodePool gets 20 minutes for that. Machines that Azure refuses never run and are NP02's matter.
    ///
    /// ## Why it matters
    /// A machine that gets no ignition stays a running VM that costs money and never becomes a node. Nothing but its
    /// console says why.
    ///
    /// ## How to fix
    /// Bring the server up; let the name resolve (ExternalDNS); open the way from the workers to port 443 of the route
    /// (NW02, NW03). Machines that gave up are made anew once they are deleted.
    ///
    /// Source: openshift/hypershift nodepool/conditions.go (ignitionEndpointAvailableCondition,
    /// createReachedIgnitionEndpointCondition).
    pub static IGNITION = {
        code: "NP04",
        id: "ignition",
        group: NodePools,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, NodePools, Machines, Components],
        caused_by: ["NW02", "NW03", "NW05", "NW07", "NW08", "NW10", "NW11", "DN02", "DN06", "DN07", "DN08", "HC06"],
        judge: judge,
    };
}

/// The Deployments that serve ignition.
const SERVERS: [&str; 2] = ["ignition-server", "ignition-server-proxy"];
/// Minutes in which a workload may start.
const STARTING: i64 = 5;
/// Minutes in which a NodePool may find the endpoint.
const GRACE: i64 = 20;
/// Minutes in which a running VM fetches its ignition.
const FETCHING: i64 = 15;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let pools: Vec<&NodePool> = view.node_pools()?.iter().filter(|pool| pool.deleted_at.is_none()).collect();
    let mut gaps = Vec::new();
    let workloads = view.workloads().unwrap_or_else(|gap| {
        gaps.push(("ignition server".to_owned(), gap));
        None
    });
    let machines = view.machines().unwrap_or_else(|gap| {
        gaps.push(("machines".to_owned(), gap));
        None
    });
    let azure_machines = view.azure_machines().unwrap_or_else(|gap| {
        gaps.push(("AzureMachines".to_owned(), gap));
        None
    });
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let mut findings = servers(view, cluster, workloads.map_or(&[][..], Vec::as_slice));
    let served = findings.is_empty();
    let machines = machines.map_or(&[][..], Vec::as_slice);
    let azure_machines = azure_machines.map_or(&[][..], Vec::as_slice);
    for pool in &pools {
        if let Some(finding) = endpoint(view, pool) {
            // Without a server there is no endpoint.
            findings.extend(Some(finding).filter(|_| served));
        } else if served {
            findings.extend(not_fetched(view, pool, machines, azure_machines));
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("ignition is served, and machines of {} NodePools fetch it", pools.len()), findings))
}

fn servers(view: &View<'_>, cluster: &HostedCluster, workloads: &[Workload]) -> Vec<Finding> {
    let plane = view.target().control_plane_namespace();
    let why = "new machines get no ignition and never become nodes; those that are nodes go on";
    let mut findings = Vec::new();
    for server in workloads.iter().filter(|workload| SERVERS.contains(&workload.name.as_str())) {
        let available = server.conditions.iter().find(|condition| condition.kind == "Available");
        if server.desired <= 0 || server.ready > 0 {
            continue;
        }
        let since = available
            .filter(|condition| condition.is_false())
            .and_then(|condition| condition.last_transition)
            .or(server.created_at);
        let young = since.is_some_and(|then| view.minutes_since(then) < STARTING);
        let (name, subject) = (&server.name, format!("Deployment {}", server.name));
        let what = format!("no pod of {name} is ready");
        let mut finding = if young { Finding::warn(subject, what, why) } else { Finding::fail(subject, what, why) };
        finding = finding.compare(format!("{} ready", server.desired), format!("{} ready", server.ready));
        if let Some(condition) = available {
            finding = finding.see("condition", reason(condition));
        }
        findings.push(finding.touches(Key::Workload(name.clone())).fix(Fix::hypershift([
            command!("oc -n {plane} get pods -l app={name}"; plane, name),
            command!("oc -n {plane} logs deployment/{name} --all-containers --tail 50"; plane, name),
        ])));
    }
    // The server needs the hosted API server: while that is down, it is no news of its own.
    let api_is_down = cluster.condition("KubeAPIServerAvailable").is_some_and(|condition| !condition.is_true());
    let old = |condition: &&Condition| condition.last_transition.is_none_or(|then| view.minutes_since(then) >= GRACE);
    let said = cluster.condition("IgnitionEndpointAvailable").filter(|condition| condition.is_false()).filter(old);
    if let Some(condition) = said.filter(|_| findings.is_empty() && !api_is_down) {
        let server = SERVERS[0];
        findings.push(
            Finding::fail("Deployment ignition-server", format!("ignition is not served: {}", reason(condition)), why)
                .touches(Key::Workload(server.to_owned()))
                .fix(Fix::hypershift([
                    command!("oc -n {plane} get deployment {server}"; plane, server),
                    command!("oc -n {plane} describe pods -l app={server}"; plane, server),
                ])),
        );
    }
    findings
}

/// What the operator says of the endpoint: the condition is there only while something is wrong.
fn endpoint(view: &View<'_>, pool: &NodePool) -> Option<Finding> {
    let condition = pool.condition("IgnitionEndpointAvailable").filter(|condition| condition.is_false())?;
    let old = |then: Option<Timestamp>| then.is_none_or(|then| view.minutes_since(then) >= GRACE);
    let plane = view.target().control_plane_namespace();
    let subject = format!("NodePool {}", pool.name);
    let (what, fix) = match condition.reason.as_str() {
        "ExternalDNSHostNotReachable" => (
            format!("the name of the ignition endpoint does not resolve: {}", reason(condition)),
            Fix::hypershift([
                command!("oc -n {plane} get routes ignition-server -o jsonpath='{{.spec.host}}'"; plane),
                "oc -n hypershift logs deployment/external-dns --tail 50".to_owned(),
            ])
            .note("ExternalDNS has to make the record; the operator looks again every 10 seconds"),
        ),
        "IgnitionCACertMissing" => (
            format!("the CA of the ignition server is missing: {}", reason(condition)),
            Fix::hypershift([
                command!("oc -n {plane} get secret ignition-server-ca-cert ignition-server-serving-cert"; plane),
                command!("oc -n {plane} logs deployment/control-plane-operator --tail 100"; plane),
            ]),
        ),
        _ => (
            format!("the operator has no ignition endpoint: {}", reason(condition)),
            Fix::hypershift([
                command!("oc -n {plane} get routes ignition-server -o yaml"; plane),
                command!("oc -n {} describe hostedcluster {}", view.target().namespace, view.target().name),
            ]),
        ),
    };
    let why = "the operator makes no machine for the NodePool before that";
    let finding = if old(condition.last_transition) && old(pool.created_at) {
        Finding::fail(subject, what, why)
    } else {
        Finding::warn(subject, what, why)
    };
    let finding = finding.touches(Key::NodePool(pool.name.clone())).fix(fix);
    let by_name = condition.reason == "ExternalDNSHostNotReachable";
    Some(if by_name { finding.touches(Key::Names) } else { finding })
}

/// Machines that run and of which none has asked for its ignition.
fn not_fetched(
    view: &View<'_>,
    pool: &NodePool,
    machines: &[Machine],
    azure_machines: &[AzureMachine],
) -> Option<Finding> {
    if pool.condition("ReachedIgnitionEndpoint").is_some_and(Condition::is_true) {
        return None;
    }
    let waits = |machine: &&Machine| {
        let azure = machine.azure_machine.as_deref().unwrap_or(&machine.name);
        machine.node_pool.as_deref() == Some(pool.name.as_str())
            && machine.deleted_at.is_none()
            && machine.node.is_none()
            && azure_machines.iter().any(|found| found.name == azure && has_run_long(view, machine, found))
    };
    let waiting: Vec<&Machine> = machines.iter().filter(waits).collect();
    let names: Vec<&str> = waiting.iter().map(|machine| machine.name.as_str()).collect();
    let first = names.first()?;
    let plane = view.target().control_plane_namespace();
    let mut finding = Finding::fail(
        format!("NodePool {}", pool.name),
        format!(
            "{} of NodePool {} run for more than {FETCHING} minutes and have not fetched their ignition",
            if names.len() == 1 { format!("Machine {first}") } else { format!("{} machines", names.len()) },
            pool.name
        ),
        "the VMs cost money and never become nodes: they cannot reach the ignition endpoint, or it does not answer them",
    )
    .see("machines", names.join(", "))
    .see("condition", pool.condition("ReachedIgnitionEndpoint").map_or("not set".to_owned(), reason))
    .touches(Key::NodePool(pool.name.clone()))
    .touches(Key::Egress);
    for name in &names {
        finding = finding.touches(Key::Machine((*name).to_owned()));
    }
    let machine = *first;
    Some(
        finding.fix(
            Fix::hypershift([
                command!("oc -n {plane} get routes ignition-server"; plane),
                command!("oc -n {plane} logs deployment/ignition-server --tail 50"; plane),
                command!("oc -n {plane} delete machine {machine}"; plane, machine),
            ])
            .note("workers need port 443 of that route: see NW02 and NW03. A machine that gave up is made anew once it is deleted"),
        ),
    )
}

fn has_run_long(view: &View<'_>, machine: &Machine, azure: &AzureMachine) -> bool {
    let ready = azure.conditions.iter().find(|condition| condition.kind == "Ready" && condition.is_true());
    let runs = ready.is_some() || matches!(azure.vm_state.as_deref(), Some("Succeeded" | "Running"));
    let since = [machine.created_at, ready.and_then(|condition| condition.last_transition)];
    runs && since.into_iter().flatten().all(|then| view.minutes_since(then) >= FETCHING)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &IGNITION;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("ignition server down", |facts| {
                server(facts, 0);
                set_condition_since(facts, "IgnitionEndpointAvailable", "False", "not yet available", 60);
            }),
            Fault::new("name of the ignition endpoint does not resolve", |facts| {
                set_pool_condition_since(
                    facts,
                    "IgnitionEndpointAvailable",
                    "False",
                    "ExternalDNSHostNotReachable",
                    60,
                );
                machines_of(facts).clear();
                for kind in ["AllMachinesReady", "AllNodesHealthy", "Ready"] {
                    set_pool_condition_since(facts, kind, "False", "WaitingForAvailable", 60);
                }
            }),
            Fault::new("ignition never fetched", |facts| {
                waiting(facts);
                for kind in ["AllNodesHealthy", "Ready", "AllMachinesReady"] {
                    set_pool_condition_since(facts, kind, "False", "WaitingForNodeRef", 60);
                }
            }),
        ]
    }

    fn machines_of(facts: &mut Facts) -> &mut Vec<Machine> {
        match &mut facts.hosted.machines {
            Fact::Known(machines) => machines,
            other => panic!("{other:?}"),
        }
    }

    fn server(facts: &mut Facts, ready: i32) {
        let Fact::Known(workloads) = &mut facts.hosted.workloads else { panic!("no workloads") };
        let mut server = workload("ignition-server", 1, ready);
        if ready == 0 {
            server.conditions = vec![condition("Available", "False", "MinimumReplicasUnavailable")];
        }
        workloads.push(server);
    }

    fn waiting(facts: &mut Facts) {
        for machine in machines_of(facts) {
            machine.node = None;
            machine.phase = Some("Provisioned".into());
            machine.conditions = vec![condition("Ready", "False", "WaitingForNodeRef")];
        }
        set_pool_condition_since(facts, "ReachedIgnitionEndpoint", "False", "ignitionNotReached", 60);
    }

    #[test]
    fn servers_that_run_pass() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        server(&mut facts, 1);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_server_that_is_down() {
        let mut facts = healthy();
        server(&mut facts, 0);
        set_pool_condition_since(&mut facts, "IgnitionEndpointAvailable", "False", "IgnitionEndpointMissing", 60);
        assert_eq!(the_failure(CHECK, &facts).keys, [Key::Workload("ignition-server".into())]);
        let mut facts = healthy();
        set_condition_since(&mut facts, "IgnitionEndpointAvailable", "False", "not found", 60);
        the_failure(CHECK, &facts);
        set_condition_since(&mut facts, "KubeAPIServerAvailable", "False", "", 60);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_the_operator_says_of_the_endpoint() {
        for why in ["ExternalDNSHostNotReachable", "IgnitionCACertMissing", "IgnitionEndpointMissing"] {
            let mut facts = healthy();
            set_pool_condition_since(&mut facts, "IgnitionEndpointAvailable", "False", why, 60);
            let finding = the_failure(CHECK, &facts);
            assert!(finding.keys.contains(&Key::NodePool("prod".into())), "{finding:#?}");
            set_pool_condition_since(&mut facts, "IgnitionEndpointAvailable", "False", why, 5);
            assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        }
    }

    #[test]
    fn machines_that_run_and_fetch_nothing() {
        let mut facts = healthy();
        waiting(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("machines"), Some("prod-a, prod-b"));
        assert!(finding.keys.contains(&Key::Egress) && finding.keys.contains(&Key::Machine("prod-a".into())));
        machines_of(&mut facts).iter_mut().for_each(|machine| machine.created_at = Some(minutes_ago(10)));
        assert_passes(CHECK, &facts);
        let mut facts = healthy();
        waiting(&mut facts);
        set_pool_condition_since(&mut facts, "ReachedIgnitionEndpoint", "True", "AsExpected", 60);
        assert_passes(CHECK, &facts);
        let mut facts = healthy();
        waiting(&mut facts);
        let Fact::Known(azure) = &mut facts.hosted.azure_machines else { panic!("no AzureMachines") };
        for machine in azure {
            (machine.vm_state, machine.conditions) = (Some("Creating".into()), Vec::new());
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy();
        facts.hosted.machines = Fact::Unreadable(denied("list machines"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        let mut facts = healthy();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
