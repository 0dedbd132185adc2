//! RA05: no role was assigned so lately that Azure may not know it yet.

use std::collections::BTreeMap;

use crate::federation::{self, NO_WORKLOAD_IDENTITIES};
use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// The roles of the cluster's identities were assigned more than ten minutes ago.
    ///
    /// ## Why it matters
    /// Azure takes up to ten minutes to know a role assignment. Refusals within that time pass by themselves; they are told
    /// under this warning, and not as faults of their own.
    ///
    /// ## How to fix
    /// Wait, and look again. What is still refused after ten minutes is refused for another reason: HAZ-RA01.
    ///
    /// Source: <https://learn.microsoft.com/azure/role-based-access-control/troubleshooting>; ARO-HCP 20dbf7466.
    pub static ROLE_PROPAGATION = {
        code: "RA05",
        id: "role-propagation",
        group: Roles,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities, Roles],
        caused_by: ["CR01", "NW01", "HC10"],
        judge: judge,
    };
}

/// How long Azure takes to know an assignment, in minutes.
const MINUTES: i64 = 10;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(NO_WORKLOAD_IDENTITIES.into()));
    }
    let members = federation::members(cluster, view.identities()?).unwrap_or_default();
    let (mut old, mut findings, mut gaps) = (0_usize, Vec::new(), BTreeMap::new());
    for member in members {
        let scopes =
            member.component.role.iter().flat_map(|role| role.scopes).filter_map(|scope| cluster.scope(*scope));
        let mut youngest: Option<i64> = None;
        for scope in scopes {
            let assignments = match view.role_assignments(&scope) {
                Ok(assignments) => assignments,
                Err(gap) => {
                    gaps.insert(format!("role assignments at {scope}"), gap);
                    continue;
                }
            };
            let own = assignments.iter().filter(|one| {
                one.principal_id.eq_ignore_ascii_case(&member.identity.principal_id)
                    && one.scope.eq_ignore_ascii_case(scope.as_str())
            });
            let ages = own.filter_map(|one| one.created_on).map(|made| view.minutes_since(made));
            youngest = youngest.into_iter().chain(ages).min();
        }
        match youngest {
            Some(minutes) if minutes < MINUTES => {
                let finding = Finding::warn(
                    member.subject(),
                    format!("a role was assigned {} ago", count(minutes.max(0))),
                    "Azure takes up to 10 minutes to know it; refusals until then pass by themselves",
                )
                .explaining_failures()
                .fix(Fix::hypershift([format!(
                    "sleep {} && oc hcp-azure doctor {} -n {}",
                    (MINUTES - minutes.max(0)) * 60,
                    cluster.name,
                    cluster.namespace
                )]));
                findings.push(member.touched_by(finding));
            }
            _ => old += 1,
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("the roles of {old} identities are older than {MINUTES} minutes"), findings))
}

fn count(minutes: i64) -> String {
    if minutes == 1 { "1 minute".into() } else { format!("{minutes} minutes") }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::hosted::LogLine;
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &ROLE_PROPAGATION;

    fn assigned(facts: &mut Facts, component: &str, minutes: i64) {
        let own = principal_id(component);
        for fact in facts.azure.role_assignments.values_mut() {
            let Fact::Known(list) = fact else { panic!("no list") };
            for assignment in list.iter_mut().filter(|one| one.principal_id == own) {
                assignment.created_on = Some(minutes_ago(minutes));
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a role of three minutes, and a refusal", |facts| {
            assigned(facts, "nodePoolManagement", 3);
            let Fact::Known(lines) = &mut facts.hosted.logs else { panic!("no logs") };
            lines.push(LogLine {
                pod: "capi-provider-6d8f9-0".into(),
                app: Some("capi-provider".into()),
                container: "manager".into(),
                time: Some(minutes_ago(1)),
                log_end: Some(minutes_ago(0)),
                text: "ERROR CODE: AuthorizationFailed: The client 'c' with object id 'o' does not have authorization to perform action 'a/write' over scope '/s' or the scope is invalid.".into(),
            });
        })]
    }

    #[test]
    fn old_roles_pass() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        assigned(&mut facts, "disk", 10);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_young_role_is_a_warning() {
        let mut facts = healthy();
        assigned(&mut facts, "disk", 9);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, crate::Level::Warn);
        assert_eq!(finding.what, "a role was assigned 9 minutes ago");
        assert_eq!(finding.fixes[0].commands, ["sleep 60 && oc hcp-azure doctor prod -n clusters"]);
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
