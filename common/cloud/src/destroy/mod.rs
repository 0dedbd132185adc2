//! What `destroy` has to know of Azure before it plans.

pub mod issuer;

use std::collections::BTreeMap;

use arm::{Arm, ArmId};
use futures::future::{try_join, try_join_all, try_join3};
use plan::destroy::{Facts, GroupSeen, LOCKS, Spec};
use plan::{iam, infra};
use serde_json::Value;

use crate::create::FactsError;

pub(crate) const ASSIGNMENTS: &str = "/providers/Microsoft.Authorization/roleAssignments";
pub(crate) const IDENTITIES: &str = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities";

/// Reads the groups in which something of the cluster may be, the role assignments, and the cluster's identities. Returns
/// what is to be destroyed, too, now that it is known where the identities are.
///
/// # Errors
/// [`FactsError`]; nothing has been changed.
pub async fn facts(arm: &Arm, spec: Spec) -> Result<(Spec, Facts), FactsError> {
    let subscription = ArmId::for_subscription(&spec.subscription)?;
    let identities = arm.bodies(&subscription, IDENTITIES, iam::IDENTITIES, None).await?.unwrap_or_default();
    let spec = spec.located(&identities);
    let groups = try_join_all(spec.groups().into_iter().map(|id| group(arm, id)));
    let (groups, assignments) = try_join(groups, assignments(arm, &spec, &subscription)).await?;
    let own = identities.iter().filter(|body| spec.is_own_identity(body));
    let credentials = try_join_all(own.filter_map(|body| body.get("id")?.as_str()).map(|id| async move {
        let identity = ArmId::parse(id)?;
        let held = arm.bodies(&identity, "/federatedIdentityCredentials", iam::IDENTITIES, None).await?;
        Ok::<_, FactsError>((facts::ArmId::new(id).key(), held.unwrap_or_default()))
    }))
    .await?;
    let facts = Facts {
        groups: groups.into_iter().flatten().collect(),
        assignments,
        identities,
        credentials: credentials.into_iter().collect::<BTreeMap<_, _>>(),
    };
    Ok((spec, facts))
}

async fn group(arm: &Arm, id: facts::ArmId) -> Result<Option<(String, GroupSeen)>, FactsError> {
    let scope = ArmId::parse(id.as_str())?;
    let list = async |below: &str, api_version: &str| {
        Ok::<_, FactsError>(arm.bodies(&scope, below, api_version, None).await?.unwrap_or_default())
    };
    let body = async { Ok::<_, FactsError>(arm.body(&scope, iam::GROUPS).await?) };
    let locks = async {
        match list("/providers/Microsoft.Authorization/locks", LOCKS).await {
            // Locks are read to say what is in the way; Azure itself minds them all the same.
            Err(FactsError::Arm(error)) if error.is_denied() => Ok(Vec::new()),
            found => found,
        }
    };
    let (body, resources, locks) = try_join3(body, list("/resources", iam::GROUPS), locks).await?;
    Ok(body.map(|body| (id.key(), GroupSeen { body, resources, locks })))
}

/// All of the subscription; where that may not be read, those of each group.
async fn assignments(arm: &Arm, spec: &Spec, subscription: &ArmId) -> Result<Vec<Value>, FactsError> {
    match arm.bodies(subscription, ASSIGNMENTS, infra::AUTHORIZATION, None).await {
        Err(error) if error.is_denied() => {}
        found => return Ok(found?.unwrap_or_default()),
    }
    let each = try_join_all(spec.groups().into_iter().map(|id| async move {
        let scope = ArmId::parse(id.as_str())?;
        let held = arm.bodies(&scope, ASSIGNMENTS, infra::AUTHORIZATION, Some("atScope()")).await?;
        Ok::<_, FactsError>(held.unwrap_or_default())
    }));
    Ok(each.await?.concat())
}
