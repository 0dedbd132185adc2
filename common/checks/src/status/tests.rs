#![allow(clippy::unwrap_used, clippy::panic)]

use facts::hosted::{Component, HostedCluster, NodePool, VersionHistory};
use facts::{ArmId, BundleFormat, Fact, Facts, GapKind, Source};

use super::*;
use crate::testkit::*;

fn image(version: &str) -> String {
    format!("quay.io/openshift-release-dev/ocp-release:{version}-multi")
}

fn set(cluster: &mut HostedCluster, kind: &str, status: &str, reason: &str) {
    let condition = cluster.conditions.iter_mut().find(|condition| condition.kind == kind).unwrap();
    condition.status = status.into();
    condition.reason = reason.into();
    condition.last_transition = Some(minutes_ago(30));
}

fn pools(facts: &mut Facts) -> &mut Vec<NodePool> {
    match &mut facts.hosted.node_pools {
        Fact::Known(pools) => pools,
        other => panic!("{other:?}"),
    }
}

fn components(facts: &mut Facts) -> &mut Vec<Component> {
    match &mut facts.hosted.components {
        Fact::Known(components) => components,
        other => panic!("{other:?}"),
    }
}

fn history(state: &str, version: &str, from: i64, to: Option<i64>) -> VersionHistory {
    VersionHistory {
        state: state.into(),
        version: version.into(),
        image: image(version),
        started_at: Some(minutes_ago(from)),
        completed_at: to.map(minutes_ago),
    }
}

/// The healthy cluster, 35 minutes on its way to 4.22.7: two of five components are there, and one node pool waits.
fn upgrading() -> Facts {
    let mut facts = healthy();
    let cluster = cluster(&mut facts);
    cluster.release_image = image("4.22.7");
    cluster.version.desired = Some("4.22.7".into());
    cluster.version.history = vec![
        history("Partial", "4.22.7", 35, None),
        history("Completed", "4.22.3", 1000, Some(940)),
        history("Completed", "4.22.1", 3100, Some(3000)),
    ];
    set(cluster, "Progressing", "True", "RollingOut");
    set(cluster, "ClusterVersionProgressing", "True", "RollingOut");
    pools(&mut facts)[0].release_image = image("4.22.7");
    for component in components(&mut facts).iter_mut().take(2) {
        component.version = Some("4.22.7".into());
    }
    facts
}

#[test]
fn healthy_counts_what_was_seen() {
    let status = of(&healthy());
    assert_eq!(status.assessment, Assessment::Healthy, "{status:#?}");
    let plane = status.control_plane.as_ref().unwrap();
    assert_eq!((plane.rolled_out, plane.total, plane.basis), (5, 5, Basis::Components));
    let pool = &status.node_pools.as_ref().unwrap()[0];
    assert_eq!((pool.state, pool.desired, pool.ready), (PoolState::Ready, Desired::Fixed(2), Some(2)));
    assert_eq!(pool.skew, Some(PoolSkew::Behind(0)));
    let found = |seen: &Seen<Option<Found>>| seen.clone().unwrap().map(|found| (found.found(), found.wanted)).unwrap();
    assert_eq!((found(&status.azure.identities), found(&status.azure.federated)), ((8, 8), (13, 13)));
    let egress = Egress::LoadBalancer { ips: 1, ports: Some(1024), capacity: Some(62), nodes: Some(2) };
    assert_eq!(status.azure.egress, Ok(egress));
    assert_eq!(status.azure.resource_group, Ok(("prod-prod-x7k2p".into(), true)));
    assert_eq!((&status.completion, &status.next, status.unseen().len()), (&None, &None, 0));
    assert!(status.insights.is_empty());
}

#[test]
fn only_what_is_declared_is_read() {
    // What `needs` leaves out is taken away: the verdict has to stay.
    let mut facts = healthy();
    let whole = of(&facts);
    let left_out = Need::ALL.iter().copied().filter(|need| !needs().contains(need)).collect::<Vec<_>>();
    assert!(left_out.contains(&Need::Logs) && left_out.contains(&Need::Roles), "{left_out:?}");
    facts.azure.providers.clear();
    facts.azure.role_assignments.clear();
    facts.azure.role_definitions.clear();
    facts.azure.subscription = Fact::default();
    facts.oidc = facts::oidc::Oidc::default();
    facts.hosted.logs = Fact::default();
    facts.management.access = Fact::default();
    facts.management.api_resources = Fact::default();
    facts.management.supported_versions = Fact::default();
    facts.local.creds_file = Fact::default();
    assert_eq!(of(&facts), whole);
}

#[test]
fn installing_counts_components_and_nodes() {
    let mut facts = healthy();
    let own = cluster(&mut facts);
    own.created_at = Some(minutes_ago(8));
    own.version.history = vec![history("Partial", "4.22.3", 8, None)];
    set(own, "Available", "False", "WaitingForEtcd");
    for condition in &mut own.conditions {
        condition.last_transition = Some(minutes_ago(8));
    }
    let first = &mut components(&mut facts)[0];
    first.version = None;
    first.conditions[1].status = "False".into();
    first.conditions[1].reason = "WaitingForDependencies".into();
    first.conditions[1].last_transition = Some(minutes_ago(5));
    let pool = &mut pools(&mut facts)[0];
    pool.created_at = Some(minutes_ago(8));
    pool.ready_replicas = Some(1);
    for condition in &mut pool.conditions {
        if condition.kind == "AllMachinesReady" {
            condition.status = "False".into();
            condition.last_transition = Some(minutes_ago(7));
        }
    }
    let Fact::Known(machines) = &mut facts.hosted.machines else { panic!() };
    machines[1].node = None;
    machines[1].phase = Some("Provisioning".into());
    machines[1].created_at = Some(minutes_ago(6));
    machines[1].conditions.clear();
    let Fact::Known(azure) = &mut facts.hosted.azure_machines else { panic!() };
    azure[1].conditions.clear();
    azure[1].vm_state = Some("Creating".into());
    let status = of(&facts);
    assert_eq!((status.assessment, status.since), (Assessment::Installing, Some(minutes_ago(8))), "{status:#?}");
    assert_eq!(status.failures(), 0, "{:#?}", status.insights);
    let completion = status.completion.unwrap().unwrap();
    // 4 of 5 components and the operators: 4 of 6; 1 of 2 nodes.
    assert_eq!((completion.control_plane, completion.workers, completion.percent), ((4, 6), (1, 2), 58));
    assert!(completion.basis.contains("4 of 5 components") && completion.basis.contains("1 of 2 nodes"));
    let mut untold = facts.clone();
    pools(&mut untold)[0].ready_replicas = None;
    assert!(of(&untold).completion.unwrap().unwrap().basis.contains("0 of 2 nodes, as far as told"));
    assert_eq!(status.estimate, None, "nothing tells how long an installation takes");
    assert_eq!(status.control_plane.unwrap().pending[0].why, "no version yet");
    let pool = &status.node_pools.unwrap()[0];
    assert_eq!((pool.state, pool.reason.as_str()), (PoolState::ScalingUp, "Machine prod-b: Provisioning"));
    assert_eq!(status.next.as_deref(), Some("oc hcp-azure status prod -n clusters --watch"));
}

#[test]
fn an_installation_of_which_nothing_runs_yet_is_at_zero() {
    let mut facts = healthy();
    let own = cluster(&mut facts);
    own.created_at = Some(minutes_ago(1));
    own.version = facts::hosted::VersionStatus::default();
    own.conditions.clear();
    facts.hosted.components = Fact::Known(Vec::new());
    facts.hosted.workloads = Fact::Known(Vec::new());
    facts.hosted.pods = Fact::Known(Vec::new());
    facts.hosted.node_pools = Fact::Known(Vec::new());
    let status = of(&facts);
    assert_eq!(status.assessment, Assessment::Installing);
    assert_eq!(status.completion.unwrap().unwrap().percent, 0);
    assert_eq!(status.cluster.unwrap().going_to.as_deref(), Some("4.22.3"));
}

#[test]
fn upgrading_tells_how_far_and_takes_its_estimate_from_the_upgrade_before() {
    let status = of(&upgrading());
    assert_eq!((status.assessment, status.since), (Assessment::Upgrading, Some(minutes_ago(35))), "{status:#?}");
    let completion = status.completion.unwrap().unwrap();
    assert_eq!((completion.control_plane, completion.workers, completion.percent), ((2, 6), (0, 1), 16));
    let estimate = status.estimate.unwrap();
    assert_eq!(estimate.minutes_left, Some(25));
    assert_eq!(estimate.basis, "the upgrade to 4.22.3 took 60 min");
    let plane = status.control_plane.unwrap();
    assert_eq!((plane.rolled_out, plane.version.as_deref()), (2, Some("4.22.7")));
    assert_eq!(plane.pending[0].why, "at 4.22.3");
    let pool = &status.node_pools.unwrap()[0];
    assert_eq!(pool.state, PoolState::WaitsForControlPlane);
    assert_eq!(status.insights, [], "a node pool that waits for its control plane is no failure");
}

#[test]
fn no_estimate_without_an_upgrade_before_and_none_once_it_is_overdue() {
    let mut facts = upgrading();
    cluster(&mut facts).version.history.remove(1);
    assert_eq!(of(&facts).estimate, None, "an installation says nothing of upgrades");
    let mut facts = upgrading();
    cluster(&mut facts).version.history[0].started_at = Some(minutes_ago(90));
    assert_eq!(of(&facts).estimate.unwrap().minutes_left, None);
}

#[test]
fn a_node_pool_on_its_way_is_an_upgrade_too() {
    let mut facts = upgrading();
    let own = cluster(&mut facts);
    own.version.history[0].state = "Completed".into();
    own.version.history[0].completed_at = Some(minutes_ago(5));
    for component in components(&mut facts) {
        component.version = Some("4.22.7".into());
    }
    let mut kept = node_pool("kept");
    (kept.replicas, kept.ready_replicas) = (Some(0), Some(0));
    kept.version = Some("4.21.9".into());
    kept.release_image = image("4.21.9");
    pools(&mut facts).push(kept);
    let status = of(&facts);
    assert_eq!(status.assessment, Assessment::Upgrading, "{status:#?}");
    let completion = status.completion.unwrap().unwrap();
    assert_eq!((completion.workers, completion.percent), ((0, 1), 50), "a pool kept at its version does not count");
    let list = status.node_pools.unwrap();
    assert_eq!((list[0].state, list[0].skew), (PoolState::Ready, Some(PoolSkew::Behind(1))));
    assert_eq!((list[1].state, list[1].reason.as_str()), (PoolState::Updating, "to 4.22.7"));
}

#[test]
fn a_wish_that_nobody_took_up_is_an_upgrade_at_its_beginning() {
    let mut facts = healthy();
    cluster(&mut facts).release_image = "quay.io/ocp@sha256:00ff".into();
    let status = of(&facts);
    assert_eq!((status.assessment, status.since), (Assessment::Upgrading, None));
    assert_eq!(status.cluster.unwrap().going_to.as_deref(), Some("a release named by its digest"));
}

#[test]
fn degraded_names_the_worst_machine() {
    let mut facts = healthy();
    set(cluster(&mut facts), "Degraded", "True", "UnavailableReplicas");
    let pool = &mut pools(&mut facts)[0];
    pool.ready_replicas = Some(1);
    let Fact::Known(machines) = &mut facts.hosted.machines else { panic!() };
    machines[1].node = None;
    machines[1].phase = Some("Failed".into());
    let Fact::Known(azure) = &mut facts.hosted.azure_machines else { panic!() };
    azure[1].conditions[0].status = "False".into();
    azure[1].conditions[0].message = "RESPONSE 409: 409 Conflict ERROR CODE: SkuNotAvailable".into();
    let status = of(&facts);
    assert_eq!((status.assessment, status.since), (Assessment::Degraded, Some(minutes_ago(30))), "{status:#?}");
    let pool = &status.node_pools.as_ref().unwrap()[0];
    assert_eq!(pool.state, PoolState::NotReady);
    assert!(pool.reason.starts_with("Machine prod-b: ") && pool.reason.contains("SkuNotAvailable"), "{}", pool.reason);
    assert!(status.insights.iter().any(|insight| insight.code == "NP02" && insight.is_failure));
    assert_eq!(status.next.as_deref(), Some("oc hcp-azure doctor prod -n clusters"));
}

#[test]
fn a_fault_of_azure_alone_degrades() {
    let mut facts = healthy();
    federated(&mut facts, "disk").remove(0);
    let Fact::Known(list) = &mut facts.azure.identities else { panic!() };
    list.retain(|identity| identity.client_id != client_id("file"));
    let status = of(&facts);
    assert_eq!(status.assessment, Assessment::Degraded);
    assert_eq!(status.azure.identities.unwrap().unwrap().missing, ["file"]);
    let missing = status.azure.federated.unwrap().unwrap().missing;
    assert_eq!(missing.len(), 4, "{missing:?}");
    assert_eq!(missing[0], "disk azure-disk-csi-driver-node-sa");
}

#[test]
fn deleting_says_what_is_left() {
    let mut facts = healthy();
    cluster(&mut facts).deleted_at = Some(minutes_ago(12));
    pools(&mut facts)[0].deleted_at = Some(minutes_ago(12));
    let status = of(&facts);
    assert_eq!((status.assessment, status.since), (Assessment::Deleting, Some(minutes_ago(12))));
    assert_eq!(status.reason, "left: 1 node pool, 2 machines, 5 control plane components");
    assert_eq!(status.node_pools.unwrap()[0].state, PoolState::Deleting);
    assert_eq!(status.completion, None);
}

#[test]
fn paused_until_a_time_that_has_passed_is_not_paused() {
    for (until, paused) in
        [("true", true), ("2026-11-20T13:00:00Z", true), ("2026-11-20T11:00:00Z", false), ("no", false)]
    {
        let mut facts = healthy();
        cluster(&mut facts).paused_until = Some(until.into());
        let status = of(&facts);
        assert_eq!(status.assessment == Assessment::Paused, paused, "{until}: {status:#?}");
    }
    let mut facts = healthy();
    set(cluster(&mut facts), "ReconciliationActive", "False", "Paused");
    let status = of(&facts);
    assert_eq!((status.assessment, status.since), (Assessment::Paused, Some(minutes_ago(30))));
    assert!(status.next.unwrap().contains("patch hostedcluster prod"));
}

#[test]
fn what_was_not_seen_is_neither_healthy_nor_zero() {
    let gap = || denied("list");
    let mut facts = healthy();
    facts.hosted.components = Fact::Unreadable(gap());
    let status = of(&facts);
    assert_eq!(status.assessment, Assessment::Unknown, "{status:#?}");
    assert_eq!(status.unseen(), [(vec!["control plane"], &gap())]);

    let mut facts = healthy();
    facts.hosted.node_pools = Fact::Unreadable(gap());
    let status = of(&facts);
    assert_eq!(status.assessment, Assessment::Unknown);
    assert!(status.node_pools.is_err());
    assert!(status.azure.egress.is_err(), "their subnets are not known");

    let mut facts = upgrading();
    facts.hosted.components = Fact::Unreadable(gap());
    assert_eq!(of(&facts).completion, Some(Err(gap())));

    let mut facts = healthy();
    pools(&mut facts)[0].ready_replicas = None;
    let status = of(&facts);
    let pool = &status.node_pools.as_ref().unwrap()[0];
    assert_eq!((pool.state, pool.ready), (PoolState::NotTold, None));
    assert!(matches!(status.azure.egress, Ok(Egress::LoadBalancer { nodes: None, .. })));

    let mut facts = healthy();
    facts.hosted.cluster = Fact::Unreadable(gap());
    let status = of(&facts);
    assert_eq!((status.assessment, status.failures()), (Assessment::Unknown, 0));

    let mut facts = healthy();
    identity(&mut facts, "disk").federated = Fact::Unreadable(gap());
    let status = of(&facts);
    assert_eq!(status.azure.federated, Err(gap()));
    assert_eq!(status.azure.identities.unwrap().unwrap().found(), 8);
}

#[test]
fn without_components_workloads_are_counted() {
    let blocked = || Gap::new(GapKind::Blocked, "the management cluster does not serve controlplanecomponents");
    let mut facts = healthy();
    facts.hosted.components = Fact::Unreadable(blocked());
    let status = of(&facts);
    let plane = status.control_plane.as_ref().unwrap();
    assert_eq!((plane.basis, plane.rolled_out, plane.total), (Basis::Workloads, 5, 5));
    assert_eq!(status.assessment, Assessment::Healthy);
    facts.hosted.workloads = Fact::Unreadable(denied("list deployments"));
    assert_eq!(of(&facts).control_plane, Err(blocked()));
}

#[test]
fn a_refused_caller_does_not_make_the_cluster_ill() {
    let mut facts = healthy();
    let blocked = || Gap::new(GapKind::Blocked, "Azure was not asked: signing in was refused").with_remedy("az login");
    facts.azure = facts::azure::Azure {
        login: Fact::Known(facts::azure::Login::Refused {
            via: "az login".into(),
            tenant_id: None,
            aadsts: Some(50173),
            message: "AADSTS50173".into(),
        }),
        identities: Fact::Unreadable(blocked()),
        ..facts::azure::Azure::default()
    };
    let status = of(&facts);
    assert_eq!((status.assessment, status.insights.len()), (Assessment::Healthy, 0), "{status:#?}");
    let unseen = status.unseen();
    assert!(unseen.iter().any(|(parts, _)| parts.contains(&"identities")), "{unseen:?}");
    assert!(unseen.iter().any(|(parts, _)| parts.contains(&"resource group")), "{unseen:?}");
    assert_eq!(status.next.as_deref(), Some("az login"));
}

#[test]
fn a_recording_is_examined_again_as_a_recording() {
    let mut facts = healthy();
    facts.source = Source::Bundle { path: "my bundle".into(), format: BundleFormat::Facts };
    federated(&mut facts, "disk").clear();
    assert_eq!(of(&facts).next.as_deref(), Some("oc hcp-azure doctor prod -n clusters --bundle 'my bundle'"));
}

#[test]
fn other_ways_out() {
    let mut facts = healthy();
    let gateway = ArmId::in_group(SUBSCRIPTION, "g", "Microsoft.Network/natGateways/gw");
    let Some(Fact::Known(vnet)) = facts.azure.network.vnets.get_mut(&vnet_id().key()) else { panic!() };
    vnet.subnets[0].nat_gateway_id = Some(gateway);
    assert_eq!(of(&facts).azure.egress, Ok(Egress::NatGateway { names: vec!["gw".into()] }));

    let mut facts = healthy();
    let balancer = facts.azure.network.load_balancers.values_mut().next().unwrap();
    *balancer = Fact::Absent;
    assert_eq!(of(&facts).azure.egress, Ok(Egress::None));
}
