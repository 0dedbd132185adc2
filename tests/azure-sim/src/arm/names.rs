//! What names each type accepts.
//!
//! Source: learn.microsoft.com, "Naming rules and restrictions for Azure resources".

use super::registry::Kind;
use crate::errors::{self, Refusal};

/// A rule for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// 1-80 word characters, dots and dashes; starts with an alphanumeric, ends with one or `_`.
    Network,
    /// 3-128 alphanumerics, dashes and underscores.
    Identity,
    /// 3-120 alphanumerics, dashes and underscores, starting with an alphanumeric.
    Federation,
    /// 3-24 lower-case letters and digits.
    Account,
    /// 3-63 lower-case letters, digits and single dashes.
    Container,
    /// Two or more labels, 1-63 characters each.
    Zone,
    /// A relative record set name.
    Record,
    /// 1-64 characters without the forbidden ones.
    Machine,
    /// 3-24 alphanumerics and dashes, starting with a letter.
    Vault,
    /// Anything not empty.
    Any,
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn within(name: &str, low: usize, high: usize) -> bool {
    (low..=high).contains(&name.len())
}

impl Rule {
    /// Whether `name` keeps the rule.
    pub fn allows(self, name: &str) -> bool {
        let starts = |fits: fn(&char) -> bool| name.chars().next().is_some_and(|c| fits(&c));
        let ends = |fits: fn(&char) -> bool| name.chars().last().is_some_and(|c| fits(&c));
        match self {
            Self::Network => {
                within(name, 1, 80)
                    && name.chars().all(|c| word(c) || c == '.' || c == '-')
                    && starts(|c| word(*c))
                    && ends(|c| word(*c))
            }
            Self::Identity => {
                within(name, 3, 128) && name.chars().all(|c| word(c) || c == '-') && starts(char::is_ascii_alphanumeric)
            }
            Self::Federation => {
                within(name, 3, 120) && name.chars().all(|c| word(c) || c == '-') && starts(char::is_ascii_alphanumeric)
            }
            Self::Account => within(name, 3, 24) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
            Self::Container => {
                within(name, 3, 63)
                    && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                    && !name.contains("--")
                    && starts(char::is_ascii_alphanumeric)
                    && ends(char::is_ascii_alphanumeric)
                    || matches!(name, "$web" | "$root" | "$logs")
            }
            Self::Zone => {
                name.len() <= 253
                    && name.contains('.')
                    && name.split('.').all(|label| within(label, 1, 63) && label.chars().all(|c| word(c) || c == '-'))
            }
            Self::Record => within(name, 1, 253) && !name.ends_with('.'),
            Self::Machine => {
                within(name, 1, 64)
                    && name.chars().all(|c| word(c) || c == '-' || c == '.')
                    && !name.ends_with(['-', '.'])
            }
            Self::Vault => {
                within(name, 3, 24)
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                    && starts(char::is_ascii_alphabetic)
                    && ends(char::is_ascii_alphanumeric)
                    && !name.contains("--")
            }
            Self::Any => !name.is_empty(),
        }
    }
}

/// Refuses a name in its provider's words.
pub(crate) fn check(kind: &Kind, name: &str) -> Result<(), Refusal> {
    if kind.name.allows(name) {
        return Ok(());
    }
    Err(match kind.name {
        Rule::Account => Refusal::new(
            400,
            "AccountNameInvalid",
            format!(
                "{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only."
            ),
        ),
        Rule::Container => {
            Refusal::new(400, "ContainerOperationFailure", "The specified resource name contains invalid characters.")
        }
        Rule::Network => errors::network(
            400,
            "InvalidResourceName",
            format!(
                "Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'."
            ),
        ),
        Rule::Zone => Refusal::new(
            400,
            "BadRequest",
            format!(
                "The domain name '{name}' is invalid. The provided domain name is too long or contains invalid characters or has fewer than two labels."
            ),
        ),
        Rule::Vault => Refusal::new(
            400,
            "VaultNameNotValid",
            format!(
                "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens."
            ),
        ),
        _ => Refusal::new(
            400,
            "InvalidResourceName",
            format!("The resource name '{name}' is invalid for type '{}'.", kind.full()),
        ),
    })
}

/// Whether a resource group may have this name.
pub(crate) fn group(name: &str) -> bool {
    within(name, 1, 90) && name.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c)) && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::{Rule, group};

    #[test]
    fn names_at_their_limits() {
        let long = |n: usize| "a".repeat(n);
        let cases = [
            (Rule::Network, long(80), true),
            (Rule::Network, long(81), false),
            (Rule::Network, "a-".into(), false),
            (Rule::Network, "a_".into(), true),
            (Rule::Network, "-a".into(), false),
            (Rule::Identity, "ab".into(), false),
            (Rule::Identity, long(128), true),
            (Rule::Identity, "a.b.c".into(), false),
            (Rule::Federation, long(120), true),
            (Rule::Federation, long(121), false),
            (Rule::Account, "Abc".into(), false),
            (Rule::Account, "abc1".into(), true),
            (Rule::Account, long(25), false),
            (Rule::Container, "a--b".into(), false),
            (Rule::Container, "$web".into(), true),
            (Rule::Zone, "local".into(), false),
            (Rule::Zone, "a.example.com".into(), true),
            (Rule::Zone, format!("{}.com", long(64)), false),
            (Rule::Vault, "1abc".into(), false),
        ];
        for (rule, name, fits) in cases {
            assert_eq!(rule.allows(&name), fits, "{rule:?} {name}");
        }
        assert!(group("a.b(c)") && !group("a.") && !group(""));
    }
}
