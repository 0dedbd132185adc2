//! Role assignments: known by their derived names wherever they are, and by the identities that hold them where those go.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use facts::catalogue::COMPONENTS;
use serde_json::Value;

use super::groups::{Fate, step};
use super::{Facts, Planned, Spec, identities};
use crate::compare::text;
use crate::infra::{AUTHORIZATION, assignment_name};

/// How the names of these steps begin.
pub(super) const STEP: &str = "role/";

pub(super) fn plan(spec: &Spec, facts: &Facts, fates: &BTreeMap<String, Fate<'_>>, planned: &mut Planned) {
    let own = |body: &&Value| identities::is_own(spec, body);
    let principals: BTreeSet<String> = facts
        .identities
        .iter()
        .filter(own)
        .filter(|body| identities::goes(spec, facts, body))
        .filter_map(|body| text(body, &["properties", "principalId"]))
        .map(str::to_ascii_lowercase)
        .collect();
    for assignment in &facts.assignments {
        let property = |key: &str| text(assignment, &["properties", key]).unwrap_or_default();
        let scope = ArmId::new(property("scope"));
        let Some(group) = scope.resource_group() else { continue };
        // An assignment in a group goes with the group.
        let enclosing = ArmId::of_group(&spec.subscription, group).key();
        if fates.get(&enclosing).is_some_and(|fate| fate.goes) {
            continue;
        }
        let id = ArmId::new(text(assignment, &["id"]).unwrap_or_default());
        let name = id.name().unwrap_or_default().to_ascii_lowercase();
        let component = (scope.key() == enclosing).then(|| derived(spec, group).remove(&name)).flatten();
        let reason = match component {
            Some(_) => "its name is derived from the infra id".to_owned(),
            None if principals.contains(&property("principalId").to_ascii_lowercase()) => {
                "its identity goes".to_owned()
            }
            None => continue,
        };
        let who = component.unwrap_or("an identity of the cluster");
        let place = match scope.name() {
            Some(name) if scope.key() != enclosing => format!("{name} in {group}"),
            _ => format!("resource group {group}"),
        };
        let mut step = step(&id, format!("role of {who} on {place}"), reason, AUTHORIZATION);
        step.id = format!("{STEP}{group}/{name}");
        planned.steps.push(step);
    }
}

/// The derived names at a group, with their components; those of managed data planes end in `WI`.
fn derived(spec: &Spec, group: &str) -> BTreeMap<String, &'static str> {
    let scope = ArmId::of_group(&spec.subscription, group);
    let names = COMPONENTS.iter().filter_map(|component| Some((component.role?.component, component.key)));
    let both = names.flat_map(|(name, key)| [(name.to_owned(), key), (format!("{name}WI"), key)]);
    both.map(|(name, key)| (assignment_name(&spec.infra_id, &name, scope.as_str()), key)).collect()
}
