//! The subnets in which a hosted cluster's workers run.

use facts::{ArmId, Gap};

use crate::view::View;

/// A subnet and who names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerSubnet {
    /// Its ARM id.
    pub(crate) id: ArmId,
    /// `HostedCluster prod`, `NodePool a` …, in that order.
    pub(crate) users: Vec<String>,
}

/// The HostedCluster's subnet and those of its NodePools, each once. NodePools that are being deleted do not count.
///
/// The second value is the gap of NodePools that could not be read; then the list holds the HostedCluster's subnet alone.
///
/// # Errors
/// The gap of a HostedCluster that could not be read.
pub(crate) fn subnets(view: &View<'_>) -> Result<(Vec<WorkerSubnet>, Option<Gap>), Gap> {
    let cluster = view.cluster()?;
    let mut list = vec![WorkerSubnet {
        id: cluster.azure.subnet_id.clone(),
        users: vec![format!("HostedCluster {}", cluster.name)],
    }];
    let pools = match view.node_pools() {
        Ok(pools) => pools,
        Err(gap) => return Ok((list, Some(gap))),
    };
    for pool in pools.iter().filter(|pool| pool.deleted_at.is_none()) {
        let Some(id) = &pool.subnet_id else { continue };
        let user = format!("NodePool {}", pool.name);
        match list.iter_mut().find(|subnet| subnet.id == *id) {
            Some(subnet) => subnet.users.push(user),
            None => list.push(WorkerSubnet { id: id.clone(), users: vec![user] }),
        }
    }
    Ok((list, None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::{Fact, GapKind};

    use super::*;
    use crate::testkit::*;

    #[test]
    fn each_subnet_once_with_its_users() {
        let mut facts = healthy();
        let mut same = node_pool("same");
        same.subnet_id = Some(subnet_id().to_string().to_uppercase().into());
        let mut other = node_pool("other");
        other.subnet_id = Some(vnet_id().child("subnets", "gpu"));
        let mut leaving = node_pool("leaving");
        leaving.subnet_id = Some(vnet_id().child("subnets", "old"));
        leaving.deleted_at = Some(minutes_ago(1));
        facts.hosted.node_pools = Fact::Known(vec![same, other, leaving]);
        let (list, gap) = subnets(&View::new(&facts)).unwrap();
        assert_eq!(gap, None);
        let users: Vec<_> = list.iter().map(|subnet| subnet.users.join("+")).collect();
        assert_eq!(users, ["HostedCluster prod+NodePool same", "NodePool other"]);
    }

    #[test]
    fn unreadable_node_pools_leave_the_clusters_subnet() {
        let mut facts = healthy();
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        let (list, gap) = subnets(&View::new(&facts)).unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!(gap.unwrap().kind, GapKind::Denied);
    }
}
