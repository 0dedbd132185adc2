//! Waiting for a hosted cluster: each link of the chain as it closes, and the cause when one does not.

use std::time::Duration;

use cloud::apply::Stop;
use cloud::live::Live;
use facts::hosted::{HostedCluster, NodePool};
use facts::{Fact, Need, Target};
use tokio::time::Instant;
use ui::{Failure, FailureKind, Outcome};

use crate::Ended;
use crate::cmd::doctor;
use crate::globals::Globals;

/// The time between two looks.
const POLL: Duration = Duration::from_secs(5);
/// How long a cluster usually takes at most: then the doctor looks once.
const USUAL: Duration = Duration::from_secs(30 * 60);
/// How long a condition that forbids success must stand before it is believed.
const SETTLED: Duration = Duration::from_secs(60);
/// How long the API server may be out of reach while we wait.
const PATIENCE: Duration = Duration::from_secs(120);

/// One link: what it is, the condition that closes it, and how long it usually takes from the beginning.
const LINKS: [(&str, &str, &str); 5] = [
    ("etcd", "EtcdAvailable", "1 min"),
    ("infrastructure", "InfrastructureReady", "2 min"),
    ("API server", "KubeAPIServerAvailable", "2 min"),
    ("ignition", "IgnitionEndpointAvailable", "3 min"),
    ("control plane", "Available", "5 min"),
];

/// Conditions without which nothing ever becomes ready.
const GATES: [&str; 5] =
    ["ValidConfiguration", "SupportedHostedCluster", "ValidReleaseImage", "ValidReleaseInfo", "ValidAzureKMSConfig"];

/// Waits until the cluster's first version is complete.
pub(super) async fn until_ready(
    globals: &Globals,
    live: &Live,
    target: &Target,
    stop: &Stop,
    program: &'static str,
) -> Ended {
    let begun = Instant::now();
    let mut chain = Chain::default();
    let mut seen = Instant::now();
    let mut examined = false;
    loop {
        match look(live, target).await {
            Look::Seen(cluster, node_pools) => {
                seen = Instant::now();
                for line in chain.news(&cluster, &node_pools) {
                    tell(globals, begun, &line);
                }
                if is_complete(&cluster) {
                    return ready(globals, begun, target, program);
                }
                if let Some(why) = chain.gate(&cluster, seen) {
                    return not_ready(globals, live, target, program, &why).await;
                }
            }
            Look::Gone => {
                return Err(Failure::new(
                    FailureKind::Operation,
                    format!("HostedCluster {target} was deleted meanwhile"),
                ));
            }
            Look::Unseen(why) if seen.elapsed() > PATIENCE => {
                return Err(Failure::usage(format!("cannot see HostedCluster {target} any longer")).why(why));
            }
            Look::Unseen(_) => {}
        }
        if begun.elapsed() > USUAL && !examined {
            examined = true;
            tell(globals, begun, "longer than usual: this is what the doctor says");
            examine(globals, live, target, program).await;
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = stop.wait() => return stopped(globals, live, target, program, begun).await,
        }
    }
}

/// The HostedCluster and its NodePools as they are now.
async fn look(live: &Live, target: &Target) -> Look {
    let needs = [Need::HostedCluster, Need::NodePools].into();
    let hosted = live.kubernetes.collect(target, &needs).await.hosted;
    match (hosted.cluster, hosted.node_pools) {
        (Fact::Known(cluster), Fact::Known(node_pools)) => Look::Seen(Box::new(cluster), node_pools),
        (Fact::Absent, _) => Look::Gone,
        (Fact::Unreadable(gap), _) | (_, Fact::Unreadable(gap)) => Look::Unseen(gap.why),
        _ => Look::Unseen("the management cluster was not asked".to_owned()),
    }
}

/// What a look showed.
enum Look {
    Seen(Box<HostedCluster>, Vec<NodePool>),
    Gone,
    Unseen(String),
}

fn is_complete(cluster: &HostedCluster) -> bool {
    cluster.version.history.first().is_some_and(|first| first.state == "Completed")
}

/// What was said of a cluster so far.
#[derive(Default)]
struct Chain {
    closed: [bool; LINKS.len()],
    nodes: Option<(i64, i64)>,
    barred: Option<(String, Instant)>,
}

impl Chain {
    /// What is new, a line each.
    fn news(&mut self, cluster: &HostedCluster, node_pools: &[NodePool]) -> Vec<String> {
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

    /// Why the cluster can never become ready, once that is certain, as seen `now`.
    fn gate(&mut self, cluster: &HostedCluster, now: Instant) -> Option<String> {
        let barred = GATES.iter().filter_map(|kind| cluster.condition(kind)).find(|condition| condition.is_false());
        let Some(condition) = barred else {
            self.barred = None;
            return None;
        };
        let why = format!("{} is False: {} {}", condition.kind, condition.reason, condition.message);
        match &self.barred {
            Some((kind, since)) if *kind == condition.kind => (now.duration_since(*since) >= SETTLED).then_some(why),
            _ => {
                self.barred = Some((condition.kind.clone(), now));
                None
            }
        }
    }
}

fn tell(globals: &Globals, begun: Instant, line: &str) {
    if !globals.quiet {
        let seconds = begun.elapsed().as_secs();
        ui::note(&format!("  {:02}:{:02}  {line}\n", seconds / 60, seconds % 60));
    }
}

fn ready(globals: &Globals, begun: Instant, target: &Target, program: &str) -> Ended {
    tell(globals, begun, &format!("{target} is ready"));
    if !globals.quiet {
        ui::note(&format!(
            "next: `{program} create kubeconfig {name} -n {namespace} > {name}.kubeconfig`\n",
            name = target.name,
            namespace = target.namespace
        ));
    }
    Ok(Outcome::Yes)
}

/// Lets the doctor say what it sees. One who cannot see, as when the API server is away, neither ends the wait nor hides
/// how it ended.
async fn examine(globals: &Globals, live: &Live, target: &Target, program: &str) {
    if let Ok(causes) = doctor::causes(globals, live, target, program).await {
        ui::note(&causes);
    }
}

/// The cluster cannot become ready: the doctor says why.
async fn not_ready(globals: &Globals, live: &Live, target: &Target, program: &str, why: &str) -> Ended {
    examine(globals, live, target, program).await;
    Err(Failure::new(FailureKind::Operation, format!("{target} cannot become ready"))
        .why(why)
        .hint(format!("`{program} doctor {} -n {}` looks again", target.name, target.namespace)))
}

/// The deadline, or somebody who does not want to wait any longer: the cluster goes on without us.
async fn stopped(globals: &Globals, live: &Live, target: &Target, program: &str, begun: Instant) -> Ended {
    let waited = match begun.elapsed().as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    };
    if !globals.quiet {
        examine(globals, live, target, program).await;
    }
    Err(Failure::new(FailureKind::Interrupted, format!("{target} is not ready after {waited}; it goes on without us"))
        .hint(format!("`{program} doctor {} -n {}` looks again", target.name, target.namespace)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    /// A HostedCluster with these conditions.
    fn cluster(conditions: &[(&str, &str)]) -> HostedCluster {
        let condition = |(kind, status): &(&str, &str)| json!({"type": kind, "status": status, "reason": "Why", "message": "it is so"});
        let conditions: Vec<Value> = conditions.iter().map(condition).collect();
        let object = json!({
            "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "HostedCluster",
            "metadata": {"name": "dev", "namespace": "clusters"},
            "spec": {"platform": {"type": "Azure", "azure": {}}},
            "status": {"conditions": conditions},
        });
        cloud::kubernetes::objects::hosted_cluster(&object).unwrap()
    }

    #[test]
    fn each_link_is_told_once_and_again_when_it_opens() {
        let mut chain = Chain::default();
        assert_eq!(chain.news(&cluster(&[]), &[]), ["nodes 0/0 (usually 6 to 9 min)"]);
        let etcd = cluster(&[("EtcdAvailable", "True"), ("KubeAPIServerAvailable", "False")]);
        assert_eq!(chain.news(&etcd, &[]), ["etcd ok (usually 1 min)"]);
        assert_eq!(chain.news(&etcd, &[]), Vec::<String>::new());
        let both = cluster(&[("KubeAPIServerAvailable", "True"), ("EtcdAvailable", "True")]);
        assert_eq!(chain.news(&both, &[]), ["API server ok (usually 2 min)"]);
        let lost = cluster(&[("EtcdAvailable", "False"), ("KubeAPIServerAvailable", "True")]);
        assert_eq!(chain.news(&lost, &[]), ["etcd no longer ok: it is so"]);
    }

    #[test]
    fn what_forbids_success_is_believed_once_it_has_stood_for_a_while() {
        let (mut chain, begun) = (Chain::default(), Instant::now());
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let barred = cluster(&[("ValidConfiguration", "True"), ("ValidReleaseImage", "False")]);
        assert_eq!(chain.gate(&barred, at(0)), None);
        assert_eq!(chain.gate(&barred, at(59)), None);
        assert_eq!(chain.gate(&barred, at(60)).unwrap(), "ValidReleaseImage is False: Why it is so");
        // One that passes, or another one, begins anew.
        assert_eq!(chain.gate(&cluster(&[("ValidReleaseImage", "True")]), at(61)), None);
        assert_eq!(chain.gate(&barred, at(62)), None);
        assert_eq!(chain.gate(&cluster(&[("ValidConfiguration", "False")]), at(125)), None);
        assert_eq!(chain.gate(&barred, at(130)), None);
        assert_eq!(chain.gate(&cluster(&[("ValidReleaseImage", "Unknown")]), at(200)), None);
    }
}
