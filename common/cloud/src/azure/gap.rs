//! Failed reads as gaps.

use arm::{ArmError, Kind};
use facts::{Gap, GapKind};

/// Why a read of Azure failed, with the missing permission where that is the reason.
pub fn gap_of(error: &ArmError) -> Gap {
    let mut why = match &error.code {
        Some(code) if !error.message.starts_with(code.as_str()) => format!("{code}: {}", error.message),
        _ => error.message.clone(),
    };
    if let Some(status) = error.status {
        why = format!("{status} {why}");
    }
    if let Some(id) = &error.request_id {
        why = format!("{why} (request id {id})");
    }
    let why = facts::redact::text(&why);
    match &error.kind {
        Kind::Denied { action, scope } => {
            // The whole sentence names the caller and repeats action and scope, which stand beside it.
            let code = error.code.as_deref().unwrap_or("AuthorizationFailed");
            let request = error.request_id.as_deref().map(|id| format!(" (request id {id})")).unwrap_or_default();
            let why = format!("403 {code}: the caller may not read {}{request}", error.resource);
            let action = action.clone().unwrap_or_else(|| "read".into());
            let scope = scope.clone().unwrap_or_else(|| error.resource.clone());
            let remedy = format!("az role assignment create --assignee CALLER --role Reader --scope {scope}");
            Gap::new(GapKind::Denied, why).needing(action, scope).with_remedy(remedy)
        }
        Kind::Unreachable | Kind::TimedOut | Kind::Throttled { .. } | Kind::Service => {
            Gap::new(GapKind::Unreachable, why)
        }
        _ => Gap::new(GapKind::Failed, why),
    }
}
