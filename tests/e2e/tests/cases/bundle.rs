//! `bundle`, live: no secret in it, its receipt, and what becomes of a changed one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use azure_sim::Fault;
use e2e::scene::{self, CLIENT_SECRET, NAME, Ran, Scene, azure, kubernetes};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

/// Secrets, and the texts that hold them.
const CANARIES: [(&str, &str); 8] = [
    (
        "c2lnbmF0dXJlLWNhbmFyeQ",
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImNhbmFyeSJ9.eyJpc3MiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ",
    ),
    ("MIIcanarykey", "-----BEGIN RSA PRIVATE KEY-----\nMIIcanarykey\n-----END RSA PRIVATE KEY-----"),
    ("canarysascanarysas%3D", "https://acct.blob.core.windows.net/c?sv=2024&sig=canarysascanarysas%3D&se=2027"),
    ("Y2FuYXJ5OnB1bGw=", r#"{"auths":{"quay.io":{"auth":"Y2FuYXJ5OnB1bGw="}}}"#),
    ("canary-client-secret", "client_secret=canary-client-secret&grant_type=client_credentials"),
    ("aBc8Q~canary", "secret aBc8Q~canary_canary_canary_canary_canar was refused"),
    ("canarystoragekey", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=canarystoragekeycanarystoragekey=="),
    ("AKIACANARYCANARYCANA", "key AKIACANARYCANARYCANA"),
];

fn record(scene: &Scene, name: &str, more: &[&str]) -> (PathBuf, Ran) {
    let path = scene.path(name);
    let mut args = vec!["bundle", NAME, "-n", &scene.namespace, "--file", path.to_str().unwrap()];
    args.extend(more);
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    (path, ran)
}

/// A file of a bundle, unpacked.
fn file(bundle: &Path, name: &str) -> String {
    let mut command = Command::new("tar");
    command.arg("-xOf").arg(bundle).arg(name);
    let ran = scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout
}

fn judge(bundle: &Path, more: &[&str]) -> Value {
    let mut command = Command::new(PROGRAM);
    command.env_clear().args(["doctor", "-o", "json", "--bundle"]).arg(bundle).args(more);
    let ran = scene::run::ran(command).unwrap();
    ran.json().unwrap_or_else(|_| panic!("{ran:?}"))
}

/// Puts every canary into conditions, annotations, events, container states and tags.
async fn plant(scene: &Scene) {
    let all: Vec<&str> = CANARIES.iter().map(|(_, text)| *text).collect();
    let text = all.join(" ");
    let control_plane = format!("{}-{NAME}", scene.namespace);
    let conditions: Vec<Value> = ["Available", "Degraded", "Progressing", "ValidConfiguration"]
        .into_iter()
        .map(|kind| kubernetes::condition(kind, "True", "Canary", &text))
        .collect();
    let status = |namespace: &str, object: &str, status: Value| {
        let patch = json!({ "status": status }).to_string();
        scene
            .kubectl(&["-n", namespace, "patch", object, "--type=merge", "--subresource=status", "-p", &patch])
            .unwrap();
    };
    status(&scene.namespace, "hostedcluster/demo", json!({ "conditions": conditions }));
    status(&scene.namespace, "nodepool/demo", json!({ "conditions": conditions }));
    status(
        &control_plane,
        "pod/capi-provider-6d8f9-0",
        json!({"containerStatuses": [{
            "name": "capi-provider", "ready": false, "restartCount": 3, "image": "img", "imageID": "img",
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": text}},
        }]}),
    );
    let annotations = json!({"metadata": {"annotations": {
        "hypershift.openshift.io/canary": text, "canary/password": "canary-client-secret",
    }}});
    let annotations = annotations.to_string();
    scene
        .kubectl(&["-n", &scene.namespace, "patch", "hostedcluster/demo", "--type=merge", "-p", &annotations])
        .unwrap();
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "Failed", "message": text,
        "metadata": {"name": "canary", "namespace": control_plane},
        "involvedObject": {"kind": "Pod", "name": "capi-provider-6d8f9-0", "namespace": control_plane},
        "lastTimestamp": jiff_now(),
    });
    scene.bed.apply_yaml(&event.to_string()).await.unwrap();
    let mut planted = 0;
    scene
        .sim
        .edit(|state| {
            let groups = state["resources"].as_array_mut().unwrap().iter_mut();
            for group in groups.filter(|resource| resource["id"].as_str().is_some_and(|id| id.split('/').count() == 5))
            {
                group["tags"] = json!({"password": "canary-client-secret", "note": text});
                planted += 1;
            }
        })
        .unwrap();
    assert!(planted > 0, "no tags to plant in");
}

fn jiff_now() -> String {
    let mut command = Command::new("date");
    command.args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]);
    scene::run::ran(command).unwrap().stdout.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_cluster_or_azure_is_in_a_bundle_or_its_receipt() {
    let scene = Scene::healthy().await.unwrap();
    plant(&scene).await;
    let (path, ran) = record(&scene, "canary.tar.gz", &["-v"]);
    let (json, printed) = record(&scene, "canary.json", &["-o", "json"]);
    assert_eq!(ran.stdout.trim(), path.to_str().unwrap(), "the path alone is on stdout");
    let texts = [
        ("facts.json", file(&path, "facts.json")),
        ("manifest.json", file(&path, "manifest.json")),
        ("one file", fs::read_to_string(&json).unwrap()),
        ("stdout", printed.stdout.clone()),
        ("stderr", ran.stderr.clone()),
    ];
    assert!(texts[0].1.matches("[redacted]").count() >= CANARIES.len(), "nothing had to be redacted");
    for (name, text) in &texts {
        for (secret, _) in CANARIES.iter().chain(&[(CLIENT_SECRET, ""), ("PRIVATE KEY", "")]) {
            assert!(!text.contains(secret), "{secret} is in {name}");
        }
    }
    for path in [&path, &json] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        let report = judge(path, &["--only", "BN"]);
        let verdicts: Vec<&str> = report["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["code"] == "BN02")
            .map(|row| row["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(verdicts, ["pass"], "{report:#}");
    }
    let manifest: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(manifest["reader"]["azure"]["kind"], "ServicePrincipal");
    assert!(manifest["reader"]["user"].is_string());
    let rules = manifest["privileges"]["kubernetes"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["resource"] == "hostedclusters"), "{rules:#?}");
    let actions = manifest["privileges"]["azure"].as_array().unwrap();
    assert!(actions.iter().all(|action| action["action"].as_str().unwrap().starts_with("Microsoft.")), "{actions:#?}");
    assert!(actions.iter().any(|action| action["action"] == "Microsoft.Network/virtualNetworks/read"));
    // The API server takes the role as it is.
    let role = scene.path("role.yaml");
    fs::write(&role, manifest["privileges"]["clusterRole"].as_str().unwrap()).unwrap();
    scene.kubectl(&["apply", "--dry-run=server", "-f", role.to_str().unwrap()]).unwrap();
    e2e::workspace::note(&format!("{} texts, {} secrets, none in them", texts.len(), CANARIES.len() + 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_names_what_was_refused_and_a_changed_bundle_is_told() {
    let scene = Scene::healthy().await.unwrap();
    let fault = Fault {
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
    };
    scene.sim.faults(vec![fault]).unwrap();
    let (path, ran) = record(&scene, "refused.tar.gz", &[]);
    let manifest: Value = serde_json::from_str(&file(&path, "manifest.json")).unwrap();
    let unread = manifest["unread"].as_array().unwrap();
    let refused =
        unread.iter().find(|unread| unread["needs"] == "Microsoft.Network/networkSecurityGroups/read").unwrap();
    assert_eq!((refused["role"].as_str(), refused["scope"].as_str()), (Some("Reader"), Some(azure::nsg_id().as_str())));
    let command = refused["command"].as_str().unwrap();
    assert!(command.starts_with("az role assignment create --assignee-object-id "), "{command}");
    assert!(command.contains("--role Reader --scope /subscriptions/"), "{command}");
    assert!(ran.stderr.contains(command) && ran.stderr.contains("in role Reader"), "{}", ran.stderr);
    let status = manifest["calls"].as_array().unwrap().iter().filter(|call| call["status"] == 403).count();
    assert!(status >= 1);
    let rows = |report: &Value, code: &str| -> Vec<Value> {
        let all = report["verdicts"].as_array().unwrap();
        all.iter().filter(|row| row["code"] == code && row["verdict"] == "warn").cloned().collect()
    };
    let report = judge(&path, &[]);
    let lacking = rows(&report, "BN01");
    assert_eq!(lacking.len(), 1, "{lacking:#?}");
    assert!(lacking[0].to_string().contains("networkSecurityGroups/read"), "{}", lacking[0]);
    // Somebody edits the facts.
    let folder = scene.path("edited");
    fs::create_dir(&folder).unwrap();
    for name in ["facts.json", "manifest.json"] {
        fs::write(folder.join(name), file(&path, name).replace("\"replicas\": 2", "\"replicas\": 3")).unwrap();
    }
    fs::write(folder.join("facts.json"), file(&path, "facts.json") + "\n").unwrap();
    let report = judge(&folder, &["--only", "BN01"]);
    assert!(rows(&report, "BN01").iter().any(|row| row["subject"] == "facts.json"), "{report:#}");
    // And a cut file is no bundle at all.
    let bytes = fs::read(&path).unwrap();
    let cut = scene.path("cut.tar.gz");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let mut command = Command::new(PROGRAM);
    command.env_clear().args(["doctor", "--bundle"]).arg(&cut);
    let ran = scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is cut off"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_cannot_be_written_leaves_nothing() {
    let scene = Scene::healthy().await.unwrap();
    let missing = scene.path("no/such/folder/x.tar.gz");
    let file = missing.to_str().unwrap();
    let ran = scene.run(Path::new(PROGRAM), &["bundle", NAME, "-n", &scene.namespace, "--file", file]).unwrap();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("cannot write") && !missing.exists(), "{}", ran.stderr);
    let quiet = record(&scene, "quiet.tar.zst", &["-q"]).1;
    assert!(quiet.stderr.is_empty(), "{}", quiet.stderr);
}

#[test]
fn secrets_of_a_foreign_dump_are_told_by_place_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "namespaces/clusters/hypershift.openshift.io/hostedclusters/demo.yaml",
        "apiVersion: hypershift.openshift.io/v1beta1\nkind: HostedCluster\nmetadata: {name: demo, namespace: clusters, \
         creationTimestamp: \"2026-11-20T09:00:00Z\"}\nspec: {infraID: x, platform: {type: Azure, azure: {location: \
         eastus}}}\n",
    );
    write(
        "namespaces/clusters/core/secrets.yaml",
        "apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    key: Y2FuYXJ5a2V5\n  kind: Secret\n  metadata: {name: x}\nkind: SecretList\n",
    );
    for (at, (_, text)) in CANARIES.iter().enumerate() {
        write(&format!("namespaces/clusters-demo/core/pods/logs/p{at}-main.log"), &format!("first\n{text}\n"));
    }
    for format in ["table", "wide", "json", "yaml", "junit", "markdown", "html", "name"] {
        let mut command = Command::new(PROGRAM);
        command.env_clear().args(["doctor", "--only", "BN", "-o", format, "--bundle"]).arg(folder.path());
        let ran = scene::run::ran(command).unwrap();
        assert_eq!(ran.code, Some(1), "{ran:?}");
        for secret in CANARIES.iter().map(|(secret, _)| *secret).chain(["Y2FuYXJ5a2V5"]) {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{format} shows {secret}");
        }
        if format == "json" {
            let report = ran.json().unwrap();
            let rows = report["verdicts"].as_array().unwrap();
            let row = rows.iter().find(|row| row["code"] == "BN02").unwrap().to_string();
            for (kind, place) in [
                ("values of a Secret", "namespaces/clusters/core/secrets.yaml:5"),
                ("token", "p0-main.log:2"),
                ("private key", "p1-main.log:2"),
                ("SAS signature", "SAS signature"),
                ("pull secret", "p3-main.log:2"),
                ("client secret", "p5-main.log:2"),
                ("storage key", "p6-main.log:2"),
                ("AWS access key", "p7-main.log:2"),
            ] {
                assert!(row.contains(kind) && row.contains(place), "{kind} at {place} is not in {row}");
            }
        }
    }
}
