//! Sending one request: token, pacing, retries, deadline, errors.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::Bytes;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{AUTHORIZATION, HeaderName, Headers, USER_AGENT};
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{
    ClientOptions, Context, HttpClient, Method, Pipeline, PipelineSendOptions, RawResponse, Request, RetryOptions,
    Transport,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::Url;

use crate::bucket::{Class, Pacer};
use crate::credential::{Steady, error_chain};
use crate::error::{ArmError, Kind, Result};
use crate::error_body::{ErrorBody, aadsts, classify};
use crate::observe::{Exchange, shown_path};
use crate::options::ArmOptions;
use crate::retry;

/// A good answer (2xx).
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Headers,
    pub body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get_optional_str(&HeaderName::from_static(name))
    }
}

/// A request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: Method,
    pub url: Url,
    pub body: Option<Bytes>,
    /// Shortens the time that the options give to one call.
    pub until: Option<Instant>,
}

impl Call {
    pub(crate) fn get(url: Url) -> Self {
        Self { method: Method::Get, url, body: None, until: None }
    }

    fn class(&self) -> Class {
        match self.method {
            Method::Get | Method::Head => Class::Read,
            Method::Delete => Class::Delete,
            _ => Class::Write,
        }
    }

    fn subscription(&self) -> &str {
        let mut segments =
            self.url.path().split('/').skip_while(|segment| !segment.eq_ignore_ascii_case("subscriptions"));
        segments.nth(1).unwrap_or_default()
    }

    fn failed(&self, kind: Kind, message: impl Into<String>) -> ArmError {
        ArmError::new(kind, self.method.as_ref(), self.url.path(), message)
    }
}

/// What one try gave: a good answer, or the failure and how long to wait before the next try, if there is to be one.
type Attempt = std::result::Result<Reply, (ArmError, Option<Duration>)>;

/// Sends calls through one pipeline, within the limits of one process.
pub(crate) struct Sender {
    pipeline: Pipeline,
    options: ArmOptions,
    permits: Semaphore,
    pacer: Pacer,
}

impl Sender {
    pub(crate) fn new(options: ArmOptions, transport: Arc<dyn HttpClient>) -> Result<Self> {
        if options.endpoint.scheme() != "https" || options.endpoint.host_str().is_none() {
            let message = format!("the resource manager's address must begin with https://, not {}", options.endpoint);
            return Err(ArmError::new(Kind::Untrusted, "", "", message));
        }
        let credential = Arc::new(Steady::new(Arc::clone(&options.credential)));
        let bearer = BearerTokenAuthorizationPolicy::new(credential, [options.scope.as_str()]);
        let gate = Gate { endpoint: options.endpoint.clone(), user_agent: options.user_agent.clone() };
        let client = ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(transport)),
            ..ClientOptions::default()
        };
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            client,
            Vec::new(),
            vec![Arc::new(bearer), Arc::new(gate)],
            None,
        );
        let permits = Semaphore::new(options.max_concurrency.max(1));
        Ok(Self { pipeline, options, permits, pacer: Pacer::default() })
    }

    pub(crate) fn options(&self) -> &ArmOptions {
        &self.options
    }

    /// Whether a token may go to this address: same scheme, host and port as the resource manager.
    pub(crate) fn trusts(&self, url: &Url) -> bool {
        url.scheme() == "https" && url.origin() == self.options.endpoint.origin()
    }

    /// Refuses an address that the service gave us, when it leads elsewhere.
    pub(crate) fn check(&self, method: &str, url: &Url, given_by: &str) -> Result<()> {
        if self.trusts(url) {
            return Ok(());
        }
        let origin = url.origin().ascii_serialization();
        let message =
            format!("{given_by} leads to {origin}, which is not the resource manager; nothing was sent there");
        Err(ArmError::new(Kind::Untrusted, method, url.path(), message))
    }

    /// Sends the call until it is answered well, refused for good, or out of time.
    pub(crate) async fn send(&self, call: &Call) -> Result<Reply> {
        self.check(call.method.as_ref(), &call.url, "the address")?;
        let mut limit = call.until;
        let mut attempt = 0;
        loop {
            let turn = in_time(limit, self.turn(call)).await.unwrap_or_else(|| Err(late(call, attempt)))?;
            if attempt == 0 {
                // Waiting for the first turn is our own doing and must not use up the time for the call.
                let own = Instant::now() + self.options.call_timeout;
                limit = Some(limit.map_or(own, |until| until.min(own)));
            }
            attempt += 1;
            let departed = Departed::default();
            let (error, wait) = match in_time(limit, self.attempt(call, attempt, &departed)).await {
                Some(Ok(reply)) => return Ok(reply),
                Some(Err(failed)) => failed,
                None => {
                    let error = late(call, attempt);
                    self.report(call, attempt, &departed, Err(error.message.clone()));
                    return Err(error);
                }
            };
            drop(turn);
            let Some(wait) = wait.filter(|wait| limit.is_none_or(|limit| Instant::now() + *wait < limit)) else {
                return Err(error);
            };
            tracing::debug!(method = call.method.as_ref(), path = call.url.path(), attempt, ?wait, kind = ?error.kind, "will be sent again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits until the call may leave: for the subscription's bucket, then for a free place among the requests under
    /// way.
    async fn turn(&self, call: &Call) -> Result<Option<SemaphorePermit<'_>>> {
        let admitted = self.pacer.admit(call.subscription(), call.class(), self.options.call_timeout).await;
        admitted.map_err(|wait| {
            let kind = Kind::Throttled { retry_after: Some(wait) };
            call.failed(
                kind,
                format!("not sent: Azure throttles the subscription for another {} seconds", wait.as_secs()),
            )
        })?;
        Ok(self.permits.acquire().await.ok())
    }

    async fn attempt(&self, call: &Call, attempt: u32, departed: &Departed) -> Attempt {
        let context = Context::new().with_value(departed.clone());
        let mut request = Request::new(call.url.clone(), call.method);
        request.insert_header("accept", "application/json");
        if let Some(body) = &call.body {
            request.insert_header("content-type", "application/json");
            request.set_body(body.clone());
        }
        let options = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let result = self.pipeline.send(&context, &mut request, Some(options)).await;
        self.report(call, attempt, departed, result.as_ref().map_err(|error| error_chain(error)));
        match result {
            Ok(response) => self.judge(call, attempt, response),
            Err(error) => Err(no_answer(call, attempt, departed, &error)),
        }
    }

    fn judge(&self, call: &Call, attempt: u32, response: RawResponse) -> Attempt {
        let status = u16::from(response.status());
        let (_, headers, body) = response.deconstruct();
        let reply = Reply { status, headers, body: body.into() };
        let left = reply.header(call.class().remaining_header()).and_then(|left| left.trim().parse().ok());
        if let Some(left) = left {
            self.pacer.remaining(call.subscription(), call.class(), left);
        }
        if (200..300).contains(&status) {
            return Ok(reply);
        }
        let retry_after = retry::retry_after(&reply.headers);
        let error = refused(call, &reply, retry_after).edit(|failure| failure.attempts = attempt);
        if let (429, Some("SubscriptionRequestsThrottled"), Some(wait)) = (status, error.code.as_deref(), retry_after) {
            self.pacer.close(call.subscription(), call.class(), wait);
        }
        Err((error, retry::after_status(call.method, status, attempt, retry_after)))
    }

    fn report(
        &self,
        call: &Call,
        attempt: u32,
        departed: &Departed,
        result: std::result::Result<&RawResponse, String>,
    ) {
        // A request for which no token could be had never left, so there was no exchange.
        let (Some(observer), Some(since)) = (&self.options.observer, departed.at()) else {
            return;
        };
        let (response, error) = match result {
            Ok(response) => (Some(response), None),
            Err(error) => (None, Some(error)),
        };
        observer.exchange(&Exchange {
            method: call.method.as_ref().to_owned(),
            path: shown_path(&call.url),
            status: response.map(|response| u16::from(response.status())),
            duration: since.elapsed(),
            request_id: response.and_then(|response| response.headers().get_optional_string(&REQUEST_ID)),
            attempt,
            error,
        });
    }
}

/// Awaits work until a limit, if there is one; none when the limit came first.
async fn in_time<F: Future>(limit: Option<Instant>, work: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout_at(limit, work).await.ok(),
        None => Some(work.await),
    }
}

fn late(call: &Call, attempts: u32) -> ArmError {
    call.failed(Kind::TimedOut, "no answer within the time given to the call")
        .edit(|failure| failure.attempts = attempts)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const DATE: HeaderName = HeaderName::from_static("date");

/// The failure that a reply's error body, or the lack of one, amounts to.
fn refused(call: &Call, reply: &Reply, retry_after: Option<Duration>) -> ArmError {
    let body = ErrorBody::read(&reply.body);
    let correlation_id = reply.headers.get_optional_string(&CORRELATION_ID);
    let request_id = reply.headers.get_optional_string(&REQUEST_ID);
    let from_service = request_id.is_some() || correlation_id.is_some();
    let kind = classify(reply.status, &body, retry_after, from_service);
    let message = body.message.unwrap_or_else(|| wordless(reply));
    call.failed(kind, message).edit(|failure| {
        failure.status = Some(reply.status);
        failure.code = body.code;
        failure.details = body.details;
        failure.request_id = request_id;
        failure.correlation_id = correlation_id;
        failure.time = reply.headers.get_optional_string(&DATE);
    })
}

/// What to say of an answer without a message of ARM's form.
fn wordless(reply: &Reply) -> String {
    if reply.body.is_empty() {
        return "the answer has no body".to_owned();
    }
    let form = reply.header("content-type").unwrap_or("unknown").to_owned();
    format!("the answer is no error of the resource manager (content type {form}, {} bytes)", reply.body.len())
}

fn no_answer(
    call: &Call,
    attempt: u32,
    departed: &Departed,
    error: &azure_core::Error,
) -> (ArmError, Option<Duration>) {
    let message = error_chain(error);
    if departed.at().is_none() {
        let code = aadsts(&message);
        let kind = if error.kind() == &ErrorKind::Other && code.is_none() { Kind::Untrusted } else { Kind::Credential };
        return (call.failed(kind, message).edit(|failure| failure.code = code), None);
    }
    let failed = call.failed(Kind::Unreachable, message).edit(|failure| failure.attempts = attempt);
    (failed, retry::after_error(call.method, error, attempt))
}

/// The moment at which a request left for the transport, set by [`Gate`].
#[derive(Debug, Default, Clone)]
struct Departed(Arc<Mutex<Option<Instant>>>);

impl Departed {
    fn at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// The last policy before the transport: names the program, and lets nothing with a token out to another host.
#[derive(Debug)]
struct Gate {
    endpoint: Url,
    user_agent: String,
}

// The trait hides the lifetime of its context; an implementation that names it does not match.
#[allow(elided_lifetimes_in_paths)]
#[async_trait::async_trait]
impl Policy for Gate {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        if request.url().origin() != self.endpoint.origin() {
            request.headers_mut().remove(AUTHORIZATION);
            return Err(azure_core::Error::with_message(
                ErrorKind::Other,
                "the address is not that of the resource manager",
            ));
        }
        let sdk = request.headers().get_optional_string(&USER_AGENT).unwrap_or_default();
        request.insert_header(USER_AGENT, format!("{} {sdk}", self.user_agent).trim().to_owned());
        if let Some(departed) = context.value::<Departed>() {
            departed.now();
        }
        let (first, rest) = next
            .split_first()
            .ok_or_else(|| azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"))?;
        first.send(context, request, rest).await
    }
}
