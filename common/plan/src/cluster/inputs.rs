//! What the files that a [`super::ClusterSpec`] names hold, and the randomness that a cluster needs.

use std::fmt;

use secrecy::{SecretBox, SecretString};

use super::infra::InfraOutput;
use crate::identities::WorkloadIdentitiesFile;

/// The content of every file that was given. Reading and understanding files is not this crate's part; judging is.
#[derive(Debug)]
pub struct Inputs {
    /// `--infra-json`.
    pub infra: InfraOutput,
    /// `--workload-identities-file`.
    pub identities: Option<WorkloadIdentitiesFile>,
    /// Of `--azure-creds` or the environment.
    pub account: AzureAccount,
    /// `--pull-secret`.
    pub pull_secret: SecretString,
    /// `--ssh-key`, or a pair that was made for `--generate-ssh`.
    pub ssh_key: Option<SshKey>,
    /// `--sa-token-issuer-private-key-path`, as PEM: PKCS#1, which is all that HyperShift reads.
    pub signing_key: Option<SecretString>,
    /// Whether the file has the signing key in another form.
    pub signing_key_rewritten: bool,
    /// `--additional-trust-bundle`, as PEM.
    pub trust_bundle: Option<String>,
    /// `--image-content-sources`.
    pub image_content_sources: Vec<ImageContentSource>,
}

/// Whose Azure resources a cluster uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureAccount {
    /// The subscription's id.
    pub subscription_id: String,
    /// The tenant's id.
    pub tenant_id: String,
}

/// A key for SSH to the nodes.
#[derive(Debug)]
pub struct SshKey {
    /// The public half, a line as in `authorized_keys`.
    pub public: String,
    /// The private half, when we made it.
    pub private: Option<SecretString>,
}

/// Mirrors of a registry's repository.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageContentSource {
    /// Where to pull from instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<String>,
    /// What is mirrored.
    #[serde(default)]
    pub source: String,
}

/// Randomness, made by the caller.
pub struct Entropy {
    /// The key that encrypts etcd, unless a KMS does.
    pub etcd_key: SecretBox<[u8; 32]>,
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entropy").finish_non_exhaustive()
    }
}
