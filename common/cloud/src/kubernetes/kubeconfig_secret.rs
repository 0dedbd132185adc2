//! The kubeconfigs that HostedClusters publish for their administrators.

use facts::Target;
use futures::StreamExt as _;
use futures::stream;
use kube::api::ListParams;
use secrecy::SecretString;
use serde_json::Value;

use super::connection::{Connection, path, segment};
use super::error::KubeError;
use super::objects;

const HYPERSHIFT: &str = "/apis/hypershift.openshift.io/v1beta1";

/// The key of the kubeconfig in its Secret. Source: openshift/hypershift, `KubeconfigSecret` of the HostedCluster.
const KEY: &str = "kubeconfig";

/// How many Secrets are read at once.
const AT_ONCE: usize = 8;

/// Where a HostedCluster, of whatever platform, publishes its kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The HostedCluster.
    pub target: Target,
    /// `status.kubeconfig.name`: the Secret beside the HostedCluster.
    pub secret: Option<String>,
    /// What its condition `Available` says, in a line: why there may be none yet.
    pub available: Option<String>,
}

/// Why there is no kubeconfig of a HostedCluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKubeconfig {
    /// The HostedCluster names no Secret.
    #[error("its status names no kubeconfig: the control plane is not up yet{}", .0.as_deref().map(|line| format!(" ({line})")).unwrap_or_default())]
    NotPublished(Option<String>),
    /// The Secret that it names does not exist.
    #[error("Secret {0}, which its status names, does not exist")]
    NoSecret(String),
    /// The Secret holds something else.
    #[error("Secret {0} holds no kubeconfig under the key '{KEY}'")]
    NotInSecret(String),
    /// The API server did not answer the question.
    #[error("{}", .0.gap("get", "secrets", Some(.1)).why)]
    Kubernetes(KubeError, String),
}

impl Connection {
    /// Where a HostedCluster publishes its kubeconfig; none when there is no such HostedCluster.
    ///
    /// # Errors
    /// [`KubeError`]; `NotFound` when the API server knows no HostedClusters at all.
    pub async fn published_kubeconfig(&self, target: &Target) -> Result<Option<Published>, KubeError> {
        let collection = path(HYPERSHIFT, Some(&target.namespace), "hostedclusters")?;
        match self.get(&format!("{collection}/{}", segment(&target.name)?)).await {
            Ok(object) => Ok(published(&object)),
            // Without a resource the path itself is unknown: HyperShift is not installed.
            Err(KubeError::NotFound { resource: Some(_), .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same of every HostedCluster in a namespace or in all, sorted by namespace and name.
    ///
    /// # Errors
    /// As [`Connection::published_kubeconfig`].
    pub async fn published_kubeconfigs(&self, namespace: Option<&str>) -> Result<Vec<Published>, KubeError> {
        let found = self.list(&path(HYPERSHIFT, namespace, "hostedclusters")?, ListParams::default()).await?;
        let mut all: Vec<Published> = found.iter().filter_map(published).collect();
        all.sort_by_key(|one| (one.target.namespace.clone(), one.target.name.clone()));
        Ok(all)
    }

    /// The kubeconfigs, each as it stands in its Secret, in the order asked for.
    pub async fn kubeconfigs_of(&self, published: &[Published]) -> Vec<Result<SecretString, NoKubeconfig>> {
        stream::iter(published).map(|one| self.kubeconfig_of(one)).buffered(AT_ONCE).collect().await
    }

    async fn kubeconfig_of(&self, published: &Published) -> Result<SecretString, NoKubeconfig> {
        let namespace = &published.target.namespace;
        let name = published.secret.as_ref().ok_or_else(|| NoKubeconfig::NotPublished(published.available.clone()))?;
        let secret = format!("{namespace}/{name}");
        let once = self.shared().kubeconfig(&secret);
        once.get_or_init(|| self.read_kubeconfig(namespace, name, secret)).await.clone()
    }

    async fn read_kubeconfig(&self, namespace: &str, name: &str, secret: String) -> Result<SecretString, NoKubeconfig> {
        match self.secret(namespace, name, &[KEY]).await {
            Ok(Some(bytes)) => match std::str::from_utf8(&bytes) {
                Ok(text) if !text.trim().is_empty() => Ok(SecretString::from(text)),
                _ => Err(NoKubeconfig::NotInSecret(secret)),
            },
            Ok(None) => Err(NoKubeconfig::NotInSecret(secret)),
            Err(KubeError::NotFound { resource: Some(_), .. }) => Err(NoKubeconfig::NoSecret(secret)),
            Err(error) => Err(NoKubeconfig::Kubernetes(error, namespace.to_owned())),
        }
    }
}

fn published(object: &Value) -> Option<Published> {
    let conditions = objects::conditions(object, "/status/conditions");
    let available = conditions.iter().find(|condition| condition.kind == "Available").map(|condition| {
        let mut line = format!("Available is {}", condition.status);
        for part in [&condition.reason, &condition.message] {
            if !part.is_empty() {
                line.push_str(": ");
                line.push_str(part);
            }
        }
        line
    });
    Some(Published {
        target: objects::target(object)?,
        secret: objects::text(object, "/status/kubeconfig/name"),
        available,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn why_there_is_none_yet() {
        let mut object = json!({"metadata": {"namespace": "clusters", "name": "demo"}, "status": {"conditions": [
            {"type": "Available", "status": "False", "reason": "EtcdAvailable", "message": "waiting for etcd"}]}});
        let one = published(&object).unwrap();
        assert_eq!((one.target.to_string().as_str(), &one.secret), ("clusters/demo", &None));
        let why = NoKubeconfig::NotPublished(one.available).to_string();
        assert!(why.ends_with("is not up yet (Available is False: EtcdAvailable: waiting for etcd)"), "{why}");
        object["status"] = json!({"kubeconfig": {"name": "demo-admin-kubeconfig"}});
        assert_eq!(published(&object).unwrap().secret.as_deref(), Some("demo-admin-kubeconfig"));
    }

    #[test]
    fn a_permission_that_is_missing_is_named() {
        let denied = KubeError::Denied { why: "secrets is forbidden".into() };
        let why = NoKubeconfig::Kubernetes(denied, "clusters".into()).to_string();
        assert!(why.starts_with("may not get secrets in namespace clusters: secrets is forbidden"), "{why}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_json_may_be_the_cluster(value in crate::fuzz::json(&[
            "metadata", "namespace", "name", "status", "conditions", "type", "reason", "message", "kubeconfig",
        ])) {
            let _ = published(&value);
        }
    }
}
