//! `status` on recordings: one cluster at five moments, on screens of two widths, with and without colour.

use std::fs;
use std::process::Command;

use e2e::scene::{Ran, run};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const NEXT: &str = "quay.io/openshift-release-dev/ocp-release:4.22.7-multi";

/// Minutes before the moment of the recordings.
fn ago(minutes: i64) -> Value {
    let recorded: jiff::Timestamp = "2026-11-21T03:07:58Z".parse().unwrap();
    json!((recorded - jiff::SignedDuration::from_mins(minutes)).to_string())
}

fn recorded(name: &str) -> Value {
    let path = e2e::workspace::root().join("tests/bundles").join(name).join("facts.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn cluster(facts: &mut Value) -> &mut Value {
    &mut facts["hosted"]["cluster"]["value"]
}

fn list<'a>(facts: &'a mut Value, what: &str) -> &'a mut Vec<Value> {
    facts["hosted"][what]["value"].as_array_mut().unwrap()
}

fn condition(object: &mut Value, kind: &str, status: &str, reason: &str, minutes: i64) {
    let conditions = object["conditions"].as_array_mut().unwrap();
    conditions.retain(|condition| condition["type"] != kind);
    conditions.push(json!({
        "type": kind, "status": status, "reason": reason, "message": "", "lastTransition": ago(minutes), "observedGeneration": 1,
    }));
}

/// The recorded cluster, two days old and with a few more components.
fn healthy() -> Value {
    let mut facts = recorded("healthy");
    cluster(&mut facts)["createdAt"] = ago(2880);
    for what in ["nodePools", "machines"] {
        for object in list(&mut facts, what) {
            object["createdAt"] = ago(2870);
        }
    }
    let first = list(&mut facts, "components")[0].clone();
    for name in ["etcd", "konnectivity-agent", "openshift-apiserver", "openshift-oauth-apiserver"] {
        let mut component = first.clone();
        component["name"] = json!(name);
        list(&mut facts, "components").push(component);
    }
    facts
}

fn installing() -> Value {
    let mut facts = healthy();
    let own = cluster(&mut facts);
    own["createdAt"] = ago(8);
    own["version"]["history"][0]["state"] = json!("Partial");
    own["version"]["history"][0]["completedAt"] = Value::Null;
    own["version"]["history"][0]["startedAt"] = ago(8);
    for condition in own["conditions"].as_array_mut().unwrap() {
        condition["lastTransition"] = ago(8);
    }
    condition(own, "Progressing", "True", "RollingOut", 8);
    condition(own, "ClusterVersionProgressing", "True", "WorkloadNotYetAvailable", 8);
    condition(own, "ClusterVersionAvailable", "False", "FromClusterVersion", 8);
    for component in list(&mut facts, "components").iter_mut().skip(6) {
        component["version"] = Value::Null;
        condition(component, "RolloutComplete", "False", "WaitingForDependencies", 4);
        condition(component, "Available", "False", "WaitingForAvailable", 4);
    }
    let pool = &mut list(&mut facts, "nodePools")[0];
    pool["createdAt"] = ago(8);
    pool["readyReplicas"] = json!(1);
    condition(pool, "AllMachinesReady", "False", "MachinesNotReady", 5);
    let machine = &mut list(&mut facts, "machines")[1];
    machine["createdAt"] = ago(5);
    machine["node"] = Value::Null;
    machine["phase"] = json!("Provisioning");
    condition(machine, "Ready", "False", "WaitingForInfrastructure", 5);
    let vm = &mut list(&mut facts, "azureMachines")[1];
    vm["vmState"] = json!("Creating");
    condition(vm, "Ready", "False", "VMCreating", 5);
    facts
}

fn upgrading() -> Value {
    let mut facts = healthy();
    let own = cluster(&mut facts);
    let installed = own["version"]["history"][0].clone();
    let entry = |state: &str, version: &str, image: &str, from: i64, to: Value| json!({"state": state, "version": version, "image": image, "startedAt": ago(from), "completedAt": to});
    own["releaseImage"] = json!(NEXT);
    own["version"] = json!({"desired": "4.22.7", "desiredImage": NEXT, "history": [
        entry("Partial", "4.22.7", NEXT, 38, Value::Null),
        entry("Completed", "4.22.3", installed["image"].as_str().unwrap(), 1440, ago(1377)),
        entry("Completed", "4.22.1", "quay.io/openshift-release-dev/ocp-release:4.22.1-multi", 2880, ago(2860)),
    ]});
    condition(own, "Progressing", "True", "RollingOut", 38);
    condition(own, "ClusterVersionProgressing", "True", "RollingOut", 38);
    for component in list(&mut facts, "components").iter_mut().take(6) {
        component["version"] = json!("4.22.7");
    }
    condition(&mut list(&mut facts, "components")[6], "RolloutComplete", "False", "RolloutNotComplete", 3);
    list(&mut facts, "nodePools")[0]["releaseImage"] = json!(NEXT);
    let mut other = list(&mut facts, "nodePools")[0].clone();
    other["name"] = json!("demo-of-a-team-that-likes-long-names-for-its-pools");
    other["autoScaling"] = json!([0, 12]);
    other["replicas"] = Value::Null;
    other["readyReplicas"] = json!(0);
    other["version"] = json!("4.21.12");
    other["releaseImage"] = json!("quay.io/openshift-release-dev/ocp-release:4.21.12-multi");
    list(&mut facts, "nodePools").push(other);
    facts
}

fn deleting() -> Value {
    let mut facts = healthy();
    let own = cluster(&mut facts);
    own["deletedAt"] = ago(14);
    condition(own, "CloudResourcesDestroyed", "False", "CloudResourcesRemaining", 13);
    list(&mut facts, "nodePools")[0]["deletedAt"] = ago(14);
    list(&mut facts, "machines").truncate(1);
    list(&mut facts, "machines")[0]["deletedAt"] = ago(13);
    list(&mut facts, "components").truncate(3);
    facts
}

/// Neither Azure nor the control plane may be read.
fn not_seen() -> Value {
    let mut facts = healthy();
    let gap = |why: &str, needs: &str| json!({"state": "unreadable", "value": {"kind": "denied", "why": why, "needs": needs, "scope": "namespace clusters-demo"}});
    let denied = "403 Forbidden: the caller may not list controlplanecomponents";
    facts["hosted"]["components"] = gap(denied, "list controlplanecomponents.hypershift.openshift.io");
    let no_session = json!({"state": "unreadable", "value": {"kind": "blocked", "why": "nobody is signed in to Azure", "remedy": "az login"}});
    facts["azure"] = json!({"login": no_session, "subscription": no_session, "identities": no_session});
    facts
}

/// A recording and a place to run in, so that the path on the screen is its name alone.
fn tell(facts: &Value, name: &str, columns: usize, more: &[&str], environment: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("{name}.json");
    fs::write(folder.path().join(&file), facts.to_string()).unwrap();
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("LANG", "C.UTF-8").env("COLUMNS", columns.to_string()).envs(environment.iter().copied());
    command.args(["status", "--bundle", &file]).args(more).current_dir(folder.path());
    run::ran(command).unwrap()
}

fn snapshot(name: &str, text: &str) {
    let path = e2e::workspace::root().join("tests/snapshots/status").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{} differs; UPDATE_SNAPSHOTS=1 writes it anew", path.display());
}

/// The text without colour.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or("", |(_, rest)| rest))
}

/// Prose stays within the screen; a command stays one that can be copied.
fn fits(text: &str, columns: usize) {
    for line in text.lines().take_while(|line| *line != "next:") {
        assert!(line.chars().count() <= columns, "wider than {columns}: {line:?}\n{text}");
    }
}

#[test]
fn five_moments_of_a_cluster_on_every_screen() {
    let stories = [
        ("healthy", healthy(), "Healthy", 0),
        ("installing", installing(), "Installing", 0),
        ("upgrading", upgrading(), "Upgrading", 0),
        ("degraded", recorded("three-root-causes"), "Degraded", 1),
        ("deleting", deleting(), "Deleting", 0),
        ("not-seen", not_seen(), "Unknown", 2),
    ];
    let schema: Value =
        serde_json::from_str(include_str!("../../../../common/ui/src/status/cluster-status.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, facts, assessment, code) in &stories {
        for columns in [80, 120] {
            let quiet = tell(facts, name, columns, &[], &[]);
            assert_eq!(quiet.code, Some(*code), "{name}: {quiet:?}");
            snapshot(&format!("{name}.{columns}.txt"), &quiet.stdout);
            fits(&quiet.stdout, columns);
            let colour = tell(facts, name, columns, &[], &[("CLICOLOR_FORCE", "1")]);
            snapshot(&format!("{name}.{columns}.colour.txt"), &colour.stdout);
            assert!(colour.stdout.contains('\u{1b}') && plain(&colour.stdout) == quiet.stdout, "{}", colour.stdout);
        }
        let ascii = tell(facts, name, 80, &[], &[("LANG", "C")]);
        assert!(ascii.stdout.is_ascii(), "{}", ascii.stdout);
        let json = tell(facts, name, 80, &["-o", "json"], &[]);
        assert_eq!(json.code, Some(*code), "{name}: the format changes the answer");
        let document = json.json().unwrap();
        assert_eq!(document["assessment"], *assessment);
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let yaml = tell(facts, name, 80, &["-o", "yaml"], &[]);
        let same: Value = serde_saphyr::from_str(&yaml.stdout).unwrap();
        assert_eq!((yaml.code, same), (Some(*code), document), "{name}");
    }
}

#[test]
fn the_schema_refuses_what_is_no_status() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../../common/ui/src/status/cluster-status.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let whole = tell(&healthy(), "healthy", 80, &["-o", "json"], &[]).json().unwrap();
    assert!(validator.is_valid(&whole));
    for (pointer, value) in
        [("/assessment", json!("Fine")), ("/azure/identities/found", json!("8")), ("/nodePools/0/state", json!("ok"))]
    {
        let mut bad = whole.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}

#[test]
fn names_of_any_length_keep_the_columns() {
    let mut facts = upgrading();
    let long = "n".repeat(253);
    cluster(&mut facts)["azure"]["resourceGroup"] = json!("g".repeat(90));
    list(&mut facts, "nodePools")[1]["name"] = json!(long);
    list(&mut facts, "nodePools")[1]["version"] = json!("4.22.0-0.nightly-multi-2026-11-20-120000");
    list(&mut facts, "components")[7]["name"] = json!("c".repeat(200));
    for columns in [80, 120] {
        let told = tell(&facts, "long", columns, &[], &[]);
        fits(&told.stdout, columns);
        let one_line: String = told.stdout.split_whitespace().collect();
        assert!(one_line.contains(&long), "a name is cut off:\n{}", told.stdout);
    }
}

#[test]
fn what_cannot_be_used_is_exit_2() {
    let wrong: [&[&str]; 5] = [
        &["status", "--bundle", "/nonexistent"],
        &["status", "--bundle", "x", "--watch"],
        &["status", "x", "--interval", "5s"],
        &["status", "x", "--watch", "--interval", "0s"],
        &["status", "x", "--all"],
    ];
    for args in wrong {
        let mut command = Command::new(PROGRAM);
        command.env_clear().args(args);
        let ran = run::ran(command).unwrap();
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.stdout.is_empty() && ran.stderr.contains("error: "), "{args:?}: {ran:?}");
    }
}
