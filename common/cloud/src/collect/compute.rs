//! Collecting virtual machines and their boot logs.

use facts::compute::Compute;

use super::Sources;

/// Collects what is wanted of it.
pub(super) async fn collect(_sources: &Sources<'_>) -> Compute {
    Compute::default()
}
