//! The clocks of the services.

use serde::{Deserialize, Serialize};

/// The clocks of the services.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Clocks {}
