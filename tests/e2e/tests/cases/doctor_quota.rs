//! `doctor`, live, on what a subscription gives: features, sizes, quotas, addresses.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::scene::{NAME, Ran, Scene, azure, kubernetes};
use serde_json::{Value, json};

use super::doctor::patch;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn doctor(scene: &Scene, more: &[&str]) -> Ran {
    let mut args = vec!["doctor", NAME, "-n", &scene.namespace, "-o", "json"];
    args.extend(more);
    scene.run(Path::new(PROGRAM), &args).unwrap()
}

/// Azure refuses one of the two machines with a code, and the NodePool shows it.
fn refuse(scene: &Scene, code: &str) {
    let plane = format!("{}-{NAME}", scene.namespace);
    let message = format!("failed to create or update resource: RESPONSE 409: 409 Conflict ERROR CODE: {code}");
    let conditions = json!([kubernetes::condition("Ready", "False", "VMProvisionFailed", &message)]);
    let machine = json!({"status": {"phase": "Failed", "nodeRef": null, "conditions": conditions}});
    let vm = json!({"status": {"vmState": "Failed", "ready": false, "conditions": conditions}});
    patch(scene, &plane, "machine.cluster.x-k8s.io/demo-7xk2p-a", &machine);
    patch(scene, &plane, "azuremachine/demo-7xk2p-a", &vm);
    let mut conditions = kubernetes::node_pool(&scene.namespace, NAME, "4.22.3")["status"]["conditions"].clone();
    for condition in conditions.as_array_mut().unwrap() {
        if ["AllMachinesReady", "Ready", "AllNodesHealthy"].contains(&condition["type"].as_str().unwrap()) {
            condition["status"] = json!("False");
            condition["reason"] = json!("VMProvisionFailed");
        }
    }
    patch(scene, &scene.namespace, "nodepool/demo", &json!({"status": {"replicas": 1, "conditions": conditions}}));
}

/// What Azure refuses with a code, how Azure comes to it, and the check that must be the only root.
struct Case {
    root: &'static str,
    code: &'static str,
    inject: fn(&mut Value),
}

fn usage(state: &mut Value, provider: &str, name: &str, used: i64, limit: i64) {
    state["usages"] =
        json!([{"provider": provider, "location": "eastus", "name": name, "currentValue": used, "limit": limit}]);
}

/// The sizes of the region: the one that machines have with a change, and one beside it.
fn sizes(state: &mut Value, change: fn(&mut Value)) {
    let size = |name: &str, family: &str| {
        let capability = |name: &str, value: &str| json!({"name": name, "value": value});
        json!({
            "resourceType": "virtualMachines", "name": name, "family": family, "locations": ["eastus"],
            "locationInfo": [{"location": "eastus", "zones": ["1", "2"], "zoneDetails": []}],
            "capabilities": [
                capability("vCPUs", "4"), capability("MemoryGB", "16"), capability("CpuArchitectureType", "x64"),
                capability("HyperVGenerations", "V1,V2"), capability("PremiumIO", "True"),
                capability("EncryptionAtHostSupported", "True"),
            ],
            "restrictions": [],
        })
    };
    let mut own = size("Standard_D4s_v5", "standardDSv5Family");
    change(&mut own);
    state["skus"] = json!([own, size("Standard_D4as_v5", "standardDASv5Family")]);
}

const CASES: &[Case] = &[
    Case {
        root: "QT02",
        code: "InvalidParameter: The property 'securityProfile.encryptionAtHost' is not valid",
        inject: |state| state["features"] = json!([]),
    },
    Case {
        root: "QT03",
        code: "SkuNotAvailable",
        inject: |state| {
            sizes(state, |size| {
                size["restrictions"] = json!([{
                    "type": "Location", "values": ["eastus"], "reasonCode": "NotAvailableForSubscription",
                    "restrictionInfo": {"locations": ["eastus"]},
                }]);
            });
        },
    },
    Case {
        root: "QT04",
        code: "OperationNotAllowed",
        inject: |state| usage(state, "Microsoft.Compute", "standardDSv5Family", 98, 100),
    },
    Case {
        root: "NW04",
        code: "SubnetIsFull",
        inject: |state| {
            let nics: Vec<Value> = (0..11)
                .map(|at| {
                    json!({
                        "id": format!("{}/providers/Microsoft.Network/networkInterfaces/other-{at}", azure::managed_group()),
                        "location": "eastus",
                        "properties": {"ipConfigurations": [{
                            "name": "ip", "properties": {"subnet": {"id": azure::subnet_id()}, "privateIPAllocationMethod": "Dynamic"},
                        }]},
                    })
                })
                .collect();
            let resources = state["resources"].as_array_mut().unwrap();
            for resource in resources.iter_mut() {
                if resource["id"] == azure::vnet_id() {
                    resource["properties"]["subnets"][0]["properties"]["addressPrefix"] = json!("10.0.0.0/28");
                }
            }
            resources.extend(nics);
        },
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_the_root_that_azure_shows() {
    let scene = Scene::healthy().await.unwrap();
    let healthy = doctor(&scene, &["--only", "QT,NW04,NP07"]);
    assert_eq!(healthy.code, Some(0), "{}\n{}", healthy.stdout, healthy.stderr);
    let summary = healthy.json().unwrap()["summary"].clone();
    assert_eq!(
        (&summary["fail"], &summary["warn"], &summary["unknown"]),
        (&json!(0), &json!(0), &json!(0)),
        "{}",
        healthy.stdout
    );
    let mut wrong = Vec::new();
    for case in CASES {
        refuse(&scene, case.code);
        scene.sim.edit(|state| (case.inject)(state)).unwrap();
        // The console of a machine that was never made cannot be read.
        let ran = doctor(&scene, &["--skip", "NP06"]);
        let roots = ran.roots("fail").unwrap();
        let codes: BTreeSet<&str> = roots.iter().map(|root| &root[..4]).collect();
        let unknown = &ran.json().unwrap()["summary"]["unknown"];
        e2e::workspace::note(&format!("{:<6} {:<32.32} {codes:?}", case.root, case.code));
        if codes != BTreeSet::from([case.root]) || *unknown != json!(0) {
            wrong.push(format!("{}: {roots:?}, {unknown} unknown\n{}", case.root, ran.stdout));
        }
        scene.heal_azure().unwrap();
        scene.heal_kubernetes().await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_that_may_not_be_read_cost_their_checks_alone() {
    let scene = Scene::healthy().await.unwrap();
    let denied = |path: &str, action: &str| azure_sim::Fault {
        path: Some(path.into()),
        status: Some(403),
        code: Some("AuthorizationFailed".into()),
        message: Some(format!(
            "The client 'c' with object id 'o' does not have authorization to perform action '{action}' over scope '/subscriptions/{}' or the scope is invalid.",
            azure_sim::seed::SUBSCRIPTION
        )),
        ..azure_sim::Fault::default()
    };
    scene
        .sim
        .faults(vec![denied("*/Microsoft.Compute/locations/*/usages", "Microsoft.Compute/locations/usages/read")])
        .unwrap();
    let ran = doctor(&scene, &["--only", "QT,NW04,NP07"]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let report = ran.json().unwrap();
    let rows = report["verdicts"].as_array().unwrap();
    let unknown: BTreeSet<&str> =
        rows.iter().filter(|row| row["verdict"] == "unknown").map(|row| row["code"].as_str().unwrap()).collect();
    assert_eq!(unknown, BTreeSet::from(["QT04"]), "{}", ran.stdout);
    assert_eq!(report["troubles"][0]["needs"], "Microsoft.Compute/locations/usages/read");
}
