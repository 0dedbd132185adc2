//! NP07: the boot image and the OS disk of the NodePools are such as Azure makes VMs of.

use facts::hosted::{HostedCluster, Image, MarketplaceImage, NodePool};
use facts::version::{Version, normalize};

use crate::capacity::{Demand, Wish, demands};
use crate::judgement::{BEING_DELETED, Supply};
use crate::prelude::*;
use crate::shell::command;
use crate::supply;

declare_check! {
    /// ## What it checks
    /// The image of each NodePool can be booted: a release before 4.20 names no marketplace image itself, so that its
    /// NodePools name one in full or the id of a managed image; the terms of a marketplace image with a purchase plan are
    /// accepted. The OS disk has 16 to 32,767 GiB; an ephemeral one is of a size that the VM size can hold. A disk
    /// encryption set is in the cluster's subscription.
    ///
    /// Machines that run go on, so that this is a failure only where machines are still to be made, and else a warning. An
    /// image with a purchase plan is a warning even when its terms are accepted.
    ///
    /// ## Why it matters
    /// Azure refuses such VMs: MarketplacePurchaseEligibilityFailed, VMMarketplaceInvalidInput, or InvalidParameter on the
    /// disk. Or the operator makes no machines at all, since it finds no image.
    ///
    /// ## How to fix
    /// Accept the terms, or make another NodePool: HyperShift sends no purchase plan, so an image without one is safer.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/azure.go, hypershift-operator/controllers/nodepool/azure.go; Azure
    /// documentation "Ephemeral OS disks for Azure VMs"; Azure REST API "Marketplace Agreements - Get".
    pub static IMAGE_AND_DISK = {
        code: "NP07",
        id: "image-and-disk",
        group: NodePools,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, NodePools, Machines, Skus, ImageTerms],
        caused_by: ["CR01", "QT01", "QT03"],
        judge: judge,
    };
}

/// The first minor whose release names marketplace images itself.
const NAMES_IMAGES: u64 = 20;
/// The sizes of OS disks in GiB.
const DISK_GIB: std::ops::RangeInclusive<i32> = 16..=32_767;
/// The size of an OS disk that is not given, in GiB.
const DEFAULT_GIB: i32 = 30;

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
    for demand in &demands {
        let Some(pool) = pools.iter().find(|pool| pool.name == demand.pool) else { continue };
        let own = image(view, cluster, pool, demand).into_iter().chain(disk(view, cluster, pool, demand));
        findings.extend(own.map(|finding| supply::touching(finding, Supply::Image, [&pool.name])));
    }
    Ok(Judgement::new(format!("images and disks of {} NodePools can be had", demands.len()), findings))
}

fn image(view: &View<'_>, cluster: &HostedCluster, pool: &NodePool, demand: &Demand) -> Option<Finding> {
    let subject = format!("NodePool {}", pool.name);
    match pool.vm.image.as_ref()? {
        Image::Id { .. } => None,
        Image::OfRelease { .. } => {
            let version =
                Version::of_image(&pool.release_image).or_else(|| pool.version.as_deref().and_then(Version::parse))?;
            if version.normalized_minor() >= normalize(4, NAMES_IMAGES) {
                return None;
            }
            let what = format!(
                "release {version} of NodePool {} names no marketplace image, nor does the NodePool",
                pool.name
            );
            Some(
                supply::finding(cluster, &[demand], subject, what, "the operator finds no image and makes no machines")
                    .compare("release 4.20 or newer, or an image in full", version.to_string())
                    .fix(Fix::hypershift([supply::another_pool(cluster, demand, &demand.size, &demand.subnet)
                        + " --marketplace-publisher PUBLISHER --marketplace-offer OFFER --marketplace-sku SKU --marketplace-version VERSION"])),
            )
        }
        Image::Marketplace(image) if image.is_openshifts_own() => None,
        Image::Marketplace(image) => terms(view, cluster, pool, demand, image),
    }
}

fn terms(
    view: &View<'_>,
    cluster: &HostedCluster,
    pool: &NodePool,
    demand: &Demand,
    image: &MarketplaceImage,
) -> Option<Finding> {
    let subscription = &cluster.azure.subscription_id;
    let subject = format!("image {}", image.urn());
    let finding = match view.image_terms(image) {
        Err(gap) => return Some(Finding::unknown(subject, gap)),
        Ok(None) => return None,
        Ok(Some(true)) => Finding::warn(
            subject,
            format!("the image of NodePool {} has a purchase plan", pool.name),
            "HyperShift sends no plan with its VMs, which Azure may refuse with VMMarketplaceInvalidInput",
        ),
        Ok(Some(false)) => supply::finding(
            cluster,
            &[demand],
            subject,
            format!("the terms of the image of NodePool {} are not accepted in subscription {subscription}", pool.name),
            "Azure makes no VM of that image: MarketplacePurchaseEligibilityFailed",
        )
        .compare("accepted", "not accepted"),
    };
    let urn = image.urn();
    Some(
        finding.see("NodePool", pool.name.as_str()).fix(
            Fix::azure([
                command!("az vm image terms show --subscription {subscription} --urn {urn}"; subscription, urn),
                command!("az vm image terms accept --subscription {subscription} --urn {urn}"; subscription, urn),
            ])
            .note("HyperShift sends no purchase plan: an image without one is safer"),
        ),
    )
}

fn disk(view: &View<'_>, cluster: &HostedCluster, pool: &NodePool, demand: &Demand) -> Option<Finding> {
    let subject = format!("NodePool {}", pool.name);
    let again = supply::another_pool(cluster, demand, &demand.size, &demand.subnet);
    let gib = pool.vm.disk_gib.unwrap_or(DEFAULT_GIB);
    if !DISK_GIB.contains(&gib) {
        let what = format!("the OS disk of NodePool {} is to have {gib} GiB", pool.name);
        let finding = supply::finding(cluster, &[demand], subject, what, "Azure makes no OS disk of that size");
        let found = format!("{gib} GiB");
        return Some(finding.compare("16 to 32767 GiB", found).fix(Fix::hypershift([again + " --root-disk-size 120"])));
    }
    let other = pool
        .vm
        .disk_encryption_set
        .as_ref()
        .and_then(|set| set.subscription())
        .filter(|own| !own.eq_ignore_ascii_case(&cluster.azure.subscription_id));
    if let Some(other) = other {
        let what = format!("the disk encryption set of NodePool {} is in another subscription", pool.name);
        let finding = supply::finding(cluster, &[demand], subject, what, "Azure refuses to encrypt disks with it");
        return Some(
            finding
                .compare(&cluster.azure.subscription_id, other)
                .fix(Fix::hypershift([again + " --disk-encryption-set-id ID"])),
        );
    }
    if !pool.vm.is_ephemeral() {
        return None;
    }
    let size = match view.vm_size(&pool.vm_size) {
        Err(gap) => return Some(Finding::unknown(format!("size {}", pool.vm_size), gap)),
        // A size that the region does not offer is QT03's matter.
        Ok(None) => return None,
        Ok(Some(size)) => size,
    };
    let (what, want, found) = match (size.ephemeral_os_disk, size.ephemeral_gib) {
        (Some(false), _) => (
            format!("{} has no room for an ephemeral OS disk, and NodePool {} asks for one", size.name, pool.name),
            "a size with ephemeral OS disks".to_owned(),
            size.name.clone(),
        ),
        (_, Some(room)) if room < i64::from(gib) => (
            format!("the ephemeral OS disk of NodePool {} does not fit into {}", pool.name, size.name),
            format!("at most {room} GiB"),
            format!("{gib} GiB"),
        ),
        _ => return None,
    };
    Some(
        supply::finding(cluster, &[demand], subject, what, "Azure refuses the VM: InvalidParameter on the OS disk")
            .compare(want, found)
            .fix(
                Fix::hypershift([again])
                    .note("without --enable-ephemeral-disk, with a smaller --root-disk-size, or of another size"),
            ),
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &IMAGE_AND_DISK;

    fn named(facts: &mut Facts, accepted: Fact<bool>) {
        let image = marketplace_image();
        facts.azure.quota.image_terms.insert(image.plan_key(), accepted);
        pool(facts).vm.image = Some(Image::Marketplace(image));
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("terms that are not accepted, and a machine is refused", |facts| {
                named(facts, Fact::Known(false));
                refuse_machine(facts, "ERROR CODE: MarketplacePurchaseEligibilityFailed");
            }),
            Fault::new("an image with a purchase plan", |facts| named(facts, Fact::Known(true))),
            Fault::new("an old release without an image", |facts| {
                pool(facts).release_image = "quay.io/openshift-release-dev/ocp-release:4.19.7-multi".into();
                for condition in &mut pool(facts).conditions {
                    if condition.kind == "ValidPlatformImage" {
                        condition.status = "False".into();
                    }
                }
                pool(facts).replicas = Some(3);
            }),
            Fault::new("an ephemeral disk that does not fit", |facts| pool(facts).vm.disk_gib = Some(400))
                .of(healthy_kms),
        ]
    }

    #[test]
    fn images_that_can_be_had_pass() {
        for facts in [healthy(), healthy_kms(), planned()] {
            assert_passes(CHECK, &facts);
        }
        let mut facts = healthy();
        pool(&mut facts).vm.image = Some(Image::Id { id: "/i".into() });
        assert_passes(CHECK, &facts);
        pool(&mut facts).vm.image =
            Some(Image::Marketplace(MarketplaceImage { publisher: "azureopenshift".into(), ..marketplace_image() }));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn terms() {
        let mut facts = planned();
        named(&mut facts, Fact::Known(false));
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            finding.fixes[0].commands[1],
            format!("az vm image terms accept --subscription {SUBSCRIPTION} --urn contoso:rhcos:rhcos-gen2:4.22.1")
        );
        named(&mut facts, Fact::Known(true));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        named(
            &mut facts,
            Fact::Unreadable(denied(
                "Microsoft.MarketplaceOrdering/offerTypes/publishers/offers/plans/agreements/read",
            )),
        );
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }

    #[test]
    fn releases_before_4_20_name_no_image() {
        let mut facts = planned();
        for (tag, fails) in [("4.19.9-multi", true), ("4.20.0-multi", false), ("5.0.1-multi", false)] {
            pool(&mut facts).release_image = format!("quay.io/openshift-release-dev/ocp-release:{tag}");
            assert_eq!(findings(CHECK, &facts).len(), usize::from(fails), "{tag}");
        }
        pool(&mut facts).release_image = "quay.io/x@sha256:0".into();
        pool(&mut facts).version = Some("4.18.3".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn disks() {
        let mut facts = planned();
        for gib in [15, 40_000] {
            pool(&mut facts).vm.disk_gib = Some(gib);
            assert_eq!(the_failure(CHECK, &facts).evidence.get("want"), Some("16 to 32767 GiB"));
        }
        pool(&mut facts).vm.disk_gib = None;
        pool(&mut facts).vm.disk_encryption_set =
            Some("/subscriptions/other/resourceGroups/g/providers/Microsoft.Compute/diskEncryptionSets/d".into());
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("other"));
        pool(&mut facts).vm.disk_encryption_set = None;
        pool(&mut facts).vm.disk_persistence = Some("Ephemeral".into());
        assert_passes(CHECK, &facts);
        pool(&mut facts).vm.disk_gib = Some(151);
        assert_eq!(the_failure(CHECK, &facts).evidence.get("want"), Some("at most 150 GiB"));
        vm_size(&mut facts, "Standard_D4s_v5").ephemeral_os_disk = Some(false);
        assert!(the_failure(CHECK, &facts).what.contains("has no room"));
    }
}
