//! `create oidc-issuer`: a signing key, and the public documents by which Entra verifies what it signs.
//!
//! A key is on disk before anything of it is published: no run, wherever it is cut off, publishes a key whose private half
//! is lost. A rotation publishes the new key beside the old one first, and lets it take the old one's place last.

mod account;
mod documents;
mod keys;
mod proof;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use facts::ArmId;
use serde_json::Value;

use crate::compare::text;
use crate::iam::{self, GROUPS};
use crate::resource::{Wanted, kept};
use crate::{Refusal, Step, input, tags};

pub use account::endpoint;
pub(crate) use account::{check_container, check_name as check_account};
pub use documents::{BlobSeen, CONTENT_TYPE, DISCOVERY, JWKS};
pub use keys::{FreshKey, KeyFiles, Keys, KeysSeen, LocalKey};
pub use proof::{Unproven, proof};

/// The api-version in which storage accounts and containers are read and written.
pub const STORAGE: &str = "2024-01-01";

/// What `create oidc-issuer` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The issuer's name.
    pub name: String,
    /// The subscription.
    pub subscription: String,
    /// The resource group of the storage account; created when it is not there.
    pub resource_group: String,
    /// The region.
    pub location: String,
    /// The storage account.
    pub account: String,
    /// The blob container.
    pub container: String,
    /// Tags for what is created, besides our own.
    pub tags: BTreeMap<String, String>,
    /// Where the keys are.
    pub keys: Keys,
    /// Whether a new key is to take the place of the one there is.
    pub rotate: bool,
}

/// What `create oidc-issuer` has to know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The names of the subscription's regions; empty when Azure did not say, or nothing is to be placed.
    pub regions: Vec<String>,
    /// The resource group, if it exists.
    pub group: Option<Value>,
    /// The storage account of the name, if the subscription has it, in whichever resource group.
    pub account: Option<Value>,
    /// What Azure says of the account's name when it cannot be had.
    pub taken: Option<String>,
    /// The container, if it exists.
    pub container: Option<Value>,
    /// The discovery document as it is stored, if it is.
    pub discovery: Option<BlobSeen>,
    /// The key set as it is stored, if it is.
    pub jwks: Option<BlobSeen>,
    /// The keys on disk.
    pub keys: KeysSeen,
}

/// The name of the step that leaves the storage account; its result holds the account's endpoints.
pub const ACCOUNT_STEP: &str = "account";

impl Spec {
    /// Checks what can be checked before anything is asked.
    ///
    /// # Errors
    /// A [`Refusal`] naming the flag.
    pub fn check(&self) -> Result<(), Refusal> {
        input::cluster_name(&self.name)?;
        input::location(&self.location)?;
        input::group("--resource-group-name", &self.resource_group)?;
        account::check_name(&self.account)?;
        account::check_container(&self.container)
    }

    /// The resource group of the storage account.
    pub fn group_id(&self) -> ArmId {
        ArmId::of_group(&self.subscription, &self.resource_group)
    }

    /// The storage account.
    pub fn account_id(&self) -> ArmId {
        account_id(&self.subscription, &self.resource_group, &self.account)
    }

    /// The blob container.
    pub fn container_id(&self) -> ArmId {
        container_id(&self.account_id(), &self.container)
    }

    /// The issuer, given the storage account's body: it holds the endpoint. None when it does not.
    pub fn issuer(&self, account: &Value) -> Option<String> {
        account::endpoint(account).map(|endpoint| format!("{endpoint}/{}", self.container))
    }
}

/// A storage account.
pub(crate) fn account_id(subscription: &str, group: &str, account: &str) -> ArmId {
    ArmId::in_group(subscription, group, &format!("Microsoft.Storage/storageAccounts/{account}"))
}

/// A blob container of a storage account.
pub(crate) fn container_id(account: &ArmId, container: &str) -> ArmId {
    account.child("blobServices", "default").child("containers", container)
}

/// The storage account that an issuer's name gives: its lower-case letters and digits.
///
/// # Errors
/// A [`Refusal`] of `--name` when Azure takes no account of such a name.
pub fn account_of(name: &str) -> Result<String, Refusal> {
    let fit: String = name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    match account::check_name(&fit) {
        Ok(()) => Ok(fit),
        Err(_) => Err(Refusal::new(
            "--name",
            name,
            format!("the storage account would be `{fit}`, and Azure takes 3 to 24 lower-case letters and digits"),
            "name the account yourself: `--storage-account-name <name>`",
        )),
    }
}

/// The steps, and what their reader must know besides.
///
/// # Errors
/// A [`Refusal`] of what cannot be granted.
pub fn plan(spec: &Spec, facts: &Facts) -> Result<(Vec<Step>, Vec<String>), Refusal> {
    spec.check()?;
    let mut notes = Vec::new();
    let keys = keys::plan(spec, facts, &mut notes)?;
    let documents = documents::Documents::new(spec, facts);
    let below = [
        group(spec, facts)?,
        account::account(spec, facts)?,
        account::container(spec, facts),
        documents.jwks(&keys, &mut notes),
        documents.discovery(),
    ];
    Ok((keys.steps().chain(below).collect(), notes))
}

fn group(spec: &Spec, facts: &Facts) -> Result<Step, Refusal> {
    let id = spec.group_id();
    let resource = format!("resource group {}", spec.resource_group);
    match &facts.group {
        Some(group) if iam::is_going(group) => Err(iam::being_deleted("--resource-group-name", &spec.resource_group)),
        Some(_) => Ok(kept("group", resource, "exists")),
        None => {
            known_region(spec, facts)?;
            let mut all = spec.tags.clone();
            all.extend(tags::shared());
            Ok(Wanted {
                step: "group".into(),
                resource,
                id,
                api_version: GROUPS,
                body: serde_json::json!({"location": spec.location}),
                tags: all,
                depends_on: BTreeSet::new(),
                reason: "holds the storage account".into(),
            }
            .step(None))
        }
    }
}

fn known_region(spec: &Spec, facts: &Facts) -> Result<(), Refusal> {
    if facts.regions.is_empty() || facts.regions.iter().any(|region| iam::azure_region(region) == spec.location) {
        return Ok(());
    }
    Err(Refusal::new(
        "--location",
        &spec.location,
        "not a region of the subscription",
        "`az account list-locations -o table` lists the regions",
    ))
}

/// The path of a file for the reader.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A member of a resource's properties.
fn property<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    text(body, &["properties", key])
}
