//! The API server with trouble in front of it: a plain HTTP proxy of one test, with a kubeconfig file that leads to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::{fs, io};

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinSet};

use crate::Error;
use crate::bed::Bed;

/// What happens to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It is never answered, and nothing is done.
    Hang,
    /// The connection breaks before anything is done.
    Reset,
    /// It is done, and the connection breaks before the answer.
    CommitThenReset,
    /// It is answered with this status, and nothing is done.
    Answer {
        /// HTTP status.
        status: u16,
        /// Seconds of `Retry-After`.
        retry_after: Option<u32>,
        /// The machine-readable reason, as `Conflict`.
        reason: &'static str,
        /// What the server says.
        message: &'static str,
        /// The `reason` of the one cause in its details, if there is one.
        cause: Option<&'static str>,
    },
}

/// Which writes meet trouble. A write is what changes something: no read, and no dry run.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Only those of a path with this end; none means all.
    pub path: Option<String>,
    /// How many writes of any path pass before.
    pub after: usize,
    /// Only the first of each path.
    pub once: bool,
    /// What happens.
    pub trouble: Trouble,
}

impl Rule {
    /// Every write of a path with this end.
    pub fn path(end: &str, trouble: Trouble) -> Self {
        Self { path: Some(end.to_owned()), after: 0, once: false, trouble }
    }

    /// The first write of every path.
    pub fn first_of_each(trouble: Trouble) -> Self {
        Self { path: None, after: 0, once: true, trouble }
    }

    /// From the write after the first `after` ones on, none is answered.
    pub fn hang_after(after: usize) -> Self {
        Self { path: None, after, once: false, trouble: Trouble::Hang }
    }
}

/// A write that was answered, or took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The status that the client got; 0 when the connection broke.
    pub status: u16,
    /// Whether the API server did it.
    pub took_effect: bool,
}

/// A proxy of one test. It ends when dropped.
pub struct KubeProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

struct Shared {
    backend: kube::Client,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    rules: Vec<Rule>,
    arrived: usize,
    paths: BTreeSet<String>,
    writes: Vec<Write>,
    requests: usize,
}

/// One call of a client.
struct Call {
    method: Method,
    path: String,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    fn is_write(&self) -> bool {
        let dry = self.target.split('?').nth(1).is_some_and(|query| query.split('&').any(|pair| pair == "dryRun=All"));
        self.method != Method::GET && !dry && !self.path.starts_with("/apis/authorization.k8s.io/")
    }
}

impl KubeProxy {
    /// A proxy in front of the shared bed's API server, for tests without a runtime of their own.
    ///
    /// # Errors
    /// As [`Bed::shared`], and [`Error::Io`] when no port is free.
    pub fn start() -> Result<Self, Error> {
        let runtime = runtime()?;
        let backend = backend(runtime)?;
        let shared = Arc::new(Shared { backend, inner: Mutex::default() });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(Error::io("kube proxy"))?;
        let address = listener.local_addr().map_err(Error::io("kube proxy"))?;
        let task = runtime.spawn(serve(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, task })
    }

    /// Writes a kubeconfig file that leads here, as a user who may do everything.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_kubeconfig(&self, path: &Path) -> Result<(), Error> {
        let content = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "proxy", "user": {}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
            "current-context": "proxy",
        });
        fs::write(path, content.to_string()).map_err(Error::file(path))
    }

    /// Sets the trouble, none to end it, and begins to count anew. The first rule that fits a write decides.
    pub fn trouble(&self, rules: Vec<Rule>) {
        let mut inner = self.shared.lock();
        (inner.rules, inner.arrived) = (rules, 0);
        inner.paths.clear();
    }

    /// The writes since the start, in the order of their ends.
    pub fn writes(&self) -> Vec<Write> {
        self.shared.lock().writes.clone()
    }

    /// The paths of the writes that took effect.
    pub fn effects(&self) -> Vec<String> {
        self.writes().into_iter().filter(|write| write.took_effect).map(|write| write.path).collect()
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.shared.lock().requests
    }

    /// What the API server holds at a path, past the proxy; none when there is nothing.
    ///
    /// # Errors
    /// [`Error::Kube`].
    pub fn read(&self, path: &str) -> Result<Option<Value>, Error> {
        let request = Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
        match runtime()?.block_on(self.shared.backend.request::<Value>(request)) {
            Ok(body) => Ok(Some(body)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for KubeProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and says what happens to it.
    fn judge(&self, call: &Call) -> Option<Trouble> {
        let mut inner = self.lock();
        inner.requests += 1;
        if !call.is_write() {
            return None;
        }
        let place = inner.arrived;
        inner.arrived += 1;
        let first = inner.paths.insert(call.path.clone());
        let fits = |rule: &&Rule| {
            place >= rule.after
                && (first || !rule.once)
                && rule.path.as_ref().is_none_or(|end| call.path.ends_with(end.as_str()))
        };
        inner.rules.iter().find(fits).map(|rule| rule.trouble.clone())
    }

    fn record(&self, call: &Call, status: u16, took_effect: bool) {
        if call.is_write() {
            let write = Write { method: call.method.to_string(), path: call.path.clone(), status, took_effect };
            self.lock().writes.push(write);
        }
    }
}

/// The runtime of all proxies and of their one client: a client's connections belong to the runtime it was made in.
fn runtime() -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<Result<Runtime, Arc<Error>>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let made = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        made.map_err(|error| Arc::new(Error::io("kube proxy")(error)))
    });
    runtime.as_ref().map_err(|error| Error::Start(Arc::clone(error)))
}

fn backend(runtime: &Runtime) -> Result<kube::Client, Error> {
    static BACKEND: OnceLock<Result<kube::Client, Arc<Error>>> = OnceLock::new();
    let made = BACKEND.get_or_init(|| runtime.block_on(async { Bed::shared().await?.client() }).map_err(Arc::new));
    made.clone().map_err(Error::Start)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                // What has begun is ended and recorded also when the client is killed meanwhile.
                async move { tokio::spawn(respond(shared, request)).await.map_err(io::Error::other)? }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        target: parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: parts.headers,
        body,
    };
    match shared.judge(&call) {
        Some(Trouble::Hang) => std::future::pending().await,
        Some(Trouble::Reset) => {
            shared.record(&call, 0, false);
            Err(broken())
        }
        Some(Trouble::CommitThenReset) => {
            let answer = forward(&shared.backend, &call).await?;
            shared.record(&call, 0, answer.status().is_success());
            Err(broken())
        }
        Some(Trouble::Answer { status, retry_after, reason, message, cause }) => {
            shared.record(&call, status, false);
            let causes: Vec<Value> = cause.iter().map(|cause| json!({"reason": cause, "message": message})).collect();
            let body = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                "reason": reason, "details": {"causes": causes}, "code": status,
            });
            refusal(status, retry_after, &body)
        }
        None => {
            let answer = forward(&shared.backend, &call).await?;
            shared.record(&call, answer.status().as_u16(), answer.status().is_success());
            Ok(answer)
        }
    }
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

async fn forward(backend: &kube::Client, call: &Call) -> io::Result<Response<Full<Bytes>>> {
    let mut request = Request::new(Body::from(call.body.clone()));
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = call.target.parse().map_err(io::Error::other)?;
    for name in [header::ACCEPT, header::CONTENT_TYPE, header::USER_AGENT] {
        if let Some(value) = call.headers.get(&name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    let (parts, body) = backend.send(request).await.map_err(io::Error::other)?.into_parts();
    let mut answer = Response::new(Full::from(body.collect().await.map_err(io::Error::other)?.to_bytes()));
    *answer.status_mut() = parts.status;
    if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
        answer.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
    }
    Ok(answer)
}

fn refusal(status: u16, retry_after: Option<u32>, body: &Value) -> io::Result<Response<Full<Bytes>>> {
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(answer)
}
