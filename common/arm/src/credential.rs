//! The credential as this crate uses it: a failure is remembered for a moment.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a failed attempt to get a token answers for the next ones. Many calls wait for the first token
/// together; without this, a wrong secret would be tried once per call, one after the other.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Passes token requests on, and repeats a recent failure instead of asking again.
#[derive(Debug)]
pub(crate) struct Steady {
    inner: Arc<dyn TokenCredential>,
    failure: Mutex<Option<(Instant, String)>>,
}

impl Steady {
    pub(crate) fn new(inner: Arc<dyn TokenCredential>) -> Self {
        Self { inner, failure: Mutex::new(None) }
    }
}

#[async_trait::async_trait]
impl TokenCredential for Steady {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut failure = self.failure.lock().await;
        if let Some((at, message)) = failure.as_ref().filter(|(at, _)| at.elapsed() < REMEMBERED) {
            tracing::debug!(age = ?at.elapsed(), "repeating the last failure to get a token");
            return Err(Error::with_message(ErrorKind::Credential, message.clone()));
        }
        let result = self.inner.get_token(scopes, options).await;
        *failure = result.as_ref().err().map(|error| (Instant::now(), error_chain(error)));
        result
    }
}

/// An error and its causes in one line, each said once.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
