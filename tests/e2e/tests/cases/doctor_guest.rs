//! `doctor` looking into the hosted cluster and at its machines.

use std::path::Path;

use azure_sim::Fault;
use e2e::guest::ADMIN_TOKEN;
use e2e::scene::guest::{CLUSTER_OPERATORS, MACHINES, SIGNING_REQUESTS, virtual_machine, vm_id};
use e2e::scene::{self, CLIENT_SECRET, NAME, Ran, Scene, kubernetes};
use serde_json::json;

use super::doctor::patch;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const CHECKS: &str = "HC11,HC13,NP05,NP06,NP08,NP09,NP10,OI06,HC15,NW12,NP02,NP01";

fn doctor(scene: &Scene, more: &[&str]) -> Ran {
    let mut args = vec!["doctor", NAME, "-n", &scene.namespace, "-v", "--only", CHECKS, "-o", "json"];
    args.extend(more);
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        for canary in [CLIENT_SECRET, ADMIN_TOKEN, "eyJ", "sig=canary"] {
            assert!(!output.contains(canary), "{canary} is shown:\n{output}");
        }
    }
    ran
}

/// The roots of every verdict, by code, and whatever is unknown.
fn roots(ran: &Ran) -> Vec<String> {
    let codes = |verdict: &str| {
        let rows = ran.roots(verdict).unwrap();
        rows.iter().map(|row| format!("{verdict} {}", row.split(' ').next().unwrap_or_default())).collect::<Vec<_>>()
    };
    ["fail", "warn", "unknown"].iter().flat_map(|verdict| codes(verdict)).collect()
}

/// A fault of the hosted cluster's own objects: what it is called, its roots, and how it is made.
type Case = (&'static str, &'static [&'static str], fn(&Scene));

const CASES: &[Case] = &[
    ("nothing", &[], |_| {}),
    // The cluster was made just now: operators may still come up.
    ("an operator is not available", &["warn HC11"], |scene| {
        let mut held = scene.guest.held();
        let operators = held.lists.get_mut(CLUSTER_OPERATORS).unwrap();
        operators[0]["status"]["conditions"] =
            json!([kubernetes::condition("Available", "False", "RouteHealth", "route not available")]);
    }),
    ("a foreign client id in a Secret", &["fail HC13"], |scene| {
        let mut held = scene.guest.held();
        let secrets = held.lists.get_mut("/api/v1/namespaces/openshift-ingress-operator/secrets").unwrap();
        secrets[0]["data"]["azure_client_id"] = json!("Zm9yZWlnbg==");
    }),
    ("a request of a new node waits", &["fail NP05"], |scene| {
        let mut held = scene.guest.held();
        held.lists.get_mut(SIGNING_REQUESTS).unwrap().push(json!({
            "metadata": {"name": "csr-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"signerName": "kubernetes.io/kube-apiserver-client-kubelet", "username": "bootstrapper", "request": "AA=="},
        }));
    }),
    ("tokens have another issuer", &["fail OI06"], |scene| {
        scene.guest.held().issuer = "https://kubernetes.default.svc".into();
    }),
    ("a service account is missing", &["warn OI06"], |scene| {
        assert!(scene.guest.held().accounts.remove("kube-system/capi-provider"));
    }),
    ("a virtual machine without a Machine", &["warn NP10"], |scene| {
        let mut machine = virtual_machine("demo-7xk2p-lost");
        machine["properties"]["timeCreated"] = json!("2026-01-01T00:00:00Z");
        scene.sim.edit(|state| state["resources"].as_array_mut().unwrap().push(machine)).unwrap();
    }),
    ("a node without its virtual machine", &["warn NP10"], |scene| {
        assert!(scene.sim.remove(&vm_id(MACHINES[1])));
    }),
    ("a probe without an end", &["unknown NW12"], |scene| {
        let pod = json!({"metadata": {"name": "probe", "labels": {"hcp-azure.io/egress-probe": "2026-11"}}});
        scene.guest.held().lists.insert("/api/v1/namespaces/default/pods".into(), vec![pod]);
    }),
    ("signing requests may not be read", &["unknown NP05"], |scene| {
        scene.guest.held().denied.push(SIGNING_REQUESTS.into());
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_hosted_cluster_has_one_root() {
    let scene = Scene::healthy().await.unwrap();
    let mut wrong = Vec::new();
    for (name, want, inject) in CASES {
        inject(&scene);
        let ran = doctor(&scene, &[]);
        let got = roots(&ran);
        if got != *want {
            wrong.push(format!("{name}: {got:?} instead of {want:?}\n{}", ran.stdout));
        }
        scene.heal_guest().unwrap();
        scene.heal_azure().unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_of_the_egress_probe_is_one_that_the_api_server_takes() {
    let scene = Scene::healthy().await.unwrap();
    let ran = scene.run(Path::new(PROGRAM), &["doctor", "--print-egress-probe"]).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.bed.apply_yaml_in(&scene.namespace, &ran.stdout).await.unwrap();
    assert!(scene.sim.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_never_joined_is_explained_by_its_console() {
    let scene = Scene::healthy().await.unwrap();
    let console = "[    3.1] systemd[1]: Started.\n[   61.2] ignition[812]: GET error: dial tcp: lookup ignition.example.com: no such host\n";
    scene.azurite.put_blob(&scene.container, "vm.serialconsole.log", "text/plain", console).await.unwrap();
    let address = scene.azurite.blob_url(&scene.container, "vm.serialconsole.log");
    let mut machine = virtual_machine(MACHINES[1]);
    machine["properties"]["instanceView"] =
        json!({"bootDiagnostics": {"serialConsoleLogBlobUri": format!("{address}?sig=canary")}});
    scene.sim.put_resource(machine).unwrap();
    let control_plane = format!("{}-{NAME}", scene.namespace);
    let name = format!("machine.cluster.x-k8s.io/{}", MACHINES[1]);
    let waits = kubernetes::condition("Ready", "False", "WaitingForNodeRef", "");
    patch(
        &scene,
        &control_plane,
        &name,
        &json!({"status": {"phase": "Provisioned", "nodeRef": null, "conditions": [waits]}}),
    );
    let ran = doctor(&scene, &[]);
    assert_eq!(roots(&ran), ["fail NP06"], "{}", ran.stdout);
    assert!(ran.stdout.contains("no such host") && !ran.stdout.contains("systemd"), "{}", ran.stdout);
    let mut machine = scene.sim.resource(&vm_id(MACHINES[1])).unwrap();
    machine["properties"]["diagnosticsProfile"] = json!({});
    scene.sim.put_resource(machine).unwrap();
    let ran = doctor(&scene, &[]);
    assert_eq!(roots(&ran), ["unknown NP06"], "{}", ran.stdout);
    assert!(ran.stdout.contains("az vm boot-diagnostics enable --ids /subscriptions/"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_cluster_that_cannot_be_reached_or_read_is_unknown_and_nothing_else() {
    let scene = Scene::healthy().await.unwrap();
    let kubeconfig = scene.guest.kubeconfig();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = kubeconfig.split("\"server\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let secret = |text: &str| json!({"stringData": {"kubeconfig": text}});
    let object = format!("secret/{NAME}-admin-kubeconfig");
    let exec = kubeconfig.replace(
        &format!("{{\"token\":\"{ADMIN_TOKEN}\"}}"),
        "{\"exec\":{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"command\":\"/bin/false\"}}",
    );
    for (text, why) in [
        (
            kubeconfig.replace(server, &format!("http://{nowhere}")),
            "cannot be reached from here, at the connection: http://127.0.0.1",
        ),
        (kubeconfig.replace(ADMIN_TOKEN, "stale"), "does not take the kubeconfig that it publishes"),
        (exec, "would start a program"),
        ("no kubeconfig".to_owned(), "is not used"),
    ] {
        patch(&scene, &scene.namespace, &object, &secret(&text));
        let ran = doctor(&scene, &[]);
        let report = ran.json().unwrap();
        assert_eq!((ran.code, &report["summary"]["fail"]), (Some(0), &json!(0)), "{}", ran.stdout);
        let row = report["verdicts"].as_array().unwrap().iter().find(|row| row["code"] == "HC11").unwrap();
        assert_eq!(row["verdict"], "unknown", "{row}");
        assert!(row["why"].as_str().unwrap().contains(why), "{row}");
    }
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", &scene.namespace, "delete", &object]);
    assert_eq!(scene::run::ran(command).unwrap().code, Some(0));
    let ran = doctor(&scene, &[]);
    assert!(ran.stdout.contains("which its status names, does not exist"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn virtual_machines_that_may_not_be_read_cost_only_what_needs_them() {
    let scene = Scene::healthy().await.unwrap();
    scene
        .sim
        .faults(vec![Fault {
            method: Some("GET".into()),
            path: Some("*/providers/Microsoft.Compute/virtualMachines*".into()),
            status: Some(403),
            code: Some("AuthorizationFailed".into()),
            message: Some(
                "The client 'c' with object id 'o' does not have authorization to perform action \
                 'Microsoft.Compute/virtualMachines/read' over scope '/subscriptions/s' or the scope is invalid."
                    .into(),
            ),
            ..Fault::default()
        }])
        .unwrap();
    let ran = doctor(&scene, &[]);
    assert_eq!(roots(&ran), ["unknown NP06", "unknown NP10"], "{}", ran.stdout);
    assert!(ran.stdout.contains("Microsoft.Compute/virtualMachines/read"), "{}", ran.stdout);
}
