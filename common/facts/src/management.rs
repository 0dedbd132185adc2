//! Facts about the management cluster.

use serde::{Deserialize, Serialize};

use crate::Fact;
use crate::hosted::Workload;

/// What the management cluster holds besides the hosted cluster itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Management {
    /// The Kubernetes version of the management cluster, as `v1.33.2`.
    pub kubernetes_version: Fact<String>,
    /// HyperShift operators found: one, or more when a manual install and MCE's live side by side. Absent when there is none.
    pub operators: Fact<Vec<Operator>>,
    /// The API resources of HyperShift, Cluster API and CAPZ that are served.
    pub api_resources: Fact<Vec<ApiResource>>,
    /// What the caller may do, one entry per question asked.
    pub access: Fact<Vec<AccessReview>>,
    /// The `supported-versions` ConfigMap of the operator's namespace.
    pub supported_versions: Fact<SupportedVersions>,
    /// Its nodes and operators, and the other hosted clusters.
    pub fleet: crate::fleet::Fleet,
}

/// A HyperShift operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// Its namespace, `hypershift` by default.
    pub namespace: String,
    /// Its Deployment.
    pub workload: Workload,
    /// Its image.
    pub image: String,
    /// Its arguments, less anything that looks like a secret.
    pub args: Vec<String>,
}

/// A kind that the management cluster serves or defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiResource {
    /// API group.
    pub group: String,
    /// Plural name.
    pub plural: String,
    /// Served versions.
    pub versions: Vec<String>,
    /// Whether the CustomResourceDefinition is Established; from discovery alone a served resource counts as established.
    pub established: bool,
}

/// The answer to one SelfSubjectAccessReview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessReview {
    /// Verb.
    pub verb: String,
    /// API group.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Namespace; none for cluster scope.
    pub namespace: Option<String>,
    /// The answer.
    pub allowed: bool,
}

/// What the operator says it supports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedVersions {
    /// Minor versions such as `4.22`.
    pub versions: Vec<String>,
    /// The operator's own revision.
    pub server_version: Option<String>,
}
