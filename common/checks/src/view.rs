//! [`View`]: how a check reads facts.

mod compute;
mod control_plane;
mod exchange;
mod fleet;
mod governance;
mod guest;
mod keys_and_leftovers;
mod names;
mod private_link;
mod quota;
mod recording;
mod release;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use facts::azure::{Identity, Login, ResourceGroup, RoleAssignment, RoleDefinition, Subscription};
use facts::hosted::{AzureMachine, Component, Event, HostedCluster, LogLine, Machine, NodePool, Pod, Workload};
use facts::local::CredsFile;
use facts::management::{AccessReview, ApiResource, Operator, SupportedVersions};
use facts::network::{LoadBalancer, NatGateway, Nsg, PublicIp, RouteTable, Subnet, Vnet};
use facts::oidc::{Discovery, Fetch, IssuerStorage, Jwks, PublicKey};
use facts::{ArmId, Fact, Facts, Gap, GapKind, Need, Target};
use jiff::Timestamp;

/// Read-only access to facts. It notes what was read, so that a test can hold a check to its declared needs.
///
/// Readers that give a `Result` fail with the [`Gap`] of an unreadable fact: with `?` a check becomes "unknown" with the
/// reason. Inside a loop, match instead, so that one unreadable part does not hide the others.
pub struct View<'a> {
    facts: &'a Facts,
    reads: RefCell<BTreeSet<Need>>,
}

type Read<'a, T> = Result<&'a T, Gap>;
type Lookup<'a, T> = Result<Option<&'a T>, Gap>;

impl<'a> View<'a> {
    /// A view of `facts` that has read nothing yet.
    pub fn new(facts: &'a Facts) -> Self {
        Self { facts, reads: RefCell::default() }
    }

    /// What was read so far.
    pub fn reads(&self) -> BTreeSet<Need> {
        self.reads.borrow().clone()
    }

    /// The moment of collection.
    pub fn now(&self) -> Timestamp {
        self.facts.collected_at
    }

    /// Minutes from `then` to the moment of collection, negative when `then` is later.
    pub fn minutes_since(&self, then: Timestamp) -> i64 {
        (self.facts.collected_at.as_second() - then.as_second()) / 60
    }

    /// Whether the facts are a recording.
    pub fn is_offline(&self) -> bool {
        self.facts.source.is_offline()
    }

    /// The hosted cluster.
    pub fn target(&self) -> &'a Target {
        &self.facts.target
    }

    /// The credentials file; absent when none was given.
    pub fn creds_file(&self) -> Lookup<'a, CredsFile> {
        self.read(Need::CredsFile).local.creds_file.present()
    }

    /// The outcome of signing in.
    pub fn login(&self) -> Read<'a, Login> {
        self.read(Need::Login).azure.login.known("the sign-in")
    }

    /// The subscription; absent when the caller cannot see it.
    pub fn subscription(&self) -> Lookup<'a, Subscription> {
        self.read(Need::Subscription).azure.subscription.present()
    }

    /// Registration states by resource provider namespace.
    pub fn providers(&self) -> Read<'a, BTreeMap<String, Fact<String>>> {
        self.azure_map(Need::Providers, &self.facts.azure.providers)
    }

    /// A resource group by name, without case; absent when there is none.
    pub fn resource_group(&self, name: &str) -> Lookup<'a, ResourceGroup> {
        let groups = self.azure_map(Need::ResourceGroups, &self.facts.azure.resource_groups)?;
        lookup(groups, &name.to_ascii_lowercase(), name)
    }

    /// The managed identities that have to do with the cluster.
    pub fn identities(&self) -> Read<'a, Vec<Identity>> {
        self.read(Need::Identities).azure.identities.known("the list of managed identities")
    }

    /// The federated identity credentials of an identity.
    pub fn federated(&self, identity: &'a Identity) -> Read<'a, Vec<facts::azure::FederatedCredential>> {
        self.read(Need::FederatedCredentials);
        identity.federated.known(&format!("identity {}", identity.name))
    }

    /// The role assignments that hold at a scope.
    pub fn role_assignments(&self, scope: &ArmId) -> Read<'a, Vec<RoleAssignment>> {
        let map = self.azure_map(Need::Roles, &self.facts.azure.role_assignments)?;
        match map.get(&scope.key()) {
            Some(fact) => fact.known(&format!("scope {scope}")),
            None => Err(Gap::not_asked()),
        }
    }

    /// A role definition by GUID; absent when there is none.
    pub fn role_definition(&self, guid: &str) -> Lookup<'a, RoleDefinition> {
        let map = self.azure_map(Need::Roles, &self.facts.azure.role_definitions)?;
        lookup(map, &guid.to_ascii_lowercase(), guid)
    }

    /// A VNet; absent when there is none.
    pub fn vnet(&self, id: &ArmId) -> Lookup<'a, Vnet> {
        self.resource(&self.facts.azure.network.vnets, id)
    }

    /// A subnet, from its VNet; absent when either is.
    pub fn subnet(&self, id: &ArmId) -> Lookup<'a, Subnet> {
        let Some(vnet) = id.parent() else { return Ok(None) };
        Ok(self.vnet(&vnet)?.and_then(|vnet| vnet.subnets.iter().find(|subnet| subnet.id == *id)))
    }

    /// A network security group; absent when there is none.
    pub fn nsg(&self, id: &ArmId) -> Lookup<'a, Nsg> {
        self.resource(&self.facts.azure.network.nsgs, id)
    }

    /// A route table; absent when there is none.
    pub fn route_table(&self, id: &ArmId) -> Lookup<'a, RouteTable> {
        self.resource(&self.facts.azure.network.route_tables, id)
    }

    /// A NAT gateway; absent when there is none.
    pub fn nat_gateway(&self, id: &ArmId) -> Lookup<'a, NatGateway> {
        self.resource(&self.facts.azure.network.nat_gateways, id)
    }

    /// A load balancer; absent when there is none.
    pub fn load_balancer(&self, id: &ArmId) -> Lookup<'a, LoadBalancer> {
        self.resource(&self.facts.azure.network.load_balancers, id)
    }

    /// A public IP; absent when there is none.
    pub fn public_ip(&self, id: &ArmId) -> Lookup<'a, PublicIp> {
        self.resource(&self.facts.azure.network.public_ips, id)
    }

    /// The fetch of the issuer's discovery document.
    pub fn discovery(&self) -> Read<'a, Fetch<Discovery>> {
        self.read(Need::IssuerDocuments).oidc.discovery.known("the discovery document")
    }

    /// The fetch of the issuer's JWKS; absent when the discovery document names none.
    pub fn jwks(&self) -> Lookup<'a, Fetch<Jwks>> {
        self.read(Need::IssuerDocuments).oidc.jwks.present()
    }

    /// The storage behind the issuer; absent when the issuer is not a blob URL, or its account is not in the subscription.
    pub fn issuer_storage(&self) -> Lookup<'a, IssuerStorage> {
        self.read(Need::IssuerStorage).oidc.storage.present()
    }

    /// The public half of the service account signing key; absent when the HostedCluster names none.
    pub fn signing_key(&self) -> Lookup<'a, PublicKey> {
        self.read(Need::SigningKey).oidc.signing_key.present()
    }

    /// HyperShift operators; absent when there is none.
    pub fn operators(&self) -> Lookup<'a, Vec<Operator>> {
        self.read(Need::Operator).management.operators.present()
    }

    /// API resources that the management cluster serves.
    pub fn api_resources(&self) -> Read<'a, Vec<ApiResource>> {
        self.read(Need::ApiResources).management.api_resources.known("API discovery")
    }

    /// The caller's rights on the management cluster.
    pub fn access(&self) -> Read<'a, Vec<AccessReview>> {
        self.read(Need::Access).management.access.known("access reviews")
    }

    /// What the operator supports; absent when it says nothing.
    pub fn supported_versions(&self) -> Lookup<'a, SupportedVersions> {
        self.read(Need::SupportedVersions).management.supported_versions.present()
    }

    /// The HostedCluster.
    pub fn cluster(&self) -> Read<'a, HostedCluster> {
        self.read(Need::HostedCluster).hosted.cluster.known(&format!("HostedCluster {}", self.facts.target))
    }

    /// Its NodePools.
    pub fn node_pools(&self) -> Read<'a, Vec<NodePool>> {
        self.read(Need::NodePools).hosted.node_pools.known("the list of NodePools")
    }

    /// Its Machines.
    pub fn machines(&self) -> Lookup<'a, Vec<Machine>> {
        self.read(Need::Machines).hosted.machines.present()
    }

    /// Its AzureMachines.
    pub fn azure_machines(&self) -> Lookup<'a, Vec<AzureMachine>> {
        self.read(Need::Machines).hosted.azure_machines.present()
    }

    /// Its ControlPlaneComponents.
    pub fn components(&self) -> Lookup<'a, Vec<Component>> {
        self.read(Need::Components).hosted.components.present()
    }

    /// Deployments and StatefulSets of the control plane namespace.
    pub fn workloads(&self) -> Lookup<'a, Vec<Workload>> {
        self.read(Need::Components).hosted.workloads.present()
    }

    /// Pods of the control plane namespace.
    pub fn pods(&self) -> Lookup<'a, Vec<Pod>> {
        self.read(Need::Pods).hosted.pods.present()
    }

    /// Warning events of the control plane namespace.
    pub fn warnings(&self) -> Lookup<'a, Vec<Event>> {
        self.read(Need::Pods).hosted.warnings.present()
    }

    /// Log lines that speak of refusals.
    pub fn logs(&self) -> Lookup<'a, Vec<LogLine>> {
        self.read(Need::Logs).hosted.logs.present()
    }

    fn read(&self, need: Need) -> &'a Facts {
        self.reads.borrow_mut().insert(need);
        self.facts
    }

    /// A map of ARM facts. When it is empty nothing was asked, and the sign-in says why.
    fn azure_map<T>(&self, need: Need, map: &'a BTreeMap<String, Fact<T>>) -> Read<'a, BTreeMap<String, Fact<T>>> {
        self.read(need);
        if map.is_empty() {
            return Err(match &self.facts.azure.login {
                Fact::Unreadable(gap) => gap.clone(),
                Fact::Known(Login::Refused { .. }) => {
                    Gap::new(GapKind::Blocked, "Azure was not asked: signing in was refused")
                }
                _ => Gap::not_asked(),
            });
        }
        Ok(map)
    }

    fn resource<T>(&self, map: &'a BTreeMap<String, Fact<T>>, id: &ArmId) -> Lookup<'a, T> {
        lookup(self.azure_map(Need::Network, map)?, &id.key(), id.as_str())
    }
}

fn lookup<'a, T>(map: &'a BTreeMap<String, Fact<T>>, key: &str, name: &str) -> Lookup<'a, T> {
    match map.get(key) {
        Some(fact) => fact.present(),
        None => Err(Gap::new(GapKind::NotAsked, format!("{name} was not asked for in this run"))),
    }
}
