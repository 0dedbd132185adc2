//! What earlier hosted clusters left in the subscription.

use serde::{Deserialize, Serialize};

use crate::{ArmId, Fact};

/// What earlier hosted clusters left in the subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Leftovers {
    /// Each thing that was left, or looks so.
    pub things: Fact<Vec<Leftover>>,
}

/// A thing that a dead cluster left, or that looks so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leftover {
    /// What sort of thing it is.
    pub kind: LeftoverKind,
    /// The dead cluster's infra id, where the thing is known by it.
    pub infra_id: Option<String>,
    /// The thing as its reader knows it: `load balancer dev-x7k2p in dev-dev-x7k2p`.
    pub name: String,
    /// Its ARM id.
    pub id: ArmId,
    /// Whether tags or derived names prove whose it was.
    pub proven: bool,
    /// The proof, or why there is none.
    pub reason: String,
    /// When it was made, as Azure tells it.
    pub since: Option<String>,
    /// Whether it costs money as long as it is there.
    pub costs: bool,
}

/// Sorts of things that clusters leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeftoverKind {
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
