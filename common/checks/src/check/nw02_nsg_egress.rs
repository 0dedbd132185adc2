//! NW02: no network security group rule blocks what workers need.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use facts::hosted::HostedCluster;
use facts::network::{Access, Direction, Nsg, NsgRule, Subnet, Vnet};
use ipnet::IpNet;

use crate::judgement::BEING_DELETED;
use crate::nsg::{self, Context, Flow, Outcome, Peer, Protocol};
use crate::prelude::*;
use crate::shell::{Quoted, command};
use crate::worker_flows::{self, Target, is_private};
use crate::workers;

declare_check! {
    /// ## What it checks
    /// The network security group bound to each worker subnet lets through what workers need.
    ///
    /// The flows follow from how the cluster publishes its services: API server, ignition, konnectivity and OAuth, then
    /// Entra, Azure Resource Manager, blob storage, image registries, Azure DNS, and the traffic among workers. Rules are
    /// evaluated as Azure does, by priority with the default rules last, so that a deny behind an allow does no harm. A
    /// rule that cannot be decided from here (a regional service tag, an application security group) gives an unknown
    /// row, and only where it could change the answer. With a cluster-wide proxy the flows that leave the VNet are left out:
    /// they go through the proxy.
    ///
    /// ## Why it matters
    /// A blocked worker boots and never joins: the VM runs, the NodePool stays at 0 ready, and nothing names the rule.
    /// Port 22623, which older guides name, is not used.
    ///
    /// ## How to fix
    /// Create an allow rule with a lower priority number than the rule that denies.
    ///
    /// Source: openshift/hypershift hypershift-operator/controllers/hostedcluster (KASSVCLBAzurePort 7443); Azure
    /// documentation "Network security groups".
    pub static NSG_EGRESS = {
        code: "NW02",
        id: "nsg-egress",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, NodePools, Network],
        caused_by: ["NW01"],
        judge: judge,
    };
}

/// A worker subnet that exists, with the group that guards it.
struct Guarded<'a> {
    subnet: &'a Subnet,
    vnet: &'a Vnet,
    nsg: &'a Nsg,
}

/// What one rule does to the flows: the key is the group's id, the direction and the rule's place in it.
type ByRule<'a> = BTreeMap<(String, bool, usize), Decided<'a>>;

struct Decided<'a> {
    nsg: &'a Nsg,
    rule: Option<&'a NsgRule>,
    direction: Direction,
    flows: BTreeSet<String>,
    /// Ports by destination prefix and protocol: what an allow rule has to open.
    open: BTreeMap<(String, Protocol), BTreeSet<u16>>,
    why: String,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    // Its network may be gone before it.
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let (subnets, pools_gap) = workers::subnets(view)?;
    let mut gaps: Vec<(String, Gap)> =
        pools_gap.map(|gap| ("subnets of the NodePools".into(), gap)).into_iter().collect();
    let mut guarded = Vec::new();
    let (mut prefixes, mut open_subnets, mut missing) = (Vec::new(), 0, 0);
    for worker in &subnets {
        let subject = format!("subnet {}", worker.id.name().unwrap_or(worker.id.as_str()));
        let found = worker.id.parent().map_or(Ok(None), |vnet| view.vnet(&vnet));
        let (vnet, subnet) = match found {
            Err(gap) => {
                gaps.push((subject, gap));
                continue;
            }
            Ok(vnet) => {
                match vnet.and_then(|vnet| Some((vnet, vnet.subnets.iter().find(|own| own.id == worker.id)?))) {
                    Some(found) => found,
                    // A subnet that does not exist is NW01's matter.
                    None => {
                        missing += 1;
                        continue;
                    }
                }
            }
        };
        prefixes.extend(subnet.address_prefixes.iter().filter_map(|prefix| nsg::parse(prefix)));
        let Some(id) = &subnet.nsg_id else {
            open_subnets += 1;
            continue;
        };
        match view.nsg(id) {
            Ok(Some(nsg)) => guarded.push(Guarded { subnet, vnet, nsg }),
            Ok(None) => {
                gaps.push((subject, Gap::new(GapKind::Blocked, format!("network security group {id} does not exist"))))
            }
            Err(gap) => gaps.push((subject, gap)),
        }
    }
    if guarded.is_empty() && gaps.is_empty() && open_subnets == 0 && missing > 0 {
        return Err(Gap::new(GapKind::Blocked, "the worker subnet does not exist"));
    }
    let targets = worker_flows::of(cluster, &prefixes);
    let (mut denied, mut unresolved) = (ByRule::new(), ByRule::new());
    for guarded in &guarded {
        for prefix in guarded.subnet.address_prefixes.iter().filter_map(|prefix| nsg::parse(prefix)) {
            walk(view, guarded, prefix, &targets, &mut denied, &mut unresolved);
        }
    }
    let mut taken: BTreeMap<(String, bool), BTreeSet<i32>> = BTreeMap::new();
    let mut findings: Vec<Finding> = denied.into_values().map(|decided| blocked(&decided, &mut taken)).collect();
    findings.extend(unresolved.into_values().map(|decided| undecided(cluster, &decided)));
    findings.extend(Finding::unknowns(gaps).into_iter().map(|finding| finding.touches(Key::Egress)));
    let groups: BTreeSet<&str> = guarded.iter().filter_map(|guarded| guarded.nsg.id.name()).collect();
    let passed = if groups.is_empty() {
        "no network security group is bound to the worker subnets: nothing is blocked".to_owned()
    } else {
        let names: Vec<&str> = groups.into_iter().collect();
        format!("{} lets {} kinds of flows of workers through", names.join(", "), targets.len())
    };
    Ok(Judgement::new(passed, findings))
}

/// Evaluates every target for every address of a worker subnet that the rules tell apart.
fn walk<'a>(
    view: &View<'_>,
    guarded: &Guarded<'a>,
    prefix: IpNet,
    targets: &[Target],
    denied: &mut ByRule<'a>,
    unresolved: &mut ByRule<'a>,
) {
    let nsg = guarded.nsg;
    let mut context = Context::of_vnet(guarded.vnet.address_prefixes.iter().filter_map(|prefix| nsg::parse(prefix)));
    // The prefixes of user-defined routes count to the tag VirtualNetwork.
    if let Some(Ok(Some(table))) = guarded.subnet.route_table_id.as_ref().map(|id| view.route_table(id)) {
        context.perhaps.extend(table.routes.iter().filter_map(|route| nsg::parse(&route.address_prefix)));
    }
    for worker in nsg::representatives(&nsg.rules, prefix) {
        for target in targets {
            for peer in expanded(target, &nsg.rules) {
                let here = Peer::address(worker);
                if !same_family(worker, &peer) {
                    continue;
                }
                let (source, destination) = match target.direction {
                    Direction::Outbound => (here, peer),
                    Direction::Inbound => (peer, here),
                };
                let flow = Flow { protocol: target.protocol, source, destination, port: target.port };
                let (map, rule, why) = match nsg::evaluate(&nsg.rules, target.direction, &flow, &context) {
                    Outcome::Decision { access: Access::Allow, .. } => continue,
                    Outcome::Decision { rule, access: Access::Deny } => (&mut *denied, rule, String::new()),
                    Outcome::Unresolved { rule, why } => (&mut *unresolved, Some(rule), why),
                };
                let at = rule.and_then(|rule| nsg.rules.iter().position(|own| std::ptr::eq(own, rule)));
                let key = (nsg.id.key(), target.direction == Direction::Inbound, at.unwrap_or(usize::MAX));
                let decided = map.entry(key).or_insert_with(|| Decided {
                    nsg,
                    rule,
                    direction: target.direction,
                    flows: BTreeSet::new(),
                    open: BTreeMap::new(),
                    why,
                });
                let protocol = target.protocol.name().to_ascii_lowercase();
                decided.flows.insert(match target.direction {
                    Direction::Outbound => format!("workers {prefix} -> {}:{}/{protocol}", target.label, target.port),
                    Direction::Inbound => format!("{} -> workers {prefix}:{}/{protocol}", target.label, target.port),
                });
                decided.open.entry((target.prefix.clone(), target.protocol)).or_default().insert(target.port);
            }
        }
    }
}

fn same_family(worker: IpAddr, peer: &Peer) -> bool {
    peer.within.is_none_or(|net| net.addr().is_ipv4() == worker.is_ipv4())
        && (peer.within.is_some() || worker.is_ipv4())
}

/// A peer that is a whole worker subnet stands for each address that the rules tell apart.
fn expanded(target: &Target, rules: &[NsgRule]) -> Vec<Peer> {
    target
        .peers
        .iter()
        .flat_map(|peer| match peer.within {
            Some(net) if net.prefix_len() < net.max_prefix_len() && peer.tags.is_empty() => {
                nsg::representatives(rules, net).into_iter().map(Peer::address).collect()
            }
            _ => vec![peer.clone()],
        })
        .collect()
}

fn blocked(decided: &Decided<'_>, taken: &mut BTreeMap<(String, bool), BTreeSet<i32>>) -> Finding {
    let group = decided.nsg.id.name().unwrap_or(decided.nsg.id.as_str());
    let (name, shown) = describe(decided);
    let inbound = decided.direction == Direction::Inbound;
    let finding = Finding::fail(
        format!("network security group {group}"),
        format!(
            "{name} of {group} blocks {}",
            if decided.flows.len() == 1 {
                "a flow that workers need".into()
            } else {
                format!("{} flows that workers need", decided.flows.len())
            }
        ),
        if inbound || decided.open.keys().all(|(prefix, _)| prefix == "VirtualNetwork") {
            "workers cannot reach one another or the private endpoint: nodes stay NotReady, logs and exec time out"
        } else {
            "worker VMs start and never join: ignition, the API server, Entra or the registries time out, and no condition names the rule"
        },
    );
    let finding = decided.flows.iter().fold(finding, |finding, flow| finding.see("flow", flow.as_str()));
    let used = taken.entry((decided.nsg.id.key(), inbound)).or_insert_with(|| {
        let same = |rule: &&NsgRule| rule.direction == decided.direction && !rule.is_default;
        decided.nsg.rules.iter().filter(same).map(|rule| rule.priority).collect()
    });
    finding
        .see("decided", format!("{shown}   in {group}"))
        .fix(
            allow(decided, used)
                .note("rules take effect within seconds; machines that gave up are made anew with `oc delete machine`"),
        )
        .touches(Key::Egress)
}

/// The rule by name, and as a line of evidence.
fn describe(decided: &Decided<'_>) -> (String, String) {
    let Some(rule) = decided.rule else {
        return ("the lack of an allow rule".into(), "no rule matches: Deny".into());
    };
    let list = |prefixes: &[String], asgs: &[facts::ArmId]| {
        let asgs = asgs.iter().filter_map(facts::ArmId::name).map(|name| format!("asg {name}"));
        prefixes.iter().cloned().chain(asgs).collect::<Vec<_>>().join(",")
    };
    let access = match rule.access {
        Access::Allow => "Allow",
        Access::Deny => "Deny",
    };
    (
        format!("rule {} ({})", rule.name, rule.priority),
        format!(
            "rule {} {}  {access}  {} {} -> {}:{}",
            rule.priority,
            rule.name,
            rule.protocol,
            list(&rule.source_prefixes, &rule.source_asgs),
            list(&rule.destination_prefixes, &rule.destination_asgs),
            rule.destination_ports.join(",")
        ),
    )
}

/// Commands that create allow rules before the one that denies.
fn allow(decided: &Decided<'_>, used: &mut BTreeSet<i32>) -> Fix {
    let id = &decided.nsg.id;
    let place = Quoted(command!(
        "--subscription {} -g {} --nsg-name {}",
        id.subscription().unwrap_or("SUBSCRIPTION"),
        id.resource_group().unwrap_or("RESOURCE_GROUP"),
        id.name().unwrap_or("NSG")
    ));
    let (direction, tag) = match decided.direction {
        Direction::Outbound => ("Outbound", "out"),
        Direction::Inbound => ("Inbound", "in"),
    };
    let mut commands = Vec::new();
    let below = decided.rule.map_or(4097, |rule| rule.priority.min(4097));
    let mut last = below;
    let free = |used: &BTreeSet<i32>, from: i32| (100..from).rev().find(|priority| !used.contains(priority));
    // Without room before the rule, the rule itself moves behind.
    if let (Some(rule), None) = (decided.rule, free(used, below))
        && let Some(room) = (below.saturating_add(1).max(100)..=4096).find(|priority| !used.contains(priority))
    {
        commands.push(command!("az network nsg rule update {place} -n {} --priority {room}",
            rule.name; place, room));
        used.remove(&rule.priority);
        used.insert(room);
        last = room;
    }
    // Where the whole Internet has to be opened, the services in it need no rule of their own.
    let internet = decided.open.keys().any(|(prefix, _)| prefix == "Internet");
    let mut wanted: BTreeMap<(String, Protocol), BTreeSet<u16>> = BTreeMap::new();
    for ((prefix, protocol), ports) in &decided.open {
        let inside =
            matches!(prefix.as_str(), "VirtualNetwork" | "AzurePlatformDNS") || prefix.parse().is_ok_and(is_private);
        let prefix = if internet && !inside { "Internet" } else { prefix.as_str() };
        wanted.entry((prefix.to_owned(), *protocol)).or_default().extend(ports);
    }
    for ((prefix, protocol), ports) in wanted {
        let priority = free(used, last).unwrap_or(100);
        used.insert(priority);
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let name: String = prefix.to_ascii_lowercase().replace(['.', ':', '/'], "-");
        commands.push(command!("az network nsg rule create {place} -n allow-hcp-{tag}-{name}-{} --priority {priority} --direction {direction} --access Allow --protocol {} --source-address-prefixes {} --source-port-ranges '*' --destination-address-prefixes {prefix} --destination-port-ranges {}", protocol.name().to_ascii_lowercase(),
            protocol.name(),
            if prefix == "VirtualNetwork" { "VirtualNetwork" } else { "*" },
            Quoted::words(&ports); place, tag, name, priority, direction, prefix));
    }
    Fix::azure(commands)
}

fn undecided(cluster: &HostedCluster, decided: &Decided<'_>) -> Finding {
    let group = decided.nsg.id.name().unwrap_or(decided.nsg.id.as_str());
    let (name, shown) = describe(decided);
    let gap = Gap::new(
        GapKind::NotAsked,
        format!("{name} of {group} decides about {} flows, and {}", decided.flows.len(), decided.why),
    )
    .with_remedy(command!(
        "az network list-service-tags -l {} --query \"values[].{{tag:name,prefixes:properties.addressPrefixes}}\"",
        cluster.azure.location
    ));
    let finding = Finding::unknown(format!("network security group {group}, {name}"), gap);
    decided
        .flows
        .iter()
        .fold(finding, |finding, flow| finding.see("flow", flow.as_str()))
        .see("rule", shown)
        .touches(Key::Egress)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;
    use facts::network::{Route, RouteTable};
    use facts::{ArmId, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &NSG_EGRESS;

    fn rules(facts: &mut Facts) -> &mut Vec<NsgRule> {
        match facts.azure.network.nsgs.get_mut(&nsg_id().key()) {
            Some(Fact::Known(nsg)) => &mut nsg.rules,
            other => panic!("{other:?}"),
        }
    }

    fn subnet(facts: &mut Facts) -> &mut Subnet {
        match facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            Some(Fact::Known(vnet)) => &mut vnet.subnets[0],
            other => panic!("{other:?}"),
        }
    }

    fn with(rule: NsgRule) -> Facts {
        let mut facts = healthy();
        rules(&mut facts).push(rule);
        facts
    }

    fn deny(name: &str, priority: i32, to: &str, ports: &[&str]) -> NsgRule {
        let mut deny = rule(name, priority, Direction::Outbound, Access::Deny, "*", to);
        deny.destination_ports = ports.iter().map(|&port| port.into()).collect();
        deny
    }

    fn flows(finding: &Finding) -> Vec<&str> {
        let flows = finding.evidence.0.iter().filter(|(label, _)| label == "flow");
        flows.map(|(_, flow)| flow.as_str()).collect()
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("an NSG denies everything to the Internet, and workers never join", |facts| {
                rules(facts).push(deny("deny-out", 200, "Internet", &["*"]));
                never_joined(facts);
            })
            .showing(&["HC01", "NP01", "NP02"]),
            Fault::new("an NSG denies 443", |facts| rules(facts).push(deny("deny-https", 200, "*", &["443"]))),
        ]
    }

    #[test]
    fn azures_default_rules_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_deny_of_the_api_port_names_rule_flow_and_a_free_priority() {
        let mut facts = with(deny("deny-out", 200, "Internet", &["7443"]));
        rules(&mut facts).push(rule("other", 199, Direction::Outbound, Access::Allow, "*", "Sql"));
        let finding = the_failure(CHECK, &facts);
        assert_eq!(flows(&finding), ["workers 10.0.0.0/24 -> API 20.81.4.17:7443/tcp"]);
        assert_eq!(
            finding.evidence.get("decided"),
            Some("rule 200 deny-out  Deny  * * -> Internet:7443   in prod-prod-x7k2p-nsg")
        );
        let command = &finding.fixes[0].commands[0];
        assert!(command.contains("-g prod-nsg-prod-x7k2p --nsg-name prod-prod-x7k2p-nsg"), "{command}");
        assert!(command.contains("--priority 198 --direction Outbound --access Allow"), "{command}");
        assert!(
            command.contains("--destination-address-prefixes 20.81.4.17 --destination-port-ranges 7443"),
            "{command}"
        );
        assert_eq!(finding.keys, [Key::Egress]);
    }

    #[test]
    fn a_deny_of_443_is_one_failure_with_all_flows_and_one_allow_rule() {
        let finding = the_failure(CHECK, &with(deny("no-https", 300, "*", &["443"])));
        assert_eq!(flows(&finding).len(), 8, "{finding:#?}");
        assert_eq!(finding.fixes[0].commands.len(), 1);
        assert!(
            finding.fixes[0].commands[0]
                .contains("--destination-address-prefixes Internet --destination-port-ranges 443")
        );
    }

    #[test]
    fn a_deny_behind_an_allow_does_no_harm() {
        let mut facts = with(deny("deny-all", 4000, "*", &["*"]));
        rules(&mut facts).push(rule("allow-all", 100, Direction::Outbound, Access::Allow, "*", "*"));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn allowed_tags_before_a_closed_internet_leave_the_registries_out() {
        let mut facts = with(deny("closed", 4000, "Internet", &["*"]));
        for (at, tag) in ["AzureCloud", "AzureActiveDirectory"].into_iter().enumerate() {
            let priority = 100 + i32::try_from(at).unwrap();
            rules(&mut facts).push(rule(tag, priority, Direction::Outbound, Access::Allow, "VirtualNetwork", tag));
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            flows(&finding),
            ["workers 10.0.0.0/24 -> quay.io:443/tcp", "workers 10.0.0.0/24 -> registry.redhat.io:443/tcp"]
        );
    }

    #[test]
    fn a_rule_without_room_before_it_moves_behind() {
        let finding = the_failure(CHECK, &with(deny("first", 100, "Internet", &["7443"])));
        let commands = &finding.fixes[0].commands;
        assert!(commands[0].ends_with("-n first --priority 101"), "{commands:#?}");
        assert!(commands[1].contains("--priority 100 "), "{commands:#?}");
    }

    #[test]
    fn a_deny_of_half_a_subnet_is_seen() {
        let mut half = deny("half", 200, "Internet", &["7443"]);
        half.source_prefixes = vec!["10.0.0.128/25".into()];
        assert_eq!(flows(&the_failure(CHECK, &with(half))).len(), 1);
    }

    #[test]
    fn blocked_workers_among_themselves() {
        let geneve = NsgRule {
            protocol: "Udp".into(),
            ..rule("no-udp", 200, Direction::Inbound, Access::Deny, "VirtualNetwork", "*")
        };
        let finding = the_failure(CHECK, &with(geneve));
        assert_eq!(flows(&finding), ["workers -> workers 10.0.0.0/24:6081/udp"]);
        let command = &finding.fixes[0].commands[0];
        assert!(command.contains("--direction Inbound --access Allow --protocol Udp"), "{command}");
    }

    #[test]
    fn azure_dns_is_blocked_by_its_tag_alone() {
        assert_passes(CHECK, &with(deny("dns", 200, "168.63.129.16", &["53"])));
        let finding = the_failure(CHECK, &with(deny("dns", 200, "AzurePlatformDNS", &["*"])));
        assert_eq!(flows(&finding), ["workers 10.0.0.0/24 -> Azure DNS 168.63.129.16:53/udp"]);
    }

    #[test]
    fn a_private_cluster_needs_443_inside_the_vnet() {
        let mut facts = with(deny("api", 200, "Internet", &["7443"]));
        cluster(&mut facts).azure.topology = Some("Private".into());
        assert_passes(CHECK, &facts);
        rules(&mut facts).push(deny("inside", 210, "VirtualNetwork", &["443"]));
        assert_eq!(flows(&the_failure(CHECK, &facts)).len(), 4);
    }

    #[test]
    fn an_api_behind_a_route_needs_443() {
        let mut facts = with(deny("api", 200, "20.81.4.17", &["443"]));
        // Any service of unknown address may have this one.
        assert!(the_gap(CHECK, &facts).why.contains("20.81.4.17/32"));
        cluster(&mut facts).endpoint.as_mut().unwrap().port = 443;
        let failed: Vec<Finding> =
            findings(CHECK, &facts).into_iter().filter(|finding| finding.level == Level::Fail).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(flows(&failed[0]), ["workers 10.0.0.0/24 -> API 20.81.4.17:443/tcp"]);
    }

    #[test]
    fn a_mirrored_release_needs_the_mirror_and_not_the_public_registries() {
        let mut facts = with(deny("closed", 4000, "Internet", &["*"]));
        for (at, tag) in ["AzureCloud", "AzureActiveDirectory"].into_iter().enumerate() {
            let priority = 100 + i32::try_from(at).unwrap();
            rules(&mut facts).push(rule(tag, priority, Direction::Outbound, Access::Allow, "*", tag));
        }
        cluster(&mut facts).release_image = "mirror.azurecr.io/ocp/release:4.22.3-multi".into();
        assert_passes(CHECK, &facts);
        // A mirror somewhere may be in the VNet or outside: with the Internet closed that matters.
        cluster(&mut facts).release_image = "mirror.example.com:5000/ocp/release:4.22.3-multi".into();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
    }

    #[test]
    fn a_regional_tag_that_could_matter_is_unknown() {
        let facts = with(deny("region", 200, "AzureCloud.eastus", &["*"]));
        let gap = the_gap(CHECK, &facts);
        assert!(gap.why.contains("rule region (200)"), "{}", gap.why);
        assert!(gap.remedy.unwrap().starts_with("az network list-service-tags -l eastus"));
    }

    #[test]
    fn no_security_group_blocks_nothing() {
        let mut facts = with(deny("all", 100, "*", &["*"]));
        subnet(&mut facts).nsg_id = None;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn the_subnets_of_node_pools_are_judged_too() {
        let mut facts = healthy();
        let id = ArmId::in_group(SUBSCRIPTION, "net", "Microsoft.Network/networkSecurityGroups/gpu");
        let mut second = subnet(&mut facts).clone();
        second.id = vnet_id().child("subnets", "gpu");
        second.address_prefixes = vec!["10.0.9.0/24".into()];
        second.nsg_id = Some(id.clone());
        let mut own = rules(&mut facts).clone();
        own.push(deny("no-https", 300, "Internet", &["443"]));
        facts.azure.network.nsgs.insert(id.key(), Fact::Known(Nsg { id, location: "eastus".into(), rules: own }));
        match facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            Some(Fact::Known(vnet)) => vnet.subnets.push(second.clone()),
            other => panic!("{other:?}"),
        }
        assert_passes(CHECK, &facts);
        let mut pool = node_pool("gpu");
        pool.subnet_id = Some(second.id);
        facts.hosted.node_pools = Fact::Known(vec![node_pool("prod"), pool]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "network security group gpu");
        assert!(flows(&finding).iter().all(|flow| flow.starts_with("workers 10.0.9.0/24")));
    }

    #[test]
    fn routes_widen_the_virtual_network() {
        let mut facts = with(rule("vnet", 200, Direction::Outbound, Access::Deny, "*", "VirtualNetwork"));
        let table = ArmId::in_group(SUBSCRIPTION, "net", "Microsoft.Network/routeTables/r");
        subnet(&mut facts).route_table_id = Some(table.clone());
        let route = Route {
            name: "all".into(),
            address_prefix: "0.0.0.0/0".into(),
            next_hop_type: "VirtualAppliance".into(),
            next_hop_ip: Some("10.0.5.4".into()),
        };
        let known = RouteTable { id: table.clone(), routes: vec![route] };
        facts.azure.network.route_tables.insert(table.key(), Fact::Known(known));
        let levels: Vec<Level> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown], "workers among themselves; the rest may be in the tag");
    }

    #[test]
    fn what_cannot_be_read_and_what_is_gone() {
        let mut facts = healthy();
        facts
            .azure
            .network
            .nsgs
            .insert(nsg_id().key(), Fact::Unreadable(denied("Microsoft.Network/networkSecurityGroups/read")));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        let mut facts = healthy();
        facts.azure.network.vnets.insert(vnet_id().key(), Fact::Absent);
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }
}
