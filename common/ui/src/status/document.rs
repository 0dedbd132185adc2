//! The status for programs: `-o json` and `-o yaml`.
//!
//! The types here are the contract; fields are only ever added. `cluster-status.schema.json` beside this file describes
//! them, and a test holds the output to it. What was not seen is `null`, and `notSeen` says why.

use checks::status::{Basis, Desired, Egress, Found, PoolState, PoolStatus, Seen, Status};
use facts::Source;
use jiff::Timestamp;
use serde::Serialize;

use super::screen;

/// The version of the documents.
const API_VERSION: &str = "hcp-azure.io/v1";

/// One cluster's status.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    api_version: &'static str,
    kind: &'static str,
    collected_at: String,
    target: Target,
    source: Source,
    assessment: &'static str,
    reason: String,
    since: Option<String>,
    version: Option<String>,
    target_version: Option<String>,
    location: Option<String>,
    topology: Option<String>,
    completion: Option<Completion>,
    estimate: Option<Estimate>,
    control_plane: Option<ControlPlane>,
    node_pools: Option<Vec<NodePool>>,
    azure: AzureSide,
    insights: Vec<Insight>,
    not_seen: Vec<NotSeen>,
    next: Option<String>,
}

/// The statuses of several clusters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatusList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<ClusterStatus>,
}

#[derive(Debug, Serialize)]
struct Target {
    namespace: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct Completion {
    percent: u8,
    basis: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Estimate {
    minutes_left: Option<i64>,
    basis: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ControlPlane {
    basis: &'static str,
    total: usize,
    rolled_out: usize,
    version: Option<String>,
    pending: Vec<Pending>,
}

#[derive(Debug, Serialize)]
struct Pending {
    name: String,
    why: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodePool {
    name: String,
    /// Nodes that are wanted for sure.
    desired: i32,
    /// The most that an autoscaler may make of it.
    desired_max: i32,
    ready: Option<i32>,
    version: Option<String>,
    target_version: Option<String>,
    skew: Option<String>,
    state: &'static str,
    reason: String,
    since: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AzureSide {
    identities: Option<Counted>,
    federated_credentials: Option<Counted>,
    egress: Option<EgressDocument>,
    resource_group: Option<ResourceGroup>,
}

#[derive(Debug, Serialize)]
struct Counted {
    found: usize,
    wanted: usize,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EgressDocument {
    kind: &'static str,
    ips: Option<usize>,
    ports_per_node: Option<i64>,
    nodes: Option<i64>,
    capacity: Option<i64>,
}

#[derive(Debug, Serialize)]
struct ResourceGroup {
    name: String,
    exists: bool,
}

#[derive(Debug, Serialize)]
struct Insight {
    level: &'static str,
    code: &'static str,
    subject: String,
    what: String,
}

#[derive(Debug, Serialize)]
struct NotSeen {
    parts: Vec<&'static str>,
    kind: facts::GapKind,
    why: String,
    needs: Option<String>,
    scope: Option<String>,
    remedy: Option<String>,
}

impl ClusterStatus {
    /// The document of a status.
    pub fn of(status: &Status) -> Self {
        let cluster = status.cluster.as_ref().ok();
        Self {
            api_version: API_VERSION,
            kind: "ClusterStatus",
            collected_at: status.collected_at.to_string(),
            target: Target { namespace: status.target.namespace.clone(), name: status.target.name.clone() },
            source: status.source.clone(),
            assessment: status.assessment.name(),
            reason: status.reason.clone(),
            since: at(status.since),
            version: cluster.and_then(|cluster| cluster.version.clone()),
            target_version: cluster.and_then(|cluster| cluster.going_to.clone()),
            location: cluster.map(|cluster| cluster.location.clone()),
            topology: cluster.map(|cluster| cluster.topology.clone()),
            completion: status
                .completion
                .as_ref()
                .and_then(|seen| seen.as_ref().ok())
                .map(|completion| Completion { percent: completion.percent, basis: completion.basis.clone() }),
            estimate: status
                .estimate
                .as_ref()
                .map(|estimate| Estimate { minutes_left: estimate.minutes_left, basis: estimate.basis.clone() }),
            control_plane: status.control_plane.as_ref().ok().map(control_plane),
            node_pools: status.node_pools.as_ref().ok().map(|pools| pools.iter().map(node_pool).collect()),
            azure: AzureSide {
                identities: counted(&status.azure.identities),
                federated_credentials: counted(&status.azure.federated),
                egress: status.azure.egress.as_ref().ok().map(egress),
                resource_group: status
                    .azure
                    .resource_group
                    .as_ref()
                    .ok()
                    .map(|(name, exists)| ResourceGroup { name: name.clone(), exists: *exists }),
            },
            insights: status
                .insights
                .iter()
                .map(|insight| Insight {
                    level: if insight.is_failure { "failure" } else { "warning" },
                    code: insight.code,
                    subject: insight.subject.clone(),
                    what: insight.what.clone(),
                })
                .collect(),
            not_seen: status
                .unseen()
                .into_iter()
                .map(|(parts, gap)| NotSeen {
                    parts,
                    kind: gap.kind,
                    why: gap.why.clone(),
                    needs: gap.needs.clone(),
                    scope: gap.scope.clone(),
                    remedy: gap.remedy.clone(),
                })
                .collect(),
            next: status.next.clone(),
        }
    }

    /// The same without what every look changes: the time, and the minutes that are left.
    #[must_use]
    pub fn without_time(mut self) -> Self {
        self.collected_at = String::new();
        self.estimate = None;
        self
    }
}

impl ClusterStatusList {
    /// The document of several statuses.
    pub fn of(all: &[Status]) -> Self {
        Self { api_version: API_VERSION, kind: "ClusterStatusList", items: all.iter().map(ClusterStatus::of).collect() }
    }
}

/// The JSON Schema of [`ClusterStatus`] and [`ClusterStatusList`].
pub fn schema() -> &'static str {
    include_str!("cluster-status.schema.json")
}

fn at(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

fn control_plane(plane: &checks::status::ControlPlane) -> ControlPlane {
    ControlPlane {
        basis: match plane.basis {
            Basis::Components => "components",
            Basis::Workloads => "workloads",
        },
        total: plane.total,
        rolled_out: plane.rolled_out,
        version: plane.version.clone(),
        pending: plane
            .pending
            .iter()
            .map(|pending| Pending { name: pending.name.clone(), why: pending.why.clone() })
            .collect(),
    }
}

fn node_pool(pool: &PoolStatus) -> NodePool {
    NodePool {
        name: pool.name.clone(),
        desired: pool.desired.least(),
        desired_max: match pool.desired {
            Desired::Fixed(count) => count,
            Desired::Between { max, .. } => max,
        },
        ready: pool.ready,
        version: pool.version.clone(),
        target_version: pool.asks_for.clone(),
        skew: pool.skew.map(|skew| screen::skew(Some(skew))),
        state: match pool.state {
            PoolState::Ready => "Ready",
            PoolState::ScalingUp => "ScalingUp",
            PoolState::Updating => "Updating",
            PoolState::Reconfiguring => "Reconfiguring",
            PoolState::WaitsForControlPlane => "WaitsForControlPlane",
            PoolState::Paused => "Paused",
            PoolState::Deleting => "Deleting",
            PoolState::NotReady => "NotReady",
            PoolState::Refused => "Refused",
            PoolState::NotTold => "NotTold",
        },
        reason: pool.reason.clone(),
        since: at(pool.since),
    }
}

fn counted(seen: &Seen<Option<Found>>) -> Option<Counted> {
    let found = seen.as_ref().ok()?.as_ref()?;
    Some(Counted { found: found.found(), wanted: found.wanted, missing: found.missing.clone() })
}

fn egress(egress: &Egress) -> EgressDocument {
    let of = |kind| EgressDocument { kind, ips: None, ports_per_node: None, nodes: None, capacity: None };
    match egress {
        Egress::LoadBalancer { ips, ports, capacity, nodes } => EgressDocument {
            kind: "LoadBalancer",
            ips: Some(*ips),
            ports_per_node: *ports,
            nodes: *nodes,
            capacity: *capacity,
        },
        Egress::NatGateway { .. } => of("NatGateway"),
        Egress::Route => of("Route"),
        Egress::None => of("None"),
    }
}
