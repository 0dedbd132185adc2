//! Cluster API's objects and etcd's volumes in a dump. No dump holds Secrets, and few hold AzureClusterIdentities.

use facts::control_plane::ControlPlane;
use facts::{Fact, Need};
use serde_json::Value;

use super::Dump;
use crate::bundle::layout::Collection;
use crate::kubernetes::objects;

const CLUSTER_API: &str = "cluster.x-k8s.io";
const CAPZ: &str = "infrastructure.cluster.x-k8s.io";

impl Dump<'_> {
    pub(super) fn control_plane(&self, infra_id: &str) -> ControlPlane {
        let mut plane = ControlPlane::default();
        if self.wants(Need::Certificates) {
            plane.certificates = self.not_recorded("a Kubernetes dump holds no Secrets");
        }
        if self.wants(Need::ClusterApi) {
            plane.cluster = self.named(CLUSTER_API, "clusters", "Cluster", infra_id, objects::api_cluster);
            let name = &self.target.name;
            plane.azure_cluster = self.named(CAPZ, "azureclusters", "AzureCluster", name, objects::azure_cluster);
            plane.azure_identity = self.named(
                CAPZ,
                "azureclusteridentities",
                "AzureClusterIdentity",
                name,
                objects::azure_cluster_identity,
            );
            let checks = self.of_plane(CLUSTER_API, "machinehealthchecks");
            plane.health_checks = self.listed(&checks, "MachineHealthCheck", objects::machine_health_check);
        }
        if self.wants(Need::Volumes) {
            let claims = self.of_plane("", "persistentvolumeclaims");
            plane.volumes = self.listed(&claims, "PersistentVolumeClaim", objects::etcd_volume);
        }
        plane
    }

    fn of_plane(&self, group: &str, resource: &str) -> Collection {
        Collection::new(&self.target.control_plane_namespace(), group, resource)
    }

    fn named<T>(
        &self,
        group: &str,
        resource: &str,
        kind: &str,
        name: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Fact<T> {
        let meant = |object: &Value| objects::str_at(object, "/metadata/name") == Some(name);
        match self.listed(&self.of_plane(group, resource), kind, |object| meant(object).then(|| read(object)).flatten())
        {
            Fact::Known(found) => found.into_iter().next().into(),
            Fact::Absent => Fact::Absent,
            Fact::Unreadable(gap) => Fact::Unreadable(gap),
        }
    }
}
