#![allow(clippy::unwrap_used)]
use facts::Fact;
use facts::oidc::{Discovery, Fetch, Jwk, Jwks, PublicKey};
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::Plan;
use crate::change::{Blob, Change};
use crate::secret::Secret;
use crate::{Step, Verb};

const ENDPOINT: &str = "https://contoso.blob.core.usgovcloudapi.net/";

fn spec() -> Spec {
    Spec {
        name: "contoso".into(),
        subscription: "s".into(),
        resource_group: "contoso-oidc".into(),
        location: "eastus".into(),
        account: "contoso".into(),
        container: "oidc".into(),
        tags: [("team".to_owned(), "a".to_owned())].into(),
        keys: Keys::Files(KeyFiles { private: "keys/x.private".into() }),
        rotate: false,
    }
}

fn key(kid: &str) -> LocalKey {
    let public = PublicKey { kid: kid.into(), n: format!("n-{kid}"), e: "AQAB".into(), bits: 4096, source: "x".into() };
    LocalKey { public, public_pem: format!("public {kid}"), exposed: false }
}

fn fresh(kid: &str) -> FreshKey {
    FreshKey { private: Secret::from(SecretString::from("hunter2")), key: key(kid) }
}

fn account() -> Value {
    json!({
        "id": spec().account_id().as_str(), "name": "contoso", "location": "East US", "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {
            "allowBlobPublicAccess": true, "publicNetworkAccess": "Enabled", "provisioningState": "Succeeded",
            "creationTime": "2025", "primaryEndpoints": {"blob": ENDPOINT}, "minimumTlsVersion": "TLS1_2",
        },
    })
}

fn jwk(kid: &str) -> Value {
    json!({"use": "sig", "kty": "RSA", "kid": kid, "alg": "RS256", "n": format!("n-{kid}"), "e": "AQAB"})
}

fn blob(content: &Value) -> BlobSeen {
    BlobSeen { text: content.to_string(), content_type: Some(CONTENT_TYPE.into()), etag: "\"1\"".into() }
}

/// Everything is there, with the key `first000`.
fn whole() -> Facts {
    let issuer = spec().issuer(&account()).unwrap();
    Facts {
        group: Some(json!({"location": "westus"})),
        account: Some(account()),
        container: Some(json!({"properties": {"publicAccess": "Container"}})),
        discovery: Some(blob(&json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/openid/v1/jwks"), "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"], "claims_supported": ["sub"],
        }))),
        jwks: Some(blob(&json!({"keys": [jwk("first000")]}))),
        keys: KeysSeen {
            current: Some(key("first000")),
            public: Some("public first000".into()),
            ..KeysSeen::default()
        },
        ..Facts::default()
    }
}

fn step<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    plan.steps().iter().find(|step| step.id == id).unwrap()
}

fn blob_of<'a>(plan: &'a Plan, id: &str) -> &'a Blob {
    match &step(plan, id).change {
        Some(Change::Blob(blob)) => blob,
        other => unreachable!("{other:?}"),
    }
}

fn kids(blob: &Blob) -> Vec<String> {
    let set: Value = serde_json::from_str(&blob.body).unwrap();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn marks(plan: &Plan) -> String {
    plan.steps()
        .iter()
        .map(|step| format!("{}{} ", step.verb.mark(), step.id))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

fn plan(spec: &Spec, facts: &Facts) -> Result<(Plan, Vec<String>), Refusal> {
    super::plan(spec, facts).map(|(steps, notes)| (Plan::new(steps).unwrap(), notes))
}

fn refused(spec: &Spec, facts: &Facts) -> Refusal {
    plan(spec, facts).unwrap_err()
}

#[test]
fn where_nothing_is_all_is_made_and_the_key_first() {
    let facts = Facts { keys: KeysSeen { fresh: Some(fresh("first000")), ..KeysSeen::default() }, ..Facts::default() };
    let (plan, notes) = plan(&spec(), &facts).unwrap();
    assert_eq!(marks(&plan), "+key +key/public +group +account +container +blob/jwks +blob/discovery");
    assert!(notes.is_empty());
    assert!(step(&plan, "blob/jwks").depends_on.contains("key"));
    assert!(step(&plan, "blob/discovery").depends_on.contains("blob/jwks"));
    // The endpoint is what Azure says of the account once it exists.
    let jwks = blob_of(&plan, "blob/jwks");
    assert_eq!((jwks.late.steps(), jwks.replaces.as_ref()), (["account".to_owned()].into(), None));
    let url = jwks.late.fill(&jwks.url, |_| Some("https://x".into())).unwrap();
    assert_eq!(url, "https://x/oidc/openid/v1/jwks");
    let set: Value = serde_json::from_str(&jwks.body).unwrap();
    assert_eq!(set, json!({"keys": [jwk("first000")]}));
    let discovery = blob_of(&plan, "blob/discovery");
    let body = discovery.late.fill(&discovery.body, |_| Some("https://x".into())).unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["issuer"], &body["jwks_uri"]),
        (&json!("https://x/oidc"), &json!("https://x/oidc/openid/v1/jwks"))
    );
    let Some(Change::ArmPut { body, .. }) = &step(&plan, "account").change else { unreachable!() };
    assert_eq!(body["tags"], json!({"team": "a", tags::SHARED: "true"}));
    assert!(!format!("{plan:?}").contains("hunter2"));
}

#[test]
fn what_is_there_stays() {
    let (plan, notes) = plan(&spec(), &whole()).unwrap();
    assert!(plan.is_done() && notes.is_empty(), "{} {notes:?}", marks(&plan));
    assert_eq!(spec().issuer(&account()).unwrap(), "https://contoso.blob.core.usgovcloudapi.net/oidc");
}

#[test]
fn only_what_differs_is_changed() {
    let changed = |edit: &dyn Fn(&mut Facts)| {
        let mut facts = whole();
        edit(&mut facts);
        let (plan, _) = plan(&spec(), &facts).unwrap();
        plan.steps()
            .iter()
            .filter(|step| step.verb != Verb::Keep)
            .map(|step| (step.id.clone(), step.verb, step.reason.clone()))
            .collect::<Vec<_>>()
    };
    let one = |edit: &dyn Fn(&mut Facts), id: &str, word: &str| {
        let found = changed(edit);
        assert!(
            found.len() == 1 && found[0].0 == id && found[0].1 == Verb::Change && found[0].2.contains(word),
            "{found:?}"
        );
    };
    let account =
        |facts: &mut Facts, key: &str, value: Value| facts.account.as_mut().unwrap()["properties"][key] = value;
    one(&|facts| account(facts, "allowBlobPublicAccess", json!(false)), "account", "forbids public access");
    one(&|facts| account(facts, "publicNetworkAccess", json!("Disabled")), "account", "Disabled");
    one(&|facts| account(facts, "networkAcls", json!({"defaultAction": "Deny"})), "account", "firewall");
    one(&|facts| account(facts, "provisioningState", json!("Creating")), "account", "creating");
    one(&|facts| facts.container = Some(json!({"properties": {"publicAccess": "None"}})), "container", "None");
    one(
        &|facts| facts.jwks.as_mut().unwrap().content_type = Some("application/octet-stream".into()),
        "blob/jwks",
        "octet-stream",
    );
    one(&|facts| facts.jwks.as_mut().unwrap().text = "<html>".into(), "blob/jwks", "no key set");
    one(&|facts| facts.jwks = Some(blob(&json!({"keys": [jwk("other000")]}))), "blob/jwks", "without key first000");
    one(
        &|facts| facts.discovery.as_mut().unwrap().text = r#"{"issuer":"https://x"}"#.into(),
        "blob/discovery",
        "issuer, jwks_uri",
    );
    one(&|facts| facts.keys.public = Some("other".into()), "key/public", "not of this key");
    let mut facts = whole();
    account(&mut facts, "allowBlobPublicAccess", json!(false));
    let (plan, _) = plan(&spec(), &facts).unwrap();
    let Some(Change::ArmPut { body, .. }) = &step(&plan, "account").change else { unreachable!() };
    // Nothing is sent that only Azure writes, and nothing is lost that others chose.
    assert_eq!(
        body["properties"],
        json!({"allowBlobPublicAccess": true, "minimumTlsVersion": "TLS1_2", "publicNetworkAccess": "Enabled"})
    );
    assert_eq!(body["sku"], json!({"name": "Standard_LRS"}));
}

#[test]
fn keys_of_others_stay_published() {
    let mut facts = whole();
    facts.jwks = Some(blob(&json!({"keys": [jwk("other000")]})));
    let (plan, notes) = plan(&spec(), &facts).unwrap();
    let jwks = blob_of(&plan, "blob/jwks");
    assert_eq!((kids(jwks), jwks.replaces.as_deref()), (vec!["first000".into(), "other000".into()], Some("\"1\"")));
    assert!(notes.len() == 1 && notes[0].contains("other000"), "{notes:?}");
}

#[test]
fn a_rotation_publishes_before_it_swaps_and_goes_on_where_it_stopped() {
    let rotate = Spec { rotate: true, ..spec() };
    let mut facts = whole();
    facts.keys.fresh = Some(fresh("second00"));
    let (all, _) = plan(&rotate, &facts).unwrap();
    assert_eq!(marks(&all), "+key =group =account =container ~blob/jwks ~key/swap ~key/public =blob/discovery");
    assert_eq!(kids(blob_of(&all, "blob/jwks")), ["second00", "first000"]);
    assert_eq!(step(&all, "key/swap").depends_on, ["blob/jwks".to_owned(), "key".to_owned()].into());
    let Some(Change::Supersede { path, by, keep }) = &step(&all, "key/swap").change else { unreachable!() };
    assert_eq!(
        [path, by, keep].map(|path| path.to_str().unwrap()),
        ["keys/x.private", "keys/x.private.new", "keys/x.private.old-first000"]
    );
    // Cut off once both are published: the new key is not made anew.
    facts.keys.fresh = None;
    facts.keys.next = Some(key("second00"));
    facts.jwks = Some(blob(&json!({"keys": [jwk("second00"), jwk("first000")]})));
    assert!(!facts.keys.lacks_one(&rotate));
    let (rest, _) = plan(&rotate, &facts).unwrap();
    assert_eq!(marks(&rest), "=key =group =account =container =blob/jwks ~key/swap ~key/public =blob/discovery");
    assert_eq!(facts.keys.signing(&rotate).unwrap().kid, "second00");
    let (without, notes) = plan(&spec(), &facts).unwrap();
    assert!(without.is_done() && notes.iter().any(|note| note.contains("`--rotate` finishes it")), "{notes:?}");
}

#[test]
fn what_cannot_be_granted_is_refused() {
    for name in ["ab", "Abc", "a-b", &"a".repeat(25)] {
        assert_eq!(refused(&Spec { account: name.into(), ..spec() }, &whole()).flag, "--storage-account-name");
    }
    for name in ["ab", "a--b", "-ab", "$web"] {
        assert_eq!(refused(&Spec { container: name.into(), ..spec() }, &whole()).flag, "--blob-container-name");
    }
    assert_eq!(account_of("My-Cluster.1").unwrap(), "mycluster1");
    assert_eq!(account_of("--").unwrap_err().flag, "--name");
    let with = |edit: &dyn Fn(&mut Facts)| {
        let mut facts = whole();
        edit(&mut facts);
        refused(&spec(), &facts)
    };
    let taken = with(&|facts| (facts.account, facts.taken) = (None, Some("already taken".into())));
    assert!(taken.why.contains("already taken") && taken.fix.contains("unique"), "{taken:?}");
    let other = "/subscriptions/s/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/contoso";
    assert!(
        with(&|facts| facts.account.as_mut().unwrap()["id"] = json!(other)).fix.contains("--resource-group-name other")
    );
    assert_eq!(with(&|facts| facts.account.as_mut().unwrap()["location"] = json!("West US")).flag, "--location");
    assert!(with(&|facts| facts.account.as_mut().unwrap()["kind"] = json!("FileStorage")).why.contains("no blobs"));
    let going = json!({"properties": {"provisioningState": "Deleting"}});
    assert!(with(&|facts| facts.group = Some(going.clone())).why.contains("being deleted"));
    assert_eq!(with(&|facts| (facts.account, facts.regions) = (None, vec!["westus".into()])).flag, "--location");
    // No key is made where one was.
    assert!(with(&|facts| facts.keys.current = None).why.contains("its public half"));
    let orphan = with(&|facts| (facts.keys.current, facts.keys.next) = (None, Some(key("second00"))));
    assert!(orphan.fix.contains("mv keys/x.private.new keys/x.private"), "{orphan:?}");
    let rotate = Spec { rotate: true, ..spec() };
    assert_eq!(refused(&rotate, &Facts::default()).flag, "--rotate");
}

#[test]
fn a_proof_names_what_is_wrong() {
    fn got<T>(document: Option<T>, status: u16) -> Fact<Fetch<T>> {
        Fact::Known(Fetch {
            status: Some(status),
            error_code: (status != 200).then(|| "ResourceNotFound".into()),
            document,
            ..Fetch::of("https://x/doc")
        })
    }
    let discovery = |issuer: &str| Discovery {
        issuer: issuer.into(),
        jwks_uri: "https://x/jwks".into(),
        id_token_signing_alg_values_supported: Vec::new(),
    };
    let set = |n: &str| Jwks {
        keys: vec![Jwk {
            kid: Some("first000".into()),
            kty: "RSA".into(),
            alg: None,
            usage: None,
            n: Some(n.into()),
            e: None,
        }],
    };
    let own = key("first000").public;
    let why = |discovery, jwks| proof("https://x", &own, &discovery, &jwks).map(|unproven| unproven.why);
    assert_eq!(why(got(Some(discovery("https://x")), 200), got(Some(set("n-first000")), 200)), None);
    assert_eq!(why(got(None, 404), got(None, 404)).unwrap(), "status 404 ResourceNotFound");
    assert!(why(got(Some(discovery("https://y")), 200), got(None, 200)).unwrap().contains("https://y"));
    assert!(
        why(got(Some(discovery("https://x")), 200), got(Some(set("n-other")), 200))
            .unwrap()
            .contains("without key first000")
    );
}
