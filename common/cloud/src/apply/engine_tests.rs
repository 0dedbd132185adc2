#![allow(clippy::unwrap_used)]
use std::sync::Mutex;
use std::time::Duration;

use plan::change::Content;
use plan::late::Late;
use serde_json::json;

use super::*;
use crate::apply::StepError;

fn step(id: &str, depends_on: &[&str], serial: Option<&str>) -> Step {
    Step {
        id: id.into(),
        verb: Verb::Create,
        resource: id.into(),
        reason: String::new(),
        depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
        change: Some(Change::File { path: id.into(), content: Content::Text(String::new(), Late::default()) }),
        serial: serial.map(str::to_owned),
    }
}

fn failed() -> Outcome {
    Outcome::Failed(StepError::Answer("no".into()))
}

/// Runs a plan whose steps take a second each; tells which ran when, and how each ended.
async fn ran(
    plan: &Plan,
    concurrency: usize,
    failing: &[&str],
    stop_after: Option<u64>,
) -> (Vec<(String, u64)>, Applied) {
    let begun = tokio::time::Instant::now();
    let order = Mutex::new(Vec::new());
    let stop = Stop::default();
    let options = Options { concurrency, ..Options::new(stop.clone()) };
    let perform = |at: usize, _results: Results| {
        let id = plan.steps()[at].id.clone();
        order.lock().unwrap().push((id.clone(), begun.elapsed().as_secs()));
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if failing.contains(&id.as_str()) { failed() } else { Outcome::Done(json!(id)) }
        }
    };
    let stopper = async {
        match stop_after {
            Some(seconds) => tokio::time::sleep(Duration::from_millis(seconds * 1000 - 500)).await,
            None => std::future::pending().await,
        }
        stop.now();
        std::future::pending::<()>().await;
    };
    let applied = tokio::select! {
        applied = run(plan, &options, perform, &|_| {}) => applied,
        () = stopper => unreachable!(),
    };
    (order.into_inner().unwrap(), applied)
}

#[tokio::test(start_paused = true)]
async fn independent_steps_run_at_once_and_serial_ones_do_not() {
    let plan = Plan::new(vec![
        step("a", &[], None),
        step("b1", &["a"], Some("B")),
        step("b2", &["a"], Some("B")),
        step("c", &["a"], Some("C")),
        step("d", &["c"], None),
    ])
    .unwrap();
    let (order, applied) = ran(&plan, 8, &[], None).await;
    let at = |id: &str| order.iter().find(|(own, _)| own == id).unwrap().1;
    assert_eq!((at("a"), at("b1"), at("c"), at("b2"), at("d")), (0, 1, 1, 2, 2));
    assert_eq!((applied.done(), applied.stopped), (5, false));
    let (order, _) = ran(&plan, 1, &[], None).await;
    assert_eq!(order.iter().map(|(_, at)| *at).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    // With one hand, what others wait for goes first.
    assert_eq!(order[1].0, "c");
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_its_dependants_and_nothing_else() {
    let mut kept = step("kept", &[], None);
    (kept.verb, kept.change) = (Verb::Keep, None);
    let mut file = step("file", &["bad", "after"], None);
    file.change = Some(Change::File { path: "x".into(), content: Content::WorkloadIdentities(BTreeMap::new()) });
    let plan = Plan::new(vec![
        kept,
        step("bad", &["kept"], None),
        step("after", &["bad"], None),
        step("other", &["kept"], None),
        step("later", &["other"], None),
        file,
    ])
    .unwrap();
    let (order, applied) = ran(&plan, 8, &["bad"], None).await;
    let names: BTreeSet<&str> = order.iter().map(|(id, _)| id.as_str()).collect();
    // The file takes what there is.
    assert_eq!(names, ["bad", "file", "later", "other"].into());
    assert!(matches!(&applied.outcomes[2], Outcome::Skipped(because) if because == "bad"));
    assert_eq!((applied.failures().count(), applied.done()), (1, 4));
}

#[tokio::test(start_paused = true)]
async fn a_stop_begins_nothing_more_and_ends_what_runs() {
    let plan = Plan::new(vec![step("a", &[], None), step("b", &["a"], None), step("c", &["b"], None)]).unwrap();
    let (order, applied) = ran(&plan, 8, &[], Some(2)).await;
    assert_eq!(order.len(), 2);
    assert!(applied.stopped && applied.done() == 2);
    assert!(matches!(applied.outcomes[2], Outcome::Stopped));
}

#[tokio::test(start_paused = true)]
async fn steps_are_given_what_those_before_left() {
    let plan = Plan::new(vec![step("a", &[], None), step("b", &["a"], None)]).unwrap();
    let seen = Mutex::new(Vec::new());
    let perform = |at: usize, results: Results| {
        seen.lock().unwrap().push(results);
        std::future::ready(Outcome::Done(json!({"at": at})))
    };
    run(&plan, &Options::new(Stop::default()), perform, &|_| {}).await;
    let expected: Results = [("a".to_owned(), json!({"at": 0}))].into();
    assert_eq!(seen.into_inner().unwrap(), [Results::new(), expected]);
}
