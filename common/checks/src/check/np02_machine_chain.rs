//! NP02: every machine of every NodePool becomes a node; where one does not, the deepest reason is told.

use std::collections::BTreeMap;

use facts::hosted::{AzureMachine, Condition, HostedCluster, Machine, NodePool};
use jiff::Timestamp;

use crate::prelude::*;
use crate::refusal::{self, Refusal};
use crate::shell::{Quoted, command};
use crate::vm_refusal::{self, Asked, Place, first_line};

declare_check! {
    /// ## What it checks
    /// The chain NodePool, Machine, AzureMachine, VM, node is followed for each machine, and the deepest reason for a
    /// break is told: Azure's own error code where there is one.
    ///
    /// A machine gets 20 minutes to be provisioned, and 15 from a running VM to a node. Machines of one NodePool that fail
    /// for the same reason share a row. Machines that are being deleted are left out. Fewer machines than a NodePool wants are
    /// a warning.
    ///
    /// ## Why it matters
    /// Azure refuses VMs for capacity, quota, policy, roles or network, and the NodePool only says that machines are not
    /// ready. The reason stands in a condition of the AzureMachine or in the log of capi-provider.
    ///
    /// ## How to fix
    /// By Azure's code: another size or zone for capacity, a request for quota, an exemption for policy, a role for
    /// authorization. A VM that runs and never joins lacks its way out (NW02, NW03) or its ignition.
    ///
    /// Source: kubernetes-sigs/cluster-api-provider-azure api/v1beta1/conditions_consts.go, issues #519 and #4964.
    pub static MACHINE_CHAIN = {
        code: "NP02",
        id: "machine-chain",
        group: NodePools,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, NodePools, Machines],
        caused_by: ["FC05", "RA01", "QT01", "NW01", "NW02", "NW03", "HC03", "MC01", "QT02", "QT03", "QT04", "QT06", "NW04", "NP07", "NW10", "DN08", "NW05", "NW07", "NW08", "NP05", "NP06", "NW12", "CR06", "CR07", "DN02", "DN03", "HC05", "NP04"],
        judge: judge,
    };
}

/// Minutes in which a VM may be made.
const PROVISIONING: i64 = 20;
/// Minutes in which a running VM may become a node.
const JOINING: i64 = 15;

/// Codes that say less than another one beside them.
const OUTER_CODES: [&str; 3] = ["DeploymentFailed", "InvalidTemplateDeployment", "Conflict"];

/// Why a machine is not a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    /// Entra or Azure refused something.
    Refused(String),
    /// The controllers gave up or report a fault, with their reason.
    Reported(String),
    /// No VM after the time that is due.
    Stuck,
    /// The VM runs, and there is no node.
    NotJoined,
    /// The node is there and not healthy.
    Unhealthy,
}

/// A machine with its chain, and where it breaks.
struct Broken<'a> {
    machine: &'a Machine,
    azure: Option<&'a AzureMachine>,
    refusal: Option<Refusal>,
    message: String,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let pools: Vec<&NodePool> = view.node_pools()?.iter().filter(|pool| pool.deleted_at.is_none()).collect();
    let machines = view.machines()?.map_or(&[][..], Vec::as_slice);
    let mut gaps = Vec::new();
    let azure_machines = match view.azure_machines() {
        Ok(list) => Some(list.map_or(&[][..], Vec::as_slice)),
        Err(gap) => {
            gaps.push(("AzureMachines".to_owned(), gap));
            None
        }
    };
    if pools.is_empty() {
        return Ok(Judgement::NotApplicable("the cluster has no NodePools".into()));
    }
    let mut findings = Vec::new();
    let (mut nodes, mut coming) = (0, 0);
    for pool in pools {
        let all: Vec<&Machine> =
            machines.iter().filter(|machine| machine.node_pool.as_deref() == Some(pool.name.as_str())).collect();
        let own: Vec<&Machine> = all.iter().copied().filter(|machine| machine.deleted_at.is_none()).collect();
        if own.is_empty() {
            findings.extend(without_machines(view, cluster, pool));
            continue;
        }
        findings.extend(too_few_machines(view, cluster, pool, all.len()));
        let mut broken: BTreeMap<Break, Vec<Broken<'_>>> = BTreeMap::new();
        for machine in own {
            let azure = azure_machines.and_then(|list| {
                let name = machine.azure_machine.as_deref().unwrap_or(&machine.name);
                list.iter().find(|azure| azure.name == name)
            });
            match judge_machine(view, machine, azure, azure_machines.is_some()) {
                Some((kind, fault)) => broken.entry(kind).or_default().push(fault),
                None if machine.node.is_some() => nodes += 1,
                None => coming += 1,
            }
        }
        findings.extend(broken.iter().map(|(kind, faults)| finding(view, cluster, pool, kind, faults)));
    }
    findings.extend(Finding::unknowns(gaps));
    let passed = match (nodes, coming) {
        (0, 0) => "no NodePool wants machines".to_owned(),
        (nodes, 0) => format!("{nodes} machines are nodes"),
        (nodes, coming) => format!("{nodes} machines are nodes, {coming} are on their way"),
    };
    Ok(Judgement::new(passed, findings))
}

fn judge_machine<'a>(
    view: &View<'_>,
    machine: &'a Machine,
    azure: Option<&'a AzureMachine>,
    azure_is_known: bool,
) -> Option<(Break, Broken<'a>)> {
    let bad = |conditions: &'a [Condition]| conditions.iter().filter(|condition| condition.is_false());
    let azure_conditions = azure.map_or(&[][..], |azure| &azure.conditions);
    let ready =
        |conditions: &[Condition]| conditions.iter().any(|condition| condition.kind == "Ready" && condition.is_true());
    if machine.node.is_some() && ready(&machine.conditions) {
        return None;
    }
    // The deepest first: Azure's own words, then those of the Cluster API machine.
    let own_words = azure.into_iter().flat_map(|azure| {
        let reason = azure.failure_reason.as_deref().unwrap_or_default();
        azure.failure_message.as_deref().map(|message| (reason, message))
    });
    let reported = bad(azure_conditions).chain(bad(&machine.conditions));
    let words: Vec<(&str, &str)> =
        own_words.chain(reported.map(|condition| (condition.reason.as_str(), condition.message.as_str()))).collect();
    let broken = |refusal: Option<Refusal>, message: &str| Broken {
        machine,
        azure,
        refusal,
        message: facts::redact::text(message),
    };
    for (_, message) in &words {
        if let Some(refusal) = deepest(refusal::find(message)) {
            return Some((Break::Refused(refusal.code()), broken(Some(refusal), message)));
        }
    }
    let terminal = |reason: &str| {
        matches!(
            reason,
            "VMProvisionFailed" | "UserAssignedIdentityMissing" | "BootstrapFailed" | "DeletionFailed" | "VMDeleted"
        )
    };
    let failed = azure.is_some_and(|azure| azure.failure_reason.is_some() || azure.failure_message.is_some())
        || machine.phase.as_deref() == Some("Failed")
        || azure.and_then(|azure| azure.vm_state.as_deref()).is_some_and(|state| matches!(state, "Failed" | "Deleted"));
    let told = words
        .iter()
        .find(|(reason, _)| terminal(reason))
        .or_else(|| words.iter().find(|(_, message)| !message.is_empty()).filter(|_| failed));
    if let Some((reason, message)) = told {
        let reason = if reason.is_empty() { "Failed" } else { reason };
        return Some((Break::Reported(reason.to_owned()), broken(None, message)));
    }
    if failed {
        return Some((Break::Reported("Failed".into()), broken(None, "no message")));
    }
    let last_words = words.iter().find(|(_, message)| !message.is_empty()).map_or("", |(_, message)| message);
    let past = |since: [Option<Timestamp>; 2], limit: i64| {
        since.into_iter().flatten().all(|then| view.minutes_since(then) >= limit)
    };
    let ready_since = |conditions: &[Condition]| {
        conditions.iter().find(|condition| condition.kind == "Ready").and_then(|condition| condition.last_transition)
    };
    let runs = ready(azure_conditions)
        || azure
            .and_then(|azure| azure.vm_state.as_deref())
            .is_some_and(|state| matches!(state, "Succeeded" | "Running"));
    let kind = if machine.node.is_some() {
        (past([machine.created_at, ready_since(&machine.conditions)], PROVISIONING)).then_some(Break::Unhealthy)
    } else if runs {
        (past([machine.created_at, ready_since(azure_conditions)], JOINING)).then_some(Break::NotJoined)
    } else if azure_is_known {
        (past([machine.created_at, None], PROVISIONING)).then_some(Break::Stuck)
    } else {
        None
    };
    kind.map(|kind| (kind, broken(None, last_words)))
}

/// The refusal that says most: Entra's, else the innermost of Azure's that is not a mere wrapper.
fn deepest(found: Vec<Refusal>) -> Option<Refusal> {
    let telling = |refusal: &&Refusal| match refusal {
        Refusal::Entra(_) => true,
        Refusal::Arm(arm) => !OUTER_CODES.contains(&arm.code.as_str()),
    };
    found.iter().find(telling).or(found.first()).cloned()
}

/// The machines that a NodePool wants for sure.
fn wanted_machines(pool: &NodePool) -> i32 {
    pool.auto_scaling.map_or(pool.replicas.unwrap_or(0), |(min, _)| min)
}

/// A NodePool that has machines, and fewer than it wants. While it is updated or waits to be made valid that is no news.
fn too_few_machines(view: &View<'_>, cluster: &HostedCluster, pool: &NodePool, seen: usize) -> Option<Finding> {
    let wanted = wanted_machines(pool);
    let updating =
        pool.conditions.iter().any(|condition| condition.is_true() && condition.kind.starts_with("Updating"));
    if usize::try_from(wanted).is_ok_and(|wanted| wanted <= seen) || wanted <= 0 || updating || is_held_back(view, pool)
    {
        return None;
    }
    let plane = view.target().control_plane_namespace();
    let finding = Finding::warn(
        format!("NodePool {}", pool.name),
        format!("NodePool {} wants {wanted} machines and has {seen}", pool.name),
        "Cluster API makes a machine within seconds: unless the NodePool was scaled just now, something stops it",
    )
    .compare(wanted.to_string(), seen.to_string())
    .fix(Fix::hypershift([
        command!("oc -n {plane} get machinedeployments,machinesets,machines"; plane),
        command!("oc -n {plane} logs deployment/cluster-api --tail 100"; plane),
        command!("oc -n {} describe nodepool {}", cluster.namespace, pool.name),
    ]));
    Some(by_provider(finding.touches(Key::NodePool(pool.name.clone()))))
}

/// Whether a NodePool is new, paused, or not valid and so makes no machines; NP01 and NP03 tell of the latter.
fn is_held_back(view: &View<'_>, pool: &NodePool) -> bool {
    let new = pool.created_at.is_some_and(|then| view.minutes_since(then) < PROVISIONING);
    let invalid = pool.conditions.iter().any(|condition| {
        condition.is_false()
            && (condition.kind.starts_with("Valid")
                || matches!(
                    condition.kind.as_str(),
                    "SupportedVersionSkew" | "IgnitionEndpointAvailable" | "ReconciliationActive"
                ))
    });
    new || invalid || pool.paused_until.is_some()
}

/// A NodePool that wants machines and has none.
fn without_machines(view: &View<'_>, cluster: &HostedCluster, pool: &NodePool) -> Option<Finding> {
    let wanted = wanted_machines(pool);
    if wanted <= 0 || is_held_back(view, pool) {
        return None;
    }
    let plane = view.target().control_plane_namespace();
    let finding = Finding::fail(
        format!("NodePool {}", pool.name),
        format!("NodePool {} wants {wanted} machines and has none", pool.name),
        "Cluster API has made nothing: its controllers do not run, or wait for the control plane",
    )
    .compare(wanted.to_string(), "0")
    .fix(Fix::hypershift([
        command!("oc -n {plane} get machinedeployments,machinesets,azuremachinetemplates"; plane),
        command!("oc -n {plane} logs deployment/cluster-api --tail 100"; plane),
        command!("oc -n {plane} logs deployment/capi-provider --tail 100"; plane),
        command!("oc -n {} describe nodepool {}", cluster.namespace, pool.name),
    ]));
    Some(by_provider(finding.touches(Key::NodePool(pool.name.clone()))))
}

/// Ties a finding to the component that makes VMs.
fn by_provider(finding: Finding) -> Finding {
    finding.touches(Key::Identity("nodePoolManagement".into())).touches(Key::Workload("capi-provider".into()))
}

fn finding(view: &View<'_>, cluster: &HostedCluster, pool: &NodePool, kind: &Break, faults: &[Broken<'_>]) -> Finding {
    let names: Vec<&str> = faults.iter().map(|fault| fault.machine.name.as_str()).collect();
    let machines = if names.len() == 1 { format!("Machine {}", names[0]) } else { format!("{} machines", names.len()) };
    let subject = format!("{} {}", if names.len() == 1 { "Machine" } else { "Machines" }, names.join(", "));
    let place = place_of(cluster, pool, faults);
    let (what, why, fix) = match kind {
        Break::Refused(code) => {
            let asked = Asked {
                cluster,
                pool,
                place: &place,
                message: &faults[0].message,
                refusal: faults[0].refusal.as_ref(),
                plane: view.target().control_plane_namespace(),
                machines: names.clone(),
                azure_machine: faults[0].azure.map_or(names[0], |azure| azure.name.as_str()),
            };
            vm_refusal::explain(&asked, code)
        }
        Break::Reported(reason) => (
            format!("{reason}: {}", first_line(&faults[0].message)),
            "the VM is not made, and Cluster API does not try again by itself".to_owned(),
            look(view, &names),
        ),
        Break::Stuck => (
            format!("no VM after {PROVISIONING} minutes"),
            "Cluster API asks Azure for the VM and gets nothing, or does not ask: its provider does not run or is refused".to_owned(),
            look(view, &names),
        ),
        Break::NotJoined => (
            format!("the VM runs for more than {JOINING} minutes and is no node"),
            "it cannot fetch its ignition, images or certificates: a blocked way out, a wrong name, or an ignition that fails".to_owned(),
            not_joined(view, cluster, &names),
        ),
        Break::Unhealthy => (
            "the node is there and its Machine is not Ready".to_owned(),
            "the NodePool counts it as missing".to_owned(),
            look(view, &names),
        ),
    };
    let mut finding = Finding::fail(subject, format!("{machines} of NodePool {}: {what}", pool.name), why);
    for fault in faults {
        finding = finding.see("chain", chain(view, pool, fault));
    }
    if !faults[0].message.is_empty() {
        finding = finding.see("message", faults[0].message.as_str());
    }
    if matches!(kind, Break::Refused(_)) {
        finding = finding.see("asked for", place.describe());
    }
    finding = finding.touches(Key::NodePool(pool.name.clone()));
    for name in names {
        finding = finding.touches(Key::Machine(name.to_owned()));
    }
    if let Break::Refused(code) = kind
        && let Some(supply) = vm_refusal::supply(code, &faults[0].message)
    {
        finding = finding.touches(Key::Supply(supply, pool.name.clone()));
    }
    let about_identity = faults[0].refusal.as_ref().is_some_and(Refusal::is_about_identity);
    let reported_identity = matches!(kind, Break::Reported(reason) if reason == "UserAssignedIdentityMissing");
    if about_identity || reported_identity || *kind == Break::Stuck {
        finding = by_provider(finding);
    }
    // Azure's code says why by itself, but for the one that says "look at the provider's registration".
    if matches!(kind, Break::Refused(code) if code != "MissingSubscriptionRegistration") {
        finding = finding.explaining_itself();
    }
    match kind {
        Break::Refused(code) if code == "RequestDisallowedByPolicy" => finding = finding.touches(Key::Policy),
        Break::Refused(code) if code == "ScopeLocked" => finding = finding.touches(Key::Lock),
        _ => {}
    }
    let bootstrap = matches!(kind, Break::Reported(reason) if reason == "BootstrapFailed");
    if matches!(kind, Break::NotJoined | Break::Unhealthy) || bootstrap {
        finding = finding.touches(Key::Egress).touches(Key::Names);
    }
    finding.fix(fix)
}

/// Where the VMs were asked for. The zone may stand in the message alone.
fn place_of(cluster: &HostedCluster, pool: &NodePool, faults: &[Broken<'_>]) -> Place {
    let azure = faults.iter().find_map(|fault| fault.azure);
    let texts = faults.iter().flat_map(|fault| {
        let deeper = fault.azure.iter().flat_map(|azure| &azure.conditions);
        let conditions = fault.machine.conditions.iter().chain(deeper);
        conditions.map(|condition| condition.message.as_str())
    });
    let own_zone = azure.and_then(|azure| azure.zone.clone()).or_else(|| pool.zone.clone());
    Place {
        size: azure.and_then(|azure| azure.vm_size.clone()).unwrap_or_else(|| pool.vm_size.clone()),
        location: cluster.azure.location.clone(),
        zone: own_zone.filter(|zone| !zone.is_empty()).or_else(|| texts.into_iter().find_map(zone_in)),
    }
}

/// `… in location eastus zone 2.` → `2`.
fn zone_in(message: &str) -> Option<String> {
    let words: Vec<&str> = message.split_whitespace().collect();
    let after = words.windows(2).find(|pair| pair[0].trim_matches('\'').eq_ignore_ascii_case("zone"))?[1];
    let zone: String = after.chars().filter(char::is_ascii_digit).collect();
    (zone.len() == 1).then_some(zone)
}

fn look(view: &View<'_>, names: &[&str]) -> Fix {
    let plane = view.target().control_plane_namespace();
    Fix::hypershift([
        command!("oc -n {plane} describe machine,azuremachine {}",
            Quoted::words(names); plane),
        command!("oc -n {plane} logs deployment/capi-provider -c manager --tail 100"; plane),
        command!("oc -n {plane} delete machine {}", Quoted::words(names); plane),
    ])
    .note("delete the machine once the cause is gone: its replacement is made at once")
}

fn not_joined(view: &View<'_>, cluster: &HostedCluster, names: &[&str]) -> Fix {
    let plane = view.target().control_plane_namespace();
    let place = Quoted(command!(
        "--subscription {} -g {} -n {}",
        cluster.azure.subscription_id,
        cluster.azure.resource_group,
        names[0]
    ));
    Fix::azure([
        command!("az vm boot-diagnostics enable {place}"; place),
        command!("az vm boot-diagnostics get-boot-log {place}"; place),
        command!("oc -n {plane} logs deployment/ignition-server --tail 50"; plane),
        command!("hypershift create kubeconfig --name {0} --namespace {1} > {0}.kubeconfig", cluster.name, cluster.namespace),
        command!("oc --kubeconfig {}.kubeconfig get csr", cluster.name),
    ])
    .note("the boot log shows which address Ignition cannot reach; pending certificate requests are approved with `oc adm certificate approve`")
}

/// `NodePool demo -> Machine demo-x (Failed, 40 min) -> AzureMachine demo-x (Ready False: VMProvisionFailed, VM Failed, 12 min)`.
fn chain(view: &View<'_>, pool: &NodePool, fault: &Broken<'_>) -> String {
    let time = |since: Option<Timestamp>| since.map(|then| duration(view.minutes_since(then)));
    let list = |parts: Vec<Option<String>>| parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let ready = |conditions: &[Condition]| {
        let condition = conditions.iter().find(|condition| condition.kind == "Ready")?;
        let reason = if condition.reason.is_empty() { String::new() } else { format!(": {}", condition.reason) };
        Some((format!("Ready {}{reason}", condition.status), condition.last_transition))
    };
    let machine = fault.machine;
    let mut text = format!(
        "NodePool {} -> Machine {} ({})",
        pool.name,
        machine.name,
        list(vec![Some(machine.phase.clone().unwrap_or_else(|| "no phase".into())), time(machine.created_at),])
    );
    match fault.azure {
        Some(azure) => {
            let state = ready(&azure.conditions);
            let since = state.as_ref().and_then(|(_, since)| *since);
            let parts = vec![
                state.map(|(text, _)| text),
                azure.vm_state.as_ref().map(|state| format!("VM {state}")),
                time(since),
            ];
            text.push_str(&format!(" -> AzureMachine {} ({})", azure.name, list(parts)));
        }
        None => text.push_str(" -> no AzureMachine seen"),
    }
    match &machine.node {
        Some(node) => text.push_str(&format!(" -> node {node}")),
        None => text.push_str(" -> no node"),
    }
    text
}

fn duration(minutes: i64) -> String {
    match minutes.max(0) {
        minutes @ 0..=119 => format!("{minutes} min"),
        minutes @ 120..=2879 => format!("{} h", minutes / 60),
        minutes => format!("{} d", minutes / 1440),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &MACHINE_CHAIN;

    /// Machine `at` has no node, and its AzureMachine is not Ready with these words.
    fn fail(facts: &mut Facts, at: usize, reason: &str, message: &str) {
        let machine = the_machine(facts, at);
        machine.node = None;
        machine.phase = Some("Failed".into());
        machine.conditions = vec![condition("Ready", "False", reason)];
        let azure = the_azure_machine(facts, at);
        azure.vm_state = Some("Failed".into());
        azure.conditions = vec![condition("Ready", "False", reason)];
        azure.conditions[0].message = message.into();
    }

    fn refused_with(message: &str) -> Facts {
        let mut facts = healthy();
        fail(&mut facts, 0, "VMProvisionFailed", message);
        facts
    }

    const CAPACITY: &str = "virtualmachine failed to create or update. err: RESPONSE 409: 409 Conflict ERROR CODE: SkuNotAvailable { \"error\": { \"code\": \"SkuNotAvailable\", \"message\": \"Standard_D4s_v5 is currently not available in location eastus.\" } }";

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("Azure has no capacity", |facts| {
                fail(facts, 0, "VMProvisionFailed", CAPACITY);
                set_pool_condition(facts, "AllMachinesReady");
                set_pool_condition(facts, "Ready");
            })
            .showing(&["NP01"]),
            Fault::new("a policy forbids the VM", |facts| {
                break_machine(facts, 1, "RequestDisallowedByPolicy");
                set_pool_condition(facts, "AllMachinesReady");
            })
            .showing(&["NP01"]),
            Fault::new("the NodePool has fewer machines than it wants", |facts| the_pool(facts).replicas = Some(3)),
        ]
    }

    #[test]
    fn machines_that_are_nodes_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn fewer_machines_than_wanted_warn() {
        let mut facts = healthy();
        the_pool(&mut facts).replicas = Some(3);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("found")), (Level::Warn, Some("2")));
        the_pool(&mut facts).conditions.push(condition("UpdatingPlatformMachineTemplate", "True", "AsExpected"));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_refusal_for_capacity_names_code_size_place_and_chain() {
        let mut facts = refused_with(CAPACITY);
        the_machine(&mut facts, 0).conditions[0].message =
            "SkuNotAvailable: not available in location eastus zone 2.".into();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "Machine prod-a");
        assert!(
            finding.what.contains("SkuNotAvailable: Azure has no Standard_D4s_v5 in eastus, zone 2"),
            "{}",
            finding.what
        );
        assert_eq!(
            finding.evidence.get("chain"),
            Some(
                "NodePool prod -> Machine prod-a (Failed, 2 d) -> AzureMachine prod-a (Ready False: VMProvisionFailed, VM Failed, 2 d) -> no node"
            )
        );
        assert!(finding.fixes[0].commands[0].ends_with("-l eastus --size Standard_D4s_v5 --all -o table"));
        assert_eq!(
            finding.keys,
            [
                Key::NodePool("prod".into()),
                Key::Machine("prod-a".into()),
                Key::Supply(crate::Supply::Size, "prod".into())
            ]
        );
    }

    /// As a dump of a young cluster shows it: what creates objects is younger than what happened to them.
    #[test]
    fn one_machine_without_capacity_beside_one_that_is_coming_up() {
        let mut facts = refused_with(CAPACITY);
        the_pool(&mut facts).replicas = Some(0);
        the_machine(&mut facts, 0).created_at = Some(minutes_ago(1));
        let coming = the_machine(&mut facts, 1);
        coming.node = None;
        coming.phase = Some("Provisioned".into());
        coming.created_at = Some(minutes_ago(1));
        coming.conditions = vec![condition("Ready", "False", "WaitingForNodeRef")];
        assert_eq!(the_failure(CHECK, &facts).subject, "Machine prod-a");
    }

    #[test]
    fn a_refusal_fails_however_young_the_machine_is() {
        let mut facts = refused_with(CAPACITY);
        the_machine(&mut facts, 0).created_at = Some(minutes_ago(1));
        the_failure(CHECK, &facts);
    }

    #[test]
    fn the_same_code_is_one_finding_and_two_codes_are_two() {
        let mut facts = refused_with(CAPACITY);
        fail(&mut facts, 1, "VMProvisionFailed", CAPACITY);
        assert_eq!(the_failure(CHECK, &facts).subject, "Machines prod-a, prod-b");
        fail(&mut facts, 1, "VMProvisionFailed", "ERROR CODE: SubnetIsFull");
        let subjects: Vec<String> = findings(CHECK, &facts).into_iter().map(|finding| finding.subject).collect();
        assert_eq!(subjects, ["Machine prod-a", "Machine prod-b"]);
    }

    #[test]
    fn each_code_leads_to_its_command() {
        for (message, command) in [
            ("ERROR CODE: ZonalAllocationFailed", "az vm list-skus"),
            ("ERROR CODE: QuotaExceeded", "az vm list-usage"),
            (
                r#"{"error":{"code":"DeploymentFailed","message":"x","details":[{"code":"OperationNotAllowed","message":"Cores quota"}]}}"#,
                "az vm list-usage",
            ),
            ("ERROR CODE: RequestDisallowedByPolicy", "az policy assignment list"),
            ("ERROR CODE: LinkedAuthorizationFailed", "az role assignment list"),
            ("ERROR CODE: SubnetIsFull", "az network vnet subnet create"),
            ("ERROR CODE: PublicIPCountLimitReached", "az network list-usages"),
            ("ERROR CODE: MissingSubscriptionRegistration", "az provider register"),
            (
                r#"ERROR CODE: InvalidParameter {"error":{"code":"InvalidParameter","message":"The property 'securityProfile.encryptionAtHost' is not valid"}}"#,
                "az feature register",
            ),
            ("ERROR CODE: MarketplacePurchaseEligibilityFailed", "az vm image terms accept"),
            (
                "AADSTS700213: No match for presented assertion subject 's'",
                "oc -n clusters-prod logs deployment/capi-provider",
            ),
            ("ERROR CODE: SomethingNew", "oc -n clusters-prod describe azuremachine prod-a"),
        ] {
            let finding = the_failure(CHECK, &refused_with(message));
            assert!(finding.fixes[0].commands[0].starts_with(command), "{message}: {finding:#?}");
        }
    }

    #[test]
    fn what_is_refused_to_the_identity_touches_it() {
        let text = "AuthorizationFailed: The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Network/virtualNetworks/subnets/join/action' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid.";
        let finding = the_failure(CHECK, &refused_with(text));
        assert!(finding.keys.contains(&Key::Identity("nodePoolManagement".into())));
        assert!(finding.keys.contains(&Key::Workload("capi-provider".into())));
        assert!(finding.fixes[0].commands[1].ends_with("--scope /subscriptions/s/resourceGroups/g"));
    }

    #[test]
    fn a_fault_without_a_code_is_told_in_its_own_words() {
        let finding = the_failure(CHECK, &refused_with("the disk is too small"));
        assert!(finding.what.ends_with("VMProvisionFailed: the disk is too small"), "{}", finding.what);
        let mut facts = healthy();
        fail(&mut facts, 0, "", "");
        the_azure_machine(&mut facts, 0).failure_reason = Some("CreateError".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn a_vm_that_never_joins_touches_the_way_out() {
        let mut facts = healthy();
        let machine = the_machine(&mut facts, 0);
        machine.node = None;
        machine.phase = Some("Provisioned".into());
        machine.conditions = vec![condition("Ready", "False", "WaitingForNodeRef")];
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("runs for more than 15 minutes"));
        assert!(finding.keys.contains(&Key::Egress));
        the_machine(&mut facts, 0).created_at = Some(minutes_ago(5));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_machine_without_a_vm_may_take_twenty_minutes() {
        let mut facts = healthy();
        let machine = the_machine(&mut facts, 0);
        machine.node = None;
        machine.phase = Some("Provisioning".into());
        machine.created_at = Some(minutes_ago(19));
        machine.conditions = vec![condition("Ready", "False", "WaitingForInfrastructure")];
        let azure = the_azure_machine(&mut facts, 0);
        azure.vm_state = Some("Creating".into());
        azure.conditions = vec![condition("Ready", "False", "VMCreating")];
        assert_passes(CHECK, &facts);
        the_machine(&mut facts, 0).created_at = Some(minutes_ago(21));
        let finding = the_failure(CHECK, &facts);
        assert!(finding.keys.contains(&Key::Workload("capi-provider".into())));
    }

    #[test]
    fn a_node_pool_without_machines() {
        let mut facts = healthy();
        facts.hosted.machines = Fact::Absent;
        facts.hosted.azure_machines = Fact::Absent;
        assert_eq!(the_failure(CHECK, &facts).subject, "NodePool prod");
        let invalid = condition("ValidPlatformImage", "False", "Because");
        the_pool(&mut facts).conditions.push(invalid);
        assert_passes(CHECK, &facts);
        the_pool(&mut facts).conditions.pop();
        the_pool(&mut facts).replicas = Some(0);
        assert_passes(CHECK, &facts);
        the_pool(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn machines_of_others_and_leaving_ones_do_not_count() {
        let mut facts = refused_with(CAPACITY);
        the_machine(&mut facts, 0).deleted_at = Some(minutes_ago(1));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn gaps() {
        let mut facts = healthy();
        facts.hosted.azure_machines = Fact::Unreadable(denied("list azuremachines"));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        facts.hosted.machines = Fact::Unreadable(denied("list machines"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
