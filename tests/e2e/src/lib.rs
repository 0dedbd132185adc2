//! The test bed: real servers for tests, on loopback, gone with the test process.
//!
//! | module | what it starts or gives |
//! |---|---|
//! | [`bed`] | etcd and kube-apiserver with the HyperShift, Cluster API and CAPZ CRDs |
//! | [`azurite`] | blob storage over https, with public and private containers |
//! | [`assets`] | where the programs and CRDs are; builds them by `tests/setup` if need be |
//! | [`authority`] | throwaway certificates |
//! | [`dns`] | the zones of the simulator, over DNS |
//! | [`kube_proxy`] | the API server with trouble in front of it |
//! | [`process`] | child processes that cannot outlive the test process |
//! | [`registry`] | an image registry over https |
//! | [`scene`] | a whole hosted cluster, healthy, to be broken |
//! | [`tools`] | krew's validator, linters and the like, by `tests/tool` |
//! | [`workspace`] | paths of the checkout and of recorded data beside it |
//!
//! ```no_run
//! # async fn case() -> Result<(), e2e::Error> {
//! let bed = e2e::bed::Bed::shared().await?;
//! let namespace = bed.namespace("clusters").await?;
//! bed.apply_yaml_in(&namespace, "{apiVersion: v1, kind: Secret, metadata: {name: pull}}").await?;
//! # Ok(())
//! # }
//! ```

mod apply;
pub mod assets;
pub mod authority;
pub mod azurite;
pub mod bed;
mod crds;
pub mod dns;
mod error;
pub mod guest;
pub mod keys;
pub mod kube_proxy;
pub mod process;
pub mod registry;
pub mod scene;
pub mod tools;
pub mod workspace;

pub use error::Error;
