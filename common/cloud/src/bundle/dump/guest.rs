//! The hosted cluster's own objects in a dump.

use facts::guest::Guest;
use facts::{Fact, Gap, GapKind, Need};
use serde_json::Value;

use super::Dump;
use crate::bundle::layout::Collection;
use crate::kubernetes::objects;

impl Dump<'_> {
    /// ClusterOperators and nodes, where the dump was asked for those of the hosted cluster. Nothing else of it is dumped.
    pub(super) fn guest(&self) -> Guest {
        let mut guest = Guest::default();
        if self.wants(Need::Guest) {
            guest.cluster_operators =
                self.of_guest("config.openshift.io", "clusteroperators", "ClusterOperator", objects::cluster_operator);
            guest.nodes = self.of_guest("", "nodes", "Node", objects::node);
            guest.signing_requests = self.not_recorded("a dump holds no certificate signing requests");
            guest.credentials = self.not_recorded("a Kubernetes dump holds no Secrets");
            guest.unschedulable = self.not_recorded("a dump holds no pods of the hosted cluster");
            guest.dead_webhooks = self.not_recorded("a dump holds no webhooks of the hosted cluster");
        }
        guest
    }

    fn of_guest<T>(
        &self,
        group: &str,
        resource: &str,
        kind: &str,
        map: impl FnMut(&Value) -> Option<T>,
    ) -> Fact<Vec<T>> {
        let collection = Collection::new("", group, resource);
        let Some(tree) = self.tree.guest().filter(|tree| tree.covers(&collection)) else {
            return self.not_recorded(format!(
                "this dump holds no {resource} of the hosted cluster: hypershift dump cluster --dump-guest-cluster does"
            ));
        };
        match tree.objects(&collection, kind) {
            Ok(objects) => Fact::Known(objects.iter().map(|object| &object.value).filter_map(map).collect()),
            Err(error) => Fact::Unreadable(Gap::new(GapKind::Failed, error.to_string())),
        }
    }
}
