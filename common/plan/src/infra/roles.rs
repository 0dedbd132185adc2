//! The role assignments of a cluster's identities.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use facts::catalogue::{Scope, assignment_name};
use serde_json::Value;

use super::holders::{self, Holder, Plane};
use super::network::group_step;
use super::{Facts, Layout, Roles, Spec};
use crate::change::{Change, Origin};
use crate::compare::text;
use crate::identities::{DATA_PLANE, MANAGED, WORKLOAD};
use crate::resource::kept;
use crate::{Refusal, Step, Verb};

/// The built-in roles made for Cluster API and for the control plane operator of hosted clusters, instead of Contributor.
///
/// Upstream's switch names a custom role of one tenant and, for Cluster API, a display name where an id belongs: neither
/// exists elsewhere. These are built-in roles of the public cloud; whether other clouds have them is not known.
const NARROW: [(&str, &str, &str); 2] = [
    (
        "capz",
        "88366f10-ed47-4cc0-9fab-c8a06148393e",
        "Azure Red Hat OpenShift Hosted Control Planes Cluster API Provider",
    ),
    (
        "cpo",
        "fc0c873f-45e9-4d0d-a7d1-585aab30c6ed",
        "Azure Red Hat OpenShift Hosted Control Planes Control Plane Operator",
    ),
];

pub(super) fn steps(spec: &Spec, facts: &Facts, layout: &Layout) -> Result<Vec<Step>, Refusal> {
    let Some(roles) = &spec.roles else {
        return Ok(Vec::new());
    };
    let holders = holders::holders(spec);
    let wanted: Vec<Wanted<'_>> = holders
        .iter()
        .flat_map(|holder| holder.scopes.iter().map(|scope| wanted(spec, layout, roles, holder, *scope)))
        .collect();
    let principals = principals(spec, facts, &wanted)?;
    let mut named = BTreeSet::new();
    let mut given = BTreeSet::new();
    let mut steps = Vec::new();
    for wanted in &wanted {
        let principal = &principals[&wanted.holder.client_id];
        let same = (wanted.holder.client_id.to_ascii_lowercase(), wanted.role_id, wanted.group.key());
        // Where groups coincide, so do the derived names: it is one assignment. So it is where one identity serves control
        // plane and data plane: Azure takes the same role at the same place once, whatever its name.
        if named.insert(wanted.name.clone()) && given.insert(same) {
            steps.push(wanted.step(spec, facts, principal));
        }
    }
    Ok(steps)
}

/// What a holder is to be assigned at a scope.
fn wanted<'a>(spec: &Spec, layout: &Layout, roles: &Roles, holder: &'a Holder, scope: Scope) -> Wanted<'a> {
    let narrow = NARROW.iter().find(|(key, ..)| roles.narrow && *key == holder.name);
    let (role_id, role_name) = narrow.map_or((holder.role.guid, holder.role.name), |(_, guid, name)| (*guid, *name));
    let (group, after) = match scope {
        Scope::Managed => (layout.managed.clone(), Some("group/managed".to_owned())),
        Scope::NetworkSecurityGroup => {
            (layout.nsg_group.clone(), spec.nsg_id.is_none().then(|| group_step(spec, "group/nsg")))
        }
        Scope::Vnet => (layout.vnet_group.clone(), spec.vnet_id.is_none().then(|| group_step(spec, "group/vnet"))),
        Scope::Dns => (ArmId::of_group(&spec.subscription, &roles.dns_zone_group), None),
    };
    let name = assignment_name(&spec.infra_id, &holder.name, group.as_str());
    Wanted { holder, group, after, name, role_id, role_name }
}

/// An assignment that is to be there.
struct Wanted<'a> {
    holder: &'a Holder,
    group: ArmId,
    /// The step that makes the group, if one does.
    after: Option<String>,
    name: String,
    role_id: &'static str,
    role_name: &'static str,
}

impl Wanted<'_> {
    fn step(&self, spec: &Spec, facts: &Facts, principal: &Origin) -> Step {
        let group = self.group.name().unwrap_or_default();
        let role_definition_id = format!(
            "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{}",
            spec.subscription, self.role_id
        );
        let id = ArmId::new(format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", self.group, self.name));
        let step = format!("role/{}/{group}", self.holder.key);
        let resource = format!("role of {} on resource group {group}", self.holder.shown);
        let none = Vec::new();
        let held = facts.assignments.get(&self.group.key()).unwrap_or(&none);
        let maker = match principal {
            Origin::Known(_) => None,
            Origin::Step(step) => Some(step.clone()),
        };
        let own = held.iter().find(|held| text(held, &["id"]).is_some_and(|own| own.eq_ignore_ascii_case(id.as_str())));
        if held.iter().any(|held| self.is_given_by(held, principal)) {
            return kept(step, resource, "assigned");
        }
        Step {
            id: step,
            verb: if own.is_some() { Verb::Change } else { Verb::Create },
            resource,
            reason: match own {
                Some(_) => "assigned to another identity or with another role: replaced".into(),
                None => self.role_name.into(),
            },
            depends_on: self.after.iter().cloned().chain(maker).collect(),
            change: Some(Change::RoleAssignment {
                id,
                role_definition_id,
                principal: principal.clone(),
                replace: own.is_some(),
            }),
            serial: None,
        }
    }

    /// Whether an assignment gives this role to this identity at this very scope, under whatever name.
    fn is_given_by(&self, held: &Value, principal: &Origin) -> bool {
        let Origin::Known(principal) = principal else { return false };
        let property = |key: &str| text(held, &["properties", key]).unwrap_or_default();
        let role = property("roleDefinitionId").rsplit('/').next().unwrap_or_default();
        role.eq_ignore_ascii_case(self.role_id)
            && property("principalId").eq_ignore_ascii_case(principal)
            && property("scope").eq_ignore_ascii_case(self.group.as_str())
            && property("condition").is_empty()
    }
}

/// The object ids by client id, from the identities themselves: no permission in Microsoft Graph is needed.
fn principals(spec: &Spec, facts: &Facts, wanted: &[Wanted<'_>]) -> Result<BTreeMap<String, Origin>, Refusal> {
    let mut found = BTreeMap::new();
    let mut unknown: Vec<&Wanted<'_>> = Vec::new();
    for wanted in wanted {
        let client_id = &wanted.holder.client_id;
        let principal = match spec.late.within(client_id).steps().pop_first() {
            Some(step) => Some(Origin::Step(step)),
            None => principal(facts, client_id).map(Origin::Known),
        };
        match principal {
            Some(principal) => drop(found.insert(client_id.clone(), principal)),
            None => unknown.push(wanted),
        }
    }
    match unknown.first() {
        None => Ok(found),
        Some(first) => Err(unassignable(spec, first, &unknown)),
    }
}

fn principal(facts: &Facts, client_id: &str) -> Option<String> {
    let own = |identity: &&Value| {
        text(identity, &["properties", "clientId"]).is_some_and(|id| id.eq_ignore_ascii_case(client_id))
    };
    facts
        .identities
        .iter()
        .find(own)
        .and_then(|identity| text(identity, &["properties", "principalId"]))
        .map(str::to_owned)
}

/// Identities of which no object id is known. Those of control planes may well be service principals, and their object ids
/// are told by Microsoft Graph alone.
fn unassignable(spec: &Spec, first: &Wanted<'_>, unknown: &[&Wanted<'_>]) -> Refusal {
    let Some(managed) = &spec.managed else {
        let Holder { shown, client_id, .. } = first.holder;
        return Refusal::new(
            WORKLOAD,
            "",
            format!("no managed identity of the subscription has the client id {client_id} of {shown}"),
            "run `create iam` again: it writes the file anew",
        );
    };
    let (flag, file) = match first.holder.plane {
        Plane::Control => (MANAGED, &managed.file),
        Plane::Data => (DATA_PLANE, &managed.data_plane_file),
    };
    let mut why = vec![format!(
        "no managed identity of subscription {} has these client ids, and the object ids of other service principals are not looked up:",
        spec.subscription
    )];
    let ids: BTreeMap<&str, &str> =
        unknown.iter().map(|wanted| (wanted.holder.shown.as_str(), wanted.holder.client_id.as_str())).collect();
    why.extend(ids.iter().map(|(shown, id)| format!("{id} of {shown}")));
    why.push("the roles that they need:".to_owned());
    let mut commands = BTreeSet::new();
    for wanted in unknown {
        let (id, role, scope) = (&wanted.holder.client_id, wanted.role_id, &wanted.group);
        if commands.insert((id, role, scope.key())) {
            why.push(format!("az role assignment create --assignee {id} --role {role} --scope {scope}"));
        }
    }
    let fix =
        "leave out `--assign-identity-roles`, and have an administrator assign these roles once the groups are there";
    Refusal::new(flag, file, why.join("\n"), fix)
}

#[cfg(test)]
mod tests {
    use super::assignment_name;

    #[test]
    fn names_are_those_of_upstream() {
        let scope = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg";
        for (component, name) in [
            ("ciro", "69be3728-f136-5756-b64a-c141ced3cb2e"),
            ("cloud-provider", "d8ddc2f7-03b3-5895-95c7-506cae12866e"),
            ("ciroWI", "72cc8cf0-5079-5611-9eff-96900bdcb650"),
        ] {
            assert_eq!(assignment_name("hc-abcde", component, scope), name);
        }
    }
}
