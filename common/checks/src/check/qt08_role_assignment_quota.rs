//! QT08: the subscription has room for the role assignments of another cluster.

use crate::capacity::roles;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The subscription has room for the role assignments that are made with a cluster: 4,000 is the limit, and it cannot be
    /// raised. A warning tells that more than 90% are used.
    ///
    /// Those that the caller may read are counted, at the subscription and below it.
    ///
    /// ## Why it matters
    /// Azure refuses one more with RoleAssignmentLimitExceeded, after half of the cluster's infrastructure is made. Where
    /// many clusters come and go, most of them are left by identities that are gone.
    ///
    /// ## How to fix
    /// Delete the role assignments of identities that no longer exist.
    ///
    /// Source: Azure documentation "Azure RBAC limits"; openshift/release#84651.
    pub static ROLE_ASSIGNMENT_QUOTA = {
        code: "QT08",
        id: "role-assignment-quota",
        group: Quota,
        since: "0.1.0",
        when: [Preflight],
        needs: [HostedCluster, Usages, Network],
        caused_by: ["CR01"],
        judge: judge,
    };
}

/// Percent of the limit above which it is soon used up.
const NEARLY: i64 = 90;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let row = roles(view)?;
    let Some(amounts) = row.amounts else { return Err(row.unknown.unwrap_or_else(Gap::not_asked)) };
    let subscription = &view.cluster()?.azure.subscription_id;
    let (limit, used, need, free) = (amounts.limit, amounts.used, amounts.need, amounts.free());
    let passed = format!("{used} of {limit} role assignments are used");
    let finding = if amounts.is_short() {
        Finding::fail(
            row.scope,
            format!("{need} role assignments are to be made, and {free} are left in subscription {subscription}"),
            "Azure refuses them with RoleAssignmentLimitExceeded; the limit cannot be raised",
        )
    } else if amounts.percent() > NEARLY {
        Finding::warn(
            row.scope,
            format!("{used} of {limit} role assignments of subscription {subscription} are used"),
            "there is room for few more clusters, and the limit cannot be raised",
        )
    } else {
        return Ok(Judgement::new(passed, Vec::new()));
    };
    let finding = finding.compare(format!("{need} free"), format!("{free} free")).fix(
        Fix::azure([
            command!("oc hcp-azure destroy orphans --subscription {subscription}"; subscription),
            command!("az role assignment list --all --subscription {subscription} --query \"[?principalName==''].id\" -o tsv"; subscription),
        ])
        .note("the second command lists the assignments of principals that are gone; `az role assignment delete --ids` deletes them"),
    );
    Ok(Judgement::new(passed, vec![finding]))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &ROLE_ASSIGNMENT_QUOTA;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("hardly any role assignment is left", |facts| {
            facts.azure.quota.role_assignments = Fact::Known(3995);
        })]
    }

    #[test]
    fn room_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &planned());
    }

    #[test]
    fn no_room_for_a_new_cluster() {
        let mut facts = planned();
        facts.azure.quota.role_assignments = Fact::Known(3990);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.starts_with("15 role assignments are to be made, and 10 are left"), "{}", finding.what);
        facts.azure.quota.role_assignments = Fact::Known(3650);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        // What exists already needs no more.
        let mut facts = healthy();
        facts.azure.quota.role_assignments = Fact::Known(4000);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn what_was_not_counted_is_unknown() {
        let mut facts = healthy();
        facts.azure.quota.role_assignments = Fact::Unreadable(denied("Microsoft.Authorization/roleAssignments/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
