//! A throw-away certificate authority and the server side of TLS.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::Error;

/// The authority's certificate and the configuration of a server that it vouches for.
pub(crate) struct Identity {
    pub ca_pem: String,
    pub server: Arc<rustls::ServerConfig>,
}

/// Makes an authority and a certificate for `localhost`, `127.0.0.1`, `::1` and `host`.
///
/// # Errors
/// `Error::Tls` when a key or certificate cannot be made.
pub(crate) fn identity(host: &str) -> Result<Identity, Error> {
    let tls = |error: &dyn std::fmt::Display| Error::Tls(error.to_string());

    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(|e| tls(&e))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "azure-sim throw-away CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate().map_err(|e| tls(&e))?;
    let ca = params.self_signed(&ca_key).map_err(|e| tls(&e))?;
    let issuer = Issuer::new(params, ca_key);

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let mut params = CertificateParams::new(names).map_err(|e| tls(&e))?;
    params.distinguished_name.push(DnType::CommonName, "azure-sim");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(|e| tls(&e))?;
    let certificate = params.signed_by(&key, &issuer).map_err(|e| tls(&e))?;

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(&e))?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone(), ca.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .map_err(|e| tls(&e))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Identity { ca_pem: ca.pem(), server: Arc::new(server) })
}
