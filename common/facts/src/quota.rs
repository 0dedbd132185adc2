//! Features, virtual machine sizes, quotas and marketplace terms of the subscription.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ArmId, Fact};

/// Features, virtual machine sizes, quotas and marketplace terms of the subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Quota {
    /// The state of the feature Microsoft.Compute/EncryptionAtHost: `Registered`, `Registering`, `NotRegistered` …
    pub encryption_at_host: Fact<String>,
    /// The sizes of the NodePools by name in lower case; absent when the cluster's region does not offer it.
    pub sizes: BTreeMap<String, Fact<VmSize>>,
    /// At most three sizes near each of those that the subscription may use in the region, the nearest first.
    pub nearest: BTreeMap<String, Vec<VmSize>>,
    /// Quotas of Microsoft.Compute in the cluster's region.
    pub compute: Fact<Vec<Usage>>,
    /// Quotas of Microsoft.Network in the cluster's region.
    pub network: Fact<Vec<Usage>>,
    /// The addresses of the worker subnets by the subnet's ARM id in lower case; absent when the VNet or the subnet is.
    pub subnets: BTreeMap<String, Fact<SubnetUse>>,
    /// Whether the terms of the marketplace images that NodePools name are accepted, by [`MarketplaceImage::plan_key`];
    /// absent when the image has no terms.
    ///
    /// [`MarketplaceImage::plan_key`]: crate::hosted::MarketplaceImage::plan_key
    pub image_terms: BTreeMap<String, Fact<bool>>,
    /// Role assignments of the subscription that the caller can see. Azure leaves out what a caller may not read.
    pub role_assignments: Fact<u64>,
}

/// A quota of a region, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Azure's name of it: `cores`, `standardDSv5Family`, `StandardSkuLoadBalancers` …
    pub name: String,
    /// How it is shown: `Total Regional vCPUs`.
    pub shown: String,
    /// What is used, by everybody in the subscription.
    pub used: i64,
    /// What may be used.
    pub limit: i64,
}

/// The addresses of a subnet. Azure keeps five for itself, which count neither as used nor for the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetUse {
    /// The subnet.
    pub id: ArmId,
    /// IP configurations in it.
    pub used: i64,
    /// Addresses that can be given; negative when Azure does not tell.
    pub limit: i64,
}

/// A virtual machine size as the subscription sees it in one region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VmSize {
    /// Its name, as `Standard_D4s_v5`.
    pub name: String,
    /// The family whose quota it uses, as `standardDSv5Family`.
    pub family: String,
    /// vCPUs that a machine of it has.
    pub vcpus: Option<i64>,
    /// Memory in MiB.
    pub memory_mib: Option<i64>,
    /// `x64` or `Arm64`.
    pub architecture: Option<String>,
    /// Hyper-V generations, as `V1` and `V2`.
    pub generations: Vec<String>,
    /// Availability zones of the region that offer it.
    pub zones: Vec<String>,
    /// Why the subscription may not use it anywhere in the region: `NotAvailableForSubscription` or `QuotaId`.
    pub restricted: Option<String>,
    /// Zones in which the subscription may not use it.
    pub restricted_zones: Vec<String>,
    /// Whether it takes premium disks.
    pub premium_disks: Option<bool>,
    /// Whether its OS disk can be ephemeral.
    pub ephemeral_os_disk: Option<bool>,
    /// Whether its disks can be encrypted at the host.
    pub encryption_at_host: Option<bool>,
    /// The largest ephemeral OS disk that its cache or its temporary disk can hold, in GiB.
    pub ephemeral_gib: Option<i64>,
}
