//! QT04: the vCPU quotas of the region hold the machines that the NodePools ask for.

use crate::capacity::{Amounts, CapacityRow, Resource, Wish, demands, vcpus};
use crate::judgement::{BEING_DELETED, Supply};
use crate::prelude::*;
use crate::supply;

declare_check! {
    /// ## What it checks
    /// The vCPUs of the machines that are still to be made fit into what is left of two quotas of the region: that of their
    /// family of sizes, and that of all families (`cores`).
    ///
    /// Machines that have a VM are in what is used already. A warning tells that the machines fit and the additional ones of
    /// a rolling update do not, or that more than 80% will be used. Quotas are shared by everything in the subscription.
    ///
    /// ## Why it matters
    /// Azure refuses the VM with QuotaExceeded or OperationNotAllowed. Nothing else tells: the NodePool waits, and a new
    /// cluster without nodes never becomes available.
    ///
    /// ## How to fix
    /// Ask for more of the quota that is named, which is often granted within minutes; delete VMs that nobody needs; or use a
    /// size of another family.
    ///
    /// Source: Azure REST API "Usage - List" (Microsoft.Compute); Azure documentation "Increase VM-family vCPU quotas";
    /// kubernetes-sigs/cluster-api-provider-azure issue #519; Azure/ARO-RP issue #4936.
    pub static VCPU_QUOTA = {
        code: "QT04",
        id: "vcpu-quota",
        group: Quota,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Skus, Usages],
        caused_by: ["CR01", "QT01", "QT03"],
        judge: judge,
    };
}

/// Percent of a quota above which it is soon used up.
const NEARLY: i64 = 80;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let demands = demands(view, &Wish::default())?;
    if demands.is_empty() {
        return Ok(Judgement::NotApplicable("the cluster has no NodePools".into()));
    }
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    let mut seen = Vec::new();
    for row in vcpus(view, &demands)? {
        match (&row.amounts, &row.unknown) {
            (Some(amounts), _) => {
                seen.push(format!("{} {} of {}", row.name, amounts.used.saturating_add(amounts.need), amounts.limit));
                findings.extend(finding(&row, amounts).map(|finding| {
                    let wanted = amounts.used.saturating_add(amounts.need).saturating_add(amounts.surge);
                    let finding = finding
                        .compare(
                            format!("{} vCPUs free", amounts.need.max(amounts.surge)),
                            format!("{}", amounts.free()),
                        )
                        .see("quota", table(&row, amounts))
                        .fix(supply::raise_vcpus(cluster, &row.name, wanted.max(amounts.limit.saturating_add(1))));
                    supply::touching(finding, Supply::Vcpus, &row.pools)
                }));
            }
            (None, gap) => gaps.extend(gap.clone().map(|gap| (row.name.clone(), gap))),
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("the machines fit: {}", seen.join(", ")), findings))
}

fn finding(row: &CapacityRow, amounts: &Amounts) -> Option<Finding> {
    let subject = format!("quota {}", row.name);
    let of = match row.resource {
        Resource::RegionalVcpus => "all families of sizes".to_owned(),
        _ => format!("family {}", row.name),
    };
    let Amounts { need, surge, .. } = *amounts;
    let free = amounts.free();
    if amounts.is_short() {
        return Some(Finding::fail(
            subject,
            format!("machines that are to be made need {need} vCPUs of {of}, and {free} are left in {}", row.scope),
            "Azure refuses their VMs: QuotaExceeded or OperationNotAllowed",
        ));
    }
    if amounts.is_short_of_surge() {
        return Some(Finding::warn(
            subject,
            format!(
                "{free} vCPUs of {of} are left in {}, and rolling updates need {}",
                row.scope,
                need.saturating_add(surge)
            ),
            "an update makes new machines before it takes old ones away: it waits until the quota has room",
        ));
    }
    (amounts.percent() > NEARLY).then(|| {
        Finding::warn(
            subject,
            format!("{}% of the vCPUs of {of} are used in {}", amounts.percent(), row.scope),
            "the quota is shared by the subscription, and soon gives no more machines",
        )
    })
}

/// `limit 350, used 348, still needed 4, for an update 4 more`.
fn table(row: &CapacityRow, amounts: &Amounts) -> String {
    let Amounts { limit, used, need, surge, .. } = amounts;
    format!("{}: limit {limit}, used {used}, still needed {need}, for rolling updates {surge} more", row.name)
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &VCPU_QUOTA;

    const REFUSED: &str = "RESPONSE 409: 409 Conflict ERROR CODE: OperationNotAllowed { \"error\": { \"code\": \"OperationNotAllowed\", \"message\": \"Operation could not be completed as it results in exceeding approved Total Regional Cores quota.\" } }";

    fn fill(facts: &mut facts::Facts, name: &str, free: i64) {
        let usage = quota(facts, name);
        usage.used = usage.limit - free;
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the family's quota is used up, and a machine is refused", |facts| {
                fill(facts, "standardDSv5Family", 2);
                refuse_machine(facts, REFUSED);
            }),
            Fault::new("the regional quota is used up, and a machine is refused", |facts| {
                fill(facts, "cores", 0);
                refuse_machine(facts, "ERROR CODE: QuotaExceeded");
            }),
            Fault::new("no quota is left for a rolling update", |facts| fill(facts, "cores", 3))
                .of(healthy_autoscaling),
        ]
    }

    #[test]
    fn machines_that_run_need_nothing_more() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &planned());
    }

    #[test]
    fn a_planned_cluster_needs_all_of_it() {
        let mut facts = planned();
        fill(&mut facts, "standardDSv5Family", 7);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "quota standardDSv5Family");
        assert!(finding.what.contains("need 8 vCPUs") && finding.what.contains("7 are left"), "{}", finding.what);
        assert_eq!(
            finding.fixes[0].commands[1],
            format!(
                "az quota update --scope /subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus --resource-name standardDSv5Family --limit-object value=355 --resource-type dedicated"
            )
        );
    }

    #[test]
    fn a_refused_machine_needs_its_own_vcpus() {
        let mut facts = healthy();
        fill(&mut facts, "cores", 3);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        refuse_machine(&mut facts, REFUSED);
        assert!(the_failure(CHECK, &facts).what.contains("need 4 vCPUs"));
    }

    #[test]
    fn an_update_and_a_quota_that_is_nearly_used() {
        let mut facts = healthy();
        fill(&mut facts, "cores", 60);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        fill(&mut facts, "cores", 3);
        assert!(the_finding(CHECK, &facts).what.contains("rolling updates need 4"));
        pool(&mut facts).vm.upgrade_type = Some("InPlace".into());
        assert!(the_finding(CHECK, &facts).what.contains("99%"));
    }

    #[test]
    fn what_was_not_read_or_is_not_listed_is_unknown() {
        let mut facts = healthy();
        if let Fact::Known(list) = &mut facts.azure.quota.compute {
            list.retain(|usage| usage.name == "cores");
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Failed);
        facts.azure.quota.compute = Fact::Unreadable(denied("Microsoft.Compute/locations/usages/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
