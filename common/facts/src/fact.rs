//! [`Fact`]: a value with the honesty about how it was looked for.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One thing that was looked up.
///
/// The three states are not interchangeable: "absent" is data that checks judge, "unreadable" never is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "value", rename_all = "camelCase")]
pub enum Fact<T> {
    /// It was read.
    Known(T),
    /// It was looked for with success and is not there.
    Absent,
    /// It could not be read; nothing may be concluded from it.
    Unreadable(Gap),
}

/// Reads every fact by way of [`Value`]: what serde derives for a tagged enum reads each `T` in three ways, and that for
/// all facts, and the facts in facts, is a third of a program.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum State {
            Known,
            Absent,
            Unreadable,
        }
        #[derive(Deserialize)]
        struct Tagged {
            state: State,
            #[serde(default)]
            value: Value,
        }
        let Tagged { state, value } = Tagged::deserialize(deserializer)?;
        match state {
            State::Known => serde_json::from_value(value).map(Self::Known),
            State::Absent => Ok(Self::Absent),
            State::Unreadable => serde_json::from_value(value).map(Self::Unreadable),
        }
        .map_err(D::Error::custom)
    }
}

impl<T> Default for Fact<T> {
    /// Nothing was asked. Older bundles that lack a field read as this.
    fn default() -> Self {
        Self::Unreadable(Gap::not_asked())
    }
}

impl<T> Fact<T> {
    /// The value, or the gap that keeps a check from judging. `subject` names the thing if it is absent.
    ///
    /// # Errors
    /// The [`Gap`] of an unreadable fact; for an absent one a gap of kind [`GapKind::Blocked`].
    pub fn known(&self, subject: &str) -> Result<&T, Gap> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Absent => Err(Gap::new(GapKind::Blocked, format!("{subject} does not exist"))),
            Self::Unreadable(gap) => Err(gap.clone()),
        }
    }

    /// The value, `None` when it is known to be absent.
    ///
    /// # Errors
    /// The [`Gap`] of an unreadable fact.
    pub fn present(&self) -> Result<Option<&T>, Gap> {
        match self {
            Self::Known(value) => Ok(Some(value)),
            Self::Absent => Ok(None),
            Self::Unreadable(gap) => Err(gap.clone()),
        }
    }

    /// The value if it is known, without a reason otherwise; for display and for optional hints, not for judgement.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// The gap, if the fact could not be read.
    pub fn gap(&self) -> Option<&Gap> {
        match self {
            Self::Unreadable(gap) => Some(gap),
            Self::Known(_) | Self::Absent => None,
        }
    }

    /// Applies `f` to a known value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(f(value)),
            Self::Absent => Fact::Absent,
            Self::Unreadable(gap) => Fact::Unreadable(gap),
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Known)
    }
}

/// Why something could not be read, and what would let it be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The kind of obstacle.
    pub kind: GapKind,
    /// One sentence for the reader: what was refused or missing, with the service's code and request id.
    pub why: String,
    /// The missing permission: an ARM action (`Microsoft.Network/virtualNetworks/read`) or a Kubernetes verb and resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Where it is missing: an ARM scope or a namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// A command that would make or record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The kind of obstacle that made a fact unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GapKind {
    /// A permission is missing (403).
    Denied,
    /// The bundle does not hold it.
    NotRecorded,
    /// This run did not ask for it.
    NotAsked,
    /// The service could not be reached, or did not answer in time.
    Unreachable,
    /// Something it depends on could not be read or does not exist.
    Blocked,
    /// The service answered with another error, or with something that could not be understood.
    Failed,
}

impl Gap {
    /// A gap with a reason and nothing else.
    pub fn new(kind: GapKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into(), needs: None, scope: None, remedy: None }
    }

    /// The gap of a fact that nobody asked for.
    pub fn not_asked() -> Self {
        Self::new(GapKind::NotAsked, "not asked for in this run")
    }

    /// Names the missing permission and where it is missing.
    #[must_use]
    pub fn needing(mut self, action: impl Into<String>, scope: impl Into<String>) -> Self {
        self.needs = Some(action.into());
        self.scope = Some(scope.into());
        self
    }

    /// Names the command that would make or record it.
    #[must_use]
    pub fn with_remedy(mut self, command: impl Into<String>) -> Self {
        self.remedy = Some(command.into());
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_missing_field_reads_as_unreadable_and_never_as_absent() {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default)]
            fact: Fact<u32>,
        }
        let holder: Holder = serde_json::from_str("{}").unwrap();
        assert_eq!(holder.fact.gap().unwrap().kind, GapKind::NotAsked);
    }

    #[test]
    fn the_three_states_survive_a_round_trip() {
        let facts = vec![
            Fact::Known(7),
            Fact::Absent,
            Fact::Unreadable(Gap::new(GapKind::Denied, "403").needing("a/read", "/s").with_remedy("az role …")),
        ];
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Fact<i32>>>(&text).unwrap(), facts);
    }

    #[test]
    fn an_absent_fact_blocks_what_needs_its_value() {
        let gap = Fact::<u32>::Absent.known("resource group x").unwrap_err();
        assert_eq!((gap.kind, gap.why.as_str()), (GapKind::Blocked, "resource group x does not exist"));
        assert_eq!(Fact::<u32>::Absent.present().unwrap(), None);
    }
}
