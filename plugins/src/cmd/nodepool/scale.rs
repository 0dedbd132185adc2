//! `nodepool scale`: another number of nodes.

use clap::Args;
use cloud::apply::{Hands, Stop};
use facts::Target;
use plan::node_pool_size::{self, Size};
use ui::Failure;

use crate::Ended;
use crate::cmd::block_on_until;
use crate::cmd::create::run::{self, Job, PlanArgs};
use crate::cmd::create::{name_of, namespace, refused};
use crate::cmd::upgrade::standing;
use crate::globals::Globals;

const EXAMPLES: &str = "\
Examples:
  kubectl hcp-azure nodepool scale prod-1 --replicas 5
  kubectl hcp-azure nodepool scale prod-1 -n clusters --replicas 0 --dry-run";

/// Give a NodePool another number of nodes
///
/// A NodePool that the autoscaler sizes is refused: it would undo the change.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ScaleArgs {
    /// Name of the NodePool
    #[arg(value_name = "NAME", num_args = 0..)]
    words: Vec<String>,
    /// Name of the NodePool
    #[arg(long)]
    name: Option<String>,
    /// Number of nodes
    #[arg(long, visible_alias = "node-count", value_name = "N", allow_negative_numbers = true)]
    replicas: i32,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(globals: &Globals, args: &ScaleArgs, program: &'static str) -> Ended {
    let name = name_of(args.name.clone(), &args.words)?;
    resize(globals, &name, Size::Fixed(args.replicas), ("--replicas", &args.plan), program)
}

/// Gives a NodePool a size. `flag` is the one that the API server's refusal is about.
pub(super) fn resize(
    globals: &Globals,
    name: &str,
    size: Size,
    (flag, plan_args): (&'static str, &PlanArgs),
    program: &'static str,
) -> Ended {
    if name.is_empty() {
        return Err(Failure::usage("--name is missing").hint("give the name of the NodePool: `--name prod-1`"));
    }
    size.check().map_err(|refusal| refused::failure(&[refusal]))?;
    run::consent(globals, plan_args)?;
    let stop = Stop::default();
    let namespace = namespace(globals);
    block_on_until(&stop, async {
        let connection = super::open(globals).await?;
        let work = async {
            let found = super::find(&connection, &namespace, name, program).await?;
            let step = node_pool_size::plan(&found.object, &found.pool, size, program)
                .map_err(|refusal| refused::failure(&[refusal]))?;
            let steps = vec![step];
            standing::tried(&connection, &steps, flag).await?;
            // That the cluster rests is worth a line, and no reason to fail when it cannot be seen.
            let target = Target { namespace: namespace.clone(), name: found.cluster_name.clone() };
            let cluster = connection.find_hosted_cluster(&target).await.ok().flatten();
            let paused = cluster.and_then(|cluster| cluster.paused_until);
            let notes = node_pool_size::notes(&found.pool, paused.as_deref(), size);
            Ok::<_, Failure>((found, steps, notes))
        };
        let (found, steps, notes) = run::unless_stopped(&stop, work).await?;
        let cluster_name = &found.cluster_name;
        let plan = run::plan_of(steps)?;
        let job = Job {
            globals,
            args: plan_args,
            plan: &plan,
            notes: if plan.is_done() { &[] } else { &notes },
            title: format!("NodePool {namespace}/{name} of HostedCluster {cluster_name}"),
            by: standing::by(&connection),
            hands: Hands { kubernetes: Some(&connection), ..Hands::default() },
            stop: &stop,
            name_to_type: None,
            next: format!(
                "next: `{program} nodepool list -n {namespace} --cluster-name {cluster_name}` shows its nodes come and go"
            ),
        };
        run::go(&job).await
    })
}
