//! `create infra`: resource groups, network, DNS, egress and role assignments of a cluster.
//!
//! Names and bodies are those of upstream, byte for byte: Cluster API and the cloud controller look for them.

mod holders;
mod network;
mod output;
mod own;
mod roles;

use std::collections::BTreeMap;
use std::path::PathBuf;

use facts::ArmId;
use serde_json::Value;

use crate::change::{Change, Content};
use crate::cluster::ManagedIdentities;
use crate::compare::text;
use crate::iam::{azure_region, being_deleted, is_going};
use crate::identities::ClientIds;
use crate::late::Late;
use crate::resource::{FileSeen, Seen, kept};
use crate::{Refusal, Step, Verb, input};

pub use facts::catalogue::assignment_name;
pub use output::text as output_text;

/// The api-version in which networks are read and written.
pub const NETWORK: &str = "2023-11-01";
/// The api-version in which private DNS zones and links are read and written.
pub const PRIVATE_DNS: &str = "2024-06-01";
/// The api-version in which public DNS zones are read.
pub const DNS: &str = "2018-05-01";
/// The api-version in which role assignments are read and written.
pub const AUTHORIZATION: &str = "2022-04-01";
/// The api-version in which a subscription's regions are read.
pub const SUBSCRIPTIONS: &str = "2022-12-01";

/// What `create infra` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The cluster's name.
    pub name: String,
    /// The infra id, part of most names.
    pub infra_id: String,
    /// The subscription.
    pub subscription: String,
    /// The region.
    pub location: String,
    /// The public DNS zone of which the cluster's domain is part.
    pub base_domain: String,
    /// One existing group for everything, instead of three new ones.
    pub resource_group: Option<String>,
    /// Tags for the resource groups that are created.
    pub group_tags: BTreeMap<String, String>,
    /// An existing VNet.
    pub vnet_id: Option<String>,
    /// An existing subnet of it.
    pub subnet_id: Option<String>,
    /// An existing network security group.
    pub nsg_id: Option<String>,
    /// The client ids of the cluster's workload identities; none where it has managed ones.
    pub identities: ClientIds,
    /// The cluster's managed identities, instead.
    pub managed: Option<Managed>,
    /// Which of them stand for identities that the same plan makes.
    pub late: Late,
    /// Which roles to assign; none when somebody else does.
    pub roles: Option<Roles>,
    /// Whether the cluster has no image registry, which then needs no role.
    pub without_image_registry: bool,
    /// Where to write the result.
    pub output_file: Option<PathBuf>,
}

/// Managed identities, and the files that name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The identities of control plane and data plane.
    pub identities: ManagedIdentities,
    /// The file of the control plane's.
    pub file: String,
    /// The file of the data plane's.
    pub data_plane_file: String,
}

/// Which roles to assign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// The resource group at which the ingress identity may write DNS records.
    pub dns_zone_group: String,
    /// Whether Cluster API and the control plane operator get the built-in roles made for them, instead of Contributor.
    pub narrow: bool,
}

/// What `create infra` has to know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The regions of the subscription; empty when Azure did not say.
    pub regions: Vec<String>,
    /// The public DNS zones of the subscription.
    pub zones: Vec<Value>,
    /// The resources of [`Spec::resources`] that exist.
    pub seen: Seen,
    /// The links of the private DNS zone.
    pub links: Vec<Value>,
    /// The role assignments at each scope of [`Spec::scopes`], by its [`ArmId::key`].
    pub assignments: BTreeMap<String, Vec<Value>>,
    /// The managed identities of the subscription, if roles are assigned.
    pub identities: Vec<Value>,
    /// The output file, if there is to be one and it exists.
    pub file: Option<FileSeen>,
}

/// Steps, what they leave, and what should be minded.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The steps.
    pub steps: Vec<Step>,
    /// The infra output, as `create cluster --infra-json` reads it.
    pub output: String,
    /// What is not refused but looks wrong.
    pub notes: Vec<String>,
}

/// Everything by name. All of it follows from the [`Spec`].
#[derive(Debug, Clone)]
struct Layout {
    managed: ArmId,
    nsg_group: ArmId,
    vnet_group: ArmId,
    nsg: ArmId,
    vnet: ArmId,
    subnet: ArmId,
    zone: ArmId,
    link: ArmId,
    public_ip: ArmId,
    load_balancer: ArmId,
}

/// A resource to read before planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The resource.
    pub id: ArmId,
    /// The api-version of the request.
    pub api_version: &'static str,
}

impl Spec {
    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn check(&self) -> Result<(), Refusal> {
        input::cluster_name(&self.name)?;
        input::infra_id(&self.infra_id)?;
        input::location(&self.location)?;
        input::domain("--base-domain", &self.base_domain)?;
        input::domain("--base-domain", &format!("{}.{}", self.name, self.base_domain))?;
        if let Some(group) = &self.resource_group {
            input::group("--resource-group-name", group)?;
        }
        if let Some(roles) = &self.roles {
            input::group("--dns-zone-rg-name", &roles.dns_zone_group)?;
        }
        for (key, value) in &self.group_tags {
            if key.is_empty()
                || key.len() > 512
                || key.contains(['<', '>', '%', '&', '\\', '?', '/'])
                || value.len() > 256
            {
                return Err(Refusal::new(
                    "--resource-group-tags",
                    format!("{key}={value}"),
                    "not a tag that Azure takes",
                    "give tags as `key=value`, without any of <>%&\\?/ in the key",
                ));
            }
        }
        if let Some(managed) = &self.managed {
            managed.check()?;
            if self.roles.is_some() {
                managed.check_assignable()?;
            }
        }
        self.check_own()?;
        let layout = self.layout()?;
        let groups = [&layout.managed, &layout.nsg_group, &layout.vnet_group];
        for (what, id, most) in groups.map(|id| ("resource group", id, input::GROUP_NAME)).into_iter().chain([
            ("virtual network", &layout.vnet, input::VNET_NAME),
            ("network security group", &layout.nsg, input::NETWORK_NAME),
            ("load balancer", &layout.load_balancer, input::NETWORK_NAME),
        ]) {
            input::length(what, id.name().unwrap_or_default(), most, &self.name)?;
        }
        Ok(())
    }

    fn layout(&self) -> Result<Layout, Refusal> {
        let (name, infra_id, subscription) = (&self.name, &self.infra_id, &self.subscription);
        let group = |own: String| ArmId::of_group(subscription, self.resource_group.as_ref().unwrap_or(&own));
        let enclosing = |id: &ArmId| ArmId::of_group(subscription, id.resource_group().unwrap_or_default());
        let within = |group: &ArmId, path: String| {
            ArmId::in_group(subscription, group.name().unwrap_or_default(), &format!("Microsoft.Network/{path}"))
        };
        let managed = group(format!("{name}-{infra_id}"));
        let (nsg, nsg_group) = match &self.nsg_id {
            Some(text) => {
                let id =
                    input::resource_id("--network-security-group-id", text, "networkSecurityGroups", subscription)?;
                (id.clone(), enclosing(&id))
            }
            None => {
                let group = group(format!("{name}-nsg-{infra_id}"));
                (within(&group, format!("networkSecurityGroups/{name}-{infra_id}-nsg")), group)
            }
        };
        let (vnet, vnet_group) = match &self.vnet_id {
            Some(text) => {
                let id = input::resource_id("--vnet-id", text, "virtualNetworks", subscription)?;
                (id.clone(), enclosing(&id))
            }
            None => {
                let group = group(format!("{name}-vnet-{infra_id}"));
                (within(&group, format!("virtualNetworks/{name}-{infra_id}")), group)
            }
        };
        let subnet = match &self.subnet_id {
            Some(text) => input::resource_id("--subnet-id", text, "virtualNetworks/subnets", subscription)?,
            None => vnet.child("subnets", network::SUBNET),
        };
        let zone = within(&managed, format!("privateDnsZones/{name}.{}", self.base_domain));
        Ok(Layout {
            link: zone.child("virtualNetworkLinks", &format!("{name}-{infra_id}")),
            public_ip: within(&managed, format!("publicIPAddresses/{infra_id}")),
            load_balancer: within(&managed, format!("loadBalancers/{infra_id}")),
            managed,
            nsg_group,
            vnet_group,
            nsg,
            vnet,
            subnet,
            zone,
        })
    }

    /// The resource groups to read first: what is in a group that does not exist need not be asked for.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn groups(&self) -> Result<Vec<Look>, Refusal> {
        let layout = self.layout()?;
        let mut all = vec![layout.managed, layout.nsg_group, layout.vnet_group];
        all.extend(self.roles.as_ref().map(|roles| ArmId::of_group(&self.subscription, &roles.dns_zone_group)));
        Ok(looks(all, crate::iam::GROUPS))
    }

    /// The resources to read.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn resources(&self) -> Result<Vec<Look>, Refusal> {
        let layout = self.layout()?;
        let mut all = looks(vec![layout.nsg, layout.vnet, layout.public_ip, layout.load_balancer], NETWORK);
        all.extend(looks(vec![layout.zone], PRIVATE_DNS));
        Ok(all)
    }

    /// The output as far as it follows from what is asked for alone: the public zone's place is a guess. For judging what
    /// is derived from it before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn trial_output(&self) -> Result<String, Refusal> {
        let group = self.roles.as_ref().map_or("dns", |roles| roles.dns_zone_group.as_str());
        let path = format!("Microsoft.Network/dnszones/{}", self.base_domain);
        let zone = ArmId::in_group(&self.subscription, group, &path);
        Ok(output::text(self, &layout_ids(&self.layout()?, &zone)))
    }

    /// The private DNS zone, whose links are to be listed.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn private_zone(&self) -> Result<ArmId, Refusal> {
        self.layout().map(|layout| layout.zone)
    }

    /// The scopes whose role assignments are to be listed.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn scopes(&self) -> Result<Vec<ArmId>, Refusal> {
        match &self.roles {
            Some(_) => Ok(self.groups()?.into_iter().map(|look| look.id).collect()),
            None => Ok(Vec::new()),
        }
    }
}

/// Each once, in order.
fn looks(ids: Vec<ArmId>, api_version: &'static str) -> Vec<Look> {
    let mut all: Vec<Look> = Vec::new();
    for id in ids {
        if !all.iter().any(|look| look.id.key() == id.key()) {
            all.push(Look { id, api_version });
        }
    }
    all
}

/// The steps: what is missing or different is created or changed, everything else stays.
///
/// # Errors
/// A [`Refusal`] of what cannot be granted.
pub fn plan(spec: &Spec, facts: &Facts) -> Result<Planned, Refusal> {
    spec.check()?;
    known_region(spec, facts)?;
    let layout = spec.layout()?;
    let public_zone = public_zone(spec, facts)?;
    let mut notes = spec.mind_own(&layout, facts)?;
    let mut steps = groups(spec, facts, &layout)?;
    steps.extend(network::steps(spec, facts, &layout)?);
    steps.extend(roles::steps(spec, facts, &layout)?);
    if let Some(roles) = &spec.roles {
        let zone_group = public_zone.resource_group().unwrap_or_default();
        if !zone_group.eq_ignore_ascii_case(&roles.dns_zone_group) {
            notes.push(format!(
                "DNS zone {} is in resource group {zone_group}, but --dns-zone-rg-name is {}: the ingress identity may not be able to write records there",
                spec.base_domain, roles.dns_zone_group
            ));
        }
    }
    let output = output::text(spec, &layout_ids(&layout, &public_zone));
    steps.extend(file(spec, facts, &output, &steps));
    Ok(Planned { steps, output, notes })
}

fn layout_ids(layout: &Layout, public_zone: &ArmId) -> output::Ids {
    output::Ids {
        managed_group: layout.managed.name().unwrap_or_default().to_owned(),
        public_zone: public_zone.to_string(),
        private_zone: layout.zone.to_string(),
        vnet: layout.vnet.to_string(),
        subnet: layout.subnet.to_string(),
        nsg: layout.nsg.to_string(),
    }
}

fn known_region(spec: &Spec, facts: &Facts) -> Result<(), Refusal> {
    check_region(&spec.location, &facts.regions)
}

/// Judges a region against those of the subscription; none are listed where they may not be read.
///
/// # Errors
/// A region that is none of them.
pub fn check_region(location: &str, regions: &[String]) -> Result<(), Refusal> {
    if regions.is_empty() || regions.iter().any(|region| azure_region(region) == location) {
        return Ok(());
    }
    Err(Refusal::new(
        "--location",
        location,
        "not a region of the subscription",
        "`az account list-locations -o table` lists the regions",
    ))
}

fn public_zone(spec: &Spec, facts: &Facts) -> Result<ArmId, Refusal> {
    let named = |zone: &&Value| {
        text(zone, &["name"]).is_some_and(|name| name.trim_end_matches('.').eq_ignore_ascii_case(&spec.base_domain))
    };
    let matching: Vec<&Value> = facts.zones.iter().filter(named).collect();
    // Several zones of one name may stand in several groups; the one that the roles are for is meant.
    let preferred = spec.roles.as_ref().and_then(|roles| {
        let group = |zone: &&&Value| {
            text(zone, &["id"]).is_some_and(|id| {
                ArmId::new(id).resource_group().is_some_and(|own| own.eq_ignore_ascii_case(&roles.dns_zone_group))
            })
        };
        matching.iter().find(group).copied()
    });
    if let Some(id) = preferred.or(matching.first().copied()).and_then(|zone| text(zone, &["id"])) {
        return Ok(ArmId::new(id));
    }
    let names: Vec<&str> = facts.zones.iter().filter_map(|zone| text(zone, &["name"])).take(5).collect();
    let known = if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
    Err(Refusal::new(
        "--base-domain",
        &spec.base_domain,
        format!("subscription {} has no public DNS zone of this name; {known}", spec.subscription),
        format!("`az network dns zone create -g <group> -n {}`, or give another domain", spec.base_domain),
    ))
}

/// The steps of the groups: `group/managed`, `group/nsg`, `group/vnet`; those that coincide are one.
fn groups(spec: &Spec, facts: &Facts, layout: &Layout) -> Result<Vec<Step>, Refusal> {
    if let Some(roles) = &spec.roles {
        let id = ArmId::of_group(&spec.subscription, &roles.dns_zone_group);
        if facts.seen.get(&id).is_none() && id.key() != layout.managed.key() {
            return Err(no_group("--dns-zone-rg-name", &roles.dns_zone_group));
        }
    }
    let all = [
        ("group/managed", &layout.managed, true, "holds what the cluster makes itself"),
        ("group/nsg", &layout.nsg_group, spec.nsg_id.is_none(), "holds the network security group"),
        ("group/vnet", &layout.vnet_group, spec.vnet_id.is_none(), "holds the VNet"),
    ];
    let mut steps = Vec::new();
    for (step, id, own, reason) in all {
        let name = id.name().unwrap_or_default();
        let resource = format!("resource group {name}");
        let have = facts.seen.get(id);
        if have.is_some_and(is_going) {
            return Err(being_deleted("--resource-group-name", name));
        }
        if !own {
            continue;
        }
        if let Some(given) = &spec.resource_group {
            if have.is_none() {
                return Err(no_group("--resource-group-name", given));
            }
            if step == "group/managed" {
                steps.push(kept(step, resource, "given, exists"));
            }
            continue;
        }
        crate::iam::same_region("resource group", name, have, &spec.location)?;
        steps.push(network::own_group(spec, step, id, reason).step(have));
    }
    Ok(steps)
}

fn no_group(flag: &'static str, name: &str) -> Refusal {
    Refusal::new(
        flag,
        name,
        "there is no resource group of this name in the subscription",
        "`az group list -o table` lists the groups",
    )
}

fn file(spec: &Spec, facts: &Facts, output: &str, others: &[Step]) -> Option<Step> {
    let path = spec.output_file.as_ref()?;
    let resource = format!("infra output file {}", path.display());
    let late = spec.late.within(output);
    let (verb, reason) = match &facts.file {
        None => (Verb::Create, "what create cluster reads"),
        Some(file) => match file.differs(output) {
            None => return Some(kept("output", resource, "exists as it should be")),
            Some(why) => (Verb::Change, why),
        },
    };
    Some(Step {
        id: "output".into(),
        verb,
        resource,
        reason: reason.into(),
        depends_on: others.iter().map(|step| step.id.clone()).chain(late.steps()).collect(),
        change: Some(Change::File { path: path.clone(), content: Content::Text(output.to_owned(), late) }),
        serial: None,
    })
}

#[cfg(test)]
mod tests;
