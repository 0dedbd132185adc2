//! `destroy cluster`: the HostedCluster and all that was made for it, and what is said when it does not go.

use e2e::scene::Scene;
use serde_json::{Value, json};

use super::create_cluster::{kubectl, object, ran, whole};

fn held(scene: &Scene) -> Value {
    let state = scene.sim.state();
    json!({"resources": state["resources"], "roleAssignments": state["roleAssignments"], "principals": state["principals"]})
}

fn names(scene: &Scene, kinds: &str) -> Vec<String> {
    let text = kubectl(scene, &["get", kinds, "-o", "name"]);
    text.lines().filter(|line| !line.contains("kube-root-ca")).map(str::to_owned).collect()
}

const KINDS: &str = "hostedclusters,nodepools,secrets,configmaps";

fn finalizers(scene: &Scene, kind: &str, name: &str, list: &[&str]) {
    let patch = json!({"metadata": {"finalizers": list}}).to_string();
    kubectl(scene, &["patch", kind, name, "--type", "merge", "-p", &patch]);
}

fn destroy(scene: &Scene, more: &str) -> e2e::scene::Ran {
    ran(scene, &format!("destroy cluster demo -n {} {more}", scene.namespace))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_create_made_is_gone_and_what_others_made_is_not() {
    let scene = Scene::before_create().await.unwrap();
    kubectl(&scene, &["create", "secret", "generic", "foreign"]);
    let (before, objects) = (held(&scene), names(&scene, KINDS));
    let created = ran(&scene, &format!("{} --infra-id demo-x7k2p --yes", whole(&scene)));
    assert_eq!(created.code, Some(0), "{}", created.stderr);
    let dry = destroy(&scene, "--with-iam --dry-run --exit-code -o json");
    assert_eq!(dry.code, Some(1), "{}", dry.stderr);
    assert!(dry.json().unwrap()["summary"]["delete"].as_u64().unwrap() > 10, "{}", dry.stdout);
    let gone = destroy(&scene, "--with-iam --confirm demo");
    assert_eq!(gone.code, Some(0), "{}", gone.stderr);
    assert_eq!(names(&scene, KINDS), objects);
    assert_eq!(held(&scene), before);
    // The HostedCluster is gone: its infra id says what is left, and nothing is.
    let unknown = destroy(&scene, "--yes");
    assert!(unknown.code == Some(2) && unknown.stderr.contains("--infra-id is missing"), "{}", unknown.stderr);
    for more in ["", "--no-cluster"] {
        let again = destroy(&scene, &format!("--infra-id demo-x7k2p --with-iam --dry-run --exit-code {more}"));
        assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);
    }
}

/// Shapes of whole clusters, by the flags besides the usual ones.
fn shapes() -> Vec<(&'static str, String)> {
    let group = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/hub";
    let nat = format!("{group}/providers/Microsoft.Network/virtualNetworks/hub/subnets/nat");
    vec![
        ("a group of its own for identities", String::new()),
        ("one given group", "--resource-group-name os4-common".into()),
        ("private", format!("--endpoint-access Private --endpoint-access-private-nat-subnet-id {nat}")),
        ("KMS", "--encryption-key-id https://kv.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef".into()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_cluster_leaves_azure_as_it_was() {
    let scene = Scene::before_create().await.unwrap();
    let (before, objects) = (held(&scene), names(&scene, KINDS));
    let mut said = Vec::new();
    for (name, more) in shapes() {
        let line = whole(&scene).replace("--identities-resource-group-name os4-common", "");
        let created = ran(&scene, &format!("{line} {more} --skip-preflight --yes"));
        assert_eq!(created.code, Some(0), "{name}: {}", created.stderr);
        assert_ne!(held(&scene), before);
        let gone = destroy(&scene, "--with-iam --yes");
        assert_eq!(gone.code, Some(0), "{name}: {}", gone.stderr);
        assert_eq!(held(&scene), before, "{name}");
        assert_eq!(names(&scene, KINDS), objects, "{name}");
        said.push(name);
    }
    e2e::workspace::note(&format!(
        "create and destroy leave Azure and the namespace as they were: {}",
        said.join(", ")
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_a_deletion_up_is_named_at_once() {
    let scene = Scene::before_create().await.unwrap();
    let before = held(&scene);
    let line = format!("{} --infra-id demo-x7k2p --yes --skip-preflight", whole(&scene));
    assert_eq!(ran(&scene, &line).code, Some(0));
    let control_plane = format!("{}-demo", scene.namespace);
    kubectl(&scene, &["create", "namespace", &control_plane]);
    finalizers(&scene, "hostedcluster", "demo", &["hypershift.openshift.io/finalizer", "openshift.io/destroy-cluster"]);
    let machine = json!({
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "AzureMachine",
        "metadata": {"name": "demo-abc", "namespace": control_plane, "finalizers": ["azuremachine.infrastructure.cluster.x-k8s.io"]},
        "spec": {"vmSize": "Standard_D4s_v5", "osDisk": {"osType": "Linux"}},
        "status": {"conditions": [{
            "type": "Ready", "status": "False", "reason": "DeletionFailed", "lastTransitionTime": "2026-01-01T00:00:00Z",
            "severity": "Error", "message": "409 ScopeLocked: the scope cannot perform delete operation",
        }]},
    });
    scene.bed.apply_yaml(&machine.to_string()).await.unwrap();
    let here = ["-n", control_plane.as_str()];
    kubectl(&scene, &[here[0], here[1], "delete", "azuremachine", "demo-abc", "--wait=false"]);
    let drained = json!({
        "apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Machine",
        "metadata": {"name": "demo-abc", "namespace": control_plane, "finalizers": ["machine.cluster.x-k8s.io"]},
        "spec": {
            "clusterName": "demo", "bootstrap": {"dataSecretName": "x"},
            "infrastructureRef": {"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1", "kind": "AzureMachine", "name": "demo-abc", "namespace": control_plane},
        },
        "status": {"conditions": [{
            "type": "DrainingSucceeded", "status": "False", "reason": "Draining", "lastTransitionTime": "2026-01-01T00:00:00Z",
            "message": "cannot drain: web-1 violates its PodDisruptionBudget",
        }]},
    });
    scene.bed.apply_yaml(&drained.to_string()).await.unwrap();
    kubectl(&scene, &[here[0], here[1], "delete", "machines.cluster.x-k8s.io", "demo-abc", "--wait=false"]);
    finalizers(&scene, "nodepool", "demo", &["hypershift.openshift.io/finalizer"]);
    let stuck = destroy(&scene, "--with-iam --yes --cluster-grace-period 2s");
    assert_eq!(stuck.code, Some(1), "{}", stuck.stderr);
    let said = stuck.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("NodePool") && said.contains("finalizer hypershift.openshift.io/finalizer"), "{said}");
    assert!(said.contains("finalizer machine.cluster.x-k8s.io") && said.contains("PodDisruptionBudget"), "{said}");
    assert!(said.contains("AzureMachine") && said.contains("ScopeLocked") && said.contains("az lock list"), "{said}");
    assert!(said.contains("cannot delete HostedCluster") && said.contains("run the same command again"), "{said}");
    // Nothing of Azure goes as long as the control plane may need it.
    assert!(!scene.sim.requests().iter().any(|entry| entry.method == "DELETE"));
    let cluster = object(&scene, "hostedcluster", "demo");
    assert_eq!(cluster["metadata"]["annotations"]["hypershift.openshift.io/cleanup-cloud-resources"], "true");

    // The machines are gone, the operator is not there: that is named next.
    let none = json!({"metadata": {"finalizers": null}}).to_string();
    kubectl(&scene, &["patch", "nodepool", "demo", "--type", "merge", "-p", &none]);
    kubectl(
        &scene,
        &[here[0], here[1], "patch", "machines.cluster.x-k8s.io", "demo-abc", "--type", "merge", "-p", &none],
    );
    kubectl(&scene, &[here[0], here[1], "patch", "azuremachine", "demo-abc", "--type", "merge", "-p", &none]);
    let stuck = destroy(&scene, "--with-iam --yes --cluster-grace-period 2s");
    assert_eq!(stuck.code, Some(1), "{}", stuck.stderr);
    let said = stuck.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("finalizer hypershift.openshift.io/finalizer"), "{said}");
    assert!(said.contains("the HyperShift operator has to let go"), "{said}");

    // The operator lets go: upstream's own finalizer, which nobody else takes off, is ours to take off.
    finalizers(&scene, "hostedcluster", "demo", &["openshift.io/destroy-cluster"]);
    let gone = destroy(&scene, "--with-iam --yes");
    assert_eq!(gone.code, Some(0), "{}", gone.stderr);
    assert_eq!(names(&scene, "hostedclusters,nodepools,secrets"), Vec::<String>::new());
    assert_eq!(held(&scene), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_pool_goes_alone() {
    let scene = Scene::before_create().await.unwrap();
    let line = format!("{} --infra-id demo-x7k2p --yes --skip-preflight", whole(&scene));
    assert_eq!(ran(&scene, &line).code, Some(0));
    let line = format!("destroy nodepool demo -n {}", scene.namespace);
    let gone = ran(&scene, &format!("{line} --confirm demo"));
    assert_eq!(gone.code, Some(0), "{}", gone.stderr);
    assert_eq!(names(&scene, "nodepools,hostedclusters"), ["hostedcluster.hypershift.openshift.io/demo"]);
    let again = ran(&scene, &format!("{line} --dry-run --exit-code"));
    assert_eq!(again.code, Some(0), "{}", again.stdout);
}
