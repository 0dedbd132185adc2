//! How far an upgrade is: the control plane, then the NodePools.

use std::collections::BTreeMap;
use std::time::Duration;

use facts::Need;
use facts::hosted::{Component, Condition, HostedCluster, NodePool};

use crate::cmd::watch::{Goal, Seen};

/// Conditions without which no release is rolled out.
const GATES: &[&str] = &[
    "ValidConfiguration",
    "SupportedHostedCluster",
    "ValidReleaseImage",
    "ValidReleaseInfo",
    "ClusterVersionReleaseAccepted",
];
/// How many names a line holds.
const TOLD: usize = 3;

/// The control plane has a release: the newest entry of the history is of its image, and complete.
pub(super) struct ControlPlane<'a> {
    image: &'a str,
    told: Told,
}

/// Every NodePool that asks for a release runs it.
pub(super) struct NodePools<'a> {
    image: &'a str,
    told: Told,
}

/// The last line of each kind.
#[derive(Default)]
struct Told(BTreeMap<String, String>);

impl Told {
    /// The line, unless it was the last of its kind.
    fn news(&mut self, kind: &str, line: String) -> Option<String> {
        if line.is_empty() || self.0.get(kind) == Some(&line) {
            return None;
        }
        self.0.insert(kind.to_owned(), line.clone());
        Some(line)
    }
}

impl<'a> ControlPlane<'a> {
    /// Waits for a release.
    pub fn of(image: &'a str) -> Self {
        Self { image, told: Told::default() }
    }
}

impl<'a> NodePools<'a> {
    /// Waits for a release.
    pub fn of(image: &'a str) -> Self {
        Self { image, told: Told::default() }
    }
}

impl Goal for ControlPlane<'_> {
    const GATES: &'static [&'static str] = GATES;
    const USUAL: Duration = Duration::from_secs(60 * 60);
    const ALSO: &'static [Need] = &[Need::Components];
    const NOT_YET: &'static str = "is not upgraded";
    const NEVER: &'static str = "cannot be upgraded";

    fn news(&mut self, seen: &Seen) -> Vec<String> {
        let Seen { cluster, components, .. } = seen;
        let first = cluster.version.history.first();
        let history = match first.filter(|entry| entry.image == self.image) {
            Some(entry) if entry.state == "Completed" => String::new(),
            Some(entry) => format!("{} is being rolled out", entry.version),
            None => "the operator has not begun yet".to_owned(),
        };
        let version = first.filter(|entry| entry.image == self.image).map(|entry| entry.version.as_str());
        let components = version.map(|version| rolled_out(components, version)).unwrap_or_default();
        let lines = [
            self.told.news("history", history),
            self.told.news("components", components),
            self.told.news("progress", said(cluster, "ClusterVersionProgressing", Condition::is_true)),
            self.told.news("failing", said(cluster, "ClusterVersionFailing", Condition::is_true)),
        ];
        lines.into_iter().flatten().collect()
    }

    fn is_reached(&self, seen: &Seen) -> bool {
        let first = seen.cluster.version.history.first();
        first.is_some_and(|entry| entry.image == self.image && entry.state == "Completed")
    }
}

impl Goal for NodePools<'_> {
    const GATES: &'static [&'static str] = GATES;
    const USUAL: Duration = Duration::from_secs(2 * 60 * 60);
    const NOT_YET: &'static str = "has NodePools that are not upgraded";
    const NEVER: &'static str = "has NodePools that cannot be upgraded";

    fn news(&mut self, seen: &Seen) -> Vec<String> {
        let version = version_of(&seen.cluster, self.image);
        let lines = seen.node_pools.iter().filter_map(|pool| {
            let line = pool_line(pool, version.as_deref());
            self.told.news(&pool.name, format!("NodePool {}: {line}", pool.name))
        });
        lines.collect()
    }

    fn is_reached(&self, seen: &Seen) -> bool {
        let Some(version) = version_of(&seen.cluster, self.image) else { return false };
        // One that is being deleted, or that somebody gave another release meanwhile, is not waited for.
        let counts = |pool: &&NodePool| pool.deleted_at.is_none() && pool.release_image == self.image;
        seen.node_pools.iter().filter(counts).all(|pool| has(pool, &version))
    }
}

/// The version of a release that the cluster has run.
fn version_of(cluster: &HostedCluster, image: &str) -> Option<String> {
    let entry = cluster.version.history.iter().find(|entry| entry.image == image)?;
    Some(entry.version.clone())
}

/// Whether all nodes of a NodePool have the version.
fn has(pool: &NodePool, version: &str) -> bool {
    pool.version.as_deref() == Some(version)
        && !pool.condition("UpdatingVersion").is_some_and(Condition::is_true)
        && pool.replicas.is_none_or(|replicas| pool.ready_replicas.unwrap_or(0) >= replicas)
}

fn pool_line(pool: &NodePool, version: Option<&str>) -> String {
    let ready = pool.ready_replicas.unwrap_or(0);
    let nodes = match pool.replicas {
        Some(replicas) => format!("{ready}/{replicas} nodes ready"),
        None => format!("{ready} nodes ready"),
    };
    if version.is_some_and(|version| has(pool, version)) {
        return format!("has {}, {nodes}", version.unwrap_or_default());
    }
    let updating = pool.condition("UpdatingVersion").filter(|condition| condition.is_true());
    let refused = ["SupportedVersionSkew", "ValidReleaseImage", "ValidArchPlatform"]
        .iter()
        .find_map(|kind| pool.condition(kind).filter(|condition| condition.is_false()));
    match (refused, updating) {
        (Some(condition), _) => format!("{} is False: {}", condition.kind, first_line(&condition.message)),
        (None, Some(condition)) if !condition.message.is_empty() => {
            format!("{nodes}, {}", first_line(&condition.message))
        }
        (None, Some(_)) => format!("{nodes}, upgrading"),
        (None, None) => nodes,
    }
}

/// `27/29 components have 4.22.7, not yet etcd, kube-apiserver`.
fn rolled_out(components: &[Component], version: &str) -> String {
    if components.is_empty() {
        return String::new();
    }
    let is_done = |component: &&Component| {
        component.version.as_deref() == Some(version)
            && component.condition("RolloutComplete").is_none_or(|condition| !condition.is_false())
    };
    let rest: Vec<&str> = components.iter().filter(|it| !is_done(it)).map(|it| it.name.as_str()).collect();
    let mut line = format!("{}/{} components have {version}", components.len() - rest.len(), components.len());
    if !rest.is_empty() {
        line.push_str(&format!(", not yet {}", rest[..rest.len().min(TOLD)].join(", ")));
        if rest.len() > TOLD {
            line.push_str(&format!(" and {} more", rest.len() - TOLD));
        }
    }
    line
}

/// What a condition says while it is as asked for.
fn said(cluster: &HostedCluster, kind: &str, when: impl Fn(&Condition) -> bool) -> String {
    let condition = cluster.condition(kind).filter(|condition| when(condition) && !condition.message.is_empty());
    condition.map(|condition| first_line(&condition.message).to_owned()).unwrap_or_default()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::hosted::VersionHistory;

    use super::*;
    use crate::cmd::watch::tests::cluster;

    fn entry(state: &str, version: &str) -> VersionHistory {
        let image = format!("q.io/r:{version}");
        VersionHistory { state: state.into(), version: version.into(), image, started_at: None, completed_at: None }
    }

    fn component(name: &str, version: &str, status: &str) -> Component {
        let condition = Condition {
            kind: "RolloutComplete".into(),
            status: status.into(),
            reason: String::new(),
            message: String::new(),
            last_transition: None,
            observed_generation: None,
        };
        Component { name: name.into(), version: Some(version.into()), conditions: vec![condition] }
    }

    #[test]
    fn a_control_plane_is_told_link_by_link() {
        let mut goal = ControlPlane::of("q.io/r:4.22.7");
        let mut seen = Seen {
            cluster: cluster(&[("ClusterVersionProgressing", "False")]),
            node_pools: Vec::new(),
            components: vec![component("etcd", "4.22.3", "True"), component("kube-apiserver", "4.22.3", "True")],
        };
        seen.cluster.version.history = vec![entry("Completed", "4.22.3")];
        assert_eq!(goal.news(&seen), ["the operator has not begun yet"]);
        assert!(goal.news(&seen).is_empty() && !goal.is_reached(&seen));
        seen.cluster.version.history.insert(0, entry("Partial", "4.22.7"));
        seen.components[0] = component("etcd", "4.22.7", "True");
        seen.components[1] = component("kube-apiserver", "4.22.7", "False");
        let news = goal.news(&seen);
        assert_eq!(news, ["4.22.7 is being rolled out", "1/2 components have 4.22.7, not yet kube-apiserver"]);
        assert!(!goal.is_reached(&seen));
        seen.cluster.version.history[0].state = "Completed".into();
        seen.components[1] = component("kube-apiserver", "4.22.7", "True");
        assert_eq!(goal.news(&seen), ["2/2 components have 4.22.7"]);
        assert!(goal.is_reached(&seen));
    }
}
