//! ID05: the managed identities are in regions where they can have federated credentials.

use facts::hosted::HostedCluster;

use crate::federation::{self, Member};
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// None of the cluster's managed identities is in a region where Azure makes no federated identity credentials. Where
    /// identities are still to be made, the cluster's own region counts, because that is where they will be. An identity that
    /// has credentials proves that its region makes them.
    ///
    /// ## Why it matters
    /// Without federated credentials no component of the control plane gets a token. The region of an identity says nothing
    /// else: tokens are issued and roles hold everywhere.
    ///
    /// ## How to fix
    /// Make the identities in another region; they need not be in that of the cluster, and a region cannot be changed.
    ///
    /// Source:
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>.
    pub static IDENTITY_REGION = {
        code: "ID05",
        id: "identity-region",
        group: Identities,
        since: "0.1.0",
        when: [Preflight],
        needs: [HostedCluster, Identities, FederatedCredentials],
        caused_by: ["CR01"],
        judge: judge,
    };
}

/// Regions in which Azure makes no federated identity credentials, as their resource names.
const WITHOUT: [&str; 2] = ["malaysiasouth", "newzealandnorth"];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let identities = view.identities()?;
    let Some(members) = federation::members(cluster, identities) else {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    };
    let mut findings = Vec::new();
    for member in &members {
        let federated = view.federated(member.identity);
        if !is_without(&member.identity.location) {
            continue;
        }
        match federated {
            Ok(list) if !list.is_empty() => {}
            Ok(_) => findings.push(in_the_wrong_region(cluster, *member)),
            Err(gap) => findings.push(Finding::unknown(member.subject(), gap)),
        }
    }
    if members.is_empty() && is_without(&cluster.azure.location) {
        let location = &cluster.azure.location;
        findings.push(
            Finding::fail(
                format!("region {location}"),
                format!("Azure makes no federated identity credentials for identities in {location}"),
                "the identities of the cluster are still to be made, and would be made there",
            )
            .fix(recreate(cluster, "RESOURCE_GROUP")),
        );
    }
    let passed = match members.len() {
        0 => format!("identities in {} can have federated credentials", cluster.azure.location),
        several => format!("{several} identities are in regions where they can have federated credentials"),
    };
    Ok(Judgement::new(passed, findings))
}

fn is_without(region: &str) -> bool {
    let plain = region.replace(' ', "").to_ascii_lowercase();
    WITHOUT.contains(&plain.as_str())
}

fn recreate(cluster: &HostedCluster, group: &str) -> Fix {
    Fix::azure([command!(
        "oc hcp-azure create iam azure --name {} --infra-id {} --resource-group-name {group} --oidc-issuer-url {} --location REGION --output-file workload-identities.json",
        cluster.name,
        cluster.infra_id,
        cluster.issuer_url;
        group
    )])
    .note("REGION is any other one; identities that are there already have to be deleted first, and get new client ids")
}

fn in_the_wrong_region(cluster: &HostedCluster, member: Member<'_>) -> Finding {
    let location = &member.identity.location;
    let group = member.identity.id.resource_group().unwrap_or("RESOURCE_GROUP");
    let finding = Finding::fail(
        member.subject(),
        format!("Azure makes no federated identity credentials for identities in {location}"),
        format!("{} gets no token without one", member.component.key),
    )
    .see("region", location)
    .see("identity", member.identity.id.as_str())
    .fix(recreate(cluster, group));
    member.touched_by(member.weigh(finding))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &IDENTITY_REGION;

    fn strand(facts: &mut facts::Facts, key: &str) {
        identity(facts, key).location = "Malaysia South".into();
        federated(facts, key).clear();
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("an identity is in a region without federation", |facts| strand(facts, "ingress"))]
    }

    #[test]
    fn other_regions_pass_and_so_does_one_that_has_credentials() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        identity(&mut facts, "ingress").location = "newzealandnorth".into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_identity_without_credentials_there_fails() {
        let mut facts = healthy();
        strand(&mut facts, "ingress");
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[0].contains("--resource-group-name os4-common "));
        let mut facts = healthy();
        strand(&mut facts, "controlPlaneOperator");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn identities_that_are_still_to_come_are_made_in_the_clusters_region() {
        let mut facts = healthy();
        facts.azure.identities = Fact::Known(Vec::new());
        assert_passes(CHECK, &facts);
        cluster(&mut facts).azure.location = "malaysiasouth".into();
        assert_eq!(the_failure(CHECK, &facts).subject, "region malaysiasouth");
    }

    #[test]
    fn gaps() {
        let mut facts = healthy();
        strand(&mut facts, "ingress");
        identity(&mut facts, "ingress").federated = Fact::Unreadable(denied("read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.azure.identities = Fact::Unreadable(denied("read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
