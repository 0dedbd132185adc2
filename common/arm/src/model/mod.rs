//! What the readers return: plain data, with Azure's property names in snake case.
//!
//! Ids are text as Azure wrote it (their case varies from one answer to the next); compare them as
//! [`ArmId`](crate::ArmId). Values of Azure's open enumerations are text as well, since Azure adds values and varies
//! their case. What an answer does not hold is `None` or empty.

pub(crate) mod authorization;
pub(crate) mod dns;
pub(crate) mod governance;
mod identity;
pub(crate) mod machines;
mod network;
pub(crate) mod private_link;
pub(crate) mod quota;
pub(crate) mod resources;
pub(crate) mod storage;
pub(crate) mod wire;

use std::collections::BTreeMap;

pub use authorization::{Permission, RoleAssignment, RoleDefinition};
pub use dns::{DnsRecordSet, DnsZone};
pub use governance::{
    ContentEvaluation, DeniedPrincipal, DenyAssignment, EffectDetails, FieldRestriction, FieldRestrictions,
    ManagementLock, PolicyEvaluation, PolicyReference, PolicyRestrictions,
};
pub use identity::{FederatedCredential, Identity};
pub use machines::{BootDiagnostics, VirtualMachine};
pub use network::{
    BackendPool, FrontendIp, LoadBalancer, LoadBalancingRule, NatGateway, NetworkSecurityGroup, OutboundRule, Peering,
    Probe, PublicIp, Route, RouteTable, SecurityRule, Subnet, VirtualNetwork,
};
pub use private_link::{
    PrivateARecord, PrivateDnsZone, PrivateEndpoint, PrivateLinkConnection, PrivateLinkService, VirtualNetworkLink,
};
pub use quota::{MarketplaceAgreement, SkuRestriction, Usage, VmSku};
pub use resources::{Feature, Provider, ProviderType, ResourceGroup, Subscription};
pub use storage::{BlobService, Container, StorageAccount};

/// The tags of a resource.
pub type Tags = BTreeMap<String, String>;
