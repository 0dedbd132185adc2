//! The hosted cluster's own view.

use std::collections::BTreeMap;

use facts::guest::{
    ClusterOperator, DeadWebhook, EgressProbe, GuestToken, Node, OperandCredentials, SigningRequest, UnschedulablePod,
};
use facts::{Fact, Need};

use super::{Lookup, Read, View};

impl<'a> View<'a> {
    /// ClusterOperators of the hosted cluster.
    pub fn cluster_operators(&self) -> Read<'a, Vec<ClusterOperator>> {
        self.read(Need::Guest).guest.cluster_operators.known("the list of ClusterOperators")
    }

    /// Nodes of the hosted cluster.
    pub fn guest_nodes(&self) -> Read<'a, Vec<Node>> {
        self.read(Need::Guest).guest.nodes.known("the list of nodes")
    }

    /// Certificate signing requests of kubelets that wait for a decision.
    pub fn signing_requests(&self) -> Read<'a, Vec<SigningRequest>> {
        self.read(Need::Guest).guest.signing_requests.known("the list of certificate signing requests")
    }

    /// The Secrets from which operators take their Azure credentials, by `namespace/name`.
    pub fn operand_credentials(&self) -> Read<'a, BTreeMap<String, Fact<OperandCredentials>>> {
        self.read(Need::Guest).guest.credentials.known("the Secrets of cloud credentials")
    }

    /// Pods of the hosted cluster that no node can take.
    pub fn unschedulable_pods(&self) -> Read<'a, Vec<UnschedulablePod>> {
        self.read(Need::Guest).guest.unschedulable.known("the list of pods")
    }

    /// Webhooks of the hosted cluster that nobody answers.
    pub fn dead_webhooks(&self) -> Read<'a, Vec<DeadWebhook>> {
        self.read(Need::Guest).guest.dead_webhooks.known("the list of webhooks")
    }

    /// What tokens of the hosted cluster's service accounts say, by subject.
    pub fn guest_tokens(&self) -> Read<'a, BTreeMap<String, Fact<GuestToken>>> {
        self.read(Need::GuestTokens).guest.tokens.known("the tokens")
    }

    /// What the egress probe reported; absent when none ran.
    pub fn egress_probe(&self) -> Lookup<'a, EgressProbe> {
        self.read(Need::EgressProbe).guest.egress_probe.present()
    }
}
