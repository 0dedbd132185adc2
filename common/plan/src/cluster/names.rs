//! Names as Kubernetes and DNS allow them.

/// The longest label of a DNS name, and so the longest name of a Namespace.
pub(super) const LABEL: usize = 63;

/// The longest DNS name, and so the longest name of most objects.
pub(super) const DOMAIN: usize = 253;

/// Why a text is no DNS label (RFC 1123): lower case letters, digits and dashes, a letter or digit at both ends.
pub(super) fn label_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > LABEL {
        return Some("it is longer than 63 characters");
    }
    if text.contains('.') {
        return Some("a dot is not allowed in it");
    }
    let edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let fits = bytes.iter().all(|&byte| edge(byte) || byte == b'-') && edge(bytes[0]) && edge(bytes[bytes.len() - 1]);
    (!fits).then_some("only lower case letters, digits and dashes are allowed in it, and no dash at either end")
}

/// Whether a text is an infra id as a HostedCluster takes it: like a DNS label, and longer if need be.
pub(super) fn is_infra_id(text: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= DOMAIN
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
}

/// Whether a text is a DNS name in lower case (RFC 1123 subdomain).
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= DOMAIN && text.split('.').all(|label| label_problem(label).is_none())
}

/// Whether the CRDs take a text as the hostname of a service: labels and, behind the last dot, letters alone.
pub(super) fn is_hostname(text: &str) -> bool {
    let Some((labels, top)) = text.rsplit_once('.') else {
        return false;
    };
    text.len() <= DOMAIN
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && labels.split('.').all(is_loose_label)
}

/// Whether the CRDs take a text as a domain: a hostname or a single label.
pub(super) fn is_domain(text: &str) -> bool {
    is_hostname(text) || (text.len() <= DOMAIN && is_loose_label(text))
}

/// The first label of a DNS name that no resolver takes, being longer than 63 characters.
pub(super) fn long_label(text: &str) -> Option<&str> {
    text.split('.').find(|label| label.len() > LABEL)
}

fn is_loose_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Why a text is no key of labels or annotations: `[prefix/]name`.
pub(super) fn key_problem(key: &str) -> Option<&'static str> {
    let name = match key.split_once('/') {
        Some((prefix, _)) if !is_subdomain(&prefix.to_ascii_lowercase()) => {
            return Some("what stands before the slash of its key is no DNS name");
        }
        Some((_, name)) => name,
        None => key,
    };
    if name.is_empty() {
        return Some("its key is empty");
    }
    (!is_qualified(name)).then_some(
        "its key has more than 63 characters, or others than letters, digits, '-', '_' and '.', or begins or ends with one of those three",
    )
}

/// Whether a text is a value of a label.
pub(super) fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_qualified(value)
}

fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= LABEL
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for good in ["a", "demo", "0a-b9", &"a".repeat(63)] {
            assert_eq!(label_problem(good), None, "{good}");
        }
        for bad in ["", "Demo", "a.b", "-a", "a-", "a_b", "ä", &"a".repeat(64)] {
            assert!(label_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn domains_and_hostnames() {
        assert!(is_hostname("api-demo.ext.example.net") && is_hostname("Api.example.COM"));
        for bad in ["", "demo", "a.b.", "a..bc", "a.b1", "a.b", "a_b.example.com", "1.2.3.4"] {
            assert!(!is_hostname(bad), "{bad}");
        }
        assert!(is_domain("demo") && is_domain("a.example") && !is_domain("") && !is_domain("a.b."));
        assert!(is_subdomain("api.example.com") && !is_subdomain("Api.x") && !is_subdomain("a_b"));
        let long = "a".repeat(64);
        assert_eq!(long_label(&format!("a.{long}.b")), Some(long.as_str()));
    }

    #[test]
    fn keys_and_values() {
        for good in ["team", "hypershift.openshift.io/x", "a.b-c_d", "A/B"] {
            assert_eq!(key_problem(good), None, "{good}");
        }
        for bad in ["", "/x", "x/", "a b", "-a", "a/b/c", "x_y/z", &"a".repeat(64)] {
            assert!(key_problem(bad).is_some(), "{bad}");
        }
        assert!(is_label_value("") && is_label_value("v1.2_x-y") && !is_label_value("a b") && !is_label_value("-x"));
    }
}
