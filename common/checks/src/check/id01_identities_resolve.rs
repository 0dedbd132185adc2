//! ID01: every identity that a HostedCluster names exists.

use std::collections::BTreeMap;

use facts::arm_id::is_guid;
use facts::azure::Identity;
use facts::catalogue::{Component, Required};
use facts::hosted::HostedCluster;

use crate::federation;
use crate::prelude::*;
use crate::remedy;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The HostedCluster names a client id for each component that needs one, each is the client id of a managed identity
    /// of its subscription, and that identity belongs to its tenant.
    ///
    /// Identities are joined on their client id, not on their name. Identities that only some clusters need are ID02's
    /// matter as long as they are not named.
    ///
    /// ## Why it matters
    /// A component asks Entra for a token as the client id that the HostedCluster names. For one that its tenant does not
    /// know, Entra answers AADSTS700016, and the component never reaches Azure. A usual slip is to paste the principal id,
    /// which is a UUID as well.
    ///
    /// ## How to fix
    /// Look the identity up, and write its client id into the HostedCluster; or create the identity.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/identities.go, api/hypershift/v1beta1/azure.go.
    pub static IDENTITIES_RESOLVE = {
        code: "ID01",
        id: "identities-resolve",
        group: Identities,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities],
        caused_by: ["CR01", "ID04"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(client_ids) = cluster.workload_identities() else {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    };
    let identities = view.identities();
    let mut found = 0;
    let mut findings = Vec::new();
    for component in catalogue::COMPONENTS.iter().filter(|component| federation::runs(cluster, component)) {
        let Some(client_id) = client_ids.get(component.key).copied() else {
            if component.required == Required::Always {
                findings.push(missing(cluster, component, &client_ids));
            }
            continue;
        };
        match &identities {
            Ok(identities) => match resolve(cluster, component, client_id, identities) {
                Some(finding) => findings.push(federation::weigh(finding, cluster.requires(component))),
                None => found += 1,
            },
            // Without the list nothing but the shape can be judged.
            Err(_) if !is_guid(client_id) => findings.push(malformed(cluster, component, client_id)),
            Err(_) => {}
        }
    }
    if let Err(gap) = identities {
        findings.push(Finding::unknown(
            format!("managed identities of subscription {}", cluster.azure.subscription_id),
            gap,
        ));
    }
    Ok(Judgement::new(format!("{found} client ids are those of managed identities"), findings))
}

/// What is wrong with one client id, given the complete list of identities.
fn resolve(
    cluster: &HostedCluster,
    component: &'static Component,
    client_id: &str,
    identities: &[Identity],
) -> Option<Finding> {
    let by = |value: fn(&Identity) -> &str| {
        identities.iter().find(|identity| value(identity).eq_ignore_ascii_case(client_id))
    };
    if let Some(identity) = by(|identity| &identity.client_id) {
        return (!identity.tenant_id.eq_ignore_ascii_case(&cluster.azure.tenant_id))
            .then(|| foreign(cluster, component, identity));
    }
    let pasted = [
        ("principal id", by(|identity| &identity.principal_id)),
        ("name", by(|identity| &identity.name)),
        ("resource id", by(|identity| identity.id.as_str())),
    ]
    .into_iter()
    .find_map(|(kind, identity)| Some((kind, identity?)));
    Some(match pasted {
        Some((kind, identity)) => mistaken(cluster, component, client_id, kind, identity),
        None if !is_guid(client_id) => malformed(cluster, component, client_id),
        None => gone(cluster, component, client_id),
    })
}

fn fail(component: &'static Component, name: &str, what: String) -> Finding {
    let why = format!(
        "{} signs in to Entra with this client id and is refused (AADSTS700016): it never reaches Azure",
        component.workloads.first().unwrap_or(&component.key)
    );
    let subject = if name.is_empty() {
        format!("identity {}", component.key)
    } else {
        format!("identity {} ({name})", component.key)
    };
    federation::touch(Finding::fail(subject, what, why), component)
}

fn missing(cluster: &HostedCluster, component: &'static Component, client_ids: &BTreeMap<&str, &str>) -> Finding {
    fail(component, "", format!("the HostedCluster names no client id for {}", component.key))
        .see("named", client_ids.keys().copied().collect::<Vec<_>>().join(", "))
        .fix(look_up_by_name(cluster, component))
        .fix(remedy::name_client_id(cluster, component, "CLIENT_ID"))
}

fn malformed(cluster: &HostedCluster, component: &'static Component, client_id: &str) -> Finding {
    fail(component, "", format!("the client id of {} is not a UUID", component.key))
        .compare("a UUID", client_id)
        .fix(look_up_by_name(cluster, component))
        .fix(remedy::name_client_id(cluster, component, "CLIENT_ID"))
}

fn mistaken(
    cluster: &HostedCluster,
    component: &'static Component,
    client_id: &str,
    kind: &str,
    identity: &Identity,
) -> Finding {
    fail(
        component,
        &identity.name,
        format!("the HostedCluster names the {kind} of {} where its client id belongs", identity.name),
    )
    .compare(&identity.client_id, client_id)
    .see("identity", identity.id.as_str())
    .fix(remedy::name_client_id(cluster, component, &identity.client_id))
}

fn gone(cluster: &HostedCluster, component: &'static Component, client_id: &str) -> Finding {
    let subscription = &cluster.azure.subscription_id;
    fail(
        component,
        "",
        format!("no managed identity of subscription {subscription} has the client id of {}", component.key),
    )
    .see("client id", client_id)
    .fix(
        Fix::azure([
            format!(
                "az identity list --subscription {} --query \"[?clientId=='{client_id}']\" -o table",
                quote(subscription)
            ),
            format!("az ad sp show --id {client_id} --query alternativeNames"),
            format!(
                "az identity list --subscription {} --query \"[].{{name:name,group:resourceGroup,clientId:clientId}}\" -o table",
                quote(subscription)
            ),
        ])
        .note("the second command names the identity's resource id if it lives in another subscription of the tenant"),
    )
    .fix(remedy::name_client_id(cluster, component, "CLIENT_ID"))
}

fn foreign(cluster: &HostedCluster, component: &'static Component, identity: &Identity) -> Finding {
    fail(
        component,
        &identity.name,
        format!("identity {} belongs to another tenant than the HostedCluster names", identity.name),
    )
    .compare(&cluster.azure.tenant_id, &identity.tenant_id)
    .see("identity", identity.id.as_str())
    .fix(Fix::azure([format!(
        "az identity show --ids {} --query \"{{clientId:clientId,tenantId:tenantId}}\"",
        quote(identity.id.as_str())
    )]))
    .fix(
        Fix::hypershift([format!(
            "oc -n {} patch hostedcluster {} --type merge -p '{{\"spec\":{{\"platform\":{{\"azure\":{{\"tenantID\":\"{}\"}}}}}}}}'",
            quote(&cluster.namespace),
            quote(&cluster.name),
            remedy::json_text(&identity.tenant_id),
        )])
        .note("only if the other identities are of that tenant, too"),
    )
}

/// The identity that `create` would have made for the component.
fn look_up_by_name(cluster: &HostedCluster, component: &Component) -> Fix {
    let name = component.identity_name(&cluster.name, &cluster.infra_id);
    Fix::azure([format!(
        "az identity list --subscription {} --query \"[?contains(name, '{}')].{{name:name,clientId:clientId}}\" -o table",
        quote(&cluster.azure.subscription_id),
        component.suffix,
    )])
    .note(format!("the usual name is {name}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &IDENTITIES_RESOLVE;

    fn name(facts: &mut facts::Facts, key: &str, value: Option<&str>) {
        let facts::hosted::Authentication::WorkloadIdentities { client_ids } = &mut cluster(facts).azure.authentication
        else {
            return;
        };
        match value {
            Some(value) => client_ids.insert(key.into(), value.into()),
            None => client_ids.remove(key),
        };
    }

    pub(crate) fn faults() -> Vec<Fault> {
        fn unknown_to_entra(facts: &mut facts::Facts, key: &str, workload: &str, id: &str) {
            let message =
                format!("AADSTS700016: Application with identifier '{id}' was not found in the directory 'd'.");
            log(facts, workload, &message);
            refuse_exchange(facts, key, &message);
        }
        vec![
            Fault::new("an identity was deleted", |facts| {
                if let Fact::Known(list) = &mut facts.azure.identities {
                    list.retain(|identity| identity.client_id != client_id("ingress"));
                }
                unknown_to_entra(facts, "ingress", "ingress-operator", &client_id("ingress"));
                crash(facts, "ingress-operator");
            })
            .showing(&["FC04", "FC05", "HC01", "HC03"]),
            Fault::new("a principal id stands where a client id should", |facts| {
                name(facts, "disk", Some(&principal_id("disk")));
                unknown_to_entra(facts, "disk", "azure-disk-csi-driver-operator", &principal_id("disk"));
            })
            .showing(&["FC04", "FC05"]),
            Fault::new("the HostedCluster names no identity for a component", |facts| {
                name(facts, "network", None);
                attempts(facts).retain(|attempt| attempt.component != "network");
            }),
        ]
    }

    #[test]
    fn identities_that_exist_pass_whatever_the_case() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        name(&mut facts, "disk", Some(&client_id("disk").to_uppercase()));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_key_without_client_id() {
        let mut facts = healthy();
        name(&mut facts, "network", None);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity network");
        assert!(finding.keys.contains(&Key::Workload("cloud-network-config-controller".into())));
        assert!(finding.fixes[0].note.as_deref().is_some_and(|note| note.contains("prod-network-prod-x7k2p")));
        name(&mut facts, "network", Some(&client_id("network")));
        name(&mut facts, "controlPlaneOperator", None);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_identity_that_is_gone() {
        let mut facts = healthy();
        if let Fact::Known(list) = &mut facts.azure.identities {
            list.retain(|identity| identity.client_id != client_id("file"));
        }
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains(SUBSCRIPTION), "{}", finding.what);
        assert_eq!(
            finding.fixes[0].commands[0],
            format!(
                "az identity list --subscription {SUBSCRIPTION} --query \"[?clientId=='{}']\" -o table",
                client_id("file")
            )
        );
    }

    #[test]
    fn what_was_pasted_instead_is_named_with_the_right_value() {
        let mut facts = healthy();
        let id = identity(&mut facts, "disk").id.to_string();
        for (pasted, kind) in
            [(principal_id("disk"), "principal id"), ("prod-disk-prod-x7k2p".to_owned(), "name"), (id, "resource id")]
        {
            name(&mut facts, "disk", Some(&pasted));
            let finding = the_failure(CHECK, &facts);
            assert!(finding.what.contains(&format!("the {kind} of prod-disk-prod-x7k2p")), "{}", finding.what);
            assert_eq!(finding.evidence.get("want"), Some(client_id("disk").as_str()));
            assert!(
                finding.fixes[0].commands[0]
                    .contains(&format!(r#""workloadIdentities":{{"disk":{{"clientID":"{}"}}}}"#, client_id("disk")))
            );
        }
    }

    #[test]
    fn a_client_id_that_is_no_uuid() {
        let mut facts = healthy();
        name(&mut facts, "ingress", Some("my-ingress"));
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("my-ingress"));
        // The shape can be judged without the list.
        facts.azure.identities = Fact::Unreadable(denied("read"));
        assert_eq!(findings(CHECK, &facts).len(), 2);
    }

    #[test]
    fn another_tenant() {
        let mut facts = healthy();
        identity(&mut facts, "disk").tenant_id = "11111111-6666-7777-8888-999999999999".into();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("want"), Some(TENANT));
    }

    #[test]
    fn an_identity_that_is_not_needed_warns() {
        let mut facts = healthy();
        identity(&mut facts, "controlPlaneOperator").client_id = "another".into();
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Warn);
        cluster(&mut facts).azure.topology = Some("Private".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn a_registry_that_does_not_run_needs_no_identity() {
        let mut facts = healthy();
        name(&mut facts, "imageRegistry", Some("00000000-0000-0000-0000-000000000000"));
        cluster(&mut facts).disabled_capabilities = vec!["ImageRegistry".into()];
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_unreadable_list_is_unknown() {
        let mut facts = healthy();
        facts.azure.identities = Fact::Unreadable(denied("Microsoft.ManagedIdentity/userAssignedIdentities/read"));
        assert_eq!(
            the_gap(CHECK, &facts).needs.as_deref(),
            Some("Microsoft.ManagedIdentity/userAssignedIdentities/read")
        );
    }

    #[test]
    fn managed_identities_are_not_judged() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
