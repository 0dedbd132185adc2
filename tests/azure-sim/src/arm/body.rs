//! The checks of a body that hold for every provider.

use serde_json::{Value, json};

use super::{
    path::Target,
    registry::{Kind, Location},
    subscriptions,
};
use crate::errors::{self, Refusal};

/// Members that a resource's body may have beside `properties`.
const MEMBERS: &[&str] = &[
    "id",
    "name",
    "type",
    "location",
    "tags",
    "properties",
    "sku",
    "zones",
    "kind",
    "identity",
    "etag",
    "plan",
    "extendedLocation",
    "managedBy",
    "systemData",
    "scale",
    "placement",
];

/// Checks the members of a body and its tags.
pub(crate) fn shape(body: &Value) -> Result<(), Refusal> {
    let content = |why: String| {
        Refusal::new(
            400,
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{why}'."),
        )
        .gateway()
    };
    for (member, value) in body.as_object().into_iter().flatten() {
        if !MEMBERS.contains(&member.as_str()) {
            return Err(content(format!(
                "Could not find member '{member}' on object of type 'ResourceDefinition'. Path '{member}', line 1, position 1."
            )));
        }
        let fits = match member.as_str() {
            "properties" | "tags" | "sku" | "identity" | "plan" => value.is_object() || value.is_null(),
            "zones" => value.is_array() || value.is_null(),
            "location" | "name" | "id" | "type" | "kind" => value.is_string() || value.is_null(),
            _ => true,
        };
        if !fits {
            return Err(content(format!(
                "Error converting value to the type of '{member}'. Path '{member}', line 1, position 1."
            )));
        }
    }
    let tags = body["tags"].as_object();
    if tags.is_some_and(|tags| tags.len() > 50) {
        return Err(Refusal::new(
            400,
            "InvalidTagCount",
            "The number of tags on the resource exceeds the limit of 50.",
        ));
    }
    for (key, value) in tags.into_iter().flatten() {
        if !value.is_string()
            || key.len() > 512
            || value.as_str().is_some_and(|value| value.len() > 256)
            || key.contains(['<', '>', '%', '&', '\\', '?', '/'])
        {
            return Err(Refusal::new(
                400,
                "InvalidTagNameCharacters",
                format!("The tag name '{key}' or its value is invalid."),
            ));
        }
    }
    Ok(())
}

/// Checks and normalises the location, which never changes.
pub(crate) fn place(target: &Target, body: &mut Value, before: Option<&Value>) -> Result<(), Refusal> {
    let kind = target.kind;
    if kind.location == Location::Inherited {
        return Ok(());
    }
    let Some(given) = body["location"].as_str().filter(|location| !location.is_empty()) else {
        return Err(
            Refusal::new(400, "LocationRequired", "The location property is required for this definition.").gateway()
        );
    };
    let location = subscriptions::normal_location(given);
    let fits = match kind.location {
        Location::Global => location == "global",
        _ => subscriptions::is_location(&location),
    };
    if !fits {
        return Err(Refusal::new(
            400,
            "LocationNotAvailableForResourceType",
            format!(
                "The provided location '{given}' is not available for resource type '{}'. List of available regions for the resource type is '{}'.",
                kind.full(),
                if kind.location == Location::Global { "global".to_owned() } else { subscriptions::LOCATIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",") }
            ),
        )
        .gateway());
    }
    let old = before.and_then(|before| before["location"].as_str());
    if let Some(old) = old.filter(|old| subscriptions::normal_location(old) != location) {
        return Err(Refusal::new(
            409,
            "InvalidResourceLocation",
            format!(
                "The resource '{}' already exists in location '{old}' in resource group '{}'. A resource with the same name cannot be created in location '{location}'. Please select a new resource name.",
                target.name(),
                target.group()
            ),
        )
        .gateway());
    }
    body["location"] = json!(location);
    Ok(())
}

/// Refuses members of `properties` that the provider does not know.
pub(crate) fn known_members(kind: &Kind, body: &Value) -> Result<(), Refusal> {
    if kind.members.is_empty() {
        return Ok(());
    }
    let read_only = [
        "provisioningState",
        "resourceGuid",
        "defaultSecurityRules",
        "networkInterfaces",
        "ipConfiguration",
        "ipConfigurations",
        "clientId",
        "principalId",
        "tenantId",
        "virtualNetworkLinkState",
    ];
    for member in body["properties"].as_object().into_iter().flat_map(|members| members.keys()) {
        if !kind.members.contains(&member.as_str()) && !read_only.contains(&member.as_str()) {
            return Err(errors::network(
                400,
                "InvalidRequestFormat",
                format!(
                    "Cannot parse the request: Could not find member '{member}' on object of type '{}'. Path 'properties.{member}'.",
                    kind.leaf()
                ),
            ));
        }
    }
    Ok(())
}
