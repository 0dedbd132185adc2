//! What changes the management cluster: server-side apply under our own name. Single fields are changed in `patch.rs`.

use plan::manifest::Manifest;
use serde_json::Value;

use super::connection::{Connection, path, segment, unusable};
use super::error::KubeError;

/// The name under which the API server keeps the fields that we own.
pub const FIELD_MANAGER: &str = "hcp-azure";

/// The kinds of objects that we write, and where they are.
const KINDS: [(&str, &str, &str, &str); 5] = [
    ("v1", "Namespace", "/api/v1", "namespaces"),
    ("v1", "ConfigMap", "/api/v1", "configmaps"),
    ("v1", "Secret", "/api/v1", "secrets"),
    ("hypershift.openshift.io/v1beta1", "HostedCluster", "/apis/hypershift.openshift.io/v1beta1", "hostedclusters"),
    ("hypershift.openshift.io/v1beta1", "NodePool", "/apis/hypershift.openshift.io/v1beta1", "nodepools"),
];

impl Connection {
    /// The object as it is; none when it does not exist.
    ///
    /// # Errors
    /// [`KubeError`]; `NotFound` when the API server does not know its kind.
    pub async fn object(&self, manifest: &Manifest) -> Result<Option<Value>, KubeError> {
        match self.get(&path_of(manifest)?).await {
            Ok(object) => Ok(Some(object)),
            // Without a resource the path itself is unknown: the kind is not there.
            Err(KubeError::NotFound { resource: Some(_), .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Applies an object on the server and returns it as it is then. Fields that others own are not taken over.
    ///
    /// # Errors
    /// [`KubeError`]; `Conflict` names the fields that others own, `Invalid` those that the server does not take.
    pub async fn apply(&self, manifest: &Manifest) -> Result<Value, KubeError> {
        self.send_apply(manifest, "").await
    }

    /// What [`Connection::apply`] would answer, without a change.
    ///
    /// # Errors
    /// As [`Connection::apply`]; `NotFound` when the namespace does not exist yet.
    pub async fn try_apply(&self, manifest: &Manifest) -> Result<Value, KubeError> {
        self.send_apply(manifest, "&dryRun=All").await
    }

    /// Deletes an object; that it is gone already is as good.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn remove(&self, manifest: &Manifest) -> Result<(), KubeError> {
        self.delete(&path_of(manifest)?).await
    }

    async fn send_apply(&self, manifest: &Manifest, more: &str) -> Result<Value, KubeError> {
        let path = path_of(manifest)?;
        let query = format!("fieldManager={FIELD_MANAGER}&fieldValidation=Strict&force=false{more}");
        let body = serde_json::to_vec(manifest.object()).map_err(|error| unusable(&error.to_string()))?;
        let request = http::Request::patch(format!("{path}?{query}"))
            // JSON is YAML.
            .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(body)
            .map_err(|error| unusable(&error.to_string()))?;
        self.json(request).await
    }
}

pub(super) fn path_of(manifest: &Manifest) -> Result<String, KubeError> {
    let is_kind = |(version, kind, ..): &&(&str, &str, &str, &str)| {
        *version == manifest.api_version() && *kind == manifest.kind()
    };
    let (_, _, version, plural) = KINDS
        .iter()
        .find(is_kind)
        .ok_or_else(|| unusable(&format!("{manifest} is of a kind that is never written")))?;
    Ok(format!("{}/{}", path(version, manifest.namespace(), plural)?, segment(manifest.name())?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn where_objects_are() {
        let of = |version: &str, kind: &str, namespace: Option<&str>| {
            let object =
                json!({"apiVersion": version, "kind": kind, "metadata": {"name": "dev", "namespace": namespace}});
            path_of(&Manifest::new(object))
        };
        assert_eq!(of("v1", "Namespace", None).unwrap(), "/api/v1/namespaces/dev");
        assert_eq!(
            of("hypershift.openshift.io/v1beta1", "NodePool", Some("clusters")).unwrap(),
            "/apis/hypershift.openshift.io/v1beta1/namespaces/clusters/nodepools/dev"
        );
        assert!(of("v1", "Pod", Some("clusters")).is_err());
        assert!(of("v1", "Secret", Some("a/b")).is_err());
    }
}
