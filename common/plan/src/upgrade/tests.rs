#![allow(clippy::unwrap_used, clippy::print_stdout)]
use std::collections::BTreeMap;

use facts::ArmId;
use facts::hosted::{Authentication, AzurePlatform, Dns, Networking, VersionHistory, VersionStatus};
use facts::{Gap, GapKind};
use serde_json::json;

use super::*;

/// Every minor in the order of versions, with its place on the one line of Kubernetes minors: 5.0 stands where 4.23 does.
const MINORS: [(&str, i32); 12] = [
    ("4.14", 14),
    ("4.15", 15),
    ("4.16", 16),
    ("4.17", 17),
    ("4.18", 18),
    ("4.19", 19),
    ("4.20", 20),
    ("4.21", 21),
    ("4.22", 22),
    ("4.23", 23),
    ("5.0", 23),
    ("5.1", 24),
];

fn image(version: &str) -> String {
    format!("q.io/ocp/release:{version}-multi")
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn cluster(runs: &str) -> HostedCluster {
    let id = || ArmId::new(String::new());
    let entry = VersionHistory {
        state: "Completed".into(),
        version: runs.into(),
        image: image(runs),
        started_at: None,
        completed_at: None,
    };
    HostedCluster {
        namespace: "c".into(),
        name: "demo".into(),
        created_at: None,
        deleted_at: None,
        generation: None,
        finalizers: Vec::new(),
        infra_id: String::new(),
        issuer_url: String::new(),
        release_image: image(runs),
        signing_key_secret: None,
        pull_secret: None,
        paused_until: None,
        controller_availability_policy: None,
        disabled_capabilities: Vec::new(),
        annotations: BTreeMap::new(),
        azure: AzurePlatform {
            cloud: String::new(),
            location: String::new(),
            resource_group: String::new(),
            vnet_id: id(),
            subnet_id: id(),
            security_group_id: id(),
            subscription_id: String::new(),
            tenant_id: String::new(),
            topology: None,
            nat_subnet_id: None,
            authentication: Authentication::ManagedIdentities,
        },
        dns: Dns::default(),
        networking: Networking::default(),
        services: Vec::new(),
        kms: None,
        conditions: Vec::new(),
        version: VersionStatus { desired: Some(runs.into()), desired_image: None, history: vec![entry] },
        endpoint: None,
        kubeconfig_secret: None,
        payload_arch: None,
        has_proxy: false,
        managed_identities: None,
    }
}

fn pool(name: &str, runs: &str) -> NodePool {
    NodePool {
        namespace: "c".into(),
        name: name.into(),
        created_at: None,
        deleted_at: None,
        generation: None,
        release_image: image(runs),
        arch: Some("amd64".into()),
        replicas: Some(2),
        auto_scaling: None,
        paused_until: None,
        vm_size: String::new(),
        subnet_id: None,
        zone: None,
        vm: facts::hosted::VmOptions::default(),
        ready_replicas: Some(2),
        version: Some(runs.into()),
        conditions: Vec::new(),
    }
}

fn supported(minors: &[&str]) -> Fact<SupportedVersions> {
    let versions = minors.iter().map(|minor| (*minor).to_owned()).collect();
    Fact::Known(SupportedVersions { versions, server_version: None })
}

fn all() -> Fact<SupportedVersions> {
    supported(&MINORS.map(|(minor, _)| minor))
}

/// What is said of a cluster of one version that is to have another, with pools of these.
fn of_cluster(
    cluster: &HostedCluster,
    wanted: &str,
    pools: &[NodePool],
    supported: &Fact<SupportedVersions>,
) -> Judged {
    let release = ReleaseImage::of_tag(&image(wanted)).unwrap();
    let wish = Wish { release: &release, allow_unknown: false, supported, program: "oc hcp-azure" };
    let runs = cluster.version.effective().and_then(Version::parse);
    let pools: Vec<PoolVersion<'_>> = pools
        .iter()
        .map(|pool| PoolVersion { pool, version: pool.version.as_deref().and_then(Version::parse) })
        .collect();
    judge_cluster(cluster, runs.as_ref(), &pools, wish)
}

fn of_pool(cluster: &HostedCluster, pool: &NodePool, wanted: &str) -> Judged {
    let (release, supported) = (ReleaseImage::of_tag(&image(wanted)).unwrap(), all());
    let wish = Wish { release: &release, allow_unknown: false, supported: &supported, program: "oc hcp-azure" };
    let runs = cluster.version.effective().and_then(Version::parse);
    let pool = PoolVersion { pool, version: pool.version.as_deref().and_then(Version::parse) };
    judge_node_pool(cluster, runs.as_ref(), &pool, wish)
}

#[test]
fn every_pair_of_minors_is_judged_as_the_operator_does() {
    let (mut pairs, mut refused) = (0, 0);
    let mut holds = |what: &str, judged: Judged, allowed: bool| {
        assert_eq!(judged.refusals.is_empty(), allowed, "{what}: {judged:?}");
        pairs += 1;
        refused += usize::from(!allowed);
    };
    for (at, (one, line)) in MINORS.iter().enumerate() {
        for (other_at, (other, other_line)) in MINORS.iter().enumerate() {
            let patches = [("3", "3"), ("3", "4"), ("3", "2")];
            for (patch, other_patch) in patches {
                let (runs, wanted) = (format!("{one}.{patch}"), format!("{other}.{other_patch}"));
                // The cluster goes from one to the other: never back to an older minor.
                holds(
                    &format!("cluster {runs} -> {wanted}"),
                    of_cluster(&cluster(&runs), &wanted, &[], &all()),
                    other_at >= at,
                );
                // A NodePool of the other gets a cluster of the one: not newer in full, and at most three behind.
                let is_older = other_at < at || other_at == at && other_patch <= patch;
                let near = is_older && line - other_line <= 3;
                let fresh = NodePool { version: None, ..pool("a", "4.14.0") };
                holds(&format!("cluster {runs}, pool -> {wanted}"), of_pool(&cluster(&runs), &fresh, &wanted), near);
                // The cluster goes to the one within its minor, and its NodePool stays at the other.
                let before = cluster(&format!("{one}.0"));
                holds(
                    &format!("cluster -> {runs}, pool stays at {wanted}"),
                    of_cluster(&before, &runs, &[pool("a", &wanted)], &all()),
                    near,
                );
            }
        }
    }
    println!("{pairs} pairs of versions judged, {refused} refused");
    assert!(pairs == 3 * 3 * 144 && refused > 300 && refused < pairs - 300, "{pairs} {refused}");
}

#[test]
fn what_is_said_of_a_pair() {
    for (runs, wanted, pools, words) in [
        ("4.22.3", "4.21.9", &[][..], "4.21.9 is of an older minor than 4.22.3"),
        ("5.0.1", "4.23.9", &[], "4.23.9 is of an older minor than 5.0.1"),
        ("4.22.3", "5.0.0", &["4.19.1"], "leave NodePool p0 (4.19.1) 4 minors behind; 3 are supported"),
        (
            "4.22.3",
            "5.1.0",
            &["4.20.1", "4.21.0", "4.20.9"],
            "NodePool p0 (4.20.1) 4 minors behind, NodePool p2 (4.20.9) 4",
        ),
        ("4.22.3", "4.22.1", &["4.22.2"], "NodePool p0 (4.22.2) would be newer than its HostedCluster"),
    ] {
        let pools: Vec<NodePool> = pools.iter().enumerate().map(|(at, runs)| pool(&format!("p{at}"), runs)).collect();
        let judged = of_cluster(&cluster(runs), wanted, &pools, &all());
        assert!(judged.refusals.len() == 1 && judged.refusals[0].why.contains(words), "{runs} {wanted}: {judged:?}");
        assert_eq!(judged.refusals[0].flag, "--release-image");
    }
    let fix = &of_cluster(&cluster("4.22.3"), "5.0.0", &[pool("a", "4.18.1"), pool("b", "4.19.1")], &all()).refusals[0];
    assert!(fix.fix.contains("`oc hcp-azure nodepool upgrade a b -n c`"), "{fix:?}");
    for (runs, wanted, words) in [
        ("4.20.3", "4.22.1", "goes over 2 minors at once"),
        ("4.22.3", "5.1.0", "goes over 2 minors at once"),
        ("4.22.3", "4.22.1", "OpenShift tests no way back"),
    ] {
        let judged = of_cluster(&cluster(runs), wanted, &[], &all());
        assert!(judged.refusals.is_empty() && judged.notes[0].contains(words), "{judged:?}");
    }
    assert_eq!(of_cluster(&cluster("4.23.3"), "5.0.1", &[], &all()), Judged::default());
}

#[test]
fn only_what_the_operator_supports() {
    for (wanted, minors, words) in [
        ("4.23.1", &["4.22", "4.21"][..], Some("newer than 4.22")),
        ("5.0.1", &["4.23", "4.22"], Some("newer than 4.23")),
        ("4.23.1", &["5.1", "5.0", "4.23"], None),
        ("4.22.9", &["5.1", "5.0"], Some("older than 5.0")),
        ("4.24.0", &["5.0", "4.23"], Some("none of the minors that the operator supports, 4.23 to 5.0")),
        ("4.22.9", &[], Some("supports no version")),
    ] {
        let judged = of_cluster(&cluster("4.22.3"), wanted, &[], &supported(minors));
        match words {
            None => assert_eq!(judged.refusals, [], "{wanted}"),
            Some(words) => assert!(judged.refusals[0].why.contains(words), "{wanted}: {judged:?}"),
        }
    }
    for unseen in [Fact::Absent, Fact::Unreadable(Gap::new(GapKind::Denied, "may not get configmaps"))] {
        let judged = of_cluster(&cluster("4.22.3"), "4.23.0", &[], &unseen);
        assert!(judged.refusals.is_empty() && judged.notes[0].contains("judges the release itself"), "{judged:?}");
    }
}

#[test]
fn a_cluster_that_says_no_is_believed_but_for_patches() {
    let mut barred = cluster("4.22.3");
    let condition = json!({"type": "ClusterVersionUpgradeable", "status": "False", "reason": "AdminAckRequired",
        "message": "APIs go away"});
    barred.conditions = vec![serde_json::from_value(condition).unwrap()];
    let judged = of_cluster(&barred, "4.23.0", &[], &all());
    assert!(judged.refusals[0].why.contains("AdminAckRequired: APIs go away"), "{judged:?}");
    assert_eq!(of_cluster(&barred, "4.22.9", &[], &all()), Judged::default());
    assert_eq!(of_cluster(&barred, "5.0.0", &[], &all()).refusals.len(), 1);
    barred.annotations.insert("hypershift.openshift.io/skip-release-image-validation".into(), "true".into());
    assert_eq!(of_cluster(&barred, "4.21.0", &[], &all()).refusals, []);
}

#[test]
fn what_is_not_known_is_refused_unless_that_is_wanted() {
    let release = ReleaseImage {
        image: "q.io/r@sha256:01".into(),
        version: Err("q.io does not answer".into()),
        payload: Payload::Unknown,
    };
    let supported = all();
    let (cluster, pool) = (cluster("4.22.3"), pool("a", "4.22.3"));
    let wish = |allow_unknown| Wish { release: &release, allow_unknown, supported: &supported, program: "oc" };
    let runs = version("4.22.3");
    let seen = PoolVersion { pool: &pool, version: Some(runs.clone()) };
    for judged in [
        judge_cluster(&cluster, Some(&runs), &[], wish(false)),
        judge_node_pool(&cluster, Some(&runs), &seen, wish(false)),
    ] {
        assert!(judged.refusals[0].why.contains("q.io does not answer"), "{judged:?}");
        assert!(judged.refusals[0].fix.contains("--allow-unknown-version"));
    }
    let judged = judge_cluster(&cluster, Some(&runs), &[], wish(true));
    assert!(judged.refusals.is_empty() && judged.notes[0].contains("left to the operator"), "{judged:?}");
    // A NodePool whose version nothing tells might be left too far behind.
    let known = ReleaseImage::of_tag(&image("4.23.0")).unwrap();
    let wish = Wish { release: &known, ..wish(false) };
    let untold = PoolVersion { pool: &pool, version: None };
    let judged = judge_cluster(&cluster, Some(&runs), &[untold], wish);
    assert!(judged.refusals[0].why.contains("the version of NodePool a is not known"), "{judged:?}");
}

#[test]
fn architectures_deletion_and_pauses() {
    let (mut going, mut arm) = (cluster("4.22.3"), pool("arm", "4.22.3"));
    arm.arch = Some("arm64".into());
    let release = ReleaseImage::of_tag("q.io/r:4.22.4-x86_64").unwrap();
    let supported = all();
    let wish = Wish { release: &release, allow_unknown: false, supported: &supported, program: "oc" };
    let runs = version("4.22.3");
    let pools = [PoolVersion { pool: &arm, version: Some(runs.clone()) }];
    let judged = judge_cluster(&going, Some(&runs), &pools, wish);
    assert!(judged.refusals[0].why.contains("for amd64 alone, which does not fit NodePool arm (arm64)"), "{judged:?}");
    going.paused_until = Some("true".into());
    assert!(judge_cluster(&going, Some(&runs), &[], wish).notes[0].contains("is paused"));
    going.deleted_at = Some("2026-11-20T00:00:00Z".parse().unwrap());
    assert_eq!(judge_cluster(&going, Some(&runs), &pools, wish).refusals[0].flag, "--name");
    assert_eq!(judge_node_pool(&going, Some(&runs), &pools[0], wish).refusals[0].flag, "--name");
}

#[test]
fn a_release_that_is_there_is_kept_and_another_is_set() {
    let object = json!({"apiVersion": "hypershift.openshift.io/v1beta1", "kind": "HostedCluster",
        "metadata": {"name": "demo", "namespace": "c", "uid": "u", "generation": 2}});
    let (cluster, runs) = (cluster("4.22.3"), version("4.22.3"));
    let same = ReleaseImage::of_tag(&image("4.22.3")).unwrap();
    let kept = cluster_step(&object, &cluster, Some(&runs), &same);
    assert_eq!((kept.verb, kept.change), (Verb::Keep, None));
    let newer = ReleaseImage::of_tag(&image("4.22.7")).unwrap();
    let step = cluster_step(&object, &cluster, Some(&runs), &newer);
    assert_eq!((step.verb, step.reason.as_str()), (Verb::Change, "release 4.22.3 -> 4.22.7"));
    let Some(Change::Patch(patch)) = step.change else { unreachable!() };
    let last = patch.operations()[2].clone();
    assert_eq!(last, json!({"op": "add", "path": "/spec/release/image", "value": image("4.22.7")}));
}
