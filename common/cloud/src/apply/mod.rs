//! Applying a plan: every change that this suite makes, in Azure or in the management cluster, goes through here.
//!
//! Independent steps run at once, dependent ones wait, and those of one serial key follow one another. A step that fails
//! stops what depends on it and nothing else. Nothing is undone: running the same command again reads what is there and
//! does the rest.

mod arm_step;
mod blob_step;
mod cluster_step;
mod engine;
mod explain;
pub mod file;
mod local_step;
mod pace;
mod patch_step;
mod secret_file;
mod step;

use std::collections::BTreeMap;
use std::time::Duration;

use arm::{Arm, ArmError};
use plan::Plan;
use serde_json::Value;

use crate::kubernetes::{Connection, KubeError};
use crate::storage::{Storage, StorageError};

pub use engine::Stop;
pub use explain::{hint, why};
pub use pace::Pace;

/// How to apply a plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many steps may run at once.
    pub concurrency: usize,
    /// Times.
    pub pace: Pace,
    /// Ends the run early, cleanly.
    pub stop: Stop,
}

impl Options {
    /// The usual options: 8 steps at once.
    pub fn new(stop: Stop) -> Self {
        Self { concurrency: 8, pace: Pace::default(), stop }
    }
}

/// What happens while a plan is applied. Steps are told by their place in [`Plan::steps`].
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A step begins.
    Started(usize),
    /// Azure took the request and works on it.
    Waiting(usize),
    /// Azure asked to come back later.
    Again {
        /// The step.
        step: usize,
        /// After how long.
        wait: Duration,
        /// Why.
        error: &'a ArmError,
    },
    /// Something holds a step up.
    Blocked(usize, &'a str),
    /// A step is over.
    Ended(usize, &'a Outcome),
}

/// How a step ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// There was nothing to do.
    Kept,
    /// It is done; what Azure answered.
    Done(Value),
    /// It failed.
    Failed(StepError),
    /// It was not begun: a step that it depends on, told by its name, did not get done.
    Skipped(String),
    /// It was not begun, or not gone on with: the run was stopped.
    Stopped,
    /// Azure finishes it by itself: the run was stopped meanwhile.
    Left,
}

/// Why a step failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StepError {
    /// Azure refused, or could not be asked.
    #[error(transparent)]
    Arm(#[from] ArmError),
    /// The management cluster refused, or could not be asked.
    #[error(transparent)]
    Kubernetes(#[from] KubeError),
    /// Blob storage refused, or could not be asked.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Something holds it up for longer than it may take.
    #[error("{0}")]
    Blocked(String),
    /// A file could not be written.
    #[error("{0}")]
    File(String),
    /// Azure's answer lacks what the plan needs of it.
    #[error("{0}")]
    Answer(String),
}

/// What applying a plan left.
#[derive(Debug, Clone)]
pub struct Applied {
    /// How each step of the plan ended, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl Applied {
    /// How many steps have what they want: done or kept.
    pub fn done(&self) -> usize {
        let good = |outcome: &&Outcome| matches!(outcome, Outcome::Kept | Outcome::Done(_));
        self.outcomes.iter().filter(good).count()
    }

    /// How many operations Azure finishes by itself.
    pub fn left(&self) -> usize {
        self.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Left)).count()
    }

    /// The steps that failed, by their place in the plan, with the reasons.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &StepError)> {
        self.outcomes.iter().enumerate().filter_map(|(at, outcome)| match outcome {
            Outcome::Failed(error) => Some((at, error)),
            _ => None,
        })
    }
}

/// Whom a plan may ask for what it does. What a plan does not need may be missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hands<'a> {
    /// Azure.
    pub arm: Option<&'a Arm>,
    /// The management cluster.
    pub kubernetes: Option<&'a Connection>,
    /// Blobs.
    pub storage: Option<&'a Storage>,
}

/// What finished steps left, by their names.
pub(crate) type Results = BTreeMap<String, Value>;

/// Applies a plan. Whoever wants to see it happen listens to the events.
pub async fn apply(
    plan: &Plan,
    hands: Hands<'_>,
    options: &Options,
    on_event: &(dyn Fn(Event<'_>) + Send + Sync),
) -> Applied {
    let perform = |at: usize, results: Results| {
        let step = &plan.steps()[at];
        step::perform(hands, at, step, results, options, on_event)
    };
    engine::run(plan, options, perform, on_event).await
}

#[cfg(test)]
mod tests;
