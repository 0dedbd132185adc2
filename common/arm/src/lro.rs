//! Long-running operations: from the first answer to the end.
//!
//! The rules are those of
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations>: a header
//! `Azure-AsyncOperation` leads to a status document and is preferred; `Location` answers 202 until it is done; without
//! either the resource's own `provisioningState` tells.

use std::time::Duration;

use azure_core::http::Method;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::error::{ArmError, Kind, Result};
use crate::error_body::ErrorBody;
use crate::retry::retry_after;
use crate::send::{Call, Reply};
use crate::write::Operation;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Where the end of an operation can be seen.
#[derive(Debug, PartialEq)]
enum Watch {
    /// A status document.
    Status(Url),
    /// An address that answers 202 until the operation is over.
    Location(Url),
    /// The resource itself.
    Resource,
    /// There is nothing to wait for.
    Nothing,
}

/// What one poll showed.
enum Seen {
    Running,
    /// Over; whether the reply holds the result.
    Over,
}

pub(crate) fn is_running(operation: &Operation) -> bool {
    !matches!(watch(operation), Ok(Watch::Nothing))
}

pub(crate) async fn finish(operation: &Operation) -> Result<Value> {
    let mut watch = watch(operation)?;
    let result_at = header_url(operation, &operation.reply, "location")?;
    if watch == Watch::Nothing {
        let value = body(operation, &operation.reply)?;
        failed_state(operation, &operation.reply, provisioning_state(&value), &value)?;
        return Ok(value);
    }
    let mut pause = Pause::default();
    let mut wait = pause.after(&operation.reply);
    loop {
        sleep(operation, wait).await?;
        let url = match &watch {
            Watch::Status(url) | Watch::Location(url) => url.clone(),
            Watch::Resource | Watch::Nothing => operation.url.clone(),
        };
        let reply = match poll(operation, url).await {
            // The resource is gone, and with it, for some providers, the address that told so.
            Err(error) if error.kind == Kind::NotFound && operation.method == Method::Delete => return Ok(Value::Null),
            other => other?,
        };
        let value = body(operation, &reply)?;
        if let Seen::Over = look(operation, &watch, &reply, &value)? {
            return result(operation, &watch, value, result_at).await;
        }
        // A provider may move the operation to another address while it runs.
        match &mut watch {
            Watch::Status(url) => {
                *url = header_url(operation, &reply, "azure-asyncoperation")?.unwrap_or_else(|| url.clone())
            }
            Watch::Location(url) => *url = header_url(operation, &reply, "location")?.unwrap_or_else(|| url.clone()),
            Watch::Resource | Watch::Nothing => {}
        }
        wait = pause.after(&reply);
    }
}

fn watch(operation: &Operation) -> Result<Watch> {
    let reply = &operation.reply;
    if let Some(url) = header_url(operation, reply, "azure-asyncoperation")? {
        return Ok(Watch::Status(url));
    }
    if let (202, Some(url)) = (reply.status, header_url(operation, reply, "location")?) {
        return Ok(Watch::Location(url));
    }
    let state = body(operation, reply).ok().as_ref().and_then(provisioning_state).map(str::to_owned);
    let unfinished = state.as_deref().is_some_and(|state| !is_terminal(state));
    Ok(match operation.method {
        Method::Put if unfinished || reply.status == 202 => Watch::Resource,
        Method::Delete if reply.status == 202 => Watch::Resource,
        _ => Watch::Nothing,
    })
}

/// Judges one poll; a bad end is an error.
fn look(operation: &Operation, watch: &Watch, reply: &Reply, value: &Value) -> Result<Seen> {
    let state = match watch {
        Watch::Status(_) => value.get("status").and_then(Value::as_str).or_else(|| provisioning_state(value)),
        Watch::Location(_) | Watch::Resource | Watch::Nothing => provisioning_state(value),
    };
    failed_state(operation, reply, state, value)?;
    let running = match (watch, state) {
        (Watch::Status(_), None) => reply.status == 202,
        // As long as a resource that is being deleted can be read, it is not deleted.
        (Watch::Resource, _) if operation.method == Method::Delete => true,
        (_, Some(state)) => !is_terminal(state) || reply.status == 202,
        (_, None) => reply.status == 202,
    };
    Ok(if running { Seen::Running } else { Seen::Over })
}

/// The result of an operation that ended well.
async fn result(operation: &Operation, watch: &Watch, last: Value, result_at: Option<Url>) -> Result<Value> {
    match (operation.method, watch) {
        (Method::Delete, _) => Ok(Value::Null),
        (Method::Put, Watch::Status(_)) => read(operation, operation.url.clone()).await,
        (Method::Put, _) if last.get("id").is_none() => read(operation, operation.url.clone()).await,
        (Method::Post, Watch::Status(_)) => match result_at {
            Some(url) => read(operation, url).await,
            None => Ok(last.get("properties").cloned().unwrap_or_default()),
        },
        _ => Ok(last),
    }
}

async fn read(operation: &Operation, url: Url) -> Result<Value> {
    let reply = poll(operation, url).await?;
    body(operation, &reply)
}

async fn poll(operation: &Operation, url: Url) -> Result<Reply> {
    let call = Call { until: Some(operation.deadline), ..Call::get(url) };
    operation.arm.sender.send(&call).await
}

async fn sleep(operation: &Operation, wait: Duration) -> Result<()> {
    let until = Instant::now() + wait;
    if until >= operation.deadline {
        let message = "the operation did not end within the time given to it; the service may still finish it";
        return Err(failure(operation, Kind::TimedOut, message));
    }
    tokio::time::sleep_until(until).await;
    Ok(())
}

/// An error when `state` is a bad end; the error body is sought at the top and in the properties.
fn failed_state(operation: &Operation, reply: &Reply, state: Option<&str>, value: &Value) -> Result<()> {
    let Some(state) = state.filter(|state| is_terminal(state) && !state.eq_ignore_ascii_case("Succeeded")) else {
        return Ok(());
    };
    let holders = [value.get("error"), value.get("properties").and_then(|properties| properties.get("error"))];
    let inner = holders.into_iter().flatten().map(ErrorBody::from_json).next().unwrap_or_default();
    let message =
        inner.message.unwrap_or_else(|| format!("the operation ended as {state}; the service gave no reason"));
    let error = failure(operation, Kind::OperationEnded(state.to_owned()), &message).edit(|failure| {
        failure.code = inner.code;
        failure.details = inner.details;
        failure.request_id = reply.header("x-ms-request-id").map(str::to_owned);
        failure.correlation_id = reply.header("x-ms-correlation-request-id").map(str::to_owned);
        failure.time = reply.header("date").map(str::to_owned);
    });
    Err(error)
}

fn is_terminal(state: &str) -> bool {
    ["Succeeded", "Failed", "Canceled", "Cancelled"].iter().any(|end| end.eq_ignore_ascii_case(state))
}

fn provisioning_state(value: &Value) -> Option<&str> {
    value.get("properties")?.get("provisioningState")?.as_str()
}

fn body(operation: &Operation, reply: &Reply) -> Result<Value> {
    if reply.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&reply.body)
        .map_err(|error| failure(operation, Kind::Decode, &format!("the answer is not JSON: {error}")))
}

/// The address that a header gives, refused when it leads elsewhere. Relative ones belong to the resource manager.
fn header_url(operation: &Operation, reply: &Reply, name: &'static str) -> Result<Option<Url>> {
    let Some(text) = reply.header(name) else {
        return Ok(None);
    };
    let url = operation
        .url
        .join(text)
        .map_err(|error| failure(operation, Kind::Decode, &format!("the {name} header is no address: {error}")))?;
    operation.arm.sender.check(operation.method.as_ref(), &url, &format!("the {name} header")).map(|()| Some(url))
}

fn failure(operation: &Operation, kind: Kind, message: &str) -> ArmError {
    ArmError::new(kind, operation.method.as_ref(), operation.url.path(), message)
}

/// The wait between polls: what the service asks for, else a growing one.
#[derive(Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_WAIT)
    }
}

impl Pause {
    fn after(&mut self, reply: &Reply) -> Duration {
        if let Some(asked) = retry_after(&reply.headers) {
            return asked;
        }
        let wait = self.0;
        self.0 = wait.mul_f64(1.5).min(LONGEST_WAIT);
        wait
    }
}
