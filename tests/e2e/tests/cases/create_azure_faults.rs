//! `create iam` and `create infra` when things go wrong: killed, stopped, refused, throttled, cut off.

use std::io::Read as _;
use std::sync::OnceLock;

use azure_sim::{Action, Fault};
use serde_json::Value;

use super::create_stage::{IAM, INFRA, Stage, each, mode, path_of};

/// A run that nothing disturbed: the stages after each command, and the paths that each wrote.
struct Undisturbed {
    before: Stage,
    between: Stage,
    after: Stage,
    iam: Vec<String>,
    infra: Vec<String>,
}

fn undisturbed() -> &'static Undisturbed {
    static ONCE: OnceLock<Undisturbed> = OnceLock::new();
    ONCE.get_or_init(|| {
        let stage = Stage::new();
        let before = stage.copy();
        stage.done(IAM);
        let between = stage.copy();
        let iam: Vec<String> = stage.writes().iter().map(path_of).collect();
        stage.sim.clear_requests();
        stage.done(INFRA);
        let infra: Vec<String> = stage.writes().iter().map(path_of).collect();
        assert_eq!((iam.len(), infra.len()), (22, 27));
        Undisturbed { before, between, after: stage, iam, infra }
    })
}

/// The commands, each with the stage to run it on, the state that it must leave, and the paths that it writes.
fn both() -> [(&'static str, &'static Stage, Value, &'static [String]); 2] {
    let all = undisturbed();
    [(IAM, &all.before, all.between.sim.state(), &all.iam), (INFRA, &all.between, all.after.sim.state(), &all.infra)]
}

fn fault(path: &str, times: Option<u64>) -> Fault {
    Fault { method: Some("PUT".into()), path: Some(path.into()), times, ..Fault::default() }
}

pub(crate) fn same(stage: &Stage, want: &Value, why: &str) {
    let state = stage.sim.state();
    for key in ["resources", "roleAssignments", "principals"] {
        let (have, want) = (state[key].as_array().unwrap(), want[key].as_array().unwrap());
        let ids = |list: &[Value]| list.iter().map(|one| one["id"].to_string()).collect::<Vec<_>>();
        assert_eq!(ids(have), ids(want), "{why}");
        for (have, want) in have.iter().zip(want) {
            assert_eq!(have, want, "{why}");
        }
    }
}

#[test]
fn killed_after_any_write_the_next_run_finishes() {
    let mut points = 0;
    for (line, start, want, paths) in both() {
        let numbers: Vec<u64> = (0..=paths.len() as u64).collect();
        each(&numbers, |number| {
            let stage = start.copy();
            // Exactly `number` writes are answered; the next ones hang until the process is gone.
            let hang = Fault { action: Action::Hang, after: *number, ..fault("*", None) };
            stage.sim.faults(vec![hang]).unwrap();
            let mut child = stage.spawn(line);
            stage.until("the write", |stage| stage.written() as u64 >= *number && !stage.sim.requests().is_empty());
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(stage.written() as u64, *number);
            stage.sim.faults(Vec::new()).unwrap();
            stage.done(line);
            same(&stage, &want, &format!("killed after {number} writes"));
        });
        points += numbers.len();
    }
    e2e::workspace::note(&format!("resume: {points} kill points, each followed by a run that finished the job"));
}

#[test]
fn killed_between_a_write_and_its_answer_the_next_run_finishes() {
    let mut points = 0;
    for (line, start, want, paths) in both() {
        each(paths, |path| {
            let stage = start.copy();
            // The write takes effect; whoever asked for it never hears of it, and its next try hangs.
            let cut = Fault { action: Action::CommitThenReset, ..fault(path, Some(1)) };
            let hang = Fault { action: Action::Hang, ..fault(path, None) };
            stage.sim.faults(vec![cut, hang]).unwrap();
            let mut child = stage.spawn(line);
            stage.until("the write", |stage| {
                stage.sim.requests().iter().any(|entry| entry.status == 0 && path_of(entry) == *path)
            });
            child.kill().unwrap();
            child.wait().unwrap();
            stage.sim.faults(Vec::new()).unwrap();
            stage.done(line);
            same(&stage, &want, path);
        });
        points += paths.len();
    }
    e2e::workspace::note(&format!("resume: {points} kill points between a write and its answer"));
}

#[test]
fn every_write_may_fail_once() {
    let codes = [(429, ""), (500, ""), (503, ""), (409, "AnotherOperationInProgress"), (400, "PrincipalNotFound")];
    let mut kinds: Vec<Fault> = codes
        .iter()
        .map(|(status, code)| Fault {
            status: Some(*status),
            code: Some((*code).to_owned()).filter(|code| !code.is_empty()),
            retry_after: [429, 503].contains(status).then_some(1),
            ..Fault::default()
        })
        .collect();
    kinds.push(Fault { action: Action::Reset, ..Fault::default() });
    kinds.push(Fault { action: Action::CommitThenReset, ..Fault::default() });
    each(&kinds, |kind| {
        let stage = undisturbed().before.copy();
        for (line, _, want, paths) in both() {
            let faults = paths.iter().map(|path| Fault {
                path: Some(path.clone()),
                ..Fault { method: Some("PUT".into()), times: Some(1), ..kind.clone() }
            });
            stage.sim.faults(faults.collect()).unwrap();
            stage.sim.clear_requests();
            stage.done(line);
            assert!(stage.written() > paths.len() || kind.action != Action::Respond, "no fault hit");
            same(&stage, &want, &format!("{kind:?}"));
        }
    });
}

#[test]
fn a_write_that_is_refused_is_named_and_a_new_run_finishes() {
    for (line, start, want, paths) in both() {
        each(paths, |path| {
            let stage = start.copy();
            stage.sim.faults(vec![Fault { status: Some(403), ..fault(path, None) }]).unwrap();
            let ran = stage.run(&format!("{line} --yes"));
            assert_eq!(ran.code, Some(1), "{}", ran.stderr);
            let errors = ran.stderr.matches("error: ").count();
            assert_eq!(errors, 1, "{}", ran.stderr);
            let said = &ran.stderr[ran.stderr.find("error: ").unwrap()..];
            assert!(
                said.contains("403 AuthorizationFailed") && said.contains("request id ") && said.contains("hint: "),
                "{said}"
            );
            let name = path.rsplit('/').next().unwrap();
            let role = path.contains("/roleAssignments/");
            let joined = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(joined.contains(name) || role && joined.contains("cannot create role of "), "{name}: {said}");
            assert!(joined.contains("run the same command again"), "{said}");
            stage.sim.faults(Vec::new()).unwrap();
            stage.done(line);
            same(&stage, &want, path);
        });
    }
}

#[test]
fn an_operation_that_ends_badly_is_named_and_a_new_run_finishes() {
    let all = undisturbed();
    let want = all.after.sim.state();
    let long: Vec<&String> = all.infra.iter().filter(|path| path.contains("/Microsoft.Network/")).collect();
    assert_eq!(long.len(), 6);
    let cases: Vec<(&String, Action)> =
        long.into_iter().flat_map(|path| [(path, Action::LroFailed), (path, Action::LroCanceled)]).collect();
    each(&cases, |(path, action)| {
        let stage = all.between.copy();
        stage.sim.faults(vec![Fault { action: *action, ..fault(path, None) }]).unwrap();
        let ran = stage.run(&format!("{INFRA} --yes"));
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let said = &ran.stderr[ran.stderr.find("error: ").unwrap()..];
        let code = if *action == Action::LroFailed { "InternalServerError" } else { "Canceled" };
        assert!(
            said.contains(code) && said.contains("request id ") && said.contains(path.rsplit('/').next().unwrap()),
            "{said}"
        );
        // Nothing claims to be ready that is not.
        assert!(!stage.path("infra.yaml").exists());
        stage.sim.faults(Vec::new()).unwrap();
        stage.done(INFRA);
        same(&stage, &want, path);
    });
}

#[test]
fn a_service_that_stays_broken_is_one_error() {
    let stage = undisturbed().before.copy();
    stage
        .sim
        .faults(vec![Fault { status: Some(500), ..fault("*/userAssignedIdentities/demo-network-demo-x7k2p", None) }])
        .unwrap();
    let ran = stage.run(&format!("{IAM} --yes"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: cannot create managed identity demo-network-demo-x7k2p"), "{}", ran.stderr);
    assert!(ran.stderr.contains("500 InternalServerError"), "{}", ran.stderr);
    // The file names what exists by then, and is no more readable for that.
    let file: Value = serde_json::from_str(&stage.text("workload-identities.json")).unwrap();
    assert_eq!(file.as_object().unwrap().len(), 7);
    assert!(file.get("network").is_none());
    assert_eq!(mode(&stage.path("workload-identities.json")), 0o600);
    // Which create infra does not take for whole.
    let ran = stage.run(&format!("{INFRA} --yes"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("network"), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_what_runs_and_the_next_run_goes_on() {
    let stage = undisturbed().before.copy();
    stage.sim.set_latency(std::time::Duration::from_millis(150));
    let mut child = stage.spawn(&format!("{IAM} --concurrency 1"));
    stage.until("a write", |stage| stage.written() >= 3);
    let asked = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("error: stopped after ") && said.contains("hint: run the same command again"), "{said}");
    assert!(said.contains("\n  kubectl hcp-azure create iam azure --name demo "), "the command to give again: {said}");
    let written = stage.written();
    assert!((3..22).contains(&written), "{written}");
    assert!(stage.path("workload-identities.json").exists(), "{said}");
    stage.sim.set_latency(std::time::Duration::ZERO);
    stage.done(IAM);
    assert_eq!(stage.written(), 22, "nothing is written twice");
    same(&stage, &undisturbed().between.sim.state(), "after Ctrl-C");
}
