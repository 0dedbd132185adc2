//! Rights of the caller, policies, locks and clocks.

use std::collections::BTreeMap;

use facts::azure::Permission;
use facts::clock::Reading;
use facts::governance::{AppSecret, DenyAssignment, Lock, PolicyAnswer};
use facts::{ArmId, Fact, Gap, Need};

use super::{Lookup, Read, View, lookup};

impl<'a> View<'a> {
    /// What the caller may do at a scope; absent when the scope does not exist.
    pub fn caller_permissions(&self, scope: &ArmId) -> Lookup<'a, Vec<Permission>> {
        let map = self.azure_map(Need::CallerPermissions, &self.facts.azure.governance.caller_permissions)?;
        lookup(map, &scope.key(), &format!("what the caller may do at {scope}"))
    }

    /// Whether the create that is judged assigns roles; none when no create is judged.
    pub fn assigns_roles(&self) -> Option<bool> {
        self.read(Need::CallerPermissions).azure.governance.assigns_roles
    }

    /// The resource group that the create that is judged puts new identities into; none when it makes none.
    pub fn identities_group(&self) -> Option<&'a ArmId> {
        self.read(Need::CallerPermissions).azure.governance.identities_group.as_ref()
    }

    /// The deny assignments that bear on the cluster's resource groups.
    pub fn deny_assignments(&self) -> Read<'a, Vec<DenyAssignment>> {
        self.read(Need::CallerPermissions).azure.governance.deny_assignments.known("the list of deny assignments")
    }

    /// The locks at and in a resource group; absent when the group does not exist.
    pub fn locks(&self, group: &ArmId) -> Lookup<'a, Vec<Lock>> {
        let map = self.azure_map(Need::Locks, &self.facts.azure.governance.locks)?;
        match map.get(&group.key()) {
            Some(fact) => fact.present(),
            None => Err(Gap::not_asked()),
        }
    }

    /// What Azure Policy says of the resources that a cluster makes, by resource type.
    pub fn policies(&self) -> Read<'a, BTreeMap<String, Fact<PolicyAnswer>>> {
        self.azure_map(Need::PolicyRestrictions, &self.facts.azure.governance.policies)
    }

    /// The client secrets of the application that signed in; absent when it signed in without one.
    pub fn app_secrets(&self) -> Lookup<'a, Vec<AppSecret>> {
        self.read(Need::AppSecrets).azure.governance.app_secrets.present()
    }

    /// The clock of Entra.
    pub fn entra_clock(&self) -> Read<'a, Reading> {
        self.read(Need::Clocks).clocks.entra.known("the clock of Entra")
    }

    /// The clock of the management cluster's API server.
    pub fn management_clock(&self) -> Read<'a, Reading> {
        self.read(Need::Clocks).clocks.management.known("the clock of the management cluster")
    }
}
