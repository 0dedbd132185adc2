//! Whether a hosted cluster can be made as it is asked for.

mod access;
mod files;
mod flags;

use super::infra::InfraOutput;
use super::inputs::Inputs;
use super::kms::EncryptionKey;
use super::networking::Networks;
use super::refusal::{Refusal, Refusals};
use super::spec::ClusterSpec;

pub(crate) use flags::release_problem;

/// A hosted cluster that was judged and can be made. Only [`validate`] makes one.
#[derive(Debug)]
pub struct Cluster {
    pub(super) spec: ClusterSpec,
    pub(super) inputs: Inputs,
    pub(super) parsed: Parsed,
}

/// What the flags mean, beyond their texts.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub networks: Networks,
    pub node_drain_timeout: String,
    pub node_volume_detach_timeout: String,
    pub etcd_storage_size: Option<String>,
    pub labels: std::collections::BTreeMap<String, String>,
    pub annotations: std::collections::BTreeMap<String, String>,
    pub node_selector: std::collections::BTreeMap<String, String>,
    pub pods_labels: std::collections::BTreeMap<String, String>,
    pub tolerations: Vec<serde_json::Value>,
    pub encryption_key: Option<EncryptionKey>,
    /// Of `spec.pausedUntil` of the HostedCluster.
    pub paused_until: Option<String>,
}

/// What is to become of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// They are written down: nothing is called, so that all must be there.
    Render,
    /// They are created, with the infrastructure where none is given.
    Create,
}

impl Cluster {
    /// The same with another spec and, where it was not known yet, the infrastructure as it is.
    ///
    /// # Errors
    /// As [`validate`].
    pub fn settled(
        self,
        spec: &ClusterSpec,
        purpose: Purpose,
        infra: Option<InfraOutput>,
    ) -> Result<Self, Vec<Refusal>> {
        let mut inputs = self.inputs;
        if let Some(infra) = infra {
            // It holds the identities that a file named.
            (inputs.infra, inputs.identities) = (infra, None);
        }
        validate(spec, purpose, inputs)
    }

    /// What the files hold.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }
}

impl ClusterSpec {
    /// Judges the flags alone, before any file is read.
    ///
    /// # Errors
    /// Every flag that cannot be used.
    pub fn check(&self, purpose: Purpose) -> Result<(), Vec<Refusal>> {
        let mut refusals = Refusals::default();
        flags::check(self, purpose, &mut refusals);
        if refusals.0.is_empty() { Ok(()) } else { Err(refusals.0) }
    }
}

/// Judges flags and files together.
///
/// # Errors
/// Every flag that cannot be used, those of files included.
pub fn validate(spec: &ClusterSpec, purpose: Purpose, mut inputs: Inputs) -> Result<Cluster, Vec<Refusal>> {
    let mut refusals = Refusals::default();
    let parsed = flags::check(spec, purpose, &mut refusals);
    files::adopt_identities(spec, &mut inputs, &mut refusals);
    files::check(spec, &inputs, &mut refusals);
    access::check_with_identities(spec, &inputs, &parsed, &mut refusals);
    if refusals.0.is_empty() { Ok(Cluster { spec: spec.clone(), inputs, parsed }) } else { Err(refusals.0) }
}

#[cfg(test)]
mod tests;
