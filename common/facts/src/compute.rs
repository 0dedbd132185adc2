//! Virtual machines of the managed resource group and their boot logs.

use serde::{Deserialize, Serialize};

/// Virtual machines of the managed resource group and their boot logs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Compute {}
