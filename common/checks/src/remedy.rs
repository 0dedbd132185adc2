//! What to do about a refusal by Entra, or a missing role, that a component met.

use std::collections::BTreeSet;

use facts::ArmId;
use facts::arm_id::is_guid;
use facts::catalogue::{self, Component, Required};
use facts::hosted::HostedCluster;

use crate::judgement::Fix;
use crate::refusal::{Arm, Entra, Refusal};
use crate::text::quote;

/// What to do about a refusal; none where nothing is known of it.
///
/// `scopes` are all scopes at which a role was found missing.
pub(crate) fn of(
    cluster: Option<&HostedCluster>,
    component: Option<&'static Component>,
    refusal: &Refusal,
    scopes: &BTreeSet<String>,
) -> Option<Fix> {
    match refusal {
        Refusal::Entra(entra) => of_entra(cluster, component, entra),
        Refusal::Arm(arm) if arm.is_authorization() => Some(assign_role(cluster, component, arm, scopes)),
        Refusal::Arm(_) => None,
    }
}

/// The client id that a HostedCluster names for a component.
pub(crate) fn client_id_of<'a>(cluster: Option<&'a HostedCluster>, component: &Component) -> Option<&'a str> {
    cluster?.workload_identities()?.get(component.key).copied()
}

fn of_entra(cluster: Option<&HostedCluster>, component: Option<&'static Component>, entra: &Entra) -> Option<Fix> {
    let issuer = entra.issuer.as_deref().or(cluster.map(|cluster| cluster.issuer_url.as_str()));
    Some(match (entra.aadsts, cluster, component, issuer) {
        (70021 | 700_211 | 700_212 | 700_213 | 7_002_138, Some(cluster), Some(component), Some(issuer)) => {
            change_credentials(cluster, component, entra, issuer)
        }
        (50166 | 90061 | 501_661, _, _, Some(issuer)) => {
            Fix::azure([format!("curl -sS -D - -o /dev/null {}", quote(&discovery_url(issuer)))])
                .note("this has to answer 200 to anybody on the internet; see HAZ-OI01 and HAZ-OI04")
        }
        (7_000_272 | 700_027, _, _, Some(issuer)) => Fix::azure([format!(
            "curl -sS \"$(curl -sS {} | jq -r .jwks_uri)\" | jq -r '.keys[].kid'",
            quote(&discovery_url(issuer))
        )])
        .note("the key of the token has to be among these; see HAZ-OI03"),
        (700_016, Some(cluster), ..) => {
            let named = component.and_then(|component| client_id_of(Some(cluster), component));
            let client_id = entra.app_id.as_deref().or(named);
            Fix::azure([format!(
                "az identity list --subscription {} --query \"[?clientId=='{}']\" -o table",
                quote(&cluster.azure.subscription_id),
                client_id.filter(|id| is_guid(id)).unwrap_or("CLIENT_ID"),
            )])
            .note("an empty answer means that the HostedCluster names a client id that does not exist there; see HAZ-ID01")
        }
        (700_024, ..) => {
            Fix::hypershift(["oc get nodes -o name | xargs -I NODE oc debug NODE -- chroot /host chronyc tracking"])
                .note("a clock that is off by minutes makes tokens invalid")
        }
        _ => return None,
    })
}

fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// The commands that bring the federated identity credentials of an identity in line with its tokens.
fn change_credentials(cluster: &HostedCluster, component: &'static Component, entra: &Entra, issuer: &str) -> Fix {
    let subscription = quote(&cluster.azure.subscription_id);
    let client_id = client_id_of(Some(cluster), component).filter(|id| is_guid(id)).unwrap_or("CLIENT_ID");
    let find = |variable: &str, field: &str| {
        format!(
            "{variable}=$(az identity list --subscription {subscription} --query \"[?clientId=='{client_id}'].{field}\" -o tsv)"
        )
    };
    let at = format!("-g \"$GROUP\" --identity-name \"$NAME\" --subscription {subscription}");
    let mut commands = vec![
        find("NAME", "name"),
        find("GROUP", "resourceGroup"),
        format!("az identity federated-credential list {at} -o table"),
    ];
    // A subject that no credential has wants a new one; the other refusals want a change of the one that is there.
    let verb = if matches!(entra.aadsts, 700_213 | 7_002_138) { "create" } else { "update" };
    for credential in component.credentials {
        let subject = credential.subject();
        if entra.subject.as_ref().is_some_and(|presented| *presented != subject) {
            continue;
        }
        commands.push(format!(
            "az identity federated-credential {verb} {at} --name {} --issuer {} --subject {subject} --audiences {}",
            quote(&component.credential_name(&cluster.name, credential)),
            quote(issuer),
            catalogue::AUDIENCE,
        ));
    }
    Fix::azure(commands)
        .note("use the name that the list shows where it is another; Entra takes up to 5 minutes to know a change")
}

fn assign_role(
    cluster: Option<&HostedCluster>,
    component: Option<&'static Component>,
    arm: &Arm,
    scopes: &BTreeSet<String>,
) -> Fix {
    let client_id = component.and_then(|component| client_id_of(cluster, component)).filter(|id| is_guid(id));
    let principal = match (arm.object_id.as_deref().filter(|id| is_guid(id)), client_id) {
        (Some(id), _) => id.to_owned(),
        (None, Some(client_id)) => format!("\"$(az ad sp show --id {client_id} --query id -o tsv)\""),
        (None, None) => "OBJECT_ID".into(),
    };
    let role = match component {
        Some(component) => component.role.map_or(catalogue::KEY_VAULT_CRYPTO_USER, |role| role.guid),
        None => "ROLE",
    };
    let mut scopes: BTreeSet<String> = scopes.iter().map(|scope| scope_to_assign(scope)).collect();
    if scopes.is_empty() {
        scopes.insert("SCOPE".into());
    }
    Fix::azure(scopes.iter().map(|scope| {
        format!(
            "az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal --role {role} --scope {}",
            quote(scope)
        )
    }))
    .note("Azure takes up to 10 minutes to know it; see HAZ-RA01")
}

/// The resource group of a scope, where the roles of components are assigned; the scope itself where it has none.
fn scope_to_assign(scope: &str) -> String {
    let id = ArmId::new(scope);
    match (id.subscription(), id.resource_group()) {
        (Some(subscription), Some(group)) => ArmId::of_group(subscription, group).to_string(),
        _ => scope.to_owned(),
    }
}

/// Writes the client id of a component into the HostedCluster.
pub(crate) fn name_client_id(cluster: &HostedCluster, component: &Component, client_id: &str) -> Fix {
    let patch = if component.required == Required::Kms {
        format!(
            r#"{{"spec":{{"secretEncryption":{{"kms":{{"azure":{{"workloadIdentity":{{"clientID":"{}"}}}}}}}}}}}}"#,
            json_text(client_id)
        )
    } else {
        format!(
            r#"{{"spec":{{"platform":{{"azure":{{"azureAuthenticationConfig":{{"workloadIdentities":{{"{}":{{"clientID":"{}"}}}}}}}}}}}}}}"#,
            component.key,
            json_text(client_id)
        )
    };
    Fix::hypershift([format!(
        "oc -n {} patch hostedcluster {} --type merge -p '{patch}'",
        quote(&cluster.namespace),
        quote(&cluster.name),
    )])
}

/// A value inside a JSON text inside single quotes: whatever is not of a UUID or name is left out.
pub(crate) fn json_text(value: &str) -> String {
    value.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::refusal;
    use crate::testkit;

    fn commands(component: Option<&'static Component>, text: &str) -> Vec<String> {
        let facts = testkit::healthy();
        let refusal = refusal::find(text).remove(0);
        let scopes = match &refusal {
            Refusal::Arm(arm) => arm.scope.iter().cloned().collect(),
            Refusal::Entra(_) => BTreeSet::new(),
        };
        of(facts.hosted.cluster.get(), component, &refusal, &scopes).map(|fix| fix.commands).unwrap_or_default()
    }

    #[test]
    fn a_role_is_assigned_to_whoever_was_refused_at_the_resource_group() {
        let text = "AuthorizationFailed: The client does not have authorization to perform action 'a/write' over scope '/subscriptions/s/resourceGroups/g/providers/p/t/n' or";
        let ingress = catalogue::by_key("ingress").unwrap();
        let command = &commands(Some(ingress), text)[0];
        assert!(
            command.ends_with("--role 0336e1d3-7a87-462b-b6db-342b63f7802c --scope /subscriptions/s/resourceGroups/g"),
            "{command}"
        );
        assert!(command.contains(&format!("az ad sp show --id {}", testkit::client_id("ingress"))), "{command}");
        assert!(commands(None, text)[0].contains("--assignee-object-id OBJECT_ID"));
    }

    #[test]
    fn a_refusal_nobody_knows_has_no_remedy_of_its_own() {
        assert_eq!(commands(None, "AADSTS1: new"), [""; 0]);
        assert_eq!(commands(None, "SkuNotAvailable: no"), [""; 0]);
    }

    #[test]
    fn values_of_others_are_quoted() {
        let capi = catalogue::by_key("nodePoolManagement").unwrap();
        let found = commands(Some(capi), "AADSTS700211: assertion issuer 'https://i/$(reboot)'.");
        assert!(found.last().unwrap().contains("--issuer 'https://i/$(reboot)'"), "{found:?}");
    }
}
