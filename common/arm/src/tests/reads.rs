//! Deduplicated reads, absence, and failures through the legacy models.

use std::time::Duration;

use super::{Fake, arm, group, reply};
use crate::{ArmId, Kind};

fn id(text: &str) -> ArmId {
    ArmId::parse(text).unwrap()
}

const NSG: &str = "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/networkSecurityGroups/n1";
const IDENTITY: &str =
    "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i1";

#[tokio::test(start_paused = true)]
async fn many_who_ask_the_same_cause_one_request() {
    let fake = Fake::new(|_, _| reply(200, group("g1")).late(Duration::from_secs(1)));
    let arm = arm(&fake);
    let names = ["g1", "G1", "g1", "g1"];
    let results = futures::future::join_all(names.iter().map(|name| arm.resource_group("s1", name))).await;
    assert!(results.into_iter().all(|result| result.unwrap().is_some()));
    assert!(arm.clone().resource_group("s1", "g1").await.unwrap().is_some());
    assert_eq!(fake.asked().len(), 1);

    arm.resource_group("s1", "g2").await.unwrap();
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn legacy_reads_are_deduplicated_too() {
    let fake =
        Fake::new(|_, _| reply(200, format!(r#"{{"id":"{NSG}","name":"n1","location":"x","properties":{{}}}}"#)));
    let arm = arm(&fake);
    let nsg = id(NSG);
    let (one, two) = tokio::join!(arm.nsg(&nsg), arm.nsg(&nsg));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn failures_are_remembered_and_a_fresh_handle_asks_again() {
    let fake = Fake::new(|_, number| match number {
        0 => reply(403, r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#),
        _ => reply(200, group("g1")),
    });
    let arm = arm(&fake);
    assert!(arm.resource_group("s1", "g1").await.unwrap_err().is_denied());
    assert!(arm.resource_group("s1", "g1").await.unwrap_err().is_denied());
    assert_eq!(fake.asked().len(), 1);
    let fresh = arm.fresh();
    assert!(fresh.resource_group("s1", "g1").await.unwrap().is_some());
    assert!(fresh.resource_group("s1", "g1").await.unwrap().is_some());
    assert_eq!(fake.asked().len(), 2);
    assert!(arm.resource_group("s1", "g1").await.is_err());
}

#[tokio::test]
async fn a_write_makes_earlier_reads_stale_everywhere() {
    let fake = Fake::new(|_, _| reply(200, group("g1")));
    let arm = arm(&fake);
    let other = arm.fresh();
    for handle in [&arm, &other] {
        handle.resource_group("s1", "g1").await.unwrap();
    }
    let target = ArmId::for_resource_group("s1", "g1").unwrap();
    arm.put(&target, "2021-04-01", &serde_json::json!({"location": "westeurope"})).await.unwrap().done().await.unwrap();
    for handle in [&arm, &other] {
        handle.resource_group("s1", "g1").await.unwrap();
        handle.resource_group("s1", "g1").await.unwrap();
    }
    assert_eq!(fake.paths().iter().filter(|path| path.starts_with("GET")).count(), 4);
}

#[tokio::test]
async fn a_question_to_policy_is_no_write() {
    let fake = Fake::new(|request, _| match request.method.as_str() {
        "POST" => reply(200, "{}"),
        _ => reply(200, group("g1")),
    });
    let arm = arm(&fake);
    let scope = ArmId::for_resource_group("s1", "g1").unwrap();
    arm.resource_group("s1", "g1").await.unwrap();
    let answer = arm.policy_restrictions(&scope, &serde_json::json!({"type": "a/b"}), "2023-03-01").await.unwrap();
    assert_eq!(answer, Some(crate::model::PolicyRestrictions::default()));
    arm.resource_group("s1", "g1").await.unwrap();
    assert_eq!(fake.paths().iter().filter(|path| path.starts_with("GET")).count(), 1);
}

#[tokio::test]
async fn absence_is_data_but_only_when_azure_says_so() {
    const CASES: [(&str, &str); 3] = [
        (r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#, "resource"),
        (r#"{"error":{"code":"ResourceGroupNotFound","message":"gone"}}"#, "group"),
        (r#"{"error":{"code":"ParentResourceNotFound","message":"gone"}}"#, "parent"),
    ];
    for (body, what) in CASES {
        let fake = Fake::new(move |_, _| reply(404, body));
        let arm = arm(&fake);
        assert_eq!(arm.nsg(&id(NSG)).await.unwrap(), None, "{what}");
        assert_eq!(arm.federated_credentials(&id(IDENTITY)).await.unwrap(), None, "{what}");
        assert_eq!(arm.resource_group("s1", "g1").await.unwrap(), None, "{what}");
    }
    let page =
        Fake::new(|_, _| reply(404, "<html>Not found: see your proxy</html>").bare().with("content-type", "text/html"));
    let error = arm(&page).nsg(&id(NSG)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Refused);
    assert!(error.message.contains("text/html"), "{error}");
    let blocked = Fake::new(|_, _| reply(403, "<html>Blocked</html>").bare());
    assert_eq!(arm(&blocked).nsg(&id(NSG)).await.unwrap_err().kind, Kind::Refused);
}

#[tokio::test]
async fn failures_come_through_the_legacy_models_whole() {
    const BODY: &str = r#"{"error":{"code":"AuthorizationFailed","message":"The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Network/networkSecurityGroups/read' over scope '/subscriptions/s1/x' or the scope is invalid."}}"#;
    let fake = Fake::new(|_, _| {
        reply(403, BODY).with("x-ms-correlation-request-id", "corr-1").with("date", "Sat, 21 Nov 2026 02:00:00 GMT")
    });
    let error = arm(&fake).nsg(&id(NSG)).await.unwrap_err();
    assert_eq!(
        error.kind,
        Kind::Denied {
            action: Some("Microsoft.Network/networkSecurityGroups/read".to_owned()),
            scope: Some("/subscriptions/s1/x".to_owned()),
        }
    );
    assert_eq!((error.status, error.code.as_deref()), (Some(403), Some("AuthorizationFailed")));
    assert_eq!((error.request_id.as_deref(), error.correlation_id.as_deref()), (Some("req-1"), Some("corr-1")));
    assert_eq!(error.time.as_deref(), Some("Sat, 21 Nov 2026 02:00:00 GMT"));
    assert_eq!((error.method.as_str(), error.resource.as_str()), ("GET", NSG));
}

#[tokio::test]
async fn answers_of_another_form_are_decode_failures() {
    for body in ["", "<html>", "[]", r#"{"location":7}"#] {
        let fake = Fake::new(move |_, _| reply(200, body));
        let arm = arm(&fake);
        assert_eq!(arm.nsg(&id(NSG)).await.unwrap_err().kind, Kind::Decode, "{body:?}");
        assert_eq!(arm.resource_group("s1", "g1").await.unwrap_err().kind, Kind::Decode, "{body:?}");
    }
}

#[tokio::test]
async fn ids_of_another_type_and_names_that_lead_elsewhere_are_refused_unsent() {
    let fake = Fake::new(|_, _| reply(200, "{}"));
    let arm = arm(&fake);
    let errors = [
        arm.nsg(&id(IDENTITY)).await.unwrap_err(),
        arm.identity(&id(NSG)).await.unwrap_err(),
        arm.storage_account(&id(NSG)).await.unwrap_err(),
        arm.role_definition(&id(NSG)).await.unwrap_err(),
        arm.subscription("s1/../s2").await.unwrap_err(),
        arm.provider("s1", "Microsoft.Network/x").await.unwrap_err(),
        arm.resource_group("s1", "g1?x").await.unwrap_err(),
        arm.identities("s1/resourceGroups").await.unwrap_err(),
        arm.post(&id(NSG), "../x", "1", &()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, Kind::InvalidId, "{error}");
    }
    assert!(fake.asked().is_empty());
}
