//! DN03: no private zone hides names that the cluster's nodes need.

use std::collections::BTreeMap;

use facts::dns::{PrivateZone, RecordSet, VnetLink};
use facts::hosted::HostedCluster;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The domain of the published names is not the cluster's own domain and does not enclose it, where a private zone of
    /// it is made; and no private zone that is linked to the cluster's virtual network encloses a published name without
    /// holding it.
    ///
    /// ## Why it matters
    /// Inside of a virtual network a linked private zone is asked instead of the public one, and what it does not hold does
    /// not exist there. Nodes then do not find the API server, ignition or the login, though everybody outside does.
    ///
    /// ## How to fix
    /// Choose another domain for the names; remove the link of the zone that hides them, or let the link fall back to the
    /// Internet.
    ///
    /// Source: openshift/hypershift cmd/cluster/azure/create.go, #8480 and #8585;
    /// <https://learn.microsoft.com/azure/dns/private-dns-fallback>.
    pub static PRIVATE_ZONE_SHADOW = {
        code: "DN03",
        id: "private-zone-shadow",
        group: Dns,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, DnsZones],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let mut names: Vec<String> =
        cluster.services.iter().filter_map(|service| service.hostname.as_deref()).map(plain).collect();
    names.sort();
    names.dedup();
    let mut findings = Vec::new();
    findings.extend(enclosing_domain(cluster, &names));
    match view.private_dns_zones() {
        Ok(zones) => hidden(cluster, zones, &names, &mut findings),
        Err(gap) => findings.push(Finding::unknown("private DNS zones", gap)),
    }
    Ok(Judgement::new(format!("no private zone hides the {} published names", names.len()), findings))
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn encloses(zone: &str, name: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Only clusters with a private endpoint get a private zone of the names' domain. Before a cluster exists `create`
/// refuses the domain; of one that exists it is not known whether the zone does harm.
fn enclosing_domain(cluster: &HostedCluster, names: &[String]) -> Option<Finding> {
    if !cluster.has_private_endpoint() || cluster.dns.base_domain.is_empty() {
        return None;
    }
    let own = plain(&format!("{}.{}", cluster.name, cluster.dns.base_domain));
    let domain = names.iter().filter_map(|name| Some(name.split_once('.')?.1)).find(|domain| encloses(domain, &own))?;
    let what = format!("the domain {domain} of the published names encloses the cluster's own domain");
    let why = format!("its private zone can hide *.apps.{own} inside of the cluster's network");
    let subject = format!("domain {domain}");
    let finding = if cluster.created_at.is_none() {
        Finding::fail(subject, what, why)
    } else {
        Finding::warn(subject, what, why)
    };
    Some(
        finding
            .compare(format!("a domain that does not enclose {own}"), domain)
            .fix(
                Fix::hypershift([command!(
                    "oc hcp-azure create cluster {} --base-domain {} --external-dns-domain ext.{}",
                    cluster.name,
                    cluster.dns.base_domain,
                    domain
                )])
                .note("host names of services cannot be changed later"),
            )
            .touches(Key::Names),
    )
}

fn hidden(cluster: &HostedCluster, zones: &[PrivateZone], names: &[String], findings: &mut Vec<Finding>) {
    let mut hiding: BTreeMap<String, (&PrivateZone, &VnetLink, Vec<&str>)> = BTreeMap::new();
    let mut unknown = Vec::new();
    for name in names {
        let mut linked: Option<(&PrivateZone, &VnetLink)> = None;
        for zone in zones.iter().filter(|zone| encloses(&zone.name, name)) {
            match zone.links.known(&format!("the links of {}", zone.name)) {
                Ok(links) => {
                    let link = links.iter().find(|link| {
                        link.vnet_id == cluster.azure.vnet_id && link.state.as_deref().is_none_or(|s| s == "Completed")
                    });
                    if let Some(link) = link
                        && linked.is_none_or(|(other, _)| other.name.len() < zone.name.len())
                    {
                        linked = Some((zone, link));
                    }
                }
                Err(gap) => unknown.push((format!("private zone {}", zone.name), gap)),
            }
        }
        let Some((zone, link)) = linked else { continue };
        let falls_back = link.resolution_policy.as_deref() == Some("NxDomainRedirect");
        match zone.records.known(&format!("the records of {}", zone.name)) {
            Ok(records) if falls_back || records.iter().any(|record| holds(record, name)) => {}
            Ok(_) => hiding.entry(zone.id.key()).or_insert((zone, link, Vec::new())).2.push(name),
            Err(gap) => unknown.push((format!("private zone {}", zone.name), gap)),
        }
    }
    findings.extend(hiding.into_values().map(|(zone, link, names)| hides(zone, link, &names)));
    findings.extend(Finding::unknowns(unknown));
}

/// Whether a record set answers for a name, as itself or as a wildcard.
fn holds(record: &RecordSet, name: &str) -> bool {
    record.name == name || record.name.strip_prefix("*.").is_some_and(|above| name != above && encloses(above, name))
}

fn hides(zone: &PrivateZone, link: &VnetLink, names: &[&str]) -> Finding {
    let group = zone.id.resource_group().unwrap_or("GROUP");
    let subscription = zone.id.subscription().unwrap_or("SUBSCRIPTION");
    Finding::fail(
        format!("private zone {}", zone.name),
        format!("the private zone {} hides {} published names from the cluster's network", zone.name, names.len()),
        "nodes are told that these names do not exist, whatever the public zone says",
    )
    .compare(names.join(", "), format!("no such records in {}", zone.name))
    .see("zone", zone.id.as_str())
    .see("link", link.name.as_str())
    .fix(
        Fix::azure([
            command!(
                "az network private-dns link vnet update -g {} -z {} -n {} --resolution-policy NxDomainRedirect --subscription {}",
                group,
                zone.name,
                link.name,
                subscription
            ),
            command!(
                "az network private-dns link vnet delete -g {} -z {} -n {} --subscription {}",
                group,
                zone.name,
                link.name,
                subscription
            ),
        ])
        .note("one of the two: the first lets names that the zone lacks be looked for on the Internet, the second takes the zone away from the network"),
    )
    .touches(Key::Names)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{ArmId, Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &PRIVATE_ZONE_SHADOW;

    /// Links an empty private zone of the names' domain to the cluster's network.
    fn shadow(facts: &mut Facts) -> &mut PrivateZone {
        let Fact::Known(zones) = &mut facts.names.private_zones else { panic!("no zones") };
        zones.push(PrivateZone {
            id: ArmId::in_group(SUBSCRIPTION, "hub", "Microsoft.Network/privateDnsZones/example.com"),
            name: "example.com".into(),
            links: Fact::Known(vec![VnetLink {
                name: "hub".into(),
                vnet_id: vnet_id(),
                state: Some("Completed".into()),
                resolution_policy: Some("Default".into()),
            }]),
            records: Fact::Known(Vec::new()),
        });
        zones.last_mut().unwrap()
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a private zone hides the public names", |facts| {
                shadow(facts);
                let Fact::Known(pools) = &mut facts.hosted.node_pools else { return };
                for condition in &mut pools[0].conditions {
                    if condition.kind == "ReachedIgnitionEndpoint" {
                        condition.status = "False".into();
                    }
                }
            })
            .of(healthy_named),
        ]
    }

    #[test]
    fn healthy_clusters_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &healthy_named());
    }

    #[test]
    fn a_linked_zone_hides_what_it_lacks() {
        let mut facts = healthy_named();
        shadow(&mut facts);
        let found = the_failure(CHECK, &facts);
        assert!(found.what.contains("hides 4 published names"), "{found:#?}");
        assert!(found.fixes[0].commands[1].contains("link vnet delete -g hub -z example.com -n hub"));
    }

    #[test]
    fn what_does_not_hide() {
        let cases: [fn(&mut PrivateZone); 4] = [
            |zone| {
                let wildcard =
                    RecordSet { name: "*.ext.example.com".into(), kind: "A".into(), ttl: None, values: vec![] };
                zone.records = Fact::Known(vec![wildcard]);
            },
            |zone| zone.links = Fact::Known(Vec::new()),
            |zone| {
                let Fact::Known(links) = &mut zone.links else { panic!() };
                links[0].resolution_policy = Some("NxDomainRedirect".into());
            },
            |zone| {
                let Fact::Known(links) = &mut zone.links else { panic!() };
                links[0].vnet_id = ArmId::in_group(SUBSCRIPTION, "g", "Microsoft.Network/virtualNetworks/other");
            },
        ];
        for case in cases {
            let mut facts = healthy_named();
            case(shadow(&mut facts));
            assert_passes(CHECK, &facts);
        }
    }

    #[test]
    fn a_domain_that_encloses_the_cluster() {
        let mut facts = healthy_named();
        for service in &mut cluster(&mut facts).services {
            service.hostname =
                service.hostname.as_ref().map(|name| name.replace("ext.example.com", "Prod.hcp.example.com"));
        }
        let hold = |facts: &mut Facts| {
            let names: Vec<String> =
                cluster(facts).services.iter().filter_map(|service| service.hostname.as_deref()).map(plain).collect();
            let Fact::Known(zones) = &mut facts.names.private_zones else { panic!() };
            let Fact::Known(records) = &mut zones[0].records else { panic!() };
            records.extend(names.into_iter().map(|name| RecordSet {
                name,
                kind: "A".into(),
                ttl: None,
                values: vec![],
            }));
        };
        hold(&mut facts);
        assert_passes(CHECK, &facts);
        cluster(&mut facts).azure.topology = Some("PublicAndPrivate".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        cluster(&mut facts).created_at = None;
        the_failure(CHECK, &facts);
    }

    #[test]
    fn zones_and_links_that_may_not_be_read() {
        let mut facts = healthy_named();
        facts.names.private_zones = Fact::Unreadable(denied("Microsoft.Network/privateDnsZones/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        let mut facts = healthy_named();
        shadow(&mut facts).links =
            Fact::Unreadable(denied("Microsoft.Network/privateDnsZones/virtualNetworkLinks/read"));
        assert_eq!(findings(CHECK, &facts)[0].level, Level::Unknown);
    }
}
