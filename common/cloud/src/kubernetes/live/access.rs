//! What the caller may do on the management cluster.

use facts::management::AccessReview;
use facts::{Fact, Target};
use serde_json::{Value, json};

use crate::kubernetes::connection::{Connection, unusable};
use crate::kubernetes::error::KubeError;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

impl Connection {
    /// Asks, for everything that a full collection reads, whether the caller may. A review changes nothing.
    pub(super) async fn access(&self, target: &Target) -> Fact<Vec<AccessReview>> {
        let reviews = questions(target).into_iter().map(|question| self.review(question));
        match futures::future::try_join_all(reviews).await {
            Ok(reviews) => Fact::Known(reviews),
            Err(error) => Fact::Unreadable(error.gap("create", "selfsubjectaccessreviews", None)),
        }
    }

    async fn review(&self, question: AccessReview) -> Result<AccessReview, KubeError> {
        let (resource, subresource) = question.resource.split_once('/').unwrap_or((&question.resource, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": question.verb,
                "group": question.group,
                "resource": resource,
                "subresource": subresource,
                "namespace": question.namespace.as_deref().unwrap_or_default(),
            }},
        });
        let request = http::Request::post(REVIEWS)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(review.to_string().into_bytes())
            .map_err(|error| unusable(&error.to_string()))?;
        let answer = self.json(request).await?;
        let allowed = answer
            .pointer("/status/allowed")
            .and_then(Value::as_bool)
            .ok_or_else(|| unusable("an access review without an answer"))?;
        Ok(AccessReview { allowed, ..question })
    }
}

fn questions(target: &Target) -> Vec<AccessReview> {
    let hosted = target.namespace.as_str();
    let control_plane = target.control_plane_namespace();
    let control_plane = control_plane.as_str();
    [
        ("get", "hypershift.openshift.io", "hostedclusters", hosted),
        ("list", "hypershift.openshift.io", "hostedclusters", hosted),
        ("get", "hypershift.openshift.io", "nodepools", hosted),
        ("list", "hypershift.openshift.io", "nodepools", hosted),
        ("get", "", "secrets", hosted),
        ("list", "", "pods", control_plane),
        ("get", "", "pods/log", control_plane),
        ("list", "cluster.x-k8s.io", "machines", control_plane),
        ("list", "infrastructure.cluster.x-k8s.io", "azuremachines", control_plane),
        ("list", "hypershift.openshift.io", "controlplanecomponents", control_plane),
    ]
    .into_iter()
    .map(|(verb, group, resource, namespace)| AccessReview {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: resource.to_owned(),
        namespace: Some(namespace.to_owned()),
        allowed: false,
    })
    .collect()
}
