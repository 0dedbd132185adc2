//! What creating a cluster writes in Azure, and the actions that its caller needs for it.
//!
//! One table, which preflight reads and to which the planners are held by a test: whatever a plan writes needs an action
//! that stands here, at the place that stands here.
//!
//! Source: <https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations>; linked access checks
//! (`join/action`) as Azure answers them with `LinkedAuthorizationFailed`.

use crate::ArmId;
use crate::catalogue::Scope;
use crate::hosted::HostedCluster;

/// The action that makes a resource group. For a group that does not exist it is needed at the subscription.
pub const WRITE_GROUP: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";
/// The action that assigns a role.
pub const ASSIGN_ROLE: &str = "Microsoft.Authorization/roleAssignments/write";

/// Where something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A resource group at which roles are assigned.
    Group(Scope),
    /// The resource group of the managed identities.
    Identities,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// The managed identities and their federated credentials.
    Identities,
    /// The network security group.
    SecurityGroup,
    /// The VNet with its subnet.
    Vnet,
    /// The way out of the nodes: load balancer and public IP.
    Egress,
    /// The private DNS zone of the cluster, with its link to the VNet.
    PrivateZone,
    /// The roles of the identities.
    Roles,
}

impl Deed {
    /// What to call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Identities => "the managed identities",
            Self::SecurityGroup => "the network security group",
            Self::Vnet => "the VNet",
            Self::Egress => "the load balancer of the nodes",
            Self::PrivateZone => "the private DNS zone",
            Self::Roles => "the roles of the identities",
        }
    }
}

/// An action that something needs somewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Needed {
    /// What needs it.
    pub deed: Deed,
    /// Where.
    pub place: Place,
    /// The action.
    pub action: &'static str,
}

const fn needed(deed: Deed, place: Place, action: &'static str) -> Needed {
    Needed { deed, place, action }
}

const MANAGED: Place = Place::Group(Scope::Managed);
const VNET: Place = Place::Group(Scope::Vnet);
const NSG: Place = Place::Group(Scope::NetworkSecurityGroup);
const DNS: Place = Place::Group(Scope::Dns);

/// Every action, besides [`WRITE_GROUP`] for groups that are made.
pub const NEEDED: [Needed; 17] = [
    needed(Deed::Identities, Place::Identities, "Microsoft.ManagedIdentity/userAssignedIdentities/write"),
    needed(
        Deed::Identities,
        Place::Identities,
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
    ),
    needed(Deed::SecurityGroup, NSG, "Microsoft.Network/networkSecurityGroups/write"),
    needed(Deed::Vnet, VNET, "Microsoft.Network/virtualNetworks/write"),
    needed(Deed::Vnet, NSG, "Microsoft.Network/networkSecurityGroups/join/action"),
    needed(Deed::Egress, MANAGED, "Microsoft.Network/publicIPAddresses/write"),
    needed(Deed::Egress, MANAGED, "Microsoft.Network/publicIPAddresses/join/action"),
    needed(Deed::Egress, MANAGED, "Microsoft.Network/loadBalancers/write"),
    needed(Deed::PrivateZone, MANAGED, "Microsoft.Network/privateDnsZones/write"),
    needed(Deed::PrivateZone, MANAGED, "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write"),
    needed(Deed::PrivateZone, VNET, "Microsoft.Network/virtualNetworks/join/action"),
    needed(Deed::PrivateZone, DNS, "Microsoft.Network/dnsZones/read"),
    needed(Deed::Roles, MANAGED, ASSIGN_ROLE),
    needed(Deed::Roles, NSG, ASSIGN_ROLE),
    needed(Deed::Roles, VNET, ASSIGN_ROLE),
    needed(Deed::Roles, DNS, ASSIGN_ROLE),
    // Whoever assigns a role looks for one that is there already.
    needed(Deed::Roles, MANAGED, "Microsoft.Authorization/roleAssignments/read"),
];

impl Place {
    /// The scope of a place in a cluster; none where the HostedCluster does not name it.
    pub fn of(self, cluster: &HostedCluster) -> Option<ArmId> {
        match self {
            Self::Group(scope) => cluster.scope(scope),
            Self::Identities => None,
        }
    }

    /// What to call it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Group(scope) => scope.describe(),
            Self::Identities => "resource group of the managed identities",
        }
    }
}
