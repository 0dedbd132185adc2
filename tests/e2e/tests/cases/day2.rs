//! `nodepool list`, `scale` and `autoscale` on a real API server.

use e2e::kube_proxy::{KubeProxy, Rule, Trouble};
use e2e::scene::{Ran, Scene, kubernetes, run};
use serde_json::{Value, json};

use super::create_cluster::{command, kubectl, object, ran};
use super::create_golden::refusal_problem;

/// Runs the program in the namespace of the scene.
pub(super) fn here(scene: &Scene, line: &str) -> Ran {
    ran(scene, &format!("{line} -n {}", scene.namespace))
}

pub(super) fn done(scene: &Scene, line: &str) -> Ran {
    let ran = here(scene, line);
    assert_eq!(ran.code, Some(0), "{line}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// A text without its line breaks.
pub(super) fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asserts that it is refused in the usual way with these words, and that nothing was written.
pub(super) fn refused(scene: &Scene, line: &str, words: &[&str]) {
    let before = versions(scene);
    let ran = here(scene, &format!("{line} --yes"));
    assert_eq!(refusal_problem(&ran), None, "{line}");
    let said = unwrapped(&ran.stderr);
    for word in words {
        assert!(said.contains(word), "{line}: no '{word}' in {said}");
    }
    assert_eq!(versions(scene), before, "{line} wrote something");
}

/// The resourceVersions of all that could be written.
pub(super) fn versions(scene: &Scene) -> String {
    let columns = "custom-columns=A:.metadata.name,B:.metadata.resourceVersion";
    kubectl(scene, &["get", "hostedclusters,nodepools", "-o", columns])
}

/// Gives an object of the scene another status.
pub(super) fn patch_status(scene: &Scene, kind: &str, name: &str, status: &Value) {
    let patch = json!({"status": status}).to_string();
    kubectl(scene, &["patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch]);
}

/// Adds a NodePool to the scene.
pub(super) async fn add_pool(scene: &Scene, name: &str, version: &str) {
    let pool = kubernetes::node_pool(&scene.namespace, name, version);
    scene.bed.apply_yaml(&pool.to_string()).await.unwrap();
}

/// What hcp-azure is recorded to have written: the operation and the fields of each entry.
fn ours(object: &Value) -> Vec<(String, String)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let own = entries.iter().filter(|entry| entry["manager"] == "hcp-azure");
    own.map(|entry| (entry["operation"].as_str().unwrap().to_owned(), entry["fieldsV1"].to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn node_pools_at_a_glance() {
    let scene = Scene::healthy().await.unwrap();
    add_pool(&scene, "demo-gpu", "4.19.9").await;
    kubectl(
        &scene,
        &[
            "patch",
            "nodepool",
            "demo-gpu",
            "--type=merge",
            "-p",
            r#"{"spec":{"replicas":null,"autoScaling":{"min":1,"max":5}}}"#,
        ],
    );
    patch_status(
        &scene,
        "nodepool",
        "demo",
        &json!({"replicas": 1, "conditions": [
        kubernetes::condition("AllMachinesReady", "False", "NotReady", "1 of 2 machines are not ready\nMachine x: quota")]}),
    );

    let table = done(&scene, "nodepool list");
    let lines: Vec<&str> = table.stdout.lines().collect();
    let words = |line: &str| unwrapped(line);
    assert_eq!(words(lines[0]), "NAME CLUSTER WANT READY VERSION SKEW AUTOSCALING STATE", "{}", table.stdout);
    assert!(words(&table.stdout).contains("demo demo 2 1 4.22.3 ok off AllMachinesReady: 1"), "{}", table.stdout);
    assert!(words(&table.stdout).contains("demo-gpu demo - 2 4.19.9 n-3 1-5 ready"), "{}", table.stdout);
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", table.stdout);

    let wide = done(&scene, "nodepool list --cluster-name demo -o wide").stdout;
    assert!(wide.contains("Standard_D4s_v5") && wide.contains("ocp-release:4.19.9-multi"), "{wide}");
    let json = done(&scene, "nodepool list -o json").json().unwrap();
    assert_eq!((&json["kind"], &json["apiVersion"]), (&json!("NodePoolList"), &json!("hcp-azure.io/v1")));
    assert_eq!(json["items"][1]["autoscaling"], json!({"min": 1, "max": 5}));
    assert_eq!(json["items"][1]["skew"], json!({"verdict": "ok", "behind": 3}));
    assert_eq!((&json["items"][0]["want"], &json["items"][0]["ready"]), (&json!(2), &json!(1)));
    let yaml = done(&scene, "nodepool list -o yaml").stdout;
    assert!(yaml.contains("kind: NodePoolList"), "{yaml}");
    let names = done(&scene, "nodepool list -o name").stdout;
    assert_eq!(names, "nodepool.hypershift.openshift.io/demo\nnodepool.hypershift.openshift.io/demo-gpu\n");
    let all = ran(&scene, "nodepool list -A");
    assert!(all.stdout.starts_with("NAMESPACE") && all.stdout.contains(&scene.namespace), "{}", all.stdout);
    let none = done(&scene, "nodepool list --cluster-name other");
    assert!(none.stdout.is_empty() && none.stderr.contains("no NodePool of HostedCluster other"), "{}", none.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_pool_is_sized() {
    let scene = Scene::healthy().await.unwrap();
    let before = object(&scene, "nodepool", "demo");

    // The plan alone changes nothing, and its exit code tells whether there is something to do.
    let line = "nodepool scale demo --replicas 5";
    let plan = done(&scene, &format!("{line} --dry-run"));
    assert!(plan.stdout.contains("2 nodes -> 5 nodes") && plan.stdout.contains("~ NodePool "), "{}", plan.stdout);
    assert_eq!(here(&scene, &format!("{line} --dry-run --exit-code")).code, Some(1));
    let json = done(&scene, &format!("{line} --dry-run -o json")).json().unwrap();
    assert_eq!((&json["kind"], &json["steps"][0]["verb"]), (&json!("Plan"), &json!("change")), "{json}");
    assert_eq!(
        object(&scene, "nodepool", "demo")["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
    let asked = here(&scene, line);
    assert_eq!(asked.code, Some(2));
    assert!(unwrapped(&asked.stderr).contains("--yes"), "{}", asked.stderr);

    let scaled = done(&scene, &format!("{line} --yes -o json"));
    assert_eq!(scaled.json().unwrap()["steps"][0]["outcome"], "done", "{}", scaled.stdout);
    let after = object(&scene, "nodepool", "demo");
    let mut want = before["spec"].clone();
    want["replicas"] = json!(5);
    assert_eq!(after["spec"], want);
    let owned = [("Update".to_owned(), r#"{"f:spec":{"f:replicas":{}}}"#.to_owned())];
    assert_eq!(ours(&after), owned);

    // Again: nothing is to be done, and nothing is.
    let again = done(&scene, &format!("{line} --yes"));
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert_eq!(here(&scene, &format!("{line} --dry-run --exit-code")).code, Some(0));
    assert_eq!(object(&scene, "nodepool", "demo")["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);

    for (line, words) in [
        ("nodepool scale demo --replicas -1", &["--replicas -1"][..]),
        ("nodepool autoscale demo --min 3 --max 2", &["--max 2", "less than --min 3"]),
        ("nodepool autoscale demo --min 0 --max 0", &["--max 0"]),
        ("nodepool scale --replicas 3", &["--name is missing"]),
    ] {
        refused(&scene, line, words);
    }
    let gone = here(&scene, "nodepool scale other --replicas 3 --yes");
    assert_eq!(gone.code, Some(2));
    assert!(
        gone.stderr.contains("there is no NodePool") && gone.stderr.contains("nodepool list -A"),
        "{}",
        gone.stderr
    );

    // The autoscaler takes over, and hands back what it is told.
    done(&scene, "nodepool autoscale demo --min 0 --max 4 --yes");
    let spec = object(&scene, "nodepool", "demo")["spec"].clone();
    assert_eq!((&spec["autoScaling"], spec.get("replicas")), (&json!({"min": 0, "max": 4}), None));
    assert!(done(&scene, "nodepool autoscale demo --min 0 --max 4 --yes").stderr.contains("nothing to do"));
    refused(&scene, line, &["--replicas 5", "the autoscaler decides", "--off --replicas 5"]);
    done(&scene, "nodepool autoscale --name demo --off --replicas 0 --yes");
    let spec = object(&scene, "nodepool", "demo")["spec"].clone();
    assert_eq!((&spec["replicas"], spec.get("autoScaling")), (&json!(0), None));
    for key in ["arch", "clusterName", "management", "platform", "release"] {
        assert_eq!(spec[key], before["spec"][key], "{key}");
    }

    // What rests is told, what goes is refused.
    kubectl(
        &scene,
        &[
            "patch",
            "nodepool",
            "demo",
            "--type=merge",
            "-p",
            r#"{"spec":{"pausedUntil":"true"},"metadata":{"finalizers":["e2e/hold"]}}"#,
        ],
    );
    assert!(unwrapped(&done(&scene, &format!("{line} --dry-run")).stdout).contains("is paused (pausedUntil true)"));
    kubectl(&scene, &["delete", "nodepool", "demo", "--wait=false"]);
    refused(&scene, line, &["--name demo", "is being deleted"]);
    kubectl(&scene, &["patch", "nodepool", "demo", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_created_keeps_its_other_fields() {
    let scene = Scene::healthy().await.unwrap();
    let create = "create nodepool np1 --cluster-name demo --replicas 2 --auto-repair --yes";
    done(&scene, create);
    let before = object(&scene, "nodepool", "np1");
    done(&scene, "nodepool scale np1 --replicas 5 --yes");
    let after = object(&scene, "nodepool", "np1");
    let mut want = before["spec"].clone();
    want["replicas"] = json!(5);
    assert_eq!(after["spec"], want);
    // The rest is still ours by the apply, the number by the patch.
    let entries = ours(&after);
    let fields = |operation: &str| &entries.iter().find(|(name, _)| name == operation).unwrap().1;
    assert!(fields("Apply").contains("f:autoRepair") && !fields("Apply").contains("f:replicas"), "{entries:?}");
    assert!(fields("Update").contains("f:replicas"), "{entries:?}");
    // The first command, run again, does not take it back.
    let again = here(&scene, create);
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(unwrapped(&again.stderr).contains("spec.replicas is 5, asked for is 2"), "{}", again.stderr);
    assert_eq!(object(&scene, "nodepool", "np1")["spec"], want);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changes_meanwhile_is_told() {
    let scene = Scene::healthy().await.unwrap();
    let proxy = tokio::task::spawn_blocking(KubeProxy::start).await.unwrap().unwrap();
    proxy.write_kubeconfig(&scene.path("proxy.kubeconfig")).unwrap();
    let path = format!("{}/nodepools/demo", scene.namespace);
    let line = format!("nodepool scale demo --replicas 5 --yes -n {} --kubeconfig proxy.kubeconfig", scene.namespace);
    let patience = Trouble::Answer {
        status: 503,
        retry_after: Some(2),
        reason: "ServiceUnavailable",
        message: "a moment",
        cause: None,
    };

    // A report of status is no change.
    proxy.trouble(vec![Rule { once: true, ..Rule::path(&path, patience.clone()) }]);
    let run = begin(&scene, &line);
    while proxy.writes().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    patch_status(&scene, "nodepool", "demo", &json!({"replicas": 1}));
    let ended = run.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(object(&scene, "nodepool", "demo")["spec"]["replicas"], 5);

    // Another number is.
    let line = line.replace("--replicas 5", "--replicas 7");
    let count = proxy.writes().len();
    proxy.trouble(vec![Rule { once: true, ..Rule::path(&path, patience) }]);
    let run = begin(&scene, &line);
    while proxy.writes().len() == count {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    kubectl(&scene, &["scale", "nodepool", "demo", "--replicas", "3"]);
    let ended = run.await.unwrap();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let said = unwrapped(&ended.stderr);
    assert!(said.contains("was changed by somebody else") && said.contains("run the same command again"), "{said}");
    assert_eq!(object(&scene, "nodepool", "demo")["spec"]["replicas"], 3);
    assert_eq!(run::ran(command(&scene, &line)).unwrap().code, Some(0));
    assert_eq!(object(&scene, "nodepool", "demo")["spec"]["replicas"], 7);

    // An answer that is lost is no change by somebody else.
    proxy.trouble(vec![Rule { once: true, ..Rule::path(&path, Trouble::CommitThenReset) }]);
    let lost = run::ran(command(&scene, &line.replace("--replicas 7", "--replicas 8"))).unwrap();
    assert_eq!(lost.code, Some(0), "{}", lost.stderr);
    assert_eq!(object(&scene, "nodepool", "demo")["spec"]["replicas"], 8);
}

fn begin(scene: &Scene, line: &str) -> tokio::task::JoinHandle<Ran> {
    let command = command(scene, line);
    tokio::task::spawn_blocking(move || run::ran(command).unwrap())
}
