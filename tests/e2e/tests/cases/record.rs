//! Records the bundles below tests/bundles from a whole cluster.
//!
//! `cargo test -p plugins --test e2e record -- --ignored` writes them anew. What only the test bed has (ports, random
//! names) is replaced by what a real cluster would show.

use std::fs;
use std::path::Path;

use e2e::scene::{NAME, Scene, azure, kubernetes, run};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const ISSUER: &str = "https://contosooidc.blob.core.windows.net/demo";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes tests/bundles"]
async fn record_the_shipped_bundles() {
    let scene = Scene::healthy().await.unwrap();
    record(&scene, "healthy");
    break_three_things(&scene);
    record(&scene, "three-root-causes");
}

/// A subject in another case, which the control plane shows; a firewall rule that cuts the nodes off; a NodePool too old.
fn break_three_things(scene: &Scene) {
    let set = |id: &str, pointer: &str, value: Value| {
        let mut body = scene.sim.resource(id).unwrap();
        *body.pointer_mut(pointer).unwrap() = value;
        scene.sim.put_resource(body).unwrap();
    };
    set(
        &azure::credential_id("nodePoolManagement", 0),
        "/properties/subject",
        json!("system:serviceaccount:kube-system:Capi-Provider"),
    );
    let deny = json!([{
        "name": "deny-internet",
        "properties": {
            "priority": 200, "direction": "Outbound", "access": "Deny", "protocol": "*",
            "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "Internet", "destinationPortRange": "*",
        },
    }]);
    set(&azure::nsg_id(), "/properties/securityRules", deny);
    let control_plane = format!("{}-{NAME}", scene.namespace);
    let status = |namespace: &str, object: &str, status: Value| {
        let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
        let patch = json!({ "status": status }).to_string();
        command.args(["-n", namespace, "patch", object, "--type=merge", "--subresource=status", "-p", &patch]);
        let ran = run::ran(command).unwrap();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    };
    status(
        &control_plane,
        "deployment/capi-provider",
        json!({"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 1}),
    );
    let waiting = json!({"containerStatuses": [{
        "name": "capi-provider", "ready": false, "restartCount": 14, "image": "img", "imageID": "img",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=manager"}},
    }, {
        "name": "cloud-token-minter", "ready": true, "restartCount": 0, "image": "img", "imageID": "img",
        "state": {"running": {}},
    }]});
    status(&control_plane, "pod/capi-provider-6d8f9-0", waiting);
    status(
        &control_plane,
        "controlplanecomponent/capi-provider",
        json!({
            "conditions": [kubernetes::condition("Available", "False", "WaitingForAvailable", "capi-provider deployment is not available")],
        }),
    );
    let mut cluster = conditions(scene, "hostedcluster/demo");
    change(
        &mut cluster,
        "Degraded",
        "True",
        "UnavailableReplicas",
        "capi-provider deployment has 1 unavailable replicas",
    );
    change(
        &mut cluster,
        "ClusterVersionSucceeding",
        "False",
        "ClusterOperatorsNotAvailable",
        "Cluster operators console, ingress are not available",
    );
    status(&scene.namespace, "hostedcluster/demo", json!({"conditions": cluster}));
    let mut pool = conditions(scene, "nodepool/demo");
    change(&mut pool, "ReachedIgnitionEndpoint", "False", "ignitionNotReached", "");
    change(&mut pool, "AllNodesHealthy", "False", "NodeProvisioning", "Node is being provisioned");
    status(&scene.namespace, "nodepool/demo", json!({"conditions": pool, "replicas": 0}));
    let mut old = kubernetes::node_pool(&scene.namespace, "demo-gpu", "4.18.9");
    // Releases before 4.20 do not choose their image themselves.
    old["spec"]["platform"]["azure"]["image"]["azureMarketplace"] =
        json!({"publisher": "azureopenshift", "offer": "aro4", "sku": "418-v2", "version": "418.94.20250122"});
    tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(scene.bed.apply_yaml(&old.to_string())).unwrap();
    });
    let mut pool = conditions(scene, "nodepool/demo-gpu");
    let message = "NodePool minor version 4.18 is less than 4.19, which is the minimum NodePool version compatible with the 4.22 HostedCluster";
    change(&mut pool, "SupportedVersionSkew", "False", "UnsupportedSkew", message);
    status(&scene.namespace, "nodepool/demo-gpu", json!({"conditions": pool}));
}

fn conditions(scene: &Scene, object: &str) -> Value {
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", &scene.namespace, "get", object, "-o", "jsonpath={.status.conditions}"]);
    serde_json::from_str(&run::ran(command).unwrap().stdout).unwrap()
}

fn change(conditions: &mut Value, kind: &str, status: &str, reason: &str, message: &str) {
    let condition = conditions.as_array_mut().unwrap().iter_mut().find(|condition| condition["type"] == kind).unwrap();
    *condition = kubernetes::condition(kind, status, reason, message);
}

/// When the shipped bundles say that they were recorded: long ago, so that what is said of their age is the same on any day.
const RECORDED_AT: &str = "2026-11-01T12:00:00Z";

/// Moves every time so that the facts were collected at `at`.
fn shift_times(facts: &mut Value, at: &Timestamp) {
    let collected: Timestamp = facts["collectedAt"].as_str().unwrap().parse().unwrap();
    let shift = collected.duration_since(*at);
    fn each(value: &mut Value, shift: SignedDuration) {
        match value {
            Value::String(text) if text.len() >= 20 && text.ends_with('Z') => {
                if let Ok(time) = text.parse::<Timestamp>() {
                    *text = (time - shift).to_string();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| each(item, shift)),
            Value::Object(members) => members.values_mut().for_each(|item| each(item, shift)),
            _ => {}
        }
    }
    each(facts, shift);
}

fn record(scene: &Scene, name: &str) {
    let path = scene.path("facts.json");
    let ran = scene
        .run(Path::new(PROGRAM), &["bundle", NAME, "-n", &scene.namespace, "--file", path.to_str().unwrap()])
        .unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let creds = scene.path("azure-creds.json");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace(&scene.issuer, ISSUER)
        .replace("devstoreaccount1", "contosooidc")
        .replace(creds.to_str().unwrap(), "azure-creds.json")
        .replace(&scene.container, "clusters")
        .replace("\"127.0.0.1\"", "\"20.60.88.132\"")
        .replace(azure_sim::seed::SUBSCRIPTION, "3b9f8c52-7d14-4e0a-9c61-5a2f0e7d4b18")
        .replace(azure_sim::seed::TENANT, "72c1a6e0-58f3-4b1d-8e27-d90b43f1c5aa")
        .replace(azure_sim::seed::CLIENT_ID, "9e04d7b3-2c65-4f88-b1a9-60c8f5e3d271")
        .replace(azure_sim::seed::OBJECT_ID, "c85b1f49-e37a-4d02-9f6c-14a7b2d8e963")
        .replace("\"Simulated\"", "\"hcp-prod\"");
    let mut facts: Value = serde_json::from_str(&text).unwrap();
    facts["oidc"]["storage"]["value"]["container"] = json!("demo");
    facts["source"]["context"] = json!("mgmt");
    // The manifest tells of the test bed's own calls.
    facts.as_object_mut().unwrap().remove("manifest");
    shift_times(&mut facts, &RECORDED_AT.parse().unwrap());
    let folder = e2e::workspace::root().join("tests/bundles").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("facts.json"), format!("{facts:#}\n")).unwrap();
}
