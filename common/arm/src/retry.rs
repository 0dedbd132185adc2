//! When a request is repeated, and after how long.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::Method;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::time::{OffsetDateTime, parse_rfc7231};

/// How often a request is sent at most.
pub(crate) const MAX_TRIES: u32 = 4;

const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// How long to wait before a request that was answered with `status` is sent again; none when it is not.
///
/// `tries` counts those made so far. A POST is repeated only when the service says that it did nothing yet.
pub(crate) fn after_status(method: Method, status: u16, tries: u32, retry_after: Option<Duration>) -> Option<Duration> {
    if tries >= MAX_TRIES {
        return None;
    }
    match status {
        429 | 503 => Some(retry_after.map_or_else(|| backoff(tries), |wait| wait + jitter(Duration::from_millis(250)))),
        408 | 500 | 502 | 504 if method != Method::Post => Some(backoff(tries)),
        _ => None,
    }
}

/// How long to wait before a request that got no answer is sent again; none when it is not.
///
/// A refused connection, an untrusted certificate or an unknown name will not get better within seconds, and the
/// user is waiting to hear of it. A connection that broke is worth another try, unless a POST may have arrived.
pub(crate) fn after_error(method: Method, error: &azure_core::Error, tries: u32) -> Option<Duration> {
    let worth_it = match error.kind() {
        ErrorKind::Connection => was_cut(error),
        ErrorKind::Io => method != Method::Post,
        _ => false,
    };
    (worth_it && tries < MAX_TRIES).then(|| backoff(tries))
}

/// What the service asks to wait, from `x-ms-retry-after-ms`, `retry-after-ms` or `Retry-After` (seconds or a date).
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    const MILLIS: [HeaderName; 2] =
        [HeaderName::from_static("x-ms-retry-after-ms"), HeaderName::from_static("retry-after-ms")];
    const STANDARD: HeaderName = HeaderName::from_static("retry-after");
    let millis =
        MILLIS.iter().find_map(|name| headers.get_optional_str(name)?.trim().parse().ok()).map(Duration::from_millis);
    millis.or_else(|| {
        let value = headers.get_optional_str(&STANDARD)?.trim();
        value.parse().ok().map(Duration::from_secs).or_else(|| {
            let at = parse_rfc7231(value).ok()?;
            Some(Duration::try_from(at - OffsetDateTime::now_utc()).unwrap_or_default())
        })
    })
}

fn backoff(tries: u32) -> Duration {
    let full = FIRST_BACKOFF.saturating_mul(1 << tries.saturating_sub(1).min(8)).min(LONGEST_BACKOFF);
    full.mul_f64(0.75) + jitter(full.mul_f64(0.5))
}

/// A random part of `most`, so that callers who failed together do not come back together.
fn jitter(most: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    most.mul_f64((random % 1024) as f64 / 1024.0)
}

/// Whether the connection was cut while it was being made, rather than refused.
fn was_cut(error: &azure_core::Error) -> bool {
    use io::ErrorKind as Io;
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && matches!(io.kind(), Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof)
        {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use azure_core::error::Error;

    #[test]
    fn which_answers_are_asked_for_again() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(after_status(Method::Get, status, 1, None).is_some(), "{status}");
            assert!(after_status(Method::Get, status, MAX_TRIES, None).is_none(), "{status}");
        }
        for status in [200, 202, 301, 400, 401, 403, 404, 409, 412, 501] {
            assert!(after_status(Method::Get, status, 1, None).is_none(), "{status}");
        }
        assert!(after_status(Method::Post, 500, 1, None).is_none());
        assert!(after_status(Method::Post, 429, 1, None).is_some());
    }

    #[test]
    fn backoff_grows_within_bounds() {
        for (tries, low, high) in [(1, 375, 625), (2, 750, 1250), (3, 1500, 2500), (9, 6000, 10_000)] {
            let wait = backoff(tries);
            assert!(wait >= Duration::from_millis(low) && wait <= Duration::from_millis(high), "{tries}: {wait:?}");
        }
    }

    #[test]
    fn the_service_decides_how_long_to_wait() {
        let wait = after_status(Method::Get, 429, 1, Some(Duration::from_secs(6))).unwrap();
        assert!(wait >= Duration::from_secs(6) && wait < Duration::from_millis(6500), "{wait:?}");
        assert!(after_status(Method::Get, 429, 1, Some(Duration::ZERO)).unwrap() < Duration::from_millis(300));
    }

    #[test]
    fn retry_headers() {
        let read = |name: &'static str, value: &str| {
            let mut headers = Headers::new();
            headers.insert(name, value.to_owned());
            retry_after(&headers)
        };
        assert_eq!(read("retry-after", "17"), Some(Duration::from_secs(17)));
        assert_eq!(read("retry-after", "0"), Some(Duration::ZERO));
        assert_eq!(read("x-ms-retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "Fri, 01 Jan 2021 00:00:00 GMT"), Some(Duration::ZERO));
        assert!(read("retry-after", "Fri, 01 Jan 2100 00:00:00 GMT").unwrap() > Duration::from_secs(3600));
        assert_eq!(read("retry-after", "soon"), None);
        assert_eq!(read("retry-after", "-5"), None);
    }

    #[test]
    fn only_a_cut_connection_is_tried_again() {
        let connection = |kind| Error::with_error(ErrorKind::Connection, io::Error::from(kind), "connect");
        assert!(after_error(Method::Get, &connection(io::ErrorKind::ConnectionRefused), 1).is_none());
        assert!(after_error(Method::Get, &connection(io::ErrorKind::InvalidData), 1).is_none());
        assert!(after_error(Method::Get, &connection(io::ErrorKind::ConnectionReset), 1).is_some());
        let broken = Error::with_message(ErrorKind::Io, "broken body");
        assert!(after_error(Method::Get, &broken, 1).is_some());
        assert!(after_error(Method::Post, &broken, 1).is_none());
        assert!(after_error(Method::Get, &broken, MAX_TRIES).is_none());
    }
}
