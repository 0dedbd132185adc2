//! The Key Vault, and what earlier clusters left.

use facts::Need;
use facts::azure::RoleAssignment;
use facts::key_vault::{KeyVersion, Vault};
use facts::leftovers::Leftover;

use super::{Lookup, Read, View};

impl<'a> View<'a> {
    /// The Key Vault that the HostedCluster names; absent when the subscription shows none of the name.
    pub fn key_vault(&self) -> Lookup<'a, Vault> {
        self.read(Need::KeyVault).azure.key_vault.vault.present()
    }

    /// The version of the key that the HostedCluster names; absent when there is none.
    pub fn key_version(&self) -> Lookup<'a, KeyVersion> {
        self.read(Need::KeyVault).azure.key_vault.key.present()
    }

    /// The role assignments that hold at the Key Vault.
    pub fn vault_assignments(&self) -> Read<'a, Vec<RoleAssignment>> {
        self.read(Need::KeyVault).azure.key_vault.role_assignments.known("the Key Vault")
    }

    /// What dead clusters left, or what looks so.
    pub fn leftovers(&self) -> Read<'a, Vec<Leftover>> {
        self.read(Need::Leftovers).azure.leftovers.things.known("the ledger of orphans")
    }
}
