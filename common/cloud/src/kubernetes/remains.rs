//! Deleting a HostedCluster, and what is left of it meanwhile.

use facts::Target;
use futures::future::join_all;
use kube::api::ListParams;
use plan::destroy::remains::{KINDS, Remains, UPSTREAM_FINALIZER};
use plan::manifest::Manifest;
use serde_json::{Value, json};

use super::connection::{Connection, path, unusable};
use super::error::KubeError;
use super::objects;
use super::write::path_of;

/// The annotation by which the operator also cleans up what the cluster's own controllers made in Azure.
const CLEAN_UP: &str = "hypershift.openshift.io/cleanup-cloud-resources";

impl Connection {
    /// What is left of a HostedCluster and of what belongs to it. What may not be read is told among the rest.
    ///
    /// # Errors
    /// [`KubeError`] when the HostedCluster itself cannot be looked at.
    pub async fn remains(&self, target: &Target) -> Result<Remains, KubeError> {
        let control_plane = target.control_plane_namespace();
        let lists = join_all(KINDS.iter().map(|(versions, plural, kind, beside)| {
            let namespace = if *beside { target.namespace.as_str() } else { control_plane.as_str() };
            async move { (*plural, self.first_served(versions, namespace, plural, kind).await) }
        }));
        let named = hosted_cluster(target);
        let (cluster, lists) = futures::join!(self.object(&named), lists);
        let cluster = match cluster {
            // Where the kind itself is gone, so are its objects.
            Err(KubeError::NotFound { .. }) => Ok(None),
            cluster => cluster,
        };
        let mut remains = Remains { cluster: cluster?, ..Remains::default() };
        for (plural, found) in lists {
            match found {
                Ok(found) if plural == "nodepools" => {
                    remains.objects.extend(found.into_iter().filter(|object| objects::belongs_to(object, target)));
                }
                Ok(found) => remains.objects.extend(found),
                Err(error) => remains.unseen.push(format!("{plural} could not be looked at: {error}")),
            }
        }
        Ok(remains)
    }

    /// Asks for the deletion of a HostedCluster; that it is gone or going already is as good.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn delete_hosted_cluster(&self, target: &Target, clean_up: bool) -> Result<(), KubeError> {
        if clean_up {
            let patch = json!({"metadata": {"annotations": {CLEAN_UP: "true"}}});
            match self.merge_patch(&path_of(&hosted_cluster(target))?, &patch).await {
                Err(KubeError::NotFound { resource: Some(_), .. }) => return Ok(()),
                patched => drop(patched?),
            }
        }
        self.delete(&path_of(&hosted_cluster(target))?).await
    }

    /// Takes upstream's own finalizer off a HostedCluster whose operator is done with it.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn release_hosted_cluster(&self, cluster: &Value, target: &Target) -> Result<(), KubeError> {
        let held = cluster.pointer("/metadata/finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
        let rest: Vec<Value> = held.into_iter().filter(|name| name != UPSTREAM_FINALIZER).collect();
        let version = cluster.pointer("/metadata/resourceVersion");
        let patch = json!({"metadata": {"finalizers": rest, "resourceVersion": version}});
        match self.merge_patch(&path_of(&hosted_cluster(target))?, &patch).await {
            Err(KubeError::NotFound { resource: Some(_), .. }) => Ok(()),
            patched => patched.map(drop),
        }
    }

    /// The objects of the first version that is served; none when none is.
    async fn first_served(
        &self,
        versions: &[&str],
        namespace: &str,
        plural: &str,
        kind: &str,
    ) -> Result<Vec<Value>, KubeError> {
        for version in versions {
            let collection = path(&format!("/apis/{version}"), Some(namespace), plural)?;
            match self.list(&collection, ListParams::default()).await {
                Err(KubeError::NotFound { .. }) => {}
                found => {
                    // Items of a list do not bear their kind.
                    return found.map(|items| items.into_iter().map(|item| with_kind(item, kind)).collect());
                }
            }
        }
        Ok(Vec::new())
    }
}

fn with_kind(mut object: Value, kind: &str) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert("kind".to_owned(), json!(kind));
    }
    object
}

fn hosted_cluster(target: &Target) -> Manifest {
    Manifest::of_hypershift("HostedCluster", &target.namespace, &target.name)
}

impl Connection {
    /// Merges a patch into an object.
    async fn merge_patch(&self, address: &str, patch: &Value) -> Result<Value, KubeError> {
        let body = serde_json::to_vec(patch).map_err(|error| unusable(&error.to_string()))?;
        let request = http::Request::patch(format!("{address}?fieldManager={}", super::FIELD_MANAGER))
            .header(http::header::CONTENT_TYPE, "application/merge-patch+json")
            .body(body)
            .map_err(|error| unusable(&error.to_string()))?;
        self.json(request).await
    }

    /// Deletes an object; that it is gone already is as good.
    pub(super) async fn delete(&self, address: &str) -> Result<(), KubeError> {
        let request = http::Request::delete(address).body(Vec::new()).map_err(|error| unusable(&error.to_string()))?;
        match self.send(request).await {
            Ok(_) | Err(KubeError::NotFound { resource: Some(_), .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The label that holds the infra id of the cluster that an object was created for.
const CREATED_FOR: &str = "hypershift.openshift.io/auto-created-for-infra";

impl Connection {
    /// NodePools of a HostedCluster, and the Secrets and ConfigMaps that were created for it. Of Secrets only the metadata
    /// is read.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn created_for(&self, target: &Target, infra_id: &str) -> Result<Vec<Manifest>, KubeError> {
        let namespace = Some(target.namespace.as_str());
        let pools = async {
            match self.node_pool_objects(namespace).await {
                Err(KubeError::NotFound { .. }) => Ok(Vec::new()),
                found => found,
            }
        };
        let labelled = async |plural: &str| self.list_metadata(&path("/api/v1", namespace, plural)?).await;
        let (pools, secrets, config_maps) =
            futures::future::try_join3(pools, labelled("secrets"), labelled("configmaps")).await?;
        let named = |api_version: &str, kind: &str, object: &Value| {
            let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            Manifest::named(api_version, kind, &target.namespace, name)
        };
        let is_ours = |object: &&Value| object["metadata"]["labels"][CREATED_FOR] == infra_id;
        let pools = pools.iter().filter(|object| objects::belongs_to(object, target));
        Ok(pools
            .map(|object| named("hypershift.openshift.io/v1beta1", "NodePool", object))
            .chain(secrets.iter().filter(is_ours).map(|object| named("v1", "Secret", object)))
            .chain(config_maps.iter().filter(is_ours).map(|object| named("v1", "ConfigMap", object)))
            .collect())
    }
}
