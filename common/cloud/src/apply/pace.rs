//! Times of a run: how long to wait for whom.

use std::time::Duration;

use arm::{ArmError, Kind};

/// The times of a run. Tests shorten them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The wait after the first answer that asks to come back; each further one is half as long again.
    pub first_wait: Duration,
    /// The longest wait between two tries.
    pub longest_wait: Duration,
    /// For how long a request is repeated that Azure will take once something else has settled.
    pub patience: Duration,
    /// The same for what is not found although it was made a moment ago.
    pub patience_with_absence: Duration,
    /// The time between two looks at what goes on by itself.
    pub look: Duration,
    /// The time for one step, from its first request to the end of its operation.
    pub step: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
            patience: Duration::from_secs(4 * 60),
            patience_with_absence: Duration::from_secs(30),
            look: Duration::from_secs(5),
            step: Duration::from_secs(15 * 60),
        }
    }
}

/// Codes of conflicts that pass: something else is under way, or not everywhere yet.
///
/// Sources: the error codes of Azure Resource Manager's and Microsoft.Network's documentation, Microsoft.ManagedIdentity's
/// for credentials, and Microsoft.Authorization's for principals that are not replicated yet.
const PASSING: [&str; 8] = [
    "AnotherOperationInProgress",
    "CanceledAndSupersededDueToAnotherOperation",
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
    "OperationInProgress",
    "PrincipalNotFound",
    "ReferencedResourceNotProvisioned",
    "RetryableError",
    "StorageAccountOperationInProgress",
];

/// Codes of absences that pass when what is missing was made a moment ago.
const ABSENT: [&str; 4] =
    ["ParentResourceNotFound", "ResourceGroupNotFound", "ResourceNotFound", "InvalidResourceReference"];

impl Pace {
    /// For how long a step that failed like this is worth repeating; none when it is not.
    pub(crate) fn patience_with(&self, error: &ArmError) -> Option<Duration> {
        let code = error.code.as_deref().unwrap_or_default();
        let among = |codes: &[&str]| codes.iter().any(|known| known.eq_ignore_ascii_case(code));
        match &error.kind {
            Kind::Conflict | Kind::Refused | Kind::OperationEnded(_) if among(&PASSING) => Some(self.patience),
            // The client has repeated it within its own limits; Azure may need longer.
            Kind::Throttled { .. } => Some(self.patience),
            // An account that has just been allowed to serve everybody takes a moment to know it.
            Kind::Conflict if among(&["PublicAccessNotPermitted"]) => Some(self.patience_with_absence),
            Kind::NotFound | Kind::Refused if among(&ABSENT) => Some(self.patience_with_absence),
            _ => None,
        }
    }

    /// The wait before try number `tries + 1`.
    pub(crate) fn wait(&self, tries: u32, error: &ArmError) -> Duration {
        let asked = match &error.kind {
            Kind::Throttled { retry_after } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        self.grown(tries).max(asked)
    }

    /// The wait before try number `tries + 1` when nobody asked for a longer one.
    pub(crate) fn grown(&self, tries: u32) -> Duration {
        let grown = self.first_wait.mul_f64(1.5_f64.powi(i32::try_from(tries.min(20)).unwrap_or(20) - 1));
        grown.min(self.longest_wait)
    }
}
