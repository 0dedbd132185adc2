#![allow(clippy::unwrap_used, clippy::panic)]
use facts::Fact;
use facts::oidc::{Fetch, Jwk, Jwks};
use proptest::prelude::*;

use super::*;
use crate::testkit::{self, *};

const SUBJECT: &str = "system:serviceaccount:kube-system:capi-provider";

fn decoded(text: &str, facts: Option<&Facts>) -> Decoding {
    let mut decoder = Decoder::default();
    text.lines().for_each(|line| decoder.line(line));
    decoder.finish(facts)
}

fn the(text: &str, facts: Option<&Facts>) -> Decoded {
    match decoded(text, facts).refusals.as_slice() {
        [one] => one.clone(),
        other => panic!("{other:#?}"),
    }
}

fn refused(code: &str, rest: &str) -> String {
    format!(
        "E1120 09:31:03.402377       1 controller.go:324] \"Reconciler error\" err=\"{code}: {rest}. Trace ID: t-1 Correlation ID: c-1 Timestamp: 2026\""
    )
}

#[test]
fn a_subject_is_compared_with_the_credential_of_its_identity() {
    let mut facts = healthy();
    federated(&mut facts, "nodePoolManagement")[0].subject = "system:serviceaccount:kube-system:Capi-Provider".into();
    let text = refused("AADSTS700213", &format!("No match for presented assertion subject '{SUBJECT}'"));
    let one = the(&text, Some(&facts));
    assert_eq!((one.code.as_str(), one.identity), ("AADSTS700213", Some("nodePoolManagement")));
    assert_eq!(one.rows, ["FC01"]);
    assert_eq!(one.evidence.get("want"), Some(SUBJECT));
    assert_eq!(one.evidence.get("found"), Some("system:serviceaccount:kube-system:Capi-Provider"));
    assert_eq!(one.evidence.get("found in"), Some("federated identity credential prod-node-pool-mgmt-fed-id"));
    assert_eq!(one.evidence.get("trace id"), Some("t-1"));
    let commands = one.fix.unwrap().commands;
    assert!(
        commands[0].contains("update")
            && commands[0].contains("--name prod-node-pool-mgmt-fed-id")
            && commands[0].contains(SUBJECT)
    );
}

#[test]
fn a_credential_that_another_token_needs_is_not_changed() {
    let mut facts = healthy();
    let wanted = federated(&mut facts, "disk").remove(0).subject;
    let text = refused("AADSTS700213", &format!("No match for presented assertion subject '{wanted}'"));
    let one = the(&text, Some(&facts));
    assert_eq!(one.evidence.get("found"), None);
    assert!(one.evidence.get("credentials").unwrap().contains("none of the 2"));
    assert!(one.fix.unwrap().commands[0].contains("federated-credential create"));
    // What is right by now is said, and not made again.
    let one = the(&text, Some(&healthy()));
    assert!(one.evidence.get("credentials").unwrap().contains("newer"));
    assert_eq!(one.evidence.get("want"), None);
}

#[test]
fn without_a_cluster_the_nearest_known_subject_is_named() {
    let wrong = "system:serviceaccount:kube-system:Capi-provider";
    let one = the(&refused("AADSTS700213", &format!("for presented assertion subject '{wrong}'")), None);
    assert_eq!(one.identity, Some("nodePoolManagement"));
    assert_eq!((one.evidence.get("want"), one.evidence.get("found")), (Some(SUBJECT), Some(wrong)));
    assert!(one.fix.unwrap().commands[1].contains("--identity-name IDENTITY"));
    // What the token said is right: the credential is what differs, and nobody knows it.
    let right = the(&refused("AADSTS700213", &format!("for presented assertion subject '{SUBJECT}'")), None);
    assert_eq!(right.evidence.get("want"), None);
    assert_eq!(right.evidence.get("subject"), Some(SUBJECT));
    let foreign =
        the(&refused("AADSTS700213", "for presented assertion subject 'system:serviceaccount:shop:till'"), None);
    assert_eq!((foreign.identity, foreign.evidence.get("want")), (None, None));
}

#[test]
fn issuer_audience_key_and_client_id_are_compared() {
    let mut facts = healthy();
    testkit::cluster(&mut facts).issuer_url = format!("{ISSUER}/");
    let issuer = the(
        &refused("AADSTS700211", &format!("for presented assertion issuer '{ISSUER}/' in capi-provider")),
        Some(&facts),
    );
    assert_eq!(
        (issuer.evidence.get("want"), issuer.evidence.get("found")),
        (Some(format!("{ISSUER}/").as_str()), Some(ISSUER))
    );
    assert_eq!(issuer.rows, ["FC02"]);
    assert!(issuer.fix.unwrap().commands[0].starts_with("az identity federated-credential update -g "));
    let facts = healthy();
    let unnamed = the(&refused("AADSTS700211", &format!("for presented assertion issuer '{ISSUER}/'")), Some(&facts));
    assert_eq!(unnamed.evidence.get("want"), Some(ISSUER));
    assert!(unnamed.evidence.get("found in").unwrap().contains("a trailing slash"));
    let audience =
        the(&refused("AADSTS700212", "for presented assertion audience 'openshift ' in capi-provider"), None);
    assert_eq!(
        (audience.evidence.get("want"), audience.evidence.get("found")),
        (Some("openshift"), Some("openshift "))
    );
    let mut other = facts.clone();
    federated(&mut other, "ingress")[0].audiences = vec!["api://AzureADTokenExchange".into()];
    let audience =
        the(&refused("AADSTS700212", "for presented assertion audience 'openshift' in ingress-operator"), Some(&other));
    assert_eq!(audience.evidence.get("found"), Some("api://AzureADTokenExchange"));
    let mut keyed = facts.clone();
    if let Fact::Known(Fetch { document: Some(Jwks { keys }), .. }) = &mut keyed.oidc.jwks {
        *keys = vec![Jwk { kid: Some("published".into()), ..keys[0].clone() }];
    }
    let key = the(
        &refused("AADSTS7000272", "The certificate with identifier kid-9 used to sign could not be found"),
        Some(&keyed),
    );
    assert_eq!((key.evidence.get("want"), key.evidence.get("found")), (Some("kid-9"), Some("published")));
    let client = testkit::client_id("disk").replace("aaaa", "aaab");
    let app = the(
        &refused("AADSTS700016", &format!("Application with identifier '{client}' was not found in the directory 'd'")),
        Some(&facts),
    );
    assert_eq!(app.evidence.get("want"), Some(testkit::client_id("disk").as_str()));
    let known = the(
        &refused(
            "AADSTS700016",
            &format!("Application with identifier '{}' was not found in the directory 'd'", testkit::client_id("file")),
        ),
        Some(&facts),
    );
    assert_eq!((known.identity, known.evidence.get("want")), (Some("file"), None));
}

#[test]
fn a_missing_role_names_the_identity_by_its_object_id() {
    let facts = healthy();
    let text = format!(
        "RESPONSE 403: 403 Forbidden\nERROR CODE: AuthorizationFailed\n{{\n  \"error\": {{\n    \"code\": \"AuthorizationFailed\",\n    \"message\": \"The client 'c' with object id '{}' does not have authorization to perform action 'Microsoft.Network/publicIPAddresses/write' over scope '/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/p/t/n' or the scope is invalid.\"\n  }}\n}}",
        testkit::principal_id("cloudProvider")
    );
    let one = the(&text, Some(&facts));
    assert_eq!((one.identity, one.rows.as_slice()), (Some("cloudProvider"), ["RA01"].as_slice()));
    assert_eq!(one.evidence.get("action"), Some("Microsoft.Network/publicIPAddresses/write"));
    assert!(one.fix.unwrap().commands[0].contains("az role assignment create"));
    assert_eq!(the(&text, None).identity, None);
    assert_eq!(the(&text.replace('\n', "\r\n"), Some(&facts)).identity, Some("cloudProvider"));
}

#[test]
fn lines_of_one_kind_are_counted_and_entra_comes_first() {
    let entra = refused("AADSTS700213", &format!("for presented assertion subject '{SUBJECT}'"));
    let text = format!(
        "{}\nE1120 09:31:04.0 1 x.go:1] ERROR CODE: SkuNotAvailable\n{entra}\n{entra}\nplain words\n",
        entra.replace("t-1", "t-2")
    );
    let decoding = decoded(&text, None);
    assert_eq!(decoding.lines, 5);
    let seen: Vec<(&str, usize)> = decoding.refusals.iter().map(|one| (one.code.as_str(), one.seen)).collect();
    assert_eq!(seen, [("AADSTS700213", 3), ("SkuNotAvailable", 1)]);
    assert!(decoding.refusals[1].rows.contains(&"NP02"));
}

#[test]
fn json_log_lines_and_what_is_no_refusal() {
    let text = format!(
        "{{\"ts\":\"1\",\"level\":\"error\",\"pod\":\"ingress-operator-1\",\"error\":{:?}}}\n{{\"code\":\"Something\",\"level\":\"info\"}}\nall is well\n",
        format!(
            "{{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700212: for presented assertion audience 'x'\"}}"
        )
    );
    let one = the(&text, None);
    assert_eq!(one.identity, Some("ingress"));
    assert_eq!(decoded("", None), Decoding::default());
    assert!(decoded("the node is ready\n{\"code\": \"Whatever\"}\n", None).refusals.is_empty());
}

#[test]
fn a_refusal_across_the_limit_of_a_record_is_found_once() {
    let mut lines: Vec<String> = std::iter::repeat_n("word ".repeat(100), 62).collect();
    lines.push(format!("AADSTS700213: for presented assertion subject '{SUBJECT}'."));
    lines.extend(std::iter::repeat_n("word ".repeat(100), 80));
    let one = the(&lines.join("\n"), None);
    assert_eq!(one.evidence.get("subject"), Some(SUBJECT));
}

#[test]
fn no_secret_is_repeated() {
    let jwt = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImNhbmFyeSJ9.eyJpc3MiOiJodHRwczovL2NhbmFyeSJ9.Y2FuYXJ5LXNpZ25hdHVyZQ";
    let text = refused(
        "AADSTS700213",
        &format!("for presented assertion subject '{jwt}' client_secret=canary https://a.blob/c?sig=canary&x=1"),
    );
    let shown = format!("{:?}", decoded(&text, Some(&healthy())));
    assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
}

#[test]
fn many_refusals_that_differ_are_counted() {
    let text: String =
        (0..700).map(|at| refused("AADSTS700213", &format!("assertion subject 's{at}'")) + "\n").collect();
    let decoding = decoded(&text, None);
    assert_eq!((decoding.refusals.len(), decoding.left_out), (MAX_REFUSALS, 200));
}

proptest! {
    #[test]
    fn any_lines_are_read_without_panic(lines in proptest::collection::vec("(AADSTS700213: assertion subject '|ERROR CODE: |\\PC|[\\x00-\\x1f]){0,20}", 0..12)) {
        let facts = healthy();
        decoded(&lines.join("\n"), Some(&facts));
    }
}
