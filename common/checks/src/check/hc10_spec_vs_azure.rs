//! HC10: the resource groups that the HostedCluster names are still there.

use std::collections::BTreeMap;

use facts::ArmId;
use facts::catalogue::Scope;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The resource groups below which everything stands that the HostedCluster names exist: the managed one, and those of
    /// the VNet, of the network security group and of the public DNS zone.
    ///
    /// It looks at a cluster that runs. What is gone or changed inside a group is told by the rows that know it: network
    /// (NW01, NW03), identities (ID01), roles (RA01).
    ///
    /// ## Why it matters
    /// One deleted group takes many resources with it, and each is missed by somebody else: machines, load balancers, DNS
    /// records. The ids in a HostedCluster are immutable, so that nothing can be pointed elsewhere.
    ///
    /// ## How to fix
    /// Make the group again under the same name and restore what was in it under the same ids. What cannot be restored
    /// means a new HostedCluster.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/azure.go; openshift/hypershift#8682.
    pub static SPEC_VS_AZURE = {
        code: "HC10",
        id: "spec-vs-azure",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, ResourceGroups],
        caused_by: ["CR01"],
        judge: judge,
    };
}

const SCOPES: [Scope; 4] = [Scope::Managed, Scope::Vnet, Scope::NetworkSecurityGroup, Scope::Dns];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let mut groups: BTreeMap<String, (ArmId, Vec<&'static str>)> = BTreeMap::new();
    for scope in SCOPES {
        if let Some(id) = cluster.scope(scope) {
            groups.entry(id.key()).or_insert_with(|| (id, Vec::new())).1.push(holds(scope));
        }
    }
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    for (id, held) in groups.values() {
        let name = id.resource_group().unwrap_or_default();
        let subject = format!("resource group {name}");
        match view.resource_group(name) {
            Ok(Some(_)) => {}
            Err(gap) => gaps.push((subject, gap)),
            Ok(None) => {
                let subscription = id.subscription().unwrap_or(&cluster.azure.subscription_id);
                let location = &cluster.azure.location;
                findings.push(
                    Finding::fail(
                        subject,
                        format!("resource group {name} is gone, and with it {}", held.join(", ")),
                        "nothing in it can be used or made any more, and the HostedCluster cannot be pointed elsewhere",
                    )
                    .see("id", id.as_str())
                    .fix(
                        Fix::azure([
                            command!("az monitor activity-log list --subscription {subscription} -g {name} --offset 30d --query \"[?contains(operationName.value, 'delete')]\" -o table"; subscription, name),
                            command!("az group create --subscription {subscription} -n {name} -l {location}"; subscription, name, location),
                        ])
                        .note("restore what was in it under the same ids; the roles that stood on the group are gone with it: check them with --only RA"),
                    ),
                );
            }
        }
    }
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{} resource groups that the HostedCluster names are there", groups.len()), findings))
}

fn holds(scope: Scope) -> &'static str {
    match scope {
        Scope::Managed => "workers, disks and load balancers",
        Scope::Vnet => "the VNet",
        Scope::NetworkSecurityGroup => "the network security group",
        Scope::Dns => "the public DNS zone",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &SPEC_VS_AZURE;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("managed resource group gone", |facts| without(facts, "prod-prod-x7k2p")),
            Fault::new("resource group of the VNet gone", |facts| {
                without(facts, "prod-vnet-prod-x7k2p");
                facts.azure.network.vnets.insert(vnet_id().key(), Fact::Absent);
            }),
            Fault::new("resource group of the DNS zone gone", |facts| without(facts, "dns")),
        ]
    }

    fn without(facts: &mut Facts, group: &str) {
        facts.azure.resource_groups.insert(group.into(), Fact::Absent);
    }

    #[test]
    fn groups_that_are_there_and_gone() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        without(&mut facts, "prod-vnet-prod-x7k2p");
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.ends_with("and with it the VNet"), "{}", finding.what);
        assert!(finding.fixes[0].commands[1].starts_with("az group create"));
    }

    #[test]
    fn one_group_for_all_is_told_once() {
        let mut facts = healthy();
        let azure = &mut cluster(&mut facts).azure;
        azure.resource_group = "prod-vnet-prod-x7k2p".into();
        without(&mut facts, "prod-vnet-prod-x7k2p");
        assert!(the_failure(CHECK, &facts).what.contains("workers, disks and load balancers, the VNet"));
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy();
        for fact in facts.azure.resource_groups.values_mut() {
            *fact = Fact::Unreadable(denied("Microsoft.Resources/subscriptions/resourceGroups/read"));
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
