//! Values as texts: quoted for a shell, and conditions in their own words.

use std::borrow::Cow;

use facts::hosted::Condition;

/// A value as one word of a POSIX shell: bare where it is harmless, else in single quotes.
///
/// Facts may come from a bundle that somebody else wrote, so no value reaches a command unquoted.
pub fn quote(value: &str) -> Cow<'_, str> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    if !value.is_empty() && value.chars().all(harmless) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(format!("'{}'", value.replace('\'', r"'\''")))
    }
}

/// What a condition says of itself: its reason and the first line of its message.
pub(crate) fn reason(condition: &Condition) -> String {
    let message = facts::redact::text(condition.message.trim());
    let first: String = message.lines().next().unwrap_or_default().chars().take(160).collect();
    match (condition.reason.as_str(), first.as_str()) {
        ("", "") => "no reason given".into(),
        (reason, "") => reason.into(),
        ("", first) => first.into(),
        (reason, first) => format!("{reason}, {first}"),
    }
}

/// The first names of a list and how many follow: `a, b and 3 more`.
pub(crate) fn first_of(names: &[String], most: usize) -> String {
    let (shown, rest) = names.split_at(names.len().min(most));
    match rest.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_words_stay_and_others_are_quoted() {
        for bare in ["system:serviceaccount:kube-system:capi-provider", "https://acct.blob.core.windows.net/acct"] {
            assert_eq!(quote(bare), bare);
        }
        for (value, want) in
            [("", "''"), ("a b", "'a b'"), ("$(reboot)", "'$(reboot)'"), ("it's", r"'it'\''s'"), ("a;b\n", "'a;b\n'")]
        {
            assert_eq!(quote(value), want);
        }
    }
}
