//! ARM's resources as facts.

use arm::model;
use facts::azure::{
    FederatedCredential, Identity, Permission, ResourceGroup, RoleAssignment, RoleDefinition, Subscription,
};
use facts::network::{
    Access, BackendMember, BalancingRule, Direction, Frontend, HealthProbe, LoadBalancer, NatGateway, Nsg, NsgRule,
    OutboundRule, Peering, PublicIp, Route, RouteTable, Subnet, Vnet,
};
use facts::{ArmId, Fact};

use super::gap_of;

/// An answer as a fact: "not found" is absence, any other failure a gap.
pub(crate) fn fact<T, U>(answer: arm::Result<Option<T>>, convert: impl FnOnce(T) -> U) -> Fact<U> {
    match answer {
        Ok(Some(value)) => Fact::Known(convert(value)),
        Ok(None) => Fact::Absent,
        Err(error) => Fact::Unreadable(gap_of(&error)),
    }
}

/// The id as the ARM client takes it; none for a text that is no id.
pub(crate) fn arm_id(id: &ArmId) -> Option<arm::ArmId> {
    arm::ArmId::parse(id.as_str()).ok()
}

fn ids(texts: Vec<String>) -> Vec<ArmId> {
    texts.into_iter().map(ArmId::new).collect()
}

/// The last name in the id of a part of a resource.
fn last_name(id: &str) -> String {
    ArmId::from(id).name().unwrap_or_default().to_owned()
}

pub(super) fn subscription(from: model::Subscription) -> Subscription {
    Subscription { id: from.subscription_id, name: from.display_name, state: from.state, tenant_id: from.tenant_id }
}

pub(super) fn resource_group(from: model::ResourceGroup) -> ResourceGroup {
    ResourceGroup {
        id: ArmId::new(from.id),
        name: from.name,
        location: from.location,
        tags: from.tags.into_iter().collect(),
    }
}

pub(super) fn identity(from: model::Identity) -> Identity {
    Identity {
        id: ArmId::new(from.id),
        name: from.name,
        location: from.location,
        client_id: from.client_id.unwrap_or_default(),
        principal_id: from.principal_id.unwrap_or_default(),
        tenant_id: from.tenant_id.unwrap_or_default(),
        federated: Fact::default(),
    }
}

pub(super) fn federated(from: model::FederatedCredential) -> FederatedCredential {
    FederatedCredential { name: from.name, issuer: from.issuer, subject: from.subject, audiences: from.audiences }
}

pub(crate) fn role_assignment(from: model::RoleAssignment) -> RoleAssignment {
    RoleAssignment {
        id: ArmId::new(from.id),
        principal_id: from.principal_id,
        principal_type: from.principal_type,
        role_definition_id: ArmId::new(from.role_definition_id),
        scope: from.scope,
        created_on: from.created_on.and_then(|time| time.parse().ok()),
    }
}

pub(super) fn role_definition(from: model::RoleDefinition) -> RoleDefinition {
    RoleDefinition {
        guid: last_name(&from.id).to_ascii_lowercase(),
        name: from.role_name,
        built_in: from.role_type.as_deref() == Some("BuiltInRole"),
        permissions: from.permissions.into_iter().map(permission).collect(),
    }
}

pub(crate) fn permission(from: model::Permission) -> Permission {
    Permission {
        actions: from.actions,
        not_actions: from.not_actions,
        data_actions: from.data_actions,
        not_data_actions: from.not_data_actions,
    }
}

pub(crate) fn vnet(from: model::VirtualNetwork) -> Vnet {
    Vnet {
        id: ArmId::new(from.id),
        location: from.location,
        address_prefixes: from.address_prefixes,
        provisioning_state: from.provisioning_state,
        subnets: from.subnets.into_iter().map(subnet).collect(),
        peerings: Fact::Known(from.peerings.into_iter().map(peering).collect()),
    }
}

fn peering(from: model::Peering) -> Peering {
    Peering {
        name: from.name,
        remote_id: from.remote_virtual_network.map(ArmId::new),
        remote_prefixes: from.remote_address_prefixes,
        state: from.state,
    }
}

fn subnet(from: model::Subnet) -> Subnet {
    Subnet {
        id: ArmId::new(from.id),
        name: from.name,
        address_prefixes: from.address_prefixes,
        provisioning_state: from.provisioning_state,
        nsg_id: from.network_security_group.map(ArmId::new),
        route_table_id: from.route_table.map(ArmId::new),
        nat_gateway_id: from.nat_gateway.map(ArmId::new),
        default_outbound_access: from.default_outbound_access,
        delegations: from.delegations,
        private_link_service_network_policies: from.private_link_service_network_policies,
        ip_configurations: Fact::Known(from.ip_configurations),
    }
}

pub(super) fn nsg(from: model::NetworkSecurityGroup) -> Nsg {
    let custom = from.security_rules.into_iter().map(|rule| nsg_rule(rule, false));
    let default = from.default_security_rules.into_iter().map(|rule| nsg_rule(rule, true));
    Nsg { id: ArmId::new(from.id), location: from.location, rules: custom.chain(default).collect() }
}

fn nsg_rule(from: model::SecurityRule, is_default: bool) -> NsgRule {
    NsgRule {
        name: from.name,
        priority: from.priority,
        direction: if from.direction.eq_ignore_ascii_case("inbound") {
            Direction::Inbound
        } else {
            Direction::Outbound
        },
        access: if from.access.eq_ignore_ascii_case("allow") { Access::Allow } else { Access::Deny },
        protocol: from.protocol,
        source_prefixes: from.source_address_prefixes,
        source_ports: from.source_port_ranges,
        destination_prefixes: from.destination_address_prefixes,
        destination_ports: from.destination_port_ranges,
        source_asgs: ids(from.source_application_security_groups),
        destination_asgs: ids(from.destination_application_security_groups),
        is_default,
    }
}

pub(super) fn route_table(from: model::RouteTable) -> RouteTable {
    let routes = from
        .routes
        .into_iter()
        .map(|route| Route {
            name: route.name,
            address_prefix: route.address_prefix.unwrap_or_default(),
            next_hop_type: route.next_hop_type,
            next_hop_ip: route.next_hop_ip_address,
        })
        .collect();
    RouteTable { id: ArmId::new(from.id), routes }
}

pub(super) fn nat_gateway(from: model::NatGateway) -> NatGateway {
    NatGateway {
        id: ArmId::new(from.id),
        provisioning_state: from.provisioning_state,
        public_ip_ids: ids(from.public_ip_addresses),
        public_ip_prefix_ids: ids(from.public_ip_prefixes),
    }
}

pub(crate) fn load_balancer(from: model::LoadBalancer) -> LoadBalancer {
    let members = from.backend_address_pools.iter().flat_map(|pool| {
        pool.backend_ip_configurations
            .iter()
            .map(|id| BackendMember { pool: pool.name.clone(), ip_configuration_id: ArmId::new(id.as_str()) })
    });
    let balancing_rules = from.load_balancing_rules.iter().filter_map(|rule| balancing_rule(rule, &from.probes));
    LoadBalancer {
        members: Fact::Known(members.collect()),
        balancing_rules: Fact::Known(balancing_rules.collect()),
        id: ArmId::new(from.id),
        location: from.location,
        sku: from.sku,
        backend_pools: from.backend_address_pools.into_iter().map(|pool| pool.name).collect(),
        frontends: from
            .frontend_ip_configurations
            .into_iter()
            .map(|frontend| Frontend {
                name: frontend.name,
                public_ip_id: frontend.public_ip_address.map(ArmId::new),
                subnet_id: frontend.subnet.map(ArmId::new),
                private_ip: frontend.private_ip_address,
            })
            .collect(),
        outbound_rules: from
            .outbound_rules
            .into_iter()
            .map(|rule| OutboundRule {
                name: rule.name,
                backend_pool: rule.backend_address_pool.map(|id| last_name(&id)),
                frontends: rule.frontend_ip_configurations.iter().map(|id| last_name(id)).collect(),
                allocated_outbound_ports: rule.allocated_outbound_ports,
            })
            .collect(),
    }
}

/// A rule with its probe; none where a port is out of range, which Azure does not take.
fn balancing_rule(from: &model::LoadBalancingRule, probes: &[model::Probe]) -> Option<BalancingRule> {
    let frontend_port = u16::try_from(from.frontend_port).ok()?;
    let probe = from.probe.as_deref().map(ArmId::from).and_then(|id| {
        let probe = probes.iter().find(|probe| ArmId::from(probe.id.as_str()) == id)?;
        Some(HealthProbe { name: probe.name.clone(), port: u16::try_from(probe.port).ok()? })
    });
    Some(BalancingRule {
        name: from.name.clone(),
        protocol: from.protocol.clone(),
        frontend: from.frontend_ip_configuration.as_deref().map(last_name),
        frontend_port,
        backend_port: from.backend_port.map_or(Some(frontend_port), |port| u16::try_from(port).ok())?,
        floating_ip: from.enable_floating_ip.unwrap_or(false),
        probe,
    })
}

pub(super) fn public_ip(from: model::PublicIp) -> PublicIp {
    PublicIp { id: ArmId::new(from.id), ip_address: from.ip_address, sku: from.sku }
}
