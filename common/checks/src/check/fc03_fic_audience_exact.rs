//! FC03: the federated identity credentials of a cluster have the audience that its tokens carry.

use std::collections::BTreeMap;

use crate::federation::{self, WrongCredentials};
use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// Each federated identity credential with a subject and the issuer of this cluster has `openshift` as its only
    /// audience.
    ///
    /// A credential with another issuer is FC02's matter, one that is missing FC01's.
    ///
    /// ## Why it matters
    /// The token minters of the control plane ask for tokens with the audience `openshift`. Entra refuses them with
    /// AADSTS700212 where the credential says `api://AzureADTokenExchange`, which is the default of `az` and of AKS.
    ///
    /// ## How to fix
    /// Write the audience into the credential. Entra takes up to five minutes to know it.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/identities.go and token-minter; Azure allows exactly one audience.
    pub static FIC_AUDIENCE_EXACT = {
        code: "FC03",
        id: "fic-audience-exact",
        group: Federation,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities, FederatedCredentials],
        caused_by: ["ID01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let members = federation::members(cluster, view.identities()?).unwrap_or_default();
    let mut right = 0;
    let mut wrong: BTreeMap<String, WrongCredentials<'_>> = BTreeMap::new();
    let mut findings = Vec::new();
    for member in members {
        let found = match view.federated(member.identity) {
            Ok(found) => found,
            Err(gap) => {
                findings.push(Finding::unknown(member.subject(), gap));
                continue;
            }
        };
        let subjects: Vec<String> =
            member.component.credentials.iter().map(|credential| credential.subject()).collect();
        for credential in found
            .iter()
            .filter(|credential| credential.issuer == cluster.issuer_url && subjects.contains(&credential.subject))
        {
            if credential.audiences == [catalogue::AUDIENCE] {
                right += 1;
                continue;
            }
            let command =
                member.credential_command("update", &credential.name, &cluster.issuer_url, &credential.subject);
            wrong.entry(credential.audiences.join(", ")).or_default().add(member, &credential.name, command);
        }
    }
    findings.extend(wrong.into_iter().map(|(found, wrong)| finding(&found, &wrong)));
    Ok(Judgement::new(
        format!("{right} federated identity credentials have the audience {}", catalogue::AUDIENCE),
        findings,
    ))
}

fn finding(found: &str, wrong: &WrongCredentials<'_>) -> Finding {
    let what = match wrong.names.as_slice() {
        [name] => format!("the audience of federated identity credential {name} is not {}", catalogue::AUDIENCE),
        names => {
            format!("the audience of {} federated identity credentials is not {}", names.len(), catalogue::AUDIENCE)
        }
    };
    let why = "Entra refuses the tokens (AADSTS700212): the control plane asks for tokens with this audience only";
    let found = if found.is_empty() { "no audience" } else { found };
    wrong.finding(what, why, catalogue::AUDIENCE, found)
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &FIC_AUDIENCE_EXACT;
    const DEFAULT: &str = "api://AzureADTokenExchange";

    pub(crate) fn faults() -> Vec<Fault> {
        const REFUSED: &str = "AADSTS700212: No match for presented assertion audience 'openshift'.";
        vec![
            Fault::new("the audience that the Azure CLI gives", |facts| {
                for credential in federated(facts, "disk") {
                    credential.audiences = vec![DEFAULT.into()];
                }
                for app in ["azure-disk-csi-driver-operator", "azure-disk-csi-driver-controller"] {
                    log(facts, app, REFUSED);
                }
                refuse_exchange(facts, "disk", REFUSED);
            })
            .showing(&["FC04", "FC05"]),
            Fault::new("no audience, and a component that crashes", |facts| {
                federated(facts, "ingress")[0].audiences.clear();
                log(facts, "ingress-operator", REFUSED);
                refuse_exchange(facts, "ingress", REFUSED);
                crash(facts, "ingress-operator");
            })
            .showing(&["FC04", "FC05", "HC01", "HC03"]),
        ]
    }

    #[test]
    fn the_right_audience_passes() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn the_default_of_the_azure_cli_is_wrong_here() {
        let mut facts = healthy();
        federated(&mut facts, "ingress")[0].audiences = vec![DEFAULT.into()];
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity ingress (prod-ingress-prod-x7k2p)");
        assert_eq!(finding.evidence.get("found"), Some(DEFAULT));
        let command = &finding.fixes[0].commands[0];
        assert!(
            command.starts_with("az identity federated-credential update")
                && command.contains("--name prod-ingress-fed-id")
                && command.contains("--audiences openshift"),
            "{command}"
        );
        assert!(finding.keys.contains(&Key::Identity("ingress".into())));
    }

    #[test]
    fn one_wrong_audience_in_many_places_is_one_finding() {
        let mut facts = healthy();
        for key in ["disk", "network"] {
            for credential in federated(&mut facts, key) {
                credential.audiences = vec![DEFAULT.into()];
            }
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identities disk, network");
        assert_eq!(finding.fixes[0].commands.len(), 4);
    }

    #[test]
    fn another_case_and_no_audience_are_wrong_too() {
        let mut facts = healthy();
        federated(&mut facts, "ingress")[0].audiences = vec!["OpenShift".into()];
        federated(&mut facts, "network")[0].audiences.clear();
        let found: Vec<_> = findings(CHECK, &facts)
            .iter()
            .map(|finding| finding.evidence.get("found").unwrap_or_default().to_owned())
            .collect();
        assert_eq!(found, ["no audience", "OpenShift"]);
    }

    #[test]
    fn a_credential_of_another_cluster_is_passed_over() {
        let mut facts = healthy();
        let credential = &mut federated(&mut facts, "ingress")[0];
        credential.issuer = "https://other.example.com".into();
        credential.audiences = vec![DEFAULT.into()];
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn unreadable_parts_are_said_beside_the_others() {
        let mut facts = healthy();
        identity(&mut facts, "disk").federated = Fact::Unreadable(denied("read"));
        federated(&mut facts, "network")[0].audiences = vec![DEFAULT.into()];
        assert_eq!(findings(CHECK, &facts).len(), 2);
        facts.azure.identities = Fact::Unreadable(denied("read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }

    #[test]
    fn managed_identities_have_no_federation() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
