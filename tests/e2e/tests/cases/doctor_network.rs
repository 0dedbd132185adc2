//! `doctor` on the network: the private way to an API server, and what workers reach.

use std::collections::BTreeSet;
use std::path::Path;

use azure_sim::seed;
use e2e::scene::{self, NAME, Ran, Scene, azure, kubernetes};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const ENDPOINT_IP: &str = "10.0.0.9";
const LINKS: [&str; 5] = [
    "AzureInternalLoadBalancerAvailable",
    "AzurePLSCreated",
    "AzurePrivateEndpointAvailable",
    "AzurePrivateDNSAvailable",
    "AzurePrivateLinkServiceAvailable",
];

fn doctor(scene: &Scene) -> Ran {
    scene.run(Path::new(PROGRAM), &["doctor", NAME, "-n", &scene.namespace, "-o", "json"]).unwrap()
}

fn network(group: &str, path: &str) -> String {
    format!("{}/providers/Microsoft.Network/{path}", azure::group(group))
}

fn own(path: &str) -> String {
    format!("{}/providers/Microsoft.Network/{path}", azure::managed_group())
}

fn link_service() -> String {
    network("mgmt", "privateLinkServices/pls-3f2a")
}

fn endpoint() -> String {
    own("privateEndpoints/private-router-pe")
}

fn local_zone() -> String {
    own(&format!("privateDnsZones/{NAME}.hypershift.local"))
}

fn nat_subnet() -> String {
    network("mgmt", "virtualNetworks/mgmt/subnets/pls-nat")
}

/// The Azure side of the private way, as the operators leave it.
fn private_azure(scene: &Scene) {
    let put = |body: Value| scene.sim.put_resource(body).unwrap();
    let balancer = network("mgmt", "loadBalancers/mgmt-internal");
    let workers = network("mgmt", "virtualNetworks/mgmt/subnets/workers");
    put(json!({"id": azure::group("mgmt"), "name": "mgmt", "location": "eastus"}));
    put(json!({
        "id": network("mgmt", "virtualNetworks/mgmt"), "location": "eastus",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
            "subnets": [
                {"name": "workers", "properties": {"addressPrefix": "10.9.0.0/24"}},
                {"name": "pls-nat", "properties": {"addressPrefix": "10.9.8.0/24", "privateLinkServiceNetworkPolicies": "Disabled"}},
            ],
        },
    }));
    put(json!({
        "id": balancer, "location": "eastus", "sku": {"name": "Standard"},
        "properties": {"frontendIPConfigurations": [{
            "name": "f", "properties": {"subnet": {"id": workers}, "privateIPAddress": "10.9.0.7"},
        }]},
    }));
    put(json!({
        "id": link_service(), "location": "eastus",
        "properties": {
            "visibility": {"subscriptions": [seed::SUBSCRIPTION]}, "autoApproval": {"subscriptions": [seed::SUBSCRIPTION]},
            "loadBalancerFrontendIpConfigurations": [{"id": format!("{balancer}/frontendIPConfigurations/f")}],
            "ipConfigurations": [{"name": "i", "properties": {"subnet": {"id": nat_subnet()}}}],
            "privateEndpointConnections": [{
                "name": "private-router-pe.1",
                "properties": {
                    "privateEndpoint": {"id": endpoint()},
                    "privateLinkServiceConnectionState": {"status": "Approved", "description": "Auto-approved"},
                },
            }],
        },
    }));
    put(json!({
        "id": endpoint(), "location": "eastus",
        "properties": {
            "subnet": {"id": azure::subnet_id()},
            "manualPrivateLinkServiceConnections": [{
                "name": "private-router-pe",
                "properties": {
                    "privateLinkServiceId": "pls-3f2a.guid.eastus.azure.privatelinkservice",
                    "privateLinkServiceConnectionState": {"status": "Approved", "description": "Auto-approved"},
                },
            }],
        },
    }));
    let base = own("privateDnsZones/hcp.example.com");
    for (zone, link, records) in [
        (local_zone(), "private-router-vnet-link", ["api".to_owned(), "*.apps".to_owned()]),
        (base, "private-router-basedomain-vnet-link", [format!("api-{NAME}"), format!("oauth-{NAME}")]),
    ] {
        put(json!({"id": zone, "location": "global", "properties": {}}));
        put(json!({
            "id": format!("{zone}/virtualNetworkLinks/{link}"), "location": "global",
            "properties": {"virtualNetwork": {"id": azure::vnet_id()}, "registrationEnabled": false},
        }));
        for record in records {
            put(json!({
                "id": format!("{zone}/A/{record}"),
                "properties": {"ttl": 300, "aRecords": [{"ipv4Address": ENDPOINT_IP}]},
            }));
        }
    }
}

/// The AzurePrivateLinkService with conditions of these statuses.
fn link_object(scene: &Scene, statuses: [&str; 5]) -> Value {
    let conditions: Vec<Value> = LINKS
        .iter()
        .zip(statuses)
        .map(|(kind, status)| {
            kubernetes::condition(kind, status, if status == "True" { "AzureSuccess" } else { "AzureError" }, "because")
        })
        .collect();
    json!({
        "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "AzurePrivateLinkService",
        "metadata": {"name": "private-router", "namespace": format!("{}-{NAME}", scene.namespace)},
        "spec": {
            "baseDomain": "hcp.example.com", "guestSubnetID": azure::subnet_id(), "guestVNetID": azure::vnet_id(),
            "loadBalancerIP": "10.9.0.7", "location": "eastus", "natSubnetID": nat_subnet(),
            "resourceGroupName": format!("{NAME}-{}", scene::INFRA_ID), "subscriptionID": seed::SUBSCRIPTION,
        },
        "status": {
            "internalLoadBalancerID": network("mgmt", "loadBalancers/mgmt-internal"),
            "privateLinkServiceID": link_service(), "privateEndpointID": endpoint(), "privateEndpointIP": ENDPOINT_IP,
            "dnsZoneName": format!("{NAME}.hypershift.local"),
            "conditions": conditions,
        },
    })
}

async fn apply(scene: &Scene, objects: &[Value]) {
    let documents: String = objects.iter().map(|object| format!("---\n{object}\n")).collect();
    scene.bed.apply_yaml(&documents).await.unwrap();
}

/// A healthy cluster whose API server is private. Whether it is cannot be changed, so that the object is made anew.
async fn private_scene() -> Scene {
    let scene = Scene::healthy().await.unwrap();
    let mut cluster: Value = serde_json::from_str(
        &scene.kubectl(&["-n", &scene.namespace, "get", "hostedcluster", NAME, "-o", "json"]).unwrap(),
    )
    .unwrap();
    cluster["metadata"] = json!({"name": NAME, "namespace": scene.namespace});
    let platform = &mut cluster["spec"]["platform"]["azure"];
    platform["topology"] = json!("Private");
    platform["private"] = json!({"type": "PrivateLink", "privateLink": {"natSubnetID": nat_subnet()}});
    cluster["spec"]["services"][0] = json!({"service": "APIServer", "servicePublishingStrategy": {"type": "Route"}});
    let conditions = cluster["status"]["conditions"].as_array_mut().unwrap();
    conditions.extend(LINKS.iter().map(|kind| kubernetes::condition(kind, "True", "AzureSuccess", "")));
    scene.kubectl(&["-n", &scene.namespace, "delete", "hostedcluster", NAME]).unwrap();
    apply(&scene, &[cluster, link_object(&scene, ["True"; 5]), operator("Azure")]).await;
    private_azure(&scene);
    scene
}

/// The HyperShift operator, set up for private clusters of a platform.
fn operator(platform: &str) -> Value {
    let mut operator =
        kubernetes::deployment("hypershift", "operator", 2, 2, "quay.io/hypershift/hypershift-operator:latest");
    let container = &mut operator["spec"]["template"]["spec"]["containers"][0];
    container["args"] = json!(["run", format!("--private-platform={platform}")]);
    container["env"] = json!([
        {"name": "AZURE_RESOURCE_GROUP", "value": "mgmt"},
        {"name": "AZURE_PLS_CLIENT_ID", "value": "99999999-aaaa-4bbb-8ccc-dddddddddddd"},
        {"name": "AZURE_SUBSCRIPTION_ID", "value": seed::SUBSCRIPTION},
    ]);
    operator
}

fn set(scene: &Scene, id: &str, pointer: &str, value: Value) {
    let mut body = scene.sim.resource(id).unwrap_or_else(|| panic!("no {id}"));
    *body.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer} in {id}")) = value;
    scene.sim.put_resource(body).unwrap();
}

#[track_caller]
fn expect(name: &str, scene: &Scene, want: Option<&str>) {
    let ran = doctor(scene);
    let roots = ran.roots("fail").unwrap();
    let codes: BTreeSet<&str> = roots.iter().map(|root| &root[..4]).collect();
    assert_eq!(codes, want.into_iter().collect(), "{name}: {roots:?}\n{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(i32::from(want.is_some())), "{name}: {}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_way_has_one_root_for_each_fault() {
    let scene = private_scene().await;
    let healthy = doctor(&scene);
    let report = healthy.json().unwrap();
    for verdict in ["fail", "warn", "unknown"] {
        assert_eq!(report["summary"][verdict], 0, "{}", healthy.stdout);
    }
    let passed: BTreeSet<&str> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["verdict"] == "pass")
        .filter_map(|row| row["code"].as_str())
        .collect();
    assert!(["NW09", "NW10", "NW11", "DN08"].iter().all(|code| passed.contains(code)), "{passed:?}");

    let connection = "/properties/privateEndpointConnections/0/properties/privateLinkServiceConnectionState/status";
    set(&scene, &link_service(), connection, json!("Rejected"));
    apply(&scene, &[link_object(&scene, ["True", "True", "False", "True", "True"])]).await;
    expect("rejected endpoint", &scene, Some("NW10"));
    private_azure(&scene);
    apply(&scene, &[link_object(&scene, ["True"; 5])]).await;

    assert!(scene.sim.remove(&format!("{}/virtualNetworkLinks/private-router-vnet-link", local_zone())));
    expect("zone without a link", &scene, Some("DN08"));
    private_azure(&scene);

    set(
        &scene,
        &network("mgmt", "virtualNetworks/mgmt"),
        "/properties/subnets/1/properties/privateLinkServiceNetworkPolicies",
        json!("Enabled"),
    );
    expect("network policies in the NAT subnet", &scene, Some("NW09"));
    private_azure(&scene);

    apply(&scene, &[operator("None")]).await;
    expect("operator not set up", &scene, Some("NW11"));
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_routes_and_probes_have_one_root_each() {
    let scene = Scene::healthy().await.unwrap();
    let table = network(&format!("{NAME}-vnet-{}", scene::INFRA_ID), "routeTables/hub");
    scene
        .sim
        .put_resource(json!({
            "id": table, "location": "eastus",
            "properties": {"routes": [{"name": "drop", "properties": {"addressPrefix": "20.81.0.0/16", "nextHopType": "None"}}]},
        }))
        .unwrap();
    let vnet = scene.sim.resource(&azure::vnet_id()).unwrap();
    let mut routed = vnet.clone();
    routed["properties"]["subnets"][0]["properties"]["routeTable"] = json!({"id": table});
    scene.sim.put_resource(routed).unwrap();
    expect("route that drops the API server", &scene, Some("NW07"));

    let mut wide = vnet.clone();
    wide["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.132.0.0/16"]);
    wide["properties"]["subnets"][0]["properties"]["addressPrefix"] = json!("10.132.0.0/24");
    scene.sim.put_resource(wide).unwrap();
    expect("workers in the pod network", &scene, Some("NW05"));
    scene.heal_azure().unwrap();

    let mut balancer = scene.sim.resource(&azure::load_balancer_id()).unwrap();
    let part = |list: &str| json!({"id": format!("{}/{list}", azure::load_balancer_id())});
    balancer["properties"]["probes"] =
        json!([{"name": "p", "properties": {"protocol": "Http", "port": 10256, "requestPath": "/healthz"}}]);
    balancer["properties"]["loadBalancingRules"] = json!([{
        "name": "r",
        "properties": {
            "protocol": "Tcp", "frontendPort": 443, "backendPort": 443, "enableFloatingIP": true,
            "frontendIPConfiguration": part(&format!("frontendIPConfigurations/{}", scene::INFRA_ID)),
            "backendAddressPool": part(&format!("backendAddressPools/{}", scene::INFRA_ID)),
            "probe": part("probes/p"),
        },
    }]);
    scene.sim.put_resource(balancer).unwrap();
    let rule = |name: &str, priority: i32, access: &str, from: &str| {
        json!({"name": name, "properties": {
            "priority": priority, "direction": "Inbound", "access": access, "protocol": "*", "sourceAddressPrefix": from,
            "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
        }})
    };
    set(&scene, &azure::nsg_id(), "/properties/securityRules", json!([rule("ingress", 500, "Allow", "Internet")]));
    expect("open ingress", &scene, None);
    let rules = json!([rule("ingress", 500, "Allow", "Internet"), rule("deny", 600, "Deny", "AzureLoadBalancer")]);
    set(&scene, &azure::nsg_id(), "/properties/securityRules", rules);
    expect("blocked probe", &scene, Some("NW06"));
}
