//! CR02: the caller may make what create still has to make.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use facts::azure::{Caller, Identity, Login, Permission};
use facts::catalogue::{COMPONENTS, CONTRIBUTOR};
use facts::deeds::{ASSIGN_ROLE, Deed, NEEDED, Needed, Place, WRITE_GROUP};
use facts::governance::DenyAssignment;
use facts::hosted::HostedCluster;

use crate::federation;
use crate::prelude::*;
use crate::roles;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Azure is asked what the caller may do at each resource group of the cluster, at that of its identities, and at the
    /// subscription. What creating the cluster would still have to make (managed identities with their federated credentials,
    /// network security group, VNet, load balancer, private DNS zone, role assignments, and the groups themselves) is held
    /// against it. A group that does not exist yet is asked for at the subscription. What is there needs no right.
    ///
    /// Roles may be somebody else's task: without them a missing right to assign is a warning, unless the create that is
    /// judged assigns them. A deny assignment counts as a missing right, and is a warning where nothing is left to make.
    ///
    /// ## Why it matters
    /// Azure checks rights at each request. A create that is refused halfway leaves groups, networks and identities behind,
    /// and most often it is the last part that is refused: Contributor may make everything and assign no role.
    ///
    /// ## How to fix
    /// Contributor for the resources, and User Access Administrator for role assignments, at the scopes named.
    ///
    /// Source: <https://learn.microsoft.com/rest/api/authorization/permissions>,
    /// <https://learn.microsoft.com/azure/role-based-access-control/deny-assignments>; Azure/ARO-RP#1893.
    pub static CALLER_PERMISSIONS = {
        code: "CR02",
        id: "caller-permissions",
        group: Credentials,
        since: "0.1.0",
        when: [Preflight, NodePool],
        needs: [HostedCluster, Login, ResourceGroups, Identities, Roles, Network, CallerPermissions],
        caused_by: ["CR01"],
        judge: judge,
    };
}

/// The GUID of the built-in role User Access Administrator.
const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";

/// What is known of one action at one scope.
struct Asked {
    action: &'static str,
    /// What needs it.
    deed: Option<Deed>,
    /// Whether it is still needed, or why that is not known.
    needed: Result<bool, Gap>,
    /// Whether the caller holds it; the name of the deny assignment that takes it, otherwise.
    held: bool,
    denied_by: Option<String>,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let caller = match view.login()? {
        Login::SignedIn(caller) => caller,
        Login::Refused { .. } => {
            return Err(Gap::new(GapKind::Blocked, "Azure was not asked: signing in was refused"));
        }
    };
    let subscription = ArmId::new(format!("/subscriptions/{}", cluster.azure.subscription_id));
    // Without the subscription's own answer nothing can be said of groups that are not there yet; others stand for themselves.
    let at_subscription = view.caller_permissions(&subscription);
    let identities = view.identities();
    let denies = view.deny_assignments();
    let own_denies: Vec<&DenyAssignment> =
        denies.iter().flat_map(|list| list.iter()).filter(|deny| hits(deny, caller)).collect();
    let mut asked: BTreeMap<ArmId, Vec<Asked>> = BTreeMap::new();
    let mut gaps = Vec::new();
    let mut groups = BTreeSet::new();
    for needed in &NEEDED {
        let known = identities.as_ref().ok().map(|list| list.as_slice());
        let Some(group) = scope_of(cluster, needed.place, known, view.identities_group()) else {
            continue;
        };
        let still = still_needed(view, cluster, needed, &group, &identities);
        groups.insert(group.clone());
        let (scope, held) = match permissions(view, &group, &subscription, &at_subscription) {
            Ok(found) => found,
            Err(gap) => {
                if still != Ok(false) {
                    gaps.push((format!("what the caller may do at {group}"), gap));
                }
                continue;
            }
        };
        let deny =
            own_denies.iter().find(|deny| deny.bears_on(&group) && roles::permits(&deny.permissions, needed.action));
        let entry = Asked {
            action: needed.action,
            deed: Some(needed.deed),
            needed: still.clone(),
            held: roles::permits(held, needed.action) && deny.is_none(),
            denied_by: deny.map(|deny| deny.name.clone()),
        };
        let list = asked.entry(scope.clone()).or_default();
        // Where several groups are one, or none exists, an action is told once.
        match list.iter_mut().find(|known| known.action == entry.action) {
            Some(known) if known.needed == Ok(true) || still == Ok(false) => {}
            Some(known) => *known = entry,
            None => list.push(entry),
        }
        if scope == subscription && group != subscription && still == Ok(true) {
            let list = asked.entry(scope).or_default();
            if !list.iter().any(|known| known.action == WRITE_GROUP) {
                let held = roles::permits(held, WRITE_GROUP);
                list.push(Asked { action: WRITE_GROUP, deed: None, needed: Ok(true), held, denied_by: None });
            }
        }
    }
    let assigns_roles = view.assigns_roles();
    let mut findings: Vec<Finding> =
        asked.iter().filter_map(|(scope, list)| missing(caller, scope, list, assigns_roles)).collect();
    for (scope, list) in &asked {
        for one in list.iter().filter(|one| !one.held) {
            if let Err(gap) = &one.needed {
                gaps.push((format!("whether {} at {scope} is needed", one.action), gap.clone()));
            }
        }
    }
    for deny in own_denies {
        let told = |finding: &Finding| finding.evidence.0.iter().any(|(_, value)| value.contains(&deny.name));
        if groups.iter().any(|group| deny.bears_on(group)) && !findings.iter().any(told) {
            findings.push(standing_in_the_way(deny));
        }
    }
    if let Err(gap) = denies {
        gaps.push(("deny assignments".to_owned(), gap));
    }
    findings.extend(Finding::unknowns(gaps));
    let held = asked.values().flatten().filter(|one| one.held).count();
    Ok(Judgement::new(
        format!(
            "the caller may make what is left to make; {held} actions of create are its own at {} scopes",
            asked.len()
        ),
        findings,
    ))
}

/// Whether a deny assignment holds for the caller, as far as that can be told: not through a group.
fn hits(deny: &DenyAssignment, caller: &Caller) -> bool {
    let names = |list: &BTreeSet<String>| {
        caller.object_id.as_ref().is_some_and(|own| list.iter().any(|id| id.eq_ignore_ascii_case(own)))
    };
    (deny.is_for_everyone() || names(&deny.principals)) && !names(&deny.excluded)
}

/// The resource group of a place. Of identities that are not there yet, and that are not created here, nobody knows where
/// they will be, so it is the subscription.
fn scope_of(
    cluster: &HostedCluster,
    place: Place,
    identities: Option<&[Identity]>,
    planned: Option<&ArmId>,
) -> Option<ArmId> {
    if place != Place::Identities {
        return place.of(cluster);
    }
    let client_ids = cluster.workload_identities()?;
    if let Some(planned) = planned {
        return Some(planned.clone());
    }
    let own =
        identities?.iter().find(|identity| client_ids.values().any(|id| identity.client_id.eq_ignore_ascii_case(id)));
    let subscription = &cluster.azure.subscription_id;
    Some(match own.and_then(|identity| identity.id.resource_group()) {
        Some(group) => ArmId::of_group(subscription, group),
        None => ArmId::new(format!("/subscriptions/{subscription}")),
    })
}

/// What the caller holds at a group, and the scope that this was asked of.
fn permissions<'a>(
    view: &View<'a>,
    group: &ArmId,
    subscription: &ArmId,
    at_subscription: &Result<Option<&'a Vec<Permission>>, Gap>,
) -> Result<(ArmId, &'a [Permission]), Gap> {
    let exists = match group.resource_group() {
        // What is not known of the group shows in what is asked of it.
        Some(name) => view.resource_group(name).ok().is_none_or(|group| group.is_some()),
        None => false,
    };
    if exists && let Some(held) = view.caller_permissions(group)? {
        return Ok((group.clone(), held));
    }
    match at_subscription {
        Ok(held) => Ok((subscription.clone(), held.map_or(&[][..], Vec::as_slice))),
        Err(gap) => Err(gap.clone()),
    }
}

/// Whether something is not there yet.
fn still_needed(
    view: &View<'_>,
    cluster: &HostedCluster,
    needed: &Needed,
    group: &ArmId,
    identities: &Result<&Vec<Identity>, Gap>,
) -> Result<bool, Gap> {
    let azure = &cluster.azure;
    match needed.deed {
        Deed::SecurityGroup => Ok(view.nsg(&azure.security_group_id)?.is_none()),
        Deed::Vnet => Ok(view.vnet(&azure.vnet_id)?.is_none()),
        Deed::Egress | Deed::PrivateZone => {
            let own_way = view
                .subnet(&azure.subnet_id)?
                .is_some_and(|subnet| subnet.nat_gateway_id.is_some() || subnet.route_table_id.is_some());
            Ok(!own_way && view.load_balancer(&cluster.egress_load_balancer())?.is_none())
        }
        Deed::Identities => lacks_identities(cluster, identities.clone()?),
        Deed::Roles => {
            let identities = identities.clone()?;
            if lacks_identities(cluster, identities)? {
                return Ok(true);
            }
            let Place::Group(scope) = needed.place else { return Ok(false) };
            let assignments = match view.role_assignments(group) {
                Ok(list) => list.as_slice(),
                // No group, no roles.
                Err(gap) if gap.kind == GapKind::Blocked => &[],
                Err(gap) => return Err(gap),
            };
            let members = federation::members(cluster, identities).unwrap_or_default();
            Ok(members.iter().any(|member| {
                let acts_there = member.component.role.is_some_and(|role| role.scopes.contains(&scope));
                let id = &member.identity.principal_id;
                let holds = assignments.iter().any(|one| one.principal_id.eq_ignore_ascii_case(id));
                member.needed && acts_there && !holds && groups_hold_nothing(assignments, group)
            }))
        }
    }
}

/// Whether no group of principals holds a role made for the resource group: it could have the identity as a member.
fn groups_hold_nothing(assignments: &[facts::azure::RoleAssignment], group: &ArmId) -> bool {
    !assignments
        .iter()
        .any(|one| one.principal_type.as_deref() == Some("Group") && one.scope.eq_ignore_ascii_case(group.as_str()))
}

fn lacks_identities(cluster: &HostedCluster, identities: &[Identity]) -> Result<bool, Gap> {
    let Some(client_ids) = cluster.workload_identities() else { return Ok(false) };
    Ok(COMPONENTS.iter().filter(|component| cluster.requires(component)).any(|component| {
        let found = client_ids
            .get(component.key)
            .is_some_and(|id| identities.iter().any(|identity| identity.client_id.eq_ignore_ascii_case(id)));
        !found
    }))
}

/// The finding about the actions that the caller lacks at one scope.
fn missing(caller: &Caller, scope: &ArmId, list: &[Asked], assigns_roles: Option<bool>) -> Option<Finding> {
    let wanted =
        |one: &&Asked| one.needed == Ok(true) && !(one.deed == Some(Deed::Roles) && assigns_roles == Some(false));
    let lacking: Vec<&Asked> = list.iter().filter(|one| !one.held).filter(wanted).collect();
    if lacking.is_empty() {
        return None;
    }
    let place = match scope.resource_group() {
        Some(group) => format!("resource group {group}"),
        None => format!("subscription {}", scope.subscription().unwrap_or_default()),
    };
    let deeds: BTreeSet<&str> = lacking.iter().map(|one| one.deed.map_or("a resource group", Deed::describe)).collect();
    let deeds: Vec<&str> = deeds.into_iter().collect();
    let subject = format!("caller at {place}");
    let what = format!("the caller lacks {} of the actions that create needs at {place}", lacking.len());
    let only_roles = lacking.iter().all(|one| one.deed == Some(Deed::Roles));
    let mut finding = if only_roles && assigns_roles.is_none() {
        let why = "unless somebody else assigns the roles, each component is refused (AuthorizationFailed)";
        Finding::warn(subject, what, why)
    } else {
        let why = format!(
            "create is refused at {} (AuthorizationFailed) and leaves behind what it made before",
            deeds.join(", ")
        );
        Finding::fail(subject, what, why)
    };
    if let Some(id) = &caller.object_id {
        finding = finding.see("caller", id);
    }
    for one in list.iter().filter(|one| one.held || one.needed == Ok(true)) {
        let state = match (&one.held, &one.denied_by) {
            (true, _) => "held".to_owned(),
            (false, Some(name)) => format!("denied by deny assignment {name}"),
            (false, None) => format!("missing, for {}", one.deed.map_or("a resource group", Deed::describe)),
        };
        finding = finding.see(one.action, state);
    }
    let kind = if caller.app_id.is_some() { "ServicePrincipal" } else { "User" };
    let object = caller.object_id.as_deref().unwrap_or("OBJECT_ID");
    let assign = |role: &str| {
        command!(
            "az role assignment create --assignee-object-id {object} --assignee-principal-type {kind} --role {role} --scope {scope}";
            object, kind, role, scope
        )
    };
    let may_help = lacking.iter().filter(|one| one.denied_by.is_none());
    let (assigning, making): (Vec<&&Asked>, Vec<&&Asked>) = may_help.partition(|one| one.action == ASSIGN_ROLE);
    let mut commands = Vec::new();
    if !making.is_empty() {
        commands.push(assign(CONTRIBUTOR));
    }
    if !assigning.is_empty() {
        commands.push(assign(USER_ACCESS_ADMINISTRATOR));
    }
    if commands.is_empty() {
        return Some(finding.fix(look_at_denials(scope)));
    }
    Some(finding.fix(Fix::azure(commands).note(
        "Contributor and User Access Administrator; an owner of the scope assigns them, and Azure takes up to 10 minutes to know",
    )))
}

fn look_at_denials(scope: &ArmId) -> Fix {
    Fix::azure([command!(
        "az rest --method get --url {}",
        format!("{scope}/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01")
    )])
    .note("no role outranks a deny assignment; the managed application or deployment stack that made it takes it away")
}

fn standing_in_the_way(deny: &DenyAssignment) -> Finding {
    let actions: Vec<&str> = deny.permissions.iter().flat_map(|entry| &entry.actions).map(String::as_str).collect();
    let whom = if deny.is_for_everyone() { "everyone" } else { "the caller" };
    Finding::warn(
        format!("deny assignment {}", deny.name),
        format!("a deny assignment takes {} from {whom} at {}", actions.join(", "), deny.scope),
        "it outranks every role: what it denies cannot be made, changed or deleted there (DenyAssignmentAuthorizationFailed)",
    )
    .see("deny assignment", deny.id.as_str())
    .fix(look_at_denials(&ArmId::new(deny.scope.as_str())))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &CALLER_PERMISSIONS;
    const MANAGED: &str = "prod-prod-x7k2p";

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a deny assignment stands in the way", |facts| {
            let everyone = DenyAssignment::EVERYONE;
            deny(facts, &group(MANAGED), &["Microsoft.Network/*/write"], everyone);
        })]
    }

    fn subscription() -> ArmId {
        ArmId::new(format!("/subscriptions/{SUBSCRIPTION}"))
    }

    /// A cluster of which nothing is there but the group of the zone.
    fn planned() -> facts::Facts {
        let mut facts = healthy();
        facts.azure.identities = Fact::Known(Vec::new());
        for name in [MANAGED, "prod-vnet-prod-x7k2p", "prod-nsg-prod-x7k2p"] {
            facts.azure.resource_groups.insert(name.into(), Fact::Absent);
            facts.azure.governance.caller_permissions.insert(group(name).key(), Fact::Absent);
            facts.azure.role_assignments.insert(group(name).key(), Fact::Absent);
        }
        let network = &mut facts.azure.network;
        network.vnets.values_mut().for_each(|fact| *fact = Fact::Absent);
        network.nsgs.values_mut().for_each(|fact| *fact = Fact::Absent);
        network.load_balancers.values_mut().for_each(|fact| *fact = Fact::Absent);
        facts
    }

    #[test]
    fn who_may_do_everything_passes_and_so_does_who_needs_nothing() {
        assert_passes(CHECK, &planned());
        let mut facts = healthy();
        for name in [MANAGED, "prod-vnet-prod-x7k2p", "prod-nsg-prod-x7k2p", "dns"] {
            forbid(&mut facts, &group(name), &["*/write"]);
        }
        forbid(&mut facts, &subscription(), &["*/write"]);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn groups_that_do_not_exist_are_asked_for_at_the_subscription() {
        let mut facts = planned();
        forbid(&mut facts, &subscription(), &["Microsoft.Network/virtualNetworks/*", "Microsoft.Resources/*"]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, format!("caller at subscription {SUBSCRIPTION}"));
        assert_eq!(finding.evidence.get("Microsoft.Network/virtualNetworks/write"), Some("missing, for the VNet"));
        assert_eq!(finding.evidence.get(WRITE_GROUP), Some("missing, for a resource group"));
        assert_eq!(finding.evidence.get("Microsoft.Network/loadBalancers/write"), Some("held"));
        assert_eq!(
            finding.fixes[0].commands,
            [format!(
                "az role assignment create --assignee-object-id {CALLER} --assignee-principal-type ServicePrincipal --role {CONTRIBUTOR} --scope /subscriptions/{SUBSCRIPTION}"
            )]
        );
    }

    #[test]
    fn identities_are_made_where_create_puts_them() {
        let mut facts = planned();
        forbid(&mut facts, &subscription(), &["Microsoft.ManagedIdentity/*"]);
        the_failure(CHECK, &facts);
        facts.azure.governance.identities_group = Some(group("dns"));
        assert_passes(CHECK, &facts);
        forbid(&mut facts, &group("dns"), &["Microsoft.ManagedIdentity/*"]);
        assert_eq!(the_failure(CHECK, &facts).subject, "caller at resource group dns");
        // Of a group that is made, too, the subscription tells.
        facts.azure.governance.identities_group = Some(group("new"));
        facts.azure.governance.caller_permissions.insert(group("new").key(), Fact::Absent);
        assert_eq!(the_failure(CHECK, &facts).subject, format!("caller at subscription {SUBSCRIPTION}"));
    }

    #[test]
    fn contributor_may_assign_no_role() {
        let mut facts = planned();
        forbid(&mut facts, &subscription(), &["Microsoft.Authorization/*/write"]);
        forbid(&mut facts, &group("dns"), &["Microsoft.Authorization/*/write"]);
        let found = findings(CHECK, &facts);
        assert_eq!(found.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Warn, Level::Warn]);
        assert!(found[0].fixes[0].commands[0].contains(USER_ACCESS_ADMINISTRATOR));
        facts.azure.governance.assigns_roles = Some(true);
        assert!(findings(CHECK, &facts).iter().all(|finding| finding.level == Level::Fail));
        facts.azure.governance.assigns_roles = Some(false);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_role_that_is_still_missing_needs_the_right_to_assign_it() {
        let mut facts = healthy();
        forbid(&mut facts, &group("dns"), &["Microsoft.Authorization/*/write"]);
        assert_passes(CHECK, &facts);
        if let Some(Fact::Known(list)) = facts.azure.role_assignments.get_mut(&group("dns").key()) {
            list.clear();
        }
        assert_eq!(the_finding(CHECK, &facts).subject, "caller at resource group dns");
    }

    #[test]
    fn a_way_out_of_the_subnets_own_needs_no_load_balancer() {
        let mut facts = healthy();
        forbid(&mut facts, &group(MANAGED), &["*/write"]);
        facts.azure.network.load_balancers.values_mut().for_each(|fact| *fact = Fact::Absent);
        the_failure(CHECK, &facts);
        if let Some(Fact::Known(vnet)) = facts.azure.network.vnets.get_mut(&vnet_id().key()) {
            vnet.subnets[0].nat_gateway_id = Some("/subscriptions/s".into());
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_deny_assignment_outranks_what_is_held() {
        let mut facts = planned();
        deny(&mut facts, &subscription(), &["Microsoft.ManagedIdentity/*"], CALLER);
        let finding = the_failure(CHECK, &facts);
        let state = finding.evidence.get("Microsoft.ManagedIdentity/userAssignedIdentities/write");
        assert_eq!(state, Some("denied by deny assignment locked down"));
        let mut facts = healthy();
        deny(&mut facts, &subscription(), &["*/delete"], DenyAssignment::EVERYONE);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        for (scope, principal) in [(group("other"), DenyAssignment::EVERYONE), (subscription(), "another")] {
            let mut facts = healthy();
            deny(&mut facts, &scope, &["*"], principal);
            assert_passes(CHECK, &facts);
        }
    }

    #[test]
    fn what_could_not_be_read_counts_only_where_it_matters() {
        let mut facts = planned();
        let gap = denied("Microsoft.Authorization/permissions/read");
        facts.azure.governance.caller_permissions.insert(subscription().key(), Fact::Unreadable(gap.clone()));
        assert!(findings(CHECK, &facts).iter().all(|finding| finding.level == Level::Unknown));
        let mut facts = healthy();
        facts.azure.governance.caller_permissions.insert(subscription().key(), Fact::Unreadable(gap.clone()));
        assert_passes(CHECK, &facts);
        facts.azure.network.vnets.values_mut().for_each(|fact| *fact = Fact::Unreadable(gap.clone()));
        assert_passes(CHECK, &facts);
        forbid(&mut facts, &group("prod-vnet-prod-x7k2p"), &["*/write"]);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
    }

    #[test]
    fn nothing_asked_is_unknown() {
        let mut facts = healthy();
        facts.azure.login = Fact::Unreadable(Gap::new(GapKind::NotRecorded, "not in this bundle"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotRecorded);
    }

    #[test]
    fn every_place_of_the_table_is_one_of_a_cluster() {
        for needed in &NEEDED {
            let facts = healthy();
            let cluster = facts.hosted.cluster.get().unwrap();
            let own = needed.place == Place::Identities || needed.place.of(cluster).is_some();
            assert!(own, "{needed:?}");
        }
    }
}
