//! How do we look and touch? The only crate with sockets and files.
//!
//! It fills [`facts::Facts`] from live APIs ([`azure`], [`kubernetes`], [`oidc`]) or from a recording ([`bundle`]).

pub mod bundle;
pub mod kubernetes;
pub mod signing_key;
