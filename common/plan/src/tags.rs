//! The tags by which what we create can be recognised as ours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The tag that holds the name of the hosted cluster that a resource was created for.
pub const CLUSTER: &str = "hcp-azure_cluster";
/// The tag that holds the infra id that a resource was created for.
pub const INFRA_ID: &str = facts::azure::INFRA_ID_TAG;
/// The tag of what we created for several clusters to share; its value is `true`.
pub const SHARED: &str = "hcp-azure_shared";

/// The tags of one cluster's own resources.
pub fn of_cluster(name: &str, infra_id: &str) -> BTreeMap<String, String> {
    [(CLUSTER, name), (INFRA_ID, infra_id)].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The tags of what clusters share.
pub fn shared() -> BTreeMap<String, String> {
    [(SHARED.to_owned(), "true".to_owned())].into()
}

/// Adds tags to a body, over those it has.
pub(crate) fn add(body: &mut Value, tags: &BTreeMap<String, String>) {
    if !body["tags"].is_object() {
        body["tags"] = json!({});
    }
    for (key, value) in tags {
        body["tags"][key] = json!(value);
    }
}
