//! Who gets in, and what roles allow.

use azure_sim::{Options, seed};
use serde_json::json;

use crate::{
    refusals::{assignment, role},
    support::{ARM, Bed, SUB, group, path},
};

#[tokio::test]
async fn tokens_are_checked() {
    let bed = Bed::with_group().await;
    let target = format!("{}?api-version=2021-04-01", group("rg"));
    let missing = bed.http.get(format!("{}{target}", bed.sim.url())).send().await.unwrap();
    assert_eq!(missing.status(), 401);
    assert!(missing.headers()["www-authenticate"].to_str().unwrap().contains("authorization_uri"));
    let token = |audience: &str, life| bed.sim.token(seed::CLIENT_ID, audience, life).unwrap();
    for (token, code) in [
        ("rubbish".to_owned(), "InvalidAuthenticationToken"),
        (token("https://storage.azure.com", 3600), "InvalidAuthenticationTokenAudience"),
        (token(ARM, -5), "ExpiredAuthenticationToken"),
    ] {
        let got = bed.send_as(&token, "GET", &target, None).await;
        assert_eq!((got.status.as_u16(), got.code()), (401, code));
    }
    for audience in [
        "https://management.azure.com",
        "https://management.azure.com/",
        "https://management.core.windows.net",
        &bed.sim.url(),
    ] {
        assert_eq!(bed.send_as(&token(audience, 3600), "GET", &target, None).await.status, 200, "{audience}");
    }
}

#[tokio::test]
async fn a_subscription_takes_tokens_of_its_own_tenant() {
    let bed = Bed::with_group().await;
    let other = "99999999-0000-4000-8000-000000000009";
    bed.sim.edit(|state| state["subscriptions"][0]["tenantId"] = json!(other)).unwrap();
    let token = bed.sim.token(seed::CLIENT_ID, ARM, 3600).unwrap();
    let got = bed.send_as(&token, "GET", &format!("{}?api-version=2021-04-01", group("rg")), None).await;
    assert_eq!((got.status.as_u16(), got.code()), (401, "InvalidAuthenticationTokenTenant"));
    let message = got.body["error"]["message"].as_str().unwrap();
    let issuer = |tenant: &str| message.find(&format!("'https://sts.windows.net/{tenant}/'")).unwrap();
    assert!(issuer(seed::TENANT) < issuer(other), "{message}");
    assert_eq!(bed.send_as(&token, "GET", "/subscriptions?api-version=2022-12-01", None).await.status, 200);
}

#[tokio::test]
async fn role_assignments_decide() {
    let bed = Bed::new(Options::default()).await;
    let (app, object) = ("00000000-0000-0000-0000-0000000000c2", "00000000-0000-0000-0000-0000000000b2");
    bed.sim
        .edit(|state| state["principals"].as_array_mut().unwrap().push(json!({"id": object, "appId": app})))
        .unwrap();
    for name in ["rg", "other"] {
        bed.sim.put_resource(json!({"id": group(name), "location": "eastus"})).unwrap();
    }
    let token = bed.sim.token(app, ARM, 3600).unwrap();
    let rg = |name: &str| format!("{}?api-version=2021-04-01", group(name));
    let groups = format!("/subscriptions/{SUB}/resourcegroups?api-version=2021-04-01");
    let denied = bed.send_as(&token, "GET", &rg("rg"), None).await;
    assert_eq!((denied.status.as_u16(), denied.code()), (403, "AuthorizationFailed"));
    let want = format!(
        "The client '{app}' with object id '{object}' does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        group("rg")
    );
    assert_eq!(denied.body["error"]["message"], want);
    assert_eq!(bed.send_as(&token, "GET", &groups, None).await.status, 403);

    let contributor = role("b24988ac-6180-42a0-ab88-20f7382dd24c", object);
    assert_eq!(bed.put(&assignment("33333333-3333-4333-8333-333333333333"), contributor).await.status, 201);
    assert_eq!(bed.send_as(&token, "GET", &rg("rg"), None).await.status, 200);
    assert_eq!(bed.send_as(&token, "GET", &rg("other"), None).await.status, 403);
    let listed = bed.send_as(&token, "GET", &groups, None).await;
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 1, "a list shows what may be read");
    let made = bed
        .send_as(
            &token,
            "PUT",
            &path("Microsoft.ManagedIdentity/userAssignedIdentities/two"),
            Some(json!({"location": "eastus"})),
        )
        .await;
    assert_eq!(made.status, 201);
    let own = role("acdd72a7-3385-48ef-bd42-f606fba81ae7", object);
    let refused = bed.send_as(&token, "PUT", &assignment("44444444-4444-4444-8444-444444444444"), Some(own)).await;
    assert_eq!(refused.code(), "AuthorizationFailed", "notActions of Contributor");

    // A right on the resource is no right on what it refers to.
    let nsg = format!("{}/providers/Microsoft.Network/networkSecurityGroups/n", group("other"));
    bed.sim.put_resource(json!({"id": nsg, "location": "eastus"})).unwrap();
    let body = json!({"location": "eastus", "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": nsg}}}],
    }});
    let linked = bed.send_as(&token, "PUT", &path("Microsoft.Network/virtualNetworks/v"), Some(body)).await;
    assert_eq!((linked.status.as_u16(), linked.code()), (403, "LinkedAuthorizationFailed"));
}

#[tokio::test]
async fn a_fresh_principal_takes_its_time() {
    let bed = Bed::new(Options { state: Some(json!({"principalReplicationMs": 60_000})), ..Options::default() }).await;
    bed.sim.put_resource(json!({"id": group("rg"), "location": "eastus"})).unwrap();
    let identity =
        bed.put(&path("Microsoft.ManagedIdentity/userAssignedIdentities/one"), json!({"location": "eastus"})).await;
    let principal = identity.body["properties"]["principalId"].as_str().unwrap().to_owned();
    let mut body = role("acdd72a7-3385-48ef-bd42-f606fba81ae7", &principal);
    let target = assignment("55555555-5555-4555-8555-555555555555");
    assert_eq!(bed.put(&target, body.clone()).await.code(), "PrincipalNotFound");
    body["properties"]["principalType"] = json!("ServicePrincipal");
    assert_eq!(bed.put(&target, body).await.status, 201);
}

#[tokio::test]
async fn a_deny_assignment_outranks_roles() {
    let bed = Bed::with_group().await;
    let deny = json!({"name": "d", "properties": {
        "denyAssignmentName": "no deletes", "scope": group("rg"), "principals": [{"id": seed::OBJECT_ID}],
        "permissions": [{"actions": ["*/delete"], "notActions": []}],
    }});
    bed.sim.edit(|state| state["denyAssignments"] = json!([deny])).unwrap();
    let target = format!("{}?api-version=2021-04-01", group("rg"));
    assert_eq!(bed.send("DELETE", &target, None).await.code(), "DenyAssignmentAuthorizationFailed");
    assert_eq!(bed.get(&target).await.status, 200);
}

#[tokio::test]
async fn custom_roles_are_read() {
    let bed = Bed::with_group().await;
    let (app, object) = ("00000000-0000-0000-0000-0000000000c3", "00000000-0000-0000-0000-0000000000b3");
    bed.sim
        .edit(|state| state["principals"].as_array_mut().unwrap().push(json!({"id": object, "appId": app})))
        .unwrap();
    let guid = "66666666-6666-4666-8666-666666666666";
    let definition =
        format!("/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions/{guid}?api-version=2022-04-01");
    let body = json!({"properties": {
        "roleName": "mine", "assignableScopes": [format!("/subscriptions/{SUB}")],
        "permissions": [{"actions": ["Microsoft.Resources/subscriptions/resourceGroups/*"], "notActions": ["*/delete"]}],
    }});
    assert_eq!(bed.put(&definition, body).await.status, 201);
    assert_eq!(bed.put(&assignment("77777777-7777-4777-8777-777777777777"), role(guid, object)).await.status, 201);
    let token = bed.sim.token(app, ARM, 60).unwrap();
    let target = format!("{}?api-version=2021-04-01", group("rg"));
    assert_eq!(bed.send_as(&token, "GET", &target, None).await.status, 200);
    assert_eq!(bed.send_as(&token, "DELETE", &target, None).await.status, 403);
    let permissions = format!("{}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01", group("rg"));
    let own = bed.send_as(&token, "GET", &permissions, None).await;
    assert_eq!(own.body["value"][0]["notActions"], json!(["*/delete"]), "whoever holds a role may ask what it allows");
    assert_eq!(bed.get(&permissions).await.body["value"][0]["actions"], json!(["*"]));
    assert_eq!(bed.send("DELETE", &definition, None).await.code(), "RoleDefinitionHasAssignments");
}
