//! The Key Vault, and what earlier clusters left.

use std::collections::BTreeMap;

use facts::azure::RoleAssignment;
use facts::catalogue::KEY_VAULT_CRYPTO_USER;
use facts::key_vault::{IdentitySecrets, KeyVersion, SecretDates, Vault};
use facts::leftovers::{Leftover, LeftoverKind};
use facts::{ArmId, Fact, Facts};

use super::{CREATED, SUBSCRIPTION, minutes_ago, principal_id};

/// The vault of [`super::healthy_kms`].
pub(crate) fn vault_id() -> ArmId {
    ArmId::in_group(SUBSCRIPTION, "keys", "Microsoft.KeyVault/vaults/prod-kv")
}

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    facts.azure.leftovers.things = Fact::Known(Vec::new());
    if let Some(managed) = facts.hosted.cluster.get().and_then(|cluster| cluster.managed_identities.as_ref()) {
        let dates = SecretDates {
            enabled: true,
            not_before: Some(minutes_ago(10 * 24 * 60)),
            expires: Some(minutes_ago(-80 * 24 * 60)),
            renew_after: Some(minutes_ago(-35 * 24 * 60)),
        };
        let names = managed.identities.values().map(|identity| identity.secret_name.clone());
        facts.azure.identity_secrets = IdentitySecrets {
            vault: Fact::Known(ArmId::in_group(SUBSCRIPTION, "keys", "Microsoft.KeyVault/vaults/prod-msi")),
            secrets: names.map(|name| (name, Fact::Known(dates.clone()))).collect(),
        };
    }
    if facts.hosted.cluster.get().is_none_or(|cluster| cluster.kms.is_none()) {
        return;
    }
    let vault = &mut facts.azure.key_vault;
    vault.vault = Fact::Known(Vault {
        id: vault_id(),
        rbac: true,
        soft_delete: true,
        purge_protection: true,
        may_encrypt: Vec::new(),
        public: true,
        firewall: None,
        endpoints: BTreeMap::new(),
    });
    vault.key = Fact::Known(KeyVersion { enabled: true, expires: None });
    vault.role_assignments = Fact::Known(vec![RoleAssignment {
        id: ArmId::new(format!("{}/providers/Microsoft.Authorization/roleAssignments/kms", vault_id())),
        principal_id: principal_id("kms"),
        principal_type: Some("ServicePrincipal".into()),
        role_definition_id: ArmId::new(format!(
            "/providers/Microsoft.Authorization/roleDefinitions/{KEY_VAULT_CRYPTO_USER}"
        )),
        scope: vault_id().to_string(),
        created_on: CREATED.parse().ok(),
    }]);
}

/// A thing that a dead cluster left.
pub(crate) fn leftover(kind: LeftoverKind, name: &str) -> Leftover {
    Leftover {
        kind,
        infra_id: Some("old-a1b2c".into()),
        name: name.into(),
        id: ArmId::of_group(SUBSCRIPTION, "old-old-a1b2c").child("things", "one"),
        proven: true,
        reason: "its tag names infra id old-a1b2c, which no HostedCluster has".into(),
        since: Some("2026-01-02T03:04:05Z".into()),
        costs: kind == LeftoverKind::ResourceGroup,
    }
}

/// Adds leftovers to test facts.
pub(crate) fn leave(facts: &mut Facts, things: impl IntoIterator<Item = Leftover>) {
    match &mut facts.azure.leftovers.things {
        Fact::Known(all) => all.extend(things),
        other => panic!("no ledger: {other:?}"),
    }
}
