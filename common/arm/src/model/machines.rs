//! Virtual machines.

use serde::{Deserialize, Serialize};

use super::Tags;
use super::wire::null_is_empty;

/// A virtual machine (api-version 2024-07-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualMachine {
    /// The resource id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The region.
    pub location: String,
    /// Its tags.
    pub tags: Tags,
    /// Its availability zones.
    pub zones: Vec<String>,
    /// The size, such as `Standard_D4s_v5`.
    pub size: Option<String>,
    /// `Succeeded`, `Creating`, `Deleting`, `Failed` and so on.
    pub provisioning_state: Option<String>,
    /// When it was made, RFC 3339.
    pub time_created: Option<String>,
    /// Whether Azure keeps screenshots and the serial console.
    pub has_boot_diagnostics: bool,
}

/// Where what Azure keeps of a machine's boot can be read for a while (api-version 2024-07-01).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootDiagnostics {
    /// The signed address of the log of the serial console: whoever knows it may read it.
    pub serial_console_log_blob_uri: Option<String>,
}

impl std::fmt::Debug for BootDiagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BootDiagnostics").finish_non_exhaustive()
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct MachineWire {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    location: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    tags: Tags,
    #[serde(default, deserialize_with = "null_is_empty")]
    zones: Vec<String>,
    #[serde(default)]
    properties: Properties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    hardware_profile: Option<HardwareProfile>,
    provisioning_state: Option<String>,
    time_created: Option<String>,
    diagnostics_profile: Option<DiagnosticsProfile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HardwareProfile {
    vm_size: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DiagnosticsProfile {
    boot_diagnostics: Option<Enabled>,
}

#[derive(Debug, Deserialize)]
struct Enabled {
    enabled: Option<bool>,
}

impl From<MachineWire> for VirtualMachine {
    fn from(wire: MachineWire) -> Self {
        let properties = wire.properties;
        let name = match wire.name {
            // The published minimum of a list holds ids alone.
            name if name.is_empty() => wire.id.rsplit('/').next().unwrap_or_default().to_owned(),
            name => name,
        };
        Self {
            name,
            id: wire.id,
            location: wire.location,
            tags: wire.tags,
            zones: wire.zones,
            size: properties.hardware_profile.and_then(|profile| profile.vm_size),
            provisioning_state: properties.provisioning_state,
            time_created: properties.time_created,
            has_boot_diagnostics: properties
                .diagnostics_profile
                .and_then(|profile| profile.boot_diagnostics?.enabled)
                .unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stdout)]
    use serde_json::{Value, json};

    use super::*;

    /// The body of the 200 answer in a published example; none where there are no examples on this machine.
    fn example(file: &str) -> Option<Value> {
        let root = std::env::var_os("HCP_AZURE_SHARED").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            std::path::PathBuf::from,
        );
        let path = root.join("arm-examples/Microsoft.Compute").join(file);
        let Ok(text) = std::fs::read_to_string(&path) else {
            println!("skipped: no {}", path.display());
            return None;
        };
        let mut document: Value = serde_json::from_str(&text).unwrap();
        Some(document["responses"]["200"]["body"].take())
    }

    #[test]
    fn the_published_list_is_read() {
        let Some(mut body) = example("VirtualMachines_List.json") else { return };
        let list: Vec<MachineWire> = serde_json::from_value(body["value"].take()).unwrap();
        let machines: Vec<VirtualMachine> = list.into_iter().map(Into::into).collect();
        assert_eq!((machines.len(), machines[0].name.as_str()), (2, "{virtualMachineName}"));
    }

    #[test]
    fn the_published_machine_is_read() {
        let Some(body) = example("VirtualMachines_Get.json") else { return };
        let machine = VirtualMachine::from(serde_json::from_value::<MachineWire>(body).unwrap());
        assert!(machine.size.is_some() && machine.provisioning_state.is_some(), "{machine:?}");
    }

    #[test]
    fn the_published_boot_diagnostics_are_read_and_never_shown() {
        let Some(body) = example("VirtualMachines_RetrieveBootDiagnosticsData.json") else { return };
        let found: BootDiagnostics = serde_json::from_value(body).unwrap();
        assert_eq!(
            found.serial_console_log_blob_uri.as_deref(),
            Some("https://storageuri/vm.serialconsole.log?{sasKey}")
        );
        assert!(!format!("{found:?}").contains("sasKey"));
    }

    #[test]
    fn what_is_not_said_is_off() {
        let wire = json!({"id": "/x/vm", "tags": null, "zones": null, "properties": {"diagnosticsProfile": {}}});
        let machine = VirtualMachine::from(serde_json::from_value::<MachineWire>(wire).unwrap());
        assert!(!machine.has_boot_diagnostics && machine.zones.is_empty());
    }
}
