//! Collecting the private way to the API server.

use std::collections::{BTreeMap, BTreeSet};

use arm::{Arm, model};
use facts::hosted::HostedCluster;
use facts::private_link::{
    ARecord, AzurePrivateLinkService, LinkConnection, LinkService, PrivateEndpoint, PrivateLink, PrivateZone, ZoneLink,
};
use facts::{ArmId, Fact, Need};
use futures::future::join_all;

use super::Sources;
use crate::azure::{convert, gap_of};

/// Collects what is wanted of it; nothing is asked about a cluster with a public API server.
pub(super) async fn collect(sources: &Sources<'_>) -> PrivateLink {
    let wanted = [Need::PrivateLink, Need::PrivateEndpoints, Need::DnsZones];
    let (Ok(cluster), true) = (&sources.cluster, wanted.iter().any(|need| sources.wants(*need))) else {
        return PrivateLink::default();
    };
    if !cluster.has_private_endpoint() {
        return PrivateLink::default();
    }
    let operators = async {
        if sources.wants(Need::PrivateLink) {
            sources.kubernetes.private_link_operators().await
        } else {
            Fact::default()
        }
    };
    let (operators, vnets, chain) =
        futures::join!(operators, nat_vnets(sources, cluster), Box::pin(chain(sources, cluster)));
    PrivateLink { operators, vnets, ..chain }
}

/// The VNet of the NAT subnet that the HostedCluster names.
async fn nat_vnets(sources: &Sources<'_>, cluster: &HostedCluster) -> BTreeMap<String, Fact<facts::network::Vnet>> {
    let vnet = cluster.azure.nat_subnet_id.as_ref().and_then(ArmId::parent);
    match &sources.arm {
        Ok(arm) if sources.wants(Need::PrivateEndpoints) => {
            by_id(vnet, async |id| convert::fact(arm.vnet(&id).await, convert::vnet)).await
        }
        _ => BTreeMap::new(),
    }
}

/// The AzurePrivateLinkServices, and what they lead to in Azure.
async fn chain(sources: &Sources<'_>, cluster: &HostedCluster) -> PrivateLink {
    if !sources.exists() {
        return PrivateLink { services: Fact::Absent, ..PrivateLink::default() };
    }
    let services = sources.kubernetes.private_link_services(&sources.target.control_plane_namespace()).await;
    let (Ok(arm), Some(list)) = (&sources.arm, services.get()) else {
        return PrivateLink { services, ..PrivateLink::default() };
    };
    let ids = |of: fn(&AzurePrivateLinkService) -> Option<&ArmId>| -> BTreeSet<ArmId> {
        list.iter().filter_map(of).cloned().collect()
    };
    let endpoint_ids: BTreeSet<ArmId> = list.iter().map(|service| service.endpoint(cluster)).collect();
    let zone_ids: BTreeSet<ArmId> =
        list.iter().flat_map(|service| service.zones(cluster, list)).map(|zone| zone.id).collect();
    let link = async {
        if !sources.wants(Need::PrivateEndpoints) {
            return Default::default();
        }
        futures::join!(
            by_id(ids(|service| service.private_link_service_id.as_ref()), async |id| {
                convert::fact(arm.private_link_service(&id).await, link_service)
            }),
            by_id(endpoint_ids, async |id| convert::fact(arm.private_endpoint(&id).await, endpoint)),
            by_id(ids(|service| service.internal_load_balancer_id.as_ref()), async |id| {
                convert::fact(arm.load_balancer(&id).await, convert::load_balancer)
            }),
        )
    };
    let zones = async {
        if sources.wants(Need::DnsZones) {
            by_id(zone_ids, async |id| zone(arm, &id).await).await
        } else {
            BTreeMap::new()
        }
    };
    let ((link_services, endpoints, balancers), zones) = futures::join!(link, zones);
    PrivateLink { services, link_services, endpoints, balancers, zones, ..PrivateLink::default() }
}

/// Asks for each id at once. An id that is none cannot exist.
async fn by_id<T>(
    ids: impl IntoIterator<Item = ArmId>,
    ask: impl AsyncFn(arm::ArmId) -> Fact<T>,
) -> BTreeMap<String, Fact<T>> {
    join_all(ids.into_iter().map(async |id| {
        let fact = match convert::arm_id(&id) {
            Some(id) => ask(id).await,
            None => Fact::Absent,
        };
        (id.key(), fact)
    }))
    .await
    .into_iter()
    .collect()
}

/// A zone with its records and links, all asked for at once: without a zone the lists mean nothing.
async fn zone(arm: &Arm, id: &arm::ArmId) -> Fact<PrivateZone> {
    let (zone, records, links) =
        futures::join!(arm.private_dns_zone(id), arm.private_a_records(id), arm.virtual_network_links(id));
    convert::fact(zone, |zone| PrivateZone {
        id: ArmId::new(zone.id),
        name: zone.name,
        records: listed(records, |record| ARecord { name: record.name, addresses: record.addresses }),
        links: listed(links, |link| ZoneLink {
            name: link.name,
            vnet_id: link.virtual_network.map(ArmId::new),
            state: link.state,
        }),
    })
}

fn listed<T, U>(answer: arm::Result<Vec<T>>, convert: impl FnMut(T) -> U) -> Fact<Vec<U>> {
    match answer {
        Ok(list) => Fact::Known(list.into_iter().map(convert).collect()),
        Err(error) => Fact::Unreadable(gap_of(&error)),
    }
}

fn link_service(from: model::PrivateLinkService) -> LinkService {
    let ids = |texts: Vec<String>| texts.into_iter().map(ArmId::new).collect();
    LinkService {
        id: ArmId::new(from.id),
        location: from.location,
        provisioning_state: from.provisioning_state,
        visibility: from.visibility,
        auto_approval: from.auto_approval,
        nat_subnet_ids: ids(from.nat_subnets),
        frontend_ids: ids(from.frontends),
        connections: from
            .connections
            .into_iter()
            .map(|connection| LinkConnection {
                id: ArmId::new(connection.id),
                endpoint_id: connection.private_endpoint.map(ArmId::new),
                status: connection.status,
                description: connection.description.as_deref().map(facts::redact::text),
            })
            .collect(),
    }
}

fn endpoint(from: model::PrivateEndpoint) -> PrivateEndpoint {
    let (status, description) = match from.connections.into_iter().next() {
        Some(connection) => (connection.status, connection.description.as_deref().map(facts::redact::text)),
        None => (None, None),
    };
    PrivateEndpoint {
        id: ArmId::new(from.id),
        location: from.location,
        provisioning_state: from.provisioning_state,
        subnet_id: from.subnet.map(ArmId::new),
        status,
        description,
    }
}
