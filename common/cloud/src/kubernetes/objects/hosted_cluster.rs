//! HostedCluster, `hypershift.openshift.io/v1beta1`.

use std::collections::BTreeMap;

use facts::hosted::{
    Authentication, AzureKms, AzurePlatform, Dns, Endpoint, HostedCluster, Networking, Service, VersionHistory,
    VersionStatus,
};
use facts::{ArmId, Target, redact};
use serde_json::Value;

use super::json::{conditions, free_text, int64, items, members, str_at, string, strings, text, time};

/// The prefix of the annotations that HyperShift reads.
const ANNOTATION_PREFIX: &str = "hypershift.openshift.io/";

/// Why an object is no HostedCluster that we can speak about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostedClusterError {
    /// The object is of another kind, or has no name.
    #[error("the object is {found}, not a HostedCluster")]
    OtherKind {
        /// What it is.
        found: String,
    },
    /// The HostedCluster runs on another platform.
    #[error("HostedCluster {target} is of platform {platform}, not Azure")]
    OtherPlatform {
        /// The HostedCluster.
        target: Target,
        /// `spec.platform.type`.
        platform: String,
    },
    /// The HostedCluster says it is of platform Azure and has no `spec.platform.azure`.
    #[error("HostedCluster {target} has no spec.platform.azure")]
    NoPlatform {
        /// The HostedCluster.
        target: Target,
    },
}

/// Reads a HostedCluster of platform Azure.
///
/// Missing strings read as empty ones: the API server guards required fields, and a dump may be older than a field.
///
/// # Errors
/// [`HostedClusterError`] when the object is of another kind or another platform.
pub fn hosted_cluster(object: &Value) -> Result<HostedCluster, HostedClusterError> {
    let kind = str_at(object, "/kind").unwrap_or("HostedCluster");
    let target = target(object).filter(|_| kind == "HostedCluster").ok_or_else(|| {
        let found = if kind == "HostedCluster" { "without a name".to_owned() } else { format!("of kind {kind}") };
        HostedClusterError::OtherKind { found }
    })?;
    let platform = platform(object).unwrap_or_else(|| "unknown".to_owned());
    if platform != "Azure" {
        return Err(HostedClusterError::OtherPlatform { target, platform });
    }
    let Some(azure) = object.pointer("/spec/platform/azure").filter(|azure| azure.is_object()) else {
        return Err(HostedClusterError::NoPlatform { target });
    };
    Ok(HostedCluster {
        namespace: target.namespace,
        name: target.name,
        created_at: time(object, "/metadata/creationTimestamp"),
        deleted_at: time(object, "/metadata/deletionTimestamp"),
        generation: int64(object, "/metadata/generation"),
        finalizers: strings(object, "/metadata/finalizers"),
        infra_id: string(object, "/spec/infraID"),
        issuer_url: string(object, "/spec/issuerURL"),
        release_image: string(object, "/spec/release/image"),
        signing_key_secret: text(object, "/spec/serviceAccountSigningKey/name"),
        pull_secret: text(object, "/spec/pullSecret/name"),
        paused_until: text(object, "/spec/pausedUntil"),
        controller_availability_policy: text(object, "/spec/controllerAvailabilityPolicy"),
        disabled_capabilities: strings(object, "/spec/capabilities/disabled"),
        annotations: annotations(object),
        azure: azure_platform(azure),
        dns: Dns {
            base_domain: string(object, "/spec/dns/baseDomain"),
            public_zone_id: arm_id(object, "/spec/dns/publicZoneID"),
            private_zone_id: arm_id(object, "/spec/dns/privateZoneID"),
        },
        networking: Networking {
            cluster: cidrs(object, "/spec/networking/clusterNetwork"),
            service: cidrs(object, "/spec/networking/serviceNetwork"),
            machine: cidrs(object, "/spec/networking/machineNetwork"),
        },
        services: items(object, "/spec/services").iter().filter_map(service).collect(),
        kms: azure_kms(object),
        conditions: conditions(object, "/status/conditions"),
        version: version_status(object),
        endpoint: endpoint(object),
        kubeconfig_secret: text(object, "/status/kubeconfig/name"),
        payload_arch: text(object, "/status/payloadArch"),
        has_proxy: ["httpProxy", "httpsProxy"]
            .iter()
            .any(|key| text(object, &format!("/spec/configuration/proxy/{key}")).is_some_and(|url| !url.is_empty())),
        managed_identities: super::managed_identities(object),
    })
}

/// Namespace and name of an object; none without a name.
pub fn target(object: &Value) -> Option<Target> {
    Some(Target { namespace: string(object, "/metadata/namespace"), name: text(object, "/metadata/name")? })
}

/// `spec.platform.type` of a HostedCluster.
pub fn platform(object: &Value) -> Option<String> {
    text(object, "/spec/platform/type")
}

fn annotations(object: &Value) -> BTreeMap<String, String> {
    members(object, "/metadata/annotations")
        .filter(|(key, _)| key.starts_with(ANNOTATION_PREFIX))
        .filter_map(|(key, value)| Some((key.clone(), redact::text(value.as_str()?))))
        .collect()
}

fn azure_platform(azure: &Value) -> AzurePlatform {
    AzurePlatform {
        cloud: text(azure, "/cloud").unwrap_or_else(|| "AzurePublicCloud".to_owned()),
        location: string(azure, "/location"),
        resource_group: string(azure, "/resourceGroup"),
        vnet_id: ArmId::new(string(azure, "/vnetID")),
        subnet_id: ArmId::new(string(azure, "/subnetID")),
        security_group_id: ArmId::new(string(azure, "/securityGroupID")),
        subscription_id: string(azure, "/subscriptionID"),
        tenant_id: string(azure, "/tenantID"),
        topology: text(azure, "/topology"),
        nat_subnet_id: arm_id(azure, "/private/privateLink/natSubnetID"),
        authentication: authentication(azure),
    }
}

fn authentication(azure: &Value) -> Authentication {
    let config = "/azureAuthenticationConfig";
    let kind = str_at(azure, &format!("{config}/azureAuthenticationConfigType"));
    if kind == Some("ManagedIdentities") {
        return Authentication::ManagedIdentities;
    }
    let client_ids = members(azure, &format!("{config}/workloadIdentities"))
        .filter_map(|(key, identity)| Some((key.clone(), text(identity, "/clientID")?)))
        .collect();
    Authentication::WorkloadIdentities { client_ids }
}

fn azure_kms(object: &Value) -> Option<AzureKms> {
    let kms = object.pointer("/spec/secretEncryption/kms")?;
    if str_at(kms, "/provider") != Some("Azure") {
        return None;
    }
    Some(AzureKms {
        vault: string(kms, "/azure/activeKey/keyVaultName"),
        key: string(kms, "/azure/activeKey/keyName"),
        version: string(kms, "/azure/activeKey/keyVersion"),
        client_id: text(kms, "/azure/workloadIdentity/clientID"),
    })
}

fn service(entry: &Value) -> Option<Service> {
    let strategy = entry.pointer("/servicePublishingStrategy").unwrap_or(&Value::Null);
    let hostname = ["/route/hostname", "/loadBalancer/hostname", "/nodePort/address"];
    Some(Service {
        service: text(entry, "/service")?,
        strategy: string(strategy, "/type"),
        hostname: hostname.iter().find_map(|pointer| text(strategy, pointer)),
    })
}

fn version_status(object: &Value) -> VersionStatus {
    VersionStatus {
        desired: text(object, "/status/version/desired/version"),
        desired_image: text(object, "/status/version/desired/image"),
        history: items(object, "/status/version/history")
            .iter()
            .map(|entry| VersionHistory {
                state: string(entry, "/state"),
                version: string(entry, "/version"),
                image: free_text(entry, "/image").unwrap_or_default(),
                started_at: time(entry, "/startedTime"),
                completed_at: time(entry, "/completionTime"),
            })
            .collect(),
    }
}

fn endpoint(object: &Value) -> Option<Endpoint> {
    Some(Endpoint {
        host: text(object, "/status/controlPlaneEndpoint/host")?,
        port: int64(object, "/status/controlPlaneEndpoint/port").and_then(|port| u16::try_from(port).ok())?,
    })
}

fn arm_id(value: &Value, pointer: &str) -> Option<ArmId> {
    text(value, pointer).map(ArmId::new)
}

fn cidrs(object: &Value, pointer: &str) -> Vec<String> {
    items(object, pointer).iter().filter_map(|entry| text(entry, "/cidr")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn sample() -> Value {
        json!({
            "kind": "HostedCluster",
            "metadata": {"name": "demo", "namespace": "clusters", "generation": 3,
                "annotations": {"hypershift.openshift.io/restart-date": "x", "kubectl.kubernetes.io/y": "z",
                    "hypershift.openshift.io/note": "password=hunter2"}},
            "spec": {
                "infraID": "demo-x", "issuerURL": "https://i", "release": {"image": "r:4.22.3"},
                "serviceAccountSigningKey": {"name": "key"},
                "capabilities": {"disabled": ["ImageRegistry"]},
                "platform": {"type": "Azure", "azure": {
                    "location": "eastus", "resourceGroup": "rg", "subscriptionID": "s", "topology": "Private",
                    "azureAuthenticationConfig": {"azureAuthenticationConfigType": "WorkloadIdentities",
                        "workloadIdentities": {"disk": {"clientID": "c1"}, "file": {"clientID": "c2"}}}}},
                "networking": {"clusterNetwork": [{"cidr": "10.0.0.0/14"}]},
                "secretEncryption": {"type": "kms", "kms": {"provider": "Azure", "azure": {
                    "activeKey": {"keyVaultName": "v", "keyName": "k", "keyVersion": "1"},
                    "workloadIdentity": {"clientID": "c9"}}}},
                "services": [{"service": "OAuthServer",
                    "servicePublishingStrategy": {"type": "LoadBalancer", "loadBalancer": {"hostname": "o.x"}}}],
            },
            "status": {
                "conditions": [{"type": "Available", "status": "False", "reason": "R", "message": "sig=abc",
                    "lastTransitionTime": "2026-11-20T09:01:00Z", "observedGeneration": 3}, {"status": "True"}],
                "version": {"history": [{"state": "Partial", "version": "4.22.3", "completionTime": null}]},
                "controlPlaneEndpoint": {"host": "h", "port": 443},
            },
        })
    }

    #[test]
    fn the_fields_that_checks_read() {
        let cluster = hosted_cluster(&sample()).unwrap();
        assert_eq!((cluster.infra_id.as_str(), cluster.generation), ("demo-x", Some(3)));
        assert_eq!(cluster.azure.cloud, "AzurePublicCloud", "the default of the API");
        let Authentication::WorkloadIdentities { client_ids } = &cluster.azure.authentication else {
            panic!("workload identities");
        };
        assert_eq!(client_ids.len(), 2);
        assert_eq!(cluster.kms.as_ref().unwrap().client_id.as_deref(), Some("c9"));
        assert_eq!(cluster.service("OAuthServer").unwrap().hostname.as_deref(), Some("o.x"));
        assert_eq!(cluster.endpoint.unwrap().port, 443);
        assert_eq!(cluster.version.history[0].completed_at, None);
        assert_eq!(cluster.disabled_capabilities, ["ImageRegistry"]);
        assert!(!cluster.has_proxy);
        let mut proxied = sample();
        proxied["spec"]["configuration"] = json!({"proxy": {"httpsProxy": "http://u:p@proxy:3128"}});
        assert!(hosted_cluster(&proxied).unwrap().has_proxy);
    }

    #[test]
    fn free_text_is_redacted_and_foreign_annotations_are_left_out() {
        let cluster = hosted_cluster(&sample()).unwrap();
        assert_eq!(cluster.conditions.len(), 1, "an entry without a type is no condition");
        assert_eq!(cluster.conditions[0].message, "sig=[redacted]");
        let annotations: Vec<_> = cluster.annotations.into_iter().collect();
        assert_eq!(
            annotations,
            [
                ("hypershift.openshift.io/note".to_owned(), "password=[redacted]".to_owned()),
                ("hypershift.openshift.io/restart-date".to_owned(), "x".to_owned()),
            ]
        );
    }

    #[test]
    fn other_kinds_and_platforms_are_refused_by_name() {
        let mut other = sample();
        other["spec"]["platform"]["type"] = json!("AWS");
        let error = hosted_cluster(&other).unwrap_err();
        assert_eq!(error.to_string(), "HostedCluster clusters/demo is of platform AWS, not Azure");
        let error = hosted_cluster(&json!({"kind": "ConfigMap", "metadata": {"name": "x"}})).unwrap_err();
        assert_eq!(error.to_string(), "the object is of kind ConfigMap, not a HostedCluster");
        let mut bare = sample();
        bare["spec"]["platform"] = json!({"type": "Azure"});
        assert!(matches!(hosted_cluster(&bare), Err(HostedClusterError::NoPlatform { .. })));
    }
}
