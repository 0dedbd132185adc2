//! OR05: what a destroy goes by is this cluster's alone.

use facts::azure::INFRA_ID_TAG;
use facts::fleet::Relative;
use facts::hosted::HostedCluster;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// No other HostedCluster of the management cluster has the same infra id, or stands in the managed resource group of
    /// this one with its VNet, subnet, network security group, DNS zone or group; and that group was made for no other
    /// cluster, as far as its tag `hcp-azure_infra-id` says so.
    ///
    /// The tag is written by `create infra` and `create cluster`. Hosted clusters of other management clusters are not seen.
    ///
    /// ## Why it matters
    /// Destroying goes by the infra id and by the managed resource group: hypershift deletes that group with all that is in
    /// it, also where it was given, and role assignments, zones and identities by names made of the infra id. What another
    /// cluster has there goes, too, and cannot be had back. hypershift does not read the group from the HostedCluster: one
    /// that is not called NAME-INFRAID has to be named with `--resource-group-name`. `destroy cluster` of this program reads
    /// it, and leaves what it cannot prove to be the cluster's.
    ///
    /// ## How to fix
    /// Look at the plan before anything is deleted, keep the group, and destroy the cluster that stands in it first.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/destroy.go, destroy_iam.go.
    pub static DESTROY_INPUTS = {
        code: "OR05",
        id: "destroy-inputs",
        group: Orphans,
        since: "0.1.0",
        when: [Destroy],
        needs: [HostedCluster, ResourceGroups, OtherClusters],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let name = &cluster.azure.resource_group;
    let (group, others) = (view.resource_group(name), view.others());
    let mut findings = Vec::new();
    match &group {
        Ok(group) => {
            let stranger = group.and_then(|group| group.made_for()).filter(|own| *own != cluster.infra_id);
            findings.extend(stranger.map(|own| made_for_another(cluster, own)));
        }
        Err(gap) => findings.push(Finding::unknown(format!("resource group {name}"), gap.clone())),
    }
    match others {
        Ok(others) => findings.extend(others.related.iter().filter_map(|other| in_the_way(cluster, other))),
        Err(gap) => findings.push(Finding::unknown("the other HostedClusters", gap)),
    }
    let zone = cluster.dns.public_zone_id.as_ref().and_then(|zone| zone.resource_group()).unwrap_or("none");
    Ok(Judgement::new(
        format!(
            "infra id {}, managed resource group {name}, location {}, group of the DNS zone {zone}: this cluster's alone",
            cluster.infra_id, cluster.azure.location
        ),
        findings,
    ))
}

fn made_for_another(cluster: &HostedCluster, own: &str) -> Finding {
    let name = &cluster.azure.resource_group;
    Finding::fail(
        format!("resource group {name}"),
        format!("the managed resource group of {} was made for the cluster with infra id {own}", cluster.name),
        "deleting the group takes that cluster's resources along; kept, it leaves this cluster's behind",
    )
    .compare(&cluster.infra_id, own)
    .see("tag", INFRA_ID_TAG)
    .fix(plan(cluster, true))
}

/// What another cluster has where this one is going to be destroyed.
fn in_the_way(cluster: &HostedCluster, other: &Relative) -> Option<Finding> {
    let known = format!("{}/{}", other.namespace, other.name);
    let subject = format!("HostedCluster {known}");
    let group = &cluster.azure.resource_group;
    let finding = if other.same_infra_id {
        Finding::fail(
            subject,
            format!("HostedCluster {known} has the same infra id {}", cluster.infra_id),
            "what is destroyed is found by the infra id: the other cluster's resources go with this one's",
        )
        .see("infra id", &cluster.infra_id)
    } else if !other.within.is_empty() {
        Finding::fail(
            subject,
            format!("HostedCluster {known} stands in resource group {group}, which goes with {}", cluster.name),
            format!("deleting {group} with all that is in it takes the network of {known} along"),
        )
    } else {
        return None;
    };
    let finding = other.within.iter().fold(finding, |finding, id| finding.see("it names", id.as_str()));
    Some(finding.fix(plan(cluster, !other.within.is_empty())))
}

fn plan(cluster: &HostedCluster, keep_group: bool) -> Fix {
    let (namespace, name) = (&cluster.namespace, &cluster.name);
    let line = if keep_group {
        command!("oc hcp-azure destroy cluster {} -n {} --preserve-resource-group --dry-run", name, namespace)
    } else {
        command!("oc hcp-azure destroy cluster {} -n {} --dry-run", name, namespace)
    };
    Fix::azure([line]).note("shows what would go and what stays; what bears another cluster's infra id in a tag stays")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{ArmId, Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &DESTROY_INPUTS;
    const MANAGED: &str = "prod-prod-x7k2p";

    fn beside(facts: &mut Facts, change: impl FnOnce(&mut Relative)) {
        let mut other = Relative { namespace: "clusters".into(), name: "dev".into(), ..Relative::default() };
        change(&mut other);
        others(facts).push(other);
    }

    fn vnet() -> ArmId {
        ArmId::in_group(SUBSCRIPTION, MANAGED, "Microsoft.Network/virtualNetworks/dev")
    }

    fn tag(facts: &mut Facts, infra_id: &str) {
        let Some(Fact::Known(group)) = facts.azure.resource_groups.get_mut(MANAGED) else { panic!("no group") };
        group.tags.insert(INFRA_ID_TAG.into(), infra_id.into());
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("another cluster's network lies in the managed group", |facts| {
                beside(facts, |other| other.within = vec![vnet()]);
            }),
            Fault::new("another cluster has the same infra id", |facts| {
                beside(facts, |other| other.same_infra_id = true)
            }),
            Fault::new("the managed group was made for another cluster", |facts| tag(facts, "dev-aaaaa")),
        ]
    }

    #[test]
    fn what_is_the_clusters_alone_passes() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        tag(&mut facts, "prod-x7k2p");
        beside(&mut facts, |other| other.same_issuer = true);
        assert_passes(CHECK, &facts);
        facts.azure.resource_groups.insert(MANAGED.into(), Fact::Absent);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_is_anothers_is_named() {
        let mut facts = healthy();
        beside(&mut facts, |other| other.within = vec![vnet()]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "HostedCluster clusters/dev");
        assert_eq!(finding.evidence.get("it names"), Some(vnet().as_str()));
        assert_eq!(
            finding.fixes[0].commands,
            ["oc hcp-azure destroy cluster prod -n clusters --preserve-resource-group --dry-run"]
        );
        let mut facts = healthy();
        beside(&mut facts, |other| other.same_infra_id = true);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.ends_with("the same infra id prod-x7k2p"), "{}", finding.what);
        assert_eq!(finding.fixes[0].commands, ["oc hcp-azure destroy cluster prod -n clusters --dry-run"]);
        let mut facts = healthy();
        tag(&mut facts, "dev-aaaaa");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            (finding.evidence.get("want"), finding.evidence.get("found")),
            (Some("prod-x7k2p"), Some("dev-aaaaa"))
        );
    }

    #[test]
    fn what_cannot_be_read_is_unknown_beside_the_rest() {
        let mut facts = healthy();
        facts.management.fleet.others = Fact::Unreadable(denied("list hostedclusters.hypershift.openshift.io"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        tag(&mut facts, "dev-aaaaa");
        assert_eq!(findings(CHECK, &facts).len(), 2);
        facts.azure.resource_groups.insert(MANAGED.into(), Fact::Unreadable(denied("groups/read")));
        assert!(findings(CHECK, &facts).iter().all(|finding| finding.level == crate::Level::Unknown));
    }
}
