//! Waiting for a hosted cluster that comes up: each link of the chain as it closes.

use std::time::Duration;

use cloud::apply::Stop;
use cloud::live::Live;
use facts::Target;
use facts::hosted::{HostedCluster, NodePool};
use tokio::time::Instant;
use ui::Outcome;

use crate::Ended;
use crate::cmd::watch::{Goal, Seen, Watch};
use crate::globals::Globals;

/// One link: what it is, the condition that closes it, and how long it usually takes from the beginning.
const LINKS: [(&str, &str, &str); 5] = [
    ("etcd", "EtcdAvailable", "1 min"),
    ("infrastructure", "InfrastructureReady", "2 min"),
    ("API server", "KubeAPIServerAvailable", "2 min"),
    ("ignition", "IgnitionEndpointAvailable", "3 min"),
    ("control plane", "Available", "5 min"),
];

/// Waits until the cluster's first version is complete.
pub(super) async fn until_ready(
    globals: &Globals,
    live: &Live,
    target: &Target,
    stop: &Stop,
    program: &'static str,
) -> Ended {
    let watch = Watch { globals, live, target, stop, program, begun: Instant::now() };
    watch.until(&mut Chain::default()).await?;
    watch.tell(&format!("{target} is ready"));
    if !globals.quiet {
        ui::note(&format!(
            "next: `{program} create kubeconfig {name} -n {namespace} > {name}.kubeconfig`\n",
            name = target.name,
            namespace = target.namespace
        ));
    }
    Ok(Outcome::Yes)
}

/// What was said of a cluster so far.
#[derive(Default)]
struct Chain {
    closed: [bool; LINKS.len()],
    nodes: Option<(i64, i64)>,
}

impl Goal for Chain {
    const GATES: &'static [&'static str] = &[
        "ValidConfiguration",
        "SupportedHostedCluster",
        "ValidReleaseImage",
        "ValidReleaseInfo",
        "ValidAzureKMSConfig",
    ];
    const USUAL: Duration = Duration::from_secs(30 * 60);
    const NOT_YET: &'static str = "is not ready";
    const NEVER: &'static str = "cannot become ready";

    fn news(&mut self, seen: &Seen) -> Vec<String> {
        self.links(&seen.cluster, &seen.node_pools)
    }

    fn is_reached(&self, seen: &Seen) -> bool {
        seen.cluster.version.history.first().is_some_and(|first| first.state == "Completed")
    }
}

impl Chain {
    /// What is new, a line each.
    fn links(&mut self, cluster: &HostedCluster, node_pools: &[NodePool]) -> Vec<String> {
        let mut lines = Vec::new();
        for ((label, condition, usual), closed) in LINKS.iter().zip(&mut self.closed) {
            let now = cluster.condition(condition).is_some_and(facts::hosted::Condition::is_true);
            if now && !*closed {
                lines.push(format!("{label} ok (usually {usual})"));
            }
            if !now && *closed {
                let why = cluster.condition(condition).map(|it| it.message.clone()).unwrap_or_default();
                lines.push(format!("{label} no longer ok: {why}"));
            }
            *closed = now;
        }
        let nodes = (
            node_pools.iter().map(|pool| i64::from(pool.ready_replicas.unwrap_or(0))).sum(),
            node_pools.iter().map(|pool| i64::from(pool.replicas.unwrap_or(0))).sum(),
        );
        if self.nodes != Some(nodes) {
            self.nodes = Some(nodes);
            lines.push(format!("nodes {}/{} (usually 6 to 9 min)", nodes.0, nodes.1));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::watch::tests::cluster;

    #[test]
    fn each_link_is_told_once_and_again_when_it_opens() {
        let mut chain = Chain::default();
        assert_eq!(chain.links(&cluster(&[]), &[]), ["nodes 0/0 (usually 6 to 9 min)"]);
        let etcd = cluster(&[("EtcdAvailable", "True"), ("KubeAPIServerAvailable", "False")]);
        assert_eq!(chain.links(&etcd, &[]), ["etcd ok (usually 1 min)"]);
        assert_eq!(chain.links(&etcd, &[]), Vec::<String>::new());
        let both = cluster(&[("KubeAPIServerAvailable", "True"), ("EtcdAvailable", "True")]);
        assert_eq!(chain.links(&both, &[]), ["API server ok (usually 2 min)"]);
        let lost = cluster(&[("EtcdAvailable", "False"), ("KubeAPIServerAvailable", "True")]);
        assert_eq!(chain.links(&lost, &[]), ["etcd no longer ok: it is so"]);
    }
}
