//! The Kubernetes objects of a hosted cluster on Azure: what is asked for, whether it can work, and what it looks like.
//!
//! The way of a request: flags make a [`ClusterSpec`]; [`ClusterSpec::check`] judges the flags alone; the files that they
//! name become [`Inputs`]; [`validate`] judges all of it together; [`Cluster::render`] gives the objects. Whatever the API
//! server would refuse is refused here, with the flag's name.
//!
//! Source of names, order and defaults: openshift/hypershift 3ee9615, `cmd/cluster` and `cmd/nodepool`. Source of the
//! rules: the schemas and CEL rules of the HostedCluster and NodePool CRDs of the same commit.

mod azure_ids;
mod chain;
pub mod document;
mod durations;
#[cfg(test)]
mod fuzz;
mod identities;
mod infra;
mod inputs;
mod key_values;
mod kms;
mod machines;
mod names;
mod networking;
mod node_pool;
mod quantity;
mod refusal;
mod render;
mod services;
mod spec;
mod tolerations;
mod validate;

pub use identities::{DataPlaneIdentities, ManagedIdentities};
pub use infra::InfraOutput;
pub use inputs::{AzureAccount, Entropy, ImageContentSource, Inputs, SshKey};
pub use node_pool::{HostedClusterView, NodePool, validate_node_pool};
pub use refusal::Refusal;
pub use spec::{ClusterSpec, MachineSpec, NodePoolSpec};
pub(crate) use validate::release_problem;
pub use validate::{Cluster, Purpose, validate};

pub use crate::identities::{WorkloadIdentities, WorkloadIdentitiesFile};
