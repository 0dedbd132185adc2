//! A typed client of Azure Resource Manager.
//!
//! [`Arm`] reads and writes the resources that a self-managed hosted cluster on Azure is made of. It speaks through
//! one pipeline of `azure_core`: one connection pool, one token, one retry policy, logs without secrets.
//!
//! - Reads are deduplicated and paged to the end; they return the plain structs of [`model`].
//! - Writes return an [`Operation`], whose [`done`](Operation::done) follows it to its end.
//! - Requests stay below the limits of Azure Resource Manager, and wait as long as the service asks for.
//! - Every failure is an [`ArmError`] with the service's code, message and request id.
//! - The token goes to the resource manager's host only, whatever address an answer gives.
//!
//! The crates `azure_mgmt_msi` and `azure_mgmt_network` build requests and parse answers for identities and networks;
//! their types stay inside.

mod bridge;
mod bucket;
mod client;
mod credential;
mod error;
mod error_body;
mod id;
mod lro;
pub mod model;
mod observe;
mod options;
mod read;
mod read_ahead;
mod retry;
mod send;
mod serial;
mod write;

pub use client::Arm;
pub use credential::error_chain;
pub use error::{ArmError, Detail, Failure, Found, Kind, Result};
pub use id::{ArmId, IdError};
pub use observe::{Exchange, Observer};
pub use options::ArmOptions;
pub use write::Operation;

#[cfg(test)]
mod tests;
