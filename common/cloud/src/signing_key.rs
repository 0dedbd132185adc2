//! The service account signing key: its public half and its key id, from a PEM file or Secret.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, PublicKey as RsaPublicKey};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use facts::oidc::PublicKey;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::secrets;

/// The largest file that is read as a key, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Why a key could not be read. No message holds key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read.
    #[error("cannot read the signing key {source_name}: {why}")]
    Unreadable {
        /// Where the key should be.
        source_name: String,
        /// What the system said.
        why: String,
    },
    /// There is no PEM section that holds an RSA key.
    #[error("{source_name} holds no RSA key in PEM form: {why}")]
    NotRsaPem {
        /// Where the key should be.
        source_name: String,
        /// What was found instead.
        why: String,
    },
    /// The key is damaged, or smaller than 2,048 or larger than 8,192 bits.
    #[error("the RSA key of {source_name} is not usable: {why}")]
    Rejected {
        /// Where the key is.
        source_name: String,
        /// What the crypto library said.
        why: String,
    },
}

impl KeyError {
    /// What failed, for the line behind `error:`.
    pub fn what(&self) -> String {
        match self {
            Self::Unreadable { source_name, .. } => format!("cannot read the signing key {source_name}"),
            Self::NotRsaPem { source_name, .. } => format!("{source_name} holds no RSA key in PEM form"),
            Self::Rejected { source_name, .. } => format!("the RSA key of {source_name} is not usable"),
        }
    }

    /// Why it failed, for the line behind `why:`.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::Unreadable { why, .. } | Self::NotRsaPem { why, .. } | Self::Rejected { why, .. } => {
                Some(why.clone())
            }
        }
    }

    /// What to do about it, for the line behind `hint:`.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::NotRsaPem { .. } | Self::Rejected { .. } => {
                Some("make a pair of keys with `create oidc-issuer`".to_owned())
            }
        }
    }
}

/// Reads the public half of the first RSA key in a PEM text: a private key (PKCS#1 or PKCS#8) or a public one (PKIX).
///
/// `source` says where the text comes from, for messages and for [`PublicKey::source`].
///
/// # Errors
/// [`KeyError`]. Messages name the source and never the key.
pub fn public_key_of_pem(pem: &[u8], source: String) -> Result<PublicKey, KeyError> {
    let key = rsa_public_key(pem, &source)?;
    let rejected = || KeyError::Rejected { source_name: source.clone(), why: "it cannot be encoded".to_owned() };
    let info = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(&key).map_err(|_| rejected())?;
    let modulus = key.modulus().big_endian_without_leading_zero();
    let leading_zeros = modulus.first().map_or(0, |byte| byte.leading_zeros());
    Ok(PublicKey {
        kid: URL_SAFE_NO_PAD.encode(digest(&SHA256, info.as_ref())),
        n: URL_SAFE_NO_PAD.encode(modulus),
        e: URL_SAFE_NO_PAD.encode(key.exponent().big_endian_without_leading_zero()),
        bits: u32::try_from(modulus.len() * 8).map_err(|_| rejected())? - leading_zeros,
        source,
    })
}

/// Reads the public half of the key in a file.
///
/// # Errors
/// [`KeyError`].
pub fn public_key_of_file(path: &Path) -> Result<PublicKey, KeyError> {
    let source = path.display().to_string();
    let unreadable = |why: String| KeyError::Unreadable { source_name: source.clone(), why };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > MAX_FILE {
        return Err(unreadable("it is no file of the size of a key".to_owned()));
    }
    let pem = Zeroizing::new(std::fs::read(path).map_err(|error| unreadable(error.to_string()))?);
    public_key_of_pem(&pem, source)
}

/// The public half of the first RSA key in a PEM text, as a PEM text of its own (PKIX, `PUBLIC KEY`).
///
/// # Errors
/// [`KeyError`].
pub fn public_pem_of(pem: &[u8], source: &str) -> Result<String, KeyError> {
    let key = rsa_public_key(pem, source)?;
    let info = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(&key)
        .map_err(|_| KeyError::Rejected { source_name: source.to_owned(), why: "it cannot be encoded".to_owned() })?;
    Ok(secrets::pem("PUBLIC KEY", info.as_ref()).expose_secret().to_owned())
}

/// Whether the first RSA key in a PEM text is a private one.
pub fn is_private(pem: &[u8]) -> bool {
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).map_while(Result::ok).map(|(kind, der)| {
        drop(Zeroizing::new(der));
        kind
    });
    let keys = [SectionKind::PublicKey, SectionKind::RsaPrivateKey, SectionKind::PrivateKey];
    sections.find(|kind| keys.contains(kind)).is_some_and(|kind| kind != SectionKind::PublicKey)
}

/// Why HyperShift cannot use an RSA key that is well otherwise: it reads the first PEM section, as PKCS#1 and nothing else.
/// Source: openshift/hypershift support/certs/tls.go (PemToPrivateKey).
pub fn objection(pem: &[u8]) -> Option<&'static str> {
    let first = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).next()?.ok().map(|(kind, der)| {
        drop(Zeroizing::new(der));
        kind
    });
    match first? {
        SectionKind::RsaPrivateKey => None,
        SectionKind::PrivateKey => Some("it is a private key in PKCS#8 form; HyperShift reads PKCS#1 only"),
        SectionKind::PublicKey => Some("it is a public key; HyperShift needs the private one"),
        _ => Some("its first PEM section is no private key, and HyperShift reads no other"),
    }
}

/// The same private key in the one form that HyperShift reads, where a PEM text has it in another: see [`objection`].
/// None when the text can stay as it is, and when it holds no private key.
pub fn rewritten(pem: &[u8]) -> Option<SecretString> {
    objection(pem)?;
    <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).map_while(Result::ok).find_map(|(kind, der)| {
        let der = Zeroizing::new(der);
        let pkcs1 = match kind {
            SectionKind::RsaPrivateKey => der.as_slice(),
            SectionKind::PrivateKey => secrets::pkcs1_of_pkcs8(&der)?,
            _ => return None,
        };
        Some(secrets::pem("RSA PRIVATE KEY", pkcs1))
    })
}

fn rsa_public_key(pem: &[u8], source: &str) -> Result<RsaPublicKey, KeyError> {
    let not_pem = |why: String| KeyError::NotRsaPem { source_name: source.to_owned(), why };
    let rejected = |why: aws_lc_rs::error::KeyRejected| KeyError::Rejected {
        source_name: source.to_owned(),
        why: why.to_string(),
    };
    let mut others = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        // The reader's own message may quote a line of the key.
        let (kind, der) = section.map_err(|_| not_pem("the PEM text is damaged".to_owned()))?;
        let der = Zeroizing::new(der);
        let private = match kind {
            SectionKind::PublicKey => return RsaPublicKey::from_der(&der).map_err(rejected),
            SectionKind::RsaPrivateKey => KeyPair::from_der(&der),
            SectionKind::PrivateKey => KeyPair::from_pkcs8(&der),
            other => {
                others.push(format!("{other:?}"));
                continue;
            }
        };
        return private.map(|pair| pair.public_key().clone()).map_err(rejected);
    }
    Err(not_pem(match others.as_slice() {
        [] => "there is no PEM section".to_owned(),
        others => format!("it holds {}", others.join(", ")),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stdout)]
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use aws_lc_rs::encoding::{Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::KeySize;
    use proptest::prelude::*;

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        secrets::pem(label, der).expose_secret().to_owned()
    }

    /// A new key: PKCS#8, PKCS#1 and PKIX.
    fn new_key() -> (String, String, String) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let pkcs1 = secrets::pkcs1_of_pkcs8(pkcs8.as_ref()).unwrap();
        (pem("PRIVATE KEY", pkcs8.as_ref()), pem("RSA PRIVATE KEY", pkcs1), pem("PUBLIC KEY", public.as_ref()))
    }

    fn read(pem: &str) -> PublicKey {
        public_key_of_pem(pem.as_bytes(), "here".to_owned()).unwrap()
    }

    #[test]
    fn hypershift_gets_pkcs1_first_and_the_same_key() {
        let (pkcs8, pkcs1, public) = new_key();
        assert!(rewritten(pkcs1.as_bytes()).is_none() && rewritten(b"no key").is_none());
        assert!(rewritten(public.as_bytes()).is_none());
        // Behind a public key, or wrapped: both are read past or not at all by HyperShift.
        for other in [pkcs8.clone(), format!("{public}{pkcs1}"), format!("{public}{pkcs8}")] {
            assert!(objection(other.as_bytes()).is_some());
            let own = rewritten(other.as_bytes()).unwrap();
            assert_eq!(own.expose_secret(), pkcs1);
            assert!(objection(own.expose_secret().as_bytes()).is_none());
        }
    }

    #[test]
    fn all_forms_of_a_key_are_the_same_key() {
        let (pkcs8, pkcs1, public) = new_key();
        let key = read(&pkcs8);
        assert_eq!(key, read(&pkcs1));
        assert_eq!(key, read(&public));
        assert_eq!(key, read(&format!("some words before\n{public}")));
        assert_eq!((key.bits, key.e.as_str(), key.source.as_str()), (2048, "AQAB", "here"));
        let (other, _, _) = new_key();
        assert_ne!(key.kid, read(&other).kid);
    }

    #[test]
    fn modulus_and_exponent_are_those_that_another_library_reads() {
        let (_, pkcs1, _) = new_key();
        let encoding = jsonwebtoken::EncodingKey::from_rsa_pem(pkcs1.as_bytes()).unwrap();
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&encoding, jsonwebtoken::Algorithm::RS256).unwrap();
        let jsonwebtoken::jwk::AlgorithmParameters::RSA(rsa) = jwk.algorithm else {
            panic!("an RSA key");
        };
        let key = read(&pkcs1);
        assert_eq!((key.n, key.e), (rsa.n, rsa.e));
    }

    #[test]
    fn the_key_id_is_that_of_openssl() {
        let (_, pkcs1, _) = new_key();
        let spawned = Command::new("openssl")
            .args(["rsa", "-pubout", "-outform", "DER"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut openssl) = spawned else {
            println!("skipped: there is no openssl command");
            return;
        };
        openssl.stdin.take().unwrap().write_all(pkcs1.as_bytes()).unwrap();
        let der = openssl.wait_with_output().unwrap().stdout;
        assert_eq!(read(&pkcs1).kid, URL_SAFE_NO_PAD.encode(digest(&SHA256, &der)));
    }

    #[test]
    fn what_is_no_rsa_key_is_named_and_not_quoted() {
        let fail = |text: &str| public_key_of_pem(text.as_bytes(), "here".to_owned()).unwrap_err();
        assert_eq!(fail("hunter2").why().unwrap(), "there is no PEM section");
        assert_eq!(fail(&pem("CERTIFICATE", b"x")).why().unwrap(), "it holds Certificate");
        let damaged = fail(&pem("RSA PRIVATE KEY", b"hunter2"));
        assert!(matches!(damaged, KeyError::Rejected { .. }), "{damaged}");
        let cut = fail("-----BEGIN PRIVATE KEY-----\nhunter2\n");
        for error in [damaged, cut] {
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signer.private");
        let (_, pkcs1, _) = new_key();
        std::fs::write(&path, &pkcs1).unwrap();
        assert_eq!(public_key_of_file(&path).unwrap().kid, read(&pkcs1).kid);
        assert!(matches!(public_key_of_file(folder.path()), Err(KeyError::Unreadable { .. })));
        assert!(matches!(public_key_of_file(&folder.path().join("none")), Err(KeyError::Unreadable { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..400) {
            let _ = public_key_of_pem(&bytes, String::new());
            let framed = pem("PUBLIC KEY", &bytes);
            let _ = public_key_of_pem(framed.as_bytes(), String::new());
            let _ = public_key_of_pem(&framed.as_bytes()[..at.min(framed.len())], String::new());
        }
    }
}
