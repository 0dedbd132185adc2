//! Who may do what: role assignments, their roles' actions, and scopes that inherit.

use serde_json::Value;

use super::{path::within, roles};
use crate::state::State;

/// The actions that a role grants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permission {
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub data_actions: Vec<String>,
    pub not_data_actions: Vec<String>,
}

/// All that a principal may do, for questions about many resources.
#[derive(Debug)]
pub(crate) struct Grants {
    /// May do everything, whatever its role assignments.
    owner: bool,
    held: Vec<(String, Vec<Permission>)>,
}

impl Grants {
    /// What a principal's role assignments give it.
    pub fn of(state: &State, object_id: &str) -> Self {
        if owns(state, object_id) {
            return Self { owner: true, held: Vec::new() };
        }
        let held = assigned(state, object_id).map(|(scope, role)| (scope, permissions_of(state, &role)));
        Self { owner: false, held: held.collect() }
    }

    /// Whether it may perform `action` on `path`.
    pub fn allow(&self, action: &str, path: &str) -> bool {
        self.owner
            || self
                .held
                .iter()
                .filter(|(scope, _)| within(path, scope))
                .any(|(_, held)| held.iter().any(|permission| permission.grants(action)))
    }
}

/// Whether a principal may perform `action` on `path`.
pub(crate) fn allows(state: &State, object_id: &str, action: &str, path: &str) -> bool {
    Grants::of(state, object_id).allow(action, path)
}

fn owns(state: &State, object_id: &str) -> bool {
    state.principals.get(&object_id.to_lowercase()).is_some_and(|principal| principal.owner)
}

/// The deny assignment that keeps a principal from an action, if any: it outranks every role.
pub(crate) fn denied<'a>(state: &'a State, object_id: &str, action: &str, path: &str) -> Option<&'a Value> {
    /// Stands for every principal of the tenant.
    const EVERYONE: &str = "00000000-0000-0000-0000-000000000000";
    let names = |list: &Value| {
        list.as_array()
            .into_iter()
            .flatten()
            .any(|one| one["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(object_id) || id == EVERYONE))
    };
    state.deny_assignments.iter().find(|deny| {
        let properties = &deny["properties"];
        let scope = properties["scope"].as_str().unwrap_or_default();
        let own = path.eq_ignore_ascii_case(scope) || properties["doNotApplyToChildScopes"] != Value::Bool(true);
        within(path, scope)
            && own
            && names(&properties["principals"])
            && !names(&properties["excludePrincipals"])
            && properties["permissions"].as_array().into_iter().flatten().any(|one| permission(one).grants(action))
    })
}

/// Whether a principal holds any role at, above or below `scope`.
pub(crate) fn knows(state: &State, object_id: &str, scope: &str) -> bool {
    assigned(state, object_id).any(|(assigned, _)| within(&assigned, scope) || within(scope, &assigned))
}

/// The permissions that apply to a principal at a scope.
pub(crate) fn effective(state: &State, object_id: &str, scope: &str) -> Vec<Permission> {
    if owns(state, object_id) {
        return vec![Permission { actions: vec!["*".to_owned()], ..Permission::default() }];
    }
    assigned(state, object_id)
        .filter(|(assigned, _)| within(scope, assigned))
        .flat_map(|(_, role)| permissions_of(state, &role))
        .collect()
}

/// Scope and role of each assignment of a principal.
fn assigned<'a>(state: &'a State, object_id: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    state
        .role_assignments
        .values()
        .filter(move |assignment| {
            assignment["properties"]["principalId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(object_id))
        })
        .map(|assignment| {
            (scope_of(assignment), assignment["properties"]["roleDefinitionId"].as_str().unwrap_or_default().to_owned())
        })
}

/// The scope of an assignment: what stands before its provider path.
pub(crate) fn scope_of(assignment: &Value) -> String {
    let id = assignment["id"].as_str().unwrap_or_default();
    let at = id.to_lowercase().rfind("/providers/microsoft.authorization/").unwrap_or(0);
    id[..at].to_owned()
}

/// The permissions of a role definition, by its id.
pub(crate) fn permissions_of(state: &State, role_id: &str) -> Vec<Permission> {
    let guid = role_id.rsplit('/').next().unwrap_or_default();
    if let Some(role) = roles::BUILT_IN.iter().find(|role| role.id.eq_ignore_ascii_case(guid)) {
        let own = |list: &[&str]| list.iter().map(|action| (*action).to_owned()).collect();
        return vec![Permission {
            actions: own(role.actions),
            not_actions: own(role.not_actions),
            data_actions: own(role.data_actions),
            not_data_actions: Vec::new(),
        }];
    }
    state
        .role_definitions
        .values()
        .filter(|role| role["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(guid)))
        .flat_map(|role| role["properties"]["permissions"].as_array().cloned().unwrap_or_default())
        .map(|one| permission(&one))
        .collect()
}

/// A permission as a definition's body has it.
fn permission(body: &Value) -> Permission {
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    Permission {
        actions: list(&body["actions"]),
        not_actions: list(&body["notActions"]),
        data_actions: list(&body["dataActions"]),
        not_data_actions: list(&body["notDataActions"]),
    }
}

impl Permission {
    /// Whether the action is among the actions and not among the exceptions.
    pub fn grants(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| matches(pattern, action))
            && !self.not_actions.iter().any(|pattern| matches(pattern, action))
    }
}

/// Whether an action fits a pattern whose `*` stands for any run of characters.
fn matches(pattern: &str, action: &str) -> bool {
    fn fits(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
            Some((first, rest)) => {
                text.first().is_some_and(|byte| byte.eq_ignore_ascii_case(first)) && fits(rest, &text[1..])
            }
        }
    }
    fits(pattern.as_bytes(), action.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_span_segments_and_case_does_not_matter() {
        assert!(matches("*", "Microsoft.Network/virtualNetworks/read"));
        assert!(matches("*/read", "Microsoft.Network/virtualNetworks/subnets/read"));
        assert!(!matches("*/read", "Microsoft.Network/virtualNetworks/write"));
        assert!(matches("Microsoft.Authorization/*/Write", "microsoft.authorization/roleAssignments/write"));
        assert!(!matches("Microsoft.Network/dnsZones/A/write", "Microsoft.Network/dnsZones/AAAA/write"));
    }
}
