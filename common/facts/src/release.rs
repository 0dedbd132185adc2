//! The pull secret and the release image.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// The pull secret and the release image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Release {
    /// The pull secret; absent when the HostedCluster names none, or names one that does not exist.
    pub pull_secret: Fact<PullSecret>,
    /// What the registry of the release image says of it.
    pub image: Fact<ReleaseImage>,
}

/// The shape of a pull secret; never a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullSecret {
    /// Where it was read: `Secret <namespace>/<name>`, or `--pull-secret <path>`.
    pub source: String,
    /// Why it is no pull secret, if so; then it names no registries.
    pub problem: Option<String>,
    /// The registries that it names, sorted by name.
    pub registries: Vec<RegistryEntry>,
}

/// What stands before the path where a pull secret was read from a file.
const FLAG: &str = "--pull-secret ";

impl PullSecret {
    /// [`PullSecret::source`] of one that was read from a file.
    pub fn source_of_file(path: &str) -> String {
        format!("{FLAG}{path}")
    }

    /// The file that it was read from, unless it was a Secret.
    pub fn file(&self) -> Option<&str> {
        self.source.strip_prefix(FLAG)
    }
}

/// A registry of a pull secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegistryEntry {
    /// Its name, as the pull secret writes it.
    pub name: String,
    /// Whether `auth` is base64 of a user and a password.
    pub usable: bool,
    /// When the password expires, where it is a JSON Web Token that says so.
    pub expires_at: Option<Timestamp>,
}

/// What a registry says of a release image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseImage {
    /// The image.
    pub image: String,
    /// Its registry, as pull secrets name it.
    pub registry: String,
    /// The answer.
    pub answer: RegistryAnswer,
}

/// The answer of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum RegistryAnswer {
    /// It gave the manifest.
    #[serde(rename_all = "camelCase")]
    Given {
        /// The version that the image's label `io.openshift.release` names.
        version: Option<String>,
        /// The only architecture, as `amd64`; `multi` for several; none where the image does not say.
        architecture: Option<String>,
    },
    /// It refuses the credentials that it got (401, 403).
    #[serde(rename_all = "camelCase")]
    Refused {
        /// What was asked: the registry, or its token service.
        address: String,
        /// HTTP status.
        status: u16,
        /// Whether the pull secret had credentials for it.
        with_credentials: bool,
    },
    /// It has no such image (404).
    Missing,
    /// The image is there and is no OpenShift release.
    NoRelease,
    /// The text names no image in a registry.
    #[serde(rename_all = "camelCase")]
    NoImage {
        /// What is wrong with it.
        why: String,
    },
}
