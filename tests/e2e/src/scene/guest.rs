//! The healthy hosted cluster's own objects.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use facts::catalogue::{COMPONENTS, Required};
use facts::guest::{OPERAND_SECRETS, TOKEN_FILE};
use serde_json::{Value, json};

use super::{INFRA_ID, NAME, azure, kubernetes};
use crate::guest::Held;

/// The machines of the healthy cluster.
pub const MACHINES: [&str; 2] = ["demo-7xk2p-a", "demo-7xk2p-b"];

/// The path of ClusterOperators.
pub const CLUSTER_OPERATORS: &str = "/apis/config.openshift.io/v1/clusteroperators";
/// The path of certificate signing requests.
pub const SIGNING_REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// What a healthy hosted cluster of this issuer and key holds.
pub(super) fn healthy(issuer: &str, key_id: &str) -> Held {
    let mut held = Held { issuer: issuer.to_owned(), key_id: key_id.to_owned(), ..Held::default() };
    let operators = ["console", "image-registry", "ingress", "network", "storage"];
    held.lists.insert(CLUSTER_OPERATORS.into(), operators.map(cluster_operator).to_vec());
    held.lists.insert("/api/v1/nodes".into(), MACHINES.map(node).to_vec());
    for path in [
        SIGNING_REQUESTS,
        "/api/v1/pods",
        "/api/v1/namespaces/default/pods",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    ] {
        held.lists.insert(path.into(), Vec::new());
    }
    for (namespace, name, key) in OPERAND_SECRETS {
        let secrets = held.lists.entry(format!("/api/v1/namespaces/{namespace}/secrets")).or_default();
        secrets.push(secret(name, key));
    }
    let required = COMPONENTS.iter().filter(|component| component.required != Required::Kms);
    for credential in required.flat_map(|component| component.credentials) {
        held.accounts.insert(format!("{}/{}", credential.namespace, credential.service_account));
    }
    held
}

/// A ClusterOperator that is well.
fn cluster_operator(name: &str) -> Value {
    let mut conditions = kubernetes::conditions("True", &["Available"]);
    conditions.extend(kubernetes::conditions("False", &["Progressing", "Degraded"]));
    json!({
        "apiVersion": "config.openshift.io/v1", "kind": "ClusterOperator", "metadata": {"name": name},
        "status": {"conditions": conditions, "versions": [{"name": "operator", "version": kubernetes::VERSION}]},
    })
}

/// The node of a machine.
pub fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"providerID": format!("azure://{}", vm_id(name))},
        "status": {"conditions": kubernetes::conditions("True", &["Ready"]), "nodeInfo": {"kubeletVersion": "v1.35.2"}},
    })
}

fn secret(name: &str, key: &str) -> Value {
    let encode = |value: &str| BASE64_STANDARD.encode(value);
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "data": {
            "azure_client_id": encode(&azure::client_id(key)),
            "azure_federated_token_file": encode(TOKEN_FILE),
            "azure_resourcegroup": encode(&format!("{NAME}-{INFRA_ID}")),
            "azure_tenant_id": encode(azure_sim::seed::TENANT),
            // Nothing of this may ever be read.
            "azure_client_secret": encode(super::CLIENT_SECRET),
        },
    })
}

/// Makes it the API server of a cluster that was created: with its client ids, its issuer and its key.
pub(super) fn belong(held: &mut Held, client_ids: &[(String, String)], issuer: &str, key_id: &str) {
    (held.issuer, held.key_id) = (issuer.to_owned(), key_id.to_owned());
    for item in held.lists.values_mut().flatten() {
        let Some(data) = item.pointer_mut("/data/azure_client_id") else { continue };
        if let Some((_, named)) = client_ids.iter().find(|(own, _)| *data == BASE64_STANDARD.encode(own)) {
            *data = json!(BASE64_STANDARD.encode(named));
        }
    }
}

/// The ARM id of the virtual machine of a machine.
pub fn vm_id(name: &str) -> String {
    format!("{}/providers/Microsoft.Compute/virtualMachines/{name}", azure::managed_group())
}

/// A virtual machine as Cluster API makes it, with boot diagnostics.
pub fn virtual_machine(name: &str) -> Value {
    json!({
        "id": vm_id(name),
        "location": "eastus",
        "tags": {format!("sigs.k8s.io_cluster-api-provider-azure_cluster_{INFRA_ID}"): "owned"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": true}},
        },
    })
}
