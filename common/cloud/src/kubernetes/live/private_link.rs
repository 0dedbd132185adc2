//! What the management cluster holds of the private way to an API server.

use facts::Fact;
use facts::private_link::{AzurePrivateLinkService, OperatorSetup};
use kube::api::ListParams;
use serde_json::Value;

use super::{OPERATOR_NAMESPACE, listed};
use crate::kubernetes::connection::{Connection, path};
use crate::kubernetes::error::KubeError;
use crate::kubernetes::objects;

impl Connection {
    /// The AzurePrivateLinkServices of a control plane namespace, sorted by name.
    pub(crate) async fn private_link_services(&self, namespace: &str) -> Fact<Vec<AzurePrivateLinkService>> {
        let found = async {
            let path = path("/apis/hypershift.openshift.io/v1beta1", Some(namespace), "azureprivatelinkservices")?;
            self.list(&path, ListParams::default()).await
        };
        let resource = "azureprivatelinkservices.hypershift.openshift.io";
        let mut services = listed(found.await, resource, Some(namespace), objects::private_link_service);
        if let Fact::Known(services) = &mut services {
            services.sort_by(|a, b| a.name.cmp(&b.name));
        }
        services
    }

    /// How the HyperShift operators are set up for private clusters; absent when there is none.
    pub(crate) async fn private_link_operators(&self) -> Fact<Vec<OperatorSetup>> {
        self.shared().private_link_operators.or(Box::pin(self.read_private_link_operators())).await
    }

    async fn read_private_link_operators(&self) -> Fact<Vec<OperatorSetup>> {
        let in_namespace = async |namespace: Option<&str>| -> Result<Vec<Value>, KubeError> {
            let params = ListParams::default().fields("metadata.name=operator");
            self.list(&path("/apis/apps/v1", namespace, "deployments")?, params).await
        };
        let setups = |found: &[Value]| -> Vec<OperatorSetup> {
            found.iter().filter(|object| objects::is_hypershift_operator(object)).map(objects::operator_setup).collect()
        };
        match in_namespace(None).await {
            Ok(found) => match setups(&found) {
                none if none.is_empty() => Fact::Absent,
                setups => Fact::Known(setups),
            },
            Err(error @ KubeError::Denied { .. }) => match in_namespace(Some(OPERATOR_NAMESPACE)).await {
                Ok(found) if !setups(&found).is_empty() => Fact::Known(setups(&found)),
                // Nothing here says nothing of the other namespaces.
                _ => Fact::Unreadable(error.gap("list", "deployments.apps", None)),
            },
            Err(error) => Fact::Unreadable(error.gap("list", "deployments.apps", None)),
        }
    }
}
