//! How do we look and touch? The only crate with sockets and files.
//!
//! It fills [`facts::Facts`] from live APIs ([`azure`], [`kubernetes`], [`oidc`], joined in [`live`]) or from a recording
//! ([`bundle`]), reads what plans need ([`create`], [`destroy`]), and is the only way by which anything changes ([`apply`]).

mod api_server;
pub mod apply;
pub mod azure;
pub mod bundle;
mod certificates;
pub mod clouds;
mod collect;
pub mod create;
pub mod credentials;
pub mod destroy;
mod dns;
pub mod files;
#[cfg(test)]
mod fuzz;
pub mod http;
pub mod issuer;
pub mod kubernetes;
pub mod lines;
pub mod live;
pub mod names;
pub mod oidc;
pub mod orphans;
pub mod registry;
pub mod releases;
pub mod runs;
pub mod saved_plan;
pub mod scripts;
pub mod secrets;
pub mod session;
pub mod signing_key;
pub mod storage;
pub mod waivers;
