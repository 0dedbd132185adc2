//! What the caller may do in Azure, and what policies and locks forbid.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::azure::Permission;
use crate::{ArmId, Fact};

/// What the caller may do in Azure, and what policies and locks forbid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Governance {
    /// What the caller may do, by scope id in lower case: the resource groups of the cluster, those of its identities, and
    /// the subscription. Absent where the scope does not exist.
    pub caller_permissions: BTreeMap<String, Fact<Vec<Permission>>>,
    /// Whether the create that is judged assigns the roles of the identities; none when no create is judged.
    pub assigns_roles: Option<bool>,
    /// The resource group that the create that is judged puts new identities into; none when no create is judged, or when
    /// it makes none.
    pub identities_group: Option<ArmId>,
    /// The deny assignments of the subscription that bear on the cluster's resource groups.
    pub deny_assignments: Fact<Vec<DenyAssignment>>,
    /// The locks that hold at a resource group or in it, by the group's id in lower case. Absent where the group does not
    /// exist.
    pub locks: BTreeMap<String, Fact<Vec<Lock>>>,
    /// What Azure Policy says of the resources that a cluster makes, by resource type in lower case; for virtual machines
    /// with the size behind a blank.
    pub policies: BTreeMap<String, Fact<PolicyAnswer>>,
    /// The client secrets of the application that signed in. Absent when it signed in without one.
    pub app_secrets: Fact<Vec<AppSecret>>,
}

/// A deny assignment: it outranks every role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DenyAssignment {
    /// Its ARM id.
    pub id: ArmId,
    /// Its display name.
    pub name: String,
    /// Where it holds.
    pub scope: String,
    /// Whether it holds at the scope alone and not below it.
    #[serde(default)]
    pub not_below: bool,
    /// What it denies.
    pub permissions: Vec<Permission>,
    /// The object ids that it denies this to; [`DenyAssignment::EVERYONE`] stands for all.
    pub principals: BTreeSet<String>,
    /// The object ids that are excepted.
    #[serde(default)]
    pub excluded: BTreeSet<String>,
}

impl DenyAssignment {
    /// The object id that stands for every principal of the tenant.
    pub const EVERYONE: &str = "00000000-0000-0000-0000-000000000000";

    /// Whether it names everyone.
    pub fn is_for_everyone(&self) -> bool {
        self.principals.contains(Self::EVERYONE)
    }

    /// Whether it holds for resources at or below `scope`.
    pub fn bears_on(&self, scope: &ArmId) -> bool {
        if self.not_below {
            return scope.as_str().eq_ignore_ascii_case(&self.scope);
        }
        scope.is_within(&self.scope)
    }
}

/// A management lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    /// Its ARM id.
    pub id: ArmId,
    /// Its name.
    pub name: String,
    /// `CanNotDelete` or `ReadOnly`.
    pub level: String,
    /// What its maker wrote.
    #[serde(default)]
    pub notes: Option<String>,
}

impl Lock {
    /// Where it holds: what stands before the provider in its id.
    pub fn scope(&self) -> ArmId {
        let id = self.id.as_str();
        let at = id.to_ascii_lowercase().rfind("/providers/microsoft.authorization/locks/");
        ArmId::new(at.map_or(id, |at| &id[..at]))
    }

    /// Whether it forbids every change and not just deletes.
    pub fn is_read_only(&self) -> bool {
        self.level.eq_ignore_ascii_case("ReadOnly")
    }
}

/// What Azure Policy says of one resource before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAnswer {
    /// The resource type that was asked about.
    pub resource_type: String,
    /// The size, for a virtual machine.
    #[serde(default)]
    pub size: Option<String>,
    /// Where it was asked: a resource group, or the subscription where the group does not exist yet.
    pub scope: ArmId,
    /// The policies that the resource does not comply with, as it was sent.
    pub evaluations: Vec<PolicyHit>,
    /// What policies want of single fields.
    pub restrictions: Vec<PolicyHit>,
}

/// A policy that has something to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyHit {
    /// The policy assignment.
    pub assignment: String,
    /// The policy definition.
    pub definition: String,
    /// `Deny`, `Modify`, `Append` …; none where Azure does not say.
    #[serde(default)]
    pub effect: Option<String>,
    /// The field, for a restriction: `location`, `tags.owner`, an alias.
    #[serde(default)]
    pub field: Option<String>,
    /// What becomes of the field, for a restriction: `Required`, `Removed` or `Deny`.
    #[serde(default)]
    pub result: Option<String>,
    /// The values that are required or denied; empty means any.
    #[serde(default)]
    pub values: Vec<String>,
    /// What the policy's author wrote.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A client secret of an application; never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppSecret {
    /// Its key id.
    pub key_id: String,
    /// Its display name.
    #[serde(default)]
    pub name: Option<String>,
    /// When it ends.
    pub ends_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_of_a_lock_stands_in_its_id() {
        for (id, scope) in [
            ("/subscriptions/s/providers/Microsoft.Authorization/locks/l", "/subscriptions/s"),
            (
                "/subscriptions/s/resourceGroups/g/providers/microsoft.authorization/Locks/l",
                "/subscriptions/s/resourceGroups/g",
            ),
            (
                "/subscriptions/s/resourceGroups/g/providers/a/b/c/providers/Microsoft.Authorization/locks/l",
                "/subscriptions/s/resourceGroups/g/providers/a/b/c",
            ),
        ] {
            let lock = Lock { id: ArmId::new(id), name: "l".into(), level: "readOnly".into(), notes: None };
            assert_eq!(lock.scope().as_str(), scope);
            assert!(lock.is_read_only());
        }
    }
}
