//! Single objects by name.

use facts::Target;
use facts::hosted::HostedCluster;

use super::connection::{Connection, path, segment};
use super::error::KubeError;
use super::objects;

/// Why a HostedCluster cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The API server did not answer the question.
    #[error(transparent)]
    Kubernetes(#[from] KubeError),
    /// It answered with something that is no HostedCluster on Azure.
    #[error(transparent)]
    Object(#[from] objects::HostedClusterError),
}

impl Connection {
    /// The HostedCluster of a name; none when there is none of that name.
    ///
    /// # Errors
    /// [`LookupError`]; `NotFound` of [`KubeError`] when the API server knows no HostedClusters at all.
    pub async fn find_hosted_cluster(&self, target: &Target) -> Result<Option<HostedCluster>, LookupError> {
        let collection = path("/apis/hypershift.openshift.io/v1beta1", Some(&target.namespace), "hostedclusters")?;
        match self.get(&format!("{collection}/{}", segment(&target.name)?)).await {
            Ok(object) => Ok(Some(objects::hosted_cluster(&object)?)),
            // Without a resource the path itself is unknown: HyperShift is not installed.
            Err(KubeError::NotFound { resource: Some(_), .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
