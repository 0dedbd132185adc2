//! Trading tokens at Entra as the components do, and asking with them what the identities may do.
//!
//! Key, signed tokens and access tokens stay in memory. Entra sees a token of ten minutes for each subject.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arm::{Arm, ArmOptions};
use async_trait::async_trait;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use facts::azure::Permission;
use facts::catalogue::{AUDIENCE, Component, by_key};
use facts::exchange::{Attempt, Exchange, Outcome};
use facts::hosted::HostedCluster;
use facts::{ArmId, Fact, Gap, GapKind, Need};
use futures::future::join_all;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::Sources;
use crate::azure::gap_of;
use crate::signing_key;

/// How long a signed token lasts, in seconds.
const LIFETIME: i64 = 10 * 60;
/// The time between two presentations of a token that Entra does not know yet.
const PAUSE: Duration = Duration::from_secs(10);
/// How often an answer that says nothing of the token is asked for again.
const MAX_TRIES: u32 = 3;
/// How many identities are asked about at once: Entra counts requests by application and by tenant.
const AT_ONCE: usize = 4;

/// Trades a token for each subject, and asks what the identities may do.
pub(super) async fn collect(sources: &Sources<'_>) -> Exchange {
    let wants_permissions = sources.wants(Need::EffectivePermissions);
    if !wants_permissions && !sources.wants(Need::TokenExchange) {
        return Exchange::default();
    }
    match Signer::of(sources).await {
        Ok((signer, cluster)) => rehearse(sources, &signer, cluster, wants_permissions).await,
        Err(gap) => Exchange { attempts: Fact::Unreadable(gap), ..Exchange::default() },
    }
}

/// What signs tokens.
struct Signer {
    key: EncodingKey,
    kid: String,
}

impl Signer {
    async fn of<'a>(sources: &Sources<'a>) -> Result<(Self, &'a HostedCluster), Gap> {
        let cluster = sources.cluster.clone()?;
        let given = sources.rehearsal.and_then(|rehearsal| rehearsal.key.as_ref());
        let signer = match given {
            Some((pem, source)) => Self::of_pem(pem.expose_secret().as_bytes(), source)?,
            None if sources.exists() => {
                let secret = sources.kubernetes.signing_key_pem(sources.target, cluster).await;
                let (pem, source) = secret.known("the Secret of the signing key")?;
                Self::of_pem(pem, source)?
            }
            None => return Err(Gap::new(GapKind::NotAsked, "no signing key is given")),
        };
        Ok((signer, cluster))
    }

    fn of_pem(pem: &[u8], source: &str) -> Result<Self, Gap> {
        let failed = |why: String| Gap::new(GapKind::Failed, why);
        let public =
            signing_key::public_key_of_pem(pem, source.to_owned()).map_err(|error| failed(error.to_string()))?;
        // The library's message may quote the key.
        let key = EncodingKey::from_rsa_pem(pem)
            .map_err(|_| failed(format!("{source} holds no private key: tokens cannot be signed with it")))?;
        Ok(Self { key, kid: public.kid })
    }

    fn sign(&self, issuer: &str, subject: &str) -> Option<SecretString> {
        #[derive(Serialize)]
        struct Claims<'a> {
            iss: &'a str,
            sub: &'a str,
            aud: [&'a str; 1],
            iat: i64,
            nbf: i64,
            exp: i64,
        }
        let now = Timestamp::now().as_second();
        let claims = Claims { iss: issuer, sub: subject, aud: [AUDIENCE], iat: now, nbf: now, exp: now + LIFETIME };
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.key).ok().map(SecretString::from)
    }
}

async fn rehearse(sources: &Sources<'_>, signer: &Signer, cluster: &HostedCluster, permissions: bool) -> Exchange {
    use futures::StreamExt as _;
    let named = cluster.workload_identities().unwrap_or_default();
    let identities: Vec<(&Component, &str)> =
        named.iter().filter_map(|(key, client_id)| Some((by_key(key)?, *client_id))).collect();
    let ended = futures::stream::iter(identities)
        .map(|(component, client_id)| identity(sources, signer, cluster, component, client_id, permissions))
        .buffered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut exchange = Exchange::default();
    let mut all = Vec::new();
    for (component, attempts, by_scope) in ended {
        all.extend(attempts);
        if let Some(by_scope) = by_scope {
            exchange.permissions.insert(component.to_owned(), by_scope);
        }
    }
    exchange.attempts = Fact::Known(all);
    exchange
}

type ByScope = BTreeMap<String, Fact<Vec<Permission>>>;

/// Trades the tokens of one identity, one after the other, and asks with the first access token what it may do.
async fn identity(
    sources: &Sources<'_>,
    signer: &Signer,
    cluster: &HostedCluster,
    component: &'static Component,
    client_id: &str,
    permissions: bool,
) -> (&'static str, Vec<Attempt>, Option<ByScope>) {
    let mut attempts = Vec::new();
    let mut access = None;
    for credential in component.credentials {
        let subject = credential.subject();
        let (outcome, tries) = present(sources, signer, cluster, client_id, &subject, &mut access).await;
        attempts.push(Attempt {
            component: component.key.to_owned(),
            client_id: client_id.to_owned(),
            subject,
            issuer: cluster.issuer_url.clone(),
            kid: signer.kid.clone(),
            at: Timestamp::now(),
            tries,
            outcome,
        });
    }
    let by_scope = match access {
        Some(token) if permissions => Some(effective(sources, cluster, component, token).await),
        _ => None,
    };
    (component.key, attempts, by_scope)
}

/// What came back for one presentation.
enum Said {
    Token(SecretString),
    Refused(String),
    Nothing(String),
}

/// Presents a token until Entra takes or refuses it for good.
async fn present(
    sources: &Sources<'_>,
    signer: &Signer,
    cluster: &HostedCluster,
    client_id: &str,
    subject: &str,
    access: &mut Option<SecretString>,
) -> (Outcome, u32) {
    let patience = sources.rehearsal.map_or(Duration::ZERO, |rehearsal| rehearsal.patience);
    let end = Instant::now() + patience;
    let mut tries = 0;
    loop {
        tries += 1;
        let Some(token) = signer.sign(&cluster.issuer_url, subject) else {
            return (Outcome::Unanswered { why: "the token could not be signed".to_owned() }, tries);
        };
        let pause = match ask(sources, cluster, client_id, &token).await {
            Said::Token(token) => {
                access.get_or_insert(token);
                return (Outcome::Exchanged, tries);
            }
            Said::Refused(message) if is_young(&message) && Instant::now() + PAUSE < end => PAUSE,
            Said::Refused(message) => return (Outcome::Refused { message }, tries),
            Said::Nothing(_) if tries < MAX_TRIES => Duration::from_millis(500) * tries,
            Said::Nothing(why) => return (Outcome::Unanswered { why }, tries),
        };
        tokio::time::sleep(pause).await;
    }
}

/// Whether a refusal may be gone in some minutes: Entra does not know new credentials at once.
fn is_young(message: &str) -> bool {
    ["AADSTS70021:", "AADSTS700211:", "AADSTS700212:", "AADSTS700213:", "AADSTS70025:", "AADSTS700016:"]
        .iter()
        .any(|code| message.contains(code))
}

async fn ask(sources: &Sources<'_>, cluster: &HostedCluster, client_id: &str, token: &SecretString) -> Said {
    #[derive(Deserialize)]
    struct Granted {
        access_token: SecretString,
    }
    #[derive(Deserialize)]
    struct Error {
        error_description: String,
    }
    let path = format!("{}/oauth2/v2.0/token", cluster.azure.tenant_id);
    let Ok(url) = sources.cloud.authority.join(&path) else {
        return Said::Nothing(format!("{path} is no path of Entra: the tenant id is wrong"));
    };
    let scope = sources.cloud.scope();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("scope", scope.as_str()),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", token.expose_secret()),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let begun = Instant::now();
    let request = sources.http.post(url.clone()).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    sources.calls.note("POST", url.as_str(), status, begun.elapsed(), None);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Said::Nothing(format!("Entra does not answer: {}", error.without_url())),
    };
    let status = answer.status();
    let Ok(body) = answer.bytes().await else {
        return Said::Nothing("Entra's answer broke off".to_owned());
    };
    if status.is_success() {
        return match serde_json::from_slice::<Granted>(&body) {
            Ok(granted) => Said::Token(granted.access_token),
            Err(_) => Said::Nothing("Entra's answer holds no token".to_owned()),
        };
    }
    match serde_json::from_slice::<Error>(&body) {
        Ok(error) if status.is_client_error() && status.as_u16() != 429 => Said::Refused(error.error_description),
        _ => Said::Nothing(format!("Entra answers {status}")),
    }
}

/// Asks with the identity's own token what it may do at each scope where its component acts.
async fn effective(
    sources: &Sources<'_>,
    cluster: &HostedCluster,
    component: &Component,
    token: SecretString,
) -> ByScope {
    let scopes: BTreeSet<ArmId> =
        component.role.iter().flat_map(|role| role.scopes).filter_map(|scope| cluster.scope(*scope)).collect();
    let mut options = ArmOptions::new(
        sources.cloud.resource_manager.clone(),
        sources.cloud.scope(),
        Arc::new(Fixed(token)),
        sources.http.clone(),
    );
    options.observer = Some(Arc::new(sources.calls.clone()));
    let arm = Arm::new(options);
    join_all(scopes.iter().map(async |scope| {
        let read = async {
            let id = arm::ArmId::parse(scope.as_str()).map_err(|error| Gap::new(GapKind::Failed, error.to_string()))?;
            let arm = arm.as_ref().map_err(gap_of)?;
            arm.permissions(&id).await.map_err(|error| gap_of(&error))
        };
        let fact = match read.await {
            Ok(Some(list)) => Fact::Known(list.into_iter().map(crate::azure::permission).collect()),
            Ok(None) => Fact::Absent,
            Err(gap) => Fact::Unreadable(gap),
        };
        (scope.key(), fact)
    }))
    .await
    .into_iter()
    .collect()
}

/// A credential that is one token.
#[derive(Debug)]
struct Fixed(SecretString);

#[async_trait]
impl TokenCredential for Fixed {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let until = OffsetDateTime::now_utc() + azure_core::time::Duration::minutes(30);
        Ok(AccessToken::new(Secret::new(self.0.expose_secret().to_owned()), until))
    }
}
