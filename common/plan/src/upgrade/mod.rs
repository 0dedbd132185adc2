//! `upgrade cluster` and `nodepool upgrade`: whether a release may follow another, and the steps.
//!
//! The rules are the operator's own, judged before anything is written: it would take the object and then refuse to roll it
//! out, in a condition that nobody looks at. Source: openshift/hypershift, `support/supportedversion` (range, minor
//! downgrades), HostedCluster controller (ClusterVersionUpgradeable), NodePool version skew validation.

mod release;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use facts::Fact;
use facts::hosted::{Condition, HostedCluster, NodePool};
use facts::management::SupportedVersions;
use facts::version::{MAX_SKEW, Skew, Version, skew};
use serde_json::Value;

pub use release::{Payload, ReleaseImage};

use crate::cluster::release_problem;
use crate::node_pool_size::{is_deleted, paused};
use crate::patch::{Edit, Patch};
use crate::{Change, Refusal, Step, Verb};

const FLAG: &str = "--release-image";
const IMAGE: &str = "/spec/release/image";

/// The release that is asked for, and what it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The release.
    pub release: &'a ReleaseImage,
    /// Whether a version that is not known is left to the operator to judge.
    pub allow_unknown: bool,
    /// The minors that the operator supports.
    pub supported: &'a Fact<SupportedVersions>,
    /// How the user calls the program.
    pub program: &'a str,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// Why it is not done; nothing when it may be.
    pub refusals: Vec<Refusal>,
    /// What to know of it all the same, a line each.
    pub notes: Vec<String>,
}

/// A NodePool and the version that counts for it: the one that runs, else the one that is asked for.
#[derive(Debug, Clone)]
pub struct PoolVersion<'a> {
    /// The NodePool.
    pub pool: &'a NodePool,
    /// Its version; none when it is not known.
    pub version: Option<Version>,
}

/// Judges the text of a release image alone, before anything is looked up.
///
/// # Errors
/// A text that the API server takes for no image.
pub fn check_image(image: &str) -> Result<(), Refusal> {
    match release_problem(image) {
        None => Ok(()),
        Some(problem) => Err(Refusal::new(
            FLAG,
            image,
            problem,
            "give for example `--release-image quay.io/openshift-release-dev/ocp-release:4.22.3-multi`",
        )),
    }
}

/// Judges the upgrade of a HostedCluster. One that has the release already is judged no more. `runs` is the version that
/// counts for skew; none when nothing tells it.
pub fn judge_cluster(
    cluster: &HostedCluster,
    runs: Option<&Version>,
    pools: &[PoolVersion<'_>],
    wish: Wish<'_>,
) -> Judged {
    let mut judged = Judged::default();
    let (name, namespace) = (&cluster.name, &cluster.namespace);
    if cluster.deleted_at.is_some() {
        judged.refusals.push(cluster_is_deleted(cluster));
        return judged;
    }
    if let Some(until) = &cluster.paused_until {
        judged.notes.push(format!(
            "HostedCluster {namespace}/{name} is paused (pausedUntil {until}): nothing happens before its end"
        ));
    }
    if cluster.release_image == wish.release.image {
        return judged;
    }
    payload_fits(pools.iter().map(|one| one.pool), wish, &mut judged);
    if let Some(under_way) = cluster.version.history.first().filter(|entry| entry.state == "Partial") {
        let what = if cluster.version.history.len() == 1 { "installation of" } else { "upgrade to" };
        judged.notes.push(format!("the {what} {} is still under way", under_way.version));
    }
    let Some(wanted) = known(wish, &mut judged) else { return judged };
    let desired = cluster.version.desired.as_deref().and_then(Version::parse);
    let skips = cluster.annotations.keys().any(|key| key.ends_with("skip-release-image-validation"));
    match (desired.as_ref().or(runs), skips) {
        (_, true) => judged.notes.push(
            "the annotation skip-release-image-validation is set: neither we nor the operator judge the release".into(),
        ),
        (Some(from), false) => {
            follows(from, wanted, wish, &mut judged);
            upgradeable(cluster, from, wanted, wish, &mut judged);
        }
        (None, false) => {
            let what = format!("the version that HostedCluster {namespace}/{name} runs");
            unknown(&what, "its status tells none, nor does its release", wish, &mut judged);
        }
    }
    pools_stay_near(cluster, wanted, pools, wish, &mut judged);
    judged
}

/// Judges the upgrade of a NodePool. One that has the release already is judged no more. `runs` is the version of its
/// HostedCluster that counts for skew.
pub fn judge_node_pool(
    cluster: &HostedCluster,
    runs: Option<&Version>,
    pool: &PoolVersion<'_>,
    wish: Wish<'_>,
) -> Judged {
    let mut judged = Judged::default();
    let PoolVersion { pool, version } = pool;
    if pool.deleted_at.is_some() {
        judged.refusals.push(is_deleted(pool));
        return judged;
    }
    if cluster.deleted_at.is_some() {
        judged.refusals.push(cluster_is_deleted(cluster));
        return judged;
    }
    judged.notes = paused(pool, cluster.paused_until.as_deref());
    if pool.release_image == wish.release.image {
        return judged;
    }
    payload_fits([*pool], wish, &mut judged);
    let Some(wanted) = known(wish, &mut judged) else { return judged };
    match version {
        Some(from) => follows(from, wanted, wish, &mut judged),
        None => in_range(wanted, wish, &mut judged),
    }
    let (name, namespace) = (&cluster.name, &cluster.namespace);
    let Some(runs) = runs else {
        let what = format!("the version that HostedCluster {namespace}/{name} runs");
        unknown(&what, "its status tells none, nor does its release", wish, &mut judged);
        return judged;
    };
    let (why, fix) = match skew(runs, wanted) {
        Skew::Supported { .. } => return judged,
        Skew::Newer => {
            let why = format!("{wanted} is newer than {runs}, which HostedCluster {namespace}/{name} runs");
            let program = wish.program;
            if cluster.release_image == wish.release.image {
                let fix = format!(
                    "`{program} upgrade cluster {name} -n {namespace} --release-image {} --wait` waits for it",
                    wish.release.image
                );
                (format!("{why}: its own upgrade to that release is not complete yet"), fix)
            } else {
                let fix = format!(
                    "upgrade the cluster first: `{program} upgrade cluster {name} -n {namespace} --release-image {}`",
                    wish.release.image
                );
                (why, fix)
            }
        }
        Skew::TooOld { behind } => (
            format!(
                "{wanted} is {behind} minors behind {runs}, which HostedCluster {namespace}/{name} runs; {MAX_SKEW} are supported"
            ),
            "leave the flag out for the HostedCluster's own release".to_owned(),
        ),
    };
    judged.refusals.push(Refusal::new(FLAG, &wish.release.image, why, fix));
    judged
}

/// The step that gives a HostedCluster its release; one that has it is kept. `object` is the HostedCluster as it was read.
pub fn cluster_step(object: &Value, cluster: &HostedCluster, runs: Option<&Version>, release: &ReleaseImage) -> Step {
    let HostedCluster { name, namespace, release_image, .. } = cluster;
    let (id, resource) = (format!("hostedcluster/{name}"), format!("HostedCluster {namespace}/{name}"));
    step(object, (id, resource), (release_image, runs), release, BTreeSet::new())
}

/// The step that gives a NodePool its release; one that has it is kept. `object` is the NodePool as it was read.
pub fn node_pool_step(
    object: &Value,
    pool: &PoolVersion<'_>,
    release: &ReleaseImage,
    depends_on: BTreeSet<String>,
) -> Step {
    let NodePool { name, namespace, release_image, .. } = pool.pool;
    let (id, resource) = (format!("nodepool/{name}"), format!("NodePool {namespace}/{name}"));
    step(object, (id, resource), (release_image, pool.version.as_ref()), release, depends_on)
}

fn step(
    object: &Value,
    (id, resource): (String, String),
    (image, runs): (&str, Option<&Version>),
    release: &ReleaseImage,
    depends_on: BTreeSet<String>,
) -> Step {
    let wanted = release.words();
    if image == release.image {
        let reason = format!("has release {wanted} already");
        return Step { id, verb: Verb::Keep, resource, reason, depends_on, change: None, serial: None };
    }
    let from = runs.map_or_else(|| image.to_owned(), Version::to_string);
    let patch = Patch::of(object, vec![Edit::Set(IMAGE, release.image.clone().into())]);
    let change = Some(Change::Patch(Box::new(patch)));
    Step {
        id,
        verb: Verb::Change,
        resource,
        reason: format!("release {from} -> {wanted}"),
        depends_on,
        change,
        serial: None,
    }
}

fn cluster_is_deleted(cluster: &HostedCluster) -> Refusal {
    Refusal::new(
        "--name",
        &cluster.name,
        format!("HostedCluster {}/{} is being deleted", cluster.namespace, cluster.name),
        "`oc get hostedclusters -A` lists those that stay",
    )
}

/// The version that is asked for, if it is known.
fn known<'a>(wish: Wish<'a>, judged: &mut Judged) -> Option<&'a Version> {
    match &wish.release.version {
        Ok(version) => Some(version),
        Err(why) => {
            unknown("the version of the release", why, wish, judged);
            None
        }
    }
}

/// Not seen is not fine: what cannot be judged is refused, unless that is what was asked for.
fn unknown(what: &str, why: &str, wish: Wish<'_>, judged: &mut Judged) {
    if wish.allow_unknown {
        judged.notes.push(format!("{what} is not known ({why}): whether the release fits is left to the operator"));
        return;
    }
    judged.refusals.push(Refusal::new(
        FLAG,
        &wish.release.image,
        format!("{what} is not known: {why}"),
        "give an image whose tag is its version, or a registry and a `--pull-secret` that can be used from here; \
         `--allow-unknown-version` leaves the judgement to the operator",
    ));
}

/// Whether a release may follow another, for HostedClusters and NodePools alike.
fn follows(from: &Version, wanted: &Version, wish: Wish<'_>, judged: &mut Judged) {
    if rules::is_minor_downgrade(from, wanted) {
        judged.refusals.push(Refusal::new(
            FLAG,
            &wish.release.image,
            format!("{wanted} is of an older minor than {from}: there is no way back to it"),
            format!("give a release of {} or newer", from.minor_text()),
        ));
    } else if wanted < from {
        judged
            .notes
            .push(format!("{wanted} is older than {from}: OpenShift tests no way back, not even within a minor"));
    }
    let minors = wanted.normalized_minor().saturating_sub(from.normalized_minor());
    if minors > 1 {
        judged.notes.push(format!(
            "{from} to {wanted} goes over {minors} minors at once: OpenShift's update graph goes from minor to minor"
        ));
    }
    in_range(wanted, wish, judged);
}

/// Whether the operator supports a release.
fn in_range(wanted: &Version, wish: Wish<'_>, judged: &mut Judged) {
    let refused = |why| Refusal::new(FLAG, &wish.release.image, why, "give a release that it supports");
    match wish.supported {
        Fact::Known(supported) => {
            judged.refusals.extend(rules::range_problem(wanted, &supported.versions).map(refused));
        }
        Fact::Absent => judged.notes.push(
            "the operator publishes no supported versions (ConfigMap supported-versions): it judges the release itself (condition ValidReleaseImage)"
                .to_owned(),
        ),
        Fact::Unreadable(gap) => judged.notes.push(format!(
            "which versions the operator supports could not be read ({}): it judges the release itself (condition ValidReleaseImage)",
            gap.why
        )),
    }
}

/// What the running version says of its own upgrade: the operator heeds it for all but patch releases.
fn upgradeable(cluster: &HostedCluster, from: &Version, wanted: &Version, wish: Wish<'_>, judged: &mut Judged) {
    if rules::is_same_minor(from, wanted) || wanted < from {
        return;
    }
    let Some(condition) = cluster.condition("ClusterVersionUpgradeable").filter(|it| it.is_false()) else { return };
    let Condition { reason, message, .. } = condition;
    judged.refusals.push(Refusal::new(
        FLAG,
        &wish.release.image,
        format!(
            "HostedCluster {}/{} says that it cannot be upgraded to another minor: {reason}: {message}",
            cluster.namespace, cluster.name
        ),
        format!("do what it says (condition ClusterVersionUpgradeable), or give a release of {}", from.minor_text()),
    ));
}

/// Whether the NodePools still fit once the control plane has the release, which it gets before them.
fn pools_stay_near(
    cluster: &HostedCluster,
    wanted: &Version,
    pools: &[PoolVersion<'_>],
    wish: Wish<'_>,
    judged: &mut Judged,
) {
    let (mut left, mut newer, mut untold) = (Vec::new(), Vec::new(), Vec::new());
    for PoolVersion { pool, version } in pools.iter().filter(|one| one.pool.deleted_at.is_none()) {
        match version.as_ref().map(|version| (version, skew(wanted, version))) {
            Some((_, Skew::Supported { .. })) => {}
            Some((version, Skew::TooOld { behind })) => {
                left.push((pool.name.as_str(), format!("NodePool {} ({version}) {behind} minors behind", pool.name)));
            }
            Some((version, Skew::Newer)) => newer.push(format!("NodePool {} ({version})", pool.name)),
            None => untold.push(format!("NodePool {}", pool.name)),
        }
    }
    if !left.is_empty() {
        let (names, words): (Vec<&str>, Vec<String>) = left.into_iter().unzip();
        judged.refusals.push(Refusal::new(
            FLAG,
            &wish.release.image,
            format!("it would leave {}; {MAX_SKEW} are supported", words.join(", ")),
            format!(
                "upgrade them first: `{} nodepool upgrade {} -n {}`",
                wish.program,
                names.join(" "),
                cluster.namespace
            ),
        ));
    }
    if !newer.is_empty() {
        judged.refusals.push(Refusal::new(
            FLAG,
            &wish.release.image,
            format!("{} would be newer than its HostedCluster", newer.join(", ")),
            "give a release that is not older than its NodePools",
        ));
    }
    if !untold.is_empty() {
        unknown(&format!("the version of {}", untold.join(", ")), "neither status nor release tells it", wish, judged);
    }
}

/// Whether the payload of the release has what the machines of the NodePools need.
fn payload_fits<'a>(pools: impl IntoIterator<Item = &'a NodePool>, wish: Wish<'_>, judged: &mut Judged) {
    let Payload::Single(arch) = &wish.release.payload else { return };
    let other = |pool: &&NodePool| pool.deleted_at.is_none() && pool.arch.as_deref().unwrap_or("amd64") != arch;
    let unfit: Vec<String> = pools
        .into_iter()
        .filter(other)
        .map(|pool| format!("NodePool {} ({})", pool.name, pool.arch.as_deref().unwrap_or("amd64")))
        .collect();
    if unfit.is_empty() {
        return;
    }
    judged.refusals.push(Refusal::new(
        FLAG,
        &wish.release.image,
        format!("the release is for {arch} alone, which does not fit {}", unfit.join(", ")),
        "give the release for several architectures, as its `-multi` image",
    ));
}
