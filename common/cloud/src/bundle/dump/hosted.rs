//! The hosted cluster in a dump.

use std::collections::BTreeMap;

use facts::hosted::{Event, Hosted, HostedCluster, LogLine, Pod, Workload};
use facts::{Fact, Gap, GapKind, Need};
use jiff::Timestamp;
use serde_json::json;

use super::{Dump, HYPERSHIFT, OPERATOR_NAMESPACE};
use crate::bundle::layout::{Collection, Place};
use crate::bundle::tree::FileError;
use crate::kubernetes::logs::{self, Origin, Scan};
use crate::kubernetes::objects;

/// Pod, its workload, and container.
type Container = (String, Option<String>, String);

impl Dump<'_> {
    pub(super) fn hosted(&self, cluster: HostedCluster, reference: Timestamp) -> Hosted {
        let control_plane = self.target.control_plane_namespace();
        let of_control_plane = |group: &str, resource: &str| Collection::new(&control_plane, group, resource);
        let mut hosted = Hosted { cluster: Fact::Known(cluster), ..Hosted::default() };
        if self.wants(Need::NodePools) {
            let pools = Collection::new(&self.target.namespace, HYPERSHIFT, "nodepools");
            hosted.node_pools = self.listed(&pools, "NodePool", |object| {
                objects::belongs_to(object, &self.target).then(|| objects::node_pool(object)).flatten()
            });
        }
        if self.wants(Need::Machines) {
            let machines = of_control_plane("cluster.x-k8s.io", "machines");
            hosted.machines = self.listed(&machines, "Machine", objects::machine);
            let azure_machines = of_control_plane("infrastructure.cluster.x-k8s.io", "azuremachines");
            hosted.azure_machines = self.listed(&azure_machines, "AzureMachine", objects::azure_machine);
        }
        if self.wants(Need::Components) {
            let components = of_control_plane(HYPERSHIFT, "controlplanecomponents");
            hosted.components = self.listed(&components, "ControlPlaneComponent", objects::component);
            hosted.workloads = self.workloads(&control_plane);
        }
        if self.wants(Need::Components) || self.wants(Need::Pods) {
            hosted.warnings = self.warnings(&control_plane);
        }
        if self.wants(Need::Pods) || self.wants(Need::Logs) {
            let pods = self.listed(&of_control_plane("", "pods"), "Pod", objects::pod);
            if self.wants(Need::Logs) {
                hosted.logs = self.logs(&control_plane, &pods, reference);
            }
            if self.wants(Need::Pods) {
                hosted.pods = pods;
            }
        }
        hosted
    }

    fn workloads(&self, namespace: &str) -> Fact<Vec<Workload>> {
        let list = |resource: &str, kind: &str| {
            let collection = Collection::new(namespace, "apps", resource);
            self.listed(&collection, kind, |object| objects::workload(object, kind))
        };
        match (list("deployments", "Deployment"), list("statefulsets", "StatefulSet")) {
            (Fact::Known(mut deployments), Fact::Known(stateful_sets)) => {
                deployments.extend(stateful_sets);
                Fact::Known(deployments)
            }
            // A dump has no folder for a resource of which there is nothing.
            (Fact::Known(found), Fact::Unreadable(gap)) | (Fact::Unreadable(gap), Fact::Known(found))
                if gap.kind == GapKind::NotRecorded =>
            {
                Fact::Known(found)
            }
            (Fact::Known(_), other) | (other, _) => other,
        }
    }

    /// Warnings of the control plane namespace and, where the dump has them, those about the HostedCluster.
    fn warnings(&self, control_plane: &str) -> Fact<Vec<Event>> {
        let list = |namespace: &str| {
            let of_group = |group| self.listed(&Collection::new(namespace, group, "events"), "Event", objects::warning);
            match of_group("") {
                Fact::Unreadable(gap) if gap.kind == GapKind::NotRecorded => match of_group("events.k8s.io") {
                    Fact::Known(events) => Fact::Known(events),
                    _ => Fact::Unreadable(gap),
                },
                events => events,
            }
        };
        let Fact::Known(mut events) = list(control_plane) else {
            return list(control_plane);
        };
        let about = format!("HostedCluster/{}", self.target.name);
        if let Fact::Known(above) = list(&self.target.namespace) {
            events.extend(above.into_iter().filter(|event| event.about == about));
        }
        events.sort_by(|a, b| (a.last_seen, &a.about, &a.reason).cmp(&(b.last_seen, &b.about, &b.reason)));
        Fact::Known(events)
    }

    fn logs(&self, control_plane: &str, pods: &Fact<Vec<Pod>>, reference: Timestamp) -> Fact<Vec<LogLine>> {
        if self.tree.log_places(control_plane).next().is_none() {
            return self.not_recorded(format!("this dump holds no pod logs of namespace {control_plane}"));
        }
        let own = self.read_logs(control_plane, pods.get().map_or(&[][..], Vec::as_slice), reference);
        let operator_pods = self.listed(&Collection::new(OPERATOR_NAMESPACE, "", "pods"), "Pod", objects::pod);
        let operator_pods = operator_pods.get().map_or(&[][..], Vec::as_slice);
        match own {
            Ok(mut lines) => {
                // Evidence beyond the control plane; its absence shows nothing about the hosted cluster.
                lines.extend(self.read_logs(OPERATOR_NAMESPACE, operator_pods, reference).unwrap_or_default());
                Fact::Known(lines)
            }
            Err(error) => Fact::Unreadable(Gap::new(GapKind::Failed, error.to_string())),
        }
    }

    fn read_logs(&self, namespace: &str, pods: &[Pod], reference: Timestamp) -> Result<Vec<LogLine>, FileError> {
        // Previous runs first, so that the newest of equal messages is kept.
        let mut of_container: BTreeMap<Container, [Option<&str>; 2]> = BTreeMap::new();
        for (path, place) in self.tree.log_places(namespace) {
            let Some((container, previous)) = container_of(place, pods) else {
                continue;
            };
            of_container.entry(container).or_default()[usize::from(!previous)] = Some(path);
        }
        let mut lines = Vec::new();
        for ((pod, app, container), paths) in of_container {
            let mut scan = Scan::default();
            for path in paths.into_iter().flatten() {
                scan.absorb(self.tree.log(path)?);
            }
            let origin = Origin { pod: &pod, app: app.as_deref(), container: &container };
            lines.extend(scan.lines(origin, reference));
        }
        Ok(lines)
    }
}

/// The container of a log, if it is one that speaks to Azure, and whether the log is of its previous run.
fn container_of(place: &Place, pods: &[Pod]) -> Option<(Container, bool)> {
    let (pod, container, previous) = match place {
        Place::NestedLog { pod, container, previous, .. } => (pod.as_str(), container.as_str(), *previous),
        // Both names hold dashes: only the pods tell where one ends.
        Place::JoinedLog { stem, previous, .. } => pods.iter().find_map(|pod| {
            let container = stem.strip_prefix(pod.name.as_str())?.strip_prefix('-')?;
            let known = pod.containers.iter().any(|known| known.name == container);
            known.then_some((pod.name.as_str(), container, *previous))
        })?,
        _ => return None,
    };
    let known = pods.iter().find(|known| known.name == pod);
    let app = match known {
        Some(pod) => pod.app.clone(),
        None => objects::pod(&json!({"metadata": {"name": pod}})).and_then(|pod| pod.app),
    };
    let init = known.is_some_and(|pod| pod.containers.iter().any(|c| c.name == container && c.init && !c.sidecar));
    logs::is_of_interest(app.as_deref(), container, init)
        .then(|| ((pod.to_owned(), app, container.to_owned()), previous))
}
