//! [`Patch`]: a few fields of an object that exists, and what it must still be for them to be changed.
//!
//! It is a JSON patch (RFC 6902) that begins with tests. Server-side apply of these fields alone would drop whatever our
//! own name owns from an earlier apply. The object must still be the one that was judged: its uid says that it was not made
//! anew, and its generation that nobody changed its spec or began to delete it. Its resourceVersion would say too much: each
//! report of status changes it, several times a minute while anything happens.

use serde_json::{Value, json};

use crate::manifest::Manifest;

/// A change of a few fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    object: Manifest,
    uid: Value,
    generation: Value,
    edits: Vec<Edit>,
}

/// One field and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// It has this value then. The object that holds it exists.
    Set(&'static str, Value),
    /// It is there, and is gone then.
    Remove(&'static str),
}

impl Patch {
    /// Edits of an object as it was read. Fields are JSON pointers such as `/spec/replicas`.
    pub fn of(object: &Value, edits: Vec<Edit>) -> Self {
        let metadata = &object["metadata"];
        let named = json!({
            "apiVersion": object["apiVersion"],
            "kind": object["kind"],
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        });
        Self {
            object: Manifest::new(named),
            uid: metadata["uid"].clone(),
            generation: metadata["generation"].clone(),
            edits,
        }
    }

    /// Which object it is, without its content.
    pub fn object(&self) -> &Manifest {
        &self.object
    }

    /// The operations of the JSON patch. A test of what was never read fails, so that nothing is changed unseen.
    pub fn operations(&self) -> Value {
        let test = |path: &str, value: &Value| json!({"op": "test", "path": path, "value": value});
        let tests = [test("/metadata/uid", &self.uid), test("/metadata/generation", &self.generation)];
        let edits = self.edits.iter().map(|edit| match edit {
            Edit::Set(path, value) => json!({"op": "add", "path": path, "value": value}),
            Edit::Remove(path) => json!({"op": "remove", "path": path}),
        });
        tests.into_iter().chain(edits).collect()
    }

    /// Whether an object is still as it was judged: made once, and its spec not changed since.
    pub fn is_of(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        metadata["uid"] == self.uid && metadata["generation"] == self.generation
    }

    /// Whether an object is the one that was judged and has all its edits: then there is nothing to do any more.
    pub fn is_done_in(&self, object: &Value) -> bool {
        let holds = |edit: &Edit| match edit {
            Edit::Set(path, value) => object.pointer(path) == Some(value),
            Edit::Remove(path) => object.pointer(path).is_none(),
        };
        object["metadata"]["uid"] == self.uid
            && object["metadata"].get("deletionTimestamp").is_none()
            && self.edits.iter().all(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_are_touched_and_only_of_the_object_that_was_seen() {
        let object = json!({
            "apiVersion": "hypershift.openshift.io/v1beta1", "kind": "NodePool",
            "metadata": {"name": "a", "namespace": "c", "uid": "u-1", "generation": 4, "resourceVersion": "99"},
            "spec": {"replicas": 2, "release": {"image": "x"}},
        });
        let patch = Patch::of(
            &object,
            vec![Edit::Remove("/spec/replicas"), Edit::Set("/spec/autoScaling", json!({"min": 1, "max": 3}))],
        );
        assert_eq!(patch.object().to_string(), "NodePool c/a");
        assert_eq!(
            patch.operations(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u-1"},
                {"op": "test", "path": "/metadata/generation", "value": 4},
                {"op": "remove", "path": "/spec/replicas"},
                {"op": "add", "path": "/spec/autoScaling", "value": {"min": 1, "max": 3}},
            ])
        );
        assert!(patch.is_of(&object) && !patch.is_done_in(&object));
        let mut then = object.clone();
        then["spec"] = json!({"autoScaling": {"min": 1, "max": 3}});
        assert!(patch.is_done_in(&then));
        then["metadata"]["generation"] = json!(5);
        assert!(!patch.is_of(&then) && patch.is_done_in(&then));
        then["metadata"]["uid"] = json!("u-2");
        assert!(!patch.is_done_in(&then));
    }
}
