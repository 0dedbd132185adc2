//! Steps against a simulated Azure, with times that suit a test.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use azure_sim::{Fault, Options as SimOptions, Simulator, seed};
use plan::change::Origin;
use plan::{Change, Plan, Step, Verb};
use serde_json::json;

use super::{Applied, Hands, Options, Outcome, Pace, Stop, apply};
use crate::clouds::Cloud;
use crate::credentials::{self, Environment};
use crate::http::{self, Calls};
use crate::session::{self, AzureSession};

struct Nothing;

impl Environment for Nothing {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }
}

async fn stage(state: serde_json::Value) -> (Simulator, AzureSession) {
    let sim = Simulator::start(SimOptions { state: Some(state), ..SimOptions::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let environment = folder.path().join("environment.json");
    sim.write_environment_file(&environment).unwrap();
    let creds = json!({
        "subscriptionId": seed::SUBSCRIPTION, "tenantId": seed::TENANT,
        "clientId": seed::CLIENT_ID, "clientSecret": seed::CLIENT_SECRET,
    });
    std::fs::write(folder.path().join("creds.json"), creds.to_string()).unwrap();
    let creds = credentials::read_creds_file(&folder.path().join("creds.json")).unwrap();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cloud = Cloud::select(None, Some(&environment)).unwrap();
    let http = http::client(&cloud).unwrap();
    let session = session::open(&cloud, &http, &Calls::default(), Some(&creds), &Nothing).await;
    (sim, session.unwrap())
}

fn group() -> facts::ArmId {
    facts::ArmId::of_group(seed::SUBSCRIPTION, "g")
}

fn step(id: &str, depends_on: &[&str], change: Change) -> Step {
    Step {
        id: id.into(),
        verb: Verb::Create,
        resource: id.into(),
        reason: String::new(),
        depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
        change: Some(change),
        serial: None,
    }
}

fn put(id: &facts::ArmId, api_version: &'static str) -> Change {
    Change::ArmPut { id: id.clone(), api_version, body: json!({"location": "eastus"}) }
}

/// An identity made in the same run, and a role for it.
fn identity_with_role() -> Plan {
    let identity =
        facts::ArmId::new(format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one", group()));
    let name = plan::infra::assignment_name("x", "capz", group().as_str());
    let role = Change::RoleAssignment {
        id: facts::ArmId::new(format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", group())),
        role_definition_id: format!(
            "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{}",
            seed::SUBSCRIPTION,
            facts::catalogue::CONTRIBUTOR
        ),
        principal: Origin::Step("identity".into()),
        replace: false,
    };
    Plan::new(vec![
        step("group", &[], put(&group(), plan::iam::GROUPS)),
        step("identity", &["group"], put(&identity, plan::iam::IDENTITIES)),
        step("role", &["identity"], role),
    ])
    .unwrap()
}

async fn applied(plan: &Plan, session: &AzureSession, pace: Pace) -> Applied {
    let options = Options { pace, ..Options::new(Stop::default()) };
    apply(plan, Hands { arm: Some(&session.arm), ..Hands::default() }, &options, &|_| {}).await
}

fn quick(patience: Duration) -> Pace {
    Pace {
        first_wait: Duration::from_millis(10),
        longest_wait: Duration::from_millis(50),
        patience,
        patience_with_absence: patience,
        ..Pace::default()
    }
}

fn code(applied: &Applied) -> Option<String> {
    match applied.failures().next() {
        Some((_, super::StepError::Arm(error))) => error.code.clone(),
        _ => None,
    }
}

#[tokio::test]
async fn a_conflict_that_passes_is_waited_for_and_one_that_stays_is_told() {
    for (status, word) in [
        (409, "AnotherOperationInProgress"),
        (409, "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"),
        (400, "PrincipalNotFound"),
        (404, "ResourceGroupNotFound"),
    ] {
        let (sim, session) = stage(json!({})).await;
        let fault = |times| Fault {
            method: Some("PUT".into()),
            path: Some("*/roleAssignments/*".into()),
            status: Some(status),
            code: Some(word.into()),
            times,
            ..Fault::default()
        };
        sim.faults(vec![fault(None)]).unwrap();
        let plan = identity_with_role();
        let short = applied(&plan, &session, quick(Duration::from_millis(100))).await;
        assert_eq!(code(&short).as_deref(), Some(word));
        assert_eq!(short.done(), 2);
        sim.faults(vec![fault(Some(3))]).unwrap();
        let long = applied(&plan, &session, quick(Duration::from_secs(20))).await;
        assert_eq!(long.done(), 3, "{long:?}");
    }
}

#[tokio::test]
async fn a_conflict_that_does_not_pass_is_told_at_once() {
    let (sim, session) = stage(json!({})).await;
    let fault = Fault {
        method: Some("PUT".into()),
        path: Some("*/userAssignedIdentities/*".into()),
        status: Some(409),
        ..Fault::default()
    };
    sim.faults(vec![fault]).unwrap();
    let ended = applied(&identity_with_role(), &session, quick(Duration::from_secs(20))).await;
    assert_eq!(code(&ended).as_deref(), Some("Conflict"));
    assert!(matches!(&ended.outcomes[2], Outcome::Skipped(because) if because == "identity"));
    let puts = sim.requests().into_iter().filter(|entry| entry.path.contains("userAssigned")).count();
    assert_eq!(puts, 1);
}

#[tokio::test]
async fn a_role_that_stands_under_another_name_is_done() {
    let (sim, session) = stage(json!({})).await;
    let plan = identity_with_role();
    assert_eq!(applied(&plan, &session, Pace::default()).await.done(), 3);
    let before = sim.state()["roleAssignments"].clone();
    sim.faults(vec![Fault {
        method: Some("PUT".into()),
        path: Some("*/roleAssignments/*".into()),
        status: Some(409),
        code: Some("RoleAssignmentExists".into()),
        ..Fault::default()
    }])
    .unwrap();
    assert_eq!(applied(&plan, &session, Pace::default()).await.done(), 3);
    assert_eq!(sim.state()["roleAssignments"], before);
}

#[tokio::test]
async fn an_operation_that_does_not_end_in_its_time_fails_its_step() {
    let (sim, session) = stage(json!({})).await;
    sim.set_retry_after(Some(30));
    let nsg = facts::ArmId::new(format!("{}/providers/Microsoft.Network/networkSecurityGroups/n", group()));
    let plan = Plan::new(vec![
        step("group", &[], put(&group(), plan::iam::GROUPS)),
        step("nsg", &["group"], put(&nsg, plan::infra::NETWORK)),
    ])
    .unwrap();
    let pace = Pace { step: Duration::from_secs(2), ..Pace::default() };
    let ended = applied(&plan, &session, pace).await;
    let (at, error) = ended.failures().next().unwrap();
    assert_eq!(at, 1);
    assert!(error.why().contains("did not end within the time"), "{}", error.why());
}
