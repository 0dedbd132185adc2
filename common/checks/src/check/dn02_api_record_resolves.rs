//! DN02: the public names of the cluster resolve to its router or load balancer.

use std::collections::BTreeSet;

use facts::dns::{Answer, Host};
use facts::hosted::{HostedCluster, Service};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Each host name under which the API server, OAuth, Konnectivity or ignition is published exists at the name servers
    /// of its zone, leads to the address of the Service that serves it, and is known to the system's resolver.
    ///
    /// Names get ten minutes from the creation of a cluster that is not available yet. A cluster that is only private has no public names.
    ///
    /// ## Why it matters
    /// Workers find the API server and their ignition by these names, and users the API and the login. The operator makes
    /// no machine until the name of ignition resolves.
    ///
    /// ## How to fix
    /// ExternalDNS on the management cluster writes the records: look at its log (DN05, DN06, DN07). A resolver that
    /// remembers that there was no such name forgets it after the zone's negative time to live.
    ///
    /// Source: openshift/hypershift hypershift-operator, condition ExternalDNSReachable and the ignition endpoint of
    /// NodePools on Azure; RFC 2308.
    pub static API_RECORD_RESOLVES = {
        code: "DN02",
        id: "api-record-resolves",
        group: Dns,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Resolution],
        caused_by: ["DN01", "DN05", "DN06", "DN07"],
        judge: judge,
    };
}

/// Minutes in which records may come.
const GRACE: i64 = 10;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if cluster.azure.topology.as_deref() == Some("Private") {
        return Ok(Judgement::NotApplicable("the cluster is private: it has no public names".into()));
    }
    if cluster.services.iter().all(|service| service.hostname.is_none()) {
        return Ok(Judgement::NotApplicable("no service is published under a name".into()));
    }
    let hosts = view.hosts()?;
    let available = cluster.condition("Available").is_some_and(facts::hosted::Condition::is_true);
    let young = !available && cluster.created_at.is_some_and(|then| view.minutes_since(then) < GRACE);
    let services = view.load_balancer_services();
    let mut unknown = Vec::new();
    let mut findings = Vec::new();
    for host in hosts {
        let wanted = match &services {
            Ok(services) => addresses(cluster, host, services),
            Err(_) => BTreeSet::new(),
        };
        match judge_host(host, &wanted, young) {
            Ok(finding) => findings.extend(finding),
            Err(gap) => unknown.push((format!("name {}", host.name), gap)),
        }
    }
    if let Err(gap) = services {
        unknown.push(("the addresses that names should lead to".to_owned(), gap));
    }
    findings.extend(Finding::unknowns(unknown));
    Ok(Judgement::new(format!("{} names resolve to the control plane", hosts.len()), findings))
}

/// The addresses that a name should lead to, as far as the Service that serves it says them.
///
/// Source: openshift/hypershift: Routes with a hostname are served by Service `router`, load balancers by Services of
/// their own.
fn addresses(cluster: &HostedCluster, host: &Host, services: &[facts::dns::ServiceAddresses]) -> BTreeSet<String> {
    let strategy = cluster.service(&host.service).map(|service: &Service| service.strategy.as_str());
    let is_own = |name: &str| match (strategy, host.service.as_str()) {
        (Some("Route"), _) => name == "router",
        (Some("LoadBalancer"), "APIServer") => name.starts_with("kube-apiserver") && !name.contains("private"),
        (Some("LoadBalancer"), "OAuthServer") => name.starts_with("oauth") && !name.contains("private"),
        _ => false,
    };
    let own = services.iter().filter(|service| is_own(&service.name));
    own.flat_map(|service| &service.addresses).filter(|address| is_address(address)).cloned().collect()
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

fn judge_host(host: &Host, wanted: &BTreeSet<String>, young: bool) -> Result<Option<Finding>, Gap> {
    let authoritative = host.authoritative.known("the answer of the zone's servers");
    let resolver = host.resolver.known("the answer of the resolver");
    let usable = |answer: &Result<&Answer, Gap>| matches!(answer, Ok(answer) if !answer.is_failure());
    let answer = match (&authoritative, &resolver) {
        (Ok(answer), _) if !answer.is_failure() => *answer,
        // Without the zone's own servers a positive answer counts, a negative one may be old.
        (_, Ok(answer)) if !answer.is_failure() && !answer.is_negative() => *answer,
        (Err(gap), _) | (_, Err(gap)) => return Err(gap.clone()),
        (Ok(failed), Ok(_)) => {
            return Err(Gap::new(GapKind::Unreachable, format!("{} answers {}", failed.server, failed.code)));
        }
    };
    let subject = format!("name {}", host.name);
    if answer.is_negative() {
        let what = format!("{} does not exist ({} of {})", host.name, answer.code, answer.server);
        let finding = if young {
            Finding::warn(subject, format!("{what}; the cluster is still coming up"), why(&host.service))
        } else {
            Finding::fail(subject, what, why(&host.service))
        };
        return Ok(Some(told(finding, host, wanted)));
    }
    let found: BTreeSet<String> = answer.values.iter().cloned().collect();
    // A name that leads over another one outside of the zone is judged by the resolver's addresses alone.
    if !wanted.is_empty() && !found.is_empty() && found.is_disjoint(wanted) {
        let what = format!("{} leads to another address than that of the control plane", host.name);
        return Ok(Some(told(Finding::fail(subject, what, why(&host.service)), host, wanted)));
    }
    match &resolver {
        Ok(cached) if cached.is_negative() => {
            let left = cached.negative_ttl.map_or_else(String::new, |left| format!(" for {left} more seconds"));
            let what = format!("{} exists, and the resolver {} does not know it yet", host.name, cached.server);
            let why =
                format!("it remembers that there was no such name{left}; until then it does not resolve from here");
            Ok(Some(told(Finding::warn(subject, what, why), host, wanted)))
        }
        Ok(_) if usable(&resolver) => Ok(None),
        Ok(failed) => {
            Err(Gap::new(GapKind::Unreachable, format!("the resolver {} answers {}", failed.server, failed.code)))
        }
        Err(gap) => Err(gap.clone()),
    }
}

fn told(finding: Finding, host: &Host, wanted: &BTreeSet<String>) -> Finding {
    let show = |fact: &facts::Fact<Answer>| match fact.known("the answer") {
        Ok(answer) if answer.values.is_empty() => format!("{} ({})", answer.code, answer.server),
        Ok(answer) => format!("{} ({})", answer.values.join(", "), answer.server),
        Err(gap) => gap.why,
    };
    let mut finding = finding;
    if !wanted.is_empty() {
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        finding = finding.see("service has", wanted.join(", "));
    }
    finding
        .see("zone says", show(&host.authoritative))
        .see("resolver says", show(&host.resolver))
        .fix(Fix::hypershift([
            "oc -n hypershift logs deployment/external-dns --tail 100".to_owned(),
            command!("nslookup {}", host.name),
        ]))
        .touches(Key::Names)
}

fn why(service: &str) -> &'static str {
    match service {
        "APIServer" => "neither users nor workers find the API server",
        "Ignition" => "the operator makes no machines until the name of ignition resolves",
        "Konnectivity" => "the API server does not reach the nodes: logs, exec and webhooks time out",
        "OAuthServer" => "nobody can log in to the cluster",
        _ => "a service of the control plane is not found",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::Fact;

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &API_RECORD_RESOLVES;

    fn set(facts: &mut facts::Facts, service: &str, authoritative: Answer, resolver: Answer) {
        let host = host(facts, service);
        host.authoritative = Fact::Known(authoritative);
        host.resolver = Fact::Known(resolver);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the API's name does not exist", |facts| {
                set(facts, "APIServer", no_such_name(), no_such_name());
                unresolved(facts);
            })
            .of(healthy_named),
            Fault::new("the ignition's name leads elsewhere", |facts| {
                set(facts, "Ignition", answer(&["20.9.9.9"]), answer(&["20.9.9.9"]));
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
    fn names_that_resolve_pass() {
        assert_passes(CHECK, &healthy_named());
    }

    #[test]
    fn clusters_without_public_names() {
        assert_not_applicable(CHECK, &healthy());
        assert_not_applicable(CHECK, &healthy_private());
    }

    #[test]
    fn a_name_that_does_not_exist() {
        let mut facts = healthy_named();
        set(&mut facts, "APIServer", no_such_name(), no_such_name());
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "name api-prod.ext.example.com");
        assert_eq!(finding.keys, [Key::Names]);
        cluster(&mut facts).created_at = Some(minutes_ago(5));
        the_failure(CHECK, &facts);
        cluster(&mut facts).conditions.retain(|condition| condition.kind != "Available");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn a_name_that_leads_elsewhere() {
        let mut facts = healthy_named();
        set(&mut facts, "OAuthServer", answer(&["20.9.9.9"]), answer(&["20.9.9.9"]));
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("service has"), Some(ROUTER));
        // Without the Services nothing can be said of addresses, and that is said.
        facts.names.load_balancers = Fact::Unreadable(denied("list services"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }

    #[test]
    fn a_resolver_that_remembers() {
        let mut facts = healthy_named();
        set(&mut facts, "Ignition", answer(&[ROUTER]), no_such_name());
        let finding = the_finding(CHECK, &facts);
        assert!(finding.level == Level::Warn && finding.why.contains("240 more seconds"), "{finding:#?}");
    }

    #[test]
    fn silence_proves_nothing() {
        let silent = Gap::new(GapKind::Unreachable, "no answer within 2 s");
        let mut facts = healthy_named();
        host(&mut facts, "APIServer").authoritative = Fact::Unreadable(silent.clone());
        // The resolver's positive answer is enough, its negative one is not.
        assert_passes(CHECK, &facts);
        host(&mut facts, "APIServer").resolver = Fact::Known(no_such_name());
        assert_eq!(the_gap(CHECK, &facts), silent);
        facts.names.hosts = Fact::Unreadable(silent.clone());
        assert_eq!(the_gap(CHECK, &facts), silent);
        let mut facts = healthy_named();
        let failed = Answer { code: "SERVFAIL".into(), ..answer(&[]) };
        set(&mut facts, "APIServer", failed.clone(), failed);
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
    }
}
