//! Kubernetes objects as facts: pure functions from JSON to the types of [`facts::hosted`] and [`facts::management`].
//!
//! Live collection and dump reading share them. They take any JSON: unknown fields are ignored, missing ones read as
//! nothing. Free text that other programs wrote (messages, arguments, annotations) is redacted on the way.

mod api;
mod cluster_api;
mod event;
mod fleet;
mod guest;
mod hosted_cluster;
mod json;
mod machine;
mod managed;
mod names;
mod node_pool;
mod pod;
mod private_link;
mod workload;

pub use api::{API_GROUPS, CustomResource, api_resources, custom_resource, supported_versions};
pub use cluster_api::{api_cluster, azure_cluster, azure_cluster_identity, etcd_volume, machine_health_check};
pub use event::warning;
pub(in crate::kubernetes) use fleet::{Neighbour, add_requests, disk_slots, neighbour, others};
pub use fleet::{host_node, host_operator, machine_config_pool, storage_class};
pub use guest::{
    cluster_operator, has_ready_endpoint, node, operand_credentials, signing_request, unschedulable, webhooks,
};
pub use hosted_cluster::{HostedClusterError, hosted_cluster, platform, target};
pub use json::{conditions, items, str_at, text};
pub use machine::{azure_machine, machine};
pub use managed::{managed_identities, secret_provider_class};
pub use names::{dns_credentials, external_dns, service_addresses};
pub use node_pool::{belongs_to, node_pool};
pub use pod::pod;
pub use private_link::{operator_setup, private_link_service};
pub use workload::{component, is_hypershift_operator, operator, workload};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// Field names of every mapper, so that random objects reach deep into them.
    const KEYS: [&str; 40] = [
        "metadata",
        "spec",
        "status",
        "kind",
        "name",
        "namespace",
        "labels",
        "annotations",
        "app",
        "platform",
        "azure",
        "type",
        "conditions",
        "reason",
        "message",
        "lastTransitionTime",
        "containers",
        "containerStatuses",
        "state",
        "waiting",
        "terminated",
        "args",
        "env",
        "value",
        "items",
        "versions",
        "resources",
        "data",
        "supported-versions",
        "ownerReferences",
        "services",
        "autoScaling",
        "min",
        "max",
        "replicas",
        "template",
        "secretEncryption",
        "workloadIdentities",
        "azureAuthenticationConfig",
        "exitCode",
    ];

    fn any_json() -> impl Strategy<Value = Value> {
        let key = prop_oneof![proptest::sample::select(&KEYS[..]).prop_map(str::to_owned), ".*"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            Just(json!("Azure")),
            Just(json!("Warning")),
            Just(json!("token-minter")),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((key.clone(), inner), 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// What redaction looks for, and what may stand between.
    const FRAGMENTS: [&str; 22] = [
        "password",
        "client_secret",
        "sig",
        "Bearer",
        "Authorization",
        "eyJ",
        "a.b",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "[redacted]",
        "[red",
        "=",
        ":",
        " ",
        "\"",
        "'",
        "\\",
        ",",
        "&",
        "\n",
        "x",
        "ü",
    ];

    proptest! {
        /// A bundle refuses text that redaction would change, so that text from here must not change any more.
        #[test]
        fn redacted_text_stays_as_it_is(parts in proptest::collection::vec(proptest::sample::select(&FRAGMENTS[..]), 0..24)) {
            let once = facts::redact::text(&parts.concat());
            prop_assert_eq!(facts::redact::text(&once), once);
        }

        #[test]
        fn no_json_makes_a_mapper_panic(value in any_json()) {
            let _ = hosted_cluster(&value);
            let _ = target(&value);
            let _ = node_pool(&value);
            let _ = machine(&value);
            let _ = azure_machine(&value);
            let _ = component(&value);
            let _ = workload(&value, "Deployment");
            let _ = is_hypershift_operator(&value);
            let _ = operator(&value);
            let _ = private_link_service(&value);
            let _ = operator_setup(&value);
            let _ = pod(&value);
            let _ = warning(&value);
            let _ = cluster_operator(&value);
            let _ = node(&value);
            let _ = signing_request(&value);
            let _ = operand_credentials(&value);
            let _ = unschedulable(&value);
            let _ = webhooks(&value, "ValidatingWebhookConfiguration");
            let _ = host_node(&value);
            let _ = storage_class(&value);
            let _ = host_operator(&value);
            let _ = machine_config_pool(&value);
            let _ = neighbour(&value);
            let _ = disk_slots(&value);
            add_requests(&mut std::collections::BTreeMap::new(), &value);
            let _ = managed_identities(&value);
            let _ = secret_provider_class(&value);
            let _ = api_cluster(&value);
            let _ = azure_cluster(&value);
            let _ = azure_cluster_identity(&value);
            let _ = machine_health_check(&value);
            let _ = etcd_volume(&value);
            let _ = supported_versions(&value);
            let _ = custom_resource(&value);
            let _ = api_resources(&[], Some(&value));
        }
    }
}
