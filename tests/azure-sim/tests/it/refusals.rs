//! What Azure refuses, the simulator refuses: one row per refusal.

use azure_sim::seed;
use serde_json::{Value, json};

use crate::support::{Bed, SUB, group, id, path};

const NET: &str = "Microsoft.Network";

/// A simulator with one of everything that the rows need.
async fn bed() -> Bed {
    let bed = Bed::with_group().await;
    let put = |body: Value| bed.sim.put_resource(body).unwrap();
    put(json!({"id": id("Microsoft.ManagedIdentity/userAssignedIdentities/one"), "location": "eastus"}));
    put(json!({
        "id": id("Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/first"),
        "properties": {"issuer": "https://i.example", "subject": "s", "audiences": ["openshift"]},
    }));
    put(json!({"id": id("Microsoft.Network/networkSecurityGroups/used"), "location": "eastus"}));
    put(json!({"id": id("Microsoft.Network/publicIPAddresses/ip"), "location": "eastus", "sku": {"name": "Standard"}}));
    put(json!({"id": id("Microsoft.Network/publicIPAddresses/basic"), "location": "eastus"}));
    put(
        json!({"id": id("Microsoft.Network/publicIPAddresses/west"), "location": "westus", "sku": {"name": "Standard"}}),
    );
    put(json!({
        "id": id("Microsoft.Network/virtualNetworks/net"), "location": "eastus",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "default", "properties": {
                "addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": id("Microsoft.Network/networkSecurityGroups/used")},
            }}],
        },
    }));
    put(json!({
        "id": id("Microsoft.Network/networkInterfaces/nic"), "location": "eastus",
        "properties": {"ipConfigurations": [{"name": "a", "properties": {
            "subnet": {"id": id("Microsoft.Network/virtualNetworks/net/subnets/default")},
        }}]},
    }));
    put(json!({
        "id": id("Microsoft.Network/loadBalancers/lb"), "location": "eastus", "sku": {"name": "Standard"},
        "properties": {"frontendIPConfigurations": [{"name": "f", "properties": {"publicIPAddress": {"id": id("Microsoft.Network/publicIPAddresses/ip")}}}]},
    }));
    put(json!({"id": id("Microsoft.Network/privateDnsZones/z.example.com"), "location": "global"}));
    put(json!({
        "id": id("Microsoft.Network/privateDnsZones/z.example.com/virtualNetworkLinks/l"), "location": "global",
        "properties": {"virtualNetwork": {"id": id("Microsoft.Network/virtualNetworks/net")}},
    }));
    put(
        json!({"id": id("Microsoft.Storage/storageAccounts/acct"), "location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}),
    );
    put(json!({"id": group("locked"), "location": "eastus"}));
    put(json!({
        "id": format!("{}/providers/Microsoft.Authorization/locks/keep", group("locked")), "name": "keep",
        "type": "Microsoft.Authorization/locks", "properties": {"level": "CanNotDelete"},
    }));
    put(json!({
        "id": format!("{}/providers/Microsoft.Authorization/roleAssignments/11111111-1111-4111-8111-111111111111", group("rg")),
        "name": "11111111-1111-4111-8111-111111111111",
        "properties": {
            "principalId": seed::OBJECT_ID, "scope": group("rg"),
            "roleDefinitionId": format!("/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        },
    }));
    bed.sim
        .edit(|state| {
            state["providers"] = json!([{"subscriptionId": SUB, "namespace": "Microsoft.KeyVault", "registrationState": "NotRegistered"}]);
        })
        .unwrap();
    bed
}

pub(crate) fn assignment(name: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}?api-version=2022-04-01", group("rg"))
}

pub(crate) fn role(guid: &str, principal: &str) -> Value {
    json!({"properties": {
        "principalId": principal,
        "roleDefinitionId": format!("/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions/{guid}"),
    }})
}

fn vnet(prefix: &str, subnets: Value) -> Value {
    json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": subnets}})
}

fn subnet(name: &str, prefix: &str) -> Value {
    json!({"name": name, "properties": {"addressPrefix": prefix}})
}

fn rule(priority: i64, direction: &str) -> Value {
    json!({"properties": {
        "priority": priority, "direction": direction, "access": "Deny", "protocol": "*", "sourcePortRange": "*",
        "destinationPortRange": "443", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
    }})
}

fn balancer(address: &str) -> Value {
    json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {
        "frontendIPConfigurations": [{"name": "f", "properties": {"publicIPAddress": {"id": id(&format!("{NET}/publicIPAddresses/{address}"))}}}],
    }})
}

fn federation(issuer: &str, subject: &str, audiences: Value) -> Value {
    json!({"properties": {"issuer": issuer, "subject": subject, "audiences": audiences}})
}

#[tokio::test]
async fn every_refusal_has_its_status_and_code() {
    let bed = bed().await;
    let none = Value::Null;
    let reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
    let fresh = "22222222-2222-4222-8222-222222222222";
    let unknown = "99999999-9999-4999-8999-999999999999";
    let rg = |name: &str| format!("{}?api-version=2021-04-01", group(name));
    let uami = |name: &str| path(&format!("Microsoft.ManagedIdentity/userAssignedIdentities/{name}"));
    let fic = |name: &str| {
        path(&format!("Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/{name}"))
    };
    let net = |rest: &str| path(&format!("{NET}/{rest}"));
    #[rustfmt::skip]
    let rows: Vec<(&str, String, Value, u16, &str)> = vec![
        // The front door.
        ("GET", group("rg"), none.clone(), 400, "MissingApiVersionParameter"),
        ("GET", format!("{}?api-version=1999-01-01", group("rg")), none.clone(), 400, "InvalidApiVersionParameter"),
        ("GET", format!("{}?api-version=1999-01-01", id(&format!("{NET}/virtualNetworks/net"))), none.clone(), 400, "NoRegisteredProviderFound"),
        ("GET", format!("{}?api-version=2018-11-30", id("Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/first")), none.clone(), 400, "NoRegisteredProviderFound"),
        ("GET", "/subscriptions/not-a-guid?api-version=2022-12-01".into(), none.clone(), 400, "InvalidSubscriptionId"),
        ("GET", format!("/subscriptions/{unknown}?api-version=2022-12-01"), none.clone(), 404, "SubscriptionNotFound"),
        ("GET", format!("{}/providers/Microsoft.Nonsense/things/x?api-version=2024-01-01", group("rg")), none.clone(), 404, "InvalidResourceNamespace"),
        ("GET", net("things/x"), none.clone(), 404, "InvalidResourceType"),
        ("PUT", format!("{}?api-version=2023-07-01", id("Microsoft.KeyVault/vaults/vault1")), json!({"location": "eastus"}), 409, "MissingSubscriptionRegistration"),
        // Resource groups.
        ("GET", rg("nowhere"), none.clone(), 404, "ResourceGroupNotFound"),
        ("PUT", rg("new"), json!({}), 400, "LocationRequired"),
        ("PUT", rg("new"), json!({"location": "atlantis"}), 400, "LocationNotAvailableForResourceGroup"),
        ("PUT", rg("new."), json!({"location": "eastus"}), 400, "InvalidResourceGroup"),
        ("PUT", rg("new"), json!({"location": "eastus", "colour": "red"}), 400, "InvalidRequestContent"),
        ("PUT", rg("rg"), json!({"location": "westus"}), 409, "InvalidResourceGroupLocation"),
        ("DELETE", rg("locked"), none.clone(), 409, "ScopeLocked"),
        ("DELETE", rg("nowhere"), none.clone(), 404, "ResourceGroupNotFound"),
        // Every resource.
        ("PUT", uami("two"), json!({}), 400, "LocationRequired"),
        ("PUT", uami("two"), json!({"location": "atlantis"}), 400, "LocationNotAvailableForResourceType"),
        ("PUT", uami("one"), json!({"location": "westus"}), 409, "InvalidResourceLocation"),
        ("PUT", uami("two"), json!({"location": "eastus", "colour": "red"}), 400, "InvalidRequestContent"),
        ("PUT", uami("two"), json!({"location": "eastus", "tags": "no"}), 400, "InvalidRequestContent"),
        ("PUT", uami("two"), json!([]), 400, "InvalidRequestContent"),
        ("PUT", uami("x"), json!({"location": "eastus"}), 400, "InvalidResourceName"),
        ("GET", uami("two"), none.clone(), 404, "ResourceNotFound"),
        ("PUT", format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/two?api-version=2023-01-31", group("nowhere")), json!({"location": "eastus"}), 404, "ResourceGroupNotFound"),
        ("POST", uami("one"), json!({}), 405, "MethodNotAllowed"),
        // Federated credentials.
        ("PUT", path("Microsoft.ManagedIdentity/userAssignedIdentities/two/federatedIdentityCredentials/f11"), federation("https://i.example", "s", json!(["a"])), 404, "ParentResourceNotFound"),
        ("PUT", fic("second"), federation("https://i.example", "s", json!(["openshift"])), 409, "Conflict"),
        ("PUT", fic("second"), federation("https://i.example", "t", json!([])), 400, "BadRequest"),
        ("PUT", fic("second"), federation("https://i.example", "t", json!(["a", "b"])), 400, "BadRequest"),
        ("PUT", fic("second"), federation("http://i.example", "t", json!(["a"])), 400, "BadRequest"),
        ("PUT", fic("second"), federation("https://i.example", "", json!(["a"])), 400, "BadRequest"),
        // Role assignments.
        ("PUT", assignment("no-guid"), role(reader, seed::OBJECT_ID), 400, "InvalidRoleAssignmentId"),
        ("PUT", assignment(fresh), role(reader, unknown), 400, "PrincipalNotFound"),
        ("PUT", assignment(fresh), role(unknown, seed::OBJECT_ID), 404, "RoleDefinitionDoesNotExist"),
        ("PUT", assignment(fresh), role("Some Role Name", seed::OBJECT_ID), 400, "InvalidRoleDefinitionId"),
        ("PUT", assignment(fresh), role(reader, seed::OBJECT_ID), 409, "RoleAssignmentExists"),
        ("PUT", assignment("11111111-1111-4111-8111-111111111111"), role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", seed::OBJECT_ID), 400, "RoleAssignmentUpdateNotPermitted"),
        ("PUT", assignment(fresh), json!({"properties": {}}), 400, "InvalidCreateRoleAssignmentRequest"),
        ("GET", assignment(fresh), none.clone(), 404, "RoleAssignmentNotFound"),
        ("GET", format!("{}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=colour%20eq%20'red'", group("rg")), none.clone(), 400, "UnsupportedQuery"),
        // Networks.
        ("PUT", net("virtualNetworks/bad"), vnet("10.0.0.0/33", json!([])), 400, "InvalidCIDRNotation"),
        ("PUT", net("virtualNetworks/bad"), vnet("10.0.0.1/16", json!([])), 400, "InvalidCIDRNotation"),
        ("PUT", net("virtualNetworks/bad"), json!({"location": "eastus", "properties": {}}), 400, "InvalidRequestFormat"),
        ("PUT", net("virtualNetworks/bad"), vnet("10.0.0.0/16", json!([subnet("a", "10.1.0.0/24")])), 400, "NetcfgInvalidSubnet"),
        ("PUT", net("virtualNetworks/bad"), vnet("10.0.0.0/16", json!([subnet("a", "10.0.0.0/24"), subnet("b", "10.0.0.128/25")])), 400, "NetcfgSubnetRangesOverlap"),
        ("PUT", net("virtualNetworks/bad"), json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "colour": 1}}), 400, "InvalidRequestFormat"),
        ("PUT", net("virtualNetworks/bad-"), vnet("10.0.0.0/16", json!([])), 400, "InvalidResourceName"),
        ("PUT", net("virtualNetworks/net"), vnet("10.0.0.0/16", json!([])), 400, "InUseSubnetCannotBeDeleted"),
        ("DELETE", net("virtualNetworks/net"), none.clone(), 400, "InUseSubnetCannotBeDeleted"),
        ("DELETE", net("virtualNetworks/net/subnets/default"), none.clone(), 400, "InUseSubnetCannotBeDeleted"),
        ("PUT", net("virtualNetworks/none/subnets/a"), subnet("a", "10.0.1.0/24"), 404, "ParentResourceNotFound"),
        ("PUT", net("virtualNetworks/net/subnets/b"), json!({"properties": {"addressPrefix": "10.0.1.0/24", "routeTable": {"id": id("Microsoft.Network/routeTables/none")}}}), 400, "InvalidResourceReference"),
        ("GET", net("virtualNetworks/net/subnets/none"), none.clone(), 404, "NotFound"),
        ("DELETE", net("networkSecurityGroups/used"), none.clone(), 400, "InUseNetworkSecurityGroupCannotBeDeleted"),
        ("PUT", net("networkSecurityGroups/used/securityRules/r"), rule(99, "Inbound"), 400, "SecurityRuleInvalidPriority"),
        ("PUT", net("networkSecurityGroups/used/securityRules/r"), rule(100, "Sideways"), 400, "SecurityRuleParameterInvalid"),
        ("PUT", net("networkSecurityGroups/new"), json!({"location": "eastus", "properties": {"securityRules": [{"name": "a", "properties": rule(100, "Inbound")["properties"]}, {"name": "b", "properties": rule(100, "Inbound")["properties"]}]}}), 400, "SecurityRuleConflict"),
        ("PUT", net("networkSecurityGroups/used/defaultSecurityRules/r"), rule(100, "Inbound"), 405, "MethodNotAllowed"),
        ("PUT", net("publicIPAddresses/new"), json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Dynamic"}}), 400, "StandardSkuPublicIPAddressesMustBeStatic"),
        ("PUT", net("publicIPAddresses/ip"), json!({"location": "eastus", "sku": {"name": "Basic"}}), 400, "SkuPropertyCannotBeChanged"),
        ("DELETE", net("publicIPAddresses/ip"), none.clone(), 400, "PublicIPAddressCannotBeDeleted"),
        ("PUT", net("loadBalancers/new"), balancer("ip"), 400, "PublicIPAddressInUse"),
        ("PUT", net("loadBalancers/new"), balancer("basic"), 400, "DifferentSkuLoadBalancersAndPublicIPAddressNotAllowed"),
        ("PUT", net("loadBalancers/new"), balancer("west"), 400, "InvalidResourceReference"),
        ("PUT", net("loadBalancers/new"), balancer("none"), 400, "InvalidResourceReference"),
        ("PUT", net("loadBalancers/new"), json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {"outboundRules": [{"name": "o", "properties": {"backendAddressPool": {"id": id("Microsoft.Network/loadBalancers/new/backendAddressPools/none")}}}]}}), 400, "InvalidResourceReference"),
        ("PUT", net("networkInterfaces/new"), json!({"location": "eastus", "properties": {}}), 400, "InvalidRequestFormat"),
        // DNS.
        ("PUT", net("privateDnsZones/new.example.com"), json!({"location": "eastus"}), 400, "LocationNotAvailableForResourceType"),
        ("PUT", net("privateDnsZones/local"), json!({"location": "global"}), 400, "BadRequest"),
        ("DELETE", net("privateDnsZones/z.example.com"), none.clone(), 409, "CannotDeleteResource"),
        ("GET", net("privateDnsZones/z.example.com/virtualNetworkLinks/none"), none.clone(), 404, "NotFound"),
        ("PUT", net("privateDnsZones/z.example.com/virtualNetworkLinks/second"), json!({"location": "global", "properties": {"virtualNetwork": {"id": id("Microsoft.Network/virtualNetworks/net")}}}), 409, "Conflict"),
        ("PUT", net("privateDnsZones/z.example.com/A/www"), json!({"properties": {"ttl": 60}}), 400, "BadRequest"),
        ("PUT", net("privateDnsZones/none.example.com/A/www"), json!({"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "1.2.3.4"}]}}), 404, "ParentResourceNotFound"),
        // Storage.
        ("PUT", path("Microsoft.Storage/storageAccounts/Bad"), json!({"location": "eastus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}), 400, "AccountNameInvalid"),
        ("PUT", path("Microsoft.Storage/storageAccounts/good"), json!({"location": "eastus", "sku": {"name": "Standard_LRS"}}), 400, "InvalidValuesForRequestParameters"),
        ("PUT", path("Microsoft.Storage/storageAccounts/acct/blobServices/default/containers/pub"), json!({"properties": {"publicAccess": "Blob"}}), 409, "PublicAccessNotPermitted"),
        ("PUT", path("Microsoft.Storage/storageAccounts/acct/blobServices/default/containers/No"), json!({"properties": {}}), 400, "ContainerOperationFailure"),
        // Others.
        ("POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01".into(), json!({"query": "resources | summarize count()"}), 400, "BadRequest"),
        ("GET", format!("/subscriptions/{SUB}/resources?api-version=2021-04-01&$filter=nonsense"), none.clone(), 400, "InvalidFilterInQueryString"),
        ("PUT", format!("{}/providers/Microsoft.Authorization/locks/x?api-version=2020-05-01", group("rg")), json!({"properties": {"level": "Maybe"}}), 400, "InvalidLockLevel"),

    ];
    let before = bed.sim.state();
    let mut wrong = Vec::new();
    for (method, path, body, status, code) in &rows {
        let got = bed.send(method, path, (!body.is_null()).then(|| body.clone())).await;
        if got.status.as_u16() != *status || got.code() != *code {
            wrong.push(format!("{method} {path}: want {status} {code}, got {} {}", got.status.as_u16(), got.body));
        }
    }
    println!("{} refusals", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(before, bed.sim.state(), "a refused request changes nothing");
}

#[tokio::test]
async fn a_twenty_first_federated_credential_is_refused() {
    let bed = bed().await;
    for at in 2..=21 {
        let rest =
            format!("Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/f{at:02}");
        let got = bed.put(&path(&rest), federation("https://i.example", &format!("s{at}"), json!(["a"]))).await;
        let want = if at <= 20 { 201 } else { 400 };
        assert_eq!(got.status.as_u16(), want, "{at}: {}", got.body);
    }
}
