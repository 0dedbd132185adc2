//! [`ReleaseImage`]: what is known of a release by its image.

use facts::version::Version;

/// A release image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseImage {
    /// The image, as it was given.
    pub image: String,
    /// Its version, or why it is not known.
    pub version: Result<Version, String>,
    /// For which architectures it is.
    pub payload: Payload,
}

/// For which architectures a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// For several.
    Multi,
    /// For this one alone, as Kubernetes names it: `amd64`, `arm64`.
    Single(String),
    /// Nothing tells.
    Unknown,
}

/// What stands behind the version in a tag, and the architecture that it means.
const SUFFIXES: [(&str, Option<&str>); 7] = [
    ("-multi", None),
    ("-x86_64", Some("amd64")),
    ("-amd64", Some("amd64")),
    ("-aarch64", Some("arm64")),
    ("-arm64", Some("arm64")),
    ("-ppc64le", Some("ppc64le")),
    ("-s390x", Some("s390x")),
];

impl ReleaseImage {
    /// A release by the tag of its image; none when the tag is no version or there is a digest.
    pub fn of_tag(image: &str) -> Option<Self> {
        let version = Version::of_image(image)?;
        let told = SUFFIXES.iter().find(|(suffix, _)| image.ends_with(suffix));
        let payload = match told {
            Some((_, Some(arch))) => Payload::Single((*arch).to_owned()),
            Some((_, None)) => Payload::Multi,
            None => Payload::Unknown,
        };
        Some(Self { image: image.to_owned(), version: Ok(version), payload })
    }

    /// Its version if it is known, else its image.
    pub fn words(&self) -> String {
        self.version.as_ref().map_or_else(|_| self.image.clone(), Version::to_string)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_tag_tells_version_and_architecture() {
        let of = |image: &str| {
            ReleaseImage::of_tag(image).map(|release| (release.version.unwrap().to_string(), release.payload))
        };
        let single = |arch: &str| Payload::Single(arch.into());
        for (image, version, payload) in [
            ("q.io/r:4.22.3-multi", "4.22.3", Payload::Multi),
            ("q.io/r:4.22.3-x86_64", "4.22.3", single("amd64")),
            ("q.io/r:4.22.3-multi-aarch64", "4.22.3", single("arm64")),
            ("q.io:5000/r:5.0.0-rc.1", "5.0.0-rc.1", Payload::Unknown),
        ] {
            assert_eq!(of(image), Some((version.to_owned(), payload)), "{image}");
        }
        for image in ["q.io/r@sha256:01", "q.io/r:4.22.3-multi@sha256:01", "q.io/r:latest", "q.io/r"] {
            assert_eq!(of(image), None, "{image}");
        }
    }
}
