//! Collecting features, sizes, quotas and marketplace terms.

use std::collections::{BTreeMap, BTreeSet};

use arm::{Arm, model};
use facts::hosted::{HostedCluster, Image, MarketplaceImage, NodePool};
use facts::quota::{Quota, SubnetUse, Usage, VmSize};
use facts::{ArmId, Fact, Gap, GapKind, Need};
use futures::future::join_all;

use super::Sources;
use crate::azure::gap_of;

/// How many sizes are named beside one that cannot be had.
const NEAREST: usize = 3;

/// Collects what is wanted of it.
pub(super) async fn collect(sources: &Sources<'_>) -> Quota {
    let (arm, cluster) = match (&sources.arm, &sources.cluster) {
        (Ok(arm), Ok(cluster)) => (*arm, *cluster),
        (Err(gap), _) => return unasked(gap),
        (_, Err(gap)) => return unasked(&Gap { kind: GapKind::Blocked, ..gap.clone() }),
    };
    let pools = sources.node_pools;
    let subscription = cluster.azure.subscription_id.as_str();
    let location = cluster.azure.location.to_lowercase().replace(' ', "");
    let wants = |need| sources.wants(need);
    let (encryption_at_host, (sizes, nearest), usages, image_terms) = futures::join!(
        async { if wants(Need::Features) { feature(arm, subscription).await } else { Fact::default() } },
        async { if wants(Need::Skus) { sizes(arm, subscription, &location, pools).await } else { Default::default() } },
        async { if wants(Need::Usages) { usages(arm, cluster, &location, pools).await } else { Quota::default() } },
        async { if wants(Need::ImageTerms) { terms(arm, subscription, pools).await } else { BTreeMap::new() } },
    );
    Quota { encryption_at_host, sizes, nearest, image_terms, ..usages }
}

/// The facts when Azure could not be asked. Maps stay empty: the sign-in says why.
fn unasked(gap: &Gap) -> Quota {
    let unread = || Fact::Unreadable(gap.clone());
    Quota {
        encryption_at_host: unread(),
        compute: Fact::Unreadable(gap.clone()),
        network: Fact::Unreadable(gap.clone()),
        role_assignments: Fact::Unreadable(gap.clone()),
        ..Quota::default()
    }
}

async fn feature(arm: &Arm, subscription: &str) -> Fact<String> {
    match arm.feature(subscription, "Microsoft.Compute", "EncryptionAtHost").await {
        Ok(feature) => feature.map(|feature| feature.state).into(),
        Err(error) => Fact::Unreadable(gap_of(&error)),
    }
}

type Sizes = (BTreeMap<String, Fact<VmSize>>, BTreeMap<String, Vec<VmSize>>);

async fn sizes(arm: &Arm, subscription: &str, location: &str, pools: &[NodePool]) -> Sizes {
    let names: BTreeSet<String> =
        pools.iter().map(|pool| pool.vm_size.to_lowercase()).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Sizes::default();
    }
    let all: Vec<VmSize> = match arm.vm_skus(subscription, location).await {
        Ok(skus) => skus.iter().map(vm_size).collect(),
        Err(error) => {
            let gap = gap_of(&error);
            return (names.into_iter().map(|name| (name, Fact::Unreadable(gap.clone()))).collect(), BTreeMap::new());
        }
    };
    let nearest = names
        .iter()
        .map(|name| {
            let pool = pools.iter().find(|pool| pool.vm_size.eq_ignore_ascii_case(name));
            (name.clone(), near(&all, name, pool))
        })
        .collect();
    let found = names
        .into_iter()
        .map(|name| {
            let size = all.iter().find(|size| size.name.eq_ignore_ascii_case(&name)).cloned();
            (name, size.into())
        })
        .collect();
    (found, nearest)
}

/// The sizes nearest to one by vCPUs, memory and series, of those that the subscription may use for such a NodePool.
fn near(all: &[VmSize], name: &str, pool: Option<&NodePool>) -> Vec<VmSize> {
    let own = all.iter().find(|size| size.name.eq_ignore_ascii_case(name));
    let arm64 = pool.and_then(|pool| pool.arch.as_deref()) == Some("arm64");
    let zone = pool.and_then(|pool| pool.zone.as_ref()).filter(|zone| !zone.is_empty());
    let vcpus = own.and_then(|own| own.vcpus).or_else(|| vcpus_of(name));
    let memory = own.and_then(|own| own.memory_mib);
    let suits = |size: &&VmSize| {
        !size.name.eq_ignore_ascii_case(name)
            && size.restricted.is_none()
            && size.architecture.as_deref().is_none_or(|own| own.eq_ignore_ascii_case("Arm64") == arm64)
            && zone.is_none_or(|zone| size.zones.contains(zone) && !size.restricted_zones.contains(zone))
            && size.premium_disks != Some(false)
            && size.encryption_at_host != Some(false)
            && size.generations.iter().any(|generation| generation == "V2")
    };
    let apart = |wanted: Option<i64>, found: Option<i64>| match (wanted, found) {
        (Some(wanted), Some(found)) => (wanted - found).abs(),
        _ => 0,
    };
    let mut list: Vec<&VmSize> = all.iter().filter(suits).collect();
    list.sort_by_key(|size| {
        (
            apart(vcpus, size.vcpus),
            series(&size.name) != series(name),
            apart(memory, size.memory_mib),
            generation(name).abs_diff(generation(&size.name)),
            size.name.clone(),
        )
    });
    list.into_iter().take(NEAREST).cloned().collect()
}

/// `standard_d4s_v5` → 4.
fn vcpus_of(name: &str) -> Option<i64> {
    let rest = name.split('_').nth(1)?.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// `Standard_D4s_v5` → `d`.
fn series(name: &str) -> String {
    let series = name.split('_').nth(1).unwrap_or_default().chars().take_while(char::is_ascii_alphabetic);
    series.collect::<String>().to_lowercase()
}

/// `Standard_D4s_v5` → 5.
fn generation(name: &str) -> u32 {
    name.to_lowercase().rsplit_once("_v").and_then(|(_, version)| version.parse().ok()).unwrap_or(1)
}

fn vm_size(sku: &model::VmSku) -> VmSize {
    let text = |name: &str| sku.capabilities.get(name).map(String::as_str);
    let number = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok());
    let flag = |name: &str| text(name).map(|text| text.eq_ignore_ascii_case("true"));
    let list = |name: &str| -> Vec<String> {
        text(name).map(|text| text.split(',').map(|part| part.trim().to_owned()).collect()).unwrap_or_default()
    };
    // "0.75" of the smallest ones.
    #[allow(clippy::cast_possible_truncation)]
    let memory_mib = text("MemoryGB").and_then(|text| text.parse::<f64>().ok()).map(|gib| (gib * 1024.0) as i64);
    let rooms = [
        number("CachedDiskBytes").map(|bytes| bytes / (1 << 30)),
        number("MaxResourceVolumeMB").map(|mib| mib / 1024),
        number("NvmeDiskSizeInMiB").map(|mib| mib / 1024),
    ];
    let is_zonal = |kind: &str| kind.eq_ignore_ascii_case("Zone");
    VmSize {
        // Sizes with fewer active vCPUs than their kind use the quota for the active ones.
        vcpus: number("vCPUsAvailable").or_else(|| number("vCPUs")),
        memory_mib,
        architecture: text("CpuArchitectureType").map(str::to_owned),
        generations: list("HyperVGenerations"),
        restricted: sku
            .restrictions
            .iter()
            .find(|restriction| !is_zonal(&restriction.kind))
            .map(|restriction| restriction.reason_code.clone()),
        restricted_zones: sku
            .restrictions
            .iter()
            .filter(|restriction| is_zonal(&restriction.kind))
            .flat_map(|restriction| restriction.zones.clone())
            .collect::<BTreeSet<String>>()
            .into_iter()
            .collect(),
        premium_disks: flag("PremiumIO"),
        ephemeral_os_disk: flag("EphemeralOSDiskSupported"),
        encryption_at_host: flag("EncryptionAtHostSupported"),
        ephemeral_gib: rooms.into_iter().flatten().filter(|room| *room > 0).max(),
        zones: sku.zones.clone(),
        family: sku.family.clone().unwrap_or_default(),
        name: sku.name.clone(),
    }
}

/// The quotas; the other fields are left as they are.
async fn usages(arm: &Arm, cluster: &HostedCluster, location: &str, pools: &[NodePool]) -> Quota {
    let subscription = cluster.azure.subscription_id.as_str();
    let (compute, network, subnets, role_assignments) = futures::join!(
        arm.compute_usages(subscription, location),
        arm.network_usages(subscription, location),
        subnets(arm, cluster, pools),
        role_assignments(arm, subscription),
    );
    Quota { compute: listed(compute), network: listed(network), subnets, role_assignments, ..Quota::default() }
}

fn listed(answer: arm::Result<Vec<model::Usage>>) -> Fact<Vec<Usage>> {
    match answer {
        Ok(list) => Fact::Known(
            list.into_iter()
                .map(|usage| Usage {
                    name: usage.name,
                    shown: usage.localized_name,
                    used: usage.current_value,
                    limit: usage.limit,
                })
                .collect(),
        ),
        Err(error) => Fact::Unreadable(gap_of(&error)),
    }
}

async fn subnets(arm: &Arm, cluster: &HostedCluster, pools: &[NodePool]) -> BTreeMap<String, Fact<SubnetUse>> {
    let ids: BTreeSet<&ArmId> = std::iter::once(&cluster.azure.subnet_id)
        .chain(pools.iter().filter_map(|pool| pool.subnet_id.as_ref()))
        .collect();
    let vnets: BTreeSet<ArmId> = ids.iter().filter_map(|id| id.parent()).collect();
    let answers: BTreeMap<ArmId, Fact<Vec<model::Usage>>> = join_all(vnets.into_iter().map(async |vnet| {
        let fact = match arm::ArmId::parse(vnet.as_str()) {
            Ok(id) => match arm.vnet_usages(&id).await {
                Ok(found) => found.into(),
                Err(error) => Fact::Unreadable(gap_of(&error)),
            },
            // An id that is none cannot exist.
            Err(_) => Fact::Absent,
        };
        (vnet, fact)
    }))
    .await
    .into_iter()
    .collect();
    ids.into_iter()
        .map(|id| {
            let fact = match id.parent().and_then(|vnet| answers.get(&vnet)) {
                Some(Fact::Known(list)) => list
                    .iter()
                    .find(|usage| usage.id.as_deref().is_some_and(|own| ArmId::from(own) == *id))
                    .map(|usage| SubnetUse { id: id.clone(), used: usage.current_value, limit: usage.limit })
                    .into(),
                Some(Fact::Unreadable(gap)) => Fact::Unreadable(gap.clone()),
                Some(Fact::Absent) | None => Fact::Absent,
            };
            (id.key(), fact)
        })
        .collect()
}

/// A subscription in which nobody holds a role cannot be read either: none seen is none that may be seen.
async fn role_assignments(arm: &Arm, subscription: &str) -> Fact<u64> {
    match arm.role_assignment_count(subscription).await {
        Ok(0) => {
            let action = "Microsoft.Authorization/roleAssignments/read";
            let why = "the Resource Graph shows the caller no role assignment of the subscription";
            Fact::Unreadable(Gap::new(GapKind::Denied, why).needing(action, format!("/subscriptions/{subscription}")))
        }
        Ok(count) => Fact::Known(count),
        Err(error) => Fact::Unreadable(gap_of(&error)),
    }
}

async fn terms(arm: &Arm, subscription: &str, pools: &[NodePool]) -> BTreeMap<String, Fact<bool>> {
    let images: BTreeMap<String, &MarketplaceImage> = pools
        .iter()
        .filter_map(|pool| match &pool.vm.image {
            Some(Image::Marketplace(image)) if !image.is_openshifts_own() => Some((image.plan_key(), image)),
            _ => None,
        })
        .collect();
    join_all(images.into_iter().map(async |(key, image)| {
        let answer = arm.marketplace_agreement(subscription, &image.publisher, &image.offer, &image.sku).await;
        let fact = match answer {
            Ok(agreement) => agreement.map(|agreement| agreement.accepted).into(),
            // An offer without a plan has no agreement, which Azure does not always call "not found".
            Err(error) if error.status == Some(400) => Fact::Absent,
            Err(error) => Fact::Unreadable(gap_of(&error)),
        };
        (key, fact)
    }))
    .await
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sku(name: &str, vcpus: &str, memory: &str) -> model::VmSku {
        let capabilities = [
            ("vCPUs", vcpus),
            ("MemoryGB", memory),
            ("CpuArchitectureType", "x64"),
            ("HyperVGenerations", "V1,V2"),
            ("CachedDiskBytes", "107374182400"),
            ("MaxResourceVolumeMB", "153600"),
            ("PremiumIO", "True"),
        ];
        model::VmSku {
            name: name.into(),
            family: Some("f".into()),
            zones: vec!["1".into(), "2".into()],
            capabilities: capabilities.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            restrictions: Vec::new(),
        }
    }

    #[test]
    fn what_a_size_can_do() {
        let mut from = sku("Standard_E8-2s_v5", "8", "0.75");
        from.capabilities.insert("vCPUsAvailable".into(), "2".into());
        for (kind, zones) in [("Zone", vec!["2".to_owned()]), ("Location", Vec::new())] {
            from.restrictions.push(model::SkuRestriction { kind: kind.into(), reason_code: "QuotaId".into(), zones });
        }
        let size = vm_size(&from);
        assert_eq!((size.vcpus, size.memory_mib, size.ephemeral_gib), (Some(2), Some(768), Some(150)));
        assert_eq!((size.restricted.as_deref(), size.restricted_zones.join("")), (Some("QuotaId"), "2".to_owned()));
        assert_eq!((size.premium_disks, size.encryption_at_host), (Some(true), None));
        assert_eq!(size.generations, ["V1", "V2"]);
    }

    #[test]
    fn the_nearest_sizes_may_be_used_and_are_alike() {
        let mut all: Vec<VmSize> = [
            ("Standard_D4s_v5", "4", "16"),
            ("Standard_D4as_v5", "4", "16"),
            ("Standard_D4s_v3", "4", "16"),
            ("Standard_E4s_v5", "4", "32"),
            ("Standard_D8s_v5", "8", "32"),
            ("Standard_D4ps_v5", "4", "16"),
            ("Standard_D4ds_v5", "4", "16"),
        ]
        .into_iter()
        .map(|(name, vcpus, memory)| vm_size(&sku(name, vcpus, memory)))
        .collect();
        all[5].architecture = Some("Arm64".into());
        all[6].restricted = Some("NotAvailableForSubscription".into());
        let names = |name: &str| near(&all, name, None).into_iter().map(|size| size.name).collect::<Vec<_>>();
        assert_eq!(names("standard_d4s_v5"), ["Standard_D4as_v5", "Standard_D4s_v3", "Standard_E4s_v5"]);
        // One that the region does not know is told by its name.
        assert_eq!(names("Standard_D8ls_v9")[0], "Standard_D8s_v5");
        assert_eq!((vcpus_of("Standard_NC24ads_A100_v4"), vcpus_of("x")), (Some(24), None));
    }
}
