//! The node pools: what each wants, what it has, and why the two differ.

use facts::hosted::{AzureMachine, Condition, HostedCluster, Machine, NodePool};
use facts::version::{Skew, Version, skew};
use facts::{ArmId, Gap};
use jiff::Timestamp;

use super::Seen;
use super::progress::{Course, count, is_paused};
use crate::text::reason;
use crate::{Key, Report, Verdict, View};

/// Where one node pool stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolStatus {
    /// Its name.
    pub name: String,
    /// The nodes that it wants.
    pub desired: Desired,
    /// The nodes that are ready; none when it does not tell.
    pub ready: Option<i32>,
    /// The version that its nodes run; none when it does not tell.
    pub version: Option<String>,
    /// The version that it asks for, where its image names one.
    pub asks_for: Option<String>,
    /// How its version stands to the cluster's; none when one of both is not known.
    pub skew: Option<PoolSkew>,
    /// Its state.
    pub state: PoolState,
    /// Why; empty when all is well.
    pub reason: String,
    /// Since when it is so, where something tells.
    pub since: Option<Timestamp>,
    /// Its Machines, or why they were not seen.
    pub machines: Seen<usize>,
    /// The subnet that it names.
    pub(crate) subnet_id: Option<ArmId>,
}

/// How many nodes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desired {
    /// So many.
    Fixed(i32),
    /// As many as the autoscaler decides.
    Between {
        /// At least.
        min: i32,
        /// At most.
        max: i32,
    },
}

impl Desired {
    /// The nodes that are wanted for sure.
    pub fn least(self) -> i32 {
        match self {
            Self::Fixed(count) => count,
            Self::Between { min, .. } => min,
        }
    }
}

/// How the version of a node pool stands to its cluster's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolSkew {
    /// So many minors behind, which is supported.
    Behind(u64),
    /// Too many minors behind.
    TooOld(u64),
    /// Newer than the cluster.
    Newer,
}

/// The state of a node pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoolState {
    /// It has what it wants.
    Ready,
    /// Nodes are on their way.
    ScalingUp,
    /// Nodes are replaced by ones of another version.
    Updating,
    /// Nodes are replaced by ones of another configuration.
    Reconfiguring,
    /// Its version waits for the control plane's.
    WaitsForControlPlane,
    /// The operator leaves it as it is.
    Paused,
    /// It is being deleted.
    Deleting,
    /// It has fewer healthy nodes than it wants, and something is in the way.
    NotReady,
    /// The operator refuses what it asks for.
    Refused,
    /// It does not tell.
    NotTold,
}

impl PoolState {
    /// Its words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::ScalingUp => "scaling up",
            Self::Updating => "updating",
            Self::Reconfiguring => "updating its configuration",
            Self::WaitsForControlPlane => "waits for control plane",
            Self::Paused => "paused",
            Self::Deleting => "deleting",
            Self::NotReady => "not ready",
            Self::Refused => "refused",
            Self::NotTold => "not told yet",
        }
    }
}

/// Minutes in which nodes may come up.
const COMING_UP: i64 = 20;

pub(super) fn of(view: &View<'_>, cluster: &HostedCluster, report: &Report) -> Seen<Vec<PoolStatus>> {
    let mut pools: Vec<PoolStatus> = view.node_pools()?.iter().map(|pool| judge(view, cluster, pool, report)).collect();
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pools)
}

fn judge(view: &View<'_>, cluster: &HostedCluster, pool: &NodePool, report: &Report) -> PoolStatus {
    let course = Course::of(cluster);
    let runs = pool.version.as_deref().and_then(Version::parse);
    let asks_for = Version::of_image(&pool.release_image);
    let own = cluster.version.effective().and_then(Version::parse);
    let skew = runs.as_ref().zip(own.as_ref()).map(|(runs, own)| match skew(own, runs) {
        Skew::Supported { behind } => PoolSkew::Behind(behind),
        Skew::TooOld { behind } => PoolSkew::TooOld(behind),
        Skew::Newer => PoolSkew::Newer,
    });
    let desired = match pool.auto_scaling {
        Some((min, max)) => Desired::Between { min, max },
        None => Desired::Fixed(pool.replicas.unwrap_or(0)),
    };
    let machines = view.machines().map(|machines| {
        let own = |machine: &&Machine| machine.node_pool.as_deref() == Some(pool.name.as_str());
        machines.map_or(&[][..], Vec::as_slice).iter().filter(own).collect::<Vec<_>>()
    });
    let worst = worst(view, pool, report, machines.as_deref());
    let going_to = course.going_to.as_deref().and_then(Version::parse);
    // Up to the control plane's next version, and no further.
    let ahead = asks_for.as_ref().zip(own.as_ref()).is_some_and(|(asked, own)| asked > own);
    let waits = ahead && asks_for == going_to;
    let (state, reason, since) = state(view, pool, desired, &worst, waits, machines.as_deref());
    PoolStatus {
        name: pool.name.clone(),
        desired,
        ready: pool.ready_replicas,
        version: pool.version.clone().filter(|version| !version.is_empty()),
        asks_for: asks_for.map(|version| version.to_string()),
        skew,
        state,
        reason,
        since,
        machines: machines.map(|machines| machines.len()),
        subnet_id: pool.subnet_id.clone(),
    }
}

type Told = (PoolState, String, Option<Timestamp>);

fn state(
    view: &View<'_>,
    pool: &NodePool,
    desired: Desired,
    worst: &Worst,
    waits: bool,
    machines: Result<&[&Machine], &Gap>,
) -> Told {
    let since = |kind: &str| pool.condition(kind).and_then(|condition| condition.last_transition);
    let holds = |kind: &str| pool.condition(kind).is_some_and(Condition::is_true);
    let fails = |kind: &str| pool.condition(kind).is_some_and(Condition::is_false);
    if pool.deleted_at.is_some() {
        let left = machines.map_or_else(|_| String::new(), |list| format!("{} left", count(list.len(), "machine")));
        return (PoolState::Deleting, left, pool.deleted_at);
    }
    if is_paused(pool.paused_until.as_deref(), view.now()) || fails("ReconciliationActive") {
        return (PoolState::Paused, String::new(), since("ReconciliationActive"));
    }
    if waits {
        return (PoolState::WaitsForControlPlane, String::new(), None);
    }
    let refused = pool.conditions.iter().find(|condition| {
        condition.is_false() && (condition.kind.starts_with("Valid") || condition.kind == "SupportedVersionSkew")
    });
    if let Some(condition) = refused {
        let why = format!("{}: {}", condition.kind, reason(condition));
        return (PoolState::Refused, why, condition.last_transition);
    }
    let runs = pool.version.as_deref().and_then(Version::parse);
    let differs = runs.zip(Version::of_image(&pool.release_image)).is_some_and(|(runs, asked)| runs != asked);
    if holds("UpdatingVersion") || differs {
        let to = Version::of_image(&pool.release_image).map(|version| format!("to {version}")).unwrap_or_default();
        return (
            PoolState::Updating,
            join(&to, worst.text()),
            since("UpdatingVersion").filter(|_| holds("UpdatingVersion")),
        );
    }
    if let Some(kind) = ["UpdatingConfig", "UpdatingPlatformMachineTemplate"].into_iter().find(|kind| holds(kind)) {
        return (PoolState::Reconfiguring, worst.text().to_owned(), since(kind));
    }
    let unwell = ["AllMachinesReady", "AllNodesHealthy", "Ready"]
        .into_iter()
        .filter_map(|kind| pool.condition(kind))
        .find(|condition| condition.is_false() && desired.least() > 0);
    let lacks = pool.ready_replicas.is_some_and(|ready| ready < desired.least());
    if let Worst::Broken(text) = worst {
        return (PoolState::NotReady, text.clone(), unwell.and_then(|condition| condition.last_transition));
    }
    if lacks || unwell.is_some() {
        let recent = |then: Option<Timestamp>| then.is_some_and(|then| view.minutes_since(then) < COMING_UP);
        let at = unwell.and_then(|condition| condition.last_transition);
        let text = match (worst.text(), unwell) {
            ("", Some(condition)) => reason(condition),
            (text, _) => text.to_owned(),
        };
        let coming = recent(at.or(pool.created_at)) || matches!(worst, Worst::Coming(_));
        let state = if coming { PoolState::ScalingUp } else { PoolState::NotReady };
        return (state, text, at);
    }
    if pool.ready_replicas.is_none() && desired.least() > 0 {
        return (PoolState::NotTold, String::new(), None);
    }
    (PoolState::Ready, String::new(), since("Ready"))
}

fn join(one: &str, other: &str) -> String {
    [one, other].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What the machines of a pool say of it.
enum Worst {
    /// Nothing.
    Nothing,
    /// The worst machine is on its way.
    Coming(String),
    /// The worst machine will not come.
    Broken(String),
}

impl Worst {
    fn text(&self) -> &str {
        match self {
            Self::Nothing => "",
            Self::Coming(text) | Self::Broken(text) => text,
        }
    }
}

/// The reason of the worst machine: what the doctor finds about it, else the oldest one that is no node yet.
fn worst(view: &View<'_>, pool: &NodePool, report: &Report, machines: Result<&[&Machine], &Gap>) -> Worst {
    let key = Key::NodePool(pool.name.clone());
    let found = report
        .rows
        .iter()
        .filter(|row| row.check.code == "NP02" && row.keys.contains(&key))
        .filter(|row| matches!(row.verdict, Verdict::Fail | Verdict::Warn))
        .min_by_key(|row| row.verdict);
    if let Some(row) = found {
        return Worst::Broken(row.what.replace(&format!(" of NodePool {}", pool.name), ""));
    }
    let oldest = machines
        .unwrap_or_default()
        .iter()
        .filter(|machine| machine.node.is_none() && machine.deleted_at.is_none())
        .min_by_key(|machine| (machine.created_at, &machine.name));
    let Some(machine) = oldest else { return Worst::Nothing };
    let azure = azure_machine(view, machine);
    let word = azure
        .and_then(|azure| {
            azure.conditions.iter().find(|condition| condition.is_false() && !condition.reason.is_empty())
        })
        .map(|condition| condition.reason.as_str())
        .or(machine.phase.as_deref())
        .unwrap_or("no phase yet");
    Worst::Coming(format!("Machine {}: {word}", machine.name))
}

fn azure_machine<'a>(view: &View<'a>, machine: &Machine) -> Option<&'a AzureMachine> {
    let name = machine.azure_machine.as_deref().unwrap_or(&machine.name);
    view.azure_machines().ok()??.iter().find(|azure| azure.name == name)
}
