//! Facts about the OpenID Connect issuer that Entra trusts.

use serde::{Deserialize, Serialize};

use crate::{ArmId, Fact};

/// What the issuer serves, what stands behind it, and the key that must match.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Oidc {
    /// The answer to `GET <issuer>/.well-known/openid-configuration`, asked without credentials and without following redirects.
    pub discovery: Fact<Fetch<Discovery>>,
    /// The answer to a GET of the document's `jwks_uri`.
    pub jwks: Fact<Fetch<Jwks>>,
    /// The storage account behind a blob issuer; absent when the issuer is not a blob URL or no such account is in the subscription.
    pub storage: Fact<IssuerStorage>,
    /// The public half of the service account signing key.
    pub signing_key: Fact<PublicKey>,
    /// Why the Secret of the signing key is none that HyperShift can use, where it was read and is none.
    #[serde(default)]
    pub signing_key_problem: Option<KeyProblem>,
}

/// What is wrong with the Secret of a signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyProblem {
    /// Where it was read: `Secret <namespace>/<name>`.
    pub source: String,
    /// What is wrong, without key material.
    pub why: String,
    /// Whether there is a private key in another form than HyperShift reads: PKCS#8 instead of PKCS#1.
    #[serde(default)]
    pub other_form: bool,
}

/// One anonymous HTTPS GET. A refusal by the server is an observation, not a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>"))]
pub struct Fetch<T> {
    /// What was asked.
    pub url: String,
    /// The addresses that its host name has from where the collection ran.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// The HTTP status; none when no HTTP answer came.
    pub status: Option<u16>,
    /// Why no HTTP answer came.
    #[serde(default)]
    pub failure: Option<FetchFailure>,
    /// Where a redirect pointed.
    #[serde(default)]
    pub redirected_to: Option<String>,
    /// The service's own error code (`x-ms-error-code` for blobs).
    #[serde(default)]
    pub error_code: Option<String>,
    /// The content type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// The size of the body in bytes.
    #[serde(default)]
    pub body_bytes: u64,
    /// The time the answer took, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// The document, when the body is one.
    #[serde(default)]
    pub document: Option<T>,
    /// Why the body is no such document.
    #[serde(default)]
    pub malformed: Option<String>,
}

impl<T> Fetch<T> {
    /// One of which nothing is known but what is asked.
    pub fn of(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            addresses: Vec::new(),
            status: None,
            failure: None,
            redirected_to: None,
            error_code: None,
            content_type: None,
            body_bytes: 0,
            duration_ms: 0,
            document: None,
            malformed: None,
        }
    }
}

/// Why a GET brought no HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FetchFailure {
    /// The stage that failed.
    pub stage: FetchStage,
    /// What the system said.
    pub message: String,
}

/// The stage of a GET that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FetchStage {
    /// The URL itself is not usable (no https, no host, a query).
    Url,
    /// The host name does not resolve.
    Dns,
    /// No TCP connection.
    Connect,
    /// The certificate or the handshake.
    Tls,
    /// No answer in time.
    Timeout,
    /// The answer broke off or grew too large.
    Body,
}

/// The parts of a discovery document that matter. <https://openid.net/specs/openid-connect-discovery-1_0.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// `issuer`, byte for byte.
    pub issuer: String,
    /// `jwks_uri`.
    pub jwks_uri: String,
    /// `id_token_signing_alg_values_supported`.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
}

/// A JSON Web Key Set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// Its keys.
    pub keys: Vec<Jwk>,
}

/// A JSON Web Key. Private members of a carelessly published key are never read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key id.
    #[serde(default)]
    pub kid: Option<String>,
    /// Key type: `RSA`.
    pub kty: String,
    /// Algorithm: `RS256`.
    #[serde(default)]
    pub alg: Option<String>,
    /// Use: `sig`.
    #[serde(default, rename = "use")]
    pub usage: Option<String>,
    /// RSA modulus, base64url.
    #[serde(default)]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(default)]
    pub e: Option<String>,
}

/// The public half of an RSA key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicKey {
    /// base64url(SHA-256(DER SubjectPublicKeyInfo)), the `kid` that Kubernetes puts into tokens.
    pub kid: String,
    /// Modulus, base64url without padding.
    pub n: String,
    /// Exponent, base64url without padding.
    pub e: String,
    /// Modulus length in bits.
    pub bits: u32,
    /// Where the key was read: a file path or `Secret <namespace>/<name>`.
    pub source: String,
}

/// The storage account and container behind a blob issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuerStorage {
    /// The ARM id of the account.
    pub account_id: ArmId,
    /// `allowBlobPublicAccess`; `None` where ARM does not say (old accounts: allowed).
    pub allow_blob_public_access: Option<bool>,
    /// `publicNetworkAccess`: `Enabled`, `Disabled` or `SecuredByPerimeter`.
    pub public_network_access: Option<String>,
    /// `networkAcls.defaultAction`: `Allow` or `Deny`.
    pub default_action: Option<String>,
    /// `allowSharedKeyAccess`; `None` means allowed.
    pub allow_shared_key_access: Option<bool>,
    /// The name of the container, from the issuer's path.
    pub container: String,
    /// Its `publicAccess`: `None`, `Blob` or `Container`; absent when there is no such container.
    #[serde(default)]
    pub container_public_access: Fact<String>,
}
