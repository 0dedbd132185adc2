//! The Azure side of a healthy hosted cluster, as `create iam` and `create infra` leave it.

use azure_sim::seed;
use facts::catalogue::{AUDIENCE, COMPONENTS, Required, Scope};
use serde_json::{Value, json};

use super::{INFRA_ID, NAME};
use crate::azurite::ACCOUNT;

/// The resource group that holds the identities, the issuer's storage and the DNS zone.
pub(super) const COMMON_GROUP: &str = "os4-common";
/// The address of the load balancer in the managed resource group.
const APPS: &str = "20.1.2.3";
/// The address of the router of the control plane.
pub(super) const ROUTER: &str = "20.81.4.17";
/// The owner that ExternalDNS writes into its records.
pub(super) const DNS_OWNER: &str = "mgmt-1";
/// The public DNS zone of the clusters.
pub(super) const BASE_DOMAIN: &str = "hcp.example.com";

/// The state document of the simulator.
pub(super) fn state(issuer: &str, container: &str) -> Value {
    let mut resources: Vec<Value> = ["", "-vnet", "-nsg"]
        .iter()
        .map(|kind| format!("{NAME}{kind}-{INFRA_ID}"))
        .chain([COMMON_GROUP.to_owned()])
        .map(|name| json!({"id": group(&name), "name": name, "location": "eastus"}))
        .collect();
    resources.extend(network());
    resources.extend(issuer_storage(container));
    resources.push(json!({"id": zone_id(), "location": "global", "properties": {}}));
    resources.extend(super::guest::MACHINES.map(super::guest::virtual_machine));
    resources.push(address_record(&format!("*.apps.{NAME}"), APPS));
    let mut assignments = Vec::new();
    for component in COMPONENTS.iter().filter(|component| component.required != Required::Kms) {
        let id = identity_id(component.key);
        resources.push(json!({
            "id": id,
            "location": "eastus",
            "properties": {"clientId": client_id(component.key), "principalId": principal_id(component.key), "tenantId": seed::TENANT},
        }));
        for credential in component.credentials {
            resources.push(json!({
                "id": format!("{id}/federatedIdentityCredentials/{}", component.credential_name(NAME, credential)),
                "properties": {"issuer": issuer, "subject": credential.subject(), "audiences": [AUDIENCE]},
            }));
        }
        for (at, scope) in component.role.iter().flat_map(|role| role.scopes).enumerate() {
            let scope = group(&match scope {
                Scope::Managed => format!("{NAME}-{INFRA_ID}"),
                Scope::NetworkSecurityGroup => format!("{NAME}-nsg-{INFRA_ID}"),
                Scope::Vnet => format!("{NAME}-vnet-{INFRA_ID}"),
                Scope::Dns => COMMON_GROUP.to_owned(),
            });
            let role = component.role.map(|role| role.guid).unwrap_or_default();
            let name = format!("{}-0000-0000-0000-{at:012}", &client_id(component.key)[..8]);
            assignments.push(json!({
                "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"),
                "properties": {
                    "principalId": principal_id(component.key),
                    "principalType": "ServicePrincipal",
                    "roleDefinitionId": format!("/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{role}", seed::SUBSCRIPTION),
                    "scope": scope,
                },
            }));
        }
    }
    document(resources, assignments)
}

/// The same with the records that ExternalDNS writes.
pub(super) fn named_state(issuer: &str, container: &str) -> Value {
    let mut state = state(issuer, container);
    let text =
        format!("\"heritage=external-dns,external-dns/owner={DNS_OWNER},external-dns/resource=service/{NAME}/router\"");
    let records = ["api", "oauth", "ignition", "konnectivity"].iter().flat_map(|label| {
        let mark = json!({
            "id": format!("{}/TXT/a-{label}-{NAME}-external-dns", zone_id()),
            "properties": {"TTL": 300, "TXTRecords": [{"value": [text]}]},
        });
        [address_record(&format!("{label}-{NAME}"), ROUTER), mark]
    });
    if let Some(resources) = state["resources"].as_array_mut() {
        resources.extend(records);
    }
    state
}

pub(super) fn address_record(label: &str, address: &str) -> Value {
    json!({
        "id": record_id(label),
        "properties": {"TTL": 300, "ARecords": [{"ipv4Address": address}]},
    })
}

/// The ARM id of the address record of a name in the public zone.
pub fn record_id(label: &str) -> String {
    format!("{}/A/{label}", zone_id())
}

/// The same before the cluster is created: the common group with the issuer's storage and the DNS zone.
pub(super) fn before_create(_issuer: &str, container: &str) -> Value {
    let mut resources = vec![json!({"id": group(COMMON_GROUP), "name": COMMON_GROUP, "location": "eastus"})];
    resources.extend(issuer_storage(container));
    resources.push(json!({"id": zone_id(), "location": "global", "properties": {}}));
    document(resources, Vec::new())
}

fn document(resources: Vec<Value>, assignments: Vec<Value>) -> Value {
    json!({
        "tenant": seed::TENANT,
        "subscriptions": [{"subscriptionId": seed::SUBSCRIPTION, "displayName": "Simulated", "tenantId": seed::TENANT}],
        "principals": [{
            "id": seed::OBJECT_ID,
            "appId": seed::CLIENT_ID,
            "displayName": "simulated-owner",
            "type": "ServicePrincipal",
            "owner": true,
            "secrets": [{"value": seed::CLIENT_SECRET}],
        }],
        "features": [{
            "subscriptionId": seed::SUBSCRIPTION, "namespace": "Microsoft.Compute", "name": "EncryptionAtHost",
            "state": "Registered",
        }],
        "resources": resources,
        "roleAssignments": assignments,
    })
}

/// The network interface of a worker, in the pool of the way out.
fn nic(machine: &str) -> Value {
    let balancer = format!("{}/providers/Microsoft.Network/loadBalancers/{INFRA_ID}", managed_group());
    json!({
        "id": format!("{}/providers/Microsoft.Network/networkInterfaces/{machine}-nic", managed_group()),
        "location": "eastus",
        "properties": {"ipConfigurations": [{
            "name": "pipConfig",
            "properties": {
                "subnet": {"id": subnet_id()},
                "loadBalancerBackendAddressPools": [{"id": format!("{balancer}/backendAddressPools/{INFRA_ID}")}],
            },
        }]},
    })
}

/// Gives the machines of a cluster that was created their virtual machines and network interfaces.
pub(super) fn join_workers(sim: &azure_sim::Simulator) -> Result<(), crate::Error> {
    let mut workers =
        super::guest::MACHINES.into_iter().flat_map(|name| [nic(name), super::guest::virtual_machine(name)]);
    workers.try_for_each(|body| sim.put_resource(body)).map_err(super::simulated)
}

fn network() -> Vec<Value> {
    let balancer = format!("{}/providers/Microsoft.Network/loadBalancers/{INFRA_ID}", managed_group());
    let address = format!("{}/providers/Microsoft.Network/publicIPAddresses/{INFRA_ID}", managed_group());
    vec![
        nic("demo-7xk2p-a"),
        nic("demo-7xk2p-b"),
        json!({"id": nsg_id(), "location": "eastus", "properties": {"securityRules": []}}),
        json!({
            "id": vnet_id(),
            "location": "eastus",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{
                    "name": "default",
                    "properties": {
                        "addressPrefix": "10.0.0.0/24",
                        "networkSecurityGroup": {"id": nsg_id()},
                        "defaultOutboundAccess": false,
                    },
                }],
            },
        }),
        json!({
            "id": address,
            "location": "eastus",
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4", "ipAddress": "20.1.2.3"},
        }),
        json!({
            "id": balancer,
            "location": "eastus",
            "sku": {"name": "Standard"},
            "properties": {
                "frontendIPConfigurations": [{"name": INFRA_ID, "properties": {"publicIPAddress": {"id": address}}}],
                "backendAddressPools": [{"name": INFRA_ID}],
                "outboundRules": [{
                    "name": INFRA_ID,
                    "properties": {
                        "protocol": "All",
                        "allocatedOutboundPorts": 1024,
                        "backendAddressPool": {"id": format!("{balancer}/backendAddressPools/{INFRA_ID}")},
                        "frontendIPConfigurations": [{"id": format!("{balancer}/frontendIPConfigurations/{INFRA_ID}")}],
                    },
                }],
            },
        }),
    ]
}

fn issuer_storage(container: &str) -> Vec<Value> {
    vec![
        json!({
            "id": storage_id(),
            "location": "eastus",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": {"allowBlobPublicAccess": true},
        }),
        json!({
            "id": container_id(container),
            "properties": {"publicAccess": "Container"},
        }),
    ]
}

/// The ARM id of a resource group.
pub fn group(name: &str) -> String {
    format!("/subscriptions/{}/resourceGroups/{name}", seed::SUBSCRIPTION)
}

/// The ARM id of the managed resource group.
pub fn managed_group() -> String {
    group(&format!("{NAME}-{INFRA_ID}"))
}

/// The ARM id of the VNet.
pub fn vnet_id() -> String {
    format!(
        "{}/providers/Microsoft.Network/virtualNetworks/{NAME}-{INFRA_ID}",
        group(&format!("{NAME}-vnet-{INFRA_ID}"))
    )
}

/// The ARM id of the worker subnet.
pub fn subnet_id() -> String {
    format!("{}/subnets/default", vnet_id())
}

/// The ARM id of the network security group.
pub fn nsg_id() -> String {
    let group = group(&format!("{NAME}-nsg-{INFRA_ID}"));
    format!("{group}/providers/Microsoft.Network/networkSecurityGroups/{NAME}-{INFRA_ID}-nsg")
}

/// The ARM id of the egress load balancer.
pub fn load_balancer_id() -> String {
    format!("{}/providers/Microsoft.Network/loadBalancers/{INFRA_ID}", managed_group())
}

/// The ARM id of the public DNS zone.
pub fn zone_id() -> String {
    format!("{}/providers/Microsoft.Network/dnsZones/{BASE_DOMAIN}", group(COMMON_GROUP))
}

/// The ARM id of the issuer's storage account.
pub fn storage_id() -> String {
    format!("{}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}", group(COMMON_GROUP))
}

/// The ARM id of the issuer's container.
pub fn container_id(container: &str) -> String {
    format!("{}/blobServices/default/containers/{container}", storage_id())
}

/// The ARM id of a component's identity.
pub fn identity_id(key: &str) -> String {
    let name =
        facts::catalogue::by_key(key).map(|component| component.identity_name(NAME, INFRA_ID)).unwrap_or_default();
    format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}", group(COMMON_GROUP))
}

/// The ARM id of a federated identity credential of a component, by its place in the catalogue.
pub fn credential_id(key: &str, at: usize) -> String {
    let name = facts::catalogue::by_key(key)
        .map(|component| component.credential_name(NAME, &component.credentials[at]))
        .unwrap_or_default();
    format!("{}/federatedIdentityCredentials/{name}", identity_id(key))
}

/// The client id of a component's identity.
pub fn client_id(key: &str) -> String {
    format!("{:08x}-aaaa-4bbb-8ccc-dddddddddddd", place(key))
}

/// The principal id of a component's identity.
pub fn principal_id(key: &str) -> String {
    format!("{:08x}-eeee-4bbb-8ccc-dddddddddddd", place(key))
}

fn place(key: &str) -> usize {
    COMPONENTS.iter().position(|component| component.key == key).map_or(0, |at| at + 1)
}
