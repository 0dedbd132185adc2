//! `upgrade cluster` and `nodepool upgrade` on a real API server, with a registry to ask.

use e2e::registry::{CREDENTIALS, Registry, SIGNATURE, TOKEN};
use e2e::scene::{Ran, Scene, kubernetes};
use serde_json::{Value, json};

use super::create_cluster::{kubectl, object};
use super::create_cluster_faults::interrupt;
use super::create_cluster_wait::Waiting;
use super::day2::{add_pool, done, here, patch_status, refused, unwrapped, versions};

const QUAY: &str = "quay.io/openshift-release-dev/ocp-release";

fn image(version: &str) -> String {
    format!("{QUAY}:{version}-multi")
}

fn release_of(scene: &Scene, kind: &str, name: &str) -> Value {
    object(scene, kind, name)["spec"]["release"]["image"].clone()
}

/// Gives the cluster a status in which it rolls a release out, or has done so.
fn rolls_out(scene: &Scene, version: &str, state: &str) {
    let mut status = kubernetes::version_status("4.22.3");
    let mut entry = status["history"][0].clone();
    entry["image"] = json!(image(version));
    entry["version"] = json!(version);
    entry["state"] = json!(state);
    status["desired"] = json!({"image": image(version), "version": version});
    status["history"] = json!([entry, status["history"][0]]);
    patch_status(scene, "hostedcluster", "demo", &json!({"version": status}));
}

/// Sets conditions of the cluster beside those it has.
fn conditions(scene: &Scene, more: &[Value]) {
    let mut all = object(scene, "hostedcluster", "demo")["status"]["conditions"].as_array().unwrap().clone();
    all.retain(|have| more.iter().all(|new| new["type"] != have["type"]));
    all.extend_from_slice(more);
    patch_status(scene, "hostedcluster", "demo", &json!({"conditions": all}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_to_the_control_plane_first() {
    let scene = Scene::healthy().await.unwrap();
    let line = format!("upgrade cluster demo --release-image {}", image("4.22.7"));
    let before = object(&scene, "hostedcluster", "demo");
    let plan = done(&scene, &format!("{line} --dry-run"));
    assert!(plan.stdout.contains("release 4.22.3 -> 4.22.7") && !plan.stdout.contains("NodePool"), "{}", plan.stdout);
    let both = done(&scene, &format!("{line} --dry-run --with-node-pools -o json")).json().unwrap();
    assert_eq!(both["steps"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!(both["steps"][1]["dependsOn"], json!(["hostedcluster/demo"]));
    assert_eq!(here(&scene, &format!("{line} --dry-run --exit-code")).code, Some(1));
    assert_eq!(
        object(&scene, "hostedcluster", "demo")["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );

    // A NodePool may not go first.
    let pool = format!("nodepool upgrade demo --release-image {}", image("4.22.7"));
    refused(
        &scene,
        &pool,
        &["4.22.7 is newer than 4.22.3", "upgrade the cluster first: `kubectl hcp-azure upgrade cluster demo"],
    );
    let told = done(&scene, &format!("{line} --with-node-pools --yes"));
    let said = unwrapped(&told.stderr);
    assert!(said.contains("without --wait the NodePools stay") && said.contains("nodepool upgrade demo -n "), "{said}");
    let after = object(&scene, "hostedcluster", "demo");
    let mut want = before["spec"].clone();
    want["release"]["image"] = json!(image("4.22.7"));
    assert_eq!(after["spec"], want);
    assert_eq!(release_of(&scene, "nodepool", "demo"), image("4.22.3"));
    refused(&scene, &pool, &["its own upgrade to that release is not complete yet", "--wait` waits for it"]);
    let again = done(&scene, &format!("{} --yes", line.replace("upgrade cluster", "upgrade")));
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!(here(&scene, &format!("{line} --dry-run --exit-code")).code, Some(0));

    // Once it has it, its NodePools may have it; without a flag they get it.
    rolls_out(&scene, "4.22.7", "Completed");
    let plan = done(&scene, "nodepool upgrade demo --dry-run").stdout;
    assert!(plan.contains("release 4.22.3 -> 4.22.7"), "{plan}");
    done(&scene, &format!("{pool} --yes"));
    assert_eq!(release_of(&scene, "nodepool", "demo"), image("4.22.7"));
    assert!(done(&scene, "nodepool upgrade demo --yes").stderr.contains("nothing to do"));
    // Then all is as it should be.
    assert_eq!(here(&scene, &format!("{line} --dry-run --with-node-pools --exit-code")).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_would_refuse_is_refused_first() {
    let scene = Scene::healthy().await.unwrap();
    add_pool(&scene, "demo-old", "4.19.9").await;
    let upgrade = |version: &str| format!("upgrade demo --release-image {}", image(version));
    let pool = |version: &str| format!("nodepool upgrade demo-old --release-image {}", image(version));
    for (line, words) in [
        (
            upgrade("4.23.0"),
            &["leave NodePool demo-old (4.19.9) 4 minors behind; 3 are supported", "nodepool upgrade demo-old -n"][..],
        ),
        (upgrade("5.0.1"), &["leave NodePool demo-old (4.19.9) 4 minors behind"]),
        (upgrade("5.2.0"), &["5.2.0 is newer than 5.1"]),
        (upgrade("4.21.9"), &["4.21.9 is of an older minor than 4.22.3"]),
        (upgrade("4.13.9"), &["4.13.9 is older than 4.14"]),
        (pool("4.18.9"), &["4.18.9 is of an older minor than 4.19.9"]),
        (pool("4.23.0"), &["4.23.0 is newer than 4.22.3"]),
        (
            format!("upgrade demo --release-image {QUAY}:4.22.7-aarch64"),
            &["for arm64 alone", "NodePool demo (amd64), NodePool demo-old (amd64)"],
        ),
        (format!("nodepool upgrade demo --release-image {QUAY}:4.22.2-s390x"), &["for s390x alone"]),
        ("upgrade demo --release-image :".to_owned(), &["--release-image :"]),
        (format!("upgrade cluster --release-image {}", image("4.22.7")), &["--name is missing"]),
    ] {
        refused(&scene, &line, words);
    }
    // A cluster that says no is believed, but for patch releases.
    let message = "Kubernetes 1.37 removes APIs that are in use";
    conditions(&scene, &[kubernetes::condition("ClusterVersionUpgradeable", "False", "AdminAckRequired", message)]);
    done(&scene, &format!("{} --yes", pool("4.22.3")));
    patch_status(&scene, "nodepool", "demo-old", &json!({"version": "4.22.3"}));
    refused(&scene, &upgrade("4.23.0"), &["AdminAckRequired", message, "ClusterVersionUpgradeable"]);
    assert!(done(&scene, &format!("{} --dry-run", upgrade("4.22.9"))).stdout.contains("4.22.3 -> 4.22.9"));
    // What is not seen is told: the operator judges again.
    kubectl_in_operator(&scene, &["delete", "configmap", "supported-versions"]);
    let unseen = done(&scene, &format!("{} --dry-run", upgrade("4.22.9")));
    assert!(unwrapped(&unseen.stdout).contains("publishes no supported versions"), "{}", unseen.stdout);
    // What rests is told, what goes is refused.
    let hold = r#"{"spec":{"pausedUntil":"2030-01-01T00:00:00Z"},"metadata":{"finalizers":["e2e/hold"]}}"#;
    kubectl(&scene, &["patch", "hostedcluster", "demo", "--type=merge", "-p", hold]);
    assert!(unwrapped(&done(&scene, &format!("{} --dry-run", upgrade("4.22.9"))).stdout).contains("is paused"));
    kubectl(&scene, &["delete", "hostedcluster", "demo", "--wait=false"]);
    refused(&scene, &upgrade("4.22.9"), &["--name demo", "is being deleted"]);
    kubectl(&scene, &["patch", "hostedcluster", "demo", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
}

fn kubectl_in_operator(scene: &Scene, args: &[&str]) {
    kubectl(scene, &[&["-n", "hypershift"], args].concat());
}

/// Runs it; neither output may hold what the registry gave or got.
fn kept_secret(ran: Ran) -> Ran {
    for output in [&ran.stdout, &ran.stderr] {
        for secret in [CREDENTIALS, TOKEN, SIGNATURE, "pull-canary"] {
            assert!(!output.contains(secret), "a secret is shown:\n{output}");
        }
    }
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_tells_what_a_tag_does_not() {
    let scene = Scene::healthy().await.unwrap();
    let registry = Registry::start().await.unwrap();
    let trust = std::fs::read_to_string(scene.path("ca.pem")).unwrap();
    std::fs::write(scene.path("ca.pem"), format!("{trust}\n{}", registry.ca_pem())).unwrap();
    std::fs::write(scene.path("pull.json"), registry.pull_secret().to_string()).unwrap();
    let patch = registry.add("latest", Some("4.22.9"), &["arm64", "amd64"]);
    let minor = registry.add("next", Some("4.21.1"), &["amd64"]);
    let lone = registry.add("lone", Some("4.22.9"), &["arm64"]);
    let other = registry.add("other", None, &["amd64"]);
    let upgrade = |image: &str| format!("upgrade demo --release-image {image} --pull-secret pull.json");

    // By digest and by a tag that is no version, for one architecture or several.
    for image in [&patch, &registry.image("latest")] {
        let plan = kept_secret(done(&scene, &format!("{} --dry-run -v", upgrade(image))));
        assert!(plan.stdout.contains("release 4.22.3 -> 4.22.9"), "{}", plan.stdout);
        assert!(plan.stderr.contains("/token") && plan.stderr.contains("/elsewhere/"), "{}", plan.stderr);
    }
    refused(&scene, &upgrade(&minor), &["4.21.1 is of an older minor than 4.22.3"]);
    refused(&scene, &upgrade(&lone), &["for arm64 alone, which does not fit NodePool demo (amd64)"]);
    refused(&scene, &upgrade(&other), &["is no OpenShift release", "--allow-unknown-version"]);
    assert_eq!(registry.leaked(), Vec::<String>::new());

    // Without what it asks for, nothing is known; then nothing is done unless that is wanted.
    let bare = upgrade(&patch).replace(" --pull-secret pull.json", "");
    refused(&scene, &bare, &["the pull secret has nothing for it", "holds no pull secret"]);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "demo-pull-secret", "namespace": scene.namespace},
        "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": registry.pull_secret().to_string()},
    });
    scene.bed.apply_yaml(&secret.to_string()).await.unwrap();
    assert!(kept_secret(done(&scene, &format!("{bare} --dry-run"))).stdout.contains("-> 4.22.9"));
    std::fs::write(scene.path("pull.json"), r#"{"auths": {"x": "dXNlcjpwdWxsLWNhbmFyeQ=="}}"#).unwrap();
    refused(&scene, &upgrade(&patch), &["the pull secret is no JSON with `auths`"]);
    let missing = upgrade(&patch).replace("pull.json", "missing.json");
    let asked = registry.requests().len();
    refused(&scene, &missing, &["--pull-secret missing.json", "cannot be read"]);
    assert_eq!(registry.requests().len(), asked);
    registry.tamper(&patch);
    refused(&scene, &bare, &["what it gives has another digest"]);
    let unknown = done(&scene, &format!("{bare} --allow-unknown-version --dry-run"));
    assert!(unwrapped(&unknown.stdout).contains("is left to the operator"), "{}", unknown.stdout);
    let nobody = format!("127.0.0.1:1/ocp/release@sha256:{}", "0a".repeat(32));
    refused(&scene, &format!("upgrade demo --release-image {nobody}"), &["127.0.0.1:1", "is not known"]);
    e2e::workspace::note(&format!("{} requests to the registry", registry.requests().len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_waits_for_the_control_plane_and_then_for_the_node_pools() {
    let scene = Scene::healthy().await.unwrap();
    add_pool(&scene, "demo-b", "4.21.9").await;
    let line = format!(
        "upgrade demo -n {} --release-image {} --with-node-pools --wait --yes",
        scene.namespace,
        image("4.22.7")
    );
    // Ctrl-C: the upgrade goes on by itself, and the NodePools do not follow.
    let waiting = Waiting::begin(&scene, &line);
    waiting.until("the operator has not begun yet");
    interrupt(&waiting.child);
    let said = unwrapped(&waiting.end(130));
    assert!(said.contains("NodePool") && said.contains("get release 4.22.7 too"), "{said}");
    assert!(said.contains("is not upgraded after") && said.contains("it goes on without us"), "{said}");
    assert_eq!(release_of(&scene, "hostedcluster", "demo"), image("4.22.7"));
    assert_eq!(release_of(&scene, "nodepool", "demo"), image("4.22.3"));
    // The deadline ends it likewise, and the one document says what was left.
    let late =
        here(&scene, &format!("{} --timeout 7s -q -o json", line.replace(&format!("-n {}", scene.namespace), "")));
    assert_eq!(late.code, Some(1), "{}", late.stderr);
    assert!(unwrapped(&late.stderr).contains("not done within --timeout 7s"), "{}", late.stderr);
    let ends: Vec<Value> =
        late.json().unwrap()["steps"].as_array().unwrap().iter().map(|step| step["outcome"].clone()).collect();
    assert_eq!(ends, ["kept", "stopped", "stopped"]);

    let before = versions(&scene);
    let waiting = Waiting::begin(&scene, &line);
    waiting.until("the operator has not begun yet");
    assert_eq!(versions(&scene), before, "nothing was left to write");
    rolls_out(&scene, "4.22.7", "Partial");
    let message = "Working towards 4.22.7: 120 of 600 done (20% complete)";
    conditions(&scene, &[kubernetes::condition("ClusterVersionProgressing", "True", "Updating", message)]);
    waiting.until("20% complete");
    rolls_out(&scene, "4.22.7", "Completed");
    waiting.until("NodePool demo-b: 2/2 nodes ready");
    assert_eq!(release_of(&scene, "nodepool", "demo"), image("4.22.7"));
    assert_eq!(release_of(&scene, "nodepool", "demo-b"), image("4.22.7"));
    patch_status(&scene, "nodepool", "demo", &json!({"version": "4.22.7", "replicas": 1}));
    waiting.until("NodePool demo: 1/2 nodes ready");
    patch_status(&scene, "nodepool", "demo-b", &json!({"version": "4.22.7"}));
    patch_status(&scene, "nodepool", "demo", &json!({"replicas": 2}));
    let said = waiting.end(0);
    let mut rest = said.as_str();
    for link in [
        "4.22.7 is being rolled out",
        "0/5 components have 4.22.7, not yet",
        "20% complete",
        "the control plane of",
        "1/2 nodes ready",
        "has 4.22.7, 2/2 nodes ready",
        "and its NodePools have release 4.22.7",
    ] {
        let at = rest.find(link).unwrap_or_else(|| panic!("{link} is not said, or not in order:\n{said}"));
        rest = &rest[at..];
    }
    // All of it again: nothing to do, nothing to wait for, one document.
    let again = done(
        &scene,
        &format!("upgrade demo --release-image {} --with-node-pools --wait --yes -o json", image("4.22.7")),
    );
    let verbs: Vec<Value> =
        again.json().unwrap()["steps"].as_array().unwrap().iter().map(|step| step["verb"].clone()).collect();
    assert_eq!(verbs, ["keep", "keep", "keep"]);
}
