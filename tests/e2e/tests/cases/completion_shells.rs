//! Completion as people meet it: the Tab key in a real bash, zsh and fish on a terminal, with the real kubectl.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use e2e::scene::{NAME, Scene};

use super::completion::Home;

/// The key that writes the line to a file and empties it, in every shell below.
const SEEN: &[u8] = b"\x14";
const READY: &str = "READY> ";
const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

const BASH: &str = r#"
source /usr/share/bash-completion/bash_completion
source <(kubectl completion bash)
source <(kubectl-hcp_azure completion bash)
seen() { printf '%s\n' "$READLINE_LINE" >"$SEEN.part"; mv "$SEEN.part" "$SEEN"; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\C-t": seen'
PS1='READY> '
"#;
const ZSH: &str = r#"
autoload -U compinit; compinit -u -D
source <(kubectl completion zsh)
source <(kubectl-hcp_azure completion zsh)
seen() { print -r -- "$BUFFER" >"$SEEN.part"; mv "$SEEN.part" "$SEEN"; BUFFER= }
zle -N seen; bindkey '^T' seen
PS1='READY> '
"#;
const FISH: &str = r#"
kubectl completion fish | source
kubectl-hcp_azure completion fish | source
function fish_prompt; echo -n 'READY> '; end
function seen; commandline >"$SEEN.part"; mv "$SEEN.part" "$SEEN"; commandline -r ''; end
bind \ct seen
"#;

/// Whether a tool is there. Without it a test is skipped, but for CI, where it has to be.
fn has(path: &str, package: &str) -> bool {
    if Path::new(path).exists() {
        return true;
    }
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "{path} is missing: `apt-get install {package}`");
    e2e::workspace::note(&format!("skipped: completion in a real shell needs {path}, which is absent"));
    false
}

/// A shell on a terminal.
struct Shell {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<String>>,
    seen: PathBuf,
}

impl Shell {
    /// Starts it as a person would, but with `setup` for what is usually in its start-up file.
    fn start(home: &Home, name: &str, setup: &str) -> Self {
        let (file, line) = match name {
            "bash" => ("bashrc", format!("exec bash --rcfile {} -i", home.path("bashrc").display())),
            "zsh" => (".zshrc", "exec zsh -d -i".to_owned()),
            _ => ("setup.fish", format!("exec fish --private -i -C 'source {}'", home.path("setup.fish").display())),
        };
        fs::write(home.path(file), setup).unwrap();
        let seen = home.path("seen");
        let mut command = home.command("script");
        command
            .args(["-qefc", &line, "/dev/null"])
            .envs([("TERM", "xterm"), ("SHELL", "/bin/sh"), ("LC_ALL", "C.UTF-8")])
            .env("ZDOTDIR", home.path(""))
            .env("XDG_CONFIG_HOME", home.path("config"))
            .env("XDG_DATA_HOME", home.path("data"))
            .env("SEEN", &seen);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut pipe, screen) = (child.stdout.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let shared = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        let keys = child.stdin.take().unwrap();
        let shell = Self { child, keys, screen, seen };
        shell.until("its prompt", || shell.screen.lock().unwrap().contains(READY).then_some(()));
        shell
    }

    fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no {what}:\n{}", self.screen.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the line becomes when Tab is pressed behind it.
    fn tab(&mut self, line: &str) -> String {
        let _ = fs::remove_file(&self.seen);
        self.keys.write_all(line.as_bytes()).unwrap();
        self.keys.write_all(b"\t").unwrap();
        self.keys.write_all(SEEN).unwrap();
        self.keys.flush().unwrap();
        let seen = self.until(&format!("line for '{line}'"), || fs::read_to_string(&self.seen).ok());
        seen.trim_end_matches('\n').to_owned()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Closing the terminal ends the shell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn scene() -> (Scene, Home) {
    let scene = Scene::healthy().await.unwrap();
    let home = Home::new(&scene.bed.kubeconfig()).await;
    home.install();
    // The first start of either reads it from the disk.
    home.run("kubectl", &["__complete", "hcp-azure", ""]);
    fs::write(home.path("recording.tar.gz"), "").unwrap();
    (scene, home)
}

/// What must hold in every shell: typed, and what it becomes.
fn lines(shell: &str, namespace: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut add = |typed: &str, becomes: &str| all.push((typed.to_owned(), becomes.to_owned()));
    for program in ["kubectl hcp-azure", "kubectl-hcp_azure"] {
        let mut with = |typed: &str, becomes: &str| add(&format!("{program} {typed}"), &format!("{program} {becomes}"));
        with("doct", "doctor ");
        with("create oidc", "create oidc-issuer ");
        with("doctor --bund", "doctor --bundle ");
        with("doctor --fail-on w", "doctor --fail-on warning ");
        with("doctor --fail-on=w", "doctor --fail-on=warning ");
        with("explain fic-subjects-c", "explain fic-subjects-complete ");
        // The script that kubectl has for bash drops every candidate with a comma.
        if !(shell == "bash" && program == "kubectl hcp-azure") {
            with("doctor --only FC01,feder", "doctor --only FC01,federation ");
        }
        with("doctor --bundle recor", "doctor --bundle recording.tar.gz ");
        with(&format!("status -n {namespace} de"), &format!("status -n {namespace} {NAME} "));
        with(&format!("nodepool scale -n {namespace} de"), &format!("nodepool scale -n {namespace} {NAME} "));
        with("doctor -n kube-sys", "doctor -n kube-system ");
        with("version no-such", "version no-such");
    }
    all
}

fn drive(name: &str, setup: &str, scene: &Scene, home: &Home) {
    let mut shell = Shell::start(home, name, setup);
    for (typed, becomes) in lines(name, &scene.namespace) {
        // A name that comes too late is no candidate, and the machine does much else meanwhile.
        let became = (0..10).map(|_| shell.tab(&typed)).find(|line| {
            home.forget();
            *line == becomes
        });
        assert!(became.is_some(), "{typed} does not become {becomes}\n{}", shell.screen.lock().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_in_bash() {
    if !has(BASH_COMPLETION, "bash-completion") || !has("/usr/bin/script", "bsdutils") {
        return;
    }
    let (scene, home) = scene().await;
    drive("bash", BASH, &scene, &home);
    // Without bash-completion, on its own, as on a Mac; and with colons and equals signs in words.
    let config = "{apiVersion: v1, kind: Config, contexts: [{name: 'clusters/api-x:6443/kube:admin'}]}";
    fs::write(home.path("colons"), config).unwrap();
    let alone = BASH.lines().filter(|line| !line.contains("kubectl completion") && !line.contains("/bash-completion/"));
    let mut shell = Shell::start(&home, "bash", &alone.collect::<Vec<_>>().join("\n"));
    for (typed, becomes) in [
        ("kubectl-hcp_azure --kubeconfig ~/colons status --context clus", "clusters/api-x:6443/kube:admin "),
        ("kubectl-hcp_azure --kubeconfig=colons status --context=clus", "clusters/api-x:6443/kube:admin "),
        ("kubectl-hcp_azure --kubeconfig colons status --context clusters/api-x:64", "clusters/api-x:6443/kube:admin "),
        ("kubectl-hcp_azure doctor --bundle=recor", "--bundle=recording.tar.gz "),
    ] {
        let line = shell.tab(typed);
        assert!(line.ends_with(becomes), "{typed} became {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_in_zsh() {
    if has("/usr/bin/zsh", "zsh") && has("/usr/bin/script", "bsdutils") {
        let (scene, home) = scene().await;
        drive("zsh", ZSH, &scene, &home);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_in_fish() {
    if has("/usr/bin/fish", "fish") && has("/usr/bin/script", "bsdutils") {
        let (scene, home) = scene().await;
        drive("fish", FISH, &scene, &home);
    }
}

/// bash is given the words of a line, as its completion gives them to functions, and every candidate is seen.
#[tokio::test(flavor = "multi_thread")]
async fn bash_sees_every_candidate() {
    if !has(BASH_COMPLETION, "bash-completion") {
        return;
    }
    let (scene, home) = scene().await;
    let offered = |function: &str, words: &[&str]| {
        let script = format!(
            "{}\nshopt -s progcomp\nCOMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)) COMP_LINE=\"$*\" COMP_POINT=${{#COMP_LINE}} \
             COMP_TYPE=9\n{function} \"$1\" \"${{!#}}\" \"${{@: -2:1}}\" 2>/dev/null\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            BASH.lines().filter(|line| line.starts_with("source")).collect::<Vec<_>>().join("\n")
        );
        let mut command = home.command("bash");
        command.args(["-c", &script, "bash"]).args(words);
        let ran = e2e::scene::run::ran(command).unwrap();
        ran.stdout
    };
    let line = ["kubectl-hcp_azure", "status", "-n", &scene.namespace, ""];
    let own = (0..10).map(|_| offered("__hcp_azure_complete", &line)).find(|own| {
        home.forget();
        *own == format!("{NAME}\n")
    });
    assert!(own.is_some());
    let own = offered("__hcp_azure_complete", &["kubectl-hcp_azure", "doctor", "--fail-on", ""]);
    assert_eq!(own, "error\nwarning\n");
    let kubectl = offered("__start_kubectl", &["kubectl", "hcp-azure", "doctor", "--fail-on", ""]);
    let words: Vec<&str> = kubectl.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(words, ["error", "warning"], "{kubectl}");
}

#[test]
fn the_powershell_script_is_a_script() {
    let Some(pwsh) = ["/usr/bin/pwsh", "/opt/microsoft/powershell/7/pwsh"].iter().find(|path| Path::new(path).exists())
    else {
        // No package registry that tests may use has it, CI's included.
        e2e::workspace::note("skipped: the PowerShell script is not tried, pwsh is absent");
        return;
    };
    let script = e2e::workspace::root().join("plugins/completions/hcp-azure.ps1");
    let parse = format!(
        "$errors = $null; [void][System.Management.Automation.Language.Parser]::ParseFile('{}', [ref]$null, [ref]$errors); \
         $errors; exit $errors.Count",
        script.display()
    );
    let mut command = Command::new(pwsh);
    command.args(["-NoProfile", "-NonInteractive", "-Command", &parse]);
    let ran = e2e::scene::run::ran(command).unwrap();
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
}
