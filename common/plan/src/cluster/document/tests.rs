#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::json;

use super::*;

fn with(key: &str, value: Value) -> ClusterSpec {
    let mut spec = json(&ClusterSpec::default());
    match key.strip_prefix("machines.") {
        Some(key) => spec["machines"][key] = value,
        None => spec[key] = value,
    }
    serde_json::from_value(Value::Object(spec)).unwrap()
}

/// Every key of the file, with its default.
fn keys() -> Vec<(String, Value)> {
    let all = json(&ClusterSpec::default());
    let machines = all["machines"].as_object().unwrap().clone();
    let machines = machines.into_iter().map(|(key, value)| (format!("machines.{key}"), value));
    all.into_iter().filter(|(key, _)| key != "machines").chain(machines).collect()
}

/// Values that YAML takes for something else, or that break it, unless they are quoted.
const TRICKY: [&str; 22] = [
    "plain",
    "true",
    "no",
    "null",
    "~",
    "4.20",
    "0x1f",
    "012",
    "1e3",
    "- x",
    "a: b",
    "# c",
    " lead",
    "trail ",
    "'",
    "\"",
    "{a}",
    "*x",
    "&y",
    "2026-12-01T09:00:00Z",
    "two\nlines\n",
    "key=a b,effect=NoSchedule",
];

#[test]
fn every_key_comes_back_from_its_file_as_it_was() {
    let mut count = 0;
    for (key, usual) in keys() {
        let texts = || TRICKY.into_iter().map(Value::from);
        let values: Vec<Value> = match usual {
            Value::Bool(usual) => vec![json!(!usual)],
            Value::Number(_) => [-1, 0, 7].map(Value::from).to_vec(),
            Value::Array(_) => texts().map(|text| json!([text, "b"])).chain([json!([""])]).collect(),
            Value::Null => texts().collect(),
            _ => texts().chain([json!("")]).collect(),
        };
        for value in values {
            let spec = with(&key, value);
            let text = write(&spec).unwrap();
            assert_eq!(read(&text), Ok(spec), "{key}:\n{text}");
            count += 1;
        }
    }
    assert!(count > 1000, "{count}");
    let everything = keys().into_iter().fold(json(&ClusterSpec::default()), |mut all, (key, usual)| {
        let value = match usual {
            Value::Bool(usual) => json!(!usual),
            Value::Number(_) => json!(42),
            Value::Array(_) => json!(["a", "b"]),
            _ => json!("x"),
        };
        match key.strip_prefix("machines.") {
            Some(key) => all["machines"][key] = value,
            None => all[&key] = value,
        }
        all
    });
    let everything: ClusterSpec = serde_json::from_value(Value::Object(everything)).unwrap();
    assert_eq!(read(&write(&everything).unwrap()), Ok(everything));
}

#[test]
fn only_what_differs_is_written() {
    let mut spec = ClusterSpec { name: "dev".into(), fips: true, ..ClusterSpec::default() };
    spec.machines.root_disk_size = 200;
    let want = "apiVersion: hcp-azure.io/v1\nkind: HostedClusterSpec\nspec:\n  name: dev\n  namespace: clusters\n  fips: true\n  machines:\n    rootDiskSize: 200\n";
    assert_eq!(write(&spec).unwrap(), want);
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_defaults() {
    let file = read(
        "apiVersion: hcp-azure.io/v1\nkind: HostedClusterSpec\nspec: {name: dev, fips: true, arch: arm64, machines: {rootDiskSize: 200, instanceType: a}}\n",
    )
    .unwrap();
    assert_eq!((file.location.as_str(), file.machines.disk_storage_account_type.as_str()), ("eastus", "Premium_LRS"));
    let mut flags = ClusterSpec { name: "other".into(), location: "westus".into(), ..ClusterSpec::default() };
    flags.machines.instance_type = "b".into();
    let given = ["fips", "location", "instance_type", "render"].map(str::to_owned).into();
    let merged = overlay(&file, &flags, &given).unwrap();
    assert_eq!(
        (merged.name.as_str(), merged.arch.as_str(), merged.fips, merged.location.as_str()),
        ("dev", "arm64", false, "westus")
    );
    assert_eq!((merged.machines.root_disk_size, merged.machines.instance_type.as_str()), (200, "b"));
    for (key, _) in keys() {
        let field: String = key
            .trim_start_matches("machines.")
            .chars()
            .flat_map(|c| if c.is_ascii_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
            .collect();
        let flags = with(&key, with_other(&key));
        assert_ne!(flags, ClusterSpec::default(), "{key}");
        assert_eq!(overlay(&ClusterSpec::default(), &flags, &[field].into()).unwrap(), flags, "{key}");
        assert_eq!(overlay(&ClusterSpec::default(), &flags, &BTreeSet::new()).unwrap(), ClusterSpec::default());
    }
}

fn with_other(key: &str) -> Value {
    match keys().into_iter().find(|(own, _)| own == key).unwrap().1 {
        Value::Bool(usual) => json!(!usual),
        Value::Number(_) => json!(42),
        Value::Array(_) => json!(["a"]),
        _ => json!("x"),
    }
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_line_and_key() {
    let head = "apiVersion: hcp-azure.io/v1\nkind: HostedClusterSpec\n";
    for (text, want) in [
        (String::new(), "it is empty"),
        ("# nothing\n".into(), "it is empty"),
        ("[1]".into(), "it is no mapping of keys to values"),
        ("hunter2".into(), "it is no mapping of keys to values"),
        ("a: [\n".into(), "line 1: not YAML"),
        ("kind: HostedClusterSpec\nspec: {}\n".into(), "it has no `apiVersion`, which is to be hcp-azure.io/v1"),
        ("apiVersion: hcp-azure.io/v1\nkind: Plan\nspec: {}\n".into(), "`kind` is Plan, not HostedClusterSpec"),
        ("apiVersion: v2\nkind: HostedClusterSpec\n".into(), "`apiVersion` is v2, not hcp-azure.io/v1"),
        (head.into(), "it has no `spec`"),
        (format!("{head}spec:\n"), "`spec` holds no keys"),
        (format!("{head}metadata: {{}}\nspec: {{}}\n"), "line 3: `metadata` is no key of the file"),
        (
            format!("{head}spec:\n  name: a\n  pullSecrets: x\n"),
            "line 5: `pullSecrets` is no key of `spec`; did you mean `pullSecret`?",
        ),
        (
            format!("{head}spec:\n  pull-secret: x\n"),
            "line 4: `pull-secret` is no key of `spec`; did you mean `pullSecret`?",
        ),
        (
            format!("{head}spec:\n  instanceType: x\n"),
            "line 4: `instanceType` is no key of `spec`; it is one of `spec.machines`",
        ),
        (format!("{head}spec:\n  flavour: x\n"), "line 4: `flavour` is no key of `spec`"),
        (
            format!("{head}spec:\n  machines:\n    rootDisk: 9\n"),
            "line 5: `rootDisk` is no key of `spec.machines`; did you mean `rootDiskSize`?",
        ),
        (format!("{head}spec:\n  fips: sometimes\n"), "line 4: `fips` is to be true or false"),
        (format!("{head}spec:\n  nodePoolReplicas: two\n"), "line 4: `nodePoolReplicas` is to be a whole number"),
        (format!("{head}spec:\n  clusterCidr: 10.0.0.0/8\n"), "line 4: `clusterCidr` is to be a list of texts"),
        (
            format!("{head}spec:\n  nodePoolReplicas: 99999999999\n"),
            "line 4: `nodePoolReplicas` is to be a number within its limits",
        ),
        (format!("{head}spec:\n  name: a\n  name: b\n"), "line 5: `name` stands twice"),
        (format!("{head}spec: {{}}\n---\n{head}spec: {{}}\n"), "line 5: a second document begins"),
        (format!("{head}spec:\n  name: [a]\n"), "line 4: `name` is to be a text"),
        (format!("{head}spec:\n  name: a\n  machines: x\n"), "line 5: `machines` is to be a mapping of keys to values"),
    ] {
        assert_eq!(read(&text), Err(want.to_owned()), "{text}");
    }
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let mut schema = schemars::schema_for!(Document);
    schema.insert("$id".into(), "https://hcp-azure.io/schemas/v1/hosted-cluster-spec.json".into());
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cluster/hosted-cluster-spec.schema.json");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{} is stale: run the tests with UPDATE_SNAPSHOTS=1", path.display());
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let document = |text: &str| -> Value { serde_saphyr::from_str(text).unwrap() };
    assert!(validator.is_valid(&document(&write(&ClusterSpec::default()).unwrap())));
    for wrong in ["kind: Plan", "spec: {colour: x}", "spec: {fips: sometimes}", "spec: {machines: {x: 1}}"] {
        let mut whole = document("{apiVersion: hcp-azure.io/v1, kind: HostedClusterSpec, spec: {}}");
        whole.as_object_mut().unwrap().extend(document(wrong).as_object().unwrap().clone());
        assert!(!validator.is_valid(&whole), "{wrong}");
    }
}

#[test]
fn what_a_file_says_is_known_by_its_keys() {
    let text = "apiVersion: hcp-azure.io/v1\nkind: HostedClusterSpec\nspec:\n  name: dev\n  location: eastus\n  machines:\n    rootDiskSize: 120\n";
    let keys = super::keys(text);
    assert_eq!(keys.iter().map(String::as_str).collect::<Vec<_>>(), ["location", "name", "rootDiskSize"]);
    assert!(super::keys("").is_empty() && super::keys("- a").is_empty());
    // A value that is the default is said in the file, and is nothing that differs.
    let given = given(&read(text).unwrap());
    assert_eq!(given, [("name".to_owned(), json!("dev"))]);
}
