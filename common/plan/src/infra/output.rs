//! The infra output: what `create cluster --infra-json` reads, in upstream's form.

use serde_json::{Value, json};

use super::{Managed, Spec};
use crate::cluster::{DataPlaneIdentities, ManagedIdentities};
use crate::identities::{CLIENT_ID, ClientIds, KEYS, KMS};

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
    let none = DataPlaneIdentities::of(&Value::Null);
    let (control_plane, data_plane) = match &spec.managed {
        // Upstream leaves the data plane within empty, and reads the one beside.
        Some(Managed { identities, .. }) => {
            let control_plane = ManagedIdentities { data_plane: none.clone(), ..identities.clone() };
            (control_plane.object(), &identities.data_plane)
        }
        None => (Value::Null, &none),
    };
    let mut all = json!({
        "baseDomain": spec.base_domain,
        "bootImageID": "",
        "controlPlaneMIs": control_plane,
        "dataPlaneIdentities": data_plane.0,
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
    all["workloadIdentities"] = match spec.managed {
        Some(_) => Value::Null,
        None => workload(&spec.identities),
    };
    yaml(&all)
}

fn workload(ids: &ClientIds) -> Value {
    let mut keys = KEYS;
    keys.sort_unstable();
    keys.iter().filter_map(|key| Some(((*key).to_owned(), json!({ CLIENT_ID: ids.get(*key)? })))).collect()
}

/// YAML by hand would have to know when to quote; the library does. It cannot fail on plain maps and texts. Ids stay in
/// one line each, so that people and scripts find them there.
fn yaml(value: &Value) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options).unwrap_or_default()
}
