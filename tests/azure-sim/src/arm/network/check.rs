//! What Microsoft.Network refuses.

use ipnet::IpNet;
use serde_json::Value;

use super::super::{Ctx, links, path::Target, registry::Kind, resource::children};
use crate::errors::{Refusal, network};

/// Checks a body before it is written.
pub(crate) fn check(ctx: &Ctx<'_>, target: &Target, body: &mut Value, before: Option<&Value>) -> Result<(), Refusal> {
    let name = target.name();
    match target.kind.path {
        "virtualNetworks/subnets" => subnet(name, body)?,
        "networkSecurityGroups/securityRules" => rule(name, body)?,
        "virtualNetworks/virtualNetworkPeerings" if !body["properties"]["remoteVirtualNetwork"]["id"].is_string() => {
            return Err(network(
                400,
                "InvalidRequestFormat",
                format!("Peering {name} names no remote virtual network."),
            ));
        }
        "publicIPAddresses" => public_ip(name, body, before)?,
        "loadBalancers" => balancer(ctx, target, body, before)?,
        "virtualNetworks" => removed_subnets(ctx, body, before)?,
        "natGateways" | "networkInterfaces" | "privateEndpoints" | "privateLinkServices" => {
            attachments(target.kind, name, body)?
        }
        _ => {}
    }
    check_whole(target.kind, body)
}

/// Checks a parent's body with all its children.
pub(crate) fn check_whole(kind: &Kind, body: &Value) -> Result<(), Refusal> {
    let name = body["name"].as_str().unwrap_or_default();
    match kind.path {
        "virtualNetworks" => vnet(name, body),
        "networkSecurityGroups" => rules(body),
        "routeTables" => {
            for route in children(body, "routes") {
                let hop = route["properties"]["nextHopType"].as_str().unwrap_or_default();
                let known = ["VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None"];
                if !known.contains(&hop) || route["properties"]["addressPrefix"].as_str().is_none() {
                    return Err(network(400, "InvalidRequestFormat", format!("Route {} is invalid.", route["name"])));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn net(text: &str, of: &str) -> Result<IpNet, Refusal> {
    let parsed: Option<IpNet> = text.parse().ok();
    parsed.filter(|net| net.trunc() == *net).ok_or_else(|| {
        network(400, "InvalidCIDRNotation", format!("The address prefix {text} in resource {of} has an invalid CIDR notation. For the given prefix length, the address prefix should be aligned."))
    })
}

fn prefixes(properties: &Value) -> Vec<&str> {
    let many = properties["addressPrefixes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    properties["addressPrefix"].as_str().into_iter().chain(many).collect()
}

fn subnet(name: &str, body: &Value) -> Result<(), Refusal> {
    if prefixes(&body["properties"]).is_empty() {
        return Err(network(400, "InvalidRequestFormat", format!("Subnet {name} has no address prefix.")));
    }
    if let Some(unknown) = body["properties"].as_object().into_iter().flat_map(|members| members.keys()).find(|key| {
        !super::SUBNET_MEMBERS.contains(&key.as_str())
            && ![
                "provisioningState",
                "ipConfigurations",
                "purpose",
                "privateEndpoints",
                "resourceNavigationLinks",
                "serviceAssociationLinks",
                "ipConfigurationProfiles",
            ]
            .contains(&key.as_str())
    }) {
        return Err(network(
            400,
            "InvalidRequestFormat",
            format!(
                "Cannot parse the request: Could not find member '{unknown}' on object of type 'Subnet'. Path 'properties.subnets[0].properties.{unknown}'."
            ),
        ));
    }
    Ok(())
}

fn vnet(name: &str, body: &Value) -> Result<(), Refusal> {
    let properties = &body["properties"];
    let space: Vec<IpNet> =
        prefixes(&properties["addressSpace"]).into_iter().map(|text| net(text, name)).collect::<Result<_, _>>()?;
    if space.is_empty() {
        return Err(network(
            400,
            "InvalidRequestFormat",
            format!("The address space of virtual network {name} is empty."),
        ));
    }
    let mut taken: Vec<(String, IpNet)> = Vec::new();
    for child in children(body, "subnets") {
        let Some(own) = child["name"].as_str().filter(|own| !own.is_empty()) else {
            return Err(network(400, "InvalidRequestFormat", "A subnet in the request has no name."));
        };
        subnet(own, child)?;
        for text in prefixes(&child["properties"]) {
            let range = net(text, own)?;
            if !space.iter().any(|space| space.contains(&range)) {
                return Err(network(
                    400,
                    "NetcfgInvalidSubnet",
                    format!(
                        "Subnet '{own}' is not valid because its IP address range is outside the IP address range of virtual network '{name}'."
                    ),
                ));
            }
            if let Some((other, _)) =
                taken.iter().find(|(other, net)| other != own && (net.contains(&range) || range.contains(net)))
            {
                return Err(network(
                    400,
                    "NetcfgSubnetRangesOverlap",
                    format!(
                        "Subnet '{own}' is not valid because its IP address range overlaps with that of an existing subnet '{other}' in virtual network '{name}'."
                    ),
                ));
            }
            taken.push((own.to_owned(), range));
        }
    }
    Ok(())
}

fn removed_subnets(ctx: &Ctx<'_>, body: &Value, before: Option<&Value>) -> Result<(), Refusal> {
    let Some(before) = before else { return Ok(()) };
    let shown = links::view(&ctx.core.state, before);
    for old in children(&shown, "subnets") {
        let kept = children(body, "subnets")
            .iter()
            .any(|new| new["name"].as_str().map(str::to_lowercase) == old["name"].as_str().map(str::to_lowercase));
        let user = old["properties"]["ipConfigurations"][0]["id"].as_str();
        if let (false, Some(user)) = (kept, user) {
            return Err(network(
                400,
                "InUseSubnetCannotBeDeleted",
                format!(
                    "Subnet {} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
                    old["name"].as_str().unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

fn rule(name: &str, body: &Value) -> Result<(), Refusal> {
    let properties = &body["properties"];
    let one_of = |member: &str, known: &[&str]| {
        let value = properties[member].as_str().unwrap_or_default();
        if known.iter().any(|known| known.eq_ignore_ascii_case(value)) {
            return Ok(());
        }
        Err(network(
            400,
            "SecurityRuleParameterInvalid",
            format!("Security rule parameter {member} for rule {name} has the invalid value '{value}'."),
        ))
    };
    one_of("direction", &["Inbound", "Outbound"])?;
    one_of("access", &["Allow", "Deny"])?;
    one_of("protocol", &["*", "Tcp", "Udp", "Icmp", "Esp", "Ah"])?;
    let priority = properties["priority"].as_i64().unwrap_or(0);
    if !(100..=4096).contains(&priority) {
        return Err(network(
            400,
            "SecurityRuleInvalidPriority",
            format!("Security rule {name} has invalid Priority. Value provided: {priority} Allowed range 100-4096."),
        ));
    }
    for (one, many) in [
        ("sourcePortRange", "sourcePortRanges"),
        ("destinationPortRange", "destinationPortRanges"),
        ("sourceAddressPrefix", "sourceAddressPrefixes"),
        ("destinationAddressPrefix", "destinationAddressPrefixes"),
    ] {
        let groups = one.replace("AddressPrefix", "ApplicationSecurityGroups");
        let given = properties[one].as_str().is_some_and(|text| !text.is_empty())
            || properties[many].as_array().is_some_and(|list| !list.is_empty())
            || properties[groups.as_str()].as_array().is_some_and(|list| !list.is_empty());
        if !given {
            return Err(network(
                400,
                "SecurityRuleParameterContainsUnsupportedValue",
                format!("Security rule {name} must specify {one} or {many}."),
            ));
        }
    }
    Ok(())
}

fn rules(body: &Value) -> Result<(), Refusal> {
    let mut seen: Vec<(String, i64, String)> = Vec::new();
    for child in children(body, "securityRules") {
        let name = child["name"].as_str().unwrap_or_default().to_owned();
        rule(&name, child)?;
        let direction = child["properties"]["direction"].as_str().unwrap_or_default().to_lowercase();
        let priority = child["properties"]["priority"].as_i64().unwrap_or_default();
        if let Some((_, _, other)) = seen.iter().find(|(one, same, _)| *one == direction && *same == priority) {
            return Err(network(
                400,
                "SecurityRuleConflict",
                format!(
                    "Security rule {name} conflicts with rule {other}. Rules cannot have the same Priority and Direction. To learn more, see aka.ms/nsgrules."
                ),
            ));
        }
        seen.push((direction, priority, name));
    }
    Ok(())
}

fn public_ip(name: &str, body: &Value, before: Option<&Value>) -> Result<(), Refusal> {
    let standard = body["sku"]["name"] == "Standard";
    let method = body["properties"]["publicIPAllocationMethod"].as_str();
    if !matches!(method, None | Some("Static" | "Dynamic")) {
        return Err(network(
            400,
            "InvalidRequestFormat",
            format!("Public IP address {name} has an unknown allocation method."),
        ));
    }
    if standard && method == Some("Dynamic") {
        return Err(network(
            400,
            "StandardSkuPublicIPAddressesMustBeStatic",
            format!("Standard sku publicIp {name} must have AllocationMethod set to Static."),
        ));
    }
    let idle = body["properties"]["idleTimeoutInMinutes"].as_i64().unwrap_or(4);
    if !(4..=30).contains(&idle) {
        return Err(network(
            400,
            "IdleTimeoutInMinutesOutOfRange",
            format!("The idle timeout of {name} must be between 4 and 30 minutes."),
        ));
    }
    same_sku(name, body, before)
}

fn same_sku(name: &str, body: &Value, before: Option<&Value>) -> Result<(), Refusal> {
    let Some(before) = before else { return Ok(()) };
    let (old, new) =
        (before["sku"]["name"].as_str().unwrap_or("Basic"), body["sku"]["name"].as_str().unwrap_or("Basic"));
    if old == new {
        return Ok(());
    }
    Err(network(
        400,
        "SkuPropertyCannotBeChanged",
        format!("The SKU of resource {name} cannot be changed from {old} to {new}."),
    ))
}

fn balancer(ctx: &Ctx<'_>, target: &Target, body: &Value, before: Option<&Value>) -> Result<(), Refusal> {
    let name = target.name();
    same_sku(name, body, before)?;
    let state = &ctx.core.state;
    let id = target.id(state);
    let sku = body["sku"]["name"].as_str().unwrap_or("Basic");
    for front in children(body, "frontendIPConfigurations") {
        let properties = &front["properties"];
        let address = properties["publicIPAddress"]["id"].as_str();
        if address.is_none()
            && properties["subnet"]["id"].as_str().is_none()
            && properties["publicIPPrefix"]["id"].as_str().is_none()
        {
            return Err(network(
                400,
                "InvalidRequestFormat",
                format!("Frontend {} of load balancer {name} has neither subnet nor public IP address.", front["name"]),
            ));
        }
        let Some(address) = address.and_then(|id| state.get(id)) else {
            continue;
        };
        let other = address["sku"]["name"].as_str().unwrap_or("Basic");
        if other != sku {
            return Err(network(
                400,
                "DifferentSkuLoadBalancersAndPublicIPAddressNotAllowed",
                format!(
                    "{sku} sku load balancer {id} cannot reference {other} sku publicIP {}.",
                    address["id"].as_str().unwrap_or_default()
                ),
            ));
        }
        let shown = links::view(state, address);
        let user = shown["properties"]["ipConfiguration"]["id"]
            .as_str()
            .or_else(|| shown["properties"]["natGateway"]["id"].as_str());
        if let Some(user) = user.filter(|user| !super::super::path::within(user, &id)) {
            return Err(network(
                400,
                "PublicIPAddressInUse",
                format!(
                    "Resource {id} is referencing public IP address {} that is already allocated to resource {user}.",
                    address["id"].as_str().unwrap_or_default()
                ),
            ));
        }
    }
    let own = format!("{}/", id.to_lowercase());
    let mut known: Vec<String> = Vec::new();
    for list in [
        "frontendIPConfigurations",
        "backendAddressPools",
        "probes",
        "loadBalancingRules",
        "outboundRules",
        "inboundNatRules",
        "inboundNatPools",
    ] {
        for child in children(body, list) {
            let Some(child) = child["name"].as_str().filter(|name| !name.is_empty()) else {
                return Err(network(
                    400,
                    "InvalidRequestFormat",
                    format!("A member of {list} of load balancer {name} has no name."),
                ));
            };
            known.push(format!("{own}{}/{}", list.to_lowercase(), child.to_lowercase()));
        }
    }
    let mut dangling = None;
    for list in ["loadBalancingRules", "outboundRules", "inboundNatRules"] {
        for rule in children(body, list) {
            let properties = &rule["properties"];
            let single =
                [&properties["frontendIPConfiguration"], &properties["backendAddressPool"], &properties["probe"]];
            let many = [&properties["frontendIPConfigurations"], &properties["backendAddressPools"]];
            let all = single.into_iter().chain(many.into_iter().filter_map(Value::as_array).flatten());
            for to in all.filter_map(|one| one["id"].as_str()) {
                if !known.contains(&to.to_lowercase()) {
                    dangling = Some(to.to_owned());
                }
            }
            if list == "outboundRules"
                && properties["allocatedOutboundPorts"]
                    .as_i64()
                    .is_some_and(|ports| ports % 8 != 0 || !(0..=64000).contains(&ports))
            {
                return Err(network(
                    400,
                    "LoadBalancerOutboundRuleAllocatedOutboundPortsInvalid",
                    format!(
                        "Allocated outbound ports of rule {} must be a multiple of 8 between 0 and 64000.",
                        rule["name"]
                    ),
                ));
            }
        }
    }
    match dangling {
        Some(to) => Err(network(
            400,
            "InvalidResourceReference",
            format!(
                "Resource {to} referenced by resource {id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
            ),
        )),
        None => Ok(()),
    }
}

fn attachments(kind: &Kind, name: &str, body: &Value) -> Result<(), Refusal> {
    let properties = &body["properties"];
    let needs = |fits: bool, what: &str| {
        if fits { Ok(()) } else { Err(network(400, "InvalidRequestFormat", format!("Resource {name} needs {what}."))) }
    };
    match kind.path {
        "networkInterfaces" => {
            let configurations = children(body, "ipConfigurations");
            needs(!configurations.is_empty(), "at least one ipConfiguration")?;
            let all = configurations.iter().all(|one| one["properties"]["subnet"]["id"].is_string());
            needs(all, "a subnet in every ipConfiguration")
        }
        "privateEndpoints" => {
            needs(properties["subnet"]["id"].is_string(), "a subnet")?;
            let connections = children(body, "privateLinkServiceConnections").len()
                + children(body, "manualPrivateLinkServiceConnections").len();
            needs(connections > 0, "a connection to a private link service")
        }
        "privateLinkServices" => {
            needs(
                !children(body, "loadBalancerFrontendIpConfigurations").is_empty()
                    || properties["destinationIPAddress"].is_string(),
                "a load balancer frontend",
            )?;
            needs(!children(body, "ipConfigurations").is_empty(), "an ipConfiguration")
        }
        _ => Ok(()),
    }
}
