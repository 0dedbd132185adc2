//! Every known error body, and what it is taken for.

#![allow(clippy::unwrap_used)]

use super::*;

/// The sort without what it carries.
fn sort(kind: &Kind) -> &'static str {
    match kind {
        Kind::Denied { .. } => "denied",
        Kind::NotFound => "not found",
        Kind::Unauthorized => "unauthorized",
        Kind::Conflict => "conflict",
        Kind::Throttled { .. } => "throttled",
        Kind::Refused => "refused",
        Kind::Service => "service",
        Kind::TimedOut => "timed out",
        _ => "other",
    }
}

fn wrapped(code: &str, message: &str) -> String {
    serde_json::json!({"error": {"code": code, "message": message}}).to_string()
}

fn judged(status: u16, body: &str) -> (Kind, ErrorBody) {
    let read = ErrorBody::read(body.as_bytes());
    (classify(status, &read, None, true), read)
}

/// Bodies as users of Azure reported them: status, sort, code, message.
const REPORTED: &[(u16, &str, &str, &str)] = &[
    (
        401,
        "unauthorized",
        "InvalidAuthenticationToken",
        "The received access token is not valid: at least one of the claims ..",
    ),
    (401, "unauthorized", "InvalidAuthenticationToken", "The access token is invalid"),
    (
        401,
        "unauthorized",
        "ExpiredAuthenticationToken",
        "The access token expiry UTC time '3/19/2023 8:55:46 AM' is earlier than current UTC time '..'.",
    ),
    (
        401,
        "unauthorized",
        "InvalidAuthenticationTokenTenant",
        "The access token is from the wrong issuer 'https://sts.windows.net/X/'. ..",
    ),
    (
        403,
        "denied",
        "AuthorizationFailed",
        "The client 'C' with object id 'O' does not have authorization to perform action 'N' over scope 'S' or the scope is invalid. ..",
    ),
    (
        403,
        "denied",
        "LinkedAuthorizationFailed",
        "The client 'C' with object id 'O' has permission to perform action 'N' on scope 'S'; however, it does not have permission to perform action 'M' on the linked scope(s) 'L' or ..",
    ),
    (403, "refused", "RequestDisallowedByPolicy", "Resource 'R' was disallowed by policy. Policy identifiers: '[]'."),
    (404, "not found", "ResourceNotFound", "The Resource 'Microsoft.X/t/n' under resource group 'G' was not found."),
    (404, "not found", "ResourceGroupNotFound", "Resource group 'G' could not be found."),
    (
        404,
        "not found",
        "ParentResourceNotFound",
        "Can not perform requested operation on nested resource. Parent resource 'P' not found.",
    ),
    (400, "refused", "InvalidApiVersionParameter", "The api-version 'V' is invalid. The supported versions are 'a,b'."),
    (
        400,
        "refused",
        "NoRegisteredProviderFound",
        "No registered resource provider found for location 'L' and API version 'V' for type 'T'.",
    ),
    (409, "conflict", "MissingSubscriptionRegistration", "The subscription is not registered to use namespace 'N'."),
    (400, "refused", "PrincipalNotFound", "Principal 0123 does not exist in the directory T."),
    (409, "conflict", "RoleAssignmentExists", "The role assignment already exists."),
    (
        409,
        "conflict",
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        "Too many Federated Identity Credentials are written concurrently for the managed identity 'i'.",
    ),
    (400, "refused", "InUseSubnetCannotBeDeleted", "Subnet N is in use by X and cannot be deleted."),
    (
        409,
        "conflict",
        "SkuNotAvailable",
        "The requested VM size for resource '..' is currently not available in location 'L'.",
    ),
    (
        409,
        "conflict",
        "OperationNotAllowed",
        "Operation could not be completed as it results in exceeding approved F Cores quota.",
    ),
    (
        429,
        "throttled",
        "SubscriptionRequestsThrottled",
        "Number of requests for subscription 'S' and operation 'GET/..' exceeded the backend storage limit. Please try again after '6' seconds.",
    ),
    (500, "service", "InternalServerError", "Encountered internal server error."),
    (
        404,
        "refused",
        "InvalidResourceType",
        "The resource type 'x' could not be found in the namespace 'N' for api version 'V'.",
    ),
];

#[test]
fn reported_bodies() {
    for (status, wanted, code, message) in REPORTED {
        let (kind, body) = judged(*status, &wrapped(code, message));
        assert_eq!(sort(&kind), *wanted, "{code}");
        assert_eq!((body.code.as_deref(), body.message.as_deref()), (Some(*code), Some(*message)));
    }
}

#[test]
fn the_missing_action_is_found_in_the_message() {
    let rows = [
        (
            "The client 'C' with object id 'O' does not have authorization to perform action 'Microsoft.Network/virtualNetworks/read' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            (Some("Microsoft.Network/virtualNetworks/read"), Some("/subscriptions/s/resourceGroups/g")),
        ),
        (
            "The client 'C' with object id 'O' has permission to perform action 'Microsoft.Network/loadBalancers/write' on scope '/s/lb'; however, it does not have permission to perform action 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) '/s/subnet' or the linked scope(s) are invalid.",
            (Some("Microsoft.Network/virtualNetworks/subnets/join/action"), Some("/s/subnet")),
        ),
        (
            "The client 'C' with object id 'O' has permission to perform action 'Microsoft.X/y/write' on scope '/s'; however, the access is denied because of the deny assignment with name 'D' and Id 'I' at scope '/s'.",
            (Some("Microsoft.X/y/write"), Some("/s")),
        ),
        ("You may not.", (None, None)),
        ("perform action 'unclosed", (None, None)),
    ];
    for (message, (action, scope)) in rows {
        let found = denied_action(message);
        assert_eq!((found.0.as_deref(), found.1.as_deref()), (action, scope), "{message}");
    }
    let (kind, _) = judged(403, &wrapped("DenyAssignmentAuthorizationFailed", rows[2].0));
    assert_eq!(sort(&kind), "denied");
}

#[test]
fn inner_errors_are_flattened() {
    let body = r#"{"error":{"code":"MissingSubscriptionRegistration","message":"m","details":[
        {"code":"MissingSubscriptionRegistration","target":"Microsoft.Network","message":"inner",
         "details":[{"code":"Deep","message":"deeper"}]}]}}"#;
    let (_, read) = judged(409, body);
    assert_eq!(
        read.details,
        [
            Detail {
                code: Some("MissingSubscriptionRegistration".to_owned()),
                message: "inner".to_owned(),
                target: Some("Microsoft.Network".to_owned())
            },
            Detail { code: Some("Deep".to_owned()), message: "deeper".to_owned(), target: None },
        ]
    );
    let (_, read) = judged(400, r#"{"error":{"code":"X","message":"m","details":[]}}"#);
    assert!(read.details.is_empty());
}

#[test]
fn odd_bodies() {
    let unwrapped =
        r#"{"code":"NotFound","message":"The virtual network link 'L' does not exist for Private DNS zone 'Z'"}"#;
    let (kind, body) = judged(404, unwrapped);
    assert_eq!((sort(&kind), body.code.as_deref()), ("not found", Some("NotFound")));

    let string = r#""{\"code\":\"Throttled\",\"message\":\"Too many operations are requested. Current operation is throttled.\"}""#;
    let (kind, body) = judged(429, string);
    assert_eq!((sort(&kind), body.code.as_deref()), ("throttled", Some("Throttled")));
    assert!(body.message.unwrap().starts_with("Too many"));

    let entra = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret is provided.","error_codes":[7000215]}"#;
    let (kind, body) = judged(401, entra);
    assert_eq!((sort(&kind), body.code.as_deref()), ("unauthorized", Some("invalid_client")));

    for (status, wanted) in
        [(404, "not found"), (403, "denied"), (429, "throttled"), (502, "service"), (302, "refused")]
    {
        for nothing in
            ["", "null", "[]", "\"\"", "<html><body>Bad Gateway</body></html>", "{\"error\":null}", "{", "\u{0}"]
        {
            let (kind, body) = judged(status, nothing);
            assert_eq!((sort(&kind), body.code), (wanted, None), "{status} {nothing:?}");
        }
    }
}

#[test]
fn an_answer_without_any_mark_of_azure_is_neither_absence_nor_denial() {
    let nothing = ErrorBody::default();
    assert_eq!(classify(404, &nothing, None, false), Kind::Refused);
    assert_eq!(classify(403, &nothing, None, false), Kind::Refused);
}

#[test]
fn endless_nesting_is_cut() {
    let mut body = "{}".to_owned();
    for _ in 0..50 {
        body = format!(r#"{{"code":"C","details":[{body}]}}"#);
    }
    assert!(judged(400, &body).1.details.len() < 6);
}

#[test]
fn codes_of_entra() {
    assert_eq!(aadsts("x AADSTS700016: Application with identifier").as_deref(), Some("AADSTS700016"));
    assert_eq!(aadsts("AADSTS: nothing"), None);
    assert_eq!(aadsts("no code"), None);
}
