//! The flags of `create cluster`.

use std::path::PathBuf;

use clap::Args;
use plan::cluster::ClusterSpec;
use ui::Failure;

use super::super::machines::MachineArgs;
use super::super::{given, name_of, namespace, switch};
use super::CreateOptions;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create cluster -i     # asks for what it cannot find out
  kubectl hcp-azure create cluster dev --azure-creds azure-creds.json \\
    --pull-secret pull-secret.json --base-domain hcp.example.com \\
    --assign-identity-roles --dns-zone-rg-name os4-common \\
    --oidc-issuer-url https://contosooidc.blob.core.windows.net/dev \\
    --sa-token-issuer-private-key-path serviceaccount-signer.private \\
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.3-multi \\
    --node-pool-replicas 2 --wait
  kubectl hcp-azure create cluster dev --base-domain hcp.example.com \\
    --node-pool-replicas 2 --print-spec > dev-spec.yaml
  kubectl hcp-azure create cluster -f dev-spec.yaml --dry-run \\
    --azure-creds azure-creds.json
  kubectl hcp-azure create cluster -f dev-spec.yaml \\
    --infra-json infra.yaml --render-into dev.yaml --render-sensitive";

/// Create a hosted cluster
///
/// Makes what is missing, in Azure and in the management cluster, as one plan: the identities unless
/// --workload-identities-file is given, the infrastructure unless --infra-json is given, then Namespace, Secrets,
/// HostedCluster and NodePools. Before anything is created, checks look for what would keep the cluster from working.
/// Interrupted or failed, it goes on where it stopped when the same command is run again.
///
/// With --render nothing is created: the objects are printed as YAML. Flags and files that would make the API server
/// refuse the result are refused, each with its name and a way out.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, args_override_self = true, mut_args(switch))]
pub(crate) struct ClusterArgs {
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Ask for what is not given and cannot be found out; then show the plan and the same as a command line
    #[arg(short, long, help_heading = "Spec file")]
    pub interactive: bool,
    /// Print the spec file of this command line, and do nothing else: no file but --filename is read
    #[arg(long, help_heading = "Spec file")]
    pub print_spec: bool,

    /// Print the objects instead of creating them; Secrets only with --render-sensitive
    #[arg(long, help_heading = "Rendering")]
    pub render: bool,
    /// Write the objects to a file instead of creating them
    #[arg(long, value_name = "FILE", help_heading = "Rendering")]
    pub render_into: Option<PathBuf>,
    /// Render Secrets too; a file is then readable by its owner only
    #[arg(long, help_heading = "Rendering")]
    pub render_sensitive: bool,

    #[command(flatten)]
    pub create: CreateOptions,
}

/// What a hosted cluster is to be.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpecArgs {
    /// Spec file: the flags by their names in camel case, YAML or JSON. Flags that are given too win over it
    ///
    /// Files that it names are relative to the current folder, as those of flags are. A list that is given as a flag takes
    /// the place of the file's. --print-spec writes such a file.
    #[arg(short, long, value_name = "FILE", help_heading = "Spec file")]
    pub filename: Option<PathBuf>,

    /// The word `azure`, which may be left out, and the name
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the HostedCluster
    #[arg(long)]
    name: Option<String>,
    /// File: what `create infra` wrote, YAML or JSON
    #[arg(long, value_name = "FILE")]
    infra_json: Option<String>,
    /// File: pull secret
    #[arg(long, value_name = "FILE")]
    pull_secret: Option<String>,
    /// Release image
    #[arg(long, value_name = "IMAGE")]
    release_image: Option<String>,
    /// Release stream; not looked up while rendering, and ignored with --release-image
    #[arg(long, value_name = "NAME")]
    release_stream: Option<String>,
    /// Infra id; that of the infra file is used
    #[arg(long, value_name = "ID")]
    infra_id: Option<String>,

    #[command(flatten)]
    pub control_plane: ControlPlaneArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    infrastructure: InfrastructureArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    machines: MachineArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Control plane")]
pub(crate) struct ControlPlaneArgs {
    /// Replicas of the control plane: SingleReplica or HighlyAvailable
    #[arg(long, value_name = "POLICY", default_value = "SingleReplica")]
    control_plane_availability_policy: String,
    /// Replicas of services on the nodes: SingleReplica or HighlyAvailable
    #[arg(long, value_name = "POLICY", default_value = "", hide_default_value = true)]
    infra_availability_policy: String,
    /// FIPS mode
    #[arg(long)]
    fips: bool,
    /// Storage class of etcd's volumes
    #[arg(long, value_name = "NAME")]
    etcd_storage_class: Option<String>,
    /// Size of etcd's volumes [default: 8Gi]
    #[arg(long, value_name = "SIZE")]
    etcd_storage_size: Option<String>,
    /// Key that encrypts etcd: https://VAULT.vault.azure.net/keys/KEY/VERSION
    #[arg(long, value_name = "URL")]
    encryption_key_id: Option<String>,
    /// Key Vault secret of the KMS identity, with managed identities
    #[arg(long, value_name = "NAME")]
    kms_credentials_secret_name: Option<String>,
    /// Label of the HostedCluster, key=value; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// Annotation of the HostedCluster, key=value; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    annotations: Vec<String>,
    /// Labels of nodes for the control plane's pods: key=value,…
    #[arg(long, value_name = "LIST")]
    node_selector: Vec<String>,
    /// Labels of the control plane's pods: key=value,…
    #[arg(long, value_name = "LIST")]
    pods_labels: Vec<String>,
    /// Toleration of the control plane's pods: key=…,operator=…,value=…,effect=…,tolerationSeconds=…; can be repeated
    #[arg(long, value_name = "FIELDS")]
    toleration: Vec<String>,
    /// Capabilities to enable, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    enable_cluster_capabilities: Vec<String>,
    /// Capabilities to disable, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    disable_cluster_capabilities: Vec<String>,
    /// Feature set: TechPreviewNoUpgrade or DevPreviewNoUpgrade
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    feature_set: String,
    /// Where the catalogues of OLM run: management or guest
    #[arg(long, value_name = "PLACE", default_value = "management")]
    olm_catalog_placement: String,
    /// Leave out the default catalogues
    #[arg(long)]
    olm_disable_default_sources: bool,
    /// File: certificates to trust
    #[arg(long, value_name = "FILE")]
    additional_trust_bundle: Option<String>,
    /// File: mirrors of registries
    #[arg(long, value_name = "FILE")]
    image_content_sources: Option<String>,
    /// Pause until a time in RFC 3339 form
    #[arg(long = "pausedUntil", visible_alias = "paused-until", value_name = "TIME")]
    paused_until: Option<String>,
    /// Image of the control plane operator, for development
    #[arg(long, value_name = "IMAGE")]
    control_plane_operator_image: Option<String>,
    /// Compare versions with the operator; the operator knows upstream's CLI only, so it is not done
    #[arg(long, hide = true)]
    pub version_check: bool,
    /// Wait for the cluster; has no effect while rendering
    #[arg(long)]
    wait: bool,
    /// How long to wait; has no effect while rendering
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
struct NetworkArgs {
    /// Public DNS zone of the cluster; that of the infra file is used
    #[arg(long, value_name = "DOMAIN")]
    base_domain: Option<String>,
    /// Prefix to the base domain; has no effect on Azure
    #[arg(long, value_name = "PREFIX")]
    base_domain_prefix: Option<String>,
    /// Zone for names of the control plane's endpoints
    #[arg(long, value_name = "DOMAIN")]
    external_dns_domain: Option<String>,
    /// DNS name of the API server
    #[arg(long, value_name = "NAME")]
    kas_dns_name: Option<String>,
    /// Who reaches the control plane: Public, PublicAndPrivate or Private
    #[arg(long, value_name = "ACCESS", default_value = "Public")]
    endpoint_access: String,
    /// ARM id of the subnet for the Private Link service, in the management cluster's VNet
    #[arg(long, value_name = "ID")]
    endpoint_access_private_nat_subnet_id: Option<String>,
    /// Subscriptions that may connect besides the cluster's own, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    endpoint_access_private_additional_allowed_subscriptions: Vec<String>,
    /// How OAuth is published: Route or LoadBalancer
    #[arg(long, value_name = "STRATEGY", default_value = "Route")]
    oauth_publishing_strategy: String,
    /// Network of pods; can be repeated [default: 10.132.0.0/14]
    #[arg(long, value_name = "CIDR")]
    cluster_cidr: Vec<String>,
    /// Network of services; can be repeated [default: 172.31.0.0/16]
    #[arg(long, value_name = "CIDR")]
    service_cidr: Vec<String>,
    /// Network of machines; can be repeated
    #[arg(long, value_name = "CIDR")]
    machine_cidr: Vec<String>,
    /// Dual-stack default networks; has no effect on Azure
    #[arg(long)]
    default_dual: bool,
    /// Network plugin: OVNKubernetes, Calico, OpenShiftSDN or Other
    #[arg(long, value_name = "TYPE", default_value = "OVNKubernetes")]
    network_type: String,
    /// Allocate node CIDRs, with network type Other
    #[arg(long)]
    allocate_node_cidrs: bool,
    /// Leave out Multus, with network type Other
    #[arg(long)]
    disable_multi_network: bool,
    /// MTU of the overlay network, 576 to 9216; 0 detects it
    #[arg(long, value_name = "BYTES", default_value_t = 0, hide_default_value = true, allow_negative_numbers = true)]
    ovn_kubernetes_mtu: i64,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Identity")]
struct IdentityArgs {
    /// Issuer of service account tokens
    #[arg(long, value_name = "URL")]
    oidc_issuer_url: Option<String>,
    /// File: private key that signs service account tokens
    #[arg(long, value_name = "FILE")]
    sa_token_issuer_private_key_path: Option<String>,
    /// File: what `create iam` wrote; needed only if the infra file has no identities
    #[arg(long, value_name = "FILE")]
    workload_identities_file: Option<String>,
    /// File: control plane identities of a managed cluster; those of the infra file are used
    #[arg(long, value_name = "FILE")]
    managed_identities_file: Option<String>,
    /// File: data plane identities of a managed cluster; those of the infra file are used
    #[arg(long, value_name = "FILE")]
    data_plane_identities_file: Option<String>,
    /// Assign roles to the identities, together with new infrastructure
    #[arg(long, visible_alias = "auto-assign-roles", alias = "assign-identity-roles")]
    assign_service_principal_roles: bool,
    /// Assign custom roles to the identities, together with new infrastructure
    #[arg(long)]
    assign_custom_hcp_roles: bool,
    /// File: SSH public key for the nodes
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<String>,
    /// Make an SSH key pair for the nodes
    #[arg(long)]
    generate_ssh: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "New infrastructure (no effect with --infra-json)")]
struct InfrastructureArgs {
    /// Region
    #[arg(long, value_name = "REGION", default_value = "eastus")]
    location: String,
    /// Resource group to use
    #[arg(long, value_name = "NAME")]
    resource_group_name: Option<String>,
    /// Resource group for new identities [default: --resource-group-name, or NAME-iam-INFRAID]
    #[arg(long, value_name = "NAME")]
    identities_resource_group_name: Option<String>,
    /// Tags of resource groups: key=value,…
    #[arg(short = 't', long, value_name = "LIST")]
    resource_group_tags: Vec<String>,
    /// ARM id of a VNet to use
    #[arg(long, value_name = "ID")]
    vnet_id: Option<String>,
    /// ARM id of a subnet to use
    #[arg(long, value_name = "ID")]
    subnet_id: Option<String>,
    /// ARM id of a network security group to use
    #[arg(long, value_name = "ID")]
    network_security_group_id: Option<String>,
    /// Resource group of the public DNS zone
    #[arg(long, value_name = "NAME")]
    dns_zone_rg_name: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Nodes")]
struct NodeArgs {
    /// Nodes of each NodePool; negative makes no NodePool
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    node_pool_replicas: i32,
    /// Zones, separated by commas; one NodePool each
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    availability_zones: Vec<String>,
    /// Processor architecture: amd64 or arm64
    #[arg(long, default_value = "amd64")]
    arch: String,
    /// How nodes are upgraded: Replace or InPlace [default: Replace]
    #[arg(long, value_name = "TYPE", default_value = "", hide_default_value = true)]
    node_upgrade_type: String,
    /// How long a node may take to drain; 0s waits for ever
    #[arg(long, value_name = "TIME", default_value = "0s", allow_hyphen_values = true)]
    node_drain_timeout: String,
    /// How long a node's volumes may take to detach; 0s waits for ever
    #[arg(long, value_name = "TIME", default_value = "0s", allow_hyphen_values = true)]
    node_volume_detach_timeout: String,
    /// Replace unhealthy nodes
    #[arg(long)]
    auto_repair: bool,
}

/// What the flags ask for, with their defaults where they are not given.
pub(super) fn spec(globals: &Globals, args: SpecArgs) -> Result<ClusterSpec, Failure> {
    let SpecArgs { control_plane, network, identity, infrastructure, nodes, .. } = args;
    Ok(ClusterSpec {
        name: name_of(args.name, &args.words)?,
        namespace: namespace(globals),
        base_domain: given(network.base_domain),
        base_domain_prefix: given(network.base_domain_prefix),
        external_dns_domain: given(network.external_dns_domain),
        release_image: given(args.release_image),
        release_stream: given(args.release_stream),
        arch: nodes.arch,
        node_pool_replicas: nodes.node_pool_replicas,
        node_upgrade_type: nodes.node_upgrade_type,
        node_drain_timeout: nodes.node_drain_timeout,
        node_volume_detach_timeout: nodes.node_volume_detach_timeout,
        auto_repair: nodes.auto_repair,
        control_plane_availability_policy: control_plane.control_plane_availability_policy,
        infra_availability_policy: control_plane.infra_availability_policy,
        cluster_cidr: network.cluster_cidr,
        service_cidr: network.service_cidr,
        machine_cidr: network.machine_cidr,
        default_dual: network.default_dual,
        network_type: network.network_type,
        allocate_node_cidrs: network.allocate_node_cidrs,
        disable_multi_network: network.disable_multi_network,
        ovn_kubernetes_mtu: network.ovn_kubernetes_mtu,
        etcd_storage_class: given(control_plane.etcd_storage_class),
        etcd_storage_size: given(control_plane.etcd_storage_size),
        kas_dns_name: given(network.kas_dns_name),
        fips: control_plane.fips,
        generate_ssh: identity.generate_ssh,
        node_selector: control_plane.node_selector,
        pods_labels: control_plane.pods_labels,
        labels: control_plane.labels,
        annotations: control_plane.annotations,
        toleration: control_plane.toleration,
        olm_catalog_placement: control_plane.olm_catalog_placement,
        olm_disable_default_sources: control_plane.olm_disable_default_sources,
        feature_set: control_plane.feature_set,
        enable_cluster_capabilities: control_plane.enable_cluster_capabilities,
        disable_cluster_capabilities: control_plane.disable_cluster_capabilities,
        paused_until: given(control_plane.paused_until),
        control_plane_operator_image: given(control_plane.control_plane_operator_image),
        wait: control_plane.wait,
        timeout: given(control_plane.timeout),
        pull_secret: given(args.pull_secret),
        ssh_key: given(identity.ssh_key),
        additional_trust_bundle: given(control_plane.additional_trust_bundle),
        image_content_sources: given(control_plane.image_content_sources),
        infra_json: given(args.infra_json),
        infra_id: given(args.infra_id),
        workload_identities_file: given(identity.workload_identities_file),
        managed_identities_file: given(identity.managed_identities_file),
        data_plane_identities_file: given(identity.data_plane_identities_file),
        sa_token_issuer_private_key_path: given(identity.sa_token_issuer_private_key_path),
        azure_creds: globals.azure_creds.as_ref().map(|path| path.display().to_string()),
        subscription: given(globals.subscription.clone()),
        cloud: given(globals.cloud.clone()),
        oidc_issuer_url: given(identity.oidc_issuer_url),
        encryption_key_id: given(control_plane.encryption_key_id),
        kms_credentials_secret_name: given(control_plane.kms_credentials_secret_name),
        oauth_publishing_strategy: network.oauth_publishing_strategy,
        endpoint_access: network.endpoint_access,
        endpoint_access_private_nat_subnet_id: given(network.endpoint_access_private_nat_subnet_id),
        endpoint_access_private_additional_allowed_subscriptions: network
            .endpoint_access_private_additional_allowed_subscriptions,
        availability_zones: nodes.availability_zones,
        location: infrastructure.location,
        resource_group_name: given(infrastructure.resource_group_name),
        identities_resource_group_name: given(infrastructure.identities_resource_group_name),
        resource_group_tags: infrastructure.resource_group_tags,
        vnet_id: given(infrastructure.vnet_id),
        subnet_id: given(infrastructure.subnet_id),
        network_security_group_id: given(infrastructure.network_security_group_id),
        dns_zone_rg_name: given(infrastructure.dns_zone_rg_name),
        assign_service_principal_roles: identity.assign_service_principal_roles,
        assign_custom_hcp_roles: identity.assign_custom_hcp_roles,
        machines: args.machines.spec(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;
    use plan::cluster::ClusterSpec;

    /// Flags that say what is done with the cluster, not what it is.
    const NOT_OF_THE_SPEC: [&str; 15] = [
        "concurrency",
        "dry-run",
        "exit-code",
        "filename",
        "help",
        "interactive",
        "output",
        "print-spec",
        "render",
        "render-into",
        "render-sensitive",
        "save-plan",
        "skip-preflight",
        "version-check",
        "yes",
    ];
    /// Flags of every verb that are part of the spec.
    const OF_EVERY_VERB: [&str; 4] = ["azure-creds", "cloud", "namespace", "subscription"];

    #[test]
    fn every_flag_is_a_key_of_the_spec_file_and_the_other_way_round() {
        let spec = serde_json::to_value(ClusterSpec::default()).unwrap();
        let spec = spec.as_object().unwrap();
        let machines = spec["machines"].as_object().unwrap().keys();
        let keys: BTreeSet<String> = spec.keys().filter(|key| *key != "machines").chain(machines).cloned().collect();
        let mut cli = crate::cmd::Cli::command();
        cli.build();
        let cluster = cli.find_subcommand("create").unwrap().find_subcommand("cluster").unwrap();
        let camel_case = |flag: &str| {
            let mut words = flag.split('-').map(str::to_owned);
            let first = words.next().unwrap();
            words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
        };
        let of_the_spec: Vec<&clap::Arg> = cluster
            .get_arguments()
            .filter(|arg| !arg.is_global_set() || arg.get_long().is_some_and(|flag| OF_EVERY_VERB.contains(&flag)))
            .filter(|arg| arg.get_long().is_some_and(|flag| !NOT_OF_THE_SPEC.contains(&flag)))
            .collect();
        let flags: BTreeSet<String> = of_the_spec.iter().map(|arg| camel_case(arg.get_long().unwrap())).collect();
        assert_eq!(flags, keys);
        // What was given is known by the field's name, which must lead to the same key.
        for arg in of_the_spec {
            let field = arg.get_id().as_str().replace('_', "-");
            assert_eq!(camel_case(&field), camel_case(arg.get_long().unwrap()), "{field}");
        }
    }
}
