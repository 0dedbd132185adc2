//! The state document: complete, deterministic, and loadable.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use azure_sim::{Options, Simulator};
use serde_json::json;

use crate::support::{Bed, client, id, path};

async fn filled() -> Bed {
    let bed = Bed::with_group().await;
    let nsg = id("Microsoft.Network/networkSecurityGroups/n");
    for (rest, body) in [
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/one",
            json!({"location": "eastus", "tags": {"b": "2", "a": "1"}}),
        ),
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/f11",
            json!({"properties": {"issuer": "https://i.example", "subject": "s", "audiences": ["openshift"]}}),
        ),
        ("Microsoft.Network/networkSecurityGroups/n", json!({"location": "eastus"})),
        (
            "Microsoft.Network/virtualNetworks/v",
            json!({"location": "eastus", "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": nsg}}}],
            }}),
        ),
        (
            "Microsoft.Network/publicIPAddresses/ip",
            json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}),
        ),
        (
            "Microsoft.Network/loadBalancers/lb",
            json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {
                "frontendIPConfigurations": [{"name": "f", "properties": {"publicIPAddress": {"id": id("Microsoft.Network/publicIPAddresses/ip")}}}],
                "backendAddressPools": [{"name": "b"}],
                "outboundRules": [{"name": "o", "properties": {
                    "protocol": "All", "allocatedOutboundPorts": 1024,
                    "backendAddressPool": {"id": id("Microsoft.Network/loadBalancers/lb/backendAddressPools/b")},
                    "frontendIPConfigurations": [{"id": id("Microsoft.Network/loadBalancers/lb/frontendIPConfigurations/f")}],
                }}],
            }}),
        ),
        ("Microsoft.Network/privateDnsZones/z.example.com", json!({"location": "global"})),
        (
            "Microsoft.Network/privateDnsZones/z.example.com/virtualNetworkLinks/l",
            json!({"location": "global", "properties": {
                "virtualNetwork": {"id": id("Microsoft.Network/virtualNetworks/v")}, "registrationEnabled": false,
            }}),
        ),
        ("Microsoft.Network/dnszones/pub.example.com", json!({"location": "global"})),
        (
            "Microsoft.Network/dnszones/pub.example.com/A/www",
            json!({"properties": {"TTL": 60, "ARecords": [{"ipv4Address": "1.2.3.4"}]}}),
        ),
        (
            "Microsoft.Storage/storageAccounts/acct",
            json!({"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {"allowBlobPublicAccess": true}}),
        ),
        (
            "Microsoft.Storage/storageAccounts/acct/blobServices/default/containers/oidc",
            json!({"properties": {"publicAccess": "Blob"}}),
        ),
        ("Microsoft.Authorization/locks/keep", json!({"properties": {"level": "CanNotDelete"}})),
    ] {
        let got = bed.put(&path(rest), body).await;
        assert!(got.status.is_success(), "{rest}: {} {}", got.status, got.body);
    }
    bed
}

#[tokio::test]
async fn state_survives_a_round_trip_byte_for_byte() {
    let bed = filled().await;
    let first = bed.sim.state();
    let again = Simulator::start(Options { state: Some(first.clone()), ..Options::default() }).await.unwrap();
    assert_eq!(first.to_string(), again.state().to_string());
    let shown = bed.get("/_sim/state").await.body;
    assert_eq!(first.to_string(), shown.to_string());
    assert_eq!(filled().await.sim.state().to_string(), first.to_string(), "equal runs leave equal states");
}

#[tokio::test]
async fn reads_show_who_refers_to_what() {
    let bed = filled().await;
    let address = bed.get(&path("Microsoft.Network/publicIPAddresses/ip")).await.body;
    assert_eq!(
        address["properties"]["ipConfiguration"]["id"],
        id("Microsoft.Network/loadBalancers/lb/frontendIPConfigurations/f")
    );
    let nsg = bed.get(&path("Microsoft.Network/networkSecurityGroups/n")).await.body;
    assert_eq!(nsg["properties"]["subnets"][0]["id"], id("Microsoft.Network/virtualNetworks/v/subnets/default"));
    assert_eq!(nsg["properties"]["defaultSecurityRules"].as_array().unwrap().len(), 6);
    let lb = bed.get(&path("Microsoft.Network/loadBalancers/lb")).await.body;
    let pool = &lb["properties"]["backendAddressPools"][0];
    assert_eq!(pool["properties"]["outboundRules"][0]["id"], id("Microsoft.Network/loadBalancers/lb/outboundRules/o"));
    assert_eq!(pool["id"], id("Microsoft.Network/loadBalancers/lb/backendAddressPools/b"));
    let record = bed.get(&path("Microsoft.Network/dnszones/pub.example.com/A/www")).await.body;
    assert_eq!(record["properties"]["fqdn"], "www.pub.example.com.");
    let all = bed.get(&path("Microsoft.Network/dnszones/pub.example.com/recordsets")).await.body;
    assert_eq!(all["value"].as_array().unwrap().len(), 3, "NS and SOA come with the zone");
}

#[tokio::test]
async fn identities_are_principals() {
    let bed = filled().await;
    let identity =
        bed.sim.resource(&id("Microsoft.ManagedIdentity/userAssignedIdentities/one").to_uppercase()).unwrap();
    let app = identity["properties"]["clientId"].as_str().unwrap();
    let graph = bed.sim.token(azure_sim::seed::CLIENT_ID, "https://graph.microsoft.com", 60).unwrap();
    let found =
        bed.send_as(&graph, "GET", &format!("/v1.0/servicePrincipals?$filter=appId%20eq%20'{app}'"), None).await;
    assert_eq!(found.body["value"][0]["id"], identity["properties"]["principalId"]);
    assert_eq!(found.body["value"][0]["servicePrincipalType"], "ManagedIdentity");
    let state = bed.sim.state();
    let own = state["principals"].as_array().unwrap().iter().find(|one| one["appId"] == app).unwrap();
    assert_eq!(own["managedIdentity"], identity["id"]);
    assert!(identity["id"].as_str().unwrap().contains("/resourcegroups/"), "as Microsoft.ManagedIdentity spells it");
}

#[tokio::test]
async fn a_state_with_a_typing_error_is_refused() {
    for state in [
        json!({"resource": []}),
        json!({"resources": [{"name": "x"}]}),
        json!({"principals": [{"id": "x", "secret": "y"}]}),
    ] {
        assert!(Simulator::start(Options { state: Some(state), ..Options::default() }).await.is_err());
    }
    let bed = Bed::plain().await;
    let before = bed.sim.state();
    assert!(bed.sim.load(json!({"resource": []})).is_err());
    assert_eq!(before, bed.sim.state());
}

#[tokio::test]
async fn resource_graph_finds_what_may_be_read() {
    let bed = filled().await;
    let ask = |query: &str| json!({"subscriptions": [azure_sim::seed::SUBSCRIPTION], "query": query});
    let target = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    let query = "Resources | where type =~ 'Microsoft.Network/loadBalancers' and resourceGroup == 'rg' | project id, name, state = properties.provisioningState";
    let got = bed.send("POST", target, Some(ask(query))).await.body;
    assert_eq!(
        got["data"],
        json!([{"id": id("Microsoft.Network/loadBalancers/lb"), "name": "lb", "state": "Succeeded"}])
    );
    let query = "resources | where type in~ ('microsoft.network/publicipaddresses', 'microsoft.storage/storageaccounts') | order by name desc | project name";
    let got = bed.send("POST", target, Some(ask(query))).await.body;
    assert_eq!(got["data"], json!([{"name": "ip"}, {"name": "acct"}]));
    assert_eq!((got["count"].as_u64(), got["totalRecords"].as_u64()), (Some(2), Some(2)));
}

#[tokio::test]
async fn the_environment_file_leads_here() {
    let bed = Bed::plain().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env.json");
    bed.sim.write_environment_file(&file).unwrap();
    let read: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let keys: Vec<&str> = read.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "name",
            "activeDirectoryEndpoint",
            "resourceManagerEndpoint",
            "tokenAudience",
            "microsoftGraphEndpoint",
            "storageEndpointSuffix",
            "keyVaultDNSSuffix",
            "caFile",
            "dnsServer"
        ]
    );
    let ca = std::fs::read_to_string(read["caFile"].as_str().unwrap()).unwrap();
    assert_eq!(ca, bed.sim.ca_pem());
    let localhost = format!("https://localhost:{}/metadata/endpoints?api-version=2022-09-01", bed.sim.address().port());
    let got = bed.http.get(localhost).send().await.unwrap();
    assert_eq!(got.version(), reqwest::Version::HTTP_2);
    assert!(got.json::<serde_json::Value>().await.unwrap()["authentication"]["loginEndpoint"].is_string());
}

#[tokio::test]
async fn the_binary_says_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let state = json!({"tenant": "00000000-0000-0000-0000-0000000000bb"});
    std::fs::write(file("state.json"), state.to_string()).unwrap();
    std::fs::write(file("faults.json"), r#"[{"path": "/subscriptions*", "status": 503, "times": 1}]"#).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_azure-sim"))
        .args(["--listen", "127.0.0.1:0", "--latency", "1", "--state"])
        .arg(file("state.json"))
        .arg("--faults")
        .arg(file("faults.json"))
        .arg("--environment-file")
        .arg(file("env.json"))
        .arg("--log")
        .arg(file("log.jsonl"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let http = client(&std::fs::read_to_string(file("env.json.ca.pem")).unwrap());
    let get = |path: &str| http.get(format!("{}{path}", url.trim_end())).send();
    let held: serde_json::Value = get("/_sim/state").await.unwrap().json().await.unwrap();
    let faulted = get("/subscriptions?api-version=2022-12-01").await.unwrap().status();
    let refused = get("/subscriptions?api-version=2022-12-01").await.unwrap().status();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(held["tenant"], state["tenant"]);
    assert_eq!((faulted.as_u16(), refused.as_u16()), (503, 401));
    assert_eq!(std::fs::read_to_string(file("log.jsonl")).unwrap().lines().count(), 2);
    let wrong = Command::new(env!("CARGO_BIN_EXE_azure-sim")).args(["--state", "/nowhere.json"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).starts_with("error: /nowhere.json: "));
}

#[tokio::test]
async fn blobs_live_where_the_caller_says() {
    let bed = Bed::new(Options { blob_endpoint: Some("https://127.0.0.1:10000/".into()), ..Options::default() }).await;
    let account = id("Microsoft.Storage/storageAccounts/acct");
    bed.sim.put_resource(json!({"id": account, "location": "eastus"})).unwrap();
    let held = bed.sim.resource(&account).unwrap();
    assert_eq!(held["properties"]["primaryEndpoints"]["blob"], "https://127.0.0.1:10000/acct/");
}
