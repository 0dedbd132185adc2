//! Objects that have names, and little else that matters.

use kube::api::ListParams;
use serde_json::Value;

use super::connection::{Connection, path};
use super::error::KubeError;

const HYPERSHIFT: &str = "/apis/hypershift.openshift.io/v1beta1";

/// Which objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// HostedClusters of every platform.
    HostedClusters,
    /// NodePools.
    NodePools,
    /// Namespaces, by their metadata alone.
    Namespaces,
}

impl Connection {
    /// The objects of a namespace, or of all.
    ///
    /// # Errors
    /// [`KubeError`].
    pub(crate) async fn named(&self, which: Named, namespace: Option<&str>) -> Result<Vec<Value>, KubeError> {
        match which {
            Named::HostedClusters => {
                self.list(&path(HYPERSHIFT, namespace, "hostedclusters")?, ListParams::default()).await
            }
            Named::NodePools => self.list(&path(HYPERSHIFT, namespace, "nodepools")?, ListParams::default()).await,
            Named::Namespaces => self.list_metadata("/api/v1/namespaces").await,
        }
    }
}
