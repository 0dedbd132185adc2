//! The Key Vault and the key that encrypt etcd.

use serde::{Deserialize, Serialize};

/// The Key Vault and the key that encrypt etcd.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyVault {}
