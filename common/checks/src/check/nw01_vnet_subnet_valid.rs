//! NW01: VNet, subnets, network security group and managed resource group exist, fit together and stand in the right place.

use facts::ArmId;
use facts::hosted::HostedCluster;
use facts::network::Vnet;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::workers::{self, WorkerSubnet};

declare_check! {
    /// ## What it checks
    /// The VNet, the subnets, the network security group and the managed resource group that the HostedCluster and its
    /// NodePools name exist, belong together, and are in the cluster's subscription and region.
    ///
    /// Each worker subnet must lie in the cluster's VNet, be provisioned and not be delegated to another service. The
    /// network security group should be bound to it, and should not live in the managed resource group, which goes when
    /// the cluster goes.
    ///
    /// ## Why it matters
    /// Nothing checks these ids when a self-managed HostedCluster is made. A wrong one shows half an hour later as a
    /// machine that Azure refuses with InvalidResourceReference, SubnetNotFound or LinkedInvalidPropertyId.
    ///
    /// ## How to fix
    /// Restore the resource under the same id where it was deleted. The ids of a HostedCluster and of a NodePool are
    /// immutable: a wrong id means a new HostedCluster or NodePool.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/azure.go, hostedcontrolplane_controller.go.
    pub static VNET_SUBNET_VALID = {
        code: "NW01",
        id: "vnet-subnet-valid",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, NodePools, ResourceGroups, Network],
        caused_by: ["CR01", "HC10"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    // Its network may be gone before it.
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let (subnets, pools_gap) = workers::subnets(view)?;
    let mut gaps: Vec<(String, Gap)> =
        pools_gap.map(|gap| ("subnets of the NodePools".into(), gap)).into_iter().collect();
    let mut findings = Vec::new();
    managed_group(view, cluster, &mut findings, &mut gaps);
    let vnet = vnet(view, cluster, &mut findings, &mut gaps);
    security_group(view, cluster, &mut findings, &mut gaps);
    findings.extend(inside_managed_group(cluster));
    let vnet_is_wrong = vnet_id_fault(cluster).is_some();
    for subnet in &subnets {
        // A subnet below a wrong VNet id shares the fault.
        if vnet_is_wrong && subnet.id.parent().as_ref() == Some(&cluster.azure.vnet_id) {
            continue;
        }
        match misplaced(cluster, subnet) {
            Some(finding) => findings.push(finding),
            None => findings.extend(vnet.and_then(|vnet| judge_subnet(cluster, vnet, subnet))),
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(
        format!(
            "VNet, {} and network security group fit together in {}",
            if subnets.len() == 1 { "subnet".into() } else { format!("{} subnets", subnets.len()) },
            cluster.azure.location
        ),
        findings,
    ))
}

fn managed_group(view: &View<'_>, cluster: &HostedCluster, findings: &mut Vec<Finding>, gaps: &mut Vec<(String, Gap)>) {
    let azure = &cluster.azure;
    let subject = format!("resource group {}", azure.resource_group);
    match view.resource_group(&azure.resource_group) {
        Err(gap) => gaps.push((subject, gap)),
        Ok(None) => findings.push(
            Finding::fail(
                subject,
                format!("the managed resource group {} does not exist", azure.resource_group),
                "every worker VM, disk and load balancer is made there: Azure answers 404 ResourceGroupNotFound",
            )
            .see("id", cluster.managed_group().to_string())
            .fix(
                Fix::azure([command!(
                    "az group create --subscription {} -n {} -l {}",
                    azure.subscription_id,
                    azure.resource_group,
                    azure.location
                )])
                .note("the roles that stood on the group are gone with it: check them with --only RA"),
            ),
        ),
        // The region of a group is where its metadata is kept; resources of other regions may live in it.
        Ok(Some(group)) if !same_region(&group.location, &azure.location) => findings.push(
            Finding::warn(
                subject,
                format!("the managed resource group is in {}, the cluster in {}", group.location, azure.location),
                "an outage of the group's region stops changes to workers in the other",
            )
            .compare(&azure.location, &group.location)
            .fix(new_cluster(cluster)),
        ),
        Ok(Some(_)) => {}
    }
}

fn vnet<'a>(
    view: &View<'a>,
    cluster: &HostedCluster,
    findings: &mut Vec<Finding>,
    gaps: &mut Vec<(String, Gap)>,
) -> Option<&'a Vnet> {
    let azure = &cluster.azure;
    let id = &azure.vnet_id;
    let subject = format!("VNet {}", id.name().unwrap_or(id.as_str()));
    if let Some(finding) = vnet_id_fault(cluster) {
        findings.push(finding);
        return None;
    }
    let vnet = match view.vnet(id) {
        Err(gap) => {
            gaps.push((subject, gap));
            return None;
        }
        Ok(None) => {
            let subnet = azure.subnet_id.name().unwrap_or("default");
            let nsg = &azure.security_group_id;
            findings.push(
                Finding::fail(
                    subject,
                    format!("VNet {id} does not exist"),
                    "Azure refuses every worker VM with InvalidResourceReference: its network interface has no network",
                )
                .see("id", id.as_str())
                .fix(
                    Fix::azure([command!("az network vnet create --subscription {} -g {} -n {} -l {} --address-prefixes 10.0.0.0/16 --subnet-name {subnet} --subnet-prefixes 10.0.0.0/24 --nsg {nsg}", azure.subscription_id,
                        id.resource_group().unwrap_or("RESOURCE_GROUP"),
                        id.name().unwrap_or("VNET"),
                        azure.location; subnet, nsg)])
                    .note("vnetID is immutable: restore the VNet under the same id, with the address range it had, or make a new HostedCluster"),
                ),
            );
            return None;
        }
        Ok(Some(vnet)) => vnet,
    };
    if !same_region(&vnet.location, &azure.location) {
        findings.push(
            Finding::fail(
                subject,
                format!("VNet {id} is in {}, the cluster in {}", vnet.location, azure.location),
                "Azure attaches a VM to a VNet of its own region only (InvalidResourceReference)",
            )
            .compare(&azure.location, &vnet.location)
            .fix(new_cluster(cluster)),
        );
    } else if let Some(finding) = unprovisioned(
        &subject,
        vnet.provisioning_state.as_deref(),
        || command!("az network vnet update --ids {id}"; id),
    ) {
        findings.push(finding);
    }
    Some(vnet)
}

fn vnet_id_fault(cluster: &HostedCluster) -> Option<Finding> {
    let id = &cluster.azure.vnet_id;
    let subject = format!("VNet {}", id.name().unwrap_or(id.as_str()));
    bad_id(cluster, &subject, "vnetID", id, "Microsoft.Network", "virtualNetworks")
}

fn nsg_id_fault(cluster: &HostedCluster) -> Option<Finding> {
    let id = &cluster.azure.security_group_id;
    let subject = format!("network security group {}", id.name().unwrap_or(id.as_str()));
    bad_id(cluster, &subject, "securityGroupID", id, "Microsoft.Network", "networkSecurityGroups")
}

fn security_group(
    view: &View<'_>,
    cluster: &HostedCluster,
    findings: &mut Vec<Finding>,
    gaps: &mut Vec<(String, Gap)>,
) {
    let azure = &cluster.azure;
    let id = &azure.security_group_id;
    let subject = format!("network security group {}", id.name().unwrap_or(id.as_str()));
    if let Some(finding) = nsg_id_fault(cluster) {
        findings.push(finding);
        return;
    }
    match view.nsg(id) {
        Err(gap) => gaps.push((subject, gap)),
        Ok(None) => findings.push(
            Finding::fail(
                subject,
                format!("network security group {id} does not exist"),
                "the cloud controller manager writes the rules of LoadBalancer Services there and fails with 404 ResourceNotFound",
            )
            .see("id", id.as_str())
            .fix(
                Fix::azure([
                    command!("az network nsg create --subscription {} -g {} -n {} -l {}", azure.subscription_id,
                        id.resource_group().unwrap_or("RESOURCE_GROUP"),
                        id.name().unwrap_or("NSG"),
                        azure.location),
                    command!("az network vnet subnet update --ids {} --network-security-group {id}", azure.subnet_id; id),
                ])
                .note("securityGroupID is immutable: restore the group under the same id"),
            ),
        ),
        Ok(Some(nsg)) if !same_region(&nsg.location, &azure.location) => findings.push(
            Finding::fail(
                subject,
                format!("network security group {id} is in {}, the cluster in {}", nsg.location, azure.location),
                "Azure binds a network security group to subnets and network interfaces of its own region only",
            )
            .compare(&azure.location, &nsg.location)
            .fix(new_cluster(cluster)),
        ),
        Ok(Some(_)) => {}
    }
}

/// What lives in the managed resource group is deleted with the cluster.
fn inside_managed_group(cluster: &HostedCluster) -> Option<Finding> {
    let azure = &cluster.azure;
    let managed = cluster.managed_group();
    let inside: Vec<&ArmId> =
        [&azure.vnet_id, &azure.security_group_id].into_iter().filter(|id| id.is_within(managed.as_str())).collect();
    if inside.is_empty() {
        return None;
    }
    let subject = format!("resource group {}", azure.resource_group);
    let what = format!(
        "{} in the managed resource group",
        if inside.len() == 2 {
            "VNet and network security group are".to_owned()
        } else {
            format!("{} is", inside[0].name().unwrap_or("a network resource"))
        }
    );
    let why = "destroying the cluster deletes the managed resource group with all that is in it";
    let created = format!("{}-{}", cluster.name, cluster.infra_id);
    // A group that the user gave holds everything by choice; the one that was made for the cluster does not.
    let by_choice = inside.len() == 2 && !azure.resource_group.eq_ignore_ascii_case(&created);
    let finding = if by_choice { Finding::info(subject, what, why) } else { Finding::warn(subject, what, why) };
    Some(
        inside
            .iter()
            .fold(finding, |finding, id| finding.see("inside", id.as_str()))
            .fix(
                Fix::azure([command!("hypershift destroy cluster azure --name {} --namespace {} --preserve-resource-group --azure-creds FILE --dns-zone-rg-name GROUP", cluster.name, cluster.namespace)])
                    .note("when the time comes, keep the group; the ids of a HostedCluster are immutable"),
            ),
    )
}

/// What is wrong with a subnet's id by itself.
fn misplaced(cluster: &HostedCluster, subnet: &WorkerSubnet) -> Option<Finding> {
    let subject = subject_of(subnet);
    if let Some(finding) =
        bad_id(cluster, &subject, "subnetID", &subnet.id, "Microsoft.Network", "virtualNetworks/subnets")
    {
        return Some(finding.see("named by", subnet.users.join(", ")));
    }
    let vnet = &cluster.azure.vnet_id;
    if subnet.id.parent().as_ref() == Some(vnet) || !vnet.is_resource() {
        return None;
    }
    Some(
        Finding::fail(
            subject,
            format!("subnet {} is not in the VNet of the cluster", subnet.id),
            "Cluster API looks for the subnet in the cluster's VNet; Azure refuses the worker VMs (InvalidResourceReference)",
        )
        .compare(format!("{vnet}/subnets/…"), subnet.id.as_str())
        .see("named by", subnet.users.join(", "))
        .fix(recreate(cluster, subnet)),
    )
}

fn judge_subnet(cluster: &HostedCluster, vnet: &Vnet, worker: &WorkerSubnet) -> Option<Finding> {
    let subject = subject_of(worker);
    let id = &worker.id;
    let named_by = worker.users.join(", ");
    let Some(subnet) = vnet.subnets.iter().find(|subnet| subnet.id == *id) else {
        let names: Vec<&str> = vnet.subnets.iter().map(|subnet| subnet.name.as_str()).collect();
        return Some(
            Finding::fail(
                subject,
                format!("VNet {} has no subnet {}", vnet.id, id.name().unwrap_or_default()),
                "Azure refuses every worker VM there with InvalidResourceReference",
            )
            .see("named by", named_by)
            .see("subnets there", if names.is_empty() { "none".into() } else { names.join(", ") })
            .fix(
                Fix::azure([command!("az network vnet subnet create --subscription {} -g {} --vnet-name {} -n {} --address-prefixes FREE_CIDR --network-security-group {}", cluster.azure.subscription_id,
                    id.resource_group().unwrap_or("RESOURCE_GROUP"),
                    id.segment("virtualNetworks").unwrap_or("VNET"),
                    id.name().unwrap_or("SUBNET"),
                    cluster.azure.security_group_id)])
                .note(format!("FREE_CIDR is a free range of {}; subnetID is immutable, so the name has to stay", vnet.address_prefixes.join(", "))),
            ),
        );
    };
    if !subnet.delegations.is_empty() {
        return Some(
            Finding::fail(
                subject,
                format!("subnet {id} is delegated to {}", subnet.delegations.join(", ")),
                "a delegated subnet takes no network interfaces of VMs (SubnetDelegationsCannotChangeWhenSubnetUsedByResource, InvalidResourceReference)",
            )
            .see("named by", named_by)
            .fix(
                Fix::azure([command!("az network vnet subnet update --ids {id} --remove delegations"; id)])
                    .note("only while the other service has nothing in it; subnetID is immutable"),
            ),
        );
    }
    if let Some(finding) = unprovisioned(
        &subject,
        subnet.provisioning_state.as_deref(),
        || command!("az network vnet subnet update --ids {id}"; id),
    ) {
        return Some(finding.see("named by", named_by));
    }
    let want = &cluster.azure.security_group_id;
    if subnet.nsg_id.as_ref() == Some(want) || nsg_id_fault(cluster).is_some() {
        return None;
    }
    Some(
        Finding::warn(
            subject,
            match &subnet.nsg_id {
                None => format!("no network security group is bound to subnet {id}"),
                Some(_) => format!("another network security group than the cluster's is bound to subnet {id}"),
            },
            "the rules that the cluster writes for LoadBalancer Services do not guard, or do not open, this subnet",
        )
        .compare(want.as_str(), subnet.nsg_id.as_ref().map_or("none", ArmId::as_str))
        .see("named by", named_by)
        .fix(Fix::azure([
            command!("az network vnet subnet update --ids {id} --network-security-group {want}"; id, want),
        ])),
    )
}

/// An id that is malformed, of another type, or in another subscription.
fn bad_id(
    cluster: &HostedCluster,
    subject: &str,
    field: &str,
    id: &ArmId,
    provider: &str,
    kind: &str,
) -> Option<Finding> {
    let has_type = id.provider().is_some_and(|own| own.eq_ignore_ascii_case(provider))
        && id.resource_type().is_some_and(|own| own.eq_ignore_ascii_case(kind));
    let subscription = &cluster.azure.subscription_id;
    if !id.is_resource() || !has_type {
        let shown = if id.as_str().is_empty() { "(empty)" } else { id.as_str() };
        return Some(
            Finding::fail(
                if id.as_str().is_empty() { field.to_owned() } else { subject.to_owned() },
                format!("{field} is no id of {provider}/{kind}"),
                "Azure cannot find what it names",
            )
            .compare(
                format!("/subscriptions/{subscription}/resourceGroups/…/providers/{provider}/{}", pattern(kind)),
                shown,
            )
            .fix(new_cluster(cluster)),
        );
    }
    let own = id.subscription().unwrap_or_default();
    (!own.eq_ignore_ascii_case(subscription)).then(|| {
        Finding::fail(
            subject,
            format!("{field} names another subscription than the cluster's"),
            "workers are made in the cluster's subscription and cannot join a network of another one (LinkedAuthorizationFailed, InvalidResourceReference)",
        )
        .compare(subscription, own)
        .see("id", id.as_str())
        .fix(new_cluster(cluster))
    })
}

/// `virtualNetworks/subnets` → `virtualNetworks/…/subnets/…`.
fn pattern(kind: &str) -> String {
    kind.split('/').map(|part| format!("{part}/…")).collect::<Vec<_>>().join("/")
}

fn unprovisioned(subject: &str, state: Option<&str>, command: impl FnOnce() -> String) -> Option<Finding> {
    let state = state.filter(|state| !state.eq_ignore_ascii_case("Succeeded"))?;
    let what = format!("{subject} is {state}, not Succeeded");
    let why = "Azure refuses changes that touch it (409 ReferencedResourceNotProvisioned) until it is provisioned";
    let failed = state.eq_ignore_ascii_case("Failed");
    let finding = if failed { Finding::fail(subject, what, why) } else { Finding::warn(subject, what, why) };
    Some(
        finding
            .compare("Succeeded", state)
            .fix(Fix::azure([command()]).note("an update without changes makes Azure provision it again")),
    )
}

fn subject_of(subnet: &WorkerSubnet) -> String {
    format!("subnet {}", subnet.id.name().unwrap_or(subnet.id.as_str()))
}

/// Regions are written `eastus` or `East US`.
fn same_region(a: &str, b: &str) -> bool {
    let normal = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    normal(a) == normal(b)
}

fn new_cluster(cluster: &HostedCluster) -> Fix {
    let azure = &cluster.azure;
    Fix::hypershift([command!("hypershift create cluster azure --name {} --namespace {} --base-domain {} --location {} --resource-group-name GROUP --vnet-id VNET_ID --subnet-id SUBNET_ID --network-security-group-id NSG_ID --azure-creds FILE --pull-secret FILE --workload-identities-file FILE", cluster.name, cluster.namespace, cluster.dns.base_domain, azure.location)])
    .note("the Azure fields of a HostedCluster are immutable: destroy this one and create it anew with ids that belong together")
}

/// A subnet that only NodePools name needs no new cluster.
fn recreate(cluster: &HostedCluster, subnet: &WorkerSubnet) -> Fix {
    let pools: Vec<&str> = subnet.users.iter().filter_map(|user| user.strip_prefix("NodePool ")).collect();
    if pools.len() < subnet.users.len() {
        return new_cluster(cluster);
    }
    Fix::hypershift(pools.iter().flat_map(|pool| {
        [
            command!("hypershift create nodepool azure --cluster-name {} --namespace {} --name {pool}-2 --replicas REPLICAS --nodepool-subnet-id {}", cluster.name, cluster.namespace, cluster.azure.subnet_id; pool),
            command!("oc -n {} delete nodepool {pool}", cluster.namespace; pool),
        ]
    }))
    .note("subnetID of a NodePool is immutable")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;
    use facts::network::Subnet;

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &VNET_SUBNET_VALID;

    fn the_vnet(facts: &mut facts::Facts) -> &mut Vnet {
        match facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            Some(Fact::Known(vnet)) => vnet,
            other => panic!("{other:?}"),
        }
    }

    fn the_subnet(facts: &mut facts::Facts) -> &mut Subnet {
        &mut the_vnet(facts).subnets[0]
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the VNet was deleted", |facts| {
                facts.azure.network.vnets.insert(vnet_id().key(), Fact::Absent);
            }),
            Fault::new("the subnet was deleted", |facts| the_vnet(facts).subnets.clear()),
            Fault::new("the VNet is in another region", |facts| the_vnet(facts).location = "westus".into()),
            Fault::new("the network security group was deleted", |facts| {
                facts.azure.network.nsgs.insert(nsg_id().key(), Fact::Absent);
            }),
        ]
    }

    #[test]
    fn a_healthy_network_passes_in_any_spelling() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        the_vnet(&mut facts).location = "East US".into();
        cluster(&mut facts).azure.subnet_id = subnet_id().to_string().to_uppercase().into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_subnet_of_another_vnet() {
        let mut facts = healthy();
        let other = ArmId::in_group(SUBSCRIPTION, "net", "Microsoft.Network/virtualNetworks/other/subnets/default");
        cluster(&mut facts).azure.subnet_id = other.clone();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("found"), Some(other.as_str()));
        assert_eq!(finding.evidence.get("named by"), Some("HostedCluster prod"));
        assert!(finding.fixes[0].note.as_ref().unwrap().contains("immutable"));
    }

    #[test]
    fn a_node_pool_in_another_vnet_needs_a_new_node_pool_only() {
        let mut facts = healthy();
        let mut pool = node_pool("gpu");
        pool.subnet_id =
            Some(ArmId::in_group(SUBSCRIPTION, "net", "Microsoft.Network/virtualNetworks/other/subnets/gpu"));
        facts.hosted.node_pools = Fact::Known(vec![node_pool("prod"), pool]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "subnet gpu");
        assert!(finding.fixes[0].commands[0].starts_with("hypershift create nodepool azure"));
    }

    #[test]
    fn what_is_gone_is_one_failure_each() {
        let mut facts = healthy();
        facts.azure.network.vnets.insert(vnet_id().key(), Fact::Absent);
        assert_eq!(the_failure(CHECK, &facts).subject, "VNet prod-prod-x7k2p");
        let mut facts = healthy();
        facts.azure.network.nsgs.insert(nsg_id().key(), Fact::Absent);
        assert_eq!(the_failure(CHECK, &facts).subject, "network security group prod-prod-x7k2p-nsg");
        let mut facts = healthy();
        facts.azure.resource_groups.insert("prod-prod-x7k2p".into(), Fact::Absent);
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].starts_with("az group create"));
        let mut facts = healthy();
        the_vnet(&mut facts).subnets.clear();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("subnets there"), Some("none"));
    }

    #[test]
    fn malformed_ids_and_other_subscriptions() {
        let mut facts = healthy();
        cluster(&mut facts).azure.security_group_id = "prod-nsg".into();
        assert!(the_failure(CHECK, &facts).what.starts_with("securityGroupID is no id"));
        let mut facts = healthy();
        cluster(&mut facts).azure.security_group_id = nsg_id().to_string().replace("0000-1111", "0000-9999").into();
        assert!(the_failure(CHECK, &facts).what.contains("another subscription"));
        // The subnet below it is not blamed a second time.
        let mut facts = healthy();
        let elsewhere = ArmId::from(vnet_id().to_string().replace("0000-1111", "0000-9999"));
        cluster(&mut facts).azure.subnet_id = elsewhere.child("subnets", "default");
        cluster(&mut facts).azure.vnet_id = elsewhere;
        facts.hosted.node_pools = Fact::Known(Vec::new());
        assert!(the_failure(CHECK, &facts).subject.starts_with("VNet"));
    }

    #[test]
    fn another_region_fails_for_the_network_and_warns_for_the_group() {
        let mut facts = healthy();
        the_vnet(&mut facts).location = "westus".into();
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("westus"));
        let mut facts = healthy();
        if let Some(Fact::Known(group)) = facts.azure.resource_groups.get_mut("prod-prod-x7k2p") {
            group.location = "westus".into();
        }
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn delegated_and_unprovisioned_subnets() {
        let mut facts = healthy();
        the_subnet(&mut facts).delegations = vec!["Microsoft.Web/serverFarms".into()];
        assert!(the_failure(CHECK, &facts).what.contains("delegated to Microsoft.Web/serverFarms"));
        let mut facts = healthy();
        the_subnet(&mut facts).provisioning_state = Some("Failed".into());
        the_failure(CHECK, &facts);
        the_subnet(&mut facts).provisioning_state = Some("Updating".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn an_unbound_security_group_warns() {
        let mut facts = healthy();
        the_subnet(&mut facts).nsg_id = None;
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("found")), (Level::Warn, Some("none")));
    }

    #[test]
    fn a_network_in_the_managed_group_warns_unless_it_was_given() {
        let mut facts = healthy();
        cluster(&mut facts).azure.resource_group = "prod-nsg-prod-x7k2p".into();
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        // One group for everything.
        let mut facts = healthy();
        let one = |id: ArmId, group: &str| ArmId::from(id.to_string().replace(group, "mine"));
        let (vnet, nsg) = (one(vnet_id(), "prod-vnet-prod-x7k2p"), one(nsg_id(), "prod-nsg-prod-x7k2p"));
        let subnet = vnet.child("subnets", "default");
        let mut known = the_vnet(&mut facts).clone();
        known.subnets[0].id = subnet.clone();
        known.subnets[0].nsg_id = Some(nsg.clone());
        known.id = vnet.clone();
        facts.azure.network.vnets = [(vnet.key(), Fact::Known(known))].into();
        let mut rules = facts.azure.network.nsgs.remove(&nsg_id().key()).unwrap();
        if let Fact::Known(rules) = &mut rules {
            rules.id = nsg.clone();
        }
        facts.azure.network.nsgs.insert(nsg.key(), rules);
        let group = facts.azure.resource_groups.remove("prod-prod-x7k2p").unwrap();
        facts.azure.resource_groups.insert("mine".into(), group);
        let azure = &mut cluster(&mut facts).azure;
        (azure.resource_group, azure.vnet_id, azure.subnet_id, azure.security_group_id) =
            ("mine".into(), vnet, subnet.clone(), nsg);
        let mut pool = node_pool("prod");
        pool.subnet_id = Some(subnet);
        facts.hosted.node_pools = Fact::Known(vec![pool]);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
    }

    #[test]
    fn what_cannot_be_read_is_told_once() {
        let mut facts = healthy();
        let gap = denied("Microsoft.Network/*/read");
        facts.azure.network.vnets.insert(vnet_id().key(), Fact::Unreadable(gap.clone()));
        facts.azure.network.nsgs.insert(nsg_id().key(), Fact::Unreadable(gap));
        assert_eq!(the_gap(CHECK, &facts).needs.as_deref(), Some("Microsoft.Network/*/read"));
        assert_eq!(findings(CHECK, &facts).len(), 1);
        facts.hosted.cluster = Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }

    #[test]
    fn the_ids_alone_show_a_fault_offline() {
        let mut facts = healthy();
        facts.azure = facts::azure::Azure::default();
        cluster(&mut facts).azure.subnet_id = "/subscriptions/x".into();
        let findings = findings(CHECK, &facts);
        assert!(findings.iter().any(|finding| finding.level == Level::Fail), "{findings:#?}");
    }
}
