//! Microsoft Graph: the one read that role assignment tools make.

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

/// Answers `GET /v1.0/servicePrincipals`.
pub(crate) fn handle(state: &State, call: &Call, caller: Option<&Claims>) -> Reply {
    let Some(caller) = caller.filter(|caller| is_graph(&caller.aud, call)) else {
        return refuse(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience.");
    };
    let segments = call.segments();
    if call.method != "GET" || segments.len() != 2 || !segments[1].eq_ignore_ascii_case("servicePrincipals") {
        return refuse(400, "BadRequest", "Resource not found for the segment.");
    }
    let allowed = state.principal(&caller.oid).is_some_and(|principal| principal.owner || principal.graph_read);
    if !allowed {
        return refuse(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
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
