//! The clocks of the services.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// The clocks of the services, each read against the clock of the machine that ran the collection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Clocks {
    /// Entra's.
    pub entra: Fact<Reading>,
    /// The management cluster's API server's.
    pub management: Fact<Reading>,
}

/// One look at a service's clock: the `Date` header of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// The service, as `login.microsoftonline.com`.
    pub service: String,
    /// What its answer says, in whole seconds.
    pub says: Timestamp,
    /// The local time when the request left.
    pub asked_at: Timestamp,
    /// Milliseconds from the request to the head of the answer.
    pub round_trip_ms: i64,
}

impl Reading {
    /// How far the service's clock is ahead of the local one, in milliseconds; negative when it is behind.
    ///
    /// The answer is taken to have been dated half a round trip after the request left, and in the middle of its second.
    pub fn ahead_ms(&self) -> i64 {
        self.says.as_millisecond() + 500 - (self.asked_at.as_millisecond() + self.round_trip_ms / 2)
    }

    /// By how much [`Reading::ahead_ms`] may be wrong: half a round trip, and half of the second that a date is cut to.
    pub fn uncertainty_ms(&self) -> i64 {
        self.round_trip_ms / 2 + 500
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn half_of_the_round_trip_is_taken_off() {
        let reading = Reading {
            service: "s".into(),
            says: "2026-11-20T12:01:05Z".parse().unwrap(),
            asked_at: "2026-11-20T12:00:00.500Z".parse().unwrap(),
            round_trip_ms: 10_000,
        };
        assert_eq!(reading.ahead_ms(), 60_000);
        assert_eq!(reading.uncertainty_ms(), 5_500);
    }
}
