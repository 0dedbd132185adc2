//! FC06: each identity has room for the federated identity credentials that are still to be written.

use facts::azure::FederatedCredential;
use facts::catalogue::MAX_FEDERATED_CREDENTIALS;
use facts::hosted::HostedCluster;

use crate::federation::{self, Member};
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The federated identity credentials that an identity has, and those of this cluster that it lacks, are no more than
    /// the 20 that Entra allows on one identity. A credential of the right name is changed and needs no room, and so does
    /// one of the right issuer and subject under another name.
    ///
    /// ## Why it matters
    /// Entra refuses the 21st. Identities that several clusters share, or that outlive the clusters they were made for, fill
    /// up with credentials of issuers that are gone.
    ///
    /// ## How to fix
    /// Delete the credentials of issuers that are gone, then let `create iam` write what is missing. It writes those of one
    /// identity one after another, because Azure answers concurrent writes with 409
    /// (ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity), and tries again while a new identity spreads.
    ///
    /// Source:
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>;
    /// hashicorp/terraform-provider-azurerm#19968.
    pub static FIC_WRITE_PLAN = {
        code: "FC06",
        id: "fic-write-plan",
        group: Federation,
        since: "0.1.0",
        when: [Preflight],
        needs: [HostedCluster, Identities, FederatedCredentials],
        caused_by: ["CR01"],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let identities = view.identities()?;
    let Some(members) = federation::members(cluster, identities) else {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    };
    let (mut findings, mut gaps) = (Vec::new(), Vec::new());
    let mut least = MAX_FEDERATED_CREDENTIALS;
    for member in members {
        match view.federated(member.identity) {
            Ok(existing) => {
                let new = new_subjects(cluster, member, existing);
                match MAX_FEDERATED_CREDENTIALS.checked_sub(existing.len() + new.len()) {
                    Some(free) => least = least.min(free),
                    None => findings.push(too_many(cluster, member, existing, &new)),
                }
            }
            Err(gap) => gaps.push((member.subject(), gap)),
        }
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("each identity has room for {least} more federated identity credentials"), findings))
}

/// The subjects for which a credential has to be made anew.
fn new_subjects(cluster: &HostedCluster, member: Member<'_>, existing: &[FederatedCredential]) -> Vec<String> {
    let wanted = member.component.credentials.iter().filter(|wanted| {
        let name = member.component.credential_name(&cluster.name, wanted);
        !existing.iter().any(|have| {
            have.name.eq_ignore_ascii_case(&name)
                || (have.issuer == cluster.issuer_url && have.subject == wanted.subject())
        })
    });
    wanted.map(catalogue::Credential::subject).collect()
}

fn too_many(cluster: &HostedCluster, member: Member<'_>, existing: &[FederatedCredential], new: &[String]) -> Finding {
    let foreign: Vec<&FederatedCredential> = existing.iter().filter(|have| have.issuer != cluster.issuer_url).collect();
    let finding = Finding::fail(
        member.subject(),
        format!(
            "it has {} federated identity credentials, {} are to come, and Entra allows {MAX_FEDERATED_CREDENTIALS}",
            existing.len(),
            new.len()
        ),
        format!("the credentials of {} cannot be written, and Entra refuses its tokens", member.component.key),
    );
    let mut finding = finding.see("to come", new.join(", ")).see("of other issuers", foreign.len().to_string());
    for have in &foreign {
        finding = finding.see(&have.name, have.issuer.as_str());
    }
    let group = member.identity.id.resource_group().unwrap_or("RESOURCE_GROUP");
    let subscription = &cluster.azure.subscription_id;
    let at = crate::shell::Quoted(command!(
        "-g {group} --identity-name {} --subscription {subscription}",
        member.identity.name;
        group, subscription
    ));
    let list = command!(
        "az identity federated-credential list {at} --query {} -o table",
        "[].{name:name,issuer:issuer}";
        at
    );
    let delete = command!("az identity federated-credential delete {at} --name NAME --yes"; at);
    let create = command!(
        "oc hcp-azure create iam azure --name {} --infra-id {} --resource-group-name {group} --oidc-issuer-url {} --location {} --output-file workload-identities.json",
        cluster.name,
        cluster.infra_id,
        cluster.issuer_url,
        member.identity.location;
        group
    );
    let finding = finding.fix(
        Fix::azure([list, delete, create]).note("delete only credentials whose issuer serves no cluster any more"),
    );
    member.touched_by(member.weigh(finding))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Fact;

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &FIC_WRITE_PLAN;

    /// Fills an identity up with credentials of another issuer.
    fn fill(facts: &mut facts::Facts, key: &str, to: usize) {
        let list = federated(facts, key);
        for at in list.len()..to {
            list.push(FederatedCredential {
                name: format!("old-{at}"),
                issuer: "https://old.blob.core.windows.net/old".into(),
                subject: format!("system:serviceaccount:old:sa-{at}"),
                audiences: vec![catalogue::AUDIENCE.into()],
            });
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("an identity is full of other issuers' credentials", |facts| {
            federated(facts, "disk").remove(0);
            fill(facts, "disk", 20);
        })]
    }

    #[test]
    fn room_is_room() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        fill(&mut facts, "disk", 20);
        assert_passes(CHECK, &facts);
        // One of the right name is changed, one of the right issuer and subject is as good.
        federated(&mut facts, "disk")[0].subject = "wrong".into();
        federated(&mut facts, "disk")[1].name = "mine".into();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn the_twenty_first_is_one_too_many() {
        let mut facts = healthy();
        federated(&mut facts, "disk").remove(0);
        fill(&mut facts, "disk", 19);
        assert_passes(CHECK, &facts);
        fill(&mut facts, "disk", 20);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.what, "it has 20 federated identity credentials, 1 are to come, and Entra allows 20");
        assert_eq!(finding.evidence.get("of other issuers"), Some("18"));
        assert!(finding.keys.contains(&Key::Identity("disk".into())));
    }

    #[test]
    fn an_identity_that_is_not_needed_warns() {
        let mut facts = healthy();
        federated(&mut facts, "controlPlaneOperator").clear();
        fill(&mut facts, "controlPlaneOperator", 20);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn gaps() {
        let mut facts = healthy();
        identity(&mut facts, "disk").federated = Fact::Unreadable(denied("read"));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        cluster(&mut facts).azure.authentication = facts::hosted::Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
        facts.azure.identities = Fact::Unreadable(denied("read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
