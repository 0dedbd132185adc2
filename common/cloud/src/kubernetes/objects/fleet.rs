//! Nodes, storage and operators of the management cluster, and what hosted clusters could share.

use std::collections::BTreeMap;

use facts::fleet::{ClusterOperator, MachineConfigPool, Node, Others, Relative, Resources, StorageClass, Taint};
use facts::hosted::{Authentication, HostedCluster};
use facts::{ArmId, Target};
use serde_json::Value;

use super::hosted_cluster::hosted_cluster;
use super::json::{annotation, conditions, items, label, str_at, string, text};

/// The CSI driver of Azure disks.
const DISK_DRIVER: &str = "disk.csi.azure.com";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// Reads a node; none without a name.
pub fn host_node(object: &Value) -> Option<Node> {
    let conditions = conditions(object, "/status/conditions");
    let ready = conditions.iter().find(|condition| condition.kind == "Ready");
    let taint = |taint: &Value| {
        matches!(str_at(taint, "/effect"), Some("NoSchedule" | "NoExecute"))
            .then(|| Some(Taint { key: text(taint, "/key")?, value: string(taint, "/value") }))
            .flatten()
    };
    let is_disk = |volume: &&Value| str_at(volume, "/name").is_some_and(|name| name.contains(DISK_DRIVER));
    Some(Node {
        name: text(object, "/metadata/name")?,
        ready: ready.is_some_and(facts::hosted::Condition::is_true),
        since: ready.and_then(|condition| condition.last_transition),
        unschedulable: object.pointer("/spec/unschedulable").and_then(Value::as_bool).unwrap_or_default(),
        zone: label(object, "topology.kubernetes.io/zone").filter(|zone| !zone.is_empty()).map(str::to_owned),
        arch: text(object, "/status/nodeInfo/architecture"),
        taints: items(object, "/spec/taints").iter().filter_map(taint).collect(),
        allocatable: resources(object.pointer("/status/allocatable").unwrap_or(&Value::Null)),
        disk_slots: None,
        disks: count(items(object, "/status/volumesAttached").iter().filter(is_disk)),
    })
}

/// The name of the node of a CSINode, and how many Azure disks that node can have.
pub(in crate::kubernetes) fn disk_slots(object: &Value) -> Option<(String, i64)> {
    let drivers = items(object, "/spec/drivers").iter();
    let driver = drivers.into_iter().find(|driver| str_at(driver, "/name") == Some(DISK_DRIVER))?;
    Some((text(object, "/metadata/name")?, driver.pointer("/allocatable/count")?.as_i64()?))
}

/// Reads a StorageClass; none without a name.
pub fn storage_class(object: &Value) -> Option<StorageClass> {
    Some(StorageClass {
        name: text(object, "/metadata/name")?,
        provisioner: string(object, "/provisioner"),
        default: annotation(object, DEFAULT_CLASS) == Some("true"),
        binding_mode: text(object, "/volumeBindingMode").unwrap_or_else(|| "Immediate".to_owned()),
    })
}

/// Reads a ClusterOperator; none without a name.
pub fn host_operator(object: &Value) -> Option<ClusterOperator> {
    let mut conditions = conditions(object, "/status/conditions");
    conditions.retain(|condition| matches!(condition.kind.as_str(), "Available" | "Degraded" | "Progressing"));
    Some(ClusterOperator { name: text(object, "/metadata/name")?, conditions })
}

/// Reads a MachineConfigPool; none without a name.
pub fn machine_config_pool(object: &Value) -> Option<MachineConfigPool> {
    let mut conditions = conditions(object, "/status/conditions");
    conditions.retain(|condition| matches!(condition.kind.as_str(), "Updated" | "Updating" | "Degraded"));
    Some(MachineConfigPool {
        name: text(object, "/metadata/name")?,
        paused: object.pointer("/spec/paused").and_then(Value::as_bool).unwrap_or_default(),
        conditions,
    })
}

/// Adds what a pod requests to its node: its containers together or its largest init container, whichever is more, and
/// the overhead of its runtime. Init containers that keep running count with the containers.
/// Source: kubernetes/component-helpers resource/helpers.go.
pub(in crate::kubernetes) fn add_requests(sums: &mut BTreeMap<String, Resources>, pod: &Value) {
    let ended = matches!(str_at(pod, "/status/phase"), Some("Succeeded" | "Failed"));
    let Some(node) = text(pod, "/spec/nodeName").filter(|_| !ended) else { return };
    let requests = |container: &Value| resources(container.pointer("/resources/requests").unwrap_or(&Value::Null));
    let stays = |container: &&Value| str_at(container, "/restartPolicy") == Some("Always");
    let init = items(pod, "/spec/initContainers");
    let running = items(pod, "/spec/containers").iter().chain(init.iter().filter(stays));
    let running = running.map(requests).fold(Resources::default(), Resources::plus);
    let largest =
        init.iter().filter(|container| !stays(container)).map(requests).fold(Resources::default(), |largest, one| {
            Resources {
                cpu_millis: largest.cpu_millis.max(one.cpu_millis),
                memory_bytes: largest.memory_bytes.max(one.memory_bytes),
                pods: 0,
            }
        });
    let overhead = resources(pod.pointer("/spec/overhead").unwrap_or(&Value::Null));
    let all = Resources {
        cpu_millis: running.cpu_millis.max(largest.cpu_millis),
        memory_bytes: running.memory_bytes.max(largest.memory_bytes),
        pods: 1,
    };
    let sum = sums.entry(node).or_default();
    *sum = sum.plus(all).plus(overhead);
}

fn resources(list: &Value) -> Resources {
    let of = |key: &str| list.get(key).map(quantity).unwrap_or_default();
    Resources { cpu_millis: whole(of("cpu") * 1_000.0), memory_bytes: whole(of("memory")), pods: whole(of("pods")) }
}

/// A quantity as Kubernetes writes it: `3920m`, `16Gi`, `1e3`, `4`; nothing for what is none.
fn quantity(value: &Value) -> f64 {
    let text = match value {
        Value::String(text) => text.trim(),
        other => return other.as_f64().unwrap_or_default(),
    };
    let number_end = text.find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')).unwrap_or(text.len());
    // `E` alone is a suffix, with digits behind it an exponent.
    let (number, suffix) = match text.strip_suffix('E') {
        Some(number) => (number, "E"),
        None => text.split_at(number_end),
    };
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0_f64.powi(2),
        "Gi" => 1024.0_f64.powi(3),
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        _ => return 0.0,
    };
    number.parse::<f64>().ok().filter(|number| number.is_finite()).unwrap_or_default() * factor
}

/// A count that is never below nothing and always fits.
fn whole(number: f64) -> i64 {
    /// 2^53: up to here every whole number is exact.
    const MOST: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "it is clamped to what fits")]
    let whole = number.clamp(0.0, MOST).round() as i64;
    whole
}

fn count<T>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

/// A hosted cluster as far as another could share something with it.
#[derive(Debug, Clone)]
pub(in crate::kubernetes) struct Neighbour {
    target: Target,
    infra_id: String,
    issuer_url: String,
    /// Identity keys by client id, in lower case.
    client_ids: BTreeMap<String, Vec<String>>,
    /// What it stands on.
    ids: Vec<ArmId>,
}

/// Reads a HostedCluster on Azure as a neighbour; none for another object.
pub(in crate::kubernetes) fn neighbour(object: &Value) -> Option<Neighbour> {
    hosted_cluster(object).ok().map(|cluster| neighbour_of(&cluster))
}

fn neighbour_of(cluster: &HostedCluster) -> Neighbour {
    let mut client_ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |key: &str, id: &str| client_ids.entry(id.to_ascii_lowercase()).or_default().push(key.to_owned());
    if let Authentication::WorkloadIdentities { client_ids } = &cluster.azure.authentication {
        client_ids.iter().for_each(|(key, id)| add(key, id));
    }
    if let Some(id) = cluster.kms.as_ref().and_then(|kms| kms.client_id.as_deref()) {
        add("kms", id);
    }
    Neighbour {
        target: Target { namespace: cluster.namespace.clone(), name: cluster.name.clone() },
        infra_id: cluster.infra_id.clone(),
        issuer_url: cluster.issuer_url.clone(),
        client_ids,
        ids: stands_on(cluster),
    }
}

/// The groups, networks and zones that a HostedCluster names.
fn stands_on(cluster: &HostedCluster) -> Vec<ArmId> {
    let azure = &cluster.azure;
    let zones = [&cluster.dns.public_zone_id, &cluster.dns.private_zone_id].into_iter().flatten();
    let own = [&azure.vnet_id, &azure.subnet_id, &azure.security_group_id];
    let mut ids: Vec<ArmId> = own.into_iter().chain(zones).cloned().chain([cluster.managed_group()]).collect();
    ids.retain(|id| id.resource_group().is_some());
    ids.sort();
    ids.dedup();
    ids
}

/// Those of `all` that share something with `cluster`, which may be among them.
pub(in crate::kubernetes) fn others(all: &[Neighbour], cluster: &HostedCluster) -> Others {
    let own = neighbour_of(cluster);
    let group = cluster.managed_group();
    let others = || all.iter().filter(|other| other.target != own.target);
    let mut related: Vec<Relative> = others()
        .map(|other| Relative {
            namespace: other.target.namespace.clone(),
            name: other.target.name.clone(),
            client_ids: other
                .client_ids
                .iter()
                .filter(|(id, _)| own.client_ids.contains_key(*id))
                .map(|(id, keys)| (id.clone(), keys.clone()))
                .collect(),
            same_issuer: !own.issuer_url.is_empty() && other.issuer_url == own.issuer_url,
            same_infra_id: !own.infra_id.is_empty() && other.infra_id == own.infra_id,
            within: other.ids.iter().filter(|id| id.is_within(group.as_str())).cloned().collect(),
        })
        .filter(|other| {
            !other.client_ids.is_empty() || other.same_issuer || other.same_infra_id || !other.within.is_empty()
        })
        .collect();
    related.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Others { count: others().count(), related }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities() {
        for (text, want) in [
            ("3920m", 3.92),
            ("4", 4.0),
            ("16Gi", 17_179_869_184.0),
            ("7125404Ki", 7_296_413_696.0),
            ("1e3", 1000.0),
            ("1.5k", 1500.0),
            ("2E", 2e18),
            ("100n", 1e-7),
            ("12x", 0.0),
            ("", 0.0),
            ("inf", 0.0),
        ] {
            assert!((quantity(&json!(text)) - want).abs() <= want * 1e-9, "{text}: {}", quantity(&json!(text)));
        }
        assert!((quantity(&json!(250)) - 250.0).abs() < 1e-9);
        assert_eq!((whole(-1.0), whole(f64::NAN), whole(2.5)), (0, 0, 3));
    }

    #[test]
    fn what_pods_request() {
        let mut sums = BTreeMap::new();
        let container = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}});
        let pod = json!({"spec": {"nodeName": "n", "containers": [container("100m"), container("200m")],
            "initContainers": [container("400m"),
                {"restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}}],
            "overhead": {"cpu": "10m"}}, "status": {"phase": "Running"}});
        add_requests(&mut sums, &pod);
        assert_eq!(sums["n"], Resources { cpu_millis: 410, memory_bytes: 2 << 30, pods: 1 });
        let mut ended = pod.clone();
        ended["status"]["phase"] = json!("Succeeded");
        add_requests(&mut sums, &ended);
        add_requests(&mut sums, &json!({"spec": {"containers": []}}));
        assert_eq!(sums["n"].pods, 1);
        assert_eq!(sums.len(), 1);
    }

    #[test]
    fn nodes_and_their_disks() {
        let read = host_node(&json!({"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "eastus-1"}},
            "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "b", "effect": "PreferNoSchedule"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"architecture": "amd64"},
                "allocatable": {"cpu": "3500m", "memory": "15Gi", "pods": "250"},
                "volumesAttached": [{"name": "kubernetes.io/csi/disk.csi.azure.com^/x"}, {"name": "kubernetes.io/csi/o^x"}]}}))
        .unwrap();
        assert!(read.ready && read.zone.as_deref() == Some("eastus-1") && read.disks == 1);
        assert_eq!(read.taints, [Taint { key: "a".into(), value: String::new() }]);
        assert_eq!(read.allocatable, Resources { cpu_millis: 3500, memory_bytes: 15 << 30, pods: 250 });
        let csi = json!({"metadata": {"name": "n"}, "spec": {"drivers": [{"name": DISK_DRIVER, "allocatable": {"count": 16}}]}});
        assert_eq!(disk_slots(&csi), Some(("n".into(), 16)));
        assert_eq!(disk_slots(&json!({"metadata": {"name": "n"}, "spec": {"drivers": null}})), None);
    }

    #[test]
    fn what_hosted_clusters_share() {
        let cluster = |namespace: &str, name: &str, disk: &str, issuer: &str| {
            json!({"kind": "HostedCluster", "metadata": {"name": name, "namespace": namespace},
                "spec": {"infraID": format!("{name}-x"), "issuerURL": issuer, "platform": {"type": "Azure", "azure": {
                    "azureAuthenticationConfig": {"workloadIdentities": {"disk": {"clientID": disk}}}}}}})
        };
        let objects = [
            cluster("a", "one", "AA", "https://i"),
            cluster("b", "one", "aa", "https://j"),
            cluster("a", "two", "bb", "https://i"),
            cluster("a", "none", "cc", "https://k"),
        ];
        let all: Vec<Neighbour> = objects.iter().filter_map(neighbour).collect();
        let found = others(&all, &hosted_cluster(&objects[0]).unwrap());
        assert_eq!(found.count, 3);
        let related: Vec<_> = found.related.iter().map(|it| (it.name.as_str(), it.same_issuer)).collect();
        assert_eq!(related, [("two", true), ("one", false)]);
        assert_eq!(found.related[1].client_ids["aa"], ["disk"]);
        assert!(found.related[1].same_infra_id);
    }

    #[test]
    fn who_stands_in_the_managed_group_of_another() {
        let cluster = |name: &str, group: &str, vnet: &str| {
            let vnet = format!("/subscriptions/s/resourceGroups/{vnet}/providers/Microsoft.Network/virtualNetworks/v");
            json!({"kind": "HostedCluster", "metadata": {"name": name, "namespace": "a"},
                "spec": {"infraID": name, "issuerURL": format!("https://{name}"), "platform": {"type": "Azure", "azure": {
                    "subscriptionID": "s", "resourceGroup": group, "vnetID": vnet,
                    "azureAuthenticationConfig": {"workloadIdentities": {"disk": {"clientID": name}}}}}}})
        };
        let objects = [
            cluster("one", "g", "g"),
            cluster("guest", "other", "G"),
            cluster("twin", "g", "w"),
            cluster("far", "f", "g2"),
        ];
        let all: Vec<Neighbour> = objects.iter().filter_map(neighbour).collect();
        let found = others(&all, &hosted_cluster(&objects[0]).unwrap());
        let within: Vec<_> = found.related.iter().map(|it| (it.name.as_str(), it.within.len())).collect();
        assert_eq!(within, [("guest", 1), ("twin", 1)]);
        assert_eq!(found.related[1].within, [ArmId::new("/subscriptions/s/resourceGroups/g")]);
    }
}
