//! Virtual machines and what Azure keeps of their boot.

use azure_core::http::Method;

use crate::bridge::wrong_type;
use crate::client::{Arm, decode};
use crate::error::{ArmError, Found, Kind, Result};
use crate::id::ArmId;
use crate::model::machines::MachineWire;
use crate::model::{BootDiagnostics, VirtualMachine};
use crate::send::Call;

const COMPUTE: &str = "2024-07-01";
const MACHINES: &str = "Microsoft.Compute/virtualMachines";
/// For how many minutes a signed address may be used.
const ADDRESS_LIVES: &str = "5";

impl Arm {
    /// The virtual machines of a resource group. None when there is no such group.
    ///
    /// # Errors
    /// [`ArmError`] of every kind but [`Kind::NotFound`].
    pub async fn virtual_machines(&self, subscription: &str, group: &str) -> Result<Option<Vec<VirtualMachine>>> {
        let id = ArmId::for_resource_group(subscription, group)
            .map_err(|error| ArmError::new(Kind::InvalidId, "", "", error.to_string()))?;
        let url = self.url(&id, &format!("/providers/{MACHINES}"), COMPUTE, &[]);
        let found = self.read_all::<MachineWire>(url).await.found()?;
        Ok(found.map(|list| list.into_iter().map(VirtualMachine::from).collect()))
    }

    /// Where what Azure keeps of a machine's boot can be read for some minutes. Azure is asked by POST, which changes
    /// nothing: what was read before stays.
    ///
    /// # Errors
    /// [`Kind::InvalidId`] when the id is of another type; [`Kind::Conflict`] when boot diagnostics are off; else any
    /// [`ArmError`].
    pub async fn boot_diagnostics(&self, id: &ArmId) -> Result<BootDiagnostics> {
        if !id.is_type(MACHINES) {
            return Err(wrong_type(id, MACHINES));
        }
        let query = [("sasUriExpirationTimeInMinutes", ADDRESS_LIVES)];
        let url = self.url(id, "/retrieveBootDiagnosticsData", COMPUTE, &query);
        let call = Call { method: Method::Post, url: url.clone(), body: None, until: None };
        let reply = self.sender.send(&call).await?;
        decode(&url, &reply)
    }
}
