//! What `create cluster` has to know of the management cluster: each object as it is, and as the API server would make it.

use futures::future::try_join_all;
use plan::manifest::Manifest;
use plan::objects::{Facts, Seen, Wanted};

use crate::kubernetes::{Connection, KubeError};

/// Looks at each object, and lets the API server judge those that would be applied. Nothing is changed.
///
/// # Errors
/// [`KubeError`] when the API server cannot be asked, or does not know the kinds. What it refuses is a fact.
pub async fn object_facts(kubernetes: &Connection, wanted: &[Wanted]) -> Result<Facts, KubeError> {
    let (spaces, others): (Vec<&Wanted>, Vec<&Wanted>) =
        wanted.iter().partition(|one| one.manifest.kind() == "Namespace");
    let spaces = try_join_all(spaces.iter().map(|one| look(kubernetes, one, false))).await?;
    // Where the namespace is missing, nothing can be in it, and nothing can be tried.
    let mut facts: Facts = Facts::new();
    let there = spaces.iter().all(|(_, seen)| seen.live.is_some());
    facts.extend(spaces);
    if there {
        facts.extend(try_join_all(others.iter().map(|one| look(kubernetes, one, !one.keep))).await?);
    }
    Ok(facts)
}

async fn look(kubernetes: &Connection, wanted: &Wanted, tries: bool) -> Result<(String, Seen), KubeError> {
    let manifest = &wanted.manifest;
    let live = async {
        match kubernetes.object(manifest).await {
            // Who may not read Secrets may still apply them: the server's own answer tells whether something changes.
            Err(KubeError::Denied { .. }) if manifest.kind() == "Secret" => Ok(None),
            live => live,
        }
    };
    let tried = async {
        match tries {
            true => attempt(kubernetes, manifest).await,
            false => Ok((None, None)),
        }
    };
    let (live, (after, refused)) = futures::future::try_join(live, tried).await?;
    Ok((manifest.to_string(), Seen { live, after, refused }))
}

type Attempt = (Option<serde_json::Value>, Option<String>);

async fn attempt(kubernetes: &Connection, manifest: &Manifest) -> Result<Attempt, KubeError> {
    match kubernetes.try_apply(manifest).await {
        Ok(after) => Ok((Some(after), None)),
        Err(KubeError::Invalid { why } | KubeError::Conflict { why }) => Ok((None, Some(why))),
        // The webhooks of an operator that is not ready cannot judge; preflight speaks of the operator.
        Err(KubeError::Other { status: Some(500..), .. }) => Ok((None, None)),
        Err(error) => Err(error),
    }
}
