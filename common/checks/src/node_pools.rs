//! NodePools at a glance: a row each, with what it wants, what it has, and how it is.

use facts::hosted::{HostedCluster, NodePool};
use facts::version::{Skew, Version, skew};

/// A NodePool at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePoolRow {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Its HostedCluster.
    pub cluster: String,
    /// How many nodes are wanted; none when the autoscaler decides.
    pub want: Option<i32>,
    /// How many nodes are ready.
    pub ready: i32,
    /// The version that runs; none before its first rollout.
    pub version: Option<String>,
    /// How its version stands to its HostedCluster's.
    pub skew: RowSkew,
    /// The limits of the autoscaler, if it decides.
    pub autoscaling: Option<Limits>,
    /// How it is, in a few words.
    pub state: String,
    /// Processor architecture.
    pub arch: String,
    /// VM size.
    pub vm_size: String,
    /// Availability zone.
    pub zone: Option<String>,
    /// The release image that is asked for.
    pub release_image: String,
}

/// How a version stands to the HostedCluster's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowSkew {
    /// It is supported.
    Ok {
        /// Minors behind.
        behind: u64,
    },
    /// It is too many minors behind.
    TooOld {
        /// Minors behind.
        behind: u64,
    },
    /// It is newer than the HostedCluster.
    Newer,
    /// One of the versions is not known.
    Unknown,
}

impl RowSkew {
    /// In a word, as a table shows it.
    pub fn word(&self) -> String {
        match self {
            Self::Ok { behind: 0 } => "ok".to_owned(),
            Self::Ok { behind } => format!("n-{behind}"),
            Self::TooOld { behind } => format!("n-{behind}, too old"),
            Self::Newer => "newer".to_owned(),
            Self::Unknown => "?".to_owned(),
        }
    }
}

/// The limits of the autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The least number of nodes.
    pub min: i32,
    /// The greatest number of nodes.
    pub max: i32,
}

/// Conditions that are True in a NodePool that can do its work, the weightiest first.
const NEEDED: [&str; 9] = [
    "ValidReleaseImage",
    "SupportedVersionSkew",
    "ValidArchPlatform",
    "ValidPlatformConfig",
    "ValidPlatformImage",
    "ValidMachineConfig",
    "ValidTuningConfig",
    "ValidGeneratedPayload",
    "UpdateManagementEnabled",
];

/// The row of a NodePool. Its HostedCluster may be gone or unreadable.
pub fn node_pool_row(pool: &NodePool, cluster_name: &str, cluster: Option<&HostedCluster>) -> NodePoolRow {
    let own = cluster.and_then(|cluster| {
        cluster.version.effective().and_then(Version::parse).or_else(|| Version::of_image(&cluster.release_image))
    });
    let runs = pool.version.as_deref().and_then(Version::parse);
    let counts = runs.or_else(|| Version::of_image(&pool.release_image));
    let skew = match (own, counts) {
        (Some(own), Some(counts)) => match skew(&own, &counts) {
            Skew::Supported { behind } => RowSkew::Ok { behind },
            Skew::TooOld { behind } => RowSkew::TooOld { behind },
            Skew::Newer => RowSkew::Newer,
        },
        _ => RowSkew::Unknown,
    };
    NodePoolRow {
        namespace: pool.namespace.clone(),
        name: pool.name.clone(),
        cluster: cluster_name.to_owned(),
        want: if pool.auto_scaling.is_some() { None } else { Some(pool.replicas.unwrap_or(0)) },
        ready: pool.ready_replicas.unwrap_or(0),
        version: pool.version.clone(),
        skew,
        autoscaling: pool.auto_scaling.map(|(min, max)| Limits { min, max }),
        state: state(pool),
        arch: pool.arch.clone().unwrap_or_else(|| "amd64".to_owned()),
        vm_size: pool.vm_size.clone(),
        zone: pool.zone.clone(),
        release_image: pool.release_image.clone(),
    }
}

/// How a NodePool is: what matters most, and nothing else.
fn state(pool: &NodePool) -> String {
    if pool.deleted_at.is_some() {
        return "is being deleted".to_owned();
    }
    if let Some(condition) = NEEDED.iter().find_map(|kind| pool.condition(kind).filter(|it| it.is_false())) {
        return format!("{}: {} {}", condition.kind, condition.reason, condition.message).trim_end().to_owned();
    }
    if let Some(until) = pool.paused_until.as_deref().filter(|until| *until != "false") {
        return format!("paused until {until}");
    }
    let is_true = |kind| pool.condition(kind).is_some_and(facts::hosted::Condition::is_true);
    if is_true("UpdatingVersion") {
        let to = Version::of_image(&pool.release_image).map(|to| format!(" to {to}")).unwrap_or_default();
        return format!("upgrading{to}");
    }
    if is_true("UpdatingConfig") || is_true("UpdatingPlatformMachineTemplate") {
        return "replacing nodes for a new configuration".to_owned();
    }
    let ready = pool.ready_replicas.unwrap_or(0);
    let wants = match pool.auto_scaling {
        Some((min, max)) => ready.clamp(min, max.max(min)),
        None => pool.replicas.unwrap_or(0),
    };
    if ready > wants {
        return format!("{} nodes too many, being removed", ready.saturating_sub(wants));
    }
    let lacking = ["AllMachinesReady", "AllNodesHealthy", "ReachedIgnitionEndpoint"]
        .iter()
        .find_map(|kind| pool.condition(kind).filter(|it| it.is_false() && wants > 0));
    match lacking {
        Some(condition) => {
            let said = if condition.message.is_empty() { &condition.reason } else { &condition.message };
            format!("{}: {}", condition.kind, said.lines().next().unwrap_or_default())
        }
        None if ready < wants => format!("{} nodes to come", wants.saturating_sub(ready)),
        None if wants == 0 => "has no nodes".to_owned(),
        None => "ready".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use facts::hosted::Condition;

    use super::*;
    use crate::testkit::node_pool;

    fn condition(kind: &str, status: &str, message: &str) -> Condition {
        Condition {
            kind: kind.into(),
            status: status.into(),
            reason: "Why".into(),
            message: message.into(),
            last_transition: None,
            observed_generation: None,
        }
    }

    #[test]
    fn what_matters_most_is_said() {
        let whole = NodePool { replicas: Some(2), ready_replicas: Some(2), conditions: Vec::new(), ..node_pool("a") };
        let with = |conditions: &[Condition]| NodePool { conditions: conditions.to_vec(), ..whole.clone() };
        let machines = condition("AllMachinesReady", "False", "1 of 2 machines are not ready\nMachine x: y");
        for (pool, want) in [
            (whole.clone(), "ready"),
            (NodePool { replicas: Some(3), ..whole.clone() }, "1 nodes to come"),
            (NodePool { replicas: Some(1), ..whole.clone() }, "1 nodes too many, being removed"),
            (
                NodePool { replicas: Some(0), ready_replicas: None, ..with(std::slice::from_ref(&machines)) },
                "has no nodes",
            ),
            (NodePool { paused_until: Some("true".into()), ..whole.clone() }, "paused until true"),
            (with(std::slice::from_ref(&machines)), "AllMachinesReady: 1 of 2 machines are not ready"),
            (
                with(&[machines.clone(), condition("UpdatingConfig", "True", "")]),
                "replacing nodes for a new configuration",
            ),
            (
                NodePool {
                    release_image: "q.io/r:4.22.7-multi".into(),
                    ..with(&[machines.clone(), condition("UpdatingVersion", "True", "")])
                },
                "upgrading to 4.22.7",
            ),
            (
                with(&[condition("UpdatingVersion", "True", ""), condition("ValidReleaseImage", "False", "no such")]),
                "ValidReleaseImage: Why no such",
            ),
            (
                NodePool { auto_scaling: Some((1, 4)), replicas: None, ready_replicas: Some(3), ..whole.clone() },
                "ready",
            ),
            (
                NodePool { auto_scaling: Some((2, 4)), replicas: None, ready_replicas: Some(1), ..whole.clone() },
                "1 nodes to come",
            ),
        ] {
            assert_eq!(state(&pool), want);
        }
    }
}
