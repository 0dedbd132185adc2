#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::infra::assignment_name;
use crate::tags;

const SUBSCRIPTION: &str = "s";

fn group_id(name: &str) -> String {
    ArmId::of_group(SUBSCRIPTION, name).as_str().to_owned()
}

fn group(name: &str, infra_id: Option<&str>) -> Value {
    let tags = infra_id.map(|id| json!({tags::INFRA_ID: id, tags::CLUSTER: "gone"})).unwrap_or_default();
    json!({"id": group_id(name), "name": name, "tags": tags})
}

fn resource(group: &str, kind: &str, name: &str) -> Value {
    json!({"id": format!("{}/providers/{kind}/{name}", group_id(group)), "name": name, "type": kind, "tags": {}})
}

fn cluster(infra_id: &str) -> HostedCluster {
    let network = |path: &str| format!("{}/providers/Microsoft.Network/{path}", group_id("live"));
    serde_json::from_value(json!({
        "namespace": "clusters", "name": "live", "createdAt": null, "deletedAt": null, "generation": 1,
        "infraId": infra_id, "issuerUrl": "https://a.blob.core.windows.net/live", "releaseImage": "",
        "signingKeySecret": null, "pullSecret": null, "pausedUntil": null, "controllerAvailabilityPolicy": null,
        "azure": {
            "cloud": "AzurePublicCloud", "location": "eastus", "resourceGroup": "live",
            "vnetId": network("virtualNetworks/v"), "subnetId": network("virtualNetworks/v/subnets/n"),
            "securityGroupId": network("networkSecurityGroups/n"), "subscriptionId": SUBSCRIPTION, "tenantId": "t",
            "topology": null, "natSubnetId": null,
            "authentication": {"type": "workloadIdentities", "clientIds": {"disk": "c-live"}},
        },
        "dns": {"baseDomain": "example.com", "publicZoneId": null, "privateZoneId": null},
        "networking": {"cluster": [], "service": [], "machine": [], "networkType": null},
        "services": [{"service": "APIServer", "strategy": "LoadBalancer", "hostname": "api-live.example.com"}],
        "kms": null, "version": {}, "hasProxy": false,
    }))
    .unwrap()
}

fn living(infra_id: &str) -> Living {
    Living {
        context: "mgmt".into(),
        clusters: vec![cluster(infra_id)],
        subnets: Vec::new(),
        dns_owner: Some("owner-1".into()),
    }
}

fn facts() -> Facts {
    Facts { living: vec![living("live-x7k2p")], a_day_ago: "2026-01-02T00:00:00Z".into(), ..Facts::default() }
}

fn spec(vouched: &[&str]) -> Spec {
    Spec { subscription: SUBSCRIPTION.into(), vouched: vouched.iter().map(|id| (*id).to_owned()).collect() }
}

fn told(spec: &Spec, facts: &Facts, standing: Standing) -> Vec<String> {
    let ledger = ledger(spec, facts).unwrap();
    ledger.lines.into_iter().filter(|line| line.standing == standing).map(|line| line.name).collect()
}

const GONE: &str = "gone-q9w8z";

#[test]
fn a_group_goes_whole_or_what_is_ours_in_it_goes_alone() {
    let mut facts = facts();
    facts.groups = vec![group("gone-gone-q9w8z", Some(GONE)), group("live", Some("live-x7k2p")), group("other", None)];
    let lb = |group: &str, name: &str| resource(group, "Microsoft.Network/loadBalancers", name);
    facts.resources =
        vec![lb("gone-gone-q9w8z", GONE), lb("live", "live-x7k2p"), lb("other", "corp"), lb("other", GONE)];
    let ledger = super::ledger(&spec(&[]), &facts).unwrap();
    let names: Vec<&str> = ledger.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["load balancer gone-q9w8z in other", "resource group gone-gone-q9w8z"]);
    assert!(ledger.found() && ledger.lines[1].costs && ledger.lines[1].reason.contains("hcp-azure_infra-id"));
    // Something foreign, a lock, or something that a living cluster uses keeps the group.
    let mut foreign = facts.clone();
    foreign.resources.push(resource("gone-gone-q9w8z", "Microsoft.Network/virtualNetworks", "corp"));
    let mut locked = facts.clone();
    locked
        .locks
        .push(json!({"id": format!("{}/providers/Microsoft.Authorization/locks/k", group_id("gone-gone-q9w8z"))}));
    let mut used = facts.clone();
    let vnet = resource("gone-gone-q9w8z", "Microsoft.Network/virtualNetworks", GONE);
    used.living[0].subnets.push(ArmId::new(format!("{}/subnets/a", vnet["id"].as_str().unwrap())));
    used.resources.push(vnet);
    for facts in [foreign, locked, used] {
        let names = told(&spec(&[]), &facts, Standing::Proven);
        assert_eq!(names, ["load balancer gone-q9w8z in gone-gone-q9w8z", "load balancer gone-q9w8z in other"]);
    }
}

#[test]
fn a_cluster_is_dead_only_when_nobody_can_have_it() {
    let mut facts = facts();
    facts.groups = vec![group("gone-gone-q9w8z", Some(GONE))];
    let proven = |spec: &Spec, facts: &Facts| told(spec, facts, Standing::Proven).len();
    assert_eq!(proven(&spec(&[]), &facts), 1);
    // On a second management cluster it lives.
    let mut second = facts.clone();
    second.living.push(living(GONE));
    assert_eq!(proven(&spec(&[]), &second), 0);
    assert_eq!(ledger(&spec(&[GONE]), &second).unwrap_err().flag, "--infra-id");
    // A HostedCluster without an infra id may be given any of its name.
    let mut unnamed = facts.clone();
    unnamed.living[0].clusters[0].infra_id = String::new();
    unnamed.groups[0]["tags"][tags::CLUSTER] = json!("live");
    assert_eq!(proven(&spec(&[]), &unnamed), 0);
    // Without management clusters only what is vouched for is dead.
    let alone = Facts { living: Vec::new(), ..facts.clone() };
    assert_eq!((proven(&spec(&[]), &alone), proven(&spec(&[GONE]), &alone)), (0, 1));
    // Machines, or things that are new, may be of a cluster that nobody has looked for.
    let mut running = facts.clone();
    let mut vm = resource("gone-gone-q9w8z", "Microsoft.Compute/virtualMachines", "np-1");
    vm["tags"][tags::INFRA_ID] = json!(GONE);
    running.resources.push(vm);
    let mut young = facts.clone();
    young.groups[0]["createdTime"] = json!("2026-01-02T10:00:00Z");
    for doubtful in [running, young] {
        assert_eq!(proven(&spec(&[]), &doubtful), 0);
        assert_eq!(told(&spec(&[]), &doubtful, Standing::Unproven).len(), 1);
        assert_eq!(proven(&spec(&[GONE]), &doubtful), 1);
    }
}

#[test]
fn a_name_proves_nothing_of_an_infra_id_that_is_a_common_word() {
    let mut facts = facts();
    facts.groups = vec![group("shared", None), group("team-live", None), group("live-live", Some("live"))];
    let nsg = |group: &str, name: &str| resource(group, "Microsoft.Network/networkSecurityGroups", name);
    facts.resources = vec![
        nsg("shared", "live-live-x7k2p-nsg"),
        nsg("shared", "live-nsg"),
        nsg("team-live", "live-nsg"),
        nsg("live-live", "live-live-nsg"),
        // Of the living cluster, whose infra id is longer.
        nsg("live-live", "live-live-x7k2p-nsg"),
    ];
    let proven = |facts: &Facts| told(&spec(&["live"]), facts, Standing::Proven);
    assert_eq!(proven(&facts), ["network security group live-live-nsg in live-live"]);
    // When no management cluster is looked at, a tag tells that there is a longer one.
    let mut tagged = nsg("shared", "x");
    tagged["tags"][tags::INFRA_ID] = json!("live-x7k2p");
    let alone = Facts { living: Vec::new(), resources: [facts.resources, vec![tagged]].concat(), ..facts };
    assert_eq!(proven(&alone), ["network security group live-live-nsg in live-live"]);
}

#[test]
fn clusters_that_are_no_hosted_ones_are_not_dead_ones() {
    let mut facts = facts();
    facts.groups = vec![group("corp", None)];
    let mut vm = resource("corp", "Microsoft.Compute/virtualMachines", "corp-1");
    vm["tags"] =
        json!({"sigs.k8s.io_cluster-api-provider-azure_cluster_corp": "owned", "kubernetes.io_cluster.corp": "owned"});
    facts.resources = vec![vm];
    assert!(told(&spec(&[]), &facts, Standing::Proven).is_empty());
    assert_eq!(told(&spec(&[]), &facts, Standing::Unproven), ["1 resource of Cluster API"]);
    assert_eq!(told(&spec(&["corp"]), &facts, Standing::Proven).len(), 1);
}

#[test]
fn roles_are_known_by_their_names_and_their_holders() {
    let mut facts = facts();
    let identity = |name: &str, client: &str, principal: &str, infra_id: &str| {
        let mut body = resource("os4-common", "Microsoft.ManagedIdentity/userAssignedIdentities", name);
        body["tags"] = json!({tags::INFRA_ID: infra_id});
        body["properties"] = json!({"clientId": client, "principalId": principal});
        body
    };
    facts.identities = vec![
        identity("gone-disk-gone-q9w8z", "c-gone", "p-gone", GONE),
        // Made for the dead cluster, used by the living one.
        identity("gone-file-gone-q9w8z", "c-live", "p-live", GONE),
    ];
    facts.groups = vec![group("os4-common", None)];
    facts.resources = facts.identities.clone();
    let component = facts::catalogue::COMPONENTS.iter().find_map(|component| component.role).unwrap();
    let at = |name: &str, principal: &str| {
        let scope = group_id("os4-common");
        json!({"id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name, "properties": {
            "scope": scope, "principalId": principal, "principalType": "ServicePrincipal",
            "roleDefinitionId": format!("/x/{}", component.guid),
        }})
    };
    let of = |id: &str| assignment_name(id, component.component, &group_id("os4-common"));
    facts.assignments = vec![
        at(&of(GONE), "p-unknown"),
        at(&of("live-x7k2p"), "p-live"),
        at("11", "p-gone"),
        at("22", "p-app"),
        at("33", "p-live"),
    ];
    let ledger = super::ledger(&spec(&[]), &facts).unwrap();
    let of = |standing| -> Vec<&str> {
        ledger.lines.iter().filter(|line| line.standing == standing).map(|line| line.name.as_str()).collect()
    };
    let proven = of(Standing::Proven);
    assert_eq!(proven.len(), 3, "{proven:?}");
    assert!(proven.contains(&"role of gone-disk-gone-q9w8z on resource group os4-common"), "{proven:?}");
    assert_eq!(proven[2], "managed identity gone-disk-gone-q9w8z in os4-common");
    assert!(ledger.proven().any(|line| line.reason.ends_with("holds 1 role")));
    assert_eq!(of(Standing::Unproven), ["role of principal p-app on resource group os4-common"]);
    assert!(ledger.lines.iter().all(|line| (line.standing == Standing::Proven) == line.deletion.is_some()));
}

#[test]
fn dns_records_are_of_whom_external_dns_says() {
    let mut facts = facts();
    let zone = format!("{}/providers/Microsoft.Network/dnszones/example.com", group_id("dns"));
    let record = |kind: &str, name: &str, properties: Value| json!({"id": format!("{zone}/{kind}/{name}"), "name": name, "type": format!("Microsoft.Network/dnszones/{kind}"), "properties": properties});
    let txt = |name: &str, owner: &str, object: &str| {
        let value = format!("\"heritage=external-dns,external-dns/owner={owner},external-dns/resource={object}\"");
        record("TXT", name, json!({"TXTRecords": [{"value": [value]}]}))
    };
    facts.zones = vec![Zone {
        body: json!({"id": zone, "name": "example.com"}),
        records: vec![
            record("A", "api-gone", json!({})),
            record("A", "api-live", json!({})),
            record("A", "www", json!({})),
            txt("api-gone-external-dns", "owner-1", "service/clusters-gone/kube-apiserver"),
            txt("a-api-gone-external-dns", "owner-1", "service/clusters-gone/kube-apiserver"),
            txt("a-api-live-external-dns", "owner-1", "service/clusters-live/kube-apiserver"),
            txt("oauth-old-external-dns", "owner-0", "route/clusters-old/oauth"),
            txt("www-external-dns", "owner-1", "service/web/site"),
            txt("api-shop-external-dns", "owner-1", "service/web/site"),
            record("TXT", "@", json!({"TXTRecords": [{"value": ["v=spf1 -all"]}]})),
        ],
    }];
    assert_eq!(
        told(&spec(&[]), &facts, Standing::Proven),
        [
            "A record api-gone in example.com",
            "TXT record a-api-gone-external-dns in example.com",
            "TXT record api-gone-external-dns in example.com"
        ]
    );
    assert_eq!(told(&spec(&[]), &facts, Standing::Unproven), ["TXT record oauth-old-external-dns in example.com"]);
    let alone = Facts { living: Vec::new(), ..facts };
    let ledger = ledger(&spec(&[]), &alone).unwrap();
    assert!(ledger.lines.is_empty() && ledger.notes.len() == 1);
}

#[test]
fn an_account_that_nobody_trusts_is_told_and_stays() {
    let mut facts = facts();
    let account = |name: &str| {
        json!({
            "id": format!("{}/providers/Microsoft.Storage/storageAccounts/{name}", group_id("g")), "name": name,
            "type": "Microsoft.Storage/storageAccounts", "tags": {tags::SHARED: "true"},
            "properties": {"primaryEndpoints": {"blob": format!("https://{name}.blob.core.windows.net/")}},
        })
    };
    facts.accounts = vec![account("a"), account("b"), account("c")];
    facts.credentials = vec![("/x".into(), json!({"properties": {"issuer": "https://b.blob.core.windows.net/b"}}))];
    let ledger = ledger(&spec(&[]), &facts).unwrap();
    assert_eq!(told(&spec(&[]), &facts, Standing::Info), ["storage account c in g"]);
    assert!(!ledger.found());
}
