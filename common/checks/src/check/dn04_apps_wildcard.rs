//! DN04: the wildcard record of the applications leads to the cluster's own load balancer.

use std::collections::BTreeSet;
use std::net::IpAddr;

use facts::dns::{RecordSet, Zone};
use facts::hosted::HostedCluster;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The public zone of the base domain holds the record `*.apps` of the cluster, and it leads to an address that the
    /// load balancer of the cluster has.
    ///
    /// The record counts once a node is ready: before that no router runs. A router behind an internal load balancer is
    /// beyond what this check can read, and it says so. A private cluster's applications are not judged here.
    ///
    /// ## Why it matters
    /// The console, the login page and every route are below this name. Cluster operators that look at their own routes
    /// do not become available, so that the installation never ends.
    ///
    /// ## How to fix
    /// The ingress operator writes the record: look at its DNSRecords, and at the role of the identity `ingress`.
    ///
    /// Source: openshift/cluster-ingress-operator pkg/operator/controller/dns; openshift/hypershift #9171.
    pub static APPS_WILDCARD = {
        code: "DN04",
        id: "apps-wildcard",
        group: Dns,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, NodePools, DnsZones, Network],
        caused_by: ["DN01", "FC01", "FC02", "FC03", "FC05", "ID01", "RA01", "NW03", "CR01"],
        judge: judge,
    };
}

/// Minutes from the creation of a cluster whose version is not complete yet in which the record may come.
const GRACE: i64 = 60;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if cluster.azure.topology.as_deref() == Some("Private") {
        return Ok(Judgement::NotApplicable("the cluster is private: its applications have no public names".into()));
    }
    if cluster.disabled_capabilities.iter().any(|name| name == "Ingress") {
        return Ok(Judgement::NotApplicable("the cluster has no ingress".into()));
    }
    if view.node_pools()?.iter().all(|pool| pool.ready_replicas.unwrap_or(0) < 1) {
        return Ok(Judgement::NotApplicable("no node is ready: no router runs".into()));
    }
    let base = cluster.dns.base_domain.trim_end_matches('.').to_ascii_lowercase();
    let name = format!("*.apps.{}.{base}", cluster.name.to_ascii_lowercase());
    let zone = zone_of(cluster, view.dns_zones()?, &base)?;
    let records = zone.records.known(&format!("the records of {}", zone.name))?;
    let record = records.iter().find(|record| record.name == name && matches!(record.kind.as_str(), "A" | "CNAME"));
    let own = addresses(view, cluster);
    let Some(record) = record else {
        let complete = cluster.condition("ClusterVersionAvailable").is_some_and(facts::hosted::Condition::is_true);
        let young = !complete && cluster.created_at.is_some_and(|then| view.minutes_since(then) < GRACE);
        return Ok(Judgement::new(String::new(), vec![missing(view, zone, &name, young)]));
    };
    let found: Vec<IpAddr> = record.values.iter().filter_map(|value| value.parse().ok()).collect();
    let is_internal = |address: &IpAddr| match address {
        IpAddr::V4(address) => address.is_private() || address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64,
        IpAddr::V6(address) => address.is_unique_local(),
    };
    if found.is_empty() || found.iter().all(is_internal) {
        let why =
            format!("{name} leads to {}, which only the cluster's own router can confirm", record.values.join(", "));
        return Err(Gap::new(GapKind::Blocked, why));
    }
    let own = own?;
    if found.iter().any(|address| own.contains(&address.to_string())) {
        return Ok(Judgement::new(format!("{name} leads to the load balancer of the cluster"), Vec::new()));
    }
    Ok(Judgement::new(String::new(), vec![stale(view, &name, record, &own)]))
}

fn zone_of<'a>(cluster: &HostedCluster, zones: &'a [Zone], base: &str) -> Result<&'a Zone, Gap> {
    let mut own = zones.iter().filter(|zone| zone.name == base);
    let found = match &cluster.dns.public_zone_id {
        Some(id) => own.find(|zone| zone.id == *id),
        None => own.next(),
    };
    found.ok_or_else(|| Gap::new(GapKind::Blocked, format!("there is no public zone {base} to look into")))
}

/// The public addresses of the load balancer that the cloud controller manager works on: the one with the infra id's name.
fn addresses(view: &View<'_>, cluster: &HostedCluster) -> Result<BTreeSet<String>, Gap> {
    let id = cluster.egress_load_balancer();
    let Some(balancer) = view.load_balancer(&id)? else {
        return Err(Gap::new(GapKind::Blocked, format!("load balancer {id} does not exist")));
    };
    let mut addresses = BTreeSet::new();
    for ip in balancer.frontends.iter().filter_map(|frontend| frontend.public_ip_id.as_ref()) {
        addresses.extend(view.public_ip(ip)?.and_then(|ip| ip.ip_address.clone()));
    }
    Ok(addresses)
}

fn missing(view: &View<'_>, zone: &Zone, name: &str, young: bool) -> Finding {
    let what = format!("the zone {} has no record {name}", zone.name);
    let why = "the console, the login page and all routes have no address: the cluster never becomes available";
    let subject = format!("record {name}");
    let finding =
        if young { Finding::warn(subject, format!("{what} yet"), why) } else { Finding::fail(subject, what, why) };
    touching(finding.see("zone", zone.id.as_str()).fix(look(view)))
}

fn stale(view: &View<'_>, name: &str, record: &RecordSet, own: &BTreeSet<String>) -> Finding {
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    touching(
        Finding::fail(
            format!("record {name}"),
            format!("{name} leads to an address that the cluster's load balancer does not have"),
            "requests to the console, the login page and all routes end elsewhere",
        )
        .compare(own.join(", "), record.values.join(", "))
        .fix(look(view)),
    )
}

fn touching(finding: Finding) -> Finding {
    finding.touches(Key::Identity("ingress".into())).touches(Key::Workload("ingress-operator".into()))
}

fn look(view: &View<'_>) -> Fix {
    let target = view.target();
    let (namespace, name) = (&target.namespace, &target.name);
    let plane = target.control_plane_namespace();
    Fix::hypershift([
        command!("oc hcp-azure create kubeconfig {name} -n {namespace} > {name}.kubeconfig"; name, namespace),
        command!("oc --kubeconfig {name}.kubeconfig -n openshift-ingress-operator get dnsrecords -o yaml"; name),
        command!("oc -n {plane} logs deployment/ingress-operator --tail 100"; plane),
    ])
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &APPS_WILDCARD;

    fn records(facts: &mut Facts) -> &mut Vec<RecordSet> {
        match &mut zone(facts, "hcp.example.com").records {
            Fact::Known(records) => records,
            other => panic!("{other:?}"),
        }
    }

    fn never_available(facts: &mut Facts) {
        for condition in &mut cluster(facts).conditions {
            if matches!(condition.kind.as_str(), "ClusterVersionSucceeding" | "ClusterVersionAvailable") {
                condition.status = "False".into();
                condition.message = "Cluster operators console, ingress are not available".into();
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the applications have no record", |facts| {
                records(facts).clear();
                never_available(facts);
            }),
            Fault::new("the applications' record leads to an old address", |facts| {
                records(facts)[0].values = vec!["20.9.9.9".into()];
                never_available(facts);
            }),
        ]
    }

    #[test]
    fn a_record_that_leads_to_the_cluster_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &healthy_named());
    }

    #[test]
    fn clusters_without_public_applications() {
        assert_not_applicable(CHECK, &healthy_private());
        let mut facts = healthy();
        let Fact::Known(pools) = &mut facts.hosted.node_pools else { panic!() };
        pools[0].ready_replicas = Some(0);
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn no_record() {
        let mut facts = healthy();
        records(&mut facts).clear();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "record *.apps.prod.hcp.example.com");
        cluster(&mut facts).created_at = Some(minutes_ago(30));
        the_failure(CHECK, &facts);
        never_available(&mut facts);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn another_address() {
        let mut facts = healthy();
        records(&mut facts)[0].values = vec!["20.9.9.9".into()];
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("found"), Some("20.9.9.9"));
        assert!(finding.evidence.get("want").unwrap().contains(APPS));
    }

    #[test]
    fn what_cannot_be_confirmed_is_unknown() {
        let mut facts = healthy();
        records(&mut facts)[0].values = vec!["10.0.0.7".into()];
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        let mut facts = healthy();
        for balancer in facts.azure.network.load_balancers.values_mut() {
            *balancer = Fact::Unreadable(denied("Microsoft.Network/loadBalancers/read"));
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        let mut facts = healthy();
        facts.names.zones = Fact::Known(Vec::new());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }
}
