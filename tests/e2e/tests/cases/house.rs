//! The house's invariants, as far as a machine can hold them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(e2e::workspace::root().join("Cargo.toml"))
        .other_options(["--locked".to_owned(), "--filter-platform=x86_64-unknown-linux-gnu".to_owned()])
        .exec()
        .unwrap()
}

/// The names of the crates that a workspace member reaches through normal and build dependencies.
fn reached_from(metadata: &Metadata, member: &str) -> BTreeSet<String> {
    let names: BTreeMap<&PackageId, &str> = metadata.packages.iter().map(|p| (&p.id, p.name.as_str())).collect();
    let nodes: BTreeMap<&PackageId, _> =
        metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == member).unwrap();
    let mut seen = BTreeSet::new();
    let mut queue = vec![&start.id];
    while let Some(id) = queue.pop() {
        for dependency in &nodes[id].deps {
            if dependency.dep_kinds.iter().all(|kind| kind.kind == DependencyKind::Development) {
                continue;
            }
            if seen.insert(names[&dependency.pkg].to_owned()) {
                queue.push(&dependency.pkg);
            }
        }
    }
    seen
}

#[test]
fn judgement_reaches_no_io() {
    let metadata = metadata();
    let io = [
        "tokio",
        "reqwest",
        "hyper",
        "kube",
        "kube-client",
        "azure_core",
        "rustls",
        "mio",
        "socket2",
        "tempfile",
        "tar",
        "clap",
    ];
    for member in ["facts", "checks", "plan"] {
        let reached = reached_from(&metadata, member);
        let bad: Vec<&&str> = io.iter().filter(|name| reached.contains(**name)).collect();
        assert!(bad.is_empty(), "{member} reaches {bad:?}");
        for house in ["cloud", "arm", "ui", "plugins"] {
            assert!(!reached.contains(house), "{member} reaches {house}");
        }
    }
    assert!(!reached_from(&metadata, "ui").contains("cloud"), "ui and cloud do not know each other");
    assert!(!reached_from(&metadata, "cloud").contains("ui"), "ui and cloud do not know each other");
}

#[test]
fn only_arm_knows_the_azure_management_crates() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let direct: Vec<&str> = package
            .dependencies
            .iter()
            .map(|d| d.name.as_str())
            .filter(|name| name.starts_with("azure_mgmt_"))
            .collect();
        if package.name.as_str() == "arm" {
            assert_eq!(direct.len(), 2, "{direct:?}");
        } else {
            assert!(direct.is_empty(), "{} depends on {direct:?}", package.name);
        }
    }
}

#[test]
fn one_tls_stack_and_one_crypto_provider() {
    let in_tree = |name: &str| {
        let output = std::process::Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--workspace", "-e", "all", "--target", "all", "-i", name])
            .current_dir(e2e::workspace::root())
            .output()
            .unwrap();
        !output.stdout.is_empty()
    };
    for banned in ["ring", "openssl", "openssl-sys", "native-tls", "rsa", "serde_yaml"] {
        assert!(!in_tree(banned), "{banned} is in the tree");
    }
    assert!(in_tree("aws-lc-rs") && in_tree("rustls"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Whether a file holds nothing but tests.
fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "testkit")
        || path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| {
            ["tests", "testkit", "meta", "matrix", "fuzz"].contains(&stem) || stem.ends_with("_tests")
        })
}

/// The source up to its tests.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

#[test]
fn judgement_has_no_clock_and_touches_no_files() {
    let forbidden = [
        "std::fs",
        "std::env",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "std::process",
        "std::io",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
    ];
    for member in ["facts", "checks", "plan"] {
        for path in rust_files(&e2e::workspace::root().join("common").join(member).join("src")) {
            let code = if is_test(&path) { String::new() } else { code_of(&path) };
            for word in forbidden {
                assert!(!code.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn only_ui_prints_and_only_main_exits() {
    for folder in [
        "plugins/src",
        "common/facts/src",
        "common/checks/src",
        "common/plan/src",
        "common/arm/src",
        "common/cloud/src",
    ] {
        for path in rust_files(&e2e::workspace::root().join(folder)) {
            // A launcher is a program of its own, made of the standard library alone.
            let is_out = is_test(&path) || path.ends_with("plugins/src/launcher.rs");
            let code = if is_out { String::new() } else { code_of(&path) };
            for word in ["println!", "print!(", "eprint", "io::stdout", "io::stderr", "process::exit"] {
                assert!(!code.contains(word), "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn files_are_short_enough_to_read() {
    let root = e2e::workspace::root();
    let mut long = Vec::new();
    for folder in ["plugins", "common", "tests"] {
        for path in rust_files(&root.join(folder)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > 700 {
                long.push(format!("{} ({lines})", path.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn the_code_is_formatted() {
    let fmt = std::process::Command::new(env!("CARGO")).args(["fmt", "--version"]).output().unwrap();
    if !fmt.status.success() {
        e2e::workspace::note("skipped: rustfmt is not installed");
        return;
    }
    let output = std::process::Command::new(env!("CARGO"))
        .args(["fmt", "--all", "--check"])
        .current_dir(e2e::workspace::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "run `cargo fmt --all`:\n{}", String::from_utf8_lossy(&output.stdout));
}
