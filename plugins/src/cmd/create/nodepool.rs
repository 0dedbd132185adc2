//! `create nodepool`: machines for an existing hosted cluster.

use clap::Args;
use cloud::apply::{Hands, Stop};
use cloud::kubernetes::{Connection, KubeError, LookupError};
use facts::Target;
use plan::cluster::{HostedClusterView, NodePool, NodePoolSpec, validate_node_pool};
use plan::manifest::Manifest;
use plan::node_pool::{self, Found};
use ui::Failure;

use super::machines::MachineArgs;
use super::run::{self, Job, PlanArgs, SaveArgs};
use super::{given, name_of, namespace, refused};
use crate::Ended;
use crate::cmd::{block_on, block_on_until, printed, source};
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure create nodepool gpu --cluster-name dev --replicas 1 \\
    --instance-type Standard_NC24ads_A100_v4
  kubectl hcp-azure create nodepool azure --name arm --cluster-name dev \\
    --arch arm64 --replicas 2 --dry-run
  kubectl hcp-azure create nodepool np1 --cluster-name dev --render \\
    --release-image quay.io/openshift-release-dev/ocp-release:4.22.3-multi \\
    --nodepool-subnet-id \"$SUBNET_ID\"";

/// Create a NodePool of an existing hosted cluster
///
/// Subnet and release are those of the HostedCluster unless given. Architecture and release are judged against it, and the
/// API server is asked in a dry run, before anything is changed. A NodePool that exists is kept if it is what is asked for,
/// and refused if not: this verb changes none. With --render the NodePool is printed as YAML instead.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, args_override_self = true, mut_args(super::switch))]
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
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(crate) fn run(globals: &Globals, args: NodepoolArgs, program: &'static str) -> Ended {
    let (render, plan_args) = (args.render, args.save.onto(&args.plan));
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
    let checked = if render { spec.check_for_rendering() } else { spec.check() };
    checked.map_err(|refusals| refused::failure(&refusals))?;
    if render {
        return rendered(globals, &spec);
    }
    run::consent(globals, &plan_args)?;
    let stop = Stop::default();
    block_on_until(&stop, async {
        let connection = open(globals).await?;
        let facts = async {
            let node_pool = judged(&connection, &spec).await?;
            let found = look(&connection, &node_pool).await?;
            Ok::<_, Failure>((node_pool, found))
        };
        let (node_pool, found) = run::unless_stopped(&stop, facts).await?;
        let step = node_pool::plan(&node_pool, &found).map_err(|refusal| refused::failure(&[refusal]))?;
        let plan = run::plan_of(vec![step])?;
        let NodePoolSpec { name, namespace, cluster_name, .. } = &spec;
        let context = connection.context_name().map(|name| format!(", context {name}")).unwrap_or_default();
        let job = Job {
            globals,
            args: &plan_args,
            plan: &plan,
            notes: node_pool.notes(),
            title: format!("NodePool {namespace}/{name} of HostedCluster {cluster_name}"),
            by: format!("on management cluster {}{context}", connection.server().trim_end_matches('/')),
            hands: Hands { kubernetes: Some(&connection), ..Hands::default() },
            stop: &stop,
            name_to_type: None,
            next: format!(
                "next: `oc get nodepool {name} -n {namespace} -w` shows its machines come; `{program} doctor {cluster_name} -n {namespace}` tells why if they do not"
            ),
        };
        run::go(&job).await
    })
}

fn rendered(globals: &Globals, spec: &NodePoolSpec) -> Ended {
    let node_pool = block_on(async { judged(&open(globals).await?, spec).await })?;
    let text = ui::manifests(&[node_pool.render()])
        .map_err(|error| Failure::usage("cannot write the object").why(error.to_string()))?;
    let outcome = printed(&text);
    if !globals.quiet {
        for note in node_pool.notes() {
            ui::note(&format!("note: {note}\n"));
        }
    }
    Ok(outcome)
}

async fn open(globals: &Globals) -> Result<Connection, Failure> {
    let connection = Connection::open(&globals.kube_options()).await.map_err(source::refused)?;
    Ok(connection.with_observer(source::observer(globals.calls())))
}

/// The NodePool, judged against its HostedCluster.
async fn judged(connection: &Connection, spec: &NodePoolSpec) -> Result<NodePool, Failure> {
    let target = Target { namespace: spec.namespace.clone(), name: spec.cluster_name.clone() };
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
    let subnet = cluster.azure.subnet_id.as_str();
    let view = HostedClusterView {
        version: cluster.version.effective().map(str::to_owned),
        subnet_id: (!subnet.is_empty()).then(|| subnet.to_owned()),
        is_deleted: cluster.deleted_at.is_some(),
        release_image: cluster.release_image,
        payload_arch: cluster.payload_arch,
        paused_until: cluster.paused_until,
        releases: cluster.version.history.into_iter().map(|entry| (entry.image, entry.version)).collect(),
    };
    validate_node_pool(spec, &view).map_err(|refusals| refused::failure(&refusals))
}

/// What stands under the NodePool's name, and what the API server would make of it.
async fn look(connection: &Connection, node_pool: &NodePool) -> Result<Found, Failure> {
    let manifest = Manifest::new(node_pool.render());
    let (object, applied) = tokio::join!(connection.object(&manifest), connection.try_apply(&manifest));
    match (object.map_err(source::refused)?, applied) {
        (None, Ok(_)) => Ok(Found::Nothing),
        (Some(object), Ok(applied)) => Ok(Found::NodePool { object, applied: Ok(applied) }),
        (Some(object), Err(error @ (KubeError::Conflict { .. } | KubeError::Invalid { .. }))) => {
            Ok(Found::NodePool { object, applied: Err(error.to_string()) })
        }
        (_, Err(error)) => {
            let failure = source::refused(error);
            let what = format!("cannot create {manifest}: {}", failure.what);
            Err(Failure { what, ..failure })
        }
    }
}
