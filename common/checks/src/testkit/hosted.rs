//! The Kubernetes side of the healthy cluster.

use facts::catalogue::{COMPONENTS, Required};
use facts::hosted::{
    Authentication, AzureMachine, AzurePlatform, Component, Condition, Container, Dns, Endpoint, HostedCluster, Image,
    Machine, Networking, NodePool, Pod, Service, VersionHistory, VersionStatus, VmOptions, Workload,
};
use facts::management::{AccessReview, ApiResource, Operator, SupportedVersions};
use facts::{ArmId, Fact, Facts};

use super::*;

pub(super) fn management(facts: &mut Facts) {
    facts.management.kubernetes_version = Fact::Known("v1.33.2".into());
    facts.management.operators = Fact::Known(vec![Operator {
        namespace: "hypershift".into(),
        workload: workload("operator", 2, 2),
        image: "quay.io/hypershift/hypershift-operator:latest".into(),
        args: vec!["run".into(), "--private-platform=None".into()],
    }]);
    let resource = |group: &str, plural: &str, version: &str| ApiResource {
        group: group.into(),
        plural: plural.into(),
        versions: vec![version.into()],
        established: true,
    };
    facts.management.api_resources = Fact::Known(vec![
        resource("cluster.x-k8s.io", "clusters", "v1beta1"),
        resource("cluster.x-k8s.io", "machinedeployments", "v1beta1"),
        resource("cluster.x-k8s.io", "machines", "v1beta1"),
        resource("cluster.x-k8s.io", "machinesets", "v1beta1"),
        resource("hypershift.openshift.io", "azureprivatelinkservices", "v1beta1"),
        resource("hypershift.openshift.io", "controlplanecomponents", "v1beta1"),
        resource("hypershift.openshift.io", "hostedclusters", "v1beta1"),
        resource("hypershift.openshift.io", "hostedcontrolplanes", "v1beta1"),
        resource("hypershift.openshift.io", "nodepools", "v1beta1"),
        resource("infrastructure.cluster.x-k8s.io", "azureclusters", "v1beta1"),
        resource("infrastructure.cluster.x-k8s.io", "azuremachines", "v1beta1"),
        resource("infrastructure.cluster.x-k8s.io", "azuremachinetemplates", "v1beta1"),
    ]);
    facts.management.access = Fact::Known(vec![AccessReview {
        verb: "get".into(),
        group: "hypershift.openshift.io".into(),
        resource: "hostedclusters".into(),
        namespace: Some("clusters".into()),
        allowed: true,
    }]);
    let versions = ["5.1", "5.0", "4.23", "4.22", "4.21", "4.20", "4.19", "4.18", "4.17", "4.16", "4.15", "4.14"];
    facts.management.supported_versions = Fact::Known(SupportedVersions {
        versions: versions.map(String::from).to_vec(),
        server_version: Some("3ee9615567acffaf3e3ee25c2ca2942d650565cf".into()),
    });
}

/// A condition that has been so for two days.
pub(crate) fn condition(kind: &str, status: &str, reason: &str) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: String::new(),
        last_transition: Some(CREATED.parse().unwrap()),
        observed_generation: Some(1),
    }
}

/// A Deployment.
pub(crate) fn workload(name: &str, desired: i32, ready: i32) -> Workload {
    Workload {
        kind: "Deployment".into(),
        name: name.into(),
        desired,
        ready,
        created_at: Some(CREATED.parse().unwrap()),
        conditions: Vec::new(),
    }
}

/// A running pod with one ready container.
pub(crate) fn pod(app: &str) -> Pod {
    Pod {
        name: format!("{app}-6d8f9-0"),
        app: Some(app.into()),
        phase: Some("Running".into()),
        reason: None,
        message: None,
        started_at: Some(CREATED.parse().unwrap()),
        containers: vec![Container {
            name: app.into(),
            init: false,
            ready: true,
            restarts: 0,
            waiting_reason: None,
            waiting_message: None,
            terminated_reason: None,
            exit_code: None,
            terminated_at: None,
            token_minter: None,
            azure_client_id: None,
            sidecar: false,
            azure_tenant_id: None,
            azure_token_file: None,
        }],
    }
}

/// The HostedCluster conditions that a healthy public cluster without external DNS shows.
pub(crate) fn healthy_conditions() -> Vec<Condition> {
    let mut conditions: Vec<Condition> = [
        "Available",
        "InfrastructureReady",
        "KubeAPIServerAvailable",
        "EtcdAvailable",
        "IgnitionEndpointAvailable",
        "ValidReleaseInfo",
        "ValidReleaseImage",
        "ValidConfiguration",
        "ValidHostedControlPlaneConfiguration",
        "SupportedHostedCluster",
        "PlatformCredentialsFound",
        "ReconciliationActive",
        "ReconciliationSucceeded",
        "ClusterVersionSucceeding",
        "ClusterVersionAvailable",
        "ClusterVersionReleaseAccepted",
        "DataPlaneConnectionAvailable",
        "ControlPlaneConnectionAvailable",
    ]
    .map(|kind| condition(kind, "True", "AsExpected"))
    .to_vec();
    for kind in ["Progressing", "Degraded", "ClusterVersionProgressing"] {
        conditions.push(condition(kind, "False", "AsExpected"));
    }
    for kind in ["ExternalDNSReachable", "ValidAzureKMSConfig", "ValidOIDCConfiguration"] {
        conditions.push(condition(kind, "Unknown", "StatusUnknown"));
    }
    conditions
}

pub(super) fn hosted(facts: &mut Facts) {
    let service =
        |name: &str, strategy: &str| Service { service: name.into(), strategy: strategy.into(), hostname: None };
    let keys = COMPONENTS.iter().filter(|component| component.required != Required::Kms).map(|component| component.key);
    facts.hosted.cluster = Fact::Known(HostedCluster {
        namespace: "clusters".into(),
        name: "prod".into(),
        created_at: Some(CREATED.parse().unwrap()),
        deleted_at: None,
        generation: Some(1),
        finalizers: Vec::new(),
        infra_id: INFRA.into(),
        issuer_url: ISSUER.into(),
        release_image: "quay.io/openshift-release-dev/ocp-release:4.22.3-multi".into(),
        signing_key_secret: Some("prodsa-token-issuer-key".into()),
        pull_secret: Some("prod-pull-secret".into()),
        paused_until: None,
        controller_availability_policy: Some("HighlyAvailable".into()),
        disabled_capabilities: Vec::new(),
        annotations: [].into(),
        azure: AzurePlatform {
            cloud: "AzurePublicCloud".into(),
            location: "eastus".into(),
            resource_group: "prod-prod-x7k2p".into(),
            vnet_id: vnet_id(),
            subnet_id: subnet_id(),
            security_group_id: nsg_id(),
            subscription_id: SUBSCRIPTION.into(),
            tenant_id: TENANT.into(),
            topology: Some("Public".into()),
            nat_subnet_id: None,
            authentication: Authentication::WorkloadIdentities {
                client_ids: keys.map(|key| (key.to_owned(), client_id(key))).collect(),
            },
        },
        dns: Dns {
            base_domain: "hcp.example.com".into(),
            public_zone_id: Some(ArmId::in_group(SUBSCRIPTION, "dns", "Microsoft.Network/dnsZones/hcp.example.com")),
            private_zone_id: Some(ArmId::in_group(
                SUBSCRIPTION,
                "prod-prod-x7k2p",
                "Microsoft.Network/privateDnsZones/prod.hcp.example.com",
            )),
        },
        networking: Networking {
            cluster: vec!["10.132.0.0/14".into()],
            service: vec!["172.31.0.0/16".into()],
            machine: Vec::new(),
        },
        services: vec![
            service("APIServer", "LoadBalancer"),
            service("Ignition", "Route"),
            service("Konnectivity", "Route"),
            service("OAuthServer", "Route"),
        ],
        kms: None,
        conditions: healthy_conditions(),
        version: VersionStatus {
            desired: Some("4.22.3".into()),
            desired_image: Some("quay.io/openshift-release-dev/ocp-release:4.22.3-multi".into()),
            history: vec![VersionHistory {
                state: "Completed".into(),
                version: "4.22.3".into(),
                image: "quay.io/openshift-release-dev/ocp-release:4.22.3-multi".into(),
                started_at: Some(CREATED.parse().unwrap()),
                completed_at: Some(minutes_ago(2800)),
            }],
        },
        endpoint: Some(Endpoint { host: "20.81.4.17".into(), port: 7443 }),
        kubeconfig_secret: Some("prod-admin-kubeconfig".into()),
        payload_arch: Some("Multi".into()),
        has_proxy: false,
        managed_identities: None,
    });
    facts.hosted.node_pools = Fact::Known(vec![node_pool("prod")]);
    facts.hosted.machines = Fact::Known(vec![machine("prod-a"), machine("prod-b")]);
    facts.hosted.azure_machines = Fact::Known(vec![azure_machine("prod-a"), azure_machine("prod-b")]);
    let names = ["capi-provider", "cloud-controller-manager", "etcd", "ingress-operator", "kube-apiserver"];
    facts.hosted.components = Fact::Known(
        names
            .map(|name| Component {
                name: name.into(),
                version: Some("4.22.3".into()),
                conditions: vec![
                    condition("Available", "True", "AsExpected"),
                    condition("RolloutComplete", "True", "AsExpected"),
                ],
            })
            .to_vec(),
    );
    facts.hosted.workloads = Fact::Known(names.map(|name| workload(name, 1, 1)).to_vec());
    facts.hosted.pods = Fact::Known(names.map(pod).to_vec());
    facts.hosted.warnings = Fact::Known(Vec::new());
    facts.hosted.logs = Fact::Known(Vec::new());
}

/// A NodePool of two nodes in which all is well.
pub(crate) fn node_pool(name: &str) -> NodePool {
    let mut conditions: Vec<Condition> = [
        "Ready",
        "ValidReleaseImage",
        "ValidGeneratedPayload",
        "ValidMachineConfig",
        "ValidTuningConfig",
        "ValidArchPlatform",
        "ValidPlatformImage",
        "SupportedVersionSkew",
        "AllMachinesReady",
        "AllNodesHealthy",
        "ReconciliationActive",
        "ReachedIgnitionEndpoint",
        "UpdateManagementEnabled",
    ]
    .map(|kind| condition(kind, "True", "AsExpected"))
    .to_vec();
    for kind in [
        "UpdatingVersion",
        "UpdatingConfig",
        "UpdatingPlatformMachineTemplate",
        "AutoscalingEnabled",
        "AutorepairEnabled",
    ] {
        conditions.push(condition(kind, "False", "AsExpected"));
    }
    NodePool {
        namespace: "clusters".into(),
        name: name.into(),
        created_at: Some(CREATED.parse().unwrap()),
        deleted_at: None,
        generation: Some(1),
        release_image: "quay.io/openshift-release-dev/ocp-release:4.22.3-multi".into(),
        arch: Some("amd64".into()),
        replicas: Some(2),
        auto_scaling: None,
        paused_until: None,
        vm_size: "Standard_D4s_v5".into(),
        subnet_id: Some(subnet_id()),
        zone: None,
        vm: VmOptions {
            disk_gib: Some(120),
            disk_type: Some("Premium_LRS".into()),
            image: Some(Image::OfRelease { generation: Some("Gen2".into()) }),
            ..VmOptions::default()
        },
        ready_replicas: Some(2),
        version: Some("4.22.3".into()),
        conditions,
    }
}

/// A running Machine of NodePool `prod`.
pub(crate) fn machine(name: &str) -> Machine {
    Machine {
        name: name.into(),
        node_pool: Some("prod".into()),
        azure_machine: Some(name.into()),
        phase: Some("Running".into()),
        node: Some(name.into()),
        created_at: Some(CREATED.parse().unwrap()),
        deleted_at: None,
        finalizers: vec!["machine.cluster.x-k8s.io".into()],
        conditions: vec![condition("Ready", "True", "AsExpected")],
    }
}

/// The AzureMachine of a running [`machine`].
pub(crate) fn azure_machine(name: &str) -> AzureMachine {
    AzureMachine {
        name: name.into(),
        vm_size: Some("Standard_D4s_v5".into()),
        zone: None,
        provider_id: Some(provider_id(name)),
        vm_state: Some("Succeeded".into()),
        failure_reason: None,
        failure_message: None,
        conditions: vec![condition("Ready", "True", "Succeeded")],
    }
}
