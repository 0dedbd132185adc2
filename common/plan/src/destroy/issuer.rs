//! `destroy oidc-issuer`: the public documents of an issuer, and the account that was made for them.
//!
//! A container goes when it holds nothing but an issuer's documents and no federated credential trusts the issuer any more.
//! The account and its group go when they bear our tag, or that of `ccoctl`, and hold nothing else.

use std::collections::BTreeSet;

use facts::ArmId;
use serde_json::Value;

use super::groups::step;
use super::{GroupSeen, Planned};
use crate::compare::text;
use crate::iam::GROUPS;
use crate::oidc::{self, DISCOVERY, JWKS, STORAGE};
use crate::{Refusal, Step, input, tags};

/// How `ccoctl` marks what it makes for an issuer: this, the issuer's name, and the value `owned`.
const CCOCTL: &str = "openshift.io_cloud-credential-operator_";

/// How many credentials that trust an issuer are named.
const NAMED: usize = 3;

/// What is to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The issuer's name.
    pub name: String,
    /// The subscription.
    pub subscription: String,
    /// The resource group of the storage account.
    pub resource_group: String,
    /// The storage account.
    pub account: String,
    /// The blob container.
    pub container: String,
    /// Whether the account and its group stay even if they are ours and empty.
    pub keep_account: bool,
}

/// What `destroy oidc-issuer` has to know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The resource group, if it exists.
    pub group: Option<GroupSeen>,
    /// The storage account of the name, if the subscription has it, in whichever resource group.
    pub account: Option<Value>,
    /// What else the account holds: its other containers, shares, queues and tables, as their reader knows them.
    pub others: Vec<String>,
    /// What of the account could not be looked at, and why.
    pub unseen: Vec<String>,
    /// The container, if it exists.
    pub container: Option<ContainerSeen>,
    /// The federated credentials of the subscription's identities, each with the identity's id.
    pub credentials: Vec<(String, Value)>,
}

/// A container as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSeen {
    /// The names of its blobs, or as many as show that it holds something else.
    pub blobs: Vec<String>,
    /// The issuer that its discovery document names, if there is one that does.
    pub issuer: Option<String>,
}

impl Spec {
    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn check(&self) -> Result<(), Refusal> {
        input::cluster_name(&self.name)?;
        input::group("--resource-group-name", &self.resource_group)?;
        oidc::check_account(&self.account)?;
        oidc::check_container(&self.container)
    }

    /// The resource group of the storage account.
    pub fn group_id(&self) -> ArmId {
        ArmId::of_group(&self.subscription, &self.resource_group)
    }

    /// The storage account.
    pub fn account_id(&self) -> ArmId {
        oidc::account_id(&self.subscription, &self.resource_group, &self.account)
    }

    /// The blob container.
    pub fn container_id(&self) -> ArmId {
        oidc::container_id(&self.account_id(), &self.container)
    }
}

/// What proves that a storage account or its group was made for issuers, by us or by `ccoctl`.
///
/// The tag of `ccoctl` counts for the issuer of the name, or for any issuer where no name is given.
pub fn proof(body: &Value, name: Option<&str>) -> Option<String> {
    if body["tags"].get(tags::SHARED).is_some() {
        return Some(format!("bears our tag {}", tags::SHARED));
    }
    let owned = body["tags"].as_object().into_iter().flatten().find(|(key, value)| {
        let issuer = key.strip_prefix(CCOCTL);
        issuer.is_some_and(|issuer| name.is_none_or(|name| name == issuer)) && value.as_str() == Some("owned")
    });
    owned.map(|(key, _)| format!("tag {key} is owned"))
}

/// Whether an address in a federated credential means this issuer. Entra compares more strictly; whoever wrote it with a
/// slash too much still meant it.
pub(crate) fn is_issuer(address: &str, issuer: &str) -> bool {
    address.trim_end_matches('/').eq_ignore_ascii_case(issuer.trim_end_matches('/'))
}

/// The steps: the container, then the account, then the group.
///
/// # Errors
/// A [`Refusal`] when something still trusts the issuer, or when the container is not proven to be an issuer's.
pub fn plan(spec: &Spec, facts: &Facts) -> Result<Planned, Refusal> {
    spec.check()?;
    let mut planned = Planned::default();
    if let Some(account) = &facts.account {
        here(spec, account)?;
        let ours = proof(account, Some(&spec.name));
        if let Some(seen) = &facts.container {
            untrusted(spec, facts, account, seen)?;
            let reason = only_documents(spec, account, seen, ours.as_deref())?;
            let resource = format!("container {} of storage account {}", spec.container, spec.account);
            chained(&mut planned, step(&spec.container_id(), resource, reason, STORAGE));
        }
        match stays(spec, facts, ours.as_deref()) {
            Some(why) => planned.notes.push(format!("storage account {} stays: {why}", spec.account)),
            None => {
                let reason = format!("{}; nothing else is in it", ours.unwrap_or_default());
                let resource = format!("storage account {}", spec.account);
                chained(&mut planned, step(&spec.account_id(), resource, reason, STORAGE));
            }
        }
    }
    group(spec, facts, &mut planned);
    planned
        .notes
        .push("the key files on disk stay: nothing is signed with them any more that anybody could verify".to_owned());
    if !planned.steps.is_empty() {
        planned.notes.push(
            "trust was looked for in the managed identities of this subscription: app registrations and other subscriptions were not looked at"
                .to_owned(),
        );
    }
    Ok(planned)
}

/// Refuses an account that is in another group than the one that was named.
fn here(spec: &Spec, account: &Value) -> Result<(), Refusal> {
    let id = ArmId::new(text(account, &["id"]).unwrap_or_default());
    if id.key() == spec.account_id().key() {
        return Ok(());
    }
    let group = id.resource_group().unwrap_or_default();
    Err(Refusal::new(
        "--resource-group-name",
        &spec.resource_group,
        format!("storage account {} is in resource group {group}", spec.account),
        format!("give `--resource-group-name {group}`"),
    ))
}

/// Refuses as long as a federated credential trusts the issuer.
fn untrusted(spec: &Spec, facts: &Facts, account: &Value, seen: &ContainerSeen) -> Result<(), Refusal> {
    let served = oidc::endpoint(account).map(|endpoint| format!("{endpoint}/{}", spec.container));
    let issuers: Vec<&str> = served.iter().chain(&seen.issuer).map(String::as_str).collect();
    let trusting: BTreeSet<String> = facts
        .credentials
        .iter()
        .filter(|(_, held)| {
            let address = text(held, &["properties", "issuer"]).unwrap_or_default();
            issuers.iter().any(|issuer| is_issuer(address, issuer))
        })
        .map(|(identity, held)| {
            let identity = ArmId::new(identity);
            let credential = text(held, &["name"]).unwrap_or_default();
            format!("{credential} of managed identity {}", identity.name().unwrap_or_default())
        })
        .collect();
    if trusting.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = trusting.iter().take(NAMED).map(String::as_str).collect();
    let more = match trusting.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(Refusal::new(
        "--name",
        &spec.name,
        format!("federated credentials still trust its issuer: {}{more}", named.join(", ")),
        "delete the identities of the clusters first: `destroy iam NAME --infra-id ID`",
    ))
}

/// Why a container is an issuer's, or the refusal of one that holds something else.
fn only_documents(
    spec: &Spec,
    account: &Value,
    seen: &ContainerSeen,
    account_is_ours: Option<&str>,
) -> Result<String, Refusal> {
    let refuse = |why: String| {
        Refusal::new(
            "--blob-container-name",
            &spec.container,
            why,
            "give the container of the issuer; what is another's is not deleted",
        )
    };
    if let Some(other) = seen.blobs.iter().find(|name| ![DISCOVERY, JWKS].contains(&name.as_str())) {
        return Err(refuse(format!("it holds {other}, which is no document of an issuer")));
    }
    let served = oidc::endpoint(account).map(|endpoint| format!("{endpoint}/{}", spec.container));
    match (&seen.issuer, served) {
        (Some(named), Some(served)) if is_issuer(named, &served) => {
            Ok("holds nothing but the documents of its own issuer; no identity trusts it".to_owned())
        }
        _ if account_is_ours.is_some() => {
            Ok("holds nothing but an issuer's documents, in an account made for them; no identity trusts it".to_owned())
        }
        (Some(named), _) => {
            Err(refuse(format!("its discovery document is that of {named}, and the account is not ours")))
        }
        (None, _) => Err(refuse(
            "nothing proves that it is an issuer's: it holds no discovery document, and the account is not ours"
                .to_owned(),
        )),
    }
}

/// Why the account stays; none when it goes.
fn stays(spec: &Spec, facts: &Facts, ours: Option<&str>) -> Option<String> {
    if spec.keep_account {
        return Some("it is to be kept".to_owned());
    }
    if ours.is_none() {
        return Some(
            "nothing proves that it was made for issuers: it bears neither our tag nor that of ccoctl".to_owned(),
        );
    }
    if let Some(other) = facts.others.first() {
        return Some(match facts.others.len() {
            1 => format!("{other} is in it"),
            several => format!("{other} and {} more are in it", several - 1),
        });
    }
    if let Some(why) = facts.unseen.first() {
        return Some(format!("what else is in it could not be seen: {why}"));
    }
    lock(facts, &[spec.account_id(), spec.group_id()])
}

/// The group, if it was made for the account and holds nothing else.
fn group(spec: &Spec, facts: &Facts, planned: &mut Planned) {
    let Some(group) = &facts.group else { return };
    let name = &spec.resource_group;
    let account = spec.account_id().key();
    let account_goes = planned.steps.iter().any(|step| step.id == format!("delete{account}"));
    let foreign = group.resources.iter().find(|body| {
        let key = ArmId::new(text(body, &["id"]).unwrap_or_default()).key();
        !account_goes || key != account && !key.starts_with(&format!("{account}/"))
    });
    let stays = match (proof(&group.body, Some(&spec.name)), foreign) {
        _ if spec.keep_account => return,
        (None, _) => Some("nothing proves that it was made for issuers".to_owned()),
        (Some(_), Some(body)) => {
            let is_account = ArmId::new(text(body, &["id"]).unwrap_or_default()).key() == account;
            // Of the account it has been said already.
            (!is_account).then(|| format!("{} is in it", text(body, &["name"]).unwrap_or_default()))
        }
        (Some(proof), None) => match lock(facts, &[spec.group_id()]) {
            Some(why) => Some(why),
            None => {
                let resource = format!("resource group {name}");
                chained(planned, step(&spec.group_id(), resource, format!("{proof}; nothing else is in it"), GROUPS));
                None
            }
        },
    };
    planned.notes.extend(stays.map(|why| format!("resource group {name} stays: {why}")));
}

/// The lock on one of these, in words.
fn lock(facts: &Facts, scopes: &[ArmId]) -> Option<String> {
    let locks = facts.group.iter().flat_map(|group| &group.locks);
    let mut on = locks.filter(|lock| {
        let id = ArmId::new(text(lock, &["id"]).unwrap_or_default()).key();
        let scope = id.rsplit_once("/providers/microsoft.authorization/locks/").map(|(scope, _)| scope.to_owned());
        scopes.iter().any(|own| scope.as_deref() == Some(own.key().as_str()))
    });
    on.next().map(|lock| format!("lock {} is on it", text(lock, &["name"]).unwrap_or_default()))
}

/// Adds a step behind the last one.
fn chained(planned: &mut Planned, mut step: Step) {
    step.depends_on.extend(planned.steps.last().map(|last| last.id.clone()));
    planned.steps.push(step);
}

#[cfg(test)]
mod tests;
