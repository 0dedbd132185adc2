//! Where the code of others comes from, and on what terms.

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::scene::{Ran, run};

/// Judges the workspace by a policy; advisories are not for tests, as they need a database from the network.
fn judged(cargo_deny: &Path, policy: &Path) -> Ran {
    let mut command = Command::new(cargo_deny);
    command
        .arg("--manifest-path")
        .arg(e2e::workspace::root().join("Cargo.toml"))
        .args(["--locked", "--color", "never", "--config"])
        .arg(policy)
        .args(["check", "--hide-inclusion-graph", "-D", "warnings", "bans", "licenses", "sources"]);
    run::ran(command).unwrap()
}

#[test]
fn dependencies_are_as_the_policy_wants_them() {
    let Some(cargo_deny) = e2e::tools::tool("cargo-deny").unwrap() else { return };
    let policy = e2e::workspace::root().join("deny.toml");
    let ran = judged(&cargo_deny, &policy);
    assert!(
        ran.code == Some(0) && ran.stdout.contains("bans ok, licenses ok, sources ok"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );

    // A policy that nothing could break would be none.
    let text = fs::read_to_string(&policy).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (what, broken) in [
        ("a licence that is not allowed", text.replace("    \"ISC\",\n", "")),
        ("a crate in two versions", text.replace("    { crate = \"syn:2\"", "    { crate = \"none:2\"")),
        ("a crate that is banned", text.replace("{ crate = \"openssl\",", "{ crate = \"rustls\",")),
        ("another registry", text.replace("https://github.com/rust-lang/crates.io-index", "https://example.com/index")),
    ] {
        assert_ne!(broken, text, "{what}");
        let path = folder.path().join("deny.toml");
        fs::write(&path, broken).unwrap();
        assert_ne!(judged(&cargo_deny, &path).code, Some(0), "{what} went through");
    }
}

/// Nothing that is released, measured or built as a tool may take other versions than those of a lock file.
#[test]
fn builds_are_locked() {
    let root = e2e::workspace::root();
    let files = ["krew/build", "krew/pack", "tests/tool", "tests/bench", ".github/workflows/release.yml"];
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(root.join(file)).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let resolves = ["build", "install", "metadata", "run", "test"]
                .iter()
                .any(|verb| line.contains(&format!("cargo {verb} ")));
            if resolves {
                assert!(line.contains(" --locked"), "{file}: {line}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 4, "{seen}");
}
