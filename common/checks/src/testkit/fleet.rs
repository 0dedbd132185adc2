//! The management cluster as a host, and the other hosted clusters.

use std::collections::BTreeMap;

use facts::fleet::{
    ClusterOperator, MachineConfigPool, ManagedIdentities, ManagedIdentity, Node, Others, Relative, Resources,
    SecretObject, SecretProviderClass, StorageClass,
};
use facts::hosted::Authentication;
use facts::{Fact, Facts};

use super::{CREATED, TENANT, cluster, condition, healthy_as};

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    let managed = cluster(facts).managed_identities.clone();
    let fleet = &mut facts.management.fleet;
    let node = |zone: u8| Node {
        name: format!("mgmt-worker-{zone}"),
        ready: true,
        since: Some(CREATED.parse().unwrap()),
        unschedulable: false,
        zone: Some(format!("eastus-{zone}")),
        arch: Some("amd64".into()),
        taints: Vec::new(),
        allocatable: Resources { cpu_millis: 15_500, memory_bytes: 60 << 30, pods: 250 },
        disk_slots: Some(32),
        disks: 4,
    };
    fleet.nodes = Fact::Known([1, 2, 3].map(node).to_vec());
    let used = Resources { cpu_millis: 6_000, memory_bytes: 24 << 30, pods: 90 };
    fleet.requests = Fact::Known(["1", "2", "3"].map(|zone| (format!("mgmt-worker-{zone}"), used)).into());
    fleet.storage_classes = Fact::Known(vec![StorageClass {
        name: "managed-csi".into(),
        provisioner: "disk.csi.azure.com".into(),
        default: true,
        binding_mode: "WaitForFirstConsumer".into(),
    }]);
    let well = |name: &str| ClusterOperator {
        name: name.into(),
        conditions: vec![
            condition("Available", "True", "AsExpected"),
            condition("Degraded", "False", "AsExpected"),
            condition("Progressing", "False", "AsExpected"),
        ],
    };
    fleet.cluster_operators = Fact::Known(["dns", "ingress", "network", "storage"].map(well).to_vec());
    fleet.machine_config_pools = Fact::Known(vec![MachineConfigPool {
        name: "worker".into(),
        paused: false,
        conditions: vec![condition("Updated", "True", ""), condition("Degraded", "False", "")],
    }]);
    fleet.others = Fact::Known(Others { count: 4, related: Vec::new() });
    fleet.secret_providers = match managed {
        None => Fact::Absent,
        Some(managed) => Fact::Known(secret_providers(&managed)),
    };
}

/// The other hosted clusters that share something with that of the test facts.
pub(crate) fn others(facts: &mut Facts) -> &mut Vec<Relative> {
    match &mut facts.management.fleet.others {
        Fact::Known(others) => &mut others.related,
        other => panic!("no other clusters: {other:?}"),
    }
}

/// A cluster that signs in with managed identities, as ARO-HCP does.
pub(crate) fn healthy_managed() -> Facts {
    healthy_as(|facts| {
        let keys = [
            "cloudProvider",
            "controlPlaneOperator",
            "disk",
            "file",
            "imageRegistry",
            "ingress",
            "network",
            "nodePoolManagement",
        ];
        let identity = |key: &str| ManagedIdentity {
            client_id: None,
            secret_name: format!("prod-{}", key.to_ascii_lowercase()),
            encoding: "utf-8".into(),
        };
        let identities: BTreeMap<String, ManagedIdentity> =
            keys.iter().map(|key| ((*key).to_owned(), identity(key))).collect();
        let cluster = cluster(facts);
        cluster.azure.authentication = Authentication::ManagedIdentities;
        cluster.managed_identities =
            Some(ManagedIdentities { vault: "prod-msi".into(), tenant_id: TENANT.into(), identities });
    })
}

/// What the operators make of the identities that a cluster names.
fn secret_providers(managed: &ManagedIdentities) -> Vec<SecretProviderClass> {
    let class = |key: &String, identity: &ManagedIdentity| SecretProviderClass {
        name: crate::managed::class_of(key).unwrap().into(),
        vault: managed.vault.clone(),
        tenant_id: managed.tenant_id.clone(),
        reader_client_id: "77777777-aaaa-bbbb-cccc-dddddddddddd".into(),
        objects: vec![SecretObject { name: identity.secret_name.clone(), encoding: identity.encoding.clone() }],
    };
    let mut classes: Vec<_> = managed.identities.iter().map(|(key, identity)| class(key, identity)).collect();
    classes.sort_by(|a, b| a.name.cmp(&b.name));
    classes
}
