//! The workload identities file: client ids by component, in upstream's flat JSON form.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::Refusal;

/// The keys of the file, in the order in which upstream writes them. The KMS identity stands apart, as `kmsClientID`.
pub const KEYS: [&str; 8] = [
    "imageRegistry",
    "ingress",
    "file",
    "disk",
    "nodePoolManagement",
    "cloudProvider",
    "network",
    "controlPlaneOperator",
];

/// The key in the catalogue of the identity that the file calls `kmsClientID`.
pub const KMS: &str = "kms";

const KMS_MEMBER: &str = "kmsClientID";

/// The client ids of the identities of a cluster, by the catalogue's key (`disk`, `kms` and so on).
pub type ClientIds = BTreeMap<String, String>;

/// The file's text for these identities.
pub fn text(ids: &ClientIds) -> String {
    let mut all = Map::new();
    for key in KEYS {
        if let Some(id) = ids.get(key) {
            all.insert(key.to_owned(), json!({"clientID": id}));
        }
    }
    if let Some(id) = ids.get(KMS) {
        all.insert(KMS_MEMBER.to_owned(), json!(id));
    }
    // Upstream writes no line break at the end.
    format!("{:#}", Value::Object(all))
}

/// Reads the file. Members that upstream does not know are ignored, as upstream does.
///
/// # Errors
/// A [`Refusal`] of `--workload-identities-file` when it is no such file, or lacks one of the identities that every
/// cluster needs: a file that an interrupted run left.
pub fn parse(path: &str, text: &str) -> Result<ClientIds, Refusal> {
    let refuse = |why: String| {
        Refusal::new(
            "--workload-identities-file",
            path,
            why,
            "write it with `create iam`; running that again finishes a file that is incomplete",
        )
    };
    let file: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        // The parser's message quotes nothing of the file.
        refuse(format!("not a JSON object (line {}, column {})", error.line(), error.column()))
    })?;
    let mut ids = ClientIds::new();
    for key in KEYS {
        match file.get(key).and_then(|entry| entry.get("clientID")) {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) if id.is_empty() => {}
            Some(Value::String(id)) => {
                ids.insert(key.to_owned(), id.clone());
            }
            Some(_) => return Err(refuse(format!("{key}.clientID is not a text"))),
        }
    }
    if let Some(id) = file.get(KMS_MEMBER).and_then(Value::as_str).filter(|id| !id.is_empty()) {
        ids.insert(KMS.to_owned(), id.to_owned());
    }
    let optional = ["controlPlaneOperator"];
    let missing: Vec<&str> =
        KEYS.into_iter().filter(|key| !optional.contains(key) && !ids.contains_key(*key)).collect();
    if !missing.is_empty() {
        return Err(refuse(format!("without a client id of {}", missing.join(", "))));
    }
    if let Some((key, id)) = ids.iter().find(|(_, id)| uuid::Uuid::try_parse(id).is_err()) {
        return Err(refuse(format!("the client id of {key}, '{id}', is no UUID")));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all() -> ClientIds {
        KEYS.iter()
            .enumerate()
            .map(|(at, key)| ((*key).to_owned(), format!("00000000-0000-0000-0000-00000000000{at}")))
            .collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let mut ids = all();
        assert_eq!(parse("f", &text(&ids)).unwrap(), ids);
        assert!(!text(&ids).contains("kms"));
        ids.insert(KMS.into(), "00000000-0000-0000-0000-00000000000a".into());
        assert_eq!(parse("f", &text(&ids)).unwrap(), ids);
        assert!(text(&ids).starts_with("{\n  \"imageRegistry\": {\n    \"clientID\": \"0000"));
        assert!(text(&ids).ends_with("\"kmsClientID\": \"00000000-0000-0000-0000-00000000000a\"\n}"));
    }

    #[test]
    fn broken_files_are_refused() {
        let without = |key: &str| {
            let mut ids = all();
            ids.remove(key);
            parse("f", &text(&ids))
        };
        assert!(without("controlPlaneOperator").is_ok());
        assert!(without("disk").unwrap_err().why.contains("disk"));
        assert!(parse("f", "").unwrap_err().why.contains("JSON"));
        assert!(parse("f", "[]").is_err());
        let mut ids = all();
        ids.insert("disk".into(), "nonsense".into());
        assert!(parse("f", &text(&ids)).unwrap_err().why.contains("nonsense"));
    }
}
