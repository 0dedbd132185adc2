//! `doctor`, live: the management cluster as a host, its other hosted clusters, and the Secret of the signing key.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::scene::{NAME, Ran, Scene, signing_key};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const MINE: &str = "MC05,MC06,ID03,OI03,OI05,OI07";

fn doctor(scene: &Scene, more: &[&str]) -> Ran {
    let args = [&["doctor", NAME, "-n", &scene.namespace, "--only", MINE, "-o", "json"], more].concat();
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    assert!(!ran.stdout.contains("PRIVATE KEY") && !ran.stderr.contains("PRIVATE KEY"), "a private key is shown");
    ran
}

/// Root and verdict of the only root that is no pass.
fn the_root(ran: &Ran) -> (String, String) {
    let report = ran.json().unwrap();
    let rows: Vec<&Value> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["causedBy"].is_null() && !matches!(row["verdict"].as_str(), Some("pass" | "skipped")))
        .collect();
    assert_eq!(rows.len(), 1, "{}", ran.stdout);
    let text = |key: &str| rows[0][key].as_str().unwrap().to_owned();
    (text("code"), text("verdict"))
}

fn is(root: &(String, String), code: &str, verdict: &str) {
    assert_eq!((root.0.as_str(), root.1.as_str()), (code, verdict));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_management_cluster_with_one_fault() {
    let scene = Scene::healthy().await.unwrap();
    let healthy = doctor(&scene, &[]);
    let summary = &healthy.json().unwrap()["summary"];
    assert_eq!((&summary["pass"], &summary["fail"]), (&json!(6), &json!(0)), "{}", healthy.stdout);
    assert_eq!((&summary["warn"], &summary["unknown"]), (&json!(0), &json!(0)), "{}", healthy.stdout);

    // A node is away; what follows for the spread of replicas is folded under it.
    let away =
        json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}});
    let patch = |status: &Value| {
        let patch = status.to_string();
        scene
            .kubectl(&["patch", "node", "mgmt-worker-2", "--subresource=status", "--type=merge", "-p", &patch])
            .unwrap();
    };
    patch(&away);
    is(&the_root(&doctor(&scene, &[])), "MC06", "warn");
    patch(&json!({"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}}));

    // Pods of somebody else take nearly all of the memory.
    let hog = |node: usize| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("hog-{node}"), "namespace": "hypershift"},
            "spec": {"nodeName": format!("mgmt-worker-{node}"), "containers": [
                {"name": "hog", "image": "img", "resources": {"requests": {"memory": "56Gi", "cpu": "100m"}}}]},
        })
        .to_string()
    };
    for node in 1..=3 {
        scene.bed.apply_yaml(&hog(node)).await.unwrap();
    }
    let scarce = doctor(&scene, &[]);
    is(&the_root(&scarce), "MC05", "warn");
    assert!(scarce.stdout.contains("18 GiB"), "{}", scarce.stdout);
    scene
        .kubectl(&["-n", "hypershift", "delete", "pod", "hog-1", "hog-2", "hog-3", "--force", "--grace-period=0"])
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signing_key_that_hypershift_cannot_read() {
    let scene = Scene::healthy().await.unwrap();
    let secret = format!("{NAME}sa-token-issuer-key");
    let name = scene
        .kubectl(&[
            "-n",
            &scene.namespace,
            "get",
            "hostedcluster",
            NAME,
            "-o",
            "jsonpath={.spec.serviceAccountSigningKey.name}",
        ])
        .unwrap();
    assert_eq!(name, secret);
    let put = |pem: &str| {
        let patch = json!({"data": {"key": BASE64_STANDARD.encode(pem)}}).to_string();
        scene.kubectl(&["-n", &scene.namespace, "patch", "secret", &secret, "--type=merge", "-p", &patch]).unwrap();
    };
    // The same key wrapped as PKCS#8: the issuer still publishes it, and HyperShift does not read it.
    let pkcs1 = scene.path("pkcs1.pem");
    std::fs::write(&pkcs1, signing_key().unwrap().pem).unwrap();
    let converted =
        std::process::Command::new("openssl").args(["pkcs8", "-topk8", "-nocrypt", "-in"]).arg(&pkcs1).output();
    match converted {
        Ok(output) if output.status.success() => {
            put(&String::from_utf8(output.stdout).unwrap());
            let ran = doctor(&scene, &[]);
            is(&the_root(&ran), "OI05", "fail");
            assert!(ran.stdout.contains("PKCS#8 form"), "{}", ran.stdout);
        }
        _ => e2e::workspace::note("skipped: there is no openssl that wraps a key"),
    }
    put("no key");
    is(&the_root(&doctor(&scene, &[])), "OI05", "fail");
    scene.kubectl(&["-n", &scene.namespace, "delete", "secret", &secret]).unwrap();
    is(&the_root(&doctor(&scene, &[])), "OI05", "fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hosted_clusters_share_is_read_once() {
    let scene = Scene::healthy().await.unwrap();
    let spec = scene.kubectl(&["-n", &scene.namespace, "get", "hostedcluster", NAME, "-o", "json"]).unwrap();
    let mut other: Value = serde_json::from_str(&spec).unwrap();
    other["metadata"] = json!({"name": "other", "namespace": scene.namespace});
    other["spec"]["infraID"] = json!("other-abcde");
    other["spec"].as_object_mut().unwrap().remove("clusterID");
    scene.bed.apply_yaml(&other.to_string()).await.unwrap();
    let args = ["doctor", "--all", "-n", &scene.namespace, "--only", MINE, "-o", "json", "-v"];
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    let shared = ran.stdout.matches("also serves HostedCluster").count();
    assert_eq!(shared, 2 * 8, "{}", ran.stdout);
    assert!(ran.stdout.contains("has the same issuer"), "{}", ran.stdout);
    for path in ["/api/v1/nodes?", "/api/v1/pods?", "/apis/storage.k8s.io/v1/csinodes?", "/hostedclusters?"] {
        let times = ran.stderr.lines().filter(|line| line.contains(path)).count();
        // The hosted clusters are listed once to know them all, and once for what they share.
        assert_eq!(times, if path == "/hostedclusters?" { 2 } else { 1 }, "{path}\n{}", ran.stderr);
    }
}
