//! [`Manifest`]: an object of the management cluster, as it is to be.

use std::fmt;

use serde_json::{Value, json};

/// A Kubernetes object. It may be a Secret, so that debug output shows nothing but its kind and name.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest(Value);

impl Manifest {
    /// An object with apiVersion, kind and name.
    pub fn new(object: Value) -> Self {
        Self(object)
    }

    /// An object by its name alone, for reading or deleting it.
    pub fn named(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self(json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace},
        }))
    }

    /// A HostedCluster or NodePool by its name alone.
    pub fn of_hypershift(kind: &str, namespace: &str, name: &str) -> Self {
        Self::named("hypershift.openshift.io/v1beta1", kind, namespace, name)
    }

    /// The object.
    pub fn object(&self) -> &Value {
        &self.0
    }

    /// Its API group and version, as `v1` or `hypershift.openshift.io/v1beta1`.
    pub fn api_version(&self) -> &str {
        self.0["apiVersion"].as_str().unwrap_or_default()
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Its namespace; none when its kind has none.
    pub fn namespace(&self) -> Option<&str> {
        self.0["metadata"]["namespace"].as_str()
    }
}

/// `HostedCluster clusters/dev`, as the reader knows it.
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind(), self.name()),
            None => write!(f, "{} {}", self.kind(), self.name()),
        }
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Manifest").field(&self.to_string()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_secret() {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, "stringData": {"key": "hunter2"},
        });
        let manifest = Manifest::new(object);
        assert_eq!(format!("{manifest} {manifest:?}"), "Secret n/s Manifest(\"Secret n/s\")");
    }
}
