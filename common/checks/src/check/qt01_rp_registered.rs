//! QT01: the resource providers that a hosted cluster uses are registered.

use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// The resource providers Microsoft.Authorization, Microsoft.Compute, Microsoft.ManagedIdentity, Microsoft.Network and
    /// Microsoft.Storage are registered in the subscription; Microsoft.KeyVault, too, for a cluster with Azure KMS.
    ///
    /// ## Why it matters
    /// A subscription answers requests for a provider that is not registered with MissingSubscriptionRegistration. A new
    /// subscription has few of them registered.
    ///
    /// ## How to fix
    /// Register the provider; that takes some minutes and may be done at any time.
    ///
    /// Source: <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types>;
    /// ARO-HCP backend/pkg/utils/validationutils.
    pub static RP_REGISTERED = {
        code: "QT01",
        id: "rp-registered",
        group: Quota,
        since: "0.1.0",
        when: [Preflight, NodePool, Support],
        needs: [HostedCluster, Providers],
        caused_by: ["CR01"],
        judge: judge,
    };
}

/// The namespaces that every hosted cluster uses.
const ALWAYS: [&str; 5] = [
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.Storage",
];

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let providers = view.providers()?;
    let kms = cluster.kms.as_ref().map(|_| "Microsoft.KeyVault");
    let subscription = &cluster.azure.subscription_id;
    let mut registered = Vec::new();
    let mut findings = Vec::new();
    for namespace in ALWAYS.into_iter().chain(kms) {
        let subject = format!("resource provider {namespace}");
        let state = match providers.iter().find(|(name, _)| name.eq_ignore_ascii_case(namespace)) {
            None => Err(Gap::not_asked()),
            Some((_, fact)) => fact.present(),
        };
        let state = match state {
            Ok(state) => state.map_or("unknown to this cloud", String::as_str),
            Err(gap) => {
                findings.push(Finding::unknown(subject, gap));
                continue;
            }
        };
        let why = format!("Azure refuses requests for {namespace} (MissingSubscriptionRegistration)");
        let finding = match state {
            "Registered" => {
                registered.push(namespace);
                continue;
            }
            "Registering" => Finding::warn(
                subject,
                format!("{namespace} is being registered in subscription {subscription}"),
                format!("until that is done {why}"),
            ),
            _ => Finding::fail(subject, format!("{namespace} is not registered in subscription {subscription}"), why),
        };
        findings.push(finding.compare("Registered", state).fix(Fix::azure([format!(
            "az provider register --namespace {namespace} --subscription {} --wait",
            quote(subscription)
        )])));
    }
    Ok(Judgement::new(format!("{} resource providers are registered", registered.len()), findings))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;
    use facts::hosted::AzureKms;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &RP_REGISTERED;

    fn set(facts: &mut facts::Facts, namespace: &str, state: &str) {
        facts.azure.providers.insert(namespace.into(), Fact::Known(state.into()));
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a provider is not registered", |facts| set(facts, "Microsoft.Compute", "NotRegistered")),
            Fault::new("Microsoft.KeyVault is not registered", |facts| {
                set(facts, "Microsoft.KeyVault", "NotRegistered")
            })
            .of(healthy_kms),
        ]
    }

    #[test]
    fn registered_providers_pass() {
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn a_provider_that_is_not_registered() {
        for state in ["NotRegistered", "Unregistering"] {
            let mut facts = healthy();
            set(&mut facts, "Microsoft.Network", state);
            let finding = the_failure(CHECK, &facts);
            assert_eq!(finding.subject, "resource provider Microsoft.Network");
            assert_eq!(
                finding.fixes[0].commands,
                [format!("az provider register --namespace Microsoft.Network --subscription {SUBSCRIPTION} --wait")]
            );
            assert!(finding.keys.is_empty());
        }
    }

    #[test]
    fn a_provider_that_is_on_its_way_is_a_warning() {
        let mut facts = healthy();
        set(&mut facts, "Microsoft.Storage", "Registering");
        assert_eq!(the_finding(CHECK, &facts).level, crate::Level::Warn);
    }

    #[test]
    fn the_key_vault_counts_with_kms_only() {
        let mut facts = healthy();
        set(&mut facts, "Microsoft.KeyVault", "NotRegistered");
        assert_passes(CHECK, &facts);
        cluster(&mut facts).kms =
            Some(AzureKms { vault: "v".into(), key: "k".into(), version: "1".into(), client_id: None });
        assert_eq!(the_failure(CHECK, &facts).subject, "resource provider Microsoft.KeyVault");
    }

    #[test]
    fn one_unreadable_provider_does_not_hide_the_others() {
        let mut facts = healthy();
        let gap = denied("Microsoft.Compute/register/action");
        facts.azure.providers.insert("Microsoft.Compute".into(), Fact::Unreadable(gap));
        facts.azure.providers.remove("Microsoft.Storage");
        set(&mut facts, "Microsoft.Network", "NotRegistered");
        let levels: Vec<_> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [crate::Level::Unknown, crate::Level::Fail, crate::Level::Unknown]);
    }

    #[test]
    fn nothing_asked_is_unknown() {
        let mut facts = healthy();
        facts.azure.providers.clear();
        facts.azure.login = Fact::Unreadable(Gap::new(GapKind::NotRecorded, "no ARM data in this bundle"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotRecorded);
    }
}
