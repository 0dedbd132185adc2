//! Injected faults: which requests fail, how, and how often.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;

/// One rule of a fault file. The first rule that matches a request and has hits left decides.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fault {
    /// HTTP method, several joined with `|`; absent or `*` means any.
    pub method: Option<String>,
    /// Path pattern without the query, compared without case: a glob whose `*` also spans slashes,
    /// or a regular expression when it begins with `^`. Absent means any path.
    pub path: Option<String>,
    /// Status of the answer (for `respond`) or of a failed operation's result.
    pub status: Option<u16>,
    /// Error code in the body.
    pub code: Option<String>,
    /// Error message in the body.
    pub message: Option<String>,
    /// Whole body to send instead of the error envelope.
    pub body: Option<Value>,
    /// Further headers of the answer.
    pub headers: BTreeMap<String, String>,
    /// Seconds for the `Retry-After` header.
    pub retry_after: Option<u64>,
    /// How many matching requests are hit; absent means all.
    pub times: Option<u64>,
    /// How many matching requests pass before the first hit.
    pub after: u64,
    /// Milliseconds: between two pieces of a `slow` body, default 50.
    pub delay_ms: Option<u64>,
    /// What happens to the request.
    pub action: Action,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Answers with the rule's status and error; nothing is done.
    #[default]
    Respond,
    /// Breaks the connection (HTTP/2: the stream) before anything is done.
    Reset,
    /// Does the request and sends the answer's body in small pieces.
    Slow,
    /// Never answers.
    Hang,
    /// Accepts the request; its long-running operation ends `Failed`.
    LroFailed,
    /// Accepts the request; its long-running operation ends `Canceled`.
    LroCanceled,
    /// Does the request, then breaks the connection instead of answering.
    CommitThenReset,
}

/// Rules with their counters.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    path: Option<Regex>,
    seen: u64,
    hits: u64,
}

impl Faults {
    /// Compiles the rules' patterns.
    ///
    /// # Errors
    /// `Error::Fault` names the first pattern that is no regular expression.
    pub fn new(faults: Vec<Fault>) -> Result<Self, Error> {
        let rules = faults
            .into_iter()
            .map(|fault| {
                let path = fault.path.as_deref().map(pattern).transpose().map_err(|e| Error::Fault(e.to_string()))?;
                Ok(Rule { fault, path, seen: 0, hits: 0 })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { rules })
    }

    /// The fault for this request, counting it.
    pub fn hit(&mut self, method: &str, path: &str) -> Option<Fault> {
        for rule in &mut self.rules {
            let method_fits =
                rule.fault.method.as_deref().is_none_or(|wanted| {
                    wanted == "*" || wanted.split('|').any(|one| one.eq_ignore_ascii_case(method))
                });
            if !method_fits || !rule.path.as_ref().is_none_or(|regex| regex.is_match(path)) {
                continue;
            }
            rule.seen += 1;
            if rule.seen <= rule.fault.after || rule.fault.times.is_some_and(|times| rule.hits >= times) {
                continue;
            }
            rule.hits += 1;
            return Some(rule.fault.clone());
        }
        None
    }
}

fn pattern(text: &str) -> Result<Regex, regex::Error> {
    if text.starts_with('^') {
        return Regex::new(&format!("(?i){text}"));
    }
    let body: Vec<String> = text.split('*').map(regex::escape).collect();
    Regex::new(&format!("(?i)^{}$", body.join(".*")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fault(method: &str, path: &str) -> Fault {
        Fault { method: Some(method.into()), path: Some(path.into()), ..Fault::default() }
    }

    #[test]
    fn counts_after_and_times() {
        let rule = Fault { after: 1, times: Some(2), ..fault("PUT|DELETE", "*/virtualNetworks/*") };
        let mut faults = Faults::new(vec![rule]).unwrap();
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualnetworks/v";
        let hits: Vec<bool> = (0..4).map(|_| faults.hit("put", path).is_some()).collect();
        assert_eq!(hits, [false, true, true, false]);
        assert!(faults.hit("GET", path).is_none());
    }

    #[test]
    fn a_caret_makes_a_regular_expression() {
        let mut faults = Faults::new(vec![fault("*", "^/subscriptions/[^/]+$")]).unwrap();
        assert!(faults.hit("GET", "/subscriptions/a").is_some());
        assert!(faults.hit("GET", "/subscriptions/a/resourceGroups").is_none());
        assert!(Faults::new(vec![fault("GET", "^(")]).is_err());
    }

    #[test]
    fn unknown_keys_of_a_fault_file_are_refused() {
        assert!(serde_json::from_str::<Vec<Fault>>(r#"[{"paht": "/x"}]"#).is_err());
    }
}
