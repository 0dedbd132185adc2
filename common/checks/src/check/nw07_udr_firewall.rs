//! NW07: user-defined routes let workers reach the API server, and what stands in their way is named.

use std::collections::BTreeSet;
use std::net::IpAddr;

use facts::hosted::HostedCluster;
use facts::network::{Route, RouteTable};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::routes;
use crate::shell::command;
use crate::workers;

declare_check! {
    /// ## What it checks
    /// No route of the worker subnets drops what is for the API server, for the private endpoint, or for Entra, Azure
    /// Resource Manager and Storage by service tag. Where a route sends everything to an appliance or gateway, the names
    /// that it has to let through are listed; this is a warning while machines run that never became nodes. A route
    /// that drops everything is judged by NW03.
    ///
    /// ## Why it matters
    /// Workers whose traffic is dropped run and never join, and no condition names the route. A firewall in their way needs
    /// to know the names that OpenShift and Azure use. Such a route also breaks answers to visitors of a public load
    /// balancer, which leave through the firewall and not the way they came.
    ///
    /// ## How to fix
    /// Delete the route that drops, or give it another next hop; allow the listed names in the firewall.
    ///
    /// Source: OpenShift documentation "Configuring your firewall"; Azure documentation "Virtual network traffic routing",
    /// "Integrate Azure Firewall with Azure Standard Load Balancer".
    pub static UDR_FIREWALL = {
        code: "NW07",
        id: "udr-firewall",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, NodePools, Machines, Network, PrivateLink],
        caused_by: ["NW01"],
        judge: judge,
    };
}

/// Minutes in which a machine may become a node.
const JOINING: i64 = 20;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let (subnets, pools_gap) = workers::subnets(view)?;
    let mut gaps: Vec<(String, Gap)> =
        pools_gap.map(|gap| ("subnets of the NodePools".into(), gap)).into_iter().collect();
    let targets = targets(view, cluster);
    // Only a hint: a machine that is not seen to hang does not make a firewall wrong.
    let hanging = view.machines().ok().flatten().is_some_and(|machines| {
        machines.iter().any(|machine| {
            let old = machine.created_at.is_some_and(|then| view.minutes_since(then) >= JOINING);
            machine.deleted_at.is_none() && machine.node.is_none() && old
        })
    });
    let mut findings = Vec::new();
    let mut tables: BTreeSet<String> = BTreeSet::new();
    for worker in &subnets {
        let name = worker.id.name().unwrap_or(worker.id.as_str());
        let table =
            view.subnet(&worker.id).and_then(|subnet| match subnet.and_then(|own| own.route_table_id.as_ref()) {
                Some(id) => view.route_table(id),
                None => Ok(None),
            });
        match table {
            Ok(Some(table)) if tables.insert(table.id.key()) => {
                findings.extend(dropped(table, &targets));
                findings.extend(detour(cluster, table, hanging));
            }
            Ok(_) => {}
            Err(gap) => gaps.push((format!("subnet {name}"), gap)),
        }
    }
    findings.extend(Finding::unknowns(gaps));
    let findings = findings.into_iter().map(|finding| finding.touches(Key::Egress)).collect();
    let passed = match tables.len() {
        0 => "the worker subnets have no route table".to_owned(),
        count => format!("{count} route tables drop nothing that workers need"),
    };
    Ok(Judgement::new(passed, findings))
}

/// What workers have to reach and whose address, or service tag, is known.
enum Target {
    Address(String, IpAddr),
    Tags(&'static str, Vec<String>),
}

fn targets(view: &View<'_>, cluster: &HostedCluster) -> Vec<Target> {
    let mut targets = Vec::new();
    if cluster.has_private_endpoint() {
        // Before it exists nothing can lead around it.
        let services = view.private_link_services().ok().flatten().map_or(&[][..], Vec::as_slice);
        for service in services {
            if let Some(ip) = service.private_endpoint_ip.as_deref().and_then(|ip| ip.parse().ok()) {
                targets.push(Target::Address("the private endpoint".into(), ip));
            }
        }
    } else if let Some(endpoint) = &cluster.endpoint
        && let Ok(ip) = endpoint.host.parse()
    {
        targets.push(Target::Address("the API server".into(), ip));
    }
    let location = &cluster.azure.location;
    let own = |tag: &str| vec![tag.to_owned(), format!("{tag}.{location}")];
    if !cluster.has_proxy {
        targets.push(Target::Tags("Entra", own("AzureActiveDirectory")));
        targets.push(Target::Tags("Azure Resource Manager", own("AzureResourceManager")));
        targets.push(Target::Tags("Storage", own("Storage")));
        targets.push(Target::Tags("all of Azure", own("AzureCloud")));
    }
    targets
}

/// Routes without a next hop for what workers need.
fn dropped(table: &RouteTable, targets: &[Target]) -> Vec<Finding> {
    let everything = routes::for_everything(table);
    let mut by_route: Vec<(&Route, Vec<String>)> = Vec::new();
    for target in targets {
        let (label, route) = match target {
            Target::Address(label, address) => (format!("{label} {address}"), routes::for_address(table, *address)),
            Target::Tags(label, tags) => {
                let named = |route: &&Route| tags.iter().any(|tag| tag.eq_ignore_ascii_case(&route.address_prefix));
                ((*label).to_owned(), table.routes.iter().find(named))
            }
        };
        let Some(route) = route.filter(|route| route.next_hop_type.eq_ignore_ascii_case("None")) else { continue };
        // What drops everything is NW03's.
        if everything.iter().any(|own| std::ptr::eq(*own, route)) {
            continue;
        }
        match by_route.iter_mut().find(|(known, _)| std::ptr::eq(*known, route)) {
            Some((_, labels)) => labels.push(label),
            None => by_route.push((route, vec![label])),
        }
    }
    let name = table.id.name().unwrap_or(table.id.as_str());
    let finding = |(route, labels): (&Route, Vec<String>)| {
        Finding::fail(
            format!("route table {name}"),
            format!("route {} of route table {name} drops what is for {}", route.name, labels.join(", ")),
            "worker VMs start and never join, and no condition names the route",
        )
        .see("route", format!("{}: {} -> None", route.name, route.address_prefix))
        .fix(Fix::azure([command!(
            "az network route-table route delete --subscription {} -g {} --route-table-name {} -n {}",
            table.id.subscription().unwrap_or("SUBSCRIPTION"),
            table.id.resource_group().unwrap_or("RESOURCE_GROUP"),
            name,
            route.name
        )]))
    };
    by_route.into_iter().map(finding).collect()
}

/// The appliance or gateway that everything goes through.
fn detour(cluster: &HostedCluster, table: &RouteTable, hanging: bool) -> Option<Finding> {
    let routes = routes::for_everything(table);
    let first = routes.first().filter(|route| {
        ["VirtualAppliance", "VirtualNetworkGateway"].iter().any(|hop| route.next_hop_type.eq_ignore_ascii_case(hop))
    })?;
    let name = table.id.name().unwrap_or(table.id.as_str());
    let hop = first.next_hop_ip.as_ref().map_or_else(String::new, |ip| format!(" {ip}"));
    let what = format!(
        "route {} of route table {name} sends everything to {}{hop}",
        routes::names_of(&routes),
        first.next_hop_type
    );
    let subject = format!("route table {name}");
    let mut finding = if hanging {
        Finding::warn(
            subject,
            what,
            "machines run that never became nodes: what stands in their way may block one of these names",
        )
    } else {
        Finding::info(
            subject,
            what,
            "it has to let workers reach these names, and visitors of a public load balancer get no answers through it",
        )
    };
    for name in names(cluster) {
        finding = finding.see("allow", name);
    }
    Some(finding)
}

/// The names that workers use, with their ports.
fn names(cluster: &HostedCluster) -> Vec<String> {
    let host = |url: &str| url.trim_start_matches("https://").split('/').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = Vec::new();
    if !cluster.has_private_endpoint() {
        names.extend(cluster.endpoint.as_ref().map(|endpoint| format!("{}:{}", endpoint.host, endpoint.port)));
        names.extend(
            cluster.services.iter().filter_map(|service| service.hostname.as_ref()).map(|name| format!("{name}:443")),
        );
    }
    let (entra, arm, blob) = match cluster.azure.cloud.as_str() {
        "AzureUSGovernmentCloud" => {
            ("login.microsoftonline.us", "management.usgovcloudapi.net", "*.blob.core.usgovcloudapi.net")
        }
        "AzureChinaCloud" => ("login.chinacloudapi.cn", "management.chinacloudapi.cn", "*.blob.core.chinacloudapi.cn"),
        _ => ("login.microsoftonline.com", "management.azure.com", "*.blob.core.windows.net"),
    };
    names.extend([entra, arm, blob].map(|name| format!("{name}:443")));
    let registry = host(&cluster.release_image);
    let public = [
        "quay.io",
        "cdn.quay.io",
        "cdn01.quay.io",
        "cdn02.quay.io",
        "cdn03.quay.io",
        "registry.redhat.io",
        "registry.access.redhat.com",
        "sso.redhat.com",
    ];
    if registry == "quay.io" || registry == "registry.redhat.io" {
        names.extend(public.map(|name| format!("{name}:443")));
    } else if registry.contains('.') {
        names.push(if registry.contains(':') { registry } else { format!("{registry}:443") });
    }
    names
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &UDR_FIREWALL;

    fn add(facts: &mut Facts, wanted: &[(&str, &str)]) {
        let id = facts::ArmId::in_group(SUBSCRIPTION, "net", "Microsoft.Network/routeTables/hub");
        if let Some(Fact::Known(vnet)) = facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            vnet.subnets[0].route_table_id = Some(id.clone());
        }
        let route = |(prefix, hop): &(&str, &str)| Route {
            name: format!("to-{}", prefix.replace(['.', '/'], "-")),
            address_prefix: (*prefix).into(),
            next_hop_type: (*hop).into(),
            next_hop_ip: (*hop == "VirtualAppliance").then(|| "10.1.0.4".into()),
        };
        let table = RouteTable { id: id.clone(), routes: wanted.iter().map(route).collect() };
        facts.azure.network.route_tables.insert(id.key(), Fact::Known(table));
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a route drops what is for the API server", |facts| {
                add(facts, &[("20.81.0.0/16", "None")]);
                never_joined(facts);
            }),
            Fault::new("a route drops what is for the private endpoint", |facts| {
                add(facts, &[("10.0.0.9/32", "None")]);
                never_joined(facts);
            })
            .of(healthy_private),
            Fault::new("a route drops what is for Entra", |facts| {
                add(facts, &[("0.0.0.0/0", "Internet"), ("AzureActiveDirectory", "None")]);
            }),
        ]
    }

    #[test]
    fn no_table_and_harmless_routes_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &healthy_private());
        let mut facts = healthy();
        add(&mut facts, &[("192.168.0.0/16", "None"), ("20.0.0.0/8", "None"), ("20.81.0.0/16", "Internet")]);
        assert_passes(CHECK, &facts);
        // What drops everything is told by NW03.
        add(&mut facts, &[("0.0.0.0/0", "None")]);
        assert_passes(CHECK, &facts);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn the_longest_prefix_that_drops_fails() {
        let mut facts = healthy();
        add(&mut facts, &[("20.0.0.0/8", "Internet"), ("20.81.4.0/24", "None")]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            finding.what,
            "route to-20-81-4-0-24 of route table hub drops what is for the API server 20.81.4.17"
        );
        assert!(finding.fixes[0].commands[0].ends_with("--route-table-name hub -n to-20-81-4-0-24"));
    }

    #[test]
    fn a_service_tag_that_is_dropped_fails_unless_a_proxy_leads_there() {
        let mut facts = healthy();
        add(&mut facts, &[("Storage.eastus", "None")]);
        the_failure(CHECK, &facts);
        add(&mut facts, &[("Storage.westus", "None")]);
        assert_passes(CHECK, &facts);
        add(&mut facts, &[("AzureCloud", "None")]);
        cluster(&mut facts).has_proxy = true;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_appliance_is_told_with_the_names_to_allow() {
        let mut facts = healthy();
        add(&mut facts, &[("0.0.0.0/0", "VirtualAppliance")]);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Info);
        let names: Vec<&str> =
            finding.evidence.0.iter().filter(|(label, _)| label == "allow").map(|(_, name)| name.as_str()).collect();
        assert_eq!(names[..3], ["20.81.4.17:7443", "login.microsoftonline.com:443", "management.azure.com:443"]);
        never_joined(&mut facts);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        cluster(&mut facts).release_image = "mirror.example.com:5000/ocp/release:4.22.3".into();
        assert!(the_finding(CHECK, &facts).evidence.0.iter().any(|(_, name)| name == "mirror.example.com:5000"));
    }

    #[test]
    fn an_unreadable_table_is_unknown() {
        let mut facts = healthy();
        add(&mut facts, &[]);
        for fact in facts.azure.network.route_tables.values_mut() {
            *fact = Fact::Unreadable(denied("Microsoft.Network/routeTables/read"));
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
