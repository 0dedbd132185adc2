//! The management cluster as a host, and the other hosted clusters.

use std::collections::BTreeMap;

use facts::Need;
use facts::fleet::{ClusterOperator, MachineConfigPool, Node, Others, Resources, SecretProviderClass, StorageClass};
use facts::oidc::KeyProblem;

use super::{Lookup, Read, View};

impl<'a> View<'a> {
    /// The nodes of the management cluster.
    pub fn host_nodes(&self) -> Read<'a, Vec<Node>> {
        self.read(Need::ManagementNodes).management.fleet.nodes.known("the list of nodes")
    }

    /// What the pods of the management cluster request, by node.
    pub fn host_requests(&self) -> Read<'a, BTreeMap<String, Resources>> {
        self.read(Need::ManagementNodes).management.fleet.requests.known("the list of pods")
    }

    /// The StorageClasses of the management cluster.
    pub fn storage_classes(&self) -> Read<'a, Vec<StorageClass>> {
        self.read(Need::ManagementNodes).management.fleet.storage_classes.known("the list of StorageClasses")
    }

    /// The ClusterOperators of the management cluster; absent where it is no OpenShift.
    pub fn host_operators(&self) -> Lookup<'a, Vec<ClusterOperator>> {
        self.read(Need::ManagementNodes).management.fleet.cluster_operators.present()
    }

    /// The MachineConfigPools of the management cluster; absent where it is no OpenShift.
    pub fn machine_config_pools(&self) -> Lookup<'a, Vec<MachineConfigPool>> {
        self.read(Need::ManagementNodes).management.fleet.machine_config_pools.present()
    }

    /// The other hosted clusters of the management cluster.
    pub fn others(&self) -> Read<'a, Others> {
        self.read(Need::OtherClusters).management.fleet.others.known("the list of HostedClusters")
    }

    /// SecretProviderClasses of the control plane namespace; absent where their kind is not served.
    pub fn secret_providers(&self) -> Lookup<'a, Vec<SecretProviderClass>> {
        self.read(Need::SecretProviders).management.fleet.secret_providers.present()
    }

    /// Why the Secret of the signing key is none that HyperShift can use; none when it can, or was not read.
    pub fn signing_key_problem(&self) -> Option<&'a KeyProblem> {
        self.read(Need::SigningKey).oidc.signing_key_problem.as_ref()
    }
}
