//! Role assignments: known by their derived names, and by the identities that hold them where those go.

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
    for (key, held) in &facts.assignments {
        // An assignment at a group goes with the group.
        if fates.get(key).is_some_and(|fate| fate.goes) {
            continue;
        }
        let Some(group) = facts.groups.get(key) else { continue };
        let scope = text(&group.body, &["name"]).unwrap_or_default();
        let names = derived(spec, scope);
        for assignment in held.iter().filter(|held| is_at(held, key)) {
            let name = text(assignment, &["name"]).unwrap_or_default().to_ascii_lowercase();
            let principal = text(assignment, &["properties", "principalId"]).unwrap_or_default().to_ascii_lowercase();
            let component = names.get(&name);
            let reason = match component {
                Some(component) => format!("its name is derived from the infra id, {component} and the group"),
                None if principals.contains(&principal) => "its identity goes".to_owned(),
                None => continue,
            };
            let id = ArmId::new(text(assignment, &["id"]).unwrap_or_default());
            let who = component.map_or("an identity of the cluster", |component| *component);
            let mut step = step(&id, format!("role of {who} on resource group {scope}"), reason, AUTHORIZATION);
            step.id = format!("{STEP}{scope}/{name}");
            planned.steps.push(step);
        }
    }
}

/// The derived names at a group, with their components. Names are derived from the scope as it was written.
fn derived(spec: &Spec, group: &str) -> BTreeMap<String, &'static str> {
    let scope = ArmId::of_group(&spec.subscription, group);
    let names = COMPONENTS.iter().filter_map(|component| {
        let role = component.role?;
        Some((assignment_name(&spec.infra_id, role.component, scope.as_str()), component.key))
    });
    names.collect()
}

/// Whether an assignment is at this very scope, not above it.
fn is_at(assignment: &Value, key: &str) -> bool {
    text(assignment, &["properties", "scope"]).is_some_and(|scope| ArmId::new(scope).key() == key)
}
