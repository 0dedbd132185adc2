//! Certificates in Secrets: their public parts, and nothing else.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use facts::control_plane::Certificate;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;

/// A Secret as the API server lists it.
#[derive(Deserialize)]
pub(crate) struct Secret {
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, SecretString>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

/// The first certificate below each key of a Secret that holds certificates: its name ends in `.crt`. Private keys stand
/// below other names and are not looked at.
pub(crate) fn of_secret(secret: &Secret) -> Vec<Certificate> {
    let held = secret.data.iter().flatten().filter(|(key, _)| key.ends_with(".crt"));
    held.filter_map(|(key, value)| {
        let pem = STANDARD.decode(value.expose_secret()).ok()?;
        of_pem(&secret.metadata.name, key, &pem)
    })
    .collect()
}

/// The first certificate of a PEM text; none when there is none. The rest of a chain follows it.
fn of_pem(secret: &str, key: &str, pem: &[u8]) -> Option<Certificate> {
    let block = Pem::iter_from_buffer(pem).filter_map(Result::ok).find(|block| block.label == "CERTIFICATE")?;
    let (_, parsed) = X509Certificate::from_der(&block.contents).ok()?;
    let time = |seconds: i64| Timestamp::from_second(seconds).ok();
    Some(Certificate {
        secret: secret.to_owned(),
        key: key.to_owned(),
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        names: names(&parsed),
        is_authority: parsed.is_ca(),
        not_before: time(parsed.validity().not_before.timestamp())?,
        not_after: time(parsed.validity().not_after.timestamp())?,
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let listed = extension.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    listed.iter().filter_map(name).collect()
}

fn name(listed: &GeneralName<'_>) -> Option<String> {
    match listed {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|octets| IpAddr::from(Ipv4Addr::from(octets)).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|octets| IpAddr::from(Ipv6Addr::from(octets)).to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(authority: bool) -> (String, String) {
        let names = vec!["etcd-0.etcd-discovery".to_owned(), "10.0.0.1".to_owned(), "::1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "etcd-discovery");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        if authority {
            params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data: BTreeMap<&str, String> = data.iter().map(|(key, value)| (*key, STANDARD.encode(value))).collect();
        serde_json::from_value(serde_json::json!({"metadata": {"name": "etcd-peer-tls"}, "data": data})).unwrap()
    }

    #[test]
    fn the_public_part_and_nothing_else() {
        let (pem, key) = certificate(false);
        let found = of_secret(&secret(&[("peer.crt", &pem), ("peer.key", &key), ("tls.key", &pem)]));
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((found.secret.as_str(), found.key.as_str()), ("etcd-peer-tls", "peer.crt"));
        assert!(found.subject.contains("CN=etcd-discovery"), "{}", found.subject);
        assert_eq!(found.names, ["etcd-0.etcd-discovery", "10.0.0.1", "::1"]);
        assert_eq!(found.not_after.to_string(), "2027-01-01T00:00:00Z");
        assert!(!found.is_authority);
        assert!(!serde_json::to_string(found).unwrap().contains("PRIVATE"));
        let (authority, _) = certificate(true);
        assert!(of_secret(&secret(&[("ca.crt", &authority)]))[0].is_authority);
    }

    #[test]
    fn the_first_of_a_chain_and_nothing_of_what_is_no_certificate() {
        let ((leaf, key), (signer, _)) = (certificate(false), certificate(true));
        let found = of_secret(&secret(&[("tls.crt", &format!("{key}{leaf}{signer}"))]));
        assert_eq!((found.len(), found[0].is_authority), (1, false));
        for text in ["", "no PEM", &key, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(of_secret(&secret(&[("tls.crt", text)])), []);
        }
        let none: Secret = serde_json::from_str(r#"{"metadata": {}, "data": null}"#).unwrap();
        assert_eq!(of_secret(&none), []);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            let _ = of_pem("s", "k", &bytes);
            let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&bytes));
            let _ = of_pem("s", "k", text.as_bytes());
        }
    }
}
