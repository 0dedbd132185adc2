//! NW05: the networks of pods and services overlap with nothing that workers have to reach.

use facts::hosted::HostedCluster;
use facts::network::Vnet;
use ipnet::IpNet;

use crate::judgement::{BEING_DELETED, Level};
use crate::nsg;
use crate::prelude::*;
use crate::shell::command;
use crate::workers;

declare_check! {
    /// ## What it checks
    /// The cluster network (pods) and the service network overlap neither with one another nor with the machine network,
    /// the workers' subnets, other parts of their VNet, peered VNets, the networks that OVN-Kubernetes keeps for itself
    /// (100.64.0.0/16, 100.88.0.0/16, 169.254.0.0/17) and the address under which pods find the API server (172.20.0.1).
    /// The VNet of the management cluster may overlap: nothing routes between the two.
    ///
    /// ## Why it matters
    /// Workers send what is addressed to pods and services into the overlay network. An address of a worker or of the
    /// private endpoint in that range cannot be reached: nodes stay NotReady or never join. An overlap with another part of
    /// the VNet or with a peer hides only that part. OVN-Kubernetes and the address of the API server can be moved by
    /// settings that are not seen here, so that an overlap with them is a warning.
    ///
    /// ## How to fix
    /// These networks cannot be changed: make the cluster anew with `--cluster-cidr` and `--service-cidr` that are free.
    ///
    /// Source: openshift/hypershift hostedcluster_controller.go (validateSliceNetworkCIDRs,
    /// checkAdvertiseAddressOverlapping); OpenShift documentation "OVN-Kubernetes network plugin".
    pub static CIDR_OVERLAP = {
        code: "NW05",
        id: "cidr-overlap",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, NodePools, Network],
        caused_by: ["NW01"],
        judge: judge,
    };
}

/// What HyperShift uses where the HostedCluster names no networks.
const PODS: &str = "10.132.0.0/14";
const SERVICES: &str = "172.31.0.0/16";
/// What a cluster keeps for itself unless it is told otherwise.
const RESERVED: [(&str, &str); 4] = [
    ("100.64.0.0/16", "the join network of OVN-Kubernetes"),
    ("100.88.0.0/16", "the transit network of OVN-Kubernetes"),
    ("169.254.0.0/17", "the masquerade network of OVN-Kubernetes"),
    ("172.20.0.1/32", "the address under which pods find the API server"),
];

/// A network of the overlay.
struct Own {
    kind: &'static str,
    net: IpNet,
}

/// Something that must not lie in it.
struct Other {
    what: String,
    net: IpNet,
    level: Level,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let mut gaps: Vec<(String, Gap)> = Vec::new();
    let pods = parsed("pod network", &cluster.networking.cluster, PODS, &mut gaps);
    let services = parsed("service network", &cluster.networking.service, SERVICES, &mut gaps);
    let machines = parsed("machine network", &cluster.networking.machine, "", &mut gaps);
    let mut others: Vec<Other> = machines
        .iter()
        .map(|own| Other { what: "the machine network".into(), net: own.net, level: Level::Fail })
        .collect();
    others.extend(around(view, &mut gaps)?);
    let reserved: Vec<Other> = RESERVED
        .iter()
        .filter_map(|(net, what)| Some(Other { what: (*what).to_owned(), net: net.parse().ok()?, level: Level::Warn }))
        .collect();
    let mut findings = Vec::new();
    for own in pods.iter().chain(&services) {
        let inner = services.iter().filter(|_| own.kind == "pod network");
        let inner = inner.map(|other| Other { what: "the service network".into(), net: other.net, level: Level::Fail });
        let inner: Vec<Other> = inner.collect();
        let hits: Vec<&Other> =
            inner.iter().chain(&others).chain(&reserved).filter(|other| overlap(own.net, other.net)).collect();
        if !hits.is_empty() {
            findings.push(finding(cluster, &format!("{} {}", own.kind, own.net), &hits, &others));
        }
    }
    // Workers in what OVN-Kubernetes takes for its own.
    for worker in others.iter().filter(|other| other.level == Level::Fail && other.what.starts_with("subnet")) {
        let hits: Vec<&Other> = reserved.iter().filter(|other| overlap(worker.net, other.net)).collect();
        if !hits.is_empty() {
            findings.push(finding(cluster, &format!("{} {}", worker.what, worker.net), &hits, &others));
        }
    }
    findings.extend(Finding::unknowns(gaps));
    let list = |own: &[Own]| own.iter().map(|own| own.net.to_string()).collect::<Vec<_>>().join(", ");
    Ok(Judgement::new(
        format!(
            "pods ({}) and services ({}) overlap with none of {} networks",
            list(&pods),
            list(&services),
            others.len() + reserved.len()
        ),
        findings,
    ))
}

fn parsed(kind: &'static str, given: &[String], default: &str, gaps: &mut Vec<(String, Gap)>) -> Vec<Own> {
    let texts: Vec<&str> = if given.is_empty() { vec![default] } else { given.iter().map(String::as_str).collect() };
    let mut own = Vec::new();
    for text in texts.into_iter().filter(|text| !text.is_empty()) {
        match nsg::parse(text) {
            Some(net) => own.push(Own { kind, net }),
            None => {
                gaps.push((kind.to_owned(), Gap::new(GapKind::Failed, format!("'{text}' is no network in CIDR form"))))
            }
        }
    }
    own
}

/// What lies around the workers: their subnets, the rest of their VNets, and peers.
fn around(view: &View<'_>, gaps: &mut Vec<(String, Gap)>) -> Result<Vec<Other>, Gap> {
    let (subnets, pools_gap) = workers::subnets(view)?;
    gaps.extend(pools_gap.map(|gap| ("subnets of the NodePools".to_owned(), gap)));
    let mut others = Vec::new();
    let nets = |prefixes: &[String]| prefixes.iter().filter_map(|prefix| nsg::parse(prefix)).collect::<Vec<_>>();
    let mut seen: Vec<&Vnet> = Vec::new();
    for worker in &subnets {
        let name = worker.id.name().unwrap_or(worker.id.as_str());
        let vnet = match worker.id.parent().map_or(Ok(None), |vnet| view.vnet(&vnet)) {
            Ok(Some(vnet)) => vnet,
            // A VNet that does not exist is NW01's matter, or is made with the cluster.
            Ok(None) => continue,
            Err(gap) => {
                gaps.push((format!("subnet {name}"), gap));
                continue;
            }
        };
        let own = vnet.subnets.iter().find(|subnet| subnet.id == worker.id);
        let own = own.map(|subnet| nets(&subnet.address_prefixes)).unwrap_or_default();
        others.extend(own.into_iter().map(|net| Other {
            what: format!("subnet {name} of the workers"),
            net,
            level: Level::Fail,
        }));
        if !seen.iter().any(|known| known.id == vnet.id) {
            seen.push(vnet);
        }
    }
    for vnet in seen {
        let name = vnet.id.name().unwrap_or(vnet.id.as_str());
        let rest = nets(&vnet.address_prefixes);
        others.extend(rest.into_iter().map(|net| Other { what: format!("VNet {name}"), net, level: Level::Warn }));
        match vnet.peerings.known("the list of peerings") {
            Ok(peerings) => {
                for peering in peerings.iter().filter(|peering| peering.state.as_deref() != Some("Disconnected")) {
                    let peer = peering.remote_id.as_ref().and_then(|id| id.name()).unwrap_or(&peering.name);
                    let nets = nets(&peering.remote_prefixes).into_iter();
                    others.extend(nets.map(|net| Other {
                        what: format!("peered VNet {peer}"),
                        net,
                        level: Level::Warn,
                    }));
                }
            }
            Err(gap) => gaps.push((format!("peerings of VNet {name}"), gap)),
        }
    }
    Ok(others)
}

fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other) || other.contains(&one)
}

fn finding(cluster: &HostedCluster, subject: &str, hits: &[&Other], taken: &[Other]) -> Finding {
    let worst = hits.iter().map(|hit| hit.level).min().unwrap_or(Level::Warn);
    // A worker's subnet says it all: that its VNet overlaps as well adds nothing.
    let shown: Vec<&&Other> = hits.iter().filter(|hit| hit.level == worst).collect();
    let first = shown.first().map_or_else(String::new, |hit| format!("{} ({})", hit.what, hit.net));
    let more = if shown.len() > 1 { format!(" and {} more", shown.len() - 1) } else { String::new() };
    let what = format!("{subject} overlaps with {first}{more}");
    let mut finding = if worst == Level::Fail {
        Finding::fail(
            subject,
            what,
            "workers take addresses in it for pods or services: they do not reach one another or the API server, and nodes stay NotReady or never join",
        )
        .touches(Key::Egress)
    } else {
        Finding::warn(
            subject,
            what,
            "workers and pods do not reach that part, unless the cluster was told to use other addresses",
        )
    };
    for hit in hits {
        finding = finding.see("overlap", format!("{}: {}", hit.what, hit.net));
    }
    let pods = free(&["10.132.0.0/14", "10.136.0.0/14", "10.140.0.0/14", "10.64.0.0/14", "172.24.0.0/14"], taken);
    let services = free(&["172.31.0.0/16", "172.30.0.0/16", "172.29.0.0/16", "10.255.0.0/16", "10.254.0.0/16"], taken);
    finding.fix(
        Fix::hypershift([command!(
            "oc hcp-azure create cluster {} -n {} --cluster-cidr {pods} --service-cidr {services}",
            cluster.name,
            cluster.namespace;
            pods, services
        )])
        .note("networks cannot be changed: with the other flags of the first time, the cluster is made anew"),
    )
}

/// The first of the candidates that nothing known lies in.
fn free(candidates: &[&str], taken: &[Other]) -> String {
    let is_free = |net: IpNet| !taken.iter().any(|other| overlap(net, other.net));
    let found = candidates.iter().find(|text| text.parse().is_ok_and(is_free));
    found.map_or_else(|| "FREE_NETWORK".to_owned(), |text| (*text).to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::panic)]
    use facts::network::Peering;
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &CIDR_OVERLAP;

    fn vnet(facts: &mut Facts) -> &mut Vnet {
        match facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            Some(Fact::Known(vnet)) => vnet,
            other => panic!("{other:?}"),
        }
    }

    fn pods(facts: &mut Facts, nets: &[&str]) {
        cluster(facts).networking.cluster = nets.iter().map(|&net| net.into()).collect();
    }

    fn peer(facts: &mut Facts, prefix: &str, state: &str) {
        vnet(facts).peerings = Fact::Known(vec![Peering {
            name: "to-hub".into(),
            remote_id: Some("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/hub".into()),
            remote_prefixes: vec![prefix.into()],
            state: Some(state.into()),
        }]);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the pod network holds the workers, which never join", |facts| {
                pods(facts, &["10.0.0.0/14"]);
                never_joined(facts);
            }),
            Fault::new("the pod network holds the service network", |facts| pods(facts, &["172.16.0.0/12"])),
            Fault::new("a peered VNet lies in the pod network", |facts| peer(facts, "10.133.0.0/16", "Connected")),
        ]
    }

    #[test]
    fn separate_networks_pass() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        cluster(&mut facts).networking = facts::hosted::Networking::default();
        peer(&mut facts, "10.1.0.0/16", "Connected");
        assert_passes(CHECK, &facts);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn workers_in_the_pod_network_fail_and_the_rest_of_the_vnet_warns() {
        let mut facts = healthy();
        pods(&mut facts, &["10.0.0.0/14"]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.what, "pod network 10.0.0.0/14 overlaps with subnet default of the workers (10.0.0.0/24)");
        assert!(finding.fixes[0].commands[0].contains("--cluster-cidr 10.132.0.0/14 --service-cidr 172.31.0.0/16"));
        pods(&mut facts, &["10.0.128.0/17"]);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn the_fix_names_networks_that_are_free() {
        let mut facts = healthy();
        vnet(&mut facts).address_prefixes.push("10.128.0.0/12".into());
        vnet(&mut facts).address_prefixes.push("172.16.0.0/12".into());
        let commands = findings(CHECK, &facts)[0].fixes[0].commands.clone();
        assert!(commands[0].contains("--cluster-cidr 10.64.0.0/14 --service-cidr 10.255.0.0/16"), "{commands:?}");
    }

    #[test]
    fn what_the_cluster_keeps_for_itself_warns() {
        for nets in [&["100.64.0.0/14"][..], &["172.20.0.0/16"]] {
            let mut facts = healthy();
            pods(&mut facts, nets);
            assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        }
        let mut facts = healthy();
        vnet(&mut facts).subnets[0].address_prefixes = vec!["100.88.1.0/24".into()];
        assert!(the_finding(CHECK, &facts).what.contains("transit network of OVN-Kubernetes"));
    }

    #[test]
    fn peers_and_machine_networks_count() {
        let mut facts = healthy();
        peer(&mut facts, "172.31.4.0/24", "Connected");
        assert!(the_finding(CHECK, &facts).what.ends_with("peered VNet hub (172.31.4.0/24)"));
        peer(&mut facts, "172.31.4.0/24", "Disconnected");
        assert_passes(CHECK, &facts);
        cluster(&mut facts).networking.machine = vec!["10.132.0.0/16".into()];
        assert!(the_failure(CHECK, &facts).what.contains("the machine network"));
    }

    #[test]
    fn what_could_not_be_read_is_unknown_and_hides_nothing() {
        let mut facts = healthy();
        facts
            .azure
            .network
            .vnets
            .insert(vnet_id().key(), Fact::Unreadable(denied("Microsoft.Network/virtualNetworks/read")));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        pods(&mut facts, &["172.16.0.0/12"]);
        let levels: Vec<Level> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
        let mut facts = healthy();
        vnet(&mut facts).peerings = Fact::default();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
        pods(&mut facts, &["ten"]);
        assert_eq!(findings(CHECK, &facts).len(), 2);
    }
}
