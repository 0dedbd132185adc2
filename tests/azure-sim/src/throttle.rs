//! Token buckets with ARM's sizes and refill rates per subscription and principal.
//!
//! Source: learn.microsoft.com, "Understand how Azure Resource Manager throttles requests".

use std::{collections::HashMap, time::Instant};

/// The three kinds of requests that ARM counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Reads,
    Writes,
    Deletes,
}

impl Kind {
    /// The kind of a request by its method.
    pub fn of(method: &str) -> Self {
        match method {
            "GET" | "HEAD" => Self::Reads,
            "DELETE" => Self::Deletes,
            _ => Self::Writes,
        }
    }

    /// Its word in header names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Deletes => "deletes",
        }
    }

    /// Bucket size and refill per second.
    fn limits(self) -> (f64, f64) {
        match self {
            Self::Reads => (250.0, 25.0),
            Self::Writes | Self::Deletes => (200.0, 10.0),
        }
    }
}

/// All buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    levels: HashMap<(String, String, Kind), (f64, Instant)>,
}

impl Buckets {
    /// Takes one token. Ok gives what remains, Err the seconds until the next token.
    pub fn take(&mut self, subscription: &str, principal: &str, kind: Kind, now: Instant) -> Result<u64, u64> {
        let (size, rate) = kind.limits();
        let key = (subscription.to_lowercase(), principal.to_owned(), kind);
        let (level, since) = self.levels.entry(key).or_insert((size, now));
        *level = (*level + now.saturating_duration_since(*since).as_secs_f64() * rate).min(size);
        *since = now;
        if *level < 1.0 {
            return Err(((1.0 - *level) / rate).ceil().max(1.0) as u64);
        }
        *level -= 1.0;
        Ok(*level as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_refills_at_the_published_rate() {
        let mut buckets = Buckets::default();
        let start = Instant::now();
        for left in (0..200).rev() {
            assert_eq!(buckets.take("s", "p", Kind::Writes, start), Ok(left));
        }
        assert_eq!(buckets.take("s", "p", Kind::Writes, start), Err(1));
        assert_eq!(buckets.take("s", "p", Kind::Reads, start), Ok(249));
        assert_eq!(buckets.take("s", "other", Kind::Writes, start), Ok(199));
        let later = start + Duration::from_secs(1);
        assert_eq!(buckets.take("s", "p", Kind::Writes, later), Ok(9));
    }
}
