//! The private way to the API server: private link service, endpoint, zones.

use serde::{Deserialize, Serialize};

/// The private way to the API server: private link service, endpoint, zones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrivateLink {}
