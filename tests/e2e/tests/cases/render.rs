//! `create cluster --render` and `create nodepool --render` on inputs of our own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use e2e::bed::Bed;
use e2e::scene::{Ran, run};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::create_golden::{objects, refusal_problem, server_problem};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const SUBSCRIPTION: &str = "0a1b2c3d-0000-4000-8000-00000000000a";
const IMAGE: &str = "quay.io/openshift-release-dev/ocp-release:4.22.3-multi";

fn group(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
}

fn subnet(vnet: &str, name: &str) -> String {
    format!("{}/providers/Microsoft.Network/virtualNetworks/{vnet}/subnets/{name}", group("net"))
}

fn infra() -> Value {
    serde_saphyr::from_str(include_str!("../../../inputs/infra.yaml")).unwrap()
}

/// A folder with every file that flags can name.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    write("infra.yaml", &serde_saphyr::to_string(&infra()).unwrap());
    write("pull-secret.json", include_str!("../../../inputs/pull-secret.json"));
    write("creds.json", include_str!("../../../inputs/azure-creds.json"));
    write("ca.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    write("ssh.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== prod\n");
    write("mirrors.yaml", "- source: quay.io/a\n  mirrors: [mirror.example.org/a, mirror2.example.org/a]\n");
    folder
}

fn create(folder: &Path, noun: &str, args: &[&str]) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", "/nonexistent").current_dir(folder);
    command.args(["create", noun]).args(args);
    run::ran(command).unwrap()
}

const USUAL: [&str; 11] = [
    "prod",
    "--pull-secret",
    "pull-secret.json",
    "--azure-creds",
    "creds.json",
    "--infra-json",
    "infra.yaml",
    "--release-image",
    IMAGE,
    "--oidc-issuer-url",
    "https://prod.blob.core.windows.net/prod",
];

fn cluster(folder: &Path, more: &[&str]) -> Ran {
    let args: Vec<&str> = USUAL.into_iter().chain(more.iter().copied()).collect();
    create(folder, "cluster", &args)
}

/// The cases whose whole output is kept: name and flags.
fn kept() -> Vec<(&'static str, Vec<String>)> {
    let nat = subnet("mgmt", "nat");
    let disk = group("des") + "/providers/Microsoft.Compute/diskEncryptionSets/des1";
    let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    vec![
        ("minimal", vec![]),
        (
            "everything",
            split(&format!(
                "--additional-trust-bundle ca.pem --ssh-key ssh.pub --image-content-sources mirrors.yaml --fips \
                 --labels team=a --labels env=prod --annotations example.org/note=x=y --node-selector role=cp,disk=fast \
                 --pods-labels tier=cp --toleration key=cp,operator=exists,effect=noexecute,tolerationseconds=30 \
                 --control-plane-availability-policy HighlyAvailable --infra-availability-policy HighlyAvailable \
                 --etcd-storage-class fast --etcd-storage-size 16384Mi --olm-catalog-placement Guest \
                 --olm-disable-default-sources --feature-set TechPreviewNoUpgrade --disable-cluster-capabilities Console,Ingress \
                 --enable-cluster-capabilities baremetal --kas-dns-name api.prod.example.org --pausedUntil 2027-01-01T00:00:00Z \
                 --cluster-cidr 10.128.0.0/14 --cluster-cidr fd01::/48 --service-cidr 172.30.0.0/16 --machine-cidr 10.0.0.0/16 \
                 --ovn-kubernetes-mtu 1400 --control-plane-operator-image quay.io/x/cpo:dev --cloud AzureUSGovernmentCloud \
                 --node-pool-replicas 2 --availability-zones 1,3 --arch arm64 --node-upgrade-type InPlace --auto-repair=true \
                 --node-drain-timeout 90s --node-volume-detach-timeout 1.5h --root-disk-size 256 --encryption-at-host Enabled \
                 --disk-storage-account-type StandardSSD_LRS --disk-encryption-set-id {disk} --enable-ephemeral-disk \
                 --image-generation Gen2 --diagnostics-storage-account-type UserManaged \
                 --diagnostics-storage-account-uri https://diag.blob.core.windows.net/",
            )),
        ),
        (
            "private-kms",
            split(&format!(
                "--endpoint-access Private --endpoint-access-private-nat-subnet-id {nat} \
                 --endpoint-access-private-additional-allowed-subscriptions {SUBSCRIPTION} --external-dns-domain ext.example.org \
                 --encryption-key-id https://hsm1.managedhsm.azure.net/keys/etcd/0123 --node-pool-replicas -1",
            )),
        ),
        (
            "other-network",
            split(
                "--network-type Other --allocate-node-cidrs --disable-multi-network --oauth-publishing-strategy LoadBalancer \
                 --external-dns-domain ext.example.org --marketplace-publisher azureopenshift --marketplace-offer aro4 \
                 --marketplace-sku aro_419 --marketplace-version 419.6.20250523 --generate-ssh",
            ),
        ),
    ]
}

/// Random values, blurred line by line.
fn blurred(text: &str) -> String {
    let random = |line: &str| {
        let (indent, key) = line.split_at(line.len() - line.trim_start().len());
        match key.split_once(": ") {
            Some((key @ ("key" | "id_rsa"), _)) if indent == "  " => format!("{indent}{key}: <random>"),
            Some((key @ "id_rsa.pub", value)) if value.len() > 200 => format!("{indent}{key}: <random>"),
            _ => line.to_owned(),
        }
    };
    text.lines().map(|line| random(line) + "\n").collect()
}

fn snapshot(name: &str, text: &str) {
    let path = e2e::workspace::root().join("tests/snapshots/render").join(format!("{name}.yaml"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{} differs; UPDATE_SNAPSHOTS=1 writes it anew", path.display());
}

#[tokio::test]
async fn renderings_are_as_kept_and_the_api_server_takes_them() {
    let folder = folder();
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("kept").await.unwrap();
    for (name, flags) in kept() {
        let mut args: Vec<&str> = flags.iter().map(String::as_str).collect();
        args.extend(["--render", "--render-sensitive"]);
        let ran = cluster(folder.path(), &args);
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
        snapshot(name, &blurred(&ran.stdout));
        args.extend(["-n", &namespace]);
        let text = cluster(folder.path(), &args).stdout;
        assert_eq!(server_problem(bed, &text), None, "{name}");
    }
}

#[test]
fn secrets_are_rendered_only_when_asked_for_and_a_file_of_them_is_private() {
    let folder = folder();
    let plain = cluster(folder.path(), &["--render"]);
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    let kinds: Vec<String> = objects(&plain.stdout).into_keys().collect();
    assert_eq!(kinds, ["HostedCluster clusters/prod", "Namespace -/clusters", "NodePool clusters/prod"]);
    let path = folder.path().join("out.yaml");
    let written = cluster(folder.path(), &["--render-into", "out.yaml", "--render-sensitive"]);
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""), "{}", written.stderr);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(objects(&fs::read_to_string(&path).unwrap()).len(), 6);
    for ran in [&plain, &written] {
        assert!(!ran.stderr.contains("never-shown") && !ran.stdout.contains("never-shown"));
    }
}

#[test]
fn keys_are_new_in_every_run() {
    let folder = folder();
    let key = || {
        let text = cluster(folder.path(), &["--render", "--render-sensitive"]).stdout;
        text.lines().find(|line| line.starts_with("  key: ")).unwrap().to_owned()
    };
    assert_ne!(key(), key());
}

#[test]
fn nothing_is_created_when_nobody_can_be_asked() {
    let folder = folder();
    let ran = cluster(folder.path(), &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: there is no terminal to ask on"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`--yes`") && ran.stderr.contains("`--dry-run`"), "{}", ran.stderr);
}

/// Changes the infra file, or another, and names the flag that must be refused.
#[test]
fn files_that_cannot_work_are_refused_by_flag() {
    let key = "--sa-token-issuer-private-key-path";
    let ec = "-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n";
    let public = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----\n";
    let other_tenant = r#"{"subscriptionId": "ffffffff-0000-4000-8000-00000000000a", "tenantId": "t", "clientId": "c", "clientSecret": "never-shown"}"#;
    let without = |field: &str| {
        let mut infra = infra();
        infra[field] = Value::Null;
        infra.to_string()
    };
    let with = |pointer: &str, value: &str| {
        let mut infra = infra();
        *infra.pointer_mut(pointer).unwrap() = json!(value);
        infra.to_string()
    };
    let cases: Vec<(&str, String, Vec<&str>, &str)> = vec![
        ("infra.yaml", String::new(), vec![], "--infra-json"),
        ("infra.yaml", "[1, 2]".into(), vec![], "--infra-json"),
        ("infra.yaml", without("infraID"), vec![], "--infra-json"),
        ("infra.yaml", without("workloadIdentities"), vec![], "--infra-json"),
        ("infra.yaml", with("/subnetID", "/subscriptions/x/subnets/y"), vec![], "--infra-json"),
        ("infra.yaml", with("/infraID", "Prod"), vec![], "--infra-json"),
        ("infra.yaml", with("/workloadIdentities/disk/clientID", "me"), vec![], "--infra-json"),
        ("infra.yaml", with("/resourceGroupName", "rg."), vec![], "--infra-json"),
        (
            "infra.yaml",
            without("kmsClientID"),
            vec!["--encryption-key-id", "https://kv.vault.azure.net/keys/k/v"],
            "--encryption-key-id",
        ),
        ("pull-secret.json", "{}".into(), vec![], "--pull-secret"),
        ("pull-secret.json", "not json".into(), vec![], "--pull-secret"),
        ("creds.json", "{}".into(), vec![], "--azure-creds"),
        ("creds.json", other_tenant.into(), vec![], "--azure-creds"),
        ("ssh.pub", private.into(), vec!["--ssh-key", "ssh.pub"], "--ssh-key"),
        ("ssh.pub", "hello".into(), vec!["--ssh-key", "ssh.pub"], "--ssh-key"),
        ("key", ec.into(), vec![key, "key"], key),
        ("key", public.into(), vec![key, "key"], key),
        ("ca.pem", "no certificate".into(), vec!["--additional-trust-bundle", "ca.pem"], "--additional-trust-bundle"),
        ("mirrors.yaml", "foo: bar".into(), vec!["--image-content-sources", "mirrors.yaml"], "--image-content-sources"),
        (
            "wi.json",
            json!({"disk": {"clientID": "0a1b2c3d-0000-4000-8000-000000000177"}}).to_string(),
            vec!["--workload-identities-file", "wi.json"],
            "--workload-identities-file",
        ),
        ("wi.json", "{".into(), vec!["--workload-identities-file", "wi.json"], "--workload-identities-file"),
    ];
    for (file, content, flags, flag) in cases {
        let folder = folder();
        fs::write(folder.path().join(file), &content).unwrap();
        let mut args = flags.clone();
        args.push("--render");
        let ran = cluster(folder.path(), &args);
        assert_eq!(refusal_problem(&ran), None, "{file} {content}");
        assert!(
            ran.stderr.contains(&format!("{flag} ")) || ran.stderr.contains(&format!("{flag}:")),
            "{flag}: {}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("never-shown"), "{}", ran.stderr);
    }
}

#[test]
fn identities_of_their_own_file_serve_an_infra_file_without() {
    let folder = folder();
    let mut file = infra();
    let mut identities = file["workloadIdentities"].take();
    identities["kmsClientID"] = file["kmsClientID"].take();
    fs::write(folder.path().join("infra.yaml"), file.to_string()).unwrap();
    fs::write(folder.path().join("wi.json"), identities.to_string()).unwrap();
    let apart = cluster(folder.path(), &["--render", "--workload-identities-file", "wi.json"]);
    assert_eq!(apart.code, Some(0), "{}", apart.stderr);
    fs::write(folder.path().join("infra.yaml"), infra().to_string()).unwrap();
    assert_eq!(apart.stdout, cluster(folder.path(), &["--render"]).stdout);
}

#[test]
fn switches_take_a_value_and_the_last_of_a_flag_wins() {
    let folder = folder();
    let spec = |args: &[&str]| {
        let mut all = vec!["--render"];
        all.extend(args);
        let ran = cluster(folder.path(), &all);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        objects(&ran.stdout)["HostedCluster clusters/prod"]["spec"].clone()
    };
    assert_eq!(spec(&["--fips"])["fips"], true);
    assert_eq!(spec(&["--fips=true", "--fips=false"])["fips"], false);
    assert_eq!(
        spec(&["--olm-catalog-placement", "guest", "--olm-catalog-placement", "Management"])["olmCatalogPlacement"],
        "management"
    );
}

#[tokio::test]
async fn a_node_pool_needs_its_cluster() {
    let folder = folder();
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("alone").await.unwrap();
    let kubeconfig = bed.kubeconfig();
    let kubeconfig = kubeconfig.to_str().unwrap();
    let id = subnet("prod", "nodes");
    let args = [
        "np1",
        "--cluster-name",
        "prod",
        "--nodepool-subnet-id",
        &id,
        "--render",
        "-n",
        &namespace,
        "--kubeconfig",
        kubeconfig,
    ];
    let ran = create(folder.path(), "nodepool", &args);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains(&format!("error: there is no HostedCluster {namespace}/prod")), "{}", ran.stderr);
    let rendered = cluster(folder.path(), &["--render", "-n", &namespace]);
    bed.apply_yaml_in(&namespace, &rendered.stdout).await.unwrap();
    let ran = create(folder.path(), "nodepool", &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    snapshot("node-pool", &ran.stdout.replace(&namespace, "clusters"));
    assert_eq!(server_problem(bed, &ran.stdout), None);
}
