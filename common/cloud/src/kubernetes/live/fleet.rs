//! The management cluster as a host of hosted clusters, and the SecretProviderClasses of one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use facts::fleet::{ClusterOperator, MachineConfigPool, Node, Others, Resources, SecretProviderClass, StorageClass};
use facts::hosted::HostedCluster;
use facts::{Fact, Gap, GapKind, Target};
use kube::api::ListParams;
use serde_json::Value;

use super::{listed, sort};
use crate::kubernetes::connection::{Connection, path};
use crate::kubernetes::error::KubeError;
use crate::kubernetes::objects::{self, Neighbour};

const NODES: &str = "/api/v1/nodes";
const PODS: &str = "/api/v1/pods";
const CSI_NODES: &str = "/apis/storage.k8s.io/v1/csinodes";
const STORAGE_CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const CLUSTER_OPERATORS: &str = "/apis/config.openshift.io/v1/clusteroperators";
const MACHINE_CONFIG_POOLS: &str = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools";
const HOSTED_CLUSTERS: &str = "/apis/hypershift.openshift.io/v1beta1/hostedclusters";
const SECRET_PROVIDERS: &str = "/apis/secrets-store.csi.x-k8s.io/v1";

impl Connection {
    /// The nodes, with the Azure disks that each can have where the CSINodes may be read.
    pub(crate) async fn host_nodes(&self) -> Fact<Vec<Node>> {
        let read = async {
            let (nodes, slots) =
                futures::join!(self.list(NODES, ListParams::default()), self.list(CSI_NODES, ListParams::default()));
            let slots: BTreeMap<String, i64> =
                slots.unwrap_or_default().iter().filter_map(objects::disk_slots).collect();
            let mut nodes = listed(nodes, "nodes", None, |object| {
                let node = objects::host_node(object)?;
                Some(Node { disk_slots: slots.get(&node.name).copied(), ..node })
            });
            sort(&mut nodes, |node| node.name.clone());
            nodes
        };
        self.shared().nodes.or(Box::pin(read)).await
    }

    /// What the pods on each node request. Pods are read page by page, and only the sums are kept.
    pub(crate) async fn host_requests(&self) -> Fact<BTreeMap<String, Resources>> {
        let read = async {
            let mut sums = BTreeMap::new();
            let running = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
            let read = self.each(PODS, running, |pod| objects::add_requests(&mut sums, pod)).await;
            match read {
                Ok(()) => Fact::Known(sums),
                Err(error) => Fact::Unreadable(error.gap("list", "pods", None)),
            }
        };
        self.shared().requests.or(Box::pin(read)).await
    }

    /// The StorageClasses.
    pub(crate) async fn storage_classes(&self) -> Fact<Vec<StorageClass>> {
        let read = async {
            let found = self.list(STORAGE_CLASSES, ListParams::default()).await;
            let mut classes = listed(found, "storageclasses.storage.k8s.io", None, objects::storage_class);
            sort(&mut classes, |class| class.name.clone());
            classes
        };
        self.shared().storage_classes.or(Box::pin(read)).await
    }

    /// The ClusterOperators; absent where the management cluster is no OpenShift.
    pub(crate) async fn cluster_operators(&self) -> Fact<Vec<ClusterOperator>> {
        let read = async {
            let found = self.list(CLUSTER_OPERATORS, ListParams::default()).await;
            let mut operators = if_served(found, "clusteroperators.config.openshift.io", None, objects::host_operator);
            sort(&mut operators, |operator| operator.name.clone());
            operators
        };
        self.shared().cluster_operators.or(Box::pin(read)).await
    }

    /// The MachineConfigPools; absent where there are none of that kind.
    pub(crate) async fn machine_config_pools(&self) -> Fact<Vec<MachineConfigPool>> {
        let read = async {
            let found = self.list(MACHINE_CONFIG_POOLS, ListParams::default()).await;
            let resource = "machineconfigpools.machineconfiguration.openshift.io";
            let mut pools = if_served(found, resource, None, objects::machine_config_pool);
            sort(&mut pools, |pool| pool.name.clone());
            pools
        };
        self.shared().machine_config_pools.or(Box::pin(read)).await
    }

    /// The other hosted clusters of the management cluster, as far as they share something with `cluster`.
    pub(crate) async fn others(&self, cluster: &HostedCluster) -> Fact<Others> {
        let read = async {
            let mut all: Vec<Neighbour> = Vec::new();
            let read = self.each(HOSTED_CLUSTERS, ListParams::default(), |object| {
                if objects::platform(object).as_deref() == Some("Azure") {
                    all.extend(objects::neighbour(object));
                }
            });
            match read.await {
                Ok(()) => Fact::Known(Arc::new(all)),
                Err(KubeError::NotFound { .. }) => Fact::Unreadable(Gap::new(
                    GapKind::Blocked,
                    "the management cluster does not serve hostedclusters.hypershift.openshift.io",
                )),
                Err(error) => Fact::Unreadable(error.gap("list", "hostedclusters.hypershift.openshift.io", None)),
            }
        };
        self.shared().neighbours.or(Box::pin(read)).await.map(|all| objects::others(&all, cluster))
    }

    /// The SecretProviderClasses of a control plane namespace; absent where their kind is not served.
    pub(crate) async fn secret_providers(&self, target: &Target) -> Fact<Vec<SecretProviderClass>> {
        let namespace = target.control_plane_namespace();
        let found = match path(SECRET_PROVIDERS, Some(&namespace), "secretproviderclasses") {
            Ok(path) => self.list(&path, ListParams::default()).await,
            Err(error) => Err(error),
        };
        let resource = "secretproviderclasses.secrets-store.csi.x-k8s.io";
        let mut classes = if_served(found, resource, Some(&namespace), objects::secret_provider_class);
        sort(&mut classes, |class| class.name.clone());
        classes
    }
}

/// The outcome of a list of a kind that need not be served.
fn if_served<T>(
    outcome: Result<Vec<Value>, KubeError>,
    resource: &str,
    namespace: Option<&str>,
    map: impl FnMut(&Value) -> Option<T>,
) -> Fact<Vec<T>> {
    match outcome {
        Err(KubeError::NotFound { .. }) => Fact::Absent,
        outcome => listed(outcome, resource, namespace, map),
    }
}
