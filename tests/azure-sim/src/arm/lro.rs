//! How ARM tells of long-running operations and what their end does to the state.

use serde_json::{Value, json};

use super::{Ctx, links, path::group_of, registry::Writes};
use crate::{
    errors::Refusal,
    http::{Answer, Call, Reply},
    lro::{Effect, Operation, Outcome, status},
    server::Core,
    state::State,
};

/// Starts an operation on `target` and adds to `reply` the headers with which the provider announces it.
pub(crate) fn announce(ctx: &mut Ctx<'_>, target: &str, effect: Effect, style: Writes, reply: Reply) -> Reply {
    let settings = ctx.core.settings;
    let asked = std::time::Duration::from_secs(settings.retry_after.unwrap_or(0));
    let earliest = ctx.now + settings.lro.max(asked);
    let outcome = std::mem::replace(&mut ctx.outcome, Outcome::Succeeded);
    let id = ctx.core.operations.start(target, effect, outcome, earliest);
    let base = &ctx.call.base;
    let version = ctx.call.query("api-version").unwrap_or_default();
    let parts: Vec<&str> = target.split('/').collect();
    let subscription = parts.get(2).copied().unwrap_or_default();
    let namespace = parts.get(6).copied().unwrap_or_default();
    let location = ctx.core.state.get(target).and_then(|body| body["location"].as_str()).unwrap_or("eastus").to_owned();
    let provider = format!("{base}/subscriptions/{subscription}/providers/{namespace}/locations/{location}");
    let reply = match style {
        Writes::PrivateDns => {
            let group = group_of(target).unwrap_or_default();
            let place = format!("{base}{group}/providers/{namespace}");
            reply
                .with("Azure-AsyncOperation", format!("{place}/privateDnsOperationStatuses/{id}?api-version={version}"))
                .with("Location", format!("{place}/privateDnsOperationResults/{id}?api-version={version}"))
        }
        Writes::Storage => {
            reply.with("Location", format!("{provider}/asyncoperations/{id}?monitor=true&api-version={version}"))
        }
        _ if parts.len() == 5 => reply.with(
            "Location",
            format!("{base}/subscriptions/{subscription}/operationresults/{id}?api-version={version}"),
        ),
        _ => {
            let reply = reply.with("Azure-AsyncOperation", format!("{provider}/operations/{id}?api-version={version}"));
            if effect == Effect::Delete {
                reply.with("Location", format!("{provider}/operationResults/{id}?api-version={version}"))
            } else {
                reply
            }
        }
    };
    match settings.retry_after {
        Some(seconds) => reply.with("Retry-After", seconds.to_string()),
        None => reply,
    }
}

/// Applies the operations that are over by now.
pub(crate) fn settle(core: &mut Core, now: std::time::Instant, polled: Option<&str>) {
    for mut operation in core.operations.settle(now, polled) {
        if operation.effect == Effect::Delete
            && matches!(operation.outcome, Outcome::Succeeded)
            && let Some(refusal) = links::blocks_group_delete(&core.state, &operation.target)
        {
            operation.outcome = Outcome::Failed(refusal);
            core.operations.set_outcome(&operation.id, operation.outcome.clone());
        }
        apply(&mut core.state, &operation);
    }
}

/// What the end of an operation does to the state.
pub(crate) fn apply(state: &mut State, operation: &Operation) {
    let key = operation.target.to_lowercase();
    match (operation.effect, &operation.outcome) {
        (Effect::Delete, Outcome::Succeeded) => {
            state.remove(&operation.target);
        }
        (effect, outcome) => {
            let word = match outcome {
                Outcome::Succeeded => "Succeeded",
                Outcome::Failed(_) if effect == Effect::Delete => "Succeeded",
                Outcome::Failed(_) => "Failed",
                Outcome::Canceled(_) => "Canceled",
            };
            if let Some(resource) = state.resources.get_mut(&key) {
                resource["properties"]["provisioningState"] = json!(word);
            }
        }
    }
}

/// The id of the operation that a path polls, and whether it asks for the result rather than the status.
pub(crate) fn polled(segments: &[&str]) -> Option<(String, bool)> {
    let [.., kind, id] = segments else { return None };
    match kind.to_lowercase().as_str() {
        "operations" | "privatednsoperationstatuses" => Some(((*id).to_owned(), false)),
        "operationresults" | "privatednsoperationresults" | "asyncoperations" => Some(((*id).to_owned(), true)),
        _ => None,
    }
}

/// Answers a poll.
pub(crate) fn poll(core: &Core, call: &Call, id: &str, result: bool) -> Answer {
    let operation = core
        .operations
        .get(id)
        .ok_or_else(|| Refusal::new(404, "OperationNotFound", format!("The operation '{id}' was not found.")))?;
    let wait = |reply: Reply| match core.settings.retry_after {
        Some(seconds) if !operation.done => reply.with("Retry-After", seconds.to_string()),
        _ => reply,
    };
    if !result {
        return Ok(wait(Reply::json(200, status(operation, &call.path))));
    }
    if !operation.done {
        let again = format!("{}{}", call.base, call.target());
        return Ok(wait(Reply::empty(202).with("Location", again)));
    }
    match &operation.outcome {
        Outcome::Failed(refusal) | Outcome::Canceled(refusal) => Err(refusal.clone()),
        Outcome::Succeeded if operation.effect == Effect::Delete => {
            Ok(Reply::empty(if operation.target.split('/').count() == 5 { 200 } else { 204 }))
        }
        Outcome::Succeeded => {
            let body = core.state.get(&operation.target).cloned().unwrap_or(Value::Null);
            Ok(Reply::json(200, body))
        }
    }
}
