//! Locks, deny assignments, and what Azure Policy says beforehand.

use std::sync::Arc;

use azure_core::Bytes;
use azure_core::http::Method;
use serde_json::{Value, json};

use crate::client::{Arm, decode};
use crate::error::{ArmError, Found, Kind, Result};
use crate::id::ArmId;
use crate::model::governance::{DenyAssignmentWire, LockWire};
use crate::model::{DenyAssignment, ManagementLock, PolicyRestrictions};
use crate::send::Call;

const LOCKS: &str = "2020-05-01";
const DENY_ASSIGNMENTS: &str = "2022-04-01";
const POLICY: &str = "2023-03-01";

impl Arm {
    /// The locks of a subscription or a resource group, those of the resources in it included. None when the scope is not
    /// there.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn locks(&self, scope: &ArmId) -> Result<Option<Arc<Vec<ManagementLock>>>> {
        let url = self.url(scope, "/providers/Microsoft.Authorization/locks", LOCKS, &[]);
        self.shared::<LockWire, _>(url).await.found()
    }

    /// The deny assignments at, above and below a scope. None when the scope is not there.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn deny_assignments(&self, scope: &ArmId) -> Result<Option<Arc<Vec<DenyAssignment>>>> {
        let url = self.url(scope, "/providers/Microsoft.Authorization/denyAssignments", DENY_ASSIGNMENTS, &[]);
        self.shared::<DenyAssignmentWire, _>(url).await.found()
    }

    /// What Azure Policy would say to a resource at a scope. `content` is the resource's body with its `type`;
    /// `api_version` is that of the resource. None when the scope is not there.
    ///
    /// It is a POST and changes nothing, so earlier answers stay good. The caller needs
    /// `Microsoft.PolicyInsights/checkPolicyRestrictions/read`, which Reader holds.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn policy_restrictions(
        &self,
        scope: &ArmId,
        content: &Value,
        api_version: &str,
    ) -> Result<Option<PolicyRestrictions>> {
        let url = self.url(scope, "/providers/Microsoft.PolicyInsights/checkPolicyRestrictions", POLICY, &[]);
        let body = json!({
            "resourceDetails": {"resourceContent": content, "apiVersion": api_version},
            "pendingFields": [{"field": "tags"}],
        });
        let body = serde_json::to_vec(&body)
            .map(Bytes::from)
            .map_err(|error| ArmError::new(Kind::Decode, "POST", url.path(), format!("the request's body: {error}")))?;
        let call = Call { method: Method::Post, url: url.clone(), body: Some(body), until: None };
        match self.sender.send(&call).await.found()? {
            Some(reply) => decode(&url, &reply).map(Some),
            None => Ok(None),
        }
    }
}
