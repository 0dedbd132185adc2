//! The legacy management crates as request builders and models, over this crate's own pipeline.
//!
//! `azure_mgmt_msi` and `azure_mgmt_network` belong to the 0.21 generation of the SDK, whose own transport, retry and
//! logging are not used: its debug log prints tokens (RUSTSEC-2026-0275). Here it is given a placeholder for a token
//! and a transport that only passes addresses on. Its types do not leave this crate.

use std::sync::{Arc, Mutex, PoisonError};

use azure_core_legacy as legacy;
use azure_core_legacy::auth::{AccessToken, TokenCredential};
use azure_core_legacy::error::{Error as LegacyError, ErrorKind as LegacyKind};
use futures::{Stream, StreamExt, stream};
use url::Url;

use crate::client::{Arm, MAX_PAGES};
use crate::error::{ArmError, Kind, Result};
use crate::id::ArmId;

/// One read through a legacy client.
///
/// The legacy error type cannot carry ours, so the transport leaves the failure here and it is taken from here.
#[derive(Debug)]
pub(crate) struct Bridge {
    arm: Arm,
    failure: Arc<Mutex<Option<ArmError>>>,
}

impl Bridge {
    pub(crate) fn new(arm: &Arm) -> Self {
        Self { arm: arm.clone(), failure: Arc::default() }
    }

    pub(crate) fn identities(&self) -> Result<azure_mgmt_msi::Client> {
        azure_mgmt_msi::Client::builder(Arc::new(Placeholder))
            .endpoint(self.endpoint())
            .retry(legacy::RetryOptions::none())
            .transport(self.transport())
            .build()
            .map_err(|error| self.take("", &error))
    }

    pub(crate) fn network(&self) -> Result<azure_mgmt_network::Client> {
        azure_mgmt_network::Client::builder(Arc::new(Placeholder))
            .endpoint(self.endpoint())
            .retry(legacy::RetryOptions::none())
            .transport(self.transport())
            .build()
            .map_err(|error| self.take("", &error))
    }

    /// Awaits a legacy read; `resource` names it in a failure that has no better source.
    pub(crate) async fn one<T>(&self, resource: &str, read: impl IntoFuture<Output = legacy::Result<T>>) -> Result<T> {
        read.await.map_err(|error| self.take(resource, &error))
    }

    /// Reads all pages of a legacy list.
    pub(crate) async fn all<P, T>(
        &self,
        resource: &str,
        mut pages: impl Stream<Item = legacy::Result<P>> + Unpin,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            match pages.next().await {
                Some(Ok(page)) => all.extend(items(page)),
                Some(Err(error)) => return Err(self.take(resource, &error)),
                None => return Ok(all),
            }
        }
        Err(ArmError::new(Kind::Decode, "GET", resource, "the list does not end"))
    }

    fn endpoint(&self) -> Url {
        self.arm.sender.options().endpoint.clone()
    }

    fn transport(&self) -> legacy::TransportOptions {
        legacy::TransportOptions::new(Arc::new(Wire { arm: self.arm.clone(), failure: Arc::clone(&self.failure) }))
    }

    fn take(&self, resource: &str, error: &LegacyError) -> ArmError {
        let ours = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        ours.unwrap_or_else(|| {
            ArmError::new(Kind::Decode, "GET", resource, format!("the answer is not of the expected form: {error}"))
        })
    }
}

/// The parts of the id of a resource in a resource group, as the legacy request builders want them.
///
/// # Errors
/// [`Kind::InvalidId`] when the id is not of the full type `wanted`.
pub(crate) fn parts<'a>(id: &'a ArmId, wanted: &str) -> Result<(&'a str, &'a str, &'a [String])> {
    match (id.subscription(), id.resource_group()) {
        (Some(subscription), Some(group)) if id.is_type(wanted) => Ok((subscription, group, id.names())),
        _ => Err(wrong_type(id, wanted)),
    }
}

pub(crate) fn wrong_type(id: &ArmId, wanted: &str) -> ArmError {
    ArmError::new(Kind::InvalidId, "", id.as_str(), format!("this is not the id of a {wanted}"))
}

/// The legacy transport: reads through [`Arm::fetch`] and nothing else. The legacy request's headers are dropped,
/// and with them the placeholder.
#[derive(Debug)]
struct Wire {
    arm: Arm,
    failure: Arc<Mutex<Option<ArmError>>>,
}

impl Wire {
    async fn read(&self, request: &legacy::Request) -> Result<legacy::Response> {
        let url = request.url();
        if *request.method() != legacy::Method::Get {
            let message = "only reads go through the legacy request builders";
            return Err(ArmError::new(Kind::Refused, request.method().as_ref(), url.path(), message));
        }
        let reply = self.arm.fetch(url.clone()).await?;
        let status = legacy::StatusCode::try_from(reply.status)
            .map_err(|error| ArmError::new(Kind::Decode, "GET", url.path(), error.to_string()))?;
        let body = reply.body.clone();
        Ok(legacy::Response::new(status, legacy::headers::Headers::new(), Box::pin(stream::once(async { Ok(body) }))))
    }
}

#[async_trait::async_trait]
impl legacy::HttpClient for Wire {
    async fn execute_request(&self, request: &legacy::Request) -> legacy::Result<legacy::Response> {
        self.read(request).await.map_err(|error| {
            let message = error.to_string();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            LegacyError::message(LegacyKind::Other, message)
        })
    }
}

/// A credential without a credential. The real token is added by this crate's own pipeline.
#[derive(Debug)]
struct Placeholder;

#[async_trait::async_trait]
impl TokenCredential for Placeholder {
    async fn get_token(&self, _scopes: &[&str]) -> legacy::Result<AccessToken> {
        let now = azure_core::time::OffsetDateTime::now_utc();
        Ok(AccessToken::new("placeholder", now + std::time::Duration::from_secs(24 * 60 * 60)))
    }

    async fn clear_cache(&self) -> legacy::Result<()> {
        Ok(())
    }
}
