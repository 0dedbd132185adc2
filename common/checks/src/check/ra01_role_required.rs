//! RA01: the identity of each component holds its role at each scope where it acts.

use std::collections::BTreeMap;

use facts::ArmId;
use facts::azure::RoleAssignment;
use facts::catalogue::{CONTRIBUTOR, Role};
use facts::hosted::HostedCluster;

use crate::federation::{self, Member};
use crate::prelude::*;
use crate::roles;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The identity of each component has the role that the component needs at each resource group where it acts: the
    /// managed one, and those of the network security group, the VNet and the DNS zone. An assignment above counts, and so
    /// does another role that permits at least as much.
    ///
    /// The image registry and the ingress operator are left out where their capability is disabled, and the KMS identity
    /// altogether: its role is one on the key vault. An identity that the cluster names and does not need (that of the
    /// control plane operator in a public cluster) gives a warning at most. A role that a group holds is not judged.
    ///
    /// ## Why it matters
    /// Azure answers 403 AuthorizationFailed, or LinkedAuthorizationFailed where two resources meet (a network interface
    /// and its subnet). Nodes, load balancers, volumes or DNS records never come, and few conditions say why.
    ///
    /// ## How to fix
    /// Assign the role at the scopes named. Azure takes up to ten minutes to know it.
    ///
    /// Source: openshift/hypershift support/config/constants.go and azureutil.GetServicePrincipalScopes; ARO-HCP#3452;
    /// <https://learn.microsoft.com/azure/role-based-access-control/troubleshooting>.
    pub static ROLE_REQUIRED = {
        code: "RA01",
        id: "role-required",
        group: Roles,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities, Roles],
        caused_by: ["ID01", "CR01", "NW01", "RA04"],
        judge: judge,
    };
}

/// Roles that were made for a component and that it may hold instead of Contributor, by identity key.
const INSTEAD: [(&str, &str); 3] = [
    ("nodePoolManagement", "88366f10-ed47-4cc0-9fab-c8a06148393e"),
    ("controlPlaneOperator", "fc0c873f-45e9-4d0d-a7d1-585aab30c6ed"),
    ("controlPlaneOperator", "7d8bb4e4-6fa7-4545-96cf-20fce11b705d"),
];

/// What is known of one role at one scope.
enum Held {
    Yes,
    /// Yes, but for the type of the principal that the assignment names.
    WrongType(String),
    No,
    /// No; but a group holds it, and the identity may be a member.
    ByGroup(String),
    /// Another role is held, and nobody can tell whether it is enough.
    Perhaps(Vec<String>),
    Unknown(Gap),
}

/// A scope that lacks the role.
struct Lack {
    place: &'static str,
    scope: ArmId,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let members = federation::members(cluster, view.identities()?).unwrap_or_default();
    let mut held = 0;
    let mut unreadable: BTreeMap<ArmId, Gap> = BTreeMap::new();
    let mut findings = Vec::new();
    for member in members {
        let Some(role) = member.component.role else { continue };
        let mut missing = Vec::new();
        let mut seen = Vec::new();
        for (place, scope) in scopes(cluster, &role) {
            let assignments = match view.role_assignments(&scope) {
                Ok(assignments) => assignments,
                Err(gap) => {
                    unreadable.entry(scope).or_insert(gap);
                    continue;
                }
            };
            let own: Vec<&RoleAssignment> = assignments
                .iter()
                .filter(|assignment| assignment.principal_id.eq_ignore_ascii_case(&member.identity.principal_id))
                .collect();
            let held_alone = holds(view, member, &role, &own);
            let group = || group_with(member, &role, assignments);
            let result = match held_alone {
                Held::No => group().map_or(Held::No, Held::ByGroup),
                other => other,
            };
            match result {
                Held::Yes => {
                    held += 1;
                    seen.push(place);
                }
                Held::WrongType(kind) => findings.push(wrong_type(member, &role, &scope, &kind)),
                Held::No => missing.push(Lack { place, scope }),
                Held::ByGroup(id) => findings.push(by_group(member, &role, &scope, &id)),
                Held::Perhaps(names) => findings.push(perhaps(member, &role, &scope, &names)),
                Held::Unknown(gap) => findings.push(Finding::unknown(format!("{} at {scope}", member.subject()), gap)),
            }
        }
        if !missing.is_empty() {
            findings.push(member.weigh(lacks(member, &role, &missing, &seen)));
        }
    }
    for (scope, gap) in unreadable {
        let gap = if gap.kind == GapKind::Denied && gap.needs.is_none() {
            gap.needing("Microsoft.Authorization/roleAssignments/read", scope.as_str())
        } else {
            gap
        };
        findings.push(Finding::unknown(format!("role assignments at {scope}"), gap));
    }
    Ok(Judgement::new(format!("{held} roles are held where they are needed"), findings))
}

/// Where a role is needed, each resource group once.
fn scopes(cluster: &HostedCluster, role: &Role) -> Vec<(&'static str, ArmId)> {
    let mut scopes: Vec<(&'static str, ArmId)> = Vec::new();
    for scope in role.scopes {
        if let Some(id) = cluster.scope(*scope)
            && !scopes.iter().any(|(_, known)| *known == id)
        {
            scopes.push((scope.describe(), id));
        }
    }
    scopes
}

/// Whether an assignment is one of the component's own role.
fn suits(member: Member<'_>, role: &Role, assignment: &RoleAssignment) -> bool {
    let guid = assignment.role_guid();
    guid == role.guid || INSTEAD.contains(&(member.component.key, guid.as_str()))
}

/// The group that holds the component's role at a resource group. Groups of a whole subscription are those of its people.
fn group_with(member: Member<'_>, role: &Role, assignments: &[RoleAssignment]) -> Option<String> {
    assignments
        .iter()
        .filter(|assignment| assignment.principal_type.as_deref() == Some("Group"))
        .filter(|assignment| ArmId::new(assignment.scope.as_str()).resource_group().is_some())
        .find(|assignment| suits(member, role, assignment))
        .map(|assignment| assignment.principal_id.clone())
}

/// Whether the assignments of one principal at one scope amount to a role.
fn holds(view: &View<'_>, member: Member<'_>, role: &Role, own: &[&RoleAssignment]) -> Held {
    if let Some(assignment) = own.iter().find(|assignment| suits(member, role, assignment)) {
        return match assignment.principal_type.as_deref() {
            None | Some("ServicePrincipal") => Held::Yes,
            Some(kind) => Held::WrongType(kind.to_owned()),
        };
    }
    let needed = view.role_definition(role.guid);
    let mut names = Vec::new();
    let mut gap = None;
    for assignment in own {
        let other = match view.role_definition(&assignment.role_guid()) {
            Ok(Some(other)) => other,
            Ok(None) => continue,
            Err(other) => {
                gap.get_or_insert(other);
                continue;
            }
        };
        match &needed {
            Ok(Some(needed)) if roles::covers(other, needed) => return Held::Yes,
            Ok(Some(_)) => {}
            // No role of the catalogue needs what Contributor excepts.
            Ok(None) | Err(_) if roles::grants_almost_everything(other) => return Held::Yes,
            Ok(None) | Err(_) if roles::only_reads(other) => continue,
            Ok(None) => {}
            Err(needed) => {
                gap.get_or_insert(needed.clone());
            }
        }
        // What takes Contributor's place in a custom set-up grants less, on purpose.
        if role.guid == CONTRIBUTOR && !roles::only_reads(other) {
            names.push(other.name.clone());
        }
    }
    match gap {
        _ if !names.is_empty() => Held::Perhaps(names),
        Some(gap) => Held::Unknown(gap),
        None => Held::No,
    }
}

/// The command that assigns a role to an identity.
fn assign(member: Member<'_>, role: &Role, scope: &ArmId) -> String {
    format!(
        "az role assignment create --assignee-object-id {} --assignee-principal-type ServicePrincipal --role {} --scope {}",
        quote(&member.identity.principal_id),
        role.guid,
        quote(scope.as_str())
    )
}

fn lacks(member: Member<'_>, role: &Role, missing: &[Lack], seen: &[&'static str]) -> Finding {
    let places: Vec<&str> = missing.iter().map(|lack| lack.place).collect();
    let mut finding = Finding::fail(
        member.subject(),
        format!("role {} is missing on the {}", role.name, places.join(" and the ")),
        format!(
            "Azure refuses what {} does there (AuthorizationFailed, LinkedAuthorizationFailed)",
            member.component.workloads.first().unwrap_or(&member.component.key)
        ),
    )
    .see("role", format!("{} ({})", role.name, role.guid))
    .see("principal", &member.identity.principal_id);
    for place in seen {
        finding = finding.see(place, "held");
    }
    for lack in missing {
        finding = finding.see(lack.place, format!("missing: {}", lack.scope));
    }
    let commands: Vec<String> = missing.iter().map(|lack| assign(member, role, &lack.scope)).collect();
    member.touched_by(finding.fix(Fix::azure(commands).note("Azure takes up to 10 minutes to know it")))
}

fn perhaps(member: Member<'_>, role: &Role, scope: &ArmId, names: &[String]) -> Finding {
    let finding = Finding::warn(
        member.subject(),
        format!("{} is held at {scope} where {} is expected", names.join(", "), role.name),
        "whether that is enough cannot be told from its actions; where it is not, Azure answers AuthorizationFailed",
    )
    .compare(role.name, names.join(", "))
    .see("principal", &member.identity.principal_id)
    .fix(Fix::azure([assign(member, role, scope)]));
    member.touched_by(finding)
}

fn by_group(member: Member<'_>, role: &Role, scope: &ArmId, group: &str) -> Finding {
    let gap = Gap::new(
        GapKind::NotAsked,
        format!("a group holds {} at {scope}; whether it has this identity as a member was not asked", role.name),
    )
    .with_remedy(format!(
        "az ad group member check --group {} --member-id {}",
        quote(group),
        quote(&member.identity.principal_id)
    ));
    Finding::unknown(member.subject(), gap)
}

fn wrong_type(member: Member<'_>, role: &Role, scope: &ArmId, kind: &str) -> Finding {
    let finding = Finding::warn(
        member.subject(),
        format!("the assignment of {} at {scope} names a principal of type {kind}", role.name),
        "a managed identity is a ServicePrincipal; Azure may not find another type and then refuses (AuthorizationFailed)",
    )
    .compare("ServicePrincipal", kind)
    .fix(Fix::azure([
        format!(
            "az role assignment delete --assignee {} --role {} --scope {}",
            quote(&member.identity.principal_id),
            role.guid,
            quote(scope.as_str())
        ),
        assign(member, role, scope),
    ]));
    member.touched_by(finding)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;
    use facts::azure::{Permission, RoleDefinition};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &ROLE_REQUIRED;

    fn at<'a>(facts: &'a mut facts::Facts, name: &str) -> &'a mut Vec<RoleAssignment> {
        match facts.azure.role_assignments.get_mut(&group(name).key()) {
            Some(Fact::Known(list)) => list,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Takes the role of a component away at a group, and gives the assignment back.
    fn take(facts: &mut facts::Facts, key: &str, name: &str) -> RoleAssignment {
        let list = at(facts, name);
        let found = list.iter().position(|assignment| assignment.principal_id == principal_id(key)).unwrap();
        list.remove(found)
    }

    fn define(facts: &mut facts::Facts, guid: &str, actions: &[&str]) {
        let definition = RoleDefinition {
            guid: guid.into(),
            name: format!("role {guid}"),
            built_in: false,
            permissions: vec![Permission {
                actions: actions.iter().map(|&action| action.into()).collect(),
                ..Permission::default()
            }],
        };
        facts.azure.role_definitions.insert(guid.into(), Fact::Known(definition));
    }

    /// Gives a component another role at a group, in place of its own.
    fn replace(facts: &mut facts::Facts, key: &str, name: &str, guid: &str) {
        let mut assignment = take(facts, key, name);
        assignment.role_definition_id =
            ArmId::new(format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}"));
        at(facts, name).push(assignment);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        const FORBIDDEN: &str = "ERROR CODE: AuthorizationFailed: The client 'c' with object id 'o' does not have authorization to perform action 'a/write' over scope '/s' or the scope is invalid.";
        vec![
            Fault::new("a role is missing at the VNet, and the provider is refused", |facts| {
                take(facts, "nodePoolManagement", "prod-vnet-prod-x7k2p");
                log(facts, "capi-provider", FORBIDDEN);
                break_machine(facts, 0, "AuthorizationFailed");
                set_pool_condition(facts, "AllMachinesReady");
            })
            .showing(&["FC05", "NP01", "NP02"]),
            Fault::new("a role is missing at the network security group", |facts| {
                take(facts, "cloudProvider", "prod-nsg-prod-x7k2p");
                log(facts, "cloud-controller-manager", FORBIDDEN);
                crash(facts, "cloud-controller-manager");
            })
            .showing(&["FC05", "HC01", "HC03"]),
            Fault::new("a role is missing at the DNS zone", |facts| {
                take(facts, "ingress", "dns");
            }),
        ]
    }

    #[test]
    fn roles_that_are_held_pass_whatever_the_case() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        for assignment in at(&mut facts, "dns") {
            assignment.principal_id = assignment.principal_id.to_uppercase();
            assignment.role_definition_id = ArmId::new(assignment.role_definition_id.as_str().to_uppercase());
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_missing_role_is_one_finding_with_a_command_for_each_scope() {
        let mut facts = healthy();
        take(&mut facts, "cloudProvider", "prod-nsg-prod-x7k2p");
        take(&mut facts, "cloudProvider", "prod-vnet-prod-x7k2p");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity cloudProvider (prod-cloud-provider-prod-x7k2p)");
        assert_eq!(finding.evidence.get("managed resource group"), Some("held"));
        assert_eq!(
            finding.fixes[0].commands,
            ["prod-nsg-prod-x7k2p", "prod-vnet-prod-x7k2p"].map(|name| format!(
                "az role assignment create --assignee-object-id {} --assignee-principal-type ServicePrincipal --role a1f96423-95ce-4224-ab27-4e3dc72facd4 --scope {}",
                principal_id("cloudProvider"),
                group(name)
            ))
        );
        assert!(finding.keys.contains(&Key::Workload("cloud-controller-manager".into())));
    }

    #[test]
    fn a_role_that_a_group_holds_is_not_called_missing() {
        let mut facts = healthy();
        let mut assignment = take(&mut facts, "cloudProvider", "prod-nsg-prod-x7k2p");
        assignment.principal_id = "group".into();
        assignment.principal_type = Some("Group".into());
        assignment.scope = group("prod-nsg-prod-x7k2p").to_string();
        at(&mut facts, "prod-nsg-prod-x7k2p").push(assignment.clone());
        let gap = the_gap(CHECK, &facts);
        assert!(gap.remedy.unwrap().contains("--group group --member-id"));
        // A group of the whole subscription is not taken for one of identities.
        at(&mut facts, "prod-nsg-prod-x7k2p").pop();
        assignment.scope = format!("/subscriptions/{SUBSCRIPTION}");
        at(&mut facts, "prod-nsg-prod-x7k2p").push(assignment);
        the_failure(CHECK, &facts);
    }

    #[test]
    fn an_identity_that_is_not_needed_warns() {
        let mut facts = healthy();
        take(&mut facts, "controlPlaneOperator", "prod-nsg-prod-x7k2p");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        cluster(&mut facts).azure.topology = Some("Private".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn another_role_counts_if_it_permits_as_much() {
        let mut facts = healthy();
        define(&mut facts, "wide", &["*"]);
        define(&mut facts, "narrow", &["Microsoft.Network/dnsZones/read"]);
        replace(&mut facts, "ingress", "dns", "wide");
        assert_passes(CHECK, &facts);
        replace(&mut facts, "ingress", "dns", "narrow");
        assert!(the_failure(CHECK, &facts).what.contains("resource group of the DNS zone"));
    }

    #[test]
    fn without_the_definition_of_the_role_the_other_one_speaks_for_itself() {
        let mut facts = healthy();
        let guid = catalogue::by_key("ingress").unwrap().role.unwrap().guid;
        facts.azure.role_definitions.remove(guid);
        define(&mut facts, "wide", &["*"]);
        define(&mut facts, "reader", &["*/read"]);
        define(&mut facts, "network", &["Microsoft.Network/*"]);
        replace(&mut facts, "ingress", "dns", "wide");
        assert_passes(CHECK, &facts);
        replace(&mut facts, "ingress", "dns", "reader");
        the_failure(CHECK, &facts);
        replace(&mut facts, "ingress", "dns", "network");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        replace(&mut facts, "ingress", "dns", "unheard-of");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        facts.azure.role_definitions.insert("unheard-of".into(), Fact::Absent);
        the_failure(CHECK, &facts);
    }

    #[test]
    fn a_role_made_for_the_component_stands_for_contributor() {
        let mut facts = healthy();
        replace(&mut facts, "nodePoolManagement", "prod-vnet-prod-x7k2p", "88366f10-ed47-4cc0-9fab-c8a06148393e");
        assert_passes(CHECK, &facts);
        define(&mut facts, "custom", &["Microsoft.Network/virtualNetworks/subnets/join/action"]);
        replace(&mut facts, "nodePoolManagement", "prod-vnet-prod-x7k2p", "custom");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn a_principal_of_another_type() {
        let mut facts = healthy();
        let mut assignment = take(&mut facts, "ingress", "dns");
        assignment.principal_type = Some("User".into());
        at(&mut facts, "dns").push(assignment);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.evidence.get("found")), (Level::Warn, Some("User")));
    }

    #[test]
    fn groups_that_coincide_count_once() {
        let mut facts = healthy();
        let vnet = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/PROD-prod-x7k2p/providers/Microsoft.Network/virtualNetworks/v";
        cluster(&mut facts).azure.vnet_id = vnet.into();
        take(&mut facts, "network", "prod-prod-x7k2p");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.fixes[0].commands.len(), 1);
    }

    #[test]
    fn an_unreadable_scope_is_one_row_that_names_the_action() {
        let mut facts = healthy();
        let gap = Gap::new(GapKind::Denied, "403 AuthorizationFailed");
        facts.azure.role_assignments.insert(group("prod-nsg-prod-x7k2p").key(), Fact::Unreadable(gap));
        take(&mut facts, "ingress", "dns");
        let findings = findings(CHECK, &facts);
        let levels: Vec<_> = findings.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
        let gap = findings[1].gap.as_ref().unwrap();
        assert_eq!(gap.needs.as_deref(), Some("Microsoft.Authorization/roleAssignments/read"));
        assert_eq!(gap.scope.as_deref(), Some(group("prod-nsg-prod-x7k2p").as_str()));
    }

    #[test]
    fn what_does_not_run_or_is_gone_needs_no_role() {
        let mut facts = healthy();
        take(&mut facts, "imageRegistry", "prod-prod-x7k2p");
        assert_eq!(findings(CHECK, &facts).len(), 1);
        cluster(&mut facts).disabled_capabilities = vec!["ImageRegistry".into()];
        assert_passes(CHECK, &facts);
        take(&mut facts, "disk", "prod-prod-x7k2p");
        identity(&mut facts, "disk").client_id = "another".into();
        assert_passes(CHECK, &facts);
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn nothing_read_is_unknown() {
        let mut facts = healthy();
        facts.azure.role_assignments.clear();
        facts.azure.login = Fact::Unreadable(Gap::new(GapKind::NotRecorded, "not in this bundle"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotRecorded);
        facts.azure.identities = Fact::Unreadable(denied("read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
