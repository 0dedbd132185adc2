//! Insights: the doctor's root causes, one line each.

use super::{Pending, PoolState, PoolStatus};
use crate::check::Group;
use crate::{Key, Report, Row, Verdict};

/// A root cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insight {
    /// Whether it is a failure; else it is a warning.
    pub is_failure: bool,
    /// The code of its check.
    pub code: &'static str,
    /// What it is about.
    pub subject: String,
    /// What is the case, in one sentence.
    pub what: String,
}

/// The root causes of a report that speak of the cluster.
///
/// Some do not: what is wrong with the caller's own credential, which is told as what was not seen; the version of a
/// node pool that is ahead only because the control plane is still on its way to the same version; and, while
/// something is under way, warnings about components and node pools that are told as not there yet.
pub(super) fn of(report: &Report, pools: &[PoolStatus], coming: &[Pending]) -> Vec<Insight> {
    let in_state =
        |name: &str, states: &[PoolState]| pools.iter().any(|pool| pool.name == name && states.contains(&pool.state));
    let waits = |row: &Row| {
        row.keys
            .iter()
            .any(|key| matches!(key, Key::NodePoolRelease(name) if in_state(name, &[PoolState::WaitsForControlPlane])))
    };
    let is_told = |row: &Row| {
        row.verdict == Verdict::Warn
            && row.keys.iter().any(|key| match (row.check.code, key) {
                ("HC03", Key::Workload(name)) => coming.iter().any(|pending| pending.name == *name),
                ("NP01", Key::NodePool(name)) => in_state(name, &[PoolState::ScalingUp, PoolState::Updating]),
                _ => false,
            })
    };
    report
        .roots()
        .into_iter()
        .filter(|row| row.check.group != Group::Credentials && !waits(row) && !is_told(row))
        .map(|row| Insight {
            is_failure: row.verdict == Verdict::Fail,
            code: row.check.code,
            subject: row.subject.clone(),
            what: row.what.clone(),
        })
        .collect()
}
