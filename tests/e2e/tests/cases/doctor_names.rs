//! `doctor` on the names of a cluster: zones, delegation, records, ExternalDNS, and the API server behind them.

use std::collections::BTreeSet;
use std::path::Path;

use e2e::scene::{self, CLIENT_SECRET, NAME, Ran, Scene, azure, kubernetes};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const API: &str = "api-demo.hcp.example.com";

fn doctor(scene: &Scene, more: &[&str]) -> Ran {
    let mut args = vec!["doctor", NAME, "-n", &scene.namespace, "-o", "json"];
    args.extend(more);
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    for secret in [CLIENT_SECRET, "PRIVATE KEY", "eyJ"] {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{secret} is shown");
    }
    ran
}

fn row<'a>(report: &'a Value, code: &str) -> &'a Value {
    let rows = report["verdicts"].as_array().unwrap();
    rows.iter().find(|row| row["code"] == code).unwrap_or_else(|| panic!("no {code}: {report:#}"))
}

fn patch(scene: &Scene, namespace: &str, object: &str, kind: &str, patch: &Value) {
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", namespace, "patch", object, &format!("--type={kind}"), "-p", &patch.to_string()]);
    if patch.get("status").is_some() {
        command.arg("--subresource=status");
    }
    let ran = scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Lets the conditions say what they say while names do not resolve.
fn unresolved(scene: &Scene) {
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", &scene.namespace, "get", "hostedcluster", NAME, "-o", "jsonpath={.status.conditions}"]);
    let mut conditions: Value = serde_json::from_str(&scene::run::ran(command).unwrap().stdout).unwrap();
    for condition in conditions.as_array_mut().unwrap() {
        if condition["type"] == "ExternalDNSReachable" {
            *condition =
                kubernetes::condition("ExternalDNSReachable", "False", "ExternalDNSHostNotReachable", "no such host");
        }
    }
    patch(scene, &scene.namespace, "hostedcluster/demo", "merge", &json!({"status": {"conditions": conditions}}));
}

struct Case {
    name: &'static str,
    root: &'static str,
    inject: fn(&Scene),
}

const CASES: &[Case] = &[
    Case {
        name: "the API's record is gone",
        root: "DN02",
        inject: |scene| {
            assert!(scene.sim.remove(&azure::record_id("api-demo")));
            unresolved(scene);
        },
    },
    Case {
        name: "the base domain is not delegated",
        root: "DN01",
        inject: |scene| {
            scene.dns.delegate("hcp.example.com", &[]);
            unresolved(scene);
        },
    },
    Case {
        name: "the base domain is delegated to an earlier zone",
        root: "DN01",
        inject: |scene| scene.dns.delegate("hcp.example.com", &["ns1-09.azure-dns.com"]),
    },
    Case { name: "the zone is gone", root: "DN01", inject: |scene| assert!(scene.sim.remove(&azure::zone_id())) },
    Case {
        name: "the applications' record is gone",
        root: "DN04",
        inject: |scene| assert!(scene.sim.remove(&azure::record_id("*.apps.demo"))),
    },
    Case {
        name: "ExternalDNS has no pod, and records are missing",
        root: "DN07",
        inject: |scene| {
            for label in ["api", "oauth", "ignition", "konnectivity"] {
                assert!(scene.sim.remove(&azure::record_id(&format!("{label}-demo"))));
            }
            let none = json!({"status": {"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 1}});
            patch(scene, "hypershift", "deployment/external-dns", "merge", &none);
            unresolved(scene);
        },
    },
    Case {
        name: "ExternalDNS was installed with another owner",
        root: "DN05",
        inject: |scene| {
            let path = "/spec/template/spec/containers/0/args/6";
            let other = json!([{"op": "replace", "path": path, "value": "--txt-owner-id=other"}]);
            patch(scene, "hypershift", "deployment/external-dns", "json", &other);
        },
    },
    Case {
        name: "an empty private zone is linked to the network",
        root: "DN03",
        inject: |scene| {
            let zone = format!("{}/providers/Microsoft.Network/privateDnsZones/example.com", azure::managed_group());
            let link = json!({
                "id": format!("{zone}/virtualNetworkLinks/hub"), "location": "global",
                "properties": {"virtualNetwork": {"id": azure::vnet_id()}, "registrationEnabled": false, "virtualNetworkLinkState": "Completed"},
            });
            scene.sim.put_resource(json!({"id": zone, "location": "global", "properties": {}})).unwrap();
            scene.sim.put_resource(link).unwrap();
        },
    },
    Case {
        name: "the API server's certificate is of another authority",
        root: "HC02",
        inject: |scene| {
            let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
            command.args(["config", "view", "--raw", "-o", "json"]);
            let mut kubeconfig: Value = serde_json::from_str(&scene::run::ran(command).unwrap().stdout).unwrap();
            let other = e2e::authority::Authority::new("another").unwrap().pem();
            kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"] = json!(base64(other.as_bytes()));
            let text = kubeconfig.to_string();
            let data = json!({"data": {"kubeconfig": base64(text.as_bytes())}});
            patch(scene, &scene.namespace, "secret/demo-admin-kubeconfig", "merge", &data);
        },
    },
];

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn names_resolve_and_each_fault_has_one_root() {
    let scene = Scene::named().await.unwrap();
    let healthy = doctor(&scene, &[]);
    let report = healthy.json().unwrap();
    assert_eq!(healthy.code, Some(0), "{}\n{}", healthy.stdout, healthy.stderr);
    for verdict in ["fail", "warn", "unknown"] {
        assert_eq!(report["summary"][verdict], 0, "{}", healthy.stdout);
    }
    for code in ["DN01", "DN02", "DN03", "DN04", "DN05", "DN06", "DN07", "HC02"] {
        assert_eq!(row(&report, code)["verdict"], "pass", "{code}: {}", healthy.stdout);
    }
    let mut wrong = Vec::new();
    for case in CASES {
        (case.inject)(&scene);
        let ran = doctor(&scene, &[]);
        let roots = ran.roots("fail").unwrap();
        let codes: BTreeSet<&str> = roots.iter().map(|root| &root[..4]).collect();
        e2e::workspace::note(&format!("{:<52} {:<6} {roots:?}", case.name, case.root));
        if codes != BTreeSet::from([case.root]) || ran.code != Some(1) {
            wrong.push(format!("{}: {roots:?}\n{}", case.name, ran.stdout));
        }
        scene.heal_azure().unwrap();
        scene.heal_kubernetes().await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolver_that_remembers_is_a_warning_and_silence_is_unknown() {
    let scene = Scene::named().await.unwrap();
    scene.dns.remember_none(API);
    let ran = doctor(&scene, &["--only", "DN02"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let report = ran.json().unwrap();
    let found = row(&report, "DN02");
    assert_eq!(found["verdict"], "warn", "{}", ran.stdout);
    let why = found["why"].as_str().unwrap();
    assert!(why.contains(&format!("{} more seconds", e2e::dns::NEGATIVE_TTL)), "{why}");
    // No DNS server at all: nothing is known, and nothing fails.
    let path = scene.path("environment.json");
    let mut environment: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    environment["dnsServer"] = json!("127.0.0.1:9");
    std::fs::write(&path, environment.to_string()).unwrap();
    let ran = doctor(&scene, &["--only", "DN01,DN02"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let report = ran.json().unwrap();
    for code in ["DN01", "DN02"] {
        assert_eq!(row(&report, code)["verdict"], "unknown", "{}", ran.stdout);
    }
}
