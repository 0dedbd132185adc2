//! Tests of the client as a whole, over a fake transport, and over TLS on loopback where it matters.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod dns;
mod examples;
mod fuzz;
mod operations;
mod paging;
mod quota;
mod read_ahead;
mod reads;
mod retries;
mod tls;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{AUTHORIZATION, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, StatusCode};
use azure_core::time::OffsetDateTime;
use tokio::time::Instant;
use url::Url;

use crate::{Arm, ArmOptions};

const ENDPOINT: &str = "https://arm.example/";
const TOKEN: &str = "eyJ0-the-bearer-value";

/// What the fake transport was asked for.
#[derive(Debug, Clone)]
struct Asked {
    method: String,
    path: String,
    authorization: Option<String>,
    user_agent: Option<String>,
    body: String,
    at: Instant,
}

/// What the fake transport answers.
#[derive(Debug, Clone)]
enum Answer {
    Reply { status: u16, headers: Vec<(&'static str, String)>, body: String, after: Duration },
    Broken(fn() -> Error),
}

fn reply(status: u16, body: impl Into<String>) -> Answer {
    Answer::Reply {
        status,
        headers: vec![("x-ms-request-id", "req-1".to_owned())],
        body: body.into(),
        after: Duration::ZERO,
    }
}

impl Answer {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    fn bare(mut self) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.clear();
        }
        self
    }

    fn late(mut self, by: Duration) -> Self {
        if let Self::Reply { after, .. } = &mut self {
            *after = by;
        }
        self
    }
}

fn refused_connection() -> Error {
    Error::with_error(ErrorKind::Connection, io::Error::from(io::ErrorKind::ConnectionRefused), "failed to connect")
}

type Script = dyn Fn(&Asked, usize) -> Answer + Send + Sync;

/// A transport that answers from a function of the request and its number (from 0).
struct Fake {
    asked: Mutex<Vec<Asked>>,
    script: Box<Script>,
}

impl Fake {
    fn new(script: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { asked: Mutex::default(), script: Box::new(script) })
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

#[async_trait::async_trait]
impl HttpClient for Fake {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = match request.body() {
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Body::SeekableStream(_) => "stream".to_owned(),
        };
        let asked = Asked {
            method: request.method().to_string(),
            path: request.path_and_query(),
            authorization: request.headers().get_optional_string(&AUTHORIZATION),
            user_agent: request.headers().get_optional_string(&azure_core::http::headers::USER_AGENT),
            body,
            at: Instant::now(),
        };
        let number = {
            let mut all = self.asked.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        match (self.script)(&asked, number) {
            Answer::Broken(error) => Err(error()),
            Answer::Reply { status, headers, body, after } => {
                tokio::time::sleep(after).await;
                let mut sent = Headers::new();
                for (name, value) in headers {
                    sent.insert(name, value);
                }
                Ok(AsyncRawResponse::from_bytes(StatusCode::from(status), sent, body))
            }
        }
    }
}

/// A credential that always has the same token, or never one; counts how often it is asked.
#[derive(Debug, Default)]
struct Fixed {
    refusal: Option<&'static str>,
    asked: Mutex<u32>,
}

#[async_trait::async_trait]
impl TokenCredential for Fixed {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        *self.asked.lock().unwrap() += 1;
        match self.refusal {
            Some(message) => Err(Error::with_message(ErrorKind::Credential, message)),
            None => Ok(AccessToken::new(TOKEN, OffsetDateTime::now_utc() + Duration::from_secs(3600))),
        }
    }
}

fn options() -> ArmOptions {
    let endpoint = Url::parse(ENDPOINT).unwrap();
    ArmOptions::new(endpoint, "https://arm.example/.default", Arc::new(Fixed::default()), reqwest::Client::new())
}

fn arm(fake: &Arc<Fake>) -> Arm {
    Arm::over(options(), Arc::clone(fake) as Arc<dyn HttpClient>).unwrap()
}

fn group(name: &str) -> String {
    format!(
        r#"{{"id":"/subscriptions/s1/resourceGroups/{name}","name":"{name}","location":"westeurope","properties":{{"provisioningState":"Succeeded"}}}}"#
    )
}
