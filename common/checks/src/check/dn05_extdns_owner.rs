//! DN05: the records of the cluster's names belong to the ExternalDNS that runs.

use facts::dns::{ExternalDns, RecordSet, Zone};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The TXT records by which ExternalDNS marks what it owns name the `--txt-owner-id` of the running Deployment, for each
    /// public name of the cluster that has an address record.
    ///
    /// ## Why it matters
    /// ExternalDNS leaves records of another owner alone: it neither changes them when the router gets another address nor
    /// deletes them with the cluster. An installation without a fixed owner id draws a new one each time.
    ///
    /// ## How to fix
    /// Install again with the owner id that the records have.
    ///
    /// Source: openshift/hypershift cmd/install/assets/hypershift_operator.go (ExternalDNSDeployment);
    /// kubernetes-sigs/external-dns docs/registry/txt.md, #2036 and #2466.
    pub static EXTDNS_OWNER = {
        code: "DN05",
        id: "extdns-owner",
        group: Dns,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, DnsZones, ExternalDns],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let mut names: Vec<String> = cluster
        .services
        .iter()
        .filter_map(|service| Some(service.hostname.as_deref()?.trim_end_matches('.').to_ascii_lowercase()))
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok(Judgement::NotApplicable("no service is published under a name: ExternalDNS is not needed".into()));
    }
    let Some(found) = view.external_dns()? else {
        return Ok(Judgement::NotApplicable("ExternalDNS is not installed".into()));
    };
    let owners = found.flag("--txt-owner-id");
    let owner = owners.last().copied().unwrap_or("default");
    let suffix = found.flag("--txt-suffix").last().copied().unwrap_or_default();
    let zones = view.dns_zones()?;
    let mut owned = 0;
    let mut unmarked = Vec::new();
    let mut others: Vec<(String, String)> = Vec::new();
    for name in &names {
        let Some(zone) = zone_of(zones, name) else { continue };
        let records = zone.records.known(&format!("the records of {}", zone.name))?;
        if !records.iter().any(|record| record.name == *name && matches!(record.kind.as_str(), "A" | "AAAA" | "CNAME"))
        {
            continue;
        }
        let marks: Vec<&str> = marks(records, name, suffix).collect();
        match marks.as_slice() {
            [] => unmarked.push(name.as_str()),
            marks if marks.contains(&owner) => owned += 1,
            marks => others.push((name.clone(), marks[0].to_owned())),
        }
    }
    let mut findings = Vec::new();
    if let Some((_, other)) = others.first() {
        findings.push(of_another(found, owner, other, &others));
    }
    if !unmarked.is_empty() {
        findings.push(of_nobody(&unmarked));
    }
    Ok(Judgement::new(format!("{owned} records belong to owner {owner} of ExternalDNS"), findings))
}

fn zone_of<'a>(zones: &'a [Zone], name: &str) -> Option<&'a Zone> {
    let encloses = |zone: &&Zone| name.strip_suffix(zone.name.as_str()).is_some_and(|rest| rest.ends_with('.'));
    zones.iter().filter(encloses).max_by_key(|zone| zone.name.len())
}

/// The owners that the marks of a name tell. The mark of `api.example.com` is `api<suffix>.example.com`, in newer versions
/// with the record's type in front: `a-api<suffix>.example.com`.
fn marks<'a>(records: &'a [RecordSet], name: &str, suffix: &str) -> impl Iterator<Item = &'a str> {
    let (label, rest) = name.split_once('.').unwrap_or((name, ""));
    let own: Vec<String> =
        ["", "a-", "aaaa-", "cname-"].iter().map(|kind| format!("{kind}{label}{suffix}.{rest}")).collect();
    records
        .iter()
        .filter(move |record| record.kind == "TXT" && own.contains(&record.name))
        .flat_map(|record| &record.values)
        .filter_map(|text| owner_in(text))
}

fn owner_in(text: &str) -> Option<&str> {
    let text = text.trim_matches('"');
    text.split(',').find_map(|part| part.trim().strip_prefix("external-dns/owner="))
}

fn of_another(found: &ExternalDns, owner: &str, other: &str, others: &[(String, String)]) -> Finding {
    let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
    Finding::fail(
        "ExternalDNS",
        format!("{} records of the cluster belong to another owner than the ExternalDNS that runs", others.len()),
        "they are neither changed when the router gets another address, nor deleted with the cluster",
    )
    .compare(other, owner)
    .see("names", names.join(", "))
    .fix(
        Fix::hypershift([
            command!("hypershift install --external-dns-txt-owner-id={}", other),
            command!("oc -n {} rollout status deployment/external-dns", found.namespace),
        ])
        .note("give all other flags of the installation again"),
    )
    .touches(Key::Names)
}

fn of_nobody(names: &[&str]) -> Finding {
    Finding::warn(
        "ExternalDNS",
        format!("{} records of the cluster have no owner", names.len()),
        "somebody else wrote them: ExternalDNS leaves them as they are, whatever becomes of the router",
    )
    .see("names", names.join(", "))
    .fix(
        Fix::azure(names.iter().map(|name| {
            let (label, zone) = name.split_once('.').unwrap_or((name, ""));
            command!("az network dns record-set a delete -g DNS_ZONE_GROUP -z {} -n {}", zone, label)
        }))
        .note("ExternalDNS writes them anew in its next round; until then the names do not resolve"),
    )
    .touches(Key::Names)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &EXTDNS_OWNER;

    fn records(facts: &mut Facts) -> &mut Vec<RecordSet> {
        match &mut zone(facts, "ext.example.com").records {
            Fact::Known(records) => records,
            other => panic!("{other:?}"),
        }
    }

    fn reinstall(facts: &mut Facts) {
        let args = &mut external_dns(facts).args;
        args.retain(|arg| !arg.starts_with("--txt-owner-id="));
        args.push("--txt-owner-id=7a3c".into());
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("ExternalDNS was installed anew with another owner", reinstall).of(healthy_named),
            Fault::new("ExternalDNS has another owner and the router another address", |facts| {
                reinstall(facts);
                let Fact::Known(services) = &mut facts.names.load_balancers else { panic!("no Services") };
                services[0].addresses = vec!["20.5.5.5".into()];
            })
            .of(healthy_named),
        ]
    }

    #[test]
    fn records_of_the_running_owner_pass() {
        assert_passes(CHECK, &healthy_named());
        // The mark of older versions.
        let mut facts = healthy_named();
        for record in records(&mut facts) {
            if let Some(old) = record.name.strip_prefix("a-") {
                record.name = old.to_owned();
            }
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn another_owner() {
        let mut facts = healthy_named();
        reinstall(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert_eq!((finding.evidence.get("want"), finding.evidence.get("found")), (Some(OWNER), Some("7a3c")));
        assert_eq!(finding.fixes[0].commands[0], format!("hypershift install --external-dns-txt-owner-id={OWNER}"));
    }

    #[test]
    fn a_record_without_a_mark() {
        let mut facts = healthy_named();
        records(&mut facts).retain(|record| record.name != "a-api-prod-external-dns.ext.example.com");
        let finding = the_finding(CHECK, &facts);
        assert!(finding.level == Level::Warn && finding.evidence.get("names") == Some("api-prod.ext.example.com"));
    }

    #[test]
    fn not_needed_or_not_there() {
        assert_not_applicable(CHECK, &healthy());
        let mut facts = healthy_named();
        facts.names.external_dns = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn records_that_may_not_be_read() {
        let mut facts = healthy_named();
        zone(&mut facts, "ext.example.com").records =
            Fact::Unreadable(denied("Microsoft.Network/dnsZones/recordsets/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
