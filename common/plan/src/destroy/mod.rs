//! `destroy`: what goes, what stays, and why.
//!
//! Nothing is deleted that cannot be proven to be the cluster's: by our tags, by the owner's tags of the cluster's own
//! controllers, or by a name that bears the infra id. A resource group goes only when it was made for the cluster and holds
//! nothing of anybody else; otherwise the cluster's own resources in it go one by one.

mod groups;
mod identities;
pub mod issuer;
pub mod orphans;
mod ownership;
pub mod remains;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use serde_json::Value;

use crate::{Refusal, Step, input};

/// The api-version in which locks are read.
pub const LOCKS: &str = "2020-05-01";

/// What is to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The cluster's name.
    pub name: String,
    /// The infra id.
    pub infra_id: String,
    /// The subscription.
    pub subscription: String,
    /// The managed resource group.
    pub managed_group: String,
    /// The resource group of the network security group.
    pub nsg_group: String,
    /// The resource group of the VNet.
    pub vnet_group: String,
    /// The resource group of the public DNS zone, where a role was assigned.
    pub dns_zone_group: Option<String>,
    /// The public DNS zone; the private one is named for it.
    pub base_domain: Option<String>,
    /// Whether resource groups stay even if they are the cluster's own and empty.
    pub keep_groups: bool,
    /// The infrastructure: network, DNS, egress, machines and their roles.
    pub infra: bool,
    /// What becomes of the identities.
    pub identities: Identities,
    /// The issuer whose federated credentials are the cluster's.
    pub issuer: Option<String>,
    /// Client ids of the cluster's identities, as the HostedCluster or a file names them; identities are also known by name.
    pub client_ids: BTreeSet<String>,
}

/// What becomes of the identities of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identities {
    /// They outlive it.
    Stay,
    /// They go, from this resource group.
    In(String),
    /// They go, from the resource group that they turn out to be in.
    Wherever,
}

impl Identities {
    /// The group from which they go.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::In(group) => Some(group),
            Self::Stay | Self::Wherever => None,
        }
    }
}

/// A resource group as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupSeen {
    /// The group.
    pub body: Value,
    /// What is in it, as the list of all resources shows it.
    pub resources: Vec<Value>,
    /// Locks on it or on what is in it.
    pub locks: Vec<Value>,
}

/// What `destroy` has to know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The groups of [`Spec::groups`] that exist, by [`ArmId::key`].
    pub groups: BTreeMap<String, GroupSeen>,
    /// The role assignments of the subscription, or of [`Spec::groups`] where no more may be read.
    pub assignments: Vec<Value>,
    /// The managed identities of the subscription.
    pub identities: Vec<Value>,
    /// The federated credentials of the cluster's identities, by the identity's [`ArmId::key`].
    pub credentials: BTreeMap<String, Vec<Value>>,
}

/// Steps, and what stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Planned {
    /// The steps.
    pub steps: Vec<Step>,
    /// What stays though one may think that it goes, a line each.
    pub notes: Vec<String>,
}

impl Spec {
    /// A cluster of this name and infra id with groups as `create infra` names them.
    pub fn usual(name: &str, infra_id: &str, subscription: &str) -> Self {
        Self {
            name: name.to_owned(),
            infra_id: infra_id.to_owned(),
            subscription: subscription.to_owned(),
            managed_group: format!("{name}-{infra_id}"),
            nsg_group: format!("{name}-nsg-{infra_id}"),
            vnet_group: format!("{name}-vnet-{infra_id}"),
            dns_zone_group: None,
            base_domain: None,
            keep_groups: false,
            infra: true,
            identities: Identities::Stay,
            issuer: None,
            client_ids: BTreeSet::new(),
        }
    }

    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn check(&self) -> Result<(), Refusal> {
        input::cluster_name(&self.name)?;
        input::infra_id(&self.infra_id)?;
        for group in [&self.managed_group, &self.nsg_group, &self.vnet_group]
            .into_iter()
            .map(String::as_str)
            .chain(self.identities.group())
        {
            input::group("--resource-group-name", group)?;
        }
        self.dns_zone_group.iter().try_for_each(|group| input::group("--dns-zone-rg-name", group))
    }

    /// The groups in which something of the cluster may be, each once: what is in them is to be read, and the role
    /// assignments at them.
    pub fn groups(&self) -> Vec<ArmId> {
        let infra = [&self.managed_group, &self.nsg_group, &self.vnet_group].into_iter().filter(|_| self.infra);
        let mut all: Vec<ArmId> = Vec::new();
        for name in infra.chain(&self.dns_zone_group).map(String::as_str).chain(self.identities.group()) {
            let id = ArmId::of_group(&self.subscription, name);
            if !name.is_empty() && !all.iter().any(|other| other.key() == id.key()) {
                all.push(id);
            }
        }
        all
    }

    /// The same once it is known which identities there are: those that go wherever they are, go from where they are.
    #[must_use]
    pub fn located(mut self, identities: &[Value]) -> Self {
        if self.identities == Identities::Wherever {
            let group = identities
                .iter()
                .filter(|body| identities::is_named(&self, body))
                .find_map(|body| ArmId::new(body["id"].as_str()?).resource_group().map(str::to_owned));
            self.identities = group.map_or(Identities::Stay, Identities::In);
        }
        self
    }

    /// Whether an identity is the cluster's: by its name, or because the cluster names its client id.
    pub fn is_own_identity(&self, body: &Value) -> bool {
        identities::is_own(self, body)
    }

    /// The names that the cluster's own groups have.
    fn own_group_names(&self) -> [String; 4] {
        let (name, id) = (&self.name, &self.infra_id);
        [format!("{name}-{id}"), format!("{name}-nsg-{id}"), format!("{name}-vnet-{id}"), format!("{name}-iam-{id}")]
    }
}

/// The steps: roles first, then identities and what is in groups, then the groups.
pub fn plan(spec: &Spec, facts: &Facts) -> Result<Planned, Refusal> {
    spec.check()?;
    let mut planned = Planned::default();
    let fates = groups::fates(spec, facts);
    roles::plan(spec, facts, &fates, &mut planned);
    identities::plan(spec, facts, &fates, &mut planned);
    groups::plan(spec, facts, &fates, &mut planned);
    Ok(planned)
}

#[cfg(test)]
mod tests;
