//! MC02: the operator supports the release of the hosted cluster.

use facts::hosted::HostedCluster;
use facts::version::{OLDEST_MINOR, Version, parse_minor};

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The minor version of the hosted cluster is among those that the HyperShift operator publishes in its ConfigMap
    /// `supported-versions`.
    ///
    /// Both the release that is asked for and the one that runs are looked at. 5.0 and 4.23 are two entries here, though
    /// they count as the same minor for the skew of NodePools.
    ///
    /// ## Why it matters
    /// The operator refuses a release beyond its range (ValidReleaseImage False), or runs it untested. Each operator knows
    /// only the releases of its own time.
    ///
    /// ## How to fix
    /// Upgrade the operator for a newer release; choose a release from its list otherwise.
    ///
    /// Source: openshift/hypershift support/supportedversion/version.go.
    pub static RELEASE_SUPPORTED = {
        code: "MC02",
        id: "release-supported",
        group: Management,
        since: "0.1.0",
        when: [Preflight, Upgrade, Support],
        needs: [HostedCluster, SupportedVersions],
        caused_by: ["MC01"],
        judge: judge,
    };
}

const SKIP_ANNOTATION: &str = "hypershift.openshift.io/skip-release-image-validation";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let supported = view.supported_versions()?;
    let mut findings = Vec::new();
    let versions = versions(cluster);
    let subject = format!("HostedCluster {}", cluster.name);
    if versions.is_empty() {
        findings.push(
            Finding::warn(
                subject,
                "the version of the release image is not known",
                "an image named by digest does not tell its version, and the status does not say it either",
            )
            .see("image", cluster.release_image.as_str())
            .fix(Fix::hypershift([command!(
                "oc adm release info {} -o 'jsonpath={{.metadata.version}}'",
                cluster.release_image
            )])),
        );
    }
    let mut listed: Vec<(u64, u64)> = supported
        .map(|supported| supported.versions.iter().filter_map(|text| parse_minor(text)).collect())
        .unwrap_or_default();
    listed.sort_unstable();
    if listed.is_empty() {
        findings.push(
            Finding::warn(
                "ConfigMap supported-versions",
                "the HyperShift operator publishes no supported versions",
                "whether it supports the release of this cluster cannot be told",
            )
            .fix(Fix::hypershift([
                "oc get configmaps -A -l hypershift.openshift.io/supported-versions=true".to_owned(),
                "oc -n hypershift logs deployment/operator --tail 100".to_owned(),
            ])),
        );
    }
    let bad = versions.iter().find_map(|(source, version)| Some((source, version, fault(version, &listed)?)));
    if let Some((source, version, fault)) = bad {
        findings.push(unsupported(cluster, source, version, fault, &listed));
    }
    let findings = findings.into_iter().map(|finding| finding.touches(Key::Release)).collect();
    let shown = versions.first().map(|(_, version)| version.to_string()).unwrap_or_default();
    Ok(Judgement::new(format!("the operator supports {shown}"), findings))
}

/// The versions that the cluster has and is asked to have, each once.
fn versions(cluster: &HostedCluster) -> Vec<(&'static str, Version)> {
    let status = &cluster.version;
    let all = [
        ("status.version.desired", status.desired.as_deref().and_then(Version::parse)),
        ("status.version.history", status.effective().and_then(Version::parse)),
        ("spec.release.image", Version::of_image(&cluster.release_image)),
    ];
    let mut versions: Vec<(&'static str, Version)> = Vec::new();
    for (source, version) in all {
        if let Some(version) = version.filter(|version| versions.iter().all(|(_, known)| known != version)) {
            versions.push((source, version));
        }
    }
    versions
}

/// Why a version is not supported.
enum Fault {
    TooOld,
    TooNew,
    NotListed,
}

fn fault(version: &Version, listed: &[(u64, u64)]) -> Option<Fault> {
    let minor = (version.major(), version.minor());
    let (oldest, newest) = (listed.first().copied(), listed.last().copied());
    if minor < oldest.unwrap_or(OLDEST_MINOR).max(OLDEST_MINOR) {
        Some(Fault::TooOld)
    } else if newest.is_some_and(|newest| minor > newest) {
        Some(Fault::TooNew)
    } else if newest.is_some() && !listed.contains(&minor) {
        Some(Fault::NotListed)
    } else {
        None
    }
}

fn unsupported(
    cluster: &HostedCluster,
    source: &str,
    version: &Version,
    fault: Fault,
    listed: &[(u64, u64)],
) -> Finding {
    let minor = version.minor_text();
    let subject = format!("HostedCluster {}", cluster.name);
    let patch = command!(
        "oc -n {} patch hostedcluster {} --type merge -p '{{\"spec\":{{\"release\":{{\"image\":\"quay.io/openshift-release-dev/ocp-release:VERSION-multi\"}}}}}}'",
        cluster.namespace,
        cluster.name
    );
    let (what, fix) = match fault {
        Fault::TooNew => (
            format!("release {version} is newer than any that the HyperShift operator supports"),
            Fix::hypershift([
                "hypershift install --hypershift-image quay.io/hypershift/hypershift-operator:latest".to_owned()
            ])
            .note("give the same flags as at the first installation; with multicluster engine, upgrade that instead"),
        ),
        Fault::TooOld => (
            format!("release {version} is older than any that the HyperShift operator supports"),
            Fix::hypershift([patch]).note("VERSION is a release of the listed minors; minors are upgraded one by one"),
        ),
        Fault::NotListed => (
            format!("minor {minor} is not among those that the HyperShift operator supports"),
            Fix::hypershift([patch]).note("VERSION is a release of the listed minors"),
        ),
    };
    let skipped = cluster.annotations.get(SKIP_ANNOTATION).is_some_and(|value| value == "true");
    let finding = if skipped {
        Finding::warn(
            subject,
            what,
            "the operator was told not to validate the release image; it runs what it was not tested with",
        )
    } else {
        Finding::fail(
            subject,
            what,
            "the operator refuses to roll it out: ValidReleaseImage or SupportedHostedCluster turns False",
        )
    };
    let list: Vec<String> = listed.iter().rev().map(|(major, minor)| format!("{major}.{minor}")).collect();
    finding
        .see("release", format!("{version} ({source})"))
        .see("image", cluster.release_image.as_str())
        .see(
            "supported",
            if list.is_empty() { format!("{}.{} and later", OLDEST_MINOR.0, OLDEST_MINOR.1) } else { list.join(", ") },
        )
        .fix(fix)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::hosted::VersionStatus;
    use facts::management::SupportedVersions;
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::Fault;
    use crate::testkit::*;

    const CHECK: &Check = &RELEASE_SUPPORTED;

    fn release(tag: &str) -> Facts {
        let mut facts = healthy();
        let cluster = cluster(&mut facts);
        cluster.release_image = format!("quay.io/openshift-release-dev/ocp-release:{tag}-multi");
        cluster.version = VersionStatus::default();
        facts
    }

    fn supported(facts: &mut Facts, versions: &[&str]) {
        facts.management.supported_versions = Fact::Known(SupportedVersions {
            versions: versions.iter().map(|&version| version.into()).collect(),
            server_version: None,
        });
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the operator is too old for the release", |facts| {
                supported(facts, &["4.21", "4.20", "4.19"]);
                set_condition(facts, "ValidReleaseImage", "False", "the latest version supported is 4.21");
            })
            .showing(&["HC01"]),
            Fault::new("a release beyond what the operator knows is asked for", |facts| {
                cluster(facts).release_image = "quay.io/openshift-release-dev/ocp-release:6.0.0-multi".into();
            }),
        ]
    }

    #[test]
    fn listed_minors_pass() {
        assert_passes(CHECK, &healthy());
        for tag in ["4.14.1", "4.23.0", "5.0.0", "5.1.3"] {
            assert_passes(CHECK, &release(tag));
        }
    }

    #[test]
    fn newer_older_and_unlisted_fail() {
        assert!(the_failure(CHECK, &release("5.2.0")).what.contains("newer than any"));
        assert!(the_failure(CHECK, &release("4.13.50")).what.contains("older than any"));
        let mut facts = release("4.24.0");
        assert!(the_failure(CHECK, &facts).what.contains("not among"));
        supported(&mut facts, &["4.13", "4.25"]);
        facts.hosted.cluster = release("4.13.1").hosted.cluster;
        assert!(the_failure(CHECK, &facts).what.contains("older"), "listed, and older than any that works");
    }

    #[test]
    fn five_oh_is_not_four_twenty_three_here() {
        let mut facts = release("5.0.0");
        supported(&mut facts, &["4.23", "4.22"]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("supported"), Some("4.23, 4.22"));
        assert_eq!(finding.keys, [Key::Release]);
    }

    #[test]
    fn a_release_that_is_asked_for_counts_as_well_as_the_one_that_runs() {
        let mut facts = healthy();
        cluster(&mut facts).release_image = "quay.io/openshift-release-dev/ocp-release:6.0.0-multi".into();
        assert_eq!(the_failure(CHECK, &facts).evidence.get("release"), Some("6.0.0 (spec.release.image)"));
    }

    #[test]
    fn what_is_not_known_warns() {
        let mut facts = healthy();
        facts.management.supported_versions = Fact::Absent;
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        let mut facts = release("x");
        cluster(&mut facts).release_image = "quay.io/ocp@sha256:abc".into();
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn validation_that_was_switched_off_warns() {
        let mut facts = release("5.2.0");
        cluster(&mut facts).annotations.insert(SKIP_ANNOTATION.into(), "true".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn an_unreadable_list_is_unknown() {
        let mut facts = healthy();
        facts.management.supported_versions = Fact::Unreadable(denied("get configmaps"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
