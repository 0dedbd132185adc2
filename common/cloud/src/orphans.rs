//! What the ledger of orphans has to know of Azure: the whole subscription, or nothing.

use arm::{Arm, ArmId};
use futures::future::{try_join_all, try_join3, try_join4};
use jiff::{SignedDuration, Timestamp};
use plan::destroy::LOCKS;
use plan::destroy::orphans::{Facts, Zone};
use plan::{iam, infra, oidc};
use serde_json::Value;

use crate::create::FactsError;
use crate::destroy::{ASSIGNMENTS, IDENTITIES, issuer};

/// Reads the subscription. Who may not read a part of it gets no facts: what is not seen would be missing from the ledger.
///
/// # Errors
/// [`FactsError`].
pub async fn facts(arm: &Arm, subscription: &str) -> Result<Facts, FactsError> {
    let scope = ArmId::for_subscription(subscription)?;
    let list = async |below: &str, api_version: &str| {
        Ok::<_, FactsError>(arm.bodies(&scope, below, api_version, None).await?.unwrap_or_default())
    };
    let timed = async |below: &str| {
        Ok::<_, FactsError>(arm.bodies_with_times(&scope, below, iam::GROUPS).await?.unwrap_or_default())
    };
    let locks = async {
        match list("/providers/Microsoft.Authorization/locks", LOCKS).await {
            // Locks are read to say what is in the way; Azure itself minds them all the same.
            Err(FactsError::Arm(error)) if error.is_denied() => Ok(Vec::new()),
            found => found,
        }
    };
    let identities = async {
        let identities = list(IDENTITIES, iam::IDENTITIES).await?;
        let credentials = issuer::credentials(arm, &identities).await?;
        Ok::<_, FactsError>((identities, credentials))
    };
    let ((groups, resources, locks), assignments, (identities, credentials), (accounts, zones)) = try_join4(
        try_join3(timed("/resourcegroups"), timed("/resources"), locks),
        list(ASSIGNMENTS, infra::AUTHORIZATION),
        identities,
        futures::future::try_join(
            list("/providers/Microsoft.Storage/storageAccounts", oidc::STORAGE),
            zones(arm, &scope),
        ),
    )
    .await?;
    let a_day_ago = Timestamp::now() - SignedDuration::from_hours(24);
    let a_day_ago = a_day_ago.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(Facts {
        living: Vec::new(),
        groups,
        resources,
        locks,
        assignments,
        identities,
        credentials,
        accounts,
        zones,
        a_day_ago,
    })
}

async fn zones(arm: &Arm, subscription: &ArmId) -> Result<Vec<Zone>, FactsError> {
    let zones = arm.bodies(subscription, "/providers/Microsoft.Network/dnsZones", infra::DNS, None).await?;
    let read = zones.unwrap_or_default().into_iter().map(|body: Value| async move {
        let id = ArmId::parse(body["id"].as_str().unwrap_or_default())?;
        let records = arm.bodies(&id, "/recordsets", infra::DNS, None).await?.unwrap_or_default();
        Ok::<_, FactsError>(Zone { body, records })
    });
    try_join_all(read).await
}
