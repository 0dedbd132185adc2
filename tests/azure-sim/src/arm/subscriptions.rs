//! Subscriptions, tenants, locations, resource providers and preview features.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ctx, list, rbac, registry};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    state::{Provider, State},
};

/// Regions: name and display name.
pub(crate) const LOCATIONS: &[(&str, &str)] = &[
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("southcentralus", "South Central US"),
    ("westus2", "West US 2"),
    ("westus3", "West US 3"),
    ("westus", "West US"),
    ("centralus", "Central US"),
    ("northcentralus", "North Central US"),
    ("westcentralus", "West Central US"),
    ("canadacentral", "Canada Central"),
    ("canadaeast", "Canada East"),
    ("brazilsouth", "Brazil South"),
    ("northeurope", "North Europe"),
    ("westeurope", "West Europe"),
    ("uksouth", "UK South"),
    ("ukwest", "UK West"),
    ("francecentral", "France Central"),
    ("germanywestcentral", "Germany West Central"),
    ("switzerlandnorth", "Switzerland North"),
    ("norwayeast", "Norway East"),
    ("swedencentral", "Sweden Central"),
    ("polandcentral", "Poland Central"),
    ("italynorth", "Italy North"),
    ("spaincentral", "Spain Central"),
    ("uaenorth", "UAE North"),
    ("southafricanorth", "South Africa North"),
    ("centralindia", "Central India"),
    ("southindia", "South India"),
    ("southeastasia", "Southeast Asia"),
    ("eastasia", "East Asia"),
    ("japaneast", "Japan East"),
    ("japanwest", "Japan West"),
    ("koreacentral", "Korea Central"),
    ("australiaeast", "Australia East"),
    ("australiasoutheast", "Australia Southeast"),
    ("eastus2euap", "East US 2 EUAP"),
    ("usgovvirginia", "USGov Virginia"),
    ("chinanorth3", "China North 3"),
];

/// A region's name from its name or display name.
pub(crate) fn normal_location(text: &str) -> String {
    text.to_lowercase().replace(' ', "")
}

/// Whether this is a region.
pub(crate) fn is_location(name: &str) -> bool {
    LOCATIONS.iter().any(|(known, _)| *known == name)
}

/// Refuses a subscription that does not exist.
pub(crate) fn exists(state: &State, lower: &str, given: &str) -> Result<(), Refusal> {
    if state.subscriptions.contains_key(lower) {
        return Ok(());
    }
    if Uuid::parse_str(lower).is_err() {
        return Err(Refusal::new(
            400,
            "InvalidSubscriptionId",
            format!("The provided subscription identifier '{given}' is malformed or invalid."),
        )
        .gateway());
    }
    Err(Refusal::new(404, "SubscriptionNotFound", format!("The subscription '{given}' could not be found.")).gateway())
}

/// Answers `/subscriptions`, `/subscriptions/{id}`, `…/locations` and `/tenants`.
pub(crate) fn handle(ctx: &Ctx<'_>, segments: &[&str]) -> Answer {
    if ctx.call.method != "GET" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    let state = &ctx.core.state;
    match segments {
        [root] if root.eq_ignore_ascii_case("tenants") => list::page(
            ctx,
            vec![json!({
                "id": format!("/tenants/{}", state.tenant),
                "tenantId": state.tenant,
                "displayName": "Simulated",
                "countryCode": "US",
                "defaultDomain": "simulated.onmicrosoft.com",
                "tenantType": "AAD",
            })],
        ),
        [_] => {
            let owner = rbac::allows(state, &ctx.caller.oid, "Microsoft.Resources/subscriptions/read", "/");
            let seen = state
                .subscriptions
                .iter()
                .filter(|(id, _)| owner || rbac::knows(state, &ctx.caller.oid, &format!("/subscriptions/{id}")))
                .map(|(_, subscription)| subscription.clone())
                .collect();
            list::page(ctx, seen)
        }
        [_, id] => Ok(Reply::json(200, state.subscriptions.get(&id.to_lowercase()).cloned().unwrap_or(Value::Null))),
        [_, id, ..] => {
            let all = LOCATIONS.iter().map(|(name, display)| {
                json!({
                    "id": format!("/subscriptions/{id}/locations/{name}"),
                    "name": name,
                    "type": "Region",
                    "displayName": display,
                    "regionalDisplayName": display,
                    "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
                })
            });
            Ok(Reply::json(200, json!({"value": all.collect::<Vec<_>>()})))
        }
        [] => Err(Refusal::new(404, "NotFound", "The requested path does not exist.")),
    }
}

/// The registration state of a provider.
fn state_of(state: &State, subscription: &str, namespace: &str) -> String {
    state
        .providers
        .get(&(subscription.to_lowercase(), namespace.to_lowercase()))
        .map_or_else(|| "Registered".to_owned(), |provider| provider.registration_state.clone())
}

/// Refuses writes to a provider that is not registered in the subscription.
pub(crate) fn registered(state: &State, subscription: &str, namespace: &str) -> Result<(), Refusal> {
    if state_of(state, subscription, namespace) == "Registered" {
        return Ok(());
    }
    let message = format!(
        "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions."
    );
    Err(Refusal::new(409, "MissingSubscriptionRegistration", message.clone())
        .details(json!([{
            "code": "MissingSubscriptionRegistration",
            "target": namespace,
            "message": message,
        }]))
        .gateway())
}

/// Answers `…/providers`, `…/providers/{namespace}` and its `register` and `unregister`.
pub(crate) fn providers(ctx: &mut Ctx<'_>, segments: &[&str]) -> Answer {
    let subscription = segments[1].to_owned();
    let Some(asked) = segments.get(3) else {
        let mut all: Vec<Value> = registry::NAMESPACES
            .iter()
            .filter(|namespace| {
                !ctx.core.state.providers.contains_key(&(subscription.to_lowercase(), namespace.to_lowercase()))
            })
            .map(|namespace| provider(&ctx.core.state, &subscription, namespace))
            .collect();
        let listed: Vec<String> = ctx
            .core
            .state
            .providers
            .values()
            .filter(|one| one.subscription_id.eq_ignore_ascii_case(&subscription))
            .map(|one| one.namespace.clone())
            .collect();
        all.extend(listed.iter().map(|namespace| provider(&ctx.core.state, &subscription, namespace)));
        all.sort_by(|a, b| a["namespace"].as_str().cmp(&b["namespace"].as_str()));
        return list::page(ctx, all);
    };
    let key = (subscription.to_lowercase(), asked.to_lowercase());
    let listed = ctx.core.state.providers.get(&key).map(|provider| provider.namespace.clone());
    let namespace = listed.or_else(|| registry::namespace(asked).map(str::to_owned)).ok_or_else(|| {
        Refusal::new(404, "InvalidResourceNamespace", format!("The resource namespace '{asked}' is invalid.")).gateway()
    })?;
    let method = ctx.call.method.clone();
    match segments.get(4) {
        None if method == "GET" => Ok(Reply::json(200, provider(&ctx.core.state, &subscription, &namespace))),
        Some(verb) if method == "POST" => {
            let registered = verb.eq_ignore_ascii_case("register");
            let mut answer = provider(&ctx.core.state, &subscription, &namespace);
            if registered && registry::namespace(&namespace).is_some() {
                ctx.core.state.providers.remove(&key);
            } else {
                let body = ctx.core.state.providers.get(&key).and_then(|provider| provider.body.clone());
                let registration_state = if registered { "Registered" } else { "NotRegistered" }.to_owned();
                ctx.core
                    .state
                    .providers
                    .insert(key, Provider { subscription_id: subscription, namespace, registration_state, body });
            }
            answer["registrationState"] = json!(if registered { "Registering" } else { "Unregistering" });
            Ok(Reply::json(200, answer))
        }
        _ => Err(errors::method_not_allowed(&method)),
    }
}

fn provider(state: &State, subscription: &str, namespace: &str) -> Value {
    let key = (subscription.to_lowercase(), namespace.to_lowercase());
    let locations: Vec<&str> = LOCATIONS.iter().map(|(_, display)| *display).collect();
    let types: Vec<Value> = registry::KINDS
        .iter()
        .filter(|kind| kind.namespace == namespace)
        .map(|kind| {
            json!({
                "resourceType": kind.path,
                "locations": locations,
                "apiVersions": kind.versions.iter().rev().collect::<Vec<_>>(),
                "capabilities": "SupportsTags, SupportsLocation",
            })
        })
        .collect();
    let mut body = state.providers.get(&key).and_then(|provider| provider.body.clone()).unwrap_or_else(|| {
        json!({
            "namespace": namespace,
            "registrationPolicy": if namespace == "Microsoft.Authorization" || namespace == "Microsoft.Resources" { "RegistrationFree" } else { "RegistrationRequired" },
            "resourceTypes": types,
        })
    });
    body["id"] = json!(format!("/subscriptions/{subscription}/providers/{namespace}"));
    body["registrationState"] = json!(state_of(state, subscription, namespace));
    body
}

/// Answers `…/providers/Microsoft.Features/providers/{namespace}/features/{name}`.
pub(crate) fn features(ctx: &Ctx<'_>, segments: &[&str]) -> Answer {
    if ctx.call.method != "GET" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    let state = &ctx.core.state;
    let subscription = segments[1];
    let show = |namespace: &str, name: &str, word: &str| {
        json!({
            "name": format!("{namespace}/{name}"),
            "properties": {"state": word},
            "type": "Microsoft.Features/providers/features",
            "id": format!("/subscriptions/{subscription}/providers/Microsoft.Features/providers/{namespace}/features/{name}"),
        })
    };
    match segments[4..] {
        [_, namespace, _, name] => {
            let found = state.features.iter().find(|one| {
                one.subscription_id.eq_ignore_ascii_case(subscription)
                    && one.namespace.eq_ignore_ascii_case(namespace)
                    && one.name.eq_ignore_ascii_case(name)
            });
            let word = found.map_or("NotRegistered", |one| one.state.as_str());
            Ok(Reply::json(200, show(namespace, name, word)))
        }
        [_, namespace, _] => {
            let all = state
                .features
                .iter()
                .filter(|one| {
                    one.subscription_id.eq_ignore_ascii_case(subscription)
                        && one.namespace.eq_ignore_ascii_case(namespace)
                })
                .map(|one| show(&one.namespace, &one.name, &one.state))
                .collect();
            list::page(ctx, all)
        }
        _ => Err(Refusal::new(404, "NotFound", "The requested path does not exist.")),
    }
}
