//! A client for the tests: real TLS, HTTP/2, and the simulator's own tokens.

use azure_sim::{Options, Simulator, seed};
use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

pub(crate) const SUB: &str = seed::SUBSCRIPTION;
pub(crate) const ARM: &str = "https://management.core.windows.net/";

/// A simulator and a client that trusts it.
pub(crate) struct Bed {
    pub sim: Simulator,
    pub http: Client,
    pub token: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Got {
    /// The error code in ARM's envelope, or bare.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().or_else(|| self.body["code"].as_str()).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

pub(crate) fn client(ca_pem: &str) -> Client {
    Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(ca_pem.as_bytes()).unwrap()])
        .no_proxy()
        .build()
        .unwrap()
}

impl Bed {
    pub async fn new(options: Options) -> Self {
        let sim = Simulator::start(options).await.unwrap();
        let http = client(sim.ca_pem());
        let token = sim.token(seed::CLIENT_ID, ARM, 3600).unwrap();
        Self { sim, http, token }
    }

    pub async fn plain() -> Self {
        Self::new(Options::default()).await
    }

    /// A simulator that holds one empty resource group `rg` in eastus.
    pub async fn with_group() -> Self {
        let bed = Self::plain().await;
        bed.sim.put_resource(json!({"id": group("rg"), "location": "eastus"})).unwrap();
        bed
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Got {
        self.send_as(&self.token, method, path, body).await
    }

    pub async fn send_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Got {
        let url = if path.starts_with("https://") { path.to_owned() } else { format!("{}{path}", self.sim.url()) };
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Got { status, headers, body }
    }

    pub async fn get(&self, path: &str) -> Got {
        self.send("GET", path, None).await
    }

    /// A PUT that waits for its operation and gives the first answer.
    pub async fn put(&self, path: &str, body: Value) -> Got {
        let got = self.send("PUT", path, Some(body)).await;
        self.wait(&got).await;
        got
    }

    /// Polls an announced operation to its end and gives its status document.
    pub async fn wait(&self, got: &Got) -> Value {
        let Some(link) = got.header("azure-asyncoperation").or_else(|| got.header("location")).map(str::to_owned)
        else {
            return Value::Null;
        };
        for _ in 0..1000 {
            let poll = self.get(&link).await;
            if poll.status != 202 && poll.body["status"] != "InProgress" {
                return poll.body;
            }
        }
        panic!("{link} never ends");
    }
}

/// The id of a group in the simulated subscription.
pub(crate) fn group(name: &str) -> String {
    format!("/subscriptions/{SUB}/resourceGroups/{name}")
}

/// The id of a resource in group `rg`.
pub(crate) fn id(rest: &str) -> String {
    format!("{}/providers/{rest}", group("rg"))
}

/// The path of a resource in group `rg` with an api-version that its namespace knows.
pub(crate) fn path(rest: &str) -> String {
    format!("{}?api-version={}", id(rest), version(rest))
}

pub(crate) fn version(rest: &str) -> &'static str {
    let lower = rest.to_lowercase();
    if lower.contains("privatednszones") {
        "2024-06-01"
    } else if lower.contains("dnszones") {
        "2018-05-01"
    } else if lower.starts_with("microsoft.network") {
        "2024-03-01"
    } else if lower.starts_with("microsoft.managedidentity") {
        "2023-01-31"
    } else if lower.starts_with("microsoft.storage") {
        "2024-01-01"
    } else if lower.contains("/locks") {
        "2020-05-01"
    } else if lower.contains("microsoft.authorization") {
        "2022-04-01"
    } else {
        "2024-07-01"
    }
}
