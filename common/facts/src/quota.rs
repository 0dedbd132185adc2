//! Features, virtual machine sizes, quotas and marketplace terms of the subscription.

use serde::{Deserialize, Serialize};

/// Features, virtual machine sizes, quotas and marketplace terms of the subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Quota {}
