//! An Azure session without a management cluster: for verbs that only change Azure.

use arm::Arm;
use facts::azure::{Caller, Login};
use facts::{Fact, Gap};

use crate::clouds::Cloud;
use crate::credentials::{self, CredsFileRead, Environment};
use crate::http::Calls;
use crate::live;

/// A signed-in session on one subscription.
#[derive(Debug)]
pub struct AzureSession {
    /// The client.
    pub arm: Arm,
    /// Who we are.
    pub caller: Caller,
    /// The subscription that the credential names.
    pub subscription: String,
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSession {
    /// The credential names no subscription. Its source, as reports name it.
    NoSubscription {
        /// The source.
        via: String,
    },
    /// Entra, or we, refused the credential.
    Refused {
        /// The source.
        via: String,
        /// The reason, without secrets.
        message: String,
    },
    /// Nobody is signed in, or Entra is out of reach.
    Unreadable(Gap),
}

/// Signs in. Nothing is asked of Azure when the credential names no subscription.
///
/// # Errors
/// [`NoSession`].
pub async fn open(
    cloud: &Cloud,
    http: &reqwest::Client,
    calls: &Calls,
    creds_file: Option<&CredsFileRead>,
    environment: &dyn Environment,
) -> Result<AzureSession, NoSession> {
    let chosen = credentials::choose(creds_file, environment, cloud, http, None);
    let Some(subscription) = chosen.subscription_id.clone().filter(|id| !id.is_empty()) else {
        return Err(NoSession::NoSubscription { via: chosen.via });
    };
    let via = chosen.via.clone();
    let (login, arm) = live::sign_in(chosen, cloud, http, calls).await;
    of(via, Some(subscription), login, arm)
}

/// The session that a sign-in makes.
pub(crate) fn of(
    via: String,
    subscription: Option<String>,
    login: Fact<Login>,
    arm: Fact<Arm>,
) -> Result<AzureSession, NoSession> {
    let Some(subscription) = subscription.filter(|id| !id.is_empty()) else {
        return Err(NoSession::NoSubscription { via });
    };
    match (login, arm) {
        (Fact::Known(Login::SignedIn(caller)), Fact::Known(arm)) => Ok(AzureSession { arm, caller, subscription }),
        (Fact::Known(Login::Refused { via, message, .. }), _) => Err(NoSession::Refused { via, message }),
        (Fact::Unreadable(gap), _) | (_, Fact::Unreadable(gap)) => Err(NoSession::Unreadable(gap)),
        _ => Err(NoSession::Unreadable(Gap::new(facts::GapKind::Failed, "nobody is signed in to Azure"))),
    }
}
