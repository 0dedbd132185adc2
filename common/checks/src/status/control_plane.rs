//! The control plane: which of its components have reached their version.

use facts::GapKind;
use facts::hosted::{Component, Condition, Workload};

use super::Seen;
use crate::View;

/// How far the control plane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlane {
    /// What was counted.
    pub basis: Basis,
    /// How many there are; 0 when nothing runs in the control plane namespace.
    pub total: usize,
    /// How many of them are rolled out and available, at the wanted version where one is known.
    pub rolled_out: usize,
    /// The version they are to have; none where nothing names one.
    pub version: Option<String>,
    /// The others.
    pub pending: Vec<Pending>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// ControlPlaneComponents, which tell their version.
    Components,
    /// Deployments and StatefulSets: HyperShift releases without ControlPlaneComponents. They tell no version.
    Workloads,
}

/// A component that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its name.
    pub name: String,
    /// Why it is not.
    pub why: String,
}

/// The control plane; `wanted` is the version that its components are to have.
pub(super) fn of(view: &View<'_>, wanted: Option<&str>) -> Seen<ControlPlane> {
    let components = match view.components() {
        Ok(components) => components.map_or(&[][..], Vec::as_slice),
        // Where nothing serves or records components, workloads tell as much as can be told.
        Err(gap) if matches!(gap.kind, GapKind::Blocked | GapKind::NotRecorded) => {
            return match view.workloads() {
                Ok(Some(workloads)) if !workloads.is_empty() => Ok(of_workloads(workloads)),
                _ => Err(gap),
            };
        }
        Err(gap) => return Err(gap),
    };
    if !components.is_empty() {
        let pending = components.iter().filter_map(|component| pending_component(component, wanted));
        return Ok(count(Basis::Components, components.len(), wanted, pending));
    }
    let workloads = view.workloads()?.map_or(&[][..], Vec::as_slice);
    Ok(of_workloads(workloads))
}

fn of_workloads(workloads: &[Workload]) -> ControlPlane {
    count(Basis::Workloads, workloads.len(), None, workloads.iter().filter_map(pending_workload))
}

fn count(basis: Basis, total: usize, wanted: Option<&str>, pending: impl Iterator<Item = Pending>) -> ControlPlane {
    let pending: Vec<Pending> = pending.collect();
    ControlPlane { basis, total, rolled_out: total - pending.len(), version: wanted.map(str::to_owned), pending }
}

fn pending_component(component: &Component, wanted: Option<&str>) -> Option<Pending> {
    let is_true = |kind: &str| component.condition(kind).is_some_and(Condition::is_true);
    let why = |kind: &str, otherwise: &str| {
        let reason = component.condition(kind).map(|condition| condition.reason.as_str()).unwrap_or_default();
        if reason.is_empty() || reason == "AsExpected" { otherwise.to_owned() } else { reason.to_owned() }
    };
    let why = if !is_true("Available") {
        why("Available", "not available")
    } else if wanted.is_some_and(|wanted| component.version.as_deref() != Some(wanted)) {
        component.version.as_ref().map_or_else(|| "no version yet".to_owned(), |version| format!("at {version}"))
    } else if !is_true("RolloutComplete") {
        why("RolloutComplete", "rolling out")
    } else {
        return None;
    };
    Some(Pending { name: component.name.clone(), why })
}

fn pending_workload(workload: &Workload) -> Option<Pending> {
    (workload.ready < workload.desired).then(|| Pending {
        name: workload.name.clone(),
        why: format!("{} of {} ready", workload.ready, workload.desired),
    })
}
