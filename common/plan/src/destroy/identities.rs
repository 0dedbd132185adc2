//! Managed identities and their federated credentials.

use std::collections::BTreeMap;

use facts::ArmId;
use facts::catalogue::COMPONENTS;
use serde_json::Value;

use super::groups::{Fate, step};
use super::{Facts, Planned, Spec, roles};
use crate::compare::text;
use crate::iam::IDENTITIES;

/// Whether an identity is the cluster's: by its name, or because the cluster names its client id.
pub(super) fn is_own(spec: &Spec, body: &Value) -> bool {
    let client = text(body, &["properties", "clientId"]).unwrap_or_default();
    is_named(spec, body) || spec.client_ids.iter().any(|own| own.eq_ignore_ascii_case(client))
}

/// Whether an identity bears a name that `create iam` gives.
pub(super) fn is_named(spec: &Spec, body: &Value) -> bool {
    let name = text(body, &["name"]).unwrap_or_default();
    COMPONENTS.iter().any(|component| component.identity_name(&spec.name, &spec.infra_id).eq_ignore_ascii_case(name))
}

/// Whether an identity goes: it bears the cluster's name, stands in the group that was named, and nobody else uses it.
pub(super) fn goes(spec: &Spec, facts: &Facts, body: &Value) -> bool {
    let id = ArmId::new(text(body, &["id"]).unwrap_or_default());
    let asked = spec
        .identities
        .group()
        .is_some_and(|group| id.resource_group().is_some_and(|own| own.eq_ignore_ascii_case(group)));
    asked && is_named(spec, body) && foreign_credentials(spec, facts, &id).is_empty()
}

/// Credentials that others need: of an issuer that is not the cluster's.
fn foreign_credentials<'a>(spec: &Spec, facts: &'a Facts, identity: &ArmId) -> Vec<&'a Value> {
    let Some(issuer) = &spec.issuer else { return Vec::new() };
    let is_foreign = |held: &&Value| text(held, &["properties", "issuer"]) != Some(issuer.as_str());
    facts.credentials.get(&identity.key()).into_iter().flatten().filter(is_foreign).collect()
}

pub(super) fn plan(spec: &Spec, facts: &Facts, fates: &BTreeMap<String, Fate<'_>>, planned: &mut Planned) {
    let own: Vec<&Value> = facts.identities.iter().filter(|body| is_own(spec, body)).collect();
    let Some(group) = spec.identities.group() else {
        if !own.is_empty() {
            let count: usize = own.iter().map(|_| 1).sum();
            planned.notes.push(format!(
                "{count} managed identities with their federated credentials stay; `destroy iam` deletes them"
            ));
        }
        return;
    };
    let group_goes = fates.get(&ArmId::of_group(&spec.subscription, group).key()).is_some_and(|fate| fate.goes);
    let before: Vec<String> =
        planned.steps.iter().map(|step| step.id.clone()).filter(|id| id.starts_with(roles::STEP)).collect();
    for body in own {
        let id = ArmId::new(text(body, &["id"]).unwrap_or_default());
        let name = id.name().unwrap_or_default();
        if goes(spec, facts, body) {
            if !group_goes {
                let credentials = facts.credentials.get(&id.key()).map_or(0, Vec::len);
                let reason = format!("named for the cluster; its {credentials} federated credentials go with it");
                let mut step = step(&id, format!("managed identity {name}"), reason, IDENTITIES);
                step.depends_on.extend(before.iter().cloned());
                planned.steps.push(step);
            }
            continue;
        }
        let foreign = foreign_credentials(spec, facts, &id);
        match foreign.first().and_then(|held| text(held, &["properties", "issuer"])) {
            Some(issuer) => {
                planned.notes.push(format!("managed identity {name} stays: it also trusts {issuer}"));
                own_credentials(spec, facts, &id, planned);
            }
            None => planned
                .notes
                .push(format!("managed identity {name} stays: it is not named for this cluster, or not in {group}")),
        }
    }
}

/// The cluster's credentials of an identity that others use as well.
fn own_credentials(spec: &Spec, facts: &Facts, identity: &ArmId, planned: &mut Planned) {
    for held in facts.credentials.get(&identity.key()).into_iter().flatten() {
        let name = text(held, &["name"]).unwrap_or_default();
        let issuer = text(held, &["properties", "issuer"]);
        if issuer.is_none() || issuer != spec.issuer.as_deref() {
            continue;
        }
        let id = identity.child("federatedIdentityCredentials", name);
        let mut step =
            step(&id, format!("federated credential {name}"), "of the cluster's issuer".to_owned(), IDENTITIES);
        step.serial = Some(identity.key());
        planned.steps.push(step);
    }
}
