//! What earlier hosted clusters left in the subscription.

use serde::{Deserialize, Serialize};

/// What earlier hosted clusters left in the subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Leftovers {}
