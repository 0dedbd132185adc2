//! NW04: the worker subnets have addresses for the machines that the NodePools ask for.

use crate::capacity::{Amounts, Wish, demands, subnets};
use crate::judgement::{BEING_DELETED, Supply};
use crate::prelude::*;
use crate::shell::command;
use crate::supply;

declare_check! {
    /// ## What it checks
    /// Each subnet of the NodePools has a free address for every machine that is still to be made. Azure itself counts what
    /// is used and what can be given; five addresses of each subnet are its own.
    ///
    /// A warning tells that the additional machines of a rolling update, or those of an autoscaler at its maximum, find no
    /// address, or that more than 80% will be used. The private endpoint of a private cluster that is to be created counts.
    ///
    /// ## Why it matters
    /// Azure refuses the network interface of the machine with SubnetIsFull. The subnet of a NodePool cannot be changed, and
    /// a subnet in use can hardly be made larger.
    ///
    /// ## How to fix
    /// Make another subnet in the same VNet and a NodePool in it, or free addresses that others hold in the subnet.
    ///
    /// Source: Azure REST API "Virtual Networks - List Usage"; Azure documentation "Azure Virtual Network FAQ".
    pub static SUBNET_IP_CAPACITY = {
        code: "NW04",
        id: "subnet-ip-capacity",
        group: Network,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Usages],
        caused_by: ["CR01", "NW01"],
        judge: judge,
    };
}

/// Percent of a subnet's addresses above which they are soon used up.
const NEARLY: i64 = 80;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let demands = demands(view, &Wish::default())?;
    if demands.is_empty() {
        return Ok(Judgement::NotApplicable("the cluster has no NodePools".into()));
    }
    let rows = subnets(view, &demands)?;
    if rows.is_empty() {
        return Ok(Judgement::NotApplicable("the subnet is made together with the cluster".into()));
    }
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    let mut seen = Vec::new();
    for row in rows {
        let amounts = match (row.amounts, row.unknown) {
            (Some(amounts), _) => amounts,
            (None, gap) => {
                gaps.extend(gap.map(|gap| (format!("subnet {}", row.name), gap)));
                continue;
            }
        };
        seen.push(format!(
            "{} of {} addresses of subnet {}",
            amounts.used.saturating_add(amounts.need),
            amounts.limit,
            row.name
        ));
        let Some(finding) = finding(&row.name, &amounts) else { continue };
        let id = facts::ArmId::new(row.scope);
        let mut commands = vec![command!(
            "az network vnet subnet create --subscription {} -g {} --vnet-name {} -n workers-2 --address-prefixes FREE_CIDR --network-security-group {}",
            id.subscription().unwrap_or(&cluster.azure.subscription_id),
            id.resource_group().unwrap_or("RESOURCE_GROUP"),
            id.segment("virtualNetworks").unwrap_or("VNET"),
            cluster.azure.security_group_id
        )];
        if let (Some(demand), Some(vnet)) =
            (demands.iter().find(|demand| row.pools.contains(&demand.pool)), id.parent())
        {
            commands.push(supply::another_pool(cluster, demand, &demand.size, &vnet.child("subnets", "workers-2")));
        }
        let finding = finding
            .see(
                "addresses",
                format!("{} can be given, {} used, {} still needed", amounts.limit, amounts.used, amounts.need),
            )
            .see("NodePools", row.pools.join(", "))
            .fix(Fix::azure(commands).note(
                "FREE_CIDR is a part of the VNet that no subnet has; the subnet of a NodePool cannot be changed",
            ));
        findings.push(supply::touching(finding, Supply::Addresses, &row.pools));
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("the machines use {}", seen.join(", ")), findings))
}

fn finding(name: &str, amounts: &Amounts) -> Option<Finding> {
    let subject = format!("subnet {name}");
    let (need, free) = (amounts.need, amounts.free());
    if amounts.is_short() {
        return Some(
            Finding::fail(
                subject,
                format!("machines that are to be made need {need} addresses of subnet {name}, and {free} are left"),
                "Azure refuses their network interfaces: SubnetIsFull",
            )
            .compare(format!("{need} free"), format!("{free} free")),
        );
    }
    if amounts.is_short_of_surge() {
        let wanted = need.saturating_add(amounts.surge);
        return Some(
            Finding::warn(
                subject,
                format!("{free} addresses of subnet {name} are left, and rolling updates need {wanted}"),
                "an update makes new machines before it takes old ones away: it cannot begin",
            )
            .compare(format!("{wanted} free"), format!("{free} free")),
        );
    }
    if amounts.is_short_at_peak() {
        return Some(
            Finding::warn(
                subject,
                format!("autoscalers at their maximum need {} addresses of subnet {name}", amounts.peak),
                "Azure refuses machines that the autoscaler asks for, and pods stay pending",
            )
            .compare(amounts.peak.to_string(), amounts.limit.to_string()),
        );
    }
    (amounts.percent() > NEARLY).then(|| {
        Finding::warn(
            subject,
            format!("{}% of the addresses of subnet {name} are used", amounts.percent()),
            "a subnet in use can hardly be made larger",
        )
        .compare(format!("at most {NEARLY}%"), format!("{}%", amounts.percent()))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &SUBNET_IP_CAPACITY;

    fn leave(facts: &mut Facts, free: i64) {
        match facts.azure.quota.subnets.get_mut(&subnet_id().key()) {
            Some(Fact::Known(found)) => found.used = found.limit - free,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the subnet is full, and a machine is refused", |facts| {
                leave(facts, 0);
                refuse_machine(facts, "ERROR CODE: SubnetIsFull");
            }),
            Fault::new("no address is left for the additional machine of an update", |facts| leave(facts, 0)),
        ]
    }

    #[test]
    fn a_subnet_with_room_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &healthy_autoscaling());
        assert_not_applicable(CHECK, &planned());
    }

    #[test]
    fn a_full_subnet() {
        let mut facts = healthy();
        refuse_machine(&mut facts, "ERROR CODE: SubnetIsFull");
        leave(&mut facts, 0);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("need 1 addresses"), "{}", finding.what);
        let commands = &finding.fixes[0].commands;
        assert!(commands[0].contains("-g prod-vnet-prod-x7k2p --vnet-name prod-prod-x7k2p "), "{commands:?}");
        assert!(commands[1].ends_with("virtualNetworks/prod-prod-x7k2p/subnets/workers-2"), "{commands:?}");
    }

    #[test]
    fn updates_maximum_and_nearly_full() {
        let mut facts = healthy_autoscaling();
        for (free, words) in [(0, "rolling updates need 1"), (3, "at their maximum"), (40, "84%")] {
            leave(&mut facts, free);
            let finding = the_finding(CHECK, &facts);
            assert_eq!(finding.level, Level::Warn);
            assert!(finding.what.contains(words), "{}", finding.what);
        }
    }

    #[test]
    fn a_private_cluster_that_is_planned_needs_an_address_more() {
        let mut facts = planned();
        let found = facts::quota::SubnetUse { id: subnet_id(), used: 9, limit: 11 };
        facts.azure.quota.subnets.insert(subnet_id().key(), Fact::Known(found));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        cluster(&mut facts).azure.topology = Some("Private".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn what_azure_does_not_tell_is_unknown() {
        let mut facts = healthy();
        if let Some(Fact::Known(found)) = facts.azure.quota.subnets.get_mut(&subnet_id().key()) {
            found.limit = -1;
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Failed);
        facts.azure.quota.subnets.insert(subnet_id().key(), Fact::Absent);
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        let gap = denied("Microsoft.Network/virtualNetworks/usages/read");
        facts.azure.quota.subnets.insert(subnet_id().key(), Fact::Unreadable(gap));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
