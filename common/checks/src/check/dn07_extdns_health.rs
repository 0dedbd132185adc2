//! DN07: ExternalDNS runs, looks after the domain of the cluster's names, and may write into its zone.

use facts::dns::{DnsCredentials, ExternalDns, Zone};
use facts::hosted::HostedCluster;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::refusal::{self, Refusal};
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Where services are published under names: the Deployment external-dns runs with provider azure and the registry
    /// txt, its domain filter covers every name, its credentials file is complete and names the subscription and resource
    /// group of the zone, and its log of the last hour shows no refusal by Entra and no missing role.
    ///
    /// Which role its service principal holds cannot be read without Microsoft Graph: a missing one shows in the log.
    ///
    /// ## Why it matters
    /// ExternalDNS is the only one who writes the names of the API server, OAuth, Konnectivity and ignition. When it does
    /// not run, or looks elsewhere, the cluster waits for its names for ever; no condition says why.
    ///
    /// ## How to fix
    /// Correct the flags by running `hypershift install` again with the same `--external-dns-txt-owner-id`, or replace the
    /// Secret with the credentials and restart the Deployment.
    ///
    /// Source: openshift/hypershift cmd/install (ExternalDNSDeployment); kubernetes-sigs/external-dns
    /// docs/tutorials/azure.md.
    pub static EXTDNS_HEALTH = {
        code: "DN07",
        id: "extdns-health",
        group: Dns,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, DnsZones, ExternalDns],
        caused_by: ["CR01", "CR04"],
        judge: judge,
    };
}

/// How old a refusal may be by the clock of its log to count as present, in seconds.
const FRESH: i64 = 10 * 60;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let names = public_names(cluster);
    if names.is_empty() {
        return Ok(Judgement::NotApplicable("no service is published under a name: ExternalDNS is not needed".into()));
    }
    let Some(found) = view.external_dns()? else {
        return Ok(Judgement::new(String::new(), vec![missing()]));
    };
    let mut findings = Vec::new();
    findings.extend(runs(found));
    findings.extend(flags(found, &names));
    match found.credentials.present() {
        Ok(Some(credentials)) => match view.dns_zones() {
            Ok(zones) => findings.extend(shape(found, credentials, zones, &names)),
            Err(gap) => {
                findings.extend(shape(found, credentials, &[], &names));
                findings.push(Finding::unknown("zone of the names", gap));
            }
        },
        Ok(None) => findings.push(no_secret(found)),
        Err(gap) => findings.push(Finding::unknown("credentials of ExternalDNS", gap)),
    }
    match view.external_dns_log() {
        Ok(lines) => findings.extend(refused(found, lines.map_or(&[][..], Vec::as_slice))),
        Err(gap) => findings.push(Finding::unknown("log of ExternalDNS", gap)),
    }
    Ok(Judgement::new(format!("ExternalDNS runs and looks after {} names", names.len()), findings))
}

/// The names that ExternalDNS has to write.
fn public_names(cluster: &HostedCluster) -> Vec<String> {
    let names = cluster.services.iter().filter_map(|service| service.hostname.as_deref());
    let mut names: Vec<String> = names.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

fn within(name: &str, domain: &str) -> bool {
    let domain = domain.trim_matches('.').to_ascii_lowercase();
    name == domain || name.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
}

const SUBJECT: &str = "ExternalDNS";

fn touching(finding: Finding) -> Finding {
    finding.touches(Key::Names).touches(Key::Workload("external-dns".into()))
}

fn install(more: &str) -> Fix {
    Fix::hypershift([format!(
        "hypershift install --external-dns-provider=azure --external-dns-domain-filter=DOMAIN --external-dns-credentials=azure_mgmt.json --external-dns-txt-owner-id=OWNER{more}"
    )])
    .note("give all other flags of the installation again; the owner must be the one of the records that exist")
}

fn missing() -> Finding {
    touching(
        Finding::fail(
            SUBJECT,
            "ExternalDNS is not installed in namespace hypershift",
            "the names of the API server, OAuth and ignition are never written",
        )
        .compare("deployment/external-dns", "none")
        .fix(install("")),
    )
}

fn runs(found: &ExternalDns) -> Option<Finding> {
    let workload = &found.workload;
    (workload.ready < 1).then(|| {
        touching(
            Finding::fail(SUBJECT, "no pod of ExternalDNS is ready", "no record is written or changed")
                .compare(format!("{} ready", workload.desired.max(1)), format!("{} ready", workload.ready))
                .fix(Fix::hypershift([
                    command!("oc -n {} describe pods -l name=external-dns", found.namespace),
                    command!("oc -n {} logs deployment/external-dns --tail 100", found.namespace),
                    command!("oc -n {} rollout restart deployment/external-dns", found.namespace),
                ])),
        )
    })
}

fn flags(found: &ExternalDns, names: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let provider = found.flag("--provider");
    if provider != ["azure"] {
        findings.push(touching(
            Finding::fail(SUBJECT, "ExternalDNS does not write into Azure DNS", "the cluster's zone gets no records")
                .compare("--provider=azure", format!("--provider={}", provider.join(",")))
                .fix(install("")),
        ));
    }
    let filters: Vec<&str> = found.flag("--domain-filter").into_iter().filter(|one| !one.is_empty()).collect();
    let outside: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !filters.is_empty() && !filters.iter().any(|filter| within(name, filter)))
        .collect();
    if !outside.is_empty() {
        findings.push(touching(
            Finding::fail(
                SUBJECT,
                format!("the domain filter of ExternalDNS leaves out {} names of the cluster", outside.len()),
                "it passes these names over: their records are never written",
            )
            .compare(outside.join(", "), filters.join(", "))
            .fix(install("")),
        ));
    }
    let registry = found.flag("--registry");
    if registry.last().is_some_and(|registry| *registry != "txt") {
        findings.push(touching(
            Finding::warn(
                SUBJECT,
                "ExternalDNS does not mark the records that it owns",
                "it may change or delete records that others wrote, or leave its own behind",
            )
            .compare("--registry=txt", format!("--registry={}", registry.join(",")))
            .fix(install("")),
        ));
    }
    findings
}

fn replace_secret(found: &ExternalDns, secret: &str) -> Fix {
    Fix::hypershift([
        command!(
            "oc -n {} create secret generic {} --from-file=credentials=azure_mgmt.json --dry-run=client -o yaml | oc apply -f -",
            found.namespace,
            secret
        ),
        command!("oc -n {} rollout restart deployment/external-dns", found.namespace),
    ])
    .note("azure_mgmt.json holds tenantId, subscriptionId, resourceGroup, aadClientId and aadClientSecret")
}

fn no_secret(found: &ExternalDns) -> Finding {
    touching(
        Finding::fail(
            SUBJECT,
            "the Secret with the credentials of ExternalDNS does not exist",
            "its pod does not start, and no record is written",
        )
        .fix(replace_secret(found, "external-dns-credentials")),
    )
}

fn shape(found: &ExternalDns, credentials: &DnsCredentials, zones: &[Zone], names: &[String]) -> Vec<Finding> {
    let secret = credentials.secret.as_str();
    let broken = |what: String, why: &str| touching(Finding::fail(format!("Secret {secret}"), what, why));
    if let Some(problem) = &credentials.problem {
        let finding = broken(
            format!("the credentials of ExternalDNS cannot be used: {problem}"),
            "it does not start, and no record is written",
        );
        return vec![finding.fix(replace_secret(found, secret))];
    }
    let mut missing: Vec<&str> = [
        ("tenantId", credentials.tenant_id.is_none()),
        ("subscriptionId", credentials.subscription_id.is_none()),
        ("resourceGroup", credentials.resource_group.is_none()),
    ]
    .into_iter()
    .filter_map(|(key, missing)| missing.then_some(key))
    .collect();
    if !credentials.uses_identity {
        missing.extend(credentials.client_id.is_none().then_some("aadClientId"));
        missing.extend((!credentials.has_client_secret).then_some("aadClientSecret"));
    }
    if !missing.is_empty() {
        let finding = broken(
            format!("the credentials of ExternalDNS lack {}", missing.join(", ")),
            "it cannot sign in to Azure or find the zone: no record is written",
        );
        return vec![finding.see("lacks", missing.join(", ")).fix(replace_secret(found, secret))];
    }
    // The zone that holds the names is the longest one that encloses them.
    let zone = names
        .first()
        .and_then(|name| zones.iter().filter(|zone| within(name, &zone.name)).max_by_key(|zone| zone.name.len()));
    let Some(zone) = zone else { return Vec::new() };
    let want = (zone.id.subscription().unwrap_or_default(), zone.id.resource_group().unwrap_or_default());
    let have = (
        credentials.subscription_id.as_deref().unwrap_or_default(),
        credentials.resource_group.as_deref().unwrap_or_default(),
    );
    let holds_other = zones.iter().any(|other| {
        other.name == zone.name
            && other.id.subscription().is_some_and(|id| id.eq_ignore_ascii_case(have.0))
            && other.id.resource_group().is_some_and(|group| group.eq_ignore_ascii_case(have.1))
    });
    if want.0.eq_ignore_ascii_case(have.0) && !want.1.eq_ignore_ascii_case(have.1) && !holds_other {
        let finding = broken(
            format!("ExternalDNS looks for the zone {} in another resource group", zone.name),
            "it finds no zone that fits its names, and writes no record",
        );
        return vec![finding.compare(want.1, have.1).fix(replace_secret(found, secret))];
    }
    Vec::new()
}

/// Refusals among the last lines of the log: one finding for each code.
fn refused(found: &ExternalDns, lines: &[facts::hosted::LogLine]) -> Vec<Finding> {
    let mut seen = std::collections::BTreeMap::new();
    for line in lines {
        let present =
            line.time.is_some_and(|time| line.log_end.is_none_or(|end| end.as_second() - time.as_second() <= FRESH));
        for refusal in refusal::find(&line.text).into_iter().filter(Refusal::is_about_identity) {
            let entry = seen.entry(refusal.code()).or_insert((false, refusal));
            entry.0 |= present;
        }
    }
    let credentials = found.credentials.get();
    let client = credentials.and_then(|one| one.client_id.as_deref()).unwrap_or("CLIENT_ID");
    seen.into_iter()
        .map(|(code, (present, refusal))| {
            let (what, fix) = match &refusal {
                Refusal::Entra(entra) => (
                    format!("Entra refuses ExternalDNS: {code}, {}", refusal::meaning(entra.aadsts)),
                    replace_secret(found, credentials.map_or("external-dns-credentials", |one| one.secret.as_str())),
                ),
                Refusal::Arm(arm) => (
                    format!("{code}: a role is missing for what ExternalDNS does"),
                    Fix::azure([command!(
                        "az role assignment create --assignee {} --role 'DNS Zone Contributor' --scope {}",
                        client,
                        arm.scope.clone().unwrap_or_else(|| "ZONE_ID".to_owned())
                    )])
                    .note("it takes up to 10 minutes until a new role holds"),
                ),
            };
            let why = "records are neither written nor changed while it is refused";
            let finding = if present { Finding::fail(SUBJECT, what, why) } else { Finding::warn(SUBJECT, what, why) };
            touching(finding.see("message", facts::redact::text(refusal.message())).see("client id", client).fix(fix))
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &EXTDNS_HEALTH;

    fn names_are_missing(facts: &mut Facts) {
        for service in ["APIServer", "OAuthServer", "Ignition", "Konnectivity"] {
            host(facts, service).authoritative = Fact::Known(no_such_name());
            host(facts, service).resolver = Fact::Known(no_such_name());
        }
        unresolved(facts);
    }

    fn refuse(facts: &mut Facts, text: &str) {
        let line = external_dns_line(text);
        facts.names.external_dns_log = Fact::Known(vec![line.clone()]);
        let Fact::Known(lines) = &mut facts.hosted.logs else { panic!("no logs") };
        lines.push(line);
    }

    fn set_flag(facts: &mut Facts, flag: &str, value: &str) {
        let args = &mut external_dns(facts).args;
        args.retain(|arg| !arg.starts_with(&format!("{flag}=")));
        args.push(format!("{flag}={value}"));
    }

    fn credentials(facts: &mut Facts) -> &mut DnsCredentials {
        match &mut external_dns(facts).credentials {
            Fact::Known(credentials) => credentials,
            other => panic!("{other:?}"),
        }
    }

    const NO_ROLE: &str = "time=\"2026-11-20T11:58:00Z\" level=error msg=\"GET https://management.azure.com/… RESPONSE 403: 403 Forbidden ERROR CODE: AuthorizationFailed\"";

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("ExternalDNS is not installed", |facts| {
                facts.names.external_dns = Fact::Absent;
                names_are_missing(facts);
            })
            .of(healthy_named),
            Fault::new("the domain filter is another's", |facts| {
                set_flag(facts, "--domain-filter", "other.example.com");
                names_are_missing(facts);
            })
            .of(healthy_named),
            Fault::new("ExternalDNS lacks its role", |facts| {
                refuse(facts, NO_ROLE);
                names_are_missing(facts);
            })
            .of(healthy_named),
        ]
    }

    #[test]
    fn a_running_one_passes() {
        assert_passes(CHECK, &healthy_named());
        // A filter for the domain above covers the names as well; none covers all.
        for filter in ["example.com", ".ext.example.com", ""] {
            let mut facts = healthy_named();
            set_flag(&mut facts, "--domain-filter", filter);
            assert_passes(CHECK, &facts);
        }
    }

    #[test]
    fn without_names_it_is_not_needed() {
        let mut facts = healthy();
        facts.names.external_dns = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn what_keeps_it_from_working() {
        type Inject = fn(&mut Facts);
        let cases: [(&str, Inject); 8] = [
            ("not installed", |facts| facts.names.external_dns = Fact::Absent),
            ("no pod", |facts| external_dns(facts).workload.ready = 0),
            ("Azure DNS", |facts| set_flag(facts, "--provider", "aws")),
            ("leaves out 4 names", |facts| set_flag(facts, "--domain-filter", "xext.example.com")),
            ("does not exist", |facts| external_dns(facts).credentials = Fact::Absent),
            ("lack aadClientSecret", |facts| credentials(facts).has_client_secret = false),
            ("holds no JSON", |facts| credentials(facts).problem = Some("it holds no JSON object".into())),
            ("another resource group", |facts| credentials(facts).resource_group = Some("other".into())),
        ];
        for (what, inject) in cases {
            let mut facts = healthy_named();
            inject(&mut facts);
            let finding = the_failure(CHECK, &facts);
            assert!(finding.what.contains(what), "{what}: {finding:#?}");
        }
    }

    #[test]
    fn an_identity_needs_no_secret() {
        let mut facts = healthy_named();
        let credentials = credentials(&mut facts);
        credentials.has_client_secret = false;
        credentials.client_id = None;
        credentials.uses_identity = true;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn refusals_in_its_log() {
        let mut facts = healthy_named();
        refuse(&mut facts, NO_ROLE);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[0].contains("'DNS Zone Contributor'"), "{finding:#?}");
        let mut facts = healthy_named();
        refuse(&mut facts, "AADSTS7000222: The provided client secret keys for app 'x' are expired.");
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].contains("external-dns-credentials"));
        let Fact::Known(lines) = &mut facts.names.external_dns_log else { panic!() };
        lines[0].time = Some(minutes_ago(40));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn what_may_not_be_read_is_not_healthy() {
        let mut facts = healthy_named();
        facts.names.external_dns = Fact::Unreadable(denied("get deployments"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        for hide in [
            (|facts| facts.names.zones = Fact::Unreadable(denied("read"))) as fn(&mut Facts),
            |facts| facts.names.external_dns_log = Fact::Unreadable(denied("get pods/log")),
            |facts| external_dns(facts).credentials = Fact::Unreadable(denied("get secrets")),
        ] {
            let mut facts = healthy_named();
            hide(&mut facts);
            the_gap(CHECK, &facts);
        }
    }
}
