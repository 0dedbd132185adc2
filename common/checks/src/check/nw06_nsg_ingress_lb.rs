//! NW06: no network security group keeps the load balancer's probes and visitors from the default ingress.

use std::collections::{BTreeMap, BTreeSet};

use facts::network::{Access, BalancingRule, Direction, LoadBalancer, Nsg, NsgRule, Subnet, Vnet};

use crate::judgement::BEING_DELETED;
use crate::nsg::{self, Context, Flow, Outcome, Peer, Protocol};
use crate::prelude::*;
use crate::shell::{Quoted, command};
use crate::workers;

declare_check! {
    /// ## What it checks
    /// For each rule of the workers' load balancer (the default ingress, and Services of type LoadBalancer), the network
    /// security groups of the worker subnets let Azure's health probe reach the workers, and the Internet reach the
    /// frontend. With floating IP, which the cloud provider uses, the address of the frontend is the destination that rules
    /// see. The probe of the load balancer that `create infra` makes (port 30595) has no effect and is not judged.
    ///
    /// ## Why it matters
    /// A load balancer whose probe is blocked holds every worker for dead and forwards nothing: routes of the cluster
    /// (console, OAuth, applications) time out, and the cluster operators ingress, console and authentication degrade. Where
    /// only the Internet is blocked that may be meant, and is a warning; rules that let some addresses in are not told.
    ///
    /// ## How to fix
    /// Allow the probes, from service tag AzureLoadBalancer, and the visitors.
    ///
    /// Source: Azure documentation "Load Balancer health probes"; cloud-provider-azure, floating IP and security rules.
    pub static NSG_INGRESS_LB = {
        code: "NW06",
        id: "nsg-ingress-lb",
        group: Network,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, NodePools, Network],
        caused_by: ["NW01"],
        judge: judge,
    };
}

/// The flows that one rule of a group blocks: the key is the group, the rule's place in it, and whether they are probes.
type Blocked<'a> = BTreeMap<(String, usize, bool), (&'a Nsg, Option<&'a NsgRule>, BTreeSet<String>, BTreeSet<u16>)>;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let Some(balancer) = view.load_balancer(&cluster.egress_load_balancer())? else {
        return Ok(Judgement::NotApplicable("there is no load balancer for workers, see HAZ-NW08".into()));
    };
    let rules = balancer.balancing_rules.known("the list of rules")?;
    let (subnets, pools_gap) = workers::subnets(view)?;
    if rules.is_empty() {
        return Ok(Judgement::NotApplicable("nothing is published through the workers' load balancer".into()));
    }
    let mut gaps: Vec<(String, Gap)> =
        pools_gap.map(|gap| ("subnets of the NodePools".into(), gap)).into_iter().collect();
    let mut blocked = Blocked::new();
    for worker in &subnets {
        let subject = format!("subnet {}", worker.id.name().unwrap_or(worker.id.as_str()));
        let vnet = match worker.id.parent().map_or(Ok(None), |vnet| view.vnet(&vnet)) {
            Ok(vnet) => vnet,
            Err(gap) => {
                gaps.push((subject, gap));
                continue;
            }
        };
        // A subnet that does not exist is NW01's matter, and one without a group blocks nothing.
        let found = vnet.and_then(|vnet| Some((vnet, vnet.subnets.iter().find(|own| own.id == worker.id)?)));
        let Some((vnet, subnet)) = found else { continue };
        let Some(group) = &subnet.nsg_id else { continue };
        match view.nsg(group) {
            Ok(Some(nsg)) => {
                for rule in rules {
                    gaps.extend(
                        walk(view, balancer, rule, (vnet, subnet, nsg), &mut blocked)
                            .err()
                            .map(|gap| (subject.clone(), gap)),
                    );
                }
            }
            Ok(None) => gaps
                .push((subject, Gap::new(GapKind::Blocked, format!("network security group {group} does not exist")))),
            Err(gap) => gaps.push((subject, gap)),
        }
    }
    let mut findings: Vec<Finding> = blocked
        .into_iter()
        .map(|((_, _, probe), (nsg, rule, flows, ports))| finding(nsg, rule, probe, &flows, &ports))
        .collect();
    findings.extend(Finding::unknowns(gaps).into_iter().map(|finding| finding.touches(Key::Ingress)));
    Ok(Judgement::new(
        format!("probes and visitors of {} load balancer rules reach the workers", rules.len()),
        findings,
    ))
}

fn walk<'a>(
    view: &View<'_>,
    balancer: &LoadBalancer,
    rule: &BalancingRule,
    (vnet, subnet, nsg): (&Vnet, &Subnet, &'a Nsg),
    blocked: &mut Blocked<'a>,
) -> Result<(), Gap> {
    let context = Context::of_vnet(vnet.address_prefixes.iter().filter_map(|prefix| nsg::parse(prefix)));
    let protocol = if rule.protocol.eq_ignore_ascii_case("Udp") { Protocol::Udp } else { Protocol::Tcp };
    let mut note = |flow: &Flow, label: String, probe: bool| {
        if let Outcome::Decision { rule, access: Access::Deny } =
            nsg::evaluate(&nsg.rules, Direction::Inbound, flow, &context)
        {
            let at = rule.and_then(|rule| nsg.rules.iter().position(|own| std::ptr::eq(own, rule)));
            let key = (nsg.id.key(), at.unwrap_or(usize::MAX), probe);
            let entry = blocked.entry(key).or_insert_with(|| (nsg, rule, BTreeSet::new(), BTreeSet::new()));
            entry.2.insert(label);
            entry.3.insert(flow.port);
        }
    };
    let frontend = balancer.frontends.iter().find(|own| Some(&own.name) == rule.frontend.as_ref());
    // The address of a public IP; without one nobody comes from the Internet.
    let address = match frontend.and_then(|own| own.public_ip_id.as_ref()) {
        Some(id) => view.public_ip(id)?.and_then(|ip| ip.ip_address.as_deref()?.parse().ok()),
        None => None,
    };
    let visitors = || Peer::service(["Internet"]);
    if let (true, Some(address)) = (rule.floating_ip, address) {
        let flow = Flow { protocol, source: visitors(), destination: Peer::address(address), port: rule.frontend_port };
        note(&flow, format!("Internet -> {address}:{}", rule.frontend_port), false);
    }
    for prefix in subnet.address_prefixes.iter().filter_map(|prefix| nsg::parse(prefix)) {
        for worker in nsg::representatives(&nsg.rules, prefix) {
            if let Some(probe) = &rule.probe {
                // Probes come from Azure's own address in the VNet, which counts to both tags.
                let source = Peer { asgs: Some(Vec::new()), ..Peer::service(["AzureLoadBalancer", "VirtualNetwork"]) };
                let flow =
                    Flow { protocol: Protocol::Tcp, source, destination: Peer::address(worker), port: probe.port };
                note(
                    &flow,
                    format!("AzureLoadBalancer -> workers {prefix}:{} (probe {})", probe.port, probe.name),
                    true,
                );
            }
            if !rule.floating_ip && address.is_some() {
                let flow =
                    Flow { protocol, source: visitors(), destination: Peer::address(worker), port: rule.backend_port };
                note(&flow, format!("Internet -> workers {prefix}:{}", rule.backend_port), false);
            }
        }
    }
    Ok(())
}

fn finding(nsg: &Nsg, rule: Option<&NsgRule>, probe: bool, flows: &BTreeSet<String>, ports: &BTreeSet<u16>) -> Finding {
    let group = nsg.id.name().unwrap_or(nsg.id.as_str());
    let decided = rule.map_or_else(
        || "the lack of an allow rule".to_owned(),
        |rule| format!("rule {} ({})", rule.name, rule.priority),
    );
    let subject = format!("network security group {group}");
    let mut finding = if probe {
        Finding::fail(
            subject,
            format!("{decided} of {group} blocks the health probe of the workers' load balancer"),
            "the load balancer holds every worker for dead: routes of the cluster time out, and the cluster operators ingress, console and authentication degrade",
        )
    } else {
        Finding::warn(
            subject,
            format!("{decided} of {group} keeps the Internet from the workers' load balancer"),
            "routes and Services of the cluster cannot be reached from outside, which may be meant",
        )
    };
    for flow in flows {
        finding = finding.see("flow", flow.as_str());
    }
    let used: BTreeSet<i32> =
        nsg.rules.iter().filter(|own| own.direction == Direction::Inbound).map(|own| own.priority).collect();
    let below = rule.map_or(4097, |rule| rule.priority.min(4097));
    let free = (100..below).rev().find(|priority| !used.contains(priority)).unwrap_or(100);
    let (name, source) = if probe { ("probes", "AzureLoadBalancer") } else { ("ingress", "Internet") };
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    finding
        .fix(Fix::azure([command!(
            "az network nsg rule create --subscription {} -g {} --nsg-name {} -n allow-hcp-in-{name} --priority {free} --direction Inbound --access Allow --protocol {} --source-address-prefixes {source} --source-port-ranges '*' --destination-address-prefixes '*' --destination-port-ranges {}",
            nsg.id.subscription().unwrap_or("SUBSCRIPTION"),
            nsg.id.resource_group().unwrap_or("RESOURCE_GROUP"),
            group,
            if probe { "Tcp" } else { "*" },
            Quoted::words(&ports);
            name, free, source
        )]))
        .touches(Key::Ingress)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &NSG_INGRESS_LB;

    fn group(facts: &mut Facts) -> &mut Nsg {
        match facts.azure.network.nsgs.get_mut(&nsg_id().key()) {
            Some(Fact::Known(nsg)) => nsg,
            other => panic!("{other:?}"),
        }
    }

    fn balancer(facts: &mut Facts) -> &mut LoadBalancer {
        match facts.azure.network.load_balancers.values_mut().next() {
            Some(Fact::Known(balancer)) => balancer,
            other => panic!("{other:?}"),
        }
    }

    fn deny(facts: &mut Facts, from: &str, to: &str) {
        let rule = rule("deny-in", 200, Direction::Inbound, Access::Deny, from, to);
        group(facts).rules.push(rule);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("an NSG blocks the load balancer's probe", |facts| {
            deny(facts, "AzureLoadBalancer", "*");
            for changed in &mut cluster(facts).conditions {
                if matches!(changed.kind.as_str(), "ClusterVersionSucceeding" | "ClusterVersionAvailable") {
                    changed.status = "False".into();
                }
            }
        })]
    }

    #[test]
    fn azures_defaults_and_the_providers_rules_pass() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        balancer(&mut facts).balancing_rules = Fact::Known(Vec::new());
        assert_not_applicable(CHECK, &facts);
        for fact in facts.azure.network.load_balancers.values_mut() {
            *fact = Fact::Absent;
        }
        assert_not_applicable(CHECK, &facts);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn a_blocked_probe_fails_with_the_rule_that_opens_it() {
        let mut facts = healthy();
        deny(&mut facts, "AzureLoadBalancer", "*");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            finding.what,
            "rule deny-in (200) of prod-prod-x7k2p-nsg blocks the health probe of the workers' load balancer"
        );
        let command = &finding.fixes[0].commands[0];
        assert!(
            command.contains("--priority 199 ") && command.ends_with("--destination-port-ranges 10256"),
            "{command}"
        );
        // Both kinds of flow.
        deny(&mut facts, "*", "*");
        let levels: Vec<Level> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Warn]);
    }

    #[test]
    fn a_blocked_frontend_warns_and_a_restricted_one_is_meant() {
        let mut facts = healthy();
        group(&mut facts).rules[0].source_prefixes = vec!["203.0.113.0/24".into()];
        assert_passes(CHECK, &facts);
        group(&mut facts).rules.remove(0);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        assert_eq!(finding.evidence.get("flow"), Some("Internet -> 20.1.2.3:443"));
    }

    #[test]
    fn without_floating_ip_the_workers_are_the_destination() {
        let mut facts = healthy();
        if let Fact::Known(rules) = &mut balancer(&mut facts).balancing_rules {
            for rule in rules {
                rule.floating_ip = false;
                rule.backend_port = 31080;
            }
        }
        assert!(
            the_finding(CHECK, &facts)
                .evidence
                .get("flow")
                .is_some_and(|flow| flow.ends_with("workers 10.0.0.0/24:31080"))
        );
    }

    #[test]
    fn gaps() {
        let mut facts = healthy();
        balancer(&mut facts).balancing_rules = Fact::default();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
        let mut facts = healthy();
        facts
            .azure
            .network
            .nsgs
            .insert(nsg_id().key(), Fact::Unreadable(denied("Microsoft.Network/networkSecurityGroups/read")));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.azure.network.nsgs.insert(nsg_id().key(), Fact::Absent);
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }
}
