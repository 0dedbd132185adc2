//! The whole chain of `create cluster` when things go wrong: killed, stopped, refused, throttled, cut off.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::time::Duration;

use azure_sim::{Action, Fault};
use e2e::kube_proxy::{Rule, Trouble};
use serde_json::Value;

use super::create_ground::{Ground, OBJECTS, Whole, kill};
use super::create_stage::{Stage, each, path_of};

/// A run that nothing disturbed: where it began, and what it left.
struct Undisturbed {
    before: Stage,
    /// With everything of Azure, and nothing of the API server.
    after: Stage,
    paths: Vec<String>,
    whole: Whole,
}

fn undisturbed() -> &'static Undisturbed {
    static ONCE: OnceLock<Undisturbed> = OnceLock::new();
    ONCE.get_or_init(|| {
        let before = Stage::new();
        let ground = Ground::on(before.copy());
        ground.done(&ground.line());
        let paths: Vec<String> = ground.stage.writes().iter().map(path_of).collect();
        let whole = Whole { azure: ground.stage.sim.state(), objects: ground.objects(), writes: paths.len() };
        assert_eq!(whole.objects.len(), OBJECTS.len());
        ground.whole(&whole, "nothing happened");
        Undisturbed { before, after: ground.stage, paths, whole }
    })
}

/// A write that never comes back, and all after it: after so many of Azure, or of the API server.
#[derive(Debug, Clone, Copy)]
enum Point {
    Azure(usize),
    Kubernetes(usize),
}

/// Kills a run at a point, where exactly so many writes took effect.
fn killed(ground: &Ground, line: &str, point: Point) {
    let hang = |after: usize| Fault {
        action: Action::Hang,
        after: after as u64,
        method: Some("PUT".into()),
        ..Fault::default()
    };
    let (azure, kubernetes) = match point {
        Point::Azure(number) => (number, 0),
        Point::Kubernetes(number) => (usize::MAX, number),
    };
    if let Point::Azure(number) = point {
        ground.stage.sim.faults(vec![hang(number)]).unwrap();
    }
    ground.kube.trouble(vec![Rule::hang_after(kubernetes)]);
    let child = ground.stage.spawn(line);
    ground.until("the write", |ground| match point {
        Point::Azure(number) => ground.stage.written() >= number && !ground.stage.sim.requests().is_empty(),
        Point::Kubernetes(number) => ground.kube.effects().len() >= number,
    });
    kill(child);
    assert_eq!(ground.kube.effects().len(), kubernetes, "{point:?}");
    assert!(azure == usize::MAX || ground.stage.written() == azure, "{point:?}: {}", ground.stage.written());
    ground.stage.sim.faults(Vec::new()).unwrap();
    ground.kube.trouble(Vec::new());
}

/// Where a run meets the API server: Azure is done, the namespace is not there.
fn azure_is_done() -> Ground {
    Ground::on(undisturbed().after.copy())
}

fn kubernetes_only(ground: &Ground, why: &str) {
    assert!(ground.stage.writes().is_empty(), "{why}: Azure was written to again");
    super::create_azure_faults::same(&ground.stage, &undisturbed().whole.azure, why);
    ground.only_these(why);
    assert_eq!(ground.objects(), undisturbed().whole.objects, "{why}");
}

fn points() -> Vec<Point> {
    let azure = (0..=undisturbed().paths.len()).map(Point::Azure);
    azure.chain((1..=OBJECTS.len()).map(Point::Kubernetes)).collect()
}

#[test]
fn killed_after_any_write_the_next_run_finishes() {
    let all = undisturbed();
    let points = points();
    each(&points, |point| {
        let ground = Ground::on(all.before.copy());
        killed(&ground, &ground.line(), *point);
        ground.done(&ground.line());
        ground.whole(&all.whole, &format!("{point:?}"));
    });
    assert_eq!(points.len(), 1 + 49 + 7);
    e2e::workspace::note(&format!(
        "create cluster: {} kill points ({} writes to Azure, {} to the API server, and before any), each followed by a run that finished the job",
        points.len(),
        all.paths.len(),
        OBJECTS.len()
    ));
}

#[test]
fn the_infra_id_of_a_killed_run_is_found_again() {
    let all = undisturbed();
    let points: Vec<Point> = points().into_iter().step_by(7).collect();
    each(&points, |point| {
        let ground = Ground::on(all.before.copy());
        let line = ground.unnamed();
        killed(&ground, &line, *point);
        ground.done(&line);
        ground.written_once(&all.whole, &format!("{point:?}"));
        // But for the infra id, all is as if it had been given.
        let cluster = &ground.objects()[1];
        let id = cluster["spec"]["infraID"].as_str().unwrap();
        let ids = |state: &Value, id: &str| -> BTreeSet<String> {
            let resources = state["resources"].as_array().unwrap();
            resources.iter().map(|body| body["id"].as_str().unwrap().replace(id, "INFRAID")).collect()
        };
        assert_eq!(ids(&ground.stage.sim.state(), id), ids(&all.whole.azure, "demo-x7k2p"), "{point:?}");
    });
    e2e::workspace::note(&format!("create cluster: the infra id was found again after {} kill points", points.len()));
}

#[test]
fn killed_between_an_objects_write_and_its_answer_the_next_run_finishes() {
    each(&OBJECTS, |object| {
        let ground = azure_is_done();
        let path = object.replace("NAMESPACE", &ground.namespace);
        // The write takes effect; whoever asked for it never hears of it, and its next try hangs.
        let cut = Rule { once: true, ..Rule::path(&path, Trouble::CommitThenReset) };
        ground.kube.trouble(vec![cut, Rule::path(&path, Trouble::Hang)]);
        let child = ground.stage.spawn(&ground.line());
        ground.until("the write", |ground| ground.kube.writes().iter().any(|write| write.status == 0));
        kill(child);
        ground.kube.trouble(Vec::new());
        ground.done(&ground.line());
        assert_eq!(ground.effects(), OBJECTS, "{object}");
        kubernetes_only(&ground, object);
    });
}

#[test]
fn every_object_may_fail_once() {
    let answer = |status: u16, reason: &'static str, message: &'static str| Trouble::Answer {
        status,
        retry_after: [429, 503].contains(&status).then_some(1),
        reason,
        message,
        cause: None,
    };
    let kinds = [
        answer(429, "TooManyRequests", "the server has received too many requests"),
        answer(500, "InternalError", "etcdserver: leader changed"),
        answer(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
        answer(504, "Timeout", "the server was unable to return a response in the time allotted"),
        answer(
            409,
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
        ),
        Trouble::Reset,
        Trouble::CommitThenReset,
    ];
    each(&kinds, |kind| {
        let ground = azure_is_done();
        ground.kube.trouble(vec![Rule::first_of_each(kind.clone())]);
        ground.done(&ground.line());
        assert_eq!(ground.kube.writes().len(), 2 * OBJECTS.len(), "{kind:?}");
        kubernetes_only(&ground, &format!("{kind:?}"));
    });
}

#[test]
fn no_write_needs_to_hear_its_answer() {
    let all = undisturbed();
    let ground = Ground::on(all.before.copy());
    let cut = all.paths.iter().map(|path| Fault {
        method: Some("PUT".into()),
        path: Some(path.clone()),
        times: Some(1),
        action: Action::CommitThenReset,
        ..Fault::default()
    });
    ground.stage.sim.faults(cut.collect()).unwrap();
    ground.kube.trouble(vec![Rule::first_of_each(Trouble::CommitThenReset)]);
    ground.done(&ground.line());
    assert_eq!(ground.stage.written(), 2 * all.paths.len());
    super::create_azure_faults::same(&ground.stage, &all.whole.azure, "every answer is lost once");
    ground.only_these("every answer is lost once");
    assert_eq!(ground.objects(), all.whole.objects);
}

#[test]
fn an_object_that_is_refused_is_named_and_a_new_run_finishes() {
    let kinds = [
        (409, "Conflict", "Apply failed with 1 conflict: conflict with \"kubectl\": .spec.fips"),
        (401, "Unauthorized", "the token of \"me\" has expired"),
        (403, "Forbidden", "it is forbidden: User \"me\" cannot patch it"),
        (422, "Invalid", "it is invalid: spec.fips: Invalid value: immutable"),
    ];
    let cases: Vec<_> = OBJECTS.iter().flat_map(|object| kinds.map(|kind| (*object, kind))).collect();
    each(&cases, |(object, (status, reason, message))| {
        let ground = azure_is_done();
        let path = object.replace("NAMESPACE", &ground.namespace);
        let cause = (*status == 409).then_some("FieldManagerConflict");
        let trouble = Trouble::Answer { status: *status, retry_after: None, reason, message, cause };
        ground.kube.trouble(vec![Rule::path(&path, trouble)]);
        let ran = ground.run(&format!("{} --yes", ground.line()));
        assert_eq!(ran.code, Some(if *status == 401 { 4 } else { 1 }), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
        let said = ran.stderr[ran.stderr.find("error: ").unwrap()..].split_whitespace().collect::<Vec<_>>().join(" ");
        let name = object.rsplit('/').next().unwrap();
        let named = match object.split('/').nth(3) {
            None => format!("Namespace {}", ground.namespace),
            Some("hostedclusters") => format!("HostedCluster {}/{name}", ground.namespace),
            Some("nodepools") => format!("NodePool {}/{name}", ground.namespace),
            Some(_) => format!("Secret {}/{name}", ground.namespace),
        };
        assert!(said.starts_with(&format!("error: cannot create {named} ")), "{said}");
        assert!(said.contains(message) && said.contains("run the same command again"), "{said}");
        // What comes after it is not begun.
        assert!(!ground.effects().iter().any(|effect| effect.contains("/nodepools/")), "{object}");
        ground.kube.trouble(Vec::new());
        ground.done(&ground.line());
        assert_eq!(ground.effects(), OBJECTS, "{object} {status}");
        kubernetes_only(&ground, object);
    });
}

#[test]
fn a_failure_in_azure_leaves_nothing_in_the_management_cluster() {
    let all = undisturbed();
    let last = all.paths.len() - 1;
    let paths: Vec<&String> = all.paths.iter().step_by(8).chain([&all.paths[last]]).collect();
    each(&paths, |path| {
        let ground = Ground::on(all.before.copy());
        let fault =
            Fault { method: Some("PUT".into()), path: Some((*path).clone()), status: Some(403), ..Fault::default() };
        ground.stage.sim.faults(vec![fault]).unwrap();
        let ran = ground.run(&format!("{} --yes", ground.line()));
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("403 AuthorizationFailed"), "{}", ran.stderr);
        assert_eq!((ground.kube.writes(), ground.objects()), (Vec::new(), Vec::new()), "{path}");
        ground.stage.sim.faults(Vec::new()).unwrap();
        ground.done(&ground.line());
        ground.whole(&all.whole, path);
    });
}

#[test]
fn an_api_server_that_stays_broken_can_be_left() {
    let ground = azure_is_done();
    let broken = Trouble::Answer {
        status: 503,
        retry_after: Some(1),
        reason: "ServiceUnavailable",
        message: "the server is currently unable to handle the request",
        cause: None,
    };
    ground.kube.trouble(vec![Rule::path("/hostedclusters/demo", broken)]);
    let child = ground.stage.spawn(&ground.line());
    ground.until("the write", |ground| ground.kube.writes().iter().any(|write| write.status == 503));
    let said = interrupted(child);
    assert!(said.contains("error: stopped after 54 of 56 steps"), "{said}");
    ground.kube.trouble(Vec::new());
    ground.done(&ground.line());
    assert_eq!(ground.effects(), OBJECTS);
    kubernetes_only(&ground, "after Ctrl-C");
}

/// Asks a run to stop, and returns what it said.
fn interrupted(mut child: Child) -> String {
    interrupt(&child);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("hint: run the same command again"), "{said}");
    super::create_ground::silent(&said);
    said
}

/// Ctrl-C.
pub(super) fn interrupt(child: &Child) {
    let asked = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
}

#[test]
fn a_run_that_is_stopped_in_the_middle_goes_on_later() {
    let all = undisturbed();
    let ground = Ground::on(all.before.copy());
    ground.stage.sim.set_latency(Duration::from_millis(100));
    let child = ground.stage.spawn(&ground.line());
    ground.until("a write", |ground| ground.stage.written() >= 5);
    let said = interrupted(child);
    assert!(said.contains("error: stopped after "), "{said}");
    // The deadline is another such end.
    let written = ground.stage.written();
    ground.stage.sim.set_latency(Duration::from_millis(400));
    let ran = ground.run(&format!("{} --yes --timeout 1s", ground.line()));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: not done within --timeout 1s\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: run the same command again"), "{}", ran.stderr);
    assert!((written..all.paths.len()).contains(&ground.stage.written()), "{}", ran.stderr);
    assert!(ground.kube.writes().is_empty());
    ground.stage.sim.set_latency(Duration::ZERO);
    ground.done(&ground.line());
    ground.whole(&all.whole, "after Ctrl-C and a deadline");
}
