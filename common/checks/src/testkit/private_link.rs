//! The private way to the API server.

use facts::hosted::Condition;
use facts::network::{Frontend, LoadBalancer, Subnet, Vnet};
use facts::private_link::{
    ARecord, AzurePrivateLinkService, LinkConnection, LinkService, OperatorCredentials, OperatorSetup, PRIVATE_ROUTER,
    PrivateEndpoint, PrivateZone, ZoneLink,
};
use facts::{ArmId, Fact, Facts};

use super::{CREATED, SUBSCRIPTION, cluster, condition, nat_subnet_id, subnet_id, vnet_id};

/// The conditions of an AzurePrivateLinkService, in the order in which one follows from another.
pub(crate) const LINK_CONDITIONS: [&str; 5] = [
    "AzureInternalLoadBalancerAvailable",
    "AzurePLSCreated",
    "AzurePrivateEndpointAvailable",
    "AzurePrivateDNSAvailable",
    "AzurePrivateLinkServiceAvailable",
];
/// The address of the private endpoint.
pub(crate) const ENDPOINT_IP: &str = "10.0.0.9";

/// The ARM id of the private link service.
pub(crate) fn link_service_id() -> ArmId {
    network("mgmt", "privateLinkServices/pls-3f2a")
}

/// The ARM id of the private endpoint.
pub(crate) fn endpoint_id() -> ArmId {
    network("prod-prod-x7k2p", "privateEndpoints/private-router-pe")
}

/// The ARM id of a private DNS zone of the cluster.
pub(crate) fn private_zone_id(name: &str) -> ArmId {
    network("prod-prod-x7k2p", &format!("privateDnsZones/{name}"))
}

/// The ARM id of the management cluster's internal load balancer.
pub(crate) fn internal_balancer_id() -> ArmId {
    network("mgmt", "loadBalancers/mgmt-internal")
}

fn network(of: &str, path: &str) -> ArmId {
    ArmId::in_group(SUBSCRIPTION, of, &format!("Microsoft.Network/{path}"))
}

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    if !cluster(facts).has_private_endpoint() {
        return;
    }
    let conditions: Vec<Condition> = LINK_CONDITIONS.map(|kind| condition(kind, "True", "AzureSuccess")).to_vec();
    cluster(facts).conditions.extend(conditions.clone());
    let link = &mut facts.private_link;
    link.operators = Fact::Known(vec![OperatorSetup {
        namespace: "hypershift".into(),
        private_platform: "Azure".into(),
        resource_group: Some("mgmt".into()),
        credentials: Some(OperatorCredentials::Secret { name: Some("hypershift-operator-azure-credentials".into()) }),
        subscription: None,
    }]);
    link.services = Fact::Known(vec![AzurePrivateLinkService {
        name: PRIVATE_ROUTER.into(),
        created_at: CREATED.parse().ok(),
        load_balancer_ip: Some("10.9.0.7".into()),
        base_domain: Some("hcp.example.com".into()),
        additional_subscriptions: Vec::new(),
        internal_load_balancer_id: Some(internal_balancer_id()),
        private_link_service_id: Some(link_service_id()),
        private_endpoint_id: Some(endpoint_id()),
        private_endpoint_ip: Some(ENDPOINT_IP.into()),
        conditions,
    }]);
    let nat = nat_subnet_id();
    let mgmt = network("mgmt", "virtualNetworks/mgmt");
    link.vnets.insert(
        mgmt.key(),
        Fact::Known(Vnet {
            id: mgmt.clone(),
            location: "eastus".into(),
            address_prefixes: vec!["10.9.0.0/16".into()],
            provisioning_state: Some("Succeeded".into()),
            subnets: vec![Subnet {
                id: nat.clone(),
                name: "pls-nat".into(),
                address_prefixes: vec!["10.9.8.0/24".into()],
                provisioning_state: Some("Succeeded".into()),
                nsg_id: None,
                route_table_id: None,
                nat_gateway_id: None,
                default_outbound_access: None,
                delegations: Vec::new(),
                private_link_service_network_policies: Some("Disabled".into()),
                ip_configurations: Fact::Known(1),
            }],
            peerings: Fact::Known(Vec::new()),
        }),
    );
    let frontend = "a3f2";
    link.balancers.insert(
        internal_balancer_id().key(),
        Fact::Known(LoadBalancer {
            id: internal_balancer_id(),
            location: "eastus".into(),
            sku: Some("Standard".into()),
            backend_pools: vec!["mgmt".into()],
            frontends: vec![Frontend {
                name: frontend.into(),
                public_ip_id: None,
                subnet_id: Some(mgmt.child("subnets", "workers")),
                private_ip: Some("10.9.0.7".into()),
            }],
            outbound_rules: Vec::new(),
            members: Fact::Known(Vec::new()),
            balancing_rules: Fact::Known(Vec::new()),
        }),
    );
    link.link_services.insert(
        link_service_id().key(),
        Fact::Known(LinkService {
            id: link_service_id(),
            location: "eastus".into(),
            provisioning_state: Some("Succeeded".into()),
            visibility: vec![SUBSCRIPTION.into()],
            auto_approval: vec![SUBSCRIPTION.into()],
            nat_subnet_ids: vec![nat],
            frontend_ids: vec![internal_balancer_id().child("frontendIPConfigurations", frontend)],
            connections: vec![LinkConnection {
                id: link_service_id().child("privateEndpointConnections", "private-router-pe.1"),
                endpoint_id: Some(endpoint_id()),
                status: Some("Approved".into()),
                description: Some("Auto-approved".into()),
            }],
        }),
    );
    link.endpoints.insert(
        endpoint_id().key(),
        Fact::Known(PrivateEndpoint {
            id: endpoint_id(),
            location: "eastus".into(),
            provisioning_state: Some("Succeeded".into()),
            subnet_id: Some(subnet_id()),
            status: Some("Approved".into()),
            description: Some("Auto-approved".into()),
        }),
    );
    for (name, zone_link, records) in [
        ("prod.hypershift.local", "private-router-vnet-link", ["api", "*.apps"]),
        ("hcp.example.com", "private-router-basedomain-vnet-link", ["api-prod", "oauth-prod"]),
    ] {
        let record = |name: &str| ARecord { name: name.into(), addresses: vec![ENDPOINT_IP.into()] };
        let id = private_zone_id(name);
        let zone = PrivateZone {
            id: id.clone(),
            name: name.into(),
            records: Fact::Known(records.map(record).to_vec()),
            links: Fact::Known(vec![ZoneLink {
                name: zone_link.into(),
                vnet_id: Some(vnet_id()),
                state: Some("Completed".into()),
            }]),
        };
        link.zones.insert(id.key(), Fact::Known(zone));
    }
}

/// The AzurePrivateLinkService of [`super::healthy_private`], to be changed.
pub(crate) fn azpls(facts: &mut Facts) -> &mut AzurePrivateLinkService {
    match &mut facts.private_link.services {
        Fact::Known(services) => &mut services[0],
        other => panic!("no AzurePrivateLinkService: {other:?}"),
    }
}

/// The private link service, to be changed.
pub(crate) fn link_service(facts: &mut Facts) -> &mut LinkService {
    match facts.private_link.link_services.values_mut().next() {
        Some(Fact::Known(service)) => service,
        other => panic!("no private link service: {other:?}"),
    }
}

/// The private endpoint, to be changed.
pub(crate) fn endpoint(facts: &mut Facts) -> &mut PrivateEndpoint {
    match facts.private_link.endpoints.values_mut().next() {
        Some(Fact::Known(endpoint)) => endpoint,
        other => panic!("no private endpoint: {other:?}"),
    }
}

/// Sets a condition of the AzurePrivateLinkService, and the copy of it that the HostedCluster shows.
pub(crate) fn link_condition(facts: &mut Facts, kind: &str, status: &str, reason: &str, message: &str) {
    let changed = Condition { message: message.into(), ..condition(kind, status, reason) };
    let replace = |conditions: &mut Vec<Condition>| {
        conditions.retain(|condition| condition.kind != kind);
        conditions.push(changed.clone());
    };
    replace(&mut azpls(facts).conditions);
    replace(&mut cluster(facts).conditions);
}

/// Removes conditions of the AzurePrivateLinkService, as of one that nobody has looked at.
pub(crate) fn no_link_conditions(facts: &mut Facts, kinds: &[&str]) {
    azpls(facts).conditions.retain(|condition| !kinds.contains(&condition.kind.as_str()));
    cluster(facts).conditions.retain(|condition| !kinds.contains(&condition.kind.as_str()));
}

/// What machines show that run and never become nodes because something keeps their traffic away.
pub(crate) fn never_joined(facts: &mut Facts) {
    if let Fact::Known(machines) = &mut facts.hosted.machines {
        for machine in machines {
            machine.node = None;
            machine.phase = Some("Provisioned".into());
            machine.conditions = vec![condition("Ready", "False", "WaitingForNodeRef")];
        }
    }
    if let Fact::Known(pools) = &mut facts.hosted.node_pools {
        for pool in pools {
            pool.ready_replicas = Some(0);
            for changed in &mut pool.conditions {
                if matches!(changed.kind.as_str(), "ReachedIgnitionEndpoint" | "AllNodesHealthy" | "AllMachinesReady") {
                    changed.status = "False".into();
                }
            }
        }
    }
    for changed in &mut cluster(facts).conditions {
        if matches!(changed.kind.as_str(), "ClusterVersionSucceeding" | "ClusterVersionAvailable") {
            changed.status = "False".into();
        }
    }
}
