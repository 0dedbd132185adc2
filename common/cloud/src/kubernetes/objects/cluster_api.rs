//! Cluster and MachineHealthCheck (`cluster.x-k8s.io`, v1beta1 and v1beta2), AzureCluster and AzureClusterIdentity
//! (`infrastructure.cluster.x-k8s.io/v1beta1`), and the PersistentVolumeClaims of etcd.

use facts::ArmId;
use facts::control_plane::{ApiCluster, AzureCluster, AzureClusterIdentity, MachineHealthCheck, VolumeClaim};
use serde_json::Value;

use super::json::{conditions, int32, label, string, text, time};

/// Reads a Cluster of either version; none without a name.
pub fn api_cluster(object: &Value) -> Option<ApiCluster> {
    let flag = |pointer: &str| object.pointer(pointer).and_then(Value::as_bool);
    let mut all = conditions(object, "/status/conditions");
    for condition in conditions(object, "/status/deprecated/v1beta1/conditions") {
        if !all.iter().any(|known| known.kind == condition.kind) {
            all.push(condition);
        }
    }
    Some(ApiCluster {
        name: text(object, "/metadata/name")?,
        phase: text(object, "/status/phase"),
        paused: flag("/spec/paused").unwrap_or(false),
        infrastructure_ready: flag("/status/infrastructureReady")
            .or_else(|| flag("/status/initialization/infrastructureProvisioned")),
        conditions: all,
    })
}

/// Reads an AzureCluster; none without a name.
pub fn azure_cluster(object: &Value) -> Option<AzureCluster> {
    Some(AzureCluster {
        name: text(object, "/metadata/name")?,
        location: text(object, "/spec/location"),
        resource_group: text(object, "/spec/resourceGroup"),
        subscription_id: text(object, "/spec/subscriptionID"),
        vnet_id: text(object, "/spec/networkSpec/vnet/id").map(ArmId::new),
        outbound_load_balancer: text(object, "/spec/networkSpec/nodeOutboundLB/name"),
        identity: text(object, "/spec/identityRef/name"),
        ready: object.pointer("/status/ready").and_then(Value::as_bool),
        conditions: conditions(object, "/status/conditions"),
    })
}

/// Reads an AzureClusterIdentity; none without a name. Its `clientSecret` is a reference and is not followed.
pub fn azure_cluster_identity(object: &Value) -> Option<AzureClusterIdentity> {
    Some(AzureClusterIdentity {
        name: text(object, "/metadata/name")?,
        kind: string(object, "/spec/type"),
        client_id: text(object, "/spec/clientID"),
        tenant_id: text(object, "/spec/tenantID"),
    })
}

/// Reads a MachineHealthCheck of either version; none without a name.
pub fn machine_health_check(object: &Value) -> Option<MachineHealthCheck> {
    let limit = |pointer: &str| match object.pointer(pointer)? {
        Value::String(share) => Some(share.clone()),
        Value::Number(count) => Some(count.to_string()),
        _ => None,
    };
    Some(MachineHealthCheck {
        name: text(object, "/metadata/name")?,
        max_unhealthy: limit("/spec/maxUnhealthy")
            .or_else(|| limit("/spec/remediation/triggerIf/unhealthyLessThanOrEqualTo")),
        expected: int32(object, "/status/expectedMachines"),
        healthy: int32(object, "/status/currentHealthy"),
        remediations_allowed: int32(object, "/status/remediationsAllowed"),
        conditions: conditions(object, "/status/conditions"),
    })
}

/// Reads a PersistentVolumeClaim of etcd; none of another workload.
pub fn etcd_volume(object: &Value) -> Option<VolumeClaim> {
    let name = text(object, "/metadata/name")?;
    if label(object, "app") != Some("etcd") && !name.starts_with("data-etcd-") {
        return None;
    }
    Some(VolumeClaim {
        name,
        phase: text(object, "/status/phase"),
        storage_class: text(object, "/spec/storageClassName"),
        size: text(object, "/spec/resources/requests/storage"),
        created_at: time(object, "/metadata/creationTimestamp"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn both_versions_of_a_cluster() {
        let condition = json!([{"type": "InfrastructureReady", "status": "False", "reason": "Waiting"}]);
        for status in [
            json!({"infrastructureReady": false, "conditions": condition}),
            json!({"initialization": {"infrastructureProvisioned": false}, "deprecated": {"v1beta1": {"conditions": condition}}}),
        ] {
            let cluster =
                api_cluster(&json!({"metadata": {"name": "i"}, "spec": {"paused": true}, "status": status})).unwrap();
            assert_eq!((cluster.infrastructure_ready, cluster.paused), (Some(false), true));
            assert_eq!(cluster.conditions[0].reason, "Waiting");
        }
    }

    #[test]
    fn what_capz_is_told() {
        let object = json!({"metadata": {"name": "demo"}, "spec": {"location": "eastus", "resourceGroup": "g",
            "subscriptionID": "s", "identityRef": {"name": "demo"},
            "networkSpec": {"vnet": {"id": "/subscriptions/s"}, "nodeOutboundLB": {"name": "demo-x7k2p"}}},
            "status": {"ready": true}});
        let cluster = azure_cluster(&object).unwrap();
        assert_eq!(cluster.outbound_load_balancer.as_deref(), Some("demo-x7k2p"));
        assert_eq!((cluster.ready, cluster.identity.as_deref()), (Some(true), Some("demo")));
        let identity = json!({"metadata": {"name": "demo"}, "spec": {"type": "WorkloadIdentity", "clientID": "c", "tenantID": "t",
            "clientSecret": {"name": "x"}}});
        let identity = azure_cluster_identity(&identity).unwrap();
        assert_eq!((identity.kind.as_str(), identity.client_id.as_deref()), ("WorkloadIdentity", Some("c")));
    }

    #[test]
    fn health_checks_and_volumes() {
        for spec in
            [json!({"maxUnhealthy": 2}), json!({"remediation": {"triggerIf": {"unhealthyLessThanOrEqualTo": "2"}}})]
        {
            let object = json!({"metadata": {"name": "p"}, "spec": spec, "status": {"expectedMachines": 3, "currentHealthy": 0, "remediationsAllowed": 0}});
            let check = machine_health_check(&object).unwrap();
            assert_eq!((check.max_unhealthy.as_deref(), check.remediations_allowed), (Some("2"), Some(0)));
        }
        let claim = |name: &str| json!({"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": "8Gi"}}}, "status": {"phase": "Bound"}});
        assert_eq!(etcd_volume(&claim("data-etcd-0")).unwrap().size.as_deref(), Some("8Gi"));
        assert_eq!(etcd_volume(&claim("other")), None);
    }
}
