//! FC01: every token subject of a component has a federated identity credential on its identity.

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
        needs: [HostedCluster, Identities, FederatedCredentials],
        caused_by: ["ID01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(client_ids) = cluster.workload_identities() else {
        return Ok(Judgement::NotApplicable(
            "the cluster uses managed identities with certificates".into(),
        ));
    };
    let identities = view.identities()?;
    let mut seen = 0;
    let mut findings = Vec::new();
    for component in &catalogue::COMPONENTS {
        let Some(identity) = client_ids.get(component.key).and_then(|id| {
            identities
                .iter()
                .find(|identity| identity.client_id.eq_ignore_ascii_case(id))
        }) else {
            continue;
        };
        let found = match view.federated(identity) {
            Ok(found) => found,
            Err(gap) => {
                findings.push(Finding::unknown(format!("identity {}", component.key), gap));
                continue;
            }
        };
        for credential in component.credentials {
            let want = credential.subject();
            if found.iter().any(|candidate| candidate.subject == want) {
                seen += 1;
                continue;
            }
            let name = component.credential_name(&cluster.name, credential);
            let group = identity.id.resource_group().unwrap_or("RESOURCE_GROUP");
            let near = nearest(&want, found);
            let (verb, name) = near.map_or(("create", name.as_str()), |near| ("update", near.name.as_str()));
            let command = format!(
                "az identity federated-credential {verb} -g {group} --identity-name {} --name {name} --issuer {} --subject {want} --audiences {}",
                identity.name,
                cluster.issuer_url,
                catalogue::AUDIENCE
            );
            let what = match near {
                Some(near) => format!(
                    "the subject of federated identity credential {} differs from what the token says",
                    near.name
                ),
                None => format!("no federated identity credential for {want}"),
            };
            let why = format!(
                "Entra refuses the token of {} (AADSTS700213); no HostedCluster condition shows it",
                credential.service_account
            );
            let mut finding = Finding::fail(format!("identity {} ({})", component.key, identity.name), what, why)
                .compare(&want, near.map_or("nothing like it", |near| near.subject.as_str()))
                .fix(Fix::azure([command]).note("Entra takes up to 5 minutes to know it"))
                .touches(Key::Identity(component.key.into()));
            for workload in component.workloads {
                finding = finding.touches(Key::Workload((*workload).into()));
            }
            findings.push(finding);
        }
    }
    Ok(Judgement::new(
        format!("{seen} subjects have their federated identity credential"),
        findings,
    ))
}

/// The credential whose subject is nearly the wanted one: another case, a blank, a typing error.
fn nearest<'a>(
    want: &str,
    found: &'a [facts::azure::FederatedCredential],
) -> Option<&'a facts::azure::FederatedCredential> {
    found
        .iter()
        .filter(|candidate| catalogue::by_subject(&candidate.subject).is_none())
        .map(|candidate| {
            let folded = |text: &str| text.trim().to_ascii_lowercase();
            (
                strsim::damerau_levenshtein(&folded(want), &folded(&candidate.subject)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use facts::Fact;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &FIC_SUBJECTS_COMPLETE;

    #[test]
    fn all_subjects_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_missing_credential_is_named_with_the_command_that_creates_it() {
        let mut facts = healthy();
        federated(&mut facts, "imageRegistry").remove(0);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            finding.subject,
            "identity imageRegistry (prod-image-registry-prod-x7k2p)"
        );
        assert_eq!(
            finding.evidence.get("want"),
            Some("system:serviceaccount:openshift-image-registry:registry")
        );
        assert!(finding.fixes[0].commands[0].starts_with("az identity federated-credential create -g os4-common"));
    }

    #[test]
    fn another_case_is_a_near_miss() {
        let mut facts = healthy();
        federated(&mut facts, "nodePoolManagement")[0].subject =
            "system:serviceaccount:kube-system:Capi-Provider".into();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(
            finding.evidence.get("found"),
            Some("system:serviceaccount:kube-system:Capi-Provider")
        );
        assert!(finding.fixes[0].commands[0].contains("update"));
        assert!(finding.keys.contains(&Key::Workload("capi-provider".into())));
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
