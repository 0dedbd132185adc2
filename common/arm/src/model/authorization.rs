//! Role assignments, role definitions, permissions.

use serde::{Deserialize, Serialize};

use super::wire::{Envelope, null_is_empty};

/// A role assignment (api-version 2022-04-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// The resource id.
    pub id: String,
    /// The assignment's UUID.
    pub name: String,
    /// The object id of whom the role is given to.
    pub principal_id: String,
    /// `ServicePrincipal`, `User`, `Group` and so on.
    pub principal_type: Option<String>,
    /// The role's id, with or without a subscription in front.
    pub role_definition_id: String,
    /// Where the role is given: this scope and all below it.
    pub scope: String,
    /// A condition that narrows the role, if there is one.
    pub condition: Option<String>,
    /// When it was made, RFC 3339.
    #[serde(default)]
    pub created_on: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleAssignmentWire {
    #[serde(default)]
    principal_id: String,
    principal_type: Option<String>,
    #[serde(default)]
    role_definition_id: String,
    #[serde(default)]
    scope: String,
    condition: Option<String>,
    created_on: Option<String>,
}

impl From<Envelope<RoleAssignmentWire>> for RoleAssignment {
    fn from(wire: Envelope<RoleAssignmentWire>) -> Self {
        let properties = wire.properties;
        Self {
            id: wire.id,
            name: wire.name,
            principal_id: properties.principal_id,
            principal_type: properties.principal_type,
            role_definition_id: properties.role_definition_id,
            scope: properties.scope,
            condition: properties.condition,
            created_on: properties.created_on,
        }
    }
}

/// A role definition (api-version 2022-04-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDefinition {
    /// The resource id.
    pub id: String,
    /// The role's UUID.
    pub name: String,
    /// The display name, such as `Contributor`.
    pub role_name: String,
    /// `BuiltInRole` or `CustomRole`.
    pub role_type: Option<String>,
    /// What the role permits.
    pub permissions: Vec<Permission>,
    /// Where the role can be assigned.
    pub assignable_scopes: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleDefinitionWire {
    #[serde(default)]
    role_name: String,
    #[serde(rename = "type")]
    role_type: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_is_empty")]
    assignable_scopes: Vec<String>,
}

impl From<Envelope<RoleDefinitionWire>> for RoleDefinition {
    fn from(wire: Envelope<RoleDefinitionWire>) -> Self {
        let properties = wire.properties;
        Self {
            id: wire.id,
            name: wire.name,
            role_name: properties.role_name,
            role_type: properties.role_type,
            permissions: properties.permissions,
            assignable_scopes: properties.assignable_scopes,
        }
    }
}

/// One set of permissions. An action is permitted when a set's `actions` cover it and that set's `not_actions` do not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Permitted actions on the resource manager; `*` stands for any text.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub actions: Vec<String>,
    /// What is taken out of `actions`.
    #[serde(alias = "notActions", default, deserialize_with = "null_is_empty")]
    pub not_actions: Vec<String>,
    /// Permitted actions on data, such as reading blobs or keys.
    #[serde(alias = "dataActions", default, deserialize_with = "null_is_empty")]
    pub data_actions: Vec<String>,
    /// What is taken out of `data_actions`.
    #[serde(alias = "notDataActions", default, deserialize_with = "null_is_empty")]
    pub not_data_actions: Vec<String>,
}
