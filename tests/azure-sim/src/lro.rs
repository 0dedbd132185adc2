//! Long-running operations: started by a write, ended by time, watched by polling.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{errors::Refusal, seed};

/// How long a finished operation that nobody polls stays in flight.
const UNPOLLED: Duration = Duration::from_millis(100);

/// How an operation ends.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Succeeded,
    Failed(Refusal),
    Canceled(Refusal),
}

/// What a finished operation does to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The target's provisioning state becomes final.
    Provision,
    /// The target and everything below it goes.
    Delete,
}

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub id: String,
    /// Id of the resource that it works on.
    pub target: String,
    pub effect: Effect,
    pub outcome: Outcome,
    pub done: bool,
    /// No poll sees the end before this.
    pub earliest: Instant,
}

/// All operations, by id.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    all: BTreeMap<String, Operation>,
    started: u64,
}

impl Operations {
    /// Records a new operation and returns its id.
    pub fn start(&mut self, target: &str, effect: Effect, outcome: Outcome, earliest: Instant) -> String {
        self.started += 1;
        let id = seed::guid(&format!("operation-{}", self.started));
        let operation = Operation { id: id.clone(), target: target.to_owned(), effect, outcome, done: false, earliest };
        self.all.insert(id.clone(), operation);
        id
    }

    /// The operation still in flight on this resource.
    pub fn pending(&self, target: &str) -> Option<&Operation> {
        self.all.values().find(|op| !op.done && op.target.eq_ignore_ascii_case(target))
    }

    /// Marks the operations that are over by now as done and returns them. An operation that was polled is
    /// over at its earliest time, one that nobody asks about a little later.
    pub fn settle(&mut self, now: Instant, polled: Option<&str>) -> Vec<Operation> {
        let mut over = Vec::new();
        for op in self.all.values_mut().filter(|op| !op.done) {
            let asked = polled.is_some_and(|what| what == op.id || what.eq_ignore_ascii_case(&op.target));
            let due = if asked { op.earliest } else { op.earliest + UNPOLLED };
            if now >= due {
                op.done = true;
                over.push(op.clone());
            }
        }
        over
    }

    /// Operations in flight, for a view of the state as it will be.
    pub fn in_flight(&self) -> impl Iterator<Item = &Operation> {
        self.all.values().filter(|op| !op.done)
    }

    /// The operation with this id.
    pub fn get(&self, id: &str) -> Option<&Operation> {
        self.all.get(&id.to_lowercase())
    }

    /// Changes how an operation ended, when its effect could not be had.
    pub fn set_outcome(&mut self, id: &str, outcome: Outcome) {
        if let Some(op) = self.all.get_mut(id) {
            op.outcome = outcome;
        }
    }
}

/// The status document behind `Azure-AsyncOperation`.
pub(crate) fn status(op: &Operation, path: &str) -> Value {
    let mut body = json!({
        "id": path,
        "name": op.id,
        "status": "InProgress",
        "startTime": seed::EPOCH,
    });
    if op.done {
        body["endTime"] = json!(seed::EPOCH);
        let (status, error) = match &op.outcome {
            Outcome::Succeeded => ("Succeeded", None),
            Outcome::Failed(refusal) => ("Failed", Some(refusal.inner())),
            Outcome::Canceled(refusal) => ("Canceled", Some(refusal.inner())),
        };
        body["status"] = json!(status);
        if let Some(error) = error {
            body["error"] = error;
        }
    }
    body
}
