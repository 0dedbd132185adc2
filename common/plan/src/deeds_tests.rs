//! Whatever `create iam` and `create infra` write needs an action that the table of [`facts::deeds`] has, at its place.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use facts::catalogue::Scope;
use facts::deeds::{NEEDED, Place, WRITE_GROUP};
use serde_json::json;

use crate::change::Change;
use crate::late::Late;
use crate::{Step, iam, infra};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

/// Every step of a cluster of which nothing is there.
fn steps() -> Vec<Step> {
    let iam_spec = iam::Spec {
        name: "demo".into(),
        infra_id: "demo-x7k2p".into(),
        subscription: SUBSCRIPTION.into(),
        resource_group: "os4-common".into(),
        location: "eastus".into(),
        issuer: "https://acct.blob.core.windows.net/acct".into(),
        kms: true,
        output_file: None,
    };
    let infra_spec = infra::Spec {
        name: "demo".into(),
        infra_id: "demo-x7k2p".into(),
        subscription: SUBSCRIPTION.into(),
        location: "eastus".into(),
        base_domain: "hcp.example.com".into(),
        resource_group: None,
        group_tags: BTreeMap::new(),
        vnet_id: None,
        subnet_id: None,
        nsg_id: None,
        identities: crate::identities::KEYS.iter().map(|key| ((*key).to_owned(), format!("client-{key}"))).collect(),
        managed: None,
        roles: Some(infra::Roles { dns_zone_group: "dns".into(), narrow: false }),
        late: Late::default(),
        without_image_registry: false,
        output_file: None,
    };
    let mut seen = infra::Facts {
        regions: vec!["eastus".into()],
        zones: vec![
            json!({"id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/dns/providers/Microsoft.Network/dnsZones/hcp.example.com"), "name": "hcp.example.com"}),
        ],
        identities: infra_spec
            .identities
            .iter()
            .map(|(key, id)| json!({"properties": {"clientId": id, "principalId": format!("principal-{key}")}}))
            .collect(),
        ..infra::Facts::default()
    };
    seen.seen.insert(&ArmId::of_group(SUBSCRIPTION, "dns"), json!({"location": "eastus"}));
    let mut steps = iam::plan(&iam_spec, &iam::Facts::default()).unwrap();
    steps.extend(infra::plan(&infra_spec, &seen).unwrap().steps);
    steps
}

/// The action that writing a resource needs, and its resource group's name.
fn written(step: &Step) -> Option<(String, String)> {
    let id = match step.change.as_ref()? {
        Change::ArmPut { id, .. } | Change::RoleAssignment { id, .. } => id,
        _ => return None,
    };
    let group = id.resource_group().unwrap().to_owned();
    let action = match id.as_str().rsplit_once("/providers/") {
        None => WRITE_GROUP.to_owned(),
        Some((_, path)) => {
            let parts: Vec<&str> = path.split('/').collect();
            let types: Vec<&str> = parts[1..].iter().copied().step_by(2).collect();
            format!("{}/{}/write", parts[0], types.join("/"))
        }
    };
    Some((action, group))
}

#[test]
fn every_write_of_a_plan_stands_in_the_table() {
    let place = |group: &str| match group {
        "os4-common" => Place::Identities,
        "dns" => Place::Group(Scope::Dns),
        "demo-demo-x7k2p" => Place::Group(Scope::Managed),
        "demo-nsg-demo-x7k2p" => Place::Group(Scope::NetworkSecurityGroup),
        "demo-vnet-demo-x7k2p" => Place::Group(Scope::Vnet),
        other => panic!("{other}"),
    };
    let mut met = BTreeSet::new();
    for (action, group) in steps().iter().filter_map(written).filter(|(action, _)| action != WRITE_GROUP) {
        let place = place(&group);
        let found = NEEDED.iter().position(|one| one.place == place && one.action.eq_ignore_ascii_case(&action));
        met.insert(found.unwrap_or_else(|| panic!("{action} at {group} is not in the table")));
    }
    // And nothing stands there that no plan does.
    let writes = NEEDED.iter().enumerate().filter(|(_, one)| one.action.ends_with("/write"));
    let idle: Vec<_> = writes.filter(|(at, _)| !met.contains(at)).map(|(_, one)| one).collect();
    assert!(idle.is_empty(), "{idle:?}");
}
