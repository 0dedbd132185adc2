//! Tolerant reading of Kubernetes JSON: what is missing or of another type reads as nothing, and nothing panics.

use facts::hosted::Condition;
use facts::redact;
use jiff::Timestamp;
use serde_json::Value;

/// A non-empty string at a JSON pointer.
pub fn text(value: &Value, pointer: &str) -> Option<String> {
    str_at(value, pointer).map(str::to_owned)
}

/// A non-empty string at a JSON pointer, borrowed.
pub fn str_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// A string at a JSON pointer, empty when there is none.
pub fn string(value: &Value, pointer: &str) -> String {
    text(value, pointer).unwrap_or_default()
}

/// Free text that other programs wrote, redacted; none when it is missing or empty.
pub fn free_text(value: &Value, pointer: &str) -> Option<String> {
    str_at(value, pointer).map(redact::text)
}

/// A whole number at a JSON pointer.
pub fn int64(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer)?.as_i64()
}

/// A whole number at a JSON pointer that fits 32 bits.
pub fn int32(value: &Value, pointer: &str) -> Option<i32> {
    int64(value, pointer).and_then(|number| i32::try_from(number).ok())
}

/// An RFC 3339 time at a JSON pointer.
pub fn time(value: &Value, pointer: &str) -> Option<Timestamp> {
    str_at(value, pointer)?.parse().ok()
}

/// The elements of a list at a JSON pointer.
pub fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The members of an object at a JSON pointer.
pub fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(|object| object.iter())
}

/// The strings of a list at a JSON pointer.
pub fn strings(value: &Value, pointer: &str) -> Vec<String> {
    items(value, pointer).iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A label. Label keys hold `/`, which a JSON pointer would have to escape.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(key)?.as_str()
}

/// An annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// The conditions in a list at a JSON pointer; entries without a type are left out.
pub fn conditions(value: &Value, pointer: &str) -> Vec<Condition> {
    items(value, pointer)
        .iter()
        .filter_map(|item| {
            Some(Condition {
                kind: text(item, "/type")?,
                status: string(item, "/status"),
                reason: string(item, "/reason"),
                message: free_text(item, "/message").unwrap_or_default(),
                last_transition: time(item, "/lastTransitionTime"),
                observed_generation: int64(item, "/observedGeneration"),
            })
        })
        .collect()
}
