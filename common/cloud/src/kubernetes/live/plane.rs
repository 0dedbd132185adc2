//! What else the control plane namespace holds: Cluster API's objects, etcd's volumes, certificates.

use facts::control_plane::{
    ApiCluster, AzureCluster, AzureClusterIdentity, Certificate, MachineHealthCheck, VolumeClaim,
};
use facts::{Fact, Target};
use kube::api::ListParams;
use zeroize::Zeroizing;

use super::{listed, not_served};
use crate::certificates::{self, Secret};
use crate::kubernetes::connection::{Connection, path, request, unusable};
use crate::kubernetes::error::KubeError;
use crate::kubernetes::objects;

/// How many Secrets one answer holds: they are the largest objects of the namespace.
const SECRETS_PAGE: u32 = 100;
/// How many such answers there may be.
const MAX_SECRET_PAGES: usize = 100;

const CLUSTER_API: [&str; 2] = ["/apis/cluster.x-k8s.io/v1beta2", "/apis/cluster.x-k8s.io/v1beta1"];
const CAPZ: &str = "/apis/infrastructure.cluster.x-k8s.io/v1beta1";

impl Connection {
    /// The Cluster of an infra id.
    pub(crate) async fn api_cluster(&self, target: &Target, infra_id: &str) -> Fact<ApiCluster> {
        let namespace = target.control_plane_namespace();
        let found = self.of_cluster_api(&namespace, "clusters").await;
        let found = listed(found, "clusters.cluster.x-k8s.io", Some(&namespace), objects::api_cluster);
        named(found, |cluster| cluster.name == infra_id)
    }

    /// The AzureCluster of a HostedCluster.
    pub(crate) async fn azure_cluster(&self, target: &Target) -> Fact<AzureCluster> {
        let namespace = target.control_plane_namespace();
        let resource = "azureclusters.infrastructure.cluster.x-k8s.io";
        let found = self.of_plane(CAPZ, &namespace, "azureclusters", ListParams::default()).await;
        named(listed(found, resource, Some(&namespace), objects::azure_cluster), |cluster| cluster.name == target.name)
    }

    /// The AzureClusterIdentity of a HostedCluster.
    pub(crate) async fn azure_cluster_identity(&self, target: &Target) -> Fact<AzureClusterIdentity> {
        let namespace = target.control_plane_namespace();
        let resource = "azureclusteridentities.infrastructure.cluster.x-k8s.io";
        let found = self.of_plane(CAPZ, &namespace, "azureclusteridentities", ListParams::default()).await;
        let found = listed(found, resource, Some(&namespace), objects::azure_cluster_identity);
        named(found, |identity| identity.name == target.name)
    }

    /// The MachineHealthChecks of a control plane namespace.
    pub(crate) async fn machine_health_checks(&self, target: &Target) -> Fact<Vec<MachineHealthCheck>> {
        let namespace = target.control_plane_namespace();
        let found = self.of_cluster_api(&namespace, "machinehealthchecks").await;
        let resource = "machinehealthchecks.cluster.x-k8s.io";
        sorted(listed(found, resource, Some(&namespace), objects::machine_health_check), |check| check.name.clone())
    }

    /// The PersistentVolumeClaims of etcd.
    pub(crate) async fn etcd_volumes(&self, target: &Target) -> Fact<Vec<VolumeClaim>> {
        let namespace = target.control_plane_namespace();
        let found = self.of_plane("/api/v1", &namespace, "persistentvolumeclaims", ListParams::default()).await;
        let found = listed(found, "persistentvolumeclaims", Some(&namespace), objects::etcd_volume);
        sorted(found, |claim| claim.name.clone())
    }

    /// The certificates in the Secrets of a control plane namespace. Answers are wiped after they were read, and nothing
    /// but certificates is taken from them.
    pub(crate) async fn certificates(&self, target: &Target) -> Fact<Vec<Certificate>> {
        let namespace = target.control_plane_namespace();
        match self.secret_pages(&namespace).await {
            Ok(found) => {
                sorted(Fact::Known(found), |certificate| (certificate.secret.clone(), certificate.key.clone()))
            }
            Err(KubeError::NotFound { .. }) => Fact::Unreadable(not_served("secrets")),
            Err(error) => Fact::Unreadable(error.gap("list", "secrets", Some(&namespace))),
        }
    }

    async fn secret_pages(&self, namespace: &str) -> Result<Vec<Certificate>, KubeError> {
        #[derive(serde::Deserialize)]
        struct Page {
            metadata: PageMetadata,
            #[serde(default)]
            items: Vec<Secret>,
        }
        #[derive(serde::Deserialize)]
        struct PageMetadata {
            #[serde(rename = "continue", default)]
            next: String,
        }
        let collection = path("/api/v1", Some(namespace), "secrets")?;
        let mut found = Vec::new();
        let mut next = String::new();
        for _ in 0..MAX_SECRET_PAGES {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("limit", &SECRETS_PAGE.to_string());
            if !next.is_empty() {
                query.append_pair("continue", &next);
            }
            let body = Zeroizing::new(self.send(request(&format!("{collection}?{}", query.finish()))?).await?);
            // The parser's message might quote what it stumbled over.
            let page: Page = serde_json::from_slice(&body).map_err(|_| unusable("the list of Secrets is no JSON"))?;
            found.extend(page.items.iter().flat_map(certificates::of_secret));
            if page.metadata.next.is_empty() {
                return Ok(found);
            }
            next = page.metadata.next;
        }
        Err(unusable("a list without end"))
    }

    async fn of_plane(
        &self,
        version: &str,
        namespace: &str,
        plural: &str,
        params: ListParams,
    ) -> Result<Vec<serde_json::Value>, KubeError> {
        self.list(&path(version, Some(namespace), plural)?, params).await
    }

    /// Newer operators serve both versions and will drop the older one; older operators know only that.
    async fn of_cluster_api(&self, namespace: &str, plural: &str) -> Result<Vec<serde_json::Value>, KubeError> {
        let [newer, older] = CLUSTER_API;
        match self.of_plane(newer, namespace, plural, ListParams::default()).await {
            Err(KubeError::NotFound { .. }) => self.of_plane(older, namespace, plural, ListParams::default()).await,
            found => found,
        }
    }
}

/// The one object of a list that is meant.
fn named<T>(list: Fact<Vec<T>>, is_meant: impl Fn(&T) -> bool) -> Fact<T> {
    match list {
        Fact::Known(all) => all.into_iter().find(|one| is_meant(one)).into(),
        Fact::Absent => Fact::Absent,
        Fact::Unreadable(gap) => Fact::Unreadable(gap),
    }
}

fn sorted<T, K: Ord>(list: Fact<Vec<T>>, key: impl Fn(&T) -> K) -> Fact<Vec<T>> {
    list.map(|mut all| {
        all.sort_by_key(key);
        all
    })
}
