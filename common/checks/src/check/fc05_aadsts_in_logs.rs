//! FC05: the logs of the control plane show no refusal by Entra and no missing role.

use std::collections::{BTreeMap, BTreeSet};

use facts::Target;
use facts::catalogue::Component;
use facts::hosted::{HostedCluster, LogLine};
use jiff::Timestamp;

use crate::federation::IssuerDifference;
use crate::prelude::*;
use crate::refusal::{self, Arm, Entra, Refusal};
use crate::remedy;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// No container of the control plane logs a refusal by Entra (an AADSTS number) or a missing role
    /// (AuthorizationFailed, LinkedAuthorizationFailed).
    ///
    /// A refusal counts as present when it was among the last ten minutes of its log and is at most an hour old. A
    /// recording is judged by the clock of its logs alone. Older refusals are warnings.
    ///
    /// ## Why it matters
    /// This is the only place where a self-managed cluster says that its federation or its roles are wrong: no condition of
    /// the HostedCluster does. The component retries for ever, and nodes, load balancers, volumes or routes never come.
    ///
    /// ## How to fix
    /// The number names the part that does not match: AADSTS700211 the issuer, AADSTS700213 the subject, AADSTS700212 the
    /// audience, AADSTS700016 the client id, AADSTS50166, AADSTS90061 and AADSTS501661 the issuer's documents,
    /// AADSTS7000272 its key. The finding names the identity and what the token said.
    ///
    /// Source: openshift/hypershift control plane components of platform Azure; Azure/azure-workload-identity
    /// troubleshooting; <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.
    pub static AADSTS_IN_LOGS = {
        code: "FC05",
        id: "aadsts-in-logs",
        group: Federation,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Logs],
        caused_by: ["FC01", "FC02", "FC03", "FC04", "ID01", "OI01", "OI02", "OI03", "OI04", "RA01", "RA02", "RA05", "CR04", "CR05", "DN07", "HC04", "HC05"],
        judge: judge,
    };
}

/// How old a line may be by the clock of its log to count as present, in seconds.
const FRESH_IN_LOG: i64 = 10 * 60;

/// How old a line may be at the moment of a live collection, in seconds.
const FRESH_NOW: i64 = 60 * 60;

/// The lines of one workload with one kind of refusal.
struct Group<'a> {
    /// The newest line and what it quotes.
    line: &'a LogLine,
    refusal: Refusal,
    lines: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    present: bool,
    /// Actions and scopes of missing roles.
    actions: BTreeSet<(String, String)>,
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster().ok();
    let Some(lines) = view.logs()? else {
        return Err(Gap::new(GapKind::NotRecorded, "no log of the control plane was found"));
    };
    let groups = by_workload_and_code(view, lines);
    let findings =
        groups.iter().map(|((workload, _), group)| finding(view.target(), cluster, workload, group)).collect();
    Ok(Judgement::new("no control plane log speaks of a refusal by Entra or a missing role", findings))
}

fn by_workload_and_code<'a>(view: &View<'_>, lines: &'a [LogLine]) -> BTreeMap<(&'a str, String), Group<'a>> {
    let mut groups: BTreeMap<(&str, String), Group<'_>> = BTreeMap::new();
    for line in lines {
        let workload = line.app.as_deref().unwrap_or(&line.pod);
        let mut counted = BTreeSet::new();
        for refusal in refusal::find(&line.text).into_iter().filter(Refusal::is_about_identity) {
            let code = refusal.code();
            let group = groups.entry((workload, code.clone())).or_insert_with(|| Group {
                line,
                refusal: refusal.clone(),
                lines: 0,
                first: None,
                last: None,
                present: false,
                actions: BTreeSet::new(),
            });
            if counted.insert(code) {
                group.lines += 1;
            }
            if let Refusal::Arm(Arm { action: Some(action), scope, .. }) = &refusal {
                group.actions.insert((action.clone(), scope.clone().unwrap_or_default()));
            }
            group.present |= is_present(view, line);
            group.first = [group.first, line.time].into_iter().flatten().min();
            if line.time >= group.last {
                group.last = line.time;
                group.line = line;
                group.refusal = refusal;
            }
        }
    }
    groups
}

/// Whether a line tells of now rather than of a fault that is over. A line without a time tells nothing of it.
fn is_present(view: &View<'_>, line: &LogLine) -> bool {
    let Some(time) = line.time else { return false };
    let end = line.log_end.unwrap_or(view.now());
    let by_log = end.as_second() - time.as_second() <= FRESH_IN_LOG;
    by_log && (view.is_offline() || view.now().as_second() - time.as_second() <= FRESH_NOW)
}

fn finding(target: &Target, cluster: Option<&HostedCluster>, workload: &str, group: &Group<'_>) -> Finding {
    let component = component_of(cluster, workload, group);
    let subject = match component {
        Some(component) => format!("identity {} ({workload})", component.key),
        None => format!("workload {workload}"),
    };
    let code = group.refusal.code();
    let (what, why) = match &group.refusal {
        Refusal::Entra(entra) => (
            format!("{code}: {}", refusal::meaning(entra.aadsts)),
            format!("{workload} gets no token and does nothing in Azure; no HostedCluster condition shows it"),
        ),
        Refusal::Arm(_) => (
            format!("{code}: a role is missing for what {workload} does"),
            format!("Azure refuses {workload} again and again; few conditions show it"),
        ),
    };
    let mut finding = if group.present { Finding::fail(subject, what, why) } else { Finding::warn(subject, what, why) };
    let client_id = component.and_then(|component| remedy::client_id_of(cluster, component));
    if let Some(client_id) = client_id {
        finding = finding.see("client id", client_id);
    }
    finding = match &group.refusal {
        Refusal::Entra(entra) => of_entra(finding, cluster, component, entra),
        Refusal::Arm(_) => group
            .actions
            .iter()
            .fold(finding, |finding, (action, scope)| finding.see("action", action).see("scope", scope)),
    };
    finding = finding
        .see("seen", format!("{} in container {} of {}", count(group.lines), group.line.container, group.line.pod));
    for (label, time) in [("first", group.first), ("last", group.last)] {
        if let Some(time) = time {
            finding = finding.see(label, time.to_string());
        }
    }
    finding = finding.see("message", group.refusal.message()).touches(Key::Workload(workload.into()));
    if let Some(component) = component {
        finding = finding.touches(Key::Identity(component.key.into()));
    }
    if matches!(&group.refusal, Refusal::Entra(entra) if entra.aadsts == 700_024) {
        finding = finding.touches(Key::Clock);
    }
    let scopes = group.actions.iter().map(|(_, scope)| scope.clone()).collect();
    finding.fix(remedy::of(cluster, component, &group.refusal, &scopes).unwrap_or_else(|| {
        Fix::hypershift([format!(
            "oc -n {} logs {} -c {} --tail=50",
            quote(&target.control_plane_namespace()),
            quote(&group.line.pod),
            quote(&group.line.container)
        )])
    }))
}

fn count(lines: usize) -> String {
    if lines == 1 { "1 line".into() } else { format!("{lines} lines") }
}

/// The component that speaks: by its workload, else by what Entra says of its token.
fn component_of(cluster: Option<&HostedCluster>, workload: &str, group: &Group<'_>) -> Option<&'static Component> {
    let by_token = || match &group.refusal {
        Refusal::Entra(entra) => entra
            .subject
            .as_deref()
            .and_then(catalogue::by_subject)
            .map(|(component, _)| component)
            .or_else(|| by_client_id(cluster?, entra.app_id.as_deref()?)),
        Refusal::Arm(_) => None,
    };
    catalogue::by_workload(workload).or_else(by_token).or_else(|| catalogue::by_workload(&group.line.container))
}

fn by_client_id(cluster: &HostedCluster, client_id: &str) -> Option<&'static Component> {
    cluster
        .workload_identities()?
        .into_iter()
        .find(|(_, id)| id.eq_ignore_ascii_case(client_id))
        .and_then(|(key, _)| catalogue::by_key(key))
}

/// The subjects that a refused token can have had: the one that Entra names, else those of the component.
fn subjects(component: Option<&Component>, entra: &Entra) -> Vec<String> {
    match (&entra.subject, component) {
        (Some(subject), _) => vec![subject.clone()],
        (None, Some(component)) => component.credentials.iter().map(|credential| credential.subject()).collect(),
        (None, None) => Vec::new(),
    }
}

fn of_entra(
    mut finding: Finding,
    cluster: Option<&HostedCluster>,
    component: Option<&'static Component>,
    entra: &Entra,
) -> Finding {
    match subjects(component, entra).as_slice() {
        [] => {}
        [subject] => finding = finding.see("subject", subject),
        several => finding = finding.see("subject", format!("one of {}", several.join(", "))),
    }
    if let Some(presented) = &entra.issuer {
        finding = finding.see("issuer of the token", presented);
        if let Some(cluster) = cluster {
            finding = match IssuerDifference::between(&cluster.issuer_url, presented) {
                Some(difference) => {
                    finding.compare(&cluster.issuer_url, presented).see("differs in", difference.describe())
                }
                None => finding.see("spec.issuerURL", "equal to it: the credential differs"),
            };
        }
    }
    for (label, value) in [
        ("audience of the token", &entra.audience),
        ("key of the token", &entra.key_id),
        ("tenant asked", &entra.tenant),
        ("trace id", &entra.trace_id),
        ("correlation id", &entra.correlation_id),
    ] {
        if let Some(value) = value {
            finding = finding.see(label, value);
        }
    }
    let rows: Vec<String> = refusal::fixed_by(entra.aadsts).iter().map(|code| format!("HAZ-{code}")).collect();
    if !rows.is_empty() {
        finding = finding.see("checked by", rows.join(", "));
    }
    if refusal::concerns_issuer(entra.aadsts) {
        finding = finding.touches(Key::Issuer);
    }
    finding
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{BundleFormat, Fact, Facts, Source};

    use super::*;
    use crate::Level;
    use crate::testkit::*;

    const CHECK: &Check = &AADSTS_IN_LOGS;

    /// What `hypershift dump cluster` wrote of a cluster with two federation faults.
    const CAPI_PROVIDER: &str = r#"E1120 09:31:03.402377       1 controller.go:324] "Reconciler error" err="failed to reconcile AzureMachine: failed to get identity token: WorkloadIdentityCredential authentication failed. POST https://login.microsoftonline.com/55555555-6666-7777-8888-999999999999/oauth2/v2.0/token RESPONSE 401: 401 Unauthorized { \"error\": \"invalid_client\", \"error_description\": \"AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:kube-system:capi-provider'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. Trace ID: 7d0c1f7e-2d3b-4a45-9b8e-0f3f5a2b1c00 Correlation ID: 1e7c2b9a-5a41-4c1e-8a54-5f1b2d3c4e5f Timestamp: 2026-11-20 09:31:03Z\" }" controller="azuremachine""#;
    const CLOUD_PROVIDER: &str = "F1120 09:30:44.911032       1 controllermanager.go:353] Cloud provider azure could not be initialized: could not init cloud provider azure: WorkloadIdentityCredential: AADSTS700211: No matching federated identity record found for presented assertion issuer 'https://acct.blob.core.windows.net/acct/'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. Trace ID: 0a0b0c0d-1111-2222-3333-444444444444 Timestamp: 2026-11-20 09:30:44Z";
    const FORBIDDEN: &str = r#"RESPONSE 403: 403 Forbidden ERROR CODE: AuthorizationFailed { "error": { "code": "AuthorizationFailed", "message": "The client 'c' with object id '00000005-eeee-bbbb-cccc-dddddddddddd' does not have authorization to perform action 'Microsoft.Network/publicIPAddresses/write' over scope '/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/prod-prod-x7k2p/providers/Microsoft.Network/publicIPAddresses/a' or the scope is invalid." } }"#;

    fn line(app: &str, container: &str, minutes: i64, text: &str) -> LogLine {
        LogLine {
            pod: format!("{app}-6d8f9-0"),
            app: Some(app.into()),
            container: container.into(),
            time: Some(minutes_ago(minutes)),
            log_end: Some(minutes_ago(0)),
            text: text.into(),
        }
    }

    fn with(lines: Vec<LogLine>) -> Facts {
        let mut facts = healthy();
        facts.hosted.logs = Fact::Known(lines);
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("the clock of a node is wrong, and a component crashes", |facts| {
                log(facts, "capi-provider", "AADSTS700024: Client assertion is not within its valid time range.");
                crash(facts, "capi-provider");
            })
            .showing(&["HC01", "HC03"]),
            Fault::new("a deny assignment refuses what the roles allow", |facts| {
                log(facts, "cloud-controller-manager", FORBIDDEN);
            }),
        ]
    }

    #[test]
    fn silent_logs_pass() {
        assert_passes(CHECK, &healthy());
        assert_passes(
            CHECK,
            &with(vec![line("capi-provider", "manager", 1, "SkuNotAvailable: another check's matter")]),
        );
    }

    #[test]
    fn a_recorded_dump_gives_its_two_faults() {
        let recorded = |app: &str, container: &str, time: &str, text: &str| LogLine {
            time: Some(time.parse().unwrap()),
            log_end: Some(time.parse().unwrap()),
            ..line(app, container, 0, text)
        };
        let mut facts = with(vec![
            recorded("capi-provider", "manager", "2026-11-20T09:31:03Z", CAPI_PROVIDER),
            recorded("cloud-controller-manager", "cloud-controller-manager", "2026-11-20T09:30:44Z", CLOUD_PROVIDER),
        ]);
        facts.collected_at = "2026-11-20T21:59:40Z".parse().unwrap();
        facts.source = Source::Bundle { path: "dump".into(), format: BundleFormat::KubernetesDump };
        let findings = findings(CHECK, &facts);
        let [capi, cloud] = findings.as_slice() else { panic!("{findings:#?}") };
        for finding in [capi, cloud] {
            assert_eq!(finding.level, Level::Fail, "{finding:#?}");
            assert!(finding.fixes[0].commands.iter().all(|command| command.contains("az identity")));
        }
        assert_eq!(capi.subject, "identity nodePoolManagement (capi-provider)");
        assert!(capi.what.starts_with("AADSTS700213: "), "{}", capi.what);
        let see = |finding: &Finding, label: &str| finding.evidence.get(label).unwrap_or_default().to_owned();
        assert_eq!(see(capi, "subject"), "system:serviceaccount:kube-system:capi-provider");
        assert_eq!(see(capi, "trace id"), "7d0c1f7e-2d3b-4a45-9b8e-0f3f5a2b1c00");
        assert_eq!(see(capi, "correlation id"), "1e7c2b9a-5a41-4c1e-8a54-5f1b2d3c4e5f");
        assert_eq!(see(capi, "last"), "2026-11-20T09:31:03Z");
        assert_eq!(see(capi, "checked by"), "HAZ-FC01");
        assert!(!capi.keys.contains(&Key::Issuer));
        assert_eq!(
            capi.fixes[0].commands[3],
            format!(
                "az identity federated-credential create -g \"$GROUP\" --identity-name \"$NAME\" --subscription {SUBSCRIPTION} --name prod-node-pool-mgmt-fed-id --issuer {ISSUER} --subject system:serviceaccount:kube-system:capi-provider --audiences openshift"
            )
        );
        assert_eq!(cloud.subject, "identity cloudProvider (cloud-controller-manager)");
        assert!(cloud.what.starts_with("AADSTS700211: "), "{}", cloud.what);
        assert_eq!(see(cloud, "subject"), "system:serviceaccount:kube-system:azure-cloud-provider");
        assert_eq!(see(cloud, "want"), ISSUER);
        assert_eq!(see(cloud, "found"), format!("{ISSUER}/"));
        assert_eq!(see(cloud, "differs in"), "a trailing slash");
        assert_eq!(
            cloud.keys,
            [Key::Issuer, Key::Workload("cloud-controller-manager".into()), Key::Identity("cloudProvider".into())]
        );
    }

    #[test]
    fn lines_of_one_kind_are_one_finding() {
        let facts = with(vec![
            line("capi-provider", "manager", 30, CAPI_PROVIDER),
            line("capi-provider", "manager", 2, CAPI_PROVIDER),
        ]);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.evidence.get("seen"), Some("2 lines in container manager of capi-provider-6d8f9-0"));
        assert_eq!(finding.evidence.get("first"), Some("2026-11-20T11:30:00Z"));
        assert_eq!(finding.evidence.get("last"), Some("2026-11-20T11:58:00Z"));
    }

    #[test]
    fn what_is_over_is_a_warning() {
        let old = |change: fn(&mut LogLine)| {
            let mut line = line("capi-provider", "manager", 5, CAPI_PROVIDER);
            change(&mut line);
            with(vec![line])
        };
        for (change, level) in [
            ((|_| {}) as fn(&mut LogLine), Level::Fail),
            (|line| line.time = Some(minutes_ago(11)), Level::Warn),
            (|line| line.time = None, Level::Warn),
            (|line| line.log_end = None, Level::Fail),
            (
                |line| {
                    line.time = Some(minutes_ago(90));
                    line.log_end = Some(minutes_ago(85));
                },
                Level::Warn,
            ),
        ] {
            assert_eq!(the_finding(CHECK, &old(change)).level, level);
        }
    }

    #[test]
    fn an_issuer_that_equals_the_clusters_points_at_the_credential() {
        let text = CLOUD_PROVIDER.replace("/acct/'", "/acct'");
        let finding = the_failure(CHECK, &with(vec![line("cloud-controller-manager", "c", 1, &text)]));
        assert_eq!(finding.evidence.get("want"), None);
        assert_eq!(finding.evidence.get("issuer of the token"), Some(ISSUER));
        assert!(finding.fixes[0].commands[3].contains("update"));
    }

    #[test]
    fn several_candidates_are_all_named() {
        let text = CLOUD_PROVIDER.replace("cloud provider", "driver");
        let finding = the_failure(CHECK, &with(vec![line("azure-disk-csi-driver-operator", "o", 1, &text)]));
        assert_eq!(finding.subject, "identity disk (azure-disk-csi-driver-operator)");
        assert!(finding.evidence.get("subject").is_some_and(|subject| subject.starts_with("one of ")));
        assert_eq!(finding.fixes[0].commands.len(), 6);
    }

    #[test]
    fn refusals_about_the_issuer_touch_it() {
        for text in [
            "AADSTS50166: Request to External OIDC endpoint failed.",
            "AADSTS7000272: The certificate with identifier k used to sign the federated credential could not be found in the metadata of identity provider https://i.",
        ] {
            let finding = the_failure(CHECK, &with(vec![line("ingress-operator", "o", 1, text)]));
            assert!(finding.keys.contains(&Key::Issuer), "{finding:#?}");
        }
    }

    #[test]
    fn a_missing_role_names_action_scope_and_command() {
        let finding = the_failure(CHECK, &with(vec![line("cloud-controller-manager", "c", 1, FORBIDDEN)]));
        assert_eq!(finding.evidence.get("action"), Some("Microsoft.Network/publicIPAddresses/write"));
        assert_eq!(
            finding.fixes[0].commands,
            [format!(
                "az role assignment create --assignee-object-id 00000005-eeee-bbbb-cccc-dddddddddddd --assignee-principal-type ServicePrincipal --role a1f96423-95ce-4224-ab27-4e3dc72facd4 --scope {}",
                group("prod-prod-x7k2p")
            )]
        );
    }

    #[test]
    fn other_numbers_and_other_workloads_are_said_too() {
        for text in [
            "AADSTS700016: Application with identifier 'x' was not found in the directory 'd'.",
            "AADSTS700024: late",
            "AADSTS1: new",
        ] {
            for app in ["capi-provider", "something-new"] {
                the_failure(CHECK, &with(vec![line(app, "c", 1, text)]));
            }
        }
        let mut unnamed = line("x", "c", 1, CAPI_PROVIDER);
        unnamed.app = None;
        assert_eq!(the_failure(CHECK, &with(vec![unnamed])).subject, "identity nodePoolManagement (x-6d8f9-0)");
    }

    #[test]
    fn no_logs_are_unknown() {
        let mut facts = healthy();
        facts.hosted.logs = Fact::Absent;
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::NotRecorded);
        facts.hosted.logs = Fact::Unreadable(denied("get pods/log"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
