//! Facts for the tests of checks: one healthy cluster, to be broken one piece at a time.

#![allow(clippy::unwrap_used, clippy::panic)]

mod azure;
mod compute;
mod control_plane;
mod exchange;
mod fleet;
mod governance;
mod guest;
mod hosted;
mod keys_and_leftovers;
mod mutation;
mod names;
mod private_link;
mod quota;
mod recording;
mod release;
mod symptoms;

use facts::azure::{FederatedCredential, Identity};
use facts::catalogue::COMPONENTS;
use facts::hosted::{AzureKms, HostedCluster};
use facts::local::{CredsFile, SecretState};
use facts::{ArmId, Fact, Facts, Gap, GapKind, Source, Target};
use jiff::Timestamp;

pub(crate) use self::azure::{pool_member, rule};
pub(crate) use self::compute::{provider_id, virtual_machine};
pub(crate) use self::control_plane::{
    certificate, crash_container, log_line, minter, set_condition_since, set_pool_condition_since, the_container,
    the_node_pool, the_pod, the_workload,
};
pub(crate) use self::exchange::attempts;
pub(crate) use self::fleet::{healthy_managed, others};
pub(crate) use self::governance::{CALLER, deny, forbid, lock, reading, refuse_a_machine};
pub(crate) use self::guest::{cluster_operators, guest_node, nodes_are_missing};
pub(crate) use self::hosted::{condition, node_pool, workload};
pub(crate) use self::keys_and_leftovers::{leave, leftover};
pub(crate) use self::mutation::mutated;
pub(crate) use self::names::{
    APPS, OWNER, ROUTER, answer, api_server, external_dns, external_dns_line, healthy_named, host, no_such_name,
    unresolved, zone,
};
pub(crate) use self::private_link::{
    LINK_CONDITIONS, azpls, endpoint, endpoint_id, link_condition, link_service, link_service_id, never_joined,
    no_link_conditions, private_zone_id,
};
pub(crate) use self::quota::*;
pub(crate) use self::recording::{healthy_recorded, held};
pub(crate) use self::symptoms::*;
use crate::check::Check;
use crate::judgement::{Finding, Judgement, Level};
use crate::view::View;

pub(crate) const SUBSCRIPTION: &str = "00000000-1111-2222-3333-444444444444";
pub(crate) const TENANT: &str = "55555555-6666-7777-8888-999999999999";
pub(crate) const ISSUER: &str = "https://acct.blob.core.windows.net/acct";
pub(crate) const INFRA: &str = "prod-x7k2p";
pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";
pub(crate) const CREATED: &str = "2026-11-18T08:00:00Z";

/// The moment at which the test facts were collected, less some minutes.
pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    let now: Timestamp = NOW.parse().unwrap();
    Timestamp::from_second(now.as_second() - minutes * 60).unwrap()
}

/// The client id of a component's identity in [`healthy`].
pub(crate) fn client_id(key: &str) -> String {
    format!("{:08x}-aaaa-bbbb-cccc-dddddddddddd", position(key))
}

/// The principal id of a component's identity in [`healthy`].
pub(crate) fn principal_id(key: &str) -> String {
    format!("{:08x}-eeee-bbbb-cccc-dddddddddddd", position(key))
}

fn position(key: &str) -> usize {
    COMPONENTS.iter().position(|component| component.key == key).unwrap() + 1
}

/// The ARM id of a resource group in the test subscription.
pub(crate) fn group(name: &str) -> ArmId {
    ArmId::of_group(SUBSCRIPTION, name)
}

/// The test VNet.
pub(crate) fn vnet_id() -> ArmId {
    ArmId::in_group(SUBSCRIPTION, "prod-vnet-prod-x7k2p", "Microsoft.Network/virtualNetworks/prod-prod-x7k2p")
}

/// The test subnet.
pub(crate) fn subnet_id() -> ArmId {
    vnet_id().child("subnets", "default")
}

/// The test network security group.
pub(crate) fn nsg_id() -> ArmId {
    ArmId::in_group(SUBSCRIPTION, "prod-nsg-prod-x7k2p", "Microsoft.Network/networkSecurityGroups/prod-prod-x7k2p-nsg")
}

fn public_ip_id() -> ArmId {
    ArmId::in_group(SUBSCRIPTION, "prod-prod-x7k2p", "Microsoft.Network/publicIPAddresses/prod-x7k2p")
}

/// Facts of a public cluster in which every check passes: eight identities, one NodePool with two machines.
pub(crate) fn healthy() -> Facts {
    healthy_as(|_| {})
}

/// [`healthy`] with a private API server.
pub(crate) fn healthy_private() -> Facts {
    healthy_as(|facts| {
        let azure = &mut cluster(facts).azure;
        azure.topology = Some("Private".into());
        azure.nat_subnet_id = Some(nat_subnet_id());
    })
}

/// [`healthy`] with etcd encrypted by a key in a Key Vault.
pub(crate) fn healthy_kms() -> Facts {
    healthy_as(|facts| {
        cluster(facts).kms = Some(AzureKms {
            vault: "prod-kv".into(),
            key: "etcd".into(),
            version: "0123456789abcdef0123456789abcdef".into(),
            client_id: Some(client_id("kms")),
        });
        azure::kms_identity(facts);
        for condition in &mut cluster(facts).conditions {
            if condition.kind == "ValidAzureKMSConfig" {
                condition.status = "True".into();
            }
        }
    })
}

/// Every healthy cluster: what a check reads in all of them is what it declares.
pub(crate) fn healthy_clusters() -> Vec<Facts> {
    vec![
        healthy(),
        healthy_private(),
        healthy_kms(),
        healthy_autoscaling(),
        healthy_named(),
        healthy_managed(),
        healthy_recorded(),
    ]
}

/// The subnet of the management cluster's VNet from which private link services take addresses.
pub(crate) fn nat_subnet_id() -> ArmId {
    ArmId::in_group(SUBSCRIPTION, "mgmt", "Microsoft.Network/virtualNetworks/mgmt").child("subnets", "pls-nat")
}

/// A single fault of an otherwise healthy cluster. The check whose file lists it must be the only root that is found.
pub(crate) struct Fault {
    pub name: &'static str,
    pub base: fn() -> Facts,
    pub inject: fn(&mut Facts),
    /// Codes of checks whose rows must be folded under the root; others may be.
    pub shows: &'static [&'static str],
}

/// A check and the function that gives its faults.
pub(crate) type FaultsOf = (&'static Check, fn() -> Vec<Fault>);

impl Fault {
    /// A fault of [`healthy`]: what is broken, and every symptom that it shows elsewhere.
    pub(crate) fn new(name: &'static str, inject: fn(&mut Facts)) -> Self {
        Self { name, base: healthy, inject, shows: &[] }
    }

    /// The same fault of another healthy cluster.
    pub(crate) fn of(self, base: fn() -> Facts) -> Self {
        Self { base, ..self }
    }

    /// The checks that see symptoms of it.
    pub(crate) fn showing(self, shows: &'static [&'static str]) -> Self {
        Self { shows, ..self }
    }
}

fn healthy_as(shape: fn(&mut Facts)) -> Facts {
    let mut facts = Facts::unread(
        NOW.parse().unwrap(),
        Source::Live { context: Some("mgmt".into()) },
        Target { namespace: "clusters".into(), name: "prod".into() },
    );
    facts.local.creds_file = Fact::Known(CredsFile {
        path: "azure-creds.json".into(),
        problem: None,
        subscription_id: Some(SUBSCRIPTION.into()),
        tenant_id: Some(TENANT.into()),
        client_id: Some("99999999-aaaa-bbbb-cccc-dddddddddddd".into()),
        client_secret: SecretState::Present,
        unknown_keys: Vec::new(),
        mode: Some(0o600),
    });
    azure::azure(&mut facts);
    azure::network(&mut facts);
    azure::oidc(&mut facts);
    hosted::management(&mut facts);
    hosted::hosted(&mut facts);
    shape(&mut facts);
    compute::add(&mut facts);
    control_plane::add(&mut facts);
    exchange::add(&mut facts);
    fleet::add(&mut facts);
    governance::add(&mut facts);
    guest::add(&mut facts);
    keys_and_leftovers::add(&mut facts);
    names::add(&mut facts);
    private_link::add(&mut facts);
    quota::add(&mut facts);
    recording::add(&mut facts);
    release::add(&mut facts);
    facts
}

/// The HostedCluster of test facts, to be changed.
pub(crate) fn cluster(facts: &mut Facts) -> &mut HostedCluster {
    match &mut facts.hosted.cluster {
        Fact::Known(cluster) => cluster,
        other => panic!("no HostedCluster: {other:?}"),
    }
}

/// The identity of a component in test facts, to be changed.
pub(crate) fn identity<'a>(facts: &'a mut Facts, key: &str) -> &'a mut Identity {
    match &mut facts.azure.identities {
        Fact::Known(list) => list.iter_mut().find(|identity| identity.client_id == client_id(key)).unwrap(),
        other => panic!("no identities: {other:?}"),
    }
}

/// The federated identity credentials of a component in test facts, to be changed.
pub(crate) fn federated<'a>(facts: &'a mut Facts, key: &str) -> &'a mut Vec<FederatedCredential> {
    match &mut identity(facts, key).federated {
        Fact::Known(list) => list,
        other => panic!("no credentials: {other:?}"),
    }
}

/// A 403 on one action.
pub(crate) fn denied(action: &str) -> Gap {
    Gap::new(GapKind::Denied, "403 AuthorizationFailed").needing(action, "/subscriptions/s")
}

/// What a check finds; it must have judged. Also holds the check to its declared needs.
#[track_caller]
pub(crate) fn findings(check: &Check, facts: &Facts) -> Vec<Finding> {
    match judge(check, facts) {
        Ok(Judgement::Judged { findings, .. }) => findings,
        other => panic!("{check:?} did not judge: {other:?}"),
    }
}

/// Asserts that a check passes, and names what it saw.
#[track_caller]
pub(crate) fn assert_passes(check: &Check, facts: &Facts) {
    match judge(check, facts) {
        Ok(Judgement::Judged { passed, findings }) => {
            assert!(findings.is_empty(), "{check:?} found {findings:#?}");
            assert!(!passed.is_empty(), "{check:?} does not say what it saw");
        }
        other => panic!("{check:?} did not judge: {other:?}"),
    }
}

/// The only finding of a check.
#[track_caller]
pub(crate) fn the_finding(check: &Check, facts: &Facts) -> Finding {
    let mut findings = findings(check, facts);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.remove(0)
}

/// Asserts that a check finds exactly one failure, with everything that a reader needs, and gives it back.
#[track_caller]
pub(crate) fn the_failure(check: &Check, facts: &Facts) -> Finding {
    let finding = the_finding(check, facts);
    assert_eq!(finding.level, Level::Fail, "{finding:#?}");
    assert!(!finding.subject.is_empty() && !finding.what.is_empty() && !finding.why.is_empty(), "{finding:#?}");
    assert!(finding.fixes.iter().any(|fix| !fix.commands.is_empty()), "no command to copy: {finding:#?}");
    finding
}

/// Asserts that a check as a whole cannot judge, and gives the reason back.
#[track_caller]
pub(crate) fn the_gap(check: &Check, facts: &Facts) -> Gap {
    match judge(check, facts) {
        Err(gap) => gap,
        Ok(Judgement::Judged { findings, .. })
            if !findings.is_empty() && findings.iter().all(|f| f.level == Level::Unknown) =>
        {
            findings.into_iter().find_map(|finding| finding.gap).unwrap()
        }
        other => panic!("{check:?} judged: {other:?}"),
    }
}

/// Asserts that a check does not apply.
#[track_caller]
pub(crate) fn assert_not_applicable(check: &Check, facts: &Facts) {
    let judged = judge(check, facts);
    assert!(matches!(judged, Ok(Judgement::NotApplicable(_))), "{check:?}: {judged:?}");
}

#[track_caller]
fn judge(check: &Check, facts: &Facts) -> Result<Judgement, Gap> {
    let view = View::new(facts);
    let judged = (check.judge)(&view);
    for need in view.reads() {
        assert!(check.needs.contains(&need), "{check:?} reads {need:?}, which it does not declare");
    }
    judged
}
