//! The refusals of one judgement, collected so that all are said at once.

pub use crate::refusal::Refusal;

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

    /// The end of a judgement.
    ///
    /// # Errors
    /// All refusals, if there are any.
    pub fn end(self) -> Result<(), Vec<Refusal>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
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
    fn a_choice_is_exact() {
        let mut refusals = Refusals::default();
        refusals.choice("--x", "Public", &["Public", "Private"]);
        refusals.choice("--x", "", &["", "Public"]);
        assert!(refusals.0.is_empty());
        refusals.choice("--x", "public", &["", "Public", "Private"]);
        assert_eq!(refusals.0[0].fix, "give Public or Private");
    }
}
