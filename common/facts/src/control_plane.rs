//! Certificates, Cluster API objects, volumes and settings of the control plane.

use serde::{Deserialize, Serialize};

/// Certificates, Cluster API objects, volumes and settings of the control plane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlPlane {}
