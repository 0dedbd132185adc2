//! Facts about the hosted cluster: the HostedCluster, its NodePools, and what runs in the control plane namespace.

mod vm;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::{self, Required, Scope};
use crate::{ArmId, Fact};

pub use vm::{Image, MarketplaceImage, VmOptions};

/// The hosted cluster as the management cluster shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hosted {
    /// The HostedCluster.
    pub cluster: Fact<HostedCluster>,
    /// Its NodePools, sorted by name.
    pub node_pools: Fact<Vec<NodePool>>,
    /// Cluster API Machines of the control plane namespace.
    pub machines: Fact<Vec<Machine>>,
    /// AzureMachines of the control plane namespace.
    pub azure_machines: Fact<Vec<AzureMachine>>,
    /// ControlPlaneComponents.
    pub components: Fact<Vec<Component>>,
    /// Deployments and StatefulSets of the control plane namespace.
    pub workloads: Fact<Vec<Workload>>,
    /// Pods of the control plane namespace.
    pub pods: Fact<Vec<Pod>>,
    /// Warning events of the control plane namespace and those about the HostedCluster, newest last.
    pub warnings: Fact<Vec<Event>>,
    /// Log lines that speak of Entra or Azure refusals.
    pub logs: Fact<Vec<LogLine>>,
    /// Certificates, Cluster API objects, volumes and settings.
    pub control_plane: crate::control_plane::ControlPlane,
}

/// A condition in the Kubernetes sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason.
    #[serde(default)]
    pub reason: String,
    /// Message.
    #[serde(default)]
    pub message: String,
    /// When the status last changed.
    #[serde(default)]
    pub last_transition: Option<Timestamp>,
    /// The generation that was judged.
    #[serde(default)]
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// Whether the status is `True`.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }

    /// Whether the status is `False`.
    pub fn is_false(&self) -> bool {
        self.status == "False"
    }
}

/// A HostedCluster of platform Azure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostedCluster {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// `metadata.deletionTimestamp`.
    pub deleted_at: Option<Timestamp>,
    /// `metadata.generation`.
    pub generation: Option<i64>,
    /// `metadata.finalizers`: what keeps it from going.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// `spec.infraID`.
    pub infra_id: String,
    /// `spec.issuerURL`.
    pub issuer_url: String,
    /// `spec.release.image`.
    pub release_image: String,
    /// `spec.serviceAccountSigningKey.name`.
    pub signing_key_secret: Option<String>,
    /// `spec.pullSecret.name`.
    pub pull_secret: Option<String>,
    /// `spec.pausedUntil`.
    pub paused_until: Option<String>,
    /// `spec.controllerAvailabilityPolicy`.
    pub controller_availability_policy: Option<String>,
    /// `spec.capabilities.disabled`.
    #[serde(default)]
    pub disabled_capabilities: Vec<String>,
    /// Annotations of HyperShift.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// `spec.platform.azure`.
    pub azure: AzurePlatform,
    /// `spec.dns`.
    pub dns: Dns,
    /// `spec.networking`.
    pub networking: Networking,
    /// `spec.services`.
    pub services: Vec<Service>,
    /// `spec.secretEncryption.kms`, when the provider is Azure.
    pub kms: Option<AzureKms>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// `status.version`.
    #[serde(default)]
    pub version: VersionStatus,
    /// `status.controlPlaneEndpoint`.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
    /// `status.kubeconfig.name`.
    #[serde(default)]
    pub kubeconfig_secret: Option<String>,
    /// `status.payloadArch`.
    #[serde(default)]
    pub payload_arch: Option<String>,
    /// Whether `spec.configuration.proxy` names a proxy. Its URL may hold a password and is not kept.
    #[serde(default)]
    pub has_proxy: bool,
    /// `spec.platform.azure.azureAuthenticationConfig.managedIdentities`, where it signs in with them.
    #[serde(default)]
    pub managed_identities: Option<crate::fleet::ManagedIdentities>,
}

impl HostedCluster {
    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// The hostname and strategy under which a service is published.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.service == name)
    }

    /// Whether the API is not public: topology `Private` or `PublicAndPrivate`.
    pub fn has_private_endpoint(&self) -> bool {
        matches!(self.azure.topology.as_deref(), Some("Private" | "PublicAndPrivate"))
    }

    /// The ARM id of the managed resource group.
    pub fn managed_group(&self) -> ArmId {
        ArmId::of_group(&self.azure.subscription_id, &self.azure.resource_group)
    }

    /// The ARM id of the resource group that a role scope stands for; none when the HostedCluster names no such resource.
    pub fn scope(&self, scope: Scope) -> Option<ArmId> {
        let group_of = |id: &ArmId| Some(ArmId::of_group(id.subscription()?, id.resource_group()?));
        match scope {
            Scope::Managed => Some(self.managed_group()),
            Scope::NetworkSecurityGroup => group_of(&self.azure.security_group_id),
            Scope::Vnet => group_of(&self.azure.vnet_id),
            Scope::Dns => self.dns.public_zone_id.as_ref().and_then(group_of),
        }
    }

    /// The ARM id of the load balancer that gives workers their way out: it has the name of the infra id.
    pub fn egress_load_balancer(&self) -> ArmId {
        let path = format!("Microsoft.Network/loadBalancers/{}", self.infra_id);
        ArmId::in_group(&self.azure.subscription_id, &self.azure.resource_group, &path)
    }

    /// The client ids of its workload identities by key, the KMS identity included; none for managed identities.
    pub fn workload_identities(&self) -> Option<BTreeMap<&str, &str>> {
        let Authentication::WorkloadIdentities { client_ids } = &self.azure.authentication else {
            return None;
        };
        let mut ids: BTreeMap<&str, &str> = client_ids.iter().map(|(key, id)| (key.as_str(), id.as_str())).collect();
        if let Some(id) = self.kms.as_ref().and_then(|kms| kms.client_id.as_deref()) {
            ids.insert("kms", id);
        }
        Some(ids)
    }

    /// Whether this cluster needs a component's identity.
    pub fn requires(&self, component: &catalogue::Component) -> bool {
        match component.required {
            Required::Always => true,
            Required::PrivateEndpoint => self.has_private_endpoint(),
            Required::Kms => self.kms.is_some(),
        }
    }
}

/// `spec.platform.azure` of a HostedCluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzurePlatform {
    /// `cloud`, `AzurePublicCloud` by default.
    pub cloud: String,
    /// `location`.
    pub location: String,
    /// `resourceGroup`: the managed resource group.
    pub resource_group: String,
    /// `vnetID`.
    pub vnet_id: ArmId,
    /// `subnetID`.
    pub subnet_id: ArmId,
    /// `securityGroupID`.
    pub security_group_id: ArmId,
    /// `subscriptionID`.
    pub subscription_id: String,
    /// `tenantID`.
    pub tenant_id: String,
    /// `topology`: `Public`, `PublicAndPrivate` or `Private`; none means public.
    pub topology: Option<String>,
    /// `private.privateLink.natSubnetID`.
    pub nat_subnet_id: Option<ArmId>,
    /// `azureAuthenticationConfig`.
    pub authentication: Authentication,
}

/// How the control plane signs in to Azure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Authentication {
    /// Self-managed: federated workload identities; client ids by identity key of [`crate::catalogue`].
    #[serde(rename_all = "camelCase")]
    WorkloadIdentities {
        /// Client id by identity key.
        client_ids: BTreeMap<String, String>,
    },
    /// ARO-HCP style: managed identities with certificates in a Key Vault.
    ManagedIdentities,
}

/// `spec.dns`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dns {
    /// `baseDomain`.
    pub base_domain: String,
    /// `publicZoneID`.
    pub public_zone_id: Option<ArmId>,
    /// `privateZoneID`.
    pub private_zone_id: Option<ArmId>,
}

/// `spec.networking`, CIDRs as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Networking {
    /// Pod networks.
    pub cluster: Vec<String>,
    /// Service networks.
    pub service: Vec<String>,
    /// Machine networks.
    pub machine: Vec<String>,
}

/// One entry of `spec.services`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// `APIServer`, `OAuthServer`, `Konnectivity` or `Ignition`.
    pub service: String,
    /// `Route`, `LoadBalancer`, `NodePort` …
    pub strategy: String,
    /// The hostname, if one was given.
    pub hostname: Option<String>,
}

/// `spec.secretEncryption.kms.azure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureKms {
    /// `activeKey.keyVaultName`.
    pub vault: String,
    /// `activeKey.keyName`.
    pub key: String,
    /// `activeKey.keyVersion`.
    pub version: String,
    /// `workloadIdentity.clientID`.
    pub client_id: Option<String>,
}

/// `status.version`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VersionStatus {
    /// `desired.version`.
    pub desired: Option<String>,
    /// `desired.image`.
    pub desired_image: Option<String>,
    /// `history`, newest first.
    pub history: Vec<VersionHistory>,
}

impl VersionStatus {
    /// The version that counts for skew: the newest completed one, else the newest, else the desired one.
    pub fn effective(&self) -> Option<&str> {
        self.history
            .iter()
            .find(|entry| entry.state == "Completed")
            .or(self.history.first())
            .map(|entry| entry.version.as_str())
            .filter(|version| !version.is_empty())
            .or(self.desired.as_deref().filter(|version| !version.is_empty()))
    }
}

/// One entry of `status.version.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionHistory {
    /// `Completed` or `Partial`.
    pub state: String,
    /// Version.
    #[serde(default)]
    pub version: String,
    /// Release image.
    #[serde(default)]
    pub image: String,
    /// Start.
    pub started_at: Option<Timestamp>,
    /// End.
    pub completed_at: Option<Timestamp>,
}

/// `status.controlPlaneEndpoint`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// A NodePool of platform Azure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePool {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// `metadata.deletionTimestamp`.
    pub deleted_at: Option<Timestamp>,
    /// `metadata.generation`.
    #[serde(default)]
    pub generation: Option<i64>,
    /// `spec.release.image`.
    pub release_image: String,
    /// `spec.arch`.
    pub arch: Option<String>,
    /// `spec.replicas`.
    pub replicas: Option<i32>,
    /// `spec.autoScaling` as (min, max).
    pub auto_scaling: Option<(i32, i32)>,
    /// `spec.pausedUntil`.
    #[serde(default)]
    pub paused_until: Option<String>,
    /// `spec.platform.azure.vmSize`.
    pub vm_size: String,
    /// `spec.platform.azure.subnetID`.
    pub subnet_id: Option<ArmId>,
    /// `spec.platform.azure.availabilityZone`.
    pub zone: Option<String>,
    /// What else it asks for in the making of its machines.
    #[serde(default)]
    pub vm: VmOptions,
    /// `status.replicas`: ready nodes.
    pub ready_replicas: Option<i32>,
    /// `status.version`.
    pub version: Option<String>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl NodePool {
    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}

/// A Cluster API Machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Name.
    pub name: String,
    /// The NodePool it belongs to, without namespace.
    pub node_pool: Option<String>,
    /// `spec.infrastructureRef.name`: its AzureMachine.
    pub azure_machine: Option<String>,
    /// `status.phase`: `Pending`, `Provisioning`, `Provisioned`, `Running`, `Deleting`, `Failed` …
    pub phase: Option<String>,
    /// `status.nodeRef.name`.
    pub node: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// `metadata.deletionTimestamp`.
    pub deleted_at: Option<Timestamp>,
    /// `metadata.finalizers`.
    #[serde(default)]
    pub finalizers: Vec<String>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A CAPZ AzureMachine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureMachine {
    /// Name.
    pub name: String,
    /// `spec.vmSize`.
    pub vm_size: Option<String>,
    /// `spec.failureDomain`.
    pub zone: Option<String>,
    /// `spec.providerID`: `azure://` and the ARM id of the VM.
    #[serde(default)]
    pub provider_id: Option<String>,
    /// `status.vmState`.
    pub vm_state: Option<String>,
    /// `status.failureReason`.
    pub failure_reason: Option<String>,
    /// `status.failureMessage`.
    pub failure_message: Option<String>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A ControlPlaneComponent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Name: that of its Deployment or StatefulSet.
    pub name: String,
    /// `status.version`.
    pub version: Option<String>,
    /// `Available`, `RolloutComplete`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl Component {
    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}

/// A Deployment or StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// `Deployment` or `StatefulSet`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// `spec.replicas`.
    pub desired: i32,
    /// `status.readyReplicas`.
    pub ready: i32,
    /// `metadata.creationTimestamp`.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A pod of the control plane namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Name.
    pub name: String,
    /// The workload it belongs to, from its `app` label or its owner.
    pub app: Option<String>,
    /// `status.phase`.
    pub phase: Option<String>,
    /// `status.reason` or the PodScheduled condition's reason.
    pub reason: Option<String>,
    /// `status.message` or the PodScheduled condition's message.
    pub message: Option<String>,
    /// `status.startTime`, else the creation time.
    pub started_at: Option<Timestamp>,
    /// Its containers, init containers included.
    pub containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Name.
    pub name: String,
    /// Whether it is an init container.
    #[serde(default)]
    pub init: bool,
    /// `ready`.
    pub ready: bool,
    /// `restartCount`.
    pub restarts: i32,
    /// `state.waiting.reason`.
    pub waiting_reason: Option<String>,
    /// `state.waiting.message`.
    pub waiting_message: Option<String>,
    /// `lastState.terminated.reason` or `state.terminated.reason`.
    pub terminated_reason: Option<String>,
    /// Exit code of that termination.
    pub exit_code: Option<i32>,
    /// End of that termination.
    pub terminated_at: Option<Timestamp>,
    /// The token that a token minter of this pod asks for, where this container is one.
    #[serde(default)]
    pub token_minter: Option<TokenMinter>,
    /// `AZURE_CLIENT_ID` of its environment.
    #[serde(default)]
    pub azure_client_id: Option<String>,
    /// Whether it is an init container that keeps running beside the others: a native side-car.
    #[serde(default)]
    pub sidecar: bool,
    /// `AZURE_TENANT_ID` of its environment.
    #[serde(default)]
    pub azure_tenant_id: Option<String>,
    /// `AZURE_FEDERATED_TOKEN_FILE` of its environment.
    #[serde(default)]
    pub azure_token_file: Option<String>,
}

/// What a token minter side-car asks the hosted API server for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenMinter {
    /// `--token-audience`.
    pub audience: Option<String>,
    /// `--service-account-namespace` and `--service-account-name` as a subject.
    pub subject: Option<String>,
    /// `--token-file`.
    #[serde(default)]
    pub file: Option<String>,
}

/// A warning event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The object it is about, as `Pod/name`.
    pub about: String,
    /// Reason.
    pub reason: String,
    /// Message.
    pub message: String,
    /// Last time it was seen.
    pub last_seen: Option<Timestamp>,
    /// How often it was seen.
    pub count: i32,
}

/// A line of a container's log, redacted and cut to 2,000 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// Pod.
    pub pod: String,
    /// The workload the pod belongs to.
    pub app: Option<String>,
    /// Container.
    pub container: String,
    /// The time in the line, if it carries one.
    pub time: Option<Timestamp>,
    /// The time of the last line of that log: how old the evidence is by the log's own clock.
    pub log_end: Option<Timestamp>,
    /// The line.
    pub text: String,
}
