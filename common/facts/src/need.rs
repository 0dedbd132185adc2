//! [`Need`]: the units in which facts are asked for.

use serde::{Deserialize, Serialize};

/// A unit of facts that a check declares, a source collects, and a report names when it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Need {
    /// The `--azure-creds` file.
    CredsFile,
    /// Signing in to Entra with the selected credential.
    Login,
    /// The subscription of the hosted cluster.
    Subscription,
    /// Resource provider registrations.
    Providers,
    /// The resource groups that the hosted cluster uses.
    ResourceGroups,
    /// User-assigned managed identities.
    Identities,
    /// The federated identity credentials of those identities.
    FederatedCredentials,
    /// Role assignments at the scopes of the hosted cluster, and the definitions of the roles they name.
    Roles,
    /// VNet, subnets, network security groups, route tables, NAT gateways, load balancers, public IPs.
    Network,
    /// The storage account and container behind the OIDC issuer.
    IssuerStorage,
    /// The discovery document and the JWKS of the OIDC issuer.
    IssuerDocuments,
    /// The public half of the service account signing key.
    SigningKey,
    /// The HyperShift operator and its webhooks.
    Operator,
    /// The custom resource definitions that the management cluster serves.
    ApiResources,
    /// What the caller may do on the management cluster.
    Access,
    /// The `supported-versions` ConfigMap.
    SupportedVersions,
    /// The HostedCluster.
    HostedCluster,
    /// The NodePools of the HostedCluster.
    NodePools,
    /// Cluster API Machines and AzureMachines.
    Machines,
    /// ControlPlaneComponents and the workloads of the control plane namespace.
    Components,
    /// Pods of the control plane namespace.
    Pods,
    /// The lines of control plane logs that speak of Entra or Azure refusals.
    Logs,
    /// What the caller may do in Azure, at the scopes of the hosted cluster.
    CallerPermissions,
    /// What Azure Policy thinks of the resources that a hosted cluster makes.
    PolicyRestrictions,
    /// Resource locks on the groups of the hosted cluster.
    Locks,
    /// The client secrets of the application that signed in, and when they end.
    AppSecrets,
    /// Features of the subscription that have to be registered.
    Features,
    /// Virtual machine sizes that the region offers to the subscription.
    Skus,
    /// Quotas of the region and how much of them is used.
    Usages,
    /// Marketplace terms of the images of NodePools.
    ImageTerms,
    /// DNS zones, public and private, with their records and links.
    DnsZones,
    /// The Key Vault and the key that encrypt etcd.
    KeyVault,
    /// The dates of the managed identities' credentials in their Key Vault.
    IdentitySecrets,
    /// Private link services and private endpoints.
    PrivateEndpoints,
    /// Virtual machines and network interfaces of the managed resource group.
    VirtualMachines,
    /// Serial console logs of virtual machines that never became nodes.
    BootLogs,
    /// What earlier hosted clusters left in the subscription.
    Leftovers,
    /// The clocks of Entra and of the API servers.
    Clocks,
    /// What DNS answers for the names of the hosted cluster.
    Resolution,
    /// The registries that the pull secret opens.
    PullSecret,
    /// The release image in its registry.
    ReleaseImage,
    /// The API server of the hosted cluster, as reached from here.
    ApiServer,
    /// The hosted cluster's own objects: ClusterOperators, nodes, Secrets of cloud credentials.
    Guest,
    /// Tokens of the hosted cluster's service accounts.
    GuestTokens,
    /// Certificates of the control plane, public parts only.
    Certificates,
    /// The Cluster API objects Cluster, AzureCluster and AzureClusterIdentity.
    ClusterApi,
    /// The volumes of etcd.
    Volumes,
    /// AzurePrivateLinkServices of the hosted cluster.
    PrivateLink,
    /// ExternalDNS of the management cluster and its log.
    ExternalDns,
    /// Nodes, ClusterOperators and storage of the management cluster.
    ManagementNodes,
    /// The other hosted clusters of the management cluster.
    OtherClusters,
    /// SecretProviderClasses of the control plane namespace.
    SecretProviders,
    /// What the egress probe reported from a worker node.
    EgressProbe,
    /// Tokens signed for each subject and traded at Entra.
    TokenExchange,
    /// What each identity may do, asked with its own token.
    EffectivePermissions,
    /// The recording that is judged.
    Recording,
}

impl Need {
    /// Every need, in the order in which reports name them.
    pub const ALL: &[Self] = &[
        Self::CredsFile,
        Self::Login,
        Self::Subscription,
        Self::Providers,
        Self::ResourceGroups,
        Self::Identities,
        Self::FederatedCredentials,
        Self::Roles,
        Self::Network,
        Self::IssuerStorage,
        Self::IssuerDocuments,
        Self::SigningKey,
        Self::Operator,
        Self::ApiResources,
        Self::Access,
        Self::SupportedVersions,
        Self::HostedCluster,
        Self::NodePools,
        Self::Machines,
        Self::Components,
        Self::Pods,
        Self::Logs,
        Self::CallerPermissions,
        Self::PolicyRestrictions,
        Self::Locks,
        Self::AppSecrets,
        Self::Features,
        Self::Skus,
        Self::Usages,
        Self::ImageTerms,
        Self::DnsZones,
        Self::KeyVault,
        Self::IdentitySecrets,
        Self::PrivateEndpoints,
        Self::VirtualMachines,
        Self::BootLogs,
        Self::Leftovers,
        Self::Clocks,
        Self::Resolution,
        Self::PullSecret,
        Self::ReleaseImage,
        Self::ApiServer,
        Self::Guest,
        Self::GuestTokens,
        Self::Certificates,
        Self::ClusterApi,
        Self::Volumes,
        Self::PrivateLink,
        Self::ExternalDns,
        Self::ManagementNodes,
        Self::OtherClusters,
        Self::SecretProviders,
        Self::EgressProbe,
        Self::TokenExchange,
        Self::EffectivePermissions,
        Self::Recording,
    ];

    /// What it is, in a few words of the field.
    pub fn describe(self) -> &'static str {
        match self {
            Self::CredsFile => "the Azure credentials file",
            Self::Login => "an Entra sign-in",
            Self::Subscription => "the subscription",
            Self::Providers => "resource provider registrations",
            Self::ResourceGroups => "resource groups",
            Self::Identities => "managed identities",
            Self::FederatedCredentials => "federated identity credentials",
            Self::Roles => "role assignments and definitions",
            Self::Network => "the network",
            Self::IssuerStorage => "the OIDC issuer's storage account",
            Self::IssuerDocuments => "the OIDC issuer's documents",
            Self::SigningKey => "the service account signing key",
            Self::Operator => "the HyperShift operator",
            Self::ApiResources => "the API resources of the management cluster",
            Self::Access => "the caller's rights on the management cluster",
            Self::SupportedVersions => "the supported versions",
            Self::HostedCluster => "the HostedCluster",
            Self::NodePools => "the NodePools",
            Self::Machines => "the machines",
            Self::Components => "the control plane components",
            Self::Pods => "the control plane pods",
            Self::Logs => "the control plane logs",
            Self::CallerPermissions => "the caller's rights in Azure",
            Self::PolicyRestrictions => "Azure Policy",
            Self::Locks => "resource locks",
            Self::AppSecrets => "the application's client secrets",
            Self::Features => "features of the subscription",
            Self::Skus => "virtual machine sizes",
            Self::Usages => "quotas",
            Self::ImageTerms => "marketplace terms",
            Self::DnsZones => "DNS zones and records",
            Self::KeyVault => "the Key Vault",
            Self::IdentitySecrets => "the managed identities' credentials in the Key Vault",
            Self::PrivateEndpoints => "private link services and endpoints",
            Self::VirtualMachines => "virtual machines",
            Self::BootLogs => "boot logs",
            Self::Leftovers => "leftovers of earlier clusters",
            Self::Clocks => "the clocks of the services",
            Self::Resolution => "what DNS answers",
            Self::PullSecret => "the pull secret",
            Self::ReleaseImage => "the release image",
            Self::ApiServer => "the hosted cluster's API server",
            Self::Guest => "the hosted cluster's own objects",
            Self::GuestTokens => "tokens of the hosted cluster's service accounts",
            Self::Certificates => "the control plane's certificates",
            Self::ClusterApi => "the Cluster API objects",
            Self::Volumes => "the volumes of etcd",
            Self::PrivateLink => "the AzurePrivateLinkServices",
            Self::ExternalDns => "ExternalDNS",
            Self::ManagementNodes => "the management cluster's nodes and operators",
            Self::OtherClusters => "the other hosted clusters",
            Self::SecretProviders => "the SecretProviderClasses",
            Self::EgressProbe => "the egress probe",
            Self::TokenExchange => "the token exchange",
            Self::EffectivePermissions => "the identities' effective permissions",
            Self::Recording => "the recording",
        }
    }

    /// Whether it comes from Azure Resource Manager or Entra, so that it costs a sign-in.
    pub fn is_azure(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::Subscription
                | Self::Providers
                | Self::ResourceGroups
                | Self::Identities
                | Self::FederatedCredentials
                | Self::Roles
                | Self::Network
                | Self::IssuerStorage
                | Self::CallerPermissions
                | Self::PolicyRestrictions
                | Self::Locks
                | Self::AppSecrets
                | Self::Features
                | Self::Skus
                | Self::Usages
                | Self::ImageTerms
                | Self::DnsZones
                | Self::KeyVault
                | Self::IdentitySecrets
                | Self::PrivateEndpoints
                | Self::VirtualMachines
                | Self::BootLogs
                | Self::Leftovers
        )
    }

    /// Whether it is only collected when it is asked for by name: it costs time, signs tokens, or is not about the
    /// hosted cluster itself.
    pub fn is_on_request(self) -> bool {
        matches!(self, Self::TokenExchange | Self::EffectivePermissions | Self::Leftovers)
    }
}
