//! The role assignments of a cluster's identities.

use std::collections::BTreeSet;

use facts::ArmId;
use facts::catalogue::{COMPONENTS, Component, Scope};
use serde_json::Value;
use uuid::Uuid;

use super::network::group_step;
use super::{Facts, Layout, Spec};
use crate::change::{Change, Origin};
use crate::compare::text;
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

/// The derived name of a role assignment, as upstream derives it: the same run twice assigns once.
pub fn assignment_name(infra_id: &str, component: &str, scope: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{infra_id}-{component}-{scope}").as_bytes()).to_string()
}

/// The scopes of a component's role, in order.
pub fn identity_scopes(component: &Component) -> &'static [Scope] {
    component.role.map_or(&[], |role| role.scopes)
}

pub(super) fn steps(spec: &Spec, facts: &Facts, layout: &Layout) -> Result<Vec<Step>, Refusal> {
    let Some(roles) = &spec.roles else {
        return Ok(Vec::new());
    };
    let mut steps = Vec::new();
    let mut named = BTreeSet::new();
    for component in &COMPONENTS {
        let Some(role) = component.role else { continue };
        let Some(client_id) = spec.identities.get(component.key) else {
            continue;
        };
        if spec.without_image_registry && component.key == "imageRegistry" {
            continue;
        }
        let principal = match spec.late.within(client_id).steps().pop_first() {
            Some(step) => Origin::Step(step),
            None => Origin::Known(principal(facts, component.key, client_id)?),
        };
        let narrow = NARROW.iter().find(|(key, ..)| roles.narrow && *key == role.component);
        let (role_id, role_name) = narrow.map_or((role.guid, role.name), |(_, guid, name)| (*guid, *name));
        for scope in identity_scopes(component) {
            let (group, step) = match scope {
                Scope::Managed => (layout.managed.clone(), Some("group/managed".to_owned())),
                Scope::NetworkSecurityGroup => {
                    let step = spec.nsg_id.is_none().then(|| group_step(spec, "group/nsg"));
                    (layout.nsg_group.clone(), step)
                }
                Scope::Vnet => {
                    let step = spec.vnet_id.is_none().then(|| group_step(spec, "group/vnet"));
                    (layout.vnet_group.clone(), step)
                }
                Scope::Dns => (ArmId::of_group(&spec.subscription, &roles.dns_zone_group), None),
            };
            let name = assignment_name(&spec.infra_id, role.component, group.as_str());
            // Where groups coincide, so do the derived names: it is one assignment.
            if named.insert(name.clone()) {
                let wanted = Assignment {
                    component,
                    group: &group,
                    name,
                    role_id,
                    role_name,
                    principal: &principal,
                    subscription: &spec.subscription,
                };
                steps.push(wanted.step(facts, step));
            }
        }
    }
    Ok(steps)
}

struct Assignment<'a> {
    component: &'a Component,
    group: &'a ArmId,
    name: String,
    role_id: &'a str,
    role_name: &'a str,
    principal: &'a Origin,
    subscription: &'a str,
}

impl Assignment<'_> {
    fn step(self, facts: &Facts, after: Option<String>) -> Step {
        let group = self.group.name().unwrap_or_default();
        let role_definition_id = format!(
            "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{}",
            self.subscription, self.role_id
        );
        let id = ArmId::new(format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", self.group, self.name));
        let step = format!("role/{}/{group}", self.component.key);
        let resource = format!("role of {} on resource group {group}", self.component.key);
        let none = Vec::new();
        let held = facts.assignments.get(&self.group.key()).unwrap_or(&none);
        let maker = match self.principal {
            Origin::Known(_) => None,
            Origin::Step(step) => Some(step.clone()),
        };
        let own = held.iter().find(|held| text(held, &["id"]).is_some_and(|own| own.eq_ignore_ascii_case(id.as_str())));
        if held.iter().any(|held| self.is_given_by(held)) {
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
            depends_on: after.into_iter().chain(maker).collect(),
            change: Some(Change::RoleAssignment {
                id,
                role_definition_id,
                principal: self.principal.clone(),
                replace: own.is_some(),
            }),
            serial: None,
        }
    }

    /// Whether an assignment gives this role to this identity at this very scope, under whatever name.
    fn is_given_by(&self, held: &Value) -> bool {
        let Origin::Known(principal) = self.principal else { return false };
        let property = |key: &str| text(held, &["properties", key]).unwrap_or_default();
        let role = property("roleDefinitionId").rsplit('/').next().unwrap_or_default();
        role.eq_ignore_ascii_case(self.role_id)
            && property("principalId").eq_ignore_ascii_case(principal)
            && property("scope").eq_ignore_ascii_case(self.group.as_str())
            && property("condition").is_empty()
    }
}

/// The object id of an identity, from the identity itself: no permission in Microsoft Graph is needed.
fn principal(facts: &Facts, key: &str, client_id: &str) -> Result<String, Refusal> {
    let own = |identity: &&Value| {
        text(identity, &["properties", "clientId"]).is_some_and(|id| id.eq_ignore_ascii_case(client_id))
    };
    facts
        .identities
        .iter()
        .find(own)
        .and_then(|identity| text(identity, &["properties", "principalId"]))
        .map(str::to_owned)
        .ok_or_else(|| {
            Refusal::new(
                "--workload-identities-file",
                "",
                format!("no managed identity of the subscription has the client id {client_id} of {key}"),
                "run `create iam` again: it writes the file anew",
            )
        })
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
