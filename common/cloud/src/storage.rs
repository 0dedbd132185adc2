//! Blobs: read and written with an Entra token, or with the account's key where the token's owner has no role for data.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arm::{Arm, ArmId};
use aws_lc_rs::hmac;
use azure_core::credentials::TokenCredential;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plan::change::Blob;
use plan::oidc::BlobSeen;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::http::Calls;

/// What tokens for blobs are asked for; the same in every cloud.
const SCOPE: &str = "https://storage.azure.com/.default";

/// The version of the blob service's API that requests name.
const VERSION: &str = "2023-11-03";

/// The largest blob that is read, in bytes: an issuer's documents are a few thousand.
const MAX_BYTES: usize = 1 << 20;

/// Blob storage, as one principal.
pub struct Storage {
    http: reqwest::Client,
    calls: Calls,
    credential: Arc<dyn TokenCredential>,
    arm: Arm,
    who: Option<String>,
    /// The key of an account whose data the token may not touch, with the account's id.
    key: Mutex<Option<(String, SecretString)>>,
}

/// A failed call to blob storage. Holds no secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{} {}: {}", .0.method, .0.url, .0.message)]
pub struct StorageError(Box<Failure>);

#[derive(Debug, Clone)]
struct Failure {
    problem: Problem,
    method: &'static str,
    url: String,
    status: Option<u16>,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    account: String,
    who: Option<String>,
}

/// The sorts of failure that callers treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// No connection, or no name.
    Unreachable,
    /// The container or account is not there.
    Missing,
    /// The blob is not what it was when it was read.
    Changed,
    /// Neither the token nor the account's key gives access.
    Denied,
    /// No token could be had, nor the account's key.
    NoAccess,
    /// Too many requests, or the service failed.
    Busy,
    /// Refused for another reason.
    Refused,
}

/// How a request proves who sends it.
enum Proof<'a> {
    Nothing,
    Token(String),
    Key(&'a SecretString),
}

impl Storage {
    pub(crate) fn new(
        http: reqwest::Client,
        calls: Calls,
        credential: Arc<dyn TokenCredential>,
        arm: Arm,
        who: Option<String>,
    ) -> Self {
        Self { http, calls, credential, arm, who, key: Mutex::default() }
    }

    /// The client that asks as nobody, with the record of its calls.
    pub(crate) fn anonymous(&self) -> (&reqwest::Client, &Calls) {
        (&self.http, &self.calls)
    }

    /// Reads a blob as anybody may. None when there is no such blob.
    ///
    /// # Errors
    /// [`StorageError`], also when not everybody may read it.
    pub async fn get_publicly(&self, account: &facts::ArmId, url: &str) -> Result<Option<BlobSeen>, StorageError> {
        let call = Request { storage: self, account, method: Method::GET, url: parsed(url, account)?, blob: None };
        call.read(call.send(&Proof::Nothing).await?).await
    }

    /// Reads a blob. None when there is no such blob or container.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn get(&self, account: &facts::ArmId, url: &str) -> Result<Option<BlobSeen>, StorageError> {
        let call = Request { storage: self, account, method: Method::GET, url: parsed(url, account)?, blob: None };
        match self.authorized(&call).await {
            Ok(response) => call.read(response).await,
            Err(error) if error.problem() == Problem::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names of a container's blobs, at most a few more than `most`. None when there is no such container.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn names(
        &self,
        account: &facts::ArmId,
        container: &str,
        most: usize,
    ) -> Result<Option<Vec<String>>, StorageError> {
        let mut names = Vec::new();
        let mut marker = String::new();
        loop {
            let mut url = parsed(container, account)?;
            url.query_pairs_mut().append_pair("comp", "list").append_pair("restype", "container");
            if !marker.is_empty() {
                url.query_pairs_mut().append_pair("marker", &marker);
            }
            let call = Request { storage: self, account, method: Method::GET, url, blob: None };
            // What everybody may list takes no role.
            let response = match call.checked(&Proof::Nothing).await {
                Ok(response) => response,
                Err(_) => match self.authorized(&call).await {
                    Err(error) if error.problem() == Problem::Missing => return Ok(None),
                    answer => answer?,
                },
            };
            let broken =
                |error: reqwest::Error| call.failed(Problem::Unreachable, arm::error_chain(&error.without_url()));
            let body = response.text().await.map_err(broken)?;
            if !body.contains("<EnumerationResults") {
                return Err(call.failed(Problem::Refused, "the answer is no list of blobs".to_owned()));
            }
            names.extend(body.split("<Blob>").skip(1).filter_map(|blob| between(blob, "<Name>", "</Name>")));
            marker = between(&body, "<NextMarker>", "</NextMarker>").unwrap_or_default();
            if marker.is_empty() || names.len() > most {
                return Ok(Some(names));
            }
        }
    }

    /// Writes a blob, if it still is what it was when it was read.
    ///
    /// # Errors
    /// [`StorageError`]; [`Problem::Changed`] when it is not.
    pub async fn put(&self, blob: &Blob) -> Result<(), StorageError> {
        let url = parsed(&blob.url, &blob.account)?;
        let call = Request { storage: self, account: &blob.account, method: Method::PUT, url, blob: Some(blob) };
        self.authorized(&call).await.map(drop)
    }

    /// With a token; with the account's key where the token is not enough and keys may be used.
    async fn authorized(&self, call: &Request<'_>) -> Result<reqwest::Response, StorageError> {
        if let Some(key) = self.kept_key(call.account) {
            return call.checked(&Proof::Key(&key)).await;
        }
        let refused = match self.credential.get_token(&[SCOPE], None).await {
            Ok(token) => match call.checked(&Proof::Token(token.token.secret().to_owned())).await {
                Err(error) if error.problem() == Problem::Denied => error,
                other => return other,
            },
            Err(error) => {
                let message = facts::redact::text(&arm::error_chain(&error));
                call.failed(Problem::NoAccess, format!("no token for blobs: {message}"))
            }
        };
        let Some(key) = self.account_key(call.account).await else { return Err(refused) };
        match call.checked(&Proof::Key(&key)).await {
            // The account takes no keys: what is missing is the role.
            Err(error) if error.problem() == Problem::Denied => Err(refused),
            other => {
                let kept = Some((call.account.key(), key));
                *self.key.lock().unwrap_or_else(PoisonError::into_inner) = kept;
                other
            }
        }
    }

    fn kept_key(&self, account: &facts::ArmId) -> Option<SecretString> {
        let kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(own, _)| *own == account.key()).map(|(_, key)| key.clone())
    }

    /// The account's first key, where Resource Manager gives it to us.
    async fn account_key(&self, account: &facts::ArmId) -> Option<SecretString> {
        let id = ArmId::parse(account.as_str()).ok()?;
        let listed = self.arm.post(&id, "listKeys", plan::oidc::STORAGE, &()).await.ok()?.done().await.ok()?;
        listed["keys"][0]["value"].as_str().map(SecretString::from)
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("who", &self.who).finish_non_exhaustive()
    }
}

/// One request.
struct Request<'a> {
    storage: &'a Storage,
    account: &'a facts::ArmId,
    method: Method,
    url: Url,
    blob: Option<&'a Blob>,
}

impl Request<'_> {
    /// Sends it, and takes a refusal for the failure that it is.
    async fn checked(&self, proof: &Proof<'_>) -> Result<reqwest::Response, StorageError> {
        let response = self.send(proof).await?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    async fn send(&self, proof: &Proof<'_>) -> Result<reqwest::Response, StorageError> {
        let mut headers = vec![("x-ms-version", VERSION.to_owned())];
        let mut body = String::new();
        if let Some(blob) = self.blob {
            headers.push(("x-ms-blob-type", "BlockBlob".to_owned()));
            headers.push(("x-ms-blob-content-type", blob.content_type.to_owned()));
            match &blob.replaces {
                Some(etag) => headers.push(("if-match", etag.clone())),
                None => headers.push(("if-none-match", "*".to_owned())),
            }
            headers.push(("content-type", blob.content_type.to_owned()));
            body.clone_from(&blob.body);
        }
        match proof {
            Proof::Nothing => {}
            Proof::Token(token) => headers.push(("authorization", format!("Bearer {token}"))),
            Proof::Key(key) => {
                let now = jiff::fmt::rfc2822::DateTimePrinter::new()
                    .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
                    .map_err(|error| self.failed(Problem::Refused, error.to_string()))?;
                headers.push(("x-ms-date", now));
                let name = self.account.name().unwrap_or_default();
                let signed = shared_key(name, key, &self.method, &self.url, &headers, body.len())
                    .ok_or_else(|| self.failed(Problem::Refused, "the account's key is not base64".to_owned()))?;
                headers.push(("authorization", signed));
            }
        }
        let mut request = self.storage.http.request(self.method.clone(), self.url.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if self.blob.is_some() {
            request = request.body(body);
        }
        let begun = Instant::now();
        let answer = request.send().await;
        let (status, id) = match &answer {
            Ok(response) => (Some(response.status().as_u16()), header(response, "x-ms-request-id")),
            Err(_) => (None, None),
        };
        self.storage.calls.note(self.method.as_str(), self.url.as_str(), status, begun.elapsed(), id);
        answer.map_err(|error| self.failed(Problem::Unreachable, arm::error_chain(&error.without_url())))
    }

    /// The blob in an answer.
    async fn read(&self, response: reqwest::Response) -> Result<Option<BlobSeen>, StorageError> {
        if !response.status().is_success() {
            let error = self.refusal(response).await;
            // Of a private container nobody is told whether a blob is there.
            let absent = error.0.code.as_deref() == Some("BlobNotFound");
            return if absent { Ok(None) } else { Err(error) };
        }
        let content_type = header(&response, "content-type");
        let etag = header(&response, "etag").unwrap_or_else(|| "*".to_owned());
        let too_large = || self.failed(Problem::Refused, format!("the blob is larger than {MAX_BYTES} bytes"));
        if response.content_length().is_some_and(|length| length > MAX_BYTES as u64) {
            return Err(too_large());
        }
        let broken = |error: reqwest::Error| self.failed(Problem::Unreachable, arm::error_chain(&error.without_url()));
        let bytes = response.bytes().await.map_err(broken)?;
        if bytes.len() > MAX_BYTES {
            return Err(too_large());
        }
        Ok(Some(BlobSeen { text: String::from_utf8_lossy(&bytes).into_owned(), content_type, etag }))
    }

    async fn refusal(&self, response: reqwest::Response) -> StorageError {
        let status = response.status().as_u16();
        let request_id = header(&response, "x-ms-request-id");
        let in_header = header(&response, "x-ms-error-code");
        let body = response.text().await.unwrap_or_default();
        let code = in_header.or_else(|| between(&body, "<Code>", "</Code>"));
        let message = between(&body, "<Message>", "</Message>");
        // The service repeats its request id and time behind the first line.
        let message = message.and_then(|text| text.lines().next().map(str::to_owned));
        let problem = match (status, code.as_deref().unwrap_or_default()) {
            (409 | 412, "BlobAlreadyExists" | "ConditionNotMet" | "TargetConditionNotMet") => Problem::Changed,
            (409, "ContainerBeingDeleted") | (404, _) => Problem::Missing,
            (401 | 403, _) => Problem::Denied,
            (429 | 500.., _) => Problem::Busy,
            _ => Problem::Refused,
        };
        let mut error = self.failed(problem, message.unwrap_or_else(|| "the service gives no reason".to_owned()));
        (error.0.status, error.0.code, error.0.request_id) = (Some(status), code, request_id);
        error
    }

    fn failed(&self, problem: Problem, message: String) -> StorageError {
        StorageError(Box::new(Failure {
            problem,
            method: if self.blob.is_some() { "PUT" } else { "GET" },
            url: self.url.to_string(),
            status: None,
            code: None,
            message,
            request_id: None,
            account: self.account.to_string(),
            who: self.storage.who.clone(),
        }))
    }
}

impl StorageError {
    /// What sort of failure it is.
    pub fn problem(&self) -> Problem {
        self.0.problem
    }

    /// The address that was asked.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The service's status, code and message, and in a second line what Azure's support asks for.
    pub fn why(&self) -> String {
        let status = self.0.status.map(|status| status.to_string());
        let head: Vec<String> = [status, self.0.code.clone()].into_iter().flatten().collect();
        let mut text =
            if head.is_empty() { self.0.message.clone() } else { format!("{}: {}", head.join(" "), self.0.message) };
        if let Some(id) = &self.0.request_id {
            text.push_str(&format!("\nrequest id {id}"));
        }
        facts::redact::text(&text)
    }

    /// The one action that helps, where the failure tells it.
    pub fn hint(&self) -> Option<String> {
        match self.0.problem {
            Problem::Denied | Problem::NoAccess => Some(format!(
                "have somebody permit writing blobs, for the account's keys may not be used either: `az role assignment create --assignee {} --role \"Storage Blob Data Contributor\" --scope {}`; it takes up to 10 minutes to be known",
                self.0.who.as_deref().unwrap_or("<you>"),
                self.0.account
            )),
            Problem::Changed => {
                Some("somebody else has written it meanwhile: run the same command again to see what is there".into())
            }
            Problem::Unreachable => Some("check that this machine reaches the storage account".into()),
            Problem::Missing | Problem::Busy | Problem::Refused => None,
        }
    }
}

fn parsed(url: &str, account: &facts::ArmId) -> Result<Url, StorageError> {
    Url::parse(url).ok().filter(|url| url.scheme() == "https").ok_or_else(|| {
        StorageError(Box::new(Failure {
            problem: Problem::Refused,
            method: "GET",
            url: url.to_owned(),
            status: None,
            code: None,
            message: "it is no https address".to_owned(),
            request_id: None,
            account: account.to_string(),
            who: None,
        }))
    })
}

fn header(response: &reqwest::Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner.to_owned())
}

/// The `Authorization` header of the Shared Key scheme; none when the key is not base64.
/// Source: <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key>.
fn shared_key(
    account: &str,
    key: &SecretString,
    method: &Method,
    url: &Url,
    headers: &[(&str, String)],
    length: usize,
) -> Option<String> {
    let key = zeroize::Zeroizing::new(STANDARD.decode(key.expose_secret()).ok()?);
    let value = |name: &str| headers.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value.as_str());
    let length = if length == 0 { String::new() } else { length.to_string() };
    let standard = [
        method.as_str(),
        "",
        "",
        &length,
        "",
        value("content-type"),
        "",
        "",
        value("if-match"),
        value("if-none-match"),
        "",
        "",
    ];
    let mut own: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    own.sort();
    let mut asked: Vec<String> = url.query_pairs().map(|(name, value)| format!("\n{name}:{value}")).collect();
    asked.sort();
    let text = format!("{}\n{}/{account}{}{}", standard.join("\n"), own.concat(), url.path(), asked.concat());
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    Some(format!("SharedKey {account}:{}", STANDARD.encode(signature)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_string_to_sign_is_that_of_the_scheme() {
        let url = Url::parse("https://acct.blob.core.windows.net/c/openid/v1/jwks").unwrap();
        let headers = [
            ("x-ms-version", VERSION.to_owned()),
            ("x-ms-blob-type", "BlockBlob".to_owned()),
            ("if-none-match", "*".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("x-ms-date", "Fri, 01 Jan 2027 00:00:00 GMT".to_owned()),
        ];
        let key = SecretString::from("a2V5");
        let header = shared_key("acct", &key, &Method::PUT, &url, &headers, 2).unwrap();
        let text = "PUT\n\n\n2\n\napplication/json\n\n\n\n*\n\n\nx-ms-blob-type:BlockBlob\nx-ms-date:Fri, 01 Jan 2027 00:00:00 GMT\nx-ms-version:2023-11-03\n/acct/c/openid/v1/jwks";
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"key"), text.as_bytes());
        assert_eq!(header, format!("SharedKey acct:{}", STANDARD.encode(expected)));
        assert!(shared_key("acct", &SecretString::from("?"), &Method::PUT, &url, &headers, 2).is_none());
    }
}
