//! OR06: dead clusters left no identities.

use facts::leftovers::LeftoverKind;

use crate::leftovers;
use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// No managed identity, and no storage account of an issuer, is left of a cluster that is dead.
    ///
    /// A cluster is dead when tags or derived names tell its infra id, and no HostedCluster has it. It is only looked for on
    /// request: `doctor --only orphans`.
    ///
    /// ## Why it matters
    /// Identities are made to outlive clusters, and keep their roles and federated credentials.
    ///
    /// ## How to fix
    /// `destroy iam` deletes those of a cluster; `destroy orphans --print-script` writes a script for what is proven.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/destroy_iam.go; openshift/release#84651.
    pub static ORPHAN_IDENTITIES = {
        code: "OR06",
        id: "orphan-identities",
        group: Orphans,
        since: "0.1.0",
        when: [Support],
        needs: [Leftovers],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let kinds = [LeftoverKind::Identity, LeftoverKind::IssuerAccount];
    leftovers::judge(
        view,
        &kinds,
        "identities",
        "identities are made to outlive clusters, and keep their roles and federated credentials",
    )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &ORPHAN_IDENTITIES;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("identities of a dead cluster", |facts| {
            leave(facts, [leftover(LeftoverKind::Identity, "one")]);
        })]
    }

    #[test]
    fn nothing_left_passes() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn what_is_left_is_one_warning_for_each_dead_cluster() {
        let mut facts = healthy();
        leave(&mut facts, [leftover(LeftoverKind::Identity, "one"), leftover(LeftoverKind::Identity, "two")]);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, crate::Level::Warn);
        assert!(finding.subject.ends_with("of dead cluster old-a1b2c"), "{}", finding.subject);
        assert_eq!(finding.evidence.0.iter().filter(|(label, _)| label == "left").count(), 2);
        assert!(finding.fixes[0].commands[0].starts_with("oc hcp-azure destroy orphans"));
    }

    #[test]
    fn what_is_not_proven_is_worth_knowing() {
        let mut facts = healthy();
        leave(&mut facts, [facts::leftovers::Leftover { proven: false, ..leftover(LeftoverKind::Identity, "one") }]);
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Info);
    }

    #[test]
    fn a_ledger_that_could_not_be_made_is_unknown() {
        let mut facts = healthy();
        facts.azure.leftovers.things = Fact::Unreadable(denied("Microsoft.Authorization/roleAssignments/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
