//! What a registry says of a release image, as facts.

use facts::release::{RegistryAnswer, ReleaseImage};
use facts::{Fact, Gap, GapKind};
use plan::upgrade::Payload;
use secrecy::SecretString;

use super::{RegistryError, pull_secret_of, registry_of, release};
use crate::http::Calls;

/// What the registry of an image says of it. A refusal is an answer; silence is a gap.
pub(crate) async fn ask(
    http: &reqwest::Client,
    calls: &Calls,
    image: &str,
    pull_secret: Option<&SecretString>,
) -> Fact<ReleaseImage> {
    // What is no pull secret opens nothing; what it lacks is told by its own facts.
    let usable = |secret: &&SecretString| pull_secret_of(secret, String::new()).problem.is_none();
    let answer = match release(http, calls, image, pull_secret.filter(usable)).await {
        Ok(release) => RegistryAnswer::Given {
            version: release.version.ok().map(|version| version.to_string()),
            architecture: match release.payload {
                Payload::Multi => Some("multi".to_owned()),
                Payload::Single(architecture) => Some(architecture),
                Payload::Unknown => None,
            },
        },
        Err(RegistryError::Refused { address, status, with_credentials }) => {
            RegistryAnswer::Refused { address, status, with_credentials }
        }
        Err(RegistryError::Missing { .. }) => RegistryAnswer::Missing,
        Err(RegistryError::NoRelease) => RegistryAnswer::NoRelease,
        Err(RegistryError::NoImage { why, .. }) => RegistryAnswer::NoImage { why: why.to_owned() },
        Err(error @ RegistryError::NoPullSecret) => {
            return Fact::Unreadable(Gap::new(GapKind::Blocked, format!("the registry was not asked: {error}")));
        }
        Err(error @ RegistryError::Unanswered { .. }) => {
            return Fact::Unreadable(Gap::new(GapKind::Unreachable, error.to_string()));
        }
    };
    Fact::Known(ReleaseImage { image: image.to_owned(), registry: registry_of(image), answer })
}
