#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::{Change, Verb, tags};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
const ISSUER: &str = "https://acct.blob.core.windows.net/acct";

fn group_id(name: &str) -> ArmId {
    ArmId::of_group(SUBSCRIPTION, name)
}

fn resource(group: &str, kind: &str, name: &str, tagged: bool) -> Value {
    let mut body = json!({
        "id": format!("{}/providers/{kind}/{name}", group_id(group)), "name": name, "type": kind, "location": "eastus",
    });
    if tagged {
        body["tags"] = json!({tags::CLUSTER: "dev", tags::INFRA_ID: "dev-x7k2p"});
    }
    body
}

fn seen(name: &str, tags: Value, resources: Vec<Value>) -> (String, GroupSeen) {
    let body = json!({"id": group_id(name).as_str(), "name": name, "tags": tags});
    (group_id(name).key(), GroupSeen { body, resources, locks: Vec::new() })
}

fn ours() -> Value {
    json!({tags::CLUSTER: "dev", tags::INFRA_ID: "dev-x7k2p"})
}

fn spec() -> Spec {
    Spec {
        dns_zone_group: Some("dns".into()),
        base_domain: Some("hcp.example.com".into()),
        issuer: Some(ISSUER.into()),
        ..Spec::usual("dev", "dev-x7k2p", SUBSCRIPTION)
    }
}

/// Three groups of its own, a role at the zone's group, two identities in a shared group.
fn facts() -> Facts {
    let network = "Microsoft.Network";
    let identity = |suffix: &str, number: u8| {
        let mut body = resource(
            "os4-common",
            "Microsoft.ManagedIdentity/userAssignedIdentities",
            &format!("dev-{suffix}-dev-x7k2p"),
            true,
        );
        body["properties"] = json!({"clientId": format!("c{number}"), "principalId": format!("p{number}")});
        body
    };
    let identities = vec![identity("disk", 1), identity("ingress", 2)];
    let dns = group_id("dns");
    let name = crate::infra::assignment_name("dev-x7k2p", "ingress", dns.as_str());
    let assignment = |name: &str, principal: &str| {
        json!({
            "id": format!("{dns}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name,
            "properties": {"scope": dns.as_str(), "principalId": principal},
        })
    };
    Facts {
        groups: BTreeMap::from([
            seen(
                "dev-dev-x7k2p",
                ours(),
                vec![
                    resource("dev-dev-x7k2p", &format!("{network}/loadBalancers"), "dev-x7k2p", true),
                    resource("dev-dev-x7k2p", &format!("{network}/publicIPAddresses"), "dev-x7k2p", true),
                    resource("dev-dev-x7k2p", &format!("{network}/privateDnsZones"), "dev.hcp.example.com", false),
                ],
            ),
            seen(
                "dev-nsg-dev-x7k2p",
                ours(),
                vec![resource(
                    "dev-nsg-dev-x7k2p",
                    &format!("{network}/networkSecurityGroups"),
                    "dev-dev-x7k2p-nsg",
                    true,
                )],
            ),
            seen(
                "dev-vnet-dev-x7k2p",
                Value::Null,
                vec![resource("dev-vnet-dev-x7k2p", &format!("{network}/virtualNetworks"), "dev-dev-x7k2p", false)],
            ),
            seen("dns", Value::Null, Vec::new()),
        ]),
        assignments: vec![
            assignment(&name, "p2"),
            assignment("11111111-2222-3333-4444-555555555555", "p2"),
            assignment("other", "p9"),
        ],
        credentials: identities
            .iter()
            .map(|body| {
                (
                    ArmId::new(body["id"].as_str().unwrap()).key(),
                    vec![json!({"name": "fic", "properties": {"issuer": ISSUER}})],
                )
            })
            .collect(),
        identities,
    }
}

fn deleted(planned: &Planned) -> Vec<&str> {
    assert!(
        planned
            .steps
            .iter()
            .all(|step| step.verb == Verb::Delete && matches!(step.change, Some(Change::ArmDelete { .. })))
    );
    crate::Plan::new(planned.steps.clone()).unwrap();
    planned.steps.iter().map(|step| step.resource.as_str()).collect()
}

#[test]
fn groups_of_its_own_go_whole_and_the_rest_stays() {
    let planned = plan(&spec(), &facts()).unwrap();
    assert_eq!(
        deleted(&planned),
        [
            "role of ingress on resource group dns",
            "resource group dev-dev-x7k2p",
            "resource group dev-nsg-dev-x7k2p",
            "resource group dev-vnet-dev-x7k2p"
        ]
    );
    let nsg = planned.steps.iter().find(|step| step.resource.contains("-nsg-")).unwrap();
    assert_eq!(nsg.depends_on.len(), 3, "after the role, the managed group and the VNet's: {nsg:?}");
    assert!(planned.notes[0].starts_with("2 managed identities"), "{:?}", planned.notes);
}

#[test]
fn a_group_with_something_of_somebody_else_stays() {
    let mut facts = facts();
    let vnet_group = facts.groups.get_mut(&group_id("dev-vnet-dev-x7k2p").key()).unwrap();
    vnet_group.resources.push(resource("dev-vnet-dev-x7k2p", "Microsoft.Compute/virtualMachines", "jumpbox", false));
    let planned = plan(&spec(), &facts).unwrap();
    let gone = deleted(&planned);
    assert!(gone.contains(&"virtual network dev-dev-x7k2p in dev-vnet-dev-x7k2p"), "{gone:?}");
    assert!(
        !gone.iter().any(|resource| resource.contains("jumpbox") || *resource == "resource group dev-vnet-dev-x7k2p")
    );
    assert!(planned.notes.iter().any(|note| note.contains("virtual machine jumpbox in it")), "{:?}", planned.notes);
}

#[test]
fn a_group_that_was_given_is_emptied_of_what_is_ours_in_an_order_that_works() {
    let mut spec = spec();
    for group in [&mut spec.managed_group, &mut spec.nsg_group, &mut spec.vnet_group] {
        *group = "shared".into();
    }
    let mut all: Vec<Value> = facts().groups.into_values().flat_map(|group| group.resources).collect();
    for body in &mut all {
        let id = body["id"].as_str().unwrap().to_owned();
        let (_, rest) = id.split_once("/providers/").unwrap();
        body["id"] = json!(format!("{}/providers/{rest}", group_id("shared")));
    }
    all.push(resource("shared", "Microsoft.Storage/storageAccounts", "foreign", false));
    all.push(resource("shared", "Microsoft.Network/virtualNetworks", "prod-prod-zzzzz", false));
    let facts = Facts { groups: BTreeMap::from([seen("shared", Value::Null, all)]), ..facts() };
    let planned = plan(&spec, &facts).unwrap();
    let plan = crate::Plan::new(planned.steps.clone()).unwrap();
    let order: Vec<&str> = plan.steps().iter().map(|step| step.resource.split(' ').next().unwrap()).collect();
    assert_eq!(order, ["role", "private", "load", "virtual", "network", "public"]);
    assert!(!planned.steps.iter().any(|step| step.resource.contains("foreign") || step.resource.contains("prod")));
    assert!(
        planned.notes.iter().any(|note| note == "resource group shared stays: it was not made for this cluster alone")
    );
}

#[test]
fn identities_go_only_when_asked_for_and_with_every_role_they_hold() {
    let mut spec = spec();
    (spec.infra, spec.identities) = (false, Identities::In("os4-common".into()));
    let mut facts = facts();
    facts.groups.retain(|key, _| key.ends_with("/dns"));
    let common = seen("os4-common", json!({tags::SHARED: "true"}), facts.identities.clone());
    facts.groups.extend([common]);
    let whole = plan(&spec, &facts).unwrap();
    assert_eq!(
        deleted(&whole),
        [
            "role of ingress on resource group dns",
            "role of an identity of the cluster on resource group dns",
            "resource group os4-common"
        ]
    );
    // The group holds something else: the identities go one by one.
    let storage = resource("os4-common", "Microsoft.Storage/storageAccounts", "oidc", false);
    facts.groups.get_mut(&group_id("os4-common").key()).unwrap().resources.push(storage);
    let planned = plan(&spec, &facts).unwrap();
    assert_eq!(
        deleted(&planned)[2..],
        ["managed identity dev-disk-dev-x7k2p", "managed identity dev-ingress-dev-x7k2p"]
    );
    assert_eq!(planned.steps[2].depends_on.len(), 2);
    // Another cluster trusts one of them.
    let key = ArmId::new(facts.identities[0]["id"].as_str().unwrap()).key();
    facts.credentials.get_mut(&key).unwrap().push(json!({"name": "b", "properties": {"issuer": "https://other/"}}));
    let planned = plan(&spec, &facts).unwrap();
    let gone = deleted(&planned);
    assert!(
        gone.contains(&"federated credential fic") && !gone.contains(&"managed identity dev-disk-dev-x7k2p"),
        "{gone:?}"
    );
    assert!(planned.notes.iter().any(|note| note.contains("also trusts https://other/")), "{:?}", planned.notes);
}

#[test]
fn a_group_that_is_gone_is_told() {
    let mut facts = facts();
    facts.groups.remove(&group_id("dev-dev-x7k2p").key());
    let planned = plan(&spec(), &facts).unwrap();
    assert!(planned.notes.iter().any(|note| note.contains("dev-dev-x7k2p is gone already")), "{:?}", planned.notes);
}

#[test]
fn locks_and_wishes_keep_groups() {
    let mut locked = facts();
    locked.groups.get_mut(&group_id("dev-nsg-dev-x7k2p").key()).unwrap().locks.push(json!({"name": "hands-off"}));
    let planned = plan(&spec(), &locked).unwrap();
    assert!(planned.notes.iter().any(|note| note.contains("lock hands-off")), "{:?}", planned.notes);
    let keeping = Spec { keep_groups: true, ..spec() };
    let planned = plan(&keeping, &facts()).unwrap();
    assert!(!deleted(&planned).iter().any(|resource| resource.starts_with("resource group")));
    assert_eq!(planned.steps.len(), 6);
}
