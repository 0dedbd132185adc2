//! What `create` has to know before it plans: as few reads as possible, all at once.

mod objects;

use std::collections::BTreeSet;

use arm::{Arm, ArmError, ArmId, IdError};
use futures::future::{try_join, try_join_all, try_join3};
use plan::infra::Look;
use plan::{iam, infra, infra_id, tags};
use serde_json::Value;

use crate::apply::file;
use crate::files;
use crate::secrets::NoRandomness;
use crate::storage::StorageError;

pub use objects::object_facts;

/// Why the facts could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// Azure refused, or could not be asked.
    #[error(transparent)]
    Arm(#[from] ArmError),
    /// An id that follows from the input is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The output file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Blob storage refused, or could not be asked.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A key could not be made.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// What was asked for cannot be granted.
    #[error(transparent)]
    Refused(#[from] plan::Refusal),
}

/// Reads what `create iam` has to know: the group, its identities, and the credentials of ours among them.
///
/// # Errors
/// [`FactsError`]; nothing has been changed.
pub async fn iam_facts(arm: &Arm, spec: &iam::Spec) -> Result<iam::Facts, FactsError> {
    let mut facts = iam::Facts { file: output_file(spec.output_file.as_deref())?, ..iam::Facts::default() };
    let group = known(&spec.group())?;
    let (found, identities) = try_join(
        arm.body(&group, iam::GROUPS),
        arm.bodies(&group, "/providers/Microsoft.ManagedIdentity/userAssignedIdentities", iam::IDENTITIES, None),
    )
    .await?;
    if let Some(body) = found {
        facts.seen.insert(&spec.group(), body);
    }
    let ours: Vec<facts::ArmId> = spec.components().map(|component| spec.identity(component)).collect();
    let identities = identities.unwrap_or_default();
    let existing: Vec<(facts::ArmId, Value)> = identities
        .into_iter()
        .filter_map(|body| {
            let id = facts::ArmId::new(body.get("id")?.as_str()?);
            ours.iter().any(|own| own.key() == id.key()).then_some((id, body))
        })
        .collect();
    let lists = existing.iter().map(|(id, _)| async {
        let below = "/federatedIdentityCredentials";
        let held = arm.bodies(&known(id)?, below, iam::IDENTITIES, None).await?;
        Ok::<_, FactsError>((id.key(), held.unwrap_or_default()))
    });
    facts.credentials = try_join_all(lists).await?.into_iter().collect();
    for (id, body) in existing {
        facts.seen.insert(&id, body);
    }
    Ok(facts)
}

/// Reads what `create infra` has to know: first regions, zones, identities and groups, then what is in groups that exist.
///
/// # Errors
/// [`FactsError`]; nothing has been changed.
pub async fn infra_facts(arm: &Arm, spec: &infra::Spec) -> Result<infra::Facts, FactsError> {
    let mut facts = infra::Facts { file: output_file(spec.output_file.as_deref())?, ..infra::Facts::default() };
    let subscription = ArmId::for_subscription(&spec.subscription)?;
    let list = async |below: &str, api_version: &str| {
        let found = arm.bodies(&subscription, below, api_version, None).await?;
        Ok::<_, FactsError>(found.unwrap_or_default())
    };
    let identities = async {
        match spec.roles {
            Some(_) => list("/providers/Microsoft.ManagedIdentity/userAssignedIdentities", iam::IDENTITIES).await,
            None => Ok(Vec::new()),
        }
    };
    let groups = look(arm, spec.groups()?);
    let (regions, (zones, identities), groups) = try_join3(
        list("/locations", infra::SUBSCRIPTIONS),
        try_join(list("/providers/Microsoft.Network/dnszones", infra::DNS), identities),
        groups,
    )
    .await?;
    facts.regions = names(&regions);
    facts.zones = zones;
    facts.identities = identities;
    for (id, body) in groups {
        facts.seen.insert(&id, body);
    }
    let stands = |id: &facts::ArmId| {
        let group = facts::ArmId::of_group(&spec.subscription, id.resource_group().unwrap_or_default());
        facts.seen.get(&group).is_some()
    };
    let resources: Vec<Look> = spec.resources()?.into_iter().filter(|look| stands(&look.id)).collect();
    let zone = Some(spec.private_zone()?).filter(|zone| stands(zone));
    let scopes: Vec<facts::ArmId> = spec.scopes()?.into_iter().filter(|scope| stands(scope)).collect();
    let links = async {
        let Some(zone) = zone else { return Ok(Vec::new()) };
        let found = arm.bodies(&known(&zone)?, "/virtualNetworkLinks", infra::PRIVATE_DNS, None).await?;
        Ok::<_, FactsError>(found.unwrap_or_default())
    };
    let assignments = try_join_all(scopes.iter().map(|scope| async {
        let below = "/providers/Microsoft.Authorization/roleAssignments";
        let found = arm.bodies(&known(scope)?, below, infra::AUTHORIZATION, Some("atScope()")).await?;
        Ok::<_, FactsError>((scope.key(), found.unwrap_or_default()))
    }));
    let (resources, links, assignments) = try_join3(look(arm, resources), links, assignments).await?;
    for (id, body) in resources {
        facts.seen.insert(&id, body);
    }
    facts.links = links;
    facts.assignments = assignments.into_iter().collect();
    Ok(facts)
}

/// The infra ids for which resources of a cluster's name exist, by our own tags.
///
/// # Errors
/// [`FactsError`].
pub async fn infra_ids(arm: &Arm, subscription: &str, name: &str) -> Result<BTreeSet<String>, FactsError> {
    let scope = ArmId::for_subscription(subscription)?;
    let filter = format!("tagName eq '{}' and tagValue eq '{name}'", tags::CLUSTER);
    let list = async |below: &str| {
        let found = arm.bodies(&scope, below, iam::GROUPS, Some(&filter)).await?;
        Ok::<_, FactsError>(found.unwrap_or_default())
    };
    let (groups, resources) = try_join(list("/resourcegroups"), list("/resources")).await?;
    Ok(infra_id::of_tags(name, &[groups, resources].concat()))
}

/// The names of the subscription's regions; none where they may not be read, since rights on one resource group are enough
/// to create in it.
///
/// # Errors
/// [`FactsError`].
pub async fn regions(arm: &Arm, subscription: &str) -> Result<Vec<String>, FactsError> {
    let subscription = ArmId::for_subscription(subscription)?;
    match arm.bodies(&subscription, "/locations", infra::SUBSCRIPTIONS, None).await {
        Err(error) if error.is_denied() => Ok(Vec::new()),
        found => Ok(names(&found?.unwrap_or_default())),
    }
}

/// The public DNS zones of the subscription by their ids; none where they may not be read.
///
/// # Errors
/// [`FactsError`].
pub async fn zones(arm: &Arm, subscription: &str) -> Result<Option<Vec<facts::ArmId>>, FactsError> {
    let subscription = ArmId::for_subscription(subscription)?;
    let found = match arm.bodies(&subscription, "/providers/Microsoft.Network/dnszones", infra::DNS, None).await {
        Err(error) if error.is_denied() => return Ok(None),
        found => found?.unwrap_or_default(),
    };
    Ok(Some(found.iter().filter_map(|zone| Some(facts::ArmId::new(zone.get("id")?.as_str()?))).collect()))
}

fn names(bodies: &[Value]) -> Vec<String> {
    bodies.iter().filter_map(|body| Some(body.get("name")?.as_str()?.to_owned())).collect()
}

async fn look(arm: &Arm, looks: Vec<Look>) -> Result<Vec<(facts::ArmId, Value)>, FactsError> {
    let reads = looks.into_iter().map(|look| async move {
        let found = arm.body(&known(&look.id)?, look.api_version).await?;
        Ok::<_, FactsError>(found.map(|body| (look.id, body)))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

fn known(id: &facts::ArmId) -> Result<ArmId, IdError> {
    ArmId::parse(id.as_str())
}

/// The output file as it is; refused now if it could not be written later.
fn output_file(path: Option<&std::path::Path>) -> Result<Option<plan::resource::FileSeen>, FactsError> {
    let Some(path) = path else { return Ok(None) };
    let failed = |source| FactsError::File { path: path.display().to_string(), source };
    files::can_write(path).map_err(failed)?;
    file::read(path).map_err(failed)
}
