//! The private way to the API server: private link service, endpoint, zones.
//!
//! The HyperShift operator puts a private link service before the internal load balancer of the control plane; the control
//! plane operator makes a private endpoint in the guest's subnet, and private DNS zones that lead to it.
//!
//! Source: openshift/hypershift hypershift-operator/controllers/platform/azure/controller.go and
//! control-plane-operator/controllers/azureprivatelinkservice/controller.go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hosted::{Condition, HostedCluster};
use crate::network::{LoadBalancer, Vnet};
use crate::{ArmId, Fact};

/// The AzurePrivateLinkService that stands for the API server and the router; others stand for single services.
pub const PRIVATE_ROUTER: &str = "private-router";

/// The private way to the API server. Maps are keyed by ARM id in lower case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrivateLink {
    /// AzurePrivateLinkServices of the control plane namespace, sorted by name. Absent while the cluster is only planned.
    pub services: Fact<Vec<AzurePrivateLinkService>>,
    /// How each HyperShift operator is set up for private clusters; absent when there is no operator.
    pub operators: Fact<Vec<OperatorSetup>>,
    /// Private link services in front of the control plane.
    pub link_services: BTreeMap<String, Fact<LinkService>>,
    /// Private endpoints in the guest's subnet.
    pub endpoints: BTreeMap<String, Fact<PrivateEndpoint>>,
    /// Internal load balancers that the private link services front.
    pub balancers: BTreeMap<String, Fact<LoadBalancer>>,
    /// The VNets of NAT subnets.
    pub vnets: BTreeMap<String, Fact<Vnet>>,
    /// The private DNS zones that lead to the endpoints.
    pub zones: BTreeMap<String, Fact<PrivateZone>>,
}

/// An AzurePrivateLinkService.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzurePrivateLinkService {
    /// Name: `private-router`, or that of a single service.
    pub name: String,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// `spec.loadBalancerIP`.
    pub load_balancer_ip: Option<String>,
    /// `spec.baseDomain`.
    pub base_domain: Option<String>,
    /// `spec.additionalAllowedSubscriptions`.
    #[serde(default)]
    pub additional_subscriptions: Vec<String>,
    /// `status.internalLoadBalancerID`.
    pub internal_load_balancer_id: Option<ArmId>,
    /// `status.privateLinkServiceID`.
    pub private_link_service_id: Option<ArmId>,
    /// `status.privateEndpointID`.
    pub private_endpoint_id: Option<ArmId>,
    /// `status.privateEndpointIP`.
    pub private_endpoint_ip: Option<String>,
    /// `status.conditions`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl AzurePrivateLinkService {
    /// The condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// The private endpoint: the one in its status, else the one that the control plane operator is going to make.
    pub fn endpoint(&self, cluster: &HostedCluster) -> ArmId {
        let made = || own(cluster, &format!("privateEndpoints/{}-pe", self.name));
        self.private_endpoint_id.clone().unwrap_or_else(made)
    }

    /// The private DNS zones that this object is responsible for; `all` are those of the cluster.
    pub fn zones(&self, cluster: &HostedCluster, all: &[Self]) -> Vec<WantedZone> {
        let main = self.name == PRIVATE_ROUTER;
        let zone = |name: String, link: &str, records: Vec<String>| WantedZone {
            id: own(cluster, &format!("privateDnsZones/{name}")),
            link: format!("{}-{link}", self.name),
            name,
            records,
        };
        let mut zones = Vec::new();
        if main {
            let name = format!("{}.hypershift.local", cluster.name);
            zones.push(zone(name, "vnet-link", vec!["api".into(), "*.apps".into()]));
        }
        if let Some(domain) = &self.base_domain {
            let sibling = all.iter().any(|other| other.name != self.name && other.base_domain == self.base_domain);
            let api = main.then(|| format!("api-{}", cluster.name));
            let oauth = (!main || !sibling).then(|| format!("oauth-{}", cluster.name));
            let records = api.into_iter().chain(oauth).collect();
            zones.push(zone(domain.clone(), "basedomain-vnet-link", records));
        }
        zones
    }
}

/// A private DNS zone that the control plane operator keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedZone {
    /// Its ARM id.
    pub id: ArmId,
    /// Its name.
    pub name: String,
    /// The name of its link to the guest's VNet.
    pub link: String,
    /// The A records that lead to the private endpoint.
    pub records: Vec<String>,
}

/// A network resource in the resource group of the cluster.
fn own(cluster: &HostedCluster, path: &str) -> ArmId {
    let azure = &cluster.azure;
    ArmId::in_group(&azure.subscription_id, &azure.resource_group, &format!("Microsoft.Network/{path}"))
}

/// What a HyperShift operator's Deployment says about private clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorSetup {
    /// Its namespace.
    pub namespace: String,
    /// `--private-platform`; `None` when the argument is missing.
    pub private_platform: String,
    /// `AZURE_RESOURCE_GROUP` of its environment: where it makes private link services.
    pub resource_group: Option<String>,
    /// Where its Azure credentials come from.
    pub credentials: Option<OperatorCredentials>,
    /// `AZURE_SUBSCRIPTION_ID` of its environment; a credentials file holds its own.
    pub subscription: Option<String>,
}

/// The credentials with which an operator makes private link services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum OperatorCredentials {
    /// A file of a Secret.
    #[serde(rename_all = "camelCase")]
    Secret {
        /// The Secret that is mounted where the file should be; none when nothing is mounted there.
        name: Option<String>,
    },
    /// Workload identity.
    #[serde(rename_all = "camelCase")]
    WorkloadIdentity {
        /// The client id.
        client_id: String,
    },
}

/// A private link service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkService {
    /// Its ARM id.
    pub id: ArmId,
    /// Its region.
    pub location: String,
    /// `Succeeded` when usable.
    pub provisioning_state: Option<String>,
    /// The subscriptions that see it; `*` is everybody.
    pub visibility: Vec<String>,
    /// The subscriptions whose endpoints it takes at once; `*` is everybody.
    pub auto_approval: Vec<String>,
    /// The subnets that its NAT addresses come from.
    pub nat_subnet_ids: Vec<ArmId>,
    /// The frontends that it stands for.
    pub frontend_ids: Vec<ArmId>,
    /// The endpoints that ask for it or use it.
    pub connections: Vec<LinkConnection>,
}

/// A private endpoint at a private link service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkConnection {
    /// Its ARM id below the private link service.
    pub id: ArmId,
    /// The private endpoint.
    pub endpoint_id: Option<ArmId>,
    /// `Approved`, `Pending`, `Rejected` or `Disconnected`.
    pub status: Option<String>,
    /// What was said about it.
    pub description: Option<String>,
}

/// A private endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateEndpoint {
    /// Its ARM id.
    pub id: ArmId,
    /// Its region.
    pub location: String,
    /// `Succeeded` when usable.
    pub provisioning_state: Option<String>,
    /// The subnet that its address comes from.
    pub subnet_id: Option<ArmId>,
    /// `Approved`, `Pending`, `Rejected` or `Disconnected`, of its first connection.
    pub status: Option<String>,
    /// What was said about it.
    pub description: Option<String>,
}

/// A private DNS zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateZone {
    /// Its ARM id.
    pub id: ArmId,
    /// Its name.
    pub name: String,
    /// Its A records.
    pub records: Fact<Vec<ARecord>>,
    /// Its links to VNets.
    pub links: Fact<Vec<ZoneLink>>,
}

/// An A record set of a private zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ARecord {
    /// Its name in the zone, as `*.apps`.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<String>,
}

/// A link of a private zone to a VNet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneLink {
    /// Its name.
    pub name: String,
    /// The VNet in which the zone's names resolve.
    pub vnet_id: Option<ArmId>,
    /// `Completed` when in force, else `InProgress`.
    pub state: Option<String>,
}
