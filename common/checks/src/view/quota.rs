//! Features, sizes, quotas and marketplace terms.

use std::collections::BTreeMap;

use facts::hosted::MarketplaceImage;
use facts::quota::{SubnetUse, Usage, VmSize};
use facts::{ArmId, Gap, Need};

use super::{Lookup, Read, View, lookup};

impl<'a> View<'a> {
    /// The state of the feature Microsoft.Compute/EncryptionAtHost; absent where the cloud does not know it.
    pub fn encryption_at_host(&self) -> Lookup<'a, String> {
        self.read(Need::Features).azure.quota.encryption_at_host.present()
    }

    /// A virtual machine size in the cluster's region; absent when the region does not offer it.
    pub fn vm_size(&self, name: &str) -> Lookup<'a, VmSize> {
        let sizes = self.azure_map(Need::Skus, &self.facts.azure.quota.sizes)?;
        lookup(sizes, &name.to_ascii_lowercase(), name)
    }

    /// Sizes near to one that is asked for, which the subscription may use; a hint, empty where nothing is known.
    pub fn nearest_sizes(&self, name: &str) -> &'a [VmSize] {
        self.read(Need::Skus).azure.quota.nearest.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The quotas of Microsoft.Compute in the cluster's region.
    pub fn compute_usages(&self) -> Read<'a, Vec<Usage>> {
        self.read(Need::Usages).azure.quota.compute.known("the list of compute quotas")
    }

    /// The quotas of Microsoft.Network in the cluster's region.
    pub fn network_usages(&self) -> Read<'a, Vec<Usage>> {
        self.read(Need::Usages).azure.quota.network.known("the list of network quotas")
    }

    /// The addresses of a worker subnet; absent when there is no such subnet.
    pub fn subnet_use(&self, id: &ArmId) -> Lookup<'a, SubnetUse> {
        let subnets: &BTreeMap<_, _> = self.azure_map(Need::Usages, &self.facts.azure.quota.subnets)?;
        lookup(subnets, &id.key(), id.as_str())
    }

    /// Role assignments of the subscription.
    pub fn role_assignment_count(&self) -> Result<u64, Gap> {
        self.read(Need::Usages).azure.quota.role_assignments.known("the count of role assignments").copied()
    }

    /// Whether the terms of a marketplace image are accepted; absent when it has none.
    pub fn image_terms(&self, image: &MarketplaceImage) -> Lookup<'a, bool> {
        let terms = self.azure_map(Need::ImageTerms, &self.facts.azure.quota.image_terms)?;
        lookup(terms, &image.plan_key(), &image.urn())
    }
}
