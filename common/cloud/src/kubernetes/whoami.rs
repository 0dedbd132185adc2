//! Who asks.

use serde_json::json;

use super::connection::{Connection, unusable};
use super::error::KubeError;
use super::objects;

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

impl Connection {
    /// The name of the caller as the API server knows it. The review changes nothing, and everybody may ask for it.
    ///
    /// # Errors
    /// [`KubeError`]; `NotFound` from servers older than Kubernetes 1.28.
    pub async fn whoami(&self) -> Result<String, KubeError> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let request = http::Request::post(REVIEWS)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(review.to_string().into_bytes())
            .map_err(|error| unusable(&error.to_string()))?;
        let answer = self.json(request).await?;
        objects::text(&answer, "/status/userInfo/username").ok_or_else(|| unusable("a review without a user name"))
    }
}
