//! `doctor` before something is done: `preflight`, `--before`, the what-if; and what differs after it, `diff`.

use std::path::Path;

use azure_sim::seed;
use e2e::keys::armoured;
use e2e::registry::{CREDENTIALS, TOKEN};
use e2e::scene::{CLIENT_SECRET, NAME, Ran, Scene, azure, new_signing_key};
use serde_json::{Value, json};

use super::create_cluster::{kubectl, ran, whole};
use super::create_stage::PROGRAM;

/// The flags of `create cluster`, asked about.
fn preflight(scene: &Scene) -> String {
    whole(scene).replacen("create cluster azure", "doctor preflight", 1)
}

/// All that a run could change: Azure, the issuer's documents, and what the namespaces hold.
fn standing(scene: &Scene) -> String {
    let kinds = "hostedclusters,nodepools,secrets,configmaps,serviceaccounts,leases";
    let versions = "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    format!("{}\n{}", scene.sim.state(), kubectl(scene, &["get", kinds, "-o", versions]))
}

/// The verdict of each check that was judged.
fn verdicts(ran: &Ran) -> Vec<(String, String)> {
    let report = ran.json().unwrap();
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
    report["verdicts"].as_array().unwrap().iter().map(|row| (text(row, "code"), text(row, "verdict"))).collect()
}

fn codes_of_roots(ran: &Ran) -> Vec<String> {
    let mut codes: Vec<String> = ran.roots("fail").unwrap().iter().map(|root| root[..4].to_owned()).collect();
    codes.dedup();
    codes
}

/// Takes everything from the caller but one role at the subscription.
fn demote(state: &mut Value, role: &str) {
    state["principals"][0]["owner"] = json!(false);
    let scope = format!("/subscriptions/{}", seed::SUBSCRIPTION);
    let authorization = format!("{scope}/providers/Microsoft.Authorization");
    state["roleAssignments"].as_array_mut().unwrap().push(json!({
        "id": format!("{authorization}/roleAssignments/5d1f1a52-3b0a-4a36-8a2b-000000000001"),
        "properties": {
            "principalId": seed::OBJECT_ID, "principalType": "ServicePrincipal", "scope": scope,
            "roleDefinitionId": format!("{authorization}/roleDefinitions/{role}"),
        },
    }));
}

/// The GUIDs of the built-in roles Contributor and Reader.
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_would_succeed_is_told_before_anything_exists() {
    let scene = Scene::before_create().await.unwrap();
    let before = standing(&scene);
    let line = preflight(&scene);
    let flags = ran(&scene, &format!("{line} -o json"));
    assert_eq!(flags.code, Some(0), "{}\n{}", flags.stdout, flags.stderr);
    assert_eq!((flags.roots("fail").unwrap(), flags.roots("warn").unwrap()), (Vec::new(), Vec::new()));
    let told = verdicts(&flags);
    for code in ["CR01", "CR02", "QT01", "QT04", "MC01", "MC02", "MC03", "MC04", "OI01", "OI03", "DN01"] {
        assert!(told.contains(&(code.into(), "pass".into())), "{code}: {told:?}");
    }
    let passed = told.iter().filter(|(_, verdict)| verdict == "pass").count();
    let unknown = told.iter().filter(|(_, verdict)| verdict == "unknown").count();
    e2e::workspace::note(&format!("preflight: {} checks, {passed} pass, {unknown} unknown", told.len()));
    assert_eq!(unknown, 0, "{told:?}");
    // The registry was asked with the pull secret of the file, which is in no Secret yet.
    assert!(scene.registry.requests().iter().any(|request| request == "GET /token"));
    assert_eq!(scene.registry.leaked(), Vec::<String>::new());

    // The other spelling, and the same from a file.
    let flag = ran(&scene, &format!("{} -o json", line.replacen("doctor preflight", "doctor --preflight", 1)));
    assert_eq!(verdicts(&flag), told);
    let spec = ran(&scene, &format!("{} --print-spec", whole(&scene)));
    assert!(!spec.stdout.contains("auths"), "{}", spec.stdout);
    std::fs::write(scene.path("spec.yaml"), &spec.stdout).unwrap();
    let file = ran(&scene, "doctor preflight -f spec.yaml -o json");
    assert_eq!((file.code, verdicts(&file)), (Some(0), told), "{}", file.stderr);
    for format in ["table", "wide", "yaml", "junit", "markdown", "html", "name"] {
        assert_eq!(ran(&scene, &format!("doctor preflight -f spec.yaml -o {format} -vv")).code, Some(0), "{format}");
    }
    assert_eq!(standing(&scene), before);
}

/// Something that would keep a cluster from working, and the check that must be its only root.
struct Obstacle {
    name: &'static str,
    root: &'static str,
    says: &'static str,
    put: fn(&Scene),
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

fn pull_secret(scene: &Scene, content: &str) {
    std::fs::write(scene.path("pull-secret.json"), content).unwrap();
}

const OBSTACLES: &[Obstacle] = &[
    Obstacle {
        name: "the registry refuses the pull secret",
        root: "MC03",
        says: "--pull-secret pull-secret.json",
        put: |scene| pull_secret(scene, &json!({"auths": {scene.registry.name(): {"auth": "dTpw"}}}).to_string()),
    },
    Obstacle {
        name: "the pull secret is for another registry",
        root: "MC03",
        says: "has nothing for 127.0.0.1",
        put: |scene| pull_secret(scene, &json!({"auths": {"quay.io": {"auth": CREDENTIALS}}}).to_string()),
    },
    Obstacle {
        name: "the release is for another architecture",
        root: "MC04",
        says: "arm64 alone",
        put: |scene| drop(scene.registry.add("4.22.3-multi", Some("4.22.3"), &["arm64"])),
    },
    Obstacle {
        name: "a provider is not registered",
        root: "QT01",
        says: "az provider register",
        put: |scene| {
            let unregister = |state: &mut Value| {
                state["providers"] = json!([{
                    "subscriptionId": seed::SUBSCRIPTION, "namespace": "Microsoft.Network",
                    "registrationState": "NotRegistered",
                }]);
            };
            scene.sim.edit(unregister).unwrap();
        },
    },
    Obstacle {
        name: "more nodes than the quota of the family",
        root: "QT04",
        says: "standardDSv5Family",
        put: |scene| {
            let usage = json!([{
                "provider": "Microsoft.Compute", "location": "eastus", "name": "standardDSv5Family",
                "currentValue": 97, "limit": 100,
            }]);
            scene.sim.edit(|state| state["usages"] = usage).unwrap();
        },
    },
    Obstacle {
        name: "the issuer does not publish the key",
        root: "OI03",
        says: "AADSTS7000272",
        put: |scene| {
            let other = new_signing_key().unwrap();
            block_on(scene.publish(&scene.discovery(), &scene.jwks(&other))).unwrap();
        },
    },
    Obstacle {
        name: "the caller may only read",
        root: "CR02",
        says: "Microsoft.ManagedIdentity/userAssignedIdentities/write",
        put: |scene| scene.sim.edit(|state| demote(state, READER)).unwrap(),
    },
    Obstacle {
        name: "the caller may make everything and assign no role",
        root: "CR02",
        says: "Microsoft.Authorization/roleAssignments/write",
        put: |scene| scene.sim.edit(|state| demote(state, CONTRIBUTOR)).unwrap(),
    },
    Obstacle {
        name: "a lock forbids every change at the group of the zone",
        root: "CR07",
        says: "az lock delete",
        put: |scene| {
            let group = format!("/subscriptions/{}/resourceGroups/os4-common", seed::SUBSCRIPTION);
            let lock = format!("{group}/providers/Microsoft.Authorization/locks/keep");
            scene.sim.put_resource(json!({"id": lock, "name": "keep", "properties": {"level": "ReadOnly"}})).unwrap();
        },
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn each_obstacle_is_the_only_root_before_anything_exists() {
    let scene = Scene::before_create().await.unwrap();
    let (line, pull) = (preflight(&scene), std::fs::read_to_string(scene.path("pull-secret.json")).unwrap());
    let azure = scene.sim.state();
    let mut wrong = Vec::new();
    for obstacle in OBSTACLES {
        (obstacle.put)(&scene);
        let before = standing(&scene);
        let told = ran(&scene, &format!("{line} -o json"));
        let found = (told.code, codes_of_roots(&told));
        if found != (Some(1), vec![obstacle.root.to_owned()]) || !told.stdout.contains(obstacle.says) {
            wrong.push(format!("{}: {found:?}\n{}\n{}", obstacle.name, told.stderr, told.stdout));
        }
        // `create` stops for the same reason.
        let create = ran(&scene, &format!("{} --yes", whole(&scene)));
        if create.code != Some(1) || !create.stderr.contains(&format!("HAZ-{}", obstacle.root)) {
            wrong.push(format!("{}: create ended with {:?}\n{}", obstacle.name, create.code, create.stderr));
        }
        if standing(&scene) != before {
            wrong.push(format!("{}: something was changed", obstacle.name));
        }
        scene.sim.load(azure.clone()).unwrap();
        scene.heal_issuer().await.unwrap();
        pull_secret(&scene, &pull);
        scene.registry.add("4.22.3-multi", Some("4.22.3"), &["amd64", "arm64"]);
    }
    e2e::workspace::note(&format!("preflight: {} obstacles, each the only root", OBSTACLES.len()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(ran(&scene, &line).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_assign_no_role_can_leave_that_to_others() {
    let scene = Scene::before_create().await.unwrap();
    scene.sim.edit(|state| demote(state, CONTRIBUTOR)).unwrap();
    let line = preflight(&scene).replace("--assign-identity-roles", "");
    let told = ran(&scene, &format!("{line} --only CR02 -o json"));
    assert_eq!((told.code, verdicts(&told)), (Some(0), vec![("CR02".into(), "pass".into())]), "{}", told.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrapped_signing_key_reaches_hypershift_as_pkcs1() {
    let scene = Scene::before_create().await.unwrap();
    let pkcs1 = std::fs::read_to_string(scene.path("signer.key")).unwrap();
    std::fs::write(scene.path("signer.key"), wrapped(&pkcs1)).unwrap();
    let made = ran(&scene, &format!("{} --yes", whole(&scene)));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(format!("{}{}", made.stdout, made.stderr).contains("goes into its Secret as PKCS#1"), "{}", made.stderr);
    let names = kubectl(&scene, &["get", "secrets", "-o", "name"]);
    let name = names.lines().find(|name| name.contains("sa-token-issuer-key")).unwrap();
    let key = kubectl(&scene, &["get", name, "-o", "go-template={{.data.key | base64decode}}"]);
    assert_eq!(key, pkcs1);
    // The same file again changes nothing.
    let again = ran(&scene, &format!("{} --dry-run --exit-code", whole(&scene)));
    assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
}

/// A key of 2,048 bits in PKCS#8.
fn wrapped(pkcs1: &str) -> String {
    use base64::Engine as _;
    let body: String = pkcs1.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::prelude::BASE64_STANDARD.decode(body).unwrap();
    let long = |tag: u8, length: usize| [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat();
    // version 0; algorithm rsaEncryption with no parameters.
    let head = [2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let inner = [&head[..], &long(4, der.len()), &der].concat();
    armoured("PRIVATE KEY", &[long(0x30, inner.len()), inner].concat())
}

/// `doctor demo` on the stage; no output may hold a secret.
fn doctor(scene: &Scene, line: &str) -> Ran {
    let mut args = vec!["doctor", NAME, "-n", &scene.namespace];
    args.extend(line.split_whitespace());
    let ran = scene.run(Path::new(PROGRAM), &args).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        for secret in [CLIENT_SECRET, CREDENTIALS, TOKEN, "pull-canary", "PRIVATE KEY"] {
            assert!(!output.contains(secret), "a secret is shown:\n{output}");
        }
    }
    ran
}

/// The row of a limit.
fn limit(report: &Value, resource: &str, name: &str) -> Value {
    let mut rows = report["capacity"].as_array().unwrap().iter();
    let named = rows.find(|row| row["resource"] == resource && row["name"].as_str().unwrap().ends_with(name));
    named.cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_change_of_node_pools_and_what_is_left() {
    let scene = Scene::healthy().await.unwrap();
    let usages = json!([
        {"provider": "Microsoft.Compute", "location": "eastus", "name": "standardDSv5Family", "currentValue": 10, "limit": 100},
        {"provider": "Microsoft.Compute", "location": "eastus", "name": "cores", "currentValue": 10, "limit": 200},
    ]);
    scene.sim.edit(|state| state["usages"] = usages).unwrap();
    let before = standing(&scene);
    let plain = doctor(&scene, "--before nodepool -o json");
    assert_eq!(plain.code, Some(0), "{}\n{}", plain.stdout, plain.stderr);
    assert!(plain.json().unwrap()["capacity"].is_null());

    // Two nodes of four vCPUs are there: ten more are 40.
    let more = doctor(&scene, "--before nodepool --replicas 12 -o json");
    assert_eq!(more.code, Some(0), "{}\n{}", more.stdout, more.stderr);
    let report = more.json().unwrap();
    let schema: Value = serde_json::from_str(ui::report::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert_eq!(validator.iter_errors(&report).map(|error| error.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
    let family = limit(&report, "familyVcpus", "standardDSv5Family");
    let numbers = ["limit", "used", "after", "fits"].map(|member| family[member].as_i64().unwrap());
    assert_eq!(numbers, [100, 10, 50, 12], "{family}");
    let region = limit(&report, "regionalVcpus", "cores");
    assert_eq!((&region["limit"], &region["after"]), (&json!(200), &json!(50)), "{region}");
    for resource in ["subnetAddresses", "snatNodes", "publicIps", "roleAssignments", "federatedCredentials"] {
        let rows = report["capacity"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["resource"] == resource && row["limit"].is_i64()), "{resource}: {rows:?}");
    }
    let table = doctor(&scene, "--before nodepool --replicas 12");
    let line = table.stdout.lines().find(|line| line.starts_with("vCPUs of a ")).unwrap_or_default().to_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(["100", "10", "50"].iter().all(|number| words.contains(number)), "{}", table.stdout);

    // An autoscaler is asked for as if it had gone up: 38 more nodes are 152.
    let peak = doctor(&scene, "--before nodepool --max 40 -o json");
    let family = limit(&peak.json().unwrap(), "familyVcpus", "standardDSv5Family");
    assert_eq!((peak.code, &family["after"], &family["fits"]), (Some(1), &json!(162), &json!(0)), "{family}");
    let table = doctor(&scene, "--before nodepool --max 40").stdout;
    assert!(table.lines().any(|line| line.starts_with("vCPUs of a ") && line.contains(" 162 ")), "{table}");
    // Too many nodes: the quota is the root, and the answer is no in every format.
    for format in ["json", "table", "name"] {
        assert_eq!(doctor(&scene, &format!("--before nodepool --replicas 40 -o {format}")).code, Some(1), "{format}");
    }
    let refused = doctor(&scene, "--before nodepool --replicas 40 -o json");
    assert_eq!(codes_of_roots(&refused), ["QT04"], "{}", refused.stdout);
    // A pool that is to be added.
    let added = doctor(&scene, "--before nodepool --nodepool gpu --instance-type Standard_D4s_v5 --replicas 3 -o json");
    let family = limit(&added.json().unwrap(), "familyVcpus", "standardDSv5Family");
    assert_eq!(family["after"], 22, "{family}");
    let unnamed = doctor(&scene, "--before nodepool --nodepool gpu --replicas 3");
    assert_eq!(unnamed.code, Some(2), "{}", unnamed.stderr);
    assert!(unnamed.stderr.contains("--instance-type"), "{}", unnamed.stderr);
    assert_eq!(standing(&scene), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_an_upgrade_and_before_the_end() {
    let scene = Scene::healthy().await.unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "demo-pull-secret", "namespace": scene.namespace},
        "stringData": {".dockerconfigjson": scene.registry.pull_secret().to_string()},
    });
    scene.bed.apply_yaml(&secret.to_string()).await.unwrap();
    for (tag, version, architectures) in
        [("4.22.7-multi", "4.22.7", &["amd64", "arm64"][..]), ("4.22.7-arm", "4.22.7", &["arm64"][..])]
    {
        scene.registry.add(tag, Some(version), architectures);
    }
    let before = standing(&scene);
    let upgrade = |tag: &str| {
        let image = scene.registry.image(tag);
        doctor(&scene, &format!("--before upgrade --release-image {image} -o json"))
    };
    let fine = upgrade("4.22.7-multi");
    assert_eq!((fine.code, codes_of_roots(&fine)), (Some(0), Vec::new()), "{}\n{}", fine.stdout, fine.stderr);
    for code in ["MC02", "MC03", "MC04", "NP03"] {
        assert!(verdicts(&fine).contains(&(code.into(), "pass".into())), "{code}: {}", fine.stdout);
    }
    assert_eq!(codes_of_roots(&upgrade("4.22.7-arm")), ["MC04"]);
    assert_eq!(codes_of_roots(&upgrade("4.22.8-multi")), ["MC04"]);

    // Clusters of other tests, with the same infra id, may be in the API server.
    let fine = doctor(&scene, "--before destroy --skip OR05 -o json");
    assert_eq!((fine.code, codes_of_roots(&fine)), (Some(0), Vec::new()), "{}\n{}", fine.stdout, fine.stderr);
    assert_eq!(standing(&scene), before);
    let lock = format!("{}/providers/Microsoft.Authorization/locks/keep", azure::managed_group());
    scene.sim.put_resource(json!({"id": lock, "name": "keep", "properties": {"level": "ReadOnly"}})).unwrap();
    let locked = doctor(&scene, "--before destroy --skip OR05 -o json");
    assert_eq!((locked.code, codes_of_roots(&locked)), (Some(1), vec!["CR07".to_owned()]), "{}", locked.stdout);
    scene.heal_azure().unwrap();

    // Another hosted cluster has its network in the group that would go.
    let text = kubectl(&scene, &["get", "hostedcluster", NAME, "-o", "json"]);
    let mut guest: Value = serde_json::from_str(&text).unwrap();
    guest["metadata"] = json!({"name": "guest", "namespace": scene.namespace});
    guest.as_object_mut().unwrap().remove("status");
    let platform = &mut guest["spec"]["platform"]["azure"];
    platform["resourceGroup"] = json!("guest-x7k2q");
    platform["subnetID"] =
        json!(format!("{}/providers/Microsoft.Network/virtualNetworks/guest/subnets/default", azure::managed_group()));
    platform["vnetID"] = json!(format!("{}/providers/Microsoft.Network/virtualNetworks/guest", azure::managed_group()));
    guest["spec"]["infraID"] = json!("guest-x7k2q");
    scene.bed.apply_yaml(&guest.to_string()).await.unwrap();
    let shared = doctor(&scene, "--before destroy -o json");
    assert_eq!((shared.code, codes_of_roots(&shared)), (Some(1), vec!["OR05".to_owned()]), "{}", shared.stdout);
    assert!(shared.stdout.contains("virtualNetworks/guest"), "{}", shared.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_of_two_runs_and_with_the_cluster_as_it_is() {
    let scene = Scene::healthy().await.unwrap();
    let save = |name: &str| {
        let ran = doctor(&scene, "-o json");
        std::fs::write(scene.path(name), &ran.stdout).unwrap();
        scene.path(name).display().to_string()
    };
    let diff = |args: &[&str]| {
        let all = [&["doctor", "diff", "-n", &scene.namespace], args].concat();
        scene.run(Path::new(PROGRAM), &all).unwrap()
    };
    let monday = save("monday.json");
    assert!(scene.sim.remove(&azure::identity_id("network")));
    let tuesday = save("tuesday.json");
    let schema: Value = serde_json::from_str(ui::report::diff_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let side_of = |ran: &Ran, side: &str| -> Vec<String> {
        let document = ran.json().unwrap();
        let wrong: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{document:#}");
        let rows = document["items"][0][side].as_array().unwrap().iter();
        rows.filter(|row| row["causedBy"].is_null()).map(|row| row["code"].as_str().unwrap().to_owned()).collect()
    };
    let live = ["--hosted-cluster", NAME, "-o", "json"];
    for ran in [diff(&[&monday, &tuesday, "-o", "json"]), diff(&[&[monday.as_str()][..], &live].concat())] {
        assert_eq!(ran.code, Some(1), "{}\n{}", ran.stdout, ran.stderr);
        assert_eq!((side_of(&ran, "new"), side_of(&ran, "gone")), (vec!["ID01".to_owned()], vec![]));
    }
    let same = diff(&[&[tuesday.as_str()][..], &live].concat());
    assert_eq!((same.code, side_of(&same, "new")), (Some(0), vec![]), "{}", same.stdout);
    scene.heal_azure().unwrap();
    let mended = diff(&[&[tuesday.as_str()][..], &live].concat());
    assert_eq!((mended.code, side_of(&mended, "gone")), (Some(0), vec!["ID01".to_owned()]), "{}", mended.stdout);
    let table = diff(&[&tuesday, "--hosted-cluster", NAME]);
    assert!(table.stdout.contains("HAZ-ID01"), "{}", table.stdout);
    assert_eq!(diff(&[&monday, "--hosted-cluster", "gone"]).code, Some(2));
    assert_eq!(diff(&[&monday]).code, Some(2));
}
