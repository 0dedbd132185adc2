//! The management cluster as a host: its nodes, and the other hosted clusters.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hosted::Condition;
use crate::{ArmId, Fact};

/// The management cluster as a host: its nodes, and the other hosted clusters.
///
/// All but the SecretProviderClasses is the same for every hosted cluster of the management cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fleet {
    /// Its nodes, sorted by name.
    pub nodes: Fact<Vec<Node>>,
    /// What the pods on each node request, by the node's name. A node without pods has no entry.
    pub requests: Fact<BTreeMap<String, Resources>>,
    /// Its StorageClasses, sorted by name.
    pub storage_classes: Fact<Vec<StorageClass>>,
    /// Its ClusterOperators, sorted by name; absent where it is no OpenShift.
    pub cluster_operators: Fact<Vec<ClusterOperator>>,
    /// Its MachineConfigPools, sorted by name; absent where it is no OpenShift.
    pub machine_config_pools: Fact<Vec<MachineConfigPool>>,
    /// The other hosted clusters, as far as they share something with this one.
    pub others: Fact<Others>,
    /// SecretProviderClasses of the control plane namespace, sorted by name; absent where their kind is not served.
    pub secret_providers: Fact<Vec<SecretProviderClass>>,
}

/// CPU, memory and places for pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// Thousandths of a core.
    pub cpu_millis: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// Pods.
    pub pods: i64,
}

impl Resources {
    /// What is left of it, never below nothing.
    #[must_use]
    pub fn less(self, used: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_sub(used.cpu_millis).max(0),
            memory_bytes: self.memory_bytes.saturating_sub(used.memory_bytes).max(0),
            pods: self.pods.saturating_sub(used.pods).max(0),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_add(more.cpu_millis),
            memory_bytes: self.memory_bytes.saturating_add(more.memory_bytes),
            pods: self.pods.saturating_add(more.pods),
        }
    }
}

/// A node of the management cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Name.
    pub name: String,
    /// Whether its condition Ready is True.
    pub ready: bool,
    /// Since when that is so.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// `spec.unschedulable`: it is cordoned.
    #[serde(default)]
    pub unschedulable: bool,
    /// Label `topology.kubernetes.io/zone`.
    #[serde(default)]
    pub zone: Option<String>,
    /// `status.nodeInfo.architecture`.
    #[serde(default)]
    pub arch: Option<String>,
    /// Taints that keep pods away: those with effect NoSchedule or NoExecute.
    #[serde(default)]
    pub taints: Vec<Taint>,
    /// `status.allocatable`.
    #[serde(default)]
    pub allocatable: Resources,
    /// How many Azure disks it can have, from its CSINode; none when that does not say.
    #[serde(default)]
    pub disk_slots: Option<i64>,
    /// How many Azure disks it has.
    #[serde(default)]
    pub disks: i64,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; empty without one.
    #[serde(default)]
    pub value: String,
}

/// A StorageClass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageClass {
    /// Name.
    pub name: String,
    /// `provisioner`.
    pub provisioner: String,
    /// Whether it is the default.
    #[serde(default)]
    pub default: bool,
    /// `volumeBindingMode`: `Immediate` where none is given.
    pub binding_mode: String,
}

/// A ClusterOperator of the management cluster: its conditions Available, Degraded and Progressing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterOperator {
    /// Name.
    pub name: String,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A MachineConfigPool of the management cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineConfigPool {
    /// Name.
    pub name: String,
    /// `spec.paused`.
    #[serde(default)]
    pub paused: bool,
    /// Its conditions Updated, Updating and Degraded.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// The other hosted clusters of the management cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Others {
    /// How many there are on Azure.
    pub count: usize,
    /// Those that share a client id, the issuer or the infra id with this one, or stand in its managed resource group,
    /// sorted by namespace and name.
    pub related: Vec<Relative>,
}

/// Another hosted cluster, and what it shares with this one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Relative {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Its identity keys by the client ids that both name, in lower case.
    pub client_ids: BTreeMap<String, Vec<String>>,
    /// Whether both have the same issuer.
    pub same_issuer: bool,
    /// Whether both have the same infra id.
    pub same_infra_id: bool,
    /// What it names that lies in this cluster's managed resource group, or is that group; sorted.
    pub within: Vec<ArmId>,
}

/// A SecretProviderClass of provider `azure`: which objects of which Key Vault are mounted. It holds no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretProviderClass {
    /// Name.
    pub name: String,
    /// `spec.parameters.keyvaultName`.
    pub vault: String,
    /// `spec.parameters.tenantId`.
    pub tenant_id: String,
    /// `spec.parameters.userAssignedIdentityID`: the client id of the identity that reads the vault.
    pub reader_client_id: String,
    /// The objects that it mounts.
    pub objects: Vec<SecretObject>,
}

/// An object of a Key Vault that is mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretObject {
    /// `objectName`.
    pub name: String,
    /// `objectEncoding`; `utf-8` where none is given.
    pub encoding: String,
}

/// How a HostedCluster with managed identities names them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedIdentities {
    /// `controlPlane.managedIdentitiesKeyVault.name`.
    pub vault: String,
    /// `controlPlane.managedIdentitiesKeyVault.tenantID`.
    pub tenant_id: String,
    /// The identities by their key below `controlPlane`, and `kms`.
    pub identities: BTreeMap<String, ManagedIdentity>,
}

/// A managed identity whose credentials are an object of a Key Vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedIdentity {
    /// `clientID`.
    pub client_id: Option<String>,
    /// `credentialsSecretName`: the object of the Key Vault.
    pub secret_name: String,
    /// `objectEncoding`.
    pub encoding: String,
}
