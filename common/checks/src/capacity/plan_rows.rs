//! The limits that clusters meet: network resources of a region, role assignments, federated identity credentials.

use std::collections::BTreeSet;

use facts::catalogue::{COMPONENTS, MAX_FEDERATED_CREDENTIALS};
use facts::hosted::HostedCluster;
use facts::quota::Usage;
use facts::{Gap, GapKind};

use super::{Amounts, CapacityRow, Resource, Unit, is_planned};
use crate::judgement::Supply;
use crate::supply;
use crate::view::View;

/// Role assignments that a subscription holds at most; it cannot be raised.
///
/// Source: Azure documentation, "Azure subscription and service limits, quotas, and constraints".
const MAX_ROLE_ASSIGNMENTS: i64 = 4_000;

/// The names under which a quota is listed; a resource counts for each of them, so that the tightest decides.
const PUBLIC_IPS: [&str; 4] = [
    "StandardSkuPublicIpAddresses",
    "IPv4StandardSkuPublicIpAddresses",
    "StaticPublicIPAddresses",
    "PublicIPAddresses",
];
const LOAD_BALANCERS: [&str; 2] = ["StandardSkuLoadBalancers", "LoadBalancers"];
const SECURITY_GROUPS: [&str; 1] = ["NetworkSecurityGroups"];
const VNETS: [&str; 1] = ["VirtualNetworks"];

/// The network resources that a cluster is made of, in the quotas of its region.
///
/// # Errors
/// The gap of the HostedCluster, of the quotas, or of the network.
pub(crate) fn network(view: &View<'_>) -> Result<Vec<CapacityRow>, Gap> {
    let cluster = view.cluster()?;
    let azure = &cluster.azure;
    let scope = format!("{} of subscription {}", azure.location, azure.subscription_id);
    let usages = view.network_usages()?;
    let planned = is_planned(cluster);
    // What a cluster that exists stands on is there already, and what of it cannot be read does not matter.
    let missing = |found: Result<bool, Gap>| if planned { found.map(|is_there| i64::from(!is_there)) } else { Ok(0) };
    let balancer = missing(view.load_balancer(&cluster.egress_load_balancer()).map(|found| found.is_some()))?;
    let vnet = missing(view.vnet(&azure.vnet_id).map(|found| found.is_some()))?;
    let group = missing(view.nsg(&azure.security_group_id).map(|found| found.is_some()))?;
    // The way out, and the Service of the default ingress controller.
    let ips_per_cluster = 1 + i64::from(has_ingress(cluster));
    let refused = !planned && supply::is_refused(view, Supply::PublicIps);
    let ips = balancer * ips_per_cluster + i64::from(refused);
    let row = |resource, names: &[&str], need: i64, per_cluster: i64| {
        let tightest = usages
            .iter()
            .filter(|usage| names.iter().any(|name| usage.name.eq_ignore_ascii_case(name)))
            .min_by_key(|usage| usage.limit.saturating_sub(usage.used));
        match tightest {
            Some(Usage { name, used, limit, .. }) => {
                let after = used.saturating_add(need);
                let fits = limit.saturating_sub(after).max(0) / per_cluster;
                let amounts = Amounts { limit: *limit, used: *used, need, after, surge: 0, peak: after, fits };
                CapacityRow::known(resource, Unit::Clusters, name, &scope, amounts)
            }
            None => {
                let gap = Gap::new(GapKind::Failed, format!("Azure lists no quota {} in {scope}", names[0]));
                CapacityRow::unknown(resource, Unit::Clusters, names[0], &scope, gap)
            }
        }
    };
    Ok(vec![
        row(Resource::PublicIps, &PUBLIC_IPS, ips, ips_per_cluster),
        row(Resource::LoadBalancers, &LOAD_BALANCERS, balancer, 1),
        row(Resource::NetworkSecurityGroups, &SECURITY_GROUPS, group, 1),
        row(Resource::VirtualNetworks, &VNETS, vnet, 1),
    ])
}

/// Whether the cluster publishes its default ingress controller by a load balancer of Azure.
fn has_ingress(cluster: &HostedCluster) -> bool {
    !cluster.disabled_capabilities.iter().any(|capability| capability == "Ingress")
}

/// The role assignments of the subscription.
///
/// # Errors
/// The gap of the HostedCluster, of the count, or of the network, which tells whether the cluster's infrastructure is there.
pub(crate) fn roles(view: &View<'_>) -> Result<CapacityRow, Gap> {
    let cluster = view.cluster()?;
    let used = i64::try_from(view.role_assignment_count()?).unwrap_or(i64::MAX);
    let per_cluster = assignments(cluster);
    let balancer = view.load_balancer(&cluster.egress_load_balancer());
    let need = if is_planned(cluster) && balancer?.is_none() { per_cluster } else { 0 };
    let after = used.saturating_add(need);
    let fits = MAX_ROLE_ASSIGNMENTS.saturating_sub(after).max(0) / per_cluster.max(1);
    let amounts = Amounts { limit: MAX_ROLE_ASSIGNMENTS, used, need, after, surge: 0, peak: after, fits };
    let scope = format!("subscription {}", cluster.azure.subscription_id);
    Ok(CapacityRow::known(Resource::RoleAssignments, Unit::Clusters, "role assignments", scope, amounts))
}

/// How many role assignments a cluster like this one has: where resource groups coincide, so do they.
fn assignments(cluster: &HostedCluster) -> i64 {
    let mut distinct = BTreeSet::new();
    for component in COMPONENTS.iter().filter(|component| cluster.requires(component)) {
        for role in component.role.iter() {
            for scope in role.scopes.iter().filter_map(|scope| cluster.scope(*scope)) {
                distinct.insert((component.key, scope.key()));
            }
        }
    }
    i64::try_from(distinct.len()).unwrap_or(i64::MAX)
}

/// The federated identity credentials of each identity that the HostedCluster names.
///
/// # Errors
/// The gap of the HostedCluster or of the identities.
pub(super) fn federated(view: &View<'_>) -> Result<Vec<CapacityRow>, Gap> {
    let cluster = view.cluster()?;
    let Some(client_ids) = cluster.workload_identities() else { return Ok(Vec::new()) };
    let identities = view.identities()?;
    let limit = i64::try_from(MAX_FEDERATED_CREDENTIALS).unwrap_or(i64::MAX);
    let mut rows = Vec::new();
    for component in COMPONENTS.iter().filter(|component| cluster.requires(component)) {
        let own = client_ids
            .get(component.key)
            .and_then(|id| identities.iter().find(|identity| identity.client_id.eq_ignore_ascii_case(id)));
        let Some(identity) = own else { continue };
        let (resource, unit) = (Resource::FederatedCredentials, Unit::Clusters);
        rows.push(match view.federated(identity) {
            Ok(list) => {
                let used = i64::try_from(list.len()).unwrap_or(i64::MAX);
                let missing = component.credentials.iter().filter(|wanted| {
                    !list.iter().any(|own| own.subject == wanted.subject() && own.issuer == cluster.issuer_url)
                });
                let need = i64::try_from(missing.count()).unwrap_or(i64::MAX);
                let after = used.saturating_add(need);
                let per_cluster = i64::try_from(component.credentials.len()).unwrap_or(1).max(1);
                let fits = limit.saturating_sub(after).max(0) / per_cluster;
                let amounts = Amounts { limit, used, need, after, surge: 0, peak: after, fits };
                CapacityRow::known(resource, unit, &identity.name, identity.id.as_str(), amounts)
            }
            Err(gap) => CapacityRow::unknown(resource, unit, &identity.name, identity.id.as_str(), gap),
        });
    }
    Ok(rows)
}
