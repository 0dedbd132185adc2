//! DN01: the base domain is a public DNS zone of the subscription, and the domain above delegates it there.

use std::collections::BTreeSet;

use facts::ArmId;
use facts::dns::{Answer, Delegation, Zone};
use facts::hosted::HostedCluster;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The subscription holds one public DNS zone with the name of the base domain, the HostedCluster names that zone, and
    /// the domain above delegates the name to the name servers that Azure gave to it.
    ///
    /// The delegation is asked of a server of the domain above; where that cannot be reached, the system's resolver
    /// counts.
    ///
    /// ## Why it matters
    /// The ingress operator writes the applications' wildcard record into this zone. When it is missing, no cluster can be
    /// created; when it is not delegated, or delegated to the servers of an earlier zone of the same name, records are
    /// written that nobody ever sees.
    ///
    /// ## How to fix
    /// Create the zone, then enter its name servers as NS records in the zone above or at the registrar.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/networking.go;
    /// <https://learn.microsoft.com/azure/dns/dns-delegate-domain-azure-dns>.
    pub static BASE_ZONE_DELEGATED = {
        code: "DN01",
        id: "base-zone-delegated",
        group: Dns,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, DnsZones, Resolution],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(crate::judgement::BEING_DELETED.into()));
    }
    let base = plain(&cluster.dns.base_domain);
    if base.is_empty() {
        return Ok(Judgement::NotApplicable("the HostedCluster has no base domain".into()));
    }
    let zones: Vec<&Zone> = view.dns_zones()?.iter().filter(|zone| plain(&zone.name) == base).collect();
    let mut findings = Vec::new();
    let named = cluster.dns.public_zone_id.as_ref();
    let zone = match named {
        Some(id) => zones.iter().copied().find(|zone| zone.id == *id),
        None => zones.first().copied(),
    };
    let Some(zone) = zone else {
        findings.push(missing(cluster, &base, &zones));
        return Ok(Judgement::new(String::new(), findings));
    };
    if zones.len() > 1 {
        let ids: Vec<&str> = zones.iter().map(|zone| zone.id.as_str()).collect();
        findings.push(
            Finding::warn(
                subject(&base),
                format!("{} public zones have the name {base}", zones.len()),
                "only one of them can be delegated, and tools that look for it by name may take the other",
            )
            .see("zones", ids.join(", "))
            .fix(
                Fix::azure(zones.iter().filter(|other| other.id != zone.id).map(|other| delete(other)))
                    .note("look at its records first; what is not delegated serves nobody"),
            )
            .touches(Key::Names),
        );
    }
    match view.delegation() {
        Ok(delegation) => findings.extend(judge_delegation(cluster, zone, delegation)),
        Err(gap) => findings.push(Finding::unknown(subject(&base), gap)),
    }
    Ok(Judgement::new(format!("{base} is delegated to {} name servers of its zone", zone.name_servers.len()), findings))
}

fn subject(base: &str) -> String {
    format!("DNS zone {base}")
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn delete(zone: &Zone) -> String {
    let (group, subscription) =
        (zone.id.resource_group().unwrap_or("GROUP"), zone.id.subscription().unwrap_or("SUBSCRIPTION"));
    command!("az network dns zone delete -g {} -n {} --subscription {}", group, zone.name, subscription)
}

fn missing(cluster: &HostedCluster, base: &str, zones: &[&Zone]) -> Finding {
    let named = cluster.dns.public_zone_id.as_ref();
    let subscription = named.and_then(ArmId::subscription).unwrap_or(&cluster.azure.subscription_id);
    let group = named.and_then(ArmId::resource_group).unwrap_or("DNS_ZONE_GROUP");
    let mut finding = match (named, zones.first()) {
        (Some(id), Some(other)) => Finding::fail(
            subject(base),
            "the HostedCluster names a public zone that does not exist",
            "the ingress operator cannot write the record of the applications",
        )
        .compare(id.as_str(), other.id.as_str()),
        _ => Finding::fail(
            subject(base),
            format!("subscription {subscription} has no public DNS zone {base}"),
            "no record of the cluster's applications can be written, and `create infra` refuses the base domain",
        ),
    };
    if zones.is_empty()
        && let Some(id) = named
    {
        finding = finding.see("named", id.as_str());
    }
    finding
        .fix(
            Fix::azure([
                command!("az network dns zone create -g {} -n {} --subscription {}", group, base, subscription),
                command!(
                    "az network dns zone show -g {} -n {} --subscription {} --query nameServers",
                    group,
                    base,
                    subscription
                ),
            ])
            .note("enter these name servers as NS records of the name in the zone above"),
        )
        .touches(Key::Names)
}

fn judge_delegation(cluster: &HostedCluster, zone: &Zone, delegation: &Delegation) -> Vec<Finding> {
    let base = plain(&zone.name);
    let own: BTreeSet<String> = zone.name_servers.iter().map(|server| plain(server)).collect();
    let (said, gap) = match (&delegation.at_parent.present(), &delegation.at_resolver.present()) {
        (Ok(Some(answer)), _) if !answer.is_failure() => (*answer, None),
        (_, Ok(Some(answer))) if !answer.is_failure() => (*answer, None),
        (Ok(Some(answer)), _) | (_, Ok(Some(answer))) => {
            let why = format!("{} answers {} for the name servers of {base}", answer.server, answer.code);
            (*answer, Some(Gap::new(GapKind::Unreachable, why)))
        }
        (Err(gap), _) | (_, Err(gap)) => return vec![Finding::unknown(subject(&base), gap.clone())],
        (Ok(None), Ok(None)) => return vec![Finding::unknown(subject(&base), Gap::not_asked())],
    };
    if let Some(gap) = gap {
        return vec![Finding::unknown(subject(&base), gap)];
    }
    let found: BTreeSet<String> = said.values.iter().map(|server| plain(server)).collect();
    if found != own {
        return vec![wrong(cluster, zone, delegation, said, &own, &found)];
    }
    let cached = delegation.at_resolver.get().filter(|answer| answer.code == "NXDOMAIN");
    cached.map(|answer| cached_finding(&base, answer)).into_iter().collect()
}

fn wrong(
    cluster: &HostedCluster,
    zone: &Zone,
    delegation: &Delegation,
    said: &Answer,
    own: &BTreeSet<String>,
    found: &BTreeSet<String>,
) -> Finding {
    let base = plain(&zone.name);
    let parent = delegation.parent.as_deref().unwrap_or("the domain above");
    let why = "nobody finds the records in this zone: names of applications do not resolve";
    let what = if found.is_empty() {
        format!("{parent} does not delegate {base}")
    } else if own.is_disjoint(found) {
        format!("{parent} delegates {base} to other name servers than those of the zone")
    } else {
        format!("{parent} delegates {base} to other name servers as well")
    };
    // Inside a company's network a private cluster needs no public delegation.
    let private = cluster.azure.topology.as_deref() == Some("Private");
    let finding = if private || !own.is_disjoint(found) {
        Finding::warn(subject(&base), what, why)
    } else {
        Finding::fail(subject(&base), what, why)
    };
    let join = |servers: &BTreeSet<String>| servers.iter().cloned().collect::<Vec<_>>().join(", ");
    let label = base.strip_suffix(&format!(".{}", plain(parent))).unwrap_or(&base).to_owned();
    let in_azure = Fix::azure(own.iter().map(|server| {
        command!("az network dns record-set ns add-record -g PARENT_GROUP -z {} -n {} -d {}", parent, label, server)
    }))
    .note(format!("where {parent} is not a zone of Azure, enter the same NS records at its provider"));
    finding
        .compare(join(own), if found.is_empty() { said.code.clone() } else { join(found) })
        .see("asked", said.server.as_str())
        .fix(in_azure)
        .touches(Key::Names)
}

fn cached_finding(base: &str, answer: &Answer) -> Finding {
    let left = answer.negative_ttl.map_or_else(String::new, |left| format!(" for {left} more seconds"));
    Finding::warn(
        subject(base),
        format!("the resolver {} still holds that {base} does not exist", answer.server),
        format!("it keeps that{left}; until then names below do not resolve from here"),
    )
    .fix(Fix::azure([command!("nslookup -type=NS {}", base)]).note("wait, or flush the resolver's cache"))
    .touches(Key::Names)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &BASE_ZONE_DELEGATED;

    fn delegation(facts: &mut Facts) -> &mut Delegation {
        match &mut facts.names.delegation {
            Fact::Known(delegation) => delegation,
            other => panic!("{other:?}"),
        }
    }

    fn without_zone(facts: &mut Facts) {
        let Fact::Known(zones) = &mut facts.names.zones else { panic!("no zones") };
        zones.retain(|zone| zone.name != "hcp.example.com");
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the base domain's zone is gone", without_zone),
            Fault::new("the base domain is not delegated", |facts| {
                delegation(facts).at_parent = Fact::Known(no_such_name());
                delegation(facts).at_resolver = Fact::Known(no_such_name());
            }),
            Fault::new("the base domain is delegated to an earlier zone", |facts| {
                delegation(facts).at_parent = Fact::Known(answer(&["ns1-09.azure-dns.com"]));
                delegation(facts).at_resolver = Fact::Known(Answer { code: "SERVFAIL".into(), ..answer(&[]) });
            })
            .of(healthy_named),
        ]
    }

    #[test]
    fn a_delegated_zone_passes_whatever_its_case() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        cluster(&mut facts).dns.base_domain = "HCP.Example.com.".into();
        zone(&mut facts, "hcp.example.com").name_servers[0] = "NS1-01.Azure-DNS.com.".into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn no_public_zone() {
        let mut facts = healthy();
        without_zone(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "DNS zone hcp.example.com");
        assert_eq!(
            finding.fixes[0].commands[0],
            format!("az network dns zone create -g dns -n hcp.example.com --subscription {SUBSCRIPTION}")
        );
    }

    #[test]
    fn another_zone_than_the_named_one() {
        let mut facts = healthy();
        cluster(&mut facts).dns.public_zone_id =
            Some(ArmId::in_group(SUBSCRIPTION, "old", "Microsoft.Network/dnsZones/hcp.example.com"));
        let finding = the_failure(CHECK, &facts);
        assert!(finding.evidence.get("want").unwrap().contains("/old/"), "{finding:#?}");
    }

    #[test]
    fn two_zones_of_one_name() {
        let mut facts = healthy();
        let Fact::Known(zones) = &mut facts.names.zones else { panic!() };
        let mut other = zones.last().unwrap().clone();
        other.id = ArmId::in_group(SUBSCRIPTION, "other", "Microsoft.Network/dnsZones/hcp.example.com");
        zones.push(other);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        assert!(finding.fixes[0].commands[0].contains("-g other"), "{finding:#?}");
    }

    #[test]
    fn name_servers_that_are_not_the_zones() {
        let mut facts = healthy();
        delegation(&mut facts).at_parent = Fact::Known(answer(&["ns1-09.azure-dns.com"]));
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("found"), Some("ns1-09.azure-dns.com"));
        assert!(finding.fixes[0].commands[0].contains("-z example.com -n hcp -d ns1-01.azure-dns.com"), "{finding:#?}");
        // Some of them right: some questions are answered.
        delegation(&mut facts).at_parent = Fact::Known(answer(&["ns1-01.azure-dns.com", "ns9.example.com"]));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        // A private cluster may do without.
        delegation(&mut facts).at_parent = Fact::Known(no_such_name());
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("NXDOMAIN"));
        cluster(&mut facts).azure.topology = Some("Private".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn the_resolver_counts_where_the_parent_is_silent() {
        let silent = Gap::new(GapKind::Unreachable, "no answer within 2 s");
        let mut facts = healthy();
        delegation(&mut facts).at_parent = Fact::Unreadable(silent.clone());
        assert_passes(CHECK, &facts);
        delegation(&mut facts).at_resolver = Fact::Known(no_such_name());
        the_failure(CHECK, &facts);
        delegation(&mut facts).at_resolver = Fact::Known(Answer { code: "SERVFAIL".into(), ..answer(&[]) });
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
        delegation(&mut facts).at_resolver = Fact::Unreadable(silent);
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
    }

    #[test]
    fn a_resolver_that_remembers_the_time_before() {
        let mut facts = healthy();
        delegation(&mut facts).at_resolver = Fact::Known(no_such_name());
        let finding = the_finding(CHECK, &facts);
        assert!(finding.level == Level::Warn && finding.why.contains("240 more seconds"), "{finding:#?}");
    }

    #[test]
    fn zones_that_may_not_be_listed() {
        let mut facts = healthy();
        facts.names.zones = Fact::Unreadable(denied("Microsoft.Network/dnszones/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
