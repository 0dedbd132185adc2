//! NP03: no NodePool is newer than its HostedCluster, and none is too old.

use facts::hosted::{HostedCluster, NodePool};
use facts::version::{MAX_SKEW, Skew, Version, skew};

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The version of each NodePool is not newer than the HostedCluster's, and at most three minors behind it.
    ///
    /// Both the version that runs and the one that is asked for count. 5.0 continues 4.22 as 4.23 does: 5.0 and 4.23 are
    /// the same minor for the distance, though 5.0 counts as newer than 4.23.
    ///
    /// ## Why it matters
    /// The operator refuses to roll out a NodePool beyond this range (SupportedVersionSkew False, UnsupportedSkew), and
    /// kubelets that far from their API server are not supported.
    ///
    /// ## How to fix
    /// Upgrade the HostedCluster before its NodePools, and the NodePools before they fall more than three minors behind.
    ///
    /// Source: openshift/hypershift hypershift-operator/controllers/nodepool (version skew validation).
    pub static NP_VERSION_SKEW = {
        code: "NP03",
        id: "np-version-skew",
        group: NodePools,
        since: "0.1.0",
        when: [Preflight, NodePool, Upgrade, Support],
        needs: [HostedCluster, NodePools],
        caused_by: [],
        judge: judge,
    };
}

/// From so many minors behind on, the next upgrades of the cluster are near their end.
const WARN_BEHIND: u64 = 2;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let pools: Vec<&NodePool> = view.node_pools()?.iter().filter(|pool| pool.deleted_at.is_none()).collect();
    if pools.is_empty() {
        return Ok(Judgement::NotApplicable("the cluster has no NodePools".into()));
    }
    let own =
        cluster.version.effective().and_then(Version::parse).or_else(|| Version::of_image(&cluster.release_image));
    let Some(own) = own else {
        return Err(untold(&format!("HostedCluster {}", cluster.name), &cluster.release_image));
    };
    let mut findings = Vec::new();
    for pool in &pools {
        let subject = format!("NodePool {}", pool.name);
        let runs = pool.version.as_deref().and_then(Version::parse);
        let asked = Version::of_image(&pool.release_image);
        let versions: Vec<&Version> = [&runs, &asked].into_iter().flatten().collect();
        let finding = if versions.is_empty() {
            Some(Finding::unknown(subject.clone(), untold(&subject, &pool.release_image)))
        } else {
            // What runs, then what is asked for: the first one beyond the range decides.
            let beyond = versions.iter().find_map(|version| match skew(&own, version) {
                Skew::Supported { .. } => None,
                bad => Some(refused(cluster, pool, &own, version, bad)),
            });
            beyond.or_else(|| lagging(cluster, pool, &own, versions[0]))
        };
        let row = |version: &Option<Version>| version.as_ref().map_or("-".into(), Version::to_string);
        findings.extend(finding.map(|finding| {
            finding
                .see("HostedCluster", own.to_string())
                .see("NodePool", format!("{}: runs {}, asked for {}", pool.name, row(&runs), row(&asked)))
                .touches(Key::NodePool(pool.name.clone()))
                .touches(Key::NodePoolRelease(pool.name.clone()))
        }));
    }
    Ok(Judgement::new(format!("{} NodePools are within {MAX_SKEW} minors of {own}", pools.len()), findings))
}

fn untold(subject: &str, image: &str) -> Gap {
    Gap::new(
        GapKind::NotRecorded,
        format!("{subject} does not tell its version: status has none, and image {image} is not named by a version"),
    )
    .with_remedy(command!("oc adm release info {image} -o 'jsonpath={{.metadata.version}}'"; image))
}

fn refused(cluster: &HostedCluster, pool: &NodePool, own: &Version, version: &Version, bad: Skew) -> Finding {
    let subject = format!("NodePool {}", pool.name);
    let why =
        "the operator rolls nothing out to this NodePool: SupportedVersionSkew is False with reason UnsupportedSkew";
    match bad {
        Skew::Newer => Finding::fail(
            subject,
            format!("NodePool {} is newer ({version}) than its HostedCluster ({own})", pool.name),
            why,
        )
        .fix(
            patch_pool(cluster, pool)
                .note("or upgrade the HostedCluster first; nodes that run already are replaced by older ones"),
        ),
        Skew::TooOld { behind } | Skew::Supported { behind } => Finding::fail(
            subject,
            format!(
                "NodePool {} ({version}) is {behind} minors behind its HostedCluster ({own}); {MAX_SKEW} are supported",
                pool.name
            ),
            why,
        )
        .fix(patch_pool(cluster, pool)),
    }
}

fn lagging(cluster: &HostedCluster, pool: &NodePool, own: &Version, version: &Version) -> Option<Finding> {
    match skew(own, version) {
        Skew::Supported { behind } if behind >= WARN_BEHIND => Some(
            Finding::warn(
                format!("NodePool {}", pool.name),
                format!("NodePool {} ({version}) is {behind} minors behind its HostedCluster ({own})", pool.name),
                format!("{} more minor upgrades of the HostedCluster leave it unsupported", MAX_SKEW + 1 - behind),
            )
            .fix(patch_pool(cluster, pool)),
        ),
        _ => None,
    }
}

fn patch_pool(cluster: &HostedCluster, pool: &NodePool) -> Fix {
    let image = cluster
        .version
        .history
        .iter()
        .find(|entry| entry.state == "Completed")
        .map(|entry| entry.image.as_str())
        .filter(|image| !image.is_empty())
        .unwrap_or(&cluster.release_image);
    // A pull spec holds neither quotes nor backslashes.
    let patch = format!("{{\"spec\":{{\"release\":{{\"image\":\"{}\"}}}}}}", image.replace(['"', '\\'], ""));
    Fix::hypershift([command!("oc -n {} patch nodepool {} --type merge -p {}", pool.namespace, pool.name, patch)])
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::hosted::VersionStatus;
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &NP_VERSION_SKEW;

    fn versions(own: &str, pool: &str) -> Facts {
        let mut facts = healthy();
        let cluster = cluster(&mut facts);
        cluster.version.desired = Some(own.into());
        cluster.version.history[0].version = own.into();
        let mut changed = node_pool("prod");
        changed.version = Some(pool.into());
        changed.release_image = format!("quay.io/openshift-release-dev/ocp-release:{pool}-multi");
        facts.hosted.node_pools = Fact::Known(vec![changed]);
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        fn runs(facts: &mut Facts, version: &str) {
            let Fact::Known(pools) = &mut facts.hosted.node_pools else { panic!("no NodePools") };
            pools[0].version = Some(version.into());
            pools[0].release_image = format!("quay.io/openshift-release-dev/ocp-release:{version}-multi");
        }
        vec![
            Fault::new("a NodePool is newer than its cluster", |facts| {
                runs(facts, "4.23.0");
                set_pool_condition(facts, "SupportedVersionSkew");
            })
            .showing(&["NP01"]),
            Fault::new("a NodePool is four minors behind", |facts| {
                let cluster = cluster(facts);
                cluster.release_image = "quay.io/openshift-release-dev/ocp-release:5.1.0-multi".into();
                cluster.version.desired = Some("5.1.0".into());
                cluster.version.history[0].version = "5.1.0".into();
                runs(facts, "4.20.1");
                set_pool_condition(facts, "SupportedVersionSkew");
            })
            .showing(&["NP01"]),
            Fault::new("a NodePool is two minors behind", |facts| runs(facts, "4.20.1")),
        ]
    }

    #[test]
    fn supported_skews_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &versions("5.0.0", "4.23.1"));
        assert_passes(CHECK, &versions("5.0.0", "4.22.9"));
    }

    #[test]
    fn newer_and_too_old_fail() {
        let finding = the_failure(CHECK, &versions("4.22.3", "4.22.4"));
        assert!(finding.what.contains("newer (4.22.4)"), "{}", finding.what);
        assert!(finding.fixes[0].commands[0].contains("ocp-release:4.22.3-multi"));
        assert_eq!(finding.keys, [Key::NodePool("prod".into()), Key::NodePoolRelease("prod".into())]);
        assert!(the_failure(CHECK, &versions("4.22.3", "4.18.40")).what.contains("4 minors behind"));
        assert!(the_failure(CHECK, &versions("4.23.1", "5.0.0")).what.contains("newer"));
    }

    #[test]
    fn two_and_three_behind_warn() {
        for pool in ["4.20.1", "4.19.1"] {
            assert_eq!(the_finding(CHECK, &versions("4.22.3", pool)).level, Level::Warn);
        }
    }

    #[test]
    fn a_newer_release_that_is_asked_for_fails_before_it_runs() {
        let mut facts = versions("4.22.3", "4.23.0");
        if let Fact::Known(pools) = &mut facts.hosted.node_pools {
            pools[0].version = Some("4.22.3".into());
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("NodePool"), Some("prod: runs 4.22.3, asked for 4.23.0"));
    }

    #[test]
    fn a_digest_without_status_is_unknown() {
        let mut facts = healthy();
        if let Fact::Known(pools) = &mut facts.hosted.node_pools {
            pools[0].version = None;
            pools[0].release_image = "quay.io/ocp@sha256:abc".into();
        }
        assert!(the_gap(CHECK, &facts).why.contains("NodePool prod"));
        let mut facts = healthy();
        cluster(&mut facts).version = VersionStatus::default();
        cluster(&mut facts).release_image = "quay.io/ocp@sha256:abc".into();
        assert!(the_gap(CHECK, &facts).why.contains("HostedCluster prod"));
    }

    #[test]
    fn pools_that_are_being_deleted_do_not_count() {
        let mut facts = versions("4.22.3", "4.18.0");
        if let Fact::Known(pools) = &mut facts.hosted.node_pools {
            pools[0].deleted_at = Some(minutes_ago(1));
        }
        assert_not_applicable(CHECK, &facts);
    }
}
