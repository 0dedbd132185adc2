//! The components of a hosted cluster that act on Azure: ONE table that create, destroy and doctor all read.
//!
//! Source: openshift/hypershift 3ee9615, `cmd/infra/azure/identities.go` and `support/config/constants.go`.

use uuid::Uuid;

/// The audience of every token that a component trades at Entra.
pub const AUDIENCE: &str = "openshift";

/// Entra's limit of federated identity credentials on one identity.
pub const MAX_FEDERATED_CREDENTIALS: usize = 20;

/// A component with an identity of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Component {
    /// The key in `workloadIdentities` of the HostedCluster and in the workload identities file.
    pub key: &'static str,
    /// What stands between cluster name and infra id in the identity's name: `<name>-<suffix>-<infraID>`.
    pub suffix: &'static str,
    /// Its federated identity credentials.
    pub credentials: &'static [Credential],
    /// When a hosted cluster needs it.
    pub required: Required,
    /// The role it needs, if `create` assigns one.
    pub role: Option<Role>,
    /// The names under which it runs in the control plane namespace: Deployments, StatefulSets and side-car owners.
    pub workloads: &'static [&'static str],
}

/// When a hosted cluster needs a component's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Always.
    Always,
    /// With topology `Private` or `PublicAndPrivate`.
    PrivateEndpoint,
    /// With Azure KMS encryption of etcd.
    Kms,
}

/// A federated identity credential that a component needs.
#[derive(Debug, PartialEq, Eq)]
pub struct Credential {
    /// What follows the cluster name in the credential's name: `<name>-<suffix>`.
    pub suffix: &'static str,
    /// The namespace of the service account in the hosted cluster.
    pub namespace: &'static str,
    /// The name of the service account.
    pub service_account: &'static str,
}

impl Credential {
    /// The subject of its tokens.
    pub fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.service_account)
    }
}

/// A role that a component needs, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// The component's part in the derived name of its role assignments.
    pub component: &'static str,
    /// The display name of the role definition.
    pub name: &'static str,
    /// The GUID of the role definition.
    pub guid: &'static str,
    /// Where it is needed.
    pub scopes: &'static [Scope],
}

/// A resource group at which roles are assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The managed resource group.
    Managed,
    /// The resource group of the network security group.
    NetworkSecurityGroup,
    /// The resource group of the VNet.
    Vnet,
    /// The resource group of the public base domain zone.
    Dns,
}

impl Scope {
    /// What to call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Managed => "managed resource group",
            Self::NetworkSecurityGroup => "resource group of the network security group",
            Self::Vnet => "resource group of the VNet",
            Self::Dns => "resource group of the DNS zone",
        }
    }
}

const M: Scope = Scope::Managed;
const N: Scope = Scope::NetworkSecurityGroup;
const V: Scope = Scope::Vnet;
const D: Scope = Scope::Dns;

const CSI: &str = "openshift-cluster-csi-drivers";

/// The GUID of the built-in role Contributor.
pub const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";

/// The GUID of the built-in role Key Vault Crypto User, which the KMS identity needs on its vault.
pub const KEY_VAULT_CRYPTO_USER: &str = "12338af0-0e69-4776-bea7-57ae8d297424";

/// The components, in the order in which identities are made.
pub const COMPONENTS: [Component; 9] = [
    Component {
        key: "disk",
        suffix: "disk",
        credentials: &[
            Credential { suffix: "disk-fed-id-node", namespace: CSI, service_account: "azure-disk-csi-driver-node-sa" },
            Credential {
                suffix: "disk-fed-id-operator",
                namespace: CSI,
                service_account: "azure-disk-csi-driver-operator",
            },
            Credential {
                suffix: "disk-fed-id-controller",
                namespace: CSI,
                service_account: "azure-disk-csi-driver-controller-sa",
            },
        ],
        required: Required::Always,
        role: Some(Role {
            component: "azure-disk",
            name: "Azure Red Hat OpenShift Disk Storage Operator",
            guid: "5b7237c5-45e1-49d6-bc18-a1f62f400748",
            scopes: &[M],
        }),
        workloads: &["azure-disk-csi-driver-operator", "azure-disk-csi-driver-controller", "azure-disk-csi-controller"],
    },
    Component {
        key: "file",
        suffix: "file",
        credentials: &[
            Credential { suffix: "file-fed-id-node", namespace: CSI, service_account: "azure-file-csi-driver-node-sa" },
            Credential {
                suffix: "file-fed-id-operator",
                namespace: CSI,
                service_account: "azure-file-csi-driver-operator",
            },
            Credential {
                suffix: "file-fed-id-controller",
                namespace: CSI,
                service_account: "azure-file-csi-driver-controller-sa",
            },
        ],
        required: Required::Always,
        role: Some(Role {
            component: "azure-file",
            name: "Azure Red Hat OpenShift File Storage Operator",
            guid: "0d7aedc0-15fd-4a67-a412-efad370c947e",
            scopes: &[M, N, V],
        }),
        workloads: &["azure-file-csi-driver-operator", "azure-file-csi-driver-controller", "azure-file-csi-controller"],
    },
    Component {
        key: "imageRegistry",
        suffix: "image-registry",
        credentials: &[
            Credential {
                suffix: "image-registry-fed-id-registry",
                namespace: "openshift-image-registry",
                service_account: "registry",
            },
            Credential {
                suffix: "image-registry-fed-id-operator",
                namespace: "openshift-image-registry",
                service_account: "cluster-image-registry-operator",
            },
        ],
        required: Required::Always,
        role: Some(Role {
            component: "ciro",
            name: "Azure Red Hat OpenShift Image Registry Operator",
            guid: "8b32b316-c2f5-4ddf-b05b-83dacd2d08b5",
            scopes: &[M],
        }),
        workloads: &["cluster-image-registry-operator"],
    },
    Component {
        key: "ingress",
        suffix: "ingress",
        credentials: &[Credential {
            suffix: "ingress-fed-id",
            namespace: "openshift-ingress-operator",
            service_account: "ingress-operator",
        }],
        required: Required::Always,
        role: Some(Role {
            component: "ingress",
            name: "Azure Red Hat OpenShift Cluster Ingress Operator",
            guid: "0336e1d3-7a87-462b-b6db-342b63f7802c",
            scopes: &[M, V, D],
        }),
        workloads: &["ingress-operator"],
    },
    Component {
        key: "cloudProvider",
        suffix: "cloud-provider",
        credentials: &[Credential {
            suffix: "cloud-provider-fed-id",
            namespace: "kube-system",
            service_account: "azure-cloud-provider",
        }],
        required: Required::Always,
        role: Some(Role {
            component: "cloud-provider",
            name: "Azure Red Hat OpenShift Cloud Controller Manager",
            guid: "a1f96423-95ce-4224-ab27-4e3dc72facd4",
            scopes: &[M, N, V],
        }),
        workloads: &["cloud-controller-manager", "azure-cloud-controller-manager"],
    },
    Component {
        key: "nodePoolManagement",
        suffix: "node-pool-mgmt",
        credentials: &[Credential {
            suffix: "node-pool-mgmt-fed-id",
            namespace: "kube-system",
            service_account: "capi-provider",
        }],
        required: Required::Always,
        role: Some(Role { component: "capz", name: "Contributor", guid: CONTRIBUTOR, scopes: &[M, V] }),
        workloads: &["capi-provider"],
    },
    Component {
        key: "network",
        suffix: "network",
        credentials: &[Credential {
            suffix: "network-fed-id",
            namespace: "openshift-cloud-network-config-controller",
            service_account: "cloud-network-config-controller",
        }],
        required: Required::Always,
        role: Some(Role {
            component: "cncc",
            name: "Azure Red Hat OpenShift Network Operator",
            guid: "be7a6435-15ae-4171-8f30-4a343eff9e8f",
            scopes: &[M, V],
        }),
        workloads: &["cloud-network-config-controller"],
    },
    Component {
        key: "controlPlaneOperator",
        suffix: "control-plane-operator",
        credentials: &[Credential {
            suffix: "cpo-fed-id",
            namespace: "kube-system",
            service_account: "control-plane-operator",
        }],
        required: Required::PrivateEndpoint,
        role: Some(Role { component: "cpo", name: "Contributor", guid: CONTRIBUTOR, scopes: &[M, N, V] }),
        workloads: &["control-plane-operator"],
    },
    Component {
        key: "kms",
        suffix: "kms",
        credentials: &[Credential { suffix: "kms-fed-id", namespace: "kube-system", service_account: "kms-provider" }],
        required: Required::Kms,
        // Nothing assigns it: the key's owner grants Key Vault Crypto User on the vault.
        role: None,
        workloads: &["kube-apiserver"],
    },
];

impl Component {
    /// The name of its identity.
    pub fn identity_name(&self, cluster: &str, infra_id: &str) -> String {
        format!("{cluster}-{}-{infra_id}", self.suffix)
    }

    /// The name of one of its federated identity credentials.
    pub fn credential_name(&self, cluster: &str, credential: &Credential) -> String {
        format!("{cluster}-{}", credential.suffix)
    }
}

/// The derived name of a role assignment: the same run twice assigns once. `component` is [`Role::component`], `scope` the
/// ARM id of the resource group.
///
/// Source: openshift/hypershift 3ee9615, `cmd/util/azure.go`.
pub fn assignment_name(infra_id: &str, component: &str, scope: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{infra_id}-{component}-{scope}").as_bytes()).to_string()
}

/// The component of an identity key.
pub fn by_key(key: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.key == key)
}

/// The component that runs as a workload of the control plane namespace.
pub fn by_workload(name: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.workloads.contains(&name))
}

/// The component and credential of a token subject.
pub fn by_subject(subject: &str) -> Option<(&'static Component, &'static Credential)> {
    COMPONENTS.iter().find_map(|component| {
        component
            .credentials
            .iter()
            .find(|credential| credential.subject() == subject)
            .map(|credential| (component, credential))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_that_upstream_creates() {
        let credentials = |required: &[Required]| -> usize {
            COMPONENTS.iter().filter(|c| required.contains(&c.required)).map(|c| c.credentials.len()).sum()
        };
        assert_eq!(credentials(&[Required::Always]), 12);
        assert_eq!(credentials(&[Required::Always, Required::PrivateEndpoint]), 13);
        assert_eq!(credentials(&[Required::Always, Required::PrivateEndpoint, Required::Kms]), 14);
        let assignments: usize = COMPONENTS.iter().filter_map(|c| c.role).map(|role| role.scopes.len()).sum();
        assert_eq!(assignments, 18);
    }

    #[test]
    fn keys_suffixes_and_subjects_are_unique_and_found() {
        for component in &COMPONENTS {
            assert_eq!(by_key(component.key), Some(component));
            for credential in component.credentials {
                assert_eq!(by_subject(&credential.subject()), Some((component, credential)));
            }
            for workload in component.workloads {
                assert_eq!(by_workload(workload), Some(component));
            }
        }
        assert_eq!(by_subject("system:serviceaccount:kube-system:Capi-Provider"), None);
    }

    #[test]
    fn names() {
        let disk = by_key("disk")
            .map(|c| (c.identity_name("demo", "demo-x7k2p"), c.credential_name("demo", &c.credentials[0])));
        assert_eq!(disk, Some(("demo-disk-demo-x7k2p".into(), "demo-disk-fed-id-node".into())));
    }
}
