//! Azure Policy, as far as it refuses resources and says so beforehand.

use serde_json::{Value, json};

use super::{Ctx, path::within, registry::Kind};
use crate::{
    errors::{self, Refusal},
    http::{Answer, Reply},
    state::{PolicyRestriction, State},
};

/// Answers `…/providers/Microsoft.PolicyInsights/checkPolicyRestrictions`.
pub(crate) fn restrictions(ctx: &Ctx<'_>, segments: &[&str]) -> Answer {
    if ctx.call.method != "POST" {
        return Err(errors::method_not_allowed(&ctx.call.method));
    }
    let body = ctx.call.object()?;
    let content = &body["resourceDetails"]["resourceContent"];
    if !content.is_object() {
        return Err(Refusal::new(
            400,
            "InvalidCheckRestrictionsRequest",
            "The request needs 'resourceDetails.resourceContent'.",
        ));
    }
    let scope = format!("/{}", segments[..segments.len() - 3].join("/"));
    let kind = content["type"].as_str().unwrap_or_default();
    let found: Vec<&PolicyRestriction> = ctx
        .core
        .state
        .policy_restrictions
        .iter()
        .filter(|policy| {
            within(&scope, &policy.scope)
                && (policy.resource_type == "*" || policy.resource_type.eq_ignore_ascii_case(kind))
        })
        .collect();
    let fields: Vec<Value> = found
        .iter()
        .map(|policy| {
            json!({
                "field": policy.field,
                "restrictions": [{
                    "result": policy.result,
                    "values": policy.values,
                    "policyEffect": "Deny",
                    "reason": format!("{} is restricted", policy.field),
                    "policy": reference(policy),
                }],
            })
        })
        .collect();
    let denied: Vec<Value> = found
        .iter()
        .filter(|policy| violates(policy, content))
        .map(|policy| json!({"policyInfo": reference(policy), "evaluationResult": "NonCompliant", "effectDetails": {"policyEffect": "Deny"}}))
        .collect();
    Ok(Reply::json(200, json!({"fieldRestrictions": fields, "contentEvaluationResult": {"policyEvaluations": denied}})))
}

/// Refuses a write that a policy denies.
pub(crate) fn enforce(state: &State, id: &str, kind: &Kind, body: &Value) -> Result<(), Refusal> {
    let full = kind.full();
    let hit = state.policy_restrictions.iter().find(|policy| {
        within(id, &policy.scope)
            && (policy.resource_type == "*" || policy.resource_type.eq_ignore_ascii_case(&full))
            && violates(policy, body)
    });
    let Some(policy) = hit else { return Ok(()) };
    let name = id.rsplit('/').next().unwrap_or_default();
    let short = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
    Err(Refusal::new(
        403,
        "RequestDisallowedByPolicy",
        format!(
            "Resource '{name}' was disallowed by policy. Policy identifiers: '[{{\"policyAssignment\":{{\"name\":\"{}\",\"id\":\"{}\"}},\"policyDefinition\":{{\"name\":\"{}\",\"id\":\"{}\"}}}}]'.",
            short(&policy.policy_assignment_id), policy.policy_assignment_id, short(&policy.policy_definition_id), policy.policy_definition_id
        ),
    )
    .target(name)
    .gateway())
}

fn reference(policy: &PolicyRestriction) -> Value {
    json!({"policyDefinitionId": policy.policy_definition_id, "policyAssignmentId": policy.policy_assignment_id})
}

fn violates(policy: &PolicyRestriction, body: &Value) -> bool {
    let value = policy.field.split('.').fold(body, |value, member| &value[member]);
    let listed = value.as_str().is_some_and(|value| policy.values.iter().any(|one| one.eq_ignore_ascii_case(value)));
    match policy.result.as_str() {
        "Deny" => policy.values.is_empty() || listed,
        "Removed" => !value.is_null(),
        _ => value.is_null() || (!policy.values.is_empty() && !listed),
    }
}
