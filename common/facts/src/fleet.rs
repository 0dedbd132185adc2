//! The management cluster as a host: its nodes, and the other hosted clusters.

use serde::{Deserialize, Serialize};

/// The management cluster as a host: its nodes, and the other hosted clusters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fleet {}
