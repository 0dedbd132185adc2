//! `create oidc-issuer`: what everybody gets of it from real blob storage, what stays secret, and what is never lost.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use azure_sim::{Action, Fault, Options};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use e2e::azurite::Azurite;
use e2e::keys::{PublicHalf, public_half};
use e2e::scene::Ran;
use serde_json::{Value, json};

use super::create_stage::{CLIENT, SECRET, SUBSCRIPTION, Stage, TENANT, each, id, mode};

const KEY: &str = "serviceaccount-signer.private";
const PUBLIC: &str = "serviceaccount-signer.public";

pub(super) fn runtime() -> &'static tokio::runtime::Runtime {
    static ONCE: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    ONCE.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

pub(super) fn azurite() -> &'static Azurite {
    runtime().block_on(Azurite::shared()).unwrap()
}

/// A subscription with these resources, whose storage accounts are Azurite's.
pub(super) fn stage(resources: Value) -> Stage {
    let state = json!({
        "tenant": TENANT,
        "principals": [{
            "id": "33333333-3333-3333-3333-333333333333", "appId": CLIENT, "type": "ServicePrincipal",
            "displayName": "runner", "owner": true, "secrets": [{"value": SECRET}],
        }],
        "subscriptions": [{"subscriptionId": SUBSCRIPTION, "displayName": "test"}],
        "resources": resources,
    });
    let azurite = azurite();
    let options = Options {
        state: Some(state),
        blob_endpoint: Some(azurite.origin().to_owned()),
        blob_backend: Some(azurite.backend()),
        oidc_ca: Some(azurite.ca_pem().to_owned()),
        ..Options::default()
    };
    Stage::with(options, azurite.ca_pem())
}

/// A container that no other test uses.
pub(super) fn container() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("issuer-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn line(container: &str) -> String {
    format!(
        "create oidc-issuer azure --name contoso --storage-account-name devstoreaccount1 --blob-container-name {container}"
    )
}

/// A document as anybody gets it: status, content type and content.
pub(super) fn public(url: &str) -> (u16, String, Value) {
    let http = azurite().http().unwrap();
    runtime().block_on(async {
        let response = http.get(url).send().await.unwrap();
        let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, content_type.unwrap_or_default(), serde_json::from_str(&text).unwrap_or_default())
    })
}

fn kids(issuer: &str) -> Vec<String> {
    let (status, content_type, set) = public(&format!("{issuer}/openid/v1/jwks"));
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The public half of a private key.
fn half(path: &Path) -> PublicHalf {
    public_half(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn kid(path: &Path) -> String {
    half(path).kid
}

pub(super) fn issuer_of(ran: &Ran) -> String {
    let issuer = ran.stdout.strip_suffix('\n').unwrap();
    assert!(!issuer.contains('\n') && issuer.starts_with("https://") && !issuer.ends_with('/'), "{}", ran.stdout);
    issuer.to_owned()
}

/// The files of a stage, without those that it began with.
fn files(stage: &Stage) -> Vec<String> {
    let known = ["ca.pem", "environment.json", "azure-creds.json"];
    let mut names: Vec<String> = std::fs::read_dir(stage.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

/// The writes to Azure but for the question whether a name is free.
fn written(stage: &Stage) -> Vec<String> {
    let paths = stage.writes().into_iter().map(|entry| format!("{} {}", entry.method, entry.path));
    paths.filter(|line| !line.contains("checkNameAvailability")).collect()
}

#[test]
fn everybody_gets_the_documents_and_a_second_run_writes_nothing() {
    let stage = stage(json!([]));
    let container = container();
    let line = line(&container);
    let plan = stage.run(&format!("{line} --dry-run --exit-code -o json"));
    assert_eq!(plan.code, Some(1), "{}", plan.stderr);
    assert_eq!(plan.json().unwrap()["summary"], json!({"create": 7, "change": 0, "delete": 0, "keep": 0}));
    assert!(!plan.stdout.contains("PRIVATE"), "{}", plan.stdout);
    assert!(written(&stage).is_empty() && files(&stage).is_empty(), "a dry run wrote");

    let ran = stage.done(&format!("{line} -t team=a,cost=b"));
    let issuer = issuer_of(&ran);
    assert_eq!(issuer, azurite().blob_url(&container, "").trim_end_matches('/'));
    let (status, content_type, discovery) = public(&format!("{issuer}/.well-known/openid-configuration"));
    assert_eq!((status, content_type.as_str()), (200, "application/json"));
    assert_eq!(
        discovery,
        json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/openid/v1/jwks"),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    );
    assert_eq!(files(&stage), [KEY, PUBLIC]);
    assert_eq!(kids(&issuer), [kid(&stage.path(KEY))]);
    let (_, _, set) = public(&format!("{issuer}/openid/v1/jwks"));
    let key = &set["keys"][0];
    assert_eq!(
        (&key["use"], &key["kty"], &key["alg"], &key["e"]),
        (&json!("sig"), &json!("RSA"), &json!("RS256"), &json!("AQAB"))
    );
    assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap().len(), 512);
    assert!(key.get("d").is_none());
    let private = stage.text(KEY);
    assert!(private.starts_with("-----BEGIN RSA PRIVATE KEY-----\n") && mode(&stage.path(KEY)) == 0o600);
    assert_eq!(stage.text(PUBLIC), half(&stage.path(KEY)).pem);
    let account =
        stage.sim.resource(&id("contoso-oidc", "Microsoft.Storage/storageAccounts/devstoreaccount1")).unwrap();
    assert_eq!(account["tags"], json!({"team": "a", "cost": "b", "hcp-azure_shared": "true"}));
    assert_eq!(
        (&account["sku"]["name"], &account["properties"]["minimumTlsVersion"]),
        (&json!("Standard_LRS"), &json!("TLS1_2"))
    );
    assert!(!written(&stage).iter().any(|line| line.contains("listKeys")), "{:?}", written(&stage));
    assert!(ran.stderr.contains("--oidc-issuer-url") && ran.stderr.contains(KEY), "{}", ran.stderr);
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains("PRIVATE KEY-") && !output.contains(private.lines().nth(1).unwrap()));
    }

    stage.sim.clear_requests();
    let etag = etag(&issuer);
    let again = stage.run(&format!("{line} --dry-run --exit-code -o json"));
    assert_eq!(again.code, Some(0), "{}", again.stdout);
    let again = stage.done(&line);
    assert_eq!(issuer_of(&again), issuer);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    let document = stage.done(&format!("{line} -o json")).json().unwrap();
    assert_eq!((document["issuer"].as_str(), &document["summary"]["keep"]), (Some(issuer.as_str()), &json!(7)));
    assert!(stage.writes().is_empty(), "{:?}", stage.writes());
    assert_eq!((self::etag(&issuer), stage.text(KEY)), (etag, private));
}

/// The version of the published key set.
fn etag(issuer: &str) -> String {
    let http = azurite().http().unwrap();
    runtime().block_on(async {
        let answer = http.get(format!("{issuer}/openid/v1/jwks")).send().await.unwrap();
        answer.headers()["etag"].to_str().unwrap().to_owned()
    })
}

#[test]
fn a_token_signed_by_the_new_key_is_exchanged() {
    let stage = stage(json!([{"id": id("os4-common", ""), "location": "eastus"}]));
    let issuer = issuer_of(&stage.done(&line(&container())));
    stage.done(&format!(
        "create iam --name demo --infra-id demo-x7k2p --resource-group-name os4-common --oidc-issuer-url {issuer} --output-file ids.json"
    ));
    let ids: Value = serde_json::from_str(&stage.text("ids.json")).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": issuer, "sub": "system:serviceaccount:kube-system:capi-provider", "aud": ["openshift"],
        "iat": now, "nbf": now, "exp": now + 600,
    });
    let header = jsonwebtoken::Header {
        kid: Some(kid(&stage.path(KEY))),
        ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256)
    };
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(stage.text(KEY).as_bytes()).unwrap();
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", ids["nodePoolManagement"]["clientID"].as_str().unwrap()),
        ("scope", "https://management.azure.com/.default"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", token.as_str()),
    ];
    let (status, text) = runtime().block_on(async {
        let ca = reqwest::Certificate::from_pem(stage.sim.ca_pem().as_bytes()).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        let body: String = form
            .iter()
            .map(|(key, value)| format!("{key}={}&", value.replace(':', "%3A").replace('/', "%2F")))
            .collect();
        let request = http.post(format!("{}/{TENANT}/oauth2/v2.0/token", stage.sim.url()));
        let answer =
            request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    });
    assert!(status == 200 && text.contains("access_token"), "{status} {text}");
}

#[test]
fn a_rotation_publishes_both_keys_and_loses_none() {
    let stage = stage(json!([]));
    let line = line(&container());
    let issuer = issuer_of(&stage.done(&line));
    let (old, old_kid) = (stage.text(KEY), kid(&stage.path(KEY)));
    let kept = format!("{KEY}.old-{}", &old_kid[..8]);
    // Cut off before anything is published, the new key waits for the next run.
    let blocked = stage.path(&kept);
    std::fs::write(&blocked, "somebody else's").unwrap();
    let ran = stage.run(&format!("{line} --rotate --yes"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert_eq!((stage.text(KEY), stage.text(&kept)), (old.clone(), "somebody else's".into()));
    let new = stage.text(&format!("{KEY}.new"));
    assert_eq!(mode(&stage.path(&format!("{KEY}.new"))), 0o600);
    std::fs::remove_file(blocked).unwrap();
    let told = stage.done(&line);
    assert!(
        told.stderr.split_whitespace().collect::<Vec<_>>().join(" ").contains("`--rotate` finishes it"),
        "{}",
        told.stderr
    );

    let ran = stage.done(&format!("{line} --rotate"));
    assert_eq!(issuer_of(&ran), issuer);
    assert_eq!((stage.text(KEY), stage.text(&kept)), (new, old));
    assert_eq!((mode(&stage.path(KEY)), mode(&stage.path(&kept))), (0o600, 0o600));
    let new_kid = kid(&stage.path(KEY));
    assert_eq!(kids(&issuer), [new_kid.clone(), old_kid.clone()]);
    assert_eq!(files(&stage), [KEY.to_owned(), kept, PUBLIC.to_owned()]);
    assert_eq!(stage.text(PUBLIC), half(&stage.path(KEY)).pem);
    // The old key stays published, and the reader is told.
    stage.sim.clear_requests();
    let again = stage.done(&line);
    assert!(again.stderr.contains(&old_kid[..8]) && again.stderr.contains("nothing to do"), "{}", again.stderr);
    assert!(stage.writes().is_empty());
    // From elsewhere, with the public half alone.
    let elsewhere = stage.done(&format!("{line} --public-key-file {PUBLIC}"));
    assert!(elsewhere.stderr.contains("nothing to do"), "{}", elsewhere.stderr);
    assert_eq!(kids(&issuer).len(), 2);
}

/// The key ids of all private keys on disk.
fn held(stage: &Stage) -> Vec<String> {
    files(stage).iter().filter(|name| name.starts_with(KEY)).map(|name| kid(&stage.path(name))).collect()
}

#[test]
fn killed_within_a_rotation_no_published_key_is_lost() {
    let next = format!("{KEY}.new");
    each(&["made", "published", "swapped"], |moment| {
        let stage = stage(json!([]));
        let line = line(&container());
        let issuer = issuer_of(&stage.done(&line));
        let first = kid(&stage.path(KEY));
        let mut child = stage.spawn(&format!("{line} --rotate"));
        stage.until(moment, |stage| match *moment {
            "made" => stage.path(&next).exists(),
            "published" => kids(&issuer).len() == 2,
            _ => kid(&stage.path(KEY)) != first,
        });
        child.kill().unwrap();
        child.wait().unwrap();
        let lost = |kids: Vec<String>| kids.into_iter().filter(|kid| !held(&stage).contains(kid)).count();
        assert_eq!(lost(kids(&issuer)), 0, "{moment}");
        // What the kill left decides what is still to do.
        let rest = if stage.path(&next).exists() { format!("{line} --rotate") } else { line };
        stage.done(&rest);
        let published = kids(&issuer);
        assert!(
            published.len() == 2 && published.contains(&first) && kid(&stage.path(KEY)) != first,
            "{moment}: {published:?}"
        );
        assert!(lost(published) == 0 && held(&stage).len() == 2 && !stage.path(&next).exists(), "{moment}");
    });
}

#[test]
fn killed_after_any_write_the_next_run_finishes() {
    let undisturbed = stage(json!([]));
    undisturbed.done(&line(&container()));
    let masked = |stage: &Stage, container: &str| {
        let state = stage.sim.state()["resources"].to_string();
        state.replace(container, "<container>")
    };
    // Behind the group, the account and the container stand the two documents, which do not pass the simulator.
    let writes = written(&undisturbed).len() as u64;
    assert_eq!(writes, 3, "{:?}", written(&undisturbed));
    let points: Vec<u64> = (0..=writes + 1).collect();
    each(&points, |number| {
        let (stage, container) = (stage(json!([])), container());
        let line = line(&container);
        let hang = Fault { method: Some("PUT".into()), action: Action::Hang, after: *number, ..Fault::default() };
        stage.sim.faults(vec![hang]).unwrap();
        let mut child = stage.spawn(&line);
        stage.until("the write", |stage| {
            written(stage).len() as u64 >= (*number).min(writes) && (*number > 0 || stage.path(KEY).exists())
        });
        if *number > writes {
            stage.until("the key set", |_| {
                public(&format!("{}/openid/v1/jwks", azurite().blob_url(&container, "").trim_end_matches('/'))).0 == 200
            });
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let before = stage.text(KEY);
        stage.sim.faults(Vec::new()).unwrap();
        let issuer = issuer_of(&stage.done(&line));
        assert_eq!(kids(&issuer), [kid(&stage.path(KEY))], "killed after {number} writes");
        assert!(before.is_empty() || before == stage.text(KEY));
        // A run that is killed while it writes a file may leave the unfinished one, for its owner alone.
        let (unfinished, whole): (Vec<String>, Vec<String>) =
            files(&stage).into_iter().partition(|name| name.starts_with(".hcp-azure-"));
        assert_eq!(whole, [KEY, PUBLIC]);
        assert!(
            unfinished.len() <= 1 && unfinished.iter().all(|name| mode(&stage.path(name)) == 0o600),
            "{unfinished:?}"
        );
        assert_eq!(written(&stage).len(), 3, "nothing is written twice: {:?}", written(&stage));
        assert_eq!(
            masked(&stage, &container).replace("contoso", ""),
            masked(&undisturbed, undisturbed_container(&undisturbed).as_str()).replace("contoso", "")
        );
    });
    e2e::workspace::note(&format!("resume: {} kill points of create oidc-issuer", points.len()));
}

fn undisturbed_container(stage: &Stage) -> String {
    let state = stage.sim.state();
    let all = state["resources"].as_array().unwrap();
    let found =
        all.iter().find(|one| one["type"] == "Microsoft.Storage/storageAccounts/blobServices/containers").unwrap();
    found["name"].as_str().unwrap().to_owned()
}

#[test]
fn without_a_role_for_data_the_accounts_key_serves() {
    // Azurite takes no such token: it stands for one whose owner has no role for data.
    let useless = Fault {
        path: Some("*/oauth2/v2.0/token".into()),
        after: 1,
        status: Some(200),
        body: Some(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "a.b.c"})),
        ..Fault::default()
    };
    let stage = stage(json!([]));
    let line = line(&container());
    stage.sim.faults(vec![useless.clone()]).unwrap();
    let issuer = issuer_of(&stage.done(&line));
    assert_eq!(kids(&issuer), [kid(&stage.path(KEY))]);
    let listed = stage.writes().iter().filter(|entry| entry.path.contains("listKeys")).count();
    assert_eq!(listed, 1);

    // Where keys may not be listed either, it is the role that is missing.
    let stage = self::stage(json!([]));
    let line = self::line(&container());
    let forbidden = Fault { path: Some("*/listKeys*".into()), status: Some(403), ..Fault::default() };
    stage.sim.faults(vec![useless, forbidden]).unwrap();
    let ran = stage.run(&format!("{line} --yes"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("error: cannot create blob") && said.contains("Storage Blob Data Contributor"), "{said}");
    assert!(said.contains("--assignee 33333333-3333-3333-3333-333333333333"), "{said}");
    assert!(ran.stdout.is_empty());
    stage.sim.faults(Vec::new()).unwrap();
    stage.done(&line);
}

#[test]
fn an_account_that_is_there_is_used_and_only_opened() {
    let account = id("oidc", "Microsoft.Storage/storageAccounts/devstoreaccount1");
    let existing = |properties: Value| {
        stage(json!([
            {"id": id("oidc", ""), "location": "westus"},
            {"id": account, "location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_GRS"}, "tags": {"mine": "1"}, "properties": properties},
        ]))
    };
    let stage = existing(
        json!({"allowBlobPublicAccess": false, "minimumTlsVersion": "TLS1_3", "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "10.0.0.1", "action": "Allow"}]}}),
    );
    let line = format!("{} --oidc-resource-group-name oidc", line(&container()));
    let plan = stage.run(&format!("{line} --dry-run"));
    let said = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("~ storage account devstoreaccount1 exists; it forbids public access to blobs, its firewall lets only some networks in"), "{}", plan.stdout);
    stage.done(&line);
    let after = stage.sim.resource(&account).unwrap();
    assert_eq!((&after["tags"], &after["sku"]["name"]), (&json!({"mine": "1"}), &json!("Standard_GRS")));
    assert_eq!(after["properties"]["minimumTlsVersion"], "TLS1_3");
    assert_eq!(after["properties"]["networkAcls"]["ipRules"], json!([{"value": "10.0.0.1", "action": "Allow"}]));
    let again = stage.done(&line);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);

    // In another group or region, or of somebody else: refused, and nothing is changed.
    for (more, flag, fix) in [
        ("", "--storage-account-name devstoreaccount1", "--resource-group-name oidc"),
        ("--oidc-resource-group-name oidc --region westus", "--location westus", "--location eastus"),
    ] {
        let stage = existing(json!({"allowBlobPublicAccess": true}));
        let ran = stage.run(&format!("{} {more} --yes", self::line(&container())));
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("error: {flag}")) && ran.stderr.contains(fix), "{}", ran.stderr);
        assert!(written(&stage).is_empty() && files(&stage).is_empty());
    }
}

#[test]
fn what_somebody_else_publishes_meanwhile_is_not_lost() {
    let stage = stage(json!([]));
    let container = container();
    let line = line(&container);
    // Of a container that Resource Manager does not know yet nothing is read: its key set comes as a surprise.
    let other = json!({"keys": [{"kid": "somebody-elses", "kty": "RSA", "n": "AQAB", "e": "AQAB"}]}).to_string();
    runtime().block_on(async {
        let azurite = Azurite::shared().await.unwrap();
        azurite.create_container(&container, e2e::azurite::PublicAccess::Private).await.unwrap();
        azurite.put_blob(&container, "openid/v1/jwks", "application/json", &other).await.unwrap();
    });
    let ran = stage.run(&format!("{line} --yes"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("error: cannot create blob") && said.contains("somebody else has written it"), "{said}");
    let issuer = issuer_of(&stage.done(&line));
    assert_eq!(kids(&issuer), [kid(&stage.path(KEY)), "somebody-elses".into()]);
}

#[test]
fn what_azure_refuses_is_told_with_a_way_out() {
    for (path, status, code, hint) in [
        ("*/checkNameAvailability*", 200, "", "give another `--storage-account-name`"),
        (
            "*/storageAccounts/devstoreaccount1*",
            409,
            "StorageAccountAlreadyTaken",
            "give another `--storage-account-name`",
        ),
        ("*/storageAccounts/devstoreaccount1*", 403, "RequestDisallowedByPolicy", "static website"),
    ] {
        let stage = stage(json!([]));
        let fault = Fault {
            method: Some("PUT|POST".into()),
            path: Some(path.into()),
            status: Some(status),
            code: Some(code.to_owned()).filter(|code| !code.is_empty()),
            body: code.is_empty().then(|| json!({"nameAvailable": false, "reason": "AlreadyExists", "message": "The storage account named devstoreaccount1 is already taken."})),
            ..Fault::default()
        };
        stage.sim.faults(vec![fault]).unwrap();
        let ran = stage.run(&format!("{} --yes", line(&container())));
        assert_eq!(ran.code, Some(if code.is_empty() { 2 } else { 1 }), "{}", ran.stderr);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(hint) && said.contains(if code.is_empty() { "taken" } else { code }), "{said}");
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
}

#[test]
fn documents_that_nobody_gets_are_no_success() {
    let stage = stage(json!([]));
    let container = container();
    let line = line(&container);
    let issuer = issuer_of(&stage.done(&line));
    let closed = azurite().set_public_access(&container, e2e::azurite::PublicAccess::Private);
    runtime().block_on(closed).unwrap();
    // Resource Manager still says that the container is public; the proof tells otherwise.
    let ran = stage.run(&format!("{line} --yes"));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&format!("error: issuer {issuer} does not serve its documents to everybody")), "{said}");
    assert!(said.contains("why: ") && said.contains("hint: ") && ran.stdout.is_empty(), "{said}");
}

#[test]
fn bad_input_is_refused_and_nothing_is_called() {
    let stage = stage(json!([]));
    for (name, text) in [
        ("ec.pem", include_str!("../../../inputs/keys/ec.pem")),
        ("small.pem", include_str!("../../../inputs/keys/rsa-1024.pem")),
        ("public.pem", include_str!("../../../inputs/keys/public.pem")),
        ("broken.pem", "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\n"),
        ("empty.pem", ""),
        ("words.pem", "hunter2"),
    ] {
        std::fs::write(stage.path(name), text).unwrap();
    }
    std::fs::create_dir(stage.path("half")).unwrap();
    std::fs::write(stage.path("half").join(PUBLIC), "x").unwrap();
    let base = "create oidc-issuer contoso --yes";
    let long = "c".repeat(25);
    for (line, words) in [
        (format!("{base} --key-file ec.pem"), &["--key-file ec.pem", "EcPrivateKey"][..]),
        (format!("{base} --key-file small.pem"), &["--key-file small.pem"]),
        (format!("{base} --key-file broken.pem"), &["--key-file broken.pem", "nothing is written over it"]),
        (format!("{base} --key-file empty.pem"), &["--key-file empty.pem", "empty"]),
        (format!("{base} --key-file words.pem"), &["--key-file words.pem", "no PEM section"]),
        (format!("{base} --key-file public.pem"), &["--key-file public.pem", "public key alone"]),
        (format!("{base} --key-file nowhere/key"), &["--key-file nowhere/key", "folder does not exist"]),
        (format!("{base} --output-dir half"), &["public half", "--public-key-file"]),
        (format!("{base} --public-key-file none"), &["--public-key-file none", "does not exist"]),
        (format!("{base} --public-key-file ec.pem"), &["--public-key-file ec.pem"]),
        (format!("{base} --rotate"), &["--rotate", "leave `--rotate` out"]),
        (format!("{base} --storage-account-name Bad_Name"), &["--storage-account-name Bad_Name", "3 to 24"]),
        (format!("create oidc-issuer {long} --yes"), &["--name ccc", "--storage-account-name"]),
        (format!("{base} --blob-container-name a--b"), &["--blob-container-name a--b"]),
        (format!("{base} --location East_US!"), &["--location East_US!", "`eastus`"]),
        (format!("{base} --resource-group-name a/b"), &["--resource-group-name a/b"]),
        (format!("{base} -t novalue"), &["novalue"]),
        ("create oidc-issuer --yes".to_owned(), &["--name"]),
        ("create oidc-issuer contoso".to_owned(), &["--yes"]),
    ] {
        let ran = stage.run(&line);
        assert_eq!(ran.code, Some(2), "{line}\n{}", ran.stderr);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(said.contains(word), "{line}: {word}\n{said}");
        }
        assert!(!said.contains("hunter2") && said.contains("hint: "), "{line}\n{said}");
    }
    assert!(stage.sim.requests().is_empty(), "{:?}", stage.sim.requests());
    assert!(!stage.path(KEY).exists() && stage.text("ec.pem").contains("EC PRIVATE KEY"));
    // A region that does not exist takes a question to be known.
    let ran = stage.run("create oidc-issuer contoso --location moon --yes");
    assert!(ran.code == Some(2) && ran.stderr.contains("not a region of the subscription"), "{}", ran.stderr);
    assert!(written(&stage).is_empty() && !stage.path(KEY).exists());
}
