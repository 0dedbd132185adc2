//! What is asked for: the flags of `create cluster` and `create nodepool` by their meaning, not yet judged.
//!
//! Every field is a flag of the same name with dashes; its default is the flag's. Texts are kept as they were typed, so
//! that a refusal can show them.

use serde::{Deserialize, Serialize};

/// A hosted cluster that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ClusterSpec {
    /// Name of the HostedCluster.
    pub name: String,
    /// Namespace of the HostedCluster.
    pub namespace: String,
    /// The public DNS zone below which the cluster's names stand. With an infra file, that file's one is used.
    pub base_domain: Option<String>,
    /// A prefix to the base domain. Upstream gives it no effect on Azure.
    pub base_domain_prefix: Option<String>,
    /// The zone in which the control plane's own endpoints get names.
    pub external_dns_domain: Option<String>,
    /// The release image.
    pub release_image: Option<String>,
    /// The release stream from which an image would be chosen.
    pub release_stream: Option<String>,
    /// Processor architecture of the nodes.
    pub arch: String,
    /// Nodes of each NodePool; negative for no NodePool.
    pub node_pool_replicas: i32,
    /// `Replace` or `InPlace`; empty for `Replace`.
    pub node_upgrade_type: String,
    /// How long a node may take to drain.
    pub node_drain_timeout: String,
    /// How long a node's volumes may take to detach.
    pub node_volume_detach_timeout: String,
    /// Replace unhealthy nodes.
    pub auto_repair: bool,
    /// `SingleReplica` or `HighlyAvailable`.
    pub control_plane_availability_policy: String,
    /// `SingleReplica` or `HighlyAvailable`; empty leaves it to the API server.
    pub infra_availability_policy: String,
    /// Networks of pods; empty for the default.
    pub cluster_cidr: Vec<String>,
    /// Networks of services; empty for the default.
    pub service_cidr: Vec<String>,
    /// Networks of machines.
    pub machine_cidr: Vec<String>,
    /// Dual-stack default networks. Upstream gives it no effect on Azure.
    pub default_dual: bool,
    /// `OVNKubernetes`, `Calico`, `OpenShiftSDN` or `Other`.
    pub network_type: String,
    /// Allocate node CIDRs, with network type `Other`.
    pub allocate_node_cidrs: bool,
    /// Leave out Multus, with network type `Other`.
    pub disable_multi_network: bool,
    /// MTU of the overlay network; 0 to detect it.
    pub ovn_kubernetes_mtu: i64,
    /// Storage class of etcd's volumes.
    pub etcd_storage_class: Option<String>,
    /// Size of etcd's volumes.
    pub etcd_storage_size: Option<String>,
    /// A DNS name of the API server.
    pub kas_dns_name: Option<String>,
    /// FIPS mode.
    pub fips: bool,
    /// Make a key pair for SSH.
    pub generate_ssh: bool,
    /// Labels of nodes on which the control plane runs, `key=value` lists.
    pub node_selector: Vec<String>,
    /// Labels of the control plane's pods, `key=value` lists.
    pub pods_labels: Vec<String>,
    /// Labels of the HostedCluster, one `key=value` each.
    pub labels: Vec<String>,
    /// Annotations of the HostedCluster, one `key=value` each.
    pub annotations: Vec<String>,
    /// Tolerations of the control plane's pods.
    pub toleration: Vec<String>,
    /// `management` or `guest`, in any case.
    pub olm_catalog_placement: String,
    /// Leave out the default catalogues.
    pub olm_disable_default_sources: bool,
    /// A predefined feature set; empty for none.
    pub feature_set: String,
    /// Capabilities to enable.
    pub enable_cluster_capabilities: Vec<String>,
    /// Capabilities to disable.
    pub disable_cluster_capabilities: Vec<String>,
    /// `true`, or a time in RFC 3339 form.
    pub paused_until: Option<String>,
    /// Image of the control plane operator.
    pub control_plane_operator_image: Option<String>,
    /// Wait for the cluster.
    pub wait: bool,
    /// How long to wait.
    pub timeout: Option<String>,

    /// File: pull secret.
    pub pull_secret: Option<String>,
    /// File: SSH public key.
    pub ssh_key: Option<String>,
    /// File: certificates to trust.
    pub additional_trust_bundle: Option<String>,
    /// File: image content sources.
    pub image_content_sources: Option<String>,
    /// File: what `create infra` wrote.
    pub infra_json: Option<String>,
    /// The infra id. With an infra file, that file's one is used.
    pub infra_id: Option<String>,
    /// File: what `create iam` wrote.
    pub workload_identities_file: Option<String>,
    /// File: control plane identities of a managed cluster.
    pub managed_identities_file: Option<String>,
    /// File: data plane identities of a managed cluster.
    pub data_plane_identities_file: Option<String>,
    /// File: private key that signs service account tokens.
    pub sa_token_issuer_private_key_path: Option<String>,

    /// File: Azure credentials.
    pub azure_creds: Option<String>,
    /// The subscription to work in, instead of the one that the credentials name.
    pub subscription: Option<String>,
    /// The Azure cloud, when it is not the public one.
    pub cloud: Option<String>,
    /// The issuer of service account tokens.
    pub oidc_issuer_url: Option<String>,
    /// The key that encrypts etcd.
    pub encryption_key_id: Option<String>,
    /// The Key Vault secret of the KMS identity, for managed clusters.
    pub kms_credentials_secret_name: Option<String>,
    /// `Route` or `LoadBalancer`; empty for `Route`.
    pub oauth_publishing_strategy: String,
    /// `Public`, `PublicAndPrivate` or `Private`; empty for `Public`.
    pub endpoint_access: String,
    /// The subnet of the Private Link service.
    pub endpoint_access_private_nat_subnet_id: Option<String>,
    /// Subscriptions that may connect besides the cluster's own.
    pub endpoint_access_private_additional_allowed_subscriptions: Vec<String>,
    /// Zones, one NodePool each.
    pub availability_zones: Vec<String>,
    /// The region, for new infrastructure.
    pub location: String,
    /// The resource group to use, for new infrastructure.
    pub resource_group_name: Option<String>,
    /// The resource group for new identities; none for `resource_group_name`, or one of their own.
    pub identities_resource_group_name: Option<String>,
    /// Tags of resource groups, `key=value` lists, for new infrastructure.
    pub resource_group_tags: Vec<String>,
    /// A VNet to use, for new infrastructure.
    pub vnet_id: Option<String>,
    /// A subnet to use, for new infrastructure.
    pub subnet_id: Option<String>,
    /// A network security group to use, for new infrastructure.
    pub network_security_group_id: Option<String>,
    /// The resource group of the public DNS zone, for role assignments.
    pub dns_zone_rg_name: Option<String>,
    /// Assign roles to the identities.
    pub assign_service_principal_roles: bool,
    /// Assign custom roles to the identities.
    pub assign_custom_hcp_roles: bool,

    /// The machines of the NodePools.
    pub machines: MachineSpec,
}

impl Default for ClusterSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: "clusters".into(),
            base_domain: None,
            base_domain_prefix: None,
            external_dns_domain: None,
            release_image: None,
            release_stream: None,
            arch: "amd64".into(),
            node_pool_replicas: 0,
            node_upgrade_type: String::new(),
            node_drain_timeout: "0s".into(),
            node_volume_detach_timeout: "0s".into(),
            auto_repair: false,
            control_plane_availability_policy: "SingleReplica".into(),
            infra_availability_policy: String::new(),
            cluster_cidr: Vec::new(),
            service_cidr: Vec::new(),
            machine_cidr: Vec::new(),
            default_dual: false,
            network_type: "OVNKubernetes".into(),
            allocate_node_cidrs: false,
            disable_multi_network: false,
            ovn_kubernetes_mtu: 0,
            etcd_storage_class: None,
            etcd_storage_size: None,
            kas_dns_name: None,
            fips: false,
            generate_ssh: false,
            node_selector: Vec::new(),
            pods_labels: Vec::new(),
            labels: Vec::new(),
            annotations: Vec::new(),
            toleration: Vec::new(),
            olm_catalog_placement: "management".into(),
            olm_disable_default_sources: false,
            feature_set: String::new(),
            enable_cluster_capabilities: Vec::new(),
            disable_cluster_capabilities: Vec::new(),
            paused_until: None,
            control_plane_operator_image: None,
            wait: false,
            timeout: None,
            pull_secret: None,
            ssh_key: None,
            additional_trust_bundle: None,
            image_content_sources: None,
            infra_json: None,
            infra_id: None,
            workload_identities_file: None,
            managed_identities_file: None,
            data_plane_identities_file: None,
            sa_token_issuer_private_key_path: None,
            azure_creds: None,
            subscription: None,
            cloud: None,
            oidc_issuer_url: None,
            encryption_key_id: None,
            kms_credentials_secret_name: None,
            oauth_publishing_strategy: "Route".into(),
            endpoint_access: "Public".into(),
            endpoint_access_private_nat_subnet_id: None,
            endpoint_access_private_additional_allowed_subscriptions: Vec::new(),
            availability_zones: Vec::new(),
            location: "eastus".into(),
            resource_group_name: None,
            identities_resource_group_name: None,
            resource_group_tags: Vec::new(),
            vnet_id: None,
            subnet_id: None,
            network_security_group_id: None,
            dns_zone_rg_name: None,
            assign_service_principal_roles: false,
            assign_custom_hcp_roles: false,
            machines: MachineSpec::default(),
        }
    }
}

/// The machines of a NodePool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MachineSpec {
    /// VM size; empty for the architecture's usual one.
    pub instance_type: String,
    /// Size of the OS disk in GiB.
    pub root_disk_size: i64,
    /// Zone; empty for none.
    pub availability_zone: String,
    /// Subnet.
    pub nodepool_subnet_id: Option<String>,
    /// Kind of the OS disk.
    pub disk_storage_account_type: String,
    /// What encrypts the OS disk.
    pub disk_encryption_set_id: Option<String>,
    /// OS disk on the VM's own storage.
    pub enable_ephemeral_disk: bool,
    /// `Enabled` or `Disabled`; empty leaves it to the API server.
    pub encryption_at_host: String,
    /// `Gen1` or `Gen2`; empty leaves it to the API server.
    pub image_generation: String,
    /// Publisher of a Marketplace image.
    pub marketplace_publisher: String,
    /// Offer of a Marketplace image.
    pub marketplace_offer: String,
    /// SKU of a Marketplace image.
    pub marketplace_sku: String,
    /// Version of a Marketplace image.
    pub marketplace_version: String,
    /// `Disabled`, `Managed` or `UserManaged`; empty for none.
    pub diagnostics_storage_account_type: String,
    /// Where diagnostics go, with `UserManaged`.
    pub diagnostics_storage_account_uri: Option<String>,
}

impl Default for MachineSpec {
    fn default() -> Self {
        Self {
            instance_type: String::new(),
            root_disk_size: 120,
            availability_zone: String::new(),
            nodepool_subnet_id: None,
            disk_storage_account_type: "Premium_LRS".into(),
            disk_encryption_set_id: None,
            enable_ephemeral_disk: false,
            encryption_at_host: String::new(),
            image_generation: String::new(),
            marketplace_publisher: String::new(),
            marketplace_offer: String::new(),
            marketplace_sku: String::new(),
            marketplace_version: String::new(),
            diagnostics_storage_account_type: String::new(),
            diagnostics_storage_account_uri: None,
        }
    }
}

/// A NodePool of an existing hosted cluster that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NodePoolSpec {
    /// Name of the NodePool.
    pub name: String,
    /// Namespace of the NodePool and its HostedCluster.
    pub namespace: String,
    /// Name of the HostedCluster.
    pub cluster_name: String,
    /// Nodes.
    pub replicas: i32,
    /// The release image; none for the HostedCluster's.
    pub release_image: Option<String>,
    /// `Replace` or `InPlace`.
    pub node_upgrade_type: String,
    /// Processor architecture of the nodes.
    pub arch: String,
    /// Replace unhealthy nodes.
    pub auto_repair: bool,
    /// The machines.
    pub machines: MachineSpec,
}

impl Default for NodePoolSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: "clusters".into(),
            cluster_name: "example".into(),
            replicas: 2,
            release_image: None,
            node_upgrade_type: "Replace".into(),
            arch: "amd64".into(),
            auto_repair: false,
            machines: MachineSpec::default(),
        }
    }
}
