//! HC12: nothing of the hosted cluster is paused.

use facts::hosted::Condition;
use jiff::Timestamp;

use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Neither the HostedCluster nor one of its NodePools is paused: `spec.pausedUntil` is not set, has passed or says
    /// `false`, and the condition ReconciliationActive is not False.
    ///
    /// A value that is neither a time nor a truth value is told too: the operator takes it for "not paused".
    ///
    /// ## Why it matters
    /// While something is paused its operator changes nothing: no upgrade, no new nodes, no renewal of certificates, no
    /// healing. Everything else looks well until something breaks.
    ///
    /// ## How to fix
    /// Find out who paused it and why, then take `spec.pausedUntil` away.
    ///
    /// Source: openshift/hypershift support/util/pausereconcile.go.
    pub static RECONCILE_PAUSED = {
        code: "HC12",
        id: "reconcile-paused",
        group: HostedCluster,
        since: "0.1.0",
        when: [NodePool, Upgrade, Support],
        needs: [HostedCluster, NodePools],
        caused_by: [],
        judge: judge,
    };
}

/// What `spec.pausedUntil` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    No,
    ForGood,
    Until(Timestamp),
    Nonsense,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let subject = format!("HostedCluster {}", cluster.name);
    let resume = command!(
        "oc -n {} patch hostedcluster {} --type merge -p '{{\"spec\":{{\"pausedUntil\":null}}}}'",
        cluster.namespace,
        cluster.name
    );
    let condition = cluster.condition("ReconciliationActive");
    let mut findings: Vec<Finding> =
        paused(view, subject, cluster.paused_until.as_deref(), condition, resume, Key::Pause(None))
            .into_iter()
            .collect();
    let mut objects = 1;
    match view.node_pools() {
        Ok(pools) => {
            for pool in pools.iter().filter(|pool| pool.deleted_at.is_none()) {
                objects += 1;
                let resume = command!(
                    "oc -n {} patch nodepool {} --type merge -p '{{\"spec\":{{\"pausedUntil\":null}}}}'",
                    pool.namespace,
                    pool.name
                );
                let condition = pool.condition("ReconciliationActive");
                let key = Key::Pause(Some(pool.name.clone()));
                let subject = format!("NodePool {}", pool.name);
                findings.extend(paused(view, subject, pool.paused_until.as_deref(), condition, resume, key));
            }
        }
        Err(gap) => findings.push(Finding::unknown("NodePools", gap)),
    }
    Ok(Judgement::new(format!("{objects} objects are reconciled, none is paused"), findings))
}

fn paused(
    view: &View<'_>,
    subject: String,
    until: Option<&str>,
    condition: Option<&Condition>,
    resume: String,
    key: Key,
) -> Option<Finding> {
    let why = "its operator changes nothing: no upgrade, no new nodes, no healing, no renewal of certificates";
    let inactive = condition.filter(|condition| condition.is_false());
    let mut finding = match (pause(view.now(), until), inactive) {
        (Pause::No, None) => return None,
        (Pause::No, Some(_)) => {
            let what = format!("{subject} is not reconciled, though spec.pausedUntil does not pause it");
            Finding::warn(subject, what, why)
        }
        (Pause::ForGood, _) => {
            let what = format!("{subject} is paused until somebody resumes it");
            Finding::warn(subject, what, why)
        }
        (Pause::Until(time), _) => {
            let what = format!("{subject} is paused until {time}");
            Finding::warn(subject, what, why)
        }
        (Pause::Nonsense, _) => {
            let what = format!("spec.pausedUntil of {subject} is neither a time nor a truth value");
            Finding::warn(subject, what, "the operator reconciles it, as if it were not paused")
        }
    };
    if let Some(until) = until {
        finding = finding.see("spec.pausedUntil", facts::redact::text(until));
    }
    if let Some(condition) = inactive {
        finding = finding.see("condition", crate::text::reason(condition));
        if let Some(since) = condition.last_transition {
            finding = finding.see("since", since.to_string());
        }
    }
    Some(finding.touches(key).fix(Fix::hypershift([resume])))
}

/// Reads the field as the operator does: a truth value first, then a time.
fn pause(now: Timestamp, until: Option<&str>) -> Pause {
    match until {
        None | Some("false" | "False" | "FALSE" | "f" | "F" | "0") => Pause::No,
        Some("true" | "True" | "TRUE" | "t" | "T" | "1") => Pause::ForGood,
        Some(text) => match text.parse::<Timestamp>() {
            Ok(time) if now < time => Pause::Until(time),
            Ok(_) => Pause::No,
            Err(_) => Pause::Nonsense,
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &RECONCILE_PAUSED;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("paused HostedCluster", |facts| {
                cluster(facts).paused_until = Some("true".into());
                let message = "Reconciliation paused until field removed";
                set_condition_since(facts, "ReconciliationActive", "False", message, 90);
            }),
            Fault::new("paused NodePool", |facts| {
                the_node_pool(facts).paused_until = Some("2026-12-01T00:00:00Z".into());
                set_pool_condition_since(facts, "ReconciliationActive", "False", "ReconciliationPaused", 90);
            }),
        ]
    }

    #[test]
    fn what_pauses_and_what_does_not() {
        let mut facts = healthy();
        for (until, paused) in [
            (None, false),
            (Some("false"), false),
            (Some("2026-11-20T11:59:00Z"), false),
            (Some("true"), true),
            (Some("2026-11-20T13:00:00+00:00"), true),
            (Some("tomorrow"), true),
        ] {
            cluster(&mut facts).paused_until = until.map(str::to_owned);
            if paused {
                assert_eq!(the_finding(CHECK, &facts).level, Level::Warn, "{until:?}");
            } else {
                assert_passes(CHECK, &facts);
            }
        }
    }

    #[test]
    fn cluster_and_node_pool_are_two_things() {
        let mut facts = healthy();
        cluster(&mut facts).paused_until = Some("true".into());
        the_node_pool(&mut facts).paused_until = Some("true".into());
        let findings = findings(CHECK, &facts);
        let keys: Vec<_> = findings.iter().flat_map(|finding| &finding.keys).collect();
        assert_eq!(keys, [&Key::Pause(None), &Key::Pause(Some("prod".into()))]);
        assert_eq!(
            findings[1].fixes[0].commands,
            ["oc -n clusters patch nodepool prod --type merge -p '{\"spec\":{\"pausedUntil\":null}}'"]
        );
    }

    #[test]
    fn a_condition_alone_counts_too() {
        let mut facts = healthy();
        set_condition_since(&mut facts, "ReconciliationActive", "False", "x", 5);
        let finding = the_finding(CHECK, &facts);
        assert!(finding.what.contains("not reconciled"), "{}", finding.what);
    }

    #[test]
    fn gaps() {
        let mut facts = healthy();
        facts.hosted.node_pools = Fact::Unreadable(denied("list nodepools"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.cluster = Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
