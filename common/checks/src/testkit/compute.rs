//! Virtual machines of the managed resource group and their boot logs.

use facts::compute::VirtualMachine;
use facts::{ArmId, Fact, Facts};

use super::{CREATED, INFRA, SUBSCRIPTION};

/// The ARM id of the VM of a machine.
fn vm_id(name: &str) -> ArmId {
    ArmId::in_group(SUBSCRIPTION, "prod-prod-x7k2p", &format!("Microsoft.Compute/virtualMachines/{name}"))
}

/// The provider id of the machine of a name, its node and its VM.
pub(crate) fn provider_id(name: &str) -> String {
    format!("azure://{}", vm_id(name))
}

/// A running VM that Cluster API made.
pub(crate) fn virtual_machine(name: &str) -> VirtualMachine {
    VirtualMachine {
        id: vm_id(name),
        name: name.into(),
        provisioning_state: Some("Succeeded".into()),
        created_at: Some(CREATED.parse().unwrap()),
        size: Some("Standard_D4s_v5".into()),
        zones: Vec::new(),
        tags: [(format!("sigs.k8s.io_cluster-api-provider-azure_cluster_{INFRA}"), "owned".into())].into(),
        has_boot_diagnostics: true,
    }
}

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    facts.azure.compute.virtual_machines = Fact::Known(vec![virtual_machine("prod-a"), virtual_machine("prod-b")]);
    facts.azure.compute.boot_logs = Fact::Known([].into());
}
