//! Resource groups, what is in them, and the storage accounts of issuers.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use serde_json::Value;

use super::marks::Marks;
use super::{Deletion, Facts, Kind, Ledger, Line, Spec, Standing, id, made, name, several};
use crate::compare::text;
use crate::destroy::groups::{IDENTITY, KINDS, depth, shown};
use crate::destroy::issuer;
use crate::destroy::ownership::proof_by_company;
use crate::oidc;

/// Types that cost money as long as they are there.
const COSTS: [&str; 10] = [
    "microsoft.compute/virtualmachines",
    "microsoft.compute/virtualmachinescalesets",
    "microsoft.compute/disks",
    "microsoft.compute/snapshots",
    "microsoft.network/publicipaddresses",
    "microsoft.network/loadbalancers",
    "microsoft.network/natgateways",
    "microsoft.network/privateendpoints",
    "microsoft.network/privatednszones",
    "microsoft.storage/storageaccounts",
];

/// What was found to be of dead clusters.
#[derive(Debug, Default)]
pub(super) struct Left<'a> {
    /// Infra id and proof, by the thing's id in lower case.
    pub owners: BTreeMap<String, (String, String)>,
    /// Groups that go with all that is in them, by their ids in lower case.
    pub groups: BTreeSet<String>,
    /// Identities of dead clusters, by their principal ids in lower case.
    pub principals: BTreeMap<String, (&'a Value, String)>,
}

pub(super) fn left<'a>(spec: &Spec, facts: &'a Facts, marks: &Marks, ledger: &mut Ledger) -> Left<'a> {
    let mut left = Left::default();
    let identities: BTreeMap<String, &Value> = facts.identities.iter().map(|body| (id(body).key(), body)).collect();
    for group in &facts.groups {
        let key = id(group).key();
        let within = format!("{key}/");
        let inside: Vec<&Value> = facts.resources.iter().filter(|body| id(body).key().starts_with(&within)).collect();
        let own = marks.owner(group, None).map(|(id, proof)| (id.to_owned(), proof));
        let content = content(marks, own.as_ref().map(|(id, _)| id.as_str()), &inside, &identities);
        for (body, owner, proof) in &content.ours {
            left.owners.insert(id(body).key(), (owner.clone(), proof.clone()));
            let principal = identities.get(&id(body).key()).and_then(|body| text(body, &["properties", "principalId"]));
            if let Some(principal) = principal {
                left.principals.insert(principal.to_ascii_lowercase(), (*body, owner.clone()));
            }
        }
        if let Some((owner, proof)) = own {
            left.owners.insert(key.clone(), (owner.clone(), proof.clone()));
            match stays(facts, &key, &owner, &content) {
                None => {
                    left.groups.insert(key);
                    ledger.lines.push(of_group(spec, group, &owner, &proof, &content));
                    continue;
                }
                Some(why) => ledger.notes.push(format!("resource group {} stays: {why}", name(group))),
            }
        }
        for (body, owner, proof) in content.ours.iter().filter(|(body, ..)| depth(body) == 1 || is_known(body)) {
            ledger.lines.push(single(body, name(group), owner, proof));
        }
    }
    for line in ledger.lines.iter_mut().filter(|line| line.kind == Kind::Identity) {
        let principal = left.principals.iter().find(|(_, (body, _))| id(body).key() == line.id.key());
        let held = principal.map_or(0, |(principal, _)| roles_of(facts, principal));
        line.reason.push_str(&format!("; holds {}", several(held, "role")));
    }
    accounts(facts, ledger);
    left
}

/// What is in a group: of dead clusters, with infra id and proof, and of others.
#[derive(Debug, Default)]
struct Content<'a> {
    ours: Vec<(&'a Value, String, String)>,
    foreign: Vec<&'a Value>,
}

fn content<'a>(
    marks: &Marks,
    own: Option<&str>,
    inside: &[&'a Value],
    identities: &BTreeMap<String, &Value>,
) -> Content<'a> {
    let mut content = Content::default();
    let (tops, children): (Vec<&Value>, Vec<&Value>) = inside.iter().partition(|body| depth(body) == 1);
    let mut unsure = Vec::new();
    for body in tops {
        // The list of all resources does not tell an identity's client id.
        let is_used = identities.get(&id(body).key()).is_some_and(|whole| marks.is_used(whole));
        match marks.owner(body, own).filter(|_| !is_used) {
            Some((owner, proof)) => content.ours.push((body, owner.to_owned(), proof)),
            None => unsure.push(body),
        }
    }
    let certain: Vec<&Value> = content.ours.iter().map(|(body, ..)| *body).collect();
    for body in unsure {
        match (own, proof_by_company(body, &certain).filter(|_| !marks.is_used(body))) {
            (Some(own), Some(proof)) => content.ours.push((body, own.to_owned(), proof)),
            _ => content.foreign.push(body),
        }
    }
    for body in children {
        let parent = id(body).parent().map(|parent| parent.key()).unwrap_or_default();
        let owner =
            content.ours.iter().find(|(owner, ..)| id(owner).key() == parent).map(|(_, owner, _)| owner.clone());
        match owner.filter(|_| !marks.is_used(body)) {
            Some(owner) => content.ours.push((body, owner, "part of what was left".to_owned())),
            None => content.foreign.push(body),
        }
    }
    content
}

/// Why a dead cluster's group must not be deleted whole.
fn stays(facts: &Facts, key: &str, owner: &str, content: &Content<'_>) -> Option<String> {
    let other = content.ours.iter().find(|(_, own, _)| own != owner).map(|(body, ..)| *body);
    if let Some(foreign) = content.foreign.first().copied().or(other) {
        return Some(format!("{} in it cannot be proven to be of {owner}", shown(foreign)));
    }
    let within = format!("{key}/");
    let lock = facts.locks.iter().find(|lock| id(lock).key().starts_with(&within));
    lock.map(|lock| format!("lock {} is on it or on what is in it", name(lock)))
}

fn of_group(spec: &Spec, group: &Value, owner: &str, proof: &str, content: &Content<'_>) -> Line {
    let count = content.ours.len();
    let times = content.ours.iter().map(|(body, ..)| *body).chain([group]).filter_map(made);
    Line {
        kind: Kind::ResourceGroup,
        rank: 0,
        infra_id: Some(owner.to_owned()),
        name: format!("resource group {}", name(group)),
        id: id(group),
        standing: Standing::Proven,
        reason: format!("{proof}; {} in it, nothing of others", several(count, "resource")),
        since: times.min(),
        costs: content.ours.iter().any(|(body, ..)| COSTS.contains(&kind(body).as_str())),
        deletion: Some(Deletion::Group { subscription: spec.subscription.clone(), name: name(group).to_owned() }),
    }
}

fn single(body: &Value, group: &str, owner: &str, proof: &str) -> Line {
    let kind = kind(body);
    let is_identity = kind == IDENTITY;
    let known = KINDS.iter().find(|(own, ..)| *own == kind);
    let line = Line {
        kind: if is_identity { Kind::Identity } else { Kind::Resource },
        rank: known.map_or(0, |(_, rank, _)| *rank),
        infra_id: Some(owner.to_owned()),
        name: format!("{} in {group}", shown(body)),
        id: id(body),
        standing: Standing::Proven,
        reason: proof.to_owned(),
        since: made(body),
        costs: COSTS.contains(&kind.as_str()),
        deletion: Some(if is_identity { Deletion::Identity } else { Deletion::Resource }),
    };
    if is_identity || known.is_some() {
        return line;
    }
    let reason = format!("{proof}; but clusters are not known to make resources of type {kind}");
    Line { standing: Standing::Unproven, reason, deletion: None, ..line }
}

/// Whether it is known how resources of this type are deleted: some are parts that must go before what they are part of.
fn is_known(body: &Value) -> bool {
    KINDS.iter().any(|(own, ..)| *own == kind(body))
}

fn roles_of(facts: &Facts, principal: &str) -> usize {
    let is_it = |body: &&Value| {
        text(body, &["properties", "principalId"]).is_some_and(|own| own.eq_ignore_ascii_case(principal))
    };
    facts.assignments.iter().filter(is_it).count()
}

/// Storage accounts that were made for issuers and that no credential trusts.
fn accounts(facts: &Facts, ledger: &mut Ledger) {
    let trusted = facts.credentials.iter().filter_map(|(_, held)| text(held, &["properties", "issuer"]));
    let clusters = facts.living.iter().flat_map(|living| &living.clusters).map(|cluster| cluster.issuer_url.as_str());
    let issuers: Vec<String> = trusted.chain(clusters).map(str::to_ascii_lowercase).collect();
    for account in &facts.accounts {
        let (Some(proof), Some(endpoint)) = (issuer::proof(account, None), oidc::endpoint(account)) else { continue };
        let below = format!("{}/", endpoint.to_ascii_lowercase());
        if issuers.iter().any(|issuer| issuer.starts_with(&below)) {
            continue;
        }
        let group = id(account).resource_group().unwrap_or_default().to_owned();
        ledger.lines.push(Line {
            kind: Kind::IssuerAccount,
            rank: 0,
            infra_id: None,
            name: format!("{} in {group}", shown(account)),
            id: id(account),
            standing: Standing::Info,
            reason: format!(
                "{proof}; no identity of the subscription trusts an issuer in it: `destroy oidc-issuer` deletes it"
            ),
            since: text(account, &["properties", "creationTime"]).map(str::to_owned),
            costs: true,
            deletion: None,
        });
    }
}

pub(super) fn kind(body: &Value) -> String {
    text(body, &["type"]).unwrap_or_default().to_ascii_lowercase()
}

/// Whether an id is that of a resource group itself.
pub(super) fn is_group(id: &ArmId) -> bool {
    id.provider().is_none() && id.resource_group().is_some()
}
