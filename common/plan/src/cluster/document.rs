//! [`ClusterSpec`] as a file: what `create cluster -f` reads and `--print-spec` writes.
//!
//! Every key of `spec` is a flag of `create cluster`, in camel case instead of with dashes. `hosted-cluster-spec.schema.json`
//! beside this file describes it; a test keeps the two equal.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::spec::ClusterSpec;

/// `apiVersion` of the file.
pub const API_VERSION: &str = "hcp-azure.io/v1";
/// `kind` of the file.
pub const KIND: &str = "HostedClusterSpec";

const ENVELOPE: [&str; 3] = ["apiVersion", "kind", "spec"];
/// Keys further apart than this are no slips of the pen.
const CLOSE: f64 = 0.6;

/// What `create cluster` is to do, as a file: the flags by their names in camel case.
///
/// Flags on the command line win over the file, and the file over the defaults. Files that it names are relative to the
/// folder in which the command runs, as those of flags are.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "hcp-azure hosted cluster spec"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    /// The version of this format.
    #[cfg_attr(test, schemars(extend("const" = API_VERSION)))]
    #[expect(dead_code, reason = "it is judged before")]
    api_version: String,
    /// What the file is.
    #[cfg_attr(test, schemars(extend("const" = KIND)))]
    #[expect(dead_code, reason = "it is judged before")]
    kind: String,
    /// The flags.
    spec: ClusterSpec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    api_version: &'static str,
    kind: &'static str,
    spec: Value,
}

/// Reads a file's text.
///
/// # Errors
/// What is wrong with it, with the line and the key, and the key that was probably meant.
pub fn read(text: &str) -> Result<ClusterSpec, String> {
    let whole: Value = serde_saphyr::from_str(text).map_err(|error| problem(&error, "not YAML"))?;
    let Value::Object(map) = &whole else {
        return Err(if whole.is_null() { "it is empty".into() } else { "it is no mapping of keys to values".into() });
    };
    for (key, want) in [(ENVELOPE[0], API_VERSION), (ENVELOPE[1], KIND)] {
        match map.get(key) {
            Some(Value::String(found)) if found == want => {}
            Some(Value::String(found)) => return Err(format!("`{key}` is {found}, not {want}")),
            Some(_) => return Err(format!("`{key}` is no text; it is to be {want}")),
            None => return Err(format!("it has no `{key}`, which is to be {want}")),
        }
    }
    match map.get(ENVELOPE[2]) {
        Some(Value::Object(_)) => {}
        Some(_) => return Err("`spec` holds no keys".into()),
        None => return Err("it has no `spec`".into()),
    }
    if let Some(unknown) = unknown_key(map) {
        // The line is the parser's to say.
        let at = serde_saphyr::from_str::<Document>(text).err().and_then(|error| line(&error));
        return Err(at.map_or_else(|| unknown.clone(), |at| format!("line {at}: {unknown}")));
    }
    match serde_saphyr::from_str::<Document>(text) {
        Ok(document) => Ok(document.spec),
        Err(error) => Err(problem(&error, wrong_type(map).as_deref().unwrap_or("a value of the wrong type"))),
    }
}

/// The keys that a file's text gives, whatever their values: those of `spec` and of `spec.machines`. None in a text that
/// [`read`] refuses.
pub fn keys(text: &str) -> BTreeSet<String> {
    const MACHINES: &str = "machines";
    let whole: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let below = |value: &Value| value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
    let mut keys: BTreeSet<String> = below(&whole[ENVELOPE[2]]);
    if keys.remove(MACHINES) {
        let machines: BTreeSet<String> = below(&whole[ENVELOPE[2]][MACHINES]);
        keys.extend(machines);
    }
    keys
}

/// What differs from the defaults, in the order of the flags: each key, in camel case, with its value.
pub fn given(spec: &ClusterSpec) -> Vec<(String, Value)> {
    const MACHINES: &str = "machines";
    let mut shown = differing(&json(spec), &json(&ClusterSpec::default()));
    let machines = shown.shift_remove(MACHINES);
    let machines = machines.and_then(|machines| machines.as_object().cloned()).unwrap_or_default();
    shown.into_iter().chain(machines).collect()
}

/// The file of a spec: what differs from the defaults, and name and namespace in any case.
///
/// # Errors
/// A spec that cannot be serialized, which is a defect.
pub fn write(spec: &ClusterSpec) -> Result<String, serde_saphyr::ser::Error> {
    let mut shown = differing(&json(spec), &json(&ClusterSpec::default()));
    for (key, value) in [("namespace", &spec.namespace), ("name", &spec.name)] {
        shown.shift_insert(0, key.to_owned(), Value::String(value.clone()));
    }
    // Long texts, such as resource ids, stay on one line: folded ones can be neither searched nor compared.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX, prefer_block_scalars: false };
    let written = Written { api_version: API_VERSION, kind: KIND, spec: Value::Object(shown) };
    serde_saphyr::to_string_with_options(&written, options)
}

/// A file's spec with what flags give in place of what it says. `given` holds the names of those flags' fields, as they
/// are in Rust.
///
/// # Errors
/// A spec that cannot be put together, which is a defect.
pub fn overlay(
    file: &ClusterSpec,
    flags: &ClusterSpec,
    given: &BTreeSet<String>,
) -> Result<ClusterSpec, serde_json::Error> {
    const MACHINES: &str = "machines";
    let (mut merged, flags) = (json(file), json(flags));
    for key in given.iter().map(|field| camel_case(field)) {
        if let Some(value) = flags.get(&key).filter(|_| key != MACHINES) {
            merged.insert(key, value.clone());
        } else if let (Some(value), Some(Value::Object(machines))) =
            (flags.get(MACHINES).and_then(|machines| machines.get(&key)), merged.get_mut(MACHINES))
        {
            machines.insert(key, value.clone());
        }
    }
    serde_json::from_value(Value::Object(merged))
}

fn json(spec: &ClusterSpec) -> Map<String, Value> {
    match serde_json::to_value(spec) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn differing(own: &Map<String, Value>, usual: &Map<String, Value>) -> Map<String, Value> {
    let own = own.iter().filter(|(key, value)| usual.get(*key) != Some(value));
    own.map(|(key, value)| match (value, usual.get(key)) {
        (Value::Object(own), Some(Value::Object(usual))) => (key.clone(), Value::Object(differing(own, usual))),
        _ => (key.clone(), value.clone()),
    })
    .collect()
}

fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

/// The first key that is none, in words.
fn unknown_key(document: &Map<String, Value>) -> Option<String> {
    let known = json(&ClusterSpec::default());
    let none = Map::new();
    let below = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_object).cloned();
    let spec = below(document, "spec").unwrap_or_default();
    let machines = below(&spec, "machines").unwrap_or_default();
    let known_machines = known.get("machines").and_then(Value::as_object).unwrap_or(&none);
    let envelope: Map<String, Value> = ENVELOPE.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
    let levels =
        [("the file", document, &envelope), ("`spec`", &spec, &known), ("`spec.machines`", &machines, known_machines)];
    levels.into_iter().find_map(|(place, map, keys)| {
        let unknown = map.keys().find(|key| !keys.contains_key(*key))?;
        let what = format!("`{unknown}` is no key of {place}");
        // A key may also be right, and stand at the wrong level.
        let elsewhere = [("`spec`", &known), ("`spec.machines`", known_machines)];
        let moved = elsewhere.iter().find(|(other, keys)| *other != place && keys.contains_key(unknown));
        Some(match (moved, nearest(unknown, keys.keys())) {
            (Some((other, _)), _) => format!("{what}; it is one of {other}"),
            (None, Some(near)) => format!("{what}; did you mean `{near}`?"),
            (None, None) => what,
        })
    })
}

fn nearest<'a>(unknown: &str, keys: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    // `pull-secret` and `PULL_SECRET` are near to `pullSecret` too.
    let plain = |key: &str| key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let likeness = |key: &str| strsim::normalized_damerau_levenshtein(&plain(unknown), &plain(key));
    let scored = keys.map(|key| (likeness(key), key.as_str()));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= CLOSE).map(|(_, key)| key)
}

/// Which key has a value of the wrong type, in words.
fn wrong_type(document: &Map<String, Value>) -> Option<String> {
    let spec = document.get("spec")?.as_object()?;
    let usual = json(&ClusterSpec::default());
    let wrong = |map: &Map<String, Value>, usual: &Map<String, Value>, prefix: &str| {
        map.iter().find_map(|(key, value)| {
            let usual = usual.get(key)?;
            let want = match usual {
                Value::Bool(_) if !value.is_boolean() => "true or false",
                Value::Number(_) if !value.is_i64() => "a whole number",
                // Each kind of number has its own limits, which the type knows.
                Value::Number(_) if !fits(prefix, key, value) => "a number within its limits",
                Value::Array(_) if !value.as_array().is_some_and(|list| list.iter().all(is_plain)) => "a list of texts",
                Value::Object(_) if !value.is_object() => "a mapping of keys to values",
                Value::String(_) if !is_plain(value) => "a text",
                Value::Null if !is_plain(value) && !value.is_null() => "a text",
                _ => return None,
            };
            Some(format!("`{prefix}{key}` is to be {want}"))
        })
    };
    wrong(spec, &usual, "").or_else(|| {
        let (own, usual) = (spec.get("machines")?.as_object()?, usual.get("machines")?.as_object()?);
        wrong(own, usual, "machines.")
    })
}

fn fits(prefix: &str, key: &str, value: &Value) -> bool {
    let own = Map::from_iter([(key.to_owned(), value.clone())]);
    let spec = if prefix.is_empty() { Value::Object(own) } else { serde_json::json!({"machines": own}) };
    serde_json::from_value::<ClusterSpec>(spec).is_ok()
}

fn is_plain(value: &Value) -> bool {
    value.is_string() || value.is_number() || value.is_boolean()
}

/// The parser's words may quote the file, which can hold anything; ours do not.
fn problem(error: &serde_saphyr::Error, what: &str) -> String {
    let what = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => format!("`{key}` stands twice"),
        serde_saphyr::Error::DuplicateMappingKey { key: None, .. } => "a key stands twice".to_owned(),
        serde_saphyr::Error::MultipleDocuments { .. } => "a second document begins".to_owned(),
        _ => what.to_owned(),
    };
    line(error).map_or_else(|| what.clone(), |at| format!("line {at}: {what}"))
}

fn line(error: &serde_saphyr::Error) -> Option<u64> {
    error.location().map(|at| at.line()).filter(|line| *line > 0)
}

#[cfg(test)]
mod tests;
