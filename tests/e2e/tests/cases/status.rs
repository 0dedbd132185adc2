//! `status`, live, on a whole cluster: healthy, with a fault, with few rights, all of them, watched, and recorded.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use e2e::scene::{self, CLIENT_SECRET, NAME, Ran, Scene, azure};
use serde_json::Value;

use super::create_cluster_faults::interrupt;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn status(scene: &Scene, more: &[&str]) -> Ran {
    let mut args = vec!["status", NAME, "-n", &scene.namespace];
    args.extend(more);
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains(CLIENT_SECRET) && !output.contains("eyJ"), "a secret is shown:\n{output}");
    }
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_cluster_a_fault_and_a_recording() {
    let scene = Scene::healthy().await.unwrap();
    scene.sim.clear_requests();
    let healthy = status(&scene, &["-v"]);
    assert_eq!(healthy.code, Some(0), "{}\n{}", healthy.stdout, healthy.stderr);
    for words in
        ["healthy · since", "5 of 5 components", "identities 8/8", "federated credentials 13/13", "2 of 62 nodes"]
    {
        assert!(healthy.stdout.contains(words), "{words} is missing:\n{}", healthy.stdout);
    }
    let requests = scene.sim.requests();
    let once: BTreeSet<String> = requests.iter().map(|entry| format!("{} {}", entry.method, entry.path)).collect();
    assert_eq!(once.len(), requests.len(), "something was asked twice");
    let asked = |words: &str| requests.iter().any(|entry| entry.path.contains(words));
    assert!(!asked("roleAssignments") && !asked("storageAccounts"), "more was asked than is shown");
    let gets: Vec<&str> = healthy
        .stderr
        .lines()
        .filter(|line| line.contains(" GET "))
        .filter_map(|line| line.split(" ms  ").nth(1))
        .collect();
    let distinct: BTreeSet<&str> = gets.iter().filter_map(|line| line.split("  request ").next()).collect();
    assert_eq!(distinct.len(), gets.len(), "something was read twice:\n{}", healthy.stderr);
    e2e::workspace::note(&format!("status asks Azure {} times, and reads {} times in all", requests.len(), gets.len()));

    assert!(scene.sim.remove(&azure::identity_id("file")));
    for format in ["table", "wide", "json", "yaml"] {
        assert_eq!(status(&scene, &["-o", format]).code, Some(1), "{format}");
    }
    let broken = status(&scene, &["-o", "json"]).json().unwrap();
    assert_eq!((&broken["assessment"], &broken["insights"][0]["code"]), (&"Degraded".into(), &"ID01".into()));
    assert_eq!(broken["azure"]["identities"]["missing"][0], "file");
    let table = status(&scene, &[]).stdout;
    assert!(table.contains("identities 7/8, missing: file") && table.contains("x HAZ-ID01"), "{table}");
    assert!(table.contains(&format!("next:\n  kubectl hcp-azure doctor demo -n {}", scene.namespace)), "{table}");

    let all = scene.run(Path::new(PROGRAM), &["status", "-A", "-n", &scene.namespace]).unwrap();
    assert_eq!((all.code, all.stdout.lines().next().unwrap().starts_with("CLUSTER")), (Some(1), true), "{all:?}");
    assert!(all.stdout.contains("degraded, 1 failure: ID01"), "{}", all.stdout);
    let all = scene.run(Path::new(PROGRAM), &["status", "-A", "-n", &scene.namespace, "-o", "json"]).unwrap();
    assert_eq!((all.code, all.json().unwrap()["kind"].clone()), (Some(1), "ClusterStatusList".into()));

    let path = scene.path("demo.tar.gz");
    let file = path.to_str().unwrap();
    let recorded = scene.run(Path::new(PROGRAM), &["bundle", NAME, "-n", &scene.namespace, "--file", file]).unwrap();
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    let mut command = Command::new(PROGRAM);
    command.env_clear().args(["status", "--bundle", file, "-o", "json"]);
    let offline = scene::run::ran(command).unwrap();
    assert_eq!(offline.code, Some(1), "{}", offline.stderr);
    let (mut live, mut offline) = (broken, offline.json().unwrap());
    for document in [&mut live, &mut offline] {
        for field in ["collectedAt", "source", "next"] {
            document[field] = Value::Null;
        }
    }
    assert_eq!(offline, live);

    let missing = scene.run(Path::new(PROGRAM), &["status", "gone", "-n", &scene.namespace]).unwrap();
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("error: there is no HostedCluster"), "{}", missing.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_not_seen() {
    let scene = Scene::healthy().await.unwrap();
    let without_azure = |kubeconfig: Option<&Path>| {
        let mut command = scene.command(Path::new(PROGRAM));
        command.args(["status", NAME, "-n", &scene.namespace]).env("PATH", scene.path(""));
        if let Some(kubeconfig) = kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        scene::run::ran(command).unwrap()
    };
    let ran = without_azure(None);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout.contains("healthy, as far as seen") && ran.stdout.contains("azure          not seen ("),
        "{}",
        ran.stdout
    );
    assert!(scene.sim.requests().is_empty(), "Azure was asked without a credential");

    let rules = vec![e2e::bed::rule(&["hypershift.openshift.io"], &["hostedclusters", "nodepools"], &["get", "list"])];
    let kubeconfig = scene.bed.kubeconfig_for("status-few-rights", rules).await.unwrap();
    let ran = without_azure(Some(kubeconfig.as_ref()));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stdout.contains("unknown") && ran.stdout.contains("control plane  not seen ("), "{}", ran.stdout);
    assert!(!ran.stdout.contains("healthy") && !ran.stdout.contains("0 of 0"), "{}", ran.stdout);
}

/// A watch under way, and what it has said so far.
struct Watching {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Watching {
    fn begin(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut pipe, said) = (child.stdout.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let shared = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        Self { child, said }
    }

    fn of(scene: &Scene, more: &[&str]) -> Self {
        let mut command = scene.command(Path::new(PROGRAM));
        command.args(["status", NAME, "-n", &scene.namespace, "--watch", "--interval", "1s", "--azure-creds"]);
        command.arg(scene.path("azure-creds.json")).args(more);
        Self::begin(command)
    }

    fn until(&self, word: &str) -> String {
        let begun = Instant::now();
        loop {
            let text = self.said.lock().unwrap().clone();
            if text.contains(word) {
                return text;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "not said: {word}\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_what_changes_and_ends_by_ctrl_c_or_with_the_cluster() {
    let scene = Scene::healthy().await.unwrap();
    let watching = Watching::of(&scene, &[]);
    watching.until("azure: identities 8/8");
    assert!(scene.sim.remove(&azure::identity_id("file")));
    watching.until("HAZ-ID01");
    scene.heal_azure().unwrap();
    let said = watching.until("no longer: ");
    assert_eq!(said.matches("5 of 5").count(), 1, "what did not change is said again:\n{said}");
    assert_eq!(said.matches("healthy (4.22.3)").count(), 2, "{said}");
    for line in said.lines() {
        assert!(line.starts_with(' ') || line.get(8..9) == Some("Z"), "no time: {line}");
        assert!(line.chars().count() <= 80 && !line.contains('\u{1b}'), "{line}");
    }
    interrupt(&watching.child);
    assert_eq!(watching.end(), Some(0));

    let watching = Watching::of(&scene, &["-o", "json"]);
    watching.until("\"assessment\":\"Healthy\"");
    let mut command = scene.bed.kubectl_command(scene.bed.folder()).unwrap();
    command.args(["-n", &scene.namespace, "delete", "hostedcluster", NAME, "--wait=true"]);
    assert_eq!(scene::run::ran(command).unwrap().code, Some(0));
    let said = Arc::clone(&watching.said);
    assert_eq!(watching.end(), Some(0), "the cluster that was watched is gone");
    let said = said.lock().unwrap().clone();
    assert!(said.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_drawn_anew() {
    let scene = Scene::healthy().await.unwrap();
    let line = format!(
        "exec {PROGRAM} status {NAME} -n {} --watch --interval 1s --azure-creds {}",
        scene.namespace,
        scene.path("azure-creds.json").display()
    );
    let mut command = scene.command(Path::new("script"));
    command.args(["-qefc", &line, "/dev/null"]).env("TERM", "xterm").env("SHELL", "/bin/sh");
    if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
        e2e::workspace::note("skipped: script(1), which gives a program a terminal, is not installed");
        return;
    }
    let watching = Watching::begin(command);
    // The second frame begins at the top without an empty screen between.
    let said = watching.until("\u{1b}[J\u{1b}[H");
    assert_eq!(said.matches("\u{1b}[2J").count(), 1, "{said:?}");
    assert!(said.contains("healthy") && said.contains("5 of 5 components"), "{said:?}");
    interrupt(&watching.child);
    watching.end();
}
