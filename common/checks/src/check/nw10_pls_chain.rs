//! NW10: the chain from the internal load balancer to the private endpoint is complete.

use facts::hosted::{Authentication, Condition, HostedCluster};
use facts::private_link::{AzurePrivateLinkService, LinkService, PRIVATE_ROUTER, PrivateEndpoint};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// Each AzurePrivateLinkService of a private cluster has its internal load balancer, its private link service and an
    /// approved private endpoint, by its conditions and by what Azure says. The first link that is missing is told. The
    /// last condition, AzurePrivateDNSAvailable, is judged by DN08. A cluster gets 15 minutes to come up.
    ///
    /// ## Why it matters
    /// Workers of a private cluster reach the API server through the private endpoint alone. The condition
    /// AzurePrivateLinkServiceAvailable does not tell: it is True as soon as the private link service exists, whether or
    /// not anything leads to it.
    ///
    /// ## How to fix
    /// Approve an endpoint that is pending or was rejected. Else look at the operator that makes the missing link: the
    /// HyperShift operator makes the private link service, the control plane operator makes the endpoint.
    ///
    /// Source: openshift/hypershift hypershift-operator/controllers/platform/azure/controller.go (updateStatusFromPLS) and
    /// control-plane-operator/controllers/azureprivatelinkservice/controller.go.
    pub static PLS_CHAIN = {
        code: "NW10",
        id: "pls-chain",
        group: Network,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, PrivateLink, PrivateEndpoints],
        caused_by: ["FC05", "ID02", "MC01", "NW09", "NW11", "RA01"],
        judge: judge,
    };
}

/// Minutes in which a new cluster may get its private endpoint.
const GRACE: i64 = 15;
const BALANCER: &str = "AzureInternalLoadBalancerAvailable";
const SERVICE: &str = "AzurePLSCreated";
const ENDPOINT: &str = "AzurePrivateEndpointAvailable";
const OVERALL: &str = "AzurePrivateLinkServiceAvailable";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if !cluster.has_private_endpoint() {
        return Ok(Judgement::NotApplicable("the API server is public".into()));
    }
    let services = view.private_link_services()?.map_or(&[][..], Vec::as_slice);
    if !services.iter().any(|service| service.name == PRIVATE_ROUTER) {
        if matches!(cluster.azure.authentication, Authentication::ManagedIdentities) && services.is_empty() {
            return Ok(Judgement::NotApplicable("this cluster is private by other means than Private Link".into()));
        }
        return Ok(Judgement::new(String::new(), vec![softened(view, cluster.created_at, without_service(view))]));
    }
    let mut findings = Vec::new();
    for service in services {
        match chain(view, cluster, service) {
            Ok(None) => {}
            Ok(Some(finding)) if is_settled(service, &finding) => findings.push(tied(finding)),
            Ok(Some(finding)) => findings.push(softened(view, service.created_at, finding)),
            Err(gap) => {
                findings.push(
                    Finding::unknown(format!("AzurePrivateLinkService {}", service.name), gap)
                        .touches(Key::PrivateLink),
                );
            }
        }
    }
    let addresses: Vec<&str> = services.iter().filter_map(|service| service.private_endpoint_ip.as_deref()).collect();
    Ok(Judgement::new(format!("the private endpoint {} leads to the control plane", addresses.join(", ")), findings))
}

/// Whether waiting does not help: somebody refused the endpoint, or the operator holds the chain for complete.
fn is_settled(service: &AzurePrivateLinkService, finding: &Finding) -> bool {
    let refused = finding.evidence.get("found").is_some_and(|found| matches!(found, "Rejected" | "Disconnected"));
    refused || service.condition(ENDPOINT).is_some_and(Condition::is_true)
}

fn tied(finding: Finding) -> Finding {
    finding.touches(Key::PrivateLink).touches(Key::Egress)
}

/// What is young may still be on its way.
fn softened(view: &View<'_>, created: Option<jiff::Timestamp>, finding: Finding) -> Finding {
    let finding = tied(finding);
    if created.is_some_and(|then| view.minutes_since(then) < GRACE) {
        Finding {
            level: crate::judgement::Level::Warn,
            what: format!("{}; the cluster is still coming up", finding.what),
            ..finding
        }
    } else {
        finding
    }
}

fn without_service(view: &View<'_>) -> Finding {
    let plane = view.target().control_plane_namespace();
    Finding::fail(
        format!("AzurePrivateLinkService {PRIVATE_ROUTER}"),
        format!("the control plane has no AzurePrivateLinkService {PRIVATE_ROUTER}"),
        "the control plane operator makes it once the Service private-router has an address: without it there is no way to the API server",
    )
    .touches(Key::Workload("control-plane-operator".into()))
    .fix(Fix::hypershift([
        command!("oc -n {plane} get service private-router -o wide"; plane),
        command!("oc -n {plane} get events --field-selector involvedObject.name=private-router"; plane),
        command!("oc -n {plane} logs deployment/control-plane-operator --tail 200"; plane),
    ]))
}

/// The first link of the chain that is missing.
fn chain(view: &View<'_>, cluster: &HostedCluster, service: &AzurePrivateLinkService) -> Result<Option<Finding>, Gap> {
    for (kind, what) in [(BALANCER, "internal load balancer"), (SERVICE, "private link service")] {
        if let Some(finding) = by_condition(view, service, kind, what) {
            return Ok(Some(finding));
        }
    }
    let link = match &service.private_link_service_id {
        None => None,
        Some(id) => match view.link_service(id)? {
            Some(link) => Some(link),
            None => return Ok(Some(without_link(view, service, id))),
        },
    };
    if let Some(finding) = link.and_then(|link| unusable(service, &link.id, link.provisioning_state.as_deref())) {
        return Ok(Some(finding));
    }
    let id = service.endpoint(cluster);
    let endpoint = view.private_endpoint(&id)?;
    if let Some(finding) = not_approved(cluster, service, link, endpoint, &id) {
        return Ok(Some(finding));
    }
    if let Some(finding) = by_condition(view, service, ENDPOINT, "private endpoint") {
        return Ok(Some(finding));
    }
    Ok(match endpoint {
        Some(endpoint) => unusable(service, &endpoint.id, endpoint.provisioning_state.as_deref()),
        None => Some(without_endpoint(view, service, &id)),
    })
}

fn subject(service: &AzurePrivateLinkService) -> String {
    format!("AzurePrivateLinkService {}", service.name)
}

/// A condition that is not True.
fn by_condition(view: &View<'_>, service: &AzurePrivateLinkService, kind: &str, what: &str) -> Option<Finding> {
    let condition = service.condition(kind);
    if condition.is_some_and(Condition::is_true) {
        return None;
    }
    let plane = view.target().control_plane_namespace();
    let by_operator = kind != ENDPOINT;
    let finding = Finding::fail(
        subject(service),
        match condition {
            Some(condition) => format!("the {what} is not there: {}", reason(condition)),
            None => format!("nobody has made the {what} yet: condition {kind} is missing"),
        },
        "workers of a private cluster reach the API server through this chain alone",
    )
    .compare("True", condition.map_or("no condition", |condition| condition.status.as_str()))
    .see("condition", kind);
    let finding = quirk(finding, service);
    let (finding, logs) = if by_operator {
        (finding, command!("oc -n hypershift logs deployment/operator --tail 200"))
    } else {
        let finding = finding
            .touches(Key::Identity("controlPlaneOperator".into()))
            .touches(Key::Workload("control-plane-operator".into()));
        (finding, command!("oc -n {plane} logs deployment/control-plane-operator --tail 200"; plane))
    };
    let finding = finding.fix(Fix::hypershift([
        command!("oc -n {plane} describe azureprivatelinkservice {}", service.name; plane),
        logs,
    ]));
    Some(if condition.is_some() { finding.explaining_itself() } else { finding })
}

/// Says what the overall condition leaves out.
fn quirk(finding: Finding, service: &AzurePrivateLinkService) -> Finding {
    if service.condition(OVERALL).is_some_and(Condition::is_true) {
        finding.see("although", format!("{OVERALL} is True: it speaks of the private link service alone"))
    } else {
        finding
    }
}

fn without_link(view: &View<'_>, service: &AzurePrivateLinkService, id: &facts::ArmId) -> Finding {
    let plane = view.target().control_plane_namespace();
    let finding = Finding::fail(
        subject(service),
        format!("private link service {} does not exist", id.name().unwrap_or(id.as_str())),
        "the private endpoint leads nowhere; the HyperShift operator makes it anew at its next look",
    )
    .see("private link service", id.as_str())
    .fix(Fix::hypershift([
        command!("oc -n {plane} describe azureprivatelinkservice {}", service.name; plane),
        "oc -n hypershift rollout restart deployment/operator".to_owned(),
    ]));
    quirk(finding, service).explaining_itself()
}

fn without_endpoint(view: &View<'_>, service: &AzurePrivateLinkService, id: &facts::ArmId) -> Finding {
    let plane = view.target().control_plane_namespace();
    let finding = Finding::fail(
        subject(service),
        format!("private endpoint {} does not exist", id.name().unwrap_or(id.as_str())),
        "workers have no way to the API server; the control plane operator makes it anew at its next look",
    )
    .see("private endpoint", id.as_str())
    .touches(Key::Identity("controlPlaneOperator".into()))
    .touches(Key::Workload("control-plane-operator".into()))
    .fix(Fix::hypershift([
        command!("oc -n {plane} logs deployment/control-plane-operator --tail 200"; plane),
        command!("oc -n {plane} rollout restart deployment/control-plane-operator"; plane),
    ]));
    quirk(finding, service).explaining_itself()
}

/// A resource whose last change failed.
fn unusable(service: &AzurePrivateLinkService, id: &facts::ArmId, state: Option<&str>) -> Option<Finding> {
    let state = state.filter(|state| state.eq_ignore_ascii_case("Failed"))?;
    let finding = Finding::fail(
        subject(service),
        format!("{} is in state {state}", id.name().unwrap_or(id.as_str())),
        "Azure could not carry out the last change of it, and it may carry no traffic",
    )
    .compare("Succeeded", state)
    .see("resource", id.as_str())
    .fix(Fix::azure([
        command!("az resource show --ids {}", id),
        command!("az monitor activity-log list --resource-id {} --offset 1d -o table", id),
    ]));
    Some(quirk(finding, service).explaining_itself())
}

/// An endpoint that the private link service does not let in.
fn not_approved(
    cluster: &HostedCluster,
    service: &AzurePrivateLinkService,
    link: Option<&LinkService>,
    endpoint: Option<&PrivateEndpoint>,
    id: &facts::ArmId,
) -> Option<Finding> {
    let connection = link.and_then(|link| {
        link.connections.iter().find(|connection| connection.endpoint_id.as_ref().is_some_and(|other| other == id))
    });
    let of_endpoint = endpoint.map(|endpoint| (endpoint.status.as_deref(), endpoint.description.as_deref()));
    let of_service = connection.map(|connection| (connection.status.as_deref(), connection.description.as_deref()));
    let (status, description) = of_service.or(of_endpoint).unwrap_or_default();
    let subscription = &cluster.azure.subscription_id;
    let lets_in = |list: &[String]| list.iter().any(|own| own == "*" || own.eq_ignore_ascii_case(subscription));
    let shut_out = link.is_some_and(|link| !lets_in(&link.visibility) || !lets_in(&link.auto_approval));
    let (what, status) = match status {
        Some(status) if status.eq_ignore_ascii_case("Approved") => return None,
        Some(status) => {
            (format!("the connection of private endpoint {} is {status}", id.name().unwrap_or_default()), status)
        }
        None if shut_out => (format!("the private link service does not let subscription {subscription} in"), "none"),
        None => return None,
    };
    let mut finding = Finding::fail(
        subject(service),
        what,
        "the private link service takes no traffic of an endpoint that is not approved, and no DNS records are made for it",
    )
    .compare("Approved", status)
    .see("private endpoint", id.as_str());
    if let Some(description) = description {
        finding = finding.see("description", description);
    }
    if let Some(link) = link {
        finding = finding
            .see("visible to", link.visibility.join(", "))
            .see("approves by itself", link.auto_approval.join(", "));
    }
    let fix = match (connection, link.map(|link| &link.id).or(service.private_link_service_id.as_ref())) {
        _ if status.eq_ignore_ascii_case("Disconnected") => Fix::azure([command!("az network private-endpoint delete --ids {}", id)])
            .note("a connection that was cut cannot be taken up again: the control plane operator makes the endpoint anew"),
        (Some(connection), Some(link)) => Fix::azure([command!(
            "az network private-link-service connection update --subscription {} -g {} --service-name {} -n {} --connection-status Approved",
            link.subscription().unwrap_or("SUBSCRIPTION"),
            link.resource_group().unwrap_or("RESOURCE_GROUP"),
            link.name().unwrap_or("PRIVATE_LINK_SERVICE"),
            connection.id.name().unwrap_or("CONNECTION")
        )])
        .note("the control plane operator goes on within two minutes"),
        (None, Some(link)) => Fix::azure([
            command!("az network private-link-service show --ids {} --query privateEndpointConnections -o table", link),
            command!("az network private-link-service update --ids {} --visibility {subscription} --auto-approval {subscription}", link; subscription),
        ]),
        (_, None) => Fix::hypershift(["oc -n hypershift logs deployment/operator --tail 200"]),
    };
    Some(quirk(finding, service).explaining_itself().fix(fix))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &PLS_CHAIN;
    const DNS: &str = "AzurePrivateDNSAvailable";

    /// The control plane operator makes zones only for an approved endpoint.
    fn no_zones(facts: &mut Facts) {
        no_link_conditions(facts, &[DNS]);
        for zone in facts.private_link.zones.values_mut() {
            *zone = Fact::Absent;
        }
    }

    fn set_status(facts: &mut Facts, status: &str) {
        link_service(facts).connections[0].status = Some(status.into());
        endpoint(facts).status = Some(status.into());
        let message = format!("Private Endpoint connection state is \"{status}\", not Approved.");
        link_condition(facts, ENDPOINT, "False", "PrivateEndpointConnectionNotApproved", &message);
    }

    fn pending(facts: &mut Facts) {
        set_status(facts, "Pending");
        no_zones(facts);
    }

    fn no_service(facts: &mut Facts) {
        let refused = "QuotaExceeded: private link services in eastus";
        link_condition(facts, SERVICE, "False", "AzureError", refused);
        no_link_conditions(facts, &[ENDPOINT, OVERALL]);
        no_zones(facts);
        let service = azpls(facts);
        service.private_link_service_id = None;
        service.private_endpoint_id = None;
        service.private_endpoint_ip = None;
        facts.private_link.link_services.clear();
        facts.private_link.endpoints.insert(endpoint_id().key(), Fact::Absent);
        never_joined(facts);
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the private endpoint waits for approval", pending).of(healthy_private),
            Fault::new("the private endpoint was rejected", |facts| set_status(facts, "Rejected")).of(healthy_private),
            Fault::new("the private link service is not made, and workers never join", no_service).of(healthy_private),
            Fault::new("the private endpoint was deleted", |facts| {
                facts.private_link.endpoints.insert(endpoint_id().key(), Fact::Absent);
                link_service(facts).connections.clear();
            })
            .of(healthy_private),
        ]
    }

    #[test]
    fn a_complete_chain_passes_and_public_clusters_have_none() {
        assert_passes(CHECK, &healthy_private());
        assert_not_applicable(CHECK, &healthy());
        let mut facts = healthy_private();
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn a_pending_endpoint_is_approved_by_name() {
        let mut facts = healthy_private();
        pending(&mut facts);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("private-router-pe is Pending"), "{finding:#?}");
        assert!(finding.evidence.get("although").is_some_and(|text| text.contains("alone")));
        assert_eq!(
            finding.fixes[0].commands,
            [format!(
                "az network private-link-service connection update --subscription {SUBSCRIPTION} -g mgmt --service-name pls-3f2a -n private-router-pe.1 --connection-status Approved"
            )]
        );
        set_status(&mut facts, "Disconnected");
        assert!(the_failure(CHECK, &facts).fixes[0].commands[0].starts_with("az network private-endpoint delete"));
    }

    #[test]
    fn the_first_missing_link_is_told() {
        let mut facts = healthy_private();
        no_service(&mut facts);
        assert!(the_failure(CHECK, &facts).what.contains("QuotaExceeded"));
        link_condition(&mut facts, BALANCER, "False", "AzureError", "no such frontend");
        let finding = the_failure(CHECK, &facts);
        assert!(finding.what.contains("internal load balancer"), "{finding:#?}");
        assert!(finding.fixes[0].commands[1].contains("-n hypershift"));
    }

    #[test]
    fn what_azure_lacks_counts_whatever_the_conditions_say() {
        let mut facts = healthy_private();
        facts.private_link.link_services.insert(link_service_id().key(), Fact::Absent);
        assert!(the_failure(CHECK, &facts).what.contains("pls-3f2a does not exist"));
        let mut facts = healthy_private();
        endpoint(&mut facts).provisioning_state = Some("Failed".into());
        assert_eq!(the_failure(CHECK, &facts).evidence.get("found"), Some("Failed"));
        let mut facts = healthy_private();
        facts.private_link.endpoints.insert(endpoint_id().key(), Fact::Absent);
        link_service(&mut facts).connections.clear();
        assert!(the_failure(CHECK, &facts).what.contains("private-router-pe does not exist"));
        link_service(&mut facts).auto_approval.clear();
        assert!(the_failure(CHECK, &facts).what.contains("does not let subscription"));
    }

    #[test]
    fn a_subscription_that_is_shut_out_does_not_matter_once_approved() {
        let mut facts = healthy_private();
        link_service(&mut facts).auto_approval.clear();
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn without_the_object_nothing_is_made() {
        let mut facts = healthy_private();
        facts.private_link.services = Fact::Known(Vec::new());
        assert!(the_failure(CHECK, &facts).what.contains("private-router"));
        cluster(&mut facts).created_at = Some(minutes_ago(5));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        cluster(&mut facts).azure.authentication = Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn a_young_chain_may_be_on_its_way() {
        let mut facts = healthy_private();
        no_link_conditions(&mut facts, &LINK_CONDITIONS);
        azpls(&mut facts).created_at = Some(minutes_ago(2));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        set_status(&mut facts, "Rejected");
        link_condition(&mut facts, BALANCER, "True", "AzureSuccess", "");
        link_condition(&mut facts, SERVICE, "True", "AzureSuccess", "");
        the_failure(CHECK, &facts);
        no_link_conditions(&mut facts, &LINK_CONDITIONS);
        azpls(&mut facts).created_at = Some(minutes_ago(20));
        assert!(the_failure(CHECK, &facts).what.contains("AzureInternalLoadBalancerAvailable is missing"));
    }

    #[test]
    fn what_could_not_be_read_is_unknown() {
        let mut facts = healthy_private();
        facts.private_link.services = Fact::Unreadable(denied("list azureprivatelinkservices"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        let mut facts = healthy_private();
        let gap = || Fact::Unreadable(denied("Microsoft.Network/privateLinkServices/read"));
        facts.private_link.link_services.insert(link_service_id().key(), gap());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        // A condition tells without Azure.
        link_condition(&mut facts, SERVICE, "False", "AzureError", "x");
        the_failure(CHECK, &facts);
    }
}
