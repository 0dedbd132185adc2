//! A strict simulator of Azure's control plane: Entra ID, Microsoft Graph and Azure Resource Manager over TLS.
//!
//! It refuses what Azure refuses, runs long writes as operations, pages lists, throttles, checks tokens and role
//! assignments, and shows everything it holds as one JSON document. It follows Microsoft's published REST API; it
//! knows nothing of the clients it serves.

mod admin;
mod arm;
mod blobs;
mod entra;
mod errors;
mod faults;
mod graph;
mod http;
mod log;
mod lro;
mod oidc;
pub mod seed;
mod server;
mod state;
mod throttle;
mod tls;
mod token;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use crate::{
    blobs::BlobBackend,
    faults::{Action, Fault},
    log::LogEntry,
};
use crate::{
    blobs::Blobs,
    faults::Faults,
    log::Log,
    server::{Core, Settings, Shared, lock},
    state::State,
    token::Tokens,
};

/// What a simulator starts with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Initial state document; absent means one subscription and one principal that may do everything
    /// (see [`seed`]).
    pub state: Option<Value>,
    /// Time added to every answer.
    pub latency: Duration,
    /// Injected faults.
    pub faults: Vec<Fault>,
    /// File that gets one JSON line per request.
    pub log: Option<PathBuf>,
    /// Base URL of an Azurite; the blob endpoint of account `A` is then `<base>/A/`.
    pub blob_endpoint: Option<String>,
    /// The Azurite behind `blob_endpoint`: its account's containers are really made there, and its key is listed.
    pub blob_backend: Option<BlobBackend>,
    /// PEM of authorities trusted when token issuers' documents are fetched.
    pub oidc_ca: Option<String>,
    /// How long long-running operations take at least.
    pub lro: Duration,
    /// Seconds that the `Retry-After` header of long-running operations asks for; no operation ends sooner.
    /// `None` sends no such header.
    pub retry_after: Option<u64>,
    /// Whether requests are throttled at ARM's rates.
    pub throttle: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: None,
            latency: Duration::ZERO,
            faults: Vec::new(),
            log: None,
            blob_endpoint: None,
            blob_backend: None,
            oidc_ca: None,
            lro: Duration::ZERO,
            retry_after: Some(0),
            throttle: false,
        }
    }
}

/// Why a simulator cannot start or a state cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on, or no thread can be started.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Keys or certificates cannot be made or read.
    #[error("TLS: {0}")]
    Tls(String),
    /// The state document is not one.
    #[error("state: {0}")]
    State(String),
    /// A fault's pattern is no regular expression.
    #[error("fault: {0}")]
    Fault(String),
}

/// A running simulator. It has threads of its own, so blocking the caller's runtime does not stop it, and it
/// ends when dropped.
pub struct Simulator {
    address: SocketAddr,
    ca_pem: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
}

impl Simulator {
    /// Starts a simulator and returns when it accepts connections.
    ///
    /// # Errors
    /// When the address is taken, the state or a fault cannot be read, or the log cannot be created.
    pub async fn start(options: Options) -> Result<Self, Error> {
        Self::start_blocking(options)
    }

    /// The same without a runtime.
    ///
    /// # Errors
    /// As [`Simulator::start`].
    pub fn start_blocking(options: Options) -> Result<Self, Error> {
        let listen = |source| Error::Listen { address: options.listen, source };
        let identity = tls::identity(&options.listen.ip().to_string())?;
        let state = State::load(options.state.unwrap_or_else(|| json!({})), options.blob_endpoint.as_deref())?;
        let settings = Settings {
            latency: options.latency,
            lro: options.lro,
            retry_after: options.retry_after,
            throttle: options.throttle,
        };
        let shared = Arc::new(Shared::new(
            state,
            settings,
            Log::new(options.log.as_deref())?,
            Faults::new(options.faults)?,
            Tokens::new()?,
            oidc::client(options.oidc_ca.as_deref())?,
            options.blob_endpoint.zip(options.blob_backend).map(Blobs::new).transpose()?,
        ));
        let listener = std::net::TcpListener::bind(options.listen).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("azure-sim")
            .enable_all()
            .build()
            .map_err(listen)?;
        let serving = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("azure-sim".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                        server::serve(listener, identity.server, serving, stopped).await;
                    }
                });
                runtime.shutdown_background();
            })
            .map_err(listen)?;
        Ok(Self { address, ca_pem: identity.ca_pem, shared, stop: Some(stop) })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// PEM of the authority that vouches for its certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The environment document (Azure Stack style) that leads clients here; `ca_file` is where the caller keeps
    /// [`Simulator::ca_pem`].
    pub fn environment(&self, ca_file: &Path) -> Value {
        let base = format!("{}/", self.url());
        json!({
            "name": "AzureSim",
            "activeDirectoryEndpoint": base,
            "resourceManagerEndpoint": base,
            "tokenAudience": "https://management.core.windows.net/",
            "microsoftGraphEndpoint": base,
            "storageEndpointSuffix": "core.windows.net",
            "keyVaultDNSSuffix": "vault.azure.net",
            "caFile": ca_file,
            // Nobody answers there: who serves its zones puts another address in this place.
            "dnsServer": "127.0.0.1:9",
        })
    }

    /// Writes the environment document, and the authority's PEM beside it as `<file name>.ca.pem`.
    ///
    /// # Errors
    /// `Error::File` names the file that cannot be written.
    pub fn write_environment_file(&self, path: &Path) -> Result<(), Error> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".ca.pem");
        let beside = path.with_file_name(name);
        let ca_file = std::path::absolute(&beside).unwrap_or(beside);
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|source| Error::File { path: path.to_owned(), source })
        };
        write(&ca_file, &self.ca_pem)?;
        write(path, &format!("{:#}\n", self.environment(&ca_file)))
    }

    /// Everything it holds, as `GET /_sim/state` gives it; operations in flight are shown as finished.
    pub fn state(&self) -> Value {
        snapshot(&self.shared.core())
    }

    /// Replaces everything it holds.
    ///
    /// # Errors
    /// `Error::State` when the document cannot be read; then nothing has changed.
    pub fn load(&self, document: Value) -> Result<(), Error> {
        let mut core = self.shared.core();
        let blob = core.state.blob_endpoint.clone();
        core.state = State::load(document, blob.as_deref())?;
        core.operations = Default::default();
        Ok(())
    }

    /// Changes the state document in place.
    ///
    /// # Errors
    /// `Error::State` when what `change` leaves cannot be read; then nothing has changed.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) -> Result<(), Error> {
        let mut document = self.state();
        change(&mut document);
        self.load(document)
    }

    /// Stores a resource or role assignment under its `id`, unchecked.
    ///
    /// # Errors
    /// `Error::State` when the body has no `id`.
    pub fn put_resource(&self, body: Value) -> Result<(), Error> {
        self.shared.core().state.put(body)
    }

    /// The stored body of a resource.
    pub fn resource(&self, id: &str) -> Option<Value> {
        self.shared.core().state.get(id).cloned()
    }

    /// Removes a resource or role assignment and all below it; true when there was one.
    pub fn remove(&self, id: &str) -> bool {
        self.shared.core().state.remove(id)
    }

    /// Replaces the injected faults; counters start anew.
    ///
    /// # Errors
    /// `Error::Fault` when a pattern is no regular expression.
    pub fn faults(&self, faults: Vec<Fault>) -> Result<(), Error> {
        *lock(&self.shared.faults) = Faults::new(faults)?;
        Ok(())
    }

    /// All requests so far, in the order of their answers.
    pub fn requests(&self) -> Vec<LogEntry> {
        lock(&self.shared.log).entries().to_vec()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.shared.log).clear();
    }

    /// Sets the time added to every answer.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.core().settings.latency = latency;
    }

    /// Sets what long-running operations ask clients to wait, in seconds.
    pub fn set_retry_after(&self, seconds: Option<u64>) {
        self.shared.core().settings.retry_after = seconds;
    }

    /// Switches throttling at ARM's rates.
    pub fn set_throttle(&self, on: bool) {
        self.shared.core().settings.throttle = on;
    }

    /// Goes back to the initial state, without faults and logged requests.
    pub fn reset(&self) {
        admin::reset(&self.shared);
    }

    /// A signed access token for an application, as the token endpoint would issue it; a negative lifetime in
    /// seconds gives one that is already over. None for an unknown application.
    pub fn token(&self, app_id: &str, audience: &str, lifetime: i64) -> Option<String> {
        let core = self.shared.core();
        let principal = core.state.application(app_id)?;
        Some(self.shared.tokens.issue(&principal, &core.state.tenant, audience, true, lifetime))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The state document with the operations in flight applied.
fn snapshot(core: &Core) -> Value {
    let mut state = core.state.clone();
    for operation in core.operations.in_flight() {
        arm::lro::apply(&mut state, operation);
    }
    state.document()
}
