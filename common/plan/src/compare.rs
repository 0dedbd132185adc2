//! Comparing a body that is wanted with the one that Azure holds.

use serde_json::{Map, Value};

/// The paths at which `have` does not hold what `want` asks for.
///
/// More than what is asked for is welcome. Names of members, ids and Azure's enumerations have no case; empty values ask
/// for nothing; lists of named things are compared by name.
pub(crate) fn lacks(want: &Value, have: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(want, have, String::new(), &mut found);
    found
}

fn compare(want: &Value, have: &Value, path: String, found: &mut Vec<String>) {
    match want {
        Value::Null => {}
        Value::Object(members) => {
            for (key, value) in members.iter().filter(|(_, value)| !is_empty(value)) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(value, member(have, key).unwrap_or(&Value::Null), path, found);
            }
        }
        Value::Array(items) => {
            let held = have.as_array().map_or(&[][..], Vec::as_slice);
            for (at, item) in items.iter().enumerate() {
                let twin = match name_of(item) {
                    Some(name) => held.iter().find(|other| is_named(other, name)),
                    None => held.iter().find(|other| lacks(item, other).is_empty()),
                };
                let label = name_of(item).map_or_else(|| at.to_string(), str::to_owned);
                match twin {
                    Some(twin) => compare(item, twin, format!("{path}[{label}]"), found),
                    None => found.push(format!("{path}[{label}]")),
                }
            }
        }
        Value::String(text) => {
            if !have.as_str().is_some_and(|held| held.eq_ignore_ascii_case(text)) {
                found.push(path);
            }
        }
        other => {
            if other != have {
                found.push(path);
            }
        }
    }
}

/// `have` with everything that `want` asks for; the rest of it stays, since a PUT replaces the whole resource.
pub(crate) fn merged(have: &Value, want: &Value) -> Value {
    match (have, want) {
        (Value::Object(held), Value::Object(asked)) => {
            let mut all: Map<String, Value> = held.clone();
            for (key, value) in asked {
                let own = held.keys().find(|own| own.eq_ignore_ascii_case(key)).unwrap_or(key);
                let before = held.get(own).unwrap_or(&Value::Null);
                all.insert(own.clone(), merged(before, value));
            }
            Value::Object(all)
        }
        (Value::Array(held), Value::Array(asked)) => {
            let mut all = held.clone();
            for item in asked {
                let at = match name_of(item) {
                    Some(name) => all.iter().position(|other| is_named(other, name)),
                    None => all.iter().position(|other| lacks(item, other).is_empty()),
                };
                match at {
                    Some(at) => all[at] = merged(&all[at], item),
                    None => all.push(item.clone()),
                }
            }
            Value::Array(all)
        }
        (held, Value::Null) => held.clone(),
        (_, asked) => asked.clone(),
    }
}

/// Takes out what only Azure writes, at every depth: sent back, an outdated etag would be held against us.
pub(crate) fn without_read_only(mut body: Value) -> Value {
    fn clean(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|key, _| !["etag", "provisioningState"].iter().any(|own| own.eq_ignore_ascii_case(key)));
                members.values_mut().for_each(clean);
            }
            Value::Array(items) => items.iter_mut().for_each(clean),
            _ => {}
        }
    }
    clean(&mut body);
    body
}

/// A member of an object, its name compared without regard to case.
pub(crate) fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let members = object.as_object()?;
    members.get(name).or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The text at a path of members, such as `["properties", "clientId"]`.
pub(crate) fn text<'a>(body: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(body, |at, name| member(at, name))?.as_str()
}

fn name_of(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

fn is_named(item: &Value, name: &str) -> bool {
    name_of(item).is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn more_is_welcome_less_is_named() {
        let want = json!({"location": "eastus", "tags": {}, "properties": {"subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]}});
        let have = json!({"location": "EastUS", "etag": "x", "properties": {"subnets": [{"name": "other"}, {"name": "Default", "properties": {"addressPrefix": "10.0.0.0/24", "more": 1}}]}});
        assert!(lacks(&want, &have).is_empty());
        let less = json!({"location": "westus", "properties": {"subnets": [{"name": "other"}]}});
        assert_eq!(lacks(&want, &less), ["location", "properties.subnets[default]"]);
        assert_eq!(lacks(&json!({"a": {"b": true}}), &json!(null)), ["a.b"]);
    }

    #[test]
    fn what_is_there_stays() {
        let have = json!({"tags": {"mine": "1"}, "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}, "subnets": [{"name": "other", "id": "/x"}]}});
        let want = json!({"tags": {"ours": "2"}, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "default"}]}});
        let all = merged(&have, &want);
        assert!(lacks(&want, &all).is_empty() && lacks(&have, &all).is_empty());
        assert_eq!(merged(&all, &want), all);
    }
}
