//! [`Refusal`]: why a wish makes no plan.

/// A wish that cannot be granted: the flag, its value, the reason and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The flag, with its dashes.
    pub flag: &'static str,
    /// What was given; empty when nothing was.
    pub value: String,
    /// What is wrong with it.
    pub why: String,
    /// What to do.
    pub fix: String,
}

impl Refusal {
    /// A refusal of a flag's value.
    pub fn new(flag: &'static str, value: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { flag, value: value.into(), why: why.into(), fix: fix.into() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: {}", self.flag, self.why)
        } else {
            write!(f, "{} {}: {}", self.flag, self.value, self.why)
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_flag_value_and_reason() {
        assert_eq!(Refusal::new("--name", "", "missing", "").to_string(), "--name: missing");
        assert_eq!(Refusal::new("--arch", "x86", "unknown", "").to_string(), "--arch x86: unknown");
    }
}
