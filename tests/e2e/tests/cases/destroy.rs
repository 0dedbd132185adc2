//! `destroy infra` and `destroy iam`: what they take and what they leave, for every way to create.

use azure_sim::{Action, Fault};
use serde_json::{Value, json};

use super::create_stage::{IAM, INFRA, Stage, each, id, path_of};

/// A way to create a cluster's Azure side, and to destroy it.
struct Shape {
    name: &'static str,
    /// Flags for `create infra` besides the usual ones.
    infra: &'static str,
    /// Flags for `create iam` besides the usual ones.
    iam: &'static str,
    /// What stands before, besides the usual.
    before: fn(&Stage),
}

fn nothing(_: &Stage) {}

/// A VNet with a subnet and a network security group in a group that others use.
fn own_network(stage: &Stage) {
    let network = |path: &str| id("shared-rg", &format!("Microsoft.Network/{path}"));
    stage
        .sim
        .put_resource(json!({"id": network("networkSecurityGroups/corp"), "location": "eastus", "properties": {}}))
        .unwrap();
    stage
        .sim
        .put_resource(json!({
            "id": network("virtualNetworks/corp"), "location": "eastus",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{"name": "nodes", "properties": {
                    "addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": network("networkSecurityGroups/corp")},
                }}],
            },
        }))
        .unwrap();
}

const NETWORK: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shared-rg/providers/Microsoft.Network";

fn shapes() -> Vec<Shape> {
    vec![
        Shape { name: "default groups", infra: "", iam: "", before: nothing },
        Shape { name: "one given group", infra: "--resource-group-name shared-rg", iam: "", before: nothing },
        Shape { name: "KMS", infra: "", iam: "--enable-kms", before: nothing },
        Shape { name: "narrow roles", infra: "--assign-custom-hcp-roles", iam: "", before: nothing },
        Shape {
            name: "own network",
            infra: "--vnet-id NET/virtualNetworks/corp --subnet-id NET/virtualNetworks/corp/subnets/nodes --network-security-group-id NET/networkSecurityGroups/corp",
            iam: "",
            before: own_network,
        },
    ]
}

/// What belongs to others: planted before the cluster is created, and to be found untouched.
fn plant(stage: &Stage) {
    let put = |body: Value| stage.sim.put_resource(body).unwrap();
    for (group, name) in [("shared-rg", "foreign1"), ("dns", "foreign2"), ("os4-common", "foreign3")] {
        put(json!({"id": id(group, ""), "location": "eastus"}));
        put(json!({
            "id": id(group, &format!("Microsoft.Storage/storageAccounts/{name}")), "location": "eastus",
            "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
        }));
    }
    // Another cluster, whose name begins alike.
    for line in [IAM, INFRA] {
        let line = line
            .replace("--name demo", "--name demo2")
            .replace("demo-x7k2p", "demo-x7k2q")
            .replace("workload-identities.json", "other.json")
            .replace("infra.yaml", "other.yaml");
        stage.done(&line);
    }
}

fn create(stage: &Stage, shape: &Shape) {
    stage.done(&format!("{IAM} {}", shape.iam));
    stage.done(&format!("{INFRA} {}", shape.infra.replace("NET", NETWORK)));
}

const DESTROY_INFRA: &str = "destroy infra azure --name demo --infra-id demo-x7k2p --infra-json infra.yaml";
const DESTROY_IAM: &str = "destroy iam azure --name demo --infra-id demo-x7k2p --resource-group-name os4-common";

/// Everything that Azure holds.
fn held(stage: &Stage) -> Value {
    let state = stage.sim.state();
    json!({"resources": state["resources"], "roleAssignments": state["roleAssignments"], "principals": state["principals"]})
}

fn same(stage: &Stage, want: &Value, why: &str) {
    let have = held(stage);
    for key in ["resources", "roleAssignments", "principals"] {
        let ids = |value: &Value| -> Vec<String> {
            value[key].as_array().unwrap().iter().map(|body| body["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(&have), ids(want), "{why}: {key}");
    }
    assert_eq!(&have, want, "{why}");
}

#[test]
fn nothing_is_left_and_nothing_of_others_is_taken() {
    let all = shapes();
    each(&all, |shape| {
        let stage = Stage::new();
        plant(&stage);
        (shape.before)(&stage);
        let before = held(&stage);
        create(&stage, shape);
        assert_ne!(held(&stage), before);
        let ran = stage.run(&format!("{DESTROY_INFRA} --dry-run --exit-code"));
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        stage.done(DESTROY_INFRA);
        stage.done(DESTROY_IAM);
        same(&stage, &before, shape.name);
        // A second time there is nothing to do.
        for line in [DESTROY_INFRA, DESTROY_IAM] {
            let again = stage.run(&format!("{line} --dry-run --exit-code"));
            assert_eq!(again.code, Some(0), "{}: {}", shape.name, again.stdout);
        }
    });
    e2e::workspace::note(&format!(
        "destroy: {} shapes, each with 3 foreign accounts and another cluster in the same groups: the state before",
        all.len()
    ));
}

#[test]
fn a_group_with_something_foreign_stays_and_is_named() {
    let stage = Stage::new();
    create(&stage, &shapes()[0]);
    let foreign = id("demo-vnet-demo-x7k2p", "Microsoft.Network/networkSecurityGroups/corp");
    stage.sim.put_resource(json!({"id": foreign, "location": "eastus", "properties": {}})).unwrap();
    let ran = stage.done(DESTROY_INFRA);
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("resource group demo-vnet-demo-x7k2p stays: network security group corp in it"), "{said}");
    assert!(said.contains("managed identities with their federated credentials stay"), "{said}");
    assert!(stage.sim.resource(&foreign).is_some());
    assert!(
        stage.sim.resource(&id("demo-vnet-demo-x7k2p", "Microsoft.Network/virtualNetworks/demo-demo-x7k2p")).is_none()
    );
    assert!(stage.sim.resource(&id("demo-demo-x7k2p", "")).is_none());
}

#[test]
fn consent_is_the_name() {
    let stage = Stage::new();
    for (line, word) in [
        (format!("{DESTROY_IAM} --confirm dem"), "--confirm dem is refused"),
        (DESTROY_IAM.to_owned(), "there is no terminal to ask on"),
        ("destroy cluster demo --no-cluster --yes".to_owned(), "--infra-id is missing"),
        ("destroy infra --infra-id demo-x7k2p --yes".to_owned(), "--name is refused"),
    ] {
        let ran = stage.run(&line);
        assert_eq!(ran.code, Some(2), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{line}: {}", ran.stderr);
    }
    assert!(stage.sim.requests().is_empty());
    create(&stage, &shapes()[0]);
    assert_eq!(stage.run(&format!("{DESTROY_IAM} --confirm demo")).code, Some(0));
}

#[test]
fn killed_after_any_deletion_or_refused_the_next_run_finishes() {
    let stage = Stage::new();
    plant(&stage);
    let before = held(&stage);
    create(&stage, &shapes()[1]);
    let full = Stage::new();
    full.sim.load(stage.sim.state()).unwrap();
    stage.sim.clear_requests();
    let shape = "destroy infra --name demo --infra-id demo-x7k2p --resource-group-name shared-rg --base-domain hcp.example.com --dns-zone-rg-name os4-common";
    stage.done(shape);
    stage.done(DESTROY_IAM);
    same(&stage, &before, "undisturbed");
    let paths: Vec<String> = stage.writes().iter().filter(|entry| entry.method == "DELETE").map(path_of).collect();
    let state = full.sim.state();
    let mut cases: Vec<(String, Fault)> = Vec::new();
    for (at, path) in paths.iter().enumerate() {
        let fault = |status: Option<u16>, action| Fault {
            method: Some("DELETE".into()),
            path: Some(path.clone()),
            status,
            action,
            ..Fault::default()
        };
        for (name, fault) in [
            ("killed", fault(None, Action::Hang)),
            ("403", fault(Some(403), Action::Respond)),
            ("500", fault(Some(500), Action::Respond)),
            ("409 in use", Fault { code: Some("InUseByOther".into()), ..fault(Some(409), Action::Respond) }),
            ("404", Fault { times: Some(1), ..fault(Some(404), Action::Respond) }),
            ("429", Fault { times: Some(1), retry_after: Some(1), ..fault(Some(429), Action::Respond) }),
            ("operation failed", fault(None, Action::LroFailed)),
            ("answer lost", Fault { times: Some(1), ..fault(None, Action::CommitThenReset) }),
        ] {
            // A request that is repeated takes its time: each kind of resource once is enough.
            let is_long = path.contains("/Microsoft.Network/");
            if (name != "500" || at % 5 == 0) && (name != "operation failed" || is_long) {
                cases.push((format!("{name} at {path}"), fault));
            }
        }
    }
    each(&cases, |(name, fault)| {
        let stage = Stage::new();
        stage.sim.load(state.clone()).unwrap();
        stage.sim.faults(vec![fault.clone()]).unwrap();
        for line in [shape, DESTROY_IAM] {
            if fault.action == Action::Hang {
                let mut child = stage.spawn(line);
                let hung = |stage: &Stage| {
                    // Nothing more is asked: what waits for the hanging request waits.
                    let count = stage.sim.requests().len();
                    std::thread::sleep(std::time::Duration::from_millis(150));
                    stage.sim.requests().len() == count && count > 0
                };
                while child.try_wait().unwrap().is_none() && !hung(&stage) {}
                let _ = child.kill();
                child.wait().unwrap();
            } else {
                let ran = stage.run(&format!("{line} --yes"));
                assert!([Some(0), Some(1)].contains(&ran.code), "{name}: {}", ran.stderr);
                assert!(ran.stderr.matches("error: ").count() <= 1, "{name}: {}", ran.stderr);
                if ran.code == Some(1) {
                    assert!(
                        ran.stderr.contains("cannot delete") && ran.stderr.contains("request id"),
                        "{name}: {}",
                        ran.stderr
                    );
                    assert!(ran.stderr.contains("run the same command again"), "{name}: {}", ran.stderr);
                }
            }
        }
        stage.sim.faults(Vec::new()).unwrap();
        stage.done(shape);
        stage.done(DESTROY_IAM);
        same(&stage, &before, name);
    });
    e2e::workspace::note(&format!(
        "destroy: {} deletions, {} disturbed runs, each finished by the next",
        paths.len(),
        cases.len()
    ));
}
