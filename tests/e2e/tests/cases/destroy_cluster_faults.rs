//! `destroy cluster` when things go wrong: killed after any write, refused at any.

use azure_sim::{Action, Fault};
use e2e::kube_proxy::{Rule, Trouble};
use serde_json::Value;

use super::create_azure_faults::same;
use super::create_ground::{Ground, kill};
use super::create_stage::{Stage, each};

const HYPERSHIFT: &str = "/apis/hypershift.openshift.io/v1beta1";

fn line(ground: &Ground) -> String {
    format!(
        "destroy cluster demo -n {} --kubeconfig kubeconfig --infra-id demo-x7k2p --base-domain hcp.example.com --with-iam",
        ground.namespace
    )
}

fn created() -> Ground {
    let ground = Ground::new();
    ground.done(&ground.line());
    ground.stage.sim.clear_requests();
    ground
}

/// The deletions that Azure did.
fn deleted(stage: &Stage) -> usize {
    stage.writes().iter().filter(|entry| entry.method == "DELETE").count()
}

/// Asserts that nothing of the cluster is left, in Azure or in its namespace.
fn gone(ground: &Ground, before: &Value, why: &str) {
    same(&ground.stage, before, why);
    for (group, plural) in [(HYPERSHIFT, "hostedclusters"), (HYPERSHIFT, "nodepools"), ("/api/v1", "secrets")] {
        assert_eq!(ground.names(group, plural), Vec::<String>::new(), "{why}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Point {
    Azure(usize),
    Kubernetes(usize),
}

#[test]
fn killed_after_any_write_the_next_run_finishes() {
    let before = Stage::new().sim.state();
    let calm = created();
    let written = calm.kube.effects().len();
    calm.done(&line(&calm));
    gone(&calm, &before, "nothing happened");
    let (azure, kubernetes) = (deleted(&calm.stage), calm.kube.effects().len() - written);
    assert!(azure >= 4 && kubernetes == 7, "{azure} {kubernetes}");
    let points: Vec<Point> = (0..azure).map(Point::Azure).chain((0..kubernetes).map(Point::Kubernetes)).collect();
    each(&points, |point| {
        let ground = created();
        let begun = ground.kube.effects().len();
        match point {
            Point::Azure(number) => {
                let fault = Fault {
                    method: Some("DELETE".into()),
                    action: Action::Hang,
                    after: *number as u64,
                    ..Fault::default()
                };
                ground.stage.sim.faults(vec![fault]).unwrap();
            }
            Point::Kubernetes(number) => ground.kube.trouble(vec![Rule::hang_after(*number)]),
        }
        let child = ground.stage.spawn(&line(&ground));
        ground.until("the write", |ground| match point {
            Point::Azure(number) => deleted(&ground.stage) >= *number && ground.kube.effects().len() >= begun + 3,
            Point::Kubernetes(number) => {
                ground.kube.effects().len() >= begun + *number && !ground.stage.sim.requests().is_empty()
            }
        });
        kill(child);
        ground.stage.sim.faults(Vec::new()).unwrap();
        ground.kube.trouble(Vec::new());
        ground.done(&line(&ground));
        gone(&ground, &before, &format!("{point:?}"));
    });
    e2e::workspace::note(&format!(
        "destroy cluster: {} kill points ({azure} deletions in Azure, {kubernetes} writes to the API server)",
        points.len()
    ));
}

#[test]
fn a_write_that_is_refused_is_named_and_a_new_run_finishes() {
    let before = Stage::new().sim.state();
    let objects =
        ["/nodepools/demo", "/hostedclusters/demo", "/secrets/demo-pull-secret", "/secrets/demosa-token-issuer-key"];
    each(&objects, |end| {
        let ground = created();
        let refused = Trouble::Answer {
            status: 403,
            retry_after: None,
            reason: "Forbidden",
            message: "is forbidden: User \"x\" cannot delete it",
            cause: None,
        };
        ground.kube.trouble(vec![Rule::path(end, refused)]);
        let ran = ground.run(&format!("{} --yes", line(&ground)));
        assert_eq!(ran.code, Some(1), "{end}: {}", ran.stderr);
        let said = ran.stderr[ran.stderr.rfind("error: ").unwrap()..].split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("cannot delete") && said.contains("is forbidden"), "{end}: {said}");
        assert!(said.contains("run the same command again"), "{end}: {said}");
        ground.kube.trouble(Vec::new());
        ground.done(&line(&ground));
        gone(&ground, &before, end);
    });
}
