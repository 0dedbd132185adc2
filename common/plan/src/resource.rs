//! One resource of Azure: from what is wanted and what is there to a step.

use std::collections::{BTreeMap, BTreeSet};

use facts::ArmId;
use serde_json::Value;

use crate::change::Change;
use crate::compare::{lacks, merged, text, without_read_only};
use crate::{Step, Verb, tags};

/// The resources that exist, as Azure writes them, by id. What is not here was looked for and is not there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen(BTreeMap<String, Value>);

impl Seen {
    /// Adds a body under its id.
    pub fn insert(&mut self, id: &ArmId, body: Value) {
        self.0.insert(id.key(), body);
    }

    /// The body of a resource, if it exists.
    pub fn get(&self, id: &ArmId) -> Option<&Value> {
        self.0.get(&id.key())
    }
}

/// A resource that must be there.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub step: String,
    pub resource: String,
    pub id: ArmId,
    pub api_version: &'static str,
    /// What it must hold; our own tags are not part of it, so that what others made is not claimed.
    pub body: Value,
    pub tags: BTreeMap<String, String>,
    pub depends_on: BTreeSet<String>,
    pub reason: String,
}

impl Wanted {
    /// The step that makes it so.
    pub(crate) fn step(self, have: Option<&Value>) -> Step {
        let (verb, reason, body) = match have {
            None => {
                let mut body = self.body;
                tags::add(&mut body, &self.tags);
                (Verb::Create, self.reason, Some(body))
            }
            Some(have) => {
                let state = text(have, &["properties", "provisioningState"]).unwrap_or("Succeeded");
                let missing = lacks(&self.body, have);
                if !state.eq_ignore_ascii_case("Succeeded") {
                    let reason = format!("exists, its last operation is {}", state.to_ascii_lowercase());
                    (Verb::Change, reason, Some(without_read_only(merged(have, &self.body))))
                } else if missing.is_empty() {
                    (Verb::Keep, "exists as it should be".to_owned(), None)
                } else {
                    let reason = format!("exists, differs in {}", missing.join(", "));
                    (Verb::Change, reason, Some(without_read_only(merged(have, &self.body))))
                }
            }
        };
        Step {
            id: self.step,
            verb,
            resource: self.resource,
            reason,
            depends_on: self.depends_on,
            change: body.map(|body| Change::ArmPut { id: self.id, api_version: self.api_version, body }),
            serial: None,
        }
    }
}

/// A step that leaves something as it is.
pub(crate) fn kept(step: impl Into<String>, resource: impl Into<String>, reason: impl Into<String>) -> Step {
    Step {
        id: step.into(),
        verb: Verb::Keep,
        resource: resource.into(),
        reason: reason.into(),
        depends_on: BTreeSet::new(),
        change: None,
        serial: None,
    }
}

/// What is known of a file that a step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSeen {
    /// What stands in it.
    pub text: String,
    /// Its permission bits, where the system has such.
    pub mode: Option<u32>,
}

impl FileSeen {
    /// Why it must be written although it exists; none when it holds `text` and nobody else can read it.
    pub(crate) fn differs(&self, text: &str) -> Option<&'static str> {
        if self.text != text {
            Some("exists with another content")
        } else if self.mode.is_some_and(|mode| mode & 0o077 != 0) {
            Some("others can read it")
        } else {
            None
        }
    }
}
