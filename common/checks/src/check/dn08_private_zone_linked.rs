//! DN08: the private DNS zones of a private cluster lead its workers to the private endpoint.

use facts::ArmId;
use facts::hosted::{Condition, HostedCluster};
use facts::private_link::{AzurePrivateLinkService, PrivateZone, WantedZone};

use crate::judgement::{BEING_DELETED, Level};
use crate::prelude::*;
use crate::shell::{Quoted, command};
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// The two private DNS zones of a private cluster exist, are linked to the guest's VNet, and their A records hold the
    /// address of the private endpoint: `api` and `*.apps` in `NAME.hypershift.local`, `api-NAME` and `oauth-NAME` in the
    /// zone of the base domain (of the external DNS domain, where that is used). A cluster gets 15 minutes to come up.
    ///
    /// ## Why it matters
    /// Workers of a private cluster find the API server, ignition and OAuth by these names alone. Without a record or a
    /// link they ask public DNS, get nothing or a public address, and never join.
    ///
    /// ## How to fix
    /// Put back what is missing. The control plane operator does it at its next look, if its identity may.
    ///
    /// Source: openshift/hypershift control-plane-operator/controllers/azureprivatelinkservice/controller.go.
    pub static PRIVATE_ZONE_LINKED = {
        code: "DN08",
        id: "private-zone-linked",
        group: Dns,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, PrivateLink, DnsZones],
        caused_by: ["FC05", "NW10", "RA01"],
        judge: judge,
    };
}

/// Minutes in which a new cluster may get its zones.
const GRACE: i64 = 15;
const CONDITION: &str = "AzurePrivateDNSAvailable";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if !cluster.has_private_endpoint() {
        return Ok(Judgement::NotApplicable("the API server is public".into()));
    }
    let services = view.private_link_services()?.map_or(&[][..], Vec::as_slice);
    if services.is_empty() {
        return Ok(Judgement::NotApplicable(
            "no AzurePrivateLinkService says which zones there should be, see HAZ-NW10".into(),
        ));
    }
    let mut findings = Vec::new();
    let mut right = Vec::new();
    for service in services {
        for zone in service.zones(cluster, services) {
            match lacks(view, cluster, service, &zone) {
                Ok(lacks) if lacks.is_empty() => right.push(zone.name),
                Ok(lacks) => findings.push(finding(view, service, &zone, &lacks)),
                Err(gap) => {
                    findings.push(
                        Finding::unknown(format!("private DNS zone {}", zone.name), gap).touches(Key::PrivateLink),
                    );
                }
            }
        }
    }
    Ok(Judgement::new(format!("{} lead to the private endpoint", right.join(" and ")), findings))
}

/// Something that a zone lacks: what it is, and the commands that put it back.
struct Lack {
    what: String,
    commands: Vec<String>,
}

fn lacks(
    view: &View<'_>,
    cluster: &HostedCluster,
    service: &AzurePrivateLinkService,
    wanted: &WantedZone,
) -> Result<Vec<Lack>, Gap> {
    let zone = view.private_zone(&wanted.id)?;
    let place = Quoted(command!(
        "--subscription {} -g {}",
        wanted.id.subscription().unwrap_or("SUBSCRIPTION"),
        wanted.id.resource_group().unwrap_or("RESOURCE_GROUP")
    ));
    let mut lacks = Vec::new();
    if zone.is_none() {
        let name = &wanted.name;
        let commands = vec![command!("az network private-dns zone create {place} -n {name}"; place, name)];
        lacks.push(Lack { what: "the zone does not exist".into(), commands });
    }
    lacks.extend(link(&cluster.azure.vnet_id, wanted, zone, &place)?);
    lacks.extend(records(service, wanted, zone, &place)?);
    Ok(lacks)
}

fn link(vnet: &ArmId, wanted: &WantedZone, zone: Option<&PrivateZone>, place: &Quoted) -> Result<Option<Lack>, Gap> {
    let (name, link) = (&wanted.name, &wanted.link);
    let links = match zone {
        Some(zone) => zone.links.known("the list of links")?.as_slice(),
        None => &[],
    };
    let found = links.iter().find(|link| link.vnet_id.as_ref() == Some(vnet));
    Ok(match found {
        None => Some(Lack {
            what: format!("it is not linked to VNet {}", vnet.name().unwrap_or(vnet.as_str())),
            commands: vec![
                command!("az network private-dns link vnet create {place} -z {name} -n {link} -v {vnet} -e false"; place, name, link, vnet),
            ],
        }),
        Some(found) if found.state.as_deref().is_some_and(|state| !state.eq_ignore_ascii_case("Completed")) => {
            Some(Lack {
                what: format!("its link {} is in state {}", found.name, found.state.as_deref().unwrap_or_default()),
                commands: vec![
                    command!("az network private-dns link vnet show {place} -z {name} -n {}", found.name; place, name),
                ],
            })
        }
        Some(_) => None,
    })
}

fn records(
    service: &AzurePrivateLinkService,
    wanted: &WantedZone,
    zone: Option<&PrivateZone>,
    place: &Quoted,
) -> Result<Vec<Lack>, Gap> {
    let zone_name = &wanted.name;
    let records = match zone {
        Some(zone) => zone.records.known("the list of records")?.as_slice(),
        None => &[],
    };
    // Before there is an address, nobody can tell what a record should hold.
    let ip = service.private_endpoint_ip.as_deref();
    let shown = ip.unwrap_or("ADDRESS");
    let mut lacks = Vec::new();
    for name in &wanted.records {
        let add = command!("az network private-dns record-set a add-record {place} -z {zone_name} -n {name} -a {shown}"; place, zone_name, name, shown);
        match records.iter().find(|record| record.name.eq_ignore_ascii_case(name)) {
            None => lacks.push(Lack { what: format!("it has no A record {name}"), commands: vec![add] }),
            Some(record) => {
                let stray: Vec<&String> =
                    record.addresses.iter().filter(|own| ip.is_some_and(|ip| ip != own.as_str())).collect();
                let lacking = ip.is_some_and(|ip| !record.addresses.iter().any(|own| own == ip));
                if stray.is_empty() && !lacking {
                    continue;
                }
                let mut commands = if lacking { vec![add] } else { Vec::new() };
                commands.extend(stray.iter().map(|old| {
                    command!("az network private-dns record-set a remove-record {place} -z {zone_name} -n {name} -a {old}"; place, zone_name, name, old)
                }));
                lacks.push(Lack {
                    what: format!("its A record {name} holds {} and not {shown}", record.addresses.join(", ")),
                    commands,
                });
            }
        }
    }
    Ok(lacks)
}

fn finding(view: &View<'_>, service: &AzurePrivateLinkService, wanted: &WantedZone, lacks: &[Lack]) -> Finding {
    let what = match lacks {
        [one] => format!("private DNS zone {}: {}", wanted.name, one.what),
        [first, ..] => format!("private DNS zone {} lacks {} things: {}, …", wanted.name, lacks.len(), first.what),
        [] => String::new(),
    };
    let mut finding = Finding::fail(
        format!("private DNS zone {}", wanted.name),
        what,
        "workers do not find the API server: their machines run and never join",
    )
    .see("zone", wanted.id.as_str());
    if let Some(ip) = &service.private_endpoint_ip {
        finding = finding.see("private endpoint", ip.as_str());
    }
    for lack in lacks {
        finding = finding.see("lacks", lack.what.as_str());
    }
    if let Some(condition) = service.condition(CONDITION).filter(|condition| !Condition::is_true(condition)) {
        finding = finding.see("condition", format!("{CONDITION} is {}: {}", condition.status, reason(condition)));
    }
    let commands: Vec<String> = lacks.iter().flat_map(|lack| lack.commands.iter().cloned()).collect();
    finding = finding
        .fix(Fix::azure(commands).note(
            "the control plane operator puts them back at its next look; if they stay away its identity may not write them, see HAZ-RA01",
        ))
        .touches(Key::PrivateLink)
        .touches(Key::Egress)
        .touches(Key::Identity("controlPlaneOperator".into()));
    // An operator that holds its zones for complete is not about to change them.
    let done = service.condition(CONDITION).is_some_and(Condition::is_true);
    if !done && service.created_at.is_some_and(|then| view.minutes_since(then) < GRACE) {
        finding.level = Level::Warn;
    }
    finding
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &PRIVATE_ZONE_LINKED;
    const LOCAL: &str = "prod.hypershift.local";
    const BASE: &str = "hcp.example.com";

    fn zone<'a>(facts: &'a mut Facts, name: &str) -> &'a mut PrivateZone {
        match facts.private_link.zones.get_mut(&private_zone_id(name).key()) {
            Some(Fact::Known(zone)) => zone,
            other => panic!("{other:?}"),
        }
    }

    fn unlink(facts: &mut Facts) {
        zone(facts, LOCAL).links = Fact::Known(Vec::new());
    }

    fn unrecord(facts: &mut Facts, name: &str, record: &str) {
        if let Fact::Known(records) = &mut zone(facts, name).records {
            records.retain(|own| own.name != record);
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a private zone is not linked, and workers never join", |facts| {
                unlink(facts);
                never_joined(facts);
            })
            .of(healthy_private),
            Fault::new("a private zone cannot be made", |facts| {
                facts.private_link.zones.insert(private_zone_id(BASE).key(), Fact::Absent);
                let message = "A virtual network cannot be linked to multiple zones with overlapping namespaces.";
                link_condition(facts, CONDITION, "False", "BaseDomainVNetLinkCreationFailed", message);
            })
            .of(healthy_private),
            Fault::new("a record holds another address", |facts| {
                if let Fact::Known(records) = &mut zone(facts, LOCAL).records {
                    records[0].addresses = vec!["10.0.0.77".into()];
                }
            })
            .of(healthy_private),
        ]
    }

    #[test]
    fn right_zones_pass_and_public_clusters_have_none() {
        assert_passes(CHECK, &healthy_private());
        assert_not_applicable(CHECK, &healthy());
        let mut facts = healthy_private();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
        facts = healthy_private();
        facts.private_link.services = Fact::Known(Vec::new());
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn a_missing_link_is_made_with_its_name() {
        let mut facts = healthy_private();
        unlink(&mut facts);
        assert_eq!(
            the_failure(CHECK, &facts).fixes[0].commands,
            [format!(
                "az network private-dns link vnet create --subscription {SUBSCRIPTION} -g prod-prod-x7k2p -z {LOCAL} -n private-router-vnet-link -v {} -e false",
                vnet_id()
            )]
        );
        let mut facts = healthy_private();
        if let Fact::Known(links) = &mut zone(&mut facts, LOCAL).links {
            links[0].state = Some("InProgress".into());
        }
        assert!(the_failure(CHECK, &facts).what.contains("in state InProgress"));
        // Under which name somebody linked it does not matter, but to which VNet does.
        let mut facts = healthy_private();
        if let Fact::Known(links) = &mut zone(&mut facts, LOCAL).links {
            links[0].name = "mine".into();
            links[0].state = None;
        }
        assert_passes(CHECK, &facts);
        if let Fact::Known(links) = &mut zone(&mut facts, LOCAL).links {
            links[0].vnet_id = Some(nat_subnet_id());
        }
        the_failure(CHECK, &facts);
    }

    #[test]
    fn a_missing_zone_takes_link_and_records_with_it() {
        let mut facts = healthy_private();
        facts.private_link.zones.insert(private_zone_id(BASE).key(), Fact::Absent);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.fixes[0].commands.len(), 4, "{finding:#?}");
        assert!(finding.fixes[0].commands[3].ends_with("-n oauth-prod -a 10.0.0.9"));
    }

    #[test]
    fn a_wrong_address_is_replaced() {
        let mut facts = healthy_private();
        if let Fact::Known(records) = &mut zone(&mut facts, BASE).records {
            records[1].addresses = vec!["10.0.0.77".into()];
        }
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("oauth-prod holds 10.0.0.77 and not 10.0.0.9"));
        assert!(finding.fixes[0].commands[1].contains("remove-record"));
    }

    #[test]
    fn a_service_of_its_own_for_oauth_keeps_the_oauth_record() {
        let mut facts = healthy_private();
        let mut oauth = azpls(&mut facts).clone();
        oauth.name = "oauth-openshift".into();
        oauth.private_endpoint_ip = Some("10.0.0.10".into());
        if let Fact::Known(services) = &mut facts.private_link.services {
            services.push(oauth);
        }
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("oauth-prod holds 10.0.0.9 and not 10.0.0.10"), "{finding:#?}");
    }

    #[test]
    fn before_there_is_an_address_a_record_cannot_be_wrong() {
        let mut facts = healthy_private();
        azpls(&mut facts).private_endpoint_ip = None;
        assert_passes(CHECK, &facts);
        unrecord(&mut facts, LOCAL, "api");
        the_failure(CHECK, &facts);
        azpls(&mut facts).created_at = Some(minutes_ago(3));
        the_failure(CHECK, &facts);
        no_link_conditions(&mut facts, &[CONDITION]);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn an_unreadable_zone_does_not_hide_the_other() {
        let mut facts = healthy_private();
        zone(&mut facts, BASE).records = Fact::Unreadable(denied("Microsoft.Network/privateDnsZones/A/read"));
        unlink(&mut facts);
        let levels: Vec<Level> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
        facts.private_link.services = Fact::Unreadable(denied("list azureprivatelinkservices"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
