//! Private link services, private endpoints, private DNS zones.

use serde::{Deserialize, Serialize};

use super::Tags;
use super::wire::{Envelope, null_is_empty};

/// A private link service (api-version 2024-03-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateLinkService {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// The name by which endpoints of other tenants ask for it.
    pub alias: Option<String>,
    /// The subscriptions that may see it; `*` is everybody.
    pub visibility: Vec<String>,
    /// The subscriptions whose endpoints it takes without asking; `*` is everybody.
    pub auto_approval: Vec<String>,
    /// The ids of the load balancer frontends that it stands for.
    pub frontends: Vec<String>,
    /// The ids of the subnets that its NAT addresses come from.
    pub nat_subnets: Vec<String>,
    /// The ids of its network interfaces.
    pub network_interfaces: Vec<String>,
    /// The endpoints that use it or ask for it.
    pub connections: Vec<PrivateLinkConnection>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A connection between a private endpoint and a private link service, seen from either end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateLinkConnection {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The id of the private endpoint, seen from the service.
    pub private_endpoint: Option<String>,
    /// The id or the alias of the service, seen from the endpoint.
    pub private_link_service: Option<String>,
    /// `Approved`, `Pending`, `Rejected` or `Disconnected`.
    pub status: Option<String>,
    /// Why it was approved or rejected.
    pub description: Option<String>,
}

/// A private endpoint (api-version 2024-03-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateEndpoint {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// The id of the subnet that its address comes from.
    pub subnet: Option<String>,
    /// The ids of its network interfaces.
    pub network_interfaces: Vec<String>,
    /// Its connections: those that were asked for, and those that the caller's own rights allowed.
    pub connections: Vec<PrivateLinkConnection>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A private DNS zone (api-version 2024-06-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateDnsZone {
    /// The resource id.
    pub id: String,
    /// The name of the zone.
    pub name: String,
    /// Always `global`.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// A link of a private DNS zone to a virtual network (api-version 2024-06-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualNetworkLink {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Always `global`.
    pub location: String,
    /// The id of the virtual network.
    pub virtual_network: Option<String>,
    /// `Completed` when the zone's names resolve in the network, else `InProgress`.
    pub state: Option<String>,
    /// Whether the names of virtual machines are entered by themselves.
    pub registration_enabled: Option<bool>,
    /// `Default`, or `NxDomainRedirect` when names that the zone lacks are looked up outside.
    #[serde(default)]
    pub resolution_policy: Option<String>,
    /// `Succeeded`, `Updating`, `Deleting` or `Failed`.
    pub provisioning_state: Option<String>,
}

/// An A record set of a private DNS zone (api-version 2024-06-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateARecord {
    /// The resource id.
    pub id: String,
    /// The name in the zone, as `*.apps`.
    pub name: String,
    /// The addresses.
    pub addresses: Vec<String>,
    /// How many seconds resolvers keep it.
    pub ttl: Option<u64>,
}

/// A reference to another resource.
#[derive(Debug, Default, Deserialize)]
struct Reference {
    id: Option<String>,
}

fn ids(all: Vec<Reference>) -> Vec<String> {
    all.into_iter().filter_map(|one| one.id).collect()
}

#[derive(Debug, Default, Deserialize)]
struct Subscriptions {
    #[serde(default, deserialize_with = "null_is_empty")]
    subscriptions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct WithSubnet {
    subnet: Option<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrivateLinkServiceWire {
    alias: Option<String>,
    visibility: Option<Subscriptions>,
    auto_approval: Option<Subscriptions>,
    #[serde(default, deserialize_with = "null_is_empty")]
    load_balancer_frontend_ip_configurations: Vec<Reference>,
    #[serde(default, deserialize_with = "null_is_empty")]
    ip_configurations: Vec<Envelope<WithSubnet>>,
    #[serde(default, deserialize_with = "null_is_empty")]
    private_endpoint_connections: Vec<Envelope<ConnectionWire>>,
    #[serde(default, deserialize_with = "null_is_empty")]
    network_interfaces: Vec<Reference>,
    provisioning_state: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionWire {
    private_endpoint: Option<Reference>,
    private_link_service_id: Option<String>,
    private_link_service_connection_state: Option<ConnectionState>,
}

#[derive(Debug, Default, Deserialize)]
struct ConnectionState {
    status: Option<String>,
    description: Option<String>,
}

impl From<Envelope<ConnectionWire>> for PrivateLinkConnection {
    fn from(wire: Envelope<ConnectionWire>) -> Self {
        let state = wire.properties.private_link_service_connection_state.unwrap_or_default();
        Self {
            id: wire.id,
            name: wire.name,
            private_endpoint: wire.properties.private_endpoint.and_then(|endpoint| endpoint.id),
            private_link_service: wire.properties.private_link_service_id,
            status: state.status,
            description: state.description,
        }
    }
}

impl From<Envelope<PrivateLinkServiceWire>> for PrivateLinkService {
    fn from(wire: Envelope<PrivateLinkServiceWire>) -> Self {
        let properties = wire.properties;
        let subnets = properties.ip_configurations.into_iter().filter_map(|own| own.properties.subnet);
        Self {
            id: wire.id,
            name: wire.name,
            location: wire.location,
            tags: wire.tags,
            alias: properties.alias,
            visibility: properties.visibility.unwrap_or_default().subscriptions,
            auto_approval: properties.auto_approval.unwrap_or_default().subscriptions,
            frontends: ids(properties.load_balancer_frontend_ip_configurations),
            nat_subnets: ids(subnets.collect()),
            network_interfaces: ids(properties.network_interfaces),
            connections: properties.private_endpoint_connections.into_iter().map(Into::into).collect(),
            provisioning_state: properties.provisioning_state,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrivateEndpointWire {
    subnet: Option<Reference>,
    #[serde(default, deserialize_with = "null_is_empty")]
    network_interfaces: Vec<Reference>,
    #[serde(default, deserialize_with = "null_is_empty")]
    manual_private_link_service_connections: Vec<Envelope<ConnectionWire>>,
    #[serde(default, deserialize_with = "null_is_empty")]
    private_link_service_connections: Vec<Envelope<ConnectionWire>>,
    provisioning_state: Option<String>,
}

impl From<Envelope<PrivateEndpointWire>> for PrivateEndpoint {
    fn from(wire: Envelope<PrivateEndpointWire>) -> Self {
        let properties = wire.properties;
        let asked = properties.manual_private_link_service_connections.into_iter();
        Self {
            id: wire.id,
            name: wire.name,
            location: wire.location,
            tags: wire.tags,
            subnet: properties.subnet.and_then(|subnet| subnet.id),
            network_interfaces: ids(properties.network_interfaces),
            connections: asked.chain(properties.private_link_service_connections).map(Into::into).collect(),
            provisioning_state: properties.provisioning_state,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrivateDnsZoneWire {
    provisioning_state: Option<String>,
}

impl From<Envelope<PrivateDnsZoneWire>> for PrivateDnsZone {
    fn from(wire: Envelope<PrivateDnsZoneWire>) -> Self {
        let provisioning_state = wire.properties.provisioning_state;
        Self { id: wire.id, name: wire.name, location: wire.location, tags: wire.tags, provisioning_state }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VirtualNetworkLinkWire {
    virtual_network: Option<Reference>,
    virtual_network_link_state: Option<String>,
    registration_enabled: Option<bool>,
    resolution_policy: Option<String>,
    provisioning_state: Option<String>,
}

impl From<Envelope<VirtualNetworkLinkWire>> for VirtualNetworkLink {
    fn from(wire: Envelope<VirtualNetworkLinkWire>) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            location: wire.location,
            virtual_network: wire.properties.virtual_network.and_then(|network| network.id),
            state: wire.properties.virtual_network_link_state,
            registration_enabled: wire.properties.registration_enabled,
            resolution_policy: wire.properties.resolution_policy,
            provisioning_state: wire.properties.provisioning_state,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrivateARecordWire {
    ttl: Option<u64>,
    #[serde(default, deserialize_with = "null_is_empty")]
    a_records: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct Address {
    #[serde(rename = "ipv4Address")]
    ipv4: Option<String>,
}

impl From<Envelope<PrivateARecordWire>> for PrivateARecord {
    fn from(wire: Envelope<PrivateARecordWire>) -> Self {
        let addresses = wire.properties.a_records.into_iter().filter_map(|address| address.ipv4).collect();
        Self { id: wire.id, name: wire.name, addresses, ttl: wire.properties.ttl }
    }
}
