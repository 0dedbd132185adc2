//! What the checks of capacity share: who is refused what, and the commands that get more of it.

use facts::ArmId;
use facts::hosted::HostedCluster;

use crate::capacity::{Demand, is_planned};
use crate::judgement::{Finding, Fix, Key, Supply};
use crate::refusal;
use crate::shell::{Quoted, command};
use crate::view::View;
use crate::vm_refusal;

/// Whether Azure has refused a machine for want of something.
pub(crate) fn is_refused(view: &View<'_>, supply: Supply) -> bool {
    let Ok(Some(machines)) = view.azure_machines() else { return false };
    machines.iter().any(|machine| {
        let words = machine.failure_message.iter().chain(
            machine.conditions.iter().filter(|condition| condition.is_false()).map(|condition| &condition.message),
        );
        words.into_iter().any(|message| {
            refusal::find(message).iter().any(|refusal| vm_refusal::supply(&refusal.code(), message) == Some(supply))
        })
    })
}

/// A finding about something without which no machine of these NodePools can be made: a failure where machines are still
/// to be made, else a warning, since those that run go on.
pub(crate) fn finding(
    cluster: &HostedCluster,
    demands: &[&Demand],
    subject: impl Into<String>,
    what: impl Into<String>,
    why: impl Into<String>,
) -> Finding {
    if is_planned(cluster) || demands.iter().any(|demand| demand.missing > 0) {
        Finding::fail(subject, what, why)
    } else {
        Finding::warn(subject, what, why)
    }
}

/// Ties a finding to what Azure has to give for the machines of NodePools.
pub(crate) fn touching<'a>(finding: Finding, supply: Supply, pools: impl IntoIterator<Item = &'a String>) -> Finding {
    pools.into_iter().fold(finding, |finding, pool| finding.touches(Key::Supply(supply, pool.clone())))
}

/// Raises a quota of Microsoft.Compute in the cluster's region to a new limit.
pub(crate) fn raise_vcpus(cluster: &HostedCluster, quota: &str, limit: i64) -> Fix {
    raise(cluster, "vm list-usage", "Microsoft.Compute", "dedicated", quota, limit)
}

/// Raises a quota of Microsoft.Network in the cluster's region to a new limit.
pub(crate) fn raise_network(cluster: &HostedCluster, quota: &str, kind: &str, limit: i64) -> Fix {
    raise(cluster, "network list-usages", "Microsoft.Network", kind, quota, limit)
}

fn raise(cluster: &HostedCluster, list: &str, provider: &str, kind: &str, quota: &str, limit: i64) -> Fix {
    let azure = &cluster.azure;
    let (subscription, location) = (&azure.subscription_id, &azure.location);
    let list = Quoted(format!("az {list}"));
    let scope = format!("/subscriptions/{subscription}/providers/{provider}/locations/{location}");
    let limit = Quoted(format!("value={limit}"));
    Fix::azure([
        command!("{list} --subscription {subscription} -l {location} -o table"; list, subscription, location),
        command!(
            "az quota update --scope {scope} --resource-name {quota} --limit-object {limit} --resource-type {kind}";
            scope, quota, limit, kind
        ),
    ])
    .note("az quota is an extension (`az extension add -n quota`); what is not granted at once is asked for in the portal under Quotas")
}

/// A command that makes a NodePool beside one whose size, subnet or zone cannot be changed.
pub(crate) fn another_pool(cluster: &HostedCluster, demand: &Demand, size: &str, subnet: &ArmId) -> String {
    let replicas = i32::try_from(demand.target.max(1)).unwrap_or(1);
    command!(
        "oc hcp-azure create nodepool {}-2 --cluster-name {} -n {} --replicas {} --instance-type {size} --nodepool-subnet-id {subnet}",
        demand.pool, cluster.name, cluster.namespace, replicas; size, subnet
    )
}
