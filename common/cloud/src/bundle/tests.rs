//! Bundles in every wrapping, and everything that is no bundle.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

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
    Need::ALL.into()
}

fn read(path: &Path) -> Result<Facts, BundleError> {
    open(path, Wanted::default(), &every())
}

/// Facts with an event that is large enough for a compressed file of some length.
fn some_facts() -> Facts {
    let target = Target {
        namespace: "clusters".into(),
        name: "demo".into(),
    };
    let source = facts::Source::Live {
        context: Some("dev".into()),
    };
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
        (
            "namespaces/clusters-demo/core/pods/ingress-operator-0.yaml",
            POD.to_owned(),
        ),
        (
            "namespaces/clusters-demo/core/pods/logs/ingress-operator-0-main.log",
            "E1120 09:10:00.000000 1 x] AADSTS700016: now\n".to_owned(),
        ),
        (
            "namespaces/clusters-demo/core/pods/logs/ingress-operator-0-main-previous.log",
            "E1120 09:05:00.000000 1 x] AADSTS700016: now\nE1120 09:05:01.000000 1 x] AADSTS90061: before\n".to_owned(),
        ),
        (
            "namespaces/clusters-demo/cluster.x-k8s.io/machines.yaml",
            "kind: MachineList\nitems: []\n".to_owned(),
        ),
        (
            "namespaces/hypershift/core/configmaps/other.yaml",
            "kind: ConfigMap\n".to_owned(),
        ),
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
        builder
            .append_data(&mut header, format!("{prefix}{path}"), text.as_bytes())
            .unwrap();
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
    assert_eq!(
        texts,
        ["AADSTS90061: before", "AADSTS700016: now"],
        "the newest of equal messages"
    );
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
    tree.insert(
        format!("{pod}main/main/logs/current.log"),
        line("09:10:00", "AADSTS700016: now"),
    );
    tree.insert(
        format!("{pod}main/main/logs/previous.log"),
        line("09:05:00", "AADSTS90061: before"),
    );
    let (_folder, path) = file(&tar_of(&tree, ""));
    let logs = read(&path).unwrap().hosted.logs.known("logs").unwrap().clone();
    assert_eq!(logs.len(), 2);
    assert_eq!(logs[0].time.unwrap().to_string(), "2026-11-20T09:05:00Z");
    assert_eq!(logs[1].app.as_deref(), Some("ingress-operator"));
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
fn only_what_is_needed_is_read() {
    let (_folder, path) = file(&tar_of(&small_tree(), ""));
    let facts = open(&path, Wanted::default(), &[Need::HostedCluster].into()).unwrap();
    assert!(facts.hosted.cluster.get().is_some());
    assert_eq!(facts.hosted.pods.gap().unwrap().kind, GapKind::NotAsked);
}

#[test]
fn which_hosted_cluster() {
    let mut tree = small_tree();
    let second = "namespaces/clusters/hypershift.openshift.io/hostedclusters/second.yaml";
    tree.insert(second.to_owned(), cluster_yaml("clusters", "second", "Azure"));
    let foreign = "namespaces/others/hypershift.openshift.io/hostedclusters/aws.yaml";
    tree.insert(foreign.to_owned(), cluster_yaml("others", "aws", "AWS"));
    let (_folder, path) = file(&tar_of(&tree, ""));
    let wanting = |namespace, name| open(&path, Wanted { namespace, name }, &every());
    let several = wanting(None, None).unwrap_err();
    assert_eq!(several.why().unwrap(), "it holds clusters/demo, clusters/second");
    assert_eq!(wanting(None, Some("second")).unwrap().target.name, "second");
    let missing = wanting(Some("clusters"), Some("third")).unwrap_err();
    assert_eq!(
        missing.what(),
        format!("{} holds no HostedCluster clusters/third", path.display())
    );
    assert_eq!(
        missing.why().unwrap(),
        "it holds clusters/demo, clusters/second, others/aws"
    );
    let aws = wanting(None, Some("aws")).unwrap_err();
    assert_eq!(
        aws.why().unwrap(),
        "HostedCluster others/aws is of platform AWS, not Azure"
    );
}

#[test]
fn a_wrong_kind_where_a_hosted_cluster_should_be() {
    let mut tree = small_tree();
    let cluster = "namespaces/clusters/hypershift.openshift.io/hostedclusters/demo.yaml";
    tree.insert(
        cluster.to_owned(),
        "kind: ConfigMap\nmetadata: {name: demo}\n".to_owned(),
    );
    let error = error_of(&tar_of(&tree, ""));
    assert!(
        error
            .to_string()
            .ends_with(&format!("{cluster} holds ConfigMap where a HostedCluster should be")),
        "{error}"
    );
    tree.insert(cluster.to_owned(), "kind: [".to_owned());
    assert!(matches!(error_of(&tar_of(&tree, "")), BundleError::Damaged { .. }));
    tree.remove(cluster);
    assert!(matches!(
        error_of(&tar_of(&tree, "")),
        BundleError::NoHostedCluster { .. }
    ));
    let error = error_of(b"apiVersion: v1\nkind: ConfigMap\n");
    assert!(error.to_string().contains("Kubernetes objects (ConfigMap)"), "{error}");
}

#[test]
fn a_damaged_file_costs_only_its_own_fact() {
    let mut tree = small_tree();
    tree.insert(
        "namespaces/clusters-demo/cluster.x-k8s.io/machines.yaml".to_owned(),
        "kind: {".to_owned(),
    );
    let (_folder, path) = file(&tar_of(&tree, ""));
    let facts = read(&path).unwrap();
    let gap = facts.hosted.machines.gap().unwrap().clone();
    assert_eq!(gap.kind, GapKind::Failed);
    assert!(gap.why.contains("machines.yaml"), "{}", gap.why);
    assert!(facts.hosted.pods.get().is_some());
}

#[test]
fn facts_survive_every_wrapping() {
    let facts = some_facts();
    for name in ["a.tar.gz", "a.tgz", "a.tar.zst", "a.tar", "a.json", "a"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&facts, &path).unwrap();
        let mut back = read(&path).unwrap();
        assert!(back.source.is_offline(), "{name}");
        back.source = facts.source.clone();
        assert_eq!(back, facts, "{name}");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing temporary is left"
        );
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
    let other = open(
        folder.path(),
        Wanted {
            namespace: None,
            name: Some("x"),
        },
        &every(),
    )
    .unwrap_err();
    assert_eq!(other.why().unwrap(), "it holds clusters/demo");
}

#[test]
fn the_same_facts_make_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["1.tar.gz", "2.tar.gz"].map(|name| folder.path().join(name));
    write(&some_facts(), &one).unwrap();
    write(&some_facts(), &two).unwrap();
    assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap());
}

#[test]
fn schemas() {
    let mut value = serde_json::to_value(some_facts()).unwrap();
    value["schema"]["minor"] = 99.into();
    value["hosted"]["invented"] = "later".into();
    let (_folder, path) = file(value.to_string().as_bytes());
    assert!(read(&path).is_ok(), "a newer minor");
    value["schema"]["major"] = (SCHEMA_MAJOR + 1).into();
    value["hosted"] = "quite different".into();
    let error = error_of(value.to_string().as_bytes());
    assert!(
        matches!(error, BundleError::Schema { found, .. } if found == SCHEMA_MAJOR + 1),
        "{error}"
    );
    assert_eq!(error.hint().unwrap(), "update hcp-azure");
    assert!(matches!(error_of(b"{}"), BundleError::NotABundle { .. }));
    assert!(matches!(
        error_of(b"{\"schema\": {\"major\": 1, \"minor\": 0}}"),
        BundleError::Damaged { .. }
    ));
    assert!(matches!(
        error_of(b"{\"schema\": {\"maj"),
        BundleError::Truncated { .. }
    ));
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
    write(&facts, &path).unwrap();
    fs::remove_file(&path).unwrap();
    if let Fact::Known(events) = &mut facts.hosted.warnings {
        events[3].message = "said client_secret=hunter2".into();
    }
    let error = write(&facts, &path).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("hosted.warnings.value[3].message looks like a secret"),
        "{error}"
    );
    assert!(!error.to_string().contains("hunter2"));
    assert!(!path.exists());
}

#[test]
fn what_is_no_bundle() {
    assert!(matches!(
        read(Path::new("/does/not/exist")),
        Err(BundleError::Missing { .. })
    ));
    assert!(matches!(error_of(b""), BundleError::Empty { .. }));
    assert!(matches!(error_of(&gz(b"")), BundleError::Empty { .. }));
    assert!(matches!(error_of(b"just words"), BundleError::NotABundle { .. }));
    assert!(matches!(
        error_of(&[0, 159, 146, 150, 7, 7]),
        BundleError::NotABundle { .. }
    ));
    assert!(matches!(error_of(&gz(&[0xff; 600])), BundleError::NotABundle { .. }));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(read(empty.path()), Err(BundleError::Empty { .. })));
    fs::write(empty.path().join("notes.txt"), "x").unwrap();
    assert!(matches!(read(empty.path()), Err(BundleError::NotABundle { .. })));
    let other: BTreeMap<_, _> = [("readme.md".to_owned(), "x".to_owned())].into();
    assert!(matches!(error_of(&tar_of(&other, "")), BundleError::NotABundle { .. }));
}

#[test]
fn entries_that_lead_out_are_refused_and_links_ignored() {
    let raw = |name: &str, kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_cksum();
        header
    };
    for name in ["../../etc/passwd", "/etc/passwd", "namespaces/../../x"] {
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&raw(name, tar::EntryType::Regular), &[][..]).unwrap();
        let error = error_of(&builder.into_inner().unwrap());
        assert!(
            matches!(&error, BundleError::Unsafe { entry, .. } if entry == name),
            "{error}"
        );
    }
    let mut builder = tar::Builder::new(Vec::new());
    builder
        .append(&raw("facts.json", tar::EntryType::Symlink), &[][..])
        .unwrap();
    assert!(matches!(
        error_of(&builder.into_inner().unwrap()),
        BundleError::NotABundle { .. }
    ));
    #[cfg(unix)]
    {
        let folder = tempfile::tempdir().unwrap();
        let (_target, path) = file(&serde_json::to_vec(&some_facts()).unwrap());
        std::os::unix::fs::symlink(path, folder.path().join("facts.json")).unwrap();
        assert!(matches!(read(folder.path()), Err(BundleError::NotABundle { .. })));
    }
}

#[test]
fn every_truncation_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.tar.gz");
    write(&some_facts(), &path).unwrap();
    let dump = tar_of(&small_tree(), "");
    // A plain tar is whole as soon as its first block of zeros is there; every other byte is needed.
    let cases = [
        (fs::read(&path).unwrap(), 0),
        (gz(&dump), 0),
        (zst(&dump), 0),
        (dump, 512),
    ];
    let mut tried = 0;
    for (whole, spare) in cases {
        let needed = whole.len() - spare;
        for length in (0..needed).step_by(97).chain(needed - 9..needed) {
            let (_folder, path) = file(&whole[..length]);
            assert!(read(&path).is_err(), "{length} of {} bytes", whole.len());
            tried += 1;
        }
    }
    println!("{tried} truncations");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..3_000),
        kind in 0_u8..6,
    ) {
        let bytes = match kind {
            0 => bytes,
            1 => gz(&bytes),
            2 => zst(&bytes),
            3 => [&[0x1f, 0x8b][..], &bytes].concat(),
            4 => [&b"{"[..], &bytes].concat(),
            _ => {
                let mut tar = tar_of(&small_tree(), "");
                let at = bytes.len() * 7 % tar.len();
                let end = (at + bytes.len()).min(tar.len());
                tar[at..end].copy_from_slice(&bytes[..end - at]);
                tar
            }
        };
        let (_folder, path) = file(&bytes);
        let _ = read(&path);
    }
}

/// The dump that the real `hypershift dump cluster` wrote.
fn recorded_dump() -> Option<PathBuf> {
    let shared = std::env::var_os("HCP_AZURE_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = shared.join("golden/dumps/identity-and-sku");
    if !path.is_dir() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn the_dump_that_real_programs_wrote() {
    let Some(path) = recorded_dump() else { return };
    let facts = read(&path).unwrap();
    assert_eq!(facts.target.to_string(), "clusters/demo");
    assert_eq!(facts.collected_at.to_string(), "2026-11-20T22:00:10.667075502Z");
    let cluster = facts.hosted.cluster.get().unwrap();
    assert_eq!(cluster.conditions.len(), 21);
    assert_eq!(cluster.condition("Degraded").unwrap().reason, "UnavailableReplicas");
    let facts::hosted::Authentication::WorkloadIdentities { client_ids } = &cluster.azure.authentication else {
        panic!("workload identities");
    };
    assert_eq!(client_ids.len(), 8);
    let pools = facts.hosted.node_pools.get().unwrap();
    assert_eq!((pools.len(), pools[0].conditions.len()), (1, 14));
    let machines = facts.hosted.machines.get().unwrap();
    assert_eq!(machines.len(), 2);
    assert!(
        machines
            .iter()
            .all(|machine| machine.node_pool.as_deref() == Some("demo"))
    );
    let azure_machines = facts.hosted.azure_machines.get().unwrap();
    assert_eq!(azure_machines.len(), 2);
    let skus = azure_machines.iter().flat_map(|machine| &machine.conditions);
    assert_eq!(
        skus.filter(|condition| condition.message.contains("SkuNotAvailable"))
            .count(),
        1
    );
    let pods = facts.hosted.pods.get().unwrap();
    assert_eq!(pods.len(), 5);
    let minters = pods
        .iter()
        .flat_map(|pod| &pod.containers)
        .filter_map(|c| c.token_minter.as_ref());
    let subjects: Vec<_> = minters.filter_map(|minter| minter.subject.as_deref()).collect();
    assert!(
        subjects.contains(&"system:serviceaccount:kube-system:capi-provider"),
        "{subjects:?}"
    );
    assert_eq!(facts.hosted.workloads.get().unwrap().len(), 5);
    assert_eq!(facts.hosted.warnings.get().unwrap().len(), 1);
    let logs = facts.hosted.logs.get().unwrap();
    let refusals: Vec<(&str, bool, bool)> = logs
        .iter()
        .map(|line| {
            let app = line.app.as_deref().unwrap();
            (
                app,
                line.text.contains("AADSTS700213"),
                line.text.contains("AADSTS700211"),
            )
        })
        .collect();
    assert_eq!(
        refusals,
        [
            ("capi-provider", true, false),
            ("cloud-controller-manager", false, true)
        ]
    );
    assert_eq!(logs[0].time.unwrap().to_string(), "2026-11-20T09:31:03.402377Z");
    let operators = facts.management.operators.get().unwrap();
    assert_eq!((operators.len(), operators[0].args.len()), (1, 3));
    assert_eq!(facts.management.supported_versions.get().unwrap().versions.len(), 12);
    let served = facts.management.api_resources.get().unwrap();
    let plurals: Vec<&str> = served.iter().map(|resource| resource.plural.as_str()).collect();
    for plural in [
        "hostedclusters",
        "nodepools",
        "machines",
        "azuremachines",
        "controlplanecomponents",
    ] {
        assert!(plurals.contains(&plural), "{plural} in {plurals:?}");
    }
    // What it does not hold is unknown, never absent.
    assert_eq!(facts.hosted.components.gap().unwrap().kind, GapKind::NotRecorded);
    for gap in [
        facts.azure.login.gap(),
        facts.azure.subscription.gap(),
        facts.azure.identities.gap(),
    ] {
        assert_eq!(gap.unwrap().why, "a Kubernetes dump holds nothing of Azure");
    }
    // What was read may be written.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.tar.zst");
    write(&facts, &copy).unwrap();
    let back = read(&copy).unwrap();
    assert_eq!((&back.hosted, &back.management), (&facts.hosted, &facts.management));
}

/// Prints what opening costs: `cargo test --release -p cloud -- --ignored --nocapture speed`.
#[test]
#[ignore = "prints figures of an optimised build"]
fn speed() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.tar.gz");
    let mut paths = vec![own.clone()];
    match recorded_dump() {
        Some(dump) => {
            write(&read(&dump).unwrap(), &own).unwrap();
            paths.push(dump);
        }
        None => write(&some_facts(), &own).unwrap(),
    }
    for path in paths {
        let mut times: Vec<_> = (0..9)
            .map(|_| {
                let begin = Instant::now();
                read(&path).unwrap();
                begin.elapsed()
            })
            .collect();
        times.sort();
        println!("{}: median {:?}, first {:?}", path.display(), times[4], times[8]);
    }
}
