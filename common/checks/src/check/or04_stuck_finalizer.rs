//! OR04: a hosted cluster that is being deleted comes to its end.

use facts::hosted::Machine;

use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// A HostedCluster that is being deleted has not been so for more than half an hour.
    ///
    /// ## Why it matters
    /// What holds it has a name: a finalizer whose controller cannot delete something in Azure, because a resource group or
    /// an identity went first, because a lock or a missing role forbids it, or because a machine cannot be drained. Until
    /// then load balancers, disks and virtual machines go on costing money.
    ///
    /// ## How to fix
    /// Give the controller what it lacks. `destroy cluster` names what waits, deletes what is proven to be the cluster's, and
    /// takes off the one finalizer that upstream's tool leaves; it never removes one that guards a resource.
    ///
    /// Source: openshift/hypershift#8682; OCPBUGS-86690; openshift/hypershift 30d6ce523b.
    pub static STUCK_FINALIZER = {
        code: "OR04",
        id: "stuck-finalizer",
        group: Orphans,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Machines, ResourceGroups],
        caused_by: ["CR01", "CR07", "NP09"],
        judge: judge,
    };
}

/// How long a deletion may take, in minutes: the default grace period of upstream's tool is ten, machines take longer.
const MINUTES: i64 = 30;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let machines = view.machines();
    let group = view.resource_group(&cluster.azure.resource_group);
    let Some(since) = cluster.deleted_at else {
        return Ok(Judgement::new(format!("HostedCluster {} is not being deleted", cluster.name), Vec::new()));
    };
    let minutes = view.minutes_since(since);
    if minutes < MINUTES {
        return Ok(Judgement::new(format!("deletion began {minutes} minutes ago"), Vec::new()));
    }
    let mut finding = Finding::fail(
        format!("HostedCluster {}", cluster.name),
        format!("it has been on its way out for {minutes} minutes"),
        "a controller cannot finish: what it was to delete in Azure stays, and costs money",
    )
    .see("since", since.to_string())
    .touches(Key::Lock);
    if !cluster.finalizers.is_empty() {
        finding = finding.see("finalizers", cluster.finalizers.join(", "));
    }
    for kind in ["CloudResourcesDestroyed", "HostedClusterDestroyed"] {
        if let Some(condition) = cluster.condition(kind).filter(|condition| !condition.is_true()) {
            finding = finding.see(kind, format!("{}: {}", condition.reason, condition.message));
        }
    }
    if matches!(group, Ok(None)) {
        finding = finding.see(
            "managed resource group",
            format!("{} is gone: controllers ask for it for ever", cluster.azure.resource_group),
        );
    }
    let waiting: Vec<&Machine> =
        machines.ok().flatten().into_iter().flatten().filter(|machine| machine.deleted_at.is_some()).collect();
    for machine in &waiting {
        finding = finding.see("waits", format!("Machine {}", machine.name)).touches(Key::Machine(machine.name.clone()));
    }
    let (name, namespace) = (quote(&cluster.name), quote(&cluster.namespace));
    let finding = finding.fix(
        Fix::hypershift([
            format!("oc hcp-azure destroy cluster {name} -n {namespace} --dry-run"),
            format!("oc hcp-azure destroy cluster {name} -n {namespace}"),
        ])
        .note("the first shows what waits for what; no finalizer that guards a resource is removed"),
    );
    Ok(Judgement::new(String::new(), vec![finding]))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &STUCK_FINALIZER;

    fn delete(facts: &mut Facts, minutes: i64) {
        let cluster = cluster(facts);
        cluster.deleted_at = Some(minutes_ago(minutes));
        cluster.finalizers = vec!["hypershift.openshift.io/finalizer".into()];
        cluster.conditions.push(condition("CloudResourcesDestroyed", "False", "RemainingCloudResources"));
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a deletion of two hours", |facts| delete(facts, 120))]
    }

    #[test]
    fn a_cluster_that_lives_or_has_just_been_deleted_passes() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        delete(&mut facts, 29);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_deletion_that_does_not_end_names_what_holds_it() {
        let mut facts = healthy();
        delete(&mut facts, 31);
        facts.azure.resource_groups.insert("prod-prod-x7k2p".into(), Fact::Absent);
        let Fact::Known(machines) = &mut facts.hosted.machines else { panic!("no machines") };
        machines[0].deleted_at = Some(minutes_ago(31));
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("finalizers"), Some("hypershift.openshift.io/finalizer"));
        assert_eq!(finding.evidence.get("waits"), Some("Machine prod-a"));
        assert!(finding.evidence.get("managed resource group").is_some());
        assert_eq!(finding.fixes[0].commands[1], "oc hcp-azure destroy cluster prod -n clusters");
    }

    #[test]
    fn without_the_hosted_cluster_it_is_unknown() {
        let mut facts = healthy();
        facts.hosted.cluster = Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
