//! Virtual machines of the managed resource group and their boot logs.

use std::collections::BTreeMap;

use facts::compute::{BootLog, VirtualMachine};
use facts::{Fact, Need};

use super::{Lookup, Read, View};

impl<'a> View<'a> {
    /// The virtual machines of the managed resource group; absent when there is no such group.
    pub fn virtual_machines(&self) -> Lookup<'a, Vec<VirtualMachine>> {
        self.read(Need::VirtualMachines).azure.compute.virtual_machines.present()
    }

    /// What the serial console of machines that never became nodes says, by Machine name.
    pub fn boot_logs(&self) -> Read<'a, BTreeMap<String, Fact<BootLog>>> {
        self.read(Need::BootLogs).azure.compute.boot_logs.known("the boot logs")
    }
}
