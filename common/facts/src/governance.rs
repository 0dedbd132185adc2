//! What the caller may do in Azure, and what policies and locks forbid.

use serde::{Deserialize, Serialize};

/// What the caller may do in Azure, and what policies and locks forbid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Governance {}
