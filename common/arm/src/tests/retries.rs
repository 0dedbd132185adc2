//! Which requests are sent again, when, and how failures look in the end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_core::http::HttpClient;

use super::{Answer, ENDPOINT, Fake, Fixed, TOKEN, arm, group, options, refused_connection, reply};
use crate::{Arm, Exchange, Kind, Observer};

const THROTTLED: &str =
    r#"{"error":{"code":"SubscriptionRequestsThrottled","message":"Please try again after '6' seconds."}}"#;

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_for_as_asked() {
    let fake = Fake::new(|_, number| match number {
        0 | 1 => reply(429, THROTTLED).with("retry-after", "6"),
        _ => reply(200, group("g1")),
    });
    let found = arm(&fake).resource_group("s1", "g1").await.unwrap().unwrap();
    assert_eq!(found.location, "westeurope");
    let at: Vec<_> = fake.asked().iter().map(|asked| asked.at).collect();
    assert_eq!(at.len(), 3);
    for pair in at.windows(2) {
        let gap = pair[1] - pair[0];
        assert!(gap >= Duration::from_secs(6) && gap < Duration::from_secs(7), "{gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_without_end_is_told_with_its_wait() {
    let fake = Fake::new(|_, _| reply(429, THROTTLED).with("x-ms-retry-after-ms", "1500"));
    let error = arm(&fake).resource_group("s1", "g1").await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled { retry_after: Some(Duration::from_millis(1500)) });
    assert_eq!((error.attempts, fake.asked().len()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_time_for_the_call_is_not_begun() {
    let fake = Fake::new(|_, _| reply(429, THROTTLED).with("retry-after", "3600"));
    let start = tokio::time::Instant::now();
    let error = arm(&fake).resource_group("s1", "g1").await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled { retry_after: Some(Duration::from_secs(3600)) });
    assert_eq!((start.elapsed(), fake.asked().len()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_subscription_holds_back_other_reads() {
    let fake = Fake::new(|_, number| match number {
        0 => reply(429, THROTTLED).with("retry-after", "6"),
        _ => reply(200, group("g")),
    });
    let arm = arm(&fake);
    let first = arm.resource_group("s1", "g1");
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        arm.resource_group("s1", "g2").await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() && second.is_ok());
    let asked = fake.asked();
    assert!(asked[1..].iter().all(|later| later.at - asked[0].at >= Duration::from_secs(6)), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_is_asked_four_times() {
    let fake = Fake::new(|_, _| reply(500, r#"{"error":{"code":"InternalServerError","message":"oops"}}"#));
    let error = arm(&fake).resource_group("s1", "g1").await.unwrap_err();
    assert_eq!((&error.kind, error.attempts, fake.asked().len()), (&Kind::Service, 4, 4));
    assert_eq!(
        error.to_string(),
        "GET /subscriptions/s1/resourceGroups/g1: 500 InternalServerError: oops (request id req-1)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_at_once() {
    for status in [400, 401, 403, 404, 409, 412] {
        let fake = Fake::new(move |_, _| reply(status, r#"{"error":{"code":"X","message":"no"}}"#));
        let _ = arm(&fake).resource_group("s1", "g1").await;
        assert_eq!(fake.asked().len(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_fails_fast() {
    let fake = Fake::new(|_, _| Answer::Broken(refused_connection));
    let start = tokio::time::Instant::now();
    let error = arm(&fake).resource_group("s1", "g1").await.unwrap_err();
    assert_eq!((&error.kind, error.attempts), (&Kind::Unreachable, 1));
    assert!(error.message.contains("connection refused"), "{error}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_broke_is_tried_again() {
    let fake = Fake::new(|_, number| match number {
        0 => Answer::Broken(|| azure_core::Error::with_message(azure_core::error::ErrorKind::Io, "connection reset")),
        _ => reply(200, group("g1")),
    });
    assert!(arm(&fake).resource_group("s1", "g1").await.is_ok());
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_costs_the_time_for_the_call() {
    let fake = Fake::new(|_, _| reply(200, group("g1")).late(Duration::from_secs(3600)));
    let seen = Arc::new(Seen::default());
    let options = crate::ArmOptions { observer: Some(seen.clone()), ..options() };
    let start = tokio::time::Instant::now();
    let error = Arm::over(options, fake).unwrap().resource_group("s1", "g1").await.unwrap_err();
    assert_eq!(error.kind, Kind::TimedOut);
    assert_eq!(start.elapsed(), Duration::from_secs(60));
    let seen = seen.0.lock().unwrap();
    assert_eq!((seen.len(), seen[0].status, seen[0].duration), (1, None, Duration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn a_missing_token_is_asked_for_once_and_told_with_its_code() {
    let credential =
        Arc::new(Fixed { refusal: Some("AADSTS7000215: Invalid client secret provided."), ..Fixed::default() });
    let fake = Fake::new(|_, _| reply(200, "{}"));
    let options = crate::ArmOptions { credential: credential.clone(), ..options() };
    let arm = Arm::over(options, fake.clone() as Arc<dyn HttpClient>).unwrap();
    let names: Vec<String> = (0..10).map(|n| format!("g{n}")).collect();
    let results = futures::future::join_all(names.iter().map(|name| arm.resource_group("s1", name))).await;
    for result in results {
        let error = result.unwrap_err();
        assert_eq!((&error.kind, error.code.as_deref()), (&Kind::Credential, Some("AADSTS7000215")));
        assert_eq!(error.attempts, 0);
    }
    assert_eq!(*credential.asked.lock().unwrap(), 1);
    assert!(fake.asked().is_empty());
    tokio::time::advance(Duration::from_secs(11)).await;
    let _ = arm.fresh().resource_group("s1", "g1").await;
    assert_eq!(*credential.asked.lock().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_allowed() {
    let fake = Fake::new(|_, _| reply(200, group("g")).late(Duration::from_secs(1)));
    let arm =
        Arm::over(crate::ArmOptions { max_concurrency: 3, ..options() }, fake.clone() as Arc<dyn HttpClient>).unwrap();
    let start = tokio::time::Instant::now();
    let names: Vec<String> = (0..9).map(|n| format!("g{n}")).collect();
    let results = futures::future::join_all(names.iter().map(|name| arm.resource_group("s1", name))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_turn_does_not_use_up_the_time_for_the_call() {
    let fake = Fake::new(|_, _| reply(200, group("g")).late(Duration::from_secs(50)));
    let arm = Arm::over(crate::ArmOptions { max_concurrency: 1, ..options() }, fake as Arc<dyn HttpClient>).unwrap();
    let names = ["g1", "g2", "g3"];
    let results = futures::future::join_all(names.iter().map(|name| arm.resource_group("s1", name))).await;
    assert!(results.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_closed_for_long_refuses_further_calls_unsent() {
    let fake = Fake::new(|_, _| reply(429, THROTTLED).with("retry-after", "3600"));
    let arm = arm(&fake);
    let _ = arm.resource_group("s1", "g1").await;
    let error = arm.resource_group("s1", "g2").await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled { retry_after: Some(Duration::from_secs(3600)) });
    assert_eq!((error.attempts, fake.asked().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_says_who_sends_it() {
    let fake = Fake::new(|_, _| reply(200, group("g1")));
    arm(&fake).resource_group("s1", "g1").await.unwrap();
    let asked = &fake.asked()[0];
    assert_eq!(asked.authorization.as_deref(), Some(format!("Bearer {TOKEN}").as_str()));
    let agent = asked.user_agent.clone().unwrap();
    assert!(agent.starts_with("hcp-azure/") && agent.contains(" azsdk-rust-arm/"), "{agent}");
    assert_eq!(asked.path, "/subscriptions/s1/resourceGroups/g1?api-version=2021-04-01");
}

#[tokio::test]
async fn the_endpoint_must_be_https() {
    let options = crate::ArmOptions { endpoint: ENDPOINT.replace("https", "http").parse().unwrap(), ..options() };
    assert_eq!(Arm::new(options).unwrap_err().kind, Kind::Untrusted);
}

#[derive(Default)]
struct Seen(Mutex<Vec<Exchange>>);

impl Observer for Seen {
    fn exchange(&self, exchange: &Exchange) {
        self.0.lock().unwrap().push(exchange.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn every_exchange_is_observed() {
    let seen = Arc::new(Seen::default());
    let fake = Fake::new(|_, number| match number {
        0 => reply(503, "").with("retry-after", "2"),
        _ => reply(200, group("g1")).late(Duration::from_millis(150)),
    });
    let options = crate::ArmOptions { observer: Some(seen.clone()), ..options() };
    Arm::over(options, fake).unwrap().resource_group("s1", "g1").await.unwrap();
    let seen = seen.0.lock().unwrap();
    let brief: Vec<_> = seen.iter().map(|one| (one.attempt, one.status, one.duration.as_millis())).collect();
    assert_eq!(brief, [(1, Some(503), 0), (2, Some(200), 150)]);
    assert_eq!(seen[1].path, "/subscriptions/s1/resourceGroups/g1?api-version=2021-04-01");
    assert_eq!((seen[1].method.as_str(), seen[1].request_id.as_deref()), ("GET", Some("req-1")));
    assert!(!format!("{seen:?}").contains(TOKEN));
}
