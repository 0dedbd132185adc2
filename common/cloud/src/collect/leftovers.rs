//! Collecting what earlier clusters left.

use facts::leftovers::Leftovers;

use super::Sources;

/// Collects what is wanted of it.
pub(super) async fn collect(_sources: &Sources<'_>) -> Leftovers {
    Leftovers::default()
}
