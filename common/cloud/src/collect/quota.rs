//! Collecting features, sizes, quotas and marketplace terms.

use facts::quota::Quota;

use super::Sources;

/// Collects what is wanted of it.
pub(super) async fn collect(_sources: &Sources<'_>) -> Quota {
    Quota::default()
}
