//! What the API server serves, and what the HyperShift operator says it supports.

use std::collections::{BTreeMap, BTreeSet};

use facts::management::{ApiResource, SupportedVersions};
use serde_json::Value;

use super::json::{items, str_at, strings, text};

/// The API groups of HyperShift, Cluster API and CAPZ.
pub const API_GROUPS: [&str; 3] = ["hypershift.openshift.io", "cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io"];

/// What a CustomResourceDefinition says, be it whole or its metadata alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomResource {
    /// API group.
    pub group: String,
    /// Plural name.
    pub plural: String,
    /// Versions marked as served; empty when only metadata was read.
    pub served: Vec<String>,
    /// The Established condition; none when only metadata was read.
    pub established: Option<bool>,
}

/// Reads a CustomResourceDefinition of one of [`API_GROUPS`], whole or as PartialObjectMetadata; none for others.
pub fn custom_resource(object: &Value) -> Option<CustomResource> {
    let (plural, group) = str_at(object, "/metadata/name")?.split_once('.')?;
    if !API_GROUPS.contains(&group) {
        return None;
    }
    Some(CustomResource {
        group: group.to_owned(),
        plural: plural.to_owned(),
        served: items(object, "/spec/versions")
            .iter()
            .filter(|version| version.pointer("/served").and_then(Value::as_bool) == Some(true))
            .filter_map(|version| text(version, "/name"))
            .collect(),
        established: items(object, "/status/conditions")
            .iter()
            .find(|condition| str_at(condition, "/type") == Some("Established"))
            .map(|condition| str_at(condition, "/status") == Some("True")),
    })
}

/// Joins CustomResourceDefinitions with an aggregated discovery document (`apidiscovery.k8s.io`, v2 or v2beta1).
///
/// Discovery tells what is served: a definition that it lacks is not established, whatever its own conditions say. Without
/// discovery the definitions speak for themselves.
pub fn api_resources(definitions: &[CustomResource], discovery: Option<&Value>) -> Vec<ApiResource> {
    let served = discovery.map(discovered);
    let mut found: BTreeMap<(String, String), ApiResource> = BTreeMap::new();
    for definition in definitions {
        let key = (definition.group.clone(), definition.plural.clone());
        let established =
            served.as_ref().map_or(definition.established.unwrap_or(false), |served| served.contains_key(&key));
        let versions = definition.served.clone();
        let resource = ApiResource { group: key.0.clone(), plural: key.1.clone(), versions, established };
        found.insert(key, resource);
    }
    for ((group, plural), versions) in served.into_iter().flatten() {
        let resource = ApiResource {
            group: group.clone(),
            plural: plural.clone(),
            versions: versions.into_iter().collect(),
            established: true,
        };
        found.insert((group, plural), resource);
    }
    found.into_values().collect()
}

/// Served versions by group and plural name, of [`API_GROUPS`] alone.
fn discovered(document: &Value) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut served: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for group in items(document, "/items") {
        let Some(name) = str_at(group, "/metadata/name").filter(|name| API_GROUPS.contains(name)) else {
            continue;
        };
        for version in items(group, "/versions") {
            let Some(version_name) = text(version, "/version") else {
                continue;
            };
            for resource in items(version, "/resources").iter().filter_map(|r| text(r, "/resource")) {
                served.entry((name.to_owned(), resource)).or_default().insert(version_name.clone());
            }
        }
    }
    served
}

/// Reads the `supported-versions` ConfigMap; none when its key is missing or is no JSON.
pub fn supported_versions(object: &Value) -> Option<SupportedVersions> {
    let data = object.get("data")?;
    let list: Value = serde_json::from_str(data.get("supported-versions")?.as_str()?).ok()?;
    Some(SupportedVersions { versions: strings(&list, "/versions"), server_version: text(data, "/server-version") })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn discovery() -> Value {
        let resource = |name: &str| json!({"resource": name});
        json!({"items": [
            {"metadata": {"name": "cluster.x-k8s.io"}, "versions": [
                {"version": "v1beta2", "resources": [resource("machines")]},
                {"version": "v1beta1", "resources": [resource("machines")]}]},
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "resources": [resource("deployments")]}]},
        ]})
    }

    #[test]
    fn a_definition_that_is_not_served_is_not_established() {
        let metadata = |name: &str| custom_resource(&json!({"metadata": {"name": name}}));
        assert_eq!(metadata("routes.route.openshift.io"), None);
        let definitions =
            [metadata("machines.cluster.x-k8s.io").unwrap(), metadata("nodepools.hypershift.openshift.io").unwrap()];
        let found: Vec<_> = api_resources(&definitions, Some(&discovery()))
            .into_iter()
            .map(|r| (r.plural, r.versions.join(","), r.established))
            .collect();
        assert_eq!(
            found,
            [
                ("machines".to_owned(), "v1beta1,v1beta2".to_owned(), true),
                ("nodepools".to_owned(), String::new(), false),
            ]
        );
    }

    #[test]
    fn whole_definitions_speak_for_themselves() {
        let whole = custom_resource(&json!({"metadata": {"name": "nodepools.hypershift.openshift.io"},
            "spec": {"versions": [{"name": "v1beta1", "served": true}, {"name": "v1alpha1", "served": false}]},
            "status": {"conditions": [{"type": "Established", "status": "True"}]}}))
        .unwrap();
        let found = api_resources(&[whole], None);
        assert_eq!((found[0].versions.join(","), found[0].established), ("v1beta1".to_owned(), true));
    }

    #[test]
    fn supported_versions_and_a_broken_map() {
        let map =
            json!({"data": {"supported-versions": "{\"versions\": [\"4.22\", \"4.21\"]}", "server-version": "abc"}});
        let found = supported_versions(&map).unwrap();
        assert_eq!(found.versions, ["4.22", "4.21"]);
        assert_eq!(found.server_version.as_deref(), Some("abc"));
        assert_eq!(supported_versions(&json!({"data": {"supported-versions": "no json"}})), None);
    }
}
