//! OI07: no other hosted cluster has the same issuer.

use crate::federation;
use crate::prelude::*;
use crate::shell::command;
use crate::text;

declare_check! {
    /// ## What it checks
    /// No other HostedCluster of the management cluster has the same `spec.issuerURL`. One in the same namespace is told;
    /// one in another namespace, which others may own, is a warning.
    ///
    /// ## Why it matters
    /// A federated credential trusts an issuer and a subject, and subjects name no cluster. Every key that the issuer
    /// publishes signs for all clusters that share it: who administers one of them can make a token that Entra takes for
    /// an identity of the other.
    ///
    /// ## How to fix
    /// Give each owner an issuer of its own. The issuer of a HostedCluster cannot be changed, so that this is for the next
    /// cluster.
    ///
    /// Source: Microsoft Entra, considerations for workload identity federation; openshift/hypershift
    /// cmd/infra/azure/identities.go (subjects).
    pub static ISSUER_SHARED = {
        code: "OI07",
        id: "issuer-shared",
        group: Oidc,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, OtherClusters],
        caused_by: [],
        judge: judge,
    };
}

/// How many of the other clusters are named.
const SHOWN: usize = 5;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let others = view.others()?;
    if cluster.issuer_url == federation::DEFAULT_ISSUER {
        return Ok(Judgement::NotApplicable(
            "the HostedCluster has the default issuer, which Entra does not know".into(),
        ));
    }
    let same: Vec<_> = others.related.iter().filter(|other| other.same_issuer).collect();
    let mut findings = Vec::new();
    if let Some(first) = same.first() {
        let stranger = same.iter().find(|other| other.namespace != cluster.namespace);
        let shown = stranger.unwrap_or(first);
        let subject = format!("issuer {}", cluster.issuer_url);
        let what = match same.len() {
            1 => format!("HostedCluster {}/{} has the same issuer", shown.namespace, shown.name),
            several => format!(
                "{several} other HostedClusters have the same issuer, {}/{} among them",
                shown.namespace, shown.name
            ),
        };
        let why = "service accounts of one cluster can get tokens for identities of the other";
        let finding = match stranger {
            Some(_) => Finding::warn(subject, what, why),
            None => Finding::info(subject, what, why),
        };
        let names: Vec<String> = same.iter().map(|other| format!("{}/{}", other.namespace, other.name)).collect();
        findings.push(
            finding.see("shared with", text::first_of(&names, SHOWN)).fix(
                Fix::azure([command!(
                    "oc hcp-azure create oidc-issuer NAME --location {} --subscription {}",
                    cluster.azure.location,
                    cluster.azure.subscription_id
                )])
                .note("for the next cluster: NAME is that of a storage account which is not there yet"),
            ),
        );
    }
    Ok(Judgement::new(format!("none of {} other clusters has issuer {}", others.count, cluster.issuer_url), findings))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::fleet::Relative;
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &ISSUER_SHARED;

    fn share(facts: &mut Facts, namespaces: &[&str]) {
        others(facts).extend(namespaces.iter().map(|namespace| Relative {
            namespace: (*namespace).into(),
            name: "dev".into(),
            same_issuer: true,
            ..Relative::default()
        }));
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("another owner's cluster has the same issuer", |facts| share(facts, &["team-b"]))]
    }

    #[test]
    fn an_issuer_of_ones_own_passes() {
        assert_passes(CHECK, &healthy());
        assert_not_applicable(CHECK, &healthy_managed());
        let mut facts = healthy();
        cluster(&mut facts).issuer_url = federation::DEFAULT_ISSUER.into();
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn an_issuer_of_several() {
        let mut facts = healthy();
        share(&mut facts, &["clusters"]);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
        share(&mut facts, &["team-b"]);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(
            (finding.level, finding.evidence.get("shared with")),
            (Level::Warn, Some("clusters/dev, team-b/dev"))
        );
        assert!(finding.what.contains("team-b/dev"));
        share(&mut facts, &["c", "d", "e", "f", "g"]);
        let many = "clusters/dev, team-b/dev, c/dev, d/dev, e/dev and 2 more";
        assert_eq!(the_finding(CHECK, &facts).evidence.get("shared with"), Some(many));
    }

    #[test]
    fn others_that_cannot_be_read_are_unknown() {
        let mut facts = healthy();
        facts.management.fleet.others = Fact::Unreadable(denied("list hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
