//! What callers may watch: one event per HTTP exchange.

use std::time::Duration;

use url::Url;

/// Is told about every HTTP exchange with Azure Resource Manager, for verbose output and for tests.
///
/// Called from the task that made the call, right after the exchange; it must not block.
pub trait Observer: Send + Sync {
    /// One request went out and was answered, or failed on the way.
    fn exchange(&self, exchange: &Exchange);
}

/// One HTTP exchange. Holds no token, no body and no signed query value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The HTTP method.
    pub method: String,
    /// Path and query. Query values other than those of ARM's own parameters are replaced by `REDACTED`, because
    /// the addresses of running operations are signed.
    pub path: String,
    /// The HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// From sending the request to the end of the answer's body.
    pub duration: Duration,
    /// `x-ms-request-id` of the answer.
    pub request_id: Option<String>,
    /// 1 for the first try of a call, 2 for its first repetition, and so on.
    pub attempt: u32,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// Query parameters whose values say what is asked for and are no secret. `$skiptoken` is the place in a list.
const SHOWN: [&str; 8] = ["api-version", "$filter", "$expand", "$select", "$top", "$skip", "$skiptoken", "monitor"];

/// Path and query of an address as it may be shown.
pub(crate) fn shown_path(url: &Url) -> String {
    let mut shown = url.path().to_owned();
    for (index, (key, value)) in url.query_pairs().enumerate() {
        let value = if SHOWN.iter().any(|name| name.eq_ignore_ascii_case(&key)) { &*value } else { "REDACTED" };
        shown.push(if index == 0 { '?' } else { '&' });
        shown.push_str(&format!("{key}={value}"));
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signed_values_are_not_shown() {
        let url =
            Url::parse("https://arm.example/subscriptions/s1/op/1?api-version=2024-01-01&t=63&c=CERT&s=SIGNATURE&h=x")
                .unwrap();
        assert_eq!(
            shown_path(&url),
            "/subscriptions/s1/op/1?api-version=2024-01-01&t=REDACTED&c=REDACTED&s=REDACTED&h=REDACTED"
        );
        let url = Url::parse("https://arm.example/x?$filter=atScope()&$skiptoken=abc").unwrap();
        assert_eq!(shown_path(&url), "/x?$filter=atScope()&$skiptoken=abc");
    }
}
