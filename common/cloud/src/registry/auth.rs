//! Who we are to a registry: what a pull secret says of it, and what its challenge asks for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::RegistryError;
use super::reference::Reference;

/// User and password, as HTTP's Basic scheme takes them.
#[derive(Clone)]
pub(super) struct Credentials(SecretString);

#[derive(Deserialize)]
struct PullSecret {
    auths: BTreeMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    auth: Option<SecretString>,
}

impl Credentials {
    /// What a pull secret has for an image: the entry whose name is the longest beginning of it, as container tools choose.
    pub fn of(pull_secret: &SecretString, reference: &Reference) -> Result<Option<Self>, RegistryError> {
        // The parser's message might quote what it stumbled over.
        let read: PullSecret =
            serde_json::from_str(pull_secret.expose_secret()).map_err(|_| RegistryError::NoPullSecret)?;
        let image = format!("{}/{}", reference.registry, reference.repository);
        let fits = |name: &str| {
            let name = name.trim_start_matches("https://").trim_end_matches('/');
            let name = if name == "index.docker.io/v1" { "docker.io" } else { name };
            let is_beginning = image.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            is_beginning.then_some(name.len())
        };
        let best = read
            .auths
            .iter()
            .filter_map(|(name, auth)| Some((fits(name)?, auth.auth.as_ref()?)))
            .max_by_key(|(length, _)| *length);
        let Some((_, auth)) = best else { return Ok(None) };
        let usable = STANDARD.decode(auth.expose_secret().trim()).map(Zeroizing::new);
        if usable.is_ok_and(|pair| pair.contains(&b':')) {
            Ok(Some(Self(SecretString::from(auth.expose_secret().trim()))))
        } else {
            Err(RegistryError::NoPullSecret)
        }
    }

    /// The value of the header `Authorization`.
    pub fn basic(&self) -> SecretString {
        SecretString::from(format!("Basic {}", self.0.expose_secret()))
    }
}

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password.
    Basic,
    /// A token of this service.
    Bearer {
        /// The address of the token service.
        realm: String,
        /// The name under which it knows the registry.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads the header `WWW-Authenticate`.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        Some(Self::Bearer { realm: parameters.get("realm")?.clone(), service: parameters.get("service").cloned() })
    }
}

/// `a="b",c="d"`; commas may stand in quotes.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((name, behind)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        let (value, left) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => behind.split_once(',').unwrap_or((behind, "")),
        };
        found.insert(name, value.to_owned());
        rest = left;
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn challenges() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) })
        };
        for (header, want) in [
            (
                r#"Bearer realm="https://a/t?x=1,2",service="r",scope="repository:a:pull""#,
                bearer("https://a/t?x=1,2", Some("r")),
            ),
            (r#"bearer service=r, realm="https://a""#, bearer("https://a", Some("r"))),
            (r#"Basic realm="x""#, Some(Challenge::Basic)),
            ("Bearer", None),
            ("Negotiate", None),
        ] {
            assert_eq!(Challenge::parse(header), want, "{header}");
        }
    }

    #[test]
    fn the_longest_beginning_counts() {
        let reference = Reference::parse("q.io:5000/ocp/release:1").unwrap();
        let of = |auths: &[(&str, &str)]| {
            let auths: BTreeMap<&str, serde_json::Value> =
                auths.iter().map(|(name, pair)| (*name, serde_json::json!({"auth": STANDARD.encode(pair)}))).collect();
            let secret = SecretString::from(serde_json::json!({"auths": auths}).to_string());
            Credentials::of(&secret, &reference)
                .map(|found| found.map(|it| String::from_utf8(STANDARD.decode(it.0.expose_secret()).unwrap()).unwrap()))
        };
        let all = [("q.io:5000", "a:1"), ("https://q.io:5000/ocp/", "b:2"), ("q.io:5000/oc", "c:3"), ("q.io", "d:4")];
        assert_eq!(of(&all), Ok(Some("b:2".to_owned())));
        assert_eq!(of(&all[..1]), Ok(Some("a:1".to_owned())));
        assert_eq!(of(&all[2..]), Ok(None));
        assert_eq!(of(&[("q.io:5000", "no colon")]), Err(RegistryError::NoPullSecret));
        assert!(Credentials::of(&SecretString::from("{}"), &reference).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_header_and_any_pull_secret_are_read(
            header in "(Bearer |Basic|realm=|service=|[\",=é ]|https://a|\\PC){0,16}",
            secret in crate::fuzz::json(&["auths", "auth", "quay.io", "quay.io/a", ""]),
        ) {
            let _ = Challenge::parse(&header);
            let reference = Reference::parse("quay.io/a/b:c").unwrap();
            let _ = Credentials::of(&SecretString::from(secret.to_string()), &reference);
            let _ = Credentials::of(&SecretString::from(header), &reference);
        }
    }
}
