//! DNS: zones, records, what resolves, and who writes records.

use serde::{Deserialize, Serialize};

/// DNS: zones, records, what resolves, and who writes records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Names {}
