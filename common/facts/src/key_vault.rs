//! The Key Vault and the key that encrypt etcd.

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
