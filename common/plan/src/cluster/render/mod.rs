//! The objects of a hosted cluster, in upstream's order and with upstream's names.

mod hosted_cluster;
mod secrets;

use serde_json::{Map, Value, json};

use super::inputs::Entropy;
use super::validate::Cluster;
use super::{machines, node_pool};
use crate::manifest::Manifest;
use crate::objects::Wanted;

/// The API group and version of HostedClusters and NodePools.
pub(super) const API_VERSION: &str = "hypershift.openshift.io/v1beta1";

/// The label that holds the infra id of the cluster that an object was created for. Source: openshift/hypershift cmd/util.
const CREATED_FOR: &str = "hypershift.openshift.io/auto-created-for-infra";

/// The name of the ConfigMap with certificates to trust.
const TRUST_BUNDLE: &str = "user-ca-bundle";

impl Cluster {
    /// The objects: Namespace, ConfigMap, Secrets, HostedCluster, NodePools. Members are in alphabetical order.
    pub fn render(&self, entropy: &Entropy) -> Vec<Value> {
        let mut objects = vec![json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.spec.namespace},
        })];
        if let Some(bundle) = &self.inputs.trust_bundle {
            objects.push(json!({
                "apiVersion": "v1",
                "data": {"ca-bundle.crt": bundle},
                "kind": "ConfigMap",
                "metadata": {"name": TRUST_BUNDLE, "namespace": self.spec.namespace},
            }));
        }
        objects.extend(self.secrets(entropy));
        objects.push(self.hosted_cluster());
        objects.extend(self.node_pools());
        objects.into_iter().map(sorted).collect()
    }

    /// The objects as they are created: as [`Cluster::render`] gives them, with the label by which upstream's tools know
    /// what to delete with the cluster. A Namespace may be shared and gets none.
    pub fn objects(&self, entropy: &Entropy) -> Vec<Wanted> {
        let random = |name: &str| {
            name == self.etcd_key_name()
                || name == self.ssh_key_name() && self.inputs.ssh_key.as_ref().is_some_and(|key| key.private.is_some())
        };
        let wanted = self.render(entropy).into_iter().map(|mut object| {
            let is_namespace = object["kind"] == "Namespace";
            if !is_namespace {
                object["metadata"]["labels"][CREATED_FOR] = json!(self.inputs.infra.infra_id);
            }
            let is_random = object["kind"] == "Secret" && object["metadata"]["name"].as_str().is_some_and(random);
            Wanted { manifest: Manifest::new(object), keep: is_namespace || is_random }
        });
        wanted.collect()
    }

    /// The infra id.
    pub fn infra_id(&self) -> &str {
        &self.inputs.infra.infra_id
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.inputs.infra.region
    }

    /// What was asked for and has no effect, or another one, a line each.
    pub fn notes(&self) -> Vec<String> {
        let (spec, infra) = (&self.spec, &self.inputs.infra);
        let mut notes = Vec::new();
        if let Some(domain) = spec.base_domain.as_deref().filter(|domain| *domain != infra.base_domain) {
            notes.push(format!("--base-domain {domain} is not used: the infra file says {}", infra.base_domain));
        }
        if let Some(id) = spec.infra_id.as_deref().filter(|id| *id != infra.infra_id) {
            notes.push(format!("--infra-id {id} is not used: the infra file says {}", infra.infra_id));
        }
        if spec.base_domain_prefix.is_some() {
            notes.push("--base-domain-prefix has no effect on Azure".to_owned());
        }
        if spec.default_dual {
            notes.push("--default-dual has no effect on Azure".to_owned());
        }
        if self.inputs.signing_key_rewritten {
            notes.push(format!(
                "the signing key of {} goes into its Secret as PKCS#1, all that HyperShift reads; it stays the same key",
                self.spec.sa_token_issuer_private_key_path.as_deref().unwrap_or_default()
            ));
        }
        if !spec.machines.availability_zone.is_empty() {
            notes.push(
                "--availability-zone has no effect here: --availability-zones makes a NodePool per zone".to_owned(),
            );
        }
        if spec.machines.nodepool_subnet_id.is_some() {
            notes.push(format!("--nodepool-subnet-id is not used: the infra file says {}", infra.subnet_id));
        }
        if spec.paused_until.as_deref() == Some("true") {
            notes.push("--pausedUntil true pauses the NodePools, not the HostedCluster; a time pauses both".to_owned());
        }
        if infra.workload_identities.is_some() && spec.oidc_issuer_url.is_none() {
            notes.push(
                "without --oidc-issuer-url the issuer is https://kubernetes.default.svc, which Entra cannot reach"
                    .to_owned(),
            );
        }
        notes
    }

    fn node_pools(&self) -> Vec<Value> {
        if self.spec.node_pool_replicas < 0 {
            return Vec::new();
        }
        let zones = &self.spec.availability_zones;
        if zones.is_empty() {
            return vec![self.node_pool(None)];
        }
        zones.iter().map(|zone| self.node_pool(Some(zone))).collect()
    }

    fn node_pool(&self, zone: Option<&str>) -> Value {
        let (spec, infra) = (&self.spec, &self.inputs.infra);
        let name = zone.map_or_else(|| spec.name.clone(), |zone| format!("{}-{zone}", spec.name));
        let boot_image = Some(infra.boot_image_id.as_str()).filter(|image| !image.is_empty());
        let mut object = node_pool::object(&node_pool::Parts {
            name: &name,
            namespace: &spec.namespace,
            cluster_name: &spec.name,
            replicas: spec.node_pool_replicas,
            release_image: spec.release_image.as_deref().unwrap_or_default(),
            upgrade_type: &spec.node_upgrade_type,
            arch: &spec.arch,
            auto_repair: spec.auto_repair,
            platform: machines::platform(&spec.machines, &spec.arch, zone, &infra.subnet_id, boot_image),
        });
        let members = &mut object["spec"];
        members["nodeDrainTimeout"] = json!(self.parsed.node_drain_timeout);
        members["nodeVolumeDetachTimeout"] = json!(self.parsed.node_volume_detach_timeout);
        if let Some(paused) = &spec.paused_until {
            members["pausedUntil"] = json!(paused);
        }
        object
    }
}

/// The same with members of objects in alphabetical order.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> =
                members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(Map::from_iter(members))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
