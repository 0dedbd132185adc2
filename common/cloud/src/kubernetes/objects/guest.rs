//! Objects of the hosted cluster itself: ClusterOperators, nodes, signing requests, credentials, pods, webhooks.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use facts::guest::{ClusterOperator, DeadWebhook, Node, OperandCredentials, SigningRequest, UnschedulablePod};
use serde_json::Value;

use super::json::{conditions, free_text, items, str_at, string, strings, text, time};

/// The signers of kubelets' certificates.
pub const KUBELET_SIGNERS: [&str; 2] = ["kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"];

/// Reads a ClusterOperator; none without a name.
pub fn cluster_operator(object: &Value) -> Option<ClusterOperator> {
    let version = items(object, "/status/versions")
        .iter()
        .find(|version| str_at(version, "/name") == Some("operator"))
        .and_then(|version| text(version, "/version"));
    Some(ClusterOperator {
        name: text(object, "/metadata/name")?,
        version,
        conditions: conditions(object, "/status/conditions"),
    })
}

/// Reads a Node; none without a name.
pub fn node(object: &Value) -> Option<Node> {
    Some(Node {
        name: text(object, "/metadata/name")?,
        provider_id: text(object, "/spec/providerID"),
        ready: conditions(object, "/status/conditions").iter().any(|it| it.kind == "Ready" && it.is_true()),
        version: text(object, "/status/nodeInfo/kubeletVersion"),
        created_at: time(object, "/metadata/creationTimestamp"),
    })
}

/// Reads a kubelet's CertificateSigningRequest that nobody has decided on; none for any other.
pub fn signing_request(object: &Value) -> Option<SigningRequest> {
    let signer = text(object, "/spec/signerName").filter(|signer| KUBELET_SIGNERS.contains(&signer.as_str()))?;
    let decided = items(object, "/status/conditions")
        .iter()
        .any(|condition| matches!(str_at(condition, "/type"), Some("Approved" | "Denied" | "Failed")));
    if decided {
        return None;
    }
    Some(SigningRequest {
        name: text(object, "/metadata/name")?,
        signer,
        requestor: string(object, "/spec/username"),
        node: str_at(object, "/spec/request").and_then(requested_node),
        created_at: time(object, "/metadata/creationTimestamp"),
    })
}

/// The node in the subject of a PEM request in base64. Its common name is `system:node:NAME`, with its length in the byte
/// before it, as in every DER string.
fn requested_node(request: &str) -> Option<String> {
    const PREFIX: &[u8] = b"system:node:";
    let pem = String::from_utf8(STANDARD.decode(request).ok()?).ok()?;
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).ok()?;
    let at = der.windows(PREFIX.len()).position(|window| window == PREFIX)?;
    let length = usize::from(*der.get(at.checked_sub(1)?)?);
    let name = der.get(at + PREFIX.len()..at.checked_add(length)?)?;
    let name = std::str::from_utf8(name).ok()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    (!name.is_empty() && name.chars().all(fits)).then(|| name.to_owned())
}

/// Reads the public fields of a Secret with Azure credentials, and nothing else of it.
pub fn operand_credentials(object: &Value) -> OperandCredentials {
    let field = |key: &str| {
        let bytes = STANDARD.decode(object.pointer("/data")?.get(key)?.as_str()?).ok()?;
        String::from_utf8(bytes).ok().map(|value| facts::redact::text(&value))
    };
    OperandCredentials {
        client_id: field("azure_client_id"),
        tenant_id: field("azure_tenant_id"),
        resource_group: field("azure_resourcegroup"),
        token_file: field("azure_federated_token_file"),
    }
}

/// Reads a pod that no node can take; none for any other.
pub fn unschedulable(object: &Value) -> Option<UnschedulablePod> {
    let condition = items(object, "/status/conditions").iter().find(|condition| {
        str_at(condition, "/type") == Some("PodScheduled")
            && str_at(condition, "/status") == Some("False")
            && str_at(condition, "/reason") == Some("Unschedulable")
    })?;
    Some(UnschedulablePod {
        namespace: text(object, "/metadata/namespace")?,
        name: text(object, "/metadata/name")?,
        message: free_text(condition, "/message").unwrap_or_default(),
        since: time(condition, "/lastTransitionTime").or_else(|| time(object, "/metadata/creationTimestamp")),
    })
}

/// The webhooks of a configuration with failure policy `Fail` that lead to a Service, each as if nobody answered.
pub fn webhooks(object: &Value, kind: &str) -> Vec<DeadWebhook> {
    let configuration = string(object, "/metadata/name");
    let of = |webhook: &Value| {
        let strict = matches!(str_at(webhook, "/failurePolicy"), None | Some("Fail"));
        let namespace = str_at(webhook, "/clientConfig/service/namespace").filter(|_| strict)?;
        let service = str_at(webhook, "/clientConfig/service/name")?;
        let mut resources = BTreeSet::new();
        for rule in items(webhook, "/rules") {
            for group in strings(rule, "/apiGroups") {
                for resource in strings(rule, "/resources") {
                    resources.insert(if group.is_empty() { resource } else { format!("{group}/{resource}") });
                }
            }
        }
        let selects = |pointer: &str| {
            ["matchLabels", "matchExpressions"].iter().any(|part| {
                webhook.pointer(pointer).and_then(|selector| selector.get(part)).is_some_and(|value| {
                    value.as_array().is_some_and(|list| !list.is_empty())
                        || value.as_object().is_some_and(|map| !map.is_empty())
                })
            })
        };
        Some(DeadWebhook {
            kind: kind.to_owned(),
            configuration: configuration.clone(),
            name: string(webhook, "/name"),
            service: format!("{namespace}/{service}"),
            resources: resources.into_iter().collect(),
            is_selective: selects("/namespaceSelector") || selects("/objectSelector"),
        })
    };
    items(object, "/webhooks").iter().filter_map(of).collect()
}

/// Whether a list of EndpointSlices has an endpoint that is ready.
pub fn has_ready_endpoint(slices: &[Value]) -> bool {
    // A slice that does not say counts as ready, as the API defines it.
    slices.iter().flat_map(|slice| items(slice, "/endpoints")).any(|endpoint| {
        let ready = endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true);
        ready && !items(endpoint, "/addresses").is_empty()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    /// A request for `system:node:vm-a` in group `system:nodes`, as kubelets write it; its signature is none.
    fn request() -> String {
        let mut der = vec![0x30, 0x2f, 0x02, 0x01, 0x00, 0x30, 0x2a];
        der.extend([0x31, 0x13, 0x30, 0x11, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x13, 12]);
        der.extend(b"system:nodes");
        der.extend([0x31, 0x17, 0x30, 0x15, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 16]);
        der.extend(b"system:node:vm-a");
        // What follows begins with a byte that is a digit, too.
        der.extend([0x30, 0x59]);
        let pem = format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
            STANDARD.encode(der)
        );
        STANDARD.encode(pem)
    }

    #[test]
    fn a_request_that_waits_names_its_node() {
        let object = json!({"metadata": {"name": "csr-1", "creationTimestamp": "2026-11-20T12:00:00Z"}, "spec": {
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet", "username": "bootstrapper", "request": request()}});
        let found = signing_request(&object).unwrap();
        assert_eq!(found.node.as_deref(), Some("vm-a"));
        assert!(found.is_for_joining());
        let mut decided = object.clone();
        decided["status"] = json!({"conditions": [{"type": "Approved", "status": "True"}]});
        assert_eq!(signing_request(&decided), None);
        let mut other = object;
        other["spec"]["signerName"] = json!("example.com/signer");
        assert_eq!(signing_request(&other), None);
        for broken in ["", "AAAA", "c3lzdGVtOm5vZGU6"] {
            assert_eq!(requested_node(broken), None, "{broken}");
        }
    }

    #[test]
    fn of_a_secret_only_public_fields_are_read() {
        let encode = |text: &str| STANDARD.encode(text);
        let object = json!({"data": {
            "azure_client_id": encode("c"), "azure_client_secret": encode("canary"), "azure_tenant_id": encode("t"),
            "azure_resourcegroup": "no base64!"}});
        let found = operand_credentials(&object);
        assert_eq!((found.client_id.as_deref(), found.tenant_id.as_deref()), (Some("c"), Some("t")));
        assert_eq!(found.resource_group, None);
        assert!(!format!("{found:?}").contains("canary"));
    }

    #[test]
    fn webhooks_that_may_fail_are_left_out() {
        let rules = json!([{"apiGroups": ["", "apps"], "resources": ["pods"]}]);
        let service = json!({"service": {"namespace": "ns", "name": "hook"}});
        let object = json!({"metadata": {"name": "conf"}, "webhooks": [
            {"name": "a", "clientConfig": service, "rules": rules, "failurePolicy": "Fail", "namespaceSelector": {}},
            {"name": "b", "clientConfig": service, "rules": rules, "failurePolicy": "Ignore"},
            {"name": "c", "clientConfig": {"url": "https://elsewhere"}, "rules": rules, "failurePolicy": "Fail"},
            {"name": "d", "clientConfig": service, "rules": rules, "objectSelector": {"matchLabels": {"a": "b"}}}]});
        let found = webhooks(&object, "ValidatingWebhookConfiguration");
        let names: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.is_selective)).collect();
        assert_eq!(names, [("a", false), ("d", true)]);
        assert_eq!(found[0].resources, ["apps/pods", "pods"]);
        let slice =
            |ready: Value| vec![json!({"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}]})];
        assert!(has_ready_endpoint(&slice(json!(true))) && has_ready_endpoint(&slice(Value::Null)));
        assert!(!has_ready_endpoint(&slice(json!(false))) && !has_ready_endpoint(&[]));
    }
}
