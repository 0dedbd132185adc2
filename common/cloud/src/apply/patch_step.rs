//! Steps that change single fields of objects of the management cluster.

use plan::patch::Patch;
use serde_json::Value;
use tokio::time::Instant;

use super::local_step::passes;
use super::step::Ended;
use super::{Options, Outcome};
use crate::kubernetes::{Connection, KubeError};

/// Changes the fields, unless the object is no longer the one that was judged.
pub(super) async fn patch(kubernetes: &Connection, patch: &Patch, options: &Options) -> Ended {
    let begun = Instant::now();
    let mut tries = 0;
    loop {
        let error = match kubernetes.patch(patch).await {
            Ok(_) => return Ok(Outcome::Done(Value::Null)),
            Err(error) => error,
        };
        // It may have been ourselves: an answer that was lost on its way.
        if matches!(error, KubeError::Changed { .. })
            && let Ok(Some(object)) = kubernetes.object(patch.object()).await
            && patch.is_done_in(&object)
        {
            return Ok(Outcome::Done(Value::Null));
        }
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
