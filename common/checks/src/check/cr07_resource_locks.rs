//! CR07: no lock keeps the cluster from changing or deleting what is its own.

use facts::ArmId;
use facts::catalogue::Scope;
use facts::governance::Lock;
use facts::hosted::HostedCluster;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// No management lock holds at the resource groups of the cluster, above them, or at a resource in them: the managed
    /// group, and those of the VNet, the network security group and the DNS zone.
    ///
    /// ReadOnly at a group or at one of the cluster's resources is a failure. CanNotDelete is a warning as long as the
    /// cluster lives, and a failure once it is being deleted; at the group of the DNS zone, where it is good practice, it is
    /// only mentioned.
    ///
    /// ## Why it matters
    /// Azure answers 409 ScopeLocked whatever roles the caller has. Under ReadOnly no VM, disk, load balancer rule or DNS
    /// record can be made; under CanNotDelete a destroy hangs, role assignments stay, and replaced machines leave their
    /// VMs behind.
    ///
    /// ## How to fix
    /// Delete the lock; on a group that is shared, make it on the resources that it is meant for instead.
    ///
    /// Source: <https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources>;
    /// openshift/hypershift#8682.
    pub static RESOURCE_LOCKS = {
        code: "CR07",
        id: "resource-locks",
        group: Credentials,
        since: "0.1.0",
        when: [Preflight, Destroy, Support],
        needs: [HostedCluster, Locks],
        caused_by: ["CR01"],
        judge: judge,
    };
}

const SCOPES: [Scope; 4] = [Scope::Managed, Scope::Vnet, Scope::NetworkSecurityGroup, Scope::Dns];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let mut locks: Vec<(&Lock, Scope)> = Vec::new();
    let (mut seen, mut gaps) = (0, Vec::new());
    for scope in SCOPES {
        let Some(group) = cluster.scope(scope) else { continue };
        match view.locks(&group) {
            Ok(found) => {
                seen += 1;
                // A lock of the subscription, or of a group that is several groups in one, is told once.
                for lock in found.into_iter().flatten() {
                    if !locks.iter().any(|(known, _)| known.id == lock.id) {
                        locks.push((lock, scope));
                    }
                }
            }
            Err(gap) => gaps.push((scope.describe().to_owned(), gap)),
        }
    }
    let mut findings: Vec<Finding> =
        locks.into_iter().filter_map(|(lock, scope)| finding(cluster, lock, scope)).collect();
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("no lock at {seen} resource groups, above or in them"), findings))
}

fn finding(cluster: &HostedCluster, lock: &Lock, scope: Scope) -> Option<Finding> {
    let at = lock.scope();
    let whole_group = !at.is_resource();
    let (vnet, own) = (at == cluster.azure.vnet_id, is_written(cluster, &at));
    let deleting = cluster.deleted_at.is_some();
    let place = if whole_group { format!("{at} (the {}, or above)", scope.describe()) } else { at.to_string() };
    let subject = format!("lock {} at {at}", lock.name);
    let finding = if lock.is_read_only() {
        let what = format!("lock {} forbids every change at {place}", lock.name);
        if whole_group || own {
            let why = "Azure answers 409 ScopeLocked to whatever the cluster makes, changes or deletes there";
            Finding::fail(subject, what, why)
        } else if scope == Scope::Managed || vnet {
            let why = "the resource can be neither changed nor deleted, so that the group outlives the cluster";
            Finding::warn(subject, what, why)
        } else {
            return None;
        }
    } else if scope == Scope::Dns && !deleting {
        if !whole_group && !own {
            return None;
        }
        Finding::info(
            subject,
            format!("lock {} forbids deletes at {place}", lock.name),
            "records and role assignments of the cluster cannot be deleted there when it goes",
        )
    } else if whole_group || own || vnet || scope == Scope::Managed {
        let what = format!("lock {} forbids deletes at {place}", lock.name);
        if deleting {
            let why = "Azure answers 409 ScopeLocked to every delete: the cluster cannot go until the lock does";
            Finding::fail(subject, what, why)
        } else {
            let why = "replaced machines leave their VMs, and destroying the cluster hangs (409 ScopeLocked)";
            Finding::warn(subject, what, why)
        }
    } else {
        return None;
    };
    let finding = finding.see("level", &lock.level).see("lock", lock.id.as_str());
    let finding = match &lock.notes {
        Some(notes) => finding.see("notes", facts::redact::text(notes)),
        None => finding,
    };
    Some(finding.touches(Key::Lock).fix(
        Fix::azure([command!("az lock delete --ids {}", lock.id)]).note(
            "it needs Owner or User Access Administrator; make it anew once the cluster is gone, if it is to stay",
        ),
    ))
}

/// Whether a resource is one that the cluster writes to all its life.
fn is_written(cluster: &HostedCluster, id: &ArmId) -> bool {
    let zones = [&cluster.dns.public_zone_id, &cluster.dns.private_zone_id].into_iter().flatten();
    let balancer = cluster.egress_load_balancer();
    zones.chain([&cluster.azure.security_group_id, &balancer]).any(|own| own == id)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &RESOURCE_LOCKS;
    const MANAGED: &str = "prod-prod-x7k2p";

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the managed group is read-only, and no VM is made", |facts| {
                lock(facts, &group(MANAGED), &group(MANAGED), "ReadOnly");
                refuse_a_machine(facts, "ScopeLocked");
            }),
            Fault::new("the VNet's group cannot be deleted", |facts| {
                let vnet = group("prod-vnet-prod-x7k2p");
                lock(facts, &vnet, &vnet, "CanNotDelete");
            }),
        ]
    }

    #[test]
    fn groups_without_locks_pass_and_one_that_is_not_there_has_none() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        facts.azure.governance.locks.insert(group(MANAGED).key(), Fact::Absent);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_read_only_lock_fails_wherever_the_cluster_writes() {
        let balancer = healthy().hosted.cluster.get().map(HostedCluster::egress_load_balancer);
        for at in [Some(group(MANAGED)), Some(ArmId::new(format!("/subscriptions/{SUBSCRIPTION}"))), balancer] {
            let mut facts = healthy();
            let at = at.unwrap();
            lock(&mut facts, &group(MANAGED), &at, "ReadOnly");
            let finding = the_failure(CHECK, &facts);
            assert_eq!(finding.subject, format!("lock keep at {at}"));
            assert_eq!(
                finding.fixes[0].commands,
                [format!("az lock delete --ids {at}/providers/Microsoft.Authorization/locks/keep")]
            );
        }
    }

    #[test]
    fn a_lock_of_the_subscription_is_told_once() {
        let mut facts = healthy();
        let subscription = ArmId::new(format!("/subscriptions/{SUBSCRIPTION}"));
        for name in [MANAGED, "prod-vnet-prod-x7k2p", "dns"] {
            lock(&mut facts, &group(name), &subscription, "CanNotDelete");
        }
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn a_lock_on_deletes_warns_until_the_cluster_goes() {
        let mut facts = healthy();
        lock(&mut facts, &group(MANAGED), &group(MANAGED), "CanNotDelete");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        cluster(&mut facts).deleted_at = Some(minutes_ago(40));
        the_failure(CHECK, &facts);
    }

    #[test]
    fn the_zones_own_lock_is_only_mentioned_and_foreign_resources_are_left_alone() {
        let mut facts = healthy();
        lock(&mut facts, &group("dns"), &group("dns"), "CanNotDelete");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
        let mut facts = healthy();
        let other = ArmId::in_group(SUBSCRIPTION, "dns", "Microsoft.Network/dnsZones/other.example.com");
        lock(&mut facts, &group("dns"), &other, "ReadOnly");
        assert_passes(CHECK, &facts);
        let disk = ArmId::in_group(SUBSCRIPTION, MANAGED, "Microsoft.Compute/disks/d");
        lock(&mut facts, &group(MANAGED), &disk, "ReadOnly");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn an_unreadable_group_does_not_hide_the_others() {
        let mut facts = healthy();
        let gap = denied("Microsoft.Authorization/locks/read");
        facts.azure.governance.locks.insert(group("dns").key(), Fact::Unreadable(gap));
        lock(&mut facts, &group(MANAGED), &group(MANAGED), "ReadOnly");
        let levels: Vec<_> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
    }

    #[test]
    fn nothing_asked_is_unknown() {
        let mut facts = healthy();
        facts.azure.governance.locks.clear();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
    }
}
