//! Files and flags that nobody foresaw: they are read or refused without a panic, in good time.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What YAML is made of, and the keys of our files.
const PIECES: [&str; 44] = [
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    ": ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "#",
    "---\n",
    "...",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "|\n",
    ">-\n",
    "\t",
    "~",
    "null",
    "true",
    "0x7fffffffffffffff",
    "1e999",
    "-.inf",
    "é",
    "\u{feff}",
    "apiVersion: hcp-azure.io/v1",
    "kind: HostedCluster",
    "spec:",
    "name",
    "namespace",
    "clusterCidr",
    "subnetId",
    "tolerations",
    "etcdStorageSize",
    "nodePoolReplicas",
    "infraID",
    "vnetID",
    "10.0.0.0/8",
];

fn yaml() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![9 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => "\\PC{0,5}"],
        0..40,
    )
    .prop_map(|pieces| pieces.concat())
}

/// A value for any field of a spec.
fn value() -> impl Strategy<Value = Value> {
    let text = proptest::sample::select(vec![
        "",
        "é",
        "a",
        "-",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/33",
        "8Gi",
        "9999999999999999999999999999999999999999Ei",
        "170141183460469231731687303715884105.999us",
        "1h",
        "/subscriptions/é/resourceGroups",
        "https://v.vault.azure.net/keys/a/é",
        "key=é,operator=,effect=",
        "a=b",
        "quay.io/a:4.22.0",
        "x.y:99999999999999999999.1.2",
    ])
    .prop_map(Value::from);
    let text = prop_oneof![3 => text, 1 => "\\PC{0,8}".prop_map(Value::from)];
    prop_oneof![
        2 => text.clone(),
        1 => proptest::collection::vec(text, 0..3).prop_map(Value::from),
        1 => proptest::sample::select(vec![0_i64, 1, -1, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX]).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_yaml_is_read(text in yaml()) {
        let _ = document::read(&text);
        let _ = document::read(&format!("apiVersion: {}\nkind: {}\nspec:\n  {text}", document::API_VERSION, document::KIND));
        let _ = InfraOutput::of_text(&text);
        if let Ok(Value::Object(map)) = serde_saphyr::from_str::<Value>(&text) {
            let _ = WorkloadIdentities::of(&map);
            let _ = WorkloadIdentitiesFile::of(&Value::Object(map.clone())).map(|file| file.check());
            let _ = DataPlaneIdentities::of(&Value::Object(map));
        }
    }

    #[test]
    fn any_spec_is_judged(changes in proptest::collection::vec((any::<proptest::sample::Index>(), value()), 1..12)) {
        let mut fields = serde_json::to_value(ClusterSpec::default()).unwrap();
        let names: Vec<String> = fields.as_object().unwrap().keys().cloned().collect();
        let mut spec = ClusterSpec::default();
        for (at, value) in changes {
            let mut changed = fields.clone();
            changed[at.get(&names)] = value;
            if let Ok(read) = serde_json::from_value(changed.clone()) {
                (spec, fields) = (read, changed);
            }
        }
        let _ = spec.check(Purpose::Create);
        let _ = document::write(&spec);
    }

    #[test]
    fn any_text_may_be_a_flag(text in "([0-9]{1,40}|[.+eE=,:/-]|[a-zA-Zµé]{1,2}|Ki|Gi|us|ms|h|https://|keys/|vault[.]azure[.]net|key=|operator=){0,12}") {
        let _ = quantity::canonical_size(&text);
        let _ = durations::canonical(&text);
        let _ = tolerations::parse(&text);
        let _ = kms::parse(&text);
        let _ = azure_ids::subnet_problem(&text);
        let _ = azure_ids::nat_subnet_problem(&text);
        let _ = azure_ids::disk_encryption_set_problem(&text);
        let _ = (names::label_problem(&text), names::key_problem(&text), names::is_label_value(&text), names::long_label(&text));
    }
}

#[test]
fn a_number_that_is_too_large_is_none() {
    assert_eq!(durations::canonical("170141183460469231731687303715884105.999us"), None);
    assert_eq!(quantity::canonical_size(&"9".repeat(60)), None);
}

/// Aliases that grow beyond all bounds, and nesting without end.
#[test]
fn bombs_are_refused_in_good_time() {
    let mut bomb = String::from("a0: &a0 [x, x]\n");
    for at in 1..40 {
        bomb.push_str(&format!("a{at}: &a{at} [*a{0}, *a{0}, *a{0}]\n", at - 1));
    }
    let begun = Instant::now();
    for text in [bomb, "[".repeat(20_000), "{a: ".repeat(20_000), "- ".repeat(20_000)] {
        assert!(document::read(&text).is_err());
        assert!(InfraOutput::of_text(&text).is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}
