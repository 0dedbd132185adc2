//! An Azure session without a management cluster: for verbs that only change Azure.

use arm::{Arm, ArmError};
use facts::azure::{Caller, Login};
use facts::{Fact, Gap};

use crate::clouds::Cloud;
use crate::credentials::{self, CredsFileRead, Environment};
use crate::http::Calls;
use crate::live::{self, SignedIn};
use crate::storage::Storage;

/// A signed-in session on one subscription.
#[derive(Debug)]
pub struct AzureSession {
    /// The client.
    pub arm: Arm,
    /// Who we are.
    pub caller: Caller,
    /// The subscription that the credential names.
    pub subscription: String,
    /// Blobs, as the same principal.
    pub storage: Storage,
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
    if chosen.subscription_id.as_deref().is_none_or(str::is_empty) {
        return Err(NoSession::NoSubscription { via: chosen.via });
    }
    of(&live::sign_in(chosen, cloud, http, calls).await, http, calls)
}

/// The session that a sign-in makes.
pub(crate) fn of(signed_in: &SignedIn, http: &reqwest::Client, calls: &Calls) -> Result<AzureSession, NoSession> {
    let SignedIn { via, subscription, login, arm, credential } = signed_in.clone();
    let Some(subscription) = subscription.filter(|id| !id.is_empty()) else {
        return Err(NoSession::NoSubscription { via });
    };
    match (login, arm, credential) {
        (Fact::Known(Login::SignedIn(caller)), Fact::Known(arm), Some(credential)) => {
            let storage = Storage::new(http.clone(), calls.clone(), credential, arm.clone(), caller.object_id.clone());
            Ok(AzureSession { arm, caller, subscription, storage })
        }
        (Fact::Known(Login::Refused { via, message, .. }), ..) => Err(NoSession::Refused { via, message }),
        (Fact::Unreadable(gap), ..) | (_, Fact::Unreadable(gap), _) => Err(NoSession::Unreadable(gap)),
        _ => Err(NoSession::Unreadable(Gap::new(facts::GapKind::Failed, "nobody is signed in to Azure"))),
    }
}

/// A credential and a subscription that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongTenant {
    /// The subscription that was asked.
    pub subscription: String,
    /// The tenant of the credential, where Azure says it.
    pub credential: Option<String>,
    /// The tenant of the subscription, where Azure says it.
    pub tenant: Option<String>,
}

/// What a refusal says of a credential of another tenant than the subscription's; none when it is another refusal.
///
/// Azure answers 401 `InvalidAuthenticationTokenTenant` and names both tenants as issuers of tokens, the credential's
/// first, or 404 `SubscriptionNotFound` where the subscription is not known at all.
pub fn wrong_tenant(error: &ArmError) -> Option<WrongTenant> {
    const ISSUER: &str = "https://sts.windows.net/";
    let mut parts = error.resource.split('/').skip_while(|part| !part.eq_ignore_ascii_case("subscriptions"));
    let subscription = parts.nth(1)?.to_owned();
    match (error.status, error.code.as_deref()) {
        (Some(401), Some("InvalidAuthenticationTokenTenant")) => {
            // The sentence goes on to name authorities; the first two issuers are what counts.
            let mut tenants = error
                .message
                .split(ISSUER)
                .skip(1)
                .filter_map(|rest| rest.get(..36))
                .filter(|id| facts::arm_id::is_guid(id))
                .map(str::to_owned);
            Some(WrongTenant { subscription, credential: tenants.next(), tenant: tenants.next() })
        }
        (Some(404), Some("SubscriptionNotFound")) => Some(WrongTenant { subscription, credential: None, tenant: None }),
        _ => None,
    }
}
