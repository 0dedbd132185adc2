//! RA04: the derived names of the cluster's role assignments are not somebody else's.

use facts::catalogue::assignment_name;

use crate::federation::{self, NO_WORKLOAD_IDENTITIES};
use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The role assignments whose names are derived from the infra id (uuid5 of infra id, component and scope) belong to the
    /// identities that the HostedCluster names.
    ///
    /// ## Why it matters
    /// A cluster that is created again under an infra id that was used before finds the old assignments under its names, for
    /// identities that are gone. Upstream's CLI takes them for its own, and the components get 403 for ever.
    ///
    /// ## How to fix
    /// Delete the old assignments, then assign the roles again.
    ///
    /// Source: openshift/hypershift cmd/util/azure.go; openshift/hypershift#8322; OCPBUGS-84251.
    pub static ROLE_NAME_COLLISION = {
        code: "RA04",
        id: "role-name-collision",
        group: Roles,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities, Roles],
        caused_by: ["ID01", "CR01", "NW01", "HC10"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(NO_WORKLOAD_IDENTITIES.into()));
    }
    let members = federation::members(cluster, view.identities()?).unwrap_or_default();
    let (mut seen, mut findings, mut gaps) = (0_usize, Vec::new(), Vec::new());
    for member in members {
        let Some(role) = member.component.role else { continue };
        for scope in role.scopes.iter().filter_map(|scope| cluster.scope(*scope)) {
            let name = assignment_name(&cluster.infra_id, role.component, scope.as_str());
            let assignments = match view.role_assignments(&scope) {
                Ok(assignments) => assignments,
                Err(gap) => {
                    gaps.push((format!("role assignments at {scope}"), gap));
                    continue;
                }
            };
            seen += 1;
            let named = assignments.iter().find(|one| one.id.name().is_some_and(|own| own.eq_ignore_ascii_case(&name)));
            let Some(other) = named.filter(|one| !one.principal_id.eq_ignore_ascii_case(&member.identity.principal_id))
            else {
                continue;
            };
            let finding = Finding::fail(
                member.subject(),
                format!("role assignment {name} is another principal's"),
                "the role cannot be assigned to the identity under this name, and the component gets 403",
            )
            .compare(&member.identity.principal_id, &other.principal_id)
            .see("scope", scope.to_string())
            .fix(
                Fix::azure([format!("az role assignment delete --ids {}", quote(other.id.as_str()))])
                    .note("then assign the role again: `oc hcp-azure create infra` does, or see HAZ-RA01"),
            );
            findings.push(member.touched_by(member.weigh(finding)));
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{seen} derived names of role assignments are free or the cluster's own"), findings))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::azure::RoleAssignment;
    use facts::{ArmId, Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &ROLE_NAME_COLLISION;

    /// The managed group's assignment of a component, under its derived name.
    fn named(facts: &mut Facts, component: &str, principal: &str) {
        let scope = group("prod-prod-x7k2p");
        let own = principal_id(component);
        let name = assignment_name(
            INFRA,
            facts::catalogue::by_key(component).unwrap().role.unwrap().component,
            scope.as_str(),
        );
        let Some(Fact::Known(list)) = facts.azure.role_assignments.get_mut(&scope.key()) else { panic!("no list") };
        let assignment: &mut RoleAssignment = list.iter_mut().find(|one| one.principal_id == own).unwrap();
        assignment.id = ArmId::new(format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"));
        assignment.principal_id = principal.into();
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("the infra id was used before", |facts| {
            named(facts, "disk", "0e0e0e0e-eeee-bbbb-cccc-dddddddddddd");
        })]
    }

    #[test]
    fn names_of_the_clusters_own_pass() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        named(&mut facts, "disk", &principal_id("disk"));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_name_of_another_principal_is_told_with_both() {
        let mut facts = healthy();
        named(&mut facts, "disk", "0e0e0e0e-eeee-bbbb-cccc-dddddddddddd");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("want"), Some(principal_id("disk").as_str()));
        assert!(finding.fixes[0].commands[0].starts_with("az role assignment delete --ids /subscriptions/"));
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
