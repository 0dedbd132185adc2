//! Microsoft.Network: what it adds to bodies, what it checks, and its verbs.

mod check;
mod security;

use serde_json::{Value, json};

pub(crate) use self::{
    check::{check, check_whole},
    security::effective_groups,
};
use super::registry::Kind;
use crate::{
    http::Reply,
    seed,
    state::{State, fill, list_mut},
};

/// Members of a security rule.
pub(crate) const RULE_MEMBERS: &[&str] = &[
    "description",
    "protocol",
    "sourcePortRange",
    "destinationPortRange",
    "sourceAddressPrefix",
    "sourceAddressPrefixes",
    "sourceApplicationSecurityGroups",
    "destinationAddressPrefix",
    "destinationAddressPrefixes",
    "destinationApplicationSecurityGroups",
    "sourcePortRanges",
    "destinationPortRanges",
    "access",
    "priority",
    "direction",
];

/// Members of a subnet.
pub(crate) const SUBNET_MEMBERS: &[&str] = &[
    "addressPrefix",
    "addressPrefixes",
    "networkSecurityGroup",
    "routeTable",
    "natGateway",
    "serviceEndpoints",
    "serviceEndpointPolicies",
    "ipAllocations",
    "delegations",
    "privateEndpointNetworkPolicies",
    "privateLinkServiceNetworkPolicies",
    "applicationGatewayIPConfigurations",
    "sharingScope",
    "defaultOutboundAccess",
    "ipamPoolPrefixAllocations",
];

/// The lists of children that a type keeps inside its body.
const CHILDREN: &[(&str, &[&str])] = &[
    ("networkSecurityGroups", &["securityRules", "defaultSecurityRules"]),
    ("virtualNetworks", &["subnets", "virtualNetworkPeerings"]),
    (
        "loadBalancers",
        &[
            "frontendIPConfigurations",
            "backendAddressPools",
            "loadBalancingRules",
            "probes",
            "inboundNatRules",
            "inboundNatPools",
            "outboundRules",
        ],
    ),
    ("routeTables", &["routes"]),
    ("networkInterfaces", &["ipConfigurations"]),
    ("privateLinkServices", &["ipConfigurations", "privateEndpointConnections"]),
    ("privateEndpoints", &["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"]),
];

/// Adds what Microsoft.Network adds to a body.
pub(crate) fn complete(kind: &Kind, resource: &mut Value) {
    let id = resource["id"].as_str().unwrap_or_default().to_owned();
    let mut defaults = json!({"properties": {"provisioningState": "Succeeded"}});
    let own = match kind.path {
        "networkSecurityGroups" => json!({"properties": {
            "resourceGuid": seed::guid(&id), "securityRules": [], "defaultSecurityRules": security::default_rules(), "flushConnection": false,
        }}),
        "virtualNetworks" => json!({"properties": {
            "resourceGuid": seed::guid(&id), "subnets": [], "virtualNetworkPeerings": [], "enableDdosProtection": false,
        }}),
        "publicIPAddresses" => public_ip(&id, resource),
        "loadBalancers" => json!({
            "sku": {"name": "Basic", "tier": "Regional"},
            "properties": {
                "resourceGuid": seed::guid(&id), "frontendIPConfigurations": [], "backendAddressPools": [],
                "loadBalancingRules": [], "probes": [], "inboundNatRules": [], "inboundNatPools": [], "outboundRules": [],
            },
        }),
        "natGateways" => json!({
            "sku": {"name": "Standard"},
            "properties": {"resourceGuid": seed::guid(&id), "idleTimeoutInMinutes": 4},
        }),
        "routeTables" => {
            json!({"properties": {"resourceGuid": seed::guid(&id), "disableBgpRoutePropagation": false, "routes": []}})
        }
        "networkInterfaces" => json!({"properties": {
            "resourceGuid": seed::guid(&id), "ipConfigurations": [], "enableAcceleratedNetworking": false, "enableIPForwarding": false,
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
        }}),
        "privateLinkServices" => json!({"properties": {
            "alias": format!("{}.{}.azure.privatelinkservice", id.rsplit('/').next().unwrap_or_default(), seed::guid(&id)),
            "privateEndpointConnections": [], "networkInterfaces": [{"id": format!("{}.nic.{}", nic(&id), &seed::guid(&id)[..8])}],
        }}),
        "privateEndpoints" => json!({"properties": {
            "manualPrivateLinkServiceConnections": [], "privateLinkServiceConnections": [], "customDnsConfigs": [],
            "ipConfigurations": [], "applicationSecurityGroups": [],
            "networkInterfaces": [{"id": format!("{}.nic.{}", nic(&id), seed::guid(&id))}],
        }}),
        _ => json!({}),
    };
    fill(&mut defaults, &own);
    fill(resource, &defaults);
    let lists = CHILDREN.iter().find(|(path, _)| *path == kind.path).map_or(&[][..], |(_, lists)| *lists);
    for list in lists {
        for child in list_mut(resource, list) {
            complete_child(&id, kind, list, child);
        }
    }
    if kind.path == "loadBalancers" {
        back_references(resource);
    }
}

fn nic(id: &str) -> String {
    let (provider, name) = (id.rsplitn(3, '/').nth(2).unwrap_or_default(), id.rsplit('/').next().unwrap_or_default());
    format!("{provider}/networkInterfaces/{name}")
}

fn public_ip(id: &str, resource: &Value) -> Value {
    let hash = seed::guid(id);
    let byte = |at: usize| u8::from_str_radix(&hash[at..at + 2], 16).unwrap_or(7);
    let method = if resource["sku"]["name"] == "Standard" { "Static" } else { "Dynamic" };
    let mut own = json!({
        "sku": {"name": "Basic", "tier": "Regional"},
        "properties": {
            "resourceGuid": hash,
            "publicIPAddressVersion": "IPv4",
            "publicIPAllocationMethod": method,
            "idleTimeoutInMinutes": 4,
            "ipTags": [],
            "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
        },
    });
    let dynamic = resource["properties"]["publicIPAllocationMethod"].as_str().unwrap_or(method) == "Dynamic";
    if !dynamic {
        // 203.0.113.0/24 and its kin are too few to be told apart, so the addresses come from a block that no
        // cloud uses: 198.18.0.0/15, kept for benchmarks by RFC 2544.
        own["properties"]["ipAddress"] = json!(format!("198.{}.{}.{}", 18 + byte(0) % 2, byte(2), byte(4)));
    }
    own
}

fn complete_child(owner: &str, kind: &Kind, list: &str, child: &mut Value) {
    if child["name"].is_null() && list.ends_with("rivateLinkServiceConnections") {
        // A connection without a name is called like its endpoint.
        child["name"] = json!(owner.rsplit('/').next());
    }
    let Some(name) = child["name"].as_str().map(str::to_owned) else {
        return;
    };
    let mut defaults = json!({
        "id": format!("{owner}/{list}/{name}"),
        "type": format!("Microsoft.Network/{}/{list}", kind.path),
        "properties": {"provisioningState": "Succeeded"},
    });
    let own = match list {
        "subnets" => json!({"properties": {
            "delegations": [], "privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled",
        }}),
        "virtualNetworkPeerings" => json!({"properties": {
            "peeringState": "Initiated", "peeringSyncLevel": "RemoteNotInSync", "allowVirtualNetworkAccess": true,
            "allowForwardedTraffic": false, "allowGatewayTransit": false, "useRemoteGateways": false,
        }}),
        "securityRules" => json!({"properties": {
            "sourcePortRanges": [], "destinationPortRanges": [], "sourceAddressPrefixes": [], "destinationAddressPrefixes": [],
        }}),
        "frontendIPConfigurations" if child["properties"]["subnet"].is_object() => json!({"properties": {
            "privateIPAllocationMethod": "Dynamic", "privateIPAddressVersion": "IPv4", "privateIPAddress": "10.0.0.4",
        }}),
        "frontendIPConfigurations" => json!({"properties": {"privateIPAllocationMethod": "Dynamic"}}),
        "loadBalancingRules" => json!({"properties": {
            "enableFloatingIP": false, "idleTimeoutInMinutes": 4, "enableTcpReset": false, "loadDistribution": "Default",
            "disableOutboundSnat": false, "enableConnectionTracking": false,
        }}),
        "inboundNatRules" => {
            json!({"properties": {"enableFloatingIP": false, "idleTimeoutInMinutes": 4, "enableTcpReset": false}})
        }
        "probes" => json!({"properties": {"probeThreshold": 1, "numberOfProbes": 1}}),
        "ipConfigurations" if kind.path == "networkInterfaces" => json!({"properties": {
            "primary": true, "privateIPAllocationMethod": "Dynamic", "privateIPAddressVersion": "IPv4", "privateIPAddress": "10.0.0.5",
        }}),
        "privateLinkServiceConnections" => json!({"properties": {"privateLinkServiceConnectionState": {
            "status": "Approved", "description": "Auto-approved", "actionsRequired": "None",
        }}}),
        "manualPrivateLinkServiceConnections" => json!({"properties": {"privateLinkServiceConnectionState": {
            "status": "Pending", "description": "Awaiting approval", "actionsRequired": "None",
        }}}),
        _ => json!({}),
    };
    fill(&mut defaults, &own);
    fill(child, &defaults);
}

/// The lists in which a load balancer's frontends, pools and probes name the rules that use them.
fn back_references(balancer: &mut Value) {
    let mut uses: Vec<(String, &str, String)> = Vec::new();
    for rules in ["loadBalancingRules", "outboundRules", "inboundNatRules"] {
        for rule in super::resource::children(balancer, rules) {
            let Some(id) = rule["id"].as_str() else { continue };
            let properties = &rule["properties"];
            let mut note = |to: &Value| {
                if let Some(to) = to["id"].as_str() {
                    uses.push((to.to_lowercase(), rules, id.to_owned()));
                }
            };
            note(&properties["frontendIPConfiguration"]);
            note(&properties["backendAddressPool"]);
            note(&properties["probe"]);
            for member in ["frontendIPConfigurations", "backendAddressPools"] {
                properties[member].as_array().into_iter().flatten().for_each(&mut note);
            }
        }
    }
    for parts in ["frontendIPConfigurations", "backendAddressPools", "probes"] {
        for part in list_mut(balancer, parts) {
            let id = part["id"].as_str().unwrap_or_default().to_lowercase();
            for rules in ["loadBalancingRules", "outboundRules", "inboundNatRules"] {
                let ids: Vec<Value> = uses
                    .iter()
                    .filter(|(to, kind, _)| *to == id && *kind == rules)
                    .map(|(_, _, id)| json!({"id": id}))
                    .collect();
                if !ids.is_empty() {
                    part["properties"][rules] = json!(ids);
                } else if let Some(properties) = part["properties"].as_object_mut() {
                    properties.shift_remove(rules);
                }
            }
        }
    }
}

/// Gives every child in a shown body an etag.
pub(crate) fn tag_children(kind: &Kind, shown: &mut Value) {
    let lists = CHILDREN.iter().find(|(path, _)| *path == kind.path).map_or(&[][..], |(_, lists)| *lists);
    for list in lists {
        for child in list_mut(shown, list) {
            if child["etag"].is_null() && child["id"].is_string() {
                child["etag"] = json!(format!("W/\"{}\"", super::resource::etag(child)));
            }
        }
    }
}

/// Answers `…/virtualNetworks/{name}/usages`: addresses per subnet; Azure keeps five of each.
pub(crate) fn vnet_usages(state: &State, network: &Value) -> Reply {
    let shown = super::links::view(state, network);
    let rows: Vec<Value> = super::resource::children(&shown, "subnets")
        .iter()
        .map(|subnet| {
            let used = subnet["properties"]["ipConfigurations"].as_array().map_or(0, Vec::len);
            let prefix = subnet["properties"]["addressPrefix"]
                .as_str()
                .or_else(|| subnet["properties"]["addressPrefixes"][0].as_str())
                .and_then(|text| text.parse::<ipnet::IpNet>().ok());
            let limit = match prefix {
                Some(ipnet::IpNet::V4(net)) => (1_i64 << (32 - net.prefix_len())) - 5,
                _ => -1,
            };
            json!({
                "currentValue": used,
                "id": subnet["id"],
                "limit": limit,
                "name": {"localizedValue": "Subnet size and usage", "value": "SubnetSpace"},
                "unit": "Count",
            })
        })
        .collect();
    Reply::json(200, json!({"value": rows}))
}
