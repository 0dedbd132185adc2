//! Certificates, Cluster API objects, volumes and settings of the control plane.

use facts::catalogue;
use facts::control_plane::{ApiCluster, AzureCluster, AzureClusterIdentity, Certificate, ControlPlane, VolumeClaim};
use facts::hosted::{Container, LogLine, NodePool, Pod, TokenMinter, Workload};
use facts::{Fact, Facts};

use super::hosted::{condition, pod};
use super::*;

/// Where a token minter leaves its token, and where the SDK looks for it.
const TOKEN_FILE: &str = "/var/run/secrets/openshift/serviceaccount/token";

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    for (app, account) in [
        ("capi-provider", "kube-system:capi-provider"),
        ("cloud-controller-manager", "kube-system:azure-cloud-provider"),
        ("ingress-operator", "openshift-ingress-operator:ingress-operator"),
    ] {
        let pod = the_pod(facts, app);
        let key = catalogue::by_workload(app).unwrap().key;
        signs_in(&mut pod.containers[0], key);
        // The operator adds a native side-car where the management cluster knows them.
        let native = app != "capi-provider";
        pod.containers.push(Container { init: native, sidecar: native, ..minter("cloud-token-minter", account) });
    }
    if cluster(facts).kms.is_some() {
        let pod = the_pod(facts, "kube-apiserver");
        let mut provider = container("azure-kms-provider-active");
        signs_in(&mut provider, "kms");
        pod.containers.push(provider);
        pod.containers.push(minter("azure-kms-token-minter", "kube-system:kms-provider"));
    }
    let azure = cluster(facts).azure.clone();
    let managed = cluster(facts).workload_identities().is_none();
    facts.hosted.control_plane = ControlPlane {
        certificates: Fact::Known(vec![
            certificate("etcd-peer-tls", "peer.crt", 363, false),
            certificate("kas-server-crt", "tls.crt", 363, false),
            certificate("root-ca", "ca.crt", 3_648, true),
        ]),
        cluster: Fact::Known(ApiCluster {
            name: INFRA.into(),
            phase: Some("Provisioned".into()),
            paused: false,
            infrastructure_ready: Some(true),
            conditions: vec![condition("InfrastructureReady", "True", "")],
        }),
        azure_cluster: Fact::Known(AzureCluster {
            name: "prod".into(),
            location: Some(azure.location.clone()),
            resource_group: Some(azure.resource_group.clone()),
            subscription_id: Some(SUBSCRIPTION.into()),
            vnet_id: Some(azure.vnet_id.clone()),
            outbound_load_balancer: Some(INFRA.into()),
            identity: Some("prod".into()),
            ready: Some(true),
            conditions: Vec::new(),
        }),
        azure_identity: Fact::Known(AzureClusterIdentity {
            name: "prod".into(),
            kind: if managed { "UserAssignedIdentityCredential" } else { "WorkloadIdentity" }.into(),
            client_id: Some(client_id("nodePoolManagement")),
            tenant_id: Some(TENANT.into()),
        }),
        health_checks: Fact::Known(Vec::new()),
        volumes: Fact::Known(vec![VolumeClaim {
            name: "data-etcd-0".into(),
            phase: Some("Bound".into()),
            storage_class: Some("managed-csi".into()),
            size: Some("8Gi".into()),
            created_at: Some(CREATED.parse().unwrap()),
        }]),
    };
}

fn signs_in(container: &mut Container, key: &str) {
    container.azure_client_id = Some(client_id(key));
    container.azure_tenant_id = Some(TENANT.into());
    container.azure_token_file = Some(TOKEN_FILE.into());
}

/// A container that runs.
pub(crate) fn container(name: &str) -> Container {
    Container { name: name.into(), ..pod("x").containers.remove(0) }
}

/// A token minter that runs.
pub(crate) fn minter(name: &str, account: &str) -> Container {
    Container {
        token_minter: Some(TokenMinter {
            audience: Some(catalogue::AUDIENCE.into()),
            subject: Some(format!("system:serviceaccount:{account}")),
            file: Some(TOKEN_FILE.into()),
        }),
        ..container(name)
    }
}

/// A certificate that ends in so many days.
pub(crate) fn certificate(secret: &str, key: &str, days: i64, is_authority: bool) -> Certificate {
    Certificate {
        secret: secret.into(),
        key: key.into(),
        subject: format!("CN={secret}"),
        issuer: "OU=openshift, CN=root-ca".into(),
        names: vec![format!("{secret}.clusters-prod.svc")],
        is_authority,
        not_before: CREATED.parse().unwrap(),
        not_after: minutes_ago(-days * 24 * 60),
    }
}

/// The pod of a workload in test facts, to be changed.
pub(crate) fn the_pod<'a>(facts: &'a mut Facts, app: &str) -> &'a mut Pod {
    match &mut facts.hosted.pods {
        Fact::Known(pods) => pods.iter_mut().find(|pod| pod.app.as_deref() == Some(app)).unwrap(),
        other => panic!("no pods: {other:?}"),
    }
}

/// A container of the pod of a workload in test facts, to be changed.
pub(crate) fn the_container<'a>(facts: &'a mut Facts, app: &str, name: &str) -> &'a mut Container {
    the_pod(facts, app).containers.iter_mut().find(|container| container.name == name).unwrap()
}

/// A workload in test facts, to be changed.
pub(crate) fn the_workload<'a>(facts: &'a mut Facts, name: &str) -> &'a mut Workload {
    match &mut facts.hosted.workloads {
        Fact::Known(list) => list.iter_mut().find(|workload| workload.name == name).unwrap(),
        other => panic!("no workloads: {other:?}"),
    }
}

/// The first NodePool of test facts, to be changed.
pub(crate) fn the_node_pool(facts: &mut Facts) -> &mut NodePool {
    match &mut facts.hosted.node_pools {
        Fact::Known(pools) => &mut pools[0],
        other => panic!("no NodePools: {other:?}"),
    }
}

/// Sets a condition of the HostedCluster as it has been for so many minutes.
pub(crate) fn set_condition_since(facts: &mut Facts, kind: &str, status: &str, message: &str, minutes: i64) {
    let conditions = &mut cluster(facts).conditions;
    conditions.retain(|condition| condition.kind != kind);
    let mut changed = condition(kind, status, "Because");
    changed.message = message.into();
    changed.last_transition = Some(minutes_ago(minutes));
    conditions.push(changed);
}

/// Sets a condition of the first NodePool as it has been for so many minutes.
pub(crate) fn set_pool_condition_since(facts: &mut Facts, kind: &str, status: &str, reason: &str, minutes: i64) {
    let conditions = &mut the_node_pool(facts).conditions;
    conditions.retain(|condition| condition.kind != kind);
    let mut changed = condition(kind, status, reason);
    changed.last_transition = Some(minutes_ago(minutes));
    conditions.push(changed);
}

/// Lets a container crash, and its workload be unavailable.
pub(crate) fn crash_container(facts: &mut Facts, app: &str, container: &str) {
    let broken = the_container(facts, app, container);
    broken.ready = false;
    broken.restarts = 11;
    broken.waiting_reason = Some("CrashLoopBackOff".into());
    let workload = the_workload(facts, app);
    workload.ready = 0;
    workload.conditions = vec![condition("Available", "False", "MinimumReplicasUnavailable")];
}

/// Adds a line to the log of a container that was written so many minutes ago.
pub(crate) fn log_line(facts: &mut Facts, app: &str, container: &str, minutes: i64, text: &str) {
    let Fact::Known(lines) = &mut facts.hosted.logs else { panic!("no logs") };
    lines.push(LogLine {
        pod: format!("{app}-6d8f9-0"),
        app: Some(app.into()),
        container: container.into(),
        time: Some(minutes_ago(minutes)),
        log_end: Some(minutes_ago(0)),
        text: text.into(),
    });
}
