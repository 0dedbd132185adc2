//! Who we are towards Azure: exactly one credential, chosen by rule and named in the report.
//!
//! The order: `--azure-creds FILE`, a client secret in the environment, a workload identity, the Azure CLI's login. A
//! credential that was named and does not work is never passed over in favour of the next one: another identity would act.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use facts::azure::{Caller, Login};
use facts::local::{CredsFile, SecretState};
use facts::{Fact, Gap, GapKind};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::clouds::Cloud;
use crate::http::Calls;

/// The environment variables that are looked at.
pub trait Environment {
    /// The value of a variable, if it is set and not empty.
    fn var(&self, name: &str) -> Option<String>;
}

/// The process environment.
#[derive(Debug, Clone, Copy)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }
}

/// A credentials file as it was read: its shape, which may be shown, and its secret, which may not.
#[derive(Debug)]
pub struct CredsFileRead {
    /// What may be shown.
    pub shape: CredsFile,
    secret: Option<SecretString>,
    /// The subscription to work in, instead of the file's.
    subscription: Option<String>,
}

impl CredsFileRead {
    /// The same file, to work in another subscription than its own, if one is given.
    pub fn in_subscription(self, subscription: Option<String>) -> Self {
        Self { subscription, ..self }
    }
}

/// The one credential that was chosen.
#[derive(Debug)]
pub struct Chosen {
    /// Its source, as reports name it.
    pub via: String,
    /// The tenant it signs in to, where it says so itself.
    pub tenant_id: Option<String>,
    /// The subscription it names, if it names one.
    pub subscription_id: Option<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Credential {
        credential: Arc<dyn TokenCredential>,
        /// Whether nobody named it: it is tried because it may be there.
        ambient: bool,
        /// How a token is asked for, as `-v` shows it: method and address, or the command.
        asks: (&'static str, String),
    },
    Unusable(String),
}

/// A signed-in session, or the reason why there is none.
#[derive(Debug)]
pub struct Session {
    /// The outcome, as a fact.
    pub login: Fact<Login>,
    /// The credential, where a token was issued.
    pub credential: Option<Arc<dyn TokenCredential>>,
}

/// Reads a credentials file in upstream's format, JSON or YAML: `subscriptionId`, `tenantId`, `clientId`, `clientSecret`.
///
/// # Errors
/// The system's reason when the file cannot be read. A file that is read but wrong is no error: its shape says so.
pub fn read_creds_file(path: &Path) -> std::io::Result<CredsFileRead> {
    let bytes = zeroize::Zeroizing::new(std::fs::read(path)?);
    Ok(parse_creds_file(&bytes, path.display().to_string(), mode_of(path)))
}

fn parse_creds_file(bytes: &[u8], path: String, mode: Option<u32>) -> CredsFileRead {
    let mut shape = CredsFile {
        path,
        problem: None,
        subscription_id: None,
        tenant_id: None,
        client_id: None,
        client_secret: SecretState::Missing,
        unknown_keys: Vec::new(),
        mode,
    };
    // JSON is YAML; the parser's message is not repeated, since it may quote the file.
    let parsed = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| serde_saphyr::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok())
        .filter(|map| !map.is_empty());
    let Some(map) = parsed else {
        shape.problem = Some("it is neither a JSON nor a YAML object".into());
        return CredsFileRead { shape, secret: None, subscription: None };
    };
    let mut secret = None;
    for (key, value) in map {
        let text = match value {
            serde_json::Value::String(text) => Some(text),
            _ => None,
        };
        match key.as_str() {
            "subscriptionId" => shape.subscription_id = text,
            "tenantId" => shape.tenant_id = text,
            "clientId" => shape.client_id = text,
            "clientSecret" => {
                let text = text.unwrap_or_default();
                shape.client_secret = if text.is_empty() { SecretState::Empty } else { SecretState::Present };
                secret = Some(SecretString::from(text));
            }
            _ => shape.unknown_keys.push(key),
        }
    }
    CredsFileRead { shape, secret, subscription: None }
}

#[cfg(unix)]
fn mode_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).ok().map(|meta| meta.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode_of(_path: &Path) -> Option<u32> {
    None
}

/// Chooses the credential. `tenant` is asked for where the credential itself does not name one.
pub fn choose(
    file: Option<&CredsFileRead>,
    environment: &dyn Environment,
    cloud: &Cloud,
    http: &reqwest::Client,
    tenant: Option<&str>,
) -> Chosen {
    if let Some(file) = file {
        return of_file(file, cloud, http);
    }
    let tenant_id = environment.var("AZURE_TENANT_ID");
    let client_id = environment.var("AZURE_CLIENT_ID");
    let subscription_id = environment.var("AZURE_SUBSCRIPTION_ID");
    if let Some(secret) = environment.var("AZURE_CLIENT_SECRET") {
        let via = "environment AZURE_CLIENT_SECRET".to_owned();
        let kind = match (&tenant_id, client_id) {
            (Some(tenant), Some(client)) => client_secret(tenant, client, Secret::new(secret), cloud, http),
            _ => Kind::Unusable("AZURE_CLIENT_SECRET is set without AZURE_TENANT_ID and AZURE_CLIENT_ID".into()),
        };
        return Chosen { via, tenant_id, subscription_id, kind };
    }
    if let Some(token_file) = environment.var("AZURE_FEDERATED_TOKEN_FILE") {
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options: client_options(cloud, http) },
            client_id,
            tenant_id: tenant_id.clone(),
            token_file_path: Some(PathBuf::from(token_file)),
        };
        let asks = token_address(cloud, tenant_id.as_deref().unwrap_or_default());
        let kind = usable(WorkloadIdentityCredential::new(Some(options)), asks);
        return Chosen { via: "workload identity".into(), tenant_id, subscription_id, kind };
    }
    let options =
        AzureCliCredentialOptions { tenant_id: tenant.map(str::to_owned), ..AzureCliCredentialOptions::default() };
    let kind = match AzureCliCredential::new(Some(options)) {
        Ok(credential) => {
            Kind::Credential { credential, ambient: true, asks: ("RUN", "az account get-access-token".to_owned()) }
        }
        Err(error) => Kind::Unusable(error.to_string()),
    };
    Chosen { via: "az login".into(), tenant_id: None, subscription_id, kind }
}

fn of_file(file: &CredsFileRead, cloud: &Cloud, http: &reqwest::Client) -> Chosen {
    let shape = &file.shape;
    let kind = match (&shape.tenant_id, &shape.client_id, &file.secret) {
        (Some(tenant), Some(client), Some(secret)) if shape.client_secret == SecretState::Present => {
            client_secret(tenant, client.clone(), Secret::new(secret.expose_secret().to_owned()), cloud, http)
        }
        _ => Kind::Unusable(format!("{} does not hold tenantId, clientId and clientSecret", shape.path)),
    };
    Chosen {
        via: format!("--azure-creds {}", shape.path),
        tenant_id: shape.tenant_id.clone(),
        subscription_id: file.subscription.clone().or_else(|| shape.subscription_id.clone()),
        kind,
    }
}

fn client_secret(tenant: &str, client: String, secret: Secret, cloud: &Cloud, http: &reqwest::Client) -> Kind {
    let options = ClientSecretCredentialOptions { client_options: client_options(cloud, http) };
    usable(ClientSecretCredential::new(tenant, client, secret, Some(options)), token_address(cloud, tenant))
}

/// Entra's token endpoint of a tenant, as `-v` shows it.
fn token_address(cloud: &Cloud, tenant: &str) -> (&'static str, String) {
    ("POST", format!("{}{tenant}/oauth2/v2.0/token", cloud.authority))
}

fn usable<C: TokenCredential + 'static>(credential: azure_core::Result<Arc<C>>, asks: (&'static str, String)) -> Kind {
    match credential {
        Ok(credential) => Kind::Credential { credential, ambient: false, asks },
        Err(error) => Kind::Unusable(error.to_string()),
    }
}

/// Entra through our HTTP client. Few tries: a refusal is an answer, and the SDK's own default waits 82 seconds for a host
/// that refuses connections.
fn client_options(cloud: &Cloud, http: &reqwest::Client) -> ClientOptions {
    let mut custom = CustomConfiguration::default();
    cloud.authority.as_str().trim_end_matches('/').clone_into(&mut custom.authority_host);
    ClientOptions {
        transport: Some(Transport::new(Arc::new(http.clone()))),
        retry: RetryOptions::none(),
        cloud: Some(Arc::new(custom.into())),
        ..ClientOptions::default()
    }
}

impl Chosen {
    /// Signs in: asks for the first token, so that the outcome is known before anything depends on it.
    pub async fn sign_in(self, scope: &str, calls: &Calls) -> Session {
        let (credential, ambient, (method, address)) = match self.kind {
            Kind::Unusable(message) => {
                let login = Login::Refused { via: self.via, tenant_id: self.tenant_id, aadsts: None, message };
                return Session { login: Fact::Known(login), credential: None };
            }
            Kind::Credential { credential, ambient, asks } => (credential, ambient, asks),
        };
        let credential: Arc<dyn TokenCredential> = Arc::new(Cached::new(credential));
        let started = Instant::now();
        let token = credential.get_token(&[scope], None).await;
        // Of a refusal only the message is known here, not the HTTP status.
        calls.note(method, &address, token.as_ref().ok().map(|_| 200), started.elapsed(), None);
        match token {
            Ok(token) => {
                let login = Login::SignedIn(caller_of(token.token.secret(), self.via, self.tenant_id));
                Session { login: Fact::Known(login), credential: Some(credential) }
            }
            Err(error) => Session { login: refusal(&error, ambient, self.via, self.tenant_id), credential: None },
        }
    }
}

/// What a failed sign-in says. Entra's refusal is an answer; a host that is out of reach, or a login that nobody asked
/// for and that is not there, only leaves a gap.
fn refusal(error: &azure_core::Error, ambient: bool, via: String, tenant_id: Option<String>) -> Fact<Login> {
    let message = facts::redact::text(&arm::error_chain(error));
    let aadsts = aadsts_of(&message);
    if ambient && aadsts.is_none() {
        let why = format!(
            "no Azure credential: no --azure-creds, no AZURE_CLIENT_SECRET, no workload identity, and {via} gives no token"
        );
        return Fact::Unreadable(Gap::new(GapKind::Failed, why).with_remedy("az login"));
    }
    if aadsts.is_none() && is_connection_failure(error) {
        return Fact::Unreadable(Gap::new(GapKind::Unreachable, format!("Entra could not be reached: {message}")));
    }
    Fact::Known(Login::Refused { via, tenant_id, aadsts, message })
}

fn is_connection_failure(error: &azure_core::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<reqwest::Error>().is_some_and(|error| error.is_connect() || error.is_timeout()) {
            return true;
        }
        next = error.source();
    }
    false
}

fn aadsts_of(message: &str) -> Option<u32> {
    let rest = &message[message.find("AADSTS")? + 6..];
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// The principal in an access token's claims. The token was issued to us over TLS; it is read, not verified.
fn caller_of(token: &str, via: String, tenant_id: Option<String>) -> Caller {
    let claims: serde_json::Value = token
        .split('.')
        .nth(1)
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let claim = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let person = claim("idtyp").as_deref() == Some("user") || claim("upn").is_some() || claim("unique_name").is_some();
    Caller {
        via,
        tenant_id: claim("tid").or(tenant_id).unwrap_or_default(),
        object_id: claim("oid"),
        // A person's token carries the id of the tool that asked for it, which says nothing about the person.
        app_id: if person { None } else { claim("appid").or_else(|| claim("azp")) },
        name: claim("upn").or_else(|| claim("unique_name")).or_else(|| claim("app_displayname")),
    }
}

/// Keeps tokens, one for each scope, for as long as they live: some credentials start a process for every request.
#[derive(Debug)]
struct Cached {
    inner: Arc<dyn TokenCredential>,
    tokens: Mutex<BTreeMap<String, AccessToken>>,
}

impl Cached {
    fn new(inner: Arc<dyn TokenCredential>) -> Self {
        Self { inner, tokens: Mutex::default() }
    }
}

#[async_trait::async_trait]
impl TokenCredential for Cached {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let key = scopes.join(" ");
        let mut kept = self.tokens.lock().await;
        let soon = azure_core::time::OffsetDateTime::now_utc() + azure_core::time::Duration::minutes(5);
        if let Some(token) = kept.get(&key).filter(|token| token.expires_on > soon) {
            return Ok(token.clone());
        }
        let token = self.inner.get_token(scopes, options).await?;
        kept.insert(key, token.clone());
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> CredsFileRead {
        parse_creds_file(text.as_bytes(), "creds".into(), None)
    }

    #[test]
    fn a_creds_file_is_json_or_yaml_and_its_secret_is_never_shown() {
        for text in [
            r#"{"subscriptionId":"s","tenantId":"t","clientId":"c","clientSecret":"hunter2"}"#,
            "subscriptionId: s\ntenantId: t\nclientId: c\nclientSecret: hunter2\n",
        ] {
            let file = read(text);
            assert_eq!(file.shape.client_secret, SecretState::Present);
            assert_eq!(file.shape.tenant_id.as_deref(), Some("t"));
            assert!(!format!("{file:?}").contains("hunter2"));
        }
    }

    #[test]
    fn another_subscription_wins_over_the_files() {
        let cloud = Cloud::select(None, None).unwrap();
        let file =
            |other: Option<&str>| read("{subscriptionId: s, tenantId: t}").in_subscription(other.map(Into::into));
        let chosen = |file: CredsFileRead| choose(Some(&file), &Vars(vec![]), &cloud, &reqwest::Client::new(), None);
        assert_eq!(chosen(file(None)).subscription_id.as_deref(), Some("s"));
        assert_eq!(chosen(file(Some("other"))).subscription_id.as_deref(), Some("other"));
        assert_eq!(file(Some("other")).shape.subscription_id.as_deref(), Some("s"), "what the file says stays");
    }

    #[test]
    fn a_broken_creds_file_says_how_without_quoting_it() {
        assert!(read("hunter2").shape.problem.is_some_and(|problem| !problem.contains("hunter2")));
        assert!(read("[1]").shape.problem.is_some());
        assert!(read("").shape.problem.is_some());
        let empty = read(r#"{"clientSecret":"","tenant":"x"}"#).shape;
        assert_eq!((empty.client_secret, empty.unknown_keys), (SecretState::Empty, vec!["tenant".to_owned()]));
    }

    struct Vars(Vec<(&'static str, &'static str)>);

    impl Environment for Vars {
        fn var(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }
    }

    #[tokio::test]
    async fn a_named_credential_that_is_broken_is_refused_and_not_passed_over() {
        let cloud = Cloud::select(None, None).unwrap();
        let http = reqwest::Client::new();
        let file = read(r#"{"tenantId":"55555555-6666-7777-8888-999999999999","clientId":"c"}"#);
        let everything = Vars(vec![("AZURE_CLIENT_SECRET", "x"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")]);
        let session = choose(Some(&file), &everything, &cloud, &http, None).sign_in("scope", &Calls::default()).await;
        let Fact::Known(Login::Refused { via, message, .. }) = session.login else { unreachable!("{session:?}") };
        assert_eq!(via, "--azure-creds creds");
        assert!(message.contains("clientSecret"), "{message}");
        let half = Vars(vec![("AZURE_CLIENT_SECRET", "x")]);
        let session = choose(None, &half, &cloud, &http, None).sign_in("scope", &Calls::default()).await;
        assert!(matches!(session.login, Fact::Known(Login::Refused { .. })), "{session:?}");
    }

    #[test]
    fn the_caller_is_read_from_the_token() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"tid":"t","oid":"o","appid":"a"}"#);
        let caller = caller_of(&format!("h.{payload}.s"), "v".into(), None);
        assert_eq!(
            (caller.tenant_id.as_str(), caller.object_id.as_deref(), caller.app_id.as_deref()),
            ("t", Some("o"), Some("a"))
        );
        assert_eq!(caller_of("opaque", "v".into(), Some("t".into())).tenant_id, "t");
    }

    #[test]
    fn numbers_of_entra() {
        assert_eq!(aadsts_of("x AADSTS7000215: Invalid"), Some(7_000_215));
        assert_eq!(aadsts_of("nothing"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_may_be_a_creds_file(text in crate::fuzz::yaml()) {
            let _ = read(&text);
            let _ = read(&format!("tenantId: t\nclientSecret: {text}"));
        }

        #[test]
        fn any_bytes_may_be_a_creds_file(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse_creds_file(&bytes, String::new(), None);
        }

        #[test]
        fn any_text_may_be_a_refusal_or_a_token(text in "(AADSTS|[0-9]{1,12}|[.é:=]|[A-Za-z_-]{1,8}){0,16}") {
            let _ = aadsts_of(&text);
            let _ = caller_of(&text, String::new(), None);
            let claims = URL_SAFE_NO_PAD.encode(format!("{{\"tid\":1,\"upn\":{text:?}}}"));
            let _ = caller_of(&format!("h.{claims}.s"), String::new(), None);
        }
    }

    #[test]
    fn a_bomb_is_no_creds_file() {
        for bomb in crate::fuzz::bombs() {
            assert!(read(&bomb).shape.problem.is_some());
        }
    }
}
