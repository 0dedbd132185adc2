//! Doing one step: whatever it is.

use plan::change::Origin;
use plan::late::Late;
use plan::{Change, Step};

use super::arm_step::Run;
use super::{
    Event, Hands, Options, Outcome, Results, StepError, blob_step, cluster_step, local_step, patch_step, secret_file,
};

pub(super) type OnEvent<'a> = &'a (dyn Fn(Event<'_>) + Send + Sync);

/// How a step ended, if it did not fail.
pub(super) type Ended = Result<Outcome, StepError>;

/// Does a step.
pub(super) async fn perform(
    hands: Hands<'_>,
    at: usize,
    step: &Step,
    results: Results,
    options: &Options,
    on_event: OnEvent<'_>,
) -> Outcome {
    let azure = || {
        let arm = hands.arm.ok_or_else(|| missing("Azure"))?;
        Ok::<_, StepError>(Run::new(arm, at, options, on_event))
    };
    let work = async {
        match &step.change {
            None => Ok(Outcome::Kept),
            Some(Change::ArmPut { id, api_version, body }) => azure()?.put(id, api_version, body).await,
            Some(Change::ArmDelete { id, api_version }) => azure()?.delete(id, api_version).await,
            Some(Change::RoleAssignment { id, role_definition_id, principal, replace }) => {
                let principal = principal_of(principal, &results)?;
                azure()?.assign(id, role_definition_id, &principal, *replace).await
            }
            Some(Change::Manifest { object, late }) => {
                let kubernetes = hands.kubernetes.ok_or_else(|| missing("the management cluster"))?;
                local_step::manifest(kubernetes, object, late, &results, options).await
            }
            Some(Change::ManifestDelete(object)) => {
                let kubernetes = hands.kubernetes.ok_or_else(|| missing("the management cluster"))?;
                local_step::delete(kubernetes, object, options).await
            }
            Some(Change::ClusterDelete { target, clean_up, grace }) => {
                let kubernetes = hands.kubernetes.ok_or_else(|| missing("the management cluster"))?;
                let deletion = cluster_step::Deletion { kubernetes, target, clean_up: *clean_up, grace: *grace };
                deletion.carry_out(at, options, on_event).await
            }
            Some(Change::Patch(patch)) => {
                let kubernetes = hands.kubernetes.ok_or_else(|| missing("the management cluster"))?;
                patch_step::patch(kubernetes, patch, options).await
            }
            Some(Change::File { path, content }) => local_step::file(path, content, &results),
            Some(Change::SecretFile { path, content }) => secret_file::make(path, content),
            Some(Change::Supersede { path, by, keep }) => secret_file::supersede(path, by, keep),
            Some(Change::Blob(blob)) => {
                let storage = hands.storage.ok_or_else(|| missing("blob storage"))?;
                blob_step::put(storage, blob, &results, options).await
            }
        }
    };
    work.await.unwrap_or_else(Outcome::Failed)
}

fn missing(whom: &str) -> StepError {
    StepError::Answer(format!("{whom} is needed for this step, and there is no session: our own mistake"))
}

/// The object id of an identity: known before, or in what the step left that made it.
fn principal_of(origin: &Origin, results: &Results) -> Result<String, StepError> {
    value_of(origin, results, "principalId")
        .ok_or_else(|| StepError::Answer("Azure's answer about the identity holds no principalId".into()))
}

/// A property of an identity: known before, or in what the step left that made it.
pub(super) fn value_of(origin: &Origin, results: &Results, property: &str) -> Option<String> {
    match origin {
        Origin::Known(value) => Some(value.clone()),
        Origin::Step(step) => left(results, step, property),
    }
}

/// A text with the client ids that steps before left.
pub(super) fn filled(text: &str, late: &Late, results: &Results) -> Result<String, StepError> {
    late.fill(text, |step| left(results, step, "clientId"))
        .map_err(|step| StepError::Answer(format!("Azure's answer to step {step} holds no clientId")))
}

fn left(results: &Results, step: &str, property: &str) -> Option<String> {
    results.get(step)?["properties"][property].as_str().map(str::to_owned)
}
