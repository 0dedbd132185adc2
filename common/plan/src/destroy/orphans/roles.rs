//! Role assignments of dead clusters: by their derived names, and by the identities that hold them.

use std::collections::BTreeSet;

use facts::ArmId;
use facts::catalogue::COMPONENTS;
use serde_json::Value;

use super::marks::Marks;
use super::resources::{Left, is_group};
use super::{Deletion, Facts, Kind, Ledger, Line, Spec, Standing, id, made, name, property};
use crate::compare::text;
use crate::infra::assignment_name;

pub(super) fn lines(spec: &Spec, facts: &Facts, marks: &Marks, left: &Left<'_>, ledger: &mut Ledger) {
    let known: BTreeSet<String> =
        facts.identities.iter().filter_map(|body| principal(body)).map(|id| id.to_ascii_lowercase()).collect();
    for assignment in &facts.assignments {
        let of = |key: &str| property(assignment, key).and_then(Value::as_str).unwrap_or_default();
        let scope = ArmId::new(of("scope"));
        let Some(group) = scope.resource_group() else { continue };
        // An assignment in a group goes with the group.
        if left.groups.contains(&ArmId::of_group(&spec.subscription, group).key()) {
            continue;
        }
        let holder = of("principalId").to_ascii_lowercase();
        let place = match scope.name() {
            Some(own) if !is_group(&scope) => format!("{own} in {group}"),
            _ => format!("resource group {group}"),
        };
        let line = |who: &str, infra_id: Option<&str>, reason: String| Line {
            kind: Kind::RoleAssignment,
            rank: 0,
            infra_id: infra_id.map(str::to_owned),
            name: format!("role of {who} on {place}"),
            id: id(assignment),
            standing: Standing::Proven,
            reason,
            since: made(assignment),
            costs: false,
            deletion: Some(Deletion::RoleAssignment),
        };
        if let Some((infra_id, component)) = derived(spec, marks, group, &scope, name(assignment)) {
            let gone = if known.contains(&holder) { "" } else { "; its identity is gone" };
            let reason = format!("its name is derived from infra id {infra_id}, {component} and the group{gone}");
            ledger.lines.push(line(component, Some(infra_id), reason));
        } else if let Some((identity, infra_id)) = left.principals.get(&holder) {
            let reason = format!("managed identity {} holds it, which is of {infra_id}", name(identity));
            ledger.lines.push(line(name(identity), Some(infra_id), reason));
        } else if is_group(&scope)
            && of("principalType") == "ServicePrincipal"
            && !known.contains(&holder)
            && is_role_of_clusters(of("roleDefinitionId"))
        {
            let reason = "no identity of the subscription has this principal, but it may be any application's";
            let line = line(&format!("principal {holder}"), None, reason.to_owned());
            ledger.lines.push(Line { standing: Standing::Unproven, deletion: None, ..line });
        }
    }
}

/// The infra id and the component from which an assignment's name is derived.
fn derived<'a>(
    spec: &Spec,
    marks: &'a Marks,
    group: &str,
    scope: &ArmId,
    name: &str,
) -> Option<(&'a str, &'static str)> {
    let enclosing = ArmId::of_group(&spec.subscription, group);
    if scope.key() != enclosing.key() {
        return None;
    }
    marks.dead.keys().find_map(|infra_id| {
        let of = |component: &&facts::catalogue::Component| {
            component.role.is_some_and(|role| {
                assignment_name(infra_id, role.component, enclosing.as_str()).eq_ignore_ascii_case(name)
            })
        };
        COMPONENTS.iter().find(of).map(|component| (infra_id.as_str(), component.key))
    })
}

fn principal(body: &Value) -> Option<&str> {
    text(body, &["properties", "principalId"])
}

fn is_role_of_clusters(definition: &str) -> bool {
    let guid = definition.rsplit('/').next().unwrap_or_default();
    COMPONENTS.iter().filter_map(|component| component.role).any(|role| role.guid.eq_ignore_ascii_case(guid))
}
