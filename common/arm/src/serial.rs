//! One after another, by key.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::Arm;

/// Locks by key, kept only while somebody holds or awaits them.
#[derive(Debug, Default)]
pub(crate) struct Serial {
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Serial {
    fn lock(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(key.to_ascii_lowercase()).or_default())
    }
}

impl Arm {
    /// Runs `work` when all earlier work under the same key is over; work under other keys runs meanwhile.
    ///
    /// Azure refuses concurrent writes of federated credentials to one identity
    /// (409 `ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity`): use the identity's id as key.
    /// Keys are compared without regard to case. The order is that of the calls' first polls. Work that is dropped
    /// gives up its place. Work must not ask for the key that it runs under.
    pub async fn serialised<F: Future>(&self, key: &str, work: F) -> F::Output {
        let lock = self.serial.lock(key);
        let _turn = lock.lock().await;
        work.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_without_users_are_dropped() {
        let serial = Serial::default();
        let held = serial.lock("A");
        assert!(Arc::ptr_eq(&held, &serial.lock("a")));
        drop(serial.lock("b"));
        drop(serial.lock("c"));
        let kept: Vec<String> = serial.locks.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        assert!(kept.contains(&"a".to_owned()) && !kept.contains(&"b".to_owned()), "{kept:?}");
    }
}
