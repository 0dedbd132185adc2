//! MC08: nothing replaces what the release image brings.

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// No annotation of the HostedCluster replaces the control plane operator or other images, forces an upgrade, or turns
    /// off a protection: the validation of the release image, the renewal of certificates.
    ///
    /// Annotations that replace an image are worth knowing; those that turn a protection off are warnings. Overrides that
    /// are built into the HyperShift operator itself cannot be seen from outside.
    ///
    /// ## Why it matters
    /// Such annotations are left over from tests and support cases. The cluster then runs something else than its release
    /// says, through every later upgrade, and what is wrong with it cannot be told from its version.
    ///
    /// ## How to fix
    /// Find out why the annotation was set, and take it away once the reason is gone.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/hostedcluster_types.go.
    pub static CPO_OVERRIDE = {
        code: "MC08",
        id: "cpo-override",
        group: Management,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster],
        caused_by: [],
        judge: judge,
    };
}

const PREFIX: &str = "hypershift.openshift.io/";

/// Annotations that replace an image, and what they replace.
const REPLACED: [(&str, &str); 6] = [
    ("control-plane-operator-image", "the control plane operator"),
    ("capi-provider-azure-image", "the Azure provider of Cluster API"),
    ("capi-manager-image", "the Cluster API manager"),
    ("cluster-autoscaler-image", "the cluster autoscaler"),
    ("machine-approver-image", "the machine approver"),
    ("image-overrides", "images of the release"),
];
/// Annotations that turn a protection off, and what follows.
const UNPROTECTED: [(&str, &str); 3] = [
    (
        "skip-release-image-validation",
        "the operator rolls out any release image, one that it does not support included",
    ),
    ("disable-pki-reconciliation", "the control plane operator makes and renews no certificates"),
    ("force-upgrade-to", "the operator rolls this image out whatever speaks against it"),
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let set = |short: &str| {
        let value = cluster.annotations.get(&format!("{PREFIX}{short}"))?;
        (!value.is_empty() && value != "false").then_some(value)
    };
    let (namespace, name) = (&cluster.namespace, &cluster.name);
    let subject = |short: &str| format!("annotation {PREFIX}{short}");
    let fix = |short: &str| {
        let key = format!("{PREFIX}{short}-");
        Fix::hypershift([command!("oc -n {namespace} annotate hostedcluster {name} {key}"; namespace, name, key)])
    };
    let mut findings = Vec::new();
    for (short, follows) in UNPROTECTED {
        // The annotation of an upgrade that is done has no effect any more.
        let done = short == "force-upgrade-to" && set(short) != Some(&cluster.release_image);
        if let Some(value) = set(short).filter(|_| !done) {
            let what = format!("{PREFIX}{short} is set on HostedCluster {name}");
            findings.push(Finding::warn(subject(short), what, follows).see("value", value.as_str()).fix(fix(short)));
        }
    }
    for (short, replaced) in REPLACED {
        if let Some(value) = set(short) {
            let what = format!("{replaced} is replaced by annotation on HostedCluster {name}");
            let why = "the cluster runs something else than its release says, through every later upgrade";
            findings.push(Finding::info(subject(short), what, why).see("value", value.as_str()).fix(fix(short)));
        }
    }
    Ok(Judgement::new("no annotation replaces images or turns a protection off", findings))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &CPO_OVERRIDE;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("release image is not validated", |facts| {
            annotate(facts, "skip-release-image-validation", "true")
        })]
    }

    fn annotate(facts: &mut Facts, short: &str, value: &str) {
        cluster(facts).annotations.insert(format!("{PREFIX}{short}"), value.into());
    }

    #[test]
    fn what_replaces_and_what_exposes() {
        let mut facts = healthy();
        annotate(&mut facts, "cleanup-cloud-resources", "true");
        annotate(&mut facts, "skip-release-image-validation", "false");
        assert_passes(CHECK, &facts);
        annotate(&mut facts, "control-plane-operator-image", "quay.io/x:1");
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("value")), (Level::Info, Some("quay.io/x:1")));
        assert_eq!(
            finding.fixes[0].commands,
            ["oc -n clusters annotate hostedcluster prod hypershift.openshift.io/control-plane-operator-image-"]
        );
        annotate(&mut facts, "disable-pki-reconciliation", "true");
        assert_eq!(findings(CHECK, &facts)[0].level, Level::Warn);
    }

    #[test]
    fn a_forced_upgrade_counts_while_it_is_wanted() {
        let mut facts = healthy();
        annotate(&mut facts, "force-upgrade-to", "another");
        assert_passes(CHECK, &facts);
        let image = cluster(&mut facts).release_image.clone();
        annotate(&mut facts, "force-upgrade-to", &image);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn gaps() {
        let mut facts = healthy();
        facts.hosted.cluster = Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
