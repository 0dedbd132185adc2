//! Blob storage is the real one: public containers are public, private ones are not.

use e2e::azurite::{Azurite, PublicAccess};
use reqwest::StatusCode;

const DISCOVERY: &str = ".well-known/openid-configuration";

async fn anonymous(azurite: &Azurite, url: &str) -> (StatusCode, Option<String>, String) {
    let response = azurite.http().unwrap().get(url).send().await.unwrap();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    (response.status(), content_type, response.text().await.unwrap())
}

#[tokio::test]
async fn a_public_container_serves_its_blobs_to_anyone() {
    let azurite = Azurite::shared().await.unwrap();
    azurite.create_container("open", PublicAccess::Blob).await.unwrap();
    azurite.put_blob("open", DISCOVERY, "application/json", r#"{"issuer":"a"}"#).await.unwrap();
    let url = azurite.blob_url("open", DISCOVERY);

    let answer = anonymous(azurite, &url).await;
    assert_eq!(answer, (StatusCode::OK, Some("application/json".into()), r#"{"issuer":"a"}"#.into()));

    azurite.put_blob("open", DISCOVERY, "application/json", r#"{"issuer":"b"}"#).await.unwrap();
    assert_eq!(anonymous(azurite, &url).await.2, r#"{"issuer":"b"}"#);

    azurite.delete_blob("open", DISCOVERY).await.unwrap();
    let (status, _, body) = anonymous(azurite, &url).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains("BlobNotFound"), "{body}");
}

#[tokio::test]
async fn a_private_container_serves_nobody() {
    let azurite = Azurite::shared().await.unwrap();
    azurite.create_container("closed", PublicAccess::Private).await.unwrap();
    azurite.put_blob("closed", DISCOVERY, "application/json", "{}").await.unwrap();
    let url = azurite.blob_url("closed", DISCOVERY);
    let (status, _, body) = anonymous(azurite, &url).await;
    assert!([403, 404, 409].contains(&status.as_u16()), "{status}: {body}");
    assert!(!body.contains("{}"), "{body}");

    azurite.set_public_access("closed", PublicAccess::Blob).await.unwrap();
    assert_eq!(anonymous(azurite, &url).await.0, StatusCode::OK);

    azurite.set_public_access("closed", PublicAccess::Private).await.unwrap();
    assert_ne!(anonymous(azurite, &url).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_request_without_a_token_cannot_write() {
    let azurite = Azurite::shared().await.unwrap();
    let url = format!("{}/nobody?restype=container", azurite.base_url());
    let status = azurite.http().unwrap().put(url).send().await.unwrap().status();
    assert!(status.is_client_error(), "{status}");
}

#[tokio::test]
async fn only_its_own_authority_vouches_for_it() {
    let azurite = Azurite::shared().await.unwrap();
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(stranger.get(azurite.base_url()).send().await.unwrap_err().is_connect());
}
