//! Storage accounts, their blob service and containers. The blobs themselves live elsewhere.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Ctx, names::Rule, path::Target, registry::Kind, resource};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    seed,
    state::{State, fill},
};

/// Adds what the storage provider adds.
pub(crate) fn complete(state: &State, kind: &Kind, resource: &mut Value) {
    let name = resource["name"].as_str().unwrap_or_default().to_owned();
    match kind.path {
        "storageAccounts" => {
            let location = resource["location"].as_str().unwrap_or_default().to_owned();
            let blob = match &state.blob_endpoint {
                Some(base) => format!("{}/{name}/", base.trim_end_matches('/')),
                None => format!("https://{name}.blob.core.windows.net/"),
            };
            let sku = resource["sku"]["name"].as_str().unwrap_or("Standard_LRS").to_owned();
            let tier = if sku.starts_with("Premium") { "Premium" } else { "Standard" };
            let defaults = json!({
                "sku": {"name": sku, "tier": tier},
                "kind": "StorageV2",
                "tags": {},
                "properties": {
                    "provisioningState": "Succeeded",
                    "creationTime": seed::EPOCH,
                    "keyCreationTime": {"key1": seed::EPOCH, "key2": seed::EPOCH},
                    "primaryEndpoints": {
                        "blob": blob,
                        "dfs": format!("https://{name}.dfs.core.windows.net/"),
                        "file": format!("https://{name}.file.core.windows.net/"),
                        "queue": format!("https://{name}.queue.core.windows.net/"),
                        "table": format!("https://{name}.table.core.windows.net/"),
                        "web": format!("https://{name}.z13.web.core.windows.net/"),
                    },
                    "primaryLocation": location,
                    "statusOfPrimary": "available",
                    "allowBlobPublicAccess": false,
                    "allowSharedKeyAccess": true,
                    "minimumTlsVersion": "TLS1_2",
                    "publicNetworkAccess": "Enabled",
                    "supportsHttpsTrafficOnly": true,
                    "accessTier": "Hot",
                    "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
                    "privateEndpointConnections": [],
                    "encryption": {
                        "keySource": "Microsoft.Storage",
                        "services": {
                            "blob": {"enabled": true, "keyType": "Account", "lastEnabledTime": seed::EPOCH},
                            "file": {"enabled": true, "keyType": "Account", "lastEnabledTime": seed::EPOCH},
                        },
                    },
                },
            });
            fill(resource, &defaults);
            let mut more = json!({});
            if sku.contains("GRS") || sku.contains("GZRS") {
                more["secondaryLocation"] = json!(if location == "eastus" { "westus" } else { "eastus" });
                more["statusOfSecondary"] = json!("available");
            }
            let routing = resource["properties"]["routingPreference"].clone();
            for (wish, member, word) in [
                ("publishInternetEndpoints", "internetEndpoints", "internetrouting"),
                ("publishMicrosoftEndpoints", "microsoftEndpoints", "microsoftrouting"),
            ] {
                if routing[wish] == json!(true) {
                    for service in ["blob", "dfs", "file", "queue", "table", "web"] {
                        more["primaryEndpoints"][member][service] =
                            json!(format!("https://{name}-{word}.{service}.core.windows.net/"));
                    }
                }
            }
            fill(&mut resource["properties"], &more);
            for service in ["blob", "file"] {
                fill(
                    &mut resource["properties"]["encryption"]["services"][service],
                    &json!({"lastEnabledTime": seed::EPOCH}),
                );
            }
        }
        "storageAccounts/blobServices/containers" => fill(
            resource,
            &json!({"properties": {
                "publicAccess": "None",
                "leaseStatus": "Unlocked",
                "leaseState": "Available",
                "lastModifiedTime": seed::EPOCH,
                "defaultEncryptionScope": "$account-encryption-key",
                "denyEncryptionScopeOverride": false,
                "hasImmutabilityPolicy": false,
                "hasLegalHold": false,
                "remainingRetentionDays": 0,
                "deleted": false,
            }}),
        ),
        _ => {}
    }
}

/// Checks a body before it is written.
pub(crate) fn check(ctx: &Ctx<'_>, target: &Target, body: &mut Value, before: Option<&Value>) -> Result<(), Refusal> {
    let invalid = |code: &str, message: String| Refusal::new(400, code, message);
    match target.kind.path {
        "storageAccounts" => {
            let kind = body["kind"].as_str().unwrap_or_default();
            let sku = body["sku"]["name"].as_str().unwrap_or_default();
            if !["Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage"].contains(&kind) {
                return Err(invalid(
                    "InvalidValuesForRequestParameters",
                    "Values for request parameters are invalid: kind.".to_owned(),
                ));
            }
            if !sku.starts_with("Standard_") && !sku.starts_with("Premium_") {
                return Err(invalid(
                    "InvalidValuesForRequestParameters",
                    "Values for request parameters are invalid: sku.".to_owned(),
                ));
            }
            if before.is_some_and(|before| before["kind"] != body["kind"] && before["kind"] != "Storage") {
                return Err(Refusal::new(
                    409,
                    "AccountPropertyCannotBeUpdated",
                    "The property 'kind' of a storage account cannot be updated.",
                ));
            }
            let own = target.id(&ctx.core.state);
            if let Some(other) = account(&ctx.core.state, target.name())
                .filter(|other| !other["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&own)))
            {
                let same =
                    other["id"].as_str().is_some_and(|id| id.split('/').nth(2) == Some(target.subscription.as_str()));
                return Err(if same {
                    Refusal::new(
                        409,
                        "StorageAccountInAnotherResourceGroup",
                        format!(
                            "The account {} already exists in another resource group in this subscription.",
                            target.name()
                        ),
                    )
                } else {
                    taken(target.name())
                });
            }
            Ok(())
        }
        "storageAccounts/blobServices/containers" => {
            let access = body["properties"]["publicAccess"].as_str().unwrap_or("None");
            if !["None", "Blob", "Container"].contains(&access) {
                return Err(invalid(
                    "InvalidRequestPropertyValue",
                    format!("The value '{access}' is not allowed for property publicAccess."),
                ));
            }
            let owner = target
                .parent()
                .and_then(|service| service.parent())
                .and_then(|account| resource::stored(ctx, &account));
            let allowed = owner.is_some_and(|owner| owner["properties"]["allowBlobPublicAccess"] == json!(true));
            if access != "None" && !allowed {
                return Err(Refusal::new(
                    409,
                    "PublicAccessNotPermitted",
                    "Public access is not permitted on this storage account.",
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn taken(name: &str) -> Refusal {
    Refusal::new(409, "StorageAccountAlreadyTaken", format!("The storage account named {name} is already taken."))
}

fn account<'a>(state: &'a State, name: &str) -> Option<&'a Value> {
    state.resources.values().find(|one| {
        one["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("Microsoft.Storage/storageAccounts"))
            && one["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))
    })
}

/// Answers `checkNameAvailability`.
pub(crate) fn check_name(ctx: &Ctx<'_>) -> Answer {
    if ctx.call.method != "POST" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    let body = ctx.call.object()?;
    let name = body["name"].as_str().unwrap_or_default();
    if body["type"] != "Microsoft.Storage/storageAccounts" {
        return Err(Refusal::new(
            400,
            "InvalidValuesForRequestParameters",
            "Values for request parameters are invalid: type.",
        ));
    }
    let answer = if !Rule::Account.allows(name) {
        json!({"nameAvailable": false, "reason": "AccountNameInvalid", "message": format!("{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.")})
    } else if account(&ctx.core.state, name).is_some() {
        json!({"nameAvailable": false, "reason": "AlreadyExists", "message": format!("The storage account named {name} is already taken.")})
    } else {
        json!({"nameAvailable": true})
    };
    Ok(Reply::json(200, answer))
}

/// Answers `listKeys`: the keys depend on the account's id alone. They are listed even where shared keys are
/// forbidden, for only their use is refused, by the blob service.
pub(crate) fn keys(account: &Value) -> Answer {
    let id = account["id"].as_str().unwrap_or_default();
    let key = |name: &str| {
        let text: String = (0..2).map(|part| seed::guid(&format!("key:{name}:{part}:{id}"))).collect();
        let bytes: Vec<u8> = text.bytes().cycle().take(64).collect();
        json!({"keyName": name, "permissions": "FULL", "creationTime": seed::EPOCH, "value": STANDARD.encode(bytes)})
    };
    Ok(Reply::json(200, json!({"keys": [key("key1"), key("key2")]})))
}

/// The blob service of an account: stored, or as every account has it.
pub(crate) fn blob_service(state: &State, target: &Target) -> Option<Value> {
    if let Some(own) = state.get(&target.id(state)) {
        return Some(own.clone());
    }
    let owner = state.get(&target.parent()?.id(state))?;
    target.name().eq_ignore_ascii_case("default").then(|| blob_service_of(state, owner))
}

/// The blob service of this account.
pub(crate) fn blob_service_of(state: &State, account: &Value) -> Value {
    let id = format!("{}/blobServices/default", account["id"].as_str().unwrap_or_default());
    state.get(&id).cloned().unwrap_or_else(|| {
        json!({
            "id": id,
            "name": "default",
            "type": "Microsoft.Storage/storageAccounts/blobServices",
            "sku": account["sku"],
            "properties": {
                "cors": {"corsRules": []},
                "deleteRetentionPolicy": {"allowPermanentDelete": false, "enabled": false},
                "isVersioningEnabled": false,
            },
        })
    })
}
