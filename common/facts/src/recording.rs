//! The recording that facts were read from.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::inventory::State;
use crate::redact::Kind;
use crate::{Fact, Need, Target};

/// The recording that facts were read from. Who opens one fills this in; what a file says of it does not count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Recording {
    /// What is known of it; absent for facts that were asked for live.
    pub held: Fact<Held>,
}

/// What is known of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// When it was opened: the only moment that tells how old it is.
    pub opened_at: Timestamp,
    /// What its manifest says; absent where there is none, as in dumps and in bundles of earlier versions.
    pub manifest: Fact<Seal>,
    /// How much it holds of each unit of facts.
    pub evidence: BTreeMap<Need, State>,
    /// The secrets that stand in it, the first of them by file and line.
    pub exposed: Fact<Exposed>,
}

/// What a manifest says of its bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seal {
    /// The program that wrote it, with its version.
    pub tool: String,
    /// The hosted cluster that it is about.
    pub cluster: Target,
    /// The files whose checksum is another than the manifest says, or that it does not name.
    pub changed: Vec<String>,
}

/// What a search for secrets found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposed {
    /// How many files were searched.
    pub files: u64,
    /// How many places look like a secret.
    pub count: u64,
    /// The first of them, in the order of files and lines.
    pub places: Vec<Place>,
    /// The files that were not searched, as they cannot be read or the recording is too large.
    pub unsearched: Vec<String>,
}

/// Where a secret stands. Never what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The path within the recording.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The kind of secret.
    pub kind: Kind,
}
