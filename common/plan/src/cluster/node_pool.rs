//! A NodePool of an existing hosted cluster.

use facts::version::{Skew, Version, skew};
use serde_json::{Value, json};

use super::machines;
use super::names;
use super::refusal::{Refusal, Refusals};
use super::render::{API_VERSION, sorted};
use super::spec::NodePoolSpec;
use super::validate::release_problem;

/// What a new NodePool needs to know of its HostedCluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostedClusterView {
    /// The release image.
    pub release_image: String,
    /// The version that runs, once it is known.
    pub version: Option<String>,
    /// The architecture of the release's payload, once it is known: `AMD64`, `ARM64`, `Multi` and so on.
    pub payload_arch: Option<String>,
}

/// A NodePool that was judged and can be made. Only [`validate_node_pool`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePool {
    spec: NodePoolSpec,
    release_image: String,
}

impl NodePoolSpec {
    /// Judges the flags alone, before anything is looked up.
    ///
    /// # Errors
    /// Every flag that cannot be used.
    pub fn check(&self) -> Result<(), Vec<Refusal>> {
        let mut refusals = Refusals::default();
        flags(self, &mut refusals);
        if refusals.0.is_empty() { Ok(()) } else { Err(refusals.0) }
    }
}

/// Judges the flags against the HostedCluster.
///
/// # Errors
/// Every flag that cannot be used.
pub fn validate_node_pool(spec: &NodePoolSpec, cluster: &HostedClusterView) -> Result<NodePool, Vec<Refusal>> {
    let mut refusals = Refusals::default();
    flags(spec, &mut refusals);
    payload(spec, cluster, &mut refusals);
    version(spec, cluster, &mut refusals);
    if !refusals.0.is_empty() {
        return Err(refusals.0);
    }
    Ok(NodePool {
        spec: spec.clone(),
        release_image: spec.release_image.clone().unwrap_or_else(|| cluster.release_image.clone()),
    })
}

fn flags(spec: &NodePoolSpec, refusals: &mut Refusals) {
    if spec.name.is_empty() {
        refusals.add("--name", "", "a NodePool needs a name", "give `--name NAME`");
    } else if !names::is_subdomain(&spec.name) {
        refusals.add(
            "--name",
            &spec.name,
            "only lower case letters, digits, dashes and dots are allowed in it, and a letter or digit at both ends",
            "choose a name such as `prod-gpu`",
        );
    }
    for (flag, name) in [("--cluster-name", &spec.cluster_name), ("--namespace", &spec.namespace)] {
        if let Some(problem) = names::label_problem(name) {
            refusals.add(flag, name, problem, "`oc get hostedclusters -A` lists clusters and namespaces");
        }
    }
    if spec.replicas < 0 {
        refusals.add(
            "--replicas",
            spec.replicas.to_string(),
            "a NodePool has no negative number of nodes",
            "give 0 or more",
        );
    }
    if let Some(image) = spec.release_image.as_deref()
        && let Some(problem) = release_problem(image)
    {
        refusals.add("--release-image", image, problem, "leave it out for the HostedCluster's");
    }
    refusals.choice("--node-upgrade-type", &spec.node_upgrade_type, &["", "Replace", "InPlace"]);
    machines::check(&spec.machines, &spec.arch, refusals);
    match spec.machines.nodepool_subnet_id.as_deref() {
        Some(id) => machines::check_subnet("--nodepool-subnet-id", id, id, refusals),
        None => refusals.add(
            "--nodepool-subnet-id",
            "",
            "a NodePool without a subnet is refused by the API server",
            format!(
                "`oc get hostedcluster {} -n {} -o jsonpath={{.spec.platform.azure.subnetID}}` prints that of the cluster",
                spec.cluster_name, spec.namespace
            ),
        ),
    }
}

fn payload(spec: &NodePoolSpec, cluster: &HostedClusterView, refusals: &mut Refusals) {
    if let Some(payload) = cluster.payload_arch.as_deref()
        && !payload.is_empty()
        && payload != "Multi"
        && !payload.eq_ignore_ascii_case(&spec.arch)
    {
        refusals.add(
            "--arch",
            &spec.arch,
            format!("the release of HostedCluster {} is for {payload} alone", spec.cluster_name),
            "give the architecture of the release, or upgrade the cluster to a multi-architecture release first",
        );
    }
}

/// A version that is not in the image's tag is left to the operator to judge.
fn version(spec: &NodePoolSpec, cluster: &HostedClusterView, refusals: &mut Refusals) {
    let Some(image) = spec.release_image.as_deref() else {
        return;
    };
    let known = cluster.version.as_deref().and_then(Version::parse);
    let (Some(cluster_version), Some(wanted)) =
        (known.or_else(|| Version::of_image(&cluster.release_image)), Version::of_image(image))
    else {
        return;
    };
    let why = match skew(&cluster_version, &wanted) {
        Skew::Supported { .. } => return,
        Skew::Newer => format!("{wanted} is newer than {cluster_version} of HostedCluster {}", spec.cluster_name),
        Skew::TooOld { behind } => format!(
            "{wanted} is {behind} minors behind {cluster_version} of HostedCluster {}; 3 are allowed",
            spec.cluster_name
        ),
    };
    refusals.add("--release-image", image, why, "leave it out for the HostedCluster's release");
}

impl NodePool {
    /// The object. Members are in alphabetical order.
    pub fn render(&self) -> Value {
        let spec = &self.spec;
        let zone = Some(spec.machines.availability_zone.as_str()).filter(|zone| !zone.is_empty());
        let subnet = spec.machines.nodepool_subnet_id.as_deref().unwrap_or_default();
        sorted(object(&Parts {
            name: &spec.name,
            namespace: &spec.namespace,
            cluster_name: &spec.cluster_name,
            replicas: spec.replicas,
            release_image: &self.release_image,
            upgrade_type: &spec.node_upgrade_type,
            arch: &spec.arch,
            auto_repair: spec.auto_repair,
            platform: machines::platform(&spec.machines, &spec.arch, zone, subnet, None),
        }))
    }
}

/// What NodePools of every origin have.
pub(super) struct Parts<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub cluster_name: &'a str,
    pub replicas: i32,
    pub release_image: &'a str,
    /// Empty for `Replace`.
    pub upgrade_type: &'a str,
    pub arch: &'a str,
    pub auto_repair: bool,
    pub platform: Value,
}

pub(super) fn object(parts: &Parts<'_>) -> Value {
    let upgrade_type = if parts.upgrade_type.is_empty() { "Replace" } else { parts.upgrade_type };
    json!({
        "apiVersion": API_VERSION,
        "kind": "NodePool",
        "metadata": {"name": parts.name, "namespace": parts.namespace},
        "spec": {
            "arch": parts.arch,
            "clusterName": parts.cluster_name,
            "management": {"autoRepair": parts.auto_repair, "upgradeType": upgrade_type},
            "platform": parts.platform,
            "release": {"image": parts.release_image},
            "replicas": parts.replicas,
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SUBNET: &str = "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/subnets/default";

    fn spec() -> NodePoolSpec {
        let mut spec = NodePoolSpec { name: "np1".into(), cluster_name: "demo".into(), ..NodePoolSpec::default() };
        spec.machines.nodepool_subnet_id = Some(SUBNET.into());
        spec
    }

    fn cluster() -> HostedClusterView {
        HostedClusterView {
            release_image: "quay.io/ocp/release:4.21.0-multi".into(),
            version: None,
            payload_arch: None,
        }
    }

    fn flags_of(spec: &NodePoolSpec, cluster: &HostedClusterView) -> Vec<&'static str> {
        validate_node_pool(spec, cluster)
            .map(|_| Vec::new())
            .unwrap_or_else(|refusals| refusals.iter().map(|refusal| refusal.flag).collect())
    }

    #[test]
    fn the_release_comes_from_the_cluster_unless_given() {
        let object = validate_node_pool(&spec(), &cluster()).unwrap().render();
        assert_eq!(object["spec"]["release"]["image"], "quay.io/ocp/release:4.21.0-multi");
        assert_eq!(object["spec"]["platform"]["azure"]["vmSize"], "Standard_D4s_v5");
        assert_eq!(object["spec"]["management"]["upgradeType"], "Replace");
        assert_eq!(object["spec"].get("nodeDrainTimeout"), None);
    }

    #[test]
    fn what_is_missing_or_no_name() {
        let bare = NodePoolSpec::default();
        let flags: Vec<&str> = bare.check().unwrap_err().iter().map(|refusal| refusal.flag).collect();
        assert_eq!(flags, ["--name", "--nodepool-subnet-id"]);
        let mut odd = spec();
        odd.name = "Np_1".into();
        odd.replicas = -1;
        odd.cluster_name = String::new();
        assert_eq!(flags_of(&odd, &cluster()), ["--name", "--cluster-name", "--replicas"]);
    }

    #[test]
    fn versions_and_architectures_that_do_not_fit() {
        for (image, version, want) in [
            ("q.io/r:4.20.1-multi", None, &[][..]),
            ("q.io/r:4.22.0-multi", None, &["--release-image"]),
            ("q.io/r:4.22.0-multi", Some("4.22.3"), &[]),
            ("q.io/r:4.16.0", None, &["--release-image"]),
            ("q.io/r@sha256:0", None, &[]),
            ("q", None, &["--release-image"]),
        ] {
            let mut spec = spec();
            spec.release_image = Some(image.into());
            let mut cluster = cluster();
            cluster.version = version.map(Into::into);
            assert_eq!(flags_of(&spec, &cluster), want, "{image}");
        }
        for (arch, payload, want) in
            [("arm64", "Multi", &[][..]), ("arm64", "AMD64", &["--arch"]), ("amd64", "AMD64", &[]), ("arm64", "", &[])]
        {
            let mut spec = spec();
            spec.arch = arch.into();
            let mut cluster = cluster();
            cluster.payload_arch = Some(payload.into());
            assert_eq!(flags_of(&spec, &cluster), want, "{arch} {payload}");
        }
    }
}
