//! FC02: the federated identity credentials of a cluster have its issuer, byte for byte.

use std::collections::BTreeMap;

use facts::azure::FederatedCredential;

use crate::federation::{self, IssuerDifference, WrongCredentials};
use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// Each federated identity credential with a subject of this cluster has `spec.issuerURL` as its issuer, byte for byte.
    ///
    /// An identity may serve several clusters: a subject that stands there with several issuers is right if one of them is
    /// this cluster's. A subject that does not stand there at all is FC01's matter.
    ///
    /// ## Why it matters
    /// Entra compares the issuer of the token with that of the credential as bytes. One slash more, another case of the
    /// host or `http` for `https`, and it refuses the token with AADSTS700211 (formerly AADSTS70021). No condition of the
    /// HostedCluster says so. Some differences were tolerated for years and are refused now.
    ///
    /// ## How to fix
    /// Write the issuer of the HostedCluster into the credential. `spec.issuerURL` itself cannot be changed. Entra takes up
    /// to five minutes to know it. Write the credentials of one identity one after another: Azure answers concurrent writes
    /// with 409.
    ///
    /// Source: MicrosoftDocs/entra-docs workload-identity-federation-considerations; Azure/azure-workload-identity#977,
    /// #1200, #1700; Azure/AKS#3616; kubernetes-sigs/cluster-api-provider-azure#3732.
    pub static FIC_ISSUER_EXACT = {
        code: "FC02",
        id: "fic-issuer-exact",
        group: Federation,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities, FederatedCredentials],
        caused_by: ["ID01", "OI02"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let issuer = cluster.issuer_url.as_str();
    let members = federation::members(cluster, view.identities()?).unwrap_or_default();
    let mut right = 0;
    let mut wrong: BTreeMap<&str, WrongCredentials<'_>> = BTreeMap::new();
    let mut findings = Vec::new();
    for member in members {
        let found = match view.federated(member.identity) {
            Ok(found) => found,
            Err(gap) => {
                findings.push(Finding::unknown(member.subject(), gap));
                continue;
            }
        };
        for credential in member.component.credentials {
            let subject = credential.subject();
            let candidates: Vec<&FederatedCredential> =
                found.iter().filter(|candidate| candidate.subject == subject).collect();
            if candidates.iter().any(|candidate| candidate.issuer == issuer) {
                right += 1;
                continue;
            }
            let Some(nearest) =
                candidates.into_iter().min_by_key(|candidate| strsim::damerau_levenshtein(issuer, &candidate.issuer))
            else {
                continue;
            };
            let own_name = member.component.credential_name(&cluster.name, credential);
            // A credential with another host and another name may well be another cluster's: it is left alone.
            let ours = nearest.name == own_name
                || IssuerDifference::between(issuer, &nearest.issuer).is_some_and(|difference| difference.near);
            let (verb, name) = if ours { ("update", &nearest.name) } else { ("create", &own_name) };
            let command = member.credential_command(verb, name, issuer, &subject);
            wrong.entry(nearest.issuer.as_str()).or_default().add(member, &nearest.name, command);
        }
    }
    let all_have_it = right == 0 && wrong.len() == 1;
    for (found, wrong) in wrong {
        let mut finding = finding(issuer, found, &wrong);
        if all_have_it {
            finding = finding.touches(Key::Issuer);
        }
        findings.push(finding);
    }
    Ok(Judgement::new(format!("{right} federated identity credentials have the issuer {issuer}"), findings))
}

fn finding(want: &str, found: &str, wrong: &WrongCredentials<'_>) -> Finding {
    let difference =
        IssuerDifference::between(want, found).map_or_else(String::new, |difference| difference.describe());
    let what = match wrong.names.as_slice() {
        [name] => {
            format!("the issuer of federated identity credential {name} differs from spec.issuerURL in {difference}")
        }
        names => format!(
            "the issuer of {} federated identity credentials differs from spec.issuerURL in {difference}",
            names.len()
        ),
    };
    let why = "Entra compares issuers byte by byte and refuses the tokens (AADSTS700211); no HostedCluster condition shows it";
    wrong.finding(what, why, want, found)
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &FIC_ISSUER_EXACT;
    const SLASH: &str = "https://acct.blob.core.windows.net/acct/";

    pub(crate) fn faults() -> Vec<Fault> {
        fn refused(facts: &mut facts::Facts, key: &str, workload: &str) {
            let message = format!("AADSTS700211: No match for presented assertion issuer '{ISSUER}'.");
            log(facts, workload, &message);
            refuse_exchange(facts, key, &message);
        }
        vec![
            Fault::new("a trailing slash in one issuer", |facts| {
                federated(facts, "cloudProvider")[0].issuer = SLASH.into();
                refused(facts, "cloudProvider", "cloud-controller-manager");
                crash(facts, "cloud-controller-manager");
            })
            .showing(&["FC04", "FC05", "HC01", "HC03"]),
            Fault::new("another cluster's issuer in every credential", |facts| {
                if let Fact::Known(list) = &mut facts.azure.identities {
                    for identity in list {
                        if let Fact::Known(credentials) = &mut identity.federated {
                            for credential in credentials {
                                credential.issuer = "https://other.blob.core.windows.net/other".into();
                            }
                        }
                    }
                }
                refused(facts, "nodePoolManagement", "capi-provider");
                refused(facts, "ingress", "ingress-operator");
            })
            .showing(&["FC04", "FC05"]),
        ]
    }

    #[test]
    fn equal_issuers_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_trailing_slash_is_one_finding_with_the_command() {
        let mut facts = healthy();
        federated(&mut facts, "cloudProvider")[0].issuer = SLASH.into();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity cloudProvider (prod-cloud-provider-prod-x7k2p)");
        assert!(finding.what.contains("a trailing slash"), "{}", finding.what);
        assert_eq!(finding.evidence.get("want"), Some(ISSUER));
        assert_eq!(finding.evidence.get("found"), Some(SLASH));
        assert_eq!(
            finding.fixes[0].commands,
            [format!(
                "az identity federated-credential update -g os4-common --identity-name prod-cloud-provider-prod-x7k2p \
                 --name prod-cloud-provider-fed-id --issuer {ISSUER} \
                 --subject system:serviceaccount:kube-system:azure-cloud-provider --audiences openshift \
                 --subscription {SUBSCRIPTION}"
            )]
        );
        assert!(finding.keys.contains(&Key::Workload("cloud-controller-manager".into())));
        assert!(!finding.keys.contains(&Key::Issuer), "one credential says nothing of the issuer");
    }

    #[test]
    fn one_wrong_issuer_in_many_places_is_one_finding() {
        let mut facts = healthy();
        for key in ["disk", "file"] {
            for credential in federated(&mut facts, key) {
                credential.issuer = SLASH.into();
            }
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identities disk, file");
        assert_eq!(finding.fixes[0].commands.len(), 6);
        federated(&mut facts, "network")[0].issuer = "http://acct.blob.core.windows.net/acct".into();
        assert_eq!(findings(CHECK, &facts).len(), 2);
    }

    #[test]
    fn an_issuer_that_is_wrong_everywhere_touches_the_issuer() {
        let mut facts = healthy();
        cluster(&mut facts).issuer_url = SLASH.into();
        assert!(the_failure(CHECK, &facts).keys.contains(&Key::Issuer));
    }

    #[test]
    fn a_shared_identity_needs_one_credential_with_our_issuer() {
        let mut facts = healthy();
        let mut other = federated(&mut facts, "ingress")[0].clone();
        other.issuer = "https://other.blob.core.windows.net/other".into();
        other.name = "other-ingress-fed-id".into();
        federated(&mut facts, "ingress").push(other);
        assert_passes(CHECK, &facts);
        federated(&mut facts, "ingress").remove(0);
        let finding = the_failure(CHECK, &facts);
        let command = &finding.fixes[0].commands[0];
        assert!(command.contains("create") && command.contains("--name prod-ingress-fed-id"), "{command}");
    }

    #[test]
    fn what_others_own_is_passed_over() {
        let mut facts = healthy();
        federated(&mut facts, "disk").clear();
        federated(&mut facts, "ingress")[0].subject = "system:serviceaccount:a:b".into();
        federated(&mut facts, "ingress")[0].issuer = SLASH.into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn unreadable_parts_are_said_beside_the_others() {
        let mut facts = healthy();
        identity(&mut facts, "disk").federated = Fact::Unreadable(denied("read"));
        federated(&mut facts, "network")[0].issuer = SLASH.into();
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
