//! Everything that is no bundle, or not the wanted one.

use super::*;

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
    assert_eq!(missing.what(), format!("{} holds no HostedCluster clusters/third", path.display()));
    assert_eq!(missing.why().unwrap(), "it holds clusters/demo, clusters/second, others/aws");
    let aws = wanting(None, Some("aws")).unwrap_err();
    assert_eq!(aws.why().unwrap(), "HostedCluster others/aws is of platform AWS, not Azure");
}

#[test]
fn a_wrong_kind_where_a_hosted_cluster_should_be() {
    let mut tree = small_tree();
    let cluster = "namespaces/clusters/hypershift.openshift.io/hostedclusters/demo.yaml";
    tree.insert(cluster.to_owned(), "kind: ConfigMap\nmetadata: {name: demo}\n".to_owned());
    let error = error_of(&tar_of(&tree, ""));
    assert!(
        error.to_string().ends_with(&format!("{cluster} holds ConfigMap where a HostedCluster should be")),
        "{error}"
    );
    tree.insert(cluster.to_owned(), "kind: [".to_owned());
    assert!(matches!(error_of(&tar_of(&tree, "")), BundleError::Damaged { .. }));
    tree.remove(cluster);
    assert!(matches!(error_of(&tar_of(&tree, "")), BundleError::NoHostedCluster { .. }));
    let error = error_of(b"apiVersion: v1\nkind: ConfigMap\n");
    assert!(error.to_string().contains("Kubernetes objects (ConfigMap)"), "{error}");
}

#[test]
fn a_damaged_file_costs_only_its_own_fact() {
    let mut tree = small_tree();
    tree.insert("namespaces/clusters-demo/cluster.x-k8s.io/machines.yaml".to_owned(), "kind: {".to_owned());
    let (_folder, path) = file(&tar_of(&tree, ""));
    let facts = read(&path).unwrap();
    let gap = facts.hosted.machines.gap().unwrap().clone();
    assert_eq!(gap.kind, GapKind::Failed);
    assert!(gap.why.contains("machines.yaml"), "{}", gap.why);
    assert!(facts.hosted.pods.get().is_some());
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
    assert!(matches!(error, BundleError::Schema { found, .. } if found == SCHEMA_MAJOR + 1), "{error}");
    assert_eq!(error.hint().unwrap(), "update hcp-azure");
    assert!(matches!(error_of(b"{}"), BundleError::NotABundle { .. }));
    assert!(matches!(error_of(b"{\"schema\": {\"major\": 1, \"minor\": 0}}"), BundleError::Damaged { .. }));
    assert!(matches!(error_of(b"{\"schema\": {\"maj"), BundleError::Truncated { .. }));
}

#[test]
fn what_is_no_bundle() {
    assert!(matches!(read(Path::new("/does/not/exist")), Err(BundleError::Missing { .. })));
    assert!(matches!(error_of(b""), BundleError::Empty { .. }));
    assert!(matches!(error_of(&gz(b"")), BundleError::Empty { .. }));
    assert!(matches!(error_of(b"just words"), BundleError::NotABundle { .. }));
    assert!(matches!(error_of(&[0, 159, 146, 150, 7, 7]), BundleError::NotABundle { .. }));
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
        assert!(matches!(&error, BundleError::Unsafe { entry, .. } if entry == name), "{error}");
    }
    let mut builder = tar::Builder::new(Vec::new());
    builder.append(&raw("facts.json", tar::EntryType::Symlink), &[][..]).unwrap();
    assert!(matches!(error_of(&builder.into_inner().unwrap()), BundleError::NotABundle { .. }));
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
    write(&some_facts(), &Recorder::default(), &path).unwrap();
    let dump = tar_of(&small_tree(), "");
    // A plain tar is whole as soon as its first block of zeros is there; every other byte is needed.
    let cases = [(fs::read(&path).unwrap(), 0), (gz(&dump), 0), (zst(&dump), 0), (dump, 512)];
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
