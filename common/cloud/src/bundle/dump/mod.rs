//! A Kubernetes dump as facts.

mod guest;
mod hosted;
mod management;
mod plane;
mod private_link;

use std::collections::BTreeSet;
use std::path::Path;

use facts::azure::Azure;
use facts::hosted::HostedCluster;
use facts::oidc::Oidc;
use facts::{BundleFormat, Fact, Facts, Gap, GapKind, Need, Source, Target};
use jiff::Timestamp;
use serde_json::Value;

use super::error::BundleError;
use super::layout::Collection;
use super::tree::{FileError, Object, Tree};
use super::{Wanted, shown};
use crate::kubernetes::objects::{self, HostedClusterError};

const HYPERSHIFT: &str = "hypershift.openshift.io";
/// The namespace of the HyperShift operator.
const OPERATOR_NAMESPACE: &str = "hypershift";

/// A dump, and the hosted cluster that it is read for.
struct Dump<'a> {
    tree: &'a Tree,
    target: Target,
    needs: &'a BTreeSet<Need>,
}

/// Reads the facts about one hosted cluster from a dump.
///
/// # Errors
/// [`BundleError`] when the wanted HostedCluster cannot be read; anything else that cannot is a gap in the facts.
pub fn read(path: &Path, tree: &Tree, wanted: Wanted<'_>, needs: &BTreeSet<Need>) -> Result<Facts, BundleError> {
    let (target, cluster) = hosted_cluster(path, tree, wanted)?;
    let dump = Dump { tree, target, needs };
    let recorded = tree.timestamp();
    let mut collected_at = recorded.unwrap_or_else(|| dump.newest(path));
    let source = Source::Bundle { path: shown(path), format: BundleFormat::KubernetesDump };
    let infra_id = cluster.infra_id.clone();
    let mut hosted = dump.hosted(cluster, collected_at);
    hosted.control_plane = dump.control_plane(&infra_id);
    if recorded.is_none() {
        let log_ends = hosted.logs.get().into_iter().flatten().filter_map(|line| line.log_end);
        collected_at = log_ends.fold(collected_at, Timestamp::max);
    }
    let mut facts = Facts::unread(collected_at, source, dump.target.clone());
    facts.hosted = hosted;
    facts.management = dump.management();
    facts.azure = dump.azure();
    facts.oidc = dump.oidc();
    facts.private_link = dump.private_link();
    facts.guest = dump.guest();
    facts.local.creds_file = dump.not_recorded("a Kubernetes dump does not hold the caller's credentials file");
    Ok(facts)
}

/// The wanted HostedCluster among those of the dump.
fn hosted_cluster(path: &Path, tree: &Tree, wanted: Wanted<'_>) -> Result<(Target, HostedCluster), BundleError> {
    let mut found: Vec<(Target, Object)> = Vec::new();
    for namespace in tree.namespaces_of(HYPERSHIFT, "hostedclusters") {
        let collection = Collection::new(&namespace, HYPERSHIFT, "hostedclusters");
        let objects = tree.objects(&collection, "HostedCluster").map_err(|error| match error {
            FileError::OtherKind { file, found } => wrong_kind(path, file, found),
            FileError::Broken { file, why } => {
                BundleError::Damaged { path: shown(path), why: format!("{file}: {why}") }
            }
        })?;
        for object in objects {
            let Some(mut target) = objects::target(&object.value) else {
                return Err(wrong_kind(path, object.file, "an object without a name".to_owned()));
            };
            // The path tells the namespace of an object that was exported without it.
            if target.namespace.is_empty() {
                target.namespace.clone_from(&namespace);
            }
            found.push((target, object));
        }
    }
    if found.is_empty() {
        return Err(BundleError::NoHostedCluster { path: shown(path) });
    }
    let all: Vec<Target> = found.iter().map(|(target, _)| target.clone()).collect();
    found.retain(|(target, _)| wanted.matches(target));
    // Of several, those of other platforms do not count.
    if found.len() > 1 {
        let is_azure = |object: &Object| objects::platform(&object.value).as_deref() == Some("Azure");
        if found.iter().any(|(_, object)| is_azure(object)) {
            found.retain(|(_, object)| is_azure(object));
        }
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Err(BundleError::NoSuchCluster { path: shown(path), wanted: wanted.to_string(), found: all }),
        (Some((first, _)), Some((second, _))) => {
            let rest = found.map(|(target, _)| target);
            Err(BundleError::Several { path: shown(path), found: [first, second].into_iter().chain(rest).collect() })
        }
        (Some((target, object)), None) => match objects::hosted_cluster(&object.value) {
            Ok(mut cluster) => {
                cluster.namespace.clone_from(&target.namespace);
                Ok((target, cluster))
            }
            Err(HostedClusterError::OtherKind { found }) => Err(wrong_kind(path, object.file, found)),
            Err(error) => Err(BundleError::OtherPlatform { path: shown(path), why: error.to_string() }),
        },
    }
}

fn wrong_kind(path: &Path, file: String, found: String) -> BundleError {
    BundleError::WrongKind { path: shown(path), file, found, expected: "a HostedCluster".to_owned() }
}

impl Dump<'_> {
    fn wants(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }

    /// A fact that the dump lacks, with the command that records it.
    fn not_recorded<T>(&self, why: impl Into<String>) -> Fact<T> {
        let command = format!("oc hcp-azure bundle {} -n {}", self.target.name, self.target.namespace);
        Fact::Unreadable(Gap::new(GapKind::NotRecorded, why).with_remedy(command))
    }

    /// The objects of a collection as facts; not recorded when the dump does not cover it.
    fn listed<T>(&self, collection: &Collection, kind: &str, map: impl FnMut(&Value) -> Option<T>) -> Fact<Vec<T>> {
        if !self.tree.covers(collection) {
            let Collection { namespace, group, resource } = collection;
            let resource = if group.is_empty() { resource.clone() } else { format!("{resource}.{group}") };
            return self.not_recorded(format!("this dump holds no {resource} of namespace {namespace}"));
        }
        match self.tree.objects(collection, kind) {
            Ok(objects) => Fact::Known(objects.iter().map(|object| &object.value).filter_map(map).collect()),
            Err(error) => Fact::Unreadable(Gap::new(GapKind::Failed, error.to_string())),
        }
    }

    fn azure(&self) -> Azure {
        let why = "a Kubernetes dump holds nothing of Azure";
        Azure {
            login: self.not_recorded(why),
            subscription: self.not_recorded(why),
            identities: self.not_recorded(why),
            ..Azure::default()
        }
    }

    fn oidc(&self) -> Oidc {
        let documents = "a Kubernetes dump does not hold what the OIDC issuer serves";
        Oidc {
            discovery: self.not_recorded(documents),
            jwks: self.not_recorded(documents),
            storage: self.not_recorded("a Kubernetes dump holds nothing of Azure"),
            signing_key: self.not_recorded("a Kubernetes dump holds no Secrets"),
            signing_key_problem: None,
        }
    }

    /// The newest time that the objects themselves tell, for dumps without a `timestamp`; else the file's own time.
    fn newest(&self, path: &Path) -> Timestamp {
        let control_plane = self.target.control_plane_namespace();
        let collections = [
            (self.target.namespace.as_str(), HYPERSHIFT, "hostedclusters", "HostedCluster"),
            (self.target.namespace.as_str(), HYPERSHIFT, "nodepools", "NodePool"),
            (&control_plane, "cluster.x-k8s.io", "machines", "Machine"),
            (&control_plane, "apps", "deployments", "Deployment"),
            (&control_plane, "", "pods", "Pod"),
            (&control_plane, "", "events", "Event"),
        ];
        collections
            .into_iter()
            .filter_map(|(namespace, group, resource, kind)| {
                let collection = Collection::new(namespace, group, resource);
                self.tree.objects(&collection, kind).ok()
            })
            .flatten()
            .filter_map(|object| newest_of(&object.value))
            .max()
            .or_else(|| Timestamp::try_from(std::fs::metadata(path).ok()?.modified().ok()?).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

fn newest_of(object: &Value) -> Option<Timestamp> {
    let time = |value: &Value, pointer: &str| -> Option<Timestamp> { objects::str_at(value, pointer)?.parse().ok() };
    let of_list = |pointer: &str, key: &str| {
        let items = objects::items(object, pointer).iter();
        items.filter_map(|item| time(item, key)).max()
    };
    [
        time(object, "/metadata/creationTimestamp"),
        time(object, "/lastTimestamp"),
        of_list("/metadata/managedFields", "/time"),
        of_list("/status/conditions", "/lastTransitionTime"),
    ]
    .into_iter()
    .flatten()
    .max()
}
