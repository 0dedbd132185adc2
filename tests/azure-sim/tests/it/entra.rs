//! The token endpoint: secrets, and assertions checked against an issuer that really serves its documents.

use std::sync::{Arc, Mutex};

use azure_sim::{Options, Simulator, seed};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{client, group, id};

/// What the issuer serves: path to status and document.
type Documents = Arc<Mutex<Vec<(String, u16, Value)>>>;

/// An issuer of service account tokens with its documents on loopback TLS.
struct Issuer {
    url: String,
    ca_pem: String,
    documents: Documents,
    key: EncodingKey,
}

impl Issuer {
    async fn start() -> Self {
        let certified = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&certified).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.serialize_der())),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/issuer", listener.local_addr().unwrap().port());
        let documents = Documents::default();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let served = Arc::clone(&documents);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, served) = (acceptor.clone(), Arc::clone(&served));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request: Request<Incoming>| {
                        let path = request.uri().path().to_owned();
                        let found = served.lock().unwrap().iter().find(|(own, _, _)| *own == path).cloned();
                        async move {
                            let (_, status, body) = found.unwrap_or((path, 404, Value::Null));
                            Response::builder().status(status).body(Full::new(Bytes::from(body.to_string())))
                        }
                    });
                    let _ =
                        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        let issuer = Self { url, ca_pem: certificate.pem(), documents, key: rsa() };
        issuer.publish("k1", &issuer.key);
        issuer
    }

    fn publish(&self, kid: &str, key: &EncodingKey) {
        let mut jwk = Jwk::from_encoding_key(key, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        *self.documents.lock().unwrap() = vec![
            (
                "/issuer/.well-known/openid-configuration".into(),
                200,
                json!({"issuer": self.url, "jwks_uri": format!("{}/openid/v1/jwks", self.url)}),
            ),
            ("/issuer/openid/v1/jwks".into(), 200, json!({"keys": [jwk]})),
        ];
    }

    fn token(&self, change: impl FnOnce(&mut Header, &mut Value)) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("k1".to_owned());
        let mut claims = json!({"iss": self.url, "sub": "system:serviceaccount:ns:sa", "aud": ["openshift"], "iat": now, "nbf": now, "exp": now + 600});
        change(&mut header, &mut claims);
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap().serialize_pem().as_bytes()).unwrap()
}

struct Trade {
    sim: Simulator,
    http: reqwest::Client,
    client_id: String,
}

impl Trade {
    async fn with(issuer: &Issuer) -> Self {
        let sim =
            Simulator::start(Options { oidc_ca: Some(issuer.ca_pem.clone()), ..Options::default() }).await.unwrap();
        let identity = id("Microsoft.ManagedIdentity/userAssignedIdentities/one");
        sim.put_resource(json!({"id": group("rg"), "location": "eastus"})).unwrap();
        sim.put_resource(json!({"id": identity, "location": "eastus"})).unwrap();
        sim.put_resource(json!({
            "id": format!("{identity}/federatedIdentityCredentials/fic"),
            "properties": {"issuer": issuer.url, "subject": "system:serviceaccount:ns:sa", "audiences": ["openshift"]},
        }))
        .unwrap();
        let client_id = sim.resource(&identity).unwrap()["properties"]["clientId"].as_str().unwrap().to_owned();
        let http = client(sim.ca_pem());
        Self { sim, http, client_id }
    }

    async fn post(&self, tenant: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.sim.url());
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let request =
            self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body.finish());
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn assertion(&self, token: &str) -> (u16, Value) {
        self.post(
            seed::TENANT,
            &[
                ("grant_type", "client_credentials"),
                ("client_id", &self.client_id),
                ("scope", "https://management.azure.com/.default"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", token),
            ],
        )
        .await
    }
}

#[tokio::test]
async fn assertions_are_traded_or_refused_by_class() {
    let issuer = Issuer::start().await;
    let trade = Trade::with(&issuer).await;
    let (status, body) = trade.assertion(&issuer.token(|_, _| ())).await;
    assert_eq!(status, 200, "{body}");
    let claims: Value =
        jsonwebtoken::dangerous::insecure_decode_claims(body["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims["appid"], json!(trade.client_id));
    assert_eq!(
        (claims["aud"].as_str(), claims["tid"].as_str()),
        (Some("https://management.azure.com"), Some(seed::TENANT))
    );
    assert_eq!(claims["iss"], format!("https://sts.windows.net/{}/", seed::TENANT));

    let now = jiff::Timestamp::now().as_second();
    let slash = format!("{}/", issuer.url);
    let rows = [
        ("issuer", issuer.token(|_, claims| claims["iss"] = json!(slash)), 700211),
        ("subject", issuer.token(|_, claims| claims["sub"] = json!("System:serviceaccount:ns:sa")), 700213),
        ("audience", issuer.token(|_, claims| claims["aud"] = json!(["api://AzureADTokenExchange"])), 700212),
        ("expired", issuer.token(|_, claims| claims["exp"] = json!(now - 3600)), 700024),
        ("too early", issuer.token(|_, claims| claims["nbf"] = json!(now + 3600)), 700024),
        ("key", issuer.token(|header, _| header.kid = Some("k2".into())), 7000272),
        ("garbage", "a.b.c".to_owned(), 50027),
    ];
    for (what, token, code) in rows {
        let (status, body) = trade.assertion(&token).await;
        assert_eq!(body["error_codes"], json!([code]), "{what}: {body}");
        assert!(status == 401 || status == 400, "{what}");
        let text = body["error_description"].as_str().unwrap();
        assert!(
            text.starts_with(&format!("AADSTS{code}: "))
                && text.contains("Trace ID: ")
                && text.contains("Correlation ID: ")
                && text.contains("Timestamp: "),
            "{text}"
        );
    }

    issuer.publish("k1", &rsa());
    assert_eq!(
        trade.assertion(&issuer.token(|_, _| ())).await.1["error_codes"],
        json!([700027]),
        "another key of the same id"
    );
    issuer.publish("k1", &issuer.key);
    issuer.documents.lock().unwrap()[1].1 = 403;
    assert_eq!(trade.assertion(&issuer.token(|_, _| ())).await.1["error_codes"], json!([501661]));
    issuer.documents.lock().unwrap()[0].1 = 404;
    assert_eq!(trade.assertion(&issuer.token(|_, _| ())).await.1["error_codes"], json!([50166]));
    issuer.publish("k1", &issuer.key);
    issuer.documents.lock().unwrap()[0].1 = 302;
    assert_eq!(
        trade.assertion(&issuer.token(|_, _| ())).await.1["error_codes"],
        json!([50166]),
        "redirects are not followed"
    );
    trade.sim.remove(&id("Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/fic"));
    assert_eq!(trade.assertion(&issuer.token(|_, _| ())).await.1["error_codes"], json!([70025]));
}

#[tokio::test]
async fn secrets_are_traded_or_refused_by_class() {
    let issuer = Issuer::start().await;
    let trade = Trade::with(&issuer).await;
    trade
        .sim
        .edit(|state| {
            state["principals"][0]["secrets"] =
                json!([{"value": "good"}, {"value": "old", "expires": "2020-01-01T00:00:00Z"}])
        })
        .unwrap();
    let owner = trade.sim.state()["principals"][0]["appId"].as_str().unwrap().to_owned();
    let base = [("grant_type", "client_credentials"), ("scope", "https://storage.azure.com/.default")];
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let mut all: Vec<(&'static str, String)> = base.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        all.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
        all.extend(more.iter().map(|(k, v)| (*k, (*v).to_owned())));
        all
    };
    type Row<'a> = (Vec<(&'a str, String)>, &'a str, u16, u64, &'a str);
    let rows: Vec<Row<'_>> = vec![
        (with(&[("client_id", &owner), ("client_secret", "good")]), seed::TENANT, 200, 0, ""),
        (with(&[("client_id", &owner), ("client_secret", "bad")]), seed::TENANT, 401, 7_000_215, "invalid_client"),
        (with(&[("client_id", &owner), ("client_secret", "old")]), seed::TENANT, 401, 7_000_222, "invalid_client"),
        (with(&[("client_id", &owner)]), seed::TENANT, 401, 7_000_218, "invalid_client"),
        (
            with(&[("client_id", "77777777-7777-4777-8777-777777777777"), ("client_secret", "good")]),
            seed::TENANT,
            400,
            700_016,
            "unauthorized_client",
        ),
        (
            with(&[("client_id", &owner), ("client_secret", "good")]),
            "77777777-7777-4777-8777-777777777777",
            400,
            90002,
            "invalid_tenant",
        ),
        (with(&[("client_secret", "good")]), seed::TENANT, 400, 900_144, "invalid_request"),
        (
            with(&[("client_id", &owner), ("client_secret", "good"), ("scope", "https://storage.azure.com/x")]),
            seed::TENANT,
            400,
            1_002_012,
            "invalid_scope",
        ),
        (
            with(&[("client_id", &owner), ("client_secret", "good"), ("scope", "https://nowhere.example/.default")]),
            seed::TENANT,
            400,
            500_011,
            "invalid_resource",
        ),
        (
            with(&[("client_id", &owner), ("grant_type", "password")]),
            seed::TENANT,
            400,
            70003,
            "unsupported_grant_type",
        ),
    ];
    for (fields, tenant, status, code, error) in rows {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let (got, body) = trade.post(tenant, &fields).await;
        assert_eq!(got, status, "{body}");
        if status == 200 {
            let claims: Value =
                jsonwebtoken::dangerous::insecure_decode_claims(body["access_token"].as_str().unwrap()).unwrap();
            assert_eq!(claims["aud"], "https://storage.azure.com");
            assert!(body["expires_in"].as_i64().unwrap() > 0);
        } else {
            assert_eq!((body["error_codes"][0].as_u64(), body["error"].as_str()), (Some(code), Some(error)));
            assert!(!body.to_string().contains("good"), "no secret comes back");
        }
    }
    let metadata = trade
        .http
        .get(format!("{}/{}/v2.0/.well-known/openid-configuration", trade.sim.url(), seed::TENANT))
        .send()
        .await
        .unwrap();
    assert!(metadata.json::<Value>().await.unwrap()["token_endpoint"].as_str().unwrap().starts_with(&trade.sim.url()));
    let unknown = trade
        .http
        .get(format!("{}/nowhere/v2.0/.well-known/openid-configuration", trade.sim.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 400);
    assert_eq!(unknown.json::<Value>().await.unwrap()["error_codes"], json!([90002]));
}
