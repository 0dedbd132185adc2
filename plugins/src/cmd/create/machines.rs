//! The flags about the machines of a NodePool, which `create cluster` and `create nodepool` share.

use clap::Args;
use plan::cluster::MachineSpec;

use super::given;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Machines")]
pub(super) struct MachineArgs {
    /// VM size [default: Standard_D4s_v5, or Standard_D4ps_v5 for arm64]
    #[arg(long, value_name = "SIZE", default_value = "", hide_default_value = true)]
    instance_type: String,
    /// Size of the OS disk in GiB
    #[arg(long, value_name = "GIB", default_value_t = 120, allow_negative_numbers = true)]
    root_disk_size: i64,
    /// Zone of the NodePool: 1, 2 or 3
    #[arg(long, value_name = "ZONE", default_value = "", hide_default_value = true)]
    availability_zone: String,
    /// ARM id of the subnet of the NodePool [create nodepool without --render: that of the HostedCluster]
    #[arg(long, value_name = "ID")]
    nodepool_subnet_id: Option<String>,
    /// Kind of the OS disk: Premium_LRS, PremiumV2_LRS, StandardSSD_LRS or Standard_LRS
    #[arg(long, value_name = "KIND", default_value = "Premium_LRS")]
    disk_storage_account_type: String,
    /// ARM id of the disk encryption set of the OS disk
    #[arg(long, value_name = "ID")]
    disk_encryption_set_id: Option<String>,
    /// OS disk on the VM's own storage
    #[arg(long)]
    enable_ephemeral_disk: bool,
    /// Encryption at host: Enabled or Disabled
    #[arg(long, value_name = "STATE", default_value = "", hide_default_value = true)]
    encryption_at_host: String,
    /// Hyper-V generation of the image: Gen1 or Gen2
    #[arg(long, value_name = "GEN", default_value = "", hide_default_value = true)]
    image_generation: String,
    /// Publisher of a Marketplace image; all four marketplace flags or none
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    marketplace_publisher: String,
    /// Offer of a Marketplace image
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    marketplace_offer: String,
    /// SKU of a Marketplace image
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    marketplace_sku: String,
    /// Version of a Marketplace image
    #[arg(long, value_name = "VERSION", default_value = "", hide_default_value = true)]
    marketplace_version: String,
    /// Boot diagnostics: Disabled, Managed or UserManaged
    #[arg(long, value_name = "KIND", default_value = "", hide_default_value = true)]
    diagnostics_storage_account_type: String,
    /// Address of the storage account for boot diagnostics, with UserManaged
    #[arg(long, value_name = "URL")]
    diagnostics_storage_account_uri: Option<String>,
}

impl MachineArgs {
    pub fn spec(self) -> MachineSpec {
        MachineSpec {
            instance_type: self.instance_type,
            root_disk_size: self.root_disk_size,
            availability_zone: self.availability_zone,
            nodepool_subnet_id: given(self.nodepool_subnet_id),
            disk_storage_account_type: self.disk_storage_account_type,
            disk_encryption_set_id: given(self.disk_encryption_set_id),
            enable_ephemeral_disk: self.enable_ephemeral_disk,
            encryption_at_host: self.encryption_at_host,
            image_generation: self.image_generation,
            marketplace_publisher: self.marketplace_publisher,
            marketplace_offer: self.marketplace_offer,
            marketplace_sku: self.marketplace_sku,
            marketplace_version: self.marketplace_version,
            diagnostics_storage_account_type: self.diagnostics_storage_account_type,
            diagnostics_storage_account_uri: given(self.diagnostics_storage_account_uri),
        }
    }
}
