//! MC04: the release image exists and is for the architectures of nodes and NodePools.

use facts::hosted::HostedCluster;
use facts::release::RegistryAnswer;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The registry has the release image, it is an OpenShift release, and it is for every architecture that is needed:
    /// those of the NodePools, and of the management cluster's nodes, on which the control plane runs.
    ///
    /// A multi-architecture release is for all of them.
    ///
    /// ## Why it matters
    /// A NodePool of another architecture than the payload's gets no machines (ValidArchPlatform False). A control plane of
    /// another architecture than its nodes' never starts. An image that is gone keeps every new pod and node away.
    ///
    /// ## How to fix
    /// Name the multi-architecture release of the same version: its tag ends in `-multi`.
    ///
    /// Source: openshift/hypershift hypershift-operator/controllers/nodepool (validateHCPayloadSupportsNodePoolCPUArch).
    pub static RELEASE_IMAGE_ARCH = {
        code: "MC04",
        id: "release-image-arch",
        group: Management,
        since: "0.1.0",
        when: [Preflight, Upgrade],
        needs: [HostedCluster, NodePools, ReleaseImage, ManagementNodes],
        caused_by: ["MC03"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let (image, pools, nodes) = (view.release_image(), view.node_pools(), view.host_nodes());
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let image = image?;
    let architecture = match &image.answer {
        RegistryAnswer::Given { architecture, .. } => architecture.as_deref(),
        RegistryAnswer::Refused { status, .. } => {
            let why = format!("{} does not give the release image ({status})", image.registry);
            return Err(Gap::new(GapKind::Blocked, why));
        }
        RegistryAnswer::Missing => {
            let what = format!("{} has no such image", image.registry);
            return Ok(Judgement::new("", vec![unusable(cluster, &image.image, what)]));
        }
        RegistryAnswer::NoRelease => {
            let what = "the image is no OpenShift release: it has no label io.openshift.release".to_owned();
            return Ok(Judgement::new("", vec![unusable(cluster, &image.image, what)]));
        }
        RegistryAnswer::NoImage { why } => {
            let what = format!("spec.release.image names no image in a registry: {why}");
            return Ok(Judgement::new("", vec![unusable(cluster, &image.image, what)]));
        }
    };
    // What the image does not say, the operator may have found out.
    let told = cluster.payload_arch.as_deref().map(str::to_ascii_lowercase);
    let Some(architecture) = architecture.map(str::to_ascii_lowercase).or(told) else {
        return Err(Gap::new(GapKind::Failed, "the release image does not say for which architecture it is"));
    };
    if architecture == "multi" {
        return Ok(Judgement::new(format!("{} is for several architectures", image.image), Vec::new()));
    }
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    match pools {
        Ok(pools) => {
            for pool in pools.iter().filter(|pool| pool.deleted_at.is_none()) {
                // The API server's default.
                let wanted = pool.arch.as_deref().unwrap_or("amd64").to_ascii_lowercase();
                if wanted != architecture {
                    findings.push(
                        Finding::fail(
                            format!("NodePool {}", pool.name),
                            format!(
                                "NodePool {} is of {wanted}, the release image is for {architecture} alone",
                                pool.name
                            ),
                            "the operator makes no machines for it: ValidArchPlatform is False",
                        )
                        .compare(format!("{wanted} or multi"), architecture.as_str())
                        .see("image", &image.image)
                        .fix(multi(cluster))
                        .touches(Key::NodePoolArch(pool.name.clone())),
                    );
                }
            }
        }
        Err(gap) => unknown.push(("NodePools".to_owned(), gap)),
    }
    match nodes {
        Ok(nodes) => {
            let known: Vec<&str> = nodes.iter().filter_map(|node| node.arch.as_deref()).collect();
            if !known.is_empty() && known.len() == nodes.len() && !known.contains(&architecture.as_str()) {
                findings.push(
                    Finding::fail(
                        format!("HostedCluster {}", cluster.name),
                        format!(
                            "no node of the management cluster is of {architecture}, for which the release image is"
                        ),
                        "no pod of the control plane starts there (exec format error)",
                    )
                    .compare(known[0], architecture.as_str())
                    .see("image", &image.image)
                    .fix(multi(cluster))
                    .touches(Key::Release),
                );
            }
        }
        Err(gap) => unknown.push(("nodes of the management cluster".to_owned(), gap)),
    }
    findings.extend(Finding::unknowns(unknown));
    Ok(Judgement::new(format!("{} is for {architecture}, as nodes and NodePools are", image.image), findings))
}

fn unusable(cluster: &HostedCluster, image: &str, what: String) -> Finding {
    Finding::fail(
        format!("HostedCluster {}", cluster.name),
        what,
        "the operator cannot read the release: ValidReleaseImage is False, and nothing is rolled out",
    )
    .see("image", image)
    .fix(multi(cluster))
    .touches(Key::Release)
}

/// The commands that name a release for all architectures.
fn multi(cluster: &HostedCluster) -> Fix {
    let version = cluster
        .version
        .desired
        .clone()
        .or_else(|| facts::Version::of_image(&cluster.release_image).map(|version| version.to_string()))
        .unwrap_or_else(|| "VERSION".to_owned());
    let image = format!("quay.io/openshift-release-dev/ocp-release:{version}-multi");
    if cluster.created_at.is_none() {
        return Fix::hypershift([command!("oc adm release info {} -a pull-secret.json", image)])
            .note(format!("then create the cluster with `--release-image {image}`"));
    }
    Fix::hypershift([
        command!("oc adm release info {} -a pull-secret.json", image),
        command!(
            "oc hcp-azure upgrade {} -n {} --release-image {} --with-node-pools",
            cluster.name,
            cluster.namespace,
            image
        ),
    ])
    .note("the first command shows that the image is there")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &RELEASE_IMAGE_ARCH;

    fn answer(facts: &mut Facts, answer: RegistryAnswer) {
        let Fact::Known(image) = &mut facts.release.image else { panic!("no answer") };
        image.answer = answer;
    }

    fn only(facts: &mut Facts, architecture: &str) {
        let architecture = Some(architecture.to_owned());
        answer(facts, RegistryAnswer::Given { version: Some("4.22.3".into()), architecture });
    }

    fn pool(facts: &mut Facts) -> &mut facts::hosted::NodePool {
        let Fact::Known(pools) = &mut facts.hosted.node_pools else { panic!("no NodePools") };
        &mut pools[0]
    }

    /// A NodePool of arm64 whose machines are of it, too, with a release for amd64.
    fn other_architecture(facts: &mut Facts) {
        only(facts, "amd64");
        let pool = pool(facts);
        pool.arch = Some("arm64".into());
        for condition in &mut pool.conditions {
            if condition.kind == "ValidArchPlatform" {
                condition.status = "False".into();
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a release for the other architecture", |facts| {
                only(facts, "arm64");
                for condition in &mut pool(facts).conditions {
                    if condition.kind == "ValidArchPlatform" {
                        condition.status = "False".into();
                    }
                }
                let Fact::Known(nodes) = &mut facts.management.fleet.nodes else { return };
                nodes[0].arch = Some("arm64".into());
            }),
            Fault::new("the release image is gone", |facts| {
                answer(facts, RegistryAnswer::Missing);
                for condition in &mut cluster(facts).conditions {
                    if condition.kind == "ValidReleaseImage" {
                        condition.status = "False".into();
                    }
                }
            }),
        ]
    }

    #[test]
    fn a_release_for_all_that_is_there_passes() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        only(&mut facts, "amd64");
        assert_passes(CHECK, &facts);
        answer(&mut facts, RegistryAnswer::Given { version: None, architecture: None });
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_node_pool_of_another_architecture() {
        let mut facts = healthy();
        other_architecture(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.what, "NodePool prod is of arm64, the release image is for amd64 alone");
        assert_eq!(finding.keys, [Key::NodePoolArch("prod".into())]);
        assert!(finding.fixes[0].commands[1].contains("ocp-release:4.22.3-multi --with-node-pools"));
        cluster(&mut facts).created_at = None;
        assert_eq!(the_failure(CHECK, &facts).fixes[0].commands.len(), 1);
    }

    #[test]
    fn nodes_on_which_the_control_plane_cannot_run() {
        let mut facts = healthy();
        only(&mut facts, "arm64");
        pool(&mut facts).arch = Some("arm64".into());
        assert!(the_failure(CHECK, &facts).what.starts_with("no node of the management cluster is of arm64"));
    }

    #[test]
    fn images_that_are_none() {
        for (said, words) in [
            (RegistryAnswer::Missing, "has no such image"),
            (RegistryAnswer::NoRelease, "is no OpenShift release"),
            (RegistryAnswer::NoImage { why: "its tag is none".into() }, "its tag is none"),
        ] {
            let mut facts = healthy();
            answer(&mut facts, said);
            assert!(the_failure(CHECK, &facts).what.contains(words));
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        let refused =
            RegistryAnswer::Refused { address: "https://quay.io".into(), status: 401, with_credentials: true };
        answer(&mut facts, refused);
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        only(&mut facts, "amd64");
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        facts.management.fleet.nodes = Fact::Unreadable(denied("list nodes"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.release.image = Fact::Unreadable(Gap::new(GapKind::Unreachable, "no route"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
    }
}
