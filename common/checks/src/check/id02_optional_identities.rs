//! ID02: identities that only some clusters need are named where they are needed.

use facts::hosted::HostedCluster;

use crate::federation;
use crate::prelude::*;
use crate::text::quote;

declare_check! {
    /// ## What it checks
    /// A HostedCluster of topology Private or PublicAndPrivate names an identity for the control plane operator, and one
    /// with Azure KMS names an identity for KMS.
    ///
    /// Whether a named identity exists is ID01's matter.
    ///
    /// ## Why it matters
    /// The control plane operator makes the private endpoint and its DNS records: without an identity workers never reach
    /// the API server. The KMS plugin decrypts etcd: without an identity the API server does not start.
    ///
    /// ## How to fix
    /// Create the identity with its federated identity credential, and write its client id into the HostedCluster.
    ///
    /// Source: openshift/hypershift cmd/infra/azure/identities.go and the HostedCluster API, azureAuthenticationConfig
    /// and secretEncryption.
    pub static OPTIONAL_IDENTITIES = {
        code: "ID02",
        id: "optional-identities",
        group: Identities,
        since: "0.1.0",
        when: [Preflight, Support],
        needs: [HostedCluster],
        caused_by: [],
        judge: judge,
    };
}

fn judge(view: &View<'_>) -> Result<Judgement, Gap> {
    let cluster = view.cluster()?;
    let Some(client_ids) = cluster.workload_identities() else {
        return Ok(Judgement::NotApplicable(federation::NO_WORKLOAD_IDENTITIES.into()));
    };
    let needed = [
        (
            "controlPlaneOperator",
            cluster.has_private_endpoint(),
            format!("topology {}", cluster.azure.topology.as_deref().unwrap_or("Public")),
            "the control plane operator cannot make the private endpoint: workers never reach the API server",
            r#"{"spec":{"platform":{"azure":{"azureAuthenticationConfig":{"workloadIdentities":{"controlPlaneOperator":{"clientID":"CLIENT_ID"}}}}}}}"#,
        ),
        (
            "kms",
            cluster.kms.is_some(),
            "Azure KMS".to_owned(),
            "the KMS plugin of the API server cannot reach the key vault: the API server does not start",
            r#"{"spec":{"secretEncryption":{"kms":{"azure":{"workloadIdentity":{"clientID":"CLIENT_ID"}}}}}}"#,
        ),
    ];
    let mut reasons = Vec::new();
    let mut findings = Vec::new();
    for (key, _, reason, why, patch) in needed.into_iter().filter(|(_, needed, ..)| *needed) {
        if client_ids.contains_key(key) {
            reasons.push(format!("{key} for {reason}"));
        } else {
            findings.push(finding(cluster, key, &reason, why, patch));
        }
    }
    if findings.is_empty() && reasons.is_empty() {
        return Ok(Judgement::NotApplicable("a public cluster without Azure KMS needs no optional identity".into()));
    }
    Ok(Judgement::new(format!("the HostedCluster names {}", reasons.join(" and ")), findings))
}

fn finding(cluster: &HostedCluster, key: &str, reason: &str, why: &str, patch: &str) -> Finding {
    let mut commands = Vec::new();
    let finding = Finding::fail(
        format!("identity {key}"),
        format!("the HostedCluster has {reason} and names no identity {key}"),
        why,
    )
    .see("needed for", reason);
    let Some(component) = catalogue::by_key(key) else {
        return finding;
    };
    let name = component.identity_name(&cluster.name, &cluster.infra_id);
    let subscription = quote(&cluster.azure.subscription_id).into_owned();
    commands.push(format!(
        "az identity create -g RESOURCE_GROUP -n {} -l {} --subscription {subscription} --query clientId -o tsv",
        quote(&name),
        quote(&cluster.azure.location),
    ));
    for credential in component.credentials {
        commands.push(format!(
            "az identity federated-credential create -g RESOURCE_GROUP --identity-name {} --name {} --issuer {} --subject {} --audiences {} --subscription {subscription}",
            quote(&name),
            quote(&component.credential_name(&cluster.name, credential)),
            quote(&cluster.issuer_url),
            credential.subject(),
            catalogue::AUDIENCE,
        ));
    }
    federation::touch(finding, component)
        .fix(
            Fix::azure(commands)
                .note("RESOURCE_GROUP is where the other identities live; CLIENT_ID is what the first command prints"),
        )
        .fix(Fix::hypershift([format!(
            "oc -n {} patch hostedcluster {} --type merge -p '{patch}'",
            quote(&cluster.namespace),
            quote(&cluster.name),
        )]))
}

#[cfg(test)]
pub(crate) mod tests {
    use facts::Fact;
    use facts::hosted::{Authentication, AzureKms};

    use super::*;
    use crate::testkit::*;

    const CHECK: &Check = &OPTIONAL_IDENTITIES;

    fn private() -> facts::Facts {
        let mut facts = healthy();
        cluster(&mut facts).azure.topology = Some("Private".into());
        facts
    }

    fn with_kms(client_id: Option<&str>) -> facts::Facts {
        let mut facts = healthy();
        cluster(&mut facts).kms = Some(AzureKms {
            vault: "v".into(),
            key: "k".into(),
            version: "1".into(),
            client_id: client_id.map(Into::into),
        });
        facts
    }

    pub(crate) fn faults() -> Vec<Fault> {
        vec![
            Fault::new("a private cluster names no identity for its control plane operator", |facts| {
                if let Authentication::WorkloadIdentities { client_ids } = &mut cluster(facts).azure.authentication {
                    client_ids.remove("controlPlaneOperator");
                }
                attempts(facts).retain(|attempt| attempt.component != "controlPlaneOperator");
                no_link_conditions(facts, &["AzurePrivateEndpointAvailable", "AzurePrivateLinkServiceAvailable"]);
                azpls(facts).private_endpoint_id = None;
                azpls(facts).private_endpoint_ip = None;
                link_service(facts).connections.clear();
                facts.private_link.endpoints.insert(endpoint_id().key(), Fact::Absent);
                never_joined(facts);
            })
            .of(healthy_private)
            .showing(&["HC01", "NP01", "NP02", "NW10"]),
            Fault::new("a cluster with Azure KMS names no identity for it, and its API server crashes", |facts| {
                if let Some(kms) = &mut cluster(facts).kms {
                    kms.client_id = None;
                }
                attempts(facts).retain(|attempt| attempt.component != "kms");
                crash(facts, "kube-apiserver");
                set_condition(facts, "ValidAzureKMSConfig", "False", "no client id");
            })
            .of(healthy_kms)
            .showing(&["HC01", "HC03"]),
        ]
    }

    #[test]
    fn named_identities_pass() {
        assert_passes(CHECK, &private());
        assert_passes(CHECK, &with_kms(Some("00000009-aaaa-bbbb-cccc-dddddddddddd")));
    }

    #[test]
    fn a_private_cluster_without_control_plane_operator() {
        let mut facts = private();
        if let Authentication::WorkloadIdentities { client_ids } = &mut cluster(&mut facts).azure.authentication {
            client_ids.remove("controlPlaneOperator");
        }
        let finding = the_failure(CHECK, &facts);
        assert_eq!(finding.subject, "identity controlPlaneOperator");
        assert!(finding.fixes[0].commands[0].contains("-n prod-control-plane-operator-prod-x7k2p"));
        assert!(finding.fixes[0].commands[1].contains("--name prod-cpo-fed-id"));
        assert!(finding.keys.contains(&Key::Workload("control-plane-operator".into())));
    }

    #[test]
    fn kms_without_client_id() {
        let finding = the_failure(CHECK, &with_kms(None));
        assert_eq!(finding.subject, "identity kms");
        assert!(finding.fixes[0].commands[1].contains("system:serviceaccount:kube-system:kms-provider"));
    }

    #[test]
    fn what_is_not_needed_is_not_judged() {
        let mut facts = healthy();
        assert_not_applicable(CHECK, &facts);
        cluster(&mut facts).azure.authentication = Authentication::ManagedIdentities;
        assert_not_applicable(CHECK, &facts);
        facts.hosted.cluster = Fact::Unreadable(denied("get hostedclusters"));
        assert_eq!(the_gap(CHECK, &facts).kind, GapKind::Denied);
    }
}
