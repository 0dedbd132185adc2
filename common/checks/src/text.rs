//! Values as texts: quoted for a shell, recognised by their shape, and conditions in their own words.

use std::borrow::Cow;

use facts::hosted::Condition;

/// A value as one word of a POSIX shell: bare where it is harmless, else in single quotes.
///
/// Facts may come from a bundle that somebody else wrote, so no value reaches a command unquoted.
pub(crate) fn quote(value: &str) -> Cow<'_, str> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,".contains(c);
    if !value.is_empty() && value.chars().all(harmless) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(format!("'{}'", value.replace('\'', r"'\''")))
    }
}

/// Whether a text has the shape of a UUID: five groups of hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids() {
        assert!(is_uuid("00000001-aaaa-BBBB-cccc-dddddddddddd"));
        for bad in ["", "00000001aaaabbbbccccdddddddddddd", "0000000g-aaaa-bbbb-cccc-dddddddddddd"] {
            assert!(!is_uuid(bad), "{bad}");
        }
    }

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
