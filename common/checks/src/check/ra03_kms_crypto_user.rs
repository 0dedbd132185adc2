//! RA03: the KMS identity may use the key that encrypts etcd, and the key may be used.

use facts::azure::Identity;
use facts::catalogue::KEY_VAULT_CRYPTO_USER;
use facts::hosted::AzureKms;
use facts::key_vault::Vault;

use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// For a cluster whose etcd is encrypted with Azure KMS: the vault and the version of the key exist, the key is enabled
    /// and not about to end, and the KMS identity may encrypt and decrypt with it: by the role Key Vault Crypto User at the
    /// vault or above, or by an access policy where the vault uses those.
    ///
    /// ## Why it matters
    /// No tool assigns this role, and the condition ValidAzureKMSConfig is True whatever happens. Without it the API server
    /// cannot read its Secrets: it does not start, or stops at its next restart.
    ///
    /// ## How to fix
    /// Assign the role at the vault. Keep soft delete and purge protection on: who loses the key loses the cluster.
    ///
    /// Source: openshift/hypershift hostedcontrolplane_controller.go, ValidAzureKMSConfig;
    /// <https://learn.microsoft.com/azure/key-vault/general/rbac-guide>.
    pub static KMS_CRYPTO_USER = {
        code: "RA03",
        id: "kms-crypto-user",
        group: Roles,
        since: "0.1.0",
        when: [Preflight, Upgrade, Support],
        needs: [HostedCluster, Identities, KeyVault],
        caused_by: ["ID01", "ID02", "CR01"],
        judge: judge,
    };
}

/// Roles at the vault that include encrypting and decrypting: Key Vault Crypto User, Crypto Officer, Administrator.
const CRYPTO_ROLES: [&str; 3] =
    [KEY_VAULT_CRYPTO_USER, "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", "00482a5a-887f-4fb3-b363-3b7fe8e74483"];

/// How many days before its end a key is told.
const DAYS: i64 = 30;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(kms) = &cluster.kms else {
        return Ok(Judgement::NotApplicable("etcd is not encrypted with Azure KMS".into()));
    };
    let subject = format!("key {} of vault {}", kms.key, kms.vault);
    let Some(vault) = view.key_vault()? else {
        let finding =
            Finding::fail(
                format!("vault {}", kms.vault),
                format!("subscription {} shows no Key Vault {}", cluster.azure.subscription_id, kms.vault),
                "the API server cannot read what etcd holds",
            )
            .touches(key())
            .fix(Fix::azure([format!("az keyvault show --name {}", quote(&kms.vault))]).note(
                "a vault of another subscription is not seen here: pass that with `--accept RA03` if it is right",
            ));
        return Ok(Judgement::new(String::new(), vec![finding]));
    };
    let mut findings = Vec::new();
    match view.key_version() {
        Ok(None) => findings.push(no_version(kms, &subject)),
        Ok(Some(version)) if !version.enabled => findings.push(
            Finding::fail(&subject, "the key is disabled", "the API server cannot read what etcd holds")
                .touches(key())
                .fix(Fix::azure([format!(
                    "az keyvault key set-attributes --vault-name {} --name {} --version {} --enabled true",
                    quote(&kms.vault),
                    quote(&kms.key),
                    quote(&kms.version)
                )])),
        ),
        Ok(Some(version)) => {
            if let Some(end) = version.expires {
                let days = -view.minutes_since(end) / (24 * 60);
                if days < DAYS {
                    findings.push(ends(kms, &subject, days, &end.to_string()));
                }
            }
        }
        Err(gap) => findings.push(Finding::unknown(&subject, gap)),
    }
    findings.extend(may_use(view, kms, vault)?);
    if !vault.soft_delete || !vault.purge_protection {
        findings.push(
            Finding::warn(
                format!("vault {}", kms.vault),
                "soft delete or purge protection is off",
                "a key that is purged takes all Secrets of the cluster with it",
            )
            .fix(Fix::azure([format!(
                "az keyvault update --name {} --enable-purge-protection true",
                quote(&kms.vault)
            )])),
        );
    }
    Ok(Judgement::new(format!("the KMS identity may use {subject}"), findings))
}

fn key() -> Key {
    Key::Identity("kms".into())
}

fn no_version(kms: &AzureKms, subject: &str) -> Finding {
    Finding::fail(
        subject,
        format!("the key has no version {}", kms.version),
        "the API server cannot read what etcd holds",
    )
    .touches(key())
    .fix(Fix::azure([format!(
        "az keyvault key list-versions --vault-name {} --name {} -o table",
        quote(&kms.vault),
        quote(&kms.key)
    )]))
}

fn ends(kms: &AzureKms, subject: &str, days: i64, end: &str) -> Finding {
    let why = "the API server cannot read what etcd holds once the key has ended";
    let finding = if days < 0 {
        Finding::fail(subject, "the key has ended", why)
    } else {
        Finding::warn(subject, format!("the key ends in {days} days"), why)
    };
    finding.see("ends", end).touches(key()).fix(Fix::azure([format!(
        "az keyvault key set-attributes --vault-name {} --name {} --version {} --expires \"$(date -u -d '+1 year' +%Y-%m-%dT%H:%M:%SZ)\"",
        quote(&kms.vault),
        quote(&kms.key),
        quote(&kms.version)
    )]))
}

/// Whether the KMS identity may encrypt and decrypt.
fn may_use(view: &View<'_>, kms: &AzureKms, vault: &Vault) -> Result<Option<Finding>, Gap> {
    let identities = view.identities();
    let assignments = view.vault_assignments();
    let Some(client_id) = kms.client_id.as_deref() else { return Ok(None) };
    let named = |identity: &&Identity| identity.client_id.eq_ignore_ascii_case(client_id);
    // An identity that is not there is ID01's to say.
    let Some(identity) = identities?.iter().find(named) else { return Ok(None) };
    let holds = if vault.rbac {
        let roles = match assignments {
            Ok(assignments) => assignments,
            Err(gap) => return Ok(Some(Finding::unknown(format!("roles at vault {}", kms.vault), gap))),
        };
        let own = roles.iter().filter(|one| one.principal_id.eq_ignore_ascii_case(&identity.principal_id));
        own.map(|one| one.role_guid()).any(|guid| CRYPTO_ROLES.contains(&guid.as_str()))
    } else {
        vault.may_encrypt.iter().any(|id| id.eq_ignore_ascii_case(&identity.principal_id))
    };
    if holds {
        return Ok(None);
    }
    let command = if vault.rbac {
        format!(
            "az role assignment create --assignee-object-id {} --assignee-principal-type ServicePrincipal --role {KEY_VAULT_CRYPTO_USER} --scope {}",
            identity.principal_id,
            quote(vault.id.as_str())
        )
    } else {
        format!(
            "az keyvault set-policy --name {} --object-id {} --key-permissions encrypt decrypt",
            quote(&kms.vault),
            identity.principal_id
        )
    };
    let finding = Finding::fail(
        format!("identity kms ({})", identity.name),
        format!("the identity may not encrypt and decrypt with the keys of vault {}", kms.vault),
        "the API server cannot read what etcd holds: it does not start, or stops at its next restart",
    )
    .see("vault uses", if vault.rbac { "roles" } else { "access policies" })
    .see("vault", vault.id.to_string())
    .touches(key())
    .fix(Fix::azure([command]).note("Azure takes up to 10 minutes to know it; Contributor gives no right to use keys"));
    Ok(Some(finding))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &KMS_CRYPTO_USER;

    fn vault(facts: &mut Facts) -> &mut facts::key_vault::Vault {
        match &mut facts.azure.key_vault.vault {
            Fact::Known(vault) => vault,
            other => panic!("{other:?}"),
        }
    }

    fn version(facts: &mut Facts) -> &mut facts::key_vault::KeyVersion {
        match &mut facts.azure.key_vault.key {
            Fact::Known(version) => version,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the KMS identity holds no role at the vault", |facts| {
                facts.azure.key_vault.role_assignments = Fact::Known(Vec::new());
            })
            .of(healthy_kms),
            Fault::new("the key is disabled", |facts| version(facts).enabled = false).of(healthy_kms),
            Fault::new("the version of the key is gone", |facts| facts.azure.key_vault.key = Fact::Absent)
                .of(healthy_kms),
        ]
    }

    #[test]
    fn a_key_that_may_be_used_passes() {
        assert_passes(CHECK, &healthy_kms());
        assert_not_applicable(CHECK, &healthy());
    }

    #[test]
    fn a_missing_role_or_policy() {
        let mut facts = healthy_kms();
        facts.azure.key_vault.role_assignments = Fact::Known(Vec::new());
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[0].contains(KEY_VAULT_CRYPTO_USER), "{finding:#?}");
        vault(&mut facts).rbac = false;
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].starts_with("az keyvault set-policy"));
        vault(&mut facts).may_encrypt = vec![principal_id("kms").to_uppercase()];
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_vault_or_version_that_is_not_there() {
        let mut facts = healthy_kms();
        facts.azure.key_vault.key = Fact::Absent;
        assert!(the_failure(CHECK, &facts).what.contains("no version"));
        facts.azure.key_vault.vault = Fact::Absent;
        assert_eq!(the_failure(CHECK, &facts).subject, "vault prod-kv");
    }

    #[test]
    fn a_key_that_ends_is_told_in_time() {
        let mut facts = healthy_kms();
        version(&mut facts).expires = Some(minutes_ago(-10 * 24 * 60));
        assert_eq!(the_finding(CHECK, &facts).what, "the key ends in 10 days");
        version(&mut facts).expires = Some(minutes_ago(24 * 60));
        assert_eq!(the_failure(CHECK, &facts).what, "the key has ended");
        version(&mut facts).expires = Some(minutes_ago(-90 * 24 * 60));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_vault_whose_keys_can_be_purged_is_a_warning() {
        let mut facts = healthy_kms();
        vault(&mut facts).purge_protection = false;
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Warn);
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let mut facts = healthy_kms();
        facts.azure.key_vault.vault = Fact::Unreadable(denied("Microsoft.KeyVault/vaults/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
