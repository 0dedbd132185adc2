//! Groups, network, DNS and egress: names and bodies.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use serde_json::{Value, json};

use super::{Facts, Layout, NETWORK, PRIVATE_DNS, Spec};
use crate::compare::text;
use crate::iam::same_region;
use crate::resource::{Wanted, kept};
use crate::{Refusal, Step, tags};

/// The name of the subnet in a VNet that we create.
pub(super) const SUBNET: &str = "default";

/// The step of a resource group of our own.
pub(super) fn own_group(spec: &Spec, step: &str, id: &ArmId, reason: &str) -> Wanted {
    let mut body = json!({"location": spec.location});
    if !spec.group_tags.is_empty() {
        body["tags"] = json!(spec.group_tags);
    }
    Wanted {
        step: step.into(),
        resource: format!("resource group {}", id.name().unwrap_or_default()),
        id: id.clone(),
        api_version: crate::iam::GROUPS,
        body,
        tags: own_tags(spec),
        depends_on: BTreeSet::new(),
        reason: reason.into(),
    }
}

fn own_tags(spec: &Spec) -> BTreeMap<String, String> {
    tags::of_cluster(&spec.name, &spec.infra_id)
}

/// The step of the group that a resource is in, if it is one of ours.
pub(super) fn group_step(spec: &Spec, own: &'static str) -> String {
    if spec.resource_group.is_some() { "group/managed".into() } else { own.into() }
}

/// The steps of NSG, VNet, private zone, link, public IP and load balancer.
pub(super) fn steps(spec: &Spec, facts: &Facts, layout: &Layout) -> Result<Vec<Step>, Refusal> {
    let make = |step: &str, what: &str, id: &ArmId, api_version, body: Value, after: Vec<String>, reason: &str| {
        let have = facts.seen.get(id);
        let name = id.name().unwrap_or_default();
        if text(&body, &["location"]).is_some_and(|location| location != "global") {
            same_region(what, name, have, &spec.location)?;
        }
        let wanted = Wanted {
            step: step.into(),
            resource: format!("{what} {name}"),
            id: id.clone(),
            api_version,
            body,
            tags: own_tags(spec),
            depends_on: after.into_iter().collect(),
            reason: reason.into(),
        };
        Ok::<Step, Refusal>(wanted.step(have))
    };
    let managed = || vec!["group/managed".to_owned()];
    let mut steps = vec![
        match &spec.nsg_id {
            Some(_) => kept("nsg", named("network security group", &layout.nsg), "given, exists"),
            None => make(
                "nsg",
                "network security group",
                &layout.nsg,
                NETWORK,
                json!({"location": spec.location}),
                vec![group_step(spec, "group/nsg")],
                "guards the nodes' subnet; Azure's default rules suffice",
            )?,
        },
        match &spec.vnet_id {
            Some(_) => kept("vnet", named("virtual network", &layout.vnet), "given, exists"),
            None => make(
                "vnet",
                "virtual network",
                &layout.vnet,
                NETWORK,
                vnet(spec, layout),
                vec![group_step(spec, "group/vnet"), "nsg".into()],
                "10.0.0.0/16, nodes in subnet default 10.0.0.0/24",
            )?,
        },
        make(
            "zone",
            "private DNS zone",
            &layout.zone,
            PRIVATE_DNS,
            json!({"location": "global"}),
            managed(),
            "the cluster's names inside the VNet",
        )?,
    ];
    steps.push(link(spec, facts, layout));
    steps.push(make(
        "public-ip",
        "public IP address",
        &layout.public_ip,
        NETWORK,
        public_ip(spec),
        managed(),
        "the nodes' address in the internet",
    )?);
    steps.push(make(
        "load-balancer",
        "load balancer",
        &layout.load_balancer,
        NETWORK,
        load_balancer(spec, layout),
        vec!["public-ip".into()],
        "the nodes' way out; 1024 ports each",
    )?);
    Ok(steps)
}

fn named(what: &str, id: &ArmId) -> String {
    format!("{what} {}", id.name().unwrap_or_default())
}

fn vnet(spec: &Spec, layout: &Layout) -> Value {
    json!({
        "location": spec.location,
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{
                "name": SUBNET,
                "properties": {
                    "addressPrefix": "10.0.0.0/24",
                    "networkSecurityGroup": {"id": layout.nsg.as_str()},
                },
            }],
        },
    })
}

fn link(spec: &Spec, facts: &Facts, layout: &Layout) -> Step {
    let resource =
        format!("DNS link {} of {}", layout.link.name().unwrap_or_default(), layout.zone.name().unwrap_or_default());
    let network = |link: &Value| text(link, &["properties", "virtualNetwork", "id"]).map(ArmId::new);
    let leads_there = |link: &&Value| network(link).is_some_and(|id| id.key() == layout.vnet.key());
    let own = |link: &&Value| text(link, &["name"]).is_some_and(|name| Some(name) == layout.link.name());
    // Azure links a zone to a VNet once, under any name.
    let have = facts.links.iter().find(own).or_else(|| facts.links.iter().find(leads_there));
    let other_name = have.is_some_and(|link| !own(&link));
    if other_name {
        return kept("link", resource, "the zone is linked to the VNet under another name");
    }
    Wanted {
        step: "link".into(),
        resource,
        id: layout.link.clone(),
        api_version: PRIVATE_DNS,
        body: json!({
            "location": "global",
            "properties": {"registrationEnabled": false, "virtualNetwork": {"id": layout.vnet.as_str()}},
        }),
        tags: own_tags(spec),
        depends_on: ["zone".to_owned(), "vnet".to_owned()].into(),
        reason: "the VNet resolves the cluster's names".into(),
    }
    .step(have)
}

fn public_ip(spec: &Spec) -> Value {
    json!({
        "name": spec.infra_id,
        "location": spec.location,
        "sku": {"name": "Standard"},
        "properties": {
            "publicIPAddressVersion": "IPv4",
            "publicIPAllocationMethod": "Static",
            "idleTimeoutInMinutes": 4,
        },
    })
}

/// Named exactly like the infra id: Cluster API's outbound load balancer and the cloud controller's.
fn load_balancer(spec: &Spec, layout: &Layout) -> Value {
    let name = &spec.infra_id;
    let part = |kind: &str| json!({"id": layout.load_balancer.child(kind, name).as_str()});
    json!({
        "location": spec.location,
        "sku": {"name": "Standard"},
        "properties": {
            "frontendIPConfigurations": [{
                "name": name,
                "properties": {
                    "privateIPAllocationMethod": "Dynamic",
                    "publicIPAddress": {"id": layout.public_ip.as_str()},
                },
            }],
            "backendAddressPools": [{"name": name}],
            "probes": [{
                "name": name,
                "properties": {
                    "protocol": "Http",
                    "port": 30595,
                    "requestPath": "/healthz",
                    "intervalInSeconds": 5,
                    "probeThreshold": 2,
                },
            }],
            "outboundRules": [{
                "name": name,
                "properties": {
                    "protocol": "All",
                    "allocatedOutboundPorts": 1024,
                    "enableTcpReset": true,
                    "idleTimeoutInMinutes": 4,
                    "backendAddressPool": part("backendAddressPools"),
                    "frontendIPConfigurations": [part("frontendIPConfigurations")],
                },
            }],
        },
    })
}
