//! NP05: certificate signing requests of new nodes do not wait for approval.

use facts::guest::SigningRequest;

use crate::prelude::*;
use crate::shell::{Quoted, command};

declare_check! {
    /// ## What it checks
    /// No certificate signing request of a kubelet waits for more than 5 minutes.
    ///
    /// A request for the certificate with which a node joins is a failure after 15 minutes: without it the VM never
    /// becomes a node. A request for the certificate that a kubelet serves with stays a warning.
    ///
    /// ## Why it matters
    /// The machine-approver of the control plane approves requests that fit a Machine. When it does not run, or takes a
    /// request for one that fits none, VMs run, have fetched their ignition, and never join.
    ///
    /// ## How to fix
    /// Look at the machine-approver first; then approve the requests of machines that you know.
    ///
    /// Source: openshift/cluster-machine-approver README; kubernetes.io docs, certificate signing requests.
    pub static NODE_CSR = {
        code: "NP05",
        id: "node-csr",
        group: NodePools,
        since: "0.1.0",
        when: [Support],
        needs: [Guest],
        caused_by: ["HC03"],
        judge: judge,
    };
}

/// Minutes in which a request should be approved.
const DUE: i64 = 5;
/// Minutes after which a node does not join for want of its certificate.
const OVERDUE: i64 = 15;
/// The workload that approves.
const APPROVER: &str = "machine-approver";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let requests = view.signing_requests()?;
    let age = |request: &SigningRequest| request.created_at.map_or(0, |then| view.minutes_since(then));
    let findings = [true, false]
        .into_iter()
        .filter_map(|joining| {
            let late: Vec<&SigningRequest> =
                requests.iter().filter(|one| one.is_for_joining() == joining && age(one) >= DUE).collect();
            let oldest = late.iter().map(|one| age(one)).max()?;
            Some(finding(view, &late, joining, oldest, &age))
        })
        .collect();
    let passed = match requests.len() {
        0 => "no certificate signing request waits".to_owned(),
        some => format!("{some} certificate signing requests are minutes old"),
    };
    Ok(Judgement::new(passed, findings))
}

fn finding(
    view: &View<'_>,
    late: &[&SigningRequest],
    joining: bool,
    oldest: i64,
    age: &dyn Fn(&SigningRequest) -> i64,
) -> Finding {
    let count = match late.len() {
        1 => "1 certificate signing request".to_owned(),
        many => format!("{many} certificate signing requests"),
    };
    let (subject, what, why) = if joining {
        (
            "requests to join",
            format!("{count} of new nodes: not approved for {oldest} minutes"),
            "the VM runs and has its ignition, and does not become a node before its certificate is issued",
        )
    } else {
        (
            "requests to serve",
            format!("{count} of kubelets: not approved for {oldest} minutes"),
            "logs, exec and metrics of these nodes do not work",
        )
    };
    let mut finding = if joining && oldest >= OVERDUE {
        Finding::fail(subject, what, why)
    } else {
        Finding::warn(subject, what, why)
    };
    for request in late.iter().take(10) {
        let node = request.node.as_deref().unwrap_or("a node that the request does not name");
        finding = finding
            .see("request", format!("{} for {node}, by {}, {} minutes", request.name, request.requestor, age(request)));
    }
    for node in late.iter().filter_map(|request| request.node.as_ref()) {
        finding = finding.touches(Key::Machine(node.clone()));
    }
    let plane = view.target().control_plane_namespace();
    finding
        .touches(Key::Workload(APPROVER.into()))
        .fix(Fix::hypershift([
            command!("oc -n {plane} get deployment {APPROVER}"; plane, APPROVER),
            command!("oc -n {plane} logs deployment/{APPROVER} --tail 50"; plane, APPROVER),
        ]))
        .fix(
            Fix::hypershift([command!(
                "oc adm certificate approve {}",
                Quoted::words(late.iter().map(|request| request.name.as_str()))
            )])
            .note("with the kubeconfig of the hosted cluster, and only for machines that you know"),
        )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &NODE_CSR;

    fn request(node: &str, joining: bool, minutes: i64) -> SigningRequest {
        let kind = if joining { "kube-apiserver-client-kubelet" } else { "kubelet-serving" };
        SigningRequest {
            name: format!("csr-{node}"),
            signer: format!("kubernetes.io/{kind}"),
            requestor: "system:serviceaccount:openshift-machine-config-operator:node-bootstrapper".into(),
            node: Some(node.into()),
            created_at: Some(minutes_ago(minutes)),
        }
    }

    fn with(requests: Vec<SigningRequest>) -> Facts {
        let mut facts = healthy();
        facts.guest.signing_requests = Fact::Known(requests);
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![Fault::new("nobody approves the request of a new node", |facts| {
            facts.guest.signing_requests = Fact::Known(vec![request("prod-b", true, 40)]);
            nodes_are_missing(facts, "prod-b");
        })]
    }

    #[test]
    fn none_and_new_ones_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &with(vec![request("prod-a", true, 4)]));
    }

    #[test]
    fn a_node_that_cannot_join() {
        let finding = the_failure(CHECK, &with(vec![request("prod-a", true, 15), request("prod-b", true, 6)]));
        assert_eq!(finding.what, "2 certificate signing requests of new nodes: not approved for 15 minutes");
        assert!(finding.keys.contains(&Key::Machine("prod-a".into())));
        assert_eq!(finding.fixes[1].commands, ["oc adm certificate approve csr-prod-a csr-prod-b"]);
        assert_eq!(finding.fixes[0].commands[1], "oc -n clusters-prod logs deployment/machine-approver --tail 50");
    }

    #[test]
    fn what_may_still_come_and_serving_certificates_are_warnings() {
        assert_eq!(the_finding(CHECK, &with(vec![request("prod-a", true, 14)])).level, Level::Warn);
        assert_eq!(the_finding(CHECK, &with(vec![request("prod-a", false, 400)])).level, Level::Warn);
    }

    #[test]
    fn requests_that_cannot_be_read() {
        let mut facts = healthy();
        facts.guest.signing_requests = Fact::Unreadable(denied("list certificatesigningrequests"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
