//! NW11: the HyperShift operator is set up to make private link services.

use facts::private_link::{OperatorCredentials, OperatorSetup};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// For a private cluster, the HyperShift operator runs with `--private-platform=Azure`, knows the resource group of
    /// the management cluster's load balancers, and has credentials for Azure: a mounted Secret, or workload identity
    /// with a subscription.
    ///
    /// ## Why it matters
    /// Without that nobody makes the private link service of a private cluster, and no worker reaches its API server. The
    /// cluster's conditions stay silent: nobody looks at its AzurePrivateLinkService.
    ///
    /// ## How to fix
    /// Install the operator again with the flags of the first time and those for private clusters. Keep
    /// `--external-dns-txt-owner-id`: with another owner external-dns no longer touches the records it made.
    ///
    /// Source: openshift/hypershift cmd/install/install.go and hypershift-operator/main.go (setupAzurePrivateLink).
    pub static PLS_OPERATOR_CONFIG = {
        code: "NW11",
        id: "pls-operator-config",
        group: Network,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster, PrivateLink],
        caused_by: [],
        judge: judge,
    };
}

const WHY: &str = "the operator makes no private link service, so that no private endpoint leads to the API server";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if !cluster.has_private_endpoint() {
        return Ok(Judgement::NotApplicable("the API server is public".into()));
    }
    let Some(operators) = view.private_link_operators()? else {
        return Ok(Judgement::NotApplicable("there is no HyperShift operator, see HAZ-MC01".into()));
    };
    // One that can is enough: the others leave the cluster alone.
    let verdicts: Vec<(&OperatorSetup, Option<Finding>)> = operators.iter().map(|own| (own, fault_of(own))).collect();
    let able = verdicts.iter().find(|(_, fault)| fault.is_none());
    let passed = able.map_or_else(String::new, |(own, _)| {
        format!("operator {}/operator makes private link services in {}", own.namespace, group(own))
    });
    let findings =
        if able.is_some() { Vec::new() } else { verdicts.into_iter().filter_map(|(_, fault)| fault).collect() };
    let findings = findings.into_iter().map(|finding| finding.touches(Key::PrivateLink).touches(Key::Egress)).collect();
    Ok(Judgement::new(passed, findings))
}

fn group(own: &OperatorSetup) -> &str {
    own.resource_group.as_deref().unwrap_or("?")
}

fn fault_of(own: &OperatorSetup) -> Option<Finding> {
    let subject = format!("operator {}/operator", own.namespace);
    let fail = |what: &str| Finding::fail(subject.clone(), what, WHY);
    let finding = if own.private_platform != "Azure" {
        fail("the operator is not set up for private clusters on Azure")
            .compare("--private-platform=Azure", format!("--private-platform={}", own.private_platform))
    } else if own.resource_group.is_none() {
        fail("the operator does not know the resource group of the management cluster")
            .compare("AZURE_RESOURCE_GROUP in its environment", "none")
    } else {
        match (&own.credentials, &own.subscription) {
            (None, _) => fail("the operator has no credentials for Azure")
                .compare("AZURE_CREDENTIALS_FILE or AZURE_PLS_CLIENT_ID in its environment", "neither"),
            (Some(OperatorCredentials::Secret { name: None }), _) => {
                fail("no Secret is mounted where the operator looks for its Azure credentials")
                    .compare("a Secret mounted above AZURE_CREDENTIALS_FILE", "none")
            }
            (Some(OperatorCredentials::WorkloadIdentity { client_id }), None) => {
                fail("the operator does not know the subscription of the management cluster")
                    .compare("AZURE_SUBSCRIPTION_ID in its environment", "none")
                    .see("workload identity", client_id.as_str())
            }
            (Some(_), _) => return None,
        }
    };
    Some(finding.fix(install(own)))
}

fn install(own: &OperatorSetup) -> Fix {
    let namespace = &own.namespace;
    Fix::hypershift([
        "GROUP=$(oc get infrastructure cluster -o jsonpath='{.status.platformStatus.azure.resourceGroupName}')".to_owned(),
        command!("OWNER=$(oc -n {namespace} get deployment external-dns -o jsonpath='{{.spec.template.spec.containers[0].args}}' | grep -o 'txt-owner-id=[^\"]*' | cut -d= -f2)"; namespace),
        command!("hypershift install --namespace {namespace} --private-platform Azure --azure-private-creds AZURE_CREDENTIALS --azure-pls-resource-group \"$GROUP\" --external-dns-txt-owner-id \"$OWNER\""; namespace),
    ])
    .note("give the other flags of the first installation, too; with the multicluster engine they stand in ConfigMap local-cluster/hypershift-operator-install-flags")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &PLS_OPERATOR_CONFIG;

    fn operators(facts: &mut Facts) -> &mut Vec<OperatorSetup> {
        match &mut facts.private_link.operators {
            Fact::Known(operators) => operators,
            other => panic!("{other:?}"),
        }
    }

    /// Nobody looks at the AzurePrivateLinkService.
    fn unset(facts: &mut Facts) {
        let own = &mut operators(facts)[0];
        own.private_platform = "None".into();
        own.resource_group = None;
        own.credentials = None;
        no_link_conditions(facts, &LINK_CONDITIONS);
        let service = azpls(facts);
        service.internal_load_balancer_id = None;
        service.private_link_service_id = None;
        service.private_endpoint_id = None;
        service.private_endpoint_ip = None;
        facts.private_link.link_services.clear();
        facts.private_link.balancers.clear();
        facts.private_link.endpoints.insert(endpoint_id().key(), Fact::Absent);
        for zone in facts.private_link.zones.values_mut() {
            *zone = Fact::Absent;
        }
        never_joined(facts);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("the operator is not set up for private clusters", unset).of(healthy_private)]
    }

    #[test]
    fn a_complete_setup_passes_and_public_clusters_need_none() {
        assert_passes(CHECK, &healthy_private());
        assert_not_applicable(CHECK, &healthy());
        let mut facts = healthy_private();
        facts.private_link.operators = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
        let mut facts = healthy_private();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn another_platform() {
        let mut facts = healthy_private();
        operators(&mut facts)[0].private_platform = "AWS".into();
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("found"), Some("--private-platform=AWS"));
        assert!(finding.fixes[0].commands[2].contains("--external-dns-txt-owner-id \"$OWNER\""), "{finding:#?}");
    }

    #[test]
    fn each_missing_part_is_named() {
        for (what, change) in [
            ("resource group", (|own| own.resource_group = None) as fn(&mut OperatorSetup)),
            ("no credentials", |own| own.credentials = None),
            ("no Secret", |own| own.credentials = Some(OperatorCredentials::Secret { name: None })),
            ("subscription", |own| {
                own.credentials = Some(OperatorCredentials::WorkloadIdentity { client_id: "c".into() });
            }),
        ] {
            let mut facts = healthy_private();
            change(&mut operators(&mut facts)[0]);
            assert!(the_failure(CHECK, &facts).what.contains(what), "{what}");
        }
    }

    #[test]
    fn workload_identity_needs_no_secret() {
        let mut facts = healthy_private();
        let own = &mut operators(&mut facts)[0];
        own.credentials = Some(OperatorCredentials::WorkloadIdentity { client_id: "c".into() });
        own.subscription = Some(SUBSCRIPTION.into());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn one_able_operator_is_enough() {
        let mut facts = healthy_private();
        let mut other = operators(&mut facts)[0].clone();
        other.private_platform = "None".into();
        operators(&mut facts).insert(0, other);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn an_unreadable_operator_is_unknown() {
        let mut facts = healthy_private();
        facts.private_link.operators = Fact::Unreadable(denied("list deployments"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
