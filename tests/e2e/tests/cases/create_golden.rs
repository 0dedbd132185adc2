//! `create cluster` and `create nodepool` beside recordings of the upstream CLI: the same objects where the API server
//! takes them, a refusal of our own where it does not.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use e2e::bed::Bed;
use e2e::scene::{Ran, run};
use e2e::workspace::{note, recorded};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

/// A recorded case.
struct Case {
    name: String,
    folder: PathBuf,
    args: Vec<String>,
    accepted: bool,
}

fn cases(base: &Path) -> Vec<Case> {
    let mut folders: Vec<PathBuf> = fs::read_dir(base).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let json = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    folders
        .into_iter()
        .map(|folder| Case {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            args: serde_json::from_value(json(folder.join("args.json"))).unwrap(),
            accepted: json(folder.join("meta.json"))["server"] == "accepted",
            folder,
        })
        .collect()
}

fn create(folder: &Path, kubeconfig: Option<&Path>, args: &[String]) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", "/nonexistent").current_dir(folder).args(args);
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    run::ran(command).unwrap()
}

/// The objects of a text by kind, namespace and name, without what says nothing and with random keys blurred.
pub fn objects(text: &str) -> BTreeMap<String, Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let mut found = BTreeMap::new();
    for mut object in documents.into_iter().filter(|document| !document.is_null()) {
        let field = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
        let (kind, namespace, name) = (field("/kind"), field("/metadata/namespace"), field("/metadata/name"));
        if kind == "Secret" {
            blur(&mut object, &name);
        }
        prune(&mut object);
        assert!(found.insert(format!("{kind} {namespace}/{name}"), object).is_none(), "{kind} {name} twice");
    }
    found
}

/// Replaces random values, after a look at their form.
fn blur(secret: &mut Value, name: &str) {
    let decoded = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
    if secret["type"] == "Opaque" {
        secret["type"] = Value::Null;
    }
    let data = &mut secret["data"];
    if name.ends_with("-etcd-encryption-key") {
        if data["key"] != "<RANDOM>" {
            assert_eq!(decoded(&data["key"]).len(), 32, "the key of etcd");
        }
        data["key"] = "<random>".into();
    }
    if name.ends_with("-ssh-key") && !data["id_rsa"].is_null() {
        let private = String::from_utf8(decoded(&data["id_rsa"])).unwrap();
        let public = String::from_utf8(decoded(&data["id_rsa.pub"])).unwrap();
        assert!(private.starts_with("-----BEGIN RSA PRIVATE KEY-----") && public.starts_with("ssh-rsa AAAA"));
        data["id_rsa"] = "<random>".into();
        data["id_rsa.pub"] = "<random>".into();
    }
}

/// Drops `status` and everything that is empty: a server reads both as absent.
fn prune(value: &mut Value) {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(members) => {
            members.remove("status");
            members.values_mut().for_each(prune);
            members.retain(|_, value| !empty(value));
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// Why a run is no refusal: one error on stderr that names a flag, exit 2, nothing else.
pub fn refusal_problem(ran: &Ran) -> Option<String> {
    let text = &ran.stderr;
    if ran.code != Some(2) {
        Some(format!("exit {:?}, not 2: {text}", ran.code))
    } else if !ran.stdout.is_empty() {
        Some("something on stdout".to_owned())
    } else if text.matches("error: ").count() != 1 || !text.contains("--") || !text.contains("hint: ") {
        Some(format!("no clear error: {text}"))
    } else {
        None
    }
}

/// Whether the real API server takes a text, in a dry run; its own words if not.
pub fn server_problem(bed: &Bed, text: &str) -> Option<String> {
    let mut command = bed.kubectl_command(bed.folder()).unwrap();
    command.args(["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn differences(want: &str, have: &str) -> Vec<String> {
    let (want, have) = (objects(want), objects(have));
    let keys: std::collections::BTreeSet<&String> = want.keys().chain(have.keys()).collect();
    keys.into_iter()
        .filter(|key| want.get(*key) != have.get(*key))
        .map(|key| format!("{key}\n  want {:?}\n  have {:?}", want.get(key), have.get(key)))
        .collect()
}

/// The same with another namespace: of the objects, and as the name of the Namespace.
fn moved(text: &str, from: &str, to: &str) -> String {
    text.replace(&format!("namespace: {from}\n"), &format!("namespace: {to}\n"))
}

#[test]
fn clusters_are_rendered_or_refused_as_recorded() {
    let Some(base) = recorded("golden/cases") else { return };
    let mut problems = Vec::new();
    let (mut rendered, mut refused) = (0, 0);
    for case in cases(&base).iter().filter(|case| case.args[1] == "cluster") {
        let ran = create(&case.folder, None, &case.args);
        let found = if !case.accepted {
            refused += 1;
            refusal_problem(&ran).into_iter().collect()
        } else if ran.code != Some(0) {
            vec![ran.stderr]
        } else {
            rendered += 1;
            differences(&fs::read_to_string(case.folder.join("out.yaml")).unwrap(), &ran.stdout)
        };
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", case.name)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    note(&format!("{rendered} clusters rendered as recorded, {refused} refused"));
    assert!(rendered > 0 && refused > 0);
}

#[test]
fn what_upstream_refuses_is_refused() {
    let (Some(list), Some(inputs)) = (recorded("golden/rejects.tsv"), recorded("golden/inputs")) else {
        return;
    };
    let text = fs::read_to_string(list).unwrap();
    let mut problems = Vec::new();
    let mut count = 0;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        // Only one word of these lines is quoted, and has no white space in it.
        let args: Vec<String> = fields[3].split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect();
        count += 1;
        problems
            .extend(refusal_problem(&create(&inputs, None, &args)).map(|problem| format!("{}: {problem}", fields[0])));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    note(&format!("{count} command lines refused"));
}

#[tokio::test]
async fn every_accepted_cluster_is_accepted_by_the_api_server() {
    let Some(base) = recorded("golden/cases") else { return };
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("rendered").await.unwrap();
    let mut problems = Vec::new();
    let mut count = 0;
    for case in cases(&base).iter().filter(|case| case.accepted && case.args[1] == "cluster") {
        let mut args = case.args.clone();
        args.extend(["--namespace".to_owned(), namespace.clone()]);
        let ran = create(&case.folder, None, &args);
        count += 1;
        problems.extend(server_problem(bed, &ran.stdout).map(|problem| format!("{}: {problem}", case.name)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    note(&format!("{count} clusters accepted by the API server"));
}

#[tokio::test]
async fn node_pools_are_rendered_or_refused_as_recorded() {
    let (Some(base), Some(inputs)) = (recorded("golden/cases"), recorded("golden/inputs")) else {
        return;
    };
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("pools").await.unwrap();
    for file in ["hc-demo.yaml", "hc-ready.yaml"] {
        let text = fs::read_to_string(inputs.join(file)).unwrap();
        // The recording's `ready` had reported its release, which the file does not hold.
        let text = match text.split_once("status:\n") {
            Some((spec, _)) if file == "hc-ready.yaml" => format!("{spec}{READY_STATUS}"),
            _ => text,
        };
        bed.apply_yaml_in(&namespace, &text).await.unwrap();
    }
    let mut problems = Vec::new();
    let mut count = 0;
    for case in cases(&base).iter().filter(|case| case.args[1] == "nodepool") {
        let mut args = case.args.clone();
        args.extend(["--namespace".to_owned(), namespace.clone()]);
        let ran = create(&case.folder, Some(&bed.kubeconfig()), &args);
        count += 1;
        let found: Vec<String> = if !case.accepted {
            refusal_problem(&ran).into_iter().collect()
        } else if ran.code != Some(0) {
            vec![ran.stderr]
        } else {
            let want = fs::read_to_string(case.folder.join("out.yaml")).unwrap();
            let mut found = differences(&want, &moved(&ran.stdout, &namespace, "clusters"));
            found.extend(server_problem(bed, &ran.stdout));
            found
        };
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", case.name)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    note(&format!("{count} node pools rendered or refused as recorded"));
}

const READY_STATUS: &str = "\
status:
  payloadArch: AMD64
  version:
    availableUpdates: null
    desired: {image: 'quay.io/openshift-release-dev/ocp-release:4.21.0-multi', version: 4.21.0}
    history:
    - {completionTime: '2026-11-20T10:00:00Z', image: 'quay.io/openshift-release-dev/ocp-release:4.21.0-multi', startedTime: '2026-11-20T09:00:00Z', state: Completed, verified: false, version: 4.21.0}
    observedGeneration: 1
";
