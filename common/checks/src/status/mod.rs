//! [`Status`]: where a hosted cluster stands, on one screen.
//!
//! It is judged from fewer facts than the doctor reads ([`needs`]). Root causes come from the same checks; what was not
//! read is said as not seen with its reason, and is never counted as healthy.

mod azure;
mod control_plane;
mod insight;
mod node_pools;
mod progress;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use facts::hosted::HostedCluster;
use facts::{Facts, Gap, Need, Source, Target};
use jiff::Timestamp;

pub use azure::{Azure, Egress, Found};
pub use control_plane::{Basis, ControlPlane, Pending};
pub use insight::Insight;
pub use node_pools::{Desired, PoolSkew, PoolState, PoolStatus};
pub use progress::{Assessment, Completion, Estimate};

use crate::shell::command;
use crate::{Selection, Stage, View, examine};

/// Something that was seen, or why it was not.
pub type Seen<T> = Result<T, Gap>;

/// The facts that a status is made of: what the screen shows, and the checks that most often tell why.
pub fn needs() -> BTreeSet<Need> {
    [
        Need::Login,
        Need::ResourceGroups,
        Need::Identities,
        Need::FederatedCredentials,
        Need::Network,
        Need::Operator,
        Need::HostedCluster,
        Need::NodePools,
        Need::Machines,
        Need::Components,
        Need::Pods,
    ]
    .into()
}

/// Where one hosted cluster stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// When the facts were collected.
    pub collected_at: Timestamp,
    /// The hosted cluster.
    pub target: Target,
    /// Where the facts come from.
    pub source: Source,
    /// The verdict in one word.
    pub assessment: Assessment,
    /// The verdict in one sentence.
    pub reason: String,
    /// Since when it is so, where something tells.
    pub since: Option<Timestamp>,
    /// The cluster's own particulars.
    pub cluster: Seen<Particulars>,
    /// How far an installation or upgrade is; none when nothing is under way.
    pub completion: Option<Seen<Completion>>,
    /// How long it will take, where an earlier upgrade tells.
    pub estimate: Option<Estimate>,
    /// The control plane.
    pub control_plane: Seen<ControlPlane>,
    /// The node pools, sorted by name.
    pub node_pools: Seen<Vec<PoolStatus>>,
    /// The Azure side.
    pub azure: Azure,
    /// Root causes, failures first.
    pub insights: Vec<Insight>,
    /// What to do next; none when there is nothing to do. Our own commands are written for `oc`.
    pub next: Option<String>,
}

/// What the header of a status names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Particulars {
    /// The version that was reached last; none before the first.
    pub version: Option<String>,
    /// The version that the cluster is on its way to; none when it is on no way.
    pub going_to: Option<String>,
    /// The region.
    pub location: String,
    /// `Public`, `PublicAndPrivate` or `Private`.
    pub topology: String,
}

impl Status {
    /// Root causes that are failures.
    pub fn failures(&self) -> usize {
        self.insights.iter().filter(|insight| insight.is_failure).count()
    }

    /// Root causes that are warnings.
    pub fn warnings(&self) -> usize {
        self.insights.len() - self.failures()
    }

    /// What could not be seen, each reason once, with the parts that miss it.
    pub fn unseen(&self) -> Vec<(Vec<&'static str>, &Gap)> {
        let azure = &self.azure;
        let parts: [(&'static str, Option<&Gap>); 8] = [
            ("HostedCluster", self.cluster.as_ref().err()),
            ("control plane", self.control_plane.as_ref().err()),
            ("node pools", self.node_pools.as_ref().err()),
            (
                "machines",
                self.node_pools
                    .as_ref()
                    .ok()
                    .and_then(|pools| pools.iter().find_map(|pool| pool.machines.as_ref().err())),
            ),
            ("identities", azure.identities.as_ref().err()),
            ("federated credentials", azure.federated.as_ref().err()),
            ("egress", azure.egress.as_ref().err()),
            ("resource group", azure.resource_group.as_ref().err()),
        ];
        let mut list: Vec<(Vec<&'static str>, &Gap)> = Vec::new();
        for (part, gap) in parts {
            let Some(gap) = gap else { continue };
            match list.iter_mut().find(|(_, known)| *known == gap) {
                Some((names, _)) => names.push(part),
                None => list.push((vec![part], gap)),
            }
        }
        list
    }
}

/// Judges where the hosted cluster of `facts` stands.
pub fn of(facts: &Facts) -> Status {
    let report = examine(facts, &Selection::default().of_stage(Stage::Support));
    let view = View::new(facts);
    let cluster = view.cluster();
    let course = cluster.as_ref().ok().map(|cluster| progress::Course::of(cluster));
    let node_pools = cluster.clone().and_then(|cluster| node_pools::of(&view, cluster, &report));
    let wanted = course.as_ref().and_then(progress::Course::version);
    let control_plane = control_plane::of(&view, wanted);
    let pools = node_pools.as_deref().unwrap_or_default();
    // What has not come up yet is news only where nothing is under way.
    let coming = match &control_plane {
        Ok(plane) if course.as_ref().is_some_and(progress::Course::is_under_way) => plane.pending.as_slice(),
        _ => &[],
    };
    let insights = insight::of(&report, pools, coming);
    let azure = azure::of(&view, node_pools.as_deref());
    let judged = match (&cluster, &course) {
        (Ok(cluster), Some(course)) => {
            let seen = progress::Evidence {
                now: facts.collected_at,
                cluster,
                course,
                control_plane: &control_plane,
                node_pools: &node_pools,
                machines: view.machines(),
                insights: &insights,
            };
            progress::judge(&seen)
        }
        (Err(gap), _) => progress::Judged::unknown(format!("the HostedCluster was not seen: {}", gap.why)),
        (Ok(_), None) => progress::Judged::unknown("the HostedCluster was not seen".to_owned()),
    };
    let mut status = Status {
        collected_at: facts.collected_at,
        target: facts.target.clone(),
        source: facts.source.clone(),
        assessment: judged.assessment,
        reason: judged.reason,
        since: judged.since,
        cluster: cluster.clone().map(|cluster| particulars(cluster, course.as_ref())),
        completion: judged.completion,
        estimate: judged.estimate,
        control_plane,
        node_pools,
        azure,
        insights,
        next: None,
    };
    status.next = next(&status);
    status
}

fn particulars(cluster: &HostedCluster, course: Option<&progress::Course>) -> Particulars {
    Particulars {
        version: course.and_then(|course| course.reached.clone()),
        going_to: course.and_then(|course| course.going_to.clone()),
        location: cluster.azure.location.clone(),
        topology: cluster.azure.topology.clone().unwrap_or_else(|| "Public".to_owned()),
    }
}

/// The one command that helps most.
fn next(status: &Status) -> Option<String> {
    let (name, namespace) = (&status.target.name, &status.target.namespace);
    let doctor = || match &status.source {
        Source::Live { .. } => command!("oc hcp-azure doctor {name} -n {namespace}"; name, namespace),
        Source::Bundle { path, .. } => {
            command!("oc hcp-azure doctor {name} -n {namespace} --bundle {path}"; name, namespace, path)
        }
    };
    if status.failures() > 0 {
        return Some(doctor());
    }
    match status.assessment {
        Assessment::Degraded => Some(doctor()),
        Assessment::Unknown => {
            Some(status.unseen().iter().find_map(|(_, gap)| gap.remedy.clone()).unwrap_or_else(doctor))
        }
        Assessment::Installing | Assessment::Upgrading | Assessment::Deleting => {
            Some(command!("oc hcp-azure status {name} -n {namespace} --watch"; name, namespace))
        }
        Assessment::Paused => Some(command!(
            "oc -n {namespace} patch hostedcluster {name} --type merge -p '{{\"spec\":{{\"pausedUntil\":null}}}}'"; namespace, name
        )),
        Assessment::Healthy if status.warnings() > 0 => Some(doctor()),
        Assessment::Healthy => status.unseen().iter().find_map(|(_, gap)| gap.remedy.clone()),
    }
}
