//! The real HTTP client over TLS on loopback: what may be logged, and how fast a bad connection is told.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tracing_subscriber::fmt::MakeWriter;

use super::{Fixed, TOKEN};
use crate::{Arm, ArmId, ArmOptions, Kind};

/// A resource manager on loopback, in a thread of its own so that its logs are not ours.
struct Server {
    address: SocketAddr,
    certificate: String,
    tokens: Arc<Mutex<Vec<String>>>,
}

fn serve(protocol: &'static [u8]) -> Server {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, der) = (key.cert.pem(), key.cert.der().clone());
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], private)
        .unwrap();
    tls.alpn_protocols = vec![protocol.to_vec()];
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = std::sync::mpsc::channel();
    let seen = Arc::clone(&tokens);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(tls));
            let router =
                Router::new().fallback(move |uri: Uri, headers: HeaderMap| answer(Arc::clone(&seen), uri, headers));
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        let service = TowerToHyperService::new(router);
                        let _ =
                            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                    }
                });
            }
        });
    });
    Server { address: receiver.recv().unwrap(), certificate, tokens }
}

async fn answer(tokens: Arc<Mutex<Vec<String>>>, uri: Uri, headers: HeaderMap) -> impl IntoResponse {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    tokens.lock().unwrap().push(token.to_owned());
    if uri.path().ends_with("/denied") {
        return (StatusCode::FORBIDDEN, r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#);
    }
    (StatusCode::OK, r#"{"id":"/x","name":"x","location":"westeurope","properties":{}}"#)
}

fn client(server: &Server, trusted: bool) -> Arm {
    let mut http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    if trusted {
        http = http.tls_certs_only([reqwest::Certificate::from_pem(server.certificate.as_bytes()).unwrap()]);
    }
    let endpoint = format!("https://localhost:{}/", server.address.port()).parse().unwrap();
    Arm::new(ArmOptions::new(endpoint, "scope/.default", Arc::new(Fixed::default()), http.build().unwrap())).unwrap()
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_line_holds_the_token() {
    let nsg = ArmId::parse("/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/networkSecurityGroups/n")
        .unwrap();
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let server = serve(protocol);
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(log.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let arm = client(&server, true);
        assert!(arm.resource_group("s1", "g1").await.unwrap().is_some());
        assert!(arm.nsg(&nsg).await.unwrap().is_some());
        let error = arm.resource_group("s1", "denied").await.unwrap_err();
        arm.put(&nsg, "1", &()).await.unwrap().done().await.unwrap();
        drop(guard);

        let expected = format!("Bearer {TOKEN}");
        assert_eq!(*server.tokens.lock().unwrap(), vec![expected; 4], "the token must have been sent");
        let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
        assert!(log.contains("TRACE") && log.contains("resourceGroups"), "the log must be a real one:\n{log}");
        assert!(!log.contains(TOKEN), "the token is in the log");
        assert!(!format!("{error:?} {error} {arm:?}").contains(TOKEN));
        println!("{}: {} log lines, no token", String::from_utf8_lossy(protocol), log.lines().count());
    }
}

#[tokio::test]
async fn an_untrusted_certificate_and_a_closed_port_are_told_at_once() {
    let server = serve(b"h2");
    let start = Instant::now();
    let error = client(&server, false).resource_group("s1", "g1").await.unwrap_err();
    assert_eq!((&error.kind, error.attempts), (&Kind::Unreachable, 1), "{error}");
    assert!(error.message.to_lowercase().contains("certificate"), "{error}");
    assert!(server.tokens.lock().unwrap().is_empty());

    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Server { address: listener.local_addr().unwrap(), ..server }
    };
    let error = client(&closed, true).resource_group("s1", "g1").await.unwrap_err();
    assert_eq!((&error.kind, error.attempts), (&Kind::Unreachable, 1), "{error}");
    assert!(error.message.to_lowercase().contains("refused"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
