//! Facts from Entra and Azure Resource Manager, the network excepted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::network::Network;
use crate::{ArmId, Fact};

/// What Entra and ARM say about one hosted cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Azure {
    /// The outcome of signing in. A refusal is a known fact, not a gap.
    pub login: Fact<Login>,
    /// The subscription of the hosted cluster; absent when the caller cannot see it (ARM answers 404 for both cases).
    pub subscription: Fact<Subscription>,
    /// Registration state by resource provider namespace, as `Microsoft.Network` -> `Registered`.
    pub providers: BTreeMap<String, Fact<String>>,
    /// Resource groups by name in lower case.
    pub resource_groups: BTreeMap<String, Fact<ResourceGroup>>,
    /// The managed identities of the subscription that have to do with the cluster: those whose client id or principal id
    /// the HostedCluster names, and those that carry the cluster's name.
    pub identities: Fact<Vec<Identity>>,
    /// Role assignments that hold at a scope, inherited ones included, by scope id in lower case.
    pub role_assignments: BTreeMap<String, Fact<Vec<RoleAssignment>>>,
    /// Role definitions by GUID in lower case: those that the assignments of our principals name.
    pub role_definitions: BTreeMap<String, Fact<RoleDefinition>>,
    /// The network.
    pub network: Network,
    /// Features, sizes, quotas, marketplace terms.
    pub quota: crate::quota::Quota,
    /// Rights of the caller, policies, locks.
    pub governance: crate::governance::Governance,
    /// The Key Vault of etcd's encryption.
    pub key_vault: crate::key_vault::KeyVault,
    /// The Key Vault of the managed identities' credentials.
    pub identity_secrets: crate::key_vault::IdentitySecrets,
    /// Virtual machines.
    pub compute: crate::compute::Compute,
    /// What earlier clusters left.
    pub leftovers: crate::leftovers::Leftovers,
}

/// The outcome of signing in to Entra with the one credential that was selected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Login {
    /// A token was issued.
    SignedIn(Caller),
    /// No token was issued.
    #[serde(rename_all = "camelCase")]
    Refused {
        /// Which credential was tried, as in [`Caller::via`].
        via: String,
        /// The tenant that was asked, if known.
        tenant_id: Option<String>,
        /// The first AADSTS number in Entra's answer.
        aadsts: Option<u32>,
        /// What the credential or Entra said.
        message: String,
    },
}

/// Who asks Azure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The credential's source: `--azure-creds FILE`, `environment (client secret)`, `workload identity`, `az login` …
    pub via: String,
    /// The tenant that issued the token.
    pub tenant_id: String,
    /// The object id of the principal.
    pub object_id: Option<String>,
    /// The application (client) id; none for a person.
    pub app_id: Option<String>,
    /// A name to show: a user principal name or an application's display name, where the token carries one.
    pub name: Option<String>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The subscription id.
    pub id: String,
    /// Its display name.
    pub name: String,
    /// `Enabled`, `Warned`, `PastDue`, `Disabled` or `Deleted`.
    pub state: String,
    /// The tenant it belongs to.
    pub tenant_id: Option<String>,
}

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceGroup {
    /// Its ARM id.
    pub id: ArmId,
    /// Its name.
    pub name: String,
    /// Its region.
    pub location: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// The tag by which what is created for a cluster bears its infra id.
pub const INFRA_ID_TAG: &str = "hcp-azure_infra-id";

impl ResourceGroup {
    /// The infra id of the cluster that it was made for, where a tag says so.
    pub fn made_for(&self) -> Option<&str> {
        self.tags.get(INFRA_ID_TAG).map(String::as_str)
    }
}

/// A user-assigned managed identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Its ARM id.
    pub id: ArmId,
    /// Its name.
    pub name: String,
    /// Its region.
    pub location: String,
    /// The application (client) id: what a HostedCluster names.
    pub client_id: String,
    /// The object id of its service principal: what a role assignment names.
    pub principal_id: String,
    /// Its tenant.
    pub tenant_id: String,
    /// Its federated identity credentials.
    #[serde(default)]
    pub federated: Fact<Vec<FederatedCredential>>,
}

/// A federated identity credential: "tokens of this issuer with this subject and audience are this identity".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FederatedCredential {
    /// Its name below the identity.
    pub name: String,
    /// The issuer, compared byte by byte with the token's `iss`.
    pub issuer: String,
    /// The subject, compared byte by byte with the token's `sub`.
    pub subject: String,
    /// The audiences; Azure allows exactly one.
    pub audiences: Vec<String>,
}

/// A role assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignment {
    /// Its ARM id.
    pub id: ArmId,
    /// The object id that holds the role.
    pub principal_id: String,
    /// `ServicePrincipal`, `User`, `Group` …
    pub principal_type: Option<String>,
    /// The ARM id of the role definition.
    pub role_definition_id: ArmId,
    /// The scope it was made at.
    pub scope: String,
    /// When it was made; roles take up to ten minutes to spread.
    pub created_on: Option<Timestamp>,
}

impl RoleAssignment {
    /// The GUID of the role definition in lower case.
    pub fn role_guid(&self) -> String {
        self.role_definition_id.name().unwrap_or_default().to_ascii_lowercase()
    }
}

/// A role definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleDefinition {
    /// Its GUID in lower case.
    pub guid: String,
    /// Its display name.
    pub name: String,
    /// Whether it is built in.
    pub built_in: bool,
    /// What it permits: an action is granted if any entry grants it.
    pub permissions: Vec<Permission>,
}

/// One entry of a role definition: `actions` less `not_actions`; both may hold `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permission {
    /// Granted control-plane actions.
    pub actions: Vec<String>,
    /// Exceptions to them.
    pub not_actions: Vec<String>,
    /// Granted data-plane actions.
    pub data_actions: Vec<String>,
    /// Exceptions to them.
    pub not_data_actions: Vec<String>,
}
