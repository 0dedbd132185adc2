//! Facts that nobody foresaw: healthy ones of which random parts were replaced.

use facts::Facts;
use serde_json::{Value, json};

const TEXTS: [&str; 40] = [
    "",
    " ",
    "*",
    "-",
    "/",
    "é",
    "\u{202e}\u{0}\n`|<&\"'",
    "0",
    "-1",
    "443",
    "0-65535",
    "65535-0",
    "99999999999999999999999999",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/33",
    "255.255.255.255/32",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
    "10.0.0.1",
    "Internet",
    "VirtualNetwork",
    "Storage.EastUS",
    "None",
    "VirtualAppliance",
    "True",
    "False",
    "Unknown",
    "NotRegistered",
    "4.22",
    "5.0.0-rc.1",
    "18446744073709551615.18446744073709551615.0",
    "quay.io/a/b:18446744073709551615.1.0@sha256:",
    "https://",
    "http://[::1",
    "/subscriptions//resourceGroups//providers/é/x/é",
    "AADSTS99999999999: é assertion subject '",
    "ERROR CODE: QuotaExceeded {\"error\":{\"code\":\"é\",\"details\":[",
    "RESPONSE 409: Current Limit: 99999999999999999999, Current Usage: -1",
    "deployment has 1 unavailable replicas",
    "in location eastus zone 9 zone",
];

const TIMES: [&str; 5] = [
    "-009999-01-02T01:59:59Z",
    "9999-12-30T22:00:00.999999999Z",
    "1970-01-01T00:00:00Z",
    "2026-11-20T11:59:59Z",
    "2026-11-20T12:00:01Z",
];

const NUMBERS: [i64; 14] = [
    0,
    1,
    -1,
    2,
    7,
    65_535,
    65_536,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    i64::MAX,
    i64::MIN,
    1 << 40,
    31,
];

/// Replaces one part of `facts` for each of `picks`, the first of which says what and the second by what. A change that no
/// bundle could hold is left out.
pub(crate) fn mutated(facts: &Facts, picks: &[(u32, u32)]) -> Facts {
    let mut tree = serde_json::to_value(facts).unwrap();
    let mut last = facts.clone();
    for &(what, by) in picks {
        let mut places = Vec::new();
        collect(String::new(), &tree, &mut places);
        let place = &places[what as usize % places.len()];
        let donor = tree.pointer(&places[by as usize % places.len()]).cloned().unwrap_or_default();
        let mut changed = tree.clone();
        let part = changed.pointer_mut(place).unwrap();
        *part = replacement(part, by as usize, donor);
        if let Ok(facts) = serde_json::from_value(changed.clone()) {
            (tree, last) = (changed, facts);
        }
    }
    last
}

fn replacement(old: &Value, by: usize, donor: Value) -> Value {
    // Now and then a part of the same facts, which may be of another type or belong to another thing.
    if by.is_multiple_of(11) {
        return donor;
    }
    let pick = by / 11;
    match old {
        Value::String(text) if is_time(text) => json!(TIMES[pick % TIMES.len()]),
        Value::String(text) if pick.is_multiple_of(9) => json!(text.repeat(2000 / text.len().max(1))),
        Value::String(text) if pick % 9 == 1 => json!(text.to_uppercase()),
        Value::String(text) if pick % 9 == 2 => json!(text.chars().skip(1).collect::<String>()),
        Value::String(_) => json!(TEXTS[pick % TEXTS.len()]),
        Value::Number(_) if pick % 15 == 14 => json!(u64::MAX),
        Value::Number(_) => json!(NUMBERS[pick % NUMBERS.len()]),
        Value::Bool(value) => json!(!value),
        Value::Null => {
            json!([json!(TEXTS[pick % TEXTS.len()]), json!(NUMBERS[pick % NUMBERS.len()]), json!(true)][pick % 3])
        }
        Value::Array(_) if pick.is_multiple_of(3) => json!([]),
        Value::Array(items) => json!([&items[..], &items[..]].concat()),
        Value::Object(fields) if fields.contains_key("state") && pick.is_multiple_of(2) => json!({"state": "absent"}),
        Value::Object(fields) if fields.contains_key("state") => {
            json!({"state": "unreadable", "value": {"kind": "denied", "why": TEXTS[pick % TEXTS.len()]}})
        }
        Value::Object(fields) if pick.is_multiple_of(2) => {
            fields.iter().skip(1).map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Value::Object(_) => Value::Null,
    }
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b'T'
}

fn collect(path: String, value: &Value, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                collect(format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), value, places);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                collect(format!("{path}/{at}"), value, places);
            }
        }
        _ => {}
    }
    if !path.is_empty() {
        places.push(path);
    }
}
