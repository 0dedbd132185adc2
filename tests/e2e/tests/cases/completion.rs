//! Completion: what is offered, with names of the real API server, and how long it takes; and the shims that kubectl wants.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use e2e::assets::Assets;
use e2e::scene::{NAME, Ran, Scene, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
/// What a person does not wait for.
const SECOND: Duration = Duration::from_secs(1);

/// A home folder with the program and kubectl on the PATH, and nothing else of the user's.
pub(super) struct Home {
    folder: tempfile::TempDir,
    /// The kubeconfig in use.
    pub kubeconfig: PathBuf,
}

/// What was offered.
#[derive(Debug)]
pub(super) struct Offer {
    /// The candidates, with their descriptions.
    lines: Vec<String>,
    directive: String,
    took: Duration,
}

impl Offer {
    fn of(ran: &Ran) -> Self {
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
        let mut lines: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
        let directive = lines.pop().unwrap_or_default();
        Self { lines, directive, took: ran.elapsed }
    }

    fn names(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.split('\t').next().unwrap()).collect()
    }

    fn has(&self, name: &str) -> bool {
        self.names().contains(&name)
    }
}

impl Home {
    pub async fn new(kubeconfig: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join(".local/bin");
        fs::create_dir_all(&bin).unwrap();
        symlink(PROGRAM, bin.join("kubectl-hcp_azure")).unwrap();
        symlink(&Assets::shared().await.unwrap().kubectl, bin.join("kubectl")).unwrap();
        Self { folder, kubeconfig: kubeconfig.to_owned() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn bin(&self) -> PathBuf {
        self.path(".local/bin")
    }

    /// A command with the home's environment, and the system's programs behind those of the home.
    pub fn command(&self, program: &str) -> Command {
        let found = self.bin().join(program);
        let mut command = Command::new(if found.exists() { found } else { program.into() });
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin().display()))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("XDG_CACHE_HOME", self.path("cache"))
            .current_dir(self.folder.path());
        command
    }

    pub fn run(&self, program: &str, args: &[&str]) -> Ran {
        let mut command = self.command(program);
        command.args(args);
        run::ran(command).unwrap()
    }

    /// What the program offers for a line; a blank at its end begins a new word.
    fn offer(&self, line: &str) -> Offer {
        let mut args = vec!["__complete"];
        args.extend(line.split(' '));
        Offer::of(&self.run("kubectl-hcp_azure", &args))
    }

    pub fn install(&self) -> Ran {
        let ran = self.run("kubectl-hcp_azure", &["completion", "install"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran
    }

    /// Asks until what is offered is as wanted, each time as if for the first time: the machine does much else meanwhile,
    /// and a name that comes too late is no candidate.
    fn offer_as(&self, line: &str, is_wanted: impl Fn(&Offer) -> bool) -> Offer {
        let ask = |_| {
            self.forget();
            self.offer(line)
        };
        let mut offers: Vec<Offer> = Vec::new();
        for offer in (0..10).map(ask) {
            if is_wanted(&offer) {
                return offer;
            }
            offers.push(offer);
        }
        panic!("{line}: {offers:?}")
    }

    /// Empties the cache.
    pub fn forget(&self) {
        let _ = fs::remove_dir_all(self.path("cache"));
    }

    /// The files of the cache.
    fn cached(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache/hcp-azure/completion")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// A kubeconfig for a server.
fn kubeconfig(path: &Path, server: &str, user: &str) {
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: dev, \
         contexts: [{{name: dev, context: {{cluster: one, user: me}}}}, {{name: prod, context: {{cluster: one, user: me}}}}], \
         clusters: [{{name: one, cluster: {{server: '{server}', insecure-skip-tls-verify: true}}}}], \
         users: [{{name: me, user: {user}}}]}}"
    );
    fs::write(path, text).unwrap();
}

/// A server that takes connections and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("https://{}", listener.local_addr().unwrap());
    (listener, server)
}

#[tokio::test]
async fn verbs_flags_and_values() {
    let home = Home::new(Path::new("/does/not/exist")).await;
    let verbs = home.offer("");
    for verb in ["create", "destroy", "doctor", "explain", "completion", "version"] {
        assert!(verbs.has(verb), "{verb}: {verbs:?}");
    }
    assert!(!verbs.has("__complete") && verbs.directive == ":36", "{verbs:?}");
    assert!(verbs.lines.iter().all(|line| line.contains('\t')), "{verbs:?}");
    assert_eq!(home.offer("doc").names(), ["doctor"]);
    assert_eq!(home.offer("create oidc").names(), ["oidc-issuer"]);
    assert_eq!(home.offer("doctor --bund").names(), ["--bundle"]);
    assert!(!home.offer("doctor --strict --s").has("--strict"), "given once");
    assert!(home.offer("doctor --accept FC01 --acc").has("--accept"), "may be given again");
    assert_eq!(home.offer("doctor --fail-on ").names(), ["error", "warning"]);
    assert_eq!(home.offer("doctor -o js").names(), ["json"]);
    assert_eq!(home.offer("create infra --location=eastus").names(), ["eastus", "eastus2"]);
    assert_eq!(
        home.offer("create cluster azure --endpoint-access P").names(),
        ["Public", "PublicAndPrivate", "Private"]
    );
    assert_eq!(home.offer("explain FC0").lines[0], "FC01\tfic-subjects-complete");
    assert_eq!(home.offer("explain fic-subjects-c").names(), ["fic-subjects-complete"]);
    assert_eq!(home.offer("doctor --only feder").names(), ["federation"]);
    assert_eq!(home.offer("doctor --only FC01,feder").names(), ["FC01,federation"]);
    assert!(!home.offer("doctor --only FC01,FC").has("FC01,FC01"));
    for (line, directive) in [
        ("doctor --bundle ", ":0"),
        ("create cluster --infra-json=", ":0"),
        ("completion install --dir ", ":16"),
        ("create cluster --name ", ":4"),
        ("no-such-verb ", ":4"),
        ("doctor --no-such-flag=", ":4"),
    ] {
        let offer = home.offer(line);
        assert_eq!((offer.names().len(), offer.directive.as_str()), (0, directive), "{line}: {offer:?}");
    }
    let none = home.run("kubectl-hcp_azure", &["__complete"]);
    assert_eq!(none.code, Some(0));
    assert!(home.cached().is_empty(), "a kubeconfig that is not there was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_come_from_the_management_cluster() {
    let scene = Scene::healthy().await.unwrap();
    let home = Home::new(&scene.bed.kubeconfig()).await;
    let namespace = scene.namespace.as_str();
    // The first one starts a program of 160 MB that nobody has read yet.
    home.offer("");
    let has_it = |offer: &Offer| offer.has(NAME);
    let clusters = home.offer_as("status ", |offer| offer.has(NAME) && offer.took < SECOND);
    assert_eq!(clusters.directive, ":4", "{clusters:?}");
    e2e::workspace::note(&format!("names of the API server take a completion {:?}", clusters.took));
    let doctor = home.offer_as(&format!("doctor -n {namespace} de"), has_it);
    assert_eq!(doctor.lines.first(), Some(&format!("{NAME}\t4.22.3, namespace {namespace}")));
    home.offer_as(&format!("destroy cluster --namespace={namespace} azure "), has_it);
    assert!(!home.offer("destroy cluster -n default ").has(NAME), "of another namespace");
    home.offer_as(&format!("nodepool list -n {namespace} --cluster-name "), has_it);
    home.offer_as("-n ", |offer| offer.has(namespace) && offer.has("kube-system"));
    let pools = home.offer_as(&format!("nodepool scale -n {namespace} "), has_it);
    assert_eq!(pools.lines, [format!("{NAME}\tof {NAME}")], "{pools:?}");
    assert!(home.offer(&format!("nodepool upgrade -n {namespace} {NAME} ")).names().is_empty(), "named already");
    let text = fs::read_to_string(scene.bed.kubeconfig()).unwrap();
    for flag in ["context", "cluster", "user"] {
        let offer = home.offer(&format!("status --{flag} "));
        assert!(!offer.lines.is_empty() && offer.names().iter().all(|name| text.contains(name)), "{offer:?}");
    }
    let other = home.path("other");
    kubeconfig(&other, "https://127.0.0.1:1", "{}");
    assert_eq!(home.offer(&format!("--kubeconfig {} --context ", other.display())).names(), ["dev", "prod"]);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path("cache/hcp-azure/completion")), 0o700);
    assert!(!home.cached().is_empty());
    for file in home.cached() {
        assert_eq!(mode(&file), 0o600);
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains("eyJ") && !text.contains("PRIVATE"), "{text}");
    }
}

/// An API server that answers with one list of NodePools.
struct Answers {
    server: String,
    asked: Arc<AtomicUsize>,
    /// From now on it takes connections in silence.
    is_silent: Arc<AtomicBool>,
}

fn answers() -> Answers {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let (asked, is_silent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, silence) = (Arc::clone(&asked), Arc::clone(&is_silent));
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            counted.fetch_add(1, Ordering::SeqCst);
            if silence.load(Ordering::SeqCst) {
                held.push(stream);
                continue;
            }
            let list = r#"{"kind":"NodePoolList","apiVersion":"v1","metadata":{},"items":[
                {"metadata":{"name":"gpu"},"spec":{"clusterName":"prod"}},
                {"metadata":{"name":"a b\tc\u001b[0m"},"spec":{"clusterName":"x"}},
                {"metadata":{"name":"infra"},"spec":{"clusterName":"pr\u001bod"}}]}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            let answer = format!("{head}Content-Length: {}\r\n\r\n{list}", list.len());
            // Whoever was too impatient reads nothing any more.
            let _ = stream.read(&mut [0; 8192]).and_then(|_| stream.write_all(answer.as_bytes()));
        }
    });
    Answers { server, asked, is_silent }
}

#[tokio::test]
async fn what_was_read_serves_while_the_server_is_silent() {
    let home = Home::new(Path::new("")).await;
    let home = Home { kubeconfig: home.path("config"), ..home };
    home.offer("");
    let Answers { server, asked, is_silent } = answers();
    kubeconfig(&home.kubeconfig, &server, "{token: t0ken}");
    let line = "nodepool scale ";
    // A name that no server should give does not reach the terminal.
    let want = ["gpu\tof prod", "infra\tof pr od"];
    home.offer_as(line, |offer| offer.lines == want);
    let before = asked.load(Ordering::SeqCst);
    is_silent.store(true, Ordering::SeqCst);
    assert_eq!(home.offer(line).lines, want);
    assert_eq!(asked.load(Ordering::SeqCst), before, "asked again within ten seconds");
    let [file] = home.cached().try_into().unwrap();
    assert!(home.offer("nodepool scale --context prod ").lines.is_empty(), "another context has names of its own");
    // As if a minute had passed.
    let mut kept: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let then = (jiff::Timestamp::now() - jiff::SignedDuration::from_secs(60)).to_string();
    (kept["asked"], kept["read"]) = (then.clone().into(), then.into());
    fs::write(&file, kept.to_string()).unwrap();
    let before = asked.load(Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(home.offer(line).lines, want);
    }
    assert_eq!(asked.load(Ordering::SeqCst), before + 1, "a silent server is asked again at once");
}

#[tokio::test]
async fn nobody_waits_longer_than_a_second() {
    let (_listener, server) = silent();
    let home = Home::new(Path::new("")).await;
    let file = home.path("config");
    let home = Home { kubeconfig: file.clone(), ..home };
    home.offer("");
    home.install();
    let asking = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, 'echo asking >&2; echo asking >/dev/tty; exec sleep 600']}}";
    let always = asking.replace("command:", "interactiveMode: Always, command:");
    for user in ["{token: t0ken}", asking, &always] {
        kubeconfig(&file, &server, user);
        for line in ["status ", "nodepool scale ", "-n "] {
            let offer = home.offer_as(line, |offer| offer.took < SECOND);
            assert!(offer.lines.is_empty() && offer.directive == ":4", "{line}: {offer:?}");
        }
        let static_ones = home.offer("doctor ");
        assert_eq!(static_ones.names(), ["preflight", "diff", "decode"], "{static_ones:?}");
        let through_kubectl = || {
            home.forget();
            let ran = home.run("kubectl", &["__complete", "hcp-azure", "upgrade", ""]);
            assert!(ran.stdout.contains(":4\n"), "{ran:?}");
            ran.elapsed
        };
        let took = (0..10).map(|_| through_kubectl()).find(|took| *took < SECOND).expect("it always takes a second");
        e2e::workspace::note(&format!("a silent server costs a completion through kubectl {took:?}"));
    }
    // One that refuses is as good as none.
    kubeconfig(&file, "https://127.0.0.1:1", "{token: t0ken}");
    assert!(home.offer("status ").lines.is_empty());
}

#[tokio::test]
async fn shims_are_written_once_and_never_over_others() {
    let home = Home::new(Path::new("")).await;
    let shim = |name: &str| home.bin().join(name);
    let first = home.install();
    for name in ["kubectl_complete-hcp_azure", "oc_complete-hcp_azure"] {
        assert!(first.stdout.contains(&format!("wrote {}", shim(name).display())), "{}", first.stdout);
        assert_eq!(fs::metadata(shim(name)).unwrap().permissions().mode() & 0o777 & !0o022, 0o755 & !0o022);
        let ran = home.run(name, &["doctor", "--bund"]);
        assert!(ran.code == Some(0) && ran.stdout.starts_with("--bundle\t"), "{ran:?}");
    }
    assert!(first.stderr.starts_with("next: load kubectl's own completion"), "{}", first.stderr);
    let again = home.install().stdout;
    assert!(again.lines().count() == 2 && again.lines().all(|line| line.starts_with("unchanged ")), "{again}");
    let kubectl = home.run("kubectl", &["__complete", "hcp-azure", "doctor", "--fail-on", ""]);
    assert!(kubectl.stdout.starts_with("error\tFailures\nwarning\t"), "{kubectl:?}");
    // What kubectl says for people, after the candidates.
    assert!(kubectl.stderr.ends_with("directive: ShellCompDirectiveNoFileComp\n"), "{kubectl:?}");

    // kubectl takes a program of one verb for a command of its own, which needs a shim of its own.
    let launcher = "#!/bin/sh\nexec kubectl-hcp_azure doctor \"$@\"\n";
    fs::write(shim("kubectl-hcp_azure-doctor"), launcher).unwrap();
    fs::set_permissions(shim("kubectl-hcp_azure-doctor"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(home.install().stdout.contains("kubectl_complete-hcp_azure-doctor"));
    for program in ["kubectl", "kubectl-hcp_azure-doctor"] {
        let args = ["__complete", "hcp-azure", "doctor", "--fail-on", ""];
        let ran = home.run(program, if program == "kubectl" { &args } else { &["__complete", "--fail-on", ""] });
        assert!(ran.stdout.starts_with("error\t"), "{ran:?}");
    }
    let verbs = home.run("kubectl", &["__complete", "hcp-azure", "doct"]).stdout;
    assert_eq!(verbs.lines().filter(|line| line.starts_with("doctor\t")).count(), 1, "{verbs}");

    // One of an older version is renewed; somebody else's stays, and then nothing at all is written.
    fs::write(shim("oc_complete-hcp_azure"), "#!/bin/sh\n# hcp-azure completion shim of long ago\n").unwrap();
    assert!(home.install().stdout.contains("updated "));
    fs::write(shim("oc_complete-hcp_azure"), "#!/bin/sh\necho mine\n").unwrap();
    fs::remove_file(shim("kubectl_complete-hcp_azure")).unwrap();
    let refused = home.run("kubectl-hcp_azure", &["completion", "install"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("is not ours, and stays") && refused.stdout.is_empty(), "{refused:?}");
    assert!(!shim("kubectl_complete-hcp_azure").exists());

    let elsewhere = home.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let dir = elsewhere.to_str().unwrap();
    let there = home.run("kubectl-hcp_azure", &["completion", "install", "--dir", dir]);
    assert!(there.code == Some(0) && there.stderr.contains("is not on the PATH"), "{there:?}");
    let removed = home.run("kubectl-hcp_azure", &["completion", "uninstall", "--dir", dir]);
    assert!(removed.stdout.lines().count() == 4 && fs::read_dir(&elsewhere).unwrap().count() == 0, "{removed:?}");
    let removed = home.run("kubectl-hcp_azure", &["completion", "uninstall"]);
    assert_eq!(removed.stdout.lines().count(), 2, "{removed:?}");
    assert_eq!(fs::read_to_string(shim("oc_complete-hcp_azure")).unwrap(), "#!/bin/sh\necho mine\n");
    let nothing = home.run("kubectl-hcp_azure", &["completion", "uninstall"]);
    assert!(nothing.code == Some(0) && nothing.stderr.starts_with("nothing to remove"), "{nothing:?}");
    let refused = home.run("kubectl-hcp_azure", &["completion", "install", "--dir", "/does/not/exist"]);
    assert!(refused.code == Some(2) && refused.stderr.contains("hint: "), "{refused:?}");
}

#[test]
fn the_files_of_the_release_are_what_the_program_prints() {
    let folder = e2e::workspace::root().join("plugins/completions");
    let file = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    for (shell, name) in [
        ("bash", "hcp-azure.bash"),
        ("zsh", "_kubectl-hcp_azure"),
        ("fish", "kubectl-hcp_azure.fish"),
        ("powershell", "hcp-azure.ps1"),
    ] {
        let mut command = Command::new(PROGRAM);
        command.args(["completion", shell]);
        assert_eq!(run::ran(command).unwrap().stdout, file(name), "{shell}");
        let mut help = Command::new(PROGRAM);
        help.args(["completion", shell, "--help"]);
        assert!(run::ran(help).unwrap().stdout.contains(&format!("completion {shell}")), "{shell}");
    }
    let bin = fs::read_dir(e2e::workspace::root().join("plugins/src/bin")).unwrap();
    let programs: Vec<String> = bin
        .filter_map(|entry| Some(entry.unwrap().file_name().into_string().unwrap().strip_suffix(".rs")?.to_owned()))
        .collect();
    assert!(programs.len() > 1, "{programs:?}");
    for (script, program) in ["hcp-azure.bash", "_kubectl-hcp_azure", "hcp-azure.ps1", "kubectl-hcp_azure.fish"]
        .iter()
        .flat_map(|script| programs.iter().map(move |program| (script, program)))
    {
        let verb = program.strip_prefix("kubectl-hcp_azure-").unwrap_or(program);
        assert!(file(script).contains(verb), "{script} does not complete {program}");
    }
    assert_eq!(file("kubectl_complete-hcp_azure"), file("oc_complete-hcp_azure"));
    assert_eq!(file("kubectl_complete-hcp_azure.cmd"), file("oc_complete-hcp_azure.cmd"));
}
