//! What NodePools ask for: the machines that are there, and those that are to come.

use facts::hosted::{AzureMachine, HostedCluster, Machine, NodePool, VmOptions};
use facts::{ArmId, Gap};

use super::Wish;
use crate::view::View;

/// The machines of one NodePool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Demand {
    /// The NodePool.
    pub(crate) pool: String,
    /// The size of its machines.
    pub(crate) size: String,
    /// Their subnet.
    pub(crate) subnet: ArmId,
    /// Machines that have a VM, of this size or another.
    pub(crate) have: i64,
    /// Machines that its spec asks for.
    pub(crate) target: i64,
    /// Machines still to be made for the spec.
    pub(crate) missing: i64,
    /// Machines still to be made for the wish.
    pub(crate) wanted: i64,
    /// Machines that the autoscaler may add to those that are there, or the wish adds: whichever is more.
    pub(crate) growth: i64,
    /// Machines more during a rolling update.
    pub(crate) surge: i64,
    /// The maximum of its autoscaler.
    pub(crate) max: Option<i64>,
}

/// Whether the HostedCluster does not exist yet.
pub(crate) fn is_planned(cluster: &HostedCluster) -> bool {
    cluster.created_at.is_none()
}

/// What each NodePool asks for, sorted by name; NodePools that are being deleted ask for nothing.
///
/// # Errors
/// The gap of the HostedCluster, of the NodePools, or of the machines of a cluster that exists.
pub(crate) fn demands(view: &View<'_>, wish: &Wish) -> Result<Vec<Demand>, Gap> {
    let cluster = view.cluster()?;
    let pools: Vec<&NodePool> = view.node_pools()?.iter().filter(|pool| pool.deleted_at.is_none()).collect();
    let (machines, azure) = if is_planned(cluster) {
        (&[][..], &[][..])
    } else {
        (view.machines()?.map_or(&[][..], Vec::as_slice), view.azure_machines()?.map_or(&[][..], Vec::as_slice))
    };
    let mut demands: Vec<Demand> = pools
        .iter()
        .map(|pool| {
            let own = machines.iter().filter(|machine| {
                machine.node_pool.as_deref() == Some(pool.name.as_str()) && machine.deleted_at.is_none()
            });
            let have = own.filter(|machine| has_vm(machine, azure)).count();
            let subnet = pool.subnet_id.as_ref().unwrap_or(&cluster.azure.subnet_id);
            let spec = Spec {
                size: &pool.vm_size,
                subnet,
                have: i64::try_from(have).unwrap_or(i64::MAX),
                target: target(pool),
                max: pool.auto_scaling.map(|(_, max)| i64::from(max)),
                vm: &pool.vm,
            };
            let concerns = wish.pool.as_ref().is_none_or(|name| *name == pool.name);
            demand(&pool.name, &spec, concerns.then_some(wish))
        })
        .collect();
    if let Some(name) = &wish.pool
        && let Some(size) = &wish.vm_size
        && !pools.iter().any(|pool| pool.name == *name)
    {
        let subnet = &cluster.azure.subnet_id;
        let spec = Spec { size, subnet, have: 0, target: 0, max: None, vm: &VmOptions::default() };
        demands.push(demand(name, &spec, Some(wish)));
    }
    demands.sort_by(|a, b| a.pool.cmp(&b.pool));
    Ok(demands)
}

/// A NodePool as it is.
struct Spec<'a> {
    size: &'a str,
    subnet: &'a ArmId,
    have: i64,
    target: i64,
    max: Option<i64>,
    vm: &'a VmOptions,
}

fn demand(pool: &str, spec: &Spec<'_>, wish: Option<&Wish>) -> Demand {
    let wished = |value: fn(&Wish) -> Option<i32>| wish.and_then(value).map(i64::from);
    let other_size = wish.and_then(|wish| wish.vm_size.as_deref()).filter(|size| !size.eq_ignore_ascii_case(spec.size));
    let nodes = wished(|wish| wish.max.max(wish.replicas)).unwrap_or(spec.target);
    let max = match (wished(|wish| wish.max), wished(|wish| wish.replicas)) {
        (Some(max), _) => Some(max),
        (None, Some(_)) => None,
        (None, None) => spec.max,
    };
    // Machines of another size are all new; those that are there stay until the new ones have come.
    let there = if other_size.is_some() { 0 } else { spec.have };
    Demand {
        pool: pool.to_owned(),
        size: other_size.unwrap_or(spec.size).to_owned(),
        subnet: spec.subnet.clone(),
        have: spec.have,
        target: spec.target,
        missing: if other_size.is_some() { 0 } else { (spec.target - spec.have).max(0) },
        wanted: (nodes - there).max(0),
        growth: (nodes.max(max.unwrap_or(0)) - there).max(0),
        surge: spec.vm.surge(nodes),
        max,
    }
}

/// The machines that a NodePool asks for, whatever the load.
fn target(pool: &NodePool) -> i64 {
    i64::from(pool.auto_scaling.map_or(pool.replicas.unwrap_or(0), |(min, _)| min)).max(0)
}

/// Whether Azure has a VM for a machine, which then counts as used. A refused VM leaves none.
fn has_vm(machine: &Machine, azure: &[AzureMachine]) -> bool {
    let name = machine.azure_machine.as_deref().unwrap_or(&machine.name);
    let state = azure.iter().find(|azure| azure.name == name).and_then(|azure| azure.vm_state.as_deref());
    machine.node.is_some()
        || match state {
            Some(state) => !matches!(state, "Failed" | "Deleted" | "Deleting"),
            None => matches!(machine.phase.as_deref(), Some("Provisioned" | "Running")),
        }
}
