//! Facts about the machine that ran the collection.

use serde::{Deserialize, Serialize};

use crate::Fact;

/// What the caller's machine holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Local {
    /// The `--azure-creds` file; absent when none was given.
    pub creds_file: Fact<CredsFile>,
}

/// The shape of an Azure credentials file; never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredsFile {
    /// The path as the user gave it.
    pub path: String,
    /// Why it could not be understood, if so; then nothing else is known about it.
    #[serde(default)]
    pub problem: Option<String>,
    /// `subscriptionId`.
    pub subscription_id: Option<String>,
    /// `tenantId`.
    pub tenant_id: Option<String>,
    /// `clientId`.
    pub client_id: Option<String>,
    /// Whether `clientSecret` is there, empty or missing.
    pub client_secret: SecretState,
    /// Keys that no reader of this file uses.
    #[serde(default)]
    pub unknown_keys: Vec<String>,
    /// The permission bits of the file (0o600 and the like); none where the system has no such bits.
    pub mode: Option<u32>,
}

/// What is known about a secret without holding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretState {
    /// It has a value.
    Present,
    /// The key is there and its value is empty.
    Empty,
    /// The key is not there.
    Missing,
}
