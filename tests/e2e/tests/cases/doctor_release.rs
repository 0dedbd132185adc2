//! `doctor`, live: the pull secret and the release image, as the registry sees them.

use std::path::Path;

use e2e::registry::{CREDENTIALS, Registry, SIGNATURE, TOKEN};
use e2e::scene::{NAME, Ran, Scene};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn doctor(scene: &Scene) -> Ran {
    let args = ["doctor", NAME, "-n", &scene.namespace, "--only", "MC03,MC04", "-o", "json"];
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        for secret in [CREDENTIALS, TOKEN, SIGNATURE, "pull-canary"] {
            assert!(!output.contains(secret), "a secret is shown:\n{output}");
        }
    }
    ran
}

async fn pull_secret(scene: &Scene, content: &str) {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "demo-pull-secret", "namespace": scene.namespace},
        "stringData": {".dockerconfigjson": content},
    });
    scene.bed.apply_yaml(&secret.to_string()).await.unwrap();
}

fn release(scene: &Scene, image: &str) {
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    let patch = json!({"spec": {"release": {"image": image}}}).to_string();
    command.args(["-n", &scene.namespace, "patch", "hostedcluster", NAME, "--type=merge", "-p", &patch]);
    assert_eq!(e2e::scene::run::ran(command).unwrap().code, Some(0));
}

fn roots(ran: &Ran) -> Vec<String> {
    ran.roots("fail").unwrap().iter().map(|root| root[..4].to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_registry_says_of_the_release() {
    let scene = Scene::healthy().await.unwrap();
    let registry = Registry::start().await.unwrap();
    let trust = std::fs::read_to_string(scene.path("ca.pem")).unwrap();
    std::fs::write(scene.path("ca.pem"), format!("{trust}\n{}", registry.ca_pem())).unwrap();
    let multi = registry.add("multi", Some("4.22.3"), &["arm64", "amd64"]);
    let other = registry.add("other", Some("4.22.3"), &["arm64"]);
    let good = registry.pull_secret().to_string();

    pull_secret(&scene, &good).await;
    release(&scene, &multi);
    let healthy = doctor(&scene);
    let summary: Value = healthy.json().unwrap()["summary"].clone();
    assert_eq!((&summary["pass"], &summary["unknown"]), (&json!(2), &json!(0)), "{}", healthy.stdout);

    // Another password: the token service refuses it.
    pull_secret(&scene, &json!({"auths": {registry.name(): {"auth": "dTpw"}}}).to_string()).await;
    let refused = doctor(&scene);
    assert_eq!(roots(&refused), ["MC03"], "{}", refused.stdout);
    assert!(refused.stdout.contains("refuses the credentials"), "{}", refused.stdout);
    pull_secret(&scene, "no JSON").await;
    assert_eq!(roots(&doctor(&scene)), ["MC03"]);
    pull_secret(&scene, &good).await;

    // The wrong architecture for nodes and NodePool; an image that is gone.
    release(&scene, &other);
    let ran = doctor(&scene);
    assert_eq!(roots(&ran), ["MC04", "MC04"], "{}", ran.stdout);
    release(&scene, &registry.image("gone"));
    assert_eq!(roots(&doctor(&scene)), ["MC04"]);
    assert_eq!(registry.leaked(), Vec::<String>::new());
}
