//! The picture of the network: where the control plane and the workers run, and how they get out.

use checks::{Group, Key, Report, Row};
use facts::hosted::{HostedCluster, NodePool};
use facts::network::{Subnet, Vnet};
use facts::{ArmId, Fact, Facts};

use super::mark::{Mark, Tone};
use super::svg::{Drawing, Node, Type, height};
use crate::report::Shown;

/// The NodePools of a subnet that are drawn.
const MAX_POOLS: usize = 8;

/// Where the columns begin and how wide they are.
const MANAGEMENT: (i32, i32) = (2, 212);
const PLANE: (i32, i32) = (258, 224);
const VNET: (i32, i32) = (546, 316);
const OUT: (i32, i32) = (922, 194);
/// Where boxes begin, below the captions.
const TOP: i32 = 30;
const GAP: i32 = 14;

pub(super) fn draw(shown: &Shown<'_>, cluster: &HostedCluster, id: &str) -> String {
    let (facts, report) = (shown.facts, shown.report);
    let mut drawing = Drawing::default();
    for ((x, width), caption) in
        [(MANAGEMENT, "MANAGEMENT CLUSTER"), (PLANE, "CONTROL PLANE"), (VNET, "VIRTUAL NETWORK"), (OUT, "WAY OUT")]
    {
        drawing.text(x + 2, 16, width, Type::Caption, caption);
    }
    let left = management(facts, report, &mut drawing);
    let plane = plane(facts, report, cluster, &mut drawing);
    let right = networks(facts, report, cluster, &mut drawing);
    let title = "The management cluster, the hosted control plane, the virtual network with its subnets and NodePools, \
                 and the way out to the Internet";
    drawing.finish(id, left.max(plane).max(right) + 4, title)
}

fn in_group(groups: &'static [Group]) -> impl Fn(&Row) -> bool {
    move |row| groups.contains(&row.check.group)
}

fn with_codes(codes: &'static [&'static str]) -> impl Fn(&Row) -> bool {
    move |row| codes.contains(&row.check.code)
}

fn management(facts: &Facts, report: &Report, drawing: &mut Drawing) -> i32 {
    let (x, width) = MANAGEMENT;
    let mark = Mark::of(report, in_group(&[Group::Management]), &[]);
    let mut lines = vec![(Type::Name, "HyperShift operator".to_owned())];
    if let Some(operators) = facts.management.operators.get() {
        for operator in operators {
            let workload = &operator.workload;
            let place = format!("{}/{}", operator.namespace, workload.name);
            lines.push((Type::Code, place));
            lines.push((Type::More, format!("ready {} of {}", workload.ready, workload.desired)));
        }
    }
    if let Some(version) = facts.management.kubernetes_version.get() {
        lines.push((Type::More, format!("Kubernetes {version}")));
    }
    let node = Node { x, y: TOP, width, lines, mark: &mark };
    drawing.node(&node);
    drawing.arrow((x + width, TOP + 32), (PLANE.0, TOP + 32), Tone::Pass);
    let below = TOP + node.height() + GAP;
    let mark = Mark::of(report, in_group(&[Group::Credentials, Group::Quota]), &[]);
    let mut lines = vec![(Type::Name, "Azure subscription".to_owned())];
    if let Some(subscription) = facts.azure.subscription.get() {
        lines.push((Type::More, subscription.name.clone()));
        lines.push((Type::Code, subscription.id.clone()));
    }
    let node = Node { x, y: below, width, lines, mark: &mark };
    drawing.node(&node);
    below + node.height()
}

fn plane(facts: &Facts, report: &Report, cluster: &HostedCluster, drawing: &mut Drawing) -> i32 {
    let (x, width) = PLANE;
    let mark = Mark::of(report, in_group(&[Group::HostedCluster]), &[]);
    let mut lines = vec![(Type::Name, facts.target.name.clone()), (Type::Code, facts.target.control_plane_namespace())];
    lines.extend(cluster.version.effective().map(|version| (Type::More, format!("release {version}"))));
    if let Some(endpoint) = &cluster.endpoint {
        lines.push((Type::Code, format!("{}:{}", endpoint.host, endpoint.port)));
    }
    let topology = cluster.azure.topology.as_deref().unwrap_or("Public");
    lines.push((Type::More, format!("API {topology}")));
    let node = Node { x, y: TOP, width, lines, mark: &mark };
    drawing.node(&node);
    let below = TOP + node.height() + GAP;
    let mark = Mark::of(report, in_group(&[Group::Dns]), &[]);
    let lines = vec![(Type::Name, "DNS".to_owned()), (Type::Code, cluster.dns.base_domain.clone())];
    let node = Node { x, y: below, width, lines, mark: &mark };
    drawing.node(&node);
    below + node.height()
}

/// A subnet of workers: its id, what is known of it, and the NodePools in it.
struct Workers<'a> {
    id: ArmId,
    pools: Vec<&'a NodePool>,
}

/// The subnets of the workers by VNet.
fn subnets<'a>(facts: &'a Facts, cluster: &HostedCluster) -> Vec<(ArmId, Vec<Workers<'a>>)> {
    let mut list: Vec<Workers<'a>> = vec![Workers { id: cluster.azure.subnet_id.clone(), pools: Vec::new() }];
    for pool in facts.hosted.node_pools.get().into_iter().flatten() {
        let id = pool.subnet_id.as_ref().unwrap_or(&cluster.azure.subnet_id);
        match list.iter_mut().find(|workers| workers.id.key() == id.key()) {
            Some(workers) => workers.pools.push(pool),
            None => list.push(Workers { id: id.clone(), pools: vec![pool] }),
        }
    }
    let mut by_vnet: Vec<(ArmId, Vec<Workers<'a>>)> = Vec::new();
    for workers in list {
        let vnet = workers.id.parent().unwrap_or_else(|| workers.id.clone());
        match by_vnet.iter_mut().find(|(id, _)| id.key() == vnet.key()) {
            Some((_, list)) => list.push(workers),
            None => by_vnet.push((vnet, vec![workers])),
        }
    }
    by_vnet
}

fn networks(facts: &Facts, report: &Report, cluster: &HostedCluster, drawing: &mut Drawing) -> i32 {
    let (x, width) = VNET;
    let mut y = TOP;
    let mut out_y = TOP;
    for (vnet_id, list) in subnets(facts, cluster) {
        let vnet = facts.azure.network.vnets.get(&vnet_id.key()).and_then(Fact::get);
        let top = y;
        let mark = Mark::of(
            report,
            |row| row.check.group == Group::Network && !matches!(row.check.code, "NW02" | "NW03"),
            &[],
        );
        let mut lines = vec![(Type::Name, name(&vnet_id))];
        lines.extend(vnet.map(|vnet| (Type::Code, vnet.address_prefixes.join(", "))));
        let head = Node { x: x + 10, y: y + 10, width: width - 20, lines, mark: &mark };
        let mut inner = y + 10 + head.height() + GAP;
        let mut parts = Drawing::default();
        for workers in &list {
            let before = inner;
            inner = subnet(facts, report, vnet, workers, inner, &mut parts);
            out_y = way_out(facts, report, cluster, vnet, workers, (before, out_y), drawing);
        }
        drawing.frame(x, top, width, inner - top);
        drawing.node(&head);
        drawing.append(parts);
        if top == TOP {
            // Workers call the control plane: the API, ignition, konnectivity.
            let blocked = Mark::of(report, with_codes(&["NW02"]), &[]).tone;
            drawing.arrow((x, TOP + 84), (PLANE.0 + PLANE.1, TOP + 84), flow(blocked));
        }
        y = inner + GAP;
    }
    y.max(out_y)
}

/// How a flow is drawn whose rules have a tone.
fn flow(tone: Tone) -> Tone {
    if matches!(tone, Tone::Fail | Tone::Unknown | Tone::Accepted) { tone } else { Tone::Pass }
}

fn subnet(
    facts: &Facts,
    report: &Report,
    vnet: Option<&Vnet>,
    workers: &Workers<'_>,
    y: i32,
    drawing: &mut Drawing,
) -> i32 {
    let (x, width) = (VNET.0 + 10, VNET.1 - 20);
    let known = known(vnet, &workers.id);
    let prefixes = known.map(|subnet| subnet.address_prefixes.join(", ")).unwrap_or_default();
    let mut at = y + 34;
    let mut boxes = Drawing::default();
    boxes.text(x + 12, y + 22, width - 24, Type::Name, &format!("subnet {} {prefixes}", name(&workers.id)));
    let (x, width) = (x + 10, width - 20);
    if let Some(nsg) = known.and_then(|subnet| subnet.nsg_id.as_ref()) {
        let mark = Mark::of(report, with_codes(&["NW02"]), &[]);
        let lines = vec![(Type::Name, "network security group".to_owned()), (Type::Code, name(nsg))];
        let node = Node { x, y: at, width, lines, mark: &mark };
        boxes.node(&node);
        at += node.height() + 8;
    }
    for pool in workers.pools.iter().take(MAX_POOLS) {
        let keys = [Key::NodePool(pool.name.clone()), Key::NodePoolRelease(pool.name.clone())];
        let mark = Mark::of(report, in_group(&[Group::NodePools]), &keys);
        let wanted = match (pool.replicas, pool.auto_scaling) {
            (_, Some((min, max))) => format!("{min} to {max}"),
            (Some(replicas), None) => replicas.to_string(),
            (None, None) => "?".into(),
        };
        let ready = pool.ready_replicas.unwrap_or(0);
        let version = pool.version.as_deref().unwrap_or("version not known");
        let lines = vec![
            (Type::Name, format!("NodePool {}", pool.name)),
            (Type::More, format!("{ready} of {wanted} ready, {version}, {}", pool.vm_size)),
        ];
        let node = Node { x, y: at, width, lines, mark: &mark };
        boxes.node(&node);
        at += node.height() + 8;
    }
    if workers.pools.len() > MAX_POOLS {
        let more = format!("and {} more NodePools", workers.pools.len() - MAX_POOLS);
        boxes.text(x + 2, at + 12, width, Type::More, &more);
        at += 22;
    }
    if facts.hosted.node_pools.get().is_none() {
        boxes.text(x + 2, at + 12, width, Type::More, "NodePools were not seen");
        at += 22;
    }
    drawing.frame(x - 10, y, width + 20, at + 2 - y);
    drawing.append(boxes);
    at + 2 + GAP
}

fn known<'a>(vnet: Option<&'a Vnet>, id: &ArmId) -> Option<&'a Subnet> {
    vnet?.subnets.iter().find(|subnet| subnet.id.key() == id.key())
}

/// The way out of a subnet, beside it; gives where the next one may begin.
fn way_out(
    facts: &Facts,
    report: &Report,
    cluster: &HostedCluster,
    vnet: Option<&Vnet>,
    workers: &Workers<'_>,
    (beside, free): (i32, i32),
    drawing: &mut Drawing,
) -> i32 {
    let (x, width) = OUT;
    let y = beside.max(free);
    let mark = Mark::of(report, with_codes(&["NW03"]), &[]);
    let lines = way(facts, cluster, known(vnet, &workers.id));
    let node = Node { x, y, width, lines, mark: &mark };
    drawing.node(&node);
    let rules = Mark::of(report, with_codes(&["NW02"]), &[]).tone;
    drawing.arrow((VNET.0 + VNET.1 - 10, y + 30), (x, y + 30), flow(rules.min(mark.tone)));
    let end = y + node.height();
    let quiet = Mark::quiet("public");
    let internet =
        Node { x: x + 30, y: end + 30, width: width - 60, lines: vec![(Type::Name, "Internet".into())], mark: &quiet };
    drawing.down(x + width / 2, end, end + 29, flow(mark.tone));
    drawing.node(&internet);
    end + 30 + height(1) + GAP
}

/// What a subnet's way out is, in lines.
fn way(facts: &Facts, cluster: &HostedCluster, subnet: Option<&Subnet>) -> Vec<(Type, String)> {
    let network = &facts.azure.network;
    let addresses = |ids: &mut dyn Iterator<Item = &ArmId>| -> Vec<(Type, String)> {
        ids.filter_map(|id| network.public_ips.get(&id.key())?.get()?.ip_address.clone())
            .take(3)
            .map(|address| (Type::Code, address))
            .collect()
    };
    let titled = |title: &str, id: &ArmId| vec![(Type::Name, title.to_owned()), (Type::Code, name(id))];
    if let Some(id) = subnet.and_then(|subnet| subnet.route_table_id.as_ref())
        && let Some(table) = network.route_tables.get(&id.key()).and_then(Fact::get)
        && let Some(route) =
            table.routes.iter().find(|route| route.address_prefix == "0.0.0.0/0" && route.next_hop_type != "Internet")
    {
        let hop = route.next_hop_ip.as_ref().map(|ip| format!(" {ip}")).unwrap_or_default();
        let mut lines = titled("route table", id);
        lines.push((Type::More, format!("to {}{hop}", route.next_hop_type)));
        return lines;
    }
    if let Some(id) = subnet.and_then(|subnet| subnet.nat_gateway_id.as_ref()) {
        let mut lines = titled("NAT gateway", id);
        if let Some(gateway) = network.nat_gateways.get(&id.key()).and_then(Fact::get) {
            lines.extend(addresses(&mut gateway.public_ip_ids.iter()));
        }
        return lines;
    }
    let id = cluster.egress_load_balancer();
    match network.load_balancers.get(&id.key()) {
        Some(Fact::Known(balancer)) => {
            let mut lines = titled("load balancer", &id);
            lines.push((
                Type::More,
                match balancer.outbound_rules.first() {
                    Some(rule) => format!("outbound rule {}", rule.name),
                    None => "no outbound rule".into(),
                },
            ));
            lines.extend(addresses(
                &mut balancer.frontends.iter().filter_map(|frontend| frontend.public_ip_id.as_ref()),
            ));
            lines
        }
        Some(Fact::Absent) => vec![(Type::Name, "no way out".into()), (Type::More, "no load balancer, no NAT".into())],
        Some(Fact::Unreadable(_)) | None => vec![(Type::Name, "not seen".into())],
    }
}

fn name(id: &ArmId) -> String {
    id.name().unwrap_or(id.as_str()).to_owned()
}
