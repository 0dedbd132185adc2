//! `doctor`, live, on the management side of a control plane: minters, Cluster API, etcd, certificates, pauses, ignition.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::scene::{self, INFRA_ID, NAME, Ran, Scene, azure, kubernetes, plane};
use serde_json::{Value, json};

use super::doctor::patch as merge;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn doctor(scene: &Scene) -> Ran {
    let ran = scene.run(Path::new(PROGRAM), &["doctor", NAME, "-n", &scene.namespace, "-o", "json"]).unwrap();
    assert!(!ran.stdout.contains("PRIVATE KEY") && !ran.stderr.contains("PRIVATE KEY"), "a private key is shown");
    ran
}

/// Merges `patch` into an object of the control plane namespace; `status` goes to the status subresource.
fn patch(scene: &Scene, object: &str, patch: &Value) {
    merge(scene, &format!("{}-{NAME}", scene.namespace), object, patch);
}

/// The conditions of an object of the cluster's namespace, one of them changed or added.
fn with_condition(scene: &Scene, object: &str, kind: &str, status: &str, message: &str) {
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", &scene.namespace, "get", object, "-o", "jsonpath={.status.conditions}"]);
    let mut conditions: Vec<Value> = serde_json::from_str(&scene::run::ran(command).unwrap().stdout).unwrap();
    conditions.retain(|condition| condition["type"] != kind);
    conditions.push(kubernetes::condition(kind, status, "Because", message));
    merge(scene, &scene.namespace, object, &json!({"status": {"conditions": conditions}}));
}

fn waiting(name: &str, ready: &[&str], reason: &str) -> Value {
    let status = |name: &str, ready: bool, state: Value| json!({"name": name, "ready": ready, "restartCount": 0, "image": "img", "imageID": "img", "state": state});
    let mut statuses: Vec<Value> = ready
        .iter()
        .map(|name| status(name, true, json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}})))
        .collect();
    statuses.push(status(name, false, json!({"waiting": {"reason": reason, "message": "back-off"}})));
    json!({"status": {"containerStatuses": statuses}})
}

/// One fault: what it is called, the check that must be its only root, those that must be folded under it, and how it
/// is made.
struct Case {
    name: &'static str,
    root: &'static str,
    level: &'static str,
    folded: &'static [&'static str],
    inject: fn(&Scene),
}

const CASES: &[Case] = &[
    Case {
        name: "token minter crash-looping",
        root: "HC04",
        level: "fail",
        folded: &["HC03"],
        inject: |s| {
            let state = waiting("cloud-token-minter", &["capi-provider"], "CrashLoopBackOff");
            patch(s, "pod/capi-provider-6d8f9-0", &state);
        },
    },
    Case {
        name: "CAPZ signs in as another identity",
        root: "HC05",
        level: "fail",
        folded: &[],
        inject: |s| {
            let other = json!({"spec": {"clientID": azure::client_id("disk")}});
            patch(s, &format!("azureclusteridentity/{NAME}"), &other);
        },
    },
    Case {
        name: "etcd crash-looping",
        root: "HC06",
        level: "fail",
        folded: &["HC01", "HC03"],
        inject: |s| {
            patch(s, "pod/etcd-0", &waiting("etcd", &[], "CrashLoopBackOff"));
            patch(s, "statefulset/etcd", &json!({"status": {"readyReplicas": 0, "availableReplicas": 0}}));
            with_condition(s, "hostedcluster/demo", "EtcdAvailable", "False", "Waiting for etcd to reach quorum");
        },
    },
    Case {
        name: "certificate about to end",
        root: "HC07",
        level: "warn",
        folded: &[],
        inject: |s| {
            let (pem, key) = plane::certificate(10).unwrap();
            let namespace = format!("{}-{NAME}", s.namespace);
            let secret = plane::certificate_secret(&namespace, "kas-server-crt", &pem, &key);
            patch(s, "secret/kas-server-crt", &json!({"data": secret["data"]}));
        },
    },
    Case {
        name: "name of the ignition endpoint does not resolve",
        root: "NP04",
        // The NodePool is new, and may wait for a while.
        level: "warn",
        folded: &["NP01"],
        inject: |s| {
            with_condition(s, "nodepool/demo", "IgnitionEndpointAvailable", "False", "is not resolvable");
        },
    },
    Case {
        name: "resource group of the VNet gone",
        root: "HC10",
        level: "fail",
        folded: &[],
        inject: |s| assert!(s.sim.remove(&azure::group(&format!("{NAME}-vnet-{INFRA_ID}")))),
    },
    // The last one: what it changes in the spec is a new generation, which conditions speak of no more.
    Case {
        name: "paused HostedCluster",
        root: "HC12",
        level: "warn",
        folded: &["HC01"],
        inject: |s| {
            merge(s, &s.namespace, "hostedcluster/demo", &json!({"spec": {"pausedUntil": "true"}}));
            with_condition(s, "hostedcluster/demo", "ReconciliationActive", "False", "Reconciliation paused");
        },
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_plane_has_one_root() {
    let scene = Scene::healthy().await.unwrap();
    let healthy = doctor(&scene);
    assert_eq!(healthy.code, Some(0), "{}\n{}", healthy.stdout, healthy.stderr);
    let mut wrong = Vec::new();
    for case in CASES {
        (case.inject)(&scene);
        let ran = doctor(&scene);
        let report = ran.json().unwrap();
        let rows = report["verdicts"].as_array().unwrap();
        let codes = |want: &dyn Fn(&Value) -> bool| -> BTreeSet<String> {
            rows.iter().filter(|row| want(row)).map(|row| row["code"].as_str().unwrap().to_owned()).collect()
        };
        let bad = |row: &Value| row["verdict"] == "fail" || row["verdict"] == "warn";
        let roots = codes(&|row| bad(row) && row["causedBy"].is_null());
        let folded = codes(&|row| bad(row) && !row["causedBy"].is_null());
        let levels = codes(&|row| row["code"] == case.root && row["verdict"] == case.level);
        e2e::workspace::note(&format!("{:<48} {:<5} {roots:?} explains {folded:?}", case.name, case.root));
        let want: BTreeSet<String> = [case.root.to_owned()].into();
        let missing = case.folded.iter().any(|code| !folded.contains(*code));
        if roots != want || levels != want || missing || report["summary"]["unknown"] != 0 {
            wrong.push(format!("{}: roots {roots:?}, folded {folded:?}\n{}", case.name, ran.stdout));
        }
        scene.heal_azure().unwrap();
        merge(&scene, &scene.namespace, "hostedcluster/demo", &json!({"spec": {"pausedUntil": null}}));
        scene.heal_kubernetes().await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_list_secrets_only_certificates_are_unknown() {
    let scene = Scene::healthy().await.unwrap();
    let rules = vec![
        e2e::bed::rule(&["hypershift.openshift.io"], &["*"], &["get", "list"]),
        e2e::bed::rule(&["cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io", "apps"], &["*"], &["get", "list"]),
        e2e::bed::rule(&[""], &["pods", "pods/log", "events", "persistentvolumeclaims"], &["get", "list"]),
    ];
    let kubeconfig = scene.bed.kubeconfig_for("no-secrets", rules).await.unwrap();
    let mut command = scene.command(Path::new(PROGRAM));
    let only = "HC04,HC05,HC06,HC07,HC12,NP04,NP11";
    command.args(["doctor", NAME, "-n", &scene.namespace, "-o", "json", "--only", only]).env("KUBECONFIG", kubeconfig);
    let ran = scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json().unwrap();
    for row in report["verdicts"].as_array().unwrap() {
        let unknown = row["verdict"] == "unknown";
        assert_eq!(unknown, row["code"] == "HC07", "{row}");
    }
    assert_eq!(report["troubles"][0]["needs"], "list secrets");
}
