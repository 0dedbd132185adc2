//! Capacity: what a hosted cluster needs of the limits of Azure, and how much more fits.
//!
//! One arithmetic serves the checks QT04 to QT08 and NW04, and the what-if: [`capacity`] takes a [`Wish`], the checks take
//! none. Where a number could not be read, its row says why, and the others stand.

mod demand;
mod plan_rows;
mod vm_rows;

use facts::{Facts, Gap, Need};
use serde::Serialize;

use crate::view::View;

pub(crate) use demand::{Demand, demands, is_planned};
pub(crate) use plan_rows::{network, roles};
pub(crate) use vm_rows::{Snat, snat, subnets, vcpus};

/// What would be asked for: the sizes of one NodePool, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The NodePool; none means each of them. A name that no NodePool has is a NodePool to be added.
    pub pool: Option<String>,
    /// So many nodes.
    pub replicas: Option<i32>,
    /// An autoscaler that may go up to so many nodes.
    pub max: Option<i32>,
    /// Machines of this size, all of them new. It must be among [`facts::quota::Quota::sizes`].
    pub vm_size: Option<String>,
}

/// What a cluster needs of each limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Capacity {
    /// A row for each limit.
    pub rows: Vec<CapacityRow>,
}

/// A limit, and what the cluster needs of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacityRow {
    /// What is limited.
    pub resource: Resource,
    /// Its name: a quota as Azure calls it, a subnet, a load balancer, an identity.
    pub name: String,
    /// Where it holds: a region of a subscription, a subscription, or an ARM id.
    pub scope: String,
    /// What [`Amounts::fits`] counts.
    pub unit: Unit,
    /// The numbers; none where they could not be read.
    #[serde(flatten)]
    pub amounts: Option<Amounts>,
    /// The NodePools that use it.
    pub pools: Vec<String>,
    /// Why there are no numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Gap>,
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    /// vCPUs of one family of sizes in a region.
    FamilyVcpus,
    /// vCPUs of all families in a region.
    RegionalVcpus,
    /// Addresses of a subnet.
    SubnetAddresses,
    /// Nodes that the SNAT ports of a load balancer serve.
    SnatNodes,
    /// Public IP addresses in a region.
    PublicIps,
    /// Load balancers in a region.
    LoadBalancers,
    /// Network security groups in a region.
    NetworkSecurityGroups,
    /// Virtual networks in a region.
    VirtualNetworks,
    /// Role assignments of a subscription.
    RoleAssignments,
    /// Federated identity credentials of an identity.
    FederatedCredentials,
}

/// What is counted that would fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Nodes of the largest size that uses the limit.
    Nodes,
    /// Hosted clusters like this one.
    Clusters,
}

/// The numbers of a limit, all in what it limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// What Azure gives at most.
    pub limit: i64,
    /// What is used now, by everybody.
    pub used: i64,
    /// What the cluster still needs to be what its objects ask for.
    pub need: i64,
    /// What would be used after the wish; without one, after `need`.
    pub after: i64,
    /// What rolling updates of all NodePools at once take besides.
    pub surge: i64,
    /// What would be used with every autoscaler at its maximum and all NodePools rolling out an update.
    pub peak: i64,
    /// How many more nodes or clusters fit after the wish.
    pub fits: i64,
}

impl Amounts {
    /// What is free now.
    pub fn free(&self) -> i64 {
        self.limit.saturating_sub(self.used).max(0)
    }

    /// Whether what the cluster still needs is not there.
    pub fn is_short(&self) -> bool {
        self.need > self.free()
    }

    /// Whether what rolling updates take is not there.
    pub fn is_short_of_surge(&self) -> bool {
        self.surge > 0 && self.need.saturating_add(self.surge) > self.free()
    }

    /// Whether autoscalers cannot reach their maximum.
    pub fn is_short_at_peak(&self) -> bool {
        self.peak > self.limit
    }

    /// How much of the limit is used after `need`, in percent; 100 of a limit of nothing.
    pub fn percent(&self) -> i64 {
        if self.limit <= 0 {
            return 100;
        }
        let percent = (i128::from(self.used) + i128::from(self.need)) * 100 / i128::from(self.limit);
        i64::try_from(percent).unwrap_or(i64::MAX)
    }
}

/// The facts that [`capacity`] reads.
pub const NEEDS: [Need; 9] = [
    Need::HostedCluster,
    Need::NodePools,
    Need::Machines,
    Need::ClusterApi,
    Need::Skus,
    Need::Usages,
    Need::Network,
    Need::Identities,
    Need::FederatedCredentials,
];

/// What the cluster needs of each limit, with a wish or (by default) as it is.
pub fn capacity(facts: &Facts, wish: &Wish) -> Capacity {
    let view = View::new(facts);
    let mut rows = Vec::new();
    let mut take = |resource, unit, found: Result<Vec<CapacityRow>, Gap>| match found {
        Ok(found) => rows.extend(found),
        Err(gap) => rows.push(CapacityRow::unknown(resource, unit, "", "", gap)),
    };
    let demands = demands(&view, wish);
    let demands = || demands.as_deref().map_err(Gap::clone);
    take(Resource::RegionalVcpus, Unit::Nodes, demands().and_then(|demands| vcpus(&view, demands)));
    take(Resource::SubnetAddresses, Unit::Nodes, demands().and_then(|demands| subnets(&view, demands)));
    let snat_rows = demands().and_then(|demands| snat(&view, demands)).map(|found| match found {
        Snat::Limited(row) => vec![*row],
        Snat::Unlimited(_) => Vec::new(),
    });
    take(Resource::SnatNodes, Unit::Nodes, snat_rows);
    take(Resource::PublicIps, Unit::Clusters, network(&view));
    take(Resource::RoleAssignments, Unit::Clusters, roles(&view).map(|row| vec![row]));
    take(Resource::FederatedCredentials, Unit::Clusters, plan_rows::federated(&view));
    Capacity { rows }
}

impl CapacityRow {
    pub(crate) fn known(
        resource: Resource,
        unit: Unit,
        name: impl Into<String>,
        scope: impl Into<String>,
        amounts: Amounts,
    ) -> Self {
        let (name, scope) = (name.into(), scope.into());
        Self { resource, unit, name, scope, amounts: Some(amounts), pools: Vec::new(), unknown: None }
    }

    pub(crate) fn unknown(
        resource: Resource,
        unit: Unit,
        name: impl Into<String>,
        scope: impl Into<String>,
        gap: Gap,
    ) -> Self {
        let (name, scope) = (name.into(), scope.into());
        Self { resource, unit, name, scope, amounts: None, pools: Vec::new(), unknown: Some(gap) }
    }

    pub(crate) fn of_pools(mut self, pools: Vec<String>) -> Self {
        self.pools = pools;
        self
    }
}

#[cfg(test)]
mod tests;
