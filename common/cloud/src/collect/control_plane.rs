//! Collecting certificates, Cluster API objects, volumes and settings of the control plane.

use facts::control_plane::ControlPlane;
use facts::{Fact, Need};

use super::Sources;

/// Collects what is wanted of it. Of a cluster that is only planned there is nothing.
pub(super) async fn collect(sources: &Sources<'_>) -> ControlPlane {
    if !sources.exists() {
        return ControlPlane::default();
    }
    let Sources { kubernetes, target, .. } = sources;
    let wants = |need| sources.wants(need);
    let cluster = async {
        match &sources.cluster {
            Ok(cluster) => kubernetes.api_cluster(target, &cluster.infra_id).await,
            Err(gap) => Fact::Unreadable(gap.clone()),
        }
    };
    let (certificates, cluster, azure_cluster, azure_identity, health_checks, volumes) = futures::join!(
        asked(wants(Need::Certificates), kubernetes.certificates(target)),
        asked(wants(Need::ClusterApi), cluster),
        asked(wants(Need::ClusterApi), kubernetes.azure_cluster(target)),
        asked(wants(Need::ClusterApi), kubernetes.azure_cluster_identity(target)),
        asked(wants(Need::ClusterApi), kubernetes.machine_health_checks(target)),
        asked(wants(Need::Volumes), kubernetes.etcd_volumes(target)),
    );
    ControlPlane { certificates, cluster, azure_cluster, azure_identity, health_checks, volumes }
}

/// Runs a look-up if it was asked for.
async fn asked<T>(asked: bool, look: impl Future<Output = Fact<T>>) -> Fact<T> {
    if asked { look.await } else { Fact::default() }
}
