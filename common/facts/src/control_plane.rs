//! Certificates, Cluster API objects, volumes and settings of the control plane.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hosted::Condition;
use crate::{ArmId, Fact};

/// Certificates, Cluster API objects, volumes and settings of the control plane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlPlane {
    /// Certificates in Secrets of the control plane namespace, public parts only, sorted by Secret and key.
    pub certificates: Fact<Vec<Certificate>>,
    /// The Cluster API Cluster, named after the infra id.
    pub cluster: Fact<ApiCluster>,
    /// The CAPZ AzureCluster, named after the HostedCluster.
    pub azure_cluster: Fact<AzureCluster>,
    /// The CAPZ AzureClusterIdentity, named after the HostedCluster.
    pub azure_identity: Fact<AzureClusterIdentity>,
    /// MachineHealthChecks, sorted by name.
    pub health_checks: Fact<Vec<MachineHealthCheck>>,
    /// PersistentVolumeClaims of etcd, sorted by name.
    pub volumes: Fact<Vec<VolumeClaim>>,
}

/// The first certificate below one key of a Secret. Nothing of the private key is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The Secret.
    pub secret: String,
    /// The key of the Secret, as `tls.crt`.
    pub key: String,
    /// The subject, as `O=system:masters, CN=system:admin`.
    pub subject: String,
    /// The issuer's subject.
    pub issuer: String,
    /// DNS names and addresses that it stands for.
    #[serde(default)]
    pub names: Vec<String>,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// The beginning of its validity.
    pub not_before: Timestamp,
    /// The end of its validity.
    pub not_after: Timestamp,
}

/// A Cluster API Cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiCluster {
    /// Name.
    pub name: String,
    /// `status.phase`.
    pub phase: Option<String>,
    /// `spec.paused`.
    #[serde(default)]
    pub paused: bool,
    /// `status.infrastructureReady`, which v1beta2 calls `status.initialization.infrastructureProvisioned`.
    pub infrastructure_ready: Option<bool>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A CAPZ AzureCluster.
///
/// HyperShift manages it: CAPZ does not reconcile it, and its spec repeats the HostedCluster's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureCluster {
    /// Name.
    pub name: String,
    /// `spec.location`.
    pub location: Option<String>,
    /// `spec.resourceGroup`.
    pub resource_group: Option<String>,
    /// `spec.subscriptionID`.
    pub subscription_id: Option<String>,
    /// `spec.networkSpec.vnet.id`.
    pub vnet_id: Option<ArmId>,
    /// `spec.networkSpec.nodeOutboundLB.name`.
    pub outbound_load_balancer: Option<String>,
    /// `spec.identityRef.name`.
    pub identity: Option<String>,
    /// `status.ready`.
    pub ready: Option<bool>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A CAPZ AzureClusterIdentity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureClusterIdentity {
    /// Name.
    pub name: String,
    /// `spec.type`: `WorkloadIdentity`, or `UserAssignedIdentityCredential` for managed identities.
    pub kind: String,
    /// `spec.clientID`.
    pub client_id: Option<String>,
    /// `spec.tenantID`.
    pub tenant_id: Option<String>,
}

/// A Cluster API MachineHealthCheck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineHealthCheck {
    /// Name; HyperShift gives it that of the NodePool.
    pub name: String,
    /// The limit of unhealthy machines, as a count or a share.
    pub max_unhealthy: Option<String>,
    /// `status.expectedMachines`.
    pub expected: Option<i32>,
    /// `status.currentHealthy`.
    pub healthy: Option<i32>,
    /// `status.remediationsAllowed`.
    pub remediations_allowed: Option<i32>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A PersistentVolumeClaim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeClaim {
    /// Name.
    pub name: String,
    /// `status.phase`: `Pending`, `Bound` or `Lost`.
    pub phase: Option<String>,
    /// `spec.storageClassName`.
    pub storage_class: Option<String>,
    /// `spec.resources.requests.storage`.
    pub size: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
}
