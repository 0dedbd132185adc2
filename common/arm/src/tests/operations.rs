//! Writes and the operations that they start.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Answer, Asked, Fake, arm, reply};
use crate::{ArmId, Kind, Operation, Result};

const VNET: &str = "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v1";
const STATUS: &str = "https://arm.example/subscriptions/s1/providers/Microsoft.Network/locations/x/operations/op1?api-version=1&t=signed";

fn vnet() -> ArmId {
    ArmId::parse(VNET).unwrap()
}

fn resource(state: &str) -> String {
    json!({"id": VNET, "name": "v1", "properties": {"provisioningState": state}}).to_string()
}

fn accepted(status: u16) -> Answer {
    reply(status, resource("Updating")).with("azure-asyncoperation", STATUS)
}

async fn put(fake: &Arc<Fake>) -> Result<Operation> {
    arm(fake).put(&vnet(), "2024-03-01", &json!({"location": "westeurope"})).await
}

async fn put_done(fake: &Arc<Fake>) -> Result<Value> {
    put(fake).await?.done().await
}

#[tokio::test(start_paused = true)]
async fn a_put_that_is_done_at_once_polls_nothing() {
    let fake = Fake::new(|_, _| reply(200, resource("Succeeded")));
    let operation = put(&fake).await.unwrap();
    assert!(!operation.is_running());
    assert_eq!(operation.done().await.unwrap()["name"], "v1");
    let asked = fake.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].method.as_str(), asked[0].body.as_str()), ("PUT", r#"{"location":"westeurope"}"#));
}

#[tokio::test(start_paused = true)]
async fn the_status_document_is_followed_and_the_resource_read_at_the_end() {
    let fake = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("PUT", _) => accepted(201).with("location", "https://arm.example/not/used").with("retry-after", "3"),
        (_, 1) => reply(200, r#"{"status":"InProgress"}"#).with("retry-after", "0"),
        (_, 2) => reply(200, r#"{"status":"InProgress","percentComplete":50}"#),
        (_, 3) => reply(200, r#"{"status":"Succeeded"}"#),
        _ => reply(200, resource("Succeeded")),
    });
    let operation = put(&fake).await.unwrap();
    assert!(operation.is_running());
    assert_eq!(operation.done().await.unwrap()["properties"]["provisioningState"], "Succeeded");
    let asked = fake.asked();
    let gaps: Vec<u64> = asked.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs()).collect();
    assert_eq!(gaps, [3, 0, 1, 0], "3 and 0 as asked, 1 of our own");
    assert!(asked[1].path.starts_with("/subscriptions/s1/providers/Microsoft.Network/locations/x/operations/op1?"));
    assert_eq!(asked[4].path, format!("{VNET}?api-version=2024-03-01"));
    assert!(asked.iter().all(|one| one.authorization.is_some()));
}

#[tokio::test(start_paused = true)]
async fn our_own_pauses_grow_to_five_seconds() {
    let fake = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("PUT", _) => accepted(202),
        (_, ..8) => reply(200, r#"{"status":"Running"}"#),
        (_, 8) => reply(200, r#"{"status":"Succeeded"}"#),
        _ => reply(200, resource("Succeeded")),
    });
    put_done(&fake).await.unwrap();
    let asked = fake.asked();
    let gaps: Vec<u128> = asked.windows(2).map(|pair| (pair[1].at - pair[0].at).as_millis() / 100).collect();
    assert_eq!(gaps, [10, 15, 22, 33, 50, 50, 50, 50, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_bad_end_keeps_code_and_message() {
    for (state, body) in [
        (
            "Failed",
            r#"{"status":"Failed","error":{"code":"AnotherOperationInProgress","message":"Another operation is in progress."}}"#,
        ),
        (
            "Canceled",
            r#"{"status":"Canceled","error":{"code":"AnotherOperationInProgress","message":"Another operation is in progress."}}"#,
        ),
    ] {
        let fake = Fake::new(move |asked, _| if asked.method == "PUT" { accepted(201) } else { reply(200, body) });
        let error = put_done(&fake).await.unwrap_err();
        assert_eq!(error.kind, Kind::OperationEnded(state.to_owned()));
        assert_eq!(error.code.as_deref(), Some("AnotherOperationInProgress"));
        assert_eq!(error.message, "Another operation is in progress.");
        assert_eq!((error.method.as_str(), error.resource.as_str()), ("PUT", VNET));
        assert_eq!(error.request_id.as_deref(), Some("req-1"));
    }
    let silent =
        Fake::new(|asked, _| if asked.method == "PUT" { accepted(201) } else { reply(200, r#"{"status":"Failed"}"#) });
    let error = put_done(&silent).await.unwrap_err();
    assert!(error.message.contains("gave no reason"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn location_is_followed_while_it_answers_202() {
    let fake = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("PUT", _) => reply(202, "").with("location", "/subscriptions/s1/operationresults/r1?api-version=1"),
        (_, 1) => {
            reply(202, "").with("location", "https://arm.example/subscriptions/s1/operationresults/r2?api-version=1")
        }
        (_, 2) => reply(202, ""),
        _ => reply(200, resource("Succeeded")),
    });
    assert_eq!(put_done(&fake).await.unwrap()["name"], "v1");
    let paths: Vec<String> =
        fake.paths().into_iter().map(|path| path.split('?').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(
        paths[1..],
        [
            "GET /subscriptions/s1/operationresults/r1",
            "GET /subscriptions/s1/operationresults/r2",
            "GET /subscriptions/s1/operationresults/r2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn without_headers_the_resource_itself_is_watched() {
    let fake = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("PUT", _) => reply(201, resource("Creating")),
        (_, 1) => reply(200, resource("Updating")),
        _ => reply(200, resource("Succeeded")),
    });
    assert_eq!(put_done(&fake).await.unwrap()["properties"]["provisioningState"], "Succeeded");
    assert_eq!(fake.asked().len(), 3);

    let fake = Fake::new(|asked, _| match asked.method.as_str() {
        "PUT" => reply(201, resource("Creating")),
        _ => reply(200, resource("Failed")),
    });
    assert_eq!(put_done(&fake).await.unwrap_err().kind, Kind::OperationEnded("Failed".to_owned()));
    let fake = Fake::new(|_, _| reply(200, resource("Failed")));
    assert_eq!(put_done(&fake).await.unwrap_err().kind, Kind::OperationEnded("Failed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds() {
    let fake = Fake::new(
        |asked, _| {
            if asked.method == "PUT" { accepted(201) } else { reply(200, r#"{"status":"InProgress"}"#) }
        },
    );
    let start = Instant::now();
    let error = put(&fake).await.unwrap().within(Duration::from_secs(20)).done().await.unwrap_err();
    assert_eq!(error.kind, Kind::TimedOut);
    assert!(start.elapsed() <= Duration::from_secs(20), "{:?}", start.elapsed());

    let hung = Fake::new(|asked, _| match asked.method.as_str() {
        "PUT" => accepted(201),
        _ => reply(200, "{}").late(Duration::from_secs(3600)),
    });
    let start = Instant::now();
    let error = put(&hung).await.unwrap().within(Duration::from_secs(7)).done().await.unwrap_err();
    assert_eq!((error.kind.clone(), start.elapsed()), (Kind::TimedOut, Duration::from_secs(7)));
}

#[tokio::test(start_paused = true)]
async fn polls_are_retried_and_never_remembered() {
    let fake = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("PUT", _) => accepted(201),
        (_, 1) => reply(503, ""),
        (_, 2) => reply(200, r#"{"status":"InProgress"}"#),
        (_, 3) => reply(200, r#"{"status":"Succeeded"}"#),
        _ => reply(200, resource("Succeeded")),
    });
    put_done(&fake).await.unwrap();
    assert_eq!(fake.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_operation_elsewhere_is_not_followed() {
    for header in ["azure-asyncoperation", "location"] {
        let fake = Fake::new(move |_, _| reply(202, "").with(header, "https://evil.example/op"));
        assert_eq!(put_done(&fake).await.unwrap_err().kind, Kind::Untrusted, "{header}");
        assert_eq!(fake.asked().len(), 1);
    }
    let later = Fake::new(|asked, _| match asked.method.as_str() {
        "PUT" => accepted(201),
        _ => reply(200, r#"{"status":"InProgress"}"#).with("azure-asyncoperation", "http://arm.example/op"),
    });
    assert_eq!(put_done(&later).await.unwrap_err().kind, Kind::Untrusted);
    assert_eq!(later.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn deletes() {
    async fn delete(fake: &Arc<Fake>) -> Option<Value> {
        match arm(fake).delete(&vnet(), "2024-03-01").await.unwrap() {
            Some(operation) => Some(operation.done().await.unwrap()),
            None => None,
        }
    }
    let at_once = Fake::new(|_, _| reply(204, ""));
    assert_eq!(delete(&at_once).await, Some(Value::Null));
    let gone = Fake::new(|_, _| reply(404, r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#));
    assert_eq!(delete(&gone).await, None);
    let location = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("DELETE", _) => reply(202, "").with("location", "https://arm.example/r1"),
        (_, 1) => reply(202, ""),
        _ => reply(204, ""),
    });
    assert_eq!(delete(&location).await, Some(Value::Null));
    assert_eq!(location.asked().len(), 3);
    let vanished = Fake::new(|asked, _| match asked.method.as_str() {
        "DELETE" => accepted(202),
        _ => reply(404, r#"{"error":{"code":"NotFound","message":"no operation"}}"#),
    });
    assert_eq!(delete(&vanished).await, Some(Value::Null));
    let bare = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("DELETE", _) => reply(202, ""),
        (_, 1) => reply(200, resource("Deleting")),
        _ => reply(404, r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#),
    });
    assert_eq!(delete(&bare).await, Some(Value::Null));
    assert_eq!(bare.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn posts() {
    let keys = Fake::new(|_, _| reply(200, r#"{"keys":[{"value":"k"}]}"#));
    let result = arm(&keys).post(&vnet(), "listKeys", "2024-01-01", &()).await.unwrap().done().await.unwrap();
    assert_eq!(result["keys"][0]["value"], "k");
    let asked = &keys.asked()[0];
    assert_eq!(
        (asked.path.as_str(), asked.body.as_str()),
        (format!("{VNET}/listKeys?api-version=2024-01-01").as_str(), "")
    );

    let long = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("POST", _) => {
            reply(202, "").with("azure-asyncoperation", STATUS).with("location", "https://arm.example/result")
        }
        (_, 1) => reply(200, r#"{"status":"Succeeded"}"#),
        _ => reply(200, r#"{"value":[1]}"#),
    });
    let result = arm(&long).post(&vnet(), "effective", "1", &json!({"a": 1})).await.unwrap().done().await.unwrap();
    assert_eq!(result, json!({"value": [1]}));
    assert_eq!(long.paths()[2], "GET /result");

    let failing = Fake::new(|_, _| reply(500, ""));
    assert_eq!(arm(&failing).post(&vnet(), "listKeys", "1", &()).await.unwrap_err().kind, Kind::Service);
    assert_eq!(failing.asked().len(), 1, "an action may have been done already");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_operation_can_be_taken_up_again() {
    let fake = Fake::new(|asked, number| match (asked.method.as_str(), number) {
        ("PUT", 0) => accepted(201),
        ("PUT", _) => reply(200, resource("Succeeded")),
        _ => reply(200, r#"{"status":"InProgress"}"#),
    });
    let arm = arm(&fake);
    let body = json!({});
    let operation = arm.put(&vnet(), "1", &body).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(3), operation.done()).await.is_err());
    let polls = fake.asked().len();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fake.asked().len(), polls, "nothing goes on in the background");
    assert!(arm.put(&vnet(), "1", &body).await.unwrap().done().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn writes_under_one_key_follow_one_another_and_others_run_meanwhile() {
    let fake = Fake::new(|_: &Asked, _| reply(200, "{}").late(Duration::from_secs(2)));
    let arm = arm(&fake);
    let order = Mutex::new(Vec::new());
    let write = |key: &'static str, name: &'static str| {
        let (arm, order) = (arm.clone(), &order);
        async move {
            let id = ArmId::for_resource_group("s1", name).unwrap();
            let work = async {
                arm.put(&id, "1", &()).await.unwrap().done().await.unwrap();
                order.lock().unwrap().push(name);
            };
            arm.serialised(key, work).await;
        }
    };
    let start = Instant::now();
    tokio::join!(write("ID-A", "a1"), write("id-a", "a2"), write("id-b", "b1"), write("id-a", "a3"));
    assert_eq!(start.elapsed(), Duration::from_secs(6));
    let order = order.lock().unwrap().clone();
    assert_eq!(order.iter().filter(|name| name.starts_with('a')).copied().collect::<Vec<_>>(), ["a1", "a2", "a3"]);
    assert!(order.iter().position(|name| *name == "b1") < order.iter().position(|name| *name == "a2"));
}
