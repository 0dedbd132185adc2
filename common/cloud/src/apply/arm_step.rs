//! Doing one step: the requests, the waits, and what passes by itself.

use std::path::Path;
use std::time::Duration;

use arm::{Arm, ArmError, ArmId, Kind};
use plan::change::{Content, Origin};
use plan::identities::ClientIds;
use plan::{Change, Step};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Event, Options, Outcome, Results, StepError, file};

type OnEvent<'a> = &'a (dyn Fn(Event<'_>) + Send + Sync);

/// Does a step.
pub(super) async fn perform(
    arm: &Arm,
    at: usize,
    step: &Step,
    results: Results,
    options: &Options,
    on_event: OnEvent<'_>,
) -> Outcome {
    let run = Run { arm, at, options, on_event, deadline: Instant::now() + options.pace.step };
    let Some(change) = &step.change else {
        return Outcome::Kept;
    };
    let ended = match change {
        Change::ArmPut { id, api_version, body } => run.put(id, api_version, body).await,
        Change::RoleAssignment { id, role_definition_id, principal, replace } => {
            match principal_of(principal, &results) {
                Ok(principal) => run.assign(id, role_definition_id, &principal, *replace).await,
                Err(error) => Err(error),
            }
        }
        Change::File { path, content } => return write(path, content, &results),
    };
    ended.unwrap_or_else(Outcome::Failed)
}

/// One step under way.
struct Run<'a> {
    arm: &'a Arm,
    at: usize,
    options: &'a Options,
    on_event: OnEvent<'a>,
    deadline: Instant,
}

/// How a step ended, if it did not fail.
type Ended = Result<Outcome, StepError>;

impl Run<'_> {
    async fn put(&self, id: &facts::ArmId, api_version: &str, body: &Value) -> Ended {
        let id = arm_id(id)?;
        self.again(|| self.put_once(&id, api_version, body)).await
    }

    async fn put_once(&self, id: &ArmId, api_version: &str, body: &Value) -> Result<Outcome, ArmError> {
        let operation = self.arm.put(id, api_version, body).await?;
        if operation.is_running() {
            (self.on_event)(Event::Waiting(self.at));
        }
        let operation = operation.within(self.deadline.saturating_duration_since(Instant::now()));
        tokio::select! {
            biased;
            ended = operation.done() => ended.map(Outcome::Done),
            () = self.options.stop.wait() => Ok(Outcome::Left),
        }
    }

    async fn assign(&self, id: &facts::ArmId, role: &str, principal: &str, replace: bool) -> Ended {
        let id = arm_id(id)?;
        if replace {
            let gone = self.again(|| async {
                match self.arm.delete(&id, plan::infra::AUTHORIZATION).await? {
                    Some(operation) => operation.done().await.map(Outcome::Done),
                    None => Ok(Outcome::Done(Value::Null)),
                }
            });
            match gone.await? {
                Outcome::Done(_) => {}
                other => return Ok(other),
            }
        }
        // With the type named, Azure does not look for the identity where it may not be known yet.
        let body = json!({"properties": {
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "roleDefinitionId": role,
        }});
        let assign = || async {
            match self.put_once(&id, plan::infra::AUTHORIZATION, &body).await {
                // The same role for the same identity at the same scope, under another name.
                Err(error) if is_code(&error, "RoleAssignmentExists") => Ok(Outcome::Done(Value::Null)),
                other => other,
            }
        };
        self.again(assign).await
    }

    /// Repeats a request that Azure will take once something else has settled.
    async fn again<F, W>(&self, request: F) -> Ended
    where
        F: Fn() -> W,
        W: Future<Output = Result<Outcome, ArmError>>,
    {
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            let error = match request().await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            tries += 1;
            let pace = &self.options.pace;
            let wait = pace.wait(tries, &error);
            let over = |patience: Duration| (begun + patience).min(self.deadline) < Instant::now() + wait;
            if pace.patience_with(&error).is_none_or(over) {
                return Err(error.into());
            }
            (self.on_event)(Event::Again { step: self.at, wait, error: &error });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.options.stop.wait() => return Ok(Outcome::Stopped),
            }
        }
    }
}

fn is_code(error: &ArmError, code: &str) -> bool {
    error.kind == Kind::Conflict && error.code.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(code))
}

fn arm_id(id: &facts::ArmId) -> Result<ArmId, StepError> {
    ArmId::parse(id.as_str()).map_err(|error| StepError::Answer(error.to_string()))
}

/// The object id of an identity: known before, or in what the step left that made it.
fn principal_of(origin: &Origin, results: &Results) -> Result<String, StepError> {
    value_of(origin, results, "principalId")
        .ok_or_else(|| StepError::Answer("Azure's answer about the identity holds no principalId".into()))
}

fn value_of(origin: &Origin, results: &Results, property: &str) -> Option<String> {
    match origin {
        Origin::Known(value) => Some(value.clone()),
        Origin::Step(step) => results.get(step)?["properties"][property].as_str().map(str::to_owned),
    }
}

fn write(path: &Path, content: &Content, results: &Results) -> Outcome {
    let text = match content {
        Content::Text(text) => text.clone(),
        Content::WorkloadIdentities(origins) => {
            let ids: ClientIds = origins
                .iter()
                .filter_map(|(key, origin)| Some((key.clone(), value_of(origin, results, "clientId")?)))
                .collect();
            if ids.is_empty() {
                return Outcome::Skipped("group".into());
            }
            plan::identities::text(&ids)
        }
    };
    match file::write(path, &text) {
        Ok(()) => Outcome::Done(Value::Null),
        Err(error) => Outcome::Failed(StepError::File(format!("cannot write {}: {error}", path.display()))),
    }
}
