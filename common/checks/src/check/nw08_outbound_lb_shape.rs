//! NW08: the load balancer that carries the infra id is what Cluster API and the cloud provider expect.

use facts::hosted::{AzureMachine, HostedCluster, Machine};
use facts::network::LoadBalancer;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::workers::{self, WorkerSubnet};

declare_check! {
    /// ## What it checks
    /// The managed resource group holds a Standard load balancer with the name of the infra id and a backend pool of the
    /// same name, and the network interface of each machine is in that pool. Its outbound rule is judged by NW03.
    ///
    /// ## Why it matters
    /// Cluster API puts the network interface of each worker into that pool: without it Azure refuses every VM, also where
    /// a NAT gateway is the way out. The cloud provider publishes the ingress on the same load balancer. A worker outside
    /// of the pool gets no traffic from it, and no way out through it.
    ///
    /// ## How to fix
    /// Run `create infra` again: it makes what is missing and leaves the rest. A machine outside of the pool is put into it,
    /// or made anew.
    ///
    /// Source: openshift/hypershift hostedcluster/internal/platform/azure/azure.go (NodeOutboundLB); Cluster API Provider
    /// Azure, network interface names.
    pub static OUTBOUND_LB_SHAPE = {
        code: "NW08",
        id: "outbound-lb-shape",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, NodePools, Machines, Network],
        caused_by: ["NW01"],
        judge: judge,
    };
}

const REFUSED: &str =
    "Cluster API names that pool in the network interface of every worker: Azure refuses it, and no VM is made";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let id = cluster.egress_load_balancer();
    let infra = &cluster.infra_id;
    let machines = running(view);
    let only_way = is_only_way(view, &workers::subnets(view)?);
    let subject = format!("load balancer {infra}");
    let group = &cluster.azure.resource_group;
    let lacking = match view.load_balancer(&id)? {
        None => format!("resource group {group} has no load balancer {infra}"),
        Some(balancer) if !balancer.backend_pools.iter().any(|pool| pool == infra) => {
            format!("load balancer {infra} has no backend pool {infra}")
        }
        Some(balancer) => return Ok(with_pool(cluster, balancer, machines, only_way)),
    };
    let finding = if cluster.created_at.is_none() {
        Finding::info(
            subject,
            lacking,
            "it is made with the rest of the infrastructure; a cluster that is created with --infra-json needs it before",
        )
    } else {
        Finding::fail(subject, lacking, REFUSED).fix(create(cluster))
    };
    let finding = finding.see("load balancer", id.as_str()).touches(Key::Egress);
    // The machines that Azure refused for this very reason.
    let named = format!("loadbalancers/{infra}").to_ascii_lowercase();
    let refused = machines.ok().into_iter().flatten().filter(|(_, azure)| {
        let messages = azure.conditions.iter().map(|condition| &condition.message).chain(&azure.failure_message);
        messages.into_iter().any(|message| message.to_ascii_lowercase().contains(&named))
    });
    let finding = refused.fold(finding, |finding, (machine, _)| finding.touches(Key::Machine(machine.name.clone())));
    Ok(Judgement::new(String::new(), vec![finding]))
}

type Machines<'a> = Result<Vec<(&'a Machine, &'a AzureMachine)>, Gap>;

/// Machines with their AzureMachines, those that are being deleted left out.
fn running<'a>(view: &View<'a>) -> Machines<'a> {
    let machines = view.machines()?.map_or(&[][..], Vec::as_slice);
    let azure = view.azure_machines()?.map_or(&[][..], Vec::as_slice);
    let staying = machines.iter().filter(|machine| machine.deleted_at.is_none());
    Ok(staying
        .filter_map(|machine| {
            let name = machine.azure_machine.as_deref()?;
            Some((machine, azure.iter().find(|azure| azure.name == name)?))
        })
        .collect())
}

/// Whether the load balancer is the only way out of every worker subnet, as far as that is known.
fn is_only_way(view: &View<'_>, (subnets, gap): &(Vec<WorkerSubnet>, Option<Gap>)) -> bool {
    gap.is_none()
        && subnets.iter().all(|worker| {
            view.subnet(&worker.id).ok().flatten().is_some_and(|subnet| {
                subnet.nat_gateway_id.is_none()
                    && subnet.route_table_id.is_none()
                    && subnet.default_outbound_access == Some(false)
            })
        })
}

fn with_pool(cluster: &HostedCluster, balancer: &LoadBalancer, machines: Machines<'_>, only_way: bool) -> Judgement {
    let infra = &cluster.infra_id;
    let subject = format!("load balancer {infra}");
    let mut findings = Vec::new();
    if let Some(sku) = balancer.sku.as_deref().filter(|sku| !sku.eq_ignore_ascii_case("Standard")) {
        findings.push(
            Finding::warn(
                subject.clone(),
                format!("load balancer {infra} is of SKU {sku}"),
                "Azure has retired it, it has no outbound rules, and the cloud provider wants a Standard one",
            )
            .compare("Standard", sku)
            .fix(create(cluster).note("delete it first: a SKU cannot be changed in place")),
        );
    }
    let members = balancer.members.known("the list of members").map_err(|gap| (subject.clone(), gap));
    let machines = machines.map_err(|gap| ("machines".to_owned(), gap));
    let mut inside = 0;
    match (members, machines) {
        (Ok(members), Ok(machines)) => {
            let in_pool = |azure: &AzureMachine| {
                let nic = format!("{}-nic", azure.name);
                members.iter().filter(|member| member.pool == *infra).any(|member| {
                    member
                        .ip_configuration_id
                        .segment("networkInterfaces")
                        .is_some_and(|name| name.eq_ignore_ascii_case(&nic))
                })
            };
            // An interface is put into the pool when it is made, before the VM.
            let made = machines.iter().filter(|(_, azure)| azure.vm_state.as_deref() == Some("Succeeded"));
            let (there, outside): (Vec<_>, Vec<_>) = made.partition(|(_, azure)| in_pool(azure));
            inside = there.len();
            if !outside.is_empty() {
                findings.push(stray(cluster, &outside, only_way));
            }
        }
        (members, machines) => findings.extend(Finding::unknowns(members.err().into_iter().chain(machines.err()))),
    }
    Judgement::new(format!("load balancer {infra} has its pool, with {inside} machines in it"), findings)
}

fn stray(cluster: &HostedCluster, outside: &[&(&Machine, &AzureMachine)], only_way: bool) -> Finding {
    let infra = &cluster.infra_id;
    let names: Vec<&str> = outside.iter().map(|(machine, _)| machine.name.as_str()).collect();
    let subject =
        if names.len() == 1 { format!("Machine {}", names[0]) } else { format!("Machines {}", names.join(", ")) };
    let what = match names[..] {
        [name] => format!("Machine {name} is outside of backend pool {infra}"),
        _ => format!("{} machines are outside of backend pool {infra}", names.len()),
    };
    let cut_off = only_way && outside.iter().any(|(machine, _)| machine.node.is_none());
    let mut finding = if cut_off {
        Finding::fail(
            subject,
            what,
            "the load balancer is their only way out: they reach neither ignition nor the API server, and never join",
        )
        .touches(Key::Egress)
    } else {
        Finding::warn(
            subject,
            what,
            "the ingress sends them no traffic, and they have no way out through the load balancer",
        )
    };
    for name in &names {
        finding = finding.touches(Key::Machine((*name).to_owned()));
    }
    let group = &cluster.azure.resource_group;
    let subscription = &cluster.azure.subscription_id;
    let mut commands = vec![command!(
        "az network nic list --subscription {subscription} -g {group} --query \"[].{{nic:name,configuration:ipConfigurations[0].name,pools:ipConfigurations[0].loadBalancerBackendAddressPools[].id}}\" -o yaml";
        subscription, group
    )];
    commands.extend(outside.iter().map(|(_, azure)| {
        let nic = format!("{}-nic", azure.name);
        command!("az network nic ip-config address-pool add --subscription {subscription} -g {group} --nic-name {nic} --ip-config-name pipConfig --lb-name {infra} --address-pool {infra}"; subscription, group, nic, infra)
    }));
    finding.fix(Fix::azure(commands).note("or `oc delete machine`: a new one is put into the pool"))
}

fn create(cluster: &HostedCluster) -> Fix {
    let azure = &cluster.azure;
    Fix::azure([command!(
        "oc hcp-azure create infra {} --infra-id {} --base-domain {} --location {} --resource-group-name {} --vnet-id {} --subnet-id {} --network-security-group-id {} --azure-creds AZURE_CREDENTIALS",
        cluster.name,
        cluster.infra_id,
        cluster.dns.base_domain,
        azure.location,
        azure.resource_group,
        azure.vnet_id,
        azure.subnet_id,
        azure.security_group_id
    )])
    .note("it shows its plan first: what exists is kept")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &OUTBOUND_LB_SHAPE;

    fn fact(facts: &mut Facts) -> &mut Fact<LoadBalancer> {
        facts.azure.network.load_balancers.values_mut().next().unwrap()
    }

    fn balancer(facts: &mut Facts) -> &mut LoadBalancer {
        match fact(facts) {
            Fact::Known(balancer) => balancer,
            other => panic!("{other:?}"),
        }
    }

    /// What Cluster API shows when Azure does not know the pool.
    fn refused(facts: &mut Facts) {
        never_joined(facts);
        let message = "RESPONSE 400: 400 Bad Request ERROR CODE: InvalidResourceReference { \"error\": { \"code\": \"InvalidResourceReference\", \"message\": \"Resource /subscriptions/s/resourceGroups/prod-prod-x7k2p/providers/Microsoft.Network/loadBalancers/prod-x7k2p/backendAddressPools/prod-x7k2p referenced by resource prod-a-nic was not found.\" } }";
        if let Fact::Known(list) = &mut facts.hosted.azure_machines {
            for azure in list {
                azure.vm_state = None;
                let mut ready = condition("NetworkInterfacesReady", "False", "Failed");
                ready.message = message.into();
                azure.conditions = vec![ready];
            }
        }
        if let Fact::Known(list) = &mut facts.hosted.machines {
            list.iter_mut().for_each(|machine| machine.phase = Some("Provisioning".into()));
        }
    }

    fn outside(facts: &mut Facts) {
        balancer(facts).members = Fact::Known(vec![pool_member("prod-b")]);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the egress load balancer was deleted", |facts| *fact(facts) = Fact::Absent),
            Fault::new("the egress load balancer was never made, and Azure refuses the workers", |facts| {
                *fact(facts) = Fact::Absent;
                refused(facts);
            }),
            Fault::new("the pool of the egress load balancer was deleted", |facts| {
                balancer(facts).backend_pools.clear()
            }),
            Fault::new("a worker is outside of the pool", outside),
            Fault::new("workers outside of the pool never join", |facts| {
                balancer(facts).members = Fact::Known(Vec::new());
                never_joined(facts);
            }),
        ]
    }

    #[test]
    fn a_complete_balancer_passes() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn without_the_balancer_no_vm_is_made() {
        let mut facts = healthy();
        *fact(&mut facts) = Fact::Absent;
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[0].starts_with("oc hcp-azure create infra prod --infra-id prod-x7k2p "));
        cluster(&mut facts).created_at = None;
        assert_eq!(the_finding(CHECK, &facts).level, Level::Info);
        let mut facts = healthy();
        balancer(&mut facts).backend_pools = vec!["other".into()];
        assert!(the_failure(CHECK, &facts).what.contains("no backend pool"));
    }

    #[test]
    fn a_worker_outside_of_the_pool_warns_until_it_is_cut_off() {
        let mut facts = healthy();
        outside(&mut facts);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.subject.as_str()), (Level::Warn, "Machine prod-a"));
        assert!(finding.fixes[0].commands[1].contains("--nic-name prod-a-nic"));
        never_joined(&mut facts);
        the_failure(CHECK, &facts);
        // A NAT gateway leads out as well.
        if let Some(Fact::Known(vnet)) = facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            vnet.subnets[0].nat_gateway_id = Some("/nat".into());
        }
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        // Before the VM is made its interface may not be there.
        if let Fact::Known(list) = &mut facts.hosted.azure_machines {
            list.iter_mut().for_each(|azure| azure.vm_state = Some("Creating".into()));
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_basic_balancer_warns() {
        let mut facts = healthy();
        balancer(&mut facts).sku = Some("Basic".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn gaps() {
        let mut facts = healthy();
        balancer(&mut facts).members = Fact::default();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotAsked);
        let mut facts = healthy();
        facts.hosted.machines = Fact::Unreadable(denied("list machines"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        *fact(&mut facts) = Fact::Unreadable(denied("Microsoft.Network/loadBalancers/read"));
        assert_eq!(the_gap(CHECK, &facts).needs.as_deref(), Some("Microsoft.Network/loadBalancers/read"));
    }
}
