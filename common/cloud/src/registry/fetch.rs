//! One document of a registry: asked for, signed in where asked to, followed where it is kept elsewhere, held to its digest.

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use futures::StreamExt as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::RegistryError;
use super::auth::{Challenge, Credentials};
use super::reference::{Reference, is_digest};
use crate::http::Calls;

/// The largest manifest that is read, in bytes: registries take none beyond it.
pub(super) const MAX_MANIFEST: usize = 4 << 20;
/// The largest configuration that is read, in bytes: those of releases have a few kibibytes.
pub(super) const MAX_CONFIG: usize = 8 << 20;
/// The largest answer of a token service that is read, in bytes.
const MAX_TOKEN: usize = 1 << 20;
/// How often one document is followed to another address.
const MAX_HOPS: usize = 3;
const TIMEOUT: Duration = Duration::from_secs(20);

/// Asks for documents of one repository.
pub(super) struct Fetch<'a> {
    http: &'a reqwest::Client,
    calls: &'a Calls,
    reference: &'a Reference,
    credentials: Option<Credentials>,
    authorization: Option<SecretString>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<SecretString>,
    #[serde(default)]
    access_token: Option<SecretString>,
}

impl<'a> Fetch<'a> {
    pub fn new(
        http: &'a reqwest::Client,
        calls: &'a Calls,
        reference: &'a Reference,
        credentials: Option<Credentials>,
    ) -> Self {
        Self { http, calls, reference, credentials, authorization: None }
    }

    /// A JSON document of the repository, below its path, held to its digest if it has one.
    pub async fn json<T: DeserializeOwned>(
        &mut self,
        below: &str,
        accept: &str,
        wanted: Option<&str>,
        most: usize,
    ) -> Result<T, RegistryError> {
        let address = format!("https://{}/v2/{}/{below}", self.reference.host, self.reference.repository);
        let unanswered = |why: String| RegistryError::Unanswered { address: address.clone(), why };
        if wanted.is_some_and(|digest| !is_digest(digest)) {
            return Err(unanswered("its digest is none of sha256".to_owned()));
        }
        let mut answer = self.get(&address, accept, self.authorization.as_ref()).await?;
        if answer.status().as_u16() == 401 && self.authorization.is_none() {
            self.authorization = Some(self.sign_in(&address, &answer).await?);
            answer = self.get(&address, accept, self.authorization.as_ref()).await?;
        }
        let mut hops = 0;
        // Blobs are kept elsewhere, where our token has no business.
        while answer.status().is_redirection() {
            hops += 1;
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let to = to.and_then(|to| answer.url().join(to).ok()).filter(|to| to.scheme() == "https");
            let (Some(to), true) = (to, hops <= MAX_HOPS) else {
                return Err(unanswered("it leads nowhere that may be followed".to_owned()));
            };
            let same = Url::parse(&address).is_ok_and(|own| own.origin() == to.origin());
            answer = self.get(to.as_str(), accept, self.authorization.as_ref().filter(|_| same)).await?;
        }
        match answer.status().as_u16() {
            200 => {}
            status @ (401 | 403) => return Err(self.refused(address, status)),
            404 => return Err(RegistryError::Missing { address }),
            status => return Err(unanswered(format!("it answers {status}"))),
        }
        let body = body(answer, most).await.map_err(&unanswered)?;
        if let Some(wanted) = wanted
            && wanted != format!("sha256:{}", hex(digest(&SHA256, &body).as_ref()))
        {
            return Err(unanswered("what it gives has another digest".to_owned()));
        }
        serde_json::from_slice(&body).map_err(|error| unanswered(format!("no such document: {error}")))
    }

    fn refused(&self, address: String, status: u16) -> RegistryError {
        RegistryError::Refused { address, status, with_credentials: self.credentials.is_some() }
    }

    /// What to send as `Authorization`, as the registry asks for it.
    async fn sign_in(&self, address: &str, answer: &reqwest::Response) -> Result<SecretString, RegistryError> {
        let unanswered = |why: String| RegistryError::Unanswered { address: address.to_owned(), why };
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
        let challenge = challenges.iter().find_map(|header| Challenge::parse(header.to_str().ok()?));
        let (realm, service) = match challenge {
            None => return Err(unanswered("it asks to sign in (401) and does not say how".to_owned())),
            Some(Challenge::Basic) => {
                return self
                    .credentials
                    .as_ref()
                    .map(Credentials::basic)
                    .ok_or_else(|| self.refused(address.to_owned(), 401));
            }
            Some(Challenge::Bearer { realm, service }) => (realm, service),
        };
        let realm = Url::parse(&realm)
            .ok()
            .filter(|realm| realm.scheme() == "https" && realm.username().is_empty() && realm.password().is_none());
        let Some(mut realm) = realm else {
            return Err(unanswered("its token service has no https address".to_owned()));
        };
        if let Some(service) = &service {
            realm.query_pairs_mut().append_pair("service", service);
        }
        let scope = format!("repository:{}:pull", self.reference.repository);
        realm.query_pairs_mut().append_pair("scope", &scope);
        let basic = self.credentials.as_ref().map(Credentials::basic);
        let answer = self.get(realm.as_str(), "application/json", basic.as_ref()).await?;
        let unanswered = |why: String| RegistryError::Unanswered { address: shown(&realm), why };
        match answer.status().as_u16() {
            200 => {}
            status @ (401 | 403) => return Err(self.refused(shown(&realm), status)),
            status => return Err(unanswered(format!("it answers {status}"))),
        }
        let body = zeroize::Zeroizing::new(body(answer, MAX_TOKEN).await.map_err(unanswered)?);
        // The parser's message might quote what it stumbled over.
        let token: Option<Token> = serde_json::from_slice(&body).ok();
        let token = token.and_then(|token| token.token.or(token.access_token));
        let token = token.ok_or_else(|| unanswered("its answer is no token".to_owned()))?;
        Ok(SecretString::from(format!("Bearer {}", token.expose_secret())))
    }

    async fn get(
        &self,
        address: &str,
        accept: &str,
        authorization: Option<&SecretString>,
    ) -> Result<reqwest::Response, RegistryError> {
        let shown = Url::parse(address).map_or_else(|_| address.to_owned(), |url| shown(&url));
        let unanswered = |why: String| RegistryError::Unanswered { address: shown.clone(), why };
        let mut request = self.http.get(address).header(ACCEPT, accept).timeout(TIMEOUT);
        if let Some(value) = authorization {
            let mut value = HeaderValue::from_str(value.expose_secret())
                .map_err(|_| unanswered("what is to be sent to it is no header".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let started = Instant::now();
        let answer = request.send().await;
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        self.calls.note("GET", &shown, status, started.elapsed(), None);
        answer.map_err(|error| unanswered(arm::error_chain(&error.without_url())))
    }
}

/// An address as it may be shown, without its query: that of a blob elsewhere is signed.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    // Fails only for addresses that can hold neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

async fn body(answer: reqwest::Response, most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.map_err(|error| arm::error_chain(&error.without_url()))?);
        if bytes.len() > most {
            return Err(format!("its answer is larger than {most} bytes"));
        }
    }
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
