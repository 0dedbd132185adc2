//! Reading ahead: a few lists of a subscription in place of one request for each resource.

use std::collections::{BTreeMap, HashSet};

use azure_core::Bytes;
use azure_core::http::headers::Headers;
use futures::future::join_all;
use serde_json::{Value, json};
use url::Url;

use crate::client::{Arm, MAX_PAGES, Page, decode};
use crate::error::{ArmError, Kind, Result};
use crate::id::ArmId;
use crate::send::{Call, Reply};

const AUTHORIZATION: &str = "2022-04-01";
const NETWORK: &str = "2024-03-01";
const GROUPS: &str = "2021-04-01";

/// The types that a subscription can list with all that a read of the single resource gives, in the same api-version.
const LISTS: [&str; 6] = [
    "Microsoft.Network/loadBalancers",
    "Microsoft.Network/natGateways",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/routeTables",
    "Microsoft.Network/virtualNetworks",
];

impl Arm {
    /// Reads the lists of what many hosted clusters of a subscription stand on. Later reads of what they show, resource
    /// groups and role assignments included, are answered from memory.
    ///
    /// What no list shows is still asked for by itself: who may read a resource may not see it in a list. So a list that
    /// is refused is no failure. It costs nine requests and their pages, and pays from the second cluster on.
    pub async fn read_ahead(&self, subscription: &str) {
        let Ok(id) = ArmId::for_subscription(subscription) else { return };
        let resources = join_all(LISTS.map(|list| self.keep(&id, format!("/providers/{list}"), NETWORK)));
        let groups = self.keep(&id, "/resourceGroups".to_owned(), GROUPS);
        let (groups, _, roles) = futures::join!(groups, resources, self.assignments(&id));
        if let Ok(roles) = roles {
            for group in groups.iter().filter_map(|group| ArmId::parse(group).ok()) {
                self.remember(self.assignments_url(&group, true), &json!({ "value": roles.at(&group) }));
            }
        }
    }

    /// Reads a list and remembers each of its resources; gives back their ids.
    async fn keep(&self, scope: &ArmId, list: String, api_version: &str) -> Vec<String> {
        let Ok(resources) = self.list_once(self.url(scope, &list, api_version, &[])).await else { return Vec::new() };
        let mut ids = Vec::with_capacity(resources.len());
        for resource in resources {
            let Some(id) = resource.get("id").and_then(Value::as_str) else { continue };
            if let Ok(id) = ArmId::parse(id) {
                self.remember(self.url(&id, "", api_version, &[]), &resource);
                ids.push(id.as_str().to_owned());
            }
        }
        ids
    }

    /// Every role assignment of a subscription: what its list shows at and below it, and what holds there from above.
    async fn assignments(&self, subscription: &ArmId) -> Result<Assignments> {
        let (below, above) = futures::try_join!(
            self.list_once(self.assignments_url(subscription, false)),
            self.list_once(self.assignments_url(subscription, true)),
        )?;
        let mut all = Assignments { subscription: lower(subscription.as_str()), ..Assignments::default() };
        let mut seen = HashSet::new();
        for assignment in below.into_iter().chain(above) {
            let text = |pointer| assignment.pointer(pointer).and_then(Value::as_str).map(lower);
            if let (Some(id), Some(scope)) = (text("/id"), text("/properties/scope"))
                && seen.insert(id)
            {
                all.by_scope.entry(scope).or_default().push(assignment);
            }
        }
        Ok(all)
    }

    fn assignments_url(&self, scope: &ArmId, at_scope: bool) -> Url {
        let query: &[(&str, &str)] = if at_scope { &[("$filter", "atScope()")] } else { &[] };
        self.url(scope, "/providers/Microsoft.Authorization/roleAssignments", AUTHORIZATION, query)
    }

    /// Reads all pages of a list, whose bodies are not kept.
    async fn list_once(&self, first: Url) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut url = first;
        for _ in 0..MAX_PAGES {
            let reply = self.sender.send(&Call::get(url.clone())).await?;
            let page: Page<Value> = decode(&url, &reply)?;
            items.extend(page.value.unwrap_or_default());
            match page.next_link.filter(|link| !link.is_empty()) {
                None => return Ok(items),
                Some(link) => url = self.next_page(&url, &link)?,
            }
        }
        Err(ArmError::new(Kind::Decode, "GET", url.path(), "the list does not end"))
    }

    fn remember(&self, url: Url, body: &Value) {
        let reply = Reply { status: 200, headers: Headers::new(), body: Bytes::from(body.to_string()) };
        self.answer_with(&url, reply);
    }
}

/// The role assignments of a subscription by the scope at which they were made.
#[derive(Default)]
struct Assignments {
    subscription: String,
    by_scope: BTreeMap<String, Vec<Value>>,
}

impl Assignments {
    /// Those that hold at a resource group: its own, the subscription's, and those from above it.
    fn at(&self, group: &ArmId) -> Vec<&Value> {
        let group = lower(group.as_str());
        let holds = |scope: &str| scope == group || scope == self.subscription || !scope.starts_with("/subscriptions/");
        self.by_scope.iter().filter(|(scope, _)| holds(scope)).flat_map(|(_, list)| list).collect()
    }
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}
