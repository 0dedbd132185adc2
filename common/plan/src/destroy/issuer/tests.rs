#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

fn spec() -> Spec {
    Spec {
        name: "contoso".into(),
        subscription: "s".into(),
        resource_group: "contoso-oidc".into(),
        account: "contosooidc".into(),
        container: "contoso".into(),
        keep_account: false,
    }
}

const ISSUER: &str = "https://contosooidc.blob.core.windows.net/contoso";

fn facts() -> Facts {
    let account = json!({
        "id": spec().account_id().as_str(), "name": "contosooidc", "tags": {tags::SHARED: "true"},
        "properties": {"primaryEndpoints": {"blob": "https://contosooidc.blob.core.windows.net/"}},
    });
    Facts {
        group: Some(GroupSeen {
            body: json!({"name": "contoso-oidc", "tags": {tags::SHARED: "true"}}),
            resources: vec![account.clone()],
            locks: Vec::new(),
        }),
        account: Some(account),
        container: Some(ContainerSeen { blobs: vec![DISCOVERY.into(), JWKS.into()], issuer: Some(ISSUER.into()) }),
        ..Facts::default()
    }
}

fn goes(spec: &Spec, facts: &Facts) -> Vec<String> {
    plan(spec, facts).unwrap().steps.into_iter().map(|step| step.resource).collect()
}

#[test]
fn all_goes_that_was_made_for_it() {
    let all = [
        "container contoso of storage account contosooidc",
        "storage account contosooidc",
        "resource group contoso-oidc",
    ];
    assert_eq!(goes(&spec(), &facts()), all);
    let steps = plan(&spec(), &facts()).unwrap().steps;
    assert!(steps[2].depends_on.contains(&steps[1].id) && steps[1].depends_on.contains(&steps[0].id));
    assert_eq!(goes(&Spec { keep_account: true, ..spec() }, &facts()), all[..1]);
    // What a cut off run left.
    assert_eq!(goes(&spec(), &Facts { container: None, ..facts() }), all[1..]);
    let mut left = Facts { container: None, account: None, ..facts() };
    left.group.as_mut().unwrap().resources.clear();
    assert_eq!(goes(&spec(), &left), all[2..]);
    assert!(goes(&spec(), &Facts::default()).is_empty());
}

#[test]
fn what_is_not_proven_stays() {
    let of = |change: fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        goes(&spec(), &facts).len()
    };
    assert_eq!(of(|facts| facts.others.push("container other".into())), 1);
    assert_eq!(of(|facts| facts.unseen.push("403".into())), 1);
    assert_eq!(of(|facts| facts.account.as_mut().unwrap()["tags"] = json!({})), 1);
    assert_eq!(of(|facts| facts.group.as_mut().unwrap().body["tags"] = json!({})), 2);
    assert_eq!(of(|facts| facts.group.as_mut().unwrap().resources.push(json!({"id": "/x", "name": "x"}))), 2);
    let lock = |facts: &mut Facts, on: ArmId| {
        let id = format!("{on}/providers/Microsoft.Authorization/locks/keep");
        facts.group.as_mut().unwrap().locks.push(json!({"id": id, "name": "keep"}));
    };
    for (on, count) in [(spec().group_id(), 1), (spec().account_id(), 1)] {
        let mut facts = facts();
        lock(&mut facts, on);
        assert_eq!(goes(&spec(), &facts).len(), count);
    }
    let ccoctl = |name: &str| json!({"tags": {format!("{CCOCTL}{name}"): "owned"}});
    assert!(proof(&ccoctl("contoso"), Some("contoso")).is_some() && proof(&ccoctl("fabrikam"), None).is_some());
    assert!(proof(&ccoctl("fabrikam"), Some("contoso")).is_none());
}

#[test]
fn a_container_of_something_else_and_a_trusted_issuer_are_refused() {
    let refused = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        plan(&spec(), &facts).unwrap_err()
    };
    let other = refused(&|facts| facts.container.as_mut().unwrap().blobs.push("backup.tar".into()));
    assert!(other.flag == "--blob-container-name" && other.why.contains("backup.tar"));
    let empty = refused(&|facts| {
        facts.container = Some(ContainerSeen::default());
        facts.account.as_mut().unwrap()["tags"] = json!({});
    });
    assert!(empty.why.contains("nothing proves"));
    let trusted = refused(&|facts| {
        for at in 0..5 {
            let held = json!({"name": format!("fic{at}"), "properties": {"issuer": format!("{ISSUER}/")}});
            facts.credentials.push(("/x/userAssignedIdentities/disk".into(), held));
        }
    });
    assert!(trusted.why.contains("fic0") && trusted.why.contains("and 2 more") && !trusted.why.contains("fic3"));
    let elsewhere = refused(&|facts| {
        facts.account.as_mut().unwrap()["id"] =
            json!("/subscriptions/s/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/contosooidc")
    });
    assert!(elsewhere.fix.contains("--resource-group-name other"));
}
