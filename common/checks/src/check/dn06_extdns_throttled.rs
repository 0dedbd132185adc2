//! DN06: Azure does not throttle ExternalDNS.

use facts::dns::Answer;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::refusal::is_throttled;

declare_check! {
    /// ## What it checks
    /// The log of ExternalDNS shows no answer 429 of Azure in the last hour. It is a failure when a name of the cluster
    /// is missing meanwhile.
    ///
    /// ## Why it matters
    /// ExternalDNS reads whole zones in each round. With many clusters in one subscription Azure answers with
    /// SubscriptionRequestsThrottled, rounds fail, and new clusters wait for their names.
    ///
    /// ## How to fix
    /// Let it ask less often (`--interval`), or give each environment its own zone and service principal.
    ///
    /// Source: openshift/hypershift #8098 and #7160; kubernetes-sigs/external-dns #4198.
    pub static EXTDNS_THROTTLED = {
        code: "DN06",
        id: "extdns-throttled",
        group: Dns,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Resolution, ExternalDns],
        caused_by: [],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if cluster.services.iter().all(|service| service.hostname.is_none()) {
        return Ok(Judgement::NotApplicable("no service is published under a name: ExternalDNS is not needed".into()));
    }
    let Some(found) = view.external_dns()? else {
        return Ok(Judgement::NotApplicable("ExternalDNS is not installed".into()));
    };
    let lines = view.external_dns_log()?.map_or(&[][..], Vec::as_slice);
    let throttled: Vec<_> = lines.iter().filter(|line| is_throttled(&line.text)).collect();
    // Read in any case: it decides how grave a line is.
    let hosts = view.hosts();
    let Some(last) = throttled.last() else {
        return Ok(Judgement::new("the log of ExternalDNS shows no throttling", Vec::new()));
    };
    let missing: Vec<&str> = hosts
        .iter()
        .flat_map(|hosts| hosts.iter())
        .filter(|host| host.authoritative.get().is_some_and(Answer::is_negative))
        .map(|host| host.name.as_str())
        .collect();
    let why = "a round that is refused writes nothing: new names come late, old ones stay";
    let what = format!("Azure throttles ExternalDNS ({} kinds of refusal in the last hour)", throttled.len());
    let finding = if missing.is_empty() {
        Finding::warn("ExternalDNS", what, why)
    } else {
        Finding::fail("ExternalDNS", what, why).see("missing names", missing.join(", "))
    };
    let interval = found.flag("--interval");
    let finding = finding
        .see("interval", interval.last().copied().unwrap_or("1m"))
        .see("message", last.text.chars().take(300).collect::<String>())
        .fix(
            Fix::hypershift([
                "hypershift install --external-dns-interval=5m --external-dns-txt-owner-id=OWNER",
                "oc -n hypershift logs deployment/external-dns --since 1h",
            ])
            .note("give all other flags of the installation again, or use a zone and a service principal of its own for each environment"),
        )
        .touches(Key::Names);
    Ok(Judgement::new(String::new(), vec![finding]))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &EXTDNS_THROTTLED;
    const LINE: &str =
        "level=error msg=\"RESPONSE 429: 429 Too Many Requests ERROR CODE: SubscriptionRequestsThrottled\"";

    fn throttle(facts: &mut Facts) {
        facts.names.external_dns_log = Fact::Known(vec![external_dns_line(LINE)]);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("ExternalDNS is throttled", throttle).of(healthy_named),
            Fault::new("ExternalDNS is throttled and a name is missing", |facts| {
                throttle(facts);
                host(facts, "APIServer").authoritative = Fact::Known(no_such_name());
                host(facts, "APIServer").resolver = Fact::Known(no_such_name());
                unresolved(facts);
            })
            .of(healthy_named),
        ]
    }

    #[test]
    fn a_quiet_log_passes() {
        assert_passes(CHECK, &healthy_named());
        let mut facts = healthy_named();
        facts.names.external_dns_log = Fact::Known(vec![external_dns_line("AuthorizationFailed, id 4290")]);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn not_needed_or_not_there() {
        assert_not_applicable(CHECK, &healthy());
        let mut facts = healthy_named();
        facts.names.external_dns = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn throttling_is_grave_when_a_name_is_missing() {
        let mut facts = healthy_named();
        throttle(&mut facts);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        host(&mut facts, "Ignition").authoritative = Fact::Known(no_such_name());
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("missing names"), Some("ignition-prod.ext.example.com"));
    }

    #[test]
    fn a_log_that_may_not_be_read() {
        let mut facts = healthy_named();
        facts.names.external_dns_log = Fact::Unreadable(denied("get pods/log"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
