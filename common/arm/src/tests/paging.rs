//! Lists over several pages, through our own models and through the legacy ones.

use super::{Answer, Asked, Fake, arm, reply};
use crate::{ArmId, Kind};

fn role_page(name: &str, next: Option<&str>) -> Answer {
    let next = next.map(|link| format!(r#","nextLink":"{link}""#)).unwrap_or_default();
    let item = format!(
        r#"{{"id":"/x/{name}","name":"{name}","properties":{{"principalId":"p","roleDefinitionId":"r","scope":"/s"}}}}"#
    );
    reply(200, format!(r#"{{"value":[{item}]{next}}}"#))
}

fn identity_page(name: &str, next: Option<&str>) -> Answer {
    let next = next.map(|link| format!(r#","nextLink":"{link}""#)).unwrap_or_default();
    let item =
        format!(r#"{{"id":"/x/{name}","name":"{name}","location":"westeurope","properties":{{"clientId":"c"}}}}"#);
    reply(200, format!(r#"{{"value":[{item}]{next}}}"#))
}

fn scope() -> ArmId {
    ArmId::for_subscription("s1").unwrap()
}

fn three_pages(asked: &Asked, page: fn(&str, Option<&str>) -> Answer) -> Answer {
    match asked.path.split_once("$skiptoken=").map(|(_, token)| token) {
        None => page("a", Some("https://arm.example/next?api-version=1&$skiptoken=Tok2")),
        Some("Tok2") => page("b", Some("https://ARM.example:443/next?api-version=1&$skiptoken=tok2")),
        Some("tok2") => page("c", None),
        other => panic!("unexpected page {other:?}"),
    }
}

#[tokio::test]
async fn pages_are_joined_in_order() {
    let fake = Fake::new(|asked, _| three_pages(asked, role_page));
    let all = arm(&fake).role_assignments(&scope(), Some("principalId eq 'a b'")).await.unwrap().unwrap();
    assert_eq!(all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(
        fake.paths()[0],
        "GET /subscriptions/s1/providers/Microsoft.Authorization/roleAssignments?%24filter=principalId%20eq%20%27a%20b%27&api-version=2022-04-01"
    );
}

#[tokio::test]
async fn pages_of_the_legacy_models_are_joined_too() {
    let fake = Fake::new(|asked, _| three_pages(asked, identity_page));
    let all = arm(&fake).identities("s1").await.unwrap();
    assert_eq!(all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let paths = fake.paths();
    assert!(
        paths[0].starts_with("GET /subscriptions/s1/providers/Microsoft.ManagedIdentity/userAssignedIdentities?"),
        "{paths:?}"
    );
    assert!(fake.asked().iter().all(|asked| asked.authorization.as_deref() == Some("Bearer eyJ0-the-bearer-value")));
}

#[tokio::test]
async fn a_next_link_to_another_host_or_scheme_is_refused() {
    for link in [
        "https://evil.example/next",
        "http://arm.example/next",
        "https://arm.example:8443/next",
        "https://arm.example.evil.example/",
    ] {
        let fake = Fake::new(move |_, _| role_page("a", Some(link)));
        let error = arm(&fake).role_assignments(&scope(), None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Untrusted, "{link}");
        assert_eq!(fake.asked().len(), 1, "{link}");

        let fake = Fake::new(move |_, _| identity_page("a", Some(link)));
        let error = arm(&fake).identities("s1").await.unwrap_err();
        assert_eq!(error.kind, Kind::Untrusted, "{link}");
        assert_eq!(fake.asked().len(), 1, "{link}");
    }
}

#[tokio::test]
async fn a_list_that_repeats_itself_ends() {
    let fake = Fake::new(|_, _| role_page("a", Some("https://arm.example/next?page=1")));
    let error = arm(&fake).role_assignments(&scope(), None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Decode);
    let fake = Fake::new(|_, _| identity_page("a", Some("https://arm.example/next?page=1")));
    let error = arm(&fake).identities("s1").await.unwrap_err();
    assert_eq!(error.kind, Kind::Decode);
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn a_list_without_pages_or_items_is_empty() {
    for body in [
        r#"{"value":[]}"#,
        r#"{"value":[],"nextLink":null}"#,
        r#"{"value":[],"nextLink":""}"#,
        r#"{"value":null}"#,
        "{}",
    ] {
        let fake = Fake::new(move |_, _| reply(200, body));
        assert_eq!(arm(&fake).role_assignments(&scope(), None).await.unwrap().unwrap(), [], "{body}");
        let fake = Fake::new(move |_, _| reply(200, body));
        assert_eq!(*arm(&fake).identities("s1").await.unwrap(), [], "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_fails_the_list() {
    let fake = Fake::new(|_, number| match number {
        0 => role_page("a", Some("https://arm.example/next?page=2")),
        _ => reply(403, r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#),
    });
    assert!(arm(&fake).role_assignments(&scope(), None).await.unwrap_err().is_denied());
}
