//! `create nodepool`: machines for an existing hosted cluster.

use clap::Args;
use cloud::kubernetes::{Connection, LookupError};
use facts::Target;
use plan::cluster::{HostedClusterView, NodePoolSpec, validate_node_pool};
use ui::Failure;

use super::machines::MachineArgs;
use super::{given, name_of, namespace, refused};
use crate::Ended;
use crate::cmd::{block_on, printed, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create nodepool gpu --cluster-name prod --nodepool-subnet-id ID --render
  kubectl hcp-azure create nodepool azure --name np1 --cluster-name prod --nodepool-subnet-id ID --arch arm64 --render";

/// Render a NodePool for an existing hosted cluster
///
/// Reads the HostedCluster for its release and architecture, refuses what the API server would refuse, and prints the
/// NodePool as YAML.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true, mut_args(super::switch))]
pub(crate) struct NodepoolArgs {
    /// The word `azure`, which may be left out, and the name
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the NodePool
    #[arg(long)]
    name: Option<String>,
    /// Name of the HostedCluster
    #[arg(long, value_name = "NAME", default_value = "example")]
    cluster_name: String,
    /// Number of nodes
    #[arg(long, visible_alias = "node-count", value_name = "N", default_value_t = 2, allow_negative_numbers = true)]
    replicas: i32,
    /// Release image [default: that of the HostedCluster]
    #[arg(long, value_name = "IMAGE")]
    release_image: Option<String>,
    /// How nodes are upgraded: Replace or InPlace
    #[arg(long, value_name = "TYPE", default_value = "Replace")]
    node_upgrade_type: String,
    /// Processor architecture: amd64 or arm64
    #[arg(long, default_value = "amd64")]
    arch: String,
    /// Replace unhealthy nodes
    #[arg(long)]
    auto_repair: bool,
    /// Print the object instead of creating it
    #[arg(long)]
    render: bool,
    #[command(flatten)]
    machines: MachineArgs,
}

pub(crate) fn run(globals: &Globals, args: NodepoolArgs) -> Ended {
    let render = args.render;
    let spec = NodePoolSpec {
        name: name_of(args.name, &args.words)?,
        namespace: namespace(globals),
        cluster_name: args.cluster_name,
        replicas: args.replicas,
        release_image: given(args.release_image),
        node_upgrade_type: args.node_upgrade_type,
        arch: args.arch,
        auto_repair: args.auto_repair,
        machines: args.machines.spec(),
    };
    spec.check().map_err(|refusals| refused::failure(&refusals))?;
    if !render {
        return Err(Failure::usage("a NodePool can only be rendered yet")
            .why("creating it is not built in")
            .hint("add `--render` and pipe the result to `oc apply -f -`"));
    }
    let cluster = block_on(look_up(globals, &spec))?;
    let node_pool = validate_node_pool(&spec, &cluster).map_err(|refusals| refused::failure(&refusals))?;
    let text = ui::manifests(&[node_pool.render()])
        .map_err(|error| Failure::usage("cannot write the object").why(error.to_string()))?;
    Ok(printed(&text))
}

async fn look_up(globals: &Globals, spec: &NodePoolSpec) -> Result<HostedClusterView, Failure> {
    let target = Target { namespace: spec.namespace.clone(), name: spec.cluster_name.clone() };
    let connection = Connection::open(&globals.kube_options()).await.map_err(source::refused)?;
    let connection = connection.with_observer(source::observer(globals.calls()));
    let cluster = connection.find_hosted_cluster(&target).await.map_err(|error| match error {
        LookupError::Kubernetes(error) => source::refused(error),
        LookupError::Object(error) => Failure::usage(format!("--cluster-name {} is refused", target.name))
            .why(error.to_string())
            .hint("name a HostedCluster on Azure; `oc get hostedclusters -A` lists all"),
    })?;
    let Some(cluster) = cluster else {
        return Err(Failure::usage(format!("there is no HostedCluster {target}"))
            .why(format!("--cluster-name is {} and --namespace is {}", target.name, target.namespace))
            .hint("`oc get hostedclusters -A` lists them"));
    };
    Ok(HostedClusterView {
        version: cluster.version.effective().map(str::to_owned),
        release_image: cluster.release_image,
        payload_arch: cluster.payload_arch,
    })
}
