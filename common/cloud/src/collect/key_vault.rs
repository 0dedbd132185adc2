//! Collecting the Key Vault and key of etcd.

use arm::{Arm, ArmId};
use facts::hosted::AzureKms;
use facts::key_vault::{KeyVault, KeyVersion, Vault};
use facts::{Fact, Gap, GapKind, Need};
use jiff::Timestamp;
use serde_json::Value;

use super::Sources;
use crate::azure::convert::fact;
use crate::azure::{gap_of, role_assignment};

/// The api-version of vaults, keys and secrets.
const VAULTS: &str = "2023-07-01";

/// Collects what is wanted of it.
pub(super) async fn collect(sources: &Sources<'_>) -> KeyVault {
    let Ok(Some(kms)) = sources.cluster.as_ref().map(|cluster| cluster.kms.as_ref()) else {
        return KeyVault::default();
    };
    if !sources.wants(Need::KeyVault) {
        return KeyVault::default();
    }
    let unreadable = |gap: Gap| KeyVault {
        vault: Fact::Unreadable(gap.clone()),
        key: Fact::Unreadable(gap.clone()),
        role_assignments: Fact::Unreadable(gap),
    };
    let (arm, cluster) = match (&sources.arm, &sources.cluster) {
        (Ok(arm), Ok(cluster)) => (*arm, *cluster),
        (Err(gap), _) | (_, Err(gap)) => return unreadable(gap.clone()),
    };
    match vault_named(arm, &cluster.azure.subscription_id, &kms.vault).await {
        Ok(Some((id, body))) => {
            let vault = vault(&id, &body);
            let (key, role_assignments) = futures::join!(key(arm, &id, kms), assignments(arm, &id));
            KeyVault { vault: Fact::Known(vault), key, role_assignments }
        }
        Ok(None) => KeyVault { vault: Fact::Absent, key: Fact::Absent, role_assignments: Fact::Absent },
        Err(gap) => unreadable(gap),
    }
}

/// The vault of a name, from the list of the subscription.
pub(super) async fn vault_named(arm: &Arm, subscription: &str, name: &str) -> Result<Option<(ArmId, Value)>, Gap> {
    let failed = |why: String| Gap::new(GapKind::Failed, why);
    let scope = ArmId::for_subscription(subscription).map_err(|error| failed(error.to_string()))?;
    let all = arm.bodies(&scope, "/providers/Microsoft.KeyVault/vaults", VAULTS, None).await;
    let all = all.map_err(|error| gap_of(&error))?.unwrap_or_default();
    let named = |body: &Value| body["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name));
    let Some(body) = all.into_iter().find(named) else { return Ok(None) };
    let id = ArmId::parse(body["id"].as_str().unwrap_or_default()).map_err(|error| failed(error.to_string()))?;
    Ok(Some((id, body)))
}

fn vault(id: &ArmId, body: &Value) -> Vault {
    let properties = &body["properties"];
    let is = |name: &str| properties[name].as_bool().unwrap_or_default();
    let says = |value: &Value, word: &str| value.as_str().is_some_and(|own| own.eq_ignore_ascii_case(word));
    let rules = &properties["networkAcls"];
    let count = |name: &str| rules[name].as_array().map_or(0, Vec::len);
    let connections = properties["privateEndpointConnections"].as_array().into_iter().flatten();
    let endpoint = |connection: &Value| {
        let properties = &connection["properties"];
        let id = properties["privateEndpoint"]["id"].as_str()?;
        let state = properties["privateLinkServiceConnectionState"]["status"].as_str().unwrap_or_default();
        Some((facts::ArmId::new(id), state.to_owned()))
    };
    Vault {
        id: facts::ArmId::new(id.as_str()),
        rbac: is("enableRbacAuthorization"),
        // Azure leaves it out where it is on, as it is by default.
        soft_delete: properties["enableSoftDelete"].as_bool().unwrap_or(true),
        purge_protection: is("enablePurgeProtection"),
        may_encrypt: properties["accessPolicies"].as_array().into_iter().flatten().filter_map(may_encrypt).collect(),
        public: !says(&properties["publicNetworkAccess"], "Disabled"),
        firewall: says(&rules["defaultAction"], "Deny").then(|| count("ipRules") + count("virtualNetworkRules")),
        endpoints: connections.filter_map(endpoint).collect(),
    }
}

/// The object id of an access policy that lets both encrypt and decrypt.
fn may_encrypt(policy: &Value) -> Option<String> {
    let keys: Vec<String> = policy["permissions"]["keys"]
        .as_array()?
        .iter()
        .filter_map(|one| one.as_str().map(str::to_ascii_lowercase))
        .collect();
    let has = |name: &str| keys.iter().any(|key| key == name || key == "all");
    (has("encrypt") && has("decrypt")).then(|| policy["objectId"].as_str().map(str::to_owned)).flatten()
}

async fn key(arm: &Arm, vault: &ArmId, kms: &AzureKms) -> Fact<KeyVersion> {
    let path = format!("keys/{}/versions/{}", kms.key, kms.version);
    below(arm, vault, &path, |body| KeyVersion { enabled: is_enabled(&body), expires: moment(&body, "exp") }).await
}

/// What a vault says of a key or a secret in it, which Azure Resource Manager shows without its value.
pub(super) async fn below<T>(arm: &Arm, vault: &ArmId, path: &str, read: impl FnOnce(Value) -> T) -> Fact<T> {
    match ArmId::parse(&format!("{vault}/{path}")) {
        Ok(id) => fact(arm.body(&id, VAULTS).await, read),
        Err(error) => Fact::Unreadable(Gap::new(GapKind::Failed, error.to_string())),
    }
}

/// Whether a key or a secret may be used.
pub(super) fn is_enabled(body: &Value) -> bool {
    body["properties"]["attributes"]["enabled"].as_bool().unwrap_or(true)
}

/// A date of a key or a secret, if it is recorded.
pub(super) fn moment(body: &Value, name: &str) -> Option<Timestamp> {
    body["properties"]["attributes"][name].as_i64().and_then(|second| Timestamp::from_second(second).ok())
}

async fn assignments(arm: &Arm, vault: &ArmId) -> Fact<Vec<facts::azure::RoleAssignment>> {
    let answer = arm.role_assignments(vault, Some("atScope()")).await;
    fact(answer, |list| list.into_iter().map(role_assignment).collect())
}
