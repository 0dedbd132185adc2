//! User-assigned managed identities and their federated identity credentials.

use serde_json::{Value, json};

use super::{Ctx, path::Target, registry::Kind};
use crate::{
    errors::Refusal,
    seed,
    state::{State, fill},
};

/// How many federated credentials one identity can have.
const LIMIT: usize = 20;

/// Adds what follows from the id: client, principal and tenant.
pub(crate) fn complete(state: &State, kind: &Kind, resource: &mut Value) {
    if kind.path != "userAssignedIdentities" {
        return;
    }
    let id = resource["id"].as_str().unwrap_or_default().to_lowercase();
    let defaults = json!({
        "tags": {},
        "properties": {
            "tenantId": state.tenant,
            "principalId": seed::guid(&format!("principal:{id}")),
            "clientId": seed::guid(&format!("client:{id}")),
            "isolationScope": "None",
        },
    });
    fill(resource, &defaults);
}

/// Checks a body before it is written.
pub(crate) fn check(ctx: &Ctx<'_>, target: &Target, body: &mut Value) -> Result<(), Refusal> {
    if target.kind.path == "userAssignedIdentities" {
        // Read-only members are ignored, as the provider does.
        for member in ["clientId", "principalId", "tenantId"] {
            if let Some(properties) = body["properties"].as_object_mut() {
                properties.shift_remove(member);
            }
        }
        return Ok(());
    }
    let properties = &body["properties"];
    let bad = |message: String| Refusal::new(400, "BadRequest", message);
    let text = |member: &str| {
        properties[member].as_str().filter(|text| !text.is_empty()).ok_or_else(|| {
            bad(format!("The property '{member}' of the federated identity credential must not be empty."))
        })
    };
    let (issuer, subject) = (text("issuer")?, text("subject")?);
    let audiences = properties["audiences"].as_array().cloned().unwrap_or_default();
    if audiences.len() != 1 || !audiences[0].is_string() {
        return Err(bad("The federated identity credential must have exactly one audience.".to_owned()));
    }
    if !issuer.starts_with("https://") || url::Url::parse(issuer).is_err() {
        return Err(bad(format!("The issuer '{issuer}' of the federated identity credential must be an https URL.")));
    }
    let long = |text: &str| text.chars().count() > 600;
    if long(issuer) || long(subject) || audiences[0].as_str().is_some_and(long) {
        return Err(bad("Issuer, subject and audience may have up to 600 characters each.".to_owned()));
    }
    let Some(parent) = target.parent() else { return Ok(()) };
    let own = target.id(&ctx.core.state).to_lowercase();
    let prefix = format!("{}/federatedidentitycredentials/", parent.id(&ctx.core.state).to_lowercase());
    let others: Vec<&Value> = ctx
        .core
        .state
        .resources
        .iter()
        .filter(|(id, _)| id.starts_with(&prefix) && **id != own)
        .map(|(_, other)| other)
        .collect();
    if let Some(twin) = others.iter().find(|other| {
        other["properties"]["issuer"] == json!(issuer) && other["properties"]["subject"] == json!(subject)
    }) {
        return Err(Refusal::new(
            409,
            "Conflict",
            format!(
                "Issuer and subject combination already exists for this Managed Identity. (credential '{}')",
                twin["name"].as_str().unwrap_or_default()
            ),
        ));
    }
    if others.len() >= LIMIT {
        return Err(bad(format!(
            "Too many federated identity credentials for the managed identity: the limit is {LIMIT}."
        )));
    }
    Ok(())
}
