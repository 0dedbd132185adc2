//! Network security groups: default rules and the effective rules of a network interface.

use serde_json::{Value, json};

use super::super::{Ctx, links, resource::children};
use crate::http::{Answer, Reply};

/// The six rules that every group has.
pub(crate) fn default_rules() -> Value {
    let rule = |name: &str, description: &str, access: &str, priority: u32, direction: &str, from: &str, to: &str| {
        json!({
            "name": name,
            "properties": {
                "provisioningState": "Succeeded",
                "description": description,
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": from,
                "destinationAddressPrefix": to,
                "access": access,
                "priority": priority,
                "direction": direction,
                "sourcePortRanges": [],
                "destinationPortRanges": [],
                "sourceAddressPrefixes": [],
                "destinationAddressPrefixes": [],
            },
        })
    };
    json!([
        rule(
            "AllowVnetInBound",
            "Allow inbound traffic from all VMs in VNET",
            "Allow",
            65000,
            "Inbound",
            "VirtualNetwork",
            "VirtualNetwork"
        ),
        rule(
            "AllowAzureLoadBalancerInBound",
            "Allow inbound traffic from azure load balancer",
            "Allow",
            65001,
            "Inbound",
            "AzureLoadBalancer",
            "*"
        ),
        rule("DenyAllInBound", "Deny all inbound traffic", "Deny", 65500, "Inbound", "*", "*"),
        rule(
            "AllowVnetOutBound",
            "Allow outbound traffic from all VMs to all VMs in VNET",
            "Allow",
            65000,
            "Outbound",
            "VirtualNetwork",
            "VirtualNetwork"
        ),
        rule(
            "AllowInternetOutBound",
            "Allow outbound traffic from all VMs to Internet",
            "Allow",
            65001,
            "Outbound",
            "*",
            "Internet"
        ),
        rule("DenyAllOutBound", "Deny all outbound traffic", "Deny", 65500, "Outbound", "*", "*"),
    ])
}

/// Answers `effectiveNetworkSecurityGroups` of an interface: its own group and its subnet's.
pub(crate) fn effective_groups(ctx: &Ctx<'_>, interface: &Value) -> Answer {
    let state = &ctx.core.state;
    let mut found = Vec::new();
    let mut add = |group: &Value, association: Value| {
        let Some(body) = group["id"].as_str().and_then(|id| state.get(id)) else {
            return;
        };
        let mut rules = Vec::new();
        for list in ["securityRules", "defaultSecurityRules"] {
            for rule in children(body, list) {
                let mut effective = json!({"name": format!("{list}/{}", rule["name"].as_str().unwrap_or_default())});
                for member in [
                    "protocol",
                    "sourcePortRange",
                    "destinationPortRange",
                    "sourceAddressPrefix",
                    "destinationAddressPrefix",
                    "access",
                    "priority",
                    "direction",
                ] {
                    effective[member] = rule["properties"][member].clone();
                }
                if effective["protocol"] == "*" {
                    effective["protocol"] = json!("All");
                }
                rules.push(effective);
            }
        }
        found.push(json!({
            "networkSecurityGroup": {"id": body["id"]},
            "association": association,
            "effectiveSecurityRules": rules,
        }));
    };
    add(&interface["properties"]["networkSecurityGroup"], json!({"networkInterface": {"id": interface["id"]}}));
    let subnet = interface["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"].as_str();
    if let Some(subnet) = subnet.and_then(|id| links::lookup(state, id)) {
        add(&subnet["properties"]["networkSecurityGroup"], json!({"subnet": {"id": subnet["id"]}}));
    }
    Ok(Reply::json(200, json!({"value": found})))
}
