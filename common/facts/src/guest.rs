//! The hosted cluster's own view: its API server and objects.

use serde::{Deserialize, Serialize};

/// The hosted cluster's own view: its API server and objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Guest {}
