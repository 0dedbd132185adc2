//! Which release `--release-stream` means: the newest of the stream that the operator supports.
//!
//! Source of the service's address and of the choice: openshift/hypershift 3ee9615, `cmd/version` and `support/releaseinfo`.
//! Upstream compares versions as texts, so that 4.2 also finds 4.20; here a minor is itself alone.

use std::collections::BTreeSet;

use facts::management::SupportedVersions;
use facts::version::{Version, parse_minor};
use serde::Deserialize;

use crate::Refusal;

const FLAG: &str = "--release-stream";
const FIX: &str = "give `--release-image`, such as quay.io/openshift-release-dev/ocp-release:4.22.3-multi";

/// A release of a stream, as the release service lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Its name, such as `4.22.3-multi`.
    pub name: String,
    /// Its image.
    #[serde(default)]
    pub pull_spec: String,
}

/// The release that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// Its image.
    pub image: String,
}

/// The address of the service that lists a stream's releases. The stream's name tells the architecture.
///
/// # Errors
/// A name that can be no stream's.
pub fn service(stream: &str) -> Result<String, Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !stream.starts_with(|c: char| c.is_ascii_alphanumeric()) || !stream.chars().all(plain) {
        return Err(Refusal::new(
            FLAG,
            stream,
            "not the name of a release stream: letters, digits, dots and dashes",
            "give one such as `4-stable-multi`",
        ));
    }
    let architectures = ["multi", "arm64", "ppc64le", "s390x"];
    let of_stream = |arch: &&str| stream.strip_suffix(*arch).is_some_and(|rest| rest.ends_with('-'));
    let arch = architectures.into_iter().find(of_stream).unwrap_or("amd64");
    Ok(format!("https://{arch}.ocp.releases.ci.openshift.org"))
}

/// The path of a stream's list at the service.
pub fn path(stream: &str) -> String {
    format!("/api/v1/releasestream/{stream}/tags")
}

/// Chooses the newest release of a supported minor; release candidates and what is no version do not count.
///
/// # Errors
/// No release fits: what is supported, and what the stream has.
pub fn choose(stream: &str, tags: &[Tag], supported: Option<&SupportedVersions>) -> Result<Release, Refusal> {
    let minors: BTreeSet<(u64, u64)> =
        supported.map(|list| list.versions.iter().filter_map(|text| parse_minor(text)).collect()).unwrap_or_default();
    if minors.is_empty() {
        return Err(Refusal::new(
            FLAG,
            stream,
            "the HyperShift operator publishes no supported versions, so that no release can be chosen for it",
            FIX,
        ));
    }
    let known: Vec<(Version, &Tag)> = tags
        .iter()
        .filter(|tag| !tag.name.contains("rc") && !tag.pull_spec.is_empty())
        .filter_map(|tag| Some((Version::parse(&tag.name)?, tag)))
        .collect();
    let fitting = known.iter().filter(|(version, _)| minors.contains(&(version.major(), version.minor())));
    if let Some((version, tag)) = fitting.max_by(|(one, _), (other, _)| one.cmp(other)) {
        return Ok(Release { version: version.clone(), image: tag.pull_spec.clone() });
    }
    let there: BTreeSet<(u64, u64)> = known.iter().map(|(version, _)| (version.major(), version.minor())).collect();
    let held = if there.is_empty() { "no release".to_owned() } else { format!("releases of {}", list(&there)) };
    let why = format!("the HyperShift operator supports {}, and the stream has {held}", list(&minors));
    Err(Refusal::new(FLAG, stream, why, FIX))
}

/// `5.0, 4.23, 4.22`: the newest first.
fn list(minors: &BTreeSet<(u64, u64)>) -> String {
    minors.iter().rev().map(|(major, minor)| format!("{major}.{minor}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn supported(minors: &str) -> SupportedVersions {
        SupportedVersions { versions: minors.split_whitespace().map(str::to_owned).collect(), server_version: None }
    }

    fn tags(names: &str) -> Vec<Tag> {
        names.split_whitespace().map(|name| Tag { name: name.into(), pull_spec: format!("quay.io/r:{name}") }).collect()
    }

    #[test]
    fn the_newest_supported_release_is_chosen() {
        for (names, minors, want) in [
            ("4.22.3-multi 4.22.10-multi 4.22.9-multi", "4.22", "4.22.10-multi"),
            ("4.22.3-multi 4.23.0-multi", "4.22 4.21", "4.22.3-multi"),
            ("4.23.9 5.0.1 4.22.1", "5.1 5.0 4.23 4.22", "5.0.1"),
            ("5.1.0 4.23.9", "4.23 4.22", "4.23.9"),
            ("4.23.0-rc.2-multi 4.23.0-rc.1 4.22.8-multi", "4.23 4.22", "4.22.8-multi"),
            ("4.23.0-ec.2 4.23.0-ec.10", "4.23", "4.23.0-ec.10"),
            ("4.20.0 4.2.9", "4.2", "4.2.9"),
            ("nonsense 4.22 4.22.1", "4.22 nonsense", "4.22.1"),
            (
                "4.23.0-0.nightly-multi-2026-11-20-040506 4.23.0-0.nightly-multi-2026-11-21-040506",
                "4.23",
                "4.23.0-0.nightly-multi-2026-11-21-040506",
            ),
        ] {
            let got = choose("s", &tags(names), Some(&supported(minors))).unwrap();
            assert_eq!(got.image, format!("quay.io/r:{want}"), "{names}");
        }
        let chosen = choose("s", &tags("4.22.3-multi"), Some(&supported("4.22"))).unwrap();
        assert_eq!(chosen.version.to_string(), "4.22.3");
    }

    #[test]
    fn where_none_fits_what_is_supported_is_said() {
        let refused =
            |names: &str, minors: &str| choose("4-stable", &tags(names), Some(&supported(minors))).unwrap_err();
        let refusal = refused("5.1.0 5.1.1 4.13.9 5.2.0-rc.0", "4.23 5.0 4.22");
        assert_eq!((refusal.flag, refusal.value.as_str()), ("--release-stream", "4-stable"));
        assert_eq!(
            refusal.why,
            "the HyperShift operator supports 5.0, 4.23, 4.22, and the stream has releases of 5.1, 4.13"
        );
        assert!(refusal.fix.contains("--release-image"));
        assert!(refused("4.22.0-rc.1", "4.22").why.ends_with("the stream has no release"));
        for none in [None, Some(&supported("")), Some(&supported("x"))] {
            assert!(choose("s", &tags("4.22.3"), none).unwrap_err().why.contains("no supported versions"));
        }
        let nameless = [Tag { name: "4.22.3".into(), pull_spec: String::new() }];
        assert!(choose("s", &nameless, Some(&supported("4.22"))).is_err());
    }

    #[test]
    fn a_stream_tells_its_service() {
        for (stream, arch) in [
            ("4-stable", "amd64"),
            ("4-stable-multi", "multi"),
            ("4-stable-arm64", "arm64"),
            ("4.23.0-0.nightly-s390x", "s390x"),
            ("4-stable-ppc64le", "ppc64le"),
            ("multi", "amd64"),
        ] {
            assert_eq!(service(stream).unwrap(), format!("https://{arch}.ocp.releases.ci.openshift.org"), "{stream}");
        }
        for bad in ["", "../x", "a/b", "a?b", "a b", "-a", ".."] {
            assert_eq!(service(bad).unwrap_err().flag, "--release-stream", "{bad}");
        }
        assert_eq!(path("4-stable"), "/api/v1/releasestream/4-stable/tags");
    }
}
