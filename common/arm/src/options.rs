//! How an [`Arm`](crate::Arm) is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use url::Url;

use crate::observe::Observer;

/// What an [`Arm`](crate::Arm) needs to speak to one cloud as one principal.
#[derive(Clone)]
pub struct ArmOptions {
    /// The resource manager's address, such as `https://management.azure.com/`. Must be https.
    pub endpoint: Url,
    /// The scope that tokens are asked for, such as `https://management.core.windows.net//.default`.
    pub scope: String,
    /// Where tokens come from.
    pub credential: Arc<dyn TokenCredential>,
    /// The HTTP client. It carries the certificate authorities, the proxy and the time-outs of the connection, and
    /// should be built with `redirect::Policy::none()`: Azure Resource Manager never redirects.
    pub http: reqwest::Client,
    /// What `User-Agent` begins with, such as `hcp-azure/0.1.0`; the SDK's own token follows.
    pub user_agent: String,
    /// How many requests may be under way at once.
    pub max_concurrency: usize,
    /// The time for one call: all tries and the waits between them.
    pub call_timeout: Duration,
    /// The time for one long-running operation, from the request to its end, unless the caller says otherwise.
    pub operation_timeout: Duration,
    /// Who is told about every HTTP exchange.
    pub observer: Option<Arc<dyn Observer>>,
}

impl ArmOptions {
    /// Options with the defaults: 16 requests at once, 60 seconds for a call, 30 minutes for an operation.
    pub fn new(
        endpoint: Url,
        scope: impl Into<String>,
        credential: Arc<dyn TokenCredential>,
        http: reqwest::Client,
    ) -> Self {
        Self {
            endpoint,
            scope: scope.into(),
            credential,
            http,
            user_agent: concat!("hcp-azure/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_concurrency: 16,
            call_timeout: Duration::from_secs(60),
            operation_timeout: Duration::from_secs(30 * 60),
            observer: None,
        }
    }
}

impl fmt::Debug for ArmOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArmOptions")
            .field("endpoint", &self.endpoint.as_str())
            .field("scope", &self.scope)
            .field("user_agent", &self.user_agent)
            .field("max_concurrency", &self.max_concurrency)
            .field("call_timeout", &self.call_timeout)
            .field("operation_timeout", &self.operation_timeout)
            .finish_non_exhaustive()
    }
}
