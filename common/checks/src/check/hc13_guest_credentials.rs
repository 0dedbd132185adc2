//! HC13: the Secrets from which operators of the hosted cluster take their Azure credentials say what the spec says.

use facts::Fact;
use facts::guest::{OPERAND_SECRETS, OperandCredentials, TOKEN_FILE};
use facts::hosted::{Authentication, HostedCluster};

use crate::federation;
use crate::judgement::BEING_DELETED;
use crate::prelude::*;
use crate::shell::command;

declare_check! {
    /// ## What it checks
    /// The Secrets `azure-disk-credentials`, `azure-file-credentials`, `installer-cloud-credentials` (image registry) and
    /// `cloud-credentials` (ingress) of the hosted cluster name the client id, tenant and resource group of the
    /// HostedCluster, and the token file.
    ///
    /// Secrets of capabilities that are disabled (ImageRegistry, Ingress) are left out. A cluster gets 30 minutes to make
    /// them. Nothing but these four public fields is read into the report.
    ///
    /// ## Why it matters
    /// Drivers and operators sign in with what stands there. With another client id they act for a foreign identity or are
    /// refused; no condition shows the difference.
    ///
    /// ## How to fix
    /// Delete the Secret: the hosted cluster config operator writes it anew from the HostedCluster.
    ///
    /// Source: openshift/hypershift hostedclusterconfigoperator/controllers/resources (resources.go, azure/azure.go).
    pub static GUEST_CREDENTIALS = {
        code: "HC13",
        id: "guest-credentials",
        group: HostedCluster,
        since: "0.1.0",
        when: [Support],
        needs: [HostedCluster, Guest],
        caused_by: ["HC03"],
        judge: judge,
    };
}

/// Minutes in which a new cluster may make its Secrets.
const GRACE: i64 = 30;

/// The workload that writes the Secrets.
const WRITER: &str = "hosted-cluster-config-operator";

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let secrets = view.operand_credentials()?;
    if cluster.deleted_at.is_some() {
        return Ok(Judgement::NotApplicable(BEING_DELETED.into()));
    }
    let Authentication::WorkloadIdentities { client_ids } = &cluster.azure.authentication else {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    };
    let is_young = cluster.created_at.is_some_and(|then| view.minutes_since(then) < GRACE);
    let (mut findings, mut gaps, mut right) = (Vec::new(), Vec::new(), 0);
    for (namespace, name, key) in OPERAND_SECRETS {
        if catalogue::by_key(key).is_some_and(|component| !federation::runs(cluster, component)) {
            continue;
        }
        let secret = format!("{namespace}/{name}");
        let subject = format!("Secret {secret}");
        let found = match secrets.get(&secret).map_or_else(|| Err(Gap::not_asked()), Fact::present) {
            Ok(found) => found,
            Err(gap) => {
                gaps.push((subject, gap));
                continue;
            }
        };
        let why = format!("whatever acts for identity {key} in the hosted cluster cannot sign in as it");
        let finding = match found {
            None if is_young => continue,
            None => {
                let what = format!("Secret {secret} does not exist in the hosted cluster");
                Finding::fail(subject, what, why).fix(Fix::hypershift([command!(
                    "oc -n {} logs deployment/{} --tail 50",
                    view.target().control_plane_namespace(),
                    WRITER
                )]))
            }
            Some(found) => {
                let Some((field, want, seen)) = difference(cluster, client_ids.get(key), found) else {
                    right += 1;
                    continue;
                };
                let what = format!("{field} in Secret {secret} is not what the HostedCluster says");
                Finding::fail(subject, what, why)
                    .see("field", field)
                    .compare(want, seen)
                    .fix(Fix::hypershift([command!("oc -n {} delete secret {}", namespace, name)]).note(
                    "with the kubeconfig of the hosted cluster; it is written anew within a minute, then restart the \
                         pods that use it",
                ))
            }
        };
        findings.push(finding.touches(Key::Identity(key.into())).touches(Key::Workload(WRITER.into())));
    }
    findings.extend(Finding::unknowns(gaps));
    Ok(Judgement::new(format!("{right} Secrets of cloud credentials say what the HostedCluster says"), findings))
}

/// The first field that differs, with what it should say and says.
fn difference(
    cluster: &HostedCluster,
    client_id: Option<&String>,
    found: &OperandCredentials,
) -> Option<(&'static str, String, String)> {
    let azure = &cluster.azure;
    [
        ("azure_client_id", client_id.map(String::as_str), &found.client_id),
        ("azure_tenant_id", Some(azure.tenant_id.as_str()), &found.tenant_id),
        ("azure_resourcegroup", Some(azure.resource_group.as_str()), &found.resource_group),
        ("azure_federated_token_file", Some(TOKEN_FILE), &found.token_file),
    ]
    .into_iter()
    .find_map(|(field, want, seen)| {
        let want = want?;
        let seen = seen.as_deref().unwrap_or_default();
        // Azure does not tell cases of ids and groups apart, paths do.
        let equal = if field.ends_with("file") { want == seen } else { want.eq_ignore_ascii_case(seen) };
        (!equal).then(|| (field, want.to_owned(), seen.to_owned()))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use facts::Facts;

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &GUEST_CREDENTIALS;
    const DISK: &str = "openshift-cluster-csi-drivers/azure-disk-credentials";

    fn secret<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Fact<OperandCredentials> {
        match &mut facts.guest.credentials {
            Fact::Known(secrets) => secrets.get_mut(name).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn edit(facts: &mut Facts, change: fn(&mut OperandCredentials)) {
        match secret(facts, DISK) {
            Fact::Known(secret) => change(secret),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a foreign client id, and storage degraded by it", |facts| {
                edit(facts, |secret| secret.client_id = Some(client_id("file")));
                for operator in cluster_operators(facts).iter_mut().filter(|operator| operator.name == "storage") {
                    operator.conditions[2].status = "True".into();
                    operator.conditions[2].message = "AADSTS700213: No match for presented assertion subject 'system:serviceaccount:openshift-cluster-csi-drivers:azure-disk-csi-driver-operator'.".into();
                }
            }),
            Fault::new("a Secret is missing", |facts| {
                *secret(facts, "openshift-ingress-operator/cloud-credentials") = Fact::Absent;
            }),
        ]
    }

    #[test]
    fn equal_secrets_pass() {
        assert_passes(CHECK, &healthy());
        let mut facts = healthy();
        edit(&mut facts, |secret| secret.resource_group = Some("PROD-prod-x7k2p".into()));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn each_field_counts() {
        for (change, field) in [
            ((|secret| secret.client_id = Some("x".into())) as fn(&mut OperandCredentials), "azure_client_id"),
            (|secret| secret.tenant_id = Some("x".into()), "azure_tenant_id"),
            (|secret| secret.resource_group = None, "azure_resourcegroup"),
            (|secret| secret.token_file = Some("/var/run/secrets/token".into()), "azure_federated_token_file"),
        ] {
            let mut facts = healthy();
            edit(&mut facts, change);
            let finding = the_failure(CHECK, &facts);
            assert_eq!(finding.evidence.get("field"), Some(field));
            assert_eq!(
                finding.fixes[0].commands,
                ["oc -n openshift-cluster-csi-drivers delete secret azure-disk-credentials"]
            );
        }
    }

    #[test]
    fn a_missing_secret_counts_once_the_cluster_is_up() {
        let mut facts = healthy();
        *secret(&mut facts, DISK) = Fact::Absent;
        the_failure(CHECK, &facts);
        cluster(&mut facts).created_at = Some(minutes_ago(20));
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn a_disabled_capability_has_no_secret() {
        let mut facts = healthy();
        *secret(&mut facts, "openshift-image-registry/installer-cloud-credentials") = Fact::Absent;
        cluster(&mut facts).disabled_capabilities = vec!["ImageRegistry".into()];
        assert_passes(CHECK, &facts);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut facts = healthy();
        *secret(&mut facts, DISK) = Fact::Unreadable(denied("get secrets"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
        facts.guest.credentials = Fact::Unreadable(Gap::new(GapKind::Unreachable, "connect"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Unreachable);
    }

    #[test]
    fn managed_identities_have_none() {
        let mut facts = healthy();
        cluster(&mut facts).azure.authentication = Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
    }
}
