//! ID03: no identity serves two components or two hosted clusters.

use std::collections::BTreeMap;

use crate::federation;
use crate::prelude::*;
use crate::shell::command;
use crate::text;

declare_check! {
    /// ## What it checks
    /// Each client id that the HostedCluster names stands for one component, and no other HostedCluster of the management
    /// cluster names it.
    ///
    /// ## Why it matters
    /// An identity that several share has the roles of all of them, so that a fault of one reaches the others. It takes 20
    /// federated identity credentials and no more. Destroying one cluster with its identities breaks the other one.
    ///
    /// ## How to fix
    /// Make identities for each cluster, and write their client ids into the HostedCluster.
    ///
    /// Source: Microsoft Entra, considerations for workload identity federation (limits); openshift/hypershift
    /// cmd/infra/azure/identities.go (one identity for each component).
    pub static IDENTITY_REUSE = {
        code: "ID03",
        id: "identity-reuse",
        group: Identities,
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
    let Some(client_ids) = cluster.workload_identities() else {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    };
    let mut by_id: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, id) in &client_ids {
        by_id.entry(id.to_ascii_lowercase()).or_default().push(key);
    }
    let others = view.others();
    let mut findings = Vec::new();
    for (id, keys) in &by_id {
        let elsewhere: Vec<String> = others
            .as_ref()
            .map(|others| others.related.as_slice())
            .unwrap_or_default()
            .iter()
            .filter_map(|other| {
                let theirs = other.client_ids.get(id)?;
                Some(format!("{}/{} ({})", other.namespace, other.name, theirs.join(", ")))
            })
            .collect();
        if keys.len() < 2 && elsewhere.is_empty() {
            continue;
        }
        let named = keys.join(" and ");
        let what = match (keys.len(), elsewhere.len()) {
            (1, 1) => format!("the identity of {named} also serves HostedCluster {}", elsewhere[0]),
            (1, several) => format!("the identity of {named} also serves {several} other HostedClusters"),
            (_, 0) => format!("one identity serves {named}"),
            (_, several) => format!("one identity serves {named}, and {several} other HostedClusters"),
        };
        let mut finding = Finding::warn(
            format!("identity {}", keys.join(", ")),
            what,
            "it has the roles of all of them, it takes 20 federated credentials, and destroying one breaks the other",
        )
        .see("client id", id.as_str());
        if !elsewhere.is_empty() {
            finding = finding.see("also in", text::first_of(&elsewhere, SHOWN));
        }
        finding = keys.iter().fold(finding, |finding, key| finding.touches(Key::Identity((*key).to_owned())));
        findings.push(finding.fix(
            Fix::azure([command!(
                "oc hcp-azure create iam {} --infra-id {} --resource-group-name GROUP --oidc-issuer-url {} --location {} --output-file workload-identities.json",
                cluster.name,
                cluster.infra_id,
                cluster.issuer_url,
                cluster.azure.location
            )])
            .note("GROUP keeps the identities; then write the new client ids into spec.platform.azure.azureAuthenticationConfig, and give the new identities their roles"),
        ));
    }
    let count = match others {
        Ok(others) => others.count,
        Err(gap) => {
            findings.push(Finding::unknown("the other HostedClusters", gap));
            0
        }
    };
    Ok(Judgement::new(
        format!("{} identities serve one component each, and none of {count} other clusters", by_id.len()),
        findings,
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::fleet::Relative;
    use facts::hosted::Authentication;
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &IDENTITY_REUSE;

    fn share(facts: &mut Facts, key: &str, with: &str) {
        others(facts).push(Relative {
            namespace: "clusters".into(),
            name: with.into(),
            client_ids: [(client_id(key), vec![key.to_owned()])].into(),
            ..Relative::default()
        });
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("an identity of another hosted cluster", |facts| share(facts, "ingress", "dev"))]
    }

    #[test]
    fn identities_of_ones_own_pass() {
        assert_passes(CHECK, &healthy());
        assert_not_applicable(CHECK, &healthy_managed());
    }

    #[test]
    fn identities_that_others_have_too() {
        let mut facts = healthy();
        share(&mut facts, "disk", "dev");
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        assert_eq!(finding.what, "the identity of disk also serves HostedCluster clusters/dev (disk)");
        assert_eq!(finding.keys, [Key::Identity("disk".into())]);
    }

    #[test]
    fn one_identity_for_two_components() {
        let mut facts = healthy();
        if let Authentication::WorkloadIdentities { client_ids } = &mut cluster(&mut facts).azure.authentication {
            client_ids.insert("file".into(), client_id("disk").to_ascii_uppercase());
        }
        assert_eq!(the_finding(CHECK, &facts).what, "one identity serves disk and file");
    }

    #[test]
    fn others_that_cannot_be_read_are_unknown() {
        let mut facts = healthy();
        facts.management.fleet.others = Fact::Unreadable(denied("list hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
