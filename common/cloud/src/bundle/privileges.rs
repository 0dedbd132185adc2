//! The least-privilege receipt: what a recording was read with, and the least that allows it.

use std::collections::{BTreeMap, BTreeSet};

use facts::{Gap, GapKind, Target};
use serde::{Deserialize, Serialize};

use super::manifest::AzureReader;
use crate::http::Call;

/// What was read with, and the least that allows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Privileges {
    /// The actions of Azure Resource Manager that were used, with the scopes.
    pub azure: Vec<Action>,
    /// The smallest built-in roles that allow them.
    pub roles: Vec<Role>,
    /// What was read of the management cluster.
    pub kubernetes: Vec<Rule>,
    /// The same as a ClusterRole manifest, to be applied as it is; empty when nothing was read.
    pub cluster_role: String,
}

/// An action of Azure Resource Manager and where it was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The action, as in `Microsoft.Network/virtualNetworks/read`.
    pub action: String,
    /// Resource groups, or subscriptions where it was used outside of any.
    pub scopes: Vec<String>,
}

/// A role and where it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub role: String,
    /// Where.
    pub scope: String,
    /// The command that assigns it.
    pub command: String,
}

/// What was read of the management cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, with its subresource.
    pub resource: String,
    /// The verbs.
    pub verbs: BTreeSet<String>,
    /// The names, for Secrets that were read one by one; empty for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<String>,
    /// The namespaces; empty for cluster scope.
    #[serde(default)]
    pub namespaces: BTreeSet<String>,
}

/// What would let something be read.
#[derive(Debug, Default)]
pub struct Grant {
    pub role: Option<String>,
    pub command: Option<String>,
}

/// What the calls of a recording needed.
pub fn used(calls: &[Call], reader: Option<&AzureReader>, target: &Target) -> Privileges {
    let mut actions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut rules: BTreeMap<(String, String), Rule> = BTreeMap::new();
    for call in calls {
        let path = call.address.split('?').next().unwrap_or_default();
        if let Some((action, scope)) = arm_action(&call.method, path) {
            actions.entry(action).or_default().insert(scope);
        } else if let Some(asked) = kubernetes(&call.method, path) {
            let rule = rules.entry((asked.group.clone(), asked.resource.clone()));
            let rule = rule.or_insert_with(|| Rule { verbs: BTreeSet::new(), names: BTreeSet::new(), ..asked.clone() });
            rule.verbs.extend(asked.verbs);
            rule.names.extend(asked.names);
            rule.namespaces.extend(asked.namespaces);
        }
    }
    let mut roles: BTreeSet<(String, String)> = BTreeSet::new();
    for (action, scopes) in &actions {
        if let Some(role) = role_for(action) {
            // What has no scope of its own answers with what the caller may read elsewhere.
            let scopes = scopes.iter().filter(|scope| scope.len() > 1);
            roles.extend(scopes.map(|scope| (role.to_owned(), scope.clone())));
        }
    }
    // A role at a subscription holds in its groups.
    let wide = roles.clone();
    roles.retain(|(role, scope)| {
        !wide
            .iter()
            .any(|(other, above)| other == role && scope.len() > above.len() && scope.starts_with(&format!("{above}/")))
    });
    let roles = roles.into_iter().map(|(role, scope)| {
        let command = assign(&role, &scope, reader);
        Role { role, scope, command }
    });
    let rules: Vec<Rule> = rules.into_values().collect();
    Privileges {
        azure: actions
            .into_iter()
            .map(|(action, scopes)| Action { action, scopes: scopes.into_iter().collect() })
            .collect(),
        roles: roles.collect(),
        cluster_role: cluster_role(&rules, target),
        kubernetes: rules,
    }
}

/// What would let something be read that a permission is missing for.
pub fn grant(gap: &Gap, reader: Option<&AzureReader>, user: Option<&str>) -> Grant {
    let (GapKind::Denied, Some(needs)) = (gap.kind, gap.needs.as_deref()) else {
        return Grant { role: None, command: gap.remedy.clone() };
    };
    let scope = gap.scope.as_deref().unwrap_or_default();
    if needs.starts_with("Microsoft.") {
        let role = role_for(needs).map(str::to_owned);
        let command = role.as_ref().filter(|_| scope.starts_with('/')).map(|role| assign(role, scope, reader));
        return Grant { role, command: command.or_else(|| gap.remedy.clone()) };
    }
    // "list machines.cluster.x-k8s.io": a verb and a resource of the management cluster.
    let Some((verb, resource)) = needs.split_once(' ') else {
        return Grant { role: None, command: gap.remedy.clone() };
    };
    let in_namespace = scope.strip_prefix("namespace ").unwrap_or(scope);
    let is_name = !in_namespace.is_empty() && in_namespace.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let (kind, place) = match is_name {
        true => ("role", format!(" -n {in_namespace}")),
        false => ("clusterrole", String::new()),
    };
    let bind = if is_name { "--role" } else { "--clusterrole" };
    let name = "hcp-azure-bundle";
    let user = quote(user.unwrap_or("USER"));
    let command = format!(
        "oc create {kind} {name}{place} --verb={verb} --resource={resource} && oc create {kind}binding {name}{place} \
         {bind}={name} --user={user}"
    );
    Grant { role: None, command: Some(command) }
}

/// The action that a call to Azure Resource Manager needs, and the resource group or subscription that it is about. None
/// for other services.
fn arm_action(method: &str, path: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = path.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let is = |at: usize, word: &str| lower.get(at).is_some_and(|part| part == word);
    let last_provider = lower.iter().rposition(|part| part == "providers");
    if !is(0, "subscriptions") {
        let at = last_provider.filter(|at| *at == 0 && parts.len() >= 3)?;
        let read =
            if method == "GET" || parts[1].eq_ignore_ascii_case("Microsoft.ResourceGraph") { "read" } else { "action" };
        return Some((format!("{}/{}/{read}", parts[at + 1], parts[at + 2]), "/".to_owned()));
    }
    let scope = match parts.get(1) {
        Some(id) if is(2, "resourcegroups") && parts.len() > 3 => {
            format!("/subscriptions/{id}/resourceGroups/{}", parts[3])
        }
        Some(id) => format!("/subscriptions/{id}"),
        None => "/subscriptions".to_owned(),
    };
    let Some(at) = last_provider else {
        let rest: Vec<&str> =
            if is(2, "resourcegroups") { vec!["subscriptions", "resourceGroups"] } else { vec!["subscriptions"] };
        let own = parts.get(if rest.len() == 2 { 4 } else { 2 });
        let action = own.map_or_else(|| rest.join("/"), |below| format!("{}/{below}", rest.join("/")));
        return Some((format!("Microsoft.Resources/{action}/read"), scope));
    };
    // Features stand below the provider of their own.
    if at >= 2 && lower[at - 1] == "microsoft.features" {
        return Some(("Microsoft.Features/providers/features/read".to_owned(), scope));
    }
    let namespace = *parts.get(at + 1)?;
    let below = &parts[(at + 2).min(parts.len())..];
    if below.is_empty() {
        return Some(("Microsoft.Resources/subscriptions/providers/read".to_owned(), scope));
    }
    let types: Vec<&str> = below.iter().step_by(2).copied().collect();
    let posted_action = method == "POST" && below.len() % 2 == 1;
    Some(match (method, posted_action) {
        // The published operation of this POST is a read.
        ("POST", _) if types.last().is_some_and(|kind| kind.eq_ignore_ascii_case("checkPolicyRestrictions")) => {
            (format!("{namespace}/checkPolicyRestrictions/read"), scope)
        }
        ("POST", _) => (format!("{namespace}/{}/action", types.join("/")), scope),
        _ => (format!("{namespace}/{}/read", types.join("/")), scope),
    })
}

/// The smallest built-in role that allows an action; none where only large ones do.
///
/// Source: <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>: Reader holds `*/read`.
fn role_for(action: &str) -> Option<&'static str> {
    let action = action.to_ascii_lowercase();
    if action.ends_with("/read") {
        return Some("Reader");
    }
    (action == "microsoft.compute/virtualmachines/retrievebootdiagnosticsdata/action")
        .then_some("Virtual Machine Contributor")
}

fn assign(role: &str, scope: &str, reader: Option<&AzureReader>) -> String {
    let kind = reader.map_or("ServicePrincipal", |reader| reader.kind.as_str());
    let id = reader.and_then(|reader| reader.object_id.as_deref()).unwrap_or("OBJECT_ID");
    format!(
        "az role assignment create --assignee-object-id {} --assignee-principal-type {kind} --role {} --scope {}",
        quote(id),
        quote(role),
        quote(scope)
    )
}

/// What a call to the API server needs. None for what everybody may, and for other services.
fn kubernetes(method: &str, path: &str) -> Option<Rule> {
    let parts: Vec<&str> = path.strip_prefix('/')?.trim_end_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return None,
    };
    // Reviews of oneself are everybody's.
    if rest.first().is_none_or(|first| first.starts_with("selfsubject")) {
        return None;
    }
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let (resource, name, below) = match rest {
        [resource] => ((*resource).to_owned(), None, None),
        [resource, name] => ((*resource).to_owned(), Some(*name), None),
        [resource, name, below, ..] => (format!("{resource}/{below}"), Some(*name), Some(*below)),
        [] => return None,
    };
    let verb = match (method, name, below) {
        ("GET", None, _) => "list",
        ("GET", Some(_), _) => "get",
        _ => "create",
    };
    let secret = resource == "secrets" && group.is_empty();
    Some(Rule {
        group: group.to_owned(),
        resource,
        verbs: [verb.to_owned()].into(),
        names: name.filter(|_| secret).map(str::to_owned).into_iter().collect(),
        namespaces: namespace.map(str::to_owned).into_iter().collect(),
    })
}

/// A ClusterRole that allows what was read.
fn cluster_role(rules: &[Rule], target: &Target) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: hcp-azure-bundle-{}\nrules:\n",
        target.name
    );
    let list = |words: &BTreeSet<String>| {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        words.join(", ")
    };
    for rule in rules {
        out.push_str(&format!(
            "- apiGroups: [\"{}\"]\n  resources: [\"{}\"]\n  verbs: [{}]\n",
            rule.group,
            rule.resource,
            list(&rule.verbs)
        ));
        // Names bind no lists.
        if !rule.names.is_empty() && !rule.verbs.contains("list") {
            out.push_str(&format!("  resourceNames: [{}]\n", list(&rule.names)));
        }
    }
    out
}

/// A value as one word of a POSIX shell.
fn quote(value: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    match !value.is_empty() && value.chars().all(harmless) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    #[test]
    fn actions_of_azure() {
        let table = [
            ("GET", "/subscriptions/s", "Microsoft.Resources/subscriptions/read", "/subscriptions/s"),
            (
                "GET",
                "/subscriptions/s/resourcegroups/g",
                "Microsoft.Resources/subscriptions/resourceGroups/read",
                "/subscriptions/s/resourceGroups/g",
            ),
            (
                "GET",
                "/subscriptions/s/providers/Microsoft.Network",
                "Microsoft.Resources/subscriptions/providers/read",
                "/subscriptions/s",
            ),
            (
                "GET",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n",
                "Microsoft.Network/virtualNetworks/subnets/read",
                "/subscriptions/s/resourceGroups/g",
            ),
            (
                "GET",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/providers/Microsoft.Authorization/roleAssignments",
                "Microsoft.Authorization/roleAssignments/read",
                "/subscriptions/s/resourceGroups/g",
            ),
            (
                "GET",
                "/subscriptions/s/providers/Microsoft.Features/providers/Microsoft.Compute/features/EncryptionAtHost",
                "Microsoft.Features/providers/features/read",
                "/subscriptions/s",
            ),
            (
                "GET",
                "/subscriptions/s/providers/Microsoft.Compute/skus",
                "Microsoft.Compute/skus/read",
                "/subscriptions/s",
            ),
            (
                "POST",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v/retrieveBootDiagnosticsData",
                "Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action",
                "/subscriptions/s/resourceGroups/g",
            ),
            ("POST", "/providers/Microsoft.ResourceGraph/resources", "Microsoft.ResourceGraph/resources/read", "/"),
        ];
        for (method, path, action, scope) in table {
            assert_eq!(arm_action(method, path), Some((action.to_owned(), scope.to_owned())), "{path}");
        }
        for other in
            ["https://login.microsoftonline.com/t/oauth2/v2.0/token", "/api/v1/namespaces/n/pods", "/version", ""]
        {
            assert_eq!(arm_action("GET", other), None, "{other}");
        }
    }

    #[test]
    fn the_receipt_asks_for_no_more_than_was_read() {
        let call = |method: &str, address: &str| Call {
            method: method.into(),
            address: address.into(),
            status: Some(200),
            duration: Duration::ZERO,
            request_id: None,
        };
        let calls = [
            call(
                "GET",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v?api-version=1",
            ),
            call(
                "GET",
                "/subscriptions/s/resourceGroups/h/providers/Microsoft.Network/virtualNetworks/v?api-version=1",
            ),
            call("GET", "/api/v1/namespaces/clusters/secrets/demo-key"),
            call("GET", "/api/v1/namespaces/c/pods?limit=500"),
            call("GET", "/api/v1/namespaces/c/pods/p/log?container=x"),
            call("GET", "/apis/cluster.x-k8s.io/v1beta1/namespaces/c/machines"),
            call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
            call("GET", "/version"),
        ];
        let target = Target { namespace: "clusters".into(), name: "demo".into() };
        let used = used(&calls, None, &target);
        let roles: Vec<(&str, &str)> =
            used.roles.iter().map(|role| (role.role.as_str(), role.scope.as_str())).collect();
        assert_eq!(
            roles,
            [("Reader", "/subscriptions/s/resourceGroups/g"), ("Reader", "/subscriptions/s/resourceGroups/h")]
        );
        let rules: Vec<String> =
            used.kubernetes.iter().map(|rule| format!("{}/{} {:?}", rule.group, rule.resource, rule.verbs)).collect();
        assert_eq!(
            rules,
            [
                r#"/pods {"list"}"#,
                r#"/pods/log {"get"}"#,
                r#"/secrets {"get"}"#,
                r#"cluster.x-k8s.io/machines {"list"}"#
            ]
        );
        let role: serde_json::Value = serde_saphyr::from_str(&used.cluster_role).unwrap();
        assert_eq!(role["kind"], "ClusterRole");
        assert_eq!(role["rules"][2]["resourceNames"][0], "demo-key");
        let above = [&calls[..], &[call("GET", "/subscriptions/s/providers/Microsoft.Compute/skus")]].concat();
        let used = super::used(&above, None, &target);
        assert_eq!(used.roles.len(), 1, "a role at the subscription holds in its groups: {:?}", used.roles);
    }

    #[test]
    fn a_refusal_names_role_and_command() {
        let reader = AzureReader {
            kind: "User".into(),
            via: "az login".into(),
            tenant_id: "t".into(),
            object_id: Some("oid".into()),
            app_id: None,
            name: None,
        };
        let gap =
            Gap::new(GapKind::Denied, "403").needing("Microsoft.Network/virtualNetworks/read", "/subscriptions/s");
        let granted = grant(&gap, Some(&reader), None);
        assert_eq!(granted.role.as_deref(), Some("Reader"));
        assert_eq!(
            granted.command.unwrap(),
            "az role assignment create --assignee-object-id oid --assignee-principal-type User --role Reader --scope /subscriptions/s"
        );
        let gap = Gap::new(GapKind::Denied, "403").needing("list machines.cluster.x-k8s.io", "namespace c");
        let command = grant(&gap, None, Some("system:serviceaccount:a:b")).command.unwrap();
        assert!(
            command
                .starts_with("oc create role hcp-azure-bundle -n c --verb=list --resource=machines.cluster.x-k8s.io")
        );
        assert!(command.ends_with("--user=system:serviceaccount:a:b"), "{command}");
    }
}
