//! The API server of a hosted cluster, as far as readers of it go: health, lists, Secrets and tokens, over TLS on loopback.
//!
//! Each scene has its own, because a token names the issuer of its cluster. A client has to show the credentials of the
//! published kubeconfig. Nothing can be written.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::Error;
use crate::authority::Authority;

/// The credentials of the published kubeconfig: they must never be seen in any output.
pub const ADMIN_TOKEN: &str = "guest-admin-canary";

/// A hosted API server. It ends when dropped.
pub struct Guest {
    address: SocketAddr,
    ca: String,
    shared: Arc<Mutex<Held>>,
    _end: oneshot::Sender<()>,
}

/// What the server holds.
#[derive(Debug, Default, Clone)]
pub struct Held {
    /// Objects by the path of their collection.
    pub lists: BTreeMap<String, Vec<Value>>,
    /// Service accounts, as `namespace/name`.
    pub accounts: BTreeSet<String>,
    /// `iss` of its tokens.
    pub issuer: String,
    /// `kid` of its tokens.
    pub key_id: String,
    /// Beginnings of paths that the caller may not use.
    pub denied: Vec<String>,
    /// Method and path of each request.
    pub requests: Vec<(String, String)>,
}

impl Guest {
    /// Starts a server that holds this.
    ///
    /// # Errors
    /// [`Error::Io`] when no port is free.
    pub fn start(held: Held) -> Result<Self, Error> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(Error::io("hosted API server"))?;
        listener.set_nonblocking(true).map_err(Error::io("hosted API server"))?;
        let address = listener.local_addr().map_err(Error::io("hosted API server"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io("hosted API server"))?;
        let authority = Authority::new("hosted API server")?;
        let acceptor = acceptor(&authority)?;
        let shared = Arc::new(Mutex::new(held));
        let (end, ended) = oneshot::channel();
        let served = Arc::clone(&shared);
        // A runtime of its own: a test may wait for the program in a blocking call.
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, acceptor, served) => {}
                    _ = ended => {}
                }
            });
        });
        Ok(Self { address, ca: authority.pem(), shared, _end: end })
    }

    /// The kubeconfig that leads here.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "guest", "cluster": {
                "server": format!("https://{}", self.address), "certificate-authority-data": BASE64_STANDARD.encode(&self.ca),
            }}],
            "users": [{"name": "admin", "user": {"token": ADMIN_TOKEN}}],
            "contexts": [{"name": "admin", "context": {"cluster": "guest", "user": "admin"}}],
            "current-context": "admin",
        })
        .to_string()
    }

    /// What it holds, to be read and changed.
    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves with a certificate of the authority.
fn acceptor(authority: &Authority) -> Result<TlsAcceptor, Error> {
    let identity = authority.server()?;
    let input = |what: &dyn std::fmt::Display| Error::Input(format!("hosted API server: {what}"));
    let certificates = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|error| input(&error))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(|error| input(&error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| input(&error))?;
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor, shared: Arc<Mutex<Held>>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| respond(Arc::clone(&shared), request));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(shared: Arc<Mutex<Held>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let signed_in =
        parts.headers.get(header::AUTHORIZATION).is_some_and(|value| value == format!("Bearer {ADMIN_TOKEN}").as_str());
    let mut held = shared.lock().unwrap_or_else(PoisonError::into_inner);
    held.requests.push((parts.method.to_string(), path.clone()));
    let (status, body) = if signed_in {
        answer(&held, &parts.method, &path, parts.uri.query(), &body)
    } else {
        refusal(401, "Unauthorized", "Unauthorized", None)
    };
    // Health is told in plain text, everything else in JSON.
    let text = body.as_str().filter(|_| path == "/readyz").map_or_else(|| body.to_string(), str::to_owned);
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}

fn answer(held: &Held, method: &Method, path: &str, query: Option<&str>, body: &[u8]) -> (u16, Value) {
    if path == "/readyz" {
        return (200, json!("[+]ping ok\n[+]etcd ok\nreadyz check passed\n"));
    }
    if path == "/version" {
        return (200, json!({"major": "1", "minor": "35", "gitVersion": "v1.35.2"}));
    }
    if held.denied.iter().any(|beginning| path.starts_with(beginning.as_str())) {
        let message = format!(
            "{} is forbidden: User \"system:admin\" cannot use it",
            path.rsplit('/').next().unwrap_or_default()
        );
        return refusal(403, "Forbidden", &message, None);
    }
    if let Some(account) = path.strip_suffix("/token").filter(|_| method == Method::POST) {
        return token(held, account, body);
    }
    if method != Method::GET {
        return refusal(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            None,
        );
    }
    if let Some(items) = held.lists.get(path) {
        let selected = |item: &&Value| selects(query, item);
        return (
            200,
            json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items.iter().filter(selected).collect::<Vec<_>>()}),
        );
    }
    let (collection, name) = path.rsplit_once('/').unwrap_or_default();
    match held.lists.get(collection) {
        Some(items) => match items.iter().find(|item| item["metadata"]["name"] == name) {
            Some(item) => (200, item.clone()),
            None => missing(collection, name),
        },
        // Without the resource there is no such path.
        None => (404, json!("404 page not found")),
    }
}

/// What a field or label selector of the query leaves; those that readers use.
fn selects(query: Option<&str>, item: &Value) -> bool {
    let query = query.unwrap_or_default().replace("%3D", "=").replace("%2F", "/");
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).map(str::to_owned);
    let field = value("fieldSelector=").and_then(|selector| selector.strip_prefix("status.phase=").map(str::to_owned));
    let label = value("labelSelector=");
    field.is_none_or(|phase| item["status"]["phase"] == phase.as_str())
        && label.is_none_or(|selector| match selector.split_once('=') {
            Some((name, wanted)) => item["metadata"]["labels"][name] == wanted,
            None => item["metadata"]["labels"].get(&selector).is_some(),
        })
}

/// Answers a TokenRequest, by the API server's rules.
fn token(held: &Held, account: &str, body: &[u8]) -> (u16, Value) {
    let mut parts = account.rsplit('/');
    let (name, _, namespace) = (parts.next().unwrap_or_default(), parts.next(), parts.next().unwrap_or_default());
    if !held.accounts.contains(&format!("{namespace}/{name}")) {
        return missing(account.rsplit_once('/').unwrap_or_default().0, name);
    }
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let lives = asked["spec"]["expirationSeconds"].as_i64().unwrap_or(3_600);
    if lives < 600 {
        let message = "spec.expirationSeconds: Invalid value: may not specify a duration less than 10 minutes";
        return refusal(422, "Invalid", message, None);
    }
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"alg": "RS256", "kid": held.key_id});
    let claims = json!({
        "iss": held.issuer, "aud": asked["spec"]["audiences"],
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    let token = format!("{}.{}.{}", part(&header), part(&claims), BASE64_URL_SAFE_NO_PAD.encode("signature"));
    (201, json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": {"token": token}}))
}

fn missing(collection: &str, name: &str) -> (u16, Value) {
    let resource = collection.rsplit('/').next().unwrap_or_default();
    refusal(404, "NotFound", &format!("{resource} \"{name}\" not found"), Some(json!({"name": name, "kind": resource})))
}

fn refusal(code: u16, reason: &str, message: &str, details: Option<Value>) -> (u16, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "details": details.unwrap_or_else(|| json!({})), "code": code,
    });
    (code, status)
}
