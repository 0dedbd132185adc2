//! Certificates, Cluster API objects, volumes and settings of the control plane.

use facts::Need;
use facts::control_plane::{
    ApiCluster, AzureCluster, AzureClusterIdentity, Certificate, MachineHealthCheck, VolumeClaim,
};

use super::{Lookup, Read, View};

impl<'a> View<'a> {
    /// Certificates in the Secrets of the control plane namespace.
    pub fn certificates(&self) -> Read<'a, Vec<Certificate>> {
        self.read(Need::Certificates).hosted.control_plane.certificates.known("the list of Secrets")
    }

    /// The Cluster API Cluster; absent when there is none.
    pub fn api_cluster(&self) -> Lookup<'a, ApiCluster> {
        self.read(Need::ClusterApi).hosted.control_plane.cluster.present()
    }

    /// The AzureCluster; absent when there is none.
    pub fn azure_cluster(&self) -> Lookup<'a, AzureCluster> {
        self.read(Need::ClusterApi).hosted.control_plane.azure_cluster.present()
    }

    /// The AzureClusterIdentity; absent when there is none.
    pub fn azure_cluster_identity(&self) -> Lookup<'a, AzureClusterIdentity> {
        self.read(Need::ClusterApi).hosted.control_plane.azure_identity.present()
    }

    /// MachineHealthChecks.
    pub fn machine_health_checks(&self) -> Read<'a, Vec<MachineHealthCheck>> {
        self.read(Need::ClusterApi).hosted.control_plane.health_checks.known("the list of MachineHealthChecks")
    }

    /// PersistentVolumeClaims of etcd.
    pub fn etcd_volumes(&self) -> Read<'a, Vec<VolumeClaim>> {
        self.read(Need::Volumes).hosted.control_plane.volumes.known("the list of PersistentVolumeClaims")
    }
}
