//! Waiting for a hosted cluster: what is new as it happens, and the cause when it does not come.

use std::collections::BTreeSet;
use std::time::Duration;

use cloud::apply::Stop;
use cloud::live::Live;
use facts::hosted::{Component, HostedCluster, NodePool};
use facts::{Fact, Need, Target};
use tokio::time::Instant;
use ui::{Failure, FailureKind};

use crate::cmd::doctor;
use crate::globals::Globals;

/// The time between two looks.
const POLL: Duration = Duration::from_secs(5);
/// How long a condition that forbids success must stand before it is believed.
const SETTLED: Duration = Duration::from_secs(60);
/// How long the API server may be out of reach while we wait.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is waited for.
pub(crate) trait Goal {
    /// Conditions of the HostedCluster without which it is never reached.
    const GATES: &'static [&'static str];
    /// How long it usually takes at most: then the doctor looks once.
    const USUAL: Duration;
    /// What a look reads besides the HostedCluster and its NodePools.
    const ALSO: &'static [Need] = &[];
    /// `is not ready`.
    const NOT_YET: &'static str;
    /// `cannot become ready`.
    const NEVER: &'static str;

    /// What is new since the last look, a line each.
    fn news(&mut self, seen: &Seen) -> Vec<String>;

    /// Whether it is reached.
    fn is_reached(&self, seen: &Seen) -> bool;
}

/// A hosted cluster as it is now.
pub(crate) struct Seen {
    pub cluster: HostedCluster,
    pub node_pools: Vec<NodePool>,
    /// The components of its control plane; none when they were not asked for, or could not be read.
    pub components: Vec<Component>,
}

/// Who waits, and for what cluster.
pub(crate) struct Watch<'a> {
    pub globals: &'a Globals,
    pub live: &'a Live,
    pub target: &'a Target,
    pub stop: &'a Stop,
    pub program: &'static str,
    pub begun: Instant,
}

impl Watch<'_> {
    /// Waits until the goal is reached.
    ///
    /// # Errors
    /// It cannot be reached, the HostedCluster is gone or out of sight, or the run is stopped.
    pub async fn until<G: Goal>(&self, goal: &mut G) -> Result<(), Failure> {
        let target = self.target;
        let mut gate = Gate::default();
        let mut last = Instant::now();
        let mut examined = false;
        loop {
            match self.look::<G>().await {
                Look::Seen(seen) => {
                    last = Instant::now();
                    for line in goal.news(&seen) {
                        self.tell(&line);
                    }
                    if goal.is_reached(&seen) {
                        return Ok(());
                    }
                    if let Some(why) = gate.judge(&seen.cluster, G::GATES, last) {
                        return Err(self.never(G::NEVER, &why).await);
                    }
                }
                Look::Gone => {
                    return Err(Failure::new(
                        FailureKind::Operation,
                        format!("HostedCluster {target} was deleted meanwhile"),
                    ));
                }
                Look::Unseen(why) if last.elapsed() > PATIENCE => {
                    return Err(Failure::usage(format!("cannot see HostedCluster {target} any longer")).why(why));
                }
                Look::Unseen(_) => {}
            }
            if self.begun.elapsed() > G::USUAL && !examined {
                examined = true;
                self.tell("longer than usual: this is what the doctor says");
                self.examine().await;
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = self.stop.wait() => return Err(self.stopped(G::NOT_YET).await),
            }
        }
    }

    /// Says something, with the time that has passed.
    pub fn tell(&self, line: &str) {
        if !self.globals.quiet {
            let seconds = self.begun.elapsed().as_secs();
            ui::note(&format!("  {:02}:{:02}  {line}\n", seconds / 60, seconds % 60));
        }
    }

    /// The HostedCluster and its NodePools as they are now.
    async fn look<G: Goal>(&self) -> Look {
        let needs: BTreeSet<Need> = [Need::HostedCluster, Need::NodePools].iter().chain(G::ALSO).copied().collect();
        let hosted = self.live.kubernetes.collect(self.target, &needs).await.hosted;
        match (hosted.cluster, hosted.node_pools) {
            (Fact::Known(cluster), Fact::Known(node_pools)) => {
                let components = hosted.components.get().cloned().unwrap_or_default();
                Look::Seen(Box::new(Seen { cluster, node_pools, components }))
            }
            (Fact::Absent, _) => Look::Gone,
            (Fact::Unreadable(gap), _) | (_, Fact::Unreadable(gap)) => Look::Unseen(gap.why),
            _ => Look::Unseen("the management cluster was not asked".to_owned()),
        }
    }

    /// Lets the doctor say what it sees. One who cannot see, as when the API server is away, neither ends the wait nor
    /// hides how it ended.
    async fn examine(&self) {
        if let Ok(causes) = doctor::causes(self.globals, self.live, self.target, self.program).await {
            ui::note(&causes);
        }
    }

    /// It cannot come: the doctor says why.
    async fn never(&self, never: &str, why: &str) -> Failure {
        self.examine().await;
        Failure::new(FailureKind::Operation, format!("{} {never}", self.target)).why(why).hint(self.look_again())
    }

    /// The deadline, or somebody who does not want to wait any longer: the cluster goes on without us.
    async fn stopped(&self, not_yet: &str) -> Failure {
        let waited = match self.begun.elapsed().as_secs() {
            seconds @ ..60 => format!("{seconds} s"),
            seconds => format!("{} min", seconds / 60),
        };
        if !self.globals.quiet {
            self.examine().await;
        }
        let what = format!("{} {not_yet} after {waited}; it goes on without us", self.target);
        Failure::new(FailureKind::Interrupted, what).hint(self.look_again())
    }

    fn look_again(&self) -> String {
        format!("`{} doctor {} -n {}` looks again", self.program, self.target.name, self.target.namespace)
    }
}

/// What a look showed.
enum Look {
    Seen(Box<Seen>),
    Gone,
    Unseen(String),
}

/// What forbids success, and since when.
#[derive(Default)]
struct Gate(Option<(String, Instant)>);

impl Gate {
    /// Why the goal can never be reached, once that is certain, as seen `now`.
    fn judge(&mut self, cluster: &HostedCluster, gates: &[&str], now: Instant) -> Option<String> {
        let barred = gates.iter().filter_map(|kind| cluster.condition(kind)).find(|condition| condition.is_false());
        let Some(condition) = barred else {
            self.0 = None;
            return None;
        };
        let why = format!("{} is False: {} {}", condition.kind, condition.reason, condition.message);
        match &self.0 {
            Some((kind, since)) if *kind == condition.kind => (now.duration_since(*since) >= SETTLED).then_some(why),
            _ => {
                self.0 = Some((condition.kind.clone(), now));
                None
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    /// A HostedCluster with these conditions.
    pub(crate) fn cluster(conditions: &[(&str, &str)]) -> HostedCluster {
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
    fn what_forbids_success_is_believed_once_it_has_stood_for_a_while() {
        let (mut gate, begun) = (Gate::default(), Instant::now());
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut judge =
            |cluster: &HostedCluster, now| gate.judge(cluster, &["ValidConfiguration", "ValidReleaseImage"], now);
        let barred = cluster(&[("ValidConfiguration", "True"), ("ValidReleaseImage", "False")]);
        assert_eq!(judge(&barred, at(0)), None);
        assert_eq!(judge(&barred, at(59)), None);
        assert_eq!(judge(&barred, at(60)).unwrap(), "ValidReleaseImage is False: Why it is so");
        // One that passes, or another one, begins anew.
        assert_eq!(judge(&cluster(&[("ValidReleaseImage", "True")]), at(61)), None);
        assert_eq!(judge(&barred, at(62)), None);
        assert_eq!(judge(&cluster(&[("ValidConfiguration", "False")]), at(125)), None);
        assert_eq!(judge(&barred, at(130)), None);
        assert_eq!(judge(&cluster(&[("ValidReleaseImage", "Unknown")]), at(200)), None);
    }
}
