//! Collecting DNS: zones, records, what resolves, ExternalDNS, and the API server behind the names.

use std::collections::BTreeSet;
use std::sync::Arc;

use arm::{Arm, model};
use facts::dns::{Answer, ApiServer, Delegation, Host, Names, PrivateZone, RecordSet, VnetLink, Zone};
use facts::hosted::HostedCluster;
use facts::{ArmId, Fact, Gap, GapKind, Need};
use futures::future::join_all;

use super::Sources;
use crate::api_server;
use crate::azure::gap_of;
use crate::dns::{Dns, RecordType, plain};

/// Collects what is wanted of it.
pub(super) async fn collect(sources: &Sources<'_>) -> Names {
    let mut names = Names::default();
    let cluster = match &sources.cluster {
        Ok(cluster) => *cluster,
        Err(gap) => return unread(sources, &Gap { kind: GapKind::Blocked, ..gap.clone() }),
    };
    let zones = async {
        match (sources.wants(Need::DnsZones), &sources.arm) {
            (false, _) => (Fact::default(), Fact::default()),
            (true, Err(gap)) => (Fact::Unreadable(gap.clone()), Fact::Unreadable(gap.clone())),
            (true, Ok(arm)) => futures::join!(zones(arm, cluster), private_zones(arm, cluster)),
        }
    };
    let resolution = async {
        if sources.wants(Need::Resolution) { resolution(sources, cluster).await } else { Resolution::default() }
    };
    let external_dns = async {
        // Without names nobody needs it.
        let needed = cluster.services.iter().any(|service| service.hostname.is_some());
        match sources.wants(Need::ExternalDns) && needed {
            false => (Fact::default(), Fact::default()),
            true => futures::join!(sources.kubernetes.external_dns(), sources.kubernetes.external_dns_log()),
        }
    };
    let (zones, resolution, external_dns, api_server) =
        futures::join!(zones, Box::pin(resolution), external_dns, Box::pin(api_server(sources, cluster)));
    (names.zones, names.private_zones) = zones;
    (names.delegation, names.hosts, names.load_balancers) = resolution;
    (names.external_dns, names.external_dns_log) = external_dns;
    names.api_server = api_server;
    names
}

/// What remains when the HostedCluster could not be read.
fn unread(sources: &Sources<'_>, gap: &Gap) -> Names {
    let mut names = Names::default();
    if sources.wants(Need::DnsZones) {
        names.zones = Fact::Unreadable(gap.clone());
        names.private_zones = Fact::Unreadable(gap.clone());
    }
    if sources.wants(Need::Resolution) {
        names.delegation = Fact::Unreadable(gap.clone());
        names.hosts = Fact::Unreadable(gap.clone());
        names.load_balancers = Fact::Unreadable(gap.clone());
    }
    if sources.wants(Need::ApiServer) {
        names.api_server = Fact::Unreadable(gap.clone());
    }
    names
}

/// The names that zones are looked at for: where services are published, and below which applications are.
fn names_of(cluster: &HostedCluster) -> BTreeSet<String> {
    let hosts = cluster.services.iter().filter_map(|service| service.hostname.as_deref()).map(plain);
    hosts.chain([apps_domain(cluster), plain(&cluster.dns.base_domain)]).collect()
}

fn apps_domain(cluster: &HostedCluster) -> String {
    plain(&format!("apps.{}.{}", cluster.name, cluster.dns.base_domain))
}

fn encloses(zone: &str, name: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Zones are in the subscription of the one that the HostedCluster names.
fn zone_subscription(cluster: &HostedCluster) -> &str {
    let named = cluster.dns.public_zone_id.as_ref().and_then(ArmId::subscription);
    named.unwrap_or(&cluster.azure.subscription_id)
}

async fn zones(arm: &Arm, cluster: &HostedCluster) -> Fact<Vec<Zone>> {
    let all = match arm.dns_zones(zone_subscription(cluster)).await {
        Ok(all) => all,
        Err(error) => return Fact::Unreadable(gap_of(&error)),
    };
    let names = names_of(cluster);
    let own = |zone: &&model::DnsZone| names.iter().any(|name| encloses(&plain(&zone.name), name));
    let mut zones = join_all(all.iter().filter(own).map(async |zone| {
        let records = match arm::ArmId::parse(&zone.id) {
            Ok(id) => records(arm.dns_records(&id).await, &plain(&zone.name), |name| bears_on(cluster, &names, name)),
            Err(_) => Fact::Unreadable(no_id(&zone.id)),
        };
        Zone {
            id: ArmId::new(zone.id.as_str()),
            name: plain(&zone.name),
            name_servers: zone.name_servers.iter().map(|server| plain(server)).collect(),
            records,
        }
    }))
    .await;
    zones.sort_by(|a, b| (&a.name, a.id.key()).cmp(&(&b.name, b.id.key())));
    Fact::Known(zones)
}

/// Whether a record is one of the cluster's names, the wildcard of its applications, or a text of ExternalDNS about one.
fn bears_on(cluster: &HostedCluster, names: &BTreeSet<String>, record: &str) -> bool {
    let apps = apps_domain(cluster);
    names.contains(record)
        || encloses(&apps, record)
        || names.iter().any(|name| {
            let (Some((label, rest)), Some((own, own_rest))) = (name.split_once('.'), record.split_once('.')) else {
                return false;
            };
            rest == own_rest && own.contains(label)
        })
}

fn records(
    read: arm::Result<Arc<Vec<model::DnsRecordSet>>>,
    zone: &str,
    keep: impl Fn(&str) -> bool,
) -> Fact<Vec<RecordSet>> {
    let mut kept: Vec<RecordSet> = match read {
        Ok(all) => all
            .iter()
            .filter(|record| matches!(record.kind.as_str(), "A" | "AAAA" | "CNAME" | "TXT"))
            .filter_map(|record| {
                let name = if record.name == "@" { zone.to_owned() } else { plain(&format!("{}.{zone}", record.name)) };
                let values = record.values.iter().chain(&record.target);
                keep(&name).then(|| RecordSet {
                    name,
                    kind: record.kind.clone(),
                    ttl: record.ttl,
                    values: values.map(|value| facts::redact::text(value)).collect(),
                })
            })
            .collect(),
        Err(error) => return Fact::Unreadable(gap_of(&error)),
    };
    kept.sort_by(|a, b| (&a.name, &a.kind).cmp(&(&b.name, &b.kind)));
    Fact::Known(kept)
}

fn no_id(id: &str) -> Gap {
    Gap::new(GapKind::Failed, format!("Azure calls a zone {id}, which is no id"))
}

async fn private_zones(arm: &Arm, cluster: &HostedCluster) -> Fact<Vec<PrivateZone>> {
    let all = match arm.private_dns_zones(&cluster.azure.subscription_id).await {
        Ok(all) => all,
        Err(error) => return Fact::Unreadable(gap_of(&error)),
    };
    let names = names_of(cluster);
    let own = |zone: &&model::PrivateDnsZone| names.iter().any(|name| encloses(&plain(&zone.name), name));
    let mut zones = join_all(all.iter().filter(own).map(async |zone| {
        let name = plain(&zone.name);
        let (links, records) = match arm::ArmId::parse(&zone.id) {
            Ok(id) => {
                let (links, all) = futures::join!(arm.virtual_network_links(&id), arm.private_dns_records(&id));
                let links = match links {
                    Ok(links) => Fact::Known(links.into_iter().filter_map(link).collect()),
                    Err(error) => Fact::Unreadable(gap_of(&error)),
                };
                (links, records(all, &name, |_| true))
            }
            Err(_) => (Fact::Unreadable(no_id(&zone.id)), Fact::Unreadable(no_id(&zone.id))),
        };
        PrivateZone { id: ArmId::new(zone.id.as_str()), name, links, records }
    }))
    .await;
    zones.sort_by(|a, b| (&a.name, a.id.key()).cmp(&(&b.name, b.id.key())));
    Fact::Known(zones)
}

fn link(from: model::VirtualNetworkLink) -> Option<VnetLink> {
    Some(VnetLink {
        name: from.name,
        vnet_id: ArmId::new(from.virtual_network?),
        state: from.state,
        resolution_policy: from.resolution_policy,
    })
}

type Resolution = (Fact<Delegation>, Fact<Vec<Host>>, Fact<Vec<facts::dns::ServiceAddresses>>);

async fn resolution(sources: &Sources<'_>, cluster: &HostedCluster) -> Resolution {
    let services = async {
        match sources.exists() {
            true => sources.kubernetes.load_balancer_services(sources.target).await,
            false => Fact::default(),
        }
    };
    let asked = async {
        let dns = match Dns::new(sources.cloud) {
            Ok(dns) => dns,
            Err(gap) => return (Fact::Unreadable(gap.clone()), Fact::Unreadable(gap)),
        };
        let hosts = async {
            // Before a cluster exists its names cannot.
            if sources.exists() { hosts(&dns, cluster).await } else { Vec::new() }
        };
        let base_domain = plain(&cluster.dns.base_domain);
        let (delegation, hosts) = futures::join!(delegation(&dns, &base_domain), hosts);
        (Fact::Known(delegation), Fact::Known(hosts))
    };
    let (services, (delegation, hosts)) = futures::join!(services, asked);
    (delegation, hosts, services)
}

fn known(answer: Result<Answer, Gap>) -> Fact<Answer> {
    answer.map_or_else(Fact::Unreadable, Fact::Known)
}

async fn delegation(dns: &Dns, base_domain: &str) -> Delegation {
    let above = async {
        let Some((_, above)) = base_domain.split_once('.') else {
            return (None, Fact::Unreadable(Gap::new(GapKind::Failed, "the base domain has nothing above it")));
        };
        match dns.zone_of(above).await {
            Ok((parent, servers)) => (Some(parent), known(dns.ask_one_of(&servers, base_domain, RecordType::NS).await)),
            Err(gap) => (None, Fact::Unreadable(gap)),
        }
    };
    let ((parent, at_parent), at_resolver) = futures::join!(above, dns.resolve(base_domain, RecordType::NS));
    Delegation { parent, at_parent, at_resolver: known(at_resolver) }
}

async fn hosts(dns: &Dns, cluster: &HostedCluster) -> Vec<Host> {
    let mut names: Vec<(String, String)> = cluster
        .services
        .iter()
        .filter_map(|service| Some((plain(service.hostname.as_deref()?), service.service.clone())))
        .collect();
    names.sort();
    names.dedup_by(|a, b| a.0 == b.0);
    join_all(names.into_iter().map(async |(name, service)| {
        let authoritative = async {
            let above = name.split_once('.').map_or(name.as_str(), |(_, above)| above);
            let (_, servers) = dns.zone_of(above).await?;
            dns.ask_one_of(&servers, &name, RecordType::A).await
        };
        let (authoritative, resolver) = futures::join!(authoritative, dns.resolve(&name, RecordType::A));
        Host { name: name.clone(), service, authoritative: known(authoritative), resolver: known(resolver) }
    }))
    .await
}

async fn api_server(sources: &Sources<'_>, cluster: &HostedCluster) -> Fact<ApiServer> {
    if !sources.wants(Need::ApiServer) || !sources.exists() {
        return Fact::default();
    }
    if cluster.azure.topology.as_deref() == Some("Private") {
        return Fact::Unreadable(Gap::new(GapKind::NotAsked, "the API server is private and not tried from outside"));
    }
    let kubeconfig = sources.kubernetes.admin_kubeconfig(sources.target, cluster.kubeconfig_secret.as_deref()).await;
    match kubeconfig {
        Fact::Known(kubeconfig) => api_server::probe(&kubeconfig, sources.cloud).await,
        Fact::Absent => Fact::Absent,
        Fact::Unreadable(gap) => Fact::Unreadable(gap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_encloses_at_a_dot() {
        assert!(encloses("example.com", "a.example.com") && encloses("example.com", "example.com"));
        assert!(!encloses("example.com", "anexample.com") && !encloses("a.example.com", "example.com"));
    }
}
