//! Tokens traded at Entra, and what the identities may do with them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fact;
use crate::azure::Permission;

/// Tokens traded at Entra, and what the identities may do with them. The tokens themselves are never kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exchange {
    /// One attempt for each subject of each identity that the HostedCluster names.
    pub attempts: Fact<Vec<Attempt>>,
    /// What each identity may do, by its key in the catalogue and the scope's id in lower case.
    pub permissions: BTreeMap<String, BTreeMap<String, Fact<Vec<Permission>>>>,
}

/// One token, signed with the signing key and presented at Entra as the component would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The component's key in the catalogue.
    pub component: String,
    /// The client id that was asked for.
    pub client_id: String,
    /// The subject of the token.
    pub subject: String,
    /// The issuer of the token.
    pub issuer: String,
    /// The id of the key that signed it.
    pub kid: String,
    /// When it was presented.
    pub at: Timestamp,
    /// How often it was presented.
    pub tries: u32,
    /// What Entra said.
    pub outcome: Outcome,
}

/// What Entra said to a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Outcome {
    /// It issued an access token.
    Exchanged,
    /// It refused.
    Refused {
        /// Its description, with AADSTS number, trace id and correlation id.
        message: String,
    },
    /// It gave no answer that says anything of the token.
    Unanswered {
        /// What happened instead.
        why: String,
    },
}
