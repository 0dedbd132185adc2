//! Records of public DNS zones that external-dns wrote for clusters that are dead.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Deletion, Facts, Kind, Ledger, Line, Standing, Zone, id, made, name, property};

/// What external-dns appends to the first label of a host for the record that says whose it is.
/// Source: openshift/hypershift, the argument `--txt-suffix` of its external-dns.
const SUFFIX: &str = "-external-dns";

/// The services of a control plane that have names of their own: `api-dev.example.com`.
const SERVICES: [&str; 4] = ["api", "ignition", "konnectivity", "oauth"];

/// Types of records that external-dns writes, and what its ownership record's name begins with for each.
const TYPES: [(&str, &str); 4] = [("A", "a-"), ("AAAA", "aaaa-"), ("CNAME", "cname-"), ("TXT", "")];

pub(super) fn lines(facts: &Facts, ledger: &mut Ledger) {
    if facts.living.is_empty() {
        if !facts.zones.is_empty() {
            ledger.notes.push("DNS records were not judged: that takes the management clusters".to_owned());
        }
        return;
    }
    let clusters = || facts.living.iter().flat_map(|living| &living.clusters);
    let living = Clusters {
        namespaces: clusters().map(|cluster| format!("{}-{}", cluster.namespace, cluster.name)).collect(),
        hosts: clusters()
            .flat_map(|cluster| &cluster.services)
            .filter_map(|service| service.hostname.as_ref())
            .map(|host| host.to_ascii_lowercase())
            .collect(),
    };
    for zone in &facts.zones {
        for record in zone.records.iter().filter(|record| kind(record) == Some("TXT")) {
            let Some(mark) = mark(record) else { continue };
            let Some(host) = host(name(record)) else { continue };
            of_host(facts, zone, record, &mark, &host, &living, ledger);
        }
    }
}

struct Clusters {
    namespaces: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

/// What an ownership record says.
struct Mark {
    owner: String,
    /// Kind, namespace and name of the object that the record was made for.
    object: String,
    namespace: String,
}

fn of_host(facts: &Facts, zone: &Zone, txt: &Value, mark: &Mark, host: &str, living: &Clusters, ledger: &mut Ledger) {
    let full = format!("{host}.{}", name(&zone.body)).to_ascii_lowercase();
    let cluster = host.split('.').next().and_then(|label| label.split_once('-')).map_or("", |(_, name)| name);
    let is_control_plane = mark.namespace.ends_with(&format!("-{cluster}"));
    if !is_control_plane || living.namespaces.contains(&mark.namespace) || living.hosts.contains(&full) {
        return;
    }
    let by = facts.living.iter().find(|living| living.dns_owner.as_ref() == Some(&mark.owner));
    let (standing, reason) = match by {
        Some(by) => (
            Standing::Proven,
            format!("external-dns of {} wrote it for {}, whose HostedCluster is gone", by.context, mark.object),
        ),
        None => (
            Standing::Unproven,
            format!(
                "external-dns {} wrote it, which is not that of a management cluster that was looked at",
                mark.owner
            ),
        ),
    };
    let is_of_host =
        |record: &&Value| kind(record).is_some_and(|kind| kind != "TXT") && name(record).eq_ignore_ascii_case(host);
    for record in zone.records.iter().filter(is_of_host).chain([txt]) {
        let Some(kind) = kind(record) else { continue };
        // Both records of ownership, of the old and of the new form, lead here.
        if ledger.lines.iter().any(|line| line.id.key() == id(record).key()) {
            continue;
        }
        let deletion = Deletion::Record { zone: id(&zone.body), kind, name: name(record).to_owned() };
        ledger.lines.push(Line {
            kind: Kind::DnsRecord,
            // Without its record of ownership nobody knows any more whose a name is: it goes last.
            rank: u8::from(kind == "TXT"),
            infra_id: None,
            name: format!("{kind} record {} in {}", name(record), name(&zone.body)),
            id: id(record),
            standing,
            reason: reason.clone(),
            since: made(record),
            costs: false,
            deletion: (standing == Standing::Proven).then_some(deletion),
        });
    }
}

/// The host, relative to the zone, whose ownership a record tells: that of `api-dev-external-dns` is `api-dev`.
fn host(record: &str) -> Option<String> {
    let (label, rest) = record.split_once('.').map_or((record, None), |(label, rest)| (label, Some(rest)));
    let label = label.strip_suffix(SUFFIX)?;
    let of_service = |label: &str| {
        SERVICES
            .iter()
            .any(|service| label.strip_prefix(service).is_some_and(|rest| rest.len() > 1 && rest.starts_with('-')))
    };
    let typed =
        TYPES.iter().filter(|(_, prefix)| !prefix.is_empty()).find_map(|(_, prefix)| label.strip_prefix(prefix));
    let label = [Some(label), typed].into_iter().flatten().find(|label| of_service(label))?;
    Some(rest.map_or_else(|| label.to_owned(), |rest| format!("{label}.{rest}")))
}

/// Reads `heritage=external-dns,external-dns/owner=…,external-dns/resource=…`.
fn mark(record: &Value) -> Option<Mark> {
    let lists = property(record, "TXTRecords").and_then(Value::as_array)?;
    lists.iter().find_map(|entry| {
        let parts: Vec<&str> = entry["value"].as_array()?.iter().filter_map(Value::as_str).collect();
        let text = parts.concat();
        let fields: Vec<(&str, &str)> =
            text.trim_matches('"').split(',').filter_map(|part| part.split_once('=')).collect();
        let field = |key: &str| fields.iter().find(|(own, _)| *own == key).map(|(_, value)| *value);
        let object = field("external-dns/resource").filter(|_| field("heritage") == Some("external-dns"))?;
        let namespace = object.split('/').nth(1)?;
        Some(Mark {
            owner: field("external-dns/owner")?.to_owned(),
            object: object.to_owned(),
            namespace: namespace.to_owned(),
        })
    })
}

/// The type of a record set, if external-dns writes such.
fn kind(record: &Value) -> Option<&'static str> {
    let own = record["type"].as_str()?.rsplit('/').next()?;
    TYPES.iter().map(|(kind, _)| *kind).find(|kind| kind.eq_ignore_ascii_case(own))
}
