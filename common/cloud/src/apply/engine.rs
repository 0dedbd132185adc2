//! Which step when: dependencies, serial keys, concurrency, failure and stop. It knows nothing of Azure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use plan::{Change, Plan, Step, Verb};
use tokio::sync::watch;

use super::{Applied, Event, Options, Outcome, Results};

/// Ends runs early, cleanly: no step is begun any more, requests under way get their answer, and operations under way are
/// left to Azure. Clones are one and the same.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Stops.
    pub fn now(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was stopped.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is stopped.
    pub async fn wait(&self) {
        // The sender lives in `self`, so that the channel cannot close meanwhile.
        let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }
}

/// Runs the steps of a plan in their order, each by `perform`.
pub(super) async fn run<F, W>(
    plan: &Plan,
    options: &Options,
    perform: F,
    on_event: &(dyn Fn(Event<'_>) + Send + Sync),
) -> Applied
where
    F: Fn(usize, Results) -> W,
    W: Future<Output = Outcome>,
{
    let steps = plan.steps();
    let places: HashMap<&str, usize> = steps.iter().enumerate().map(|(at, step)| (step.id.as_str(), at)).collect();
    let before: Vec<Vec<usize>> = steps
        .iter()
        .map(|step| step.depends_on.iter().filter_map(|id| places.get(id.as_str()).copied()).collect())
        .collect();
    let urgency = urgency(steps, &before);
    let mut outcomes: Vec<Option<Outcome>> = vec![None; steps.len()];
    let mut waiting: BTreeSet<usize> = (0..steps.len()).collect();
    let mut busy: BTreeMap<usize, &str> = BTreeMap::new();
    let mut running = FuturesUnordered::new();
    loop {
        settle(steps, &before, options, &mut waiting, &mut outcomes, on_event);
        while busy.len() < options.concurrency.max(1) {
            let ready = waiting.iter().copied().filter(|at| {
                let free = steps[*at].serial.as_deref().is_none_or(|key| !busy.values().any(|other| *other == key));
                free && before[*at].iter().all(|needed| outcomes[*needed].is_some())
            });
            let Some(at) = ready.max_by_key(|at| (urgency[*at], std::cmp::Reverse(*at))) else {
                break;
            };
            waiting.remove(&at);
            busy.insert(at, steps[at].serial.as_deref().unwrap_or_default());
            on_event(Event::Started(at));
            let work = perform(at, results(steps, &before[at], &outcomes));
            running.push(async move { (at, work.await) });
        }
        let Some((at, outcome)) = running.next().await else {
            break;
        };
        busy.remove(&at);
        on_event(Event::Ended(at, &outcome));
        outcomes[at] = Some(outcome);
    }
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Stopped)).collect();
    let stopped = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Stopped | Outcome::Left));
    Applied { outcomes, stopped }
}

/// Ends every waiting step that needs no work or cannot be begun, until none is left.
fn settle(
    steps: &[Step],
    before: &[Vec<usize>],
    options: &Options,
    waiting: &mut BTreeSet<usize>,
    outcomes: &mut [Option<Outcome>],
    on_event: &(dyn Fn(Event<'_>) + Send + Sync),
) {
    // Steps stand behind what they depend on, so that one pass is enough.
    for at in waiting.clone() {
        let step = &steps[at];
        let takes_what_there_is = step.change.as_ref().is_some_and(Change::takes_what_there_is);
        let missing =
            before[at].iter().find(|needed| outcomes[**needed].as_ref().is_some_and(|outcome| !is_good(outcome)));
        let outcome = if step.verb == Verb::Keep || step.change.is_none() {
            Outcome::Kept
        } else if takes_what_there_is {
            continue;
        } else if options.stop.is_set() {
            Outcome::Stopped
        } else if let Some(needed) = missing {
            Outcome::Skipped(steps[*needed].id.clone())
        } else {
            continue;
        };
        waiting.remove(&at);
        on_event(Event::Ended(at, &outcome));
        outcomes[at] = Some(outcome);
    }
}

fn is_good(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Kept | Outcome::Done(_))
}

/// What the steps before left, by their names.
fn results(steps: &[Step], before: &[usize], outcomes: &[Option<Outcome>]) -> Results {
    before
        .iter()
        .filter_map(|at| match &outcomes[*at] {
            Some(Outcome::Done(value)) => Some((steps[*at].id.clone(), value.clone())),
            _ => None,
        })
        .collect()
}

/// The seconds of the longest chain that begins with each step: what is most urgent begins first.
fn urgency(steps: &[Step], before: &[Vec<usize>]) -> Vec<u32> {
    let own = |step: &Step| step.change.as_ref().map_or(0, |change| change.usual_seconds().max(1));
    let mut all: Vec<u32> = steps.iter().map(own).collect();
    for at in (0..steps.len()).rev() {
        for needed in &before[at] {
            all[*needed] = all[*needed].max(own(&steps[*needed]) + all[at]);
        }
    }
    all
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
