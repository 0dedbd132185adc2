//! Subscriptions, resource providers, preview features, resource groups.

use crate::client::Arm;
use crate::error::{ArmError, Found, Kind, Result};
use crate::id::{ArmId, IdError};
use crate::model::resources::{FeatureWire, ResourceGroupWire};
use crate::model::{Feature, Provider, ResourceGroup, Subscription};

const SUBSCRIPTIONS: &str = "2022-12-01";
const RESOURCES: &str = "2021-04-01";
const FEATURES: &str = "2021-07-01";

impl Arm {
    /// The subscription with this id, as the caller's tenant sees it.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn subscription(&self, subscription: &str) -> Result<Option<Subscription>> {
        let id = subscription_id(subscription)?;
        self.read(self.url(&id, "", SUBSCRIPTIONS, &[])).await.found()
    }

    /// A resource provider and whether the subscription is registered for it.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn provider(&self, subscription: &str, namespace: &str) -> Result<Option<Provider>> {
        let id = subscription_id(subscription)?;
        segment(namespace)?;
        self.read(self.url(&id, &format!("/providers/{namespace}"), RESOURCES, &[])).await.found()
    }

    /// A preview feature of a provider and whether the subscription is registered for it.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn feature(&self, subscription: &str, namespace: &str, name: &str) -> Result<Option<Feature>> {
        let id = subscription_id(subscription)?;
        segment(namespace)?;
        segment(name)?;
        let path = format!("/providers/Microsoft.Features/providers/{namespace}/features/{name}");
        self.resource::<FeatureWire, _>(self.url(&id, &path, FEATURES, &[])).await
    }

    /// A resource group.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn resource_group(&self, subscription: &str, name: &str) -> Result<Option<ResourceGroup>> {
        let id = ArmId::for_resource_group(subscription, name).map_err(bad_id)?;
        self.resource::<ResourceGroupWire, _>(self.url(&id, "", RESOURCES, &[])).await
    }
}

/// The id of a subscription, refused when it could lead elsewhere.
pub(super) fn subscription_id(subscription: &str) -> Result<ArmId> {
    ArmId::for_subscription(subscription).map_err(bad_id)
}

/// Refuses a text that is no single segment of a path.
pub(super) fn segment(text: &str) -> Result<()> {
    let probe = ArmId::for_resource_group("s", text);
    probe.map(|_| ()).map_err(|_| ArmError::new(Kind::InvalidId, "", "", format!("`{text}` is not a name")))
}

fn bad_id(error: IdError) -> ArmError {
    ArmError::new(Kind::InvalidId, "", "", error.to_string())
}
