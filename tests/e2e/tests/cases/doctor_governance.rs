//! `doctor` on what the caller may do, and on what policies, locks, clocks and secrets forbid.

use std::path::Path;

use azure_sim::{Fault, seed};
use e2e::scene::{CLIENT_SECRET, NAME, Scene, azure};
use jiff::fmt::rfc2822;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-hcp_azure");

/// The checks of this file. Some of them belong to preflight, so that they are named.
const OWN: &str = "CR02,CR04,CR05,CR06,CR07,ID05,FC06";

/// The report of these checks.
fn judged(scene: &Scene) -> Value {
    let ran =
        scene.run(Path::new(PROGRAM), &["doctor", NAME, "-n", &scene.namespace, "--only", OWN, "-o", "json"]).unwrap();
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains(CLIENT_SECRET), "the client secret is shown");
    }
    ran.json().unwrap()
}

/// Code, verdict and subject of every row that is no pass.
fn told(report: &Value) -> Vec<(String, String, String)> {
    let text = |row: &Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
    let rows = report["verdicts"].as_array().unwrap().iter();
    rows.filter(|row| row["verdict"] != "pass")
        .map(|row| (text(row, "code"), text(row, "verdict"), text(row, "subject")))
        .collect()
}

#[track_caller]
fn expect(name: &str, scene: &Scene, code: &str, verdict: &str, subject: &str) -> Value {
    let report = judged(scene);
    assert_eq!(told(&report), [(code.to_owned(), verdict.to_owned(), subject.to_owned())], "{name}: {report:#}");
    scene.heal_azure().unwrap();
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_policies_locks_clocks_and_secrets() {
    let scene = Scene::healthy().await.unwrap();
    let report = judged(&scene);
    assert_eq!(told(&report), [], "{report:#}");
    assert_eq!(report["summary"]["pass"], 7);

    let group = azure::managed_group();
    let lock = format!("{group}/providers/Microsoft.Authorization/locks/keep");
    scene.sim.put_resource(json!({"id": lock, "name": "keep", "properties": {"level": "ReadOnly"}})).unwrap();
    let report = expect("lock", &scene, "CR07", "fail", &format!("lock keep at {group}"));
    assert!(report.to_string().contains("az lock delete --ids "), "{report:#}");

    let policy = |kind: &str, field: &str, result: &str, values: &[&str]| {
        json!([{
            "scope": group, "resourceType": kind, "field": field, "result": result, "values": values,
            "policyAssignmentId": format!("{group}/providers/Microsoft.Authorization/policyAssignments/house"),
            "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/d",
        }])
    };
    for policies in [
        policy("Microsoft.Network/publicIPAddresses", "sku.name", "Deny", &[]),
        policy("*", "tags.owner", "Required", &[]),
        policy("Microsoft.Compute/virtualMachines", "location", "Required", &["westus"]),
    ] {
        scene.sim.edit(|state| state["policyRestrictions"] = policies.clone()).unwrap();
        expect("policy", &scene, "CR06", "fail", "policy assignment house");
    }

    let deny = json!([{
        "id": format!("{group}/providers/Microsoft.Authorization/denyAssignments/d"), "name": "d",
        "properties": {
            "denyAssignmentName": "locked down", "scope": group, "doNotApplyToChildScopes": false,
            "permissions": [{"actions": ["Microsoft.Compute/*/write"], "notActions": []}],
            "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [],
        },
    }]);
    scene.sim.edit(|state| state["denyAssignments"] = deny).unwrap();
    expect("deny assignment", &scene, "CR02", "warn", "deny assignment locked down");

    let soon = Timestamp::now().checked_add((10 * 24).hours()).unwrap().to_string();
    scene.sim.edit(|state| state["principals"][0]["secrets"][0]["expires"] = json!(soon)).unwrap();
    expect("secret", &scene, "CR04", "warn", &format!("application {}", seed::CLIENT_ID));

    let ahead = Timestamp::now().checked_add(7.minutes()).unwrap();
    let date = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&ahead).unwrap();
    let fault = Fault {
        path: Some("*/common/v2.0/.well-known/openid-configuration".into()),
        status: Some(200),
        body: Some(json!({})),
        headers: [("date".to_owned(), date)].into(),
        ..Fault::default()
    };
    scene.sim.faults(vec![fault]).unwrap();
    let report = judged(&scene);
    // Entra is taken to be right, so that both of the others are behind.
    let rows = told(&report);
    assert!(rows.iter().all(|(code, verdict, _)| code == "CR05" && verdict == "fail"), "{report:#}");
    let subjects: Vec<&str> = rows.iter().map(|(_, _, subject)| subject.as_str()).collect();
    assert_eq!(subjects, ["clock of this machine", "clock of the management cluster"]);
    scene.heal_azure().unwrap();

    let principal = json!({"principalId": seed::OBJECT_ID, "principalType": "ServicePrincipal"});
    let reader = |state: &mut Value| {
        state["principals"][0]["owner"] = json!(false);
        let scope = format!("/subscriptions/{}", seed::SUBSCRIPTION);
        let mut properties = principal.clone();
        properties["scope"] = json!(scope);
        properties["roleDefinitionId"] = json!(format!(
            "{scope}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
        ));
        let id =
            format!("{scope}/providers/Microsoft.Authorization/roleAssignments/5d1f1a52-3b0a-4a36-8a2b-000000000001");
        state["roleAssignments"].as_array_mut().unwrap().push(json!({"id": id, "properties": properties}));
    };
    scene.sim.edit(reader).unwrap();
    let report = judged(&scene);
    // A Reader sees all that is asked of Resource Manager, and makes nothing, for all is there. Graph is another matter.
    assert_eq!(
        told(&report),
        [("CR04".into(), "unknown".into(), "client secrets of the application".into())],
        "{report:#}"
    );
    assert!(report["troubles"].to_string().contains("Application.Read.All"), "{report:#}");
    assert!(scene.sim.remove(&azure::load_balancer_id()));
    let report = judged(&scene);
    let rows = told(&report);
    assert_eq!(rows[0].0, "CR02", "{report:#}");
    assert_eq!(rows[0].1, "fail", "{report:#}");
    assert!(report.to_string().contains("Microsoft.Network/loadBalancers/write"), "{report:#}");
}
