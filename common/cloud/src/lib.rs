//! How do we look and touch? The only crate with sockets and files.
//!
//! It fills [`facts::Facts`] from live APIs ([`azure`], [`kubernetes`], [`oidc`], joined in [`live`]) or from a recording
//! ([`bundle`]).

pub mod azure;
pub mod bundle;
pub mod clouds;
pub mod credentials;
pub mod http;
pub mod kubernetes;
pub mod live;
pub mod oidc;
pub mod signing_key;
