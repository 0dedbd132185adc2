//! Secrets that are made for a cluster: random keys, and a key pair for SSH.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{SecretBox, SecretString};
use zeroize::Zeroizing;

/// The system gave no randomness, or the crypto library made no key of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system could not make a random key")]
pub struct NoRandomness;

/// A random key of 32 bytes, as etcd's encryption takes it. It is the system's own: the crypto library would first spend
/// 30 ms on gathering more.
///
/// # Errors
/// [`NoRandomness`].
pub fn random_key() -> Result<SecretBox<[u8; 32]>, NoRandomness> {
    let mut failed = false;
    let key = SecretBox::init_with_mut(|bytes: &mut [u8; 32]| failed = getrandom::fill(bytes).is_err());
    if failed { Err(NoRandomness) } else { Ok(key) }
}

/// Random bytes that are no secret.
///
/// # Errors
/// [`NoRandomness`].
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map(|()| bytes).map_err(|_| NoRandomness)
}

/// A new RSA key pair of 4096 bits for SSH: the line of `authorized_keys`, and the private key as PKCS#1 in PEM form.
///
/// # Errors
/// [`NoRandomness`].
pub fn ssh_key_pair() -> Result<(String, SecretString), NoRandomness> {
    let (pair, private) = rsa_key()?;
    let public = pair.public_key();
    let mut blob = Vec::new();
    put(&mut blob, b"ssh-rsa");
    put_number(&mut blob, public.exponent().big_endian_without_leading_zero());
    put_number(&mut blob, public.modulus().big_endian_without_leading_zero());
    let line = format!("ssh-rsa {}\n", STANDARD.encode(blob));
    Ok((line, private))
}

/// A new RSA private key of 4096 bits for signing tokens, as PKCS#1 in PEM form.
///
/// # Errors
/// [`NoRandomness`].
pub fn signing_key() -> Result<SecretString, NoRandomness> {
    rsa_key().map(|(_, private)| private)
}

/// A new RSA key of 4096 bits, and its private half as PKCS#1 in PEM form.
fn rsa_key() -> Result<(KeyPair, SecretString), NoRandomness> {
    let pair = KeyPair::generate(KeySize::Rsa4096).map_err(|_| NoRandomness)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| NoRandomness)?;
    let private = pkcs1_of_pkcs8(pkcs8.as_ref()).map(|pkcs1| pem("RSA PRIVATE KEY", pkcs1)).ok_or(NoRandomness)?;
    Ok((pair, private))
}

/// The private key within its PKCS#8 wrapping: SEQUENCE { version, algorithm, OCTET STRING { it } }.
pub(crate) fn pkcs1_of_pkcs8(der: &[u8]) -> Option<&[u8]> {
    let inner = element(der, 0x30)?;
    let after_version = rest_behind(inner)?;
    let after_algorithm = rest_behind(after_version)?;
    element(after_algorithm, 0x04)
}

/// The content of the DER element at the front, if it has this tag.
fn element(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (header, length) = header(der)?;
    (der.first() == Some(&tag)).then(|| der.get(header..header + length))?
}

/// What follows the DER element at the front.
fn rest_behind(der: &[u8]) -> Option<&[u8]> {
    let (header, length) = header(der)?;
    der.get(header + length..)
}

/// The sizes of header and content of the DER element at the front.
fn header(der: &[u8]) -> Option<(usize, usize)> {
    let first = usize::from(*der.get(1)?);
    if first < 0x80 {
        return Some((2, first));
    }
    let bytes = der.get(2..2 + (first - 0x80))?;
    if bytes.len() > 4 {
        return None;
    }
    let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    Some((2 + bytes.len(), length))
}

/// A string of the SSH wire format (RFC 4251): its length, and it.
fn put(blob: &mut Vec<u8>, bytes: &[u8]) {
    blob.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    blob.extend(bytes);
}

/// A positive number of the SSH wire format: with a zero in front where its first bit is set.
fn put_number(blob: &mut Vec<u8>, bytes: &[u8]) {
    let mut number = Vec::with_capacity(bytes.len() + 1);
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        number.push(0);
    }
    number.extend(bytes);
    put(blob, &number);
}

/// A PEM text of one section.
pub(crate) fn pem(label: &str, der: &[u8]) -> SecretString {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 64);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::signing_key::public_key_of_pem;

    #[test]
    fn random_keys_differ() {
        let (one, other) = (random_key().unwrap(), random_key().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
    }

    #[test]
    fn both_halves_are_of_one_key() {
        let (public, private) = ssh_key_pair().unwrap();
        let text = private.expose_secret();
        assert!(
            text.starts_with("-----BEGIN RSA PRIVATE KEY-----\n") && text.ends_with("-----END RSA PRIVATE KEY-----\n")
        );
        let key = public_key_of_pem(text.as_bytes(), "new".into()).unwrap();
        assert_eq!(key.bits, 4096);
        let blob = STANDARD.decode(public.trim().strip_prefix("ssh-rsa ").unwrap()).unwrap();
        let modulus = URL_SAFE_NO_PAD.decode(key.n).unwrap();
        assert!(blob.starts_with(b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01\0\0\x02\x01\0"));
        assert!(blob.ends_with(&modulus));
    }
}
