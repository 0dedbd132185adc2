//! User-assigned managed identities and their federated credentials.

use azure_mgmt_msi::models as legacy;
use serde::{Deserialize, Serialize};

use super::Tags;
use super::network::tags;

/// A user-assigned managed identity (api-version 2023-01-31).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// The application id that workloads sign in with.
    pub client_id: Option<String>,
    /// The object id that roles are assigned to.
    pub principal_id: Option<String>,
    /// The tenant of the identity.
    pub tenant_id: Option<String>,
}

impl From<legacy::Identity> for Identity {
    fn from(from: legacy::Identity) -> Self {
        let (tracked, properties) = (from.tracked_resource, from.properties.unwrap_or_default());
        Self {
            id: tracked.resource.id.unwrap_or_default(),
            name: tracked.resource.name.unwrap_or_default(),
            location: tracked.location,
            tags: tags(tracked.tags),
            client_id: properties.client_id,
            principal_id: properties.principal_id,
            tenant_id: properties.tenant_id,
        }
    }
}

/// A federated identity credential (api-version 2023-01-31): whose tokens Entra takes for the identity's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederatedCredential {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The issuer; must equal the token's `iss` byte for byte.
    pub issuer: String,
    /// The subject; must equal the token's `sub` byte for byte.
    pub subject: String,
    /// The audiences; Entra takes exactly one.
    pub audiences: Vec<String>,
}

impl From<legacy::FederatedIdentityCredential> for FederatedCredential {
    fn from(from: legacy::FederatedIdentityCredential) -> Self {
        let resource = from.proxy_resource.resource;
        let (issuer, subject, audiences) = from
            .properties
            .map(|properties| (properties.issuer, properties.subject, properties.audiences))
            .unwrap_or_default();
        Self {
            id: resource.id.unwrap_or_default(),
            name: resource.name.unwrap_or_default(),
            issuer,
            subject,
            audiences,
        }
    }
}
