//! The Key Vault, and what earlier clusters left.

use facts::azure::RoleAssignment;
use facts::key_vault::{KeyVersion, SecretDates, Vault};
use facts::leftovers::Leftover;
use facts::{ArmId, Gap, GapKind, Need};

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

    /// The Key Vault of the managed identities' credentials, by its ARM id; absent when the subscription shows none of the
    /// name.
    pub fn identity_vault(&self) -> Lookup<'a, ArmId> {
        self.read(Need::IdentitySecrets).azure.identity_secrets.vault.present()
    }

    /// The dates of a secret in that vault; absent when it has none of the name.
    pub fn secret_dates(&self, name: &str) -> Lookup<'a, SecretDates> {
        match self.read(Need::IdentitySecrets).azure.identity_secrets.secrets.get(name) {
            Some(dates) => dates.present(),
            None => Err(Gap::new(GapKind::NotAsked, format!("the secret {name} of the Key Vault was not asked for"))),
        }
    }

    /// What dead clusters left, or what looks so.
    pub fn leftovers(&self) -> Read<'a, Vec<Leftover>> {
        self.read(Need::Leftovers).azure.leftovers.things.known("the ledger of orphans")
    }
}
