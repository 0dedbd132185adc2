//! Steps that change single fields of objects of the management cluster.

use plan::patch::Patch;

use super::Options;
use super::local_step::again;
use super::step::Ended;
use crate::kubernetes::{Connection, KubeError};

/// Changes the fields, unless the object is no longer the one that was judged.
pub(super) async fn patch(kubernetes: &Connection, patch: &Patch, options: &Options) -> Ended {
    let change = || async {
        match kubernetes.patch(patch).await {
            Ok(_) => Ok(()),
            // It may have been ourselves: an answer that was lost on its way.
            Err(error @ KubeError::Changed { .. }) => match kubernetes.object(patch.object()).await {
                Ok(Some(object)) if patch.is_done_in(&object) => Ok(()),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    };
    again(options, change).await
}
