//! What NodePools ask for in the making of their machines.

use serde::{Deserialize, Serialize};

use crate::ArmId;

/// What a NodePool asks for in the making of its machines, besides their size, subnet and zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VmOptions {
    /// `spec.platform.azure.encryptionAtHost`: `Enabled` or `Disabled`; none means enabled.
    pub encryption_at_host: Option<String>,
    /// `spec.platform.azure.osDisk.sizeGiB`.
    pub disk_gib: Option<i32>,
    /// `spec.platform.azure.osDisk.diskStorageAccountType`; none means `Premium_LRS`.
    pub disk_type: Option<String>,
    /// `spec.platform.azure.osDisk.persistence`: `Persistent` or `Ephemeral`; none means persistent.
    pub disk_persistence: Option<String>,
    /// `spec.platform.azure.osDisk.encryptionSetID`.
    pub disk_encryption_set: Option<ArmId>,
    /// `spec.platform.azure.image`.
    pub image: Option<Image>,
    /// `spec.platform.azure.diagnostics.storageAccountType`: `Managed`, `UserManaged` or `Disabled`; none means disabled.
    pub boot_diagnostics: Option<String>,
    /// `spec.management.upgradeType`: `Replace` or `InPlace`.
    pub upgrade_type: Option<String>,
    /// `spec.management.replace.strategy`: `RollingUpdate` or `OnDelete`.
    pub replace_strategy: Option<String>,
    /// `spec.management.replace.rollingUpdate.maxSurge` as written: a number, or a share such as `25%`; none means 1.
    pub max_surge: Option<String>,
}

impl VmOptions {
    /// Whether machines are to be encrypted at the host, which is the default.
    pub fn wants_encryption_at_host(&self) -> bool {
        self.encryption_at_host.as_deref() != Some("Disabled")
    }

    /// Whether the OS disk is to be ephemeral.
    pub fn is_ephemeral(&self) -> bool {
        self.disk_persistence.as_deref() == Some("Ephemeral")
    }

    /// How many machines more than `nodes` there are while it rolls out a change. Shares are rounded up.
    pub fn surge(&self, nodes: i64) -> i64 {
        if self.upgrade_type.as_deref() == Some("InPlace") || self.replace_strategy.as_deref() == Some("OnDelete") {
            return 0;
        }
        match self.max_surge.as_deref().map(str::trim) {
            None => 1,
            Some(text) => match text.strip_suffix('%') {
                Some(share) => share
                    .parse::<i64>()
                    .map_or(1, |share| share.clamp(0, 100).saturating_mul(nodes.max(0)).saturating_add(99) / 100),
                None => text.parse::<i64>().map_or(1, |count| count.max(0)),
            },
        }
    }
}

/// The boot image of a NodePool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Image {
    /// A managed image, by its ARM id.
    #[serde(rename_all = "camelCase")]
    Id {
        /// `imageID`.
        id: ArmId,
    },
    /// The image of the marketplace that the release names.
    #[serde(rename_all = "camelCase")]
    OfRelease {
        /// `azureMarketplace.imageGeneration`: `Gen1` or `Gen2`; none means `Gen2`.
        generation: Option<String>,
    },
    /// An image of the marketplace by name.
    Marketplace(MarketplaceImage),
}

/// An image of the Azure Marketplace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MarketplaceImage {
    /// `publisher`.
    pub publisher: String,
    /// `offer`.
    pub offer: String,
    /// `sku`, which is the plan where the image has one.
    pub sku: String,
    /// `version`.
    pub version: String,
}

impl MarketplaceImage {
    /// Publisher, offer and plan in lower case: what terms are about.
    pub fn plan_key(&self) -> String {
        format!("{}:{}:{}", self.publisher, self.offer, self.sku).to_ascii_lowercase()
    }

    /// Whether Red Hat publishes it for OpenShift on Azure without a purchase plan, as releases name such images.
    pub fn is_openshifts_own(&self) -> bool {
        self.publisher.eq_ignore_ascii_case("azureopenshift")
    }

    /// As `az vm image` takes it.
    pub fn urn(&self) -> String {
        format!("{}:{}:{}:{}", self.publisher, self.offer, self.sku, self.version)
    }
}
