//! QT07: the load balancer has SNAT ports for every node.

use crate::capacity::{Snat, Wish, demands, snat};
use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The outbound rule of the load balancer that carries the infra id has SNAT ports for all nodes: 64,000 for each of its
    /// public IPs, divided by the ports that it gives to each node. Nodes in a subnet with a NAT gateway do not need them.
    ///
    /// A load balancer that is made together with the cluster has one public IP and gives 1,024 ports to each node, which is
    /// enough for 62 nodes. A warning tells that an autoscaler's maximum or a rolling update goes beyond, or that more than
    /// 80% will be used.
    ///
    /// ## Why it matters
    /// Azure does not take another node into the backend pool when its ports cannot be given: the VM is refused.
    ///
    /// ## How to fix
    /// Give the rule another public IP, or fewer ports to each node; or put a NAT gateway at the subnet, which gives ports on
    /// demand.
    ///
    /// Source: openshift/hypershift cmd/infra/azure; Azure documentation "Outbound rules Azure Load Balancer".
    pub static SNAT_CAPACITY = {
        code: "QT07",
        id: "snat-capacity",
        group: Quota,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Network],
        caused_by: ["CR01", "NW01", "NW03"],
        judge: judge,
    };
}

/// Percent of the nodes that can be served above which it is soon used up.
const NEARLY: i64 = 80;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let demands = demands(view, &Wish::default())?;
    let row = match snat(view, &demands)? {
        Snat::Limited(row) => row,
        Snat::Unlimited(why) => return Ok(Judgement::NotApplicable(why)),
    };
    let Some(amounts) = row.amounts else { return Err(row.unknown.unwrap_or_else(Gap::not_asked)) };
    let (limit, asked) = (amounts.limit, amounts.used.saturating_add(amounts.need));
    let subject = format!("load balancer {}", row.name);
    let refused = "Azure refuses VMs whose SNAT ports cannot be given";
    let finding = if amounts.is_short() {
        let what = format!("NodePools ask for {asked} nodes, and the SNAT ports of {subject} are enough for {limit}");
        Some(Finding::fail(subject, what, refused))
    } else if amounts.is_short_at_peak() {
        let what = format!(
            "autoscalers at their maximum and rolling updates make {} nodes, and the SNAT ports of {subject} are enough for {limit}",
            amounts.peak
        );
        Some(Finding::warn(subject, what, refused))
    } else if amounts.percent() > NEARLY {
        let what = format!("{asked} of {limit} nodes use the SNAT ports of {subject}");
        Some(Finding::warn(subject, what, "there are not many more to come"))
    } else {
        None
    };
    let azure = &cluster.azure;
    let subnet = demands.iter().find(|demand| row.pools.contains(&demand.pool)).map(|demand| &demand.subnet);
    let subnet = subnet.unwrap_or(&azure.subnet_id);
    let findings = finding.into_iter().map(|finding| {
        let ip = format!("{}-2", cluster.infra_id);
        let place = (&azure.subscription_id, &azure.resource_group, &cluster.infra_id);
        finding.compare(format!("ports for {} nodes", amounts.peak.max(asked)), format!("ports for {limit}")).fix(
            Fix::azure([
                command!("az network public-ip create --subscription {} -g {} -n {ip} --sku Standard", place.0, place.1; ip),
                command!("az network lb frontend-ip create --subscription {} -g {} --lb-name {} -n {ip} --public-ip-address {ip}", place.0, place.1, place.2; ip),
                command!("az network lb outbound-rule update --subscription {} -g {} --lb-name {} -n {} --frontend-ip-configs {} {ip}", place.0, place.1, place.2, place.2, place.2; ip),
            ])
            .note(format!(
                "or a NAT gateway at subnet {}, with `az network vnet subnet update --nat-gateway`",
                subnet.name().unwrap_or_default()
            )),
        )
    });
    Ok(Judgement::new(format!("SNAT ports for {asked} of {limit} nodes are in use"), findings.collect()))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &SNAT_CAPACITY;

    fn ports(facts: &mut Facts, ports: Option<i32>) {
        for balancer in facts.azure.network.load_balancers.values_mut() {
            if let Fact::Known(balancer) = balancer {
                balancer.outbound_rules[0].allocated_outbound_ports = ports;
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("SNAT ports for two nodes where an autoscaler may make five", |facts| {
                ports(facts, Some(32_000));
            })
            .of(healthy_autoscaling),
            Fault::new("SNAT ports for one node where two are there", |facts| ports(facts, Some(64_000))),
        ]
    }

    #[test]
    fn ports_for_every_node_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &planned());
    }

    #[test]
    fn too_few_ports() {
        let mut facts = planned();
        pool(&mut facts).replicas = Some(63);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("63 nodes") && finding.what.contains("enough for 62"), "{}", finding.what);
        for (nodes, level) in [(62, Level::Warn), (55, Level::Warn)] {
            pool(&mut facts).replicas = Some(nodes);
            assert_eq!(the_finding(CHECK, &facts).level, level, "{nodes}");
        }
        pool(&mut facts).replicas = Some(49);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn ports_on_demand_have_no_limit() {
        let mut facts = healthy();
        ports(&mut facts, Some(0));
        assert_not_applicable(CHECK, &facts);
        if let Some(Fact::Known(vnet)) = facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            vnet.subnets[0].nat_gateway_id = Some("/nat".into());
        }
        ports(&mut facts, Some(1024));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn without_a_way_out_or_a_network_it_is_unknown() {
        let mut facts = healthy();
        for balancer in facts.azure.network.load_balancers.values_mut() {
            *balancer = Fact::Absent;
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        let gap = denied("Microsoft.Network/virtualNetworks/read");
        facts.azure.network.vnets.insert(vnet_id().key(), Fact::Unreadable(gap));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
