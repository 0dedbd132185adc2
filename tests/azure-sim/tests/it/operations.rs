//! Time and trouble: long-running operations, pages, throttling, latency and injected faults.

use std::time::{Duration, Instant};

use azure_sim::{Action, Fault, Options};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Bed, SUB, group, id, path};

const VNET: &str = "Microsoft.Network/virtualNetworks/v";

fn vnet() -> Value {
    json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}})
}

#[tokio::test]
async fn a_network_is_created_by_an_operation() {
    let bed = Bed::with_group().await;
    let got = bed.send("PUT", &path(VNET), Some(vnet())).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.body["properties"]["provisioningState"], "Updating");
    assert_eq!(got.header("retry-after"), Some("0"));
    let link = got.header("azure-asyncoperation").unwrap().to_owned();
    assert!(
        link.starts_with(&bed.sim.url()) && link.contains("/providers/Microsoft.Network/locations/eastus/operations/")
    );
    assert_eq!(bed.wait(&got).await["status"], "Succeeded");
    assert_eq!(bed.get(&path(VNET)).await.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(bed.put(&path(VNET), vnet()).await.status, 200, "the second write changes");

    let gone = bed.send("DELETE", &path(VNET), None).await;
    assert_eq!(gone.status, 202);
    assert!(gone.header("location").unwrap().contains("/operationResults/"));
    bed.wait(&gone).await;
    assert_eq!(bed.get(&path(VNET)).await.status, 404);
    assert_eq!(bed.send("DELETE", &path(VNET), None).await.status, 204);
}

#[tokio::test]
async fn an_operation_in_flight_holds_what_it_works_on() {
    let bed = Bed::new(Options { retry_after: Some(1), ..Options::default() }).await;
    bed.sim.put_resource(json!({"id": group("rg"), "location": "eastus"})).unwrap();
    let nsg = "Microsoft.Network/networkSecurityGroups/n";
    let got = bed.send("PUT", &path(nsg), Some(json!({"location": "eastus"}))).await;
    assert_eq!(got.header("retry-after"), Some("1"));
    let early = bed.get(got.header("azure-asyncoperation").unwrap()).await;
    assert_eq!(early.body["status"], "InProgress", "no poll sees the end before Retry-After");
    let again = bed.send("PUT", &path(nsg), Some(json!({"location": "eastus"}))).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "AnotherOperationInProgress"));
    let mut body = vnet();
    body["properties"]["subnets"] =
        json!([{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": id(nsg)}}}]);
    let user = bed.send("PUT", &path(VNET), Some(body)).await;
    assert_eq!(user.code(), "ReferencedResourceNotProvisioned");
    let held = bed.sim.state().to_string();
    assert!(!held.contains("Updating"), "the shown state is what the operations will leave");
}

#[tokio::test]
async fn other_providers_announce_in_their_own_way() {
    let bed = Bed::with_group().await;
    let zone = "Microsoft.Network/privateDnsZones/z.example.com";
    let got = bed.send("PUT", &path(zone), Some(json!({"location": "global"}))).await;
    assert_eq!((got.status.as_u16(), &got.body), (202, &Value::Null));
    assert!(got.header("azure-asyncoperation").unwrap().contains("/privateDnsOperationStatuses/"));
    let result = got.header("location").unwrap().to_owned();
    bed.wait(&got).await;
    assert_eq!(bed.get(&result).await.body["name"], "z.example.com");
    let account = "Microsoft.Storage/storageAccounts/acct";
    let body = json!({"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}});
    let got = bed.send("PUT", &path(account), Some(body.clone())).await;
    assert_eq!((got.status.as_u16(), got.header("azure-asyncoperation")), (202, None));
    assert_eq!(bed.wait(&got).await["properties"]["provisioningState"], "Succeeded");
    assert_eq!(bed.put(&path(account), body).await.status, 200);
}

#[tokio::test]
async fn a_group_goes_with_its_content_unless_something_outside_needs_it() {
    let bed = Bed::with_group().await;
    bed.sim.put_resource(json!({"id": group("other"), "location": "eastus"})).unwrap();
    let nsg = id("Microsoft.Network/networkSecurityGroups/n");
    let user = format!("{}/providers/{VNET}", group("other"));
    bed.sim.put_resource(json!({"id": nsg, "location": "eastus"})).unwrap();
    let mut body = vnet();
    body["id"] = json!(user);
    body["properties"]["subnets"] =
        json!([{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": nsg}}}]);
    bed.sim.put_resource(body).unwrap();
    let rg = format!("{}?api-version=2021-04-01", group("rg"));
    let got = bed.send("DELETE", &rg, None).await;
    assert_eq!(got.status, 202);
    assert_eq!(bed.wait(&got).await["error"]["code"], "ResourceGroupDeletionBlocked");
    assert!(bed.sim.resource(&nsg).is_some());
    assert!(bed.sim.remove(&user));
    let got = bed.send("DELETE", &rg, None).await;
    bed.wait(&got).await;
    assert_eq!(bed.get(&rg).await.code(), "ResourceGroupNotFound");
    assert!(bed.sim.resource(&nsg).is_none());
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let bed = Bed::new(Options { state: Some(json!({"pageSize": 3})), ..Options::default() }).await;
    bed.sim.put_resource(json!({"id": group("rg"), "location": "eastus"})).unwrap();
    for at in 0..7 {
        let rest = format!("Microsoft.ManagedIdentity/userAssignedIdentities/id{at}");
        bed.sim.put_resource(json!({"id": id(&rest), "location": "eastus"})).unwrap();
    }
    let mut link = format!(
        "/subscriptions/{SUB}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version=2023-01-31"
    );
    let mut sizes = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    loop {
        let page = bed.get(&link).await;
        let items = page.body["value"].as_array().unwrap().clone();
        sizes.push(items.len());
        names.extend(items.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        match page.body["nextLink"].as_str() {
            Some(next) => link = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((sizes, names.len()), (vec![3, 3, 1], 7));
}

#[tokio::test]
async fn requests_beyond_arms_rates_are_throttled() {
    let bed = Bed::new(Options { throttle: true, ..Options::default() }).await;
    let target = format!("/subscriptions/{SUB}?api-version=2022-12-01");
    let first = bed.get(&target).await;
    assert_eq!(first.header("x-ms-ratelimit-remaining-subscription-reads"), Some("249"));
    let mut refused = None;
    for _ in 0..2000 {
        let got = bed.get(&target).await;
        if got.status != 200 {
            refused = Some(got);
            break;
        }
    }
    let refused = refused.expect("the bucket empties");
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "SubscriptionRequestsThrottled"));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    bed.sim.set_throttle(false);
    assert_eq!(bed.get(&target).await.status, 200);
}

#[tokio::test]
async fn one_identitys_credentials_are_written_one_at_a_time() {
    let bed = Bed::with_group().await;
    for name in ["one", "two"] {
        bed.sim.put_resource(json!({"id": id(&format!("Microsoft.ManagedIdentity/userAssignedIdentities/{name}")), "location": "eastus"})).unwrap();
    }
    bed.sim.set_latency(Duration::from_millis(50));
    let write = |identity: &str, name: &str| {
        let target = path(&format!(
            "Microsoft.ManagedIdentity/userAssignedIdentities/{identity}/federatedIdentityCredentials/{name}"
        ));
        let body = json!({"properties": {"issuer": "https://i.example", "subject": name, "audiences": ["a"]}});
        let bed = &bed;
        async move { bed.send("PUT", &target, Some(body)).await }
    };
    let mut codes: Vec<(u16, String)> = join_all([write("one", "f01"), write("one", "f02")])
        .await
        .iter()
        .map(|got| (got.status.as_u16(), got.code().to_owned()))
        .collect();
    codes.sort();
    assert_eq!(
        codes,
        [
            (201, String::new()),
            (409, "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity".to_owned())
        ]
    );
    let apart = join_all([write("one", "f03"), write("two", "f04")]).await;
    assert!(apart.iter().all(|got| got.status == 201), "different identities do not meet");
}

#[tokio::test]
async fn latency_is_added_and_everything_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.jsonl");
    let bed =
        Bed::new(Options { latency: Duration::from_millis(60), log: Some(file.clone()), ..Options::default() }).await;
    let target = format!("/subscriptions/{SUB}?api-version=2022-12-01");
    let start = Instant::now();
    bed.get(&target).await;
    assert!(start.elapsed() >= Duration::from_millis(60));
    let entry = bed.sim.requests().pop().unwrap();
    assert_eq!((entry.method.as_str(), entry.path.as_str(), entry.status), ("GET", target.as_str(), 200));
    assert_eq!(entry.identity, azure_sim::seed::CLIENT_ID);
    assert!(entry.duration_ms >= 60.0 && !entry.request_id.is_empty());
    let line: Value = serde_json::from_str(std::fs::read_to_string(&file).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(line["path"], target);
}

#[tokio::test]
async fn a_request_costs_little() {
    let bed = Bed::with_group().await;
    for at in 0..60 {
        let rest = format!("Microsoft.ManagedIdentity/userAssignedIdentities/id{at}");
        bed.sim.put_resource(json!({"id": id(&rest), "location": "eastus"})).unwrap();
    }
    for _ in 0..200 {
        bed.get(&path("Microsoft.ManagedIdentity/userAssignedIdentities/id7")).await;
    }
    let mut times: Vec<f64> = bed.sim.requests().iter().map(|entry| entry.duration_ms).collect();
    times.sort_by(f64::total_cmp);
    println!("median {:.3} ms in the simulator", times[times.len() / 2]);
}

fn fault(method: &str, path: &str, action: Action) -> Fault {
    Fault { method: Some(method.into()), path: Some(path.into()), action, times: Some(1), ..Fault::default() }
}

#[tokio::test]
async fn injected_answers_count_down() {
    let bed = Bed::with_group().await;
    let rule = Fault {
        status: Some(429),
        retry_after: Some(7),
        times: Some(2),
        ..fault("PUT", "*/virtualNetworks/*", Action::Respond)
    };
    bed.sim.faults(vec![rule]).unwrap();
    for _ in 0..2 {
        let got = bed.send("PUT", &path(VNET), Some(vnet())).await;
        assert_eq!((got.status.as_u16(), got.header("retry-after")), (429, Some("7")));
    }
    assert_eq!(bed.put(&path(VNET), vnet()).await.status, 201);
    bed.sim.faults(vec![Fault { status: Some(403), ..fault("GET", "*/virtualNetworks/*", Action::Respond) }]).unwrap();
    let got = bed.get(&path(VNET)).await;
    assert_eq!(got.code(), "AuthorizationFailed");
    assert!(got.body["error"]["message"].as_str().unwrap().contains("'Microsoft.Network/virtualNetworks/read'"));
}

#[tokio::test]
async fn a_broken_connection_may_or_may_not_have_done_the_work() {
    let bed = Bed::with_group().await;
    let url = format!("{}{}", bed.sim.url(), path(VNET));
    for (action, done) in [(Action::Reset, false), (Action::CommitThenReset, true)] {
        bed.sim.faults(vec![fault("PUT", "*", action)]).unwrap();
        let sent = bed.http.put(&url).bearer_auth(&bed.token).json(&vnet()).send().await;
        assert!(sent.is_err(), "{action:?}");
        assert_eq!(bed.sim.resource(&id(VNET)).is_some(), done, "{action:?}");
        assert_eq!(bed.sim.requests().pop().unwrap().status, 0);
    }
    assert_eq!(bed.get(&path(VNET)).await.status, 200, "the next request is served");
}

#[tokio::test]
async fn operations_can_fail_or_be_canceled_and_be_repeated() {
    let bed = Bed::with_group().await;
    for (action, word) in [(Action::LroFailed, "Failed"), (Action::LroCanceled, "Canceled")] {
        bed.sim.faults(vec![Fault { code: Some("Boom".into()), ..fault("PUT", "*", action) }]).unwrap();
        let got = bed.send("PUT", &path(VNET), Some(vnet())).await;
        let end = bed.wait(&got).await;
        assert_eq!((end["status"].as_str(), end["error"]["code"].as_str()), (Some(word), Some("Boom")));
        assert_eq!(bed.get(&path(VNET)).await.body["properties"]["provisioningState"], word);
    }
    let got = bed.put(&path(VNET), vnet()).await;
    assert_eq!(got.status, 200);
    assert_eq!(bed.get(&path(VNET)).await.body["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn slow_bodies_arrive_whole_and_hanging_requests_do_not() {
    let bed = Bed::with_group().await;
    let slow = Fault { delay_ms: Some(5), ..fault("GET", "*/resourceGroups/rg", Action::Slow) };
    bed.sim.faults(vec![slow, fault("GET", "*/resourceGroups/rg", Action::Hang)]).unwrap();
    let target = format!("{}?api-version=2021-04-01", group("rg"));
    assert_eq!(bed.get(&target).await.body["name"], "rg");
    let url = format!("{}{target}", bed.sim.url());
    let hung = bed.http.get(&url).bearer_auth(&bed.token).timeout(Duration::from_millis(200)).send().await;
    assert!(hung.unwrap_err().is_timeout());
}

#[tokio::test]
async fn faults_and_state_can_be_changed_over_http() {
    let bed = Bed::with_group().await;
    let faults = json!([{"method": "GET", "path": "*/resourceGroups/*", "status": 503, "times": 1}]);
    assert_eq!(bed.send("PUT", "/_sim/faults", Some(faults)).await.status, 204);
    let target = format!("{}?api-version=2021-04-01", group("rg"));
    assert_eq!(bed.get(&target).await.status, 503);
    assert_eq!(bed.get(&target).await.status, 200);
    assert_eq!(bed.send("PUT", "/_sim/faults", Some(json!([{"paht": 1}]))).await.status, 400);
    let log = bed.get("/_sim/requests").await.body;
    assert_eq!(log.as_array().unwrap().len(), 2);
    assert_eq!(bed.send("POST", "/_sim/reset", None).await.status, 204);
    assert_eq!(bed.get(&target).await.status, 404);
}

#[tokio::test]
async fn http_1_1_is_spoken_too() {
    let bed = Bed::with_group().await;
    let old = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(bed.sim.ca_pem().as_bytes()).unwrap()])
        .no_proxy()
        .http1_only()
        .build()
        .unwrap();
    let url = format!("{}{}?api-version=2021-04-01", bed.sim.url(), group("rg"));
    bed.sim.faults(vec![fault("GET", "*", Action::Reset)]).unwrap();
    assert!(old.get(&url).bearer_auth(&bed.token).send().await.is_err());
    let got = old.get(&url).bearer_auth(&bed.token).send().await.unwrap();
    assert_eq!((got.status().as_u16(), got.version()), (200, reqwest::Version::HTTP_11));
}
