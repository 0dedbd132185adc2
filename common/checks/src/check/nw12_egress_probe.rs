//! NW12: what the egress probe reported from a worker.

use facts::egress::{self, LIST};
use facts::guest::ProbeResult;

use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// What a probe inside the hosted cluster reported: whether a worker's pods reach Entra, Resource Manager and the
    /// registries, from name resolution to the certificate.
    ///
    /// The probe is a Job that you apply yourself; `doctor` starts nothing. `doctor --print-egress-probe` prints its
    /// manifest with a versioned list of addresses. Without a probe there is nothing to judge; one that is older than a day
    /// counts as a warning. Addresses that only some clusters need are warnings, too.
    ///
    /// ## Why it matters
    /// Rules of network security groups and routes (NW02, NW03) are not all that stands between a worker and the Internet:
    /// a firewall, a proxy that intercepts TLS, or the VNet's own DNS servers show only from inside.
    ///
    /// ## How to fix
    /// Let the named addresses through. Where TLS is intercepted, add the certificate authority to
    /// `spec.additionalTrustBundle`, or let these hosts pass untouched.
    ///
    /// Source: OpenShift documentation, "Configuring your firewall"; openshift/osd-network-verifier; az aks check-network.
    pub static EGRESS_PROBE = {
        code: "NW12",
        id: "egress-probe",
        group: Network,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, EgressProbe],
        caused_by: ["NW01", "NW02", "NW03"],
        judge: judge,
    };
}

/// Minutes after which a report is old news.
const OLD: i64 = 24 * 60;

/// How far the probe came to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Dns,
    Connect,
    Tls,
    Intercepted,
    Other,
}

impl Reach {
    /// What an exit code of curl means; none for an answer. Source: man curl, EXIT CODES.
    fn of(result: &ProbeResult) -> Option<Self> {
        match result.curl {
            0 => None,
            6 => Some(Self::Dns),
            7 | 28 => Some(Self::Connect),
            60 | 51 => Some(Self::Intercepted),
            35 | 52 | 56 => Some(Self::Tls),
            _ => Some(Self::Other),
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Dns => "names do not resolve",
            Self::Connect => "no connection",
            Self::Tls => "the connection breaks during TLS",
            Self::Intercepted => "the certificate is not trusted: something intercepts TLS",
            Self::Other => "no answer",
        }
    }
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(probe) = view.egress_probe()? else {
        return Ok(Judgement::NotApplicable("no egress probe ran; `doctor --print-egress-probe` prints one".into()));
    };
    if !probe.complete || probe.results.is_empty() {
        let gap = Gap::new(GapKind::Failed, format!("the egress probe {} has not come to its end", probe.pod))
            .with_remedy(format!("oc -n {} logs {}", egress::NAMESPACE, crate::text::quote(&probe.pod)));
        return Ok(Judgement::new("", vec![Finding::unknown("egress probe", gap)]));
    }
    let is_old = probe.started_at.is_none_or(|then| view.minutes_since(then) > OLD);
    let mut groups: std::collections::BTreeMap<(Reach, bool), Vec<&ProbeResult>> = std::collections::BTreeMap::new();
    for result in &probe.results {
        let Some(reach) = Reach::of(result) else { continue };
        let required = egress::entry(&result.address).is_none_or(|entry| entry.required);
        groups.entry((reach, required)).or_default().push(result);
    }
    let findings = groups
        .into_iter()
        .map(|((reach, required), results)| {
            let names: Vec<&str> = results.iter().map(|result| result.address.as_str()).collect();
            let what = format!("from a worker, {}: {}", reach.what(), names.join(", "));
            let (subject, why) =
                ("way out of the workers", "images, tokens and updates that need these addresses fail");
            // Whether a cluster trusts what intercepts stands in its trust bundle, which is not read.
            let mut finding = if required && !is_old && reach != Reach::Intercepted {
                Finding::fail(subject, what, why)
            } else {
                Finding::warn(subject, what, why)
            };
            for result in results {
                let purpose = egress::entry(&result.address).map_or("Entra or Resource Manager", |entry| entry.purpose);
                let issuer = result.certificate_issuer.as_deref().map(|by| format!(", certificate by {by}"));
                let line =
                    format!("{} ({purpose}): curl {}{}", result.address, result.curl, issuer.unwrap_or_default());
                finding = finding.see("address", line);
            }
            finding = finding.see("probe", format!("{} on {}", probe.pod, probe.node.as_deref().unwrap_or("a node")));
            if let Some(started) = probe.started_at {
                finding = finding.see("started", started.to_string());
            }
            if probe.list.as_deref() != Some(LIST) {
                finding = finding.see("list", format!("{}, not {LIST}", probe.list.as_deref().unwrap_or("unknown")));
            }
            finding.touches(Key::Egress).fix(fix(cluster, reach))
        })
        .collect();
    Ok(Judgement::new(format!("{} addresses were reached from a worker", probe.results.len()), findings))
}

fn fix(cluster: &facts::hosted::HostedCluster, reach: Reach) -> Fix {
    use crate::shell::command;
    let azure = &cluster.azure;
    match reach {
        Reach::Dns => {
            Fix::azure([command!("az network vnet show --ids {} --query dhcpOptions.dnsServers", azure.vnet_id)])
                .note("these DNS servers have to resolve public names; none means Azure's own")
        }
        Reach::Intercepted => Fix::hypershift([command!(
            "oc -n {} get hostedcluster {} -o jsonpath={}",
            cluster.namespace,
            cluster.name,
            "{.spec.additionalTrustBundle}"
        )])
        .note("the ConfigMap that it names has to hold the authority of that certificate"),
        Reach::Connect | Reach::Tls | Reach::Other => Fix::azure([
            command!("az network vnet subnet show --ids {} --query routeTable.id", azure.subnet_id),
            command!("az network nsg show --ids {} --query securityRules -o table", azure.security_group_id),
        ])
        .note("let these addresses through where the route leads to; then apply the probe again"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::guest::EgressProbe;
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &EGRESS_PROBE;

    fn with(results: &[(&str, i32)]) -> Facts {
        let mut facts = healthy();
        let result = |(address, curl): &(&str, i32)| ProbeResult {
            address: (*address).into(),
            curl: *curl,
            status: (*curl == 0).then_some(200),
            certificate_issuer: (*curl == 60).then(|| "CN=corp-proxy".into()),
        };
        facts.guest.egress_probe = Fact::Known(EgressProbe {
            pod: "hcp-azure-egress-probe-x".into(),
            node: Some("prod-a".into()),
            started_at: Some(minutes_ago(30)),
            complete: true,
            list: Some(LIST.into()),
            results: results.iter().map(result).collect(),
        });
        facts
    }

    fn probe(facts: &mut Facts) -> &mut EgressProbe {
        match &mut facts.guest.egress_probe {
            Fact::Known(probe) => probe,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a firewall keeps registries away", |facts| {
            let seen = [("quay.io:443", 28), ("cdn.quay.io:443", 7), ("login.microsoftonline.com:443", 0)];
            facts.guest.egress_probe = with(&seen).guest.egress_probe;
        })]
    }

    #[test]
    fn answers_pass_and_no_probe_is_no_fault() {
        assert_passes(CHECK, &with(&[("quay.io:443", 0)]));
        assert_not_applicable(CHECK, &healthy());
    }

    #[test]
    fn blocked_addresses_are_one_row_by_stage() {
        let facts = with(&[("quay.io:443", 28), ("management.azure.com:443", 7), ("cdn.quay.io:443", 6)]);
        let found = findings(CHECK, &facts);
        let whats: Vec<_> = found.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(
            whats,
            [
                "from a worker, names do not resolve: cdn.quay.io:443",
                "from a worker, no connection: quay.io:443, management.azure.com:443"
            ]
        );
        assert!(found.iter().all(|finding| finding.level == Level::Fail && finding.keys == [Key::Egress]));
        the_failure(CHECK, &with(&[("quay.io:443", 35)]));
    }

    #[test]
    fn what_may_be_meant_is_a_warning() {
        let level = |facts: &Facts| the_finding(CHECK, facts).level;
        assert_eq!(level(&with(&[("console.redhat.com:443", 28)])), Level::Warn);
        let intercepted = with(&[("quay.io:443", 60)]);
        assert_eq!(level(&intercepted), Level::Warn);
        assert!(
            the_finding(CHECK, &intercepted).evidence.get("address").unwrap().ends_with("certificate by CN=corp-proxy")
        );
        let mut old = with(&[("quay.io:443", 28)]);
        probe(&mut old).started_at = Some(minutes_ago(OLD + 1));
        probe(&mut old).list = Some("2020-01".into());
        assert_eq!(level(&old), Level::Warn);
        assert_eq!(the_finding(CHECK, &old).evidence.get("list"), Some("2020-01, not 2026-11"));
    }

    #[test]
    fn a_probe_without_an_end_is_unknown() {
        let mut facts = with(&[("quay.io:443", 0)]);
        probe(&mut facts).complete = false;
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Failed);
        facts.guest.egress_probe = Fact::Unreadable(denied("list pods"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
