//! HC04: the token minters of the control plane run, and mint what Entra expects.

use std::collections::BTreeMap;

use facts::catalogue::{AUDIENCE, Component};
use facts::hosted::{Container, HostedCluster, LogLine, Pod, TokenMinter};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// Each component that signs in to Azure has a token minter beside it, which runs, asks for the audience and the
    /// service account of that component, and writes the token where the component looks for it.
    ///
    /// AZURE_CLIENT_ID and AZURE_TENANT_ID of the component's containers are compared with the HostedCluster. A minter
    /// that could not mint within the last ten minutes of its log is a failure, unless the hosted API server is down and
    /// it has to wait; older errors are warnings. Minters of tokens for the API server alone are left out, and clusters
    /// with managed identities have none.
    ///
    /// ## Why it matters
    /// Without a token the component cannot sign in; with a token for another account, audience or client id Entra refuses
    /// it. The component runs on and does nothing, and no condition of the HostedCluster says so.
    ///
    /// ## How to fix
    /// Restart the workload where its minter does not run. Where arguments or environment differ the operator has not
    /// rolled out what the HostedCluster says: see whether it is paused (HC12), then roll the control plane.
    ///
    /// Source: openshift/hypershift token-minter/tokenminter.go,
    /// support/controlplane-component/token-minter-container.go, hostedcluster/internal/platform/azure/azure.go.
    pub static TOKEN_MINTERS = {
        code: "HC04",
        id: "token-minters",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Pods, Logs],
        caused_by: ["HC06"],
        judge: judge,
    };
}

/// Workloads that have had a minter since they sign in with workload identities.
const MINTED: [&str; 5] = [
    "capi-provider",
    "cloud-controller-manager",
    "azure-cloud-controller-manager",
    "cluster-image-registry-operator",
    "ingress-operator",
];
/// Minutes in which a minter may start.
const YOUNG: i64 = 5;
/// How old an error may be by the clock of its log to count as present, in minutes.
const FRESH_IN_LOG: i64 = 10;
/// How old an error may be at the moment of a live collection, in minutes.
const FRESH_NOW: i64 = 60;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let (pods, logs) = (view.pods(), view.logs());
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    if cluster.workload_identities().is_none() {
        return Ok(Judgement::NotApplicable("the cluster uses managed identities: no token is minted".into()));
    }
    let pods = pods?.map_or(&[][..], Vec::as_slice);
    if pods.is_empty() {
        let plane = view.target().control_plane_namespace();
        return Err(Gap::new(GapKind::Blocked, format!("nothing runs in the control plane namespace {plane}")));
    }
    let mut findings = Vec::new();
    let mut minters = 0;
    for pod in pods {
        let Some((app, component)) = component_of(cluster, pod) else { continue };
        let own: Vec<(&Container, &TokenMinter)> = cloud_minters(cluster, pod).collect();
        minters += own.len();
        findings.extend(judge_pod(view, cluster, pod, app, component, &own));
    }
    match logs {
        Ok(lines) => {
            findings.extend(refused_by_the_api(view, cluster, lines.map_or(&[][..], Vec::as_slice)));
        }
        Err(gap) => findings.push(Finding::unknown("logs of the token minters", gap)),
    }
    Ok(Judgement::new(format!("{minters} token minters run and ask for what Entra expects"), findings))
}

/// The workload of a pod and its component, if this cluster makes it sign in to Azure.
fn component_of<'a>(cluster: &HostedCluster, pod: &'a Pod) -> Option<(&'a str, &'static Component)> {
    let app = pod.app.as_deref()?;
    let component = catalogue::by_workload(app).filter(|component| cluster.requires(component))?;
    let over = matches!(pod.phase.as_deref(), Some("Succeeded" | "Failed"));
    (!over && !pod.containers.is_empty()).then_some((app, component))
}

/// Minters of tokens for Entra. Others mint for the API server, whose audience is the issuer.
fn cloud_minters<'a>(
    cluster: &'a HostedCluster,
    pod: &'a Pod,
) -> impl Iterator<Item = (&'a Container, &'a TokenMinter)> {
    pod.containers.iter().filter_map(|container| {
        let minter = container.token_minter.as_ref()?;
        let named = container.name.contains("cloud-token-minter") || container.name.contains("kms-token-minter");
        let audience = minter.audience.as_deref().unwrap_or(AUDIENCE);
        (named || (audience == AUDIENCE && audience != cluster.issuer_url)).then_some((container, minter))
    })
}

fn judge_pod(
    view: &View<'_>,
    cluster: &HostedCluster,
    pod: &Pod,
    app: &str,
    component: &'static Component,
    minters: &[(&Container, &TokenMinter)],
) -> Vec<Finding> {
    let plane = view.target().control_plane_namespace();
    let touching =
        |finding: Finding| finding.touches(Key::Workload(app.to_owned())).touches(Key::Identity(component.key.into()));
    let subject = |container: &str| format!("container {container} of pod {}", pod.name);
    let mut findings = Vec::new();
    let kms = app == "kube-apiserver";
    if minters.is_empty() && (MINTED.contains(&app) || kms) {
        let finding = Finding::fail(
            format!("pod {}", pod.name),
            format!("no container of pod {} mints the token that {app} signs in with", pod.name),
            "without a token the component cannot sign in to Azure at all",
        )
        .see(
            "containers",
            pod.containers.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", "),
        );
        findings.push(touching(finding.fix(roll(cluster, &plane, app))));
    }
    for (container, minter) in minters {
        findings.extend(not_running(view, pod, app, container).map(touching));
        let mut wrong = |flag: &str, want: String, found: Option<&str>, why: &str| {
            let found = found.unwrap_or("nothing");
            let finding = Finding::fail(
                subject(&container.name),
                format!("{} of {app} asks for {flag} {found}", container.name),
                why,
            )
            .compare(want, found);
            findings.push(touching(finding.fix(roll(cluster, &plane, app))));
        };
        // Without the flag the minter asks for the right audience.
        if minter.audience.as_deref().is_some_and(|audience| audience != AUDIENCE) {
            let why =
                "Entra refuses a token of another audience than the federated identity credential's (AADSTS700212)";
            wrong("audience", AUDIENCE.to_owned(), minter.audience.as_deref(), why);
        }
        let subjects: Vec<String> = component.credentials.iter().map(|credential| credential.subject()).collect();
        if minter.subject.as_ref().is_none_or(|subject| !subjects.contains(subject)) {
            let why = "Entra refuses a token of another service account than the federated identity credential's (AADSTS700213)";
            wrong("the token of", subjects.join(" or "), minter.subject.as_deref(), why);
        }
    }
    let file = minters.iter().find_map(|(_, minter)| minter.file.as_deref());
    let ids = cluster.workload_identities().unwrap_or_default();
    let expected = [
        ("AZURE_CLIENT_ID", ids.get(component.key).copied()),
        ("AZURE_TENANT_ID", Some(cluster.azure.tenant_id.as_str())),
        ("AZURE_FEDERATED_TOKEN_FILE", file),
    ];
    for container in pod.containers.iter().filter(|container| container.token_minter.is_none()) {
        let values = [&container.azure_client_id, &container.azure_tenant_id, &container.azure_token_file];
        for ((variable, want), found) in expected.iter().zip(values) {
            let (Some(want), Some(found)) = (want, found) else { continue };
            if want.eq_ignore_ascii_case(found) {
                continue;
            }
            let finding = Finding::fail(
                subject(&container.name),
                format!("{variable} of {app} is not what the HostedCluster says"),
                "the component signs in as somebody else, or not at all",
            )
            .compare(*want, found.as_str());
            findings.push(touching(finding.fix(roll(cluster, &plane, app))));
        }
    }
    findings
}

/// A minter that does not run. One that mints once and ends is done.
fn not_running(view: &View<'_>, pod: &Pod, app: &str, container: &Container) -> Option<Finding> {
    if container.ready || (container.init && !container.sidecar) {
        return None;
    }
    let plane = view.target().control_plane_namespace();
    let young = pod.started_at.is_some_and(|then| view.minutes_since(then) < YOUNG);
    let reason = container.waiting_reason.as_deref().or(container.terminated_reason.as_deref());
    let subject = format!("container {} of pod {}", container.name, pod.name);
    let what = match reason {
        Some(reason) => format!("{} of {app} does not run: {reason}", container.name),
        None => format!("{} of {app} does not run", container.name),
    };
    let why = "the component has no token, or one that is not renewed and ends within the hour";
    // Without a reason it may be about to start, or its state was not written down.
    let proven = !young && reason.is_some();
    let mut finding = if proven { Finding::fail(subject, what, why) } else { Finding::warn(subject, what, why) };
    finding = finding.see("restarts", container.restarts.to_string());
    if let Some(message) = &container.waiting_message {
        finding = finding.see("waiting", facts::redact::text(message));
    }
    let (pod, container) = (&pod.name, &container.name);
    Some(finding.fix(Fix::hypershift([
        command!("oc -n {plane} logs {pod} -c {container} --tail 20"; plane, pod, container),
        command!("oc -n {plane} rollout restart deployment/{app}"; plane, app),
    ])))
}

/// The newest error of each minter that the hosted API server gave no token.
fn refused_by_the_api(view: &View<'_>, cluster: &HostedCluster, lines: &[LogLine]) -> Vec<Finding> {
    // While the API server is down every minter waits for it: what keeps it down is told elsewhere.
    if cluster.condition("KubeAPIServerAvailable").is_some_and(|condition| !condition.is_true()) {
        return Vec::new();
    }
    let mut newest: BTreeMap<(&str, &str), &LogLine> = BTreeMap::new();
    let errors = lines.iter().filter(|line| {
        let text = line.text.to_ascii_lowercase();
        line.container.contains("token-minter")
            && (text.contains("error minting token") || text.contains("failed to create token"))
    });
    for line in errors {
        let known = newest.entry((line.pod.as_str(), line.container.as_str())).or_insert(line);
        if line.time >= known.time {
            *known = line;
        }
    }
    newest.into_values().map(|line| not_minted(view, line)).collect()
}

fn not_minted(view: &View<'_>, line: &LogLine) -> Finding {
    let plane = view.target().control_plane_namespace();
    let app = line.app.as_deref().unwrap_or(&line.pod);
    let subject = format!("container {} of pod {}", line.container, line.pod);
    let what = format!("{} of {app} gets no token from the hosted API server", line.container);
    let why = "the component's last token ends within the hour, and then it cannot sign in to Azure";
    let finding = if is_present(view, line) {
        Finding::fail(subject, what, why)
    } else {
        Finding::warn(subject, format!("{what} at times"), why)
    };
    let mut finding = finding.see("message", facts::redact::text(&line.text));
    if let Some(time) = line.time {
        finding = finding.see("last", time.to_string());
    }
    finding = finding.touches(Key::Workload(app.to_owned()));
    if let Some(component) = catalogue::by_workload(app) {
        finding = finding.touches(Key::Identity(component.key.into()));
    }
    let (pod, container) = (&line.pod, &line.container);
    finding.fix(
        Fix::hypershift([
            command!("oc -n {plane} logs {pod} -c {container} --tail 20"; plane, pod, container),
            command!("oc -n {plane} rollout restart deployment/{app}"; plane, app),
        ])
        .note("a minter retries every 10 seconds by itself; a restart reads its kubeconfig anew"),
    )
}

/// Whether an error is recent by the clock of its log; a live collection also asks its own.
fn is_present(view: &View<'_>, line: &LogLine) -> bool {
    let Some(time) = line.time else { return false };
    let end = line.log_end.unwrap_or(time);
    let in_log = (end.as_second() - time.as_second()) / 60 <= FRESH_IN_LOG;
    in_log && (view.is_offline() || view.minutes_since(time) <= FRESH_NOW)
}

/// Makes the operator render the workload anew.
fn roll(cluster: &HostedCluster, plane: &str, app: &str) -> Fix {
    let (namespace, name) = (&cluster.namespace, &cluster.name);
    Fix::hypershift([
        command!("oc -n {plane} get deployment {app} -o yaml"; plane, app),
        command!("oc -n {namespace} annotate hostedcluster {name} --overwrite hypershift.openshift.io/restart-date=\"$(date -u +%FT%TZ)\""; namespace, name),
    ])
    .note("the annotation rolls the whole control plane; the operator writes the workload anew as the HostedCluster says")
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::hosted::Authentication;
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &TOKEN_MINTERS;
    const MINTER: &str = "cloud-token-minter";
    const ERROR: &str =
        "2026/11/20 11:58:00 error minting token, will retry in 10s failed to create token: Unauthorized";

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("token minter crashes", |facts| {
                crash_container(facts, "capi-provider", MINTER);
                let message = "capi-provider deployment has 1 unavailable replicas";
                set_condition_since(facts, "Degraded", "True", message, 60);
            }),
            Fault::new("token minter asks for another audience", |facts| {
                the_minter(facts, "ingress-operator").audience = Some("api://AzureADTokenExchange".into());
                let refusal = "AADSTS700212: No match for presented assertion audience 'api://AzureADTokenExchange'.";
                log_line(facts, "ingress-operator", "ingress-operator", 1, refusal);
            }),
            Fault::new("client id of another identity", |facts| {
                the_container(facts, "capi-provider", "capi-provider").azure_client_id = Some(client_id("disk"));
                let refusal = "AADSTS700213: No match for presented assertion subject 'system:serviceaccount:kube-system:capi-provider'.";
                log_line(facts, "capi-provider", "capi-provider", 1, refusal);
            }),
            Fault::new("no token minter", |facts| the_pod(facts, "cloud-controller-manager").containers.truncate(1)),
            Fault::new("hosted API gives no token", |facts| log_line(facts, "ingress-operator", MINTER, 1, ERROR)),
        ]
    }

    fn the_minter<'a>(facts: &'a mut Facts, app: &str) -> &'a mut TokenMinter {
        the_container(facts, app, MINTER).token_minter.as_mut().unwrap()
    }

    #[test]
    fn minters_of_every_kind_pass() {
        let minting = |facts: &Facts| facts.hosted.cluster.get().unwrap().workload_identities().is_some();
        for mut facts in healthy_clusters().into_iter().filter(minting) {
            assert_passes(CHECK, &facts);
            let mut other = minter("apiserver-token-minter", "openshift-ingress-operator:ingress-operator");
            other.token_minter.as_mut().unwrap().audience = Some(ISSUER.into());
            the_pod(&mut facts, "ingress-operator").containers.push(other);
            let mut once = minter("init-cloud-token-minter", "kube-system:capi-provider");
            (once.init, once.ready, once.terminated_reason) = (true, false, Some("Completed".into()));
            the_pod(&mut facts, "capi-provider").containers.push(once);
            assert_passes(CHECK, &facts);
        }
    }

    #[test]
    fn a_minter_that_does_not_run() {
        let mut facts = healthy();
        crash_container(&mut facts, "capi-provider", MINTER);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "container cloud-token-minter of pod capi-provider-6d8f9-0");
        assert_eq!(finding.keys, [Key::Workload("capi-provider".into()), Key::Identity("nodePoolManagement".into())]);
        assert_eq!(finding.fixes[0].commands[1], "oc -n clusters-prod rollout restart deployment/capi-provider");
        the_pod(&mut facts, "capi-provider").started_at = Some(minutes_ago(2));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        let mut facts = healthy();
        the_container(&mut facts, "capi-provider", MINTER).ready = false;
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn what_it_asks_for() {
        let mut facts = healthy();
        the_minter(&mut facts, "capi-provider").subject =
            Some("system:serviceaccount:kube-system:Capi-Provider".into());
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("want"), Some("system:serviceaccount:kube-system:capi-provider"));
        let mut facts = healthy();
        the_minter(&mut facts, "capi-provider").audience = None;
        assert_passes(CHECK, &facts);
        the_minter(&mut facts, "capi-provider").audience = Some("x".into());
        assert_eq!(the_failure(CHECK, &facts).evidence.get("want"), Some("openshift"));
    }

    #[test]
    fn what_the_component_is_told() {
        for change in [
            (|container| container.azure_client_id = Some("other".into())) as fn(&mut Container),
            |container| container.azure_tenant_id = Some("other".into()),
            |container| container.azure_token_file = Some("/other".into()),
        ] {
            let mut facts = healthy();
            change(the_container(&mut facts, "ingress-operator", "ingress-operator"));
            assert_eq!(the_failure(CHECK, &facts).evidence.get("found").unwrap().trim_start_matches('/'), "other");
        }
        let mut facts = healthy();
        let container = the_container(&mut facts, "ingress-operator", "ingress-operator");
        (container.azure_client_id, container.azure_tenant_id, container.azure_token_file) = (None, None, None);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn the_kms_minter_is_wanted_with_kms_alone() {
        let mut facts = healthy_kms();
        the_pod(&mut facts, "kube-apiserver").containers.truncate(2);
        let finding = the_failure(CHECK, &facts);
        assert!(finding.keys.contains(&Key::Identity("kms".into())), "{finding:#?}");
        assert_passes(CHECK, &healthy());
    }

    #[test]
    fn errors_count_while_they_are_fresh_and_the_api_answers() {
        let mut facts = healthy();
        log_line(&mut facts, "capi-provider", MINTER, 30, ERROR);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        log_line(&mut facts, "capi-provider", MINTER, 3, ERROR);
        the_failure(CHECK, &facts);
        set_condition_since(&mut facts, "KubeAPIServerAvailable", "False", "", 30);
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn managed_identities_deletion_and_gaps() {
        let mut facts = healthy();
        facts.hosted.logs = Fact::Unreadable(denied("get pods/log"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.pods = Fact::Known(Vec::new());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        facts.hosted.pods = Fact::Unreadable(denied("list pods"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        cluster(&mut facts).azure.authentication = Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
