//! `destroy oidc-issuer`: what was made for the issuer goes from real blob storage, and nothing else does.

use azure_sim::{Action, Fault};
use serde_json::{Value, json};

use super::create_oidc::{azurite, container, issuer_of, line, public, runtime, stage};
use super::create_stage::{Stage, each, id, path_of};

const ACCOUNT: &str = "Microsoft.Storage/storageAccounts/devstoreaccount1";

fn destroy(container: &str) -> String {
    line(container).replace("create oidc-issuer", "destroy oidc-issuer")
}

/// What others have in the same subscription.
fn foreign() -> Value {
    json!([
        {"id": id("shared-rg", ""), "location": "eastus"},
        {
            "id": id("shared-rg", "Microsoft.Storage/storageAccounts/foreign"), "location": "eastus",
            "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "tags": {"hcp-azure_shared": "true"},
        },
    ])
}

fn held(stage: &Stage) -> Value {
    stage.sim.state()["resources"].clone()
}

fn said(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn status(issuer: &str) -> u16 {
    public(&format!("{issuer}/openid/v1/jwks")).0
}

/// Whether blob storage has no such container any more: it can be made anew. To be asked once.
fn is_gone(container: &str) -> bool {
    let made = azurite().create_container(container, e2e::azurite::PublicAccess::Private);
    runtime().block_on(made).is_ok()
}

#[test]
fn the_state_before_is_the_state_after() {
    let stage = stage(foreign());
    let (before, container) = (held(&stage), container());
    let issuer = issuer_of(&stage.done(&line(&container)));
    assert_eq!(status(&issuer), 200);
    let key = stage.text("serviceaccount-signer.private");
    let line = destroy(&container);
    let dry = stage.run(&format!("{line} --dry-run --exit-code -o json"));
    assert_eq!(dry.code, Some(1), "{}", dry.stderr);
    assert_eq!(dry.json().unwrap()["summary"]["delete"], 3, "{}", dry.stdout);
    let ran = stage.run(&format!("{line} --confirm contoso"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(said(&ran.stderr).contains("the key files on disk stay"), "{}", ran.stderr);
    assert_eq!(held(&stage), before);
    assert!(is_gone(&container) && stage.text("serviceaccount-signer.private") == key);
    let again = stage.run(&format!("{line} --dry-run --exit-code"));
    assert_eq!(again.code, Some(0), "{}", again.stdout);
    assert!(stage.done(&line).stderr.contains("nothing to do"));
}

#[test]
fn in_an_account_of_others_the_container_goes_alone() {
    // The account was there before, and another container is in it.
    let account = json!({
        "id": id("shared-rg", ACCOUNT), "location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"},
        "properties": {"allowBlobPublicAccess": true},
    });
    let others = json!({"id": format!("{}/blobServices/default/containers/foreign", id("shared-rg", ACCOUNT))});
    let stage = stage(json!([{"id": id("shared-rg", ""), "location": "eastus"}, account, others]));
    let (before, container) = (held(&stage), container());
    let more = "--resource-group-name shared-rg";
    stage.done(&format!("{} {more}", line(&container)));
    // In another group than the one that is named nothing is deleted, nor is that taken for done.
    let wrong = stage.run(&format!("{} --yes", destroy(&container)));
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(said(&wrong.stderr).contains("`--resource-group-name shared-rg`"), "{}", wrong.stderr);
    let ran = stage.done(&format!("{} {more}", destroy(&container)));
    assert!(said(&ran.stderr).contains("storage account devstoreaccount1 stays: nothing proves"), "{}", ran.stderr);
    assert!(held(&stage) == before && is_gone(&container));
    // A container that is no issuer's is refused, though the account is named.
    stage.sim.clear_requests();
    let other = stage.run(&format!("{} {more} --yes", destroy("foreign")));
    assert!(other.code == Some(2) && said(&other.stderr).contains("nothing proves"), "{}", other.stderr);
    assert!(!stage.writes().iter().any(|entry| entry.method == "DELETE"));
}

#[test]
fn an_account_that_serves_something_else_stays() {
    let stage = stage(json!([]));
    let container = container();
    stage.done(&line(&container));
    let account = id("contoso-oidc", ACCOUNT);
    for path in ["fileServices/default", "fileServices/default/shares/backup"] {
        stage.sim.put_resource(json!({"id": format!("{account}/{path}"), "properties": {}})).unwrap();
    }
    let ran = stage.done(&destroy(&container));
    assert!(said(&ran.stderr).contains("stays: file share backup is in it"), "{}", ran.stderr);
    assert!(is_gone(&container) && stage.sim.resource(&account).is_some());
}

#[test]
fn an_issuer_that_is_trusted_stays_until_the_identities_are_gone() {
    let stage = stage(json!([{"id": id("os4-common", ""), "location": "eastus"}]));
    let container = container();
    let issuer = issuer_of(&stage.done(&line(&container)));
    let iam = "--name demo --infra-id demo-x7k2p --resource-group-name os4-common";
    stage.done(&format!("create iam {iam} --oidc-issuer-url {issuer} --output-file ids.json"));
    stage.sim.clear_requests();
    let ran = stage.run(&format!("{} --yes", destroy(&container)));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let text = said(&ran.stderr);
    assert!(text.contains("still trust its issuer") && text.contains("destroy iam") && text.contains("more"), "{text}");
    assert!(!stage.writes().iter().any(|entry| entry.method == "DELETE"));
    assert_eq!(status(&issuer), 200);
    stage.done(&format!("destroy iam {iam}"));
    stage.done(&destroy(&container));
    assert!(is_gone(&container));
    // Who cannot see whether it is trusted deletes nothing.
    let denied = Fault {
        method: Some("GET".into()),
        path: Some("*/userAssignedIdentities*".into()),
        status: Some(403),
        ..Fault::default()
    };
    stage.sim.faults(vec![denied]).unwrap();
    let blind = stage.run(&format!("{} --yes", destroy(&container)));
    assert!(blind.code == Some(2) && blind.stderr.contains("nothing was changed"), "{}", blind.stderr);
}

#[test]
fn killed_or_refused_at_any_deletion_the_next_run_finishes() {
    let undisturbed = stage(foreign());
    let name = container();
    undisturbed.done(&line(&name));
    undisturbed.sim.clear_requests();
    undisturbed.done(&destroy(&name));
    let paths: Vec<String> =
        undisturbed.writes().iter().filter(|entry| entry.method == "DELETE").map(path_of).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    let cases: Vec<(usize, &str)> =
        (0..paths.len()).flat_map(|at| ["killed", "403", "answer lost"].map(|kind| (at, kind))).collect();
    each(&cases, |(at, kind)| {
        let (stage, name_here) = (stage(foreign()), container());
        let before = held(&stage);
        stage.done(&line(&name_here));
        let path = paths[*at].replace(&name, &name_here);
        let fault = Fault { method: Some("DELETE".into()), path: Some(path.clone()), ..Fault::default() };
        let fault = match *kind {
            "killed" => Fault { action: Action::Hang, ..fault },
            "403" => Fault { status: Some(403), ..fault },
            _ => Fault { action: Action::CommitThenReset, times: Some(1), ..fault },
        };
        stage.sim.clear_requests();
        stage.sim.faults(vec![fault]).unwrap();
        if *kind == "killed" {
            let mut child = stage.spawn(&destroy(&name_here));
            stage.until("the deletion before", |stage| {
                stage.writes().iter().filter(|entry| entry.method == "DELETE").count() >= *at
            });
            child.kill().unwrap();
            child.wait().unwrap();
        } else {
            let ran = stage.run(&format!("{} --yes", destroy(&name_here)));
            let expected = if *kind == "403" { 1 } else { 0 };
            assert_eq!(ran.code, Some(expected), "{kind} at {path}: {}", ran.stderr);
            assert!(expected == 0 || ran.stderr.matches("error: ").count() == 1, "{kind} at {path}: {}", ran.stderr);
        }
        stage.sim.faults(Vec::new()).unwrap();
        stage.done(&destroy(&name_here));
        assert_eq!(held(&stage), before, "{kind} at {path}");
        assert!(is_gone(&name_here), "{kind} at {path}");
    });
    e2e::workspace::note(&format!("destroy oidc-issuer: {} disturbed runs, each finished by the next", cases.len()));
}
