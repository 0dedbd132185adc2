//! Collecting what earlier clusters left.

use facts::leftovers::{Leftover, LeftoverKind, Leftovers};
use facts::{Fact, Gap, GapKind, Need};
use plan::destroy::orphans::{self, Kind, Standing};

use super::Sources;
use crate::azure::gap_of;
use crate::create::FactsError;

/// Collects what is wanted of it.
pub(super) async fn collect(sources: &Sources<'_>) -> Leftovers {
    if !sources.wants(Need::Leftovers) {
        return Leftovers::default();
    }
    Leftovers { things: things(sources).await.map_or_else(Fact::Unreadable, Fact::Known) }
}

async fn things(sources: &Sources<'_>) -> Result<Vec<Leftover>, Gap> {
    let arm = sources.arm.clone()?;
    let cluster = sources.cluster.clone()?;
    let context = sources.kubernetes.context_name().unwrap_or("the current context");
    let subscription = &cluster.azure.subscription_id;
    let (living, azure) = futures::join!(sources.kubernetes.living(context), crate::orphans::facts(arm, subscription));
    // Who does not see every HostedCluster would take a living one for dead.
    let living = living.map_err(|error| error.gap("list", "hostedclusters.hypershift.openshift.io", None))?;
    let azure = azure.map_err(|error| match error {
        FactsError::Arm(error) => gap_of(&error),
        other => Gap::new(GapKind::Failed, other.to_string()),
    })?;
    let spec = orphans::Spec { subscription: subscription.clone(), ..orphans::Spec::default() };
    let facts = orphans::Facts { living: vec![living], ..azure };
    let ledger = orphans::ledger(&spec, &facts).map_err(|refusal| Gap::new(GapKind::Failed, refusal.to_string()))?;
    Ok(ledger.lines.into_iter().filter(|line| line.standing != Standing::Info).map(leftover).collect())
}

fn leftover(line: orphans::Line) -> Leftover {
    let kind = match line.kind {
        Kind::RoleAssignment => LeftoverKind::RoleAssignment,
        Kind::Resource => LeftoverKind::Resource,
        Kind::ResourceGroup => LeftoverKind::ResourceGroup,
        Kind::Identity => LeftoverKind::Identity,
        Kind::DnsRecord => LeftoverKind::DnsRecord,
        Kind::IssuerAccount => LeftoverKind::IssuerAccount,
    };
    Leftover {
        kind,
        infra_id: line.infra_id,
        name: line.name,
        id: line.id,
        proven: line.standing == Standing::Proven,
        reason: line.reason,
        since: line.since,
        costs: line.costs,
    }
}
