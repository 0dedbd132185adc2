//! What `create cluster` is trusted with stays where it belongs.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::scene::signing_key;
use serde_json::Value;

use super::create_ground::{Ground, silent};
use super::create_stage::mode;

/// The files below a folder.
fn files(folder: &Path) -> BTreeSet<std::path::PathBuf> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.extend([path]),
        }
    }
    all
}

/// Every value of every Secret of the cluster, as it is and as the API server shows it; and the lines of the key.
fn values(ground: &Ground) -> Vec<String> {
    let list = ground.kube.read(&format!("/api/v1/namespaces/{}/secrets", ground.namespace)).unwrap().unwrap();
    let mut all: Vec<String> =
        signing_key().unwrap().pem.lines().filter(|line| line.len() > 40).map(str::to_owned).collect();
    // What the Secret of the client ids holds is known to everybody who may read the subscription.
    let secret = |object: &&Value| object["metadata"]["name"] != "demo-cloud-credentials";
    for object in list["items"].as_array().unwrap().iter().filter(secret) {
        for shown in object["data"].as_object().unwrap().values().filter_map(Value::as_str) {
            all.push(shown.to_owned());
            all.extend(String::from_utf8(BASE64_STANDARD.decode(shown).unwrap()));
        }
    }
    all.into_iter().filter(|value| value.len() > 16).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_secret_is_seen_of_a_run() {
    let ground = Ground::new();
    let before = files(&ground.stage.path(""));
    let plan = ground.run(&format!("{} --dry-run -o json -vv", ground.line()));
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    let dry = [plan.stdout, plan.stderr];
    assert!(dry[0].contains("demo-etcd-encryption-key") && !dry[0].contains("stringData"), "{}", dry[0]);

    ground.stage.sim.set_latency(Duration::from_millis(100));
    let mut child = ground.stage.spawn(&format!("{} -vv", ground.line()));
    let (id, mut pipe) = (child.id(), child.stderr.take().unwrap());
    let said = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    });
    // What `ps` shows of a process, of its children too.
    let shown = |id: u32| {
        let text = |name: &str| {
            String::from_utf8_lossy(&std::fs::read(format!("/proc/{id}/{name}")).unwrap_or_default()).into_owned()
        };
        (text("cmdline") + &text("environ"), text(&format!("task/{id}/children")))
    };
    let mut seen = BTreeSet::new();
    while child.try_wait().unwrap().is_none() {
        let (own, children) = shown(id);
        seen.insert(own);
        seen.extend(children.split_whitespace().filter_map(|child| child.parse().ok()).map(|child| shown(child).0));
        std::thread::sleep(Duration::from_millis(5));
    }
    let said = said.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("/hostedclusters/demo") && said.contains("PUT"), "-vv shows the requests: {said}");
    assert!(seen.iter().any(|text| text.contains("--release-image")), "{seen:?}");

    let secrets = values(&ground);
    assert!(secrets.len() >= 4 + 20, "{}", secrets.len());
    for text in seen.iter().chain(&dry).chain([&said]) {
        silent(text);
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret is shown:\n{text}");
        }
    }
    for path in files(&ground.stage.path("")).difference(&before) {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}
