//! What an empty simulator starts with, and names that follow from other names.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::state::{Principal, Secret};

/// Tenant of a state that names none.
pub const TENANT: &str = "00000000-0000-0000-0000-0000000000aa";
/// Subscription of a state that names none.
pub const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
/// Application id of the owner in a state that names no principals.
pub const CLIENT_ID: &str = "00000000-0000-0000-0000-0000000000c1";
/// Its object id.
pub const OBJECT_ID: &str = "00000000-0000-0000-0000-0000000000b1";
/// Its client secret.
pub const CLIENT_SECRET: &str = "simulated-secret";

/// The one time the simulator knows: everything was made then, so that equal runs leave equal states.
pub(crate) const EPOCH: &str = "2025-01-01T00:00:00.0000000Z";

/// The subscription of an empty simulator.
pub(crate) fn subscription() -> Value {
    json!({"subscriptionId": SUBSCRIPTION, "displayName": "Simulated"})
}

/// The principal of an empty simulator, which may do everything.
pub(crate) fn owner() -> Principal {
    Principal {
        id: OBJECT_ID.to_owned(),
        app_id: Some(CLIENT_ID.to_owned()),
        display_name: Some("simulated-owner".to_owned()),
        kind: "ServicePrincipal".to_owned(),
        owner: true,
        secrets: vec![Secret { value: CLIENT_SECRET.to_owned(), expires: None }],
        ..Principal::default()
    }
}

/// A GUID that depends on `what` alone.
pub(crate) fn guid(what: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("azure-sim:{}", what.to_lowercase()).as_bytes()).to_string()
}
