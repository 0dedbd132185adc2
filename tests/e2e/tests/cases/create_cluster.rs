//! `create cluster`: one command, or the same in its parts, against Azure, blob storage and the API server.

use std::process::Command;
use std::time::Duration;

use azure_sim::seed;
use e2e::keys::public_half;
use e2e::registry::{CREDENTIALS, TOKEN};
use e2e::scene::{RELEASE, Ran, Scene, run};
use facts::catalogue::{COMPONENTS, Required};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::create_stage::PROGRAM;

/// An issuer of tokens, and the file of its private key.
struct Issuer {
    url: String,
    key: &'static str,
}

/// The issuer that the scene came with.
fn of_scene(scene: &Scene) -> Issuer {
    Issuer { url: scene.issuer.clone(), key: "signer.key" }
}

/// One that our own command makes, in the scene's storage account.
fn created(scene: &Scene) -> Issuer {
    let line = format!(
        "create oidc-issuer demo --resource-group-name os4-common --storage-account-name devstoreaccount1 \
         --blob-container-name issuer-{}",
        scene.namespace
    );
    let ran = done(scene, &line);
    Issuer { url: ran.stdout.trim_end().to_owned(), key: "serviceaccount-signer.private" }
}

/// What every way to a cluster is given.
fn common(scene: &Scene, issuer: &Issuer) -> String {
    format!(
        "create cluster azure --name demo -n {} --pull-secret pull-secret.json --release-image {} \
         --oidc-issuer-url {} --sa-token-issuer-private-key-path {} --node-pool-replicas 2",
        scene.namespace,
        scene.registry.image(RELEASE),
        issuer.url,
        issuer.key
    )
}

/// The one command, with the issuer that the scene came with.
pub(super) fn whole(scene: &Scene) -> String {
    whole_with(scene, &of_scene(scene))
}

fn whole_with(scene: &Scene, issuer: &Issuer) -> String {
    format!(
        "{} --base-domain hcp.example.com --identities-resource-group-name os4-common \
         --assign-identity-roles --dns-zone-rg-name os4-common",
        common(scene, issuer)
    )
}

pub(super) fn command(scene: &Scene, line: &str) -> Command {
    let mut command = scene.command(PROGRAM.as_ref());
    command.current_dir(scene.path("")).args(line.split_whitespace()).args(["--azure-creds", "azure-creds.json"]);
    command
}

/// Runs the program; neither output may hold a secret.
pub(super) fn ran(scene: &Scene, line: &str) -> Ran {
    let ran = run::ran(command(scene, line)).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        for secret in [e2e::scene::CLIENT_SECRET, CREDENTIALS, TOKEN, "pull-canary", "eyJ", "PRIVATE KEY-----\nM"] {
            assert!(!output.contains(secret), "a secret is shown:\n{output}");
        }
        assert!(!output.contains("panicked"), "{output}");
    }
    ran
}

fn done(scene: &Scene, line: &str) -> Ran {
    let ran = ran(scene, &format!("{line} --yes"));
    assert_eq!(ran.code, Some(0), "{line}\n{}\n{}", ran.stdout, ran.stderr);
    ran
}

/// The state of Azure with names that are made anew each time made equal.
fn settled(scene: &Scene) -> String {
    scene.sim.state().to_string().replace(&scene.namespace, "NAMESPACE")
}

/// What a kubectl says.
pub(super) fn kubectl(scene: &Scene, args: &[&str]) -> String {
    let output = Command::new(scene.bed.kubectl())
        .env("KUBECONFIG", scene.bed.kubeconfig())
        .args(["-n", &scene.namespace])
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn object(scene: &Scene, kind: &str, name: &str) -> Value {
    serde_json::from_str(&kubectl(scene, &["get", kind, name, "-o", "json", "--show-managed-fields"])).unwrap()
}

/// Whether Entra gives a token for each federated subject when the created key signs for it.
async fn exchanges(scene: &Scene, issuer: &Issuer, cluster: &Value) -> usize {
    let pem = std::fs::read_to_string(scene.path(issuer.key)).unwrap();
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let header = Header { kid: Some(public_half(&pem).unwrap().kid), ..Header::new(Algorithm::RS256) };
    let ca = reqwest::Certificate::from_pem(scene.sim.ca_pem().as_bytes()).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
    let identities = &cluster["spec"]["platform"]["azure"]["azureAuthenticationConfig"]["workloadIdentities"];
    let mut taken = 0;
    for component in COMPONENTS.iter().filter(|component| component.required != Required::Kms) {
        let client_id = identities[component.key]["clientID"].as_str().unwrap();
        for credential in component.credentials {
            let now = jiff::Timestamp::now().as_second();
            let claims = json!({
                "iss": issuer.url, "sub": credential.subject(), "aud": ["openshift"],
                "iat": now, "nbf": now, "exp": now + 300,
            });
            let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", client_id),
                ("scope", "https://management.azure.com/.default"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", &token),
            ];
            // None of the values has a character that a form would have to escape, but for colons and slashes.
            let body = fields.map(|(key, value)| format!("{key}={}", value.replace(':', "%3A").replace('/', "%2F")));
            let answer = http
                .post(format!("{}/{}/oauth2/v2.0/token", scene.sim.url(), seed::TENANT))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.join("&"))
                .send()
                .await
                .unwrap();
            let status = answer.status();
            assert!(status.is_success(), "{} {}", credential.subject(), answer.text().await.unwrap());
            taken += 1;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_and_its_parts_leave_the_same() {
    let scene = Scene::before_create().await.unwrap();
    let issuer = created(&scene);
    let line = whole_with(&scene, &issuer);
    let dry = ran(&scene, &format!("{line} --infra-id demo-x7k2p --dry-run --exit-code -o json"));
    assert_eq!(dry.code, Some(1), "{}", dry.stderr);
    let plan = dry.json().unwrap();
    let steps = plan["steps"].as_array().unwrap().len();
    assert!(plan["summary"]["create"].as_u64().unwrap() > 50, "{}", plan["summary"]);
    assert!(dry.stderr.contains("preflight: ") && dry.stderr.contains(" 0 failed"), "{}", dry.stderr);
    let made = done(&scene, &format!("{line} --infra-id demo-x7k2p"));
    assert!(made.stderr.contains("next: `kubectl hcp-azure doctor demo"), "{}", made.stderr);
    let one = settled(&scene);

    // The infra id is known from what exists, and there is nothing left to do.
    let again = ran(&scene, &format!("{line} --dry-run --exit-code -o json"));
    assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
    assert_eq!(again.json().unwrap()["summary"], json!({"create": 0, "change": 0, "delete": 0, "keep": steps}));

    let cluster = object(&scene, "hostedcluster", "demo");
    assert_eq!(cluster["spec"]["infraID"], "demo-x7k2p");
    let managers: Vec<&str> = cluster["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["manager"].as_str())
        .collect();
    assert_eq!(managers, ["hcp-azure"]);
    assert_eq!(object(&scene, "nodepool", "demo")["spec"]["replicas"], 2);
    let secrets = kubectl(
        &scene,
        &["get", "secrets", "-l", "hypershift.openshift.io/auto-created-for-infra=demo-x7k2p", "-o", "name"],
    );
    assert_eq!(secrets.lines().count(), 4, "{secrets}");
    let exchanged = exchanges(&scene, &issuer, &cluster).await;
    e2e::workspace::note(&format!("create cluster: {steps} steps; Entra takes a token for {exchanged} subjects"));
    assert_eq!(exchanged, 13);

    // Once its operator has brought it up, the doctor finds nothing.
    scene.bring_up().await.unwrap();
    let doctor = ran(&scene, &format!("doctor demo -n {} -o json", scene.namespace));
    assert_eq!(doctor.code, Some(0), "{}", doctor.stdout);
    assert_eq!(doctor.roots("fail").unwrap(), Vec::<String>::new());
    assert_eq!(doctor.roots("warn").unwrap(), Vec::<String>::new());
    drop(scene);

    let scene = Scene::before_create().await.unwrap();
    let (issuer, namespace) = (created(&scene), scene.namespace.clone());
    done(
        &scene,
        &format!(
            "create iam demo --infra-id demo-x7k2p --resource-group-name os4-common --oidc-issuer-url {} \
             --output-file workload-identities.json",
            issuer.url
        ),
    );
    done(
        &scene,
        "create infra demo --infra-id demo-x7k2p --base-domain hcp.example.com --output-file infra.yaml \
         --workload-identities-file workload-identities.json --assign-identity-roles --dns-zone-rg-name os4-common",
    );
    done(&scene, &format!("{} --infra-json infra.yaml", common(&scene, &issuer)));
    assert_eq!(settled(&scene), one);
    let doctor = ran(&scene, &format!("doctor demo -n {namespace} -o json --only ID,FC,OI,RA,NW,CR,QT,MC"));
    assert_eq!(doctor.roots("fail").unwrap(), Vec::<String>::new(), "{}", doctor.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_goes_on_with_its_infra_id() {
    let scene = Scene::before_create().await.unwrap();
    scene.sim.set_latency(Duration::from_millis(20));
    let line = whole(&scene);
    let mut child = command(&scene, &format!("{line} --yes"))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while !scene.sim.requests().iter().any(|entry| entry.method == "PUT") {
        assert!(begun.elapsed().as_secs() < 30, "nothing was written");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    done(&scene, &line);
    let id = object(&scene, "hostedcluster", "demo")["spec"]["infraID"].as_str().unwrap().to_owned();
    let state = scene.sim.state();
    let groups: Vec<&str> = state["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|body| body["id"].as_str())
        .filter(|id| id.split('/').count() == 5)
        .collect();
    assert_eq!(groups.len(), 4, "{groups:?}");
    assert!(groups.iter().filter(|group| group.ends_with(&id)).count() == 3, "{groups:?}");
    // A broken piece is put right, and nothing else is touched.
    kubectl(&scene, &["delete", "secret", "demo-pull-secret"]);
    let again = ran(&scene, &format!("{line} --yes -o json"));
    assert_eq!(again.json().unwrap()["summary"]["create"], 1, "{}", again.stdout);
    // The key that encrypts etcd is never made anew for a cluster that uses it.
    kubectl(&scene, &["delete", "secret", "demo-etcd-encryption-key"]);
    let refused = ran(&scene, &format!("{line} --yes"));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("demo-etcd-encryption-key is gone"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_not_work_is_said_before_anything_is_created() {
    let scene = Scene::before_create().await.unwrap();
    let line = format!("{} --yes", whole(&scene));
    // The issuer's key set does not hold the key that is to sign.
    scene.publish(&scene.discovery(), &scene.jwks(&e2e::scene::new_signing_key().unwrap())).await.unwrap();
    let refused = ran(&scene, &line);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("HAZ-OI03") && refused.stderr.contains("nothing was changed"),
        "{}",
        refused.stderr
    );
    let wrote = |scene: &Scene| {
        // Some questions are asked by POST.
        let asks = ["/oauth2/", "/checkPolicyRestrictions", "/Microsoft.ResourceGraph/"];
        let is_write = |entry: &&azure_sim::LogEntry| {
            entry.method != "GET" && !asks.iter().any(|part| entry.path.to_lowercase().contains(&part.to_lowercase()))
        };
        scene.sim.requests().iter().any(|entry| is_write(&entry))
    };
    assert!(!wrote(&scene));
    let dry = ran(&scene, &format!("{} --dry-run", whole(&scene)));
    assert_eq!(dry.code, Some(1), "{}", dry.stderr);
    assert!(dry.stdout.contains("HostedCluster"), "{}", dry.stdout);
    let skipped = ran(&scene, &format!("{line} --skip-preflight=tried-elsewhere --dry-run"));
    assert_eq!(skipped.code, Some(0), "{}", skipped.stderr);
    assert!(skipped.stdout.contains("preflight is skipped: tried-elsewhere"), "{}", skipped.stdout);
    // A cluster of the name with another infra id cannot become this one.
    done(&scene, &format!("{} --skip-preflight --infra-id demo-aaaaa", whole(&scene)));
    let other = ran(&scene, &format!("{line} --infra-id demo-bbbbb"));
    assert_eq!(other.code, Some(2), "{}", other.stderr);
    assert!(other.stderr.contains("--infra-id demo-bbbbb is refused"), "{}", other.stderr);
}
