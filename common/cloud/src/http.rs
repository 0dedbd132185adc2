//! The HTTP client of a run, and the record of its calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clouds::Cloud;

/// What `User-Agent` says.
pub const USER_AGENT: &str = concat!("hcp-azure/", env!("CARGO_PKG_VERSION"));

/// An HTTPS client that trusts the system's certificates and the cloud's own, follows no redirect, and gives up on hosts
/// that do not answer.
///
/// # Errors
/// Certificates of the cloud that cannot be read.
pub fn client(cloud: &Cloud) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .https_only(true)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(60));
    if let Some(pem) = &cloud.extra_ca {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    builder.build()
}

/// One call to any service, as `-v` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The address or path; never a token or a signed value.
    pub address: String,
    /// The HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// Azure's request id.
    pub request_id: Option<String>,
}

type Sink = dyn Fn(&Call) + Send + Sync;

/// The calls of a run: shown as they happen, and kept.
#[derive(Clone, Default)]
pub struct Calls {
    kept: Arc<Mutex<Vec<Call>>>,
    sink: Option<Arc<Sink>>,
}

impl Calls {
    /// A record that also hands each call to `sink` as it happens.
    pub fn watched(sink: Arc<Sink>) -> Self {
        Self { kept: Arc::default(), sink: Some(sink) }
    }

    /// Records a call.
    pub fn note(
        &self,
        method: &str,
        address: &str,
        status: Option<u16>,
        duration: Duration,
        request_id: Option<String>,
    ) {
        let call = Call { method: method.to_owned(), address: address.to_owned(), status, duration, request_id };
        if let Some(sink) = &self.sink {
            sink(&call);
        }
        if let Ok(mut kept) = self.kept.lock() {
            kept.push(call);
        }
    }

    /// Forgets the calls so far: a run without an end must not keep them all.
    pub fn forget(&self) {
        if let Ok(mut kept) = self.kept.lock() {
            kept.clear();
        }
    }

    /// All calls so far.
    pub fn all(&self) -> Vec<Call> {
        self.kept.lock().map(|kept| kept.clone()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Calls").field(&self.all().len()).finish()
    }
}

impl arm::Observer for Calls {
    fn exchange(&self, exchange: &arm::Exchange) {
        self.note(&exchange.method, &exchange.path, exchange.status, exchange.duration, exchange.request_id.clone());
    }
}
