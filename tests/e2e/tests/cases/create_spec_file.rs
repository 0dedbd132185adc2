//! `create cluster -f` and `--print-spec`: the same command line, as flags and as a file.

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::scene::{Ran, run};
use plan::cluster::ClusterSpec;
use serde_json::{Value, json};

use super::create_stage::PROGRAM;

fn create(folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", "/nonexistent").current_dir(folder).args(["create", "cluster"]).args(args);
    run::ran(command).unwrap()
}

fn printed(folder: &Path, args: &[&str]) -> String {
    let mut all = args.to_vec();
    all.push("--print-spec");
    let ran = create(folder, &all);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}");
    ran.stdout
}

/// Every flag of the spec, with a value that is not its default.
fn flags() -> Vec<(String, Vec<String>)> {
    let all = serde_json::to_value(ClusterSpec::default()).unwrap();
    let keys = all.as_object().unwrap().iter().chain(all["machines"].as_object().unwrap());
    keys.filter(|(key, _)| !["machines", "name"].contains(&key.as_str()))
        .map(|(key, usual)| {
            let flag = match key.as_str() {
                // The one flag that upstream spells like a key.
                "pausedUntil" => "--pausedUntil".to_owned(),
                key => key.chars().fold("--".to_owned(), |text, c| match c.is_ascii_uppercase() {
                    true => format!("{text}-{}", c.to_ascii_lowercase()),
                    false => format!("{text}{c}"),
                }),
            };
            let words = match usual {
                Value::Bool(_) => vec![flag],
                Value::Number(_) => vec![flag, "7".into()],
                Value::Array(_) => vec![flag.clone(), "a=1".into(), flag, "b: #x".into()],
                _ if key == "subscription" => vec![flag, "0a1b2c3d-0000-4000-8000-00000000000a".into()],
                _ => vec![flag, "012".into()],
            };
            (key.clone(), words)
        })
        .collect()
}

#[test]
fn what_is_printed_is_the_same_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut everything = vec!["azure".to_owned(), "dev".to_owned()];
    let flags = flags();
    for (key, words) in &flags {
        let mut line = vec!["dev"];
        line.extend(words.iter().map(String::as_str));
        let text = printed(folder, &line);
        assert!(text.contains(&format!("{key}:")), "{key}:\n{text}");
        fs::write(folder.join("spec.yaml"), &text).unwrap();
        assert_eq!(printed(folder, &["-f", "spec.yaml"]), text, "{key}");
        everything.extend(words.iter().cloned());
    }
    let everything: Vec<&str> = everything.iter().map(String::as_str).collect();
    let text = printed(folder, &everything);
    fs::write(folder.join("spec.yaml"), &text).unwrap();
    assert_eq!(printed(folder, &["--filename", "spec.yaml"]), text);
    let spec = serde_saphyr::from_str::<Value>(&text).unwrap()["spec"].clone();
    let count = |map: &Value| map.as_object().unwrap().len();
    // The name comes with the flags, and the machines stand on a level of their own.
    assert_eq!(count(&spec) + count(&spec["machines"]), flags.len() + 2, "{text}");
    e2e::workspace::note(&format!("--print-spec and -f: {} flags", flags.len() + 1));
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line =
        ["dev", "-n", "a", "--fips", "--labels", "x=1", "--labels", "y=2", "--arch", "arm64", "--root-disk-size", "99"];
    fs::write(folder.join("spec.yaml"), printed(folder, &line)).unwrap();
    let json = |args: &[&str]| -> Value {
        let text = printed(folder, &[&["-f", "spec.yaml"], args].concat());
        serde_saphyr::from_str::<Value>(&text).unwrap()["spec"].clone()
    };
    let file = json!({"name": "dev", "namespace": "a", "arch": "arm64", "fips": true, "labels": ["x=1", "y=2"],
        "machines": {"rootDiskSize": 99}});
    assert_eq!(json(&[]), file);
    // The literal word of upstream's command line names nothing.
    assert_eq!(json(&["azure"]), file);
    let with = |key: &str, value: Value| {
        let mut spec = file.clone();
        spec[key] = value;
        spec
    };
    assert_eq!(json(&["other"]), with("name", json!("other")));
    assert_eq!(json(&["--name", "other"]), with("name", json!("other")));
    assert_eq!(json(&["--namespace", "b"]), with("namespace", json!("b")));
    assert_eq!(json(&["--labels", "z=3"]), with("labels", json!(["z=3"])));
    assert_eq!(json(&["--azure-creds", "c.json"]), with("azureCreds", json!("c.json")));
    assert_eq!(json(&["--instance-type", "v"])["machines"], json!({"instanceType": "v", "rootDiskSize": 99}));
    // A flag wins also where it says what is the default.
    for (args, key) in
        [(["--fips=false", ""], "fips"), (["--arch", "amd64"], "arch"), (["--root-disk-size", "120"], "machines")]
    {
        let args: Vec<&str> = args.into_iter().filter(|arg| !arg.is_empty()).collect();
        assert_eq!(json(&args).get(key), None, "{key}");
    }
}

#[test]
fn nothing_else_is_read_and_no_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = r#"{"subscriptionId":"s","tenantId":"t","clientId":"c","clientSecret":"never-shown"}"#;
    fs::write(folder.path().join("creds.json"), secret).unwrap();
    let paths = ["dev", "--azure-creds", "creds.json", "--pull-secret", "creds.json", "--infra-json", "missing.yaml"];
    let text = printed(folder.path(), &paths);
    assert!(!text.contains("never-shown") && text.contains("azureCreds: creds.json"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
