//! [`BundleError`]: why a bundle could not be read or written.

use facts::Target;

/// Why a bundle could not be read or written. Each message is one line; none quotes a file's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// There is nothing at the path.
    #[error("there is no {path}")]
    Missing {
        /// The path as given.
        path: String,
    },
    /// The system refuses to read it.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The path as given.
        path: String,
        /// What the system said.
        why: String,
    },
    /// The file or directory is empty.
    #[error("{path} is empty")]
    Empty {
        /// The path as given.
        path: String,
    },
    /// It is something else.
    #[error("{path} is no bundle: {why}")]
    NotABundle {
        /// The path as given.
        path: String,
        /// What it is or lacks.
        why: String,
    },
    /// The file ends too early.
    #[error("{path} is cut off: {why}")]
    Truncated {
        /// The path as given.
        path: String,
        /// Where.
        why: String,
    },
    /// The file is damaged.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// The path as given.
        path: String,
        /// How.
        why: String,
    },
    /// It unpacks to more than a bundle holds.
    #[error("{path} is too large: {why}")]
    TooLarge {
        /// The path as given.
        path: String,
        /// Which limit it exceeds.
        why: String,
    },
    /// An entry of the archive points out of it.
    #[error("{path} holds an entry with an unsafe path: {entry}")]
    Unsafe {
        /// The path as given.
        path: String,
        /// The entry.
        entry: String,
    },
    /// Our own bundle, of a schema that this version does not know.
    #[error("{path} has schema {found}, this version reads schema {supported}")]
    Schema {
        /// The path as given.
        path: String,
        /// Its major schema version.
        found: u32,
        /// The major that is read.
        supported: u32,
    },
    /// A file holds another kind than its place says.
    #[error("{path}: {file} holds {found} where {expected} should be")]
    WrongKind {
        /// The path as given.
        path: String,
        /// The file within.
        file: String,
        /// The kind it holds.
        found: String,
        /// The kind that belongs there.
        expected: String,
    },
    /// The hosted cluster runs elsewhere.
    #[error("{path}: {why}")]
    OtherPlatform {
        /// The path as given.
        path: String,
        /// Which cluster, and its platform.
        why: String,
    },
    /// A Kubernetes dump without a HostedCluster.
    #[error("{path} holds no HostedCluster")]
    NoHostedCluster {
        /// The path as given.
        path: String,
    },
    /// Several hosted clusters, and none was chosen.
    #[error("{path} holds several hosted clusters: {}", names(found))]
    Several {
        /// The path as given.
        path: String,
        /// Those it holds.
        found: Vec<Target>,
    },
    /// The wanted hosted cluster is not in it.
    #[error("{path} holds no {wanted}, but {}", names(found))]
    NoSuchCluster {
        /// The path as given.
        path: String,
        /// What was wanted.
        wanted: String,
        /// Those it holds.
        found: Vec<Target>,
    },
    /// What was to be written looks like a secret and cannot be redacted.
    #[error("refusing to write {path}: {at} looks like a {what}")]
    Secret {
        /// The path as given.
        path: String,
        /// The place of the value.
        at: String,
        /// The kind of secret.
        what: String,
    },
    /// The system refuses to write it.
    #[error("cannot write {path}: {why}")]
    Unwritable {
        /// The path as given.
        path: String,
        /// What the system said.
        why: String,
    },
}

impl BundleError {
    /// What failed, for the line behind `error:`.
    pub fn what(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => format!("cannot read {path}"),
            Self::NotABundle { path, .. } => format!("{path} is no bundle"),
            Self::Truncated { path, .. } => format!("{path} is cut off"),
            Self::Damaged { path, .. } => format!("{path} is damaged"),
            Self::TooLarge { path, .. } => format!("{path} is too large"),
            Self::Unwritable { path, .. } => format!("cannot write {path}"),
            Self::OtherPlatform { path, .. } => format!("{path} is about a cluster that does not run on Azure"),
            Self::Several { path, .. } => format!("{path} holds several hosted clusters"),
            Self::NoSuchCluster { path, wanted, .. } => format!("{path} holds no {wanted}"),
            whole => whole.to_string(),
        }
    }

    /// Why it failed, for the line behind `why:`; none where `what` says it all.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Unreadable { why, .. }
            | Self::NotABundle { why, .. }
            | Self::Truncated { why, .. }
            | Self::Damaged { why, .. }
            | Self::TooLarge { why, .. }
            | Self::Unwritable { why, .. }
            | Self::OtherPlatform { why, .. } => Some(why.clone()),
            Self::Several { found, .. } | Self::NoSuchCluster { found, .. } => {
                Some(format!("it holds {}", names(found)))
            }
            _ => None,
        }
    }

    /// What to do about it, for the line behind `hint:`.
    pub fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Empty { .. } | Self::NotABundle { .. } => {
                    "record one with `oc hcp-azure bundle NAME -n NAMESPACE`, or give the output of `hypershift dump cluster`"
                }
                Self::Truncated { .. } | Self::Damaged { .. } => "copy or record it again and compare `sha256sum`",
                Self::TooLarge { .. } => "give only the directories of the hosted cluster's namespaces",
                Self::Schema { found, supported, .. } if found > supported => "update hcp-azure",
                Self::Schema { .. } => "record it again with `oc hcp-azure bundle NAME -n NAMESPACE`",
                Self::NoHostedCluster { .. } => {
                    "a plain must-gather has none: use `hypershift dump cluster --name NAME --namespace NAMESPACE`"
                }
                Self::Several { .. } => "name one: `oc hcp-azure doctor NAME -n NAMESPACE --bundle PATH`",
                Self::NoSuchCluster { .. } => "leave the name out, or give one that is there",
                Self::Secret { .. } => "remove the secret at its source, then record again",
                _ => return None,
            }
            .to_owned(),
        )
    }
}

fn names(found: &[Target]) -> String {
    let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    names.join(", ")
}
