//! Resources of any type, as Azure writes them: for those who compare a whole body with the one they want.

use serde_json::Value;

use crate::client::Arm;
use crate::error::{Found, Result};
use crate::id::ArmId;

impl Arm {
    /// The body of a resource. None when it is not there.
    ///
    /// # Errors
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn body(&self, id: &ArmId, api_version: &str) -> Result<Option<Value>> {
        self.read(self.url(id, "", api_version, &[])).await.found()
    }

    /// The bodies of a list, all pages. `below` is the path below `scope`, beginning with a slash. None when the scope is
    /// not there.
    ///
    /// # Errors
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`](crate::Kind::NotFound).
    pub async fn bodies(
        &self,
        scope: &ArmId,
        below: &str,
        api_version: &str,
        filter: Option<&str>,
    ) -> Result<Option<Vec<Value>>> {
        let query: Vec<(&str, &str)> = filter.map(|filter| ("$filter", filter)).into_iter().collect();
        self.read_all(self.url(scope, below, api_version, &query)).await.found()
    }
}
