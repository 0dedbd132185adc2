//! What a control plane's namespace holds besides components: etcd with its volume, Cluster API's objects, certificates.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

use super::kubernetes::{condition, pod};
use super::{INFRA_ID, NAME, azure};

/// A certificate and its key in PEM. One serves the whole run, so that objects that are applied again stay as they are.
static CERTIFICATE: LazyLock<Option<(String, String)>> = LazyLock::new(|| certificate(365).ok());

/// A self-signed certificate that ends in so many days, and its key, both in PEM.
///
/// # Errors
/// None is known: the names are valid.
pub fn certificate(days: i64) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(vec!["kube-apiserver".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "kubernetes");
    let date = |days: i64| {
        let date =
            (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_zoned(jiff::tz::TimeZone::UTC);
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = date(-400);
    params.not_after = date(days);
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// The Secret of a certificate, as the control plane operator leaves it.
pub fn certificate_secret(namespace: &str, name: &str, pem: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "type": "Opaque",
        "data": {"tls.crt": BASE64_STANDARD.encode(pem), "tls.key": BASE64_STANDARD.encode(key)},
    })
}

/// etcd, the Cluster API objects and a certificate, all as they should be.
pub(super) fn objects(namespace: &str) -> Vec<Value> {
    let mut objects = etcd(namespace);
    objects.extend(cluster_api(namespace));
    if let Some((pem, key)) = CERTIFICATE.as_ref() {
        objects.push(certificate_secret(namespace, "kas-server-crt", pem, key));
    }
    objects
}

fn etcd(namespace: &str) -> Vec<Value> {
    let mut member = pod(namespace, "etcd");
    member["metadata"]["name"] = json!("etcd-0");
    vec![
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "etcd", "namespace": namespace},
            "spec": {
                "replicas": 1, "serviceName": "etcd-discovery", "selector": {"matchLabels": {"app": "etcd"}},
                "template": {
                    "metadata": {"labels": {"app": "etcd"}}, "spec": {"containers": [{"name": "etcd", "image": "img"}]},
                },
            },
            "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "availableReplicas": 1},
        }),
        member,
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data-etcd-0", "namespace": namespace, "labels": {"app": "etcd"}},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": "managed-csi", "volumeName": "pv-etcd-0",
                "resources": {"requests": {"storage": "8Gi"}},
            },
            "status": {"phase": "Bound"},
        }),
    ]
}

fn cluster_api(namespace: &str) -> Vec<Value> {
    let infrastructure = "infrastructure.cluster.x-k8s.io/v1beta1";
    let vnet = azure::vnet_id();
    vec![
        json!({
            "apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster",
            "metadata": {"name": INFRA_ID, "namespace": namespace},
            "spec": {"infrastructureRef": {"apiVersion": infrastructure, "kind": "AzureCluster", "name": NAME, "namespace": namespace}},
            "status": {
                "phase": "Provisioned", "infrastructureReady": true,
                "conditions": [{
                    "type": "InfrastructureReady", "status": "True",
                    "lastTransitionTime": condition("InfrastructureReady", "True", "", "")["lastTransitionTime"],
                }],
            },
        }),
        json!({
            "apiVersion": infrastructure, "kind": "AzureCluster",
            "metadata": {
                "name": NAME, "namespace": namespace, "annotations": {"cluster.x-k8s.io/managed-by": "external"},
            },
            "spec": {
                "location": "eastus", "resourceGroup": format!("{NAME}-{INFRA_ID}"),
                "subscriptionID": azure_sim::seed::SUBSCRIPTION,
                "identityRef": {"name": NAME, "namespace": namespace},
                "networkSpec": {
                    "vnet": {"id": vnet, "name": vnet.rsplit('/').next()},
                    "nodeOutboundLB": {"name": INFRA_ID, "backendPool": {"name": INFRA_ID}},
                },
            },
            "status": {"ready": true},
        }),
        json!({
            "apiVersion": infrastructure, "kind": "AzureClusterIdentity",
            "metadata": {"name": NAME, "namespace": namespace},
            "spec": {
                "type": "WorkloadIdentity", "clientID": azure::client_id("nodePoolManagement"),
                "tenantID": azure_sim::seed::TENANT, "allowedNamespaces": {"list": [namespace]},
            },
        }),
    ]
}
