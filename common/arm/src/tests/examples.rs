//! The examples of Microsoft's published API descriptions, read through the typed readers.
//!
//! Every example goes the way of a real answer. What it says in a property that we model must be found in our model,
//! so a model that drops something fails here.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{Fake, arm, reply};
use crate::{Arm, ArmId};

/// Properties whose values our models keep, wherever they occur outside of what [`EXPANDED`] cuts off.
const KEPT: &[&str] = &[
    "id",
    "name",
    "location",
    "state",
    "registrationState",
    "tenantId",
    "subscriptionId",
    "displayName",
    "clientId",
    "principalId",
    "principalType",
    "issuer",
    "subject",
    "audiences",
    "roleDefinitionId",
    "scope",
    "roleName",
    "actions",
    "notActions",
    "dataActions",
    "notDataActions",
    "assignableScopes",
    "priority",
    "access",
    "direction",
    "protocol",
    "sourceAddressPrefix",
    "sourceAddressPrefixes",
    "sourcePortRange",
    "sourcePortRanges",
    "destinationAddressPrefix",
    "destinationAddressPrefixes",
    "destinationPortRange",
    "destinationPortRanges",
    "addressPrefix",
    "addressPrefixes",
    "nextHopType",
    "nextHopIpAddress",
    "ipAddress",
    "publicIPAllocationMethod",
    "publicIPAddressVersion",
    "defaultOutboundAccess",
    "frontendPort",
    "backendPort",
    "requestPath",
    "port",
    "serviceName",
    "service",
    "privateIPAddress",
    "idleTimeoutInMinutes",
    "allocatedOutboundPorts",
    "enableTcpReset",
    "disableBgpRoutePropagation",
    "allowBlobPublicAccess",
    "publicNetworkAccess",
    "allowSharedKeyAccess",
    "minimumTlsVersion",
    "blob",
    "publicAccess",
    "defaultAction",
    "supportsHttpsTrafficOnly",
    "resourceType",
    "locations",
    "apiVersions",
    "namespace",
    "privateLinkServiceNetworkPolicies",
    "privateEndpointNetworkPolicies",
    "peeringState",
    "kind",
    "level",
    "denyAssignmentName",
    "field",
    "result",
    "values",
    "defaultValue",
    "reason",
    "policyEffect",
    "policyDefinitionId",
    "policyAssignmentId",
    "policySetDefinitionId",
    "policyDefinitionReferenceId",
    "evaluationResult",
];

/// Objects that are not modelled, or only by their id.
const EXPANDED: &[&str] = &[
    "evaluationDetails",
    "inboundNatRules",
    "inboundNatPools",
    "ipConfigurations",
    "ipConfiguration",
    "microsoftEndpoints",
    "internetEndpoints",
    "resourceAccessRules",
    "virtualNetworkRules",
    "managedByTenants",
    "subscriptionPolicies",
    "flowLogs",
    "extendedLocation",
    "locationMappings",
    "dnsSettings",
    "ipTags",
    "aliases",
    "defaultPublicNatGateway",
    "delegations",
    "encryption",
    "loadBalancerBackendAddresses",
    "ddosProtectionPlan",
    "bgpCommunities",
    "remoteBgpCommunities",
    "systemData",
    "metadata",
    "immutabilityPolicy",
    "legalHold",
    "capabilities",
    "zoneMappings",
    "sku",
    "outboundRules",
    "cors",
    "tags",
    "serviceEndpoints",
    "localAddressSpace",
    "localVirtualNetworkAddressSpace",
    "createdBy",
    "keyCreationTime",
    "gatewayLoadBalancer",
    "remoteVirtualNetworkAddressSpace",
    "remoteAddressSpace",
];

/// Values of properties that came after the api-version that we ask for: `scope` of a load balancer.
const NEWER: &[(&str, &str)] = &[("Microsoft.Network/LoadBalancers_CreateOrUpdate.json", "\"Public\"")];

/// Reads an example with one reader and renders the model.
async fn read(arm: &Arm, file: &str, id: &ArmId) -> Value {
    let kind = file.rsplit('/').next().unwrap().split('_').next().unwrap();
    let list = file.contains("_List");
    match (kind, list) {
        ("Subscriptions", _) => json(arm.subscription("s1").await),
        ("Providers", _) => json(arm.provider("s1", "Microsoft.X").await),
        ("Features", _) => json(arm.feature("s1", "Microsoft.X", "f").await),
        ("ResourceGroups", _) => json(arm.resource_group("s1", "g1").await),
        ("UserAssignedIdentities", true) => json(arm.identities("s1").await.map(|all| all.to_vec())),
        ("UserAssignedIdentities", false) => json(arm.identity(id).await),
        ("FederatedIdentityCredentials", _) => json(arm.federated_credentials(id).await),
        ("RoleAssignments", _) => json(arm.role_assignments(id, None).await),
        ("RoleDefinitions", _) => json(arm.role_definition(id).await),
        ("Permissions", _) => json(arm.permissions(id).await),
        ("ManagementLocks", _) => json(arm.locks(id).await.map(|all| all.map(|all| all.to_vec()))),
        ("DenyAssignments", _) => json(arm.deny_assignments(id).await.map(|all| all.map(|all| all.to_vec()))),
        ("PolicyRestrictions", _) => json(arm.policy_restrictions(id, &Value::Null, "2023-03-01").await),
        ("NetworkSecurityGroups", _) => json(arm.nsg(id).await),
        ("VirtualNetworks", true) => json(arm.vnet_usages(id).await),
        ("Usages", _) => json(arm.network_usages("s1", "westus").await),
        ("Usage", _) => json(arm.compute_usages("s1", "westus").await),
        ("MarketplaceAgreements", _) => json(arm.marketplace_agreement("s1", "p", "o", "planid").await),
        ("VirtualNetworks", _) => json(arm.vnet(id).await),
        ("Subnets", _) => json(arm.subnet(id).await),
        ("LoadBalancers", _) => json(arm.load_balancer(id).await),
        ("PublicIPAddresses", _) => json(arm.public_ip(id).await),
        ("NatGateways", _) => json(arm.nat_gateway(id).await),
        ("RouteTables", _) => json(arm.route_table(id).await),
        ("PrivateLinkServices", _) => json(arm.private_link_service(id).await),
        ("PrivateEndpoints", _) => json(arm.private_endpoint(id).await),
        ("PrivateZones", _) => json(arm.private_dns_zone(id).await),
        ("VirtualNetworkLinks", _) => json(arm.virtual_network_links(id).await),
        ("StorageAccounts", _) => json(arm.storage_account(id).await),
        ("BlobServices", _) => json(arm.blob_service(id).await),
        ("BlobContainers", _) => json(arm.container(id, "c").await),
        other => panic!("no reader for {other:?}"),
    }
}

fn json<T: Serialize>(read: crate::Result<T>) -> Value {
    serde_json::to_value(read.unwrap()).unwrap()
}

const EXAMPLES: &[(&str, &str)] = &[
    ("Microsoft.Resources/Subscriptions_Get.json", ""),
    ("Microsoft.Resources/Providers_Get.json", ""),
    ("Microsoft.Resources/ResourceGroups_Get.json", ""),
    ("Microsoft.Resources/ResourceGroups_Get.2025-04-01.json", ""),
    ("Microsoft.Resources/ResourceGroups_CreateOrUpdate.json", ""),
    ("Microsoft.Features/Features_Get.json", ""),
    ("Microsoft.ManagedIdentity/UserAssignedIdentities_Get.json", "Microsoft.ManagedIdentity/userAssignedIdentities/i"),
    (
        "Microsoft.ManagedIdentity/UserAssignedIdentities_CreateOrUpdate.json",
        "Microsoft.ManagedIdentity/userAssignedIdentities/i",
    ),
    ("Microsoft.ManagedIdentity/UserAssignedIdentities_ListBySubscription.json", ""),
    (
        "Microsoft.ManagedIdentity/FederatedIdentityCredentials_List.json",
        "Microsoft.ManagedIdentity/userAssignedIdentities/i",
    ),
    ("Microsoft.Authorization/RoleAssignments_ListForScope.json", ""),
    ("Microsoft.Authorization/RoleAssignments_ListForSubscription.json", ""),
    ("Microsoft.Authorization/RoleDefinitions_Get.json", "Microsoft.Authorization/roleDefinitions/r"),
    ("Microsoft.Authorization/Permissions_ListForResourceGroup.json", ""),
    ("Microsoft.Authorization/ManagementLocks_ListAtResourceGroupLevel.json", ""),
    ("Microsoft.Authorization/DenyAssignments_ListForResourceGroup.json", ""),
    ("Microsoft.PolicyInsights/PolicyRestrictions_CheckAtResourceGroupScope.json", ""),
    ("Microsoft.Network/NetworkSecurityGroups_Get.json", "Microsoft.Network/networkSecurityGroups/n"),
    ("Microsoft.Network/NetworkSecurityGroups_CreateOrUpdate.json", "Microsoft.Network/networkSecurityGroups/n"),
    ("Microsoft.Network/VirtualNetworks_Get.json", "Microsoft.Network/virtualNetworks/v"),
    ("Microsoft.Network/VirtualNetworks_ListUsage.json", "Microsoft.Network/virtualNetworks/v"),
    ("Microsoft.Network/Usages_List.json", ""),
    ("Microsoft.Compute/Usage_List.json", ""),
    ("Microsoft.MarketplaceOrdering/MarketplaceAgreements_Get.json", ""),
    ("Microsoft.Network/VirtualNetworks_CreateOrUpdate.json", "Microsoft.Network/virtualNetworks/v"),
    ("Microsoft.Network/Subnets_Get.json", "Microsoft.Network/virtualNetworks/v/subnets/n"),
    ("Microsoft.Network/Subnets_CreateOrUpdate.json", "Microsoft.Network/virtualNetworks/v/subnets/n"),
    ("Microsoft.Network/LoadBalancers_Get.json", "Microsoft.Network/loadBalancers/l"),
    ("Microsoft.Network/LoadBalancers_CreateOrUpdate.json", "Microsoft.Network/loadBalancers/l"),
    ("Microsoft.Network/PublicIPAddresses_Get.json", "Microsoft.Network/publicIPAddresses/p"),
    ("Microsoft.Network/PublicIPAddresses_CreateOrUpdate.json", "Microsoft.Network/publicIPAddresses/p"),
    ("Microsoft.Network/NatGateways_Get.json", "Microsoft.Network/natGateways/n"),
    ("Microsoft.Network/RouteTables_Get.json", "Microsoft.Network/routeTables/r"),
    ("Microsoft.Network/PrivateLinkServices_Get.json", "Microsoft.Network/privateLinkServices/p"),
    ("Microsoft.Network/PrivateEndpoints_Get.json", "Microsoft.Network/privateEndpoints/p"),
    ("Microsoft.Network-privatedns/PrivateZones_Get.json", "Microsoft.Network/privateDnsZones/z.example.com"),
    ("Microsoft.Network-privatedns/VirtualNetworkLinks_List.json", "Microsoft.Network/privateDnsZones/z.example.com"),
    ("Microsoft.Storage/StorageAccounts_GetProperties.json", "Microsoft.Storage/storageAccounts/a"),
    ("Microsoft.Storage/StorageAccounts_Create.json", "Microsoft.Storage/storageAccounts/a"),
    ("Microsoft.Storage/BlobServices_GetServiceProperties.json", "Microsoft.Storage/storageAccounts/a"),
    ("Microsoft.Storage/BlobContainers_Get.json", "Microsoft.Storage/storageAccounts/a"),
];

fn shared() -> PathBuf {
    std::env::var_os("HCP_AZURE_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

#[tokio::test]
async fn published_examples_are_read_without_loss() {
    let folder = shared().join("arm-examples");
    if !folder.is_dir() {
        println!("skipped: no published examples at {}", folder.display());
        return;
    }
    let mut lost = Vec::new();
    for (file, below) in EXAMPLES {
        let text = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let example: Value = serde_json::from_str(&text).unwrap();
        let mut body = example["responses"]["200"]["body"].clone();
        // The examples' links lead to made-up hosts.
        body.as_object_mut().unwrap().remove("nextLink");
        let id = match *below {
            "" => ArmId::for_resource_group("s1", "g1").unwrap(),
            below => ArmId::parse(&format!("/subscriptions/s1/resourceGroups/g1/providers/{below}")).unwrap(),
        };
        let sent = body.to_string();
        let fake = Fake::new(move |_, _| reply(200, sent.clone()));
        let model = read(&arm(&fake), file, &id).await;
        let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
        leaves(&body, false, &mut wanted);
        all_leaves(&model, &mut found);
        let missing: Vec<_> =
            wanted.difference(&found).filter(|value| !NEWER.contains(&(file, value.as_str()))).cloned().collect();
        println!("{file}: {} values, {} missing", wanted.len(), missing.len());
        if !missing.is_empty() {
            lost.push(format!("{file}: {missing:?}"));
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// The values under the keys of [`KEPT`].
fn leaves(value: &Value, kept: bool, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !EXPANDED.contains(&key.as_str())) {
                leaves(value, KEPT.contains(&key.as_str()), into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, kept, into)),
        Value::Null => {}
        leaf if kept => drop(into.insert(leaf.to_string())),
        _ => {}
    }
}

fn all_leaves(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| all_leaves(value, into)),
        Value::Array(items) => items.iter().for_each(|item| all_leaves(item, into)),
        leaf => drop(into.insert(leaf.to_string())),
    }
}

#[tokio::test]
async fn a_private_subnet_and_values_unknown_to_the_models_come_through() {
    let fake = Fake::new(|_, _| {
        reply(
            200,
            r#"{"id":"/x","name":"n","futureField":{"a":1},"properties":{"addressPrefixes":["10.0.0.0/24","fd00::/64"],
            "defaultOutboundAccess":false,"provisioningState":"Frozen","privateEndpointNetworkPolicies":"Sometimes",
            "natGateway":{"id":"/nat"},"networkSecurityGroup":{"id":"/nsg"},"routeTable":{"id":"/rt"},
            "delegations":[{"name":"d","properties":{"serviceName":"Microsoft.X/y"}}],
            "serviceAssociationLinks":[{"properties":{"linkedResourceType":"Microsoft.Web/serverFarms"}}],
            "serviceEndpoints":[{"service":"Microsoft.Storage"}],"ipConfigurations":[{"id":"/a"},{"id":"/b"}],"futureList":[1]}}"#,
        )
    });
    let id =
        ArmId::parse("/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/virtualNetworks/v/subnets/n")
            .unwrap();
    let subnet = arm(&fake).subnet(&id).await.unwrap().unwrap();
    assert_eq!(subnet.default_outbound_access, Some(false));
    assert_eq!(subnet.address_prefixes, ["10.0.0.0/24", "fd00::/64"]);
    assert_eq!(subnet.provisioning_state.as_deref(), Some("Frozen"));
    assert_eq!(subnet.private_endpoint_network_policies.as_deref(), Some("Sometimes"));
    assert_eq!((subnet.nat_gateway.as_deref(), subnet.network_security_group.as_deref()), (Some("/nat"), Some("/nsg")));
    assert_eq!((subnet.route_table.as_deref(), subnet.ip_configurations), (Some("/rt"), 2));
    assert_eq!(
        (subnet.delegations, subnet.service_links),
        (vec!["Microsoft.X/y".to_owned()], vec!["Microsoft.Web/serverFarms".to_owned()])
    );
    assert_eq!(subnet.service_endpoints, ["Microsoft.Storage"]);
}

#[tokio::test]
async fn a_private_way_to_an_api_server() {
    let state = r#""privateLinkServiceConnectionState":{"status":"Pending","description":"Awaiting approval"}"#;
    let service = format!(
        r#"{{"id":"/pls","name":"pls-1","location":"eastus","properties":{{"alias":"pls-1.g.eastus.azure.privatelinkservice",
        "visibility":{{"subscriptions":["*"]}},"autoApproval":{{"subscriptions":["s1"]}},
        "loadBalancerFrontendIpConfigurations":[{{"id":"/lb/frontendIPConfigurations/f"}}],
        "ipConfigurations":[{{"name":"i","properties":{{"subnet":{{"id":"/vnet/subnets/nat"}}}}}}],
        "privateEndpointConnections":[{{"id":"/pls/c","properties":{{"privateEndpoint":{{"id":"/pe"}},{state}}}}}]}}}}"#
    );
    let endpoint = format!(
        r#"{{"id":"/pe","properties":{{"subnet":{{"id":"/s"}},"manualPrivateLinkServiceConnections":[
        {{"name":"c","properties":{{"privateLinkServiceId":"pls-1.g.eastus.azure.privatelinkservice",{state}}}}}],
        "privateLinkServiceConnections":null,"networkInterfaces":[{{"id":"/nic"}}]}}}}"#
    );
    let records = r#"{"value":[{"id":"/z/A/*.apps","name":"*.apps","properties":{"ttl":300,"aRecords":[{"ipv4Address":"10.0.0.9"}]}}]}"#;
    let fake = Fake::new(move |asked, _| {
        if asked.path.contains("/privateLinkServices/") {
            reply(200, service.clone())
        } else if asked.path.contains("/privateEndpoints/") {
            reply(200, endpoint.clone())
        } else {
            reply(200, records)
        }
    });
    let arm = arm(&fake);
    let id = |below: &str| ArmId::parse(&format!("/subscriptions/s1/resourceGroups/g1/providers/{below}")).unwrap();
    let service = arm.private_link_service(&id("Microsoft.Network/privateLinkServices/pls-1")).await.unwrap().unwrap();
    assert_eq!((service.visibility, service.auto_approval), (vec!["*".to_owned()], vec!["s1".to_owned()]));
    assert_eq!(
        (service.frontends[0].as_str(), service.nat_subnets[0].as_str()),
        ("/lb/frontendIPConfigurations/f", "/vnet/subnets/nat")
    );
    assert_eq!(service.connections[0].private_endpoint.as_deref(), Some("/pe"));
    let endpoint = arm.private_endpoint(&id("Microsoft.Network/privateEndpoints/pe")).await.unwrap().unwrap();
    assert_eq!(endpoint.connections[0].status.as_deref(), Some("Pending"));
    assert_eq!((endpoint.subnet.as_deref(), endpoint.network_interfaces.len()), (Some("/s"), 1));
    let zone = id("Microsoft.Network/privateDnsZones/z.example.com");
    let records = arm.private_a_records(&zone).await.unwrap();
    assert_eq!((records[0].name.as_str(), records[0].addresses[0].as_str()), ("*.apps", "10.0.0.9"));
    assert!(arm.private_endpoint(&zone).await.is_err());
}

#[tokio::test]
async fn an_nsg_that_a_hosted_cluster_would_use() {
    let fake = Fake::new(|_, _| {
        reply(
            200,
            r#"{"id":"/nsg","name":"n","location":"westeurope","tags":{"a":"b","odd":1},"properties":{"provisioningState":"Succeeded",
            "securityRules":[{"id":"/nsg/r","name":"deny-out","properties":{"priority":100,"direction":"Outbound","access":"deny",
              "protocol":"TCP","sourcePortRange":"*","destinationPortRanges":["443","6443-6444"],"sourceAddressPrefix":"VirtualNetwork",
              "destinationAddressPrefix":"","destinationAddressPrefixes":["AzureCloud.westeurope","10.0.0.0/8"],
              "sourceApplicationSecurityGroups":[{"id":"/asg"}]}}],
            "defaultSecurityRules":[{"name":"AllowInternetOutBound","properties":{"priority":65001,"direction":"Outbound","access":"Allow",
              "protocol":"*","sourcePortRange":"*","destinationPortRange":"*","sourceAddressPrefix":"*","destinationAddressPrefix":"Internet"}}],
            "subnets":[{"id":"/vnet/subnets/a"}],"networkInterfaces":[{"id":"/nic"}]}}"#,
        )
    });
    let id = ArmId::parse("/subscriptions/s1/resourceGroups/g1/providers/Microsoft.Network/networkSecurityGroups/n")
        .unwrap();
    let nsg = arm(&fake).nsg(&id).await.unwrap().unwrap();
    let rule = &nsg.security_rules[0];
    assert_eq!(
        (rule.priority, rule.direction.as_str(), rule.access.as_str(), rule.protocol.as_str()),
        (100, "Outbound", "deny", "TCP")
    );
    assert_eq!(rule.destination_address_prefixes, ["AzureCloud.westeurope", "10.0.0.0/8"]);
    assert_eq!(rule.destination_port_ranges, ["443", "6443-6444"]);
    assert_eq!(rule.source_address_prefixes, ["VirtualNetwork"]);
    assert_eq!(rule.source_application_security_groups, ["/asg"]);
    assert_eq!(nsg.default_security_rules[0].destination_address_prefixes, ["Internet"]);
    assert_eq!((nsg.subnets, nsg.network_interfaces), (vec!["/vnet/subnets/a".to_owned()], vec!["/nic".to_owned()]));
    assert_eq!(nsg.tags.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "b".to_owned())]);
}

#[tokio::test]
async fn a_storage_account_is_found_by_name() {
    let fake = Fake::new(|_, _| {
        reply(
            200,
            r#"{"value":[{"id":"/a","name":"other"},{"id":"/b","name":"oidcacct","tags":null,"properties":{"allowBlobPublicAccess":false,
            "publicNetworkAccess":"Enabled","allowSharedKeyAccess":false,"networkAcls":{"defaultAction":"Deny","ipRules":[{"value":"1.2.3.4"}]},
            "primaryEndpoints":{"blob":"https://oidcacct.blob.core.windows.net/"}}}]}"#,
        )
    });
    let arm = arm(&fake);
    let account = arm.storage_account_named("s1", "OIDCacct").await.unwrap().unwrap();
    assert_eq!((account.allow_blob_public_access, account.allow_shared_key_access), (Some(false), Some(false)));
    assert_eq!(account.network_default_action.as_deref(), Some("Deny"));
    assert_eq!(account.network_ip_rules, ["1.2.3.4"]);
    assert_eq!(account.blob_endpoint.as_deref(), Some("https://oidcacct.blob.core.windows.net/"));
    assert_eq!(arm.storage_account_named("s1", "absent").await.unwrap(), None);
    assert_eq!(fake.asked().len(), 1);
}
