//! HC08: the KMS provider beside the hosted API server works.

use facts::hosted::{AzureKms, Container, LogLine, Pod};

use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;
use crate::text::reason;

declare_check! {
    /// ## What it checks
    /// Where a Key Vault encrypts etcd: each kube-apiserver pod has a KMS provider for the active key that runs, and so
    /// does the one for the backup key while there is one; neither logs that the vault refuses it; and the
    /// re-encryption after a change of the key does not hang.
    ///
    /// Refusals within the last ten minutes of the log are failures, older ones warnings. Refusals by Entra are FC05's
    /// matter.
    ///
    /// ## Why it matters
    /// The API server cannot read or write Secrets while its provider does not answer, and does not start without it. The
    /// condition ValidAzureKMSConfig is True on every self-managed cluster and says nothing.
    ///
    /// ## How to fix
    /// ForbiddenByRbac and ForbiddenByPolicy: the identity `kms` needs the role Key Vault Crypto User on the vault.
    /// ForbiddenByFirewall and ForbiddenByConnection: the vault must let the management cluster in. A key that is disabled
    /// or gone must come back, never be made anew.
    ///
    /// Source: openshift/hypershift v2/kas/kms/azure.go, hostedclusterconfigoperator/controllers/reencryption.
    pub static KMS_RUNTIME = {
        code: "HC08",
        id: "kms-runtime",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Pods, Logs],
        caused_by: ["FC05", "HC04", "RA03"],
        judge: judge,
    };
}

const KAS: &str = "kube-apiserver";
const ACTIVE: &str = "azure-kms-provider-active";
const PROVIDER: &str = "azure-kms-provider";
/// Minutes in which a pod may start.
const YOUNG: i64 = 5;
/// How old a refusal may be by the clock of its log to count as present, in minutes.
const FRESH: i64 = 10;
/// Minutes after which a re-encryption counts as stuck.
const STUCK: i64 = 120;

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let Some(kms) = &cluster.kms else {
        return Ok(Judgement::NotApplicable("no Key Vault encrypts the etcd of this cluster".into()));
    };
    let (pods, logs) = (view.pods(), view.logs());
    let mut findings = Vec::new();
    let mut gaps = Vec::new();
    let mut providers = 0;
    match pods {
        Ok(pods) => {
            for pod in pods.into_iter().flatten().filter(|pod| pod.app.as_deref() == Some(KAS)) {
                providers += pod.containers.iter().filter(|container| container.name.starts_with(PROVIDER)).count();
                findings.extend(of_pod(view, pod));
            }
            if providers == 0 && findings.is_empty() {
                let why = format!("no pod of {KAS} is there");
                gaps.push(("KMS provider".to_owned(), Gap::new(GapKind::Blocked, why)));
            }
        }
        Err(gap) => gaps.push(("KMS provider".to_owned(), gap)),
    }
    match logs {
        Ok(lines) => {
            findings.extend(refused(view, kms, &cluster.azure.subscription_id, lines.map_or(&[][..], Vec::as_slice)))
        }
        Err(gap) => gaps.push(("log of the KMS provider".to_owned(), gap)),
    }
    if let Some(condition) = cluster.condition("EtcdDataEncryptionUpToDate").filter(|condition| condition.is_false()) {
        let age = condition.last_transition.map(|then| view.minutes_since(then));
        let failed = condition.reason.contains("Fail");
        if failed || age.is_none_or(|age| age >= STUCK) {
            let finding = Finding::warn(
                "re-encryption of etcd",
                format!("not all of etcd is encrypted with the active key: {}", reason(condition)),
                "the old key has to stay enabled: without it the rest of the data cannot be read",
            );
            let (namespace, name) = (&cluster.namespace, &cluster.name);
            findings.push(
                finding.fix(Fix::hypershift([
                    command!("oc -n {namespace} describe hostedcluster {name}"; namespace, name),
                ])),
            );
        }
    }
    findings.extend(Finding::unknowns(gaps));
    let findings = findings
        .into_iter()
        .map(|finding| finding.touches(Key::Workload(KAS.into())).touches(Key::Identity("kms".into())))
        .collect();
    Ok(Judgement::new(format!("{providers} KMS providers run, and vault {} answers them", kms.vault), findings))
}

fn of_pod(view: &View<'_>, pod: &Pod) -> Vec<Finding> {
    let plane = view.target().control_plane_namespace();
    let young = pod.started_at.is_some_and(|then| view.minutes_since(then) < YOUNG);
    let name = &pod.name;
    if pod.containers.is_empty() || matches!(pod.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return Vec::new();
    }
    let why = "the API server cannot read or write Secrets, and does not start, without its KMS provider";
    if !pod.containers.iter().any(|container| container.name == ACTIVE) {
        let finding = Finding::fail(
            format!("pod {name}"),
            format!("pod {name} has no container {ACTIVE}"),
            "the HostedCluster asks for a Key Vault key, and this API server does not use it",
        );
        return vec![finding.fix(Fix::hypershift([
            command!("oc -n {plane} get deployment {KAS} -o yaml"; plane),
            command!("oc -n {plane} logs deployment/control-plane-operator --tail 100"; plane),
        ]))];
    }
    let down = |container: &&Container| container.name.starts_with(PROVIDER) && !container.ready;
    pod.containers
        .iter()
        .filter(down)
        .map(|container| {
            let reason = container.waiting_reason.as_deref().or(container.terminated_reason.as_deref());
            let subject = format!("container {} of pod {name}", container.name);
            let what = format!("{} does not run: {}", container.name, reason.unwrap_or("not ready"));
            let mut finding = if young { Finding::warn(subject, what, why) } else { Finding::fail(subject, what, why) };
            finding = finding.see("restarts", container.restarts.to_string());
            if let Some(message) = &container.waiting_message {
                finding = finding.see("waiting", facts::redact::text(message));
            }
            let container = &container.name;
            finding.fix(Fix::hypershift([
                command!("oc -n {plane} logs {name} -c {container} --tail 50"; plane, name, container),
                command!("oc -n {plane} logs {name} -c azure-kms-token-minter --tail 20"; plane, name),
            ]))
        })
        .collect()
}

/// The newest line in which the vault refuses the provider.
fn refused(view: &View<'_>, kms: &AzureKms, subscription: &str, lines: &[LogLine]) -> Option<Finding> {
    let said = |line: &&LogLine| line.container.starts_with(PROVIDER) && forbidden(&line.text).is_some();
    let line = lines.iter().filter(said).max_by_key(|line| line.time)?;
    let code = forbidden(&line.text)?;
    let end = if view.is_offline() { line.log_end } else { Some(view.now()) };
    let present = line.time.zip(end).is_some_and(|(time, end)| (end.as_second() - time.as_second()) / 60 <= FRESH);
    let subject = format!("Key Vault {}", kms.vault);
    let what = format!("{subject} refuses the KMS provider: {code}");
    let why = "Secrets of the hosted cluster can be neither read nor written";
    let finding = if present {
        Finding::fail(subject, what, why)
    } else {
        Finding::warn(subject, format!("{what}, some time ago"), why)
    };
    let mut finding = finding.see("message", facts::redact::text(&line.text)).see("pod", line.pod.as_str());
    if let Some(time) = line.time {
        finding = finding.see("last", time.to_string());
    }
    let role = catalogue::KEY_VAULT_CRYPTO_USER;
    let vault = &kms.vault;
    let query = format!("[?clientId=='{}'].principalId", kms.client_id.as_deref().unwrap_or("CLIENT_ID"));
    let fix = match code {
        "ForbiddenByRbac" | "ForbiddenByPolicy" => Fix::azure([
            command!("az keyvault show -n {vault} --query properties.enableRbacAuthorization"; vault),
            command!("PRINCIPAL=$(az identity list --subscription {subscription} --query {query} -o tsv)"; subscription, query),
            command!("az role assignment create --assignee-object-id \"$PRINCIPAL\" --assignee-principal-type ServicePrincipal --role {role} --scope \"$(az keyvault show -n {vault} --query id -o tsv)\""; role, vault),
        ])
        .note("a vault without RBAC takes an access policy (encrypt, decrypt) instead; a role takes up to 10 minutes to hold"),
        _ => Fix::azure([
            command!("az keyvault show -n {vault} --query properties.networkAcls"; vault),
            command!("az keyvault network-rule list -n {vault}"; vault),
        ])
        .note("the vault must let in the addresses from which the management cluster goes out"),
    };
    Some(finding.fix(fix))
}

/// The inner code of Key Vault's 403.
fn forbidden(text: &str) -> Option<&str> {
    let begin = text.find("ForbiddenBy")?;
    let rest = &text[begin..];
    Some(&rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())])
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::{Fact, Facts};

    use super::*;
    use crate::judgement::Level;
    use crate::testkit::*;

    const CHECK: &Check = &KMS_RUNTIME;
    const RBAC: &str = r#"E1120 11:58:00.1 1 server.go:1] failed to encrypt: StatusCode=403 Code="Forbidden" InnerError={"code":"ForbiddenByRbac"}"#;

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("KMS provider crashes", |facts| {
                crash_container(facts, KAS, ACTIVE);
                set_condition_since(facts, "KubeAPIServerAvailable", "False", "", 60);
                set_condition_since(facts, "Available", "False", "", 60);
            })
            .of(healthy_kms),
            Fault::new("Key Vault refuses the KMS provider", |facts| log_line(facts, KAS, ACTIVE, 1, RBAC))
                .of(healthy_kms),
        ]
    }

    fn with_line(text: &str, minutes: i64) -> Facts {
        let mut facts = healthy_kms();
        log_line(&mut facts, KAS, ACTIVE, minutes, text);
        facts
    }

    #[test]
    fn providers_that_run_pass_and_others_are_left_out() {
        assert_passes(CHECK, &healthy_kms());
        assert_not_applicable(CHECK, &healthy());
    }

    #[test]
    fn providers_that_do_not_run() {
        let mut facts = healthy_kms();
        crash_container(&mut facts, KAS, ACTIVE);
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.keys, [Key::Workload(KAS.into()), Key::Identity("kms".into())]);
        the_pod(&mut facts, KAS).started_at = Some(minutes_ago(2));
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
        the_pod(&mut facts, KAS).containers.retain(|container| container.name != ACTIVE);
        the_failure(CHECK, &facts);
    }

    #[test]
    fn what_the_vault_says() {
        let finding = the_failure(CHECK, &with_line(RBAC, 2));
        assert!(finding.what.ends_with("ForbiddenByRbac"), "{}", finding.what);
        assert!(finding.fixes[0].commands[2].contains(catalogue::KEY_VAULT_CRYPTO_USER));
        assert_eq!(the_finding(CHECK, &with_line(RBAC, 30)).level, Level::Warn);
        let finding = the_failure(CHECK, &with_line("code: ForbiddenByFirewall", 2));
        assert!(finding.fixes[0].commands[0].contains("networkAcls"), "{finding:#?}");
    }

    #[test]
    fn a_re_encryption_that_hangs() {
        let mut facts = healthy_kms();
        set_condition_since(&mut facts, "EtcdDataEncryptionUpToDate", "False", "", 30);
        assert_passes(CHECK, &facts);
        set_condition_since(&mut facts, "EtcdDataEncryptionUpToDate", "False", "", 130);
        assert_eq!(the_finding(CHECK, &facts).level, Level::Warn);
    }

    #[test]
    fn deletion_and_gaps() {
        let mut facts = healthy_kms();
        facts.hosted.logs = Fact::Unreadable(denied("get pods/log"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.hosted.pods = Fact::Known(Vec::new());
        facts.hosted.logs = Fact::Known(Vec::new());
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Blocked);
        cluster(&mut facts).deleted_at = Some(minutes_ago(1));
        assert_not_applicable(CHECK, &facts);
    }
}
