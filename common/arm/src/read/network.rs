//! Networks, through `azure_mgmt_network` (api-version 2024-03-01).

use crate::bridge::{Bridge, parts};
use crate::client::Arm;
use crate::error::{Found, Result};
use crate::id::ArmId;
use crate::model::{LoadBalancer, NatGateway, NetworkSecurityGroup, PublicIp, RouteTable, Subnet, VirtualNetwork};

impl Arm {
    /// A network security group with its rules.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn nsg(&self, id: &ArmId) -> Result<Option<NetworkSecurityGroup>> {
        let (subscription, group, names) = parts(id, "Microsoft.Network/networkSecurityGroups")?;
        let bridge = Bridge::new(self);
        let read = bridge.network()?.network_security_groups_client().get(group, &names[0], subscription);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(NetworkSecurityGroup::from))
    }

    /// A virtual network with its subnets and peerings.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn vnet(&self, id: &ArmId) -> Result<Option<VirtualNetwork>> {
        let (subscription, group, names) = parts(id, "Microsoft.Network/virtualNetworks")?;
        let bridge = Bridge::new(self);
        let read = bridge.network()?.virtual_networks_client().get(group, &names[0], subscription);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(VirtualNetwork::from))
    }

    /// A subnet.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn subnet(&self, id: &ArmId) -> Result<Option<Subnet>> {
        let (subscription, group, names) = parts(id, "Microsoft.Network/virtualNetworks/subnets")?;
        let bridge = Bridge::new(self);
        let read = bridge.network()?.subnets_client().get(group, &names[0], &names[1], subscription);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(Subnet::from))
    }

    /// A load balancer.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn load_balancer(&self, id: &ArmId) -> Result<Option<LoadBalancer>> {
        let (subscription, group, names) = parts(id, "Microsoft.Network/loadBalancers")?;
        let bridge = Bridge::new(self);
        let read = bridge.network()?.load_balancers_client().get(group, &names[0], subscription);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(LoadBalancer::from))
    }

    /// A public IP address.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn public_ip(&self, id: &ArmId) -> Result<Option<PublicIp>> {
        let (subscription, group, names) = parts(id, "Microsoft.Network/publicIPAddresses")?;
        let bridge = Bridge::new(self);
        let read = bridge.network()?.public_ip_addresses_client().get(group, &names[0], subscription);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(PublicIp::from))
    }

    /// A NAT gateway.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn nat_gateway(&self, id: &ArmId) -> Result<Option<NatGateway>> {
        let (subscription, group, names) = parts(id, "Microsoft.Network/natGateways")?;
        let bridge = Bridge::new(self);
        let read = bridge.network()?.nat_gateways_client().get(group, &names[0], subscription);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(NatGateway::from))
    }

    /// A route table.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn route_table(&self, id: &ArmId) -> Result<Option<RouteTable>> {
        let (subscription, group, names) = parts(id, "Microsoft.Network/routeTables")?;
        let bridge = Bridge::new(self);
        let read = bridge.network()?.route_tables_client().get(group, &names[0], subscription);
        Ok(bridge.one(id.as_str(), read).await.found()?.map(RouteTable::from))
    }
}
