//! HC11: the cluster operators inside the hosted cluster are available and not degraded.

use facts::guest::ClusterOperator;
use facts::hosted::{Condition, HostedCluster, NodePool};

use crate::judgement::{BEING_DELETED, Level};
use crate::prelude::*;
use crate::refusal::{self, Refusal};
use crate::remedy;
use crate::shell::command;
use crate::text::reason;
use crate::vm_refusal::first_line;

declare_check! {
    /// ## What it checks
    /// Every ClusterOperator of the hosted cluster is Available and not Degraded.
    ///
    /// Operators that sign in to Azure are tied to their identity: storage to disk and file, image-registry to
    /// imageRegistry, ingress to ingress, network to network. A refusal by Entra or Azure that a message quotes is
    /// decoded. A cluster gets 30 minutes to come up, and a change of state 5 minutes to settle. Where no NodePool wants
    /// nodes, operators that run on nodes wait for one, which is only told.
    ///
    /// ## Why it matters
    /// The version of the hosted cluster is reached only when all of its operators are well. HostedCluster conditions
    /// repeat the first of them and leave out why.
    ///
    /// ## How to fix
    /// Where an identity is refused, repair it as the row FC05 of that identity says, then restart the operator: it waits
    /// long between two attempts. Else read the operator's message and log.
    ///
    /// Source: openshift/api config/v1/types_cluster_operator.go; azure-workload-identity docs, troubleshooting.
    pub static CLUSTEROPERATORS = {
        code: "HC11",
        id: "clusteroperators",
        group: HostedCluster,
        since: "0.1.0",
        when: [Upgrade, Support],
        needs: [HostedCluster, NodePools, Guest],
        caused_by: ["HC13", "FC05", "FC01", "FC02", "FC03", "RA01", "HC03", "NP01", "NP02", "NW02", "NW03", "NW12"],
        judge: judge,
    };
}

/// Minutes in which a new cluster may come up.
const GRACE: i64 = 30;
/// Minutes in which a change of state may pass by itself.
const SETTLING: i64 = 5;

/// ClusterOperators that sign in to Azure: name, identities, and what to restart in the control plane namespace.
const ON_AZURE: [(&str, &[&str], &[&str]); 4] = [
    ("storage", &["disk", "file"], &["azure-disk-csi-driver-operator", "azure-file-csi-driver-operator"]),
    ("image-registry", &["imageRegistry"], &["cluster-image-registry-operator"]),
    ("ingress", &["ingress"], &["ingress-operator"]),
    ("network", &["network"], &["cluster-network-operator", "cloud-network-config-controller"]),
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    // NodePools only tell whether there should be nodes; without them every NodePool may want some.
    let pools = view.node_pools().map_or(&[][..], Vec::as_slice);
    let operators = view.cluster_operators()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if operators.is_empty() {
        let gap = Gap::new(GapKind::Blocked, "the hosted cluster has no ClusterOperators yet");
        return Ok(Judgement::new("", vec![Finding::unknown("ClusterOperators", gap)]));
    }
    let is_young = cluster.created_at.is_some_and(|then| view.minutes_since(then) < GRACE);
    let findings: Vec<Finding> = operators
        .iter()
        .filter_map(|operator| {
            let condition = trouble(operator)?;
            let settles = condition.last_transition.is_some_and(|then| view.minutes_since(then) < SETTLING);
            let level = if waits_for_nodes(operator, pools) {
                Level::Info
            } else if is_young || settles || !is_decided(condition) {
                Level::Warn
            } else {
                Level::Fail
            };
            Some(finding(view, cluster, pools, operator, condition, level))
        })
        .collect();
    Ok(Judgement::new(format!("{} cluster operators are available", operators.len()), findings))
}

/// The condition that is not as it should be, the graver first.
fn trouble(operator: &ClusterOperator) -> Option<&Condition> {
    let bad = |kind: &str, good: &str| operator.condition(kind).filter(|condition| condition.status != good);
    bad("Available", "True").or_else(|| bad("Degraded", "False"))
}

fn is_decided(condition: &Condition) -> bool {
    condition.is_true() || condition.is_false()
}

/// Whether an operator has to wait because there is no node that its operands could run on.
fn waits_for_nodes(operator: &ClusterOperator, pools: &[NodePool]) -> bool {
    const ON_NODES: [&str; 9] = [
        "console",
        "csi-snapshot-controller",
        "dns",
        "image-registry",
        "ingress",
        "insights",
        "monitoring",
        "network",
        "storage",
    ];
    let wants = |pool: &NodePool| pool.auto_scaling.map_or(pool.replicas.unwrap_or(0), |(min, _)| min) > 0;
    !pools.is_empty() && !pools.iter().any(wants) && ON_NODES.contains(&operator.name.as_str())
}

fn finding(
    view: &View<'_>,
    cluster: &HostedCluster,
    pools: &[NodePool],
    operator: &ClusterOperator,
    condition: &Condition,
    level: Level,
) -> Finding {
    let name = operator.name.as_str();
    let subject = format!("ClusterOperator {name}");
    let state = if condition.kind == "Available" { "not available" } else { "degraded" };
    let what = format!("cluster operator {name} is {state}: {}", first_line(&reason(condition)));
    let on_azure = ON_AZURE.iter().find(|(known, ..)| *known == name);
    let why = match level {
        Level::Info => "no NodePool wants nodes: what it runs on nodes waits for one",
        _ => "the hosted cluster does not reach its version, and what this operator provides does not work",
    };
    let mut finding = match level {
        Level::Fail => Finding::fail(subject, what, why),
        Level::Warn => Finding::warn(subject, what, why),
        _ => Finding::info(subject, what, why),
    };
    let wanted = if condition.kind == "Available" { "True" } else { "False" };
    finding = finding.compare(wanted, condition.status.as_str()).see("reason", condition.reason.as_str());
    if !condition.message.is_empty() {
        finding = finding.see("message", facts::redact::text(&condition.message));
    }
    if let Some(since) = condition.last_transition {
        finding = finding.see("since", since.to_string());
    }
    let refusal = refusal::find(&condition.message).into_iter().next();
    if let Some(refusal) = &refusal {
        finding = finding.see("refused with", refusal.code());
    }
    let Some((_, identities, workloads)) = on_azure else {
        return finding.fix(Fix::hypershift([command!("oc describe clusteroperator {name}"; name)]).note(IN_GUEST));
    };
    for key in *identities {
        finding = finding.see("identity", *key).touches(Key::Identity((*key).into()));
    }
    for workload in *workloads {
        finding = finding.touches(Key::Workload((*workload).into()));
    }
    // What it runs on nodes may as well wait for a node, unless Azure's own words say otherwise.
    if refusal.is_none() {
        for pool in pools {
            finding = finding.touches(Key::NodePool(pool.name.clone()));
        }
        finding = finding.touches(Key::Egress);
    }
    let component = identities.iter().find(|key| told(&condition.message, key)).or(identities.first());
    let component = component.and_then(|key| catalogue::by_key(key));
    if let Some(fix) = refusal.as_ref().and_then(|refusal| {
        let scopes = match refusal {
            Refusal::Arm(arm) => arm.scope.iter().cloned().collect(),
            Refusal::Entra(_) => std::collections::BTreeSet::new(),
        };
        remedy::of(Some(cluster), component, refusal, &scopes)
    }) {
        finding = finding.fix(fix);
    }
    let plane = view.target().control_plane_namespace();
    let restart =
        workloads.iter().map(|workload| command!("oc -n {plane} rollout restart deployment/{}", *workload; plane));
    let logs =
        workloads.iter().map(|workload| command!("oc -n {plane} logs deployment/{} --tail 50", *workload; plane));
    let commands: Vec<String> = if refusal.is_some() { restart.collect() } else { logs.collect() };
    finding.fix(Fix::hypershift(commands))
}

/// Whether a message speaks of the component of an identity.
fn told(message: &str, key: &str) -> bool {
    let words: &[&str] = match key {
        "disk" => &["AzureDisk", "azure-disk", "disk.csi"],
        "file" => &["AzureFile", "azure-file", "file.csi"],
        _ => &[],
    };
    words.iter().any(|word| message.contains(word))
}

/// Where commands about objects of the hosted cluster run.
const IN_GUEST: &str = "with the kubeconfig of the hosted cluster, from `oc hcp-azure create kubeconfig`";

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &CLUSTEROPERATORS;
    const REFUSED: &str = "AzureDiskDriverControllerServiceControllerDegraded: AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:openshift-cluster-csi-drivers:azure-disk-csi-driver-operator'.";

    fn set(facts: &mut Facts, name: &str, kind: &str, status: &str, message: &str) {
        let operator = cluster_operators(facts).iter_mut().find(|operator| operator.name == name).unwrap();
        let condition = operator.conditions.iter_mut().find(|condition| condition.kind == kind).unwrap();
        condition.status = status.into();
        condition.reason = "Because".into();
        condition.message = message.into();
    }

    fn version_fails(facts: &mut Facts) {
        for condition in &mut cluster(facts).conditions {
            if condition.kind == "ClusterVersionSucceeding" {
                condition.status = "False".into();
                condition.reason = "ClusterOperatorNotAvailable".into();
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the console operator is degraded, and the version not reached", |facts| {
                set(facts, "console", "Degraded", "True", "RouteHealthDegraded: route not yet available");
                version_fails(facts);
            }),
            Fault::new("an operator is refused by Entra", |facts| {
                set(facts, "storage", "Degraded", "True", REFUSED);
                version_fails(facts);
            }),
        ]
    }

    #[test]
    fn available_operators_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn an_operator_that_is_not_available() {
        let mut facts = healthy();
        set(&mut facts, "ingress", "Available", "False", "The \"default\" ingress controller reports Available=False");
        set(&mut facts, "ingress", "Degraded", "True", "x");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "ClusterOperator ingress");
        assert!(finding.what.starts_with("cluster operator ingress is not available: "), "{}", finding.what);
        assert!(finding.keys.contains(&Key::Identity("ingress".into())), "{:?}", finding.keys);
        assert!(finding.keys.contains(&Key::NodePool("prod".into())), "{:?}", finding.keys);
        assert_eq!(
            finding.fixes[0].commands,
            ["oc -n clusters-prod logs deployment/ingress-operator --tail 50".to_owned()]
        );
    }

    #[test]
    fn a_refusal_is_decoded_and_names_the_credential_to_make() {
        let mut facts = healthy();
        set(&mut facts, "storage", "Degraded", "True", REFUSED);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("refused with"), Some("AADSTS700213"));
        assert!(finding.fixes[0].commands.iter().any(|command| command.contains("azure-disk-csi-driver-operator")));
        assert!(finding.fixes[1].commands[0].contains("rollout restart"), "{finding:#?}");
        assert!(!finding.keys.contains(&Key::Egress));
    }

    #[test]
    fn what_may_pass_by_itself_is_a_warning() {
        let level = |change: fn(&mut Facts)| {
            let mut facts = healthy();
            set(&mut facts, "console", "Degraded", "True", "x");
            change(&mut facts);
            the_finding(CHECK, &facts).level
        };
        assert_eq!(level(|_| {}), Level::Fail);
        assert_eq!(level(|facts| cluster(facts).created_at = Some(minutes_ago(29))), Level::Warn);
        assert_eq!(
            level(|facts| cluster_operators(facts)[0].conditions[2].last_transition = Some(minutes_ago(4))),
            Level::Warn
        );
        assert_eq!(level(|facts| set(facts, "console", "Degraded", "Unknown", "")), Level::Warn);
    }

    #[test]
    fn a_cluster_without_nodes_waits_for_them() {
        let mut facts = healthy();
        set(&mut facts, "console", "Available", "False", "no node");
        if let Fact::Known(pools) = &mut facts.hosted.node_pools {
            pools[0].replicas = Some(0);
        }
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
        set(&mut facts, "kube-apiserver", "Available", "False", "down");
        assert_eq!(findings(CHECK, &facts)[1].level, Level::Fail);
    }

    #[test]
    fn a_guest_that_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        facts.guest.cluster_operators = Fact::Unreadable(Gap::new(GapKind::Unreachable, "https://api: connect"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
        facts.guest.cluster_operators = Fact::Known(Vec::new());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }

    #[test]
    fn a_cluster_that_is_deleted_is_not_judged() {
        let mut facts = healthy();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
