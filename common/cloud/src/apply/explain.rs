//! What a failure of Azure means for its reader.

use arm::{ArmError, Kind};

use super::StepError;

/// The service's status, code and message, and in a second line what Azure's support asks for. Holds no secret.
pub fn why(error: &ArmError) -> String {
    let status = error.status.map(|status| status.to_string());
    let code = error.code.clone().filter(|code| !error.message.starts_with(code.as_str()));
    let head: Vec<String> = [status, code].into_iter().flatten().collect();
    let mut text =
        if head.is_empty() { error.message.clone() } else { format!("{}: {}", head.join(" "), error.message) };
    for detail in error.details.iter().filter(|detail| !detail.message.is_empty() && detail.message != error.message) {
        let code = detail.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
        text.push_str(&format!("\n{code}{}", detail.message));
    }
    if let Some(id) = &error.request_id {
        let time = error.time.as_deref().map(|time| format!(" at {time}")).unwrap_or_default();
        text.push_str(&format!("\nrequest id {id}{time}"));
    }
    facts::redact::text(&text)
}

/// The one action that helps, where the failure tells it.
pub fn hint(error: &ArmError) -> Option<String> {
    if let Some(hint) = storage_hint(error) {
        return Some(hint);
    }
    match &error.kind {
        Kind::Denied { action, scope } => {
            let action = action.as_deref().unwrap_or("the action");
            let scope = scope.as_deref().unwrap_or(&error.resource);
            let role = if action.to_ascii_lowercase().contains("microsoft.authorization/roleassignments") {
                "Role Based Access Control Administrator"
            } else {
                "Contributor"
            };
            Some(format!(
                "have somebody permit {action}: `az role assignment create --assignee <you> --role \"{role}\" --scope {scope}`"
            ))
        }
        Kind::Conflict if error.code.as_deref() == Some("MissingSubscriptionRegistration") => {
            Some("register the resource provider: `az provider register --wait --namespace <the one above>`".into())
        }
        Kind::Unauthorized | Kind::Credential => Some("sign in again: `az login`, or check --azure-creds".into()),
        _ => None,
    }
}

/// What helps where a storage account may not serve everybody, or cannot have its name.
fn storage_hint(error: &ArmError) -> Option<String> {
    if !error.resource.to_ascii_lowercase().contains("/microsoft.storage/storageaccounts/") {
        return None;
    }
    match error.code.as_deref()? {
        "RequestDisallowedByPolicy" | "PublicAccessNotPermitted" => Some(
            "Entra must be able to read the issuer's documents without signing in: have the account exempted from the policy, or serve them elsewhere (the account's static website, or Azure Front Door before a private account) and give that address as `--oidc-issuer-url`"
                .into(),
        ),
        "StorageAccountAlreadyTaken" | "StorageAccountInAnotherResourceGroup" => {
            Some("give another `--storage-account-name`: these names are unique in all of Azure".into())
        }
        _ => None,
    }
}

impl StepError {
    /// Why, for the reader.
    pub fn why(&self) -> String {
        match self {
            Self::Arm(error) => why(error),
            Self::Kubernetes(error) => error.why().unwrap_or_else(|| error.to_string()),
            Self::Storage(error) => error.why(),
            Self::Blocked(text) | Self::File(text) | Self::Answer(text) => text.clone(),
        }
    }

    /// Whether the way out is to sign in.
    pub fn needs_sign_in(&self) -> bool {
        match self {
            Self::Arm(error) => matches!(error.kind, Kind::Unauthorized | Kind::Credential),
            Self::Kubernetes(error) => error.needs_sign_in(),
            Self::Storage(_) | Self::Blocked(_) | Self::File(_) | Self::Answer(_) => false,
        }
    }

    /// The one action that helps, if there is one beyond running the command again.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Arm(error) => hint(error),
            Self::Kubernetes(error) => error.hint(),
            Self::Storage(error) => error.hint(),
            Self::Blocked(_) | Self::File(_) | Self::Answer(_) => None,
        }
    }
}
