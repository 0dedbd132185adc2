//! Bundles in every wrapping.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod manifests;
mod recorded;
mod refusals;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use facts::hosted::Event;
use facts::local::{CredsFile, SecretState};
use facts::{Fact, GapKind, SCHEMA_MAJOR};
use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn every() -> BTreeSet<Need> {
    Need::ALL.iter().copied().collect()
}

fn read(path: &Path) -> Result<Facts, BundleError> {
    open(path, Wanted::default(), &every())
}

/// Facts with an event that is large enough for a compressed file of some length.
fn some_facts() -> Facts {
    let target = Target { namespace: "clusters".into(), name: "demo".into() };
    let source = facts::Source::Live { context: Some("dev".into()) };
    let mut facts = Facts::unread("2026-11-20T22:00:00Z".parse().unwrap(), source, target);
    let event = |n: u64| Event {
        about: format!("Pod/p{n}"),
        reason: format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        message: format!("{:x}", n.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)),
        last_seen: None,
        count: 1,
    };
    facts.hosted.warnings = Fact::Known((0..200).map(event).collect());
    facts
}

fn cluster_yaml(namespace: &str, name: &str, platform: &str) -> String {
    format!(
        "---\napiVersion: hypershift.openshift.io/v1beta1\nkind: HostedCluster\nmetadata:\n  name: {name}\n  namespace: \
         {namespace}\n  creationTimestamp: \"2026-11-20T09:00:00Z\"\nspec:\n  infraID: x\n  platform: {{type: {platform}, \
         azure: {{location: eastus}}}}\n"
    )
}

const POD: &str = "kind: Pod\nmetadata: {name: ingress-operator-0, labels: {app: ingress-operator}}\nspec: {containers: \
                   [{name: main}]}\n";

/// A small tree, by path.
fn small_tree() -> BTreeMap<String, String> {
    let cluster = "namespaces/clusters/hypershift.openshift.io/hostedclusters/demo.yaml";
    [
        (cluster, cluster_yaml("clusters", "demo", "Azure")),
        ("namespaces/clusters-demo/core/pods/ingress-operator-0.yaml", POD.to_owned()),
        (
            "namespaces/clusters-demo/core/pods/logs/ingress-operator-0-main.log",
            "E1120 09:10:00.000000 1 x] AADSTS700016: now\n".to_owned(),
        ),
        (
            "namespaces/clusters-demo/core/pods/logs/ingress-operator-0-main-previous.log",
            "E1120 09:05:00.000000 1 x] AADSTS700016: now\nE1120 09:05:01.000000 1 x] AADSTS90061: before\n".to_owned(),
        ),
        ("namespaces/clusters-demo/cluster.x-k8s.io/machines.yaml", "kind: MachineList\nitems: []\n".to_owned()),
        ("namespaces/hypershift/core/configmaps/other.yaml", "kind: ConfigMap\n".to_owned()),
        (
            "namespaces/hypershift/apps/deployments/external-dns.yaml",
            "kind: Deployment\nmetadata: {name: d}\n".to_owned(),
        ),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text))
    .collect()
}

fn write_tree(root: &Path, tree: &BTreeMap<String, String>) {
    for (path, text) in tree {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn tar_of(tree: &BTreeMap<String, String>, prefix: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in tree {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("{prefix}{path}"), text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A file of that content, kept as long as its folder.
fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn error_of(bytes: &[u8]) -> BundleError {
    let (_folder, path) = file(bytes);
    read(&path).unwrap_err()
}

fn check_small_tree(facts: &Facts) {
    assert_eq!(facts.target.to_string(), "clusters/demo");
    assert_eq!(facts.hosted.pods.get().unwrap().len(), 1);
    assert_eq!(facts.hosted.machines, Fact::Known(vec![]), "an empty list is knowledge");
    assert_eq!(facts.hosted.azure_machines.gap().unwrap().kind, GapKind::NotRecorded);
    let logs = facts.hosted.logs.get().unwrap();
    let texts: Vec<&str> = logs.iter().filter_map(|line| line.text.split("] ").nth(1)).collect();
    assert_eq!(texts, ["AADSTS90061: before", "AADSTS700016: now"], "the newest of equal messages");
    let end: Timestamp = "2026-11-20T09:10:00Z".parse().unwrap();
    assert!(logs.iter().all(|line| line.log_end == Some(end)));
    assert_eq!(facts.collected_at, end, "the newest time that the dump tells");
    assert_eq!(facts.management.supported_versions, Fact::Absent);
    assert_eq!(facts.management.operators, Fact::Absent);
    let gap = facts.oidc.signing_key.gap().unwrap();
    assert_eq!(gap.why, "a Kubernetes dump holds no Secrets");
    assert_eq!(gap.remedy.as_deref(), Some("oc hcp-azure bundle demo -n clusters"));
}

#[test]
fn a_dump_in_every_wrapping() {
    let tree = small_tree();
    let folder = tempfile::tempdir().unwrap();
    write_tree(&folder.path().join("must-gather.local.1/quay-io-x"), &tree);
    check_small_tree(&read(folder.path()).unwrap());
    let plain = tar_of(&tree, "./must-gather/x/");
    for bytes in [plain.clone(), gz(&plain), zst(&plain)] {
        let (folder, path) = file(&bytes);
        check_small_tree(&read(&path).unwrap());
        fs::rename(&path, folder.path().join("hypershift-dump.tar.gz")).unwrap();
        check_small_tree(&read(folder.path()).unwrap());
    }
}

#[test]
fn the_layout_of_inspect() {
    let mut tree = small_tree();
    tree.retain(|path, _| !path.contains("/core/pods"));
    let pod = "namespaces/clusters-demo/pods/ingress-operator-0/";
    tree.insert(format!("{pod}ingress-operator-0.yaml"), POD.to_owned());
    let line = |time: &str, text: &str| format!("2026-11-20T{time}Z E1120 01:02:03.000000 1 x] {text}\n");
    tree.insert(format!("{pod}main/main/logs/current.log"), line("09:10:00", "AADSTS700016: now"));
    tree.insert(format!("{pod}main/main/logs/previous.log"), line("09:05:00", "AADSTS90061: before"));
    let (_folder, path) = file(&tar_of(&tree, ""));
    let logs = read(&path).unwrap().hosted.logs.known("logs").unwrap().clone();
    assert_eq!(logs.len(), 2);
    assert_eq!(logs[0].time.unwrap().to_string(), "2026-11-20T09:05:00Z");
    assert_eq!(logs[1].app.as_deref(), Some("ingress-operator"));
}

#[test]
fn the_private_way_is_read_where_a_tree_holds_it() {
    let (folder, mut tree) = (tempfile::tempdir().unwrap(), small_tree());
    write_tree(folder.path(), &tree);
    let without = read(folder.path()).unwrap().private_link.services;
    assert_eq!(without.gap().unwrap().kind, GapKind::NotRecorded);
    let object = "apiVersion: hypershift.openshift.io/v1beta1\nkind: AzurePrivateLinkService\nmetadata:\n  name: private-router\nstatus:\n  privateEndpointIP: 10.0.0.9\n";
    tree.insert(
        "namespaces/clusters-demo/hypershift.openshift.io/azureprivatelinkservices/private-router.yaml".into(),
        object.into(),
    );
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path(), &tree);
    let services = read(folder.path()).unwrap().private_link.services;
    assert_eq!(services.get().unwrap()[0].private_endpoint_ip.as_deref(), Some("10.0.0.9"));
}

#[test]
fn the_hosted_clusters_own_objects_are_not_the_management_clusters() {
    let mut tree = small_tree();
    let guest = "hostedcluster-demo/namespaces/clusters-demo/core/pods/guest.yaml";
    tree.insert(guest.to_owned(), POD.replace("ingress-operator-0", "guest"));
    let (_folder, path) = file(&tar_of(&tree, ""));
    check_small_tree(&read(&path).unwrap());
}

#[test]
fn the_hosted_clusters_own_objects_are_read_as_its_own() {
    let mut tree = small_tree();
    let object = |kind: &str, name: &str| format!("kind: {kind}\nmetadata: {{name: {name}}}\n");
    let scope = "cluster-scoped-resources";
    tree.insert(format!("{scope}/core/nodes/management.yaml"), object("Node", "management"));
    let (_folder, path) = file(&tar_of(&tree, ""));
    assert_eq!(read(&path).unwrap().guest.nodes.gap().unwrap().kind, GapKind::NotRecorded);
    tree.insert(format!("hostedcluster-demo/{scope}/core/nodes/worker.yaml"), object("Node", "worker"));
    let operator = format!("hostedcluster-demo/{scope}/config.openshift.io/clusteroperators/dns.yaml");
    tree.insert(operator, object("ClusterOperator", "dns"));
    let (_folder, path) = file(&tar_of(&tree, ""));
    let guest = read(&path).unwrap().guest;
    let nodes: Vec<_> = guest.nodes.get().unwrap().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(nodes, ["worker"]);
    assert_eq!(guest.cluster_operators.get().unwrap()[0].name, "dns");
    assert_eq!(guest.credentials.gap().unwrap().kind, GapKind::NotRecorded);
}

#[test]
fn cluster_api_and_volumes_of_a_dump() {
    let folder = tempfile::tempdir().unwrap();
    let mut tree = small_tree();
    let plane = "namespaces/clusters-demo";
    for (path, text) in [
        (
            "cluster.x-k8s.io/clusters/x.yaml",
            "kind: Cluster\nmetadata: {name: x}\nstatus: {infrastructureReady: true}\n",
        ),
        (
            "infrastructure.cluster.x-k8s.io/azureclusters.yaml",
            "kind: AzureClusterList\nitems:\n- metadata: {name: other}\n",
        ),
        (
            "core/persistentvolumeclaims.yaml",
            "kind: PersistentVolumeClaimList\nitems:\n- metadata: {name: data-etcd-0}\n  status: {phase: Pending}\n- metadata: {name: x}\n",
        ),
    ] {
        tree.insert(format!("{plane}/{path}"), text.to_owned());
    }
    write_tree(folder.path(), &tree);
    let found = read(folder.path()).unwrap().hosted.control_plane;
    assert_eq!(found.cluster.get().unwrap().infrastructure_ready, Some(true));
    assert_eq!(found.azure_cluster, Fact::Absent);
    let volumes = found.volumes.get().unwrap();
    assert_eq!((volumes.len(), volumes[0].phase.as_deref()), (1, Some("Pending")));
    for gap in [found.azure_identity.gap(), found.certificates.gap(), found.health_checks.gap()] {
        assert_eq!(gap.unwrap().kind, GapKind::NotRecorded);
    }
}

#[test]
fn only_what_is_needed_is_read() {
    let (_folder, path) = file(&tar_of(&small_tree(), ""));
    let facts = open(&path, Wanted::default(), &[Need::HostedCluster].into()).unwrap();
    assert!(facts.hosted.cluster.get().is_some());
    assert_eq!(facts.hosted.pods.gap().unwrap().kind, GapKind::NotAsked);
}

#[test]
fn facts_survive_every_wrapping() {
    let facts = some_facts();
    for name in ["a.tar.gz", "a.tgz", "a.tar.zst", "a.tar", "a.json", "a"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&facts, &Recorder::default(), &path).unwrap();
        let mut back = read(&path).unwrap();
        assert!(back.source.is_offline(), "{name}");
        back.source = facts.source.clone();
        back.recording = facts.recording.clone();
        assert_eq!(back, facts, "{name}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    let json = serde_json::to_vec(&facts).unwrap();
    for bytes in [gz(&json), zst(&json)] {
        let (_folder, path) = file(&bytes);
        assert_eq!(read(&path).unwrap().target, facts.target);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("x")).unwrap();
    fs::write(folder.path().join("x/facts.json"), &json).unwrap();
    assert_eq!(read(folder.path()).unwrap().target, facts.target);
    let other = open(folder.path(), Wanted { namespace: None, name: Some("x") }, &every()).unwrap_err();
    assert_eq!(other.why().unwrap(), "it holds clusters/demo");
}

#[test]
fn the_same_facts_make_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["1.tar.gz", "2.tar.gz"].map(|name| folder.path().join(name));
    write(&some_facts(), &Recorder::default(), &one).unwrap();
    write(&some_facts(), &Recorder::default(), &two).unwrap();
    assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap());
}

#[test]
fn secrets_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    let mut facts = some_facts();
    facts.local.creds_file = Fact::Known(CredsFile {
        path: "creds.json".into(),
        problem: None,
        subscription_id: None,
        tenant_id: None,
        client_id: None,
        client_secret: SecretState::Present,
        unknown_keys: vec![],
        mode: None,
    });
    write(&facts, &Recorder::default(), &path).unwrap();
    fs::remove_file(&path).unwrap();
    if let Fact::Known(events) = &mut facts.hosted.warnings {
        events[3].message = "said client_secret=hunter2".into();
    }
    write(&facts, &Recorder::default(), &path).unwrap();
    let events = read(&path).unwrap().hosted.warnings.known("events").unwrap().clone();
    assert_eq!(events[3].message, "said client_secret=[redacted]");
    fs::remove_file(&path).unwrap();
    // What stands on the next line is no password.
    if let Fact::Known(events) = &mut facts.hosted.warnings {
        events[3].message = "asked for a password:\nuser12345".into();
    }
    write(&facts, &Recorder::default(), &path).unwrap();
    assert_eq!(read(&path).unwrap().recording.held.get().unwrap().exposed.get().unwrap().count, 0);
    fs::remove_file(&path).unwrap();
    // A name of a member cannot be changed, for others may stand behind it.
    let gap = facts::Gap::new(GapKind::Failed, "x");
    facts.azure.providers.insert("AKIAIOSFODNN7EXAMPLE".into(), Fact::Unreadable(gap));
    let error = write(&facts, &Recorder::default(), &path).unwrap_err();
    assert!(error.to_string().ends_with("azure.providers (a key) looks like a secret"), "{error}");
    assert!(!error.to_string().contains("AKIA"));
    assert!(!path.exists());
}
