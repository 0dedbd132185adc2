//! NW03: every worker subnet has a way out to the Internet.

use std::collections::BTreeMap;

use facts::ArmId;
use facts::hosted::HostedCluster;
use facts::network::{Route, Subnet};

use crate::judgement::{BEING_DELETED, Level};
use crate::prelude::*;
use crate::routes::{for_everything, names_of};
use crate::shell::{Quoted, command};
use crate::workers;

declare_check! {
    /// ## What it checks
    /// VMs in each worker subnet have a way out: a NAT gateway with a public address, the outbound rule of the load
    /// balancer that carries the infra id, or a route to an appliance or gateway.
    ///
    /// A subnet that has nothing but Azure's default outbound access gets a warning. A cluster with a proxy needs no way out
    /// of its own: what is missing is only told.
    ///
    /// ## Why it matters
    /// Workers fetch their ignition, their images and their tokens from outside. Without a way out the VM runs and never
    /// joins. Azure gives VNets made with API 2025-07-01 or later no default outbound access, so a subnet that worked in
    /// another place may not work here.
    ///
    /// ## How to fix
    /// Attach a NAT gateway to the subnet, or restore the load balancer that `create infra` makes.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/networking.go; Azure documentation "Default outbound access".
    pub static OUTBOUND_PATH = {
        code: "NW03",
        id: "outbound-path",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, NodePools, Network],
        caused_by: ["NW01", "NW08"],
        judge: judge,
    };
}

/// What was looked for, with what is there instead.
type LookedFor = Vec<(&'static str, String)>;

/// Why a subnet does not reach the Internet, or not safely.
enum Fault {
    /// Azure's default outbound access is all there is.
    DefaultOnly(LookedFor),
    /// Routes drop everything.
    Dropped { table: ArmId, routes: Vec<Route> },
    /// There is no way out.
    Nothing(LookedFor),
}

/// The way out, or what is wrong with it, if that could be read.
type Way<E> = Result<Result<String, E>, Gap>;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    // Its network may be gone before it.
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let (subnets, pools_gap) = workers::subnets(view)?;
    let mut gaps: Vec<(String, Gap)> =
        pools_gap.map(|gap| ("subnets of the NodePools".into(), gap)).into_iter().collect();
    let balancer = balancer(view, cluster);
    let mut ways: Vec<String> = Vec::new();
    // Subnets that lack the same thing share one finding.
    let mut faults: BTreeMap<String, (Fault, Vec<&Subnet>)> = BTreeMap::new();
    let mut judged = 0;
    for worker in &subnets {
        let subject = format!("subnet {}", worker.id.name().unwrap_or(worker.id.as_str()));
        let subnet = match view.subnet(&worker.id) {
            Ok(Some(subnet)) => subnet,
            // A subnet that does not exist is NW01's matter.
            Ok(None) => continue,
            Err(gap) => {
                gaps.push((subject, gap));
                continue;
            }
        };
        judged += 1;
        match path(view, subnet, &balancer) {
            Err(gap) => gaps.push((subject, gap)),
            Ok(Ok(way)) => ways.push(format!("{} by {way}", subnet.name)),
            Ok(Err(fault)) => {
                let kind = match &fault {
                    Fault::Dropped { table, .. } => table.key(),
                    Fault::DefaultOnly(_) => "default".into(),
                    Fault::Nothing(_) => "nothing".into(),
                };
                faults.entry(kind).or_insert((fault, Vec::new())).1.push(subnet);
            }
        }
    }
    if judged == 0 && gaps.is_empty() {
        return Err(Gap::new(GapKind::Blocked, "the worker subnet does not exist"));
    }
    let mut findings: Vec<Finding> = faults
        .into_values()
        .map(|(fault, subnets)| finding(cluster, &fault, &subnets))
        .map(|finding| if cluster.has_proxy { by_proxy(finding) } else { finding })
        .collect();
    findings.extend(Finding::unknowns(gaps));
    let findings = findings.into_iter().map(|finding| finding.touches(Key::Egress)).collect();
    Ok(Judgement::new(format!("workers reach the Internet: {}", ways.join("; ")), findings))
}

/// The way out of a subnet, in the order in which Azure prefers one to the other.
fn path(view: &View<'_>, subnet: &Subnet, balancer: &Way<String>) -> Way<Fault> {
    let mut seen = LookedFor::new();
    match &subnet.route_table_id {
        None => seen.push(("route table", "none".into())),
        Some(id) => {
            let name = id.name().unwrap_or(id.as_str());
            let routes = view.route_table(id)?.map(for_everything).unwrap_or_default();
            match routes.first().map(|route| (route, route.next_hop_type.as_str())) {
                Some((route, "VirtualAppliance" | "VirtualNetworkGateway")) => {
                    let hop = route.next_hop_ip.as_ref().map(|ip| format!(" {ip}")).unwrap_or_default();
                    return Ok(Ok(format!("route {} to {}{hop}", names_of(&routes), route.next_hop_type)));
                }
                Some((_, "None")) => {
                    return Ok(Err(Fault::Dropped {
                        table: id.clone(),
                        routes: routes.into_iter().cloned().collect(),
                    }));
                }
                _ => seen.push(("route table", format!("{name}, no route for 0.0.0.0/0 to an appliance"))),
            }
        }
    }
    // Something that could not be read may be the way out: then another way counts, and the lack of one does not.
    let mut unread = None;
    match subnet.nat_gateway_id.as_ref().map(|id| (id, view.nat_gateway(id))) {
        None => seen.push(("NAT gateway", "none".into())),
        Some((id, Ok(Some(gateway)))) => {
            let name = id.name().unwrap_or(id.as_str());
            if !gateway.public_ip_ids.is_empty() || !gateway.public_ip_prefix_ids.is_empty() {
                return Ok(Ok(format!("NAT gateway {name}")));
            }
            seen.push(("NAT gateway", format!("{name}, without a public IP")));
        }
        Some((id, Ok(None))) => seen.push(("NAT gateway", format!("{id} does not exist"))),
        Some((_, Err(gap))) => unread = Some(gap),
    }
    match balancer {
        Ok(Ok(way)) => return Ok(Ok(way.clone())),
        Ok(Err(lack)) => seen.push(("load balancer", lack.clone())),
        Err(gap) => unread = unread.or_else(|| Some(gap.clone())),
    }
    if let Some(gap) = unread {
        return Err(gap);
    }
    let default = subnet.default_outbound_access;
    seen.push(("default outbound access", default.map_or("not set (on)", |on| if on { "on" } else { "off" }).into()));
    Ok(Err(if default == Some(false) { Fault::Nothing(seen) } else { Fault::DefaultOnly(seen) }))
}

/// The load balancer named after the infra id: the way out, or what it lacks.
fn balancer(view: &View<'_>, cluster: &HostedCluster) -> Way<String> {
    let id = cluster.egress_load_balancer();
    let infra = &cluster.infra_id;
    let Some(balancer) = view.load_balancer(&id)? else {
        return Ok(Err(format!("none named {infra} in {}", cluster.azure.resource_group)));
    };
    if !balancer.backend_pools.iter().any(|pool| pool == infra) {
        return Ok(Err(format!("{infra}, without a backend pool {infra}")));
    }
    let Some(rule) = balancer.outbound_rules.iter().find(|rule| rule.backend_pool.as_ref() == Some(infra)) else {
        return Ok(Err(format!("{infra}, without an outbound rule for pool {infra}")));
    };
    let public = balancer
        .frontends
        .iter()
        .filter(|frontend| rule.frontends.contains(&frontend.name))
        .filter_map(|frontend| frontend.public_ip_id.as_ref());
    let mut unread = None;
    for id in public {
        match view.public_ip(id) {
            Ok(Some(ip)) => {
                let address = ip.ip_address.as_deref().or(id.name()).unwrap_or("a public IP");
                return Ok(Ok(format!("outbound rule {} of load balancer {infra}, {address}", rule.name)));
            }
            Ok(None) => {}
            Err(gap) => unread = Some(gap),
        }
    }
    match unread {
        Some(gap) => Err(gap),
        None => Ok(Err(format!("{infra}, outbound rule {} without a public IP", rule.name))),
    }
}

fn finding(cluster: &HostedCluster, fault: &Fault, subnets: &[&Subnet]) -> Finding {
    let names: Vec<&str> = subnets.iter().map(|subnet| subnet.name.as_str()).collect();
    let subject = format!("subnet {}", names.join(", "));
    let joins = "worker VMs start and never join: ignition, images and Entra are out of reach";
    match fault {
        Fault::Dropped { table, routes } => {
            let dropped = Finding::fail(
                subject,
                format!(
                    "route {} of route table {} drops everything that leaves",
                    names_of(&routes.iter().collect::<Vec<_>>()),
                    table.name().unwrap_or_default()
                ),
                joins,
            );
            routes
                .iter()
                .fold(dropped, |finding, route| {
                    finding.see("route", format!("{}: {} -> None", route.name, route.address_prefix))
                })
                .fix(Fix::azure(routes.iter().map(|route| {
                    command!(
                        "az network route-table route delete --subscription {} -g {} --route-table-name {} -n {}",
                        table.subscription().unwrap_or("SUBSCRIPTION"),
                        table.resource_group().unwrap_or("RESOURCE_GROUP"),
                        table.name().unwrap_or("ROUTE_TABLE"),
                        route.name
                    )
                })))
        }
        Fault::DefaultOnly(seen) => {
            let finding = Finding::warn(
                subject,
                "workers reach the Internet by Azure's default outbound access only",
                "the address can change at any time, and VNets made with API 2025-07-01 or later have no such access",
            );
            looked_for(finding, seen).fix(nat_gateway(cluster, subnets))
        }
        Fault::Nothing(seen) => looked_for(Finding::fail(subject, "no way out to the Internet", joins), seen)
            .fix(nat_gateway(cluster, subnets)),
    }
}

/// A cluster with a proxy reaches the Internet through it, from wherever that stands.
fn by_proxy(finding: Finding) -> Finding {
    Finding {
        level: Level::Info,
        why: "the cluster has a proxy: workers reach the Internet through it, if they reach it".into(),
        fixes: Vec::new(),
        ..finding
    }
}

fn looked_for(finding: Finding, seen: &[(&'static str, String)]) -> Finding {
    seen.iter().fold(finding, |finding, (label, value)| finding.see(label, value.as_str()))
}

fn nat_gateway(cluster: &HostedCluster, subnets: &[&Subnet]) -> Fix {
    let vnet = &cluster.azure.vnet_id;
    let place = Quoted(command!(
        "--subscription {} -g {}",
        cluster.azure.subscription_id,
        vnet.resource_group().unwrap_or("RESOURCE_GROUP")
    ));
    let (name, location) = (format!("{}-nat", cluster.infra_id), &cluster.azure.location);
    let mut commands = vec![
        command!("az network public-ip create {place} -n {name} -l {location} --sku Standard --allocation-method Static"; place, name, location),
        command!("az network nat gateway create {place} -n {name} -l {location} --public-ip-addresses {name}"; place, name, location),
    ];
    commands.extend(subnets.iter().map(|subnet| {
        command!("az network vnet subnet update --ids {} --nat-gateway {name}",
            subnet.id; name)
    }));
    Fix::azure(commands).note(format!(
        "or restore load balancer {0} in {1} with backend pool {0} and an outbound rule: Cluster API puts workers into that pool",
        cluster.infra_id, cluster.azure.resource_group
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::network::{LoadBalancer, NatGateway, Route, RouteTable};
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::Fault;
    use crate::testkit::*;

    const CHECK: &Check = &OUTBOUND_PATH;

    fn subnet(facts: &mut Facts) -> &mut Subnet {
        match facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            Some(Fact::Known(vnet)) => &mut vnet.subnets[0],
            other => panic!("{other:?}"),
        }
    }

    fn balancer_fact(facts: &mut Facts) -> &mut Fact<LoadBalancer> {
        facts.azure.network.load_balancers.values_mut().next().unwrap()
    }

    fn no_balancer() -> Facts {
        let mut facts = healthy();
        *balancer_fact(&mut facts) = Fact::Absent;
        facts
    }

    fn network(name: &str) -> ArmId {
        ArmId::in_group(SUBSCRIPTION, "net", &format!("Microsoft.Network/{name}"))
    }

    fn route(facts: &mut Facts, hop: &str) {
        routes(facts, &[("0.0.0.0/0", hop)]);
    }

    fn routes(facts: &mut Facts, wanted: &[(&str, &str)]) {
        let id = network("routeTables/r");
        subnet(facts).route_table_id = Some(id.clone());
        let route = |(prefix, hop): &(&str, &str)| Route {
            name: format!("to-{}", prefix.replace(['.', '/'], "-")),
            address_prefix: (*prefix).into(),
            next_hop_type: (*hop).into(),
            next_hop_ip: None,
        };
        let table = RouteTable { id: id.clone(), routes: wanted.iter().map(route).collect() };
        facts.azure.network.route_tables.insert(id.key(), Fact::Known(table));
    }

    fn gateway(facts: &mut Facts, public_ips: &[&str]) {
        let id = network("natGateways/n");
        subnet(facts).nat_gateway_id = Some(id.clone());
        let gateway = NatGateway {
            id: id.clone(),
            provisioning_state: Some("Succeeded".into()),
            public_ip_ids: public_ips.iter().map(|&ip| ip.into()).collect(),
            public_ip_prefix_ids: Vec::new(),
        };
        facts.azure.network.nat_gateways.insert(id.key(), Fact::Known(gateway));
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a route drops everything that leaves, and workers never join", |facts| {
                route(facts, "None");
                never_joined(facts);
            })
            .showing(&["HC01", "NP01", "NP02"]),
            Fault::new("two routes drop everything that leaves", |facts| {
                routes(facts, &[("0.0.0.0/1", "None"), ("128.0.0.0/1", "None")]);
            }),
        ]
    }

    #[test]
    fn each_way_out_passes() {
        assert_passes(CHECK, &healthy());
        let mut facts = no_balancer();
        gateway(&mut facts, &["/ip"]);
        assert_passes(CHECK, &facts);
        let mut facts = no_balancer();
        route(&mut facts, "VirtualAppliance");
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn no_way_out_lists_what_was_looked_for() {
        let finding = the_failure(CHECK, &no_balancer());
        assert_eq!(finding.subject, "subnet default");
        assert_eq!(finding.evidence.get("load balancer"), Some("none named prod-x7k2p in prod-prod-x7k2p"));
        assert_eq!(finding.evidence.get("default outbound access"), Some("off"));
        assert!(finding.fixes[0].commands[2].contains("--nat-gateway prod-x7k2p-nat"));
        assert_eq!(finding.keys, [Key::Egress]);
    }

    #[test]
    fn a_gateway_without_a_public_ip_is_no_way_out() {
        let mut facts = no_balancer();
        gateway(&mut facts, &[]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("NAT gateway"), Some("n, without a public IP"));
    }

    #[test]
    fn a_load_balancer_needs_pool_rule_and_public_ip() {
        for (lack, change) in [
            ("without a backend pool", (|balancer| balancer.backend_pools.clear()) as fn(&mut LoadBalancer)),
            ("without an outbound rule", |balancer| balancer.outbound_rules.clear()),
            ("without a public IP", |balancer| balancer.frontends[0].public_ip_id = None),
        ] {
            let mut facts = healthy();
            match balancer_fact(&mut facts) {
                Fact::Known(balancer) => change(balancer),
                other => panic!("{other:?}"),
            }
            let finding = the_failure(CHECK, &facts);
            assert!(finding.evidence.get("load balancer").unwrap().contains(lack), "{finding:#?}");
        }
    }

    #[test]
    fn default_outbound_access_warns() {
        for default in [None, Some(true)] {
            let mut facts = no_balancer();
            subnet(&mut facts).default_outbound_access = default;
            assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        }
    }

    #[test]
    fn a_route_that_drops_everything_fails_whatever_else_is_there() {
        let mut facts = healthy();
        route(&mut facts, "None");
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].contains("route delete"));
    }

    #[test]
    fn two_halves_count_as_the_whole() {
        const HALVES: [&str; 2] = ["0.0.0.0/1", "128.0.0.0/1"];
        let split = |hop| HALVES.map(|half| (half, hop));
        let mut facts = no_balancer();
        routes(&mut facts, &split("VirtualAppliance"));
        assert_passes(CHECK, &facts);
        // Half of the Internet is no way out.
        routes(&mut facts, &split("VirtualAppliance")[..1]);
        the_failure(CHECK, &facts);
        let mut facts = healthy();
        routes(&mut facts, &split("None"));
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.fixes[0].commands.len(), 2);
        // A longer prefix goes before a shorter one.
        let whole = [("0.0.0.0/0", "None")];
        routes(&mut facts, &[&whole[..], &split("VirtualAppliance")].concat());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_cluster_with_a_proxy_needs_no_way_of_its_own() {
        let mut facts = no_balancer();
        cluster(&mut facts).has_proxy = true;
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
    }

    #[test]
    fn a_cluster_that_is_being_deleted_needs_no_way_out() {
        let mut facts = no_balancer();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn an_unreadable_way_is_unknown_unless_another_is_seen() {
        let mut facts = healthy();
        *balancer_fact(&mut facts) = Fact::Unreadable(denied("Microsoft.Network/loadBalancers/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        gateway(&mut facts, &["/ip"]);
        assert_passes(CHECK, &facts);
        facts.azure.network.vnets.insert(vnet_id().key(), Fact::Absent);
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }

    #[test]
    fn subnets_that_lack_the_same_share_a_finding() {
        let mut facts = no_balancer();
        let mut second = subnet(&mut facts).clone();
        second.id = vnet_id().child("subnets", "gpu");
        second.name = "gpu".into();
        if let Some(Fact::Known(vnet)) = facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            vnet.subnets.push(second.clone());
        }
        let mut pool = node_pool("gpu");
        pool.subnet_id = Some(second.id);
        facts.hosted.node_pools = Fact::Known(vec![node_pool("prod"), pool]);
        assert_eq!(the_failure(CHECK, &facts).subject, "subnet default, gpu");
    }
}
