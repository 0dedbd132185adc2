//! Resources of any type, as Azure writes them: for those who compare a whole body with the one they want.

use serde_json::Value;

use crate::client::Arm;
use crate::error::{Found, Kind, Result};
use crate::id::ArmId;

impl Arm {
    /// The body of a resource. None when it is not there.
    ///
    /// # Errors
    /// [`ArmError`](crate::ArmError) of every kind but [`Kind::NotFound`], and of that one where the subscription itself is
    /// not there.
    pub async fn body(&self, id: &ArmId, api_version: &str) -> Result<Option<Value>> {
        there(self.read(self.url(id, "", api_version, &[])).await)
    }

    /// The bodies of a list, all pages. `below` is the path below `scope`, beginning with a slash. None when the scope is
    /// not there.
    ///
    /// # Errors
    /// As of [`body`](Self::body).
    pub async fn bodies(
        &self,
        scope: &ArmId,
        below: &str,
        api_version: &str,
        filter: Option<&str>,
    ) -> Result<Option<Vec<Value>>> {
        let query: Vec<(&str, &str)> = filter.map(|filter| ("$filter", filter)).into_iter().collect();
        there(self.read_all(self.url(scope, below, api_version, &query)).await)
    }

    /// The same, with the time at which each was made: lists of resources and groups tell it only when asked.
    ///
    /// # Errors
    /// As of [`body`](Self::body).
    pub async fn bodies_with_times(&self, scope: &ArmId, below: &str, api_version: &str) -> Result<Option<Vec<Value>>> {
        there(self.read_all(self.url(scope, below, api_version, &[("$expand", "createdTime")])).await)
    }
}

/// Whoever compares bodies is going to create what is not there, which cannot work in a subscription that is not there.
fn there<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(error) if error.kind == Kind::NotFound && error.code.as_deref() == Some("SubscriptionNotFound") => {
            Err(error)
        }
        read => read.found(),
    }
}
