//! Steps on blobs: the write, and what passes by itself.

use std::time::Duration;

use plan::change::Blob;
use serde_json::Value;
use tokio::time::Instant;

use super::step::Ended;
use super::{Options, Outcome, Results, StepError};
use crate::storage::{Problem, Storage, StorageError};

/// Writes a blob, unless somebody else has written it since it was read.
pub(super) async fn put(storage: &Storage, blob: &Blob, results: &Results, options: &Options) -> Ended {
    let blob = filled(blob, results)?;
    // The name of an account made a moment ago may not be known to the resolver yet.
    let fresh = !blob.late.is_empty();
    let begun = Instant::now();
    let mut tries = 0;
    loop {
        let error = match storage.put(&blob).await {
            Ok(()) => return Ok(Outcome::Done(Value::Null)),
            Err(error) => error,
        };
        if error.problem() == Problem::Changed && is_there(storage, &blob).await {
            return Ok(Outcome::Done(Value::Null));
        }
        tries += 1;
        let wait = options.pace.grown(tries);
        let over = |patience: Duration| begun + patience < Instant::now() + wait;
        if patience(&error, fresh, options).is_none_or(over) {
            return Err(error.into());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = options.stop.wait() => return Ok(Outcome::Stopped),
        }
    }
}

/// Whether the blob holds what it is to hold: an earlier try got through, and its answer was lost.
async fn is_there(storage: &Storage, blob: &Blob) -> bool {
    let read = storage.get(&blob.account, &blob.url).await;
    read.is_ok_and(|read| {
        read.is_some_and(|seen| seen.text == blob.body && seen.content_type.as_deref() == Some(blob.content_type))
    })
}

fn patience(error: &StorageError, fresh: bool, options: &Options) -> Option<Duration> {
    match error.problem() {
        Problem::Unreachable if fresh => Some(options.pace.patience),
        // A container, a role or a setting that is not known everywhere yet, or a service that is busy.
        Problem::Unreachable | Problem::Missing | Problem::Denied | Problem::Busy => {
            Some(options.pace.patience_with_absence)
        }
        Problem::Changed | Problem::NoAccess | Problem::Refused => None,
    }
}

/// The blob with the endpoint that the account's step left.
fn filled(blob: &Blob, results: &Results) -> Result<Blob, StepError> {
    let endpoint = |step: &str| {
        let endpoint = results.get(step)?["properties"]["primaryEndpoints"]["blob"].as_str()?;
        Some(endpoint.trim_end_matches('/').to_owned())
    };
    let fill = |text: &str| {
        let filled = blob.late.fill(text, endpoint);
        filled.map_err(|step| StepError::Answer(format!("Azure's answer to step {step} holds no blob endpoint")))
    };
    Ok(Blob { url: fill(&blob.url)?, body: fill(&blob.body)?, ..blob.clone() })
}
