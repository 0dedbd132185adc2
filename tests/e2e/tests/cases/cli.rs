//! The command line as such: help, version, explain, and what is said of input that cannot be used.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::scene::{Ran, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn program(args: &[&str]) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", "/nonexistent").args(args);
    run::ran(command).unwrap()
}

#[test]
fn version_is_a_result_and_asks_nobody() {
    let text = program(&["version"]);
    assert_eq!(text.code, Some(0));
    assert!(text.stdout.starts_with("hcp-azure ") && text.stderr.is_empty(), "{text:?}");
    let json = program(&["version", "-o", "json"]).json().unwrap();
    assert_eq!(json["kind"], "Version");
    assert!(json["checks"].as_u64().is_some_and(|count| count >= 24));
}

#[test]
fn every_check_explains_itself() {
    let list = program(&["explain"]);
    let codes: Vec<String> = list
        .stdout
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.len() == 4 && word.ends_with(|c: char| c.is_ascii_digit()))
        .map(String::from)
        .collect();
    assert!(codes.len() >= 24, "{}", list.stdout);
    for code in &codes {
        let page = program(&["explain", code]);
        assert_eq!(page.code, Some(0), "{}", page.stderr);
        for part in ["WHAT IT CHECKS", "WHY IT MATTERS", "HOW TO FIX", "READS"] {
            assert!(page.stdout.contains(part), "{code} lacks {part}");
        }
    }
    let wrong = program(&["explain", "FC99"]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("error: there is no check 'FC99'") && wrong.stderr.contains("hint: did you mean FC0"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn wrong_usage_is_exit_2_with_a_hint() {
    for args in
        [&["nonsense"][..], &["doctor", "--nonsense"], &["doctor", "--only", "XX"], &["doctor", "x", "--bundle"], &[]]
    {
        let ran = program(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.stdout.is_empty(), "{args:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
    assert!(program(&["doctor", "--only", "FC91"]).stderr.contains("hint: did you mean FC"));
}

#[test]
fn no_kubeconfig_is_said_plainly() {
    let ran = program(&["doctor", "demo"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("error: ") && ran.stderr.contains("hint: "), "{}", ran.stderr);
}

#[test]
fn an_expired_login_to_the_cluster_needs_a_sign_in() {
    // A server that answers 401 to everything would need TLS; a credential plugin that fails says the same.
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n\
                clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: 'false', interactiveMode: Never}}}]\n";
    fs::write(&kubeconfig, text).unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("KUBECONFIG", &kubeconfig)
        .args(["doctor", "demo", "-n", "clusters"]);
    let ran = run::ran(command).unwrap();
    assert_eq!(ran.code, Some(4), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child =
        Command::new(PROGRAM).args(["explain", "FC01"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

/// Every unusable bundle: one clear error, exit 2, no panic.
#[test]
fn an_unusable_bundle_is_named_in_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let good = e2e::workspace::root().join("tests/bundles/three-root-causes/facts.json");
    let facts = fs::read_to_string(&good).unwrap();
    fs::write(path("garbage"), [0x13, 0x37, 0xff, 0x00].repeat(1000)).unwrap();
    fs::write(path("empty"), "").unwrap();
    fs::write(path("schema.json"), facts.replacen("\"major\": 1", "\"major\": 99", 1)).unwrap();
    fs::create_dir_all(path("folder/sub")).unwrap();
    fs::write(path("folder/readme.txt"), "nothing").unwrap();
    fs::create_dir_all(path("kind/namespaces/clusters/hypershift.openshift.io/hostedclusters")).unwrap();
    fs::write(
        path("kind/namespaces/clusters/hypershift.openshift.io/hostedclusters/demo.yaml"),
        "kind: Banana\napiVersion: v1\n",
    )
    .unwrap();
    let whole = path("whole.tar.gz");
    let made = Command::new("tar")
        .arg("-czf")
        .arg(&whole)
        .arg("-C")
        .arg(good.parent().unwrap())
        .arg("facts.json")
        .status()
        .unwrap();
    assert!(made.success());
    let bytes = fs::read(&whole).unwrap();
    fs::write(path("cut.tar.gz"), &bytes[..bytes.len() / 2]).unwrap();
    for name in ["missing", "garbage", "empty", "schema.json", "folder", "kind", "cut.tar.gz"] {
        let ran = program(&["doctor", "--bundle", path(name).to_str().unwrap()]);
        assert_eq!(ran.code, Some(2), "{name}: {ran:?}");
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{name}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked") && ran.stdout.is_empty(), "{name}: {ran:?}");
        e2e::workspace::note(&format!("{name:<12} {}", ran.stderr.lines().next().unwrap_or_default()));
    }
    let whole = program(&["doctor", "--bundle", whole.to_str().unwrap()]);
    assert_eq!(whole.code, Some(1), "{whole:?}");
}

#[test]
fn the_shipped_bundles_tell_their_stories() {
    let root = e2e::workspace::root();
    let bundle = |name: &str| root.join("tests/bundles").join(name);
    let doctor = |path: &Path, args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command
            .env_clear()
            .args(["doctor", "--bundle"])
            .arg(path.strip_prefix(&root).unwrap())
            .args(args)
            .current_dir(&root);
        run::ran(command).unwrap()
    };
    let healthy = doctor(&bundle("healthy"), &[]);
    assert_eq!(healthy.code, Some(0), "{}", healthy.stdout);
    assert!(healthy.stdout.contains("healthy: "), "{}", healthy.stdout);
    let broken = doctor(&bundle("three-root-causes"), &["-o", "json"]);
    assert_eq!(broken.code, Some(1));
    assert_eq!(broken.roots("fail").unwrap().len(), 3, "{}", broken.stdout);
    for (args, name) in [
        (&[][..], "three-root-causes.table.txt"),
        (&["-o", "wide"][..], "three-root-causes.wide.txt"),
        (&["-o", "json"][..], "three-root-causes.json"),
    ] {
        snapshot(name, &doctor(&bundle("three-root-causes"), args).stdout);
    }
    snapshot("healthy.table.txt", &healthy.stdout);
}

/// Holds a text to the file of that name; `UPDATE_SNAPSHOTS=1` writes it anew.
fn snapshot(name: &str, text: &str) {
    let path = e2e::workspace::root().join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{} differs; UPDATE_SNAPSHOTS=1 writes it anew", path.display());
}

#[test]
fn a_dump_of_the_real_tools_names_its_causes() {
    let Some(dump) = e2e::workspace::recorded("golden/dumps/identity-and-sku") else {
        return;
    };
    let ran = program(&["doctor", "--bundle", dump.to_str().unwrap(), "-o", "json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let roots = ran.roots("fail").unwrap();
    let codes: Vec<&str> = roots.iter().map(|root| &root[..4]).collect();
    // The recorded cluster is private, and its operator was not told where private link services go.
    assert_eq!(codes, ["FC05", "FC05", "NW11", "NP02"], "{roots:#?}\n{}", ran.stdout);
    let report = ran.json().unwrap();
    let text = ran.stdout.as_str();
    for word in [
        "AADSTS700213",
        "AADSTS700211",
        "nodePoolManagement",
        "cloudProvider",
        "system:serviceaccount:kube-system:capi-provider",
        "system:serviceaccount:kube-system:azure-cloud-provider",
        "SkuNotAvailable",
        "demo-7xk2p-c9f5d",
    ] {
        assert!(text.contains(word), "{word} is not named");
    }
    for row in report["verdicts"].as_array().unwrap() {
        if row["code"] == "HC01" || row["code"] == "NP01" {
            assert!(row["verdict"] != "fail" || !row["causedBy"].is_null(), "not folded: {row}");
        }
    }
    let unknown: Vec<&str> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["verdict"] == "unknown")
        .map(|row| row["code"].as_str().unwrap())
        .collect();
    for code in ["CR01", "ID01", "FC01", "RA01", "NW02", "OI01", "OI03"] {
        assert!(unknown.contains(&code), "{code} is not unknown: {unknown:?}");
    }
    let table = program(&["doctor", "--bundle", dump.to_str().unwrap()]).stdout;
    assert!(table.contains("hcp-azure bundle demo"), "{table}");
}
