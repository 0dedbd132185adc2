//! Storage accounts, as far as an OIDC issuer's documents depend on them.

use serde::{Deserialize, Serialize};

use super::Tags;
use super::wire::{Envelope, Named, null_is_empty};

/// A storage account (api-version 2024-01-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageAccount {
    /// The resource id.
    pub id: String,
    /// The name, unique in the whole cloud.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// `StorageV2`, `BlobStorage` and so on.
    pub kind: Option<String>,
    /// The SKU, such as `Standard_LRS`.
    pub sku: Option<String>,
    /// Whether containers may allow anonymous reads. Absent means no for accounts made since 2023.
    pub allow_blob_public_access: Option<bool>,
    /// `Enabled`, `Disabled` or `SecuredByPerimeter`. Absent means enabled.
    pub public_network_access: Option<String>,
    /// What the firewall does with callers that no rule names: `Allow` or `Deny`.
    pub network_default_action: Option<String>,
    /// The addresses that the firewall lets in.
    pub network_ip_rules: Vec<String>,
    /// Whether requests may be signed with the account's keys. Absent means yes.
    pub allow_shared_key_access: Option<bool>,
    /// Whether plain http is refused.
    pub https_only: Option<bool>,
    /// The lowest TLS version taken, such as `TLS1_2`.
    pub minimum_tls_version: Option<String>,
    /// The address of the blob service, such as `https://acct.blob.core.windows.net/`.
    pub blob_endpoint: Option<String>,
    /// `Succeeded`, `Creating` or `ResolvingDNS`.
    pub provisioning_state: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StorageAccountWire {
    allow_blob_public_access: Option<bool>,
    public_network_access: Option<String>,
    network_acls: Option<NetworkAcls>,
    allow_shared_key_access: Option<bool>,
    supports_https_traffic_only: Option<bool>,
    minimum_tls_version: Option<String>,
    primary_endpoints: Option<Endpoints>,
    provisioning_state: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkAcls {
    default_action: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    ip_rules: Vec<IpRule>,
}

#[derive(Debug, Deserialize)]
struct IpRule {
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Endpoints {
    blob: Option<String>,
}

impl From<Envelope<StorageAccountWire>> for StorageAccount {
    fn from(wire: Envelope<StorageAccountWire>) -> Self {
        let properties = wire.properties;
        let acls = properties.network_acls.unwrap_or_default();
        Self {
            id: wire.id,
            name: wire.name,
            location: wire.location,
            tags: wire.tags,
            kind: wire.kind,
            sku: wire.sku.and_then(|Named { name }| name),
            allow_blob_public_access: properties.allow_blob_public_access,
            public_network_access: properties.public_network_access,
            network_default_action: acls.default_action,
            network_ip_rules: acls.ip_rules.into_iter().filter_map(|rule| rule.value).collect(),
            allow_shared_key_access: properties.allow_shared_key_access,
            https_only: properties.supports_https_traffic_only,
            minimum_tls_version: properties.minimum_tls_version,
            blob_endpoint: properties.primary_endpoints.and_then(|endpoints| endpoints.blob),
            provisioning_state: properties.provisioning_state,
        }
    }
}

/// The blob service of a storage account (api-version 2024-01-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobService {
    /// The resource id.
    pub id: String,
    /// Always `default`.
    pub name: String,
    /// How many days deleted blobs are kept; none when they are not.
    pub delete_retention_days: Option<u32>,
    /// How many days deleted containers are kept; none when they are not.
    pub container_delete_retention_days: Option<u32>,
    /// Whether blobs keep their versions.
    pub is_versioning_enabled: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlobServiceWire {
    delete_retention_policy: Option<Retention>,
    container_delete_retention_policy: Option<Retention>,
    is_versioning_enabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Retention {
    #[serde(default)]
    enabled: bool,
    days: Option<u32>,
}

impl Retention {
    fn in_force(self) -> Option<u32> {
        self.days.filter(|_| self.enabled)
    }
}

impl From<Envelope<BlobServiceWire>> for BlobService {
    fn from(wire: Envelope<BlobServiceWire>) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            delete_retention_days: wire.properties.delete_retention_policy.and_then(Retention::in_force),
            container_delete_retention_days: wire
                .properties
                .container_delete_retention_policy
                .and_then(Retention::in_force),
            is_versioning_enabled: wire.properties.is_versioning_enabled,
        }
    }
}

/// A blob container (api-version 2024-01-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The resource id.
    pub id: String,
    /// The container's name.
    pub name: String,
    /// Who may read without signing in: `Container` (read and list), `Blob` (read) or `None`.
    pub public_access: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerWire {
    public_access: Option<String>,
}

impl From<Envelope<ContainerWire>> for Container {
    fn from(wire: Envelope<ContainerWire>) -> Self {
        Self { id: wire.id, name: wire.name, public_access: wire.properties.public_access }
    }
}
