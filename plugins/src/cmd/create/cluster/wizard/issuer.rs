//! Whether an issuer publishes the key that is to sign.

use std::path::Path;

use cloud::{http, oidc, signing_key};
use facts::oidc::{Discovery, Fetch, Jwks, PublicKey};
use plan::Refusal;
use plan::cluster::ClusterSpec;

use crate::globals::Globals;

const FIX: &str = "give the address that `create oidc-issuer` printed; with the same key it mends what is missing";

/// Asks the issuer as Entra will.
///
/// # Errors
/// What the issuer's documents lack.
pub(super) async fn judged(globals: &Globals, flag: &'static str, spec: &ClusterSpec) -> Result<(), Refusal> {
    let Some(issuer) = spec.oidc_issuer_url.as_deref() else { return Ok(()) };
    // Both were read before; preflight says it if they have gone since.
    let Ok(client) = globals.selected_cloud().map(|cloud| http::client(&cloud)) else { return Ok(()) };
    let Ok(client) = client else { return Ok(()) };
    let key = spec.sa_token_issuer_private_key_path.as_deref();
    let key = key.and_then(|path| signing_key::public_key_of_file(Path::new(path)).ok());
    let (discovery, keys) = oidc::fetch(issuer, &client, &globals.calls()).await;
    match problem(issuer, discovery.get(), keys.get(), key.as_ref()) {
        None => Ok(()),
        Some(why) => Err(Refusal::new(flag, issuer, why, FIX)),
    }
}

fn problem(
    issuer: &str,
    discovery: Option<&Fetch<Discovery>>,
    keys: Option<&Fetch<Jwks>>,
    key: Option<&PublicKey>,
) -> Option<String> {
    let discovery = discovery?;
    let Some(document) = &discovery.document else { return Some(unread("its discovery document", discovery)) };
    if document.issuer != issuer {
        return Some(format!("its discovery document says the issuer is {}", document.issuer));
    }
    let keys = keys?;
    let Some(set) = &keys.document else { return Some(unread("its key set", keys)) };
    let key = key?;
    let published = set.keys.iter().any(|one| one.n.as_deref() == Some(&key.n) && one.e.as_deref() == Some(&key.e));
    (!published).then(|| format!("its key set does not hold the public half of {}", key.source))
}

fn unread<T>(what: &str, fetch: &Fetch<T>) -> String {
    let how = match (&fetch.failure, fetch.status, &fetch.malformed) {
        (Some(failure), ..) => failure.message.clone(),
        (None, _, Some(malformed)) => malformed.clone(),
        (None, Some(status), None) => format!("HTTP {status}"),
        (None, None, None) => "no answer".to_owned(),
    };
    format!("{what} {} cannot be read: {how}", fetch.url)
}

#[cfg(test)]
mod tests {
    use facts::oidc::Jwk;

    use super::*;

    const ISSUER: &str = "https://a.blob.core.windows.net/a";

    fn fetch<T>(status: u16, document: Option<T>) -> Fetch<T> {
        Fetch { status: Some(status), document, ..Fetch::of(format!("{ISSUER}/x")) }
    }

    fn discovery(issuer: &str) -> Fetch<Discovery> {
        let document = Discovery {
            issuer: issuer.into(),
            jwks_uri: format!("{issuer}/jwks"),
            id_token_signing_alg_values_supported: Vec::new(),
        };
        fetch(200, Some(document))
    }

    fn set(modulus: &str) -> Fetch<Jwks> {
        let key = Jwk {
            kid: None,
            kty: "RSA".into(),
            alg: None,
            usage: None,
            n: Some(modulus.into()),
            e: Some("AQAB".into()),
        };
        fetch(200, Some(Jwks { keys: vec![key] }))
    }

    #[test]
    fn an_issuer_must_publish_the_key() {
        let key =
            PublicKey { kid: "k".into(), n: "n".into(), e: "AQAB".into(), bits: 4096, source: "signer.key".into() };
        let judge =
            |discovery: &Fetch<Discovery>, keys: &Fetch<Jwks>| problem(ISSUER, Some(discovery), Some(keys), Some(&key));
        assert_eq!(judge(&discovery(ISSUER), &set("n")), None);
        for (discovery, keys, why) in [
            (discovery(ISSUER), set("other"), "does not hold the public half of signer.key"),
            (discovery("https://b"), set("n"), "says the issuer is https://b"),
            (fetch(404, None), set("n"), "cannot be read: HTTP 404"),
            (discovery(ISSUER), fetch(403, None), "its key set"),
        ] {
            let said = judge(&discovery, &keys).unwrap_or_default();
            assert!(said.contains(why), "{said}");
        }
    }
}
