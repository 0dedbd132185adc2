//! The hosted cluster's own view: its API server and objects.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fact;
use crate::hosted::Condition;

/// The hosted cluster's own view: its API server and objects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Guest {
    /// ClusterOperators, sorted by name.
    pub cluster_operators: Fact<Vec<ClusterOperator>>,
    /// Nodes, sorted by name.
    pub nodes: Fact<Vec<Node>>,
    /// Certificate signing requests of kubelets that nobody has decided on, oldest first.
    pub signing_requests: Fact<Vec<SigningRequest>>,
    /// The Secrets from which operators take their Azure credentials, by `namespace/name`; see [`OPERAND_SECRETS`].
    pub credentials: Fact<BTreeMap<String, Fact<OperandCredentials>>>,
    /// Pods that no node can take, oldest first; at most [`MAX_PODS`].
    pub unschedulable: Fact<Vec<UnschedulablePod>>,
    /// Admission webhooks with failure policy `Fail` whose Service has no ready endpoint.
    pub dead_webhooks: Fact<Vec<DeadWebhook>>,
    /// What tokens for audience `openshift` say, by subject; a service account that does not exist is absent.
    pub tokens: Fact<BTreeMap<String, Fact<GuestToken>>>,
    /// What the egress probe reported; absent when none ran.
    pub egress_probe: Fact<EgressProbe>,
}

/// How many unschedulable pods are kept.
pub const MAX_PODS: usize = 50;

/// The Secrets that the hosted cluster config operator fills with Azure credentials: namespace, name and key
/// of the identity.
///
/// Source: openshift/hypershift, hostedclusterconfigoperator/controllers/resources (manifests/creds.go, azure/azure.go).
pub const OPERAND_SECRETS: [(&str, &str, &str); 4] = [
    ("openshift-cluster-csi-drivers", "azure-disk-credentials", "disk"),
    ("openshift-cluster-csi-drivers", "azure-file-credentials", "file"),
    ("openshift-image-registry", "installer-cloud-credentials", "imageRegistry"),
    ("openshift-ingress-operator", "cloud-credentials", "ingress"),
];

/// The file in which each operator finds its token.
///
/// Source: openshift/hypershift, hostedclusterconfigoperator/controllers/resources/resources.go.
pub const TOKEN_FILE: &str = "/var/run/secrets/openshift/serviceaccount/token";

/// A ClusterOperator (`config.openshift.io/v1`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOperator {
    /// Name.
    pub name: String,
    /// The version of `operator` in `status.versions`.
    pub version: Option<String>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl ClusterOperator {
    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Name.
    pub name: String,
    /// `spec.providerID`: `azure://` and the ARM id of the VM.
    pub provider_id: Option<String>,
    /// Whether the condition `Ready` is True.
    pub ready: bool,
    /// `status.nodeInfo.kubeletVersion`.
    pub version: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
}

/// A CertificateSigningRequest of a kubelet that is neither approved nor denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningRequest {
    /// Name.
    pub name: String,
    /// `spec.signerName`.
    pub signer: String,
    /// `spec.username`: who asks.
    pub requestor: String,
    /// The node that the certificate is for, from the request's subject.
    pub node: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
}

impl SigningRequest {
    /// Whether it is for the certificate with which a node joins; else it is for the one that its kubelet serves with.
    pub fn is_for_joining(&self) -> bool {
        self.signer == "kubernetes.io/kube-apiserver-client-kubelet"
    }
}

/// The public fields of a Secret with Azure credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperandCredentials {
    /// `azure_client_id`.
    pub client_id: Option<String>,
    /// `azure_tenant_id`.
    pub tenant_id: Option<String>,
    /// `azure_resourcegroup`.
    pub resource_group: Option<String>,
    /// `azure_federated_token_file`.
    pub token_file: Option<String>,
}

/// A pod that no node can take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnschedulablePod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What the scheduler says.
    pub message: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// An admission webhook that nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadWebhook {
    /// `ValidatingWebhookConfiguration` or `MutatingWebhookConfiguration`.
    pub kind: String,
    /// The name of that configuration.
    pub configuration: String,
    /// The name of the webhook in it.
    pub name: String,
    /// The Service that should answer, as `namespace/name`.
    pub service: String,
    /// The resources that its rules match, as `group/resource`; without a group for the core group.
    pub resources: Vec<String>,
    /// Whether it only looks at objects or namespaces with certain labels.
    pub is_selective: bool,
}

/// Header and claims of a service account token; never the token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GuestToken {
    /// `kid` of the header.
    pub key_id: Option<String>,
    /// `alg` of the header.
    pub algorithm: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`.
    pub audiences: Vec<String>,
}

/// What the egress probe reported from a worker node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EgressProbe {
    /// The pod whose log it is.
    pub pod: String,
    /// The node it ran on.
    pub node: Option<String>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Whether it came to its end.
    pub complete: bool,
    /// The version of the list of addresses.
    pub list: Option<String>,
    /// One result per address.
    pub results: Vec<ProbeResult>,
}

/// How the probe reached one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeResult {
    /// `host:port`.
    pub address: String,
    /// curl's exit code; zero when an answer came.
    pub curl: i32,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// The issuer of the certificate that was shown.
    #[serde(default)]
    pub certificate_issuer: Option<String>,
}
