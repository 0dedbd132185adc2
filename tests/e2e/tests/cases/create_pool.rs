//! `create nodepool` and `create kubeconfig` on a real API server.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use e2e::bed::{Bed, rule};
use e2e::scene::{Ran, run};
use serde_json::{Value, json};

use super::create_golden::refusal_problem;
use super::create_stage::mode;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const SUBSCRIPTION: &str = "0a1b2c3d-0000-4000-8000-00000000000a";
const IMAGE: &str = "quay.io/openshift-release-dev/ocp-release:4.22.3-multi";
const DIGEST: &str = "quay.io/openshift-release-dev/ocp-release@sha256:4f5e1c0d";

fn resource(group: &str, path: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/{path}")
}

fn subnet() -> String {
    resource("net", "virtualNetworks/demo/subnets/nodes")
}

fn hosted_cluster(name: &str, status: &Value) -> Value {
    let service = |name: &str, kind: &str| json!({"service": name, "servicePublishingStrategy": {"type": kind}});
    let identities: serde_json::Map<String, Value> =
        ["imageRegistry", "ingress", "file", "disk", "nodePoolManagement", "cloudProvider", "network"]
            .iter()
            .map(|key| ((*key).to_owned(), json!({"clientID": "0a1b2c3d-0000-4000-8000-000000000101"})))
            .collect();
    json!({
        "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "HostedCluster",
        "metadata": {"name": name, "namespace": "clusters", "finalizers": ["hypershift.openshift.io/finalizer"]},
        "spec": {
            "dns": {"baseDomain": "apps.example.org"},
            "etcd": {"managementType": "Managed", "managed": {"storage": {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}}},
            "infraID": format!("{name}-abc12"),
            "networking": {"networkType": "OVNKubernetes", "clusterNetwork": [{"cidr": "10.132.0.0/14"}], "serviceNetwork": [{"cidr": "172.31.0.0/16"}]},
            "platform": {"type": "Azure", "azure": {
                "azureAuthenticationConfig": {"azureAuthenticationConfigType": "WorkloadIdentities", "workloadIdentities": identities},
                "location": "westeurope", "resourceGroup": name, "topology": "Public",
                "securityGroupID": resource("net", "networkSecurityGroups/demo"),
                "subnetID": subnet(), "vnetID": resource("net", "virtualNetworks/demo"),
                "subscriptionID": SUBSCRIPTION, "tenantID": "0a1b2c3d-0000-4000-8000-00000000000b",
            }},
            "pullSecret": {"name": format!("{name}-pull-secret")},
            "release": {"image": IMAGE},
            "secretEncryption": {"type": "aescbc", "aescbc": {"activeKey": {"name": format!("{name}-etcd-encryption-key")}}},
            "services": [service("APIServer", "LoadBalancer"), service("Ignition", "Route"), service("Konnectivity", "Route"), service("OAuthServer", "Route")],
            "sshKey": {},
        },
        "status": status,
    })
}

/// A cluster that runs 4.22.3 and has run 4.20.1 before.
fn running() -> Value {
    let entry = |version: &str, image: &str| {
        json!({"state": "Completed", "version": version, "image": image, "verified": false,
            "startedTime": "2026-11-20T09:00:00Z", "completionTime": "2026-11-20T10:00:00Z"})
    };
    json!({
        "payloadArch": "Multi",
        "version": {"availableUpdates": null, "observedGeneration": 1, "desired": {"image": IMAGE, "version": "4.22.3"},
            "history": [entry("4.22.3", IMAGE), entry("4.18.1", DIGEST)]},
    })
}

/// A text without its line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A namespace of the shared API server.
struct Stage {
    bed: &'static Bed,
    namespace: String,
}

impl Stage {
    async fn new(prefix: &str) -> Self {
        let bed = Bed::shared().await.unwrap();
        Self { bed, namespace: bed.namespace(prefix).await.unwrap() }
    }

    async fn apply(&self, object: &Value) {
        self.bed.apply_yaml_in(&self.namespace, &object.to_string()).await.unwrap();
    }

    fn command(&self, kubeconfig: &Path, line: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("HOME", "/nonexistent").env("KUBECONFIG", kubeconfig).current_dir(self.bed.folder());
        command.arg("create").args(line.split_whitespace());
        command
    }

    fn run_as(&self, kubeconfig: &Path, line: &str) -> Ran {
        let ran = run::ran(self.command(kubeconfig, line)).unwrap();
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    /// Runs `create …` in the namespace.
    fn run(&self, line: &str) -> Ran {
        self.run_as(&self.bed.kubeconfig(), &format!("{line} -n {}", self.namespace))
    }

    fn done(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}\n{}", ran.stderr);
        ran
    }

    /// Asserts that it is refused in the usual way with these words, and returns what was said.
    fn refused(&self, line: &str, words: &[&str]) -> String {
        let ran = self.run(line);
        assert_eq!(refusal_problem(&ran), None, "{line}");
        let said = unwrapped(&ran.stderr);
        for word in words {
            assert!(said.contains(word), "{line}: no '{word}' in {said}");
        }
        said
    }

    fn kubectl(&self, line: &str) -> String {
        let mut command = self.bed.kubectl_command(self.bed.folder()).unwrap();
        command.args(["-n", &self.namespace]).args(line.split_whitespace());
        let ran = run::ran(command).unwrap();
        assert_eq!(ran.code, Some(0), "kubectl {line}: {}", ran.stderr);
        ran.stdout
    }

    fn node_pool(&self, name: &str) -> Value {
        let text = self.kubectl(&format!("get nodepool {name} -o json --show-managed-fields --ignore-not-found"));
        if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }
}

#[tokio::test]
async fn a_node_pool_is_created_once_and_never_changed() {
    let stage = Stage::new("pool").await;
    stage.apply(&hosted_cluster("demo", &running())).await;
    stage.apply(&hosted_cluster("other", &json!({}))).await;
    let create = "nodepool np1 --cluster-name demo";

    let shown = stage.done(&format!("{create} --dry-run"));
    assert!(shown.stdout.contains(&format!("+ NodePool {}/np1", stage.namespace)), "{}", shown.stdout);
    assert!(shown.stdout.contains("1 to create, 0 to change, 0 kept"), "{}", shown.stdout);
    assert_eq!(stage.run(&format!("{create} --dry-run --exit-code")).code, Some(1));
    stage.refused(create, &["there is no terminal to ask on", "`--yes`"]);
    assert_eq!(stage.node_pool("np1"), Value::Null);

    let made = stage.done(&format!("{create} --yes -o json"));
    let document = made.json().unwrap();
    assert_eq!((&document["kind"], &document["steps"][0]["outcome"]), (&json!("Plan"), &json!("done")), "{document}");
    assert!(made.stderr.contains("next: `oc get nodepool np1 -n "), "{}", made.stderr);
    let object = stage.node_pool("np1");
    assert_eq!(object["spec"]["platform"]["azure"]["subnetID"], subnet());
    assert_eq!(object["spec"]["release"]["image"], IMAGE);
    assert_eq!(object["spec"]["replicas"], 2);
    let managed = &object["metadata"]["managedFields"];
    assert_eq!(managed.as_array().unwrap().len(), 1, "{managed}");
    assert_eq!((&managed[0]["manager"], &managed[0]["operation"]), (&json!("hcp-azure"), &json!("Apply")));

    let kept = stage.done(&format!("{create} --yes"));
    assert!(kept.stderr.contains("= NodePool") && kept.stderr.contains("nothing to do"), "{}", kept.stderr);
    assert_eq!(stage.run(&format!("{create} --dry-run --exit-code")).code, Some(0));

    let more = format!("{create} --replicas 5 --yes");
    stage.refused(&more, &["--name np1 is refused", "spec.replicas is 2, asked for is 5", "`oc scale nodepool np1"]);
    stage.refused(&format!("{create} --availability-zone 1 --yes"), &["availabilityZone is not set", "`oc edit"]);
    stage.refused(&format!("{create} --arch arm64 --yes"), &["spec.arch is amd64, asked for is arm64"]);
    stage.refused("nodepool np1 --cluster-name other --yes", &["--name np1", "belongs to HostedCluster demo"]);
    assert_eq!(stage.node_pool("np1"), object, "nothing was changed");
    assert_eq!(stage.run(&format!("{more} --dry-run")).code, Some(2));

    // Somebody else scales it: the field is theirs now.
    stage.kubectl("scale nodepool np1 --replicas 4");
    let scaled = stage.node_pool("np1");
    stage.refused(&format!("{create} --yes"), &["spec.replicas is 4, asked for is 2"]);
    stage.done(&format!("{create} --replicas 4 --yes"));
    assert_eq!(stage.node_pool("np1"), scaled, "nothing was changed");
    // What others add is theirs too, and no difference.
    stage.kubectl(r#"patch nodepool np1 --type merge -p {"spec":{"nodeLabels":{"team":"a"}}}"#);
    stage.done(&format!("{create} --replicas 4 --yes"));

    // With a finalizer it stays, on its way out.
    stage.kubectl(r#"patch nodepool np1 --type merge -p {"metadata":{"finalizers":["example.org/hold"]}}"#);
    stage.kubectl("delete nodepool np1 --wait=false");
    stage.refused(&format!("{create} --replicas 4 --yes"), &["--name np1", "is being deleted"]);
    stage.kubectl(r#"patch nodepool np1 --type merge -p {"metadata":{"finalizers":null}}"#);
}

#[tokio::test]
async fn two_runs_at_once_leave_one_node_pool() {
    let stage = Stage::new("race").await;
    stage.apply(&hosted_cluster("demo", &running())).await;
    let line = format!("nodepool np1 --cluster-name demo --yes -n {}", stage.namespace);
    let children: Vec<_> = (0..3)
        .map(|_| {
            let mut command = stage.command(&stage.bed.kubeconfig(), &line);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(stage.node_pool("np1")["metadata"]["generation"], 1);
}

#[tokio::test]
async fn a_node_pool_that_cannot_work_is_refused_before_anything_is_written() {
    let stage = Stage::new("nopool").await;
    let create = "nodepool np1 --cluster-name demo --yes";
    stage.refused(create, &[&format!("there is no HostedCluster {}/demo", stage.namespace)]);
    stage.apply(&hosted_cluster("demo", &running())).await;
    let release = |image: &str| format!("{create} --release-image {image}");
    let of = |tag: &str| format!("quay.io/openshift-release-dev/ocp-release:{tag}");
    stage.refused(&release(&of("4.23.0-multi")), &["--release-image", "is newer than 4.22.3"]);
    stage.refused(&release(&of("4.18.9-multi")), &["--release-image", "4 minors behind"]);
    // Its name does not say which version it is; the history of the cluster does.
    stage.refused(&release(DIGEST), &["--release-image", "4.18.1 is 4 minors behind"]);
    let unknown = stage.done(&format!("{} --dry-run", release(&DIGEST.replace("4f5e", "ffff"))));
    assert!(unknown.stdout.contains("could not be judged"), "{}", unknown.stdout);
    stage.refused(
        &format!("{create} --nodepool-subnet-id {}", subnet().replace("0a1b2c3d", "0a1b")),
        &["--nodepool-subnet-id"],
    );
    // Rendered, it names its subnet, as upstream's does.
    stage.refused("nodepool np1 --cluster-name demo --render", &["--nodepool-subnet-id is refused"]);

    let name = format!("pool-reader-{}", stage.namespace);
    let hypershift = "hypershift.openshift.io";
    let reader = stage
        .bed
        .kubeconfig_for(&name, vec![rule(&[hypershift], &["hostedclusters", "nodepools"], &["get", "list"])])
        .await
        .unwrap();
    let denied = stage.run_as(&reader, &format!("{create} -n {}", stage.namespace));
    assert_eq!(denied.code, Some(2), "{}", denied.stderr);
    assert!(denied.stderr.contains("error: cannot create NodePool"), "{}", denied.stderr);
    assert!(denied.stderr.contains("cannot patch resource \"nodepools\""), "{}", denied.stderr);

    stage.kubectl("delete hostedcluster demo --wait=false");
    stage.refused(create, &["--cluster-name demo", "is being deleted"]);
    assert_eq!(stage.node_pool("np1"), Value::Null);
    stage.kubectl(r#"patch hostedcluster demo --type merge -p {"metadata":{"finalizers":null}}"#);
}

/// As the operator publishes it: the same names in every cluster.
fn kubeconfig(server: &str) -> String {
    let key = BASE64_STANDARD.encode(format!("{KEY_MARK} of {server} {}", "x".repeat(1700)));
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: Y2E=\n    server: {server}\n  name: cluster\n\
         contexts:\n- context:\n    cluster: cluster\n    namespace: default\n    user: admin\n  name: admin\n\
         current-context: admin\nkind: Config\npreferences: {{}}\nusers:\n- name: admin\n  user:\n    \
         client-certificate-data: Y2VydA==\n    client-key-data: {key}\n"
    )
}

const KEY_MARK: &str = "private-key-of-the-administrator";

fn secret(cluster: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("{cluster}-admin-kubeconfig"), "namespace": "clusters"},
        "data": {"kubeconfig": BASE64_STANDARD.encode(text)}})
}

fn published(cluster: &str) -> Value {
    json!({"kubeconfig": {"name": format!("{cluster}-admin-kubeconfig")}})
}

#[tokio::test]
async fn a_kubeconfig_is_given_as_it_is_published() {
    let stage = Stage::new("kube").await;
    let namespace = &stage.namespace;
    let missing = stage.run("kubeconfig demo");
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains(&format!("there is no HostedCluster {namespace}/demo")), "{}", missing.stderr);
    let starting = json!({"conditions": [{"type": "Available", "status": "False", "reason": "EtcdStatusUnknown",
        "message": "etcd is not there", "lastTransitionTime": "2026-11-20T10:00:00Z"}]});
    stage.apply(&hosted_cluster("demo", &starting)).await;
    for line in ["kubeconfig demo", "kubeconfig"] {
        let early = stage.run(line);
        assert_eq!((early.code, early.stdout.as_str()), (Some(1), ""), "{}", early.stderr);
        let said = unwrapped(&early.stderr);
        for word in ["the control plane is not up yet (Available is False: EtcdStatusUnknown", "doctor demo -n kube-"] {
            assert!(said.contains(word), "{said}");
        }
    }
    stage.apply(&hosted_cluster("demo", &published("demo"))).await;
    let gone = stage.run("kubeconfig demo");
    assert_eq!(gone.code, Some(1));
    let said = unwrapped(&gone.stderr);
    assert!(said.contains("demo-admin-kubeconfig, which its status names, does not exist"), "{said}");

    let text = kubeconfig("https://demo.example.org:7443");
    stage.apply(&secret("demo", &text)).await;
    assert_eq!(stage.done("kubeconfig demo").stdout, text);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.kubeconfig");
    fs::write(&file, "old").unwrap();
    let written = stage.done(&format!("kubeconfig azure --name demo --output-file {}", file.display()));
    assert_eq!((fs::read_to_string(&file).unwrap(), mode(&file), written.stdout.as_str()), (text, 0o600, ""));
    assert!(!written.stderr.contains("client-key-data"), "{}", written.stderr);

    let nowhere = stage.run("kubeconfig demo --output-file /no/such/folder/x");
    assert_eq!(refusal_problem(&nowhere), None);
    let forward = stage.refused("kubeconfig demo --port-forward", &["--port-forward is refused"]);
    assert!(forward.contains(&format!("`oc port-forward -n {namespace}-demo svc/kube-apiserver 6443`")), "{forward}");

    let hypershift = "hypershift.openshift.io";
    let name = format!("kube-reader-{namespace}");
    let rules = vec![rule(&[hypershift], &["hostedclusters"], &["get", "list"])];
    let reader = stage.bed.kubeconfig_for(&name, rules).await.unwrap();
    for line in ["kubeconfig demo", "kubeconfig"] {
        let denied = stage.run_as(&reader, &format!("{line} -n {namespace}"));
        assert_eq!((denied.code, denied.stdout.as_str()), (Some(2), ""), "{}", denied.stderr);
        let said = unwrapped(&denied.stderr);
        assert!(said.contains(&format!("may not get secrets in namespace {namespace}")), "{said}");
    }
}

#[tokio::test]
async fn the_kubeconfigs_of_all_are_one_that_kubectl_takes() {
    let stage = Stage::new("kubes").await;
    let namespace = &stage.namespace;
    let none = stage.run("kubeconfig");
    assert_eq!(none.code, Some(2), "{}", none.stderr);
    for name in ["alpha", "beta", "broken", "young"] {
        let status = if name == "young" { json!({}) } else { published(name) };
        stage.apply(&hosted_cluster(name, &status)).await;
        let text =
            if name == "broken" { format!("{KEY_MARK}: [") } else { kubeconfig(&format!("https://{name}:6443")) };
        stage.apply(&secret(name, &text)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.kubeconfig");
    let ran = stage.done(&format!("kubeconfig --output-file {}", file.display()));
    assert_eq!(mode(&file), 0o600);
    let said = unwrapped(&ran.stderr);
    assert!(said.contains(&format!("note: left out: HostedCluster {namespace}/young: its status names no")), "{said}");
    assert!(said.contains(&format!("{namespace}/broken: what its Secret holds is no kubeconfig")), "{said}");
    assert!(!said.contains(KEY_MARK), "{said}");
    assert_eq!(stage.done("kubeconfig").stdout, fs::read_to_string(&file).unwrap());

    let path = file.display();
    let contexts = stage.kubectl(&format!("config get-contexts -o name --kubeconfig {path}"));
    assert_eq!(contexts, format!("{namespace}-alpha\n{namespace}-beta\n"));
    assert_eq!(
        stage.kubectl(&format!("config current-context --kubeconfig {path}")).trim(),
        format!("{namespace}-alpha")
    );
    for name in ["alpha", "beta"] {
        let context = format!("{namespace}-{name}");
        let line = format!("config view --raw --minify -o json --kubeconfig {path} --context {context}");
        let seen: Value = serde_json::from_str(&stage.kubectl(&line)).unwrap();
        assert_eq!(seen["clusters"][0]["cluster"]["server"], format!("https://{name}:6443"));
        assert_eq!(seen["contexts"][0]["context"]["cluster"], context);
        assert_eq!(seen["users"][0]["name"], format!("{context}-admin"));
        let key = BASE64_STANDARD.decode(seen["users"][0]["user"]["client-key-data"].as_str().unwrap()).unwrap();
        assert!(String::from_utf8(key).unwrap().starts_with(&format!("{KEY_MARK} of https://{name}:6443")));
    }
}
