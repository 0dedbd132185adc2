//! Quotas of a region: `…/locations/{location}/usages` of compute and network.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Ctx, compute, list, registry, subscriptions};
use crate::{
    errors::{self, Refusal},
    http::Answer,
};

/// Compute rows: name, display name, limit.
const COMPUTE: &[(&str, &str, i64)] = &[
    ("cores", "Total Regional vCPUs", 350),
    ("virtualMachines", "Virtual Machines", 25000),
    ("standardDSv3Family", "Standard DSv3 Family vCPUs", 350),
    ("standardDSv5Family", "Standard DSv5 Family vCPUs", 350),
    ("standardDASv5Family", "Standard DASv5 Family vCPUs", 350),
    ("standardDPSv5Family", "Standard DPSv5 Family vCPUs", 350),
    ("standardESv5Family", "Standard ESv5 Family vCPUs", 350),
    ("standardFSv2Family", "Standard FSv2 Family vCPUs", 350),
    ("standardNCSv3Family", "Standard NCSv3 Family vCPUs", 0),
];

/// Network rows: name, display name, limit, the type that is counted.
const NETWORK: &[(&str, &str, i64, &str)] = &[
    ("VirtualNetworks", "Virtual Networks", 1000, "Microsoft.Network/virtualNetworks"),
    ("NetworkSecurityGroups", "Network Security Groups", 5000, "Microsoft.Network/networkSecurityGroups"),
    ("PublicIPAddresses", "Public IP Addresses", 1000, "Microsoft.Network/publicIPAddresses"),
    ("StaticPublicIPAddresses", "Static Public IP Addresses", 1000, "Microsoft.Network/publicIPAddresses"),
    (
        "IPv4StandardSkuPublicIpAddresses",
        "Public IPv4 Addresses - Standard",
        1000,
        "Microsoft.Network/publicIPAddresses",
    ),
    ("NetworkInterfaces", "Network Interfaces", 65536, "Microsoft.Network/networkInterfaces"),
    ("LoadBalancers", "Load Balancers", 1000, "Microsoft.Network/loadBalancers"),
    ("StandardSkuLoadBalancers", "Standard Sku Load Balancers", 1000, "Microsoft.Network/loadBalancers"),
    ("NatGateways", "Nat Gateways", 1000, "Microsoft.Network/natGateways"),
    ("RouteTables", "Route Tables", 200, "Microsoft.Network/routeTables"),
    ("PrivateEndpoints", "Private Endpoints", 65536, "Microsoft.Network/privateEndpoints"),
    ("PrivateLinkServices", "Private Link Services", 8, "Microsoft.Network/privateLinkServices"),
];

/// Answers the usages of a region; `parts` are the path's segments in lower case.
pub(crate) fn handle(ctx: &Ctx<'_>, parts: &[&str]) -> Answer {
    let [_, subscription, _, namespace, _, location, "usages"] = parts else {
        return Err(Refusal::new(404, "NotFound", "The requested path does not exist."));
    };
    if ctx.call.method != "GET" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    if !subscriptions::is_location(location) {
        return Err(Refusal::new(
            400,
            "NoRegisteredProviderFound",
            format!("No registered resource provider found for location '{location}'."),
        ));
    }
    let namespace = registry::namespace(namespace).unwrap_or_default();
    let mut rows = match namespace {
        "Microsoft.Compute" => compute_rows(ctx, subscription, location),
        "Microsoft.Network" => network_rows(ctx, subscription, location),
        _ => {
            return Err(Refusal::new(
                404,
                "InvalidResourceType",
                "The resource type 'locations/usages' could not be found.",
            )
            .gateway());
        }
    };
    for own in ctx
        .core
        .state
        .usages
        .iter()
        .filter(|one| one.provider.eq_ignore_ascii_case(namespace) && one.location.eq_ignore_ascii_case(location))
    {
        let row = rows.entry(own.name.clone()).or_insert_with(|| (own.name.clone(), 0, 0));
        row.2 = own.limit;
        row.1 = own.current_value.unwrap_or(row.1);
        if let Some(text) = &own.localized_name {
            row.0.clone_from(text);
        }
    }
    let shown: Vec<Value> = rows
        .into_iter()
        .map(|(name, (text, current, limit))| {
            let mut row = json!({
                "currentValue": current,
                "limit": limit,
                "unit": "Count",
                "name": {"value": name, "localizedValue": text},
            });
            if namespace == "Microsoft.Network" {
                row["id"] = json!(format!(
                    "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/usages/{name}"
                ));
            }
            row
        })
        .collect();
    list::page(ctx, shown)
}

type Rows = BTreeMap<String, (String, i64, i64)>;

fn compute_rows(ctx: &Ctx<'_>, subscription: &str, location: &str) -> Rows {
    let mut rows: Rows =
        COMPUTE.iter().map(|(name, text, limit)| ((*name).to_owned(), ((*text).to_owned(), 0, *limit))).collect();
    let mut add = |name: &str, by: i64| {
        if let Some(row) = rows.get_mut(name) {
            row.1 += by;
        }
    };
    let sizes = compute::cores(&ctx.core.state);
    for machine in compute::machines(&ctx.core.state, subscription, location) {
        add("virtualMachines", 1);
        let size = machine["properties"]["hardwareProfile"]["vmSize"].as_str().unwrap_or_default();
        if let Some((vcpus, family)) = sizes.get(size) {
            add("cores", *vcpus);
            add(family, *vcpus);
        }
    }
    rows
}

fn network_rows(ctx: &Ctx<'_>, subscription: &str, location: &str) -> Rows {
    let scope = format!("/subscriptions/{subscription}/");
    let here: Vec<&Value> = ctx
        .core
        .state
        .resources
        .iter()
        .filter(|(id, body)| id.starts_with(&scope) && body["location"].as_str() == Some(location))
        .map(|(_, body)| body)
        .collect();
    NETWORK
        .iter()
        .map(|(name, text, limit, kind)| {
            let counts = |body: &&&Value| {
                body["type"] == **kind
                    && (!name.contains("StandardSku") || body["sku"]["name"] == "Standard")
                    && (*name != "StaticPublicIPAddresses"
                        || body["properties"]["publicIPAllocationMethod"] == "Static")
            };
            let current = i64::try_from(here.iter().filter(counts).count()).unwrap_or(i64::MAX);
            ((*name).to_owned(), ((*text).to_owned(), current, *limit))
        })
        .collect()
}
