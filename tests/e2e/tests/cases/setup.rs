//! The script that makes the servers available says plainly what it lacks, and is quick when it lacks nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use e2e::assets::Assets;

fn setup() -> Command {
    Command::new(e2e::workspace::root().join("tests/setup"))
}

/// A folder with links to the named programs and nothing else.
fn only(programs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|path| path.join(program))
            .find(|path| path.is_file())
            .unwrap();
        symlink(found, folder.path().join(program)).unwrap();
    }
    folder
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_missing_tool_is_named_in_one_line() {
    for (tools, missing) in [(&["bash", "dirname"][..], "go"), (&["bash", "dirname", "go"][..], "node")] {
        let path = only(tools);
        let output = setup().env("PATH", path.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let errors = errors(&output);
        assert!(errors.starts_with(&format!("setup: error: {missing} is not on the PATH")), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn kubebuilder_assets_win() {
    let assets = Assets::shared().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = setup().env("KUBEBUILDER_ASSETS", folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(errors(&output).contains("KUBEBUILDER_ASSETS has no kube-apiserver"), "{output:?}");

    for program in [&assets.kube_apiserver, &assets.etcd, &assets.kubectl] {
        symlink(program, folder.path().join(program.file_name().unwrap())).unwrap();
    }
    let output = setup().env("KUBEBUILDER_ASSETS", folder.path()).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected = format!("HCP_AZURE_ETCD={}", folder.path().join("etcd").display());
    assert!(printed.lines().any(|line| line == expected), "{printed}");
}

#[tokio::test]
async fn a_second_run_builds_nothing_and_every_path_exists() {
    Assets::shared().await.unwrap();
    let output = setup().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(errors(&output), "");
    let printed = String::from_utf8(output.stdout).unwrap();
    let values: Vec<PathBuf> = printed.lines().map(|line| PathBuf::from(line.split_once('=').unwrap().1)).collect();
    assert_eq!(values.len(), 6, "{printed}");
    assert!(values.iter().all(|path| path.exists()), "{printed}");
    let checkout = fs::canonicalize(e2e::workspace::root()).unwrap();
    let inside = |path: &Path| fs::canonicalize(path).unwrap().starts_with(&checkout);
    assert!(!values.iter().any(|path| inside(path)), "{printed}");
}
