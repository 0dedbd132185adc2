//! What `create oidc-issuer` has to know: the keys on disk, the storage account, and what is published already.

use std::path::Path;
use std::time::Duration;

use arm::{Arm, ArmError, ArmId};
use facts::oidc::PublicKey;
use futures::future::{join3, try_join};
use plan::oidc::{
    BlobSeen, DISCOVERY, Facts, FreshKey, JWKS, KeyFiles, Keys, KeysSeen, LocalKey, STORAGE, Spec, Unproven, proof,
};
use plan::secret::Secret;
use plan::{Refusal, iam, infra};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::apply::{Pace, Stop, file};
use crate::create::FactsError;
use crate::oidc;
use crate::session::AzureSession;
use crate::signing_key::{self, KeyError};
use crate::storage::{Storage, StorageError};
use crate::{files, secrets};

/// Reads the keys on disk, before anything is asked of Azure.
///
/// # Errors
/// A [`Refusal`] for a file that is no such key, cannot be read, or could not be written beside.
pub fn keys(spec: &Spec) -> Result<KeysSeen, Refusal> {
    let seen = match &spec.keys {
        Keys::Public(path) => {
            let key = key_in("--public-key-file", path, false)?;
            if key.is_none() {
                let why = "it does not exist";
                return Err(Refusal::new("--public-key-file", path.display().to_string(), why, A_PUBLIC_KEY));
            }
            KeysSeen { current: key, ..KeysSeen::default() }
        }
        Keys::Files(files) => own_keys(files, spec.rotate)?,
    };
    seen.check(spec)?;
    Ok(seen)
}

const A_PUBLIC_KEY: &str = "give an RSA key in PEM form, such as `serviceaccount-signer.public`";

fn own_keys(files: &KeyFiles, rotate: bool) -> Result<KeysSeen, Refusal> {
    let flag = "--key-file";
    let public = files.public();
    let refuse = |path: &Path, error: &std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "its folder does not exist".to_owned(),
            _ => error.to_string(),
        };
        Refusal::new(flag, path.display().to_string(), why, "give a path in a folder that exists and can be written to")
    };
    let seen = KeysSeen {
        current: key_in(flag, &files.private, true)?,
        next: key_in(flag, &files.next(), true)?,
        public: file::read(&public).map_err(|error| refuse(&public, &error))?.map(|seen| seen.text),
        fresh: None,
    };
    let complete = seen.current.as_ref().is_some_and(|key| seen.public.as_ref() == Some(&key.public_pem));
    if rotate || !complete {
        files::can_write(&files.private).map_err(|error| refuse(&files.private, &error))?;
    }
    Ok(seen)
}

/// The key in a file; none when there is no such file.
fn key_in(flag: &'static str, path: &Path, private: bool) -> Result<Option<LocalKey>, Refusal> {
    // A link that leads nowhere is there all the same, and a key must not be made in its place.
    if std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let shown = path.display().to_string();
    let fix = if private {
        "nothing is written over it: give the path of an RSA private key in PEM form, or one where no file is yet"
    } else {
        A_PUBLIC_KEY
    };
    let refuse = |why: String| Refusal::new(flag, &shown, why, fix);
    let text = files::read_secret(path).map_err(|error| refuse(error.to_string()))?;
    let pem = text.expose_secret().as_bytes();
    let key = local_key(pem, &shown).map_err(|error| refuse(error.why().unwrap_or_else(|| error.to_string())))?;
    if private && !signing_key::is_private(pem) {
        return Err(refuse("it holds a public key alone".to_owned()));
    }
    Ok(Some(LocalKey { exposed: private && is_exposed(path), ..key }))
}

fn local_key(pem: &[u8], source: &str) -> Result<LocalKey, KeyError> {
    Ok(LocalKey {
        public: signing_key::public_key_of_pem(pem, source.to_owned())?,
        public_pem: signing_key::public_pem_of(pem, source)?,
        exposed: false,
    })
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_path: &Path) -> bool {
    false
}

/// Reads what the plan needs of Azure, and makes a key where one is missing.
///
/// # Errors
/// [`FactsError`]; nothing has been changed.
pub async fn facts(session: &AzureSession, spec: &Spec, keys: KeysSeen) -> Result<Facts, FactsError> {
    let lacks_one = keys.lacks_one(spec);
    let fresh = async {
        if !lacks_one {
            return Ok(None);
        }
        // A second or so of computing, while Azure answers.
        let made = tokio::task::spawn_blocking(fresh_key).await;
        made.unwrap_or(Err(FactsError::Randomness(secrets::NoRandomness))).map(Some)
    };
    let (mut facts, fresh) = try_join(azure_facts(session, spec), fresh).await?;
    facts.keys = KeysSeen { fresh, ..keys };
    Ok(facts)
}

fn fresh_key() -> Result<FreshKey, FactsError> {
    let private = secrets::signing_key()?;
    let pem = Zeroizing::new(private.expose_secret().as_bytes().to_vec());
    let key = local_key(&pem, "a new key").map_err(|_| secrets::NoRandomness)?;
    Ok(FreshKey { private: Secret::from(private), key })
}

async fn azure_facts(session: &AzureSession, spec: &Spec) -> Result<Facts, FactsError> {
    let arm = &session.arm;
    let id = |id: facts::ArmId| ArmId::parse(id.as_str());
    let (group_id, account_id, container_id) = (id(spec.group_id())?, id(spec.account_id())?, id(spec.container_id())?);
    let reads = try_join(arm.body(&group_id, iam::GROUPS), arm.body(&account_id, STORAGE));
    let (group, account) = reads.await?;
    let mut facts = Facts { group, account, ..Facts::default() };
    match &facts.account {
        None => {
            let elsewhere = elsewhere(arm, spec);
            let (regions, other, taken) = join3(regions(arm, spec), elsewhere, taken(arm, spec)).await;
            facts.regions = regions?;
            facts.account = other?;
            facts.taken = taken.filter(|_| facts.account.is_none());
        }
        Some(account) => {
            facts.container = arm.body(&container_id, STORAGE).await?;
            if let (Some(issuer), Some(container)) = (spec.issuer(account), &facts.container) {
                let access = container["properties"]["publicAccess"].as_str().unwrap_or("None");
                let public = !access.eq_ignore_ascii_case("None");
                let read = |path: &'static str| published(&session.storage, spec, format!("{issuer}/{path}"), public);
                (facts.discovery, facts.jwks) = try_join(read(DISCOVERY), read(JWKS)).await?;
            }
        }
    }
    Ok(facts)
}

/// A document as it is stored. What everybody may read is asked for as nobody, so that reading takes no role.
async fn published(
    storage: &Storage,
    spec: &Spec,
    url: String,
    public: bool,
) -> Result<Option<BlobSeen>, StorageError> {
    let account = spec.account_id();
    if public && let Ok(seen) = storage.get_publicly(&account, &url).await {
        return Ok(seen);
    }
    storage.get(&account, &url).await
}

async fn regions(arm: &Arm, spec: &Spec) -> Result<Vec<String>, FactsError> {
    let subscription = ArmId::for_subscription(&spec.subscription)?;
    let found = arm.bodies(&subscription, "/locations", infra::SUBSCRIPTIONS, None).await?.unwrap_or_default();
    Ok(found.iter().filter_map(|region| Some(region.get("name")?.as_str()?.to_owned())).collect())
}

/// The account of the name in another resource group of the subscription.
async fn elsewhere(arm: &Arm, spec: &Spec) -> Result<Option<Value>, FactsError> {
    let subscription = ArmId::for_subscription(&spec.subscription)?;
    let all = match arm.bodies(&subscription, "/providers/Microsoft.Storage/storageAccounts", STORAGE, None).await {
        Ok(all) => all.unwrap_or_default(),
        // Whoever may see one resource group only has no other.
        Err(error) if error.is_denied() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let is_it = |body: &Value| body["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&spec.account));
    Ok(all.into_iter().find(is_it))
}

/// Why the account's name cannot be had. Where Azure does not say, creating the account will tell.
async fn taken(arm: &Arm, spec: &Spec) -> Option<String> {
    let subscription = ArmId::for_subscription(&spec.subscription).ok()?;
    let action = "providers/Microsoft.Storage/checkNameAvailability";
    let body = json!({"name": spec.account, "type": "Microsoft.Storage/storageAccounts"});
    let asked: Result<Value, ArmError> = match arm.post(&subscription, action, STORAGE, &body).await {
        Ok(operation) => operation.done().await,
        Err(error) => Err(error),
    };
    let answer = asked.ok()?;
    let free = answer["nameAvailable"].as_bool().unwrap_or(true);
    (!free).then(|| answer["message"].as_str().unwrap_or("the name is not available").to_owned())
}

/// How long documents that nobody touched may take to be served: a lost packet, no more.
const PATIENCE_WITH_KEPT: Duration = Duration::from_secs(2);

/// Fetches the issuer's documents as nobody, as Entra does, until they hold the key or patience is over: `fresh` says that
/// something was changed just now.
///
/// # Errors
/// [`Unproven`].
pub async fn prove(storage: &Storage, issuer: &str, key: &PublicKey, fresh: bool, stop: &Stop) -> Result<(), Unproven> {
    let (http, calls) = storage.anonymous();
    let pace = Pace::default();
    let end = Instant::now() + if fresh { pace.patience_with_absence } else { PATIENCE_WITH_KEPT };
    let mut tries = 0;
    loop {
        let (discovery, jwks) = oidc::fetch(issuer, http, calls).await;
        let Some(unproven) = proof(issuer, key, &discovery, &jwks) else { return Ok(()) };
        tries += 1;
        let wait: Duration = pace.grown(tries);
        if Instant::now() + wait > end {
            return Err(unproven);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.wait() => return Err(unproven),
        }
    }
}
