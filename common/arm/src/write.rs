//! Writes: the request, and the operation that it starts.

use std::time::Duration;

use azure_core::Bytes;
use azure_core::http::Method;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::client::Arm;
use crate::error::{ArmError, Found, Kind, Result};
use crate::id::ArmId;
use crate::lro;
use crate::send::{Call, Reply};

/// A write that the service has taken, and that may still be under way.
///
/// Nothing polls it until [`Operation::done`] is awaited. Dropping it leaves the service to finish on its own.
#[derive(Debug)]
#[must_use = "the write may still be under way: await `done()`"]
pub struct Operation {
    pub(crate) arm: Arm,
    pub(crate) method: Method,
    /// The resource's own address, which a PUT's result is read from.
    pub(crate) url: Url,
    pub(crate) reply: Reply,
    pub(crate) deadline: Instant,
}

impl Operation {
    /// Whether the service says that it still works on it.
    pub fn is_running(&self) -> bool {
        lro::is_running(self)
    }

    /// Gives the operation this long from now, instead of what [`ArmOptions`](crate::ArmOptions) says.
    pub fn within(mut self, time: Duration) -> Self {
        self.deadline = Instant::now() + time;
        self
    }

    /// Waits until the service is done and returns what it left: the resource for a PUT, the result for a POST,
    /// `null` where there is nothing.
    ///
    /// Follows `Azure-AsyncOperation`, else `Location`, else the resource's own `provisioningState`, as often as
    /// the service asks for (from 1 to 5 seconds when it says nothing).
    ///
    /// # Errors
    /// [`Kind::OperationEnded`] with the service's code and message when the operation failed or was cancelled,
    /// [`Kind::TimedOut`] when it took too long, [`Kind::Untrusted`] when it is to be watched elsewhere, else the
    /// [`ArmError`] of a failed poll.
    pub async fn done(self) -> Result<Value> {
        let result = lro::finish(&self).await;
        self.arm.wrote();
        result
    }
}

impl Arm {
    /// Creates or replaces a resource.
    ///
    /// # Errors
    /// Any [`ArmError`]; [`Kind::Decode`] when the body cannot be written as JSON.
    pub async fn put(&self, id: &ArmId, api_version: &str, body: &impl Serialize) -> Result<Operation> {
        let body = json(id, body)?;
        self.write(Method::Put, self.url(id, "", api_version, &[]), Some(body)).await
    }

    /// Deletes a resource. None when it is not there.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn delete(&self, id: &ArmId, api_version: &str) -> Result<Option<Operation>> {
        self.write(Method::Delete, self.url(id, "", api_version, &[]), None).await.found()
    }

    /// Calls an action of a resource, such as `listKeys`, or of a subscription's provider, such as
    /// `providers/Microsoft.Network/register`. `action` is the path below the id; an action without input takes
    /// `&()`.
    ///
    /// # Errors
    /// [`Kind::InvalidId`] when the action is no path below the id, [`Kind::Decode`] when the body cannot be
    /// written as JSON, else any [`ArmError`].
    pub async fn post(&self, id: &ArmId, action: &str, api_version: &str, body: &impl Serialize) -> Result<Operation> {
        let path = format!("/{action}");
        let harmless = action.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !harmless || action.contains(['?', '#', '%', '\\']) {
            return Err(ArmError::new(Kind::InvalidId, "POST", id.as_str(), format!("`{action}` is not an action")));
        }
        let body = json(id, body)?;
        let body = if body.as_ref() == b"null" { Bytes::new() } else { body };
        self.write(Method::Post, self.url(id, &path, api_version, &[]), Some(body)).await
    }

    async fn write(&self, method: Method, url: Url, body: Option<Bytes>) -> Result<Operation> {
        let deadline = Instant::now() + self.sender.options().operation_timeout;
        self.wrote();
        let call = Call { method, url: url.clone(), body, until: None };
        let result = self.sender.send(&call).await;
        self.wrote();
        Ok(Operation { arm: self.clone(), method, url, reply: result?, deadline })
    }
}

fn json(id: &ArmId, body: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|error| ArmError::new(Kind::Decode, "", id.as_str(), format!("the request's body: {error}")))
}
