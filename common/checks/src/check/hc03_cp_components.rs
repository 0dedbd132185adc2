//! HC03: the workloads of the control plane run.

use std::collections::BTreeMap;

use facts::hosted::{Component, Container, Event, HostedCluster, Pod, Workload};

use crate::judgement::{BEING_DELETED, Level};
use crate::prelude::*;
use crate::shell::{Quoted, command};

declare_check! {
    /// ## What it checks
    /// Every workload of the control plane namespace runs: its ControlPlaneComponent is available and rolled out, its
    /// Deployment or StatefulSet has its replicas, its pods do not crash, wait for images or mounts, or stay unscheduled.
    ///
    /// One row tells all that is known about one workload, and names the identity with which it signs in to Azure, if it
    /// has one. In the first 15 minutes of a cluster workloads may wait for one another. HyperShift releases without ControlPlaneComponents are judged by workloads and pods alone.
    ///
    /// ## Why it matters
    /// A component that signs in with an identity and crashes is, as a rule, refused by Entra: no condition of the
    /// HostedCluster names it, only its log does (FC05).
    ///
    /// ## How to fix
    /// Read the reason of the pod and the end of its log. Where an identity is named, look at the rows FC and RA first.
    ///
    /// Source: openshift/hypershift api/hypershift/v1beta1/controlplanecomponent_types.go.
    pub static CP_COMPONENTS = {
        code: "HC03",
        id: "cp-components",
        group: HostedCluster,
        since: "0.1.0",
        when: [Upgrade, Support],
        needs: [HostedCluster, Components, Pods],
        caused_by: ["FC05", "FC01", "FC02", "FC03", "ID01", "OI01", "OI02", "OI03", "RA01", "MC01", "MC05", "MC06", "OI05", "AR01", "AR02", "HC04", "HC06", "HC07", "HC08", "NP04", "ID02"],
        judge: judge,
    };
}

/// Minutes in which a pod may start.
const YOUNG: i64 = 5;
/// Minutes in which the components of a new cluster may wait for one another.
const COMING_UP: i64 = 15;
/// Minutes in which a component may roll out.
const ROLLOUT: i64 = 15;
/// Minutes for which a restart counts as recent.
const RECENT: i64 = 30;
/// Restarts that are forgiven.
const RESTARTS: i32 = 3;

/// What is wrong with one workload.
#[derive(Default)]
struct Trouble {
    /// What was said, with its weight, the telling things first.
    complaints: Vec<(Level, String)>,
    evidence: Vec<(&'static str, String)>,
    /// The pod to look at, and the container whose log tells.
    pod: Option<(String, Option<String>)>,
    waiting: Option<&'static str>,
}

impl Trouble {
    fn add(&mut self, level: Level, complaint: String) {
        self.complaints.push((level, complaint));
    }
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let mut gaps = Vec::new();
    let mut read = |subject: &str, gap: Gap| gaps.push((subject.to_owned(), gap));
    let components = view.components().unwrap_or_else(|gap| {
        read("ControlPlaneComponents", gap);
        None
    });
    let workloads = view.workloads().unwrap_or_else(|gap| {
        read("workloads", gap);
        None
    });
    let pods = view.pods().unwrap_or_else(|gap| {
        read("pods", gap);
        None
    });
    // Events only add detail to what pods say.
    let warnings = view.warnings().ok().flatten().map_or(&[][..], Vec::as_slice);
    let components = components.map_or(&[][..], Vec::as_slice);
    let workloads = workloads.map_or(&[][..], Vec::as_slice);
    let pods = pods.map_or(&[][..], Vec::as_slice);
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if components.is_empty() && workloads.is_empty() && pods.is_empty() && gaps.is_empty() {
        let plane = view.target().control_plane_namespace();
        return Err(Gap::new(GapKind::Blocked, format!("nothing runs in the control plane namespace {plane}")));
    }
    let limit =
        if cluster.created_at.is_some_and(|then| view.minutes_since(then) < COMING_UP) { COMING_UP } else { YOUNG };
    let mut troubles: BTreeMap<String, Trouble> = BTreeMap::new();
    // Pods first: they know the reason.
    for pod in pods {
        judge_pod(view, pod, warnings, troubles.entry(owner(pod, workloads, components)).or_default());
    }
    for workload in workloads {
        judge_workload(view, workload, limit, troubles.entry(workload.name.clone()).or_default());
    }
    for component in components {
        judge_component(view, component, limit, troubles.entry(component.name.clone()).or_default());
    }
    let names = troubles.len();
    let mut findings: Vec<Finding> = troubles
        .into_iter()
        .filter(|(_, trouble)| !trouble.complaints.is_empty())
        .map(|(name, trouble)| finding(view, cluster, workloads, &name, trouble))
        .collect();
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{names} workloads of the control plane run"), findings))
}

/// The workload that a pod belongs to: by its label, else by the longest workload name that its own name begins with.
fn owner(pod: &Pod, workloads: &[Workload], components: &[Component]) -> String {
    let known = || {
        let names = workloads.iter().map(|workload| &workload.name);
        names.chain(components.iter().map(|component| &component.name))
    };
    if let Some(app) = pod.app.as_ref().filter(|app| known().any(|name| name == *app)) {
        return app.clone();
    }
    known()
        .filter(|name| pod.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-')))
        .max_by_key(|name| name.len())
        .or(pod.app.as_ref())
        .unwrap_or(&pod.name)
        .clone()
}

fn judge_pod(view: &View<'_>, pod: &Pod, warnings: &[Event], trouble: &mut Trouble) {
    if pod.phase.as_deref() == Some("Succeeded") {
        return;
    }
    let young = pod.started_at.is_some_and(|then| view.minutes_since(then) < YOUNG);
    let fail = if young { Level::Warn } else { Level::Fail };
    let before = trouble.complaints.len();
    for container in &pod.containers {
        judge_container(view, pod, container, fail, trouble);
    }
    let own = format!("Pod/{}", pod.name);
    let events = || warnings.iter().filter(|event| event.about == own);
    let starting = pod.phase.as_deref() == Some("Pending");
    if trouble.complaints.len() == before && starting {
        let mount = events().rfind(|event| event.reason == "FailedMount" || event.reason == "FailedAttachVolume");
        if let Some(event) = mount {
            trouble.add(fail, format!("pod {} waits for a volume ({})", pod.name, event.reason));
            trouble.waiting = trouble.waiting.or(Some("mount"));
        } else if let Some(reason) = pod.reason.as_deref().filter(|reason| !reason.is_empty()) {
            trouble.add(fail, format!("pod {} is Pending: {reason}", pod.name));
            trouble.evidence.extend(pod.message.as_ref().map(|text| ("pending", facts::redact::text(text))));
            trouble.waiting = trouble.waiting.or(Some("schedule"));
        } else if !young {
            trouble.add(Level::Warn, format!("pod {} is Pending", pod.name));
        }
    }
    if pod.phase.as_deref() == Some("Failed") && trouble.complaints.len() == before {
        let reason = pod.reason.as_deref().unwrap_or("no reason given");
        trouble.add(Level::Warn, format!("pod {} has failed: {reason}", pod.name));
    }
    if trouble.complaints.len() > before {
        trouble.pod.get_or_insert_with(|| (pod.name.clone(), None));
        if let Some(event) = events().max_by_key(|event| event.last_seen) {
            let seen = event.last_seen.map(|at| format!(", last {at}")).unwrap_or_default();
            let message = facts::redact::text(&event.message);
            trouble.evidence.push(("event", format!("{}: {message} ({} times{seen})", event.reason, event.count)));
        }
    }
}

fn judge_container(view: &View<'_>, pod: &Pod, container: &Container, fail: Level, trouble: &mut Trouble) {
    let reason = container.waiting_reason.as_deref().unwrap_or_default();
    let waiting = match reason {
        "CrashLoopBackOff" | "RunContainerError" => Some("crash"),
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError" => {
            Some("image")
        }
        "CreateContainerConfigError" | "CreateContainerError" => Some("config"),
        _ => None,
    };
    let ended = container.terminated_reason.as_deref().map(|reason| {
        let code = container.exit_code.map(|code| format!(", exit code {code}")).unwrap_or_default();
        let at = container.terminated_at.map(|at| format!(", {at}")).unwrap_or_default();
        format!("{reason}{code}{at}")
    });
    let recent = container.terminated_at.is_some_and(|at| view.minutes_since(at) <= RECENT);
    if waiting.is_some() {
        trouble.add(
            fail,
            format!(
                "container {} of pod {} is in {reason} after {} restarts",
                container.name, pod.name, container.restarts
            ),
        );
    } else if container.restarts > RESTARTS && recent {
        trouble.add(
            Level::Warn,
            format!(
                "container {} of pod {} has restarted {} times, last within {RECENT} minutes",
                container.name, pod.name, container.restarts
            ),
        );
    } else {
        return;
    }
    trouble.waiting = trouble.waiting.or(waiting).or(Some("crash"));
    if trouble.pod.as_ref().is_none_or(|(_, container)| container.is_none()) {
        trouble.pod = Some((pod.name.clone(), Some(container.name.clone())));
    }
    trouble.evidence.extend(container.waiting_message.as_ref().map(|text| ("waiting", facts::redact::text(text))));
    trouble.evidence.extend(ended.map(|ended| ("last end", ended)));
}

/// `limit` is the time in minutes that a workload has to become available.
fn judge_workload(view: &View<'_>, workload: &Workload, limit: i64, trouble: &mut Trouble) {
    let available = workload.conditions.iter().find(|condition| condition.kind == "Available");
    let unavailable = available.is_some_and(|condition| condition.is_false());
    if !unavailable && workload.ready >= workload.desired {
        return;
    }
    let since =
        available.filter(|_| unavailable).and_then(|condition| condition.last_transition).or(workload.created_at);
    let young = since.is_some_and(|then| view.minutes_since(then) < limit);
    // With some replicas left the component still does its work.
    let level = if young || (!unavailable && workload.ready > 0) { Level::Warn } else { Level::Fail };
    trouble.add(level, format!("{} of {} replicas are ready", workload.ready, workload.desired));
    trouble.evidence.push(("replicas", format!("{} of {} ready", workload.ready, workload.desired)));
}

fn judge_component(view: &View<'_>, component: &Component, limit: i64, trouble: &mut Trouble) {
    let old = |condition: &facts::hosted::Condition, limit: i64| {
        condition.last_transition.is_none_or(|then| view.minutes_since(then) >= limit)
    };
    if let Some(condition) = component.condition("Available").filter(|condition| condition.is_false()) {
        let level = if old(condition, limit) { Level::Fail } else { Level::Warn };
        trouble.add(level, format!("its ControlPlaneComponent is not available ({})", condition.reason));
        if !condition.message.is_empty() {
            trouble.evidence.push(("component", facts::redact::text(&condition.message)));
        }
    }
    let rollout = component.condition("RolloutComplete");
    if let Some(condition) = rollout.filter(|condition| condition.is_false() && old(condition, ROLLOUT)) {
        trouble.add(Level::Warn, format!("its roll-out takes more than {ROLLOUT} minutes ({})", condition.reason));
        if !condition.message.is_empty() {
            trouble.evidence.push(("roll-out", facts::redact::text(&condition.message)));
        }
    }
}

fn finding(view: &View<'_>, cluster: &HostedCluster, workloads: &[Workload], name: &str, trouble: Trouble) -> Finding {
    let identity = catalogue::by_workload(name).filter(|component| cluster.requires(component));
    let level = trouble.complaints.iter().map(|(level, _)| *level).min().unwrap_or(Level::Warn);
    // The gravest complaint is the headline, the first of its weight.
    let headline = trouble.complaints.iter().find(|(own, _)| *own == level).map_or("", |(_, text)| text.as_str());
    let subject = format!("workload {name}");
    let what = format!("{name}: {headline}");
    let why = match identity {
        Some(component) => format!(
            "it acts on Azure as identity {}: while it does not run, that work stays undone, and no HostedCluster condition names the reason",
            component.key
        ),
        None => "what it does for the hosted cluster stays undone".to_owned(),
    };
    let mut finding = match level {
        Level::Fail => Finding::fail(subject, what, why),
        _ => Finding::warn(subject, what, why),
    };
    for (_, complaint) in trouble.complaints.iter().filter(|(_, text)| text != headline) {
        finding = finding.see("also", complaint.as_str());
    }
    for (label, value) in &trouble.evidence {
        finding = finding.see(label, value.as_str());
    }
    finding = finding.touches(Key::Workload(name.to_owned()));
    if trouble.waiting == Some("schedule") {
        finding = finding.touches(Key::Host);
    }
    if let Some(component) = identity {
        let client_id = cluster.workload_identities().and_then(|ids| ids.get(component.key).map(|id| (*id).to_owned()));
        finding = finding
            .see("identity", format!("{} (client id {})", component.key, client_id.as_deref().unwrap_or("not set")))
            .touches(Key::Identity(component.key.into()));
    }
    let kind = workloads
        .iter()
        .find(|workload| workload.name == name)
        .map_or("deployment", |workload| if workload.kind == "StatefulSet" { "statefulset" } else { "deployment" });
    finding.fix(fix(view, cluster, kind, name, &trouble))
}

fn fix(view: &View<'_>, cluster: &HostedCluster, kind: &str, name: &str, trouble: &Trouble) -> Fix {
    let plane = view.target().control_plane_namespace();
    let mut commands = Vec::new();
    match &trouble.pod {
        Some((pod, container)) => {
            if trouble.waiting == Some("crash") {
                let container = Quoted(container.as_ref().map(|name| command!(" -c {}", name)).unwrap_or_default());
                commands
                    .push(command!("oc -n {plane} logs {pod}{container} --previous --tail 50"; plane, pod, container));
            }
            commands.push(command!("oc -n {plane} describe pod {pod}"; plane, pod));
        }
        None => {
            commands.push(command!("oc -n {plane} describe {kind} {name}"; plane, kind, name));
            commands.push(
                command!("oc -n {plane} get events --field-selector type=Warning --sort-by .lastTimestamp"; plane),
            );
        }
    }
    match trouble.waiting {
        Some("image") => {
            let secret = cluster.pull_secret.as_deref().unwrap_or("PULL_SECRET");
            commands.push(command!("oc -n {} get secret {secret} -o jsonpath='{{.type}}'",
                cluster.namespace; secret));
            Fix::hypershift(commands)
                .note("the pull secret has to hold the registry of the image, and the registry has to hold the image")
        }
        Some("schedule") => {
            commands.push("oc adm top nodes".to_owned());
            Fix::hypershift(commands)
                .note("no node of the management cluster takes the pod: add nodes, or free what its message names")
        }
        _ => Fix::hypershift(commands),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &CP_COMPONENTS;

    fn the_pod<'a>(facts: &'a mut Facts, app: &str) -> &'a mut Pod {
        match &mut facts.hosted.pods {
            Fact::Known(pods) => pods.iter_mut().find(|pod| pod.app.as_deref() == Some(app)).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn the_workload<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Workload {
        match &mut facts.hosted.workloads {
            Fact::Known(list) => list.iter_mut().find(|workload| workload.name == name).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn the_component<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Component {
        match &mut facts.hosted.components {
            Fact::Known(list) => list.iter_mut().find(|component| component.name == name).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn waiting(app: &str, reason: &str) -> Facts {
        let mut facts = healthy();
        let container = &mut the_pod(&mut facts, app).containers[0];
        container.ready = false;
        container.restarts = 11;
        container.waiting_reason = Some(reason.into());
        container.waiting_message = Some("back-off 5m0s restarting failed container".into());
        facts
    }

    fn warning(about: &str, reason: &str, minutes: i64) -> Event {
        Event {
            about: about.into(),
            reason: reason.into(),
            message: format!("{reason} happened"),
            last_seen: Some(minutes_ago(minutes)),
            count: 42,
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a component crashes", |facts| crash(facts, "ingress-operator")).showing(&["HC01"]),
            Fault::new("the image of a component cannot be pulled", |facts| {
                let container = &mut the_pod(facts, "kube-apiserver").containers[0];
                container.ready = false;
                container.waiting_reason = Some("ImagePullBackOff".into());
                the_pod(facts, "kube-apiserver").phase = Some("Pending".into());
                set_condition(facts, "KubeAPIServerAvailable", "False", "kube-apiserver deployment is not available");
            })
            .showing(&["HC01"]),
        ]
    }

    #[test]
    fn a_cluster_that_is_coming_up_may_wait() {
        let mut facts = healthy();
        let workload = the_workload(&mut facts, "kube-apiserver");
        workload.ready = 0;
        workload.created_at = Some(minutes_ago(9));
        let mut condition = condition("Available", "False", "WaitingForAvailable");
        condition.last_transition = Some(minutes_ago(9));
        workload.conditions = vec![condition.clone()];
        the_component(&mut facts, "kube-apiserver").conditions = vec![condition];
        the_failure(CHECK, &facts);
        cluster(&mut facts).created_at = Some(minutes_ago(10));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        // A crash is told at once.
        let container = &mut the_pod(&mut facts, "kube-apiserver").containers[0];
        container.waiting_reason = Some("CrashLoopBackOff".into());
        the_failure(CHECK, &facts);
    }

    #[test]
    fn a_running_control_plane_passes_with_and_without_components() {
        let mut facts = healthy();
        assert_passes(CHECK, &facts);
        facts.hosted.components = Fact::Absent;
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn one_row_merges_what_pods_workload_and_component_say() {
        let mut facts = waiting("capi-provider", "CrashLoopBackOff");
        let container = &mut the_pod(&mut facts, "capi-provider").containers[0];
        (container.terminated_reason, container.exit_code) = (Some("Error".into()), Some(255));
        the_workload(&mut facts, "capi-provider").ready = 0;
        the_component(&mut facts, "capi-provider").conditions[0] = condition("Available", "False", "NotReady");
        facts.hosted.warnings = Fact::Known(vec![
            warning("Pod/capi-provider-6d8f9-0", "Old", 90),
            warning("Pod/capi-provider-6d8f9-0", "BackOff", 2),
            warning("Pod/etcd-6d8f9-0", "Other", 1),
        ]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "workload capi-provider");
        assert!(finding.what.contains("CrashLoopBackOff after 11 restarts"), "{}", finding.what);
        assert_eq!(finding.evidence.get("last end"), Some("Error, exit code 255"));
        assert!(finding.evidence.get("event").unwrap().starts_with("BackOff: BackOff happened (42 times"));
        assert!(finding.evidence.get("identity").unwrap().starts_with("nodePoolManagement (client id "));
        assert_eq!(finding.keys, [Key::Workload("capi-provider".into()), Key::Identity("nodePoolManagement".into())]);
        assert_eq!(
            finding.fixes[0].commands[0],
            "oc -n clusters-prod logs capi-provider-6d8f9-0 -c capi-provider --previous --tail 50"
        );
    }

    #[test]
    fn images_and_configuration_fail_and_young_pods_warn() {
        for reason in ["ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"] {
            let mut facts = waiting("etcd", reason);
            assert_eq!(the_failure(CHECK, &facts).keys, [Key::Workload("etcd".into())]);
            the_pod(&mut facts, "etcd").started_at = Some(minutes_ago(2));
            assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        }
    }

    #[test]
    fn pending_pods_say_why() {
        let mut facts = healthy();
        let pod = the_pod(&mut facts, "etcd");
        pod.phase = Some("Pending".into());
        pod.reason = Some("Unschedulable".into());
        pod.message = Some("0/3 nodes are available: 3 Insufficient cpu".into());
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("pending"), Some("0/3 nodes are available: 3 Insufficient cpu"));
        let pod = the_pod(&mut facts, "etcd");
        pod.reason = None;
        facts.hosted.warnings = Fact::Known(vec![warning("Pod/etcd-6d8f9-0", "FailedMount", 1)]);
        assert!(the_failure(CHECK, &facts).what.contains("waits for a volume"));
        // Once it runs, the event is history.
        the_pod(&mut facts, "etcd").phase = Some("Running".into());
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn many_restarts_warn_while_they_are_recent() {
        let mut facts = healthy();
        let container = &mut the_pod(&mut facts, "etcd").containers[0];
        container.restarts = 4;
        container.terminated_at = Some(minutes_ago(31));
        assert_passes(CHECK, &facts);
        the_pod(&mut facts, "etcd").containers[0].terminated_at = Some(minutes_ago(29));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn replicas_and_roll_outs() {
        let mut facts = healthy();
        *the_workload(&mut facts, "etcd") = workload("etcd", 3, 2);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        the_workload(&mut facts, "etcd").conditions =
            vec![condition("Available", "False", "MinimumReplicasUnavailable")];
        the_failure(CHECK, &facts);
        let mut facts = healthy();
        the_component(&mut facts, "etcd").conditions[1] = condition("RolloutComplete", "False", "Waiting");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        the_component(&mut facts, "etcd").conditions[1].last_transition = Some(minutes_ago(10));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn the_kms_identity_is_named_only_where_kms_is_used() {
        let finding = the_failure(CHECK, &waiting("kube-apiserver", "CrashLoopBackOff"));
        assert_eq!(finding.keys, [Key::Workload("kube-apiserver".into())]);
    }

    #[test]
    fn unreadable_parts_do_not_hide_the_others() {
        let mut facts = waiting("etcd", "CrashLoopBackOff");
        facts.hosted.components = Fact::Unreadable(denied("list controlplanecomponents"));
        let levels: Vec<Level> = findings(CHECK, &facts).iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Fail, Level::Unknown]);
        facts.hosted.components = Fact::Absent;
        facts.hosted.workloads = Fact::Absent;
        facts.hosted.pods = Fact::Absent;
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
    }

    #[test]
    fn a_cluster_that_is_being_deleted_does_not_count() {
        let mut facts = waiting("etcd", "CrashLoopBackOff");
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
