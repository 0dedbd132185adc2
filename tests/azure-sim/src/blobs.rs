//! The data plane behind storage accounts: containers that Resource Manager makes come into being in a real blob service.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Error,
    errors::Refusal,
    http::{Call, Reply},
};

/// The blob service's API version that requests name.
const VERSION: &str = "2023-11-03";

/// An Azurite: the one account that it knows, and how to speak to it.
#[derive(Debug, Clone)]
pub struct BlobBackend {
    /// Its account.
    pub account: String,
    /// The account's key, base64.
    pub key: String,
    /// PEM of the authority that vouches for its certificate.
    pub ca_pem: String,
}

/// A blob service that follows what Resource Manager does.
pub(crate) struct Blobs {
    base: String,
    account: String,
    key: String,
    http: reqwest::Client,
}

impl Blobs {
    /// A client of the service at this base address.
    ///
    /// # Errors
    /// `Error::Tls` when the PEM is unreadable.
    pub fn new((base, backend): (String, BlobBackend)) -> Result<Self, Error> {
        let http = crate::oidc::client(Some(&backend.ca_pem))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), account: backend.account, key: backend.key, http })
    }

    /// Does to the service's account what a request that Resource Manager took asks for, and corrects the answer.
    pub async fn follow(&self, call: &Call, reply: Reply) -> Reply {
        if !(200..300).contains(&reply.status) {
            return reply;
        }
        let lower: Vec<String> = call.segments().iter().map(|part| part.to_lowercase()).collect();
        let parts: Vec<&str> = lower.iter().map(String::as_str).collect();
        let Some(at) = parts.iter().position(|part| *part == "storageaccounts") else { return reply };
        if parts.get(at + 1) != Some(&self.account.as_str()) {
            return reply;
        }
        match (call.method.as_str(), &parts[at + 2..]) {
            ("POST", ["listkeys"]) => self.with_key(reply),
            ("PUT", ["blobservices", "default", "containers", container]) => {
                let access = reply.body.as_ref().map_or("None", |body| access_of(body)).to_lowercase();
                self.make(container, &access).await.map_or_else(failed, |()| reply)
            }
            ("DELETE", ["blobservices", "default", "containers", container]) => {
                let sent = self.send(Method::DELETE, container, &[("restype", "container")], None).await;
                sent.map_or_else(failed, |_| reply)
            }
            _ => reply,
        }
    }

    fn with_key(&self, mut reply: Reply) -> Reply {
        for key in reply.body.iter_mut().flat_map(|body| body["keys"].as_array_mut()).flatten() {
            key["value"] = json!(self.key);
        }
        reply
    }

    async fn make(&self, container: &str, access: &str) -> Result<(), String> {
        let access = (access != "none").then_some(access);
        let new = [("restype", "container")];
        match self.send(Method::PUT, container, &new, access).await? {
            201 => return Ok(()),
            409 => {}
            status => return Err(format!("making container {container}: status {status}")),
        }
        match self.send(Method::PUT, container, &[("comp", "acl"), ("restype", "container")], access).await? {
            200 => Ok(()),
            status => Err(format!("opening container {container}: status {status}")),
        }
    }

    /// Sends a request without a body, signed with the account's key; the query's names in their order.
    async fn send(
        &self,
        method: Method,
        container: &str,
        query: &[(&str, &str)],
        access: Option<&str>,
    ) -> Result<u16, String> {
        let date = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
            .map_err(|error| error.to_string())?;
        let public = access.map(|access| format!("x-ms-blob-public-access:{access}\n")).unwrap_or_default();
        let signed: String = query.iter().map(|(name, value)| format!("\n{name}:{value}")).collect();
        let account = &self.account;
        // The account stands twice: as itself and in the path.
        let text = format!(
            "{method}{}{public}x-ms-date:{date}\nx-ms-version:{VERSION}\n/{account}/{account}/{container}{signed}",
            "\n".repeat(12)
        );
        let key = STANDARD.decode(&self.key).map_err(|error| error.to_string())?;
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
        let mut address =
            url::Url::parse(&format!("{}/{account}/{container}", self.base)).map_err(|error| error.to_string())?;
        address.query_pairs_mut().extend_pairs(query);
        let mut request = self
            .http
            .request(method, address)
            .header("authorization", format!("SharedKey {account}:{}", STANDARD.encode(signature)))
            .header("x-ms-date", date)
            .header("x-ms-version", VERSION);
        if let Some(access) = access {
            request = request.header("x-ms-blob-public-access", access);
        }
        request.send().await.map(|response| response.status().as_u16()).map_err(|error| error.to_string())
    }
}

fn access_of(container: &Value) -> &str {
    container["properties"]["publicAccess"].as_str().unwrap_or("None")
}

fn failed(why: String) -> Reply {
    Refusal::new(500, "InternalServerError", format!("blob backend: {why}")).into()
}
