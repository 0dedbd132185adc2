#![allow(clippy::unwrap_used, clippy::panic)]

use facts::Fact;

use super::*;
use crate::testkit::{self, *};

fn amounts(facts: &Facts, wish: &Wish, resource: Resource) -> Amounts {
    let rows = capacity(facts, wish).rows;
    let row = rows.iter().find(|row| row.resource == resource).unwrap_or_else(|| panic!("{rows:#?}"));
    row.amounts.unwrap_or_else(|| panic!("{row:#?}"))
}

#[test]
fn a_running_cluster_needs_nothing_more() {
    let facts = healthy();
    let found = amounts(&facts, &Wish::default(), Resource::FamilyVcpus);
    assert_eq!(found, Amounts { limit: 350, used: 8, need: 0, after: 8, surge: 4, peak: 12, fits: 85 });
    let found = amounts(&facts, &Wish::default(), Resource::SnatNodes);
    assert_eq!((found.limit, found.used, found.fits), (62, 2, 60));
    let found = amounts(&facts, &Wish::default(), Resource::RoleAssignments);
    assert_eq!((found.limit, found.used, found.need, found.fits), (4000, 120, 0, 258));
    assert!(capacity(&facts, &Wish::default()).rows.iter().all(|row| row.unknown.is_none()));
}

#[test]
fn more_nodes_by_number_or_by_autoscaler() {
    let facts = healthy();
    for wish in [
        Wish { replicas: Some(10), ..Wish::default() },
        Wish { max: Some(10), pool: Some("prod".into()), ..Wish::default() },
    ] {
        let found = amounts(&facts, &wish, Resource::RegionalVcpus);
        assert_eq!((found.need, found.after, found.peak, found.fits), (0, 40, 44, 77), "{wish:?}");
        let found = amounts(&facts, &wish, Resource::SubnetAddresses);
        assert_eq!((found.used, found.after, found.fits), (2, 10, 241), "{wish:?}");
    }
    let other = Wish { replicas: Some(10), pool: Some("other".into()), ..Wish::default() };
    assert_eq!(amounts(&facts, &other, Resource::RegionalVcpus).after, 8);
}

#[test]
fn another_size_makes_all_machines_anew_and_a_new_pool_is_added() {
    let mut facts = healthy();
    facts.azure.quota.sizes.insert("big".into(), Fact::Known(testkit::size("Big", "standardDSv5Family")));
    vm_size(&mut facts, "big").vcpus = Some(16);
    let wish = Wish { vm_size: Some("Big".into()), replicas: Some(3), pool: Some("prod".into()), ..Wish::default() };
    assert_eq!(amounts(&facts, &wish, Resource::FamilyVcpus).after, 8 + 48);
    let wish = Wish { pool: Some("gpu".into()), ..wish };
    let rows = capacity(&facts, &wish).rows;
    let row = rows.iter().find(|row| row.resource == Resource::FamilyVcpus).unwrap();
    assert_eq!((row.amounts.unwrap().after, row.pools.join("+").as_str()), (8 + 48, "gpu+prod"));
}

#[test]
fn a_planned_cluster_needs_all_and_what_is_refused_is_missing() {
    let facts = planned();
    let of = |resource| amounts(&facts, &Wish::default(), resource);
    assert_eq!(of(Resource::FamilyVcpus).need, 8);
    assert_eq!((of(Resource::PublicIps).need, of(Resource::PublicIps).fits), (2, 9));
    assert_eq!((of(Resource::LoadBalancers).need, of(Resource::VirtualNetworks).need), (1, 1));
    assert_eq!(of(Resource::RoleAssignments).need, 15);
    let mut facts = healthy();
    refuse_machine(&mut facts, "ERROR CODE: QuotaExceeded");
    assert_eq!(amounts(&facts, &Wish::default(), Resource::FamilyVcpus).need, 4);
    federated(&mut facts, "disk").clear();
    let rows = capacity(&facts, &Wish::default()).rows;
    let disk = rows.iter().find(|row| row.resource == Resource::FederatedCredentials && row.name.contains("disk"));
    let disk = disk.unwrap().amounts.unwrap();
    assert_eq!((disk.limit, disk.used, disk.need, disk.fits), (20, 0, 3, 5));
}

#[test]
fn what_was_not_read_is_said_in_its_row() {
    let mut facts = healthy();
    facts.azure.quota.compute = Fact::Unreadable(denied("Microsoft.Compute/locations/usages/read"));
    facts.azure.quota.sizes.clear();
    let rows = capacity(&facts, &Wish::default()).rows;
    let gap = |resource| rows.iter().find(|row| row.resource == resource).unwrap().unknown.clone();
    assert_eq!(gap(Resource::RegionalVcpus).unwrap().needs.unwrap(), "Microsoft.Compute/locations/usages/read");
    assert_eq!(gap(Resource::SubnetAddresses), None);
}
