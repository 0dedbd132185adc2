//! Resource groups and what is in them.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use serde_json::Value;

use super::ownership::{proof, proof_by_company};
use super::{Facts, GroupSeen, Identities, Planned, Spec, identities, roles};
use crate::change::Change;
use crate::compare::text;
use crate::{Step, Verb, iam, infra, tags};

/// What becomes of a group.
#[derive(Debug, Default)]
pub(super) struct Fate<'a> {
    /// Whether it goes, with all that is in it.
    pub goes: bool,
    /// What is the cluster's in it, with the proof.
    ours: Vec<(&'a Value, String)>,
    /// What is not.
    foreign: Vec<&'a Value>,
    /// Why it stays although it is the cluster's own.
    stays: Option<String>,
}

/// How many resources of a group are named.
const NAMED: usize = 3;

impl Fate<'_> {
    /// What goes with the group.
    fn content(&self) -> String {
        let tops: Vec<&Value> = self.ours.iter().map(|(body, _)| *body).filter(|body| depth(body) == 1).collect();
        let named: Vec<String> = tops.iter().take(NAMED).map(|body| shown(body)).collect();
        match (tops.len(), tops.len().saturating_sub(NAMED)) {
            (0, _) => "it is empty".to_owned(),
            (_, 0) => format!("holds only the cluster's {}", named.join(", ")),
            (_, more) => format!("holds only the cluster's {} and {more} more", named.join(", ")),
        }
    }
}

/// What is deleted before what, and in which api-version. What is in use by another goes after it.
pub(super) const KINDS: [(&str, u8, &str); 16] = [
    ("microsoft.network/privatednszones/virtualnetworklinks", 0, infra::PRIVATE_DNS),
    ("microsoft.compute/virtualmachines", 0, "2024-03-01"),
    ("microsoft.compute/virtualmachinescalesets", 0, "2024-03-01"),
    ("microsoft.network/privateendpoints", 1, infra::NETWORK),
    ("microsoft.network/networkinterfaces", 1, infra::NETWORK),
    ("microsoft.compute/disks", 1, "2023-10-02"),
    ("microsoft.compute/snapshots", 1, "2023-10-02"),
    ("microsoft.storage/storageaccounts", 1, "2023-01-01"),
    ("microsoft.network/privatednszones", 1, infra::PRIVATE_DNS),
    ("microsoft.network/privatelinkservices", 2, infra::NETWORK),
    ("microsoft.network/loadbalancers", 3, infra::NETWORK),
    ("microsoft.network/natgateways", 5, infra::NETWORK),
    ("microsoft.network/publicipaddresses", 6, infra::NETWORK),
    ("microsoft.network/virtualnetworks", 4, infra::NETWORK),
    ("microsoft.network/routetables", 5, infra::NETWORK),
    ("microsoft.network/networksecuritygroups", 5, infra::NETWORK),
];

pub(super) const IDENTITY: &str = "microsoft.managedidentity/userassignedidentities";

/// What becomes of each group that exists, by its key.
pub(super) fn fates<'a>(spec: &Spec, facts: &'a Facts) -> BTreeMap<String, Fate<'a>> {
    facts.groups.iter().map(|(key, group)| (key.clone(), fate(spec, facts, key, group))).collect()
}

fn fate<'a>(spec: &Spec, facts: &Facts, key: &str, group: &'a GroupSeen) -> Fate<'a> {
    let mut fate = Fate::default();
    let (tops, children): (Vec<&Value>, Vec<&Value>) = group.resources.iter().partition(|body| depth(body) == 1);
    let mut unsure = Vec::new();
    for body in tops {
        if kind(body) == IDENTITY {
            // Identities outlive the infrastructure; those that go have steps of their own where their group stays.
            if identities::goes(spec, facts, body) {
                fate.ours.push((body, "named for the cluster".to_owned()));
            } else {
                fate.foreign.push(body);
            }
            continue;
        }
        match proof(&spec.infra_id, body).or_else(|| zone_proof(spec, body)) {
            Some(proof) => fate.ours.push((body, proof)),
            None => unsure.push(body),
        }
    }
    let certain: Vec<&Value> = fate.ours.iter().map(|(body, _)| *body).collect();
    for body in unsure {
        match proof_by_company(body, &certain).filter(|_| is_managed(spec, key)) {
            Some(proof) => fate.ours.push((body, proof)),
            None => fate.foreign.push(body),
        }
    }
    for body in children {
        let parent = ArmId::new(id(body)).parent().map(|parent| parent.key()).unwrap_or_default();
        if fate.ours.iter().any(|(owner, _)| id(owner).eq_ignore_ascii_case(&parent)) {
            fate.ours.push((body, "part of what goes".to_owned()));
        } else if !fate.foreign.iter().any(|owner| id(owner).eq_ignore_ascii_case(&parent)) {
            fate.foreign.push(body);
        }
    }
    if !is_asked_for(spec, key) || !is_own_group(spec, key, group) {
        return fate;
    }
    fate.stays = if spec.keep_groups {
        Some("resource groups are to stay".to_owned())
    } else if let Some(foreign) = fate.foreign.first() {
        let more = match fate.foreign.len() {
            1 => String::new(),
            several => format!(" and {} more", several - 1),
        };
        Some(format!("{}{more} in it cannot be proven to be the cluster's", shown(foreign)))
    } else {
        group.locks.first().map(|lock| format!("lock {} is on it", text(lock, &["name"]).unwrap_or_default()))
    };
    fate.goes = fate.stays.is_none();
    fate
}

/// Whether a group is among those whose content goes.
fn is_asked_for(spec: &Spec, key: &str) -> bool {
    let is = |name: &str| ArmId::of_group(&spec.subscription, name).key() == key;
    let infra = [&spec.managed_group, &spec.nsg_group, &spec.vnet_group];
    spec.infra && infra.into_iter().any(|name| is(name)) || spec.identities.group().is_some_and(is)
}

fn is_managed(spec: &Spec, key: &str) -> bool {
    ArmId::of_group(&spec.subscription, &spec.managed_group).key() == key
}

/// Whether a group was made for this cluster: by our tag, by its name, or for identities that clusters share.
fn is_own_group(spec: &Spec, key: &str, group: &GroupSeen) -> bool {
    let tag = |name: &str| group.body["tags"][name].as_str();
    match tag(tags::INFRA_ID) {
        Some(own) => own == spec.infra_id,
        None => {
            let named =
                spec.own_group_names().iter().any(|name| ArmId::of_group(&spec.subscription, name).key() == key);
            named || tag(tags::SHARED).is_some() && spec.identities != Identities::Stay
        }
    }
}

/// A private DNS zone bears no infra id in its name.
fn zone_proof(spec: &Spec, body: &Value) -> Option<String> {
    if kind(body) != "microsoft.network/privatednszones" || body["tags"].get(tags::INFRA_ID).is_some() {
        return None;
    }
    let name = text(body, &["name"])?.to_ascii_lowercase();
    let domain = spec.base_domain.as_deref()?.to_ascii_lowercase();
    let (usual, old) = (format!("{}.{domain}", spec.name), format!("{}-azurecluster.{domain}", spec.name));
    (name == usual || name == old).then(|| "named for the cluster and its domain".to_owned())
}

/// The steps: what is the cluster's in groups that stay, then groups that go.
pub(super) fn plan(spec: &Spec, facts: &Facts, fates: &BTreeMap<String, Fate<'_>>, planned: &mut Planned) {
    let before: BTreeSet<String> = planned.steps.iter().map(|step| step.id.clone()).collect();
    let mut ranked: Vec<(u8, Step)> = Vec::new();
    for (key, fate) in fates {
        let group = facts.groups.get(key).map(|group| name(&group.body)).unwrap_or_default();
        if fate.goes {
            let made = match facts.groups.get(key).map(|group| tag_of(spec, group)) {
                Some(true) => "bears our tag",
                _ => "made for the cluster",
            };
            let reason = format!("{made}; {}", fate.content());
            let step = step(&ArmId::new(key_id(facts, key)), format!("resource group {group}"), reason, iam::GROUPS);
            ranked.push((rank_of_group(spec, key), step));
            continue;
        }
        if spec.infra && is_asked_for(spec, key) {
            single(fate, &group, &mut ranked, planned);
        }
        if let Some(why) = &fate.stays {
            planned.notes.push(format!("resource group {group} stays: {why}"));
        } else if is_asked_for(spec, key) {
            planned.notes.push(format!("resource group {group} stays: it was not made for this cluster alone"));
        }
    }
    let managed = ArmId::of_group(&spec.subscription, &spec.managed_group);
    if spec.infra && !facts.groups.contains_key(&managed.key()) {
        planned
            .notes
            .push(format!("resource group {} is gone already, with the machines that were in it", spec.managed_group));
    }
    chain(ranked, before, planned);
}

/// The resources of a group that stays, one by one.
fn single(fate: &Fate<'_>, group: &str, ranked: &mut Vec<(u8, Step)>, planned: &mut Planned) {
    for (body, proof) in &fate.ours {
        let kind = kind(body);
        if kind == IDENTITY {
            continue;
        }
        let known = KINDS.iter().find(|(own, ..)| *own == kind);
        match known {
            Some((_, rank, api_version)) => {
                let resource = format!("{} in {group}", shown(body));
                ranked.push((*rank, step(&ArmId::new(id(body)), resource, proof.clone(), api_version)));
            }
            // A part goes with what it is part of.
            None if depth(body) > 1 => {}
            None => {
                planned.notes.push(format!("{} in {group} stays: resources of its type are not deleted", shown(body)))
            }
        }
    }
}

/// What is in use goes after what uses it.
fn chain(ranked: Vec<(u8, Step)>, before: BTreeSet<String>, planned: &mut Planned) {
    let ids: Vec<(u8, String)> = ranked.iter().map(|(rank, step)| (*rank, step.id.clone())).collect();
    for (rank, mut step) in ranked {
        step.depends_on = before.iter().filter(|id| id.starts_with(roles::STEP)).cloned().collect();
        step.depends_on.extend(ids.iter().filter(|(other, _)| *other < rank).map(|(_, id)| id.clone()));
        planned.steps.push(step);
    }
}

/// Machines and load balancers before the VNet that they are in, that before the security group that guards it.
fn rank_of_group(spec: &Spec, key: &str) -> u8 {
    let is = |name: &str| ArmId::of_group(&spec.subscription, name).key() == key;
    if is(&spec.nsg_group) && !is(&spec.managed_group) && !is(&spec.vnet_group) {
        5
    } else if is(&spec.vnet_group) && !is(&spec.managed_group) {
        4
    } else {
        3
    }
}

/// A step that deletes something.
pub(super) fn step(id: &ArmId, resource: String, reason: String, api_version: &'static str) -> Step {
    Step {
        id: format!("delete{}", id.key()),
        verb: Verb::Delete,
        resource,
        reason,
        depends_on: BTreeSet::new(),
        change: Some(Change::ArmDelete { id: id.clone(), api_version }),
        serial: None,
    }
}

/// `virtual machine jumpbox`: a resource as its reader knows it.
pub(super) fn shown(body: &Value) -> String {
    let kind = text(body, &["type"]).unwrap_or_default();
    let kind = kind.rsplit('/').next().unwrap_or_default();
    let word = match kind.to_ascii_lowercase().as_str() {
        "virtualmachines" => "virtual machine",
        "networkinterfaces" => "network interface",
        "networksecuritygroups" => "network security group",
        "virtualnetworks" => "virtual network",
        "publicipaddresses" => "public IP address",
        "loadbalancers" => "load balancer",
        "privatednszones" => "private DNS zone",
        "virtualnetworklinks" => "DNS link",
        "storageaccounts" => "storage account",
        "userassignedidentities" => "managed identity",
        "privateendpoints" => "private endpoint",
        "privatelinkservices" => "Private Link service",
        "disks" => "disk",
        "snapshots" => "snapshot",
        _ => kind,
    };
    format!("{word} {}", text(body, &["name"]).unwrap_or_default())
}

fn tag_of(spec: &Spec, group: &GroupSeen) -> bool {
    group.body["tags"][tags::INFRA_ID].as_str() == Some(spec.infra_id.as_str())
}

fn key_id(facts: &Facts, key: &str) -> String {
    facts.groups.get(key).and_then(|group| text(&group.body, &["id"])).unwrap_or(key).to_owned()
}

fn name(body: &Value) -> String {
    text(body, &["name"]).unwrap_or_default().to_owned()
}

fn id(body: &Value) -> &str {
    text(body, &["id"]).unwrap_or_default()
}

fn kind(body: &Value) -> String {
    text(body, &["type"]).unwrap_or_default().to_ascii_lowercase()
}

/// How deep a resource's type is: 1 for one that stands by itself.
pub(super) fn depth(body: &Value) -> usize {
    kind(body).matches('/').count()
}
