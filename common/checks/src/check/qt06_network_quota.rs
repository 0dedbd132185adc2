//! QT06: the network quotas of the region hold what a cluster is made of.

use crate::capacity::{Resource, network};
use crate::judgement::{BEING_DELETED, Supply};
use crate::prelude::*;
use crate::supply;

declare_check! {
    /// ## What it checks
    /// The region has room in the quotas of public IP addresses, standard load balancers, network security groups and
    /// virtual networks for what is still to be made: one load balancer with one public IP for the way out, one public IP
    /// for the default ingress controller, and the network where it is made together with the cluster.
    ///
    /// What a cluster has is in what is used already. A machine that was refused for want of a public IP counts as one more.
    /// A warning tells that nothing is left for Services of type LoadBalancer.
    ///
    /// ## Why it matters
    /// The creation stops half-way with PublicIPCountLimitReached and the like, or Services of type LoadBalancer stay
    /// pending. New subscriptions may have no more than ten public IPs in a region.
    ///
    /// ## How to fix
    /// Ask for more of the quota that is named, or delete public IPs and load balancers that nobody uses.
    ///
    /// Source: Azure REST API "Usages - List" (Microsoft.Network); Azure documentation "Azure subscription and service
    /// limits"; openshift/hypershift cmd/infra/azure.
    pub static NETWORK_QUOTA = {
        code: "QT06",
        id: "network-quota",
        group: Quota,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Usages, Network],
        caused_by: ["CR01", "QT01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let rows = network(view)?;
    // Only their names are wanted, to tell whose machines are concerned.
    let pools: Vec<String> =
        view.node_pools().map(|pools| pools.iter().map(|pool| pool.name.clone()).collect()).unwrap_or_default();
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    for row in rows {
        let amounts = match (row.amounts, row.unknown) {
            (Some(amounts), _) => amounts,
            (None, gap) => {
                gaps.extend(gap.map(|gap| (format!("quota {}", row.name), gap)));
                continue;
            }
        };
        let (what, kind) = match row.resource {
            Resource::PublicIps => ("public IP addresses", "PublicIpAddresses"),
            Resource::LoadBalancers => ("load balancers", "LoadBalancers"),
            Resource::NetworkSecurityGroups => ("network security groups", "NetworkSecurityGroups"),
            _ => ("virtual networks", "VirtualNetworks"),
        };
        let (need, free) = (amounts.need, amounts.free());
        let subject = format!("quota {}", row.name);
        let finding = if amounts.is_short() {
            Finding::fail(
                subject,
                format!("{need} {what} are still to be made, and {free} are left in {}", row.scope),
                "Azure refuses to make them, and the cluster stays without",
            )
        } else if row.resource == Resource::PublicIps && free == need {
            Finding::warn(
                subject,
                format!("no {what} are left in {} for Services of type LoadBalancer", row.scope),
                "such a Service gets no address and stays pending",
            )
        } else {
            continue;
        };
        let finding = finding
            .compare(format!("{} free", need.max(1)), format!("{free} free"))
            .see("quota", format!("limit {}, used {}, still needed {need}", amounts.limit, amounts.used))
            .fix(supply::raise_network(
                cluster,
                &row.name,
                kind,
                amounts.used.saturating_add(need).max(amounts.limit).saturating_add(1),
            ));
        findings.push(match row.resource {
            Resource::PublicIps => supply::touching(finding, Supply::PublicIps, &pools),
            _ => finding,
        });
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new("the network quotas have room", findings))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &NETWORK_QUOTA;

    fn leave(facts: &mut facts::Facts, name: &str, free: i64) {
        let usage = quota(facts, name);
        usage.used = usage.limit - free;
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("no public IP is left, and a machine is refused", |facts| {
                leave(facts, "PublicIPAddresses", 0);
                refuse_machine(facts, "ERROR CODE: PublicIPCountLimitReached");
            }),
            Fault::new("no public IP is left for Services", |facts| leave(facts, "StandardSkuPublicIpAddresses", 0)),
        ]
    }

    #[test]
    fn room_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &planned());
    }

    #[test]
    fn a_planned_cluster_needs_two_public_ips_and_one_of_the_rest() {
        for (name, free) in [
            ("StandardSkuPublicIpAddresses", 1),
            ("StandardSkuLoadBalancers", 0),
            ("NetworkSecurityGroups", 0),
            ("VirtualNetworks", 0),
        ] {
            let mut facts = planned();
            leave(&mut facts, name, free);
            let finding = the_failure(CHECK, &facts);
            assert_eq!(finding.subject, format!("quota {name}"));
            assert!(finding.fixes[0].commands[1].contains("Microsoft.Network/locations/eastus"));
        }
        let mut facts = planned();
        cluster(&mut facts).disabled_capabilities = vec!["Ingress".into(), "Console".into()];
        leave(&mut facts, "StandardSkuPublicIpAddresses", 1);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn a_cluster_that_has_its_network_needs_none() {
        let mut facts = healthy();
        for name in ["StandardSkuLoadBalancers", "NetworkSecurityGroups", "VirtualNetworks"] {
            leave(&mut facts, name, 0);
        }
        assert_passes(CHECK, &facts);
        leave(&mut facts, "PublicIPAddresses", 0);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn what_was_not_read_is_unknown() {
        let mut facts = healthy();
        facts.azure.quota.network = Fact::Unreadable(denied("Microsoft.Network/locations/usages/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.azure.quota.network = Fact::Known(Vec::new());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Failed);
    }
}
