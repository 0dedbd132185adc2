#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn what_manifests_say() {
    let list = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
        {"digest":"sha256:00","platform":{"architecture":"arm64","os":"linux"}},
        {"digest":"sha256:01","platform":{"architecture":"unknown","os":"unknown"}}]}"#;
    let list: Manifest = serde_json::from_str(list).unwrap();
    assert_eq!(list.manifests.len(), 2);
    let config = r#"{"architecture":"amd64","config":{"Labels":null}}"#;
    let config: ImageConfig = serde_json::from_str(config).unwrap();
    assert!(config.config.unwrap().labels.is_none());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    #[test]
    fn any_json_may_be_a_manifest(value in crate::fuzz::json(&[
        "manifests", "digest", "platform", "architecture", "os", "config", "Labels", "mediaType",
    ])) {
        let _ = serde_json::from_value::<Manifest>(value.clone());
        let _ = serde_json::from_value::<ImageConfig>(value);
    }
}

#[tokio::test]
async fn nothing_is_asked_of_what_is_no_registry_and_never_without_tls() {
    let http = reqwest::Client::builder().https_only(true).build().unwrap();
    let calls = Calls::default();
    let error = release(&http, &calls, "release:4.22", None).await.unwrap_err();
    assert!(matches!(error, RegistryError::NoImage { .. }), "{error}");
    assert!(calls.all().is_empty());
    // A server without TLS gets no request, and no secret.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 512];
        let length = tokio::io::AsyncReadExt::read(&mut stream, &mut bytes).await.unwrap();
        bytes[..length].to_vec()
    });
    let secret = SecretString::from(format!(r#"{{"auths":{{"{address}":{{"auth":"dTpjYW5hcnk="}}}}}}"#));
    let error = release(&http, &calls, &format!("{address}/r:x"), Some(&secret)).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unanswered { .. }), "{error}");
    let heard = heard.await.unwrap();
    assert!(!String::from_utf8_lossy(&heard).contains("HTTP/") && heard[0] == 0x16, "no TLS handshake");
}
