//! What keeps a HostedCluster from being gone: each object that waits, for which finalizer, and why as far as it is told.

use serde_json::Value;

/// The finalizer that upstream's command line sets while it destroys a cluster. Nothing on the management cluster takes it
/// off: whoever destroys the cluster does.
pub const UPSTREAM_FINALIZER: &str = "openshift.io/destroy-cluster";

/// The finalizer of the HyperShift operator.
const OPERATOR_FINALIZER: &str = "hypershift.openshift.io/finalizer";

/// How many objects are told; those below hold up those above.
const TOLD: usize = 4;

/// What is left of a cluster that is being deleted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Remains {
    /// The HostedCluster; none once it is gone.
    pub cluster: Option<Value>,
    /// Objects of the cluster, those that hold up others first: machines before clusters before control planes.
    pub objects: Vec<Value>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// The kinds of objects that hold up a deletion: group and versions, plural, kind, and whether it is the HostedCluster's
/// own namespace that they are in. Those that hold up others come first.
pub const KINDS: [(&[&str], &str, &str, bool); 7] = [
    (&["infrastructure.cluster.x-k8s.io/v1beta1"], "azuremachines", "AzureMachine", false),
    (&["cluster.x-k8s.io/v1beta2", "cluster.x-k8s.io/v1beta1"], "machines", "Machine", false),
    (&["infrastructure.cluster.x-k8s.io/v1beta1"], "azureclusters", "AzureCluster", false),
    (&["cluster.x-k8s.io/v1beta2", "cluster.x-k8s.io/v1beta1"], "clusters", "Cluster", false),
    (&["hypershift.openshift.io/v1beta1"], "azureprivatelinkservices", "AzurePrivateLinkService", false),
    (&["hypershift.openshift.io/v1beta1"], "hostedcontrolplanes", "HostedControlPlane", false),
    (&["hypershift.openshift.io/v1beta1"], "nodepools", "NodePool", true),
];

impl Remains {
    /// Whether nothing but upstream's own finalizer holds the HostedCluster: all that its operator does is done.
    pub fn is_finalized(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| is_going(cluster) && finalizers(cluster) == [UPSTREAM_FINALIZER])
    }

    /// Whether all is gone: the HostedCluster, and what of it was on its way.
    pub fn is_gone(&self) -> bool {
        self.cluster.is_none() && !self.objects.iter().any(is_going)
    }

    /// What is in the way, a line each.
    pub fn blockers(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.objects.iter().filter(|object| is_going(object)).filter_map(line).take(TOLD).collect();
        let more = self.objects.iter().filter(|object| is_going(object)).count().saturating_sub(TOLD);
        if more > 0 {
            lines.push(format!("and {more} more objects"));
        }
        if lines.is_empty()
            && let Some(cluster) = self.cluster.as_ref().filter(|cluster| is_going(cluster))
        {
            lines.extend(line(cluster));
            if finalizers(cluster).contains(&OPERATOR_FINALIZER) {
                lines.push(
                    "nothing else is left of it: the HyperShift operator has to let go; `oc -n hypershift get pods` shows whether it runs"
                        .to_owned(),
                );
            }
        }
        lines.extend(self.unseen.iter().cloned());
        lines
    }
}

fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string)
}

fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `AzureMachine clusters-dev/dev-abc waits for finalizer x since …: the condition's words`.
fn line(object: &Value) -> Option<String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let held = finalizers(object);
    if held.is_empty() {
        return None;
    }
    let mut line = format!(
        "{} {}/{} waits since {} for finalizer {}",
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name"),
        text("/metadata/deletionTimestamp"),
        held.join(", ")
    );
    if let Some(why) = reason(object) {
        line.push_str(&format!(": {why}"));
        if let Some(way_out) = way_out(&why) {
            line.push_str(&format!(" ({way_out})"));
        }
    }
    Some(line)
}

/// What the object says of its own deletion: of the conditions that are not well, the one that speaks.
fn reason(object: &Value) -> Option<String> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array)?;
    let text = |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    let rank = |condition: &&Value| match text(condition, "type").as_str() {
        "CloudResourcesDestroyed" | "HostedClusterDestroyed" | "Deleting" => 0,
        "DrainingSucceeded" | "VMRunning" => 1,
        "Ready" => 2,
        _ => 3,
    };
    let speaking = conditions
        .iter()
        .filter(|condition| condition["status"] != "True" || text(condition, "type") == "Deleting")
        .filter(|condition| !text(condition, "message").is_empty())
        .min_by_key(rank)?;
    let message = facts::redact::text(&text(speaking, "message"));
    Some(format!("{} {}", text(speaking, "reason"), message.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// What is behind Azure's words.
fn way_out(why: &str) -> Option<&'static str> {
    [
        ("ScopeLocked", "a lock is on it: `az lock list -o table`"),
        (
            "ResourceGroupNotFound",
            "its resource group is gone: machines in it are gone too, and their finalizers can be taken off",
        ),
        ("AuthorizationFailed", "the identity of nodePoolManagement has lost its role"),
        ("AADSTS", "the identity, its credential or the issuer is gone: `hcp-azure doctor` tells which"),
        ("drain", "a PodDisruptionBudget or a pod keeps the node from being drained"),
    ]
    .into_iter()
    .find(|(word, _)| why.contains(word))
    .map(|(_, way_out)| way_out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, finalizer: &str, conditions: Value) -> Value {
        json!({
            "kind": kind,
            "metadata": {"name": "dev", "namespace": "clusters-dev", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [finalizer]},
            "status": {"conditions": conditions},
        })
    }

    #[test]
    fn the_deepest_objects_are_told_with_what_they_say() {
        let remains = Remains {
            cluster: Some(object("HostedCluster", OPERATOR_FINALIZER, json!([]))),
            objects: vec![
                object(
                    "AzureMachine",
                    "azuremachine.infrastructure.cluster.x-k8s.io",
                    json!([{"type": "Ready", "status": "False", "reason": "DeletionFailed", "message": "409 ScopeLocked: the scope is\n locked"}]),
                ),
                json!({"kind": "Machine", "metadata": {"name": "alive", "finalizers": ["x"]}}),
            ],
            unseen: Vec::new(),
        };
        assert_eq!(
            remains.blockers(),
            [
                "AzureMachine clusters-dev/dev waits since 2026-01-01T00:00:00Z for finalizer azuremachine.infrastructure.cluster.x-k8s.io: DeletionFailed 409 ScopeLocked: the scope is locked (a lock is on it: `az lock list -o table`)"
            ]
        );
        assert!(!remains.is_finalized());
    }

    #[test]
    fn every_kind_that_waits_is_named_with_its_finalizer_and_what_is_behind_it() {
        for kind in [
            "AzureMachine",
            "Machine",
            "AzureCluster",
            "Cluster",
            "AzurePrivateLinkService",
            "HostedControlPlane",
            "NodePool",
        ] {
            for (message, behind) in [
                ("409 ScopeLocked: x", "a lock is on it"),
                ("404 ResourceGroupNotFound: x", "its resource group is gone"),
                ("403 AuthorizationFailed: x", "has lost its role"),
                ("AADSTS700213: x", "the identity, its credential or the issuer is gone"),
                ("cannot drain node", "PodDisruptionBudget"),
            ] {
                let conditions = json!([{"type": "Ready", "status": "False", "reason": "Failed", "message": message}]);
                let remains = Remains { objects: vec![object(kind, "a.io/b", conditions)], ..Remains::default() };
                let told = remains.blockers();
                assert_eq!(told.len(), 1);
                assert!(told[0].starts_with(&format!("{kind} clusters-dev/dev waits since ")), "{told:?}");
                assert!(told[0].contains("finalizer a.io/b") && told[0].contains(behind), "{told:?}");
            }
        }
    }

    #[test]
    fn a_cluster_alone_waits_for_its_operator_or_for_us() {
        let waits =
            Remains { cluster: Some(object("HostedCluster", OPERATOR_FINALIZER, json!([]))), ..Remains::default() };
        assert_eq!(waits.blockers().len(), 2);
        assert!(waits.blockers()[1].contains("the HyperShift operator has to let go"));
        let ours =
            Remains { cluster: Some(object("HostedCluster", UPSTREAM_FINALIZER, json!([]))), ..Remains::default() };
        assert!(ours.is_finalized() && Remains::default().is_gone());
        let pool = object("NodePool", "hypershift.openshift.io/finalizer", json!([]));
        let left = Remains { objects: vec![pool], ..Remains::default() };
        assert!(!left.is_gone() && left.blockers()[0].starts_with("NodePool clusters-dev/dev waits since "));
    }
}
