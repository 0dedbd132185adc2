//! ID04: no identity was deleted and made anew under the HostedCluster that names it.

use facts::azure::Identity;
use facts::catalogue::Component;
use facts::hosted::HostedCluster;

use crate::federation;
use crate::prelude::*;
use crate::remedy;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Where no managed identity has the client id that the HostedCluster names for a component, none of the name that
    /// `create iam` gives that component's identity is there with another client id: it was deleted and made anew.
    ///
    /// An identity that is gone without a successor is ID01's matter. Whether what runs has followed the HostedCluster is
    /// told by HC04 (token minters and environment), HC05 (AzureClusterIdentity) and HC13 (Secrets of the hosted cluster).
    ///
    /// ## Why it matters
    /// An identity gets a new client id each time it is made, whatever its name. The component goes on signing in with the
    /// old one and is refused (AADSTS700016). The new identity has neither the roles nor the federated credentials of the
    /// old one, unless they were made again.
    ///
    /// ## How to fix
    /// Give the new identity its federated credentials and roles, and write its client id into the HostedCluster.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/identities.go (names); Microsoft Entra, managed identities (a deleted
    /// identity is never given back its ids); openshift/hypershift#8322.
    pub static IDENTITY_DRIFT = {
        code: "ID04",
        id: "identity-drift",
        group: Identities,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(client_ids) = cluster.workload_identities() else {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    };
    let identities = view.identities()?;
    let mut findings = Vec::new();
    for component in catalogue::COMPONENTS.iter().filter(|component| federation::runs(cluster, component)) {
        let Some(client_id) = client_ids.get(component.key).copied() else { continue };
        if identities.iter().any(|identity| is_meant(identity, client_id)) {
            continue;
        }
        let name = component.identity_name(&cluster.name, &cluster.infra_id);
        let successors: Vec<&Identity> =
            identities.iter().filter(|identity| identity.name.eq_ignore_ascii_case(&name)).collect();
        if !successors.is_empty() {
            let finding = made_anew(cluster, component, client_id, &successors);
            findings.push(federation::weigh(finding, cluster.requires(component)));
        }
    }
    Ok(Judgement::new("no identity that the HostedCluster names was made anew", findings))
}

/// Whether a HostedCluster that says this means this identity: by its client id, or by another of its names, which is a
/// slip that ID01 tells.
fn is_meant(identity: &Identity, said: &str) -> bool {
    [&identity.client_id, &identity.principal_id, &identity.name]
        .into_iter()
        .any(|known| known.eq_ignore_ascii_case(said))
        || identity.id.as_str().eq_ignore_ascii_case(said)
}

fn made_anew(
    cluster: &HostedCluster,
    component: &'static Component,
    client_id: &str,
    successors: &[&Identity],
) -> Finding {
    let name = &successors[0].name;
    let workload = component.workloads.first().unwrap_or(&component.key);
    let found: Vec<&str> = successors.iter().map(|identity| identity.client_id.as_str()).collect();
    let mut finding = Finding::fail(
        format!("identity {} ({name})", component.key),
        format!("{name} was deleted and made anew: it has another client id than the HostedCluster names"),
        format!("{workload} signs in with the old client id and is refused (AADSTS700016)"),
    )
    .compare(found.join(" or "), client_id);
    for identity in successors {
        finding = finding.see("identity", identity.id.as_str());
    }
    let new = match successors {
        [one] => one.client_id.as_str(),
        _ => "CLIENT_ID",
    };
    let group = successors[0].id.resource_group().unwrap_or("GROUP");
    let again = command!(
        "oc hcp-azure create iam {} --infra-id {} --resource-group-name {} --oidc-issuer-url {} --location {} --output-file workload-identities.json",
        cluster.name,
        cluster.infra_id,
        group,
        cluster.issuer_url,
        cluster.azure.location
    );
    federation::touch(finding, component)
        .fix(
            Fix::azure([again])
                .note("makes the federated credentials that the new identity lacks, and keeps what is there"),
        )
        .fix(
            remedy::name_client_id(cluster, component, new)
                .note("then run doctor again: FC01 and RA01 judge the new identity once the HostedCluster names it"),
        )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &IDENTITY_DRIFT;
    const NEW: &str = "0e5d0000-0000-4000-8000-000000000001";

    fn remake(facts: &mut Facts, key: &str) {
        let identity = identity(facts, key);
        identity.client_id = NEW.into();
        identity.principal_id = "0e5d0000-0000-4000-8000-000000000002".into();
        identity.federated = Fact::Known(Vec::new());
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("an identity was deleted and made anew", |facts| {
                let id = client_id("ingress");
                remake(facts, "ingress");
                let message =
                    format!("AADSTS700016: Application with identifier '{id}' was not found in the directory 'd'.");
                log(facts, "ingress-operator", &message);
                refuse_exchange(facts, "ingress", &message);
                crash(facts, "ingress-operator");
            })
            .showing(&["ID01", "FC04", "FC05", "HC01", "HC03"]),
        ]
    }

    #[test]
    fn identities_as_they_were_named_pass() {
        assert_passes(CHECK, &healthy());
        assert_not_applicable(CHECK, &healthy_managed());
        // Gone for good, or a slip: ID01 tells.
        let mut facts = healthy();
        if let Fact::Known(list) = &mut facts.azure.identities {
            list.retain(|identity| identity.client_id != client_id("file"));
        }
        assert_passes(CHECK, &facts);
        let mut facts = healthy();
        let slip = principal_id("disk");
        if let facts::hosted::Authentication::WorkloadIdentities { client_ids } =
            &mut cluster(&mut facts).azure.authentication
        {
            client_ids.insert("disk".into(), slip);
        }
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn one_that_was_made_anew_is_named_with_its_client_id() {
        let mut facts = healthy();
        remake(&mut facts, "disk");
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity disk (prod-disk-prod-x7k2p)");
        assert_eq!(finding.evidence.get("want"), Some(NEW));
        assert_eq!(finding.evidence.get("found"), Some(client_id("disk").as_str()));
        assert!(finding.fixes[0].commands[0].contains("create iam prod --infra-id prod-x7k2p"), "{:?}", finding.fixes);
        assert!(finding.fixes[1].commands[0].contains(NEW), "{:?}", finding.fixes);
        assert!(finding.keys.contains(&Key::Identity("disk".into())));
        // Made anew twice: nobody knows which is meant.
        if let Fact::Known(list) = &mut facts.azure.identities {
            let mut other = list.iter().find(|identity| identity.client_id == NEW).unwrap().clone();
            other.client_id = "0e5d0000-0000-4000-8000-000000000003".into();
            list.push(other);
        }
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[1].commands[0].contains("CLIENT_ID"), "{:?}", finding.fixes);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        facts.azure.identities = Fact::Unreadable(denied("Microsoft.ManagedIdentity/userAssignedIdentities/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
