//! QT03: the sizes of the NodePools can be had in the region and zone, and suit architecture, image and disk.

use facts::hosted::{HostedCluster, Image, NodePool};
use facts::quota::VmSize;

use crate::capacity::{Demand, Wish, demands};
use crate::judgement::{BEING_DELETED, Supply};
use crate::prelude::*;
use crate::shell::command;
use crate::supply;

declare_check! {
    /// ## What it checks
    /// The size of each NodePool is offered in the cluster's region and in the NodePool's zone, and the subscription may use
    /// it there. Its processor is that of the NodePool's `arch`, it boots images of the NodePool's Hyper-V generation, and
    /// (a warning) it takes premium disks where the NodePool asks for them.
    ///
    /// Machines that run go on when their size is restricted later, so that this is a failure only where machines are still
    /// to be made, and else a warning. Capacity that Azure lacks for the moment is listed nowhere: NP02 tells of it.
    ///
    /// ## Why it matters
    /// Nothing checks the size when a NodePool is made. Azure refuses its VMs with SkuNotAvailable or InvalidParameter, and
    /// the NodePool only says that machines are not ready.
    ///
    /// ## How to fix
    /// The size and the zone of a NodePool stay what they are: make another NodePool with one of the sizes that are named. For
    /// a size that is restricted for the subscription, ask Azure's support for access.
    ///
    /// Source: Azure REST API "Resource Skus - List"; kubernetes-sigs/cluster-api-provider-azure issue #4964;
    /// Azure documentation "Resolve errors for SKU not available".
    pub static SKU_AVAILABLE = {
        code: "QT03",
        id: "sku-available",
        group: Quota,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Skus],
        caused_by: ["CR01", "QT01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let pools = view.node_pools()?;
    let demands = demands(view, &Wish::default())?;
    if demands.is_empty() {
        return Ok(Judgement::NotApplicable("the cluster has no NodePools".into()));
    }
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    for demand in &demands {
        let Some(pool) = pools.iter().find(|pool| pool.name == demand.pool) else { continue };
        match view.vm_size(&demand.size) {
            Err(gap) => gaps.push((format!("size {}", demand.size), gap)),
            Ok(size) => {
                if let Some(fault) = fault(cluster, pool, size) {
                    findings.push(finding(view, cluster, pool, demand, size, fault));
                } else if let Some(size) = size {
                    findings.extend(disks(view, cluster, pool, demand, size));
                }
            }
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(
        format!("the sizes of {} NodePools can be had in {}", demands.len(), cluster.azure.location),
        findings,
    ))
}

/// What keeps Azure from making VMs of a NodePool.
struct Fault {
    what: String,
    want: String,
    found: String,
}

fn fault(cluster: &HostedCluster, pool: &NodePool, size: Option<&VmSize>) -> Option<Fault> {
    let (name, location) = (&pool.vm_size, &cluster.azure.location);
    let fault = |what: String, want: &str, found: String| Some(Fault { what, want: want.to_owned(), found });
    let Some(size) = size else {
        return fault(format!("{location} does not offer the size {name}"), name, "no such size".into());
    };
    if let Some(reason) = &size.restricted {
        let what = format!("the subscription may not use the size {name} in {location}");
        return fault(what, "no restriction", reason.clone());
    }
    if let Some(zone) = pool.zone.as_ref().filter(|zone| !zone.is_empty()) {
        let offered: Vec<&str> =
            size.zones.iter().filter(|zone| !size.restricted_zones.contains(zone)).map(String::as_str).collect();
        if !offered.contains(&zone.as_str()) {
            let how = if size.zones.contains(zone) {
                format!("the subscription may not use the size {name} in zone {zone} of {location}")
            } else {
                format!("zone {zone} of {location} does not offer the size {name}")
            };
            let found = if offered.is_empty() { "no zone".into() } else { format!("zones {}", offered.join(", ")) };
            return fault(how, &format!("zone {zone}"), found);
        }
    }
    if let Some(found) = &size.architecture {
        let want = processor(pool);
        if !found.eq_ignore_ascii_case(want) {
            let arch = pool.arch.as_deref().unwrap_or("amd64");
            return fault(
                format!("NodePool {} is of {arch}, and {name} has {found} processors", pool.name),
                want,
                found.clone(),
            );
        }
    }
    let generation = generation(pool)?;
    if size.generations.is_empty() || size.generations.iter().any(|own| own.eq_ignore_ascii_case(generation)) {
        return None;
    }
    fault(
        format!("{name} does not boot images of Hyper-V generation {generation}"),
        generation,
        size.generations.join(", "),
    )
}

/// The processor that Azure names for an `arch`.
fn processor(pool: &NodePool) -> &'static str {
    match pool.arch.as_deref() {
        Some("arm64") => "Arm64",
        _ => "x64",
    }
}

/// The Hyper-V generation of the image, where the NodePool alone tells it. Only images of the release are chosen by it.
fn generation(pool: &NodePool) -> Option<&'static str> {
    match pool.vm.image.as_ref()? {
        Image::OfRelease { generation } if generation.as_deref() == Some("Gen1") => Some("V1"),
        Image::OfRelease { .. } => Some("V2"),
        Image::Id { .. } | Image::Marketplace(_) => None,
    }
}

fn finding(
    view: &View<'_>,
    cluster: &HostedCluster,
    pool: &NodePool,
    demand: &Demand,
    size: Option<&VmSize>,
    fault: Fault,
) -> Finding {
    let why = format!("Azure refuses every VM that NodePool {} still has to make", pool.name);
    let finding = supply::finding(cluster, &[demand], format!("NodePool {}", pool.name), fault.what, why)
        .compare(fault.want, fault.found);
    let finding = match size.filter(|size| !size.restricted_zones.is_empty()) {
        Some(size) => finding.see("restricted zones", size.restricted_zones.join(", ")),
        None => finding,
    };
    advise(view, cluster, demand, finding)
}

fn disks(view: &View<'_>, cluster: &HostedCluster, pool: &NodePool, demand: &Demand, size: &VmSize) -> Option<Finding> {
    let wanted = pool.vm.disk_type.as_deref().unwrap_or("Premium_LRS");
    if size.premium_disks != Some(false) || !wanted.starts_with("Premium") {
        return None;
    }
    let finding = Finding::warn(
        format!("NodePool {}", pool.name),
        format!("{} takes no premium disks, and NodePool {} asks for {wanted}", size.name, pool.name),
        "Azure refuses a VM whose OS disk is of a kind that its size does not take",
    )
    .compare("a size that takes premium disks", size.name.as_str());
    Some(advise(view, cluster, demand, finding))
}

fn advise(view: &View<'_>, cluster: &HostedCluster, demand: &Demand, finding: Finding) -> Finding {
    let (subscription, location) = (&cluster.azure.subscription_id, &cluster.azure.location);
    let near = view.nearest_sizes(&demand.size);
    let names: Vec<&str> = near.iter().map(|size| size.name.as_str()).collect();
    let best = names.first().copied().unwrap_or("SIZE");
    let finding = if names.is_empty() { finding } else { finding.see("nearest sizes", names.join(", ")) };
    let note = if names.is_empty() {
        "SIZE is one without restrictions in the table"
    } else {
        "size and zone of a NodePool cannot be changed"
    };
    let finding = finding.fix(
        Fix::azure([
            command!("az vm list-skus --subscription {subscription} -l {location} --size {} --all -o table", demand.size; subscription, location),
            supply::another_pool(cluster, demand, best, &demand.subnet),
        ])
        .note(note),
    );
    supply::touching(finding, Supply::Size, [&demand.pool])
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &SKU_AVAILABLE;

    const REFUSED: &str = "RESPONSE 409: 409 Conflict ERROR CODE: SkuNotAvailable { \"error\": { \"code\": \"SkuNotAvailable\", \"message\": \"not available in location eastus.\" } }";

    pub(crate) fn faults() -> Vec<crate::testkit::Fault> {
        use crate::testkit::Fault;
        vec![
            Fault::new("a size that is restricted for the subscription, and a machine refused", |facts| {
                vm_size(facts, "Standard_D4s_v5").restricted = Some("NotAvailableForSubscription".into());
                refuse_machine(facts, REFUSED);
            }),
            Fault::new("a size that the region does not offer", |facts| {
                facts.azure.quota.sizes.insert("standard_d4s_v5".into(), Fact::Absent);
                refuse_machine(facts, REFUSED);
            }),
            Fault::new("a size that was restricted after the machines were made", |facts| {
                vm_size(facts, "Standard_D4s_v5").restricted = Some("NotAvailableForSubscription".into());
            }),
        ]
    }

    #[test]
    fn an_offered_size_passes_in_any_case() {
        let mut facts = healthy();
        pool(&mut facts).vm_size = "standard_d4S_V5".into();
        pool(&mut facts).zone = Some("2".into());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_size_that_is_not_offered_or_restricted() {
        let mut facts = planned();
        vm_size(&mut facts, "Standard_D4s_v5").restricted = Some("NotAvailableForSubscription".into());
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("found"), Some("NotAvailableForSubscription"));
        assert_eq!(finding.evidence.get("nearest sizes"), Some("Standard_D4as_v5"));
        assert!(finding.fixes[0].commands[1].contains("--instance-type Standard_D4as_v5 "), "{finding:#?}");
        facts.azure.quota.sizes.insert("standard_d4s_v5".into(), Fact::Absent);
        facts.azure.quota.nearest.clear();
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("does not offer"));
        assert!(finding.fixes[0].commands[1].contains("--instance-type SIZE "));
    }

    #[test]
    fn running_machines_make_it_a_warning() {
        let mut facts = healthy();
        vm_size(&mut facts, "Standard_D4s_v5").restricted = Some("QuotaId".into());
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        pool(&mut facts).replicas = Some(3);
        the_failure(CHECK, &facts);
    }

    #[test]
    fn zones() {
        let mut facts = planned();
        pool(&mut facts).zone = Some("3".into());
        vm_size(&mut facts, "Standard_D4s_v5").restricted_zones = vec!["3".into()];
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("may not use") && finding.what.contains("zone 3"), "{}", finding.what);
        assert_eq!(finding.evidence.get("found"), Some("zones 1, 2"));
        vm_size(&mut facts, "Standard_D4s_v5").zones = Vec::new();
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.starts_with("zone 3 of eastus does not offer"), "{}", finding.what);
        pool(&mut facts).zone = None;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn architecture_generation_and_disks() {
        let mut facts = planned();
        pool(&mut facts).arch = Some("arm64".into());
        assert!(the_failure(CHECK, &facts).what.contains("has x64 processors"));
        pool(&mut facts).arch = None;
        assert_passes(CHECK, &facts);
        vm_size(&mut facts, "Standard_D4s_v5").generations = vec!["V1".into()];
        assert_eq!(the_failure(CHECK, &facts).evidence.get("want"), Some("V2"));
        pool(&mut facts).vm.image = Some(Image::Id { id: "/i".into() });
        assert_passes(CHECK, &facts);
        vm_size(&mut facts, "Standard_D4s_v5").premium_disks = Some(false);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        pool(&mut facts).vm.disk_type = Some("StandardSSD_LRS".into());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_was_not_read_is_unknown() {
        let mut facts = healthy();
        let gap = denied("Microsoft.Compute/skus/read");
        facts.azure.quota.sizes.insert("standard_d4s_v5".into(), Fact::Unreadable(gap));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.machines = Fact::Unreadable(denied("list machines"));
        assert_eq!(the_gap(CHECK, &facts).needs.as_deref(), Some("list machines"));
        facts.hosted.node_pools = Fact::Known(Vec::new());
        facts.hosted.machines = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
    }
}
