//! Collection from an API server of our own on loopback.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use facts::{Fact, GapKind, Need, Target};
use serde_json::{Value, json};

use crate::kubernetes::{Connection, KubeError, KubeOptions, objects};

/// What the server holds: path (and `?fieldSelector` where it matters) to status and body.
#[derive(Default)]
struct Server {
    answers: BTreeMap<String, Vec<(u16, String)>>,
    requests: Mutex<Vec<(Method, String, HeaderMap)>>,
}

impl Server {
    fn answer(&mut self, path: &str, status: u16, body: &Value) {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        self.answers.entry(path.to_owned()).or_default().push((status, body));
    }

    fn list(&mut self, path: &str, items: Value) {
        self.answer(path, 200, &json!({"kind": "List", "metadata": {}, "items": items}));
    }

    fn deny(&mut self, path: &str, message: &str) {
        self.answers.remove(path);
        let status =
            json!({"kind": "Status", "status": "Failure", "message": message, "reason": "Forbidden", "code": 403});
        self.answer(path, 403, &status);
    }
}

async fn serve(
    State(server): State<Arc<Server>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let nth = {
        let mut requests = server.requests.lock().unwrap();
        let nth = requests.iter().filter(|(_, known, _)| known.split('?').next() == Some(&path)).count();
        requests.push((method.clone(), uri.to_string(), headers));
        nth
    };
    if method == Method::POST {
        let review: Value = serde_json::from_slice(&body).unwrap();
        let allowed = review["spec"]["resourceAttributes"]["resource"] != "secrets";
        return (StatusCode::CREATED, json!({"status": {"allowed": allowed}}).to_string()).into_response();
    }
    match server.answers.get(&path) {
        Some(answers) => {
            let (status, body) = &answers[nth.min(answers.len() - 1)];
            (StatusCode::from_u16(*status).unwrap(), body.clone()).into_response()
        }
        None => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
    }
}

const SIGNER: &str = "/api/v1/namespaces/clusters/secrets/signer";
const CLUSTER: &str = "/apis/hypershift.openshift.io/v1beta1/namespaces/clusters/hostedclusters/demo";
const PODS: &str = "/api/v1/namespaces/clusters-demo/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

fn target() -> Target {
    Target { namespace: "clusters".into(), name: "demo".into() }
}

fn hosted_cluster() -> Value {
    json!({"kind": "HostedCluster", "metadata": {"name": "demo", "namespace": "clusters"},
        "spec": {"serviceAccountSigningKey": {"name": "signer"}, "platform": {"type": "Azure", "azure": {}}}})
}

fn pem() -> String {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::Engine as _;
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let body = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// A healthy management cluster with one hosted cluster.
fn healthy() -> Server {
    use base64::Engine as _;
    let mut server = Server::default();
    let hypershift = "/apis/hypershift.openshift.io/v1beta1/namespaces";
    server.answer("/version", 200, &json!({"gitVersion": "v1.33.2"}));
    server.answer(CLUSTER, 200, &hosted_cluster());
    server.list(
        &format!("{hypershift}/clusters/nodepools"),
        json!([{"metadata": {"name": "b", "namespace": "clusters"}, "spec": {"clusterName": "demo"}},
            {"metadata": {"name": "a", "namespace": "clusters"}, "spec": {"clusterName": "demo"}},
            {"metadata": {"name": "c", "namespace": "clusters"}, "spec": {"clusterName": "other"}}]),
    );
    let encoded = base64::engine::general_purpose::STANDARD.encode(pem());
    server.answer(SIGNER, 200, &json!({"data": {"key": encoded}}));
    server
        .list("/apis/cluster.x-k8s.io/v1beta1/namespaces/clusters-demo/machines", json!([{"metadata": {"name": "m"}}]));
    let azure = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/clusters-demo/azuremachines";
    server.list(azure, json!([{"metadata": {"name": "m"}}]));
    server.list(&format!("{hypershift}/clusters-demo/controlplanecomponents"), json!([]));
    server.list("/apis/apps/v1/namespaces/clusters-demo/deployments", json!([{"metadata": {"name": "capi-provider"}}]));
    server.list("/apis/apps/v1/namespaces/clusters-demo/statefulsets", json!([{"metadata": {"name": "etcd"}}]));
    let event = |name: &str| json!({"type": "Warning", "involvedObject": {"kind": "Pod", "name": name}, "reason": "R"});
    server.list("/api/v1/namespaces/clusters-demo/events", json!([event("p")]));
    server.list("/api/v1/namespaces/clusters/events", json!([event("demo")]));
    let pod = |name: &str, app: &str, restarts: i32| {
        json!({"metadata": {"name": name, "labels": {"app": app}}, "spec": {"containers": [{"name": "main"}]},
            "status": {"containerStatuses": [{"name": "main", "restartCount": restarts}]}})
    };
    server.list(PODS, json!([pod("capi", "capi-provider", 1), pod("etcd-0", "etcd", 3)]));
    server.answer(
        &format!("{PODS}/capi/log"),
        200,
        &json!("2026-11-20T09:00:00Z AADSTS700213: no\n2026-11-20T09:00:01Z fine\n"),
    );
    server.list("/api/v1/namespaces/hypershift/pods", json!([]));
    let operator = json!({"metadata": {"name": "operator", "namespace": "hypershift"}});
    let other = json!({"metadata": {"name": "operator", "namespace": "etcd"}});
    server.list(DEPLOYMENTS, json!([other, operator]));
    server.answer(
        "/api/v1/namespaces/hypershift/configmaps/supported-versions",
        200,
        &json!({"data": {"supported-versions": "{\"versions\":[\"4.22\"]}"}}),
    );
    server.answer(
        "/apis",
        200,
        &json!({"items": [{"metadata": {"name": "hypershift.openshift.io"}, "versions": [
            {"version": "v1beta1", "resources": [{"resource": "hostedclusters"}]}]}]}),
    );
    server.list(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        json!([{"metadata": {"name": "hostedclusters.hypershift.openshift.io"}},
            {"metadata": {"name": "machines.cluster.x-k8s.io"}}]),
    );
    server
}

/// Serves and connects through a kubeconfig, as a user would.
async fn connect(server: Server) -> (Arc<Server>, Connection) {
    let server = Arc::new(server);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(serve).with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (server, connect_to(&format!("http://{address}")).await)
}

async fn connect_to(url: &str) -> Connection {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": url}}], "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}]});
    std::fs::write(&path, config.to_string()).unwrap();
    let options = KubeOptions {
        kubeconfig: Some(path),
        request_timeout: Some(Duration::from_secs(10)),
        ..KubeOptions::default()
    };
    Connection::open(&options).await.unwrap()
}

fn every() -> BTreeSet<Need> {
    Need::ALL.iter().copied().collect()
}

#[tokio::test]
async fn everything_is_collected_and_nothing_asked_twice() {
    let (server, connection) = connect(healthy()).await;
    assert_eq!(connection.context_name(), Some("test"));
    let seen = Arc::new(Mutex::new(0));
    let counter = seen.clone();
    let connection = connection.with_observer(Arc::new(move |_| *counter.lock().unwrap() += 1));
    let found = connection.collect(&target(), &every()).await;
    let hosted = &found.hosted;
    assert!(hosted.cluster.get().is_some());
    let pools: Vec<_> = hosted.node_pools.get().unwrap().iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(pools, ["a", "b"]);
    assert_eq!(hosted.machines.get().unwrap().len(), 1, "the older version, where the newer one is not served");
    assert_eq!(hosted.azure_machines.get().unwrap().len(), 1);
    assert_eq!(hosted.components, Fact::Known(vec![]));
    assert_eq!(hosted.workloads.get().unwrap().len(), 2);
    assert_eq!(hosted.pods.get().unwrap().len(), 2);
    assert_eq!(hosted.warnings.get().unwrap().len(), 2);
    let logs = hosted.logs.get().unwrap();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].log_end.unwrap().to_string(), "2026-11-20T09:00:01Z");
    let key = found.signing_key.get().unwrap();
    assert_eq!((key.bits, key.source.as_str()), (2048, "Secret clusters/signer"));
    let management = &found.management;
    assert_eq!(management.kubernetes_version, Fact::Known("v1.33.2".into()));
    assert_eq!(management.operators.get().unwrap().len(), 1);
    assert_eq!(management.supported_versions.get().unwrap().versions, ["4.22"]);
    let api: Vec<_> =
        management.api_resources.get().unwrap().iter().map(|r| (r.plural.as_str(), r.established)).collect();
    assert_eq!(api, [("machines", false), ("hostedclusters", true)]);
    let access = management.access.get().unwrap();
    assert_eq!((access.len(), access.iter().filter(|review| !review.allowed).count()), (10, 1));

    let requests = server.requests.lock().unwrap();
    let reads: Vec<&String> = requests.iter().filter(|(m, _, _)| m == Method::GET).map(|(_, path, _)| path).collect();
    assert_eq!(reads.iter().collect::<BTreeSet<_>>().len(), reads.len(), "{reads:#?}");
    assert!(
        requests.iter().all(|(method, path, _)| method == Method::GET
            || (method == Method::POST && path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")),
        "only reads and reviews"
    );
    let agents = requests.iter().map(|(_, _, headers)| headers["user-agent"].to_str().unwrap());
    assert!(agents.into_iter().all(|agent| agent.starts_with("hcp-azure/")));
    assert!(reads.iter().all(|path| !path.contains("etcd-0/log")), "only logs of interest");
    assert!(reads.iter().any(|path| path.contains("capi/log") && path.contains("previous=true")));
    assert_eq!(*seen.lock().unwrap(), requests.len());
    assert_eq!(found.calls.len(), requests.len());
}

#[tokio::test]
async fn what_is_not_asked_is_not_read() {
    let (server, connection) = connect(healthy()).await;
    let found = connection.collect(&target(), &[Need::HostedCluster].into()).await;
    assert!(found.hosted.cluster.get().is_some());
    assert_eq!(found.hosted.pods.gap().unwrap().kind, GapKind::NotAsked);
    assert_eq!(server.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_known_hosted_cluster_is_not_read_again() {
    let (server, connection) = connect(healthy()).await;
    let cluster = connection.collect(&target(), &[Need::HostedCluster].into()).await.hosted.cluster;
    let found = connection.collect_about(&target(), cluster.get(), &[Need::SigningKey].into()).await;
    assert!(found.signing_key.get().is_some());
    assert_eq!(server.requests.lock().unwrap().len(), 2);
    let found = connection.collect_about(&target(), None, &[Need::SigningKey].into()).await;
    assert_eq!(found.signing_key.gap().unwrap().kind, GapKind::Blocked);
}

#[tokio::test]
async fn denials_name_the_permission_and_cost_only_their_own_fact() {
    let mut server = healthy();
    server.deny(PODS, "pods is forbidden");
    server.deny(SIGNER, "secrets \"signer\" is forbidden");
    server.deny(DEPLOYMENTS, "deployments is forbidden");
    server.deny("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "crds are forbidden");
    server.list("/apis/apps/v1/namespaces/hypershift/deployments", json!([]));
    let (_server, connection) = connect(server).await;
    let found = connection.collect(&target(), &every()).await;
    let table = [
        (found.hosted.pods.gap(), "list pods", "namespace clusters-demo"),
        (found.hosted.logs.gap(), "list pods", "namespace clusters-demo"),
        (found.signing_key.gap(), "get secrets", "namespace clusters"),
        (found.management.operators.gap(), "list deployments.apps", "the cluster"),
    ];
    for (gap, needs, scope) in table {
        let gap = gap.unwrap();
        assert_eq!((gap.kind, gap.needs.as_deref(), gap.scope.as_deref()), (GapKind::Denied, Some(needs), Some(scope)));
    }
    assert_eq!(found.management.api_resources.get().unwrap().len(), 1, "discovery is enough");
    assert!(found.hosted.machines.get().is_some());
}

#[tokio::test]
async fn absent_and_not_served_are_not_the_same() {
    let mut server = healthy();
    server.answers.remove(CLUSTER);
    let absent = json!({"kind": "Status", "message": "hostedclusters \"demo\" not found", "reason": "NotFound",
        "details": {"name": "demo", "kind": "hostedclusters"}, "code": 404});
    server.answer(CLUSTER, 404, &absent);
    let azure = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/clusters-demo/azuremachines";
    server.answers.remove(azure);
    let (_server, connection) = connect(server).await;
    let found = connection.collect(&target(), &every()).await;
    assert_eq!(found.hosted.cluster, Fact::Absent);
    assert_eq!(found.signing_key.gap().unwrap().kind, GapKind::Blocked);
    let gap = found.hosted.azure_machines.gap().unwrap();
    assert_eq!(gap.kind, GapKind::Blocked);
    assert!(gap.why.ends_with("does not serve azuremachines.infrastructure.cluster.x-k8s.io"), "{}", gap.why);
    let error = connection.hosted_clusters(None).await.unwrap_err();
    assert!(matches!(error, KubeError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn logs_without_a_container_are_no_failure_and_failures_are_not_silence() {
    let mut server = healthy();
    server.answers.remove(&format!("{PODS}/capi/log"));
    server.answer(&format!("{PODS}/capi/log"), 400, &json!({"kind": "Status", "message": "waiting to start"}));
    let (_server, connection) = connect(server).await;
    let found = connection.collect(&target(), &[Need::Logs].into()).await;
    assert_eq!(found.hosted.logs, Fact::Known(vec![]));
    let mut server = healthy();
    server.deny(&format!("{PODS}/capi/log"), "pods/log is forbidden");
    let (_server, connection) = connect(server).await;
    let found = connection.collect(&target(), &[Need::Logs].into()).await;
    assert_eq!(found.hosted.logs.gap().unwrap().needs.as_deref(), Some("get pods/log"));
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let mut server = healthy();
    let path = "/apis/hypershift.openshift.io/v1beta1/hostedclusters";
    let cluster = |name: &str, platform: &str| json!({"metadata": {"name": name, "namespace": "clusters"}, "spec": {"platform": {"type": platform}}});
    server.answer(path, 200, &json!({"metadata": {"continue": "next"}, "items": [cluster("b", "Azure")]}));
    server.list(path, json!([cluster("a", "Azure"), cluster("c", "AWS")]));
    let (server, connection) = connect(server).await;
    let found = connection.hosted_clusters(None).await.unwrap();
    let names: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["clusters/a", "clusters/b"]);
    let requests = server.requests.lock().unwrap();
    assert!(requests[0].1.contains("limit=500") && requests[1].1.contains("continue=next"), "{requests:?}");
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let mut server = Server::default();
    server.answer("/version", 503, &json!("busy"));
    server.answer("/version", 200, &json!({"gitVersion": "v1.33.2"}));
    let (server, connection) = connect(server).await;
    assert_eq!(connection.kubernetes_version().await.unwrap(), "v1.33.2");
    assert_eq!(server.requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn expired_credentials_and_unreachable_servers() {
    let mut server = Server::default();
    server.answer("/version", 401, &json!({"kind": "Status", "message": "Unauthorized", "code": 401}));
    let (_server, connection) = connect(server).await;
    let error = connection.kubernetes_version().await.unwrap_err();
    assert!(error.needs_sign_in() && error.hint().unwrap().contains("oc login"), "{error}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let connection = connect_to(&format!("http://{free}")).await;
    let found = connection.collect(&target(), &every()).await;
    for gap in [found.hosted.cluster.gap(), found.hosted.pods.gap(), found.management.api_resources.gap()] {
        let gap = gap.unwrap();
        assert_eq!(gap.kind, GapKind::Unreachable);
        assert!(gap.why.contains("refused") && gap.why.contains(&free.to_string()), "{}", gap.why);
    }
    assert!(found.calls.iter().all(|call| call.status.is_none()));
}

#[tokio::test]
async fn names_cannot_change_the_path() {
    let (server, connection) = connect(healthy()).await;
    let target = Target { namespace: "clusters/../x".into(), name: "demo".into() };
    let found = connection.collect(&target, &[Need::HostedCluster, Need::Pods].into()).await;
    assert_eq!(found.hosted.cluster.gap().unwrap().kind, GapKind::Failed);
    assert_eq!(server.requests.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn what_hosted_clusters_share_is_read_once_and_pods_leave_their_sums_alone() {
    let mut server = healthy();
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "4"}});
    server.list("/api/v1/nodes", json!([{"metadata": {"name": "n"}, "status": ready}]));
    server.list(
        "/apis/storage.k8s.io/v1/csinodes",
        json!([{"metadata": {"name": "n"}, "spec": {"drivers": [{"name": "disk.csi.azure.com", "allocatable": {"count": 8}}]}}]),
    );
    let pod = |cpu: &str| json!({"spec": {"nodeName": "n", "containers": [{"resources": {"requests": {"cpu": cpu}}}]}});
    server.answer("/api/v1/pods", 200, &json!({"metadata": {"continue": "next"}, "items": [pod("1")]}));
    server.list("/api/v1/pods", json!([pod("500m")]));
    let cluster = |namespace: &str| {
        let mut cluster = hosted_cluster();
        cluster["metadata"]["namespace"] = json!(namespace);
        cluster["spec"]["issuerURL"] = json!("https://issuer");
        cluster
    };
    server.list("/apis/hypershift.openshift.io/v1beta1/hostedclusters", json!([cluster("a"), cluster("b")]));
    let (server, connection) = connect(server).await;
    let own = objects::hosted_cluster(&cluster("a")).unwrap();
    for _ in 0..3 {
        let (nodes, requests) = (connection.host_nodes().await, connection.host_requests().await);
        assert_eq!(nodes.get().unwrap()[0].disk_slots, Some(8));
        assert_eq!(requests.get().unwrap()["n"].cpu_millis, 1_500);
        let others = connection.others(&own).await;
        assert_eq!((others.get().unwrap().count, others.get().unwrap().related[0].same_issuer), (1, true));
        assert_eq!(connection.cluster_operators().await, Fact::Absent, "no OpenShift");
        let found = connection.collect(&target(), &[Need::Operator, Need::SupportedVersions].into()).await;
        assert!(found.management.supported_versions.get().is_some());
    }
    let count = || server.requests.lock().unwrap().len();
    // Nodes, CSINodes, two pages of pods, HostedClusters, ClusterOperators; version, operators, supported versions.
    assert_eq!(count(), 9);
    connection.ask_anew();
    assert!(connection.host_nodes().await.get().is_some());
    assert_eq!(count(), 11);
}

#[tokio::test]
async fn a_secret_that_is_no_signing_key_is_told() {
    use base64::Engine as _;
    let secret = |text: &str| json!({"data": {"key": base64::engine::general_purpose::STANDARD.encode(text)}});
    for (content, words, other_form) in [
        (json!({"data": {"other": "eA=="}}), "has no key 'key'", false),
        (secret("canary"), "holds no RSA key", false),
        (secret(&pem()), "it is a public key", false),
    ] {
        let mut server = healthy();
        server.answers.remove(SIGNER);
        server.answer(SIGNER, 200, &content);
        let (_server, connection) = connect(server).await;
        let found = connection.collect(&target(), &[Need::SigningKey].into()).await;
        let problem = found.signing_key_problem.unwrap();
        assert!(problem.why.contains(words) && !problem.why.contains("canary"), "{}", problem.why);
        assert_eq!((problem.source.as_str(), problem.other_form), ("Secret clusters/signer", other_form));
    }
}
