//! The HostedCluster.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::super::identities::OBJECT_ENCODING;
use super::super::machines::set;
use super::super::services::{Access, services};
use super::super::validate::Cluster;
use super::{API_VERSION, TRUST_BUNDLE};
use crate::identities::CLIENT_ID;

impl Cluster {
    pub(super) fn hosted_cluster(&self) -> Value {
        let spec = &self.spec;
        let mut metadata = json!({"name": spec.name, "namespace": spec.namespace});
        let mut annotations = self.parsed.annotations.clone();
        if let Some(image) = &spec.control_plane_operator_image {
            annotations.insert("hypershift.openshift.io/control-plane-operator-image".to_owned(), image.clone());
        }
        if !annotations.is_empty() {
            metadata["annotations"] = json!(annotations);
        }
        if !self.parsed.labels.is_empty() {
            metadata["labels"] = json!(self.parsed.labels);
        }
        json!({
            "apiVersion": API_VERSION,
            "kind": "HostedCluster",
            "metadata": metadata,
            "spec": self.hosted_cluster_spec(),
        })
    }

    fn hosted_cluster_spec(&self) -> Value {
        let (spec, infra) = (&self.spec, &self.inputs.infra);
        let ssh_key = match &self.inputs.ssh_key {
            Some(_) => json!({"name": self.ssh_key_name()}),
            None => json!({}),
        };
        let published: Vec<Value> = services(spec).iter().map(super::super::services::Service::object).collect();
        let mut object = json!({
            "autoscaling": {},
            "capabilities": self.capabilities(),
            "configuration": self.configuration(),
            "controllerAvailabilityPolicy": spec.control_plane_availability_policy,
            "dns": self.dns(),
            "etcd": self.etcd(),
            "fips": spec.fips,
            "infraID": infra.infra_id,
            "networking": self.networking(),
            "olmCatalogPlacement": spec.olm_catalog_placement.to_ascii_lowercase(),
            "platform": {"type": "Azure", "azure": self.azure()},
            "pullSecret": {"name": self.pull_secret_name()},
            "release": {"image": spec.release_image},
            "secretEncryption": self.secret_encryption(),
            "services": published,
            "sshKey": ssh_key,
        });
        set(&mut object, "infrastructureAvailabilityPolicy", &spec.infra_availability_policy);
        set(&mut object, "issuerURL", spec.oidc_issuer_url.as_deref().unwrap_or_default());
        set(&mut object, "kubeAPIServerDNSName", spec.kas_dns_name.as_deref().unwrap_or_default());
        set(&mut object, "pausedUntil", self.parsed.paused_until.as_deref().unwrap_or_default());
        if self.inputs.signing_key.is_some() {
            object["serviceAccountSigningKey"] = json!({"name": self.signing_key_name()});
        }
        if self.inputs.trust_bundle.is_some() {
            object["additionalTrustBundle"] = json!({"name": TRUST_BUNDLE});
        }
        if !self.inputs.image_content_sources.is_empty() {
            object["imageContentSources"] = json!(self.inputs.image_content_sources);
        }
        for (key, entries) in [("nodeSelector", &self.parsed.node_selector), ("labels", &self.parsed.pods_labels)] {
            if !entries.is_empty() {
                object[key] = json!(entries);
            }
        }
        if !self.parsed.tolerations.is_empty() {
            object["tolerations"] = json!(self.parsed.tolerations);
        }
        let mut operator = json!({});
        if spec.disable_multi_network {
            operator["disableMultiNetwork"] = json!(true);
        }
        if spec.ovn_kubernetes_mtu != 0 {
            operator["ovnKubernetesConfig"] = json!({"mtu": spec.ovn_kubernetes_mtu});
        }
        if operator != json!({}) {
            object["operatorConfiguration"] = json!({"clusterNetworkOperator": operator});
        }
        object
    }

    fn capabilities(&self) -> Value {
        let mut object = json!({});
        for (key, list) in
            [("enabled", &self.spec.enable_cluster_capabilities), ("disabled", &self.spec.disable_cluster_capabilities)]
        {
            if !list.is_empty() {
                object[key] = json!(list);
            }
        }
        object
    }

    fn configuration(&self) -> Value {
        let mut object = json!({});
        if self.spec.olm_disable_default_sources {
            object["operatorhub"] = json!({"disableAllDefaultSources": true});
        }
        if !self.spec.feature_set.is_empty() {
            object["featureGate"] = json!({"featureSet": self.spec.feature_set});
        }
        object
    }

    fn dns(&self) -> Value {
        let infra = &self.inputs.infra;
        let mut object = json!({"baseDomain": infra.base_domain});
        set(&mut object, "publicZoneID", &infra.public_zone_id);
        set(&mut object, "privateZoneID", &infra.private_zone_id);
        object
    }

    fn etcd(&self) -> Value {
        let mut volume = json!({"size": self.parsed.etcd_storage_size.as_deref().unwrap_or("8Gi")});
        set(&mut volume, "storageClassName", self.spec.etcd_storage_class.as_deref().unwrap_or_default());
        json!({
            "managed": {"storage": {"persistentVolume": volume, "type": "PersistentVolume"}},
            "managementType": "Managed",
        })
    }

    fn networking(&self) -> Value {
        let list = |networks: &[IpNet]| -> Vec<Value> {
            networks.iter().map(|network| json!({"cidr": network.to_string()})).collect()
        };
        let networks = &self.parsed.networks;
        let mut object = json!({
            "clusterNetwork": list(&networks.cluster),
            "networkType": self.spec.network_type,
            "serviceNetwork": list(&networks.service),
        });
        if !networks.machine.is_empty() {
            object["machineNetwork"] = json!(list(&networks.machine));
        }
        if self.spec.allocate_node_cidrs {
            object["allocateNodeCIDRs"] = json!("Enabled");
        }
        object
    }

    fn azure(&self) -> Value {
        let (spec, infra, account) = (&self.spec, &self.inputs.infra, &self.inputs.account);
        let mut object = json!({
            "azureAuthenticationConfig": self.authentication(),
            "location": infra.region,
            "resourceGroup": infra.resource_group_name,
            "securityGroupID": infra.security_group_id,
            "subnetID": infra.subnet_id,
            "subscriptionID": account.subscription_id,
            "tenantID": account.tenant_id,
            "vnetID": infra.vnet_id,
        });
        // The API's own default is left to the API, as upstream does.
        if let Some(cloud) = spec.cloud.as_deref().filter(|cloud| *cloud != "AzurePublicCloud") {
            object["cloud"] = json!(cloud);
        }
        let access = Access::of(spec);
        if access != Access::Public {
            object["private"] = self.private_link();
            object["topology"] = json!(access.topology());
        } else if infra.workload_identities.is_some() {
            object["topology"] = json!(access.topology());
        }
        object
    }

    fn private_link(&self) -> Value {
        let mut link = json!({});
        set(&mut link, "natSubnetID", self.spec.endpoint_access_private_nat_subnet_id.as_deref().unwrap_or_default());
        let subscriptions = &self.spec.endpoint_access_private_additional_allowed_subscriptions;
        if !subscriptions.is_empty() {
            link["additionalAllowedSubscriptions"] = json!(subscriptions);
        }
        json!({"privateLink": link, "type": "PrivateLink"})
    }

    fn authentication(&self) -> Value {
        let infra = &self.inputs.infra;
        match (&infra.workload_identities, &infra.managed_identities) {
            (None, Some(identities)) => json!({
                "azureAuthenticationConfigType": "ManagedIdentities",
                "managedIdentities": identities.object(),
            }),
            (identities, _) => json!({
                "azureAuthenticationConfigType": "WorkloadIdentities",
                "workloadIdentities": identities.as_ref().map(super::super::WorkloadIdentities::object),
            }),
        }
    }

    fn secret_encryption(&self) -> Value {
        let Some(key) = &self.parsed.encryption_key else {
            return json!({"type": "aescbc", "aescbc": {"activeKey": {"name": self.etcd_key_name()}}});
        };
        let infra = &self.inputs.infra;
        let mut azure = json!({
            "activeKey": {"keyName": key.name, "keyVaultName": key.vault, "keyVersion": key.version},
            "keyVaultType": key.vault_type,
        });
        if infra.workload_identities.is_some() {
            azure["workloadIdentity"] = json!({ CLIENT_ID: infra.kms_client_id });
        } else {
            azure["kms"] = json!({
                "credentialsSecretName": self.spec.kms_credentials_secret_name,
                "objectEncoding": OBJECT_ENCODING,
            });
        }
        json!({"type": "kms", "kms": {"provider": "Azure", "azure": azure}})
    }
}
