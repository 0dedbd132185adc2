//! ExternalDNS, and the Services that names of the cluster should lead to.

use facts::dns::{DnsCredentials, ExternalDns, ServiceAddresses};
use facts::hosted::{LogLine, Pod};
use facts::{Fact, Target};
use kube::api::ListParams;
use secrecy::SecretString;

use super::{OPERATOR_NAMESPACE, got, listed};
use crate::kubernetes::connection::{Connection, path};
use crate::kubernetes::kubeconfig_secret::{NoKubeconfig, Published};
use crate::kubernetes::objects;

/// The Deployment that `hypershift install` and MCE make.
const EXTERNAL_DNS: &str = "external-dns";
/// The keys under which credentials are kept. Source: openshift/hypershift cmd/install (`credentials`); external-dns.
const KEYS: [&str; 2] = ["credentials", "azure.json"];

impl Connection {
    /// ExternalDNS of the management cluster, with the shape of its credentials.
    pub(crate) async fn external_dns(&self) -> Fact<ExternalDns> {
        self.shared().external_dns.or(Box::pin(self.read_external_dns())).await
    }

    async fn read_external_dns(&self) -> Fact<ExternalDns> {
        let read = async {
            let collection = path("/apis/apps/v1", Some(OPERATOR_NAMESPACE), "deployments")?;
            self.get(&format!("{collection}/{EXTERNAL_DNS}")).await
        };
        let object = match got(read.await, "deployments.apps", Some(OPERATOR_NAMESPACE)) {
            Fact::Known(object) => object,
            Fact::Absent => return Fact::Absent,
            Fact::Unreadable(gap) => return Fact::Unreadable(gap),
        };
        let Some((mut found, secret)) = objects::external_dns(&object) else { return Fact::Absent };
        found.credentials = match secret {
            Some(secret) => self.dns_credentials(&secret).await,
            None => Fact::Absent,
        };
        Fact::Known(found)
    }

    async fn dns_credentials(&self, name: &str) -> Fact<DnsCredentials> {
        match got(self.secret(OPERATOR_NAMESPACE, name, &KEYS).await, "secrets", Some(OPERATOR_NAMESPACE)) {
            Fact::Known(value) => Fact::Known(objects::dns_credentials(name, value.as_deref().map(Vec::as_slice))),
            Fact::Absent => Fact::Absent,
            Fact::Unreadable(gap) => Fact::Unreadable(gap),
        }
    }

    /// The lines of ExternalDNS's log that speak of refusals.
    pub(crate) async fn external_dns_log(&self) -> Fact<Vec<LogLine>> {
        self.shared().external_dns_log.or(Box::pin(self.read_external_dns_log())).await
    }

    async fn read_external_dns_log(&self) -> Fact<Vec<LogLine>> {
        let list = async {
            let pods = path("/api/v1", Some(OPERATOR_NAMESPACE), "pods")?;
            self.list(&pods, ListParams::default().labels("app=external-dns")).await
        };
        let pods = listed(list.await, "pods", Some(OPERATOR_NAMESPACE), objects::pod);
        let pods: Vec<Pod> = match pods {
            Fact::Known(pods) => pods.into_iter().filter(|pod| pod.app.as_deref() == Some(EXTERNAL_DNS)).collect(),
            Fact::Absent => return Fact::Absent,
            Fact::Unreadable(gap) => return Fact::Unreadable(gap),
        };
        self.refusals_in(OPERATOR_NAMESPACE, &pods).await
    }

    /// The Services of type LoadBalancer of a control plane and their addresses.
    pub(crate) async fn load_balancer_services(&self, target: &Target) -> Fact<Vec<ServiceAddresses>> {
        let namespace = target.control_plane_namespace();
        let list = async {
            let services = path("/api/v1", Some(&namespace), "services")?;
            self.list(&services, ListParams::default()).await
        };
        let mut found = listed(list.await, "services", Some(&namespace), objects::service_addresses);
        if let Fact::Known(services) = &mut found {
            services.sort_by(|a, b| a.name.cmp(&b.name));
        }
        found
    }

    /// The kubeconfig that a HostedCluster publishes in this Secret; absent when there is none.
    pub(crate) async fn admin_kubeconfig(&self, target: &Target, secret: Option<&str>) -> Fact<SecretString> {
        let published = Published { target: target.clone(), secret: secret.map(str::to_owned), available: None };
        match self.kubeconfigs_of(&[published]).await.pop() {
            Some(Ok(kubeconfig)) => Fact::Known(kubeconfig),
            Some(Err(NoKubeconfig::Kubernetes(error, namespace))) => {
                Fact::Unreadable(error.gap("get", "secrets", Some(&namespace)))
            }
            Some(Err(_)) | None => Fact::Absent,
        }
    }
}
