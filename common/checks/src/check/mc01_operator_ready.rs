//! MC01: the HyperShift operator runs, and its kinds are served.

use facts::management::Operator;

use crate::prelude::*;
use crate::shell::{Quoted, command};

declare_check! {
    /// ## What it checks
    /// A HyperShift operator runs on the management cluster, one and not several, and the API server serves the kinds of
    /// HyperShift, Cluster API and Cluster API Provider Azure that a hosted cluster is made of.
    ///
    /// Live, it also lists what the caller may not read, because that is what this report cannot see.
    ///
    /// ## Why it matters
    /// Without the operator nothing reconciles: HostedClusters and NodePools keep the state they had, and their
    /// conditions are old news. Two operators, one installed by hand and one by MCE, undo each other's work.
    ///
    /// ## How to fix
    /// Install the operator with `hypershift install`, or enable the hypershift component of MCE; look at its pods and
    /// events if it does not become ready.
    ///
    /// Source: openshift/hypershift cmd/install/install.go; stolostron/hypershift-addon-operator.
    pub static OPERATOR_READY = {
        code: "MC01",
        id: "operator-ready",
        group: Management,
        since: "0.1.0",
        when: [Preflight, NodePool, Upgrade, Destroy, Support],
        needs: [Operator, ApiResources, Access, HostedCluster],
        caused_by: ["NW11"],
        judge: judge,
    };
}

/// Kinds that every hosted cluster on Azure needs.
const KINDS: [(&str, &str); 7] = [
    ("hypershift.openshift.io", "hostedclusters"),
    ("hypershift.openshift.io", "hostedcontrolplanes"),
    ("hypershift.openshift.io", "nodepools"),
    ("cluster.x-k8s.io", "machines"),
    ("cluster.x-k8s.io", "machinedeployments"),
    ("infrastructure.cluster.x-k8s.io", "azuremachines"),
    ("infrastructure.cluster.x-k8s.io", "azuremachinetemplates"),
];

/// What a private topology needs besides.
const PRIVATE_KIND: (&str, &str) = ("hypershift.openshift.io", "azureprivatelinkservices");

const INSTALL: &str = "hypershift install --pull-secret FILE --limit-crd-install Azure --external-dns-provider azure --external-dns-domain-filter DOMAIN --external-dns-credentials FILE";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    // Without the HostedCluster the topology is not known; the rest can be judged.
    let private = view.cluster().is_ok_and(|cluster| cluster.has_private_endpoint());
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    let mut seen = String::new();
    let mut installed = true;
    match view.operators() {
        Err(gap) => gaps.push(("the HyperShift operator".to_owned(), gap)),
        Ok(operators) => {
            let operators = operators.map_or(&[][..], Vec::as_slice);
            installed = !operators.is_empty();
            seen = operators.first().map(shown).unwrap_or_default();
            findings.extend(judge_operators(operators));
        }
    }
    match view.api_resources() {
        Err(gap) => gaps.push(("the API resources".to_owned(), gap)),
        // Where there is no operator its kinds are missing for that reason.
        Ok(served) if installed => {
            let wanted = KINDS.iter().chain(private.then_some(&PRIVATE_KIND));
            let missing: Vec<String> = wanted
                .filter_map(|(group, plural)| {
                    match served.iter().find(|kind| kind.group == *group && kind.plural == *plural) {
                        None => Some(format!("{plural}.{group}: not served")),
                        Some(kind) if !kind.established => Some(format!("{plural}.{group}: not Established")),
                        Some(_) => None,
                    }
                })
                .collect();
            findings.extend(missing_kinds(&missing));
        }
        Ok(_) => {}
    }
    // Rights are those of this moment: a recording says nothing about them.
    if !view.is_offline() {
        match view.access() {
            Err(gap) => gaps.push(("the caller's rights".to_owned(), gap)),
            Ok(reviews) => {
                let denied: Vec<String> = reviews
                    .iter()
                    .filter(|review| !review.allowed)
                    .map(|review| {
                        let group = if review.group.is_empty() { String::new() } else { format!(".{}", review.group) };
                        let place =
                            review.namespace.as_ref().map_or("the cluster".into(), |name| format!("namespace {name}"));
                        format!("{} {}{group} in {place}", review.verb, review.resource)
                    })
                    .collect();
                findings.extend(unseen(&denied));
            }
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{seen}; all kinds are served"), findings))
}

fn shown(operator: &Operator) -> String {
    format!(
        "operator {}/{} is ready {}/{}",
        operator.namespace, operator.workload.name, operator.workload.ready, operator.workload.desired
    )
}

fn judge_operators(operators: &[Operator]) -> Vec<Finding> {
    let stopped = "HostedClusters and NodePools are not reconciled; their conditions are old news";
    if operators.is_empty() {
        return vec![
            Finding::fail("HyperShift operator", "no HyperShift operator is installed", stopped)
                .fix(Fix::hypershift([INSTALL]))
                .fix(
                    Fix::hypershift([
                        r#"oc patch multiclusterengine multiclusterengine --type merge -p '{"spec":{"overrides":{"components":[{"name":"hypershift","enabled":true}]}}}'"#,
                    ])
                    .note("instead, where multicluster engine manages HyperShift"),
                ),
        ];
    }
    let mut findings = Vec::new();
    for operator in operators {
        let (namespace, workload) = (&operator.namespace, &operator.workload);
        let subject = format!("deployment {namespace}/{}", workload.name);
        if workload.desired > 0 && workload.ready >= workload.desired {
            continue;
        }
        let finding = if workload.desired == 0 {
            Finding::fail(subject, "the HyperShift operator is scaled to 0", stopped)
                .fix(Fix::hypershift([command!("oc -n {namespace} scale deployment {} --replicas 2",
                workload.name; namespace)]))
        } else {
            let look = Fix::hypershift([
                command!("oc -n {namespace} get pods"; namespace),
                command!("oc -n {namespace} describe deployment {}",
                    workload.name; namespace),
                command!("oc -n {namespace} logs deployment/{} --tail 100",
                    workload.name; namespace),
            ]);
            let what =
                format!("{} of {} replicas of the HyperShift operator are ready", workload.ready, workload.desired);
            if workload.ready == 0 {
                Finding::fail(subject, what, stopped).fix(look)
            } else {
                Finding::warn(subject, what, "the next disruption stops the operator and its webhooks").fix(look)
            }
        };
        findings.push(
            finding
                .see("ready", format!("{}/{}", workload.ready, workload.desired))
                .see("image", operator.image.as_str())
                .see("args", operator.args.join(" ")),
        );
    }
    if operators.len() > 1 {
        let finding = Finding::warn(
            "HyperShift operator",
            format!("{} HyperShift operators are installed", operators.len()),
            "they reconcile the same objects with different images and undo each other's work",
        );
        findings.push(
            operators
                .iter()
                .fold(finding, |finding, operator| {
                    finding.see(
                        "operator",
                        format!("{}/{}: {}", operator.namespace, operator.workload.name, operator.image),
                    )
                })
                .fix(
                    Fix::hypershift([command!(
                        "oc -n {} scale deployment {} --replicas 0",
                        operators[1].namespace,
                        operators[1].workload.name
                    )])
                    .note("keep the one that multicluster engine manages, if there is one"),
                ),
        );
    }
    findings
}

fn missing_kinds(missing: &[String]) -> Option<Finding> {
    if missing.is_empty() {
        return None;
    }
    let finding = Finding::fail(
        "API resources",
        format!("the management cluster does not serve {} kinds that a hosted cluster on Azure needs", missing.len()),
        "the operator cannot make machines or control planes: it fails with `no matches for kind`",
    );
    Some(
        missing.iter().fold(finding, |finding, kind| finding.see("missing", kind.as_str())).fix(
            Fix::hypershift([INSTALL.to_owned(), "oc get crd | grep -E 'hypershift|x-k8s.io'".to_owned()]).note(
                "an operator that was installed with --limit-crd-install for other platforms lacks Azure's kinds",
            ),
        ),
    )
}

fn unseen(denied: &[String]) -> Option<Finding> {
    let first = denied.first()?;
    let finding = Finding::info(
        "caller",
        format!("{} reads on the management cluster are not allowed", denied.len()),
        "what they would show is missing from this report",
    );
    let verb_and_kind = first.split(" in ").next().unwrap_or(first);
    Some(
        denied.iter().fold(finding, |finding, right| finding.see("not allowed", right.as_str())).fix(
            Fix::hypershift([command!("oc auth can-i {} --all-namespaces", Quoted::words(verb_and_kind.split(' ')))])
                .note("the cluster role cluster-reader allows what doctor reads, Secrets excepted"),
        ),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{BundleFormat, Fact, Facts, Source};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &OPERATOR_READY;

    fn operators(facts: &mut Facts) -> &mut Vec<Operator> {
        match &mut facts.management.operators {
            Fact::Known(operators) => operators,
            other => panic!("{other:?}"),
        }
    }

    fn without_kind(facts: &mut Facts, plural: &str) {
        match &mut facts.management.api_resources {
            Fact::Known(kinds) => kinds.retain(|kind| kind.plural != plural),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the operator is scaled to 0", |facts| {
                operators(facts)[0].workload = workload("operator", 0, 0);
            }),
            Fault::new("the operator does not become ready", |facts| {
                operators(facts)[0].workload = workload("operator", 2, 0);
            }),
            Fault::new("Azure's kinds are not served", |facts| without_kind(facts, "azuremachines")),
            Fault::new("a second operator", |facts| {
                let mut second = operators(facts)[0].clone();
                second.namespace = "mce".into();
                operators(facts).push(second);
            }),
        ]
    }

    #[test]
    fn a_ready_operator_passes() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn no_operator_is_the_one_failure() {
        let mut facts = healthy();
        facts.management.operators = Fact::Absent;
        without_kind(&mut facts, "nodepools");
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].starts_with("hypershift install"));
    }

    #[test]
    fn replicas_that_are_not_ready() {
        for (desired, ready, level) in [(2, 0, Level::Fail), (0, 0, Level::Fail), (2, 1, Level::Warn)] {
            let mut facts = healthy();
            operators(&mut facts)[0].workload = workload("operator", desired, ready);
            assert_eq!(the_finding(CHECK, &facts).level, level, "{ready}/{desired}");
        }
    }

    #[test]
    fn a_second_operator_warns() {
        let mut facts = healthy();
        let mut second = operators(&mut facts)[0].clone();
        second.namespace = "mce".into();
        operators(&mut facts).push(second);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn kinds_that_are_not_served() {
        let mut facts = healthy();
        without_kind(&mut facts, "azuremachines");
        match &mut facts.management.api_resources {
            Fact::Known(kinds) => kinds.iter_mut().find(|kind| kind.plural == "nodepools").unwrap().established = false,
            other => panic!("{other:?}"),
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.0.len(), 2, "{finding:#?}");
    }

    #[test]
    fn private_link_services_are_needed_by_private_topologies_only() {
        let mut facts = healthy();
        without_kind(&mut facts, "azureprivatelinkservices");
        assert_passes(CHECK, &facts);
        cluster(&mut facts).azure.topology = Some("PublicAndPrivate".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn denied_rights_are_worth_knowing_live_only() {
        let mut facts = healthy();
        match &mut facts.management.access {
            Fact::Known(reviews) => reviews[0].allowed = false,
            other => panic!("{other:?}"),
        }
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Info);
        assert_eq!(
            finding.evidence.get("not allowed"),
            Some("get hostedclusters.hypershift.openshift.io in namespace clusters")
        );
        facts.source = Source::Bundle { path: "b".into(), format: BundleFormat::Facts };
        facts.management.access = Fact::default();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn unreadable_parts_are_unknown() {
        let mut facts = healthy();
        facts.management.operators = Fact::Unreadable(denied("list deployments"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        without_kind(&mut facts, "nodepools");
        assert_eq!(findings(CHECK, &facts).len(), 2);
    }
}
