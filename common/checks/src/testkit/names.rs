//! DNS: zones, records, what resolves, ExternalDNS.

use facts::dns::{
    Answer, ApiServer, Certificate, Delegation, DnsCredentials, ExternalDns, Host, Names, PrivateZone, RecordSet,
    ServiceAddresses, Stage, StageKind, VnetLink, Zone,
};
use facts::hosted::{Endpoint, LogLine};
use facts::network::{Frontend, PublicIp};
use facts::{ArmId, Fact, Facts};

use super::hosted::workload;
use super::{SUBSCRIPTION, cluster, condition, healthy_as, vnet_id};

/// The address of the router that serves the public names of [`healthy_named`].
pub(crate) const ROUTER: &str = "20.81.4.17";
/// The owner that ExternalDNS writes into its records.
pub(crate) const OWNER: &str = "mgmt-1";
/// Where the router of the workers is reached.
pub(crate) const APPS: &str = "20.1.2.4";
const SERVERS: [&str; 2] = ["ns1-01.azure-dns.com", "ns2-01.azure-dns.net"];

/// [`super::healthy`] with public names that ExternalDNS writes.
pub(crate) fn healthy_named() -> Facts {
    healthy_as(|facts| {
        let cluster = cluster(facts);
        for (service, label) in
            [("APIServer", "api"), ("OAuthServer", "oauth"), ("Ignition", "ignition"), ("Konnectivity", "konnectivity")]
        {
            let service = cluster.services.iter_mut().find(|one| one.service == service).unwrap();
            service.strategy = "Route".into();
            service.hostname = Some(format!("{label}-prod.ext.example.com"));
        }
        cluster.endpoint = Some(Endpoint { host: "api-prod.ext.example.com".into(), port: 443 });
        cluster.conditions.retain(|condition| condition.kind != "ExternalDNSReachable");
        cluster.conditions.push(condition("ExternalDNSReachable", "True", "AsExpected"));
    })
}

/// An answer that all is there.
pub(crate) fn answer(values: &[&str]) -> Answer {
    Answer {
        server: "ns1-01.azure-dns.com".into(),
        code: "NOERROR".into(),
        values: values.iter().map(ToString::to_string).collect(),
        aliases: Vec::new(),
        negative_ttl: None,
    }
}

/// An answer that there is no such name.
pub(crate) fn no_such_name() -> Answer {
    Answer { code: "NXDOMAIN".into(), negative_ttl: Some(240), ..answer(&[]) }
}

/// A public name of test facts, to be changed.
pub(crate) fn host<'a>(facts: &'a mut Facts, service: &str) -> &'a mut Host {
    match &mut facts.names.hosts {
        Fact::Known(hosts) => hosts.iter_mut().find(|host| host.service == service).unwrap(),
        other => panic!("no hosts: {other:?}"),
    }
}

/// A public zone of test facts, to be changed.
pub(crate) fn zone<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Zone {
    match &mut facts.names.zones {
        Fact::Known(zones) => zones.iter_mut().find(|zone| zone.name == name).unwrap(),
        other => panic!("no zones: {other:?}"),
    }
}

/// ExternalDNS of test facts, to be changed.
pub(crate) fn external_dns(facts: &mut Facts) -> &mut ExternalDns {
    match &mut facts.names.external_dns {
        Fact::Known(found) => found,
        other => panic!("no ExternalDNS: {other:?}"),
    }
}

/// The tried API server of test facts, to be changed.
pub(crate) fn api_server(facts: &mut Facts) -> &mut ApiServer {
    match &mut facts.names.api_server {
        Fact::Known(found) => found,
        other => panic!("no API server: {other:?}"),
    }
}

/// What a name that does not resolve shows elsewhere.
pub(crate) fn unresolved(facts: &mut Facts) {
    for condition in &mut cluster(facts).conditions {
        if condition.kind == "ExternalDNSReachable" {
            condition.status = "False".into();
            condition.reason = "ExternalDNSHostNotReachable".into();
        }
    }
    let Fact::Known(pools) = &mut facts.hosted.node_pools else { panic!("no NodePools") };
    pools[0].conditions.push(condition("IgnitionEndpointAvailable", "False", "ExternalDNSHostNotReachable"));
    let api = api_server(facts);
    api.stages.truncate(1);
    api.stages[0].problem = Some("api-prod.ext.example.com has no address (NXDOMAIN)".into());
}

/// A line of ExternalDNS's log of just now.
pub(crate) fn external_dns_line(text: &str) -> LogLine {
    LogLine {
        pod: "external-dns-6d8f9-0".into(),
        app: Some("external-dns".into()),
        container: "external-dns".into(),
        time: Some(super::minutes_ago(2)),
        log_end: Some(super::minutes_ago(1)),
        text: text.into(),
    }
}

fn record(name: &str, kind: &str, ttl: u32, value: &str) -> RecordSet {
    RecordSet { name: name.into(), kind: kind.into(), ttl: Some(ttl), values: vec![value.into()] }
}

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    let hosted = cluster(facts).clone();
    let zone_id = |name: &str| ArmId::in_group(SUBSCRIPTION, "dns", &format!("Microsoft.Network/dnsZones/{name}"));
    let zone = |name: &str, records: Vec<RecordSet>| Zone {
        id: zone_id(name),
        name: name.into(),
        name_servers: SERVERS.map(String::from).to_vec(),
        records: Fact::Known(records),
    };
    let mut hosts: Vec<Host> = hosted
        .services
        .iter()
        .filter_map(|service| {
            Some(Host {
                name: service.hostname.clone()?,
                service: service.service.clone(),
                authoritative: Fact::Known(answer(&[ROUTER])),
                resolver: Fact::Known(Answer { server: "10.0.0.2".into(), ..answer(&[ROUTER]) }),
            })
        })
        .collect();
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    let mut zones = Vec::new();
    if !hosts.is_empty() {
        let mut records = Vec::new();
        for host in &hosts {
            let (label, rest) = host.name.split_once('.').unwrap();
            let text = format!(
                "\"heritage=external-dns,external-dns/owner={OWNER},external-dns/resource=service/clusters-prod/router\""
            );
            records.push(record(&host.name, "A", 300, ROUTER));
            records.push(record(&format!("a-{label}-external-dns.{rest}"), "TXT", 300, &text));
        }
        zones.push(zone("ext.example.com", records));
    }
    zones.push(zone("hcp.example.com", vec![record("*.apps.prod.hcp.example.com", "A", 30, APPS)]));
    let private = hosted.dns.private_zone_id.clone().unwrap();
    let stage = |stage: StageKind| Stage { stage, ms: 12, problem: None };
    let endpoint = hosted.endpoint.clone().unwrap();
    let args = [
        "--source=service",
        "--source=openshift-route",
        "--domain-filter=ext.example.com",
        "--provider=azure",
        "--registry=txt",
        "--txt-suffix=-external-dns",
        "--txt-owner-id=mgmt-1",
        "--interval=1m",
        "--azure-config-file=/etc/provider/credentials",
    ];
    let service = if hosts.is_empty() { "kube-apiserver" } else { "router" };
    let apps_ip = ArmId::in_group(
        SUBSCRIPTION,
        &hosted.azure.resource_group,
        "Microsoft.Network/publicIPAddresses/kubernetes-a1b2",
    );
    for balancer in facts.azure.network.load_balancers.values_mut() {
        if let Fact::Known(balancer) = balancer {
            balancer.frontends.push(Frontend {
                name: "a1b2".into(),
                public_ip_id: Some(apps_ip.clone()),
                subnet_id: None,
                private_ip: None,
            });
        }
    }
    let ip = PublicIp { id: apps_ip.clone(), ip_address: Some(APPS.into()), sku: Some("Standard".into()) };
    facts.azure.network.public_ips.insert(apps_ip.key(), Fact::Known(ip));
    let is_private = hosted.azure.topology.as_deref() == Some("Private");
    facts.names = Names {
        zones: Fact::Known(zones),
        private_zones: Fact::Known(vec![PrivateZone {
            id: private,
            name: "prod.hcp.example.com".into(),
            links: Fact::Known(vec![VnetLink {
                name: "prod-prod-x7k2p".into(),
                vnet_id: vnet_id(),
                state: Some("Completed".into()),
                resolution_policy: None,
            }]),
            records: Fact::Known(vec![record("*.apps.prod.hcp.example.com", "A", 30, APPS)]),
        }]),
        delegation: Fact::Known(Delegation {
            parent: Some("example.com".into()),
            at_parent: Fact::Known(answer(&SERVERS)),
            at_resolver: Fact::Known(answer(&SERVERS)),
        }),
        hosts: Fact::Known(hosts),
        load_balancers: Fact::Known(vec![ServiceAddresses { name: service.into(), addresses: vec![ROUTER.into()] }]),
        external_dns: Fact::Known(ExternalDns {
            namespace: "hypershift".into(),
            workload: workload("external-dns", 1, 1),
            args: args.map(String::from).to_vec(),
            credentials: Fact::Known(DnsCredentials {
                secret: "external-dns-credentials".into(),
                problem: None,
                tenant_id: Some(hosted.azure.tenant_id.clone()),
                subscription_id: Some(SUBSCRIPTION.into()),
                resource_group: Some("dns".into()),
                client_id: Some("abababab-aaaa-bbbb-cccc-dddddddddddd".into()),
                has_client_secret: true,
                uses_identity: false,
            }),
        }),
        external_dns_log: Fact::Known(Vec::new()),
        api_server: if is_private {
            Fact::default()
        } else {
            Fact::Known(ApiServer {
                host: endpoint.host,
                port: endpoint.port,
                stages: [StageKind::Resolve, StageKind::Tcp, StageKind::Tls, StageKind::Ready, StageKind::Version]
                    .map(stage)
                    .to_vec(),
                certificate: Some(Certificate {
                    not_after: Some("2027-11-18T08:00:00Z".parse().unwrap()),
                    names: Vec::new(),
                }),
                not_ready: Vec::new(),
                version: Some("v1.35.2".into()),
            })
        },
    };
}
