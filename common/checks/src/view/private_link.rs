//! The private way to the API server.

use facts::network::{LoadBalancer, Subnet, Vnet};
use facts::private_link::{AzurePrivateLinkService, LinkService, OperatorSetup, PrivateEndpoint, PrivateZone};
use facts::{ArmId, Need};

use super::{Lookup, View, lookup};

impl<'a> View<'a> {
    /// The AzurePrivateLinkServices of the control plane namespace; absent while the cluster is only planned.
    pub fn private_link_services(&self) -> Lookup<'a, Vec<AzurePrivateLinkService>> {
        self.read(Need::PrivateLink).private_link.services.present()
    }

    /// How the HyperShift operators are set up for private clusters; absent when there is none.
    pub fn private_link_operators(&self) -> Lookup<'a, Vec<OperatorSetup>> {
        self.read(Need::PrivateLink).private_link.operators.present()
    }

    /// A private link service; absent when there is none.
    pub fn link_service(&self, id: &ArmId) -> Lookup<'a, LinkService> {
        let map = self.azure_map(Need::PrivateEndpoints, &self.facts.private_link.link_services)?;
        lookup(map, &id.key(), id.as_str())
    }

    /// A private endpoint; absent when there is none.
    pub fn private_endpoint(&self, id: &ArmId) -> Lookup<'a, PrivateEndpoint> {
        let map = self.azure_map(Need::PrivateEndpoints, &self.facts.private_link.endpoints)?;
        lookup(map, &id.key(), id.as_str())
    }

    /// An internal load balancer of the control plane; absent when there is none.
    pub fn internal_load_balancer(&self, id: &ArmId) -> Lookup<'a, LoadBalancer> {
        let map = self.azure_map(Need::PrivateEndpoints, &self.facts.private_link.balancers)?;
        lookup(map, &id.key(), id.as_str())
    }

    /// The VNet of a NAT subnet, and the subnet in it; either is absent when there is none.
    pub fn nat_subnet(&self, id: &ArmId) -> Result<Option<(&'a Vnet, Option<&'a Subnet>)>, facts::Gap> {
        let map = self.azure_map(Need::PrivateEndpoints, &self.facts.private_link.vnets)?;
        let Some(vnet) = id.parent() else { return Ok(None) };
        let vnet = lookup(map, &vnet.key(), vnet.as_str())?;
        Ok(vnet.map(|vnet| (vnet, vnet.subnets.iter().find(|subnet| subnet.id == *id))))
    }

    /// A private DNS zone of the cluster; absent when there is none.
    pub fn private_zone(&self, id: &ArmId) -> Lookup<'a, PrivateZone> {
        let map = self.azure_map(Need::DnsZones, &self.facts.private_link.zones)?;
        lookup(map, &id.key(), id.as_str())
    }
}
