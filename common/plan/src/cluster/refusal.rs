//! [`Refusal`]: why a flag cannot be used.

use std::fmt;

/// A flag that cannot be used as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The flag, with its dashes.
    pub flag: &'static str,
    /// What was given; empty when nothing was.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
    /// One action.
    pub fix: String,
}

impl Refusal {
    /// A refusal of a flag.
    pub fn new(flag: &'static str, value: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { flag, value: value.into(), why: why.into(), fix: fix.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}", self.flag, self.why)
        } else {
            write!(f, "{} {}: {}", self.flag, self.value, self.why)
        }
    }
}

impl std::error::Error for Refusal {}

/// What a person can choose from, in words: `A, B or C`.
pub(super) fn one_of(values: &[&str]) -> String {
    match values {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// The refusals of one judgement.
#[derive(Debug, Default)]
pub(super) struct Refusals(pub Vec<Refusal>);

impl Refusals {
    /// Adds a refusal.
    pub fn add(
        &mut self,
        flag: &'static str,
        value: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.0.push(Refusal::new(flag, value, why, fix));
    }

    /// The value, or its refusal kept.
    pub fn take<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.0.push(refusal)).ok()
    }

    /// Refuses a value that is none of those allowed.
    pub fn choice(&mut self, flag: &'static str, value: &str, allowed: &[&str]) {
        if !allowed.contains(&value) {
            let allowed: Vec<&str> = allowed.iter().copied().filter(|value| !value.is_empty()).collect();
            self.add(
                flag,
                value,
                format!("it is one of {}, written exactly so", allowed.join(", ")),
                format!("give {}", one_of(&allowed)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_flag_value_and_reason() {
        assert_eq!(Refusal::new("--name", "", "missing", "").to_string(), "--name: missing");
        assert_eq!(Refusal::new("--arch", "x86", "unknown", "").to_string(), "--arch x86: unknown");
    }

    #[test]
    fn a_choice_is_exact() {
        let mut refusals = Refusals::default();
        refusals.choice("--x", "Public", &["Public", "Private"]);
        refusals.choice("--x", "", &["", "Public"]);
        assert!(refusals.0.is_empty());
        refusals.choice("--x", "public", &["", "Public", "Private"]);
        assert_eq!(refusals.0[0].fix, "give Public or Private");
    }
}
