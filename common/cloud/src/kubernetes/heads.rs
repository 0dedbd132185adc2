//! Every hosted cluster of a management cluster with its NodePools, from two lists.

use facts::hosted::{HostedCluster, NodePool};
use facts::{Fact, Gap, GapKind, Target};
use kube::api::ListParams;
use serde_json::Value;

use super::connection::{Connection, path};
use super::error::KubeError;
use super::objects;

const HYPERSHIFT: &str = "/apis/hypershift.openshift.io/v1beta1";

/// A hosted cluster as lists show it.
#[derive(Debug, Clone)]
pub struct Head {
    /// Which one.
    pub target: Target,
    /// The HostedCluster; unreadable when it is not understood.
    pub cluster: Fact<HostedCluster>,
    /// Its NodePools, sorted by name.
    pub node_pools: Fact<Vec<NodePool>>,
}

impl Connection {
    /// The HostedClusters of platform Azure in a namespace or in all, sorted by namespace and name, with their NodePools.
    ///
    /// # Errors
    /// [`KubeError`] when HostedClusters cannot be listed; NodePools that cannot be listed are gaps.
    pub async fn heads(&self, namespace: Option<&str>) -> Result<Vec<Head>, KubeError> {
        let list = async |plural: &str| self.list(&path(HYPERSHIFT, namespace, plural)?, ListParams::default()).await;
        let (clusters, pools) = futures::join!(list("hostedclusters"), list("nodepools"));
        let mut heads: Vec<Head> = clusters?
            .iter()
            .filter(|object| objects::platform(object).as_deref() == Some("Azure"))
            .filter_map(|object| {
                let target = objects::target(object)?;
                let cluster = match objects::hosted_cluster(object) {
                    Ok(cluster) => Fact::Known(cluster),
                    Err(error) => Fact::Unreadable(Gap::new(GapKind::Failed, error.to_string())),
                };
                let node_pools = match &pools {
                    Ok(pools) => Fact::Known(pools_of(&target, pools)),
                    Err(error) => Fact::Unreadable(error.gap("list", "nodepools.hypershift.openshift.io", namespace)),
                };
                Some(Head { target, cluster, node_pools })
            })
            .collect();
        heads.sort_by_key(|head| head.target.to_string());
        Ok(heads)
    }
}

fn pools_of(target: &Target, pools: &[Value]) -> Vec<NodePool> {
    let own = pools.iter().filter(|object| objects::belongs_to(object, target));
    let mut own: Vec<NodePool> = own.filter_map(objects::node_pool).collect();
    own.sort_by(|a, b| a.name.cmp(&b.name));
    own
}
