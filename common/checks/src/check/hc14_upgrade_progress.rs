//! HC14: a roll-out of a version gets on.

use facts::hosted::{HostedCluster, NodePool, VersionHistory};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// While a version rolls out: that the cluster version operator does not report a failure for more than 15 minutes,
    /// and that it is through within 90 minutes. Between roll-outs: what the cluster says against the next upgrade, and
    /// which NodePools are not at the version of the control plane.
    ///
    /// It reads what the management cluster shows of the roll-out: `status.version`, the conditions, the annotations that
    /// force a version or replace the control plane operator.
    ///
    /// ## Why it matters
    /// `oc adm upgrade status` does not know hosted control planes. A roll-out that hangs holds back security fixes, and
    /// leaves components of two versions to work together.
    ///
    /// ## How to fix
    /// Look at the cluster operator that the message names, and bring it to work; the roll-out goes on by itself. A
    /// roll-out cannot be taken back to an older minor version.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/hostedcluster_conditions.go; openshift/origin#30132.
    pub static UPGRADE_PROGRESS = {
        code: "HC14",
        id: "upgrade-progress",
        group: HostedCluster,
        since: "0.1.0",
        when: [Upgrade, Support],
        needs: [HostedCluster, NodePools],
        caused_by: ["HC03", "HC05", "HC06", "HC09", "HC12", "FC05", "MC01", "MC02", "NP02", "NP04", "NW02", "NW03", "QT01", "RA01"],
        judge: judge,
    };
}

/// Minutes for which a failure may last before it counts.
const GRACE: i64 = 15;
/// Minutes in which a version should have rolled out.
const LONG: i64 = 90;
/// Annotations that change what rolls out.
const OVERRIDES: [&str; 3] = [
    "hypershift.openshift.io/force-upgrade-to",
    "hypershift.openshift.io/control-plane-operator-image",
    "hypershift.openshift.io/image-overrides",
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let pools = view.node_pools();
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let mut findings = Vec::new();
    let newest = cluster.version.history.first();
    let rolling = newest.filter(|entry| entry.state == "Partial");
    let wants_nodes = pools.as_ref().map_or(true, |pools| pools.iter().any(wants));
    if let Some(entry) = rolling.filter(|_| wants_nodes) {
        findings.extend(stuck(view, cluster, entry));
    }
    if let Some(condition) = cluster.condition("ClusterVersionUpgradeable").filter(|condition| condition.is_false()) {
        let finding = Finding::info(
            format!("HostedCluster {}", cluster.name),
            format!("the cluster cannot be upgraded to another minor version yet: {}", reason(condition)),
            "the operator refuses a release image of another minor version; patches are taken",
        );
        findings.push(finding.see("message", facts::redact::text(&condition.message)));
    }
    match pools {
        Ok(pools) if rolling.is_none() => {
            findings.extend(pools.iter().filter_map(|pool| behind(cluster, pool)));
        }
        Ok(_) => {}
        Err(gap) => findings.push(Finding::unknown("NodePools", gap)),
    }
    let passed = match (rolling, newest) {
        (Some(entry), _) => format!("version {} rolls out{}", shown(entry), since(view, entry)),
        (None, Some(entry)) => format!("version {} is rolled out", shown(entry)),
        (None, None) => "no version has rolled out yet".to_owned(),
    };
    Ok(Judgement::new(passed, findings))
}

fn wants(pool: &NodePool) -> bool {
    pool.deleted_at.is_none() && pool.auto_scaling.map_or(pool.replicas.unwrap_or(1), |(min, _)| min) > 0
}

fn shown(entry: &VersionHistory) -> &str {
    if entry.version.is_empty() { &entry.image } else { &entry.version }
}

fn since(view: &View<'_>, entry: &VersionHistory) -> String {
    entry.started_at.map_or(String::new(), |then| format!(", since {} minutes", view.minutes_since(then)))
}

fn stuck(view: &View<'_>, cluster: &HostedCluster, entry: &VersionHistory) -> Option<Finding> {
    let age = entry.started_at.map(|then| view.minutes_since(then));
    let failing = cluster
        .condition("ClusterVersionSucceeding")
        .filter(|condition| condition.is_false())
        .or_else(|| cluster.condition("ClusterVersionFailing").filter(|condition| condition.is_true()))
        .filter(|condition| condition.last_transition.is_none_or(|then| view.minutes_since(then) >= GRACE))
        .filter(|_| age.is_none_or(|age| age >= GRACE));
    let progress = cluster.condition("ClusterVersionProgressing");
    let subject = format!("version {}", shown(entry));
    let why = "the cluster stays between two versions until what holds it up is mended";
    let finding = match (failing, age) {
        (Some(condition), _) => {
            let what = format!("the roll-out of {} fails: {}", shown(entry), reason(condition));
            Finding::fail(subject, what, why).see("message", facts::redact::text(&condition.message))
        }
        (None, Some(age)) if age > LONG => {
            let what = format!("{} has been rolling out for {age} minutes", shown(entry));
            Finding::warn(subject, what, why)
        }
        _ => return None,
    };
    let mut finding = finding.see("state", format!("{}{}", entry.state, since(view, entry)));
    if let Some(condition) = progress.filter(|condition| !condition.message.is_empty()) {
        finding = finding.see("progress", facts::redact::text(&condition.message));
    }
    if let Some(before) = cluster.version.history.get(1) {
        finding = finding.see("from", shown(before));
    }
    for name in OVERRIDES {
        if let Some(value) = cluster.annotations.get(name) {
            finding = finding.see(name, value.as_str());
        }
    }
    let (namespace, name) = (&cluster.namespace, &cluster.name);
    let (file, plane) = (format!("{name}.kubeconfig"), view.target().control_plane_namespace());
    Some(
        finding.fix(
            Fix::hypershift([
                command!("oc hcp-azure create kubeconfig {name} -n {namespace} > {file}"; namespace, name, file),
                command!("oc --kubeconfig {file} get clusterversion,clusteroperators"; file),
                command!("oc -n {plane} logs deployment/cluster-version-operator --tail 100"; plane),
            ])
            .note("mend the cluster operator that is named: the roll-out then goes on by itself"),
        ),
    )
}

/// A NodePool that the upgrade of the control plane left behind. How far it may be behind is NP03's matter.
fn behind(cluster: &HostedCluster, pool: &NodePool) -> Option<Finding> {
    let wanted = cluster.version.effective()?;
    let found = pool.version.as_deref().filter(|found| *found != wanted && pool.deleted_at.is_none())?;
    let updating = pool.conditions.iter().any(|condition| condition.is_true() && condition.kind == "UpdatingVersion");
    if updating || newer(found, wanted) {
        return None;
    }
    let (namespace, name) = (&pool.namespace, &pool.name);
    let image = &cluster.release_image;
    Some(
        Finding::info(
            format!("NodePool {name}"),
            format!("NodePool {name} is at {found}, the control plane at {wanted}"),
            "its nodes lack the fixes of the newer release until it is upgraded as well",
        )
        .fix(Fix::hypershift([
            command!("oc hcp-azure nodepool upgrade {name} -n {namespace} --release-image {image}"; namespace, name, image),
        ])),
    )
}

fn newer(found: &str, wanted: &str) -> bool {
    facts::Version::parse(found).zip(facts::Version::parse(wanted)).is_some_and(|(found, wanted)| found > wanted)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &UPGRADE_PROGRESS;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("upgrade fails", |facts| {
                rolling(facts, 60);
                failing(facts, 40);
                set_condition_since(facts, "ClusterVersionProgressing", "True", "Unable to apply 4.22.4", 60);
            }),
            Fault::new("upgrade hangs", |facts| {
                rolling(facts, 120);
                let message = "Working towards 4.22.4: 104 of 620 done (16% complete)";
                set_condition_since(facts, "ClusterVersionProgressing", "True", message, 120);
                set_condition_since(facts, "Progressing", "True", "", 120);
            }),
        ]
    }

    fn rolling(facts: &mut Facts, minutes: i64) {
        let history = &mut cluster(facts).version.history;
        let mut entry = history[0].clone();
        (entry.state, entry.version) = ("Partial".into(), "4.22.4".into());
        (entry.started_at, entry.completed_at) = (Some(minutes_ago(minutes)), None);
        history.insert(0, entry);
    }

    fn failing(facts: &mut Facts, minutes: i64) {
        set_condition_since(
            facts,
            "ClusterVersionSucceeding",
            "False",
            "Cluster operator storage is not available",
            minutes,
        );
    }

    #[test]
    fn a_roll_out_has_its_time() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        rolling(&mut facts, 60);
        assert_passes(CHECK, &facts);
        failing(&mut facts, 5);
        assert_passes(CHECK, &facts);
        failing(&mut facts, 20);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("from"), Some("4.22.3"));
        assert!(finding.what.contains("Cluster operator storage"), "{}", finding.what);
    }

    #[test]
    fn what_takes_long_warns_and_shows_what_was_overridden() {
        let mut facts = healthy();
        rolling(&mut facts, 91);
        cluster(&mut facts).annotations.insert(OVERRIDES[0].into(), "image".into());
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get(OVERRIDES[0])), (Level::Warn, Some("image")));
        the_node_pool(&mut facts).replicas = Some(0);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_failure_without_a_roll_out_is_told_elsewhere() {
        let mut facts = healthy();
        failing(&mut facts, 60);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_is_worth_knowing_between_roll_outs() {
        let mut facts = healthy();
        the_node_pool(&mut facts).version = Some("4.21.9".into());
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Info);
        set_pool_condition_since(&mut facts, "UpdatingVersion", "True", "x", 5);
        assert_passes(CHECK, &facts);
        the_node_pool(&mut facts).version = Some("4.22.9".into());
        set_pool_condition_since(&mut facts, "UpdatingVersion", "False", "x", 5);
        assert_passes(CHECK, &facts);
        set_condition_since(&mut facts, "ClusterVersionUpgradeable", "False", "an API is gone in 4.23", 60);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy();
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
