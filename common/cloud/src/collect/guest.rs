//! Collecting the hosted cluster's own view.

use facts::guest::Guest;
use facts::{Fact, Gap, GapKind, Need};

use super::Sources;
use crate::kubernetes::guest::Guest as Connection;

/// Collects what is wanted of it. Where the hosted cluster cannot be reached, every fact says so.
pub(super) async fn collect(sources: &Sources<'_>) -> Guest {
    let (objects, tokens, probe) =
        (sources.wants(Need::Guest), sources.wants(Need::GuestTokens), sources.wants(Need::EgressProbe));
    if !objects && !tokens && !probe {
        return Guest::default();
    }
    let cluster = match &sources.cluster {
        _ if !sources.exists() => {
            return unreadable(sources, &Gap::new(GapKind::Blocked, "the cluster does not exist yet"));
        }
        Ok(cluster) => *cluster,
        Err(gap) => return unreadable(sources, &Gap { kind: GapKind::Blocked, ..gap.clone() }),
    };
    let guest = match Connection::reach(sources.kubernetes, sources.target, cluster).await {
        Ok(guest) => guest,
        Err(gap) => return unreadable(sources, &gap),
    };
    let objects_read = async {
        if !objects {
            return Guest::default();
        }
        let (cluster_operators, nodes, signing_requests, credentials, unschedulable, dead_webhooks) = futures::join!(
            guest.cluster_operators(),
            guest.nodes(),
            guest.signing_requests(),
            guest.credentials(),
            guest.unschedulable(),
            guest.dead_webhooks(),
        );
        let credentials = Fact::Known(credentials);
        Guest {
            cluster_operators,
            nodes,
            signing_requests,
            credentials,
            unschedulable,
            dead_webhooks,
            ..Guest::default()
        }
    };
    let tokens_read = async { if tokens { Fact::Known(guest.tokens(cluster).await) } else { Fact::default() } };
    let probe_read = async { if probe { guest.egress_probe().await } else { Fact::default() } };
    let (objects, tokens, egress_probe) = futures::join!(objects_read, tokens_read, probe_read);
    Guest { tokens, egress_probe, ..objects }
}

/// Every wanted fact with the same gap.
fn unreadable(sources: &Sources<'_>, gap: &Gap) -> Guest {
    let mut guest = Guest::default();
    if sources.wants(Need::Guest) {
        guest.cluster_operators = Fact::Unreadable(gap.clone());
        guest.nodes = Fact::Unreadable(gap.clone());
        guest.signing_requests = Fact::Unreadable(gap.clone());
        guest.credentials = Fact::Unreadable(gap.clone());
        guest.unschedulable = Fact::Unreadable(gap.clone());
        guest.dead_webhooks = Fact::Unreadable(gap.clone());
    }
    if sources.wants(Need::GuestTokens) {
        guest.tokens = Fact::Unreadable(gap.clone());
    }
    if sources.wants(Need::EgressProbe) {
        guest.egress_probe = Fact::Unreadable(gap.clone());
    }
    guest
}
