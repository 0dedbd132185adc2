//! HC05: Cluster API has what it needs to make machines.

use facts::control_plane::{AzureCluster, AzureClusterIdentity};
use facts::hosted::HostedCluster;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The Cluster, the AzureCluster and the AzureClusterIdentity of the control plane namespace exist, are ready, and say
    /// what the HostedCluster says: client id and tenant of identity nodePoolManagement, region, subscription, managed
    /// resource group, VNet, and the load balancer through which workers leave.
    ///
    /// HyperShift writes these objects itself and marks the AzureCluster as managed by somebody else, so that CAPZ sets no
    /// conditions on it. A cluster gets 15 minutes to have them. Dumps of `hypershift dump cluster` hold no
    /// AzureClusterIdentity.
    ///
    /// ## Why it matters
    /// CAPZ signs in with what the AzureClusterIdentity says, not with what the HostedCluster says. With another client id
    /// it is refused, and no condition of the HostedCluster shows it: NodePools simply get no machines.
    ///
    /// ## How to fix
    /// Restart the HyperShift operator: it writes the objects anew from the HostedCluster. If it does not, read its log.
    ///
    /// Source: openshift/hypershift hostedcluster/internal/platform/azure/azure.go (reconcileAzureCluster,
    /// reconcileAzureClusterIdentity).
    pub static CAPI_INFRA = {
        code: "HC05",
        id: "capi-infra",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, ClusterApi],
        caused_by: ["MC01"],
        judge: judge,
    };
}

/// Minutes in which a new cluster may get its Cluster API objects.
const COMING_UP: i64 = 15;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let young = cluster.created_at.is_some_and(|then| view.minutes_since(then) < COMING_UP);
    let plane = view.target().control_plane_namespace();
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    let missing = |kind: &str, name: &str| {
        let subject = format!("{kind} {name}");
        let what = format!("{kind} {name} does not exist in namespace {plane}");
        let why = "Cluster API makes no machine without it";
        if young { Finding::warn(subject, what, why) } else { Finding::fail(subject, what, why) }
    };
    match view.api_cluster() {
        Err(gap) => gaps.push(("Cluster".to_owned(), gap)),
        Ok(None) => findings.push(missing("Cluster", &cluster.infra_id)),
        Ok(Some(found)) if found.infrastructure_ready == Some(false) && !young => {
            let condition = found.conditions.iter().find(|condition| condition.kind == "InfrastructureReady");
            let mut finding = Finding::fail(
                format!("Cluster {}", found.name),
                format!("Cluster {} has no infrastructure yet, says Cluster API", found.name),
                "Cluster API makes no machine before the infrastructure is ready",
            );
            if let Some(condition) = condition {
                finding = finding.see("condition", crate::text::reason(condition));
            }
            findings.push(finding.see("phase", found.phase.as_deref().unwrap_or("none")));
        }
        Ok(Some(_)) => {}
    }
    match view.azure_cluster() {
        Err(gap) => gaps.push(("AzureCluster".to_owned(), gap)),
        Ok(None) => findings.push(missing("AzureCluster", &cluster.name)),
        Ok(Some(found)) => findings.extend(of_azure_cluster(cluster, found)),
    }
    match view.azure_cluster_identity() {
        Err(gap) => gaps.push(("AzureClusterIdentity".to_owned(), gap)),
        Ok(None) => findings.push(missing("AzureClusterIdentity", &cluster.name)),
        Ok(Some(found)) => findings.extend(of_identity(cluster, found)),
    }
    let name = &cluster.name;
    let fix = || {
        Fix::hypershift([
            command!("oc -n {plane} get clusters.cluster.x-k8s.io,azureclusters,azureclusteridentities -o yaml"; plane),
            "oc -n hypershift rollout restart deployment/operator".to_owned(),
            command!("oc -n {} describe hostedcluster {name}", cluster.namespace; name),
        ])
        .note("the operator writes these objects from the HostedCluster, unless it is paused (HC12)")
    };
    let mut findings: Vec<Finding> = findings
        .into_iter()
        .map(|finding| {
            finding
                .touches(Key::Identity("nodePoolManagement".into()))
                .touches(Key::Workload("capi-provider".into()))
                .fix(fix())
        })
        .collect();
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new("Cluster, AzureCluster and AzureClusterIdentity say what the HostedCluster says", findings))
}

fn of_azure_cluster(cluster: &HostedCluster, found: &AzureCluster) -> Option<Finding> {
    let azure = &cluster.azure;
    let pairs = [
        ("location", Some(azure.location.as_str()), found.location.as_deref()),
        ("resourceGroup", Some(azure.resource_group.as_str()), found.resource_group.as_deref()),
        ("subscriptionID", Some(azure.subscription_id.as_str()), found.subscription_id.as_deref()),
        ("networkSpec.vnet.id", Some(azure.vnet_id.as_str()), found.vnet_id.as_ref().map(facts::ArmId::as_str)),
        ("networkSpec.nodeOutboundLB.name", Some(cluster.infra_id.as_str()), found.outbound_load_balancer.as_deref()),
        ("identityRef.name", Some(cluster.name.as_str()), found.identity.as_deref()),
    ];
    let subject = format!("AzureCluster {}", found.name);
    let why = "CAPZ makes VMs as the AzureCluster says, not as the HostedCluster does";
    if let Some(finding) = differing(subject.clone(), &pairs, why) {
        return Some(finding);
    }
    (found.ready == Some(false)).then(|| {
        Finding::fail(
            subject,
            format!("AzureCluster {} is not ready", found.name),
            "Cluster API makes no machine before the infrastructure is ready",
        )
    })
}

fn of_identity(cluster: &HostedCluster, found: &AzureClusterIdentity) -> Option<Finding> {
    let ids = cluster.workload_identities();
    let kind = if ids.is_some() { "WorkloadIdentity" } else { "UserAssignedIdentityCredential" };
    let client_id = ids.as_ref().and_then(|ids| ids.get("nodePoolManagement").copied());
    // With managed identities the client id stands in a mounted file.
    let found_id = found.client_id.as_deref().filter(|_| client_id.is_some());
    let pairs = [
        ("type", Some(kind), Some(found.kind.as_str())),
        ("clientID", client_id, found_id),
        ("tenantID", Some(cluster.azure.tenant_id.as_str()), found.tenant_id.as_deref()),
    ];
    let why = "CAPZ signs in as somebody else than the HostedCluster says, and is refused";
    differing(format!("AzureClusterIdentity {}", found.name), &pairs, why)
}

/// One finding for an object whose fields differ from what is wanted.
fn differing(subject: String, pairs: &[(&str, Option<&str>, Option<&str>)], why: &str) -> Option<Finding> {
    let differs = |want: Option<&str>, found: Option<&str>| match (want, found) {
        (Some(want), Some(found)) => !want.eq_ignore_ascii_case(found),
        (Some(_), None) => true,
        (None, _) => false,
    };
    let wrong: Vec<_> = pairs.iter().filter(|(_, want, found)| differs(*want, *found)).collect();
    let (field, want, found) = wrong.first()?;
    let what = match wrong.len() {
        1 => format!("spec.{field} of {subject} is not what the HostedCluster says"),
        several => format!("{several} fields of {subject} are not what the HostedCluster says"),
    };
    let mut finding = Finding::fail(subject, what, why).compare(want.unwrap_or_default(), found.unwrap_or("nothing"));
    for (field, want, found) in wrong.iter().skip(1) {
        let values = format!("{} instead of {}", found.unwrap_or("nothing"), want.unwrap_or_default());
        finding = finding.see(field, values);
    }
    Some(finding)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::hosted::Authentication;
    use facts::{ArmId, Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &CAPI_INFRA;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("CAPZ with another client id", |facts| {
                identity_of(facts).client_id = Some(client_id("disk"));
                let refusal = "AADSTS700213: No match for presented assertion subject 'system:serviceaccount:kube-system:capi-provider'.";
                log_line(facts, "capi-provider", "capi-provider", 1, refusal);
            }),
            Fault::new("AzureCluster of another VNet", |facts| {
                azure_cluster_of(facts).vnet_id = Some(ArmId::new("/subscriptions/s/resourceGroups/other"));
            }),
            Fault::new("no AzureClusterIdentity", |facts| facts.hosted.control_plane.azure_identity = Fact::Absent),
        ]
    }

    fn identity_of(facts: &mut Facts) -> &mut AzureClusterIdentity {
        match &mut facts.hosted.control_plane.azure_identity {
            Fact::Known(identity) => identity,
            other => panic!("{other:?}"),
        }
    }

    fn azure_cluster_of(facts: &mut Facts) -> &mut AzureCluster {
        match &mut facts.hosted.control_plane.azure_cluster {
            Fact::Known(cluster) => cluster,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn equal_objects_pass_whatever_their_case() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        azure_cluster_of(&mut facts).vnet_id = Some(ArmId::new(vnet_id().as_str().to_uppercase()));
        identity_of(&mut facts).client_id = Some(client_id("nodePoolManagement").to_uppercase());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_differs_is_told_in_one_row_for_each_object() {
        let mut facts = healthy();
        identity_of(&mut facts).client_id = None;
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("want"), Some(client_id("nodePoolManagement").as_str()));
        assert_eq!(finding.keys[0], Key::Identity("nodePoolManagement".into()));
        let mut facts = healthy();
        let cluster = azure_cluster_of(&mut facts);
        (cluster.location, cluster.resource_group) = (Some("westus".into()), Some("other".into()));
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.starts_with("2 fields"), "{}", finding.what);
        assert_eq!(finding.evidence.get("resourceGroup"), Some("other instead of prod-prod-x7k2p"));
    }

    #[test]
    fn what_is_missing_or_not_ready() {
        let mut facts = healthy();
        azure_cluster_of(&mut facts).ready = Some(false);
        the_failure(CHECK, &facts);
        let mut facts = healthy();
        let Fact::Known(cluster_api) = &mut facts.hosted.control_plane.cluster else { panic!("no Cluster") };
        cluster_api.infrastructure_ready = Some(false);
        the_failure(CHECK, &facts);
        facts.hosted.control_plane.cluster = Fact::Absent;
        the_failure(CHECK, &facts);
        cluster(&mut facts).created_at = Some(minutes_ago(5));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn managed_identities_are_of_another_type() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = Authentication::ManagedIdentities;
        the_failure(CHECK, &facts);
        identity_of(&mut facts).kind = "UserAssignedIdentityCredential".into();
        identity_of(&mut facts).client_id = None;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy();
        facts.hosted.control_plane.azure_identity = Fact::Unreadable(denied("list azureclusteridentities"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
