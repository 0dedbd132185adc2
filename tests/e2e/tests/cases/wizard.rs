//! `create cluster --interactive` on a pseudo-terminal, against the API server and the simulator.
#![cfg(unix)]

use std::process::Command;

use e2e::scene::{CLIENT_SECRET, RELEASE, Scene};
use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use serde_json::Value;

use super::create_cluster::{object, ran};
use super::create_stage::PROGRAM;

/// How long the program may take to say what is expected, in milliseconds.
const PATIENCE: u64 = 60_000;

/// A program on a terminal, with all that it has said.
struct Talk {
    session: PtySession,
    said: String,
}

impl Talk {
    fn begin(scene: &Scene, line: &str) -> Self {
        let mut command: Command = scene.command(PROGRAM.as_ref());
        command.current_dir(scene.path("")).args(line.split_whitespace()).env("TERM", "xterm").env("NO_COLOR", "1");
        let options = Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true);
        Self { session: spawn_with_options(command, options).unwrap(), said: String::new() }
    }

    /// Reads until this is said.
    fn hears(&mut self, words: &str) -> &mut Self {
        match self.session.exp_string(words) {
            Ok(before) => self.said.push_str(&format!("{before}{words}")),
            Err(error) => panic!("'{words}' was not said: {error}\n{}", self.said),
        }
        self
    }

    fn says(&mut self, words: &str) -> &mut Self {
        self.session.send_line(words).unwrap();
        self
    }

    /// Answers a question.
    fn answers(&mut self, question: &str, words: &str) -> &mut Self {
        self.hears(question).says(words)
    }

    fn presses(&mut self, control: char) -> &mut Self {
        self.session.send_control(control).unwrap();
        self
    }

    /// Reads to the end: the exit code.
    fn ends(&mut self) -> i32 {
        let rest = self.session.exp_eof().unwrap_or_else(|error| panic!("no end: {error}\n{}", self.said));
        self.said.push_str(&rest);
        for secret in [CLIENT_SECRET, "dXNlcjpwdWxsLWNhbmFyeQ", "PRIVATE KEY-----"] {
            assert!(!self.said.contains(secret), "a secret is shown:\n{}", self.said);
        }
        match self.session.process().wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            other => panic!("{other:?}\n{}", self.said),
        }
    }
}

/// The command of a block that was shown to be copied, in one line and without the program's name.
fn copied(said: &str, label: &str) -> String {
    let from = said.rfind(label).unwrap_or_else(|| panic!("no '{label}' in\n{said}")) + label.len();
    let block = said[from..].trim_start().replace("\r\n", "\n");
    let block = block.split("\n\n").next().unwrap_or_default().replace("\\\n", " ");
    let words: Vec<&str> = block.split_whitespace().collect();
    words.join(" ").strip_prefix("kubectl hcp-azure ").unwrap_or_else(|| panic!("{block}")).to_owned()
}

/// What is written, without what is chosen anew each time.
fn plan_of(scene: &Scene, line: &str) -> Value {
    let ran = ran(scene, &format!("{line} --dry-run -o json"));
    assert_eq!(ran.code, Some(0), "{line}\n{}", ran.stderr);
    ran.json().unwrap()
}

fn writes(scene: &Scene) -> usize {
    scene.sim.requests().iter().filter(|entry| ["PUT", "DELETE", "PATCH"].contains(&entry.method.as_str())).count()
}

/// The questions up to the last, with two wrong answers on the way.
fn interviewed(scene: &Scene, talk: &mut Talk) {
    talk.hears("DNS zones  hcp.example.com");
    // A wrong answer is told why, and asked again.
    talk.answers("Name: ", "Not_A_Name").hears("error: --name Not_A_Name is refused").hears("hint: ");
    talk.answers("Name: ", "demo");
    talk.answers("Base domain [hcp.example.com]: ", "nowhere.example.com")
        .hears("error: --base-domain nowhere.example.com is refused");
    talk.answers("Base domain [hcp.example.com]: ", "");
    talk.answers("Region [eastus]: ", "");
    talk.answers("Release", &scene.registry.image(RELEASE));
    talk.answers("Pull secret file [pull-secret.json]: ", "signer.key")
        .hears("error: --pull-secret signer.key is refused");
    talk.answers("Pull secret file [pull-secret.json]: ", "");
    talk.answers("Signing key file: ", "signer.key");
    talk.answers("OIDC issuer: ", "https://127.0.0.1:1/nowhere")
        .hears("error: --oidc-issuer-url https://127.0.0.1:1/nowhere");
    talk.answers("OIDC issuer: ", &scene.issuer);
    talk.answers("Assign roles [yes]: ", "perhaps").hears("it is neither yes nor no");
    talk.answers("Assign roles [yes]: ", "");
    talk.answers("Nodes [2]: ", "");
    talk.answers("VM size [Standard_D4s_v5]: ", "");
    talk.answers("More [no]: ", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interview_leads_to_a_cluster_and_says_how_to_repeat_it() {
    let scene = Scene::before_create().await.unwrap();
    let mut talk =
        Talk::begin(&scene, &format!("create cluster -i -n {} --infra-id demo-x7k2p --dry-run", scene.namespace));
    // Subscription and tenant are nowhere said: the credentials are asked for, and the file in the folder is offered.
    talk.answers("Azure credentials file [azure-creds.json]: ", "pull-secret.json")
        .hears("error: --azure-creds pull-secret.json");
    talk.answers("Azure credentials file [azure-creds.json]: ", "");
    interviewed(&scene, &mut talk);
    talk.answers("Spec file [demo-spec.yaml]: ", "");
    talk.hears("The same without questions:");
    assert_eq!(talk.ends(), 0, "{}", talk.said);
    assert!(talk.said.contains("HostedCluster"), "{}", talk.said);
    assert_eq!(writes(&scene), 0);

    // The command and the file that it leaves give one plan, and the same as was shown.
    let command = copied(&talk.said, "The same without questions:");
    let short = copied(&talk.said, "or:");
    assert_eq!(short, "create cluster -f demo-spec.yaml");
    assert!(command.contains("--assign-service-principal-roles --") || command.ends_with("roles"), "{command}");
    let spec = std::fs::read_to_string(scene.path("demo-spec.yaml")).unwrap();
    assert!(spec.contains("dnsZoneRgName: os4-common") && spec.contains("azureCreds: azure-creds.json"), "{spec}");
    let command = command.replace(" --azure-creds azure-creds.json", "");
    let plan = plan_of(&scene, &command);
    assert_eq!(plan, plan_of(&scene, &short));
    let sum = format!("{} to create, 0 to change", plan["summary"]["create"]);
    assert!(talk.said.contains(&sum), "{sum}\n{}", talk.said);
    for step in plan["steps"].as_array().unwrap() {
        assert!(talk.said.contains(step["resource"].as_str().unwrap()), "{step}\n{}", talk.said);
    }

    // What is given is not asked, and a yes applies the plan.
    let mut talk = Talk::begin(&scene, "create cluster -i -f demo-spec.yaml");
    // A file says what is no default; the region is one.
    talk.answers("Region [eastus]: ", "").answers("More [no]: ", "");
    talk.answers("Spec file [demo-spec.yaml]: ", "").hears("it exists already");
    talk.answers("Spec file [demo-spec.yaml]: ", "-");
    talk.hears("The same without questions:").answers("Apply? [y/N] ", "y");
    assert_eq!(talk.ends(), 0, "{}", talk.said);
    assert!(!talk.said.contains("Base domain ["), "{}", talk.said);
    assert_eq!(object(&scene, "hostedcluster", "demo")["spec"]["infraID"], "demo-x7k2p");
    assert_eq!(object(&scene, "nodepool", "demo")["spec"]["replicas"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_changes_nothing_and_says_how_to_go_on() {
    let scene = Scene::before_create().await.unwrap();
    let line = format!("create cluster -i -n {} --azure-creds azure-creds.json", scene.namespace);
    for (control, words) in [('c', "interrupted; nothing was changed"), ('d', "the input ended; nothing was changed")] {
        let mut talk = Talk::begin(&scene, &line);
        talk.answers("Name: ", "demo");
        talk.hears("Base domain [hcp.example.com]: ").presses(control);
        assert_eq!(talk.ends(), 130, "{}", talk.said);
        assert!(talk.said.contains(words), "{}", talk.said);
        let command = copied(&talk.said, "To go on with the answers so far:");
        assert!(command.starts_with("create cluster demo ") && command.ends_with(" --interactive"), "{command}");
        // It goes on behind the last answer.
        let mut talk = Talk::begin(&scene, &command);
        talk.hears("Base domain [hcp.example.com]: ").presses('c');
        assert_eq!(talk.ends(), 130, "{}", talk.said);
        assert!(!talk.said.contains("Name: "), "{}", talk.said);
    }
    // While facts are read, too.
    scene.sim.set_latency(std::time::Duration::from_secs(2));
    let (before, begun) = (scene.sim.requests().len(), std::time::Instant::now());
    let mut talk = Talk::begin(&scene, &line);
    while scene.sim.requests().len() == before {
        assert!(begun.elapsed().as_secs() < 30, "nothing was asked");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    talk.presses('c');
    assert_eq!(talk.ends(), 130, "{}", talk.said);
    assert_eq!(writes(&scene), 0);
    // No at the end is as good.
    scene.sim.set_latency(std::time::Duration::ZERO);
    let mut talk = Talk::begin(&scene, &line);
    interviewed(&scene, &mut talk);
    talk.answers("Spec file [demo-spec.yaml]: ", "-").answers("Apply? [y/N] ", "n");
    assert_eq!(talk.ends(), 130, "{}", talk.said);
    assert_eq!(writes(&scene), 0);
}

/// The terminal's settings, as stty tells them.
fn settings(shell: &mut PtySession) -> String {
    shell.send_line("stty -g; echo END").unwrap();
    shell.exp_string("\nEND").unwrap().trim().lines().last().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_is_as_before() {
    let scene = Scene::before_create().await.unwrap();
    let mut command: Command = scene.command("/bin/sh".as_ref());
    command.current_dir(scene.path("")).env("TERM", "xterm").env("PS1", "");
    let options = Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true);
    let mut shell = spawn_with_options(command, options).unwrap();
    let before = settings(&mut shell);
    let line = format!("{PROGRAM} create cluster -i -n {} --azure-creds azure-creds.json", scene.namespace);
    shell.send_line(&line).unwrap();
    shell.exp_string("Name: ").unwrap();
    shell.send_control('c').unwrap();
    shell.exp_string("nothing was changed").unwrap();
    shell.send_line("echo code=$?").unwrap();
    shell.exp_string("code=130").unwrap();
    assert_eq!(settings(&mut shell), before);
    shell.send_line("exit").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_without_a_terminal() {
    let scene = Scene::before_create().await.unwrap();
    for (line, why) in [
        ("create cluster -i", "there is no terminal to ask on"),
        ("create cluster --interactive --no-input", "--no-input forbids to ask"),
    ] {
        let refused = ran(&scene, &format!("{line} --base-domain hcp.example.com"));
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        let hint: String =
            refused.stderr.split("hint:").nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            hint.ends_with(
                "--name, --release-image, --pull-secret, --sa-token-issuer-private-key-path, --oidc-issuer-url"
            ),
            "{hint}"
        );
    }
    assert_eq!(scene.sim.requests().len(), 0);
    // What is given and wrong is said first.
    let mut talk = Talk::begin(&scene, "create cluster -i --arch x86 --azure-creds azure-creds.json");
    assert_eq!(talk.ends(), 2, "{}", talk.said);
    assert!(talk.said.contains("--arch x86 is refused"), "{}", talk.said);
}
