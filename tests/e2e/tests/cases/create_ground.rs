//! What `create cluster` needs, in parts of one test's own: Azure, a namespace, and a way to the API server with trouble.

use std::collections::BTreeSet;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};

use e2e::kube_proxy::KubeProxy;
use e2e::scene::{Ran, signing_key};
use serde_json::Value;

use super::create_stage::{Stage, path_of};

/// What no output may hold: of the client secret, the pull secret, a token, and private keys, as they are and in base64.
pub(crate) const SECRETS: [&str; 6] = [
    super::create_stage::SECRET,
    "dXNlcjpwdWxsLWNhbmFyeQ",
    "eyJ",
    "PRIVATE KEY-----",
    "LS0tLS1CRUdJTiBQUklWQVRF",
    "ZFhObGNqcHdkV3hzTFdOaGJtRnll",
];

/// The objects of the cluster, in the order of their paths.
pub(crate) const OBJECTS: [&str; 7] = [
    "/namespaces/NAMESPACE",
    "/namespaces/NAMESPACE/hostedclusters/demo",
    "/namespaces/NAMESPACE/nodepools/demo",
    "/namespaces/NAMESPACE/secrets/demo-cloud-credentials",
    "/namespaces/NAMESPACE/secrets/demo-etcd-encryption-key",
    "/namespaces/NAMESPACE/secrets/demo-pull-secret",
    "/namespaces/NAMESPACE/secrets/demosa-token-issuer-key",
];

/// A subscription, and a namespace of the API server that does not exist yet.
pub(crate) struct Ground {
    pub stage: Stage,
    pub kube: KubeProxy,
    pub namespace: String,
}

impl Ground {
    /// With nothing in Azure but a DNS zone.
    pub(crate) fn new() -> Self {
        Self::on(Stage::new())
    }

    /// With an Azure of its own, and a namespace and a proxy of its own.
    pub(crate) fn on(stage: Stage) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let namespace = format!("ground-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let kube = KubeProxy::start().unwrap();
        kube.write_kubeconfig(&stage.path("kubeconfig")).unwrap();
        std::fs::write(stage.path("signer.key"), signing_key().unwrap().pem).unwrap();
        let pull = r#"{"auths":{"quay.io":{"auth":"dXNlcjpwdWxsLWNhbmFyeQ=="}}}"#;
        std::fs::write(stage.path("pull-secret.json"), pull).unwrap();
        Self { stage, kube, namespace }
    }

    /// The one command, without the infra id.
    pub(crate) fn unnamed(&self) -> String {
        format!(
            "create cluster azure --name demo -n {} --kubeconfig kubeconfig --pull-secret pull-secret.json \
             --release-image quay.io/openshift-release-dev/ocp-release:4.22.3-multi  \
             --oidc-issuer-url https://acct.blob.core.windows.net/acct --sa-token-issuer-private-key-path signer.key \
             --node-pool-replicas 2 --base-domain hcp.example.com --identities-resource-group-name os4-common \
             --assign-identity-roles --dns-zone-rg-name dns --skip-preflight",
            self.namespace
        )
    }

    /// The one command.
    pub(crate) fn line(&self) -> String {
        format!("{} --infra-id demo-x7k2p", self.unnamed())
    }

    /// Runs it to its end; neither output may hold a secret.
    pub(crate) fn run(&self, line: &str) -> Ran {
        let ran = self.stage.run(line);
        silent(&ran.stdout);
        silent(&ran.stderr);
        ran
    }

    /// The same for a run that must succeed.
    pub(crate) fn done(&self, line: &str) -> Ran {
        let ran = self.run(&format!("{line} --yes"));
        assert_eq!(ran.code, Some(0), "{line}\n{}", ran.stderr);
        ran
    }

    /// What the API server holds of the cluster, less what is random.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let read = |end: &str| {
            let path = end.replace("NAMESPACE", &self.namespace);
            let group = if path.contains("/hostedclusters/") || path.contains("/nodepools/") {
                "/apis/hypershift.openshift.io/v1beta1"
            } else {
                "/api/v1"
            };
            let mut object = self.kube.read(&format!("{group}{path}")).unwrap()?;
            // More would show that it was written twice with another content.
            assert!(object["metadata"]["generation"].as_u64().unwrap_or(1) == 1, "{path}: {}", object["metadata"]);
            let members = object.as_object_mut().unwrap();
            members.remove("metadata");
            if end.ends_with("-key") && !end.contains("sa-token") {
                members.remove("data");
            }
            if let Some(spec) = members.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove("clusterID");
            }
            Some(object)
        };
        OBJECTS.into_iter().filter_map(read).collect()
    }

    /// The names of all objects of a kind in the namespace.
    pub(crate) fn names(&self, group: &str, plural: &str) -> Vec<String> {
        let list = self.kube.read(&format!("{group}/namespaces/{}/{plural}", self.namespace)).unwrap().unwrap();
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(name).collect()
    }

    /// The paths of the writes to the API server that took effect, sorted, without group and namespace.
    pub(crate) fn effects(&self) -> Vec<String> {
        let short = |path: String| path[path.find("/namespaces/").unwrap()..].replace(&self.namespace, "NAMESPACE");
        let mut all: Vec<String> = self.kube.effects().into_iter().map(short).collect();
        all.sort();
        all
    }

    /// Asserts that all is there, once, and was written once.
    pub(crate) fn whole(&self, want: &Whole, why: &str) {
        super::create_azure_faults::same(&self.stage, &want.azure, why);
        self.written_once(want, why);
        assert_eq!(self.objects(), want.objects, "{why}");
    }

    /// Asserts that nothing was written twice, nothing is missing, and nothing else is there.
    pub(crate) fn written_once(&self, want: &Whole, why: &str) {
        let paths: Vec<String> =
            self.stage.writes().iter().filter(|entry| (200..300).contains(&entry.status)).map(path_of).collect();
        let once: BTreeSet<&String> = paths.iter().collect();
        assert_eq!((paths.len(), once.len()), (want.writes, want.writes), "{why}: writes to Azure");
        assert_eq!(self.effects(), OBJECTS, "{why}");
        self.only_these(why);
    }

    /// Asserts that the namespace holds the objects of one cluster.
    pub(crate) fn only_these(&self, why: &str) {
        let hypershift = "/apis/hypershift.openshift.io/v1beta1";
        assert_eq!(self.names(hypershift, "hostedclusters"), ["demo"], "{why}");
        assert_eq!(self.names(hypershift, "nodepools"), ["demo"], "{why}");
        let secrets: Vec<String> =
            OBJECTS[3..].iter().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
        assert_eq!(self.names("/api/v1", "secrets"), secrets, "{why}");
    }

    /// Waits until a condition holds while a child runs.
    pub(crate) fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        self.stage.until(what, |_| condition(self));
    }
}

/// What a run leaves that nothing disturbed.
pub(crate) struct Whole {
    pub azure: Value,
    pub objects: Vec<Value>,
    /// How many writes Azure got.
    pub writes: usize,
}

/// Asserts that a text holds no secret.
pub(crate) fn silent(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "a secret is shown:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

/// Ends a child at once.
pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
