//! Microsoft.Compute, Microsoft.KeyVault and Microsoft.MarketplaceOrdering, as far as hosted clusters meet them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Ctx, path::Target, registry::Kind, subscriptions};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    seed,
    state::{State, fill},
};

/// Sizes that every region offers: name, family, vCPUs, memory in GB, processor, Hyper-V generations.
const SIZES: &[(&str, &str, u32, u32, &str, &str)] = &[
    ("Standard_D2s_v3", "standardDSv3Family", 2, 8, "x64", "V1,V2"),
    ("Standard_D4s_v3", "standardDSv3Family", 4, 16, "x64", "V1,V2"),
    ("Standard_D8s_v3", "standardDSv3Family", 8, 32, "x64", "V1,V2"),
    ("Standard_D2s_v5", "standardDSv5Family", 2, 8, "x64", "V1,V2"),
    ("Standard_D4s_v5", "standardDSv5Family", 4, 16, "x64", "V1,V2"),
    ("Standard_D8s_v5", "standardDSv5Family", 8, 32, "x64", "V1,V2"),
    ("Standard_D16s_v5", "standardDSv5Family", 16, 64, "x64", "V1,V2"),
    ("Standard_D4as_v5", "standardDASv5Family", 4, 16, "x64", "V1,V2"),
    ("Standard_D4ps_v5", "standardDPSv5Family", 4, 16, "Arm64", "V2"),
    ("Standard_D8ps_v5", "standardDPSv5Family", 8, 32, "Arm64", "V2"),
    ("Standard_E4s_v5", "standardESv5Family", 4, 32, "x64", "V1,V2"),
    ("Standard_E8s_v5", "standardESv5Family", 8, 64, "x64", "V1,V2"),
    ("Standard_F8s_v2", "standardFSv2Family", 8, 16, "x64", "V1,V2"),
    ("Standard_NC6s_v3", "standardNCSv3Family", 6, 112, "x64", "V1,V2"),
];

/// Adds what compute and key vault add.
pub(crate) fn complete(_state: &State, kind: &Kind, resource: &mut Value) {
    if kind.path == "vaults/secrets"
        && let Some(properties) = resource["properties"].as_object_mut()
    {
        // Resource Manager takes a value and never shows it.
        properties.shift_remove("value");
    }
    let id = resource["id"].as_str().unwrap_or_default().to_owned();
    let name = resource["name"].as_str().unwrap_or_default().to_owned();
    let defaults = match kind.path {
        "virtualMachines" => {
            json!({"properties": {"vmId": seed::guid(&id), "provisioningState": "Succeeded", "timeCreated": seed::EPOCH}})
        }
        "disks" => {
            json!({"properties": {"provisioningState": "Succeeded", "diskState": "Unattached", "timeCreated": seed::EPOCH}})
        }
        "diskEncryptionSets" | "images" => json!({"properties": {"provisioningState": "Succeeded"}}),
        "vaults" => json!({"tags": {}, "systemData": {
            "createdBy": "simulated", "createdByType": "Application", "createdAt": seed::EPOCH,
            "lastModifiedBy": "simulated", "lastModifiedByType": "Application", "lastModifiedAt": seed::EPOCH,
        }, "properties": {
            "vaultUri": format!("https://{name}.vault.azure.net/"),
            "provisioningState": "Succeeded",
            "enableSoftDelete": true,
            "softDeleteRetentionInDays": 90,
            "publicNetworkAccess": "Enabled",
        }}),
        _ => json!({}),
    };
    fill(resource, &defaults);
}

/// Checks a body before it is written.
pub(crate) fn check(ctx: &Ctx<'_>, target: &Target, body: &mut Value, before: Option<&Value>) -> Result<(), Refusal> {
    let properties = &body["properties"];
    let missing = |member: &str| {
        Refusal::new(400, "InvalidParameter", format!("Required parameter '{member}' is missing (null)."))
            .target(member)
    };
    match target.kind.path {
        "virtualMachines" => {
            let size = properties["hardwareProfile"]["vmSize"].as_str().ok_or_else(|| missing("vmSize"))?;
            if before.is_none()
                && properties["networkProfile"]["networkInterfaces"].as_array().is_none_or(Vec::is_empty)
            {
                return Err(missing("networkProfile"));
            }
            let location = body["location"].as_str().unwrap_or_default();
            available(ctx, target.name(), size, location)
        }
        "vaults" => {
            let tenant = properties["tenantId"].as_str().ok_or_else(|| missing("properties.tenantId"))?;
            if tenant.is_empty() || properties["sku"]["name"].as_str().is_none() {
                return Err(missing("properties.sku"));
            }
            let policies =
                properties["accessPolicies"].is_array() || properties["enableRbacAuthorization"] == json!(true);
            if policies { Ok(()) } else { Err(missing("properties.accessPolicies")) }
        }
        _ => Ok(()),
    }
}

fn available(ctx: &Ctx<'_>, name: &str, size: &str, location: &str) -> Result<(), Refusal> {
    let offered = catalogue(&ctx.core.state, Some(location)).into_iter().find(|sku| sku["name"] == json!(size));
    let restricted = offered.as_ref().is_none_or(|sku| {
        sku["restrictions"].as_array().is_some_and(|list| list.iter().any(|one| one["type"] == "Location"))
    });
    if !restricted {
        return Ok(());
    }
    Err(Refusal::new(
        409,
        "SkuNotAvailable",
        format!(
            "The requested VM size for resource '{name}' is currently not available in location '{location}'. Please try another size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details. (size '{size}')"
        ),
    ))
}

/// The sizes of a region, or of all.
fn catalogue(state: &State, location: Option<&str>) -> Vec<Value> {
    if let Some(own) = &state.skus {
        return own
            .iter()
            .filter(|sku| {
                location.is_none_or(|wanted| {
                    sku["locations"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(wanted)))
                })
            })
            .cloned()
            .collect();
    }
    subscriptions::LOCATIONS
        .iter()
        .filter(|(name, _)| location.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)))
        .flat_map(|(place, _)| {
            SIZES.iter().map(move |(name, family, cpus, memory, processor, generations)| {
                let capability = |name: &str, value: String| json!({"name": name, "value": value});
                json!({
                    "resourceType": "virtualMachines",
                    "name": name,
                    "tier": "Standard",
                    "size": name.trim_start_matches("Standard_"),
                    "family": family,
                    "locations": [place],
                    "locationInfo": [{"location": place, "zones": ["1", "2", "3"], "zoneDetails": []}],
                    "capabilities": [
                        capability("vCPUs", cpus.to_string()),
                        capability("vCPUsAvailable", cpus.to_string()),
                        capability("MemoryGB", memory.to_string()),
                        capability("CpuArchitectureType", (*processor).to_owned()),
                        capability("HyperVGenerations", (*generations).to_owned()),
                        capability("PremiumIO", "True".to_owned()),
                        capability("EphemeralOSDiskSupported", "False".to_owned()),
                        capability("EncryptionAtHostSupported", "True".to_owned()),
                        capability("AcceleratedNetworkingEnabled", "True".to_owned()),
                        capability("MaxNetworkInterfaces", "2".to_owned()),
                        capability("MaxDataDiskCount", (cpus * 2).to_string()),
                    ],
                    "restrictions": [],
                })
            })
        })
        .collect()
}

/// The vCPUs and family of each size.
pub(crate) fn cores(state: &State) -> BTreeMap<String, (i64, String)> {
    let of = |sku: &Value| -> Option<(String, (i64, String))> {
        let vcpus = sku["capabilities"].as_array()?.iter().find(|one| one["name"] == "vCPUs")?;
        let vcpus = vcpus["value"].as_str()?.parse().ok()?;
        Some((sku["name"].as_str()?.to_owned(), (vcpus, sku["family"].as_str()?.to_owned())))
    };
    // The first of a name counts: a catalogue has a row for each region.
    catalogue(state, None).iter().rev().filter_map(of).collect()
}

/// Answers `…/providers/Microsoft.Compute/skus`.
pub(crate) fn skus(ctx: &Ctx<'_>) -> Answer {
    if ctx.call.method != "GET" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    let filter = ctx.call.query("$filter").unwrap_or_default();
    let location = filter.strip_prefix("location eq '").and_then(|rest| rest.strip_suffix('\''));
    if !filter.is_empty() && location.is_none() {
        return Err(Refusal::new(
            400,
            "InvalidFilter",
            format!("The filter '{filter}' is not supported: only 'location eq' is."),
        ));
    }
    // The service sends these in few and large pages, so the state's page size does not apply.
    Ok(Reply::json(200, json!({"value": catalogue(&ctx.core.state, location)})))
}

/// Answers `…/virtualMachines/{name}/instanceView`.
pub(crate) fn instance_view(machine: &Value) -> Reply {
    let own = &machine["properties"]["instanceView"];
    if own.is_object() {
        return Reply::json(200, own.clone());
    }
    Reply::json(
        200,
        json!({
            "vmAgent": {"vmAgentVersion": "Unknown", "statuses": [{"code": "ProvisioningState/Unavailable", "level": "Warning", "displayStatus": "Not Ready", "time": seed::EPOCH}]},
            "statuses": [
                {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded", "time": seed::EPOCH},
                {"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"},
            ],
        }),
    )
}

/// Answers `…/virtualMachines/{name}/retrieveBootDiagnosticsData`.
pub(crate) fn boot_diagnostics(machine: &Value) -> Answer {
    if machine["properties"]["diagnosticsProfile"]["bootDiagnostics"]["enabled"] != json!(true) {
        return Err(Refusal::new(
            409,
            "OperationNotAllowed",
            "Boot diagnostics is not enabled for the VM. Please enable boot diagnostics and try again.",
        ));
    }
    let base = format!("https://storage.invalid/{}", machine["name"].as_str().unwrap_or_default());
    let stored = &machine["properties"]["instanceView"]["bootDiagnostics"];
    let uri = |member: &str, file: &str| {
        stored[member].as_str().map_or_else(|| format!("{base}.{file}?sig=simulated"), str::to_owned)
    };
    Ok(Reply::json(
        200,
        json!({
            "consoleScreenshotBlobUri": uri("consoleScreenshotBlobUri", "screenshot.bmp"),
            "serialConsoleLogBlobUri": uri("serialConsoleLogBlobUri", "serialconsole.log"),
        }),
    ))
}

/// Answers a marketplace agreement: as the state has it, otherwise not accepted.
pub(crate) fn agreement(ctx: &Ctx<'_>, segments: &[&str]) -> Answer {
    let lower: Vec<String> = segments.iter().map(|part| part.to_lowercase()).collect();
    let names: Vec<&str> = lower.iter().map(String::as_str).collect();
    let (publisher, offer, plan) = match names[4..] {
        ["offertypes", _, "publishers", publisher, "offers", offer, "plans", plan, "agreements", "current"] => {
            (publisher, offer, plan)
        }
        _ => return Err(Refusal::new(404, "NotFound", "The requested path does not exist.")),
    };
    if ctx.call.method != "GET" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    let same = |value: &Value, wanted: &str| value.as_str().is_some_and(|own| own.eq_ignore_ascii_case(wanted));
    let found = ctx.core.state.marketplace_agreements.iter().find(|one| {
        let properties = &one["properties"];
        same(&properties["publisher"], publisher)
            && same(&properties["product"], offer)
            && same(&properties["plan"], plan)
    });
    let body = found.cloned().unwrap_or_else(|| {
        json!({
            "id": format!("/subscriptions/{}/providers/Microsoft.MarketplaceOrdering/offerTypes/{}/publishers/{publisher}/offers/{offer}/plans/{plan}/agreements/current", segments[1], segments[5]),
            "name": plan,
            "type": "Microsoft.MarketplaceOrdering/offertypes",
            "properties": {
                "publisher": publisher, "product": offer, "plan": plan,
                "licenseTextLink": "https://example.invalid/license", "privacyPolicyLink": "https://example.invalid/privacy",
                "marketplaceTermsLink": "https://example.invalid/terms", "retrieveDatetime": seed::EPOCH,
                "signature": "SIMULATED", "accepted": false,
            },
        })
    });
    Ok(Reply::json(200, body))
}

/// Sorted machines of a subscription and region, for usages.
pub(crate) fn machines<'a>(state: &'a State, subscription: &str, location: &str) -> Vec<&'a Value> {
    let scope = format!("/subscriptions/{}/", subscription.to_lowercase());
    state
        .resources
        .iter()
        .filter(|(id, body)| {
            id.starts_with(&scope)
                && body["type"] == "Microsoft.Compute/virtualMachines"
                && body["location"].as_str().is_some_and(|own| subscriptions::normal_location(own) == location)
        })
        .map(|(_, body)| body)
        .collect()
}
