//! The table of resource types: versions, parents, names, and how they are written.

use serde_json::Value;

use super::{compute, dns, identity, names::Rule, network, storage, versions::*};
use crate::state::State;

/// Where a resource of this type lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    /// A region must be given.
    Regional,
    /// `global` must be given.
    Global,
    /// None is given: a child, which is where its parent is.
    Inherited,
}

/// How a write of this type is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// At once.
    Sync,
    /// 201 or 200 with the body and `Azure-AsyncOperation`; deletes 202.
    Network,
    /// 202 with `Location` and no body; deletes are synchronous.
    Storage,
    /// 202 with both headers and no body.
    PrivateDns,
    /// Cannot be written through ARM here.
    ReadOnly,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Kind {
    pub namespace: &'static str,
    /// Types joined by slashes, in ARM's casing.
    pub path: &'static str,
    pub versions: &'static [&'static str],
    pub location: Location,
    pub name: Rule,
    pub writes: Writes,
    /// The member of the parent's properties that holds children of this type.
    pub inline: Option<&'static str>,
    /// Members of `properties` that the provider knows; empty where it accepts any.
    pub members: &'static [&'static str],
}

/// A row's defaults, to keep the table readable.
const fn kind(namespace: &'static str, path: &'static str, versions: &'static [&'static str]) -> Kind {
    Kind {
        namespace,
        path,
        versions,
        location: Location::Regional,
        name: Rule::Network,
        writes: Writes::Network,
        inline: None,
        members: &[],
    }
}

const fn child(path: &'static str, inline: &'static str, members: &'static [&'static str]) -> Kind {
    Kind { location: Location::Inherited, inline: Some(inline), members, ..kind(NET, path, NETWORK) }
}

const NET: &str = "Microsoft.Network";

/// All types that are resources.
pub(crate) static KINDS: &[Kind] = &[
    Kind {
        name: Rule::Identity,
        writes: Writes::Sync,
        members: &["isolationScope"],
        ..kind("Microsoft.ManagedIdentity", "userAssignedIdentities", IDENTITY)
    },
    Kind {
        name: Rule::Federation,
        writes: Writes::Sync,
        location: Location::Inherited,
        members: &["issuer", "subject", "audiences"],
        ..kind("Microsoft.ManagedIdentity", "userAssignedIdentities/federatedIdentityCredentials", FEDERATION)
    },
    Kind { members: &["securityRules", "flushConnection"], ..kind(NET, "networkSecurityGroups", NETWORK) },
    child("networkSecurityGroups/securityRules", "securityRules", network::RULE_MEMBERS),
    Kind {
        writes: Writes::ReadOnly,
        ..child("networkSecurityGroups/defaultSecurityRules", "defaultSecurityRules", &[])
    },
    Kind {
        members: &[
            "addressSpace",
            "dhcpOptions",
            "flowTimeoutInMinutes",
            "subnets",
            "virtualNetworkPeerings",
            "enableDdosProtection",
            "enableVmProtection",
            "ddosProtectionPlan",
            "bgpCommunities",
            "encryption",
            "ipAllocations",
            "privateEndpointVNetPolicies",
            "defaultPublicNatGateway",
        ],
        ..kind(NET, "virtualNetworks", NETWORK)
    },
    child("virtualNetworks/subnets", "subnets", network::SUBNET_MEMBERS),
    child("virtualNetworks/virtualNetworkPeerings", "virtualNetworkPeerings", &[]),
    Kind {
        members: &[
            "publicIPAllocationMethod",
            "publicIPAddressVersion",
            "dnsSettings",
            "ddosSettings",
            "ipTags",
            "ipAddress",
            "publicIPPrefix",
            "idleTimeoutInMinutes",
            "servicePublicIPAddress",
            "natGateway",
            "migrationPhase",
            "linkedPublicIPAddress",
            "deleteOption",
        ],
        ..kind(NET, "publicIPAddresses", NETWORK)
    },
    Kind {
        members: &[
            "frontendIPConfigurations",
            "backendAddressPools",
            "loadBalancingRules",
            "probes",
            "inboundNatRules",
            "inboundNatPools",
            "outboundRules",
            "scope",
        ],
        ..kind(NET, "loadBalancers", NETWORK)
    },
    Kind {
        writes: Writes::ReadOnly,
        ..child("loadBalancers/frontendIPConfigurations", "frontendIPConfigurations", &[])
    },
    child("loadBalancers/backendAddressPools", "backendAddressPools", &[]),
    Kind { writes: Writes::ReadOnly, ..child("loadBalancers/loadBalancingRules", "loadBalancingRules", &[]) },
    Kind { writes: Writes::ReadOnly, ..child("loadBalancers/probes", "probes", &[]) },
    Kind { writes: Writes::ReadOnly, ..child("loadBalancers/outboundRules", "outboundRules", &[]) },
    kind(NET, "natGateways", NETWORK),
    kind(NET, "routeTables", NETWORK),
    child("routeTables/routes", "routes", &["addressPrefix", "nextHopType", "nextHopIpAddress", "hasBgpOverride"]),
    kind(NET, "networkInterfaces", NETWORK),
    kind(NET, "privateLinkServices", NETWORK),
    Kind {
        writes: Writes::Sync,
        ..child("privateLinkServices/privateEndpointConnections", "privateEndpointConnections", &[])
    },
    kind(NET, "privateEndpoints", NETWORK),
    kind(NET, "applicationSecurityGroups", NETWORK),
    kind(NET, "publicIPPrefixes", NETWORK),
    Kind { name: Rule::Zone, location: Location::Global, writes: Writes::Sync, ..kind(NET, "dnszones", DNS) },
    Kind {
        name: Rule::Zone,
        location: Location::Global,
        writes: Writes::PrivateDns,
        ..kind(NET, "privateDnsZones", PRIVATE_DNS)
    },
    Kind {
        location: Location::Global,
        writes: Writes::PrivateDns,
        members: &["virtualNetwork", "registrationEnabled", "resolutionPolicy"],
        ..kind(NET, "privateDnsZones/virtualNetworkLinks", PRIVATE_DNS)
    },
    Kind { name: Rule::Account, writes: Writes::Storage, ..kind("Microsoft.Storage", "storageAccounts", STORAGE) },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/blobServices", STORAGE)
    },
    Kind {
        name: Rule::Container,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/blobServices/containers", STORAGE)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/fileServices", STORAGE)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/fileServices/shares", STORAGE)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/queueServices", STORAGE)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/queueServices/queues", STORAGE)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/tableServices", STORAGE)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.Storage", "storageAccounts/tableServices/tables", STORAGE)
    },
    Kind { name: Rule::Machine, ..kind("Microsoft.Compute", "virtualMachines", COMPUTE) },
    Kind { name: Rule::Any, ..kind("Microsoft.Compute", "disks", DISKS) },
    Kind { name: Rule::Any, ..kind("Microsoft.Compute", "diskEncryptionSets", DISKS) },
    Kind { name: Rule::Any, ..kind("Microsoft.Compute", "images", COMPUTE) },
    Kind { name: Rule::Vault, writes: Writes::Sync, ..kind("Microsoft.KeyVault", "vaults", VAULTS) },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.KeyVault", "vaults/keys", VAULTS)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::ReadOnly,
        ..kind("Microsoft.KeyVault", "vaults/keys/versions", VAULTS)
    },
    Kind {
        name: Rule::Any,
        location: Location::Inherited,
        writes: Writes::Sync,
        ..kind("Microsoft.KeyVault", "vaults/secrets", VAULTS)
    },
];

const fn record(path: &'static str, versions: &'static [&'static str]) -> Kind {
    Kind { name: Rule::Record, location: Location::Inherited, writes: Writes::Sync, ..kind(NET, path, versions) }
}

static RECORDS: &[Kind] = &[
    record("dnszones/A", DNS),
    record("dnszones/AAAA", DNS),
    record("dnszones/CAA", DNS),
    record("dnszones/CNAME", DNS),
    record("dnszones/MX", DNS),
    record("dnszones/NS", DNS),
    record("dnszones/PTR", DNS),
    record("dnszones/SOA", DNS),
    record("dnszones/SRV", DNS),
    record("dnszones/TXT", DNS),
    record("privateDnsZones/A", PRIVATE_DNS),
    record("privateDnsZones/AAAA", PRIVATE_DNS),
    record("privateDnsZones/CNAME", PRIVATE_DNS),
    record("privateDnsZones/MX", PRIVATE_DNS),
    record("privateDnsZones/PTR", PRIVATE_DNS),
    record("privateDnsZones/SOA", PRIVATE_DNS),
    record("privateDnsZones/SRV", PRIVATE_DNS),
    record("privateDnsZones/TXT", PRIVATE_DNS),
];

impl Kind {
    /// Namespace and path joined, as in `type`.
    pub fn full(&self) -> String {
        format!("{}/{}", self.namespace, self.path)
    }

    /// The row of the parent type, if this is a child.
    pub fn parent(&self) -> Option<&'static Kind> {
        let (parent, _) = self.path.rsplit_once('/')?;
        find(self.namespace, parent)
    }

    /// The last type of the path.
    pub fn leaf(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Whether this is a DNS record set type, public or private.
    pub fn is_record(&self) -> bool {
        self.name == Rule::Record
    }
}

/// The row of a type, whatever the case of its words.
pub(crate) fn find(namespace: &str, path: &str) -> Option<&'static Kind> {
    KINDS
        .iter()
        .chain(RECORDS)
        .find(|kind| kind.namespace.eq_ignore_ascii_case(namespace) && kind.path.eq_ignore_ascii_case(path))
}

/// Whether any type belongs to this namespace.
pub(crate) fn namespace(namespace: &str) -> Option<&'static str> {
    NAMESPACES.iter().copied().find(|known| known.eq_ignore_ascii_case(namespace))
}

/// Resource providers that exist.
pub(crate) const NAMESPACES: &[&str] = &[
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.Features",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.MarketplaceOrdering",
    "Microsoft.Network",
    "Microsoft.PolicyInsights",
    "Microsoft.ResourceGraph",
    "Microsoft.Resources",
    "Microsoft.Storage",
];

/// The type of a resource id.
pub(crate) fn of_id(id: &str) -> Option<&'static Kind> {
    let at = id.to_lowercase().rfind("/providers/")?;
    let mut parts = id[at + "/providers/".len()..].split('/');
    let namespace = parts.next()?;
    let types: Vec<&str> = parts.step_by(2).collect();
    find(namespace, &types.join("/"))
}

/// Fills in what ARM and the provider add to a body.
pub(crate) fn complete(state: &State, resource: &mut Value) {
    let Some(id) = resource["id"].as_str().map(str::to_owned) else {
        return;
    };
    let name = id.rsplit('/').next().unwrap_or_default().to_owned();
    if resource["name"].is_null() {
        resource["name"] = Value::String(name);
    }
    if id.split('/').count() == 5 && id.to_lowercase().contains("/resourcegroups/") {
        if resource["type"].is_null() {
            resource["type"] = Value::String("Microsoft.Resources/resourceGroups".to_owned());
        }
        crate::state::fill(resource, &serde_json::json!({"properties": {"provisioningState": "Succeeded"}}));
        return;
    }
    let Some(kind) = of_id(&id) else { return };
    if resource["type"].is_null() {
        resource["type"] = Value::String(kind.full());
    }
    match kind.namespace {
        "Microsoft.ManagedIdentity" => identity::complete(state, kind, resource),
        "Microsoft.Storage" => storage::complete(state, kind, resource),
        "Microsoft.Compute" | "Microsoft.KeyVault" => compute::complete(state, kind, resource),
        _ if kind.path.to_lowercase().contains("dnszones") => dns::complete(kind, resource),
        _ => network::complete(kind, resource),
    }
}
