//! HC02: the hosted API server answers from here.

use facts::dns::{ApiServer, Stage, StageKind};
use facts::hosted::HostedCluster;

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// With the kubeconfig that the cluster publishes for its administrator: the host resolves, takes connections, shows a
    /// certificate of the cluster's own authority that names the host and has not expired, `/readyz` says yes, and
    /// `/version` answers.
    ///
    /// Where the operator says that the API is available, a host that is only out of reach of this machine is a warning.
    /// A private API server is not tried from outside of its network.
    ///
    /// ## Why it matters
    /// This is what users and workers do. Conditions say what the control plane thinks of itself; they do not see a wrong
    /// record, a closed port on the way, or a certificate for another name.
    ///
    /// ## How to fix
    /// By the stage that failed: DNS (DN02), the load balancer and firewalls on the way, the certificate, the API server's
    /// own pods.
    ///
    /// Source: openshift/hypershift control-plane-operator, kas; <https://kubernetes.io/docs/reference/using-api/health-checks/>.
    pub static API_REACHABLE = {
        code: "HC02",
        id: "api-reachable",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, ApiServer],
        caused_by: ["DN02", "HC03"],
        judge: judge,
    };
}

/// Hours before the end of a certificate at which it should have been renewed.
const RENEWAL: i64 = 72;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if cluster.azure.topology.as_deref() == Some("Private") {
        let target = view.target();
        let plane = target.control_plane_namespace();
        let hint = command!("oc -n {} port-forward service/kube-apiserver 6443", plane);
        return Ok(Judgement::NotApplicable(format!(
            "the API server is private and not tried from outside; `{hint}` leads to it"
        )));
    }
    let Some(found) = view.api_server()? else {
        return Ok(Judgement::NotApplicable("the cluster publishes no kubeconfig yet".into()));
    };
    let subject = format!("API server {}:{}", found.host, found.port);
    if let Some(stage) = found.stages.iter().find(|stage| stage.problem.is_some()) {
        return Ok(Judgement::new(String::new(), vec![failed(view, cluster, found, stage, subject)]));
    }
    if found.stages.is_empty() {
        return Err(Gap::new(GapKind::Failed, "no stage on the way to the API server was tried"));
    }
    let mut findings = Vec::new();
    if let Some(not_after) = found.certificate.as_ref().and_then(|certificate| certificate.not_after) {
        let hours = -view.minutes_since(not_after) / 60;
        if hours < RENEWAL {
            findings.push(
                Finding::warn(
                    subject,
                    format!("the certificate of the API server ends in {hours} hours and has not been renewed"),
                    "when it has ended no client connects any more",
                )
                .see("ends", not_after.to_string())
                .fix(look(view, StageKind::Tls))
                .touches(Key::Workload("kube-apiserver".into())),
            );
        }
    }
    let version = found.version.as_deref().unwrap_or("an unnamed version");
    Ok(Judgement::new(format!("{}:{} answers and is ready ({version})", found.host, found.port), findings))
}

fn failed(view: &View<'_>, cluster: &HostedCluster, found: &ApiServer, stage: &Stage, subject: String) -> Finding {
    let problem = stage.problem.as_deref().unwrap_or_default();
    let (what, why) = match stage.stage {
        StageKind::Resolve => (format!("{} does not resolve", found.host), "nobody finds the API server by its name"),
        StageKind::Tcp => (
            format!("{}:{} takes no connection", found.host, found.port),
            "neither users nor this machine reach the API",
        ),
        StageKind::Tls => ("the TLS handshake fails".to_owned(), "every client refuses to speak to this server"),
        StageKind::Ready => {
            ("the API server is not ready".to_owned(), "it answers, and does not do its work: clients get errors")
        }
        StageKind::Version => ("the API server does not tell its version".to_owned(), "clients cannot begin to work"),
    };
    // An operator that says all is well sees the server from inside: something between it and here may be closed on purpose.
    let says = |kind: &str| cluster.condition(kind).is_some_and(facts::hosted::Condition::is_true);
    let beyond_reach = matches!(stage.stage, StageKind::Tcp)
        || (stage.stage == StageKind::Ready && found.not_ready.is_empty() && !problem.starts_with("HTTP"));
    let mut finding = if beyond_reach && says("Available") && says("KubeAPIServerAvailable") {
        Finding::warn(
            subject,
            format!("{what} from here"),
            "the operator says that it is available: a firewall, an allow list or a proxy may stand between",
        )
    } else {
        Finding::fail(subject, what, why)
    };
    finding = finding.see("stage", stage.stage.describe()).see("said", problem);
    let times: Vec<String> =
        found.stages.iter().map(|stage| format!("{} {} ms", stage.stage.describe(), stage.ms)).collect();
    finding = finding.see("times", times.join(", "));
    if let Some(certificate) = &found.certificate {
        if !certificate.names.is_empty() {
            finding = finding.see("certificate names", certificate.names.join(", "));
        }
        if let Some(not_after) = certificate.not_after {
            finding = finding.see("certificate ends", not_after.to_string());
        }
    }
    for line in &found.not_ready {
        finding = finding.see("not ready", line.as_str());
    }
    finding = match stage.stage {
        StageKind::Resolve => finding.touches(Key::Names).explaining_itself(),
        StageKind::Tcp => finding.touches(Key::Names),
        _ => finding,
    };
    if stage.stage > StageKind::Resolve {
        finding = finding.touches(Key::Workload("kube-apiserver".into())).touches(Key::Workload("etcd".into()));
    }
    finding.fix(look(view, stage.stage))
}

fn look(view: &View<'_>, stage: StageKind) -> Fix {
    let target = view.target();
    let plane = target.control_plane_namespace();
    let (namespace, name) = (&target.namespace, &target.name);
    Fix::hypershift(match stage {
        StageKind::Resolve => vec![
            command!("oc -n {namespace} get hostedcluster {name} -o jsonpath={{.status.controlPlaneEndpoint}}"; namespace, name),
            "oc -n hypershift logs deployment/external-dns --tail 100".to_owned(),
        ],
        StageKind::Tcp => vec![
            command!("oc -n {} get services", plane),
            command!("oc -n {} port-forward service/kube-apiserver 6443", plane),
        ],
        StageKind::Tls => vec![
            command!("oc -n {} get secrets kas-server-crt -o yaml", plane),
            command!("oc hcp-azure create kubeconfig {} -n {}", name, namespace),
        ],
        StageKind::Ready | StageKind::Version => vec![
            command!("oc -n {} get pods -l app=kube-apiserver", plane),
            command!("oc -n {} logs deployment/kube-apiserver -c kube-apiserver --tail 100", plane),
        ],
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use facts::Fact;

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &API_REACHABLE;

    fn fail_at(facts: &mut facts::Facts, stage: StageKind, problem: &str) {
        let api = api_server(facts);
        api.stages.retain(|tried| tried.stage <= stage);
        api.stages.last_mut().unwrap().problem = Some(problem.into());
    }

    fn unavailable(facts: &mut facts::Facts) {
        for condition in &mut cluster(facts).conditions {
            if matches!(condition.kind.as_str(), "Available" | "KubeAPIServerAvailable") {
                condition.status = "False".into();
            }
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the certificate is for another name", |facts| {
                fail_at(facts, StageKind::Tls, "the certificate does not name this host");
            }),
            Fault::new("the API server takes no connection", |facts| {
                fail_at(facts, StageKind::Tcp, "20.81.4.17:7443: connection refused");
                unavailable(facts);
            }),
            Fault::new("the API server is not ready", |facts| {
                fail_at(facts, StageKind::Ready, "HTTP 500");
                api_server(facts).not_ready = vec!["[-]etcd failed: reason withheld".into()];
                unavailable(facts);
            })
            .of(healthy_named),
        ]
    }

    #[test]
    fn a_server_that_answers_passes() {
        assert_passes(CHECK, &healthy());
        assert_passes(CHECK, &healthy_named());
    }

    #[test]
    fn a_private_server_is_not_tried() {
        assert_not_applicable(CHECK, &healthy_private());
        let mut facts = healthy();
        facts.names.api_server = Fact::Absent;
        assert_not_applicable(CHECK, &facts);
    }

    #[test]
    fn each_stage_is_named() {
        for (stage, problem) in [
            (StageKind::Resolve, "no such host"),
            (StageKind::Tls, "the certificate has expired"),
            (StageKind::Ready, "HTTP 500"),
            (StageKind::Version, "HTTP 503"),
        ] {
            let mut facts = healthy();
            fail_at(&mut facts, stage, problem);
            let finding = the_failure(CHECK, &facts);
            assert_eq!(finding.evidence.get("stage"), Some(stage.describe()));
            assert_eq!(finding.evidence.get("said"), Some(problem));
        }
    }

    #[test]
    fn out_of_reach_of_this_machine_alone() {
        let mut facts = healthy();
        fail_at(&mut facts, StageKind::Tcp, "no answer within 8 s");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        unavailable(&mut facts);
        the_failure(CHECK, &facts);
    }

    #[test]
    fn a_certificate_that_should_have_been_renewed() {
        let mut facts = healthy();
        api_server(&mut facts).certificate.as_mut().unwrap().not_after = Some(minutes_ago(-60 * 20));
        let finding = the_finding(CHECK, &facts);
        assert!(finding.level == Level::Warn && finding.what.contains("20 hours"), "{finding:#?}");
    }

    #[test]
    fn a_kubeconfig_that_may_not_be_read() {
        let mut facts = healthy();
        facts.names.api_server = Fact::Unreadable(denied("get secrets"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        let mut facts = healthy();
        api_server(&mut facts).stages.clear();
        the_gap(CHECK, &facts);
    }
}
