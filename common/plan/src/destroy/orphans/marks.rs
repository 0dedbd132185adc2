//! Which clusters are dead, and whose a thing is.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use facts::hosted::HostedCluster;
use serde_json::Value;

use super::resources::{Left, kind};
use super::{Facts, Kind, Ledger, Line, Spec, Standing, id, made, name, several};
use crate::destroy::ownership::{bears, proof, proof_by_mark};
use crate::{Refusal, infra_id, tags};

/// A tag of Cluster API: this, the cluster's infra id, and the value `owned`.
const CLUSTER_API: &str = "sigs.k8s.io_cluster-api-provider-azure_cluster_";

/// What is known of a dead cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dead {
    /// Its name, where a tag of ours tells it.
    pub cluster: Option<String>,
    /// Whether the user says that it is dead.
    pub vouched: bool,
}

/// Who is dead, and who is not to be touched.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub dead: BTreeMap<String, Dead>,
    /// Infra ids of others.
    others: BTreeSet<String>,
    /// Client ids of identities that living clusters use.
    clients: BTreeSet<String>,
    /// Ids, in lower case, of what living clusters use.
    used: BTreeSet<String>,
}

pub(super) fn marks(spec: &Spec, facts: &Facts) -> Result<Marks, Refusal> {
    let clusters: Vec<&HostedCluster> = facts.living.iter().flat_map(|living| &living.clusters).collect();
    for id in &spec.vouched {
        if let Some(cluster) = clusters.iter().find(|cluster| cluster.infra_id == *id) {
            return Err(Refusal::new(
                "--infra-id",
                id,
                format!("HostedCluster {}/{} has it", cluster.namespace, cluster.name),
                "leave it out; `destroy cluster` deletes a cluster that is there",
            ));
        }
    }
    let tagged = tagged(facts);
    let lives = |id: &str, name: Option<&str>| {
        clusters.iter().any(|cluster| match cluster.infra_id.as_str() {
            // Its operator has not chosen one yet: any of its name may become its own.
            "" => name == Some(cluster.name.as_str()),
            own => own == id,
        })
    };
    let mut marks = Marks::default();
    for (id, name) in &tagged {
        let vouched = spec.vouched.contains(id);
        if vouched || !facts.living.is_empty() && !lives(id, name.as_deref()) {
            marks.dead.insert(id.clone(), Dead { cluster: name.clone(), vouched });
        }
    }
    for id in &spec.vouched {
        marks.dead.entry(id.clone()).or_insert(Dead { cluster: None, vouched: true });
    }
    let owned = facts.resources.iter().chain(&facts.groups).filter_map(cluster_api).map(str::to_owned);
    let living = clusters.iter().map(|cluster| cluster.infra_id.clone()).filter(|id| !id.is_empty());
    marks.others = tagged.into_keys().chain(living).chain(owned).filter(|id| !marks.dead.contains_key(id)).collect();
    for cluster in clusters {
        let clients = cluster.workload_identities().into_iter().flatten().map(|(_, id)| id.to_ascii_lowercase());
        marks.clients.extend(clients);
        let azure = &cluster.azure;
        let ids = [Some(&azure.vnet_id), Some(&azure.subnet_id), Some(&azure.security_group_id)];
        let more =
            [azure.nat_subnet_id.as_ref(), cluster.dns.public_zone_id.as_ref(), cluster.dns.private_zone_id.as_ref()];
        marks.used.extend(ids.into_iter().chain(more).flatten().map(ArmId::key));
        marks.used.insert(ArmId::of_group(&azure.subscription_id, &azure.resource_group).key());
    }
    marks.used.extend(facts.living.iter().flat_map(|living| &living.subnets).map(ArmId::key));
    Ok(marks)
}

/// The infra ids of our tags, with the names of their clusters.
fn tagged(facts: &Facts) -> BTreeMap<String, Option<String>> {
    let mut all: BTreeMap<String, Option<String>> = BTreeMap::new();
    for body in facts.groups.iter().chain(&facts.resources).chain(&facts.identities) {
        let tag = |key: &str| body["tags"][key].as_str().filter(|value| !value.is_empty());
        if let Some(id) = tag(tags::INFRA_ID) {
            let known = all.entry(id.to_owned()).or_default();
            *known = known.take().or_else(|| tag(tags::CLUSTER).map(str::to_owned));
        }
    }
    all
}

/// The infra id for which Cluster API made a thing.
fn cluster_api(body: &Value) -> Option<&str> {
    let owned = |(key, value): (&'_ String, &Value)| {
        value.as_str().is_some_and(|word| word.eq_ignore_ascii_case("owned")) && key.starts_with(CLUSTER_API)
    };
    body["tags"].as_object()?.iter().find(|(key, value)| owned((key, value))).map(|(key, _)| &key[CLUSTER_API.len()..])
}

impl Marks {
    /// The dead cluster that a thing is of, with the proof. `within` is the infra id of the dead cluster whose own group the
    /// thing is in.
    ///
    /// A name proves something when it bears an infra id that was made at random, or within the cluster's own group: any
    /// other infra id may be a common word.
    pub fn owner(&self, body: &Value, within: Option<&str>) -> Option<(&str, String)> {
        if self.is_used(body) {
            return None;
        }
        let mut ids: Vec<&str> = self.dead.keys().map(String::as_str).collect();
        // Of `dev` and `dev-x7k2p`, what bears the longer one is of that one.
        ids.sort_by_key(|id| (std::cmp::Reverse(id.len()), *id));
        ids.into_iter().find_map(|id| {
            let counts = within == Some(id) || infra_id::is_generated(id);
            let proof = if counts { proof(id, body) } else { proof_by_mark(id, body) }?;
            let is_tagged = body["tags"].get(tags::INFRA_ID).is_some();
            (is_tagged || !self.is_of_another(id, body)).then_some((id, proof))
        })
    }

    /// Whether a living cluster uses a thing, or a part of it.
    pub fn is_used(&self, body: &Value) -> bool {
        let key = id(body).key();
        let part = format!("{key}/");
        let client = body["properties"]["clientId"].as_str().unwrap_or_default().to_ascii_lowercase();
        let is_group = ArmId::new(&key).provider().is_none();
        self.clients.contains(&client)
            || self.used.iter().any(|used| *used == key || !is_group && used.starts_with(&part))
    }

    /// Whether a thing bears the infra id of another cluster, of which the dead one's is not a longer form.
    fn is_of_another(&self, dead: &str, body: &Value) -> bool {
        let tags = body["tags"].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
        let words: Vec<&str> = tags.chain([name(body)]).collect();
        let others = self.others.iter().filter(|other| !bears(dead, other));
        others.into_iter().any(|other| words.iter().any(|word| bears(word, other)))
    }
}

/// Takes back the certainty of clusters that may live: on a management cluster that was not looked at, or not yet.
pub(super) fn doubt(facts: &Facts, marks: &Marks, left: &Left<'_>, ledger: &mut Ledger) {
    for (infra_id, dead) in marks.dead.iter().filter(|(_, dead)| !dead.vouched) {
        let of = |body: &&Value| left.owners.get(&id(body).key()).is_some_and(|(owner, _)| owner == infra_id);
        let bodies: Vec<&Value> = facts.resources.iter().chain(&facts.groups).filter(of).collect();
        let machines = bodies.iter().filter(|body| kind(body) == "microsoft.compute/virtualmachines").count();
        let recent = |time: String| !facts.a_day_ago.is_empty() && time > facts.a_day_ago;
        let why = if machines > 0 {
            format!(
                "it has {}: a cluster of a management cluster that was not looked at?",
                several(machines, "virtual machine")
            )
        } else if bodies.iter().filter_map(|body| made(body)).any(recent) {
            "something of it was made within the last day: a cluster that is being created?".to_owned()
        } else {
            continue;
        };
        for line in ledger.lines.iter_mut().filter(|line| line.infra_id.as_ref() == Some(infra_id)) {
            (line.standing, line.deletion) = (Standing::Unproven, None);
        }
        let cluster = dead.cluster.as_deref().map(|name| format!(" (cluster {name})")).unwrap_or_default();
        ledger.notes.push(format!(
            "infra id {infra_id}{cluster} has no HostedCluster, but {why} `--also-context NAME` looks there; `--infra-id {infra_id}` says that it is dead"
        ));
    }
    owned(facts, marks, ledger);
}

/// What Cluster API made for clusters of which nobody tells that they are hosted ones: one line for each cluster.
fn owned(facts: &Facts, marks: &Marks, ledger: &mut Ledger) {
    if facts.living.is_empty() {
        return;
    }
    let living: BTreeSet<&str> =
        facts.living.iter().flat_map(|living| &living.clusters).map(|cluster| cluster.infra_id.as_str()).collect();
    let mut all: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for body in &facts.resources {
        let of = cluster_api(body).filter(|id| !living.contains(id) && !marks.dead.contains_key(*id));
        if let Some(infra_id) = of {
            all.entry(infra_id).or_default().push(body);
        }
    }
    for (infra_id, bodies) in all {
        ledger.lines.push(Line {
            kind: Kind::Resource,
            rank: 0,
            infra_id: Some(infra_id.to_owned()),
            name: format!("{} of Cluster API", several(bodies.len(), "resource")),
            id: bodies.first().map(|body| id(body)).unwrap_or_else(|| ArmId::new("")),
            standing: Standing::Unproven,
            reason: format!("no HostedCluster has infra id {infra_id}, but it may be another sort of cluster: `--infra-id {infra_id}` says that it is a dead hosted one"),
            since: bodies.iter().filter_map(|body| made(body)).min(),
            costs: true,
            deletion: None,
        });
    }
}
