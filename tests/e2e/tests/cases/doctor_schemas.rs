//! The JSON Schemas of what `doctor`, `doctor diff` and `doctor decode` print: every document keeps to them, they know
//! every member, and they refuse what is no such document.

use std::process::Command;

use e2e::scene::run;
use serde_json::{Value, json};

use super::create_stage::PROGRAM;

const BROKEN: &str = "tests/bundles/three-root-causes";
const HEALTHY: &str = "tests/bundles/healthy";

const LOG: &str = "AADSTS700213: No matching federated identity record found for presented assertion subject \
    'system:serviceaccount:kube-system:capi-provider'.\n\
    ERROR CODE: AuthorizationFailed: The client 'x' with object id 'y' does not have authorization to perform action \
    'Microsoft.Network/virtualNetworks/read' over scope '/subscriptions/s/resourceGroups/g'.\n";

fn printed(args: &[&str], format: &str) -> String {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("LANG", "C.UTF-8").current_dir(e2e::workspace::root()).args(args).args(["-o", format]);
    let ran = run::ran(command).unwrap();
    assert_ne!(ran.code, Some(2), "{}", ran.stderr);
    ran.stdout
}

/// What `doctor decode` says of a log.
fn decoded(more: &[&str], format: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, LOG).unwrap();
    printed(&[&["doctor", "decode"], more, &[path.to_str().unwrap()]].concat(), format)
}

/// The schema as it is, and one that allows no member which it does not name.
fn validators(text: &str) -> [jsonschema::Validator; 2] {
    let open: Value = serde_json::from_str(text).unwrap();
    let mut closed = open.clone();
    close(&mut closed);
    [open, closed].map(|schema| jsonschema::validator_for(&schema).unwrap())
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            let names_members = members.get("properties").is_some_and(Value::is_object);
            if names_members && members.get("type") == Some(&json!("object")) {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn wrong(validator: &jsonschema::Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Holds documents to a schema, in both formats, and spoiled ones against it.
fn hold(schema: &str, print: &dyn Fn(&str) -> String, spoil: &[(&str, Value)]) {
    let document: Value = serde_json::from_str(&print("json")).unwrap();
    let [open, closed] = validators(schema);
    for validator in [&open, &closed] {
        assert_eq!(wrong(validator, &document), Vec::<String>::new(), "{document:#}");
    }
    let yaml: Value = serde_saphyr::from_str(&print("yaml")).unwrap();
    assert_eq!(yaml, document);
    for (pointer, value) in spoil {
        let mut bad = document.clone();
        *bad.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer} in {document:#}")) = value.clone();
        assert!(!open.is_valid(&bad), "{pointer}");
    }
    for name in document.as_object().unwrap().keys() {
        let mut bad = document.clone();
        bad.as_object_mut().unwrap().remove(name);
        let needed = !open.is_valid(&bad);
        assert!(needed, "a document without {name} is taken");
    }
}

#[test]
fn a_difference_of_two_runs_keeps_to_its_schema() {
    let spoil = [
        ("/kind", json!("DoctorReport")),
        ("/items/0/new/0/verdict", json!("bad")),
        ("/items/0/new/0/code", json!("HAZ-FC01")),
        ("/items/0/summary/newFailures", json!("6")),
        ("/items/0/before", json!("monday")),
        ("/items/0/gone", Value::Null),
    ];
    hold(ui::report::diff_schema(), &|format| printed(&["doctor", "diff", HEALTHY, BROKEN], format), &spoil);
    // What was changed and what was not looked for have members of their own.
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, edit: &dyn Fn(&mut Value)| {
        let mut report: Value = serde_json::from_str(&printed(&["doctor", "--bundle", BROKEN], "json")).unwrap();
        edit(&mut report);
        let path = folder.path().join(name);
        std::fs::write(&path, report.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let before = save("before.json", &|_| {});
    let after = save("after.json", &|report| {
        let rows = report["verdicts"].as_array_mut().unwrap();
        rows.retain(|row| row["code"] != "NP03");
        for row in rows.iter_mut().filter(|row| row["verdict"] == "fail") {
            for value in row["evidence"].as_object_mut().unwrap().values_mut() {
                *value = json!("another");
            }
        }
    });
    let spoil = [("/items/0/changed/0/evidence", json!({})), ("/items/0/unseen/0/accepted", json!("no"))];
    hold(ui::report::diff_schema(), &|format| printed(&["doctor", "diff", &before, &after], format), &spoil);
}

#[test]
fn what_a_log_says_keeps_to_its_schema() {
    let spoil = [
        ("/kind", json!("DoctorDiff")),
        ("/lines", json!(-1)),
        ("/refusals/0/seen", json!(0)),
        ("/refusals/0/rows/0", json!("fic-subjects-complete")),
        ("/refusals/0/fix", json!("az login")),
        ("/refusals/1/code", json!("")),
    ];
    for more in [&[][..], &["--bundle", BROKEN]] {
        hold(ui::report::decoded_schema(), &|format| decoded(more, format), &spoil);
    }
}

#[test]
fn a_report_keeps_to_its_schema() {
    let spoil = [("/kind", json!("DoctorDiff")), ("/verdicts/0/verdict", json!("fine")), ("/summary/fail", json!("1"))];
    for bundle in [HEALTHY, BROKEN] {
        let [open, _] = validators(ui::report::schema());
        let document: Value = serde_json::from_str(&printed(&["doctor", "--bundle", bundle], "json")).unwrap();
        assert_eq!(wrong(&open, &document), Vec::<String>::new());
        for (pointer, value) in &spoil {
            let mut bad = document.clone();
            *bad.pointer_mut(pointer).unwrap() = value.clone();
            assert!(!open.is_valid(&bad), "{pointer}");
        }
    }
}
