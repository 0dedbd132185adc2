//! HC07: no certificate of the control plane is about to end.

use facts::control_plane::Certificate;
use facts::hosted::HostedCluster;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// No certificate in the Secrets of the control plane namespace has ended, and none ends within 29 days: serving and
    /// client certificates of etcd, the API server, konnectivity, the ignition server and the others, and the CAs that
    /// sign them.
    ///
    /// Only certificates are read, from keys that end in `.crt`; private keys are not looked at. Listing Secrets takes a
    /// right that many readers lack, and no dump holds them.
    ///
    /// ## Why it matters
    /// The control plane operator renews a certificate of one year when 30 days of it are left. One with less shows that
    /// nothing is renewed any more, because the cluster is paused, its operator does not run, or the certificate is
    /// somebody's own. When it ends, the component behind it is refused by all others at once.
    ///
    /// ## How to fix
    /// See that the cluster is not paused (HC12) and the control plane operator runs (HC03). Deleting the Secret of a leaf
    /// certificate makes the operator issue it anew: try it on one first. Never delete the Secret of a CA.
    ///
    /// Source: openshift/hypershift support/certs/tls.go (one year for leaves, ten for CAs, renewed at 30 days).
    pub static CERTS_EXPIRY = {
        code: "HC07",
        id: "certs-expiry",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Certificates],
        caused_by: ["HC12"],
        judge: judge,
    };
}

/// Days that are left of a certificate when it is renewed, less one in which the operator may get to it.
const RENEWED: i64 = 29;
/// How many Secrets one command names.
const SHOWN: usize = 8;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let certificates = view.certificates()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if certificates.is_empty() {
        let plane = view.target().control_plane_namespace();
        return Err(Gap::new(GapKind::Blocked, format!("no Secret of namespace {plane} holds a certificate")));
    }
    let minutes = |certificate: &&Certificate| -view.minutes_since(certificate.not_after);
    let ended: Vec<&Certificate> = certificates.iter().filter(|certificate| minutes(certificate) <= 0).collect();
    let ending: Vec<&Certificate> =
        certificates.iter().filter(|certificate| (1..RENEWED * 24 * 60).contains(&minutes(certificate))).collect();
    let mut findings = Vec::new();
    for (of_authority, list) in [(true, &ended), (false, &ended)] {
        findings.extend(finding(view, cluster, list, of_authority, true));
    }
    for (of_authority, list) in [(true, &ending), (false, &ending)] {
        findings.extend(finding(view, cluster, list, of_authority, false));
    }
    let soonest = certificates.iter().map(|certificate| certificate.not_after).min();
    let soonest = soonest.map_or(String::new(), |end| format!(", the first ends {end}"));
    Ok(Judgement::new(format!("{} certificates are valid{soonest}", certificates.len()), findings))
}

/// One finding for all certificates of one kind: as a rule they were issued, and end, together.
fn finding(
    view: &View<'_>,
    cluster: &HostedCluster,
    list: &[&Certificate],
    of_authority: bool,
    ended: bool,
) -> Option<Finding> {
    let mut own: Vec<&Certificate> =
        list.iter().copied().filter(|certificate| certificate.is_authority == of_authority).collect();
    own.sort_by_key(|certificate| (certificate.not_after, certificate.secret.clone(), certificate.key.clone()));
    let first = own.first()?;
    let noun = if of_authority { "CA" } else { "certificate" };
    let subject = match own.len() {
        1 => format!("{noun} {}", first.secret),
        several => format!("{several} {noun}s"),
    };
    let finding = if ended {
        Finding::fail(
            subject.clone(),
            format!("{subject} {} ended {}", if own.len() == 1 { "has" } else { "have" }, first.not_after),
            "every client refuses the component that shows it: the control plane falls apart",
        )
    } else {
        Finding::warn(
            subject.clone(),
            format!(
                "{subject} {} in {} days and {} not been renewed",
                if own.len() == 1 { "ends" } else { "begin to end" },
                -view.minutes_since(first.not_after) / (24 * 60),
                if own.len() == 1 { "has" } else { "have" }
            ),
            "the control plane operator renews a certificate when 30 days of it are left: it does not do so any more",
        )
    };
    let mut finding = own.iter().take(SHOWN).fold(finding, |finding, certificate| {
        let names =
            if certificate.names.is_empty() { String::new() } else { format!(", for {}", certificate.names.join(" ")) };
        finding.see(
            &format!("{}/{}", certificate.secret, certificate.key),
            format!("{}, issued by {}{names}, ends {}", certificate.subject, certificate.issuer, certificate.not_after),
        )
    });
    for certificate in &own {
        finding = finding.touches(Key::Workload(workload(&certificate.secret).to_owned()));
    }
    finding = finding.touches(Key::Pause(None));
    let plane = view.target().control_plane_namespace();
    let mut commands = vec![
        command!("oc -n {} get hostedcluster {} -o jsonpath='{{.spec.pausedUntil}}'", cluster.namespace, cluster.name),
        command!("oc -n {plane} logs deployment/control-plane-operator --tail 100"; plane),
    ];
    let note = if of_authority {
        "do not delete the Secret of a CA: everything that it signed would be refused at once"
    } else {
        let mut secrets: Vec<&str> = own.iter().map(|certificate| certificate.secret.as_str()).collect();
        secrets.dedup();
        commands.extend(
            secrets.iter().take(SHOWN).map(|secret| command!("oc -n {plane} delete secret {secret}"; plane, secret)),
        );
        "the operator issues the Secret of a leaf anew: try one first; `oc hcp-azure create kubeconfig` fetches a new kubeconfig"
    };
    Some(finding.fix(Fix::hypershift(commands).note(note)))
}

/// The workload that shows the certificate of a Secret, as far as the name tells.
fn workload(secret: &str) -> &str {
    if secret.starts_with("etcd") {
        "etcd"
    } else if secret.starts_with("kas-") || secret.starts_with("system-admin") {
        "kube-apiserver"
    } else if secret.starts_with("konnectivity") {
        "konnectivity-agent"
    } else {
        ["-serving-cert", "-cert", "-crt", "-tls", "-server", "-client"]
            .iter()
            .find_map(|end| secret.strip_suffix(end))
            .unwrap_or(secret)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &CERTS_EXPIRY;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("certificate of etcd has ended", |facts| {
                list(facts).push(certificate("etcd-server-tls", "server.crt", -1, false));
                crash_container(facts, "etcd", "etcd");
                set_condition_since(facts, "EtcdAvailable", "False", "Waiting for etcd to reach quorum", 60);
                set_condition_since(facts, "KubeAPIServerAvailable", "False", "", 60);
            }),
            Fault::new("certificates are not renewed", |facts| {
                list(facts).push(certificate("kas-server-private-crt", "tls.crt", 12, false));
            }),
        ]
    }

    fn list(facts: &mut Facts) -> &mut Vec<Certificate> {
        match &mut facts.hosted.control_plane.certificates {
            Fact::Known(list) => list,
            other => panic!("{other:?}"),
        }
    }

    fn with(secret: &str, days: i64, is_authority: bool) -> Facts {
        let mut facts = healthy();
        list(&mut facts).push(certificate(secret, "tls.crt", days, is_authority));
        facts
    }

    #[test]
    fn valid_ending_and_ended() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &with("a", 30, false));
        let finding = the_finding(CHECK, &with("oauth-server-crt", 12, false));
        assert_eq!(finding.level, Level::Warn);
        assert_eq!(finding.keys, [Key::Workload("oauth-server".into()), Key::Pause(None)]);
        assert!(finding.what.contains("ends in 12 days"), "{}", finding.what);
        let finding = the_failure(CHECK, &with("etcd-peer-tls", -1, false));
        assert_eq!(finding.keys[0], Key::Workload("etcd".into()));
        assert_eq!(finding.fixes[0].commands[2], "oc -n clusters-prod delete secret etcd-peer-tls");
    }

    #[test]
    fn many_are_one_row_and_cas_are_another() {
        let mut facts = with("a", 12, false);
        list(&mut facts).push(certificate("b", "tls.crt", 11, false));
        assert!(the_finding(CHECK, &facts).what.starts_with("2 certificates begin to end in 11 days"));
        list(&mut facts).push(certificate("root-ca-2", "ca.crt", 11, true));
        let findings = findings(CHECK, &facts);
        assert_eq!(findings.len(), 2);
        assert!(findings[0].fixes[0].commands.iter().all(|command| !command.contains("delete")), "{findings:#?}");
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy();
        facts.hosted.control_plane.certificates = Fact::Known(Vec::new());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        facts.hosted.control_plane.certificates = Fact::Unreadable(denied("list secrets"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        let mut facts = healthy();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
