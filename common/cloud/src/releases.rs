//! Looking up the release image of a stream at OpenShift's release service.

use std::time::{Duration, Instant};

use facts::management::SupportedVersions;
use futures::StreamExt as _;
use plan::Refusal;
use plan::release::{self, Release, Tag};
use serde::Deserialize;

use crate::http::Calls;

/// The list of a stream's releases over years is below a mebibyte.
const MAX_BYTES: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no release.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The stream does not exist, is no stream, or has no release that the operator supports.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The service could not be asked, or its answer is none.
    #[error("{address}: {why}")]
    Unanswered {
        /// What was asked.
        address: String,
        /// What came instead of an answer.
        why: String,
    },
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Vec<Tag>,
}

/// Looks up the newest release of a stream that the operator supports. `service` is the origin of the release service, as
/// [`release::service`] tells it for the stream.
///
/// # Errors
/// [`LookupError`].
pub async fn lookup(
    http: &reqwest::Client,
    calls: &Calls,
    service: &str,
    stream: &str,
    supported: Option<&SupportedVersions>,
) -> Result<Release, LookupError> {
    // What can be no stream is not asked for.
    release::service(stream)?;
    let address = format!("{}{}", service.trim_end_matches('/'), release::path(stream));
    let unanswered = |why: String| LookupError::Unanswered { address: address.clone(), why };
    let started = Instant::now();
    let answer = http.get(&address).header("accept", "application/json").timeout(TIMEOUT).send().await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    calls.note("GET", &address, status, started.elapsed(), None);
    let answer = answer.map_err(|error| unanswered(arm::error_chain(&error.without_url())))?;
    match answer.status().as_u16() {
        200 => {}
        404 => {
            return Err(Refusal::new(
                "--release-stream",
                stream,
                format!("there is no such stream at {service}"),
                "give one such as `4-stable-multi`, or `--release-image`",
            )
            .into());
        }
        status => return Err(unanswered(format!("it answers {status}"))),
    }
    let mut body = Vec::new();
    let mut stream_of_bytes = answer.bytes_stream();
    while let Some(chunk) = stream_of_bytes.next().await {
        body.extend_from_slice(&chunk.map_err(|error| unanswered(arm::error_chain(&error.without_url())))?);
        if body.len() > MAX_BYTES {
            return Err(unanswered(format!("its answer is larger than {MAX_BYTES} bytes")));
        }
    }
    let list: Tags = serde_json::from_slice(&body)
        .map_err(|error| unanswered(format!("its answer is no list of releases: {error}")))?;
    Ok(release::choose(stream, &list.tags, supported)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::http::{StatusCode, Uri};

    use super::*;

    const LIST: &str = r#"{"name":"4-stable-multi","tags":[
        {"name":"4.23.0-rc.1-multi","phase":"Accepted","pullSpec":"quay.io/r:4.23.0-rc.1-multi","downloadURL":"https://x"},
        {"name":"4.22.9-multi","phase":"Accepted","pullSpec":"quay.io/r:4.22.9-multi"},
        {"name":"4.22.10-multi","phase":"Accepted","pullSpec":"quay.io/r:4.22.10-multi"}]}"#;

    async fn serve(uri: Uri) -> (StatusCode, &'static str) {
        match uri.path() {
            "/api/v1/releasestream/4-stable-multi/tags" => (StatusCode::OK, LIST),
            "/api/v1/releasestream/page/tags" => (StatusCode::OK, "<html>"),
            "/api/v1/releasestream/moved/tags" => (StatusCode::FOUND, ""),
            "/api/v1/releasestream/down/tags" => (StatusCode::SERVICE_UNAVAILABLE, "sorry"),
            _ => (StatusCode::NOT_FOUND, "error"),
        }
    }

    #[tokio::test]
    async fn a_stream_is_looked_up_and_what_goes_wrong_is_said() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(serve)).await });
        let calls = Calls::default();
        let http = reqwest::Client::new();
        let supported = SupportedVersions { versions: vec!["4.23".into(), "4.22".into()], server_version: None };
        let ask = async |service: &str, stream: &str| lookup(&http, &calls, service, stream, Some(&supported)).await;
        let found = ask(&service, "4-stable-multi").await.unwrap();
        assert_eq!((found.version.to_string().as_str(), found.image.as_str()), ("4.22.10", "quay.io/r:4.22.10-multi"));
        assert_eq!(calls.all()[0].status, Some(200));
        for (stream, word) in [("page", "no list of releases"), ("moved", "it answers 302"), ("down", "it answers 503")]
        {
            let error = ask(&service, stream).await.unwrap_err();
            assert!(matches!(error, LookupError::Unanswered { .. }) && error.to_string().contains(word), "{error}");
        }
        for (stream, word) in [("5-gone", "there is no such stream"), ("a/../b", "not the name")] {
            let LookupError::Refused(refusal) = ask(&service, stream).await.unwrap_err() else { unreachable!() };
            assert!(refusal.flag == "--release-stream" && refusal.why.contains(word), "{refusal}");
        }
        let asked = calls.all().len();
        let error = ask("http://127.0.0.1:1", "4-stable").await.unwrap_err();
        assert!(matches!(error, LookupError::Unanswered { .. }), "{error}");
        assert_eq!((asked, calls.all().len(), calls.all()[asked].status), (5, 6, None));
    }
}
