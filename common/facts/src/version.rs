//! OpenShift versions: the one place that knows that 5.x continues 4.(23+x).

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many minors a NodePool may be behind its HostedCluster.
/// Source: openshift/hypershift, NodePool version skew validation; the same for even and odd minors.
pub const MAX_SKEW: u64 = 3;

/// The oldest minor that any HyperShift operator of this generation supports.
pub const OLDEST_MINOR: (u64, u64) = (4, 14);

/// The last minor of major 4; OpenShift 5.0 has the same Kubernetes and counts as the same minor.
const LAST_FOUR: u64 = 23;

/// An OpenShift version such as `4.22.3` or `5.0.0-rc.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(semver::Version);

impl Version {
    /// Reads a version, or the tag of a release image such as `4.22.3-multi` or `4.22.3-x86_64`.
    ///
    /// The architecture suffix of a tag is not part of the version and is dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let mut text = text.trim().trim_start_matches('v');
        // A tag may carry both, as `4.22.3-multi-x86_64` does.
        for suffix in ["-x86_64", "-aarch64", "-arm64", "-amd64", "-ppc64le", "-s390x", "-multi"] {
            text = text.strip_suffix(suffix).unwrap_or(text);
        }
        semver::Version::parse(text).ok().map(Self)
    }

    /// The version in the tag of a release image; none for a digest or a tag that is no version.
    pub fn of_image(image: &str) -> Option<Self> {
        let (_, name) = image.rsplit_once('/')?;
        if name.contains('@') {
            return None;
        }
        let (_, tag) = name.split_once(':')?;
        Self::parse(tag)
    }

    /// Major.
    pub fn major(&self) -> u64 {
        self.0.major
    }

    /// Minor.
    pub fn minor(&self) -> u64 {
        self.0.minor
    }

    /// Major and minor as written: `4.22`.
    pub fn minor_text(&self) -> String {
        format!("{}.{}", self.0.major, self.0.minor)
    }

    /// The minor on one line through both majors: 4.22 is 22, 5.0 is 23 as 4.23 is, 5.1 is 24.
    pub fn normalized_minor(&self) -> u64 {
        normalize(self.0.major, self.0.minor)
    }
}

/// The minor on one line through both majors. Majors beyond 5 do not exist and continue the line of 5.
pub fn normalize(major: u64, minor: u64) -> u64 {
    if major >= 5 { LAST_FOUR.saturating_add(minor) } else { minor }
}

/// Reads a minor such as `4.22`.
pub fn parse_minor(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// How a NodePool's version stands to its HostedCluster's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// Supported; so many minors behind.
    Supported {
        /// Minors behind, 0 to [`MAX_SKEW`].
        behind: u64,
    },
    /// The NodePool is newer than its HostedCluster.
    Newer,
    /// The NodePool is too many minors behind.
    TooOld {
        /// Minors behind.
        behind: u64,
    },
}

/// Judges the skew of a NodePool against its HostedCluster.
///
/// A NodePool must not be newer by full version (5.0 counts as newer than 4.23), and at most [`MAX_SKEW`] minors behind
/// on the joined line of both majors.
pub fn skew(cluster: &Version, node_pool: &Version) -> Skew {
    if node_pool > cluster {
        return Skew::Newer;
    }
    let behind = cluster.normalized_minor().saturating_sub(node_pool.normalized_minor());
    if behind > MAX_SKEW { Skew::TooOld { behind } } else { Skew::Supported { behind } }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("'{text}' is not an OpenShift version"))
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn images_and_tags() {
        let image = |text| Version::of_image(text).map(|version| version.to_string());
        assert_eq!(image("quay.io/openshift-release-dev/ocp-release:4.22.3-multi").as_deref(), Some("4.22.3"));
        assert_eq!(image("localhost:5000/ocp/release:5.0.0-rc.1-x86_64").as_deref(), Some("5.0.0-rc.1"));
        assert_eq!(image("quay.io/ocp-release:4.22.3-multi-x86_64").as_deref(), Some("4.22.3"));
        assert_eq!(image("quay.io/ocp@sha256:abc"), None);
        assert_eq!(image("quay.io/ocp-release:latest"), None);
        assert_eq!(image("localhost:5000/ocp"), None);
    }

    #[test]
    fn skew_over_both_majors() {
        let table = [
            ("4.22.3", "4.22.3", Skew::Supported { behind: 0 }),
            ("4.22.3", "4.22.4", Skew::Newer),
            ("4.22.3", "4.23.0", Skew::Newer),
            ("4.22.3", "4.19.9", Skew::Supported { behind: 3 }),
            ("4.22.3", "4.18.40", Skew::TooOld { behind: 4 }),
            ("5.0.0", "4.23.1", Skew::Supported { behind: 0 }),
            ("4.23.1", "5.0.0", Skew::Newer),
            ("5.0.0", "4.20.0", Skew::Supported { behind: 3 }),
            ("5.0.0", "4.19.0", Skew::TooOld { behind: 4 }),
            ("5.1.0", "4.21.0", Skew::Supported { behind: 3 }),
            ("5.1.0", "4.20.0", Skew::TooOld { behind: 4 }),
            ("5.1.0", "5.0.0", Skew::Supported { behind: 1 }),
        ];
        for (cluster, pool, want) in table {
            let got = skew(&Version::parse(cluster).unwrap(), &Version::parse(pool).unwrap());
            assert_eq!(got, want, "cluster {cluster}, pool {pool}");
        }
    }
}
