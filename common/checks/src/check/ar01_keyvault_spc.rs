//! AR01: each managed identity has its SecretProviderClass.

use facts::fleet::{ManagedIdentities, SecretProviderClass};

use crate::judgement::BEING_DELETED;
use crate::managed::{CLASSES, NO_MANAGED_IDENTITIES};
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// For each managed identity that the HostedCluster names, the control plane namespace has the SecretProviderClass from
    /// which its component gets the credentials, and that class names the Key Vault, the tenant, the object and the
    /// encoding of the HostedCluster, and an identity that reads the vault.
    ///
    /// Whether the Key Vault holds the object is seen by the mounts (AR02). Only clusters with managed identities, as
    /// ARO-HCP makes them, have such classes.
    ///
    /// ## Why it matters
    /// The Secrets Store CSI driver mounts what the class names. A class that is missing or names another object keeps the
    /// pod from starting, or lets it sign in as somebody else.
    ///
    /// ## How to fix
    /// The operators write these classes: correct the HostedCluster, and look at the operator's log when they do not follow.
    ///
    /// Source: openshift/hypershift support/secretproviderclass/secretproviderclass.go, support/config/constants.go.
    pub static KEYVAULT_SPC = {
        code: "AR01",
        id: "keyvault-spc",
        group: ManagedIdentities,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, SecretProviders],
        caused_by: [],
        judge: judge,
    };
}

/// Minutes in which a new cluster may lack classes.
const YOUNG: i64 = 15;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(managed) = &cluster.managed_identities else {
        return Ok(Judgement::NotApplicable(NO_MANAGED_IDENTITIES.into()));
    };
    let classes = view.secret_providers()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let plane = view.target().control_plane_namespace();
    let Some(classes) = classes else {
        let finding = Finding::fail(
            "SecretProviderClasses",
            "the management cluster does not serve SecretProviderClasses",
            "without the Secrets Store CSI driver no component gets its credentials",
        )
        .fix(Fix::hypershift(["oc get crd secretproviderclasses.secrets-store.csi.x-k8s.io".to_owned()]).note(
            "install the Secrets Store CSI driver and its provider for Azure Key Vault on the management cluster",
        ));
        return Ok(Judgement::new("", vec![finding]));
    };
    let young = cluster.created_at.is_some_and(|then| view.minutes_since(then) < YOUNG);
    let mut findings = Vec::new();
    for (key, class) in CLASSES.iter().filter(|(key, _)| managed.identities.contains_key(*key)) {
        let finding = match classes.iter().find(|known| known.name == *class) {
            Some(found) => differs(managed, key, found).map(|(what, want, found)| {
                Finding::fail(
                    format!("SecretProviderClass {plane}/{class}"),
                    what,
                    "its component cannot get its credentials from the Key Vault, or gets those of another identity",
                )
                .compare(want, found)
            }),
            None => {
                let subject = format!("SecretProviderClass {plane}/{class}");
                let what = format!("the SecretProviderClass of {key} does not exist");
                let why = "pods that mount it wait for ever";
                Some(if young { Finding::warn(subject, what, why) } else { Finding::fail(subject, what, why) })
            }
        };
        findings.extend(finding.map(|finding| touch(finding, key).fix(look(&plane, class))));
    }
    Ok(Judgement::new(format!("{} identities have their SecretProviderClass", managed.identities.len()), findings))
}

/// The first field in which a class is not what the HostedCluster says, with what is wanted and found.
fn differs(managed: &ManagedIdentities, key: &str, class: &SecretProviderClass) -> Option<(String, String, String)> {
    let identity = managed.identities.get(key)?;
    let object = class.objects.first().cloned().unwrap_or_default();
    let encoding = if identity.encoding.is_empty() { "utf-8" } else { &identity.encoding };
    let table = [
        ("names another Key Vault", managed.vault.as_str(), class.vault.as_str()),
        ("names another tenant", managed.tenant_id.as_str(), class.tenant_id.as_str()),
        ("mounts another object", identity.secret_name.as_str(), object.name.as_str()),
        ("reads the object in another encoding", encoding, object.encoding.as_str()),
    ];
    if let Some((what, want, found)) = table.into_iter().find(|(_, want, found)| !want.eq_ignore_ascii_case(found)) {
        let found = if found.is_empty() { "nothing" } else { found };
        return Some((format!("the SecretProviderClass of {key} {what}"), want.to_owned(), found.to_owned()));
    }
    class.reader_client_id.is_empty().then(|| {
        let what = format!("the SecretProviderClass of {key} names no identity that reads the Key Vault");
        (what, "a client id".to_owned(), "nothing".to_owned())
    })
}

fn touch(finding: Finding, key: &str) -> Finding {
    match catalogue::COMPONENTS.iter().find(|component| component.key == key) {
        Some(component) => crate::federation::touch(finding, component),
        None => finding,
    }
}

fn look(plane: &str, class: &str) -> Fix {
    Fix::hypershift([
        command!("oc -n {} get secretproviderclass {} -o yaml", plane, class),
        command!("oc -n {} logs deployment/control-plane-operator --tail 100", plane),
    ])
    .note("of managed-azure-cpo, managed-azure-nodepool-management and managed-azure-kms the HyperShift operator is the writer")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &KEYVAULT_SPC;

    fn classes(facts: &mut Facts) -> &mut Vec<SecretProviderClass> {
        let Fact::Known(classes) = &mut facts.management.fleet.secret_providers else { panic!("no classes") };
        classes
    }

    fn class(facts: &mut Facts, name: &str) -> usize {
        classes(facts).iter().position(|class| class.name == name).unwrap()
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a SecretProviderClass is missing", |facts| {
                let at = class(facts, "managed-azure-ingress");
                classes(facts).remove(at);
            })
            .of(healthy_managed),
            Fault::new("a SecretProviderClass in another encoding", |facts| {
                let at = class(facts, "managed-azure-network");
                classes(facts)[at].objects[0].encoding = "hex".into();
            })
            .of(healthy_managed),
        ]
    }

    #[test]
    fn classes_as_the_cluster_says_pass() {
        assert_passes(CHECK, &healthy_managed());
        assert_not_applicable(CHECK, &healthy());
    }

    #[test]
    fn each_field_that_differs() {
        type Change = fn(&mut SecretProviderClass);
        let table: [(&str, Change); 5] = [
            ("another Key Vault", |class| class.vault = "x".into()),
            ("another tenant", |class| class.tenant_id = "x".into()),
            ("another object", |class| class.objects.clear()),
            ("another encoding", |class| class.objects[0].encoding = "base64".into()),
            ("no identity", |class| class.reader_client_id.clear()),
        ];
        for (words, change) in table {
            let mut facts = healthy_managed();
            let at = class(&mut facts, "managed-azure-disk-csi");
            change(&mut classes(&mut facts)[at]);
            let finding = the_failure(CHECK, &facts);
            assert!(finding.what.contains(words), "{}", finding.what);
            assert!(finding.keys.contains(&Key::Identity("disk".into())));
        }
    }

    #[test]
    fn classes_that_are_missing() {
        let mut facts = healthy_managed();
        classes(&mut facts).remove(0);
        assert!(the_failure(CHECK, &facts).what.contains("does not exist"));
        cluster(&mut facts).created_at = Some(minutes_ago(3));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        facts.management.fleet.secret_providers = Fact::Absent;
        assert!(the_failure(CHECK, &facts).what.contains("does not serve"));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy_managed();
        facts.management.fleet.secret_providers = Fact::Unreadable(denied("list secretproviderclasses"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
