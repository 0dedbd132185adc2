//! RA02: with its own token, each identity may do what its component does.

use facts::azure::RoleDefinition;
use facts::catalogue::{COMPONENTS, Scope};

use crate::federation::{self, NO_WORKLOAD_IDENTITIES};
use crate::prelude::*;
use crate::roles;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// With `--exchange`: asked with the identity's own token, Azure says that it may do what its component does at each
    /// scope, as joining the subnet, writing disks, load balancers or DNS records.
    ///
    /// ## Why it matters
    /// A role of the right name is not enough: a custom role that lost an action, or a deny assignment, leaves the component
    /// with AuthorizationFailed although HAZ-RA01 passes.
    ///
    /// ## How to fix
    /// Assign the built-in role of the component at the scope, or add the action to the custom role.
    ///
    /// Source: <https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group>; the published
    /// definitions of the roles that `create infra` assigns; ARO-HCP CheckAccess validator.
    pub static EFFECTIVE_PERMISSIONS = {
        code: "RA02",
        id: "effective-permissions",
        group: Roles,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, TokenExchange, EffectivePermissions],
        caused_by: ["FC04", "RA01"],
        judge: judge,
    };
}

use Scope::{Dns, Managed, NetworkSecurityGroup, Vnet};

/// What components do, by their keys: enough of each to tell a role that fits from one that does not.
const VERBS: [(&str, Scope, &[&str]); 16] = [
    ("disk", Managed, &["Microsoft.Compute/disks/write", "Microsoft.Compute/virtualMachines/write"]),
    (
        "file",
        Managed,
        &["Microsoft.Storage/storageAccounts/write", "Microsoft.Storage/storageAccounts/listKeys/action"],
    ),
    ("file", NetworkSecurityGroup, &["Microsoft.Network/networkSecurityGroups/join/action"]),
    ("file", Vnet, &["Microsoft.Network/virtualNetworks/subnets/read"]),
    (
        "imageRegistry",
        Managed,
        &["Microsoft.Storage/storageAccounts/write", "Microsoft.Storage/storageAccounts/listKeys/action"],
    ),
    ("ingress", Vnet, &["Microsoft.Network/virtualNetworks/subnets/join/action"]),
    ("ingress", Dns, &["Microsoft.Network/dnsZones/A/write", "Microsoft.Network/dnsZones/A/delete"]),
    ("cloudProvider", Managed, &["Microsoft.Network/loadBalancers/write", "Microsoft.Network/publicIPAddresses/write"]),
    ("cloudProvider", NetworkSecurityGroup, &["Microsoft.Network/networkSecurityGroups/write"]),
    ("cloudProvider", Vnet, &["Microsoft.Network/virtualNetworks/subnets/join/action"]),
    (
        "nodePoolManagement",
        Managed,
        &["Microsoft.Compute/virtualMachines/write", "Microsoft.Network/networkInterfaces/write"],
    ),
    ("nodePoolManagement", Vnet, &["Microsoft.Network/virtualNetworks/subnets/join/action"]),
    ("network", Managed, &["Microsoft.Network/networkInterfaces/write"]),
    ("network", Vnet, &["Microsoft.Network/virtualNetworks/subnets/join/action"]),
    ("controlPlaneOperator", Managed, &["Microsoft.Network/privateEndpoints/write"]),
    ("controlPlaneOperator", Vnet, &["Microsoft.Network/virtualNetworks/subnets/join/action"]),
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(NO_WORKLOAD_IDENTITIES.into()));
    }
    view.attempts()?;
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    let (mut allowed, mut asked) = (0_usize, false);
    let needed = COMPONENTS.iter().filter(|one| cluster.requires(one) && federation::runs(cluster, one));
    for component in needed {
        for (_, scope, verbs) in VERBS.iter().filter(|(key, ..)| *key == component.key) {
            let Some(id) = cluster.scope(*scope) else { continue };
            let part = format!("identity {} at the {}", component.key, scope.describe());
            let permissions = match view.permissions_of(component.key, &id) {
                Ok(Some(permissions)) => permissions,
                // Without a token nothing was asked, which is FC04's to say.
                Ok(None) => continue,
                Err(gap) => {
                    asked = true;
                    gaps.push((part, gap));
                    continue;
                }
            };
            asked = true;
            let effective = RoleDefinition {
                guid: String::new(),
                name: String::new(),
                built_in: false,
                permissions: permissions.to_vec(),
            };
            let missing: Vec<&str> = verbs.iter().copied().filter(|verb| !roles::grants(&effective, verb)).collect();
            if missing.is_empty() {
                allowed += verbs.len();
                continue;
            }
            let role = component.role.map_or("ROLE", |role| role.guid);
            let command = format!(
                "az role assignment create --assignee-object-id \"$(az ad sp show --id {} --query id -o tsv)\" --assignee-principal-type ServicePrincipal --role {role} --scope {}",
                cluster.workload_identities().and_then(|ids| ids.get(component.key).copied()).unwrap_or("CLIENT_ID"),
                quote(id.as_str()),
            );
            let finding = Finding::fail(
                part,
                format!("its own token may not {}", missing.join(", ")),
                "Azure refuses the component with AuthorizationFailed",
            )
            .see("scope", id.to_string())
            .see("missing", missing.join(", "))
            .fix(Fix::azure([command]).note(
                "where the role is assigned already, a custom role lost the action (`az role definition update`) or a deny assignment takes it away",
            ));
            findings.push(federation::touch(finding, component));
        }
    }
    if !asked {
        return Err(Gap::new(GapKind::Blocked, "no identity was given a token to ask with"));
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{allowed} actions are allowed to the identities' own tokens"), findings))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &EFFECTIVE_PERMISSIONS;

    /// Takes an action away from an identity at the group of the VNet.
    fn take_away(facts: &mut Facts, component: &str, action: &str) {
        let scope = group("prod-vnet-prod-x7k2p").key();
        match facts.exchange.permissions.get_mut(component).unwrap().get_mut(&scope) {
            Some(Fact::Known(permissions)) => permissions[0].not_actions.push(action.into()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("a custom role lost subnets/join", |facts| {
            take_away(facts, "nodePoolManagement", "Microsoft.Network/virtualNetworks/subnets/join/action");
        })]
    }

    #[test]
    fn permissions_that_suffice_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_missing_action_is_named_with_its_scope() {
        let mut facts = healthy();
        take_away(&mut facts, "cloudProvider", "Microsoft.Network/virtualNetworks/subnets/*");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity cloudProvider at the resource group of the VNet");
        assert_eq!(finding.evidence.get("missing"), Some("Microsoft.Network/virtualNetworks/subnets/join/action"));
        assert!(finding.fixes[0].commands[0].contains("--role a1f96423-95ce-4224-ab27-4e3dc72facd4"));
    }

    #[test]
    fn an_identity_without_a_token_is_left_to_fc04() {
        let mut facts = healthy();
        facts.exchange.permissions.remove("disk");
        assert_passes(CHECK, &facts);
        facts.exchange.permissions.clear();
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }

    #[test]
    fn what_could_not_be_asked_is_unknown() {
        let mut facts = healthy();
        for fact in facts.exchange.permissions.values_mut().flat_map(|by_scope| by_scope.values_mut()) {
            *fact = Fact::Unreadable(denied("Microsoft.Authorization/permissions/read"));
        }
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
