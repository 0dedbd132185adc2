//! HC01: the conditions of the HostedCluster are as they should be.

use facts::hosted::{Condition, HostedCluster};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// Each condition of the HostedCluster has the status that a healthy cluster on Azure shows.
    ///
    /// Conditions that mean nothing on Azure (ValidOIDCConfiguration) are left out, and those that are Unknown by design
    /// (ExternalDNSReachable without external DNS, ValidAzureKMSConfig without KMS) are allowed to be. A cluster gets
    /// 15 minutes to come up. Where no NodePool wants nodes the version is never reached, which is only told. Rows stand in the order in which one condition follows from another.
    ///
    /// ## Why it matters
    /// Conditions are what the operator says about the cluster. They show symptoms: no condition tells of an identity
    /// that Entra refuses, so look for the cause in the rows that these are folded under.
    ///
    /// ## How to fix
    /// Begin with the first condition that is wrong: the later ones often follow from it.
    ///
    /// Source: openshift/hypershift support/conditions/conditions.go (ExpectedHCConditions).
    pub static HC_CONDITIONS = {
        code: "HC01",
        id: "hc-conditions",
        group: HostedCluster,
        since: "0.1.0",
        when: [Upgrade, Support],
        needs: [HostedCluster, NodePools],
        caused_by: ["HC03", "FC05", "MC01", "MC02", "NP01", "NP02", "NW02", "NW03", "QT01", "RA01", "OI01", "NW10", "DN08", "NW05", "NW06", "NW07", "NW08", "HC11", "HC02", "DN04", "MC03", "MC04", "HC05", "HC06", "HC07", "HC08", "HC09", "HC12", "HC14", "NP04", "ID02"],
        judge: judge,
    };
}

/// Minutes in which a new cluster may come up.
const GRACE: i64 = 15;
/// Minutes after which a roll-out counts as stuck.
const STUCK: i64 = 60;

/// What a healthy cluster shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    True,
    False,
    /// False; True while something rolls out.
    Done,
}

/// A condition that counts, and whether a cluster without it lacks something.
struct Expected {
    kind: &'static str,
    want: Want,
    always: bool,
}

const fn always(kind: &'static str, want: Want) -> Expected {
    Expected { kind, want, always: true }
}

const fn if_present(kind: &'static str, want: Want) -> Expected {
    Expected { kind, want, always: false }
}

/// In the order in which one follows from another.
const EXPECTED: [Expected; 32] = [
    always("ValidConfiguration", Want::True),
    always("ValidHostedControlPlaneConfiguration", Want::True),
    if_present("ValidProxyConfiguration", Want::True),
    if_present("ValidIDPConfiguration", Want::True),
    always("SupportedHostedCluster", Want::True),
    always("ValidReleaseInfo", Want::True),
    always("ValidReleaseImage", Want::True),
    always("PlatformCredentialsFound", Want::True),
    if_present("ValidAzureKMSConfig", Want::True),
    always("ReconciliationActive", Want::True),
    always("ReconciliationSucceeded", Want::True),
    if_present("ConfigOperatorReconciliationSucceeded", Want::True),
    always("InfrastructureReady", Want::True),
    always("EtcdAvailable", Want::True),
    always("KubeAPIServerAvailable", Want::True),
    if_present("ExternalDNSReachable", Want::True),
    if_present("AzureInternalLoadBalancerAvailable", Want::True),
    if_present("AzurePLSCreated", Want::True),
    if_present("AzurePrivateEndpointAvailable", Want::True),
    if_present("AzurePrivateDNSAvailable", Want::True),
    if_present("AzurePrivateLinkServiceAvailable", Want::True),
    always("IgnitionEndpointAvailable", Want::True),
    if_present("ControlPlaneConnectionAvailable", Want::True),
    if_present("DataPlaneConnectionAvailable", Want::True),
    if_present("ClusterVersionReleaseAccepted", Want::True),
    if_present("ClusterVersionFailing", Want::False),
    always("ClusterVersionSucceeding", Want::True),
    always("ClusterVersionProgressing", Want::Done),
    always("ClusterVersionAvailable", Want::True),
    always("Progressing", Want::Done),
    always("Degraded", Want::False),
    always("Available", Want::True),
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    // NodePools only tell whether there should be nodes; without them every NodePool may want some.
    let wants_nodes = view.node_pools().map_or(true, |pools| {
        let wanted =
            |pool: &facts::hosted::NodePool| pool.auto_scaling.map_or(pool.replicas.unwrap_or(1), |(min, _)| min) > 0;
        pools.iter().any(wanted)
    });
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let is_young = |then: Option<jiff::Timestamp>| then.is_some_and(|then| view.minutes_since(then) < GRACE);
    let mut findings = Vec::new();
    let (mut stale, mut missing) = (Vec::new(), Vec::new());
    let mut good = 0;
    for expected in &EXPECTED {
        let Some(condition) = cluster.condition(expected.kind) else {
            if expected.always {
                missing.push(expected.kind);
            }
            continue;
        };
        let age = condition.last_transition.map(|then| view.minutes_since(then));
        let young = is_young(cluster.created_at) && is_young(condition.last_transition);
        match judge_condition(cluster, expected, condition, age, young, wants_nodes) {
            Some(finding) => findings.push(finding),
            None => {
                good += 1;
                if condition.observed_generation.zip(cluster.generation).is_some_and(|(seen, now)| seen < now) {
                    stale.push(expected.kind);
                }
            }
        }
    }
    let subject = format!("HostedCluster {}", cluster.name);
    let look = || {
        Fix::hypershift([
            command!("oc -n {} describe hostedcluster {}", cluster.namespace, cluster.name),
            "oc -n hypershift logs deployment/operator --tail 100".to_owned(),
        ])
    };
    if !stale.is_empty() {
        findings.push(
            Finding::warn(
                subject.clone(),
                format!("{} conditions speak of an older generation of the HostedCluster", stale.len()),
                "the operator has not looked at the latest change yet: what they say may be old news",
            )
            .see("generation", cluster.generation.unwrap_or_default().to_string())
            .see("conditions", stale.join(", "))
            .fix(look()),
        );
    }
    if !missing.is_empty() && !is_young(cluster.created_at) {
        findings.push(
            Finding::warn(
                subject,
                format!("{} conditions that every HostedCluster has are missing", missing.len()),
                "nothing has judged these parts of the cluster",
            )
            .see("missing", missing.join(", "))
            .fix(look()),
        );
    }
    Ok(Judgement::new(format!("{good} conditions are as expected"), findings))
}

fn judge_condition(
    cluster: &HostedCluster,
    expected: &Expected,
    condition: &Condition,
    age: Option<i64>,
    young: bool,
    wants_nodes: bool,
) -> Option<Finding> {
    let kind = expected.kind;
    let wanted = if expected.want == Want::True { "True" } else { "False" };
    if condition.status == wanted || is_unknown_by_design(cluster, condition, wants_nodes) {
        return None;
    }
    let subject = format!("condition {kind}");
    let what = format!("{kind} is {}: {}", condition.status, reason(condition));
    let why = meaning(kind);
    let finding = if !wants_nodes && waits_for_nodes(condition) {
        Finding::info(subject, what, "no NodePool wants nodes: cluster operators that run on nodes wait for one")
    } else if !condition.is_true() && !condition.is_false() {
        Finding::warn(subject, what, "whether this part of the cluster works is not known to the operator")
    } else if expected.want == Want::Done {
        if age.is_none_or(|age| age > STUCK) {
            Finding::warn(subject, format!("{what}, for more than {STUCK} minutes"), why)
        } else {
            Finding::info(subject, what, "a roll-out is under way")
        }
    } else if kind == "ReconciliationActive" {
        Finding::warn(subject, what, why)
    } else if young {
        Finding::warn(subject, format!("{what}; the cluster is still coming up"), why)
    } else {
        Finding::fail(subject, what, why)
    };
    let mut finding = finding.compare(wanted, condition.status.as_str()).see("reason", condition.reason.as_str());
    if !condition.message.is_empty() {
        finding = finding.see("message", facts::redact::text(&condition.message));
    }
    if let Some(since) = condition.last_transition {
        finding = finding.see("since", since.to_string());
    }
    finding = finding.fix(fix(cluster, kind));
    if kind == "ValidConfiguration" && is_about_signing_key(&condition.message) {
        finding = finding.touches(Key::Issuer);
    }
    for workload in workloads_in(&condition.message) {
        finding = finding.touches(Key::Workload(workload));
    }
    Some(tied(finding, kind))
}

/// Ties a row to what its condition speaks of whatever the message says, so that an unrelated fault does not swallow it.
fn tied(finding: Finding, kind: &str) -> Finding {
    let workload = |name: &str| Key::Workload(name.into());
    let identity = |key: &str| Key::Identity(key.into());
    match kind {
        "EtcdAvailable" => finding.touches(workload("etcd")),
        "KubeAPIServerAvailable" => finding.touches(workload("kube-apiserver")).touches(workload("etcd")),
        "IgnitionEndpointAvailable" => finding.touches(workload("ignition-server")).touches(workload("kube-apiserver")),
        "ValidReleaseImage" | "ValidReleaseInfo" | "ClusterVersionReleaseAccepted" => finding.touches(Key::Release),
        "SupportedHostedCluster" => finding.touches(Key::Release).explaining_itself(),
        "ValidAzureKMSConfig" => finding.touches(identity("kms")).explaining_itself(),
        "ReconciliationActive" => finding.touches(Key::Pause(None)).explaining_itself(),
        // What the spec says, and what the management cluster makes: no fault of Azure, machines or workloads explains it.
        "ValidConfiguration"
        | "ValidHostedControlPlaneConfiguration"
        | "ValidProxyConfiguration"
        | "ValidIDPConfiguration"
        | "PlatformCredentialsFound"
        | "InfrastructureReady" => finding.explaining_itself(),
        "ExternalDNSReachable" => finding.touches(Key::Names).explaining_itself(),
        kind if kind.starts_with("AzureP") || kind.starts_with("AzureI") => finding
            .touches(identity("controlPlaneOperator"))
            .touches(workload("control-plane-operator"))
            .touches(Key::PrivateLink)
            .explaining_itself(),
        _ => finding,
    }
}

fn is_unknown_by_design(cluster: &HostedCluster, condition: &Condition, wants_nodes: bool) -> bool {
    if condition.status != "Unknown" && !condition.status.is_empty() {
        return condition.kind == "ValidAzureKMSConfig" && cluster.kms.is_none();
    }
    match condition.kind.as_str() {
        "ExternalDNSReachable" => {
            let is_private = cluster.azure.topology.as_deref() == Some("Private");
            is_private || cluster.service("APIServer").is_none_or(|service| service.hostname.is_none())
        }
        "ValidAzureKMSConfig" => cluster.kms.is_none(),
        "DataPlaneConnectionAvailable" | "ControlPlaneConnectionAvailable" => !wants_nodes,
        _ => false,
    }
}

/// Whether a condition is as it has to be while a cluster has no nodes: the console, the ingress router and the like run
/// nowhere, so the version is never reached. Source: openshift/hypershift test/e2e, conditions without worker nodes.
fn waits_for_nodes(condition: &Condition) -> bool {
    match condition.kind.as_str() {
        "ClusterVersionSucceeding" | "ClusterVersionAvailable" => !condition.is_true(),
        "ClusterVersionProgressing" | "ClusterVersionFailing" => !condition.is_false(),
        _ => false,
    }
}

/// Whether a message speaks of the key that signs service account tokens.
fn is_about_signing_key(message: &str) -> bool {
    ["private key", "service account key", "ServiceAccountSigningKey"].iter().any(|words| message.contains(words))
}

/// Workloads that a message names: known ones, and whatever is called a deployment or statefulset.
fn workloads_in(message: &str) -> Vec<String> {
    let words: Vec<&str> =
        message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| !word.is_empty()).collect();
    let mut names: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let called = ["deployment", "statefulset"].iter().any(|kind| next.eq_ignore_ascii_case(kind));
        if (called || catalogue::by_workload(word).is_some()) && !names.iter().any(|name| name == word) {
            names.push((*word).to_owned());
        }
    }
    names
}

fn meaning(kind: &str) -> &'static str {
    match kind {
        "ValidConfiguration"
        | "ValidHostedControlPlaneConfiguration"
        | "ValidProxyConfiguration"
        | "ValidIDPConfiguration" => "the operator does not roll out a configuration that it holds for invalid",
        "SupportedHostedCluster" | "ValidReleaseInfo" | "ValidReleaseImage" | "ClusterVersionReleaseAccepted" => {
            "the operator does not roll out this release"
        }
        "PlatformCredentialsFound" => "no component of the control plane gets credentials for Azure",
        "ValidAzureKMSConfig" => "the API server cannot encrypt Secrets, and does not start",
        "ReconciliationActive" => "the operator leaves the cluster as it is until reconciliation is resumed",
        "ReconciliationSucceeded" | "ConfigOperatorReconciliationSucceeded" => {
            "changes to the HostedCluster do not take effect"
        }
        "InfrastructureReady" => "without load balancers and services no control plane is published",
        "EtcdAvailable" => "without etcd the API server does not start",
        "KubeAPIServerAvailable" => "the hosted API does not answer, and every component that needs it waits",
        "ExternalDNSReachable" => {
            "the public names of the cluster do not resolve: neither users nor workers find the API"
        }
        "IgnitionEndpointAvailable" => "new machines get no ignition and never join",
        "ControlPlaneConnectionAvailable" => "workers do not reach the hosted API",
        "DataPlaneConnectionAvailable" => "the API server does not reach workers: logs, exec and webhooks time out",
        kind if kind.starts_with("AzureP") || kind.starts_with("AzureI") => {
            "the private endpoint of the cluster does not work: workers do not reach the API"
        }
        kind if kind.starts_with("ClusterVersion") => {
            "cluster operators inside the hosted cluster are not at their version or not available"
        }
        "Degraded" => "parts of the control plane do not run",
        "Available" => "the hosted cluster cannot be used",
        _ => "the cluster has not arrived at what its spec asks for",
    }
}

fn fix(cluster: &HostedCluster, kind: &str) -> Fix {
    let (namespace, name) = (&cluster.namespace, &cluster.name);
    let target = facts::Target { namespace: namespace.clone(), name: name.clone() };
    let plane = target.control_plane_namespace();
    let workload = |name: &str| {
        vec![
            command!("oc -n {plane} get pods -l app={name}"; plane, name),
            command!("oc -n {plane} describe pods -l app={name}"; plane, name),
        ]
    };
    let commands = match kind {
        "EtcdAvailable" => workload("etcd"),
        "KubeAPIServerAvailable" | "ValidAzureKMSConfig" => workload("kube-apiserver"),
        "IgnitionEndpointAvailable" => workload("ignition-server"),
        "ControlPlaneConnectionAvailable" | "DataPlaneConnectionAvailable" => vec![
            command!("oc -n {plane} get pods -l app=konnectivity-server"; plane),
            command!("oc -n {plane} get machines,azuremachines"; plane),
        ],
        "InfrastructureReady" => vec![
            command!("oc -n {plane} get services"; plane),
            command!("oc -n {plane} describe hostedcontrolplane {name}"; plane, name),
        ],
        "ExternalDNSReachable" => vec!["oc -n hypershift logs deployment/external-dns --tail 100".to_owned()],
        "Degraded" | "Available" => vec![command!("oc -n {plane} get deployments,statefulsets,pods"; plane)],
        "ReconciliationActive" => vec![
            command!("oc -n {namespace} patch hostedcluster {name} --type merge -p '{{\"spec\":{{\"pausedUntil\":null}}}}'"; namespace, name),
        ],
        kind if kind.starts_with("ClusterVersion") => vec![
            command!("hypershift create kubeconfig --name {name} --namespace {namespace} > {name}.kubeconfig"; name, namespace),
            command!("oc --kubeconfig {name}.kubeconfig get clusterversion,clusteroperators"; name),
        ],
        kind if kind.starts_with("AzureP") || kind.starts_with("AzureI") => {
            vec![command!("oc -n {plane} get azureprivatelinkservices -o yaml"; plane)]
        }
        _ => vec![
            command!("oc -n {namespace} describe hostedcluster {name}"; namespace, name),
            "oc -n hypershift logs deployment/operator --tail 100".to_owned(),
        ],
    };
    Fix::hypershift(commands)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::hosted::AzureKms;
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &HC_CONDITIONS;

    fn with(kind: &str, status: &str, minutes: i64) -> Facts {
        let mut facts = healthy();
        set(&mut facts, kind, status, minutes);
        facts
    }

    fn set(facts: &mut Facts, kind: &str, status: &str, minutes: i64) {
        let cluster = cluster(facts);
        cluster.conditions.retain(|condition| condition.kind != kind);
        let mut changed = condition(kind, status, "Because");
        changed.last_transition = Some(minutes_ago(minutes));
        cluster.conditions.push(changed);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the configuration is not valid", |facts| {
                set_condition(facts, "ValidConfiguration", "False", "spec.configuration.oauth: Invalid value");
            }),
            Fault::new("an identity provider is not valid", |facts| {
                cluster(facts).conditions.push(condition("ValidIDPConfiguration", "False", "IDPConfigurationError"));
            }),
        ]
    }

    #[test]
    fn the_expected_conditions_pass() {
        assert_passes(CHECK, &healthy());
        let kinds: std::collections::BTreeSet<&str> = EXPECTED.iter().map(|expected| expected.kind).collect();
        assert_eq!(kinds.len(), EXPECTED.len());
    }

    #[test]
    fn the_wrong_polarity_fails_after_the_grace() {
        let finding = the_failure(CHECK, &with("EtcdAvailable", "False", 1));
        assert_eq!(finding.subject, "condition EtcdAvailable");
        assert_eq!(finding.keys, [Key::Workload("etcd".into())]);
        assert!(finding.fixes[0].commands[0].contains("-n clusters-prod "));
        the_failure(CHECK, &with("Degraded", "True", 30));
        the_failure(CHECK, &with("ClusterVersionFailing", "True", 30));
        let mut facts = with("EtcdAvailable", "False", 3);
        cluster(&mut facts).created_at = Some(minutes_ago(10));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn an_old_condition_of_a_young_cluster_fails() {
        let mut facts = with("EtcdAvailable", "False", 600);
        cluster(&mut facts).created_at = Some(minutes_ago(2));
        the_failure(CHECK, &facts);
    }

    #[test]
    fn progress_warns_only_after_an_hour() {
        assert_eq!(the_finding(CHECK, &with("Progressing", "True", 10)).level, Level::Info);
        assert_eq!(the_finding(CHECK, &with("ClusterVersionProgressing", "True", 61)).level, Level::Warn);
    }

    #[test]
    fn unknown_warns_unless_it_is_so_by_design() {
        assert_eq!(the_finding(CHECK, &with("EtcdAvailable", "Unknown", 90)).level, Level::Warn);
        assert_eq!(the_finding(CHECK, &with("DataPlaneConnectionAvailable", "Unknown", 90)).level, Level::Warn);
        // Nobody wants nodes.
        let mut facts = with("DataPlaneConnectionAvailable", "Unknown", 90);
        facts.hosted.node_pools = Fact::Known(Vec::new());
        assert_passes(CHECK, &facts);
        // With external DNS it has to be reachable.
        let mut facts = healthy();
        cluster(&mut facts).services[0].hostname = Some("api-prod.ext.example.com".into());
        assert_eq!(the_finding(CHECK, &facts).subject, "condition ExternalDNSReachable");
    }

    #[test]
    fn kms_counts_where_it_is_configured() {
        let mut facts = with("ValidAzureKMSConfig", "False", 90);
        assert_passes(CHECK, &facts);
        cluster(&mut facts).kms =
            Some(AzureKms { vault: "v".into(), key: "k".into(), version: "1".into(), client_id: None });
        the_failure(CHECK, &facts);
        set(&mut facts, "ValidAzureKMSConfig", "Unknown", 90);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn private_link_conditions_count_when_present() {
        the_failure(CHECK, &with("AzurePrivateEndpointAvailable", "False", 90));
        assert_passes(CHECK, &with("ClusterVersionUpgradeable", "False", 90));
        assert_passes(CHECK, &with("ValidOIDCConfiguration", "False", 90));
    }

    #[test]
    fn a_message_ties_the_row_to_its_workloads() {
        let mut facts = with("Degraded", "True", 90);
        cluster(&mut facts).conditions.last_mut().unwrap().message =
            "[capi-provider deployment has 1 unavailable replicas, etcd statefulset has 2 unavailable replicas]".into();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.keys, [Key::Workload("capi-provider".into()), Key::Workload("etcd".into())]);
        let release = the_failure(CHECK, &with("ValidReleaseImage", "False", 90));
        assert_eq!(release.keys, [Key::Release]);
    }

    #[test]
    fn a_cluster_without_nodes_never_reaches_its_version() {
        let mut facts = with("ClusterVersionSucceeding", "False", 600);
        set(&mut facts, "ClusterVersionAvailable", "False", 600);
        set(&mut facts, "ClusterVersionProgressing", "True", 600);
        assert!(findings(CHECK, &facts).iter().all(|finding| finding.level <= Level::Warn));
        facts.hosted.node_pools = Fact::Known(Vec::new());
        let found = findings(CHECK, &facts);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found.iter().all(|finding| finding.level == Level::Info), "{found:#?}");
        // What does not wait for nodes counts as ever.
        set(&mut facts, "EtcdAvailable", "False", 600);
        assert!(findings(CHECK, &facts).iter().any(|finding| finding.level == Level::Fail));
    }

    #[test]
    fn a_pause_warns() {
        let finding = the_finding(CHECK, &with("ReconciliationActive", "False", 90));
        assert_eq!(finding.level, Level::Warn);
        assert!(finding.fixes[0].commands[0].contains("pausedUntil"));
    }

    #[test]
    fn stale_and_missing_conditions_warn_in_one_row_each() {
        let mut facts = healthy();
        cluster(&mut facts).generation = Some(2);
        let finding = the_finding(CHECK, &facts);
        assert_eq!(finding.level, Level::Warn);
        assert!(finding.what.contains("older generation"));
        let mut facts = healthy();
        cluster(&mut facts).conditions.retain(|condition| !condition.kind.contains("Available"));
        let finding = the_finding(CHECK, &facts);
        assert!(finding.evidence.get("missing").unwrap().starts_with("EtcdAvailable, KubeAPIServerAvailable"));
        cluster(&mut facts).created_at = Some(minutes_ago(5));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn rows_follow_the_causal_chain() {
        let mut facts = healthy();
        for kind in ["Available", "KubeAPIServerAvailable", "EtcdAvailable"] {
            set(&mut facts, kind, "False", 90);
        }
        let subjects: Vec<String> = findings(CHECK, &facts).into_iter().map(|finding| finding.subject).collect();
        assert_eq!(subjects, ["condition EtcdAvailable", "condition KubeAPIServerAvailable", "condition Available"]);
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
        facts.hosted.cluster = Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
