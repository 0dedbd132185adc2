//! Public and private DNS zones, their record sets, and links to virtual networks.

use serde_json::{Value, json};

use super::{Ctx, links::view, list, path::Target, registry::Kind, resource};
use crate::{
    errors::{self, Refusal},
    http::Answer,
    state::{State, fill},
};

/// Types of records and the member that holds them: public zones and private zones spell it differently.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("A", "ARecords", "aRecords"),
    ("AAAA", "AAAARecords", "aaaaRecords"),
    ("CAA", "caaRecords", "caaRecords"),
    ("CNAME", "CNAMERecord", "cnameRecord"),
    ("MX", "MXRecords", "mxRecords"),
    ("NS", "NSRecords", "nsRecords"),
    ("PTR", "PTRRecords", "ptrRecords"),
    ("SOA", "SOARecord", "soaRecord"),
    ("SRV", "SRVRecords", "srvRecords"),
    ("TXT", "TXTRecords", "txtRecords"),
];

fn private(kind: &Kind) -> bool {
    kind.path.starts_with("privateDnsZones")
}

/// Adds what DNS adds to a zone, link or record set.
pub(crate) fn complete(kind: &Kind, resource: &mut Value) {
    let name = resource["name"].as_str().unwrap_or_default().to_lowercase();
    let defaults = match kind.path {
        "dnszones" => json!({
            "location": "global",
            "tags": {},
            "properties": {
                "maxNumberOfRecordSets": 10000,
                "numberOfRecordSets": 2,
                "nameServers": ["ns1-01.azure-dns.com.", "ns2-01.azure-dns.net.", "ns3-01.azure-dns.org.", "ns4-01.azure-dns.info."],
                "zoneType": "Public",
            },
        }),
        "privateDnsZones" => json!({
            "location": "global",
            "tags": {},
            "properties": {
                "maxNumberOfRecordSets": 25000,
                "numberOfRecordSets": 1,
                "maxNumberOfVirtualNetworkLinks": 1000,
                "numberOfVirtualNetworkLinks": 0,
                "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
                "numberOfVirtualNetworkLinksWithRegistration": 0,
                "provisioningState": "Succeeded",
            },
        }),
        "privateDnsZones/virtualNetworkLinks" => json!({
            "location": "global",
            "tags": {},
            "properties": {"registrationEnabled": false, "virtualNetworkLinkState": "Completed", "provisioningState": "Succeeded"},
        }),
        _ => {
            let zone = resource["id"].as_str().unwrap_or_default().split('/').nth(8).unwrap_or_default().to_owned();
            let full = if name == "@" { format!("{zone}.") } else { format!("{name}.{zone}.") };
            if private(kind) {
                json!({"properties": {"fqdn": full, "isAutoRegistered": false}})
            } else {
                json!({"properties": {"fqdn": full, "provisioningState": "Succeeded"}})
            }
        }
    };
    fill(resource, &defaults);
}

/// Checks a body before it is written.
pub(crate) fn check(ctx: &Ctx<'_>, target: &Target, body: &mut Value, before: Option<&Value>) -> Result<(), Refusal> {
    precondition(ctx, target)?;
    let kind = target.kind;
    if kind.path == "privateDnsZones/virtualNetworkLinks" {
        let network = body["properties"]["virtualNetwork"]["id"].as_str().map(str::to_owned);
        let Some(network) = network else {
            return Err(bad("The virtual network of a link must be given in 'properties.virtualNetwork.id'.").bare());
        };
        let other = before.and_then(|before| before["properties"]["virtualNetwork"]["id"].as_str());
        if other.is_some_and(|other| !other.eq_ignore_ascii_case(&network)) {
            return Err(bad("The virtual network of an existing link cannot be changed.").bare());
        }
        return link_is_free(ctx, target, &network);
    }
    if !kind.is_record() {
        return Ok(());
    }
    let leaf = kind.leaf();
    let row = MEMBERS.iter().find(|(name, _, _)| *name == leaf);
    let member = row.map_or("", |(_, public, own)| if private(kind) { own } else { public });
    let properties = &body["properties"];
    let found = properties
        .as_object()
        .into_iter()
        .flatten()
        .find(|(key, _)| key.eq_ignore_ascii_case(member))
        .map(|(_, value)| value);
    let ttl = properties
        .as_object()
        .into_iter()
        .flatten()
        .find(|(key, _)| key.eq_ignore_ascii_case("ttl"))
        .map(|(_, value)| value);
    if ttl.and_then(Value::as_u64).is_none() {
        return Err(bad("The record set must have a TTL."));
    }
    let has = match found {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(one)) => !one.is_empty(),
        _ => false,
    };
    let alias = properties["targetResource"]["id"].is_string();
    if !has && !alias && leaf != "SOA" {
        return Err(bad(&format!("A record set of type '{leaf}' needs '{member}'.")));
    }
    if leaf == "CNAME" && target.name() == "@" {
        return Err(bad("A CNAME record set cannot be at the zone apex."));
    }
    Ok(())
}

fn bad(message: &str) -> Refusal {
    Refusal::new(400, "BadRequest", message)
}

fn link_is_free(ctx: &Ctx<'_>, target: &Target, network: &str) -> Result<(), Refusal> {
    let Some(zone) = target.parent() else { return Ok(()) };
    let prefix = format!("{}/virtualnetworklinks/", zone.id(&ctx.core.state).to_lowercase());
    let own = target.id(&ctx.core.state).to_lowercase();
    let taken = ctx.core.state.resources.iter().any(|(id, link)| {
        id.starts_with(&prefix)
            && *id != own
            && link["properties"]["virtualNetwork"]["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(network))
    });
    if taken {
        return Err(Refusal::new(
            409,
            "Conflict",
            format!("A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link virtual network '{network}' to Private DNS zone '{}', which already has a link to it.", zone.name()),
        )
        .bare());
    }
    Ok(())
}

/// Refuses a write whose `If-Match` or `If-None-Match` does not hold.
pub(crate) fn precondition(ctx: &Ctx<'_>, target: &Target) -> Result<(), Refusal> {
    if !target.kind.path.to_lowercase().contains("dnszones") {
        return Ok(());
    }
    let own = resource::stored(ctx, target)
        .map(|body| view(&ctx.core.state, &body)["etag"].as_str().unwrap_or_default().to_owned());
    let wrong = match (ctx.call.header("if-match"), ctx.call.header("if-none-match"), &own) {
        (_, Some("*"), Some(_)) => true,
        (Some("*"), _, own) => own.is_none(),
        (Some(wanted), _, own) if !wanted.is_empty() => own.as_deref() != Some(wanted.trim_matches('"')),
        _ => false,
    };
    if wrong {
        return Err(Refusal::new(
            412,
            "PreconditionFailed",
            "The condition '*' in the If-None-Match or If-Match header was not satisfied. The current state of the resource does not match it.",
        ));
    }
    Ok(())
}

/// A record set: stored, or one of those that every zone has.
pub(crate) fn stored(state: &State, target: &Target) -> Option<Value> {
    if let Some(own) = state.get(&target.id(state)) {
        return Some(own.clone());
    }
    let zone = target.parent()?;
    apex(state, &zone).into_iter().find(|record| {
        record["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(&target.kind.full()))
            && target.name() == "@"
    })
}

/// The record sets that come with a zone.
fn apex(state: &State, zone: &Target) -> Vec<Value> {
    let id = zone.id(state);
    let Some(body) = state.get(&id) else { return Vec::new() };
    let name = zone.name().to_lowercase();
    let word = zone.kind.path;
    let record = |leaf: &str, properties: Value| {
        json!({
            "id": format!("{id}/{leaf}/@"),
            "name": "@",
            "type": format!("Microsoft.Network/{word}/{leaf}"),
            "properties": properties,
        })
    };
    if private(zone.kind) {
        return vec![record(
            "SOA",
            json!({
                "ttl": 3600, "fqdn": format!("{name}."), "isAutoRegistered": false,
                "soaRecord": {"host": "azureprivatedns.net", "email": "azureprivatedns-host.microsoft.com", "serialNumber": 1, "refreshTime": 3600, "retryTime": 300, "expireTime": 2419200, "minimumTtl": 10},
            }),
        )];
    }
    let servers: Vec<Value> = body["properties"]["nameServers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|server| json!({"nsdname": server}))
        .collect();
    vec![
        record(
            "NS",
            json!({"TTL": 172800, "fqdn": format!("{name}."), "provisioningState": "Succeeded", "NSRecords": servers, "targetResource": {}}),
        ),
        record(
            "SOA",
            json!({
                "TTL": 3600, "fqdn": format!("{name}."), "provisioningState": "Succeeded", "targetResource": {},
                "SOARecord": {"host": "ns1-01.azure-dns.com.", "email": "azuredns-hostmaster.microsoft.com", "serialNumber": 1, "refreshTime": 3600, "retryTime": 300, "expireTime": 2419200, "minimumTTL": 300},
            }),
        ),
    ]
}

/// The record sets of a zone, of one type or all.
pub(crate) fn records(state: &State, zone: &Target, kind: Option<&Kind>) -> Vec<Value> {
    let prefix = format!("{}/", zone.id(state).to_lowercase());
    let own = state
        .resources
        .iter()
        .filter(|(id, _)| id.starts_with(&prefix) && !id.contains("/virtualnetworklinks/"))
        .map(|(_, record)| record.clone());
    let mut all: Vec<Value> = own.collect();
    for record in apex(state, zone) {
        if !all
            .iter()
            .any(|one| one["id"].as_str().map(str::to_lowercase) == record["id"].as_str().map(str::to_lowercase))
        {
            all.push(record);
        }
    }
    all.retain(|record| {
        kind.is_none_or(|kind| record["type"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(&kind.full())))
    });
    all.sort_by_key(|record| record["id"].as_str().map(str::to_lowercase));
    all.iter().map(|record| view(state, record)).collect()
}

/// Answers `recordsets` and `ALL`.
pub(crate) fn all_records(ctx: &Ctx<'_>, target: &Target) -> Answer {
    let suffix = ctx.call.query("$recordsetnamesuffix").unwrap_or_default().to_lowercase();
    let found = records(&ctx.core.state, target, None)
        .into_iter()
        .filter(|record| record["name"].as_str().is_some_and(|name| name.to_lowercase().ends_with(&suffix)))
        .collect();
    list::page(ctx, found)
}

/// What private DNS says of a zone, link or record set that is not there.
pub(crate) fn missing_private(target: &Target) -> Refusal {
    let zone = target.names.first().cloned().unwrap_or_default();
    match target.kind.path {
        "privateDnsZones" => errors::not_found("Microsoft.Network/privateDnsZones", &zone, target.group()),
        "privateDnsZones/virtualNetworkLinks" => Refusal::new(
            404,
            "NotFound",
            format!("The virtual network link '{}' does not exist for Private DNS zone '{zone}'.", target.name()),
        )
        .bare(),
        _ => Refusal::new(
            404,
            "NotFound",
            format!(
                "The resource record '{}' does not exist in resource group '{}' of subscription '{}'.",
                target.name(),
                target.group(),
                target.subscription
            ),
        )
        .bare(),
    }
}
