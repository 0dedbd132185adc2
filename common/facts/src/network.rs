//! Facts about the Azure network of a hosted cluster. Maps are keyed by ARM id in lower case.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ArmId, Fact};

/// The network resources that the hosted cluster names, and those that they name in turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// VNets with their subnets: the HostedCluster's, and those of NodePool subnets elsewhere.
    pub vnets: BTreeMap<String, Fact<Vnet>>,
    /// Network security groups: the HostedCluster's, and those bound to its subnets.
    pub nsgs: BTreeMap<String, Fact<Nsg>>,
    /// Route tables bound to the subnets.
    pub route_tables: BTreeMap<String, Fact<RouteTable>>,
    /// NAT gateways bound to the subnets.
    pub nat_gateways: BTreeMap<String, Fact<NatGateway>>,
    /// Load balancers: the one named after the infra id in the managed resource group.
    pub load_balancers: BTreeMap<String, Fact<LoadBalancer>>,
    /// Public IPs of those load balancers and NAT gateways.
    pub public_ips: BTreeMap<String, Fact<PublicIp>>,
}

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vnet {
    /// Its ARM id.
    pub id: ArmId,
    /// Its region.
    pub location: String,
    /// Its address ranges in CIDR form.
    pub address_prefixes: Vec<String>,
    /// `Succeeded` when usable.
    pub provisioning_state: Option<String>,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
    /// Its peerings with other VNets.
    #[serde(default)]
    pub peerings: Fact<Vec<Peering>>,
}

/// A peering with another VNet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peering {
    /// Its name.
    pub name: String,
    /// The other VNet.
    pub remote_id: Option<ArmId>,
    /// The other VNet's address ranges in CIDR form.
    pub remote_prefixes: Vec<String>,
    /// `Connected` when traffic passes.
    pub state: Option<String>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// Its ARM id.
    pub id: ArmId,
    /// Its name.
    pub name: String,
    /// Its address ranges in CIDR form.
    pub address_prefixes: Vec<String>,
    /// `Succeeded` when usable.
    pub provisioning_state: Option<String>,
    /// The network security group bound to it.
    pub nsg_id: Option<ArmId>,
    /// The route table bound to it.
    pub route_table_id: Option<ArmId>,
    /// The NAT gateway bound to it.
    pub nat_gateway_id: Option<ArmId>,
    /// Whether Azure gives its VMs default outbound access; `None` means the old default, which is yes.
    pub default_outbound_access: Option<bool>,
    /// Services it is delegated to; a delegated subnet takes no NICs.
    #[serde(default)]
    pub delegations: Vec<String>,
    /// Whether network policies hold for private link services: `Enabled`, which keeps them out, or `Disabled`.
    #[serde(default)]
    pub private_link_service_network_policies: Option<String>,
    /// How many IP configurations use its addresses.
    #[serde(default)]
    pub ip_configurations: Fact<usize>,
}

/// A network security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Nsg {
    /// Its ARM id.
    pub id: ArmId,
    /// Its region.
    pub location: String,
    /// Custom and default rules.
    pub rules: Vec<NsgRule>,
}

/// A rule of a network security group. Lists hold the singular and the plural ("augmented") fields of ARM together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NsgRule {
    /// Its name.
    pub name: String,
    /// 100 to 4096 for custom rules, 65000 and up for default ones; the lowest matching number decides.
    pub priority: i32,
    /// `Inbound` or `Outbound`.
    pub direction: Direction,
    /// Whether it lets traffic through.
    pub access: Access,
    /// `Tcp`, `Udp`, `Icmp`, `Esp`, `Ah` or `*`.
    pub protocol: String,
    /// CIDRs, addresses, service tags or `*`.
    pub source_prefixes: Vec<String>,
    /// `*`, ports or ranges `a-b`.
    pub source_ports: Vec<String>,
    /// CIDRs, addresses, service tags or `*`.
    pub destination_prefixes: Vec<String>,
    /// `*`, ports or ranges `a-b`.
    pub destination_ports: Vec<String>,
    /// ARM ids of application security groups as source.
    #[serde(default)]
    pub source_asgs: Vec<ArmId>,
    /// ARM ids of application security groups as destination.
    #[serde(default)]
    pub destination_asgs: Vec<ArmId>,
    /// Whether it is one of Azure's default rules.
    #[serde(default)]
    pub is_default: bool,
}

/// The direction of a rule, seen from the subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Into the subnet.
    Inbound,
    /// Out of the subnet.
    Outbound,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Let through.
    Allow,
    /// Drop.
    Deny,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTable {
    /// Its ARM id.
    pub id: ArmId,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A user-defined route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Its name.
    pub name: String,
    /// The destination in CIDR form, or a service tag.
    pub address_prefix: String,
    /// `VirtualNetworkGateway`, `VnetLocal`, `Internet`, `VirtualAppliance` or `None`.
    pub next_hop_type: String,
    /// The appliance's address.
    pub next_hop_ip: Option<String>,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NatGateway {
    /// Its ARM id.
    pub id: ArmId,
    /// `Succeeded` when usable.
    pub provisioning_state: Option<String>,
    /// Its public IPs.
    pub public_ip_ids: Vec<ArmId>,
    /// Its public IP prefixes.
    pub public_ip_prefix_ids: Vec<ArmId>,
}

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancer {
    /// Its ARM id.
    pub id: ArmId,
    /// Its region.
    pub location: String,
    /// `Standard` or `Basic`.
    pub sku: Option<String>,
    /// Names of its backend pools.
    pub backend_pools: Vec<String>,
    /// Its frontends.
    pub frontends: Vec<Frontend>,
    /// Its outbound rules.
    pub outbound_rules: Vec<OutboundRule>,
    /// The members of its backend pools.
    #[serde(default)]
    pub members: Fact<Vec<BackendMember>>,
    /// Its rules for traffic that comes in.
    #[serde(default)]
    pub balancing_rules: Fact<Vec<BalancingRule>>,
}

/// A member of a backend pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendMember {
    /// The name of the pool.
    pub pool: String,
    /// The IP configuration of a network interface.
    pub ip_configuration_id: ArmId,
}

/// A rule that spreads incoming traffic of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BalancingRule {
    /// The name.
    pub name: String,
    /// `Tcp`, `Udp` or `All`.
    pub protocol: String,
    /// The name of the frontend.
    pub frontend: Option<String>,
    /// The port on the frontend.
    pub frontend_port: u16,
    /// The port on the members.
    pub backend_port: u16,
    /// Whether members see the frontend's address and port as destination.
    pub floating_ip: bool,
    /// The probe that decides which members get traffic.
    pub probe: Option<HealthProbe>,
}

/// A health probe of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthProbe {
    /// The name.
    pub name: String,
    /// The TCP port on the members.
    pub port: u16,
}

/// A frontend of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frontend {
    /// Its name.
    pub name: String,
    /// Its public IP, if it is a public one.
    pub public_ip_id: Option<ArmId>,
    /// Its subnet, if it is an internal one.
    #[serde(default)]
    pub subnet_id: Option<ArmId>,
    /// Its address in that subnet.
    #[serde(default)]
    pub private_ip: Option<String>,
}

/// An outbound (SNAT) rule of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboundRule {
    /// Its name.
    pub name: String,
    /// The name of the backend pool it serves.
    pub backend_pool: Option<String>,
    /// Names of the frontends it uses.
    pub frontends: Vec<String>,
    /// SNAT ports per node; 0 or none lets Azure decide.
    pub allocated_outbound_ports: Option<i32>,
}

/// A public IP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicIp {
    /// Its ARM id.
    pub id: ArmId,
    /// The address, once allocated.
    pub ip_address: Option<String>,
    /// `Standard` or `Basic`.
    pub sku: Option<String>,
}
