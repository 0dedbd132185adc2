//! `destroy orphans`: the ledger of what dead clusters left, with a proof for each line. Nothing is deleted here.
//!
//! A cluster is dead when our tags or the user name its infra id, and no HostedCluster of the management clusters that were
//! looked at has it. What is not proven to be a dead cluster's is told as such, if at all, and never offered for deletion.

mod dns;
mod marks;
mod resources;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use facts::hosted::HostedCluster;
use serde_json::Value;

use crate::compare::{member, text};
use crate::{Refusal, input};

pub use marks::Dead;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spec {
    /// The subscription.
    pub subscription: String,
    /// Infra ids of clusters that the user says are dead.
    pub vouched: BTreeSet<String>,
}

/// What a management cluster knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Living {
    /// Its name, for the reader.
    pub context: String,
    /// Its HostedClusters on Azure, those that are being deleted included.
    pub clusters: Vec<HostedCluster>,
    /// Ids of subnets that NodePools use.
    pub subnets: Vec<ArmId>,
    /// By what its external-dns marks the records that are its own; none where there is no external-dns.
    pub dns_owner: Option<String>,
}

/// A public DNS zone with its record sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Zone {
    /// The zone.
    pub body: Value,
    /// All record sets.
    pub records: Vec<Value>,
}

/// What there is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The management clusters that were looked at; none when the user vouches alone.
    pub living: Vec<Living>,
    /// The resource groups of the subscription.
    pub groups: Vec<Value>,
    /// The resources of the subscription, with the times at which they were made as far as Azure tells.
    pub resources: Vec<Value>,
    /// Locks, as far as they may be read.
    pub locks: Vec<Value>,
    /// Role assignments of the subscription.
    pub assignments: Vec<Value>,
    /// Managed identities of the subscription.
    pub identities: Vec<Value>,
    /// Their federated credentials, each with the identity's id.
    pub credentials: Vec<(String, Value)>,
    /// Storage accounts of the subscription.
    pub accounts: Vec<Value>,
    /// Public DNS zones.
    pub zones: Vec<Zone>,
    /// A day ago, in UTC, RFC 3339. What was made since may be of a cluster that is being created.
    pub a_day_ago: String,
}

/// What dead clusters left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// The infra ids that are dead.
    pub dead: BTreeMap<String, Dead>,
    /// What there is of them, in an order in which it can be deleted.
    pub lines: Vec<Line>,
    /// What the reader must know besides.
    pub notes: Vec<String>,
}

/// One thing that was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What sort of thing it is.
    pub kind: Kind,
    /// What is deleted before what within a sort.
    rank: u8,
    /// The dead cluster's infra id, where the thing is known by it.
    pub infra_id: Option<String>,
    /// The thing as its reader knows it: `load balancer dev-x7k2p in dev-dev-x7k2p`.
    pub name: String,
    /// Its ARM id.
    pub id: ArmId,
    /// How certain it is.
    pub standing: Standing,
    /// The proof, or why there is none.
    pub reason: String,
    /// When it was made, as Azure tells it.
    pub since: Option<String>,
    /// Whether it costs money as long as it is there.
    pub costs: bool,
    /// How it would be deleted; none for what is not proven.
    pub deletion: Option<Deletion>,
}

/// Sorts of things, in the order in which they are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A role assignment.
    RoleAssignment,
    /// A resource in a group that stays.
    Resource,
    /// A resource group with all that is in it.
    ResourceGroup,
    /// A managed identity.
    Identity,
    /// A record set of a public DNS zone.
    DnsRecord,
    /// A storage account that served issuers.
    IssuerAccount,
}

/// How certain it is that a thing was left by a dead cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Proven.
    Proven,
    /// It looks so, but may be somebody else's.
    Unproven,
    /// Worth knowing; it was made to outlive clusters.
    Info,
}

/// How a thing is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// A resource group of a subscription.
    Group {
        /// The subscription.
        subscription: String,
        /// The group's name.
        name: String,
    },
    /// A role assignment.
    RoleAssignment,
    /// A managed identity.
    Identity,
    /// Any other resource.
    Resource,
    /// A record set.
    Record {
        /// The zone.
        zone: ArmId,
        /// Its type: `A`, `AAAA`, `CNAME` or `TXT`.
        kind: &'static str,
        /// Its name within the zone.
        name: String,
    },
}

impl Ledger {
    /// The lines that are proven.
    pub fn proven(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.standing == Standing::Proven)
    }

    /// Whether dead clusters left something that is proven to be theirs.
    pub fn found(&self) -> bool {
        self.proven().next().is_some()
    }
}

impl Spec {
    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn check(&self) -> Result<(), Refusal> {
        self.vouched.iter().try_for_each(|id| input::infra_id(id))
    }
}

/// The ledger.
///
/// # Errors
/// A [`Refusal`] of an infra id that a HostedCluster has.
pub fn ledger(spec: &Spec, facts: &Facts) -> Result<Ledger, Refusal> {
    spec.check()?;
    let marks = marks::marks(spec, facts)?;
    let mut ledger = Ledger { dead: marks.dead.clone(), ..Ledger::default() };
    let left = resources::left(spec, facts, &marks, &mut ledger);
    roles::lines(spec, facts, &marks, &left, &mut ledger);
    dns::lines(facts, &mut ledger);
    marks::doubt(facts, &marks, &left, &mut ledger);
    ledger.lines.sort_by_cached_key(|line| (line.standing, line.kind, line.rank, line.id.key()));
    Ok(ledger)
}

fn id(body: &Value) -> ArmId {
    ArmId::new(text(body, &["id"]).unwrap_or_default())
}

fn name(body: &Value) -> &str {
    text(body, &["name"]).unwrap_or_default()
}

/// `1 role`, `3 roles`.
fn several(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// When a thing was made, where Azure tells it.
fn made(body: &Value) -> Option<String> {
    let at = text(body, &["createdTime"]).or_else(|| text(body, &["properties", "createdOn"]));
    at.or_else(|| text(body, &["systemData", "createdAt"])).map(str::to_owned)
}

/// A member of a body's properties, whatever its case.
fn property<'a>(body: &'a Value, key: &str) -> Option<&'a Value> {
    member(&body["properties"], key)
}

#[cfg(test)]
mod tests;
