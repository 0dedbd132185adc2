//! NodePool, `hypershift.openshift.io/v1beta1`.

use facts::hosted::NodePool;
use facts::{ArmId, Target};
use serde_json::Value;

use super::json::{conditions, int32, int64, str_at, string, text, time};

/// Reads a NodePool; none without a name.
pub fn node_pool(object: &Value) -> Option<NodePool> {
    let azure = object.pointer("/spec/platform/azure").unwrap_or(&Value::Null);
    Some(NodePool {
        namespace: string(object, "/metadata/namespace"),
        name: text(object, "/metadata/name")?,
        created_at: time(object, "/metadata/creationTimestamp"),
        deleted_at: time(object, "/metadata/deletionTimestamp"),
        generation: int64(object, "/metadata/generation"),
        release_image: string(object, "/spec/release/image"),
        arch: text(object, "/spec/arch"),
        replicas: int32(object, "/spec/replicas"),
        auto_scaling: int32(object, "/spec/autoScaling/max")
            .map(|max| (int32(object, "/spec/autoScaling/min").unwrap_or(0), max)),
        paused_until: text(object, "/spec/pausedUntil"),
        vm_size: string(azure, "/vmSize"),
        subnet_id: text(azure, "/subnetID").map(ArmId::new),
        zone: text(azure, "/availabilityZone"),
        ready_replicas: int32(object, "/status/replicas"),
        version: text(object, "/status/version"),
        conditions: conditions(object, "/status/conditions"),
    })
}

/// Whether a NodePool belongs to a HostedCluster: the same namespace, and `spec.clusterName`.
pub fn belongs_to(object: &Value, target: &Target) -> bool {
    str_at(object, "/spec/clusterName") == Some(target.name.as_str())
        && str_at(object, "/metadata/namespace").is_none_or(|namespace| namespace == target.namespace)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn replicas_or_autoscaling() {
        let object = json!({"metadata": {"name": "a", "namespace": "c"}, "spec": {"clusterName": "demo",
            "autoScaling": {"min": 0, "max": 3}, "platform": {"azure": {"vmSize": "Standard_D4s_v5",
            "availabilityZone": "2", "subnetID": "/subscriptions/s"}}}, "status": {"replicas": 2}});
        let pool = node_pool(&object).unwrap();
        assert_eq!((pool.replicas, pool.auto_scaling, pool.ready_replicas), (None, Some((0, 3)), Some(2)));
        assert_eq!(pool.zone.as_deref(), Some("2"));
        let target = |name: &str| Target { namespace: "c".into(), name: name.into() };
        assert!(belongs_to(&object, &target("demo")));
        assert!(!belongs_to(&object, &target("demo2")));
    }
}
