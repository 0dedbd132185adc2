//! Managed identities and federated credentials, through `azure_mgmt_msi` (api-version 2023-01-31).

use std::sync::Arc;

use crate::bridge::{Bridge, parts};
use crate::client::Arm;
use crate::error::{Found, Result};
use crate::id::ArmId;
use crate::model::{FederatedCredential, Identity};
use crate::read::resources::subscription_id;

const IDENTITIES: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

impl Arm {
    /// All user-assigned identities of a subscription that the caller may see.
    ///
    /// # Errors
    /// Any [`ArmError`](crate::ArmError).
    pub async fn identities(&self, subscription: &str) -> Result<Arc<Vec<Identity>>> {
        let scope = subscription_id(subscription)?;
        let read = async {
            let bridge = Bridge::new(self);
            let pages =
                bridge.identities()?.user_assigned_identities_client().list_by_subscription(subscription).into_stream();
            let identities = bridge.all(scope.as_str(), pages, |page| page.value).await?;
            Ok(identities.into_iter().map(Identity::from).collect())
        };
        self.listed(scope.as_str(), read).await
    }

    /// A user-assigned identity.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn identity(&self, id: &ArmId) -> Result<Option<Identity>> {
        let (subscription, group, names) = parts(id, IDENTITIES)?;
        let bridge = Bridge::new(self);
        let read = bridge.identities()?.user_assigned_identities_client().get(subscription, group, &names[0]);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(Identity::from))
    }

    /// The federated credentials of an identity. None when the identity is not there.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn federated_credentials(&self, identity: &ArmId) -> Result<Option<Vec<FederatedCredential>>> {
        let (subscription, group, names) = parts(identity, IDENTITIES)?;
        let bridge = Bridge::new(self);
        let pages = bridge
            .identities()?
            .federated_identity_credentials_client()
            .list(subscription, group, &names[0])
            .into_stream();
        let credentials = bridge.all(identity.as_str(), pages, |page| page.value).await.found()?;
        Ok(credentials.map(|all| all.into_iter().map(FederatedCredential::from).collect()))
    }
}
