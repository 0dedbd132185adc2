//! The issuer's side of a federated token: its discovery document, its keys, and the token's signature.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::Value;

use crate::Error;

/// How long an issuer may take for one document.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why an assertion cannot be believed.
#[derive(Debug)]
pub(crate) enum Distrust {
    /// The discovery document cannot be fetched or read.
    Discovery(String),
    /// The key set cannot be fetched or read.
    Keys(String),
    /// The key set lacks the key that signed the token.
    KeyUnknown(String),
    /// The signature is not that key's.
    Signature,
}

/// The parts of an assertion that are compared before its signature is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Assertion {
    pub issuer: String,
    pub subject: String,
    pub audiences: Vec<String>,
    pub not_before: Option<i64>,
    pub expires: Option<i64>,
    pub key_id: Option<String>,
    pub algorithm: Algorithm,
}

/// A client that trusts the platform's authorities and those in `ca_pem`, and follows no redirects.
///
/// # Errors
/// `Error::Tls` when the PEM is unreadable.
pub(crate) fn client(ca_pem: Option<&str>) -> Result<reqwest::Client, Error> {
    let tls = |error: reqwest::Error| Error::Tls(error.to_string());
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .https_only(true)
        .timeout(TIMEOUT);
    if let Some(pem) = ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(tls)?;
        // With an extra authority given, the simulator stands in a test bed: the platform's store is not
        // needed there, and may well be empty.
        builder = builder.tls_certs_only(certificates);
    }
    builder.build().map_err(tls)
}

/// Reads an assertion without verifying it; None when it is no JWT with string `iss` and `sub`.
pub(crate) fn read(token: &str) -> Option<Assertion> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let claims: Value = jsonwebtoken::dangerous::insecure_decode::<Value>(token).ok()?.claims;
    let audiences = match &claims["aud"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(|a| a.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    Some(Assertion {
        issuer: claims["iss"].as_str()?.to_owned(),
        subject: claims["sub"].as_str()?.to_owned(),
        audiences,
        not_before: claims["nbf"].as_i64(),
        expires: claims["exp"].as_i64(),
        key_id: header.kid,
        algorithm: header.alg,
    })
}

/// Fetches the issuer's documents and verifies the token's RS256 signature with them.
pub(crate) async fn verify(http: &reqwest::Client, assertion: &Assertion, token: &str) -> Result<(), Distrust> {
    let address = format!("{}/.well-known/openid-configuration", assertion.issuer.trim_end_matches('/'));
    let document: Value = fetch(http, &address).await.map_err(Distrust::Discovery)?;
    if document["issuer"].as_str() != Some(assertion.issuer.as_str()) {
        return Err(Distrust::Discovery(format!("the issuer in {address} differs from the token's")));
    }
    let keys_at =
        document["jwks_uri"].as_str().ok_or_else(|| Distrust::Discovery(format!("{address} names no jwks_uri")))?;
    let keys: JwkSet = serde_json::from_value(fetch(http, keys_at).await.map_err(Distrust::Keys)?)
        .map_err(|error| Distrust::Keys(format!("{keys_at}: {error}")))?;

    let key_id = assertion.key_id.clone().unwrap_or_default();
    let key = keys.find(&key_id).ok_or(Distrust::KeyUnknown(key_id))?;
    if assertion.algorithm != Algorithm::RS256 {
        return Err(Distrust::Signature);
    }
    let key = DecodingKey::from_jwk(key).map_err(|_| Distrust::Signature)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, &key, &validation).map_err(|_| Distrust::Signature)?;
    Ok(())
}

async fn fetch(http: &reqwest::Client, address: &str) -> Result<Value, String> {
    let failed = |error: reqwest::Error| format!("{address}: {error}");
    let response = http.get(address).send().await.map_err(failed)?;
    if response.status() != 200 {
        return Err(format!("{address}: status {}", response.status().as_u16()));
    }
    response.json().await.map_err(failed)
}
