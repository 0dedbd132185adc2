//! Resource groups.

use serde_json::{Value, json};

use super::{
    Ctx, links,
    list::{self, Filter},
    lro, names,
    path::group_id,
    registry::Writes,
    resource::internal,
    subscriptions,
};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    lro::Effect,
};

/// Answers `…/resourcegroups` and `…/resourcegroups/{name}`.
pub(crate) fn handle(ctx: &mut Ctx<'_>, segments: &[&str]) -> Answer {
    let method = ctx.call.method.clone();
    let subscription = segments[1];
    let Some(name) = segments.get(3) else {
        return if method == "GET" { all(ctx, subscription) } else { Err(errors::method_not_allowed(&method)) };
    };
    let id = group_id(subscription, name);
    match method.as_str() {
        "HEAD" => Ok(Reply::empty(if ctx.core.state.get(&id).is_some() { 204 } else { 404 })),
        "GET" => {
            let group = ctx.core.state.get(&id).ok_or_else(|| errors::group_not_found(name))?;
            Ok(Reply::json(200, group.clone()))
        }
        "PUT" => put(ctx, name, &id),
        "PATCH" => patch(ctx, name, &id),
        "DELETE" => delete(ctx, name, &id),
        _ => Err(errors::method_not_allowed(&method)),
    }
}

fn all(ctx: &Ctx<'_>, subscription: &str) -> Answer {
    let state = &ctx.core.state;
    let scope = format!("/subscriptions/{subscription}");
    let filter = Filter::parse(ctx.call.query("$filter").unwrap_or_default())?;
    let read = "Microsoft.Resources/subscriptions/resourceGroups/read";
    let may = ctx.reader();
    let groups: Vec<&Value> = state
        .within(&scope)
        .filter(|(id, _)| !id.contains("/providers/"))
        .filter(|(id, _)| may.allows(read, id))
        .filter(|(_, group)| filter.fits(group))
        .map(|(_, group)| group)
        .collect();
    list::page_of(ctx, groups, Value::clone)
}

fn put(ctx: &mut Ctx<'_>, name: &str, id: &str) -> Answer {
    let body = ctx.call.object()?;
    if !names::group(name) {
        return Err(Refusal::new(
            400,
            "InvalidResourceGroup",
            format!("The provided resource group name '{name}' has these invalid characters or length. The name can only be a letter, digit, '-', '.', '(', ')' or '_' and cannot end with a period."),
        )
        .gateway());
    }
    let allowed = ["location", "tags", "managedBy", "id", "name", "type", "properties"];
    if let Some(unknown) =
        body.as_object().into_iter().flat_map(|members| members.keys()).find(|key| !allowed.contains(&key.as_str()))
    {
        return Err(Refusal::new(
            400,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: 'Could not find member '{unknown}' on object of type 'ResourceGroupDefinition'. Path '{unknown}', line 1, position 1.'."),
        )
        .gateway());
    }
    let given = body["location"].as_str().filter(|location| !location.is_empty()).ok_or_else(|| {
        Refusal::new(400, "LocationRequired", "The location property is required for this definition.").gateway()
    })?;
    let location = subscriptions::normal_location(given);
    if !subscriptions::is_location(&location) {
        return Err(Refusal::new(
            400,
            "LocationNotAvailableForResourceGroup",
            format!("The provided location '{given}' is not available for resource group. List of available regions is '{}'.", subscriptions::LOCATIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",")),
        )
        .gateway());
    }
    let before = ctx.core.state.get(id).cloned();
    links::locked(&ctx.core.state, id, links::Wish::Write)?;
    if let Some(before) = &before {
        if before["properties"]["provisioningState"] == "Deleting" {
            return Err(Refusal::new(
                409,
                "ResourceGroupBeingDeleted",
                format!("The resource group '{name}' is in deprovisioning state and cannot perform this operation."),
            )
            .gateway());
        }
        let old = before["location"].as_str().unwrap_or_default();
        if subscriptions::normal_location(old) != location {
            return Err(Refusal::new(
                409,
                "InvalidResourceGroupLocation",
                format!("Invalid resource group location '{location}'. The Resource group already exists in location '{old}'."),
            )
            .gateway());
        }
    }
    let mut group = json!({
        "id": before.as_ref().map_or(json!(id), |before| before["id"].clone()),
        "name": before.as_ref().map_or(json!(name), |before| before["name"].clone()),
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "properties": {"provisioningState": "Succeeded"},
    });
    for member in ["tags", "managedBy"] {
        if !body[member].is_null() {
            group[member] = body[member].clone();
        }
    }
    ctx.core.state.put(group.clone()).map_err(internal)?;
    Ok(Reply::json(if before.is_some() { 200 } else { 201 }, group))
}

fn patch(ctx: &mut Ctx<'_>, name: &str, id: &str) -> Answer {
    let change = ctx.call.object()?;
    links::locked(&ctx.core.state, id, links::Wish::Write)?;
    let group = ctx.core.state.resources.get_mut(&id.to_lowercase()).ok_or_else(|| errors::group_not_found(name))?;
    if !change["tags"].is_null() {
        group["tags"] = change["tags"].clone();
    }
    Ok(Reply::json(200, group.clone()))
}

fn delete(ctx: &mut Ctx<'_>, name: &str, id: &str) -> Answer {
    let id = ctx
        .core
        .state
        .get(id)
        .and_then(|group| group["id"].as_str())
        .map(str::to_owned)
        .ok_or_else(|| errors::group_not_found(name))?;
    links::locked(&ctx.core.state, &id, links::Wish::Delete)?;
    if let Some(group) = ctx.core.state.resources.get_mut(&id.to_lowercase()) {
        group["properties"]["provisioningState"] = Value::from("Deleting");
    }
    Ok(lro::announce(ctx, &id, Effect::Delete, Writes::Network, Reply::empty(202)))
}
