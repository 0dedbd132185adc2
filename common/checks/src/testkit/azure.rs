//! The Azure side of the healthy cluster.

use facts::azure::{
    Caller, FederatedCredential, Identity, Login, Permission, ResourceGroup, RoleAssignment, RoleDefinition,
    Subscription,
};
use facts::catalogue::{self, AUDIENCE, COMPONENTS, Required};
use facts::network::{
    Access, BackendMember, BalancingRule, Direction, Frontend, HealthProbe, LoadBalancer, Nsg, NsgRule, OutboundRule,
    PublicIp, Subnet, Vnet,
};
use facts::oidc::{Discovery, Fetch, IssuerStorage, Jwk, Jwks, PublicKey};
use facts::{ArmId, Fact, Facts};

use super::*;

pub(super) fn azure(facts: &mut Facts) {
    facts.azure.login = Fact::Known(Login::SignedIn(Caller {
        via: "--azure-creds azure-creds.json".into(),
        tenant_id: TENANT.into(),
        object_id: Some("99999999-eeee-bbbb-cccc-dddddddddddd".into()),
        app_id: Some("99999999-aaaa-bbbb-cccc-dddddddddddd".into()),
        name: None,
    }));
    facts.azure.subscription = Fact::Known(Subscription {
        id: SUBSCRIPTION.into(),
        name: "hcp-prod".into(),
        state: "Enabled".into(),
        tenant_id: Some(TENANT.into()),
    });
    for namespace in ["Authorization", "Compute", "ManagedIdentity", "Network", "Storage"] {
        facts.azure.providers.insert(format!("Microsoft.{namespace}"), Fact::Known("Registered".into()));
    }
    for name in ["prod-prod-x7k2p", "prod-vnet-prod-x7k2p", "prod-nsg-prod-x7k2p", "dns"] {
        let resource_group =
            ResourceGroup { id: group(name), name: name.into(), location: "eastus".into(), tags: [].into() };
        facts.azure.resource_groups.insert(name.into(), Fact::Known(resource_group));
        facts.azure.role_assignments.insert(group(name).key(), Fact::Known(Vec::new()));
    }
    let own = COMPONENTS.iter().filter(|component| component.required != Required::Kms);
    facts.azure.identities = Fact::Known(own.clone().map(identity_of).collect());
    for component in own {
        assign(facts, component);
    }
}

/// Adds the identity of the KMS provider, and the registration that its vault needs.
pub(super) fn kms_identity(facts: &mut Facts) {
    facts.azure.providers.insert("Microsoft.KeyVault".into(), Fact::Known("Registered".into()));
    if let (Fact::Known(list), Some(kms)) = (&mut facts.azure.identities, catalogue::by_key("kms")) {
        list.push(identity_of(kms));
    }
}

fn identity_of(component: &catalogue::Component) -> Identity {
    let name = component.identity_name("prod", INFRA);
    let path = format!("Microsoft.ManagedIdentity/userAssignedIdentities/{name}");
    let credential = |credential: &catalogue::Credential| FederatedCredential {
        name: component.credential_name("prod", credential),
        issuer: ISSUER.into(),
        subject: credential.subject(),
        audiences: vec![AUDIENCE.into()],
    };
    Identity {
        id: ArmId::in_group(SUBSCRIPTION, "os4-common", &path),
        name,
        location: "eastus".into(),
        client_id: client_id(component.key),
        principal_id: principal_id(component.key),
        tenant_id: TENANT.into(),
        federated: Fact::Known(component.credentials.iter().map(credential).collect()),
    }
}

fn assign(facts: &mut Facts, component: &catalogue::Component) {
    use catalogue::Scope;
    let Some(role) = component.role else { return };
    facts.azure.role_definitions.insert(
        role.guid.into(),
        Fact::Known(RoleDefinition {
            guid: role.guid.into(),
            name: role.name.into(),
            built_in: true,
            permissions: vec![Permission {
                actions: if role.guid == catalogue::CONTRIBUTOR {
                    vec!["*".into()]
                } else {
                    vec![format!("{}/*", role.component)]
                },
                ..Permission::default()
            }],
        }),
    );
    for scope in role.scopes {
        let id = group(match scope {
            Scope::Managed => "prod-prod-x7k2p",
            Scope::NetworkSecurityGroup => "prod-nsg-prod-x7k2p",
            Scope::Vnet => "prod-vnet-prod-x7k2p",
            Scope::Dns => "dns",
        });
        let assignment = RoleAssignment {
            id: ArmId::new(format!(
                "{id}/providers/Microsoft.Authorization/roleAssignments/{}-{scope:?}",
                role.component
            )),
            principal_id: principal_id(component.key),
            principal_type: Some("ServicePrincipal".into()),
            role_definition_id: ArmId::new(format!(
                "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{}",
                role.guid
            )),
            scope: id.to_string(),
            created_on: Some(CREATED.parse().unwrap()),
        };
        match facts.azure.role_assignments.get_mut(&id.key()) {
            Some(Fact::Known(list)) => list.push(assignment),
            _ => panic!("no scope {id}"),
        }
    }
}

/// A rule as ARM's defaults are made: any port, any protocol.
pub(crate) fn rule(name: &str, priority: i32, direction: Direction, access: Access, from: &str, to: &str) -> NsgRule {
    NsgRule {
        name: name.into(),
        priority,
        direction,
        access,
        protocol: "*".into(),
        source_prefixes: vec![from.into()],
        source_ports: vec!["*".into()],
        destination_prefixes: vec![to.into()],
        destination_ports: vec!["*".into()],
        source_asgs: Vec::new(),
        destination_asgs: Vec::new(),
        is_default: priority >= 65000,
    }
}

pub(super) fn network(facts: &mut Facts) {
    use Access::{Allow, Deny};
    use Direction::{Inbound, Outbound};
    let network = &mut facts.azure.network;
    network.vnets.insert(
        vnet_id().key(),
        Fact::Known(Vnet {
            id: vnet_id(),
            location: "eastus".into(),
            address_prefixes: vec!["10.0.0.0/16".into()],
            provisioning_state: Some("Succeeded".into()),
            subnets: vec![Subnet {
                id: subnet_id(),
                name: "default".into(),
                address_prefixes: vec!["10.0.0.0/24".into()],
                provisioning_state: Some("Succeeded".into()),
                nsg_id: Some(nsg_id()),
                route_table_id: None,
                nat_gateway_id: None,
                default_outbound_access: Some(false),
                delegations: Vec::new(),
                private_link_service_network_policies: Some("Enabled".into()),
                ip_configurations: Fact::Known(2),
            }],
            peerings: Fact::Known(Vec::new()),
        }),
    );
    network.nsgs.insert(
        nsg_id().key(),
        Fact::Known(Nsg {
            id: nsg_id(),
            location: "eastus".into(),
            rules: vec![
                rule("k8s-azure-lb_allow_IPv4_a1b2", 500, Inbound, Allow, "Internet", "20.1.2.3"),
                rule("AllowVnetInBound", 65000, Inbound, Allow, "VirtualNetwork", "VirtualNetwork"),
                rule("AllowAzureLoadBalancerInBound", 65001, Inbound, Allow, "AzureLoadBalancer", "*"),
                rule("DenyAllInBound", 65500, Inbound, Deny, "*", "*"),
                rule("AllowVnetOutBound", 65000, Outbound, Allow, "VirtualNetwork", "VirtualNetwork"),
                rule("AllowInternetOutBound", 65001, Outbound, Allow, "*", "Internet"),
                rule("DenyAllOutBound", 65500, Outbound, Deny, "*", "*"),
            ],
        }),
    );
    let balancer = ArmId::in_group(SUBSCRIPTION, "prod-prod-x7k2p", "Microsoft.Network/loadBalancers/prod-x7k2p");
    network.load_balancers.insert(
        balancer.key(),
        Fact::Known(LoadBalancer {
            id: balancer,
            location: "eastus".into(),
            sku: Some("Standard".into()),
            backend_pools: vec![INFRA.into()],
            frontends: vec![Frontend {
                name: INFRA.into(),
                public_ip_id: Some(public_ip_id()),
                subnet_id: None,
                private_ip: None,
            }],
            members: Fact::Known(["prod-a", "prod-b"].map(pool_member).to_vec()),
            balancing_rules: Fact::Known(vec![ingress_rule(80), ingress_rule(443)]),
            outbound_rules: vec![OutboundRule {
                name: INFRA.into(),
                backend_pool: Some(INFRA.into()),
                frontends: vec![INFRA.into()],
                allocated_outbound_ports: Some(1024),
            }],
        }),
    );
    network.public_ips.insert(
        public_ip_id().key(),
        Fact::Known(PublicIp { id: public_ip_id(), ip_address: Some("20.1.2.3".into()), sku: Some("Standard".into()) }),
    );
}

/// The network interface of a machine in the pool of the egress load balancer, named as CAPZ does.
pub(crate) fn pool_member(machine: &str) -> BackendMember {
    let nic =
        ArmId::in_group(SUBSCRIPTION, "prod-prod-x7k2p", &format!("Microsoft.Network/networkInterfaces/{machine}-nic"));
    BackendMember { pool: INFRA.into(), ip_configuration_id: nic.child("ipConfigurations", "pipConfig") }
}

/// A rule of the default ingress, as the cloud provider makes it.
fn ingress_rule(port: u16) -> BalancingRule {
    BalancingRule {
        name: format!("a1b2-TCP-{port}"),
        protocol: "Tcp".into(),
        frontend: Some(INFRA.into()),
        frontend_port: port,
        backend_port: port,
        floating_ip: true,
        probe: Some(HealthProbe { name: format!("a1b2-TCP-{port}"), port: 10256 }),
    }
}

/// A fetch that brought a document.
pub(crate) fn fetched<T>(url: &str, document: T) -> Fetch<T> {
    Fetch {
        addresses: vec!["20.150.1.1".into()],
        status: Some(200),
        content_type: Some("application/json".into()),
        body_bytes: 300,
        duration_ms: 40,
        document: Some(document),
        ..Fetch::of(url)
    }
}

pub(super) fn oidc(facts: &mut Facts) {
    let jwks_uri = format!("{ISSUER}/openid/v1/jwks");
    facts.oidc.discovery = Fact::Known(fetched(
        &format!("{ISSUER}/.well-known/openid-configuration"),
        Discovery {
            issuer: ISSUER.into(),
            jwks_uri: jwks_uri.clone(),
            id_token_signing_alg_values_supported: vec!["RS256".into()],
        },
    ));
    let key = Jwk {
        kid: Some("kid-1".into()),
        kty: "RSA".into(),
        alg: Some("RS256".into()),
        usage: Some("sig".into()),
        n: Some("modulus".into()),
        e: Some("AQAB".into()),
    };
    facts.oidc.jwks = Fact::Known(fetched(&jwks_uri, Jwks { keys: vec![key] }));
    facts.oidc.storage = Fact::Known(IssuerStorage {
        account_id: ArmId::in_group(SUBSCRIPTION, "os4-common", "Microsoft.Storage/storageAccounts/acct"),
        allow_blob_public_access: Some(true),
        public_network_access: Some("Enabled".into()),
        default_action: Some("Allow".into()),
        allow_shared_key_access: Some(true),
        container: "acct".into(),
        container_public_access: Fact::Known("Container".into()),
    });
    facts.oidc.signing_key = Fact::Known(PublicKey {
        kid: "kid-1".into(),
        n: "modulus".into(),
        e: "AQAB".into(),
        bits: 4096,
        source: "Secret clusters/prodsa-token-issuer-key".into(),
    });
}
