//! NP10: virtual machines, AzureMachines and nodes are the same set.

use facts::ArmId;
use facts::compute::VirtualMachine;
use facts::hosted::HostedCluster;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Every virtual machine that Cluster API made for this cluster belongs to an AzureMachine, and every node of the
    /// hosted cluster has its virtual machine. They are matched by provider id.
    ///
    /// Virtual machines without the tag of Cluster API are somebody else's and left alone. What is younger than 20 minutes
    /// or being deleted is left out.
    ///
    /// ## Why it matters
    /// A virtual machine without a Machine is paid for, and nothing will ever delete it before the resource group goes. A
    /// node without one keeps its pods from being started elsewhere.
    ///
    /// ## How to fix
    /// Look at what is printed before you delete anything: the commands are shown and never run.
    ///
    /// Source: openshift/hypershift#7208; OCPBUGS-63720; kubernetes-sigs/cluster-api-provider-azure api/v1beta1/tags.go.
    pub static VM_NODE_DIFF = {
        code: "NP10",
        id: "vm-node-diff",
        group: NodePools,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Machines, VirtualMachines, Guest],
        caused_by: ["HC03", "NP02", "NP09"],
        judge: judge,
    };
}

/// Minutes in which a new virtual machine or node may lack its counterpart.
const GRACE: i64 = 20;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let azure_machines = view.azure_machines();
    let nodes = view.guest_nodes();
    let machines = view.virtual_machines()?.map_or(&[][..], Vec::as_slice);
    let own: Vec<&VirtualMachine> = machines.iter().filter(|vm| vm.is_of_cluster(&cluster.infra_id)).collect();
    let (mut findings, mut gaps) = (Vec::new(), Vec::new());
    match azure_machines {
        Ok(known) => {
            let known = known.map_or(&[][..], Vec::as_slice);
            let is_known = |vm: &VirtualMachine| {
                known.iter().any(|machine| {
                    machine.name.eq_ignore_ascii_case(&vm.name)
                        || machine.provider_id.as_deref().and_then(arm_id).is_some_and(|id| id == vm.id)
                })
            };
            let orphans = own.iter().filter(|vm| {
                let deleting = vm.provisioning_state.as_deref() == Some("Deleting");
                let young = vm.created_at.is_some_and(|then| view.minutes_since(then) < GRACE);
                !deleting && !young && !is_known(vm)
            });
            findings.extend(orphans.map(|vm| orphan(view, cluster, vm)));
        }
        Err(gap) => gaps.push(("AzureMachines".to_owned(), gap)),
    }
    let mut matched = 0;
    match nodes {
        Ok(nodes) => {
            for node in nodes {
                // A node without a provider id has not been looked at by the cloud provider yet.
                let Some(id) = node.provider_id.as_deref().and_then(arm_id) else { continue };
                if machines.iter().any(|vm| vm.id == id) {
                    matched += 1;
                } else if node.created_at.is_none_or(|then| view.minutes_since(then) >= GRACE) {
                    findings.push(ghost(view, &node.name, &id, node.ready));
                }
            }
        }
        Err(gap) => gaps.push(("nodes".to_owned(), gap)),
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{} virtual machines of the cluster, {matched} nodes on them", own.len()), findings))
}

/// The ARM id in a provider id.
fn arm_id(provider_id: &str) -> Option<ArmId> {
    provider_id.strip_prefix("azure://").filter(|id| id.starts_with('/')).map(ArmId::new)
}

fn orphan(view: &View<'_>, cluster: &HostedCluster, vm: &VirtualMachine) -> Finding {
    let plane = view.target().control_plane_namespace();
    let mut finding = Finding::warn(
        format!("virtual machine {}", vm.name),
        format!("virtual machine {} belongs to no AzureMachine", vm.name),
        "it is paid for, may still be a node, and no NodePool will ever delete it",
    )
    .see("provider id", format!("azure://{}", vm.id))
    .see("tag", format!("Cluster API made it for {}", cluster.infra_id));
    if let Some(created) = vm.created_at {
        finding = finding.see("made", created.to_string());
    }
    by_provider(finding).fix(
        Fix::azure([
            command!("oc -n {} get machines,azuremachines", plane),
            command!("az vm show --ids {} -d -o table", vm.id),
            command!("az vm delete --ids {}", vm.id),
        ])
        .note(
            "delete it only when the first command does not list it; its disk and network interface are deleted apart",
        ),
    )
}

fn ghost(view: &View<'_>, node: &str, id: &ArmId, ready: bool) -> Finding {
    let finding = Finding::warn(
        format!("node {node}"),
        format!("node {node} has no virtual machine"),
        "pods that were on it are not started elsewhere, and its volumes stay attached, until the node is gone",
    )
    .see("provider id", format!("azure://{id}"))
    .see("ready", if ready { "yes" } else { "no" })
    .touches(Key::Machine(node.to_owned()));
    let plane = view.target().control_plane_namespace();
    finding.touches(Key::Workload("cloud-controller-manager".into())).fix(
        Fix::hypershift([
            command!("oc -n {} get deployment cloud-controller-manager", plane),
            command!("oc delete node {}", node),
        ])
        .note("the second with the kubeconfig of the hosted cluster; the cloud controller manager should have done it"),
    )
}

fn by_provider(finding: Finding) -> Finding {
    finding.touches(Key::Identity("nodePoolManagement".into())).touches(Key::Workload("capi-provider".into()))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &VM_NODE_DIFF;

    fn vms(facts: &mut Facts) -> &mut Vec<VirtualMachine> {
        match &mut facts.azure.compute.virtual_machines {
            Fact::Known(list) => list,
            other => panic!("{other:?}"),
        }
    }

    fn nodes(facts: &mut Facts) -> &mut Vec<facts::guest::Node> {
        match &mut facts.guest.nodes {
            Fact::Known(list) => list,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a virtual machine without a Machine", |facts| vms(facts).push(virtual_machine("prod-c"))),
            Fault::new("a node without a virtual machine", |facts| nodes(facts).push(guest_node("prod-d"))),
        ]
    }

    #[test]
    fn equal_sets_pass() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        // Azure varies the case of ids.
        let upper = facts.azure.compute.virtual_machines.get().unwrap()[0].id.to_string().to_uppercase();
        vms(&mut facts)[0].id = upper.into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_virtual_machine_without_a_machine() {
        let mut facts = healthy();
        vms(&mut facts).push(virtual_machine("prod-c"));
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.subject.as_str()), (Level::Warn, "virtual machine prod-c"));
        let delete = finding.fixes[0].commands.last().unwrap();
        assert!(delete.starts_with("az vm delete --ids /subscriptions/"), "{delete}");
        for change in [
            (|vm| vm.tags.clear()) as fn(&mut VirtualMachine),
            |vm| vm.provisioning_state = Some("Deleting".into()),
            |vm| vm.created_at = Some(minutes_ago(19)),
        ] {
            let mut facts = facts.clone();
            change(vms(&mut facts).last_mut().unwrap());
            assert_passes(CHECK, &facts);
        }
    }

    #[test]
    fn a_node_without_a_virtual_machine() {
        let mut facts = healthy();
        nodes(&mut facts).push(guest_node("prod-d"));
        assert_eq!(the_finding(CHECK, &facts).subject, "node prod-d");
        nodes(&mut facts)[2].provider_id = None;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn one_side_that_cannot_be_read_does_not_hide_the_other() {
        let mut facts = healthy();
        vms(&mut facts).push(virtual_machine("prod-c"));
        facts.guest.nodes = Fact::Unreadable(Gap::new(GapKind::Unreachable, "connect"));
        let levels: Vec<_> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Warn, Level::Unknown]);
        facts.azure.compute.virtual_machines = Fact::Unreadable(denied("Microsoft.Compute/virtualMachines/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
