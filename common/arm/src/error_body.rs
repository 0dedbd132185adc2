//! Reading the error bodies that Azure Resource Manager and its providers send.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Detail, Kind};

/// The error of one body: code, message, inner errors.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub code: Option<String>,
    pub message: Option<String>,
    pub details: Vec<Detail>,
}

impl ErrorBody {
    /// Reads a body, whatever it is; what is no error body gives an empty one.
    ///
    /// Three forms are known: ARM's `{"error":{…}}`, the same without the wrapper (private DNS), and either of them
    /// packed into a JSON string (private DNS when it throttles). Entra's `{"error":"…","error_description":"…"}`
    /// is read too, because gateways pass it on.
    pub(crate) fn read(body: &[u8]) -> Self {
        serde_json::from_slice::<Value>(body).map(|value| Self::from_json(&value)).unwrap_or_default()
    }

    /// Reads an error that is part of another body, such as that of a failed operation.
    pub(crate) fn from_json(value: &Value) -> Self {
        match value {
            Value::String(inner) => serde_json::from_str::<Value>(inner)
                .ok()
                .filter(Value::is_object)
                .map(|value| Self::from_json(&value))
                .unwrap_or_default(),
            Value::Object(map) => match map.get("error") {
                Some(inner @ Value::Object(_)) => Self::from_json(inner),
                Some(Value::String(code)) => {
                    Self { code: Some(code.clone()), message: text(value, "error_description"), details: Vec::new() }
                }
                _ => Self { code: text(value, "code"), message: text(value, "message"), details: details(value, 0) },
            },
            _ => Self::default(),
        }
    }
}

/// The sort of a refused or failed request.
///
/// `from_service` says whether the answer bears a mark of Azure (a request id). A 404 without code and without that
/// mark came from something on the way, such as a proxy, and must not count as "the resource is not there"; nor is
/// such a 403 a missing permission.
pub(crate) fn classify(status: u16, body: &ErrorBody, retry_after: Option<Duration>, from_service: bool) -> Kind {
    let code = body.code.as_deref().unwrap_or_default();
    match status {
        401 => Kind::Unauthorized,
        403 if is_denial(code) && (!code.is_empty() || from_service) => {
            let (action, scope) = body.message.as_deref().map(denied_action).unwrap_or_default();
            Kind::Denied { action, scope }
        }
        404 if is_unknown_type(code) => Kind::Refused,
        404 if !code.is_empty() || from_service => Kind::NotFound,
        408 => Kind::TimedOut,
        409 => Kind::Conflict,
        429 => Kind::Throttled { retry_after },
        500.. => Kind::Service,
        _ => Kind::Refused,
    }
}

fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "" | "AuthorizationFailed" | "LinkedAuthorizationFailed" | "DenyAssignmentAuthorizationFailed" | "Forbidden"
    )
}

/// Codes of a 404 that speak of the address, not of the resource.
fn is_unknown_type(code: &str) -> bool {
    matches!(code, "InvalidResourceType" | "InvalidResourceNamespace" | "NoRegisteredProviderFound")
}

/// The action and the scope that an `AuthorizationFailed` or `LinkedAuthorizationFailed` message names.
///
/// The linked form first tells what *is* permitted, so the action after "does not have permission" is the one.
fn denied_action(message: &str) -> (Option<String>, Option<String>) {
    let refused = message.find("does not have").map_or(message, |at| &message[at..]);
    let named = if quoted(refused, "action").is_some() { refused } else { message };
    let action = quoted(named, "action");
    let scope = quoted(named, "scope").or_else(|| quoted(named, "scope(s)"));
    (action, scope)
}

/// The text between the first pair of single quotes right after `word`.
fn quoted(message: &str, word: &str) -> Option<String> {
    let (_, rest) = message.split_once(&format!("{word} '"))?;
    rest.split_once('\'').map(|(inner, _)| inner.to_owned())
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Inner errors, flattened; `depth` bounds what a hostile body can cost.
fn details(value: &Value, depth: u8) -> Vec<Detail> {
    let Some(Value::Array(items)) = value.get("details").filter(|_| depth < 4) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in items {
        all.push(Detail {
            code: text(item, "code"),
            message: text(item, "message").unwrap_or_default(),
            target: text(item, "target"),
        });
        all.extend(details(item, depth + 1));
    }
    all
}

/// The code of Entra in a credential's message, such as `AADSTS700016`.
pub(crate) fn aadsts(message: &str) -> Option<String> {
    let rest = &message[message.find("AADSTS")? + "AADSTS".len()..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}

#[cfg(test)]
#[path = "error_body_tests.rs"]
mod tests;
