//! Role definitions: built-in and custom.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ctx, authorization::PROVIDER, list, roles};
use crate::{
    errors::Refusal,
    http::{Answer, Reply},
};

/// A built-in or custom role by its GUID.
pub(crate) fn definition(ctx: &Ctx<'_>, scope: &str, name: &str) -> Option<Value> {
    roles::BUILT_IN
        .iter()
        .find(|role| role.id.eq_ignore_ascii_case(name))
        .map(|role| role.body(subscription_of(scope)))
        .or_else(|| custom(ctx).find(|role| role["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))))
}

fn custom<'a>(ctx: &'a Ctx<'_>) -> impl Iterator<Item = Value> + 'a {
    ctx.core.state.role_definitions.values().cloned()
}

/// Lists the roles that can be assigned at a scope.
pub(crate) fn definitions(ctx: &Ctx<'_>, scope: &str) -> Answer {
    let filter = ctx.call.query("$filter").unwrap_or_default();
    let inside = |field: &str| filter.strip_prefix(&format!("{field} eq '")).and_then(|rest| rest.strip_suffix('\''));
    let (name, kind) = (inside("roleName"), inside("type"));
    if !filter.is_empty() && name.is_none() && kind.is_none() && filter != "atScopeAndBelow()" {
        return Err(Refusal::new(400, "UnsupportedQuery", format!("The filter '{filter}' is not supported.")));
    }
    let found = roles::BUILT_IN
        .iter()
        .map(|role| role.body(subscription_of(scope)))
        .chain(custom(ctx))
        .filter(|role| name.is_none_or(|name| role["properties"]["roleName"] == json!(name)))
        .filter(|role| kind.is_none_or(|kind| role["properties"]["type"] == json!(kind)))
        .collect();
    list::page(ctx, found)
}

/// Creates or changes a custom role.
pub(crate) fn define(ctx: &mut Ctx<'_>, scope: &str, name: &str) -> Answer {
    let body = ctx.call.object()?;
    let properties = &body["properties"];
    if Uuid::parse_str(name).is_err() {
        return Err(Refusal::new(
            400,
            "InvalidRoleDefinitionId",
            format!("The role definition ID '{name}' is not valid. The role definition ID must be a GUID."),
        ));
    }
    if roles::BUILT_IN.iter().any(|role| role.id.eq_ignore_ascii_case(name)) {
        return Err(Refusal::new(409, "RoleDefinitionUpdateNotPermitted", "Built-in roles cannot be changed."));
    }
    let scopes = properties["assignableScopes"].as_array().is_some_and(|scopes| !scopes.is_empty());
    if properties["roleName"].as_str().is_none() || !scopes || !properties["permissions"].is_array() {
        return Err(Refusal::new(
            400,
            "RoleDefinitionMissingRequiredProperties",
            "The role definition needs 'roleName', 'assignableScopes' and 'permissions'.",
        ));
    }
    let id = format!("/subscriptions/{}{PROVIDER}/roleDefinitions/{name}", subscription_of(scope));
    let taken = ctx
        .core
        .state
        .role_definitions
        .iter()
        .any(|(key, role)| *key != id.to_lowercase() && role["properties"]["roleName"] == properties["roleName"]);
    if taken {
        return Err(Refusal::new(
            409,
            "RoleDefinitionWithSameNameExists",
            "A custom role with the same name already exists in this directory. Use a different name.",
        ));
    }
    let mut role =
        json!({"properties": properties, "id": id, "type": "Microsoft.Authorization/roleDefinitions", "name": name});
    role["properties"]["type"] = json!("CustomRole");
    ctx.core.state.role_definitions.insert(id.to_lowercase(), role.clone());
    Ok(Reply::json(201, role))
}

/// Deletes a custom role.
pub(crate) fn undefine(ctx: &mut Ctx<'_>, name: &str) -> Answer {
    let key = ctx
        .core
        .state
        .role_definitions
        .iter()
        .find(|(_, role)| role["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name)))
        .map(|(key, _)| key.clone());
    let Some(key) = key else { return Ok(Reply::empty(204)) };
    let used = ctx.core.state.role_assignments.values().any(|one| {
        one["properties"]["roleDefinitionId"]
            .as_str()
            .is_some_and(|id| id.to_lowercase().ends_with(&name.to_lowercase()))
    });
    if used {
        return Err(Refusal::new(
            400,
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing the role definition.",
        ));
    }
    let gone = ctx.core.state.role_definitions.remove(&key);
    Ok(gone.map_or_else(|| Reply::empty(204), |role| Reply::json(200, role)))
}

/// 404 for a role that does not exist.
pub(crate) fn no_definition(name: &str) -> Refusal {
    Refusal::new(
        404,
        "RoleDefinitionDoesNotExist",
        format!("The specified role definition with ID '{}' does not exist.", name.replace('-', "")),
    )
}

fn subscription_of(scope: &str) -> &str {
    let mut parts = scope.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(word), Some(id)) if word.eq_ignore_ascii_case("subscriptions") => id,
        _ => "",
    }
}
