//! Facts for the tests of checks: one healthy cluster, to be broken one piece at a time.

#![allow(clippy::unwrap_used, clippy::panic)]

use facts::azure::{
    Caller, FederatedCredential, Identity, Login, Permission, ResourceGroup, RoleAssignment, RoleDefinition,
    Subscription,
};
use facts::catalogue::{self, AUDIENCE, COMPONENTS, Required};
use facts::hosted::{
    Authentication, AzureMachine, AzurePlatform, Component, Condition, Container, Dns, Endpoint, HostedCluster,
    Machine, Networking, NodePool, Pod, Service, VersionHistory, VersionStatus, Workload,
};
use facts::local::{CredsFile, SecretState};
use facts::management::{AccessReview, ApiResource, Operator, SupportedVersions};
use facts::network::{Access, Direction, Frontend, LoadBalancer, Nsg, NsgRule, OutboundRule, PublicIp, Subnet, Vnet};
use facts::oidc::{Discovery, Fetch, IssuerStorage, Jwk, Jwks, PublicKey};
use facts::{ArmId, Fact, Facts, Gap, GapKind, Source, Target};
use jiff::Timestamp;

use crate::check::Check;
use crate::judgement::{Finding, Judgement, Level};
use crate::view::View;

pub(crate) const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";
pub(crate) const TENANT: &str = "55555555-6666-7777-8888-999999999999";
pub(crate) const ISSUER: &str = "https://acct.blob.core.windows.net/acct";
pub(crate) const INFRA: &str = "prod-x7k2p";
pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";
const CREATED: &str = "2026-11-18T08:00:00Z";

/// The moment at which the test facts were collected, less some minutes.
pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().unwrap();
    Timestamp::from_second(now.as_second() - minutes * 60).unwrap()
}

/// The client id of a component's identity in [`healthy`].
pub(crate) fn client_id(key: &str) -> String {
    format!("{:08x}-aaaa-bbbb-cccc-dddddddddddd", position(key))
}

/// The principal id of a component's identity in [`healthy`].
pub(crate) fn principal_id(key: &str) -> String {
    format!("{:08x}-eeee-bbbb-cccc-dddddddddddd", position(key))
}

fn position(key: &str) -> usize {
    COMPONENTS.iter().position(|component| component.key == key).unwrap() + 1
}

/// The ARM id of a resource group in the test subscription.
pub(crate) fn group(name: &str) -> ArmId {
    ArmId::of_group(SUBSCRIPTION, name)
}

/// The test VNet.
pub(crate) fn vnet_id() -> ArmId {
    ArmId::in_group(
        SUBSCRIPTION,
        "prod-vnet-prod-x7k2p",
        "Microsoft.Network/virtualNetworks/prod-prod-x7k2p",
    )
}

/// The test subnet.
pub(crate) fn subnet_id() -> ArmId {
    vnet_id().child("subnets", "default")
}

/// The test network security group.
pub(crate) fn nsg_id() -> ArmId {
    ArmId::in_group(
        SUBSCRIPTION,
        "prod-nsg-prod-x7k2p",
        "Microsoft.Network/networkSecurityGroups/prod-prod-x7k2p-nsg",
    )
}

fn public_ip_id() -> ArmId {
    ArmId::in_group(
        SUBSCRIPTION,
        "prod-prod-x7k2p",
        "Microsoft.Network/publicIPAddresses/prod-x7k2p",
    )
}

/// Facts of a public cluster in which every check passes: eight identities, one NodePool with two machines.
pub(crate) fn healthy() -> Facts {
    let mut facts = Facts::unread(
        NOW.parse().unwrap(),
        Source::Live {
            context: Some("mgmt".into()),
        },
        Target {
            namespace: "clusters".into(),
            name: "prod".into(),
        },
    );
    facts.local.creds_file = Fact::Known(CredsFile {
        path: "azure-creds.json".into(),
        problem: None,
        subscription_id: Some(SUBSCRIPTION.into()),
        tenant_id: Some(TENANT.into()),
        client_id: Some("99999999-aaaa-bbbb-cccc-dddddddddddd".into()),
        client_secret: SecretState::Present,
        unknown_keys: Vec::new(),
        mode: Some(0o600),
    });
    azure(&mut facts);
    network(&mut facts);
    oidc(&mut facts);
    management(&mut facts);
    hosted(&mut facts);
    facts
}

fn azure(facts: &mut Facts) {
    facts.azure.login = Fact::Known(Login::SignedIn(Caller {
        via: "--azure-creds azure-creds.json".into(),
        tenant_id: TENANT.into(),
        object_id: Some("99999999-eeee-bbbb-cccc-dddddddddddd".into()),
        app_id: Some("99999999-aaaa-bbbb-cccc-dddddddddddd".into()),
        name: None,
    }));
    facts.azure.subscription = Fact::Known(Subscription {
        id: SUBSCRIPTION.into(),
        name: "hcp-prod".into(),
        state: "Enabled".into(),
        tenant_id: Some(TENANT.into()),
    });
    for namespace in ["Authorization", "Compute", "ManagedIdentity", "Network", "Storage"] {
        facts
            .azure
            .providers
            .insert(format!("Microsoft.{namespace}"), Fact::Known("Registered".into()));
    }
    for name in ["prod-prod-x7k2p", "prod-vnet-prod-x7k2p", "prod-nsg-prod-x7k2p", "dns"] {
        let resource_group = ResourceGroup {
            id: group(name),
            name: name.into(),
            location: "eastus".into(),
            tags: [].into(),
        };
        facts
            .azure
            .resource_groups
            .insert(name.into(), Fact::Known(resource_group));
        facts
            .azure
            .role_assignments
            .insert(group(name).key(), Fact::Known(Vec::new()));
    }
    let mut identities = Vec::new();
    for component in COMPONENTS
        .iter()
        .filter(|component| component.required != Required::Kms)
    {
        identities.push(Identity {
            id: ArmId::in_group(
                SUBSCRIPTION,
                "os4-common",
                &format!(
                    "Microsoft.ManagedIdentity/userAssignedIdentities/{}",
                    component.identity_name("prod", INFRA)
                ),
            ),
            name: component.identity_name("prod", INFRA),
            location: "eastus".into(),
            client_id: client_id(component.key),
            principal_id: principal_id(component.key),
            tenant_id: TENANT.into(),
            federated: Fact::Known(
                component
                    .credentials
                    .iter()
                    .map(|credential| FederatedCredential {
                        name: component.credential_name("prod", credential),
                        issuer: ISSUER.into(),
                        subject: credential.subject(),
                        audiences: vec![AUDIENCE.into()],
                    })
                    .collect(),
            ),
        });
        assign(facts, component);
    }
    facts.azure.identities = Fact::Known(identities);
}

fn assign(facts: &mut Facts, component: &catalogue::Component) {
    use catalogue::Scope;
    let Some(role) = component.role else { return };
    facts.azure.role_definitions.insert(
        role.guid.into(),
        Fact::Known(RoleDefinition {
            guid: role.guid.into(),
            name: role.name.into(),
            built_in: true,
            permissions: vec![Permission {
                actions: if role.guid == catalogue::CONTRIBUTOR {
                    vec!["*".into()]
                } else {
                    vec![format!("{}/*", role.component)]
                },
                ..Permission::default()
            }],
        }),
    );
    for scope in role.scopes {
        let id = group(match scope {
            Scope::Managed => "prod-prod-x7k2p",
            Scope::NetworkSecurityGroup => "prod-nsg-prod-x7k2p",
            Scope::Vnet => "prod-vnet-prod-x7k2p",
            Scope::Dns => "dns",
        });
        let assignment = RoleAssignment {
            id: ArmId::new(format!(
                "{id}/providers/Microsoft.Authorization/roleAssignments/{}-{scope:?}",
                role.component
            )),
            principal_id: principal_id(component.key),
            principal_type: Some("ServicePrincipal".into()),
            role_definition_id: ArmId::new(format!(
                "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{}",
                role.guid
            )),
            scope: id.to_string(),
            created_on: Some(CREATED.parse().unwrap()),
        };
        match facts.azure.role_assignments.get_mut(&id.key()) {
            Some(Fact::Known(list)) => list.push(assignment),
            _ => panic!("no scope {id}"),
        }
    }
}

/// A rule as ARM's defaults are made: any port, any protocol.
pub(crate) fn rule(name: &str, priority: i32, direction: Direction, access: Access, from: &str, to: &str) -> NsgRule {
    NsgRule {
        name: name.into(),
        priority,
        direction,
        access,
        protocol: "*".into(),
        source_prefixes: vec![from.into()],
        source_ports: vec!["*".into()],
        destination_prefixes: vec![to.into()],
        destination_ports: vec!["*".into()],
        source_asgs: Vec::new(),
        destination_asgs: Vec::new(),
        is_default: priority >= 65000,
    }
}

fn network(facts: &mut Facts) {
    use Access::{Allow, Deny};
    use Direction::{Inbound, Outbound};
    let network = &mut facts.azure.network;
    network.vnets.insert(
        vnet_id().key(),
        Fact::Known(Vnet {
            id: vnet_id(),
            location: "eastus".into(),
            address_prefixes: vec!["10.0.0.0/16".into()],
            provisioning_state: Some("Succeeded".into()),
            subnets: vec![Subnet {
                id: subnet_id(),
                name: "default".into(),
                address_prefixes: vec!["10.0.0.0/24".into()],
                provisioning_state: Some("Succeeded".into()),
                nsg_id: Some(nsg_id()),
                route_table_id: None,
                nat_gateway_id: None,
                default_outbound_access: Some(false),
                delegations: Vec::new(),
            }],
        }),
    );
    network.nsgs.insert(
        nsg_id().key(),
        Fact::Known(Nsg {
            id: nsg_id(),
            location: "eastus".into(),
            rules: vec![
                rule(
                    "AllowVnetInBound",
                    65000,
                    Inbound,
                    Allow,
                    "VirtualNetwork",
                    "VirtualNetwork",
                ),
                rule(
                    "AllowAzureLoadBalancerInBound",
                    65001,
                    Inbound,
                    Allow,
                    "AzureLoadBalancer",
                    "*",
                ),
                rule("DenyAllInBound", 65500, Inbound, Deny, "*", "*"),
                rule(
                    "AllowVnetOutBound",
                    65000,
                    Outbound,
                    Allow,
                    "VirtualNetwork",
                    "VirtualNetwork",
                ),
                rule("AllowInternetOutBound", 65001, Outbound, Allow, "*", "Internet"),
                rule("DenyAllOutBound", 65500, Outbound, Deny, "*", "*"),
            ],
        }),
    );
    let balancer = ArmId::in_group(
        SUBSCRIPTION,
        "prod-prod-x7k2p",
        "Microsoft.Network/loadBalancers/prod-x7k2p",
    );
    network.load_balancers.insert(
        balancer.key(),
        Fact::Known(LoadBalancer {
            id: balancer,
            location: "eastus".into(),
            sku: Some("Standard".into()),
            backend_pools: vec![INFRA.into()],
            frontends: vec![Frontend {
                name: INFRA.into(),
                public_ip_id: Some(public_ip_id()),
            }],
            outbound_rules: vec![OutboundRule {
                name: INFRA.into(),
                backend_pool: Some(INFRA.into()),
                frontends: vec![INFRA.into()],
                allocated_outbound_ports: Some(1024),
            }],
        }),
    );
    network.public_ips.insert(
        public_ip_id().key(),
        Fact::Known(PublicIp {
            id: public_ip_id(),
            ip_address: Some("20.1.2.3".into()),
            sku: Some("Standard".into()),
        }),
    );
}

/// A fetch that brought a document.
pub(crate) fn fetched<T>(url: &str, document: T) -> Fetch<T> {
    Fetch {
        url: url.into(),
        addresses: vec!["20.150.1.1".into()],
        status: Some(200),
        failure: None,
        redirected_to: None,
        error_code: None,
        content_type: Some("application/json".into()),
        body_bytes: 300,
        duration_ms: 40,
        document: Some(document),
        malformed: None,
    }
}

fn oidc(facts: &mut Facts) {
    let jwks_uri = format!("{ISSUER}/openid/v1/jwks");
    facts.oidc.discovery = Fact::Known(fetched(
        &format!("{ISSUER}/.well-known/openid-configuration"),
        Discovery {
            issuer: ISSUER.into(),
            jwks_uri: jwks_uri.clone(),
            id_token_signing_alg_values_supported: vec!["RS256".into()],
        },
    ));
    let key = Jwk {
        kid: Some("kid-1".into()),
        kty: "RSA".into(),
        alg: Some("RS256".into()),
        usage: Some("sig".into()),
        n: Some("modulus".into()),
        e: Some("AQAB".into()),
    };
    facts.oidc.jwks = Fact::Known(fetched(&jwks_uri, Jwks { keys: vec![key] }));
    facts.oidc.storage = Fact::Known(IssuerStorage {
        account_id: ArmId::in_group(SUBSCRIPTION, "os4-common", "Microsoft.Storage/storageAccounts/acct"),
        allow_blob_public_access: Some(true),
        public_network_access: Some("Enabled".into()),
        default_action: Some("Allow".into()),
        allow_shared_key_access: Some(true),
        container: "acct".into(),
        container_public_access: Fact::Known("Container".into()),
    });
    facts.oidc.signing_key = Fact::Known(PublicKey {
        kid: "kid-1".into(),
        n: "modulus".into(),
        e: "AQAB".into(),
        bits: 4096,
        source: "Secret clusters/prodsa-token-issuer-key".into(),
    });
}

fn management(facts: &mut Facts) {
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
    let versions = [
        "5.1", "5.0", "4.23", "4.22", "4.21", "4.20", "4.19", "4.18", "4.17", "4.16", "4.15", "4.14",
    ];
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

fn hosted(facts: &mut Facts) {
    let service = |name: &str, strategy: &str| Service {
        service: name.into(),
        strategy: strategy.into(),
        hostname: None,
    };
    let keys = COMPONENTS
        .iter()
        .filter(|component| component.required != Required::Kms)
        .map(|component| component.key);
    facts.hosted.cluster = Fact::Known(HostedCluster {
        namespace: "clusters".into(),
        name: "prod".into(),
        created_at: Some(CREATED.parse().unwrap()),
        deleted_at: None,
        generation: Some(1),
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
            public_zone_id: Some(ArmId::in_group(
                SUBSCRIPTION,
                "dns",
                "Microsoft.Network/dnsZones/hcp.example.com",
            )),
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
        endpoint: Some(Endpoint {
            host: "20.81.4.17".into(),
            port: 7443,
        }),
        kubeconfig_secret: Some("prod-admin-kubeconfig".into()),
        payload_arch: Some("Multi".into()),
    });
    facts.hosted.node_pools = Fact::Known(vec![node_pool("prod")]);
    facts.hosted.machines = Fact::Known(vec![machine("prod-a"), machine("prod-b")]);
    facts.hosted.azure_machines = Fact::Known(vec![azure_machine("prod-a"), azure_machine("prod-b")]);
    let names = [
        "capi-provider",
        "cloud-controller-manager",
        "etcd",
        "ingress-operator",
        "kube-apiserver",
    ];
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
        conditions: vec![condition("Ready", "True", "AsExpected")],
    }
}

/// The AzureMachine of a running [`machine`].
pub(crate) fn azure_machine(name: &str) -> AzureMachine {
    AzureMachine {
        name: name.into(),
        vm_size: Some("Standard_D4s_v5".into()),
        zone: None,
        vm_state: Some("Succeeded".into()),
        failure_reason: None,
        failure_message: None,
        conditions: vec![condition("Ready", "True", "Succeeded")],
    }
}

/// The HostedCluster of test facts, to be changed.
pub(crate) fn cluster(facts: &mut Facts) -> &mut HostedCluster {
    match &mut facts.hosted.cluster {
        Fact::Known(cluster) => cluster,
        other => panic!("no HostedCluster: {other:?}"),
    }
}

/// The identity of a component in test facts, to be changed.
pub(crate) fn identity<'a>(facts: &'a mut Facts, key: &str) -> &'a mut Identity {
    match &mut facts.azure.identities {
        Fact::Known(list) => list
            .iter_mut()
            .find(|identity| identity.client_id == client_id(key))
            .unwrap(),
        other => panic!("no identities: {other:?}"),
    }
}

/// The federated identity credentials of a component in test facts, to be changed.
pub(crate) fn federated<'a>(facts: &'a mut Facts, key: &str) -> &'a mut Vec<FederatedCredential> {
    match &mut identity(facts, key).federated {
        Fact::Known(list) => list,
        other => panic!("no credentials: {other:?}"),
    }
}

/// A 403 on one action.
pub(crate) fn denied(action: &str) -> Gap {
    Gap::new(GapKind::Denied, "403 AuthorizationFailed").needing(action, "/subscriptions/s")
}

/// What a check finds; it must have judged. Also holds the check to its declared needs.
#[track_caller]
pub(crate) fn findings(check: &Check, facts: &Facts) -> Vec<Finding> {
    match judge(check, facts) {
        Ok(Judgement::Judged { findings, .. }) => findings,
        other => panic!("{check:?} did not judge: {other:?}"),
    }
}

/// Asserts that a check passes, and names what it saw.
#[track_caller]
pub(crate) fn assert_passes(check: &Check, facts: &Facts) {
    match judge(check, facts) {
        Ok(Judgement::Judged { passed, findings }) => {
            assert!(findings.is_empty(), "{check:?} found {findings:#?}");
            assert!(!passed.is_empty(), "{check:?} does not say what it saw");
        }
        other => panic!("{check:?} did not judge: {other:?}"),
    }
}

/// The only finding of a check.
#[track_caller]
pub(crate) fn the_finding(check: &Check, facts: &Facts) -> Finding {
    let mut findings = findings(check, facts);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.remove(0)
}

/// Asserts that a check finds exactly one failure, with everything that a reader needs, and gives it back.
#[track_caller]
pub(crate) fn the_failure(check: &Check, facts: &Facts) -> Finding {
    let finding = the_finding(check, facts);
    assert_eq!(finding.level, Level::Fail, "{finding:#?}");
    assert!(
        !finding.subject.is_empty() && !finding.what.is_empty() && !finding.why.is_empty(),
        "{finding:#?}"
    );
    assert!(
        finding.fixes.iter().any(|fix| !fix.commands.is_empty()),
        "no command to copy: {finding:#?}"
    );
    finding
}

/// Asserts that a check as a whole cannot judge, and gives the reason back.
#[track_caller]
pub(crate) fn the_gap(check: &Check, facts: &Facts) -> Gap {
    match judge(check, facts) {
        Err(gap) => gap,
        Ok(Judgement::Judged { findings, .. })
            if !findings.is_empty() && findings.iter().all(|f| f.level == Level::Unknown) =>
        {
            findings.into_iter().find_map(|finding| finding.gap).unwrap()
        }
        other => panic!("{check:?} judged: {other:?}"),
    }
}

/// Asserts that a check does not apply.
#[track_caller]
pub(crate) fn assert_not_applicable(check: &Check, facts: &Facts) {
    let judged = judge(check, facts);
    assert!(
        matches!(judged, Ok(Judgement::NotApplicable(_))),
        "{check:?}: {judged:?}"
    );
}

#[track_caller]
fn judge(check: &Check, facts: &Facts) -> Result<Judgement, Gap> {
    let view = View::new(facts);
    let judged = (check.judge)(&view);
    for need in view.reads() {
        assert!(
            check.needs.contains(&need),
            "{check:?} reads {need:?}, which it does not declare"
        );
    }
    judged
}
