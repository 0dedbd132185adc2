//! Asking an image registry which OpenShift version a release image is.
//!
//! The version is a label of the image's configuration, so that no layer is fetched: manifest, for several architectures
//! the manifest of one, configuration. Only https; what is addressed by its digest is held to it; the pull secret goes to
//! the registry that it is for and to the token service that this one names, and nowhere else.
//!
//! Sources: OCI distribution specification; CNCF distribution, token authentication; openshift/oc release info
//! (label `io.openshift.release`).

mod answer;
mod auth;
mod fetch;
mod reference;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use facts::version::Version;
use plan::upgrade::{Payload, ReleaseImage};
use secrecy::SecretString;
use serde::Deserialize;

use crate::clouds::Cloud;
use crate::http::Calls;
use auth::Credentials;
use fetch::{Fetch, MAX_CONFIG, MAX_MANIFEST};
use reference::Reference;

pub(crate) use answer::ask;
pub use shape::pull_secret_of;

/// The label that holds the version.
const LABEL: &str = "io.openshift.release";
/// Lists of manifests, then manifests, of OCI and of Docker.
const LISTS: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// Why a registry did not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The text names no image in a registry.
    #[error("'{image}' names no image in a registry: {why}")]
    NoImage {
        /// The text.
        image: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The registry could not be asked, refuses, or answers nonsense.
    #[error("{address}: {why}")]
    Unanswered {
        /// What was asked.
        address: String,
        /// What came instead of an answer.
        why: String,
    },
    /// The registry, or its token service, refuses who we are to it (401, 403).
    #[error("{address}: {}", refusal(*.status, *.with_credentials))]
    Refused {
        /// What was asked.
        address: String,
        /// HTTP status.
        status: u16,
        /// Whether the pull secret has credentials for it.
        with_credentials: bool,
    },
    /// The registry has no such image.
    #[error("{address}: there is no such image (404)")]
    Missing {
        /// What was asked.
        address: String,
    },
    /// The image is there, and is no release.
    #[error("the image is no OpenShift release: it has no label {LABEL} with a version")]
    NoRelease,
    /// The pull secret is none. Its content is never shown.
    #[error("the pull secret is no JSON with `auths`")]
    NoPullSecret,
}

fn refusal(status: u16, with_credentials: bool) -> String {
    if with_credentials {
        format!("it refuses what the pull secret has for it ({status})")
    } else {
        format!("it gives it not to anybody ({status}), and the pull secret has nothing for it")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Vec<Entry>,
    #[serde(default)]
    config: Option<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize, Default)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

#[derive(Deserialize)]
struct ImageConfig {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    config: Option<RunConfig>,
}

#[derive(Deserialize)]
struct RunConfig {
    #[serde(default, rename = "Labels")]
    labels: Option<std::collections::BTreeMap<String, String>>,
}

/// Registries, and who we are to them.
#[derive(Debug)]
pub struct Registry {
    http: reqwest::Client,
    calls: Calls,
    pull_secret: Option<SecretString>,
}

impl Registry {
    /// Registries are asked with a pull secret, without one as anybody.
    ///
    /// # Errors
    /// Certificates of the cloud that cannot be read.
    pub fn new(cloud: &Cloud, calls: Calls, pull_secret: Option<SecretString>) -> Result<Self, reqwest::Error> {
        Ok(Self { http: crate::http::client(cloud)?, calls, pull_secret })
    }

    /// Looks up the version and the architectures of a release image.
    ///
    /// # Errors
    /// [`RegistryError`]; none shows a secret.
    pub async fn release(&self, image: &str) -> Result<ReleaseImage, RegistryError> {
        release(&self.http, &self.calls, image, self.pull_secret.as_ref()).await
    }
}

/// The registry of an image as pull secrets name it; empty for a text that names none.
fn registry_of(image: &str) -> String {
    Reference::parse(image).map(|reference| reference.registry).unwrap_or_default()
}

async fn release(
    http: &reqwest::Client,
    calls: &Calls,
    image: &str,
    pull_secret: Option<&SecretString>,
) -> Result<ReleaseImage, RegistryError> {
    let reference = Reference::parse(image).map_err(|why| RegistryError::NoImage { image: image.to_owned(), why })?;
    let credentials = pull_secret.map(|secret| Credentials::of(secret, &reference)).transpose()?.flatten();
    let mut fetch = Fetch::new(http, calls, &reference, credentials);
    let accept = [LISTS, MANIFESTS].concat().join(", ");
    let mut manifest: Manifest =
        fetch.json(&format!("manifests/{}", reference.version), &accept, reference.digest(), MAX_MANIFEST).await?;
    let is_list =
        !manifest.manifests.is_empty() || manifest.media_type.as_deref().is_some_and(|kind| LISTS.contains(&kind));
    let mut architectures: BTreeSet<String> = BTreeSet::new();
    if is_list {
        let platform = |entry: &Entry| entry.platform.as_ref().map(|it| (it.os.clone(), it.architecture.clone()));
        architectures = manifest
            .manifests
            .iter()
            .filter_map(platform)
            // Attestations are listed as images of an unknown platform.
            .filter(|(os, _)| os == "linux")
            .map(|(_, architecture)| architecture)
            .collect();
        let usual = |entry: &&Entry| platform(entry) == Some(("linux".to_owned(), "amd64".to_owned()));
        let one = manifest.manifests.iter().find(usual).or(manifest.manifests.first());
        let Some(one) = one else { return Err(RegistryError::NoRelease) };
        let digest = one.digest.clone();
        manifest =
            fetch.json(&format!("manifests/{digest}"), &MANIFESTS.join(", "), Some(&digest), MAX_MANIFEST).await?;
    }
    let Some(Entry { digest, .. }) = manifest.config else { return Err(RegistryError::NoRelease) };
    let config: ImageConfig =
        fetch.json(&format!("blobs/{digest}"), "application/json, */*", Some(&digest), MAX_CONFIG).await?;
    let label = config.config.and_then(|config| config.labels?.remove(LABEL));
    let version = label.as_deref().and_then(Version::parse).ok_or(RegistryError::NoRelease)?;
    if architectures.is_empty() && !config.architecture.is_empty() {
        architectures.insert(config.architecture);
    }
    let payload = match (architectures.len(), architectures.pop_first()) {
        (1, Some(only)) => Payload::Single(only),
        (0, _) => Payload::Unknown,
        _ => Payload::Multi,
    };
    Ok(ReleaseImage { image: image.to_owned(), version: Ok(version), payload })
}
