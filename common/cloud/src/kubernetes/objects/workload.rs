//! ControlPlaneComponent, Deployment and StatefulSet, and the HyperShift operator among the Deployments.

use facts::hosted::{Component, Workload};
use facts::management::Operator;
use facts::redact;
use serde_json::Value;

use super::json::{annotation, conditions, int32, items, str_at, string, strings, text, time};

/// Reads a ControlPlaneComponent; none without a name.
pub fn component(object: &Value) -> Option<Component> {
    Some(Component {
        name: text(object, "/metadata/name")?,
        version: text(object, "/status/version"),
        conditions: conditions(object, "/status/conditions"),
    })
}

/// Reads a Deployment or StatefulSet of the given kind: list items carry no kind of their own.
pub fn workload(object: &Value, kind: &str) -> Option<Workload> {
    Some(Workload {
        kind: kind.to_owned(),
        name: text(object, "/metadata/name")?,
        // The API's default.
        desired: int32(object, "/spec/replicas").unwrap_or(1),
        ready: int32(object, "/status/readyReplicas").unwrap_or(0),
        created_at: time(object, "/metadata/creationTimestamp"),
        conditions: conditions(object, "/status/conditions"),
    })
}

/// Whether a Deployment is a HyperShift operator.
///
/// It is named `operator`, and a bare name says little outside namespace `hypershift`: there it must carry the
/// installer's annotation or run the operator's image.
pub fn is_hypershift_operator(object: &Value) -> bool {
    str_at(object, "/metadata/name") == Some("operator")
        && (str_at(object, "/metadata/namespace") == Some("hypershift")
            || annotation(object, "hypershift.openshift.io/install-cli-version").is_some()
            || container(object).is_some_and(|c| str_at(c, "/image").is_some_and(|i| i.contains("hypershift"))))
}

/// Reads a HyperShift operator's Deployment; none without a name.
pub fn operator(object: &Value) -> Option<Operator> {
    let container = container(object).unwrap_or(&Value::Null);
    Some(Operator {
        namespace: string(object, "/metadata/namespace"),
        workload: workload(object, "Deployment")?,
        image: string(container, "/image"),
        args: strings(container, "/args").iter().map(|arg| redact::text(arg)).collect(),
    })
}

fn container(object: &Value) -> Option<&Value> {
    let containers = items(object, "/spec/template/spec/containers");
    containers.iter().find(|container| str_at(container, "/name") == Some("operator")).or(containers.first())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn deployment(namespace: &str, image: &str) -> Value {
        json!({"metadata": {"name": "operator", "namespace": namespace}, "spec": {"replicas": 2, "template": {"spec":
            {"containers": [{"name": "init", "image": "other"},
                {"name": "operator", "image": image, "args": ["run", "--client-secret=s3cr3t"]}]}}},
            "status": {"readyReplicas": 1}})
    }

    #[test]
    fn the_operator_wherever_it_is() {
        assert!(is_hypershift_operator(&deployment("hypershift", "registry/x:1")));
        assert!(is_hypershift_operator(&deployment("mine", "quay.io/acm/hypershift-operator:1")));
        assert!(!is_hypershift_operator(&deployment("mine", "quay.io/other/operator:1")));
        let found = operator(&deployment("hypershift", "i")).unwrap();
        assert_eq!(found.args, ["run", "--client-secret=[redacted]"]);
        assert_eq!((found.image.as_str(), found.workload.desired, found.workload.ready), ("i", 2, 1));
    }
}
