//! The shape of a pull secret: what it names, never what it holds.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use facts::release::{PullSecret, RegistryEntry};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

#[derive(Deserialize)]
struct Auths {
    auths: BTreeMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    auth: Option<SecretString>,
}

/// The facts about a pull secret: the registries that it names, whether the credentials can be sent, when they expire.
///
/// `source` says where it was read.
pub fn pull_secret_of(pull_secret: &SecretString, source: String) -> PullSecret {
    let problem =
        |why: &str| PullSecret { source: source.clone(), problem: Some(why.to_owned()), registries: Vec::new() };
    let text = pull_secret.expose_secret();
    // The parser's message might quote what it stumbled over.
    let Ok(read) = serde_json::from_str::<Auths>(text) else {
        return problem(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => "it has no object `auths` with an object for each registry",
            Err(_) if text.trim().is_empty() => "it is empty",
            Err(_) => "it is no JSON",
        });
    };
    if read.auths.is_empty() {
        return problem("its `auths` names no registry");
    }
    let registries = read.auths.iter().map(|(name, auth)| entry(name, auth.auth.as_ref())).collect();
    PullSecret { source, problem: None, registries }
}

fn entry(name: &str, auth: Option<&SecretString>) -> RegistryEntry {
    let pair = auth.and_then(|auth| STANDARD.decode(auth.expose_secret().trim()).ok()).map(Zeroizing::new);
    let password = pair.as_ref().and_then(|pair| {
        let colon = pair.iter().position(|byte| *byte == b':')?;
        Some(&pair[colon + 1..])
    });
    RegistryEntry {
        name: name.to_owned(),
        usable: password.is_some_and(|password| !password.is_empty()),
        expires_at: password.and_then(expiry),
    }
}

/// `exp` of a JSON Web Token; none for another password, or a token without an end.
fn expiry(password: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let mut parts = std::str::from_utf8(password).ok()?.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?);
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Timestamp::from_second(whole_second(claims.exp)?).ok()
}

fn whole_second(second: f64) -> Option<i64> {
    format!("{:.0}", second.trunc()).parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn shape(text: &str) -> PullSecret {
        pull_secret_of(&SecretString::from(text), "Secret c/p".into())
    }

    #[test]
    fn registries_and_when_they_expire() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"x","exp":1795000000}"#);
        let token = format!("e30.{claims}.c2lnbmF0dXJl");
        let secret = json!({"auths": {
            "quay.io": {"auth": STANDARD.encode("user:canary")},
            "registry.redhat.io": {"auth": STANDARD.encode(format!("|uhc:{token}"))},
            "broken": {"auth": "%%%"}, "empty": {"auth": STANDARD.encode("user:")}, "helper": {},
        }});
        let found = shape(&secret.to_string());
        assert_eq!((found.problem.as_deref(), found.source.as_str()), (None, "Secret c/p"));
        let usable: Vec<_> = found.registries.iter().map(|it| (it.name.as_str(), it.usable)).collect();
        let want =
            [("broken", false), ("empty", false), ("helper", false), ("quay.io", true), ("registry.redhat.io", true)];
        assert_eq!(usable, want);
        assert_eq!(found.registries[4].expires_at, Timestamp::from_second(1_795_000_000).ok());
        assert_eq!(found.registries[3].expires_at, None);
        let shown = serde_json::to_string(&found).unwrap();
        assert!(!shown.contains("canary") && !shown.contains(&claims), "{shown}");
    }

    #[test]
    fn what_is_no_pull_secret() {
        for (text, why) in [
            ("", "empty"),
            ("canary", "no JSON"),
            (r#"{"quay.io": {"auth": "canary"}}"#, "no object `auths`"),
            (r#"{"auths": {"x": "canary"}}"#, "no object `auths`"),
            (r#"{"auths": {}}"#, "names no registry"),
        ] {
            let problem = shape(text).problem.unwrap();
            assert!(problem.contains(why) && !problem.contains("canary"), "{text}: {problem}");
        }
    }
}
