//! Azure Resource Graph: the small part of its query language that finds resources by type and fields.

use serde_json::{Value, json};

use super::{Ctx, rbac};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    state::PAGE_SIZE,
};

/// One comparison of a `where`.
#[derive(Debug, PartialEq)]
struct Term {
    field: String,
    operator: String,
    values: Vec<String>,
}

/// One step of a query.
#[derive(Debug, PartialEq)]
enum Step {
    Where(Vec<Term>),
    Project(Vec<(String, String)>),
    Limit(usize),
    Order(String, bool),
    Count,
}

/// Answers `POST /providers/Microsoft.ResourceGraph/resources`.
pub(crate) fn handle(ctx: &Ctx<'_>) -> Answer {
    if ctx.call.method != "POST" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    let body = ctx.call.object()?;
    let text = body["query"].as_str().ok_or_else(|| invalid("The request names no query."))?;
    let (assignments, steps) = parse(text)?;
    let state = &ctx.core.state;
    let scopes: Vec<String> = body["subscriptions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(|id| format!("/subscriptions/{}/", id.to_lowercase())))
        .collect();
    let mut rows = if assignments { role_assignments(ctx, &scopes) } else { resources(ctx, &scopes) };
    for step in &steps {
        apply(step, &mut rows);
    }
    let total = rows.len();
    let skip = body["options"]["$skip"]
        .as_u64()
        .or_else(|| body["options"]["$skipToken"].as_str().and_then(|text| text.parse().ok()))
        .unwrap_or(0) as usize;
    let top = body["options"]["$top"]
        .as_u64()
        .map_or(usize::MAX, |top| top as usize)
        .min(state.page_size.unwrap_or(PAGE_SIZE * 10))
        .max(1);
    let page: Vec<Value> = rows.into_iter().skip(skip).take(top).collect();
    let count = page.len();
    let mut answer = json!({
        "totalRecords": total,
        "count": count,
        "data": page,
        "facets": [],
        "resultTruncated": "false",
    });
    if skip + count < total {
        answer["$skipToken"] = json!((skip + count).to_string());
    }
    Ok(Reply::json(200, answer))
}

fn resources(ctx: &Ctx<'_>, scopes: &[String]) -> Vec<Value> {
    let state = &ctx.core.state;
    let grants = rbac::Grants::of(state, &ctx.caller.oid);
    state
        .resources
        .iter()
        .filter(|(id, body)| {
            id.contains("/providers/")
                && body["location"].is_string()
                && (scopes.is_empty() || scopes.iter().any(|scope| id.starts_with(scope)))
        })
        .filter(|(id, body)| grants.allow(&format!("{}/read", body["type"].as_str().unwrap_or_default()), id))
        .map(|(_, body)| row(&state.tenant, body))
        .collect()
}

/// The table `authorizationresources`, as far as it holds role assignments; those that the caller may not read are left out.
fn role_assignments(ctx: &Ctx<'_>, scopes: &[String]) -> Vec<Value> {
    let state = &ctx.core.state;
    let grants = rbac::Grants::of(state, &ctx.caller.oid);
    state
        .role_assignments
        .iter()
        .filter(|(id, _)| scopes.is_empty() || scopes.iter().any(|scope| id.starts_with(scope)))
        .filter(|(id, _)| grants.allow("Microsoft.Authorization/roleAssignments/read", id))
        .map(|(id, body)| {
            json!({
                "id": body["id"],
                "name": id.rsplit('/').next(),
                "type": "microsoft.authorization/roleassignments",
                "tenantId": state.tenant,
                "subscriptionId": id.split('/').nth(2),
                "properties": body["properties"],
            })
        })
        .collect()
}

fn row(tenant: &str, body: &Value) -> Value {
    let id = body["id"].as_str().unwrap_or_default();
    let parts: Vec<&str> = id.split('/').collect();
    let lower = |value: &Value| value.as_str().map(str::to_lowercase);
    let mut row = json!({
        "id": id,
        "name": body["name"],
        "type": lower(&body["type"]),
        "tenantId": tenant,
        "kind": body["kind"].as_str().unwrap_or_default(),
        "location": body["location"],
        "resourceGroup": parts.get(4).map(|group| group.to_lowercase()),
        "subscriptionId": parts.get(2),
        "properties": body["properties"],
        "tags": body["tags"],
    });
    for member in ["sku", "zones", "identity", "managedBy", "plan", "extendedLocation"] {
        row[member] = body[member].clone();
    }
    row
}

fn invalid(why: &str) -> Refusal {
    Refusal::new(400, "BadRequest", "Please provide below info when asking for support.")
        .details(json!([{"code": "InvalidQuery", "message": format!("Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying. {why}")}]))
}

/// The steps of a query, and whether it is about role assignments and not about resources.
fn parse(text: &str) -> Result<(bool, Vec<Step>), Refusal> {
    let mut parts = text.split('|').map(str::trim);
    let assignments = match parts.next().map(str::to_lowercase).as_deref() {
        Some("resources") => false,
        Some("authorizationresources") => true,
        _ => return Err(invalid("Only the tables 'resources' and 'authorizationresources' are simulated.")),
    };
    Ok((assignments, parts.map(step).collect::<Result<_, _>>()?))
}

fn step(text: &str) -> Result<Step, Refusal> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match word.to_lowercase().as_str() {
        "where" => rest.split(" and ").map(term).collect::<Result<_, _>>().map(Step::Where),
        "project" => rest
            .split(',')
            .map(str::trim)
            .map(|column| {
                let (name, source) =
                    column.split_once('=').map_or((column, column), |(name, source)| (name.trim(), source.trim()));
                if name.is_empty() || !source.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c)) {
                    return Err(invalid(&format!("Column '{column}' is not simulated.")));
                }
                Ok((name.to_owned(), source.to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Step::Project),
        "limit" | "take" => rest.parse().map(Step::Limit).map_err(|_| invalid("The limit is no number.")),
        "order" | "sort" => {
            let rest = rest.strip_prefix("by ").ok_or_else(|| invalid("'order' needs 'by'."))?;
            let (field, direction) = rest.split_once(' ').unwrap_or((rest, "asc"));
            Ok(Step::Order(field.to_owned(), direction.trim() == "desc"))
        }
        "count" if rest.is_empty() => Ok(Step::Count),
        _ => Err(invalid(&format!("Operator '{word}' is not simulated."))),
    }
}

fn term(text: &str) -> Result<Term, Refusal> {
    let mut words = text.trim().splitn(2, char::is_whitespace);
    let (field, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().trim());
    for operator in ["in~", "in", "=~", "==", "!~", "!=", "contains", "startswith", "has"] {
        let Some(values) = rest.strip_prefix(operator) else {
            continue;
        };
        let values = values.trim();
        let list = if operator.starts_with("in") {
            values
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'))
                .ok_or_else(|| invalid("'in' needs a list."))?
        } else {
            values
        };
        let values = list.split(',').map(literal).collect::<Result<_, _>>()?;
        return Ok(Term { field: field.to_owned(), operator: operator.to_owned(), values });
    }
    Err(invalid(&format!("Condition '{text}' is not simulated.")))
}

fn literal(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    ['\'', '"']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote).and_then(|rest| rest.strip_suffix(*quote)))
        .map(str::to_owned)
        .ok_or_else(|| invalid(&format!("'{text}' is no string.")))
}

fn field<'a>(row: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(row, |value, member| {
        value
            .as_object()
            .and_then(|members| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(member)))
            .map_or(&Value::Null, |(_, value)| value)
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(
        || {
            if value.is_null() { String::new() } else { value.to_string() }
        },
        str::to_owned,
    )
}

fn apply(step: &Step, rows: &mut Vec<Value>) {
    match step {
        Step::Where(terms) => rows.retain(|row| terms.iter().all(|term| fits(term, row))),
        Step::Project(columns) => {
            for row in rows.iter_mut() {
                *row = Value::Object(
                    columns.iter().map(|(name, source)| (name.clone(), field(row, source).clone())).collect(),
                );
            }
        }
        Step::Limit(count) => rows.truncate(*count),
        Step::Order(by, descending) => {
            rows.sort_by_key(|row| text(field(row, by)));
            if *descending {
                rows.reverse();
            }
        }
        Step::Count => *rows = vec![json!({"Count": rows.len()})],
    }
}

fn fits(term: &Term, row: &Value) -> bool {
    let own = text(field(row, &term.field));
    let lower = own.to_lowercase();
    let any = |same: &dyn Fn(&String) -> bool| term.values.iter().any(same);
    match term.operator.as_str() {
        "==" | "in" => any(&|value| *value == own),
        "=~" | "in~" => any(&|value| value.to_lowercase() == lower),
        "!=" => !any(&|value| *value == own),
        "!~" => !any(&|value| value.to_lowercase() == lower),
        "startswith" => any(&|value| lower.starts_with(&value.to_lowercase())),
        _ => any(&|value| lower.contains(&value.to_lowercase())),
    }
}
