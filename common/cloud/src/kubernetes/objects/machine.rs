//! Machine (`cluster.x-k8s.io`, v1beta1 and v1beta2) and AzureMachine (`infrastructure.cluster.x-k8s.io/v1beta1`).

use facts::hosted::{AzureMachine, Condition, Machine};
use serde_json::Value;

use super::json::{annotation, conditions, free_text, strings, text, time};

/// The annotation that leads from a Machine to its NodePool, as `<namespace>/<name>`.
const NODE_POOL: &str = "hypershift.openshift.io/nodePool";

/// Reads a Machine of either version; none without a name.
pub fn machine(object: &Value) -> Option<Machine> {
    Some(Machine {
        name: text(object, "/metadata/name")?,
        node_pool: annotation(object, NODE_POOL)
            .map(|pool| pool.rsplit_once('/').map_or(pool, |(_, name)| name))
            .filter(|pool| !pool.is_empty())
            .map(str::to_owned),
        azure_machine: text(object, "/spec/infrastructureRef/name"),
        phase: text(object, "/status/phase"),
        node: text(object, "/status/nodeRef/name"),
        created_at: time(object, "/metadata/creationTimestamp"),
        deleted_at: time(object, "/metadata/deletionTimestamp"),
        finalizers: strings(object, "/metadata/finalizers"),
        conditions: machine_conditions(object),
    })
}

/// Reads an AzureMachine; none without a name.
pub fn azure_machine(object: &Value) -> Option<AzureMachine> {
    Some(AzureMachine {
        name: text(object, "/metadata/name")?,
        vm_size: text(object, "/spec/vmSize"),
        zone: text(object, "/spec/failureDomain"),
        provider_id: text(object, "/spec/providerID"),
        vm_state: text(object, "/status/vmState"),
        failure_reason: text(object, "/status/failureReason"),
        failure_message: free_text(object, "/status/failureMessage"),
        conditions: conditions(object, "/status/conditions"),
    })
}

/// The conditions of the version that was read, and those of the other contract that have no counterpart there: the
/// older ones carry the reason that CAPZ gave, the newer ones tell more of nodes.
fn machine_conditions(object: &Value) -> Vec<Condition> {
    let mut all = conditions(object, "/status/conditions");
    for elsewhere in ["/status/deprecated/v1beta1/conditions", "/status/v1beta2/conditions"] {
        for condition in conditions(object, elsewhere) {
            if !all.iter().any(|known| known.kind == condition.kind) {
                all.push(condition);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn both_versions_of_a_machine() {
        let ready = json!({"type": "Ready", "status": "False", "reason": "NotReady"});
        let infra = json!({"type": "InfrastructureReady", "status": "False", "reason": "VMProvisionFailed"});
        let newer = json!({"metadata": {"name": "m", "annotations": {"hypershift.openshift.io/nodePool": "clusters/demo"}},
            "spec": {"infrastructureRef": {"apiGroup": "infrastructure.cluster.x-k8s.io", "name": "am"}},
            "status": {"conditions": [ready], "deprecated": {"v1beta1": {"conditions": [ready, infra]}}}});
        let older = json!({"metadata": {"name": "m", "annotations": {"hypershift.openshift.io/nodePool": "demo"}},
            "spec": {"infrastructureRef": {"apiVersion": "x/v1beta1", "name": "am"}},
            "status": {"conditions": [ready, infra], "v1beta2": {"conditions": [ready]}}});
        for object in [newer, older] {
            let machine = machine(&object).unwrap();
            assert_eq!(machine.node_pool.as_deref(), Some("demo"));
            assert_eq!(machine.azure_machine.as_deref(), Some("am"));
            let kinds: Vec<_> = machine.conditions.iter().map(|c| c.kind.as_str()).collect();
            assert_eq!(kinds, ["Ready", "InfrastructureReady"]);
        }
    }

    #[test]
    fn an_azure_machine_that_failed() {
        let object = json!({"metadata": {"name": "am"}, "spec": {"vmSize": "S", "failureDomain": "1"},
            "status": {"vmState": "Failed", "failureReason": "CreateError", "failureMessage": "client_secret=x",
            "conditions": [{"type": "Ready", "status": "False", "severity": "Error", "reason": "VMProvisionFailed"}]}});
        let machine = azure_machine(&object).unwrap();
        assert_eq!(machine.failure_message.as_deref(), Some("client_secret=[redacted]"));
        assert_eq!(machine.conditions[0].reason, "VMProvisionFailed");
    }
}
