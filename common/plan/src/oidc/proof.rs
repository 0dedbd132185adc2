//! Whether an issuer serves what it must, as somebody without any credential sees it.

use facts::Fact;
use facts::oidc::{Discovery, Fetch, Jwks, PublicKey};

use super::keys::short;

/// Why an issuer cannot be trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// The address that was asked.
    pub url: String,
    /// What is wrong with the answer.
    pub why: String,
}

/// What is wrong with the documents that anybody gets from an issuer; none when Entra will take its tokens.
pub fn proof(
    issuer: &str,
    key: &PublicKey,
    discovery: &Fact<Fetch<Discovery>>,
    jwks: &Fact<Fetch<Jwks>>,
) -> Option<Unproven> {
    let document = match got(issuer, discovery) {
        Ok(document) => document,
        Err(unproven) => return Some(unproven),
    };
    if document.issuer != issuer {
        let why = format!("the document names another issuer, {}", document.issuer);
        return Some(Unproven { url: issuer.to_owned(), why });
    }
    match got(&document.jwks_uri, jwks) {
        Err(unproven) => Some(unproven),
        Ok(set)
            if set.keys.iter().any(|held| held.kid.as_deref() == Some(&key.kid) && held.n.as_ref() == Some(&key.n)) =>
        {
            None
        }
        Ok(_) => Some(Unproven {
            url: document.jwks_uri.clone(),
            why: format!("the key set is without key {}", short(&key.kid)),
        }),
    }
}

fn got<'a, T>(address: &str, fact: &'a Fact<Fetch<T>>) -> Result<&'a T, Unproven> {
    let unproven = |url: &str, why: String| Unproven { url: url.to_owned(), why };
    let Fact::Known(fetch) = fact else {
        return Err(unproven(address, "it could not be asked".to_owned()));
    };
    if let Some(failure) = &fetch.failure {
        return Err(unproven(&fetch.url, failure.message.clone()));
    }
    let status = fetch.status.unwrap_or_default();
    if let Some(document) = &fetch.document {
        return Ok(document);
    }
    let why = match (&fetch.malformed, &fetch.error_code) {
        (Some(why), _) => format!("the answer is not the document: {why}"),
        (None, Some(code)) => format!("status {status} {code}"),
        (None, None) => format!("status {status}"),
    };
    Err(unproven(&fetch.url, why))
}
