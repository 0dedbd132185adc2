//! The storage account and its container, readable by everybody.

use facts::ArmId;
use serde_json::{Map, Value, json};

use super::{ACCOUNT_STEP, Facts, STORAGE, Spec, known_region, property};
use crate::change::Change;
use crate::compare::{member, text};
use crate::iam::azure_region;
use crate::resource::{Wanted, kept};
use crate::{Refusal, Step, Verb, tags};

/// The properties of a storage account that a request may hold; the others are Azure's to write.
/// Source: `StorageAccountPropertiesCreateParameters` of Microsoft.Storage 2024-01-01.
const WRITABLE: [&str; 24] = [
    "accessTier",
    "allowBlobPublicAccess",
    "allowCrossTenantReplication",
    "allowSharedKeyAccess",
    "allowedCopyScope",
    "azureFilesIdentityBasedAuthentication",
    "customDomain",
    "defaultToOAuthAuthentication",
    "dnsEndpointType",
    "enableExtendedGroups",
    "encryption",
    "immutableStorageWithVersioning",
    "isHnsEnabled",
    "isLocalUserEnabled",
    "isNfsV3Enabled",
    "isSftpEnabled",
    "keyPolicy",
    "largeFileSharesState",
    "minimumTlsVersion",
    "networkAcls",
    "publicNetworkAccess",
    "routingPreference",
    "sasPolicy",
    "supportsHttpsTrafficOnly",
];

/// The name of a storage account.
pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if (3..=24).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(Refusal::new(
        "--storage-account-name",
        name,
        "not the name of a storage account: 3 to 24 lower-case letters and digits",
        "give a name such as `contosooidc`, unique in all of Azure",
    ))
}

/// The name of a container.
pub(crate) fn check_container(name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fine = (3..=63).contains(&name.len())
        && name.chars().all(plain)
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fine {
        return Ok(());
    }
    Err(Refusal::new(
        "--blob-container-name",
        name,
        "not the name of a container: 3 to 63 lower-case letters, digits and single dashes",
        "give a name such as `oidc`",
    ))
}

/// The address of an account's blob service, without a slash at the end.
pub fn endpoint(account: &Value) -> Option<&str> {
    text(account, &["properties", "primaryEndpoints", "blob"]).map(|endpoint| endpoint.trim_end_matches('/'))
}

pub(super) fn account(spec: &Spec, facts: &Facts) -> Result<Step, Refusal> {
    let resource = format!("storage account {}", spec.account);
    if let Some(have) = &facts.account {
        return existing(spec, have, resource);
    }
    if let Some(why) = &facts.taken {
        return Err(Refusal::new(
            "--storage-account-name",
            &spec.account,
            format!("somebody else has it: {why}"),
            "give another `--storage-account-name`: these names are unique in all of Azure",
        ));
    }
    known_region(spec, facts)?;
    let mut all = spec.tags.clone();
    all.extend(tags::shared());
    Ok(Wanted {
        step: ACCOUNT_STEP.into(),
        resource,
        id: spec.account_id(),
        api_version: STORAGE,
        body: json!({
            "location": spec.location,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": {
                "allowBlobPublicAccess": true,
                "minimumTlsVersion": "TLS1_2",
                "supportsHttpsTrafficOnly": true,
            },
        }),
        tags: all,
        depends_on: ["group".to_owned()].into(),
        reason: "serves the documents".into(),
    }
    .step(None))
}

/// An account that is there: of what it is, only what keeps Entra from reading is changed.
fn existing(spec: &Spec, have: &Value, resource: String) -> Result<Step, Refusal> {
    let id = text(have, &["id"]).map_or_else(|| spec.account_id(), ArmId::new);
    if id.key() != spec.account_id().key() {
        let group = id.resource_group().unwrap_or_default();
        return Err(Refusal::new(
            "--storage-account-name",
            &spec.account,
            format!("it exists in resource group {group}"),
            format!("give `--resource-group-name {group}` to use it, or another `--storage-account-name`"),
        ));
    }
    let region = azure_region(text(have, &["location"]).unwrap_or(&spec.location));
    if region != azure_region(&spec.location) {
        return Err(Refusal::new(
            "--location",
            &spec.location,
            format!("the storage account {} exists in {region} already", spec.account),
            format!("give `--location {region}`, or another `--storage-account-name`"),
        ));
    }
    let kind = text(have, &["kind"]).unwrap_or("StorageV2");
    if kind.eq_ignore_ascii_case("FileStorage") {
        return Err(Refusal::new(
            "--storage-account-name",
            &spec.account,
            "it exists and is of kind FileStorage, which has no blobs",
            "give another `--storage-account-name`",
        ));
    }
    let mut wrong = Vec::new();
    let properties = &have["properties"];
    let mut wish = Map::new();
    if member(properties, "allowBlobPublicAccess") != Some(&Value::Bool(true)) {
        wrong.push("it forbids public access to blobs".to_owned());
        wish.insert("allowBlobPublicAccess".into(), json!(true));
    }
    if let Some(access) = property(have, "publicNetworkAccess").filter(|own| !own.eq_ignore_ascii_case("Enabled")) {
        wrong.push(format!("its public network access is {access}"));
        wish.insert("publicNetworkAccess".into(), json!("Enabled"));
    }
    let default = text(have, &["properties", "networkAcls", "defaultAction"]);
    if default.is_some_and(|action| action.eq_ignore_ascii_case("Deny")) {
        wrong.push("its firewall lets only some networks in".to_owned());
        let mut rules = properties["networkAcls"].clone();
        rules["defaultAction"] = json!("Allow");
        wish.insert("networkAcls".into(), rules);
    }
    let state = property(have, "provisioningState").unwrap_or("Succeeded");
    if !state.eq_ignore_ascii_case("Succeeded") {
        wrong.push(format!("its last operation is {}", state.to_ascii_lowercase()));
    }
    if wrong.is_empty() {
        return Ok(kept(ACCOUNT_STEP, resource, "exists, and allows public access to blobs"));
    }
    Ok(Step {
        id: ACCOUNT_STEP.into(),
        verb: Verb::Change,
        resource,
        reason: format!("exists; {}", wrong.join(", ")),
        depends_on: ["group".to_owned()].into(),
        change: Some(Change::ArmPut { id, api_version: STORAGE, body: request(have, wish) }),
        serial: None,
    })
}

/// The request that leaves an account as it is but for `wish`.
fn request(have: &Value, wish: Map<String, Value>) -> Value {
    let mut body = json!({});
    for key in ["location", "kind", "tags", "identity", "extendedLocation", "zones", "placement"] {
        if let Some(value) = member(have, key).filter(|value| !value.is_null()) {
            body[key] = value.clone();
        }
    }
    body["sku"] = json!({"name": text(have, &["sku", "name"]).unwrap_or("Standard_LRS")});
    let mut properties: Map<String, Value> = WRITABLE
        .iter()
        .filter_map(|key| {
            let value = member(&have["properties"], key).filter(|value| !value.is_null())?;
            Some(((*key).to_owned(), value.clone()))
        })
        .collect();
    properties.extend(wish);
    body["properties"] = Value::Object(properties);
    body
}

pub(super) fn container(spec: &Spec, facts: &Facts) -> Step {
    let resource = format!("container {}", spec.container);
    let access = facts.container.as_ref().map(|have| property(have, "publicAccess").unwrap_or("None"));
    let (verb, reason) = match access {
        None => (Verb::Create, "everybody may read what is in it".to_owned()),
        // Entra reads blobs by their names; it lists none.
        Some(own) if ["Container", "Blob"].iter().any(|fine| fine.eq_ignore_ascii_case(own)) => {
            return kept("container", resource, "exists, and everybody may read it");
        }
        Some(own) => (Verb::Change, format!("exists; its public access is {own}")),
    };
    let mut properties = json!({"publicAccess": "Container"});
    let metadata = facts.container.as_ref().and_then(|have| member(&have["properties"], "metadata"));
    if let Some(metadata) = metadata.filter(|metadata| metadata.is_object()) {
        properties["metadata"] = metadata.clone();
    }
    Step {
        id: "container".into(),
        verb,
        resource,
        reason,
        depends_on: [ACCOUNT_STEP.to_owned()].into(),
        change: Some(Change::ArmPut {
            id: spec.container_id(),
            api_version: STORAGE,
            body: json!({"properties": properties}),
        }),
        serial: None,
    }
}
