//! Typed readers, grouped by resource provider.
//!
//! Every reader asks for one thing in one fixed api-version and returns our own model of it. `Ok(None)` means that
//! Azure says it is not there. Reads are deduplicated, see [`Arm`].

mod authorization;
mod body;
mod dns;
mod governance;
mod identity;
mod machines;
mod network;
mod private_link;
mod quota;
mod resources;
mod storage;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use url::Url;

use crate::client::Arm;
use crate::error::{Found, Result};
use crate::model::wire::Envelope;

impl Arm {
    /// Reads one resource through the shape of its body.
    async fn resource<P, T>(&self, url: Url) -> Result<Option<T>>
    where
        P: Default + DeserializeOwned,
        T: From<Envelope<P>>,
    {
        Ok(self.read::<Envelope<P>>(url).await.found()?.map(T::from))
    }

    /// Reads a list of resources that many ask for through the shape of their bodies, once.
    async fn shared<P, T>(&self, url: Url) -> Result<Arc<Vec<T>>>
    where
        P: Default + DeserializeOwned,
        T: From<Envelope<P>> + Send + Sync + 'static,
    {
        self.listed(url.clone().as_str(), self.resources::<P, T>(url)).await
    }

    /// Reads a list of resources through the shape of their bodies.
    async fn resources<P, T>(&self, url: Url) -> Result<Vec<T>>
    where
        P: Default + DeserializeOwned,
        T: From<Envelope<P>>,
    {
        Ok(self.read_all::<Envelope<P>>(url).await?.into_iter().map(T::from).collect())
    }
}
