//! Virtual machines of the managed resource group and their boot logs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ArmId, Fact};

/// Virtual machines of the managed resource group and their boot logs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Compute {
    /// The virtual machines of the managed resource group, sorted by id; absent when there is no such group.
    pub virtual_machines: Fact<Vec<VirtualMachine>>,
    /// What the serial console of machines that never became nodes says, by Machine name; empty when there is none, at
    /// most [`MAX_LOGS`].
    pub boot_logs: Fact<BTreeMap<String, Fact<BootLog>>>,
}

/// How many boot logs are read.
pub const MAX_LOGS: usize = 3;

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachine {
    /// The ARM id.
    pub id: ArmId,
    /// The name.
    pub name: String,
    /// `properties.provisioningState`: `Succeeded`, `Creating`, `Deleting`, `Failed` …
    pub provisioning_state: Option<String>,
    /// `properties.timeCreated`.
    pub created_at: Option<Timestamp>,
    /// `properties.hardwareProfile.vmSize`.
    pub size: Option<String>,
    /// Its availability zones.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether Azure keeps its serial console.
    #[serde(default)]
    pub has_boot_diagnostics: bool,
}

impl VirtualMachine {
    /// Whether Cluster API made it for the cluster of this infra id.
    ///
    /// Source: kubernetes-sigs/cluster-api-provider-azure api/v1beta1/tags.go (`ClusterTagKey`).
    pub fn is_of_cluster(&self, infra_id: &str) -> bool {
        let key = format!("sigs.k8s.io_cluster-api-provider-azure_cluster_{infra_id}");
        self.tags.iter().any(|(name, value)| name.eq_ignore_ascii_case(&key) && value == "owned")
    }
}

/// What matters of the serial console of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum BootLog {
    /// Azure keeps none of this machine.
    Off,
    /// It was read.
    #[serde(rename_all = "camelCase")]
    Read {
        /// The newest lines that speak of ignition or of a failure, oldest first, redacted; at most 20.
        lines: Vec<String>,
        /// How many bytes were read.
        bytes: u64,
    },
}
