//! Microsoft Graph: the reads that role assignment tools and keepers of client secrets make.

use serde_json::{Value, json};

use crate::{
    http::{Call, Reply},
    state::{Principal, State},
    token::Claims,
};

/// Whether the path belongs to Graph.
pub(crate) fn claims(call: &Call) -> bool {
    matches!(call.segments().first(), Some(&("v1.0" | "beta")))
}

/// Answers `GET /v1.0/servicePrincipals` and `GET /v1.0/applications(appId='…')`.
pub(crate) fn handle(state: &State, call: &Call, caller: Option<&Claims>) -> Reply {
    let Some(caller) = caller.filter(|caller| is_graph(&caller.aud, call)) else {
        return refuse(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.");
    };
    let segments = call.segments();
    let application =
        segments.get(1).and_then(|segment| segment.strip_prefix("applications(appId='")?.strip_suffix("')"));
    let known =
        application.is_some() || segments.get(1).is_some_and(|one| one.eq_ignore_ascii_case("servicePrincipals"));
    if call.method != "GET" || segments.len() != 2 || !known {
        return refuse(400, "BadRequest", "Resource not found for the segment.");
    }
    let allowed = state.principal(&caller.oid).is_some_and(|principal| principal.owner || principal.graph_read);
    if !allowed {
        return refuse(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
    }
    if let Some(app) = application {
        return show_application(state, call, app);
    }
    let filter = call.query("$filter").unwrap_or_default();
    let wanted = filter.strip_prefix("appId eq '").and_then(|rest| rest.strip_suffix('\''));
    let found: Vec<Value> = match wanted {
        Some(app) => state.application(app).iter().filter(|one| one.kind == "ServicePrincipal").map(show).collect(),
        None if filter.is_empty() => {
            state.all_principals().filter(|one| one.kind == "ServicePrincipal").map(|one| show(&one)).collect()
        }
        None => {
            return refuse(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.");
        }
    };
    let context = format!("{}/v1.0/$metadata#servicePrincipals", call.base);
    Reply::json(200, json!({"@odata.context": context, "value": found}))
}

/// An application with its client secrets: never their values, which Graph shows once, when it makes them.
fn show_application(state: &State, call: &Call, app: &str) -> Reply {
    let owner = state.application(app).filter(|one| one.managed_identity.is_none());
    let Some(owner) = owner else {
        let message = format!(
            "Resource '{app}' does not exist or one of its queried reference-property objects are not present."
        );
        return refuse(404, "Request_ResourceNotFound", &message);
    };
    let secrets: Vec<Value> = owner
        .secrets
        .iter()
        .enumerate()
        .map(|(at, secret)| {
            json!({
                "customKeyIdentifier": null,
                "displayName": format!("secret {at}"),
                "startDateTime": crate::seed::EPOCH,
                "endDateTime": secret.expires.as_deref().unwrap_or("2299-12-31T00:00:00Z"),
                "hint": secret.value.chars().take(3).collect::<String>(),
                "keyId": format!("0d5f3e2a-0000-4000-8000-{at:012}"),
                "secretText": null,
            })
        })
        .collect();
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#applications/$entity", call.base),
        "id": owner.id,
        "appId": owner.app_id,
        "displayName": owner.display_name,
        "passwordCredentials": secrets,
    });
    if let Some(select) = call.query("$select") {
        let wanted: Vec<&str> = select.split(',').collect();
        if let Some(members) = body.as_object_mut() {
            members.retain(|name, _| name.starts_with('@') || wanted.contains(&name.as_str()));
        }
    }
    Reply::json(200, body)
}

fn is_graph(audience: &str, call: &Call) -> bool {
    let audience = audience.trim_end_matches('/');
    audience == "https://graph.microsoft.com" || audience == call.base
}

fn show(principal: &Principal) -> Value {
    let kind = if principal.managed_identity.is_some() { "ManagedIdentity" } else { "Application" };
    json!({
        "id": principal.id,
        "appId": principal.app_id,
        "displayName": principal.display_name,
        "servicePrincipalType": kind,
        "accountEnabled": true,
    })
}

fn refuse(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, json!({"error": {"code": code, "message": message, "innerError": {}}}))
}
