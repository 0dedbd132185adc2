//! RA06: no identity of the cluster holds far more than its component needs.

use facts::catalogue::CONTRIBUTOR;

use crate::federation::{self, NO_WORKLOAD_IDENTITIES};
use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// No workload identity of the cluster is Owner, User Access Administrator or Contributor of the whole subscription or
    /// of a management group.
    ///
    /// ## Why it matters
    /// Whoever can make a service account of that name in the hosted cluster holds the identity, and with it everything in
    /// the subscription.
    ///
    /// ## How to fix
    /// Assign the component's own role at its resource groups, then delete the wide assignment.
    ///
    /// Source: openshift/hypershift support/config/constants.go;
    /// <https://learn.microsoft.com/azure/role-based-access-control/best-practices>.
    pub static ROLE_HYGIENE = {
        code: "RA06",
        id: "role-hygiene",
        group: Roles,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Identities, Roles],
        caused_by: ["CR01", "NW01", "HC10"],
        judge: judge,
    };
}

/// Owner, User Access Administrator, Contributor.
const WIDE: [(&str, &str); 3] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    (CONTRIBUTOR, "Contributor"),
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(NO_WORKLOAD_IDENTITIES.into()));
    }
    let members = federation::members(cluster, view.identities()?).unwrap_or_default();
    // What is assigned above holds at every scope: the managed group shows it all.
    let assignments = view.role_assignments(&cluster.managed_group())?;
    let mut findings = Vec::new();
    for member in &members {
        let above = assignments.iter().filter(|one| {
            one.principal_id.eq_ignore_ascii_case(&member.identity.principal_id)
                && !one.scope.to_ascii_lowercase().contains("/resourcegroups/")
        });
        for assignment in above {
            let guid = assignment.role_guid();
            let Some((_, role)) = WIDE.iter().find(|(wide, _)| *wide == guid) else { continue };
            findings.push(
                Finding::info(
                    member.subject(),
                    format!("the identity is {role} of {}", assignment.scope),
                    "its component needs far less, and so would whoever gets hold of it",
                )
                .see("assignment", assignment.id.to_string())
                .fix(
                    Fix::azure([format!("az role assignment delete --ids {}", quote(assignment.id.as_str()))])
                        .note("assign the component's own role first: HAZ-RA01"),
                ),
            );
        }
    }
    Ok(Judgement::new(format!("{} identities hold nothing above their resource groups", members.len()), findings))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &ROLE_HYGIENE;

    fn widen(facts: &mut Facts) {
        let Some(Fact::Known(list)) = facts.azure.role_assignments.get_mut(&group("prod-prod-x7k2p").key()) else {
            panic!("no list")
        };
        let mut wide = list.iter().find(|one| one.principal_id == principal_id("nodePoolManagement")).unwrap().clone();
        wide.scope = format!("/subscriptions/{SUBSCRIPTION}");
        list.push(wide);
    }

    #[test]
    fn roles_at_groups_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_role_of_the_subscription_is_worth_knowing() {
        let mut facts = healthy();
        widen(&mut facts);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, crate::Level::Info);
        assert!(finding.what.starts_with("the identity is Contributor of /subscriptions/"), "{}", finding.what);
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let mut facts = healthy();
        for fact in facts.azure.role_assignments.values_mut() {
            *fact = Fact::Unreadable(denied("Microsoft.Authorization/roleAssignments/read"));
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
