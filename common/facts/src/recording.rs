//! The recording that facts were read from.

use serde::{Deserialize, Serialize};

/// The recording that facts were read from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Recording {}
