//! A real blob storage service for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs};

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use reqwest::{Certificate, Client, Method, RequestBuilder, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::assets::Assets;
use crate::authority::Authority;
use crate::process::Server;
use crate::{Error, workspace};

/// The account that Azurite knows without configuration.
pub const ACCOUNT: &str = "devstoreaccount1";

/// Another account with the same key: the one that the pages for readers speak of.
pub const READERS_ACCOUNT: &str = "contosooidc";

/// The key of both, which is the same in every installation.
/// Source: <https://learn.microsoft.com/azure/storage/common/storage-connect-azurite>.
pub const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The blob service version that requests name.
const API_VERSION: &str = "2023-11-03";

const START_LIMIT: Duration = Duration::from_secs(60);

/// Azurite's blob service: https with its own authority, OAuth, nothing kept on disk.
#[derive(Debug)]
pub struct Azurite {
    _server: Server,
    _folder: TempDir,
    base_url: String,
    ca_pem: String,
    ca_file: PathBuf,
}

/// Who may read a container without signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicAccess {
    /// Nobody.
    Private,
    /// Everybody may read a blob whose name they know.
    Blob,
    /// Everybody may read and list all blobs.
    Container,
}

impl Azurite {
    /// The blob service of this test process, started by the first caller.
    ///
    /// # Errors
    /// [`Error::Start`], the same for every caller, when it could not be installed or started.
    pub async fn shared() -> Result<&'static Self, Error> {
        static SHARED: OnceCell<Result<Azurite, Arc<Error>>> = OnceCell::const_new();
        let azurite = SHARED.get_or_init(|| async { Self::start().await.map_err(Arc::new) }).await;
        azurite.as_ref().map_err(|error| Error::Start(Arc::clone(error)))
    }

    /// Starts a service of its own, which ends when dropped.
    ///
    /// # Errors
    /// [`Error`] when it cannot be installed or started.
    pub async fn start() -> Result<Self, Error> {
        let assets = Assets::shared().await?;
        let start = Instant::now();
        let folder = tempfile::Builder::new().prefix("hcp-azure-blob-").tempdir().map_err(Error::io("temp dir"))?;
        let authority = Authority::new("test blob storage")?;
        let serving = authority.server()?;
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).map_err(Error::file(&path)).map(|()| path)
        };
        let ca_pem = authority.pem();
        let ca_file = file("ca.pem", &ca_pem)?;
        let certificate = file("serving.pem", &serving.certificate)?;
        let key = file("serving.key", &serving.key)?;
        // By this variable alone it knows other accounts.
        let accounts = format!("AZURITE_ACCOUNTS={ACCOUNT}:{ACCOUNT_KEY};{READERS_ACCOUNT}:{ACCOUNT_KEY}");
        let node = node()?;
        let args = [
            accounts.as_ref(),
            node.as_os_str(),
            assets.azurite.as_os_str(),
            "--inMemoryPersistence".as_ref(),
            "--skipApiVersionCheck".as_ref(),
            "--disableTelemetry".as_ref(),
            "--silent".as_ref(),
            "--oauth".as_ref(),
            "basic".as_ref(),
            "--blobPort".as_ref(),
            "0".as_ref(),
            "--cert".as_ref(),
            certificate.as_os_str(),
            "--key".as_ref(),
            key.as_os_str(),
        ];
        let mut server = Server::spawn("azurite", Path::new("env"), &args, folder.path())?;
        let log = folder.path().join("azurite.log");
        let origin = server.ready(START_LIMIT, || async { listening(&log) }).await?;
        workspace::note(&format!("bed: Azurite ready in {:.1} s", start.elapsed().as_secs_f32()));
        Ok(Self { _server: server, _folder: folder, base_url: format!("{origin}/{ACCOUNT}"), ca_pem, ca_file })
    }

    /// The account's URL, `https://127.0.0.1:<port>/devstoreaccount1`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The certificate of the authority that signed the service's certificate, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The same as a file, e.g. for `SSL_CERT_FILE`.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// What a simulator of Resource Manager needs to make containers here.
    #[must_use]
    pub fn backend(&self) -> azure_sim::BlobBackend {
        self.backend_of(ACCOUNT)
    }

    /// The same for one of the two accounts.
    #[must_use]
    pub fn backend_of(&self, account: &str) -> azure_sim::BlobBackend {
        azure_sim::BlobBackend { account: account.to_owned(), key: ACCOUNT_KEY.to_owned(), ca_pem: self.ca_pem.clone() }
    }

    /// The origin, `https://127.0.0.1:<port>`.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.base_url.rsplit_once('/').map_or(&self.base_url, |(origin, _)| origin)
    }

    /// A client that trusts this service and nobody else, without the environment's proxy.
    ///
    /// # Errors
    /// [`Error::Http`].
    pub fn http(&self) -> Result<Client, Error> {
        let ca = Certificate::from_pem(self.ca_pem.as_bytes())?;
        Ok(Client::builder().tls_certs_only([ca]).no_proxy().build()?)
    }

    /// A bearer token that the service takes for an hour.
    ///
    /// With `--oauth basic` it looks at audience, issuer and times, and at no signature.
    #[must_use]
    pub fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": "RS256", "typ": "JWT"}));
        let claims = part(json!({
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 3600,
        }));
        format!("{header}.{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode("unsigned"))
    }

    /// Makes a container. Its name has 3 to 63 lower-case letters, digits and hyphens, and is new in this run.
    ///
    /// # Errors
    /// [`Error::Blob`] with the service's answer, e.g. 409 when the container exists.
    pub async fn create_container(&self, name: &str, access: PublicAccess) -> Result<(), Error> {
        let request = self.request(Method::PUT, &format!("{name}?restype=container"))?;
        expect(access.on(request), StatusCode::CREATED).await
    }

    /// Changes who may read a container without signing in.
    ///
    /// # Errors
    /// [`Error::Blob`] with the service's answer.
    pub async fn set_public_access(&self, name: &str, access: PublicAccess) -> Result<(), Error> {
        // Set Container ACL is the one operation here that takes no token, only the account's key.
        let now = jiff::Timestamp::now();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&now)
            .map_err(|error| Error::Input(error.to_string()))?;
        let request = self
            .http()?
            .put(format!("{}/{name}?restype=container&comp=acl", self.base_url))
            .header("authorization", shared_key(name, access, &date)?)
            .header("x-ms-date", &date)
            .header("x-ms-version", API_VERSION);
        expect(access.on(request), StatusCode::OK).await
    }

    /// Puts a blob in place, over one that is there.
    ///
    /// # Errors
    /// [`Error::Blob`] with the service's answer.
    pub async fn put_blob(&self, container: &str, path: &str, content_type: &str, body: &str) -> Result<(), Error> {
        let request = self
            .request(Method::PUT, &format!("{container}/{path}"))?
            .header("x-ms-blob-type", "BlockBlob")
            .header("content-type", content_type)
            .body(body.to_owned());
        expect(request, StatusCode::CREATED).await
    }

    /// Deletes a blob.
    ///
    /// # Errors
    /// [`Error::Blob`] with the service's answer, e.g. 404.
    pub async fn delete_blob(&self, container: &str, path: &str) -> Result<(), Error> {
        expect(self.request(Method::DELETE, &format!("{container}/{path}"))?, StatusCode::ACCEPTED).await
    }

    /// The URL under which anybody finds a blob.
    #[must_use]
    pub fn blob_url(&self, container: &str, path: &str) -> String {
        format!("{}/{container}/{path}", self.base_url)
    }

    fn request(&self, method: Method, path_and_query: &str) -> Result<RequestBuilder, Error> {
        Ok(self
            .http()?
            .request(method, format!("{}/{path_and_query}", self.base_url))
            .bearer_auth(self.token())
            .header("x-ms-version", API_VERSION))
    }
}

const PUBLIC_ACCESS: &str = "x-ms-blob-public-access";

impl PublicAccess {
    fn header(self) -> Option<&'static str> {
        match self {
            Self::Private => None,
            Self::Blob => Some("blob"),
            Self::Container => Some("container"),
        }
    }

    fn on(self, request: RequestBuilder) -> RequestBuilder {
        match self.header() {
            None => request,
            Some(value) => request.header(PUBLIC_ACCESS, value),
        }
    }
}

/// The `Authorization` header of a Set Container ACL request without a body.
/// Source: <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>.
fn shared_key(container: &str, access: PublicAccess, date: &str) -> Result<String, Error> {
    let access = access.header().map(|value| format!("{PUBLIC_ACCESS}:{value}\n")).unwrap_or_default();
    // The standard headers of the scheme are all empty here. The account stands twice: as itself and in the path.
    let text = format!(
        "PUT{}{access}x-ms-date:{date}\nx-ms-version:{API_VERSION}\n/{ACCOUNT}/{ACCOUNT}/{container}\ncomp:acl\nrestype:container",
        "\n".repeat(12),
    );
    let key = BASE64_STANDARD.decode(ACCOUNT_KEY).map_err(|error| Error::Input(error.to_string()))?;
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    Ok(format!("SharedKey {ACCOUNT}:{}", BASE64_STANDARD.encode(signature)))
}

async fn expect(request: RequestBuilder, wanted: StatusCode) -> Result<(), Error> {
    let (client, request) = request.build_split();
    let request = request?;
    let what = format!("{} {}", request.method(), request.url());
    let response = client.execute(request).await?;
    let status = response.status();
    if status == wanted {
        return Ok(());
    }
    Err(Error::Blob { what, status, body: response.text().await? })
}

/// The origin that the service says it listens on, once it does.
fn listening(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let (_, rest) = text.split_once("successfully listens on ")?;
    // A line without its end may lack part of the port.
    rest.split_once('\n').map(|(origin, _)| origin.trim().to_owned())
}

fn node() -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join("node"))
        .find(|program| program.is_file())
        .ok_or_else(|| Error::Setup("node is not on the PATH".into()))
}
