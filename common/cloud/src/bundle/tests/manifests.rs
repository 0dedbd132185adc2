//! What a bundle says of itself, and secrets in foreign dumps.

use std::time::Duration;

use facts::Gap;
use facts::recording::Place;
use facts::redact::Kind;
use serde_json::Value;

use super::*;
use crate::http::Call;

fn held(facts: &Facts) -> &Held {
    facts.recording.held.get().unwrap()
}

fn unpacked(path: &Path) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(path).unwrap()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o600);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
        (entry.path().unwrap().display().to_string(), text)
    });
    entries.collect()
}

fn recorder() -> Recorder {
    let call = |method: &str, address: &str, status: u16| Call {
        method: method.into(),
        address: address.into(),
        status: Some(status),
        duration: Duration::from_millis(7),
        request_id: Some("r-1".into()),
    };
    Recorder {
        context: Some("mgmt".into()),
        server: Some("https://api.example:6443".into()),
        user: Some("system:admin".into()),
        calls: vec![
            call("GET", "/subscriptions/s/resourceGroups/g?api-version=2024-11-01&sig=c2VjcmV0Y2FuYXJ5", 200),
            call("GET", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v", 403),
            call("GET", "https://acct.blob.core.windows.net/c/x?sv=1&sig=c2VjcmV0Y2FuYXJ5&se=2", 200),
            call("GET", "/api/v1/namespaces/clusters-demo/pods?limit=500&continue=tokencanary", 200),
        ],
    }
}

#[test]
fn a_bundle_tells_who_read_what_with_which_rights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    let mut facts = some_facts();
    let gap = Gap::new(GapKind::Denied, "403 AuthorizationFailed")
        .needing("Microsoft.Network/virtualNetworks/read", "/subscriptions/s/resourceGroups/g");
    facts.azure.network.vnets.insert("/v".into(), Fact::Unreadable(gap));
    let written = write(&facts, &recorder(), &path).unwrap();
    let files = unpacked(&path);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["facts.json", "manifest.json"]);
    let manifest: Value = serde_json::from_str(&files["manifest.json"]).unwrap();
    assert_eq!(serde_json::from_value::<Manifest>(manifest.clone()).unwrap(), written);
    for canary in ["c2VjcmV0Y2FuYXJ5", "tokencanary"] {
        assert!(files.values().all(|text| !text.contains(canary)), "{canary}");
    }
    assert_eq!(manifest["reader"]["user"], "system:admin");
    assert_eq!(manifest["calls"][0]["address"], "/subscriptions/s/resourceGroups/g?api-version=2024-11-01");
    assert_eq!(
        (manifest["calls"][1]["status"].as_u64(), manifest["calls"][1]["requestId"].as_str()),
        (Some(403), Some("r-1"))
    );
    let unread = &manifest["unread"][0];
    assert_eq!(unread["needs"], "Microsoft.Network/virtualNetworks/read");
    assert_eq!(unread["scope"], "/subscriptions/s/resourceGroups/g");
    assert_eq!((unread["what"][0].as_str(), unread["role"].as_str()), (Some("the network"), Some("Reader")));
    assert!(unread["command"].as_str().unwrap().contains("--role Reader --scope /subscriptions/s/resourceGroups/g"));
    let unit = |need: &str| manifest["read"].as_array().unwrap().iter().find(|unit| unit["need"] == need).unwrap();
    assert_eq!(unit("network")["state"], "unreadable");
    assert_eq!((unit("pods")["state"].as_str(), unit("pods")["known"].as_u64()), (Some("read"), Some(1)));
    assert_eq!(manifest["files"][0]["bytes"], files["facts.json"].len());
    let facts = read(&path).unwrap();
    let seal = held(&facts).manifest.get().unwrap();
    assert!(seal.changed.is_empty() && seal.tool.starts_with("hcp-azure "));
    assert_eq!(held(&facts).exposed.get().unwrap().count, 0);
    assert_eq!(held(&facts).evidence[&Need::Network].unreadable, 1);
}

#[test]
fn a_changed_file_is_told_and_a_damaged_manifest_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    write(&some_facts(), &recorder(), &path).unwrap();
    let mut files = unpacked(&path);
    let whole = files.clone();
    files.insert("facts.json".into(), files["facts.json"].replace("Pod/p1", "Pod/q1"));
    let of = |files: &BTreeMap<String, String>| {
        let (_folder, path) = file(&tar_of(files, ""));
        held(&read(&path).unwrap()).manifest.clone()
    };
    assert_eq!(of(&files).get().unwrap().changed, ["facts.json"]);
    assert!(of(&whole).get().unwrap().changed.is_empty());
    files.insert("manifest.json".into(), "{\"tool\": 7".into());
    assert_eq!(of(&files).gap().unwrap().why, "manifest.json is damaged");
    files.remove("manifest.json");
    assert_eq!(of(&files), Fact::Absent, "bundles of earlier versions have none");
    write_tree(folder.path(), &whole);
    fs::remove_file(&path).unwrap();
    assert!(held(&read(folder.path()).unwrap()).manifest.get().unwrap().changed.is_empty(), "unpacked");
    let alone = folder.path().join("a.json");
    write(&some_facts(), &recorder(), &alone).unwrap();
    let facts = read(&alone).unwrap();
    assert_eq!(held(&facts).manifest.get().unwrap().cluster.name, "demo");
}

#[test]
fn secrets_in_a_dump_are_told_by_file_and_line() {
    let mut tree = small_tree();
    let secret = "namespaces/clusters/core/secrets/demo-ssh.yaml";
    tree.insert(secret.into(), "apiVersion: v1\ndata:\n  id_rsa: Y2FuYXJ5\nkind: Secret\n".into());
    let log = "namespaces/clusters-demo/core/pods/logs/other-main.log";
    tree.insert(log.into(), "fine\nGET https://a/c?sv=1&sig=Y2FuYXJ5Y2FuYXJ5Y2Fu%3D\n".into());
    tree.insert("version.txt".into(), "-----BEGIN PRIVATE KEY-----\n".into());
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path(), &tree);
    let want = [(log, 2, Kind::SasSignature), (secret, 3, Kind::SecretData), ("version.txt", 1, Kind::PrivateKey)]
        .map(|(file, line, kind)| Place { file: file.into(), line, kind });
    let (_folder, archive) = file(&gz(&tar_of(&tree, "")));
    for path in [folder.path(), &archive] {
        let facts = read(path).unwrap();
        let exposed = held(&facts).exposed.get().unwrap();
        assert_eq!(exposed.places, want);
        assert_eq!((exposed.count, exposed.files, exposed.unsearched.len()), (3, tree.len() as u64, 0));
        assert!(!serde_json::to_string(&facts).unwrap().contains("Y2FuYXJ5"));
        let unsearched = open(path, Wanted::default(), &[Need::HostedCluster].into()).unwrap();
        assert_eq!(held(&unsearched).exposed.gap().unwrap().kind, GapKind::NotAsked);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any manifest is read or refused, and never keeps the facts from being read.
    #[test]
    fn no_manifest_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..4_000) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        write(&some_facts(), &recorder(), &path).unwrap();
        let mut whole = unpacked(&path);
        let manifest = whole["manifest.json"].clone().into_bytes();
        let at = cut.min(manifest.len());
        let changed = [&manifest[..at], &bytes, &manifest[(at + bytes.len()).min(manifest.len())..]].concat();
        whole.insert("manifest.json".into(), String::from_utf8_lossy(&changed).into_owned());
        let (_folder, path) = file(&tar_of(&whole, ""));
        prop_assert!(read(&path).is_ok());
    }
}
