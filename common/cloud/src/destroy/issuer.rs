//! What `destroy oidc-issuer` has to know: the account, what is in it, and who trusts the issuer.

use arm::{Arm, ArmId};
use futures::future::{join_all, try_join, try_join3};
use futures::{StreamExt as _, TryStreamExt as _};
use plan::destroy::issuer::{ContainerSeen, Facts, Spec};
use plan::iam;
use plan::oidc::{self, DISCOVERY, STORAGE};
use serde_json::Value;

use super::IDENTITIES;
use crate::create::FactsError;
use crate::session::AzureSession;

/// An issuer's documents are two: more blobs show that a container is something else.
const DOCUMENTS: usize = 2;

/// How many identities are asked for their credentials at once.
const AT_ONCE: usize = 8;

/// What else than containers an account can hold, by its path below the account, and what one of it is called.
const CONTENTS: [(&str, &str); 3] = [
    ("/fileServices/default/shares", "file share"),
    ("/queueServices/default/queues", "queue"),
    ("/tableServices/default/tables", "table"),
];

/// Reads the storage account and its group, the container, and the federated credentials of the subscription.
///
/// # Errors
/// [`FactsError`]; nothing has been changed.
pub async fn facts(session: &AzureSession, spec: &Spec) -> Result<Facts, FactsError> {
    let arm = &session.arm;
    let subscription = ArmId::for_subscription(&spec.subscription)?;
    let account_id = ArmId::parse(spec.account_id().as_str())?;
    let (group, account, credentials) =
        try_join3(super::group(arm, spec.group_id()), async { Ok(arm.body(&account_id, STORAGE).await?) }, async {
            let identities = arm.bodies(&subscription, IDENTITIES, iam::IDENTITIES, None).await?.unwrap_or_default();
            credentials(arm, &identities).await
        })
        .await?;
    let mut facts = Facts { group: group.map(|(_, seen)| seen), account, credentials, ..Facts::default() };
    match &facts.account {
        None => facts.account = elsewhere(arm, spec, &subscription).await?,
        Some(account) => {
            let below = "/blobServices/default/containers";
            let (containers, contents) = try_join(
                async { Ok::<_, FactsError>(arm.bodies(&account_id, below, STORAGE, None).await?.unwrap_or_default()) },
                async { Ok(contents(arm, &account_id).await) },
            )
            .await?;
            let is_it = |body: &Value| name(body).eq_ignore_ascii_case(&spec.container);
            let others = containers.iter().filter(|body| !is_it(body));
            facts.others = others.map(|body| format!("container {}", name(body))).chain(contents.0).collect();
            facts.unseen = contents.1;
            if let (true, Some(endpoint)) = (containers.iter().any(is_it), oidc::endpoint(account)) {
                let issuer = format!("{endpoint}/{}", spec.container);
                facts.container = Some(container(session, spec, &issuer).await?);
            }
        }
    }
    Ok(facts)
}

/// The federated credentials of identities, each with the identity's id.
///
/// # Errors
/// [`FactsError`].
pub async fn credentials(arm: &Arm, identities: &[Value]) -> Result<Vec<(String, Value)>, FactsError> {
    let ids: Vec<String> = identities.iter().filter_map(|body| Some(body.get("id")?.as_str()?.to_owned())).collect();
    let asked = ids.into_iter().map(|id| async move {
        let identity = ArmId::parse(&id)?;
        let held = arm.bodies(&identity, "/federatedIdentityCredentials", iam::IDENTITIES, None).await?;
        let each = held.unwrap_or_default().into_iter().map(|body| (id.clone(), body));
        Ok::<_, FactsError>(each.collect::<Vec<_>>())
    });
    let all: Vec<Vec<_>> = futures::stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    Ok(all.concat())
}

/// The account of the name in another resource group.
async fn elsewhere(arm: &Arm, spec: &Spec, subscription: &ArmId) -> Result<Option<Value>, FactsError> {
    let below = "/providers/Microsoft.Storage/storageAccounts";
    let all = match arm.bodies(subscription, below, STORAGE, None).await {
        // Whoever may see one resource group only has no other.
        Err(error) if error.is_denied() => return Ok(None),
        found => found?.unwrap_or_default(),
    };
    Ok(all.into_iter().find(|body| name(body).eq_ignore_ascii_case(&spec.account)))
}

/// What an account holds besides containers, and what of it could not be seen.
async fn contents(arm: &Arm, account: &ArmId) -> (Vec<String>, Vec<String>) {
    let lists = CONTENTS.map(|(below, word)| async move { (word, arm.bodies(account, below, STORAGE, None).await) });
    let (mut held, mut unseen) = (Vec::new(), Vec::new());
    for (word, list) in join_all(lists).await {
        match list {
            Ok(found) => held.extend(found.iter().flatten().map(|body| format!("{word} {}", name(body)))),
            Err(error) => unseen.push(format!("{word}s: {}", crate::apply::why(&error))),
        }
    }
    (held, unseen)
}

async fn container(session: &AzureSession, spec: &Spec, issuer: &str) -> Result<ContainerSeen, FactsError> {
    let (storage, account) = (&session.storage, spec.account_id());
    let blobs = storage.names(&account, issuer, DOCUMENTS).await?.unwrap_or_default();
    let url = format!("{issuer}/{DISCOVERY}");
    let document = match blobs.iter().any(|name| name == DISCOVERY) {
        true => match storage.get_publicly(&account, &url).await {
            Ok(seen) => seen,
            Err(_) => storage.get(&account, &url).await?,
        },
        false => None,
    };
    let parsed = document.and_then(|seen| serde_json::from_str::<Value>(&seen.text).ok());
    let issuer = parsed.and_then(|document| Some(document.get("issuer")?.as_str()?.to_owned()));
    Ok(ContainerSeen { blobs, issuer })
}

fn name(body: &Value) -> &str {
    body["name"].as_str().unwrap_or_default()
}
