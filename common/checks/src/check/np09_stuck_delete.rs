//! NP09: machines that are being deleted go away.

use facts::compute::VirtualMachine;
use facts::hosted::{AzureMachine, Condition, Machine};

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// No Machine is being deleted for more than 15 minutes.
    ///
    /// A drain or a volume that holds it is a warning, as is a virtual machine that is still there. A Machine whose virtual
    /// machine is gone and that still has its finalizers is a failure: nothing in Azure is left to wait for.
    ///
    /// ## Why it matters
    /// A NodePool is not gone, and its HostedCluster not deleted, before the last of its Machines is. Pods with a
    /// PodDisruptionBudget hold the drain of a node for as long as the NodePool's `nodeDrainTimeout` allows, which is for
    /// ever by default.
    ///
    /// ## How to fix
    /// Let Cluster API leave the drain out for this Machine; its pods are started elsewhere. Do not remove finalizers by
    /// hand while the virtual machine exists: it would stay and be paid for.
    ///
    /// Source: openshift/hypershift#8296, #7208; OCPBUGS-63720; cluster-api docs, machine deletion process.
    pub static STUCK_DELETE = {
        code: "NP09",
        id: "stuck-delete",
        group: NodePools,
        since: "0.1.0",
        when: [Destroy, Support],
        needs: [Machines, VirtualMachines],
        caused_by: ["FC05", "FC01", "FC02", "FC03", "RA01", "HC03"],
        judge: judge,
    };
}

/// Minutes in which a Machine should go.
const DUE: i64 = 15;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let machines = view.machines()?.map_or(&[][..], Vec::as_slice);
    let azure_machines = view.azure_machines();
    let vms = view.virtual_machines();
    let (mut findings, mut leaving) = (Vec::new(), 0);
    for machine in machines {
        let Some(since) = machine.deleted_at else { continue };
        let minutes = view.minutes_since(since);
        if minutes < DUE {
            leaving += 1;
            continue;
        }
        let azure_name = machine.azure_machine.as_deref().unwrap_or(&machine.name);
        let azure = azure_machines
            .as_ref()
            .ok()
            .and_then(|list| list.and_then(|list| list.iter().find(|azure| azure.name == azure_name)));
        let vm = match &vms {
            Ok(list) => Ok(list.and_then(|list| list.iter().find(|vm| is_vm_of(vm, azure_name, azure)))),
            Err(gap) => Err(gap.clone()),
        };
        findings.push(finding(view, machine, minutes, vm));
    }
    let passed = match leaving {
        0 => "no Machine is being deleted".to_owned(),
        some => format!("{some} Machines are being deleted, none for long"),
    };
    Ok(Judgement::new(passed, findings))
}

fn is_vm_of(vm: &VirtualMachine, name: &str, azure: Option<&AzureMachine>) -> bool {
    let by_id = azure
        .and_then(|azure| azure.provider_id.as_deref()?.strip_prefix("azure://"))
        .is_some_and(|id| vm.id == facts::ArmId::new(id));
    by_id || vm.name.eq_ignore_ascii_case(name)
}

/// What holds a Machine.
enum Held<'a> {
    Drain(&'a Condition),
    Volumes(&'a Condition),
    Other,
}

/// What the conditions of both contracts of Cluster API say.
fn held(machine: &Machine) -> Held<'_> {
    let find = |kind: &str, word: &str| {
        machine.conditions.iter().find(|condition| {
            (condition.kind == kind && condition.is_false())
                || (condition.kind == "Deleting" && condition.is_true() && condition.reason.contains(word))
        })
    };
    if let Some(condition) = find("DrainingSucceeded", "Draining") {
        Held::Drain(condition)
    } else if let Some(condition) = find("VolumeDetachSucceeded", "VolumeDetach") {
        Held::Volumes(condition)
    } else {
        Held::Other
    }
}

fn finding(view: &View<'_>, machine: &Machine, minutes: i64, vm: Result<Option<&VirtualMachine>, Gap>) -> Finding {
    let plane = view.target().control_plane_namespace();
    let name = machine.name.as_str();
    let subject = format!("Machine {name}");
    let annotate =
        |what: &str| command!("oc -n {plane} annotate machine {name} machine.cluster.x-k8s.io/{}=", what; plane, name);
    let look = || {
        vec![
            command!("oc -n {plane} describe machine {name}"; plane, name),
            command!("oc -n {plane} logs deployment/capi-provider --tail 50"; plane),
        ]
    };
    let gone = matches!(vm, Ok(None)) && !machine.finalizers.is_empty();
    let held = held(machine);
    let (what, commands) = match (&held, gone) {
        (_, true) => (
            "its virtual machine is gone and its finalizers are not".to_owned(),
            [annotate("exclude-node-draining")].into_iter().chain(look()).collect(),
        ),
        (Held::Drain(_), _) => ("its node is being drained".to_owned(), vec![annotate("exclude-node-draining")]),
        (Held::Volumes(_), _) => {
            ("its volumes are not detached".to_owned(), vec![annotate("exclude-wait-for-node-volume-detach")])
        }
        (Held::Other, _) => ("and nothing says what it waits for".to_owned(), look()),
    };
    let what = format!("Machine {name} is being deleted for {minutes} minutes: {what}");
    let why = "its NodePool keeps it, and a HostedCluster that is being deleted waits for it";
    let mut finding = if gone { Finding::fail(subject, what, why) } else { Finding::warn(subject, what, why) };
    finding = finding.see("finalizers", machine.finalizers.join(", "));
    if let Held::Drain(condition) | Held::Volumes(condition) = &held {
        finding = finding.see("message", facts::redact::text(&condition.message));
    }
    finding = match vm {
        Ok(Some(vm)) => finding.see("virtual machine", vm.provisioning_state.as_deref().unwrap_or("exists")),
        Ok(None) => finding.see("virtual machine", "does not exist"),
        Err(gap) => finding.see("virtual machine", format!("not seen ({})", gap.why)),
    };
    if let Some(pool) = &machine.node_pool {
        finding = finding.touches(Key::NodePool(pool.clone()));
    }
    finding = finding.touches(Key::Machine(name.to_owned()));
    // A drain has nothing to do with Azure.
    if gone || matches!(held, Held::Other) {
        finding =
            finding.touches(Key::Identity("nodePoolManagement".into())).touches(Key::Workload("capi-provider".into()));
    }
    finding.fix(Fix::hypershift(commands))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &STUCK_DELETE;

    fn leaving(facts: &mut Facts, minutes: i64) -> &mut Machine {
        let Fact::Known(machines) = &mut facts.hosted.machines else { panic!("no machines") };
        machines[1].deleted_at = Some(minutes_ago(minutes));
        machines[1].phase = Some("Deleting".into());
        &mut machines[1]
    }

    fn without_vm(facts: &mut Facts) {
        let Fact::Known(vms) = &mut facts.azure.compute.virtual_machines else { panic!("no VMs") };
        vms.retain(|vm| vm.name != "prod-b");
        let Fact::Known(nodes) = &mut facts.guest.nodes else { panic!("no nodes") };
        nodes.retain(|node| node.name != "prod-b");
    }

    fn drain(machine: &mut Machine) {
        let mut condition = condition("DrainingSucceeded", "False", "DrainingFailed");
        condition.message = "Cannot evict pod as it would violate the pod's disruption budget.".into();
        machine.conditions.push(condition);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the VM is gone and the Machine stays", |facts| {
                leaving(facts, 40);
                without_vm(facts);
            }),
            Fault::new("a disruption budget holds the drain", |facts| drain(leaving(facts, 40))),
        ]
    }

    #[test]
    fn machines_that_stay_or_go_soon_pass() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        leaving(&mut facts, 14);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_machine_without_its_virtual_machine() {
        let mut facts = healthy();
        leaving(&mut facts, 15);
        without_vm(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            finding.fixes[0].commands[0],
            "oc -n clusters-prod annotate machine prod-b machine.cluster.x-k8s.io/exclude-node-draining="
        );
        assert_eq!(finding.evidence.get("virtual machine"), Some("does not exist"));
    }

    #[test]
    fn what_holds_a_machine_is_told() {
        let mut facts = healthy();
        drain(leaving(&mut facts, 30));
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        assert!(finding.what.ends_with("its node is being drained"), "{}", finding.what);
        let mut facts = healthy();
        let newer = condition("Deleting", "True", "WaitingForVolumeDetach");
        leaving(&mut facts, 30).conditions.push(newer);
        assert!(the_finding(CHECK, &facts).what.ends_with("its volumes are not detached"));
        let mut facts = healthy();
        leaving(&mut facts, 30);
        assert!(the_finding(CHECK, &facts).keys.contains(&Key::Workload("capi-provider".into())));
    }

    #[test]
    fn a_virtual_machine_that_was_not_seen_is_not_gone() {
        let mut facts = healthy();
        leaving(&mut facts, 30);
        facts.azure.compute.virtual_machines = Fact::Unreadable(denied("Microsoft.Compute/virtualMachines/read"));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn machines_that_cannot_be_read() {
        let mut facts = healthy();
        facts.hosted.machines = Fact::Unreadable(denied("list machines"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
