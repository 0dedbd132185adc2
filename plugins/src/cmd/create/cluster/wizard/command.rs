//! The command line that asks for the same as a spec.

use std::path::PathBuf;

use plan::cluster::{ClusterSpec, document};
use serde_json::Value;

use crate::globals::Globals;

/// The words behind the program's name. Secrets are in files alone, whose paths they hold.
pub(super) fn words(globals: &Globals, spec: &ClusterSpec) -> Vec<String> {
    let mut words = vec!["create".to_owned(), "cluster".to_owned()];
    if !spec.name.is_empty() {
        words.push(spec.name.clone());
    }
    for (key, value) in document::given(spec) {
        let flag = flag(&key);
        match (key.as_str(), value) {
            ("name", _) => {}
            (_, Value::Bool(true)) => words.push(flag),
            (_, Value::Array(values)) => {
                words.extend(values.iter().flat_map(|value| [flag.clone(), text(value)]));
            }
            // A switch that is off where it is on by default; there is none yet.
            (_, Value::Bool(false)) => words.push(format!("{flag}=false")),
            (_, value) => words.extend([flag, text(&value)]),
        }
    }
    words.extend(of_the_management_cluster(globals));
    words
}

/// The flags of every verb that are no part of a spec.
fn of_the_management_cluster(globals: &Globals) -> Vec<String> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let (kubeconfig, certificate) = (path(&globals.kubeconfig), path(&globals.client_certificate));
    let (key, authority) = (path(&globals.client_key), path(&globals.certificate_authority));
    let texts = [
        ("--kubeconfig", kubeconfig.as_ref()),
        ("--context", globals.context.as_ref()),
        ("--cluster", globals.cluster.as_ref()),
        ("--user", globals.user.as_ref()),
        ("--as", globals.as_user.as_ref()),
        ("--as-uid", globals.as_uid.as_ref()),
        ("--server", globals.server.as_ref()),
        ("--client-certificate", certificate.as_ref()),
        ("--client-key", key.as_ref()),
        ("--certificate-authority", authority.as_ref()),
        ("--tls-server-name", globals.tls_server_name.as_ref()),
    ];
    let texts = texts.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
    let groups = globals.as_groups.iter().map(|group| ("--as-group", group));
    let mut words: Vec<String> =
        texts.chain(groups).flat_map(|(flag, value)| [flag.to_owned(), value.clone()]).collect();
    if globals.insecure_skip_tls_verify {
        words.push("--insecure-skip-tls-verify".to_owned());
    }
    words
}

/// The flag of a key of the spec file.
fn flag(key: &str) -> String {
    // The one flag that upstream spells like a key.
    if key == "pausedUntil" {
        return format!("--{key}");
    }
    let mut flag = String::from("--");
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            flag.push('-');
        }
        flag.push(c.to_ascii_lowercase());
    }
    flag
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;

    use super::super::super::args::{self, SpecArgs};
    use super::*;
    use crate::cmd::create::switch;

    #[derive(clap::Parser)]
    #[command(args_override_self = true, mut_args(switch))]
    struct Line {
        #[command(flatten)]
        globals: Globals,
        #[command(flatten)]
        spec: SpecArgs,
    }

    #[test]
    fn every_flag_comes_back() {
        let mut spec = serde_json::to_value(ClusterSpec::default()).unwrap();
        for object in ["", "/machines"] {
            for (key, value) in spec.pointer_mut(object).unwrap().as_object_mut().unwrap() {
                *value = match &*value {
                    Value::Bool(_) => Value::Bool(true),
                    Value::Number(_) => (-7).into(),
                    Value::Array(_) => serde_json::json!(["a=1", "b=it's"]),
                    Value::Object(_) => continue,
                    _ if key == "subscription" => "0a1b2c3d-0000-4000-8000-00000000000a".into(),
                    _ => "a b".into(),
                };
            }
        }
        let spec: ClusterSpec = serde_json::from_value(spec).unwrap();
        let globals = Globals { context: Some("mgmt".into()), as_groups: vec!["g".into()], ..Globals::default() };
        let words = words(&globals, &spec);
        assert_eq!(words[..2], ["create", "cluster"]);
        let line = Line::try_parse_from(&words[1..]).unwrap_or_else(|error| unreachable!("{words:?}\n{error}"));
        let seen = (line.globals.context.as_deref(), line.globals.as_groups.as_slice());
        assert_eq!(seen, (Some("mgmt"), ["g".to_owned()].as_slice()));
        let back = args::spec(&line.globals, line.spec).unwrap();
        assert_eq!(serde_json::to_value(back).unwrap(), serde_json::to_value(spec).unwrap());
    }

    #[test]
    fn defaults_are_not_said() {
        let spec = ClusterSpec { name: "dev".into(), node_pool_replicas: 2, ..ClusterSpec::default() };
        assert_eq!(words(&Globals::default(), &spec), ["create", "cluster", "dev", "--node-pool-replicas", "2"]);
    }
}
