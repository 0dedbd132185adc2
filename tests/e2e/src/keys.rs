//! The public half of a private key file, worked out apart from the product's own code.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use crate::Error;

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHalf {
    /// base64url(SHA-256(DER SubjectPublicKeyInfo)).
    pub kid: String,
    /// PEM of the SubjectPublicKeyInfo.
    pub pem: String,
}

/// The public half of an RSA private key in PEM form, PKCS#1 or PKCS#8.
///
/// # Errors
/// [`Error::Input`] when it is no such key.
pub fn public_half(pem: &str) -> Result<PublicHalf, Error> {
    let refused = |what: &str| Error::Input(format!("private key: {what}"));
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = BASE64_STANDARD.decode(body).map_err(|_| refused("no base64"))?;
    let pair =
        if pem.contains("BEGIN RSA PRIVATE KEY") { RsaKeyPair::from_der(&der) } else { RsaKeyPair::from_pkcs8(&der) };
    let pair = pair.map_err(|error| refused(&error.to_string()))?;
    let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(|_| refused("has no public half"))?;
    Ok(PublicHalf {
        kid: BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, spki.as_ref())),
        pem: armoured("PUBLIC KEY", spki.as_ref()),
    })
}

/// DER as PEM.
pub fn armoured(label: &str, der: &[u8]) -> String {
    let lines: String = BASE64_STANDARD
        .encode(der)
        .as_bytes()
        .chunks(64)
        .map(|line| format!("{}\n", String::from_utf8_lossy(line)))
        .collect();
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_what_openssl_says() {
        // Made with `openssl genpkey` and `openssl rsa -pubout`.
        let half = public_half(include_str!("../../inputs/keys/rsa-2048.pem")).unwrap();
        assert_eq!(half.pem, include_str!("../../inputs/keys/public.pem"));
    }
}
