//! QT05: autoscalers can reach their maximum within the vCPU quotas.

use crate::capacity::{Wish, demands, vcpus};
use crate::judgement::{BEING_DELETED, Supply};
use crate::prelude::*;
use crate::shell::{Quoted, command};
use crate::supply;

declare_check! {
    /// ## What it checks
    /// The vCPU quotas of the region hold every NodePool at the maximum of its autoscaler while all NodePools roll out an
    /// update, at what the rest of the subscription uses now.
    ///
    /// ## Why it matters
    /// The autoscaler goes on asking for machines that Azure refuses, and pods stay pending under load, which is when they
    /// matter.
    ///
    /// ## How to fix
    /// Ask for more of the quota, or lower `autoScaling.max` to what can be reached.
    ///
    /// Source: Azure REST API "Usage - List" (Microsoft.Compute); openshift/hypershift api/hypershift/v1beta1/nodepool_types.go.
    pub static AUTOSCALE_HEADROOM = {
        code: "QT05",
        id: "autoscale-headroom",
        group: Quota,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Skus, Usages],
        caused_by: ["CR01", "QT01", "QT03", "QT04"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let demands = demands(view, &Wish::default())?;
    let growing: Vec<_> = demands.iter().filter(|demand| demand.max.is_some()).collect();
    if growing.is_empty() {
        return Ok(Judgement::NotApplicable("no NodePool is scaled by the autoscaler".into()));
    }
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    for row in vcpus(view, &demands)? {
        let amounts = match (row.amounts, row.unknown) {
            (Some(amounts), _) => amounts,
            (None, gap) => {
                gaps.extend(gap.map(|gap| (row.name, gap)));
                continue;
            }
        };
        let concerned: Vec<_> = growing.iter().filter(|demand| row.pools.contains(&demand.pool)).collect();
        if concerned.is_empty() || !amounts.is_short_at_peak() {
            continue;
        }
        let mut commands = Vec::new();
        let mut shown = Vec::new();
        let lacking = amounts.peak.saturating_sub(amounts.limit);
        for demand in &concerned {
            let max = demand.max.unwrap_or(demand.have);
            let vcpus = view.vm_size(&demand.size)?.and_then(|size| size.vcpus).unwrap_or(1).max(1);
            let reachable =
                max.saturating_sub(lacking.saturating_add(vcpus - 1) / vcpus).max(demand.have).max(demand.target);
            shown.push(format!("{} up to {max}, now {}", demand.pool, demand.have));
            let patch = Quoted(format!("'{{\"spec\":{{\"autoScaling\":{{\"max\":{reachable}}}}}}}'"));
            commands.push(
                command!("oc -n {} patch nodepool {} --type merge -p {patch}", cluster.namespace, demand.pool; patch),
            );
        }
        let names: Vec<String> = concerned.iter().map(|demand| demand.pool.clone()).collect();
        let finding = Finding::warn(
            format!("quota {}", row.name),
            format!(
                "the autoscaler maximum of {} and one rolling update need {} vCPUs of {} in {}, and the limit is {}",
                if names.len() == 1 { format!("NodePool {}", names[0]) } else { format!("{} NodePools", names.len()) },
                amounts.peak,
                row.name,
                row.scope,
                amounts.limit
            ),
            "Azure refuses machines that the autoscaler asks for, and pods stay pending",
        )
        .compare(amounts.peak.to_string(), amounts.limit.to_string())
        .see("NodePools", shown.join("; "))
        .fix(supply::raise_vcpus(cluster, &row.name, amounts.peak))
        .fix(Fix::hypershift(commands).note("instead of more quota: the most that can be reached now"));
        findings.push(supply::touching(finding, Supply::Vcpus, &names));
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{} NodePools can grow to their maximum", growing.len()), findings))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &AUTOSCALE_HEADROOM;

    /// Room for the additional machine of an update, and not for the three that the autoscaler may add.
    fn narrow(facts: &mut facts::Facts) {
        let usage = quota(facts, "standardDSv5Family");
        usage.limit = 20;
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("an autoscaler maximum beyond the quota", narrow).of(healthy_autoscaling)]
    }

    #[test]
    fn room_for_the_maximum_passes_and_fixed_sizes_have_none() {
        assert_passes(CHECK, &healthy_autoscaling());
        assert_not_applicable(CHECK, &healthy());
        let mut facts = healthy_autoscaling();
        quota(&mut facts, "standardDSv5Family").limit = 24;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_maximum_that_cannot_be_reached() {
        let mut facts = healthy_autoscaling();
        narrow(&mut facts);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        assert_eq!((finding.evidence.get("want"), finding.evidence.get("found")), (Some("24"), Some("20")));
        assert_eq!(
            finding.fixes[1].commands,
            [r#"oc -n clusters patch nodepool prod --type merge -p '{"spec":{"autoScaling":{"max":4}}}'"#]
        );
    }

    #[test]
    fn what_was_not_read_is_unknown() {
        let mut facts = healthy_autoscaling();
        facts.azure.quota.compute = Fact::Unreadable(denied("Microsoft.Compute/locations/usages/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
