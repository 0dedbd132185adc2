//! Lists: pages, filters, and the lists of all resources of a scope.

use serde_json::{Value, json};

use super::{
    Ctx, dns,
    links::Links,
    path::{Target, group_id},
    registry::Writes,
    resource::{self, children},
    storage,
};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    state::PAGE_SIZE,
};

/// One page of `items`, with a link to the next.
pub(crate) fn page(ctx: &Ctx<'_>, items: Vec<Value>) -> Answer {
    page_of(ctx, items, |item| item)
}

/// One page of `items` as `view` shows them, with a link to the next.
pub(crate) fn page_of<T>(ctx: &Ctx<'_>, items: Vec<T>, view: impl Fn(T) -> Value) -> Answer {
    let bad = |what: &str| Refusal::new(400, "InvalidParameter", format!("The value of '{what}' is invalid."));
    let number = |name: &str| -> Result<Option<usize>, Refusal> {
        ctx.call.query(name).map(|text| text.parse().map_err(|_| bad(name))).transpose()
    };
    let skip = number("$skiptoken")?.unwrap_or(0);
    let size = number("$top")?.unwrap_or(usize::MAX).min(ctx.core.state.page_size.unwrap_or(PAGE_SIZE)).max(1);
    let more = items.len() > skip + size;
    let value: Vec<Value> = items.into_iter().skip(skip).take(size).map(view).collect();
    let mut body = json!({"value": value});
    if more {
        let mut link = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in ctx.call.query.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken")) {
            link.append_pair(key, value);
        }
        link.append_pair("$skiptoken", &(skip + size).to_string());
        body["nextLink"] = json!(format!("{}{}?{}", ctx.call.base, ctx.call.path.replace(' ', "%20"), link.finish()));
    }
    Ok(Reply::json(200, body))
}

/// A collection of one type, in a group, below a parent, or in a whole subscription.
pub(crate) fn kind(ctx: &Ctx<'_>, target: &Target) -> Answer {
    let state = &ctx.core.state;
    if let Some(parent) = target.parent() {
        let owner = resource::stored(ctx, &parent)
            .ok_or_else(|| errors::not_found(&parent.kind.full(), parent.name(), parent.group()))?;
        if let Some(member) = target.kind.inline {
            let items = children(&owner, member);
            let links = Links::new(state);
            return page_of(ctx, items.iter().collect(), |child| links.view(child));
        }
        if target.kind.is_record() {
            return page(ctx, dns::records(state, &parent, Some(target.kind)));
        }
        if target.kind.path == "storageAccounts/blobServices" {
            return page(ctx, vec![storage::blob_service_of(state, &owner)]);
        }
    } else if target.kind.writes == Writes::ReadOnly {
        return Err(errors::method_not_allowed("GET"));
    }
    let scope = match (&target.group, target.parent()) {
        (_, Some(parent)) => parent.id(state),
        (Some(group), None) => group_id(&target.subscription, group),
        (None, None) => format!("/subscriptions/{}", target.subscription),
    };
    let full = target.kind.full();
    let read = format!("{full}/read");
    let may = ctx.reader();
    let links = Links::new(state);
    let items: Vec<&Value> = state
        .within(&scope)
        .filter(|(_, body)| body["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(&full)))
        .filter(|(id, _)| may.allows(&read, id))
        .map(|(_, body)| body)
        .collect();
    page_of(ctx, items, |body| links.view(body))
}

/// `GET …/resources`: what has a location, without its properties.
pub(crate) fn resources(ctx: &Ctx<'_>, segments: &[&str]) -> Answer {
    let state = &ctx.core.state;
    let scope = format!("/{}", segments[..segments.len() - 1].join("/"));
    if segments.len() == 5 && state.get(&scope).is_none() {
        return Err(errors::group_not_found(segments[3]));
    }
    let filter = Filter::parse(ctx.call.query("$filter").unwrap_or_default())?;
    let may = ctx.reader();
    let items: Vec<&Value> = state
        .within(&scope)
        .filter(|(id, body)| id.contains("/providers/") && body["location"].is_string())
        .filter(|(id, body)| may.allows(&format!("{}/read", body["type"].as_str().unwrap_or_default()), id))
        .filter(|(_, body)| filter.fits(body))
        .map(|(_, body)| body)
        .collect();
    page_of(ctx, items, brief)
}

fn brief(body: &Value) -> Value {
    let mut shown = json!({});
    for member in ["id", "name", "type", "location", "tags", "sku", "kind", "identity", "zones", "managedBy", "plan"] {
        if !body[member].is_null() {
            shown[member] = body[member].clone();
        }
    }
    shown
}

/// An OData filter as far as ARM takes it for resources and groups: comparisons joined by `and`.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    terms: Vec<(String, bool, String)>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `InvalidFilterInQueryString` for anything but `field eq|ne 'value'` joined by `and`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for term in text.split(" and ").map(str::trim).filter(|term| !term.is_empty()) {
            let invalid = || {
                Refusal::new(
                    400,
                    "InvalidFilterInQueryString",
                    format!("Invalid $filter '{text}' specified in the query string."),
                )
                .gateway()
            };
            let mut words = term.splitn(3, ' ');
            let (Some(field), Some(operator), Some(value)) = (words.next(), words.next(), words.next()) else {
                return Err(invalid());
            };
            let value = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).ok_or_else(invalid)?;
            let known = ["resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue"];
            if !known.contains(&field.to_lowercase().as_str()) || !["eq", "ne"].contains(&operator) {
                return Err(invalid());
            }
            filter.terms.push((field.to_lowercase(), operator == "eq", value.to_owned()));
        }
        Ok(filter)
    }

    /// Whether a body fits all terms.
    pub fn fits(&self, body: &Value) -> bool {
        let tag = self.terms.iter().find(|(field, _, _)| field == "tagname").map(|(_, _, value)| value.as_str());
        self.terms.iter().all(|(field, equal, value)| {
            let same = |own: Option<&str>| own.is_some_and(|own| own.eq_ignore_ascii_case(value));
            let found = match field.as_str() {
                "resourcetype" => same(body["type"].as_str()),
                "resourcegroup" => same(body["id"].as_str().and_then(|id| id.split('/').nth(4))),
                "tagname" => body["tags"].get(value).is_some(),
                "tagvalue" => tag.is_some_and(|tag| body["tags"][tag] == json!(value)),
                other => same(body[other].as_str()),
            };
            found == *equal
        })
    }
}
