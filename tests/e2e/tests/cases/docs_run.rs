//! The commands that the pages show, run as a reader would: by a shell, with the real kubectl, against the test bed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use azure_sim::{Options, Simulator, seed};
use e2e::scene::{RELEASE, Ran, Scene, azure};
use e2e::workspace::{note, root};
use serde_json::{Value, json};

use super::create_stage::PROGRAM;
use super::docs_markdown::{Block, Page};

/// The namespace that is meant where none is named.
const NAMESPACE: &str = "clusters";

/// What the operators make of a cluster in its control plane namespace.
const LEFT_BEHIND: &str = "pods,deployments,statefulsets,secrets,controlplanecomponents.hypershift.openshift.io,\
    machines.cluster.x-k8s.io,azuremachines.infrastructure.cluster.x-k8s.io,clusters.cluster.x-k8s.io,\
    azureclusters.infrastructure.cluster.x-k8s.io,azureclusteridentities.infrastructure.cluster.x-k8s.io";

/// How long a page's commands may take together.
const LIMIT: &str = "240";

/// How often the operators and the name servers of the stage look.
const LOOK: Duration = Duration::from_millis(100);

/// What must be there before: the group with the DNS zone, and an API server with the operator. Nothing of a cluster.
fn subscription() -> Value {
    json!({
        "tenant": seed::TENANT,
        "subscriptions": [{"subscriptionId": seed::SUBSCRIPTION, "displayName": "Simulated", "tenantId": seed::TENANT}],
        "principals": [{
            "id": seed::OBJECT_ID, "appId": seed::CLIENT_ID, "displayName": "simulated-owner", "type": "ServicePrincipal",
            "owner": true, "secrets": [{"value": seed::CLIENT_SECRET}],
        }],
        "features": [{
            "subscriptionId": seed::SUBSCRIPTION, "namespace": "Microsoft.Compute", "name": "EncryptionAtHost",
            "state": "Registered",
        }],
        "resources": [
            {"id": azure::group("os4-common"), "name": "os4-common", "location": "eastus"},
            {"id": azure::zone_id(), "location": "global", "properties": {}},
        ],
    })
}

/// The release that the pages speak of.
const RELEASE_IMAGE: &str = "quay.io/openshift-release-dev/ocp-release:4.22.3-multi";

/// An empty subscription, a management cluster, and a folder with what a reader has: credentials and a pull secret.
async fn stage() -> Scene {
    let mut scene = Scene::before_create_alone().await.unwrap();
    let azurite = scene.azurite;
    let options = Options {
        state: Some(subscription()),
        blob_endpoint: Some(azurite.origin().to_owned()),
        blob_backend: Some(azurite.backend_of(e2e::azurite::READERS_ACCOUNT)),
        oidc_ca: Some(azurite.ca_pem().to_owned()),
        ..Options::default()
    };
    scene.sim = Simulator::start(options).await.unwrap();
    NAMESPACE.clone_into(&mut scene.namespace);
    // Nobody collects garbage on the test bed: what another story's operators left would not take this one's ids.
    kubectl(&scene, &["-n", "clusters-demo", "delete", LEFT_BEHIND, "--all", "--force", "--wait=false"]);
    // They name the simulator.
    scene.heal_files().unwrap();
    std::fs::remove_file(scene.path("signer.key")).unwrap();
    let programs = scene.path("bin");
    std::fs::create_dir(&programs).unwrap();
    for (name, program) in [
        ("kubectl", scene.bed.kubectl()),
        // It finds plugins as kubectl does.
        ("oc", scene.bed.kubectl()),
        ("kubectl-hcp_azure", PROGRAM.as_ref()),
    ] {
        symlink(program, programs.join(name)).unwrap();
    }
    for shown in ["tests", "krew"] {
        symlink(root().join(shown), scene.path(shown)).unwrap();
    }
    scene
}

/// A script of the blocks that says where it is, and stops at the first command that ends otherwise than promised.
fn script(page: &Page, blocks: &[&Block]) -> String {
    let mut text = String::from("set -u -o pipefail\n");
    for block in blocks {
        for (line, command) in block.commands() {
            let expected = block.expected(line);
            let place = format!("{}:{line}", page.name);
            let _ = write!(
                text,
                "echo '@@ {place}' >&2\n{command}\ncode=$?\n\
                 [ $code = {expected} ] || {{ echo \"@@ {place}: exit code $code, {expected} is promised\" >&2; exit 70; }}\n"
            );
        }
    }
    text
}

/// Runs a script, and plays meanwhile what is no part of us: name servers that know the zones, operators that bring a
/// cluster up.
async fn perform(scene: &Scene, script: String) -> Ran {
    let path = std::env::join_paths(
        [scene.path("bin")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let mut shell = scene.command("timeout".as_ref());
    shell.args([LIMIT, "bash", "-c", &script]).env("PATH", path).current_dir(scene.path(""));
    let playing = tokio::task::spawn_blocking(move || e2e::scene::run::ran(shell).unwrap());
    let mut is_up = false;
    while !playing.is_finished() {
        scene.dns.serve(&scene.sim.state());
        if !is_up && exists(scene, "nodepool/demo") {
            scene.bring_up().await.unwrap();
            is_up = true;
        }
        tokio::time::sleep(LOOK).await;
    }
    playing.await.unwrap()
}

fn exists(scene: &Scene, object: &str) -> bool {
    kubectl(scene, &["-n", NAMESPACE, "get", object])
}

/// Whether the administrator's kubectl succeeds.
fn kubectl(scene: &Scene, args: &[&str]) -> bool {
    let mut command = Command::new(scene.bed.kubectl());
    command.env("KUBECONFIG", scene.bed.kubeconfig()).args(args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// The ids of all that Azure holds, in lower case.
fn held(scene: &Scene) -> BTreeSet<String> {
    let state = scene.sim.state();
    let of = |list: &str| state[list].as_array().cloned().unwrap_or_default();
    let ids = [of("resources"), of("roleAssignments")].concat();
    ids.iter().filter_map(|one| one["id"].as_str().map(str::to_lowercase)).collect()
}

/// Runs every block of a page in one shell, but those that are marked or call Cargo.
async fn told(name: &str, least: usize) {
    let page = Page::read(&root(), &root().join(name));
    let blocks = page.blocks();
    let run: Vec<&Block> = blocks.iter().filter(|block| block.no_run.is_none() && !block.is_cargo()).collect();
    let commands: usize = run.iter().map(|block| block.commands().len()).sum();
    let cargo = blocks.iter().filter(|block| block.is_cargo()).count();
    let mut said = format!(
        "docs: {name}: {} blocks with {commands} commands run, {cargo} blocks of Cargo looked at, {} not run",
        run.len(),
        blocks.len() - run.len() - cargo
    );
    for (line, reason) in blocks.iter().filter_map(|block| Some((block.line, block.no_run.as_ref()?))) {
        let _ = write!(said, "\n  line {line}: {reason}");
    }
    let scene = stage().await;
    let before = held(&scene);
    // The one address of the pages that is not this machine's.
    let script = script(&page, &run).replace(RELEASE_IMAGE, &scene.registry.image(RELEASE));
    let ran = perform(&scene, script).await;
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    for secret in [e2e::scene::CLIENT_SECRET, "dXNlcjpwdWxsLWNhbmFyeQ", "PRIVATE KEY-----\nM"] {
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "a secret is shown");
    }
    assert_eq!(ran.stderr.matches("\n@@ ").count() + 1, commands, "{}", ran.stderr);
    // What the ingress operator wrote is the stage's, not the reader's.
    let left: Vec<String> = held(&scene).difference(&before).filter(|id| !id.contains("/a/*.apps.")).cloned().collect();
    assert!(left.is_empty(), "the story leaves {left:?}");
    assert!(!exists(&scene, "hostedcluster/demo"), "the story leaves the cluster");
    note(&said);
    assert!(commands >= least, "{name} has {commands} commands that are run");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_runs() {
    told("README.md", 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn getting_started_runs_from_an_empty_subscription_to_a_cluster_and_back() {
    told("docs/getting-started.md", 20).await;
}
