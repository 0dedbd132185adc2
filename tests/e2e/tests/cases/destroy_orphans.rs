//! `destroy orphans`: what a dead cluster left, nothing of one that lives, and nothing of others.

use std::io::Write as _;
use std::process::{Command, Stdio};

use azure_sim::{Fault, seed};
use e2e::scene::Scene;
use serde_json::{Value, json};

use super::create_cluster::{kubectl, ran, whole};

/// Infra ids of the dead cluster, one for each test: all share one API server.
const GONE: &str = "gone-q9w8z";
const PAST: &str = "gone-r7t5z";

fn group(name: &str) -> String {
    format!("/subscriptions/{}/resourceGroups/{name}", seed::SUBSCRIPTION)
}

fn of_gone(line: &str) -> String {
    line.replace("--name demo ", "--name gone ")
}

/// A living cluster, and one whose HostedCluster is gone.
async fn scene(infra_id: &str) -> Scene {
    let scene = Scene::before_create().await.unwrap();
    let line = format!("{} --yes --skip-preflight", whole(&scene));
    for line in [format!("{line} --infra-id demo-x7k2p"), format!("{} --infra-id {infra_id}", of_gone(&line))] {
        let created = ran(&scene, &line);
        assert_eq!(created.code, Some(0), "{}", created.stderr);
    }
    plant(&scene);
    kubectl(&scene, &["delete", "hostedcluster", "gone"]);
    scene
}

/// What belongs to others.
fn plant(scene: &Scene) {
    let put = |body: Value| scene.sim.put_resource(body).unwrap();
    put(json!({"id": group("foreign-rg"), "location": "eastus"}));
    put(json!({
        "id": format!("{}/providers/Microsoft.Network/publicIPAddresses/foreign-ip", group("foreign-rg")),
        "location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"},
    }));
    put(json!({
        "id": format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/foreign-identity", group("os4-common")),
        "location": "eastus",
    }));
    put(json!({
        "id": format!("{}/providers/Microsoft.Network/dnszones/hcp.example.com/TXT/www-external-dns", group("os4-common")),
        "properties": {"TTL": 300, "TXTRecords": [{"value": ["heritage=external-dns,external-dns/owner=foreign,external-dns/resource=ingress/web/foreign"]}]},
    }));
    // A record of the dead cluster, by an external-dns that nobody knows.
    let mark = format!(
        "heritage=external-dns,external-dns/owner=owner-0,external-dns/resource=service/{}-gone/kube-apiserver",
        scene.namespace
    );
    put(json!({
        "id": format!("{}/providers/Microsoft.Network/dnszones/hcp.example.com/TXT/a-api-gone-external-dns", group("os4-common")),
        "properties": {"TTL": 300, "TXTRecords": [{"value": [mark]}]},
    }));
}

fn standing<'a>(ledger: &'a Value, standing: &str) -> Vec<&'a Value> {
    ledger["orphans"].as_array().unwrap().iter().filter(|line| line["standing"] == standing).collect()
}

fn is_bash(script: &str) {
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success(), "{script}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_what_the_dead_cluster_left() {
    let scene = scene(GONE).await;
    scene.sim.clear_requests();
    let json = ran(&scene, "destroy orphans -o json");
    assert_eq!(json.code, Some(1), "{}", json.stderr);
    let ledger = json.json().unwrap();
    assert_eq!((&ledger["kind"], &ledger["dead"][0]["infraId"]), (&json!("OrphanLedger"), &json!(GONE)), "{ledger}");
    let proven = standing(&ledger, "proven");
    let kinds = |kind: &str| proven.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!(kinds("ResourceGroup"), 3, "{ledger}");
    assert!(kinds("Identity") >= 7 && kinds("RoleAssignment") >= 1, "{ledger}");
    for line in &proven {
        assert!(
            line["infraId"] == GONE && line["command"].as_str().is_some_and(|text| text.starts_with("az ")),
            "{line}"
        );
        assert!(!line["reason"].as_str().unwrap().is_empty(), "{line}");
    }

    let unproven = standing(&ledger, "unproven");
    assert!(unproven.len() == 1 && unproven[0]["kind"] == "DnsRecord" && unproven[0]["command"].is_null(), "{ledger}");

    let script = ran(&scene, "destroy orphans --print-script");
    assert_eq!(script.code, Some(1), "{}", script.stderr);
    is_bash(&script.stdout);
    assert!(script.stdout.contains("\nset -eu\n"));
    let commands: Vec<&str> = script.stdout.lines().filter(|line| line.starts_with("az ")).collect();
    assert_eq!(commands.len(), proven.len(), "{}", script.stdout);
    let table = ran(&scene, "destroy orphans");
    assert_eq!(table.code, Some(1), "{}", table.stderr);
    for text in [&script.stdout, &table.stdout, &json.stdout] {
        assert!(!text.contains("demo-x7k2p") && !text.contains("foreign"), "{text}");
        // Every assignment of the living cluster has another name.
        let living = scene.sim.state()["roleAssignments"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| {
                let name = one["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                text.contains(&name) && one["properties"]["scope"].as_str().unwrap().contains("demo-x7k2p")
            })
            .count();
        assert_eq!(living, 0, "{text}");
    }
    // Each command stands behind its proof, and nothing was deleted.
    let lines: Vec<&str> = script.stdout.lines().collect();
    assert!(lines.windows(2).all(|two| !two[1].starts_with("az ") || two[0].starts_with("# ")), "{}", script.stdout);
    let writes = scene.sim.requests().into_iter().filter(|one| one.method != "GET" && !one.path.contains("/oauth2/"));
    assert_eq!(writes.count(), 0);
    e2e::workspace::note(&format!(
        "destroy orphans: {} proven lines of one dead cluster, none of the living one",
        proven.len()
    ));
    for line in table.stdout.lines().take(8).chain(script.stdout.lines().take(12)) {
        e2e::workspace::note(line);
    }

    // What it tells is what `destroy` takes.
    let gone = ran(
        &scene,
        &format!(
            "destroy cluster gone -n {} --infra-id {GONE} --with-iam --dns-zone-rg-name os4-common --base-domain hcp.example.com --yes",
            scene.namespace
        ),
    );
    assert_eq!(gone.code, Some(0), "{}", gone.stderr);
    let after = ran(&scene, "destroy orphans -o json");
    assert_eq!((after.code, standing(&after.json().unwrap(), "proven").len()), (Some(0), 0), "{}", after.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_at_is_no_orphan() {
    let scene = scene(PAST).await;
    for (line, word) in [
        ("destroy orphans --also-context nowhere", "nowhere"),
        ("destroy orphans --as nobody-at-all", "cannot tell which clusters"),
        ("destroy orphans --infra-id demo-x7k2p", "--infra-id demo-x7k2p is refused"),
        ("destroy orphans --no-cluster", "--infra-id"),
        ("destroy orphans --infra-id a/b", "--infra-id a/b is refused"),
        ("destroy orphans --print-script -o json", "--print-script"),
    ] {
        let blind = ran(&scene, line);
        assert_eq!(blind.code, Some(2), "{line}: {}{}", blind.stdout, blind.stderr);
        assert!(blind.stderr.contains(word) && blind.stdout.is_empty(), "{line}: {}", blind.stderr);
    }
    for path in ["*/roleAssignments*", "*/dnsZones*", "*/resources*", "*/userAssignedIdentities*"] {
        let denied =
            Fault { method: Some("GET".into()), path: Some(path.into()), status: Some(403), ..Fault::default() };
        scene.sim.faults(vec![denied]).unwrap();
        let blind = ran(&scene, "destroy orphans");
        assert!(blind.code == Some(2) && blind.stdout.is_empty(), "{path}: {}{}", blind.stdout, blind.stderr);
    }
    scene.sim.faults(Vec::new()).unwrap();
    // The user vouches for one id: the other cluster's things are not touched, though nobody tells that it lives.
    let alone = ran(&scene, &format!("destroy orphans --no-cluster --infra-id {PAST} --print-script"));
    assert_eq!(alone.code, Some(1), "{}", alone.stderr);
    is_bash(&alone.stdout);
    assert!(alone.stdout.contains("the user says so") && !alone.stdout.contains("demo-x7k2p"), "{}", alone.stdout);
}
