//! Quotas, virtual machine sizes, marketplace terms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wire::{Envelope, null_is_empty};

/// A quota and how much of it is used (Microsoft.Compute 2024-07-01, Microsoft.Network 2024-03-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "UsageWire")]
pub struct Usage {
    /// The resource id: of the quota, or of the subnet that is counted. Compute gives none.
    pub id: Option<String>,
    /// The name, such as `standardDSv5Family`.
    pub name: String,
    /// The name as the portal shows it.
    pub localized_name: String,
    /// What is used; negative where Azure does not tell.
    pub current_value: i64,
    /// What may be used; negative where Azure does not tell.
    pub limit: i64,
    /// `Count` and so on.
    pub unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsageWire {
    id: Option<String>,
    #[serde(default)]
    name: LocalizedWire,
    #[serde(default)]
    current_value: Number,
    #[serde(default)]
    limit: Number,
    unit: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LocalizedWire {
    value: String,
    localized_value: String,
}

/// A count; networks write theirs as floating-point numbers.
#[derive(Default)]
struct Number(i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        // Counts are far from where a float loses digits.
        #[allow(clippy::cast_possible_truncation)]
        let rounded = || number.as_f64().map(|value| value as i64);
        Ok(Self(number.as_i64().or_else(rounded).unwrap_or_default()))
    }
}

impl From<UsageWire> for Usage {
    fn from(wire: UsageWire) -> Self {
        Self {
            id: wire.id,
            name: wire.name.value,
            localized_name: wire.name.localized_value,
            current_value: wire.current_value.0,
            limit: wire.limit.0,
            unit: wire.unit,
        }
    }
}

/// A virtual machine size as a subscription sees it in a region (api-version 2021-07-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmSku {
    /// The name, such as `Standard_D4s_v5`.
    pub name: String,
    /// The family whose quota it uses.
    pub family: Option<String>,
    /// The zones of the region that offer it.
    pub zones: Vec<String>,
    /// What it can do, such as `vCPUs` -> `4`.
    pub capabilities: BTreeMap<String, String>,
    /// Where the subscription may not use it.
    pub restrictions: Vec<SkuRestriction>,
}

/// Where a subscription may not use a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuRestriction {
    /// `Location` or `Zone`.
    pub kind: String,
    /// `NotAvailableForSubscription` or `QuotaId`.
    pub reason_code: String,
    /// The zones, for restrictions of zones.
    pub zones: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SkuWire {
    #[serde(default)]
    resource_type: String,
    #[serde(default)]
    name: String,
    family: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    location_info: Vec<LocationInfoWire>,
    #[serde(default, deserialize_with = "null_is_empty")]
    capabilities: Vec<CapabilityWire>,
    #[serde(default, deserialize_with = "null_is_empty")]
    restrictions: Vec<RestrictionWire>,
}

#[derive(Deserialize)]
struct LocationInfoWire {
    #[serde(default)]
    location: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    zones: Vec<String>,
}

#[derive(Deserialize)]
struct CapabilityWire {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RestrictionWire {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    reason_code: String,
    #[serde(default)]
    restriction_info: Option<RestrictionInfoWire>,
}

#[derive(Default, Deserialize)]
struct RestrictionInfoWire {
    #[serde(default, deserialize_with = "null_is_empty")]
    zones: Vec<String>,
}

impl SkuWire {
    /// The size in a region; none for what is no virtual machine. Disks, snapshots and hosts are listed with them.
    pub(crate) fn vm(self, location: &str) -> Option<VmSku> {
        if !self.resource_type.eq_ignore_ascii_case("virtualMachines") {
            return None;
        }
        let here = self.location_info.into_iter().filter(|info| info.location.eq_ignore_ascii_case(location));
        let mut zones: Vec<String> = here.flat_map(|info| info.zones).collect();
        zones.sort_unstable();
        Some(VmSku {
            name: self.name,
            family: self.family,
            zones,
            capabilities: self.capabilities.into_iter().map(|own| (own.name, own.value)).collect(),
            restrictions: self
                .restrictions
                .into_iter()
                .map(|own| SkuRestriction {
                    kind: own.kind,
                    reason_code: own.reason_code,
                    zones: own.restriction_info.unwrap_or_default().zones,
                })
                .collect(),
        })
    }
}

/// The terms of a marketplace image (api-version 2021-01-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketplaceAgreement {
    /// The resource id.
    pub id: String,
    /// The plan.
    pub name: String,
    /// Whether the subscription has accepted them.
    pub accepted: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct AgreementWire {
    #[serde(default)]
    accepted: bool,
}

impl From<Envelope<AgreementWire>> for MarketplaceAgreement {
    fn from(wire: Envelope<AgreementWire>) -> Self {
        Self { id: wire.id, name: wire.name, accepted: wire.properties.accepted }
    }
}
