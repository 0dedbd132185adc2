//! Names that exist, for completion: fast or not at all, and without a question to anybody.
//!
//! What the API server said a moment ago is kept in the user's cache folder and serves until it is asked again, and while it
//! does not answer. Nothing here fails: names that cannot be read in time are no names.

mod cache;
mod exec;

use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use kube::config::Kubeconfig;
use serde_json::Value;

use self::cache::Cache;
use crate::kubernetes::{Connection, KubeError, KubeOptions, Named, kubeconfig};

/// What is left of the time limit for everything besides the API server.
const REST: Duration = Duration::from_millis(50);
/// The namespace in which upstream's tools create HostedClusters: what may be listed by many who may not list all.
const USUAL_NAMESPACE: &str = "clusters";

/// A name, and what is worth knowing of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The name.
    pub name: String,
    /// In a few words; may be empty.
    pub note: String,
}

impl Name {
    /// A name with a note.
    pub fn new(name: impl Into<String>, note: impl Into<String>) -> Self {
        Self { name: name.into(), note: note.into() }
    }
}

/// Names of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// HostedClusters on Azure, of a namespace or of all.
    HostedClusters(Option<String>),
    /// NodePools of a namespace.
    NodePools(String),
    /// Namespaces.
    Namespaces,
}

/// The names in a kubeconfig.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InKubeconfig {
    /// Of contexts, with their clusters.
    pub contexts: Vec<Name>,
    /// Of clusters, with their servers.
    pub clusters: Vec<Name>,
    /// Of users.
    pub users: Vec<Name>,
}

/// The names that the API server gives within `limit`, else those that it gave before, else none.
///
/// A credential plugin of the kubeconfig is started without a terminal, and ended with the limit; one that always wants a
/// terminal is not started.
#[must_use]
pub fn live(options: &KubeOptions, kind: &Kind, limit: Duration) -> Vec<Name> {
    let deadline = Instant::now() + limit;
    let (said, heard) = mpsc::channel();
    let (options, kind) = (options.clone(), kind.clone());
    // On its own thread: looking up an address, or reading a file of a server that is gone, cannot be cut short otherwise.
    let reader = std::thread::Builder::new().name("names".to_owned());
    let started = reader.spawn(move || read(&options, &kind, limit.saturating_sub(REST), &said));
    let mut names = Vec::new();
    if started.is_ok() {
        while let Ok(next) = heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            names = next;
        }
    }
    names
}

/// The names in the kubeconfig that the options choose. Nobody is called.
#[must_use]
pub fn in_kubeconfig(options: &KubeOptions) -> InKubeconfig {
    let Ok(Some(Kubeconfig { contexts, clusters, auth_infos, .. })) = kubeconfig::load(options) else {
        return InKubeconfig::default();
    };
    let contexts = contexts.into_iter().map(|named| {
        Name::new(named.name, named.context.map(|context| format!("cluster {}", context.cluster)).unwrap_or_default())
    });
    let clusters = clusters
        .into_iter()
        .map(|named| Name::new(named.name, named.cluster.and_then(|cluster| cluster.server).unwrap_or_default()));
    let users = auth_infos.into_iter().map(|named| Name::new(named.name, ""));
    InKubeconfig { contexts: sorted(contexts), clusters: sorted(clusters), users: sorted(users) }
}

fn sorted(names: impl Iterator<Item = Name>) -> Vec<Name> {
    let mut names: Vec<Name> = names.collect();
    names.sort();
    names.dedup_by(|a, b| a.name == b.name);
    names
}

/// Tells what is known already, then what the API server says.
fn read(options: &KubeOptions, kind: &Kind, limit: Duration, said: &Sender<Vec<Name>>) {
    // Fails only when a provider is installed already, which serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(mut resolved) = kubeconfig::resolve(options).await else { return };
        let who = format!("{:?} {:?} {}", options, resolved.context, std::env::var("KUBECONFIG").unwrap_or_default());
        let cache = Cache::of(&[&resolved.config.cluster_url.to_string(), &who, &format!("{kind:?}")]);
        let kept = cache.as_ref().and_then(Cache::read).unwrap_or_default();
        // Who hears nothing any more has no use for the rest.
        if said.send(kept.names.clone()).is_err() || kept.is_fresh() {
            return;
        }
        // First, so that a server that does not answer is let alone for a while even if time ends before this does.
        let kept = kept.asked();
        if let Some(cache) = &cache {
            cache.write(&kept);
        }
        let names = tokio::time::timeout(limit, async {
            exec::sign_in(&mut resolved.config.auth_info).await?;
            listed(&Connection::of(resolved)?, kind).await
        });
        if let Ok(Ok(names)) = names.await {
            let kept = kept.answered(names);
            let _ = said.send(kept.names.clone());
            if let Some(cache) = &cache {
                cache.write(&kept);
            }
        }
    });
    runtime.shutdown_background();
}

async fn listed(connection: &Connection, kind: &Kind) -> Result<Vec<Name>, KubeError> {
    let names = match kind {
        Kind::HostedClusters(Some(namespace)) => hosted_clusters(connection, Some(namespace)).await?,
        Kind::HostedClusters(None) => match hosted_clusters(connection, None).await {
            Err(KubeError::Denied { .. }) => hosted_clusters(connection, Some(USUAL_NAMESPACE)).await?,
            found => found?,
        },
        Kind::NodePools(namespace) => {
            let of = |pool: &Value| text(pool, "/spec/clusterName").map(|cluster| format!("of {cluster}"));
            named(connection.named(Named::NodePools, Some(namespace)).await?, of)
        }
        Kind::Namespaces => named(connection.named(Named::Namespaces, None).await?, |_| None),
    };
    Ok(sorted(names.into_iter()))
}

async fn hosted_clusters(connection: &Connection, namespace: Option<&str>) -> Result<Vec<Name>, KubeError> {
    let mut clusters = connection.named(Named::HostedClusters, namespace).await?;
    clusters.retain(|cluster| text(cluster, "/spec/platform/type").is_none_or(|platform| platform == "Azure"));
    Ok(named(clusters, |cluster| {
        let version = text(cluster, "/status/version/history/0/version");
        let place = text(cluster, "/metadata/namespace").map(|namespace| format!("namespace {namespace}"));
        Some([version, place].into_iter().flatten().collect::<Vec<_>>().join(", "))
    }))
}

fn named(objects: Vec<Value>, note: impl Fn(&Value) -> Option<String>) -> Vec<Name> {
    let name = |object: &Value| Some(Name::new(text(object, "/metadata/name")?, note(object).unwrap_or_default()));
    objects.iter().filter_map(name).collect()
}

fn text(object: &Value, path: &str) -> Option<String> {
    object.pointer(path).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_kubeconfig_is_read_without_a_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let text = "{contexts: [{name: b, context: {cluster: one, user: me}}, {name: a}], \
                    clusters: [{name: one, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: me}]}";
        std::fs::write(&path, text).unwrap();
        let found = in_kubeconfig(&KubeOptions { kubeconfig: Some(path.clone()), ..KubeOptions::default() });
        assert_eq!(found.contexts, [Name::new("a", ""), Name::new("b", "cluster one")]);
        assert_eq!(found.clusters, [Name::new("one", "https://127.0.0.1:1")]);
        assert_eq!(found.users, [Name::new("me", "")]);
        std::fs::write(&path, "no kubeconfig").unwrap();
        let broken = KubeOptions { kubeconfig: Some(path), ..KubeOptions::default() };
        assert_eq!(in_kubeconfig(&broken), InKubeconfig::default());
        assert!(live(&broken, &Kind::Namespaces, Duration::from_secs(5)).is_empty());
    }
}
