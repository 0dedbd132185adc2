//! The hosted cluster's own view.

use facts::catalogue::{AUDIENCE, COMPONENTS};
use facts::guest::{ClusterOperator, GuestToken, Node, OPERAND_SECRETS, OperandCredentials, TOKEN_FILE};
use facts::{Fact, Facts};

use super::*;

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    let cluster = cluster(facts).clone();
    let guest = &mut facts.guest;
    let operators = ["console", "dns", "image-registry", "ingress", "kube-apiserver", "network", "storage"];
    guest.cluster_operators = Fact::Known(operators.map(cluster_operator).to_vec());
    guest.nodes = Fact::Known(vec![guest_node("prod-a"), guest_node("prod-b")]);
    guest.signing_requests = Fact::Known(Vec::new());
    guest.unschedulable = Fact::Known(Vec::new());
    guest.dead_webhooks = Fact::Known(Vec::new());
    let credentials = |key: &str| OperandCredentials {
        client_id: Some(client_id(key)),
        tenant_id: Some(TENANT.into()),
        resource_group: Some(cluster.azure.resource_group.clone()),
        token_file: Some(TOKEN_FILE.into()),
    };
    guest.credentials = Fact::Known(
        OPERAND_SECRETS
            .iter()
            .map(|(namespace, name, key)| (format!("{namespace}/{name}"), Fact::Known(credentials(key))))
            .collect(),
    );
    let required = COMPONENTS.iter().filter(|component| cluster.requires(component));
    guest.tokens = Fact::Known(
        required
            .flat_map(|component| component.credentials)
            .map(|credential| {
                let token = GuestToken {
                    key_id: Some("kid-1".into()),
                    algorithm: Some("RS256".into()),
                    issuer: Some(cluster.issuer_url.clone()),
                    subject: Some(credential.subject()),
                    audiences: vec![AUDIENCE.into()],
                };
                (credential.subject(), Fact::Known(token))
            })
            .collect(),
    );
    guest.egress_probe = Fact::Absent;
}

/// A healthy ClusterOperator.
fn cluster_operator(name: &str) -> ClusterOperator {
    ClusterOperator {
        name: name.into(),
        version: Some("4.22.3".into()),
        conditions: vec![
            condition("Available", "True", "AsExpected"),
            condition("Progressing", "False", "AsExpected"),
            condition("Degraded", "False", "AsExpected"),
        ],
    }
}

/// The node of a machine.
pub(crate) fn guest_node(name: &str) -> Node {
    Node {
        name: name.into(),
        provider_id: Some(provider_id(name)),
        ready: true,
        version: Some("v1.35.2".into()),
        created_at: Some(CREATED.parse().unwrap()),
    }
}

/// The ClusterOperators of test facts, to be changed.
pub(crate) fn cluster_operators(facts: &mut Facts) -> &mut Vec<ClusterOperator> {
    match &mut facts.guest.cluster_operators {
        Fact::Known(list) => list,
        other => panic!("no ClusterOperators: {other:?}"),
    }
}

/// What a machine that runs and never became a node shows elsewhere: its own object, its NodePool and its missing node.
pub(crate) fn nodes_are_missing(facts: &mut Facts, name: &str) {
    if let Fact::Known(machines) = &mut facts.hosted.machines {
        for machine in machines.iter_mut().filter(|machine| machine.name == name) {
            machine.node = None;
            machine.phase = Some("Provisioned".into());
            machine.conditions = vec![condition("Ready", "False", "WaitingForNodeRef")];
        }
    }
    if let Fact::Known(nodes) = &mut facts.guest.nodes {
        nodes.retain(|node| node.name != name);
    }
    if let Fact::Known(pools) = &mut facts.hosted.node_pools {
        for condition in &mut pools[0].conditions {
            if ["Ready", "AllMachinesReady", "AllNodesHealthy"].contains(&condition.kind.as_str()) {
                condition.status = "False".into();
            }
        }
        pools[0].ready_replicas = Some(1);
    }
}
