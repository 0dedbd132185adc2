//! The programs named after a verb: launchers of the umbrella, and links to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::scene::{Ran, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn called(program: &Path, path: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", "/nonexistent").env("PATH", path).args(args);
    run::ran(command).unwrap()
}

fn launcher(verb: &str) -> PathBuf {
    Path::new(PROGRAM).with_file_name(format!("kubectl-hcp_azure-{verb}"))
}

/// The verbs that have a launcher. That these are all verbs is held where the verbs are.
pub(crate) fn verbs() -> Vec<String> {
    let folder = e2e::workspace::root().join("plugins/src/bin");
    let mut verbs: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            Some(name.strip_prefix("kubectl-hcp_azure-")?.strip_suffix(".rs")?.to_owned())
        })
        .collect();
    verbs.sort();
    verbs
}

#[test]
fn every_launcher_is_its_verb() {
    let nowhere = Path::new("/nonexistent");
    let verbs = verbs();
    assert!(verbs.len() >= 9, "{verbs:?}");
    for verb in verbs {
        let long = called(Path::new(PROGRAM), nowhere, &[&verb, "--help"]);
        let short = called(&launcher(&verb), nowhere, &["--help"]);
        assert_eq!((long.code, short.code), (Some(0), Some(0)), "{short:?}");
        assert_eq!(long.stdout, short.stdout);
        assert!(short.stdout.contains(&format!("kubectl hcp-azure {verb}")), "{}", short.stdout);
    }
}

#[test]
fn a_launcher_gives_back_what_the_umbrella_gives() {
    let root = e2e::workspace::root();
    for (bundle, code) in [("healthy", 0), ("three-root-causes", 1)] {
        let bundle = root.join("tests/bundles").join(bundle);
        let args = ["--bundle", bundle.to_str().unwrap(), "-o", "json"];
        let short = called(&launcher("doctor"), Path::new("/nonexistent"), &args);
        let long = called(Path::new(PROGRAM), Path::new("/nonexistent"), &[&["doctor"], &args[..]].concat());
        assert_eq!((short.code, long.code), (Some(code), Some(code)), "{}", short.stderr);
        assert!(short.stdout == long.stdout && short.stderr == long.stderr);
    }
    let wrong = called(&launcher("version"), Path::new("/nonexistent"), &["--no such"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("--no such of"), "{wrong:?}");
}

/// The order in which the umbrella is looked for: beside what a link points to, then on the PATH, then nowhere.
#[test]
fn a_launcher_finds_the_umbrella() {
    let folder = tempfile::tempdir().unwrap();
    let sub = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let (links, alone, decoy) = (sub("links"), sub("alone"), sub("decoy"));
    let umbrella = decoy.join("kubectl-hcp_azure");
    fs::write(&umbrella, "#!/bin/sh\necho \"decoy $*\"\n").unwrap();
    fs::set_permissions(&umbrella, fs::Permissions::from_mode(0o755)).unwrap();

    let link = links.join("kubectl-hcp_azure-version");
    symlink(launcher("version"), &link).unwrap();
    let beside = called(&link, &decoy, &["-o", "json"]);
    assert!(beside.code == Some(0) && beside.json().unwrap()["kind"] == "Version", "{beside:?}");

    let copy = alone.join("kubectl-hcp_azure-version");
    fs::copy(launcher("version"), &copy).unwrap();
    let on_path = called(&copy, &decoy, &["-o", "json"]);
    assert_eq!((on_path.code, on_path.stdout.as_str()), (Some(0), "decoy version -o json\n"));

    let none = called(&copy, &links, &[]);
    assert_eq!(none.code, Some(2));
    assert!(none.stdout.is_empty());
    let lines: Vec<&str> = none.stderr.lines().collect();
    assert!(lines[0].starts_with("error: cannot start kubectl-hcp_azure"), "{}", none.stderr);
    assert!(lines[1].starts_with("  why: ") && lines[1].contains(alone.to_str().unwrap()), "{}", none.stderr);
    assert!(lines[2].is_empty() && lines[3].starts_with("hint: "), "{}", none.stderr);
}

#[test]
fn a_link_to_the_umbrella_is_the_verb_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let linked = |target: &Path, name: &str, args: &[&str]| {
        let link = folder.path().join(name);
        symlink(target, &link).unwrap();
        called(&link, Path::new("/nonexistent"), args)
    };
    let umbrella = Path::new(PROGRAM);
    let version = linked(umbrella, "kubectl-hcp_azure-version", &["-o", "json"]);
    assert_eq!(version.json().unwrap()["kind"], "Version");
    let whole = linked(umbrella, "kubectl-hcp_azure-0.1.0", &["version", "-o", "json"]);
    assert_eq!(whole.json().unwrap()["kind"], "Version");
    for (target, name) in [(umbrella, "oc-hcp_azure-doctor"), (&launcher("status"), "oc-hcp_azure-status")] {
        let verb = name.rsplit('-').next().unwrap();
        let help = linked(target, name, &["--help"]);
        assert!(help.code == Some(0) && help.stdout.contains(&format!("oc hcp-azure {verb}")), "{help:?}");
    }
}

#[test]
fn launchers_are_small_and_stand_on_the_standard_library_alone() {
    let root = e2e::workspace::root();
    let source = fs::read_to_string(root.join("plugins/src/launcher.rs")).unwrap();
    for line in source.lines().map(str::trim).filter(|line| line.starts_with("use ")) {
        assert!(line.starts_with("use std::"), "{line}");
    }
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    for verb in verbs() {
        let text = fs::read_to_string(root.join(format!("plugins/src/bin/kubectl-hcp_azure-{verb}.rs"))).unwrap();
        assert_eq!(text, format!("//! `kubectl hcp-azure {verb}` by itself.\ninclude!(\"../launcher.rs\");\n"));
        assert!(size(&launcher(&verb)) < size(Path::new(PROGRAM)) / 10, "{verb}");
    }
}
