//! Tokens traded at Entra.

use std::collections::BTreeMap;

use facts::azure::Permission;
use facts::exchange::Attempt;
use facts::{ArmId, Fact, Need};

use super::{Gap, Read, View};

impl<'a> View<'a> {
    /// The tokens that were presented at Entra.
    pub fn attempts(&self) -> Read<'a, Vec<Attempt>> {
        self.read(Need::TokenExchange).exchange.attempts.known("the token exchange")
    }

    /// What an identity may do at a scope, by its key in the catalogue; none when it was given no token.
    pub fn permissions_of(&self, component: &str, scope: &ArmId) -> Result<Option<&'a [Permission]>, Gap> {
        let all: &BTreeMap<String, BTreeMap<String, Fact<Vec<Permission>>>> =
            &self.read(Need::EffectivePermissions).exchange.permissions;
        match all.get(component).and_then(|by_scope| by_scope.get(&scope.key())) {
            Some(fact) => Ok(fact.present()?.map(Vec::as_slice)),
            None => Ok(None),
        }
    }
}
