//! What the checks of leftovers share: one finding for each dead cluster.

use std::collections::BTreeMap;

use facts::Gap;
use facts::leftovers::{Leftover, LeftoverKind};

use crate::judgement::{Finding, Fix, Judgement};
use crate::text::quote;
use crate::view::View;

/// How many things of one cluster a finding names.
const MAX_NAMED: usize = 10;

/// Judges what is left of these kinds. What is not proven is worth knowing, and no more.
pub(crate) fn judge(view: &View<'_>, kinds: &[LeftoverKind], what: &str, why: &str) -> Result<Judgement, Gap> {
    let things = view.leftovers()?;
    let mut by_owner: BTreeMap<(bool, &str), Vec<&Leftover>> = BTreeMap::new();
    for thing in things.iter().filter(|thing| kinds.contains(&thing.kind)) {
        by_owner.entry((thing.proven, thing.infra_id.as_deref().unwrap_or_default())).or_default().push(thing);
    }
    let findings =
        by_owner.into_iter().map(|((proven, infra_id), things)| finding(proven, infra_id, &things, what, why));
    Ok(Judgement::new(format!("dead clusters left no {what}"), findings.collect()))
}

fn finding(proven: bool, infra_id: &str, things: &[&Leftover], what: &str, why: &str) -> Finding {
    let subject = match infra_id {
        "" => format!("{what} of nobody known"),
        id => format!("{what} of dead cluster {id}"),
    };
    let count = things.len();
    let said = format!("{count} {what} left");
    let mut finding = if proven {
        Finding::warn(subject, said, why)
    } else {
        Finding::info(subject, format!("{said}, not proven to be a dead cluster's"), why)
    };
    for thing in things.iter().take(MAX_NAMED) {
        let since = thing.since.as_ref().map(|since| format!(", since {since}")).unwrap_or_default();
        let costs = if thing.costs { ", costs money" } else { "" };
        finding = finding.see("left", format!("{} ({}{since}{costs})", thing.name, thing.reason));
    }
    if count > MAX_NAMED {
        finding = finding.see("left", format!("and {} more", count - MAX_NAMED));
    }
    let command = match (proven, infra_id) {
        (true, _) => "oc hcp-azure destroy orphans --print-script > clean-up.sh".to_owned(),
        (false, "") => "oc hcp-azure destroy orphans".to_owned(),
        (false, id) => format!("oc hcp-azure destroy orphans --infra-id {}", quote(id)),
    };
    finding.fix(Fix::azure([command]).note(
        "name every management cluster of the subscription with `--also-context`; read the script before you run it",
    ))
}
