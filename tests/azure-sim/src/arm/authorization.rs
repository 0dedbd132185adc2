//! Role assignments, role definitions, permissions, deny assignments and locks.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ctx, list, path::within, rbac, resource::internal, role_definitions};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    seed,
};

/// The provider part of ids.
pub(crate) const PROVIDER: &str = "/providers/Microsoft.Authorization";

/// Answers `{scope}/providers/Microsoft.Authorization/{kind}[/{name}]`.
pub(crate) fn handle(ctx: &mut Ctx<'_>, segments: &[&str]) -> Answer {
    let at = segments.iter().rposition(|part| part.eq_ignore_ascii_case("providers")).unwrap_or(0);
    let scope = if at == 0 { String::new() } else { format!("/{}", segments[..at].join("/")) };
    scope_exists(ctx, &scope)?;
    let kind = segments[at + 2].to_lowercase();
    let name = segments.get(at + 3).map(|name| (*name).to_owned());
    let method = ctx.call.method.clone();
    match (kind.as_str(), name, method.as_str()) {
        ("roleassignments", None, "GET") => assignments(ctx, &scope),
        ("roleassignments", Some(name), "GET") => {
            let id = assignment_id(&scope, &name);
            let found = ctx.core.state.role_assignments.get(&id.to_lowercase()).ok_or_else(|| no_assignment(&name))?;
            Ok(Reply::json(200, found.clone()))
        }
        ("roleassignments", Some(name), "PUT") => assign(ctx, &scope, &name),
        ("roleassignments", Some(name), "DELETE") => {
            super::links::locked(&ctx.core.state, &scope, super::links::Wish::Delete)?;
            let id = assignment_id(&scope, &name);
            Ok(match ctx.core.state.role_assignments.remove(&id.to_lowercase()) {
                Some(gone) => Reply::json(200, gone),
                None => Reply::empty(204),
            })
        }
        ("roledefinitions", None, "GET") => role_definitions::definitions(ctx, &scope),
        ("roledefinitions", Some(name), "GET") => {
            let found = role_definitions::definition(ctx, &scope, &name)
                .ok_or_else(|| role_definitions::no_definition(&name))?;
            Ok(Reply::json(200, found))
        }
        ("roledefinitions", Some(name), "PUT") => role_definitions::define(ctx, &scope, &name),
        ("roledefinitions", Some(name), "DELETE") => role_definitions::undefine(ctx, &name),
        ("permissions", None, "GET") => permissions(ctx, &scope),
        ("denyassignments", None, "GET") => {
            let found = ctx
                .core
                .state
                .deny_assignments
                .iter()
                .filter(|deny| {
                    let at = deny["properties"]["scope"].as_str().unwrap_or_default();
                    within(&scope, at) || within(at, &scope)
                })
                .cloned()
                .collect();
            list::page(ctx, found)
        }
        ("locks", name, _) => locks(ctx, &scope, name.as_deref()),
        ("roleassignments" | "roledefinitions" | "permissions" | "denyassignments", _, _) => {
            Err(errors::method_not_allowed(&method))
        }
        _ => Err(Refusal::new(
            404,
            "InvalidResourceType",
            format!("The resource type '{kind}' could not be found in the namespace 'Microsoft.Authorization'."),
        )
        .gateway()),
    }
}

fn scope_exists(ctx: &Ctx<'_>, scope: &str) -> Result<(), Refusal> {
    let parts: Vec<&str> = scope.split('/').collect();
    if parts.len() >= 5 && parts[3].eq_ignore_ascii_case("resourcegroups") {
        let group = parts[..5].join("/");
        if ctx.core.state.get(&group).is_none() {
            return Err(errors::group_not_found(parts[4]));
        }
    }
    if parts.len() > 5 && super::links::lookup(&ctx.core.state, scope).is_none() {
        let (kind, name) = scope.rsplit_once('/').unwrap_or(("", scope));
        let kind = kind.rsplit("/providers/").next().unwrap_or(kind);
        return Err(errors::not_found(kind, name, parts.get(4).copied().unwrap_or_default()));
    }
    Ok(())
}

fn assignment_id(scope: &str, name: &str) -> String {
    format!("{scope}{PROVIDER}/roleAssignments/{name}")
}

fn no_assignment(name: &str) -> Refusal {
    Refusal::new(404, "RoleAssignmentNotFound", format!("The role assignment '{name}' is not found."))
}

/// The filters that the list of role assignments takes.
enum Filter {
    All,
    AtScope,
    AssignedTo(String),
    Principal(String),
}

impl Filter {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let inside = |prefix: &str, suffix: &str| {
            text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).map(str::to_owned)
        };
        if text.is_empty() {
            return Ok(Self::All);
        }
        if text.eq_ignore_ascii_case("atScope()") {
            return Ok(Self::AtScope);
        }
        inside("assignedTo('", "')")
            .map(Self::AssignedTo)
            .or_else(|| inside("principalId eq '", "'").map(Self::Principal))
            .or_else(|| inside("principalId eq ", "").map(Self::Principal))
            .ok_or_else(|| {
                Refusal::new(400, "UnsupportedQuery", format!("The filter '{text}' is not supported. Supported filters are 'atScope()', 'assignedTo('{{value}}')' and 'principalId eq '{{value}}''."))
            })
    }
}

fn assignments(ctx: &Ctx<'_>, scope: &str) -> Answer {
    let filter = Filter::parse(ctx.call.query("$filter").unwrap_or_default())?;
    let found: Vec<&Value> = ctx
        .core
        .state
        .role_assignments
        .values()
        .filter(|assignment| {
            let at = rbac::scope_of(assignment);
            let above = within(scope, &at);
            let holder = assignment["properties"]["principalId"].as_str().unwrap_or_default();
            match &filter {
                Filter::All => above || within(&at, scope),
                Filter::AtScope => above,
                Filter::AssignedTo(who) | Filter::Principal(who) => {
                    (above || within(&at, scope)) && holder.eq_ignore_ascii_case(who)
                }
            }
        })
        .collect();
    list::page_of(ctx, found, Value::clone)
}

fn assign(ctx: &mut Ctx<'_>, scope: &str, name: &str) -> Answer {
    if Uuid::parse_str(name).is_err() {
        return Err(Refusal::new(
            400,
            "InvalidRoleAssignmentId",
            format!("The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."),
        ));
    }
    super::links::locked(&ctx.core.state, scope, super::links::Wish::Write)?;
    let body = ctx.call.object()?;
    let properties = &body["properties"];
    let text = |member: &str| properties[member].as_str().filter(|text| !text.is_empty());
    let (Some(role), Some(holder)) = (text("roleDefinitionId"), text("principalId")) else {
        return Err(Refusal::new(
            400,
            "InvalidCreateRoleAssignmentRequest",
            "The request to create role assignment is not valid. Both 'roleDefinitionId' and 'principalId' are required.",
        ));
    };
    if Uuid::parse_str(holder).is_err() {
        return Err(Refusal::new(
            400,
            "InvalidPrincipalId",
            format!("A valid principal ID must be provided for role assignment. '{holder}' is no GUID."),
        ));
    }
    let guid = role.rsplit('/').next().unwrap_or_default();
    if !role.to_lowercase().contains("/providers/microsoft.authorization/roledefinitions/")
        || Uuid::parse_str(guid).is_err()
    {
        return Err(Refusal::new(
            400,
            "InvalidRoleDefinitionId",
            format!("The role definition ID '{role}' is not valid."),
        ));
    }
    if role_definitions::definition(ctx, scope, guid).is_none() {
        return Err(role_definitions::no_definition(guid));
    }
    let kind = principal_kind(ctx, holder, text("principalType"))?;
    let id = assignment_id(scope, name);
    let key = id.to_lowercase();
    let same = |one: &Value, other_scope: &str| {
        let properties = &one["properties"];
        properties["principalId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(holder))
            && properties["roleDefinitionId"]
                .as_str()
                .is_some_and(|id| id.rsplit('/').next().is_some_and(|id| id.eq_ignore_ascii_case(guid)))
            && other_scope.eq_ignore_ascii_case(scope)
    };
    let state = &ctx.core.state;
    let elsewhere = state.role_assignments.iter().any(|(other, one)| *other != key && same(one, &rbac::scope_of(one)));
    if elsewhere {
        return Err(Refusal::new(409, "RoleAssignmentExists", "The role assignment already exists."));
    }
    if let Some(before) = state.role_assignments.get(&key) {
        if !same(before, scope) {
            return Err(Refusal::new(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            ));
        }
        return Ok(Reply::json(200, before.clone()));
    }
    let mut assignment = json!({
        "properties": {
            "roleDefinitionId": role,
            "principalId": holder,
            "principalType": kind,
            "scope": scope,
            "condition": null,
            "conditionVersion": null,
            "createdOn": seed::EPOCH,
            "updatedOn": seed::EPOCH,
            "createdBy": ctx.caller.oid,
            "updatedBy": ctx.caller.oid,
            "delegatedManagedIdentityResourceId": null,
            "description": null,
        },
        "id": id,
        "type": "Microsoft.Authorization/roleAssignments",
        "name": name,
    });
    for member in ["condition", "conditionVersion", "delegatedManagedIdentityResourceId", "description"] {
        assignment["properties"][member] = properties[member].clone();
    }
    ctx.core.state.put(assignment.clone()).map_err(internal)?;
    Ok(Reply::json(201, assignment))
}

/// The type of a principal that can get a role: it exists, is replicated or vouched for, and is what it is said
/// to be.
fn principal_kind(ctx: &Ctx<'_>, holder: &str, said: Option<&str>) -> Result<String, Refusal> {
    let state = &ctx.core.state;
    let delay = Duration::from_millis(state.principal_replication_ms.unwrap_or(0));
    let fresh = ctx.core.born.get(&holder.to_lowercase()).is_some_and(|born| ctx.now.duration_since(*born) < delay);
    let found = state.principal(holder).filter(|_| !fresh || said == Some("ServicePrincipal"));
    let Some(principal) = found else {
        return Err(Refusal::new(
            400,
            "PrincipalNotFound",
            format!(
                "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
                holder.replace('-', ""),
                state.tenant
            ),
        ));
    };
    match said {
        Some(said) if said != principal.kind => Err(Refusal::new(
            400,
            "UnmatchedPrincipalType",
            format!(
                "The PrincipalId '{holder}' has type '{}', which is different from specified PrinciaplType '{said}'.",
                principal.kind
            ),
        )),
        _ => Ok(principal.kind),
    }
}

fn permissions(ctx: &Ctx<'_>, scope: &str) -> Answer {
    let found = rbac::effective(&ctx.core.state, &ctx.caller.oid, scope)
        .into_iter()
        .map(|permission| {
            json!({
                "actions": permission.actions,
                "notActions": permission.not_actions,
                "dataActions": permission.data_actions,
                "notDataActions": permission.not_data_actions,
            })
        })
        .collect();
    list::page(ctx, found)
}

fn locks(ctx: &mut Ctx<'_>, scope: &str, name: Option<&str>) -> Answer {
    let method = ctx.call.method.clone();
    let prefix = format!("{scope}{PROVIDER}/locks");
    let Some(name) = name else {
        if method != "GET" {
            return Err(errors::method_not_allowed(&method));
        }
        let at_scope = ctx.call.query("$filter").is_some_and(|filter| filter.eq_ignore_ascii_case("atScope()"));
        let found = ctx
            .core
            .state
            .resources
            .iter()
            .filter_map(|(key, lock)| {
                let at = &key[..key.find("/providers/microsoft.authorization/locks/")?];
                (within(scope, at) || (!at_scope && within(at, scope))).then(|| lock.clone())
            })
            .collect();
        return list::page(ctx, found);
    };
    let id = format!("{prefix}/{name}");
    let missing = || Refusal::new(404, "LockNotFound", format!("The lock '{name}' could not be found."));
    match method.as_str() {
        "GET" => Ok(Reply::json(200, ctx.core.state.get(&id).cloned().ok_or_else(missing)?)),
        "PUT" => {
            let body = ctx.call.object()?;
            let level = body["properties"]["level"].as_str().unwrap_or_default();
            if level != "CanNotDelete" && level != "ReadOnly" {
                return Err(Refusal::new(
                    400,
                    "InvalidLockLevel",
                    "The lock level must be 'CanNotDelete' or 'ReadOnly'.",
                ));
            }
            let created = ctx.core.state.get(&id).is_none();
            let lock = json!({"properties": body["properties"], "id": id, "type": "Microsoft.Authorization/locks", "name": name});
            ctx.core.state.put(lock.clone()).map_err(internal)?;
            Ok(Reply::json(if created { 201 } else { 200 }, lock))
        }
        "DELETE" => Ok(Reply::empty(if ctx.core.state.remove(&id) { 200 } else { 204 })),
        _ => Err(errors::method_not_allowed(&method)),
    }
}
