//! Collecting what the Key Vault of managed identities says of their credentials, which are not read.

use std::collections::BTreeMap;

use facts::key_vault::{IdentitySecrets, SecretDates};
use facts::{Fact, Gap, Need};
use futures::future::join_all;
use serde_json::Value;

use super::Sources;
use super::key_vault::{below, is_enabled, moment, vault_named};

/// Collects what is wanted of it.
pub(super) async fn collect(sources: &Sources<'_>) -> IdentitySecrets {
    let managed = sources.cluster.as_ref().map(|cluster| cluster.managed_identities.as_ref());
    let Ok(Some(managed)) = managed else { return IdentitySecrets::default() };
    if !sources.wants(Need::IdentitySecrets) {
        return IdentitySecrets::default();
    }
    let unreadable = |gap: Gap| IdentitySecrets { vault: Fact::Unreadable(gap), secrets: BTreeMap::new() };
    let (arm, cluster) = match (&sources.arm, &sources.cluster) {
        (Ok(arm), Ok(cluster)) => (*arm, *cluster),
        (Err(gap), _) | (_, Err(gap)) => return unreadable(gap.clone()),
    };
    let vault = match vault_named(arm, &cluster.azure.subscription_id, &managed.vault).await {
        Ok(Some((vault, _))) => vault,
        Ok(None) => return IdentitySecrets { vault: Fact::Absent, secrets: BTreeMap::new() },
        Err(gap) => return unreadable(gap),
    };
    let names = managed.identities.values().map(|identity| identity.secret_name.as_str());
    let secrets = join_all(names.map(async |name| {
        let dates = below(arm, &vault, &format!("secrets/{name}"), |body| dates_of(&body)).await;
        (name.to_owned(), dates)
    }))
    .await;
    IdentitySecrets { vault: Fact::Known(facts::ArmId::new(vault.as_str())), secrets: secrets.into_iter().collect() }
}

fn dates_of(body: &Value) -> SecretDates {
    SecretDates {
        enabled: is_enabled(body),
        not_before: moment(body, "nbf"),
        expires: moment(body, "exp"),
        renew_after: body["tags"]["renew_after"].as_str().and_then(|text| text.parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_stand_in_attributes_and_tags() {
        let body = json!({
            "tags": {"renew_after": "2026-11-01T00:00:00Z"},
            "properties": {"attributes": {"enabled": false, "nbf": 0, "exp": 86_400}},
        });
        let dates = dates_of(&body);
        assert_eq!((dates.enabled, dates.not_before), (false, Some(Timestamp::UNIX_EPOCH)));
        assert_eq!(dates.expires.map(|end| end.to_string()).as_deref(), Some("1970-01-02T00:00:00Z"));
        assert_eq!(dates.renew_after.map(|then| then.to_string()).as_deref(), Some("2026-11-01T00:00:00Z"));
        assert_eq!(dates_of(&json!({})), SecretDates { enabled: true, ..SecretDates::default() });
    }
}
