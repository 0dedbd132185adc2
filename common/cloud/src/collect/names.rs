//! Collecting DNS: zones, records, what resolves, ExternalDNS.

use facts::dns::Names;

use super::Sources;

/// Collects what is wanted of it.
pub(super) async fn collect(_sources: &Sources<'_>) -> Names {
    Names::default()
}
