//! `--save-plan` and `apply`: exactly what was saved, or nothing.

use e2e::scene::{CLIENT_SECRET, Ran, Scene};
use serde_json::Value;

use super::create_cluster::{kubectl, object, ran, whole};

fn state(scene: &Scene) -> String {
    let state = scene.sim.state();
    format!("{}{}", state["resources"], state["roleAssignments"])
}

/// Runs the program without the credentials' flag, which the saved command holds.
fn apply(scene: &Scene, file: &str) -> Ran {
    let mut command = scene.command(super::create_stage::PROGRAM.as_ref());
    // From elsewhere: its paths are those of the folder in which it was saved.
    command.current_dir("/").arg("apply").arg(scene.path(file));
    let ran = e2e::scene::run::ran(command).unwrap();
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

fn saved(scene: &Scene, line: &str, file: &str) -> Value {
    let before = state(scene);
    let ran = ran(scene, &format!("{line} --save-plan {file}"));
    assert_eq!(ran.code, Some(0), "{line}\n{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("next: `kubectl hcp-azure apply {file}`")), "{}", ran.stderr);
    assert_eq!(state(scene), before, "saving changes nothing");
    let path = scene.path(file);
    let text = std::fs::read_to_string(&path).unwrap();
    for secret in [CLIENT_SECRET, "dXNlcjpwdWxsLWNhbmFyeQ", "eyJ", "PRIVATE KEY"] {
        assert!(!text.contains(secret), "a secret is saved:\n{text}");
    }
    #[cfg(unix)]
    assert_eq!(super::create_stage::mode(&path), 0o600);
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_applied_exactly() {
    let scene = Scene::before_create().await.unwrap();
    let plan = saved(&scene, &whole(&scene), "create.plan");
    assert_eq!((plan["kind"].as_str(), plan["apiVersion"].as_str()), (Some("SavedPlan"), Some("hcp-azure.io/v1")));
    let words: Vec<&str> = plan["command"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!words.contains(&"--save-plan"), "{words:?}");
    let at = words.iter().position(|word| *word == "--infra-id").unwrap();
    let done = apply(&scene, "create.plan");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    // The infra id that was saved is that of the cluster.
    assert_eq!(object(&scene, "hostedcluster", "demo")["spec"]["infraID"], words[at + 1]);
    assert!(plan["title"].as_str().unwrap().contains(words[at + 1]), "{}", plan["title"]);

    // What is done is no longer to be done.
    let again = apply(&scene, "create.plan");
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert!(again.stderr.contains("create when it was saved, now keep"), "{}", again.stderr);

    // A NodePool, changed by nobody meanwhile; then the whole cluster, gone as planned.
    saved(&scene, &format!("create nodepool np2 --cluster-name demo -n {} --replicas 1", scene.namespace), "pool.plan");
    let done = apply(&scene, "pool.plan");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(object(&scene, "nodepool", "np2")["spec"]["replicas"], 1);
    let line = format!("destroy cluster demo -n {} --with-iam", scene.namespace);
    let plan = saved(&scene, &line, "destroy.plan");
    assert!(plan["steps"].as_array().unwrap().iter().any(|step| step["verb"] == "delete"), "{plan}");
    let gone = apply(&scene, "destroy.plan");
    assert_eq!(gone.code, Some(0), "{}", gone.stderr);
    assert_eq!(kubectl(&scene, &["get", "hostedclusters,nodepools", "-o", "name"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_refused_when_facts_have_moved() {
    let scene = Scene::before_create().await.unwrap();
    saved(&scene, &format!("{} --infra-id demo-x7k2p", whole(&scene)), "create.plan");
    // Somebody makes one of the groups meanwhile, and the namespace goes a way of its own.
    let group = "/subscriptions/SUBSCRIPTION/resourceGroups/demo-vnet-demo-x7k2p";
    let subscription = scene.sim.state()["subscriptions"][0]["subscriptionId"].as_str().unwrap().to_owned();
    let group = group.replace("SUBSCRIPTION", &subscription);
    scene.sim.put_resource(serde_json::json!({"id": group, "location": "eastus"})).unwrap();
    let before = state(&scene);
    let refused = apply(&scene, "create.plan");
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let said: String = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("no longer holds") && said.contains("nothing was changed"), "{said}");
    assert!(said.contains("resource group demo-vnet-demo-x7k2p: create when it was saved, now"), "{said}");
    assert!(said.contains("--save-plan"), "{said}");
    assert_eq!(state(&scene), before);
    assert_eq!(kubectl(&scene, &["get", "hostedclusters", "-o", "name"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_files_are_refused() {
    let scene = Scene::before_create().await.unwrap();
    saved(&scene, &format!("{} --infra-id demo-x7k2p", whole(&scene)), "create.plan");
    let path = scene.path("create.plan");
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let with = |key: &str, value: Value| {
        let mut other = plan.clone();
        other[key] = value;
        std::fs::write(scene.path("other.plan"), other.to_string()).unwrap();
        apply(&scene, "other.plan")
    };
    for (key, value, words) in [
        ("kind", "Plan".into(), "`kind` is not SavedPlan"),
        ("programVersion", "0.0.0".into(), "version 0.0.0 of the program saved it"),
        ("command", serde_json::json!(["apply", "create.plan"]), "makes no plan"),
        ("command", serde_json::json!(["create", "nonsense"]), "cannot apply"),
        ("folder", "/nonexistent".into(), "/nonexistent"),
    ] {
        let refused = with(key, value);
        assert_eq!(refused.code, Some(2), "{key}\n{}", refused.stderr);
        assert!(refused.stderr.contains(words), "{key}\n{}", refused.stderr);
    }
    // A step that was tampered with is one that does not hold.
    let mut steps = plan["steps"].clone();
    steps[1]["verb"] = "delete".into();
    let refused = with("steps", steps);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let missing = apply(&scene, "missing.plan");
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    // A preflight that fails saves nothing.
    scene.publish(&scene.discovery(), &scene.jwks(&e2e::scene::new_signing_key().unwrap())).await.unwrap();
    let bad = ran(&scene, &format!("{} --save-plan bad.plan", whole(&scene)));
    assert_eq!(bad.code, Some(1), "{}", bad.stderr);
    assert!(!scene.path("bad.plan").exists());
}
