//! [`Change`]: what a step does, so exactly that applying it needs no thought.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use facts::{ArmId, Target};
use serde_json::Value;

use crate::late::Late;
use crate::manifest::Manifest;
use crate::patch::Patch;
use crate::secret::Secret;

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A resource is created or replaced in Azure.
    ArmPut {
        /// The resource.
        id: ArmId,
        /// The api-version of the request.
        api_version: &'static str,
        /// The whole body.
        body: Value,
    },
    /// A resource is deleted in Azure, with all that is in it. That it is gone already is as good.
    ArmDelete {
        /// The resource.
        id: ArmId,
        /// The api-version of the request.
        api_version: &'static str,
    },
    /// A role is assigned to a managed identity.
    RoleAssignment {
        /// The assignment.
        id: ArmId,
        /// The role definition's id.
        role_definition_id: String,
        /// To whom.
        principal: Origin,
        /// Whether an assignment of this name with another content goes first: assignments cannot be changed.
        replace: bool,
    },
    /// An object of the management cluster is applied, as far as it is ours: fields that others own are not taken over.
    Manifest {
        /// The object.
        object: Manifest,
        /// The client ids in it that steps before leave.
        late: Late,
    },
    /// An object of the management cluster is deleted. That it is gone already is as good.
    ManifestDelete(Manifest),
    /// A HostedCluster is deleted, and waited for until it is gone with all that its operator made.
    ClusterDelete {
        /// The HostedCluster.
        target: Target,
        /// Whether the cluster's own controllers are to clean up what they made in Azure.
        clean_up: bool,
        /// How long it may take.
        grace: Duration,
    },
    /// Fields of an object of the management cluster are changed, and nothing else of it.
    Patch(Box<Patch>),
    /// A file is written, readable by its owner alone, whole or not at all.
    File {
        /// The file.
        path: PathBuf,
        /// What stands in it.
        content: Content,
    },
    /// A file with a secret is made, readable by its owner alone. A file that is there is never replaced.
    SecretFile {
        /// The file.
        path: PathBuf,
        /// What stands in it.
        content: Secret,
    },
    /// A file with a secret takes the place of another, whose content is kept beside it first.
    Supersede {
        /// The file whose place is taken.
        path: PathBuf,
        /// The file that takes it, and is then gone from its own place.
        by: PathBuf,
        /// Where the old content is kept.
        keep: PathBuf,
    },
    /// A blob is written, unless it has changed since it was read.
    Blob(Box<Blob>),
}

/// A blob as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its storage account.
    pub account: ArmId,
    /// Its address; may hold placeholders of `late`.
    pub url: String,
    /// What it is served as.
    pub content_type: &'static str,
    /// What stands in it; may hold placeholders of `late`.
    pub body: String,
    /// The ETag of the blob that it replaces; none when there must be no blob yet.
    pub replaces: Option<String>,
    /// The storage account's blob endpoint, without a slash at the end, where only the step that makes the account tells it.
    pub late: Late,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It is known now.
    Known(String),
    /// It is what the step of this name leaves: an identity's client id or principal id.
    Step(String),
}

/// What stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// This text, with the client ids that steps before leave.
    Text(String, Late),
    /// The client ids of identities, by their key in the workload identities file. Such a file is also written when a step
    /// failed, with the identities that exist by then; it is not written when there are none.
    WorkloadIdentities(BTreeMap<String, Origin>),
}

impl Change {
    /// How long it usually takes, in seconds.
    pub fn usual_seconds(&self) -> u32 {
        match self {
            Self::ArmPut { id, .. } => match id.resource_type().unwrap_or_default().to_ascii_lowercase().as_str() {
                "privatednszones" | "privatednszones/virtualnetworklinks" => 30,
                "virtualnetworks" | "networksecuritygroups" => 5,
                "loadbalancers" | "publicipaddresses" => 3,
                "storageaccounts" => 20,
                _ => 2,
            },
            Self::ArmDelete { id, .. } if id.resource_type().is_none() => 90,
            Self::ArmDelete { .. } => 5,
            // A fresh identity is not known everywhere at once.
            Self::RoleAssignment { .. } => 5,
            Self::Manifest { .. } | Self::ManifestDelete(_) | Self::Patch(_) => 1,
            Self::ClusterDelete { .. } => 5 * 60,
            Self::File { .. } | Self::SecretFile { .. } | Self::Supersede { .. } => 0,
            Self::Blob(_) => 1,
        }
    }

    /// Whether it is done also when a step that it depends on failed, with what there is by then.
    pub fn takes_what_there_is(&self) -> bool {
        matches!(self, Self::File { content: Content::WorkloadIdentities(_), .. })
    }
}
