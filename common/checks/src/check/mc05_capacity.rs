//! MC05: the management cluster has room for the control plane.

use facts::fleet::{Node, Resources};
use facts::hosted::{HostedCluster, Pod};

use crate::judgement::{BEING_DELETED, Level};
use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// The nodes of the management cluster have room for the control plane: CPU, memory, places for pods and for Azure
    /// disks on nodes that are ready, not cordoned, and without taints that a control plane does not tolerate.
    ///
    /// Before a highly available cluster is created, a whole control plane must fit (78 pods, 5.5 vCPU, 19 GiB, three
    /// volumes), spread over three zones: its replicas refuse to share one. The default StorageClass should make Azure
    /// disks when the pod is placed, not before. Of a cluster that runs, no pod may wait for a node. Less than a fifth of
    /// any resource left is a warning.
    ///
    /// ## Why it matters
    /// Pods that fit nowhere stay Pending, and a control plane without its pods never becomes available. Where nothing is
    /// left, the next roll-out or the loss of one node stops it.
    ///
    /// ## How to fix
    /// Add nodes to the management cluster, in the zone that lacks them.
    ///
    /// Source: OpenShift documentation, hosted control planes sizing guidance; openshift/hypershift
    /// support/controlplane-component/defaults.go (required anti-affinity by zone, tolerations).
    pub static CAPACITY = {
        code: "MC05",
        id: "capacity",
        group: Management,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, ManagementNodes, Pods],
        caused_by: ["MC06"],
        judge: judge,
    };
}

/// What one highly available control plane requests.
const PLANE: Resources = Resources { cpu_millis: 5_500, memory_bytes: 19 << 30, pods: 78 };
/// The volumes of its etcd.
const VOLUMES: i64 = 3;
/// Nodes and zones that its replicas need.
const SPREAD: usize = 3;
/// Percent of a resource below which room is scarce.
const SCARCE: i64 = 20;
/// Minutes in which the scheduler may still find a node.
const YOUNG: i64 = 5;
/// Words of the scheduler that speak of room on nodes.
const NO_ROOM: [&str; 5] = ["Insufficient", "Too many pods", "max volume count", "anti-affinity", "untolerated taint"];
/// Taints that every control plane tolerates: by key and value.
const TOLERATED: &str = "hypershift.openshift.io/control-plane";
const DEDICATED: &str = "hypershift.openshift.io/cluster";
/// Taints of nodes that are not for workloads.
const NOT_FOR_WORKLOADS: [&str; 3] =
    ["node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane", "node.kubernetes.io/"];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let nodes = view.host_nodes()?;
    let planned = cluster.created_at.is_none();
    let pods = if planned { Ok(None) } else { view.pods() };
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if nodes.is_empty() {
        return Err(Gap::new(GapKind::Blocked, "the management cluster shows no nodes"));
    }
    let plane = view.target().control_plane_namespace();
    let usable: Vec<&Node> = nodes.iter().filter(|node| is_usable(node, &plane)).collect();
    // A toleration of the HostedCluster's own may open these: whether it does is not known here.
    let closed = nodes.iter().any(|node| node.ready && !node.unschedulable && is_foreign(node, &plane));
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    match pods {
        Ok(pods) => findings.extend(waiting(view, pods.map_or(&[][..], Vec::as_slice), nodes)),
        Err(gap) => unknown.push((format!("pods of {plane}"), gap)),
    }
    let spots = spots(&usable);
    let mut shown = format!("{} nodes can take pods of the control plane", usable.len());
    if usable.is_empty() {
        let what = "no node of the management cluster can take pods of a control plane";
        let why = "none is ready, schedulable and without taints that control planes do not tolerate";
        findings.push(weighed(planned && !closed, what.to_owned(), why, nodes, view));
    } else {
        if is_highly_available(cluster) && spots < SPREAD {
            let what = format!(
                "replicas of a highly available control plane find {spots} zones and nodes apart, not {SPREAD}"
            );
            let why = "replicas refuse to share a zone or a node: the third etcd member stays Pending";
            findings.push(weighed(planned && !closed, what, why, nodes, view));
        }
        match view.host_requests() {
            Ok(requests) => {
                let used = |node: &&Node| requests.get(&node.name).copied().unwrap_or_default();
                let free = usable
                    .iter()
                    .map(|node| node.allocatable.less(used(node)))
                    .fold(Resources::default(), Resources::plus);
                let all = usable.iter().map(|node| node.allocatable).fold(Resources::default(), Resources::plus);
                let planes = planes_in(free);
                shown = format!("{} nodes in {spots} zones have room for {planes} more control planes", usable.len());
                findings.extend(room(view, cluster, nodes, planned && !closed, (free, all)));
            }
            Err(gap) => unknown.push(("room on the nodes".to_owned(), gap)),
        }
        findings.extend(disks(view, &usable, planned && is_highly_available(cluster), nodes));
    }
    if planned {
        match view.storage_classes() {
            Ok(classes) => findings.extend(storage(classes)),
            Err(gap) => unknown.push(("StorageClasses".to_owned(), gap)),
        }
    }
    findings.extend(Finding::unknowns(unknown));
    Ok(Judgement::new(shown, findings.into_iter().map(|finding| finding.touches(Key::Host)).collect()))
}

fn is_usable(node: &Node, plane: &str) -> bool {
    node.ready && !node.unschedulable && node.taints.iter().all(|taint| is_tolerated(&taint.key, &taint.value, plane))
}

fn is_tolerated(key: &str, value: &str, plane: &str) -> bool {
    (key == TOLERATED && value == "true") || (key == DEDICATED && value == plane)
}

/// Whether a node has a taint of somebody's own choice that keeps control planes away.
fn is_foreign(node: &Node, plane: &str) -> bool {
    let own = |key: &str| key == DEDICATED || NOT_FOR_WORKLOADS.iter().any(|known| key.starts_with(known));
    !node.taints.iter().any(|taint| own(&taint.key))
        && node.taints.iter().any(|taint| !is_tolerated(&taint.key, &taint.value, plane))
}

fn is_highly_available(cluster: &HostedCluster) -> bool {
    // The API server's default.
    cluster.controller_availability_policy.as_deref() != Some("SingleReplica")
}

/// How many replicas can stand apart: zones, and nodes without a zone.
fn spots(nodes: &[&Node]) -> usize {
    let zones: std::collections::BTreeSet<&str> = nodes.iter().filter_map(|node| node.zone.as_deref()).collect();
    zones.len() + nodes.iter().filter(|node| node.zone.is_none()).count()
}

fn planes_in(free: Resources) -> i64 {
    [free.cpu_millis / PLANE.cpu_millis, free.memory_bytes / PLANE.memory_bytes, free.pods / PLANE.pods]
        .into_iter()
        .min()
        .unwrap_or_default()
}

/// Pods for which the scheduler has found no node.
fn waiting(view: &View<'_>, pods: &[Pod], nodes: &[Node]) -> Option<Finding> {
    let without_node = |pod: &&Pod| {
        pod.phase.as_deref() == Some("Pending")
            && pod.reason.as_deref() == Some("Unschedulable")
            && pod.message.as_deref().is_some_and(|text| NO_ROOM.iter().any(|words| text.contains(words)))
    };
    let waiting: Vec<&Pod> = pods.iter().filter(without_node).collect();
    let first = waiting.first()?;
    let young = waiting.iter().all(|pod| pod.started_at.is_some_and(|then| view.minutes_since(then) < YOUNG));
    let what = format!("{} pods of the control plane find no node", waiting.len());
    let why = "what they do for the hosted cluster stays undone until a node has room";
    let mut finding = weighed(!young, what, why, nodes, view);
    let names: Vec<&str> = waiting.iter().map(|pod| pod.name.as_str()).collect();
    finding = finding
        .see("pods", names.join(", "))
        .see("scheduler", facts::redact::text(first.message.as_deref().unwrap_or_default()));
    for app in waiting.iter().filter_map(|pod| pod.app.as_ref()) {
        finding = finding.touches(Key::Workload(app.clone()));
    }
    Some(finding)
}

/// What is too little, or scarce.
fn room(
    view: &View<'_>,
    cluster: &HostedCluster,
    nodes: &[Node],
    proven: bool,
    (free, all): (Resources, Resources),
) -> Vec<Finding> {
    let gib = |bytes: i64| format!("{} GiB", bytes >> 30);
    let cores = |millis: i64| format!("{}.{} vCPU", millis / 1_000, millis % 1_000 / 100);
    let table = [
        ("CPU", free.cpu_millis, all.cpu_millis, PLANE.cpu_millis, cores(PLANE.cpu_millis), cores(free.cpu_millis)),
        (
            "memory",
            free.memory_bytes,
            all.memory_bytes,
            PLANE.memory_bytes,
            gib(PLANE.memory_bytes),
            gib(free.memory_bytes),
        ),
        ("places for pods", free.pods, all.pods, PLANE.pods, PLANE.pods.to_string(), free.pods.to_string()),
    ];
    let planned = cluster.created_at.is_none();
    let mut findings = Vec::new();
    for (name, free, all, plane, want, found) in table {
        if planned && is_highly_available(cluster) && free < plane {
            let what = format!("the management cluster has too little {name} for one more control plane");
            let why = "pods of the new control plane stay Pending, and it never becomes available";
            findings
                .push(weighed(proven, what, why, nodes, view).compare(format!("{want} free"), format!("{found} free")));
        } else if free.saturating_mul(100) < all.saturating_mul(SCARCE) {
            let what = format!("less than {SCARCE}% of the management cluster's {name} is left");
            let why = "a roll-out, or the loss of one node, leaves pods of control planes without a place";
            findings.push(weighed(false, what, why, nodes, view).see("free", found));
        }
    }
    findings
}

/// Places for the volumes of a new etcd.
fn disks(view: &View<'_>, usable: &[&Node], wanted: bool, nodes: &[Node]) -> Option<Finding> {
    let free: Vec<i64> =
        usable.iter().filter_map(|node| Some((node.disk_slots?.saturating_sub(node.disks)).max(0))).collect();
    let known = free.len() == usable.len();
    let sum = free.iter().fold(0_i64, |sum, slots| sum.saturating_add(*slots));
    (wanted && known && sum < VOLUMES).then(|| {
        let what = format!("the nodes of the management cluster can have {sum} more Azure disks; etcd needs {VOLUMES}");
        weighed(true, what, "members of etcd stay Pending without their volumes", nodes, view)
    })
}

fn storage(classes: &[facts::fleet::StorageClass]) -> Option<Finding> {
    let look = || Fix::hypershift(["oc get storageclasses".to_owned()]);
    let Some(default) = classes.iter().find(|class| class.default) else {
        return Some(
            Finding::warn(
                "StorageClasses of the management cluster",
                "the management cluster has no default StorageClass",
                "volumes of etcd stay Pending unless the HostedCluster names a class",
            )
            .see("classes", classes.iter().map(|class| class.name.as_str()).collect::<Vec<_>>().join(", "))
            .fix(look().note("`--etcd-storage-class` names one for the new cluster; `oc annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true` makes one the default")),
        );
    };
    (default.binding_mode != "WaitForFirstConsumer").then(|| {
        Finding::warn(
            format!("StorageClass {}", default.name),
            format!("the default StorageClass {} binds volumes before their pod is placed", default.name),
            "a disk of another zone than the pod's keeps an etcd member Pending",
        )
        .compare("WaitForFirstConsumer", &default.binding_mode)
        .fix(look().note("make a class with volumeBindingMode WaitForFirstConsumer the default, or name one with `--etcd-storage-class`"))
    })
}

/// A finding about the nodes, with a line for each of the first of them.
fn weighed(proven: bool, what: String, why: &str, nodes: &[Node], view: &View<'_>) -> Finding {
    let level = if proven { Level::Fail } else { Level::Warn };
    let mut finding = match level {
        Level::Fail => Finding::fail("nodes of the management cluster", what, why),
        _ => Finding::warn("nodes of the management cluster", what, why),
    };
    let requests = view.host_requests().ok();
    for node in nodes.iter().take(12) {
        let state = if !node.ready {
            "not ready"
        } else if node.unschedulable {
            "cordoned"
        } else {
            "ready"
        };
        let free = match requests {
            Some(requests) => {
                let free = node.allocatable.less(requests.get(&node.name).copied().unwrap_or_default());
                format!(", free {} m CPU, {} GiB, {} pods", free.cpu_millis, free.memory_bytes >> 30, free.pods)
            }
            None => String::new(),
        };
        let taints: Vec<&str> = node.taints.iter().map(|taint| taint.key.as_str()).collect();
        let taints = if taints.is_empty() { String::new() } else { format!(", tainted {}", taints.join(" ")) };
        let zone = node.zone.as_deref().unwrap_or("none");
        finding = finding.see("node", format!("{} zone {zone} {state}{free}{taints}", node.name));
    }
    if nodes.len() > 12 {
        finding = finding.see("node", format!("and {} more", nodes.len() - 12));
    }
    finding.fix(match view.host_operators() {
        Ok(None) => Fix::azure([
            "az aks nodepool scale -g GROUP --cluster-name CLUSTER -n NODEPOOL --node-count COUNT".to_owned(),
        ])
        .note("of the AKS cluster that hosts the control planes"),
        _ => Fix::hypershift([
            "oc -n openshift-machine-api get machinesets".to_owned(),
            "oc -n openshift-machine-api scale machineset MACHINESET --replicas COUNT".to_owned(),
        ])
        .note("one MachineSet is of one zone"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::fleet::Taint;
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &CAPACITY;

    fn nodes(facts: &mut Facts) -> &mut Vec<Node> {
        let Fact::Known(nodes) = &mut facts.management.fleet.nodes else { panic!("no nodes") };
        nodes
    }

    fn use_up(facts: &mut Facts, used: Resources) {
        let Fact::Known(requests) = &mut facts.management.fleet.requests else { panic!("no requests") };
        requests.values_mut().for_each(|sum| *sum = used);
    }

    fn planned(change: impl FnOnce(&mut Facts)) -> Facts {
        let mut facts = healthy();
        cluster(&mut facts).created_at = None;
        change(&mut facts);
        facts
    }

    fn unschedulable(facts: &mut Facts) {
        let Fact::Known(pods) = &mut facts.hosted.pods else { panic!("no pods") };
        let pod = pods.iter_mut().find(|pod| pod.app.as_deref() == Some("etcd")).unwrap();
        pod.phase = Some("Pending".into());
        pod.reason = Some("Unschedulable".into());
        pod.message = Some("0/3 nodes are available: 3 Insufficient memory.".into());
        pod.containers[0].ready = false;
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("no node has room for a pod of etcd", |facts| {
                unschedulable(facts);
                let Fact::Known(workloads) = &mut facts.hosted.workloads else { return };
                workloads.retain(|workload| workload.name != "etcd");
                workloads.push(workload("etcd", 1, 0));
                for condition in &mut cluster(facts).conditions {
                    if condition.kind == "EtcdAvailable" {
                        condition.status = "False".into();
                        condition.message = "etcd statefulset has 1 unavailable replicas".into();
                    }
                }
            }),
            Fault::new("memory is scarce", |facts| {
                use_up(facts, Resources { cpu_millis: 6_000, memory_bytes: 52 << 30, pods: 90 });
            }),
            Fault::new("two zones for three replicas", |facts| {
                nodes(facts)[2].zone = Some("eastus-1".into());
            }),
        ]
    }

    #[test]
    fn room_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &planned(|_| {}));
        // A node of this cluster alone, and one for control planes, are as good as one without taints.
        assert_passes(
            CHECK,
            &planned(|facts| {
                let taint = |key: &str, value: &str| vec![Taint { key: key.into(), value: value.into() }];
                nodes(facts)[0].taints = taint(TOLERATED, "true");
                nodes(facts)[1].taints = taint(DEDICATED, "clusters-prod");
            }),
        );
    }

    #[test]
    fn a_control_plane_that_does_not_fit() {
        let facts = planned(|facts| use_up(facts, Resources { cpu_millis: 15_000, memory_bytes: 24 << 30, pods: 90 }));
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("too little CPU"), "{}", finding.what);
        assert_eq!(
            (finding.evidence.get("want"), finding.evidence.get("found")),
            (Some("5.5 vCPU free"), Some("1.5 vCPU free"))
        );
        let pods = planned(|facts| use_up(facts, Resources { cpu_millis: 0, memory_bytes: 0, pods: 230 }));
        assert!(the_failure(CHECK, &pods).what.contains("places for pods"));
        // A small control plane is not measured.
        let mut single = facts.clone();
        cluster(&mut single).controller_availability_policy = Some("SingleReplica".into());
        assert_eq!(the_finding(CHECK, &single).level, Level::Warn);
        // A toleration may open nodes that others keep for themselves.
        let mut closed = facts;
        let mut own = nodes(&mut closed)[0].clone();
        own.name = "gpu".into();
        own.taints = vec![Taint { key: "nvidia.com/gpu".into(), value: String::new() }];
        nodes(&mut closed).push(own);
        assert_eq!(the_finding(CHECK, &closed).level, Level::Warn);
    }

    #[test]
    fn replicas_that_cannot_stand_apart() {
        let facts = planned(|facts| nodes(facts)[2].zone = Some("eastus-1".into()));
        assert!(the_failure(CHECK, &facts).what.contains("find 2 zones"));
        assert_passes(CHECK, &planned(|facts| nodes(facts).iter_mut().for_each(|node| node.zone = None)));
        let none = planned(|facts| nodes(facts).iter_mut().for_each(|node| node.unschedulable = true));
        assert!(the_failure(CHECK, &none).what.contains("no node"));
    }

    #[test]
    fn volumes_and_their_class() {
        let full = planned(|facts| nodes(facts).iter_mut().for_each(|node| node.disks = 32));
        assert!(the_failure(CHECK, &full).what.contains("0 more Azure disks"));
        let class = |change: fn(&mut Vec<facts::fleet::StorageClass>)| {
            planned(|facts| match &mut facts.management.fleet.storage_classes {
                Fact::Known(classes) => change(classes),
                other => panic!("{other:?}"),
            })
        };
        assert!(the_finding(CHECK, &class(Vec::clear)).what.contains("no default"));
        let early = the_finding(CHECK, &class(|classes| classes[0].binding_mode = "Immediate".into()));
        assert_eq!(early.evidence.get("found"), Some("Immediate"));
    }

    #[test]
    fn pods_that_wait_for_a_node() {
        let mut facts = healthy();
        unschedulable(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.keys.contains(&Key::Workload("etcd".into())) && finding.keys.contains(&Key::Host));
        assert!(finding.evidence.get("scheduler").unwrap().contains("Insufficient memory"));
        let Fact::Known(pods) = &mut facts.hosted.pods else { panic!("no pods") };
        pods.iter_mut().for_each(|pod| pod.started_at = Some(minutes_ago(1)));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn other_hosts_are_scaled_otherwise() {
        let mut facts = planned(|facts| use_up(facts, nodes(&mut healthy())[0].allocatable));
        facts.management.fleet.cluster_operators = Fact::Absent;
        assert!(findings(CHECK, &facts)[0].fixes[0].commands[0].starts_with("az aks nodepool scale"));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        facts.management.fleet.requests = Fact::Unreadable(denied("list pods"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.management.fleet.nodes = Fact::Unreadable(denied("list nodes"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.management.fleet.nodes = Fact::Known(Vec::new());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }

    #[test]
    fn a_cluster_that_is_being_deleted_needs_no_room() {
        let mut facts = healthy();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
