//! AR03: the credentials of managed identities are in the Key Vault, and valid.

use facts::key_vault::SecretDates;

use crate::judgement::BEING_DELETED;
use crate::managed::NO_MANAGED_IDENTITIES;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// For each managed identity that the HostedCluster names, the Key Vault has the secret with its credentials, the secret
    /// is enabled, and it is neither over nor about to end within 7 days.
    ///
    /// Only what the Key Vault says about a secret is read; its value is not. A secret for which no end is recorded is
    /// unknown.
    ///
    /// ## Why it matters
    /// The credentials live for some months. Who made the cluster has to renew them; when that stops, components go on until
    /// their credentials end, and then Azure refuses them one by one.
    ///
    /// ## How to fix
    /// Let whoever made the secret, such as the resource provider, renew it. The driver mounts the new one by itself, and
    /// components read it again within 6 hours; a restart makes it immediate.
    ///
    /// Source: Azure/msi-dataplane pkg/dataplane/keyvault.go (attributes and tags of the secret), reloadCredentials.go;
    /// openshift/hypershift docs, Azure Key Vault secret structure.
    pub static MSI_EXPIRY = {
        code: "AR03",
        id: "msi-expiry",
        group: ManagedIdentities,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, IdentitySecrets],
        caused_by: ["CR01"],
        judge: judge,
    };
}

/// How many days before their end credentials are told.
const DAYS: i64 = 7;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(managed) = &cluster.managed_identities else {
        return Ok(Judgement::NotApplicable(NO_MANAGED_IDENTITIES.into()));
    };
    let vault = view.identity_vault()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if vault.is_none() {
        let subscription = &cluster.azure.subscription_id;
        let why = format!("subscription {subscription} shows no Key Vault {}; it may be in another one", managed.vault);
        return Err(Gap::new(GapKind::Blocked, why).with_remedy(command!(
            "az keyvault secret list --vault-name {} --query \"[].{{name: name, ends: attributes.expires}}\" -o table",
            managed.vault
        )));
    }
    let mut findings = Vec::new();
    for (key, identity) in &managed.identities {
        let name = identity.secret_name.as_str();
        let subject = format!("secret {name} of vault {}", managed.vault);
        let finding = match view.secret_dates(name) {
            Ok(Some(dates)) => {
                objection(view, key, &subject, dates).map(|finding| finding.fix(renew(&managed.vault, name)))
            }
            Ok(None) => Some(
                Finding::fail(
                    &subject,
                    format!("the Key Vault has no secret for {key}"),
                    "its component has no credentials: its pods wait for the mount",
                )
                .fix(renew(&managed.vault, name)),
            ),
            Err(gap) => Some(Finding::unknown(&subject, gap)),
        };
        findings.extend(finding.map(|finding| finding.touches(Key::Identity(key.clone()))));
    }
    Ok(Judgement::new(format!("{} credentials are valid for {DAYS} days and more", managed.identities.len()), findings))
}

fn objection(view: &View<'_>, key: &str, subject: &str, dates: &SecretDates) -> Option<Finding> {
    let why = "Azure refuses its component, and a pod that starts anew cannot mount it";
    if !dates.enabled {
        return Some(Finding::fail(subject, format!("the credentials of {key} are disabled"), why));
    }
    if let Some(start) = dates.not_before.filter(|start| view.minutes_since(*start) < 0) {
        let finding = Finding::fail(subject, format!("the credentials of {key} are not valid yet"), why);
        return Some(finding.see("valid from", start.to_string()));
    }
    let Some(end) = dates.expires else {
        let why = "the Key Vault records no end of it: only its value says when it ends, which is not read";
        return Some(Finding::unknown(subject, Gap::new(GapKind::NotAsked, why)));
    };
    let left = -view.minutes_since(end);
    let days = left / (24 * 60);
    let finding = match left {
        i64::MIN..=0 => Finding::fail(subject, format!("the credentials of {key} have ended"), why),
        _ if days < DAYS => Finding::warn(subject, format!("the credentials of {key} end in {days} days"), why),
        _ => return None,
    };
    let finding = finding.see("ends", end.to_string());
    Some(match dates.renew_after {
        Some(then) => finding.see("to be renewed after", then.to_string()),
        None => finding,
    })
}

fn renew(vault: &str, name: &str) -> Fix {
    Fix::azure([command!("az keyvault secret list-versions --vault-name {} --name {} -o table", vault, name)])
        .note("have it renewed by what made it; then wait 6 hours, or restart the component with `oc rollout restart`")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &MSI_EXPIRY;

    fn dates(facts: &mut Facts) -> &mut SecretDates {
        match facts.azure.identity_secrets.secrets.get_mut("prod-ingress").unwrap() {
            Fact::Known(dates) => dates,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("credentials of a managed identity have ended", |facts| {
                dates(facts).expires = Some(minutes_ago(60));
            })
            .of(healthy_managed),
            Fault::new("the Key Vault lacks the secret of an identity", |facts| {
                facts.azure.identity_secrets.secrets.insert("prod-disk".into(), Fact::Absent);
            })
            .of(healthy_managed),
        ]
    }

    #[test]
    fn credentials_that_last_pass() {
        assert_passes(CHECK, &healthy_managed());
        assert_not_applicable(CHECK, &healthy());
    }

    #[test]
    fn credentials_that_end() {
        let mut facts = healthy_managed();
        dates(&mut facts).expires = Some(minutes_ago(-3 * 24 * 60));
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.what.as_str()), (Level::Warn, "the credentials of ingress end in 3 days"));
        assert!(finding.keys.contains(&Key::Identity("ingress".into())));
        dates(&mut facts).expires = Some(minutes_ago(0));
        assert_eq!(the_failure(CHECK, &facts).what, "the credentials of ingress have ended");
    }

    #[test]
    fn credentials_that_cannot_be_used() {
        let mut facts = healthy_managed();
        dates(&mut facts).not_before = Some(minutes_ago(-30));
        assert!(the_failure(CHECK, &facts).what.ends_with("not valid yet"));
        dates(&mut facts).enabled = false;
        assert!(the_failure(CHECK, &facts).what.ends_with("disabled"));
        facts.azure.identity_secrets.secrets.insert("prod-ingress".into(), Fact::Absent);
        assert!(the_failure(CHECK, &facts).what.contains("no secret for ingress"));
    }

    #[test]
    fn what_is_not_seen_is_unknown() {
        let mut facts = healthy_managed();
        dates(&mut facts).expires = None;
        assert_eq!(the_finding(CHECK, &facts).level, Level::Unknown);
        facts.azure.identity_secrets.vault = Fact::Absent;
        assert!(the_gap(CHECK, &facts).remedy.unwrap().contains("--vault-name prod-msi"));
        facts.azure.identity_secrets.vault = Fact::Unreadable(denied("Microsoft.KeyVault/vaults/read"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
