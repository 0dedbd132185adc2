//! From the legacy crate's models to ours.

use azure_mgmt_network::models as legacy;
use serde::Serialize;
use serde_json::Value;

use super::{
    BackendPool, FrontendIp, LoadBalancer, LoadBalancingRule, NatGateway, NetworkSecurityGroup, OutboundRule, Peering,
    Probe, PublicIp, Route, RouteTable, SecurityRule, Subnet, VirtualNetwork,
};
use crate::model::Tags;

impl From<legacy::NetworkSecurityGroup> for NetworkSecurityGroup {
    fn from(from: legacy::NetworkSecurityGroup) -> Self {
        let (resource, properties) = (from.resource, from.properties.unwrap_or_default());
        Self {
            id: resource.id.unwrap_or_default(),
            name: resource.name.unwrap_or_default(),
            location: resource.location.unwrap_or_default(),
            tags: tags(resource.tags),
            security_rules: each(properties.security_rules),
            default_security_rules: each(properties.default_security_rules),
            subnets: ids(properties.subnets.into_iter().map(|subnet| subnet.sub_resource)),
            network_interfaces: properties.network_interfaces.into_iter().filter_map(|nic| nic.resource.id).collect(),
            provisioning_state: text(properties.provisioning_state),
        }
    }
}

impl From<legacy::SecurityRule> for SecurityRule {
    fn from(from: legacy::SecurityRule) -> Self {
        let mut rule = Self {
            id: from.sub_resource.id.unwrap_or_default(),
            name: from.name.unwrap_or_default(),
            priority: 0,
            direction: String::new(),
            access: String::new(),
            protocol: String::new(),
            source_address_prefixes: Vec::new(),
            source_application_security_groups: Vec::new(),
            source_port_ranges: Vec::new(),
            destination_address_prefixes: Vec::new(),
            destination_application_security_groups: Vec::new(),
            destination_port_ranges: Vec::new(),
        };
        if let Some(properties) = from.properties {
            rule.priority = properties.priority;
            rule.direction = word(properties.direction);
            rule.access = word(properties.access);
            rule.protocol = word(properties.protocol);
            rule.source_address_prefixes = merged(properties.source_address_prefix, properties.source_address_prefixes);
            rule.source_application_security_groups = group_ids(properties.source_application_security_groups);
            rule.source_port_ranges = merged(properties.source_port_range, properties.source_port_ranges);
            rule.destination_address_prefixes =
                merged(properties.destination_address_prefix, properties.destination_address_prefixes);
            rule.destination_application_security_groups =
                group_ids(properties.destination_application_security_groups);
            rule.destination_port_ranges =
                merged(properties.destination_port_range, properties.destination_port_ranges);
        }
        rule
    }
}

impl From<legacy::VirtualNetwork> for VirtualNetwork {
    fn from(from: legacy::VirtualNetwork) -> Self {
        let (resource, properties) = (from.resource, from.properties.unwrap_or_default());
        Self {
            id: resource.id.unwrap_or_default(),
            name: resource.name.unwrap_or_default(),
            location: resource.location.unwrap_or_default(),
            tags: tags(resource.tags),
            address_prefixes: properties.address_space.map(|space| space.address_prefixes).unwrap_or_default(),
            dns_servers: properties.dhcp_options.map(|options| options.dns_servers).unwrap_or_default(),
            subnets: each(properties.subnets),
            peerings: each(properties.virtual_network_peerings),
            provisioning_state: text(properties.provisioning_state),
        }
    }
}

impl From<legacy::VirtualNetworkPeering> for Peering {
    fn from(from: legacy::VirtualNetworkPeering) -> Self {
        let properties = from.properties.unwrap_or_default();
        let space = properties.remote_virtual_network_address_space.or(properties.remote_address_space);
        Self {
            name: from.name.unwrap_or_default(),
            remote_virtual_network: properties.remote_virtual_network.and_then(|network| network.id),
            remote_address_prefixes: space.map(|space| space.address_prefixes).unwrap_or_default(),
            state: text(properties.peering_state),
        }
    }
}

impl From<legacy::Subnet> for Subnet {
    fn from(from: legacy::Subnet) -> Self {
        let properties = from.properties.unwrap_or_default();
        let associations = properties.service_association_links.into_iter();
        let navigations = properties.resource_navigation_links.into_iter();
        let linked = associations
            .filter_map(|link| link.properties?.linked_resource_type)
            .chain(navigations.filter_map(|link| link.properties?.linked_resource_type));
        Self {
            id: from.sub_resource.id.unwrap_or_default(),
            name: from.name.unwrap_or_default(),
            address_prefixes: merged(properties.address_prefix, properties.address_prefixes),
            network_security_group: properties.network_security_group.and_then(|group| group.resource.id),
            route_table: properties.route_table.and_then(|table| table.resource.id),
            nat_gateway: properties.nat_gateway.and_then(|gateway| gateway.id),
            default_outbound_access: properties.default_outbound_access,
            delegations: properties
                .delegations
                .into_iter()
                .filter_map(|delegation| delegation.properties?.service_name)
                .collect(),
            service_links: linked.collect(),
            service_endpoints: properties
                .service_endpoints
                .into_iter()
                .filter_map(|endpoint| endpoint.service)
                .collect(),
            ip_configurations: properties.ip_configurations.len(),
            private_link_service_network_policies: text(properties.private_link_service_network_policies),
            private_endpoint_network_policies: text(properties.private_endpoint_network_policies),
            provisioning_state: text(properties.provisioning_state),
        }
    }
}

impl From<legacy::LoadBalancer> for LoadBalancer {
    fn from(from: legacy::LoadBalancer) -> Self {
        let (resource, properties) = (from.resource, from.properties.unwrap_or_default());
        Self {
            id: resource.id.unwrap_or_default(),
            name: resource.name.unwrap_or_default(),
            location: resource.location.unwrap_or_default(),
            tags: tags(resource.tags),
            sku: text(from.sku.and_then(|sku| sku.name)),
            frontend_ip_configurations: each(properties.frontend_ip_configurations),
            backend_address_pools: each(properties.backend_address_pools),
            load_balancing_rules: properties.load_balancing_rules.into_iter().filter_map(balancing_rule).collect(),
            probes: properties.probes.into_iter().filter_map(probe).collect(),
            outbound_rules: properties.outbound_rules.into_iter().filter_map(outbound_rule).collect(),
            provisioning_state: text(properties.provisioning_state),
        }
    }
}

impl From<legacy::FrontendIpConfiguration> for FrontendIp {
    fn from(from: legacy::FrontendIpConfiguration) -> Self {
        let properties = from.properties.unwrap_or_default();
        Self {
            id: from.sub_resource.id.unwrap_or_default(),
            name: from.name.unwrap_or_default(),
            private_ip_address: properties.private_ip_address,
            public_ip_address: properties.public_ip_address.and_then(|address| address.resource.id),
            subnet: properties.subnet.and_then(|subnet| subnet.sub_resource.id),
        }
    }
}

impl From<legacy::BackendAddressPool> for BackendPool {
    fn from(from: legacy::BackendAddressPool) -> Self {
        let members = from.properties.map(|properties| properties.backend_ip_configurations).unwrap_or_default();
        Self {
            id: from.sub_resource.id.unwrap_or_default(),
            name: from.name.unwrap_or_default(),
            backend_ip_configurations: ids(members.into_iter().map(|member| member.sub_resource)),
        }
    }
}

// A rule or probe without properties is a bare reference and says nothing; the three below leave it out.

fn balancing_rule(from: legacy::LoadBalancingRule) -> Option<LoadBalancingRule> {
    let properties = from.properties?;
    let single = properties.backend_address_pool.and_then(|pool| pool.id);
    Some(LoadBalancingRule {
        id: from.sub_resource.id.unwrap_or_default(),
        name: from.name.unwrap_or_default(),
        protocol: word(properties.protocol),
        frontend_port: properties.frontend_port,
        backend_port: properties.backend_port,
        frontend_ip_configuration: properties.frontend_ip_configuration.and_then(|frontend| frontend.id),
        backend_address_pools: merged(single, ids(properties.backend_address_pools)),
        probe: properties.probe.and_then(|probe| probe.id),
        idle_timeout_in_minutes: properties.idle_timeout_in_minutes,
        enable_floating_ip: properties.enable_floating_ip,
        disable_outbound_snat: properties.disable_outbound_snat,
    })
}

fn probe(from: legacy::Probe) -> Option<Probe> {
    let properties = from.properties?;
    Some(Probe {
        id: from.sub_resource.id.unwrap_or_default(),
        name: from.name.unwrap_or_default(),
        protocol: word(properties.protocol),
        port: properties.port,
        request_path: properties.request_path,
    })
}

fn outbound_rule(from: legacy::OutboundRule) -> Option<OutboundRule> {
    let properties = from.properties?;
    Some(OutboundRule {
        id: from.sub_resource.id.unwrap_or_default(),
        name: from.name.unwrap_or_default(),
        protocol: word(properties.protocol),
        allocated_outbound_ports: properties.allocated_outbound_ports,
        idle_timeout_in_minutes: properties.idle_timeout_in_minutes,
        enable_tcp_reset: properties.enable_tcp_reset,
        frontend_ip_configurations: ids(properties.frontend_ip_configurations),
        backend_address_pool: properties.backend_address_pool.id,
    })
}

impl From<legacy::PublicIpAddress> for PublicIp {
    fn from(from: legacy::PublicIpAddress) -> Self {
        let (resource, properties) = (from.resource, from.properties.map(|properties| *properties).unwrap_or_default());
        Self {
            id: resource.id.unwrap_or_default(),
            name: resource.name.unwrap_or_default(),
            location: resource.location.unwrap_or_default(),
            tags: tags(resource.tags),
            sku: text(from.sku.and_then(|sku| sku.name)),
            ip_address: properties.ip_address,
            ip_version: text(properties.public_ip_address_version),
            allocation_method: text(properties.public_ip_allocation_method),
            ip_configuration: properties.ip_configuration.and_then(|configuration| configuration.sub_resource.id),
            nat_gateway: properties.nat_gateway.and_then(|gateway| gateway.resource.id),
            idle_timeout_in_minutes: properties.idle_timeout_in_minutes,
            provisioning_state: text(properties.provisioning_state),
        }
    }
}

impl From<legacy::NatGateway> for NatGateway {
    fn from(from: legacy::NatGateway) -> Self {
        let (resource, properties) = (from.resource, from.properties.unwrap_or_default());
        Self {
            id: resource.id.unwrap_or_default(),
            name: resource.name.unwrap_or_default(),
            location: resource.location.unwrap_or_default(),
            tags: tags(resource.tags),
            sku: text(from.sku.and_then(|sku| sku.name)),
            public_ip_addresses: ids(properties.public_ip_addresses),
            public_ip_prefixes: ids(properties.public_ip_prefixes),
            subnets: ids(properties.subnets),
            idle_timeout_in_minutes: properties.idle_timeout_in_minutes,
            provisioning_state: text(properties.provisioning_state),
        }
    }
}

impl From<legacy::RouteTable> for RouteTable {
    fn from(from: legacy::RouteTable) -> Self {
        let (resource, properties) = (from.resource, from.properties.unwrap_or_default());
        Self {
            id: resource.id.unwrap_or_default(),
            name: resource.name.unwrap_or_default(),
            location: resource.location.unwrap_or_default(),
            tags: tags(resource.tags),
            routes: properties.routes.into_iter().filter_map(route).collect(),
            subnets: ids(properties.subnets.into_iter().map(|subnet| subnet.sub_resource)),
            disable_bgp_route_propagation: properties.disable_bgp_route_propagation,
            provisioning_state: text(properties.provisioning_state),
        }
    }
}

fn route(from: legacy::Route) -> Option<Route> {
    let properties = from.properties?;
    Some(Route {
        id: from.sub_resource.id.unwrap_or_default(),
        name: from.name.unwrap_or_default(),
        address_prefix: properties.address_prefix,
        next_hop_type: word(properties.next_hop_type),
        next_hop_ip_address: properties.next_hop_ip_address,
    })
}

/// Tags whose values are text; ARM knows no others.
pub(crate) fn tags(tags: Option<Value>) -> Tags {
    let Some(Value::Object(tags)) = tags else {
        return Tags::new();
    };
    tags.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect()
}

fn each<A, B: From<A>>(all: Vec<A>) -> Vec<B> {
    all.into_iter().map(B::from).collect()
}

fn ids(all: impl IntoIterator<Item = legacy::SubResource>) -> Vec<String> {
    all.into_iter().filter_map(|one| one.id).collect()
}

fn group_ids(groups: Vec<legacy::ApplicationSecurityGroup>) -> Vec<String> {
    groups.into_iter().filter_map(|group| group.resource.id).collect()
}

/// The single form and the plural form of one property. Azure fills the one that was written, or both alike.
fn merged(single: Option<String>, mut many: Vec<String>) -> Vec<String> {
    if let Some(single) = single.filter(|single| !single.is_empty() && !many.contains(single)) {
        many.insert(0, single);
    }
    many
}

/// A legacy enumeration's value as Azure wrote it; unknown values come through unchanged.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn text(value: Option<impl Serialize>) -> Option<String> {
    value.map(word)
}
