//! The Key Vault and the key that encrypt etcd, and the Key Vault of managed identities.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::azure::RoleAssignment;
use crate::{ArmId, Fact};

/// The Key Vault and the key that encrypt etcd.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyVault {
    /// The vault; absent when the subscription shows none of the name.
    pub vault: Fact<Vault>,
    /// The version of the key that the HostedCluster names; absent when there is none.
    pub key: Fact<KeyVersion>,
    /// Role assignments that hold at the vault, inherited ones included.
    pub role_assignments: Fact<Vec<RoleAssignment>>,
}

/// A Key Vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vault {
    /// Its ARM id.
    pub id: ArmId,
    /// Whether roles, and not access policies, say who may use it.
    pub rbac: bool,
    /// Whether a deleted key can be had back; on by default.
    pub soft_delete: bool,
    /// Whether nobody can purge a deleted key before its time.
    pub purge_protection: bool,
    /// Object ids that access policies let both encrypt and decrypt.
    #[serde(default)]
    pub may_encrypt: Vec<String>,
    /// Whether it answers on the internet at all; Azure's default.
    #[serde(default = "yes")]
    pub public: bool,
    /// How many addresses and subnets its firewall lets in; none when it lets in everybody.
    #[serde(default)]
    pub firewall: Option<usize>,
    /// The states of its private endpoint connections, such as `Approved` and `Pending`, by the id of the endpoint.
    #[serde(default)]
    pub endpoints: BTreeMap<ArmId, String>,
}

/// The Key Vault of the managed identities' credentials. Values are never read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IdentitySecrets {
    /// The vault; absent when the subscription shows none of the name.
    pub vault: Fact<ArmId>,
    /// The dates of the secrets that the HostedCluster names, by name; absent where the vault has none of the name.
    pub secrets: BTreeMap<String, Fact<SecretDates>>,
}

/// What a Key Vault says of a secret without showing it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretDates {
    /// Whether it may be read.
    pub enabled: bool,
    /// From when it is good, if that is recorded.
    pub not_before: Option<Timestamp>,
    /// When it ends, if that is recorded.
    pub expires: Option<Timestamp>,
    /// When it should be renewed, if that is recorded: the tag `renew_after`.
    pub renew_after: Option<Timestamp>,
}

/// One version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyVersion {
    /// Whether it may be used.
    pub enabled: bool,
    /// When it ends, if ever.
    pub expires: Option<Timestamp>,
}

fn yes() -> bool {
    true
}
