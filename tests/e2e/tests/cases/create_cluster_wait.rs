//! `create cluster --wait`: until the cluster is ready, somebody does not want to wait any longer, or time is up.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use e2e::scene::{Ran, Scene};
use serde_json::json;

use super::create_cluster::{command, object, ran, whole};
use super::create_cluster_faults::interrupt;

/// A run under way, and what it has said so far.
pub(super) struct Waiting {
    pub child: Child,
    said: Arc<Mutex<String>>,
    reader: std::thread::JoinHandle<()>,
}

impl Waiting {
    pub fn begin(scene: &Scene, line: &str) -> Self {
        let mut command = command(scene, line);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut pipe, said) = (child.stderr.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let shared = Arc::clone(&said);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        Self { child, said, reader }
    }

    pub fn text(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it says something.
    pub fn until(&self, word: &str) {
        let begun = Instant::now();
        while !self.text().contains(word) {
            assert!(begun.elapsed().as_secs() < 60, "not said: {word}\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn end(mut self, code: i32) -> String {
        let status = self.child.wait().unwrap();
        // What it said last may still be in the pipe.
        self.reader.join().unwrap();
        let text = self.said.lock().unwrap().clone();
        assert_eq!(status.code(), Some(code), "{text}");
        text
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_waits_for_the_cluster_as_long_as_one_likes() {
    let scene = Scene::before_create().await.unwrap();
    let line = format!("{} --infra-id demo-x7k2p --wait --yes", whole(&scene));

    // Ctrl-C: the cluster goes on by itself.
    let waiting = Waiting::begin(&scene, &line);
    waiting.until("nodes 0/2");
    interrupt(&waiting.child);
    let said = waiting.end(130);
    assert!(said.contains("Ctrl-C is safe") && said.contains("it goes on without us"), "{said}");
    assert_eq!(object(&scene, "nodepool", "demo")["spec"]["replicas"], 2);

    // The status never comes: the doctor says what it sees.
    let late: Ran = ran(&scene, &format!("{line} --timeout 8s"));
    assert_eq!(late.code, Some(1), "{}", late.stderr);
    assert!(late.stderr.contains("nothing to do."), "{}", late.stderr);
    assert!(late.stderr.contains("Nothing runs in the control plane namespace"), "{}", late.stderr);
    let said = late.stderr[late.stderr.rfind("error: ").unwrap()..].split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.starts_with("error: not done within --timeout 8s why: "), "{said}");
    assert!(said.contains("it goes on without us") && said.contains("doctor demo"), "{said}");

    // The operator brings it up, one link after another.
    let waiting = Waiting::begin(&scene, &format!("{line} --timeout 60s"));
    waiting.until("nodes 0/2");
    let condition = json!({
        "type": "EtcdAvailable", "status": "True", "reason": "AsExpected", "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let first = json!({
        "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "HostedCluster",
        "metadata": {"name": "demo", "namespace": scene.namespace}, "status": {"conditions": [condition]},
    });
    scene.bed.apply_yaml(&first.to_string()).await.unwrap();
    waiting.until("etcd ok");
    scene.bring_up().await.unwrap();
    let said = waiting.end(0);
    let mut rest = said.as_str();
    for link in [
        "nodes 0/2",
        "etcd ok",
        "infrastructure ok",
        "API server ok",
        "control plane ok",
        "nodes 2/2",
        "/demo is ready",
    ] {
        let at = rest.find(link).unwrap_or_else(|| panic!("{link} is not said, or not in order:\n{said}"));
        rest = &rest[at..];
    }
    assert!(rest.contains("next: `kubectl hcp-azure create kubeconfig demo -n "), "{said}");
}
