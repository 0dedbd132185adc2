//! Many hosted clusters on one management cluster and one subscription, each a copy of the healthy one under its own name.

use std::collections::BTreeMap;

use facts::catalogue::{AUDIENCE, by_key};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::{NAME, Scene, azure, kubernetes, signing_key, simulated};
use crate::Error;

/// How many clusters are applied at a time.
const AT_ONCE: usize = 12;

impl Scene {
    /// Puts so many healthy clusters on stage, each with nine identities.
    ///
    /// # Errors
    /// As [`Scene::healthy`].
    pub async fn fleet(count: usize) -> Result<Self, Error> {
        let scene = Self::set(azure::before_create, false).await?;
        let one = azure::state(&scene.issuer, &scene.container);
        scene.sim.load(many(&one, &scene.issuer, count)).map_err(simulated)?;
        // The hosted API server of the scene is one cluster's own: those of a fleet have not published theirs.
        let objects = kubernetes::hosted(&scene, &signing_key()?.pem);
        let kept =
            |document: &&str| !(document.contains("admin-kubeconfig") && document.contains(r#""kind":"Secret""#));
        let objects: Vec<&str> = objects.split("---\n").filter(kept).collect();
        let objects = objects.join("---\n");
        stream::iter(0..count)
            .map(|at| {
                let (bed, text) = (scene.bed, renamed(&objects, at));
                async move { bed.apply_yaml(&text).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        Ok(scene)
    }
}

/// The name of a cluster of the fleet.
pub fn name(at: usize) -> String {
    format!("c{at:03}")
}

/// A text about the healthy cluster as one about a cluster of the fleet.
fn renamed(text: &str, at: usize) -> String {
    // Ids of applications and principals differ in their last group.
    text.replace("-8ccc-dddddddddddd", &format!("-8ccc-{at:012x}")).replace(NAME, &name(at))
}

/// The state of one cluster, so many times, each resource once.
fn many(one: &Value, issuer: &str, count: usize) -> Value {
    let mut resources: BTreeMap<String, Value> = BTreeMap::new();
    let mut assignments: BTreeMap<String, Value> = BTreeMap::new();
    // The issuer is every cluster's, and keeps its address.
    let marker = "https://issuer.invalid/one";
    let text = one.to_string().replace(issuer, marker);
    for at in 0..count {
        let copy: Value = serde_json::from_str(&renamed(&text, at).replace(marker, issuer)).unwrap_or_default();
        let own = copy["resources"].as_array().into_iter().flatten().cloned();
        for item in own.chain(ninth(at, issuer)) {
            resources.insert(id_of(&item).to_lowercase(), item);
        }
        for mut item in copy["roleAssignments"].as_array().into_iter().flatten().cloned() {
            // Those at the shared zone's group must not be taken for one another.
            let id = id_of(&item);
            if let Some((scope, name)) = id.rsplit_once('/') {
                item["id"] = json!(format!("{scope}/{}", name.replacen("-0000-", &format!("-{at:04x}-"), 1)));
            }
            assignments.insert(id_of(&item).to_lowercase(), item);
        }
    }
    let mut whole = one.clone();
    whole["resources"] = Value::Array(resources.into_values().collect());
    whole["roleAssignments"] = Value::Array(assignments.into_values().collect());
    whole
}

fn id_of(item: &Value) -> String {
    item["id"].as_str().unwrap_or_default().to_owned()
}

/// The KMS provider's identity, which `create iam` makes on request.
fn ninth(at: usize, issuer: &str) -> Vec<Value> {
    let Some(kms) = by_key("kms") else { return Vec::new() };
    let id = renamed(&azure::identity_id("kms"), at);
    let credential = &kms.credentials[0];
    vec![
        json!({
            "id": id, "location": "eastus",
            "properties": {
                "clientId": renamed(&azure::client_id("kms"), at),
                "principalId": renamed(&azure::principal_id("kms"), at),
                "tenantId": azure_sim::seed::TENANT,
            },
        }),
        json!({
            "id": format!("{id}/federatedIdentityCredentials/{}", renamed(&kms.credential_name(NAME, credential), at)),
            "properties": {"issuer": issuer, "subject": credential.subject(), "audiences": [AUDIENCE]},
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::INFRA_ID;
    use super::*;

    #[test]
    fn copies_share_nothing_but_what_is_shared() {
        let one = json!({
            "tenant": "t",
            "resources": [{"id": format!("/g/{NAME}-{INFRA_ID}"), "x": azure::client_id("disk")}, {"id": "/g/shared"}],
            "roleAssignments": [{"id": "/r/00000001-0000-0000-0000-000000000001"}],
        });
        let all = many(&one, "https://i", 2);
        let ids: Vec<&str> =
            all["resources"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str()).collect();
        assert!(ids.contains(&"/g/c000-c000-x7k2p") && ids.contains(&"/g/c001-c001-x7k2p"), "{ids:?}");
        assert_eq!(ids.iter().filter(|id| **id == "/g/shared").count(), 1);
        assert_eq!(all["roleAssignments"].as_array().map(Vec::len), Some(2));
    }
}
