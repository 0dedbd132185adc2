//! Pacing of requests within the limits of Azure Resource Manager.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The kinds of request that Azure Resource Manager counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Read,
    Write,
    Delete,
}

impl Class {
    /// The bucket's size and its refill per second, for one subscription and one principal.
    ///
    /// Source: <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>.
    fn limits(self) -> (f64, f64) {
        match self {
            Self::Read => (250.0, 25.0),
            Self::Write | Self::Delete => (200.0, 10.0),
        }
    }

    /// The header that tells what is left in the bucket.
    pub(crate) fn remaining_header(self) -> &'static str {
        match self {
            Self::Read => "x-ms-ratelimit-remaining-subscription-reads",
            Self::Write => "x-ms-ratelimit-remaining-subscription-writes",
            Self::Delete => "x-ms-ratelimit-remaining-subscription-deletes",
        }
    }
}

/// Token buckets by subscription and class.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    buckets: Mutex<HashMap<(String, Class), Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    /// Below zero when requests already wait for their turn.
    tokens: f64,
    counted_at: Instant,
    closed_until: Option<Instant>,
}

impl Pacer {
    /// Waits until one more request of this class fits into the subscription's bucket.
    ///
    /// # Errors
    /// The time to wait, when the service has closed the bucket for longer than `patience`.
    pub(crate) async fn admit(&self, subscription: &str, class: Class, patience: Duration) -> Result<(), Duration> {
        if let Some(turn) = self.take(subscription, class, Instant::now(), patience)? {
            tracing::debug!(subscription, ?class, "request slowed to stay within the limits of Azure Resource Manager");
            tokio::time::sleep_until(turn).await;
        }
        Ok(())
    }

    /// Takes over what the service says is left, when that is less than what we believe.
    pub(crate) fn remaining(&self, subscription: &str, class: Class, left: u32) {
        self.with(subscription, class, Instant::now(), |bucket| bucket.tokens = bucket.tokens.min(f64::from(left)));
    }

    /// Holds back the subscription's requests of this class: the service throttles it as a whole.
    pub(crate) fn close(&self, subscription: &str, class: Class, wait: Duration) {
        let now = Instant::now();
        self.with(subscription, class, now, |bucket| {
            let until = now + wait;
            bucket.closed_until = Some(bucket.closed_until.map_or(until, |old| old.max(until)));
        });
    }

    fn take(
        &self,
        subscription: &str,
        class: Class,
        now: Instant,
        patience: Duration,
    ) -> Result<Option<Instant>, Duration> {
        let (_, rate) = class.limits();
        self.with(subscription, class, now, |bucket| {
            let opened = bucket.closed_until.filter(|until| *until > now);
            if let Some(wait) = opened.map(|until| until - now).filter(|wait| *wait > patience) {
                return Err(wait);
            }
            bucket.tokens -= 1.0;
            let refilled = (bucket.tokens < 0.0).then(|| now + Duration::from_secs_f64(-bucket.tokens / rate));
            Ok(refilled.max(opened))
        })
    }

    fn with<T>(&self, subscription: &str, class: Class, now: Instant, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let (size, rate) = class.limits();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry((subscription.to_ascii_lowercase(), class)).or_insert(Bucket {
            tokens: size,
            counted_at: now,
            closed_until: None,
        });
        let refill = now.saturating_duration_since(bucket.counted_at).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + refill).min(size);
        bucket.counted_at = now;
        act(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn time_for(pacer: &Pacer, subscription: &str, class: Class, requests: usize) -> Duration {
        let start = Instant::now();
        for _ in 0..requests {
            pacer.admit(subscription, class, Duration::from_secs(60)).await.expect("admitted");
        }
        start.elapsed()
    }

    fn near(got: Duration, wanted: f64) {
        assert!((got.as_secs_f64() - wanted).abs() < 0.15, "{got:?}, wanted about {wanted} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_the_rest_follows_the_refill() {
        let pacer = Pacer::default();
        assert_eq!(time_for(&pacer, "s1", Class::Read, 250).await, Duration::ZERO);
        near(time_for(&pacer, "s1", Class::Read, 50).await, 2.0);
        assert_eq!(time_for(&pacer, "s1", Class::Write, 200).await, Duration::ZERO);
        near(time_for(&pacer, "s1", Class::Write, 10).await, 1.0);
        near(time_for(&pacer, "s1", Class::Delete, 210).await, 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn subscriptions_do_not_share_and_case_does_not_matter() {
        let pacer = Pacer::default();
        time_for(&pacer, "S1", Class::Read, 250).await;
        assert_eq!(time_for(&pacer, "s2", Class::Read, 250).await, Duration::ZERO);
        near(time_for(&pacer, "s1", Class::Read, 25).await, 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_service_says_is_left_counts() {
        let pacer = Pacer::default();
        pacer.remaining("s1", Class::Read, 11_999);
        assert_eq!(time_for(&pacer, "s1", Class::Read, 10).await, Duration::ZERO);
        pacer.remaining("s1", Class::Read, 5);
        near(time_for(&pacer, "s1", Class::Read, 30).await, 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_bucket_holds_everybody_back() {
        let pacer = Pacer::default();
        pacer.close("s1", Class::Read, Duration::from_secs(7));
        pacer.close("s1", Class::Read, Duration::from_secs(3));
        let impatient = pacer.admit("s1", Class::Read, Duration::from_secs(6)).await;
        assert_eq!(impatient, Err(Duration::from_secs(7)));
        near(time_for(&pacer, "s1", Class::Read, 3).await, 7.0);
        assert_eq!(time_for(&pacer, "s1", Class::Write, 3).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_bucket_fills_up_again_but_not_beyond_its_size() {
        let pacer = Pacer::default();
        time_for(&pacer, "s1", Class::Read, 250).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(time_for(&pacer, "s1", Class::Read, 250).await, Duration::ZERO);
        near(time_for(&pacer, "s1", Class::Read, 25).await, 1.0);
    }
}
