//! The limits that machines meet: vCPUs, addresses, SNAT ports.

use std::collections::BTreeMap;

use facts::quota::Usage;
use facts::{ArmId, Gap, GapKind};

use super::{Amounts, CapacityRow, Demand, Resource, Unit, is_planned};
use crate::view::View;

/// SNAT ports of each public IP of a load balancer.
///
/// Source: Azure documentation, "Use Source Network Address Translation (SNAT) for outbound connections".
const PORTS_PER_IP: i64 = 64_000;
/// SNAT ports for each node of the load balancer that is made with a cluster, which has one public IP.
///
/// Source: openshift/hypershift cmd/infra/azure.
const PORTS_PER_NODE: i64 = 1_024;
/// Azure's name of the quota of all vCPUs of a region.
const REGIONAL: &str = "cores";

/// A sum over NodePools of what one limit has to give.
#[derive(Default)]
struct Sum {
    need: i64,
    wanted: i64,
    growth: i64,
    surge: i64,
    per_node: i64,
    pools: Vec<String>,
}

impl Sum {
    fn add(&mut self, demand: &Demand, per_node: i64) {
        self.need = self.need.saturating_add(demand.missing.saturating_mul(per_node));
        self.wanted = self.wanted.saturating_add(demand.wanted.saturating_mul(per_node));
        self.growth = self.growth.saturating_add(demand.growth.saturating_mul(per_node));
        self.surge = self.surge.saturating_add(demand.surge.saturating_mul(per_node));
        self.per_node = self.per_node.max(per_node);
        self.pools.push(demand.pool.clone());
    }

    fn amounts(&self, used: i64, limit: i64) -> Amounts {
        let after = used.saturating_add(self.wanted);
        Amounts {
            limit,
            used,
            need: self.need,
            after,
            surge: self.surge,
            peak: used.saturating_add(self.growth).saturating_add(self.surge),
            fits: limit.saturating_sub(after).max(0) / self.per_node.max(1),
        }
    }
}

/// The vCPUs of the region: a row for each family of sizes that NodePools use, and one for all.
///
/// # Errors
/// The gap of the quotas.
pub(crate) fn vcpus(view: &View<'_>, demands: &[Demand]) -> Result<Vec<CapacityRow>, Gap> {
    let azure = &view.cluster()?.azure;
    let scope = format!("{} of subscription {}", azure.location, azure.subscription_id);
    let usages = view.compute_usages()?;
    let mut all = Sum::default();
    let mut families: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut blind = None;
    for demand in demands {
        let size = match view.vm_size(&demand.size) {
            Ok(Some(size)) => size
                .vcpus
                .map(|vcpus| (size.family.as_str(), vcpus))
                .ok_or_else(|| Gap::new(GapKind::Failed, format!("Azure does not tell the vCPUs of {}", demand.size))),
            Ok(None) => {
                Err(Gap::new(GapKind::Blocked, format!("{} does not offer the size {}", azure.location, demand.size)))
            }
            Err(gap) => Err(gap),
        };
        match size {
            Ok((family, vcpus)) => {
                families.entry(family).or_default().add(demand, vcpus);
                all.add(demand, vcpus);
            }
            Err(gap) => {
                rows.push(
                    CapacityRow::unknown(Resource::FamilyVcpus, Unit::Nodes, &demand.size, &scope, gap.clone())
                        .of_pools(vec![demand.pool.clone()]),
                );
                blind = Some(gap);
            }
        }
    }
    for (family, sum) in families {
        rows.push(row_of(usages, Resource::FamilyVcpus, family, &scope, &sum));
    }
    rows.push(match blind {
        Some(gap) => CapacityRow::unknown(Resource::RegionalVcpus, Unit::Nodes, REGIONAL, &scope, gap),
        None => row_of(usages, Resource::RegionalVcpus, REGIONAL, &scope, &all),
    });
    Ok(rows)
}

fn row_of(usages: &[Usage], resource: Resource, name: &str, scope: &str, sum: &Sum) -> CapacityRow {
    let row = match usages.iter().find(|usage| usage.name.eq_ignore_ascii_case(name)) {
        Some(usage) => {
            CapacityRow::known(resource, Unit::Nodes, &usage.name, scope, sum.amounts(usage.used, usage.limit))
        }
        None => {
            let gap = Gap::new(GapKind::Failed, format!("Azure lists no quota {name} in {scope}"));
            CapacityRow::unknown(resource, Unit::Nodes, name, scope, gap)
        }
    };
    row.of_pools(sum.pools.clone())
}

/// The addresses of each subnet that NodePools use. A subnet that is made together with a planned cluster has no row.
///
/// # Errors
/// The gap of the HostedCluster.
pub(crate) fn subnets(view: &View<'_>, demands: &[Demand]) -> Result<Vec<CapacityRow>, Gap> {
    let cluster = view.cluster()?;
    let mut by_subnet: BTreeMap<&ArmId, Sum> = BTreeMap::new();
    for demand in demands {
        by_subnet.entry(&demand.subnet).or_default().add(demand, 1);
    }
    let mut rows = Vec::new();
    for (id, mut sum) in by_subnet {
        let name = id.name().unwrap_or_default();
        // The private endpoint of the API server is made in the cluster's own subnet.
        if is_planned(cluster) && cluster.has_private_endpoint() && *id == cluster.azure.subnet_id {
            sum.need += 1;
            sum.wanted += 1;
            sum.growth += 1;
        }
        let found = match view.subnet_use(id) {
            Ok(Some(found)) if found.limit >= 0 => Ok(sum.amounts(found.used, found.limit)),
            Ok(Some(_)) => {
                Err(Gap::new(GapKind::Failed, format!("Azure does not tell the addresses of subnet {name}")))
            }
            Ok(None) if is_planned(cluster) => continue,
            Ok(None) => Err(Gap::new(GapKind::Blocked, format!("subnet {id} does not exist"))),
            Err(gap) => Err(gap),
        };
        let row = match found {
            Ok(amounts) => CapacityRow::known(Resource::SubnetAddresses, Unit::Nodes, name, id.as_str(), amounts),
            Err(gap) => CapacityRow::unknown(Resource::SubnetAddresses, Unit::Nodes, name, id.as_str(), gap),
        };
        rows.push(row.of_pools(sum.pools));
    }
    Ok(rows)
}

/// What limits the outbound connections of nodes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Snat {
    /// The ports that the load balancer gives to each node.
    Limited(Box<CapacityRow>),
    /// Nothing that counts nodes, and why.
    Unlimited(String),
}

/// The nodes that the load balancer of a cluster gives SNAT ports to. Subnets with a NAT gateway do not use it.
///
/// # Errors
/// The gap of the network; one of kind "blocked" where there is no such way out.
pub(crate) fn snat(view: &View<'_>, demands: &[Demand]) -> Result<Snat, Gap> {
    let cluster = view.cluster()?;
    let id = cluster.egress_load_balancer();
    let mut sum = Sum::default();
    let mut have = 0;
    for demand in demands {
        let behind_gateway = view.subnet(&demand.subnet)?.is_some_and(|subnet| subnet.nat_gateway_id.is_some());
        if !behind_gateway {
            sum.add(demand, 1);
            have += demand.have;
        }
    }
    if sum.pools.is_empty() {
        return Ok(Snat::Unlimited("no NodePool goes out by the load balancer".into()));
    }
    let limit = match view.load_balancer(&id)? {
        Some(balancer) => {
            let blocked =
                |what: &str| Gap::new(GapKind::Blocked, format!("load balancer {} has {what}", cluster.infra_id));
            let rule = balancer
                .outbound_rules
                .iter()
                .find(|rule| rule.backend_pool.as_ref() == Some(&cluster.infra_id))
                .ok_or_else(|| blocked("no outbound rule for the nodes"))?;
            let ips = balancer
                .frontends
                .iter()
                .filter(|frontend| rule.frontends.contains(&frontend.name) && frontend.public_ip_id.is_some())
                .count();
            if ips == 0 {
                return Err(blocked("no public IP in its outbound rule"));
            }
            let Some(ports) = rule.allocated_outbound_ports.filter(|ports| *ports > 0) else {
                return Ok(Snat::Unlimited("Azure divides the SNAT ports by the number of nodes".into()));
            };
            PORTS_PER_IP * i64::try_from(ips).unwrap_or(1) / i64::from(ports)
        }
        None if is_planned(cluster) => PORTS_PER_IP / PORTS_PER_NODE,
        None => return Err(Gap::new(GapKind::Blocked, format!("load balancer {id} does not exist"))),
    };
    let row =
        CapacityRow::known(Resource::SnatNodes, Unit::Nodes, &cluster.infra_id, id.as_str(), sum.amounts(have, limit));
    Ok(Snat::Limited(Box::new(row.of_pools(sum.pools))))
}
