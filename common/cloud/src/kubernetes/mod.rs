//! The management cluster: reading it live, and reading its objects wherever they come from.
//!
//! [`Connection`] speaks to the API server as kubectl would with the same options; [`Connection::collect`] gathers facts
//! with it. [`objects`] and [`logs`] hold the pure part, which bundles share.

mod call;
mod connection;
mod error;
pub(crate) mod guest;
mod heads;
pub(crate) mod kubeconfig;
mod kubeconfig_flags;
mod kubeconfig_merge;
mod kubeconfig_secret;
mod live;
mod living;
pub mod logs;
mod lookup;
mod named;
pub mod objects;
mod patch;
mod proxy;
mod region;
mod remains;
mod shared;
mod whoami;
mod write;

pub use call::{CallEvent, Observer};
pub use connection::Connection;
pub use error::KubeError;
pub use heads::Head;
pub use kubeconfig::KubeOptions;
pub use kubeconfig_merge::{Merged, merge_kubeconfigs};
pub use kubeconfig_secret::{NoKubeconfig, Published};
pub use live::Collected;
pub use lookup::LookupError;
pub(crate) use named::Named;
pub use write::FIELD_MANAGER;
