//! Live collection: every fact by its own calls, all at once, each with its own outcome.

mod access;
mod fleet;
mod hosted;
mod logs;
mod management;
mod names;
mod plane;
mod private_link;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use facts::hosted::{Hosted, HostedCluster};
use facts::management::Management;
use facts::oidc::{KeyProblem, PublicKey};
use facts::{Fact, Gap, GapKind, Need, Target};
use serde_json::Value;

use super::call::CallEvent;
use super::connection::Connection;
use super::error::KubeError;

/// The namespace of the HyperShift operator, be it installed by hand or by the multicluster engine.
const OPERATOR_NAMESPACE: &str = "hypershift";

/// What one collection brought.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// The management cluster.
    pub management: Management,
    /// The hosted cluster.
    pub hosted: Hosted,
    /// The public half of the service account signing key.
    pub signing_key: Fact<PublicKey>,
    /// Why the Secret of that key is none that HyperShift can use, where it is none.
    pub signing_key_problem: Option<KeyProblem>,
    /// The requests that were made, in the order in which they ended.
    pub calls: Vec<CallEvent>,
}

/// What is known of the HostedCluster before the collection.
#[derive(Debug, Clone, Copy)]
enum KnownCluster<'a> {
    /// It was not read yet.
    Unasked,
    /// It was read.
    Read(&'a HostedCluster),
    /// It was asked for, and is absent or unreadable.
    Unreadable,
}

impl Connection {
    /// Collects what `needs` names about `target`; everything else stays "not asked".
    ///
    /// It never fails as a whole: what could not be read is [`Fact::Unreadable`] with the reason, and the missing
    /// permission where there is one.
    pub async fn collect(&self, target: &Target, needs: &BTreeSet<Need>) -> Collected {
        Box::pin(self.collect_with(target, KnownCluster::Unasked, needs)).await
    }

    /// Collects like [`Connection::collect`] when the HostedCluster was read before: it is not read again, and its fact
    /// stays "not asked". Without one, what it would lead to is blocked.
    pub async fn collect_about(
        &self,
        target: &Target,
        cluster: Option<&HostedCluster>,
        needs: &BTreeSet<Need>,
    ) -> Collected {
        let cluster = cluster.map_or(KnownCluster::Unreadable, KnownCluster::Read);
        Box::pin(self.collect_with(target, cluster, needs)).await
    }

    async fn collect_with(&self, target: &Target, cluster: KnownCluster<'_>, needs: &BTreeSet<Need>) -> Collected {
        let (management, (hosted, (signing_key, signing_key_problem))) =
            futures::join!(Box::pin(self.management(target, needs)), Box::pin(self.hosted(target, cluster, needs)));
        Collected { management, hosted, signing_key, signing_key_problem, calls: self.take_calls() }
    }
}

/// Runs a look-up if it was asked for.
async fn asked<T>(asked: bool, look: impl Future<Output = Fact<T>>) -> Fact<T> {
    if asked { look.await } else { Fact::default() }
}

/// The outcome of a GET. A 404 that names the resource means that the object is absent; a bare one, that nothing serves it.
fn got<T>(outcome: Result<T, KubeError>, resource: &str, namespace: Option<&str>) -> Fact<T> {
    match outcome {
        Ok(value) => Fact::Known(value),
        Err(KubeError::NotFound { resource: Some(_), .. }) => Fact::Absent,
        Err(KubeError::NotFound { .. }) => Fact::Unreadable(not_served(resource)),
        Err(error) => Fact::Unreadable(error.gap("get", resource, namespace)),
    }
}

/// The outcome of a list. A list of nothing is a list, so that a 404 always means that nothing serves it.
fn listed<T>(
    outcome: Result<Vec<Value>, KubeError>,
    resource: &str,
    namespace: Option<&str>,
    map: impl FnMut(&Value) -> Option<T>,
) -> Fact<Vec<T>> {
    match outcome {
        Ok(objects) => Fact::Known(objects.iter().filter_map(map).collect()),
        Err(KubeError::NotFound { .. }) => Fact::Unreadable(not_served(resource)),
        Err(error) => Fact::Unreadable(error.gap("list", resource, namespace)),
    }
}

fn sort<T, K: Ord>(fact: &mut Fact<Vec<T>>, key: impl FnMut(&T) -> K) {
    if let Fact::Known(items) = fact {
        items.sort_by_cached_key(key);
    }
}

fn not_served(resource: &str) -> Gap {
    Gap::new(GapKind::Blocked, format!("the management cluster does not serve {resource}"))
}
