//! Tokens traded at Entra, and what the identities may do with them.

use serde::{Deserialize, Serialize};

/// Tokens traded at Entra, and what the identities may do with them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exchange {}
