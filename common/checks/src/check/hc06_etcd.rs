//! HC06: etcd has its members, its volumes and a disk that keeps up.

use facts::control_plane::VolumeClaim;
use facts::hosted::{HostedCluster, LogLine, Pod};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// Every member of etcd runs, so that the quorum (more than half of them) does not hang on one; its volumes are bound;
    /// its log of the last ten minutes complains neither of a slow disk nor of a full database; the last backup and
    /// recovery, if there were any, did not fail.
    ///
    /// A member that does not run for a reason that a restart does not cure is a failure, as is a lost quorum; members that
    /// are merely not ready are a warning while the quorum holds. A cluster whose etcd HyperShift does not manage is
    /// left out.
    ///
    /// ## Why it matters
    /// Without a quorum the hosted API server stops, and with it every component of the control plane. A full database
    /// refuses every write; a slow disk shows as leader changes and requests that time out.
    ///
    /// ## How to fix
    /// Read the state of the members and the reason of the pod that is missing. A volume that stays Pending has a storage
    /// class that makes none, or a zone without room. Never delete the volume of a member while the quorum is lost.
    ///
    /// Source: openshift/hypershift v2/assets/etcd/statefulset.yaml, hostedcontrolplane_controller.go
    /// (etcdStatefulSetCondition); <https://etcd.io/docs/v3.5/op-guide/hardware/>.
    pub static ETCD = {
        code: "HC06",
        id: "etcd",
        group: HostedCluster,
        since: "0.1.0",
        when: [Upgrade, Support],
        needs: [HostedCluster, Components, Pods, Logs, Volumes],
        caused_by: ["HC07", "MC05"],
        judge: judge,
    };
}

/// The StatefulSet, and the `app` label of its pods and volumes.
const NAME: &str = "etcd";
/// Minutes in which the members of a new cluster may come up.
const COMING_UP: i64 = 15;
/// Minutes in which a member may start, and a volume be made.
const YOUNG: i64 = 5;
/// How old a complaint may be by the clock of its log to count as present, in minutes.
const FRESH: i64 = 10;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let (workloads, pods, volumes, logs) = (view.workloads(), view.pods(), view.etcd_volumes(), view.logs());
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let mut gaps: Vec<(String, Gap)> = Vec::new();
    let mut or_gap = |subject: &str, gap: Gap| gaps.push((format!("{subject} of etcd"), gap));
    let workload = match workloads {
        Ok(list) => list.into_iter().flatten().find(|workload| workload.name == NAME),
        Err(gap) => {
            or_gap("StatefulSet", gap);
            None
        }
    };
    let members: Vec<&Pod> = match pods {
        Ok(list) => list.into_iter().flatten().filter(|pod| pod.app.as_deref() == Some(NAME)).collect(),
        Err(gap) => {
            or_gap("pods", gap);
            Vec::new()
        }
    };
    let claims = match volumes {
        Ok(claims) => claims.as_slice(),
        Err(gap) => {
            or_gap("volumes", gap);
            &[]
        }
    };
    let lines = match logs {
        Ok(lines) => lines.map_or(&[][..], Vec::as_slice),
        Err(gap) => {
            or_gap("log", gap);
            &[]
        }
    };
    if workload.is_none() && members.is_empty() && gaps.is_empty() {
        return Ok(without_etcd(view, cluster));
    }
    let mut findings = Vec::new();
    let desired = workload.map_or(members.len(), |workload| usize::try_from(workload.desired).unwrap_or(0));
    let down = members.iter().filter(|pod| !runs(pod)).count();
    // The pods may know more than the StatefulSet has counted yet.
    let ready = workload.map_or(desired, |workload| usize::try_from(workload.ready).unwrap_or(0));
    let ready = ready.min(desired.saturating_sub(down));
    let state = format!("{ready} of {desired} members are ready");
    let unbound: Vec<Finding> = claims.iter().filter_map(|claim| not_bound(view, claim, &state)).collect();
    // A member without its volume cannot run: one row tells both.
    if unbound.is_empty() && (workload.is_some() || !members.is_empty()) {
        findings.extend(missing_members(view, cluster, &members, desired, ready));
    }
    findings.extend(unbound);
    findings.extend(complaints(view, lines));
    findings.extend(conditions(view, cluster));
    findings.extend(Finding::unknowns(gaps));
    let findings = findings.into_iter().map(|finding| finding.touches(Key::Workload(NAME.into()))).collect();
    Ok(Judgement::new(format!("{state}, {} volumes are bound", claims.len()), findings))
}

/// Nothing called etcd runs: it is managed elsewhere, unless the operator misses it.
fn without_etcd(view: &View<'_>, cluster: &HostedCluster) -> Judgement {
    let young = cluster.created_at.is_some_and(|then| view.minutes_since(then) < COMING_UP);
    match cluster.condition("EtcdAvailable").filter(|condition| condition.is_false()) {
        Some(condition) if !young => {
            let finding = Finding::fail(
                "StatefulSet etcd",
                format!("etcd does not exist: {}", reason(condition)),
                "without etcd the hosted API server does not start",
            )
            .touches(Key::Workload(NAME.into()))
            .fix(look(view));
            Judgement::new("", vec![finding])
        }
        _ => Judgement::NotApplicable(
            "HyperShift does not manage the etcd of this cluster, or has not made it yet".into(),
        ),
    }
}

fn runs(pod: &Pod) -> bool {
    let main = pod.containers.iter().find(|container| container.name == NAME).or(pod.containers.first());
    pod.phase.as_deref().is_none_or(|phase| phase == "Running") && main.is_none_or(|container| container.ready)
}

fn missing_members(
    view: &View<'_>,
    cluster: &HostedCluster,
    members: &[&Pod],
    desired: usize,
    ready: usize,
) -> Option<Finding> {
    if ready >= desired {
        return None;
    }
    let quorum = desired / 2 + 1;
    let lost = ready < quorum;
    let young = cluster.created_at.is_some_and(|then| view.minutes_since(then) < COMING_UP);
    let down: Vec<(&Pod, String)> = members.iter().filter(|pod| !runs(pod)).map(|pod| (*pod, why_down(pod))).collect();
    let incurable = members.iter().any(|pod| !runs(pod) && is_stuck(view, pod));
    let subject = "StatefulSet etcd";
    let what = if lost {
        format!("etcd has lost its quorum: {ready} of {desired} members are ready, {quorum} are needed")
    } else {
        format!(
            "{ready} of {desired} members of etcd are ready: the loss of {} more stops the cluster",
            ready + 1 - quorum
        )
    };
    let why = "without a quorum the hosted API server stops, and with it every component of the control plane";
    let mut finding = if incurable || (lost && !young) {
        Finding::fail(subject, what, why)
    } else {
        Finding::warn(subject, what, why)
    };
    finding = finding.compare(format!("{desired} members"), format!("{ready} members"));
    for (pod, why) in &down {
        finding = finding.see(&pod.name, why.as_str());
    }
    let plane = view.target().control_plane_namespace();
    let mut commands: Vec<String> =
        down.first().map(|(pod, _)| command!("oc -n {plane} describe pod {}", pod.name; plane)).into_iter().collect();
    commands.push(endpoint_status(&plane, members.iter().find(|pod| runs(pod)).map_or("etcd-0", |pod| &pod.name)));
    Some(finding.fix(Fix::hypershift(commands).note(
        "delete a pod, not its volume: a member whose volume is gone joins anew only while the others have a quorum",
    )))
}

fn why_down(pod: &Pod) -> String {
    let container = pod.containers.iter().find(|container| !container.ready && !container.init);
    let waiting = container.and_then(|container| container.waiting_reason.as_deref());
    let reason = waiting.or(pod.reason.as_deref()).or(pod.phase.as_deref()).unwrap_or("not ready");
    match pod.message.as_deref().or(container.and_then(|container| container.waiting_message.as_deref())) {
        Some(message) => format!("{reason}: {}", facts::redact::text(message)),
        None => reason.to_owned(),
    }
}

/// Whether a member will not come back by itself.
fn is_stuck(view: &View<'_>, pod: &Pod) -> bool {
    let young = pod.started_at.is_some_and(|then| view.minutes_since(then) < YOUNG);
    let waits = pod.containers.iter().any(|container| {
        container
            .waiting_reason
            .as_deref()
            .is_some_and(|reason| !matches!(reason, "ContainerCreating" | "PodInitializing"))
    });
    !young && (waits || pod.phase.as_deref() == Some("Pending"))
}

fn not_bound(view: &View<'_>, claim: &VolumeClaim, state: &str) -> Option<Finding> {
    let phase = claim.phase.as_deref().unwrap_or("Pending");
    if phase == "Bound" {
        return None;
    }
    let young = claim.created_at.is_some_and(|then| view.minutes_since(then) < YOUNG);
    let subject = format!("PersistentVolumeClaim {}", claim.name);
    let what = format!("volume {} of etcd is {phase}", claim.name);
    let why = if phase == "Lost" {
        "the disk behind it is gone, and with it the data of this member"
    } else {
        "the member does not start without its volume"
    };
    let mut finding = if young { Finding::warn(subject, what, why) } else { Finding::fail(subject, what, why) };
    finding = finding.compare("Bound", phase);
    for (label, value) in [("storage class", &claim.storage_class), ("size", &claim.size)] {
        finding = finding.see(label, value.as_deref().unwrap_or("the default"));
    }
    let plane = view.target().control_plane_namespace();
    let name = &claim.name;
    Some(finding.see("members", state).fix(Fix::hypershift([
        command!("oc -n {plane} describe pvc {name}"; plane, name),
        "oc get storageclass".to_owned(),
    ])))
}

/// What the members themselves say of their disk and their database.
fn complaints(view: &View<'_>, lines: &[LogLine]) -> Vec<Finding> {
    let recent = |line: &&LogLine| {
        let end = if view.is_offline() { line.log_end } else { Some(view.now()) };
        line.time.zip(end).is_some_and(|(time, end)| (end.as_second() - time.as_second()) / 60 <= FRESH)
    };
    let of_etcd: Vec<&LogLine> = lines
        .iter()
        .filter(|line| line.app.as_deref() == Some(NAME) && line.container == NAME)
        .filter(recent)
        .collect();
    let newest = |words: &[&str]| {
        let said = |line: &&&LogLine| words.iter().any(|word| line.text.contains(word));
        of_etcd.iter().filter(said).max_by_key(|line| line.time).copied()
    };
    let plane = view.target().control_plane_namespace();
    let mut findings = Vec::new();
    if let Some(line) = newest(&["database space exceeded", "alarm:NOSPACE"]) {
        let pod = &line.pod;
        findings.push(
            Finding::fail(
                "database of etcd",
                "the database of etcd is full (NOSPACE)",
                "etcd refuses every write: nothing in the hosted cluster can be changed",
            )
            .see("message", facts::redact::text(&line.text))
            .see("pod", pod.as_str())
            .fix(
                Fix::hypershift([
                    endpoint_status(&plane, pod),
                    etcdctl(&plane, pod, "defrag --cluster"),
                    etcdctl(&plane, pod, "alarm disarm"),
                ])
                .note("find out first what fills it: events, Secrets or objects of one custom resource"),
            ),
        );
    }
    if let Some(line) = newest(&["slow fdatasync", "likely from slow disk"]) {
        let pod = &line.pod;
        findings.push(
            Finding::warn(
                "disk of etcd",
                "etcd says that its disk is too slow",
                "writes wait for the disk: leaders change, and requests to the hosted API server time out",
            )
            .see("message", facts::redact::text(&line.text))
            .see("pod", pod.as_str())
            .fix(
                Fix::hypershift([endpoint_status(&plane, pod), "oc get storageclass".to_owned()])
                    .note("etcd wants a premium SSD; the storage class of an existing HostedCluster cannot be changed"),
            ),
        );
    }
    findings
}

/// The backup and the recovery that the operator ran.
fn conditions(view: &View<'_>, cluster: &HostedCluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(condition) =
        cluster.condition("EtcdRecoveryActive").filter(|condition| condition.reason == "EtcdRecoveryJobFailed")
    {
        findings.push(
            Finding::fail(
                "recovery of etcd",
                format!("the recovery of etcd has failed: {}", reason(condition)),
                "the operator does not try again: the missing member stays away",
            )
            .fix(look(view)),
        );
    }
    if let Some(condition) = cluster
        .condition("EtcdBackupSucceeded")
        .filter(|condition| condition.is_false() && condition.reason != "BackupInProgress")
    {
        findings.push(
            Finding::warn(
                "backup of etcd",
                format!("the last backup of etcd has failed: {}", reason(condition)),
                "what was written since the backup before it cannot be restored",
            )
            .fix(look(view)),
        );
    }
    findings
}

fn look(view: &View<'_>) -> Fix {
    let plane = view.target().control_plane_namespace();
    Fix::hypershift([
        command!("oc -n {plane} get statefulset etcd"; plane),
        command!("oc -n {plane} get pods,pvc -l app=etcd"; plane),
        command!("oc -n {plane} get events --field-selector type=Warning --sort-by .lastTimestamp"; plane),
    ])
}

fn endpoint_status(plane: &str, pod: &str) -> String {
    etcdctl(plane, pod, "endpoint status --cluster -w table")
}

/// `etcdctl` within a member, with the certificates that are mounted there.
fn etcdctl(plane: &str, pod: &str, verb: &str) -> String {
    let verb = crate::shell::Quoted(verb.to_owned());
    command!(
        "oc -n {plane} exec {pod} -c etcd -- etcdctl --cacert /etc/etcd/tls/etcd-ca/ca.crt --cert /etc/etcd/tls/client/etcd-client.crt --key /etc/etcd/tls/client/etcd-client.key --endpoints https://localhost:2379 {verb}";
        plane, pod, verb
    )
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &ETCD;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("etcd crashes", |facts| {
                crash_container(facts, "etcd", "etcd");
                without_quorum(facts);
            }),
            Fault::new("volume of etcd stays Pending", |facts| {
                the_claim(facts).phase = Some("Pending".into());
                let pod = the_pod(facts, "etcd");
                pod.phase = Some("Pending".into());
                pod.reason = Some("Unschedulable".into());
                pod.containers[0].ready = false;
                the_workload(facts, "etcd").ready = 0;
                without_quorum(facts);
            }),
            Fault::new("database of etcd is full", |facts| {
                log_line(facts, "etcd", "etcd", 1, "etcdserver: mvcc: database space exceeded");
            }),
            Fault::new("slow disk of etcd", |facts| log_line(facts, "etcd", "etcd", 1, SLOW)),
        ]
    }

    const SLOW: &str = r#"{"level":"warn","msg":"slow fdatasync","took":"1.7s","expected-duration":"1s"}"#;

    fn without_quorum(facts: &mut Facts) {
        set_condition_since(facts, "EtcdAvailable", "False", "Waiting for etcd to reach quorum", 60);
        set_condition_since(facts, "KubeAPIServerAvailable", "False", "", 60);
        set_condition_since(facts, "Available", "False", "EtcdAvailable", 60);
        set_condition_since(facts, "Degraded", "True", "etcd statefulset has 1 unavailable replicas", 60);
    }

    fn the_claim(facts: &mut Facts) -> &mut VolumeClaim {
        match &mut facts.hosted.control_plane.volumes {
            Fact::Known(claims) => &mut claims[0],
            other => panic!("{other:?}"),
        }
    }

    /// Three members, so many of them down.
    fn with_down(down: usize) -> Facts {
        let mut facts = healthy();
        let Fact::Known(pods) = &mut facts.hosted.pods else { panic!("no pods") };
        let mut first = pods.iter().find(|pod| pod.app.as_deref() == Some("etcd")).unwrap().clone();
        pods.retain(|pod| pod.app.as_deref() != Some("etcd"));
        for at in 0..3 {
            first.name = format!("etcd-{at}");
            first.containers[0].ready = at >= down;
            pods.push(first.clone());
        }
        let workload = the_workload(&mut facts, "etcd");
        (workload.desired, workload.ready) = (3, i32::try_from(3 - down).unwrap());
        facts
    }

    #[test]
    fn members_and_quorum() {
        assert_passes(CHECK, &with_down(0));
        let mut facts = with_down(1);
        let finding = the_finding(CHECK, &facts);
        assert_eq!((finding.level, finding.keys.as_slice()), (Level::Warn, &[Key::Workload("etcd".into())][..]));
        the_container(&mut facts, "etcd", "etcd").waiting_reason = Some("CrashLoopBackOff".into());
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("etcd-0"), Some("CrashLoopBackOff"));
        assert!(finding.fixes[0].commands[1].contains("exec etcd-1 -c etcd -- etcdctl"), "{finding:#?}");
        let mut facts = with_down(2);
        assert!(the_failure(CHECK, &facts).what.contains("lost its quorum: 1 of 3"));
        cluster(&mut facts).created_at = Some(minutes_ago(10));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn volumes() {
        let mut facts = with_down(2);
        the_claim(&mut facts).phase = Some("Pending".into());
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("storage class"), Some("managed-csi"));
        assert_eq!(finding.evidence.get("members"), Some("1 of 3 members are ready"));
        the_claim(&mut facts).created_at = Some(minutes_ago(2));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn what_the_log_says() {
        for (text, level) in [
            (SLOW, Level::Warn),
            (
                r#"{"msg":"leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk"}"#,
                Level::Warn,
            ),
            ("etcdserver: mvcc: database space exceeded", Level::Fail),
        ] {
            let mut facts = healthy();
            log_line(&mut facts, "etcd", "etcd", 30, text);
            assert_passes(CHECK, &facts);
            log_line(&mut facts, "etcd", "etcd", 3, text);
            assert_eq!(the_finding(CHECK, &facts).level, level, "{text}");
        }
    }

    #[test]
    fn backup_and_recovery() {
        let mut facts = healthy();
        let set = |facts: &mut Facts, kind: &str, reason: &str| {
            set_condition_since(facts, kind, "False", "", 30);
            cluster(facts).conditions.last_mut().unwrap().reason = reason.into();
        };
        set(&mut facts, "EtcdBackupSucceeded", "BackupInProgress");
        assert_passes(CHECK, &facts);
        set(&mut facts, "EtcdBackupSucceeded", "BackupFailed");
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        let mut facts = healthy();
        set(&mut facts, "EtcdRecoveryActive", "EtcdRecoveryJobFailed");
        the_failure(CHECK, &facts);
    }

    #[test]
    fn an_etcd_of_somebody_else() {
        let mut facts = healthy();
        if let Fact::Known(pods) = &mut facts.hosted.pods {
            pods.retain(|pod| pod.app.as_deref() != Some("etcd"));
        }
        if let Fact::Known(workloads) = &mut facts.hosted.workloads {
            workloads.retain(|workload| workload.name != "etcd");
        }
        assert_not_applicable(CHECK, &facts);
        set_condition_since(&mut facts, "EtcdAvailable", "False", "StatefulSetNotFound", 60);
        the_failure(CHECK, &facts);
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy();
        facts.hosted.control_plane.volumes = Fact::Unreadable(denied("list persistentvolumeclaims"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.pods = Fact::Unreadable(denied("list pods"));
        facts.hosted.workloads = Fact::Unreadable(denied("list deployments"));
        facts.hosted.logs = Fact::Unreadable(denied("get pods/log"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
