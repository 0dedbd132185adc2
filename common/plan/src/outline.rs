//! What a change does, in a text that holds no secret: two changes with one outline do the same.

use serde_json::Value;

use crate::change::{Change, Content};

/// The keys of a Kubernetes Secret under which its values stand.
const SECRET_VALUES: [&str; 2] = ["data", "stringData"];

impl Change {
    /// What it does. Of what is secret only the names are said: what stands in it is read or made when the change is.
    pub fn outline(&self) -> String {
        match self {
            Self::Manifest { object, late } => format!("apply {} {late:?}", without_values(object.object())),
            Self::ManifestDelete(object) => format!("delete {object}"),
            Self::File { path, content: Content::Text(text, late) } => {
                format!("write {} {text} {late:?}", path.display())
            }
            // Neither a Secret's nor a body's Debug output shows what must not be seen.
            other => format!("{other:?}"),
        }
    }
}

/// An object, without the values where it is a Secret.
fn without_values(object: &Value) -> Value {
    let mut object = object.clone();
    if object["kind"] != "Secret" {
        return object;
    }
    for key in SECRET_VALUES {
        if let Some(values) = object.get_mut(key).and_then(Value::as_object_mut) {
            values.values_mut().for_each(|value| *value = Value::Null);
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::late::Late;
    use crate::manifest::Manifest;

    #[test]
    fn an_outline_tells_what_is_written_and_no_secret() {
        let of = |object: Value| Change::Manifest { object: Manifest::new(object), late: Late::default() }.outline();
        let secret =
            |key: &str, value: &str| of(json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {key: value}}));
        assert_eq!(secret("key", "hunter2"), secret("key", "hunter3"));
        assert_ne!(secret("key", "hunter2"), secret("other", "hunter2"));
        assert!(secret("key", "hunter2").contains("key") && !secret("key", "hunter2").contains("hunter"));
        let pool = |replicas: u8| of(json!({"kind": "NodePool", "spec": {"replicas": replicas}}));
        assert_ne!(pool(2), pool(3));
    }
}
