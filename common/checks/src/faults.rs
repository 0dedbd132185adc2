//! Single faults of credentials, identities, federation, issuer and roles: each must give exactly one root.

#![allow(clippy::unwrap_used, clippy::panic)]

use facts::azure::Login;
use facts::hosted::LogLine;
use facts::local::SecretState;
use facts::{BundleFormat, Fact, Facts, Gap, GapKind, Source};

use crate::testkit::*;
use crate::{Report, Selection, Verdict, examine};

const SLASH: &str = "https://acct.blob.core.windows.net/acct/";

/// The codes of the roots, and of the rows folded under them.
fn codes(report: &Report) -> (Vec<&'static str>, Vec<&'static str>) {
    let roots = report.roots();
    let mut folded: Vec<_> = roots.iter().flat_map(|root| report.caused_by(root)).map(|row| row.check.code).collect();
    folded.dedup();
    (roots.iter().map(|row| row.check.code).collect(), folded)
}

#[track_caller]
fn expect(name: &str, facts: &Facts, root: &str, folded: &[&str]) {
    let report = examine(facts, &Selection::default());
    let (roots, under) = codes(&report);
    assert_eq!(roots, [root], "{name}: {:#?}", report.rows);
    assert_eq!(under, folded, "{name}");
    let unknown: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.verdict == Verdict::Unknown)
        .map(|row| (row.check.code, &row.why))
        .collect();
    assert!(unknown.is_empty(), "{name}: {unknown:?}");
}

fn log(facts: &mut Facts, app: &str, text: &str) {
    let Fact::Known(lines) = &mut facts.hosted.logs else { panic!("no logs") };
    lines.push(LogLine {
        pod: format!("{app}-6d8f9-0"),
        app: Some(app.into()),
        container: app.into(),
        time: Some(minutes_ago(1)),
        log_end: Some(minutes_ago(0)),
        text: text.into(),
    });
}

/// The issuer's documents as a closed storage account answers.
fn close(facts: &mut Facts) {
    if let Fact::Known(fetch) = &mut facts.oidc.discovery {
        fetch.status = Some(409);
        fetch.error_code = Some("PublicAccessNotPermitted".into());
        fetch.document = None;
    }
    facts.oidc.jwks = Fact::Unreadable(Gap::new(GapKind::Blocked, "no discovery document"));
}

#[test]
fn federation() {
    let subject =
        "AADSTS700213: No match for presented assertion subject 'system:serviceaccount:kube-system:capi-provider'.";
    let mut facts = healthy();
    federated(&mut facts, "nodePoolManagement").clear();
    log(&mut facts, "capi-provider", subject);
    expect("missing credential", &facts, "FC01", &["FC05"]);

    let mut facts = healthy();
    federated(&mut facts, "nodePoolManagement")[0].subject = "system:serviceaccount:kube-system:Capi-Provider".into();
    log(&mut facts, "capi-provider", subject);
    expect("case of a subject", &facts, "FC01", &["FC05"]);

    let mut facts = healthy();
    federated(&mut facts, "cloudProvider")[0].issuer = SLASH.into();
    log(
        &mut facts,
        "cloud-controller-manager",
        &format!("AADSTS700211: No match for presented assertion issuer '{ISSUER}'."),
    );
    expect("slash in an issuer", &facts, "FC02", &["FC05"]);

    let mut facts = healthy();
    for credential in federated(&mut facts, "disk") {
        credential.audiences = vec!["api://AzureADTokenExchange".into()];
    }
    for app in ["azure-disk-csi-driver-operator", "azure-disk-csi-driver-controller"] {
        log(&mut facts, app, "AADSTS700212: No match for presented assertion audience 'openshift'.");
    }
    expect("audience", &facts, "FC03", &["FC05"]);
}

#[test]
fn identities_and_roles() {
    let mut facts = healthy();
    if let Fact::Known(list) = &mut facts.azure.identities {
        list.retain(|identity| identity.client_id != client_id("ingress"));
    }
    log(
        &mut facts,
        "ingress-operator",
        &format!(
            "AADSTS700016: Application with identifier '{}' was not found in the directory 'd'.",
            client_id("ingress")
        ),
    );
    expect("identity gone", &facts, "ID01", &["FC05"]);

    let mut facts = healthy();
    let vnet = facts.azure.role_assignments.get_mut(&group("prod-vnet-prod-x7k2p").key()).unwrap();
    let Fact::Known(list) = vnet else { panic!("no list") };
    list.retain(|assignment| assignment.principal_id != principal_id("nodePoolManagement"));
    log(
        &mut facts,
        "capi-provider",
        "ERROR CODE: AuthorizationFailed: The client 'c' with object id 'o' does not have authorization to perform action 'a/write' over scope '/s' or the scope is invalid.",
    );
    expect("role missing", &facts, "RA01", &["FC05"]);
}

#[test]
fn issuer() {
    let unreachable = "AADSTS50166: Request to External OIDC endpoint failed.";
    for change in [
        (|storage| storage.allow_blob_public_access = Some(false)) as fn(&mut facts::oidc::IssuerStorage),
        |storage| storage.default_action = Some("Deny".into()),
        |storage| storage.container_public_access = Fact::Known("None".into()),
    ] {
        let mut facts = healthy();
        if let Fact::Known(storage) = &mut facts.oidc.storage {
            change(storage);
        }
        close(&mut facts);
        log(&mut facts, "capi-provider", unreachable);
        log(&mut facts, "ingress-operator", unreachable);
        expect("storage closed", &facts, "OI04", &["FC05", "OI01", "OI02", "OI03", "OI06"]);
        facts.oidc.storage = Fact::Absent;
        expect("documents closed", &facts, "OI01", &["FC05", "OI02", "OI03", "OI06"]);
    }

    let mut facts = healthy();
    if let Fact::Known(fetch) = &mut facts.oidc.discovery {
        fetch.document.as_mut().unwrap().issuer = SLASH.into();
    }
    expect("issuer of the document", &facts, "OI02", &[]);

    let mut facts = healthy();
    if let Fact::Known(fetch) = &mut facts.oidc.jwks {
        fetch.document.as_mut().unwrap().keys[0].kid = Some("another".into());
        fetch.document.as_mut().unwrap().keys[0].n = Some("another".into());
    }
    log(
        &mut facts,
        "network",
        "AADSTS7000272: The certificate with identifier kid-1 used to sign the federated credential could not be found",
    );
    expect("key", &facts, "OI03", &["FC05", "OI06"]);
}

#[test]
fn credentials() {
    let mut facts = healthy();
    facts.azure.providers.insert("Microsoft.Compute".into(), Fact::Known("NotRegistered".into()));
    expect("provider", &facts, "QT01", &[]);

    let mut facts = healthy();
    if let Fact::Known(file) = &mut facts.local.creds_file {
        file.client_secret = SecretState::Missing;
    }
    let blocked = || Gap::new(GapKind::Blocked, "there is no sign-in to Azure");
    facts.azure.login = Fact::Known(Login::Refused {
        via: "--azure-creds azure-creds.json".into(),
        tenant_id: Some(TENANT.into()),
        aadsts: None,
        message: "clientSecret is missing".into(),
    });
    facts.azure.subscription = Fact::Unreadable(blocked());
    facts.azure.identities = Fact::Unreadable(blocked());
    facts.oidc.storage = Fact::Unreadable(blocked());
    for fact in facts.azure.role_assignments.values_mut() {
        *fact = Fact::Unreadable(blocked());
    }
    for fact in facts.azure.providers.values_mut() {
        *fact = Fact::Unreadable(blocked());
    }
    facts.azure.governance = facts::governance::Governance {
        app_secrets: Fact::Unreadable(blocked()),
        deny_assignments: Fact::Unreadable(blocked()),
        ..facts::governance::Governance::default()
    };
    let report = examine(&facts, &Selection::parse(&["CR", "QT", "ID", "FC", "OI", "RA"], &[]).unwrap());
    let (roots, folded) = codes(&report);
    assert_eq!(roots, ["CR03"], "{:#?}", report.rows);
    let mut folded = folded;
    folded.sort_unstable();
    folded.dedup();
    for code in ["CR01", "FC01", "FC02", "FC03", "ID01", "OI04", "QT01", "RA01"] {
        assert!(folded.contains(&code), "{code} is not folded: {folded:?}");
    }
}

#[test]
fn a_bundle_of_kubernetes_data_alone_blames_nobody() {
    let mut facts = healthy();
    let missing = || Gap::new(GapKind::NotRecorded, "no dump holds it");
    facts.source = Source::Bundle { path: "dump".into(), format: BundleFormat::KubernetesDump };
    facts.local.creds_file = Fact::Absent;
    facts.exchange = facts::exchange::Exchange::default();
    facts.management.fleet = facts::fleet::Fleet::default();
    facts.azure = facts::azure::Azure {
        login: Fact::Unreadable(missing()),
        subscription: Fact::Unreadable(missing()),
        identities: Fact::Unreadable(missing()),
        ..facts::azure::Azure::default()
    };
    facts.clocks = facts::clock::Clocks::default();
    facts.oidc = facts::oidc::Oidc {
        discovery: Fact::Unreadable(missing()),
        jwks: Fact::Unreadable(missing()),
        storage: Fact::Unreadable(missing()),
        signing_key: Fact::Unreadable(missing()),
        signing_key_problem: None,
    };
    let selection = Selection::parse(&["CR", "QT", "ID", "FC", "OI", "RA"], &[]).unwrap();
    let report = examine(&facts, &selection);
    for row in &report.rows {
        assert!(!matches!(row.verdict, Verdict::Fail | Verdict::Warn), "{row:#?}");
        if row.verdict == Verdict::Unknown {
            assert_eq!(row.gap.as_ref().unwrap().kind, GapKind::NotRecorded, "{row:#?}");
        }
    }
}
