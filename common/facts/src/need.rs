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
}

impl Need {
    /// Every need, in the order in which reports name them.
    pub const ALL: [Self; 22] = [
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
        )
    }
}
