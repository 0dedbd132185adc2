//! `doctor --exchange`: tokens of the real signing key against Entra as the simulator knows it, one class of refusal after
//! the other.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use e2e::scene::{self, CLIENT_SECRET, NAME, Ran, Scene, azure};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

fn exchange(scene: &Scene, more: &[&str]) -> Ran {
    let mut args = vec!["doctor", NAME, "-n", &scene.namespace, "--exchange", "-o", "json"];
    args.extend(more);
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        for secret in [CLIENT_SECRET, "eyJ", "PRIVATE KEY"] {
            assert!(!output.contains(secret), "a secret is shown:\n{output}");
        }
    }
    ran
}

/// The rows of a check.
fn rows(report: &Value, code: &str) -> Vec<Value> {
    let rows = report["verdicts"].as_array().unwrap().iter();
    rows.filter(|row| row["code"] == code).cloned().collect()
}

fn edit_credentials(scene: &Scene, field: &str, value: &Value) {
    scene
        .sim
        .edit(|state| {
            for resource in state["resources"].as_array_mut().unwrap() {
                if resource["id"].as_str().is_some_and(|id| id.contains("/federatedIdentityCredentials/")) {
                    resource["properties"][field] = value.clone();
                }
            }
        })
        .unwrap();
}

/// A class of refusal: the number, the row that must be its only root, and how it is brought about.
struct Class {
    aadsts: &'static str,
    root: &'static str,
    inject: fn(&Scene),
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

const CLASSES: &[Class] = &[
    Class {
        aadsts: "AADSTS700211",
        root: "FC02",
        inject: |s| edit_credentials(s, "issuer", &json!("https://other.blob.core.windows.net/other")),
    },
    Class {
        aadsts: "AADSTS700213",
        root: "FC01",
        inject: |s| {
            let id = azure::credential_id("ingress", 0);
            let mut body = s.sim.resource(&id).unwrap();
            body["properties"]["subject"] = json!("system:serviceaccount:openshift-ingress-operator:Ingress-Operator");
            s.sim.put_resource(body).unwrap();
        },
    },
    Class {
        aadsts: "AADSTS700212",
        root: "FC03",
        inject: |s| edit_credentials(s, "audiences", &json!(["api://AzureADTokenExchange"])),
    },
    Class { aadsts: "AADSTS700016", root: "ID01", inject: |s| assert!(s.sim.remove(&azure::identity_id("file"))) },
    Class {
        aadsts: "AADSTS7000272",
        root: "OI03",
        inject: |s| {
            let other = scene::new_signing_key().unwrap();
            block_on(s.publish(&s.discovery(), &s.jwks(&other))).unwrap();
        },
    },
    Class {
        aadsts: "AADSTS50166",
        root: "OI04",
        inject: |s| {
            let mut body = s.sim.resource(&azure::container_id(&s.container)).unwrap();
            body["properties"]["publicAccess"] = json!("None");
            s.sim.put_resource(body).unwrap();
            block_on(s.azurite.set_public_access(&s.container, e2e::azurite::PublicAccess::Private)).unwrap();
        },
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_class_of_refusal_is_laid_at_the_right_door() {
    let scene = Scene::healthy().await.unwrap();
    let ran = exchange(&scene, &["--only", "FC04,RA02"]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let report = ran.json().unwrap();
    for code in ["FC04", "RA02"] {
        assert_eq!(rows(&report, code)[0]["verdict"], "pass", "{report:#}");
    }
    e2e::workspace::note(&format!("{:<16} {:<6} folded", "refusal", "root"));
    for class in CLASSES {
        (class.inject)(&scene);
        let ran = exchange(&scene, &[]);
        let report = ran.json().unwrap();
        let roots = ran.roots("fail").unwrap();
        let codes: BTreeSet<&str> = roots.iter().map(|root| &root[..4]).collect();
        assert_eq!(codes, BTreeSet::from([class.root]), "{}: {}", class.aadsts, ran.stdout);
        let refused: Vec<Value> =
            rows(&report, "FC04").into_iter().filter(|row| row["causedBy"] == class.root).collect();
        assert!(!refused.is_empty(), "{}: {}", class.aadsts, ran.stdout);
        for row in &refused {
            assert!(row["what"].as_str().unwrap().starts_with(class.aadsts), "{row:#}");
            assert!(row["evidence"]["trace id"].as_str().is_some_and(|id| id.len() == 36), "{row:#}");
            assert!(row["evidence"]["correlation id"].is_string(), "{row:#}");
        }
        e2e::workspace::note(&format!("{:<16} {:<6} {} rows of FC04", class.aadsts, class.root, refused.len()));
        scene.heal_azure().unwrap();
        scene.heal_issuer().await.unwrap();
    }
    assert_eq!(exchange(&scene, &["--only", "FC,RA"]).code, Some(0), "the scene is whole again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_file_takes_the_place_of_the_secret() {
    let scene = Scene::healthy().await.unwrap();
    let write = |name: &str, pem: &str| {
        let path = scene.path(name);
        std::fs::write(&path, pem).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let own = write("own.key", &scene::signing_key().unwrap().pem);
    let ran = exchange(&scene, &["--only", "FC04", "--signing-key", &own]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    // A key that nobody has published: Entra says so, and that is the root.
    let other = write("other.key", &scene::new_signing_key().unwrap().pem);
    let ran = exchange(&scene, &["--only", "FC04", "--signing-key", &other]);
    assert_eq!(ran.code, Some(1));
    let report = ran.json().unwrap();
    let rows = rows(&report, "FC04");
    assert!(rows.iter().all(|row| row["what"].as_str().unwrap().starts_with("AADSTS7000272")), "{report:#}");
    // Neither is a public key one to sign with, nor a file that is not there.
    let nobody = scene.path("nobody.key").display().to_string();
    let ran = exchange(&scene, &["--signing-key", &nobody]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--signing-key"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_nothing_is_traded() {
    let scene = Scene::healthy().await.unwrap();
    scene.sim.clear_requests();
    let args = ["doctor", NAME, "-n", &scene.namespace, "-o", "json"];
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    let report = ran.json().unwrap();
    assert!(rows(&report, "FC04").is_empty() && rows(&report, "RA02").is_empty(), "{report:#}");
    // The caller signs in to Resource Manager and to Graph; nobody else does.
    let tokens = scene.sim.requests().iter().filter(|entry| entry.path.ends_with("/token")).count();
    assert!(tokens <= 2, "{tokens} tokens");
}
