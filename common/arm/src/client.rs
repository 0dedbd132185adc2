//! The client: addresses, deduplicated reads, paging.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::http::{HttpClient, Method};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;

use crate::error::{ArmError, Kind, Result};
use crate::id::ArmId;
use crate::options::ArmOptions;
use crate::send::{Call, Reply, Sender};
use crate::serial::Serial;

/// How many pages of one list are read before it is taken for endless. ARM's pages hold 50 to 1,000 items.
pub(crate) const MAX_PAGES: usize = 2_000;

/// A client of Azure Resource Manager, for one cloud and one principal.
///
/// Clones are cheap and share everything. Within one `Arm` the same address is read once: whoever asks again, at the
/// same time or later, gets the first answer, also when it was a failure. A write through this client, or through
/// one made from it, makes all earlier answers stale. [`Arm::fresh`] gives a client that has read nothing yet.
///
/// Dropping a call cancels it: nothing runs in the background. A request that has left may still take effect; every
/// write here can be repeated.
#[derive(Clone)]
pub struct Arm {
    pub(crate) sender: Arc<Sender>,
    memo: Arc<Memo>,
    lists: Arc<Lists>,
    /// Counts the writes; answers read before the last one are stale.
    writes: Arc<AtomicU64>,
    pub(crate) serial: Arc<Serial>,
}

type Answer = Shared<BoxFuture<'static, Result<Arc<Reply>>>>;

/// Answers by address, each with the number of writes that had been made when it was asked for.
type Memo = Mutex<HashMap<String, (u64, Answer)>>;

/// A list of any kind of item, made of its pages by whoever asks first.
type List = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Lists by address and kind of item, each with the number of writes that had been made when it was asked for.
type Lists = Mutex<HashMap<(String, TypeId), (u64, List)>>;

impl Arm {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Kind::Untrusted`] when the endpoint is not an https address.
    pub fn new(options: ArmOptions) -> Result<Self> {
        let transport = Arc::new(options.http.clone());
        Self::over(options, transport)
    }

    pub(crate) fn over(options: ArmOptions, transport: Arc<dyn HttpClient>) -> Result<Self> {
        Ok(Self {
            sender: Arc::new(Sender::new(options, transport)?),
            memo: Arc::default(),
            lists: Arc::default(),
            writes: Arc::default(),
            serial: Arc::default(),
        })
    }

    /// A client that shares connections, token, limits and locks with this one, but has read nothing yet.
    pub fn fresh(&self) -> Self {
        Self { memo: Arc::default(), lists: Arc::default(), ..self.clone() }
    }

    /// The address of a resource, or of something below it (`more` begins with a slash or is empty).
    pub(crate) fn url(&self, id: &ArmId, more: &str, api_version: &str, query: &[(&str, &str)]) -> Url {
        self.url_of(&format!("{id}{more}"), api_version, query)
    }

    pub(crate) fn url_of(&self, path: &str, api_version: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.sender.options().endpoint.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{path}"));
        url.set_query(None);
        url.query_pairs_mut().extend_pairs(query).append_pair("api-version", api_version);
        // A form's `+` means a space only to those who read queries as forms.
        let query = url.query().map(|query| query.replace('+', "%20"));
        url.set_query(query.as_deref());
        url
    }

    /// Reads an address, or repeats what was read there before.
    pub(crate) async fn fetch(&self, url: Url) -> Result<Arc<Reply>> {
        self.remembered(memo_key(&url), Call::get(url)).await
    }

    /// Asks a question that changes nothing by POST, or repeats what was answered before.
    pub(crate) async fn ask(&self, url: Url, question: &serde_json::Value) -> Result<Arc<Reply>> {
        let question = question.to_string();
        let key = format!("POST {} {question}", memo_key(&url));
        self.remembered(key, Call { method: Method::Post, url, body: Some(question.into()), until: None }).await
    }

    async fn remembered(&self, key: String, call: Call) -> Result<Arc<Reply>> {
        self.sender.check(call.method.as_ref(), &call.url, "the address")?;
        let now = self.writes.load(Ordering::SeqCst);
        let answer = {
            let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
            match memo.get(&key).filter(|(asked_at, _)| *asked_at == now) {
                Some((_, answer)) => answer.clone(),
                None => {
                    let sender = Arc::clone(&self.sender);
                    let answer = async move { sender.send(&call).await.map(Arc::new) }.boxed().shared();
                    memo.insert(key, (now, answer.clone()));
                    answer
                }
            }
        };
        answer.await
    }

    /// Answers later reads of an address with what is known already, unless it was read before.
    pub(crate) fn answer_with(&self, url: &Url, reply: Reply) {
        let now = self.writes.load(Ordering::SeqCst);
        let answer = std::future::ready(Ok(Arc::new(reply))).boxed().shared();
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        memo.entry(memo_key(url)).or_insert((now, answer));
    }

    /// Makes earlier answers stale. Called before and after a write, so that no read that overlaps it is kept.
    pub(crate) fn wrote(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Reads one JSON document.
    pub(crate) async fn read<T: DeserializeOwned>(&self, url: Url) -> Result<T> {
        let reply = self.fetch(url.clone()).await?;
        decode(&url, &reply)
    }

    /// Reads all pages of a list.
    pub(crate) async fn read_all<T: DeserializeOwned>(&self, first: Url) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        let mut url = first;
        loop {
            let page: Page<T> = self.read(url.clone()).await?;
            items.extend(page.value.unwrap_or_default());
            let Some(link) = page.next_link.filter(|link| !link.is_empty()) else {
                return Ok(items);
            };
            if seen.len() >= MAX_PAGES || !seen.insert(url.clone()) {
                return Err(ArmError::new(Kind::Decode, "GET", url.path(), "the list does not end: its pages repeat"));
            }
            url = self.next_page(&url, &link)?;
        }
    }

    /// Makes a list of what was read at an address, or repeats what was made of it before: what is the same for many
    /// hosted clusters is held once, however many of them look at it. A failure is not kept here; its answer is.
    pub(crate) async fn listed<T: Send + Sync + 'static>(
        &self,
        address: &str,
        read: impl Future<Output = Result<Vec<T>>>,
    ) -> Result<Arc<Vec<T>>> {
        let now = self.writes.load(Ordering::SeqCst);
        let list = {
            let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = lists.entry((address.to_ascii_lowercase(), TypeId::of::<T>())).or_default();
            if kept.0 != now {
                *kept = (now, List::default());
            }
            Arc::clone(&kept.1)
        };
        let list = list.get_or_try_init(async || read.await.map(|list| Arc::new(list) as _)).await?;
        Arc::clone(list)
            .downcast()
            .map_err(|_| ArmError::new(Kind::Decode, "GET", address, "the list is of another kind"))
    }

    pub(crate) fn next_page(&self, from: &Url, link: &str) -> Result<Url> {
        let next = Url::parse(link).map_err(|error| {
            ArmError::new(Kind::Decode, "GET", from.path(), format!("the list's nextLink is no address: {error}"))
        })?;
        self.sender.check("GET", &next, "the list's nextLink").map(|()| next)
    }
}

impl fmt::Debug for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arm").field("options", self.sender.options()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
pub(crate) struct Page<T> {
    pub value: Option<Vec<T>>,
    #[serde(rename = "nextLink")]
    pub next_link: Option<String>,
}

/// Reads a reply's body; says where in it the reading failed, but never quotes it.
pub(crate) fn decode<T: DeserializeOwned>(url: &Url, reply: &Reply) -> Result<T> {
    serde_json::from_slice(&reply.body).map_err(|error| {
        let message = format!("the answer is not of the expected form: {error}");
        ArmError::new(Kind::Decode, "GET", url.path(), message).edit(|failure| {
            failure.status = Some(reply.status);
            failure.request_id = reply.header("x-ms-request-id").map(str::to_owned);
            failure.attempts = 1;
        })
    })
}

/// Paths are the same without regard to case; queries are not, for they hold opaque page tokens.
fn memo_key(url: &Url) -> String {
    format!("{}?{}", url.path().to_ascii_lowercase(), url.query().unwrap_or_default())
}
