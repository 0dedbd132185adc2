//! Trying the hosted API server from here, stage by stage.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use facts::dns::{ApiServer, Certificate, Stage, StageKind};
use facts::{Fact, Gap, GapKind};
use jiff::Timestamp;
use kube::client::Body;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clouds::Cloud;
use crate::dns::{Dns, RecordType};

/// How long one stage may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// How many lines of `/readyz?verbose` are kept.
const MAX_LINES: usize = 20;
/// The last second that a certificate can name.
const END_OF_TIME: u64 = 253_402_300_799;

/// Tries the API server of a published kubeconfig. The credentials stay in memory.
pub(crate) async fn probe(kubeconfig: &SecretString, cloud: &Cloud) -> Fact<ApiServer> {
    let unusable = |why: String| Fact::Unreadable(Gap::new(GapKind::Failed, format!("the published kubeconfig {why}")));
    // The parser's message might quote what it stumbled over.
    let Ok(parsed) = Kubeconfig::from_yaml(kubeconfig.expose_secret()) else {
        return unusable("cannot be understood".into());
    };
    // It comes from a cluster: it must not make this machine run a program or read a file.
    if parsed.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()).any(|auth| {
        auth.exec.is_some()
            || auth.auth_provider.is_some()
            || auth.token_file.is_some()
            || auth.client_certificate.is_some()
            || auth.client_key.is_some()
    }) {
        return unusable("names a program or files of another machine".into());
    }
    let Ok(mut config) = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await else {
        return unusable("cannot be used".into());
    };
    let Some(host) = config.cluster_url.host().map(|host| host.trim_matches(['[', ']']).to_owned()) else {
        return unusable("names no server".into());
    };
    let port = config.cluster_url.port_u16().unwrap_or(443);
    config.default_retry = false;
    config.connect_timeout = Some(PATIENCE);
    config.read_timeout = Some(PATIENCE);
    let mut found = ApiServer { host, port, ..ApiServer::default() };
    // A proxy resolves and connects by itself: only what passes through it can be tried.
    if config.proxy_url.is_some() || reach(&mut found, &config, cloud).await {
        ask(&mut found, config).await;
    }
    Fact::Known(found)
}

/// Resolves, connects and shakes hands; false when one of them failed.
async fn reach(found: &mut ApiServer, config: &Config, cloud: &Cloud) -> bool {
    let begin = Instant::now();
    let addresses = resolve(&found.host, found.port, cloud).await;
    let Some(addresses) = note(found, StageKind::Resolve, begin, addresses) else { return false };
    let begin = Instant::now();
    let stream = connect(&addresses).await;
    let Some(stream) = note(found, StageKind::Tcp, begin, stream) else { return false };
    let Some(roots) = config.root_cert.as_ref() else {
        // A certificate of a public authority, which the client itself judges.
        return true;
    };
    let name = config.tls_server_name.clone().unwrap_or_else(|| found.host.clone());
    let begin = Instant::now();
    let (certificate, outcome) = shake_hands(stream, &name, roots).await;
    found.certificate = certificate;
    note(found, StageKind::Tls, begin, outcome).is_some()
}

fn note<T>(found: &mut ApiServer, stage: StageKind, begin: Instant, outcome: Result<T, String>) -> Option<T> {
    let ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (value, problem) = match outcome {
        Ok(value) => (Some(value), None),
        Err(problem) => (None, Some(facts::redact::text(&problem))),
    };
    found.stages.push(Stage { stage, ms, problem });
    value
}

async fn resolve(host: &str, port: u16, cloud: &Cloud) -> Result<Vec<SocketAddr>, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    if cloud.dns_server.is_some() {
        let dns = Dns::new(cloud).map_err(|gap| gap.why)?;
        let answer = dns.resolve(host, RecordType::A).await.map_err(|gap| gap.why)?;
        let addresses: Vec<SocketAddr> = answer
            .values
            .iter()
            .filter_map(|value| value.parse::<IpAddr>().ok())
            .map(|address| SocketAddr::new(address, port))
            .collect();
        return if addresses.is_empty() {
            Err(format!("{host} has no address ({})", answer.code))
        } else {
            Ok(addresses)
        };
    }
    // The system's own way, which knows the hosts file and search domains.
    match timeout(PATIENCE, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut failure = "the host has no address".to_owned();
    for address in addresses.iter().take(3) {
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = format!("{address}: {error}"),
            Err(_) => failure = format!("{address}: no answer within {} s", PATIENCE.as_secs()),
        }
    }
    Err(failure)
}

/// Judges the certificate as any client does, and keeps it.
#[derive(Debug)]
struct Witness {
    judge: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug, Clone)]
struct Seen {
    not_after: Option<Timestamp>,
    names: Vec<String>,
    problem: Option<String>,
}

async fn shake_hands(stream: TcpStream, name: &str, roots: &[Vec<u8>]) -> (Option<Certificate>, Result<(), String>) {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().map(|der| CertificateDer::from(der.as_slice())));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let judge = match WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider)).build() {
        Ok(judge) => judge,
        Err(error) => return (None, Err(format!("the kubeconfig's certificate authority: {error}"))),
    };
    let witness = Arc::new(Witness { judge, seen: Mutex::default() });
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map(|builder| {
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Witness>::clone(&witness);
        builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
    });
    let (client, server) = match (client, ServerName::try_from(name.to_owned())) {
        (Ok(client), Ok(server)) => (client, server),
        (Err(error), _) => return (None, Err(error.to_string())),
        (_, Err(_)) => return (None, Err(format!("'{name}' is no name that a certificate can have"))),
    };
    let outcome = timeout(PATIENCE, tokio_rustls::TlsConnector::from(Arc::new(client)).connect(server, stream)).await;
    let seen = witness.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let problem = seen.as_ref().and_then(|seen| seen.problem.clone());
    let certificate = seen.map(|seen| Certificate { not_after: seen.not_after, names: seen.names });
    let outcome = match (problem, outcome) {
        (Some(problem), _) => Err(problem),
        (None, Ok(Ok(_))) => Ok(()),
        (None, Ok(Err(error))) => Err(error.to_string()),
        (None, Err(_)) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    (certificate, outcome)
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.judge.verify_server_cert(certificate, intermediates, server, ocsp, now);
        // At the end of time every certificate has expired, and the refusal says when.
        let end = UnixTime::since_unix_epoch(Duration::from_secs(END_OF_TIME));
        let expiry = self.judge.verify_server_cert(certificate, intermediates, server, ocsp, end);
        let not_after = match expiry {
            Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
                i64::try_from(not_after.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok())
            }
            _ => None,
        };
        let named = ParsedCertificate::try_from(certificate).and_then(|parsed| verify_server_name(&parsed, server));
        let names = match named {
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) => {
                presented
            }
            _ => Vec::new(),
        };
        let problem = verdict.as_ref().err().map(describe);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen { not_after, names, problem });
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

fn describe(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(refused) = error else {
        return error.to_string();
    };
    match refused {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the certificate is not signed by the authority that the kubeconfig names".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate does not name this host".to_owned()
        }
        other => format!("the certificate is refused: {other}"),
    }
}

/// Asks `/readyz` and `/version` with the credentials of the kubeconfig.
async fn ask(found: &mut ApiServer, config: Config) {
    let begin = Instant::now();
    let client = match kube::Client::try_from(config) {
        Ok(client) => client,
        Err(error) => {
            note::<()>(found, StageKind::Ready, begin, Err(error.to_string()));
            return;
        }
    };
    let ready = get(&client, "/readyz?verbose").await;
    let outcome = match ready {
        Ok((200, _)) => Ok(()),
        Ok((status, text)) => {
            let lines = text.lines().filter(|line| line.starts_with("[-]"));
            found.not_ready = lines.take(MAX_LINES).map(|line| facts::redact::text(line.trim())).collect();
            Err(format!("HTTP {status}"))
        }
        Err(why) => Err(why),
    };
    if note(found, StageKind::Ready, begin, outcome).is_none() {
        return;
    }
    let begin = Instant::now();
    let outcome = match get(&client, "/version").await {
        Ok((200, text)) => {
            let version: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            version["gitVersion"].as_str().map(str::to_owned).ok_or_else(|| "no version in the answer".to_owned())
        }
        Ok((status, _)) => Err(format!("HTTP {status}")),
        Err(why) => Err(why),
    };
    found.version = note(found, StageKind::Version, begin, outcome);
}

async fn get(client: &kube::Client, path: &str) -> Result<(u16, String), String> {
    let exchange = async {
        let request = http::Request::get(path).body(Body::empty()).map_err(|error| error.to_string())?;
        let response = client.send(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect_bytes().await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    match timeout(PATIENCE, exchange).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
