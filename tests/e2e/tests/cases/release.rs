//! What a release is made of: the archive, its bill of materials, the manifest, and the workflows that make them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use e2e::scene::run;
use serde_json::Value;

use super::standalone::verbs;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

/// The platforms that are released, as krew and as rustc name them.
pub(crate) const PLATFORMS: [(&str, &str); 6] = [
    ("darwin-amd64", "x86_64-apple-darwin"),
    ("darwin-arm64", "aarch64-apple-darwin"),
    ("linux-amd64", "x86_64-unknown-linux-gnu"),
    ("linux-arm64", "aarch64-unknown-linux-gnu"),
    ("windows-amd64", "x86_64-pc-windows-msvc"),
    ("windows-arm64", "aarch64-pc-windows-msvc"),
];

/// The script's last line is the manifest's path.
fn script(name: &str, args: &[&str]) -> PathBuf {
    let mut command = Command::new(e2e::workspace::root().join("krew").join(name));
    command.args(args);
    let ran = run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "krew/{name} {args:?}: {}", ran.stderr);
    PathBuf::from(ran.stdout.trim())
}

pub(crate) fn pack(out: &Path, programs: &Path, target: &str) -> PathBuf {
    script("pack", &[out.to_str().unwrap(), "--programs", programs.to_str().unwrap(), "--target", target])
}

pub(crate) fn manifest(out: &Path, more: &[&str]) -> PathBuf {
    script("manifest", &[&[out.to_str().unwrap()], more].concat())
}

/// Whether archives can be packed on this machine.
pub(crate) fn can_pack() -> bool {
    e2e::tools::tool("cargo-cyclonedx").unwrap().is_some()
}

/// The manifest and the archive of the programs under test, packed once per run.
pub(crate) fn packed() -> (PathBuf, PathBuf) {
    static PACKED: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    let pack = || {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packed");
        let _ = fs::remove_dir_all(&out);
        let programs = Path::new(PROGRAM).parent().unwrap();
        let manifest = script("pack", &[out.to_str().unwrap(), "--programs", programs.to_str().unwrap()]);
        let mut files = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
        let archive = files.find(|path| path.extension().is_some_and(|extension| extension == "gz")).unwrap();
        (manifest, archive)
    };
    PACKED.get_or_init(pack).clone()
}

/// A folder with small scripts in place of the programs, for every platform; each prints its name and arguments.
pub(crate) fn stand_ins(folder: &Path) -> PathBuf {
    let programs = folder.join("stand-ins");
    fs::create_dir(&programs).unwrap();
    let names = std::iter::once(String::new()).chain(verbs().into_iter().map(|verb| format!("-{verb}")));
    for name in names {
        for suffix in ["", ".exe"] {
            let path = programs.join(format!("kubectl-hcp_azure{name}{suffix}"));
            fs::write(&path, format!("#!/bin/sh\necho \"kubectl-hcp_azure{name} $*\"\n")).unwrap();
        }
    }
    programs
}

#[test]
fn the_archive_holds_what_it_should_and_packing_twice_gives_the_same_bytes() {
    if !can_pack() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let programs = stand_ins(folder.path());
    let bytes = |name: &str, platform: &str, target: &str| {
        let out = folder.path().join(name);
        pack(&out, &programs, target);
        let read = |ending: &str| fs::read(out.join(format!("hcp-azure-{platform}.{ending}"))).unwrap();
        (read("tar.gz"), read("cdx.json"))
    };
    for (platform, target, suffix) in [PLATFORMS[2], PLATFORMS[4]]
        .map(|(platform, target)| (platform, target, if platform.starts_with("windows") { ".exe" } else { "" }))
    {
        let one = bytes("one", platform, target);
        // What files are called and when they were made, and who may read them, is not part of what they are.
        for file in fs::read_dir(&programs).unwrap() {
            fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o700)).unwrap();
        }
        assert!(one == bytes("two", platform, target), "{platform}: packing twice gives other bytes");

        let unpacked = folder.path().join(platform);
        fs::create_dir(&unpacked).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(folder.path().join(format!("one/hcp-azure-{platform}.tar.gz"))).arg("-C").arg(&unpacked);
        assert_eq!(run::ran(tar).unwrap().code, Some(0));
        let mut names: BTreeSet<String> =
            fs::read_dir(&unpacked).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let root = e2e::workspace::root();
        for (packed, from) in [("completions", "plugins/completions"), ("man", "docs/man")] {
            assert_eq!(names.remove(packed), root.join(from).is_dir(), "{packed}");
        }
        let mut wanted = BTreeSet::from(["LICENSE".to_owned(), format!("kubectl-hcp_azure{suffix}")]);
        wanted.extend(verbs().iter().map(|verb| format!("kubectl-hcp_azure-{verb}{suffix}")));
        assert_eq!(names, wanted);
        for name in &wanted {
            let mode = fs::metadata(unpacked.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, if name == "LICENSE" { 0o644 } else { 0o755 }, "{name}");
        }
    }
}

#[test]
fn the_bill_of_materials_lists_what_the_program_is_made_of() {
    if !can_pack() {
        return;
    }
    let (manifest, archive) = packed();
    let path = PathBuf::from(archive.to_str().unwrap().replace(".tar.gz", ".cdx.json"));
    assert!(manifest.with_file_name(path.file_name().unwrap()) == path);
    let text = fs::read_to_string(&path).unwrap();
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    assert_eq!(bill["metadata"]["component"]["name"], "plugins");
    assert_eq!(bill["metadata"]["component"]["version"], env!("CARGO_PKG_VERSION"));
    let listed: BTreeMap<String, &Value> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (format!("{} v{}", part["name"].as_str().unwrap(), part["version"].as_str().unwrap()), part))
        .collect();
    for own in ["arm", "checks", "cloud", "facts", "plan", "ui"] {
        assert!(listed.contains_key(&format!("{own} v{}", env!("CARGO_PKG_VERSION"))), "{own}");
    }
    // Cargo's own answer to the same question.
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "-p", "plugins", "-e", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(e2e::workspace::root());
    let ran = run::ran(tree).unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let used: BTreeSet<String> = ran
        .stdout
        .lines()
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty() && !line.starts_with("plugins "))
        .collect();
    let missing: Vec<&String> = used.iter().filter(|name| !listed.contains_key(*name)).collect();
    assert!(used.len() > 100 && missing.is_empty(), "{missing:?}");
    for (name, part) in &listed {
        let is_own = part["purl"].as_str().unwrap().contains("download_url=file:");
        assert!(is_own || part["hashes"][0]["alg"] == "SHA-256", "{name} has no checksum");
        assert!(part["licenses"].is_array(), "{name} has no licence");
    }
    for test_only in ["e2e", "azure-sim", "axum", "jsonschema"] {
        assert!(!listed.keys().any(|name| name.starts_with(&format!("{test_only} "))), "{test_only}");
    }
    let root = e2e::workspace::root().canonicalize().unwrap();
    assert!(!text.contains(root.to_str().unwrap()) && !text.contains("/tmp/"), "a path of this machine");
}

#[test]
fn the_committed_manifest_is_the_script_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let generated = fs::read_to_string(manifest(folder.path(), &["--unreleased"])).unwrap();
    let path = e2e::workspace::root().join("krew/plugins/hcp-azure.yaml");
    let committed = fs::read_to_string(&path).unwrap();
    let zeros = "0".repeat(64);
    let is_note = |line: &&str| !line.starts_with('#');
    let bare = |text: &str| {
        let lines = text.lines().filter(is_note).map(|line| match line.split_once("sha256: ") {
            Some((indent, sum)) if sum.len() == 66 => format!("{indent}sha256: \"{zeros}\""),
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(bare(&committed), bare(&generated), "run krew/manifest krew/plugins --unreleased");
    assert!(committed.contains(&format!("  version: v{}\n", env!("CARGO_PKG_VERSION"))));
    let sums: Vec<&str> = committed.lines().filter_map(|line| line.trim().strip_prefix("sha256: ")).collect();
    assert_eq!(sums.len(), PLATFORMS.len());
    // Either all of it is released, or none, and then it says so.
    let is_unreleased = committed.starts_with("# Not released: ");
    for sum in sums {
        assert_eq!(sum.contains(&zeros), is_unreleased, "{sum}");
    }
    let Some(validator) = e2e::tools::tool("validate-krew-manifest").unwrap() else { return };
    let mut command = Command::new(validator);
    command.args(["-skip-install", "-manifest"]).arg(&path);
    let ran = run::ran(command).unwrap();
    assert!(ran.code == Some(0) && ran.stderr.contains("structural validation OK"), "{}", ran.stderr);
    let short = committed.lines().find_map(|line| line.trim().strip_prefix("shortDescription: ")).unwrap();
    assert!(short.len() <= 50, "`krew search` cuts it");
}

fn workflow(name: &str) -> (PathBuf, String) {
    let path = e2e::workspace::root().join(".github/workflows").join(name);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn the_workflows_are_well_formed_and_pinned() {
    let (ci, release) = (workflow("ci.yml"), workflow("release.yml"));
    assert!(ci.1.contains("- run: .ci/run\n"));
    for (_, target) in PLATFORMS {
        assert!(release.1.contains(&format!("target: {target} }}")), "{target}");
    }
    let actions: Vec<&str> = [&ci.1, &release.1]
        .into_iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim().strip_prefix("- uses: "))
        .collect();
    assert!(actions.len() >= 6, "{actions:?}");
    for action in actions {
        let (pin, version) = action.split_once('@').unwrap().1.split_once(" # v").unwrap();
        assert!(pin.len() == 40 && pin.chars().all(|c| c.is_ascii_hexdigit()) && version.contains('.'), "{action}");
    }
    for (path, text) in [&ci, &release] {
        assert!(text.contains("\npermissions:\n  contents: read\n"), "{}", path.display());
    }
    let Some(actionlint) = e2e::tools::tool("actionlint").unwrap() else { return };
    let mut command = Command::new(&actionlint);
    command.arg("-no-color").args([&ci.0, &release.0]);
    let ran = run::ran(command).unwrap();
    assert!(ran.code == Some(0) && ran.stdout.is_empty(), "{}{}", ran.stdout, ran.stderr);
    // It would say so.
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.yml");
    fs::write(&wrong, release.1.replace("needs: build", "needs: nobody")).unwrap();
    let mut command = Command::new(&actionlint);
    command.arg("-no-color").arg(&wrong);
    let ran = run::ran(command).unwrap();
    assert!(ran.code == Some(1) && ran.stdout.contains("nobody"), "{}{}", ran.stdout, ran.stderr);
}
