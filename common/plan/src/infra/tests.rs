#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::Plan;

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

fn spec() -> Spec {
    Spec {
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
        roles: Some(Roles { dns_zone_group: "os4-common".into(), narrow: false }),
        late: Late::default(),
        without_image_registry: false,
        output_file: Some("infra.yaml".into()),
    }
}

fn facts(spec: &Spec) -> Facts {
    let mut facts = Facts {
        regions: vec!["eastus".into(), "westus".into()],
        zones: vec![
            json!({"id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/dns/providers/Microsoft.Network/dnsZones/HCP.example.com"), "name": "HCP.example.com"}),
        ],
        identities: spec
            .identities
            .iter()
            .map(|(key, id)| json!({"properties": {"clientId": id, "principalId": format!("principal-{key}")}}))
            .collect(),
        ..Facts::default()
    };
    facts.seen.insert(&ArmId::of_group(SUBSCRIPTION, "os4-common"), json!({"location": "westus"}));
    facts
}

fn refused(spec: &Spec, facts: &Facts) -> Refusal {
    plan(spec, facts).unwrap_err()
}

fn whole(spec: &Spec, facts: &Facts) -> Plan {
    Plan::new(plan(spec, facts).unwrap().steps).unwrap()
}

#[test]
fn everything_is_missing_at_first() {
    let spec = spec();
    let planned = plan(&spec, &facts(&spec)).unwrap();
    // 3 groups, 6 of network and DNS, 18 roles, the file.
    assert_eq!(planned.steps.len(), 28);
    assert!(planned.steps.iter().all(|step| step.verb == Verb::Create));
    assert!(planned.output.contains("dnsZones/HCP.example.com"), "{}", planned.output);
    assert_eq!(planned.notes.len(), 1, "{:?}", planned.notes);
    // group, NSG, VNet, link, file
    assert_eq!(whole(&spec, &facts(&spec)).critical_path(), 5);
}

#[test]
fn what_is_there_is_kept() {
    let spec = spec();
    let mut facts = facts(&spec);
    let planned = plan(&spec, &facts).unwrap();
    for step in &planned.steps {
        match step.change.clone() {
            Some(Change::ArmPut { id, body, .. }) if step.id == "link" => {
                let mut body = body;
                body["name"] = json!(id.name().unwrap());
                facts.links.push(body);
            }
            Some(Change::ArmPut { id, body, .. }) => facts.seen.insert(&id, body),
            Some(Change::RoleAssignment { id, role_definition_id, principal, .. }) => {
                let (scope, _) = id.as_str().split_once("/providers/").unwrap();
                let Origin::Known(principal) = principal else { unreachable!() };
                facts.assignments.entry(scope.to_ascii_lowercase()).or_default().push(json!({
                    "id": id.as_str(),
                    "properties": {"scope": scope, "roleDefinitionId": role_definition_id, "principalId": principal},
                }));
            }
            Some(Change::File { .. }) => {
                facts.file = Some(FileSeen { text: planned.output.clone(), mode: Some(0o600) })
            }
            _ => {}
        }
    }
    let again = plan(&spec, &facts).unwrap();
    let left: Vec<&Step> = again.steps.iter().filter(|step| step.verb != Verb::Keep).collect();
    assert!(left.is_empty(), "{left:#?}");
    // An identity that was made anew has another object id: its assignments are replaced.
    facts.identities[0]["properties"]["principalId"] = json!("other");
    let again = plan(&spec, &facts).unwrap();
    assert!(again.steps.iter().any(|step| step.verb == Verb::Change));
    facts.file = Some(FileSeen { text: planned.output, mode: Some(0o644) });
    assert!(plan(&spec, &facts).unwrap().steps.iter().any(|step| step.id == "output" && step.verb == Verb::Change));
}

use crate::change::Origin;

#[test]
fn one_group_for_everything_must_exist_and_gives_each_role_once() {
    let mut spec = spec();
    spec.resource_group = Some("shared-rg".into());
    let mut facts = facts(&spec);
    assert_eq!(refused(&spec, &facts).flag, "--resource-group-name");
    facts.seen.insert(&ArmId::of_group(SUBSCRIPTION, "shared-rg"), json!({"location": "westus"}));
    let planned = whole(&spec, &facts);
    // 6 of network and DNS, 8 identities at one group, ingress at the zone's, the file.
    assert_eq!((planned.count(Verb::Create), planned.count(Verb::Keep)), (16, 1));
}

#[test]
fn identities_of_the_same_plan_get_their_roles_once_they_are_there() {
    let mut spec = spec();
    let step = crate::iam::identity_step("disk");
    let placeholder = spec.late.stand_in(&step);
    spec.identities.insert("disk".into(), placeholder);
    let planned = plan(&spec, &facts(&spec)).unwrap();
    for id in ["role/disk/demo-demo-x7k2p", "output"] {
        let found = planned.steps.iter().find(|step| step.id == id).unwrap();
        assert!(found.depends_on.contains(&step), "{found:?}");
    }
    let others = planned.steps.iter().filter(|other| other.depends_on.contains(&step)).count();
    assert_eq!(others, 2, "the disk identity has one role");
}

#[test]
fn narrow_roles_are_real_roles() {
    let mut spec = spec();
    spec.roles = Some(Roles { dns_zone_group: "os4-common".into(), narrow: true });
    let planned = whole(&spec, &facts(&spec));
    let roles: Vec<&str> = planned
        .steps()
        .iter()
        .filter(|step| {
            step.id.starts_with("role/nodePoolManagement") || step.id.starts_with("role/controlPlaneOperator")
        })
        .map(|step| step.reason.as_str())
        .collect();
    assert_eq!(roles.len(), 5);
    assert!(
        roles.iter().all(|reason| reason.starts_with("Azure Red Hat OpenShift Hosted Control Planes ")),
        "{roles:?}"
    );
}

#[test]
fn networks_that_are_brought_must_fit() {
    let id =
        |path: &str| format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/{path}");
    let mut spec = spec();
    spec.vnet_id = Some(id("virtualNetworks/v"));
    assert_eq!(spec.check().unwrap_err().flag, "--vnet-id");
    spec.subnet_id = Some(id("virtualNetworks/other/subnets/n"));
    assert_eq!(spec.check().unwrap_err().flag, "--subnet-id");
    spec.subnet_id = Some(id("virtualNetworks/v/subnets/n"));
    spec.nsg_id = Some(id("networkSecurityGroups/g"));
    spec.check().unwrap();
    let mut facts = facts(&spec);
    assert_eq!(refused(&spec, &facts).flag, "--network-security-group-id");
    facts.seen.insert(&ArmId::new(id("networkSecurityGroups/g")), json!({"location": "eastus"}));
    assert_eq!(refused(&spec, &facts).flag, "--vnet-id");
    let vnet = |location: &str, subnets: Value| json!({"location": location, "properties": {"subnets": subnets}});
    let vnet_id = ArmId::new(id("virtualNetworks/v"));
    facts.seen.insert(&vnet_id, vnet("westus", json!([])));
    assert!(refused(&spec, &facts).why.contains("westus"));
    facts.seen.insert(&vnet_id, vnet("eastus", json!([{"name": "m"}])));
    assert_eq!(refused(&spec, &facts).flag, "--subnet-id");
    facts.seen.insert(&vnet_id, vnet("eastus", json!([{"name": "n"}])));
    assert!(plan(&spec, &facts).unwrap().notes.iter().any(|note| note.contains("no network security group")));
    let bound = json!([{"name": "n", "properties": {"networkSecurityGroup": {"id": id("networkSecurityGroups/G")}}}]);
    facts.seen.insert(&vnet_id, vnet("eastus", bound));
    let planned = plan(&spec, &facts).unwrap();
    assert_eq!(planned.notes.len(), 1, "{:?}", planned.notes);
    assert!(planned.output.contains("virtualNetworks/v/subnets/n"));
    // Only the managed group is ours.
    assert!(!planned.steps.iter().any(|step| step.id == "group/vnet" || step.id == "group/nsg"));
    spec.vnet_id = None;
    assert!(spec.check().unwrap_err().fix.contains("--vnet-id"));
}

#[test]
fn what_cannot_be_found_is_refused() {
    let spec = spec();
    let mut without = facts(&spec);
    without.zones.clear();
    assert_eq!(refused(&spec, &without).flag, "--base-domain");
    let mut without = facts(&spec);
    without.seen = Seen::default();
    assert_eq!(refused(&spec, &without).flag, "--dns-zone-rg-name");
    let mut without = facts(&spec);
    without.identities.clear();
    assert_eq!(refused(&spec, &without).flag, "--workload-identities-file");
    let mut without = facts(&spec);
    without.regions = vec!["westus".into()];
    assert_eq!(refused(&spec, &without).flag, "--location");
}
