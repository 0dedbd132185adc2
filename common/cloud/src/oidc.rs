//! Fetching an OIDC issuer's documents as Entra does: anonymously, over https, without following redirects.

use std::time::{Duration, Instant};

use facts::oidc::{Discovery, Fetch, FetchFailure, FetchStage, Jwks};
use facts::{Fact, Gap, GapKind};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use url::Url;

use crate::http::Calls;

/// What follows the issuer in the address of its discovery document.
pub const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Documents of issuers are a few hundred bytes; Entra reads no larger ones than this either.
const MAX_BYTES: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// The discovery document and the key set of an issuer.
pub type IssuerDocuments = (Fact<Fetch<Discovery>>, Fact<Fetch<Jwks>>);

/// Fetches the discovery document and the key set that it names. The key set is absent when no address of one is known.
pub async fn fetch(issuer: &str, http: &reqwest::Client, calls: &Calls) -> IssuerDocuments {
    let discovery: Fetch<Discovery> = get(&format!("{issuer}{DISCOVERY_PATH}"), http, calls).await;
    let jwks = match &discovery.document {
        Some(document) => Fact::Known(get(&document.jwks_uri, http, calls).await),
        None => {
            Fact::Unreadable(Gap::new(GapKind::Blocked, "the discovery document that names the keys could not be read"))
        }
    };
    (Fact::Known(discovery), jwks)
}

async fn get<T: DeserializeOwned>(address: &str, http: &reqwest::Client, calls: &Calls) -> Fetch<T> {
    let mut fetch = Fetch::of(address);
    let url = match Url::parse(address) {
        Ok(url) if url.scheme() == "https" && url.has_host() => url,
        Ok(_) => return failed(fetch, FetchStage::Url, "it is no https URL".into()),
        Err(error) => return failed(fetch, FetchStage::Url, error.to_string()),
    };
    match addresses(&url).await {
        Ok(found) => fetch.addresses = found,
        Err(message) => return failed(fetch, FetchStage::Dns, message),
    }
    let started = Instant::now();
    let answer = http.get(url).timeout(TIMEOUT).send().await;
    let fetch = match answer {
        Ok(response) => read(fetch, response).await,
        Err(error) => {
            let stage = stage_of(&error);
            failed(fetch, stage, arm::error_chain(&error.without_url()))
        }
    };
    let elapsed = started.elapsed();
    calls.note("GET", address, fetch.status, elapsed, None);
    Fetch { duration_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), ..fetch }
}

async fn read<T: DeserializeOwned>(mut fetch: Fetch<T>, response: reqwest::Response) -> Fetch<T> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    fetch.status = Some(response.status().as_u16());
    fetch.content_type = header("content-type");
    fetch.error_code = header("x-ms-error-code");
    fetch.redirected_to = header("location");
    let is_success = response.status().is_success();
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => body.extend_from_slice(&chunk),
            Err(error) => return failed(fetch, FetchStage::Body, arm::error_chain(&error.without_url())),
        }
        if body.len() > MAX_BYTES {
            return failed(fetch, FetchStage::Body, format!("it is larger than {MAX_BYTES} bytes"));
        }
    }
    fetch.body_bytes = body.len() as u64;
    if is_success {
        match serde_json::from_slice(&body) {
            Ok(document) => fetch.document = Some(document),
            Err(error) => fetch.malformed = Some(error.to_string()),
        }
    } else if fetch.error_code.is_none() {
        fetch.error_code = xml_error_code(&body);
    }
    fetch
}

fn failed<T>(mut fetch: Fetch<T>, stage: FetchStage, message: String) -> Fetch<T> {
    fetch.failure = Some(FetchFailure { stage, message });
    fetch
}

/// Blob storage answers errors in XML: `<Error><Code>ResourceNotFound</Code>…`.
fn xml_error_code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    (code.len() <= 80).then(|| code.to_owned())
}

async fn addresses(url: &Url) -> Result<Vec<String>, String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let found = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((host, port)))
        .await
        .map_err(|_| format!("{host}: no answer in {} s", TIMEOUT.as_secs()))?
        .map_err(|error| format!("{host}: {error}"))?;
    let mut addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

fn stage_of(error: &reqwest::Error) -> FetchStage {
    if error.is_timeout() {
        return FetchStage::Timeout;
    }
    let text = arm::error_chain(error).to_ascii_lowercase();
    if text.contains("certificate") || text.contains("tls") || text.contains("handshake") {
        FetchStage::Tls
    } else {
        FetchStage::Connect
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_url_that_cannot_work_is_not_asked() {
        let calls = Calls::default();
        for issuer in ["http://127.0.0.1:1/x", "nonsense"] {
            let (discovery, jwks) = fetch(issuer, &reqwest::Client::new(), &calls).await;
            assert_eq!(discovery.get().unwrap().failure.as_ref().unwrap().stage, FetchStage::Url, "{issuer}");
            assert_eq!(jwks.gap().unwrap().kind, GapKind::Blocked);
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_an_observation() {
        let (discovery, _) = fetch("https://127.0.0.1:1/x", &reqwest::Client::new(), &Calls::default()).await;
        let fetch = discovery.get().unwrap();
        assert_eq!(fetch.failure.as_ref().unwrap().stage, FetchStage::Connect);
        assert_eq!(fetch.addresses, ["127.0.0.1"]);
    }

    #[test]
    fn blob_errors_in_xml() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>ResourceNotFound</Code><Message>x</Message></Error>";
        assert_eq!(xml_error_code(body).as_deref(), Some("ResourceNotFound"));
        assert_eq!(xml_error_code(b"<html>"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_bytes_may_be_a_document(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(<Code>|</Code>|<|é|\\PC){0,12}") {
            let _ = serde_json::from_slice::<Discovery>(&bytes);
            let _ = serde_json::from_slice::<Jwks>(&bytes);
            let _ = xml_error_code(&bytes);
            let _ = xml_error_code(text.as_bytes());
        }

        #[test]
        fn any_json_may_be_a_document(value in crate::fuzz::json(&["issuer", "jwks_uri", "keys", "kid", "kty", "n", "e", "alg", "use"])) {
            let _ = serde_json::from_value::<Discovery>(value.clone());
            let _ = serde_json::from_value::<Jwks>(value);
        }
    }
}
