//! Virtual networks, security groups, load balancers and what goes with them (api-version 2024-03-01).

use serde::{Deserialize, Serialize};

use super::Tags;

mod convert;

pub(crate) use convert::tags;

/// A network security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSecurityGroup {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// The rules that users made, as Azure lists them.
    pub security_rules: Vec<SecurityRule>,
    /// The rules that every group has, at priorities 65000 and up.
    pub default_security_rules: Vec<SecurityRule>,
    /// The ids of the subnets that it guards.
    pub subnets: Vec<String>,
    /// The ids of the network interfaces that it guards.
    pub network_interfaces: Vec<String>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A rule of a network security group. Single and plural forms of prefixes and ranges are merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityRule {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// 100 to 4096 for users' rules; the lowest number decides first.
    pub priority: i32,
    /// `Inbound` or `Outbound`.
    pub direction: String,
    /// `Allow` or `Deny`.
    pub access: String,
    /// `Tcp`, `Udp`, `Icmp`, `Esp`, `Ah` or `*`.
    pub protocol: String,
    /// Address prefixes, service tags or `*`.
    pub source_address_prefixes: Vec<String>,
    /// Ids of application security groups.
    pub source_application_security_groups: Vec<String>,
    /// Ports, ranges such as `1024-65535`, or `*`.
    pub source_port_ranges: Vec<String>,
    /// Address prefixes, service tags or `*`.
    pub destination_address_prefixes: Vec<String>,
    /// Ids of application security groups.
    pub destination_application_security_groups: Vec<String>,
    /// Ports, ranges such as `1024-65535`, or `*`.
    pub destination_port_ranges: Vec<String>,
}

/// A virtual network with its subnets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualNetwork {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// The address space, as CIDR prefixes.
    pub address_prefixes: Vec<String>,
    /// Custom DNS servers; empty means Azure's own.
    pub dns_servers: Vec<String>,
    /// The subnets.
    pub subnets: Vec<Subnet>,
    /// The peerings with other networks.
    pub peerings: Vec<Peering>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A peering with another virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peering {
    /// The name.
    pub name: String,
    /// The id of the other network.
    pub remote_virtual_network: Option<String>,
    /// The other network's address space, as CIDR prefixes.
    pub remote_address_prefixes: Vec<String>,
    /// `Connected`, `Disconnected` or `Initiated`.
    pub state: Option<String>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Its CIDR prefixes: the single and the plural form merged.
    pub address_prefixes: Vec<String>,
    /// The id of its network security group.
    pub network_security_group: Option<String>,
    /// The id of its route table.
    pub route_table: Option<String>,
    /// The id of its NAT gateway.
    pub nat_gateway: Option<String>,
    /// Whether hosts without a way out of their own get Azure's default one. Absent means yes for subnets made with
    /// an api-version before 2025-07-01.
    pub default_outbound_access: Option<bool>,
    /// The services that the subnet is delegated to, such as `Microsoft.ContainerInstance/containerGroups`.
    pub delegations: Vec<String>,
    /// The resource types of services that hold on to the subnet (service association and resource navigation links).
    pub service_links: Vec<String>,
    /// The services reached through service endpoints, such as `Microsoft.Storage`.
    pub service_endpoints: Vec<String>,
    /// How many IP configurations use its addresses.
    pub ip_configurations: usize,
    /// `Enabled` or `Disabled`.
    pub private_link_service_network_policies: Option<String>,
    /// `Enabled`, `Disabled` and so on.
    pub private_endpoint_network_policies: Option<String>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// `Standard`, `Basic` or `Gateway`.
    pub sku: Option<String>,
    /// The frontends.
    pub frontend_ip_configurations: Vec<FrontendIp>,
    /// The backend pools.
    pub backend_address_pools: Vec<BackendPool>,
    /// The rules for traffic that comes in.
    pub load_balancing_rules: Vec<LoadBalancingRule>,
    /// The health probes.
    pub probes: Vec<Probe>,
    /// The rules for traffic that goes out.
    pub outbound_rules: Vec<OutboundRule>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A frontend of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontendIp {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address in the network, for internal load balancers.
    pub private_ip_address: Option<String>,
    /// The id of the public IP address, for public ones.
    pub public_ip_address: Option<String>,
    /// The id of the subnet, for internal ones.
    pub subnet: Option<String>,
}

/// A backend pool of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendPool {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The ids of the members' IP configurations.
    pub backend_ip_configurations: Vec<String>,
}

/// A rule that spreads incoming traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancingRule {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// `Tcp`, `Udp` or `All`.
    pub protocol: String,
    /// The port on the frontend.
    pub frontend_port: i32,
    /// The port on the members.
    pub backend_port: Option<i32>,
    /// The id of the frontend.
    pub frontend_ip_configuration: Option<String>,
    /// The ids of the pools: the single and the plural form merged.
    pub backend_address_pools: Vec<String>,
    /// The id of the probe.
    pub probe: Option<String>,
    /// Minutes until an idle flow is forgotten.
    pub idle_timeout_in_minutes: Option<i32>,
    /// Whether members see the frontend's address as destination.
    pub enable_floating_ip: Option<bool>,
    /// Whether this rule gives members no way out.
    pub disable_outbound_snat: Option<bool>,
}

/// A health probe of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// `Http`, `Https` or `Tcp`.
    pub protocol: String,
    /// The port that is probed.
    pub port: i32,
    /// The path that is asked for.
    pub request_path: Option<String>,
}

/// A rule for traffic that goes out through a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundRule {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// `All`, `Tcp` or `Udp`.
    pub protocol: String,
    /// SNAT ports for each member; 0 means that Azure decides.
    pub allocated_outbound_ports: Option<i32>,
    /// Minutes until an idle flow is forgotten.
    pub idle_timeout_in_minutes: Option<i64>,
    /// Whether both ends hear of a forgotten flow.
    pub enable_tcp_reset: Option<bool>,
    /// The ids of the frontends.
    pub frontend_ip_configurations: Vec<String>,
    /// The id of the pool.
    pub backend_address_pool: Option<String>,
}

/// A public IP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicIp {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// `Standard` or `Basic`.
    pub sku: Option<String>,
    /// The address, once there is one.
    pub ip_address: Option<String>,
    /// `IPv4` or `IPv6`.
    pub ip_version: Option<String>,
    /// `Static` or `Dynamic`.
    pub allocation_method: Option<String>,
    /// The id of the IP configuration that uses it.
    pub ip_configuration: Option<String>,
    /// The id of the NAT gateway that uses it.
    pub nat_gateway: Option<String>,
    /// Minutes until an idle flow is forgotten.
    pub idle_timeout_in_minutes: Option<i32>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGateway {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// `Standard`.
    pub sku: Option<String>,
    /// The ids of its public IP addresses.
    pub public_ip_addresses: Vec<String>,
    /// The ids of its public IP prefixes.
    pub public_ip_prefixes: Vec<String>,
    /// The ids of the subnets that it serves.
    pub subnets: Vec<String>,
    /// Minutes until an idle flow is forgotten.
    pub idle_timeout_in_minutes: Option<i32>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// The routes, as Azure lists them.
    pub routes: Vec<Route>,
    /// The ids of the subnets that it serves.
    pub subnets: Vec<String>,
    /// Whether routes from gateways are left out.
    pub disable_bgp_route_propagation: Option<bool>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The destination: a CIDR prefix or a service tag.
    pub address_prefix: Option<String>,
    /// `VirtualAppliance`, `Internet`, `None`, `VnetLocal` or `VirtualNetworkGateway`.
    pub next_hop_type: String,
    /// The appliance's address.
    pub next_hop_ip_address: Option<String>,
}
