//! A NodePool of an existing hosted cluster.

use std::collections::BTreeMap;

use facts::version::{MAX_SKEW, Skew, Version, skew};
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
    /// The subnet of its own machines.
    pub subnet_id: Option<String>,
    /// The version of each release image that it ran, for images whose name does not say.
    pub releases: BTreeMap<String, String>,
    /// Until when it is paused.
    pub paused_until: Option<String>,
    /// Whether it is being deleted.
    pub is_deleted: bool,
}

/// A NodePool that was judged and can be made. Only [`validate_node_pool`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePool {
    spec: NodePoolSpec,
    release_image: String,
    notes: Vec<String>,
}

impl NodePoolSpec {
    /// Judges the flags alone, before anything is looked up.
    ///
    /// # Errors
    /// Every flag that cannot be used.
    pub fn check(&self) -> Result<(), Vec<Refusal>> {
        let mut refusals = Refusals::default();
        flags(self, &mut refusals);
        refusals.end()
    }

    /// The same for a NodePool that is rendered. It names its subnet, as upstream's does: what is rendered follows from the
    /// command line, but for the release.
    ///
    /// # Errors
    /// Every flag that cannot be used.
    pub fn check_for_rendering(&self) -> Result<(), Vec<Refusal>> {
        let mut refusals = Refusals::default();
        flags(self, &mut refusals);
        subnet(self, &mut refusals);
        refusals.end()
    }
}

/// Judges the flags against the HostedCluster.
///
/// # Errors
/// Every flag that cannot be used.
pub fn validate_node_pool(spec: &NodePoolSpec, cluster: &HostedClusterView) -> Result<NodePool, Vec<Refusal>> {
    let mut spec = spec.clone();
    let machines = &mut spec.machines;
    machines.nodepool_subnet_id = machines.nodepool_subnet_id.take().or_else(|| cluster.subnet_id.clone());
    let (mut refusals, mut notes) = (Refusals::default(), Vec::new());
    flags(&spec, &mut refusals);
    subnet(&spec, &mut refusals);
    if cluster.is_deleted {
        refusals.add(
            "--cluster-name",
            &spec.cluster_name,
            format!("HostedCluster {}/{} is being deleted", spec.namespace, spec.cluster_name),
            "name another one; `oc get hostedclusters -A` lists them",
        );
    }
    payload(&spec, cluster, &mut refusals);
    version(&spec, cluster, &mut refusals, &mut notes);
    if let Some(until) = &cluster.paused_until {
        let name = &spec.cluster_name;
        notes.push(format!("HostedCluster {name} is paused (pausedUntil {until}): no machine is made before its end"));
    }
    refusals.end()?;
    let release_image = spec.release_image.clone().unwrap_or_else(|| cluster.release_image.clone());
    Ok(NodePool { spec, release_image, notes })
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
    if let Some(id) = spec.machines.nodepool_subnet_id.as_deref() {
        machines::check_subnet("--nodepool-subnet-id", id, id, refusals);
    }
}

fn subnet(spec: &NodePoolSpec, refusals: &mut Refusals) {
    if spec.machines.nodepool_subnet_id.is_none() {
        refusals.add(
            "--nodepool-subnet-id",
            "",
            "a NodePool without a subnet is refused by the API server",
            format!(
                "`oc get hostedcluster {} -n {} -o jsonpath={{.spec.platform.azure.subnetID}}` prints that of the cluster, which is taken without --render",
                spec.cluster_name, spec.namespace
            ),
        );
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

/// What cannot be known here is left to the operator to judge, and said.
fn version(spec: &NodePoolSpec, cluster: &HostedClusterView, refusals: &mut Refusals, notes: &mut Vec<String>) {
    let name = &spec.cluster_name;
    let image = spec.release_image.as_deref().unwrap_or(&cluster.release_image);
    let is_own = image == cluster.release_image;
    let version_of = |image: &str| {
        let known = cluster.releases.get(image).and_then(|version| Version::parse(version));
        known.or_else(|| Version::of_image(image))
    };
    let running = cluster.version.as_deref().and_then(Version::parse).or_else(|| version_of(&cluster.release_image));
    let (Some(running), Some(wanted)) = (running, version_of(image)) else {
        if !is_own {
            notes.push(format!(
                "whether release {image} fits HostedCluster {name} could not be judged: its name does not say the \
                 version; the operator judges it (condition SupportedVersionSkew)"
            ));
        }
        return;
    };
    let why = match skew(&running, &wanted) {
        Skew::Supported { .. } => return,
        Skew::Newer if is_own => {
            notes.push(format!(
                "HostedCluster {name} runs {running} and is being upgraded to {wanted}, which this NodePool gets: its \
                 condition SupportedVersionSkew is False until that is done"
            ));
            return;
        }
        Skew::Newer => format!("{wanted} is newer than {running} of HostedCluster {name}"),
        Skew::TooOld { behind } => {
            format!("{wanted} is {behind} minors behind {running} of HostedCluster {name}; {MAX_SKEW} are allowed")
        }
    };
    refusals.add("--release-image", image, why, "leave it out for the HostedCluster's release");
}

impl NodePool {
    /// What to know of it that is no reason to refuse it, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

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
        HostedClusterView { release_image: "quay.io/ocp/release:4.21.0-multi".into(), ..HostedClusterView::default() }
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
        let flags = |refused: Result<(), Vec<Refusal>>| -> Vec<&str> {
            refused.unwrap_err().iter().map(|refusal| refusal.flag).collect()
        };
        assert_eq!(flags(bare.check()), ["--name"]);
        assert_eq!(flags(bare.check_for_rendering()), ["--name", "--nodepool-subnet-id"]);
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

    #[test]
    fn the_subnet_comes_from_the_cluster_unless_given() {
        let own = SUBNET.replace("default", "own");
        let cluster = HostedClusterView { subnet_id: Some(own.clone()), ..cluster() };
        let subnet = |spec: &NodePoolSpec| {
            validate_node_pool(spec, &cluster).unwrap().render()["spec"]["platform"]["azure"]["subnetID"].clone()
        };
        assert_eq!(subnet(&spec()), SUBNET);
        let mut spec = spec();
        spec.machines.nodepool_subnet_id = None;
        assert_eq!(subnet(&spec), own);
        assert_eq!(flags_of(&spec, &self::cluster()), ["--nodepool-subnet-id"]);
    }

    #[test]
    fn a_release_without_a_version_in_its_name() {
        let (old, new) = ("q.io/r@sha256:01", "q.io/r@sha256:02");
        let mut cluster = HostedClusterView {
            release_image: old.into(),
            version: Some("4.21.0".into()),
            releases: [(old.to_owned(), "4.21.0".to_owned())].into(),
            ..HostedClusterView::default()
        };
        let notes = |spec: &NodePoolSpec, cluster: &HostedClusterView| -> Vec<String> {
            validate_node_pool(spec, cluster).unwrap().notes().to_vec()
        };
        let mut spec = spec();
        assert_eq!(notes(&spec, &cluster), Vec::<String>::new());
        spec.release_image = Some(new.into());
        assert!(notes(&spec, &cluster)[0].contains("could not be judged"));
        cluster.releases.insert(new.into(), "4.16.9".into());
        assert_eq!(flags_of(&spec, &cluster), ["--release-image"]);
        // The cluster is on its way to the release that it asks for.
        cluster.releases.insert(new.into(), "4.22.0".into());
        assert_eq!(flags_of(&spec, &cluster), ["--release-image"]);
        cluster.release_image = new.into();
        assert!(notes(&spec, &cluster)[0].contains("is being upgraded to 4.22.0"));
    }

    #[test]
    fn a_cluster_that_goes_or_rests() {
        let going = HostedClusterView { is_deleted: true, ..cluster() };
        assert_eq!(flags_of(&spec(), &going), ["--cluster-name"]);
        let resting = HostedClusterView { paused_until: Some("true".into()), ..cluster() };
        assert!(validate_node_pool(&spec(), &resting).unwrap().notes()[0].contains("is paused"));
    }
}
