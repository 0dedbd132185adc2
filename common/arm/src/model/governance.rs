//! Locks, deny assignments, and what Azure Policy says beforehand.

use serde::{Deserialize, Serialize};

use super::Permission;
use super::wire::{Envelope, null_is_empty};

/// A management lock (api-version 2020-05-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagementLock {
    /// The resource id; what stands before its provider is where the lock holds.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `CanNotDelete` or `ReadOnly`.
    pub level: String,
    /// What its maker wrote.
    pub notes: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct LockWire {
    #[serde(default)]
    level: String,
    notes: Option<String>,
}

impl From<Envelope<LockWire>> for ManagementLock {
    fn from(wire: Envelope<LockWire>) -> Self {
        Self { id: wire.id, name: wire.name, level: wire.properties.level, notes: wire.properties.notes }
    }
}

/// A deny assignment (api-version 2022-04-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DenyAssignment {
    /// The resource id.
    pub id: String,
    /// Its UUID.
    pub name: String,
    /// The display name.
    pub deny_assignment_name: String,
    /// Where it holds.
    pub scope: String,
    /// Whether it holds at the scope alone and not below it.
    pub do_not_apply_to_child_scopes: bool,
    /// What it denies.
    pub permissions: Vec<Permission>,
    /// To whom.
    pub principals: Vec<DeniedPrincipal>,
    /// To whom not.
    pub exclude_principals: Vec<DeniedPrincipal>,
}

/// A principal of a deny assignment. The id of zeros stands for everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedPrincipal {
    /// The object id.
    pub id: String,
    /// `SystemDefined`, `User`, `Group`, `ServicePrincipal`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DenyAssignmentWire {
    #[serde(default)]
    deny_assignment_name: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    do_not_apply_to_child_scopes: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    permissions: Vec<Permission>,
    #[serde(default, deserialize_with = "null_is_empty")]
    principals: Vec<DeniedPrincipal>,
    #[serde(default, deserialize_with = "null_is_empty")]
    exclude_principals: Vec<DeniedPrincipal>,
}

impl From<Envelope<DenyAssignmentWire>> for DenyAssignment {
    fn from(wire: Envelope<DenyAssignmentWire>) -> Self {
        let properties = wire.properties;
        Self {
            id: wire.id,
            name: wire.name,
            deny_assignment_name: properties.deny_assignment_name,
            scope: properties.scope,
            do_not_apply_to_child_scopes: properties.do_not_apply_to_child_scopes,
            permissions: properties.permissions,
            principals: properties.principals,
            exclude_principals: properties.exclude_principals,
        }
    }
}

/// What Azure Policy says to a resource before it is made (api-version 2023-03-01).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRestrictions {
    /// What policies want of single fields.
    #[serde(deserialize_with = "null_is_empty")]
    pub field_restrictions: Vec<FieldRestrictions>,
    /// What policies say to the content as it was sent.
    #[serde(deserialize_with = "null_is_empty")]
    pub content_evaluation_result: ContentEvaluation,
}

/// What policies want of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRestrictions {
    /// `location`, `tags.owner`, or an alias such as `Microsoft.Compute/virtualMachines/sku.name`.
    pub field: String,
    /// One for each policy.
    #[serde(deserialize_with = "null_is_empty")]
    pub restrictions: Vec<FieldRestriction>,
}

/// What one policy wants of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRestriction {
    /// `Required`, `Removed` or `Deny`.
    pub result: Option<String>,
    /// The value that policy sets where none is given.
    pub default_value: Option<String>,
    /// The values that are required or denied.
    #[serde(deserialize_with = "null_is_empty")]
    pub values: Vec<String>,
    /// The policy.
    pub policy: PolicyReference,
    /// `Deny`, `Modify`, `Append`, `Audit`.
    pub policy_effect: Option<String>,
    /// What the policy's author wrote.
    pub reason: Option<String>,
}

/// Which policy it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyReference {
    /// The definition's id.
    pub policy_definition_id: String,
    /// The assignment's id.
    pub policy_assignment_id: String,
    /// The initiative's id, if it is part of one.
    pub policy_set_definition_id: Option<String>,
    /// The definition within the initiative.
    pub policy_definition_reference_id: Option<String>,
}

/// What policies say to the content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContentEvaluation {
    /// One for each policy that was evaluated.
    #[serde(deserialize_with = "null_is_empty")]
    pub policy_evaluations: Vec<PolicyEvaluation>,
}

/// What one policy says to the content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyEvaluation {
    /// The policy.
    pub policy_info: PolicyReference,
    /// `NonCompliant` where it would act.
    pub evaluation_result: Option<String>,
    /// How it would act.
    pub effect_details: EffectDetails,
}

/// How a policy would act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EffectDetails {
    /// `Deny`, `Modify`, `Append`, `Audit`.
    pub policy_effect: Option<String>,
}
