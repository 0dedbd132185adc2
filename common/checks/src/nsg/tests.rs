//! Tests of NSG evaluation: written cases, and properties against an oracle that knows everything and samples packets.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::testkit::rule;

use Access::{Allow, Deny};
use Direction::{Inbound, Outbound};

const WORKER: &str = "10.0.0.4";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn context() -> Context {
    Context::of_vnet([net("10.0.0.0/16")])
}

fn defaults() -> Vec<NsgRule> {
    vec![
        rule("AllowVnetOutBound", 65000, Outbound, Allow, "VirtualNetwork", "VirtualNetwork"),
        rule("AllowInternetOutBound", 65001, Outbound, Allow, "*", "Internet"),
        rule("DenyAllOutBound", 65500, Outbound, Deny, "*", "*"),
        rule("AllowVnetInBound", 65000, Inbound, Allow, "VirtualNetwork", "VirtualNetwork"),
        rule("AllowAzureLoadBalancerInBound", 65001, Inbound, Allow, "AzureLoadBalancer", "*"),
        rule("DenyAllInBound", 65500, Inbound, Deny, "*", "*"),
    ]
}

fn with(custom: impl IntoIterator<Item = NsgRule>) -> Vec<NsgRule> {
    let mut rules = defaults();
    rules.extend(custom);
    rules
}

fn to(destination: Peer, port: u16) -> Flow {
    Flow { protocol: Protocol::Tcp, source: Peer::address(ip(WORKER)), destination, port }
}

fn entra() -> Peer {
    Peer::service(["AzureActiveDirectory", "AzureCloud", "Internet"])
}

/// The deciding rule's name and what it does; `?` before the name when unresolved.
fn outcome(rules: &[NsgRule], flow: &Flow) -> (String, Option<Access>) {
    match evaluate(rules, Outbound, flow, &context()) {
        Outcome::Decision { rule, access } => (rule.map_or("none".into(), |rule| rule.name.clone()), Some(access)),
        Outcome::Unresolved { rule, .. } => (format!("?{}", rule.name), None),
    }
}

fn ported(mut rule: NsgRule, protocol: &str, ports: &[&str]) -> NsgRule {
    rule.protocol = protocol.into();
    rule.destination_ports = ports.iter().map(|&port| port.into()).collect();
    rule
}

#[test]
fn default_rules_let_workers_out() {
    let rules = defaults();
    assert_eq!(outcome(&rules, &to(entra(), 443)), ("AllowInternetOutBound".into(), Some(Allow)));
    let inside = Peer::address(ip("10.0.1.7"));
    assert_eq!(outcome(&rules, &to(inside, 10250)), ("AllowVnetOutBound".into(), Some(Allow)));
    assert_eq!(outcome(&[], &to(entra(), 443)), ("none".into(), Some(Deny)));
}

#[test]
fn the_lowest_priority_decides_and_hides_what_follows() {
    let deny = ported(rule("deny", 200, Outbound, Deny, "*", "Internet"), "tcp", &["80", "400-500"]);
    let allow = rule("allow", 150, Outbound, Allow, "10.0.0.0/24", "AzureActiveDirectory");
    assert_eq!(outcome(&with([deny.clone()]), &to(entra(), 443)), ("deny".into(), Some(Deny)));
    assert_eq!(outcome(&with([deny.clone(), allow]), &to(entra(), 443)), ("allow".into(), Some(Allow)));
    assert_eq!(outcome(&with([deny.clone()]), &to(entra(), 7443)).1, Some(Allow));
    let udp = Flow { protocol: Protocol::Udp, ..to(entra(), 443) };
    assert_eq!(outcome(&with([deny]), &udp).1, Some(Allow));
}

#[test]
fn a_deny_in_the_other_direction_does_not_count() {
    let rules = with([rule("deny", 100, Inbound, Deny, "*", "*")]);
    assert_eq!(outcome(&rules, &to(entra(), 443)).1, Some(Allow));
}

#[test]
fn augmented_rules_and_bare_addresses() {
    let mut deny = rule("deny", 200, Outbound, Deny, "10.9.0.0/16", "20.1.2.0/24");
    deny.source_prefixes.push(WORKER.into());
    deny.destination_prefixes.push("20.81.4.17".into());
    let api = |address| Peer::address(ip(address)).tagged(["AzureCloud", "Internet"]);
    assert_eq!(outcome(&with([deny.clone()]), &to(api("20.81.4.17"), 7443)).1, Some(Deny));
    assert_eq!(outcome(&with([deny.clone()]), &to(api("20.1.2.200"), 7443)).1, Some(Deny));
    assert_eq!(outcome(&with([deny]), &to(api("20.81.4.18"), 7443)).1, Some(Allow));
}

#[test]
fn ipv6_prefixes_match_ipv6_alone() {
    let rules = with([
        rule("six", 100, Outbound, Deny, "*", "2001:db8::/32"),
        rule("all-six", 110, Outbound, Deny, "*", "::/0"),
    ]);
    assert_eq!(outcome(&rules, &to(entra(), 443)).1, Some(Allow));
    let mut flow = to(Peer::address(ip("2001:db8::1")), 443);
    flow.source = Peer::address(ip("fd00::4"));
    assert_eq!(outcome(&rules, &flow), ("six".into(), Some(Deny)));
    flow.destination = Peer::address(ip("2001:db9::1"));
    assert_eq!(outcome(&rules, &flow), ("all-six".into(), Some(Deny)));
}

#[test]
fn a_regional_tag_is_unresolved_only_where_it_could_change_the_answer() {
    let deny = rule("deny-region", 200, Outbound, Deny, "*", "AzureCloud.eastus");
    assert_eq!(outcome(&with([deny.clone()]), &to(entra(), 443)).0, "?deny-region");
    let allow = rule("allow", 100, Outbound, Allow, "*", "AzureActiveDirectory");
    assert_eq!(outcome(&with([deny, allow]), &to(entra(), 443)).1, Some(Allow));
    // An uncertain allow before a sure allow changes nothing, before a sure deny it does.
    let maybe = rule("maybe", 100, Outbound, Allow, "*", "AzureCloud.eastus");
    assert_eq!(outcome(&with([maybe.clone()]), &to(entra(), 443)).1, Some(Allow));
    let closed = rule("closed", 300, Outbound, Deny, "*", "Internet");
    assert_eq!(outcome(&with([maybe, closed]), &to(entra(), 443)).0, "?maybe");
}

#[test]
fn tags_of_other_services_do_not_match() {
    let rules = with([
        rule("sql", 100, Outbound, Deny, "*", "Sql"),
        rule("west", 110, Outbound, Deny, "*", "Storage.westus"),
        rule("longer", 120, Outbound, Deny, "*", "AzureActiveDirectoryDomainServices"),
    ]);
    let blob = Peer::service(["Storage", "Storage.eastus", "AzureCloud", "Internet"]);
    assert_eq!(outcome(&rules, &to(blob.clone(), 443)).1, Some(Allow));
    assert_eq!(outcome(&rules, &to(entra(), 443)).1, Some(Allow));
    let rules = with([rule("east", 100, Outbound, Deny, "*", "storage.EASTUS")]);
    assert_eq!(outcome(&rules, &to(blob, 443)).1, Some(Deny));
}

#[test]
fn a_range_that_may_hold_a_service_leaves_it_unresolved_and_a_private_one_does_not() {
    let public = with([rule("range", 100, Outbound, Deny, "*", "40.64.0.0/10")]);
    assert_eq!(outcome(&public, &to(entra(), 443)).0, "?range");
    let private = with([rule("range", 100, Outbound, Deny, "*", "10.0.0.0/8")]);
    assert_eq!(outcome(&private, &to(entra(), 443)).1, Some(Allow));
    let everything = with([rule("range", 100, Outbound, Deny, "*", "0.0.0.0/0")]);
    assert_eq!(outcome(&everything, &to(entra(), 443)).1, Some(Deny));
}

#[test]
fn a_range_that_holds_a_part_of_where_a_peer_is_leaves_it_unresolved() {
    let rules = with([rule("half", 100, Outbound, Deny, "*", "10.0.0.128/25")]);
    let somewhere = Peer::network(net("10.0.0.0/24"));
    assert_eq!(outcome(&rules, &to(somewhere, 443)).0, "?half");
    let elsewhere = Peer::network(net("10.0.0.0/25"));
    assert_eq!(outcome(&rules, &to(elsewhere, 443)).1, Some(Allow));
}

#[test]
fn application_security_groups_are_unresolved_unless_membership_is_known() {
    let asg = ArmId::in_group("s", "g", "Microsoft.Network/applicationSecurityGroups/workers");
    let mut deny = rule("asg", 100, Outbound, Deny, "*", "Internet");
    deny.source_prefixes.clear();
    deny.source_asgs.push(asg.clone());
    let rules = with([deny]);
    let mut flow = to(entra(), 443);
    assert_eq!(outcome(&rules, &flow).0, "?asg");
    flow.source.asgs = Some(vec![asg]);
    assert_eq!(outcome(&rules, &flow).1, Some(Deny));
    flow.source.asgs = Some(Vec::new());
    assert_eq!(outcome(&rules, &flow).1, Some(Allow));
    // No public service is a member.
    let mut deny = rule("asg", 100, Outbound, Deny, "*", "x");
    deny.destination_prefixes.clear();
    deny.destination_asgs.push(ArmId::from("/x"));
    assert_eq!(outcome(&with([deny]), &to(entra(), 443)).1, Some(Allow));
}

#[test]
fn azure_dns_is_blocked_by_its_tag_alone() {
    let dns = to(Peer::address(ip(PLATFORM_ADDRESS)), 53);
    let all = with([rule("all", 100, Outbound, Deny, "*", "*")]);
    assert_eq!(outcome(&all, &dns), ("none".into(), Some(Allow)));
    let tag = with([rule("dns", 100, Outbound, Deny, "*", "AzurePlatformDNS")]);
    assert_eq!(outcome(&tag, &dns), ("dns".into(), Some(Deny)));
}

#[test]
fn a_peered_range_may_be_part_of_the_virtual_network() {
    let rules = with([rule("vnet", 100, Outbound, Deny, "*", "VirtualNetwork")]);
    assert_eq!(outcome(&rules, &to(Peer::address(ip("10.7.0.1")), 443)).0, "?vnet");
    assert_eq!(outcome(&rules, &to(Peer::address(ip("10.0.7.1")), 443)).1, Some(Deny));
    assert_eq!(outcome(&defaults(), &to(Peer::address(ip("10.7.0.1")), 443)).1, Some(Allow));
    assert_eq!(outcome(&defaults(), &to(Peer::anywhere(), 443)).1, Some(Allow));
    assert_eq!(outcome(&rules, &to(Peer::network(net("10.0.0.0/24")), 443)).1, Some(Deny));
    assert_eq!(outcome(&rules, &to(Peer::address(ip("8.8.8.8")), 443)).1, Some(Allow));
    // A route for everything may make the tag hold everything.
    let mut context = context();
    context.perhaps.push(net("0.0.0.0/0"));
    let flow = to(entra(), 443);
    assert!(matches!(evaluate(&rules, Outbound, &flow, &context), Outcome::Unresolved { .. }));
    let no_internet = with([rule("internet", 100, Outbound, Deny, "*", "Internet")]);
    assert!(matches!(evaluate(&no_internet, Outbound, &flow, &context), Outcome::Decision { access: Deny, .. }));
}

#[test]
fn a_source_port_that_connections_may_use_is_unresolved() {
    let mut deny = rule("source-port", 100, Outbound, Deny, "*", "*");
    deny.source_ports = vec!["40000-50000".into()];
    assert_eq!(outcome(&with([deny.clone()]), &to(entra(), 443)).0, "?source-port");
    deny.source_ports = vec!["443".into()];
    assert_eq!(outcome(&with([deny.clone()]), &to(entra(), 443)).1, Some(Allow));
    deny.source_ports = vec!["1024-65535".into()];
    assert_eq!(outcome(&with([deny]), &to(entra(), 443)).1, Some(Deny));
}

#[test]
fn representatives_stand_for_the_whole_subnet() {
    let rules = [
        rule("a", 100, Outbound, Deny, "10.0.0.128/25", "Internet"),
        rule("b", 110, Outbound, Deny, "10.0.0.10", "10.1.0.0/16"),
        rule("c", 120, Outbound, Deny, "VirtualNetwork", "*"),
    ];
    let text: Vec<String> = representatives(&rules, net("10.0.0.0/24")).iter().map(IpAddr::to_string).collect();
    assert_eq!(text, ["10.0.0.4", "10.0.0.10", "10.0.0.11", "10.0.0.128"]);
    assert_eq!(representatives(&[], net("10.0.0.9/32")), [ip("10.0.0.9")]);
    assert_eq!(representatives(&[], net("fd00::/64")), [ip("fd00::4")]);
}

// The oracle. It knows a whole world: which addresses are behind each tag and which group each end is in. It decides one
// packet by walking all priorities from 100 upwards and asking by plain numbers.

#[derive(Debug, Clone)]
struct World {
    vnet: BTreeSet<u32>,
    tags: BTreeMap<String, BTreeSet<u32>>,
    members: BTreeMap<String, BTreeSet<u32>>,
}

#[derive(Debug, Clone, Copy)]
struct Packet {
    tcp: bool,
    from: u32,
    to: u32,
    from_port: u32,
    to_port: u32,
}

/// Every address that a generated world knows.
fn universe() -> Vec<u32> {
    ["10.0.0.4", "10.0.0.5", "10.0.0.130", "10.0.1.9", "10.7.0.1", "13.0.0.1", "13.0.0.130", "40.1.1.1", "52.0.0.9"]
        .iter()
        .map(|text| match ip(text) {
            IpAddr::V4(v4) => u32::from(v4),
            IpAddr::V6(_) => panic!("no IPv6 here"),
        })
        .collect()
}

fn oracle(rules: &[NsgRule], direction: Direction, world: &World, packet: Packet) -> (Option<String>, Access) {
    for priority in 0..=65500 {
        for rule in rules {
            if rule.priority == priority && rule.direction == direction && oracle_matches(rule, world, packet) {
                return (Some(rule.name.clone()), rule.access);
            }
        }
    }
    (None, Deny)
}

fn oracle_matches(rule: &NsgRule, world: &World, packet: Packet) -> bool {
    let protocol = match rule.protocol.to_lowercase().as_str() {
        "*" => true,
        "tcp" => packet.tcp,
        "udp" => !packet.tcp,
        _ => false,
    };
    let port = |ranges: &[String], port: u32| {
        ranges.iter().any(|range| {
            let mut bounds = range.split('-').map(|bound| bound.parse::<u32>().ok());
            match (range.as_str(), bounds.next().flatten(), bounds.next().flatten()) {
                ("*", _, _) => true,
                (_, Some(low), Some(high)) => low <= port && port <= high,
                (_, Some(only), None) => only == port,
                _ => false,
            }
        })
    };
    let side = |prefixes: &[String], asgs: &[ArmId], address: u32| {
        prefixes.iter().any(|prefix| oracle_holds(prefix, world, address))
            || asgs.iter().any(|asg| world.members.get(&asg.key()).is_some_and(|members| members.contains(&address)))
    };
    protocol
        && port(&rule.destination_ports, packet.to_port)
        && port(&rule.source_ports, packet.from_port)
        && side(&rule.source_prefixes, &rule.source_asgs, packet.from)
        && side(&rule.destination_prefixes, &rule.destination_asgs, packet.to)
}

fn oracle_holds(prefix: &str, world: &World, address: u32) -> bool {
    let (head, length) = prefix.split_once('/').unwrap_or((prefix, "32"));
    let octets: Vec<u32> = head.split('.').filter_map(|octet| octet.parse().ok()).collect();
    match (prefix, octets.as_slice()) {
        ("*", _) => true,
        ("VirtualNetwork", _) => world.vnet.contains(&address),
        ("Internet", _) => !world.vnet.contains(&address),
        (_, [a, b, c, d]) => {
            let shift = 32 - length.parse::<u32>().unwrap();
            let base = u64::from((a << 24) | (b << 16) | (c << 8) | d);
            (u64::from(address) >> shift) == (base >> shift)
        }
        (tag, _) => world.tags.get(tag).is_some_and(|held| held.contains(&address)),
    }
}

const ASG: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationSecurityGroups/workers";

fn prefix() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec!["*", "VirtualNetwork", "Internet", "AzureCloud", "AzureCloud.eastus", "Storage",
            "Storage.eastus", "AzureActiveDirectory"]).prop_map(String::from),
        3 => prop::sample::select(vec!["10.0.0.0/24", "10.0.0.128/25", "10.0.0.4", "10.0.0.5/32", "10.0.0.0/8", "0.0.0.0/0",
            "10.7.0.0/16", "13.0.0.0/24", "13.0.0.128/25", "40.0.0.0/8", "52.0.0.9"]).prop_map(String::from),
    ]
}

fn any_rule(priority: i32) -> impl Strategy<Value = NsgRule> {
    let ports = || prop::sample::select(vec!["*", "443", "400-500", "53", "7443"]);
    let source_ports = prop_oneof![8 => Just("*"), 1 => Just("1024-65535"), 1 => Just("40000-50000"), 1 => Just("443")];
    (
        prop::sample::select(vec![Inbound, Outbound, Outbound]),
        prop::sample::select(vec![Allow, Deny]),
        prop::sample::select(vec!["*", "Tcp", "tcp", "Udp", "Icmp"]),
        (prop::collection::vec(prefix(), 0..3), prop::collection::vec(prefix(), 1..3)),
        (prop::collection::vec(ports(), 1..3), source_ports),
        (prop::bool::weighted(0.15), prop::bool::weighted(0.1)),
    )
        .prop_map(move |(direction, access, protocol, (from, to), (ports, source_port), (from_asg, to_asg))| {
            NsgRule {
                name: format!("rule-{priority}"),
                priority,
                direction,
                access,
                protocol: protocol.into(),
                source_prefixes: if from.is_empty() && !from_asg { vec!["*".into()] } else { from },
                source_ports: vec![source_port.into()],
                destination_prefixes: to,
                destination_ports: ports.into_iter().map(String::from).collect(),
                source_asgs: from_asg.then(|| ArmId::from(ASG)).into_iter().collect(),
                destination_asgs: to_asg.then(|| ArmId::from(ASG)).into_iter().collect(),
                is_default: false,
            }
        })
}

/// Up to six custom rules in any order, before or without the defaults.
fn rule_set() -> impl Strategy<Value = Vec<NsgRule>> {
    (
        prop::collection::btree_set(100..140, 0..6).prop_flat_map(|priorities| {
            let rules: Vec<_> = priorities.into_iter().map(any_rule).collect();
            rules
        }),
        any::<bool>(),
    )
        .prop_map(|(rules, standard)| if standard { with(rules) } else { rules })
        .prop_shuffle()
}

/// A world: 10.0/16 is in the VNet, 10.7.0.1 perhaps, each public address in some of the tags.
fn world() -> impl Strategy<Value = World> {
    let names = ["AzureCloud", "Storage", "AzureActiveDirectory"];
    (
        any::<bool>(),
        prop::collection::vec(any::<bool>(), universe().len() * names.len() * 2),
        prop::collection::vec(any::<bool>(), universe().len()),
    )
        .prop_map(move |(peered, bits, members)| {
            let mut bits = bits.into_iter();
            let mut tags: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
            for address in universe().into_iter().filter(|address| address >> 24 != 10) {
                for name in names {
                    let (in_tag, in_region) = (bits.next().unwrap(), bits.next().unwrap());
                    if in_tag {
                        tags.entry(name.into()).or_default().insert(address);
                        if in_region {
                            tags.entry(format!("{name}.eastus")).or_default().insert(address);
                        }
                    }
                }
            }
            let in_vnet = |address: &u32| address >> 16 == (10 << 8) || (peered && address >> 24 == 10);
            let vnet: BTreeSet<u32> = universe().into_iter().filter(in_vnet).collect();
            let group =
                universe().into_iter().zip(members).filter(|(address, member)| *member && vnet.contains(address));
            World {
                members: [(ArmId::from(ASG).key(), group.map(|(address, _)| address).collect())].into(),
                vnet,
                tags,
            }
        })
}

fn packet() -> impl Strategy<Value = Packet> {
    let sources = universe().into_iter().filter(|address| address >> 16 == (10 << 8)).collect::<Vec<_>>();
    (
        any::<bool>(),
        prop::sample::select(sources),
        prop::sample::select(universe()),
        EPHEMERAL_PORTS.0..=EPHEMERAL_PORTS.1,
        prop::sample::select(vec![443u32, 53, 7443, 401, 9999]),
    )
        .prop_map(|(tcp, from, to, from_port, to_port)| Packet {
            tcp,
            from,
            to,
            from_port: from_port.into(),
            to_port,
        })
}

/// What an observer who knows everything about one end would write down.
fn full_peer(world: &World, address: u32) -> Peer {
    let mut tags: Vec<String> =
        world.tags.iter().filter(|(_, held)| held.contains(&address)).map(|(name, _)| name.clone()).collect();
    // Two regions, so that the absence of one is known where the tag itself is there.
    for base in ["AzureCloud", "Storage", "AzureActiveDirectory"] {
        if tags.iter().any(|tag| tag == base) && !tags.contains(&format!("{base}.eastus")) {
            tags.push(format!("{base}.westus"));
        }
    }
    tags.push(if world.vnet.contains(&address) { "VirtualNetwork" } else { "Internet" }.into());
    let in_group = world.members.values().any(|members| members.contains(&address));
    Peer {
        within: Some(IpAddr::from(std::net::Ipv4Addr::from(address)).into()),
        tags,
        open: false,
        asgs: Some(in_group.then(|| ArmId::from(ASG)).into_iter().collect()),
    }
}

fn full_context(world: &World) -> Context {
    let single = |address: &u32| IpNet::from(IpAddr::from(std::net::Ipv4Addr::from(*address)));
    Context { virtual_network: world.vnet.iter().map(single).collect(), perhaps: Vec::new() }
}

fn flow(packet: Packet, source: Peer, destination: Peer) -> Flow {
    Flow {
        protocol: if packet.tcp { Protocol::Tcp } else { Protocol::Udp },
        source,
        destination,
        port: u16::try_from(packet.to_port).unwrap(),
    }
}

/// Takes knowledge away from a peer, so that what is left is still true.
fn forget(peer: &Peer, address: bool, regions: bool, asgs: bool, wider: bool) -> Peer {
    let mut peer = peer.clone();
    // An address of a private range is never all that is known of a public service.
    let private = peer.within.is_some_and(|within| net("10.0.0.0/8").contains(&within));
    if asgs {
        peer.asgs = None;
    }
    if regions {
        peer.tags.retain(|tag| !tag.contains('.'));
    }
    if address && !private {
        peer.within = None;
    } else if wider {
        peer.within = peer.within.map(|net| IpNet::new(net.addr(), 24).unwrap().trunc());
    }
    peer
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// Who knows everything gets an answer, and it is the oracle's, down to the rule.
    #[test]
    fn full_knowledge_gives_the_oracles_answer(rules in rule_set(), world in world(), packet in packet(), outbound in any::<bool>()) {
        // The source port is not part of a flow: rules about it are left to the next property.
        let rules: Vec<NsgRule> = rules.into_iter().filter(|rule| rule.source_ports != ["40000-50000"]).collect();
        let direction = if outbound { Outbound } else { Inbound };
        let flow = flow(packet, full_peer(&world, packet.from), full_peer(&world, packet.to));
        let (name, access) = oracle(&rules, direction, &world, packet);
        match evaluate(&rules, direction, &flow, &full_context(&world)) {
            Outcome::Decision { rule, access: found } => {
                prop_assert_eq!(rule.map(|rule| rule.name.clone()), name);
                prop_assert_eq!(found, access);
            }
            other @ Outcome::Unresolved { .. } => prop_assert!(false, "{:?}", other),
        }
    }

    /// Whoever knows less gets the same answer or none, in every world that fits what is known.
    #[test]
    fn partial_knowledge_never_contradicts_the_oracle(
        rules in rule_set(), world in world(), packet in packet(), forgotten in any::<[bool; 6]>(), outbound in any::<bool>(),
    ) {
        let direction = if outbound { Outbound } else { Inbound };
        let [address, regions, asgs, wider, source_asgs, open] = forgotten;
        let mut destination = forget(&full_peer(&world, packet.to), address, regions, asgs, wider);
        if open && destination.within.is_none() {
            destination = Peer::anywhere();
        }
        let source = forget(&full_peer(&world, packet.from), false, false, source_asgs, false);
        let flow = flow(packet, source, destination);
        let (_, access) = oracle(&rules, direction, &world, packet);
        if let Outcome::Decision { access: found, .. } = evaluate(&rules, direction, &flow, &context()) {
            prop_assert_eq!(found, access);
        }
    }

    /// What holds for the representatives holds for every address of the subnet.
    #[test]
    fn representatives_find_every_denied_address(rules in rule_set(), last in 4u8..=254, port in prop::sample::select(vec![443u16, 53])) {
        let answer = |source: IpAddr| {
            let flow = Flow { protocol: Protocol::Tcp, source: Peer::address(source), destination: entra(), port };
            match evaluate(&rules, Outbound, &flow, &context()) {
                Outcome::Decision { rule, access } => (rule.map(|rule| rule.name.clone()), Some(access)),
                Outcome::Unresolved { rule, .. } => (Some(rule.name.clone()), None),
            }
        };
        let all: Vec<_> = representatives(&rules, net("10.0.0.0/24")).into_iter().map(answer).collect();
        let one = answer(IpAddr::from([10, 0, 0, last]));
        prop_assert!(all.contains(&one), "{:?} is not among {:?}", one, all);
    }
}
