//! `create nodepool`: what it does to the management cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cluster::NodePool;
use crate::late::Late;
use crate::manifest::Manifest;
use crate::{Change, Refusal, Step, Verb};

/// What stands under the name of the NodePool.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Nothing does.
    Nothing,
    /// A NodePool does.
    NodePool {
        /// As it is.
        object: Value,
        /// What the API server would make of it if ours were applied, or why it would not.
        applied: Result<Value, String>,
    },
}

/// The step: a NodePool that is not there is created. One that is there is never changed: it is kept if it is what is wanted.
///
/// # Errors
/// A refusal of `--name` when a NodePool of that name is another one.
pub fn plan(node_pool: &NodePool, found: &Found) -> Result<Step, Refusal> {
    let manifest = Manifest::new(node_pool.render());
    let step = |verb, reason, change| Step {
        id: format!("nodepool/{}", manifest.name()),
        verb,
        resource: manifest.to_string(),
        reason,
        depends_on: BTreeSet::new(),
        change,
        serial: None,
    };
    Ok(match found {
        Found::Nothing => {
            let change = Change::Manifest { object: manifest.clone(), late: Late::default() };
            step(Verb::Create, summary(&manifest), Some(change))
        }
        Found::NodePool { object, applied } => match difference(&manifest, object, applied) {
            None => step(Verb::Keep, "exists as asked for".to_owned(), None),
            Some((why, fix)) => {
                return Err(Refusal::new("--name", manifest.name(), why, fix));
            }
        },
    })
}

/// What a NodePool is, in a few words: `2 x Standard_D4s_v5 in subnet nodes, release quay.io/…`.
fn summary(manifest: &Manifest) -> String {
    let spec = &manifest.object()["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let azure = &spec["platform"]["azure"];
    let (size, subnet, image) = (text(&azure["vmSize"]), text(&azure["subnetID"]), text(&spec["release"]["image"]));
    let subnet = subnet.rsplit('/').next().unwrap_or_default();
    format!("{} x {size} in subnet {subnet}, release {image}", spec["replicas"])
}

/// Why an existing NodePool is not the one that is wanted, and what to do; none when it is.
fn difference(wanted: &Manifest, object: &Value, applied: &Result<Value, String>) -> Option<(String, String)> {
    let (name, namespace) = (wanted.name(), wanted.namespace().unwrap_or_default());
    let other_name = "or give another name";
    let list = format!("`oc get nodepools -n {namespace}` lists them; give another name");
    if let Some(cluster) = object["spec"]["clusterName"].as_str()
        && wanted.object()["spec"]["clusterName"] != cluster
    {
        return Some((format!("{wanted} exists and belongs to HostedCluster {cluster}"), list));
    }
    if object["metadata"]["deletionTimestamp"].is_string() {
        let wait =
            format!("wait until it is gone (`oc wait nodepool {name} -n {namespace} --for=delete`), {other_name}");
        return Some((format!("{wanted} exists and is being deleted"), wait));
    }
    let have = leaves(&object["spec"]);
    let lines = match applied {
        Ok(applied) => differences(&leaves(&applied["spec"]), &have, true),
        Err(why) => {
            let lines = differences(&leaves(&wanted.object()["spec"]), &have, false);
            if lines.is_empty() { BTreeMap::from([(String::new(), why.clone())]) } else { lines }
        }
    };
    if lines.is_empty() {
        return None;
    }
    let replicas = &wanted.object()["spec"]["replicas"];
    let fix = if lines.keys().eq(["spec.replicas"]) {
        format!("`oc scale nodepool {name} -n {namespace} --replicas {replicas}` changes it, {other_name}")
    } else {
        format!("`oc edit nodepool {name} -n {namespace}` changes what may be changed, {other_name}")
    };
    let lines: Vec<String> = lines.into_values().collect();
    Some((format!("{wanted} exists with other values:\n{}", lines.join("\n")), fix))
}

/// How two specs differ, a line for each path. What `have` holds beyond `want` counts only if `both_ways`.
fn differences(
    want: &BTreeMap<String, String>,
    have: &BTreeMap<String, String>,
    both_ways: bool,
) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for (path, wanted) in want {
        match have.get(path) {
            Some(held) if held == wanted => {}
            Some(held) => drop(lines.insert(path.clone(), format!("{path} is {held}, asked for is {wanted}"))),
            None => drop(lines.insert(path.clone(), format!("{path} is not set, asked for is {wanted}"))),
        }
    }
    for (path, held) in have.iter().filter(|(path, _)| both_ways && !want.contains_key(*path)) {
        lines.insert(path.clone(), format!("{path} is {held}, asked for is none"));
    }
    lines
}

/// The values of a spec by their paths. Empty objects say nothing; a list is one value.
fn leaves(spec: &Value) -> BTreeMap<String, String> {
    fn walk(value: &Value, path: &str, out: &mut BTreeMap<String, String>) {
        match value {
            Value::Null => {}
            Value::Object(members) => {
                members.iter().for_each(|(key, value)| walk(value, &format!("{path}.{key}"), out));
            }
            Value::String(text) => drop(out.insert(path.to_owned(), text.clone())),
            other => drop(out.insert(path.to_owned(), other.to_string())),
        }
    }
    let mut out = BTreeMap::new();
    walk(spec, "spec", &mut out);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::cluster::{HostedClusterView, NodePoolSpec, validate_node_pool};

    const SUBNET: &str = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/default";

    fn node_pool() -> NodePool {
        let spec = NodePoolSpec { name: "np1".into(), cluster_name: "demo".into(), ..NodePoolSpec::default() };
        let cluster = HostedClusterView {
            release_image: "quay.io/ocp/release:4.21.0-multi".into(),
            subnet_id: Some(SUBNET.into()),
            ..HostedClusterView::default()
        };
        validate_node_pool(&spec, &cluster).unwrap()
    }

    /// As the API server holds it, with what others added.
    fn held() -> Value {
        let mut object = node_pool().render();
        object["spec"]["nodeLabels"] = json!({"team": "a"});
        object["spec"]["platform"]["azure"]["image"]["azureMarketplace"] = json!({"imageGeneration": "Gen2"});
        object
    }

    fn refusal(object: &Value, applied: Result<Value, String>) -> Refusal {
        let found = Found::NodePool { object: object.clone(), applied };
        plan(&node_pool(), &found).unwrap_err()
    }

    #[test]
    fn created_when_it_is_not_there_and_kept_when_it_is() {
        let step = plan(&node_pool(), &Found::Nothing).unwrap();
        assert_eq!((step.verb, step.resource.as_str()), (Verb::Create, "NodePool clusters/np1"));
        assert_eq!(step.reason, "2 x Standard_D4s_v5 in subnet default, release quay.io/ocp/release:4.21.0-multi");
        assert!(
            matches!(&step.change, Some(Change::Manifest { object, .. }) if *object.object() == node_pool().render())
        );
        let kept = plan(&node_pool(), &Found::NodePool { object: held(), applied: Ok(held()) }).unwrap();
        assert_eq!((kept.verb, kept.change), (Verb::Keep, None));
    }

    #[test]
    fn another_one_is_never_changed() {
        let mut scaled = held();
        scaled["spec"]["replicas"] = json!(5);
        for applied in [Ok(held()), Err("conflict".to_owned())] {
            let refusal = refusal(&scaled, applied);
            assert_eq!((refusal.flag, refusal.value.as_str()), ("--name", "np1"));
            assert!(refusal.why.ends_with("with other values:\nspec.replicas is 5, asked for is 2"), "{}", refusal.why);
            assert!(refusal.fix.starts_with("`oc scale nodepool np1 -n clusters --replicas 2`"), "{}", refusal.fix);
        }
        let mut zoned = held();
        zoned["spec"]["platform"]["azure"]["availabilityZone"] = json!("1");
        let refused = refusal(&zoned, Ok(held()));
        assert!(refused.why.contains("availabilityZone is 1, asked for is none"), "{}", refused.why);
        assert!(refused.fix.contains("`oc edit"), "{}", refused.fix);
        assert!(refusal(&held(), Err("a webhook says no".into())).why.contains("a webhook says no"));
    }

    #[test]
    fn one_of_another_cluster_or_on_its_way_out() {
        let mut foreign = held();
        foreign["spec"]["clusterName"] = json!("other");
        assert!(refusal(&foreign, Err("immutable".into())).why.contains("belongs to HostedCluster other"));
        let mut going = held();
        going["metadata"]["deletionTimestamp"] = json!("2026-11-20T10:00:00Z");
        assert!(refusal(&going, Ok(held())).why.contains("is being deleted"));
    }
}
