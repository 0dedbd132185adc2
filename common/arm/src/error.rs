//! Failures of calls to Azure Resource Manager.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

/// A failed call, with everything that a user or Azure support needs to follow it up.
///
/// Cheap to clone: a deduplicated read hands the same failure to everybody who asked. The fields are those of
/// [`Failure`], reached by dereferencing.
#[derive(Clone)]
pub struct ArmError(Box<Failure>);

/// What is known about a failed call.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What sort of failure this is.
    pub kind: Kind,
    /// The HTTP method, such as `GET`; empty when no request was made up yet.
    pub method: String,
    /// The path of the resource that was asked for, without the query.
    pub resource: String,
    /// The HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// The service's error code, such as `AuthorizationFailed`. For [`Kind::Credential`] the code of Entra, such as
    /// `AADSTS7000215`.
    pub code: Option<String>,
    /// The service's message as it was sent, or ours when there was none.
    pub message: String,
    /// Inner errors, outermost first.
    pub details: Vec<Detail>,
    /// `x-ms-request-id` of the answer.
    pub request_id: Option<String>,
    /// `x-ms-correlation-request-id` of the answer.
    pub correlation_id: Option<String>,
    /// The `Date` header of the answer: the service's time, as an HTTP date.
    pub time: Option<String>,
    /// How many times the request was sent. 0 when it never left this process.
    pub attempts: u32,
}

/// An inner error of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The inner code.
    pub code: Option<String>,
    /// The inner message; may be empty.
    pub message: String,
    /// What it is about: a field's or a resource's name.
    pub target: Option<String>,
}

/// The sorts of failure that callers treat differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The caller lacks a permission (403 `AuthorizationFailed`, `LinkedAuthorizationFailed`,
    /// `DenyAssignmentAuthorizationFailed`).
    Denied {
        /// The action that is not permitted, such as `Microsoft.Network/virtualNetworks/read`, where the message says it.
        action: Option<String>,
        /// The scope on which it is not permitted, where the message says it.
        scope: Option<String>,
    },
    /// The resource, its parent or its resource group is not there (404).
    NotFound,
    /// The token was refused (401).
    Unauthorized,
    /// The request contradicts the present state (409).
    Conflict,
    /// Too many requests (429), also after the retries.
    Throttled {
        /// When the service wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The service refused the request for another reason (any other 4xx, or a redirect).
    Refused,
    /// The service failed (5xx), also after the retries.
    Service,
    /// No connection: name resolution, refused connection, untrusted certificate, broken transfer.
    Unreachable,
    /// The time given to the call or to the operation is over.
    TimedOut,
    /// No token could be had, so the request was not sent.
    Credential,
    /// The answer is not what it should be.
    Decode,
    /// A long-running operation ended badly; the status that it ended with, such as `Failed` or `Canceled`.
    OperationEnded(String),
    /// An address outside of the resource manager (from a `nextLink`, `Location` or `Azure-AsyncOperation`), to
    /// which no token may go. Nothing was sent.
    Untrusted,
    /// The id given is not one that the call takes. Nothing was sent.
    InvalidId,
}

/// A result whose failure is an [`ArmError`].
pub type Result<T> = std::result::Result<T, ArmError>;

/// Treats "it is not there" as data.
pub trait Found<T> {
    /// `Ok(None)` for [`Kind::NotFound`]; every other failure stays a failure.
    ///
    /// # Errors
    /// The failure, unless it says that the thing is not there.
    fn found(self) -> Result<Option<T>>;
}

impl<T> Found<T> for Result<T> {
    fn found(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl ArmError {
    /// A failure that is known before or without an answer.
    pub(crate) fn new(kind: Kind, method: &str, resource: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Failure {
            kind,
            method: method.to_owned(),
            resource: resource.to_owned(),
            status: None,
            code: None,
            message: message.into(),
            details: Vec::new(),
            request_id: None,
            correlation_id: None,
            time: None,
            attempts: 0,
        }))
    }

    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Failure)) -> Self {
        change(&mut self.0);
        self
    }

    /// Whether the failure is about permission: [`Kind::Denied`].
    pub fn is_denied(&self) -> bool {
        matches!(self.kind, Kind::Denied { .. })
    }
}

impl Deref for ArmError {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl std::error::Error for ArmError {}

impl fmt::Debug for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// `GET /subscriptions/…: 403 AuthorizationFailed: The client … (request id …)`.
impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.method.is_empty() {
            write!(f, "{} {}: ", self.method, self.resource)?;
        } else if !self.resource.is_empty() {
            write!(f, "{}: ", self.resource)?;
        }
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, "{status} {code}: ")?,
            (Some(status), None) => write!(f, "{status}: ")?,
            (None, Some(code)) => write!(f, "{code}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}
