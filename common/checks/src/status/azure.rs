//! The Azure side: identities, their federated credentials, the way out, and the resource group.

use facts::catalogue::{AUDIENCE, COMPONENTS, Component};
use facts::hosted::HostedCluster;
use facts::network::Subnet;
use facts::{ArmId, Gap, GapKind};

use super::{PoolStatus, Seen};
use crate::{View, federation, workers};

/// SNAT ports that Azure gives a load balancer for each public IP.
/// Source: Azure documentation, "Use Source Network Address Translation (SNAT) for outbound connections".
const PORTS_PER_IP: i64 = 64_000;

/// The Azure side of a hosted cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Azure {
    /// Client ids that are those of managed identities; none for a cluster without workload identities.
    pub identities: Seen<Option<Found>>,
    /// Federated credentials that Entra matches; none for a cluster without workload identities.
    pub federated: Seen<Option<Found>>,
    /// The way out of the workers.
    pub egress: Seen<Egress>,
    /// The managed resource group, and whether it is there.
    pub resource_group: Seen<(String, bool)>,
}

/// How many of the wanted things were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many are wanted.
    pub wanted: usize,
    /// Those that were not found.
    pub missing: Vec<String>,
}

impl Found {
    /// How many were found.
    pub fn found(&self) -> usize {
        self.wanted - self.missing.len()
    }
}

/// How workers reach the Internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Egress {
    /// By the outbound rule of the load balancer that carries the infra id.
    LoadBalancer {
        /// Its public IPs.
        ips: usize,
        /// SNAT ports per node; none when Azure divides them by the size of the pool.
        ports: Option<i64>,
        /// Nodes for which the ports are enough.
        capacity: Option<i64>,
        /// Nodes that use it; none when a node pool does not tell.
        nodes: Option<i64>,
    },
    /// By NAT gateways: ports are given on demand.
    NatGateway {
        /// Their names.
        names: Vec<String>,
    },
    /// By routes to an appliance or gateway.
    Route,
    /// None of these.
    None,
}

pub(super) fn of(view: &View<'_>, pools: Result<&[PoolStatus], &Gap>) -> Azure {
    let cluster = match view.cluster() {
        Ok(cluster) => cluster,
        Err(gap) => {
            let blocked = || Gap { kind: GapKind::Blocked, ..gap.clone() };
            return Azure {
                identities: Err(blocked()),
                federated: Err(blocked()),
                egress: Err(blocked()),
                resource_group: Err(blocked()),
            };
        }
    };
    let name = &cluster.azure.resource_group;
    Azure {
        identities: identities(view, cluster),
        federated: federated(view, cluster),
        egress: egress(view, cluster, pools),
        resource_group: view.resource_group(name).map(|group| (name.clone(), group.is_some())),
    }
}

/// The components that run and are named or needed, with the client id that is named.
fn members(cluster: &HostedCluster) -> Option<Vec<(&'static Component, Option<&str>)>> {
    let client_ids = cluster.workload_identities()?;
    let member = |component: &'static Component| {
        let client_id = client_ids.get(component.key).copied();
        (client_id.is_some() || cluster.requires(component)).then_some((component, client_id))
    };
    Some(COMPONENTS.iter().filter(|component| federation::runs(cluster, component)).filter_map(member).collect())
}

fn identities(view: &View<'_>, cluster: &HostedCluster) -> Seen<Option<Found>> {
    let Some(members) = members(cluster) else { return Ok(None) };
    let list = view.identities()?;
    let is_there = |id: &str| list.iter().any(|identity| identity.client_id.eq_ignore_ascii_case(id));
    let missing = members.iter().filter(|(_, id)| !id.is_some_and(is_there)).map(|(member, _)| member.key.to_owned());
    Ok(Some(Found { wanted: members.len(), missing: missing.collect() }))
}

fn federated(view: &View<'_>, cluster: &HostedCluster) -> Seen<Option<Found>> {
    let Some(members) = members(cluster) else { return Ok(None) };
    let list = view.identities()?;
    let mut found = Found::default();
    for (component, client_id) in members {
        let identity =
            list.iter().find(|identity| client_id.is_some_and(|id| identity.client_id.eq_ignore_ascii_case(id)));
        let credentials = match identity {
            Some(identity) => view.federated(identity)?.as_slice(),
            None => &[],
        };
        for wanted in component.credentials {
            let subject = wanted.subject();
            found.wanted += 1;
            let is_there = credentials.iter().any(|credential| {
                credential.subject == subject
                    && credential.issuer == cluster.issuer_url
                    && credential.audiences.iter().any(|audience| audience == AUDIENCE)
            });
            if !is_there {
                found.missing.push(format!("{} {}", component.key, wanted.service_account));
            }
        }
    }
    Ok(Some(found))
}

fn egress(view: &View<'_>, cluster: &HostedCluster, pools: Result<&[PoolStatus], &Gap>) -> Seen<Egress> {
    let (subnets, gap) = workers::subnets(view)?;
    if let Some(gap) = gap {
        return Err(gap);
    }
    let mut by_balancer: Vec<ArmId> = Vec::new();
    let mut gateways: Vec<String> = Vec::new();
    let mut routed = false;
    for worker in subnets {
        let Some(subnet) = view.subnet(&worker.id)? else { continue };
        match &subnet.nat_gateway_id {
            _ if is_routed(view, subnet)? => routed = true,
            Some(id) => gateways.extend(id.name().map(str::to_owned)),
            None => by_balancer.push(worker.id),
        }
    }
    gateways.sort_unstable();
    gateways.dedup();
    if by_balancer.is_empty() {
        return Ok(match (gateways.is_empty(), routed) {
            (false, _) => Egress::NatGateway { names: gateways },
            (true, true) => Egress::Route,
            (true, false) => Egress::None,
        });
    }
    let infra = &cluster.infra_id;
    let Some(balancer) = view.load_balancer(&cluster.egress_load_balancer())? else { return Ok(Egress::None) };
    let Some(rule) = balancer.outbound_rules.iter().find(|rule| rule.backend_pool.as_ref() == Some(infra)) else {
        return Ok(Egress::None);
    };
    let mut ips = 0;
    for frontend in balancer.frontends.iter().filter(|frontend| rule.frontends.contains(&frontend.name)) {
        if let Some(id) = &frontend.public_ip_id
            && view.public_ip(id)?.is_some()
        {
            ips += 1;
        }
    }
    if ips == 0 {
        return Ok(Egress::None);
    }
    let ports = rule.allocated_outbound_ports.filter(|ports| *ports > 0).map(i64::from);
    let capacity = ports.map(|ports| PORTS_PER_IP / ports * i64::try_from(ips).unwrap_or(1));
    Ok(Egress::LoadBalancer { ips, ports, capacity, nodes: nodes(pools.ok(), cluster, &by_balancer) })
}

/// The nodes of the pools in some subnets; none when one of the pools does not tell.
fn nodes(pools: Option<&[PoolStatus]>, cluster: &HostedCluster, subnets: &[ArmId]) -> Option<i64> {
    let uses = |pool: &&PoolStatus| subnets.contains(pool.subnet_id.as_ref().unwrap_or(&cluster.azure.subnet_id));
    pools?.iter().filter(uses).map(|pool| pool.ready.map(i64::from)).sum()
}

/// Whether a subnet's route for every address goes to an appliance or gateway.
fn is_routed(view: &View<'_>, subnet: &Subnet) -> Seen<bool> {
    let Some(id) = &subnet.route_table_id else { return Ok(false) };
    let table = view.route_table(id)?;
    Ok(table.is_some_and(|table| {
        table.routes.iter().any(|route| {
            route.address_prefix == "0.0.0.0/0"
                && matches!(route.next_hop_type.as_str(), "VirtualAppliance" | "VirtualNetworkGateway")
        })
    }))
}
