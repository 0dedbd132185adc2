//! `doctor`, live, on a whole cluster: healthy, with one fault at a time, with less permission, slow, and recorded.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use azure_sim::{Fault, seed};
use e2e::scene::{self, CLIENT_SECRET, NAME, Ran, Scene, azure, kubernetes};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn doctor(scene: &Scene, more: &[&str]) -> Ran {
    let mut args = vec!["doctor", NAME, "-n", &scene.namespace];
    args.extend(more);
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains(CLIENT_SECRET), "the client secret is shown");
        assert!(!output.contains("eyJ"), "a token is shown:\n{output}");
        assert!(!output.contains("PRIVATE KEY"), "a private key is shown:\n{output}");
    }
    ran
}

/// Merges `patch` into an object through kubectl; `status` goes to the status subresource.
pub(super) fn patch(scene: &Scene, namespace: &str, object: &str, patch: &Value) {
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", namespace, "patch", object, "--type=merge", "-p", &patch.to_string()]);
    if patch.get("status").is_some() {
        command.arg("--subresource=status");
    }
    let ran = scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Sets a value inside a resource of the simulator.
fn set(scene: &Scene, id: &str, pointer: &str, value: Value) {
    let mut body = scene.sim.resource(id).unwrap_or_else(|| panic!("no {id}"));
    *body.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer} in {id}")) = value;
    scene.sim.put_resource(body).unwrap();
}

fn nsg_rule(name: &str, priority: i32, access: &str, ports: &str, to: &str) -> Value {
    json!({
        "name": name,
        "properties": {
            "priority": priority, "direction": "Outbound", "access": access, "protocol": "*",
            "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": to, "destinationPortRange": ports,
        },
    })
}

fn set_rules(scene: &Scene, rules: &[Value]) {
    set(scene, &azure::nsg_id(), "/properties/securityRules", json!(rules));
}

/// One fault: what it is called, how it is made, and the check that must be its only root.
struct Case {
    name: &'static str,
    root: Option<&'static str>,
    inject: fn(&Scene),
}

fn remove_assignments(scene: &Scene, key: &str) {
    let principal = azure::principal_id(key);
    scene
        .sim
        .edit(|state| {
            let list = state["roleAssignments"].as_array_mut().unwrap();
            list.retain(|assignment| assignment["properties"]["principalId"] != principal.as_str());
        })
        .unwrap();
}

fn edit_credentials(scene: &Scene, field: &str, change: impl Fn(&str) -> Value) {
    scene
        .sim
        .edit(|state| {
            for resource in state["resources"].as_array_mut().unwrap() {
                if resource["id"].as_str().is_some_and(|id| id.contains("/federatedIdentityCredentials/")) {
                    let old = resource["properties"][field].as_str().unwrap_or_default().to_owned();
                    resource["properties"][field] = change(&old);
                }
            }
        })
        .unwrap();
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    // Cases are plain functions called on a runtime's thread; this lets them wait for it.
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

const CASES: &[Case] = &[
    Case {
        name: "federated credential missing",
        root: Some("FC01"),
        inject: |s| assert!(s.sim.remove(&azure::credential_id("disk", 1))),
    },
    Case {
        name: "wrong case in a subject",
        root: Some("FC01"),
        inject: |s| {
            let id = azure::credential_id("nodePoolManagement", 0);
            set(s, &id, "/properties/subject", json!("system:serviceaccount:kube-system:Capi-Provider"));
        },
    },
    Case {
        name: "trailing slash in one issuer",
        root: Some("FC02"),
        inject: |s| set(s, &azure::credential_id("network", 0), "/properties/issuer", json!(format!("{}/", s.issuer))),
    },
    Case {
        name: "another cluster's issuer everywhere",
        root: Some("FC02"),
        inject: |s| edit_credentials(s, "issuer", |_| json!("https://other.blob.core.windows.net/other")),
    },
    Case {
        name: "wrong audience",
        root: Some("FC03"),
        inject: |s| {
            set(s, &azure::credential_id("ingress", 0), "/properties/audiences", json!(["api://AzureADTokenExchange"]))
        },
    },
    Case {
        name: "another key in the JWKS",
        root: Some("OI03"),
        inject: |s| {
            let other = scene::new_signing_key().unwrap();
            block_on(s.publish(&s.discovery(), &s.jwks(&other))).unwrap();
        },
    },
    Case {
        name: "another issuer in the discovery document",
        root: Some("OI02"),
        inject: |s| {
            let mut discovery = s.discovery();
            discovery["issuer"] = json!(format!("{}/", s.issuer));
            block_on(s.publish(&discovery, &s.jwks(&scene::signing_key().unwrap()))).unwrap();
        },
    },
    Case {
        name: "discovery document is no JSON",
        root: Some("OI01"),
        inject: |s| {
            block_on(s.azurite.put_blob(&s.container, ".well-known/openid-configuration", "text/html", "<html>"))
                .unwrap();
        },
    },
    Case {
        name: "JWKS missing",
        root: Some("OI01"),
        inject: |s| block_on(s.azurite.delete_blob(&s.container, "openid/v1/jwks")).unwrap(),
    },
    Case {
        name: "private container",
        root: Some("OI04"),
        inject: |s| {
            set(s, &azure::container_id(&s.container), "/properties/publicAccess", json!("None"));
            block_on(s.azurite.set_public_access(&s.container, e2e::azurite::PublicAccess::Private)).unwrap();
        },
    },
    Case {
        name: "storage firewall",
        root: Some("OI04"),
        inject: |s| {
            let mut body = s.sim.resource(&azure::storage_id()).unwrap();
            body["properties"]["networkAcls"] = json!({"defaultAction": "Deny", "bypass": "AzureServices"});
            s.sim.put_resource(body).unwrap();
        },
    },
    Case {
        name: "public blobs forbidden",
        root: Some("OI04"),
        inject: |s| set(s, &azure::storage_id(), "/properties/allowBlobPublicAccess", json!(false)),
    },
    Case { name: "role missing", root: Some("RA01"), inject: |s| remove_assignments(s, "cloudProvider") },
    Case { name: "identity gone", root: Some("ID01"), inject: |s| assert!(s.sim.remove(&azure::identity_id("file"))) },
    Case {
        name: "subnet gone",
        root: Some("NW01"),
        inject: |s| set(s, &azure::vnet_id(), "/properties/subnets", json!([])),
    },
    Case {
        name: "VNet in another region",
        root: Some("NW01"),
        inject: |s| set(s, &azure::vnet_id(), "/location", json!("westus")),
    },
    Case {
        name: "NSG denies 443 out",
        root: Some("NW02"),
        inject: |s| set_rules(s, &[nsg_rule("deny-https", 200, "Deny", "443", "*")]),
    },
    Case {
        name: "NSG denies everything to the Internet",
        root: Some("NW02"),
        inject: |s| set_rules(s, &[nsg_rule("deny-internet", 300, "Deny", "*", "Internet")]),
    },
    Case {
        name: "NSG deny behind an allow (healthy)",
        root: None,
        inject: |s| {
            set_rules(
                s,
                &[nsg_rule("allow-all", 100, "Allow", "*", "*"), nsg_rule("deny-https", 200, "Deny", "443", "*")],
            )
        },
    },
    Case {
        name: "egress load balancer deleted",
        root: Some("NW08"),
        inject: |s| assert!(s.sim.remove(&azure::load_balancer_id())),
    },
    Case {
        name: "provider not registered",
        root: Some("QT01"),
        inject: |s| {
            s.sim
                .edit(|state| {
                    state["providers"] = json!([{
                        "subscriptionId": seed::SUBSCRIPTION, "namespace": "Microsoft.Compute", "registrationState": "NotRegistered",
                    }]);
                })
                .unwrap();
        },
    },
    Case {
        name: "creds file without secret",
        root: Some("CR03"),
        inject: |s| {
            s.write_creds(
                &json!({"subscriptionId": seed::SUBSCRIPTION, "tenantId": seed::TENANT, "clientId": seed::CLIENT_ID}),
            )
            .unwrap();
        },
    },
    Case {
        name: "wrong client secret",
        root: Some("CR01"),
        inject: |s| {
            s.write_creds(&json!({
                "subscriptionId": seed::SUBSCRIPTION, "tenantId": seed::TENANT, "clientId": seed::CLIENT_ID, "clientSecret": "wrong-secret",
            }))
            .unwrap();
        },
    },
    Case {
        name: "NodePool newer than the cluster",
        root: Some("NP03"),
        inject: |s| patch(s, &s.namespace, "nodepool/demo", &json!({"status": {"version": "4.23.0"}})),
    },
    Case {
        name: "NodePool 4 minors behind",
        root: Some("NP03"),
        inject: |s| patch(s, &s.namespace, "nodepool/demo", &json!({"status": {"version": "4.18.9"}})),
    },
    Case {
        name: "NodePool 4.23 under 5.0 (healthy)",
        root: None,
        inject: |s| {
            patch(
                s,
                &s.namespace,
                "hostedcluster/demo",
                &json!({"status": {"version": kubernetes::version_status("5.0.1")}}),
            );
            patch(s, &s.namespace, "nodepool/demo", &json!({"status": {"version": "4.23.4"}}));
        },
    },
    Case {
        name: "NodePool 5.0 under 4.23",
        root: Some("NP03"),
        inject: |s| {
            patch(
                s,
                &s.namespace,
                "hostedcluster/demo",
                &json!({"status": {"version": kubernetes::version_status("4.23.4")}}),
            );
            patch(s, &s.namespace, "nodepool/demo", &json!({"status": {"version": "5.0.1"}}));
        },
    },
    Case {
        name: "operator not ready",
        root: Some("MC01"),
        inject: |s| {
            let status = json!({"status": {"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 2}});
            patch(s, "hypershift", "deployment/operator", &status);
        },
    },
    Case {
        name: "unsupported release",
        root: Some("MC02"),
        inject: |s| {
            let versions = json!({"versions": ["4.21", "4.20", "4.19"]}).to_string();
            patch(s, "hypershift", "configmap/supported-versions", &json!({"data": {"supported-versions": versions}}));
        },
    },
    Case {
        name: "VM size not available",
        root: Some("NP02"),
        inject: |s| {
            let control_plane = format!("{}-{NAME}", s.namespace);
            let message = "failed to create or update resource: RESPONSE 409: 409 Conflict ERROR CODE: SkuNotAvailable";
            let failed = json!({"status": {"phase": "Failed", "conditions": [kubernetes::condition("Ready", "False", "VMProvisionFailed", message)]}});
            let failed_vm = json!({"status": {"vmState": "Failed", "ready": false, "conditions": [kubernetes::condition("VMRunning", "False", "VMProvisionFailed", message)]}});
            patch(s, &control_plane, "machine.cluster.x-k8s.io/demo-7xk2p-a", &failed);
            patch(s, &control_plane, "azuremachine/demo-7xk2p-a", &failed_vm);
            let mut conditions = kubernetes::node_pool(&s.namespace, NAME, "4.22.3")["status"]["conditions"].clone();
            for condition in conditions.as_array_mut().unwrap() {
                if ["AllMachinesReady", "Ready", "AllNodesHealthy"].contains(&condition["type"].as_str().unwrap()) {
                    condition["status"] = json!("False");
                    condition["reason"] = json!("VMProvisionFailed");
                }
            }
            patch(s, &s.namespace, "nodepool/demo", &json!({"status": {"replicas": 1, "conditions": conditions}}));
        },
    },
    Case {
        name: "control plane component crash-looping",
        root: Some("HC03"),
        inject: |s| {
            let control_plane = format!("{}-{NAME}", s.namespace);
            let waiting = json!({"status": {"containerStatuses": [{
                "name": "ingress-operator", "ready": false, "restartCount": 9, "image": "img", "imageID": "img",
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}},
            }, {
                "name": "cloud-token-minter", "ready": true, "restartCount": 0, "image": "img", "imageID": "img",
                "state": {"running": {}},
            }]}});
            patch(s, &control_plane, "pod/ingress-operator-6d8f9-0", &waiting);
            let unavailable = json!({"status": {"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 1}});
            patch(s, &control_plane, "deployment/ingress-operator", &unavailable);
            patch(s, &s.namespace, "hostedcluster/demo", &json!({"status": {"conditions": degraded(s)}}));
        },
    },
];

/// The healthy conditions, but Degraded by the ingress operator.
fn degraded(scene: &Scene) -> Value {
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", &scene.namespace, "get", "hostedcluster", NAME, "-o", "jsonpath={.status.conditions}"]);
    let mut conditions: Value = serde_json::from_str(&scene::run::ran(command).unwrap().stdout).unwrap();
    for condition in conditions.as_array_mut().unwrap() {
        if condition["type"] == "Degraded" {
            condition["status"] = json!("True");
            condition["reason"] = json!("UnavailableReplicas");
            condition["message"] = json!("ingress-operator deployment has 1 unavailable replicas");
        }
    }
    conditions
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_one_root() {
    let scene = Scene::healthy().await.unwrap();
    let healthy = doctor(&scene, &["-o", "json"]);
    assert_eq!(healthy.code, Some(0), "{}\n{}", healthy.stdout, healthy.stderr);
    let summary = &healthy.json().unwrap()["summary"];
    for verdict in ["fail", "warn", "unknown"] {
        assert_eq!(summary[verdict], 0, "{}", healthy.stdout);
    }
    let mut wrong = Vec::new();
    e2e::workspace::note(&format!("{:<44} {:<6} {:<6} exit", "fault", "want", "got"));
    for case in CASES {
        (case.inject)(&scene);
        let ran = doctor(&scene, &["-o", "json"]);
        let roots = ran.roots("fail").unwrap();
        let codes: BTreeSet<&str> = roots.iter().map(|root| &root[..4]).collect();
        let got: Vec<&str> = codes.into_iter().collect();
        let want: Vec<&str> = case.root.into_iter().collect();
        let code = if want.is_empty() { 0 } else { 1 };
        e2e::workspace::note(&format!(
            "{:<44} {:<6} {:<6} {}",
            case.name,
            want.join(","),
            got.join(","),
            ran.code.unwrap_or(-1)
        ));
        let unknown = ran.json().unwrap()["summary"]["unknown"] != 0;
        if got != want || roots.len() > 1 || ran.code != Some(code) || unknown {
            wrong.push(format!("{}: want {want:?}, got {roots:?}, exit {:?}\n{}", case.name, ran.code, ran.stdout));
        }
        scene.heal_azure().unwrap();
        scene.heal_issuer().await.unwrap();
        scene.heal_files().unwrap();
        scene.heal_kubernetes().await.unwrap();
    }
    e2e::workspace::note(&format!("{} faults, {} wrong", CASES.len(), wrong.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_costs_only_the_checks_that_need_it() {
    let scene = Scene::healthy().await.unwrap();
    scene
        .sim
        .faults(vec![Fault {
            method: Some("GET".into()),
            path: Some("*/providers/Microsoft.Network/networkSecurityGroups/*".into()),
            status: Some(403),
            code: Some("AuthorizationFailed".into()),
            message: Some(format!(
                "The client 'c' with object id 'o' does not have authorization to perform action \
                 'Microsoft.Network/networkSecurityGroups/read' over scope '{}' or the scope is invalid.",
                azure::nsg_id()
            )),
            ..Fault::default()
        }])
        .unwrap();
    let ran = doctor(&scene, &["-o", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let report = ran.json().unwrap();
    let unknown: BTreeSet<&str> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["verdict"] == "unknown")
        .map(|row| row["code"].as_str().unwrap())
        .collect();
    assert_eq!(unknown, BTreeSet::from(["NW01", "NW02", "NW13"]), "{}", ran.stdout);
    assert_eq!(report["summary"]["fail"], 0);
    assert_eq!(report["troubles"][0]["needs"], "Microsoft.Network/networkSecurityGroups/read");
    assert_eq!(doctor(&scene, &["--strict"]).code, Some(1));
    let table = doctor(&scene, &[]).stdout;
    assert!(table.contains("Microsoft.Network/networkSecurityGroups/read"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_azure_credential_the_cluster_is_still_judged() {
    let scene = Scene::healthy().await.unwrap();
    let mut command = scene.command(Path::new(PROGRAM));
    command.args(["doctor", NAME, "-n", &scene.namespace, "-o", "json"]).env("PATH", scene.path(""));
    let ran = scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json().unwrap();
    let verdict = |code: &str| {
        let rows = report["verdicts"].as_array().unwrap();
        rows.iter().find(|row| row["code"] == code).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    for code in ["CR01", "QT01", "ID01", "FC01", "FC02", "FC03", "OI04", "RA01", "NW01", "NW02", "NW03"] {
        assert_eq!(verdict(code), "unknown", "{code}");
    }
    for code in ["OI01", "OI02", "OI03", "MC01", "MC02", "HC01", "HC03", "NP01", "NP02", "NP03"] {
        assert_eq!(verdict(code), "pass", "{code}");
    }
    let troubles = report["troubles"].as_array().unwrap();
    assert!(troubles.iter().any(|trouble| trouble["remedy"] == "az login"), "{troubles:#?}");
    assert!(scene.sim.requests().is_empty(), "Azure was asked without a credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_wanted_is_asked_for() {
    let scene = Scene::healthy().await.unwrap();
    assert_eq!(
        doctor(&scene, &["--only", "HC01,HC03,HC11,HC13,NP01,NP02,NP03,NP05,NP08,MC01,MC02,MC05,MC06"]).code,
        Some(0)
    );
    assert!(scene.sim.requests().is_empty(), "Azure was asked for checks of Kubernetes alone");
    assert_eq!(doctor(&scene, &["--only", "QT01"]).code, Some(0));
    let requests = scene.sim.requests();
    let paths: BTreeSet<&str> =
        requests.iter().map(|request| request.path.split('?').next().unwrap_or_default()).collect();
    assert!(paths.iter().all(|path| path.contains("/oauth2/") || path.contains("/providers/Microsoft.")), "{paths:?}");
    assert_eq!(paths.len(), 6, "a token and five providers: {paths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_few_rights_learns_which_are_missing() {
    let scene = Scene::healthy().await.unwrap();
    let rules = vec![e2e::bed::rule(&["hypershift.openshift.io"], &["hostedclusters", "nodepools"], &["get", "list"])];
    let kubeconfig = scene.bed.kubeconfig_for("few-rights", rules).await.unwrap();
    let mut command = scene.command(Path::new(PROGRAM));
    command
        .args(["doctor", NAME, "-n", &scene.namespace, "-o", "json", "--azure-creds"])
        .arg(scene.path("azure-creds.json"))
        .env("KUBECONFIG", kubeconfig);
    let ran = scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report = ran.json().unwrap();
    let unknown: BTreeSet<&str> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["verdict"] == "unknown")
        .map(|row| row["code"].as_str().unwrap())
        .collect();
    for code in ["FC05", "HC03", "MC01", "MC02", "NP02", "OI03"] {
        assert!(unknown.contains(code), "{code} is not unknown: {unknown:?}");
    }
    let needs: BTreeSet<&str> =
        report["troubles"].as_array().unwrap().iter().filter_map(|trouble| trouble["needs"].as_str()).collect();
    assert!(
        needs.contains("list machines.cluster.x-k8s.io") || needs.iter().any(|need| need.contains("machines")),
        "{needs:?}"
    );
    for row in report["verdicts"].as_array().unwrap() {
        assert_ne!(row["verdict"], "fail", "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_gives_the_same_report() {
    let scene = Scene::healthy().await.unwrap();
    assert!(scene.sim.remove(&azure::credential_id("disk", 0)));
    set_rules(&scene, &[nsg_rule("deny-https", 200, "Deny", "443", "*")]);
    let live = doctor(&scene, &["-o", "json"]).json().unwrap();
    for name in ["demo.tar.gz", "demo.tar.zst", "demo.json"] {
        let path = scene.path(name);
        let file = path.to_str().unwrap();
        let recorded =
            scene.run(Path::new(PROGRAM), &["bundle", NAME, "-n", &scene.namespace, "--file", file]).unwrap();
        assert_eq!((recorded.code, recorded.stdout.trim()), (Some(0), file), "{}", recorded.stderr);
        let bytes = std::fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(CLIENT_SECRET));
        let mut command = std::process::Command::new(PROGRAM);
        command.env_clear().args(["doctor", "--bundle", file, "-o", "json"]);
        let offline = scene::run::ran(command).unwrap();
        assert_eq!(offline.code, Some(1), "{}", offline.stderr);
        let offline = offline.json().unwrap();
        // The recording itself is judged besides.
        let of_cluster = |report: &Value| -> Vec<Value> {
            let rows = report["verdicts"].as_array().unwrap().iter();
            rows.filter(|row| !row["code"].as_str().unwrap().starts_with("BN")).cloned().collect()
        };
        assert_eq!(offline["summary"]["fail"], live["summary"]["fail"]);
        assert_eq!(of_cluster(&offline), of_cluster(&live));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_azure_is_asked_in_parallel_and_nothing_twice() {
    let scene = Scene::healthy().await.unwrap();
    scene.sim.clear_requests();
    scene.sim.set_latency(Duration::from_millis(150));
    let ran = doctor(&scene, &["-v"]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let requests = scene.sim.requests();
    let mut seen = BTreeSet::new();
    // Tokens of several services are had at one address; which one stands in the body.
    for request in requests.iter().filter(|request| !request.path.ends_with("/oauth2/v2.0/token")) {
        assert!(
            seen.insert(format!("{} {}", request.method, request.path)),
            "{} {} was asked twice",
            request.method,
            request.path
        );
    }
    let shown: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(" ms  ")).collect();
    let mut addresses = BTreeSet::new();
    // Access reviews are POSTs to one address; what they ask stands in the body.
    for line in shown.iter().filter(|line| line.contains(" GET ")) {
        let address = line.split(" ms  ").nth(1).unwrap().split("  request ").next().unwrap();
        assert!(addresses.insert(address), "asked twice: {address}");
    }
    let arm = requests.iter().filter(|request| request.path.starts_with("/subscriptions")).count();
    assert!(ran.stderr.contains("/oauth2/v2.0/token"), "the sign-in is not shown:\n{}", ran.stderr);
    assert!(shown.len() >= arm, "-v shows {} of {arm} calls", shown.len());
    e2e::workspace::note(&format!(
        "{} requests to Azure at 150 ms each in {:.2} s",
        requests.len(),
        ran.elapsed.as_secs_f32()
    ));
    assert!(ran.elapsed < Duration::from_millis(6 * 150 + 500), "{:?}", ran.elapsed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_output_format_never_changes_the_answer() {
    let scene = Scene::healthy().await.unwrap();
    assert!(scene.sim.remove(&azure::identity_id("network")));
    for format in ["table", "wide", "json", "yaml"] {
        assert_eq!(doctor(&scene, &["-o", format]).code, Some(1), "{format}");
        assert_eq!(doctor(&scene, &["-o", format, "--skip", "ID"]).code, Some(0), "{format}");
    }
    let text = doctor(&scene, &[]).stdout;
    assert!(text.contains("ROOT CAUSE 1") && text.contains("HAZ-ID01"), "{text}");
    assert!(!text.contains('\u{1b}'), "colour without a terminal");
    // A command stays one that can be copied, so that a long value is not broken.
    let mut prose = text.lines().filter(|line| !line.starts_with("    "));
    assert!(prose.all(|line| line.chars().count() <= 80), "{text}");
    let schema: Value = serde_json::from_str(ui_schema()).unwrap();
    let report = doctor(&scene, &["-o", "json"]).json().unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn ui_schema() -> &'static str {
    include_str!("../../../../common/ui/src/report/doctor-report.schema.json")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cluster_of_a_namespace() {
    let scene = Scene::healthy().await.unwrap();
    let ran = scene.run(Path::new(PROGRAM), &["doctor", "--all", "-n", &scene.namespace, "-o", "json"]).unwrap();
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let list = ran.json().unwrap();
    assert_eq!((list["kind"].as_str(), list["items"].as_array().map(Vec::len)), (Some("DoctorReportList"), Some(1)));
    let table = scene.run(Path::new(PROGRAM), &["doctor", "-A", "-n", &scene.namespace]).unwrap();
    assert!(table.stdout.starts_with("NAME"), "{}", table.stdout);
    let missing = scene.run(Path::new(PROGRAM), &["doctor", "gone", "-n", &scene.namespace]).unwrap();
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("error: there is no HostedCluster"), "{}", missing.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_finds_the_plugin_by_both_names() {
    let scene = Scene::healthy().await.unwrap();
    let plugins = tempfile::tempdir().unwrap();
    for name in ["kubectl-hcp_azure", "kubectl-hcp_azure-doctor"] {
        let built = Path::new(PROGRAM).with_file_name(name);
        std::os::unix::fs::symlink(built, plugins.path().join(name)).unwrap();
        let mut command = scene.bed.kubectl_command(plugins.path()).unwrap();
        command
            .args(["hcp-azure", "doctor", NAME, "-n", &scene.namespace, "--azure-creds"])
            .arg(scene.path("azure-creds.json"))
            .env("AZURE_ENVIRONMENT_FILEPATH", scene.path("environment.json"));
        let ran = scene::run::ran(command).unwrap();
        assert_eq!(ran.code, Some(0), "{name}: {}\n{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("healthy"), "{}", ran.stdout);
        std::fs::remove_file(plugins.path().join(name)).unwrap();
    }
}
