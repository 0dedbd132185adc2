//! Features, sizes, quotas and marketplace terms.

use facts::hosted::{Image, MarketplaceImage, NodePool};
use facts::quota::{SubnetUse, Usage, VmSize};
use facts::{Fact, Facts};

use super::{INFRA, cluster, condition, healthy, healthy_as, subnet_id};

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    let kms = cluster(facts).kms.is_some();
    let quota = &mut facts.azure.quota;
    quota.encryption_at_host = Fact::Known("Registered".into());
    quota.sizes = [("standard_d4s_v5".to_owned(), Fact::Known(size("Standard_D4s_v5", "standardDSv5Family")))].into();
    quota.nearest = [("standard_d4s_v5".to_owned(), vec![size("Standard_D4as_v5", "standardDASv5Family")])].into();
    quota.compute = Fact::Known(vec![
        usage("cores", "Total Regional vCPUs", 8, 350),
        usage("standardDSv5Family", "Standard DSv5 Family vCPUs", 8, 350),
    ]);
    quota.network = Fact::Known(vec![
        usage("VirtualNetworks", "Virtual Networks", 1, 1000),
        usage("NetworkSecurityGroups", "Network Security Groups", 1, 5000),
        usage("PublicIPAddresses", "Public IP Addresses", 2, 1000),
        usage("StandardSkuPublicIpAddresses", "Standard Sku Public IP Addresses", 2, 20),
        usage("StandardSkuLoadBalancers", "Standard Sku Load Balancers", 1, 1000),
    ]);
    quota.subnets = [(subnet_id().key(), Fact::Known(SubnetUse { id: subnet_id(), used: 2, limit: 251 }))].into();
    quota.role_assignments = Fact::Known(120);
    if kms {
        let image = marketplace_image();
        quota.image_terms.insert(image.plan_key(), Fact::Absent);
        pool(facts).vm.image = Some(Image::Marketplace(image));
        pool(facts).vm.disk_persistence = Some("Ephemeral".into());
    }
}

fn usage(name: &str, shown: &str, used: i64, limit: i64) -> Usage {
    Usage { name: name.into(), shown: shown.into(), used, limit }
}

/// An image that somebody names, without terms.
pub(crate) fn marketplace_image() -> MarketplaceImage {
    MarketplaceImage {
        publisher: "contoso".into(),
        offer: "rhcos".into(),
        sku: "rhcos-gen2".into(),
        version: "4.22.1".into(),
    }
}

/// A size of four vCPUs that can do everything.
pub(crate) fn size(name: &str, family: &str) -> VmSize {
    VmSize {
        name: name.into(),
        family: family.into(),
        vcpus: Some(4),
        memory_mib: Some(16384),
        architecture: Some("x64".into()),
        generations: vec!["V1".into(), "V2".into()],
        zones: vec!["1".into(), "2".into(), "3".into()],
        restricted: None,
        restricted_zones: Vec::new(),
        premium_disks: Some(true),
        ephemeral_os_disk: Some(true),
        encryption_at_host: Some(true),
        ephemeral_gib: Some(150),
    }
}

/// [`healthy`] before the HostedCluster exists: nothing of it is there, and its network is to be made.
pub(crate) fn planned() -> Facts {
    let mut facts = healthy();
    cluster(&mut facts).created_at = None;
    pool(&mut facts).created_at = None;
    facts.hosted.machines = Fact::Absent;
    facts.hosted.azure_machines = Fact::Absent;
    for used in [&mut facts.azure.quota.compute, &mut facts.azure.quota.network] {
        if let Fact::Known(list) = used {
            list.iter_mut().for_each(|usage| usage.used = 0);
        }
    }
    let network = &mut facts.azure.network;
    network.vnets.values_mut().for_each(|fact| *fact = Fact::Absent);
    network.nsgs.values_mut().for_each(|fact| *fact = Fact::Absent);
    network.load_balancers.values_mut().for_each(|fact| *fact = Fact::Absent);
    facts.azure.quota.subnets.values_mut().for_each(|fact| *fact = Fact::Absent);
    facts
}

/// [`healthy`] with a NodePool that may grow to five nodes by itself.
pub(crate) fn healthy_autoscaling() -> Facts {
    healthy_as(|facts| {
        pool(facts).replicas = None;
        pool(facts).auto_scaling = Some((2, 5));
        for condition in &mut pool(facts).conditions {
            if condition.kind == "AutoscalingEnabled" {
                condition.status = "True".into();
            }
        }
    })
}

/// The NodePool of test facts, to be changed.
pub(crate) fn pool(facts: &mut Facts) -> &mut NodePool {
    match &mut facts.hosted.node_pools {
        Fact::Known(pools) => &mut pools[0],
        other => panic!("no NodePools: {other:?}"),
    }
}

/// A size of test facts, to be changed.
pub(crate) fn vm_size<'a>(facts: &'a mut Facts, name: &str) -> &'a mut VmSize {
    match facts.azure.quota.sizes.get_mut(&name.to_ascii_lowercase()) {
        Some(Fact::Known(size)) => size,
        other => panic!("no size {name}: {other:?}"),
    }
}

/// A quota of test facts, to be changed.
pub(crate) fn quota<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Usage {
    let lists = [&mut facts.azure.quota.compute, &mut facts.azure.quota.network];
    for list in lists {
        if let Fact::Known(list) = list
            && let Some(usage) = list.iter_mut().find(|usage| usage.name == name)
        {
            return usage;
        }
    }
    panic!("no quota {name}")
}

/// Azure has refused the first machine with these words: it has no VM and no node, and NodePool and cluster show it.
pub(crate) fn refuse_machine(facts: &mut Facts, message: &str) {
    let (Fact::Known(machines), Fact::Known(azure)) = (&mut facts.hosted.machines, &mut facts.hosted.azure_machines)
    else {
        panic!("no machines in {INFRA}")
    };
    machines[0].node = None;
    machines[0].phase = Some("Failed".into());
    machines[0].conditions = vec![condition("Ready", "False", "VMProvisionFailed")];
    azure[0].vm_state = Some("Failed".into());
    azure[0].conditions = vec![condition("Ready", "False", "VMProvisionFailed")];
    azure[0].conditions[0].message = message.into();
    for condition in &mut pool(facts).conditions {
        if matches!(condition.kind.as_str(), "AllMachinesReady" | "AllNodesHealthy" | "Ready") {
            condition.status = "False".into();
            condition.reason = "VMProvisionFailed".into();
        }
    }
}
