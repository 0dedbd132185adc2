//! The two documents of an issuer: what they say, and the blobs that hold them.

use facts::oidc::PublicKey;
use serde_json::{Map, Value, json};

use super::account::endpoint;
use super::keys::{KeyPlan, short};
use super::{ACCOUNT_STEP, Facts, Spec};
use crate::change::{Blob, Change};
use crate::late::Late;
use crate::resource::kept;
use crate::{Step, Verb};

/// The discovery document's path below the issuer.
pub const DISCOVERY: &str = ".well-known/openid-configuration";
/// The key set's path below the issuer, as Kubernetes has it.
pub const JWKS: &str = "openid/v1/jwks";
/// What both are served as.
pub const CONTENT_TYPE: &str = "application/json";
/// The step that publishes the keys.
pub(super) const JWKS_STEP: &str = "blob/jwks";

/// A blob as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobSeen {
    /// What stands in it.
    pub text: String,
    /// What it is served as.
    pub content_type: Option<String>,
    /// Its version.
    pub etag: String,
}

/// The documents of one issuer, whose address may be known only later.
pub(super) struct Documents<'a> {
    spec: &'a Spec,
    facts: &'a Facts,
    issuer: String,
    late: Late,
}

impl<'a> Documents<'a> {
    pub fn new(spec: &'a Spec, facts: &'a Facts) -> Self {
        let mut late = Late::default();
        let endpoint = match facts.account.as_ref().and_then(endpoint) {
            Some(known) => known.to_owned(),
            None => late.stand_in(ACCOUNT_STEP),
        };
        Self { spec, facts, issuer: format!("{endpoint}/{}", spec.container), late }
    }

    /// The key set: our keys, and those that are published already, which others may still need.
    pub fn jwks(&self, keys: &KeyPlan, notes: &mut Vec<String>) -> Step {
        let seen = self.facts.jwks.as_ref();
        let held: Option<Vec<Value>> = seen.and_then(|seen| {
            let set: Value = serde_json::from_str(&seen.text).ok()?;
            set.get("keys")?.as_array().cloned()
        });
        let wanted: Vec<Value> = keys.publish.iter().map(jwk).collect();
        let lacks: Vec<&str> = keys
            .publish
            .iter()
            .zip(&wanted)
            .filter(|(_, wanted)| !held.iter().flatten().any(|held| holds(held, wanted)))
            .map(|(key, _)| short(&key.kid))
            .collect();
        let others: Vec<Value> =
            held.iter().flatten().filter(|held| !keys.publish.iter().any(|own| is(held, own))).cloned().collect();
        if !others.is_empty() {
            let ids: Vec<&str> =
                others.iter().map(|other| short(other["kid"].as_str().unwrap_or("without id"))).collect();
            notes.push(format!(
                "{} published that {} not among these files, and stays: {}",
                if ids.len() == 1 { "a key is".to_owned() } else { format!("{} keys are", ids.len()) },
                if ids.len() == 1 { "is" } else { "are" },
                ids.join(", ")
            ));
        }
        let reason = match (seen, &held) {
            (None, _) => Ok(format!("publishes key {}", lacks.join(" and "))),
            (Some(_), None) => Err("exists, and is no key set".to_owned()),
            (Some(_), Some(_)) if !lacks.is_empty() => Err(format!("exists without key {}", lacks.join(" and "))),
            (Some(seen), Some(_)) => match served_wrong(seen) {
                Some(why) => Err(why),
                None => {
                    return self.kept(
                        JWKS_STEP,
                        JWKS,
                        format!("exists with {}", count(held.as_deref().unwrap_or_default().len())),
                    );
                }
            },
        };
        let set = json!({"keys": wanted.into_iter().chain(others).collect::<Vec<_>>()});
        self.put(JWKS_STEP, JWKS, reason, &set, seen, &["container", ACCOUNT_STEP, keys.before()])
    }

    /// The discovery document, published once the keys are that it leads to.
    pub fn discovery(&self) -> Step {
        let step = "blob/discovery";
        let seen = self.facts.discovery.as_ref();
        let held: Option<Map<String, Value>> = seen.and_then(|seen| serde_json::from_str(&seen.text).ok());
        let mut all = held.clone().unwrap_or_default();
        let mut lacks = Vec::new();
        for (key, value) in document(&self.issuer) {
            if all.get(&key) != Some(&value) {
                lacks.push(key.clone());
                all.insert(key, value);
            }
        }
        let reason = match (seen, &held) {
            (None, _) => Ok("leads to the keys".to_owned()),
            (Some(_), None) => Err("exists, and is no JSON object".to_owned()),
            (Some(_), Some(_)) if !lacks.is_empty() => Err(format!("exists, differs in {}", lacks.join(", "))),
            (Some(seen), Some(_)) => match served_wrong(seen) {
                Some(why) => Err(why),
                None => return self.kept(step, DISCOVERY, "exists as it should be".to_owned()),
            },
        };
        self.put(step, DISCOVERY, reason, &Value::Object(all), seen, &["container", ACCOUNT_STEP, JWKS_STEP])
    }

    fn kept(&self, step: &str, path: &str, reason: String) -> Step {
        kept(step, self.label(path), reason)
    }

    fn label(&self, path: &str) -> String {
        format!("blob {}/{path}", self.spec.container)
    }

    /// The step that writes a blob: `Ok` with the reason when it is new, `Err` when it is there and wrong.
    fn put(
        &self,
        step: &str,
        path: &str,
        reason: Result<String, String>,
        content: &Value,
        seen: Option<&BlobSeen>,
        after: &[&str],
    ) -> Step {
        let (verb, reason) = match reason {
            Ok(reason) => (Verb::Create, reason),
            Err(reason) => (Verb::Change, reason),
        };
        Step {
            id: step.into(),
            verb,
            resource: self.label(path),
            reason,
            depends_on: after.iter().map(|step| (*step).to_owned()).collect(),
            change: Some(Change::Blob(Box::new(Blob {
                account: self.spec.account_id(),
                url: format!("{}/{path}", self.issuer),
                content_type: CONTENT_TYPE,
                body: format!("{content:#}\n"),
                replaces: seen.map(|seen| seen.etag.clone()),
                late: self.late.clone(),
            }))),
            serial: None,
        }
    }
}

/// The members of a discovery document that Entra and OpenID Connect ask for.
fn document(issuer: &str) -> [(String, Value); 5] {
    [
        ("issuer", json!(issuer)),
        ("jwks_uri", json!(format!("{issuer}/{JWKS}"))),
        ("response_types_supported", json!(["id_token"])),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["RS256"])),
    ]
    .map(|(key, value)| (key.to_owned(), value))
}

/// A key as Kubernetes publishes it.
fn jwk(key: &PublicKey) -> Value {
    json!({"use": "sig", "kty": "RSA", "kid": key.kid, "alg": "RS256", "n": key.n, "e": key.e})
}

/// Whether a published key is this one.
fn is(held: &Value, key: &PublicKey) -> bool {
    held["kid"].as_str() == Some(&key.kid)
}

fn holds(held: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|members| members.iter().all(|(key, value)| held.get(key) == Some(value)))
}

fn served_wrong(seen: &BlobSeen) -> Option<String> {
    let own = seen.content_type.as_deref().unwrap_or("nothing");
    let plain = own.split(';').next().unwrap_or_default().trim();
    (!plain.eq_ignore_ascii_case(CONTENT_TYPE)).then(|| format!("exists, served as {own}"))
}

fn count(keys: usize) -> String {
    match keys {
        1 => "1 key".to_owned(),
        several => format!("{several} keys"),
    }
}
