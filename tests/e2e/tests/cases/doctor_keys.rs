//! `doctor`, live: a cluster with managed identities, whose credentials and etcd key are in Key Vaults.

use std::path::Path;

use azure_sim::seed;
use e2e::scene::{NAME, Ran, Scene, azure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");
const VERSION: &str = "0123456789abcdef0123456789abcdef";
/// What stands in the value of every secret: no output may hold it.
const CANARY: &str = "canary-credential-7f3a";

fn doctor(scene: &Scene) -> Ran {
    let args = ["doctor", NAME, "-n", &scene.namespace, "--only", "AR03,AR04,RA03", "-o", "json"];
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    assert!(!ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY), "a credential is shown");
    ran
}

/// Code, verdict and subject of what is no pass.
fn told(ran: &Ran) -> Vec<(String, String, String)> {
    let report = ran.json().unwrap();
    let rows = report["verdicts"].as_array().unwrap().iter().filter(|row| row["verdict"] != "pass");
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.map(|row| (text(row, "code"), text(row, "verdict"), text(row, "subject"))).collect()
}

fn one(code: &str, verdict: &str, subject: &str) -> Vec<(String, String, String)> {
    vec![(code.to_owned(), verdict.to_owned(), subject.to_owned())]
}

fn vault_id(name: &str) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/os4-common/providers/Microsoft.KeyVault/vaults/{name}",
        seed::SUBSCRIPTION
    )
}

/// A Key Vault, with what is changed of it.
fn vault(scene: &Scene, name: &str, change: &Value) {
    let mut properties = json!({
        "tenantId": seed::TENANT, "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": true, "enablePurgeProtection": true,
    });
    for (key, value) in change.as_object().unwrap() {
        properties[key] = value.clone();
    }
    let body = json!({
        "id": vault_id(name), "name": name, "type": "Microsoft.KeyVault/vaults", "location": "eastus",
        "properties": properties,
    });
    scene.sim.put_resource(body).unwrap();
}

fn in_days(days: i64) -> i64 {
    (Timestamp::now() + SignedDuration::from_hours(24 * days)).as_second()
}

fn secret(scene: &Scene, name: &str, attributes: &Value) {
    let body = json!({
        "id": format!("{}/secrets/{name}", vault_id("kv-msi")), "name": name, "type": "Microsoft.KeyVault/vaults/secrets",
        "tags": {"renew_after": "2026-01-01T00:00:00Z"}, "properties": {"value": CANARY, "attributes": attributes},
    });
    scene.sim.put_resource(body).unwrap();
}

/// Replaces the cluster by one with managed identities, as their kind cannot be changed.
async fn with_managed_identities(scene: &Scene) {
    const KEYS: [&str; 8] = [
        "imageRegistry",
        "ingress",
        "disk",
        "file",
        "cloudProvider",
        "network",
        "nodePoolManagement",
        "controlPlaneOperator",
    ];
    let object = scene.kubectl(&["-n", &scene.namespace, "get", "hostedcluster", NAME, "-o", "json"]).unwrap();
    let mut cluster: Value = serde_json::from_str(&object).unwrap();
    let status = cluster["status"].take();
    let identity = |key: &str| json!({"clientID": azure::client_id(key), "credentialsSecretName": key.to_lowercase(), "objectEncoding": "utf-8"});
    let mut plane = json!({"managedIdentitiesKeyVault": {"name": "kv-msi", "tenantID": seed::TENANT}});
    for key in KEYS {
        plane[key] = identity(key);
        let attributes = json!({"enabled": true, "nbf": in_days(-10), "exp": in_days(80)});
        secret(scene, &key.to_lowercase(), &attributes);
    }
    cluster["spec"]["platform"]["azure"]["azureAuthenticationConfig"] = json!({
        "azureAuthenticationConfigType": "ManagedIdentities",
        "managedIdentities": {"controlPlane": plane, "dataPlane": {
            "imageRegistryMSIClientID": azure::client_id("imageRegistry"),
            "diskMSIClientID": azure::client_id("disk"),
            "fileMSIClientID": azure::client_id("file"),
        }},
    });
    cluster["spec"]["secretEncryption"] = json!({"type": "kms", "kms": {"provider": "Azure", "azure": {
        "activeKey": {"keyVaultName": "kv-etcd", "keyName": "etcd", "keyVersion": VERSION},
        "kms": {"credentialsSecretName": "kms", "objectEncoding": "utf-8"},
    }}});
    secret(scene, "kms", &json!({"enabled": true, "nbf": in_days(-10), "exp": in_days(80)}));
    for key in ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"] {
        cluster["metadata"].as_object_mut().unwrap().shift_remove(key);
    }
    scene.kubectl(&["-n", &scene.namespace, "delete", "hostedcluster", NAME]).unwrap();
    scene.bed.apply_yaml(&cluster.to_string()).await.unwrap();
    let patch = json!({ "status": status }).to_string();
    let at = ["-n", &scene.namespace, "patch", "hostedcluster", NAME, "--subresource=status", "--type=merge", "-p"];
    scene.kubectl(&[&at[..], &[&patch]].concat()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_key_vaults_say_of_credentials_and_keys() {
    let scene = Scene::healthy().await.unwrap();
    vault(&scene, "kv-msi", &json!({}));
    vault(&scene, "kv-etcd", &json!({}));
    let key = format!("{}/keys/etcd", vault_id("kv-etcd"));
    let version = format!("{key}/versions/{VERSION}");
    for (id, kind) in [(&key, "vaults/keys"), (&version, "vaults/keys/versions")] {
        let body = json!({
            "id": id, "name": id.rsplit('/').next(), "type": format!("Microsoft.KeyVault/{kind}"),
            "properties": {"attributes": {"enabled": true}},
        });
        scene.sim.put_resource(body).unwrap();
    }
    with_managed_identities(&scene).await;
    let healthy = doctor(&scene);
    assert_eq!(told(&healthy), [], "{}", healthy.stdout);
    assert_eq!(healthy.json().unwrap()["summary"]["pass"], 3, "{}", healthy.stdout);

    // Credentials that end, have ended, are gone, or of which no end is recorded.
    let subject = "secret ingress of vault kv-msi";
    secret(&scene, "ingress", &json!({"enabled": true, "nbf": in_days(-80), "exp": in_days(3)}));
    assert_eq!(told(&doctor(&scene)), one("AR03", "warn", subject));
    secret(&scene, "ingress", &json!({"enabled": true, "nbf": in_days(-80), "exp": in_days(-1)}));
    let ended = doctor(&scene);
    assert_eq!((told(&ended), ended.code), (one("AR03", "fail", subject), Some(1)), "{}", ended.stdout);
    secret(&scene, "ingress", &json!({"enabled": true}));
    assert_eq!(told(&doctor(&scene)), one("AR03", "unknown", subject));
    assert!(scene.sim.remove(&format!("{}/secrets/ingress", vault_id("kv-msi"))));
    assert_eq!(told(&doctor(&scene)), one("AR03", "fail", subject));
    secret(&scene, "ingress", &json!({"enabled": true, "nbf": in_days(-1), "exp": in_days(89)}));

    // A vault that nobody reaches any longer, and a key that may not be used.
    let endpoint = |state: &str| {
        json!({"publicNetworkAccess": "Disabled", "privateEndpointConnections": [{"properties": {
            "privateEndpoint": {"id": format!("{}/providers/Microsoft.Network/privateEndpoints/kv", azure::managed_group())},
            "privateLinkServiceConnectionState": {"status": state},
        }}]})
    };
    vault(&scene, "kv-etcd", &endpoint("Pending"));
    assert_eq!(told(&doctor(&scene)), one("AR04", "fail", "vault kv-etcd"));
    vault(&scene, "kv-etcd", &endpoint("Approved"));
    assert_eq!(told(&doctor(&scene)), []);
    assert!(scene.sim.remove(&version));
    assert_eq!(told(&doctor(&scene)), one("RA03", "fail", "key etcd of vault kv-etcd"));
}
