//! Steps outside Azure: objects of the management cluster, and files.

use std::path::Path;

use plan::change::Content;
use plan::identities::ClientIds;
use plan::late::Late;
use plan::manifest::Manifest;
use serde_json::Value;
use tokio::time::Instant;

use super::step::{Ended, filled, value_of};
use super::{Options, Outcome, Results, StepError};
use crate::files;
use crate::kubernetes::{Connection, KubeError};

/// Applies an object.
pub(super) async fn manifest(
    kubernetes: &Connection,
    object: &Manifest,
    late: &Late,
    results: &Results,
    options: &Options,
) -> Ended {
    let ready = if late.is_empty() {
        object.clone()
    } else {
        let text = filled(&object.object().to_string(), late, results)?;
        Manifest::new(serde_json::from_str(&text).map_err(|error| StepError::Answer(error.to_string()))?)
    };
    // What the object holds may be a secret, and nobody asks for it.
    again(options, || async { kubernetes.apply(&ready).await.map(drop) }).await
}

/// Deletes an object.
pub(super) async fn delete(kubernetes: &Connection, object: &Manifest, options: &Options) -> Ended {
    again(options, || kubernetes.remove(object)).await
}

/// Repeats a request to the management cluster as long as another try may mend what failed.
pub(super) async fn again<W>(options: &Options, request: impl Fn() -> W) -> Ended
where
    W: Future<Output = Result<(), KubeError>>,
{
    let begun = Instant::now();
    let mut tries = 0;
    loop {
        let Err(error) = request().await else { return Ok(Outcome::Done(Value::Null)) };
        tries += 1;
        let wait = options.pace.grown(tries);
        let over = begun + options.pace.patience_with_absence < Instant::now() + wait;
        if !passes(&error) || over {
            return Err(error.into());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = options.stop.wait() => return Ok(Outcome::Stopped),
        }
    }
}

/// What another try may mend: a server that restarts, a webhook that is not ready, or writers that came between.
fn passes(error: &KubeError) -> bool {
    matches!(error, KubeError::Unreachable { .. } | KubeError::Other { status: Some(409 | 429 | 500..), .. })
}

/// Writes a file.
pub(super) fn file(path: &Path, content: &Content, results: &Results) -> Ended {
    let text = match content {
        Content::Text(text, late) => filled(text, late, results)?,
        Content::WorkloadIdentities(origins) => {
            let ids: ClientIds = origins
                .iter()
                .filter_map(|(key, origin)| Some((key.clone(), value_of(origin, results, "clientId")?)))
                .collect();
            if ids.is_empty() {
                return Ok(Outcome::Skipped("group".into()));
            }
            plan::identities::text(&ids)
        }
    };
    files::write(path, &text, true).map_err(|error| StepError::File(format!("{}: {error}", path.display())))?;
    Ok(Outcome::Done(Value::Null))
}
