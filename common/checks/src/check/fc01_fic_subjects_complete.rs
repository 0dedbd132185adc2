//! FC01: every token subject of a component has a federated identity credential on its identity.

use facts::azure::FederatedCredential;
use facts::catalogue::Credential;
use facts::hosted::HostedCluster;

use crate::federation::{self, Member};
use crate::prelude::*;

declare_check! {
    /// ## What it checks
    /// Each component's identity has a federated identity credential for each subject whose tokens the component trades
    /// at Entra.
    ///
    /// Subjects are compared byte by byte, as Entra does. An identity that does not exist is ID01's matter.
    ///
    /// ## Why it matters
    /// Without the credential Entra refuses the component's token with AADSTS700213. No condition of the HostedCluster
    /// says so: the component restarts or retries for ever, and nodes, volumes or routes never come.
    ///
    /// ## How to fix
    /// Create the missing credential, or correct the near miss that the finding shows. Entra takes up to five minutes to
    /// know it. Write the credentials of one identity one after another: Azure answers concurrent writes with 409.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/identities.go; Azure/azure-workload-identity#340, Azure/login#515.
    pub static FIC_SUBJECTS_COMPLETE = {
        code: "FC01",
        id: "fic-subjects-complete",
        group: Federation,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, Identities, FederatedCredentials],
        caused_by: ["FC06", "ID01", "ID05"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    }
    let members = federation::members(cluster, view.identities()?).unwrap_or_default();
    let mut seen = 0;
    let mut findings = Vec::new();
    for member in members {
        let component = member.component;
        let found = match view.federated(member.identity) {
            Ok(found) => found,
            Err(gap) => {
                findings.push(Finding::unknown(member.subject(), gap));
                continue;
            }
        };
        let mut missing = Vec::new();
        for credential in component.credentials {
            let want = credential.subject();
            if found.iter().any(|candidate| candidate.subject == want) {
                seen += 1;
                continue;
            }
            let Some(near) = nearest(&want, &cluster.issuer_url, found) else {
                missing.push(credential);
                continue;
            };
            let command = member.credential_command("update", &near.name, &cluster.issuer_url, &want);
            let what =
                format!("the subject of federated identity credential {} differs from what the token says", near.name);
            let finding = Finding::fail(member.subject(), what, refused(&[credential]))
                .compare(&want, &near.subject)
                .fix(Fix::azure([command]).note("Entra takes up to 5 minutes to know it"));
            findings.push(member.touched_by(member.weigh(finding)));
        }
        if !missing.is_empty() {
            let finding = without(cluster, member, &missing);
            findings.push(member.touched_by(member.weigh(finding)));
        }
    }
    Ok(Judgement::new(format!("{seen} subjects have their federated identity credential"), findings))
}

fn refused(credentials: &[&Credential]) -> String {
    let accounts: Vec<&str> = credentials.iter().map(|credential| credential.service_account).collect();
    format!("Entra refuses the token of {} (AADSTS700213); no HostedCluster condition shows it", accounts.join(" and "))
}

/// The finding for the credentials that an identity lacks: one, as one mishap takes them all.
fn without(cluster: &HostedCluster, member: Member<'_>, missing: &[&Credential]) -> Finding {
    let what = match missing {
        [credential] => format!("no federated identity credential for {}", credential.subject()),
        several => format!("no federated identity credential for {} subjects", several.len()),
    };
    let mut finding = Finding::fail(member.subject(), what, refused(missing));
    finding = match missing {
        [credential] => finding.compare(credential.subject(), "nothing like it"),
        several => several.iter().fold(finding, |finding, credential| finding.see("missing", credential.subject())),
    };
    let commands: Vec<String> = missing
        .iter()
        .map(|credential| {
            let name = member.component.credential_name(&cluster.name, credential);
            member.credential_command("create", &name, &cluster.issuer_url, &credential.subject())
        })
        .collect();
    let note = if commands.len() == 1 {
        "Entra takes up to 5 minutes to know it"
    } else {
        "one after another: Azure answers concurrent writes to one identity with 409; Entra takes up to 5 minutes to know them"
    };
    finding.fix(Fix::azure(commands).note(note))
}

/// The credential whose subject is nearly the wanted one: another case, a blank, a typing error, or, with this cluster's
/// issuer, the service account in another namespace.
fn nearest<'a>(want: &str, issuer: &str, found: &'a [FederatedCredential]) -> Option<&'a FederatedCredential> {
    let folded = |text: &str| text.trim().to_ascii_lowercase();
    let want = folded(want);
    let account = |subject: &str| subject.rsplit(':').next().unwrap_or_default().to_owned();
    let strangers = found.iter().filter(|candidate| catalogue::by_subject(&candidate.subject).is_none());
    strangers
        .map(|candidate| {
            let subject = folded(&candidate.subject);
            let moved = candidate.issuer == issuer && account(&subject) == account(&want);
            let distance = strsim::damerau_levenshtein(&want, &subject);
            (distance, moved, candidate)
        })
        .filter(|(distance, moved, _)| *distance <= 3 || *moved)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., candidate)| candidate)
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &FIC_SUBJECTS_COMPLETE;

    pub(crate) fn faults() -> Vec<Fault> {
        fn refused(facts: &mut facts::Facts) {
            let message = "AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:kube-system:capi-provider'.";
            log(facts, "capi-provider", message);
            refuse_exchange(facts, "nodePoolManagement", message);
        }
        vec![
            Fault::new("a federated credential is missing", |facts| {
                federated(facts, "nodePoolManagement").clear();
                refused(facts);
            })
            .showing(&["FC04", "FC05"]),
            Fault::new("a subject in another case: a component crashes, no VM is made", |facts| {
                federated(facts, "nodePoolManagement")[0].subject =
                    "system:serviceaccount:kube-system:Capi-Provider".into();
                refused(facts);
                crash(facts, "capi-provider");
                set_condition(
                    facts,
                    "ClusterVersionSucceeding",
                    "False",
                    "Cluster operators storage are not available",
                );
                stuck_machine(facts, 0);
                set_pool_condition(facts, "AllMachinesReady");
            })
            .showing(&["FC04", "FC05", "HC01", "HC03", "NP01", "NP02"]),
            Fault::new("a subject in another namespace", |facts| {
                federated(facts, "network")[0].subject =
                    "system:serviceaccount:openshift-network:cloud-network-config-controller".into();
            }),
        ]
    }

    #[test]
    fn all_subjects_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_missing_credential_is_named_with_the_command_that_creates_it() {
        let mut facts = healthy();
        federated(&mut facts, "imageRegistry").remove(0);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity imageRegistry (prod-image-registry-prod-x7k2p)");
        assert_eq!(finding.evidence.get("want"), Some("system:serviceaccount:openshift-image-registry:registry"));
        assert!(finding.fixes[0].commands[0].starts_with("az identity federated-credential create -g os4-common"));
    }

    #[test]
    fn an_identity_that_lost_all_is_one_finding() {
        let mut facts = healthy();
        federated(&mut facts, "disk").clear();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.fixes[0].commands.len(), 3);
        assert!(finding.what.ends_with("for 3 subjects"), "{}", finding.what);
    }

    #[test]
    fn an_identity_that_is_not_needed_warns() {
        let mut facts = healthy();
        federated(&mut facts, "controlPlaneOperator").clear();
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Warn);
    }

    #[test]
    fn another_case_is_a_near_miss() {
        let mut facts = healthy();
        federated(&mut facts, "nodePoolManagement")[0].subject =
            "system:serviceaccount:kube-system:Capi-Provider".into();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("found"), Some("system:serviceaccount:kube-system:Capi-Provider"));
        assert!(finding.fixes[0].commands[0].contains("update"));
        assert!(finding.keys.contains(&Key::Workload("capi-provider".into())));
    }

    #[test]
    fn another_namespace_is_a_near_miss() {
        let mut facts = healthy();
        federated(&mut facts, "network")[0].subject =
            "system:serviceaccount:openshift-network:cloud-network-config-controller".into();
        let finding = the_failure(CHECK, &facts);
        assert!(finding.fixes[0].commands[0].contains("update"));
        federated(&mut facts, "network")[0].issuer = "https://another.example.com".into();
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("nothing like it"));
    }

    #[test]
    fn a_registry_that_does_not_run_needs_no_credential() {
        let mut facts = healthy();
        cluster(&mut facts).disabled_capabilities = vec!["ImageRegistry".into()];
        federated(&mut facts, "imageRegistry").clear();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_identity_that_is_gone_is_left_to_id01() {
        let mut facts = healthy();
        identity(&mut facts, "disk").client_id = "another".into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn one_unreadable_identity_does_not_hide_the_others() {
        let mut facts = healthy();
        identity(&mut facts, "disk").federated = Fact::Unreadable(denied("read"));
        federated(&mut facts, "network").clear();
        let findings = findings(CHECK, &facts);
        assert_eq!(findings.len(), 2);
        facts.azure.identities = Fact::Unreadable(denied("Microsoft.ManagedIdentity/userAssignedIdentities/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }

    #[test]
    fn managed_identities_have_no_federation() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
