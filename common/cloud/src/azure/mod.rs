//! Collecting facts from Azure Resource Manager.
//!
//! Everything that does not depend on another answer is asked at once; the longest chain is four requests (sign-in,
//! VNet, NAT gateway, public IP). Nothing fails as a whole: a refused read leaves a gap where its answer would stand.

pub(crate) mod convert;
mod gap;

use std::collections::{BTreeMap, BTreeSet};

use arm::Arm;
use facts::azure::{Azure, Identity, RoleAssignment, RoleDefinition};
use facts::catalogue::{COMPONENTS, Scope};
use facts::hosted::{HostedCluster, NodePool};
use facts::network::{LoadBalancer, NatGateway, Network, PublicIp, Subnet, Vnet};
use facts::oidc::IssuerStorage;
use facts::{ArmId, Fact, Gap, GapKind, Need};
use futures::future::join_all;

pub(crate) use convert::{permission, role_assignment};
pub use gap::gap_of;

/// Resource providers that every hosted cluster uses.
const PROVIDERS: [&str; 5] = [
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.Storage",
];
/// The resource provider of etcd encryption keys.
const KEY_VAULT: &str = "Microsoft.KeyVault";

/// What is asked of Azure: the facts of one hosted cluster.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The HostedCluster.
    pub cluster: &'a HostedCluster,
    /// Its NodePools, as far as they are known: they may use other subnets.
    pub node_pools: &'a [NodePool],
    /// The facts that are wanted.
    pub needs: &'a BTreeSet<Need>,
}

/// Asks Azure. The sign-in is not part of it.
pub async fn collect(arm: &Arm, question: Question<'_>) -> (Azure, Fact<IssuerStorage>) {
    let Question { cluster, needs, .. } = question;
    let wants = |need: Need| needs.contains(&need);
    let subscription = &cluster.azure.subscription_id;
    let (subscription_fact, providers, resource_groups, (identities, roles), network, storage) = futures::join!(
        when(wants(Need::Subscription), async {
            convert::fact(arm.subscription(subscription).await, convert::subscription)
        }),
        map_when(wants(Need::Providers), providers(arm, cluster)),
        map_when(wants(Need::ResourceGroups), resource_groups(arm, cluster)),
        identities_and_roles(arm, question),
        async { if wants(Need::Network) { network(arm, question).await } else { Network::default() } },
        when(wants(Need::IssuerStorage), issuer_storage(arm, cluster)),
    );
    let (role_assignments, role_definitions) = roles;
    let azure = Azure {
        login: Fact::default(),
        subscription: subscription_fact,
        providers,
        resource_groups,
        identities,
        role_assignments,
        role_definitions,
        network,
        ..Azure::default()
    };
    (azure, storage)
}

/// Azure's part of the facts when there is no session: every need says why.
pub fn unasked(gap: &Gap) -> (Azure, Fact<IssuerStorage>) {
    let azure = Azure {
        subscription: Fact::Unreadable(gap.clone()),
        identities: Fact::Unreadable(gap.clone()),
        ..Azure::default()
    };
    (azure, Fact::Unreadable(gap.clone()))
}

async fn when<T>(wanted: bool, fact: impl Future<Output = Fact<T>>) -> Fact<T> {
    if wanted { fact.await } else { Fact::default() }
}

async fn map_when<T>(wanted: bool, map: impl Future<Output = BTreeMap<String, T>>) -> BTreeMap<String, T> {
    if wanted { map.await } else { BTreeMap::new() }
}

async fn providers(arm: &Arm, cluster: &HostedCluster) -> BTreeMap<String, Fact<String>> {
    let wanted = PROVIDERS.into_iter().chain(cluster.kms.is_some().then_some(KEY_VAULT));
    join_all(wanted.map(async |namespace| {
        let answer = arm.provider(&cluster.azure.subscription_id, namespace).await;
        (namespace.to_owned(), convert::fact(answer, |provider| provider.registration_state))
    }))
    .await
    .into_iter()
    .collect()
}

async fn resource_groups(arm: &Arm, cluster: &HostedCluster) -> BTreeMap<String, Fact<facts::azure::ResourceGroup>> {
    join_all(scopes(cluster).iter().filter_map(|scope| {
        let (subscription, name) = (scope.subscription()?, scope.resource_group()?);
        Some(async move {
            let answer = arm.resource_group(subscription, name).await;
            (name.to_ascii_lowercase(), convert::fact(answer, convert::resource_group))
        })
    }))
    .await
    .into_iter()
    .collect()
}

/// The resource groups at which roles are assigned, each once.
pub(crate) fn scopes(cluster: &HostedCluster) -> BTreeSet<ArmId> {
    [Scope::Managed, Scope::NetworkSecurityGroup, Scope::Vnet, Scope::Dns]
        .into_iter()
        .filter_map(|scope| cluster.scope(scope))
        .collect()
}

type Roles = (BTreeMap<String, Fact<Vec<RoleAssignment>>>, BTreeMap<String, Fact<RoleDefinition>>);

async fn identities_and_roles(arm: &Arm, question: Question<'_>) -> (Fact<Vec<Identity>>, Roles) {
    let wants = |need: Need| question.needs.contains(&need);
    let (identities, assignments) = futures::join!(
        when(wants(Need::Identities) || wants(Need::Roles), identities(arm, question)),
        map_when(wants(Need::Roles), role_assignments(arm, question.cluster)),
    );
    let definitions = role_definitions(arm, question.cluster, &identities, &assignments).await;
    (identities, (assignments, definitions))
}

async fn identities(arm: &Arm, question: Question<'_>) -> Fact<Vec<Identity>> {
    let cluster = question.cluster;
    let all = match arm.identities(&cluster.azure.subscription_id).await {
        Ok(all) => all,
        Err(error) => return Fact::Unreadable(gap_of(&error)),
    };
    let ids: BTreeSet<String> =
        cluster.workload_identities().unwrap_or_default().values().map(|id| id.to_ascii_lowercase()).collect();
    let prefix = format!("{}-", cluster.name);
    let own = |identity: &&arm::model::Identity| {
        // A HostedCluster that names a principal id or a name by mistake is recognised by it.
        [identity.client_id.as_ref(), identity.principal_id.as_ref(), Some(&identity.name)]
            .into_iter()
            .flatten()
            .any(|id| ids.contains(&id.to_ascii_lowercase()))
            || (identity.name.starts_with(&prefix) && identity.name.ends_with(&cluster.infra_id))
    };
    let mut identities: Vec<Identity> = all.iter().filter(own).cloned().map(convert::identity).collect();
    identities.sort_by(|a, b| a.id.cmp(&b.id));
    if question.needs.contains(&Need::FederatedCredentials) {
        let credentials = join_all(identities.iter().map(async |identity| {
            let Some(id) = convert::arm_id(&identity.id) else {
                return Fact::Absent;
            };
            convert::fact(arm.federated_credentials(&id).await, |list| {
                list.into_iter().map(convert::federated).collect()
            })
        }))
        .await;
        for (identity, federated) in identities.iter_mut().zip(credentials) {
            identity.federated = federated;
        }
    }
    Fact::Known(identities)
}

async fn role_assignments(arm: &Arm, cluster: &HostedCluster) -> BTreeMap<String, Fact<Vec<RoleAssignment>>> {
    join_all(scopes(cluster).iter().filter_map(|scope| {
        let id = convert::arm_id(scope)?;
        Some(async move {
            let answer = arm.role_assignments(&id, Some("atScope()")).await;
            (scope.key(), convert::fact(answer, |list| list.into_iter().map(convert::role_assignment).collect()))
        })
    }))
    .await
    .into_iter()
    .collect()
}

/// Definitions of roles are only asked for where a component lacks its own role and holds others that might cover it.
async fn role_definitions(
    arm: &Arm,
    cluster: &HostedCluster,
    identities: &Fact<Vec<Identity>>,
    assignments: &BTreeMap<String, Fact<Vec<RoleAssignment>>>,
) -> BTreeMap<String, Fact<RoleDefinition>> {
    let (Some(identities), Some(client_ids)) = (identities.get(), cluster.workload_identities()) else {
        return BTreeMap::new();
    };
    let mut wanted = BTreeSet::new();
    for component in &COMPONENTS {
        let (Some(role), Some(client_id)) = (component.role, client_ids.get(component.key)) else {
            continue;
        };
        let Some(identity) = identities.iter().find(|identity| identity.client_id.eq_ignore_ascii_case(client_id))
        else {
            continue;
        };
        for scope in role.scopes.iter().filter_map(|scope| cluster.scope(*scope)) {
            let Some(held) = assignments.get(&scope.key()).and_then(Fact::get) else {
                continue;
            };
            let own: Vec<String> = held
                .iter()
                .filter(|assignment| assignment.principal_id.eq_ignore_ascii_case(&identity.principal_id))
                .map(RoleAssignment::role_guid)
                .collect();
            if !own.is_empty() && !own.iter().any(|guid| guid == role.guid) {
                wanted.insert(role.guid.to_owned());
                wanted.extend(own);
            }
        }
    }
    let subscription = &cluster.azure.subscription_id;
    join_all(wanted.into_iter().filter_map(|guid| {
        let id = ArmId::new(format!(
            "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
        ));
        let id = convert::arm_id(&id)?;
        Some(async move {
            let answer = arm.role_definition(&id).await;
            (guid, convert::fact(answer, convert::role_definition))
        })
    }))
    .await
    .into_iter()
    .collect()
}

async fn network(arm: &Arm, question: Question<'_>) -> Network {
    let cluster = question.cluster;
    let subnet_ids: BTreeSet<ArmId> = std::iter::once(&cluster.azure.subnet_id)
        .chain(question.node_pools.iter().filter_map(|pool| pool.subnet_id.as_ref()))
        .cloned()
        .collect();
    let vnet_ids: BTreeSet<ArmId> =
        std::iter::once(cluster.azure.vnet_id.clone()).chain(subnet_ids.iter().filter_map(ArmId::parent)).collect();
    // The HostedCluster's own group is asked for at once; others only show up in the subnets.
    let own_nsg = [cluster.azure.security_group_id.clone()];
    let (vnets, mut nsgs, (load_balancers, balancer_ips)) = futures::join!(
        by_id(&vnet_ids, async |id| convert::fact(arm.vnet(&id).await, convert::vnet)),
        by_id(&own_nsg, async |id| convert::fact(arm.nsg(&id).await, convert::nsg)),
        load_balancers(arm, cluster),
    );
    let used = used_subnets(&vnets, &subnet_ids);
    let pick = |of: fn(&Subnet) -> Option<&ArmId>| -> BTreeSet<ArmId> {
        used.iter().filter_map(|subnet| of(subnet)).cloned().collect()
    };
    let mut other_nsgs = pick(|subnet| subnet.nsg_id.as_ref());
    other_nsgs.remove(&own_nsg[0]);
    let table_ids = pick(|subnet| subnet.route_table_id.as_ref());
    let gateway_ids = pick(|subnet| subnet.nat_gateway_id.as_ref());
    let (more_nsgs, route_tables, (nat_gateways, gateway_ips)) = futures::join!(
        by_id(&other_nsgs, async |id| convert::fact(arm.nsg(&id).await, convert::nsg)),
        by_id(&table_ids, async |id| convert::fact(arm.route_table(&id).await, convert::route_table)),
        nat_gateways(arm, gateway_ids),
    );
    nsgs.extend(more_nsgs);
    let public_ips = balancer_ips.into_iter().chain(gateway_ips).collect();
    Network { vnets, nsgs, route_tables, nat_gateways, load_balancers, public_ips }
}

fn used_subnets<'a>(vnets: &'a BTreeMap<String, Fact<Vnet>>, ids: &BTreeSet<ArmId>) -> Vec<&'a Subnet> {
    vnets
        .values()
        .filter_map(Fact::get)
        .flat_map(|vnet| &vnet.subnets)
        .filter(|subnet| ids.contains(&subnet.id))
        .collect()
}

type WithIps<T> = (BTreeMap<String, Fact<T>>, BTreeMap<String, Fact<PublicIp>>);

async fn load_balancers(arm: &Arm, cluster: &HostedCluster) -> WithIps<LoadBalancer> {
    let balancers = by_id(&[cluster.egress_load_balancer()], async |id| {
        convert::fact(arm.load_balancer(&id).await, convert::load_balancer)
    })
    .await;
    let ids: BTreeSet<ArmId> = balancers
        .values()
        .filter_map(Fact::get)
        .flat_map(|balancer| balancer.frontends.iter().filter_map(|frontend| frontend.public_ip_id.clone()))
        .collect();
    let ips = public_ips(arm, ids).await;
    (balancers, ips)
}

async fn nat_gateways(arm: &Arm, ids: BTreeSet<ArmId>) -> WithIps<NatGateway> {
    let gateways = by_id(&ids, async |id| convert::fact(arm.nat_gateway(&id).await, convert::nat_gateway)).await;
    let ids: BTreeSet<ArmId> =
        gateways.values().filter_map(Fact::get).flat_map(|gateway| gateway.public_ip_ids.iter().cloned()).collect();
    let ips = public_ips(arm, ids).await;
    (gateways, ips)
}

async fn public_ips(arm: &Arm, ids: BTreeSet<ArmId>) -> BTreeMap<String, Fact<PublicIp>> {
    by_id(&ids, async |id| convert::fact(arm.public_ip(&id).await, convert::public_ip)).await
}

/// Asks for each id at once. An id that is none cannot exist.
async fn by_id<'a, T>(
    ids: impl IntoIterator<Item = &'a ArmId>,
    ask: impl AsyncFn(arm::ArmId) -> Fact<T>,
) -> BTreeMap<String, Fact<T>> {
    join_all(ids.into_iter().map(async |id| {
        let fact = match convert::arm_id(id) {
            Some(id) => ask(id).await,
            None => Fact::Absent,
        };
        (id.key(), fact)
    }))
    .await
    .into_iter()
    .collect()
}

/// The storage account whose blob endpoint the issuer begins with.
async fn issuer_storage(arm: &Arm, cluster: &HostedCluster) -> Fact<IssuerStorage> {
    let accounts = match arm.storage_accounts(&cluster.azure.subscription_id).await {
        Ok(accounts) => accounts,
        Err(error) => return Fact::Unreadable(gap_of(&error)),
    };
    let issuer = cluster.issuer_url.as_str();
    let Some((account, container)) = accounts.iter().find_map(|account| {
        let endpoint = account.blob_endpoint.as_deref()?.trim_end_matches('/');
        let container = issuer.strip_prefix(endpoint)?.strip_prefix('/')?.split('/').next()?.to_owned();
        (!container.is_empty()).then_some((account, container))
    }) else {
        return Fact::Absent;
    };
    let account_id = ArmId::new(account.id.clone());
    let container_public_access = match convert::arm_id(&account_id) {
        Some(id) => convert::fact(arm.container(&id, &container).await, |found| {
            found.public_access.unwrap_or_else(|| "None".to_owned())
        }),
        None => {
            Fact::Unreadable(Gap::new(GapKind::Failed, format!("Azure calls the account {account_id}, which is no id")))
        }
    };
    Fact::Known(IssuerStorage {
        account_id,
        allow_blob_public_access: account.allow_blob_public_access,
        public_network_access: account.public_network_access.clone(),
        default_action: account.network_default_action.clone(),
        allow_shared_key_access: account.allow_shared_key_access,
        container,
        container_public_access,
    })
}
