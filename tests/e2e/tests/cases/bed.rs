//! The API server is the real one: it accepts, refuses and guards as a management cluster does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use e2e::Error;
use e2e::bed::{Bed, client_for, rule};
use e2e::workspace::recorded;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::ListParams;

/// A small HostedCluster on Azure that the server takes.
const HOSTED_CLUSTER: &str = "
apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata:
  name: small
spec:
  infraID: small-abc12
  dns: {baseDomain: example.com}
  etcd:
    managementType: Managed
    managed: {storage: {type: PersistentVolume, persistentVolume: {size: 8Gi}}}
  networking:
    clusterNetwork: [{cidr: 10.132.0.0/14}]
    serviceNetwork: [{cidr: 172.31.0.0/16}]
  platform:
    type: Azure
    azure:
      azureAuthenticationConfig:
        azureAuthenticationConfigType: WorkloadIdentities
        workloadIdentities:
          cloudProvider: {clientID: 10000000-0000-4000-8000-000000000001}
          disk: {clientID: 10000000-0000-4000-8000-000000000002}
          file: {clientID: 10000000-0000-4000-8000-000000000003}
          imageRegistry: {clientID: 10000000-0000-4000-8000-000000000004}
          ingress: {clientID: 10000000-0000-4000-8000-000000000005}
          network: {clientID: 10000000-0000-4000-8000-000000000006}
          nodePoolManagement: {clientID: 10000000-0000-4000-8000-000000000007}
      location: westeurope
      resourceGroup: small-rg
      securityGroupID: /subscriptions/20000000-0000-4000-8000-000000000000/resourceGroups/net/providers/Microsoft.Network/networkSecurityGroups/nsg
      subnetID: /subscriptions/20000000-0000-4000-8000-000000000000/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/vnet/subnets/nodes
      vnetID: /subscriptions/20000000-0000-4000-8000-000000000000/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/vnet
      subscriptionID: 20000000-0000-4000-8000-000000000000
      tenantID: 30000000-0000-4000-8000-000000000000
      topology: Public
  pullSecret: {name: pull}
  release: {image: 'quay.io/openshift-release-dev/ocp-release:4.21.0-multi'}
  services:
  - {service: APIServer, servicePublishingStrategy: {type: LoadBalancer}}
  - {service: Ignition, servicePublishingStrategy: {type: Route}}
  - {service: Konnectivity, servicePublishingStrategy: {type: Route}}
  - {service: OAuthServer, servicePublishingStrategy: {type: Route}}
  sshKey: {}
status:
  conditions:
  - {type: Degraded, status: 'True', reason: TestReason, message: written by a test, lastTransitionTime: '2026-01-02T03:04:05Z'}
";

/// The message with which the server refuses an object as invalid.
async fn refusal(namespace: &str, yaml: &str) -> String {
    let error = Bed::shared().await.unwrap().apply_yaml_in(namespace, yaml).await.unwrap_err();
    let Error::Refused { status, .. } = &error else { panic!("not refused: {error}") };
    assert_eq!(status.code, 422, "{error}");
    status.message.clone()
}

#[tokio::test]
async fn every_crd_is_established() {
    let bed = Bed::shared().await.unwrap();
    let crds = Api::<CustomResourceDefinition>::all(bed.client().unwrap()).list(&ListParams::default()).await.unwrap();
    let mut established: Vec<String> = Vec::new();
    for crd in crds {
        let conditions = crd.status.and_then(|status| status.conditions).unwrap_or_default();
        let is_established = conditions.iter().any(|found| found.type_ == "Established" && found.status == "True");
        assert!(is_established, "{}: {conditions:?}", crd.spec.names.kind);
        established.push(crd.spec.names.kind);
    }
    established.sort();
    let wanted = [
        "AzureCluster",
        "AzureClusterIdentity",
        "AzureMachine",
        "AzureMachineTemplate",
        "AzurePrivateLinkService",
        "CertificateSigningRequestApproval",
        "Cluster",
        "ControlPlaneComponent",
        "HostedCluster",
        "HostedControlPlane",
        "Machine",
        "MachineDeployment",
        "MachineHealthCheck",
        "MachineSet",
        "NodePool",
    ];
    assert_eq!(established, wanted);
}

#[tokio::test]
async fn a_valid_hosted_cluster_is_taken_with_its_status() {
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("valid").await.unwrap();
    let applied = bed.apply_yaml_in(&namespace, HOSTED_CLUSTER).await.unwrap();
    let [cluster] = applied.as_slice() else { panic!("{applied:?}") };
    assert_eq!(cluster.data["status"]["conditions"][0]["reason"], "TestReason");
    // A default from the CRD shows that the server filled in the schema.
    assert_eq!(cluster.data["spec"]["platform"]["azure"]["cloud"], "AzurePublicCloud");

    // A second run changes nothing and is taken as well.
    let again = bed.apply_yaml_in(&namespace, HOSTED_CLUSTER).await.unwrap();
    assert_eq!(again[0].metadata.resource_version, cluster.metadata.resource_version);
}

#[tokio::test]
async fn a_recorded_hosted_cluster_is_taken() {
    let Some(path) = recorded("golden/cases/01-minimal/out.yaml") else {
        return;
    };
    let yaml = fs::read_to_string(path).unwrap().replace("<RANDOM>", "cmFuZG9t");
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("recorded").await.unwrap();
    let applied = bed.apply_yaml_in(&namespace, &yaml).await.unwrap();
    let kinds: Vec<&str> = applied.iter().map(|object| object.types.as_ref().unwrap().kind.as_str()).collect();
    assert_eq!(kinds, ["Secret", "Secret", "Secret", "HostedCluster", "NodePool"]);
}

#[tokio::test]
async fn cel_rules_of_the_crd_are_judged() {
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("refused").await.unwrap();
    for (from, to, rule) in [
        ("infraID: small-abc12", "infraID: Small-ABC12", "infraID must consist of lowercase alphanumeric characters"),
        ("topology: Public", "topology: Private", "private is required when topology is Private or PublicAndPrivate"),
    ] {
        let message = refusal(&namespace, &HOSTED_CLUSTER.replace(from, to)).await;
        assert!(message.contains(rule), "{message}");
    }
}

#[tokio::test]
async fn transition_rules_see_the_old_object() {
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("changed").await.unwrap();
    bed.apply_yaml_in(&namespace, HOSTED_CLUSTER).await.unwrap();
    for (from, to, rule) in [
        ("      topology: Public\n", "", "topology cannot be removed once set"),
        ("infraID: small-abc12", "infraID: other-xyz89", "infraID is immutable"),
    ] {
        let message = refusal(&namespace, &HOSTED_CLUSTER.replace(from, to)).await;
        assert!(message.contains(rule), "{message}");
    }
}

#[tokio::test]
async fn an_unknown_field_is_refused() {
    let bed = Bed::shared().await.unwrap();
    let namespace = bed.namespace("unknown").await.unwrap();
    let yaml = HOSTED_CLUSTER.replace("topology: Public", "topologie: Public");
    let error = bed.apply_yaml_in(&namespace, &yaml).await.unwrap_err().to_string();
    assert!(error.contains("topologie"), "{error}");
}

#[tokio::test]
async fn a_restricted_user_gets_what_the_rules_say() {
    let bed = Bed::shared().await.unwrap();
    let rules = vec![rule(&[""], &["configmaps"], &["get", "list"])];
    let kubeconfig = bed.kubeconfig_for("reader", rules).await.unwrap();
    assert_eq!(fs::metadata(&kubeconfig).unwrap().permissions().mode() & 0o777, 0o600);
    let client = client_for(&kubeconfig).await.unwrap();

    Api::<ConfigMap>::namespaced(client.clone(), "default").list(&ListParams::default()).await.unwrap();
    let error = Api::<Secret>::namespaced(client, "default").list(&ListParams::default()).await.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert_eq!(status.code, 403);
    assert!(status.message.contains(r#"User "reader" cannot list resource "secrets""#), "{}", status.message);
}

#[tokio::test]
async fn namespaces_are_fresh() {
    let bed = Bed::shared().await.unwrap();
    let (first, second) = (bed.namespace("same").await.unwrap(), bed.namespace("same").await.unwrap());
    assert_ne!(first, second);
    assert!(first.starts_with("same-") && second.starts_with("same-"));
}

#[tokio::test]
async fn kubectl_finds_the_plugin_by_its_name() {
    let bed = Bed::shared().await.unwrap();
    let plugins = tempfile::tempdir().unwrap();
    let plugin = plugins.path().join("kubectl-hcp_azure");
    fs::write(&plugin, "#!/bin/sh\necho plugin: \"$@\"\n").unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = run(bed.kubectl_command(plugins.path()).unwrap().args(["hcp-azure", "doctor", "x"]));
    assert_eq!(printed, "plugin: doctor x\n");
    let printed = run(bed.kubectl_command(plugins.path()).unwrap().args(["get", "namespace", "default", "-o", "name"]));
    assert_eq!(printed, "namespace/default\n");
}

#[test]
fn the_pinned_programs_know_their_versions() {
    let assets = tokio::runtime::Runtime::new().unwrap().block_on(e2e::assets::Assets::shared()).unwrap();
    let pins = fs::read_to_string(e2e::workspace::root().join("tests/envtest/go.mod")).unwrap();
    if std::env::var_os("KUBEBUILDER_ASSETS").is_some() {
        e2e::workspace::note("skipped: versions of the programs in KUBEBUILDER_ASSETS are not pinned");
        return;
    }
    for (program, flag, module) in [
        (&assets.kube_apiserver, "--version", "k8s.io/kubernetes"),
        (&assets.krew, "version", "sigs.k8s.io/krew"),
        (&assets.etcd, "--version", "go.etcd.io/etcd/server/v3"),
    ] {
        let pinned = pins.lines().find_map(|line| line.trim().strip_prefix(&format!("{module} v")));
        let version = pinned.unwrap().split_whitespace().next().unwrap();
        let printed = String::from_utf8(Command::new(program).arg(flag).output().unwrap().stdout).unwrap();
        assert!(printed.contains(version), "{program:?} is not {version}: {printed}");
    }
}
