//! Subscriptions, resource providers, preview features, resource groups.

use serde::{Deserialize, Serialize};

use super::Tags;
use super::wire::{Envelope, null_is_empty};

/// A subscription (api-version 2022-12-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// `/subscriptions/…`.
    pub id: String,
    /// The subscription's UUID.
    #[serde(alias = "subscriptionId")]
    pub subscription_id: String,
    /// The tenant that the subscription trusts.
    #[serde(alias = "tenantId")]
    pub tenant_id: Option<String>,
    /// The name shown in the portal.
    #[serde(alias = "displayName", default)]
    pub display_name: String,
    /// `Enabled`, `Warned`, `PastDue`, `Disabled` or `Deleted`.
    #[serde(default)]
    pub state: String,
    /// Its tags.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tags: Tags,
}

/// A resource provider as a subscription sees it (api-version 2021-04-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// The resource id.
    #[serde(default)]
    pub id: String,
    /// The namespace, such as `Microsoft.Network`.
    pub namespace: String,
    /// `Registered`, `Registering`, `NotRegistered` or `Unregistering`.
    #[serde(alias = "registrationState", default)]
    pub registration_state: String,
    /// The types that it offers.
    #[serde(alias = "resourceTypes", default, deserialize_with = "null_is_empty")]
    pub resource_types: Vec<ProviderType>,
}

/// One resource type of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderType {
    /// The type without the namespace, such as `virtualNetworks/subnets`.
    #[serde(alias = "resourceType")]
    pub resource_type: String,
    /// Where it is offered, as display names such as `East US`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub locations: Vec<String>,
    /// The api-versions that it takes.
    #[serde(alias = "apiVersions", default, deserialize_with = "null_is_empty")]
    pub api_versions: Vec<String>,
}

/// A preview feature of a subscription (api-version 2021-07-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// The resource id.
    pub id: String,
    /// `Namespace/Feature`.
    pub name: String,
    /// `Registered`, `Registering`, `Pending`, `NotRegistered` and so on.
    pub state: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct FeatureWire {
    #[serde(default)]
    state: String,
}

impl From<Envelope<FeatureWire>> for Feature {
    fn from(wire: Envelope<FeatureWire>) -> Self {
        Self { id: wire.id, name: wire.name, state: wire.properties.state }
    }
}

/// A resource group (api-version 2021-04-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceGroup {
    /// The resource id.
    pub id: String,
    /// The group's name.
    pub name: String,
    /// The region that holds its metadata.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// `Succeeded`, `Deleting` and so on.
    pub provisioning_state: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceGroupWire {
    provisioning_state: Option<String>,
}

impl From<Envelope<ResourceGroupWire>> for ResourceGroup {
    fn from(wire: Envelope<ResourceGroupWire>) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            location: wire.location,
            tags: wire.tags,
            provisioning_state: wire.properties.provisioning_state,
        }
    }
}
