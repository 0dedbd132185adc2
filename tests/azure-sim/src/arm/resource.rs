//! Resources of all providers: read, write and delete with the checks that ARM makes for every one of them.

use serde_json::{Value, json};

use super::{
    Ctx, body as checks, compute, dns, identity, links, list, lro, names, network,
    path::{Target, group_id},
    registry::{Kind, Writes},
    storage, subscriptions,
};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    lro::Effect,
    seed,
};

/// Answers a request for a resource, a collection or a resource's verb.
pub(crate) fn handle(ctx: &mut Ctx<'_>, segments: &[&str]) -> Answer {
    let version = ctx.call.query("api-version").unwrap_or_default();
    let target = Target::parse(segments, version)?
        .ok_or_else(|| Refusal::new(404, "NotFound", "The requested path does not exist."))?;
    if target.group.is_some() {
        group(ctx, &target)?;
    }
    let method = ctx.call.method.clone();
    if let Some(verb) = target.verb.clone() {
        return action(ctx, &target, &verb);
    }
    if target.is_collection() {
        if method != "GET" {
            return Err(errors::method_not_allowed(&method));
        }
        return list::kind(ctx, &target);
    }
    if target.group.is_none() {
        return Err(Refusal::new(404, "NotFound", "The resource id names no resource group."));
    }
    match method.as_str() {
        "GET" => get(ctx, &target),
        "HEAD" => get(ctx, &target).map(|_| Reply::empty(204)),
        "PUT" => put(ctx, &target),
        "PATCH" => patch(ctx, &target),
        "DELETE" => delete(ctx, &target),
        _ => Err(errors::method_not_allowed(&method)),
    }
}

/// The resource as it is stored, children inside their parents included.
pub(crate) fn stored(ctx: &Ctx<'_>, target: &Target) -> Option<Value> {
    let state = &ctx.core.state;
    match (target.kind.inline, target.parent()) {
        (Some(member), Some(parent)) => {
            let parent = state.get(&parent.id(state))?;
            children(parent, member).iter().find(|child| named(child, target.name())).cloned()
        }
        _ if target.kind.is_record() => dns::stored(state, target),
        _ if target.kind.path == "storageAccounts/blobServices" => storage::blob_service(state, target),
        _ => state.get(&target.id(state)).cloned(),
    }
}

/// The children that a parent holds in `member`.
pub(crate) fn children<'a>(parent: &'a Value, member: &str) -> &'a [Value] {
    parent["properties"][member].as_array().map_or(&[], Vec::as_slice)
}

fn named(child: &Value, name: &str) -> bool {
    child["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn group(ctx: &Ctx<'_>, target: &Target) -> Result<(), Refusal> {
    let id = group_id(&target.subscription, target.group());
    let group = ctx.core.state.get(&id).ok_or_else(|| errors::group_not_found(target.group()))?;
    let writes = ctx.call.method != "GET" && ctx.call.method != "DELETE";
    if writes && group["properties"]["provisioningState"] == "Deleting" {
        return Err(Refusal::new(
            409,
            "ResourceGroupBeingDeleted",
            format!(
                "The resource group '{}' is in deprovisioning state and cannot perform this operation.",
                target.group()
            ),
        )
        .gateway());
    }
    Ok(())
}

fn missing(target: &Target) -> Refusal {
    let kind = target.kind;
    if kind.namespace == "Microsoft.Network" && kind.path.to_lowercase().starts_with("privatednszones") {
        return dns::missing_private(target);
    }
    if let Some(parent) = target.parent().filter(|_| kind.namespace == "Microsoft.Network") {
        return errors::network(
            404,
            "NotFound",
            format!("Resource {} not found in {}.", target.name(), parent.names.join("/")),
        );
    }
    let names: Vec<String> =
        kind.path.split('/').zip(&target.names).map(|(kind, name)| format!("{kind}/{name}")).collect();
    let full = format!("{}/{}", kind.namespace, names.join("/"));
    let (kind, name) = full.rsplit_once('/').unwrap_or((&full, ""));
    errors::not_found(kind, name, target.group())
}

fn parent_exists(ctx: &Ctx<'_>, target: &Target) -> Result<(), Refusal> {
    let Some(parent) = target.parent() else { return Ok(()) };
    if stored(ctx, &parent).is_some() {
        return Ok(());
    }
    if ctx.call.method == "GET" {
        return Err(missing(&parent));
    }
    Err(errors::parent_not_found(parent.name()))
}

fn get(ctx: &Ctx<'_>, target: &Target) -> Answer {
    parent_exists(ctx, target)?;
    let body = stored(ctx, target).ok_or_else(|| missing(target))?;
    Ok(Reply::json(200, links::view(&ctx.core.state, &body)))
}

fn put(ctx: &mut Ctx<'_>, target: &Target) -> Answer {
    let kind = target.kind;
    if kind.writes == Writes::ReadOnly {
        return Err(errors::method_not_allowed("PUT"));
    }
    subscriptions::registered(&ctx.core.state, &target.subscription, kind.namespace)?;
    let mut body = ctx.call.object()?;
    checks::shape(&body)?;
    names::check(kind, target.name())?;
    parent_exists(ctx, target)?;
    let before = stored(ctx, target);
    checks::place(target, &mut body, before.as_ref())?;
    let id = target.id(&ctx.core.state);
    links::locked(&ctx.core.state, &id, links::Wish::Write)?;
    idle(ctx, target)?;
    checks::known_members(kind, &body)?;
    super::policy::enforce(&ctx.core.state, &id, kind, &body)?;
    check(ctx, target, &mut body, before.as_ref())?;
    links::references(ctx, &id, &body)?;
    write(ctx, target, id, body, before)
}

/// Provider-specific checks of a body that is about to be written.
fn check(ctx: &Ctx<'_>, target: &Target, body: &mut Value, before: Option<&Value>) -> Result<(), Refusal> {
    match target.kind.namespace {
        "Microsoft.ManagedIdentity" => identity::check(ctx, target, body),
        "Microsoft.Storage" => storage::check(ctx, target, body, before),
        "Microsoft.Compute" | "Microsoft.KeyVault" => compute::check(ctx, target, body, before),
        _ if target.kind.path.to_lowercase().contains("dnszones") => dns::check(ctx, target, body, before),
        _ => network::check(ctx, target, body, before),
    }
}

fn write(ctx: &mut Ctx<'_>, target: &Target, id: String, mut body: Value, before: Option<Value>) -> Answer {
    let kind = target.kind;
    let id = before.as_ref().and_then(|before| before["id"].as_str()).map_or(id, str::to_owned);
    let name = before.as_ref().and_then(|before| before["name"].as_str()).map(str::to_owned);
    body["id"] = json!(id);
    body["name"] = json!(name.unwrap_or_else(|| id.rsplit('/').next().unwrap_or_default().to_owned()));
    body["type"] = json!(kind.full());
    for volatile in ["etag", "systemData"] {
        if let Some(members) = body.as_object_mut() {
            members.shift_remove(volatile);
        }
    }
    if let Some(properties) = body["properties"].as_object_mut() {
        properties.shift_remove("provisioningState");
    }
    keep(kind, &mut body, before.as_ref());
    let created = before.is_none();
    let status = if created { 201 } else { 200 };
    let failing = !matches!(ctx.outcome, crate::lro::Outcome::Succeeded);
    if let (Some(member), Some(parent)) = (kind.inline, target.parent()) {
        return write_inline(ctx, target, &parent, member, body, status);
    }
    ctx.core.state.put(body).map_err(internal)?;
    if kind.path == "userAssignedIdentities" && created {
        remember_birth(ctx, &id);
    }
    let long = kind.writes != Writes::Sync && (created || kind.namespace == "Microsoft.Network" || failing);
    if long && let Some(resource) = ctx.core.state.resources.get_mut(&id.to_lowercase()) {
        let word = if kind.namespace == "Microsoft.Network" { "Updating" } else { "Creating" };
        resource["properties"]["provisioningState"] = json!(word);
    }
    let shown = ctx.core.state.get(&id).map(|body| links::view(&ctx.core.state, body)).unwrap_or_default();
    if !long {
        return Ok(Reply::json(if kind.writes == Writes::Storage { 200 } else { status }, shown));
    }
    let reply = match kind.writes {
        Writes::PrivateDns | Writes::Storage => Reply::empty(202),
        _ => Reply::json(status, shown),
    };
    Ok(lro::announce(ctx, &id, Effect::Provision, kind.writes, reply))
}

fn write_inline(
    ctx: &mut Ctx<'_>,
    target: &Target,
    parent: &Target,
    member: &str,
    mut body: Value,
    status: u16,
) -> Answer {
    let parent_id = parent.id(&ctx.core.state);
    let Some(mut owner) = ctx.core.state.get(&parent_id).cloned() else {
        return Err(errors::parent_not_found(parent.name()));
    };
    if let Some(members) = body.as_object_mut() {
        members.shift_remove("location");
    }
    let list = &mut owner["properties"][member];
    if !list.is_array() {
        *list = json!([]);
    }
    if let Some(list) = list.as_array_mut() {
        list.retain(|child| !named(child, target.name()));
        list.push(body);
        list.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    }
    network::check_whole(parent.kind, &owner)?;
    ctx.core.state.put(owner).map_err(internal)?;
    if target.kind.writes == Writes::Sync {
        let shown = stored(ctx, target).unwrap_or_default();
        return Ok(Reply::json(200, shown));
    }
    if let Some(owner) = ctx.core.state.resources.get_mut(&parent_id.to_lowercase()) {
        owner["properties"]["provisioningState"] = json!("Updating");
    }
    let mut shown = stored(ctx, target).map(|body| links::view(&ctx.core.state, &body)).unwrap_or_default();
    shown["properties"]["provisioningState"] = json!("Updating");
    Ok(lro::announce(ctx, &parent_id, Effect::Provision, Writes::Network, Reply::json(status, shown)))
}

/// Carries over what a write does not name and the provider keeps.
fn keep(kind: &Kind, body: &mut Value, before: Option<&Value>) {
    let Some(before) = before else { return };
    let kept: &[&str] = match kind.path {
        "userAssignedIdentities" => &["clientId", "principalId", "tenantId", "isolationScope"],
        "storageAccounts" => {
            &["primaryEndpoints", "creationTime", "allowBlobPublicAccess", "allowSharedKeyAccess", "networkAcls"]
        }
        "publicIPAddresses" => &["ipAddress", "resourceGuid"],
        "virtualNetworks" => &["virtualNetworkPeerings", "resourceGuid"],
        _ => &["resourceGuid"],
    };
    for member in kept {
        let old = &before["properties"][*member];
        if body["properties"][*member].is_null() && !old.is_null() {
            body["properties"][*member] = old.clone();
        }
    }
    if kind.namespace == "Microsoft.ManagedIdentity" && body["tags"].is_null() && !before["tags"].is_null() {
        body["tags"] = before["tags"].clone();
    }
}

fn patch(ctx: &mut Ctx<'_>, target: &Target) -> Answer {
    let id = target.id(&ctx.core.state);
    let mut body = stored(ctx, target).ok_or_else(|| missing(target))?;
    if target.kind.inline.is_some() || target.kind.writes == Writes::ReadOnly {
        return Err(errors::method_not_allowed("PATCH"));
    }
    links::locked(&ctx.core.state, &id, links::Wish::Write)?;
    idle(ctx, target)?;
    let change = ctx.call.object()?;
    checks::shape(&change)?;
    if !change["tags"].is_null() {
        body["tags"] = change["tags"].clone();
    }
    if target.kind.namespace != "Microsoft.Network" {
        merge(&mut body["properties"], &change["properties"]);
    }
    ctx.core.state.put(body).map_err(internal)?;
    let shown = ctx.core.state.get(&id).map(|body| links::view(&ctx.core.state, body)).unwrap_or_default();
    Ok(Reply::json(200, shown))
}

fn merge(into: &mut Value, change: &Value) {
    match (into, change) {
        (_, Value::Null) => {}
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change.clone(),
    }
}

fn delete(ctx: &mut Ctx<'_>, target: &Target) -> Answer {
    let kind = target.kind;
    if kind.writes == Writes::ReadOnly {
        return Err(errors::method_not_allowed("DELETE"));
    }
    if stored(ctx, target).is_none() {
        return Ok(Reply::empty(204));
    }
    let id = target.id(&ctx.core.state);
    links::locked(&ctx.core.state, &id, links::Wish::Delete)?;
    idle(ctx, target)?;
    links::free_to_delete(&ctx.core.state, target, &id)?;
    dns::precondition(ctx, target)?;
    if let (Some(member), Some(parent)) = (kind.inline, target.parent()) {
        return delete_inline(ctx, target, &parent, member);
    }
    match kind.writes {
        Writes::Sync | Writes::Storage => {
            ctx.core.state.remove(&id);
            Ok(Reply::empty(200))
        }
        style => {
            if let Some(resource) = ctx.core.state.resources.get_mut(&id.to_lowercase()) {
                resource["properties"]["provisioningState"] = json!("Deleting");
            }
            Ok(lro::announce(ctx, &id, Effect::Delete, style, Reply::empty(202)))
        }
    }
}

fn delete_inline(ctx: &mut Ctx<'_>, target: &Target, parent: &Target, member: &str) -> Answer {
    let parent_id = parent.id(&ctx.core.state);
    if let Some(owner) = ctx.core.state.resources.get_mut(&parent_id.to_lowercase()) {
        if let Some(list) = owner["properties"][member].as_array_mut() {
            list.retain(|child| !named(child, target.name()));
        }
        owner["properties"]["provisioningState"] = json!("Updating");
    }
    Ok(lro::announce(ctx, &parent_id, Effect::Provision, Writes::Network, Reply::empty(202)))
}

fn action(ctx: &mut Ctx<'_>, target: &Target, verb: &str) -> Answer {
    let lists = ["subnets", "usages", "all", "recordsets", "instanceview"];
    let method = ctx.call.method.clone();
    if method != if lists.contains(&verb) { "GET" } else { "POST" } {
        return Err(errors::method_not_allowed(&method));
    }
    let body = stored(ctx, target).ok_or_else(|| missing(target))?;
    match (target.kind.path, verb) {
        ("virtualNetworks", "usages") => Ok(network::vnet_usages(&ctx.core.state, &body)),
        ("networkInterfaces", "effectivenetworksecuritygroups") => network::effective_groups(ctx, &body),
        ("storageAccounts", "listkeys") => storage::keys(&body),
        ("dnszones" | "privateDnsZones", "recordsets" | "all") => dns::all_records(ctx, target),
        ("virtualMachines", "instanceview") => Ok(compute::instance_view(&body)),
        ("virtualMachines", "retrievebootdiagnosticsdata") => compute::boot_diagnostics(&body),
        _ => Err(Refusal::new(
            404,
            "InvalidResourceType",
            format!("The resource type '{verb}' could not be found in the namespace '{}'.", target.kind.namespace),
        )
        .gateway()),
    }
}

/// Refuses a write while another operation works on the resource or, for a child, on its parent.
fn idle(ctx: &Ctx<'_>, target: &Target) -> Result<(), Refusal> {
    let holder = if target.kind.inline.is_some() { target.parent() } else { None };
    let id = holder.as_ref().unwrap_or(target).id(&ctx.core.state);
    let Some(operation) = ctx.core.operations.pending(&id) else {
        return Ok(());
    };
    Err(errors::network(
        409,
        "AnotherOperationInProgress",
        format!(
            "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: {}/subscriptions/{}/providers/{}/locations/eastus/operations/{}.",
            ctx.call.base, target.subscription, target.kind.namespace, operation.id
        ),
    ))
}

fn remember_birth(ctx: &mut Ctx<'_>, id: &str) {
    let principal = ctx
        .core
        .state
        .get(id)
        .and_then(|identity| identity["properties"]["principalId"].as_str())
        .map(str::to_lowercase);
    if let Some(principal) = principal {
        ctx.core.born.insert(principal, ctx.now);
    }
}

pub(crate) fn internal(error: crate::Error) -> Refusal {
    Refusal::new(500, "InternalServerError", error.to_string())
}

/// The etag of a body: it depends on the content alone.
pub(crate) fn etag(body: &Value) -> String {
    let mut bare = body.clone();
    if let Some(members) = bare.as_object_mut() {
        members.shift_remove("etag");
    }
    seed::guid(&crate::state::sorted(&bare).to_string())
}
