//! What holds for every verb: streams, widths, characters, colours, errors, and readers that go away.
//!
//! A new verb gets a line in [`OFFLINE`] where a bundle or nothing is enough, else in one of the live tables.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::scene::{Ran, Scene, run};
use e2e::workspace::root;

use super::create_cluster::{command, kubectl, whole};
use super::create_stage::PROGRAM;

/// Command lines that need neither a cluster nor Azure, and how each ends.
const OFFLINE: [(&str, i32); 16] = [
    ("version", 0),
    ("explain", 0),
    ("explain FC01", 0),
    ("explain NW12", 0),
    ("doctor --print-egress-probe", 0),
    ("doctor --bundle tests/bundles/healthy", 0),
    ("doctor --bundle tests/bundles/three-root-causes", 1),
    ("doctor --bundle tests/bundles/three-root-causes -o wide", 1),
    ("doctor --bundle tests/bundles/three-root-causes -o markdown", 1),
    ("doctor --bundle tests/bundles/three-root-causes -o name", 1),
    ("doctor diff tests/bundles/healthy tests/bundles/three-root-causes", 1),
    ("doctor diff tests/bundles/three-root-causes tests/bundles/healthy", 0),
    ("doctor decode tests/inputs/aadsts.log", 0),
    ("status --bundle tests/bundles/healthy", 0),
    ("status --bundle tests/bundles/three-root-causes", 1),
    ("doctor --help", 0),
];

/// Lines without an own `-o` among the above, for which `-o json` holds one document.
const DOCUMENTS: [&str; 8] = [
    "version",
    "explain",
    "explain FC01",
    "doctor --bundle tests/bundles/three-root-causes",
    "doctor --bundle tests/bundles/healthy",
    "doctor diff tests/bundles/healthy tests/bundles/three-root-causes",
    "doctor decode tests/inputs/aadsts.log",
    "status --bundle tests/bundles/three-root-causes",
];

fn offline(line: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", "/nonexistent").env("LANG", "C.UTF-8").current_dir(root());
    command.args(line.split_whitespace());
    command
}

fn ran(mut command: Command, environment: &[(&str, &str)]) -> Ran {
    command.envs(environment.iter().copied());
    run::ran(command).unwrap()
}

/// Runs a command whose reader of stdout has gone away already.
fn unread(mut command: Command) -> Ran {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let started = std::time::Instant::now();
    let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::new(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        elapsed: started.elapsed(),
    }
}

/// The lines that are wider than the screen though they could be broken. Whole stay words such as ids and addresses,
/// options with their values in a command to copy, and a usage line.
fn too_wide(text: &str, width: usize) -> Vec<&str> {
    let can_break = |line: &&str| {
        let words = line.trim_start();
        let is_command = ["-", "az ", "oc ", "kubectl ", "Usage: "].iter().any(|start| words.starts_with(start));
        let longest = words.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
        !is_command && longest + 16 < width
    };
    text.lines().filter(|line| line.chars().count() > width).filter(can_break).collect()
}

#[track_caller]
fn assert_plain(ran: &Ran, line: &str) {
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains('\u{1b}'), "{line}: an escape\n{text}");
    }
}

/// Holds a failed run to the shape of errors; what stood on stderr before it may be anything.
#[track_caller]
fn assert_shape(ran: &Ran, line: &str) {
    let text = &ran.stderr;
    assert!(ran.stdout.is_empty(), "{line}: something on stdout\n{}", ran.stdout);
    assert_eq!(text.matches("error: ").count(), 1, "{line}\n{text}");
    let at = text.find("error: ").unwrap();
    assert!(at == 0 || text[..at].ends_with('\n'), "{line}\n{text}");
    let (error, hint) = text[at..].split_once("\n\nhint: ").unwrap_or_else(|| panic!("{line}: no hint\n{text}"));
    for (number, part) in error.lines().enumerate().skip(1) {
        let is_why = part.starts_with("  why: ") || part.starts_with("       ");
        assert!(is_why, "{line}: line {number} is neither a reason nor its continuation\n{text}");
    }
    assert!(hint.contains('`') || hint.contains("--"), "{line}: a hint without an action\n{text}");
    for command in text.split("`kubectl hcp-azure ").skip(1) {
        let verb = command.split([' ', '`', '\n']).next().unwrap();
        if !verb.starts_with('-') {
            let help = ran_help(verb);
            assert_eq!(help.code, Some(0), "{line}: there is no `{verb}`\n{text}");
        }
    }
    assert_eq!(too_wide(text, 80), Vec::<&str>::new(), "{line}\n{text}");
}

fn ran_help(verb: &str) -> Ran {
    ran(offline(&format!("{verb} --help")), &[])
}

#[test]
fn every_line_fits_its_screen() {
    for (line, code) in OFFLINE {
        for width in [60, 80, 120] {
            let one = ran(offline(line), &[("COLUMNS", &width.to_string())]);
            assert_eq!(one.code, Some(code), "{line}\n{}", one.stderr);
            assert_plain(&one, line);
            // These two are one line per row, however long, and documents for tickets or for `oc create`.
            if !["-o wide", "-o name", "-o markdown", "--print-egress-probe"].iter().any(|whole| line.ends_with(whole))
            {
                assert_eq!(too_wide(&one.stdout, width), Vec::<&str>::new(), "{line} on {width} columns");
            }
            assert_eq!(too_wide(&one.stderr, width), Vec::<&str>::new(), "{line} on {width} columns");
        }
        let none = ran(offline(line), &[]);
        let usual = ran(offline(line), &[("COLUMNS", "80")]);
        let without_time = |text: &str| text.lines().filter(|line| !line.contains(" checks ")).collect::<String>();
        assert!(line.ends_with("--help") || without_time(&none.stdout) == without_time(&usual.stdout), "{line}");
    }
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    for (line, code) in OFFLINE {
        for environment in [[("LANG", "C"), ("TERM", "dumb")], [("LC_ALL", "POSIX"), ("TERM", "xterm")]] {
            let one = ran(offline(line), &environment);
            assert_eq!(one.code, Some(code), "{line}");
            // What is written for a ticket is read in a browser, not on this screen.
            assert!(line.ends_with("-o markdown") || one.stdout.is_ascii(), "{line}\n{}", one.stdout);
            assert!(one.stderr.is_ascii(), "{line}\n{}", one.stderr);
        }
    }
    for verb in ["", "create cluster", "create infra", "create iam", "create nodepool", "destroy cluster"] {
        let help = ran(offline(&format!("{verb} --help")), &[("LANG", "C")]);
        assert!(help.code == Some(0) && help.stdout.is_ascii(), "{verb}\n{}", help.stdout);
    }
}

#[test]
fn colour_is_asked_for_in_order() {
    let line = "doctor --bundle tests/bundles/three-root-causes";
    let colourful =
        |line: &str, environment: &[(&str, &str)]| ran(offline(line), environment).stdout.contains('\u{1b}');
    assert!(!colourful(line, &[]), "a pipe has no colour");
    assert!(colourful(line, &[("CLICOLOR_FORCE", "1")]));
    assert!(colourful(line, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")]), "an empty NO_COLOR is none");
    assert!(!colourful(line, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colourful(&format!("{line} --no-color"), &[("CLICOLOR_FORCE", "1")]));
    assert!(!colourful(&format!("{line} -o json"), &[("CLICOLOR_FORCE", "1")]));
    // Colour takes no room: without it the text is the same.
    let painted = ran(offline(line), &[("CLICOLOR_FORCE", "1")]).stdout;
    let mut plain = String::new();
    let mut rest = painted.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(plain + rest, ran(offline(line), &[]).stdout);
}

#[test]
fn nobody_reads_any_more() {
    for (line, _) in OFFLINE {
        let gone = unread(offline(line));
        assert_eq!((gone.code, gone.stderr.as_str()), (Some(0), ""), "{line}");
    }
    // A full disk is another thing.
    if Path::new("/dev/full").exists() {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = offline("version").stdout(full).stderr(Stdio::piped()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.starts_with("error: cannot write to stdout\n  why: "), "{text}");
    }
}

#[test]
fn quiet_is_silent_and_documents_stand_alone() {
    for (line, code) in OFFLINE {
        let quiet = ran(offline(&format!("{line} -q")), &[]);
        assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(code), ""), "{line}");
        assert!(!quiet.stdout.is_empty(), "{line}");
    }
    for line in DOCUMENTS {
        let json = ran(offline(&format!("{line} -o json")), &[]);
        let document = json.json().unwrap();
        assert!(document["kind"].is_string(), "{line}: {document}");
        assert!(document["apiVersion"].as_str().is_some_and(|version| version.starts_with("hcp-azure.io/")), "{line}");
        assert!(json.stderr.is_empty(), "{line}: {}", json.stderr);
        let yaml = ran(offline(&format!("{line} -o yaml")), &[]).stdout;
        assert_eq!(serde_saphyr::from_str::<serde_json::Value>(&yaml).unwrap()["kind"], document["kind"], "{line}");
    }
}

/// Command lines that cannot be understood, and what is said of each.
const WRONG: [(&str, &str); 17] = [
    ("doctr", "did you mean `kubectl hcp-azure doctor`?"),
    ("nonsense", "`kubectl hcp-azure --help` lists the commands"),
    ("create clustr", "did you mean `kubectl hcp-azure create cluster`?"),
    ("doctor --outptu json", "did you mean `--output`?"),
    ("explain FC01 FC02", "'FC02' is one word too many"),
    ("explain FC99", "there is no check 'FC99'"),
    ("status -o xml", "it takes table, wide, json, yaml, name"),
    ("doctor -o", "it takes table, wide, json, yaml, junit, markdown, html, name"),
    ("bundle -o table", "it takes name, json, yaml"),
    ("doctor x --all", "cannot be used with --all"),
    ("nodepool scale demo", "--replicas <N> is missing"),
    ("status --request-timeout soon", "'soon' is no time"),
    ("status -q -v", "cannot be used with"),
    ("status --insecure-skip-tls-verify --certificate-authority ca.pem", "cannot be used with"),
    ("status --token=", "'' is no value of --token"),
    ("doctor --only XX", "'XX' is no check"),
    ("doctor --bundle tests/bundles/none", "tests/bundles/none"),
];

#[test]
fn what_cannot_be_understood_is_said_in_one_shape() {
    for (line, words) in WRONG {
        let wrong = ran(offline(line), &[]);
        assert_eq!(wrong.code, Some(2), "{line}\n{}", wrong.stderr);
        assert!(
            wrong.stderr.replace("\n      ", " ").replace("\n       ", " ").contains(words),
            "{line}\n{}",
            wrong.stderr
        );
        assert_plain(&wrong, line);
        if !line.contains("tests/bundles/none") {
            assert_shape(&wrong, line);
        }
    }
    for verb in ["", "create", "destroy", "nodepool"] {
        let bare = ran(offline(verb), &[("COLUMNS", "80")]);
        assert_eq!(bare.code, Some(2), "{verb}");
        assert_shape(&bare, verb);
        assert!(
            bare.stderr.contains("Commands:") && bare.stderr.contains("error: a command is missing"),
            "{}",
            bare.stderr
        );
    }
}

/// Verbs that change something, as far as they go before anybody is asked.
const CHANGING: [&str; 11] = [
    "create iam dev --infra-id dev-x --resource-group-name g --oidc-issuer-url https://a.example.com/b --output-file ids.json",
    "create oidc-issuer contosooidc",
    "nodepool scale demo --replicas 3",
    "nodepool autoscale demo --min 1 --max 3",
    "nodepool upgrade demo",
    "upgrade demo --release-image quay.io/openshift-release-dev/ocp-release:4.22.7-multi",
    "destroy cluster dev",
    "destroy infra dev --infra-id dev-x",
    "destroy iam dev --infra-id dev-x",
    "destroy nodepool dev",
    "destroy oidc-issuer contosooidc",
];

#[test]
fn without_a_terminal_nobody_is_asked() {
    for line in CHANGING {
        for more in ["", " --no-input"] {
            let refused = ran(offline(&format!("{line}{more}")), &[]);
            assert_eq!(refused.code, Some(2), "{line}\n{}", refused.stderr);
            assert_shape(&refused, line);
            let says = refused.stderr.contains("--yes") || refused.stderr.contains("--confirm");
            assert!(says && !refused.stderr.contains("[y/N]"), "{line}\n{}", refused.stderr);
        }
    }
}

/// Lines on a healthy cluster, and how each ends; all but the last are plans or reports.
fn live(scene: &Scene) -> Vec<(String, i32)> {
    let namespace = &scene.namespace;
    let here = |line: &str, code: i32| (format!("{line} -n {namespace}"), code);
    vec![
        here("doctor demo", 0),
        here("status demo", 0),
        here("status -A", 0),
        here("nodepool list", 0),
        here("nodepool scale demo --replicas 5 --dry-run", 0),
        here("nodepool scale demo --replicas 2 --dry-run", 0),
        here("nodepool autoscale demo --min 1 --max 5 --dry-run", 0),
        here("nodepool upgrade demo --dry-run", 0),
        here("upgrade demo --release-image quay.io/openshift-release-dev/ocp-release:4.22.7-multi --dry-run", 0),
        here("destroy cluster demo --with-iam --dry-run", 0),
        here("destroy nodepool demo --dry-run", 0),
        ("destroy infra demo --infra-id demo-x7k2p --dry-run".to_owned(), 0),
        ("destroy iam demo --infra-id demo-x7k2p --dry-run".to_owned(), 0),
        ("create oidc-issuer uxissuer --resource-group-name os4-common --dry-run".to_owned(), 0),
        (
            "create iam ux --infra-id ux-x7k2p --resource-group-name os4-common --oidc-issuer-url \
             https://acct.blob.core.windows.net/acct --output-file ids.json --dry-run"
                .to_owned(),
            0,
        ),
    ]
}

/// Runs a line in the ways that readers differ: a narrow dumb terminal, no reader at all, a program.
fn hold(scene: &Scene, line: &str, code: i32) {
    let narrow = ran(command(scene, line), &[("LANG", "C"), ("TERM", "dumb"), ("COLUMNS", "60")]);
    assert_eq!(narrow.code, Some(code), "{line}\n{}\n{}", narrow.stdout, narrow.stderr);
    assert_plain(&narrow, line);
    for text in [&narrow.stdout, &narrow.stderr] {
        assert!(text.is_ascii(), "{line}\n{text}");
        assert_eq!(too_wide(text, 60), Vec::<&str>::new(), "{line}\n{text}");
    }
    let said = format!("{}\n{}", narrow.stdout, narrow.stderr);
    let is_done = said.contains("0 to create, 0 to change") && !said.contains("to delete");
    assert!(said.contains("next:") || is_done, "{line}: no next command\n{said}");

    let gone = unread(command(scene, &format!("{line} -q")));
    assert_eq!((gone.code, gone.stderr.as_str()), (Some(0), ""), "{line}, unread and quiet");

    let json = ran(command(scene, &format!("{line} -o json")), &[]);
    assert_eq!(json.code, Some(code), "{line} -o json\n{}", json.stderr);
    assert!(json.json().unwrap()["kind"].is_string(), "{line}\n{}", json.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_holds_to_it_on_a_cluster() {
    let scene = Scene::healthy().await.unwrap();
    for (line, code) in live(&scene) {
        hold(&scene, &line, code);
    }
    // These have words of their own on stdout.
    let line = format!("bundle demo -n {} --file demo.tar.gz", scene.namespace);
    let recorded = ran(command(&scene, &line), &[("LANG", "C")]);
    assert_eq!((recorded.code, recorded.stdout.as_str()), (Some(0), "demo.tar.gz\n"), "{}", recorded.stderr);
    assert!(recorded.stderr.contains("next: `kubectl hcp-azure doctor --bundle"), "{}", recorded.stderr);
    assert_eq!(unread(command(&scene, &format!("{line} -q"))).stderr, "");
    let manifest = ran(command(&scene, &format!("{line} -q -o json")), &[]);
    assert!(manifest.stderr.is_empty() && manifest.json().is_ok(), "{}", manifest.stderr);
    let names = ran(command(&scene, &format!("status demo -n {} -o name -q", scene.namespace)), &[]);
    assert_eq!(names.stdout, "hostedcluster.hypershift.openshift.io/demo\n");
    // What is as planned already is well, and done by saying so.
    let again = ran(command(&scene, &format!("nodepool scale demo --replicas 2 -n {} --yes", scene.namespace)), &[]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("already as planned"), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_holds_to_it_too() {
    let scene = Scene::before_create().await.unwrap();
    hold(&scene, &format!("{} --dry-run", whole(&scene)), 0);
}

/// A kubeconfig's server and authority, as flags take them.
fn authority(scene: &Scene) -> PathBuf {
    let kubeconfig = fs::read_to_string(scene.bed.kubeconfig()).unwrap();
    let kubeconfig: serde_json::Value = serde_saphyr::from_str(&kubeconfig).unwrap();
    let data = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap();
    let path = scene.path("ca.pem");
    fs::write(&path, base64::Engine::decode(&base64::prelude::BASE64_STANDARD, data).unwrap()).unwrap();
    path
}

/// kubectl's flags alone lead to the cluster, and a token is never repeated.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_a_token_are_enough() {
    let scene = Scene::healthy().await.unwrap();
    let namespace = &scene.namespace;
    kubectl(&scene, &["create", "serviceaccount", "ux"]);
    let account = format!("--serviceaccount={namespace}:ux");
    kubectl(
        &scene,
        &["create", "clusterrolebinding", &format!("ux-{namespace}"), "--clusterrole=cluster-admin", &account],
    );
    let token = kubectl(&scene, &["create", "token", "ux"]).trim().to_owned();
    let ca = authority(&scene);
    let with = |token: &str, more: &str| {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("HOME", "/nonexistent").env("LANG", "C.UTF-8").current_dir(scene.path(""));
        command.args(["nodepool", "list", "-n", namespace, "-s", scene.bed.url(), "--token", token]);
        command.arg("--certificate-authority").arg(&ca).args(more.split_whitespace());
        ran(command, &[])
    };
    let table = with(&token, "-v");
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    assert!(table.stdout.contains("demo") && table.stderr.contains(" GET "), "{table:?}");
    assert!(table.stderr.contains(scene.bed.url().trim_end_matches('/')), "{}", table.stderr);
    let as_somebody = with(&token, "--as nobody --as-uid 7 --as-group system:masters");
    assert_eq!(as_somebody.code, Some(0), "{}", as_somebody.stderr);
    let refused = with("t0ken-canary", "-v");
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let misnamed = with(&token, "--tls-server-name elsewhere.example.com");
    assert_eq!(misnamed.code, Some(2), "{}", misnamed.stderr);
    let wrong = with(&token, "--nonsense");
    assert_eq!(wrong.code, Some(2));
    for one in [&table, &as_somebody, &refused, &misnamed, &wrong] {
        for text in [&one.stdout, &one.stderr] {
            assert!(!text.contains(&token) && !text.contains("t0ken-canary"), "a token is shown\n{text}");
        }
    }
}
