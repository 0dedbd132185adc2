//! The hosted cluster's own API server, reached with the kubeconfig that its HostedCluster publishes.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use facts::catalogue::{AUDIENCE, COMPONENTS, Credential};
use facts::egress;
use facts::guest::{
    ClusterOperator, DeadWebhook, EgressProbe, GuestToken, MAX_PODS, Node, OPERAND_SECRETS, OperandCredentials,
    ProbeResult, SigningRequest, UnschedulablePod,
};
use facts::hosted::HostedCluster;
use facts::{Fact, Gap, GapKind, Target};
use futures::future::join_all;
use kube::api::ListParams;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::connection::{Connection, path, request, segment, unusable};
use super::error::KubeError;
use super::kubeconfig_secret::{NoKubeconfig, Published};
use super::objects;

/// What permissions are missing in, for gaps.
const HOSTED: &str = "the hosted cluster";
/// The shortest life of a token that the API server grants, in seconds.
const TOKEN_LIVES: u32 = 600;

/// How much of the egress probe's log is read.
const PROBE_BYTES: u32 = 64 * 1024;
/// How many of its results are kept.
const MAX_RESULTS: usize = 100;

/// A connection to the API server of a hosted cluster, which has answered once.
#[derive(Debug)]
pub(crate) struct Guest(Connection);

impl Guest {
    /// Reaches the hosted cluster with the kubeconfig that its HostedCluster publishes. It is kept in memory alone.
    ///
    /// # Errors
    /// The gap that every fact of the hosted cluster then has: which permission is missing, or which server does not
    /// answer, and at which stage.
    pub async fn reach(management: &Connection, target: &Target, cluster: &HostedCluster) -> Result<Self, Gap> {
        let available = cluster.condition("Available");
        let published = Published {
            target: target.clone(),
            secret: cluster.kubeconfig_secret.clone(),
            available: available.map(|condition| format!("Available is {}: {}", condition.status, condition.reason)),
        };
        let kubeconfig = management.kubeconfigs_of(std::slice::from_ref(&published)).await.pop();
        let kubeconfig = match kubeconfig {
            Some(Ok(kubeconfig)) => kubeconfig,
            Some(Err(NoKubeconfig::Kubernetes(error, namespace))) => {
                return Err(error.gap("get", "secrets", Some(&namespace)));
            }
            Some(Err(why)) => return Err(Gap::new(GapKind::Blocked, format!("kubeconfig of {target}: {why}"))),
            None => return Err(Gap::not_asked()),
        };
        let connection = management.to_another(kubeconfig.expose_secret()).await.map_err(|error| {
            let why = error.why().unwrap_or_default();
            Gap::new(GapKind::Failed, format!("the kubeconfig that {target} publishes is not used: {why}"))
        })?;
        match connection.get("/version").await {
            Err(error @ (KubeError::Unreachable { .. } | KubeError::Unauthorized { .. })) => {
                Err(gap(&error, "get", "the version"))
            }
            // Who gets no version may still get other things.
            Ok(_) | Err(_) => Ok(Self(connection)),
        }
    }

    /// ClusterOperators, sorted by name.
    pub async fn cluster_operators(&self) -> Fact<Vec<ClusterOperator>> {
        let path = "/apis/config.openshift.io/v1/clusteroperators";
        let mut found = self.list(path, "clusteroperators.config.openshift.io", objects::cluster_operator).await;
        sort(&mut found, |operator| operator.name.clone());
        found
    }

    /// Nodes, sorted by name.
    pub async fn nodes(&self) -> Fact<Vec<Node>> {
        let mut found = self.list("/api/v1/nodes", "nodes", objects::node).await;
        sort(&mut found, |node| node.name.clone());
        found
    }

    /// Signing requests of kubelets that wait, oldest first.
    pub async fn signing_requests(&self) -> Fact<Vec<SigningRequest>> {
        let path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
        let resource = "certificatesigningrequests.certificates.k8s.io";
        let mut found = self.list(path, resource, objects::signing_request).await;
        sort(&mut found, |request| (request.created_at, request.name.clone()));
        found
    }

    /// Pods that no node can take, oldest first.
    pub async fn unschedulable(&self) -> Fact<Vec<UnschedulablePod>> {
        let params = ListParams::default().fields("status.phase=Pending");
        let mut found = listed(self.0.list("/api/v1/pods", params).await, "pods", objects::unschedulable);
        sort(&mut found, |pod| (pod.since, pod.namespace.clone(), pod.name.clone()));
        if let Fact::Known(pods) = &mut found {
            pods.truncate(MAX_PODS);
        }
        found
    }

    /// The Secrets with Azure credentials, each with its own outcome.
    pub async fn credentials(&self) -> BTreeMap<String, Fact<OperandCredentials>> {
        join_all(OPERAND_SECRETS.iter().map(async |(namespace, name, _)| {
            let read = async {
                let collection = path("/api/v1", Some(namespace), "secrets")?;
                self.0.send(request(&format!("{collection}/{}", segment(name)?))?).await
            };
            let fact = match read.await {
                Ok(body) => {
                    let body = zeroize::Zeroizing::new(body);
                    // The parser's message might quote what it stumbled over.
                    match serde_json::from_slice(&body) {
                        Ok(object) => Fact::Known(objects::operand_credentials(&object)),
                        Err(_) => Fact::Unreadable(Gap::new(GapKind::Failed, "the Secret is no JSON")),
                    }
                }
                Err(KubeError::NotFound { .. }) => Fact::Absent,
                Err(error) => Fact::Unreadable(gap(&error, "get", "secrets")),
            };
            (format!("{namespace}/{name}"), fact)
        }))
        .await
        .into_iter()
        .collect()
    }

    /// Webhooks with failure policy `Fail` whose Service has no ready endpoint.
    pub async fn dead_webhooks(&self) -> Fact<Vec<DeadWebhook>> {
        let kinds = [
            ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
            ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
        ];
        let mut strict = Vec::new();
        for (kind, plural) in kinds {
            let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}");
            match self.0.list(&path, ListParams::default()).await {
                Ok(list) => strict.extend(list.iter().flat_map(|object| objects::webhooks(object, kind))),
                Err(error) => return Fact::Unreadable(gap(&error, "list", plural)),
            }
        }
        let services: BTreeSet<String> = strict.iter().map(|webhook| webhook.service.clone()).collect();
        let mut dead = BTreeSet::new();
        for service in services {
            let Some((namespace, name)) = service.split_once('/') else { continue };
            match self.has_endpoints(namespace, name).await {
                Ok(true) => {}
                Ok(false) => {
                    dead.insert(service);
                }
                Err(error) => return Fact::Unreadable(gap(&error, "list", "endpointslices.discovery.k8s.io")),
            }
        }
        strict.retain(|webhook| dead.contains(&webhook.service));
        strict.sort_by(|a, b| (&a.configuration, &a.name).cmp(&(&b.configuration, &b.name)));
        Fact::Known(strict)
    }

    async fn has_endpoints(&self, namespace: &str, service: &str) -> Result<bool, KubeError> {
        let path = path("/apis/discovery.k8s.io/v1", Some(namespace), "endpointslices")?;
        let params = ListParams::default().labels(&format!("kubernetes.io/service-name={}", segment(service)?));
        Ok(objects::has_ready_endpoint(&self.0.list(&path, params).await?))
    }

    /// What the newest pod of the egress probe reported; absent when there is none.
    pub async fn egress_probe(&self) -> Fact<EgressProbe> {
        let read = async {
            let pods = path("/api/v1", Some(egress::NAMESPACE), "pods")?;
            let mut found = self.0.list(&pods, ListParams::default().labels(egress::LABEL)).await?;
            found.sort_by_key(|pod| objects::text(pod, "/metadata/creationTimestamp"));
            let Some((pod, name)) = found.pop().and_then(|pod| {
                let name = objects::text(&pod, "/metadata/name")?;
                Some((pod, name))
            }) else {
                return Ok(None);
            };
            let log = format!("{pods}/{}/log?limitBytes={PROBE_BYTES}", segment(&name)?);
            // A pod that waits for its image has no log yet.
            let log = match self.0.send(request(&log)?).await {
                Ok(log) => String::from_utf8_lossy(&log).into_owned(),
                Err(KubeError::Invalid { .. }) => String::new(),
                Err(error) => return Err(error),
            };
            Ok(Some(probe_of(&pod, name, &log)))
        };
        match read.await {
            Ok(probe) => probe.into(),
            Err(error) => Fact::Unreadable(gap(&error, "read", "pods and pods/log")),
        }
    }

    /// Asks for a token of each service account that acts on Azure, keeps what it says and throws it away.
    pub async fn tokens(&self, cluster: &HostedCluster) -> BTreeMap<String, Fact<GuestToken>> {
        let required = COMPONENTS.iter().filter(|component| cluster.requires(component));
        join_all(required.flat_map(|component| component.credentials).map(async |credential| {
            let fact = match self.token(credential).await {
                Ok(token) => Fact::Known(token),
                Err(KubeError::NotFound { .. }) => Fact::Absent,
                Err(error) => Fact::Unreadable(gap(&error, "create", "serviceaccounts/token")),
            };
            (credential.subject(), fact)
        }))
        .await
        .into_iter()
        .collect()
    }

    async fn token(&self, credential: &Credential) -> Result<GuestToken, KubeError> {
        let collection = path("/api/v1", Some(credential.namespace), "serviceaccounts")?;
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [AUDIENCE], "expirationSeconds": TOKEN_LIVES},
        });
        let request = http::Request::post(format!("{collection}/{}/token", segment(credential.service_account)?))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(|error| unusable(&error.to_string()))?;
        #[derive(serde::Deserialize)]
        struct Answer {
            status: Status,
        }
        #[derive(serde::Deserialize)]
        struct Status {
            token: SecretString,
        }
        let body = zeroize::Zeroizing::new(self.0.send(request).await?);
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| unusable("no token in the answer"))?;
        claims(answer.status.token.expose_secret()).ok_or_else(|| unusable("the token is none that can be read"))
    }

    /// Objects of a path, as `map` reads them.
    pub(super) async fn list<T>(&self, path: &str, resource: &str, map: impl Fn(&Value) -> Option<T>) -> Fact<Vec<T>> {
        listed(self.0.list(path, ListParams::default()).await, resource, map)
    }
}

/// Reads the report of the egress probe: `list VERSION`, `result HOST:PORT CURL STATUS ISSUER` …, `end`.
fn probe_of(pod: &Value, name: String, log: &str) -> EgressProbe {
    let mut probe = EgressProbe {
        pod: name,
        node: objects::text(pod, "/spec/nodeName"),
        started_at: objects::text(pod, "/metadata/creationTimestamp").and_then(|time| time.parse().ok()),
        ..EgressProbe::default()
    };
    for line in log.lines() {
        let mut words = line.splitn(5, ' ');
        match words.next() {
            Some("list") => probe.list = words.next().map(str::to_owned),
            Some("end") => probe.complete = true,
            Some("result") if probe.results.len() < MAX_RESULTS => {
                let (address, curl) = (words.next(), words.next().and_then(|code| code.parse().ok()));
                let Some((address, curl)) = address.zip(curl) else { continue };
                let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
                if address.chars().all(fits) {
                    probe.results.push(ProbeResult {
                        address: address.to_owned(),
                        curl,
                        status: words.next().and_then(|status| status.parse().ok()).filter(|status| *status != 0),
                        certificate_issuer: words.next().filter(|by| !by.is_empty()).map(facts::redact::text),
                    });
                }
            }
            _ => {}
        }
    }
    probe
}

/// What a token says; its signature is not looked at.
fn claims(token: &str) -> Option<GuestToken> {
    let mut parts = token.split('.');
    let mut next = || -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok() };
    let (header, body) = (next()?, next()?);
    let audiences = match &body["aud"] {
        Value::String(one) => vec![one.clone()],
        _ => objects::items(&body, "/aud").iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
    };
    Some(GuestToken {
        key_id: objects::text(&header, "/kid"),
        algorithm: objects::text(&header, "/alg"),
        issuer: objects::text(&body, "/iss"),
        subject: objects::text(&body, "/sub"),
        audiences,
    })
}

fn listed<T>(
    outcome: Result<Vec<Value>, KubeError>,
    resource: &str,
    map: impl Fn(&Value) -> Option<T>,
) -> Fact<Vec<T>> {
    match outcome {
        Ok(list) => Fact::Known(list.iter().filter_map(map).collect()),
        Err(KubeError::NotFound { .. }) => {
            Fact::Unreadable(Gap::new(GapKind::Blocked, format!("{HOSTED} does not serve {resource}")))
        }
        Err(error) => Fact::Unreadable(gap(&error, "list", resource)),
    }
}

/// A refused or failed request to the hosted cluster as a gap.
fn gap(error: &KubeError, verb: &str, resource: &str) -> Gap {
    let why = error.why().unwrap_or_default();
    match error {
        KubeError::Denied { .. } => Gap::new(GapKind::Denied, format!("may not {verb} {resource} in {HOSTED}: {why}"))
            .needing(format!("{verb} {resource}"), HOSTED),
        KubeError::Unreachable { .. } => {
            let stage = stage(&why);
            Gap::new(GapKind::Unreachable, format!("{HOSTED} cannot be reached from here, at {stage}: {why}"))
        }
        KubeError::Unauthorized { .. } => {
            Gap::new(GapKind::Failed, format!("{HOSTED} does not take the kubeconfig that it publishes: {why}"))
        }
        _ => Gap::new(GapKind::Failed, format!("could not {verb} {resource} in {HOSTED}: {why}")),
    }
}

/// How far a connection came, from what the system says.
fn stage(why: &str) -> &'static str {
    let why = why.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if has(&["dns error", "failed to lookup", "name or service not known", "no such host"]) {
        "name resolution"
    } else if has(&["certificate", "tls", "handshake"]) {
        "TLS"
    } else if has(&["no answer within", "read timeout", "timed out reading"]) {
        "the answer"
    } else {
        "the connection"
    }
}

fn sort<T, K: Ord>(fact: &mut Fact<Vec<T>>, key: impl FnMut(&T) -> K) {
    if let Fact::Known(items) = fact {
        items.sort_by_cached_key(key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_token_says() {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({"alg": "RS256", "kid": "k"}));
        let of = |aud: Value| format!("{header}.{}.c2ln", part(json!({"iss": "https://i", "sub": "s", "aud": aud})));
        for aud in [json!("openshift"), json!(["openshift"])] {
            let found = claims(&of(aud)).unwrap();
            assert_eq!((found.key_id.as_deref(), found.issuer.as_deref()), (Some("k"), Some("https://i")));
            assert_eq!(found.audiences, ["openshift"]);
        }
        assert_eq!(claims("a.b.c"), None);
        assert_eq!(claims(""), None);
    }

    #[test]
    fn the_report_of_the_probe() {
        let pod = json!({"metadata": {"creationTimestamp": "2026-11-20T12:00:00Z"}, "spec": {"nodeName": "n"}});
        let log = "list 2026-11\nresult quay.io:443 0 200 C=US; O=DigiCert Inc; CN=X\nresult a:443 28 000 \nresult 'x 6 0\nnoise\nend\n";
        let probe = probe_of(&pod, "p".into(), log);
        assert!(probe.complete && probe.started_at.is_some());
        assert_eq!(probe.list.as_deref(), Some("2026-11"));
        assert_eq!(probe.results.len(), 2);
        assert_eq!(probe.results[0].certificate_issuer.as_deref(), Some("C=US; O=DigiCert Inc; CN=X"));
        assert_eq!((probe.results[1].curl, probe.results[1].status), (28, None));
        assert!(!probe_of(&pod, "p".into(), "list 1\nresult").complete);
    }

    #[test]
    fn gaps_name_server_stage_and_permission() {
        let why = "https://api.example.com:6443: dns error: failed to lookup address".to_owned();
        let unreachable = gap(&KubeError::Unreachable { why }, "get", "the version");
        assert_eq!(unreachable.kind, GapKind::Unreachable);
        assert!(unreachable.why.contains("at name resolution: https://api.example.com:6443"), "{}", unreachable.why);
        let denied = gap(&KubeError::Denied { why: "nodes is forbidden".into() }, "list", "nodes");
        assert_eq!((denied.needs.as_deref(), denied.scope.as_deref()), (Some("list nodes"), Some(HOSTED)));
        for (why, want) in [
            ("https://x: tcp connect error: Connection refused", "the connection"),
            ("https://x: invalid peer certificate: UnknownIssuer", "TLS"),
            ("https://x: no answer within 10s", "the answer"),
        ] {
            assert_eq!(stage(why), want);
        }
    }
}
