//! Role assignments, role definitions, permissions.

use crate::bridge::wrong_type;
use crate::client::Arm;
use crate::error::{Found, Result};
use crate::id::ArmId;
use crate::model::authorization::{RoleAssignmentWire, RoleDefinitionWire};
use crate::model::{Permission, RoleAssignment, RoleDefinition};

const AUTHORIZATION: &str = "2022-04-01";
const ROLE_DEFINITIONS: &str = "Microsoft.Authorization/roleDefinitions";

impl Arm {
    /// The role assignments that a scope lists: those at the scope, above it, and (without `atScope()`) below it.
    ///
    /// `filter` is an OData filter such as `atScope()`, `principalId eq '…'` or `assignedTo('…')`. None when the
    /// scope is not there.
    ///
    /// # Errors
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn role_assignments(&self, scope: &ArmId, filter: Option<&str>) -> Result<Option<Vec<RoleAssignment>>> {
        let query: Vec<(&str, &str)> = filter.map(|filter| ("$filter", filter)).into_iter().collect();
        let url = self.url(scope, "/providers/Microsoft.Authorization/roleAssignments", AUTHORIZATION, &query);
        self.resources::<RoleAssignmentWire, _>(url).await.found()
    }

    /// A role definition. The id may begin with a subscription or with `/providers`.
    ///
    /// # Errors
    /// [`Kind::InvalidId`](crate::Kind::InvalidId) when the id is of another type; else
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn role_definition(&self, id: &ArmId) -> Result<Option<RoleDefinition>> {
        if !id.is_type(ROLE_DEFINITIONS) {
            return Err(wrong_type(id, ROLE_DEFINITIONS));
        }
        self.resource::<RoleDefinitionWire, _>(self.url(id, "", AUTHORIZATION, &[])).await
    }

    /// What the caller may do on a scope. None when the scope is not there.
    ///
    /// # Errors
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn permissions(&self, scope: &ArmId) -> Result<Option<Vec<Permission>>> {
        let url = self.url(scope, "/providers/Microsoft.Authorization/permissions", AUTHORIZATION, &[]);
        self.read_all(url).await.found()
    }
}
