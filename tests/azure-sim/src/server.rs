//! The listening side: connections, faults, latency, logging and the way to the right service.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::{rt::TokioExecutor, rt::TokioIo, server::conn::auto};
use jiff::Timestamp;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::{
    admin, arm,
    blobs::Blobs,
    entra,
    errors::Refusal,
    faults::{Action, Fault, Faults},
    graph,
    http::{Call, Reply},
    log::{Log, LogEntry},
    lro::{Operations, Outcome},
    state::State,
    throttle::Buckets,
    token::Tokens,
};

/// How long one identity's federated credentials stay locked by a write, besides injected latency: ARM's own
/// writes take far longer, and without any time at all two writes could never meet.
const FEDERATION_WRITE: Duration = Duration::from_millis(3);

/// What handlers read and change, under one lock.
pub(crate) struct Core {
    pub state: State,
    pub operations: Operations,
    pub buckets: Buckets,
    pub settings: Settings,
    /// When principals were created in this run, for replication delays.
    pub born: HashMap<String, Instant>,
}

/// What can be changed while running.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub latency: Duration,
    pub lro: Duration,
    pub retry_after: Option<u64>,
    pub throttle: bool,
}

/// What all connections share.
pub(crate) struct Shared {
    core: Mutex<Core>,
    pub log: Mutex<Log>,
    pub faults: Mutex<Faults>,
    pub tokens: Tokens,
    pub http: reqwest::Client,
    pub initial: State,
    pub blobs: Option<Blobs>,
    federation_writes: Mutex<HashMap<String, usize>>,
}

impl Shared {
    /// Puts the parts together.
    pub fn new(
        state: State,
        settings: Settings,
        log: Log,
        faults: Faults,
        tokens: Tokens,
        http: reqwest::Client,
        blobs: Option<Blobs>,
    ) -> Self {
        Self {
            blobs,
            initial: state.clone(),
            core: Mutex::new(Core {
                state,
                operations: Operations::default(),
                buckets: Buckets::default(),
                settings,
                born: HashMap::new(),
            }),
            log: Mutex::new(log),
            faults: Mutex::new(faults),
            tokens,
            http,
            federation_writes: Mutex::new(HashMap::new()),
        }
    }

    /// The core, locked. A panic of another handler does not take the simulator down with it.
    pub fn core(&self) -> MutexGuard<'_, Core> {
        lock(&self.core)
    }
}

/// Locks, poisoned or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections until told to stop; dropping the tasks closes what is open.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    shared: Arc<Shared>,
    mut stop: oneshot::Receiver<()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { respond(&shared, request).await }
            });
            let builder = auto::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

type Body = BoxBody<Bytes, io::Error>;

async fn respond(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
    let arrived = (Timestamp::now(), Instant::now());
    let call = read(request).await?;
    if call.path.starts_with("/_sim/") {
        let reply = admin::handle(shared, &call);
        return Ok(render(&reply, bytes_of(&reply)));
    }
    let guard = FederationWrite::begin(shared, &call);
    let fault = lock(&shared.faults).hit(&call.method, &call.path);
    let latency = shared.core().settings.latency + if guard.is_some() { FEDERATION_WRITE } else { Duration::ZERO };
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let action = fault.as_ref().map(|fault| fault.action);
    if action == Some(Action::Hang) {
        std::future::pending::<()>().await;
    }
    let request_id = Uuid::new_v4().to_string();
    let reply = match (&fault, action) {
        (_, Some(Action::Reset)) => Reply::empty(0),
        (Some(fault), Some(Action::Respond)) => injected(fault, &call),
        _ if guard.as_ref().is_some_and(|guard| guard.crowded) => {
            guard.as_ref().map_or_else(|| Reply::empty(500), FederationWrite::refusal)
        }
        _ => dispatch(shared, &call, fault.as_ref()).await,
    };
    drop(guard);

    let broken = matches!(action, Some(Action::Reset | Action::CommitThenReset));
    record(shared, &call, arrived, if broken { 0 } else { reply.status }, &request_id);
    if broken {
        return Err(io::Error::new(io::ErrorKind::ConnectionReset, "injected fault"));
    }
    let reply = finish(reply, &call, &request_id);
    if action == Some(Action::Slow) {
        let pause = Duration::from_millis(fault.and_then(|fault| fault.delay_ms).unwrap_or(50));
        return Ok(render(&reply, slowly(&reply, pause)));
    }
    Ok(render(&reply, bytes_of(&reply)))
}

async fn read(request: Request<Incoming>) -> Result<Call, io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
    let authority = parts
        .uri
        .authority()
        .map(ToString::to_string)
        .or_else(|| parts.headers.get("host").and_then(|host| host.to_str().ok()).map(str::to_owned))
        .unwrap_or_default();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Ok(Call::new(parts.method.as_str(), target, parts.headers, body, format!("https://{authority}")))
}

async fn dispatch(shared: &Shared, call: &Call, fault: Option<&Fault>) -> Reply {
    if let Some(reply) = entra::handle(shared, call).await {
        return reply;
    }
    let bearer = bearer(call);
    if graph::claims(call) {
        let claims = bearer.and_then(|token| shared.tokens.check(token).ok());
        return graph::handle(&shared.core().state, call, claims.as_ref());
    }
    let outcome = fault.map_or(Outcome::Succeeded, failed_operation);
    let caller = bearer.map(|token| shared.tokens.check(token));
    let reply = arm::handle(&mut shared.core(), call, caller, outcome);
    match &shared.blobs {
        Some(blobs) => blobs.follow(call, reply).await,
        None => reply,
    }
}

/// The token in the `Authorization` header.
fn bearer(call: &Call) -> Option<&str> {
    let value = call.header("authorization")?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn failed_operation(fault: &Fault) -> Outcome {
    let refusal = |code: &str, message: &str| {
        Refusal::new(
            fault.status.unwrap_or(409),
            fault.code.as_deref().unwrap_or(code),
            fault.message.as_deref().unwrap_or(message),
        )
    };
    match fault.action {
        Action::LroFailed => Outcome::Failed(refusal("InternalServerError", "An error occurred.")),
        Action::LroCanceled => Outcome::Canceled(refusal("Canceled", "The operation was canceled.")),
        _ => Outcome::Succeeded,
    }
}

/// The answer of a `respond` fault, in the words of the service that the path belongs to.
fn injected(fault: &Fault, call: &Call) -> Reply {
    let status = fault.status.unwrap_or(500);
    let (code, message) = match status {
        403 => (
            "AuthorizationFailed",
            format!(
                "The client does not have authorization to perform action '{}' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
                arm::action_of(call),
                call.path
            ),
        ),
        409 => ("Conflict", "The request conflicts with the current state of the resource.".to_owned()),
        429 => (
            "SubscriptionRequestsThrottled",
            format!(
                "Number of requests for operation '{}' exceeded the limit. Please try again after '{}' seconds.",
                call.method,
                fault.retry_after.unwrap_or(1)
            ),
        ),
        503 => ("ServerTimeout", "The request timed out.".to_owned()),
        _ => ("InternalServerError", "Encountered internal server error.".to_owned()),
    };
    let code = fault.code.as_deref().unwrap_or(code);
    let message = fault.message.clone().unwrap_or(message);
    let mut reply = match &fault.body {
        Some(body) => Reply::json(status, body.clone()),
        None if call.path.contains("/oauth2/") => {
            Reply::json(status, serde_json::json!({"error": code, "error_description": message, "error_codes": []}))
        }
        None => Refusal::new(status, code, message).into(),
    };
    if let Some(seconds) = fault.retry_after {
        reply = reply.with("Retry-After", seconds.to_string());
    }
    reply.headers.extend(fault.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    reply
}

/// Adds the headers that every answer carries.
fn finish(reply: Reply, call: &Call, request_id: &str) -> Reply {
    let correlation = call.header("x-ms-correlation-request-id").unwrap_or(request_id).to_owned();
    let client = call.header("x-ms-client-request-id").map(str::to_owned);
    let mut reply = reply;
    if !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-ms-request-id")) {
        reply = reply.with("x-ms-request-id", request_id);
    }
    reply = reply
        .with("x-ms-correlation-request-id", correlation)
        .with("x-ms-routing-request-id", format!("SIMULATED:20250101T000000Z:{request_id}"));
    match client {
        Some(client) => reply.with("x-ms-client-request-id", client),
        None => reply,
    }
}

fn record(shared: &Shared, call: &Call, arrived: (Timestamp, Instant), status: u16, request_id: &str) {
    let identity = match bearer(call) {
        Some(token) => shared.tokens.check(token).map(|claims| claims.appid).unwrap_or_default(),
        None => url::form_urlencoded::parse(&call.body)
            .find(|(key, _)| key == "client_id")
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default(),
    };
    lock(&shared.log).push(LogEntry {
        time: arrived.0.to_string(),
        method: call.method.clone(),
        path: call.target(),
        status,
        identity,
        duration_ms: arrived.1.elapsed().as_secs_f64() * 1000.0,
        request_id: request_id.to_owned(),
    });
}

fn render(reply: &Reply, body: Body) -> Response<Body> {
    let mut builder = Response::builder().status(reply.status);
    if reply.body.is_some() {
        builder = builder.header("content-type", "application/json; charset=utf-8");
    }
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(body).unwrap_or_else(|_| Response::new(empty()))
}

fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed()
}

fn encoded(reply: &Reply) -> Vec<u8> {
    reply.body.as_ref().and_then(|body| serde_json::to_vec(body).ok()).unwrap_or_default()
}

fn bytes_of(reply: &Reply) -> Body {
    Full::new(Bytes::from(encoded(reply))).map_err(|never| match never {}).boxed()
}

fn slowly(reply: &Reply, pause: Duration) -> Body {
    let bytes = encoded(reply);
    let size = bytes.len().div_ceil(8).max(1);
    let pieces: Vec<Bytes> = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
    let stream = futures::stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(Frame::data(piece))
    });
    BodyExt::boxed(StreamBody::new(stream))
}

/// Holds one identity's place while a federated credential of it is being written.
struct FederationWrite<'a> {
    shared: &'a Shared,
    identity: String,
    crowded: bool,
}

impl<'a> FederationWrite<'a> {
    fn begin(shared: &'a Shared, call: &Call) -> Option<Self> {
        if call.method != "PUT" && call.method != "DELETE" {
            return None;
        }
        let path = call.path.to_lowercase();
        let (identity, _) = path.split_once("/federatedidentitycredentials/")?;
        let mut writes = lock(&shared.federation_writes);
        let others = writes.entry(identity.to_owned()).or_insert(0);
        *others += 1;
        let crowded = *others > 1;
        Some(Self { shared, identity: identity.to_owned(), crowded })
    }

    fn refusal(&self) -> Reply {
        Refusal::new(
            409,
            "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            format!(
                "Too many Federated Identity Credentials are written concurrently for the managed identity '{}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported.",
                self.identity
            ),
        )
        .into()
    }
}

impl Drop for FederationWrite<'_> {
    fn drop(&mut self) {
        let mut writes = lock(&self.shared.federation_writes);
        if let Some(count) = writes.get_mut(&self.identity) {
            *count -= 1;
            if *count == 0 {
                writes.remove(&self.identity);
            }
        }
    }
}
