//! The infra output: what `create cluster --infra-json` reads, in upstream's form.

use serde_json::{Map, Value, json};

use super::Spec;
use crate::identities::{KEYS, KMS};

/// The ids that the output names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The name of the managed resource group.
    pub managed_group: String,
    /// The public DNS zone.
    pub public_zone: String,
    /// The private DNS zone.
    pub private_zone: String,
    /// The VNet.
    pub vnet: String,
    /// The nodes' subnet.
    pub subnet: String,
    /// The network security group.
    pub nsg: String,
}

/// The output as YAML, its keys in order.
pub fn text(spec: &Spec, ids: &Ids) -> String {
    let mut identities = Map::new();
    let mut keys = KEYS;
    keys.sort_unstable();
    for key in keys {
        if let Some(id) = spec.identities.get(key) {
            identities.insert(key.to_owned(), json!({"clientID": id}));
        }
    }
    let mut all = json!({
        "baseDomain": spec.base_domain,
        "bootImageID": "",
        "controlPlaneMIs": null,
        "dataPlaneIdentities": {"diskMSIClientID": "", "fileMSIClientID": "", "imageRegistryMSIClientID": ""},
        "infraID": spec.infra_id,
    });
    if let Some(id) = spec.identities.get(KMS) {
        all["kmsClientID"] = json!(id);
    }
    for (key, value) in [
        ("privateZoneID", &ids.private_zone),
        ("publicZoneID", &ids.public_zone),
        ("region", &spec.location),
        ("resourceGroupName", &ids.managed_group),
        ("securityGroupID", &ids.nsg),
        ("subnetID", &ids.subnet),
        ("vnetID", &ids.vnet),
    ] {
        all[key] = json!(value);
    }
    all["workloadIdentities"] = Value::Object(identities);
    yaml(&all)
}

/// YAML by hand would have to know when to quote; the library does. It cannot fail on plain maps and texts. Ids stay in
/// one line each, so that people and scripts find them there.
fn yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options).unwrap_or_default()
}
