//! Where a verb's facts come from: the live cluster and Azure.

use std::collections::BTreeSet;
use std::sync::Arc;

use cloud::http::{self, Calls};
use cloud::kubernetes::{CallEvent, Connection, Head, KubeError};
use cloud::live::Live;
use facts::{Facts, Need, Target};
use jiff::Timestamp;
use ui::{Failure, FailureKind};

use crate::globals::Globals;

/// The namespace in which upstream's tools create HostedClusters unless told otherwise.
pub(crate) const USUAL_NAMESPACE: &str = "clusters";

/// Connects to the management cluster, and signs in to Azure where what is wanted lies there.
pub(crate) async fn open(globals: &Globals, needs: &BTreeSet<Need>) -> Result<Live, Failure> {
    let cloud = globals.selected_cloud()?;
    let creds_file = globals.creds_file()?;
    let calls = globals.calls();
    let http = http::client(&cloud).map_err(|error| {
        Failure::usage(format!("cannot use the certificates of cloud {}", cloud.name)).why(error.to_string())
    })?;
    let kubernetes = Connection::open(&globals.kube_options()).await.map_err(refused)?;
    let kubernetes = kubernetes.with_observer(observer(calls.clone()));
    Ok(Live::new(kubernetes, cloud, http, calls, creds_file, &globals.environment(), needs).await)
}

/// Enters each call to the management cluster in the record.
pub(crate) fn observer(calls: Calls) -> Arc<dyn Fn(&CallEvent) + Send + Sync> {
    Arc::new(move |event| calls.note(&event.method, &event.path, event.status, event.duration, None))
}

/// Finds the hosted cluster of a name, or the only one there is.
pub(crate) async fn find(live: &Live, name: Option<&str>, namespace: Option<&str>) -> Result<Target, Failure> {
    if let (Some(name), Some(namespace)) = (name, namespace) {
        return Ok(Target { namespace: namespace.to_owned(), name: name.to_owned() });
    }
    let all = every(live, namespace).await?;
    let matching: Vec<&Target> = all.iter().filter(|target| name.is_none_or(|name| target.name == name)).collect();
    match matching.as_slice() {
        [one] => Ok((*one).clone()),
        [] if all.is_empty() => Err(nothing(namespace)),
        [] => Err(Failure::usage(format!(
            "there is no HostedCluster '{}' {}",
            name.unwrap_or_default(),
            place(namespace)
        ))
        .why(format!("there are {}", names(&all)))
        .hint("name one of these; `-n` chooses the namespace")),
        several => Err(Failure::usage("there are several hosted clusters")
            .why(names(several.iter().copied()))
            .hint("name one, with `-n NAMESPACE` where names repeat, or take all with `--all`")),
    }
}

/// There is nothing to look at.
pub(crate) fn nothing(namespace: Option<&str>) -> Failure {
    Failure::usage(format!("there is no HostedCluster on Azure {}", place(namespace)))
        .hint("`oc get hostedclusters -A` lists those of every platform; `-n` chooses a namespace")
}

/// Every hosted cluster on Azure, in one namespace or in all that the caller may see.
pub(crate) async fn every(live: &Live, namespace: Option<&str>) -> Result<Vec<Target>, Failure> {
    match live.kubernetes.hosted_clusters(namespace).await {
        // Many may list one namespace only.
        Err(KubeError::Denied { .. }) if namespace.is_none() => {
            live.kubernetes.hosted_clusters(Some(USUAL_NAMESPACE)).await.map_err(refused)
        }
        found => found.map_err(refused),
    }
}

/// Every hosted cluster on Azure as lists show it, in one namespace or in all that the caller may see.
pub(crate) async fn heads(live: &Live, namespace: Option<&str>) -> Result<Vec<Head>, Failure> {
    match live.kubernetes.heads(namespace).await {
        // Many may list one namespace only.
        Err(KubeError::Denied { .. }) if namespace.is_none() => {
            live.kubernetes.heads(Some(USUAL_NAMESPACE)).await.map_err(refused)
        }
        found => found.map_err(refused),
    }
}

/// Collects facts; a HostedCluster that does not exist is a failure, not a finding.
pub(crate) async fn collect(live: &Live, target: &Target, needs: &BTreeSet<Need>) -> Result<Facts, Failure> {
    let facts = live.collect(target, needs, Timestamp::now()).await;
    match facts.hosted.cluster {
        facts::Fact::Absent => {
            Err(Failure::usage(format!("there is no HostedCluster {target}"))
                .hint("`oc get hostedclusters -A` lists them"))
        }
        _ => Ok(facts),
    }
}

/// The management cluster, as headers name it: its context, else its address.
pub(crate) fn place_of(kubernetes: &Connection) -> &str {
    kubernetes.context_name().unwrap_or_else(|| kubernetes.server().trim_end_matches('/'))
}

/// A failure of the management cluster as the user sees it.
pub(crate) fn refused(error: KubeError) -> Failure {
    let kind = if error.needs_sign_in() { FailureKind::SignIn } else { FailureKind::Usage };
    Failure { kind, what: error.what(), why: error.why(), hint: error.hint() }
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "in any namespace".to_owned(), |namespace| format!("in namespace {namespace}"))
}

/// How many clusters an error names.
const NAMED: usize = 8;

fn names<'a>(targets: impl IntoIterator<Item = &'a Target>) -> String {
    let all: Vec<String> = targets.into_iter().map(ToString::to_string).collect();
    match all.len().checked_sub(NAMED) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..NAMED].join(", ")),
    }
}
