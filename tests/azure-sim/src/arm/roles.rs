//! Built-in role definitions.
//!
//! Source: learn.microsoft.com, "Azure built-in roles". The lists are shortened to what a hosted cluster's
//! components use; names and ids are Microsoft's.

use serde_json::{Value, json};

/// One built-in role.
pub(crate) struct Role {
    pub id: &'static str,
    pub name: &'static str,
    pub actions: &'static [&'static str],
    pub not_actions: &'static [&'static str],
    pub data_actions: &'static [&'static str],
}

const fn role(id: &'static str, name: &'static str, actions: &'static [&'static str]) -> Role {
    Role { id, name, actions, not_actions: &[], data_actions: &[] }
}

/// The roles that every tenant has.
pub(crate) static BUILT_IN: &[Role] = &[
    role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", &["*"]),
    Role {
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete",
        ],
        ..role("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", &["*"])
    },
    role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", &["*/read"]),
    role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
    ),
    role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
    ),
    role(
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        &[
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Network/*",
            "Microsoft.ResourceHealth/availabilityStatuses/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ],
    ),
    role(
        "befefa01-2a29-4197-83a8-272ff33ce314",
        "DNS Zone Contributor",
        &[
            "Microsoft.Authorization/*/read",
            "Microsoft.Network/dnsZones/*",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ],
    ),
    role(
        "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
        "Private DNS Zone Contributor",
        &[
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Network/privateDnsZones/*",
            "Microsoft.Network/privateDnsOperationResults/*",
            "Microsoft.Network/privateDnsOperationStatuses/*",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/join/action",
            "Microsoft.Authorization/*/read",
        ],
    ),
    role(
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
        "Managed Identity Contributor",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Support/*",
        ],
    ),
    role(
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
    ),
    role(
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        "Virtual Machine Contributor",
        &[
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/disks/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/publicIPAddresses/join/action",
            "Microsoft.Network/publicIPAddresses/read",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
    ),
    role(
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "Storage Account Contributor",
        &[
            "Microsoft.Storage/storageAccounts/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Authorization/*/read",
        ],
    ),
    Role {
        data_actions: &["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"],
        ..role(
            "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            "Storage Blob Data Contributor",
            &[
                "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
                "Microsoft.Storage/storageAccounts/blobServices/containers/read",
                "Microsoft.Storage/storageAccounts/blobServices/containers/write",
                "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
            ],
        )
    },
    Role {
        data_actions: &[
            "Microsoft.KeyVault/vaults/keys/read",
            "Microsoft.KeyVault/vaults/keys/update/action",
            "Microsoft.KeyVault/vaults/keys/backup/action",
            "Microsoft.KeyVault/vaults/keys/encrypt/action",
            "Microsoft.KeyVault/vaults/keys/decrypt/action",
            "Microsoft.KeyVault/vaults/keys/wrap/action",
            "Microsoft.KeyVault/vaults/keys/unwrap/action",
            "Microsoft.KeyVault/vaults/keys/sign/action",
            "Microsoft.KeyVault/vaults/keys/verify/action",
        ],
        ..role("12338af0-0e69-4776-bea7-57ae8d297424", "Key Vault Crypto User", &[])
    },
    Role {
        data_actions: &[
            "Microsoft.KeyVault/vaults/secrets/getSecret/action",
            "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
        ],
        ..role("4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User", &[])
    },
    role(
        "a1f96423-95ce-4224-ab27-4e3dc72facd4",
        "Azure Red Hat OpenShift Cloud Controller Manager",
        &[
            "Microsoft.Compute/virtualMachines/read",
            "Microsoft.Compute/virtualMachines/write",
            "Microsoft.Network/loadBalancers/*",
            "Microsoft.Network/networkInterfaces/read",
            "Microsoft.Network/networkInterfaces/write",
            "Microsoft.Network/networkSecurityGroups/join/action",
            "Microsoft.Network/networkSecurityGroups/read",
            "Microsoft.Network/networkSecurityGroups/write",
            "Microsoft.Network/publicIPAddresses/*",
            "Microsoft.Network/publicIPPrefixes/join/action",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.Network/virtualNetworks/subnets/read",
        ],
    ),
    role(
        "0336e1d3-7a87-462b-b6db-342b63f7802c",
        "Azure Red Hat OpenShift Cluster Ingress Operator",
        &[
            "Microsoft.Network/dnsZones/A/delete",
            "Microsoft.Network/dnsZones/A/write",
            "Microsoft.Network/privateDnsZones/A/delete",
            "Microsoft.Network/privateDnsZones/A/write",
            "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read",
            "Microsoft.Network/virtualNetworks/subnets/read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
        ],
    ),
    role(
        "0d7aedc0-15fd-4a67-a412-efad370c947e",
        "Azure Red Hat OpenShift File Storage Operator",
        &[
            "Microsoft.Network/networkSecurityGroups/join/action",
            "Microsoft.Network/virtualNetworks/subnets/read",
            "Microsoft.Network/virtualNetworks/subnets/write",
            "Microsoft.Network/privateDnsZones/*",
            "Microsoft.Network/privateEndpoints/*",
            "Microsoft.Storage/storageAccounts/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
    ),
    role(
        "5b7237c5-45e1-49d6-bc18-a1f62f400748",
        "Azure Red Hat OpenShift Disk Storage Operator",
        &[
            "Microsoft.Compute/virtualMachines/write",
            "Microsoft.Compute/virtualMachines/read",
            "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write",
            "Microsoft.Compute/disks/*",
            "Microsoft.Compute/snapshots/*",
            "Microsoft.Compute/diskEncryptionSets/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
    ),
    role(
        "be7a6435-15ae-4171-8f30-4a343eff9e8f",
        "Azure Red Hat OpenShift Network Operator",
        &[
            "Microsoft.Network/networkInterfaces/read",
            "Microsoft.Network/networkInterfaces/write",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
            "Microsoft.Compute/virtualMachines/read",
        ],
    ),
    role(
        "8b32b316-c2f5-4ddf-b05b-83dacd2d08b5",
        "Azure Red Hat OpenShift Image Registry Operator",
        &[
            "Microsoft.Storage/storageAccounts/blobServices/read",
            "Microsoft.Storage/storageAccounts/blobServices/containers/*",
            "Microsoft.Storage/storageAccounts/*",
            "Microsoft.Network/privateEndpoints/*",
            "Microsoft.Network/privateDnsZones/*",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.Resources/tags/write",
        ],
    ),
    role(
        "88366f10-ed47-4cc0-9fab-c8a06148393e",
        "Azure Red Hat OpenShift Hosted Control Planes Cluster API Provider",
        &[
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/disks/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/loadBalancers/read",
            "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
            "Microsoft.Network/networkSecurityGroups/join/action",
        ],
    ),
    role(
        "fc0c873f-45e9-4d0d-a7d1-585aab30c6ed",
        "Azure Red Hat OpenShift Hosted Control Planes Control Plane Operator",
        &[
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.Network/networkSecurityGroups/read",
            "Microsoft.Network/networkSecurityGroups/join/action",
            "Microsoft.Network/privateEndpoints/*",
            "Microsoft.Network/privateDnsZones/*",
        ],
    ),
    role(
        "c0ff367d-66d8-445e-917c-583feb0ef0d4",
        "Azure Red Hat OpenShift Hosted Control Planes Service Managed Identity",
        &[
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/*",
            "Microsoft.Network/networkSecurityGroups/*",
            "Microsoft.Network/natGateways/join/action",
            "Microsoft.Network/routeTables/*",
        ],
    ),
    role(
        "ef318e2a-8334-4a05-9e4a-295a196c6a6e",
        "Azure Red Hat OpenShift Federated Credential",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/*",
            "Microsoft.ManagedIdentity/userAssignedIdentities/read",
        ],
    ),
    role(
        "0358943c-7e01-48ba-8889-02cc51d78637",
        "Azure Red Hat OpenShift Machine API Operator",
        &[
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/disks/*",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/loadBalancers/*",
            "Microsoft.Network/virtualNetworks/subnets/*",
        ],
    ),
];

impl Role {
    /// The definition's body as seen from a subscription (empty: from the tenant).
    pub fn body(&self, subscription: &str) -> Value {
        let scope = if subscription.is_empty() { String::new() } else { format!("/subscriptions/{subscription}") };
        json!({
            "properties": {
                "roleName": self.name,
                "type": "BuiltInRole",
                "description": self.name,
                "assignableScopes": ["/"],
                "permissions": [{
                    "actions": self.actions,
                    "notActions": self.not_actions,
                    "dataActions": self.data_actions,
                    "notDataActions": [],
                }],
                "createdOn": crate::seed::EPOCH,
                "updatedOn": crate::seed::EPOCH,
                "createdBy": null,
                "updatedBy": null,
            },
            "id": format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{}", self.id),
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": self.id,
        })
    }
}
