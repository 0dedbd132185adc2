//! NW13: the network resources of the cluster are not about to reach Azure's limits.

use std::collections::BTreeSet;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::workers;

declare_check! {
    /// ## What it checks
    /// The VNet, the network security groups and the route tables of the workers stay below nine tenths of what Azure
    /// allows: 3,000 subnets in a VNet, 1,000 rules in a group, 4,000 addresses on one side of a rule, 400 routes in a
    /// table.
    ///
    /// ## Why it matters
    /// The cloud provider writes rules into the group for each Service of type LoadBalancer. At the limit Azure refuses
    /// them, and new Services get no traffic.
    ///
    /// ## How to fix
    /// Merge rules: one rule takes lists of ports and addresses, and service tags stand for many addresses.
    ///
    /// Source: Azure documentation "Azure subscription and service limits", networking limits.
    pub static NETWORK_LIMITS = {
        code: "NW13",
        id: "network-limits",
        group: Network,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, NodePools, Network],
        caused_by: ["NW01"],
        judge: judge,
    };
}

const SUBNETS: usize = 3_000;
const RULES: usize = 1_000;
const ADDRESSES: usize = 4_000;
const ROUTES: usize = 400;

/// A count of things in a resource, with the most that Azure allows.
struct Count {
    id: facts::ArmId,
    of: String,
    found: usize,
    limit: usize,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let (subnets, pools_gap) = workers::subnets(view)?;
    let mut gaps: Vec<(String, Gap)> =
        pools_gap.map(|gap| ("subnets of the NodePools".into(), gap)).into_iter().collect();
    let mut counts: Vec<Count> = Vec::new();
    let mut groups: BTreeSet<facts::ArmId> = BTreeSet::new();
    let mut tables: BTreeSet<facts::ArmId> = BTreeSet::new();
    let mut vnets: BTreeSet<facts::ArmId> = BTreeSet::new();
    for worker in &subnets {
        let Some(vnet_id) = worker.id.parent() else { continue };
        match view.vnet(&vnet_id) {
            Ok(Some(vnet)) => {
                if vnets.insert(vnet.id.clone()) {
                    counts.push(Count { id: vnet_id, of: "subnets".into(), found: vnet.subnets.len(), limit: SUBNETS });
                }
                let own = vnet.subnets.iter().find(|own| own.id == worker.id);
                groups.extend(own.and_then(|own| own.nsg_id.clone()));
                tables.extend(own.and_then(|own| own.route_table_id.clone()));
            }
            // What does not exist is NW01's matter.
            Ok(None) => {}
            Err(gap) => gaps.push((format!("VNet {}", vnet_id.name().unwrap_or_default()), gap)),
        }
    }
    for id in groups {
        match view.nsg(&id) {
            Ok(Some(nsg)) => {
                let own = nsg.rules.iter().filter(|rule| !rule.is_default);
                counts.push(Count { id: id.clone(), of: "rules".into(), found: own.clone().count(), limit: RULES });
                counts.extend(own.map(|rule| Count {
                    id: id.clone(),
                    of: format!("addresses in rule {}", rule.name),
                    found: rule.source_prefixes.len().max(rule.destination_prefixes.len()),
                    limit: ADDRESSES,
                }));
            }
            Ok(None) => {}
            Err(gap) => gaps.push((format!("network security group {}", id.name().unwrap_or_default()), gap)),
        }
    }
    for id in tables {
        match view.route_table(&id) {
            Ok(Some(table)) => counts.push(Count { id, of: "routes".into(), found: table.routes.len(), limit: ROUTES }),
            Ok(None) => {}
            Err(gap) => gaps.push((format!("route table {}", id.name().unwrap_or_default()), gap)),
        }
    }
    let mut findings: Vec<Finding> =
        counts.iter().filter(|count| count.found * 10 > count.limit * 9).map(finding).collect();
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{} counts are below nine tenths of Azure's limits", counts.len()), findings))
}

fn finding(count: &Count) -> Finding {
    let name = count.id.name().unwrap_or(count.id.as_str());
    Finding::warn(
        name,
        format!("{name} has {} {}, and Azure allows {}", count.found, count.of, count.limit),
        "Azure refuses what comes after, also rules that the cloud provider needs for a new Service",
    )
    .see("found", count.found.to_string())
    .see("limit", count.limit.to_string())
    .fix(Fix::azure([command!("az resource show --ids {}", count.id)]))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::panic)]
    use facts::network::{Access, Direction, Nsg};
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &NETWORK_LIMITS;

    fn group(facts: &mut Facts) -> &mut Nsg {
        match facts.azure.network.nsgs.get_mut(&nsg_id().key()) {
            Some(Fact::Known(nsg)) => nsg,
            other => panic!("{other:?}"),
        }
    }

    fn fill(facts: &mut Facts, total: usize) {
        let group = group(facts);
        while group.rules.iter().filter(|rule| !rule.is_default).count() < total {
            let at = group.rules.len();
            let rule = rule(
                &format!("r{at}"),
                1000 + i32::try_from(at).unwrap_or(0),
                Direction::Inbound,
                Access::Allow,
                "1.2.3.4",
                "5.6.7.8",
            );
            group.rules.push(rule);
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a security group is nearly full", |facts| fill(facts, 950))]
    }

    #[test]
    fn small_numbers_pass() {
        let mut facts = healthy();
        fill(&mut facts, 900);
        assert_passes(CHECK, &facts);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn nine_tenths_warn() {
        let mut facts = healthy();
        fill(&mut facts, 901);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("found")), (Level::Warn, Some("901")));
        let mut facts = healthy();
        group(&mut facts).rules[0].destination_prefixes = vec!["1.2.3.4".into(); 3601];
        assert!(the_finding(CHECK, &facts).what.contains("addresses in rule"));
    }

    #[test]
    fn an_unreadable_group_is_unknown() {
        let mut facts = healthy();
        facts
            .azure
            .network
            .nsgs
            .insert(nsg_id().key(), Fact::Unreadable(denied("Microsoft.Network/networkSecurityGroups/read")));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
