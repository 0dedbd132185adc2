//! Decoding of log lines and error messages: which identity was refused, why, and what to do.
//!
//! [`Decoder`] takes a text line by line, however long it is, and keeps no more of it than one record and the refusals that
//! differ. [`Decoder::finish`] compares what a refused token said with the facts of a cluster, or without a cluster with the
//! catalogue of subjects.

mod compare;
mod records;

use std::collections::{BTreeMap, BTreeSet};

use facts::Facts;
use facts::catalogue::{self, Component};
use facts::hosted::HostedCluster;

use crate::CHECKS;
use crate::judgement::{Evidence, Fix};
use crate::refusal::{self, Entra, Refusal};
use crate::remedy;
use crate::shell::command;

pub use records::MAX_LINE;

/// Refusals that differ beyond this number are only counted.
const MAX_REFUSALS: usize = 500;

/// A refusal that a text holds, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The service's code: `AADSTS700213` or `SkuNotAvailable`.
    pub code: String,
    /// What it means.
    pub what: String,
    /// The key of the identity that was refused, where it can be told.
    pub identity: Option<&'static str>,
    /// What the text and the facts say: subject, issuer, the pair that differs, the service's message.
    pub evidence: Evidence,
    /// The codes of the checks that look at the cause, the likeliest first.
    pub rows: Vec<&'static str>,
    /// What to do.
    pub fix: Option<Fix>,
    /// In how many records it stands.
    pub seen: usize,
}

/// What a whole text holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoding {
    /// The refusals, Entra's first, the most frequent first.
    pub refusals: Vec<Decoded>,
    /// How many lines were read.
    pub lines: usize,
    /// How many further refusals were found and not kept, because too many differ.
    pub left_out: usize,
}

/// A refusal, who speaks of it, and how often.
#[derive(Debug)]
struct Found {
    refusal: Refusal,
    workload: Option<&'static str>,
    seen: usize,
    scopes: BTreeSet<String>,
}

/// Reads a text line by line.
#[derive(Debug, Default)]
pub struct Decoder {
    records: records::Records,
    found: BTreeMap<(bool, String), Found>,
    lines: usize,
    left_out: usize,
}

impl Decoder {
    /// Takes a line, without its line break, or a part of a line that is longer than [`MAX_LINE`].
    pub fn line(&mut self, line: &str) {
        self.lines += 1;
        if let Some(record) = self.records.push(line) {
            self.record(&record);
        }
    }

    fn record(&mut self, record: &str) {
        // Most of a log speaks of other things; this is much faster than reading it.
        let may_hold = ["AADSTS", "ode", "CODE"].iter().chain(refusal::ARM_CODES).any(|mark| record.contains(mark));
        if !may_hold {
            return;
        }
        for refusal in refusal::find(record) {
            let workload = workload_of(record);
            let Some(key) = key_of(&refusal, workload) else { continue };
            let full = self.found.len() >= MAX_REFUSALS && !self.found.contains_key(&key);
            if full {
                self.left_out += 1;
                continue;
            }
            let scope = match &refusal {
                Refusal::Arm(arm) => arm.scope.clone(),
                Refusal::Entra(_) => None,
            };
            let found = self.found.entry(key).or_insert(Found { refusal, workload, seen: 0, scopes: BTreeSet::new() });
            found.seen += 1;
            found.scopes.extend(scope);
        }
    }

    /// What was found, compared with the facts of a cluster where there are any.
    pub fn finish(mut self, facts: Option<&Facts>) -> Decoding {
        if let Some(record) = self.records.last() {
            self.record(&record);
        }
        let Self { found, lines, left_out, .. } = self;
        let mut list: Vec<Found> = without_stumps(found.into_values().collect());
        list.sort_by_key(|found| (matches!(found.refusal, Refusal::Arm(_)), std::cmp::Reverse(found.seen)));
        Decoding { refusals: list.iter().map(|found| decode(found, facts)).collect(), lines, left_out }
    }
}

/// What makes two refusals the same: code, what the token said, and who speaks; not ids of the moment.
fn key_of(refusal: &Refusal, workload: Option<&str>) -> Option<(bool, String)> {
    Some(match refusal {
        Refusal::Entra(entra) => {
            let parts = [&entra.subject, &entra.issuer, &entra.audience, &entra.app_id, &entra.key_id];
            let who = if parts.iter().any(|part| part.is_some()) { None } else { workload };
            (false, format!("{} {parts:?} {who:?}", entra.aadsts))
        }
        // JSON has members named `code` that are no error of ARM's: what is unknown counts only with a message.
        Refusal::Arm(arm) if arm.message.is_empty() && !refusal::ARM_CODES.contains(&arm.code.as_str()) => return None,
        Refusal::Arm(arm) => (true, format!("{} {:?} {:?}", arm.code, arm.action, arm.object_id)),
    })
}

/// Leaves out what was cut off before it said anything, where the same code stands elsewhere in full.
fn without_stumps(list: Vec<Found>) -> Vec<Found> {
    let is_stump = |found: &Found| match &found.refusal {
        Refusal::Entra(entra) => {
            entra.subject.is_none() && entra.issuer.is_none() && entra.app_id.is_none() && entra.key_id.is_none()
        }
        Refusal::Arm(arm) => arm.message.is_empty() && arm.action.is_none(),
    };
    let told: BTreeSet<String> =
        list.iter().filter(|found| !is_stump(found)).map(|found| found.refusal.code()).collect();
    list.into_iter().filter(|found| !is_stump(found) || !told.contains(&found.refusal.code())).collect()
}

/// The workload of the catalogue that a text names first.
fn workload_of(text: &str) -> Option<&'static str> {
    catalogue::COMPONENTS
        .iter()
        .flat_map(|component| component.workloads)
        .filter_map(|name| Some((text.find(name)?, std::cmp::Reverse(name.len()), *name)))
        .min()
        .map(|(.., name)| name)
}

fn decode(found: &Found, facts: Option<&Facts>) -> Decoded {
    let cluster = facts.and_then(|facts| facts.hosted.cluster.get());
    let component = component_of(found, facts);
    let mut evidence = Evidence::default();
    let mut see = |label: &str, value: &str| {
        evidence.0.push((label.to_owned(), facts::redact::text(value)));
    };
    if let Some(workload) = found.workload {
        see("workload", workload);
    }
    if let Some(client_id) = component.and_then(|component| remedy::client_id_of(cluster, component)) {
        see("client id", client_id);
    }
    let mut mend = None;
    let what = match &found.refusal {
        Refusal::Entra(entra) => {
            mend = compare::see_entra(entra, component, facts, &mut see);
            refusal::meaning(entra.aadsts).to_owned()
        }
        Refusal::Arm(arm) => {
            for (label, value) in [("action", &arm.action), ("scope", &arm.scope), ("object id", &arm.object_id)] {
                if let Some(value) = value {
                    see(label, value);
                }
            }
            meaning_of_arm(&arm.code).to_owned()
        }
    };
    if !found.refusal.message().is_empty() {
        let message: String = found.refusal.message().chars().take(600).collect();
        see("message", &message);
    }
    let fix = mend
        .or_else(|| remedy::of(cluster, component, &found.refusal, &found.scopes))
        .or_else(|| general_fix(&found.refusal, component, cluster));
    Decoded {
        code: found.refusal.code(),
        what,
        identity: component.filter(|_| found.refusal.is_about_identity()).map(|component| component.key),
        evidence,
        rows: rows_of(&found.refusal),
        fix: fix.map(redacted),
        seen: found.seen,
    }
}

fn redacted(fix: Fix) -> Fix {
    let commands = fix.commands.iter().map(|command| facts::redact::text(command)).collect();
    Fix { commands, ..fix }
}

/// The component: by the subject of the token, by its client id, by who speaks, by the nearest subject.
fn component_of(found: &Found, facts: Option<&Facts>) -> Option<&'static Component> {
    let by_workload = || found.workload.and_then(catalogue::by_workload);
    let cluster = facts.and_then(|facts| facts.hosted.cluster.get());
    let by_client_id = |id: &str| {
        let ids = cluster?.workload_identities()?;
        let (key, _) = ids.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(id))?;
        catalogue::by_key(key)
    };
    let by_principal = |id: &str| {
        let list = facts?.azure.identities.get()?;
        by_client_id(&list.iter().find(|identity| identity.principal_id.eq_ignore_ascii_case(id))?.client_id)
    };
    match &found.refusal {
        Refusal::Entra(Entra { subject, app_id, .. }) => {
            let exact = subject.as_deref().and_then(catalogue::by_subject).map(|(component, _)| component);
            exact
                .or_else(|| app_id.as_deref().and_then(by_client_id))
                .or_else(by_workload)
                .or_else(|| Some(compare::nearest_subject(subject.as_deref()?)?.0))
        }
        Refusal::Arm(arm) => arm.object_id.as_deref().and_then(by_principal).or_else(by_workload),
    }
}

/// The checks that look at the cause, as far as they exist.
fn rows_of(refusal: &Refusal) -> Vec<&'static str> {
    let codes: &[&'static str] = match refusal {
        Refusal::Entra(entra) => refusal::fixed_by(entra.aadsts),
        Refusal::Arm(arm) => match arm.code.as_str() {
            "AuthorizationFailed" | "LinkedAuthorizationFailed" => &["RA01"],
            "MissingSubscriptionRegistration" | "SubscriptionNotRegistered" => &["QT01"],
            "SkuNotAvailable"
            | "AllocationFailed"
            | "ZonalAllocationFailed"
            | "OverconstrainedAllocationRequest"
            | "OverconstrainedZonalAllocationRequest" => &["QT03", "NP02"],
            "QuotaExceeded" | "OperationNotAllowed" => &["QT04", "NP02"],
            "PublicIPCountLimitReached" => &["QT06", "NP02"],
            "RequestDisallowedByPolicy" => &["CR06", "NP02"],
            "ScopeLocked" => &["CR07"],
            "SubnetIsFull" => &["NW06", "NP02"],
            "MarketplacePurchaseEligibilityFailed" | "VMMarketplaceInvalidInput" => &["NP07", "NP02"],
            "NetworkSecurityGroupNotFound" | "ResourceGroupNotFound" | "ParentResourceNotFound" => &["NW01"],
            "SubscriptionNotFound" | "ReadOnlyDisabledSubscription" => &["CR01"],
            _ => &[],
        },
    };
    codes.iter().copied().filter(|code| CHECKS.iter().any(|check| check.code == *code)).collect()
}

fn meaning_of_arm(code: &str) -> &'static str {
    match code {
        "AuthorizationFailed" => "The caller has no role that allows this action at this scope.",
        "LinkedAuthorizationFailed" => {
            "The caller has no role that allows to join or use another resource it refers to."
        }
        "MissingSubscriptionRegistration" | "SubscriptionNotRegistered" => {
            "The resource provider is not registered in the subscription."
        }
        "SkuNotAvailable" => "The subscription cannot have this VM size in this region or zone.",
        "AllocationFailed"
        | "ZonalAllocationFailed"
        | "OverconstrainedAllocationRequest"
        | "OverconstrainedZonalAllocationRequest" => "Azure has no capacity for this VM size there now.",
        "QuotaExceeded" | "OperationNotAllowed" => {
            "A quota of the subscription does not allow more, or the operation is not allowed now."
        }
        "PublicIPCountLimitReached" => "The subscription has no public IP left in this region.",
        "RequestDisallowedByPolicy" => "An Azure Policy forbids it.",
        "ScopeLocked" => "A resource lock forbids it.",
        "SubnetIsFull" => "The subnet has no free address.",
        "SubscriptionRequestsThrottled" => "Azure Resource Manager throttles the caller; it will be tried again.",
        "PrincipalNotFound" => "The principal of a role assignment is not known yet, or not in this tenant.",
        "MarketplacePurchaseEligibilityFailed" | "VMMarketplaceInvalidInput" => {
            "The terms of the marketplace image are not accepted, or its plan is not given."
        }
        "NetworkSecurityGroupNotFound" | "ResourceGroupNotFound" | "ParentResourceNotFound" => {
            "A resource that is referred to does not exist."
        }
        "SubscriptionNotFound" => "The caller cannot see the subscription, or it does not exist.",
        "ReadOnlyDisabledSubscription" => "The subscription is disabled and can only be read.",
        _ => "Azure Resource Manager refused.",
    }
}

/// What to do where no cluster fills the values in; words in capitals are to be replaced.
fn general_fix(refusal: &Refusal, component: Option<&Component>, cluster: Option<&HostedCluster>) -> Option<Fix> {
    let subscription = cluster.map_or("SUBSCRIPTION", |cluster| cluster.azure.subscription_id.as_str());
    let location = cluster.map_or("LOCATION", |cluster| cluster.azure.location.as_str());
    match refusal {
        Refusal::Entra(entra) => compare::general_fix(entra, component),
        Refusal::Arm(arm) => Some(match arm.code.as_str() {
            "SkuNotAvailable" | "AllocationFailed" | "ZonalAllocationFailed" | "OverconstrainedAllocationRequest"
            | "OverconstrainedZonalAllocationRequest" => Fix::azure([command!(
                "az vm list-skus --subscription {subscription} -l {location} --size SIZE --all -o table"; subscription, location
            )])
            .note("choose a size or a zone without restrictions, or wait for capacity"),
            "QuotaExceeded" | "OperationNotAllowed" => Fix::azure([command!(
                "az vm list-usage --subscription {subscription} -l {location} -o table"; subscription, location
            )])
            .note("ask for more of the family that the message names, and of `cores`"),
            "PublicIPCountLimitReached" => Fix::azure([command!(
                "az network list-usages --subscription {subscription} -l {location} -o table"; subscription, location
            )]),
            "RequestDisallowedByPolicy" => Fix::azure([command!(
                "az policy assignment list --subscription {subscription} --disable-scope-strict-match -o table"; subscription
            )])
            .note("the message names the assignment; an exemption or another shape of the resource is the way out"),
            "ScopeLocked" => {
                Fix::azure([command!("az lock list --subscription {subscription} -o table"; subscription)])
            }
            "MissingSubscriptionRegistration" | "SubscriptionNotRegistered" => {
                Fix::azure(["Compute", "Network", "Storage", "ManagedIdentity"].map(|name| {
                    command!("az provider register --subscription {subscription} -n Microsoft.{name} --wait"; subscription, name)
                }))
            }
            _ => return None,
        }),
    }
}

#[cfg(test)]
mod tests;
