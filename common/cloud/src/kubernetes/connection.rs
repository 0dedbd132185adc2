//! [`Connection`]: a signed-in client of one management cluster.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use facts::Target;
use kube::api::ListParams;
use kube::core::Request as RequestBuilder;
use serde_json::Value;

use super::call::{self, CallEvent, Observer, Request};
use super::error::KubeError;
use super::kubeconfig::{self, KubeOptions, Resolved};
use super::objects;
use super::shared::Shared;

/// How many objects a page of a list holds.
const PAGE: u32 = 500;
/// How many pages a list may have: a server that never ends its list is broken.
const MAX_PAGES: usize = 1_000;

/// A connection to the API server of a management cluster. What changes the cluster is in `write.rs` and
/// `remains.rs` alone.
#[derive(Clone)]
pub struct Connection {
    client: kube::Client,
    context: Option<String>,
    server: String,
    request_timeout: Option<Duration>,
    observer: Option<Observer>,
    calls: Arc<Mutex<Vec<CallEvent>>>,
    shared: Arc<Mutex<Arc<Shared>>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads the kubeconfig, runs its credential plugin if it has one, and prepares a client. No request is sent yet.
    ///
    /// # Errors
    /// [`KubeError::NoConfig`] and [`KubeError::NoContext`] for the kubeconfig, [`KubeError::Unauthorized`] when the
    /// credentials cannot be produced.
    pub async fn open(options: &KubeOptions) -> Result<Self, KubeError> {
        Self::of(kubeconfig::resolve(options).await?)
    }

    /// The same with a kubeconfig that is read already.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn of(resolved: Resolved) -> Result<Self, KubeError> {
        let server = resolved.config.cluster_url.to_string();
        let client = kube::Client::try_from(resolved.config).map_err(|error| match call::transport(error) {
            KubeError::Unreachable { why } => KubeError::NoConfig { why },
            other => other,
        })?;
        Ok(Self {
            client,
            context: resolved.context,
            server,
            request_timeout: resolved.request_timeout,
            observer: None,
            calls: Arc::default(),
            shared: Arc::default(),
        })
    }

    /// Prepares a client for another API server, from a kubeconfig in memory that somebody else wrote; see
    /// [`kubeconfig::resolve_foreign`]. Its requests are told to this connection's observer, with the server before the
    /// path.
    ///
    /// # Errors
    /// [`KubeError::NoConfig`].
    pub(super) async fn to_another(&self, kubeconfig: &str) -> Result<Self, KubeError> {
        let resolved = kubeconfig::resolve_foreign(kubeconfig).await?;
        let server = resolved.config.cluster_url.to_string();
        let client = kube::Client::try_from(resolved.config)
            .map_err(|_| KubeError::NoConfig { why: "its certificates or keys cannot be read".to_owned() })?;
        let observer = self.observer.clone().map(|observer| -> Observer {
            let server = server.trim_end_matches('/').to_owned();
            Arc::new(move |event| observer(&CallEvent { path: format!("{server}{}", event.path), ..event.clone() }))
        });
        Ok(Self {
            client,
            context: resolved.context,
            server,
            request_timeout: resolved.request_timeout,
            observer,
            calls: Arc::default(),
            shared: Arc::default(),
        })
    }

    /// Tells `observer` of every request from now on.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The namespace to use when none is given.
    pub fn default_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// The kubeconfig context in use; none in a pod.
    pub fn context_name(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// The URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The client, for what this type does not offer.
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// The Kubernetes version, as `v1.33.2`. It also shows whether the server can be reached at all.
    ///
    /// # Errors
    /// [`KubeError`].
    pub async fn kubernetes_version(&self) -> Result<String, KubeError> {
        let version = self.get("/version").await?;
        objects::text(&version, "/gitVersion").ok_or_else(|| unusable("the version has no gitVersion"))
    }

    /// The HostedClusters of platform Azure in a namespace or in all, sorted by namespace and name.
    ///
    /// # Errors
    /// [`KubeError`]; `NotFound` when the API server knows no HostedClusters.
    pub async fn hosted_clusters(&self, namespace: Option<&str>) -> Result<Vec<Target>, KubeError> {
        let path = path("/apis/hypershift.openshift.io/v1beta1", namespace, "hostedclusters")?;
        let found = self.list(&path, ListParams::default()).await?;
        let mut targets: Vec<Target> = found
            .iter()
            .filter(|object| objects::platform(object).as_deref() == Some("Azure"))
            .filter_map(objects::target)
            .collect();
        targets.sort_by_key(ToString::to_string);
        Ok(targets)
    }

    /// What the hosted clusters of this management cluster share, as far as it was read.
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets what was read for all hosted clusters, so that the next collection asks anew.
    pub fn ask_anew(&self) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    /// Every request since the connection was opened or this was asked last.
    pub(super) fn take_calls(&self) -> Vec<CallEvent> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// GETs a JSON document.
    pub(super) async fn get(&self, path: &str) -> Result<Value, KubeError> {
        self.json(request(path)?).await
    }

    /// Lists a collection, page by page. Selectors come with `params`.
    pub(super) async fn list(&self, path: &str, params: ListParams) -> Result<Vec<Value>, KubeError> {
        let mut all = Vec::new();
        self.pages(params, |params| RequestBuilder::new(path).list(params), |items| all.extend(items)).await?;
        Ok(all)
    }

    /// Shows each object of a collection, page by page, and keeps none.
    pub(super) async fn each(
        &self,
        path: &str,
        params: ListParams,
        mut see: impl FnMut(&Value),
    ) -> Result<(), KubeError> {
        let build = |params: &ListParams| RequestBuilder::new(path).list(params);
        self.pages(params, build, |items| items.iter().for_each(&mut see)).await
    }

    /// Lists the metadata of a collection, page by page.
    pub(super) async fn list_metadata(&self, path: &str) -> Result<Vec<Value>, KubeError> {
        let mut all = Vec::new();
        let build = |params: &ListParams| RequestBuilder::new(path).list_metadata(params);
        self.pages(ListParams::default(), build, |items| all.extend(items)).await?;
        Ok(all)
    }

    /// Sends a request and reads the answer as JSON.
    pub(super) async fn json(&self, request: Request) -> Result<Value, KubeError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body).map_err(|error| unusable(&format!("no JSON: {error}")))
    }

    /// Sends a request and returns the body.
    pub(super) async fn send(&self, request: Request) -> Result<Vec<u8>, KubeError> {
        let observe = |event: CallEvent| {
            if let Some(observer) = &self.observer {
                observer(&event);
            }
            self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        };
        call::send(&self.client, request, self.request_timeout, &observe).await.map_err(|error| match error {
            KubeError::Unreachable { why } => {
                KubeError::Unreachable { why: format!("{}: {why}", self.server.trim_end_matches('/')) }
            }
            other => other,
        })
    }

    async fn pages(
        &self,
        mut params: ListParams,
        build: impl Fn(&ListParams) -> Result<Request, kube::core::request::Error>,
        mut see: impl FnMut(Vec<Value>),
    ) -> Result<(), KubeError> {
        params.limit = Some(PAGE);
        for _ in 0..MAX_PAGES {
            let request = build(&params).map_err(|error| unusable(&error.to_string()))?;
            let mut page = self.json(request).await?;
            match page.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => see(items),
                // An empty list of metadata has null there.
                Some(Value::Null) if page["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) => {}
                _ => return Err(unusable("a list without items")),
            }
            match objects::text(&page, "/metadata/continue") {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(()),
            }
        }
        Err(unusable("a list without end"))
    }
}

/// A GET of a path.
pub(super) fn request(path: &str) -> Result<Request, KubeError> {
    http::Request::get(path).body(Vec::new()).map_err(|error| unusable(&error.to_string()))
}

/// The path of a collection below a group's version, in a namespace or cluster-wide.
pub(super) fn path(version: &str, namespace: Option<&str>, plural: &str) -> Result<String, KubeError> {
    match namespace {
        Some(namespace) => Ok(format!("{version}/namespaces/{}/{plural}", segment(namespace)?)),
        None => Ok(format!("{version}/{plural}")),
    }
}

/// A name as part of a path. The API server refuses other names too, but would read a slash as another path.
pub(super) fn segment(name: &str) -> Result<&str, KubeError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) {
        return Err(unusable(&format!("'{name}' is no name that Kubernetes allows")));
    }
    Ok(name)
}

pub(super) fn unusable(why: &str) -> KubeError {
    KubeError::Other { status: None, why: why.to_owned() }
}
