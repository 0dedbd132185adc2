//! Rights of the caller, policies, locks and clocks.

use std::collections::BTreeSet;

use facts::azure::Permission;
use facts::clock::Reading;
use facts::governance::{AppSecret, DenyAssignment, Lock, PolicyAnswer};
use facts::{ArmId, Fact, Facts};

use super::*;

/// The object id of the caller.
pub(crate) const CALLER: &str = "99999999-eeee-bbbb-cccc-dddddddddddd";

/// The resource types that Azure Policy is asked about.
const ASKED: [&str; 5] = [
    "Microsoft.Compute/disks",
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/publicIPAddresses",
];

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    let groups = ["prod-prod-x7k2p", "prod-vnet-prod-x7k2p", "prod-nsg-prod-x7k2p", "dns"].map(group);
    let governance = &mut facts.azure.governance;
    let everything = || vec![Permission { actions: vec!["*".into()], ..Permission::default() }];
    let subscription = ArmId::new(format!("/subscriptions/{SUBSCRIPTION}"));
    for scope in groups.iter().chain([&subscription, &group("os4-common")]) {
        governance.caller_permissions.insert(scope.key(), Fact::Known(everything()));
    }
    for scope in &groups {
        governance.locks.insert(scope.key(), Fact::Known(Vec::new()));
    }
    governance.deny_assignments = Fact::Known(Vec::new());
    for kind in ASKED {
        let answer = PolicyAnswer {
            resource_type: kind.into(),
            size: None,
            scope: groups[0].clone(),
            evaluations: Vec::new(),
            restrictions: Vec::new(),
        };
        governance.policies.insert(kind.to_ascii_lowercase(), Fact::Known(answer));
    }
    governance.app_secrets = Fact::Known(vec![AppSecret {
        key_id: "0d5f3e2a-0000-4000-8000-000000000001".into(),
        name: Some("hcp".into()),
        ends_at: "2027-05-01T00:00:00Z".parse().unwrap(),
    }]);
    facts.clocks.entra = Fact::Known(reading("login.microsoftonline.com", 0));
    facts.clocks.management = Fact::Known(reading("api.mgmt.example.com", 0));
}

/// A clock that is this many seconds ahead of the local one.
pub(crate) fn reading(service: &str, ahead: i64) -> Reading {
    let now: jiff::Timestamp = NOW.parse().unwrap();
    Reading {
        service: service.into(),
        says: jiff::Timestamp::from_second(now.as_second() + ahead).unwrap(),
        asked_at: jiff::Timestamp::from_millisecond(now.as_millisecond() + 480).unwrap(),
        round_trip_ms: 40,
    }
}

/// Takes actions from the caller at a scope.
pub(crate) fn forbid(facts: &mut Facts, scope: &ArmId, actions: &[&str]) {
    let permission = Permission {
        actions: vec!["*".into()],
        not_actions: actions.iter().map(|&action| action.into()).collect(),
        ..Permission::default()
    };
    facts.azure.governance.caller_permissions.insert(scope.key(), Fact::Known(vec![permission]));
}

/// A deny assignment at a scope.
pub(crate) fn deny(facts: &mut Facts, scope: &ArmId, actions: &[&str], principal: &str) {
    let deny = DenyAssignment {
        id: ArmId::new(format!("{scope}/providers/Microsoft.Authorization/denyAssignments/d")),
        name: "locked down".into(),
        scope: scope.to_string(),
        not_below: false,
        permissions: vec![Permission {
            actions: actions.iter().map(|&action| action.into()).collect(),
            ..Permission::default()
        }],
        principals: BTreeSet::from([principal.to_owned()]),
        excluded: BTreeSet::new(),
    };
    match &mut facts.azure.governance.deny_assignments {
        Fact::Known(list) => list.push(deny),
        other => panic!("{other:?}"),
    }
}

/// Locks a scope within a resource group.
pub(crate) fn lock(facts: &mut Facts, of_group: &ArmId, scope: &ArmId, level: &str) {
    let lock = Lock {
        id: ArmId::new(format!("{scope}/providers/Microsoft.Authorization/locks/keep")),
        name: "keep".into(),
        level: level.into(),
        notes: None,
    };
    match facts.azure.governance.locks.get_mut(&of_group.key()) {
        Some(Fact::Known(list)) => list.push(lock),
        other => panic!("{other:?}"),
    }
}

/// Lets Azure refuse the first machine with a code.
pub(crate) fn refuse_a_machine(facts: &mut Facts, code: &str) {
    let (Fact::Known(machines), Fact::Known(azure)) = (&mut facts.hosted.machines, &mut facts.hosted.azure_machines)
    else {
        panic!("no machines")
    };
    machines[0].node = None;
    machines[0].phase = Some("Failed".into());
    azure[0].conditions = vec![condition("Ready", "False", "VMProvisionFailed")];
    azure[0].conditions[0].message = format!("RESPONSE 409: 409 Conflict ERROR CODE: {code}");
}
