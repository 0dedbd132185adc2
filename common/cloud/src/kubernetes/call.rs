//! One call to the API server: sent, timed, repeated when the server asks for patience, and understood.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use facts::redact;
use kube::client::Body;
use serde_json::Value;

use super::error::KubeError;

/// How often a call is sent at most.
const MAX_ATTEMPTS: u32 = 3;
/// The longest that a server's `Retry-After` is heeded.
const MAX_PATIENCE: Duration = Duration::from_secs(5);

/// One HTTP request that was made, for `-v`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// From sending to the last byte.
    pub duration: Duration,
}

/// Is told of every request when it is over.
pub type Observer = Arc<dyn Fn(&CallEvent) + Send + Sync>;

/// A request with its whole body.
pub type Request = http::Request<Vec<u8>>;

/// An answer of the API server.
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Sends a request that may be repeated and returns the body of a successful answer. Each attempt is told to `observe`.
///
/// # Errors
/// [`KubeError`], by the status or the failure on the way.
pub async fn send(
    client: &kube::Client,
    request: Request,
    timeout: Option<Duration>,
    observe: &(dyn Fn(CallEvent) + Send + Sync),
) -> Result<Vec<u8>, KubeError> {
    let mut attempt = 1;
    loop {
        let begin = Instant::now();
        let outcome = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, send_once(client, request.clone()))
                .await
                .unwrap_or_else(|_| Err(unreachable(format!("no answer within {timeout:?}")))),
            None => send_once(client, request.clone()).await,
        };
        observe(CallEvent {
            method: request.method().to_string(),
            // kube's builder begins every query with an empty pair.
            path: request.uri().to_string().replacen("?&", "?", 1),
            status: outcome.as_ref().ok().map(|answer| answer.status),
            duration: begin.elapsed(),
        });
        let answer = outcome?;
        match answer.status {
            200..=299 => return Ok(answer.body),
            status if attempt < MAX_ATTEMPTS && (matches!(status, 429 | 503 | 504) || is_overtaken(&answer)) => {
                let backoff = Duration::from_millis(100) * 2_u32.pow(attempt);
                let patience = answer.retry_after.unwrap_or_default().max(backoff);
                tokio::time::sleep(patience.min(MAX_PATIENCE)).await;
                attempt += 1;
            }
            _ => return Err(refusal(&answer)),
        }
    }
}

async fn send_once(client: &kube::Client, request: Request) -> Result<Answer, KubeError> {
    let response = client.send(request.map(Body::from)).await.map_err(transport)?;
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let body = response.into_body().collect_bytes().await.map_err(transport)?;
    Ok(Answer { status, retry_after, body: body.to_vec() })
}

/// Whether somebody else's write came between, so that the same request will be taken now. Fields that others own are
/// another kind of conflict, which stays.
fn is_overtaken(answer: &Answer) -> bool {
    let causes =
        || Some(serde_json::from_slice::<Value>(&answer.body).ok()?.pointer("/details/causes")?.as_array()?.clone());
    answer.status == 409 && !causes().unwrap_or_default().iter().any(|cause| cause["reason"] == "FieldManagerConflict")
}

/// What a status other than success means.
fn refusal(answer: &Answer) -> KubeError {
    let status: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let text = |pointer: &str| Some(status.as_ref()?.pointer(pointer)?.as_str()?.to_owned());
    let said = text("/message").filter(|message| !message.is_empty()).unwrap_or_else(|| {
        let body = String::from_utf8_lossy(&answer.body);
        let first = body.lines().next().unwrap_or_default();
        first.chars().take(200).collect()
    });
    let why = redact::text(said.trim());
    match answer.status {
        401 => KubeError::Unauthorized { why },
        403 => KubeError::Denied { why },
        404 => KubeError::NotFound { why, resource: text("/details/kind") },
        409 if !is_overtaken(answer) => KubeError::Conflict { why },
        400 | 422 => KubeError::Invalid { why },
        status => KubeError::Other { status: Some(status), why },
    }
}

/// What a failure of kube's client means.
pub fn transport(error: kube::Error) -> KubeError {
    match find_auth_error(&error) {
        // Its text would show the plugin's whole output, a token perhaps.
        Some(kube::client::AuthError::AuthExecRun { cmd, out }) => {
            let said = String::from_utf8_lossy(&out.stderr);
            KubeError::Unauthorized {
                why: redact::text(&format!("`{cmd}` ended with {}: {}", out.status, said.trim())),
            }
        }
        Some(error) => KubeError::Unauthorized { why: redact::text(&error.to_string()) },
        None => unreachable(root_causes(&error)),
    }
}

fn unreachable(why: String) -> KubeError {
    KubeError::Unreachable { why }
}

fn find_auth_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a kube::client::AuthError> {
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        if let Some(found) = error.downcast_ref::<kube::client::AuthError>() {
            return Some(found);
        }
        if let Some(kube::Error::Auth(found)) = error.downcast_ref::<kube::Error>() {
            return Some(found);
        }
    }
    None
}

/// The two innermost messages: what was tried, and what the system said. The outer ones only name layers.
fn root_causes(error: &(dyn Error + 'static)) -> String {
    let mut messages = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        messages.push(error.to_string());
        next = error.source();
    }
    messages.dedup();
    let inner = &messages[messages.len().saturating_sub(2)..];
    let text = match inner {
        [outer, inner] if outer.contains(inner.as_str()) => outer.clone(),
        inner => inner.join(": "),
    };
    redact::text(&text)
}
