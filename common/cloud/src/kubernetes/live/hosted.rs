//! The hosted cluster as the management cluster shows it.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use facts::hosted::{AzureMachine, Component, Event, Hosted, HostedCluster, Machine, NodePool, Pod, Workload};
use facts::oidc::{KeyProblem, PublicKey};
use facts::{Fact, Gap, GapKind, Need, Target};
use kube::api::ListParams;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{KnownCluster, asked, got, listed, sort};
use crate::kubernetes::connection::{Connection, path, request, segment, unusable};
use crate::kubernetes::error::KubeError;
use crate::kubernetes::objects;
use crate::signing_key;

const HYPERSHIFT: &str = "/apis/hypershift.openshift.io/v1beta1";

impl Connection {
    /// Collects what `needs` names of the hosted cluster, and the signing key that the HostedCluster names.
    pub(super) async fn hosted(
        &self,
        target: &Target,
        known: KnownCluster<'_>,
        needs: &BTreeSet<Need>,
    ) -> (Hosted, (Fact<PublicKey>, Option<KeyProblem>)) {
        let wants = |need| needs.contains(&need);
        let control_plane = target.control_plane_namespace();
        let control_plane = control_plane.as_str();
        let cluster_and_key = async {
            let unasked = matches!(known, KnownCluster::Unasked);
            let read = unasked && (wants(Need::HostedCluster) || wants(Need::SigningKey));
            let cluster = asked(read, self.hosted_cluster(target)).await;
            let named = match known {
                KnownCluster::Read(cluster) => Ok(cluster),
                KnownCluster::Unasked => cluster.known(&format!("HostedCluster {target}")),
                KnownCluster::Unreadable => Err(Gap::new(GapKind::Blocked, "it could not be read")),
            };
            let key = match wants(Need::SigningKey) {
                true => self.signing_key(target, named).await,
                false => (Fact::default(), None),
            };
            (cluster, key)
        };
        let pods_and_logs = async {
            let pods = asked(wants(Need::Pods) || wants(Need::Logs), self.pods(control_plane)).await;
            let logs = asked(wants(Need::Logs), self.logs(control_plane, &pods)).await;
            (pods, logs)
        };
        let machines = wants(Need::Machines);
        let components = wants(Need::Components);
        let (
            (cluster, signing_key),
            (pods, logs),
            node_pools,
            machines,
            azure_machines,
            components,
            workloads,
            warnings,
        ) = futures::join!(
            cluster_and_key,
            pods_and_logs,
            asked(wants(Need::NodePools), self.node_pools(target)),
            asked(machines, self.machines(control_plane)),
            asked(machines, self.azure_machines(control_plane)),
            asked(components, self.components(control_plane)),
            asked(components, self.workloads(control_plane)),
            asked(components || wants(Need::Pods), self.warnings(target)),
        );
        let hosted = Hosted {
            cluster: if wants(Need::HostedCluster) { cluster } else { Fact::default() },
            node_pools,
            machines,
            azure_machines,
            components,
            workloads,
            pods: if wants(Need::Pods) { pods } else { Fact::default() },
            warnings,
            logs,
            ..Hosted::default()
        };
        (hosted, signing_key)
    }

    async fn hosted_cluster(&self, target: &Target) -> Fact<HostedCluster> {
        let read = async {
            let collection = path(HYPERSHIFT, Some(&target.namespace), "hostedclusters")?;
            self.get(&format!("{collection}/{}", segment(&target.name)?)).await
        };
        let resource = "hostedclusters.hypershift.openshift.io";
        match got(read.await, resource, Some(&target.namespace)) {
            Fact::Known(object) => match objects::hosted_cluster(&object) {
                Ok(cluster) => Fact::Known(cluster),
                Err(error) => Fact::Unreadable(Gap::new(GapKind::Failed, error.to_string())),
            },
            Fact::Absent => Fact::Absent,
            Fact::Unreadable(gap) => Fact::Unreadable(gap),
        }
    }

    async fn node_pools(&self, target: &Target) -> Fact<Vec<NodePool>> {
        let namespace = Some(target.namespace.as_str());
        let found = self.all(HYPERSHIFT, namespace, "nodepools", ListParams::default()).await;
        let mut pools = listed(found, "nodepools.hypershift.openshift.io", namespace, |object| {
            objects::belongs_to(object, target).then(|| objects::node_pool(object)).flatten()
        });
        sort(&mut pools, |pool| pool.name.clone());
        pools
    }

    async fn machines(&self, namespace: &str) -> Fact<Vec<Machine>> {
        let list = |version| self.all(version, Some(namespace), "machines", ListParams::default());
        // Newer operators serve both versions and will drop the older one; older operators know only that.
        let found = match list("/apis/cluster.x-k8s.io/v1beta2").await {
            Err(KubeError::NotFound { .. }) => list("/apis/cluster.x-k8s.io/v1beta1").await,
            found => found,
        };
        let mut machines = listed(found, "machines.cluster.x-k8s.io", Some(namespace), objects::machine);
        sort(&mut machines, |machine| machine.name.clone());
        machines
    }

    async fn azure_machines(&self, namespace: &str) -> Fact<Vec<AzureMachine>> {
        let version = "/apis/infrastructure.cluster.x-k8s.io/v1beta1";
        let found = self.all(version, Some(namespace), "azuremachines", ListParams::default()).await;
        let resource = "azuremachines.infrastructure.cluster.x-k8s.io";
        let mut machines = listed(found, resource, Some(namespace), objects::azure_machine);
        sort(&mut machines, |machine| machine.name.clone());
        machines
    }

    async fn components(&self, namespace: &str) -> Fact<Vec<Component>> {
        let plural = "controlplanecomponents";
        let found = self.all(HYPERSHIFT, Some(namespace), plural, ListParams::default()).await;
        let resource = "controlplanecomponents.hypershift.openshift.io";
        let mut components = listed(found, resource, Some(namespace), objects::component);
        sort(&mut components, |component| component.name.clone());
        components
    }

    async fn workloads(&self, namespace: &str) -> Fact<Vec<Workload>> {
        let list = |plural| self.all("/apis/apps/v1", Some(namespace), plural, ListParams::default());
        let (deployments, stateful_sets) = futures::join!(list("deployments"), list("statefulsets"));
        let deployments =
            listed(deployments, "deployments.apps", Some(namespace), |object| objects::workload(object, "Deployment"));
        let stateful_sets = listed(stateful_sets, "statefulsets.apps", Some(namespace), |object| {
            objects::workload(object, "StatefulSet")
        });
        both(deployments, stateful_sets, |workload| (workload.kind.clone(), workload.name.clone()))
    }

    async fn pods(&self, namespace: &str) -> Fact<Vec<Pod>> {
        let found = self.all("/api/v1", Some(namespace), "pods", ListParams::default()).await;
        let mut pods = listed(found, "pods", Some(namespace), objects::pod);
        sort(&mut pods, |pod| pod.name.clone());
        pods
    }

    /// Warnings of the control plane namespace and those about the HostedCluster, newest last.
    async fn warnings(&self, target: &Target) -> Fact<Vec<Event>> {
        let control_plane = target.control_plane_namespace();
        let of_control_plane = ListParams::default().fields("type=Warning");
        let of_cluster = ListParams::default().fields(&format!("type=Warning,involvedObject.name={}", target.name));
        let (own, above) = futures::join!(
            self.all("/api/v1", Some(&control_plane), "events", of_control_plane),
            self.all("/api/v1", Some(&target.namespace), "events", of_cluster),
        );
        both(
            listed(own, "events", Some(&control_plane), objects::warning),
            listed(above, "events", Some(&target.namespace), objects::warning),
            |event| (event.last_seen, event.about.clone(), event.reason.clone()),
        )
    }

    async fn all(
        &self,
        version: &str,
        namespace: Option<&str>,
        plural: &str,
        params: ListParams,
    ) -> Result<Vec<Value>, KubeError> {
        self.list(&path(version, namespace, plural)?, params).await
    }

    /// The public half of the key that signs service account tokens: of the Secret that the HostedCluster names, or of
    /// the one that HyperShift generates when it names none; and why the Secret is none that HyperShift can use.
    async fn signing_key(
        &self,
        target: &Target,
        cluster: Result<&HostedCluster, Gap>,
    ) -> (Fact<PublicKey>, Option<KeyProblem>) {
        let cluster = match cluster {
            Ok(cluster) => cluster,
            Err(gap) => {
                let why = format!("HostedCluster {target} names the Secret of the key: {}", gap.why);
                return (Fact::Unreadable(Gap { kind: GapKind::Blocked, why, ..gap }), None);
            }
        };
        let given = cluster.signing_key_secret.is_some();
        let (_, _, source, _) = signing_key_secret(target, cluster);
        let problem = |why: String, other_form| given.then_some(KeyProblem { source, why, other_form });
        match self.signing_key_pem(target, cluster).await {
            Fact::Known((pem, source)) => match signing_key::public_key_of_pem(&pem, source) {
                Ok(key) => {
                    let objection = signing_key::objection(&pem);
                    let other_form = signing_key::is_private(&pem);
                    (Fact::Known(key), objection.and_then(|why| problem(why.to_owned(), other_form)))
                }
                Err(error) => {
                    let why = error.to_string();
                    (Fact::Unreadable(Gap::new(GapKind::Blocked, why.clone())), problem(why, false))
                }
            },
            Fact::Absent => (Fact::Absent, None),
            Fact::Unreadable(gap) if gap.kind == GapKind::Blocked => {
                let why = gap.why.clone();
                (Fact::Unreadable(gap), problem(why, false))
            }
            Fact::Unreadable(gap) => (Fact::Unreadable(gap), None),
        }
    }

    /// The key that signs service account tokens in PEM form, and the name of its Secret: the one that the HostedCluster
    /// names, or the one that HyperShift generates when it names none. Blocked when the Secret lacks the key.
    pub(crate) async fn signing_key_pem(
        &self,
        target: &Target,
        cluster: &HostedCluster,
    ) -> Fact<(Zeroizing<Vec<u8>>, String)> {
        let (namespace, name, source, keys) = signing_key_secret(target, cluster);
        match got(self.secret(&namespace, &name, keys).await, "secrets", Some(&namespace)) {
            Fact::Known(Some(pem)) => Fact::Known((pem, source)),
            Fact::Known(None) => {
                let why = format!("{source} has no key '{}'", keys.join("' or '"));
                Fact::Unreadable(Gap::new(GapKind::Blocked, why))
            }
            Fact::Absent => Fact::Absent,
            Fact::Unreadable(gap) => Fact::Unreadable(gap),
        }
    }

    /// The value of the first of `keys` that a Secret has.
    pub(in crate::kubernetes) async fn secret(
        &self,
        namespace: &str,
        name: &str,
        keys: &[&str],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KubeError> {
        #[derive(serde::Deserialize)]
        struct Secret {
            #[serde(default)]
            data: BTreeMap<String, SecretString>,
        }
        let collection = path("/api/v1", Some(namespace), "secrets")?;
        let body = Zeroizing::new(self.send(request(&format!("{collection}/{}", segment(name)?))?).await?);
        // The parser's message might quote what it stumbled over.
        let secret: Secret = serde_json::from_slice(&body).map_err(|_| unusable("the Secret is no JSON"))?;
        let Some(value) = keys.iter().find_map(|key| secret.data.get(*key)) else {
            return Ok(None);
        };
        let decoded = STANDARD.decode(value.expose_secret()).map_err(|_| unusable("the Secret is no base64"))?;
        Ok(Some(Zeroizing::new(decoded)))
    }
}

/// Two lists as one; what is missing of either makes the whole unreadable.
fn both<T, K: Ord>(one: Fact<Vec<T>>, other: Fact<Vec<T>>, key: impl FnMut(&T) -> K) -> Fact<Vec<T>> {
    let mut joined = match (one, other) {
        (Fact::Known(mut one), Fact::Known(other)) => {
            one.extend(other);
            Fact::Known(one)
        }
        (Fact::Known(_), gap) | (gap, _) => gap,
    };
    sort(&mut joined, key);
    joined
}

/// Namespace, name, what to call it, and the keys to look for, of the Secret that holds the signing key.
fn signing_key_secret(target: &Target, cluster: &HostedCluster) -> (String, String, String, &'static [&'static str]) {
    let (namespace, name, keys): (String, String, &'static [&'static str]) = match &cluster.signing_key_secret {
        Some(name) => (target.namespace.clone(), name.clone(), &["key"]),
        None => (
            target.control_plane_namespace(),
            "sa-signing-key".to_owned(),
            &["service-account.pub", "service-account.key"],
        ),
    };
    let source = format!("Secret {namespace}/{name}");
    (namespace, name, source, keys)
}
