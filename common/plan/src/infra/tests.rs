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
        managed: None,
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

/// Managed identities of which each but the named ones is one of the subscription's.
fn managed(facts: &mut Facts, strangers: &[&str]) -> Managed {
    let control_plane = [
        "cloudProvider",
        "nodePoolManagement",
        "controlPlaneOperator",
        "imageRegistry",
        "ingress",
        "network",
        "disk",
        "file",
    ];
    let mut content = json!({"managedIdentitiesKeyVault": {"name": "kv", "tenantID": "t"}});
    let mut data_plane = json!({});
    let guid = |at: usize| format!("00000000-0000-0000-0000-{at:012}");
    for (at, key) in control_plane.into_iter().enumerate() {
        content[key] = json!({"clientID": guid(at), "credentialsSecretName": format!("{key}-creds")});
    }
    for (at, key) in ["imageRegistryMSIClientID", "diskMSIClientID", "fileMSIClientID"].into_iter().enumerate() {
        data_plane[key] = json!(guid(10 + at));
    }
    let all = control_plane.into_iter().map(|key| (key, content[key]["clientID"].clone()));
    let all = all.chain(data_plane.as_object().unwrap().iter().map(|(key, id)| (key.as_str(), id.clone())));
    facts.identities = all
        .filter(|(key, _)| !strangers.contains(key))
        .map(|(key, id)| json!({"properties": {"clientId": id, "principalId": format!("principal-{key}")}}))
        .collect();
    let identities = ManagedIdentities::of(&content, crate::cluster::DataPlaneIdentities::of(&data_plane)).unwrap();
    Managed { identities, file: "mi.json".into(), data_plane_file: "dp.json".into() }
}

#[test]
fn managed_identities_get_the_roles_of_workload_identities_and_the_data_plane_those_of_its_kin() {
    let mut spec = spec();
    let mut facts = facts(&spec);
    let of_workload = plan(&spec, &facts).unwrap();
    spec.identities = ClientIds::new();
    spec.managed = Some(managed(&mut facts, &[]));
    let planned = plan(&spec, &facts).unwrap();
    let roles = |planned: &Planned| -> BTreeMap<String, (String, Origin)> {
        let change = |step: &Step| match step.change.clone() {
            Some(Change::RoleAssignment { id, role_definition_id, principal, .. }) => {
                Some((id.to_string(), (role_definition_id, principal)))
            }
            _ => None,
        };
        planned.steps.iter().filter_map(change).collect()
    };
    let (workload, managed) = (roles(&of_workload), roles(&planned));
    for (id, (role, principal)) in &workload {
        assert_eq!(managed.get(id), Some(&(role.clone(), principal.clone())));
    }
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/demo-demo-x7k2p");
    let more: BTreeMap<String, (String, Origin)> = [
        ("ciroWI", "8b32b316-c2f5-4ddf-b05b-83dacd2d08b5", "imageRegistryMSIClientID"),
        ("azure-diskWI", "5b7237c5-45e1-49d6-bc18-a1f62f400748", "diskMSIClientID"),
        ("azure-fileWI", "0d7aedc0-15fd-4a67-a412-efad370c947e", "fileMSIClientID"),
    ]
    .into_iter()
    .map(|(component, role, key)| {
        let name = assignment_name("demo-x7k2p", component, &group);
        let role = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let id = format!("{group}/providers/Microsoft.Authorization/roleAssignments/{name}");
        (id, (role, Origin::Known(format!("principal-{key}"))))
    })
    .collect();
    assert_eq!(managed.into_iter().filter(|(id, _)| !workload.contains_key(id)).collect::<BTreeMap<_, _>>(), more);
    let output = crate::cluster::InfraOutput::of_text(&planned.output).unwrap();
    assert_eq!(output.workload_identities, None);
    assert_eq!(output.managed_identities, spec.managed.clone().map(|managed| managed.identities));
    // Without an image registry neither of its two identities needs a role.
    spec.without_image_registry = true;
    assert_eq!(roles(&plan(&spec, &facts).unwrap()).len(), 21 - 2);
    // One identity for both planes: Azure takes the same role at the same place once.
    spec.without_image_registry = false;
    let both = spec.managed.as_mut().unwrap();
    let disk = both.identities.control_plane["disk"].0.clone();
    both.identities.data_plane.0.insert("diskMSIClientID".into(), disk);
    assert_eq!(roles(&plan(&spec, &facts).unwrap()).len(), 21 - 1);
}

#[test]
fn service_principals_are_refused_with_what_they_need() {
    let mut spec = spec();
    let mut facts = facts(&spec);
    spec.managed = Some(managed(&mut facts, &["disk", "network", "fileMSIClientID"]));
    let refusal = refused(&spec, &facts);
    assert_eq!((refusal.flag, refusal.value.as_str()), ("--managed-identities-file", "mi.json"));
    assert_eq!(refusal.why.matches("\naz role assignment create").count(), 1 + 2 + 1, "{}", refusal.why);
    let scope = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/demo-vnet-demo-x7k2p");
    let command = format!(
        "az role assignment create --assignee 00000000-0000-0000-0000-000000000005 --role be7a6435-15ae-4171-8f30-4a343eff9e8f --scope {scope}"
    );
    assert!(refusal.why.lines().any(|line| line == command), "{}", refusal.why);
    assert!(refusal.fix.contains("--assign-identity-roles"));
    spec.managed = Some(managed(&mut facts, &["fileMSIClientID"]));
    let refusal = refused(&spec, &facts);
    assert_eq!((refusal.flag, refusal.value.as_str()), ("--data-plane-identities-file", "dp.json"));
    // Somebody else assigns them: nobody has to be found.
    spec.roles = None;
    plan(&spec, &facts).unwrap();
    // A client id that is not told is fine as long as no role is to be assigned.
    spec.managed.as_mut().unwrap().identities.control_plane.get_mut("disk").unwrap().0.clear();
    spec.check().unwrap();
    spec.roles = Some(Roles { dns_zone_group: "os4-common".into(), narrow: false });
    assert!(spec.check().unwrap_err().why.contains("disk has no clientID"));
    spec.managed.as_mut().unwrap().identities.data_plane.0.insert("diskMSIClientID".into(), "d".into());
    spec.roles = None;
    assert_eq!(spec.check().unwrap_err().flag, "--data-plane-identities-file");
}
