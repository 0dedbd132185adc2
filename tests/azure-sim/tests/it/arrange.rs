//! The state in which a published example's request makes sense.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{examples::Example, support::SUB};

/// Every id in a value that names a resource.
fn ids(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with("/subscriptions/") && text.split('/').count() >= 9 => {
            out.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| ids(item, out)),
        Value::Object(members) => members.values().for_each(|item| ids(item, out)),
        _ => {}
    }
}

const INLINE: &[(&str, &str)] = &[
    ("subnets", "virtualNetworks"),
    ("virtualNetworkPeerings", "virtualNetworks"),
    ("securityRules", "networkSecurityGroups"),
    ("privateEndpointConnections", "privateLinkServices"),
    ("frontendIPConfigurations", "loadBalancers"),
];

/// Stores a resource and what must stand above it.
fn stand(resources: &mut BTreeMap<String, Value>, mut body: Value, location: &str) {
    let id = body["id"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = id.split('/').collect();
    let group = parts[..5].join("/");
    resources.entry(group.to_lowercase()).or_insert_with(|| json!({"id": group, "location": location}));
    if parts.len() < 9 {
        resources.insert(id.to_lowercase(), body);
        return;
    }
    if parts.len() > 9 {
        let parent = parts[..parts.len() - 2].join("/");
        let list = parts[parts.len() - 2];
        let inline = INLINE.iter().any(|(child, owner)| {
            child.eq_ignore_ascii_case(list) && owner.eq_ignore_ascii_case(parts[parts.len() - 4])
        });
        if !resources.contains_key(&parent.to_lowercase()) {
            stand(resources, json!({"id": parent, "location": location}), location);
        }
        if inline {
            let owner = resources.get_mut(&parent.to_lowercase()).unwrap();
            body["name"] = json!(parts[parts.len() - 1]);
            let member = INLINE.iter().find(|(child, _)| child.eq_ignore_ascii_case(list)).unwrap().0;
            if owner["properties"][member].is_null() {
                owner["properties"][member] = json!([]);
            }
            owner["properties"][member].as_array_mut().unwrap().push(body);
            return;
        }
    }
    resources.entry(id.to_lowercase()).or_insert(body);
}

/// The state in which the example's request makes sense.
pub(crate) fn arrange(example: &Example) -> Value {
    let mut resources = BTreeMap::new();
    let body = &example.body;
    let location = example.parameters["parameters"]["location"].as_str().unwrap_or("eastus");
    let group = example.parameters["resourceGroupName"].as_str();
    if let Some(group) = group.filter(|_| example.method != "PUT" || example.path.contains("/providers/")) {
        let id = format!("/subscriptions/{SUB}/resourceGroups/{group}");
        resources.insert(id.to_lowercase(), json!({"id": id, "location": location}));
    }
    let mut state = json!({});
    let own = |mut value: Value, id: &str| {
        value["id"] = json!(id);
        if let Some(members) = value.as_object_mut() {
            members.shift_remove("name");
        }
        value
    };
    let items = body["value"].as_array().cloned();
    match (example.method.as_str(), example.operation.as_str()) {
        (_, "Subscriptions_Get") => {
            let mut subscription = body.clone();
            subscription["subscriptionId"] = json!(SUB);
            // Tokens are of the subscription's own tenant.
            state["tenant"] = subscription["tenantId"].clone();
            state["subscriptions"] = json!([subscription]);
        }
        (_, "Providers_Get" | "Providers_List") => {
            let all = items.unwrap_or_else(|| vec![body.clone()]);
            state["providers"] = all
                .iter()
                .map(|one| json!({"subscriptionId": SUB, "namespace": one["namespace"], "registrationState": one["registrationState"], "body": one}))
                .collect();
        }
        (_, "Providers_Register") => {
            state["providers"] =
                json!([{"subscriptionId": SUB, "namespace": "aaa", "registrationState": "NotRegistered"}]);
        }
        (_, "Features_Get") => {
            state["features"] = json!([{"subscriptionId": SUB, "namespace": example.parameters["resourceProviderNamespace"], "name": "feature", "state": "registered"}]);
        }
        ("GET", "RoleDefinitions_Get") => state["roleDefinitions"] = json!([body]),
        ("GET", "RoleDefinitions_List") => state["roleDefinitions"] = body["value"].clone(),
        ("GET", "DenyAssignments_ListForResourceGroup") => state["denyAssignments"] = body["value"].clone(),
        ("GET", "RoleAssignments_Get") => state["roleAssignments"] = json!([body]),
        ("DELETE", "RoleAssignments_Delete") => state["roleAssignments"] = json!([body]),
        ("GET", operation) if operation.starts_with("RoleAssignments_List") => {
            state["roleAssignments"] = body["value"].clone()
        }
        ("PUT", "RoleAssignments_Create") => {
            let properties = &example.parameters["parameters"]["properties"];
            let role = properties["roleDefinitionId"].as_str().unwrap();
            state["roleDefinitions"] =
                json!([{"id": role, "name": role.rsplit('/').next(), "properties": {"permissions": []}}]);
            let target = format!("/{}", example.parameters["scope"].as_str().unwrap());
            resources.insert(target.to_lowercase(), json!({"id": target, "location": location}));
            state["principals"] = json!([
                {"id": properties["principalId"], "type": "User"},
                {"id": azure_sim::seed::OBJECT_ID, "appId": azure_sim::seed::CLIENT_ID, "owner": true},
            ]);
        }
        (_, "Usages_List") => {
            state["usages"] = body["value"].as_array().unwrap().iter().map(|one| json!({
                "provider": "Microsoft.Network", "location": example.parameters["location"], "name": one["name"]["value"],
                "localizedName": one["name"]["localizedValue"], "currentValue": one["currentValue"], "limit": one["limit"],
            })).collect();
        }
        (_, "ResourceSkus_List") => state["skus"] = body["value"].clone(),
        (_, "MarketplaceAgreements_Get") => state["marketplaceAgreements"] = json!([body]),
        (_, "PolicyRestrictions_CheckAtResourceGroupScope") => {
            state["policyRestrictions"] = json!([{
                "scope": format!("/subscriptions/{SUB}"), "resourceType": "*", "field": "tags.newtag", "result": "Required",
                "policyAssignmentId": "/a", "policyDefinitionId": "/d", "values": ["x"],
            }]);
        }
        (_, "VirtualNetworks_ListUsage") => {
            for name in ["GatewaySubnet", "newSubnet"] {
                let id = format!("{}/subnets/{name}", example.path.trim_end_matches("/usages"));
                stand(&mut resources, json!({"id": id, "properties": {"addressPrefix": "10.0.0.0/29"}}), location);
            }
        }
        (_, "DefaultSecurityRules_List") => {
            stand(&mut resources, json!({"id": example.path.trim_end_matches("/defaultSecurityRules")}), location)
        }
        (_, "NetworkInterfaces_ListEffectiveNetworkSecurityGroups") => {
            let id = example.path.trim_end_matches("/effectiveNetworkSecurityGroups");
            let group = body["value"][0]["networkSecurityGroup"]["id"].clone();
            stand(&mut resources, json!({"id": group}), location);
            stand(&mut resources, json!({"id": id, "properties": {"networkSecurityGroup": {"id": group}}}), location);
        }
        (_, "VirtualMachines_InstanceView") => {
            let id = example.path.trim_end_matches("/instanceView");
            stand(&mut resources, json!({"id": id, "properties": {"instanceView": body}}), location);
        }
        (_, "VirtualMachines_RetrieveBootDiagnosticsData") => {
            let id = example.path.trim_end_matches("/retrieveBootDiagnosticsData");
            stand(
                &mut resources,
                json!({"id": id, "properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": true}}}}),
                location,
            );
        }
        (_, "StorageAccounts_ListKeys") => {
            stand(&mut resources, json!({"id": example.path.trim_end_matches("/listKeys")}), location)
        }
        ("GET" | "POST", _) if items.is_some() || body["data"].is_array() => {
            let mut all = items.unwrap_or_default();
            all.extend(body["data"].as_array().cloned().unwrap_or_default());
            for mut item in all {
                if item["id"].is_string() {
                    let id = item["id"].as_str().unwrap().to_owned();
                    // Some examples name another parent in the answer than in the request.
                    if example.operation == "FederatedIdentityCredentials_List" {
                        item["id"] = json!(format!("{}/{}", example.path, id.rsplit('/').next().unwrap()));
                    }
                    stand(&mut resources, item, location);
                }
            }
            let parts: Vec<&str> = example.path.split('/').collect();
            if parts.len() > 9 {
                let at = if parts.len().is_multiple_of(2) { parts.len() - 1 } else { parts.len() };
                stand(&mut resources, json!({"id": parts[..at].join("/")}), location);
            }
        }
        ("GET", _) if example.path.split('/').count() >= 5 => {
            stand(&mut resources, own(body.clone(), &example.path), location)
        }
        ("HEAD", _) => {}
        ("PATCH", _) => stand(&mut resources, json!({"id": example.path, "location": location}), location),
        ("DELETE", _) if example.path.split('/').count() > 5 => {
            stand(&mut resources, json!({"id": example.path}), location)
        }
        ("PUT", _) if example.path.contains("/providers/") => {
            let parts: Vec<&str> = example.path.split('/').collect();
            if parts.len() > 9 {
                stand(
                    &mut resources,
                    json!({"id": parts[..parts.len() - 2].join("/"), "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}),
                    location,
                );
            }
            let mut found = BTreeSet::new();
            ids(&example.parameters, &mut found);
            for id in found.into_iter().filter(|id| !id.to_lowercase().starts_with(&example.path.to_lowercase())) {
                stand(&mut resources, json!({"id": id, "location": location}), location);
            }
        }
        _ => {}
    }
    state["resources"] = resources.into_values().collect();
    state
}
