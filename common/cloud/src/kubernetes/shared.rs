//! What is the same for every hosted cluster of a management cluster: read once in a run, then answered from memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use facts::dns::ExternalDns;
use facts::fleet::{ClusterOperator, MachineConfigPool, Node, Resources, StorageClass};
use facts::hosted::LogLine;
use facts::management::{ApiResource, Operator, SupportedVersions};
use facts::private_link::OperatorSetup;
use facts::{Fact, GapKind};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::kubeconfig_secret::NoKubeconfig;
use super::objects::Neighbour;

/// The facts of one management cluster that its hosted clusters share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub version: Once<String>,
    pub operators: Once<Vec<Operator>>,
    pub api_resources: Once<Vec<ApiResource>>,
    pub supported_versions: Once<SupportedVersions>,
    pub nodes: Once<Vec<Node>>,
    pub requests: Once<BTreeMap<String, Resources>>,
    pub storage_classes: Once<Vec<StorageClass>>,
    pub cluster_operators: Once<Vec<ClusterOperator>>,
    pub machine_config_pools: Once<Vec<MachineConfigPool>>,
    pub neighbours: Once<Arc<Vec<Neighbour>>>,
    /// What the log of the HyperShift operator says of Azure.
    pub operator_log: Once<Arc<Vec<LogLine>>>,
    pub external_dns: Once<ExternalDns>,
    pub external_dns_log: Once<Vec<LogLine>>,
    pub private_link_operators: Once<Vec<OperatorSetup>>,
    /// The kubeconfigs that HostedClusters publish, by the Secret's namespace and name.
    pub kubeconfigs: Mutex<BTreeMap<String, Kubeconfig>>,
}

/// A published kubeconfig, read by whoever asks first.
pub(super) type Kubeconfig = Arc<OnceCell<Result<SecretString, NoKubeconfig>>>;

impl Shared {
    /// The place of a Secret's kubeconfig.
    pub fn kubeconfig(&self, secret: &str) -> Kubeconfig {
        let mut all = self.kubeconfigs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(secret.to_owned()).or_default())
    }
}

/// A fact that is read at most once.
#[derive(Debug)]
pub(super) struct Once<T>(OnceCell<Fact<T>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<T: Clone> Once<T> {
    /// The fact, read by whoever asks first. A failure that the next attempt may not meet is told and not kept.
    pub async fn or(&self, look: impl Future<Output = Fact<T>>) -> Fact<T> {
        let read = async {
            match look.await {
                Fact::Unreadable(gap) if !matches!(gap.kind, GapKind::Denied | GapKind::Blocked) => Err(gap),
                fact => Ok(fact),
            }
        };
        match self.0.get_or_try_init(|| read).await {
            Ok(fact) => fact.clone(),
            Err(gap) => Fact::Unreadable(gap),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use facts::Gap;

    use super::*;

    #[tokio::test]
    async fn what_lasts_is_read_once() {
        for (kind, times) in [(None, 1), (Some(GapKind::Denied), 1), (Some(GapKind::Unreachable), 3)] {
            let (once, asked) = (Once::default(), AtomicUsize::new(0));
            for _ in 0..3 {
                let look = async {
                    asked.fetch_add(1, Ordering::Relaxed);
                    kind.map_or(Fact::Known(7), |kind| Fact::Unreadable(Gap::new(kind, "no")))
                };
                let read = once.or(look).await;
                assert_eq!(read.gap().map(|gap| gap.kind), kind);
            }
            assert_eq!(asked.load(Ordering::Relaxed), times, "{kind:?}");
        }
    }
}
