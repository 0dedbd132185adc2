//! Steps in Azure: the requests, the waits, and what passes by itself.

use std::time::Duration;

use arm::{Arm, ArmError, ArmId, Kind, Operation};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::step::{Ended, OnEvent};
use super::{Event, Options, Outcome, StepError};

/// One step in Azure under way.
pub(super) struct Run<'a> {
    arm: &'a Arm,
    at: usize,
    options: &'a Options,
    on_event: OnEvent<'a>,
    deadline: Instant,
}

impl<'a> Run<'a> {
    /// A step that begins now.
    pub fn new(arm: &'a Arm, at: usize, options: &'a Options, on_event: OnEvent<'a>) -> Self {
        Self { arm, at, options, on_event, deadline: Instant::now() + options.pace.step }
    }

    /// Creates or replaces a resource.
    pub async fn put(&self, id: &facts::ArmId, api_version: &str, body: &Value) -> Ended {
        let id = arm_id(id)?;
        self.again(|| self.put_once(&id, api_version, body)).await
    }

    /// Deletes a resource.
    pub async fn delete(&self, id: &facts::ArmId, api_version: &str) -> Ended {
        let id = arm_id(id)?;
        self.again(|| self.delete_once(&id, api_version)).await
    }

    async fn delete_once(&self, id: &ArmId, api_version: &str) -> Result<Outcome, ArmError> {
        match self.arm.delete(id, api_version).await? {
            Some(operation) => self.finish(operation).await,
            None => Ok(Outcome::Done(Value::Null)),
        }
    }

    async fn put_once(&self, id: &ArmId, api_version: &str, body: &Value) -> Result<Outcome, ArmError> {
        self.finish(self.arm.put(id, api_version, body).await?).await
    }

    /// Waits for the end of an operation, unless the run is stopped: Azure then finishes it by itself.
    async fn finish(&self, operation: Operation) -> Result<Outcome, ArmError> {
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

    /// Assigns a role to an identity.
    pub async fn assign(&self, id: &facts::ArmId, role: &str, principal: &str, replace: bool) -> Ended {
        let id = arm_id(id)?;
        if replace {
            match self.again(|| self.delete_once(&id, plan::infra::AUTHORIZATION)).await? {
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
