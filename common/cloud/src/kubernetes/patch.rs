//! Changing single fields of objects that exist, and reading what such changes are judged by.

use kube::api::ListParams;
use plan::patch::Patch;
use secrecy::SecretString;
use serde_json::Value;

use super::connection::{Connection, path, unusable};
use super::error::KubeError;
use super::write::{FIELD_MANAGER, path_of};

const HYPERSHIFT: &str = "/apis/hypershift.openshift.io/v1beta1";

/// The key of a pull secret. Source: kubernetes.io/dockerconfigjson.
const PULL_SECRET: &str = ".dockerconfigjson";

impl Connection {
    /// Changes the fields and returns the object as it is then.
    ///
    /// # Errors
    /// [`KubeError`]; `Changed` when the object is no longer the one that was judged, `Invalid` when the server does not
    /// take the change.
    pub async fn patch(&self, patch: &Patch) -> Result<Value, KubeError> {
        self.send_patch(patch, "").await
    }

    /// What [`Connection::patch`] would answer, without a change.
    ///
    /// # Errors
    /// As [`Connection::patch`].
    pub async fn try_patch(&self, patch: &Patch) -> Result<Value, KubeError> {
        self.send_patch(patch, "&dryRun=All").await
    }

    /// The HostedClusters as they are, in a namespace or in all.
    ///
    /// # Errors
    /// [`KubeError`]; `NotFound` when the API server knows no HostedClusters.
    pub async fn hosted_cluster_objects(&self, namespace: Option<&str>) -> Result<Vec<Value>, KubeError> {
        self.list(&path(HYPERSHIFT, namespace, "hostedclusters")?, ListParams::default()).await
    }

    /// The NodePools as they are, in a namespace or in all, sorted by namespace and name.
    ///
    /// # Errors
    /// [`KubeError`]; `NotFound` when the API server knows no NodePools.
    pub async fn node_pool_objects(&self, namespace: Option<&str>) -> Result<Vec<Value>, KubeError> {
        let mut found = self.list(&path(HYPERSHIFT, namespace, "nodepools")?, ListParams::default()).await?;
        for object in &mut found {
            // Items of a list do not say what they are.
            object["apiVersion"] = "hypershift.openshift.io/v1beta1".into();
            object["kind"] = "NodePool".into();
        }
        let place = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        found.sort_by_cached_key(|object| (place(object, "namespace"), place(object, "name")));
        Ok(found)
    }

    /// The pull secret in a Secret; none when the Secret or its key is not there.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn pull_secret(&self, namespace: &str, name: &str) -> Result<Option<SecretString>, KubeError> {
        let value = match self.secret(namespace, name, &[PULL_SECRET]).await {
            Err(KubeError::NotFound { resource: Some(_), .. }) => return Ok(None),
            value => value?,
        };
        let Some(bytes) = value else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| unusable("the pull secret is no text"))?;
        Ok(Some(SecretString::from(text)))
    }

    async fn send_patch(&self, patch: &Patch, more: &str) -> Result<Value, KubeError> {
        let path = path_of(patch.object())?;
        let query = format!("fieldManager={FIELD_MANAGER}&fieldValidation=Strict{more}");
        let body = serde_json::to_vec(&patch.operations()).map_err(|error| unusable(&error.to_string()))?;
        let request = http::Request::patch(format!("{path}?{query}"))
            .header(http::header::CONTENT_TYPE, "application/json-patch+json")
            .body(body)
            .map_err(|error| unusable(&error.to_string()))?;
        let why = match self.json(request).await {
            Err(KubeError::Invalid { why }) => why,
            answer => return answer,
        };
        // A test that fails is refused as any invalid change is, in words that say nothing: the object itself tells.
        match self.object(patch.object()).await? {
            Some(object) if patch.is_of(&object) => Err(KubeError::Invalid { why }),
            _ => {
                let why =
                    format!("{} was changed by somebody else after it was judged; nothing was changed", patch.object());
                Err(KubeError::Changed { why })
            }
        }
    }
}
