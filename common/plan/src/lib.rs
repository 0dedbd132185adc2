//! What would we do? Pure: from a wish and the facts to a [`Plan`].
//!
//! A plan is steps with reasons and dependencies. It is shown before anything happens, and nothing is changed that is not
//! a step of it. This crate holds the plan itself; those who make plans and those who apply them build on it.

pub mod change;
pub mod cluster;
mod compare;
pub mod destroy;
pub mod iam;
pub mod identities;
pub mod infra;
pub mod infra_id;
mod input;
pub mod late;
pub mod manifest;
pub mod node_pool;
pub mod node_pool_size;
pub mod objects;
pub mod oidc;
mod outline;
pub mod patch;
mod refusal;
pub mod release;
pub mod resource;
pub mod secret;
pub mod tags;
pub mod upgrade;

use std::collections::{BTreeMap, BTreeSet};

pub use change::Change;
pub use refusal::Refusal;

/// Steps, in an order in which each stands behind those it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
}

/// One thing to do, or to leave as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name within the plan, for dependencies: `identity/disk`.
    pub id: String,
    /// What happens.
    pub verb: Verb,
    /// What it happens to, as the reader knows it: `managed identity dev-disk-dev-x7k2p`.
    pub resource: String,
    /// Why.
    pub reason: String,
    /// The steps that must be done before.
    pub depends_on: BTreeSet<String>,
    /// What is done; none for what is kept.
    pub change: Option<Change>,
    /// Steps with the same key are done one after another, in any order.
    pub serial: Option<String>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed in place.
    Change,
    /// It is deleted.
    Delete,
    /// It stays as it is.
    Keep,
}

impl Verb {
    /// Its mark in a plan that is shown.
    pub fn mark(self) -> char {
        match self {
            Self::Create => '+',
            Self::Change => '~',
            Self::Delete => '-',
            Self::Keep => '=',
        }
    }
}

/// Why steps make no plan. Each is a defect of whoever made the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Two steps have this name.
    Twice(String),
    /// A step depends on a step that does not exist.
    Unknown {
        /// The step.
        step: String,
        /// What it depends on.
        dependency: String,
    },
    /// These steps wait for one another.
    Cycle(BTreeSet<String>),
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Twice(id) => write!(f, "two steps are called {id}"),
            Self::Unknown { step, dependency } => write!(f, "step {step} waits for {dependency}, which is no step"),
            Self::Cycle(ids) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                write!(f, "steps wait for one another: {}", ids.join(", "))
            }
        }
    }
}

impl std::error::Error for Flaw {}

impl Plan {
    /// A plan of these steps, put in order: each behind what it depends on, otherwise as given.
    ///
    /// # Errors
    /// The first [`Flaw`].
    pub fn new(steps: Vec<Step>) -> Result<Self, Flaw> {
        let mut places = BTreeMap::new();
        for (at, step) in steps.iter().enumerate() {
            if places.insert(step.id.clone(), at).is_some() {
                return Err(Flaw::Twice(step.id.clone()));
            }
        }
        for step in &steps {
            if let Some(dependency) = step.depends_on.iter().find(|id| !places.contains_key(*id)) {
                return Err(Flaw::Unknown { step: step.id.clone(), dependency: dependency.clone() });
            }
        }
        let mut waiting = steps;
        let mut done = BTreeSet::new();
        let mut ordered = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let Some(at) = waiting.iter().position(|step| step.depends_on.is_subset(&done)) else {
                return Err(Flaw::Cycle(waiting.into_iter().map(|step| step.id).collect()));
            };
            let step = waiting.remove(at);
            done.insert(step.id.clone());
            ordered.push(step);
        }
        Ok(Self { steps: ordered })
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many steps have a verb.
    pub fn count(&self, verb: Verb) -> usize {
        self.steps.iter().filter(|step| step.verb == verb).count()
    }

    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.verb == Verb::Keep)
    }

    /// How long applying it usually takes, in seconds: the longest chain of steps that wait for one another.
    pub fn expected_seconds(&self) -> u32 {
        self.chain(|step| step.change.as_ref().map_or(0, Change::usual_seconds))
    }

    /// The length of the longest chain of steps that wait for one another, kept resources not counted: the least number of
    /// rounds in which the plan can be applied, however many hands there are.
    pub fn critical_path(&self) -> usize {
        self.chain(|step| usize::from(step.verb != Verb::Keep))
    }

    /// The greatest sum of weights along a chain of steps that wait for one another.
    fn chain<W: Copy + Default + Ord + std::ops::Add<Output = W>>(&self, weight: impl Fn(&Step) -> W) -> W {
        let mut depth: BTreeMap<&str, W> = BTreeMap::new();
        for step in &self.steps {
            let before = step.depends_on.iter().filter_map(|id| depth.get(id.as_str())).max();
            let before = before.copied().unwrap_or_default();
            depth.insert(&step.id, before + weight(step));
        }
        depth.into_values().max().unwrap_or_default()
    }
}

#[cfg(test)]
mod deeds_tests;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn step(id: &str, verb: Verb, depends_on: &[&str]) -> Step {
        Step {
            id: id.into(),
            verb,
            resource: id.into(),
            reason: "because".into(),
            depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
            change: None,
            serial: None,
        }
    }

    #[test]
    fn steps_stand_behind_what_they_depend_on_and_otherwise_as_given() {
        let plan = Plan::new(vec![
            step("subnet", Verb::Create, &["vnet", "nsg"]),
            step("vnet", Verb::Create, &["group"]),
            step("group", Verb::Keep, &[]),
            step("nsg", Verb::Change, &["group"]),
        ])
        .unwrap();
        let ids: Vec<&str> = plan.steps().iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["group", "vnet", "nsg", "subnet"]);
        assert_eq!((plan.count(Verb::Create), plan.count(Verb::Keep), plan.critical_path()), (2, 1, 2));
        assert!(!plan.is_done());
    }

    #[test]
    fn steps_that_make_no_plan_are_refused() {
        let twice = Plan::new(vec![step("a", Verb::Create, &[]), step("a", Verb::Delete, &[])]);
        assert_eq!(twice, Err(Flaw::Twice("a".into())));
        let unknown = Plan::new(vec![step("a", Verb::Create, &["b"])]);
        assert_eq!(unknown, Err(Flaw::Unknown { step: "a".into(), dependency: "b".into() }));
        let cycle = Plan::new(vec![
            step("c", Verb::Keep, &[]),
            step("a", Verb::Create, &["b"]),
            step("b", Verb::Create, &["a"]),
        ]);
        assert_eq!(cycle, Err(Flaw::Cycle(["a".to_owned(), "b".to_owned()].into())));
    }

    #[test]
    fn a_plan_of_kept_things_is_done() {
        let plan = Plan::new(vec![step("a", Verb::Keep, &[]), step("b", Verb::Keep, &["a"])]).unwrap();
        assert!(plan.is_done());
        assert_eq!(plan.critical_path(), 0);
    }
}
