//! The objects of a hosted cluster in the management cluster: what is applied, what stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::change::Change;
use crate::late::Late;
use crate::manifest::Manifest;
use crate::resource::kept;
use crate::{Refusal, Step, Verb};

/// An object that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The object.
    pub manifest: Manifest,
    /// Whether one of this name stays as it is, whatever it holds: a Namespace, or a random key that is in use.
    pub keep: bool,
}

/// What is known of an object. It may be a Secret, so that debug output shows none of it.
#[derive(Clone, Default, PartialEq)]
pub struct Seen {
    /// The object as it is; none when it does not exist.
    pub live: Option<Value>,
    /// The object as it would be once applied; none when nobody asked.
    pub after: Option<Value>,
    /// Why the API server would not take it.
    pub refused: Option<String>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("exists", &self.live.is_some())
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// What is known of each object, by [`Manifest`]'s words for it.
pub type Facts = BTreeMap<String, Seen>;

/// The name of an object's step.
pub fn step_id(manifest: &Manifest) -> String {
    format!("object/{}/{}", manifest.kind(), manifest.name())
}

/// The steps, behind those of `before`: the namespace, then what the HostedCluster refers to, then it, then its NodePools.
///
/// # Errors
/// A [`Refusal`] when the HostedCluster exists and is another one, or the API server would not take an object.
pub fn plan(wanted: Vec<Wanted>, facts: &Facts, before: &BTreeSet<String>, late: &Late) -> Result<Vec<Step>, Refusal> {
    let unseen = Seen::default();
    let seen = |manifest: &Manifest| facts.get(&manifest.to_string()).unwrap_or(&unseen);
    let cluster = wanted.iter().find(|one| one.manifest.kind() == "HostedCluster");
    if let Some(cluster) = cluster {
        same_cluster(&cluster.manifest, seen(&cluster.manifest), &wanted, facts)?;
    }
    let ids: Vec<(u8, String)> = wanted.iter().map(|one| (rank(one.manifest.kind()), step_id(&one.manifest))).collect();
    wanted
        .into_iter()
        .map(|one| {
            let own = rank(one.manifest.kind());
            let mut depends_on: BTreeSet<String> =
                ids.iter().filter(|(rank, _)| *rank < own).map(|(_, id)| id.clone()).collect();
            depends_on.extend(before.iter().cloned());
            step(one, facts, depends_on, late)
        })
        .collect()
}

/// What must be there before what.
fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "HostedCluster" => 2,
        "NodePool" => 3,
        _ => 1,
    }
}

fn step(wanted: Wanted, facts: &Facts, mut depends_on: BTreeSet<String>, late: &Late) -> Result<Step, Refusal> {
    let Wanted { manifest, keep } = wanted;
    let (id, resource) = (step_id(&manifest), manifest.to_string());
    let seen = facts.get(&resource).cloned().unwrap_or_default();
    if let Some(why) = seen.refused {
        return Err(Refusal::new(
            "--name",
            manifest.name(),
            format!("the API server does not take {resource}: {why}"),
            "change the flag that the message is about, or remove the object that is there",
        ));
    }
    let (verb, reason) = match (&seen.live, &seen.after) {
        (Some(_), _) if keep => return Ok(kept(id, resource, "exists")),
        (Some(live), Some(after)) => {
            let paths = differences(live, after);
            if paths.is_empty() {
                return Ok(kept(id, resource, "exists as it should be"));
            }
            (Verb::Change, format!("exists, differs in {}", paths.join(", ")))
        }
        (Some(_), None) => (Verb::Change, "exists".to_owned()),
        (None, _) => (Verb::Create, purpose(manifest.kind()).to_owned()),
    };
    let late = late.within(&manifest.object().to_string());
    depends_on.extend(late.steps());
    Ok(Step {
        id,
        verb,
        resource,
        reason,
        depends_on,
        change: Some(Change::Manifest { object: manifest, late }),
        serial: None,
    })
}

fn purpose(kind: &str) -> &'static str {
    match kind {
        "Namespace" => "holds the HostedCluster",
        "HostedCluster" => "begins the control plane",
        "NodePool" => "begins the nodes",
        _ => "what the HostedCluster refers to",
    }
}

/// Refuses a HostedCluster that exists and is not the one that is asked for.
fn same_cluster(manifest: &Manifest, seen: &Seen, wanted: &[Wanted], facts: &Facts) -> Result<(), Refusal> {
    let Some(live) = &seen.live else { return Ok(()) };
    let name = manifest.name();
    if live.pointer("/metadata/deletionTimestamp").is_some() {
        return Err(Refusal::new(
            "--name",
            name,
            format!("{manifest} is being deleted"),
            "wait for its end, or choose another name",
        ));
    }
    let infra_id = |object: &Value| object.pointer("/spec/infraID").and_then(Value::as_str).map(str::to_owned);
    let (have, want) = (infra_id(live), infra_id(manifest.object()));
    if have != want {
        return Err(Refusal::new(
            "--infra-id",
            want.unwrap_or_default(),
            format!("{manifest} exists with infra id {}, which cannot be changed", have.unwrap_or_default()),
            "leave --infra-id out, give the infra file of that infra id, or choose another name",
        ));
    }
    for (what, pointer) in
        [("tenant", "/spec/platform/azure/tenantID"), ("subscription", "/spec/platform/azure/subscriptionID")]
    {
        let of = |object: &Value| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        if let (Some(have), Some(want)) = (of(live), of(manifest.object()))
            && !have.eq_ignore_ascii_case(&want)
        {
            return Err(Refusal::new(
                "--azure-creds",
                "",
                format!("{manifest} exists in {what} {have}, and the credentials are of {what} {want}"),
                "give the credentials of the cluster's own tenant and subscription",
            ));
        }
    }
    // Without its key, what etcd holds cannot be read; a new key would hide that.
    let lost = wanted.iter().find(|one| {
        one.keep
            && one.manifest.kind() == "Secret"
            && facts.get(&one.manifest.to_string()).is_none_or(|seen| seen.live.is_none())
    });
    match lost {
        Some(lost) => Err(Refusal::new(
            "--name",
            name,
            format!("{manifest} exists, but {} is gone, and a new one would hold another key", lost.manifest),
            "restore the Secret from a backup, or delete the HostedCluster",
        )),
        None => Ok(()),
    }
}

/// Where two states of an object differ, beyond what the API server keeps for itself.
pub fn differences(live: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(&stripped(live), &stripped(after), String::new(), &mut found);
    found
}

fn stripped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for own in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"] {
            metadata.remove(own);
        }
    }
    object
}

fn compare(live: &Value, after: &Value, path: String, found: &mut Vec<String>) {
    match (live, after) {
        (Value::Object(have), Value::Object(want)) => {
            let keys: BTreeSet<&String> = have.keys().chain(want.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let of = |members: &serde_json::Map<String, Value>| members.get(key).cloned().unwrap_or_default();
                compare(&of(have), &of(want), path, found);
            }
        }
        (have, want) if have == want => {}
        _ => found.push(path),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, more: Value) -> Manifest {
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "c"}});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Manifest::new(object)
    }

    fn wanted() -> Vec<Wanted> {
        let cluster = object(
            "HostedCluster",
            "dev",
            json!({"spec": {"infraID": "dev-a", "fips": false, "platform": {"azure": {"tenantID": "t"}}}}),
        );
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c"}});
        vec![
            Wanted { manifest: Manifest::new(namespace), keep: true },
            Wanted { manifest: object("Secret", "dev-etcd", json!({"data": {"key": "x"}})), keep: true },
            Wanted { manifest: object("Secret", "dev-pull", json!({"data": {"key": "x"}})), keep: false },
            Wanted { manifest: cluster, keep: false },
            Wanted { manifest: object("NodePool", "dev", json!({})), keep: false },
        ]
    }

    /// Everything is there; what the API server keeps for itself was changed meanwhile.
    fn all_there() -> Facts {
        let seen = |one: &Wanted| {
            let (mut live, after) = (one.manifest.object().clone(), one.manifest.object().clone());
            live["metadata"]["resourceVersion"] = json!("7");
            live["status"] = json!({"ready": true});
            (one.manifest.to_string(), Seen { live: Some(live), after: Some(after), refused: None })
        };
        wanted().iter().map(seen).collect()
    }

    fn verbs(facts: &Facts) -> String {
        let steps = plan(wanted(), facts, &BTreeSet::new(), &Late::default()).unwrap();
        steps.iter().map(|step| step.verb.mark()).collect()
    }

    #[test]
    fn objects_follow_one_another() {
        let before: BTreeSet<String> = ["nsg".to_owned()].into();
        let steps = plan(wanted(), &Facts::new(), &before, &Late::default()).unwrap();
        assert_eq!(verbs(&Facts::new()), "+++++");
        let of = |id: &str| steps.iter().find(|step| step.id == id).unwrap().depends_on.clone();
        assert_eq!(of("object/Namespace/c"), before);
        assert_eq!(of("object/Secret/dev-pull").len(), 2);
        assert_eq!(of("object/HostedCluster/dev").len(), 4);
        assert_eq!(of("object/NodePool/dev").len(), 5);
    }

    #[test]
    fn what_is_there_stays_and_random_keys_always_do() {
        assert_eq!(verbs(&all_there()), "=====");
        let mut facts = all_there();
        for name in ["Secret c/dev-etcd", "Secret c/dev-pull"] {
            facts.get_mut(name).unwrap().after.as_mut().unwrap()["data"]["key"] = json!("y");
        }
        assert_eq!(verbs(&facts), "==~==");
    }

    #[test]
    fn another_cluster_of_the_name_is_refused() {
        let refused = |change: &dyn Fn(&mut Facts)| {
            let mut facts = all_there();
            change(&mut facts);
            plan(wanted(), &facts, &BTreeSet::new(), &Late::default()).unwrap_err()
        };
        let cluster = "HostedCluster c/dev";
        let live = |facts: &mut Facts, pointer: &str, value: Value| {
            *facts.get_mut(cluster).unwrap().live.as_mut().unwrap().pointer_mut(pointer).unwrap() = value;
        };
        assert_eq!(refused(&|facts| live(facts, "/spec/infraID", json!("dev-b"))).flag, "--infra-id");
        let azure = json!({"infraID": "dev-a", "platform": {"azure": {"tenantID": "t-other"}}});
        assert_eq!(refused(&|facts| live(facts, "/spec", azure.clone())).flag, "--azure-creds");
        let deleted = json!({"name": "dev", "deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert!(refused(&|facts| live(facts, "/metadata", deleted.clone())).why.contains("being deleted"));
        let lost = refused(&|facts| {
            facts.remove("Secret c/dev-etcd");
        });
        assert!(lost.why.contains("dev-etcd is gone"), "{lost}");
        let refusal = refused(&|facts| facts.get_mut(cluster).unwrap().refused = Some("spec.fips: immutable".into()));
        assert!(refusal.why.contains("immutable"));
    }

    #[test]
    fn client_ids_that_are_not_known_yet_are_waited_for() {
        let mut late = Late::default();
        let placeholder = late.stand_in("identity/disk");
        let manifest = object("HostedCluster", "dev", json!({"spec": {"clientID": placeholder}}));
        let steps = plan(vec![Wanted { manifest, keep: false }], &Facts::new(), &BTreeSet::new(), &late).unwrap();
        assert_eq!(steps[0].depends_on, ["identity/disk".to_owned()].into());
        assert!(!format!("{:?}", steps[0]).contains("spec"));
    }
}
