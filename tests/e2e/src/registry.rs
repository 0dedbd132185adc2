//! An image registry: https with its own authority, token authentication, blobs that are kept elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::Error;
use crate::authority::Authority;

/// User and password that the token service takes, in base64: they must never be seen in any output.
pub const CREDENTIALS: &str = "dXNlcjpwdWxsLWNhbmFyeQ==";
/// The token that it gives for them: likewise.
pub const TOKEN: &str = "registry-token-canary";
/// Part of a signed address of a blob: likewise.
pub const SIGNATURE: &str = "signature-canary";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const REPOSITORY: &str = "ocp/release";

/// A registry of one test. It ends when dropped.
pub struct Registry {
    port: u16,
    ca_pem: String,
    shared: Arc<Mutex<Inner>>,
    task: AbortHandle,
}

#[derive(Default)]
struct Inner {
    /// Manifests by tag or digest, blobs by digest.
    documents: BTreeMap<String, (&'static str, Vec<u8>)>,
    requests: Vec<String>,
    /// What was sent to where blobs are kept, though it has no business there.
    leaked: Vec<String>,
}

impl Registry {
    /// A registry on a free port of this machine.
    ///
    /// # Errors
    /// [`Error::Io`] when no port is free, [`Error::Certificate`].
    pub async fn start() -> Result<Self, Error> {
        let authority = Authority::new("test registry")?;
        let identity = authority.server()?;
        let refused = |what: String| Error::Input(format!("registry: {what}"));
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
        let (certificate, key) =
            certificate.and_then(|certificate| Ok((certificate, key?))).map_err(|error| refused(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(|error| refused(error.to_string()))?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::io("registry"))?;
        let port = listener.local_addr().map_err(Error::io("registry"))?.port();
        let shared = Arc::new(Mutex::new(Inner::default()));
        let task = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), port, Arc::clone(&shared)));
        Ok(Self { port, ca_pem: authority.pem(), shared, task: task.abort_handle() })
    }

    /// The certificate of its authority, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Its name, as pull secrets and images have it.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A pull secret for it.
    pub fn pull_secret(&self) -> Value {
        json!({"auths": {self.name(): {"auth": CREDENTIALS}}})
    }

    /// Adds a release for some architectures under a tag; returns its image by digest. One architecture makes a single
    /// manifest, several a list. Without a version it has no label.
    pub fn add(&self, tag: &str, version: Option<&str>, architectures: &[&str]) -> String {
        let mut inner = lock(&self.shared);
        let mut entries = Vec::new();
        let mut last = Vec::new();
        for architecture in architectures {
            let labels = version.map_or_else(|| json!({}), |version| json!({"io.openshift.release": version}));
            let config = json!({"architecture": architecture, "os": "linux", "config": {"Labels": labels}}).to_string();
            let config_digest = inner.keep(MANIFEST, config.into_bytes());
            let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": config_digest}});
            last = manifest.to_string().into_bytes();
            let digest = inner.keep(MANIFEST, last.clone());
            entries.push(json!({"digest": digest, "platform": {"architecture": architecture, "os": "linux"}}));
        }
        let (kind, body) = if entries.len() == 1 {
            (MANIFEST, last)
        } else {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
            (INDEX, index.to_string().into_bytes())
        };
        let digest = inner.keep(kind, body.clone());
        inner.documents.insert(tag.to_owned(), (kind, body));
        format!("{}/{REPOSITORY}@{digest}", self.name())
    }

    /// The image of a tag.
    pub fn image(&self, tag: &str) -> String {
        format!("{}/{REPOSITORY}:{tag}", self.name())
    }

    /// Puts something else in the place of what a digest stands for.
    pub fn tamper(&self, image: &str) {
        let mut inner = lock(&self.shared);
        if let Some((_, digest)) = image.split_once('@')
            && let Some((_, body)) = inner.documents.get_mut(digest)
        {
            body.push(b' ');
        }
    }

    /// The requests since the start, as `GET /path`.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared).requests.clone()
    }

    /// What was sent to where it has no business.
    pub fn leaked(&self) -> Vec<String> {
        lock(&self.shared).leaked.clone()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    fn keep(&mut self, kind: &'static str, body: Vec<u8>) -> String {
        let hex: String = digest(&SHA256, &body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("sha256:{hex}");
        self.documents.insert(name.clone(), (kind, body));
        name
    }
}

fn lock(shared: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, port: u16, shared: Arc<Mutex<Inner>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| {
                let answer = respond(&mut lock(&shared), port, &request);
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

fn respond(inner: &mut Inner, port: u16, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    inner.requests.push(format!("{} {path}", request.method()));
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let text = |status, body: String| answer(status, &[], body.into_bytes());
    if path == "/token" {
        let scope = format!("scope=repository%3A{}%3Apull", REPOSITORY.replace('/', "%2F"));
        let asks = request.uri().query().is_some_and(|query| query.contains("service=test") && query.contains(&scope));
        let expected = format!("Basic {CREDENTIALS}");
        return match (asks, authorization == Some(&expected)) {
            (true, true) => text(StatusCode::OK, json!({"token": TOKEN}).to_string()),
            (false, _) => text(StatusCode::BAD_REQUEST, "no such scope".into()),
            (_, false) => text(StatusCode::UNAUTHORIZED, "who?".into()),
        };
    }
    if let Some(name) = path.strip_prefix("/elsewhere/") {
        if let Some(value) = authorization {
            inner.leaked.push(value.to_owned());
        }
        return match inner.documents.get(name) {
            Some((_, body)) => answer(StatusCode::OK, &[], body.clone()),
            None => text(StatusCode::NOT_FOUND, "none".into()),
        };
    }
    if authorization != Some(&format!("Bearer {TOKEN}")) {
        let realm =
            format!(r#"Bearer realm="https://127.0.0.1:{port}/token",service="test",scope="repository:x:pull""#);
        return answer(StatusCode::UNAUTHORIZED, &[(header::WWW_AUTHENTICATE, realm)], Vec::new());
    }
    if let Some(name) = path.strip_prefix(&format!("/v2/{REPOSITORY}/blobs/")) {
        let to = format!("https://localhost:{port}/elsewhere/{name}?sig={SIGNATURE}");
        return answer(StatusCode::TEMPORARY_REDIRECT, &[(header::LOCATION, to)], Vec::new());
    }
    let name = path.strip_prefix(&format!("/v2/{REPOSITORY}/manifests/"));
    match name.and_then(|name| inner.documents.get(name)) {
        Some((kind, body)) => answer(StatusCode::OK, &[(header::CONTENT_TYPE, (*kind).to_owned())], body.clone()),
        None => text(StatusCode::NOT_FOUND, "none".into()),
    }
}

fn answer(status: StatusCode, headers: &[(header::HeaderName, String)], body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}
