//! Microsoft Entra ID: instance and OpenID metadata, and the client-credentials token endpoint.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::{Call, Reply},
    oidc::{self, Assertion, Distrust},
    server::Shared,
    state::{Federation, Principal},
    token,
};

/// Seconds that an access token lasts.
const LIFETIME: i64 = 3600;

/// Clock skew that Entra grants to assertions, in seconds.
const SKEW: i64 = 300;

/// Resources that tokens can be had for, besides ARM's own addresses: exact hosts.
const RESOURCES: &[&str] = &[
    "management.azure.com",
    "management.core.windows.net",
    "storage.azure.com",
    "graph.microsoft.com",
    "vault.azure.net",
    "managedhsm.azure.net",
];

/// An error of the token endpoint.
struct Aad {
    status: u16,
    error: &'static str,
    code: u64,
    text: String,
}

fn aad(status: u16, error: &'static str, code: u64, text: impl Into<String>) -> Aad {
    Aad { status, error, code, text: text.into() }
}

/// Answers Entra's paths; None when the path is not one of them.
pub(crate) async fn handle(shared: &Shared, call: &Call) -> Option<Reply> {
    let segments: Vec<String> = call.segments().iter().map(|part| part.to_lowercase()).collect();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let reply = match parts.as_slice() {
        ["metadata", "endpoints"] => endpoints(call),
        [_, "discovery", "instance"] => instance(call),
        [_, "discovery", "v2.0", "keys"] | [_, "discovery", "keys"] => Reply::json(200, json!({"keys": []})),
        [tenant, "v2.0", ".well-known", "openid-configuration"] | [tenant, ".well-known", "openid-configuration"] => {
            metadata(shared, call, tenant)
        }
        [tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"] => {
            if call.method == "POST" {
                exchange(shared, call, tenant).await.unwrap_or_else(|failure| failure.reply(call))
            } else {
                Reply::empty(405)
            }
        }
        _ => return None,
    };
    Some(reply)
}

impl Aad {
    fn reply(&self, call: &Call) -> Reply {
        let trace = Uuid::new_v4().to_string();
        let correlation = call.header("client-request-id").map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        let time = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let text = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}",
            self.code, self.text
        );
        Reply::json(
            self.status,
            json!({
                "error": self.error,
                "error_description": text,
                "error_codes": [self.code],
                "timestamp": time,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": format!("{}/error?code={}", call.base, self.code),
            }),
        )
        .with("x-ms-request-id", trace)
    }
}

/// ARM's list of a cloud's addresses, which the Azure CLI reads when a cloud is registered.
fn endpoints(call: &Call) -> Reply {
    let base = &call.base;
    Reply::json(
        200,
        json!({
            "name": "AzureSim",
            "portal": base,
            "authentication": {
                "loginEndpoint": base,
                "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "resourceManager": base,
            "graphAudience": "https://graph.microsoft.com/",
            "graph": base,
            "microsoftGraphResourceId": "https://graph.microsoft.com/",
            "suffixes": {
                "storage": "core.windows.net",
                "keyVaultDns": "vault.azure.net",
                "acrLoginServer": "azurecr.io",
                "mhsmDns": "managedhsm.azure.net",
            },
        }),
    )
}

fn instance(call: &Call) -> Reply {
    let host = call.base.trim_start_matches("https://");
    Reply::json(
        200,
        json!({
            "tenant_discovery_endpoint": format!("{}/common/v2.0/.well-known/openid-configuration", call.base),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }),
    )
}

fn metadata(shared: &Shared, call: &Call, tenant: &str) -> Reply {
    if let Err(failure) = known_tenant(shared, tenant) {
        return failure.reply(call);
    }
    let own = shared.core().state.tenant.clone();
    let base = format!("{}/{own}", call.base);
    Reply::json(
        200,
        json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{base}/v2.0"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "tenant_region_scope": "NA",
            "cloud_instance_name": call.base.trim_start_matches("https://"),
        }),
    )
}

fn known_tenant(shared: &Shared, tenant: &str) -> Result<(), Aad> {
    let own = shared.core().state.tenant.clone();
    if own.eq_ignore_ascii_case(tenant) || ["common", "organizations"].contains(&tenant) {
        return Ok(());
    }
    Err(aad(
        400,
        "invalid_tenant",
        90002,
        format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        ),
    ))
}

async fn exchange(shared: &Shared, call: &Call, tenant: &str) -> Result<Reply, Aad> {
    known_tenant(shared, tenant)?;
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(&call.body).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let required = |name: &str| {
        field(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            aad(
                400,
                "invalid_request",
                900144,
                format!("The request body must contain the following parameter: '{name}'."),
            )
        })
    };
    if required("grant_type")? != "client_credentials" {
        return Err(aad(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."));
    }
    let client = required("client_id")?;
    let audience = audience(call, field("scope"), field("resource"))?;

    let directory = shared.core().state.tenant.clone();
    let principal = shared.core().state.application(client).ok_or_else(|| {
        aad(
            400,
            "unauthorized_client",
            700016,
            format!(
                "Application with identifier '{client}' was not found in the directory '{directory}'. This can happen if the application has not been installed by the administrator of the tenant."
            ),
        )
    })?;
    let with_secret = match (field("client_secret"), field("client_assertion")) {
        (Some(secret), _) => {
            check_secret(&principal, client, secret)?;
            true
        }
        (None, Some(token)) => {
            if field("client_assertion_type") != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
                return Err(aad(
                    400,
                    "invalid_request",
                    900144,
                    "The request body must contain the following parameter: 'client_assertion_type'.",
                ));
            }
            check_assertion(shared, &principal, client, token).await?;
            false
        }
        (None, None) => {
            return Err(aad(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            ));
        }
    };
    let token = shared.tokens.issue(&principal, &directory, &audience, with_secret, LIFETIME);
    Ok(Reply::json(
        200,
        json!({
            "token_type": "Bearer",
            "expires_in": LIFETIME - 1,
            "ext_expires_in": LIFETIME - 1,
            "access_token": token,
        }),
    )
    .with("cache-control", "no-store, no-cache"))
}

/// The audience that a scope (v2) or resource (v1) asks for.
fn audience(call: &Call, scope: Option<&str>, resource: Option<&str>) -> Result<String, Aad> {
    let wanted = match (scope, resource) {
        (Some(scope), _) => {
            let default = scope.split(' ').find_map(|one| one.strip_suffix("/.default")).ok_or_else(|| {
                aad(
                    400,
                    "invalid_scope",
                    1002012,
                    format!("The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."),
                )
            })?;
            default.to_owned()
        }
        (None, Some(resource)) => resource.to_owned(),
        (None, None) => {
            return Err(aad(
                400,
                "invalid_request",
                900144,
                "The request body must contain the following parameter: 'scope'.",
            ));
        }
    };
    let host = wanted.trim_start_matches("https://").trim_end_matches('/');
    let own = call.base.trim_start_matches("https://");
    let blob = host.ends_with(".blob.core.windows.net");
    if blob || host == own || is_local(host) || RESOURCES.contains(&host) {
        return Ok(wanted);
    }
    Err(aad(
        400,
        "invalid_resource",
        500011,
        format!(
            "The resource principal named {wanted} was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
        ),
    ))
}

/// Whether this is one of the simulator's own names with any port.
fn is_local(host: &str) -> bool {
    matches!(host.rsplit_once(':').map_or(host, |(name, _)| name), "localhost" | "127.0.0.1" | "[::1]")
}

fn check_secret(principal: &Principal, client: &str, secret: &str) -> Result<(), Aad> {
    let Some(known) = principal.secrets.iter().find(|known| known.value == secret) else {
        return Err(aad(
            401,
            "invalid_client",
            7000215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
            ),
        ));
    };
    let expired = known
        .expires
        .as_deref()
        .and_then(|time| time.parse::<Timestamp>().ok())
        .is_some_and(|time| time <= Timestamp::now());
    if expired {
        return Err(aad(
            401,
            "invalid_client",
            7000222,
            format!(
                "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security."
            ),
        ));
    }
    Ok(())
}

async fn check_assertion(shared: &Shared, principal: &Principal, client: &str, token: &str) -> Result<(), Aad> {
    let assertion =
        oidc::read(token).ok_or_else(|| aad(400, "invalid_request", 50027, "JWT token is invalid or malformed."))?;
    let trusted = federations(shared, principal);
    if trusted.is_empty() {
        return Err(aad(
            401,
            "invalid_client",
            70025,
            format!("The client '{client}' has no configured federated identity credentials."),
        ));
    }
    match_federation(&trusted, &assertion)?;
    check_time(&assertion)?;
    let issuer = &assertion.issuer;
    oidc::verify(&shared.http, &assertion, token).await.map_err(|distrust| match distrust {
        Distrust::Discovery(why) => {
            aad(400, "invalid_request", 50166, format!("Request to External OIDC endpoint failed. ({why})"))
        }
        Distrust::Keys(why) => {
            aad(400, "invalid_request", 501661, format!("Request to External OIDC endpoint failed. ({why})"))
        }
        Distrust::KeyUnknown(key) => aad(
            401,
            "invalid_client",
            7000272,
            format!("The certificate with identifier '{key}' used to sign the federated credential could not be found in the metadata of identity provider '{issuer}'."),
        ),
        Distrust::Signature => aad(
            401,
            "invalid_client",
            700027,
            "Client assertion contains an invalid signature. The key was found, but the signature could not be verified with it.",
        ),
    })
}

fn federations(shared: &Shared, principal: &Principal) -> Vec<Federation> {
    let Some(identity) = &principal.managed_identity else {
        return principal.federated_identity_credentials.clone();
    };
    let prefix = format!("{}/federatedidentitycredentials/", identity.to_lowercase());
    let core = shared.core();
    core.state
        .resources
        .range(prefix.clone()..)
        .take_while(|(id, _)| id.starts_with(&prefix))
        .filter_map(|(_, resource)| serde_json::from_value(federation(&resource["properties"])).ok())
        .collect()
}

fn federation(properties: &Value) -> Value {
    json!({
        "issuer": properties["issuer"],
        "subject": properties["subject"],
        "audiences": properties["audiences"],
    })
}

fn match_federation(trusted: &[Federation], assertion: &Assertion) -> Result<(), Aad> {
    let advice = "Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation";
    let refuse = |code, what: &str, value: &str| {
        aad(
            401,
            "invalid_client",
            code,
            format!("No matching federated identity record found for presented assertion {what} '{value}'. {advice}"),
        )
    };
    let by_issuer: Vec<&Federation> = trusted.iter().filter(|one| one.issuer == assertion.issuer).collect();
    if by_issuer.is_empty() {
        return Err(refuse(700211, "issuer", &assertion.issuer));
    }
    let by_subject: Vec<&Federation> = by_issuer.into_iter().filter(|one| one.subject == assertion.subject).collect();
    if by_subject.is_empty() {
        return Err(refuse(700213, "subject", &assertion.subject));
    }
    if by_subject.iter().any(|one| one.audiences.iter().any(|audience| assertion.audiences.contains(audience))) {
        return Ok(());
    }
    Err(refuse(700212, "audience", &assertion.audiences.join(",")))
}

fn check_time(assertion: &Assertion) -> Result<(), Aad> {
    let now = token::now();
    let early = assertion.not_before.is_some_and(|start| start > now + SKEW);
    let late = assertion.expires.is_none_or(|end| end < now - SKEW);
    if !early && !late {
        return Ok(());
    }
    let show = |second: Option<i64>| {
        second
            .and_then(|second| Timestamp::from_second(second).ok())
            .map_or_else(|| "none".to_owned(), |time| time.to_string())
    };
    Err(aad(
        401,
        "invalid_client",
        700024,
        format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}.",
            show(Some(now)),
            show(assertion.not_before),
            show(assertion.expires)
        ),
    ))
}
