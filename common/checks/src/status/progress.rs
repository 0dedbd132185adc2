//! The verdict: what the cluster is doing, how far it is, and for how long yet.

use facts::Gap;
use facts::hosted::{Condition, HostedCluster, Machine, VersionHistory};
use facts::version::Version;
use jiff::Timestamp;

use super::{ControlPlane, Insight, PoolState, PoolStatus, Seen};
use crate::text::reason;

/// The verdict on a hosted cluster in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assessment {
    /// Control plane and node pools were seen, and nothing is wrong.
    Healthy,
    /// It is on its way to its first version.
    Installing,
    /// The control plane or a node pool is on its way to another version.
    Upgrading,
    /// Something is wrong.
    Degraded,
    /// It is being deleted.
    Deleting,
    /// The operator leaves it as it is.
    Paused,
    /// What it takes to judge was not seen.
    Unknown,
}

impl Assessment {
    /// Its word, in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Installing => "installing",
            Self::Upgrading => "upgrading",
            Self::Degraded => "degraded",
            Self::Deleting => "deleting",
            Self::Paused => "paused",
            Self::Unknown => "unknown",
        }
    }

    /// Its name, in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Installing => "Installing",
            Self::Upgrading => "Upgrading",
            Self::Degraded => "Degraded",
            Self::Deleting => "Deleting",
            Self::Paused => "Paused",
            Self::Unknown => "Unknown",
        }
    }
}

/// How far an installation or upgrade is.
///
/// The control plane is its components and the completion of the version, which waits for the cluster operators. For an
/// installation the other part is nodes, for an upgrade the node pools that ask for the new version. Each part counts half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Percent, rounded down.
    pub percent: u8,
    /// Parts of the control plane that are done, and all of them.
    pub control_plane: (usize, usize),
    /// Nodes or node pools that are done, and all of them.
    pub workers: (usize, usize),
    /// What it was counted from, in words.
    pub basis: String,
}

/// How long the control plane's upgrade will take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Minutes that are left; none when it already takes longer than the upgrade before.
    pub minutes_left: Option<i64>,
    /// What tells.
    pub basis: String,
}

/// The versions between which a cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Course {
    /// The newest version that was completed.
    pub(crate) reached: Option<String>,
    /// The version that it is on its way to.
    pub(crate) going_to: Option<String>,
    /// Since when.
    since: Option<Timestamp>,
    is_upgrade: bool,
    is_install: bool,
}

impl Course {
    /// What `status.version` and `spec.release` say.
    pub(crate) fn of(cluster: &HostedCluster) -> Self {
        let status = &cluster.version;
        let told = |version: &str| (!version.is_empty()).then(|| version.to_owned());
        let completed = status.history.iter().find(|entry| entry.state == "Completed");
        let reached = completed.and_then(|entry| told(&entry.version));
        let newest = status.history.first();
        let asked = || Version::of_image(&cluster.release_image).map(|version| version.to_string());
        if completed.is_none() {
            let going_to =
                newest.and_then(|entry| told(&entry.version)).or_else(|| status.desired.clone()).or_else(asked);
            return Self { reached, going_to, since: cluster.created_at, is_upgrade: false, is_install: true };
        }
        let running = newest.filter(|entry| entry.state != "Completed");
        // The operator has not taken up the wish yet.
        let is_new = newest.is_some_and(|entry| !entry.image.is_empty() && entry.image != cluster.release_image);
        let going_to = match running {
            _ if is_new => asked().or_else(|| Some("a release named by its digest".to_owned())),
            Some(entry) => told(&entry.version).or_else(|| status.desired.clone()),
            None => None,
        };
        let since = running.and_then(|entry| entry.started_at);
        Self { reached, is_upgrade: running.is_some() || is_new, going_to, since, is_install: false }
    }

    /// Whether the control plane is on its way to a version.
    pub(crate) fn is_under_way(&self) -> bool {
        self.is_install || self.is_upgrade
    }

    /// The version that the components are to have.
    pub(crate) fn version(&self) -> Option<&str> {
        self.going_to.as_deref().or(self.reached.as_deref()).filter(|version| Version::parse(version).is_some())
    }
}

/// Whether `pausedUntil` pauses at a moment: `true`, or a time that is yet to come.
pub(crate) fn is_paused(until: Option<&str>, now: Timestamp) -> bool {
    until.is_some_and(|until| until == "true" || until.parse::<Timestamp>().is_ok_and(|until| until > now))
}

/// What the verdict is made of.
pub(super) struct Evidence<'a> {
    pub(super) now: Timestamp,
    pub(super) cluster: &'a HostedCluster,
    pub(super) course: &'a Course,
    pub(super) control_plane: &'a Seen<ControlPlane>,
    pub(super) node_pools: &'a Seen<Vec<PoolStatus>>,
    pub(super) machines: Result<Option<&'a Vec<Machine>>, Gap>,
    pub(super) insights: &'a [Insight],
}

/// The verdict.
pub(super) struct Judged {
    pub(super) assessment: Assessment,
    pub(super) reason: String,
    pub(super) since: Option<Timestamp>,
    pub(super) completion: Option<Seen<Completion>>,
    pub(super) estimate: Option<Estimate>,
}

impl Judged {
    pub(super) fn unknown(reason: String) -> Self {
        Self::of(Assessment::Unknown, reason, None)
    }

    fn of(assessment: Assessment, reason: String, since: Option<Timestamp>) -> Self {
        Self { assessment, reason, since, completion: None, estimate: None }
    }
}

pub(super) fn judge(seen: &Evidence<'_>) -> Judged {
    let Evidence { cluster, course, .. } = *seen;
    let transition = |kind: &str| cluster.condition(kind).and_then(|condition| condition.last_transition);
    if cluster.deleted_at.is_some() {
        return Judged::of(Assessment::Deleting, what_is_left(seen), cluster.deleted_at);
    }
    let inactive = cluster.condition("ReconciliationActive").is_some_and(Condition::is_false);
    if is_paused(cluster.paused_until.as_deref(), seen.now) || inactive {
        let until = cluster.paused_until.as_deref().filter(|until| *until != "true");
        let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
        let since = transition("ReconciliationActive").filter(|_| inactive);
        return Judged::of(Assessment::Paused, format!("the operator changes nothing{until}"), since);
    }
    if course.is_under_way() {
        let (assessment, verb) = if course.is_install {
            (Assessment::Installing, "installing")
        } else {
            (Assessment::Upgrading, "upgrading to")
        };
        let version = course.going_to.as_deref().unwrap_or("a version that nothing names");
        let mut judged = Judged::of(assessment, format!("{verb} {version}"), course.since);
        judged.completion = Some(completion(seen));
        judged.estimate = if course.is_upgrade { estimate(seen) } else { None };
        return judged;
    }
    let pools = seen.node_pools.as_deref().unwrap_or_default();
    let updating: Vec<&PoolStatus> = pools.iter().filter(|pool| pool.state == PoolState::Updating).collect();
    if !updating.is_empty() {
        let names: Vec<&str> = updating.iter().map(|pool| pool.name.as_str()).collect();
        let what = format!("node pool{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "));
        let mut judged = Judged::of(
            Assessment::Upgrading,
            format!("upgrading {what}"),
            updating.iter().filter_map(|pool| pool.since).min(),
        );
        judged.completion = Some(completion(seen));
        return judged;
    }
    settled(seen)
}

/// The verdict on a cluster that is on its way to nowhere.
fn settled(seen: &Evidence<'_>) -> Judged {
    let cluster = seen.cluster;
    let bad = |kind: &str, when_true: bool| {
        cluster.condition(kind).filter(|condition| if when_true { condition.is_true() } else { condition.is_false() })
    };
    let conditions: Vec<&Condition> = [bad("Available", false), bad("Degraded", true)].into_iter().flatten().collect();
    let failures: Vec<&Insight> = seen.insights.iter().filter(|insight| insight.is_failure).collect();
    let pools = seen.node_pools.as_deref().unwrap_or_default();
    let unwell: Vec<&PoolStatus> =
        pools.iter().filter(|pool| matches!(pool.state, PoolState::NotReady | PoolState::Refused)).collect();
    if !conditions.is_empty() || !failures.is_empty() || !unwell.is_empty() {
        let why = match (failures.first(), conditions.first(), unwell.first()) {
            (Some(insight), _, _) => insight.what.clone(),
            (None, Some(condition), _) => format!("{} is {}: {}", condition.kind, condition.status, reason(condition)),
            (None, None, Some(pool)) => {
                format!("node pool {} is {}: {}", pool.name, pool.state.describe(), pool.reason)
            }
            (None, None, None) => String::new(),
        };
        let told = conditions.iter().filter_map(|condition| condition.last_transition);
        let since = told.chain(unwell.iter().filter_map(|pool| pool.since)).min();
        return Judged::of(Assessment::Degraded, why, since);
    }
    let mut lacks: Vec<&str> = Vec::new();
    if seen.control_plane.as_ref().map_or(true, |plane| plane.total == 0) {
        lacks.push("the control plane");
    }
    if seen.node_pools.is_err() {
        lacks.push("the node pools");
    }
    let is_available = cluster.condition("Available").is_some_and(Condition::is_true);
    if !lacks.is_empty() || !is_available {
        let why = if lacks.is_empty() {
            "the HostedCluster does not say whether it is available".to_owned()
        } else {
            format!("{} could not be seen", lacks.join(" and "))
        };
        return Judged::unknown(why);
    }
    let since = ["Available", "Degraded"]
        .into_iter()
        .filter_map(|kind| cluster.condition(kind).and_then(|condition| condition.last_transition))
        .max();
    Judged::of(Assessment::Healthy, "nothing is wrong with what was seen".to_owned(), since)
}

fn what_is_left(seen: &Evidence<'_>) -> String {
    let mut parts = Vec::new();
    if let Ok(pools) = seen.node_pools {
        parts.push(count(pools.len(), "node pool"));
    }
    if let Ok(machines) = &seen.machines {
        parts.push(count(machines.map_or(0, Vec::len), "machine"));
    }
    if let Ok(plane) = seen.control_plane {
        parts.push(count(plane.total, "control plane component"));
    }
    let mut text =
        if parts.is_empty() { "what is left was not seen".to_owned() } else { format!("left: {}", parts.join(", ")) };
    let cloud = seen.cluster.condition("CloudResourcesDestroyed").filter(|condition| !condition.is_true());
    if let Some(condition) = cloud {
        text.push_str(&format!("; cloud resources remain ({})", reason(condition)));
    }
    text
}

fn completion(seen: &Evidence<'_>) -> Seen<Completion> {
    let plane = seen.control_plane.as_ref().map_err(Clone::clone)?;
    let pools = seen.node_pools.as_ref().map_err(Clone::clone)?;
    let under_way = seen.course.is_under_way();
    let control_plane = (plane.rolled_out + usize::from(!under_way), plane.total + 1);
    let operators = if under_way { "cluster operators not done" } else { "cluster operators done" };
    let (workers, what) = if seen.course.is_install {
        let size = |count: i32| usize::try_from(count).unwrap_or(0);
        let wanted = pools.iter().map(|pool| size(pool.desired.least())).sum();
        let ready = pools.iter().map(|pool| size(pool.ready.unwrap_or(0).min(pool.desired.least()))).sum();
        // A node that nobody has counted is not there yet, and the basis says so.
        let untold = pools.iter().any(|pool| pool.ready.is_none() && pool.desired.least() > 0);
        ((ready, wanted), if untold { "nodes, as far as told" } else { "nodes" })
    } else {
        let target = seen.course.version();
        let asks: Vec<&PoolStatus> = pools
            .iter()
            .filter(|pool| {
                pool.state == PoolState::Updating || (target.is_some() && pool.asks_for.as_deref() == target)
            })
            .collect();
        let is_done = |pool: &&&PoolStatus| {
            !matches!(pool.state, PoolState::Updating | PoolState::WaitsForControlPlane)
                && pool.version == pool.asks_for
        };
        ((asks.iter().filter(is_done).count(), asks.len()), "node pools")
    };
    let basis = |what: &str| format!("{} of {} components, {operators}{what}", plane.rolled_out, plane.total);
    let percent = |(done, all): (usize, usize)| done * 100 / all.max(1);
    let (percent, basis) = if workers.1 == 0 {
        (percent(control_plane), basis(&format!("; no {what} to wait for")))
    } else {
        let half = (percent(control_plane) + percent(workers)) / 2;
        (half, basis(&format!("; {} of {} {what}; each part counts half", workers.0, workers.1)))
    };
    Ok(Completion { percent: u8::try_from(percent).unwrap_or(100), control_plane, workers, basis })
}

/// The upgrade before tells how long this one may take. The oldest entry of a history is the installation.
fn estimate(seen: &Evidence<'_>) -> Option<Estimate> {
    let history = &seen.cluster.version.history;
    let minutes = |entry: &VersionHistory| {
        let (from, to) = (entry.started_at?, entry.completed_at?);
        (entry.state == "Completed").then(|| (to.as_second() - from.as_second()) / 60)
    };
    let upgrades = history.get(1..history.len().saturating_sub(1))?;
    let (entry, took) = upgrades.iter().find_map(|entry| Some((entry, minutes(entry)?)))?;
    let elapsed = (seen.now.as_second() - seen.course.since?.as_second()) / 60;
    let basis = format!("the upgrade to {} took {took} min", entry.version);
    Some(Estimate { minutes_left: (elapsed < took).then(|| took - elapsed), basis })
}

pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
