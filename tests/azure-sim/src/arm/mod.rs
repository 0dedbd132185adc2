//! Azure Resource Manager: the front door's checks, then the provider's.

mod authorization;
mod body;
mod compute;
mod dns;
mod graph_query;
mod groups;
mod identity;
mod links;
mod list;
pub(crate) mod lro;
mod names;
mod network;
mod path;
mod policy;
mod rbac;
pub(crate) mod registry;
mod resource;
mod role_definitions;
mod roles;
mod storage;
mod subscriptions;
mod usage;
mod versions;

use std::time::Instant;

use crate::{
    errors::Refusal,
    http::{Answer, Call, Reply},
    lro::Outcome,
    server::Core,
    throttle::Kind as Bucket,
    token::{Claims, Rejected},
};

/// One request with what its handlers need.
pub(crate) struct Ctx<'a> {
    pub core: &'a mut Core,
    pub call: &'a Call,
    pub caller: Claims,
    pub now: Instant,
    /// How an operation that this request starts will end.
    pub outcome: Outcome,
    /// The caller may not list here as such, but sees what it may read.
    pub filtered: bool,
}

/// What the caller of a list may see of it.
pub(crate) struct Reader(Option<rbac::Grants>);

impl Reader {
    /// Whether a resource is shown to whom this `action` lets read it.
    pub fn allows(&self, action: &str, id: &str) -> bool {
        self.0.as_ref().is_none_or(|grants| grants.allow(action, id))
    }
}

impl Ctx<'_> {
    /// What the caller may see of a list.
    pub fn reader(&self) -> Reader {
        Reader(self.filtered.then(|| rbac::Grants::of(&self.core.state, &self.caller.oid)))
    }

    /// Refuses unless the caller may perform `action` on `scope`.
    pub fn demand(&self, action: &str, scope: &str) -> Result<(), Refusal> {
        if let Some(deny) = rbac::denied(&self.core.state, &self.caller.oid, action, scope) {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            return Err(Refusal::new(
                403,
                "DenyAssignmentAuthorizationFailed",
                format!(
                    "The client '{}' with object id '{}' has permission to perform action '{action}' on scope '{scope}'; however, the access is denied because of the deny assignment with name '{}' and Id '{}' at scope '{}'.",
                    self.caller.appid,
                    self.caller.oid,
                    text(&deny["properties"]["denyAssignmentName"]),
                    text(&deny["name"]),
                    text(&deny["properties"]["scope"])
                ),
            )
            .gateway());
        }
        if rbac::allows(&self.core.state, &self.caller.oid, action, scope) {
            return Ok(());
        }
        Err(Refusal::new(
            403,
            "AuthorizationFailed",
            format!(
                "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
                self.caller.appid, self.caller.oid
            ),
        )
        .gateway())
    }
}

/// Answers a request to ARM. `caller` is absent without an `Authorization` header.
pub(crate) fn handle(
    core: &mut Core,
    call: &Call,
    caller: Option<Result<Claims, Rejected>>,
    outcome: Outcome,
) -> Reply {
    let now = Instant::now();
    let tenant = core.state.tenant_of(call.segments().get(1).copied().unwrap_or_default()).to_owned();
    let caller = match authenticate(call, &tenant, caller) {
        Ok(caller) => caller,
        Err(refusal) => {
            let challenge = format!(
                "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\", error_description=\"{}\"",
                call.base, tenant, refusal.message
            );
            return Reply::from(refusal).with("WWW-Authenticate", challenge);
        }
    };
    let mut remaining = None;
    if core.settings.throttle {
        let subscription = call.segments().get(1).map_or_else(String::new, ToString::to_string);
        let bucket = Bucket::of(&call.method);
        match core.buckets.take(&subscription, &caller.oid, bucket, now) {
            Ok(left) => remaining = Some((bucket, left)),
            Err(seconds) => return throttled(call, &subscription, bucket, seconds),
        }
    }
    let segments = call.segments();
    let poll = lro::polled(&segments);
    lro::settle(core, now, Some(poll.as_ref().map_or(call.path.as_str(), |(id, _)| id.as_str())));
    let mut ctx = Ctx { core, call, caller, now, outcome, filtered: false };
    let reply = route(&mut ctx, &segments, poll).unwrap_or_else(Reply::from);
    match remaining {
        Some((bucket, left)) => {
            let scope = if segments.len() > 1 { "subscription" } else { "tenant" };
            reply.with(&format!("x-ms-ratelimit-remaining-{scope}-{}", bucket.word()), left.to_string())
        }
        None => {
            let scope = if segments.len() > 1 { "subscription" } else { "tenant" };
            let word = Bucket::of(&call.method).word();
            reply.with(&format!("x-ms-ratelimit-remaining-{scope}-{word}"), "249")
        }
    }
}

/// The action that a request needs, as role definitions name it.
pub(crate) fn action_of(call: &Call) -> String {
    let segments = call.segments();
    let verb = match call.method.as_str() {
        "GET" | "HEAD" => "read",
        "DELETE" => "delete",
        "POST" => "action",
        _ => "write",
    };
    let lower: Vec<String> = segments.iter().map(|part| part.to_lowercase()).collect();
    let Some(at) = lower.iter().rposition(|part| part == "providers").filter(|at| at + 1 < segments.len()) else {
        return match lower.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [_, _, "resourcegroups", _, "resources"] => {
                "Microsoft.Resources/subscriptions/resourceGroups/resources/read".to_owned()
            }
            [_, _, "resourcegroups", ..] => format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"),
            [_, _, "resources"] => "Microsoft.Resources/subscriptions/resources/read".to_owned(),
            [_, _, "providers"] => "Microsoft.Resources/subscriptions/providers/read".to_owned(),
            [_, _, "locations"] => "Microsoft.Resources/subscriptions/locations/read".to_owned(),
            _ => format!("Microsoft.Resources/subscriptions/{verb}"),
        };
    };
    let namespace = registry::namespace(segments[at + 1]).unwrap_or(segments[at + 1]);
    let rest = &segments[at + 2..];
    if rest.is_empty() {
        return "Microsoft.Resources/subscriptions/providers/read".to_owned();
    }
    let types: Vec<&str> = rest.iter().copied().step_by(2).collect();
    let path = types.join("/");
    let path = registry::find(namespace, &path).map_or(path, |kind| kind.path.to_owned());
    match path.to_lowercase().as_str() {
        "checknameavailability" => format!("{namespace}/checknameavailability/read"),
        // A POST that reads: Reader may ask.
        "checkpolicyrestrictions" => format!("{namespace}/checkPolicyRestrictions/read"),
        "resources" => format!("{namespace}/resources/read"),
        _ => format!("{namespace}/{path}/{verb}"),
    }
}

fn authenticate(call: &Call, tenant: &str, caller: Option<Result<Claims, Rejected>>) -> Result<Claims, Refusal> {
    let claims = caller
        .ok_or_else(|| {
            Refusal::new(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        })?
        .map_err(|rejected| rejected.refusal())?;
    let audience = claims.aud.trim_end_matches('/');
    let known = ["https://management.core.windows.net", "https://management.azure.com"];
    if !known.contains(&audience) && !is_own(audience, call) {
        return Err(Refusal::new(
            401,
            "InvalidAuthenticationTokenAudience",
            format!(
                "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.",
                claims.aud
            ),
        ));
    }
    if !claims.tid.eq_ignore_ascii_case(tenant) {
        return Err(Refusal::new(
            401,
            "InvalidAuthenticationTokenTenant",
            format!(
                "The access token is from the wrong issuer 'https://sts.windows.net/{}/'. It must match the tenant 'https://sts.windows.net/{tenant}/' associated with this subscription. Please use the authority (URL) 'https://login.windows.net/{tenant}' to get the token.",
                claims.tid
            ),
        ));
    }
    Ok(claims)
}

/// Whether an audience is this very server, under any of its names.
fn is_own(audience: &str, call: &Call) -> bool {
    let port = |url: &str| url.rsplit_once(':').map(|(_, port)| port.to_owned());
    audience == call.base
        || (port(audience) == port(&call.base)
            && (audience.starts_with("https://localhost:") || audience.starts_with("https://127.0.0.1:")))
}

fn throttled(call: &Call, subscription: &str, bucket: Bucket, seconds: u64) -> Reply {
    let refusal = Refusal::new(
        429,
        "SubscriptionRequestsThrottled",
        format!(
            "Number of requests for subscription '{subscription}' and operation '{}' exceeded the backend storage limit. Please try again after '{seconds}' seconds.",
            action_of(call).to_uppercase()
        ),
    )
    .gateway()
    .with("Retry-After", seconds.to_string())
    .with(&format!("x-ms-ratelimit-remaining-subscription-{}", bucket.word()), "0");
    refusal.into()
}

fn route(ctx: &mut Ctx<'_>, segments: &[&str], poll: Option<(String, bool)>) -> Answer {
    let lower: Vec<String> = segments.iter().map(|part| part.to_lowercase()).collect();
    let parts: Vec<&str> = lower.iter().map(String::as_str).collect();
    let known = matches!(parts.first(), Some(&("subscriptions" | "tenants" | "providers")));
    if !known {
        return Err(Refusal::new(404, "NotFound", "The requested path does not exist."));
    }
    if let [_, subscription, ..] = parts.as_slice()
        && parts[0] == "subscriptions"
    {
        subscriptions::exists(&ctx.core.state, subscription, segments[1])?;
    }
    version(ctx.call, &parts)?;
    if let Some((id, result)) = poll {
        return lro::poll(ctx.core, ctx.call, &id, result);
    }
    authorize(ctx, &parts)?;
    match parts.as_slice() {
        ["tenants"] | ["subscriptions", ..] if parts.len() <= 2 => subscriptions::handle(ctx, segments),
        ["subscriptions", _, "locations"] => subscriptions::handle(ctx, segments),
        ["subscriptions", _, "providers"] | ["subscriptions", _, "providers", _] => {
            subscriptions::providers(ctx, segments)
        }
        ["subscriptions", _, "providers", _, "register" | "unregister"] => subscriptions::providers(ctx, segments),
        ["subscriptions", _, "providers", "microsoft.features", ..] => subscriptions::features(ctx, segments),
        ["subscriptions", _, "resourcegroups"] | ["subscriptions", _, "resourcegroups", _] => {
            groups::handle(ctx, segments)
        }
        ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"] => {
            list::resources(ctx, segments)
        }
        ["providers", "microsoft.resourcegraph", "resources"] => graph_query::handle(ctx),
        [.., "providers", "microsoft.authorization", _] | [.., "providers", "microsoft.authorization", _, _] => {
            authorization::handle(ctx, segments)
        }
        ["subscriptions", _, "providers", _, "locations", ..] => usage::handle(ctx, &parts),
        ["subscriptions", _, "providers", "microsoft.compute", "skus"] => compute::skus(ctx),
        ["subscriptions", _, "providers", "microsoft.storage", "checknameavailability"] => storage::check_name(ctx),
        ["subscriptions", _, "providers", "microsoft.marketplaceordering", ..] => compute::agreement(ctx, segments),
        [.., "providers", "microsoft.policyinsights", "checkpolicyrestrictions"] => policy::restrictions(ctx, segments),
        _ => resource::handle(ctx, segments),
    }
}

/// Refuses a request without an api-version, or with one that its type does not know.
fn version(call: &Call, parts: &[&str]) -> Result<(), Refusal> {
    let version = call.query("api-version").filter(|version| !version.is_empty()).ok_or_else(|| {
        Refusal::new(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
        .gateway()
    })?;
    let invalid = |supported: &[&str]| {
        Refusal::new(
            400,
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '{}'.",
                supported.iter().rev().copied().collect::<Vec<_>>().join(",")
            ),
        )
        .gateway()
    };
    let check = |supported: &'static [&'static str]| {
        if supported.contains(&version) { Ok(()) } else { Err(invalid(supported)) }
    };
    let provider = parts.iter().rposition(|part| *part == "providers").filter(|at| at + 2 < parts.len());
    let Some(at) = provider else {
        return match parts.len() {
            0..=2 => check(versions::SUBSCRIPTIONS),
            _ if parts[2] == "locations" => check(versions::SUBSCRIPTIONS),
            _ => check(versions::RESOURCES),
        };
    };
    if parts[2..].first() == Some(&"providers") && matches!(parts.get(4), Some(&("register" | "unregister"))) {
        return check(versions::RESOURCES);
    }
    let (namespace, types): (&str, Vec<&str>) = if parts.contains(&"microsoft.features") {
        ("microsoft.features", vec!["features"])
    } else {
        (parts[at + 1], parts[at + 2..].iter().copied().step_by(2).collect())
    };
    let other = versions::OTHERS.iter().find(|(ns, name, _)| *ns == namespace && Some(name) == types.first());
    let (kind, supported) = match other {
        Some((_, name, versions)) => ((*name).to_owned(), *versions),
        None => {
            let found = (1..=types.len()).rev().find_map(|count| registry::find(namespace, &types[..count].join("/")));
            match found {
                Some(kind) => (kind.path.to_owned(), kind.versions),
                // The parser refuses what is in no table.
                None => return Ok(()),
            }
        }
    };
    if supported.contains(&version) {
        return Ok(());
    }
    let namespace = registry::namespace(namespace).unwrap_or(namespace);
    if namespace == "Microsoft.Authorization" || namespace == "Microsoft.Features" {
        return Err(invalid(supported));
    }
    let list: Vec<&str> = supported.iter().rev().copied().collect();
    Err(Refusal::new(
        400,
        "NoRegisteredProviderFound",
        format!(
            "No registered resource provider found for location '' and API version '{version}' for type '{kind}'. The supported api-versions are '{}'. The supported locations are '{}'.",
            list.join(", "),
            subscriptions::LOCATIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
        ),
    )
    .gateway())
}

/// Refuses what the caller's roles do not allow. Lists of a whole subscription are cut down to what it may read,
/// once it may read anything there.
fn authorize(ctx: &mut Ctx<'_>, parts: &[&str]) -> Result<(), Refusal> {
    if parts.len() <= 1 || parts == ["providers", "microsoft.resourcegraph", "resources"] {
        return Ok(());
    }
    let action = action_of(ctx.call);
    let scope = scope_of(ctx.call);
    // Whoever holds a role may ask what it allows.
    let asks_for_itself = matches!(parts, [.., "providers", "microsoft.authorization", "permissions"]);
    if asks_for_itself && !rbac::effective(&ctx.core.state, &ctx.caller.oid, &scope).is_empty() {
        return Ok(());
    }
    let refused = match ctx.demand(&action, &scope) {
        Ok(()) => return Ok(()),
        Err(refusal) => refusal,
    };
    let whole = matches!(
        parts,
        ["subscriptions", _, "resourcegroups"]
            | ["subscriptions", _, "resources"]
            | ["subscriptions", _, "providers", _, _]
    );
    let own = matches!(parts, ["subscriptions", _]);
    let subscription = format!("/subscriptions/{}", parts.get(1).copied().unwrap_or_default());
    if ctx.call.method == "GET" && (whole || own) && rbac::knows(&ctx.core.state, &ctx.caller.oid, &subscription) {
        ctx.filtered = true;
        return Ok(());
    }
    Err(refused)
}

/// The scope that a refusal names: the resource, or what a collection hangs from.
fn scope_of(call: &Call) -> String {
    let segments = call.segments();
    let at = segments.iter().rposition(|part| part.eq_ignore_ascii_case("providers"));
    let keep = match at {
        Some(at) => {
            let names = segments.len().saturating_sub(at + 2) / 2;
            if names == 0 { at } else { at + 2 + names * 2 }
        }
        None => match segments.len() {
            3 => 2,
            5 => 4,
            other => other,
        },
    };
    format!("/{}", segments[..keep.min(segments.len())].join("/"))
}
