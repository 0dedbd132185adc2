//! Kubernetes objects as YAML documents.

use serde::Serialize;

/// The objects as YAML documents, each followed by a line `---`, as the upstream CLI prints them.
///
/// # Errors
/// An object that cannot be serialized, which is a defect.
pub fn manifests<T: Serialize>(objects: &[T]) -> Result<String, serde_saphyr::ser::Error> {
    // Long texts, such as resource ids, stay on one line: folded ones can be neither searched nor compared.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    for object in objects {
        let document = serde_saphyr::to_string_with_options(object, options.clone())?;
        text.push_str(document.trim_end());
        text.push_str("\n---\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn texts_keep_their_type_and_their_lines() {
        let long = format!("/subscriptions/{}/x y", "a".repeat(200));
        let object = json!({"zone": "1", "flag": "true", "time": "2026-12-01T09:00:00Z", "empty": {}, "none": "",
            "hex": "0x1f", "octal": "0123", "exponent": "1e3", "id": long, "pem": "-----BEGIN\nAA==\n-----END\n",
            "tail": "a\n\n", "list": [{"a": 1}], "key=": "a: b # c", "null": "null", "dash": "- x", "base": "12:30:45"});
        let text = manifests(&[object.clone(), json!({"b": false})]).unwrap();
        let read: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        assert_eq!(read[0], object);
        assert!(text.ends_with("b: false\n---\n"));
        assert!(text.lines().any(|line| line.contains(&long)), "{text}");
    }
}
