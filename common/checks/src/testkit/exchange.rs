//! Tokens traded at Entra.

use facts::azure::Permission;
use facts::catalogue::COMPONENTS;
use facts::exchange::{Attempt, Outcome};
use facts::{Fact, Facts};

use super::{ISSUER, client_id, minutes_ago};

/// Adds the healthy values to facts whose HostedCluster is there already.
pub(super) fn add(facts: &mut Facts) {
    let Some(cluster) = facts.hosted.cluster.get() else { return };
    let Some(named) = cluster.workload_identities() else { return };
    let mut attempts = Vec::new();
    for component in COMPONENTS.iter().filter(|component| named.contains_key(component.key)) {
        for credential in component.credentials {
            attempts.push(Attempt {
                component: component.key.into(),
                client_id: client_id(component.key),
                subject: credential.subject(),
                issuer: ISSUER.into(),
                kid: "kid-1".into(),
                at: minutes_ago(0),
                tries: 1,
                outcome: Outcome::Exchanged,
            });
        }
        let everything = Permission { actions: vec!["*".into()], ..Permission::default() };
        let scopes = component.role.iter().flat_map(|role| role.scopes).filter_map(|scope| cluster.scope(*scope));
        let by_scope = scopes.map(|scope| (scope.key(), Fact::Known(vec![everything.clone()]))).collect();
        facts.exchange.permissions.insert(component.key.into(), by_scope);
    }
    facts.exchange.attempts = Fact::Known(attempts);
}

/// The attempts of test facts, to be changed.
pub(crate) fn attempts(facts: &mut Facts) -> &mut Vec<Attempt> {
    match &mut facts.exchange.attempts {
        Fact::Known(attempts) => attempts,
        other => panic!("no attempts: {other:?}"),
    }
}
