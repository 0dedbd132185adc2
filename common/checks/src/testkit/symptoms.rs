//! What a fault shows elsewhere: in logs, conditions, machines, workloads and at Entra.
//!
//! Everything is changed in place, so that two faults that touch different things can be put into the same facts.

use facts::azure::Login;
use facts::exchange::Outcome;
use facts::hosted::{AzureMachine, LogLine, Machine, NodePool};
use facts::{Fact, Facts, Gap, GapKind};
use serde_json::{Value, json};

use super::*;

/// A line that a component wrote a minute ago.
pub(crate) fn log(facts: &mut Facts, app: &str, text: &str) {
    let Fact::Known(lines) = &mut facts.hosted.logs else { panic!("no logs") };
    lines.push(LogLine {
        pod: format!("{app}-6d8f9-0"),
        app: Some(app.into()),
        container: app.into(),
        time: Some(minutes_ago(1)),
        log_end: Some(minutes_ago(0)),
        text: text.into(),
    });
}

/// A component crashes, and the HostedCluster says so.
pub(crate) fn crash(facts: &mut Facts, app: &str) {
    let Fact::Known(pods) = &mut facts.hosted.pods else { panic!("no pods") };
    let pod = pods.iter_mut().find(|pod| pod.app.as_deref() == Some(app)).unwrap();
    pod.containers[0].ready = false;
    pod.containers[0].restarts = 11;
    pod.containers[0].waiting_reason = Some("CrashLoopBackOff".into());
    set_condition(facts, "Degraded", "True", &format!("{app} deployment has 1 unavailable replicas"));
}

/// A condition of the HostedCluster, which has been so since the cluster was made.
pub(crate) fn set_condition(facts: &mut Facts, kind: &str, status: &str, message: &str) {
    let conditions = &mut cluster(facts).conditions;
    if !conditions.iter().any(|condition| condition.kind == kind) {
        conditions.push(condition(kind, status, "Because"));
    }
    let changed = conditions.iter_mut().find(|condition| condition.kind == kind).unwrap();
    changed.status = status.into();
    changed.reason = "Because".into();
    changed.message = message.into();
}

/// A condition of the NodePool is False.
pub(crate) fn set_pool_condition(facts: &mut Facts, kind: &str) {
    let changed = the_pool(facts).conditions.iter_mut().find(|condition| condition.kind == kind).unwrap();
    changed.status = "False".into();
    changed.reason = "Because".into();
}

/// A Machine of test facts, to be changed.
pub(crate) fn the_machine(facts: &mut Facts, at: usize) -> &mut Machine {
    match &mut facts.hosted.machines {
        Fact::Known(list) => &mut list[at],
        other => panic!("{other:?}"),
    }
}

/// An AzureMachine of test facts, to be changed.
pub(crate) fn the_azure_machine(facts: &mut Facts, at: usize) -> &mut AzureMachine {
    match &mut facts.hosted.azure_machines {
        Fact::Known(list) => &mut list[at],
        other => panic!("{other:?}"),
    }
}

/// The NodePool of test facts, to be changed.
pub(crate) fn the_pool(facts: &mut Facts) -> &mut NodePool {
    match &mut facts.hosted.node_pools {
        Fact::Known(list) => &mut list[0],
        other => panic!("{other:?}"),
    }
}

/// Azure refuses the VM of a machine with a code.
pub(crate) fn break_machine(facts: &mut Facts, at: usize, code: &str) {
    machine_without_node(facts, at, "Failed");
    let machine = the_azure_machine(facts, at);
    machine.conditions = vec![condition("Ready", "False", "VMProvisionFailed")];
    machine.conditions[0].message = format!("RESPONSE 409: 409 Conflict ERROR CODE: {code}");
}

/// The VM of a machine is not made, and nothing says why.
pub(crate) fn stuck_machine(facts: &mut Facts, at: usize) {
    machine_without_node(facts, at, "Provisioning");
    let machine = the_azure_machine(facts, at);
    machine.vm_state = None;
    machine.conditions = vec![condition("Ready", "False", "VMCreating")];
}

fn machine_without_node(facts: &mut Facts, at: usize, phase: &str) {
    let machine = the_machine(facts, at);
    machine.node = None;
    machine.phase = Some(phase.into());
    machine.conditions = vec![condition("Ready", "False", "WaitingForInfrastructure")];
}

/// Entra refuses the tokens of a component.
pub(crate) fn refuse_exchange(facts: &mut Facts, component: &str, message: &str) {
    for attempt in attempts(facts).iter_mut().filter(|attempt| attempt.component == component) {
        attempt.outcome = Outcome::Refused { message: format!("{message} Trace ID: t-1 Correlation ID: c-1") };
    }
}

/// Entra refuses every token.
pub(crate) fn refuse_every_exchange(facts: &mut Facts, message: &str) {
    for attempt in attempts(facts) {
        attempt.outcome = Outcome::Refused { message: format!("{message} Trace ID: t-1 Correlation ID: c-1") };
    }
}

/// The issuer's documents as a closed storage account answers.
pub(crate) fn close_issuer(facts: &mut Facts) {
    if let Fact::Known(fetch) = &mut facts.oidc.discovery {
        fetch.status = Some(409);
        fetch.error_code = Some("PublicAccessNotPermitted".into());
        fetch.document = None;
    }
    facts.oidc.jwks = Fact::Unreadable(Gap::new(GapKind::Blocked, "no discovery document"));
}

/// The caller gets no token, so that nothing of Azure could be read.
pub(crate) fn signed_out(facts: &mut Facts, aadsts: Option<u32>, message: &str) {
    let mut tree = serde_json::to_value(&*facts).unwrap();
    for part in ["/azure", "/oidc/storage"] {
        block(tree.pointer_mut(part).unwrap());
    }
    *facts = serde_json::from_value(tree).unwrap();
    facts.azure.login = Fact::Known(Login::Refused {
        via: "--azure-creds azure-creds.json".into(),
        tenant_id: Some(TENANT.into()),
        aadsts,
        message: message.into(),
    });
}

/// Makes every fact of a tree unreadable for want of a sign-in.
fn block(tree: &mut Value) {
    match tree {
        Value::Object(fields) if fields.contains_key("state") && fields.len() <= 2 => {
            let gap = Gap::new(GapKind::Blocked, "there is no sign-in to Azure");
            *tree = json!({"state": "unreadable", "value": gap});
        }
        Value::Object(fields) => fields.values_mut().for_each(block),
        Value::Array(items) => items.iter_mut().for_each(block),
        _ => {}
    }
}
