//! NW09: the private link service can take its NAT addresses from the subnet that is named for it.

use facts::ArmId;
use facts::hosted::HostedCluster;
use facts::network::{Subnet, Vnet};
use facts::private_link::PRIVATE_ROUTER;
use ipnet::IpNet;

use crate::judgement::BEING_DELETED;
use crate::nsg;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The subnet that a private cluster names for the private link service (natSubnetID) exists, lies in the VNet and
    /// region of the management cluster's internal load balancer, is not the subnet of the guest's workers, has network
    /// policies for private link services disabled, and has free addresses. Without natSubnetID the HyperShift operator
    /// makes a subnet of its own, and there is nothing to check.
    ///
    /// ## Why it matters
    /// Azure refuses a private link service whose NAT subnet is elsewhere or still has network policies, so that the
    /// cluster gets no private endpoint. Subnets have these policies unless somebody disabled them.
    ///
    /// ## How to fix
    /// Disable the policies of the subnet. The subnet of a cluster that exists cannot be changed: a wrong one takes a new
    /// cluster, or a cluster without natSubnetID.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/azureprivatelinkservice_types.go; Azure documentation "Disable
    /// network policies for Private Link service source IP".
    pub static PLS_NAT_SUBNET = {
        code: "NW09",
        id: "pls-nat-subnet",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, PrivateLink, PrivateEndpoints],
        caused_by: ["CR01"],
        judge: judge,
    };
}

const WHY: &str =
    "Azure refuses the private link service, so that no private endpoint leads to the API server and no worker joins";
/// Addresses of a subnet that Azure keeps for itself.
const RESERVED: u128 = 5;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if !cluster.has_private_endpoint() {
        return Ok(Judgement::NotApplicable("the API server is public".into()));
    }
    let Some(id) = &cluster.azure.nat_subnet_id else {
        return Ok(Judgement::NotApplicable("the HyperShift operator makes the NAT subnet itself".into()));
    };
    let subject = format!("subnet {}", id.name().unwrap_or(id.as_str()));
    let fail = |what: String| Finding::fail(subject.clone(), what, WHY).see("natSubnetID", id.as_str());
    let name = id.name().unwrap_or_default();
    let mut findings = Vec::new();
    if *id == cluster.azure.subnet_id {
        findings.push(fail(format!("subnet {name} is the one of the guest's workers")).fix(another(cluster, id)));
    } else {
        match view.nat_subnet(id)? {
            None => findings.push(
                fail(format!("VNet {} does not exist", id.parent().map(|vnet| vnet.to_string()).unwrap_or_default()))
                    .fix(another(cluster, id)),
            ),
            Some((vnet, None)) => findings.push(
                fail(format!("VNet {} has no subnet {name}", vnet.id.name().unwrap_or_default())).fix(create(id)),
            ),
            Some((vnet, Some(subnet))) => findings.extend(faults_of(view, cluster, vnet, subnet, &fail)?),
        }
    }
    let findings = findings.into_iter().map(|finding| finding.touches(Key::PrivateLink).touches(Key::Egress)).collect();
    Ok(Judgement::new(format!("private link services may take their NAT addresses from subnet {name}"), findings))
}

fn faults_of(
    view: &View<'_>,
    cluster: &HostedCluster,
    vnet: &Vnet,
    subnet: &Subnet,
    fail: &dyn Fn(String) -> Finding,
) -> Result<Vec<Finding>, Gap> {
    let name = &subnet.name;
    let mut findings = Vec::new();
    let location = &cluster.azure.location;
    if !same_region(&vnet.location, location) {
        findings.push(
            fail(format!("subnet {name} is in {}, and the private link service is made in {location}", vnet.location))
                .compare(location.as_str(), vnet.location.as_str())
                .fix(another(cluster, &subnet.id)),
        );
    }
    let services = view.private_link_services()?.map_or(&[][..], Vec::as_slice);
    let router = services.iter().find(|service| service.name == PRIVATE_ROUTER);
    if let Some(id) = router.and_then(|service| service.internal_load_balancer_id.as_ref())
        && let Some(balancer) = view.internal_load_balancer(id)?
    {
        let ip = router.and_then(|service| service.load_balancer_ip.as_ref());
        let frontend = balancer.frontends.iter().find(|own| ip.is_none() || own.private_ip.as_ref() == ip);
        let home = frontend.and_then(|own| own.subnet_id.as_ref()).and_then(ArmId::parent);
        if let Some(home) = home.filter(|home| *home != vnet.id) {
            findings.push(
                fail(format!("subnet {name} is not in the VNet of the internal load balancer"))
                    .compare(home.as_str(), vnet.id.as_str())
                    .fix(another(cluster, &subnet.id)),
            );
        }
    }
    // What Azure does not say is its default.
    let policies = subnet.private_link_service_network_policies.as_deref().unwrap_or("Enabled");
    if !policies.eq_ignore_ascii_case("Disabled") {
        findings.push(
            fail(format!("subnet {name} has network policies for private link services"))
                .compare("Disabled", policies)
                .fix(
                    Fix::azure([command!(
                        "az network vnet subnet update --ids {} --private-link-service-network-policies Disabled",
                        subnet.id
                    )])
                    .note("the HyperShift operator tries again within two minutes"),
                ),
        );
    }
    // A private link service that is there has its address already.
    let taken = router.is_some_and(|service| service.private_link_service_id.is_some());
    if !taken && let Some(used) = subnet.ip_configurations.get() {
        let room = room(subnet);
        if u128::try_from(*used).unwrap_or(u128::MAX) >= room {
            findings.push(
                fail(format!("subnet {name} has no free address"))
                    .see("addresses", room.to_string())
                    .see("in use", used.to_string())
                    .fix(another(cluster, &subnet.id)),
            );
        }
    }
    Ok(findings)
}

/// Addresses for network interfaces.
fn room(subnet: &Subnet) -> u128 {
    let size = |net: IpNet| 1_u128 << u32::from(net.max_prefix_len() - net.prefix_len()).min(127);
    let v4 = subnet.address_prefixes.iter().filter_map(|prefix| nsg::parse(prefix)).filter(|net| net.addr().is_ipv4());
    v4.map(|net| size(net).saturating_sub(RESERVED)).sum()
}

/// Regions by name, as `eastus` and `East US`.
fn same_region(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    plain(one) == plain(other)
}

fn create(id: &ArmId) -> Fix {
    Fix::azure([command!(
        "az network vnet subnet create --subscription {} -g {} --vnet-name {} -n {} --address-prefixes PREFIX --private-link-service-network-policies Disabled",
        id.subscription().unwrap_or("SUBSCRIPTION"),
        id.resource_group().unwrap_or("RESOURCE_GROUP"),
        id.parent().and_then(|vnet| vnet.name().map(str::to_owned)).unwrap_or_else(|| "VNET".into()),
        id.name().unwrap_or("SUBNET")
    )])
    .note("PREFIX is a free range of the VNet, as 10.0.9.0/28")
}

fn another(cluster: &HostedCluster, id: &ArmId) -> Fix {
    Fix::hypershift([
        "az network vnet list --query \"[].{name:name,location:location,subnets:subnets[].id}\" -o yaml".to_owned(),
        command!(
            "oc hcp-azure create cluster {} -n {} --endpoint-access {} --endpoint-access-private-nat-subnet-id NAT_SUBNET_ID",
            cluster.name,
            cluster.namespace,
            cluster.azure.topology.as_deref().unwrap_or("Private")
        ),
    ])
    .note(format!(
        "natSubnetID ({}) cannot be changed: with the flags of the first time and another subnet of the management cluster's VNet, or without that flag, the cluster is made anew",
        id.name().unwrap_or(id.as_str())
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &PLS_NAT_SUBNET;

    fn vnet(facts: &mut Facts) -> &mut Vnet {
        match facts.private_link.vnets.values_mut().next() {
            Some(Fact::Known(vnet)) => vnet,
            other => panic!("{other:?}"),
        }
    }

    fn policies(facts: &mut Facts, value: Option<&str>) {
        vnet(facts).subnets[0].private_link_service_network_policies = value.map(Into::into);
    }

    /// What the operators show when Azure refuses the private link service.
    fn refused(facts: &mut Facts) {
        let message = "PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled: pls-3f2a";
        link_condition(facts, "AzurePLSCreated", "False", "AzureError", message);
        no_link_conditions(
            facts,
            &["AzurePrivateEndpointAvailable", "AzurePrivateDNSAvailable", "AzurePrivateLinkServiceAvailable"],
        );
        let service = azpls(facts);
        service.private_link_service_id = None;
        service.private_endpoint_id = None;
        service.private_endpoint_ip = None;
        facts.private_link.link_services.clear();
        facts.private_link.endpoints.insert(endpoint_id().key(), Fact::Absent);
        for zone in facts.private_link.zones.values_mut() {
            *zone = Fact::Absent;
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the NAT subnet has network policies", |facts| {
                policies(facts, Some("Enabled"));
                refused(facts);
            })
            .of(healthy_private),
            Fault::new("the NAT subnet was deleted", |facts| {
                vnet(facts).subnets.clear();
                refused(facts);
            })
            .of(healthy_private),
        ]
    }

    #[test]
    fn a_good_subnet_passes_and_others_have_none() {
        assert_passes(CHECK, &healthy_private());
        assert_not_applicable(CHECK, &healthy());
        let mut facts = healthy_private();
        cluster(&mut facts).azure.nat_subnet_id = None;
        assert_not_applicable(CHECK, &facts);
        let mut facts = healthy_private();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn policies_are_on_unless_disabled() {
        for value in [Some("Enabled"), None] {
            let mut facts = healthy_private();
            policies(&mut facts, value);
            let command = &the_failure(CHECK, &facts).fixes[0].commands[0];
            assert!(command.ends_with("--private-link-service-network-policies Disabled"), "{command}");
        }
    }

    #[test]
    fn a_subnet_elsewhere() {
        let mut facts = healthy_private();
        vnet(&mut facts).location = "westus".into();
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("westus"));
        vnet(&mut facts).location = "East US".into();
        assert_passes(CHECK, &facts);

        let mut facts = healthy_private();
        if let Some(Fact::Known(balancer)) = facts.private_link.balancers.values_mut().next() {
            balancer.frontends[0].subnet_id = Some(vnet_id().child("subnets", "workers"));
        }
        assert!(the_failure(CHECK, &facts).what.contains("not in the VNet of the internal load balancer"));

        let mut facts = healthy_private();
        cluster(&mut facts).azure.nat_subnet_id = Some(subnet_id());
        assert!(the_failure(CHECK, &facts).what.contains("the guest's workers"));
    }

    #[test]
    fn what_does_not_exist() {
        let mut facts = healthy_private();
        vnet(&mut facts).subnets.clear();
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].contains("subnet create"));
        for fact in facts.private_link.vnets.values_mut() {
            *fact = Fact::Absent;
        }
        assert!(the_failure(CHECK, &facts).what.ends_with("does not exist"));
    }

    #[test]
    fn a_full_subnet_matters_until_the_service_is_there() {
        let mut facts = healthy_private();
        vnet(&mut facts).subnets[0].address_prefixes = vec!["10.9.8.0/29".into()];
        vnet(&mut facts).subnets[0].ip_configurations = Fact::Known(3);
        assert_passes(CHECK, &facts);
        azpls(&mut facts).private_link_service_id = None;
        assert!(the_failure(CHECK, &facts).what.contains("no free address"));
        vnet(&mut facts).subnets[0].ip_configurations = Fact::Known(2);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_planned_cluster_has_no_objects_yet() {
        let mut facts = healthy_private();
        facts.private_link.services = Fact::Absent;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_unreadable_vnet_is_unknown() {
        let mut facts = healthy_private();
        for fact in facts.private_link.vnets.values_mut() {
            *fact = Fact::Unreadable(denied("Microsoft.Network/virtualNetworks/read"));
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
