//! What do we think of it? Pure judgement over [`facts::Facts`].
//!
//! A check is one file below `check/`: its documentation, its code and its tests. It reads facts through a [`View`] and
//! gives back a [`Judgement`]; it has no I/O and no clock. [`examine`] runs a selection of checks, turns what they say
//! into rows of a [`Report`], and folds symptoms under their cause.

pub mod capacity;
pub mod check;
pub mod decode;
pub mod diff;
mod federation;
mod fold;
pub mod judgement;
mod leftovers;
mod managed;
pub mod node_pools;
pub mod nsg;
pub mod refusal;
pub mod registry;
mod remedy;
pub mod report;
pub mod roles;
mod routes;
pub mod selection;
mod shell;
pub mod status;
mod supply;
#[cfg(test)]
mod testkit;
mod text;
pub mod view;
mod vm_refusal;
pub mod waiver;
mod worker_flows;
mod workers;

use facts::{Facts, Gap, GapKind, Target};

pub use check::{Check, Group, Stage};
pub use judgement::{Evidence, Finding, Fix, Judgement, Key, Level, Persona, Supply};
pub use registry::CHECKS;
pub use report::{Bar, Cause, Report, Row, Summary, Verdict};
pub use selection::Selection;
pub use text::quote;
pub use view::View;
pub use waiver::{Acceptance, Waiver};

/// What every check file needs.
pub(crate) mod prelude {
    pub(crate) use facts::{Gap, GapKind, catalogue};

    #[cfg(test)]
    pub(crate) use crate::check::Check;
    pub(crate) use crate::check::declare_check;
    pub(crate) use crate::judgement::{Finding, Fix, Judgement, Key};
    pub(crate) use crate::view::View;
}

/// Runs the selected checks over `facts`.
///
/// The report is complete whatever the facts lack: a check that could not judge gives an `unknown` row with the reason.
pub fn examine(facts: &Facts, selection: &Selection) -> Report {
    let mut rows = Vec::new();
    for check in CHECKS.iter().copied().filter(|check| selection.includes(check)) {
        let view = View::new(facts);
        rows.extend(report::rows_of(check, (check.judge)(&view)).into_iter().map(report::Row::redacted));
    }
    if facts.source.is_offline() {
        rows.iter_mut().for_each(|row| recorded_only(row, &facts.target));
    }
    fold::fold(&mut rows);
    Report::new(facts, rows)
}

/// Nothing more can be asked of a recording: what nobody asked for is what it does not hold.
fn recorded_only(row: &mut Row, target: &Target) {
    let Some(gap) = row.gap.as_mut().filter(|gap| gap.kind == GapKind::NotAsked) else { return };
    let needs: Vec<&str> = row.check.needs.iter().map(|need| need.describe()).collect();
    *gap = Gap::new(GapKind::NotRecorded, format!("the recording does not hold {}", needs.join(", ")))
        .with_remedy(format!("oc hcp-azure bundle {} -n {}", target.name, target.namespace));
    row.why.clone_from(&gap.why);
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod meta;
