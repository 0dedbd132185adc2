//! Lists in place of single reads.

use serde_json::{Value, json};

use super::{Asked, Fake, arm, reply};
use crate::ArmId;

const GROUP: &str = "/subscriptions/s1/resourceGroups/g1";
const VNET: &str = "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v1";
const OTHER: &str = "/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v2";

fn id(text: &str) -> ArmId {
    ArmId::parse(text).unwrap()
}

fn assignment(name: &str, scope: &str) -> Value {
    json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name,
        "properties": {"scope": scope, "principalId": name, "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/r"},
    })
}

/// A subscription with one group, one VNet, and role assignments from the tenant's root down to a VNet.
fn answer(asked: &Asked) -> super::Answer {
    let path = asked.path.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let vnet = json!({"id": VNET, "name": "v1", "location": "x", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}});
    let list = match path.rsplit('/').next().unwrap_or_default() {
        "virtualnetworks" => vec![vnet],
        "resourcegroups" => vec![json!({"id": GROUP, "name": "g1", "location": "x"})],
        "roleassignments" if asked.path.contains("atScope") => {
            vec![assignment("root", "/"), assignment("own", "/subscriptions/s1")]
        }
        "roleassignments" => vec![
            assignment("own", "/subscriptions/s1"),
            assignment("group", "/subscriptions/s1/resourcegroups/G1"),
            assignment("other", "/subscriptions/s1/resourceGroups/g2"),
            assignment("vnet", VNET),
        ],
        _ => Vec::new(),
    };
    if path.contains("/virtualnetworks/") || path.ends_with("/resourcegroups/g9") {
        return reply(404, r#"{"error":{"code":"ResourceNotFound","message":"no"}}"#);
    }
    reply(200, json!({"value": list}).to_string())
}

#[tokio::test]
async fn what_the_lists_show_is_not_asked_again() {
    let fake = Fake::new(|asked, _| answer(asked));
    let arm = arm(&fake);
    arm.read_ahead("s1").await;
    let lists = fake.asked().len();
    assert_eq!(lists, 9, "{:?}", fake.paths());

    assert_eq!(arm.vnet(&id(VNET)).await.unwrap().unwrap().address_prefixes, ["10.0.0.0/16"]);
    assert_eq!(arm.resource_group("s1", "g1").await.unwrap().unwrap().name, "g1");
    let held = arm.role_assignments(&id(GROUP), Some("atScope()")).await.unwrap().unwrap();
    let mut names: Vec<&str> = held.iter().map(|assignment| assignment.principal_id.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["group", "own", "root"]);
    assert_eq!(fake.asked().len(), lists, "{:?}", fake.paths());

    assert!(arm.vnet(&id(OTHER)).await.unwrap().is_none());
    assert_eq!(fake.asked().len(), lists + 1, "what no list shows is asked for by itself");
}

#[tokio::test]
async fn a_list_that_is_refused_leaves_the_single_reads() {
    let fake = Fake::new(|asked, _| match asked.path.contains("/resourceGroups/") {
        true => reply(200, json!({"id": GROUP, "name": "g1", "location": "x", "value": []}).to_string()),
        false => reply(403, r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#),
    });
    let arm = arm(&fake);
    arm.read_ahead("s1").await;
    assert!(arm.resource_group("s1", "g1").await.unwrap().is_some());
    assert_eq!(arm.role_assignments(&id(GROUP), Some("atScope()")).await.unwrap().unwrap(), []);
}
