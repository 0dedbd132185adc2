//! Collecting the management cluster as a host, and the other hosted clusters.

use facts::fleet::Fleet;
use facts::hosted::Authentication;
use facts::{Fact, Gap, GapKind, Need};

use super::Sources;

/// Collects what is wanted of it. Nodes, pods, operators and hosted clusters are read once in a run.
pub(super) async fn collect(sources: &Sources<'_>) -> Fleet {
    let kubernetes = sources.kubernetes;
    let host = sources.wants(Need::ManagementNodes);
    let (nodes, requests, storage_classes, cluster_operators, machine_config_pools, others, secret_providers) = futures::join!(
        asked(host, kubernetes.host_nodes()),
        asked(host, kubernetes.host_requests()),
        asked(host, kubernetes.storage_classes()),
        asked(host, kubernetes.cluster_operators()),
        asked(host, kubernetes.machine_config_pools()),
        asked(sources.wants(Need::OtherClusters), others(sources)),
        asked(sources.wants(Need::SecretProviders), secret_providers(sources)),
    );
    Fleet { nodes, requests, storage_classes, cluster_operators, machine_config_pools, others, secret_providers }
}

async fn others(sources: &Sources<'_>) -> Fact<facts::fleet::Others> {
    match &sources.cluster {
        Ok(cluster) => sources.kubernetes.others(cluster).await,
        Err(gap) => Fact::Unreadable(Gap { kind: GapKind::Blocked, ..gap.clone() }),
    }
}

/// Only a cluster with managed identities has any.
async fn secret_providers(sources: &Sources<'_>) -> Fact<Vec<facts::fleet::SecretProviderClass>> {
    match &sources.cluster {
        Ok(cluster) if cluster.azure.authentication != Authentication::ManagedIdentities || !sources.exists() => {
            Fact::Absent
        }
        Ok(_) => sources.kubernetes.secret_providers(sources.target).await,
        Err(gap) => Fact::Unreadable(Gap { kind: GapKind::Blocked, ..gap.clone() }),
    }
}

async fn asked<T>(asked: bool, look: impl Future<Output = Fact<T>>) -> Fact<T> {
    if asked { look.await } else { Fact::default() }
}
