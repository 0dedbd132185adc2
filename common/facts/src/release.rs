//! The pull secret and the release image.

use serde::{Deserialize, Serialize};

/// The pull secret and the release image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Release {}
